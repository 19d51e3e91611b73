"""Rows: insert, upsert, delete, query, get (`handler_v2.go`, `task_insert.go`, `task_query.go`).

Mended here, because Lite departs from Milvus without a word: an upsert replaces the whole row, a
delete keeps to its partition, a query comes in key order and keeps its limit also for `in`, and a
count keeps to its partition.
"""

from __future__ import annotations

from typing import Any

from milvus_lite.engine.collection import Collection as LiteCollection

from ..engine import merging
from ..engine.catalogue import Collection
from ..engine.encoding import (
    absent,
    int64_out,
    key_of,
    key_out,
    render_row,
    renderers,
    shape_rows,
)
from ..engine.schema import check_consistency
from ..engine.storing import META, remove, store
from ..filters.expressions import compiled
from ..filters.matching import by_key, matches
from ..ranking import aggregates, ordering
from ..wire.envelope import Answer, success
from ..wire.errors import (
    BAD_KEY,
    MilvusError,
    bad_parameter,
    bad_rows,
    collection_not_loaded,
    partition_not_found,
    partition_not_loaded,
)
from .call import Call, Route, Routes
from .outputs import columns

MAX_WINDOW = 16384
DEFAULT_LIMIT = 100
DEFAULT_PARTITION = "_default"


# ── shared by everything that reads ─────────────────────────────


def readable(item: Collection, verb: str) -> None:
    """101 unless the collection is loaded."""
    if not item.loaded:
        raise collection_not_loaded(verb, item.id)


def partitions_to_read(
    item: Collection, engine: LiteCollection, names: list[str] | None
) -> list[str] | None:
    """1100 for an unknown partition, where Lite would search nothing, and 201 for a released one.
    None means all of them; without names it is those that are loaded."""
    wanted = [name for name in names or [] if name]
    if not wanted:
        if not item.released:
            return None
        return [name for name in engine.list_partitions() if name not in item.released]
    if item.partition_key is not None:
        raise bad_parameter(
            "not support manually specifying the partition names if partition key mode is used"
        )
    for name in wanted:
        if not engine.has_partition(name):
            raise bad_parameter(f"partition name {name} not found")
        if name in item.released:
            raise partition_not_loaded(name)
    return wanted


def partition_to_write(item: Collection, engine: LiteCollection, name: str) -> str:
    """The partition of a write; 200 if it does not exist."""
    if not name:
        return DEFAULT_PARTITION
    if item.partition_key is not None:
        raise bad_parameter(
            "not support manually specifying the partition names if partition key mode is used"
        )
    if not engine.has_partition(name):
        raise partition_not_found(name)
    return name


# ── writes ──────────────────────────────────────────────────────


def insert(call: Call) -> Answer:
    """Rows in; Milvus Lite replaces a row whose key exists, where Milvus would keep both."""
    item, _ = call.lite.find(call.database, call.collection_name)
    rows = call.body["data"]
    if not rows:
        raise bad_rows("missing required parameters")
    own_keys = item.properties.get("allow_insert_auto_id") == "true" and all(
        item.primary.name in row for row in rows
    )
    shaped = shape_rows(item, rows, key_needed=not item.auto_id or own_keys)
    with call.lite.writing(call.database, call.collection_name) as (again, engine):
        if again is not item:
            return insert(call)  # A field was added while this waited.
        partition = partition_to_write(again, engine, call.body.get("partitionName", ""))
        fresh = item.auto_id and not own_keys
        if fresh:
            _give_keys(call, item, shaped)
        keys = _store(call, item, engine, shaped, partition, may_exist=not fresh)
    ids = [key_out(item.primary, key, call.int64_as_text) for key in keys]
    return success({"insertCount": len(ids), "insertIds": ids}, cost=0)


def _give_keys(call: Call, item: Collection, rows: list[dict[str, Any]]) -> None:
    first = call.lite.catalogue.next_ids(len(rows))
    as_text = item.primary.type == "VarChar"
    for number, row in enumerate(rows):
        row[item.primary.name] = str(first + number) if as_text else first + number


def _store(
    call: Call,
    item: Collection,
    engine: LiteCollection,
    rows: list[dict[str, Any]],
    partition: str,
    *,
    may_exist: bool,
) -> list[Any]:
    """Write whole rows. With the write lock held."""
    if may_exist and len(engine.list_partitions()) > 1:
        moved = _elsewhere(item, engine, rows, partition)
        if moved:
            remove(engine, moved)
            # Without the flush the new row would take the tombstone's place, and the old one
            # would be read again in its partition.
            call.lite.flush(item, engine)
    store(item, engine, rows, partition)
    call.lite.wrote(item, len(rows))
    return [row[item.primary.name] for row in rows]


def _elsewhere(
    item: Collection, engine: LiteCollection, rows: list[dict[str, Any]], partition: str
) -> list[Any]:
    """Keys whose rows lie in another partition than the one they are written to.

    Lite tells rows of one key apart by age only within the partitions that a read looks at."""
    key, split = item.primary.name, item.partition_key
    new = {row[key]: row for row in rows}
    if split is None:
        others = [name for name in engine.list_partitions() if name != partition]
        return [row[key] for row in by_key(item, engine, list(new), others, [key])]
    old = by_key(item, engine, list(new), None, [key, split.name])
    return [row[key] for row in old if row[split.name] != new[row[key]][split.name]]


def upsert(call: Call) -> Answer:
    """Whole rows replaced; with `partialUpdate`, or an operation on an array, only given fields."""
    body = call.body
    item, _ = call.lite.find(call.database, call.collection_name)
    rows = body["data"]
    if not rows:
        raise bad_rows("missing required parameters")
    partial = body.get("partialUpdate", False)
    key = item.primary.name
    for row in rows:
        if row.get(key) is None:
            raise bad_rows(f"upsert can not assign primary field data when autoid==true: {key}")
    if partial:
        merging.check_columns(item, rows)
    shaped = shape_rows(item, rows, key_needed=True, partial=partial)
    ops = merging.operations(item, body.get("fieldOps", []), shaped)
    merge = partial or any(op != merging.REPLACE for op in ops.values())
    with call.lite.writing(call.database, call.collection_name) as (again, engine):
        if again is not item:
            return upsert(call)  # A field was added while this waited.
        partition = partition_to_write(again, engine, body.get("partitionName", ""))
        if merge:
            readable(again, "query")
            stored = _stored(again, engine, [row[key] for row in shaped], partition)
            shaped = merging.merged(again, shaped, stored, ops, absent)
        if item.auto_id:
            # Milvus stores the row under a new key, and says which.
            old = [row[key] for row in shaped]
            _give_keys(call, item, shaped)
            keys = _store(call, again, engine, shaped, partition, may_exist=False)
            remove(engine, old)
        else:
            keys = _store(call, again, engine, shaped, partition, may_exist=True)
    ids = [key_out(item.primary, each, call.int64_as_text) for each in keys]
    return success({"upsertCount": len(ids), "upsertIds": ids}, cost=0)


def _stored(
    item: Collection, engine: LiteCollection, keys: list[Any], partition: str
) -> merging.Stored:
    """What is stored of these keys; without a partition key, in the partition of the write."""
    partitions = None if item.partition_key is not None else [partition]
    names = [field.name for field in item.fields if not field.function_output]
    if item.dynamic:
        names.append(META)
    rows = by_key(item, engine, list(dict.fromkeys(keys)), partitions, names)
    return {row[item.primary.name]: merging.as_shaped(item, row) for row in rows}


def delete(call: Call) -> Answer:
    """`deleteCount` is what Milvus counts: the keys given, or else the rows that matched."""
    body = call.body
    item, _ = call.lite.find(call.database, call.collection_name)
    condition = compiled(body["filter"], body.get("exprParams"), item, "delete")
    if condition is None or condition.is_always_true:
        raise bad_parameter(
            f"delete plan can't be empty or always true : {body['filter']}: invalid parameter"
        )
    key = item.primary.name
    keys = condition.named_keys(key)
    with call.lite.writing(call.database, call.collection_name) as (again, engine):
        partition = body.get("partitionName", "")
        partitions = None
        if partition:
            partitions = [partition_to_write(again, engine, partition)]
        if keys is None:
            readable(again, "query")
            found = matches(again, engine, condition, partitions).keys
            count = len(found)
        else:
            count = len(keys)
            found = list(dict.fromkeys(keys))
            if partitions is not None:
                # Lite would delete them from whatever partition they are in.
                rows = by_key(again, engine, found, partitions, [key])
                found = [row[key] for row in rows]
        remove(engine, found)
        call.lite.wrote(item, len(found))
    return success({"deleteCount": count})


# ── reads ───────────────────────────────────────────────────────


def query(call: Call) -> Answer:
    """Rows that match a filter, in key order or in the order asked for, or aggregates of them."""
    item, rows = selected(call)
    if isinstance(rows, int):
        return success([{"count(*)": int64_out(rows, call.int64_as_text)}], cost=0)
    how = renderers(item, call.int64_as_text)
    for name in call.body.get("outputFields", []):
        if aggregates.is_aggregate(name):
            how[name.strip()] = aggregates.renderer(item, name, call.int64_as_text)
    return success([render_row(row, how) for row in rows], cost=0)


def selected(call: Call) -> tuple[Collection, list[dict[str, Any]] | int]:
    """The rows of a query as Lite holds them, or their number when `count(*)` is asked for."""
    body = call.body
    item, engine = call.lite.find(call.database, call.collection_name)
    if body.get("consistencyLevel"):
        check_consistency(body["consistencyLevel"])
    given = body.get("filter", "")
    wanted = body.get("outputFields", ["*"])
    partitions = partitions_to_read(item, engine, body.get("partitionNames"))
    groups = body.get("groupByFields", [])
    counting = not groups and len(wanted) == 1 and wanted[0].strip().lower() == "count(*)"
    sums = aggregates.plan(item, wanted, groups)
    order = ordering.parsed(item, body.get("orderByFields", []), groups if sums else None)
    limit, offset = body.get("limit", DEFAULT_LIMIT), body.get("offset", 0)
    names: list[str] = []
    if counting:
        limit, offset = None, 0
    else:
        limit, offset = _window(given, limit, offset, aggregated=sums is not None)
        if sums is None:
            names = columns(item, wanted)
    readable(item, "query")
    condition = compiled(given, body.get("exprParams"), item)
    call.lite.flush_if_worth_it(call.database, item)
    item, engine = call.lite.find(call.database, call.collection_name)
    found = matches(item, engine, condition, partitions)
    if counting:
        return item, len(found)
    end = None if limit is None else offset + limit
    if sums is not None:
        rows = ordering.sorted_rows(aggregates.computed(sums, found), order)
        return item, rows[offset:end]
    if order:
        numbers = ordering.numbers(found, order)
    else:
        numbers = sorted(range(len(found)), key=found.keys.__getitem__)
    return item, found.build(numbers[offset:end], names)


def _window(given: str, limit: int, offset: int, *, aggregated: bool) -> tuple[int | None, int]:
    """Limit and offset of a query; a limit of 0 or less means none, and then no offset either."""
    if limit <= 0:
        if not given.strip() and not aggregated:
            raise bad_parameter("empty expression should be used with limit: invalid parameter")
        return None, 0
    if offset < 0:
        raise bad_parameter(
            "invalid max query result window, "
            f"offset [{offset}] is invalid, should be gte than 0: invalid parameter"
        )
    if limit + offset > MAX_WINDOW:
        raise bad_parameter(
            f"invalid max query result window, (offset+limit) should be in range [1, {MAX_WINDOW}]"
            f", but got {limit + offset}: invalid parameter"
        )
    return limit, offset


def get(call: Call) -> Answer:
    """Rows by key, whatever the key field is called; absent ones are left out."""
    body = call.body
    item, engine = call.lite.find(call.database, call.collection_name)
    if body.get("consistencyLevel"):
        check_consistency(body["consistencyLevel"])

    def refuse(reason: str) -> MilvusError:
        return MilvusError(
            BAD_KEY,
            "please check the primary key and its' type can only in [int, string], "
            f"error: {reason}",
        )

    ids = body["id"] if isinstance(body["id"], list) else [body["id"]]
    keys = list(dict.fromkeys(key_of(item.primary, each, refuse) for each in ids))
    names = columns(item, body.get("outputFields", ["*"]))
    partitions = partitions_to_read(item, engine, body.get("partitionNames"))
    readable(item, "query")
    call.lite.expire_if_due(call.database, item)
    rows = by_key(item, engine, keys, partitions, names)
    rows.sort(key=lambda row: row[item.primary.name])
    how = renderers(item, call.int64_as_text)
    return success([render_row(row, how) for row in rows], cost=0)


ROUTES: Routes = {
    "entities/insert": Route("CollectionDataReq", insert, writes=True),
    "entities/upsert": Route("CollectionDataReq", upsert, writes=True),
    "entities/delete": Route("CollectionFilterReq", delete, writes=True),
    "entities/query": Route("QueryReqV2", query),
    "entities/get": Route("CollectionIDReq", get),
}
