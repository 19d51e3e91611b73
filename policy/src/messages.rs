//! Names in Milvus' error texts.
//!
//! They name others than the request does: `alias exists and already aliased to another collection, alias: x,
//! collection: hr`, `collection not found[database=default][collection=hr]`, `… has associated aliases [a b]`. So behind a
//! word that speaks of collections, aliases or databases, each word that could be a name, is not listed, and is none of
//! the few that Milvus' texts put there, is withheld. It ends behind a name that something else than a joint or a comma
//! follows, outside brackets.

use std::borrow::Cow;

use routes::NameKind;

use super::grant::Policy;

/// What stands for a name that is not listed.
const WITHHELD: &str = "[withheld]";

/// Words of Milvus' own between such a word and a name (`merr/errors.go`, `meta_table.go`, `proxy/task*.go`).
const PLAIN: [&str; 52] = [
    "a",
    "all",
    "already",
    "an",
    "and",
    "another",
    "any",
    "are",
    "because",
    "before",
    "by",
    "cannot",
    "conflict",
    "does",
    "duplicate",
    "empty",
    "error",
    "exist",
    "exists",
    "failed",
    "field",
    "for",
    "found",
    "fully",
    "has",
    "id",
    "in",
    "invalid",
    "is",
    "loaded",
    "may",
    "must",
    "name",
    "names",
    "no",
    "not",
    "of",
    "on",
    "or",
    "other",
    "parameters",
    "partition",
    "please",
    "remove",
    "schema",
    "state",
    "the",
    "this",
    "to",
    "via",
    "was",
    "with",
];

/// What a word says that names follow.
fn speaks_of(word: &str) -> Option<NameKind> {
    match word.to_ascii_lowercase().as_str() {
        "collection" | "collections" | "collectionname" | "collection_name"
        | "newcollectionname" | "alias" | "aliases" | "aliased" | "aliasname" | "alias_name" => {
            Some(NameKind::Collection)
        }
        "database" | "databases" | "dbname" | "db_name" | "newdbname" | "db" => {
            Some(NameKind::Database)
        }
        _ => None,
    }
}

/// The text without names that `policy` does not list.
pub(super) fn without_foreign_names<'a>(policy: &Policy, text: &'a str) -> Cow<'a, str> {
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == '$';
    let mut shown = String::new();
    let (mut rest, mut changed) = (text, false);
    let (mut about, mut named, mut depth) = (None, false, 0_i32);
    while !rest.is_empty() {
        let (between, behind) = rest.split_at(rest.find(is_letter).unwrap_or(rest.len()));
        let (word, behind) = behind.split_at(
            behind
                .find(|letter| !is_letter(letter))
                .unwrap_or(behind.len()),
        );
        rest = behind;
        shown.push_str(between);
        for letter in between.chars() {
            depth += i32::from("[({".contains(letter)) - i32::from("])}".contains(letter));
        }
        let joined = !between.contains(char::is_whitespace) || between.contains(',');
        if named && depth <= 0 && !joined {
            about = None;
        }
        named = false;
        if let Some(kind) = speaks_of(word) {
            (about, depth) = (Some(kind), 0);
        } else if let Some(allowed) = about.and_then(|kind| policy.names(kind))
            && !word.starts_with(|first: char| first.is_ascii_digit())
            && !PLAIN.contains(&word.to_ascii_lowercase().as_str())
        {
            named = true;
            if !word.is_empty() && !allowed.hold(word) {
                changed = true;
                shown.push_str(WITHHELD);
                continue;
            }
        }
        shown.push_str(word);
    }
    if changed {
        Cow::Owned(shown)
    } else {
        Cow::Borrowed(text)
    }
}
