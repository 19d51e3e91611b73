//! Vectors: checked before they are sent, in the encodings that REST v2 expects.
//!
//! | field | in a request |
//! |---|---|
//! | FloatVector | `[0.1, ...]` |
//! | Float16Vector, BFloat16Vector | base64 of 2 x dim bytes, little endian |
//! | Int8Vector | `[1, -2, ...]` |
//! | BinaryVector | base64 of dim / 8 bytes |
//! | SparseFloatVector | `{"1": 0.5, ...}` |
//!
//! Source: Milvus `httpserver/utils.go`, `checkAndSetData` and `convertVectors2Placeholder`.

use crate::contract::types::{BitMatrix, F32Matrix, S8Matrix, SparseMatrix, U16Matrix};
use crate::error::Error;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;
use serde_json::value::RawValue;
use std::fmt::Write;

/// Dimensions of a sparse vector are below this (`2^32 - 1` itself is reserved, Milvus `typeutil/schema.go`).
const MAX_SPARSE_INDEX: u64 = u32::MAX as u64 - 1;

/// A vector of one row, ready to stand in a request.
pub type Encoded = Box<RawValue>;

fn encoded(text: String) -> Result<Encoded, Error> {
    RawValue::from_string(text).map_err(|cause| Error::protocol(&cause.into()))
}

/// Checks that a flat list divides into vectors of `dim`, and tells how many.
///
/// # Errors
/// `invalid-argument` naming `argument` otherwise.
pub fn rows_of(argument: &str, dim: u32, values: usize, unit: &str) -> Result<usize, Error> {
    let dim = dim as usize;
    if dim == 0 {
        return Err(Error::invalid(
            format!("{argument}.dim"),
            "expected a dimension of at least 1, came 0",
        ));
    }
    if !values.is_multiple_of(dim) {
        return Err(Error::invalid(
            argument,
            format_args!("expected a multiple of {dim} {unit} (the dimension), came {values}"),
        ));
    }
    Ok(values / dim)
}

/// Dense vectors, one JSON list a row.
///
/// # Errors
/// `invalid-argument` for a ragged matrix, a NaN or an infinity.
pub fn encode_f32(argument: &str, matrix: &F32Matrix) -> Result<Vec<Encoded>, Error> {
    rows_of(argument, matrix.dim, matrix.values.len(), "values")?;
    if let Some(position) = matrix.values.iter().position(|value| !value.is_finite()) {
        return Err(Error::invalid(
            format!("{argument}.values[{position}]"),
            "expected a finite number, came NaN or an infinity",
        ));
    }
    matrix
        .values
        .chunks_exact(matrix.dim as usize)
        .map(|row| {
            serde_json::value::to_raw_value(row).map_err(|cause| Error::protocol(&cause.into()))
        })
        .collect()
}

/// Half floats of either kind, one base64 text a row.
///
/// # Errors
/// `invalid-argument` for a ragged matrix.
pub fn encode_u16(argument: &str, matrix: &U16Matrix) -> Result<Vec<Encoded>, Error> {
    rows_of(argument, matrix.dim, matrix.bits.len(), "values")?;
    matrix
        .bits
        .chunks_exact(matrix.dim as usize)
        .map(|row| {
            let bytes: Vec<u8> = row.iter().flat_map(|bits| bits.to_le_bytes()).collect();
            encoded(format!("\"{}\"", BASE64.encode(bytes)))
        })
        .collect()
}

/// Signed bytes, one JSON list a row.
///
/// # Errors
/// `invalid-argument` for a ragged matrix.
pub fn encode_s8(argument: &str, matrix: &S8Matrix) -> Result<Vec<Encoded>, Error> {
    rows_of(argument, matrix.dim, matrix.values.len(), "values")?;
    matrix
        .values
        .chunks_exact(matrix.dim as usize)
        .map(|row| {
            serde_json::value::to_raw_value(row).map_err(|cause| Error::protocol(&cause.into()))
        })
        .collect()
}

/// Packed bits, one base64 text a row.
///
/// # Errors
/// `invalid-argument` for a ragged matrix or a dimension that is no multiple of 8.
pub fn encode_bits(argument: &str, matrix: &BitMatrix) -> Result<Vec<Encoded>, Error> {
    if !matrix.dim.is_multiple_of(8) {
        return Err(Error::invalid(
            format!("{argument}.dim"),
            format_args!("expected a multiple of 8 bits, came {}", matrix.dim),
        ));
    }
    rows_of(argument, matrix.dim / 8, matrix.bytes.len(), "bytes")?;
    matrix
        .bytes
        .chunks_exact(matrix.dim as usize / 8)
        .map(|row| encoded(format!("\"{}\"", BASE64.encode(row))))
        .collect()
}

/// Sparse vectors, one JSON object a row.
///
/// # Errors
/// `invalid-argument` if the offsets do not fit the lists, indices are not ascending within a row, or a value is
/// negative or not finite.
pub fn encode_sparse(argument: &str, matrix: &SparseMatrix) -> Result<Vec<Encoded>, Error> {
    if matrix.indices.len() != matrix.values.len() {
        return Err(Error::invalid(
            format!("{argument}.values"),
            format_args!(
                "expected one value for each of the {} indices, came {}",
                matrix.indices.len(),
                matrix.values.len()
            ),
        ));
    }
    let bounds = row_bounds(argument, &matrix.offsets, matrix.indices.len())?;
    bounds
        .into_iter()
        .map(|(start, end)| {
            let mut text = String::from("{");
            let mut previous = None;
            for position in start..end {
                let (index, value) = (matrix.indices[position], matrix.values[position]);
                if u64::from(index) > MAX_SPARSE_INDEX
                    || previous.is_some_and(|known| known >= index)
                {
                    return Err(Error::invalid(
                        format!("{argument}.indices[{position}]"),
                        "expected dimensions ascending within a row, below 4294967295",
                    ));
                }
                if !value.is_finite() || value < 0.0 {
                    return Err(Error::invalid(
                        format!("{argument}.values[{position}]"),
                        "expected a finite number of at least 0",
                    ));
                }
                let comma = if previous.is_some() { "," } else { "" };
                let _ = write!(text, "{comma}\"{index}\":{value}");
                previous = Some(index);
            }
            text.push('}');
            encoded(text)
        })
        .collect()
}

/// Where each row of a compressed list starts and ends.
///
/// # Errors
/// `invalid-argument` if `offsets` does not start at 0, is not ascending, or does not end at `length`.
pub fn row_bounds(
    argument: &str,
    offsets: &[u32],
    length: usize,
) -> Result<Vec<(usize, usize)>, Error> {
    let fits = offsets.first() == Some(&0)
        && offsets.last().is_some_and(|last| *last as usize == length)
        && offsets.windows(2).all(|pair| pair[0] <= pair[1]);
    if !fits {
        return Err(Error::invalid(
            format!("{argument}.offsets"),
            format_args!(
                "expected ascending positions from 0 to {length}, one more than there are rows"
            ),
        ));
    }
    Ok(offsets
        .windows(2)
        .map(|pair| (pair[0] as usize, pair[1] as usize))
        .collect())
}

/// A query vector as a caller of the JSON door writes it, checked: a list of numbers, a sparse vector as
/// `{"index": value}` or `{"indices": [..], "values": [..]}`, or the base64 text of a binary or half-float vector.
///
/// # Errors
/// `invalid-argument` naming the position at fault, never the value.
pub fn check_query(argument: &str, value: &Value) -> Result<(), Error> {
    match value {
        Value::Array(items) => {
            if items.is_empty() {
                return Err(Error::invalid(
                    argument,
                    "expected numbers, came an empty list",
                ));
            }
            for (position, item) in items.iter().enumerate() {
                check_number(&format!("{argument}[{position}]"), item)?;
            }
            Ok(())
        }
        Value::Object(members)
            if members.contains_key("indices") || members.contains_key("values") =>
        {
            let list = |name: &str| {
                members.get(name).and_then(Value::as_array).ok_or_else(|| {
                    Error::invalid(format!("{argument}.{name}"), "expected a list of numbers")
                })
            };
            let (indices, values) = (list("indices")?, list("values")?);
            if members.len() != 2 || indices.len() != values.len() {
                return Err(Error::invalid(
                    argument,
                    "expected `indices` and `values` of one length, and nothing else",
                ));
            }
            for (position, item) in values.iter().enumerate() {
                check_number(&format!("{argument}.values[{position}]"), item)?;
            }
            for (position, item) in indices.iter().enumerate() {
                if item.as_u64().is_none_or(|index| index > MAX_SPARSE_INDEX) {
                    return Err(Error::invalid(
                        format!("{argument}.indices[{position}]"),
                        "expected a whole number from 0 to 4294967294",
                    ));
                }
            }
            Ok(())
        }
        Value::Object(members) => {
            if members.is_empty() {
                return Err(Error::invalid(
                    argument,
                    "expected a sparse vector, came an empty object",
                ));
            }
            for (index, item) in members {
                if index
                    .parse::<u64>()
                    .ok()
                    .is_none_or(|index| index > MAX_SPARSE_INDEX)
                {
                    return Err(Error::invalid(
                        argument,
                        "expected the names of a sparse vector to be whole numbers from 0 to 4294967294",
                    ));
                }
                check_number(&format!("{argument}.{index}"), item)?;
            }
            Ok(())
        }
        Value::String(text) if BASE64.decode(text).is_ok_and(|bytes| !bytes.is_empty()) => Ok(()),
        _ => Err(Error::invalid(
            argument,
            "expected a list of numbers, a sparse vector as an object, or the base64 text of a binary or half-float vector",
        )),
    }
}

/// A number that a 32-bit float can hold.
fn check_number(argument: &str, item: &Value) -> Result<(), Error> {
    let Some(number) = item.as_f64() else {
        return Err(Error::invalid(
            argument,
            format_args!("expected a number, came {}", kind_of(item)),
        ));
    };
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the question is whether it fits"
    )]
    let fits = (number as f32).is_finite();
    if fits {
        Ok(())
    } else {
        Err(Error::invalid(
            argument,
            "expected a number within the range of 32-bit floats",
        ))
    }
}

/// What kind of value it is, in words for an error.
pub fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn text(rows: &[Encoded]) -> Vec<&str> {
        rows.iter().map(|row| row.get()).collect()
    }

    #[test]
    fn dense_vectors_keep_the_shortest_form_of_32_bit_floats() {
        let matrix = F32Matrix {
            dim: 2,
            values: vec![0.1, -1.0, 3.0, 1e-7],
        };
        assert_eq!(
            text(&encode_f32("data", &matrix).unwrap()),
            ["[0.1,-1.0]", "[3.0,1e-7]"]
        );
    }

    #[test]
    fn a_ragged_matrix_names_the_dimension_and_what_came() {
        let error = encode_f32(
            "data",
            &F32Matrix {
                dim: 3,
                values: vec![0.0; 4],
            },
        )
        .unwrap_err();
        assert_eq!(
            error.message,
            "data: expected a multiple of 3 values (the dimension), came 4"
        );
    }

    #[test]
    fn nan_is_refused_by_its_position() {
        let error = encode_f32(
            "data",
            &F32Matrix {
                dim: 2,
                values: vec![0.0, f32::NAN],
            },
        )
        .unwrap_err();
        assert_eq!(error.argument.as_deref(), Some("data.values[1]"));
    }

    #[test]
    fn half_floats_are_little_endian_base64() {
        let matrix = U16Matrix {
            dim: 2,
            bits: vec![0x3c00, 0xbc00],
        };
        assert_eq!(
            text(&encode_u16("data", &matrix).unwrap()),
            [r#""ADwAvA==""#]
        );
    }

    #[test]
    fn bits_need_a_dimension_in_whole_bytes() {
        assert!(
            encode_bits(
                "data",
                &BitMatrix {
                    dim: 12,
                    bytes: vec![0, 0]
                }
            )
            .is_err()
        );
        let matrix = BitMatrix {
            dim: 16,
            bytes: vec![0x80, 0x01],
        };
        assert_eq!(text(&encode_bits("data", &matrix).unwrap()), [r#""gAE=""#]);
    }

    #[test]
    fn sparse_rows_are_objects_and_may_be_empty() {
        let matrix = SparseMatrix {
            offsets: vec![0, 2, 2],
            indices: vec![1, 77],
            values: vec![0.5, 0.25],
        };
        assert_eq!(
            text(&encode_sparse("data", &matrix).unwrap()),
            [r#"{"1":0.5,"77":0.25}"#, "{}"]
        );
    }

    #[test]
    fn sparse_rows_with_descending_or_negative_entries_are_refused() {
        let descending = SparseMatrix {
            offsets: vec![0, 2],
            indices: vec![2, 1],
            values: vec![0.5, 0.5],
        };
        assert!(encode_sparse("data", &descending).is_err());
        let negative = SparseMatrix {
            offsets: vec![0, 1],
            indices: vec![2],
            values: vec![-0.5],
        };
        assert!(encode_sparse("data", &negative).is_err());
    }

    #[test]
    fn a_query_vector_of_numbers_or_sparse_entries_passes() {
        for good in [
            json!([0.1, 2, -3]),
            json!({"1": 0.5}),
            json!({"indices": [1, 7], "values": [0.5, 1]}),
            json!("gAE="),
        ] {
            check_query("query_vector", &good).unwrap();
        }
    }

    #[test]
    fn a_query_vector_at_fault_is_named_by_position_and_not_shown() {
        let error = check_query("query_vector", &json!([0.1, "secret"])).unwrap_err();
        assert_eq!(
            error.message,
            "query_vector[1]: expected a number, came text"
        );
        assert!(check_query("query_vector", &json!([1e39])).is_err());
        assert!(check_query("query_vector", &json!([])).is_err());
        assert!(check_query("query_vector", &json!({"a": 1})).is_err());
    }
}
