//! Text of Milvus' boolean expressions, where this component writes it.
//!
//! Milvus builds `pk in [...]` from ids without escaping (2.4 on) or without quoting (2.3), so keys never travel as
//! `id` when they are text: the expression is written here, quoted and escaped.

use super::int64;
use crate::contract::types::Ids;
use crate::error::Error;
use serde::Serialize;
use serde_json::{Map, Value};

/// The longest name that Milvus takes, in bytes (`proxy.maxNameLength`).
pub const MAX_NAME_BYTES: usize = 255;

/// `text` as a string literal of the expression language (`planparserv2/Plan.g4`: `StringLiteral`).
pub fn quote(text: &str) -> String {
    let mut literal = String::with_capacity(text.len() + 2);
    literal.push('"');
    for character in text.chars() {
        match character {
            '"' => literal.push_str("\\\""),
            '\\' => literal.push_str("\\\\"),
            '\n' => literal.push_str("\\n"),
            '\r' => literal.push_str("\\r"),
            '\t' => literal.push_str("\\t"),
            other => literal.push(other),
        }
    }
    literal.push('"');
    literal
}

/// Whether `name` is one that Milvus takes for a collection, a field or an alias: letters, digits and `_`, and `$`
/// after the first character (`proxy/util.go: validateCollectionName`).
pub fn is_identifier(name: &str) -> bool {
    let mut bytes = name.bytes();
    name.len() <= MAX_NAME_BYTES
        && bytes
            .next()
            .is_some_and(|first| first == b'_' || first.is_ascii_alphabetic())
        && bytes.all(|byte| byte == b'_' || byte == b'$' || byte.is_ascii_alphanumeric())
}

/// A name of a collection, a field or an alias. One that was read from an argument is [an identifier](is_identifier); one
/// that was made from text is what a typed caller wrote, and Milvus checks it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
#[serde(transparent)]
pub struct Identifier(String);

impl From<String> for Identifier {
    fn from(name: String) -> Self {
        Self(name)
    }
}

impl From<&str> for Identifier {
    fn from(name: &str) -> Self {
        Self(name.to_owned())
    }
}

impl std::ops::Deref for Identifier {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl From<Identifier> for String {
    fn from(name: Identifier) -> Self {
        name.0
    }
}

/// `field in [keys...]`, exact for every int64 and every text.
///
/// The smallest int64 is written as `field < -9223372036854775807`: Milvus reads a sign and a number, and the number
/// alone is out of range (seen on 2.3.5).
///
/// # Errors
/// `invalid-argument` if `field` is no identifier or there is no key.
pub fn key_in(field: &str, ids: &Ids) -> Result<String, Error> {
    if !is_identifier(field) {
        return Err(Error::invalid(
            "schema",
            "expected a field name as Milvus takes it for the primary key",
        ));
    }
    let mut literals: Vec<String> = Vec::new();
    let mut smallest = false;
    match ids {
        Ids::Int64(keys) => {
            smallest = keys.contains(&i64::MIN);
            literals.extend(
                keys.iter()
                    .filter(|key| **key != i64::MIN)
                    .map(i64::to_string),
            );
        }
        Ids::Varchar(keys) => literals.extend(keys.iter().map(|key| quote(key))),
    }
    let below = format!("{field} < -{}", i64::MAX);
    let listed = format!("{field} in [{}]", literals.join(", "));
    match (literals.is_empty(), smallest) {
        (true, false) => Err(Error::invalid(
            "ids",
            "expected at least one key, came none",
        )),
        (true, true) => Ok(below),
        (false, false) => Ok(listed),
        (false, true) => Ok(format!("({listed} or {below})")),
    }
}

/// Checks the values of a filter's templates for what Milvus would take for something else: it reads numbers through a
/// double, so an int64 beyond 2^53 would name a neighbouring row, and a null, an object or an empty list ends its
/// handler (`httpserver/utils.go: generateExpressionTemplate`).
///
/// # Errors
/// `invalid-argument` naming the template.
pub fn check_template_values(argument: &str, params: &Map<String, Value>) -> Result<(), Error> {
    for (name, value) in params {
        let argument = format!("{argument}.{name}");
        match value {
            Value::Null | Value::Object(_) => {
                return Err(Error::invalid(
                    argument,
                    "expected text, a boolean, a number or a list of those",
                ));
            }
            Value::Array(items) if items.is_empty() => {
                return Err(Error::invalid(
                    argument,
                    "expected a list with at least one value",
                ));
            }
            Value::Array(items) => {
                for item in items {
                    check_template_number(&argument, item)?;
                }
            }
            other => check_template_number(&argument, other)?,
        }
    }
    Ok(())
}

fn check_template_number(argument: &str, value: &Value) -> Result<(), Error> {
    let exact = match value {
        Value::Number(number) if !number.is_f64() => number
            .as_i64()
            .is_some_and(|integer| (-int64::MAX_SAFE..=int64::MAX_SAFE).contains(&integer)),
        _ => true,
    };
    if exact {
        return Ok(());
    }
    Err(Error::invalid(
        argument,
        "expected a whole number of at most 53 bits, since Milvus reads templates through a double: \
         write a larger one into the filter itself, or use ids",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_value_that_milvus_would_round_is_refused() {
        let check = |value: Value| {
            let mut params = Map::new();
            params.insert("k".into(), value);
            check_template_values("filter_params", &params)
        };
        for good in [
            Value::from(int64::MAX_SAFE),
            Value::from("a"),
            Value::from(0.5),
            Value::from(vec![1, 2]),
        ] {
            check(good).unwrap();
        }
        for bad in [
            Value::from(9_007_199_254_740_993_i64),
            Value::from(vec![i64::MIN]),
            Value::from(u64::MAX),
            Value::Null,
            Value::Array(vec![]),
            Value::Object(Map::new()),
        ] {
            let error = check(bad).unwrap_err();
            assert_eq!(error.argument.as_deref(), Some("filter_params.k"));
        }
    }

    #[test]
    fn t31_a_key_that_closes_the_list_stays_a_key() {
        let ids = Ids::Varchar(vec!["\"] or pk != \"".into(), "a\\\n".into()]);
        assert_eq!(
            key_in("pk", &ids).unwrap(),
            r#"pk in ["\"] or pk != \"", "a\\\n"]"#
        );
    }

    #[test]
    fn int64_keys_are_written_with_all_their_digits() {
        let ids = Ids::Int64(vec![i64::MIN, 9_007_199_254_740_993]);
        assert_eq!(
            key_in("id", &ids).unwrap(),
            "(id in [9007199254740993] or id < -9223372036854775807)"
        );
        assert_eq!(
            key_in("id", &Ids::Int64(vec![i64::MIN])).unwrap(),
            "id < -9223372036854775807"
        );
    }

    #[test]
    fn no_key_is_refused_since_it_would_mean_nothing_or_all() {
        assert!(key_in("id", &Ids::Int64(vec![])).is_err());
    }

    #[test]
    fn t31_names_follow_the_rule_of_milvus() {
        for good in ["docs", "_a1", "A$b"] {
            assert!(is_identifier(good), "{good}");
        }
        for bad in ["", "1a", "$a", "a-b", "a b", "é", &"x".repeat(256)] {
            assert!(!is_identifier(bad), "{bad}");
        }
    }
}
