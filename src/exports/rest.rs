//! `rest`: any route of the table.

use super::{Plugin, with_client};
use crate::client::rest;
use crate::contract::rest::{Connection, Error, Guest};

impl Guest for Plugin {
    fn call(connection: Connection, route: String, body: String) -> Result<String, Error> {
        with_client(connection, |client| rest::call(client, &route, &body))
    }
}
