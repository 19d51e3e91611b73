"""Search by vectors, by texts and by keys, and hybrid search (`search_util.go`, `handler_v2.go`).

Lite's graph searches where nothing is filtered; everything else that Milvus does is done here: the
checks of fields, metrics, dimensions and windows, filters, ranges and groups over as many hits as
they need, BM25 over the whole collection, rank functions, orders and aggregations.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from milvus_lite.analyzer.sparse import bytes_to_sparse
from milvus_lite.engine.collection import Collection as LiteCollection

from ..engine.catalogue import Collection, Field, Index
from ..engine.encoding import check_finite, key_out, raw_json, render_row, renderers, sparse_in
from ..engine.lite import speaking_milvus
from ..engine.schema import check_consistency
from ..filters.expressions import Filter, compiled
from ..filters.matching import by_key, matches, steady
from ..ranking import exact, function_chain, isolation, ordering, rerank, search_aggregation
from ..ranking.hits import Grouping, Hit, group_key, grouped, larger_is_nearer, sort_by_score
from ..ranking.rerank import NO_RANKING, Ranking
from ..wire.envelope import Answer, float32, success
from ..wire.errors import (
    FIELD_NOT_FOUND,
    PARAMETER_MISSING,
    REQUIRED_MISSING,
    MilvusError,
    bad_parameter,
    bad_search_data,
    unsupported,
)
from ..wire.requests import go_bool
from .call import Call, Route, Routes
from .entities import DEFAULT_LIMIT, partitions_to_read, readable
from .outputs import columns

MAX_TOPK = 16384
MAX_QUERIES = 16384
MAX_SUB_SEARCHES = 1024
MAX_GROUP_SIZE = 10
# What an index search looks at unless told otherwise; Lite's own 64 is little for its size.
LEAST_EF = 256
# A walk through Lite's graph begins with a look at every key, which costs as much as three or four
# exact searches: for fewer queries, or few rows, those are quicker, and they miss nothing.
QUERIES_WORTH_AN_INDEX = 4
ROWS_WORTH_AN_INDEX = 10_000
_LONGEST_INT64 = len(str(-(2**63)))
_GROUPABLE = ("Bool", "Int8", "Int16", "Int32", "Int64", "VarChar", "Timestamptz")
_GROUPING_KEYS = ("group_by_field", "group_by_fields")


@dataclass
class Plan:
    """A search that has passed its checks. `names` are the fields asked for, `also` those that
    have to be read besides; rows written after number `up_to` are left out."""

    vector: Field
    queries: list[Any]
    metric: str
    condition: Filter | None
    limit: int
    offset: int
    partitions: list[str] | None
    names: list[str]
    also: list[str] = field(default_factory=list)
    tuning: dict[str, Any] = field(default_factory=dict)
    radius: float | None = None
    range_filter: float | None = None
    decimals: int = -1
    grouping: Grouping | None = None
    index: Index | None = None
    ranking: Ranking = NO_RANKING
    chains: list[function_chain.Chain] = field(default_factory=list)
    order: list[ordering.Order] = field(default_factory=list)
    up_to: int | None = None

    @property
    def read(self) -> list[str]:
        """Every field that is read of a hit."""
        extra = [self.grouping.field] if self.grouping else []
        return list(dict.fromkeys([*self.names, *self.also, *extra]))


# ── checks ──────────────────────────────────────────────────────


def _window(limit: int, offset: int) -> None:
    if not 1 <= limit <= MAX_TOPK:
        raise bad_parameter(
            f"topk [{limit}] is invalid, it should be in range [1, {MAX_TOPK}], but got {limit}: "
            "invalid parameter"
        )
    if offset != 0 and not 1 <= offset <= MAX_TOPK:
        raise bad_parameter(
            f"offset [{offset}] is invalid, it should be in range [1, {MAX_TOPK}], but got "
            f"{offset}: invalid parameter"
        )
    if limit + offset > MAX_TOPK:
        raise bad_parameter(
            f"offset+topk [{limit + offset}] is invalid, it should be in range [1, {MAX_TOPK}], "
            f"but got {limit + offset}: invalid parameter"
        )


def _vector_field(item: Collection, name: str) -> Field:
    if not name:
        if len(item.vectors) > 1:
            names = ", ".join(each.name for each in item.vectors)
            raise bad_search_data(
                f"search without annsField, but already found multiple vector fields: [{names},,,]"
            )
        return item.vectors[0]
    found = item.field_named(name)
    if found is None or not found.is_vector:
        raise bad_search_data(f"cannot find a vector field: field not found[field={name}]")
    return found


def _queries(vector: Field, data: list[Any]) -> list[Any]:
    """Vectors or texts as the field wants them; 1801 otherwise, where Lite would show numpy's."""
    if len(data) > MAX_QUERIES:
        raise bad_parameter(
            "nq (number of search vector per search request) should be in range "
            f"[1, {MAX_QUERIES}], but got {len(data)}: invalid parameter"
        )
    if vector.function_output:
        for text in data:
            if not isinstance(text, str):
                raise bad_search_data(
                    f"invalid parameter[expected=text for function output field {vector.name}]"
                    f"[actual={raw_json(text)[:100]}]"
                )
        return data
    if vector.type == "SparseFloatVector":
        return [sparse_in(each, bad_search_data) for each in data]
    for each in data:
        if not isinstance(each, list) or not set(map(type, each)) <= {int, float}:
            raise bad_search_data(
                f"invalid parameter[expected=FloatVector][actual={raw_json(each)[:100]}]"
            )
        if len(each) != vector.dim:
            raise bad_search_data(
                f"dimension: {vector.dim}, but length of []float: {len(each)}: invalid parameter"
                f"[expected=FloatVector][actual={raw_json(each)[:100]}]"
            )
        check_finite(each)
    return data


def _merged(params: dict[str, Any]) -> dict[str, Any]:
    """`searchParams`: what is inside `params` and what is beside it are one map."""
    inner = params.get("params")
    if inner is None:
        inner = {}
    if not isinstance(inner, dict):
        raise bad_parameter("searchParams.params must be a dict: invalid parameter")
    out = {key: value for key, value in params.items() if key not in ("params", "metricType")}
    for key, value in inner.items():
        if key in out and out[key] != value:
            raise bad_parameter(f"ambiguous parameter: {key}, in search_param: invalid parameter")
        out[key] = value
    return out


def _number(params: dict[str, Any], key: str) -> float | None:
    value = params.get(key)
    if value is None:
        return None
    try:
        if isinstance(value, bool):
            raise ValueError
        number = float(value)
    except (TypeError, ValueError):
        raise bad_parameter(f"{key} [{raw_json(value)}] is invalid: invalid parameter") from None
    if not math.isfinite(number):
        raise bad_parameter(f"{key} [{value}] is invalid: invalid parameter")
    return number


def _whole(params: dict[str, Any], key: str, low: int, high: int) -> int | None:
    number = _number(params, key)
    if number is None:
        return None
    if not number.is_integer() or not low <= number <= high:
        raise bad_parameter(
            f"{key} [{params[key]}] is invalid, it should be an integer in range [{low}, {high}]: "
            "invalid parameter"
        )
    return int(number)


def _apply_params(item: Collection, plan: Plan, params: dict[str, Any]) -> None:
    merged = _merged(params)
    metric = merged.get("metric_type")
    if metric and metric != plan.metric:
        raise bad_parameter(
            "fail to search on QueryNode: metric type not match: "
            f"invalid parameter[expected={plan.metric}][actual={metric}]"
        )
    plan.radius = _number(merged, "radius")
    plan.range_filter = _number(merged, "range_filter")
    if plan.range_filter is not None:
        if plan.radius is None:
            raise bad_parameter("range_filter must come with radius: invalid parameter")
        if plan.metric == "L2" and plan.range_filter >= plan.radius:
            raise bad_parameter(
                f"metric type: L2, range_filter({plan.range_filter:g}) must be less than "
                f"radius({plan.radius:g}): invalid parameter"
            )
        if plan.metric != "L2" and plan.range_filter <= plan.radius:
            raise bad_parameter(
                f"metric type: {plan.metric}, range_filter({plan.range_filter:g}) must be greater "
                f"than radius({plan.radius:g}): invalid parameter"
            )
    decimals = _whole(merged, "round_decimal", -1, 6)
    plan.decimals = -1 if decimals is None else decimals
    index = item.index_on(plan.vector.name)
    plan.index = index
    kind = index.type if index else "AUTOINDEX"
    ef = _whole(merged, "ef", 1, 2**31 - 1)
    if ef is not None and kind.startswith("HNSW"):
        if ef < plan.limit + plan.offset:
            raise bad_parameter(
                f"ef({ef}) should be larger than k({plan.limit + plan.offset}): invalid parameter"
            )
        plan.tuning["ef"] = ef
    nprobe = _whole(merged, "nprobe", 1, 65536)
    if nprobe is not None and kind.startswith("IVF"):
        plan.tuning["nprobe"] = nprobe


def _grouping(item: Collection, body: dict[str, Any]) -> Grouping | None:
    name = body.get("groupingField")
    if not name:
        return None
    size = body.get("groupSize", 0) or 1
    if size < 1:
        raise bad_parameter(f"group size:{size} is invalid: invalid parameter")
    if size > MAX_GROUP_SIZE:
        raise bad_parameter(
            f"input group size:{size} exceeds configured max group size:{MAX_GROUP_SIZE}: "
            "invalid parameter"
        )
    found = item.field_named(name)
    if found is None:
        if item.dynamic:
            raise unsupported(f"grouping by dynamic key {name}")
        raise MilvusError(
            FIELD_NOT_FOUND, f"groupBy field not found in schema: field not found[field={name}]"
        )
    if found.type not in _GROUPABLE:
        raise bad_parameter(
            f"groupBy field {name} of type {found.type} is not supported: invalid parameter"
        )
    return Grouping(name, size)


def _has_any(params: dict[str, Any], *keys: str) -> bool:
    inner = params.get("params")
    return any(key in params or (isinstance(inner, dict) and key in inner) for key in keys)


def _up_to(call: Call, item: Collection, params: dict[str, Any]) -> int | None:
    """`ignoreGrowing`: rows that were not flushed at a client's wish are left out."""
    merged = _merged(params)
    for key in ("ignoreGrowing", "ignore_growing"):
        value = merged.get(key)
        if value is None:
            continue
        if (ignored := go_bool(value) if isinstance(value, str) else value) is None:
            raise bad_parameter(f"parse ignore growing field failed: {raw_json(value)}")
        if ignored:
            return call.lite.sealed(item)
    return None


def _aggregation(
    item: Collection, body: dict[str, Any], queries: int
) -> search_aggregation.Aggregation | None:
    given = body.get("searchAggregation")
    if given is None:
        return None
    if body.get("ids"):
        raise bad_parameter("ids and searchAggregation cannot be used simultaneously")
    if body.get("offset", 0) != 0:
        raise bad_parameter("offset is not supported with searchAggregation")
    params = body.get("searchParams", {})
    if _has_any(params, "offset"):
        raise bad_parameter("searchParams.offset is not supported with searchAggregation")
    if body.get("groupingField") or body.get("groupSize") or body.get("strictGroupSize"):
        raise bad_parameter(
            "groupingField/groupSize/strictGroupSize and searchAggregation cannot be used "
            "simultaneously"
        )
    if _has_any(params, *_GROUPING_KEYS):
        raise bad_parameter(
            "searchParams.group_by_field(s) and searchAggregation cannot be used simultaneously"
        )
    return search_aggregation.plan(item, given, queries)


# ── running ─────────────────────────────────────────────────────


def run(item: Collection, engine: LiteCollection, plan: Plan) -> list[list[Hit]]:
    """The hits of each query, best first, with L0 functions applied."""
    fetch = plan.limit + plan.offset
    grouping = plan.grouping
    total = 0
    if plan.range_filter is not None or grouping:
        total = len(matches(item, engine, plan.condition, plan.partitions, plan.up_to))
    if plan.range_filter is not None:
        fetch = max(fetch, total)  # The best hits may all lie on the wrong side of it.
    elif grouping:
        fetch = min(max(fetch * grouping.size * 4, 100), max(total, 1))
    while True:
        found = [_rescored(item, engine, plan, hits) for hits in _fetch(item, engine, plan, fetch)]
        if grouping is None:
            return [hits[: plan.limit + plan.offset] for hits in found]
        key = group_key(item.primary.name, grouping.field)
        parts = [grouped(hits, key, grouping.size, plan.limit + plan.offset, 0) for hits in found]
        if fetch >= total or all(full for _, full in parts):
            return [hits for hits, _ in parts]
        fetch = min(fetch * 4, total)


def _fetch(item: Collection, engine: LiteCollection, plan: Plan, count: int) -> list[list[Hit]]:
    found: list[list[Hit]] | None = None
    if _index_may_do(engine, plan):
        found = _by_index(item, engine, plan, count)
        if min(map(len, found)) < count:
            # The walk came back short: it drops rows that are deleted or replaced.
            found = None
    return _tuned(plan, _by_row(item, engine, plan, count) if found is None else found)


def _index_may_do(engine: LiteCollection, plan: Plan) -> bool:
    """Whether Lite's index finds what a look at every row would, and is worth it."""
    return (
        plan.vector.type == "FloatVector"
        and not plan.vector.nullable
        and plan.condition is None
        and plan.range_filter is None
        and plan.up_to is None
        and len(plan.queries) >= QUERIES_WORTH_AN_INDEX
        and sum(each.num_rows for each in engine._read_snapshot()[0]) > ROWS_WORTH_AN_INDEX
    )


def _by_index(item: Collection, engine: LiteCollection, plan: Plan, count: int) -> list[list[Hit]]:
    tuning = dict(plan.tuning)
    tuning["ef"] = max(tuning.get("ef", LEAST_EF), count)
    with speaking_milvus(item):
        found = steady(
            engine,
            lambda: engine.search(
                plan.queries,
                top_k=count,
                metric_type=plan.metric,
                partition_names=plan.partitions,
                output_fields=[item.primary.name],
                anns_field=plan.vector.name,
                search_params=tuning,
            ),
        )
    names, primary = plan.read, item.primary.name
    rows: dict[Any, dict[str, Any]] = {}
    if set(names) - {primary}:
        keys = list({hit["id"] for hits in found for hit in hits})
        rows = {row[primary]: row for row in by_key(item, engine, keys, plan.partitions, names)}
    return [
        [
            Hit(hit["id"], hit["distance"], _without(rows.get(hit["id"], {}), primary))
            for hit in hits
        ]
        for hits in found
    ]


def _without(row: dict[str, Any], primary: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != primary}


def _by_row(item: Collection, engine: LiteCollection, plan: Plan, count: int) -> list[list[Hit]]:
    name = plan.vector.name
    if plan.metric == "BM25":
        # The statistics are those of the whole collection, whatever is searched.
        found = matches(item, engine, None, None)
        allowed = np.ones(len(found), dtype=bool)
        if plan.condition is not None:
            allowed &= found.passing(plan.condition)
        if plan.partitions is not None or plan.up_to is not None:
            inside = set(matches(item, engine, None, plan.partitions, plan.up_to).keys)
            allowed &= np.fromiter((key in inside for key in found.keys), bool, len(found))
        scored = exact.words(found, allowed, name, plan.queries, plan.index, count)
    else:
        found = matches(item, engine, plan.condition, plan.partitions, plan.up_to)
        if plan.vector.type == "SparseFloatVector":
            scored = exact.sparse(found, name, plan.queries, count)
        else:
            scored = exact.dense(found, plan.vector, plan.queries, plan.metric, count)
    names = plan.read
    out = []
    for hits in scored:
        rows = found.build([number for number, _ in hits], names)
        out.append(
            [
                Hit(found.keys[number], score, _without(row, item.primary.name))
                for (number, score), row in zip(hits, rows, strict=True)
            ]
        )
    return out


def _tuned(plan: Plan, found: list[list[Hit]]) -> list[list[Hit]]:
    """Range and rounding."""
    out = []
    for hits in found:
        kept = hits
        if plan.radius is not None:
            kept = [hit for hit in hits if _in_range(hit.score, plan)]
        if plan.decimals >= 0:
            for hit in kept:
                hit.score = round(hit.score, plan.decimals)
        out.append(kept)
    return out


def _in_range(score: float, plan: Plan) -> bool:
    assert plan.radius is not None
    if plan.metric == "L2":
        return score < plan.radius and (plan.range_filter is None or score >= plan.range_filter)
    return score > plan.radius and (plan.range_filter is None or score <= plan.range_filter)


def _rescored(item: Collection, engine: LiteCollection, plan: Plan, hits: list[Hit]) -> list[Hit]:
    """What Milvus' query nodes do to the scores of a search: boosts and chains of stage L0."""
    if plan.ranking.boosts:

        def passing(condition: Filter) -> set[Any]:
            return set(matches(item, engine, condition, plan.partitions).keys)

        hits = rerank.boosted(plan.ranking.boosts, plan.metric, hits, passing)
    for chain in plan.chains:
        if chain.stage == function_chain.L0:
            hits = function_chain.run(chain, plan.metric, item.primary.name, hits)
    return hits


def _ranked(item: Collection, plan: Plan, lists: list[list[Hit]], merge: rerank.Merge) -> list[Hit]:
    """One list of the hits of all searches, cut to the window of the plan."""
    hits = merge.fuse(lists)
    sort_by_score(hits, descending=merge.descending)
    return _cut(item, plan, hits)


def _cut(item: Collection, plan: Plan, hits: list[Hit]) -> list[Hit]:
    if plan.grouping is None:
        return hits[plan.offset : plan.offset + plan.limit]
    key = group_key(item.primary.name, plan.grouping.field)
    return grouped(hits, key, plan.grouping.size, plan.limit, plan.offset)[0]


def _finished(item: Collection, plan: Plan, found: list[list[Hit]]) -> list[list[Hit]]:
    """What Milvus' proxy does with the hits: rank function or chains of stage L2, window, order."""
    out = []
    merge = plan.ranking.merge
    for hits in found:
        kept = _ranked(item, plan, [hits], merge) if merge else _cut(item, plan, hits)
        for chain in plan.chains:
            if chain.stage == function_chain.L2:
                kept = function_chain.run(chain, plan.metric, item.primary.name, kept)
        out.append(ordering.sorted_hits(kept, plan.order, item.primary.name))
    return out


def answer(call: Call, item: Collection, found: list[list[Hit]], names: list[str]) -> Answer:
    """Flat `data`, split by `topks`; the key under its own name."""
    how = renderers(item, call.int64_as_text)
    key = item.primary
    wanted = set(names)
    every = "$meta" in wanted
    rows = []
    for hits in found:
        for hit in hits:
            row = {
                name: value
                for name, value in hit.row.items()
                if name in wanted or (every and item.field_named(name) is None)
            }
            rows.append(
                render_row(
                    row,
                    how,
                    {
                        key.name: key_out(key, hit.key, call.int64_as_text),
                        "distance": float32(hit.score),
                    },
                )
            )
    if not rows:
        return success([], cost=0)
    return success(rows, cost=0, topks=[len(hits) for hits in found])


# ── routes ──────────────────────────────────────────────────────


def search(call: Call) -> Answer:
    """One search of one or many queries."""
    if call.body.get("searchAggregation") is None:
        return answer(call, *hits_of(call))
    item, plan, aggregation = _planned(call)
    assert aggregation is not None
    found = [
        search_aggregation.buckets(aggregation, item.primary.name, hits)
        for hits in _aggregated(call, item, plan, aggregation)
    ]
    data = search_aggregation.rendered(item, aggregation, found, plan.names, call.int64_as_text)
    return success(data, cost=0, aggTopks=[len(each) for each in found])


def hits_of(call: Call) -> tuple[Collection, list[list[Hit]], list[str]]:
    """What `search` finds, and the names of the fields asked for."""
    item, plan, _ = _planned(call)
    item, engine = _ready(call, item)
    return item, _finished(item, plan, run(item, engine, plan)), plan.names


def _ready(call: Call, item: Collection) -> tuple[Collection, LiteCollection]:
    call.lite.flush_if_worth_it(call.database, item)
    return call.lite.find(call.database, call.collection_name)


def _planned(
    call: Call,
) -> tuple[Collection, Plan, search_aggregation.Aggregation | None]:
    body = call.body
    if body.get("consistencyLevel"):
        check_consistency(body["consistencyLevel"])
    item, engine = call.lite.find(call.database, call.collection_name)
    data, ids = body.get("data", []), body.get("ids", [])
    if data and ids:
        raise bad_parameter(
            "primary keys (ids) and query vectors (data) are mutually exclusive. Please provide "
            "either 'ids' or 'data', not both"
        )
    if not data and not ids:
        raise MilvusError(
            REQUIRED_MISSING,
            "either 'ids' (for primary key search) or 'data' (for vector search) must be provided",
        )
    aggregation = _aggregation(item, body, len(data))
    chains = function_chain.plan(item, body.get("functionChains", []))
    vector = _vector_field(item, body.get("annsField", ""))
    queries = _queries(vector, data) if data else []
    functions = body.get("functionScore", {})
    if functions.get("functions") and chains:
        raise bad_parameter("function_score and function_chains cannot be used together")
    metric = item.metric_of(vector)
    ranking = NO_RANKING
    if functions.get("functions"):
        ranking = rerank.from_function_score(item, functions, [metric])
    params = body.get("searchParams", {})
    plan = Plan(
        vector=vector,
        queries=queries,
        metric=metric,
        condition=compiled(body.get("filter", ""), body.get("exprParams"), item),
        limit=body.get("limit", DEFAULT_LIMIT),
        offset=body.get("offset", 0),
        partitions=partitions_to_read(item, engine, body.get("partitionNames")),
        names=columns(item, body.get("outputFields", [])),
        grouping=_grouping(item, {**_grouping_params(params), **body}),
        ranking=ranking,
        chains=chains,
        order=ordering.of_hits(item, _order_entries(body, params)),
        up_to=_up_to(call, item, params),
    )
    plan.also = [
        *ranking.fields,
        *(name for chain in chains for name in chain.fields),
        *(each.field for each in plan.order),
        *(aggregation.fields if aggregation else []),
    ]
    if plan.order and (plan.ranking.merge or plan.ranking.boosts or plan.chains):
        raise bad_parameter("order_by and function rerank cannot be used together")
    isolation.check(item, plan.condition)
    _window(plan.limit, plan.offset)
    _apply_params(item, plan, params)
    if plan.grouping and plan.radius is not None:
        raise bad_parameter("Not allowed to do range-search when doing search-group-by")
    readable(item, "search")
    if ids:
        plan.queries = _vectors_of(item, engine, vector, ids)
    elif plan.metric == "BM25":
        plan.queries = exact.terms_of(engine, queries, vector.name)
    return item, plan, aggregation


def _grouping_params(params: dict[str, Any]) -> dict[str, Any]:
    """`searchParams` may group, too."""
    merged = _merged(params)
    out = {}
    for key, name in (("group_by_field", "groupingField"), ("group_size", "groupSize")):
        if merged.get(key) is not None:
            out[name] = merged[key]
    return out


def _order_entries(body: dict[str, Any], params: dict[str, Any]) -> list[str]:
    given = _merged(params).get("order_by_fields", "")
    entries = given if isinstance(given, list) else str(given or "").split(",")
    return [*body.get("orderByFields", []), *entries]


def _aggregated(
    call: Call, item: Collection, plan: Plan, aggregation: search_aggregation.Aggregation
) -> list[list[Hit]]:
    """Of each query the best hits of the best groups, in the order of their scores."""
    item, engine = _ready(call, item)
    primary = item.primary.name
    keys = [group_key(primary, each.name) for each in aggregation.keys]
    total = len(matches(item, engine, plan.condition, plan.partitions, plan.up_to))
    out = []
    for hits in _fetch(item, engine, plan, max(total, 1)):
        kept, _ = grouped(
            _rescored(item, engine, plan, hits),
            lambda hit: tuple(key(hit) for key in keys),
            aggregation.group_size,
            aggregation.groups,
            0,
        )
        sort_by_score(kept, descending=larger_is_nearer(plan.metric))
        out.append(kept)
    return out


def _id_of(key: Field, place: int, value: Any) -> Any:
    """One of `ids` as a primary key (`convertIDsToSchemapbIDs`)."""
    text = key.type == "VarChar"
    if isinstance(value, bool | list | dict) or value is None:
        wanted = "string" if text else "int64"
        raise _bad_id(f"invalid id type at index {place}: expected {wanted}, got {_kind(value)}")
    if text:
        if value == "":
            raise _bad_id(f"empty string id at index {place}")
        return value if isinstance(value, str) else raw_json(value)
    if isinstance(value, str):
        if not re.fullmatch(r"[+-]?[0-9]+", value, re.ASCII):
            raise _bad_id(f"invalid int64 id at index {place}: {value}: invalid syntax")
        number = int(value) if len(value) <= _LONGEST_INT64 else 2**63
    elif value != math.trunc(value):
        raise _bad_id(f"invalid int64 id at index {place}: {raw_json(value)} has fractional part")
    else:
        # Numbers in `ids` pass through a double in Milvus: keys beyond 2^53 are sent as text.
        number = int(float(value))
    if not -(2**63) <= number < 2**63:
        raise _bad_id(f"invalid int64 id at index {place}: {raw_json(value)}: value out of range")
    return number


def _kind(value: Any) -> str:
    """A JSON value's type, as Go names it."""
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "bool"
    return "[]interface {}" if isinstance(value, list) else "map[string]interface {}"


def _bad_id(reason: str) -> MilvusError:
    return bad_parameter(f"invalid parameter, error: {reason}: invalid parameter")


def _vectors_of(
    item: Collection, engine: LiteCollection, vector: Field, ids: list[Any]
) -> list[Any]:
    """The vectors of the rows with these keys; for BM25 the words of their texts."""
    keys = [_id_of(item.primary, place, each) for place, each in enumerate(ids)]
    if len(set(keys)) != len(keys):
        raise bad_parameter("duplicate IDs found in search request: invalid parameter")
    rows = by_key(item, engine, keys, None, [vector.name])
    if len(rows) < len(keys):
        found = {row[item.primary.name] for row in rows}
        missing = [key for key in keys if key not in found]
        raise bad_parameter(
            f"some of the provided primary key IDs do not exist: {missing[:10]}: invalid parameter"
        )
    vectors = [row[vector.name] for row in rows]
    if any(each is None for each in vectors):
        raise bad_parameter(
            f"some of the provided primary key IDs have no vector in field {vector.name}: "
            "invalid parameter"
        )
    if vector.type == "SparseFloatVector":
        return [bytes_to_sparse(each) if isinstance(each, bytes) else each for each in vectors]
    return vectors


def hybrid_search(call: Call) -> Answer:
    """Several searches, ranked together."""
    return answer(call, *fused_hits_of(call))


def fused_hits_of(call: Call) -> tuple[Collection, list[list[Hit]], list[str]]:
    """What `hybrid_search` finds, and the names of the fields asked for."""
    body = call.body
    if body.get("consistencyLevel"):
        check_consistency(body["consistencyLevel"])
    parts = body.get("search", [])
    if any(each.get("searchAggregation") is not None for each in (body, *parts)):
        raise bad_parameter("searchAggregation is not supported for hybrid search")
    if body.get("functionChains"):
        raise bad_parameter("functionChains is not supported for hybrid search yet")
    item, engine = call.lite.find(call.database, call.collection_name)
    if not 1 <= len(parts) <= MAX_SUB_SEARCHES:
        raise bad_parameter(
            f"maximum of ann search requests is {MAX_SUB_SEARCHES}, minimum is 1, "
            f"but got {len(parts)}: invalid parameter"
        )
    partitions = partitions_to_read(item, engine, body.get("partitionNames"))
    grouping = _grouping(item, body)
    plans = [_part(item, body, part, partitions, grouping) for part in parts]
    if len({len(plan.queries) for plan in plans}) > 1:
        raise bad_parameter(
            "nq of all ann search requests in hybrid search should be the same: invalid parameter"
        )
    metrics = [plan.metric for plan in plans]
    functions = body.get("functionScore", {})
    if functions.get("functions"):
        ranking = rerank.from_function_score(item, functions, metrics)
    else:
        ranking = rerank.from_rerank(body.get("rerank", {}), metrics)
    if ranking.merge is None:
        raise MilvusError(PARAMETER_MISSING, "rerank_builder: no rerank functions specified")
    limit, offset = body.get("limit", DEFAULT_LIMIT), body.get("offset", 0)
    _window(limit, offset)
    readable(item, "hybrid search")
    for plan in plans:
        plan.ranking, plan.also = Ranking(ranking.boosts, None), ranking.fields
        if plan.metric == "BM25":
            plan.queries = exact.terms_of(engine, plan.queries, plan.vector.name)
    for plan, part in zip(plans, parts, strict=True):
        plan.up_to = _up_to(call, item, part.get("params", {}))
    item, engine = _ready(call, item)
    results = [run(item, engine, plan) for plan in plans]
    whole = Plan(plans[0].vector, [], "", None, limit, offset, None, plans[0].names)
    whole.grouping = grouping
    fused = [
        _ranked(item, whole, [found[number] for found in results], ranking.merge)
        for number in range(len(plans[0].queries))
    ]
    return item, fused, whole.names


def _part(
    item: Collection,
    body: dict[str, Any],
    part: dict[str, Any],
    partitions: list[str] | None,
    grouping: Grouping | None,
) -> Plan:
    """One search of a hybrid one. Its `offset` is ignored, and its `limit` has no default."""
    if not part.get("data"):
        raise bad_search_data("missing data of a search in hybrid search")
    vector = _vector_field(item, part.get("annsField", ""))
    plan = Plan(
        vector=vector,
        queries=_queries(vector, part["data"]),
        metric=item.metric_of(vector),
        condition=compiled(part.get("filter", ""), part.get("exprParams"), item),
        limit=part.get("limit", 0),
        offset=0,
        partitions=partitions,
        names=columns(item, body.get("outputFields", [])),
        grouping=grouping,
    )
    isolation.check(item, plan.condition)
    _window(plan.limit, 0)
    _apply_params(item, plan, part.get("params", {}))
    return plan


ROUTES: Routes = {
    "entities/search": Route("SearchReqV2", search),
    "entities/hybrid_search": Route("HybridSearchReq", hybrid_search),
    "entities/advanced_search": Route("HybridSearchReq", hybrid_search),
}
