//! `milvus_drop_collection`: removes a collection with all its rows.

use super::{Arguments, answers};
use crate::client::Client;
use crate::error::Error;
use crate::operations::collections::DropCollection;
use serde_json::Value;

pub(super) fn run(client: &mut Client<'_>, mut arguments: Arguments) -> Result<Value, Error> {
    let collection_name = arguments.required_identifier("collection_name")?;
    arguments.finish()?;
    let operation = DropCollection { collection_name };
    client.run(&operation)?;
    Ok(answers::done(&operation.collection_name, "dropped"))
}
