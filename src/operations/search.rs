//! Nearest neighbours: search and hybrid search, and how their flat answers divide.

use super::{Answer, Reply, is_zero, read};
use crate::values::columns::{Row, Rows};
use crate::values::filter::Identifier;
use crate::values::json::Members;
use anyhow::{Context, Result, bail};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

operations! {
    Search = entities::SEARCH => Hits;
    HybridSearch = entities::HYBRID_SEARCH, not in v1: "hybrid search" => Hits;
}

/// The member of a hit that holds its distance or score, whatever the metric.
pub const DISTANCE: &str = "distance";

/// The largest number of searches in a hybrid search (`proxy/task_search.go`).
pub const MAX_SUB_SEARCHES: usize = 1_024;

/// Searches by one vector field.
#[derive(Debug, Clone, Default, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
#[serde(rename_all = "camelCase", default)]
pub struct Search {
    /// Collection or alias.
    pub collection_name: Identifier,
    /// The queries: vectors or texts. Empty if `ids` is given.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub data: Vec<Box<RawValue>>,
    /// Keys of stored rows whose vectors are the queries (Milvus 2.6.11), as text: numbers pass through a double.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<String>,
    /// Needed with several vector fields.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub anns_field: Option<String>,
    /// Empty: all partitions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub partition_names: Vec<String>,
    /// Which rows to look at; empty: all.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub filter: String,
    /// Values for the templates of `filter`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expr_params: Option<Map<String, Value>>,
    /// Hits for each query.
    pub limit: u32,
    /// Hits to skip for each query.
    #[serde(skip_serializing_if = "is_zero")]
    pub offset: u32,
    /// Fields to answer with each hit.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub output_fields: Vec<String>,
    /// `metric_type`, `radius`, `range_filter`, `level` and the index's own.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub search_params: Map<String, Value>,
    /// At most `group_size` hits for each value of this field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grouping_field: Option<String>,
    /// Milvus' default is 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_size: Option<u32>,
    /// Whether every group has to be filled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strict_group_size: Option<bool>,
    /// Absent: the collection's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consistency_level: Option<&'static str>,
    /// Score functions (Milvus 2.6).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function_score: Option<Map<String, Value>>,
}

/// What hits are grouped by: the field, the hits of a group, whether each group has to be filled.
pub type Grouping = (Option<String>, Option<u32>, Option<bool>);

/// One search of a hybrid search. Its parameters stand under `params`, unlike a plain search's, and its `limit` has
/// no default (`handler_v2.go: advancedSearch`).
#[derive(Debug, Clone, Default, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
#[serde(rename_all = "camelCase", default)]
pub struct SubSearch {
    /// The query.
    pub data: Vec<Box<RawValue>>,
    /// Vector field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub anns_field: Option<String>,
    /// Which rows to look at; empty: all.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub filter: String,
    /// Values for the templates of `filter`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expr_params: Option<Map<String, Value>>,
    /// Hits of this search.
    pub limit: u32,
    /// Hits of this search to skip.
    #[serde(skip_serializing_if = "is_zero")]
    pub offset: u32,
    /// `metric_type`, `radius`, `range_filter` and the index's own.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub params: Map<String, Value>,
    /// Further keys.
    #[serde(flatten, skip_deserializing)]
    pub extra: Members,
}

impl SubSearch {
    /// The keys that it has itself.
    pub const KEYS: [&str; 7] = [
        "data",
        "annsField",
        "filter",
        "exprParams",
        "limit",
        "offset",
        "params",
    ];
}

/// Searches by several vector fields and joins the hits.
#[derive(Debug, Clone, Default, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
#[serde(rename_all = "camelCase", default)]
pub struct HybridSearch {
    /// Collection or alias.
    pub collection_name: Identifier,
    /// Empty: all partitions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub partition_names: Vec<String>,
    /// The searches.
    pub search: Vec<SubSearch>,
    /// How the hits are joined; absent only where `function_score` does it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rerank: Option<Rerank>,
    /// Hits in all.
    pub limit: u32,
    /// Hits to skip.
    #[serde(skip_serializing_if = "is_zero")]
    pub offset: u32,
    /// Fields to answer with each hit.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub output_fields: Vec<String>,
    /// At most `group_size` hits for each value of this field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grouping_field: Option<String>,
    /// Milvus' default is 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_size: Option<u32>,
    /// Whether every group has to be filled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strict_group_size: Option<bool>,
    /// Absent: the collection's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consistency_level: Option<&'static str>,
    /// Score functions (Milvus 2.6).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function_score: Option<Map<String, Value>>,
}

/// A strategy and its parameters.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
pub struct Rerank {
    /// `rrf`, `weighted`, or another name that Milvus knows.
    pub strategy: String,
    /// `k`, `weights`, `norm_score`.
    pub params: Map<String, Value>,
}

/// Hits of all queries in one row, as Milvus answers them.
#[derive(Debug)]
pub struct Hits {
    /// Key, distance and output fields of each hit.
    pub rows: Vec<Row>,
    /// How they divide, one number a query, where the server says so.
    pub topks: Option<Vec<u64>>,
}

impl Answer for Hits {
    fn read(reply: Reply) -> Result<Self> {
        Ok(Self {
            rows: read::<Rows>(&reply.data, "a list of hits")?.0,
            // Servers before 2.5.5 do not say.
            topks: match reply.beside.get("topks") {
                Some(topks) => {
                    serde_json::from_str(topks.get()).context("`topks` is no list of numbers")?
                }
                None => None,
            },
        })
    }
}

impl Hits {
    /// How many hits each of `queries` queries has, or `None` if the answer does not tell: a server before 2.5.5
    /// sends no `topks`, and then only full answers (`queries x limit` hits) divide without doubt.
    ///
    /// # Errors
    /// `topks` does not fit the queries or the hits.
    pub fn divide(&self, queries: usize, limit: u32) -> Result<Option<Vec<u32>>> {
        if let Some(topks) = &self.topks {
            let sum: u64 = topks.iter().sum();
            if topks.len() != queries || sum != self.rows.len() as u64 {
                bail!(
                    "`topks` does not fit {queries} queries and {} hits",
                    self.rows.len()
                );
            }
            let counts = topks.iter().map(|count| Ok(u32::try_from(*count)?));
            return counts.collect::<Result<_>>().map(Some);
        }
        if self.rows.is_empty() {
            return Ok(Some(vec![0; queries]));
        }
        if queries == 1 {
            return Ok(Some(vec![u32::try_from(self.rows.len())?]));
        }
        Ok((self.rows.len() == queries * limit as usize).then(|| vec![limit; queries]))
    }

    /// The member that holds the hits' primary key, or `None` if the rows do not tell.
    ///
    /// It is `id` up to 2.5.14, the key field's own name from 2.5.16 (issue 43595 of milvus-io/milvus). Where exactly
    /// one member was not asked for, it is the key; where every stored field was asked for, only the schema tells.
    pub fn key_member(&self, output_fields: &[String]) -> Option<String> {
        let first = self.rows.first()?;
        if output_fields
            .iter()
            .any(|field| field == "*" || field == "$meta")
        {
            return None;
        }
        let mut extra = first
            .keys()
            .filter(|name| *name != DISTANCE && !output_fields.contains(name));
        match (extra.next(), extra.next()) {
            (Some(only), None) => Some(only.clone()),
            _ => None,
        }
    }
}

/// A hit, taken apart.
#[derive(Debug, PartialEq)]
pub struct Hit {
    /// Primary key: number or text, as Milvus wrote it.
    pub id: Value,
    /// Distance or score.
    pub distance: f64,
    /// The output fields.
    pub entity: Row,
}

/// Takes a hit apart. `member` holds the key; `key` is the key field's own name where it is known, so that it stays
/// among the output fields if it was asked for.
///
/// # Errors
/// Key or distance is missing.
pub fn take_apart(mut row: Row, member: &str, output_fields: &[String]) -> Result<Hit> {
    let distance = row
        .remove(DISTANCE)
        .as_ref()
        .and_then(Value::as_f64)
        .context("a hit has no distance")?;
    let asked_for = output_fields
        .iter()
        .any(|field| field == member || field == "*");
    let id = if asked_for {
        row.get(member).cloned()
    } else {
        row.remove(member)
    };
    let id = id.context("a hit has no primary key")?;
    Ok(Hit {
        id,
        distance,
        entity: row,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn answer(rows: Value, topks: Option<Vec<u64>>) -> Hits {
        Hits {
            rows: serde_json::from_value(rows).unwrap(),
            topks,
        }
    }

    #[test]
    fn hits_divide_as_topks_says() {
        let hits = answer(json!([{"id": 1}, {"id": 2}, {"id": 3}]), Some(vec![1, 2]));
        assert_eq!(hits.divide(2, 5).unwrap(), Some(vec![1, 2]));
        assert!(hits.divide(3, 5).is_err(), "a lying count is an error");
    }

    #[test]
    fn without_topks_only_full_answers_divide() {
        let full = answer(json!([{"id": 1}, {"id": 2}]), None);
        assert_eq!(full.divide(2, 1).unwrap(), Some(vec![1, 1]));
        assert_eq!(full.divide(2, 5).unwrap(), None);
        assert_eq!(full.divide(1, 5).unwrap(), Some(vec![2]));
    }

    #[test]
    fn the_key_is_found_under_id_and_under_its_own_name() {
        let old = answer(json!([{"id": 1, "distance": 0.5, "word": "a"}]), None);
        assert_eq!(old.key_member(&["word".into()]).as_deref(), Some("id"));
        let new = answer(json!([{"pk": 1, "distance": 0.5}]), None);
        assert_eq!(new.key_member(&[]).as_deref(), Some("pk"));
    }

    #[test]
    fn the_key_is_not_guessed_where_every_field_was_asked_for() {
        let hits = answer(json!([{"pk": 1, "distance": 0.5, "word": "a"}]), None);
        assert_eq!(hits.key_member(&["*".into()]), None);
        assert_eq!(hits.key_member(&["pk".into(), "word".into()]), None);
    }

    #[test]
    fn a_key_that_was_asked_for_stays_among_the_fields() {
        let row: Row = serde_json::from_value(json!({"pk": 1, "distance": 0.5})).unwrap();
        let hit = take_apart(row.clone(), "pk", &["pk".into()]).unwrap();
        assert_eq!(hit.entity.len(), 1);
        assert_eq!(take_apart(row, "pk", &[]).unwrap().entity.len(), 0);
    }
}
