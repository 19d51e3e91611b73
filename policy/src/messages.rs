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
const PLAIN: &str = "a all already an and another any are at because before being by can cannot conflict create different does drop \
    dropping due duplicate duplicated empty error exceeded exist exists external fail failed field for found from \
    fully has have id in info internal invalid is it its length limit loaded loading may must name names new no not \
    num number of old on or other parameters partition partitions please properties property ready recovering remove \
    rename replica same schema should state still than that the their this to type under unknown use via was which \
    while with without";

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
    let (mut about, mut named, mut depth) = (None, false, 0_i64);
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
            depth += i64::from("[({".contains(letter)) - i64::from("])}".contains(letter));
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
            && !PLAIN
                .split(' ')
                .any(|plain| plain.eq_ignore_ascii_case(word))
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
