"""Partial updates: given fields laid over the rows that are there (`task_upsert.go`,
`task_upsert_partial_op.go`)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from ..wire.errors import bad_parameter, bad_rows
from .catalogue import Collection, Field
from .storing import META

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
REPLACE, APPEND, REMOVE = "REPLACE", "ARRAY_APPEND", "ARRAY_REMOVE"
Stored = dict[Any, dict[str, Any]]


def operations(item: Collection, given: list[dict[str, Any]], rows: list[dict[str, Any]]) -> Any:
    """`fieldOps` as a map from field to operation, checked against schema and rows."""
    out: dict[str, str] = {}
    for entry in given:
        op = entry.get("op", "").strip().upper()
        if op not in (REPLACE, APPEND, REMOVE):
            raise bad_parameter(f"unsupported partial update op: {entry.get('op', '')}")
        name = entry.get("fieldName", "")
        if not name:
            raise bad_parameter("FieldPartialUpdateOp.field_name is required")
        if name in out:
            raise bad_parameter(f'duplicate partial-update op for field "{name}"')
        out[name] = op
    for name, op in out.items():
        if op != REPLACE:
            _check_operation(item, name, op, rows)
    return out


def _check_operation(item: Collection, name: str, op: str, rows: list[dict[str, Any]]) -> None:
    field = item.field_named(name)
    if field is None:
        raise bad_parameter(f'field "{name}" not found in collection schema')
    if field.primary:
        raise bad_parameter(
            f'field "{name}" is the primary key and cannot carry a partial-update op'
        )
    if field.type != "Array":
        raise bad_parameter(f'op {op} requires Array field, but field "{name}" is {field.type}')
    if not all(name in row for row in rows):
        raise bad_parameter(f'partial-update op targets field "{name}" not present in fields_data')


def check_columns(item: Collection, rows: list[dict[str, Any]]) -> None:
    """A partial update becomes columns: a field is in every row or in none."""
    for field in item.fields:
        having = sum(field.name in row for row in rows)
        if having not in (0, len(rows)):
            raise bad_rows(f"column {field.name} has length {having}, expected {len(rows)}")


def merged(
    item: Collection,
    rows: list[dict[str, Any]],
    stored: Stored,
    ops: dict[str, str],
    absent: Callable[[Field], Any],
) -> list[dict[str, Any]]:
    """Whole rows. A key that is not stored makes a new row, which needs every field that has
    neither a default nor may be null; `absent` tells what such a field becomes."""
    return [
        _merged(item, row, stored[row[item.primary.name]], ops)
        if row[item.primary.name] in stored
        else _new(item, row, absent)
        for row in rows
    ]


def _merged(
    item: Collection, row: dict[str, Any], old: dict[str, Any], ops: dict[str, str]
) -> dict[str, Any]:
    out = dict(old)
    for name, value in row.items():
        field = item.field_named(name)
        op = ops.get(name, REPLACE)
        if name == META:
            out[META] = {**(old.get(META) or {}), **value}
        elif field is None or op == REPLACE:
            out[name] = value
        elif op == APPEND:
            out[name] = _appended(field, old.get(name) or [], value or [])
        else:
            gone = value or []
            out[name] = [each for each in old.get(name) or [] if each not in gone]
    return out


def _appended(field: Field, old: list[Any], new: list[Any]) -> list[Any]:
    most = int(field.params["max_capacity"])
    if len(new) > most:
        raise bad_parameter(
            f'ARRAY_APPEND payload for field "{field.name}" has length {len(new)} exceeding '
            f"max_capacity {most}"
        )
    if len(old) + len(new) > most:
        raise bad_parameter(
            f"array length {len(old) + len(new)} exceeds max_capacity {most} of field {field.name}"
        )
    return [*old, *new]


def _new(item: Collection, row: dict[str, Any], absent: Callable[[Field], Any]) -> dict[str, Any]:
    out = dict(row)
    for field in item.fields:
        if field.name in out or field.function_output:
            continue
        if field.default is None and not field.nullable:
            raise bad_parameter(
                f"fieldSchema({field.name}) has no corresponding fieldData pass in: "
                "invalid parameter"
            )
        out[field.name] = absent(field)
    return out


def as_shaped(item: Collection, row: dict[str, Any]) -> dict[str, Any]:
    """A row as Lite gives it back, as one that can be written again."""
    names = {field.name for field in item.fields}
    out = {name: row[name] for name in names if name in row}
    dynamic = {name: value for name, value in row.items() if name not in names}
    if dynamic:
        out[META] = dynamic
    for field in item.fields:
        if field.type == "Timestamptz" and isinstance(out.get(field.name), datetime):
            out[field.name] = (out[field.name] - _EPOCH) // timedelta(microseconds=1)
    return out
