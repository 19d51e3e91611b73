"""Search by vectors, by texts and by keys, and hybrid search (`search_util.go`, `handler_v2.go`).

Lite searches; what Milvus does around it is done here: the checks of fields, metrics, dimensions
and windows, ranges and groups over as many hits as they need, positive BM25 scores, and the two
rank strategies of hybrid search.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from milvus_lite.analyzer.sparse import bytes_to_sparse
from milvus_lite.engine.collection import Collection as LiteCollection
from milvus_lite.engine.projection import build_projection_plan, project_record

from . import bm25
from .call import Call, Route, Routes
from .catalogue import Collection, Field, Index
from .encoding import check_finite, key_of, key_out, raw_json, render_row, renderers, sparse_in
from .entities import DEFAULT_LIMIT, partitions_to_read, readable
from .envelope import Answer, float32, success
from .errors import REQUIRED_MISSING, MilvusError, bad_parameter, bad_search_data, unsupported
from .expressions import filled
from .lite import Matches, matches, speaking_milvus
from .outputs import columns
from .schema import check_consistency

MAX_TOPK = 16384
MAX_QUERIES = 16384
MAX_SUB_SEARCHES = 1024
MAX_GROUP_SIZE = 10
MAX_RRF_K = 16384
# What an index search looks at unless told otherwise; Lite's own 64 is little for its size.
LEAST_EF = 256
_GROUPABLE = ("Bool", "Int8", "Int16", "Int32", "Int64", "VarChar")
_NOT_FOR_LITE = ("functionChains", "searchAggregation", "orderByFields")


@dataclass
class Hit:
    """One row found: its key, its score in Milvus' terms, and the fields asked for."""

    key: Any
    score: float
    row: dict[str, Any]


@dataclass
class Plan:
    """A search that has passed its checks."""

    vector: Field
    queries: list[Any]
    metric: str
    given_filter: str
    filter: str | None
    limit: int
    offset: int
    partitions: list[str] | None
    names: list[str]
    tuning: dict[str, Any] = field(default_factory=dict)
    radius: float | None = None
    range_filter: float | None = None
    decimals: int = -1
    group_by: str | None = None
    group_size: int = 1
    index: Index | None = None


# ── checks ──────────────────────────────────────────────────────


def _window(limit: int, offset: int) -> None:
    if not 1 <= limit <= MAX_TOPK:
        raise bad_parameter(
            f"topk [{limit}] is invalid, it should be in range [1, {MAX_TOPK}], but got {limit}: "
            "invalid parameter"
        )
    if offset < 0:
        raise bad_parameter(f"offset [{offset}] is invalid, should be gte than 0")
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
            "failed to search: metric type not match: "
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


def _grouping(item: Collection, body: dict[str, Any]) -> tuple[str | None, int]:
    name = body.get("groupingField")
    if not name:
        return None, 1
    size = body.get("groupSize", 1)
    if size < 1:
        raise bad_parameter(f"group size:{size} is invalid: invalid parameter")
    if size > MAX_GROUP_SIZE:
        raise bad_parameter(
            f"input group size:{size} exceeds configured max group size:{MAX_GROUP_SIZE}: "
            "invalid parameter"
        )
    found = item.field_named(name)
    if found is None:
        raise bad_parameter(f"groupBy field not found in schema: field not found[field={name}]")
    if found.type not in _GROUPABLE:
        raise bad_parameter(
            f"groupBy field {name} of type {found.type} is not supported: invalid parameter"
        )
    return name, size


# ── running ─────────────────────────────────────────────────────


def run(item: Collection, engine: LiteCollection, plan: Plan) -> list[list[Hit]]:
    """The hits of each query, best first."""
    names = list(plan.names)
    if plan.group_by and plan.group_by not in names:
        names.append(plan.group_by)
    if not names:
        names = [item.primary.name]  # Without a list Lite answers with every field.
    fetch = plan.limit + plan.offset
    # The best hits may all lie on the wrong side of range_filter, or in one group.
    total = engine.num_entities if plan.range_filter is not None or plan.group_by else 0
    if plan.range_filter is not None:
        fetch = max(fetch, total)
    elif plan.group_by:
        fetch = min(max(fetch * plan.group_size * 4, 100), max(total, 1))
    while True:
        found = _fetch(engine, plan, names, fetch)
        if not plan.group_by:
            return [hits[plan.offset : plan.offset + plan.limit] for hits in found]
        grouped = [_grouped(hits, _group_key(item, plan.group_by), plan) for hits in found]
        if fetch >= total or all(full for _, full in grouped):
            return [hits for hits, _ in grouped]
        fetch = min(fetch * 4, total)


def _fetch(engine: LiteCollection, plan: Plan, names: list[str], count: int) -> list[list[Hit]]:
    with speaking_milvus(None, plan.given_filter):
        if plan.metric == "BM25" and bm25.in_pieces(engine):
            return _tuned(plan, _by_words(engine, plan, names, count))
        dense = plan.vector.type == "FloatVector"
        found = None if dense and plan.filter else _by_index(engine, plan, names, count)
        if found is None or (dense and min(map(len, found)) < count):
            # Lite's graph walk sees some `ef` rows and drops those that are deleted, replaced or
            # filtered out: it comes back short, or with none. Milvus then searches row by row.
            alive = matches(engine, plan.filter, plan.partitions, plan.vector.name)
            if found is None or min(map(len, found)) < min(count, len(alive.keys)):
                found = _row_by_row(engine, plan, names, count, alive)
    return _tuned(plan, found)


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


def _by_words(engine: LiteCollection, plan: Plan, names: list[str], count: int) -> list[list[Hit]]:
    alive, found = bm25.search(
        engine, plan.index, plan.vector.name, plan.queries, plan.filter, plan.partitions, count
    )
    shape = build_projection_plan(names, engine.schema, api_kind="search")
    return [
        [
            Hit(
                alive.keys[each.number],
                each.score,
                project_record(alive.row(each.number), engine.schema, shape),
            )
            for each in hits
        ]
        for hits in found
    ]


def _by_index(engine: LiteCollection, plan: Plan, names: list[str], count: int) -> list[list[Hit]]:
    tuning = dict(plan.tuning)
    tuning["ef"] = max(tuning.get("ef", LEAST_EF), count)
    found = engine.search(
        plan.queries,
        top_k=count,
        metric_type=plan.metric,
        partition_names=plan.partitions,
        expr=plan.filter,
        output_fields=names,
        anns_field=plan.vector.name,
        search_params=tuning if plan.vector.type == "FloatVector" else None,
    )
    sign = -1.0 if plan.metric == "BM25" else 1.0  # Lite counts BM25 downwards.
    return [
        [Hit(hit["id"], sign * hit["distance"], hit["entity"]) for hit in hits] for hits in found
    ]


def _row_by_row(
    engine: LiteCollection, plan: Plan, names: list[str], count: int, alive: Matches
) -> list[list[Hit]]:
    """The exact answer."""
    if not alive.keys:
        return [[] for _ in plan.queries]
    shape = build_projection_plan(names, engine.schema, api_kind="search")
    rows = alive.vectors
    lengths = np.linalg.norm(rows, axis=1) if plan.metric == "COSINE" else None
    out = []
    for query in np.asarray(plan.queries, dtype=np.float32):
        if plan.metric == "L2":
            scores = ((rows - query) ** 2).sum(axis=1)
            order = np.argsort(scores, kind="stable")[:count]
        else:
            scores = rows @ query
            if lengths is not None:
                both = lengths * np.linalg.norm(query)
                scores = np.divide(scores, both, out=np.zeros_like(scores), where=both > 0)
            order = np.argsort(-scores, kind="stable")[:count]
        out.append(
            [
                Hit(
                    alive.keys[number],
                    float(scores[number]),
                    project_record(alive.row(number), engine.schema, shape),
                )
                for number in order
            ]
        )
    return out


def _in_range(score: float, plan: Plan) -> bool:
    assert plan.radius is not None
    if plan.metric == "L2":
        return score < plan.radius and (plan.range_filter is None or score >= plan.range_filter)
    return score > plan.radius and (plan.range_filter is None or score <= plan.range_filter)


def _group_key(item: Collection, name: str) -> Callable[[Hit], Any]:
    if name == item.primary.name:
        return lambda hit: hit.key
    return lambda hit: hit.row.get(name)


def _grouped(hits: list[Hit], key: Callable[[Hit], Any], plan: Plan) -> tuple[list[Hit], bool]:
    """Groups in the order of their best hits, and whether more hits could not add to them."""
    groups: dict[Any, list[Hit]] = {}
    for hit in hits:
        group = groups.setdefault(key(hit), [])
        if len(group) < plan.group_size:
            group.append(hit)
    chosen = list(groups.values())[plan.offset : plan.offset + plan.limit]
    full = len(chosen) == plan.limit and all(len(group) == plan.group_size for group in chosen)
    return [hit for group in chosen for hit in group], full


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
    body = call.body
    if body.get("consistencyLevel"):
        check_consistency(body["consistencyLevel"])
    item, engine = call.lite.find(call.database, call.collection_name)
    for name in (*_NOT_FOR_LITE, "functionScore"):
        if body.get(name):
            raise unsupported(name)
    data, ids = body.get("data", []), body.get("ids", [])
    if data and ids:
        raise bad_parameter(
            "primary keys (ids) and query vectors (data) are mutually exclusive, "
            "please provide only one: invalid parameter"
        )
    if not data and not ids:
        raise MilvusError(
            REQUIRED_MISSING,
            "missing required parameters, error: either 'ids' (for primary key search) or 'data' "
            "(for vector search) must be provided",
        )
    vector = _vector_field(item, body.get("annsField", ""))
    queries = _queries(vector, data)
    group_by, group_size = _grouping(item, body)
    given = body.get("filter", "")
    plan = Plan(
        vector=vector,
        queries=queries,
        metric=item.metric_of(vector),
        given_filter=given,
        filter=filled(given, body.get("exprParams"), item) or None,
        limit=body.get("limit", DEFAULT_LIMIT),
        offset=body.get("offset", 0),
        partitions=partitions_to_read(item, engine, body.get("partitionNames")),
        names=columns(item, body.get("outputFields", [])),
        group_by=group_by,
        group_size=group_size,
    )
    _window(plan.limit, plan.offset)
    _apply_params(item, plan, body.get("searchParams", {}))
    readable(item, "search")
    call.lite.flush_if_worth_it(call.database, item)
    item, engine = call.lite.find(call.database, call.collection_name)
    if ids:
        plan.queries = _vectors_of(item, engine, vector, ids)
    return answer(call, item, run(item, engine, plan), plan.names)


def _vectors_of(
    item: Collection, engine: LiteCollection, vector: Field, ids: list[Any]
) -> list[Any]:
    """The vectors of the rows with these keys; Lite itself searches by vectors only."""
    if vector.function_output:
        raise unsupported(f"search by ids on the function output field {vector.name}")
    for each in ids:
        if isinstance(each, bool) or each is None or each == "":
            raise bad_parameter(f"invalid id in ids: {raw_json(each)}: invalid parameter")

    def refuse(reason: str) -> MilvusError:
        return bad_parameter(f"invalid id in ids: {reason}: invalid parameter")

    # Numbers in `ids` pass through a double in Milvus: keys beyond 2^53 are sent as text.
    keys = [
        key_of(item.primary, float(each) if isinstance(each, int) else each, refuse)
        if item.primary.type == "Int64"
        else key_of(item.primary, each, refuse)
        for each in ids
    ]
    if len(set(keys)) != len(keys):
        raise bad_parameter("duplicate IDs found in search request: invalid parameter")
    with speaking_milvus(item):
        rows = engine.get(keys, output_fields=[item.primary.name, vector.name])
    if len(rows) < len(keys):
        found = {row[item.primary.name] for row in rows}
        missing = [key for key in keys if key not in found]
        raise bad_parameter(
            f"some of the provided primary key IDs do not exist: {missing[:10]}: invalid parameter"
        )
    if vector.type == "SparseFloatVector":
        return [
            bytes_to_sparse(row[vector.name])
            if isinstance(row[vector.name], bytes)
            else row[vector.name]
            for row in rows
        ]
    return [row[vector.name] for row in rows]


def hybrid_search(call: Call) -> Answer:
    """Several searches, ranked together."""
    body = call.body
    if body.get("consistencyLevel"):
        check_consistency(body["consistencyLevel"])
    item, engine = call.lite.find(call.database, call.collection_name)
    for name in ("functionChains", "searchAggregation"):
        if body.get(name):
            raise bad_parameter(f"{name} is not supported for hybrid search: invalid parameter")
    parts = body.get("search", [])
    if not 1 <= len(parts) <= MAX_SUB_SEARCHES:
        raise bad_parameter(
            f"maximum of ann search requests is {MAX_SUB_SEARCHES}, minimum is 1, "
            f"but got {len(parts)}: invalid parameter"
        )
    group_by, group_size = _grouping(item, body)
    names = columns(item, body.get("outputFields", []))
    inner = [*names, group_by] if group_by and group_by not in names else names
    partitions = partitions_to_read(item, engine, body.get("partitionNames"))
    plans = []
    for part in parts:
        if part.get("searchAggregation"):
            raise bad_parameter("searchAggregation is not supported for hybrid search sub-requests")
        if not part.get("data"):
            raise bad_search_data("missing data of a search in hybrid search")
        vector = _vector_field(item, part.get("annsField", ""))
        given = part.get("filter", "")
        plan = Plan(
            vector=vector,
            queries=_queries(vector, part["data"]),
            metric=item.metric_of(vector),
            given_filter=given,
            filter=filled(given, part.get("exprParams"), item) or None,
            limit=part.get("limit", 0),
            offset=part.get("offset", 0),
            partitions=partitions,
            names=inner,
        )
        _window(plan.limit, plan.offset)
        _apply_params(item, plan, part.get("params", {}))
        plans.append(plan)
    if len({len(plan.queries) for plan in plans}) > 1:
        raise bad_parameter(
            "nq of all ann search requests in hybrid search should be the same: invalid parameter"
        )
    score = _ranker(body, plans)
    limit, offset = body.get("limit", DEFAULT_LIMIT), body.get("offset", 0)
    _window(limit, offset)
    readable(item, "hybrid search")
    call.lite.flush_if_worth_it(call.database, item)
    item, engine = call.lite.find(call.database, call.collection_name)
    results = [run(item, engine, plan) for plan in plans]
    fused = []
    for number in range(len(plans[0].queries)):
        hits = _fuse([found[number] for found in results], score)
        if group_by:
            shape = Plan(plans[0].vector, [], "", "", None, limit, offset, None, [])
            shape.group_size = group_size
            fused.append(_grouped(hits, _group_key(item, group_by), shape)[0])
        else:
            fused.append(hits[offset : offset + limit])
    return answer(call, item, fused, names)


Scorer = Callable[[int, int, float], float]
"""From the number of the search, the rank in it (from 1) and the score, to a share of the whole."""


def _fuse(lists: list[list[Hit]], score: Scorer) -> list[Hit]:
    """Best first; equal ones in key order."""
    rows: dict[Any, Hit] = {}
    for number, hits in enumerate(lists):
        for rank, hit in enumerate(hits, 1):
            share = score(number, rank, hit.score)
            if hit.key in rows:
                rows[hit.key].score += share
            else:
                rows[hit.key] = Hit(hit.key, share, hit.row)
    return sorted(rows.values(), key=lambda hit: (-hit.score, hit.key))


def _ranker(body: dict[str, Any], plans: list[Plan]) -> Scorer:
    """`rerank`, or the rank function of `functionScore` in its place."""
    rerank = body.get("rerank", {})
    strategy, params = rerank.get("strategy", ""), rerank.get("params", {})
    functions = body.get("functionScore", {}).get("functions", [])
    if functions:
        if len(functions) > 1:
            raise unsupported("functionScore with several functions")
        params = functions[0].get("params", {})
        strategy = str(params.get("reranker", "")).lower()
        if strategy in ("boost", "decay", "model"):
            raise unsupported(f"functionScore reranker {strategy}")
    if strategy == "rrf":
        return _rrf(params)
    if strategy == "weighted":
        return _weighted(params, plans)
    raise bad_parameter(f"unsupported rank type {strategy}: invalid parameter")


def _rrf(params: dict[str, Any]) -> Scorer:
    k = params.get("k", 60)
    if isinstance(k, bool) or not isinstance(k, int | float):
        raise bad_parameter("The type of rank param k should be float: invalid parameter")
    if not 0 < k < MAX_RRF_K:
        raise bad_parameter(
            f"The rank params k should be in range (0, {MAX_RRF_K}): invalid parameter"
        )
    return lambda _number, rank, _score: 1.0 / (k + rank)


def _weighted(params: dict[str, Any], plans: list[Plan]) -> Scorer:
    if "weights" not in params:
        raise bad_parameter("weights not found in rank_params: invalid parameter")
    weights = params["weights"]
    if not isinstance(weights, list):
        raise bad_parameter("The weights param should be an array: invalid parameter")
    for weight in weights:
        if isinstance(weight, bool) or not isinstance(weight, int | float):
            raise bad_parameter("The type of rank param weight should be float: invalid parameter")
        if not 0 <= weight <= 1:
            raise bad_parameter("rank param weight should be in range [0, 1]: invalid parameter")
    if len(weights) != len(plans):
        raise bad_parameter(
            "the length of weights param mismatch with ann search requests: "
            f"invalid parameter[expected={len(plans)}][actual={len(weights)}]"
        )
    normalize = params.get("norm_score", True)  # `rank` normalizes unless told otherwise.
    if not isinstance(normalize, bool):
        raise bad_parameter("The type of rank param norm_score should be bool: invalid parameter")
    shapes = [_activation(plan.metric, normalize) for plan in plans]
    return lambda number, _rank, score: weights[number] * shapes[number](score)


def _activation(metric: str, normalize: bool) -> Callable[[float], float]:
    """How a score becomes a number that grows with nearness; L2 has to be turned round anyway."""
    if metric == "L2":
        return lambda score: 1.0 - 2.0 * math.atan(score) / math.pi
    if not normalize:
        return lambda score: score
    if metric == "COSINE":
        return lambda score: (1.0 + score) * 0.5
    if metric == "BM25":
        return lambda score: 2.0 * math.atan(score) / math.pi
    return lambda score: 0.5 + math.atan(score) / math.pi


ROUTES: Routes = {
    "entities/search": Route("SearchReqV2", search),
    "entities/hybrid_search": Route("HybridSearchReq", hybrid_search),
    "entities/advanced_search": Route("HybridSearchReq", hybrid_search),
}
