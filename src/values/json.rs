//! JSON as callers write it: strict where it is JSON, lenient where the meaning is plain.

use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;
use std::fmt;

/// The members of one JSON object, in the order in which they came, each with its text unread.
///
/// A name that comes twice is an error: readers disagree on which of the two counts.
#[derive(Debug)]
pub struct Members(pub Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members: Vec<(String, Box<RawValue>)> = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
                    if members.iter().any(|(known, _)| *known == name) {
                        return Err(de::Error::custom(format_args!("`{name}` comes twice")));
                    }
                    members.push((name, value));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

/// Reads JSON text, or JSON5 text where it is no JSON: single quotes, bare keys, trailing commas, comments.
///
/// `None` if it is neither, or writes a letter in a way that only JSON5 knows: a host that looks for names in the text would
/// see another one. Integers stay exact; JSON5's `NaN` and `Infinity` are refused, as JSON has no form for
/// them.
pub fn parse_lenient(text: &str) -> Option<Box<RawValue>> {
    if let Ok(raw) = serde_json::from_str::<&RawValue>(text) {
        return Some(raw.to_owned());
    }
    if disguises_letters(text) {
        return None;
    }
    let value: Value = json5::from_str(text).ok()?;
    // A null can only stand for a number here if the text says so: NaN and the infinities become null.
    if ["NaN", "Infinity"].iter().any(|name| text.contains(name)) && contains_null(&value) {
        return None;
    }
    serde_json::value::to_raw_value(&value).ok()
}

/// Whether a letter, a digit or `_` stands behind a backslash in place of itself: `\s`, `\x73`, `\u0073`; or a line goes on
/// in the next one.
fn disguises_letters(text: &str) -> bool {
    let mut rest = text;
    while let Some((_, escape)) = rest.split_once('\\') {
        let mut letters = escape.chars();
        match letters.next() {
            Some('"' | '\'' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't') => {}
            Some('u') => {
                let code = escape
                    .get(1..5)
                    .and_then(|code| u32::from_str_radix(code, 16).ok());
                let letter = code.and_then(char::from_u32);
                if letter
                    .is_some_and(|letter| letter.is_ascii_alphanumeric() || "_$".contains(letter))
                {
                    return true;
                }
            }
            _ => return true,
        }
        rest = letters.as_str();
    }
    false
}

fn contains_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.iter().any(contains_null),
        Value::Object(members) => members.values().any(contains_null),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Where text stops being JSON and what was expected there, for an error. It shows nothing of the text.
pub fn syntax_problem(text: &str) -> String {
    match serde_json::from_str::<de::IgnoredAny>(text) {
        Ok(_) => "its numbers are none that JSON can hold".to_owned(),
        Err(cause) => cause.to_string(),
    }
}

/// What kind of value a JSON text is, in words for an error. Never shows the value.
pub fn kind(raw: &RawValue) -> &'static str {
    match raw.get().as_bytes().first() {
        Some(b'{') => "an object",
        Some(b'[') => "a list",
        Some(b'"') => "text",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        _ => "a number",
    }
}

/// Whether a JSON text is an object.
pub fn is_object(raw: &RawValue) -> bool {
    raw.get().starts_with('{')
}

/// The text of a JSON value as raw JSON. Serialising a [`Value`] cannot fail.
pub fn raw(value: &Value) -> Box<RawValue> {
    RawValue::from_string(value.to_string()).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json5_as_language_models_write_it_is_understood() {
        let raw = parse_lenient("{id: 1, 'word': 'a', list: [1, 2,], /* c */}").unwrap();
        let value: Value = serde_json::from_str(raw.get()).unwrap();
        assert_eq!(
            value,
            serde_json::json!({"id": 1, "word": "a", "list": [1, 2]})
        );
    }

    #[test]
    fn t57_a_letter_of_json5_that_hides_behind_a_backslash_is_refused() {
        for text in [
            r"{name: 'doc\s'}",
            r"{name: 'doc\x73'}",
            r"{name: 'doc\u0073'}",
            r"{n\u0061me: 'docs'}",
            "{name: 'do\\\ncs'}",
            r"{name: 'a\\', more: '\d'}",
        ] {
            assert!(parse_lenient(text).is_none(), "{text}");
        }
        for text in [
            r#"{"name": "doc\u0073"}"#,
            r"{name: 'it\'s', path: 'a\\b', line: 'a\nb', word: 'caf\u00e9'}",
        ] {
            assert!(parse_lenient(text).is_some(), "{text}");
        }
    }

    #[test]
    fn integers_in_json5_stay_exact() {
        let raw = parse_lenient("{id: 9007199254740993, low: -9223372036854775808}").unwrap();
        let value: Value = serde_json::from_str(raw.get()).unwrap();
        assert_eq!(value["id"].as_i64(), Some(9_007_199_254_740_993));
        assert_eq!(value["low"].as_i64(), Some(i64::MIN));
    }

    #[test]
    fn numbers_that_json_cannot_hold_are_refused() {
        assert!(parse_lenient("[NaN, 1]").is_none());
        assert!(parse_lenient("[Infinity]").is_none());
    }

    #[test]
    fn t57_t74_a_member_that_comes_twice_is_refused() {
        let twice = serde_json::from_str::<Members>(r#"{"a":1,"\u0061":2}"#);
        assert!(twice.unwrap_err().to_string().contains("`a` comes twice"));
    }
}
