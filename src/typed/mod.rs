//! The typed door: rows as columns, iteration, search results, for embedders.
//!
//! Answers are read with the collection's schema: what a caller passes, or one more request.

pub mod entities;
pub mod pages;
pub mod search;

use crate::error::Error;
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
