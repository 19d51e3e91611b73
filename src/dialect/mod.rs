//! Dialects of Milvus' REST API: how an operation becomes a request, and an answer a reply or a typed error.
//!
//! | dialect | servers |
//! |---|---|
//! | [`v1`] | Milvus 2.2.9 to 2.3.12; later ones have it, deprecated |
//! | [`v2`] | Milvus 2.3.13 and later, Zilliz Cloud |
//!
//! An operation's own form is v2's. What it is in v1, or that it is not there, stands in [`v1`].

pub mod codes;
pub mod envelope;
pub mod v1;
pub mod v2;

#[cfg(test)]
mod contract_tests;

use crate::error::Error;
use crate::operations::{Operation, Reply};
use routes::{Dialect, Route};
use serde::Serialize;

/// An HTTP answer, its body whole.
#[derive(Debug, Clone)]
pub struct HttpAnswer {
    /// HTTP status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

/// A request's row, query and body.
#[derive(Debug, Clone)]
pub struct Encoded {
    /// Method, path, replay safety.
    pub route: &'static Route,
    /// What stands behind the path's `?`: only on v1's `GET`s, in characters that need no escape.
    pub query: Option<String>,
    /// JSON; empty for a `GET`.
    pub body: Vec<u8>,
}

/// An operation that both dialects know of.
pub trait Spoken: Operation + v1::InV1 {}

impl<O: Operation + v1::InV1> Spoken for O {}

/// The collection by whose schema an operation has to be fitted before it is sent, if the dialect needs that.
///
/// # Errors
/// `unsupported` where the dialect cannot do it.
pub fn fits_by<O: Spoken>(dialect: Dialect, operation: &O) -> Result<Option<&str>, Error> {
    match dialect {
        Dialect::V2 => Ok(None),
        Dialect::V1 => operation.fits_by(),
    }
}

/// Whether a search takes several queries in one request.
pub fn takes_several_queries(dialect: Dialect) -> bool {
    dialect == Dialect::V2
}

/// The request of an operation.
///
/// # Errors
/// `unsupported` where the dialect cannot do it: it names the version that can.
pub fn encode<O: Spoken>(
    dialect: Dialect,
    operation: &O,
    database: Option<&str>,
) -> Result<Encoded, Error> {
    match dialect {
        Dialect::V2 => v2::encode(operation, database),
        Dialect::V1 => operation.request(database),
    }
}

/// The reply in an answer, in the form that v2 gives it.
///
/// # Errors
/// What Milvus, or a proxy before it, reports; `protocol` if it is neither.
pub fn decode<O: Spoken>(
    dialect: Dialect,
    operation: &O,
    route: &Route,
    answer: &HttpAnswer,
) -> Result<Reply, Error> {
    let reply = envelope::decode(route, answer);
    match dialect {
        Dialect::V2 => reply,
        Dialect::V1 => match reply {
            Ok(reply) => operation
                .reply(reply)
                .map_err(|cause| Error::protocol(&cause)),
            Err(error) => operation.refused(error),
        },
    }
}

/// A JSON body: `keys`, and `dbName` where a database is given.
fn body(keys: &impl Serialize, database: Option<&str>) -> Result<Vec<u8>, Error> {
    #[derive(Serialize)]
    struct Body<'a, K> {
        #[serde(rename = "dbName", skip_serializing_if = "Option::is_none")]
        database: Option<&'a str>,
        #[serde(flatten)]
        keys: &'a K,
    }
    serde_json::to_vec(&Body { database, keys }).map_err(|cause| Error::protocol(&cause.into()))
}
