//! What an attack is, and how it reads its arguments.

use serde_json::Value;

/// One attack.
pub(crate) struct Attack {
    /// The tool's name.
    pub(crate) name: &'static str,
    /// What it attempts, and which hole it stands for.
    pub(crate) tries: &'static str,
    /// Runs it: the endpoint's authority and the arguments; answers what happened.
    pub(crate) run: fn(&str, &Value) -> Value,
}

/// The text under `key`; empty if there is none.
pub(crate) fn text<'a>(arguments: &'a Value, key: &str) -> &'a str {
    arguments[key].as_str().unwrap_or_default()
}

/// The number under `key`; 0 if there is none.
pub(crate) fn number(arguments: &Value, key: &str) -> u64 {
    arguments[key].as_u64().unwrap_or_default()
}

/// Whether each attack has one of these names.
pub(crate) const fn are_named(families: &[&[Attack]], names: &[&str]) -> bool {
    let mut family = 0;
    while family < families.len() {
        let mut attack = 0;
        while attack < families[family].len() {
            if !is_among(families[family][attack].name, names) {
                return false;
            }
            attack += 1;
        }
        family += 1;
    }
    true
}

const fn is_among(name: &str, names: &[&str]) -> bool {
    let mut at = 0;
    while at < names.len() {
        if is(name.as_bytes(), names[at].as_bytes()) {
            return true;
        }
        at += 1;
    }
    false
}

const fn is(one: &[u8], other: &[u8]) -> bool {
    let mut at = 0;
    while at < one.len() && at < other.len() && one[at] == other[at] {
        at += 1;
    }
    at == one.len() && at == other.len()
}
