"""Rows that are alive and pass a filter, straight from Milvus Lite's segments and memory table.

Lite's own reads build every row they match, vectors and all, look at the first vector field only,
and miss rows while a flush moves them. Here one consistent look is taken under Lite's maintenance
lock, which flushes hold too, and only what an answer needs is built. These are Lite's private
parts, so its version is pinned.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import orjson
import pyarrow as pa
from milvus_lite.engine.collection import Collection as LiteCollection

from ..engine.catalogue import Collection
from .expressions import Filter

Result = TypeVar("Result")
_META = "$meta"
_RETRIES = 3


@dataclass(frozen=True)
class Piece:
    """A segment, or the memory table: some of its rows, in their order."""

    table: pa.Table
    rows: np.ndarray
    segment: Any = None

    def column(self, name: str) -> pa.Array:
        column = self.table.column(name).combine_chunks()
        if isinstance(column, pa.ChunkedArray):
            column = pa.concat_arrays(column.chunks)
        return column if self.whole else column.take(pa.array(self.rows))

    @property
    def whole(self) -> bool:
        return len(self.rows) == self.table.num_rows

    def vectors(self, name: str) -> np.ndarray:
        if self.segment is not None:
            whole, _ = self.segment.vector_data(name)
            return whole if self.whole else whole[self.rows]
        column = self.column(name)
        if column.null_count:
            zero = [0.0] * column.type.list_size
            return np.asarray([each or zero for each in column.to_pylist()], dtype=np.float32)
        flat = column.flatten().to_numpy(zero_copy_only=False)
        return flat.astype(np.float32, copy=False).reshape(len(column), -1)


@dataclass(frozen=True)
class Matches:
    """What a filter matched. Rows are numbered through all pieces."""

    item: Collection
    keys: list[Any]
    pieces: list[Piece]

    def __len__(self) -> int:
        return len(self.keys)

    @cached_property
    def _starts(self) -> np.ndarray:
        return np.cumsum([0, *(len(piece.rows) for piece in self.pieces)])

    def column(self, name: str) -> list[Any]:
        """A stored field of every row, as Lite stores it."""
        return [value for piece in self.pieces for value in piece.column(name).to_pylist()]

    def vectors(self, name: str) -> np.ndarray:
        """A dense vector field of every row, one row of the matrix each."""
        parts = [piece.vectors(name) for piece in self.pieces]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def passing(self, condition: Filter) -> np.ndarray:
        """Which of the rows pass a filter."""
        parts = [condition.mask(piece.table)[piece.rows] for piece in self.pieces]
        return np.concatenate(parts) if parts else np.zeros(0, dtype=bool)

    def build(self, numbers: Sequence[int], names: list[str]) -> list[dict[str, Any]]:
        """Rows with these fields: `$meta` stands for every dynamic key, a name that is no field for
        one of them. The primary key is always there."""
        fields = {field.name for field in self.item.fields}
        stored = [name for name in names if name in fields]
        dynamic = [name for name in names if name not in fields and name != _META]
        columns = list(dict.fromkeys([self.item.primary.name, *stored]))
        if self.item.dynamic and (dynamic or _META in names):
            columns.append(_META)
        wanted = np.asarray(numbers, dtype=np.int64)
        owners = np.searchsorted(self._starts, wanted, side="right") - 1
        out: list[dict[str, Any]] = [{}] * len(wanted)
        for owner in np.unique(owners):
            piece, here = self.pieces[owner], (owners == owner).nonzero()[0]
            rows = piece.rows[wanted[here] - self._starts[owner]]
            built = piece.table.select(columns).take(pa.array(rows)).to_pylist()
            for place, row in zip(here, built, strict=True):
                out[place] = _with_dynamic(row, dynamic, _META in names)
        return out


def _with_dynamic(row: dict[str, Any], names: list[str], every: bool) -> dict[str, Any]:
    text = row.pop(_META, None)
    keys = orjson.loads(text) if text else {}
    if not every:
        keys = {name: keys[name] for name in names if name in keys}
    return {**keys, **row}


def matches(
    item: Collection,
    engine: LiteCollection,
    condition: Filter | None,
    partitions: list[str] | None,
    up_to: int | None = None,
) -> Matches:
    """The rows of these partitions, or of all, that are alive and pass the filter. With `up_to`
    only those that were written before or with this number."""
    with engine._maintenance_lock:
        segments, deletions = engine._read_snapshot()
        memtable = engine._memtable
        fresh_keys, fresh_ages, _, _, fresh = memtable.to_search_snapshot(
            vector_field=None, partition_names=partitions, include_table=True
        )
        deleted = {
            key: max(age, deletions._map.get(key, -1))
            for key, (age, _) in memtable.delete_index_snapshot().items()
        }
    tombstones = {**deletions._map, **deleted}
    chosen = [
        each
        for each in segments
        if each.num_rows and (partitions is None or each.partition in partitions)
    ]
    keys = [key for each in chosen for key in each.pks] + fresh_keys
    if not keys:
        return Matches(item, [], [])
    ages = np.concatenate([*(each.seqs for each in chosen), fresh_ages])
    alive = _alive(keys, ages, tombstones)
    tables = [each.table for each in chosen]
    if fresh_keys:
        tables.append(fresh)
    if up_to is not None:
        alive &= ages <= up_to
    if condition is not None:
        alive &= np.concatenate([condition.mask(table) for table in tables])
    pieces, start = [], 0
    for number, table in enumerate(tables):
        rows = alive[start : start + table.num_rows].nonzero()[0]
        start += table.num_rows
        if len(rows):
            pieces.append(Piece(table, rows, chosen[number] if number < len(chosen) else None))
    if alive.all():
        return Matches(item, keys, pieces)
    return Matches(item, [keys[number] for number in alive.nonzero()[0]], pieces)


def _alive(keys: list[Any], ages: np.ndarray, tombstones: dict[Any, int]) -> np.ndarray:
    """The newest row of each key, unless it was deleted since."""
    count = len(keys)
    if len(set(keys)) == count and not tombstones:
        return np.ones(count, dtype=bool)
    if not isinstance(keys[0], int):
        newest: dict[Any, int] = dict(tombstones)
        for key, age in zip(keys, ages.tolist(), strict=True):
            if age >= newest.get(key, -1):
                newest[key] = age
        return np.fromiter(
            (newest[key] == age for key, age in zip(keys, ages.tolist(), strict=True)), bool, count
        )
    numbers = np.asarray(keys, dtype=np.int64)
    order = np.lexsort((ages, numbers))
    last = np.ones(count, dtype=bool)
    last[:-1] = numbers[order][1:] != numbers[order][:-1]
    alive = np.zeros(count, dtype=bool)
    alive[order[last]] = True
    if tombstones:
        dead = np.fromiter(tombstones, np.int64, len(tombstones))
        since = np.fromiter(tombstones.values(), np.uint64, len(tombstones))
        order = np.argsort(dead)
        dead, since = dead[order], since[order]
        at = np.minimum(np.searchsorted(dead, numbers), len(dead) - 1)
        alive &= ~((dead[at] == numbers) & (since[at] > ages))
    return alive


def by_key(
    item: Collection,
    engine: LiteCollection,
    keys: list[Any],
    partitions: list[str] | None,
    names: list[str],
) -> list[dict[str, Any]]:
    """The rows with these keys that there are, in the order of the keys."""
    places: dict[int, tuple[Any, list[tuple[int, int]]]] = {}
    with engine._maintenance_lock:
        segments, deletions = engine._read_snapshot()
        memtable = engine._memtable
        with memtable._lock:
            for number, key in enumerate(keys):
                place = _place(key, segments, deletions, memtable, partitions)
                if place is not None:
                    table, row = place
                    places.setdefault(id(table), (table, []))[1].append((number, row))
    pieces, order = [], []
    for table, found in places.values():
        rows = np.asarray([row for _, row in found], dtype=np.int64)
        whole = table if isinstance(table, pa.Table) else pa.Table.from_batches([table])
        pieces.append(Piece(whole, rows))
        order += [number for number, _ in found]
    built = Matches(item, [keys[number] for number in order], pieces).build(
        range(len(order)), names
    )
    return [row for _, row in sorted(zip(order, built, strict=True), key=lambda pair: pair[0])]


def _place(
    key: Any,
    segments: Sequence[Any],
    deletions: Any,
    memtable: Any,
    partitions: list[str] | None,
) -> tuple[Any, int] | None:
    """The table and the row in it of a living key."""
    position = memtable._pk_index.get(key)
    if position is not None:
        batch = memtable._insert_batches[position[0]]
        where = batch.column("_partition")[position[1]].as_py()
        return (batch, position[1]) if partitions is None or where in partitions else None
    if memtable.is_locally_deleted(key):
        return None
    best: tuple[Any, int] | None = None
    newest = -1
    for segment in segments:
        row = segment.find_row(key)
        if row is None or (partitions is not None and segment.partition not in partitions):
            continue
        if int(segment.seqs[row]) > newest:
            newest = int(segment.seqs[row])
            best = segment.table, row
    return None if deletions.is_deleted(key, newest) else best


def steady(engine: LiteCollection, read: Callable[[], Result]) -> Result:
    """A read through Lite's own interface, done again if a flush came in between."""
    for _ in range(_RETRIES):
        before = engine._memtable
        result = read()
        if engine._memtable is before:
            return result
    with engine._maintenance_lock:
        return read()
