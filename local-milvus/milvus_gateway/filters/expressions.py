"""Filters: text and the values of `exprParams` to a predicate over rows.

Lite has a filter language of its own, close to Milvus' but not the same: no templates, no regular
expressions, no `%`, other nulls, other precedence. So filters are read, checked and run here
(`syntax`, `plan`, `predicates`), over Lite's tables.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from ..engine.catalogue import Collection
from ..wire.errors import MilvusError, bad_parameter
from .plan import plan
from .predicates import Always, Compare, Either, OneOf, Predicate, Rows
from .syntax import SyntaxProblem, parse

DEFAULT_ZONE = "UTC"


@dataclass(frozen=True)
class Filter:
    """A filter that has passed its checks."""

    text: str
    predicate: Predicate

    def mask(self, table: pa.Table) -> np.ndarray:
        """For each row of a table of Lite's whether it matches; unknown is no."""
        return self.predicate.test(Rows(table)).true

    @property
    def is_always_true(self) -> bool:
        """Whether it is a constant that lets every row pass; Milvus deletes by no such filter."""
        return isinstance(self.predicate, Always) and self.predicate.value

    def named_keys(self, key_field: str) -> list[Any] | None:
        """The keys of `key == x` and `key in […]`, which Milvus deletes without looking; else
        None. `key == x or key == y` is a list to Milvus' planner, too."""
        return _named_keys(self.predicate, key_field)


def _named_keys(predicate: Predicate, key_field: str) -> list[Any] | None:
    if isinstance(predicate, Either):
        left = _named_keys(predicate.left, key_field)
        right = _named_keys(predicate.right, key_field)
        return None if left is None or right is None else [*left, *right]
    if isinstance(predicate, OneOf) and predicate.column.stored == key_field:
        return list(predicate.values)
    if isinstance(predicate, Compare) and predicate.op == "==":
        return [predicate.value] if predicate.column.stored == key_field else None
    return None


def compiled(
    text: str,
    params: dict[str, Any] | None,
    item: Collection,
    purpose: str = "query",
) -> Filter | None:
    """The filter, None for an empty one, or 1100 as the planner words it. `purpose` is the plan
    that Milvus would make of it: `query`, for searches too, or `delete`."""
    values = {name: _value(name, value) for name, value in (params or {}).items()}
    if not text.strip():
        return None
    zone = item.properties.get("timezone", DEFAULT_ZONE)
    try:
        return Filter(text, plan(parse(text, values), item, zone))
    except (SyntaxProblem, RecursionError) as problem:
        reason = problem if isinstance(problem, SyntaxProblem) else "it is nested too deeply"
        raise cannot_parse(text, str(reason), purpose) from None


def cannot_parse(expression: str, reason: str, purpose: str = "query") -> MilvusError:
    """1100 as the query planner words it (`planparserv2`)."""
    return bad_parameter(
        f"failed to create {purpose} plan: cannot parse expression: {expression}, "
        f"error: {reason}: invalid parameter"
    )


def _value(name: str, value: Any) -> Any:
    """A template value; numbers come through a double, as in Milvus."""
    if isinstance(value, bool | str):
        return value
    if isinstance(value, int | float):
        number = float(value)
        if not math.isfinite(number):
            raise bad_parameter(f"exprParams {name} is out of range: invalid parameter")
        return int(number) if number.is_integer() and abs(number) < 2**63 else number
    if isinstance(value, list) and value:
        return [_value(name, item) for item in value]
    # Milvus' handler panics on these, which is no behaviour to copy.
    raise bad_parameter(
        f"unsupported value of exprParams {name}: it must be a bool, a text, a number or a list "
        "that is not empty: invalid parameter"
    )
