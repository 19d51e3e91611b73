//! What the policy lets out, all readers of Milvus read alike: bodies made from real ones by mutation, read by models of
//! Go's `encoding/json`, of sonic, of gjson and of serde_json, written from their documented behaviour.
//!
//! | model | of two keys | key matching, where a struct has the key | null |
//! |---|---|---|---|
//! | `encoding/json` | the last | exact, else folded: ASCII case, U+017F as `s`, U+212A as `k` | keeps the earlier value |
//! | sonic | the last | exact, else lower case as Go's `ToLower`: U+0130 as `i`, U+212A as `k` | keeps the earlier value |
//! | gjson | the first | exact, after unescaping | is a value |
//! | `serde_json` | the last | exact | is a value |
//!
//! `data`, `id` and `search` are compared to their last depth: inside them, rows are free objects, and the searches of a
//! hybrid search are structs.

use std::collections::BTreeMap;
use std::fmt;

use policy::Policy;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::sequence::Sequence;
use crate::{allowance, anything, asked, cases, names};

/// Keys that name something.
const NAMES: [(&str, &[&str]); 5] = [
    ("collectionName", &["docs", "docs_2"]),
    ("newCollectionName", &["docs", "docs_2"]),
    ("aliasName", &["docs", "docs_2"]),
    ("dbName", &["sales"]),
    ("newDbName", &["sales"]),
];

/// Keys that hold what a request carries, and the keys of the structs in their lists.
const CARRIED: [(&str, &[&str]); 3] = [
    ("data", &[]),
    ("id", &[]),
    (
        "search",
        &[
            "data",
            "annsField",
            "filter",
            "limit",
            "offset",
            "metricType",
            "params",
            "exprParams",
        ],
    ),
];

/// Bodies as the component sends them, and their operations.
const BODIES: [(&str, &str); 12] = [
    (
        "entities.insert",
        r#"{"dbName":"sales","collectionName":"docs","data":[{"id":1,"vector":[0.5,1],"word":"a","m":{"a":{"b":1}}}]}"#,
    ),
    (
        "entities.upsert",
        r#"{"dbName":"sales","data":[{"id":1,"s":{"7":0.5,"9":1}},{"id":2,"s":{}}],"collectionName":"docs"}"#,
    ),
    (
        "entities.query",
        r#"{"dbName":"sales","collectionName":"docs","filter":"id in [1]","limit":10}"#,
    ),
    (
        "entities.get",
        r#"{"collectionName":"docs","dbName":"sales","id":[1,2],"outputFields":["*"]}"#,
    ),
    (
        "entities.search",
        r#"{"dbName":"sales","collectionName":"docs","data":[[0.5,1]],"annsField":"v","limit":3,"searchParams":{"radius":1}}"#,
    ),
    (
        "entities.hybrid_search",
        r#"{"dbName":"sales","collectionName":"docs","search":[{"data":[[1]],"limit":1},{"data":["a"],"params":{"k":1}}],"rerank":{"strategy":"rrf","params":{"k":60}},"limit":1}"#,
    ),
    (
        "collections.drop",
        r#"{"dbName":"sales","collectionName":"docs"}"#,
    ),
    (
        "collections.rename",
        r#"{"dbName":"sales","collectionName":"docs","newCollectionName":"docs_2","newDbName":"sales"}"#,
    ),
    (
        "aliases.alter",
        r#"{"dbName":"sales","collectionName":"docs","aliasName":"docs_2"}"#,
    ),
    (
        "v1.insert",
        r#"{"dbName":"sales","collectionName":"docs","data":{"id":1,"vector":[0.5,1]}}"#,
    ),
    (
        "v1.delete",
        r#"{"dbName":"sales","collectionName":"docs","id":[1,2]}"#,
    ),
    (
        "v1.search",
        r#"{"dbName":"sales","collectionName":"docs","vector":[0.5,1],"params":{"radius":1}}"#,
    ),
];

/// What is put into them.
const PIECES: [&str; 34] = [
    r#""collectionName":"hr","#,
    r#""collectionName":null,"#,
    r#""dbName":"hr","#,
    r#""dbName":null,"#,
    r#""dbName":"","#,
    r#""COLLECTIONNAME":"hr","#,
    r#""collectionname":"hr","#,
    r#""CollectionName":"hr","#,
    r#""dbname":"hr","#,
    r#""DB\u004eame":"hr","#,
    r#""collection\u004eame":"hr","#,
    r#""collect\u0130onName":"hr","#,
    "\"collect\u{130}onName\":\"hr\",",
    "\"\u{17f}earch\":[],",
    "\"alia\u{17f}Name\":\"hr\",",
    r#""aliasName":"hr","#,
    r#""newCollectionName":"hr","#,
    r#""newDbName":"hr","#,
    r#""d\u0061ta":[{"id":2}],"#,
    r#""data":[{"id":2}],"#,
    r#""data":[["b"]],"#,
    r#""DATA":[{"id":2}],"#,
    r#""id":7,"#,
    r#""word":"b","#,
    r#""b":2,"#,
    r#""7":1,"#,
    r#""search":[],"#,
    r#""limit":5,"#,
    r#""filter":"","#,
    "\u{feff}",
    "{}",
    "null",
    r#"{"collectionName":"hr"}"#,
    "\\u0000",
];

/// A JSON value with the members of its objects in order, repeated keys included.
#[derive(Clone, Debug, PartialEq)]
enum Tree {
    Null,
    Boolean(bool),
    Number(f64),
    Text(String),
    List(Vec<Tree>),
    Object(Vec<(String, Tree)>),
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Tree;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON")
            }
            fn visit_unit<E: Error>(self) -> Result<Tree, E> {
                Ok(Tree::Null)
            }
            fn visit_bool<E: Error>(self, value: bool) -> Result<Tree, E> {
                Ok(Tree::Boolean(value))
            }
            fn visit_i64<E: Error>(self, value: i64) -> Result<Tree, E> {
                Ok(Tree::Number(value as f64))
            }
            fn visit_u64<E: Error>(self, value: u64) -> Result<Tree, E> {
                Ok(Tree::Number(value as f64))
            }
            fn visit_f64<E: Error>(self, value: f64) -> Result<Tree, E> {
                Ok(Tree::Number(value))
            }
            fn visit_str<E: Error>(self, value: &str) -> Result<Tree, E> {
                Ok(Tree::Text(value.to_owned()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Tree, A::Error> {
                let mut elements = Vec::new();
                while let Some(element) = list.next_element()? {
                    elements.push(element);
                }
                Ok(Tree::List(elements))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Tree::Object(members))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

#[derive(Clone, Copy, Debug)]
enum Reader {
    EncodingJson,
    Sonic,
    Gjson,
    SerdeJson,
}

const READERS: [Reader; 4] = [
    Reader::EncodingJson,
    Reader::Sonic,
    Reader::Gjson,
    Reader::SerdeJson,
];

fn folded(text: &str, odd: [(char, char); 2]) -> String {
    let fold = |letter: char| {
        let known = odd.iter().find(|(from, _)| *from == letter);
        known.map_or_else(|| letter.to_ascii_lowercase(), |(_, to)| *to)
    };
    text.chars().map(fold).collect()
}

impl Reader {
    fn folds(self) -> Option<[(char, char); 2]> {
        match self {
            Self::EncodingJson => Some([('\u{17f}', 's'), ('\u{212a}', 'k')]),
            Self::Sonic => Some([('\u{130}', 'i'), ('\u{212a}', 'k')]),
            Self::Gjson | Self::SerdeJson => None,
        }
    }

    /// What it takes for `key` of an object that it reads into a struct.
    fn member<'a>(self, members: &'a [(String, Tree)], key: &str) -> Option<&'a Tree> {
        let exact = |(name, value): &'a (String, Tree)| (name == key).then_some(value);
        match self.folds() {
            Some(odd) => {
                let same = |name: &str| name == key || folded(name, odd) == folded(key, odd);
                let mut named = members.iter().rev().filter(|(name, _)| same(name));
                named
                    .find(|(_, value)| *value != Tree::Null)
                    .map(|(_, value)| value)
            }
            None if matches!(self, Self::Gjson) => members.iter().find_map(exact),
            None => members.iter().rev().find_map(exact),
        }
    }

    /// A value as it reads it: of objects in it one member for each key, of those in its own list, if they are structs,
    /// only their keys.
    fn value(self, tree: &Tree, structs: &[&str]) -> Tree {
        match tree {
            Tree::List(elements) => Tree::List(
                elements
                    .iter()
                    .map(|element| self.value(element, structs))
                    .collect(),
            ),
            Tree::Object(members) if !structs.is_empty() => {
                let known = structs.iter().filter_map(|key| {
                    let value = self.member(members, key)?;
                    (*value != Tree::Null).then(|| ((*key).to_owned(), self.value(value, &[])))
                });
                Tree::Object(known.collect())
            }
            Tree::Object(members) => {
                let mut one = BTreeMap::new();
                for (key, value) in members {
                    let value = self.value(value, &[]);
                    if matches!(self, Self::Gjson) {
                        one.entry(key.clone()).or_insert(value);
                    } else {
                        one.insert(key.clone(), value);
                    }
                }
                Tree::Object(one.into_iter().collect())
            }
            other => other.clone(),
        }
    }
}

#[test]
fn t15_t16_t17_t20_what_passes_is_read_alike_by_every_reader_and_names_only_what_is_listed() {
    let policy = Policy::full()
        .collections(names(&["docs", "docs_2"]))
        .databases(names(&["sales"]));
    let allowance = allowance(policy, anything());
    let mut random = Sequence(42);
    let (mut passed, mut changed) = (0_u32, 0_u32);
    let cases = cases();
    for _ in 0..cases {
        let (operation, body) = *random.pick(&BODIES);
        let route = routes::all()
            .find(|route| route.name == operation)
            .expect(operation);
        let bytes = random.mutated(body.as_bytes(), &PIECES);
        if asked(&allowance, route, &bytes).is_err() {
            continue;
        }
        passed += 1;
        changed += u32::from(bytes != body.as_bytes());
        let shown = String::from_utf8_lossy(&bytes).into_owned();
        let Tree::Object(members) = serde_json::from_slice(&bytes).expect(&shown) else {
            panic!("{shown}");
        };
        for (key, listed) in NAMES {
            let [first, others @ ..] = READERS.map(|reader| reader.member(&members, key));
            assert!(
                others.iter().all(|other| *other == first),
                "`{key}` in {shown}"
            );
            let is_listed =
                |value: &Tree| matches!(value, Tree::Text(name) if listed.contains(&name.as_str()));
            assert!(first.is_none_or(is_listed), "`{key}` in {shown}");
        }
        for key in ["collectionName", "dbName"] {
            assert!(
                READERS[0].member(&members, key).is_some(),
                "`{key}` in {shown}"
            );
        }
        for (key, structs) in CARRIED {
            let [first, others @ ..] = READERS.map(|reader| {
                let value = reader
                    .member(&members, key)
                    .filter(|value| **value != Tree::Null);
                value.map(|value| reader.value(value, structs))
            });
            assert!(
                others.iter().all(|other| *other == first),
                "`{key}` in {shown}"
            );
        }
    }
    assert!(
        passed > cases / 10 && changed > cases / 100,
        "{passed} passed, {changed} of them changed"
    );
}
