//! The rules by which a request is refused, and the refusal that names one.

use std::fmt;

/// The one table of rules: what was broken, and the stable name.
macro_rules! rules {
    ($($(#[$about:meta])* $rule:ident = $name:literal;)*) => {
        /// What a request broke.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Rule { $($(#[$about])* $rule,)* }

        impl Rule {
            /// The stable name, as it stands in audit lines: kebab case.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$rule => $name,)* }
            }
        }
    };
}

rules! {
    /// The call was made without an endpoint: nothing may be let out.
    NoEndpoint = "no-endpoint";
    /// The call has made as many requests as one call may.
    RequestCount = "request-count";
    /// The class or operation was asked more often than `Limits` lets per minute.
    Rate = "rate";
    /// More requests are on their way than `Limits::requests_at_once`.
    AtOnce = "requests-at-once";
    /// No request in HTTP: no scheme, no authority, or a body that was handed over wrongly. It never came to the policy.
    Malformed = "malformed";
    /// Another scheme than the endpoint's.
    Scheme = "scheme";
    /// Another host or port than the endpoint's, or a user in it.
    Authority = "authority";
    /// No route of Milvus' REST API has this path, byte for byte.
    Path = "path";
    /// The path is a route's, the method is not.
    Method = "method";
    /// A query where none belongs, or a key or character that does not belong in it.
    Query = "query";
    /// `Content-Length` is missing, or is not the number of bytes that came.
    Length = "length";
    /// The body has trailers.
    Trailers = "trailers";
    /// A body where none belongs, or one that its writer gave up.
    Body = "body";
    /// The body is larger than `Limits::request_bytes`.
    RequestBytes = "request-bytes";
    /// More rows than `Limits::rows_per_request`.
    Rows = "rows";
    /// The call ended before the request was whole.
    Unfinished = "unfinished";
    /// The body is not one JSON value that every reader of Milvus reads alike.
    Json = "json";
    /// A key stands twice in one object.
    Duplicate = "duplicate-key";
    /// A key that the operation does not have, or a value that is not of its key's kind.
    Key = "key";
    /// A name that is none in Milvus, or no text.
    Name = "name";
    /// A class of effect that the policy does not let out.
    Effect = "effect";
    /// A collection, or an alias, outside the policy's list.
    Collection = "collection";
    /// A listed name that is an alias, and leads to a collection that is not listed, or to none that can be told.
    Alias = "alias";
    /// A database outside the policy's list, or none where they are listed.
    Database = "database";
    /// An operation that names no collection, where collections are listed.
    Nameless = "nameless";
    /// It makes Milvus contact a third party, or use an object, that the policy does not name.
    Outside = "outside";
    /// A class of effect that the tool says it does not have.
    Tool = "tool-effect";
    /// Another route than that of the request that the caller wrote.
    CallRoute = "call-route";
    /// A collection that is not among the call's arguments, or none where they name one.
    Call = "call-collection";
    /// Another database than the one that the call is in.
    CallDatabase = "call-database";
    /// Another body than that of the request that the caller wrote.
    CallBody = "call-body";
    /// The answer is about something outside the policy's lists, or cannot be read.
    Answer = "answer";
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
        write!(f, "rule `{}`: {}", self.rule, self.detail)
    }
}
