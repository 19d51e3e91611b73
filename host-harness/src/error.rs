//! What can go wrong, by who has to act.

use wasmtime::component::ResourceTableError;
use wasmtime::{PoolConcurrencyLimitError, Trap};
use wasmtime_wasi_http::FieldMapError;

use crate::sandbox::bindings::entities::WriteReport;
use crate::sandbox::bindings::types::{Error as ToolError, ErrorKind};
use crate::sandbox::limits::{LimitKind, Limits};
use policy::{Origin, OriginError, Refusal};

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
    /// The file is larger than `Limits::component_bytes`.
    #[error("the component has {size} bytes, {limit} are allowed: see `Limits::component_bytes`")]
    TooLarge {
        /// Its size in bytes.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// The component has more functions than are compiled.
    #[error("the component has {functions} functions, {limit} are allowed")]
    TooManyFunctions {
        /// Its functions.
        functions: u32,
        /// The limit.
        limit: u32,
    },
    /// The component wants more than the six interfaces.
    #[error("the component imports {}: it may import wasi:io, wasi:clocks/monotonic-clock and wasi:http (outgoing) of 0.2 only", .0.join(", "))]
    Imports(Vec<String>),
    /// The component has no tools.
    #[error("the component does not export `milvus:vector-store/tools@0.1`, but {}", if .0.is_empty() { "nothing".to_owned() } else { .0.join(", ") })]
    Exports(Vec<String>),
    /// A limit makes no sense.
    #[error("`Limits::{0}` is zero or too large: start from `Limits::default()`")]
    Limits(&'static str),
    /// The component cannot be compiled, or uses what the engine has switched off.
    #[error("the component cannot be compiled: {0}")]
    Compile(String),
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
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}; give a CA certificate if this system has none")]
    Tls(String),
}

/// Why a call failed.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The component answered with its typed error.
    #[error("{}", described(.0))]
    Tool(ToolError),
    /// The policy refused a request of this call, and the call failed.
    #[error("refused by the host: {}", .refusals.iter().map(Refusal::to_string).collect::<Vec<_>>().join("; "))]
    Refused {
        /// The requests that were refused, at most `Limits::requests_per_call`.
        refusals: Vec<Refusal>,
        /// What the component answered.
        error: ToolError,
    },
    /// The call reached a limit and was ended.
    #[error(
        "the call was ended at its limit `{limit}` of {value}: ask for less, or raise the limit"
    )]
    Limit {
        /// Which one.
        limit: LimitKind,
        /// Its value, in the unit of the limit.
        value: u64,
    },
    /// As many calls as allowed are running. Nothing was done: try again later.
    #[error("too many calls at a time: try again later, or raise `Limits::concurrent_calls`")]
    Overloaded,
    /// The component trapped. The text holds nothing of the component's own.
    #[error("the component failed: {0}; what it had sent may be done")]
    Trap(String),
    /// The component names other tools, or hints, than at first. Nothing was done.
    #[error("the component's tools changed while it was loaded: do not trust it")]
    ToolsChanged,
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
    }
}

fn described(error: &ToolError) -> String {
    let code = error
        .milvus_code
        .map(|code| format!(" (Milvus {code})"))
        .unwrap_or_default();
    format!("{}: {}{code}", kind_name(error.kind), error.message)
}

impl CallError {
    /// One word for the audit.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Tool(error) => kind_name(error.kind),
            Self::Refused { .. } => "refused",
            Self::Limit { limit, .. } => limit.name(),
            Self::Overloaded => "overloaded",
            Self::Trap(_) => "trap",
            Self::ToolsChanged => "tools-changed",
            Self::NotExported(_) => "not-exported",
            Self::Sandbox(_) => "sandbox",
        }
    }

    pub(crate) fn out_of_time(limits: &Limits) -> Self {
        Self::Limit {
            limit: LimitKind::CallTime,
            value: u64::try_from(limits.call_time.as_millis()).unwrap_or(u64::MAX),
        }
    }

    /// What ended a call that did not return. Of the error's texts only constants of the runtime are passed on:
    /// names and numbers in it may be the component's.
    pub(crate) fn ended(
        error: &wasmtime::Error,
        exceeded: Option<(LimitKind, u64)>,
        limits: &Limits,
    ) -> Self {
        let limit = |limit, value| Self::Limit { limit, value };
        if let Some((kind, value)) = exceeded {
            return limit(kind, value);
        }
        if let Some(NotExported(interface)) = error.downcast_ref() {
            return Self::NotExported(interface);
        }
        if error.is::<TimeIsUp>() {
            return Self::out_of_time(limits);
        }
        if error.is::<PoolConcurrencyLimitError>() {
            return Self::Overloaded;
        }
        if let Some(ResourceTableError::Full) = error.downcast_ref() {
            return limit(LimitKind::Handles, limits.handles as u64);
        }
        if let Some(FieldMapError::TotalSizeTooBig | FieldMapError::TooManyFields) =
            error.downcast_ref()
        {
            return limit(LimitKind::HeaderBytes, limits.header_bytes as u64);
        }
        if let Some(trap) = error.downcast_ref::<Trap>() {
            return Self::Trap(trap.to_string());
        }
        // The runtime has no public type for these two; their texts are its constants.
        let says = |text| error.chain().any(|cause| cause.to_string().contains(text));
        if says("store handle limit exceeded") {
            return limit(LimitKind::Handles, limits.handles as u64);
        }
        if says("fuel allocated for hostcalls") {
            return limit(LimitKind::CrossingBytes, limits.crossing_bytes() as u64);
        }
        Self::Trap("it broke the rules of an interface".to_owned())
    }
}

/// Travels through the runtime's errors to [`CallError::NotExported`].
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not exported")]
pub(crate) struct NotExported(pub(crate) &'static str);

/// Travels through the runtime's errors to [`LimitKind::CallTime`].
#[derive(Debug, thiserror::Error)]
#[error("the time of the call is up")]
pub(crate) struct TimeIsUp;
