//! `milvus_count`: counts rows, exactly.

use super::{Arguments, consistency_level};
use crate::client::Client;
use crate::error::Error;
use crate::operations::entities::{Query, counted};
use serde_json::{Value, json};

pub(super) fn run(client: &mut Client<'_>, mut arguments: Arguments) -> Result<Value, Error> {
    let query = Query {
        collection_name: arguments.required_identifier("collection_name")?,
        partition_names: arguments.texts("partition_names")?,
        filter: arguments.text("filter")?.unwrap_or_default(),
        expr_params: arguments.object("filter_params")?,
        output_fields: vec!["count(*)".into()],
        consistency_level: consistency_level(&mut arguments)?,
        ..Query::default()
    };
    if query.filter.is_empty() && query.expr_params.is_some() {
        return Err(arguments.wrong(
            "filter_params",
            "expected a `filter` that uses them, came none",
        ));
    }
    arguments.finish()?;
    let rows = client.run(&query)?;
    let count = counted(&rows).map_err(|cause| Error::protocol(&cause))?;
    Ok(json!({"count": count}))
}
