//! Why a call failed: the contract's `error`, built by those who know the cause.
//!
//! Invariant: no message holds a credential, a vector, a filter or a row. Constructors take names, positions and
//! kinds of values, never the values of a caller's data.

use routes::Route;
use std::fmt;

pub use crate::contract::types::{Error, ErrorKind, ErrorSource, Outcome, Retry};

impl Error {
    /// An error of this component's own making; nothing was sent.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            source: ErrorSource::Component,
            argument: None,
            milvus_code: None,
            http_status: None,
            outcome: Outcome::NotApplied,
            limit: None,
            retry: Retry::Never,
            retry_after_ms: None,
            details: Vec::new(),
        }
    }

    /// The argument at `argument` is wrong; `problem` says what was expected and what came.
    pub fn invalid(argument: impl Into<String>, problem: impl fmt::Display) -> Self {
        let argument = argument.into();
        Self {
            message: format!("{argument}: {problem}"),
            argument: Some(argument),
            ..Self::new(ErrorKind::InvalidArgument, "")
        }
    }

    /// The answer is not what Milvus' API promises. The chain of causes names the place, never the content.
    pub fn protocol(cause: &anyhow::Error) -> Self {
        Self::new(
            ErrorKind::Protocol,
            format!("the answer is not what Milvus' REST API promises: {cause:#}"),
        )
    }

    /// A limit of this component was hit.
    pub fn limit(name: &str, message: impl Into<String>) -> Self {
        Self {
            limit: Some(name.to_owned()),
            ..Self::new(ErrorKind::LimitExceeded, message)
        }
    }

    /// The same error about a request whose effect is `outcome`.
    #[must_use]
    pub fn with_outcome(mut self, outcome: Outcome) -> Self {
        self.outcome = outcome;
        self
    }

    /// The same error, about a request of `route`.
    #[must_use]
    pub fn of(mut self, route: &Route) -> Self {
        self.details
            .push(("route".to_owned(), route.name.to_owned()));
        self
    }

    /// The same error with advice on repeating the call.
    #[must_use]
    pub fn with_retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// The same error with `prefix` before its message.
    #[must_use]
    pub fn within(mut self, prefix: &str) -> Self {
        self.message = format!("{prefix}: {}", self.message);
        self
    }
}
