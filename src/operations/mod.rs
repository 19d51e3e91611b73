//! Milvus' model: one struct for each operation, serialised as REST v2 takes it, and its answer.
//!
//! Required keys are plain fields, the rest are options that are left out when absent: Milvus' own default holds.
//! Facts (method, path, class of effect, replay safety) come from the table of routes. Sources: Milvus
//! `internal/distributed/proxy/httpserver/request_v2.go` and `handler_v2.go`.
//!
//! Invariant: nothing here knows a host, a clock or a stream; the tests need no server.

#[macro_use]
mod declaration;

pub mod collections;
pub mod entities;
pub mod partitions;
pub mod schema;
pub mod search;

families![collections, entities, partitions, search];

#[cfg(test)]
pub(crate) mod samples;

use crate::arguments::Arguments;
use crate::contract::types::ConsistencyLevel;
use crate::error::Error;
use crate::values::json::Members;
use routes::Route;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// The largest sum of `offset` and `limit`, and the largest number of queries (`quotaAndLimits.limits.topK`, `nq`).
pub const MAX_WINDOW: u32 = 16_384;

/// What Milvus answers to a successful request, its envelope taken off.
#[derive(Debug)]
pub struct Reply {
    /// The member `data`; `null` where it is missing.
    pub data: Box<RawValue>,
    /// What stands beside it, such as `topks` and `cost`.
    pub beside: Members,
}

/// One request to Milvus. Made by [`operations!`](declaration).
pub trait Operation: Serialize {
    /// Its row in the table of routes.
    const ROUTE: &'static Route;

    /// What its answer is read into.
    type Answer: Answer;
}

/// An operation whose keys are the arguments of a tool.
pub(crate) trait FromArguments: Operation {
    /// The names of its arguments, and whether each has to be given.
    fn names() -> Vec<(&'static str, bool)>;

    /// Takes it from a caller's arguments.
    ///
    /// # Errors
    /// `invalid-argument` naming the argument.
    fn take(arguments: &mut Arguments) -> Result<Self, Error>
    where
        Self: Sized;

    /// The arguments that it was taken from.
    fn arguments(&self) -> Map<String, Value>;
}

/// An operation that REST v1 has no route for.
pub trait NotInV1: Operation {
    /// What v1 lacks, in words.
    const LACKS: &'static str;
}

/// Looks at every operation that is declared, for tests.
#[cfg(test)]
pub(crate) trait Visitor {
    /// Looks at one.
    fn visit<O: crate::dialect::Spoken + Deserialize<'static> + 'static>(&mut self);
}

/// What Milvus answers to an operation.
pub trait Answer: Sized {
    /// Reads it.
    ///
    /// # Errors
    /// The answer is not what Milvus' API promises; the cause names the place and shows no content.
    fn read(reply: Reply) -> anyhow::Result<Self>;
}

/// An answer without content.
#[derive(Debug, PartialEq, Eq)]
pub struct Done;

impl Answer for Done {
    fn read(_: Reply) -> anyhow::Result<Self> {
        Ok(Self)
    }
}

/// Names: of collections, partitions and the like.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct Names(pub Vec<String>);

/// Whether something of a name exists.
#[derive(Debug, Deserialize)]
pub struct Exists {
    /// It does.
    pub has: bool,
}

answers! {
    Names: "a list of names",
    Exists: "an object with `has`",
}

/// The name of a consistency level as Milvus spells it.
pub fn consistency_level_name(level: ConsistencyLevel) -> &'static str {
    match level {
        ConsistencyLevel::Strong => "Strong",
        ConsistencyLevel::Session => "Session",
        ConsistencyLevel::Bounded => "Bounded",
        ConsistencyLevel::Eventually => "Eventually",
        ConsistencyLevel::Customized => "Customized",
    }
}

/// Checks `offset + limit` against Milvus' window before anything is sent.
///
/// # Errors
/// `invalid-argument` naming `limit`.
pub fn check_window(limit: u32, offset: u32) -> Result<(), Error> {
    let sum = u64::from(limit) + u64::from(offset);
    if limit == 0 || sum > u64::from(MAX_WINDOW) {
        return Err(Error::invalid(
            "limit",
            format_args!(
                "expected a limit of at least 1 and, with the offset, at most {MAX_WINDOW} (Milvus' window), \
                 came limit {limit} and offset {offset}"
            ),
        ));
    }
    Ok(())
}

/// Reads a member of an answer; the cause of a failure shows no content.
fn read<T: serde::de::DeserializeOwned>(data: &RawValue, what: &str) -> anyhow::Result<T> {
    serde_json::from_str(data.get()).map_err(|cause| {
        anyhow::anyhow!(
            "`data` is not {what} ({:?} error at column {})",
            cause.classify(),
            cause.column()
        )
    })
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
pub(crate) fn is_zero(value: &u32) -> bool {
    *value == 0
}
