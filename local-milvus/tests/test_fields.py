"""Fields of a collection that exists: added, and their parameters changed. Functions, too."""

from __future__ import annotations

import itertools
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Client, Process, create, field, key, rows_of

VECTOR = field("v", "FloatVector", dim=2)


def add(client: Client, collection: str, entry: dict[str, Any]) -> dict[str, Any]:
    return client("collections/fields/add", {"collectionName": collection, "schema": entry})


@pytest.fixture
def plain(milvus: Client, name: str) -> str:
    """Three rows without a dynamic field: one flushed, two not."""
    create(milvus, name, key(), VECTOR, field("s", "VarChar", max_length=8))
    for number in range(3):
        row = {"id": number, "v": [number, 1], "s": f"s{number}"}
        milvus.ok("entities/insert", {"collectionName": name, "data": [row]})
        if number == 0:
            milvus.ok("collections/flush", {"collectionName": name})
    return name


@pytest.mark.parametrize(
    ("entry", "old", "given", "matching"),
    [
        (field("f", "Int64", nullable=True), None, 7, "f == 7"),
        (field("f", "Int64", nullable=True, defaultValue=42), 42, 7, "f == 7"),
        (field("f", "VarChar", nullable=True, max_length=9), None, "x", 'f == "x"'),
        (field("f", "Double", nullable=True, defaultValue=0.5), 0.5, 1.25, "f == 1.25"),
        (field("f", "Bool", nullable=True, defaultValue=False), False, True, "f == true"),
        (field("f", "JSON", nullable=True), None, {"a": 1}, 'f["a"] == 1'),
        (
            field("f", "Timestamptz", nullable=True, defaultValue="2025-01-01T00:00:00Z"),
            "2025-01-01T00:00:00Z",
            "2026-01-01T00:00:00Z",
            "f > ISO '2025-06-01T00:00:00Z'",
        ),
        (
            field("f", "Array", nullable=True, elementDataType="Int64", max_capacity=4),
            None,
            [1, 2],
            "array_contains(f, 2)",
        ),
    ],
    ids=lambda value: value.get("dataType") if isinstance(value, dict) else None,
)
def test_an_added_field_reads_null_or_its_default_and_takes_values(
    milvus: Client, plain: str, entry: dict[str, Any], old: Any, given: Any, matching: str
) -> None:
    assert add(milvus, plain, entry) == {"code": 0, "data": {}}
    described = milvus.ok("collections/describe", {"collectionName": plain})
    assert [each["name"] for each in described["fields"]] == ["id", "v", "s", "f"]
    assert described["fields"][-1]["id"] == 103 and described["fields"][-1]["nullable"]
    rows = rows_of(milvus, plain, outputFields=["s", "f"])
    assert [row["s"] for row in rows] == ["s0", "s1", "s2"]
    assert [row["f"] for row in rows] == [old] * 3
    row = {"id": 9, "v": [1, 1], "s": "s9", "f": given}
    milvus.ok("entities/insert", {"collectionName": plain, "data": [row]})
    milvus.ok("collections/flush", {"collectionName": plain})
    assert [row["id"] for row in rows_of(milvus, plain, filter=matching)] == [9]
    search = {"collectionName": plain, "data": [[1, 1]], "limit": 9, "outputFields": ["f"]}
    assert len(milvus.ok("entities/search", search)) == 4


def test_an_added_field_can_be_indexed(milvus: Client, plain: str) -> None:
    add(milvus, plain, field("f", "Int64", nullable=True))
    milvus.ok("indexes/create", {"collectionName": plain, "indexParams": [{"fieldName": "f"}]})
    row = {"id": 9, "v": [1, 1], "s": "s9", "f": 5}
    milvus.ok("entities/insert", {"collectionName": plain, "data": [row]})
    milvus.ok("collections/flush", {"collectionName": plain})
    assert [row["id"] for row in rows_of(milvus, plain, filter="f == 5")] == [9]
    assert [row["id"] for row in rows_of(milvus, plain, filter="f is null")] == [0, 1, 2]


REFUSALS: list[tuple[int, dict[str, Any], str]] = [
    (1802, {"fieldName": "f", "nullable": True}, "CollectionFieldReqWithSchema.Schema.DataType"),
    (1100, field("f", "Int64"), "added field must be nullable"),
    (1100, field("s", "Int64", nullable=True), "duplicated field name s"),
    (1100, field("f", "Int64", nullable=True, isPrimary=True), "not support to add pk field"),
    (1100, field("f", "Int64", nullable=True, isPartitionKey=True), "partition key field"),
    (1100, field("f", "LONG", nullable=True), "data type LONG is invalid"),
    (1100, field("f", "Int64", nullable=True, defaultValue="a"), "convert defaultValue fail"),
    (1100, field("f", "Array", nullable=True), "element data type"),
    (1100, field("f", "ArrayOfStruct", nullable=True), "struct_fields/add"),
    (1101, field("f", "VarChar", nullable=True), "max_length"),
    (1701, field("1f", "Int64", nullable=True), "Invalid field name: 1f"),
    (1100, field("f", "FloatVector", nullable=True, dim=4), "adding vector field f"),
]


@pytest.mark.parametrize(("code", "entry", "words"), REFUSALS, ids=[r[2] for r in REFUSALS])
def test_a_bad_field_is_refused_and_not_added(
    milvus: Client, plain: str, code: int, entry: dict[str, Any], words: str
) -> None:
    answer = add(milvus, plain, entry)
    assert answer["code"] == code and words in answer["message"], answer
    fields = milvus.ok("collections/describe", {"collectionName": plain})["fields"]
    assert [each["name"] for each in fields] == ["id", "v", "s"]
    assert add(milvus, "gone", field("f", "Int64", nullable=True))["code"] == 100


def test_a_field_beside_a_dynamic_key_of_its_name_is_refused(milvus: Client, filled: str) -> None:
    milvus.ok("collections/flush", {"collectionName": filled})
    answer = add(milvus, filled, field("n", "Int64", nullable=True))
    assert answer["code"] == 1100 and "dynamic key" in answer["message"]
    assert add(milvus, filled, field("fresh", "Int64", nullable=True))["code"] == 0
    row = rows_of(milvus, filled, filter="id == 3", outputFields=["*"])[0]
    assert (row["n"], row["s"], row["fresh"]) == (3, "s3", None)


def test_an_added_field_is_there_after_a_kill(
    gateway: Callable[..., Process], tmp_path: Path
) -> None:
    first = gateway()
    client = first.ready()
    create(client, "c", key(), VECTOR)
    client.ok("entities/insert", {"collectionName": "c", "data": [{"id": 1, "v": [1, 0]}]})
    add(client, "c", field("f", "Int64", nullable=True, defaultValue=3))
    client.ok("entities/insert", {"collectionName": "c", "data": [{"id": 2, "v": [1, 0], "f": 4}]})
    os.kill(first.popen.pid, signal.SIGKILL)
    first.popen.wait()
    rows = rows_of(gateway().ready(), "c", outputFields=["f"])
    assert rows == [{"id": 1, "f": 3}, {"id": 2, "f": 4}]


def test_a_kill_while_a_field_is_added_is_made_good_at_the_start(
    gateway: Callable[..., Process], tmp_path: Path
) -> None:
    first = gateway()
    client = first.ready()
    create(client, "c", key(), VECTOR)
    client.ok("entities/insert", {"collectionName": "c", "data": [{"id": 1, "v": [1, 0]}]})
    client.ok("collections/flush", {"collectionName": "c"})
    folder = tmp_path / "data" / "collections" / "c"
    files = {path: path.read_bytes() for path in folder.rglob("*.parquet")}
    schema = (folder / "schema.json").read_bytes()
    add(client, "c", field("f", "Int64", nullable=True, defaultValue=3))
    first.stop()
    # The catalogue has the field, Lite's files have it not yet.
    (folder / "schema.json").write_bytes(schema)
    for path, content in files.items():
        path.write_bytes(content)
    client = gateway().ready()
    assert rows_of(client, "c", outputFields=["f"]) == [{"id": 1, "f": 3}]
    client.ok("entities/insert", {"collectionName": "c", "data": [{"id": 2, "v": [1, 0], "f": 4}]})
    assert rows_of(client, "c", filter="f == 4", outputFields=["f"]) == [{"id": 2, "f": 4}]


def test_beside_added_fields_no_row_is_lost_and_no_read_fails(milvus: Client, name: str) -> None:
    create(milvus, name, key(), VECTOR)
    running = threading.Event()
    running.set()
    written: list[int] = []
    failures: list[Any] = []

    def call(action: str, **more: Any) -> bool:
        answer = milvus(action, {"collectionName": name, **more})
        if answer["code"] != 0:
            failures.append((action, answer))
        return answer["code"] == 0

    def write(start: int) -> None:
        for number in itertools.count(start):
            if not running.is_set():
                return
            if call("entities/insert", data=[{"id": number, "v": [number, 1]}]):
                written.append(number)

    def read() -> None:
        while running.is_set():
            call("entities/query", filter="id >= 0", limit=5)
            call("entities/search", data=[[1, 1]], limit=5)
            call("entities/get", id=[0, 10**6])

    threads = [
        threading.Thread(target=write, args=(0,)),
        threading.Thread(target=write, args=(10**6,)),
        threading.Thread(target=read),
    ]
    for thread in threads:
        thread.start()
    for number in range(8):
        call("collections/fields/add", schema=field(f"f{number}", "Int64", nullable=True))
        call("collections/flush")
        call("collections/compact")
    running.clear()
    for thread in threads:
        thread.join()
    assert failures == []
    count = {"collectionName": name, "outputFields": ["count(*)"]}
    assert milvus.ok("entities/query", count) == [{"count(*)": len(written)}]
    assert len(written) > 8


def alter(client: Client, collection: str, name: str, params: Any) -> dict[str, Any]:
    body = {"collectionName": collection, "fieldName": name, "fieldParams": params}
    return client("collections/fields/alter_properties", body)


def test_a_changed_length_is_shown_and_kept_to(
    gateway: Callable[..., Process],
) -> None:
    first = gateway()
    client = first.ready()
    create(client, "c", key(), VECTOR, field("s", "VarChar", max_length=8))

    def insert(to: Client, number: int, text: str) -> int:
        row = {"id": number, "v": [1, 0], "s": text}
        return to("entities/insert", {"collectionName": "c", "data": [row]})["code"]

    assert insert(client, 1, "x" * 20) == 1100
    assert alter(client, "c", "s", {"max_length": "20"}) == {"code": 0, "data": {}}
    assert insert(client, 1, "x" * 20) == 0
    assert insert(client, 2, "x" * 21) == 1100
    assert alter(client, "c", "s", {"max_length": 4, "field.description": "short"})["code"] == 0
    first.stop()
    client = gateway().ready()
    assert insert(client, 3, "x" * 5) == 1100
    assert insert(client, 3, "x" * 4) == 0
    shown = client.ok("collections/describe", {"collectionName": "c"})["fields"][2]
    assert shown["params"] == [{"key": "max_length", "value": "4"}]
    assert shown["description"] == "short"


@pytest.mark.parametrize(
    ("code", "name", "params", "words"),
    [
        (1100, "v", {"max_length": 9}, "v can not modify the maxlength for non-string types"),
        (1100, "s", {"max_length": "x"}, "should be an integer"),
        (1100, "s", {"max_length": 65536}, "65536 exceeds the maximum allowed value 65535"),
        (1100, "s", {"max_capacity": 5}, "can not modify the maxcapacity for non-array types"),
        (1100, "s", {"dim": 5}, "dim does not allow update in collection field param"),
        (1100, "zz", {"field.description": "x"}, "field zz does not exist"),
        (104, "s", {"mmap.enabled": True}, "can not alter collection field properties"),
    ],
)
def test_a_bad_change_of_a_field_is_refused(
    milvus: Client, plain: str, code: int, name: str, params: dict[str, Any], words: str
) -> None:
    answer = alter(milvus, plain, name, params)
    assert answer["code"] == code and words in answer["message"]


def test_released_a_field_may_be_mapped(milvus: Client, plain: str) -> None:
    milvus.ok("collections/release", {"collectionName": plain})
    assert alter(milvus, plain, "s", {"mmap.enabled": True})["code"] == 0
    shown = milvus.ok("collections/describe", {"collectionName": plain})["fields"][2]
    assert {"key": "mmap.enabled", "value": "true"} in shown["params"]


# ── functions ───────────────────────────────────────────────────


def test_no_function_of_a_collection_can_be_changed(milvus: Client, plain: str) -> None:
    bm25 = {
        "name": "f",
        "type": "BM25",
        "inputFieldNames": ["s"],
        "outputFieldNames": ["w"],
    }
    other = {**bm25, "type": "TextEmbedding"}
    body = {"collectionName": plain, "function": bm25}
    assert "adding BM25 function" in milvus.refused(1100, "collections/add_function", body)
    message = milvus.refused(1100, "collections/add_function", {**body, "function": other})
    assert "function type TextEmbedding" in message
    body["functionName"] = "f"
    assert "alter BM25 function" in milvus.refused(1100, "collections/alter_function", body)
    message = milvus.refused(1100, "collections/alter_function", {**body, "function": other})
    assert message == "function f not found"
    milvus.ok("collections/drop_function", {"collectionName": plain, "FunctionName": "f"})
    del bm25["outputFieldNames"]
    message = milvus.refused(1802, "collections/add_function", {**body, "function": bm25})
    assert "CollectionAddFunction.Function.OutputFieldNames" in message
