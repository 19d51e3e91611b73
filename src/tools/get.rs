//! `milvus_get`: reads rows by key.
//!
//! Keys given as numbers are int64 and travel as `id`. Keys given as text may be of either type: the schema tells,
//! and they are written into a filter, since Milvus pastes `id` into one unescaped.

use super::{Arguments, answers, consistency_level};
use crate::client::{Client, selection};
use crate::error::Error;
use crate::operations::MAX_WINDOW;
use crate::operations::entities::{Get, Query};
use crate::values::columns;
use crate::values::filter::Identifier;
use serde_json::{Value, json};

pub(super) fn run(client: &mut Client<'_>, mut arguments: Arguments) -> Result<Value, Error> {
    let collection_name: Identifier = arguments.get("collection_name")?;
    let ids = arguments
        .keys("ids")?
        .ok_or_else(|| arguments.wrong("ids", "expected primary keys, came nothing"))?;
    let output_fields: Vec<String> = arguments.get("output_fields")?;
    let partition_names: Vec<String> = arguments.get("partition_names")?;
    let consistency_level = consistency_level(&mut arguments)?;
    let limit = u32::try_from(ids.len())
        .ok()
        .filter(|count| *count <= MAX_WINDOW)
        .ok_or_else(|| {
            arguments.wrong(
                "ids",
                format_args!("expected at most {MAX_WINDOW} keys, came {}", ids.len()),
            )
        })?;
    arguments.finish()?;
    // The smallest int64 cannot be written as a number in the expression that Milvus makes of `id`.
    let written = ids.integers().filter(|id| !id.contains(&i64::MIN));
    let rows = if let Some(id) = written {
        client.run(&Get {
            collection_name,
            partition_names,
            id,
            output_fields,
            consistency_level,
        })?
    } else {
        let schema = selection::schema(client, &collection_name)?;
        let key = columns::primary_key(&schema).map_err(|cause| Error::protocol(&cause))?;
        let filter = selection::filter_of(&ids.typed(&key.data_type)?, &schema)?;
        client.run(&Query {
            collection_name,
            partition_names,
            filter,
            output_fields,
            limit: Some(limit),
            consistency_level,
            ..Query::default()
        })?
    };
    Ok(json!({"rows": answers::rows(rows.0)}))
}
