//! `tools`: the JSON door.

use super::{Plugin, with_client};
use crate::contract::tools::{Connection, Error, Guest, Tool};
use crate::tools;

impl Guest for Plugin {
    fn list_tools() -> Vec<Tool> {
        tools::list()
    }

    fn call_tool(connection: Connection, name: String, arguments: String) -> Result<String, Error> {
        with_client(connection, |client| {
            tools::call(client, &name, &arguments).map(|answer| answer.to_string())
        })
    }
}
