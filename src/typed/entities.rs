//! Rows: insert, upsert, delete, query, count.

use super::fields::Fields;
use super::templates;
use crate::client::batches::{self, Failure, Mode, Report};
use crate::client::{Client, selection};
use crate::contract::entities::{
    CountRequest, DeleteReport, DeleteRequest, InsertRequest, QueryRequest, Selection,
    UpsertRequest, WriteError, WriteReport,
};
use crate::contract::types::{Column, ColumnData, Ids, RowBatch};
use crate::error::Error;
use crate::operations::entities::{Delete, Insert, Query, Upsert, counted};
use crate::operations::{check_window, consistency_level_name};
use crate::values::{int64, rows};
use serde_json::{Map, Value};

/// A write that failed before anything was sent.
impl From<Error> for WriteError {
    fn from(cause: Error) -> Self {
        Self {
            cause,
            confirmed: WriteReport {
                rows: 0,
                ids: None,
                requests: 0,
                extra: None,
            },
            resume_at: 0,
        }
    }
}

/// Inserts the rows of a batch.
///
/// # Errors
/// What is in, what is in doubt and where to go on.
pub fn insert(client: &mut Client<'_>, request: &InsertRequest) -> Result<WriteReport, WriteError> {
    client.add::<Insert<'_>>(request.extra.as_deref())?;
    let target = (&request.collection_name, request.partition_name.as_deref());
    write(client, Mode::Insert, target, &request.rows)
}

/// Upserts the rows of a batch.
///
/// # Errors
/// As [`insert`].
pub fn upsert(client: &mut Client<'_>, request: &UpsertRequest) -> Result<WriteReport, WriteError> {
    client.add::<Upsert<'_>>(request.extra.as_deref())?;
    let target = (&request.collection_name, request.partition_name.as_deref());
    let mode = Mode::Upsert {
        partial: request.partial,
    };
    write(client, mode, target, &request.rows)
}

fn write(
    client: &mut Client<'_>,
    mode: Mode,
    (collection_name, partition_name): (&String, Option<&str>),
    batch: &RowBatch,
) -> Result<WriteReport, WriteError> {
    let encoded = rows::encode(batch, client.json_fields())?;
    let ended = batches::write(client, mode, collection_name, partition_name, &encoded);
    let extra = client.members();
    let report = |report: Report| WriteReport {
        rows: report.rows,
        ids: keys(&report.ids, &batch.columns),
        requests: report.requests,
        extra,
    };
    match ended {
        Ok(done) => Ok(report(done)),
        Err(Failure {
            cause,
            confirmed,
            resume_at,
        }) => Err(WriteError {
            cause,
            confirmed: report(confirmed),
            resume_at,
        }),
    }
}

/// Keys as Milvus answered them. Text is a VarChar key, unless it spells what an int64 column of the request holds:
/// then a server answers int64 as text.
fn keys(values: &[Value], columns: &[Column]) -> Option<Ids> {
    if values.is_empty() {
        return None;
    }
    let integers: Option<Vec<i64>> = values.iter().map(int64::from_json).collect();
    let as_text = values.iter().any(Value::is_string);
    match integers {
        Some(integers) if !as_text || columns.iter().any(|column| matches!(&column.data, ColumnData::Int64(sent) if sent.starts_with(&integers))) => {
            Some(Ids::Int64(integers))
        }
        _ => values
            .iter()
            .map(|value| value.as_str().map(ToOwned::to_owned))
            .collect::<Option<Vec<_>>>()
            .map(Ids::Varchar),
    }
}

/// Deletes rows.
///
/// # Errors
/// `invalid-argument` if nothing is selected, or Milvus' own.
pub fn delete(client: &mut Client<'_>, request: DeleteRequest) -> Result<DeleteReport, Error> {
    client.add::<Delete>(request.extra.as_deref())?;
    if let Selection::ByFilter(filter) = &request.selection
        && filter.expression.trim().is_empty()
    {
        return Err(Error::invalid(
            "selection",
            "expected an expression: an empty one does not mean all rows",
        ));
    }
    let mut fields = Fields::of(request.schema.as_deref(), &request.collection_name)?;
    let (filter, expr_params) = selected(client, &mut fields, request.selection)?;
    let deleted = client.run(&Delete {
        collection_name: request.collection_name.as_str().into(),
        partition_name: request.partition_name,
        filter,
        expr_params,
    })?;
    Ok(DeleteReport {
        deleted: deleted.delete_count,
        extra: client.members(),
    })
}

/// The filter of a selection, and the values of its templates. Keys are written into one, which takes the key's name.
fn selected(
    client: &mut Client<'_>,
    fields: &mut Fields<'_>,
    selection: Selection,
) -> Result<(String, Option<Map<String, Value>>), Error> {
    match selection {
        Selection::ByFilter(filter) => {
            let params = templates("selection.params", filter.params.as_deref())?;
            Ok((filter.expression, params))
        }
        Selection::ByIds(ids) => Ok((selection::filter_of(&ids, fields.get(client)?)?, None)),
    }
}

/// Reads rows once.
///
/// # Errors
/// `invalid-argument` for a window beyond Milvus', or Milvus' own.
pub fn query(client: &mut Client<'_>, request: QueryRequest) -> Result<RowBatch, Error> {
    client.add::<Query>(request.extra.as_deref())?;
    check_window(request.limit, request.offset)?;
    let mut fields = Fields::of(request.schema.as_deref(), &request.collection_name)?;
    let (filter, expr_params) = selected(client, &mut fields, request.selection)?;
    let query = Query {
        collection_name: request.collection_name.as_str().into(),
        partition_names: request.partition_names,
        filter,
        expr_params,
        output_fields: request.output_fields,
        limit: Some(request.limit),
        offset: request.offset,
        consistency_level: request.consistency_level.map(consistency_level_name),
    };
    let rows = selection::rows(client, &query, fields.known())?;
    fields.columns(client, rows)
}

/// Counts rows.
///
/// # Errors
/// Milvus' own.
pub fn count(client: &mut Client<'_>, request: CountRequest) -> Result<u64, Error> {
    client.add::<Query>(request.extra.as_deref())?;
    let mut fields = Fields::of(request.schema.as_deref(), &request.collection_name)?;
    let (filter, expr_params) = selected(client, &mut fields, request.selection)?;
    let query = Query {
        collection_name: request.collection_name.as_str().into(),
        partition_names: request.partition_names,
        filter,
        expr_params,
        output_fields: vec!["count(*)".into()],
        consistency_level: request.consistency_level.map(consistency_level_name),
        ..Query::default()
    };
    let rows = selection::rows(client, &query, fields.known())?;
    counted(&rows).map_err(|cause| Error::protocol(&cause))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn int64_column(values: Vec<i64>) -> Vec<Column> {
        vec![Column {
            name: "id".into(),
            data: ColumnData::Int64(values),
            nulls: vec![],
        }]
    }

    #[test]
    fn keys_that_are_numbers_are_int64() {
        assert_eq!(
            keys(&[json!(9_007_199_254_740_993_i64)], &[]),
            Some(Ids::Int64(vec![9_007_199_254_740_993]))
        );
    }

    #[test]
    fn keys_that_are_text_are_varchar_unless_int64_was_sent() {
        let text = [json!("7"), json!("8")];
        assert_eq!(
            keys(&text, &[]),
            Some(Ids::Varchar(vec!["7".into(), "8".into()]))
        );
        assert_eq!(
            keys(&text, &int64_column(vec![7, 8])),
            Some(Ids::Int64(vec![7, 8]))
        );
    }
}
