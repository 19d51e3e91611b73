//! 64-bit integers, exact everywhere.
//!
//! JSON numbers are doubles to a JavaScript host: beyond 2^53 - 1 they lose their last digits. Arguments therefore
//! take numbers or decimal text, and JSON answers give a number where it is safe and decimal text where it is not.

use serde_json::Value;

/// The largest integer that every JSON reader holds exactly: 2^53 - 1.
pub const MAX_SAFE: i64 = 9_007_199_254_740_991;

/// The integer that `text` is in decimal notation, or nothing: no sign but `-`, no spaces, no leading zeros.
pub fn from_text(text: &str) -> Option<i64> {
    let value: i64 = text.parse().ok()?;
    (value.to_string() == text).then_some(value)
}

/// The integer that a JSON value means: a whole number, or decimal text.
pub fn from_json(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => from_text(text),
        _ => None,
    }
}

/// The integer as JSON that every reader holds exactly.
pub fn to_json(value: i64) -> Value {
    if (-MAX_SAFE..=MAX_SAFE).contains(&value) {
        Value::from(value)
    } else {
        Value::String(value.to_string())
    }
}

/// Replaces every integer in `value` that a double cannot hold by its decimal text.
pub fn make_safe(value: &mut Value) {
    match value {
        Value::Number(number) => {
            if let Some(integer) = number.as_i64() {
                if !(-MAX_SAFE..=MAX_SAFE).contains(&integer) {
                    *value = Value::String(integer.to_string());
                }
            } else if let Some(integer) = number.as_u64() {
                *value = Value::String(integer.to_string());
            }
        }
        Value::Array(items) => items.iter_mut().for_each(make_safe),
        Value::Object(members) => members.values_mut().for_each(make_safe),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_decimal_text_is_the_integer_it_spells() {
        assert_eq!(from_text("-9223372036854775808"), Some(i64::MIN));
        assert_eq!(from_text("9007199254740993"), Some(9_007_199_254_740_993));
        for not_one in ["", " 1", "+1", "01", "1.0", "1e3", "9223372036854775808"] {
            assert_eq!(from_text(not_one), None, "{not_one:?}");
        }
    }

    #[test]
    fn integers_that_a_double_cannot_hold_become_text() {
        let mut value =
            json!({"a": [9_007_199_254_740_993_i64, 5], "b": {"c": i64::MIN}, "d": 0.5});
        make_safe(&mut value);
        assert_eq!(
            value,
            json!({"a": ["9007199254740993", 5], "b": {"c": "-9223372036854775808"}, "d": 0.5})
        );
    }
}
