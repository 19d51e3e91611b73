"""`count`, `sum`, `avg`, `min` and `max` over the rows of a query (`internal/agg`)."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from ..engine.catalogue import Collection, Field
from ..engine.encoding import int64_out, renderers
from ..filters.matching import Matches
from ..filters.plan import FLOATS, NUMBERS
from ..wire.envelope import float64
from ..wire.errors import bad_parameter

_CALL = re.compile(r"(sum|count|avg|min|max)\s*\(\s*([\w*]*)\s*\)\Z", re.IGNORECASE)
_GROUPABLE = ("Int8", "Int16", "Int32", "Int64", "VarChar", "Timestamptz")
_COUNTED = "*"


@dataclass(frozen=True)
class Aggregate:
    """One value of an answer: `name` as it was asked for; `field` is None for `count(*)`."""

    name: str
    op: str
    field: Field | None

    @property
    def is_whole(self) -> bool:
        """Whether the result is an int64."""
        if self.op == "count":
            return True
        kind = self.field.type if self.field else ""
        return self.op == "sum" and kind in NUMBERS and kind not in FLOATS


@dataclass(frozen=True)
class Aggregation:
    """What a query asks for instead of rows."""

    groups: list[Field]
    aggregates: list[Aggregate]


def plan(item: Collection, wanted: list[str], groups: list[str]) -> Aggregation | None:
    """None if the query asks for plain rows. 1100 where rows and aggregates are mixed."""
    found = [each for each in (_aggregate(item, name) for name in wanted) if each is not None]
    if not found and not groups:
        return None
    fields = [_group(item, name.strip()) for name in groups]
    named = {field.name for field in fields}
    for name in wanted:
        if _CALL.match(name.strip()) is None and name.strip() not in named:
            raise bad_parameter(
                f"output field {name} must be an aggregate or one of the group by fields"
            )
    return Aggregation(fields, found)


def is_aggregate(name: str) -> bool:
    """Whether an output field is `sum(price)` and the like."""
    return _CALL.match(name.strip()) is not None


def renderer(item: Collection, name: str, as_text: bool) -> Callable[[Any], Any]:
    """How the result of an aggregate is written."""
    each = _aggregate(item, name)
    assert each is not None
    if each.is_whole:
        return lambda result: int64_out(result, as_text)
    if each.op in ("avg", "sum"):
        return float64
    assert each.field is not None
    return renderers(item, as_text)[each.field.name]


def _group(item: Collection, name: str) -> Field:
    field = item.field_named(name)
    if field is None:
        raise bad_parameter(f"field {name} not exist: invalid parameter")
    if field.type not in _GROUPABLE:
        raise bad_parameter(f"group by field {name} has unsupported data type {field.type}")
    return field


def _aggregate(item: Collection, name: str) -> Aggregate | None:
    match = _CALL.match(name.strip())
    if match is None:
        return None
    op, target = match[1].lower(), match[2]
    if target == _COUNTED:
        if op != "count":
            raise bad_parameter(f"{op}(*) is not supported, only count(*) is allowed")
        return Aggregate(name.strip(), op, None)
    field = item.field_named(target)
    if field is None:
        raise bad_parameter(f"target field {target} for aggregation:{op} does not exist")
    ordered = op in ("min", "max") and field.type in ("VarChar", "Timestamptz")
    if op != "count" and field.type not in NUMBERS and not ordered:
        raise bad_parameter(f"aggregation operator {op} does not support data type {field.type}")
    return Aggregate(name.strip(), op, field)


def computed(aggregation: Aggregation, found: Matches) -> list[dict[str, Any]]:
    """One row, or one for each group in the order of its first row."""
    names = {each.field.name for each in aggregation.aggregates if each.field}
    columns = {name: found.column(name) for name in names}
    keys = list(zip(*(found.column(field.name) for field in aggregation.groups), strict=True))
    members: dict[tuple[Any, ...], list[int]] = {}
    if aggregation.groups:
        for number, key in enumerate(keys):
            members.setdefault(key, []).append(number)
    else:
        members[()] = list(range(len(found)))
    rows = []
    for key, numbers in members.items():
        row = {field.name: part for field, part in zip(aggregation.groups, key, strict=True)}
        for each in aggregation.aggregates:
            if each.field is None:
                row[each.name] = len(numbers)
            else:
                column = columns[each.field.name]
                row[each.name] = value(each.op, (column[number] for number in numbers))
        rows.append(row)
    return rows


def value(op: str, values: Iterable[Any]) -> Any:
    """The aggregate of the values that are not null; None if there is none, but 0 for a count."""
    present = [each for each in values if each is not None]
    if op == "count":
        return len(present)
    return _OPERATIONS[op](present) if present else None


def _sum(values: list[Any]) -> Any:
    return math.fsum(values) if isinstance(values[0], float) else sum(values)


_OPERATIONS: dict[str, Callable[[list[Any]], Any]] = {
    "sum": _sum,
    "avg": lambda values: float(_sum(values)) / len(values),
    "min": min,
    "max": max,
}
