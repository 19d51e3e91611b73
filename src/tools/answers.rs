//! Answers of the JSON door: rows, hits and reports as JSON that every reader holds exactly.

use crate::client::batches::{Failure, Report};
use crate::client::hits::Found;
use crate::error::Error;
use crate::values::columns::{Row, unwrap_arrays};
use crate::values::int64::make_safe;
use serde_json::{Value, json};

/// Rows as they are shown: arrays as plain lists, large integers as text.
pub(super) fn rows(rows: Vec<Row>) -> Value {
    Value::Array(rows.into_iter().map(row).collect())
}

fn row(mut row: Row) -> Value {
    unwrap_arrays(&mut row);
    let mut value = Value::Object(row);
    make_safe(&mut value);
    value
}

/// Hits as they are shown.
pub(super) fn hits(found: Found) -> Value {
    let hits = found.hits.into_iter().map(|hit| {
        let mut id = hit.id;
        make_safe(&mut id);
        json!({"id": id, "distance": hit.distance, "entity": row(hit.entity)})
    });
    json!({"hits": hits.collect::<Vec<_>>()})
}

/// What a write did; `count` is the name of the number of rows.
pub(super) fn written(count: &str, report: Report) -> Value {
    let mut ids = Value::Array(report.ids);
    make_safe(&mut ids);
    json!({count: report.rows, "ids": ids, "requests": report.requests})
}

/// A write that did not complete, as one error: what is in, what is in doubt, where to go on.
pub(super) fn write_failed(failure: Failure) -> Error {
    let Failure {
        cause,
        confirmed,
        resume_at,
    } = failure;
    if confirmed.rows == 0 && resume_at == 0 {
        return cause;
    }
    let doubt = if confirmed.rows < resume_at {
        format!(
            "rows {} to {} are in doubt, ",
            confirmed.rows,
            resume_at - 1
        )
    } else {
        String::new()
    };
    let first = match confirmed.ids.as_slice() {
        [] => String::new(),
        [only] => format!(" (key {only})"),
        [first, .., last] => format!(" (keys {first} to {last})"),
    };
    let prefix = format!(
        "{} rows are in{first}, {doubt}go on at row {resume_at}",
        confirmed.rows
    );
    cause.within(&prefix)
}

/// The answer of an operation without content.
pub(super) fn done(collection_name: &str, status: &str) -> Value {
    json!({"collection_name": collection_name, "status": status})
}
