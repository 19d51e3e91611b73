//! `server`: what the server is.

use super::{Plugin, with_client};
use crate::client::probe;
use crate::contract::server::{Connection, Error, Guest, ServerInfo};

impl Guest for Plugin {
    fn probe(connection: Connection) -> Result<ServerInfo, Error> {
        with_client(connection, probe::probe)
    }
}
