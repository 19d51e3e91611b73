//! The names in a tool call's arguments: a call reaches no other collection.

use super::json::{Broken, Scanner};
use super::names::is_name;

/// The names that the arguments of one call give: the texts, alone or in lists, of top-level members whose name speaks
/// of a collection or an alias.
///
/// Arguments that are no strict JSON are for the component to read leniently. Then each word of theirs counts as a name:
/// still nothing that the caller did not write.
pub fn names(arguments: &str) -> Vec<String> {
    let mut names = Vec::new();
    if read(arguments, &mut names).is_err() {
        let words = arguments
            .split(|letter: char| !letter.is_ascii_alphanumeric() && !"_$".contains(letter));
        names = words.map(str::to_owned).collect();
    }
    names.retain(|name| is_name(name));
    names
}

fn read(arguments: &str, names: &mut Vec<String>) -> Result<(), Broken> {
    let mut scanner = Scanner::new(arguments);
    scanner.space();
    if scanner.at == arguments.len() {
        return Ok(());
    }
    if !scanner.next_is(b'{') {
        return Err(scanner.broken("an object is none"));
    }
    scanner.each(b'}', |scanner| {
        let key = scanner.key()?;
        let start = scanner.at;
        scanner.skip()?;
        if key.contains("collection") || key.contains("alias") {
            texts(&arguments[start..scanner.at], names)?;
        }
        Ok(())
    })?;
    scanner.space();
    if scanner.at < arguments.len() {
        return Err(scanner.broken("something stands behind the value"));
    }
    Ok(())
}

/// Every text in a value.
fn texts(value: &str, names: &mut Vec<String>) -> Result<(), Broken> {
    let mut scanner = Scanner::new(value);
    while let Some(byte) = scanner.peek() {
        scanner.at += 1;
        if byte == b'"' {
            names.push(scanner.string()?.into_owned());
        }
    }
    Ok(())
}
