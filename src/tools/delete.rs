//! `milvus_delete`: deletes rows by key or by filter.

use super::{Arguments, queries};
use crate::client::{Client, selection};
use crate::error::Error;
use crate::operations::entities::Delete;
use crate::values::columns;
use crate::values::filter::Identifier;
use serde_json::{Value, json};

pub(super) fn run(client: &mut Client<'_>, mut arguments: Arguments) -> Result<Value, Error> {
    let collection_name: Identifier = arguments.get("collection_name")?;
    let ids = arguments.keys("ids")?;
    let (filter, expr_params) = queries::filter(&mut arguments)?;
    let partition_name: Option<String> = arguments.get("partition_name")?;
    let filter = match (ids, Some(filter).filter(|filter| !filter.is_empty())) {
        (Some(_), Some(_)) => {
            return Err(arguments.wrong("filter", "expected either `ids` or `filter`, came both"));
        }
        (None, None) => {
            return Err(arguments.wrong(
                "filter",
                "expected `ids` or `filter`: nothing is deleted without either",
            ));
        }
        (None, Some(filter)) => {
            arguments.finish()?;
            filter
        }
        (Some(ids), None) => {
            arguments.finish()?;
            let schema = selection::schema(client, &collection_name)?;
            let key = columns::primary_key(&schema).map_err(|cause| Error::protocol(&cause))?;
            selection::filter_of(&ids.typed(&key.data_type)?, &schema)?
        }
    };
    let deleted = client.run(&Delete {
        collection_name,
        partition_name,
        filter,
        expr_params,
    })?;
    Ok(match deleted.delete_count {
        Some(count) => json!({"delete_count": count}),
        None => json!({}),
    })
}
