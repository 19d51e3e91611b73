//! Columns into rows: the typed door's rows as the JSON objects that an insert sends.

use super::json::Members;
use super::vector;
use crate::contract::types::{ArrayColumn, ArrayElements, Column, ColumnData, RowBatch};
use crate::error::Error;
use routes::JsonFields;
use serde::Serialize;
use serde_json::value::RawValue;
use std::collections::BTreeSet;
use std::fmt::Write;

/// The rows of a batch, one JSON object each, in order.
///
/// A JSON column's text or `null` is sent as JSON source in text, since Milvus reads a bare one differently
/// (`httpserver/utils.go: checkAndSetData`), but where a server takes the document itself.
///
/// # Errors
/// `invalid-argument` naming the column: unequal lengths, a name that comes twice, a null position out of order,
/// a value that JSON cannot hold, a dynamic part that is no object or repeats a column.
pub fn encode(batch: &RowBatch, json: JsonFields) -> Result<Vec<Box<RawValue>>, Error> {
    let rows = batch.rows as usize;
    if rows == 0 {
        return Err(Error::invalid(
            "rows",
            "expected at least one row, came none",
        ));
    }
    let mut names = BTreeSet::new();
    let mut texts = vec![String::from("{"); rows];
    for (position, column) in batch.columns.iter().enumerate() {
        let argument = format!("columns[{position}]");
        if column.name.is_empty() || !names.insert(column.name.as_str()) {
            return Err(Error::invalid(
                format!("{argument}.name"),
                "expected a field name that no other column has",
            ));
        }
        let nulls = null_positions(&argument, column, rows)?;
        let cells = cells(&argument, &column.data, json)?;
        if cells.len() != rows {
            return Err(Error::invalid(
                format!("{argument}.data"),
                format_args!("expected {rows} values, one a row, came {}", cells.len()),
            ));
        }
        let name = quoted(&column.name);
        for (row, cell) in cells.iter().enumerate() {
            let text = &mut texts[row];
            let comma = if text.len() > 1 { "," } else { "" };
            let value = if nulls.contains(&row) {
                "null"
            } else {
                cell.as_str()
            };
            let _ = write!(text, "{comma}{name}:{value}");
        }
    }
    add_dynamic(batch, &names, &mut texts)?;
    texts
        .into_iter()
        .map(|mut text| {
            text.push('}');
            RawValue::from_string(text).map_err(|cause| Error::protocol(&cause.into()))
        })
        .collect()
}

fn null_positions(argument: &str, column: &Column, rows: usize) -> Result<BTreeSet<usize>, Error> {
    let ascending = column.nulls.windows(2).all(|pair| pair[0] < pair[1]);
    let inside = column
        .nulls
        .last()
        .is_none_or(|last| (*last as usize) < rows);
    if !ascending || !inside {
        return Err(Error::invalid(
            format!("{argument}.nulls"),
            format_args!("expected ascending positions below {rows}"),
        ));
    }
    Ok(column
        .nulls
        .iter()
        .map(|position| *position as usize)
        .collect())
}

fn add_dynamic(
    batch: &RowBatch,
    names: &BTreeSet<&str>,
    texts: &mut [String],
) -> Result<(), Error> {
    if batch.dynamic.is_empty() {
        return Ok(());
    }
    if batch.dynamic.len() != texts.len() {
        return Err(Error::invalid(
            "dynamic",
            format_args!(
                "expected {} objects, one a row, or none; came {}",
                texts.len(),
                batch.dynamic.len()
            ),
        ));
    }
    for (row, source) in batch.dynamic.iter().enumerate() {
        let argument = format!("dynamic[{row}]");
        let Members(members) = serde_json::from_str(source).map_err(|_| {
            Error::invalid(
                &argument,
                "expected the text of a JSON object, each name once",
            )
        })?;
        for (name, value) in members {
            if names.contains(name.as_str()) || name == "$meta" {
                return Err(Error::invalid(
                    argument,
                    "expected names that no column has, and not `$meta`",
                ));
            }
            let text = &mut texts[row];
            let comma = if text.len() > 1 { "," } else { "" };
            let _ = write!(text, "{comma}{}:{}", quoted(&name), value.get());
        }
    }
    Ok(())
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn plain<T: Serialize>(values: &[T]) -> Result<Vec<String>, Error> {
    values
        .iter()
        .map(|value| serde_json::to_string(value).map_err(|cause| Error::protocol(&cause.into())))
        .collect()
}

fn finite<T: Copy + Into<f64>>(argument: &str, values: &[T]) -> Result<(), Error> {
    match values.iter().position(|value| !(*value).into().is_finite()) {
        None => Ok(()),
        Some(position) => Err(Error::invalid(
            format!("{argument}.data[{position}]"),
            "expected a finite number, came NaN or an infinity",
        )),
    }
}

fn cells(argument: &str, data: &ColumnData, json: JsonFields) -> Result<Vec<String>, Error> {
    let vectors =
        |rows: Vec<Box<RawValue>>| rows.into_iter().map(|row| row.get().to_owned()).collect();
    Ok(match data {
        ColumnData::Booleans(values) => plain(values)?,
        ColumnData::Int8(values) => plain(values)?,
        ColumnData::Int16(values) => plain(values)?,
        ColumnData::Int32(values) => plain(values)?,
        ColumnData::Int64(values) => plain(values)?,
        ColumnData::Float(values) => {
            finite(argument, values)?;
            plain(values)?
        }
        ColumnData::Double(values) => {
            finite(argument, values)?;
            plain(values)?
        }
        ColumnData::Varchar(values) => plain(values)?,
        ColumnData::Json(values) => values
            .iter()
            .enumerate()
            .map(|(row, source)| {
                let value = raw_value(argument, row, source)?;
                Ok(match value.as_bytes().first() {
                    Some(b'"' | b'n') if json != JsonFields::Native => quoted(value),
                    _ => value.to_owned(),
                })
            })
            .collect::<Result<_, Error>>()?,
        ColumnData::Raw(values) => raw_values(argument, values)?,
        ColumnData::Array(column) => array_cells(argument, column)?,
        ColumnData::FloatVector(matrix) => vectors(vector::encode_f32(argument, matrix)?),
        ColumnData::Float16Vector(matrix) | ColumnData::Bfloat16Vector(matrix) => {
            vectors(vector::encode_u16(argument, matrix)?)
        }
        ColumnData::Int8Vector(matrix) => vectors(vector::encode_s8(argument, matrix)?),
        ColumnData::BinaryVector(matrix) => vectors(vector::encode_bits(argument, matrix)?),
        ColumnData::SparseFloatVector(matrix) => vectors(vector::encode_sparse(argument, matrix)?),
    })
}

/// The one JSON value in a text.
fn raw_value<'a>(argument: &str, row: usize, source: &'a str) -> Result<&'a str, Error> {
    let value: Result<&RawValue, _> = serde_json::from_str(source);
    value.map(RawValue::get).map_err(|_| {
        Error::invalid(
            format!("{argument}.data[{row}]"),
            "expected the text of one JSON value",
        )
    })
}

fn raw_values(argument: &str, values: &[String]) -> Result<Vec<String>, Error> {
    let values = values.iter().enumerate();
    values
        .map(|(row, source)| raw_value(argument, row, source).map(str::to_owned))
        .collect()
}

fn array_cells(argument: &str, column: &ArrayColumn) -> Result<Vec<String>, Error> {
    let elements = match &column.elements {
        ArrayElements::Booleans(values) => plain(values)?,
        ArrayElements::Int8(values) => plain(values)?,
        ArrayElements::Int16(values) => plain(values)?,
        ArrayElements::Int32(values) => plain(values)?,
        ArrayElements::Int64(values) => plain(values)?,
        ArrayElements::Float(values) => {
            finite(argument, values)?;
            plain(values)?
        }
        ArrayElements::Double(values) => {
            finite(argument, values)?;
            plain(values)?
        }
        ArrayElements::Varchar(values) => plain(values)?,
        ArrayElements::Raw(values) => raw_values(argument, values)?,
    };
    let bounds = vector::row_bounds(argument, &column.offsets, elements.len())?;
    Ok(bounds
        .into_iter()
        .map(|(start, end)| format!("[{}]", elements[start..end].join(",")))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::types::F32Matrix;

    fn column(name: &str, data: ColumnData, nulls: Vec<u32>) -> Column {
        Column {
            name: name.into(),
            data,
            nulls,
        }
    }

    fn encode_old(batch: &RowBatch) -> Result<Vec<Box<RawValue>>, Error> {
        encode(batch, JsonFields::Old)
    }

    fn batch(rows: u32, columns: Vec<Column>, dynamic: Vec<String>) -> RowBatch {
        RowBatch {
            rows,
            columns,
            dynamic,
        }
    }

    #[test]
    fn columns_become_one_object_a_row() {
        let rows = encode_old(&batch(
            2,
            vec![
                column(
                    "id",
                    ColumnData::Int64(vec![9_007_199_254_740_993, i64::MIN]),
                    vec![],
                ),
                column(
                    "word",
                    ColumnData::Varchar(vec!["a\"b".into(), String::new()]),
                    vec![1],
                ),
                column(
                    "v",
                    ColumnData::FloatVector(F32Matrix {
                        dim: 2,
                        values: vec![0.1, 0.2, 1.0, 2.0],
                    }),
                    vec![],
                ),
            ],
            vec![r#"{"extra":1}"#.into(), "{}".into()],
        ))
        .unwrap();
        let texts: Vec<&str> = rows.iter().map(|row| row.get()).collect();
        assert_eq!(
            texts,
            [
                r#"{"id":9007199254740993,"word":"a\"b","v":[0.1,0.2],"extra":1}"#,
                r#"{"id":-9223372036854775808,"word":null,"v":[1.0,2.0]}"#
            ]
        );
    }

    #[test]
    fn json_text_and_json_null_travel_as_json_source() {
        let source = vec![
            "{\"a\":1}".into(),
            "\"s\"".into(),
            "null".into(),
            "5".into(),
        ];
        let rows = encode_old(&batch(
            4,
            vec![column("meta", ColumnData::Json(source), vec![])],
            vec![],
        ))
        .unwrap();
        let texts: Vec<&str> = rows.iter().map(|row| row.get()).collect();
        assert_eq!(
            texts,
            [
                r#"{"meta":{"a":1}}"#,
                r#"{"meta":"\"s\""}"#,
                r#"{"meta":"null"}"#,
                r#"{"meta":5}"#
            ]
        );
    }

    #[test]
    fn a_document_travels_as_it_is_where_the_server_takes_it() {
        let text = |json| {
            let batch = batch(
                1,
                vec![
                    column("meta", ColumnData::Json(vec!["\"s\"".into()]), vec![]),
                    column(
                        "place",
                        ColumnData::Raw(vec!["\"POINT (1 2)\"".into()]),
                        vec![],
                    ),
                ],
                vec![],
            );
            encode(&batch, json).unwrap()[0].get().to_owned()
        };
        let old = r#"{"meta":"\"s\"","place":"POINT (1 2)"}"#;
        assert_eq!([text(JsonFields::Old), text(JsonFields::Text)], [old, old]);
        assert_eq!(
            text(JsonFields::Native),
            r#"{"meta":"s","place":"POINT (1 2)"}"#
        );
    }

    #[test]
    fn columns_of_unequal_length_are_named() {
        let error = encode_old(&batch(
            2,
            vec![column("id", ColumnData::Int64(vec![1]), vec![])],
            vec![],
        ))
        .unwrap_err();
        assert_eq!(
            error.message,
            "columns[0].data: expected 2 values, one a row, came 1"
        );
    }

    #[test]
    fn a_dynamic_part_cannot_replace_a_column() {
        let error = encode_old(&batch(
            1,
            vec![column("id", ColumnData::Int64(vec![1]), vec![])],
            vec![r#"{"id":2}"#.into()],
        ))
        .unwrap_err();
        assert_eq!(error.argument.as_deref(), Some("dynamic[0]"));
    }
}
