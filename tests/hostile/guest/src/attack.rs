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
