//! Runs the Milvus component in a WebAssembly sandbox that reaches **one Milvus and nothing else**.
//!
//! The component is trusted by nobody. This library is what has to be trusted: it gives the component six
//! interfaces (streams, polling, a monotonic clock, outgoing HTTP), takes each of its requests in whole, compares it
//! with a closed table of Milvus' own routes and with the configured origin, writes every header itself, adds the
//! credential as the request leaves, and takes the answer in whole before the component sees a byte of it. Each call
//! has a fresh instance, so nothing of one call can be seen by the next.
//!
//! ```no_run
//! use host_harness::{Audit, Credential, Endpoint, Host, Policy};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let host = Host::builder()
//!     .component(std::fs::read("milvus_plugin.wasm")?)
//!     .audit(Audit::to(|line: &str| eprintln!("{line}")))
//!     .build()?;
//! let milvus = Endpoint::builder("http://127.0.0.1:19530", Policy::read_only())
//!     .credential(Credential::new("root:Milvus".to_owned()))
//!     .build()?;
//! let answer = host.call_tool(&milvus, "milvus_collection", r#"{"operation":"list"}"#).await?;
//! println!("{answer}");
//! # Ok(())
//! # }
//! ```
//!
//! What the component is can be read without running it:
//!
//! ```
//! // A core module, where a component is expected.
//! let error = host_harness::inspect(b"\0asm\x01\0\0\0").unwrap_err();
//! assert!(error.to_string().contains("no WebAssembly component"));
//! ```

#![forbid(unsafe_code)]
#![warn(clippy::disallowed_methods)]

#[doc = include_str!("../README.md")]
#[cfg(doctest)]
mod readme {}
mod answer;
mod audit;
mod budget;
mod call;
mod contain;
mod credential;
mod egress;
mod endpoint;
mod error;
mod host;
mod rates;
mod sandbox;
pub mod text;
mod transport;

pub use answer::{Answer, Json};
pub use audit::{Audit, AuditSink};
pub use code_cache::CompiledCode;
pub use credential::Credential;
pub use endpoint::{Endpoint, EndpointBuilder};
pub use error::{BuildError, CallError, EndpointError, WriteFailure, kind_name};
pub use host::{Host, HostBuilder};
pub use policy::{Effects, Mode, Names, Origin, OriginError, Policy, Refusal, Rule, Scheme};
pub use routes::{Dialect, Effect, JsonFields, Server};
pub use sandbox::{ComponentInfo, LimitError, LimitKind, Limits, Unit};
pub use transport::ConnectError;
pub use types::{Error as ToolError, ErrorKind, ErrorSource, Outcome, Retry};

pub use sandbox::bindings::contract::*;

#[cfg(all(feature = "embedded", component_missing))]
compile_error!(
    "the feature `embedded` puts the component inside this library, but `host-harness/assets/milvus_plugin.wasm` is missing: run `cargo xtask build` first"
);

/// The component that is inside this library.
#[cfg(feature = "embedded")]
#[must_use]
pub fn embedded_component() -> &'static [u8] {
    EMBEDDED
}

#[cfg(all(feature = "embedded", not(component_missing)))]
const EMBEDDED: &[u8] = include_bytes!("../assets/milvus_plugin.wasm");
#[cfg(all(feature = "embedded", component_missing))]
const EMBEDDED: &[u8] = &[];

/// Reads what a component is, and checks what it imports and exports, without compiling it.
///
/// # Errors
/// The bytes are no component, or one that would not be run; see [`BuildError`].
pub fn inspect(bytes: &[u8]) -> Result<ComponentInfo, BuildError> {
    inspect_within(bytes, &Limits::default())
}

/// The same, with other limits than the usual: on the size of the file, on its functions, on how deep its parts stand in
/// one another, and on what it costs to compile.
///
/// # Errors
/// As [`inspect`].
pub fn inspect_within(bytes: &[u8], limits: &Limits) -> Result<ComponentInfo, BuildError> {
    sandbox::read(bytes, limits)
}
