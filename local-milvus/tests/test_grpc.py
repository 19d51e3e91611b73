"""gRPC on the REST port: what pymilvus, Milvus' own client, sees is what REST says, and back."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from conftest import ROOT, TOKEN, Client, Process, create, field, key, rows_of
from pymilvus import (
    AnnSearchRequest,
    DataType,
    Function,
    FunctionChain,
    FunctionChainStage,
    FunctionType,
    MilvusClient,
    MilvusException,
    RRFRanker,
)
from pymilvus.function_chain import col, fn

Start = Callable[..., Process]

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
EMPTY_SETTINGS = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
INT64_MAX = 2**63 - 1


def connect(client: Client, token: str | None = TOKEN, **more: Any) -> MilvusClient:
    uri = f"http://127.0.0.1:{client.port}"
    return MilvusClient(uri=uri, token=token or "", dedicated=True, timeout=20, **more)


@pytest.fixture(scope="module")
def pym(milvus: Client) -> Iterator[MilvusClient]:
    """pymilvus on the gateway that the tests share."""
    client = connect(milvus)
    yield client
    client.close()


def made(pym: MilvusClient, name: str, **more: Any) -> None:
    """A collection with every scalar kind, made over gRPC and loaded."""
    schema = pym.create_schema(enable_dynamic_field=True, description="made over gRPC")
    schema.add_field("pk", DataType.INT64, is_primary=True, **more)
    schema.add_field("v", DataType.FLOAT_VECTOR, dim=4, description="a vector")
    schema.add_field("flag", DataType.BOOL)
    schema.add_field("small", DataType.INT8, nullable=True)
    schema.add_field("big", DataType.INT64)
    schema.add_field("real", DataType.FLOAT)
    schema.add_field("double", DataType.DOUBLE)
    schema.add_field("text", DataType.VARCHAR, max_length=20, default_value="none")
    schema.add_field("doc", DataType.JSON)
    schema.add_field("list", DataType.ARRAY, element_type=DataType.INT64, max_capacity=4)
    params = pym.prepare_index_params()
    params.add_index("v", index_type="HNSW", metric_type="L2", index_name="by_v", params={"M": 16})
    pym.create_collection(
        name, schema=schema, index_params=params, consistency_level="Strong", num_shards=2
    )


ROW = {
    "pk": -(2**63),
    "v": [0.1, 0.2, 0.3, 0.4],
    "flag": True,
    "small": None,
    "big": INT64_MAX,
    "real": 0.1,
    "double": 0.1,
    "text": "höhe",
    "doc": {"a": [1, {"b": None}]},
    "list": [1, INT64_MAX],
    "extra": 7,
}


# ── one collection through both doors ───────────────────────────


def test_a_quick_collection_is_described_alike(
    milvus: Client, pym: MilvusClient, quick: str
) -> None:
    rest = milvus.ok("collections/describe", {"collectionName": quick})
    seen = pym.describe_collection(quick)
    assert seen["collection_id"] == rest["collectionID"]
    assert seen["enable_dynamic_field"] and rest["enableDynamicField"]
    assert [each["name"] for each in seen["fields"]] == ["id", "vector"]
    assert [each["field_id"] for each in seen["fields"]] == [each["id"] for each in rest["fields"]]
    assert (seen["num_shards"], seen["num_partitions"]) == (rest["shardsNum"], 1)
    assert seen["consistency_level_name"] == rest["consistencyLevel"] == "Bounded"
    assert pym.list_indexes(quick) == ["vector"]
    assert pym.describe_index(quick, "vector")["metric_type"] == "COSINE"


def test_what_is_created_over_grpc_is_described_over_rest(
    milvus: Client, pym: MilvusClient, name: str
) -> None:
    made(pym, name)
    rest = milvus.ok("collections/describe", {"collectionName": name})
    seen = pym.describe_collection(name)
    assert (rest["description"], seen["description"]) == ("made over gRPC", "made over gRPC")
    assert (rest["shardsNum"], seen["num_shards"]) == (2, 2)
    assert (rest["consistencyLevel"], seen["consistency_level_name"]) == ("Strong", "Strong")
    assert rest["collectionID"] == seen["collection_id"]
    by_name = {each["name"]: each for each in rest["fields"]}
    assert by_name["v"]["description"] == "a vector"
    assert by_name["small"]["nullable"] is True
    assert by_name["text"]["defaultValue"] == {"Data": {"StringData": "none"}}
    assert by_name["list"]["elementType"] == "Int64"
    assert [each["name"] for each in seen["fields"]] == [each["name"] for each in rest["fields"]]
    assert rest["load"] == "LoadStateLoaded"


def test_an_index_keeps_its_name_and_parameters_through_both_doors(
    milvus: Client, pym: MilvusClient, name: str
) -> None:
    made(pym, name)
    (rest,) = milvus.ok("indexes/describe", {"collectionName": name, "indexName": "by_v"})
    seen = pym.describe_index(name, "by_v")
    assert (rest["indexType"], rest["metricType"]) == ("HNSW", "L2")
    assert (seen["index_type"], seen["metric_type"]) == ("HNSW", "L2")
    assert (seen["field_name"], seen["index_name"]) == ("v", "by_v")
    (text,) = [pair["value"] for pair in rest["indexParams"] if pair["key"] == "params"]
    assert json.loads(text) == seen["params"]
    assert int(seen["params"]["M"]) == 16


def test_an_index_parameter_given_as_json_reaches_the_engine(
    milvus: Client, pym: MilvusClient, name: str
) -> None:
    create(milvus, name, key(), field("v", "FloatVector", dim=4), indexParams=[])
    params = pym.prepare_index_params()
    params.add_index("v", index_type="HNSW", metric_type="L2", params={"M": 1})
    with pytest.raises(MilvusException, match="Out of range in json: param 'M'"):
        pym.create_index(name, params)


def test_a_function_and_its_output_are_described_alike(
    milvus: Client, pym: MilvusClient, name: str
) -> None:
    schema = pym.create_schema()
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("text", DataType.VARCHAR, max_length=100, enable_analyzer=True)
    schema.add_field("words", DataType.SPARSE_FLOAT_VECTOR)
    schema.add_function(Function("bm25", FunctionType.BM25, ["text"], ["words"]))
    params = pym.prepare_index_params()
    params.add_index("words", index_type="SPARSE_INVERTED_INDEX", metric_type="BM25")
    pym.create_collection(name, schema=schema, index_params=params)
    (rest,) = milvus.ok("collections/describe", {"collectionName": name})["functions"]
    (seen,) = pym.describe_collection(name)["functions"]
    assert (rest["name"], seen["name"]) == ("bm25", "bm25")
    assert rest["inputFieldNames"] == list(seen["input_field_names"]) == ["text"]
    assert rest["outputFieldNames"] == list(seen["output_field_names"]) == ["words"]
    pym.insert(name, [{"id": 1, "text": "red apple"}, {"id": 2, "text": "green pear"}])
    (hits,) = pym.search(name, ["apple"], anns_field="words", limit=2)
    (found,) = milvus.ok(
        "entities/search", {"collectionName": name, "data": ["apple"], "annsField": "words"}
    )
    assert [hit["id"] for hit in hits] == [1]
    assert hits[0]["distance"] == pytest.approx(found["distance"])
    assert hits[0]["distance"] > 0


def test_the_load_state_is_one(milvus: Client, pym: MilvusClient, quick: str) -> None:
    def states() -> tuple[str, str]:
        rest = milvus.ok("collections/get_load_state", {"collectionName": quick})["loadState"]
        return rest.removeprefix("LoadState"), str(pym.get_load_state(quick)["state"])

    assert states() == ("Loaded", "Loaded")
    pym.release_collection(quick)
    assert states() == ("NotLoad", "NotLoad")
    assert milvus("entities/query", {"collectionName": quick, "limit": 1})["code"] == 101
    milvus.ok("collections/load", {"collectionName": quick})
    assert states() == ("Loaded", "Loaded")


def test_rows_written_over_grpc_are_exact_over_rest(
    milvus: Client, pym: MilvusClient, name: str
) -> None:
    made(pym, name)
    assert pym.insert(name, [ROW])["ids"] == [ROW["pk"]]
    (row,) = rows_of(milvus, name)
    assert row == {
        **ROW,
        "doc": '{"a":[1,{"b":null}]}',
        "list": {"Data": {"LongData": {"data": [1, INT64_MAX]}}},
    }


def test_rows_written_over_rest_are_exact_over_grpc(
    milvus: Client, pym: MilvusClient, name: str
) -> None:
    made(pym, name)
    milvus.ok("entities/insert", {"collectionName": name, "data": [ROW]})
    (row,) = pym.query(name, filter="big > 0", output_fields=["*"])
    assert row.pop("real") == pytest.approx(0.1)
    assert list(row.pop("v")) == pytest.approx(ROW["v"])
    expected = {name: value for name, value in ROW.items() if name not in ("real", "v")}
    assert {**row, "list": list(row["list"])} == expected


def test_null_vectors_are_null_over_both_doors(
    milvus: Client, pym: MilvusClient, name: str
) -> None:
    create(
        milvus,
        name,
        key(),
        field("v", "FloatVector", dim=2, nullable=True),
        field("w", "SparseFloatVector", nullable=True),
    )
    rows = [
        {"id": 1, "v": None, "w": {1: 0.5}},
        {"id": 2, "v": [1.0, 2.0], "w": None},
        {"id": 3, "v": None, "w": None},
        {"id": 4, "v": [3.0, 4.0], "w": {2: 0.25}},
    ]
    pym.insert(name, rows)
    asked = {"filter": "", "limit": 9, "output_fields": ["v", "w"]}
    assert list(pym.query(name, **asked)) == rows
    assert rows_of(milvus, name, outputFields=["v", "w"]) == [
        {**row, "w": row["w"] and {str(at): value for at, value in row["w"].items()}}
        for row in rows
    ]
    (hits,) = pym.search(name, [[3.0, 4.0]], anns_field="v", output_fields=["v", "w"], limit=9)
    assert [dict(hit["entity"]) for hit in hits] == [
        {"v": [3.0, 4.0], "w": {2: 0.25}},
        {"v": [1.0, 2.0], "w": None},
    ]
    pym.upsert(name, [{"id": 4, "v": None, "w": None}])
    (got,) = pym.query(name, filter="id == 4", output_fields=["v", "w"])
    assert got == {"id": 4, "v": None, "w": None}


def test_no_more_is_answered_than_was_asked_for(pym: MilvusClient, filled: str) -> None:
    (row,) = pym.query(filled, filter="id == 3", output_fields=["n"])
    assert row == {"id": 3, "n": 3}
    (hits,) = pym.search(filled, [[1.0, 0.3, 0.0, 0.0]], limit=1)
    assert hits[0]["entity"] == {}


def test_keys_that_milvus_gives_lie_beyond_2_to_53_and_are_the_stored_ones(
    milvus: Client, pym: MilvusClient, name: str
) -> None:
    made(pym, name, auto_id=True)
    row = {name: value for name, value in ROW.items() if name != "pk"}
    (number,) = pym.insert(name, [row])["ids"]
    assert number > 2**53
    assert [each["pk"] for each in rows_of(milvus, name)] == [number]


def test_counts_agree(milvus: Client, pym: MilvusClient, filled: str) -> None:
    pym.flush(filled)
    assert pym.get_collection_stats(filled) == {"row_count": 10}
    assert milvus.ok("collections/get_stats", {"collectionName": filled})["rowCount"] == 10
    assert pym.query(filled, filter="", output_fields=["count(*)"]) == [{"count(*)": 10}]


# ── where Lite departs from Milvus ──────────────────────────────


def test_a_delete_over_grpc_keeps_to_its_partition(
    milvus: Client, pym: MilvusClient, quick: str
) -> None:
    pym.create_partition(quick, "p")
    pym.insert(quick, [{"id": 1, "vector": [1, 0, 0, 0]}])
    pym.delete(quick, ids=[1], partition_name="p")
    assert len(rows_of(milvus, quick)) == 1


def test_an_upsert_over_grpc_replaces_the_row(
    milvus: Client, pym: MilvusClient, filled: str
) -> None:
    pym.upsert(filled, [{"id": 1, "vector": [0, 0, 0, 1]}])
    (row,) = milvus.ok("entities/get", {"collectionName": filled, "id": 1})
    assert row == {"id": 1, "vector": [0, 0, 0, 1]}


def test_a_query_over_grpc_comes_in_key_order_and_keeps_its_limit(
    pym: MilvusClient, filled: str
) -> None:
    rows = pym.query(filled, filter="id in [9, 7, 5, 3]", limit=2, offset=1)
    assert [row["id"] for row in rows] == [5, 7]


def test_values_of_a_filter_template_are_filled_in(pym: MilvusClient, filled: str) -> None:
    rows = pym.query(filled, filter="id in {ids}", filter_params={"ids": [2, 4]})
    assert [row["id"] for row in rows] == [2, 4]


def test_a_search_answers_the_same_over_both_doors(
    milvus: Client, pym: MilvusClient, filled: str
) -> None:
    vector = [1.0, 0.5, 0.0, 0.0]
    rest = milvus.ok(
        "entities/search",
        {
            "collectionName": filled,
            "data": [vector, vector],
            "limit": 3,
            "offset": 1,
            "filter": "n > 2",
            "outputFields": ["s"],
            "searchParams": {"radius": 0.5, "range_filter": 1.0},
        },
    )
    hits = pym.search(
        filled,
        [vector, vector],
        limit=3,
        offset=1,
        filter="n > 2",
        output_fields=["s"],
        search_params={"params": {"radius": 0.5, "range_filter": 1.0}},
    )
    assert [len(each) for each in hits] == [3, 3]
    flat = [hit for each in hits for hit in each]
    assert [hit["id"] for hit in flat] == [row["id"] for row in rest]
    assert [hit["entity"]["s"] for hit in flat] == [row["s"] for row in rest]
    assert [hit["distance"] for hit in flat] == pytest.approx([row["distance"] for row in rest])


def test_a_hybrid_search_answers_the_same_over_both_doors(
    milvus: Client, pym: MilvusClient, name: str
) -> None:
    create(milvus, name, key(), field("a", "FloatVector", dim=2), field("b", "FloatVector", dim=2))
    data = [{"id": n, "a": [1.0, n / 10], "b": [n / 10, 1.0]} for n in range(10)]
    milvus.ok("entities/insert", {"collectionName": name, "data": data})
    rest = milvus.ok(
        "entities/hybrid_search",
        {
            "collectionName": name,
            "search": [
                {"data": [[1.0, 0.2]], "annsField": each, "limit": 5} for each in ("a", "b")
            ],
            "rerank": {"strategy": "rrf", "params": {"k": 10}},
            "limit": 4,
        },
    )
    asked = [AnnSearchRequest([[1.0, 0.2]], each, {}, limit=5) for each in ("a", "b")]
    (hits,) = pym.hybrid_search(name, asked, RRFRanker(10), limit=4)
    assert [hit["id"] for hit in hits] == [row["id"] for row in rest]


def test_a_function_chain_works_over_grpc_too(pym: MilvusClient, filled: str) -> None:
    chain = (
        FunctionChain(FunctionChainStage.L2_RERANK)
        .map("$score", fn.num_combine(col("$score"), col("id"), mode="sum"))
        .sort("$score", desc=True)
    )
    (hits,) = pym.search(filled, [[1.0, 0, 0, 0]], limit=3, function_chains=chain)
    assert [hit["id"] for hit in hits] == [3, 2, 1]


def test_a_search_by_keys_beyond_2_to_53_is_exact(
    milvus: Client, pym: MilvusClient, name: str
) -> None:
    create(milvus, name, key(), field("v", "FloatVector", dim=2))
    pym.insert(name, [{"id": 2**53 + 1, "v": [1, 0]}, {"id": 2**53 + 2, "v": [0, 1]}])
    (hits,) = pym.search(name, ids=[2**53 + 1], anns_field="v", limit=1)
    assert [hit["id"] for hit in hits] == [2**53 + 1]


def test_partitions_are_counted_loaded_and_released_one_by_one(
    milvus: Client, pym: MilvusClient, filled: str
) -> None:
    pym.release_collection(filled)
    pym.create_partition(filled, "p")
    pym.load_partitions(filled, ["p"])
    pym.insert(filled, [{"id": 11, "vector": [1, 0, 0, 0]}], partition_name="p")
    assert [row["id"] for row in rows_of(milvus, filled)] == [11]
    assert int(pym.get_partition_stats(filled, "p")["row_count"]) == 1
    assert pym.list_partitions(filled) == ["_default", "p"]
    pym.release_partitions(filled, ["p"])
    assert str(pym.get_load_state(filled)["state"]) == "NotLoad"


def test_a_field_added_over_grpc_is_there_over_rest(
    milvus: Client, pym: MilvusClient, filled: str
) -> None:
    pym.add_collection_field(filled, "later", DataType.INT32, nullable=True)
    fields = milvus.ok("collections/describe", {"collectionName": filled})["fields"]
    assert fields[-1]["name"] == "later"
    pym.insert(filled, [{"id": 11, "vector": [1, 0, 0, 0], "later": 5}])
    rows = rows_of(milvus, filled, filter="id >= 10", outputFields=["later"])
    assert [row["later"] for row in rows] == [None, 5]


def test_properties_altered_over_grpc_are_shown_over_rest(
    milvus: Client, pym: MilvusClient, quick: str
) -> None:
    pym.release_collection(quick)
    pym.alter_collection_properties(quick, {"mmap.enabled": "true"})
    pairs = milvus.ok("collections/describe", {"collectionName": quick})["properties"]
    assert {"key": "mmap.enabled", "value": "true"} in pairs
    pym.drop_collection_properties(quick, ["mmap.enabled"])
    assert "mmap.enabled" not in pym.describe_collection(quick)["properties"]


def test_compaction_and_flush_of_everything_are_done_when_they_answer(
    pym: MilvusClient, filled: str
) -> None:
    pym.flush(filled)
    job = pym.compact(filled)
    assert pym.get_compaction_state(job) == "Completed"
    pym.flush_all()
    assert pym.get_collection_stats(filled) == {"row_count": 10}


def test_an_iterator_reads_every_row_once(pym: MilvusClient, filled: str) -> None:
    seen: list[int] = []
    iterator = pym.query_iterator(filled, batch_size=3, filter="n >= 0", output_fields=["n"])
    while batch := iterator.next():
        seen += [row["n"] for row in batch]
    iterator.close()
    assert seen == list(range(1, 11))


# ── names: aliases, dropping, databases ─────────────────────────


def test_an_alias_of_one_door_is_one_of_the_other(
    milvus: Client, pym: MilvusClient, filled: str, other: str
) -> None:
    pym.create_alias(filled, other)
    assert len(rows_of(milvus, other)) == 10
    assert milvus.ok("collections/describe", {"collectionName": filled})["aliases"] == [other]
    assert pym.describe_alias(other)["collection_name"] == filled
    with pytest.raises(MilvusException, match="it has associated aliases"):
        pym.drop_collection(filled)
    milvus.ok("aliases/drop", {"aliasName": other})
    assert pym.list_aliases(filled)["aliases"] == []


def test_dropped_and_made_anew_with_another_schema_it_is_the_new_one(
    milvus: Client, pym: MilvusClient, filled: str
) -> None:
    before = milvus.ok("collections/describe", {"collectionName": filled})
    pym.drop_collection(filled)
    assert milvus.ok("collections/has", {"collectionName": filled}) == {"has": False}
    made(pym, filled)
    after = milvus.ok("collections/describe", {"collectionName": filled})
    assert after["collectionID"] != before["collectionID"]
    assert after["fields"][0]["name"] == "pk"
    assert rows_of(milvus, filled) == []
    pym.insert(filled, [ROW])
    assert len(rows_of(milvus, filled)) == 1


def test_a_refusal_has_the_code_and_the_words_of_milvus(pym: MilvusClient, name: str) -> None:
    with pytest.raises(MilvusException) as caught:
        pym.describe_collection(name)
    assert caught.value.code == 100
    assert f"can't find collection[database=default][collection={name}]" in caught.value.message
    assert pym.has_collection(name) is False


def test_each_connection_keeps_to_its_database(
    milvus: Client, pym: MilvusClient, name: str
) -> None:
    pym.create_database("apart")
    inside = connect(milvus, db_name="apart")
    inside.create_collection(name, dimension=4)
    assert name not in pym.list_collections()
    assert milvus.ok("collections/list", {"dbName": "apart"}) == [name]
    assert milvus.ok("collections/list", headers={"DB-Name": "apart"}) == [name]
    with pytest.raises(MilvusException, match="must drop all collections before drop database"):
        pym.drop_database("apart")
    inside.drop_collection(name)
    pym.drop_database("apart")
    assert "apart" not in milvus.ok("databases/list")
    inside.close()


def test_a_connection_to_a_missing_database_is_refused(milvus: Client, pym: MilvusClient) -> None:
    with pytest.raises(MilvusException) as caught:
        connect(milvus, db_name="nowhere").list_collections()
    assert (caught.value.code, "database not found[database=nowhere]" in str(caught.value)) == (
        800,
        True,
    )


# ── credentials ─────────────────────────────────────────────────


def refusal(port: int, metadata: list[tuple[str, str]]) -> grpc.RpcError | None:
    from pymilvus.grpc_gen import milvus_pb2, milvus_pb2_grpc

    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = milvus_pb2_grpc.MilvusServiceStub(channel)
        try:
            stub.ListDatabases(milvus_pb2.ListDatabasesRequest(), metadata=metadata, timeout=10)
        except grpc.RpcError as error:
            return error
    return None


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        ([], "missing authorization in header"),
        ([("authorization", "?")], "invalid token format"),
        ([("authorization", "cm9vdDp3cm9uZw==")], "please check username and password are correct"),
        ([("authorization", "a2V5")], "please check api key is correct"),
    ],
)
def test_a_wrong_credential_is_unauthenticated(
    milvus: Client, metadata: list[tuple[str, str]], words: str
) -> None:
    error = refusal(milvus.port, metadata)
    assert error is not None
    assert error.code() is grpc.StatusCode.UNAUTHENTICATED
    assert words in error.details()


def test_the_right_credential_is_admitted(milvus: Client) -> None:
    assert refusal(milvus.port, [("authorization", "cm9vdDpNaWx2dXM=")]) is None


def test_without_a_token_any_client_is_admitted(gateway: Start) -> None:
    client = gateway(token=None).ready()
    assert refusal(client.port, []) is None
    assert refusal(client.port, [("authorization", "?")]) is None


@pytest.mark.skipif(sys.platform != "linux", reason="the socket has a name in /proc on Linux only")
def test_the_socket_behind_the_port_asks_for_the_credential_too(gateway: Start) -> None:
    from pymilvus.grpc_gen import milvus_pb2, milvus_pb2_grpc

    process = gateway()
    connect(process.ready()).close()
    own = set()
    for each in Path(f"/proc/{process.popen.pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # Closed meanwhile.
            own.add(os.readlink(each))
    sockets = [line.split() for line in Path("/proc/net/unix").read_text().splitlines()[1:]]
    (name,) = {each[7] for each in sockets if len(each) == 8 and f"socket:[{each[6]}]" in own}
    with grpc.insecure_channel(f"unix-abstract:{name[1:]}") as channel:
        stub = milvus_pb2_grpc.MilvusServiceStub(channel)
        with pytest.raises(grpc.RpcError) as caught:
            stub.ListDatabases(milvus_pb2.ListDatabasesRequest(), timeout=10)
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


# ── connections ─────────────────────────────────────────────────


def stopped_silently(process: Process) -> None:
    process.popen.terminate()
    assert process.popen.wait(5) == 0
    assert process.popen.stderr.read() == b""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_grpc_is_not_even_imported_before_the_first_client(gateway: Start) -> None:
    process = gateway()
    client = process.ready()
    client.ok("collections/create", {"collectionName": "c", "dimension": 4})
    maps = Path(f"/proc/{process.popen.pid}/maps")
    assert "cygrpc" not in maps.read_text()
    connect(client).close()
    assert "cygrpc" in maps.read_text()


def test_a_preface_that_comes_byte_by_byte_is_understood(gateway: Start) -> None:
    process = gateway()
    port = process.ready().port
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in PREFACE + EMPTY_SETTINGS:
            connection.sendall(bytes([byte]))
            time.sleep(0.002)
        assert connection.recv(9)[3] == 4  # The server's own SETTINGS frame.
    stopped_silently(process)


@pytest.mark.parametrize(
    "sent", [b"PRI * HTTP/2.0\r\n\r\nXX", b"P", b"PRI * HTTP/1.1\r\n\r\n", b"\0\1\2"]
)
def test_a_preface_that_goes_wrong_or_breaks_off_hurts_nobody(gateway: Start, sent: bytes) -> None:
    process = gateway()
    client = process.ready()
    with socket.create_connection(("127.0.0.1", client.port), timeout=10) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        connection.recv(1000)
    client.ok("collections/list")
    process.popen.terminate()
    assert process.popen.wait(5) == 0
    assert b"Traceback" not in process.popen.stderr.read()


def test_clients_that_hang_up_leave_no_socket(gateway: Start) -> None:
    process = gateway()
    client = process.ready()
    connect(client).close()
    descriptors = Path(f"/proc/{process.popen.pid}/fd")
    before = len(list(descriptors.iterdir()))
    for number in range(40):
        with socket.create_connection(("127.0.0.1", client.port), timeout=10) as connection:
            connection.sendall(PREFACE + (EMPTY_SETTINGS if number % 2 else b"garbage" * 10))
            if number % 4 < 2:
                connection.recv(9)
            if number % 3 == 0:
                connection.shutdown(socket.SHUT_WR)
            if number % 3 == 1:  # Reset instead of closed.
                linger = struct.pack("ii", 1, 0)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    end = time.monotonic() + 5
    while len(list(descriptors.iterdir())) > before and time.monotonic() < end:
        time.sleep(0.05)
    assert len(list(descriptors.iterdir())) <= before
    stopped_silently(process)


def test_a_client_that_is_killed_in_the_middle_of_its_writes_leaves_no_lock(
    gateway: Start, tmp_path: Path
) -> None:
    process = gateway()
    client = process.ready()
    client.ok("collections/create", {"collectionName": "c", "dimension": 4})
    writer = (
        "import itertools, sys\n"
        "from pymilvus import MilvusClient\n"
        f"client = MilvusClient(uri='http://127.0.0.1:{client.port}', token='{TOKEN}')\n"
        "for n in itertools.count():\n"
        "    client.insert('c', [{'id': n, 'vector': [1, 2, 3, 4]}])\n"
        "    print(n, flush=True)\n"
    )
    child = subprocess.Popen([sys.executable, "-c", writer], stdout=subprocess.PIPE)
    last = 0
    while last < 20:
        last = int(child.stdout.readline())
    child.kill()
    rest = child.stdout.read().split()
    child.wait()
    child.stdout.close()
    last = int(rest[-1]) if rest else last
    client.ok("entities/insert", {"collectionName": "c", "data": [{"id": -1, "vector": [0] * 4}]})
    assert {row["id"] for row in rows_of(client, "c")} >= set(range(-1, last + 1))
    stopped_silently(process)


def test_large_messages_pass_both_ways(pym: MilvusClient, name: str) -> None:
    pym.create_collection(name, dimension=1024)
    rows = [{"id": n, "vector": [float(n)] * 1024, "pad": "x" * 2000} for n in range(3000)]
    assert pym.insert(name, rows)["insert_count"] == 3000  # Some 18 MB.
    back = pym.query(name, filter="id >= 0", output_fields=["vector", "pad"])
    assert [row["id"] for row in back] == list(range(3000))
    assert back[-1]["vector"][0] == 2999.0


def test_what_lite_cannot_do_is_unimplemented_without_a_traceback(gateway: Start) -> None:
    process = gateway()
    pym = connect(process.ready())
    with pytest.raises(Exception, match="is not supported by Milvus Lite"):
        pym.create_user("someone", "password1")
    pym.close()
    stopped_silently(process)


def call(port: int, method: str, message: bytes) -> bytes:
    """A call with these bytes for its message; the bytes of the answer."""
    with grpc.insecure_channel(
        f"127.0.0.1:{port}", options=[("grpc.max_send_message_length", -1)]
    ) as channel:
        path = f"/milvus.proto.milvus.MilvusService/{method}"
        authorization = [("authorization", "cm9vdDpNaWx2dXM=")]
        return channel.unary_unary(path)(message, metadata=authorization, timeout=20)


def test_a_message_beyond_64_mib_is_refused_as_milvus_does(milvus: Client) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        call(milvus.port, "Insert", bytes(64 * 1024 * 1024 + 1))
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_every_call_of_the_service_is_answered_or_unimplemented(gateway: Start) -> None:
    from pymilvus.grpc_gen import milvus_pb2

    process = gateway()
    client = process.ready()
    answered = []
    for method in milvus_pb2.DESCRIPTOR.services_by_name["MilvusService"].methods:
        try:
            call(client.port, method.name, b"")
            answered.append(method.name)
        except grpc.RpcError as error:
            assert error.code() is grpc.StatusCode.UNIMPLEMENTED, method.name
            assert error.details() == f"{method.name} is not supported by Milvus Lite"
    assert len(answered) > 50
    stopped_silently(process)


def test_malformed_messages_are_refused_without_a_traceback(gateway: Start) -> None:
    from pymilvus.grpc_gen import common_pb2, milvus_pb2

    process = gateway()
    client = process.ready()
    client.ok("collections/create", {"collectionName": "c", "dimension": 4})
    with pytest.raises(grpc.RpcError) as caught:
        call(client.port, "Insert", b"\xff\xff")
    assert caught.value.code() is grpc.StatusCode.INTERNAL
    made = milvus_pb2.CreateCollectionRequest(collection_name="d", schema=b"\xff\xff")
    added = milvus_pb2.AddCollectionFieldRequest(collection_name="c", schema=b"\xff\xff")
    for method, message in (("CreateCollection", made), ("AddCollectionField", added)):
        answer = call(client.port, method, message.SerializeToString())
        assert common_pb2.Status.FromString(answer).code == 1100
    floats = common_pb2.PlaceholderGroup(
        placeholders=[common_pb2.PlaceholderValue(tag="$0", type=101, values=[b"123"])]
    ).SerializeToString()
    limit = [common_pb2.KeyValuePair(key="topk", value="1")]
    for group in (b"\xff\xff", floats, b""):
        asked = milvus_pb2.SearchRequest(
            collection_name="c", placeholder_group=group, search_params=limit
        )
        answer = call(client.port, "Search", asked.SerializeToString())
        assert milvus_pb2.SearchResults.FromString(answer).status.code == 1100
    stopped_silently(process)


def test_writers_through_both_doors_at_once_lose_no_row(
    milvus: Client, pym: MilvusClient, quick: str
) -> None:
    def over_rest(writer: int) -> None:
        for number in range(25):
            row = {"id": writer * 1000 + number, "vector": [1, 0, 0, 0]}
            milvus.ok("entities/insert", {"collectionName": quick, "data": [row]})

    def over_grpc(writer: int) -> None:
        for number in range(25):
            pym.insert(quick, [{"id": writer * 1000 + number, "vector": [1, 0, 0, 0]}])
            if number % 10 == 9:
                pym.flush(quick)

    with ThreadPoolExecutor(6) as pool:
        jobs = [pool.submit(over_rest, n) for n in range(3)]
        jobs += [pool.submit(over_grpc, n) for n in range(3, 6)]
        for job in jobs:
            job.result()
    assert len(rows_of(milvus, quick)) == 150


def test_where_sockets_need_a_file_it_is_the_owners_alone_and_never_left(tmp_path: Path) -> None:
    """What other systems than Linux do, tried by calling this one by another name."""
    start = (
        "import runpy, sys, types\n"
        "from milvus_gateway.rpc import server as grpc_server\n"
        "grpc_server.sys = types.SimpleNamespace(platform='other', modules=sys.modules)\n"
        f"sys.argv = ['gateway', '--data-dir', {str(tmp_path / 'data')!r}]\n"
        "runpy.run_module('milvus_gateway', run_name='__main__')\n"
    )
    # Not in `tmp_path`: the path of a Unix socket may have 107 bytes only.
    temporary = Path(tempfile.mkdtemp())
    for number in (signal.SIGKILL, signal.SIGTERM):
        child = subprocess.Popen(
            [sys.executable, "-c", start],
            env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(temporary)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )
        pym = connect(Client(json.loads(child.stdout.readline())["port"], None), token=None)
        assert pym.list_collections() == []
        (folder,) = temporary.iterdir()
        assert folder.stat().st_mode & 0o777 == 0o700
        pym.close()
        child.send_signal(number)
        child.wait(5)
        child.stdout.close()
    temporary.rmdir()  # Which fails if anything was left.


# ── stopping and starting again ─────────────────────────────────


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_what_was_acknowledged_over_grpc_is_there_after_a_restart(
    gateway: Start, number: int
) -> None:
    first = gateway()
    pym = connect(first.ready())
    made(pym, "c")
    acknowledged: list[int] = []

    def write() -> None:
        try:
            while True:
                row = {**ROW, "pk": len(acknowledged)}
                pym.insert("c", [row], timeout=3)
                acknowledged.append(row["pk"])
        except Exception:
            return

    writer = threading.Thread(target=write)
    writer.start()
    while len(acknowledged) < 30:
        time.sleep(0.01)
    begun = time.monotonic()
    first.popen.send_signal(number)
    first.popen.wait(5)
    assert time.monotonic() - begun < 1.0
    if number == signal.SIGTERM:
        assert first.popen.returncode == 0
        assert b"Traceback" not in first.popen.stderr.read()
    writer.join(30)
    assert not writer.is_alive()
    pym.close()
    second = gateway().ready()
    keys = {row["pk"] for row in rows_of(second, "c", outputFields=["pk"], limit=16384)}
    assert keys >= set(acknowledged)
    again = connect(second)
    assert again.describe_index("c", "by_v")["index_type"] == "HNSW"
    assert str(again.get_load_state("c")["state"]) == "Loaded"
    assert again.describe_collection("c")["description"] == "made over gRPC"
    again.close()


def test_a_collection_that_another_program_made_anew_or_dropped_is_seen_as_it_is(
    gateway: Start, tmp_path: Path
) -> None:
    first = gateway()
    client = first.ready()
    for name in ("anew", "dropped", "kept"):
        client.ok("collections/create", {"collectionName": name, "dimension": 4})
    before = client.ok("collections/describe", {"collectionName": "anew"})["collectionID"]
    first.stop()
    other = (
        "from milvus_lite.db import MilvusLite\n"
        "from milvus_lite.schema.types import CollectionSchema, DataType, FieldSchema\n"
        f"lite = MilvusLite({str(tmp_path / 'data')!r})\n"
        "lite.drop_collection('anew')\n"
        "lite.drop_collection('dropped')\n"
        "fields = [FieldSchema(name='pk', dtype=DataType.INT64, is_primary=True),\n"
        "          FieldSchema(name='v', dtype=DataType.FLOAT_VECTOR, dim=8)]\n"
        "lite.create_collection('anew', CollectionSchema(fields=fields))\n"
        "lite.get_collection('kept').release()\n"
        "lite.get_collection('kept').drop_index('vector')\n"
        "lite.close()\n"
    )
    subprocess.run([sys.executable, "-c", other], check=True)
    client = gateway().ready()
    assert sorted(client.ok("collections/list")) == ["anew", "kept"]
    described = client.ok("collections/describe", {"collectionName": "anew"})
    assert [each["name"] for each in described["fields"]] == ["pk", "v"]
    assert described["collectionID"] != before
    assert client.ok("collections/has", {"collectionName": "dropped"}) == {"has": False}
    client.ok("collections/create", {"collectionName": "dropped", "dimension": 2})
    assert client.ok("indexes/list", {"collectionName": "kept"}) == []
