"""Compaction by hand: fewer files, the same rows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from conftest import Client, Process, create, field, key, rows_of

VECTOR = field("v", "FloatVector", dim=2)


@pytest.fixture
def client(gateway: Callable[..., Process]) -> Client:
    """A collection `c` with a clustering key, in two files, and three of six rows dead."""
    client = gateway().ready()
    create(client, "c", key(), VECTOR, field("k", "Int64", isClusteringKey=True))
    for start in (0, 3):
        rows = [{"id": start + n, "v": [1, n], "k": 10 - start - n} for n in range(3)]
        client.ok("entities/insert", {"collectionName": "c", "data": rows})
        client.ok("collections/flush", {"collectionName": "c"})
    client.ok("entities/delete", {"collectionName": "c", "filter": "id in [1, 4]"})
    client.ok("collections/flush", {"collectionName": "c"})
    return client


def files(folder: Path) -> list[list[int]]:
    """The clustering keys of the rows of each data file, as they lie there."""
    found = sorted((folder / "data" / "collections" / "c").rglob("data_*.parquet"))
    return [pq.read_table(path).column("k").to_pylist() for path in found]


def test_it_merges_files_and_drops_dead_rows(client: Client, tmp_path: Path) -> None:
    assert files(tmp_path) == [[10, 9, 8], [7, 6, 5]]
    before = rows_of(client, "c")
    number = client.ok("collections/compact", {"collectionName": "c"})["compactionID"]
    assert files(tmp_path) == [[10, 8, 7, 5]]
    assert rows_of(client, "c") == before and len(before) == 4
    assert client.ok("collections/get_compaction_state", {"jobID": number}) == {
        "compactionID": number,
        "state": "Completed",
        "executingPlanNumber": 0,
        "timeoutPlanNumber": 0,
        "completedPlanNumber": 1,
    }
    search = {"collectionName": "c", "data": [[1, 2]], "limit": 9}
    assert len(client.ok("entities/search", search)) == 4


def test_with_nothing_to_do_its_id_is_minus_one(client: Client) -> None:
    client.ok("collections/compact", {"collectionName": "c"})
    answer = client.ok("collections/compact", {"collectionName": "c"})
    assert answer == {"compactionID": -1}
    state = client.ok("collections/get_compaction_state", {"jobID": 7})
    assert (state["state"], state["completedPlanNumber"]) == ("Completed", 0)
    client.refused(100, "collections/compact", {"collectionName": "gone"})


def test_a_clustering_one_orders_rows_by_the_clustering_key(client: Client, tmp_path: Path) -> None:
    body = {"collectionName": "c", "isClustering": True}
    assert client.ok("collections/compact", body)["compactionID"] > 0
    assert files(tmp_path) == [[5, 7, 8, 10]]
    assert [row["id"] for row in rows_of(client, "c")] == [0, 2, 3, 5]


def test_without_a_clustering_key_there_is_nothing_to_cluster(client: Client) -> None:
    create(client, "d", key(), VECTOR)
    client.ok("entities/insert", {"collectionName": "d", "data": [{"id": 1, "v": [1, 0]}]})
    client.ok("collections/flush", {"collectionName": "d"})
    body = {"collectionName": "d", "isClustering": True}
    assert client.ok("collections/compact", body) == {"compactionID": -1}


def test_what_was_compacted_is_there_after_a_kill(
    client: Client, gateway: Callable[..., Process], tmp_path: Path
) -> None:
    client.ok("entities/upsert", {"collectionName": "c", "data": [{"id": 0, "v": [9, 9], "k": 1}]})
    client.ok("collections/flush", {"collectionName": "c"})
    client.ok("collections/compact", {"collectionName": "c"})
    before = rows_of(client, "c")
    assert before[0]["k"] == 1
    client.ok("entities/insert", {"collectionName": "c", "data": [{"id": 9, "v": [1, 1], "k": 2}]})
