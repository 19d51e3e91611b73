//! Rows: insert, upsert, delete, query, get.

use super::is_zero;
use crate::values::columns::{Row, Rows};
use crate::values::filter::Identifier;
use anyhow::Result;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

operations! {
    Insert<'_> = entities::INSERT => Written;
    Upsert<'_> = entities::UPSERT => Written;
    Delete = entities::DELETE => Deleted;
    Query = entities::QUERY => Rows;
    Get = entities::GET => Rows;
}

answers! {
    Written: "an object with `insertCount` or `upsertCount`",
    Deleted: "an object",
    Rows: "a list of rows",
}

/// What a write did.
#[derive(Debug, PartialEq, Deserialize)]
pub struct Written {
    /// Rows that Milvus confirmed.
    #[serde(alias = "insertCount", alias = "upsertCount")]
    pub count: u64,
    /// Their keys: numbers or text, as Milvus wrote them.
    #[serde(alias = "insertIds", alias = "upsertIds", default)]
    pub ids: Vec<Value>,
}

/// What a delete did.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Deleted {
    /// Rows as Milvus counts them; servers before 2.4.17 do not say.
    pub delete_count: Option<u64>,
}

/// Inserts rows. The rows' text is sent as it is, so int64 stays exact.
#[derive(Debug, Clone, Default, Serialize)]
#[cfg_attr(test, derive(Deserialize))]
#[serde(rename_all = "camelCase", default)]
pub struct Insert<'a> {
    /// Collection or alias.
    pub collection_name: &'a str,
    /// Absent: the default partition, or the partition key decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partition_name: Option<&'a str>,
    /// The rows, one JSON object each.
    #[cfg_attr(test, serde(deserialize_with = "leaked"))]
    pub data: &'a [Box<RawValue>],
}

/// Replaces rows by primary key, or adds them.
#[derive(Debug, Clone, Default, Serialize)]
#[cfg_attr(test, derive(Deserialize))]
#[serde(rename_all = "camelCase", default)]
pub struct Upsert<'a> {
    /// Collection or alias.
    pub collection_name: &'a str,
    /// Absent: the default partition, or the partition key decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partition_name: Option<&'a str>,
    /// The rows, one JSON object each.
    #[cfg_attr(test, serde(deserialize_with = "leaked"))]
    pub data: &'a [Box<RawValue>],
    /// Fields that are left out keep their value (Milvus 2.6).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub partial_update: bool,
}

/// Deletes the rows that a filter names. Milvus v2 takes no ids here: they are written into the filter.
#[derive(Debug, Default, Serialize)]
#[cfg_attr(test, derive(Deserialize))]
#[serde(rename_all = "camelCase", default)]
pub struct Delete {
    /// Collection or alias.
    pub collection_name: Identifier,
    /// Absent: in every partition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partition_name: Option<String>,
    /// Which rows; never empty.
    pub filter: String,
    /// Values for the templates of `filter`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expr_params: Option<Map<String, Value>>,
}

/// Reads the rows that a filter names.
#[derive(Debug, Clone, Default, Serialize)]
#[cfg_attr(test, derive(Deserialize))]
#[serde(rename_all = "camelCase", default)]
pub struct Query {
    /// Collection or alias.
    pub collection_name: Identifier,
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

/// Reads rows by int64 key, whatever the key field is called. Keys that are text never travel this way: Milvus pastes
/// them into a filter unescaped.
#[derive(Debug, Default, Serialize)]
#[cfg_attr(test, derive(Deserialize))]
#[serde(rename_all = "camelCase", default)]
pub struct Get {
    /// Collection or alias.
    pub collection_name: Identifier,
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

/// Rows that outlive a test.
#[cfg(test)]
fn leaked<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<&'static [Box<RawValue>], D::Error> {
    Vec::deserialize(deserializer).map(|rows| &*Vec::leak(rows))
}
