//! Each route and key has one verdict, and a request is of every class that its row, its keys and its marks say:
//! each key of each row is turned on in turn, with values of every kind, and compared with the row.

use policy::{Allowance, Effects, Policy, Rule};
use routes::{Effect, Key, Keys, Method, NameKind, Route, Verdict};

use crate::{allowance, asked, everything, names};

/// A place that the policies here name.
const PLACE: &str = "in/x";
/// Deeper than this no shape is built: some contain themselves.
const DEPTH: usize = 7;

/// A request that turns one key on.
struct Turned {
    body: String,
    /// What the key makes of it, beside the row.
    effects: Vec<Effect>,
    /// A key of the way is never let out.
    forbidden: bool,
    /// It leads out of Milvus, and names no place.
    placeless: bool,
}

/// A value that Milvus would take for the key, for a body in which another is looked at.
fn plain(key: &Key) -> String {
    match (key.verdict, key.keys) {
        (Verdict::Collection | Verdict::Alias | Verdict::Database, _) => "\"docs\"".to_owned(),
        (Verdict::Outbound, _) => format!("\"{PLACE}\""),
        (_, Keys::None) if key.raises.is_some() => {
            let excused = key
                .raises
                .and_then(|raise| raise.unless.first())
                .expect("some texts are local");
            format!("\"{excused}\"")
        }
        (_, Keys::None) => "\"a\"".to_owned(),
        (_, Keys::Object(keys)) => object(keys, None),
        (_, Keys::List(keys)) => format!("[{}]", object(keys, None)),
        (_, Keys::Map(keys)) => format!("{{\"a\":{}}}", object(keys, None)),
        (_, Keys::Open(_)) => "{}".to_owned(),
    }
}

/// An object of the keys that Milvus asks for, and one more with this value.
fn object(keys: &[Key], one: Option<(&str, &str)>) -> String {
    let required = keys
        .iter()
        .filter(|key| key.required && one.is_none_or(|(name, _)| name != key.name));
    let mut members: Vec<String> = required
        .map(|key| format!("\"{}\":{}", key.name, plain(key)))
        .collect();
    members.extend(one.map(|(name, value)| format!("\"{name}\":{value}")));
    format!("{{{}}}", members.join(","))
}

/// The values that are tried for a key, and what each does.
fn values(key: &Key, depth: usize) -> Vec<Turned> {
    let raised = |text: Option<&str>| {
        key.raises
            .and_then(|raise| raise.by(text))
            .into_iter()
            .collect::<Vec<_>>()
    };
    let one = |body: String, effects: Vec<Effect>| Turned {
        body,
        forbidden: key.verdict == Verdict::Forbidden,
        placeless: effects.contains(&Effect::Outbound),
        effects,
    };
    let mut values = Vec::new();
    match key.keys {
        Keys::None if key.verdict.name_kind().is_some() => {
            values.push(one("\"docs\"".to_owned(), Vec::new()));
        }
        Keys::None => {
            let text = one(format!("\"{PLACE}\""), raised(Some(PLACE)));
            let placeless = text.placeless && key.verdict != Verdict::Outbound;
            values.push(Turned { placeless, ..text });
            for other in ["null", "5", "true", "[1]"] {
                values.push(one(other.to_owned(), raised(None)));
            }
            // A list without elements names nobody: another place of its object is enough.
            let empty = one("[]".to_owned(), raised(None));
            let placeless = empty.placeless && key.verdict != Verdict::Outbound;
            values.push(Turned { placeless, ..empty });
            for local in key.raises.iter().flat_map(|raise| raise.unless) {
                values.push(one(format!("\"{local}\""), Vec::new()));
                let other = format!("{local}x");
                values.push(one(format!("\"{other}\""), raised(Some(&other))));
            }
        }
        Keys::Open(open) => {
            values.push(one("{}".to_owned(), raised(None)));
            for mark in open.marks {
                for name in [mark.name.to_owned(), mark.name.to_uppercase()] {
                    let mut effects = raised(None);
                    effects.push(mark.raise.to);
                    let placed = mark.raise.unless.is_empty();
                    let text = if placed { PLACE } else { "model" };
                    let object = format!("{{\"{name}\":\"{text}\"}}");
                    let leads_out = mark.raise.to == Effect::Outbound;
                    let below = [object.clone(), format!("{{\"a\":[{object}]}}")];
                    let text = open
                        .texts_hold_json
                        .then(|| format!("{{\"a\":{:?}}}", object));
                    for body in below.into_iter().chain(text) {
                        let turned = one(body, effects.clone());
                        values.push(Turned {
                            placeless: leads_out && !placed,
                            ..turned
                        });
                    }
                    values.push(one(format!("{{\"{name}\":5}}"), effects));
                }
            }
        }
        Keys::Object(keys) | Keys::List(keys) | Keys::Map(keys) if depth > 0 => {
            for below in turned(keys, depth - 1) {
                let body = match key.keys {
                    Keys::List(_) => format!("[{}]", below.body),
                    Keys::Map(_) => format!("{{\"a\":{}}}", below.body),
                    _ => below.body,
                };
                let mut effects = raised(None);
                // An object cannot be named by an operator, whatever it holds.
                let placeless = below.placeless || effects.contains(&Effect::Outbound);
                effects.extend(below.effects);
                let forbidden = below.forbidden || key.verdict == Verdict::Forbidden;
                values.push(Turned {
                    body,
                    effects,
                    forbidden,
                    placeless,
                });
            }
        }
        Keys::Object(_) | Keys::List(_) | Keys::Map(_) => {}
    }
    values
}

/// For each key of an object, the object with that key turned on.
fn turned(keys: &[Key], depth: usize) -> Vec<Turned> {
    let mut all = Vec::new();
    for key in keys {
        for value in values(key, depth) {
            all.push(Turned {
                body: object(keys, Some((key.name, &value.body))),
                ..value
            });
        }
    }
    all
}

fn expected(route: &Route, turned: &Turned) -> Effects {
    let mut effects = Effects::default();
    route
        .effects()
        .chain(turned.effects.iter().copied())
        .for_each(|effect| effects.insert(effect));
    // A place that Milvus asks for is there whichever key is turned on.
    for key in route
        .keys
        .iter()
        .filter(|key| key.required && key.verdict == Verdict::Outbound)
    {
        effects.insert(key.raises.expect("outbound raises").to);
    }
    effects
}

#[test]
fn t22_t27_t28_t29_each_key_of_each_row_makes_a_request_what_the_row_says() {
    let everywhere = allowance(everything().outside("in/"), everything());
    let mut tried = 0;
    for route in routes::all().filter(|route| route.method == Method::Post) {
        for turned in turned(route.keys, DEPTH) {
            tried += 1;
            let shown = format!("{} {}", route.name, turned.body);
            let effects = expected(route, &turned);
            let asked_with =
                |allowance: &Allowance| asked(allowance, route, turned.body.as_bytes());
            let rule =
                |allowance: &Allowance| asked_with(allowance).err().map(|refusal| refusal.rule);
            if turned.forbidden {
                assert_eq!(rule(&everywhere), Some(Rule::Key), "{shown}");
                continue;
            }
            let leads_out = effects.contains(Effect::Outbound);
            if turned.placeless || leads_out && !turned.body.contains(PLACE) {
                assert_eq!(rule(&everywhere), Some(Rule::Outside), "{shown}");
            } else {
                let admitted = asked_with(&everywhere).expect(&shown);
                assert_eq!(admitted.effects(), effects, "{shown}");
            }
            for missing in effects.iter() {
                let mut others = Effects::default();
                let kept = Effect::ALL.into_iter().filter(|effect| *effect != missing);
                kept.for_each(|effect| others.insert(effect));
                let without = allowance(Policy::of(others), everything());
                assert_eq!(
                    rule(&without),
                    Some(Rule::Effect),
                    "{shown} without {missing}"
                );
            }
        }
    }
    assert!(tried > 5000, "{tried}");
}

/// A request of the route with its required keys, a database, and this name under this key.
fn with_name(route: &Route, key: &Key, name: &str) -> String {
    let place =
        |other: &&Key| other.verdict == Verdict::Outbound && matches!(other.keys, Keys::None);
    let there = |other: &&Key| {
        other.required || other.name == "dbName" || other.name == key.name || place(other)
    };
    let members: Vec<String> = route
        .keys
        .iter()
        .filter(there)
        .map(|other| match route.method {
            Method::Get if other.name == key.name => format!("{}={name}", other.name),
            Method::Get => format!("{}=docs", other.name),
            Method::Post if other.name == key.name => format!("\"{}\":\"{name}\"", other.name),
            Method::Post => format!("\"{}\":{}", other.name, plain(other)),
        })
        .collect();
    match route.method {
        Method::Get => members.join("&"),
        Method::Post => format!("{{{}}}", members.join(",")),
    }
}

#[test]
fn t22_each_name_key_of_each_row_is_compared_with_the_lists() {
    let mut tried = 0;
    for route in routes::all() {
        for key in route.keys {
            let (listed, rule) = match key.verdict.name_kind() {
                Some(NameKind::Database) => {
                    (everything().databases(names(&["docs"])), Rule::Database)
                }
                Some(_) => (everything().collections(names(&["docs"])), Rule::Collection),
                None => continue,
            };
            let allowance = allowance(listed.outside("in/"), everything());
            let verdict = |name: &str| {
                let content = with_name(route, key, name);
                asked(&allowance, route, content.as_bytes())
                    .err()
                    .map(|refusal| refusal.rule)
            };
            let shown = format!("{} {}", route.name, key.name);
            assert_eq!(verdict("docs"), None, "{shown}");
            assert_eq!(verdict("hr"), Some(rule), "{shown}");
            tried += 1;
        }
    }
    assert!(tried > 140, "{tried}");
}
