//! The typed door: rows as columns, iteration, search results, for embedders.
//!
//! Answers are read with the collection's schema: what a caller passes, or one more request.

pub mod entities;
pub mod fields;
pub mod pages;
pub mod search;

use crate::error::Error;
use crate::values::filter;
use serde_json::{Map, Value};

/// Reads the text of a JSON object.
///
/// # Errors
/// `invalid-argument` naming `argument` if it is something else.
fn object(argument: &str, text: Option<&str>) -> Result<Option<Map<String, Value>>, Error> {
    let Some(text) = text else { return Ok(None) };
    serde_json::from_str(text)
        .map(Some)
        .map_err(|_| Error::invalid(argument, "expected the text of a JSON object"))
}

/// Reads the values of a filter's templates.
///
/// # Errors
/// `invalid-argument` naming `argument`, or the template whose value Milvus would take for another.
fn templates(argument: &str, text: Option<&str>) -> Result<Option<Map<String, Value>>, Error> {
    let params = object(argument, text)?;
    if let Some(params) = &params {
        filter::check_template_values(argument, params)?;
    }
    Ok(params)
}
