"""Search and hybrid search."""

from __future__ import annotations

import json
import math
import random
import re
from typing import Any

import pytest
from conftest import PREFIX, Client, create, field, key

TEXTS = ["red fox jumps", "blue whale swims", "red whale red", "green fox", "quiet stone"]


@pytest.fixture
def points(milvus: Client, name: str) -> str:
    """Ten points on a line (L2), in three groups."""
    create(
        milvus,
        name,
        key(),
        field("v", "FloatVector", dim=2),
        field("g", "Int64"),
        field("f", "Float"),
        indexParams=[{"fieldName": "v", "metricType": "L2"}],
    )
    data = [{"id": n, "v": [n, 0], "g": n % 3, "f": 0.5} for n in range(10)]
    milvus.ok("entities/insert", {"collectionName": name, "data": data})
    return name


@pytest.fixture
def mixed(milvus: Client, name: str) -> str:
    """Texts with a dense vector and a BM25 function."""
    create(
        milvus,
        name,
        key(),
        field("text", "VarChar", max_length=100, enable_analyzer=True, enable_match=True),
        field("dense", "FloatVector", dim=2),
        field("sparse", "SparseFloatVector"),
        schema={
            "functions": [
                {
                    "name": "bm25",
                    "type": "BM25",
                    "inputFieldNames": ["text"],
                    "outputFieldNames": ["sparse"],
                }
            ]
        },
        indexParams=[
            {"fieldName": "dense", "metricType": "COSINE", "indexType": "HNSW"},
            {
                "fieldName": "sparse",
                "metricType": "BM25",
                "indexType": "SPARSE_INVERTED_INDEX",
                "params": {"inverted_index_algo": "DAAT_MAXSCORE", "bm25_k1": 1.2, "bm25_b": 0.75},
            },
        ],
    )
    data = [
        {"id": n, "text": text, "dense": [math.cos(n), math.sin(n)]} for n, text in enumerate(TEXTS)
    ]
    milvus.ok("entities/insert", {"collectionName": name, "data": data})
    return name


def search(client: Client, name: str, *queries: Any, **more: Any) -> list[dict[str, Any]]:
    return client.ok("entities/search", {"collectionName": name, "data": list(queries), **more})


def ids(hits: list[dict[str, Any]]) -> list[int]:
    return [hit["id"] for hit in hits]


def test_hits_hold_key_and_distance_only(milvus: Client, points: str) -> None:
    body = {"collectionName": points, "data": [[2, 0]], "limit": 3}
    assert milvus("entities/search", body) == {
        "code": 0,
        "cost": 0,
        "data": [{"id": 2, "distance": 0}, {"id": 1, "distance": 1}, {"id": 3, "distance": 1}],
        "topks": [3],
    }


def test_several_queries_are_answered_flat_and_split_by_topks(milvus: Client, points: str) -> None:
    body = {"collectionName": points, "data": [[0, 0], [9, 0]], "limit": 2, "filter": "id < 9"}
    answer = milvus("entities/search", body)
    assert (ids(answer["data"]), answer["topks"]) == ([0, 1, 8, 7], [2, 2])


def test_no_hit_is_an_empty_list_without_topks(milvus: Client, points: str) -> None:
    body = {"collectionName": points, "data": [[0, 0]], "filter": "id > 100"}
    assert milvus("entities/search", body) == {"code": 0, "cost": 0, "data": []}


def test_the_key_comes_under_its_own_name(milvus: Client, name: str) -> None:
    create(
        milvus,
        name,
        field("row", "VarChar", isPrimary=True, max_length=9),
        field("v", "FloatVector", dim=2),
    )
    data = [{"row": "a", "v": [1, 0]}]
    milvus.ok("entities/insert", {"collectionName": name, "data": data})
    assert search(milvus, name, [1, 0]) == [{"row": "a", "distance": 1}]


def test_output_fields_are_added_to_hits(milvus: Client, points: str) -> None:
    assert search(milvus, points, [2, 0], limit=1, outputFields=["g", "f"]) == [
        {"id": 2, "distance": 0, "g": 2, "f": 0.5}
    ]
    assert search(milvus, points, [2, 0], limit=1, outputFields=["*"]) == [
        {"id": 2, "distance": 0, "g": 2, "f": 0.5, "v": [2, 0]}
    ]


def test_dynamic_keys_are_output_only_when_asked_for(milvus: Client, filled: str) -> None:
    query = [1, 0.1, 0, 0]
    assert set(search(milvus, filled, query, limit=1)[0]) == {"id", "distance"}
    (hit,) = search(milvus, filled, query, limit=1, outputFields=["s"])
    assert hit == {"id": 1, "distance": hit["distance"], "s": "s1"}
    (hit,) = search(milvus, filled, query, limit=1, outputFields=["*"])
    assert set(hit) == {"id", "distance", "vector", "n", "s"}


def test_distances_are_float32_in_shortest_form(milvus: Client, points: str) -> None:
    body = {"collectionName": points, "data": [[0.1, 0]], "limit": 1}
    raw = milvus.raw(PREFIX + "entities/search", json.dumps(body).encode()).raw
    assert re.search(rb'"distance":0\.01[0-9]{0,7},', raw), raw


@pytest.mark.parametrize(("metric", "expected"), [("COSINE", 0.6), ("IP", 3.0), ("L2", 20.0)])
def test_each_metric_answers_milvus_scores(
    milvus: Client, name: str, metric: str, expected: float
) -> None:
    milvus.ok("collections/create", {"collectionName": name, "dimension": 2, "metricType": metric})
    data = [{"id": 1, "vector": [3, 4]}]
    milvus.ok("entities/insert", {"collectionName": name, "data": data})
    for flushed in (False, True):
        if flushed:
            milvus.ok("collections/flush", {"collectionName": name})
        (hit,) = search(milvus, name, [1, 0])
        assert hit["distance"] == pytest.approx(expected, rel=1e-6)


def test_filter_offset_and_limit(milvus: Client, points: str) -> None:
    assert ids(search(milvus, points, [0, 0], filter="g == 1")) == [1, 4, 7]
    assert ids(search(milvus, points, [0, 0], limit=3, offset=2)) == [2, 3, 4]
    assert ids(
        search(milvus, points, [0, 0], filter="g in {g}", exprParams={"g": [0]}, limit=2)
    ) == [0, 3]


@pytest.mark.parametrize(
    ("code", "body", "words"),
    [
        (1100, {"limit": 0}, "topk [0] is invalid, it should be in range [1, 16384], but got 0"),
        (1100, {"limit": -1}, "but got -1"),
        (1100, {"limit": 16385}, "but got 16385"),
        (1100, {"limit": 1, "offset": 16384}, "offset+topk [16385] is invalid"),
        (1100, {"offset": -1}, "offset [-1] is invalid"),
        (1801, {"annsField": "zz"}, "cannot find a vector field: field not found[field=zz]"),
        (1801, {"annsField": "g"}, "cannot find a vector field"),
        (1801, {"data": [[1, 2, 3]]}, "dimension: 2, but length of []float: 3"),
        (1801, {"data": [["1", "2"]]}, "expected=FloatVector"),
        (1801, {"data": ["text"]}, "expected=FloatVector"),
        (1801, {"data": [{"1": 0.5}]}, "expected=FloatVector"),
        (1801, {"data": "text"}, "cannot unmarshal string"),
        (1100, {"data": [[1e39, 0]]}, "is not a number or infinity"),
        (1802, {"data": []}, "either 'ids' (for primary key search) or 'data'"),
        (1802, {"data": None}, "either 'ids'"),
        (1100, {"ids": [1]}, "primary keys (ids) and query vectors (data) are mutually exclusive"),
        (1100, {"filter": "zz > 1"}, "cannot parse expression: zz > 1"),
        (1100, {"searchParams": {"metric_type": "IP"}}, "metric type not match"),
        (1100, {"searchParams": {"params": 5}}, "searchParams.params must be a dict"),
        (1100, {"searchParams": {"ef": 20, "params": {"ef": 30}}}, "ambiguous parameter: ef"),
        (1100, {"searchParams": {"radius": "x"}}, "radius"),
        (1100, {"searchParams": {"radius": 1, "range_filter": 2}}, "must be less than"),
        (1100, {"searchParams": {"range_filter": 2}}, "must come with radius"),
        (1100, {"searchParams": {"round_decimal": 9}}, "round_decimal"),
        (1700, {"groupingField": "zz"}, "groupBy field not found in schema"),
        (1100, {"groupingField": "v"}, "is not supported"),
        (1100, {"groupingField": "g", "groupSize": 11}, "exceeds configured max group size:10"),
        (1100, {"groupingField": "g", "groupSize": -1}, "group size:-1"),
        (1100, {"functionScore": {"functions": [{}]}}, "Unsupported function type: "),
        (1100, {"searchAggregation": {"size": 1}}, "searchAggregation"),
    ],
)
def test_a_bad_search_is_refused(
    milvus: Client, points: str, code: int, body: dict[str, Any], words: str
) -> None:
    base = {"collectionName": points, "data": [[0, 0]]}
    assert words in milvus.refused(code, "entities/search", {**base, **body})


def test_with_several_vector_fields_one_has_to_be_named(milvus: Client, mixed: str) -> None:
    body = {"collectionName": mixed, "data": [[0, 0]]}
    message = milvus.refused(1801, "entities/search", body)
    assert "already found multiple vector fields: [dense, sparse,,,]" in message


def test_a_range_is_exact_on_both_sides(milvus: Client, points: str) -> None:
    def within(**params: Any) -> list[int]:
        return ids(search(milvus, points, [0, 0], limit=2, searchParams=params))

    assert within(radius=16) == [0, 1]
    assert within(radius=50, range_filter=16) == [4, 5]
    assert within(params={"radius": 50, "range_filter": 36.5}) == [7]


def test_a_range_of_cosine_grows_the_other_way(milvus: Client, filled: str) -> None:
    hits = search(
        milvus,
        filled,
        [1, 0, 0, 0],
        searchParams={"radius": 0.8, "range_filter": 0.95},
    )
    assert ids(hits) == [4, 5, 6, 7]
    assert all(0.8 < hit["distance"] <= 0.95 for hit in hits)


def test_distances_can_be_rounded(milvus: Client, filled: str) -> None:
    (hit,) = search(milvus, filled, [1, 1, 0, 0], limit=1, searchParams={"round_decimal": 2})
    assert hit["distance"] == 1


def test_groups_come_in_order_of_their_best_hit(milvus: Client, points: str) -> None:
    body: dict[str, Any] = {"groupingField": "g"}
    assert ids(search(milvus, points, [0, 0], **body)) == [0, 1, 2]
    assert ids(search(milvus, points, [0, 0], **body, groupSize=2)) == [0, 3, 1, 4, 2, 5]
    assert ids(search(milvus, points, [0, 0], **body, groupSize=2, limit=1, offset=1)) == [1, 4]
    hits = search(milvus, points, [0, 0], **body, limit=1, outputFields=["g"])
    assert hits == [{"id": 0, "distance": 0, "g": 0}]


def test_a_small_group_far_away_is_found(milvus: Client, points: str) -> None:
    near = [{"id": n, "v": [0, n / 1000], "g": 7, "f": 0} for n in range(100, 700)]
    milvus.ok("entities/insert", {"collectionName": points, "data": near})
    hits = search(milvus, points, [0, 0], groupingField="g", limit=4)
    assert ids(hits)[:1] == [0] and len(hits) == 4


def test_search_by_ids_uses_the_rows_vectors(milvus: Client, points: str) -> None:
    body = {"collectionName": points, "ids": [2, "9"], "limit": 2}
    answer = milvus("entities/search", body)
    assert (ids(answer["data"]), answer["topks"]) == ([2, 1, 9, 8], [2, 2])


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([99], "do not exist"),
        ([1, 1], "duplicate IDs"),
        ([1, 1.5], "invalid int64 id at index 1: 1.5 has fractional part"),
        ([True], "invalid id type at index 0: expected int64, got bool"),
        ([None], "got <nil>"),
        ([[1]], "got []interface {}"),
        ([""], "invalid int64 id at index 0: "),
        (["x"], "invalid int64 id at index 0: x"),
        (["9223372036854775808"], "value out of range"),
        ([1e300], "value out of range"),
    ],
)
def test_search_by_bad_ids_is_1100(
    milvus: Client, points: str, given: list[Any], words: str
) -> None:
    message = milvus.refused(1100, "entities/search", {"collectionName": points, "ids": given})
    assert words in message


def test_ef_must_reach_the_limit(milvus: Client, mixed: str) -> None:
    body = {
        "collectionName": mixed,
        "annsField": "dense",
        "data": [[1, 0]],
        "limit": 5,
        "searchParams": {"ef": 3},
    }
    assert "ef(3) should be larger than k(5)" in milvus.refused(1100, "entities/search", body)
    body["searchParams"] = {"params": {"ef": 50}}
    assert len(milvus.ok("entities/search", body)) == 5


def test_text_search_scores_are_positive_and_best_first(milvus: Client, mixed: str) -> None:
    for flushed in (False, True):
        if flushed:
            milvus.ok("collections/flush", {"collectionName": mixed})
        hits = search(milvus, mixed, "red whale", annsField="sparse", outputFields=["text"])
        assert ids(hits)[0] == 2 and set(ids(hits)) == {0, 1, 2}
        scores = [hit["distance"] for hit in hits]
        assert scores == sorted(scores, reverse=True) and scores[-1] > 0
    assert search(milvus, mixed, "nothing here", annsField="sparse") == []


def test_text_search_takes_a_filter_and_only_texts(milvus: Client, mixed: str) -> None:
    hits = search(milvus, mixed, "red whale", annsField="sparse", filter="id < 2")
    assert set(ids(hits)) == {0, 1}
    body = {"collectionName": mixed, "annsField": "sparse", "data": [{"1": 0.5}]}
    milvus.refused(1801, "entities/search", body)
    assert ids(search(milvus, mixed, [1, 0], annsField="dense", filter='text like "%fox%"')) == [
        0,
        3,
    ]
    hits = search(milvus, mixed, [1, 0], annsField="dense", filter='text_match(text, "fox")')
    assert ids(hits) == [0, 3]


def test_sparse_vectors_are_searched_by_both_forms(milvus: Client, name: str) -> None:
    create(milvus, name, key(), field("sp", "SparseFloatVector"))
    data = [{"id": n, "sp": {"1": n, str(10 + n): 1}} for n in (1, 2, 3)]
    milvus.ok("entities/insert", {"collectionName": name, "data": data})
    for query in ({"1": 0.5}, {"indices": [1], "values": [0.5]}):
        hits = search(milvus, name, query, searchParams={"drop_ratio_search": 0.2})
        assert hits == [
            {"id": 3, "distance": 1.5},
            {"id": 2, "distance": 1},
            {"id": 1, "distance": 0.5},
        ]
    milvus.refused(1801, "entities/search", {"collectionName": name, "data": [[1, 2]]})


def test_search_after_delete_and_upsert_sees_the_new_state(milvus: Client, points: str) -> None:
    milvus.ok("collections/flush", {"collectionName": points})
    milvus.ok("entities/delete", {"collectionName": points, "filter": "id == 0"})
    row = {"id": 1, "v": [100, 0], "g": 0, "f": 0}
    milvus.ok("entities/upsert", {"collectionName": points, "data": [row]})
    assert ids(search(milvus, points, [0, 0], limit=3)) == [2, 3, 4]
    milvus.ok("collections/flush", {"collectionName": points})
    assert ids(search(milvus, points, [0, 0], limit=3)) == [2, 3, 4]
    assert ids(search(milvus, points, [100, 0], limit=1)) == [1]


# ── hybrid ──────────────────────────────────────────────────────

DENSE = {"data": [[1, 0]], "annsField": "dense", "limit": 5}
SPARSE = {"data": ["red whale"], "annsField": "sparse", "limit": 5}


def hybrid(client: Client, name: str, rerank: Any, *parts: Any, **more: Any) -> dict[str, Any]:
    body = {"collectionName": name, "search": list(parts) or [DENSE, SPARSE], **more}
    if rerank is not None:
        body["rerank"] = rerank
    return client("entities/hybrid_search", body)


def test_rrf_adds_reciprocal_ranks(milvus: Client, mixed: str) -> None:
    dense = ids(search(milvus, mixed, [1, 0], annsField="dense"))
    sparse = ids(search(milvus, mixed, "red whale", annsField="sparse"))
    expected = {
        each: sum(1 / (60 + ranks.index(each) + 1) for ranks in (dense, sparse) if each in ranks)
        for each in dense
    }
    answer = hybrid(milvus, mixed, {"strategy": "rrf"})
    assert (answer["cost"], answer["topks"]) == (0, [5])
    order = sorted(expected, key=lambda each: (-expected[each], each))
    assert ids(answer["data"]) == order
    for hit in answer["data"]:
        assert hit["distance"] == pytest.approx(expected[hit["id"]], rel=1e-6)


def test_weighted_normalizes_if_told_to(milvus: Client, mixed: str) -> None:
    dense = {h["id"]: h["distance"] for h in search(milvus, mixed, [1, 0], annsField="dense")}
    sparse = {
        h["id"]: h["distance"] for h in search(milvus, mixed, "red whale", annsField="sparse")
    }
    for normalize in (True, False, None):
        params: dict[str, Any] = {"weights": [0.8, 0.2]}
        if normalize is not None:
            params["norm_score"] = normalize
        answer = hybrid(milvus, mixed, {"strategy": "weighted", "params": params})
        for hit in answer["data"]:
            first, second = dense[hit["id"]], sparse.get(hit["id"])
            if normalize:
                first = (1 + first) / 2
                second = second and 2 * math.atan(second) / math.pi
            expected = 0.8 * first + 0.2 * (second or 0)
            assert hit["distance"] == pytest.approx(expected, rel=1e-5)


def test_hybrid_output_limit_offset_and_old_name(milvus: Client, mixed: str) -> None:
    whole = ids(hybrid(milvus, mixed, {"strategy": "rrf"})["data"])
    body = {
        "collectionName": mixed,
        "search": [DENSE, SPARSE],
        "rerank": {"strategy": "rrf", "params": {"k": 60}},
        "limit": 2,
        "offset": 1,
        "outputFields": ["text"],
    }
    hits = milvus.ok("entities/advanced_search", body)
    assert ids(hits) == whole[1:3]
    assert [hit["text"] for hit in hits] == [TEXTS[each] for each in whole[1:3]]
    assert set(hits[0]) == {"id", "distance", "text"}


def test_each_part_of_a_hybrid_search_has_its_own_filter(milvus: Client, mixed: str) -> None:
    parts = (
        {**DENSE, "filter": "id == 4"},
        {**SPARSE, "filter": "id == {n}", "exprParams": {"n": 2}},
    )
    assert set(ids(hybrid(milvus, mixed, {"strategy": "rrf"}, *parts)["data"])) == {2, 4}


def test_hybrid_search_groups(milvus: Client, mixed: str) -> None:
    answer = hybrid(milvus, mixed, {"strategy": "rrf"}, groupingField="text", limit=3)
    assert len(answer["data"]) == 3


@pytest.mark.parametrize(
    ("code", "rerank", "parts", "words"),
    [
        (1100, None, [], "unsupported rank type "),
        (1100, {"strategy": "best"}, [], "unsupported rank type best"),
        (1100, {"strategy": "rrf", "params": {"k": 0}}, [], "should be in range (0, 16384)"),
        (1100, {"strategy": "rrf", "params": {"k": "60"}}, [], "k should be float"),
        (1100, {"strategy": "weighted"}, [], "weighted reranker requires weights"),
        (1100, {"strategy": "weighted", "params": {"weights": [1]}}, [], "mismatch"),
        (1100, {"strategy": "weighted", "params": {"weights": [1, 2]}}, [], "range [0, 1]"),
        (1100, {"strategy": "rrf"}, [{**DENSE, "limit": 0}], "topk [0] is invalid"),
        (
            1100,
            {"strategy": "rrf"},
            [{"data": [[1, 0]], "annsField": "dense"}],
            "topk [0] is invalid",
        ),
        (1801, {"strategy": "rrf"}, [{"annsField": "dense", "limit": 1}], "missing data"),
        (1801, {"strategy": "rrf"}, [{"data": [[1, 0]], "limit": 1}], "multiple vector fields"),
        (1801, {"strategy": "rrf"}, [{**DENSE, "data": [[1]]}], "dimension: 2"),
        (1100, {"strategy": "rrf"}, [{**DENSE, "data": [[1, 0], [0, 1]]}, SPARSE], "nq"),
        (1100, {"strategy": "rrf"}, [{**DENSE, "params": {"metric_type": "L2"}}], "not match"),
    ],
)
def test_a_bad_hybrid_search_is_refused(
    milvus: Client, mixed: str, code: int, rerank: Any, parts: list[Any], words: str
) -> None:
    answer = hybrid(milvus, mixed, rerank, *parts)
    assert answer["code"] == code and words in answer["message"], answer


def test_a_hybrid_search_without_parts_is_1100(milvus: Client, mixed: str) -> None:
    body = {"collectionName": mixed, "rerank": {"strategy": "rrf"}}
    milvus.refused(1100, "entities/hybrid_search", body)


def test_function_score_may_stand_for_rerank(milvus: Client, mixed: str) -> None:
    score = {"functions": [{"name": "f", "type": "Rerank", "params": {"reranker": "rrf"}}]}
    assert hybrid(milvus, mixed, None, functionScore=score) == hybrid(
        milvus, mixed, {"strategy": "rrf"}
    )
    score["functions"][0]["params"] = {"reranker": "model"}
    assert hybrid(milvus, mixed, None, functionScore=score)["code"] == 1100


# ── hits that Lite's index would lose ───────────────────────────


def test_a_search_after_many_changes_finds_every_row_and_its_latest_state(
    milvus: Client, name: str
) -> None:
    milvus.ok("collections/create", {"collectionName": name, "dimension": 8})
    chance = random.Random(7)
    live: dict[int, int] = {}
    for turn in range(15):
        keys = chance.sample(range(300), 30)
        data = [
            {"id": each, "vector": [chance.random() for _ in range(8)], "n": turn} for each in keys
        ]
        milvus.ok("entities/upsert", {"collectionName": name, "data": data})
        live.update(dict.fromkeys(keys, turn))
        gone = chance.sample(sorted(live), 5)
        milvus.ok("entities/delete", {"collectionName": name, "filter": f"id in {gone}"})
        for each in gone:
            del live[each]
        if turn % 3 == 0:
            milvus.ok("collections/flush", {"collectionName": name})
        hits = search(milvus, name, [1] * 8, limit=1000, outputFields=["n"])
        assert {hit["id"]: hit["n"] for hit in hits} == live
        scores = [hit["distance"] for hit in hits]
        assert scores == sorted(scores, reverse=True)


def test_a_filter_that_few_rows_pass_loses_none_of_them(milvus: Client, name: str) -> None:
    milvus.ok("collections/create", {"collectionName": name, "dimension": 4, "metricType": "L2"})
    data = [{"id": n, "vector": [n, 0, 0, 0], "rare": n % 400 == 399} for n in range(2000)]
    milvus.ok("entities/insert", {"collectionName": name, "data": data})
    milvus.ok("collections/flush", {"collectionName": name})
    hits = search(milvus, name, [0, 0, 0, 0], filter="rare == true", limit=10)
    assert ids(hits) == [399, 799, 1199, 1599, 1999]


@pytest.mark.parametrize("metric", ["COSINE", "IP", "L2"])
def test_scores_are_the_same_with_and_without_a_filter(
    milvus: Client, name: str, metric: str
) -> None:
    milvus.ok("collections/create", {"collectionName": name, "dimension": 3, "metricType": metric})
    chance = random.Random(3)
    data = [{"id": n, "vector": [chance.gauss(0, 1) for _ in range(3)]} for n in range(50)]
    milvus.ok("entities/insert", {"collectionName": name, "data": data})
    for flushed in (False, True):
        if flushed:
            milvus.ok("collections/flush", {"collectionName": name})
        bare = search(milvus, name, [1, 2, 3], limit=10)
        filtered = search(milvus, name, [1, 2, 3], limit=10, filter="id >= 0")
        assert ids(bare) == ids(filtered)
        for one, two in zip(bare, filtered, strict=True):
            assert one["distance"] == pytest.approx(two["distance"], rel=1e-5)


def test_text_scores_do_not_depend_on_how_rows_lie_in_segments(
    milvus: Client, name: str, other: str
) -> None:
    chance = random.Random(11)
    words = ["red", "blue", "green", "fox", "whale", "stone"]
    texts = [" ".join(chance.choices(words, k=chance.randint(2, 9))) for _ in range(60)]
    answers = []
    for collection, flushes in ((name, {59}), (other, {9, 29, 49})):
        create(
            milvus,
            collection,
            key(),
            field("text", "VarChar", max_length=100, enable_analyzer=True),
            field("sparse", "SparseFloatVector"),
            schema={
                "functions": [
                    {
                        "name": "f",
                        "type": "BM25",
                        "inputFieldNames": ["text"],
                        "outputFieldNames": ["sparse"],
                    }
                ]
            },
        )
        for number, text in enumerate(texts):
            row = {"id": number, "text": text}
            milvus.ok("entities/insert", {"collectionName": collection, "data": [row]})
            if number in flushes:
                milvus.ok("collections/flush", {"collectionName": collection})
        hits = [
            search(milvus, collection, "red fox", annsField="sparse", limit=60, filter=expression)
            for expression in ("", "id < 30")
        ]
        answers.append([{hit["id"]: hit["distance"] for hit in each} for each in hits])
        assert all(each["distance"] > 0 for each in hits[0])
    for whole, pieces in zip(*answers, strict=True):
        assert pieces == pytest.approx(whole, rel=1e-5)
