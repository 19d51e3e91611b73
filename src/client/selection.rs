//! Which rows: keys written into a filter, since Milvus builds one from `id` without escaping.

use super::Client;
use crate::contract::types::{CollectionSchema, Ids};
use crate::error::Error;
use crate::operations::collections::DescribeCollection;
use crate::values::{columns, filter};

/// The fields of a collection; one HTTP request.
///
/// # Errors
/// `not-found`, or `protocol` if the description has no primary key.
pub fn schema(client: &mut Client<'_>, collection_name: &str) -> Result<CollectionSchema, Error> {
    let describe = DescribeCollection {
        collection_name: collection_name.to_owned(),
    };
    let schema = client.run(&describe)?.schema();
    columns::primary_key(&schema).map_err(|cause| Error::protocol(&cause))?;
    Ok(schema)
}

/// The filter that names `ids`.
///
/// # Errors
/// `invalid-argument` if the schema has no primary key, the ids are of another type, or there is none.
pub fn filter_of(ids: &Ids, schema: &CollectionSchema) -> Result<String, Error> {
    let key = columns::primary_key(schema)
        .map_err(|_| Error::invalid("schema", "expected exactly one primary key, came none"))?;
    let given = match ids {
        Ids::Int64(_) => "Int64",
        Ids::Varchar(_) => "VarChar",
    };
    if key.data_type != given {
        return Err(Error::invalid(
            "ids",
            format_args!("expected keys of type {}, came {given}", key.data_type),
        ));
    }
    filter::key_in(&key.name, ids)
}
