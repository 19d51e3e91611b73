"""Rows: insert, upsert, delete, query, get (`handler_v2.go`, `task_insert.go`, `task_query.go`).

Mended here, because Lite departs from Milvus without a word: an upsert replaces the whole row, a
delete keeps to its partition, a query comes in key order and keeps its limit also for `in`, and a
count keeps to its partition.
"""

from __future__ import annotations

from typing import Any

from milvus_lite.engine.collection import Collection as LiteCollection
from milvus_lite.schema.validation import validate_record

from .call import Call, Route, Routes
from .catalogue import Collection
from .encoding import (
    INT64_MAX,
    INT64_MIN,
    int64_out,
    key_of,
    key_out,
    render_row,
    renderers,
    shape_rows,
)
from .envelope import Answer, success
from .errors import (
    BAD_KEY,
    MilvusError,
    bad_parameter,
    bad_rows,
    collection_not_loaded,
    partition_not_found,
    unsupported,
)
from .expressions import filled, named_keys
from .lite import cannot_parse, matches, speaking_milvus
from .outputs import columns
from .schema import check_consistency

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
    """1100 for an unknown partition; Lite would search nothing. None means all of them."""
    wanted = [name for name in names or [] if name]
    if not wanted:
        return None
    if item.partition_key is not None:
        raise bad_parameter(
            "not support manually specifying the partition names if partition key mode is used"
        )
    for name in wanted:
        if not engine.has_partition(name):
            raise bad_parameter(f"partition name {name} not found")
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
    with speaking_milvus(item):
        if may_exist and len(engine.list_partitions()) > 1:
            moved = _elsewhere(item, engine, rows, partition)
            if moved:
                for row in rows:
                    validate_record(row, engine.schema)
                engine.delete(moved)
                # Without the flush the new row would take the tombstone's place, and the old one
                # would be read again in its partition.
                call.lite.flush(item, engine)
        keys = engine.insert(rows, partition_name=partition)
    call.lite.wrote(item, len(rows))
    return list(keys)


def _elsewhere(
    item: Collection, engine: LiteCollection, rows: list[dict[str, Any]], partition: str
) -> list[Any]:
    """Keys whose rows lie in another partition than the one they are written to.

    Lite tells rows of one key apart by age only within the partitions that a read looks at."""
    key, split = item.primary.name, item.partition_key
    new = {row[key]: row for row in rows}
    if not item.loaded:
        return list(new)  # Lite does not look into a released collection.
    if split is None:
        others = [name for name in engine.list_partitions() if name != partition]
        return [row[key] for row in engine.get(list(new), others, output_fields=[key])]
    old = engine.get(list(new), output_fields=[key, split.name])
    return [row[key] for row in old if row[split.name] != new[row[key]][split.name]]


def upsert(call: Call) -> Answer:
    """Whole rows replaced; with `partialUpdate` only the given fields."""
    item, _ = call.lite.find(call.database, call.collection_name)
    rows = call.body["data"]
    if not rows:
        raise bad_rows("missing required parameters")
    partial = call.body.get("partialUpdate", False)
    for operation in call.body.get("fieldOps", []):
        if operation.get("op") not in ("REPLACE", ""):
            raise unsupported(f"fieldOps {operation.get('op')} of {operation.get('fieldName')}")
    key = item.primary.name
    for row in rows:
        if row.get(key) is None:
            raise bad_rows(f"upsert can not assign primary field data when autoid==true: {key}")
    if partial:
        _check_columns(item, rows)
    shaped = shape_rows(item, rows, key_needed=True, partial=partial)
    with call.lite.writing(call.database, call.collection_name) as (again, engine):
        partition = partition_to_write(again, engine, call.body.get("partitionName", ""))
        if partial:
            keys = _merge(call, item, engine, shaped, partition)
        elif item.auto_id:
            # Milvus stores the row under a new key, and says which.
            old = [row[key] for row in shaped]
            _give_keys(call, item, shaped)
            keys = _store(call, item, engine, shaped, partition, may_exist=False)
            engine.delete(old)
        else:
            keys = _store(call, item, engine, shaped, partition, may_exist=True)
    ids = [key_out(item.primary, each, call.int64_as_text) for each in keys]
    return success({"upsertCount": len(ids), "upsertIds": ids}, cost=0)


def _check_columns(item: Collection, rows: list[dict[str, Any]]) -> None:
    """A partial update becomes columns: a field is in every row or in none."""
    for field in item.fields:
        having = sum(field.name in row for row in rows)
        if having not in (0, len(rows)):
            raise bad_rows(f"column {field.name} has length {having}, expected {len(rows)}")


def _merge(
    call: Call,
    item: Collection,
    engine: LiteCollection,
    rows: list[dict[str, Any]],
    partition: str,
) -> list[Any]:
    if item.auto_id:
        raise unsupported("partialUpdate of a collection with autoID")
    if len(engine.list_partitions()) > 1:
        raise unsupported("partialUpdate of a collection with several partitions")
    with speaking_milvus(item):
        keys = engine.upsert(rows, partition_name=partition)
    call.lite.wrote(item, len(rows))
    return list(keys)


def delete(call: Call) -> Answer:
    """`deleteCount` is what Milvus counts: the keys given, or else the rows that matched."""
    body = call.body
    item, _ = call.lite.find(call.database, call.collection_name)
    expression = filled(body["filter"], body.get("exprParams"), item)
    key = item.primary
    keys = named_keys(expression, key.name)
    if keys is not None:
        kind = int if key.type == "Int64" else str
        if not all(type(each) is kind for each in keys):
            raise cannot_parse(body["filter"], f"value type does not match field {key.name}")
        if kind is int and not all(INT64_MIN <= each <= INT64_MAX for each in keys):
            raise cannot_parse(body["filter"], "an integer is out of the range of int64")
    with call.lite.writing(call.database, call.collection_name) as (again, engine):
        partition = body.get("partitionName", "")
        partitions = None
        if partition:
            partitions = [partition_to_write(again, engine, partition)]
        with speaking_milvus(item, body["filter"]):
            if keys is None:
                readable(again, "query")
                found = matches(engine, expression, partitions).keys
                count = len(found)
            else:
                count = len(keys)
                found = list(dict.fromkeys(keys))
                if partitions is not None:
                    # Lite would delete them from whatever partition they are in.
                    readable(again, "query")
                    rows = engine.get(found, partitions, output_fields=[key.name])
                    found = [row[key.name] for row in rows]
            engine.delete(found)
        call.lite.wrote(item, len(found))
    return success({"deleteCount": count})


# ── reads ───────────────────────────────────────────────────────


def query(call: Call) -> Answer:
    """Rows that match a filter, in key order."""
    body = call.body
    item, engine = call.lite.find(call.database, call.collection_name)
    if body.get("consistencyLevel"):
        check_consistency(body["consistencyLevel"])
    if body.get("groupByFields"):
        raise unsupported("groupByFields")
    given = body.get("filter", "")
    wanted = body.get("outputFields", ["*"])
    counting = len(wanted) == 1 and wanted[0].replace(" ", "").lower() == "count(*)"
    partitions = partitions_to_read(item, engine, body.get("partitionNames"))
    limit, offset = body.get("limit", DEFAULT_LIMIT), body.get("offset", 0)
    if not counting:
        limit, offset = _window(given, limit, offset)
        names = columns(item, wanted)
    readable(item, "query")
    expression = filled(given, body.get("exprParams"), item) or None
    call.lite.flush_if_worth_it(call.database, item)
    item, engine = call.lite.find(call.database, call.collection_name)
    with speaking_milvus(item, given):
        if counting:
            total = _count(engine, expression, partitions)
            return success([{"count(*)": int64_out(total, call.int64_as_text)}], cost=0)
        if body.get("orderByFields"):
            rows = _ordered(item, engine, body["orderByFields"], expression, names, partitions)
            rows = rows[offset:] if limit is None else rows[offset : offset + limit]
        else:
            rows = engine.query(
                expression,
                output_fields=names or [item.primary.name],
                partition_names=partitions,
                limit=limit,
                offset=offset,
                order_by_pk=True,
            )
    how = renderers(item, call.int64_as_text)
    return success([render_row(row, how) for row in rows], cost=0)


def _window(given: str, limit: int, offset: int) -> tuple[int | None, int]:
    """Limit and offset of a query; a limit of 0 or less means none, and then no offset either."""
    if limit <= 0:
        if not given.strip():
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


def _count(engine: LiteCollection, expression: str | None, partitions: list[str] | None) -> int:
    if expression is None and partitions is None:
        return engine.num_entities
    if expression is None:
        return sum(engine.partition_num_entities(name) for name in set(partitions or []))
    return len(matches(engine, expression, partitions).keys)


def _ordered(
    item: Collection,
    engine: LiteCollection,
    order: list[str],
    expression: str | None,
    names: list[str],
    partitions: list[str] | None,
) -> list[dict[str, Any]]:
    """`orderByFields`, which Lite ignores: `f`, `f:asc` or `f:desc`, nulls last."""
    sorting = []
    for entry in order:
        name, _, direction = entry.partition(":")
        field = item.field_named(name.strip())
        if field is None:
            raise bad_parameter(f"order by field {name} not exist: invalid parameter")
        if field.is_vector or field.type in ("JSON", "Array", "Geometry"):
            raise bad_parameter(f"order by field {name} of type {field.type} is not supported")
        if direction.strip().lower() not in ("", "asc", "desc"):
            raise bad_parameter(f"invalid order direction {direction} of field {name}")
        sorting.append((field.name, direction.strip().lower() == "desc"))
    rows = engine.query(
        expression,
        output_fields=[*names, *(name for name, _ in sorting)],
        partition_names=partitions,
        order_by_pk=True,
    )
    for name, descending in reversed(sorting):
        rows.sort(key=lambda row, at=name: _sort_key(row[at]), reverse=descending)
        if descending:
            rows.sort(key=lambda row, at=name: row[at] is None)
    keep = set(names) | {item.primary.name}
    extra = {name for name, _ in sorting} - keep
    return [{key: value for key, value in row.items() if key not in extra} for row in rows]


def _sort_key(value: Any) -> tuple[bool, Any]:
    return (True, 0) if value is None else (False, value)


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
    with speaking_milvus(item):
        rows = engine.get(keys, partitions, output_fields=names or [item.primary.name])
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
