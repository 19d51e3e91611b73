//! REST v2: `POST /v2/vectordb/<family>/<action>`, JSON in and out. An operation's own form is v2's.

use super::{Encoded, body};
use crate::error::Error;
use crate::operations::Operation;

/// The operation's own keys and, where a database is given, `dbName`. Never the header `DB-Name`: a host that reads
/// bodies could not see it.
///
/// # Errors
/// None that a caller can cause: serialising into memory does not fail.
pub fn encode<O: Operation>(operation: &O, database: Option<&str>) -> Result<Encoded, Error> {
    Ok(Encoded {
        route: O::ROUTE,
        query: None,
        body: body(operation, database)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations::collections::{DropCollection, ListCollections};

    #[test]
    fn the_database_stands_in_the_body() {
        let operation = DropCollection {
            collection_name: "c".into(),
        };
        let encoded = encode(&operation, Some("d")).unwrap();
        assert_eq!(encoded.body, br#"{"dbName":"d","collectionName":"c"}"#);
        assert_eq!(encode(&ListCollections {}, None).unwrap().body, b"{}");
    }
}
