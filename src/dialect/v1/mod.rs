//! REST v1: `/v1/vector/…`, the only dialect of Milvus 2.2.9 to 2.3.12.
//!
//! What was seen on Milvus 2.3.5 and stands in `httpserver/handler_v1.go`: keys that a handler does not know are
//! ignored, so nothing is sent that v1 would drop in silence; it is refused here as `unsupported`, with the version that
//! can. Its `GET`s take their keys from the query. Hits call the key `id`, whatever its field is called. Inserts cast
//! what they can and drop what they cannot: see [`rows`].

pub mod rows;

mod description;

use super::{Encoded, body};
use crate::contract::types::{CollectionSchema, Error, ErrorKind};
use crate::operations::collections::{
    CreateCollection, DescribeCollection, DropCollection, GetLoadState, HasCollection,
    ListCollections,
};
use crate::operations::entities::{Delete, Get, Insert, Query, Upsert};
use crate::operations::search::Search;
use crate::operations::{NotInV1, Operation, Reply, is_zero};
use crate::values::json::{Members, raw};
use crate::values::{columns, filter};
use anyhow::Context as _;
use routes::{Route, v1 as row};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use std::fmt;

/// Metrics of the float vectors that v1 makes. Another name is answered with an error (or, for `HAMMING`, with success)
/// and leaves a collection behind that cannot be searched.
const METRICS: [&str; 3] = ["COSINE", "L2", "IP"];

/// What a query answers as a count. It has to go without a limit, which v1 spells 0.
const COUNT: &str = "count(*)";

/// An operation as v1 has it.
pub trait InV1 {
    /// Its request.
    ///
    /// # Errors
    /// `unsupported` for what v1 lacks, naming the version that has it; `invalid-argument` for what v1 takes for
    /// something else.
    fn request(&self, database: Option<&str>) -> Result<Encoded, Error>;

    /// The collection by whose schema it has to be [fitted](Self::fitted) before it is sent.
    ///
    /// # Errors
    /// `unsupported` for what v1 lacks: then no schema is looked up.
    fn fits_by(&self) -> Result<Option<&str>, Error> {
        Ok(None)
    }

    /// The same operation, as v1 takes it for this collection. `None`: as it is.
    ///
    /// # Errors
    /// `invalid-argument` for what v1 would take for something else.
    fn fitted(&self, _: &CollectionSchema) -> Result<Option<Self>, Error>
    where
        Self: Sized,
    {
        Ok(None)
    }

    /// v1's answer in the form that v2 gives it.
    ///
    /// # Errors
    /// The answer is not what v1 promises.
    fn reply(&self, reply: Reply) -> anyhow::Result<Reply> {
        Ok(reply)
    }

    /// What Milvus' error means here: an answer, where v2 would give one.
    ///
    /// # Errors
    /// The same error, unless it is an answer.
    fn refused(&self, error: Error) -> Result<Reply, Error> {
        Err(error)
    }
}

/// `unsupported`: v1 has no `what`, v2 has it since `since`.
fn lacks(what: impl fmt::Display, since: impl fmt::Display) -> Error {
    Error::new(
        ErrorKind::Unsupported,
        format!(
            "REST v1, the dialect of this server, has no {what}: that takes REST v2 of Milvus {since} or later"
        ),
    )
}

/// The version that has `key` of `route`.
fn since(route: &Route, key: &str) -> routes::Version {
    let key = route.key(key).and_then(|key| key.since);
    key.unwrap_or(route.since).max(route.since)
}

/// `unsupported` if `key` of v2's `route` was given.
fn refuse_key(given: bool, what: &str, route: &Route, key: &str) -> Result<(), Error> {
    if given {
        return Err(lacks(what, since(route, key)));
    }
    Ok(())
}

fn post(
    route: &'static Route,
    keys: &impl Serialize,
    database: Option<&str>,
) -> Result<Encoded, Error> {
    Ok(Encoded {
        route,
        query: None,
        body: body(keys, database)?,
    })
}

/// A `GET`. Names stand in its query unescaped: Milvus' own have no character that needs it.
fn get(route: &'static Route, keys: &[(&'static str, Option<&str>)]) -> Result<Encoded, Error> {
    let mut pairs = Vec::new();
    for (key, value) in keys {
        let Some(value) = value else { continue };
        if value.contains('$') || !filter::is_identifier(value) {
            return Err(Error::invalid(
                *key,
                "expected letters, digits and underscores: REST v1 takes the name in a query",
            ));
        }
        pairs.push(format!("{key}={value}"));
    }
    Ok(Encoded {
        route,
        query: (!pairs.is_empty()).then(|| pairs.join("&")),
        body: Vec::new(),
    })
}

fn describe(collection_name: &str, database: Option<&str>) -> Result<Encoded, Error> {
    get(
        &row::COLLECTIONS_DESCRIBE,
        &[
            ("collectionName", Some(collection_name)),
            ("dbName", database),
        ],
    )
}

fn answer(data: &Value) -> Reply {
    Reply {
        data: raw(data),
        beside: Members::default(),
    }
}

impl InV1 for ListCollections {
    fn request(&self, database: Option<&str>) -> Result<Encoded, Error> {
        get(&row::COLLECTIONS_LIST, &[("dbName", database)])
    }
}

impl InV1 for HasCollection {
    fn request(&self, database: Option<&str>) -> Result<Encoded, Error> {
        describe(&self.collection_name, database)
    }

    fn reply(&self, _: Reply) -> anyhow::Result<Reply> {
        Ok(answer(&json!({"has": true})))
    }

    fn refused(&self, error: Error) -> Result<Reply, Error> {
        match error.milvus_code {
            Some(100) => Ok(answer(&json!({"has": false}))),
            _ => Err(error),
        }
    }
}

impl InV1 for DescribeCollection {
    fn request(&self, database: Option<&str>) -> Result<Encoded, Error> {
        describe(&self.collection_name, database)
    }

    fn reply(&self, reply: Reply) -> anyhow::Result<Reply> {
        description::as_v2(&reply.data).map(|data| answer(&data))
    }
}

impl InV1 for GetLoadState {
    fn request(&self, database: Option<&str>) -> Result<Encoded, Error> {
        let given = !self.partition_names.is_empty();
        refuse_key(given, "partitions", Self::ROUTE, "partitionNames")?;
        describe(&self.collection_name, database)
    }

    fn reply(&self, reply: Reply) -> anyhow::Result<Reply> {
        let described: Value = serde_json::from_str(reply.data.get())?;
        let state = described["load"].as_str().context("`data` has no `load`")?;
        Ok(answer(&json!({"loadState": state})))
    }
}

impl<O: NotInV1> InV1 for O {
    fn request(&self, _: Option<&str>) -> Result<Encoded, Error> {
        Err(lacks(O::LACKS, O::ROUTE.since))
    }
}

impl InV1 for CreateCollection {
    fn request(&self, database: Option<&str>) -> Result<Encoded, Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Create<'a> {
            collection_name: &'a str,
            dimension: u32,
            metric_type: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            primary_field: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            vector_field: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            description: Option<&'a str>,
            enable_dynamic_field: bool,
        }
        let v2 = Self::ROUTE;
        let schema = self.schema.is_some() || !self.index_params.is_empty();
        refuse_key(schema, "schemas and indexes of one's own", v2, "schema")?;
        for name in self.params.keys() {
            let known = name == "enableDynamicField";
            refuse_key(!known, &format!("`{name}`"), v2, "params")?;
        }
        let varchar = self.id_type.as_deref().is_some_and(|kind| kind != "Int64");
        refuse_key(varchar, "keys but Int64", v2, "idType")?;
        if self.auto_id != Some(true) {
            let what = "keys of the caller's own (give `auto_id: true`, and Milvus makes them)";
            return Err(Error {
                argument: Some("auto_id".to_owned()),
                ..lacks(what, since(v2, "autoID"))
            });
        }
        let Some(dimension) = self.dimension else {
            return Err(Error::invalid("dimension", "expected a number, came none"));
        };
        // v1's own default is L2; what is left out means the same in both dialects.
        let metric_type = self.metric_type.as_deref().unwrap_or(METRICS[0]);
        if !METRICS.contains(&metric_type) {
            return Err(Error::invalid(
                "metric_type",
                format_args!("expected one of {}", METRICS.join(", ")),
            ));
        }
        let dynamic = self.params.get("enableDynamicField");
        let create = Create {
            collection_name: &self.collection_name,
            dimension,
            metric_type,
            primary_field: self.primary_field_name.as_deref(),
            vector_field: self.vector_field_name.as_deref(),
            description: self.description.as_deref(),
            enable_dynamic_field: dynamic.is_none_or(|given| *given == Value::Bool(true)),
        };
        post(&row::COLLECTIONS_CREATE, &create, database)
    }
}

impl InV1 for DropCollection {
    fn request(&self, database: Option<&str>) -> Result<Encoded, Error> {
        post(&row::COLLECTIONS_DROP, self, database)
    }
}

/// Rows on their way in.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rows<'a> {
    collection_name: &'a str,
    data: &'a [Box<RawValue>],
}

impl InV1 for Insert<'_> {
    fn request(&self, database: Option<&str>) -> Result<Encoded, Error> {
        let given = self.partition_name.is_some();
        refuse_key(given, "partitions", Self::ROUTE, "partitionName")?;
        let rows = Rows {
            collection_name: self.collection_name,
            data: self.data,
        };
        post(&row::INSERT, &rows, database)
    }

    fn fits_by(&self) -> Result<Option<&str>, Error> {
        self.request(None)?;
        Ok(Some(self.collection_name))
    }

    fn fitted(&self, schema: &CollectionSchema) -> Result<Option<Self>, Error> {
        rows::check(self.data, schema).map(|()| None)
    }
}

impl InV1 for Upsert<'_> {
    fn request(&self, database: Option<&str>) -> Result<Encoded, Error> {
        let v2 = Self::ROUTE;
        let given = self.partition_name.is_some();
        refuse_key(given, "partitions", v2, "partitionName")?;
        refuse_key(self.partial_update, "partial update", v2, "partialUpdate")?;
        let rows = Rows {
            collection_name: self.collection_name,
            data: self.data,
        };
        post(&row::UPSERT, &rows, database)
    }

    fn fits_by(&self) -> Result<Option<&str>, Error> {
        self.request(None)?;
        Ok(Some(self.collection_name))
    }

    fn fitted(&self, schema: &CollectionSchema) -> Result<Option<Self>, Error> {
        rows::check(self.data, schema).map(|()| None)
    }
}

impl InV1 for Delete {
    fn request(&self, database: Option<&str>) -> Result<Encoded, Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Keys<'a> {
            collection_name: &'a str,
            filter: &'a str,
        }
        let v2 = Self::ROUTE;
        let given = self.partition_name.is_some();
        refuse_key(given, "partitions", v2, "partitionName")?;
        refuse_templates(self.expr_params.as_ref(), v2)?;
        let keys = Keys {
            collection_name: &self.collection_name,
            filter: &self.filter,
        };
        post(&row::DELETE, &keys, database)
    }
}

fn refuse_templates(templates: Option<&Map<String, Value>>, v2: &Route) -> Result<(), Error> {
    refuse_key(
        templates.is_some(),
        "templates in filters",
        v2,
        "exprParams",
    )
}

impl InV1 for Query {
    fn request(&self, database: Option<&str>) -> Result<Encoded, Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Keys<'a> {
            collection_name: &'a str,
            filter: &'a str,
            #[serde(skip_serializing_if = "<[String]>::is_empty")]
            output_fields: &'a [String],
            #[serde(skip_serializing_if = "Option::is_none")]
            limit: Option<u32>,
            #[serde(skip_serializing_if = "is_zero")]
            offset: u32,
        }
        let v2 = Self::ROUTE;
        let partitions = !self.partition_names.is_empty();
        refuse_key(partitions, "partitions", v2, "partitionNames")?;
        refuse_templates(self.expr_params.as_ref(), v2)?;
        refuse_level(self.consistency_level, v2)?;
        let keys = Keys {
            collection_name: &self.collection_name,
            filter: &self.filter,
            output_fields: &self.output_fields,
            limit: if self.output_fields == [COUNT] {
                Some(0)
            } else {
                self.limit
            },
            offset: self.offset,
        };
        post(&row::QUERY, &keys, database)
    }

    fn fits_by(&self) -> Result<Option<&str>, Error> {
        Ok(self.filter.is_empty().then_some(&self.collection_name))
    }

    /// v1 takes no empty filter: one that every row passes stands for it. The smallest int64 cannot be written as a number.
    fn fitted(&self, schema: &CollectionSchema) -> Result<Option<Self>, Error> {
        let key = columns::primary_key(schema).map_err(|cause| Error::protocol(&cause))?;
        let filter = if key.data_type == "VarChar" {
            format!("{} >= \"\"", key.name)
        } else {
            let most = i64::MAX;
            format!("{0} >= -{most} or {0} < -{most}", key.name)
        };
        Ok(Some(Self {
            filter,
            ..self.clone()
        }))
    }
}

fn refuse_level(level: Option<&str>, v2: &Route) -> Result<(), Error> {
    refuse_key(
        level.is_some(),
        "consistency levels",
        v2,
        "consistencyLevel",
    )
}

impl InV1 for Get {
    fn request(&self, database: Option<&str>) -> Result<Encoded, Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Keys<'a> {
            collection_name: &'a str,
            id: &'a [i64],
            #[serde(skip_serializing_if = "<[String]>::is_empty")]
            output_fields: &'a [String],
        }
        let v2 = Self::ROUTE;
        let partitions = !self.partition_names.is_empty();
        refuse_key(partitions, "partitions", v2, "partitionNames")?;
        refuse_level(self.consistency_level, v2)?;
        let keys = Keys {
            collection_name: &self.collection_name,
            id: &self.id,
            output_fields: &self.output_fields,
        };
        post(&row::GET, &keys, database)
    }
}

impl InV1 for Search {
    fn request(&self, database: Option<&str>) -> Result<Encoded, Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Keys<'a> {
            collection_name: &'a str,
            vector: &'a RawValue,
            #[serde(skip_serializing_if = "str::is_empty")]
            filter: &'a str,
            limit: u32,
            #[serde(skip_serializing_if = "is_zero")]
            offset: u32,
            #[serde(skip_serializing_if = "<[String]>::is_empty")]
            output_fields: &'a [String],
            #[serde(skip_serializing_if = "Map::is_empty")]
            params: &'a Map<String, Value>,
        }
        let v2 = Self::ROUTE;
        refuse_key(!self.ids.is_empty(), "search by keys", v2, "ids")?;
        let partitions = !self.partition_names.is_empty();
        refuse_key(partitions, "partitions", v2, "partitionNames")?;
        refuse_templates(self.expr_params.as_ref(), v2)?;
        refuse_level(self.consistency_level, v2)?;
        let grouped = self.grouping_field.is_some();
        refuse_key(grouped, "grouping", v2, "groupingField")?;
        let scored = self.function_score.is_some();
        refuse_key(scored, "score functions", v2, "functionScore")?;
        for name in self.search_params.keys() {
            let known = name == "radius" || name == "range_filter";
            let what = format!("search parameter `{name}` (only `radius` and `range_filter`)");
            refuse_key(!known, &what, v2, "searchParams")?;
        }
        let [vector] = self.data.as_slice() else {
            let cause = anyhow::anyhow!("v1 takes one query a request, came {}", self.data.len());
            return Err(Error::protocol(&cause));
        };
        // Sparse vectors came with 2.4.0, texts with 2.5.0; binary vectors v1 cannot search.
        refuse_key(
            !vector.get().starts_with('['),
            "queries but float vectors",
            v2,
            "data",
        )?;
        let keys = Keys {
            collection_name: &self.collection_name,
            vector,
            filter: &self.filter,
            limit: self.limit,
            offset: self.offset,
            output_fields: &self.output_fields,
            params: &self.search_params,
        };
        post(&row::SEARCH, &keys, database)
    }

    fn fits_by(&self) -> Result<Option<&str>, Error> {
        Ok(self.anns_field.as_ref().map(|_| &*self.collection_name))
    }

    /// v1 has no key for the vector field: it searches the only one, and where another is named it would search that.
    fn fitted(&self, schema: &CollectionSchema) -> Result<Option<Self>, Error> {
        let vectors = columns::vector_fields(schema);
        let named = self.anns_field.as_deref().unwrap_or_default();
        if vectors.iter().any(|field| field.name == named) {
            return Ok(None);
        }
        Err(Error::invalid(
            "anns_field",
            format_args!("expected {}", columns::names(&vectors)),
        ))
    }
}

#[cfg(test)]
mod tests;
