//! `milvus_hybrid_search`: several searches, their hits joined.

use super::{Arguments, answers, consistency_level, queries};
use crate::client::{Client, hits};
use crate::error::Error;
use crate::operations::search::{HybridSearch, MAX_SUB_SEARCHES, Rerank, SubSearch};
use crate::operations::{MAX_WINDOW, check_window};
use crate::values::json::Members;
use serde_json::{Map, Value};

/// Hits that a person, or a model, can read.
const DEFAULT_LIMIT: u32 = 10;

/// Milvus' own default of the constant in reciprocal rank fusion (`proxy/reranker.go`).
const DEFAULT_RRF_K: u32 = 60;

pub(super) fn run(client: &mut Client<'_>, mut arguments: Arguments) -> Result<Value, Error> {
    let limit = arguments
        .integer("limit", 1..=MAX_WINDOW)?
        .unwrap_or(DEFAULT_LIMIT);
    let offset = arguments
        .integer("offset", 0..=MAX_WINDOW - 1)?
        .unwrap_or(0);
    check_window(limit, offset)?;
    let searches = arguments.nested_list("searches")?;
    if searches.is_empty() || searches.len() > MAX_SUB_SEARCHES {
        return Err(arguments.wrong(
            "searches",
            format_args!(
                "expected 1 to {MAX_SUB_SEARCHES} searches, came {}",
                searches.len()
            ),
        ));
    }
    let searches = searches
        .into_iter()
        .map(|search| sub_search(search, limit + offset))
        .collect::<Result<Vec<_>, _>>()?;
    let function_score: Option<Map<String, Value>> = arguments.get("function_score")?;
    let rerank = rerank(&mut arguments, searches.len(), function_score.is_some())?;
    let (grouping_field, group_size, strict_group_size) = queries::grouping(&mut arguments)?;
    let search = HybridSearch {
        collection_name: arguments.get("collection_name")?,
        partition_names: arguments.get("partition_names")?,
        search: searches,
        rerank,
        limit,
        offset,
        output_fields: arguments.get("output_fields")?,
        grouping_field,
        group_size,
        strict_group_size,
        consistency_level: consistency_level(&mut arguments)?,
        function_score,
    };
    arguments.finish()?;
    hits::hybrid_search(client, &search, None).map(answers::hits)
}

fn sub_search(mut arguments: Arguments, default_limit: u32) -> Result<SubSearch, Error> {
    let (filter, expr_params) = queries::filter(&mut arguments)?;
    let search = SubSearch {
        data: vec![queries::query(&mut arguments)?],
        anns_field: Some(arguments.get("anns_field")?),
        filter,
        expr_params,
        limit: arguments
            .integer("limit", 1..=MAX_WINDOW)?
            .unwrap_or(default_limit),
        offset: 0,
        params: queries::search_params(&mut arguments)?,
        extra: Members::default(),
    };
    arguments.finish()?;
    Ok(search)
}

/// The ranker. Without one named, reciprocal rank fusion, unless score functions do the ranking.
fn rerank(
    arguments: &mut Arguments,
    searches: usize,
    by_function: bool,
) -> Result<Option<Rerank>, Error> {
    let named = arguments.one_of("rerank_strategy", &["rrf", "weighted"])?;
    let k = arguments.integer("rrf_k", 1..=MAX_WINDOW - 1)?;
    let weights = weights(arguments, searches)?;
    let norm_score: Option<bool> = arguments.get("norm_score")?;
    if by_function && (named.is_some() || k.is_some() || weights.is_some() || norm_score.is_some())
    {
        return Err(arguments.wrong(
            "function_score",
            "expected either score functions or a ranker, came both",
        ));
    }
    if by_function {
        return Ok(None);
    }
    let strategy = named.unwrap_or(if weights.is_some() { "weighted" } else { "rrf" });
    let mut params = Map::new();
    if strategy == "rrf" {
        for (name, given) in [
            ("weights", weights.is_some()),
            ("norm_score", norm_score.is_some()),
        ] {
            if given {
                return Err(
                    arguments.wrong(name, "only `weighted` takes it, and the strategy is `rrf`")
                );
            }
        }
        params.insert("k".into(), k.unwrap_or(DEFAULT_RRF_K).into());
    } else {
        if k.is_some() {
            return Err(arguments.wrong(
                "rrf_k",
                "only `rrf` takes it, and the strategy is `weighted`",
            ));
        }
        let weights = weights.ok_or_else(|| {
            arguments.wrong(
                "weights",
                format_args!("expected one weight for each of the {searches} searches, came none"),
            )
        })?;
        params.insert("weights".into(), weights);
        if let Some(norm_score) = norm_score {
            params.insert("norm_score".into(), norm_score.into());
        }
    }
    Ok(Some(Rerank {
        strategy: strategy.to_owned(),
        params,
    }))
}

fn weights(arguments: &mut Arguments, searches: usize) -> Result<Option<Value>, Error> {
    let texts = arguments.numbers("weights")?;
    let Some(weights) = texts else {
        return Ok(None);
    };
    if weights.len() != searches || weights.iter().any(|weight| !(0.0..=1.0).contains(weight)) {
        return Err(arguments.wrong(
            "weights",
            format_args!(
                "expected {searches} numbers from 0 to 1, one for each search, came {}",
                weights.len()
            ),
        ));
    }
    Ok(Some(Value::from(weights)))
}
