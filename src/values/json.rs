//! JSON as callers write it: strict where it is JSON, lenient where the meaning is plain.

use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde::{Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;
use std::fmt;

/// The members of one JSON object, in the order in which they came, each with its text unread.
///
/// A name that comes twice is an error: readers disagree on which of the two counts.
#[derive(Debug, Clone, Default)]
pub struct Members(pub Vec<(String, Box<RawValue>)>);

impl Members {
    /// The value of this name.
    pub fn get(&self, name: &str) -> Option<&RawValue> {
        let mut members = self.0.iter();
        members.find_map(|(known, value)| (known == name).then_some(&**value))
    }

    /// The object's text, each value as it was written.
    pub fn text(&self) -> String {
        let members = self.0.iter();
        let members: Vec<String> = members
            .map(|(name, value)| format!("{}:{}", Value::from(name.as_str()), value.get()))
            .collect();
        format!("{{{}}}", members.join(","))
    }
}

impl Serialize for Members {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

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

/// Reads a value in which no object repeats a name.
pub fn unique(raw: &RawValue) -> Option<Value> {
    let read = serde_json::from_str::<lenient::Unique>(raw.get());
    read.ok().map(|lenient::Unique(value)| value)
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
    fn t57_t74_a_member_that_comes_twice_is_refused() {
        let twice = serde_json::from_str::<Members>(r#"{"a":1,"\u0061":2}"#);
        assert!(twice.unwrap_err().to_string().contains("`a` comes twice"));
    }
}
