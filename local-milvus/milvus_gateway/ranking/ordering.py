"""`orderByFields`, `f:desc:nulls_last` (`internal/util/reduce/orderby`); Lite ignores them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..engine.catalogue import Collection
from ..filters.matching import Matches
from ..wire.errors import bad_parameter, unsupported
from .hits import Hit

_SORTABLE = ("Bool", "Int8", "Int16", "Int32", "Int64", "Float", "Double", "VarChar")
_ASCENDING = ("asc", "ascending", "")
_DESCENDING = ("desc", "descending")


@dataclass(frozen=True)
class Order:
    """One criterion. Nulls come last in ascending order and first in descending, unless told."""

    field: str
    descending: bool
    nulls_first: bool


def parsed(item: Collection, given: list[str], groups: list[str] | None = None) -> list[Order]:
    """The criteria, the most important first. With `groups` only those fields may be named."""
    return [_parsed(item, entry, groups) for entry in given if entry.strip()]


def _parsed(item: Collection, entry: str, groups: list[str] | None) -> Order:
    name, direction, nulls = ([part.strip() for part in entry.split(":")] + ["", ""])[:3]
    if groups is not None and name not in groups:
        raise bad_parameter(
            f"ORDER BY field '{name}' is not valid: when using GROUP BY or aggregates, ORDER BY "
            f"can only reference GROUP BY columns. Valid targets are: {groups}"
        )
    if direction.lower() not in (*_ASCENDING, *_DESCENDING):
        raise bad_parameter(
            f"invalid order direction '{direction.lower()}' for field '{name}', must be 'asc' or "
            "'desc'"
        )
    if nulls.lower() not in ("", "nulls_first", "nulls_last"):
        raise bad_parameter(
            f"invalid null ordering '{nulls.lower()}', must be 'nulls_first' or 'nulls_last'"
        )
    field = item.field_named(name)
    if field is None:
        raise bad_parameter(f"order_by field '{name}' does not exist in collection schema")
    if field.type not in _SORTABLE:
        raise bad_parameter(f"order_by field '{name}' has type {field.type} which is not sortable")
    descending = direction.lower() in _DESCENDING
    return Order(name, descending, nulls.lower() == "nulls_first" if nulls else descending)


def of_hits(item: Collection, given: list[str]) -> list[Order]:
    """The criteria for the hits of a search, which may name dynamic keys, too."""
    out = []
    for entry in given:
        name = entry.split(":")[0].strip()
        if not entry.strip():
            continue
        if item.dynamic and name and item.field_named(name) is None:
            if "[" in name:
                raise unsupported(f"order_by_fields with a path: {name}")
            stand_in = _parsed(item, entry.replace(name, item.primary.name, 1), None)
            out.append(Order(name, stand_in.descending, stand_in.nulls_first))
        else:
            out.append(_parsed(item, entry, None))
    return out


def numbers(found: Matches, order: list[Order]) -> list[int]:
    """The rows in order; equal ones by key."""
    out = sorted(range(len(found)), key=found.keys.__getitem__)
    for each in reversed(order):
        column = found.column(each.field)
        _sort(out, each, column.__getitem__)
    return out


def sorted_rows(rows: list[dict[str, Any]], order: list[Order]) -> list[dict[str, Any]]:
    """Built rows in order; equal ones stay as they are."""
    out = list(rows)
    for each in reversed(order):
        _sort(out, each, lambda row, name=each.field: row.get(name))
    return out


def sorted_hits(hits: list[Hit], order: list[Order], primary: str) -> list[Hit]:
    """Hits in order; equal ones as they were, which is by score."""
    out = list(hits)
    for each in reversed(order):
        _sort(
            out,
            each,
            lambda hit, name=each.field: hit.key if name == primary else hit.row.get(name),
        )
    return out


def _sort(things: list[Any], order: Order, value: Any) -> None:
    def key(thing: Any) -> tuple[bool, str, Any]:
        found = value(thing)
        if found is None:
            return (order.nulls_first == order.descending, "", 0)
        # Dynamic keys may hold values of several kinds, which cannot be compared.
        kind = "number" if isinstance(found, int | float) else type(found).__name__
        return (order.nulls_first != order.descending, kind, found)

    things.sort(key=key, reverse=order.descending)
