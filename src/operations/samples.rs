//! Operations for tests: each with every key that it may have, with none that it may do without, and with one of those.
//!
//! serde says which keys there are, so a key that is added is tested without another line.

use super::Operation;
use serde::Deserialize;
use serde::de::value::StrDeserializer;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value, json};

/// Values that stand for others: where any text will not do.
const VALUES: [(&str, &str); 5] = [
    ("idType", "Int64"),
    ("metricType", "L2"),
    ("strategy", "rrf"),
    ("filter", "id > 0"),
    ("outputFields", "count(*)"),
];

/// Keys that stand in every sample: without them an operation means nothing, in v1 at least.
const ALWAYS: [&str; 3] = ["data", "dimension", "autoID"];

/// Every sample of an operation.
pub(crate) fn of<O: Operation + Deserialize<'static>>() -> Vec<O> {
    let full = O::deserialize(Filled("", "")).expect("an operation reads its own keys");
    let full = object(&full);
    let least = read::<O>(&Map::new());
    let mut needed = object(&least);
    needed.extend(
        ALWAYS
            .iter()
            .filter_map(|name| full.get_key_value(*name))
            .map(|(name, value)| (name.clone(), value.clone())),
    );
    let only = |names: &dyn Fn(&String) -> bool| {
        let chosen = full.iter().filter(|(name, _)| names(name));
        read(
            &chosen
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
        )
    };
    let mut samples = vec![read(&full), only(&|name| needed.contains_key(name))];
    for key in full.keys().filter(|key| !needed.contains_key(*key)) {
        samples.push(only(&|name| needed.contains_key(name) || name == key));
    }
    samples
}

/// An operation from its keys. What is left out is as in one that was made of nothing.
pub(crate) fn read<O: Deserialize<'static>>(keys: &Map<String, Value>) -> O {
    let text: &'static str = json!(keys).to_string().leak();
    serde_json::from_str(text).expect("an operation reads what it writes")
}

fn object(operation: &impl Operation) -> Map<String, Value> {
    match serde_json::to_value(operation) {
        Ok(Value::Object(keys)) => keys,
        other => panic!("an operation is an object, not {other:?}"),
    }
}

/// Fills every key, those of inner objects too, of whatever is read from it. It knows the struct and the key that it fills.
struct Filled(&'static str, &'static str);

type Problem = serde::de::value::Error;

/// What serde_json calls a `RawValue`.
const RAW: &str = "$serde_json::private::RawValue";

impl<'de> Deserializer<'de> for Filled {
    type Error = Problem;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_u64(2)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_bool(true)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        let known = VALUES.iter().find(|(key, _)| *key == self.1);
        visitor.visit_borrowed_str(known.map_or("c", |(_, value)| value))
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Problem> {
        if name == RAW {
            visitor.visit_map(Members(&[RAW], self.0))
        } else {
            visitor.visit_newtype_struct(self)
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_seq(One(Some(self)))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        // Of the maps, score functions alone have keys of their own.
        let names: &[_] = if self.1 == "functionScore" {
            &[]
        } else {
            &["radius"]
        };
        visitor.visit_map(Members(names, self.0))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        visitor.visit_map(Members(fields, name))
    }

    serde::forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct enum
        identifier ignored_any
    }
}

/// The members of an object that are still to be filled, and its struct.
struct Members(&'static [&'static str], &'static str);

impl<'de> MapAccess<'de> for Members {
    type Error = Problem;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Problem> {
        let next = self.0.first();
        next.map(|name| seed.deserialize(StrDeserializer::new(name)))
            .transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Problem> {
        let (name, rest) = self.0.split_first().expect("a key comes before its value");
        self.0 = rest;
        if *name == RAW {
            let writes = matches!(self.1, "Insert" | "Upsert");
            let text = if writes { "{\"id\":1}" } else { "[1,0,0,0.5]" };
            return seed.deserialize(StrDeserializer::new(text));
        }
        seed.deserialize(Filled(self.1, name))
    }
}

/// A list of one.
struct One(Option<Filled>);

impl<'de> SeqAccess<'de> for One {
    type Error = Problem;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Problem> {
        self.0
            .take()
            .map(|value| seed.deserialize(value))
            .transpose()
    }
}
