//! The rules by which a request is refused, and the refusal that names one.

use std::fmt;

const ENDPOINT: &str =
    "only the configured endpoint can be reached; a well-behaved component asks for no other";
const ROUTES: &str =
    "only Milvus' own REST routes are let out; update the harness if Milvus has a new one";
const LISTS: &str = "only what the policy lists can be reached; add it to the list if it should be";
const CALL: &str = "the component did more than it was called for: nothing was sent";
const BODY: &str = "the body is none that Milvus documents: nothing was sent";
const FAULTY: &str = "the component is faulty: nothing was sent";

/// The one table of rules: what was broken, the stable name, and what an operator can do about it.
macro_rules! rules {
    ($($(#[$about:meta])* $rule:ident = $name:literal, $hint:expr;)*) => {
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

            /// What an operator can do about it.
            #[must_use]
            pub fn hint(self) -> &'static str {
                match self { $(Self::$rule => $hint,)* }
            }
        }
    };
}

rules! {
    /// The call was made without an endpoint: nothing may be let out.
    NoEndpoint = "no-endpoint", "pass an endpoint with the call";
    /// The call has made as many requests as one call may.
    RequestCount = "request-count", "raise `Limits::requests_per_call`, or make several calls";
    /// The class or operation was asked more often than `Limits` lets per minute.
    Rate = "rate", "wait, or raise what `Limits` lets out per minute; nothing was sent";
    /// More requests are on their way than `Limits::requests_at_once`.
    AtOnce = "requests-at-once", "wait for answers first, or raise `Limits::requests_at_once`";
    /// No request in HTTP: no scheme, no authority, or a body that was handed over wrongly. It never came to the policy.
    Malformed = "malformed", FAULTY;
    /// Another scheme than the endpoint's.
    Scheme = "scheme", ENDPOINT;
    /// Another host or port than the endpoint's, or a user in it.
    Authority = "authority", ENDPOINT;
    /// No route of Milvus' REST API has this path, byte for byte.
    Path = "path", ROUTES;
    /// The path is a route's, the method is not.
    Method = "method", ROUTES;
    /// A query where none belongs, or a key or character that does not belong in it.
    Query = "query", ROUTES;
    /// `Content-Length` is missing, or is not the number of bytes that came.
    Length = "length", FAULTY;
    /// The body has trailers.
    Trailers = "trailers", FAULTY;
    /// A body where none belongs, or one that its writer gave up.
    Body = "body", FAULTY;
    /// The body is larger than `Limits::request_bytes`.
    RequestBytes = "request-bytes", "send less in one call, or raise `Limits::request_bytes`";
    /// More rows than `Limits::rows_per_request`.
    Rows = "rows", "send fewer rows in one request, or raise `Limits::rows_per_request`";
    /// The call ended before the request was whole.
    Unfinished = "unfinished", FAULTY;
    /// The body is not one JSON value that every reader of Milvus reads alike.
    Json = "json", BODY;
    /// A key stands twice in one object.
    Duplicate = "duplicate-key", BODY;
    /// A key that the operation does not have, or a value that is not of its key's kind.
    Key = "key", BODY;
    /// A name that is none in Milvus, or no text.
    Name = "name", BODY;
    /// A class of effect that the policy does not let out.
    Effect = "effect", "allow the class that it names beside the mode, or choose a mode that has it; `outbound` wants the place outside";
    /// A collection, or an alias, outside the policy's list.
    Collection = "collection", LISTS;
    /// A listed name that is an alias, and leads to a collection that is not listed, or to none that can be told.
    Alias = "alias", "add the collection to the list if it may be reached, or have the alias point at a listed one";
    /// A database outside the policy's list, or none where they are listed.
    Database = "database", LISTS;
    /// An operation that names no collection, where collections are listed.
    Nameless = "nameless", LISTS;
    /// It makes Milvus contact a third party, or use an object, that the policy does not name.
    Outside = "outside", "name the endpoint or the path in the policy if Milvus may use it";
    /// A class of effect that the tool says it does not have.
    Tool = "tool-effect", CALL;
    /// A collection that is not among the call's arguments.
    Call = "call-collection", CALL;
    /// Another database than the one that the call is in.
    CallDatabase = "call-database", CALL;
    /// The answer is about something outside the policy's lists, or cannot be read.
    Answer = "answer", LISTS;
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
