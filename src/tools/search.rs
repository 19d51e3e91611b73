//! `milvus_search`: the rows nearest to a vector or a text.

use super::{Arguments, answers, consistency_level, queries};
use crate::client::{Client, hits};
use crate::error::Error;
use crate::operations::search::Search;
use crate::operations::{MAX_WINDOW, check_window};
use serde_json::Value;

/// Hits that a person, or a model, can read.
const DEFAULT_LIMIT: u32 = 10;

pub(super) fn run(client: &mut Client<'_>, mut arguments: Arguments) -> Result<Value, Error> {
    let (filter, expr_params) = queries::filter(&mut arguments)?;
    let (grouping_field, group_size, strict_group_size) = queries::grouping(&mut arguments)?;
    let search = Search {
        collection_name: arguments.get("collection_name")?,
        data: vec![queries::query(&mut arguments)?],
        ids: Vec::new(),
        anns_field: arguments.get("anns_field")?,
        partition_names: arguments.get("partition_names")?,
        filter,
        expr_params,
        limit: arguments
            .integer("limit", 1..=MAX_WINDOW)?
            .unwrap_or(DEFAULT_LIMIT),
        offset: arguments
            .integer("offset", 0..=MAX_WINDOW - 1)?
            .unwrap_or(0),
        output_fields: arguments.get("output_fields")?,
        search_params: queries::search_params(&mut arguments)?,
        grouping_field,
        group_size,
        strict_group_size,
        consistency_level: consistency_level(&mut arguments)?,
        function_score: arguments.get("function_score")?,
    };
    check_window(search.limit, search.offset)?;
    arguments.finish()?;
    hits::search(client, &search, None).map(answers::hits)
}
