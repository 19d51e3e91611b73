//! Rows: insert, upsert, delete, query, get.

use super::{Operation, Reply, is_zero, read};
use crate::values::columns::{Row, Rows};
use anyhow::Result;
use routes::{Route, entities as row};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// Inserts rows. The rows' text is sent as it is, so int64 stays exact.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Insert<'a> {
    /// Collection or alias.
    pub collection_name: &'a str,
    /// Absent: the default partition, or the partition key decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partition_name: Option<&'a str>,
    /// The rows, one JSON object each.
    pub data: &'a [Box<RawValue>],
}

/// Replaces rows by primary key, or adds them.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Upsert<'a> {
    /// Collection or alias.
    pub collection_name: &'a str,
    /// Absent: the default partition, or the partition key decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partition_name: Option<&'a str>,
    /// The rows, one JSON object each.
    pub data: &'a [Box<RawValue>],
    /// Fields that are left out keep their value (Milvus 2.6).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub partial_update: bool,
}

/// What a write did.
#[derive(Debug, PartialEq)]
pub struct Written {
    /// Rows that Milvus confirmed.
    pub count: u64,
    /// Their keys: numbers or text, as Milvus wrote them.
    pub ids: Vec<Value>,
}

impl Operation for Insert<'_> {
    type Answer = Written;

    fn route(&self) -> &'static Route {
        &row::INSERT
    }

    fn answer(&self, reply: Reply) -> Result<Written> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Inserted {
            insert_count: u64,
            #[serde(default)]
            insert_ids: Vec<Value>,
        }
        let inserted: Inserted = read(&reply.data, "an object with `insertCount`")?;
        Ok(Written {
            count: inserted.insert_count,
            ids: inserted.insert_ids,
        })
    }
}

impl Operation for Upsert<'_> {
    type Answer = Written;

    fn route(&self) -> &'static Route {
        &row::UPSERT
    }

    fn answer(&self, reply: Reply) -> Result<Written> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Upserted {
            upsert_count: u64,
            #[serde(default)]
            upsert_ids: Vec<Value>,
        }
        let upserted: Upserted = read(&reply.data, "an object with `upsertCount`")?;
        Ok(Written {
            count: upserted.upsert_count,
            ids: upserted.upsert_ids,
        })
    }
}

/// Deletes the rows that a filter names. Milvus v2 takes no ids here: they are written into the filter.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Delete {
    /// Collection or alias.
    pub collection_name: String,
    /// Absent: in every partition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partition_name: Option<String>,
    /// Which rows; never empty.
    pub filter: String,
    /// Values for the templates of `filter`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expr_params: Option<Map<String, Value>>,
}

impl Operation for Delete {
    /// Rows as Milvus counts them; servers before 2.4.17 do not say.
    type Answer = Option<u64>;

    fn route(&self) -> &'static Route {
        &row::DELETE
    }

    fn answer(&self, reply: Reply) -> Result<Option<u64>> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase", default)]
        #[derive(Default)]
        struct Deleted {
            delete_count: Option<u64>,
        }
        Ok(read::<Deleted>(&reply.data, "an object")?.delete_count)
    }
}

/// Reads the rows that a filter names.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Query {
    /// Collection or alias.
    pub collection_name: String,
    /// Empty: all partitions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub partition_names: Vec<String>,
    /// Which rows; empty: all, as far as the limit goes.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub filter: String,
    /// Values for the templates of `filter`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expr_params: Option<Map<String, Value>>,
    /// Absent: all stored fields.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub output_fields: Vec<String>,
    /// Absent: Milvus' 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Rows to skip.
    #[serde(skip_serializing_if = "is_zero")]
    pub offset: u32,
    /// Absent: the collection's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consistency_level: Option<&'static str>,
}

impl Operation for Query {
    type Answer = Vec<Row>;

    fn route(&self) -> &'static Route {
        &row::QUERY
    }

    fn answer(&self, reply: Reply) -> Result<Vec<Row>> {
        read(&reply.data, "a list of rows").map(|Rows(rows)| rows)
    }
}

/// Reads rows by int64 key, whatever the key field is called. Keys that are text never travel this way: Milvus pastes
/// them into a filter unescaped.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Get {
    /// Collection or alias.
    pub collection_name: String,
    /// Empty: all partitions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub partition_names: Vec<String>,
    /// The keys.
    pub id: Vec<i64>,
    /// Absent: all stored fields.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub output_fields: Vec<String>,
    /// Absent: the collection's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consistency_level: Option<&'static str>,
}

impl Operation for Get {
    type Answer = Vec<Row>;

    fn route(&self) -> &'static Route {
        &row::GET
    }

    fn answer(&self, reply: Reply) -> Result<Vec<Row>> {
        read(&reply.data, "a list of rows").map(|Rows(rows)| rows)
    }
}

/// The number in the one row that a query for `count(*)` answers.
///
/// # Errors
/// There is no such row, or no number in it.
pub fn counted(rows: &[Row]) -> Result<u64> {
    let [row] = rows else {
        anyhow::bail!("`data` has {} rows in place of one count", rows.len());
    };
    row.values()
        .next()
        .and_then(crate::values::int64::from_json)
        .and_then(|count| u64::try_from(count).ok())
        .ok_or_else(|| anyhow::anyhow!("`data` has no count"))
}
