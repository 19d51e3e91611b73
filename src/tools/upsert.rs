//! `milvus_upsert`: replaces rows by key, or adds them. The rows' text is sent as it came, so int64 stays exact.

use super::{Arguments, answers};
use crate::client::Client;
use crate::client::batches::{Mode, write};
use crate::error::Error;
use crate::values::filter::Identifier;
use serde_json::Value;

pub(super) fn run(client: &mut Client<'_>, mut arguments: Arguments) -> Result<Value, Error> {
    let collection_name: Identifier = arguments.get("collection_name")?;
    let rows = arguments.raw_objects("data")?;
    if rows.is_empty() {
        return Err(arguments.wrong("data", "expected at least one row, came none"));
    }
    let partition_name: Option<String> = arguments.get("partition_name")?;
    let partial: bool = arguments.get_or_default("partial")?;
    arguments.finish()?;
    write(
        client,
        Mode::Upsert { partial },
        &collection_name,
        partition_name.as_deref(),
        &rows,
    )
    .map(|report| answers::written("upsert_count", report))
    .map_err(answers::write_failed)
}
