"""Partial updates, and operations on arrays."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import Client, create, field, key, rows_of


@pytest.fixture
def books(milvus: Client, name: str) -> str:
    """Two rows with arrays, a default, a nullable field and dynamic keys."""
    create(
        milvus,
        name,
        key(),
        field("v", "FloatVector", dim=2),
        field("title", "VarChar", max_length=20),
        field("tags", "Array", elementDataType="Int64", max_capacity=5),
        field("names", "Array", elementDataType="VarChar", max_capacity=5, max_length=5),
        field("stars", "Int64", nullable=True),
        field("pages", "Int64", defaultValue=100),
        schema={"enableDynamicField": True},
    )
    data = [
        {"id": 1, "v": [1, 0], "title": "one", "tags": [1, 2], "names": ["a", "b", "a"], "x": 1},
        {"id": 2, "v": [2, 0], "title": "two", "tags": [3], "names": [], "stars": 5, "y": [1]},
    ]
    milvus.ok("entities/insert", {"collectionName": name, "data": data})
    return name


def update(milvus: Client, name: str, *rows: dict[str, Any], **more: Any) -> dict[str, Any]:
    body = {"collectionName": name, "partialUpdate": True, "data": list(rows), **more}
    return milvus("entities/upsert", body)


def ops(**given: str) -> list[dict[str, str]]:
    return [{"fieldName": name, "op": op} for name, op in given.items()]


def values(milvus: Client, name: str, *fields: str) -> list[tuple[Any, ...]]:
    rows = rows_of(milvus, name, filter="id > 0", outputFields=list(fields))
    return [tuple(_plain(row.get(each)) for each in fields) for row in rows]


def _plain(value: Any) -> Any:
    if isinstance(value, dict) and "Data" in value:
        (inner,) = value["Data"].values()
        return inner.get("data", [])
    return value


def test_elements_are_appended_and_removed(milvus: Client, books: str) -> None:
    answer = update(
        milvus,
        books,
        {"id": 1, "tags": [3, 2], "names": ["a"]},
        {"id": 2, "tags": [4], "names": ["z"]},
        fieldOps=ops(tags="ARRAY_APPEND", names="array_remove"),
    )
    assert answer["data"] == {"upsertCount": 2, "upsertIds": [1, 2]}
    assert values(milvus, books, "tags", "names", "title") == [
        ([1, 2, 3, 2], ["b"], "one"),
        ([3, 4], [], "two"),
    ]


def test_replace_is_what_happens_without_an_operation(milvus: Client, books: str) -> None:
    update(milvus, books, {"id": 1, "tags": [9]}, fieldOps=ops(tags="REPLACE"))
    update(milvus, books, {"id": 2, "tags": [8]})
    assert values(milvus, books, "tags") == [([9],), ([8],)]


@pytest.mark.parametrize(
    ("given", "row", "words"),
    [
        (ops(tags="ARRAY_GROW"), {}, "unsupported partial update op: ARRAY_GROW"),
        (
            ops(title="ARRAY_APPEND"),
            {"title": "x"},
            'op ARRAY_APPEND requires Array field, but field "title" is VarChar',
        ),
        (ops(id="ARRAY_APPEND"), {}, "is the primary key and cannot carry a partial-update op"),
        (ops(zz="ARRAY_APPEND"), {}, 'field "zz" not found in collection schema'),
        (ops(names="ARRAY_APPEND"), {}, "not present in fields_data"),
        (ops(tags="REPLACE") * 2, {}, 'duplicate partial-update op for field "tags"'),
        (ops(tags="ARRAY_APPEND"), {"tags": [1, 2, 3, 4]}, "exceeds max_capacity 5"),
    ],
)
def test_a_bad_operation_is_1100_and_changes_nothing(
    milvus: Client, books: str, given: list[dict[str, str]], row: dict[str, Any], words: str
) -> None:
    before = rows_of(milvus, books, filter="id > 0")
    answer = update(milvus, books, {"id": 1, "tags": [7], **row}, fieldOps=given)
    assert answer["code"] == 1100 and words in answer["message"], answer
    assert rows_of(milvus, books, filter="id > 0") == before


def test_dynamic_keys_are_merged_one_by_one(milvus: Client, books: str) -> None:
    update(milvus, books, {"id": 1, "y": 2}, {"id": 2, "y": 3})
    assert values(milvus, books, "x", "y") == [(1, 2), (None, 3)]


def test_null_becomes_null_or_the_default(milvus: Client, books: str) -> None:
    update(milvus, books, {"id": 2, "stars": None, "pages": 7})
    assert values(milvus, books, "stars", "pages")[1] == (None, 7)
    update(milvus, books, {"id": 2, "pages": None})
    assert values(milvus, books, "pages")[1] == (100,)


def test_a_new_key_needs_every_field_without_default_or_null(milvus: Client, books: str) -> None:
    answer = update(milvus, books, {"id": 1, "title": "new"}, {"id": 3, "title": "three"})
    assert answer["code"] == 1100 and "has no corresponding fieldData" in answer["message"]
    assert values(milvus, books, "title") == [("one",), ("two",)]
    whole = {"id": 3, "v": [3, 0], "title": "three", "tags": [], "names": []}
    assert update(milvus, books, whole)["code"] == 0
    assert values(milvus, books, "title", "stars", "pages")[2] == ("three", None, 100)


def test_with_auto_id_the_merged_row_gets_a_new_key(milvus: Client, name: str) -> None:
    create(
        milvus,
        name,
        key(),
        field("v", "FloatVector", dim=2),
        field("n", "Int64"),
        field("s", "VarChar", max_length=9),
        schema={"autoID": True},
    )
    data = [{"v": [1, 0], "n": 5, "s": "old"}]
    (old,) = milvus.ok("entities/insert", {"collectionName": name, "data": data})["insertIds"]
    (new,) = update(milvus, name, {"id": old, "s": "new"})["data"]["upsertIds"]
    assert new != old
    assert rows_of(milvus, name, filter="n == 5") == [{"id": new, "v": [1, 0], "n": 5, "s": "new"}]


def test_a_row_of_another_partition_is_not_merged(milvus: Client, books: str) -> None:
    milvus.ok("partitions/create", {"collectionName": books, "partitionName": "p"})
    answer = update(milvus, books, {"id": 1, "title": "new"}, partitionName="p")
    assert answer["code"] == 1100 and "has no corresponding fieldData" in answer["message"]


def test_bm25_words_follow_a_changed_text(milvus: Client, name: str) -> None:
    create(
        milvus,
        name,
        key(),
        field("text", "VarChar", max_length=50, enable_analyzer=True),
        field("words", "SparseFloatVector"),
        field("n", "Int64"),
        schema={
            "functions": [
                {
                    "name": "f",
                    "type": "BM25",
                    "inputFieldNames": ["text"],
                    "outputFieldNames": ["words"],
                }
            ]
        },
        indexParams=[{"fieldName": "words", "metricType": "BM25"}],
    )
    data = [{"id": n, "text": f"word{n} fish", "n": n} for n in range(3)]
    milvus.ok("entities/insert", {"collectionName": name, "data": data})
    update(milvus, name, {"id": 1, "text": "a bird"})
    update(milvus, name, {"id": 2, "n": 9})

    def found(text: str) -> set[int]:
        body = {"collectionName": name, "data": [text], "annsField": "words", "limit": 5}
        return {hit["id"] for hit in milvus.ok("entities/search", body)}

    assert found("fish") == {0, 2}
    assert found("bird") == {1}
