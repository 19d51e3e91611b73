//! Each route and key has one verdict, and a request is of every class that its row, its keys and its marks say:
//! each key of each row is turned on in turn, with values of every kind, and compared with the row.

use policy::{Allowance, Effects, Policy, Rule};
use routes::{Effect, Key, Keys, Method, NameKind, Others, Route, Verdict};

use crate::{allowance, anything, asked, everything, names};

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
    let excused = key.raises.and_then(|raise| raise.unless.first());
    match (key.verdict, key.keys) {
        (Verdict::Collection | Verdict::Alias | Verdict::Database, _) => "\"docs\"".to_owned(),
        (Verdict::Outbound, _) => format!("\"{PLACE}\""),
        (_, Keys::None) => format!("\"{}\"", excused.unwrap_or(&"a")),
        (_, Keys::Object(keys)) => object(keys, None),
        (_, Keys::List(keys)) => format!("[{}]", object(keys, None)),
        (_, Keys::Map(_) | Keys::Open(_)) => "{}".to_owned(),
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

/// The scalars that are tried for a key, and what each does.
fn scalars(key: &Key) -> Vec<Turned> {
    let one = |body: String, raising: Option<&str>, named: bool| {
        let effects = key
            .raises
            .filter(|raise| raise.unless.is_empty() || raising.is_some())
            .and_then(|raise| raise.by(raising.unwrap_or_default()));
        Turned {
            placeless: effects == Some(Effect::Outbound)
                && !(named && key.verdict == Verdict::Outbound),
            forbidden: key.verdict == Verdict::Forbidden,
            effects: effects.into_iter().collect(),
            body,
        }
    };
    let mut values = vec![one(format!("\"{PLACE}\""), Some(PLACE), true)];
    for other in ["null", "5", "true"] {
        values.push(one(other.to_owned(), Some(other), false));
    }
    let list = matches!(key.keys, Keys::None).then_some("[");
    values.push(one("[1]".to_owned(), list.or(Some("1")), false));
    // A list without elements names nobody: another place of its object is enough.
    values.push(one("[]".to_owned(), list, true));
    for local in key.raises.iter().flat_map(|raise| raise.unless) {
        values.push(one(format!("\"{local}\""), Some(local), false));
        for other in near(local) {
            values.push(one(format!("\"{other}\""), Some(&other), true));
        }
    }
    // What no policy here names.
    let unnamed = |value: &mut Turned| {
        value.placeless |= value.effects.contains(&Effect::Outbound)
            && !value.body.contains(PLACE)
            && value.body != "[]";
    };
    values.iter_mut().for_each(unnamed);
    values
}

/// Spellings near a word, none of which is the word.
fn near(word: &str) -> [String; 5] {
    let mut turned = word.to_uppercase();
    if turned == word {
        turned = word.to_lowercase();
    }
    [
        turned,
        format!("x{word}"),
        format!("{word}x"),
        format!(" {word}"),
        format!("{word} "),
    ]
}

/// The values that are tried for what may stand in a key, but for scalars.
fn objects(keys: &Keys, depth: usize) -> Vec<Turned> {
    let Some(depth) = depth.checked_sub(1) else {
        return Vec::new();
    };
    let around = |before: &str, after: &str, values: Vec<Turned>| {
        let around = |value: Turned| Turned {
            body: format!("{before}{}{after}", value.body),
            ..value
        };
        values.into_iter().map(around).collect::<Vec<_>>()
    };
    match keys {
        Keys::None => Vec::new(),
        Keys::Object(keys) => turned(keys, depth),
        Keys::List(keys) => around("[", "]", turned(keys, depth)),
        Keys::Map(values) => around("{\"a\":", "}", objects(values, depth)),
        Keys::Open(open) => {
            let mut values = turned(open.keys, depth);
            let names = open.keys.iter().flat_map(|key| near(key.name));
            let outbound = open.others == Others::Outbound;
            for name in names.chain(["unheard".to_owned()]) {
                if Key::named(open.keys, &name).is_some() {
                    continue;
                }
                for value in [
                    format!("\"{PLACE}\""),
                    "5".to_owned(),
                    format!("{{\"a\":\"{PLACE}\"}}"),
                ] {
                    values.push(Turned {
                        placeless: outbound && !value.starts_with('"'),
                        body: format!("{{\"{name}\":{value}}}"),
                        effects: outbound.then_some(Effect::Outbound).into_iter().collect(),
                        forbidden: open.others == Others::Refused,
                    });
                }
            }
            values.push(Turned {
                body: "{}".to_owned(),
                effects: Vec::new(),
                forbidden: false,
                placeless: false,
            });
            if open.texts_hold_json {
                let quoted = |value: &Turned| Turned {
                    body: format!("{:?}", value.body),
                    effects: value.effects.clone(),
                    ..*value
                };
                let texts: Vec<Turned> = values
                    .iter()
                    .filter(|value| !value.body.contains('\\'))
                    .map(quoted)
                    .collect();
                values.extend(texts);
            }
            values
        }
    }
}

/// The values that are tried for a key, and what each does.
fn values(key: &Key, depth: usize) -> Vec<Turned> {
    if key.verdict.name_kind().is_some() {
        return vec![Turned {
            body: "\"docs\"".to_owned(),
            effects: Vec::new(),
            forbidden: false,
            placeless: false,
        }];
    }
    let raised = key
        .raises
        .filter(|raise| raise.unless.is_empty())
        .map(|raise| raise.to);
    let mut values = objects(&key.keys, depth);
    // A text in the place of an object that may be one is a scalar of its key, too.
    values.retain(|value| !(value.body.starts_with('"') && key.raises.is_some()));
    for value in &mut values {
        value.effects.extend(raised);
        value.forbidden |= key.verdict == Verdict::Forbidden;
        value.placeless |= raised == Some(Effect::Outbound) && !value.body.contains(PLACE);
    }
    if matches!(key.keys, Keys::None | Keys::Open(_)) {
        let mut scalars = scalars(key);
        // A map of a closed set is an object, and no text that may hold one.
        let closed = matches!(key.keys, Keys::Open(open) if open.others == Others::Refused);
        for scalar in &mut scalars {
            scalar.forbidden |= closed && scalar.body.starts_with('"');
        }
        values.extend(scalars);
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
    let everywhere = allowance(everything().outside("in/"), anything());
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
                let without = allowance(Policy::of(others), anything());
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
            let allowance = allowance(listed.outside("in/"), anything());
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
