"""What an analyzer makes of a text, and the tokenizers of a schema."""

from __future__ import annotations

import json
import zlib
from typing import Any

import pytest
from conftest import Client, create, field, key


def tokens(client: Client, text: str, **more: Any) -> list[str]:
    result = client.ok("common/run_analyzer", {"text": [text], **more})["results"]
    return [token["token"] for token in result[0]["tokens"]]


def test_without_parameters_it_is_the_standard_analyzer(milvus: Client) -> None:
    data = milvus.ok("common/run_analyzer", {"text": ["A large Cat.", ""]})
    words = [{"token": word} for word in ("a", "large", "cat")]
    assert data == {"results": [{"tokens": words}, {"tokens": []}]}
    assert milvus.ok("common/run_analyzer", {"text": []}) == {"results": []}


def test_stop_words_are_left_out(milvus: Client) -> None:
    params = {"tokenizer": "standard", "filter": [{"type": "stop", "stop_words": ["The"]}]}
    found = tokens(milvus, "The cat, the dog", analyzerParams=json.dumps(params))
    assert found == ["cat", "dog"]


def test_details_are_bytes_and_positions(milvus: Client) -> None:
    params = {"tokenizer": "standard", "stop_words": ["the"]}
    body = {"text": ["Où the cat"], "withDetail": True, "analyzerParams": json.dumps(params)}
    assert milvus.ok("common/run_analyzer", body)["results"][0]["tokens"] == [
        {"token": "où", "startOffset": 0, "endOffset": 3, "position": 0, "positionLength": 1},
        {"token": "cat", "startOffset": 8, "endOffset": 11, "position": 2, "positionLength": 1},
    ]


def test_a_hash_is_the_terms_number_in_milvus(milvus: Client) -> None:
    body = {"text": ["fox " + "x" * 120], "withHash": True}
    hashes = [
        each["hash"] for each in milvus.ok("common/run_analyzer", body)["results"][0]["tokens"]
    ]
    assert hashes == [zlib.crc32(b"fox"), zlib.crc32(b"x" * 100)]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [("search", ["中国", "科学", "学院", "科学院", "中国科学院"]), ("exact", ["中国科学院"])],
)
def test_jieba_cuts_chinese_as_milvus_does(milvus: Client, mode: str, expected: list[str]) -> None:
    params = {"tokenizer": {"type": "jieba", "mode": mode}}
    assert tokens(milvus, "中国科学院", analyzerParams=json.dumps(params)) == expected


def test_a_field_is_asked_for_its_own_analyzer(milvus: Client, name: str) -> None:
    text = field(
        "s",
        "VarChar",
        max_length=99,
        enable_analyzer=True,
        analyzer_params={"tokenizer": "jieba"},
    )
    create(milvus, name, key(), field("v", "FloatVector", dim=2), text)
    body = {"collectionName": name, "fieldName": "s"}
    assert tokens(milvus, "我们的猫", **body) == ["我们", "的", "猫"]
    for more, words in (
        ({"analyzerParams": "{}"}, "in same time"),
        ({"fieldName": ""}, "must set field name"),
        ({"fieldName": "id"}, "analyzer not enabled"),
    ):
        request = {"text": ["x"], **body, **more}
        assert words in milvus.refused(1100, "common/run_analyzer", request)
    milvus.refused(1700, "common/run_analyzer", {"text": ["x"], **body, "fieldName": "zz"})
    milvus.refused(
        100, "common/run_analyzer", {"text": ["x"], "collectionName": "gone", **{"fieldName": "s"}}
    )
    milvus.ok("collections/release", body)
    milvus.refused(101, "common/run_analyzer", {"text": ["x"], **body})


def test_chinese_text_is_searched_by_its_words(milvus: Client, name: str) -> None:
    create(
        milvus,
        name,
        key(),
        field(
            "s",
            "VarChar",
            max_length=99,
            enable_analyzer=True,
            enable_match=True,
            analyzer_params={"tokenizer": "jieba"},
        ),
        field("w", "SparseFloatVector"),
        schema={
            "functions": [
                {
                    "name": "bm25",
                    "type": "BM25",
                    "inputFieldNames": ["s"],
                    "outputFieldNames": ["w"],
                }
            ]
        },
    )
    rows = [{"id": 1, "s": "中国科学院在北京"}, {"id": 2, "s": "一只大猫"}]
    milvus.ok("entities/insert", {"collectionName": name, "data": rows})
    search = {"collectionName": name, "data": ["北京的科学"], "annsField": "w"}
    assert [hit["id"] for hit in milvus.ok("entities/search", search)] == [1]
    query = {"collectionName": name, "filter": "text_match(s, '猫')"}
    assert [row["id"] for row in milvus.ok("entities/query", query)] == [2]


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ("{", "invalid analyzer_params of the request"),
        ('{"tokenizer":"icu"}', "analyzer tokenizer icu"),
        ('{"type":"english"}', "analyzer type english"),
        ('{"tokenizer":{"type":"jieba","dict":["猫"]}}', "analyzer tokenizer"),
        ('{"tokenizer":{"type":"jieba","mode":"all"}}', "must be search or exact"),
        ('{"tokenizer":"standard","filter":["asciifolding"]}', "analyzer filter asciifolding"),
    ],
)
def test_an_analyzer_that_lite_lacks_is_refused(milvus: Client, params: str, words: str) -> None:
    body = {"text": ["x"], "analyzerParams": params}
    assert words in milvus.refused(1100, "common/run_analyzer", body)
