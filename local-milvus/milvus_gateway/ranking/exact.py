"""Search row by row: the exact scores of every row that a filter lets pass.

Lite's graph walk looks at some rows and drops those that are deleted, replaced or filtered out: it
comes back short, or with none. Its BM25 weighs each word by the statistics of one segment, and
counts downwards. Milvus searches exactly where few rows pass, and weighs by all segments together.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from milvus_lite.analyzer.sparse import sparse_to_bytes
from milvus_lite.engine.collection import Collection as LiteCollection

from ..engine.catalogue import Field, Index
from ..filters.matching import Matches

DEFAULT_K1, DEFAULT_B = 1.2, 0.75
"""Milvus' defaults of BM25; Lite's k1 is 1.5."""
_PAIR = np.dtype([("place", "<u4"), ("weight", "<f4")])

Scored = list[tuple[int, float]]
"""Rows by their number in the matches, best first, and their scores."""


def dense(
    found: Matches, field: Field, queries: list[Any], metric: str, count: int
) -> list[Scored]:
    """By L2 (squared), IP or COSINE. A row without a vector is not found."""
    if not len(found):
        return [[] for _ in queries]
    rows = found.vectors(field.name)
    present = _present(found, field.name) if field.nullable else None
    lengths = np.sqrt(_squares(rows)) if metric == "COSINE" else None
    out = []
    for query in np.asarray(queries, dtype=np.float32):
        if metric == "L2":
            scores = _squares(rows - query)
            order = scores
        else:
            scores = rows @ query
            if lengths is not None:
                both = lengths * np.linalg.norm(query)
                scores = np.divide(scores, both, out=np.zeros_like(scores), where=both > 0)
            order = -scores
        if present is not None:
            order = np.where(present, order, np.inf)
            out.append(_best(order, scores, min(count, int(present.sum()))))
        else:
            out.append(_best(order, scores, count))
    return out


def _squares(rows: np.ndarray) -> np.ndarray:
    """The squared length of each row."""
    return np.einsum("ij,ij->i", rows, rows)


def _present(found: Matches, field: str) -> np.ndarray | None:
    """Which rows have a vector, None if all have."""
    parts = [piece.column(field).is_valid() for piece in found.pieces]
    valid = np.concatenate([part.to_numpy(zero_copy_only=False) for part in parts]).astype(bool)
    return None if valid.all() else valid


def _best(order: np.ndarray, scores: np.ndarray, count: int) -> Scored:
    """The rows with the smallest `order`; equal ones as they come."""
    if count < len(order) // 8:
        # Sorting a small part is quicker; what equals its last one must be in it.
        edge = np.partition(order, count)[count]
        part = (order <= edge).nonzero()[0]
        chosen = part[np.argsort(order[part], kind="stable")][:count]
    else:
        chosen = np.argsort(order, kind="stable")[:count]
    return [(int(number), float(scores[number])) for number in chosen]


def sparse(found: Matches, field: str, queries: list[dict[int, float]], count: int) -> list[Scored]:
    """By inner product; rows that share no place with the query are not found."""
    places, weights, owner = _pairs(found, field)
    out = []
    for query in queries:
        scores = np.zeros(len(found))
        touched = np.zeros(len(found), dtype=bool)
        for place, weight in query.items():
            here = places == place
            scores[owner[here]] += np.float32(weight) * weights[here].astype(np.float64)
            touched[owner[here]] = True
        out.append(_touched(scores, touched, count))
    return out


def words(
    everything: Matches,
    allowed: np.ndarray,
    field: str,
    queries: list[dict[int, float]],
    index: Index | None,
    count: int,
) -> list[Scored]:
    """By BM25. The statistics are those of `everything`; only `allowed` rows are found."""
    places, weights, owner = _pairs(everything, field)
    total = len(everything)
    lengths = np.bincount(owner, weights=weights, minlength=total)
    mean = float(lengths.mean()) if total and lengths.any() else 1.0
    params = index.params if index else {}
    k1 = float(params.get("bm25_k1", DEFAULT_K1))
    b = float(params.get("bm25_b", DEFAULT_B))
    out = []
    for terms in queries:
        scores = np.zeros(total)
        for term, weight in terms.items():
            here = places == term
            rows, counts = owner[here], weights[here].astype(np.float64)
            rarity = math.log((total - len(rows) + 0.5) / (len(rows) + 0.5) + 1.0)
            damped = counts + k1 * (1.0 - b + b * lengths[rows] / mean)
            scores[rows] += weight * rarity * counts * (k1 + 1.0) / damped
        out.append(_touched(scores, allowed & (scores > 0), count))
    return out


def terms_of(engine: LiteCollection, texts: list[str], field: str) -> list[dict[int, float]]:
    """The words of query texts, as Lite numbers them, and how often each occurs."""
    return list(engine._prepare_sparse_queries(texts, field))


def _touched(scores: np.ndarray, touched: np.ndarray, count: int) -> Scored:
    order = np.where(touched, -scores, np.inf)
    return _best(order, scores, min(count, int(touched.sum())))


def _pairs(found: Matches, field: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of all rows' sparse vectors the places, the weights, and the rows they belong to."""
    packed = [
        sparse_to_bytes(each) if isinstance(each, dict) else each or b""
        for each in found.column(field)
    ]
    pairs = np.frombuffer(b"".join(packed), dtype=_PAIR)
    owner = np.repeat(np.arange(len(packed)), [len(each) // _PAIR.itemsize for each in packed])
    return pairs["place"], pairs["weight"], owner
