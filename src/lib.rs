//! Milvus as a WebAssembly component: vector-store tools over wasi-http.
//!
//! The component is trusted by nobody. It parses and validates what a caller asks for, builds one Milvus REST
//! request, sends it through the host, and turns the answer into a typed result or a typed error. It imports six
//! WASI interfaces (`io/error`, `io/poll`, `io/streams`, `clocks/monotonic-clock`, `http/types`,
//! `http/outgoing-handler`) and so cannot name a file, a socket, an environment variable, a random number or a
//! standard stream, on any host.
//!
//! Layers, dependencies only downwards:
//!
//! | module | knows | does not know |
//! |---|---|---|
//! | `exports` | the generated bindings | HTTP, JSON, decisions |
//! | `tools` | tool names, JSON Schemas | HTTP |
//! | [`typed`] | the typed door: columns, cursors, search results | HTTP |
//! | [`operations`] | Milvus' model: typed requests and answers, validation, limits | WASI |
//! | [`client`] | how an operation is sent: deadline, retry, batches | WASI |
//! | [`dialect`] | envelope, codes, encodings of a REST dialect | WASI |
//! | `arguments` | lenient parsing of a tool's arguments | HTTP |
//! | [`values`] | vectors, exact int64, columns, filter quoting | HTTP |
//! | `transport` | waki, wasi | Milvus |
//!
//! Everything above `transport` compiles natively and is tested without a server.
#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

mod arguments;
pub mod client;
pub mod dialect;
pub mod error;
pub mod operations;
pub mod tools;
pub mod typed;
pub mod values;

#[cfg(target_family = "wasm")]
mod exports;
#[cfg(test)]
mod mutations;
#[cfg(target_family = "wasm")]
mod transport;

/// The contract: what `wit/` generates. Its `types`, `entities` and `search` are plain data, and serve as the model
/// of the typed door.
#[allow(
    clippy::all,
    missing_docs,
    unreachable_pub,
    unsafe_code,
    unused_qualifications,
    reason = "generated from wit/, where every item is documented"
)]
mod bindings {
    wit_bindgen::generate!({
        world: "plugin",
        path: "wit",
        with: {
            "wasi:clocks/monotonic-clock@0.2.12": ::wasi::clocks::monotonic_clock,
            "wasi:http/outgoing-handler@0.2.12": ::wasi::http::outgoing_handler,
            "wasi:http/types@0.2.12": ::wasi::http::types,
            "wasi:io/error@0.2.12": ::wasi::io::error,
            "wasi:io/poll@0.2.12": ::wasi::io::poll,
            "wasi:io/streams@0.2.12": ::wasi::io::streams,
        },
        additional_derives: [PartialEq, Clone],
    });
}

/// The contract's data, as `wit/` defines it.
pub mod contract {
    pub use crate::bindings::exports::milvus::vector_store::*;
}
