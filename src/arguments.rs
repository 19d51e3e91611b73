//! Arguments of a tool: lenient where the meaning is plain, else an error that names the argument, what was expected
//! and what came.
//!
//! Language models write JSON in text, JSON5, numbers in text, and lists with commas; each has one meaning or is
//! refused. An argument that is `null` or empty text counts as not given. What no reader asked for is refused by name
//! in [`Arguments::finish`].

use crate::error::Error;
use crate::values::filter::{Identifier, is_identifier};
use crate::values::int64;
use crate::values::json::{Members, is_object, kind, unique};
use crate::values::vector;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::ops::RangeInclusive;

/// An object that repeats a name means one thing to one reader and another to the next.
const TWICE: &str = "expected each name of an object once, came one twice";

/// The arguments of one object, at `path` within the whole.
#[derive(Debug)]
pub(crate) struct Arguments {
    path: String,
    members: Vec<(String, Box<RawValue>)>,
    known: Vec<&'static str>,
}

impl Arguments {
    /// Reads the text of a JSON object, or JSON5 where it is no JSON.
    ///
    /// # Errors
    /// `invalid-argument` if it is no object, or names an argument twice.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let text = if text.trim().is_empty() { "{}" } else { text };
        let raw = lenient::read(text).map_err(|problem| {
            if problem.repeats {
                return Error::invalid("arguments", problem);
            }
            Error::invalid(
                "arguments",
                format_args!(
                    "expected the text of a JSON object, came text that is none: {problem}"
                ),
            )
        })?;
        Self::from_raw("", &raw)
    }

    fn from_raw(path: &str, raw: &RawValue) -> Result<Self, Error> {
        let argument = if path.is_empty() { "arguments" } else { path };
        if !is_object(raw) {
            return Err(Error::invalid(
                argument,
                format_args!("expected an object, came {}", kind(raw)),
            ));
        }
        let Members(members) = serde_json::from_str(raw.get()).map_err(|cause| {
            let what = cause.to_string();
            let problem = if what.contains("comes twice") {
                TWICE
            } else {
                "expected an object of JSON values"
            };
            Error::invalid(argument, problem)
        })?;
        Ok(Self {
            path: path.to_owned(),
            members,
            known: Vec::new(),
        })
    }

    /// The full name of an argument, for errors.
    pub(crate) fn name(&self, name: &str) -> String {
        if self.path.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.path)
        }
    }

    /// An error about the argument `name`.
    pub(crate) fn wrong(&self, name: &str, problem: impl std::fmt::Display) -> Error {
        Error::invalid(self.name(name), problem)
    }

    /// Takes an argument's value; `null` and empty text are "not given".
    fn take(&mut self, name: &'static str) -> Option<Box<RawValue>> {
        self.known.push(name);
        let position = self.members.iter().position(|(known, _)| known == name)?;
        let (_, raw) = self.members.swap_remove(position);
        is_given(&raw).then_some(raw)
    }

    /// Takes a value as JSON; text that holds JSON of another kind than text is read.
    fn take_structured(&mut self, name: &'static str) -> Result<Option<Box<RawValue>>, Error> {
        let raw = self.take(name).map(structured).transpose();
        raw.map_err(|problem| self.wrong(name, problem))
    }

    /// Reads an argument as the type that is asked for.
    ///
    /// # Errors
    /// `invalid-argument` if it is something else, or was not given and has to be.
    pub(crate) fn get<T: FromArgument>(&mut self, name: &'static str) -> Result<T, Error> {
        let read = match self.take(name) {
            Some(raw) => T::read(raw),
            None => T::absent().ok_or_else(|| format!("expected {}, came nothing", T::EXPECTED)),
        };
        read.map_err(|problem| self.wrong(name, problem))
    }

    /// As [`get`](Self::get); the type's default if it was not given.
    ///
    /// # Errors
    /// `invalid-argument` if it is something else.
    pub(crate) fn get_or_default<T: FromArgument + Default>(
        &mut self,
        name: &'static str,
    ) -> Result<T, Error> {
        Ok(self.get::<Option<T>>(name)?.unwrap_or_default())
    }

    /// Whether an argument was given.
    pub(crate) fn has(&self, name: &str) -> bool {
        let mut members = self.members.iter();
        members.any(|(known, raw)| known == name && is_given(raw))
    }

    /// One of a few words; case does not count.
    ///
    /// # Errors
    /// `invalid-argument` naming the words.
    pub(crate) fn one_of(
        &mut self,
        name: &'static str,
        words: &[&'static str],
    ) -> Result<Option<&'static str>, Error> {
        let Some(text) = self.get::<Option<String>>(name)? else {
            return Ok(None);
        };
        words
            .iter()
            .find(|word| word.eq_ignore_ascii_case(text.trim()))
            .copied()
            .map(Some)
            .ok_or_else(|| self.wrong(name, format_args!("expected one of {}", words.join(", "))))
    }

    /// A whole number within `range`, as number or decimal text.
    ///
    /// # Errors
    /// `invalid-argument` naming the range.
    pub(crate) fn integer(
        &mut self,
        name: &'static str,
        range: RangeInclusive<u32>,
    ) -> Result<Option<u32>, Error> {
        let Some(raw) = self.take_structured(name)? else {
            return Ok(None);
        };
        let number: Option<Value> = serde_json::from_str(raw.get()).ok();
        number
            .as_ref()
            .and_then(whole)
            .and_then(|number| u32::try_from(number).ok())
            .filter(|number| range.contains(number))
            .map(Some)
            .ok_or_else(|| {
                self.wrong(
                    name,
                    format_args!(
                        "expected a whole number from {} to {}, came {}",
                        range.start(),
                        range.end(),
                        shown(&raw)
                    ),
                )
            })
    }

    /// A list of finite numbers: a list, JSON in text, or text with commas.
    ///
    /// # Errors
    /// `invalid-argument` if it is something else.
    pub(crate) fn numbers(&mut self, name: &'static str) -> Result<Option<Vec<f64>>, Error> {
        let Some(mut raw) = self.take_structured(name)? else {
            return Ok(None);
        };
        if let Some(text) = text_of(&raw)
            && let Ok(list) = lenient::read(&format!("[{text}]"))
        {
            raw = list;
        }
        serde_json::from_str(raw.get()).map(Some).map_err(|_| {
            self.wrong(
                name,
                format_args!("expected a list of numbers, came {}", kind(&raw)),
            )
        })
    }

    /// Any JSON value.
    ///
    /// # Errors
    /// `invalid-argument` if an object in it repeats a name.
    pub(crate) fn value(&mut self, name: &'static str) -> Result<Option<Value>, Error> {
        let Some(raw) = self.take(name) else {
            return Ok(None);
        };
        unique(&raw)
            .map(Some)
            .ok_or_else(|| self.wrong(name, TWICE))
    }

    /// A list of objects, each to be read with its own names. One object counts as a list of one.
    ///
    /// # Errors
    /// `invalid-argument` if it is something else.
    pub(crate) fn nested_list(&mut self, name: &'static str) -> Result<Vec<Self>, Error> {
        self.raw_objects(name)?
            .iter()
            .enumerate()
            .map(|(position, raw)| Self::from_raw(&format!("{}[{position}]", self.name(name)), raw))
            .collect()
    }

    /// A list of objects as they are, their text unread. One object counts as a list of one.
    ///
    /// # Errors
    /// `invalid-argument` if it is something else; an element is named by its position.
    pub(crate) fn raw_objects(&mut self, name: &'static str) -> Result<Vec<Box<RawValue>>, Error> {
        let Some(raw) = self.take_structured(name)? else {
            return Ok(Vec::new());
        };
        if is_object(&raw) {
            return Ok(vec![raw]);
        }
        let items: Vec<Box<RawValue>> = serde_json::from_str(raw.get()).map_err(|_| {
            self.wrong(
                name,
                format_args!("expected a list of objects, came {}", kind(&raw)),
            )
        })?;
        match items.iter().position(|item| !is_object(item)) {
            None => Ok(items),
            Some(position) => Err(Error::invalid(
                format!("{}[{position}]", self.name(name)),
                format_args!("expected an object, came {}", kind(&items[position])),
            )),
        }
    }

    /// A query vector, checked. See [`vector::check_query`].
    ///
    /// # Errors
    /// `invalid-argument` naming the position at fault.
    pub(crate) fn query_vector(
        &mut self,
        name: &'static str,
    ) -> Result<Option<Box<RawValue>>, Error> {
        let Some(mut raw) = self.take_structured(name)? else {
            return Ok(None);
        };
        if let Some(text) = text_of(&raw)
            && text.contains(',')
            && let Ok(list) = lenient::read(&format!("[{text}]"))
        {
            raw = list;
        }
        let value = unique(&raw).ok_or_else(|| self.wrong(name, TWICE))?;
        vector::check_query(&self.name(name), &value)?;
        Ok(Some(raw))
    }

    /// Primary keys: a list, JSON of a list in text, one key, or whole numbers with commas. Text with a comma that is no
    /// list of numbers is refused: it may be one VarChar key, or several, and this may be a delete.
    ///
    /// # Errors
    /// `invalid-argument` if it is something else.
    pub(crate) fn keys(&mut self, name: &'static str) -> Result<Option<Keys>, Error> {
        let Some(mut raw) = self.take(name) else {
            return Ok(None);
        };
        // Text stays text unless it holds a list: `"7"` may be a VarChar key.
        if let Some(list) = text_of(&raw)
            .and_then(|text| lenient::read(text.trim()).ok())
            .filter(|inner| inner.get().starts_with('['))
        {
            raw = list;
        }
        let value: Value = serde_json::from_str(raw.get())
            .map_err(|_| self.wrong(name, "expected a list of primary keys"))?;
        let items = match value {
            Value::Array(items) => items,
            Value::String(text) if text.contains(',') => {
                let parts: Vec<&str> = text.split(',').map(str::trim).collect();
                if parts.iter().any(|part| int64::from_text(part).is_none()) {
                    return Err(self.wrong(
                        name,
                        "expected a list: text with a comma may be one key or several",
                    ));
                }
                parts.into_iter().map(Value::from).collect()
            }
            single @ (Value::String(_) | Value::Number(_)) => vec![single],
            other => {
                return Err(self.wrong(
                    name,
                    format_args!(
                        "expected a list of primary keys, came {}",
                        vector::kind_of(&other)
                    ),
                ));
            }
        };
        if items.is_empty() {
            return Err(self.wrong(name, "expected at least one primary key, came none"));
        }
        if let Some(position) = items
            .iter()
            .position(|item| !item.is_string() && whole(item).is_none())
        {
            return Err(Error::invalid(
                format!("{}[{position}]", self.name(name)),
                format_args!(
                    "expected a whole number of 64 bits or text, came {}",
                    vector::kind_of(&items[position])
                ),
            ));
        }
        Ok(Some(Keys {
            argument: self.name(name),
            items,
        }))
    }

    /// Refuses a name that is none of `known`.
    ///
    /// # Errors
    /// `invalid-argument` naming it and those that are known.
    pub(crate) fn check_names(&self, known: &Map<String, Value>) -> Result<(), Error> {
        match self
            .members
            .iter()
            .find(|(name, _)| !known.contains_key(name))
        {
            Some((unknown, _)) => Err(self.unknown(
                unknown,
                &known.keys().map(String::as_str).collect::<Vec<_>>(),
            )),
            None => Ok(()),
        }
    }

    /// Ends the reading: an argument that nobody asked for is refused by name.
    ///
    /// # Errors
    /// `invalid-argument` naming it and those that are known.
    pub(crate) fn finish(self) -> Result<(), Error> {
        match self.members.first() {
            Some((unknown, _)) => Err(self.unknown(unknown, &self.known)),
            None => Ok(()),
        }
    }

    fn unknown(&self, name: &str, known: &[&str]) -> Error {
        // A name is a caller's text: it is shown only if it is one that could be meant.
        let shown = if is_identifier(name) {
            name
        } else {
            "that name"
        };
        Error::invalid(
            self.name(shown),
            format_args!("this argument is not known; known are {}", known.join(", ")),
        )
    }
}

/// Primary keys as a caller gave them.
#[derive(Debug)]
pub(crate) struct Keys {
    argument: String,
    items: Vec<Value>,
}

impl Keys {
    /// The keys, where all were given as numbers: then they can only be int64.
    pub(crate) fn integers(&self) -> Option<Vec<i64>> {
        self.items.iter().map(Value::as_i64).collect()
    }

    /// The keys as the type `data_type` of the key field wants them.
    ///
    /// # Errors
    /// `invalid-argument` if one does not fit.
    pub(crate) fn typed(&self, data_type: &str) -> Result<crate::contract::types::Ids, Error> {
        use crate::contract::types::Ids;
        if data_type == "Int64" {
            let mut keys = Vec::with_capacity(self.items.len());
            for (position, item) in self.items.iter().enumerate() {
                keys.push(whole(item).ok_or_else(|| {
                    Error::invalid(
                        format!("{}[{position}]", self.argument),
                        "expected a whole number of 64 bits, as the primary key is Int64; came text",
                    )
                })?);
            }
            return Ok(Ids::Int64(keys));
        }
        Ok(Ids::Varchar(
            self.items
                .iter()
                .map(|item| {
                    item.as_str()
                        .map_or_else(|| item.to_string(), ToOwned::to_owned)
                })
                .collect(),
        ))
    }

    /// Number of keys.
    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }
}

/// A type that an argument is read into.
pub(crate) trait FromArgument: Sized {
    /// What was expected, in an error.
    const EXPECTED: &'static str;

    /// What an argument is that was not given. `None`: it has to be given.
    fn absent() -> Option<Self> {
        None
    }

    /// Whether it is what an argument is that was not given.
    fn is_absent(&self) -> bool {
        false
    }

    /// Reads the value of an argument.
    ///
    /// # Errors
    /// What was expected and what came.
    fn read(raw: Box<RawValue>) -> Result<Self, String>;
}

/// What an error says of a value that is no `T`.
fn unexpected<T: FromArgument>(came: impl std::fmt::Display) -> String {
    format!("expected {}, came {came}", T::EXPECTED)
}

impl<T: FromArgument> FromArgument for Option<T> {
    const EXPECTED: &'static str = T::EXPECTED;

    fn absent() -> Option<Self> {
        Some(None)
    }

    fn is_absent(&self) -> bool {
        self.is_none()
    }

    fn read(raw: Box<RawValue>) -> Result<Self, String> {
        T::read(raw).map(Some)
    }
}

impl FromArgument for String {
    const EXPECTED: &'static str = "text";

    fn read(raw: Box<RawValue>) -> Result<Self, String> {
        text_of(&raw).ok_or_else(|| unexpected::<Self>(kind(&raw)))
    }
}

impl FromArgument for Identifier {
    const EXPECTED: &'static str =
        "a name of at most 255 letters, digits and underscores that does not begin with a digit";

    fn read(raw: Box<RawValue>) -> Result<Self, String> {
        let text = String::read(raw)?;
        if is_identifier(&text) {
            Ok(Self::from(text))
        } else {
            Err(unexpected::<Self>("another text"))
        }
    }
}

/// As a number or as text; finite.
impl FromArgument for f64 {
    const EXPECTED: &'static str = "a number";

    fn read(raw: Box<RawValue>) -> Result<Self, String> {
        let raw = structured(raw)?;
        let number = serde_json::from_str::<f64>(raw.get()).ok();
        let finite = number.filter(|number| number.is_finite());
        finite.ok_or_else(|| unexpected::<Self>(shown(&raw)))
    }
}

/// As such or as text.
impl FromArgument for bool {
    const EXPECTED: &'static str = "true or false";

    fn read(raw: Box<RawValue>) -> Result<Self, String> {
        let text = text_of(&raw).unwrap_or_else(|| raw.get().to_owned());
        match text.trim().to_ascii_lowercase().as_str() {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(unexpected::<Self>(shown(&raw))),
        }
    }
}

/// A list, JSON in text, or text with commas.
impl FromArgument for Vec<String> {
    const EXPECTED: &'static str = "a list of names";

    fn absent() -> Option<Self> {
        Some(Self::new())
    }

    fn is_absent(&self) -> bool {
        self.is_empty()
    }

    fn read(raw: Box<RawValue>) -> Result<Self, String> {
        let raw = structured(raw)?;
        let texts: Self = match text_of(&raw) {
            Some(text) => text.split(',').map(|part| part.trim().to_owned()).collect(),
            None => serde_json::from_str(raw.get()).map_err(|_| unexpected::<Self>(kind(&raw)))?,
        };
        if texts.iter().any(String::is_empty) {
            return Err("expected names, came an empty one".to_owned());
        }
        Ok(texts)
    }
}

/// An object with any names, each once.
impl FromArgument for Map<String, Value> {
    const EXPECTED: &'static str = "an object";

    fn read(raw: Box<RawValue>) -> Result<Self, String> {
        let raw = structured(raw)?;
        match unique(&raw) {
            Some(Value::Object(members)) => Ok(members),
            None => Err(TWICE.to_owned()),
            Some(_) => Err(unexpected::<Self>(kind(&raw))),
        }
    }
}

/// `null` and empty text are "not given".
fn is_given(raw: &RawValue) -> bool {
    !matches!(raw.get(), "null" | "\"\"")
}

/// A value as JSON: text that holds JSON of another kind than text is read.
fn structured(raw: Box<RawValue>) -> Result<Box<RawValue>, String> {
    let Some(text) = text_of(&raw) else {
        return Ok(raw);
    };
    match lenient::read(text.trim()) {
        Ok(inner) if text_of(&inner).is_none() => Ok(inner),
        // It was meant as JSON, and has two meanings.
        Err(problem) if problem.repeats => Err(problem.to_string()),
        _ => Ok(raw),
    }
}

fn text_of(raw: &RawValue) -> Option<String> {
    raw.get()
        .starts_with('"')
        .then(|| serde_json::from_str(raw.get()).ok())
        .flatten()
}

/// A whole number of 64 bits: an integer, a float without a fraction that is exact, or decimal text.
fn whole(value: &Value) -> Option<i64> {
    int64::from_json(value).or_else(|| {
        let number = value.as_f64()?;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "checked to be whole and within 2^53"
        )]
        (number.fract() == 0.0 && number.abs() < 9e15).then_some(number as i64)
    })
}

/// A value in an error: short numbers and words are shown, since they help; everything else by its kind.
fn shown(raw: &RawValue) -> String {
    let text = raw.get();
    if text.len() <= 20 && !text.starts_with(['{', '[']) {
        text.to_owned()
    } else {
        kind(raw).to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn arguments(value: &Value) -> Arguments {
        Arguments::parse(&value.to_string()).unwrap()
    }

    #[test]
    fn json5_and_json_in_text_are_taken_as_meant() {
        let mut arguments = Arguments::parse(
            "{collection_name: 'docs', output_fields: '[\"a\", \"b\"]', limit: '5'}",
        )
        .unwrap();
        assert_eq!(arguments.get::<String>("collection_name").unwrap(), "docs");
        assert_eq!(
            arguments.get::<Vec<String>>("output_fields").unwrap(),
            ["a", "b"]
        );
        assert_eq!(arguments.integer("limit", 1..=10).unwrap(), Some(5));
        arguments.finish().unwrap();
    }

    #[test]
    fn a_list_with_commas_is_a_list() {
        let mut arguments =
            arguments(&json!({"output_fields": "word, gloss", "query_vector": "0.1, 0.2"}));
        assert_eq!(
            arguments.get::<Vec<String>>("output_fields").unwrap(),
            ["word", "gloss"]
        );
        assert_eq!(
            arguments
                .query_vector("query_vector")
                .unwrap()
                .unwrap()
                .get(),
            "[0.1, 0.2]"
        );
    }

    #[test]
    fn t57_an_unknown_argument_is_refused_by_name() {
        let mut arguments = arguments(&json!({"limit": 1, "top_k": 5}));
        arguments.integer("limit", 1..=10).unwrap();
        let error = arguments.finish().unwrap_err();
        assert_eq!(
            error.message,
            "top_k: this argument is not known; known are limit"
        );
    }

    #[test]
    fn t57_an_argument_that_comes_twice_is_refused() {
        assert!(Arguments::parse(r#"{"limit":1,"limit":2}"#).is_err());
    }

    #[test]
    fn the_wrong_kind_is_named_with_what_was_expected() {
        let mut arguments =
            arguments(&json!({"limit": "many", "filter": 5, "params": [1], "data": [{}, 5]}));
        assert_eq!(
            arguments.integer("limit", 1..=10).unwrap_err().message,
            "limit: expected a whole number from 1 to 10, came \"many\""
        );
        assert_eq!(
            arguments.get::<String>("filter").unwrap_err().message,
            "filter: expected text, came a number"
        );
        assert_eq!(
            arguments
                .get::<Map<String, Value>>("params")
                .unwrap_err()
                .message,
            "params: expected an object, came a list"
        );
        assert_eq!(
            arguments.raw_objects("data").unwrap_err().message,
            "data[1]: expected an object, came a number"
        );
    }

    #[test]
    fn keys_are_exact_as_numbers_and_as_text() {
        use crate::contract::types::Ids;
        let mut arguments =
            arguments(&json!({"ids": [9_007_199_254_740_993_i64, "-9223372036854775808"]}));
        let keys = arguments.keys("ids").unwrap().unwrap();
        assert_eq!(keys.integers(), None, "text may be a VarChar key");
        assert_eq!(
            keys.typed("Int64").unwrap(),
            Ids::Int64(vec![9_007_199_254_740_993, i64::MIN])
        );
    }

    #[test]
    fn one_key_given_as_text_may_be_a_varchar_key() {
        use crate::contract::types::Ids;
        let keys = arguments(&json!({"ids": "7"}))
            .keys("ids")
            .unwrap()
            .unwrap();
        assert_eq!(keys.integers(), None);
        assert_eq!(
            keys.typed("VarChar").unwrap(),
            Ids::Varchar(vec!["7".into()])
        );
        assert_eq!(keys.typed("Int64").unwrap(), Ids::Int64(vec![7]));
    }

    #[test]
    fn text_with_a_comma_that_is_no_list_of_numbers_is_refused() {
        use crate::contract::types::Ids;
        let keys = arguments(&json!({"ids": "7, -8"}))
            .keys("ids")
            .unwrap()
            .unwrap();
        assert_eq!(keys.typed("Int64").unwrap(), Ids::Int64(vec![7, -8]));
        assert!(arguments(&json!({"ids": "a,b"})).keys("ids").is_err());
    }

    #[test]
    fn no_keys_never_mean_all() {
        let mut arguments = arguments(&json!({"ids": []}));
        assert!(arguments.keys("ids").is_err());
    }

    #[test]
    fn null_and_empty_text_are_not_given() {
        let mut arguments = arguments(&json!({"filter": "", "limit": null}));
        assert_eq!(arguments.get::<Option<String>>("filter").unwrap(), None);
        assert_eq!(arguments.integer("limit", 1..=5).unwrap(), None);
    }
}
