//! WIT glue: a file per interface, three lines a function, no decisions.

mod collections;
mod entities;
mod partitions;
mod rest;
mod search;
mod server;
mod tools;

use crate::client::Client;
use crate::contract::types::Connection;
use crate::error::Error;
use crate::transport::WasiTransport;

/// The component.
struct Plugin;

/// Runs `work` with a client for one call.
fn with_client<T, E: From<Error>>(
    connection: Connection,
    work: impl FnOnce(&mut Client<'_>) -> Result<T, E>,
) -> Result<T, E> {
    let mut transport = WasiTransport;
    let mut client = Client::new(&mut transport, connection)?;
    work(&mut client)
}

#[allow(
    unsafe_code,
    reason = "the generated entry points of the canonical ABI"
)]
mod entry_points {
    crate::bindings::export!(Plugin with_types_in crate::bindings);

    use super::Plugin;
}
