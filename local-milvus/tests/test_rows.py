"""Insert, upsert, delete, query, get, and every type on its way in and out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from conftest import PREFIX, Client, create, field, key, rows_of

VECTOR = field("v", "FloatVector", dim=2)
EXTREMES = [-(2**63), -(2**53) - 1, 0, 2**53 + 1, 2**63 - 1]


def insert(client: Client, name: str, *rows: dict[str, Any], **more: Any) -> dict[str, Any]:
    return client("entities/insert", {"collectionName": name, "data": list(rows), **more})


def row(number: int = 1, **more: Any) -> dict[str, Any]:
    return {"id": number, "v": [1, 0], **more}


@pytest.fixture
def plain(milvus: Client, name: str) -> str:
    """id, v; no dynamic field."""
    create(milvus, name, key(), VECTOR)
    return name


@pytest.fixture
def typed(milvus: Client, name: str) -> str:
    """One field of each type."""
    create(
        milvus,
        name,
        key(),
        VECTOR,
        field("b", "Bool", nullable=True),
        field("i8", "Int8", nullable=True),
        field("i64", "Int64", nullable=True),
        field("f", "Float", nullable=True),
        field("d", "Double", nullable=True),
        field("s", "VarChar", max_length=8, nullable=True),
        field("j", "JSON", nullable=True),
        field("ai", "Array", elementDataType="Int64", max_capacity=4, nullable=True),
        field("a8", "Array", elementDataType="Int8", max_capacity=4, nullable=True),
        field("af", "Array", elementDataType="Float", max_capacity=4, nullable=True),
        field("ad", "Array", elementDataType="Double", max_capacity=4, nullable=True),
        field("ab", "Array", elementDataType="Bool", max_capacity=4, nullable=True),
        field(
            "as", "Array", elementDataType="VarChar", max_capacity=4, max_length=4, nullable=True
        ),
        field("g", "Geometry", nullable=True),
        field("t", "Timestamptz", nullable=True),
    )
    return name


# ── envelopes ───────────────────────────────────────────────────


def test_insert_answers_count_ids_and_cost(milvus: Client, plain: str) -> None:
    assert insert(milvus, plain, row(5), row(3)) == {
        "code": 0,
        "cost": 0,
        "data": {"insertCount": 2, "insertIds": [5, 3]},
    }


def test_upsert_answers_count_ids_and_cost(milvus: Client, plain: str) -> None:
    answer = milvus("entities/upsert", {"collectionName": plain, "data": [row(5)]})
    assert answer == {"code": 0, "cost": 0, "data": {"upsertCount": 1, "upsertIds": [5]}}


def test_query_and_get_answer_rows_and_cost(milvus: Client, plain: str) -> None:
    insert(milvus, plain, row())
    expected = {"code": 0, "cost": 0, "data": [{"id": 1, "v": [1, 0]}]}
    assert milvus("entities/query", {"collectionName": plain, "filter": "id > 0"}) == expected
    assert milvus("entities/get", {"collectionName": plain, "id": 1}) == expected


def test_ids_are_text_when_the_header_says_so(milvus: Client, plain: str) -> None:
    headers = {"Accept-Type-Allow-Int64": "false"}
    body = {"collectionName": plain, "data": [row(2**53 + 1)]}
    data = milvus.ok("entities/insert", body, headers)
    assert data == {"insertCount": 1, "insertIds": ["9007199254740993"]}
    assert milvus.ok("entities/upsert", body, headers)["upsertIds"] == ["9007199254740993"]


# ── int64 ───────────────────────────────────────────────────────


def test_int64_extremes_survive_everything_exactly(milvus: Client, name: str) -> None:
    create(milvus, name, key(), VECTOR, field("n", "Int64"))
    data = [{"id": n, "v": [1, k], "n": n} for k, n in enumerate(EXTREMES)]
    assert insert(milvus, name, *data)["data"]["insertIds"] == EXTREMES
    for flushed in (False, True):
        if flushed:
            milvus.ok("collections/flush", {"collectionName": name})
        found = rows_of(milvus, name, outputFields=["n"])
        assert [each["id"] for each in found] == [each["n"] for each in found] == EXTREMES
        for number in EXTREMES:
            for expression in (f"id == {number}", f"n in [{number}]"):
                got = rows_of(milvus, name, filter=expression, outputFields=["n"])
                assert got == [{"id": number, "n": number}], expression
            for given in (number, str(number), [number]):
                got = milvus.ok(
                    "entities/get", {"collectionName": name, "id": given, "outputFields": ["n"]}
                )
                assert got == [{"id": number, "n": number}]
        body = {"collectionName": name, "data": [[1, 0]], "outputFields": ["n"]}
        hits = milvus.ok("entities/search", body)
        assert sorted(hit["id"] for hit in hits) == EXTREMES
        assert all(hit["id"] == hit["n"] for hit in hits)
        texts = milvus.ok("entities/search", body, {"Accept-Type-Allow-Int64": "false"})
        assert sorted(int(hit["n"]) for hit in texts) == EXTREMES
    for number in EXTREMES:
        body = {"collectionName": name, "filter": f"id in [{number}]"}
        assert milvus.ok("entities/delete", body) == {"deleteCount": 1}
    assert rows_of(milvus, name) == []


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, 2**70, 1.5, "x", "", True, [1], {}])
def test_what_is_no_int64_is_1804(milvus: Client, plain: str, value: Any) -> None:
    answer = insert(milvus, plain, row(value))
    assert answer["code"] == 1804
    assert answer["message"].startswith("fail to deal the insert data, error: ")


@pytest.mark.parametrize(
    ("value", "stored"), [(1.0, 1), ("7", 7), ("-9223372036854775808", -(2**63)), (1e3, 1000)]
)
def test_whole_numbers_and_text_are_int64(
    milvus: Client, plain: str, value: Any, stored: int
) -> None:
    assert insert(milvus, plain, row(value))["data"]["insertIds"] == [stored]


# ── types ───────────────────────────────────────────────────────

TYPES: list[tuple[str, Any, Any]] = [
    ("b", True, True),
    ("b", "true", True),
    ("b", 0, False),
    ("i8", 127, 127),
    ("i8", 128, -128),
    ("i64", "9007199254740993", 9007199254740993),
    ("f", 0.1, 0.1),
    ("f", "2.5", 2.5),
    ("f", 16777217, 16777216),
    ("d", 0.1, 0.1),
    ("d", 1e300, 1e300),
    ("s", "häß", "häß"),
    ("s", 5, "5"),
    ("s", [1], "[1]"),
    ("s", "\u0000\n\"'\\", "\u0000\n\"'\\"),
    ("j", {"a": [1, None]}, '{"a":[1,null]}'),
    ("j", '{"a": 1}', '{"a": 1}'),
    ("j", [9007199254740993], "[9007199254740993]"),
    ("j", 5, "5"),
    ("j", True, "true"),
    ("j", '"text"', '"text"'),
    ("ai", [1, 2**63 - 1], {"Data": {"LongData": {"data": [1, 2**63 - 1]}}}),
    ("ai", [], {"Data": {"LongData": {}}}),
    ("a8", [1, -128], {"Data": {"IntData": {"data": [1, -128]}}}),
    ("af", [0.1, 1], {"Data": {"FloatData": {"data": [0.1, 1]}}}),
    ("ad", [0.1], {"Data": {"DoubleData": {"data": [0.1]}}}),
    ("ab", [True, False], {"Data": {"BoolData": {"data": [True, False]}}}),
    ("as", ["a", ""], {"Data": {"StringData": {"data": ["a", ""]}}}),
    ("g", "POINT (1 2)", "POINT (1 2)"),
    ("t", "2025-01-02T03:04:05Z", "2025-01-02T03:04:05Z"),
    ("t", "2025-01-02T03:04:05.250+01:00", "2025-01-02T02:04:05.25Z"),
]


@pytest.mark.parametrize(("name_of", "given", "answered"), TYPES)
def test_a_value_comes_back_as_milvus_writes_it(
    milvus: Client, typed: str, name_of: str, given: Any, answered: Any
) -> None:
    assert insert(milvus, typed, row(**{name_of: given}))["code"] == 0
    for flushed in (False, True):
        if flushed:
            milvus.ok("collections/flush", {"collectionName": typed})
        got = rows_of(milvus, typed, outputFields=[name_of])
        assert got == [{"id": 1, name_of: answered}]


BAD: list[tuple[int, str, Any]] = [
    (1804, "b", "maybe"),
    (1804, "i8", 1.5),
    (1804, "i64", 2**63),
    (1804, "f", "x"),
    (1804, "f", [1]),
    (1100, "f", 1e39),
    (1100, "f", "NaN"),
    (1100, "d", "Inf"),
    (1100, "s", "ninebytes"),
    (1100, "s", "ääääá"),
    (1100, "j", "{not json"),
    (1804, "ai", 5),
    (1804, "ai", [1.5]),
    (1804, "ai", [None]),
    (1100, "ai", [1, 2, 3, 4, 5]),
    (1100, "a8", [128]),
    (1804, "ab", [1]),
    (1804, "as", [1]),
    (1100, "as", ["fünf"]),
    (1100, "g", "POINT (1"),
    (1100, "t", "yesterday"),
    (1804, "v", [1]),
    (1804, "v", [1, 2, 3]),
    (1804, "v", ["1", "2"]),
    (1804, "v", [None, 1]),
    (1804, "v", "AAAA"),
    (1804, "v", None),
    (1100, "v", [1e39, 0]),
]


@pytest.mark.parametrize(("code", "name_of", "given"), BAD)
def test_a_value_that_does_not_fit_is_refused_and_nothing_is_written(
    milvus: Client, typed: str, code: int, name_of: str, given: Any
) -> None:
    answer = insert(milvus, typed, row(1), row(2, **{name_of: given}))
    assert answer["code"] == code, answer
    assert rows_of(milvus, typed) == []


def test_a_wrong_dimension_is_told_with_both_numbers(milvus: Client, plain: str) -> None:
    message = insert(milvus, plain, {"id": 1, "v": [1, 2, 3]})["message"]
    assert "[]float32 size 3 doesn't equal to vector dimension 2 of FloatVector" in message
    assert "missing vector field: v" in insert(milvus, plain, {"id": 1})["message"]


def test_a_missing_required_number_is_1804_and_a_missing_text_is_empty(
    milvus: Client, name: str
) -> None:
    create(milvus, name, key(), VECTOR, field("n", "Int64"), field("s", "VarChar", max_length=8))
    assert insert(milvus, name, row())["code"] == 1804
    assert insert(milvus, name, row(n=None))["code"] == 1804
    assert insert(milvus, name, row(n=1))["code"] == 0
    assert rows_of(milvus, name, outputFields=["s"]) == [{"id": 1, "s": ""}]


def test_null_and_absent_become_the_default_or_null(milvus: Client, name: str) -> None:
    create(
        milvus,
        name,
        key(),
        VECTOR,
        field("n", "Int64", nullable=True),
        field("m", "Int64", defaultValue=7),
        field("s", "VarChar", max_length=8, nullable=True),
    )
    insert(milvus, name, row(1), row(2, n=None, m=None, s=None), row(3, n=1, m=1, s="x"))
    assert rows_of(milvus, name, outputFields=["n", "m", "s"]) == [
        {"id": 1, "n": None, "m": 7, "s": None},
        {"id": 2, "n": None, "m": 7, "s": None},
        {"id": 3, "n": 1, "m": 1, "s": "x"},
    ]
    assert [each["id"] for each in rows_of(milvus, name, filter="n is null")] == [1, 2]


def test_float32_are_printed_in_their_shortest_form(milvus: Client, plain: str) -> None:
    insert(milvus, plain, {"id": 1, "v": [0.1, 1]})
    body = json.dumps({"collectionName": plain, "filter": "id > 0"}).encode()
    assert milvus.raw(PREFIX + "entities/query", body).raw == (
        b'{"code":0,"cost":0,"data":[{"id":1,"v":[0.1,1]}]}'
    )


def test_sparse_vectors_take_both_forms_and_answer_with_one(milvus: Client, name: str) -> None:
    create(milvus, name, key(), field("sp", "SparseFloatVector"))
    insert(
        milvus,
        name,
        {"id": 1, "sp": {"77": 0.2, "1": 0.5}},
        {"id": 2, "sp": {"indices": [9, 3], "values": [1, 0.25]}},
    )
    for flushed in (False, True):
        if flushed:
            milvus.ok("collections/flush", {"collectionName": name})
        assert [each["sp"] for each in rows_of(milvus, name)] == [
            {"1": 0.5, "77": 0.2},
            {"3": 0.25, "9": 1},
        ]


@pytest.mark.parametrize(
    ("code", "value"),
    [
        (1804, [1, 2]),
        (1804, {"-1": 0.5}),
        (1804, {"x": 0.5}),
        (1804, {"4294967295": 0.5}),
        (1804, {"1": -0.5}),
        (1804, {"1": "a"}),
        (1804, {"1": 1e39}),
        (1804, {"indices": [1, 1], "values": [1, 2]}),
        (1804, {"indices": [1], "values": [1, 2]}),
    ],
)
def test_a_bad_sparse_vector_is_refused(milvus: Client, name: str, code: int, value: Any) -> None:
    create(milvus, name, key(), field("sp", "SparseFloatVector"))
    assert insert(milvus, name, {"id": 1, "sp": value})["code"] == code


# ── dynamic fields ──────────────────────────────────────────────


def test_dynamic_keys_are_merged_into_the_row(milvus: Client, quick: str) -> None:
    given = {"s": "x", "n": 1, "f": 0.5, "b": True, "l": [1, "a"], "o": {"k": 1}, "gone": None}
    insert(milvus, quick, {"id": 1, "vector": [1, 0, 0, 0], **given})
    del given["gone"]
    assert rows_of(milvus, quick) == [{"id": 1, "vector": [1, 0, 0, 0], **given}]
    assert rows_of(milvus, quick, outputFields=["s", "lacking"]) == [{"id": 1, "s": "x"}]
    assert len(rows_of(milvus, quick, filter='o["k"] == 1 and s == "x"')) == 1


def test_dynamic_integers_are_printed_through_a_double_but_filtered_exactly(
    milvus: Client, quick: str
) -> None:
    insert(milvus, quick, {"id": 1, "vector": [1, 0, 0, 0], "big": 2**53 + 1, "huge": 2**63})
    found = rows_of(milvus, quick, filter="big == 9007199254740993", outputFields=["big", "huge"])
    assert found == [{"id": 1, "big": 2**53, "huge": 0}]


def test_an_unknown_key_without_dynamic_field_is_1804(milvus: Client, plain: str) -> None:
    answer = insert(milvus, plain, row(x=1))
    assert answer["code"] == 1804
    assert "has pass more field without dynamic schema, please check it" in answer["message"]


@pytest.mark.parametrize(("code", "extra"), [(1804, {"$meta": {}}), (1100, {"big": "x" * 65536})])
def test_some_dynamic_keys_and_sizes_are_refused(
    milvus: Client, quick: str, code: int, extra: dict[str, Any]
) -> None:
    assert insert(milvus, quick, {"id": 1, "vector": [1, 0, 0, 0], **extra})["code"] == code


# ── insert, upsert, delete ──────────────────────────────────────


@pytest.mark.parametrize("action", ["entities/insert", "entities/upsert"])
def test_no_rows_is_1804_and_no_list_is_1801(milvus: Client, plain: str, action: str) -> None:
    body = {"collectionName": plain}
    assert milvus.refused(1804, action, {**body, "data": []}) == (
        "fail to deal the insert data, error: missing required parameters"
    )
    milvus.refused(1801, action, {**body, "data": {"id": 1}})
    milvus.refused(1801, action, {**body, "data": [1]})
    milvus.refused(1802, action, body)


def test_auto_ids_are_large_growing_and_refuse_given_ones(milvus: Client, name: str) -> None:
    create(milvus, name, key(), VECTOR, schema={"autoID": True})
    first = insert(milvus, name, {"v": [1, 0]}, {"v": [0, 1]})["data"]["insertIds"]
    second = insert(milvus, name, {"v": [1, 0]})["data"]["insertIds"]
    assert 2**53 < first[0] < first[1] < second[0] < 2**63
    answer = insert(milvus, name, row())
    assert answer["code"] == 1804
    assert "no need to pass pk field(id) when autoid==true in insert" in answer["message"]


def test_upsert_with_auto_id_stores_the_row_under_a_new_key(milvus: Client, name: str) -> None:
    create(milvus, name, key(), VECTOR, field("n", "Int64"), schema={"autoID": True})
    (old,) = insert(milvus, name, {"v": [1, 0], "n": 1})["data"]["insertIds"]
    body = {"collectionName": name, "data": [{"id": old, "v": [1, 0], "n": 2}]}
    (new,) = milvus.ok("entities/upsert", body)["upsertIds"]
    assert new != old
    assert rows_of(milvus, name, outputFields=["n"]) == [{"id": new, "n": 2}]
    milvus.refused(1804, "entities/upsert", {**body, "data": [{"v": [1, 0], "n": 3}]})


def test_an_insert_of_a_key_that_exists_shows_one_row(milvus: Client, quick: str) -> None:
    """Milvus keeps both rows and shows one; here the first is replaced."""
    insert(milvus, quick, {"id": 1, "vector": [1, 0, 0, 0], "x": 1})
    again = {"id": 1, "vector": [0, 1, 0, 0], "y": 2}
    assert insert(milvus, quick, again)["data"] == {"insertCount": 1, "insertIds": [1]}
    assert rows_of(milvus, quick) == [again]
    assert rows_of(milvus, quick, outputFields=["count(*)"]) == [{"count(*)": 1}]


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity"])
def test_what_is_no_json_number_is_1801_everywhere(
    milvus: Client, quick: str, number: bytes
) -> None:
    for action, part in (
        ("insert", b'"data":[{"id":1,"vector":[1,0,0,%s]}]'),
        ("insert", b'"data":[{"id":1,"vector":[1,0,0,0],"x":%s}]'),
        ("search", b'"data":[[1,0,0,%s]]'),
    ):
        body = b'{"collectionName":"%s",%s}' % (quick.encode(), part % number)
        assert milvus.raw(f"{PREFIX}entities/{action}", body).json["code"] == 1801
    assert rows_of(milvus, quick) == []


def test_a_row_may_have_no_vector_where_the_field_is_nullable(milvus: Client, name: str) -> None:
    create(
        milvus,
        name,
        key(),
        field("v", "FloatVector", dim=2, nullable=True),
        field("w", "SparseFloatVector", nullable=True),
    )
    data = [row(1, w={"1": 0.5}), {"id": 2, "v": None}, {"id": 3, "v": [0, 0], "w": {}}, {"id": 4}]
    assert insert(milvus, name, *data)["code"] == 0
    for flushed in (False, True):
        if flushed:
            milvus.ok("collections/flush", {"collectionName": name})
        got = rows_of(milvus, name, outputFields=["v", "w"])
        assert [(each["v"], each["w"]) for each in got] == [
            ([1, 0], {"1": 0.5}),
            (None, None),
            ([0, 0], {}),
            (None, None),
        ]
        for query, anns, found in (([1, 1], "v", [1, 3]), ({"1": 1}, "w", [1])):
            body = {"collectionName": name, "data": [query], "annsField": anns}
            hits = milvus.ok("entities/search", body)
            assert sorted(hit["id"] for hit in hits) == found
    refused = {"collectionName": name, "ids": [2], "annsField": "v"}
    assert "have no vector" in milvus.refused(1100, "entities/search", refused)
    milvus.ok(
        "entities/upsert",
        {"collectionName": name, "partialUpdate": True, "data": [{"id": 2, "v": [5, 5]}]},
    )
    (got,) = rows_of(milvus, name, filter="id == 2", outputFields=["v"])
    assert got["v"] == [5, 5]


def test_upsert_replaces_the_whole_row(milvus: Client, quick: str) -> None:
    insert(milvus, quick, {"id": 1, "vector": [1, 0, 0, 0], "old": 1, "both": 1})
    new = {"id": 1, "vector": [0, 1, 0, 0], "both": 2}
    milvus.ok("entities/upsert", {"collectionName": quick, "data": [new]})
    assert rows_of(milvus, quick) == [new]
    milvus.refused(
        1804, "entities/upsert", {"collectionName": quick, "data": [{"id": 1, "both": 3}]}
    )


def test_a_partial_update_leaves_absent_fields(milvus: Client, name: str) -> None:
    create(
        milvus,
        name,
        key(),
        VECTOR,
        field("n", "Int64", nullable=True),
        field("j", "JSON", nullable=True),
        schema={"enableDynamicField": True},
    )
    insert(milvus, name, row(1, n=1, j={"a": 1}, x=1))
    body = {"collectionName": name, "partialUpdate": True}
    milvus.ok("entities/upsert", {**body, "data": [{"id": 1, "n": 2}]})
    (got,) = rows_of(milvus, name)
    assert got == {"id": 1, "v": [1, 0], "n": 2, "j": '{"a":1}', "x": 1}
    milvus.ok("entities/upsert", {**body, "data": [{"id": 1, "n": None}]})
    assert rows_of(milvus, name, outputFields=["n"]) == [{"id": 1, "n": None}]
    message = milvus.refused(
        1804, "entities/upsert", {**body, "data": [{"id": 1, "n": 1}, {"id": 2}]}
    )
    assert "column n has length 1, expected 2" in message


def test_delete_counts_keys_given_or_rows_matched(milvus: Client, filled: str) -> None:
    def delete(expression: str, **more: Any) -> int:
        body = {"collectionName": filled, "filter": expression, **more}
        answer = milvus("entities/delete", body)
        assert set(answer) == {"code", "data"}
        return answer["data"]["deleteCount"]

    assert delete("id in [1, 2, 99]") == 3
    assert delete("id == 3") == 1
    assert delete("n in [4, 5] or n > 9") == 3
    assert delete("n > 100") == 0
    assert delete("id in {ids}", exprParams={"ids": [6, 7]}) == 2
    assert [each["id"] for each in rows_of(milvus, filled)] == [8, 9]


def test_delete_needs_a_filter_and_knows_no_id(milvus: Client, filled: str) -> None:
    for body in ({}, {"filter": ""}, {"id": 1}, {"ids": [1]}):
        milvus.refused(1802, "entities/delete", {"collectionName": filled, **body})


def test_delete_by_key_works_released(milvus: Client, filled: str) -> None:
    milvus.ok("collections/release", {"collectionName": filled})
    milvus.ok("entities/delete", {"collectionName": filled, "filter": "id in [1]"})
    milvus.ok("collections/load", {"collectionName": filled})
    assert len(rows_of(milvus, filled)) == 9


# ── query, get ──────────────────────────────────────────────────


def test_query_comes_in_key_order_with_limit_and_offset(milvus: Client, filled: str) -> None:
    body = {"filter": "n > 0", "outputFields": []}
    assert rows_of(milvus, filled, **body) == [{"id": n} for n in range(1, 11)]
    assert rows_of(milvus, filled, **body, offset=2) == [{"id": n} for n in range(3, 11)]
    page = rows_of(milvus, filled, **{**body, "limit": 3, "offset": 4})
    assert page == [{"id": 5}, {"id": 6}, {"id": 7}]


def test_in_keeps_limit_order_and_single_rows(milvus: Client, filled: str) -> None:
    body = {"filter": "id in [9, 5, 5, 2]", "outputFields": []}
    assert rows_of(milvus, filled, **body) == [{"id": 2}, {"id": 5}, {"id": 9}]
    assert rows_of(milvus, filled, **{**body, "limit": 1, "offset": 1}) == [{"id": 5}]


def test_the_default_limit_is_100(milvus: Client, quick: str) -> None:
    insert(milvus, quick, *({"id": n, "vector": [1, 0, 0, n]} for n in range(120)))
    body = {"collectionName": quick, "filter": "id >= 0"}
    assert len(milvus.ok("entities/query", body)) == 100
    assert len(milvus.ok("entities/query", {**body, "limit": 0})) == 120
    assert len(milvus.ok("entities/query", {"collectionName": quick})) == 100


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"limit": 16385}, "(offset+limit) should be in range [1, 16384], but got 16385"),
        ({"limit": 1, "offset": 16384}, "but got 16385"),
        ({"limit": 0}, "empty expression should be used with limit"),
        ({"limit": 1, "offset": -1}, "offset [-1] is invalid, should be gte than 0"),
    ],
)
def test_a_window_out_of_range_is_1100(
    milvus: Client, filled: str, body: dict[str, Any], words: str
) -> None:
    assert words in milvus.refused(1100, "entities/query", {"collectionName": filled, **body})


@pytest.mark.parametrize("wanted", ["count(*)", " COUNT(*) "])
def test_count_drops_the_limit(milvus: Client, filled: str, wanted: str) -> None:
    body = {"collectionName": filled, "outputFields": [wanted]}
    assert milvus("entities/query", body) == {"code": 0, "cost": 0, "data": [{"count(*)": 10}]}
    assert milvus.ok("entities/query", {**body, "filter": "n > 4"}) == [{"count(*)": 6}]


def test_order_by_fields(milvus: Client, filled: str) -> None:
    body = {"orderByFields": ["n:desc"], "outputFields": ["id"], "limit": 2}
    answer = milvus("entities/query", {"collectionName": filled, "filter": "", **body})
    assert answer["code"] == 1100  # a dynamic key is no field
    insert(milvus, filled, {"id": 0, "vector": [1, 0, 0, 0]})
    body["orderByFields"] = ["id:desc"]
    assert rows_of(milvus, filled, **body) == [{"id": 10}, {"id": 9}]


@pytest.mark.parametrize(
    "expression", ["id >>> 0", "id ==", "nope > 1", 'id == "x"', "id in [", "id % 0 == 0", "{x}"]
)
def test_a_bad_filter_is_1100(milvus: Client, plain: str, expression: str) -> None:
    for purpose in ("query", "delete"):
        body = {"collectionName": plain, "filter": expression}
        message = milvus.refused(1100, f"entities/{purpose}", body)
        assert message.startswith(f"failed to create {purpose} plan: cannot parse expression: ")


@pytest.mark.parametrize(
    ("expression", "params", "ids"),
    [
        ("n > {low} and n <= {high}", {"low": 2, "high": 4.0}, [3, 4]),
        ("s == {s}", {"s": "s5"}, [5]),
        ("s in {list}", {"list": ["s1", "s2", "zz"]}, [1, 2]),
        ("id in {list}", {"list": [7, 8]}, [7, 8]),
        ("s == {s}", {"s": 's5" or n > 0 or s == "'}, []),
        ("s == {s}", {"s": 's5\\" or n > 0 or s == \\"'}, []),
        ('s == "{s}"', {"s": "s5"}, []),
        ("n == {n}", {"n": 1, "unused": "x"}, [1]),
        ("not (n > { n })", {"n": 1}, [1]),
    ],
)
def test_templates_are_filled_in_safely(
    milvus: Client, filled: str, expression: str, params: dict[str, Any], ids: list[int]
) -> None:
    got = rows_of(milvus, filled, filter=expression, exprParams=params, outputFields=[])
    assert [each["id"] for each in got] == ids


@pytest.mark.parametrize(
    "params", [{}, {"x": None}, {"x": {"a": 1}}, {"x": []}, {"x": [[1], None]}]
)
def test_a_template_without_a_usable_value_is_1100(
    milvus: Client, filled: str, params: dict[str, Any]
) -> None:
    body = {"collectionName": filled, "filter": "n == {x}", "exprParams": params}
    milvus.refused(1100, "entities/query", body)


def test_any_text_can_be_found_through_a_template(milvus: Client, name: str) -> None:
    create(milvus, name, key(), VECTOR, field("s", "VarChar", max_length=64))
    texts = ['"', "'", "\\", '\\"', "a\nb", "\r\t", "{x}", "é\u2028", '" or id > 0 or s == "']
    insert(milvus, name, *(row(n, s=text) for n, text in enumerate(texts)))
    for number, text in enumerate(texts):
        got = rows_of(milvus, name, filter="s == {x}", exprParams={"x": text}, outputFields=[])
        assert got == [{"id": number}], text


def test_get_takes_one_key_or_a_list_whatever_the_key_is_called(milvus: Client, name: str) -> None:
    create(milvus, name, field("pk", "VarChar", isPrimary=True, max_length=64), VECTOR)
    keys = ["a", 'b"c', "d\\", '"] or pk != "', "7"]
    insert(milvus, name, *({"pk": each, "v": [1, 0]} for each in keys))
    for each in keys:
        got = milvus.ok("entities/get", {"collectionName": name, "id": each, "outputFields": []})
        assert got == [{"pk": each}]
    body = {"collectionName": name, "id": ["zz", 7, "a"], "outputFields": ["pk"]}
    assert milvus.ok("entities/get", body) == [{"pk": "7"}, {"pk": "a"}]


@pytest.mark.parametrize("bad", ["x", 1.5, [1, "x"], [[1]], {"a": 1}, [True], 2**63])
def test_a_bad_key_is_1806(milvus: Client, filled: str, bad: Any) -> None:
    message = milvus.refused(1806, "entities/get", {"collectionName": filled, "id": bad})
    assert message.startswith("please check the primary key and its' type can only in [int, strin")


def test_get_without_a_key_is_1802(milvus: Client, filled: str) -> None:
    for body in ({}, {"id": None}, {"ids": [1]}):
        milvus.refused(1802, "entities/get", {"collectionName": filled, **body})


def test_output_fields(milvus: Client, plain: str) -> None:
    insert(milvus, plain, row())
    assert rows_of(milvus, plain, outputFields=["*"]) == [{"id": 1, "v": [1, 0]}]
    for action, more in (
        ("entities/query", {"filter": "id > 0"}),
        ("entities/get", {"id": 1}),
        ("entities/search", {"data": [[1, 0]]}),
    ):
        body = {"collectionName": plain, "outputFields": ["zz"], **more}
        assert milvus.refused(1100, action, body).startswith("field zz not exist")


@pytest.mark.parametrize("level", ["strong", "Now", "STRONG"])
def test_an_unknown_consistency_level_is_1100(milvus: Client, filled: str, level: str) -> None:
    body = {"collectionName": filled, "consistencyLevel": level}
    for action, more in (
        ("entities/query", {"filter": "id > 0"}),
        ("entities/get", {"id": 1}),
        ("entities/search", {"data": [[1, 0, 0, 0]]}),
    ):
        assert "consistencyLevel can only be [" in milvus.refused(1100, action, {**body, **more})


@pytest.mark.parametrize("level", ["Strong", "Session", "Bounded", "Eventually", "Customized"])
def test_the_five_consistency_levels_are_taken(milvus: Client, filled: str, level: str) -> None:
    assert len(rows_of(milvus, filled, consistencyLevel=level)) == 10


def test_a_function_output_is_neither_written_nor_read(milvus: Client, name: str) -> None:
    create(
        milvus,
        name,
        key(),
        field("s", "VarChar", max_length=64, enable_analyzer=True),
        field("sp", "SparseFloatVector"),
        schema={
            "functions": [
                {
                    "name": "f",
                    "type": "BM25",
                    "inputFieldNames": ["s"],
                    "outputFieldNames": ["sp"],
                }
            ]
        },
    )
    assert insert(milvus, name, {"id": 1, "s": "a b"})["code"] == 0
    answer = insert(milvus, name, {"id": 2, "s": "a", "sp": {"1": 1}})
    assert answer["code"] == 1100 and "function output" in answer["message"]
    assert rows_of(milvus, name) == [{"id": 1, "s": "a b"}]
    body = {"collectionName": name, "outputFields": ["sp"], "filter": "id > 0"}
    assert "not allowed to retrieve raw data of field sp" in milvus.refused(
        1100, "entities/query", body
    )


def test_a_scalar_inverted_index_changes_no_answer(milvus: Client, name: str) -> None:
    create(milvus, name, key(), VECTOR, field("n", "Int64", nullable=True))
    insert(milvus, name, *(row(n, n=n % 7 if n % 5 else None) for n in range(100)))
    milvus.ok("collections/flush", {"collectionName": name})
    filters = ("n == 3", "n in [1, 2]", "n > 4", "not (n > 4)", "n is null", "n != 2 and id > 9")
    before = [rows_of(milvus, name, filter=each, outputFields=["n"]) for each in filters]
    milvus.ok(
        "indexes/create",
        {
            "collectionName": name,
            "indexParams": [{"fieldName": "n", "indexType": "INVERTED", "indexName": "by_n"}],
        },
    )
    after = [rows_of(milvus, name, filter=each, outputFields=["n"]) for each in filters]
    assert before == after


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("f == 0.1", [1]),
        ("f != 0.1", [2]),
        ("f == -0.7", [2]),
        ("0.1 == f", [1]),
        ("f in [0.1]", [1]),
        ("f <= 0.1", [1, 2]),
        ("f < 0.1", [2]),
        ('f == 0.1 and s == "f == 0.1"', [1]),
    ],
)
def test_a_float_field_is_compared_as_float32(
    milvus: Client, name: str, expression: str, found: list[int]
) -> None:
    create(milvus, name, key(), VECTOR, field("f", "Float"), field("s", "VarChar", max_length=9))
    insert(milvus, name, row(1, f=0.1, s="f == 0.1"), row(2, f=-0.7, s=""))
    for flushed in (False, True):
        if flushed:
            milvus.ok("collections/flush", {"collectionName": name})
        got = rows_of(milvus, name, filter=expression, outputFields=[])
        assert [each["id"] for each in got] == found


@pytest.mark.parametrize("expression", ["id == 9223372036854775808", f"id in [{2**70}]"])
def test_an_integer_beyond_64_bits_in_a_filter_is_1100(
    milvus: Client, plain: str, expression: str
) -> None:
    insert(milvus, plain, row())
    for purpose in ("query", "delete"):
        body = {"collectionName": plain, "filter": expression}
        message = milvus.refused(1100, f"entities/{purpose}", body)
        assert message.startswith(f"failed to create {purpose} plan: cannot parse expression: ")


def test_a_json_field_is_filtered_by_its_paths_whatever_else_it_holds(
    milvus: Client, typed: str
) -> None:
    values = [{"a": 1, "b": [1, 2]}, 5, '"text"', "null", [1], None]
    insert(milvus, typed, *(row(n, j=value) for n, value in enumerate(values)))
    for flushed in (False, True):
        if flushed:
            milvus.ok("collections/flush", {"collectionName": typed})
        for expression in ('j["a"] == 1', 'json_contains(j["b"], 2)', 'exists j["a"]'):
            got = rows_of(milvus, typed, filter=expression, outputFields=["j"])
            assert got == [{"id": 0, "j": '{"a":1,"b":[1,2]}'}], expression
        assert len(rows_of(milvus, typed)) == len(values)


def test_a_partial_update_keeps_every_type_it_does_not_name(milvus: Client, typed: str) -> None:
    whole = row(1, **{name_of: given for name_of, given, _ in TYPES})
    insert(milvus, typed, whole)
    for flushed in (False, True):
        if flushed:
            milvus.ok("collections/flush", {"collectionName": typed})
        (before,) = rows_of(milvus, typed)
        milvus.ok(
            "entities/upsert",
            {
                "collectionName": typed,
                "partialUpdate": True,
                "data": [{"id": 1, "i8": 5 + flushed}],
            },
        )
        assert rows_of(milvus, typed) == [{**before, "i8": 5 + flushed}]
