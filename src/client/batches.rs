//! Writes of many rows: cut into requests, sent one after the other, in order.

use super::Client;
use crate::dialect::Spoken;
use crate::error::{Error, Outcome, Retry};
use crate::operations::entities::{Insert, Upsert, Written};
use serde_json::Value;
use serde_json::value::RawValue;
use std::ops::Range;

/// The rows of one request have at most so many bytes together, unless one row alone has more. Milvus takes more; a
/// body has to be whole before it is sent, so it stays bounded.
pub const BATCH_BYTES: usize = 16 << 20;

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Adds rows.
    Insert,
    /// Replaces rows by key; `partial` keeps fields that are left out.
    Upsert {
        /// Whether fields that are left out keep their value.
        partial: bool,
    },
}

/// What is in.
#[derive(Debug, Default, PartialEq)]
pub struct Report {
    /// Rows that Milvus confirmed.
    pub rows: u32,
    /// Their keys, in order, as Milvus wrote them.
    pub ids: Vec<Value>,
    /// Number of HTTP requests that the rows were cut into.
    pub requests: u32,
}

/// A write that did not complete.
#[derive(Debug)]
pub struct Failure {
    /// Why it ended.
    pub cause: Error,
    /// What is in.
    pub confirmed: Report,
    /// First row that was not sent.
    pub resume_at: u32,
}

/// Writes `rows`, one JSON object each. All are fitted to the dialect before one is sent, which may take one more request.
///
/// # Errors
/// The first failure ends the write: it says what is in, what is in doubt and where to go on.
pub fn write(
    client: &mut Client<'_>,
    mode: Mode,
    collection_name: &str,
    partition_name: Option<&str>,
    rows: &[Box<RawValue>],
) -> Result<Report, Failure> {
    let mut report = Report::default();
    let fits = match mode {
        Mode::Insert => {
            let insert = Insert {
                collection_name,
                partition_name,
                data: rows,
            };
            client.fit(&insert, None).map(drop)
        }
        Mode::Upsert { partial } => {
            let upsert = Upsert {
                collection_name,
                partition_name,
                data: rows,
                partial_update: partial,
            };
            client.fit(&upsert, None).map(drop)
        }
    };
    if let Err(cause) = fits {
        return Err(Failure {
            cause,
            confirmed: report,
            resume_at: 0,
        });
    }
    for batch in cut(rows, BATCH_BYTES) {
        let data = &rows[batch.clone()];
        report.requests += 1;
        let written = match mode {
            Mode::Insert => send(
                client,
                &Insert {
                    collection_name,
                    partition_name,
                    data,
                },
                data.len(),
            ),
            Mode::Upsert { partial } => send(
                client,
                &Upsert {
                    collection_name,
                    partition_name,
                    data,
                    partial_update: partial,
                },
                data.len(),
            ),
        };
        match written {
            Ok(written) => {
                report.rows += u32::try_from(data.len()).unwrap_or(u32::MAX);
                report.ids.extend(written.ids);
            }
            Err(mut cause) => {
                let undone = cause.outcome == Outcome::NotApplied;
                let resume = if undone { batch.start } else { batch.end };
                if report.rows > 0 {
                    cause.outcome = Outcome::PartlyApplied;
                    cause.retry = Retry::AfterCheck;
                }
                let resume_at = u32::try_from(resume).unwrap_or(u32::MAX);
                return Err(Failure {
                    cause,
                    confirmed: report,
                    resume_at,
                });
            }
        }
    }
    Ok(report)
}

fn send<O: Spoken<Answer = Written>>(
    client: &mut Client<'_>,
    operation: &O,
    rows: usize,
) -> Result<Written, Error> {
    let written = client.run(operation)?;
    let (count, ids) = (written.count, written.ids.len());
    if count != rows as u64 || ids != rows && ids != 0 {
        let cause =
            anyhow::anyhow!("{rows} rows were sent, {count} are said to be in, under {ids} ids");
        return Err(Error::protocol(&cause)
            .with_outcome(Outcome::Unknown)
            .with_retry(Retry::AfterCheck));
    }
    Ok(written)
}

/// Cuts rows into runs of at most `limit` bytes each, at least one row a run.
fn cut(rows: &[Box<RawValue>], limit: usize) -> Vec<Range<usize>> {
    let mut runs = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (position, row) in rows.iter().enumerate() {
        let size = row.get().len() + 1;
        if position > start && bytes + size > limit {
            runs.push(start..position);
            (start, bytes) = (position, 0);
        }
        bytes += size;
    }
    if start < rows.len() {
        runs.push(start..rows.len());
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::scripted::{Scripted, connection};

    fn rows(count: usize, bytes: usize) -> Vec<Box<RawValue>> {
        let text = "x".repeat(bytes);
        (0..count)
            .map(|id| RawValue::from_string(format!(r#"{{"id":{id},"t":"{text}"}}"#)).unwrap())
            .collect()
    }

    #[test]
    fn rows_are_cut_by_bytes_and_none_is_lost() {
        let rows = rows(5, 10);
        let runs = cut(&rows, 2 * (rows[0].get().len() + 1));
        assert_eq!(runs, [0..2, 2..4, 4..5]);
        assert_eq!(cut(&rows, 1), [0..1, 1..2, 2..3, 3..4, 4..5]);
        assert!(cut(&[], 1).is_empty());
    }

    #[test]
    fn rows_within_the_limit_are_one_request() {
        let mut transport = Scripted::new().answers(
            200,
            r#"{"code":0,"data":{"insertCount":3,"insertIds":[0,1,2]}}"#,
        );
        let mut client = Client::new(&mut transport, connection()).unwrap();
        let report = write(&mut client, Mode::Insert, "c", None, &rows(3, 10)).unwrap();
        assert_eq!((report.rows, report.requests, report.ids.len()), (3, 1, 3));
    }

    #[test]
    fn t75_a_failure_says_what_is_in_what_is_in_doubt_and_where_to_go_on() {
        let half = BATCH_BYTES / 2 - 100;
        let mut transport = Scripted::new()
            .answers(
                200,
                r#"{"code":0,"data":{"insertCount":2,"insertIds":[0,1]}}"#,
            )
            .answers(200, r#"{"code":65535,"message":"boom"}"#);
        let mut client = Client::new(&mut transport, connection()).unwrap();
        let failure = write(&mut client, Mode::Insert, "c", None, &rows(5, half)).unwrap_err();
        assert_eq!(failure.confirmed.rows, 2);
        assert_eq!(
            failure.resume_at, 4,
            "rows 2 and 3 are in doubt, row 4 was not sent"
        );
        assert_eq!(failure.cause.outcome, Outcome::PartlyApplied);
    }

    #[test]
    fn t43_a_server_that_counts_other_rows_is_not_believed() {
        for answer in [
            r#"{"code":0,"data":{"insertCount":1,"insertIds":[0]}}"#,
            r#"{"code":0,"data":{"insertCount":4,"insertIds":[0,1,2,3]}}"#,
            r#"{"code":0,"data":{"insertCount":3,"insertIds":[0,1]}}"#,
            r#"{"code":0,"data":{"insertCount":3,"insertIds":[0,1,2,3]}}"#,
            r#"{"code":0,"data":{"insertIds":[0,1,2]}}"#,
        ] {
            let mut transport = Scripted::new().answers(200, answer);
            let mut client = Client::new(&mut transport, connection()).unwrap();
            let failure = write(&mut client, Mode::Insert, "c", None, &rows(3, 10)).unwrap_err();
            assert_eq!(
                (failure.confirmed.rows, failure.resume_at),
                (0, 3),
                "{answer}"
            );
            assert_eq!(failure.cause.outcome, Outcome::Unknown, "{answer}");
        }
    }

    #[test]
    fn over_v1_rows_that_it_would_store_otherwise_are_not_sent() {
        let mut transport = Scripted::new().data(
            r#"{"fields":[{"name":"id","type":"Int64","primaryKey":true,"autoId":true},
               {"name":"vector","type":"FloatVector(2)"}],"enableDynamicField":true}"#,
        );
        let mut v1 = connection();
        v1.server = Some("rest=v1".into());
        let mut client = Client::new(&mut transport, v1).unwrap();
        let row = RawValue::from_string(r#"{"vector":["1","2"]}"#.into()).unwrap();
        let failure = write(&mut client, Mode::Insert, "c", None, &[row]).unwrap_err();
        assert_eq!(failure.cause.argument.as_deref(), Some("data[0].vector"));
        assert_eq!((failure.confirmed.rows, failure.resume_at), (0, 0));
        assert_eq!(transport.sent.len(), 1, "the schema, and no rows");
    }
}
