//! `milvus_load_collection`: asks Milvus to load a collection.

use super::{Arguments, answers};
use crate::client::Client;
use crate::error::Error;
use crate::operations::collections::LoadCollection;
use serde_json::Value;

pub(super) fn run(client: &mut Client<'_>, mut arguments: Arguments) -> Result<Value, Error> {
    let collection_name = arguments.required_identifier("collection_name")?;
    arguments.finish()?;
    let operation = LoadCollection { collection_name };
    client.run(&operation)?;
    Ok(answers::done(&operation.collection_name, "load_requested"))
}
