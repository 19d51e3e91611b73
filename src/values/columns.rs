//! Rows into columns: Milvus' answers as the typed door gives them, read with the collection's schema.
//!
//! Milvus' answers vary with version and server switches; all forms are read: int64 as number or text, arrays as
//! lists or as their protobuf object, JSON fields as text or as values, Int8Vector as base64 or as a list.

use super::int64;
use crate::contract::types::{
    ArrayColumn, ArrayElements, BitMatrix, CollectionSchema, Column, ColumnData, F32Matrix,
    FieldSchema, Ids, RowBatch, S8Matrix, SparseMatrix, U16Matrix,
};
use anyhow::{Context, Result, anyhow, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::fmt;

/// One row of an answer: field name to value.
pub type Row = Map<String, Value>;

/// Rows of an answer, each field of a row once: of two that a server says, readers disagree on which counts.
#[derive(Debug)]
pub struct Rows(pub Vec<Row>);

impl<'de> Deserialize<'de> for Rows {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Once(Row);
        impl<'de> Deserialize<'de> for Once {
            fn deserialize<D: Deserializer<'de>>(
                deserializer: D,
            ) -> std::result::Result<Self, D::Error> {
                deserializer.deserialize_map(Fields).map(Self)
            }
        }
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Row;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a row")
            }

            fn visit_map<A: MapAccess<'de>>(
                self,
                mut members: A,
            ) -> std::result::Result<Row, A::Error> {
                let mut row = Row::new();
                while let Some((name, value)) = members.next_entry::<String, Value>()? {
                    if row.insert(name, value).is_some() {
                        return Err(de::Error::custom("a field comes twice"));
                    }
                }
                Ok(row)
            }
        }
        let rows = Vec::<Once>::deserialize(deserializer)?;
        Ok(Self(rows.into_iter().map(|Once(row)| row).collect()))
    }
}

/// The largest dimension in Milvus: of a binary vector; others have at most 32,768. A null vector takes as much room as
/// its dimension says, and a server says what it likes.
const MAX_DIMENSION: u32 = 262_144;

/// The elements of an array as Milvus answers it: a list, or its protobuf object
/// `{"Data": {"LongData": {"data": [..]}}}` (up to 3.0.0; an empty list has no `data`).
pub fn array_elements(value: &Value) -> Option<&[Value]> {
    match value {
        Value::Array(items) => Some(items),
        Value::Object(members) if members.len() == 1 => {
            let Value::Object(kinds) = members.get("Data")? else {
                return None;
            };
            let (kind, inner) = kinds.iter().next()?;
            if kinds.len() != 1 || !ARRAY_KINDS.contains(&kind.as_str()) {
                return None;
            }
            match inner.as_object()?.get("data") {
                Some(Value::Array(items)) => Some(items),
                None => Some(&[]),
                Some(_) => None,
            }
        }
        _ => None,
    }
}

/// Names of the protobuf object's members (`schemapb.ScalarField`).
const ARRAY_KINDS: [&str; 6] = [
    "BoolData",
    "IntData",
    "LongData",
    "FloatData",
    "DoubleData",
    "StringData",
];

/// Replaces every array in its protobuf form by the plain list, for the JSON door.
pub fn unwrap_arrays(row: &mut Row) {
    for value in row.values_mut() {
        if value.is_object()
            && let Some(items) = array_elements(value)
        {
            *value = Value::Array(items.to_vec());
        }
    }
}

/// Primary keys as a column of their own.
///
/// # Errors
/// A value that is neither a whole number nor text, or a mix of both kinds of keys.
pub fn ids(values: &[Value], key: Option<&FieldSchema>) -> Result<Ids> {
    let varchar = match key {
        Some(field) => field.data_type != "Int64",
        // Without a schema, text that is no number can only be a VarChar key.
        None => values.iter().any(|value| int64::from_json(value).is_none()),
    };
    if varchar {
        let texts = values.iter().map(|value| {
            value
                .as_str()
                .map(ToOwned::to_owned)
                .ok_or_else(|| anyhow!("a primary key is no text"))
        });
        return Ok(Ids::Varchar(texts.collect::<Result<_>>()?));
    }
    let integers = values
        .iter()
        .map(|value| int64::from_json(value).ok_or_else(|| anyhow!("a primary key is no int64")));
    Ok(Ids::Int64(integers.collect::<Result<_>>()?))
}

/// The primary key of a schema.
///
/// # Errors
/// The schema names none.
pub fn primary_key(schema: &CollectionSchema) -> Result<&FieldSchema> {
    schema
        .fields
        .iter()
        .find(|field| field.primary_key)
        .context("the collection has no primary key")
}

/// The fields that hold vectors.
pub fn vector_fields(schema: &CollectionSchema) -> Vec<&FieldSchema> {
    let fields = schema.fields.iter();
    fields
        .filter(|field| field.data_type.ends_with("Vector"))
        .collect()
}

/// The names of fields, in a sentence.
pub fn names(fields: &[&FieldSchema]) -> String {
    let names: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
    names.join(", ")
}

/// Whether a row has what is no field, though the collection takes no other.
pub fn has_unknown(rows: &[Row], schema: &CollectionSchema) -> bool {
    let known = |name: &String| schema.fields.iter().any(|field| field.name == *name);
    !schema.enable_dynamic_field && rows.iter().any(|row| !row.keys().all(known))
}

/// Rows as columns, one for each field that a row has. What is no field goes to the dynamic part, or, where the collection
/// has none, into columns of JSON as it came.
///
/// # Errors
/// A value that its field's type cannot have, with the field's name and the row's position.
pub fn decode(mut rows: Vec<Row>, schema: &CollectionSchema) -> Result<RowBatch> {
    let mut columns = Vec::new();
    for field in &schema.fields {
        if !rows.iter().any(|row| row.contains_key(&field.name)) {
            continue;
        }
        let cells: Vec<Value> = rows
            .iter_mut()
            .map(|row| row.remove(&field.name).unwrap_or(Value::Null))
            .collect();
        columns.push(column(field, &cells).with_context(|| format!("field `{}`", field.name))?);
    }
    if !schema.enable_dynamic_field {
        let names: BTreeSet<String> = rows.iter().flat_map(|row| row.keys().cloned()).collect();
        for name in names {
            let cells = rows
                .iter_mut()
                .map(|row| row.remove(&name).unwrap_or(Value::Null));
            let cells: Vec<Value> = cells.collect();
            columns.push(Column {
                nulls: nulls(&cells)?,
                data: raw_column(&cells),
                name,
            });
        }
    }
    let dynamic = if rows.iter().all(Map::is_empty) {
        Vec::new()
    } else {
        rows.iter()
            .map(|row| Value::Object(row.clone()).to_string())
            .collect()
    };
    Ok(RowBatch {
        rows: u32::try_from(rows.len())?,
        columns,
        dynamic,
    })
}

fn column(field: &FieldSchema, cells: &[Value]) -> Result<Column> {
    Ok(Column {
        name: field.name.clone(),
        data: data(field, cells)?,
        nulls: nulls(cells)?,
    })
}

/// The rows that are null.
fn nulls(cells: &[Value]) -> Result<Vec<u32>> {
    let rows = cells.iter().enumerate().filter(|(_, cell)| cell.is_null());
    rows.map(|(row, _)| Ok(u32::try_from(row)?)).collect()
}

/// JSON as REST has it.
fn raw_column(cells: &[Value]) -> ColumnData {
    ColumnData::Raw(cells.iter().map(Value::to_string).collect())
}

/// Reads each cell, a filler for null ones.
fn each<T: Clone>(
    cells: &[Value],
    filler: T,
    read: impl Fn(&Value) -> Option<T>,
    expected: &str,
) -> Result<Vec<T>> {
    cells
        .iter()
        .enumerate()
        .map(|(row, cell)| {
            if cell.is_null() {
                return Ok(filler.clone());
            }
            read(cell).ok_or_else(|| anyhow!("row {row} is not {expected}"))
        })
        .collect()
}

fn integer<T: TryFrom<i64>>(value: &Value) -> Option<T> {
    T::try_from(int64::from_json(value)?).ok()
}

/// A float: a number, or the text that newer servers write for what JSON has no number for.
fn double(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => match text.as_str() {
            "NaN" => Some(f64::NAN),
            "Infinity" | "+Inf" | "Inf" => Some(f64::INFINITY),
            "-Infinity" | "-Inf" => Some(f64::NEG_INFINITY),
            _ => None,
        },
        _ => None,
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "Milvus' Float is 32 bits wide"
)]
fn float(value: &Value) -> Option<f32> {
    double(value).map(|number| number as f32)
}

fn owned_text(value: &Value) -> Option<String> {
    value.as_str().map(ToOwned::to_owned)
}

/// A JSON field's value as JSON text. Milvus answers text that holds JSON; a server switch answers the value.
fn json_text(value: &Value) -> String {
    match value {
        Value::String(text) if serde_json::from_str::<de::IgnoredAny>(text).is_ok() => text.clone(),
        other => other.to_string(),
    }
}

fn data(field: &FieldSchema, cells: &[Value]) -> Result<ColumnData> {
    Ok(match field.data_type.as_str() {
        "Bool" => ColumnData::Booleans(each(cells, false, Value::as_bool, "a boolean")?),
        "Int8" => ColumnData::Int8(each(cells, 0, integer, "an int8")?),
        "Int16" => ColumnData::Int16(each(cells, 0, integer, "an int16")?),
        "Int32" => ColumnData::Int32(each(cells, 0, integer, "an int32")?),
        "Int64" => ColumnData::Int64(each(cells, 0, int64::from_json, "an int64")?),
        "Float" => ColumnData::Float(each(cells, 0.0, float, "a float")?),
        "Double" => ColumnData::Double(each(cells, 0.0, double, "a double")?),
        "VarChar" => ColumnData::Varchar(each(cells, String::new(), owned_text, "text")?),
        "Array" => ColumnData::Array(array_column(field, cells)?),
        "FloatVector" => {
            let rows = each(
                cells,
                None,
                |cell| Some(Some(floats(cell)?)),
                "a list of numbers",
            )?;
            let dim = dimension(field, rows.iter().flatten().map(Vec::len))?;
            ColumnData::FloatVector(F32Matrix {
                dim,
                values: fill(rows, dim as usize)?,
            })
        }
        "Float16Vector" | "BFloat16Vector" => {
            let rows = each(
                cells,
                None,
                |cell| Some(Some(half_bits(cell)?)),
                "base64 text",
            )?;
            let dim = dimension(field, rows.iter().flatten().map(Vec::len))?;
            let matrix = U16Matrix {
                dim,
                bits: fill(rows, dim as usize)?,
            };
            if field.data_type == "Float16Vector" {
                ColumnData::Float16Vector(matrix)
            } else {
                ColumnData::Bfloat16Vector(matrix)
            }
        }
        "Int8Vector" => {
            let rows = each(
                cells,
                None,
                |cell| Some(Some(signed_bytes(cell)?)),
                "base64 text or a list",
            )?;
            let dim = dimension(field, rows.iter().flatten().map(Vec::len))?;
            ColumnData::Int8Vector(S8Matrix {
                dim,
                values: fill(rows, dim as usize)?,
            })
        }
        "BinaryVector" => {
            let rows = each(cells, None, |cell| Some(Some(bytes(cell)?)), "base64 text")?;
            let dim = dimension(field, rows.iter().flatten().map(|row| row.len() * 8))?;
            ColumnData::BinaryVector(BitMatrix {
                dim,
                bytes: fill(rows, dim as usize / 8)?,
            })
        }
        "SparseFloatVector" => ColumnData::SparseFloatVector(sparse_column(cells)?),
        "JSON" => ColumnData::Json(
            cells
                .iter()
                .map(|cell| {
                    if cell.is_null() {
                        "null".to_owned()
                    } else {
                        json_text(cell)
                    }
                })
                .collect(),
        ),
        // Geometry, timestamps, struct arrays, types to come.
        _ => raw_column(cells),
    })
}

/// The dimension of a vector column: what the schema says, else what the first row has.
fn dimension(field: &FieldSchema, mut lengths: impl Iterator<Item = usize>) -> Result<u32> {
    match field.dim {
        Some(dim) if dim > MAX_DIMENSION => bail!("a dimension of {dim} is none in Milvus"),
        Some(dim) => Ok(dim),
        None => Ok(u32::try_from(lengths.next().unwrap_or(0))?),
    }
}

fn fill<T: Clone + Default>(rows: Vec<Option<Vec<T>>>, width: usize) -> Result<Vec<T>> {
    let mut flat = Vec::with_capacity(rows.len() * width);
    for (row, values) in rows.into_iter().enumerate() {
        match values {
            None => flat.resize(flat.len() + width, T::default()),
            Some(values) if values.len() == width => flat.extend(values),
            Some(values) => bail!(
                "row {row} has {} elements in place of {width}",
                values.len()
            ),
        }
    }
    Ok(flat)
}

fn floats(value: &Value) -> Option<Vec<f32>> {
    value.as_array()?.iter().map(float).collect()
}

fn bytes(value: &Value) -> Option<Vec<u8>> {
    match value {
        Value::String(text) => BASE64.decode(text).ok(),
        Value::Array(items) => items.iter().map(integer).collect(),
        _ => None,
    }
}

fn half_bits(value: &Value) -> Option<Vec<u16>> {
    let bytes = BASE64.decode(value.as_str()?).ok()?;
    let pairs = bytes.chunks_exact(2);
    pairs.remainder().is_empty().then(|| {
        pairs
            .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
            .collect()
    })
}

fn signed_bytes(value: &Value) -> Option<Vec<i8>> {
    match value {
        Value::String(text) => Some(
            BASE64
                .decode(text)
                .ok()?
                .into_iter()
                .map(u8::cast_signed)
                .collect(),
        ),
        Value::Array(items) => items.iter().map(integer).collect(),
        _ => None,
    }
}

fn sparse_column(cells: &[Value]) -> Result<SparseMatrix> {
    let mut matrix = SparseMatrix {
        offsets: vec![0],
        indices: Vec::new(),
        values: Vec::new(),
    };
    for (row, cell) in cells.iter().enumerate() {
        let mut entries =
            sparse_entries(cell).with_context(|| format!("row {row} is not a sparse vector"))?;
        entries.sort_unstable_by_key(|(index, _)| *index);
        for (index, value) in entries {
            matrix.indices.push(index);
            matrix.values.push(value);
        }
        matrix.offsets.push(u32::try_from(matrix.indices.len())?);
    }
    Ok(matrix)
}

fn sparse_entries(value: &Value) -> Option<Vec<(u32, f32)>> {
    let Value::Object(members) = value else {
        return value.is_null().then(Vec::new);
    };
    match (members.get("indices"), members.get("values")) {
        (Some(Value::Array(indices)), Some(Value::Array(values)))
            if indices.len() == values.len() =>
        {
            indices
                .iter()
                .zip(values)
                .map(|(index, value)| Some((integer(index)?, float(value)?)))
                .collect()
        }
        _ => members
            .iter()
            .map(|(index, value)| Some((index.parse().ok()?, float(value)?)))
            .collect(),
    }
}

fn array_column(field: &FieldSchema, cells: &[Value]) -> Result<ArrayColumn> {
    let mut offsets = vec![0];
    let mut all: Vec<Value> = Vec::new();
    for (row, cell) in cells.iter().enumerate() {
        if !cell.is_null() {
            let items =
                array_elements(cell).with_context(|| format!("row {row} is not an array"))?;
            all.extend_from_slice(items);
        }
        offsets.push(u32::try_from(all.len())?);
    }
    if all.iter().any(Value::is_null) {
        bail!("an array has a null element");
    }
    let elements = match field.element_type.as_deref().unwrap_or_default() {
        "Bool" => ArrayElements::Booleans(each(&all, false, Value::as_bool, "a boolean")?),
        "Int8" => ArrayElements::Int8(each(&all, 0, integer, "an int8")?),
        "Int16" => ArrayElements::Int16(each(&all, 0, integer, "an int16")?),
        "Int32" => ArrayElements::Int32(each(&all, 0, integer, "an int32")?),
        "Int64" => ArrayElements::Int64(each(&all, 0, int64::from_json, "an int64")?),
        "Float" => ArrayElements::Float(each(&all, 0.0, float, "a float")?),
        "Double" => ArrayElements::Double(each(&all, 0.0, double, "a double")?),
        "VarChar" => ArrayElements::Varchar(each(&all, String::new(), owned_text, "text")?),
        _ => ArrayElements::Raw(all.iter().map(Value::to_string).collect()),
    };
    Ok(ArrayColumn { offsets, elements })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mutations::Mutations;
    use serde_json::json;

    fn field(name: &str, data_type: &str) -> FieldSchema {
        FieldSchema {
            name: name.into(),
            data_type: data_type.into(),
            element_type: None,
            dim: None,
            primary_key: name == "id",
            auto_id: false,
            nullable: false,
            function_output: false,
        }
    }

    fn schema(fields: Vec<FieldSchema>) -> CollectionSchema {
        CollectionSchema {
            fields,
            enable_dynamic_field: true,
            token: String::new(),
        }
    }

    fn rows(value: Value) -> Vec<Row> {
        serde_json::from_value(value).unwrap()
    }

    fn only(batch: RowBatch) -> ColumnData {
        batch.columns.into_iter().next().unwrap().data
    }

    #[test]
    fn t42_a_field_that_comes_twice_in_a_row_is_an_error() {
        assert!(serde_json::from_str::<Rows>(r#"[{"id":1,"a":{"b":1}},{"id":2}]"#).is_ok());
        for answer in [
            r#"[{"id":1,"id":1}]"#,
            r#"[{"id":1},{"a":1,"\u0061":2}]"#,
            "[1]",
            "{}",
        ] {
            assert!(serde_json::from_str::<Rows>(answer).is_err(), "{answer}");
        }
    }

    #[test]
    fn t42_a_dimension_that_milvus_cannot_have_takes_no_room() {
        for data_type in ["FloatVector", "Float16Vector", "Int8Vector", "BinaryVector"] {
            let field = FieldSchema {
                dim: Some(u32::MAX),
                ..field("vector", data_type)
            };
            let error = decode(rows(json!([{"vector": null}])), &schema(vec![field]));
            assert!(error.is_err(), "{data_type}");
        }
    }

    #[test]
    fn t42_no_row_makes_the_columns_panic() {
        const CASES: usize = 300_000;
        let of = |name: &str, data_type: &str, dim| FieldSchema {
            dim: Some(dim),
            ..field(name, data_type)
        };
        let mut tags = field("tags", "Array");
        tags.element_type = Some("Int64".into());
        let fields = vec![
            field("id", "Int64"),
            field("word", "VarChar"),
            field("flag", "Bool"),
            field("small", "Int8"),
            field("score", "Double"),
            field("more", "JSON"),
            tags,
            of("dense", "FloatVector", 2),
            of("bits", "BinaryVector", 8),
            of("half", "Float16Vector", 2),
            of("bytes", "Int8Vector", 2),
            field("sparse", "SparseFloatVector"),
        ];
        let schema = schema(fields);
        let row = r#"{"id":1,"word":"a","flag":true,"small":5,"score":0.5,"more":{"a":[1,null]},
            "tags":{"Data":{"LongData":{"data":[3]}}},"dense":[0.5,1],"bits":[255],"half":"AAAAPA==","bytes":"AQI=",
            "sparse":{"1":0.5,"4294967294":2},"extra":7}"#;
        let text = format!(
            "[{row},{}]",
            row.replace("\"id\":1", "\"id\":\"-9223372036854775808\"")
        );
        assert!(decode(serde_json::from_str(&text).unwrap(), &schema).is_ok());
        let mut mutations = Mutations::new(4242);
        let (mut read, mut refused) = (0, 0);
        for _ in 0..CASES {
            // Half of the texts are no JSON any more; that is the business of others.
            let Ok(rows) = serde_json::from_slice::<Vec<Row>>(&mutations.of(text.as_bytes()))
            else {
                continue;
            };
            match decode(rows, &schema) {
                Ok(batch) => {
                    for column in &batch.columns {
                        assert!(
                            column.nulls.iter().all(|row| *row < batch.rows),
                            "{batch:?}"
                        );
                    }
                    read += 1;
                }
                Err(_) => refused += 1,
            }
        }
        assert!(
            read > CASES / 50 && refused > CASES / 50,
            "{read} read, {refused} refused"
        );
    }

    #[test]
    fn int64_is_read_as_number_and_as_text() {
        let data = rows(json!([{"id": 9_007_199_254_740_993_i64}, {"id": "-9223372036854775808"}]));
        assert_eq!(
            only(decode(data, &schema(vec![field("id", "Int64")])).unwrap()),
            ColumnData::Int64(vec![9_007_199_254_740_993, i64::MIN])
        );
    }

    #[test]
    fn arrays_are_read_as_lists_and_as_protobuf_objects() {
        let mut tags = field("tags", "Array");
        tags.element_type = Some("Int64".into());
        let data = rows(json!([
            {"tags": [1, 2]},
            {"tags": {"Data": {"LongData": {"data": [3]}}}},
            {"tags": {"Data": {"LongData": {}}}},
        ]));
        assert_eq!(
            only(decode(data, &schema(vec![tags])).unwrap()),
            ColumnData::Array(ArrayColumn {
                offsets: vec![0, 2, 3, 3],
                elements: ArrayElements::Int64(vec![1, 2, 3])
            })
        );
    }

    #[test]
    fn json_fields_are_read_as_text_and_as_values() {
        let data = rows(json!([{"meta": "{\"a\": 1}"}, {"meta": {"a": 1}}, {"meta": "plain"}]));
        assert_eq!(
            only(decode(data, &schema(vec![field("meta", "JSON")])).unwrap()),
            ColumnData::Json(vec![
                "{\"a\": 1}".into(),
                "{\"a\":1}".into(),
                "\"plain\"".into()
            ])
        );
    }

    #[test]
    fn a_null_row_holds_a_filler_and_is_listed() {
        let mut vector = field("v", "FloatVector");
        vector.dim = Some(2);
        let batch = decode(
            rows(json!([{"v": null}, {"v": [1, 2]}])),
            &schema(vec![vector]),
        )
        .unwrap();
        assert_eq!(batch.columns[0].nulls, [0]);
        assert_eq!(
            only(batch),
            ColumnData::FloatVector(F32Matrix {
                dim: 2,
                values: vec![0.0, 0.0, 1.0, 2.0]
            })
        );
    }

    #[test]
    fn int8_vectors_are_read_from_base64_and_from_lists() {
        let batch = decode(
            rows(json!([{"v": "Af4="}, {"v": [1, -2]}])),
            &schema(vec![field("v", "Int8Vector")]),
        )
        .unwrap();
        assert_eq!(
            only(batch),
            ColumnData::Int8Vector(S8Matrix {
                dim: 2,
                values: vec![1, -2, 1, -2]
            })
        );
    }

    #[test]
    fn keys_that_are_no_fields_go_to_the_dynamic_part() {
        let batch = decode(
            rows(json!([{"id": 1, "colour": "red"}, {"id": 2}])),
            &schema(vec![field("id", "Int64")]),
        )
        .unwrap();
        assert_eq!(batch.dynamic, ["{\"colour\":\"red\"}", "{}"]);
    }

    #[test]
    fn a_value_of_another_type_is_an_error_that_names_field_and_row() {
        let error = decode(
            rows(json!([{"n": "secret"}])),
            &schema(vec![field("n", "Int32")]),
        )
        .unwrap_err();
        assert_eq!(format!("{error:#}"), "field `n`: row 0 is not an int32");
    }

    #[test]
    fn the_json_door_shows_plain_lists() {
        let mut row: Row = serde_json::from_value(
            json!({"tags": {"Data": {"StringData": {"data": ["a"]}}}, "meta": {"Data": {"x": {}}}}),
        )
        .unwrap();
        unwrap_arrays(&mut row);
        assert_eq!(
            Value::Object(row),
            json!({"tags": ["a"], "meta": {"Data": {"x": {}}}})
        );
    }
}
