"""Partition key isolation: a search keeps to one value of the partition key
(`exprutil/expr_checker.go`). Milvus needs that for its index; here it is held to as a rule."""

from __future__ import annotations

from ..engine.catalogue import Collection
from ..engine.schema import ISOLATION_PROPERTY
from ..filters.expressions import Filter
from ..filters.predicates import Both, Compare, CompareColumns, Either, Not, OneOf, Predicate
from ..wire.errors import bad_parameter

_OPERATORS = {
    "!=": "NotEqual",
    "<": "LessThan",
    "<=": "LessEqual",
    ">": "GreaterThan",
    ">=": "GreaterEqual",
}


def check(item: Collection, condition: Filter | None) -> None:
    """1100 unless the collection is not isolated or the filter names one value of the key."""
    key = item.partition_key
    if key is None or item.properties.get(ISOLATION_PROPERTY) != "true":
        return
    if condition is None or not _names_one(condition.predicate, key.name):
        raise bad_parameter(
            "partition key not found in expr or the expr is invalid when validating partition key "
            "isolation"
        )


def _names_one(predicate: Predicate, key: str) -> bool:
    if isinstance(predicate, Both):
        left, right = _names_one(predicate.left, key), _names_one(predicate.right, key)
        return left or right
    if isinstance(predicate, Either):
        left, right = _names_one(predicate.left, key), _names_one(predicate.right, key)
        if left or right:
            raise bad_parameter("partition key isolation does not support OR")
        return False
    if isinstance(predicate, Not):
        if _names_one(predicate.inner, key):
            raise bad_parameter("partition key isolation does not support NOT")
        return False
    if isinstance(predicate, OneOf) and predicate.column.stored == key:
        raise bad_parameter("partition key isolation does not support IN")
    if isinstance(predicate, Compare) and predicate.column.stored == key:
        if predicate.op != "==":
            raise bad_parameter(
                f"partition key isolation does not support {_OPERATORS[predicate.op]}"
            )
        return True
    if isinstance(predicate, CompareColumns) and key in (
        predicate.left.stored,
        predicate.right.stored,
    ):
        raise bad_parameter("partition key isolation does not support comparison of fields")
    return False
