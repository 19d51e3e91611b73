//! Dialects of Milvus' REST API: how an operation becomes a request, and an answer a reply or a typed error.
//!
//! | dialect | servers |
//! |---|---|
//! | v1 | Milvus 2.2.9 to 2.3.12; later ones have it, deprecated |
//! | [`v2`] | Milvus 2.3.13 and later, Zilliz Cloud |

pub mod codes;
pub mod v2;

use crate::contract::types::Dialect;
use crate::error::{Error, ErrorKind};
use crate::operations::{Operation, Reply};
use routes::Route;

/// An HTTP answer, its body whole.
#[derive(Debug, Clone)]
pub struct HttpAnswer {
    /// HTTP status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

/// A request's row and body.
#[derive(Debug)]
pub struct Encoded {
    /// Method, path, replay safety.
    pub route: &'static Route,
    /// JSON.
    pub body: Vec<u8>,
}

/// The request of an operation.
///
/// # Errors
/// `unsupported` where the dialect cannot do it.
pub fn encode<O: Operation>(
    dialect: Dialect,
    operation: &O,
    database: Option<&str>,
) -> Result<Encoded, Error> {
    match dialect {
        Dialect::V2 => v2::encode(operation, database),
        Dialect::V1 => Err(Error::new(
            ErrorKind::Unsupported,
            "this component speaks REST v2 only, which Milvus has since 2.3.13; the server was said to speak v1",
        )),
    }
}

/// The reply in an answer.
///
/// # Errors
/// What Milvus, or a proxy before it, reports; `protocol` if it is neither.
pub fn decode(dialect: Dialect, route: &Route, answer: &HttpAnswer) -> Result<Reply, Error> {
    match dialect {
        Dialect::V1 | Dialect::V2 => v2::decode(route, answer),
    }
}
