//! The typed door, through the host's own functions, to a real Milvus.

mod doors;
mod entities;
mod pages;
mod search;

use host_harness::collections::CollectionRequest;
use host_harness::entities::{CountRequest, InsertRequest, QueryRequest, Selection, UpsertRequest};
use host_harness::types::{Column, ColumnData, F32Matrix, FilterExpression, Ids, RowBatch};
use serde_json::Value;

use crate::servers::local::{Server, Stage, stage, unique};

/// A collection of its own for a test.
#[derive(Debug)]
struct Collection {
    stage: Stage,
    name: String,
}

impl Collection {
    /// A collection that `arguments` of `milvus_create_collection` describe.
    async fn new(server: Server, arguments: Value) -> Self {
        let (stage, name) = (stage(server), unique("typed"));
        stage.create(&name, arguments).await;
        Self { stage, name }
    }

    /// A write of columns.
    fn rows(&self, rows: u32, columns: Vec<Column>) -> InsertRequest {
        InsertRequest {
            collection_name: self.name.clone(),
            partition_name: None,
            rows: batch(rows, columns),
            extra: None,
        }
    }

    /// The same, in the place of those of the same key.
    fn replacing(&self, rows: u32, columns: Vec<Column>, partial: bool) -> UpsertRequest {
        UpsertRequest {
            collection_name: self.name.clone(),
            partition_name: None,
            rows: batch(rows, columns),
            partial,
            extra: None,
        }
    }

    /// The collection itself.
    fn itself(&self) -> CollectionRequest {
        CollectionRequest {
            collection_name: self.name.clone(),
            extra: None,
        }
    }

    /// A read of what `selection` says.
    fn read(&self, selection: Selection) -> QueryRequest {
        QueryRequest {
            collection_name: self.name.clone(),
            partition_names: Vec::new(),
            selection,
            output_fields: Vec::new(),
            offset: 0,
            limit: 100,
            consistency_level: None,
            schema: None,
            extra: None,
        }
    }

    /// A count of what `selection` says.
    fn count(&self, selection: Selection) -> CountRequest {
        CountRequest {
            collection_name: self.name.clone(),
            partition_names: Vec::new(),
            selection,
            consistency_level: None,
            schema: None,
            extra: None,
        }
    }
}

fn batch(rows: u32, columns: Vec<Column>) -> RowBatch {
    RowBatch {
        rows,
        columns,
        dynamic: Vec::new(),
    }
}

fn column(name: &str, data: ColumnData) -> Column {
    Column {
        name: name.to_owned(),
        data,
        nulls: Vec::new(),
    }
}

fn vectors(dim: u32, values: Vec<f32>) -> ColumnData {
    ColumnData::FloatVector(F32Matrix { dim, values })
}

fn filter(expression: &str) -> FilterExpression {
    FilterExpression {
        expression: expression.to_owned(),
        params: None,
    }
}

fn by_filter(expression: &str) -> Selection {
    Selection::ByFilter(filter(expression))
}

fn by_ids(ids: &[i64]) -> Selection {
    Selection::ByIds(Ids::Int64(ids.to_vec()))
}

/// A column of an answer by its name.
fn data<'a>(columns: &'a [Column], name: &str) -> &'a ColumnData {
    let found = columns.iter().find(|column| column.name == name);
    &found
        .unwrap_or_else(|| panic!("no column {name} in {columns:?}"))
        .data
}

/// What an int64 column holds.
fn int64<'a>(columns: &'a [Column], name: &str) -> &'a [i64] {
    match data(columns, name) {
        ColumnData::Int64(values) => values,
        other => panic!("{name} is {other:?}"),
    }
}
