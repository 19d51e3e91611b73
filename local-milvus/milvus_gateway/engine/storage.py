"""Lite's files, where its engine has no call for a change: a new column, segments written anew.

These lean on the layout and on the names inside of the pinned version of Milvus Lite. Data files
are Parquet under `partitions/NAME/data`; the engine keeps all of them in memory.
"""

from __future__ import annotations

import glob
import os
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from milvus_lite.constants import MAX_SEGMENT_ROWS
from milvus_lite.db import SCHEMA_FILENAME
from milvus_lite.engine.collection import Collection as LiteCollection
from milvus_lite.schema.arrow_builder import build_data_schema
from milvus_lite.schema.persistence import load_schema, save_schema
from milvus_lite.schema.timestamptz import parse_timestamptz
from milvus_lite.storage.data_file import write_data_file
from milvus_lite.storage.snapshots import snapshot_references

from . import schema
from .catalogue import Collection

_STAGED = ".adding"


# ── new columns ─────────────────────────────────────────────────


def stage_columns(folder: str, item: Collection) -> list[str]:
    """Write every data file that lacks a column of `item` once more with it, beside itself; nothing
    is changed yet. Old rows hold the field's default, or null."""
    target = build_data_schema(schema.to_lite(item))
    staged: list[str] = []
    try:
        for path in _data_files(folder):
            table = pq.read_table(path)
            if not set(target.names) <= set(table.schema.names):
                staged.append(path + _STAGED)
                with open(staged[-1], "wb") as file:
                    pq.write_table(_filled_up(table, target, item), file)
                    file.flush()
                    os.fsync(file.fileno())
    except BaseException:
        _drop_staged(staged)
        raise
    return staged


def _data_files(folder: str, ending: str = "") -> list[str]:
    return glob.glob(os.path.join(folder, "partitions", "*", "data", "*.parquet" + ending))


def _filled_up(table: pa.Table, target: pa.Schema, item: Collection) -> pa.Table:
    columns = []
    for wanted in target:
        if wanted.name in table.schema.names:
            columns.append(table.column(wanted.name))
            continue
        field = item.field_named(wanted.name)
        value: Any = field.default if field else None
        if value is not None and field is not None and field.type == "Timestamptz":
            value = parse_timestamptz(value, item.properties.get("timezone", "UTC"))
        columns.append(pa.array([value] * table.num_rows, type=wanted.type))
    return pa.Table.from_arrays(columns, schema=target)


def commit_columns(folder: str, item: Collection, staged: list[str]) -> None:
    """Put the staged files and the new schema into place."""
    for path in staged:
        os.replace(path, path.removesuffix(_STAGED))
    save_schema(schema.to_lite(item), item.name, os.path.join(folder, SCHEMA_FILENAME))


def _drop_staged(staged: list[str]) -> None:
    """Leave nothing of a column that could not be written."""
    for path in staged:
        if os.path.exists(path):
            os.remove(path)


def finish_columns(folder: str, item: Collection) -> None:
    """At the start, before Lite opens the collection: add what the catalogue has and the files
    lack, because the process was killed while a field was added."""
    _drop_staged(_data_files(folder, _STAGED))
    _, stored = load_schema(os.path.join(folder, SCHEMA_FILENAME))
    have = {field.name for field in stored.fields}
    dynamic = item.dynamic and not stored.enable_dynamic_field
    if dynamic or any(field.name not in have for field in item.fields):
        commit_columns(folder, item, stage_columns(folder, item))


def holds_dynamic_key(engine: LiteCollection, name: str) -> bool:
    """Whether a flushed row may hold a dynamic value under this name."""
    for segment in engine._segments_snapshot():
        if "$meta" in segment.table.schema.names:
            found = pc.match_substring(segment.table.column("$meta"), f'"{name}":')
            if pc.any(found).as_py():
                return True
    return False


# ── segments written anew ───────────────────────────────────────


def merge_segments(engine: LiteCollection, order: str | None) -> int:
    """Write the flushed rows of each partition into as few files as can be, without the deleted
    and the replaced ones; by `order`, or by age. With the write lock held.

    Returns how many partitions there was something to do for."""
    engine._wait_for_bg()
    plans = 0
    with engine._maintenance_lock:
        for partition in engine._manifest.list_partitions():
            files = engine._manifest.get_data_files(partition)
            if files and (order or len(files) > 1 or _holds_dead_rows(engine, partition)):
                _merge(engine, partition, list(files), order or "_seq")
                plans += 1
        if plans:
            engine._compaction_mgr._gc_tombstones(engine._manifest, engine._delta_index)
            engine._refresh_segment_cache()
            engine._cleanup_orphan_index_files()
    engine._ensure_loaded_segments_indexed()
    return plans


def _holds_dead_rows(engine: LiteCollection, partition: str) -> bool:
    deleted = engine._delta_index.is_deleted
    return any(
        deleted(key, int(number))
        for segment in engine._segment_cache.values()
        if segment.partition == partition
        for key, number in zip(segment.pks, segment.seqs, strict=True)
    )


def _merge(engine: LiteCollection, partition: str, files: list[str], order: str) -> None:
    """New files first, then the manifest in one step, then the old ones go."""
    manager, manifest = engine._compaction_mgr, engine._manifest
    folder = os.path.join(engine.data_dir, "partitions", partition)
    table = pa.concat_tables([pq.read_table(os.path.join(folder, name)) for name in files])
    table = manager._filter_deleted(manager._dedup_max_seq(table), engine._delta_index)
    table = table.take(pc.sort_indices(table, sort_keys=[(order, "ascending")]))
    written = []
    for start in range(0, table.num_rows, MAX_SEGMENT_ROWS):
        part = table.slice(start, MAX_SEGMENT_ROWS)
        ages = pc.min_max(part.column("_seq")).as_py()
        first, last = manager._pick_unique_seq_range(folder, ages["min"], ages["max"])
        written.append(write_data_file(part, folder, seq_min=first, seq_max=last))
    manifest.remove_data_files(partition, files)
    for name in written:
        manifest.add_data_file(partition, name)
    manifest.save()
    pinned = snapshot_references(engine.data_dir)[0].get(partition, set())
    for name in files:
        if name not in pinned:
            os.remove(os.path.join(folder, name))
