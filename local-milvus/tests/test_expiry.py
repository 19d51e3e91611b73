"""Rows whose time to live is over."""

from __future__ import annotations

import time
from collections.abc import Callable

from conftest import Client, Process, rows_of

SECONDS = 3
# Rows go by steps of a second, so the last ones a second late.
OVER = SECONDS + 1.1


def insert(client: Client, name: str, *numbers: int, action: str = "insert") -> None:
    rows = [{"id": number, "vector": [1, number]} for number in numbers]
    client.ok(f"entities/{action}", {"collectionName": name, "data": rows})


def made(client: Client, name: str, seconds: int = SECONDS) -> None:
    body = {"collectionName": name, "dimension": 2, "params": {"ttlSeconds": str(seconds)}}
    client.ok("collections/create", body)


def ids(client: Client, name: str) -> list[int]:
    return [row["id"] for row in rows_of(client, name)]


def test_rows_over_their_time_are_found_by_no_read(milvus: Client, name: str) -> None:
    made(milvus, name)
    insert(milvus, name, 1, 2)
    milvus.ok("collections/flush", {"collectionName": name})
    insert(milvus, name, 3)
    time.sleep(OVER)
    insert(milvus, name, 4)
    body = {"collectionName": name}
    assert [row["id"] for row in milvus.ok("entities/get", {**body, "id": [1, 3, 4]})] == [4]
    search = {**body, "data": [[1, 1]], "limit": 9}
    assert [hit["id"] for hit in milvus.ok("entities/search", search)] == [4]
    count = {**body, "outputFields": ["count(*)"]}
    assert milvus.ok("entities/query", count) == [{"count(*)": 1}]


def test_each_kind_of_read_looks_at_the_time(milvus: Client, name: str) -> None:
    body = {"collectionName": name}
    for action, more in (
        ("entities/get", {"id": 1}),
        ("entities/query", {"filter": "id > 0"}),
        ("entities/search", {"data": [[1, 1]]}),
    ):
        made(milvus, name)
        insert(milvus, name, 1)
        assert len(milvus.ok(action, {**body, **more})) == 1
        time.sleep(OVER)
        assert milvus.ok(action, {**body, **more}) == []
        milvus.ok("collections/drop", body)


def test_a_row_written_again_lives_again(milvus: Client, name: str) -> None:
    made(milvus, name)
    insert(milvus, name, 1, 2)
    time.sleep(SECONDS - 0.5)
    insert(milvus, name, 2, action="upsert")
    time.sleep(OVER - SECONDS + 0.5)
    assert ids(milvus, name) == [2]


def test_the_time_is_changed_shown_and_taken_away(milvus: Client, name: str) -> None:
    made(milvus, name)
    insert(milvus, name, 1)
    body = {"collectionName": name}
    milvus.ok("collections/drop_properties", {**body, "propertyKeys": ["collection.ttl.seconds"]})
    time.sleep(OVER)
    assert ids(milvus, name) == [1]
    properties = {"collection.ttl.seconds": 1}
    milvus.ok("collections/alter_properties", {**body, "properties": properties})
    shown = milvus.ok("collections/describe", body)["properties"]
    assert {"key": "collection.ttl.seconds", "value": "1"} in shown
    time.sleep(2.1)
    assert ids(milvus, name) == []


def test_a_restart_and_a_rename_forget_no_age(gateway: Callable[..., Process]) -> None:
    first = gateway()
    client = first.ready()
    made(client, "c", 900)
    insert(client, "c", 1)
    began = time.monotonic()
    client.ok("collections/rename", {"collectionName": "c", "newCollectionName": "d"})
    time.sleep(8)
    insert(client, "d", 2)
    first.popen.kill()
    first.popen.wait()
    client = gateway().ready()
    assert ids(client, "d") == [1, 2]
    # A time that the first row is over, and the second one by far not.
    properties = {"collection.ttl.seconds": int(time.monotonic() - began) - 1}
    client.ok("collections/alter_properties", {"collectionName": "d", "properties": properties})
    assert ids(client, "d") == [2]


def test_an_emptied_collection_counts_anew(milvus: Client, name: str) -> None:
    made(milvus, name)
    insert(milvus, name, 1, 2, 3)
    milvus.ok("collections/truncate", {"collectionName": name})
    time.sleep(OVER)
    insert(milvus, name, 4)
    assert ids(milvus, name) == [4]
