"""Rows and tombstones into Milvus Lite's log and memory table.

Lite's own `insert` checks every row once more, with rules of its own: no shapes but points and
polygons, no empty sparse vectors, text measured in characters. The gateway has checked by Milvus'
rules before, so the columns are built here and handed to the engine's next step. A flush is made
under the maintenance lock, which readers hold for their look at segments and memory table.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
from milvus_lite.analyzer.sparse import sparse_to_bytes
from milvus_lite.constants import (
    ALL_PARTITIONS,
    DEFAULT_NUM_PARTITIONS,
    PARTITION_KEY_BUCKET_PREFIX,
)
from milvus_lite.engine.collection import Collection as LiteCollection
from milvus_lite.engine.operation import DeleteOp, InsertOp
from milvus_lite.function.dataframe import DataFrame

from .catalogue import Collection, Field

META = "$meta"


def store(
    item: Collection, engine: LiteCollection, rows: list[dict[str, Any]], partition: str
) -> None:
    """Write shaped rows; the dynamic keys of a row stand under `$meta`. With the write lock held.

    A row whose key exists is replaced by it. With a partition key the rows find their partitions
    themselves."""
    if engine._ingestion_chain:
        engine._ingestion_chain.execute(DataFrame.from_records(rows))
    for name, part in _by_partition(item, rows, partition).items():
        first = engine._next_seq
        engine._next_seq += len(part)
        engine._apply(InsertOp(name, _batch(item, engine, part, name, first)))
    _flush_if_full(engine)


def remove(engine: LiteCollection, keys: list[Any]) -> None:
    """Delete these keys, wherever they are. With the write lock held."""
    if not keys:
        return
    number = engine._next_seq
    engine._next_seq += 1
    batch = engine._build_wal_delta_batch(keys, ALL_PARTITIONS, number)
    engine._apply(DeleteOp(partition=ALL_PARTITIONS, batch=batch))
    _flush_if_full(engine)


def flush(engine: LiteCollection) -> None:
    """Move the memory table into a segment, unseen by readers."""
    with engine._maintenance_lock:
        engine.flush()


def _flush_if_full(engine: LiteCollection) -> None:
    if engine._should_flush():
        flush(engine)


def _by_partition(
    item: Collection, rows: list[dict[str, Any]], partition: str
) -> dict[str, list[dict[str, Any]]]:
    """The rows of each partition; a partition key's buckets are Lite's own."""
    key = item.partition_key
    if key is None:
        return {partition: rows}
    out: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        digest = hashlib.md5(str(row[key.name]).encode(), usedforsecurity=False).hexdigest()
        bucket = int(digest, 16) % DEFAULT_NUM_PARTITIONS
        out.setdefault(f"{PARTITION_KEY_BUCKET_PREFIX}{bucket}", []).append(row)
    return out


def _batch(
    item: Collection,
    engine: LiteCollection,
    rows: list[dict[str, Any]],
    partition: str,
    first: int,
) -> pa.RecordBatch:
    schema = engine._wal_data_schema
    columns: dict[str, Any] = {
        "_seq": pa.array(range(first, first + len(rows)), schema.field("_seq").type),
        "_partition": pa.array([partition] * len(rows)),
        META: pa.array(
            [orjson.dumps(row[META]).decode() if row.get(META) else None for row in rows],
            pa.string(),
        ),
    }
    for field in item.fields:
        values = [row.get(field.name) for row in rows]
        columns[field.name] = _column(field, values, schema.field(field.name).type)
    return pa.RecordBatch.from_arrays([columns[name] for name in schema.names], schema=schema)


def _column(field: Field, values: list[Any], kind: pa.DataType) -> pa.Array:
    if field.type == "FloatVector":
        absent = [each is None for each in values]
        if any(absent):
            zero = np.zeros(field.dim, dtype=np.float32)
            values = [zero if each is None else each for each in values]
        flat = pa.array(np.asarray(values, dtype=np.float32).reshape(-1))
        mask = pa.array(absent) if any(absent) else None
        return pa.FixedSizeListArray.from_arrays(flat, field.dim, mask=mask)
    if field.type == "SparseFloatVector":
        values = [sparse_to_bytes(each) if isinstance(each, dict) else each for each in values]
    return pa.array(values, kind)
