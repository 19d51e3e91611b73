//! The arguments of a tool call, read before the component sees them: it and the host then read them alike, and the call
//! reaches no other collection than those that they name.

use routes::NameKind;

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

/// What a call is about: the names that its arguments give.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subjects {
    /// Collections and aliases.
    pub collections: Names,
    /// Databases.
    pub databases: Names,
}

/// The names that the arguments of one call give: the texts in top-level members whose name speaks of a collection, an
/// alias or a database. An empty text is an empty object.
///
/// # Errors
/// The text is no JSON object, repeats a name in an object at any depth, or holds a lone surrogate or a number beyond a
/// double (RFC 7493, sections 2.1 to 2.3); or there are more than 64 names.
pub fn names(arguments: &str) -> Result<Subjects, ArgumentError> {
    let text = arguments.trim_start();
    if text.is_empty() {
        return Ok(Subjects::default());
    }
    if !text.starts_with('{') {
        return Err(ArgumentError {
            argument: String::new(),
            problem: "expected a JSON object".to_owned(),
        });
    }
    let reading = read_any(arguments, named_by).map_err(|(argument, fault)| ArgumentError {
        argument,
        problem: format!(
            "expected strict JSON, each key once in an object: {}",
            fault.detail
        ),
    })?;
    let subjects = Subjects {
        collections: Names::exact(reading.collections.iter().map(String::as_str)),
        databases: Names::exact(reading.databases.iter().map(String::as_str)),
    };
    let got = subjects.collections.count() + subjects.databases.count();
    if got > MAX_NAMES {
        return Err(ArgumentError {
            argument: String::new(),
            problem: format!("expected at most {MAX_NAMES} names, got {got}"),
        });
    }
    Ok(subjects)
}

/// What a member of a tool's arguments names, by its own name: `collection_name`, `newCollectionName`, `alias`,
/// `database` and the like.
fn named_by(key: &str) -> Option<NameKind> {
    let plain = key.to_ascii_lowercase().replace('_', "");
    let plain = ["new", "source", "target"]
        .iter()
        .find_map(|first| plain.strip_prefix(first))
        .unwrap_or(&plain);
    match plain {
        "collection" | "collections" | "collectionname" | "collectionnames" => {
            Some(NameKind::Collection)
        }
        "alias" | "aliases" | "aliasname" | "aliasnames" => Some(NameKind::Alias),
        "database" | "databases" | "databasename" | "databasenames" | "db" | "dbname"
        | "dbnames" => Some(NameKind::Database),
        _ => None,
    }
}
