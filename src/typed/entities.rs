//! Rows: insert, upsert, delete, query, count.

use super::templates;
use crate::client::batches::{self, Failure, Mode, Report};
use crate::client::{Client, selection};
use crate::contract::entities::{
    DeleteReport, DeleteRequest, QueryRequest, Selection, WriteError, WriteReport, WriteRequest,
};
use crate::contract::types::{CollectionSchema, Column, ColumnData, Ids, RowBatch};
use crate::error::Error;
use crate::operations::entities::{Delete, Query, counted};
use crate::operations::{check_window, consistency_level_name};
use crate::values::{columns, int64, rows};
use serde_json::Value;

/// A write that failed before anything was sent.
impl From<Error> for WriteError {
    fn from(cause: Error) -> Self {
        Self {
            cause,
            confirmed: WriteReport {
                rows: 0,
                ids: None,
                requests: 0,
            },
            resume_at: 0,
        }
    }
}

/// Inserts or upserts the rows of a batch.
///
/// # Errors
/// What is in, what is in doubt and where to go on.
pub fn write(
    client: &mut Client<'_>,
    mode: Mode,
    request: &WriteRequest,
) -> Result<WriteReport, WriteError> {
    let encoded = rows::encode(&request.rows)?;
    batches::write(
        client,
        mode,
        &request.collection_name,
        request.partition_name.as_deref(),
        &encoded,
    )
    .map(|report| written(report, &request.rows.columns))
    .map_err(|failure| {
        let Failure {
            cause,
            confirmed,
            resume_at,
        } = failure;
        WriteError {
            cause,
            confirmed: written(confirmed, &request.rows.columns),
            resume_at,
        }
    })
}

fn written(report: Report, columns: &[Column]) -> WriteReport {
    WriteReport {
        rows: report.rows,
        ids: keys(&report.ids, columns),
        requests: report.requests,
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
    let (filter, expr_params) = match request.selection {
        Selection::ByFilter(filter) if filter.expression.trim().is_empty() => {
            return Err(Error::invalid(
                "selection",
                "expected an expression: an empty one does not mean all rows",
            ));
        }
        Selection::ByFilter(filter) => (
            filter.expression,
            templates("selection.params", filter.params.as_deref())?,
        ),
        Selection::ByIds(ids) => {
            let schema = schema_or_ask(client, request.schema, &request.collection_name)?;
            (selection::filter_of(&ids, &schema)?, None)
        }
    };
    let deleted = client.run(&Delete {
        collection_name: request.collection_name.into(),
        partition_name: request.partition_name,
        filter,
        expr_params,
    })?;
    Ok(DeleteReport {
        deleted: deleted.delete_count,
    })
}

/// The schema that a caller passed, or the server's.
pub(super) fn schema_or_ask(
    client: &mut Client<'_>,
    schema: Option<CollectionSchema>,
    collection_name: &str,
) -> Result<CollectionSchema, Error> {
    match schema {
        Some(schema) => Ok(schema),
        None => selection::schema(client, collection_name),
    }
}

/// A query without limit and offset.
pub(super) fn plan(
    request: QueryRequest,
    schema: Option<&CollectionSchema>,
) -> Result<Query, Error> {
    let (filter, expr_params) = match request.selection {
        Selection::ByFilter(filter) => (
            filter.expression,
            templates("selection.params", filter.params.as_deref())?,
        ),
        Selection::ByIds(ids) => {
            let schema =
                schema.ok_or_else(|| Error::invalid("schema", "expected one to select by ids"))?;
            (selection::filter_of(&ids, schema)?, None)
        }
    };
    Ok(Query {
        collection_name: request.collection_name.into(),
        partition_names: request.partition_names,
        filter,
        expr_params,
        output_fields: request.output_fields,
        consistency_level: request.consistency_level.map(consistency_level_name),
        ..Query::default()
    })
}

/// Reads rows once.
///
/// # Errors
/// `invalid-argument` for a window beyond Milvus', or Milvus' own.
pub fn query(
    client: &mut Client<'_>,
    mut request: QueryRequest,
    offset: u32,
    limit: u32,
) -> Result<RowBatch, Error> {
    check_window(limit, offset)?;
    let schema = schema_or_ask(client, request.schema.take(), &request.collection_name)?;
    let mut query = plan(request, Some(&schema))?;
    (query.limit, query.offset) = (Some(limit), offset);
    let rows = selection::rows(client, &query, Some(&schema))?;
    columns::decode(rows, &schema).map_err(|cause| Error::protocol(&cause))
}

/// Counts rows.
///
/// # Errors
/// `invalid-argument` if output fields are named, or Milvus' own.
pub fn count(client: &mut Client<'_>, mut request: QueryRequest) -> Result<u64, Error> {
    if !request.output_fields.is_empty() {
        return Err(Error::invalid(
            "output-fields",
            "expected none: a count has no fields",
        ));
    }
    let schema = match (&request.selection, request.schema.take()) {
        (Selection::ByIds(_), given) => {
            Some(schema_or_ask(client, given, &request.collection_name)?)
        }
        (Selection::ByFilter(_), given) => given,
    };
    let mut query = plan(request, schema.as_ref())?;
    query.output_fields = vec!["count(*)".into()];
    let rows = selection::rows(client, &query, schema.as_ref())?;
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
