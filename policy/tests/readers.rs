//! What the policy lets out, all readers of Milvus read alike: a million bodies made from real ones by mutation, read by
//! models of Go's `encoding/json`, of sonic, of gjson and of serde_json, written from their documented behaviour.
//!
//! | model | of two keys | key matching | null |
//! |---|---|---|---|
//! | `encoding/json` | the last | exact, else folded: ASCII case, U+017F as `s`, U+212A as `k` | keeps the earlier value |
//! | sonic | the last | exact, else lower case as Go's `ToLower`: U+0130 as `i`, U+212A as `k` | keeps the earlier value |
//! | gjson | the first | exact, after unescaping | is a value |
//! | `serde_json` | the last | exact | is a value |

use bytes::Bytes;
use policy::{Allowance, Names, Origin, Policy, WholeRequest, admit};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

/// How many bodies.
const CASES: u32 = 1_000_000;

/// Keys that decide where a request goes and what it carries.
const DECIDING: [&str; 5] = ["collectionName", "dbName", "data", "id", "search"];

/// Bodies as the component sends them, and their operations.
const BODIES: [(&str, &str); 6] = [
    (
        "/v2/vectordb/entities/insert",
        r#"{"dbName":"sales","collectionName":"docs","data":[{"id":1,"vector":[0.5,1],"word":"a"}]}"#,
    ),
    (
        "/v2/vectordb/entities/query",
        r#"{"dbName":"sales","collectionName":"docs","filter":"id in [1]","limit":10}"#,
    ),
    (
        "/v2/vectordb/entities/get",
        r#"{"collectionName":"docs","dbName":"sales","id":[1,2],"outputFields":["*"]}"#,
    ),
    (
        "/v2/vectordb/entities/search",
        r#"{"dbName":"sales","collectionName":"docs","data":[[0.5,1]],"annsField":"v","limit":3,"searchParams":{"radius":1}}"#,
    ),
    (
        "/v2/vectordb/entities/hybrid_search",
        r#"{"dbName":"sales","collectionName":"docs","search":[{"data":[[1]],"limit":1}],"rerank":{"strategy":"rrf","params":{"k":60}},"limit":1}"#,
    ),
    (
        "/v2/vectordb/collections/drop",
        r#"{"dbName":"sales","collectionName":"docs"}"#,
    ),
];

/// What is put into them.
const PIECES: [&str; 26] = [
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
    r#""d\u0061ta":[{"id":2}],"#,
    r#""data":[{"id":2}],"#,
    r#""DATA":[{"id":2}],"#,
    r#""id":7,"#,
    r#""search":[],"#,
    r#""filter":"","#,
    "\u{feff}",
    "{}",
    "null",
    r#"{"collectionName":"hr"}"#,
    "\\u0000",
    " ",
];

/// One object's members, in order, repeated keys included.
struct Members(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

fn folded(text: &str, odd: [(char, char); 2]) -> String {
    let fold = |letter: char| {
        let known = odd.iter().find(|(from, _)| *from == letter);
        known.map_or_else(|| letter.to_ascii_lowercase(), |(_, to)| *to)
    };
    text.chars().map(fold).collect()
}

/// The last of the keys that fold to `key`, null aside.
fn last_folded(members: &[(String, Value)], key: &str, odd: [(char, char); 2]) -> Option<Value> {
    let same = |name: &str| name == key || folded(name, odd) == folded(key, odd);
    let mut found = None;
    for (name, value) in members {
        if same(name) && !value.is_null() {
            found = Some(value.clone());
        }
    }
    found
}

/// What each of the four readers takes for `key`.
fn readings(members: &[(String, Value)], key: &str) -> [Option<Value>; 4] {
    let exact = |(name, value): &(String, Value)| (name == key).then(|| value.clone());
    [
        last_folded(members, key, [('\u{17f}', 's'), ('\u{212a}', 'k')]),
        last_folded(members, key, [('\u{130}', 'i'), ('\u{212a}', 'k')]),
        members.iter().find_map(exact),
        members.iter().rev().find_map(exact),
    ]
}

/// A repeatable sequence (splitmix64).
struct Sequence(u64);

impl Sequence {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % most.max(1) as u64).expect("smaller than a usize")
    }

    /// A body with up to three changes.
    fn mutated(&mut self, body: &str) -> Vec<u8> {
        let mut bytes = body.as_bytes().to_vec();
        for _ in 0..self.below(4) {
            let at = self.below(bytes.len() + 1);
            match self.below(6) {
                // Where a key begins: behind a brace or a comma.
                0..=2 => {
                    let places: Vec<usize> = (1..=bytes.len())
                        .filter(|at| matches!(bytes[at - 1], b'{' | b','))
                        .collect();
                    let at = places.get(self.below(places.len())).copied().unwrap_or(at);
                    let piece = PIECES[self.below(PIECES.len())];
                    bytes.splice(at..at, piece.bytes());
                }
                3 => {
                    let piece = PIECES[self.below(PIECES.len())];
                    bytes.splice(at..at, piece.bytes());
                }
                4 if at < bytes.len() => bytes[at] = u8::try_from(self.below(256)).expect("a byte"),
                _ => {
                    let end = bytes.len().min(at + self.below(12));
                    bytes.drain(at.min(end)..end);
                }
            }
        }
        bytes
    }
}

#[test]
fn t15_t16_t17_t20_what_passes_is_read_alike_by_every_reader_and_names_only_what_is_listed() {
    let names = |list: &[&str]| Names::parse(list.iter().copied()).expect("names");
    let allowance = Allowance {
        origin: Some(Origin::parse("http://localhost:19530").expect("an origin")),
        request_bytes: 1 << 20,
        rows: 1000,
        policy: Policy::default()
            .collections(names(&["docs"]))
            .databases(names(&["sales"])),
        call: Policy::default(),
    };
    let mut random = Sequence(42);
    let (mut passed, mut changed) = (0_u32, 0_u32);
    for _ in 0..CASES {
        let (path, body) = BODIES[random.below(BODIES.len())];
        let bytes = random.mutated(body);
        let whole = WholeRequest {
            method: "POST",
            scheme: "http",
            authority: "localhost:19530",
            path,
            query: None,
            declared: Some(bytes.len() as u64),
            came: bytes.len() as u64,
            body: Bytes::from(bytes.clone()),
            trailers: false,
            aborted: false,
        };
        if admit(&allowance, whole).is_err() {
            continue;
        }
        passed += 1;
        changed += u32::from(bytes != body.as_bytes());
        let shown = String::from_utf8_lossy(&bytes).into_owned();
        let Members(members) = serde_json::from_slice(&bytes).expect(&shown);
        for key in DECIDING {
            let [first, others @ ..] = readings(&members, key);
            assert!(
                others.iter().all(|other| *other == first),
                "`{key}` in {shown}"
            );
        }
        let [collection, ..] = readings(&members, "collectionName");
        let [database, ..] = readings(&members, "dbName");
        assert_eq!(
            (collection, database),
            (Some(Value::from("docs")), Some(Value::from("sales"))),
            "{shown}"
        );
    }
    assert!(
        passed > CASES / 10 && changed > CASES / 100,
        "{passed} passed, {changed} of them changed"
    );
}
