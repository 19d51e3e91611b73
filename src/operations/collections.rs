//! Collections: list, has, describe, statistics, load state, create, load, release, drop.

use super::schema::{Description, NewSchema};
use super::{Done, Operation, Reply, read};
use anyhow::Result;
use routes::{Route, collections as row};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The names of a database's collections, aliases not among them.
#[derive(Debug, Serialize)]
pub struct ListCollections {}

impl Operation for ListCollections {
    type Answer = Vec<String>;

    fn route(&self) -> &'static Route {
        &row::LIST
    }

    fn answer(&self, reply: Reply) -> Result<Vec<String>> {
        read(&reply.data, "a list of names")
    }
}

/// An operation whose request is a collection's name and nothing else.
macro_rules! by_name {
    ($(#[$doc:meta])* $name:ident, $row:ident, $answer:ty, $read:expr) => {
        $(#[$doc])*
        #[derive(Debug, Serialize)]
        #[serde(rename_all = "camelCase")]
        pub struct $name {
            /// Collection or alias.
            pub collection_name: String,
        }

        impl Operation for $name {
            type Answer = $answer;

            fn route(&self) -> &'static Route {
                &row::$row
            }

            fn answer(&self, reply: Reply) -> Result<$answer> {
                let read: fn(Reply) -> Result<$answer> = $read;
                read(reply)
            }
        }
    };
}

by_name!(
    /// Whether a collection or alias of this name exists.
    HasCollection, HAS, bool,
    |reply| Ok(read::<Has>(&reply.data, "an object with `has`")?.has)
);
by_name!(
    /// Schema, indexes, aliases, load state.
    DescribeCollection, DESCRIBE, Description,
    |reply| read(&reply.data, "a description of a collection")
);
by_name!(
    /// Number of rows as the coordinator knows it: exact after a flush, deletes not subtracted.
    GetStats, GET_STATS, i64,
    |reply| Ok(read::<Stats>(&reply.data, "an object with `rowCount`")?.row_count)
);
by_name!(
    /// Drops a collection with all its rows. Milvus answers success for one that does not exist.
    DropCollection, DROP, Done, |_| Ok(Done)
);
by_name!(
    /// Asks to load a collection; the load itself goes on in the background.
    LoadCollection, LOAD, Done, |_| Ok(Done)
);
by_name!(
    /// Takes a collection out of memory: it cannot be searched until it is loaded again.
    ReleaseCollection, RELEASE, Done, |_| Ok(Done)
);

#[derive(Deserialize)]
struct Has {
    has: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stats {
    #[serde(deserialize_with = "super::schema::int64")]
    row_count: i64,
}

/// Whether a collection, or some of its partitions, can be searched.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GetLoadState {
    /// Collection or alias.
    pub collection_name: String,
    /// Empty: the whole collection.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub partition_names: Vec<String>,
}

/// A load state.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LoadState {
    /// `LoadStateNotExist`, `LoadStateNotLoad`, `LoadStateLoading` or `LoadStateLoaded`.
    pub load_state: String,
    /// Percent; -1 while unknown, absent if nothing is loaded.
    pub load_progress: Option<i64>,
}

impl Operation for GetLoadState {
    type Answer = LoadState;

    fn route(&self) -> &'static Route {
        &row::GET_LOAD_STATE
    }

    fn answer(&self, reply: Reply) -> Result<LoadState> {
        read(&reply.data, "an object with `loadState`")
    }
}

/// Creates a collection: in the quick form from a dimension, or from a schema.
///
/// The quick form indexes and loads; the schema form does so only with `index_params`. If an index or the load fails
/// the collection stays (`handler_v2.go: createCollection`).
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateCollection {
    /// Name of the new collection.
    pub collection_name: String,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Quick form: dimension of the vector field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dimension: Option<u32>,
    /// Quick form: `Int64` or `VarChar`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_type: Option<String>,
    /// Quick form: Milvus makes the keys.
    #[serde(rename = "autoID", skip_serializing_if = "Option::is_none")]
    pub auto_id: Option<bool>,
    /// Quick form: `COSINE` if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric_type: Option<String>,
    /// Quick form: `id` if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub primary_field_name: Option<String>,
    /// Quick form: `vector` if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vector_field_name: Option<String>,
    /// Schema form: fields and functions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema: Option<NewSchema>,
    /// Schema form: indexes to make; then the collection is loaded.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub index_params: Vec<IndexParams>,
    /// `shardsNum`, `partitionsNum`, `consistencyLevel`, `ttlSeconds`, `enableDynamicField`, `max_length`.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub params: Map<String, Value>,
}

/// An index to be made.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IndexParams {
    /// The field.
    pub field_name: String,
    /// The field's name if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index_name: Option<String>,
    /// `AUTOINDEX` if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index_type: Option<String>,
    /// `COSINE`, `L2`, `IP`, `BM25`, ...
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric_type: Option<String>,
    /// Parameters of the index, such as `M` and `efConstruction`.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub params: Map<String, Value>,
}

impl Operation for CreateCollection {
    type Answer = Done;

    fn route(&self) -> &'static Route {
        &row::CREATE
    }

    fn answer(&self, _: Reply) -> Result<Done> {
        Ok(Done)
    }
}
