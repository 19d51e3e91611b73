//! Names in answers: what tells of a collection or a database outside the lists does not reach the component.

use std::borrow::Cow;
use std::ops::Range;

use bytes::Bytes;
use routes::Route;

use super::grant::Policy;
use super::json::{Broken, Scanner};
use super::messages::without_foreign_names;
use super::rules::{Refusal, Rule};

/// The answer as `policy` lets it in: lists and error texts without foreign names.
///
/// # Errors
/// It names something else than was asked for, or cannot be read.
pub(super) fn filter(
    policy: &Policy,
    route: &Route,
    status: u16,
    body: Bytes,
) -> Result<Bytes, Refusal> {
    if !policy.lists_names() {
        return Ok(body);
    }
    let filtered = match read(&body).and_then(|text| members(policy, route, text)) {
        Ok(filtered) => filtered?,
        // What is no success need be no JSON: a path that is not there, a gateway's own page. Its status says enough.
        Err(_) if !(200..300).contains(&status) => Some(String::new()),
        Err(Broken { why, at }) => {
            let why = format!("the answer cannot be read: {why} (at byte {at})");
            return Err(Refusal::new(Rule::Answer, why));
        }
    };
    Ok(filtered.map_or(body, Bytes::from))
}

/// The answer with its lists and its message filtered, if anything in them is foreign.
fn members(
    policy: &Policy,
    route: &Route,
    text: &str,
) -> Result<Result<Option<String>, Refusal>, Broken> {
    let mut filtered = Cow::Borrowed(text);
    for name in route.answer_names {
        let Some(allowed) = policy.names(name.is) else {
            continue;
        };
        let names = names(&filtered, name.path)?;
        if names.iter().all(|name| allowed.hold(name)) {
            continue;
        }
        let Some(list) = name.path.strip_suffix("[]") else {
            let why = "the answer is about a collection or a database outside the policy's lists";
            return Ok(Err(Refusal::new(Rule::Answer, why)));
        };
        // A name that the list holds needs no escape.
        let kept = names.iter().filter(|name| allowed.hold(name));
        let kept: Vec<String> = kept.map(|name| format!("\"{name}\"")).collect();
        for list in at(&filtered, list)? {
            filtered = replaced(&filtered, list, &format!("[{}]", kept.join(","))).into();
        }
    }
    for place in at(&filtered, "message")? {
        let Ok(message) = text_at(&filtered, &place) else {
            continue;
        };
        if let Cow::Owned(message) = without_foreign_names(policy, &message) {
            filtered = replaced(&filtered, place, &quoted(&message)).into();
        }
    }
    Ok(Ok(match filtered {
        Cow::Borrowed(_) => None,
        Cow::Owned(filtered) => Some(filtered),
    }))
}

/// Milvus' code in an answer.
pub(super) fn code(answer: &[u8]) -> Result<i32, Broken> {
    let text = read(answer)?;
    let code = at(text, "code")?
        .pop()
        .and_then(|place| text[place].parse().ok());
    code.ok_or(Broken {
        why: "it has no code",
        at: 0,
    })
}

/// The texts at a path of an answer.
pub(super) fn texts(answer: &[u8], path: &str) -> Result<Vec<String>, Broken> {
    names(read(answer)?, path)
}

fn read(answer: &[u8]) -> Result<&str, Broken> {
    std::str::from_utf8(answer).map_err(|error| Broken {
        why: "it is no UTF-8",
        at: error.valid_up_to(),
    })
}

fn names(text: &str, path: &str) -> Result<Vec<String>, Broken> {
    let places = at(text, path)?;
    places.iter().map(|place| text_at(text, place)).collect()
}

fn text_at(text: &str, place: &Range<usize>) -> Result<String, Broken> {
    let mut scanner = Scanner::new(text);
    scanner.at = place.start;
    if !scanner.next_is(b'"') {
        return Err(scanner.broken("a name is no text"));
    }
    Ok(scanner.string()?.into_owned())
}

fn replaced(text: &str, place: Range<usize>, by: &str) -> String {
    [&text[..place.start], by, &text[place.end..]].concat()
}

/// A text as JSON.
fn quoted(text: &str) -> String {
    let mut json = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => json.extend(['\\', letter]),
            '\0'..='\u{1F}' => json.push_str(&format!("\\u{:04x}", u32::from(letter))),
            _ => json.push(letter),
        }
    }
    json + "\""
}

/// The values at `path`: `data[]`, `data.records[].collectionName`. What is absent or null has none.
fn at(text: &str, path: &str) -> Result<Vec<Range<usize>>, Broken> {
    let mut found = Vec::new();
    find(&mut Scanner::new(text), path, &mut found)?;
    Ok(found)
}

/// Goes no deeper than the path.
fn find(
    scanner: &mut Scanner<'_>,
    path: &str,
    found: &mut Vec<Range<usize>>,
) -> Result<(), Broken> {
    scanner.space();
    let start = scanner.at;
    if path.is_empty() || scanner.peek() == Some(b'n') {
        scanner.skip()?;
        if path.is_empty() {
            found.push(start..scanner.at);
        }
        return Ok(());
    }
    if let Some(rest) = path.strip_prefix("[]") {
        if !scanner.next_is(b'[') {
            return Err(scanner.broken("a list is none"));
        }
        return scanner.each(b']', |scanner| {
            find(scanner, rest.trim_start_matches('.'), found)
        });
    }
    let end = path.find(['.', '[']).unwrap_or(path.len());
    let (name, rest) = path.split_at(end);
    if !scanner.next_is(b'{') {
        return Err(scanner.broken("an object is none"));
    }
    let mut seen = false;
    scanner.each(b'}', |scanner| {
        let key = scanner.key()?;
        if key != name {
            return scanner.skip();
        }
        if std::mem::replace(&mut seen, true) {
            return Err(scanner.broken("a key stands twice"));
        }
        find(scanner, rest.trim_start_matches('.'), found)
    })
}
