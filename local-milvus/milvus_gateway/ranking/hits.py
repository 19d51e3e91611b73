"""What a search finds, and what can be done with a list of it: order, groups, windows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass
class Hit:
    """One row found: its key, its score in Milvus' terms, and the fields asked for."""

    key: Any
    score: float
    row: dict[str, Any]


@dataclass(frozen=True)
class Grouping:
    """At most `size` hits for each value of `field`."""

    field: str
    size: int = 1


def larger_is_nearer(metric: str) -> bool:
    """Whether a metric's score grows with nearness; L2 is a distance."""
    return metric != "L2"


def sort_by_score(hits: list[Hit], *, descending: bool = True) -> None:
    """Best first; equal ones in key order."""
    hits.sort(key=lambda hit: hit.key)
    hits.sort(key=lambda hit: hit.score, reverse=descending)


def group_key(primary: str, field: str) -> Callable[[Hit], Any]:
    """What a hit is grouped by."""
    if field == primary:
        return lambda hit: hit.key
    return lambda hit: hit.row.get(field)


def grouped(
    hits: list[Hit], key: Callable[[Hit], Any], size: int, limit: int, offset: int
) -> tuple[list[Hit], bool]:
    """Groups in the order of their best hits, and whether more hits could not add to them."""
    groups: dict[Any, list[Hit]] = {}
    for hit in hits:
        group = groups.setdefault(key(hit), [])
        if len(group) < size:
            group.append(hit)
    chosen = list(groups.values())[offset : offset + limit]
    full = len(chosen) == limit and all(len(group) == size for group in chosen)
    return [hit for group in chosen for hit in group], full
