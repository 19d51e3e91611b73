//! `milvus_count`: counts rows, exactly.

use super::{Arguments, consistency_level, queries};
use crate::client::{Client, selection};
use crate::error::Error;
use crate::operations::entities::{Query, counted};
use serde_json::{Value, json};

pub(super) fn run(client: &mut Client<'_>, mut arguments: Arguments) -> Result<Value, Error> {
    let (filter, expr_params) = queries::filter(&mut arguments)?;
    let query = Query {
        collection_name: arguments.get("collection_name")?,
        partition_names: arguments.get("partition_names")?,
        filter,
        expr_params,
        output_fields: vec!["count(*)".into()],
        consistency_level: consistency_level(&mut arguments)?,
        ..Query::default()
    };
    arguments.finish()?;
    let rows = selection::rows(client, &query, None)?;
    let count = counted(&rows).map_err(|cause| Error::protocol(&cause))?;
    Ok(json!({"count": count}))
}
