"""Partitions, indexes, aliases and databases."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import Client, create, field, key, rows_of

VECTOR = field("v", "FloatVector", dim=4)


# ── partitions ──────────────────────────────────────────────────


def test_partitions_come_and_go_and_both_may_be_repeated(milvus: Client, quick: str) -> None:
    body = {"collectionName": quick, "partitionName": "p-1"}
    for _ in range(2):
        assert milvus("partitions/create", body) == {"code": 0, "data": {}}
    assert milvus.ok("partitions/list", body) == ["_default", "p-1"]
    assert milvus.ok("partitions/has", body) == {"has": True}
    assert milvus.ok("collections/describe", body)["partitionsNum"] == 2
    assert "partition is loaded" in milvus.refused(1100, "partitions/drop", body)
    milvus.ok("collections/release", body)
    for _ in range(2):
        milvus.ok("partitions/drop", body)
    assert milvus.ok("partitions/has", body) == {"has": False}


def test_rows_of_a_partition_are_counted_and_read_alone(milvus: Client, filled: str) -> None:
    milvus.ok("partitions/create", {"collectionName": filled, "partitionName": "p"})
    rows = [{"id": n, "vector": [0, 0, 1, n]} for n in (100, 101)]
    milvus.ok("entities/insert", {"collectionName": filled, "partitionName": "p", "data": rows})
    body = {"collectionName": filled, "partitionName": "p"}
    assert milvus.ok("partitions/get_stats", body) == {"rowCount": 2}
    count = {"collectionName": filled, "outputFields": ["count(*)"], "partitionNames": ["p"]}
    assert milvus.ok("entities/query", count) == [{"count(*)": 2}]
    assert [r["id"] for r in rows_of(milvus, filled, partitionNames=["p"])] == [100, 101]
    search = {"collectionName": filled, "data": [[1, 0, 0, 0]], "partitionNames": ["p"]}
    assert {hit["id"] for hit in milvus.ok("entities/search", search)} == {100, 101}
    got = milvus.ok(
        "entities/get", {"collectionName": filled, "id": [1, 100], "partitionNames": ["p"]}
    )
    assert [row["id"] for row in got] == [100]


def test_delete_keeps_to_its_partition(milvus: Client, filled: str) -> None:
    milvus.ok("partitions/create", {"collectionName": filled, "partitionName": "p"})
    row = {"id": 100, "vector": [0, 0, 1, 0], "n": 3}
    milvus.ok("entities/insert", {"collectionName": filled, "partitionName": "p", "data": [row]})
    for flushed in (False, True):
        if flushed:
            milvus.ok("collections/flush", {"collectionName": filled})
        for expression in ("id in [1, 2]", "n < 3"):
            milvus.ok(
                "entities/delete",
                {"collectionName": filled, "filter": expression, "partitionName": "p"},
            )
        assert len(rows_of(milvus, filled)) == 11
    milvus.ok(
        "entities/delete", {"collectionName": filled, "filter": "n == 3", "partitionName": "p"}
    )
    assert [row["id"] for row in rows_of(milvus, filled)] == list(range(1, 11))


@pytest.mark.parametrize("flushed", [False, True])
def test_a_row_upserted_into_another_partition_leaves_the_first(
    milvus: Client, filled: str, flushed: bool
) -> None:
    milvus.ok("partitions/create", {"collectionName": filled, "partitionName": "p"})
    if flushed:
        milvus.ok("collections/flush", {"collectionName": filled})
    row = {"id": 1, "vector": [0, 0, 1, 0]}
    milvus.ok("entities/upsert", {"collectionName": filled, "partitionName": "p", "data": [row]})
    left = rows_of(milvus, filled, partitionNames=["_default"])
    assert [row["id"] for row in left] == list(range(2, 11))
    assert [row["id"] for row in rows_of(milvus, filled, partitionNames=["p"])] == [1]


def test_an_unknown_partition_is_200_to_write_and_1100_to_read(milvus: Client, filled: str) -> None:
    row = {"id": 1, "vector": [0, 0, 1, 0]}
    body = {"collectionName": filled, "partitionName": "zz"}
    milvus.refused(200, "entities/insert", {**body, "data": [row]})
    milvus.refused(200, "partitions/get_stats", body)
    reading = {"collectionName": filled, "partitionNames": ["zz"]}
    for action, more in (
        ("entities/query", {"filter": "id > 0"}),
        ("entities/search", {"data": [[1, 0, 0, 0]]}),
        ("entities/get", {"id": 1}),
    ):
        message = milvus.refused(1100, action, {**reading, **more})
        assert message == "partition name zz not found"


@pytest.mark.parametrize("bad", ["-p", "p q", "ü", "p" * 256, "../p"])
def test_a_bad_partition_name_is_1100(milvus: Client, quick: str, bad: str) -> None:
    body = {"collectionName": quick, "partitionName": bad}
    assert milvus.refused(1100, "partitions/create", body).startswith("Invalid partition name: ")


def test_the_default_partition_stays(milvus: Client, quick: str) -> None:
    body = {"collectionName": quick, "partitionName": "_default"}
    assert "default partition cannot be deleted" in milvus.refused(1100, "partitions/drop", body)


def test_with_a_partition_key_partitions_are_not_the_clients(milvus: Client, name: str) -> None:
    create(milvus, name, key(), field("t", "Int64", isPartitionKey=True), VECTOR)
    names = milvus.ok("partitions/list", {"collectionName": name})
    assert names == [f"_default_{n}" for n in range(16)]
    body = {"collectionName": name, "partitionName": "p"}
    assert "partition key mode" in milvus.refused(1100, "partitions/create", body)
    assert "partition key mode" in milvus.refused(1100, "partitions/drop", body)
    data = [{"id": n, "t": n % 5, "v": [n, 1, 0, 0]} for n in range(20)]
    milvus.ok("entities/insert", {"collectionName": name, "data": data})
    assert "partition key mode" in milvus.refused(
        1100, "entities/insert", {**body, "data": data[:1]}
    )
    assert "partition key mode" in milvus.refused(
        1100, "entities/query", {**body, "partitionNames": ["p"], "filter": "id > 0"}
    )
    stats = [
        milvus.ok("partitions/get_stats", {"collectionName": name, "partitionName": each})
        for each in names
    ]
    assert sum(each["rowCount"] for each in stats) == 20
    milvus.ok("entities/upsert", {"collectionName": name, "data": [{**data[0], "t": 4}]})
    assert len(rows_of(milvus, name)) == 20
    assert [r["id"] for r in rows_of(milvus, name, filter="t == 4")] == [0, 4, 9, 14, 19]


def test_another_number_of_partition_key_partitions_is_refused(milvus: Client, name: str) -> None:
    body = {
        "collectionName": name,
        "schema": {"fields": [key(), field("t", "Int64", isPartitionKey=True), VECTOR]},
        "params": {"partitionsNum": 64},
    }
    assert "partitionsNum" in milvus.refused(1100, "collections/create", body)


# ── indexes ─────────────────────────────────────────────────────


@pytest.fixture
def bare(milvus: Client, name: str) -> str:
    """A collection without indexes."""
    create(
        milvus,
        name,
        key(),
        VECTOR,
        field("w", "SparseFloatVector"),
        field("n", "Int64"),
        field("j", "JSON"),
        indexParams=[],
    )
    return name


def index(client: Client, collection: str, **entry: Any) -> dict[str, Any]:
    return client("indexes/create", {"collectionName": collection, "indexParams": [entry]})


def test_a_given_index_name_and_its_parameters_are_kept(milvus: Client, bare: str) -> None:
    index(
        milvus,
        bare,
        fieldName="v",
        indexName="mine",
        indexType="HNSW",
        metricType="L2",
        params={"M": 16, "efConstruction": "200"},
    )
    assert milvus.ok("indexes/list", {"collectionName": bare}) == ["mine"]
    entries = milvus.ok("indexes/describe", {"collectionName": bare, "indexName": "mine"})
    assert entries == [
        {
            "indexName": "mine",
            "fieldName": "v",
            "indexType": "HNSW",
            "metricType": "L2",
            "totalRows": 0,
            "indexedRows": 0,
            "pendingRows": 0,
            "indexState": "Finished",
            "failReason": "",
            "minIndexVersion": 0,
            "maxIndexVersion": 0,
            "indexParams": [
                {"key": "index_type", "value": "HNSW"},
                {"key": "metric_type", "value": "L2"},
                {"key": "params", "value": '{"M":16,"efConstruction":"200"}'},
            ],
            "mmap.enabled": "",
            "indexoffsetcache.enabled": "",
            "warmup": "",
        }
    ]


def test_index_type_and_metric_have_defaults(milvus: Client, bare: str) -> None:
    for name in ("v", "w", "n"):
        assert index(milvus, bare, fieldName=name)["code"] == 0
    seen = {}
    for name in milvus.ok("indexes/list", {"collectionName": bare}):
        entry = milvus.ok("indexes/describe", {"collectionName": bare, "indexName": name})[0]
        seen[name] = (entry["indexType"], entry["metricType"])
    assert seen == {
        "v": ("AUTOINDEX", "COSINE"),
        "w": ("AUTOINDEX", "IP"),
        "n": ("AUTOINDEX", ""),
    }


def test_the_same_index_again_is_ok_and_another_one_is_refused(milvus: Client, bare: str) -> None:
    entry = {"fieldName": "v", "indexName": "one", "metricType": "IP"}
    assert index(milvus, bare, **entry)["code"] == 0
    assert index(milvus, bare, **entry)["code"] == 0
    other = index(milvus, bare, **{**entry, "metricType": "L2"})
    assert other["code"] == 1100
    assert "at most one distinct index is allowed per field" in other["message"]
    second = index(milvus, bare, **{**entry, "indexName": "two"})
    assert "creating multiple indexes on same field is not supported" in second["message"]


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"fieldName": "zz"}, "cannot create index on non-exist field: zz"),
        ({"fieldName": "v", "metricType": "XX"}, "does not support metric type: XX"),
        ({"fieldName": "w", "metricType": "L2"}, "only IP&BM25 is the supported metric type"),
        ({"fieldName": "w", "metricType": "BM25"}, "only BM25 Function output field support"),
        ({"fieldName": "v", "indexType": "NOPE"}, "invalid index type: NOPE"),
        ({"fieldName": "v", "indexType": "DISKANN"}, "index type DISKANN of field v"),
        ({"fieldName": "v", "indexType": "IVF_PQ"}, "not supported by Milvus Lite"),
        ({"fieldName": "v", "indexType": "SPARSE_INVERTED_INDEX"}, "can't build with this index"),
        ({"fieldName": "id", "indexType": "BITMAP"}, "bitmap index on primary key"),
        ({"fieldName": "n", "indexType": "Trie"}, "TRIE are only supported on varchar field"),
        ({"fieldName": "n", "indexType": "RTREE"}, "can only be built on geometry field, got"),
        ({"fieldName": "n", "indexType": "NGRAM"}, "index type NGRAM of field n"),
        ({"fieldName": "j", "indexType": "INVERTED", "params": {"json_cast_type": "X"}}, "X is"),
        ({"fieldName": "v", "indexName": "a b"}, "Invalid index name: a b"),
        ({"fieldName": "v", "indexType": "HNSW", "params": {"M": 1}}, "param 'M' (1)"),
        ({"fieldName": "v", "indexType": "IVF_FLAT", "params": {"nlist": 0}}, "param 'nlist'"),
    ],
)
def test_a_bad_index_is_1100(milvus: Client, bare: str, entry: dict[str, Any], words: str) -> None:
    answer = index(milvus, bare, **entry)
    assert answer["code"] == 1100 and words in answer["message"]
    assert milvus.ok("indexes/list", {"collectionName": bare}) == []


@pytest.mark.parametrize("kind", ["AUTOINDEX", "FLAT", "HNSW", "IVF_FLAT", "IVF_SQ8"])
def test_every_index_type_that_lite_has_finds_the_nearest(
    milvus: Client, bare: str, kind: str
) -> None:
    index(milvus, bare, fieldName="v", indexType=kind, metricType="L2")
    index(milvus, bare, fieldName="w")
    milvus.ok("collections/load", {"collectionName": bare})
    data = [{"id": n, "v": [n, 0, 0, 0], "w": {"1": 1}, "n": n, "j": {}} for n in range(50)]
    milvus.ok("entities/insert", {"collectionName": bare, "data": data})
    milvus.ok("collections/flush", {"collectionName": bare})
    body = {"collectionName": bare, "data": [[7, 0, 0, 0]], "annsField": "v", "limit": 1}
    assert milvus.ok("entities/search", body)[0]["id"] == 7


SCALARS = {
    "b": field("b", "Bool"),
    "n": field("n", "Int64"),
    "s": field("s", "VarChar", max_length=9),
    "a": field("a", "Array", elementDataType="Int64", max_capacity=9),
    "j": field("j", "JSON"),
    "g": field("g", "Geometry"),
    "t": field("t", "Timestamptz"),
}


def test_every_kind_of_scalar_index_is_kept_and_changes_no_answer(
    milvus: Client, name: str
) -> None:
    create(milvus, name, key(), VECTOR, *SCALARS.values())
    rows = [
        {
            "id": n,
            "v": [n, 0, 0, 0],
            "b": n % 2 == 0,
            "n": n,
            "s": f"s{n}",
            "a": [n, n + 1],
            "j": {"k": n},
            "g": f"POINT ({n} {n})",
            "t": f"2025-01-0{n}T00:00:00Z",
        }
        for n in range(1, 9)
    ]
    milvus.ok("entities/insert", {"collectionName": name, "data": rows})
    milvus.ok("collections/flush", {"collectionName": name})
    filters = {
        "b": "b == true",
        "n": "n > 3",
        "s": 's == "s4"',
        "a": "array_contains(a, 4)",
        "j": 'j["k"] == 4',
        "g": "ST_WITHIN(g, 'POLYGON ((0 0, 5 0, 5 5, 0 5, 0 0))')",
        "t": "t > ISO '2025-01-04T00:00:00Z'",
    }
    before = {at: rows_of(milvus, name, filter=each) for at, each in filters.items()}
    assert all(0 < len(found) < 8 for found in before.values())
    cast = {"json_cast_type": "DOUBLE", "json_path": 'j["k"]'}
    for at, kinds in {
        "b": ("BITMAP", "INVERTED", "AUTOINDEX"),
        "n": ("STL_SORT", "BITMAP", "INVERTED"),
        "s": ("Trie", "BITMAP", "INVERTED"),
        "a": ("BITMAP", "INVERTED", "AUTOINDEX"),
        "j": ("INVERTED", "AUTOINDEX"),
        "g": ("RTREE", "AUTOINDEX"),
        "t": ("STL_SORT", "AUTOINDEX"),
    }.items():
        for kind in kinds:
            params = cast if at == "j" else {}
            made = index(milvus, name, fieldName=at, indexType=kind, params=params)
            assert made["code"] == 0, made
            body = {"collectionName": name, "indexName": at}
            assert milvus.ok("indexes/describe", body)[0]["indexType"] == kind
            assert rows_of(milvus, name, filter=filters[at]) == before[at]
            milvus.ok("indexes/drop", body)


def test_an_index_on_json_needs_a_cast_type(milvus: Client, bare: str) -> None:
    answer = index(milvus, bare, fieldName="j", indexType="INVERTED")
    assert answer["code"] == 1101
    assert "json index must specify cast type" in answer["message"]


def test_index_properties_are_changed_shown_and_dropped(milvus: Client, filled: str) -> None:
    body = {"collectionName": filled, "indexName": "vector"}
    change = {**body, "properties": {"mmap.enabled": True, "warmup": "disable"}}
    message = milvus.refused(104, "indexes/alter_properties", change)
    assert "can't alter index on loaded collection" in message
    milvus.ok("collections/release", body)
    milvus.ok("indexes/alter_properties", change)
    entry = milvus.ok("indexes/describe", body)[0]
    assert (entry["mmap.enabled"], entry["warmup"]) == ("true", "disable")
    assert {"key": "mmap.enabled", "value": "true"} in entry["indexParams"]
    for _ in range(2):
        milvus.ok("indexes/drop_properties", {**body, "propertyKeys": ["mmap.enabled"]})
    entry = milvus.ok("indexes/describe", body)[0]
    assert (entry["mmap.enabled"], entry["warmup"]) == ("", "disable")


@pytest.mark.parametrize(
    ("properties", "words"),
    [
        ({"M": 8}, "M is not a configable index property"),
        ({"mmap.enabled": "maybe"}, "invalid mmap.enabled value: maybe"),
        ({"indexoffsetcache.enabled": True}, "only bitmap index support"),
        ({"warmup": "never"}, "warmup"),
    ],
)
def test_a_bad_index_property_is_1100(
    milvus: Client, quick: str, properties: dict[str, Any], words: str
) -> None:
    body = {"collectionName": quick, "indexName": "vector"}
    milvus.ok("collections/release", body)
    answer = milvus.refused(1100, "indexes/alter_properties", {**body, "properties": properties})
    assert words in answer
    milvus.refused(1100, "indexes/drop_properties", {**body, "propertyKeys": ["nothing"]})
    milvus.refused(
        700,
        "indexes/alter_properties",
        {**body, "indexName": "zz", "properties": {"mmap.enabled": True}},
    )


def test_an_unknown_index_is_700_to_describe_and_ok_to_drop(milvus: Client, quick: str) -> None:
    body = {"collectionName": quick, "indexName": "zz"}
    milvus.refused(700, "indexes/describe", body)
    milvus.ok("indexes/drop", body)


def test_a_vector_index_goes_only_from_a_released_collection(milvus: Client, filled: str) -> None:
    body = {"collectionName": filled, "indexName": "vector"}
    message = milvus.refused(1100, "indexes/drop", body)
    assert "vector index cannot be dropped on loaded collection: " in message
    milvus.ok("collections/release", body)
    milvus.ok("indexes/drop", body)
    assert milvus.ok("indexes/list", body) == []
    milvus.refused(700, "collections/load", body)
    index(milvus, filled, fieldName="vector", metricType="L2")
    milvus.ok("collections/load", body)
    search = {"collectionName": filled, "data": [[1, 0.1, 0, 0]], "limit": 1}
    assert milvus.ok("entities/search", search) == [{"id": 1, "distance": 0}]


def test_a_scalar_index_may_go_from_a_loaded_collection(milvus: Client, bare: str) -> None:
    for name in ("v", "w", "n"):
        index(milvus, bare, fieldName=name)
    milvus.ok("collections/load", {"collectionName": bare})
    data = [{"id": n, "v": [1, 0, 0, n], "w": {"1": 1}, "n": n, "j": {}} for n in range(9)]
    milvus.ok("entities/insert", {"collectionName": bare, "data": data})
    milvus.ok("collections/flush", {"collectionName": bare})
    assert [row["id"] for row in rows_of(milvus, bare, filter="n > 6")] == [7, 8]
    milvus.ok("indexes/drop", {"collectionName": bare, "indexName": "n"})
    assert [row["id"] for row in rows_of(milvus, bare, filter="n > 6")] == [7, 8]
    assert milvus.ok("indexes/list", {"collectionName": bare}) == ["v", "w"]


# ── aliases ─────────────────────────────────────────────────────


def test_an_alias_reads_and_writes_its_collection_and_can_be_moved(
    milvus: Client, filled: str, other: str
) -> None:
    alias = f"{filled}_a"
    for _ in range(2):
        milvus.ok("aliases/create", {"collectionName": filled, "aliasName": alias})
    assert len(rows_of(milvus, alias)) == 10
    row = {"id": 11, "vector": [1, 0, 0, 0]}
    milvus.ok("entities/insert", {"collectionName": alias, "data": [row]})
    assert len(rows_of(milvus, filled)) == 11
    described = milvus.ok("aliases/describe", {"aliasName": alias})
    assert described == {"dbName": "default", "collectionName": filled, "aliasName": alias}
    assert milvus.ok("aliases/list", {"collectionName": filled}) == [alias]
    assert alias in milvus.ok("aliases/list")
    assert milvus.ok("collections/describe", {"collectionName": alias})["aliases"] == [alias]
    milvus.ok("collections/create", {"collectionName": other, "dimension": 4})
    for _ in range(2):
        milvus.ok("aliases/alter", {"collectionName": other, "aliasName": alias})
    assert rows_of(milvus, alias) == []
    for _ in range(2):
        milvus.ok("aliases/drop", {"aliasName": alias})
    milvus.refused(1600, "aliases/describe", {"aliasName": alias})


def test_alias_conflicts_have_their_codes(milvus: Client, quick: str, other: str) -> None:
    milvus.ok("collections/create", {"collectionName": other, "dimension": 4})
    alias = f"{quick}_b"
    milvus.ok("aliases/create", {"collectionName": quick, "aliasName": alias})
    milvus.refused(1602, "aliases/create", {"collectionName": other, "aliasName": alias})
    milvus.refused(1601, "aliases/create", {"collectionName": other, "aliasName": quick})
    milvus.refused(1600, "aliases/alter", {"collectionName": other, "aliasName": "unheard"})
    milvus.refused(100, "aliases/alter", {"collectionName": "gone", "aliasName": alias})
    milvus.refused(1100, "aliases/create", {"collectionName": other, "aliasName": "1-a"})


# ── databases ───────────────────────────────────────────────────


def test_databases_keep_their_collections_apart(milvus: Client, name: str) -> None:
    milvus.ok("databases/create", {"dbName": "apart"})
    assert "apart" in milvus.ok("databases/list") and "default" in milvus.ok("databases/list")
    for database, number in (("default", 1), ("apart", 2)):
        where = {"collectionName": name, "dbName": database}
        milvus.ok("collections/create", {**where, "dimension": 4})
        row = {"id": number, "vector": [1, 0, 0, 0]}
        milvus.ok("entities/insert", {**where, "data": [row]})
        milvus.ok("aliases/create", {**where, "aliasName": f"{name}_x"})
    assert [row["id"] for row in rows_of(milvus, name, dbName="apart")] == [2]
    assert [row["id"] for row in rows_of(milvus, f"{name}_x")] == [1]
    assert "not empty" in milvus.refused(1100, "databases/drop", {"dbName": "apart"})
    milvus.ok("aliases/drop", {"aliasName": f"{name}_x", "dbName": "apart"})
    milvus.ok("collections/drop", {"collectionName": name, "dbName": "apart"})
    for _ in range(2):
        milvus.ok("databases/drop", {"dbName": "apart"})
    assert "apart" not in milvus.ok("databases/list")
    assert len(rows_of(milvus, name)) == 1


def test_a_database_has_an_id_and_properties(milvus: Client) -> None:
    body = {"dbName": "with_properties"}
    milvus.ok("databases/create", {**body, "properties": {"database.max.collections": 1}})
    milvus.ok("databases/alter", {**body, "properties": {"timezone": "UTC"}})
    data = milvus.ok("databases/describe", body)
    assert data["dbName"] == "with_properties" and data["dbID"] > 1
    assert data["properties"] == [
        {"key": "database.max.collections", "value": "1"},
        {"key": "timezone", "value": "UTC"},
    ]
    milvus.ok("collections/create", {**body, "collectionName": "one", "dimension": 4})
    milvus.refused(102, "collections/create", {**body, "collectionName": "two", "dimension": 4})
    milvus.ok("databases/drop_properties", {**body, "propertyKeys": ["database.max.collections"]})
    assert len(milvus.ok("databases/describe", body)["properties"]) == 1
    milvus.ok("collections/create", {**body, "collectionName": "two", "dimension": 4})


def test_database_refusals(milvus: Client) -> None:
    milvus.ok("databases/create", {"dbName": "twice"})
    assert "database already exist: twice" in milvus.refused(
        1100, "databases/create", {"dbName": "twice"}
    )
    milvus.refused(802, "databases/create", {"dbName": "a-b"})
    milvus.refused(1802, "databases/create", {})
    milvus.refused(800, "databases/describe", {"dbName": "nowhere"})
    milvus.refused(800, "databases/alter", {"dbName": "nowhere", "properties": {"a": 1}})
    assert "default database" in milvus.refused(1100, "databases/drop", {"dbName": "default"})
    milvus.refused(
        1100,
        "databases/alter",
        {"dbName": "twice", "properties": {"database.force.deny.writing": True}},
    )
