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
    let text = arguments.text("query_text")?;
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
    let mut params = arguments.object("search_params")?.unwrap_or_default();
    let own = [
        ("metric_type", metric_type(arguments)?.map(Value::from)),
        (
            "level",
            arguments.integer("level", 1..=10)?.map(Value::from),
        ),
        ("radius", arguments.number("radius")?.map(Value::from)),
        (
            "range_filter",
            arguments.number("range_filter")?.map(Value::from),
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
        .text("metric_type")?
        .map(|name| name.to_ascii_uppercase()))
}

/// What hits are grouped by.
pub(super) fn grouping(arguments: &mut Arguments) -> Result<Grouping, Error> {
    let grouping = Grouping {
        grouping_field: arguments.text("group_by_field")?,
        group_size: arguments.integer("group_size", 1..=10)?,
        strict_group_size: arguments.boolean("strict_group_size")?,
    };
    if grouping.grouping_field.is_none() {
        for (name, given) in [
            ("group_size", grouping.group_size.is_some()),
            ("strict_group_size", grouping.strict_group_size.is_some()),
        ] {
            if given {
                return Err(arguments.wrong(name, "expected `group_by_field` with it, came none"));
            }
        }
    }
    Ok(grouping)
}

/// A filter and the values of its templates.
pub(super) fn filter(
    arguments: &mut Arguments,
) -> Result<(String, Option<Map<String, Value>>), Error> {
    let filter = arguments.text("filter")?.unwrap_or_default();
    let params = arguments.object("filter_params")?;
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
