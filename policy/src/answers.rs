//! Names in answers: what tells of a collection or a database outside the lists does not reach the component.

use std::ops::Range;

use bytes::Bytes;
use routes::{NameKind, Route};

use super::grant::Policy;
use super::json::{Broken, Scanner};
use super::names::Names;
use super::rules::{Refusal, Rule};

/// What stands at a path of an answer.
#[derive(Default)]
struct Found {
    names: Vec<String>,
    /// The list that the names stand in, where the path ends in one.
    list: Option<Range<usize>>,
}

/// The answer as `policy` lets it in: lists without foreign names.
///
/// # Errors
/// It names something else than was asked for (an alias led there), or cannot be read.
pub(super) fn filter(policy: &Policy, route: &Route, body: Bytes) -> Result<Bytes, Refusal> {
    let mut body = body;
    for name in route.answer_names {
        let Some(allowed) = policy.names(name.is) else {
            continue;
        };
        body = filter_at(name.path, allowed, body).map_err(|broken| match broken {
            Some(Broken { why, at }) => Refusal::new(
                Rule::Answer,
                format!("the answer cannot be read: {why} (at byte {at})"),
            ),
            None => Refusal::new(
                Rule::Answer,
                match name.is {
                    NameKind::Database => {
                        "the answer is about a database outside the policy's list"
                    }
                    NameKind::Collection | NameKind::Alias => {
                        "the answer is about a collection outside the policy's list"
                    }
                },
            ),
        })?;
    }
    Ok(body)
}

fn filter_at(path: &str, allowed: &Names, body: Bytes) -> Result<Bytes, Option<Broken>> {
    let text = std::str::from_utf8(&body).map_err(|error| {
        Some(Broken {
            why: "it is no UTF-8",
            at: error.valid_up_to(),
        })
    })?;
    let mut found = Found::default();
    let mut scanner = Scanner::new(text);
    find(&mut scanner, path, &mut found)?;
    if found.names.iter().all(|name| allowed.hold(name)) {
        return Ok(body);
    }
    let Some(list) = found.list else {
        return Err(None);
    };
    // A name that the list holds needs no escape.
    let kept = found.names.iter().filter(|name| allowed.hold(name));
    let kept: Vec<String> = kept.map(|name| format!("\"{name}\"")).collect();
    let filtered = format!(
        "{}[{}]{}",
        &text[..list.start],
        kept.join(","),
        &text[list.end..]
    );
    Ok(filtered.into())
}

/// Reads the value at the scanner and what `path` names in it. It goes no deeper than the path.
fn find(scanner: &mut Scanner<'_>, path: &str, found: &mut Found) -> Result<(), Broken> {
    scanner.space();
    if path.is_empty() {
        if !scanner.next_is(b'"') {
            return Err(scanner.broken("a name is no text"));
        }
        found.names.push(scanner.string()?.into_owned());
        return Ok(());
    }
    if let Some(rest) = path.strip_prefix("[]") {
        let start = scanner.at;
        if !scanner.next_is(b'[') {
            return Err(scanner.broken("a list is none"));
        }
        members(scanner, b']', |scanner| {
            find(scanner, rest.trim_start_matches('.'), found)
        })?;
        if rest.is_empty() {
            found.list = Some(start..scanner.at);
        }
        return Ok(());
    }
    let end = path.find(['.', '[']).unwrap_or(path.len());
    let (name, rest) = path.split_at(end);
    if !scanner.next_is(b'{') {
        return Err(scanner.broken("an object is none"));
    }
    let mut seen = false;
    members(scanner, b'}', |scanner| {
        if !scanner.next_is(b'"') {
            return Err(scanner.broken("a key is missing"));
        }
        let key = scanner.string()?;
        scanner.space();
        if !scanner.next_is(b':') {
            return Err(scanner.broken("a colon is missing"));
        }
        if key != name {
            return scanner.skip();
        }
        if std::mem::replace(&mut seen, true) {
            return Err(scanner.broken("a key stands twice"));
        }
        find(scanner, rest.trim_start_matches('.'), found)
    })
}

/// The members of a list or an object, up to and with its end.
fn members<'a>(
    scanner: &mut Scanner<'a>,
    close: u8,
    mut member: impl FnMut(&mut Scanner<'a>) -> Result<(), Broken>,
) -> Result<(), Broken> {
    scanner.space();
    if scanner.next_is(close) {
        return Ok(());
    }
    loop {
        scanner.space();
        member(scanner)?;
        scanner.space();
        if scanner.next_is(close) {
            return Ok(());
        }
        if !scanner.next_is(b',') {
            return Err(scanner.broken("a comma or an end is missing"));
        }
    }
}
