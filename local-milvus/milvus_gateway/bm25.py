"""BM25 over a whole collection.

Lite weighs each word by the statistics of one segment and merges the lists as if their scores were
comparable. Milvus weighs by all segments together. While a collection lies in several pieces the
scores are therefore counted here, over all of them; in one piece Lite's own are the same.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from milvus_lite.analyzer.sparse import sparse_to_bytes
from milvus_lite.engine.collection import Collection as LiteCollection

from .catalogue import Index
from .lite import Matches, matches

DEFAULT_K1, DEFAULT_B = 1.2, 0.75  # Milvus' defaults; Lite's k1 is 1.5.
_PAIR = np.dtype([("term", "<u4"), ("count", "<f4")])


@dataclass(frozen=True)
class Found:
    """A row by its number in the matches, and its score."""

    number: int
    score: float


def in_pieces(engine: LiteCollection) -> bool:
    """Whether rows lie in more than one segment, the memory table counted as one."""
    segments, _ = engine._read_snapshot()
    return sum(each.num_rows > 0 for each in segments) + (engine._memtable.size() > 0) > 1


def search(
    engine: LiteCollection,
    index: Index | None,
    field: str,
    texts: list[str],
    expression: str | None,
    partitions: list[str] | None,
    count: int,
) -> tuple[Matches, list[list[Found]]]:
    """The best rows for each text, among those that the filter lets pass."""
    alive = matches(engine, None, partitions)
    total = len(alive.keys)
    documents = _documents(alive, field)
    pairs = np.frombuffer(b"".join(documents), dtype=_PAIR)
    owner = np.repeat(np.arange(total), [len(each) // _PAIR.itemsize for each in documents])
    lengths = np.bincount(owner, weights=pairs["count"], minlength=total)
    mean = float(lengths.mean()) if total and lengths.any() else 1.0
    allowed = np.ones(total, dtype=bool)
    if expression:
        passing = set(matches(engine, expression, partitions).keys)
        allowed = np.fromiter((key in passing for key in alive.keys), bool, total)
    params = index.params if index else {}
    k1 = float(params.get("bm25_k1", DEFAULT_K1))
    b = float(params.get("bm25_b", DEFAULT_B))
    out = []
    for terms in engine._prepare_sparse_queries(texts, field):
        scores = np.zeros(total)
        for term, weight in terms.items():
            here = pairs["term"] == term
            rows, counts = owner[here], pairs["count"][here].astype(np.float64)
            rarity = math.log((total - len(rows) + 0.5) / (len(rows) + 0.5) + 1.0)
            damped = counts + k1 * (1.0 - b + b * lengths[rows] / mean)
            scores[rows] += weight * rarity * counts * (k1 + 1.0) / damped
        scores[~allowed] = 0.0
        best = np.argsort(-scores, kind="stable")[:count]
        out.append([Found(int(each), float(scores[each])) for each in best if scores[each] > 0])
    return alive, out


def _documents(alive: Matches, field: str) -> list[bytes]:
    """The packed words of each row."""
    columns: dict[int, list[bytes | None]] = {}
    out = []
    for holder, place in alive.sources:
        if isinstance(place, int):
            if id(holder) not in columns:
                columns[id(holder)] = holder.table.column(field).to_pylist()
            words = columns[id(holder)][place]
        else:
            words = holder.materialize_row(*place).get(field)
        out.append(sparse_to_bytes(words) if isinstance(words, dict) else words or b"")
    return out
