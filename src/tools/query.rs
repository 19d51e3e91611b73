//! `milvus_query`: reads rows by filter or by key.

use super::{Arguments, answers, consistency_level, queries};
use crate::client::{Client, selection};
use crate::error::Error;
use crate::operations::entities::Query;
use crate::operations::{MAX_WINDOW, check_window};
use crate::values::columns;
use serde_json::{Value, json};

/// Milvus' own default (`httpserver/constant.go`).
const DEFAULT_LIMIT: u32 = 100;

pub(super) fn run(client: &mut Client<'_>, mut arguments: Arguments) -> Result<Value, Error> {
    let ids = arguments.keys("ids")?;
    let (filter, expr_params) = queries::filter(&mut arguments)?;
    let mut query = Query {
        collection_name: arguments.get("collection_name")?,
        partition_names: arguments.get("partition_names")?,
        filter,
        expr_params,
        output_fields: arguments.get("output_fields")?,
        limit: Some(
            arguments
                .integer("limit", 1..=MAX_WINDOW)?
                .unwrap_or(DEFAULT_LIMIT),
        ),
        offset: arguments
            .integer("offset", 0..=MAX_WINDOW - 1)?
            .unwrap_or(0),
        consistency_level: consistency_level(&mut arguments)?,
    };
    check_window(query.limit.unwrap_or(DEFAULT_LIMIT), query.offset)?;
    if ids.is_some() && !query.filter.is_empty() {
        return Err(arguments.wrong("ids", "expected either `ids` or `filter`, came both"));
    }
    arguments.finish()?;
    if let Some(ids) = ids {
        let schema = selection::schema(client, &query.collection_name)?;
        let key = columns::primary_key(&schema).map_err(|cause| Error::protocol(&cause))?;
        query.filter = selection::filter_of(&ids.typed(&key.data_type)?, &schema)?;
    }
    Ok(json!({"rows": answers::rows(selection::rows(client, &query, None)?)}))
}
