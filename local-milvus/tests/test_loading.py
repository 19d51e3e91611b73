"""What is loaded: collections and single partitions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from conftest import Client, Process, create, field, key, rows_of


@pytest.fixture
def split(milvus: Client, filled: str) -> str:
    """Ten rows in `_default`, two in `p`, two in `q`."""
    for number, name in ((100, "p"), (200, "q")):
        milvus.ok("partitions/create", {"collectionName": filled, "partitionName": name})
        rows = [{"id": number + n, "vector": [0, 0, 1, n]} for n in range(2)]
        milvus.ok(
            "entities/insert", {"collectionName": filled, "partitionName": name, "data": rows}
        )
    return filled


def partitions(client: Client, verb: str, collection: str, *names: str) -> dict[str, Any]:
    return client(
        f"partitions/{verb}", {"collectionName": collection, "partitionNames": list(names)}
    )


def test_what_was_released_is_not_read_and_the_rest_is(milvus: Client, split: str) -> None:
    for _ in range(2):
        assert partitions(milvus, "release", split, "p") == {"code": 0, "data": {}}
    ids = [row["id"] for row in rows_of(milvus, split)]
    assert ids == [*range(1, 11), 200, 201]
    count = {"collectionName": split, "outputFields": ["count(*)"]}
    assert milvus.ok("entities/query", count) == [{"count(*)": 12}]
    assert milvus.ok("entities/get", {"collectionName": split, "id": [100, 200]})[0]["id"] == 200
    search = {"collectionName": split, "data": [[0, 0, 1, 1]], "limit": 100}
    assert {hit["id"] for hit in milvus.ok("entities/search", search)} == set(ids)
    for action, more in (
        ("entities/query", {"filter": "id > 0"}),
        ("entities/get", {"id": 100}),
        ("entities/search", {"data": [[1, 0, 0, 0]]}),
    ):
        body = {"collectionName": split, "partitionNames": ["q", "p"], **more}
        assert milvus.refused(201, action, body) == "partition not loaded[partition=p]"
    for _ in range(2):
        assert partitions(milvus, "load", split, "p")["code"] == 0
    assert len(rows_of(milvus, split)) == 14


def test_loaded_alone_it_is_read_alone(milvus: Client, split: str) -> None:
    milvus.ok("collections/release", {"collectionName": split})
    assert partitions(milvus, "load", split, "p", "q")["code"] == 0
    assert [row["id"] for row in rows_of(milvus, split)] == [100, 101, 200, 201]
    milvus.ok("partitions/create", {"collectionName": split, "partitionName": "later"})
    body = {"collectionName": split, "partitionNames": ["later"], "filter": "id > 0"}
    milvus.refused(201, "entities/query", body)
    milvus.ok("collections/load", {"collectionName": split})
    assert len(rows_of(milvus, split)) == 14
    assert milvus.ok("entities/query", body) == []


def test_with_its_last_partition_a_collection_is_released(milvus: Client, split: str) -> None:
    partitions(milvus, "release", split, "p", "q", "_default")
    state = milvus.ok("collections/get_load_state", {"collectionName": split})
    assert state == {"loadState": "LoadStateNotLoad"}
    milvus.refused(101, "entities/query", {"collectionName": split, "filter": "id > 0"})


def test_a_released_partition_may_be_dropped_and_a_loaded_one_not(
    milvus: Client, split: str
) -> None:
    body = {"collectionName": split, "partitionName": "p"}
    assert "partition is loaded" in milvus.refused(1100, "partitions/drop", body)
    partitions(milvus, "release", split, "p")
    milvus.ok("partitions/drop", body)
    milvus.ok("partitions/create", body)
    body["partitionNames"] = ["p"]
    assert milvus.ok("entities/query", {**body, "filter": "id > 0"}) == []


def test_the_load_state_of_partitions_is_told(milvus: Client, split: str) -> None:
    partitions(milvus, "release", split, "p")
    body = {"collectionName": split, "partitionNames": ["q"]}
    loaded = {"loadState": "LoadStateLoaded", "loadProgress": 100}
    assert milvus.ok("collections/get_load_state", body) == loaded
    unknown = {"loadState": "LoadStateLoading", "loadProgress": -1}
    for name, words in (("p", "partition not loaded"), ("zz", "partition not found")):
        answer = milvus("collections/get_load_state", {**body, "partitionNames": [name]})
        assert answer["data"] == unknown and answer["message"].startswith(words)


def test_bad_loads_of_partitions_have_their_codes(milvus: Client, split: str, other: str) -> None:
    for verb in ("load", "release"):
        assert partitions(milvus, verb, split, "zz")["code"] == 200
        assert partitions(milvus, verb, split)["code"] == 1100
        assert partitions(milvus, verb, "gone", "p")["code"] == 100
    milvus.ok("collections/release", {"collectionName": split})
    milvus.ok("indexes/drop", {"collectionName": split, "indexName": "vector"})
    assert partitions(milvus, "load", split, "p")["code"] == 700
    owner = field("o", "Int64", isPartitionKey=True)
    create(milvus, other, key(), field("v", "FloatVector", dim=4), owner)
    answer = partitions(milvus, "release", other, "_default_0")
    assert "if partition key mode is used" in answer["message"]


def test_refresh_load_asks_for_a_loaded_collection(milvus: Client, filled: str) -> None:
    body = {"collectionName": filled}
    milvus.ok("collections/refresh_load", body)
    assert len(rows_of(milvus, filled)) == 10
    milvus.ok("collections/release", body)
    milvus.refused(101, "collections/refresh_load", body)


def test_after_a_restart_the_same_partitions_are_loaded(gateway: Callable[..., Process]) -> None:
    first = gateway()
    client = first.ready()
    client.ok("collections/create", {"collectionName": "c", "dimension": 2})
    client.ok("partitions/create", {"collectionName": "c", "partitionName": "p"})
    for name, number in (("_default", 1), ("p", 2)):
        body = {"collectionName": "c", "partitionName": name}
        client.ok("entities/insert", {**body, "data": [{"id": number, "vector": [1, 0]}]})
    partitions(client, "release", "c", "_default")
    first.stop()
    client = gateway().ready()
    assert [row["id"] for row in rows_of(client, "c")] == [2]
