"""The workload of a small document search, whole."""

from __future__ import annotations

import random
import time

import pytest
from conftest import Client, create, field, key

WORDS = ("red", "blue", "green", "fox", "whale", "stone", "river", "sky", "moon", "sun", "leaf")
ROWS, BATCH, DIM = 3000, 500, 384


@pytest.fixture(scope="module")
def docs(milvus: Client) -> str:
    """3,000 documents with a dense vector and a BM25 function, inserted in batches."""
    create(
        milvus,
        "docs",
        key(),
        field("title", "VarChar", max_length=200, enable_analyzer=True),
        field("text", "VarChar", max_length=4000, enable_analyzer=True, enable_match=True),
        field("dense", "FloatVector", dim=DIM),
        field("sparse", "SparseFloatVector"),
        schema={
            "functions": [
                {
                    "name": "text_bm25",
                    "type": "BM25",
                    "inputFieldNames": ["text"],
                    "outputFieldNames": ["sparse"],
                }
            ]
        },
        indexParams=[
            {"fieldName": "dense", "metricType": "COSINE", "indexType": "AUTOINDEX"},
            {
                "fieldName": "sparse",
                "metricType": "BM25",
                "indexType": "SPARSE_INVERTED_INDEX",
                "params": {"inverted_index_algo": "DAAT_MAXSCORE"},
            },
        ],
    )
    chance = random.Random(5)
    for start in range(0, ROWS, BATCH):
        data = [
            {
                "id": n,
                "title": f"document {n}",
                "text": " ".join(chance.choices(WORDS, k=20)) + (" unicorn" if n == 77 else ""),
                "dense": [round(chance.gauss(0, 1), 4) for _ in range(DIM)],
            }
            for n in range(start, start + BATCH)
        ]
        answer = milvus.ok("entities/insert", {"collectionName": "docs", "data": data})
        assert answer["insertCount"] == BATCH
    milvus.ok("collections/flush", {"collectionName": "docs"})
    return "docs"


def stored(milvus: Client, number: int) -> list[float]:
    body = {"collectionName": "docs", "id": number, "outputFields": ["dense"]}
    return milvus.ok("entities/get", body)[0]["dense"]


def test_all_documents_are_counted(milvus: Client, docs: str) -> None:
    body = {"collectionName": docs, "outputFields": ["count(*)"]}
    assert milvus.ok("entities/query", body) == [{"count(*)": ROWS}]
    body["filter"] = "id >= 1000"
    assert milvus.ok("entities/query", body) == [{"count(*)": ROWS - 1000}]


def test_a_document_is_its_own_nearest(milvus: Client, docs: str) -> None:
    for number in (0, 77, 1499, 2999):
        body = {
            "collectionName": docs,
            "annsField": "dense",
            "data": [stored(milvus, number)],
            "limit": 3,
            "outputFields": ["title"],
        }
        first = milvus.ok("entities/search", body)[0]
        assert (first["id"], first["title"]) == (number, f"document {number}")
        assert first["distance"] == pytest.approx(1, abs=1e-5)


def test_a_rare_word_is_found(milvus: Client, docs: str) -> None:
    body = {"collectionName": docs, "annsField": "sparse", "data": ["the unicorn"], "limit": 5}
    (hit,) = milvus.ok("entities/search", body)
    assert hit["id"] == 77 and hit["distance"] > 0


@pytest.mark.parametrize(
    "rerank",
    [
        {"strategy": "rrf", "params": {"k": 60}},
        {"strategy": "weighted", "params": {"weights": [0.5, 0.5]}},
    ],
)
def test_hybrid_search_prefers_what_both_find(
    milvus: Client, docs: str, rerank: dict[str, object]
) -> None:
    body = {
        "collectionName": docs,
        "search": [
            {"data": [stored(milvus, 77)], "annsField": "dense", "limit": 20},
            {"data": ["unicorn"], "annsField": "sparse", "limit": 20},
        ],
        "rerank": rerank,
        "limit": 5,
        "outputFields": ["title"],
    }
    hits = milvus.ok("entities/hybrid_search", body)
    assert (hits[0]["id"], len(hits)) == (77, 5)


def test_reads_stay_quick(milvus: Client, docs: str) -> None:
    body = {
        "collectionName": docs,
        "annsField": "dense",
        "data": [stored(milvus, 5)],
        "limit": 10,
        "filter": "id < 2000",
    }
    times = []
    for _ in range(5):
        began = time.perf_counter()
        milvus.ok("entities/search", body)
        times.append(time.perf_counter() - began)
    assert min(times) < 0.25  # 10 to 30 ms on a quiet machine


def test_deleted_documents_are_gone(milvus: Client, docs: str) -> None:
    body = {"collectionName": docs, "filter": "id >= 2990"}
    assert milvus.ok("entities/delete", body) == {"deleteCount": 10}
    count = {"collectionName": docs, "outputFields": ["count(*)"]}
    assert milvus.ok("entities/query", count) == [{"count(*)": ROWS - 10}]
