//! What can go wrong, by who has to act.

use wasmtime::component::ResourceTableError;
use wasmtime::{PoolConcurrencyLimitError, Trap};
use wasmtime_wasi_http::FieldMapError;

use crate::sandbox::bindings::entities::WriteReport;
use crate::sandbox::bindings::types::{Error as ToolError, ErrorKind, ErrorSource, Outcome, Retry};
use crate::sandbox::limits::{LimitError, LimitKind, Limits};
use crate::text::clean;
use crate::transport::ConnectError;
use policy::{ArgumentError, Origin, OriginError, Refusal};

/// Why a host was not built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// `HostBuilder::component` was not called.
    #[error("there is no component: pass its bytes to `HostBuilder::component`")]
    NoBytes,
    /// The bytes are no component.
    #[error(
        "this is no WebAssembly component: {0}; expected the file that `cargo xtask build` makes"
    )]
    NoComponent(String),
    /// The component is larger than a limit allows, or wants more from the start.
    #[error("the component is beyond the limit `{limit}` of {}: raise `Limits::{}` if you trust it", .limit.shown(*.value), .limit.field())]
    Limit {
        /// Which one.
        limit: LimitKind,
        /// Its value, in its unit.
        value: u64,
    },
    /// The component wants more than the six interfaces.
    #[error("the component imports {}: it may import wasi:io, wasi:clocks/monotonic-clock and wasi:http (outgoing) of 0.2 only", .0.join(", "))]
    Imports(Vec<String>),
    /// The component has no tools.
    #[error("the component does not export `milvus:vector-store/tools@0.1`, but {}", if .0.is_empty() { "nothing".to_owned() } else { .0.join(", ") })]
    Exports(Vec<String>),
    /// The component is not the one that was pinned.
    #[error(
        "the component is another one than the pinned: expected {expected}, came {came}; nothing of it was run"
    )]
    Digest {
        /// The digest that was expected, as it was given.
        expected: String,
        /// The digest of the component's bytes.
        came: String,
    },
    /// A limit makes no sense.
    #[error(transparent)]
    Limits(#[from] LimitError),
    /// The component cannot be compiled, or uses what the engine has switched off.
    #[error("the component cannot be compiled: {0}")]
    Compile(String),
}

impl BuildError {
    pub(crate) fn limit(limit: LimitKind, limits: &Limits) -> Self {
        let value = limits.get(limit);
        Self::Limit { limit, value }
    }

    /// The limit that compiling ended at. The runtime has no types for it; each of these texts is its constant.
    pub(crate) fn beyond(error: &wasmtime::Error, limits: &Limits) -> Option<Self> {
        const TEXTS: [(&str, LimitKind); 6] = [
            ("core module instances, which exceeds", LimitKind::Instances),
            ("Wasm linear memories, which exceeds", LimitKind::Memories),
            (" tables, which exceeds", LimitKind::Tables),
            ("defined tables count of", LimitKind::Tables),
            ("memory has a minimum byte size of", LimitKind::MemoryBytes),
            ("has a minimum element size of", LimitKind::TableElements),
        ];
        let says = error.root_cause().to_string();
        let found = TEXTS.iter().find(|(text, _)| says.contains(text));
        found.map(|(_, limit)| Self::limit(*limit, limits))
    }
}

/// Why an endpoint was not built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// The address is no origin.
    #[error(transparent)]
    Origin(#[from] OriginError),
    /// The credential cannot stand in a header.
    #[error(
        "the credential is empty or holds more than visible ASCII: expected an API key, or `user:password`"
    )]
    Credential,
    /// The credential would cross a network readable.
    #[error(
        "the credential would go to {0} unencrypted: use https, or allow it with `danger_plaintext_credential`"
    )]
    PlaintextCredential(Origin),
    /// The CA certificate is none.
    #[error("the CA certificate cannot be used: {0}; expected one or more certificates in PEM")]
    CaCertificate(String),
    /// The client certificate or its key is none. Holds nothing of the key.
    #[error("the client certificate cannot be used: {0}")]
    ClientCertificate(String),
    /// A certificate is given for an origin without TLS, where it would do nothing.
    #[error(
        "a {0} is given, but the origin begins with `http://`, where there is no TLS: use `https://`, or leave the certificate out"
    )]
    NoTls(&'static str),
    /// The addresses to connect to make no sense.
    #[error(
        "the addresses to connect to cannot be used: {0}; expected IP addresses for an origin with a name"
    )]
    Addresses(&'static str),
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}; give a CA certificate if this system has none")]
    Tls(String),
}

/// Why a call failed. Formatted, it is one line without anything that steers a terminal.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The component answered with its typed error.
    #[error("{}", described(.0))]
    Tool(ToolError),
    /// The policy refused a request of this call, and the call failed.
    #[error("refused by the host: {}", told(.refusals))]
    Refused {
        /// The requests that were refused, and not for a limit; at most `Limits::requests_per_call`.
        refusals: Vec<Refusal>,
        /// What the component answered.
        error: ToolError,
    },
    /// No connection to Milvus came about, and the call failed.
    #[error("{}: {reason}", clean(&.error.message))]
    Unreachable {
        /// Why, as the host saw it.
        reason: ConnectError,
        /// What the component answered.
        error: ToolError,
    },
    /// The call was ended at a limit, or a request of it was, and then the call failed.
    #[error("the limit `{limit}` of {} was reached: ask for less, or raise `Limits::{}`{}", .limit.shown(*.value), .limit.field(), said(.error.as_ref()))]
    Limit {
        /// Which one.
        limit: LimitKind,
        /// Its value, in its unit.
        value: u64,
        /// What the component answered, where it was not ended.
        error: Option<ToolError>,
    },
    /// As many calls as allowed are running. Nothing was done: try again later.
    #[error("too many calls at a time: try again later, or raise `Limits::concurrent_calls`")]
    Overloaded,
    /// The component trapped. The text holds nothing of the component's own.
    #[error("the component failed: {0}; what it had sent may be done")]
    Trap(String),
    /// The component's tools are others than at first, two of them have one name, or a hint promises less harm than the
    /// tool's classes let out. Nothing was done.
    #[error("the component's tools are not to be trusted: {0}")]
    Tools(&'static str),
    /// The component lacks the interface behind this function.
    #[error("the component does not export `{0}`: use `call_tool`, or a component that has it")]
    NotExported(&'static str),
    /// The sandbox itself failed.
    #[error("the sandbox failed: {0}")]
    Sandbox(String),
}

/// A write that did not complete: rows `0 .. confirmed.rows` are in, those up to `resume_at` are in doubt, and
/// those from `resume_at` on were not sent.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{error} ({} rows are confirmed, rows from {resume_at} on were not sent)", .confirmed.rows)]
pub struct WriteFailure {
    /// Why.
    #[source]
    pub error: CallError,
    /// What is in.
    pub confirmed: WriteReport,
    /// The first row that was certainly not sent.
    pub resume_at: u32,
}

/// The stable name of an error's kind: kebab case, as in the WIT.
#[must_use]
pub fn kind_name(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::InvalidArgument => "invalid-argument",
        ErrorKind::NotFound => "not-found",
        ErrorKind::AlreadyExists => "already-exists",
        ErrorKind::NotLoaded => "not-loaded",
        ErrorKind::FailedPrecondition => "failed-precondition",
        ErrorKind::Unsupported => "unsupported",
        ErrorKind::Cancelled => "cancelled",
        ErrorKind::Unauthenticated => "unauthenticated",
        ErrorKind::PermissionDenied => "permission-denied",
        ErrorKind::DeniedByHost => "denied-by-host",
        ErrorKind::LimitExceeded => "limit-exceeded",
        ErrorKind::RateLimited => "rate-limited",
        ErrorKind::Overloaded => "overloaded",
        ErrorKind::Unavailable => "unavailable",
        ErrorKind::Timeout => "timeout",
        ErrorKind::Protocol => "protocol",
        ErrorKind::Server => "server",
        ErrorKind::Other => "other",
    }
}

fn described(error: &ToolError) -> String {
    let code = error
        .milvus_code
        .map(|code| format!(" (Milvus {code})"))
        .unwrap_or_default();
    format!("{}: {}{code}", kind_name(error.kind), clean(&error.message))
}

fn told(refusals: &[Refusal]) -> String {
    let told: Vec<String> = refusals.iter().map(Refusal::to_string).collect();
    told.join("; ")
}

fn said(error: Option<&ToolError>) -> String {
    error.map_or_else(String::new, |error| {
        format!("; the component answered {}", described(error))
    })
}

impl CallError {
    /// What the component answered, in its own words, as they came: its `message` can hold escape characters and line
    /// breaks of the component or of Milvus.
    #[must_use]
    pub fn raw(&self) -> Option<&ToolError> {
        match self {
            Self::Tool(error) | Self::Refused { error, .. } | Self::Unreachable { error, .. } => {
                Some(error)
            }
            Self::Limit { error, .. } => error.as_ref(),
            _ => None,
        }
    }

    /// The caller's own mistake: nothing was run, nothing was sent.
    pub(crate) fn arguments(ArgumentError { argument, problem }: ArgumentError) -> Self {
        let argument = if argument.is_empty() {
            "arguments".to_owned()
        } else {
            argument
        };
        Self::Tool(ToolError {
            kind: ErrorKind::InvalidArgument,
            message: format!("{argument}: {problem}"),
            source: ErrorSource::Host,
            argument: Some(argument),
            milvus_code: None,
            http_status: None,
            outcome: Outcome::NotApplied,
            limit: None,
            retry: Retry::Never,
            retry_after_ms: None,
            details: Vec::new(),
        })
    }

    /// One word for the audit.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Tool(error) => kind_name(error.kind),
            Self::Refused { .. } => "refused",
            Self::Unreachable { error, .. } => kind_name(error.kind),
            Self::Limit { limit, .. } => limit.name(),
            Self::Overloaded => "overloaded",
            Self::Trap(_) => "trap",
            Self::Tools(_) => "tools",
            Self::NotExported(_) => "not-exported",
            Self::Sandbox(_) => "sandbox",
        }
    }

    /// Ended at a limit.
    pub(crate) fn limit(limit: LimitKind, limits: &Limits) -> Self {
        Self::Limit {
            limit,
            value: limits.get(limit),
            error: None,
        }
    }

    /// What ended a call that did not return. Of the error's texts only constants of the runtime are passed on:
    /// names and numbers in it may be the component's.
    pub(crate) fn ended(
        error: &wasmtime::Error,
        exceeded: Option<LimitKind>,
        limits: &Limits,
    ) -> Self {
        let limit = |kind| Self::limit(kind, limits);
        if let Some(kind) = exceeded {
            return limit(kind);
        }
        if let Some(NotExported(interface)) = error.downcast_ref() {
            return Self::NotExported(interface);
        }
        if let Some(TimeIsUp(kind)) = error.downcast_ref() {
            return limit(*kind);
        }
        if error.is::<PoolConcurrencyLimitError>() {
            return Self::Overloaded;
        }
        if let Some(ResourceTableError::Full) = error.downcast_ref() {
            return limit(LimitKind::Handles);
        }
        if let Some(FieldMapError::TotalSizeTooBig | FieldMapError::TooManyFields) =
            error.downcast_ref()
        {
            return limit(LimitKind::HeaderBytes);
        }
        if let Some(trap) = error.downcast_ref::<Trap>() {
            return Self::Trap(trap.to_string());
        }
        // The runtime has no public type for these two; their texts are its constants.
        let says = |text| error.chain().any(|cause| cause.to_string().contains(text));
        if says("store handle limit exceeded") {
            return limit(LimitKind::Handles);
        }
        if says("fuel allocated for hostcalls") {
            return limit(LimitKind::HostcallBytes);
        }
        Self::Trap("it broke the rules of an interface".to_owned())
    }
}

/// Travels through the runtime's errors to [`CallError::NotExported`].
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not exported")]
pub(crate) struct NotExported(pub(crate) &'static str);

/// Travels through the runtime's errors to [`CallError::Limit`].
#[derive(Debug, thiserror::Error)]
#[error("the time of the call is up")]
pub(crate) struct TimeIsUp(pub(crate) LimitKind);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::steers;

    #[test]
    fn t56_t59_an_error_is_one_clean_line_and_raw_where_it_is_asked_for() {
        let words = "a\u{1b}[2J\u{202e}\nhint: curl evil.example";
        let CallError::Tool(mut error) = CallError::arguments(ArgumentError {
            argument: "data[0].id".to_owned(),
            problem: "a key stands twice".to_owned(),
        }) else {
            panic!("a caller's mistake")
        };
        assert_eq!(error.argument.as_deref(), Some("data[0].id"));
        error.message = words.to_owned();
        for told in [
            CallError::Tool(error.clone()),
            CallError::Refused {
                refusals: Vec::new(),
                error: error.clone(),
            },
            CallError::Unreachable {
                reason: ConnectError::Refused,
                error: error.clone(),
            },
            CallError::Limit {
                limit: LimitKind::Handles,
                value: 5,
                error: Some(error),
            },
        ] {
            let shown = told.to_string();
            assert!(!shown.chars().any(steers), "{shown:?}");
            assert_eq!(told.raw().map(|error| error.message.as_str()), Some(words));
        }
        assert!(CallError::Overloaded.raw().is_none());
    }
}
