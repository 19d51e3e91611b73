//! The table of routes against the contract files, in both directions: what Milvus has is in the table, and what the
//! table has is in Milvus, down to the keys of the objects inside requests.

use std::collections::BTreeSet;

use ::routes::{CLOSED, Dialect, Key, Keys, Route, Scope, Version, all, find};
use serde_json::{Map, Value};

use super::files::{self, Contract};

/// Keys that the table shapes otherwise than Milvus does, and why. One that is no longer needed fails a test.
const EXCEPTIONS: &[(&str, &str)] = &[
    // Milvus takes any option; the table closes the list, since some load what does not belong to the collection.
    (
        "jobs.import.create: options",
        "a closed list in place of a free map",
    ),
    // The text is JSON that describes an analyzer, so names in it are looked at as in a map.
    (
        "common.run_analyzer: analyzerParams",
        "a text that holds JSON",
    ),
    // Its elements and the primary key are plain values, never objects.
    ("entities.search: ids", "plain values in place of any"),
    ("entities.get: id", "plain values in place of any"),
    ("v1.get: id", "plain values in place of any"),
    ("v1.delete: id", "plain values in place of any"),
    // Milvus converts only plain values, and has no default for JSON, arrays and vectors.
    ("field: defaultValue", "plain values in place of any"),
];

/// A key as its contract has it: `{"type": "[text]", "required": true, "since": "2.5.0"}`.
struct Fact<'a> {
    kind: &'a str,
    required: bool,
    since: Option<&'a str>,
}

impl<'a> Fact<'a> {
    fn read(place: &str, fact: &'a Value) -> Self {
        for member in fact.as_object().expect("a key is an object").keys() {
            assert!(
                ["type", "required", "default", "since", "about"].contains(&member.as_str()),
                "{place}: nobody reads `{member}`"
            );
        }
        Self {
            kind: fact["type"].as_str().expect("a type is a text"),
            required: fact["required"].as_bool().unwrap_or_default(),
            since: fact["since"].as_str(),
        }
    }

    /// The innermost type: `text` in `[[text]]`.
    fn element(&self) -> &'a str {
        self.kind.trim_matches(['[', ']', '{', '}'])
    }
}

/// All differences between the facts and the table.
#[derive(Default)]
struct Comparison {
    shapes: Map<String, Value>,
    seen: BTreeSet<String>,
    keys: BTreeSet<String>,
    excepted: BTreeSet<String>,
    differences: Vec<String>,
}

impl Comparison {
    /// Compares an object's keys, and what stands below them. `at` is the route's name, or the shape's.
    fn object(
        &mut self,
        at: &str,
        facts: &Map<String, Value>,
        keys: &'static [Key],
        added: Version,
    ) {
        for key in keys {
            if !facts.contains_key(key.name) {
                self.differences
                    .push(format!("{at}: {} is in the table, not in Milvus", key.name));
            }
        }
        for (name, fact) in facts {
            let place = format!("{at}: {name}");
            let fact = Fact::read(&place, fact);
            let Some(key) = Key::named(keys, name) else {
                self.differences
                    .push(format!("{place} is in Milvus, not in the table"));
                continue;
            };
            self.keys.insert(place.clone());
            if key.required != fact.required {
                self.differences
                    .push(format!("{place}: required is {} in Milvus", fact.required));
            }
            let since = key.since.map(|since| since.to_string());
            if since.as_deref() != fact.since {
                self.differences.push(format!(
                    "{place} came with {:?}, not with {since:?}",
                    fact.since
                ));
            }
            let since = key.since.unwrap_or(added);
            self.shape(&place, &fact, key, since);
        }
    }

    /// Compares what may stand in one key.
    fn shape(&mut self, place: &str, fact: &Fact<'_>, key: &Key, added: Version) {
        let element = fact.element();
        let below = self.shapes.get(element).and_then(Value::as_object).cloned();
        let fits = match (below, key.keys) {
            (Some(facts), Keys::Object(keys)) if fact.kind == element => {
                self.named_shape(element, &facts, keys, added);
                true
            }
            (Some(facts), Keys::List(keys)) if fact.kind.starts_with('[') => {
                self.named_shape(element, &facts, keys, added);
                true
            }
            (Some(facts), Keys::Map(Keys::Object(keys))) if fact.kind.starts_with('{') => {
                self.named_shape(element, &facts, keys, added);
                true
            }
            (None, Keys::Open(_)) => element == "any" || fact.kind.contains('{'),
            (None, Keys::None) => element != "any" && !fact.kind.contains('{'),
            _ => false,
        };
        if !fits {
            if EXCEPTIONS.iter().any(|(excepted, _)| *excepted == place) {
                self.excepted.insert(place.to_owned());
            } else {
                self.differences.push(format!(
                    "{place} is {} in Milvus, {:?} in the table",
                    fact.kind, key.keys
                ));
            }
        }
    }

    /// A shape once for each place in memory that the table has for it and each release that it came with: some
    /// contain themselves.
    fn named_shape(
        &mut self,
        name: &str,
        facts: &Map<String, Value>,
        keys: &'static [Key],
        added: Version,
    ) {
        if self
            .seen
            .insert(format!("{name} {:p} {added}", keys.as_ptr()))
        {
            self.object(name, facts, keys, added);
        }
    }
}

/// Every file with its row.
fn rows() -> Vec<(Contract, &'static Route)> {
    files::all()
        .into_iter()
        .map(|contract| {
            let (method, path) = contract.route();
            let row = find(method, path.as_bytes()).unwrap_or_else(|| {
                panic!("{}: {method} {path} is not in the table", contract.name)
            });
            (contract, row)
        })
        .collect()
}

fn keys_of(shape: &Value) -> &Map<String, Value> {
    shape.as_object().expect("a shape is an object")
}

fn compare() -> Comparison {
    let mut comparison = Comparison {
        shapes: files::beside("shapes"),
        ..Comparison::default()
    };
    for (contract, row) in rows() {
        comparison.object(row.name, contract.request(), row.keys, row.since);
    }
    comparison
}

#[test]
fn every_row_has_a_file_and_every_file_a_row() {
    let theirs: BTreeSet<_> = rows().iter().map(|(_, row)| row.name).collect();
    let ours: BTreeSet<_> = all().map(|row| row.name).collect();
    assert_eq!(ours, theirs);
    assert_eq!(files::all().len(), 83, "no row has two files");
}

#[test]
fn a_file_is_called_as_its_row_and_says_since_when_and_on_whose_word() {
    for (contract, row) in rows() {
        let name = row.name.replace('.', "/");
        let name = match row.dialect {
            Dialect::V1 => name,
            Dialect::V2 => format!("v2/{name}"),
        };
        assert_eq!(contract.name, name);
        assert_eq!(*contract.part("since"), row.since.to_string(), "{name}");
        let about = contract.part("about").as_str().expect("a text");
        assert!(about.ends_with('.'), "{name}: {about}");
        let sources = contract.part("sources").as_array().expect("a list");
        assert!(!sources.is_empty(), "{name}");
        assert!(!contract.cases().is_empty(), "{name}");
    }
}

#[test]
fn every_answer_has_the_names_that_the_table_says_it_carries() {
    for (contract, row) in rows() {
        let answer = keys_of(contract.part("answer"));
        for name in row.answer_names {
            let member = name.path.trim_start_matches("data").trim_start_matches('.');
            let member = member.split("[].").next().unwrap_or(member);
            let member = if member == "[]" {
                member
            } else {
                member.trim_end_matches("[]")
            };
            assert!(
                answer.contains_key(member),
                "{}: {}",
                contract.name,
                name.path
            );
        }
    }
}

#[test]
fn t22_the_table_and_milvus_have_the_same_keys_at_every_depth() {
    let comparison = compare();
    assert!(
        comparison.differences.is_empty(),
        "{:#?}",
        comparison.differences
    );
    // Nothing was skipped: so many keys at the top level and in the shapes were looked at.
    let top: usize = rows()
        .iter()
        .map(|(contract, _)| contract.request().len())
        .sum();
    let below: usize = files::beside("shapes")
        .values()
        .map(|shape| keys_of(shape).len())
        .sum();
    assert_eq!(comparison.keys.len(), top + below);
}

#[test]
fn every_exception_is_needed() {
    let listed: BTreeSet<_> = EXCEPTIONS
        .iter()
        .map(|(place, _)| (*place).to_owned())
        .collect();
    assert_eq!(compare().excepted, listed);
}

#[test]
fn every_shape_of_milvus_is_met() {
    let met: BTreeSet<_> = compare()
        .seen
        .iter()
        .filter_map(|seen| seen.split_once(' '))
        .map(|(name, _)| name.to_owned())
        .collect();
    assert_eq!(met, files::beside("shapes").keys().cloned().collect());
}

#[test]
fn no_shape_of_milvus_holds_a_name_of_a_collection_or_database() {
    for (shape, keys) in files::beside("shapes") {
        for name in keys_of(&keys).keys() {
            let name = name.to_lowercase();
            let is_name = [
                "collectionname",
                "dbname",
                "database",
                "alias",
                "partitionname",
            ];
            assert!(
                !is_name.iter().any(|part| name.contains(part)),
                "{shape}: {name}"
            );
        }
    }
}

#[test]
fn t22_every_key_of_milvus_that_names_something_has_a_verdict_of_its_kind() {
    let mut names = 0;
    for (contract, row) in rows() {
        for name in contract.request().keys() {
            let lower = name.to_lowercase();
            let expected = [
                ("collectionname", "collection"),
                ("dbname", "database"),
                ("aliasname", "alias"),
            ]
            .into_iter()
            .chain([("partitionname", "partition"), ("jobid", "job")])
            .find(|(part, _)| lower.contains(part));
            if let Some((_, verdict)) = expected {
                names += 1;
                let key = row.key(name).expect("the key is in the table");
                assert_eq!(key.verdict.to_string(), verdict, "{}: {name}", row.name);
            }
        }
    }
    assert!(names > 150, "{names}");
}

#[test]
fn t32_the_table_and_milvus_have_the_same_closed_routes() {
    let mut theirs = BTreeSet::new();
    for (scope, routes) in files::beside("closed") {
        for route in routes.as_array().expect("routes are a list") {
            theirs.insert((scope.clone(), route.as_str().expect("a text").to_owned()));
        }
    }
    let ours: BTreeSet<_> = CLOSED
        .iter()
        .map(|closed| {
            let scope = match closed.scope {
                Scope::AccessControl => "access-control",
                Scope::Cluster => "cluster",
                Scope::Observe => "observe",
            };
            (
                scope.to_owned(),
                format!("{} {}", closed.method, closed.path),
            )
        })
        .collect();
    assert_eq!(ours, theirs);
    assert_eq!(ours.len(), 29);
}
