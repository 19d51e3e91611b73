//! Names in answers: what tells of a collection or a database outside the lists does not reach the component. Of an error
//! it sees Milvus' code, not its words.

use std::borrow::Cow;
use std::ops::Range;

use bytes::Bytes;
use routes::Route;

use super::grant::Policy;
use super::json::{Broken, Scanner};
use super::names::Names;
use super::rules::{Refusal, Rule};

/// What stands for Milvus' own words, as JSON. They name others than the request does: `alias exists and already aliased to
/// another collection, alias: x, collection: hr`.
const WITHHELD: &str = "\"withheld by the host: its policy lists names\"";

/// The answer as `policy` lets it in: lists without foreign names, no message.
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

/// The answer with its lists filtered and its message withheld, where there is something to take out.
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
        if !holds(&filtered, name.path, |name| !allowed.hold(name))? {
            continue;
        }
        let Some(list) = name.path.strip_suffix("[]") else {
            let why = "the answer is about a collection or a database outside the policy's lists";
            return Ok(Err(Refusal::new(Rule::Answer, why)));
        };
        if let Some(place) = first(&filtered, list)? {
            filtered = with_listed(&filtered, place, name.path, allowed)?.into();
        }
    }
    if let Some(place) = first(&filtered, "message")?
        && &filtered[place.clone()] != "\"\""
    {
        filtered = replaced(&filtered, place, WITHHELD).into();
    }
    Ok(Ok(match filtered {
        Cow::Borrowed(_) => None,
        Cow::Owned(filtered) => Some(filtered),
    }))
}

/// Milvus' code in an answer.
pub(super) fn code(answer: &[u8]) -> Result<i32, Broken> {
    let text = read(answer)?;
    let code = first(text, "code")?.and_then(|place| text[place].parse().ok());
    code.ok_or(Broken {
        why: "it has no code",
        at: 0,
    })
}

/// The text at a path of an answer, if it is there.
pub(super) fn text(answer: &[u8], path: &str) -> Result<Option<String>, Broken> {
    let text = read(answer)?;
    let place = first(text, path)?;
    place
        .map(|place| text_at(text, &place).map(Cow::into_owned))
        .transpose()
}

/// Whether one of the texts at a path of an answer is `wanted`.
pub(super) fn has(answer: &[u8], path: &str, wanted: &str) -> Result<bool, Broken> {
    holds(read(answer)?, path, |text| text == wanted)
}

fn read(answer: &[u8]) -> Result<&str, Broken> {
    std::str::from_utf8(answer).map_err(|error| Broken {
        why: "it is no UTF-8",
        at: error.valid_up_to(),
    })
}

/// Whether one of the texts at a path is `wanted`. Every place of the path is looked at, and none is kept: a list can be
/// as long as an answer.
fn holds(text: &str, path: &str, wanted: impl Fn(&str) -> bool) -> Result<bool, Broken> {
    let mut found = false;
    each(text, path, |place| {
        found |= wanted(&text_at(text, &place)?);
        Ok(())
    })?;
    Ok(found)
}

/// The text with those texts of the list at `place` that are allowed.
fn with_listed(
    text: &str,
    place: Range<usize>,
    path: &str,
    allowed: &Names,
) -> Result<String, Broken> {
    let mut filtered = String::with_capacity(text.len());
    filtered.push_str(&text[..place.start]);
    let mut before = '[';
    each(text, path, |place| {
        if allowed.hold(&text_at(text, &place)?) {
            filtered.push(before);
            filtered.push_str(&text[place]);
            before = ',';
        }
        Ok(())
    })?;
    if before == '[' {
        filtered.push('[');
    }
    filtered.push(']');
    filtered.push_str(&text[place.end..]);
    Ok(filtered)
}

fn text_at<'a>(text: &'a str, place: &Range<usize>) -> Result<Cow<'a, str>, Broken> {
    let mut scanner = Scanner::new(text);
    scanner.at = place.start;
    if !scanner.next_is(b'"') {
        return Err(scanner.broken("a name is no text"));
    }
    scanner.string()
}

fn replaced(text: &str, place: Range<usize>, by: &str) -> String {
    [&text[..place.start], by, &text[place.end..]].concat()
}

/// The places of the values at `path`: `data[]`, `data.records[].collectionName`. What is absent or null has none.
fn each(
    text: &str,
    path: &str,
    mut found: impl FnMut(Range<usize>) -> Result<(), Broken>,
) -> Result<(), Broken> {
    find(&mut Scanner::new(text), path, &mut found)
}

/// The place of the value at a path without lists.
fn first(text: &str, path: &str) -> Result<Option<Range<usize>>, Broken> {
    let mut first = None;
    each(text, path, |place| {
        first.get_or_insert(place);
        Ok(())
    })?;
    Ok(first)
}

/// Goes no deeper than the path.
fn find(
    scanner: &mut Scanner<'_>,
    path: &str,
    found: &mut dyn FnMut(Range<usize>) -> Result<(), Broken>,
) -> Result<(), Broken> {
    scanner.space();
    let start = scanner.at;
    if path.is_empty() || scanner.peek() == Some(b'n') {
        scanner.skip()?;
        if path.is_empty() {
            found(start..scanner.at)?;
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
