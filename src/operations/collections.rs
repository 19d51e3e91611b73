//! Collections: list, has, describe, statistics, load state, create, load, release, drop.

use super::schema::{Description, NewSchema};
use super::{Done, Exists, Names};
use crate::values::filter::Identifier;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

operations! {
    /// The names of a database's collections, aliases not among them.
    ListCollections = collections::LIST => Names {}

    /// Whether a collection or alias of this name exists.
    HasCollection = collections::HAS => Exists {
        /// Collection or alias.
        collection_name: Identifier,
    }

    /// Schema, indexes, aliases, load state.
    DescribeCollection = collections::DESCRIBE => Description {
        /// Collection or alias.
        collection_name: Identifier,
    }

    /// Number of rows as the coordinator knows it: exact after a flush, deletes not subtracted.
    GetStats = collections::GET_STATS, not in v1: "statistics (but it can count)" => Stats {
        /// Collection or alias.
        collection_name: Identifier,
    }

    /// Whether a collection, or some of its partitions, can be searched.
    GetLoadState = collections::GET_LOAD_STATE => LoadState {
        /// Collection or alias.
        collection_name: Identifier,
        /// Empty: the whole collection.
        partition_names: Vec<String>,
    }

    CreateCollection = collections::CREATE => Done;

    /// Drops a collection with all its rows. Milvus answers success for one that does not exist.
    DropCollection = collections::DROP => Done {
        /// Collection or alias.
        collection_name: Identifier,
    }

    /// Asks to load a collection; the load itself goes on in the background.
    LoadCollection = collections::LOAD, not in v1: "load (its collections are loaded as they are created)" => Done {
        /// Collection or alias.
        collection_name: Identifier,
    }

    /// Takes a collection out of memory: it cannot be searched until it is loaded again.
    ReleaseCollection = collections::RELEASE, not in v1: "release" => Done {
        /// Collection or alias.
        collection_name: Identifier,
    }
}

answers! {
    Description: "a description of a collection",
    Stats: "an object with `rowCount`",
    LoadState: "an object with `loadState`",
}

/// A number of rows.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stats {
    /// The number.
    #[serde(deserialize_with = "super::schema::int64")]
    pub row_count: i64,
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

/// Creates a collection: in the quick form from a dimension, or from a schema.
///
/// The quick form indexes and loads; the schema form does so only with `index_params`. If an index or the load fails
/// the collection stays (`handler_v2.go: createCollection`).
#[derive(Debug, Default, Serialize)]
#[cfg_attr(test, derive(Deserialize))]
#[serde(rename_all = "camelCase", default)]
pub struct CreateCollection {
    /// Name of the new collection.
    pub collection_name: Identifier,
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
#[cfg_attr(test, derive(Deserialize))]
#[serde(rename_all = "camelCase", default)]
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
