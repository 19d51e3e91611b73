//! Rows that v1 would store otherwise than they were given, found before they are sent.
//!
//! Seen on Milvus 2.3.5: a vector's elements that are no numbers become 0, a missing VarChar becomes an empty text, a
//! name that is no field is dropped where there is no dynamic field, a null vanishes, and JSON and Array fields cannot
//! be written at all. v2 refuses each of these itself, or stores it.

use crate::contract::types::{CollectionSchema, FieldSchema};
use crate::error::{Error, ErrorKind};
use crate::values::json::{Members, kind};
use serde_json::value::RawValue;

/// Checks rows, one JSON object each, against the collection's schema.
///
/// # Errors
/// `invalid-argument` naming row and field; `unsupported` for a field of a type that v1 cannot write.
pub fn check(rows: &[Box<RawValue>], schema: &CollectionSchema) -> Result<(), Error> {
    for (position, row) in rows.iter().enumerate() {
        let place = format!("data[{position}]");
        let Members(members) = serde_json::from_str(row.get()).map_err(|_| {
            Error::invalid(&place, "expected a JSON object that has each name once")
        })?;
        for field in &schema.fields {
            let value = members
                .iter()
                .find(|(name, _)| *name == field.name)
                .map(|(_, value)| value.as_ref());
            check_field(&format!("{place}.{}", field.name), field, value)?;
        }
        let known = |name: &str| schema.fields.iter().any(|field| field.name == name);
        for (name, value) in &members {
            if known(name) {
                continue;
            }
            let place = format!("{place}.{name}");
            if name == "$meta" || !schema.enable_dynamic_field {
                return Err(Error::invalid(
                    place,
                    "expected a field of the collection, which has no dynamic field",
                ));
            }
            if value.get() == "null" {
                return Err(Error::invalid(
                    place,
                    "expected a value, came null, which REST v1 drops",
                ));
            }
        }
    }
    Ok(())
}

fn check_field(place: &str, field: &FieldSchema, value: Option<&RawValue>) -> Result<(), Error> {
    let Some(value) = value else {
        if field.primary_key && field.auto_id {
            return Ok(());
        }
        return Err(Error::invalid(place, "expected a value, came nothing"));
    };
    match field.data_type.as_str() {
        "JSON" | "Array" => Err(Error {
            argument: Some(place.to_owned()),
            ..Error::new(
                ErrorKind::Unsupported,
                format!(
                    "{place}: REST v1, the dialect of this server, cannot write {} fields: that takes \
                     REST v2 of Milvus 2.3.13 or later",
                    field.data_type
                ),
            )
        }),
        "FloatVector" => check_vector(place, field, value, field.dim),
        // v1 takes a list of bytes.
        "BinaryVector" => check_vector(place, field, value, field.dim.map(|bits| bits / 8)),
        _ if value.get() == "null" => Err(Error::invalid(place, "expected a value, came null")),
        _ => Ok(()),
    }
}

fn check_vector(
    place: &str,
    field: &FieldSchema,
    value: &RawValue,
    length: Option<u32>,
) -> Result<(), Error> {
    let Ok(numbers) = serde_json::from_str::<Vec<Number>>(value.get()) else {
        let came = match kind(value) {
            "a list" => "a list of something else",
            other => other,
        };
        return Err(Error::invalid(
            place,
            format_args!("expected a list of numbers, came {came}"),
        ));
    };
    let Some(length) = length else { return Ok(()) };
    if numbers.len() != length as usize {
        return Err(Error::invalid(
            place,
            format_args!(
                "expected {length} numbers for a {}, came {}",
                field.data_type,
                numbers.len()
            ),
        ));
    }
    Ok(())
}

/// A JSON number; its value is not needed.
struct Number;

impl<'de> serde::Deserialize<'de> for Number {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde_json::Number::deserialize(deserializer).map(|_| Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(enable_dynamic_field: bool) -> CollectionSchema {
        let field = |name: &str, data_type: &str, dim| FieldSchema {
            name: name.into(),
            data_type: data_type.into(),
            element_type: None,
            dim,
            primary_key: name == "id",
            auto_id: name == "id",
            nullable: false,
            function_output: false,
        };
        CollectionSchema {
            fields: vec![
                field("id", "Int64", None),
                field("vector", "FloatVector", Some(2)),
                field("word", "VarChar", None),
            ],
            enable_dynamic_field,
            token: String::new(),
        }
    }

    fn argument(row: &str, enable_dynamic_field: bool) -> Option<String> {
        let row = RawValue::from_string(row.into()).unwrap();
        check(&[row], &schema(enable_dynamic_field))
            .err()
            .map(|error| error.argument.unwrap())
    }

    #[test]
    fn a_whole_row_passes() {
        assert_eq!(argument(r#"{"vector":[0.5,1],"word":"a"}"#, false), None);
        assert_eq!(
            argument(r#"{"vector":[0.5,1],"word":"a","n":1}"#, true),
            None
        );
    }

    #[test]
    fn elements_that_would_become_zeros_are_refused() {
        for vector in [
            r#"["1","2"]"#,
            "[null,1]",
            "[true,1]",
            "[1]",
            "null",
            r#""[1,2]""#,
        ] {
            let row = format!(r#"{{"vector":{vector},"word":"a"}}"#);
            assert_eq!(
                argument(&row, true).as_deref(),
                Some("data[0].vector"),
                "{vector}"
            );
        }
    }

    #[test]
    fn a_text_that_would_become_empty_is_refused() {
        for row in [r#"{"vector":[1,2]}"#, r#"{"vector":[1,2],"word":null}"#] {
            assert_eq!(
                argument(row, true).as_deref(),
                Some("data[0].word"),
                "{row}"
            );
        }
    }

    #[test]
    fn names_that_would_be_dropped_are_refused() {
        let row = r#"{"vector":[1,2],"word":"a","other":1}"#;
        assert_eq!(argument(row, false).as_deref(), Some("data[0].other"));
        let null = r#"{"vector":[1,2],"word":"a","other":null}"#;
        assert_eq!(argument(null, true).as_deref(), Some("data[0].other"));
    }

    #[test]
    fn a_json_field_names_the_version_that_writes_it() {
        let mut schema = schema(false);
        schema.fields[2].data_type = "JSON".into();
        let row = RawValue::from_string(r#"{"vector":[1,2],"word":{}}"#.into()).unwrap();
        let error = check(&[row], &schema).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unsupported);
        assert!(error.message.contains("2.3.13"), "{}", error.message);
    }
}
