"""Rank functions, function chains, orders and aggregations over the hits of a search."""

from __future__ import annotations

import math
from typing import Any

import pytest
from conftest import Client, create, field, key

# (id, x of the vector, ts, price, brand); L2 distances from the origin are x squared.
ITEMS = [
    (1, 0.0, 10, 5, "acme"),
    (2, 0.1, 20, 1, "best"),
    (3, 0.2, 30, None, "acme"),
    (4, 0.3, 40, 7, "core"),
    (5, 0.4, 50, 3, "best"),
    (6, 0.5, 60, 2, "acme"),
]


@pytest.fixture
def items(milvus: Client, name: str) -> str:
    """Six rows on a line, by L2."""
    create(
        milvus,
        name,
        key(),
        field("v", "FloatVector", dim=2),
        field("ts", "Int64"),
        field("price", "Int64", nullable=True),
        field("brand", "VarChar", max_length=20),
        field("words", "JSON", nullable=True),
        schema={"enableDynamicField": True},
        indexParams=[{"fieldName": "v", "metricType": "L2", "indexType": "FLAT"}],
    )
    data = [
        {"id": n, "v": [x, 0], "ts": ts, "price": price, "brand": brand, "rank": -n}
        for n, x, ts, price, brand in ITEMS
    ]
    milvus.ok("entities/insert", {"collectionName": name, "data": data})
    return name


def body(name: str, **more: Any) -> dict[str, Any]:
    return {"collectionName": name, "data": [[0, 0]], "annsField": "v", "limit": 6, **more}


def hits(milvus: Client, name: str, **more: Any) -> list[dict[str, Any]]:
    return milvus.ok("entities/search", body(name, **more))


def ids(found: list[dict[str, Any]]) -> list[int]:
    return [hit["id"] for hit in found]


def score(given: dict[str, Any], inputs: list[str] | None = None, **more: Any) -> dict[str, Any]:
    function = {"name": "f", "type": "Rerank", "inputFieldNames": inputs or [], "params": given}
    return {"functions": [function], **more}


# ── functionScore ───────────────────────────────────────────────


def test_a_boost_lifts_the_rows_of_its_filter(milvus: Client, items: str) -> None:
    boost = score(
        {"reranker": "boost", "filter": "ts >= 50", "weight": 10}, params={"boost_mode": "sum"}
    )
    found = hits(milvus, items, functionScore=boost)
    assert ids(found) == [5, 6, 1, 2, 3, 4]
    assert found[0]["distance"] == pytest.approx(0.16 - 10)


def test_a_boost_multiplies_unless_told_otherwise(milvus: Client, items: str) -> None:
    boost = score({"reranker": "boost", "filter": "id == 4", "weight": 0.01})
    assert ids(hits(milvus, items, functionScore=boost)) == [1, 4, 2, 3, 5, 6]


def test_several_boosts_are_multiplied_or_summed(milvus: Client, items: str) -> None:
    functions = [
        {
            "name": f"f{n}",
            "type": "Rerank",
            "inputFieldNames": [],
            "params": {"reranker": "boost", "filter": "id == 6", "weight": weight},
        }
        for n, weight in enumerate((2, 3))
    ]
    for mode, factor in (("multiply", 6), ("sum", 5)):
        given = {"functions": functions, "params": {"function_mode": mode}}
        last = hits(milvus, items, functionScore=given)[-1]
        assert last["distance"] == pytest.approx(0.25 * factor, rel=1e-5)


def test_a_random_boost_depends_on_its_seed_alone(milvus: Client, items: str) -> None:
    def order(seed: int) -> list[int]:
        params = {"reranker": "boost", "weight": 1, "random_score": {"seed": seed, "field": "ts"}}
        return ids(hits(milvus, items, functionScore=score(params, params={"boost_mode": "sum"})))

    assert order(1) == order(1)
    assert len({tuple(order(seed)) for seed in range(8)}) > 1


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ("linear", lambda d: max(0.5, 1 - 0.5 / 20 * d)),
        ("exp", lambda d: math.exp(math.log(0.5) / 20 * d)),
        ("gauss", lambda d: math.exp(d * d * math.log(0.5) / 400)),
    ],
)
def test_decay_multiplies_nearness_with_nearness_in_time(
    milvus: Client, items: str, function: str, expected: Any
) -> None:
    params = {"reranker": "decay", "function": function, "origin": 60, "scale": 20, "offset": 5}
    found = hits(milvus, items, functionScore=score(params, ["ts"]))
    assert found == sorted(found, key=lambda hit: -hit["distance"])
    for hit in found:
        _, x, ts, _, _ = ITEMS[hit["id"] - 1]
        nearness = 1 - 2 * math.atan(x * x) / math.pi
        away = max(0, abs(ts - 60) - 5)
        assert hit["distance"] == pytest.approx(nearness * expected(away), rel=1e-5)
    assert set(found[0]) == {"id", "distance"}


@pytest.mark.parametrize(
    ("code", "given", "words"),
    [
        (1100, score({"reranker": "best"}), "unsupported reranker best"),
        (1101, score({}), "reranker name not specified"),
        (1101, score({"reranker": "boost"}), "must set weight params"),
        (1100, score({"reranker": "boost", "weight": "x"}), "is not a number"),
        (1100, score({"reranker": "boost", "weight": 1, "filter": "zz ="}), "cannot parse"),
        (1101, score({"reranker": "decay"}, ["ts"]), "decay function not specified"),
        (
            1100,
            score({"reranker": "decay", "function": "x", "origin": 1, "scale": 1}, ["ts"]),
            "invalid function",
        ),
        (
            1100,
            score({"reranker": "decay", "function": "exp", "origin": 1, "scale": 0}, ["ts"]),
            "scale must be > 0",
        ),
        (
            1100,
            score({"reranker": "decay", "function": "exp", "origin": 1, "scale": 1}, ["brand"]),
            "is not numeric",
        ),
        (
            1100,
            score({"reranker": "decay", "function": "exp", "origin": 1, "scale": 1}),
            "requires exactly 1 input field",
        ),
        (1100, score({"reranker": "model", "provider": "tei"}, ["brand"]), "reranker model"),
        (1100, score({"reranker": "rrf", "k": 0}), "should be in range (0, 16384)"),
        (1100, score({"reranker": "weighted", "weights": [1, 1]}), "mismatch"),
    ],
)
def test_a_bad_function_score_is_refused(
    milvus: Client, items: str, code: int, given: dict[str, Any], words: str
) -> None:
    message = milvus.refused(code, "entities/search", body(items, functionScore=given))
    assert words in message


def test_hybrid_search_weighs_distances_upwards_or_downwards(milvus: Client, items: str) -> None:
    part = {"data": [[0, 0]], "annsField": "v", "limit": 6}
    rerank = {"strategy": "weighted", "params": {"weights": [0.5, 0.5]}}
    given = {"collectionName": items, "search": [part, part], "rerank": rerank, "limit": 6}
    found = milvus.ok("entities/hybrid_search", given)
    assert ids(found) == [1, 2, 3, 4, 5, 6]  # L2 alone stays a distance
    assert found[1]["distance"] == pytest.approx(0.01, rel=1e-4)
    rerank["params"]["norm_score"] = True
    assert milvus.ok("entities/hybrid_search", given)[0]["distance"] == 1


# ── functionChains ──────────────────────────────────────────────


def chain(*ops: dict[str, Any], stage: str = "L2Rerank") -> list[dict[str, Any]]:
    return [{"name": "c", "stage": f"FunctionChainStage{stage}", "ops": list(ops)}]


def mapped(output: str, *columns: Any, **params: Any) -> dict[str, Any]:
    arguments = [
        {"column": each} if isinstance(each, str) else {"literal": each} for each in columns
    ]
    expression = {"name": "num_combine", "args": arguments, "params": params}
    return {"op": "map", "outputs": [output], "expr": expression}


SORT = {"op": "sort", "inputs": ["$score"], "params": {"desc": True}}


def test_a_chain_computes_sorts_and_limits(milvus: Client, items: str) -> None:
    chains = chain(
        mapped("sum", "$score", "ts", mode="sum"),
        mapped("$score", "sum", 2, mode="multiply"),
        SORT,
        {"op": "limit", "params": {"limit": 2, "offset": 1}},
    )
    found = hits(milvus, items, functionChains=chains)
    assert ids(found) == [5, 4]
    assert found[0]["distance"] == pytest.approx(2 * (50 + 0.16))
    assert set(found[0]) == {"id", "distance"}


def test_a_chain_of_stage_l0_counts_distances_downwards(milvus: Client, items: str) -> None:
    weighted = mapped("$score", "$score", "ts", mode="weighted", weights=[1, 0.002])
    found = hits(milvus, items, functionChains=chain(weighted, stage="L0Rerank"))
    assert ids(found)[0] == 2
    assert found[0]["distance"] == pytest.approx(0.01 - 0.04)


@pytest.mark.parametrize(
    ("chains", "words"),
    [
        (chain(mapped("$x", "$score", "ts")), '"$x" is not writable'),
        (chain(mapped("$id", "$score", "ts")), '"$id" is not writable'),
        (chain(mapped("$score", "$seg_offset", 1)), '"$seg_offset" is not supported'),
        (chain(mapped("$score", "$score", "zz")), "neither a previous output nor a collection"),
        (chain(mapped("$score", "$score", "v")), "unsupported field type"),
        (chain(mapped("$score", "$score")), "expected at least 2 input columns"),
        (chain(mapped("$score", "$score", "ts", mode="x")), "invalid mode"),
        (chain(SORT, stage="Ingestion"), "FunctionChainStageIngestion is not supported in search"),
        (chain(SORT, stage="L1Rerank"), "is not supported yet"),
        (chain(SORT, stage="Nope"), "unsupported function chain stage"),
        (chain(), "must contain at least one op"),
        (chain(SORT) * 2, "appears more than once"),
        (chain({"op": "nope"}), "unknown operator type: nope"),
        (chain({"op": "limit", "params": {"limit": 0}}), "limit must be a positive integer"),
        (chain({"op": "select", "inputs": ["$id"]}), "functionChains operator select"),
    ],
)
def test_a_bad_chain_is_1100(
    milvus: Client, items: str, chains: list[dict[str, Any]], words: str
) -> None:
    assert words in milvus.refused(1100, "entities/search", body(items, functionChains=chains))


def test_a_chain_and_a_function_score_exclude_each_other(milvus: Client, items: str) -> None:
    both = body(items, functionChains=chain(SORT), functionScore=score({"reranker": "rrf"}))
    words = "function_score and function_chains cannot be used together"
    assert words in milvus.refused(1100, "entities/search", both)


# ── order ───────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("price", [2, 6, 5, 1, 4, 3]),
        ("price:desc", [3, 4, 1, 5, 6, 2]),
        ("price:desc:nulls_last", [4, 1, 5, 6, 2, 3]),
        ("brand,ts:desc", [6, 3, 1, 5, 2, 4]),
        ("rank", [6, 5, 4, 3, 2, 1]),
    ],
)
def test_hits_come_in_the_order_of_fields(
    milvus: Client, items: str, order: str, expected: list[int]
) -> None:
    assert ids(hits(milvus, items, searchParams={"order_by_fields": order})) == expected


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ("words", "is not sortable"),
        ("price:up", "invalid order direction 'up'"),
        ("price:asc:first", "invalid null ordering 'first'"),
    ],
)
def test_a_bad_order_is_1100(milvus: Client, items: str, order: str, words: str) -> None:
    given = body(items, searchParams={"order_by_fields": order})
    assert words in milvus.refused(1100, "entities/search", given)


# ── searchAggregation ───────────────────────────────────────────


def test_hits_are_put_in_buckets(milvus: Client, items: str) -> None:
    aggregation = {
        "fields": ["brand"],
        "size": 2,
        "searchSize": 6,
        "metrics": {
            "n": {"op": "count", "fieldName": "*"},
            "sum": {"op": "sum", "fieldName": "price"},
            "mean": {"op": "avg", "fieldName": "price"},
            "first": {"op": "min", "fieldName": "brand"},
        },
        "order": [{"key": "_count", "direction": "desc"}, {"key": "_key", "direction": "asc"}],
        "topHits": {"size": 3, "sort": [{"fieldName": "ts", "direction": "desc"}]},
        "subAggregation": {"fields": ["ts"], "size": 6},
    }
    answer = milvus(
        "entities/search", body(items, outputFields=["ts"], searchAggregation=aggregation)
    )
    assert answer["aggTopks"] == [2]
    acme, best = answer["data"][0]["buckets"]
    assert acme["key"] == [{"fieldName": "brand", "fieldId": 104, "value": "acme"}]
    assert (acme["count"], acme["metrics"]) == (
        3,
        {"n": 3, "sum": 7, "mean": 3.5, "first": "acme"},
    )
    assert [(hit["id"], hit["ts"]) for hit in acme["hits"]] == [(6, 60), (3, 30), (1, 10)]
    assert [group["key"][0]["value"] for group in acme["subGroups"]] == [10, 30, 60]
    assert best["count"] == 2


def test_a_bucket_holds_no_more_hits_of_a_group_than_it_shows(milvus: Client, items: str) -> None:
    aggregation = {"fields": ["brand"], "size": 3}
    answer = milvus("entities/search", body(items, searchAggregation=aggregation))
    assert [bucket["count"] for bucket in answer["data"][0]["buckets"]] == [1, 1, 1]


def test_numbers_of_buckets_are_text_when_the_header_says_so(milvus: Client, items: str) -> None:
    aggregation = {"fields": ["ts"], "size": 1, "metrics": {"s": {"op": "sum", "fieldName": "ts"}}}
    answer = milvus(
        "entities/search",
        body(items, searchAggregation=aggregation),
        {"Accept-Type-Allow-Int64": "false"},
    )
    (bucket,) = answer["data"][0]["buckets"]
    assert (bucket["key"][0]["value"], bucket["count"]) == ("10", "1")
    assert bucket["metrics"] == {"s": "10"}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"fields": ["zz"], "size": 1}, "zz"),
        ({"fields": ["brand", "brand"], "size": 1}, "duplicated group_by field"),
        ({"fields": ["words"], "size": 1}, "JSON / dynamic fields are not yet supported"),
        (
            {
                "fields": ["brand"],
                "size": 1,
                "metrics": {"m": {"op": "sum", "fieldName": "brand"}},
            },
            "does not support data type VarChar",
        ),
        (
            {"fields": ["brand"], "size": 1, "order": [{"key": "zz", "direction": "asc"}]},
            "neither reserved key nor metric alias",
        ),
    ],
)
def test_a_bad_aggregation_is_1100(
    milvus: Client, items: str, given: dict[str, Any], words: str
) -> None:
    assert words in milvus.refused(1100, "entities/search", body(items, searchAggregation=given))


# ── rows that a search leaves out ───────────────────────────────


@pytest.mark.parametrize("key_name", ["ignoreGrowing", "ignore_growing"])
def test_growing_rows_are_left_out_when_asked_for(
    milvus: Client, items: str, key_name: str
) -> None:
    params = {key_name: True}
    assert hits(milvus, items, searchParams=params) == []
    milvus.ok("collections/flush", {"collectionName": items})
    data = [{"id": 7, "v": [0, 0], "ts": 1, "brand": "new"}]
    milvus.ok("entities/insert", {"collectionName": items, "data": data})
    assert ids(hits(milvus, items, searchParams=params)) == [1, 2, 3, 4, 5, 6]
    assert 7 in ids(hits(milvus, items, searchParams={key_name: False}))


def test_a_filtered_search_of_a_second_vector_field_looks_at_that_field(
    milvus: Client, name: str
) -> None:
    create(
        milvus,
        name,
        key(),
        field("first", "FloatVector", dim=2),
        field("second", "FloatVector", dim=3),
        indexParams=[
            {"fieldName": "first", "metricType": "L2"},
            {"fieldName": "second", "metricType": "L2"},
        ],
    )
    data = [{"id": n, "first": [n, 0], "second": [9 - n, 0, 0]} for n in range(10)]
    milvus.ok("entities/insert", {"collectionName": name, "data": data})
    milvus.ok("collections/flush", {"collectionName": name})
    given = {"collectionName": name, "data": [[0, 0, 0]], "annsField": "second", "limit": 2}
    assert ids(milvus.ok("entities/search", {**given, "filter": "id < 8"})) == [7, 6]


# ── partition key isolation ─────────────────────────────────────


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("", "partition key not found in expr"),
        ("n > 0", "partition key not found in expr"),
        ('tenant in ["a", "b"]', "does not support IN"),
        ('tenant == "a" or n > 0', "does not support OR"),
        ('not (tenant == "a")', "does not support NOT"),
        ('tenant > "a"', "does not support GreaterThan"),
    ],
)
def test_with_isolation_a_search_names_one_value_of_the_partition_key(
    milvus: Client, name: str, expression: str, words: str
) -> None:
    create(
        milvus,
        name,
        key(),
        field("v", "FloatVector", dim=2),
        field("tenant", "VarChar", max_length=9, isPartitionKey=True),
        field("n", "Int64"),
        params={"partitionKeyIsolation": True},
    )
    data = [{"id": n, "v": [n, 1], "tenant": "ab"[n % 2], "n": n} for n in range(4)]
    milvus.ok("entities/insert", {"collectionName": name, "data": data})
    part = {"data": [[1, 1]], "annsField": "v", "limit": 4}
    given = {"collectionName": name, **part}
    found = milvus.ok("entities/search", {**given, "filter": 'tenant == "a" and n >= 0'})
    assert set(ids(found)) == {0, 2}
    assert words in milvus.refused(1100, "entities/search", {**given, "filter": expression})
    whole = {"collectionName": name, "rerank": {"strategy": "rrf"}}
    whole["search"] = [{**part, "filter": expression}]
    assert words in milvus.refused(1100, "entities/hybrid_search", whole)
