//! JSON as people and language models write it, read so that it has one meaning.
//!
//! JSON5 allows single quotes, bare keys, trailing commas and comments. What readers disagree about is refused in both
//! forms: a name that an object repeats, and a number that JSON cannot hold.

#![forbid(unsafe_code)]

use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Number, Value};
use std::fmt;

/// How the message about a repeated name begins: errors of readers are texts.
const TWICE: &str = "expected each name once";

/// Why a text is not read. Shows none of its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong and where.
    pub text: String,
    /// It would be JSON or JSON5, but repeats a name: it was meant as such, and has two meanings.
    pub repeats: bool,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Reads JSON text as it is, and JSON5 text, where it is no JSON, as the JSON that it means. Integers of 64 bits stay exact.
/// In JSON that is taken as it is, repeated names are for the reader of its parts to find: [`Unique`].
///
/// # Errors
/// It is neither, or JSON5 that repeats a name or holds `NaN`, `Infinity` or a number beyond a double.
///
/// ```
/// let json = lenient::read("{collection_name: 'docs', limit: 5,}").unwrap();
/// assert_eq!(json.get(), r#"{"collection_name":"docs","limit":5}"#);
/// let twice = lenient::read("{filter: 'id == 77', filter: 'id > 0'}").unwrap_err();
/// assert!(twice.text.ends_with("got `filter` twice"));
/// ```
pub fn read(text: &str) -> Result<Box<RawValue>, Problem> {
    let problem = match serde_json::from_str::<&RawValue>(text) {
        Ok(raw) => return Ok(raw.to_owned()),
        Err(cause) => cause.to_string(),
    };
    let read = json5::from_str(text).map(|Unique(value)| serde_json::value::to_raw_value(&value));
    match read {
        Ok(Ok(raw)) => Ok(raw),
        Err(cause) if cause.to_string().starts_with(TWICE) => Err(Problem {
            text: without_position(&cause.to_string()),
            repeats: true,
        }),
        // Of the two readers' words those about JSON help more: few write JSON5 on purpose.
        _ => Err(Problem {
            text: problem,
            repeats: false,
        }),
    }
}

/// A message without the place that the JSON5 reader adds: of an object it is where the reading began.
fn without_position(message: &str) -> String {
    const END: &str = "` twice";
    let end = message.rfind(END).map(|at| at + END.len());
    message[..end.unwrap_or(message.len())].to_owned()
}

/// A JSON value in which no object repeats a name, at any depth.
#[derive(Clone, Debug, PartialEq)]
pub struct Unique(pub Value);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        AnyValue { depth: 0 }.deserialize(deserializer).map(Self)
    }
}

/// Objects and lists inside each other, as in serde_json; the JSON5 reader has no end of its own.
const MAX_DEPTH: u8 = 127;

/// A value within so many others.
#[derive(Clone, Copy)]
struct AnyValue {
    depth: u8,
}

impl AnyValue {
    fn below<E: de::Error>(self) -> Result<Self, E> {
        if self.depth == MAX_DEPTH {
            return Err(E::custom("lists and objects stand too deep in each other"));
        }
        Ok(Self {
            depth: self.depth + 1,
        })
    }
}

impl<'de> DeserializeSeed<'de> for AnyValue {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        let number = Number::from_f64(value).map(Value::Number);
        number.ok_or_else(|| E::custom("a number is none that JSON can hold"))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(text))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let (below, mut values) = (self.below()?, Vec::new());
        while let Some(value) = list.next_element_seed(below)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let (below, mut members) = (self.below()?, Map::new());
        while let Some(name) = map.next_key::<String>()? {
            if members.contains_key(&name) {
                // The names of a call's arguments are its caller's own; another one may be anything.
                let shown: String = name.escape_default().take(64).collect();
                return Err(de::Error::custom(format_args!(
                    "{TWICE}, got `{shown}` twice"
                )));
            }
            members.insert(name, map.next_value_seed(below)?);
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn from_json5(text: &str) -> Result<Value, String> {
        let raw = read(text).map_err(|problem| problem.to_string())?;
        Ok(serde_json::from_str(raw.get()).expect("it is JSON"))
    }

    #[test]
    fn json5_as_language_models_write_it_is_understood() {
        for (text, value) in [
            (
                "{id: 1, 'word': 'a', list: [1, 2,], /* c */}",
                json!({"id": 1, "word": "a", "list": [1, 2]}),
            ),
            (
                "{a: {b: [null, true, .5, +1, 0x10]}} // c",
                json!({"a": {"b": [null, true, 0.5, 1, 16]}}),
            ),
            (
                "{'it\\'s': \"caf\\u00e9 \\x41\"}",
                json!({"it's": "caf\u{e9} A"}),
            ),
        ] {
            assert_eq!(from_json5(text), Ok(value), "{text}");
        }
        assert_eq!(
            read("{\"a\" : 1.50}").map(|raw| raw.get().to_owned()),
            Ok("{\"a\" : 1.50}".to_owned())
        );
    }

    #[test]
    fn integers_stay_exact() {
        let value = from_json5("[9007199254740993, -9223372036854775808, 9223372036854775807]");
        assert_eq!(
            value,
            Ok(json!([9_007_199_254_740_993_i64, i64::MIN, i64::MAX]))
        );
    }

    #[test]
    fn t57_t74_a_repeated_name_is_refused_at_any_depth_and_however_it_is_spelled() {
        for text in [
            "{filter:'id == 77',filter:'id > 0'}",
            "{filter:'a',\"filter\":'b'}",
            r"{filter:'a','f\x69lter':'b'}",
            r"{filter:'a',f\u0069lter:'b'}",
            "{a:[{b:{c:1,c:2}}]}",
        ] {
            let error = from_json5(text).expect_err(text);
            assert!(error.ends_with("twice"), "{error}");
        }
        let strict = serde_json::from_str::<Unique>(r#"{"a":[{"b":1,"\u0062":2}]}"#);
        assert!(strict.unwrap_err().to_string().contains("got `b` twice"));
    }

    #[test]
    fn numbers_that_json_cannot_hold_are_refused() {
        for text in ["[NaN, 1]", "[Infinity]", "[-Infinity]", "{a: 1e999}"] {
            assert!(from_json5(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_lone_surrogate_is_no_letter() {
        for text in [r"{a:'\ud83d'}", r"{a:'\ude00\ud83d'}"] {
            let read = from_json5(text);
            assert!(read.is_err(), "{text}: {read:?}");
        }
    }

    #[test]
    fn t21_depth_ends_in_an_error() {
        for text in ["[".repeat(1 << 20), "{a:".repeat(1 << 20)] {
            assert!(from_json5(&text).is_err());
        }
    }
}
