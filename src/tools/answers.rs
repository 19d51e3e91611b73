//! Answers of the tools: rows, hits and reports as JSON that every reader holds exactly.

use super::description::describe;
use crate::client::batches::{Failure, Report};
use crate::client::hits::Found;
use crate::error::Error;
use crate::operations::collections::{LoadState, Stats};
use crate::operations::schema::Description;
use crate::operations::{Done, Exists, Names};
use crate::values::columns::{Row, unwrap_arrays};
use crate::values::int64::{make_safe, to_json};
use serde_json::{Map, Value, json};

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

/// What a declared operation answered, as a tool shows it.
pub(super) trait Shown {
    /// `word` is what it is shown under, `arguments` what the operation was taken from.
    fn shown(self, word: &'static str, arguments: Map<String, Value>) -> Map<String, Value>;
}

/// Answers that are one member: the answer, and the member's value.
macro_rules! members {
    ($($answer:ident => |$value:pat_param| $member:expr;)*) => {$(
        impl Shown for $answer {
            fn shown(self, word: &'static str, _: Map<String, Value>) -> Map<String, Value> {
                let $value = self;
                Map::from_iter([(word.to_owned(), $member)])
            }
        }
    )*};
}

members! {
    Names => |Names(names)| names.into();
    Exists => |Exists { has }| has.into();
    Stats => |Stats { row_count }| to_json(row_count);
    Description => |description| describe(&description);
}

impl Shown for LoadState {
    fn shown(self, word: &'static str, _: Map<String, Value>) -> Map<String, Value> {
        let mut members = Map::from_iter([(word.to_owned(), self.load_state.into())]);
        members.extend(
            self.load_progress
                .map(|percent| ("load_progress".to_owned(), percent.into())),
        );
        members
    }
}

/// The operation's arguments, and the word as its status.
impl Shown for Done {
    fn shown(self, word: &'static str, mut arguments: Map<String, Value>) -> Map<String, Value> {
        arguments.insert("status".to_owned(), word.into());
        arguments
    }
}
