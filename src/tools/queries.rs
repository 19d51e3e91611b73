//! What `milvus_search` and each search of `milvus_hybrid_search` share: the query and the search's parameters.

use super::Arguments;
use crate::error::Error;
use crate::operations::search::Grouping;
use crate::values::filter::check_template_values;
use crate::values::json::raw;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// A query vector or a query text.
pub(super) fn query(arguments: &mut Arguments) -> Result<Box<RawValue>, Error> {
    let vector = arguments.query_vector("query_vector")?;
    let text: Option<String> = arguments.get("query_text")?;
    match (vector, text) {
        (Some(vector), None) => Ok(vector),
        (None, Some(text)) => Ok(raw(&Value::from(text))),
        (Some(_), Some(_)) => Err(arguments.wrong(
            "query_text",
            "expected either `query_vector` or `query_text`, came both",
        )),
        (None, None) => Err(arguments.wrong(
            "query_vector",
            "expected `query_vector` or `query_text`, came neither",
        )),
    }
}

/// Parameters of a search: those with arguments of their own, and the index's. A name that stands in both is refused
/// (Milvus: `ambiguous parameter`).
pub(super) fn search_params(arguments: &mut Arguments) -> Result<Map<String, Value>, Error> {
    let mut params: Map<String, Value> = arguments.get_or_default("search_params")?;
    let own = [
        ("metric_type", metric_type(arguments)?.map(Value::from)),
        (
            "level",
            arguments.integer("level", 1..=10)?.map(Value::from),
        ),
        (
            "radius",
            arguments.get::<Option<f64>>("radius")?.map(Value::from),
        ),
        (
            "range_filter",
            arguments
                .get::<Option<f64>>("range_filter")?
                .map(Value::from),
        ),
    ];
    for (name, value) in own {
        let Some(value) = value else { continue };
        if params.get(name).is_some_and(|known| *known != value) {
            return Err(arguments.wrong(
                name,
                "the same parameter stands in `search_params` with another value",
            ));
        }
        params.insert(name.to_owned(), value);
    }
    if params.contains_key("range_filter") && !params.contains_key("radius") {
        return Err(arguments.wrong("range_filter", "expected `radius` with it, came none"));
    }
    Ok(params)
}

/// A metric's name. Milvus takes capitals only; what was meant is plain.
pub(super) fn metric_type(arguments: &mut Arguments) -> Result<Option<String>, Error> {
    Ok(arguments
        .get::<Option<String>>("metric_type")?
        .map(|name| name.to_ascii_uppercase()))
}

/// What hits are grouped by.
pub(super) fn grouping(arguments: &mut Arguments) -> Result<Grouping, Error> {
    let field: Option<String> = arguments.get("group_by_field")?;
    let size = arguments.integer("group_size", 1..=10)?;
    let strict: Option<bool> = arguments.get("strict_group_size")?;
    let beside = [
        ("group_size", size.is_some()),
        ("strict_group_size", strict.is_some()),
    ];
    match beside
        .into_iter()
        .find(|(_, given)| *given && field.is_none())
    {
        Some((name, _)) => {
            Err(arguments.wrong(name, "expected `group_by_field` with it, came none"))
        }
        None => Ok((field, size, strict)),
    }
}

/// A filter and the values of its templates.
pub(super) fn filter(
    arguments: &mut Arguments,
) -> Result<(String, Option<Map<String, Value>>), Error> {
    let filter: String = arguments.get_or_default("filter")?;
    let params = arguments.get("filter_params")?;
    if let Some(params) = &params {
        if filter.is_empty() {
            return Err(arguments.wrong(
                "filter_params",
                "expected a `filter` that uses them, came none",
            ));
        }
        check_template_values(&arguments.name("filter_params"), params)?;
    }
    Ok((filter, params))
}
