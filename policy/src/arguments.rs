//! The arguments of a tool call, read before the component sees them: it and the host then read them alike, and the call
//! reaches no other collection than those that they name.

use std::collections::BTreeSet;

use super::body::read_any;
use super::names::Names;

/// Names that a call may be about: each of its requests is compared with them.
const MAX_NAMES: usize = 64;

/// Arguments that are not one JSON object which every reader reads alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArgumentError {
    /// Where, such as `data[2].id`; empty for the whole.
    pub argument: String,
    /// What was expected and what came. Nothing of the arguments' values stands in it.
    pub problem: String,
}

/// The names that the arguments of one call give: the texts in top-level members whose name speaks of a collection or an
/// alias. An empty text is an empty object.
///
/// # Errors
/// The text is no JSON object, repeats a name in an object at any depth, or holds a lone surrogate or a number beyond a
/// double (RFC 7493, sections 2.1 to 2.3); or there are more than 64 names.
pub fn names(arguments: &str) -> Result<Names, ArgumentError> {
    let text = arguments.trim_start();
    if text.is_empty() {
        return Ok(Names::default());
    }
    if !text.starts_with('{') {
        return Err(ArgumentError {
            argument: String::new(),
            problem: "expected a JSON object".to_owned(),
        });
    }
    match read_any(arguments, names_collections) {
        Ok(reading) => {
            let names: BTreeSet<&str> = reading.collections.iter().map(String::as_str).collect();
            let names = Names::exact(names);
            if names.count() <= MAX_NAMES {
                return Ok(names);
            }
            let (most, got) = (MAX_NAMES, names.count());
            Err(ArgumentError {
                argument: String::new(),
                problem: format!("expected at most {most} names of collections, got {got}"),
            })
        }
        Err((argument, fault)) => Err(ArgumentError {
            argument,
            problem: format!(
                "expected strict JSON, each key once in an object: {}",
                fault.detail
            ),
        }),
    }
}

/// Whether a member's value names collections: `collection_name`, `newCollectionName`, `collections`, `alias` and the like.
fn names_collections(key: &str) -> bool {
    let plain = key.to_ascii_lowercase().replace('_', "");
    let plain = ["new", "source", "target"]
        .iter()
        .find_map(|first| plain.strip_prefix(first))
        .unwrap_or(&plain);
    matches!(
        plain,
        "collection"
            | "collections"
            | "collectionname"
            | "collectionnames"
            | "alias"
            | "aliases"
            | "aliasname"
            | "aliasnames"
    )
}
