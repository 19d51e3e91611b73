//! The rules by which a request is refused, and the refusal that names one.

use std::fmt;

/// What a request broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Rule {
    /// The call was made without an endpoint: nothing may be let out.
    NoEndpoint,
    /// The call has made as many requests as one call may.
    RequestCount,
    /// The class or operation was asked more often than `Limits` lets per minute.
    Rate,
    /// More requests are on their way than `Limits::requests_at_once`.
    AtOnce,
    /// No request in HTTP: no scheme, no authority, or a body that was handed over wrongly. It never came to the policy.
    Malformed,
    /// Another scheme than the endpoint's.
    Scheme,
    /// Another host or port than the endpoint's, or a user in it.
    Authority,
    /// No route of Milvus' REST API has this path, byte for byte.
    Path,
    /// The path is a route's, the method is not.
    Method,
    /// A query where none belongs, or a key or character that does not belong in it.
    Query,
    /// `Content-Length` is missing, or is not the number of bytes that came.
    Length,
    /// The body has trailers.
    Trailers,
    /// A body where none belongs, or one that its writer gave up.
    Body,
    /// The body is larger than `Limits::request_bytes`.
    RequestBytes,
    /// More rows than `Limits::rows_per_request`.
    Rows,
    /// The call ended before the request was whole.
    Unfinished,
    /// The body is not one JSON value that every reader of Milvus reads alike.
    Json,
    /// A key stands twice in one object.
    Duplicate,
    /// A key that the operation does not have, or a value that is not of its key's kind.
    Key,
    /// A name that is none in Milvus, or no text.
    Name,
    /// A class of effect that the policy does not let out.
    Effect,
    /// A collection, or an alias, outside the policy's list.
    Collection,
    /// A listed name that is an alias, and leads to a collection that is not listed, or to none that can be told.
    Alias,
    /// A database outside the policy's list, or none where they are listed.
    Database,
    /// An operation that names no collection, where collections are listed.
    Nameless,
    /// It makes Milvus contact a third party, or use an object, that the policy does not name.
    Outside,
    /// A class of effect that the tool says it does not have.
    Tool,
    /// A collection that is not among the call's arguments.
    Call,
    /// The answer is about something outside the policy's lists, or cannot be read.
    Answer,
}

impl Rule {
    /// The stable name, as it stands in audit lines: kebab case.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NoEndpoint => "no-endpoint",
            Self::RequestCount => "request-count",
            Self::Rate => "rate",
            Self::AtOnce => "requests-at-once",
            Self::Malformed => "malformed",
            Self::Scheme => "scheme",
            Self::Authority => "authority",
            Self::Path => "path",
            Self::Method => "method",
            Self::Query => "query",
            Self::Length => "length",
            Self::Trailers => "trailers",
            Self::Body => "body",
            Self::RequestBytes => "request-bytes",
            Self::Rows => "rows",
            Self::Unfinished => "unfinished",
            Self::Json => "json",
            Self::Duplicate => "duplicate-key",
            Self::Key => "key",
            Self::Name => "name",
            Self::Effect => "effect",
            Self::Collection => "collection",
            Self::Alias => "alias",
            Self::Database => "database",
            Self::Nameless => "nameless",
            Self::Outside => "outside",
            Self::Tool => "tool-effect",
            Self::Call => "call-collection",
            Self::Answer => "answer",
        }
    }

    /// What an operator can do about it.
    #[must_use]
    pub fn hint(self) -> &'static str {
        match self {
            Self::NoEndpoint => "pass an endpoint with the call",
            Self::RequestCount => "raise `Limits::requests_per_call`, or make several calls",
            Self::RequestBytes => "send less in one call, or raise `Limits::request_bytes`",
            Self::Rows => "send fewer rows in one request, or raise `Limits::rows_per_request`",
            Self::Rate => "wait, or raise what `Limits` lets out per minute; nothing was sent",
            Self::AtOnce => "wait for answers first, or raise `Limits::requests_at_once`",
            Self::Alias => {
                "add the collection to the list if it may be reached, or have the alias point at a listed one"
            }
            Self::Scheme | Self::Authority => {
                "only the configured endpoint can be reached; a well-behaved component asks for no other"
            }
            Self::Path | Self::Method | Self::Query => {
                "only Milvus' own REST routes are let out; update the harness if Milvus has a new one"
            }
            Self::Effect => {
                "allow the class beside the mode (`erase`, for example), or choose `full`"
            }
            Self::Collection | Self::Database | Self::Nameless | Self::Answer => {
                "only what the policy lists can be reached; add it to the list if it should be"
            }
            Self::Outside => "name the endpoint or the path in the policy if Milvus may use it",
            Self::Tool | Self::Call => {
                "the component did more than it was called for: nothing was sent"
            }
            Self::Json | Self::Duplicate | Self::Key | Self::Name => {
                "the body is none that Milvus documents: nothing was sent"
            }
            Self::Malformed | Self::Length | Self::Trailers | Self::Body | Self::Unfinished => {
                "the component is faulty: nothing was sent"
            }
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A request that was not let out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What it broke.
    pub rule: Rule,
    /// The operation it would have been, such as `entities.search`, where its path is a route's.
    pub operation: Option<&'static str>,
    /// What was expected and what came. Text of the component in it is escaped and cut.
    pub detail: String,
}

impl Refusal {
    /// A refusal of a request whose operation is not known yet.
    #[must_use]
    pub fn new(rule: Rule, detail: impl Into<String>) -> Self {
        Self {
            rule,
            operation: None,
            detail: detail.into(),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "rule `{}`: {} ({})",
            self.rule,
            self.detail,
            self.rule.hint()
        )
    }
}
