//! The table of routes against the facts of Milvus' source, in both directions: what Milvus has is in the table, and
//! what the table has is in Milvus. The facts are in `milvus-rest-keys.json`, which says how it is written.

use std::collections::{BTreeMap, BTreeSet};

use ::routes::{CLOSED, Key, Keys, Scope, Version, all, find};
use serde_json::{Map, Value};

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

/// A key's type in the facts: `[text]!+`.
struct Fact<'a> {
    kind: &'a str,
    required: bool,
    after_2_5_0: bool,
}

impl<'a> Fact<'a> {
    fn read(text: &'a Value) -> Self {
        let text = text.as_str().expect("a type is a text");
        let (text, after_2_5_0) = text
            .strip_suffix('+')
            .map_or((text, false), |text| (text, true));
        let (kind, required) = text
            .strip_suffix('!')
            .map_or((text, false), |text| (text, true));
        Self {
            kind,
            required,
            after_2_5_0,
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
            let fact = Fact::read(fact);
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
            let since = key.since.unwrap_or(added);
            let v2_5_0 = Version {
                major: 2,
                minor: 5,
                patch: 0,
            };
            if fact.after_2_5_0 && since <= v2_5_0 {
                self.differences
                    .push(format!("{place} came after 2.5.0, not with {since}"));
            }
            if !fact.after_2_5_0 && key.since.is_some_and(|since| since > v2_5_0) {
                self.differences
                    .push(format!("{place} was there in 2.5.0, not only in {since}"));
            }
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
            (Some(facts), Keys::Map(keys)) if fact.kind.starts_with('{') => {
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

fn facts() -> Map<String, Value> {
    let text = include_str!("milvus-rest-keys.json");
    serde_json::from_str(text).expect("the facts are a JSON object")
}

fn part(facts: &Map<String, Value>, name: &str) -> Map<String, Value> {
    facts[name]
        .as_object()
        .expect("each part of the facts is an object")
        .clone()
}

fn split(line: &str) -> (&str, &str) {
    line.split_once(' ')
        .expect("a route is a method and a path")
}

fn compare() -> Comparison {
    let facts = facts();
    let mut comparison = Comparison {
        shapes: part(&facts, "shapes"),
        ..Comparison::default()
    };
    for (line, fact) in part(&facts, "routes") {
        let (method, path) = split(&line);
        let Some(row) = find(method, path.as_bytes()) else {
            comparison
                .differences
                .push(format!("{line} is in Milvus, not in the table"));
            continue;
        };
        if fact["since"] != row.since.to_string() {
            comparison.differences.push(format!(
                "{line} is there since {}, not {}",
                fact["since"], row.since
            ));
        }
        let keys = fact["keys"].as_object().expect("keys are an object");
        comparison.object(row.name, keys, row.keys, row.since);
    }
    comparison
}

#[test]
fn the_table_and_milvus_have_the_same_routes() {
    let facts = part(&facts(), "routes");
    let ours: BTreeSet<_> = all()
        .map(|row| format!("{} {}", row.method, row.path))
        .collect();
    let theirs: BTreeSet<_> = facts.keys().cloned().collect();
    assert_eq!(ours, theirs);
    assert_eq!(ours.len(), 83);
}

#[test]
fn the_table_and_milvus_have_the_same_keys_at_every_depth() {
    let comparison = compare();
    assert!(
        comparison.differences.is_empty(),
        "{:#?}",
        comparison.differences
    );
    // Nothing was skipped: so many keys at the top level and in the shapes were looked at.
    let facts = facts();
    let top: usize = part(&facts, "routes")
        .values()
        .map(|fact| fact["keys"].as_object().map_or(0, Map::len))
        .sum();
    let below: usize = part(&facts, "shapes")
        .values()
        .map(|shape| shape.as_object().map_or(0, Map::len))
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
    let facts = facts();
    let met: BTreeSet<_> = compare()
        .seen
        .iter()
        .filter_map(|seen| seen.split_once(' '))
        .map(|(name, _)| name.to_owned())
        .collect();
    assert_eq!(met, part(&facts, "shapes").keys().cloned().collect());
}

#[test]
fn no_shape_of_milvus_holds_a_name_of_a_collection_or_database() {
    for (shape, keys) in part(&facts(), "shapes") {
        for name in keys.as_object().expect("a shape is an object").keys() {
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
fn every_key_of_milvus_that_names_something_has_a_verdict_of_its_kind() {
    let mut names = 0;
    for (line, fact) in part(&facts(), "routes") {
        let (method, path) = split(&line);
        let row = find(method, path.as_bytes()).expect("the route is in the table");
        for name in fact["keys"].as_object().expect("keys are an object").keys() {
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
                assert_eq!(key.verdict.to_string(), verdict, "{line}: {name}");
            }
        }
    }
    assert!(names > 150, "{names}");
}

#[test]
fn the_table_and_milvus_have_the_same_closed_routes() {
    let theirs: BTreeMap<_, _> = part(&facts(), "closed").into_iter().collect();
    let ours: BTreeMap<_, _> = CLOSED
        .iter()
        .map(|closed| {
            let scope = match closed.scope {
                Scope::AccessControl => "access-control",
                Scope::Cluster => "cluster",
                Scope::Observe => "observe",
            };
            (
                format!("{} {}", closed.method, closed.path),
                Value::from(scope),
            )
        })
        .collect();
    assert_eq!(ours, theirs);
    assert_eq!(ours.len(), 29);
}
