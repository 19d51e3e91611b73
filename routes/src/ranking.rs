//! Shared keys of searches: functions that score, chains of them, aggregation.

use crate::Effect::Outbound;
use crate::key::{Key, Keys, Open, free, outbound_unless};
use crate::schema::{FUNCTION, FUNCTION_PARAMS};

/// `FunctionScore`: each of its functions says by its parameters whether it asks a third party.
pub(crate) static FUNCTION_SCORE: [Key; 2] = [
    free("functions").list(&FUNCTION),
    free("params").open(&FUNCTION_PARAMS),
];

/// `Rand`, the older form of ranking in a hybrid search. Milvus knows two strategies, both computed inside;
/// another one has to be taken for one that asks a third party.
pub(crate) static RERANK: [Key; 2] = [
    free("strategy").raises(Outbound, &["rrf", "weighted"]),
    free("params").open(&FUNCTION_PARAMS),
];

/// `functionChains`. Its operators and functions are let out by a closed list (`internal/util/function/chain`, 3.0):
/// `rerank_model` asks a model, `xgboost` reads a file resource.
pub(crate) const FUNCTION_CHAINS: Key = free("functionChains").since("3.0.0").list(&FUNCTION_CHAIN);

static FUNCTION_CHAIN: [Key; 3] = [free("name"), free("stage"), free("ops").list(&CHAIN_OP)];

const CHAIN_OPS: &[&str] = &[
    "map", "sort", "limit", "filter", "select", "group_by", "merge",
];

const CHAIN_FUNCTIONS: &[&str] = &["decay", "num_combine", "round_decimal"];

static CHAIN_OP: [Key; 5] = [
    outbound_unless("op", CHAIN_OPS),
    free("expr").object(&CHAIN_EXPR),
    free("inputs"),
    free("outputs"),
    free("params").open(&FUNCTION_PARAMS),
];

static CHAIN_EXPR: [Key; 3] = [
    outbound_unless("name", CHAIN_FUNCTIONS),
    free("args").list(&CHAIN_ARG),
    free("params").open(&FUNCTION_PARAMS),
];

static CHAIN_ARG: [Key; 2] = [free("column"), free("literal").open(Open::FREE)];

/// `searchAggregation`.
pub(crate) const SEARCH_AGGREGATION: Key = free("searchAggregation")
    .since("3.0.0")
    .object(&AGGREGATION);

/// `SearchAggregationReq`, which contains itself.
static AGGREGATION: [Key; 7] = [
    free("fields"),
    free("size"),
    free("searchSize"),
    // The caller names the metrics.
    free("metrics").map(&Keys::Object(&METRIC)),
    free("order").list(&ORDER),
    free("topHits").object(&TOP_HITS),
    free("subAggregation").object(&AGGREGATION),
];

static METRIC: [Key; 2] = [free("op"), free("fieldName")];
static ORDER: [Key; 2] = [free("key"), free("direction")];
static TOP_HITS: [Key; 2] = [free("size"), free("sort").list(&SORT)];
static SORT: [Key; 2] = [free("fieldName"), free("direction")];

/// `SubSearchReq`: one search of a hybrid search. Its parameters are called `params`, not `searchParams`.
pub(crate) static SUB_SEARCH: [Key; 10] = [
    free("data").required().open(Open::FREE),
    free("annsField"),
    free("filter"),
    free("groupingField"),
    free("metricType"),
    free("limit"),
    free("offset"),
    free("params").open(Open::FREE),
    free("exprParams").open(Open::FREE),
    SEARCH_AGGREGATION,
];
