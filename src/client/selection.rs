//! Which rows: keys written into a filter, since Milvus builds one from `id` without escaping.

use super::Client;
use crate::contract::types::{CollectionSchema, Ids};
use crate::error::Error;
use crate::operations::collections::DescribeCollection;
use crate::operations::entities::Query;
use crate::values::columns::{self, Row, Rows};
use crate::values::filter;

/// The fields of a collection; one HTTP request.
///
/// # Errors
/// `not-found`, or `protocol` if the description has no primary key.
pub fn schema(client: &mut Client<'_>, collection_name: &str) -> Result<CollectionSchema, Error> {
    let describe = DescribeCollection {
        collection_name: collection_name.into(),
    };
    let schema = client.run(&describe)?.schema();
    columns::primary_key(&schema).map_err(|cause| Error::protocol(&cause))?;
    Ok(schema)
}

/// The rows that a query selects; one HTTP request, and one more where the query has to be fitted to a schema that is not
/// given.
///
/// # Errors
/// Milvus' own.
pub fn rows(
    client: &mut Client<'_>,
    query: &Query,
    schema: Option<&CollectionSchema>,
) -> Result<Vec<Row>, Error> {
    let (query, _) = client.fit(query, schema)?;
    client.run(&*query).map(|Rows(rows)| rows)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::scripted::{Scripted, connection};
    use crate::contract::types::Connection;

    #[test]
    fn without_a_filter_v1_is_asked_for_every_row() {
        let mut transport = Scripted::new()
            .data(r#"{"fields":[{"name":"pk","type":"Int64","primaryKey":true}]}"#)
            .data("[]");
        let v1 = Connection {
            server: Some("rest=v1".into()),
            ..connection()
        };
        let query = Query {
            collection_name: "c".into(),
            ..Query::default()
        };
        rows(&mut Client::new(&mut transport, v1).unwrap(), &query, None).unwrap();
        let filter = &transport.sent[1].body["filter"];
        assert_eq!(
            filter,
            "pk >= -9223372036854775807 or pk < -9223372036854775807"
        );
    }

    #[test]
    fn without_a_filter_v2_is_asked_for_what_it_defaults_to() {
        let mut transport = Scripted::new().data("[]");
        let query = Query {
            collection_name: "c".into(),
            ..Query::default()
        };
        rows(
            &mut Client::new(&mut transport, connection()).unwrap(),
            &query,
            None,
        )
        .unwrap();
        assert_eq!(transport.sent.len(), 1);
    }
}
