"""Collections: both forms of create, describe, load, rename, drop, properties."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import Client, create, field, key, rows_of

VECTOR = field("v", "FloatVector", dim=4)


def test_a_quick_collection_is_described_as_milvus_describes_it(milvus: Client, quick: str) -> None:
    data = milvus.ok("collections/describe", {"collectionName": quick})
    assert data.pop("collectionID") > 2**53
    assert data == {
        "collectionName": quick,
        "description": "",
        "autoId": False,
        "enableDynamicField": True,
        "fields": [
            {
                "id": 100,
                "name": "id",
                "type": "Int64",
                "primaryKey": True,
                "autoId": False,
                "partitionKey": False,
                "clusteringKey": False,
                "nullable": False,
                "description": "",
            },
            {
                "id": 101,
                "name": "vector",
                "type": "FloatVector",
                "params": [{"key": "dim", "value": "4"}],
                "primaryKey": False,
                "autoId": False,
                "partitionKey": False,
                "clusteringKey": False,
                "nullable": False,
                "description": "",
            },
        ],
        "structFields": [],
        "functions": [],
        "aliases": [],
        "indexes": [{"indexName": "vector", "fieldName": "vector", "metricType": "COSINE"}],
        "load": "LoadStateLoaded",
        "shardsNum": 1,
        "partitionsNum": 1,
        "consistencyLevel": "Bounded",
        "properties": [{"key": "timezone", "value": "UTC"}],
        "externalSource": "",
        "externalSpec": "",
    }


def test_describe_carries_a_message_beside_its_data(milvus: Client, quick: str) -> None:
    assert milvus("collections/describe", {"collectionName": quick})["message"] == ""


def test_a_quick_collection_takes_other_names_types_and_metrics(milvus: Client, name: str) -> None:
    milvus.ok(
        "collections/create",
        {
            "collectionName": name,
            "dimension": 8,
            "idType": "VarChar",
            "autoID": True,
            "primaryFieldName": "pk",
            "vectorFieldName": "emb",
            "metricType": "L2",
            "params": {"max_length": 32, "enableDynamicField": False},
        },
    )
    data = milvus.ok("collections/describe", {"collectionName": name})
    assert [each["name"] for each in data["fields"]] == ["pk", "emb"]
    assert data["fields"][0]["params"] == [{"key": "max_length", "value": "32"}]
    assert (data["autoId"], data["enableDynamicField"]) == (True, False)
    assert data["indexes"] == [{"indexName": "emb", "fieldName": "emb", "metricType": "L2"}]
    ids = milvus.ok("entities/insert", {"collectionName": name, "data": [{"emb": [0.5] * 8}]})
    assert isinstance(ids["insertIds"][0], str)


def test_a_quick_sparse_collection_has_no_dimension(milvus: Client, name: str) -> None:
    body = {"collectionName": name, "vectorFieldType": "SparseFloatVector"}
    message = milvus.refused(1100, "collections/create", {**body, "dimension": 4})
    assert "dimension should not be specified for SparseFloatVector quick create" in message
    milvus.ok("collections/create", body)
    data = milvus.ok("collections/describe", {"collectionName": name})
    assert data["indexes"][0]["metricType"] == "IP"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "dimension is required for quickly create collection"),
        ({"dimension": 1}, "invalid dimension: 1. should be in range 2 ~ 32768"),
        ({"dimension": 40000}, "vector dimension should be in range 2 ~ 32768"),
        ({"dimension": 4, "metricType": "XX"}, "does not support metric type: XX"),
        ({"dimension": 4, "metricType": "BM25"}, "does not support metric type: BM25"),
        ({"dimension": 4, "idType": "Float"}, "idType can only be [Int64, VarChar]"),
        ({"dimension": 4, "vectorFieldType": "Text"}, "vectorFieldType can only be"),
        ({"dimension": 8, "vectorFieldType": "BinaryVector"}, "not supported by Milvus Lite"),
        (
            {"dimension": 8, "vectorFieldType": "BinaryVector", "metricType": "COSINE"},
            "binary vector index does not support metric type: COSINE",
        ),
        ({"dimension": 4, "consistencyLevel": "Now"}, "consistencyLevel can only be"),
        ({"dimension": 4, "params": {"shardsNum": 17}}, "shards"),
        ({"dimension": 4, "params": {"ttlField": "t"}}, "params.ttlField"),
        ({"dimension": 4, "params": {"ttlSeconds": "soon"}}, "not a valid positive integer"),
        ({"dimension": 4, "params": {"ttlSeconds": -2}}, "out of range"),
        (
            {
                "dimension": 4,
                "params": {"ttlSeconds": 60},
                "properties": {"collection.ttl.seconds": 6},
            },
            "collection TTL is specified multiple times",
        ),
        ({"externalSource": "s3://b"}, "must be set under schema"),
        (
            {
                "dimension": 4,
                "consistencyLevel": "Strong",
                "params": {"consistencyLevel": "Session"},
            },
            "conflicts",
        ),
        ({"schema": {"functions": [{"name": "f"}]}}, "not supported for quickly create"),
    ],
)
def test_a_bad_quick_create_is_1100_and_makes_nothing(
    milvus: Client, name: str, body: dict[str, Any], words: str
) -> None:
    assert words in milvus.refused(1100, "collections/create", {"collectionName": name, **body})
    assert milvus.ok("collections/has", {"collectionName": name}) == {"has": False}


@pytest.mark.parametrize("bad", ["1a", "a-b", "a b", "ä", "a" * 256, "../x", "a/b"])
def test_a_bad_collection_name_is_1100(milvus: Client, bad: str) -> None:
    message = milvus.refused(1100, "collections/create", {"collectionName": bad, "dimension": 4})
    assert message.startswith(f"Invalid collection name: {bad}. ")


def test_the_longest_name_is_taken(milvus: Client) -> None:
    milvus.ok("collections/create", {"collectionName": "n" * 255, "dimension": 4})
    milvus.ok("collections/drop", {"collectionName": "n" * 255})


def test_the_same_create_again_is_ok_and_another_one_is_1100(milvus: Client, quick: str) -> None:
    milvus.ok("collections/create", {"collectionName": quick, "dimension": 4})
    message = milvus.refused(1100, "collections/create", {"collectionName": quick, "dimension": 5})
    assert message.startswith(
        f"create duplicate collection with different parameters, collection: {quick}"
    )


def test_without_index_params_nothing_is_indexed_or_loaded(milvus: Client, name: str) -> None:
    create(milvus, name, key(), VECTOR, indexParams=[])
    data = milvus.ok("collections/describe", {"collectionName": name})
    assert (data["indexes"], data["load"], data["enableDynamicField"]) == (
        [],
        "LoadStateNotLoad",
        False,
    )
    state = milvus("collections/get_load_state", {"collectionName": name})
    assert state == {"code": 0, "data": {"loadState": "LoadStateNotLoad"}}


def test_with_index_params_it_is_indexed_and_loaded(milvus: Client, name: str) -> None:
    create(
        milvus,
        name,
        key(),
        VECTOR,
        indexParams=[{"fieldName": "v", "indexName": "mine", "metricType": "IP"}],
    )
    data = milvus.ok("collections/describe", {"collectionName": name})
    assert data["indexes"] == [{"indexName": "mine", "fieldName": "v", "metricType": "IP"}]
    state = milvus("collections/get_load_state", {"collectionName": name})
    assert state == {
        "code": 0,
        "data": {"loadState": "LoadStateLoaded", "loadProgress": 100},
        "message": "",
    }


def test_an_index_on_a_field_outside_the_schema_is_1802_and_the_collection_stays(
    milvus: Client, name: str
) -> None:
    body = {
        "collectionName": name,
        "schema": {"fields": [key(), VECTOR]},
        "indexParams": [{"fieldName": "w"}],
    }
    message = milvus.refused(1802, "collections/create", body)
    assert message == "missing required parameters, error: `w` hasn't defined in schema"
    assert milvus.ok("collections/has", {"collectionName": name}) == {"has": True}


def test_each_vector_field_must_be_indexed_to_load(milvus: Client, name: str) -> None:
    body = {
        "collectionName": name,
        "schema": {"fields": [key(), VECTOR, field("w", "FloatVector", dim=2)]},
        "indexParams": [{"fieldName": "v"}],
    }
    message = milvus.refused(1100, "collections/create", body)
    assert "there is no vector index on field: [w], please create index firstly" in message


BAD_SCHEMAS: list[tuple[int, list[dict[str, Any]], str]] = [
    (1101, [VECTOR], "primary key is not specified"),
    (1100, [key(), {**key(), "fieldName": "b"}, VECTOR], "more than one primary key"),
    (1100, [field("id", "Double", isPrimary=True), VECTOR], "should be Int64 or VarChar"),
    (1100, [key()], "schema does not contain vector field"),
    (1100, [key(), VECTOR, VECTOR], "duplicated field name v found"),
    (1100, [key(), field("v", "FloatVector")], "dimension is not defined"),
    (1100, [key(), field("v", "floatvector", dim=4)], "data type floatvector is invalid(case"),
    (1100, [key(), field("v", "Float16Vector", dim=4)], "data type Float16Vector of field v"),
    (1100, [key(), field("v", "BFloat16Vector", dim=4)], "not supported by Milvus Lite"),
    (1100, [key(), field("v", "BinaryVector", dim=8)], "data type BinaryVector of field v"),
    (1100, [key(), field("v", "Int8Vector", dim=4)], "data type Int8Vector of field v"),
    (1100, [key(), VECTOR, field("t", "Text")], "data type Text of field t"),
    (1101, [key(), VECTOR, field("s", "VarChar")], "type param(max_length) should be specified"),
    (1100, [key(), VECTOR, field("s", "VarChar", max_length=65536)], "(0, 65535]"),
    (1100, [key(), VECTOR, field("a", "Array", max_capacity=3)], "element data type"),
    (1101, [key(), VECTOR, field("a", "Array", elementDataType="Int64")], "max_capacity"),
    (
        1100,
        [key(), VECTOR, field("a", "Array", elementDataType="Int8", max_capacity=4097)],
        "(0, 4096]",
    ),
    (105, [key(), VECTOR, field("s", "JSON", isClusteringKey=True)], "clustering key field s has"),
    (107, [key(), {**VECTOR, "isClusteringKey": True}], "vector clustering key not allowed"),
    (
        105,
        [
            key(),
            VECTOR,
            field("s", "Int64", isClusteringKey=True),
            field("t", "Int64", isClusteringKey=True),
        ],
        "there are more than one clustering key, field name = s, t",
    ),
    (1100, [key(defaultValue=1), VECTOR], "primary field not support default_value"),
    (1100, [key(nullable=True), VECTOR], "primary field not support null"),
    (
        1100,
        [key(), VECTOR, field("p", "Int64", isPartitionKey=True, nullable=True)],
        "partition key field not support nullable",
    ),
    (1100, [key(), VECTOR, field("n", "Int64", defaultValue="1")], "convert defaultValue fail"),
    (1100, [key(), VECTOR, field("j", "JSON", defaultValue={})], "convert defaultValue fail"),
    (1701, [key(), VECTOR, field("like", "Int64")], "field name invalid[field=like]"),
    (1701, [key(), VECTOR, field("1n", "Int64")], "field name invalid[field=1n]"),
    (
        1100,
        [
            key(),
            VECTOR,
            field(
                "s",
                "VarChar",
                max_length=9,
                enable_analyzer=True,
                analyzer_params={"type": "english"},
            ),
        ],
        "of field s is not supported by Milvus Lite",
    ),
    (
        1100,
        [
            key(),
            VECTOR,
            field(
                "s",
                "VarChar",
                max_length=9,
                enable_analyzer=True,
                analyzer_params={"tokenizer": "standard", "filter": [{"type": "stemmer"}]},
            ),
        ],
        "analyzer filter",
    ),
    (1100, [key(), *[field(f"v{n}", "FloatVector", dim=2) for n in range(11)]], "limited to 10"),
    (1100, [key(), VECTOR, *[field(f"n{n}", "Int8") for n in range(63)]], "limited to 64"),
]


@pytest.mark.parametrize(
    ("code", "fields", "words"), BAD_SCHEMAS, ids=[words for _, _, words in BAD_SCHEMAS]
)
def test_a_bad_schema_is_refused_and_makes_nothing(
    milvus: Client, name: str, code: int, fields: list[dict[str, Any]], words: str
) -> None:
    body = {"collectionName": name, "schema": {"fields": fields}}
    assert words in milvus.refused(code, "collections/create", body)
    assert milvus.ok("collections/has", {"collectionName": name}) == {"has": False}


SUB = {"fieldName": "x", "dataType": "Array", "elementDataType": "Int32"}


@pytest.mark.parametrize(
    ("subs", "words"),
    [
        ([SUB], "struct array field st is not supported by Milvus Lite"),
        ([], "struct field st must contain at least one sub-field"),
        ([{**SUB, "nullable": True}], "sub-field x of struct st cannot be nullable"),
        ([{**SUB, "defaultValue": 1}], "convert defaultValue fail"),
        ([{**SUB, "isPrimary": True}], "cannot be primary / partition / clustering key"),
        ([{**SUB, "dataType": "Int32"}], "must be Array or ArrayOfVector, got Int32"),
        ([SUB, SUB], "duplicated sub-field name x in struct st"),
    ],
)
def test_struct_arrays_are_refused_and_bad_ones_as_milvus_does(
    milvus: Client, name: str, subs: list[dict[str, Any]], words: str
) -> None:
    struct = {"fieldName": "st", "fields": subs}
    body = {
        "collectionName": name,
        "schema": {"fields": [key(), VECTOR], "structFields": [struct]},
    }
    assert words in milvus.refused(1100, "collections/create", body)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        ({"type": "bm25"}, "Unsupported function type: bm25"),
        ({"type": "TextEmbedding"}, "function type TextEmbedding of function f"),
        ({"type": "BM25", "inputFieldNames": ["s", "id"]}, "got 2 field with type VarChar"),
        ({"type": "BM25", "inputFieldNames": ["nope"]}, "function input field not found: nope"),
        ({"type": "BM25", "outputFieldNames": ["v"]}, "must be a SparseFloatVector field"),
        ({"type": "BM25", "inputFieldNames": ["plain"]}, "must set enable_analyzer to true"),
    ],
)
def test_a_bad_function_is_refused(
    milvus: Client, name: str, function: dict[str, Any], words: str
) -> None:
    fields = [
        key(),
        VECTOR,
        field("s", "VarChar", max_length=9, enable_analyzer=True),
        field("plain", "VarChar", max_length=9),
        field("sp", "SparseFloatVector"),
    ]
    base = {"name": "f", "inputFieldNames": ["s"], "outputFieldNames": ["sp"]}
    body = {
        "collectionName": name,
        "schema": {"fields": fields, "functions": [{**base, **function}]},
    }
    assert words in milvus.refused(1100, "collections/create", body)


def test_describe_shows_what_was_asked_for(milvus: Client, name: str) -> None:
    create(
        milvus,
        name,
        key(description="the key"),
        field("s", "VarChar", max_length="64", enable_analyzer=True, enable_match=True),
        field("a", "Array", elementDataType="VarChar", max_capacity=3, max_length=7),
        field("n", "Int64", nullable=True, defaultValue=10),
        field("b", "Bool", defaultValue=False),
        field("f", "Float", defaultValue=0.1),
        field("sp", "SparseFloatVector"),
        schema={
            "autoID": True,
            "functions": [
                {
                    "name": "bm",
                    "type": "BM25",
                    "inputFieldNames": ["s"],
                    "outputFieldNames": ["sp"],
                }
            ],
        },
        params={"shardsNum": 3, "consistencyLevel": "Strong"},
        description="words",
    )
    data = milvus.ok("collections/describe", {"collectionName": name})
    by_name = {each["name"]: each for each in data["fields"]}
    assert by_name["id"]["description"] == "the key" and by_name["id"]["autoId"]
    assert by_name["s"]["params"] == [
        {"key": "enable_analyzer", "value": "true"},
        {"key": "enable_match", "value": "true"},
        {"key": "max_length", "value": "64"},
    ]
    assert by_name["a"]["elementType"] == "VarChar"
    assert {"key": "max_length", "value": "7"} in by_name["a"]["params"]
    assert by_name["n"]["nullable"] and by_name["n"]["defaultValue"] == {"Data": {"LongData": 10}}
    assert by_name["b"]["defaultValue"] == {"Data": {"BoolData": False}}
    assert by_name["f"]["defaultValue"] == {"Data": {"FloatData": 0.1}}
    assert by_name["sp"]["isFunctionOutput"] is True
    function = data["functions"][0]
    assert (function["name"], function["type"]) == ("bm", 1)
    assert (function["inputFieldNames"], function["outputFieldNames"]) == (["s"], ["sp"])
    assert (data["shardsNum"], data["consistencyLevel"]) == (3, "Strong")
    assert (data["autoId"], data["description"]) == (True, "words")
    assert data["indexes"] == [{"indexName": "sp", "fieldName": "sp", "metricType": "BM25"}]


MISSING = [
    ("collections/describe", {}, "can't find collection[database=default][collection=gone]"),
    ("collections/get_stats", {}, "can't find collection"),
    ("collections/get_load_state", {}, "collection not found[collection=gone]"),
    ("collections/load", {}, "collection not found"),
    ("collections/release", {}, "collection not found"),
    ("collections/flush", {}, "collection not found"),
    ("collections/truncate", {}, "collection not found"),
    ("collections/rename", {"newCollectionName": "other"}, "collection not found"),
    ("collections/alter_properties", {"properties": {}}, "collection not found"),
    ("entities/insert", {"data": [{"id": 1}]}, "can't find collection"),
    ("entities/upsert", {"data": [{"id": 1}]}, "can't find collection"),
    ("entities/delete", {"filter": "id > 1"}, "can't find collection"),
    ("entities/query", {"filter": "id > 1"}, "can't find collection"),
    ("entities/get", {"id": 1}, "can't find collection"),
    ("entities/search", {"data": [[1]]}, "can't find collection"),
    ("entities/hybrid_search", {}, "can't find collection"),
    ("partitions/list", {}, "can't find collection"),
    ("partitions/has", {"partitionName": "p"}, "can't find collection"),
    ("partitions/create", {"partitionName": "p"}, "can't find collection"),
    ("indexes/list", {}, "can't find collection"),
    ("indexes/create", {"indexParams": [{"fieldName": "v"}]}, "can't find collection"),
    ("aliases/create", {"aliasName": "a1"}, "collection not found"),
]


@pytest.mark.parametrize(("action", "more", "words"), MISSING, ids=[each[0] for each in MISSING])
def test_a_missing_collection_is_100(
    milvus: Client, action: str, more: dict[str, Any], words: str
) -> None:
    assert words in milvus.refused(100, action, {"collectionName": "gone", **more})


def test_a_missing_database_is_800_but_has_is_false_and_drop_is_ok(milvus: Client) -> None:
    body = {"collectionName": "gone", "dbName": "nowhere"}
    assert milvus.refused(800, "collections/describe", body) == (
        "database not found[database=nowhere]"
    )
    milvus.refused(800, "collections/list", {"dbName": "nowhere"})
    milvus.refused(800, "collections/create", {**body, "dimension": 4})
    assert milvus.ok("collections/has", body) == {"has": False}
    milvus.ok("collections/drop", body)


def test_dropping_a_missing_collection_is_ok(milvus: Client) -> None:
    assert milvus("collections/drop", {"collectionName": "gone"}) == {"code": 0, "data": {}}


def test_a_dropped_collection_is_gone_and_may_be_made_anew(milvus: Client, filled: str) -> None:
    milvus.ok("collections/drop", {"collectionName": filled})
    assert filled not in milvus.ok("collections/list")
    milvus.ok("collections/create", {"collectionName": filled, "dimension": 8})
    assert milvus.ok("collections/get_stats", {"collectionName": filled}) == {"rowCount": 0}


def test_list_knows_collections_but_no_aliases(milvus: Client, quick: str) -> None:
    milvus.ok("aliases/create", {"collectionName": quick, "aliasName": f"{quick}_too"})
    names = milvus.ok("collections/list")
    assert quick in names and f"{quick}_too" not in names


def test_released_it_cannot_be_read_and_loaded_it_can(milvus: Client, filled: str) -> None:
    body = {"collectionName": filled}
    for _ in range(2):
        milvus.ok("collections/release", body)
    for action, more in (
        ("entities/query", {"filter": "id > 1"}),
        ("entities/get", {"id": 1}),
        ("entities/search", {"data": [[1, 0, 0, 0]]}),
        ("entities/delete", {"filter": "n > 100"}),
    ):
        assert "collection not loaded[collection=" in milvus.refused(101, action, {**body, **more})
    for _ in range(2):
        milvus.ok("collections/load", body)
    assert len(rows_of(milvus, filled)) == 10


def test_load_without_any_index_is_700(milvus: Client, name: str) -> None:
    create(milvus, name, key(), VECTOR, indexParams=[])
    message = milvus.refused(700, "collections/load", {"collectionName": name})
    assert message == f"index not found[collection={name}]"
    milvus.refused(101, "entities/query", {"collectionName": name, "filter": "id > 0"})


def test_rename_keeps_rows_indexes_aliases_and_load_state(milvus: Client, filled: str) -> None:
    milvus.ok("aliases/create", {"collectionName": filled, "aliasName": f"{filled}_alias"})
    new = f"{filled}_new"
    milvus.ok("collections/rename", {"collectionName": filled, "newCollectionName": new})
    assert milvus.ok("collections/has", {"collectionName": filled}) == {"has": False}
    assert len(rows_of(milvus, new)) == len(rows_of(milvus, f"{filled}_alias")) == 10
    assert milvus.ok("indexes/list", {"collectionName": new}) == ["vector"]


def test_rename_onto_a_taken_name_is_refused(milvus: Client, filled: str, other: str) -> None:
    milvus.ok("collections/create", {"collectionName": other, "dimension": 4})
    milvus.ok("aliases/create", {"collectionName": other, "aliasName": f"{other}_alias"})
    body = {"collectionName": filled}
    assert "duplicated new collection name" in milvus.refused(
        1100, "collections/rename", {**body, "newCollectionName": other}
    )
    milvus.refused(1601, "collections/rename", {**body, "newCollectionName": f"{other}_alias"})
    milvus.refused(1100, "collections/rename", {**body, "newCollectionName": "1a"})
    milvus.refused(
        1100,
        "collections/rename",
        {"collectionName": f"{other}_alias", "newCollectionName": "fresh"},
    )


def test_rename_moves_into_another_database_where_lite_would_ignore_it(
    milvus: Client, filled: str
) -> None:
    target = f"{filled}_db"
    milvus.ok("databases/create", {"dbName": target})
    body = {"collectionName": filled, "newCollectionName": "moved", "newDbName": target}
    milvus.refused(800, "collections/rename", {**body, "newDbName": "nowhere"})
    milvus.ok("collections/flush", {"collectionName": filled})
    extra = {"id": 11, "vector": [1, 0, 0, 0]}
    milvus.ok("entities/insert", {"collectionName": filled, "data": [extra]})
    milvus.ok("collections/rename", body)
    assert milvus.ok("collections/has", {"collectionName": filled}) == {"has": False}
    assert milvus.ok("collections/list", {"dbName": target}) == ["moved"]
    assert len(rows_of(milvus, "moved", dbName=target)) == 11
    milvus.ok("entities/insert", {"collectionName": "moved", "dbName": target, "data": [extra]})
    milvus.ok("collections/create", {"collectionName": filled, "dimension": 8})
    assert rows_of(milvus, filled) == []


def test_an_alias_keeps_its_collection_in_the_database(milvus: Client, quick: str) -> None:
    target = f"{quick}_db"
    milvus.ok("databases/create", {"dbName": target})
    milvus.ok("aliases/create", {"collectionName": quick, "aliasName": f"{quick}_a"})
    body = {"collectionName": quick, "newCollectionName": quick, "newDbName": target}
    assert "must drop all aliases" in milvus.refused(1100, "collections/rename", body)
    body["newDbName"] = "default"
    assert "should be different" in milvus.refused(1100, "collections/rename", body)


def test_a_collection_with_aliases_cannot_be_dropped_nor_through_one(
    milvus: Client, quick: str
) -> None:
    alias = f"{quick}_alias"
    milvus.ok("aliases/create", {"collectionName": quick, "aliasName": alias})
    assert "cannot drop the collection via alias" in milvus.refused(
        1100, "collections/drop", {"collectionName": alias}
    )
    assert f"associated aliases [{alias}]" in milvus.refused(
        1100, "collections/drop", {"collectionName": quick}
    )
    milvus.ok("aliases/drop", {"aliasName": alias})
    milvus.ok("collections/drop", {"collectionName": quick})


def test_a_collection_may_not_take_an_aliass_name(milvus: Client, quick: str) -> None:
    alias = f"{quick}_alias"
    milvus.ok("aliases/create", {"collectionName": quick, "aliasName": alias})
    milvus.refused(1601, "collections/create", {"collectionName": alias, "dimension": 4})


def test_truncate_empties_and_keeps_everything_else(milvus: Client, filled: str) -> None:
    milvus.ok("partitions/create", {"collectionName": filled, "partitionName": "p"})
    milvus.ok("collections/truncate", {"collectionName": filled})
    assert milvus.ok("collections/get_stats", {"collectionName": filled}) == {"rowCount": 0}
    assert milvus.ok("partitions/list", {"collectionName": filled}) == ["_default", "p"]
    assert milvus.ok("indexes/list", {"collectionName": filled}) == ["vector"]
    row = {"id": 1, "vector": [1, 0, 0, 0]}
    milvus.ok("entities/insert", {"collectionName": filled, "data": [row]})
    assert len(rows_of(milvus, filled)) == 1


def test_properties_are_kept_as_text_and_dropped(milvus: Client, quick: str) -> None:
    body = {"collectionName": quick}
    given = {**body, "properties": {"mmap.enabled": True, "timezone": "Europe/Berlin"}}
    assert "mmap properties" in milvus.refused(104, "collections/alter_properties", given)
    milvus.ok("collections/release", body)
    milvus.ok("collections/alter_properties", given)
    properties = milvus.ok("collections/describe", body)["properties"]
    assert properties == [
        {"key": "mmap.enabled", "value": "true"},
        {"key": "timezone", "value": "Europe/Berlin"},
    ]
    milvus.ok("collections/drop_properties", {**body, "propertyKeys": ["mmap.enabled", "x"]})
    assert len(milvus.ok("collections/describe", body)["properties"]) == 1


def test_a_property_that_lite_would_not_act_on_is_refused(milvus: Client, quick: str) -> None:
    for properties in (
        {"ttl_field": "t"},
        {"partitionkey.isolation": True},
        {"collection.ttl.seconds": "soon"},
        {"allow_insert_auto_id": True},
        {"collection.insertRate.max.mb": 1},
        {"timezone": "Nowhere/City"},
    ):
        body = {"collectionName": quick, "properties": properties}
        milvus.refused(1100, "collections/alter_properties", body)
    assert len(milvus.ok("collections/describe", body)["properties"]) == 1


def test_a_property_may_change_the_collection_itself(milvus: Client, name: str) -> None:
    create(milvus, name, key(), VECTOR, field("s", "VarChar", max_length=9))
    row = {"id": 1, "v": [1, 0, 0, 0], "s": "a"}
    milvus.ok("entities/insert", {"collectionName": name, "data": [row]})
    milvus.ok("collections/flush", {"collectionName": name})
    milvus.ok("entities/insert", {"collectionName": name, "data": [{**row, "id": 2}]})
    extra = {**row, "id": 3, "colour": "red"}
    milvus.refused(1804, "entities/insert", {"collectionName": name, "data": [extra]})
    properties = {
        "dynamicfield.enabled": True,
        "collection.description": "now with colours",
        "consistency_level": "Strong",
    }
    body = {"collectionName": name, "properties": properties}
    milvus.ok("collections/alter_properties", body)
    data = milvus.ok("collections/describe", body)
    assert data["enableDynamicField"] and data["description"] == "now with colours"
    assert data["consistencyLevel"] == "Strong"
    assert [each["key"] for each in data["properties"]] == ["timezone"]
    milvus.ok("entities/insert", {"collectionName": name, "data": [extra]})
    milvus.ok("collections/flush", body)
    found = rows_of(milvus, name, filter='colour == "red"', outputFields=["s", "colour"])
    assert found == [{"id": 3, "s": "a", "colour": "red"}]
    assert [each["id"] for each in rows_of(milvus, name)] == [1, 2, 3]
    milvus.ok("collections/compact", body)
    assert [each["id"] for each in rows_of(milvus, name)] == [1, 2, 3]
    for bad in (False, "maybe"):
        body["properties"] = {"dynamicfield.enabled": bad}
        milvus.refused(1100, "collections/alter_properties", body)


def test_a_clustering_key_is_shown(milvus: Client, name: str) -> None:
    create(milvus, name, key(), VECTOR, field("s", "Int64", isClusteringKey=True))
    fields = milvus.ok("collections/describe", {"collectionName": name})["fields"]
    assert [each["name"] for each in fields if each["clusteringKey"]] == ["s"]


def test_flush_is_ok_and_counts_are_exact(milvus: Client, filled: str) -> None:
    assert milvus("collections/flush", {"collectionName": filled}) == {"code": 0, "data": {}}
    assert milvus.ok("collections/get_stats", {"collectionName": filled}) == {"rowCount": 10}
