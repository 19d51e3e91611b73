"""Aggregates and orders of a query."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import Client, create, field, key


@pytest.fixture
def sales(milvus: Client, name: str) -> str:
    """Four rows, one without a price."""
    create(
        milvus,
        name,
        key(),
        field("v", "FloatVector", dim=2),
        field("price", "Int64", nullable=True),
        field("weight", "Float"),
        field("shop", "VarChar", max_length=9),
        field("j", "JSON", nullable=True),
    )
    data = [
        {"id": 1, "v": [1, 0], "price": 4, "weight": 0.5, "shop": "b"},
        {"id": 2, "v": [1, 0], "price": 1, "weight": 1.5, "shop": "a"},
        {"id": 3, "v": [1, 0], "price": None, "weight": 1, "shop": "c"},
        {"id": 4, "v": [1, 0], "price": 2**53, "weight": 2, "shop": "a"},
    ]
    milvus.ok("entities/insert", {"collectionName": name, "data": data})
    return name


def query(milvus: Client, name: str, **body: Any) -> list[dict[str, Any]]:
    return milvus.ok("entities/query", {"collectionName": name, **body})


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("sum(price)", 2**53 + 5),
        ("SUM( price )", 2**53 + 5),
        ("avg(weight)", 1.25),
        ("sum(weight)", 5),
        ("min(price)", 1),
        ("max(shop)", "c"),
        ("count(price)", 3),
        ("count(*)", 4),
    ],
)
def test_an_aggregate_stands_under_the_name_it_was_asked_by(
    milvus: Client, sales: str, wanted: str, expected: Any
) -> None:
    assert query(milvus, sales, outputFields=[wanted, "count(shop)"]) == [
        {wanted: expected, "count(shop)": 4}
    ]


def test_an_aggregate_of_nothing_is_null_and_a_count_is_0(milvus: Client, sales: str) -> None:
    wanted = ["sum(price)", "min(shop)", "count(*)"]
    assert query(milvus, sales, filter="id > 9", outputFields=wanted) == [
        {"sum(price)": None, "min(shop)": None, "count(*)": 0}
    ]


def test_whole_aggregates_are_text_when_the_header_says_so(milvus: Client, sales: str) -> None:
    body = {"collectionName": sales, "outputFields": ["sum(price)", "avg(weight)"]}
    answer = milvus("entities/query", body, {"Accept-Type-Allow-Int64": "false"})
    assert answer["data"] == [{"sum(price)": str(2**53 + 5), "avg(weight)": 1.25}]


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (["sum(shop)"], "aggregation operator sum does not support data type VarChar"),
        (["avg(*)"], "avg(*) is not supported, only count(*) is allowed"),
        (["max(zz)"], "target field zz for aggregation:max does not exist"),
        (["max(j)"], "does not support data type JSON"),
        (["sum(price)", "shop"], "shop"),
    ],
)
def test_a_bad_aggregate_is_1100(milvus: Client, sales: str, wanted: list[str], words: str) -> None:
    body = {"collectionName": sales, "outputFields": wanted}
    assert words in milvus.refused(1100, "entities/query", body)


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (["price"], [2, 1, 4, 3]),
        (["price:desc"], [3, 4, 1, 2]),
        (["price:asc:nulls_first"], [3, 2, 1, 4]),
        (["price:desc:nulls_last"], [4, 1, 2, 3]),
        (["shop", "weight:desc"], [4, 2, 1, 3]),
        (["shop:descending"], [3, 1, 2, 4]),
    ],
)
def test_rows_come_in_the_order_of_fields(
    milvus: Client, sales: str, order: list[str], expected: list[int]
) -> None:
    rows = query(milvus, sales, orderByFields=order, outputFields=["id"])
    assert [row["id"] for row in rows] == expected
    page = query(milvus, sales, orderByFields=order, outputFields=["id"], limit=2, offset=1)
    assert [row["id"] for row in page] == expected[1:3]


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ("zz", "order_by field 'zz' does not exist in collection schema"),
        ("j", "which is not sortable"),
        ("price:up", "must be 'asc' or 'desc'"),
        ("price:asc:first", "must be 'nulls_first' or 'nulls_last'"),
    ],
)
def test_a_bad_order_is_1100(milvus: Client, sales: str, order: str, words: str) -> None:
    body = {"collectionName": sales, "orderByFields": [order]}
    assert words in milvus.refused(1100, "entities/query", body)
