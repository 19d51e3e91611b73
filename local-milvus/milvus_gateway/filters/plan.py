"""What a filter means for a collection: names resolved, types checked (`parser_visitor.go`).

Milvus' planner decides here what may be compared, computed and matched, and says why not; its
wording is kept, because clients and Milvus' own tests look for it.
"""

from __future__ import annotations

import calendar
import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
from milvus_lite.analyzer.factory import create_analyzer
from milvus_lite.analyzer.protocol import Analyzer
from milvus_lite.exceptions import MilvusLiteError
from milvus_lite.schema.timestamptz import parse_timestamptz

from ..engine import geometry
from ..engine.analyzers import lite_analyzer
from ..engine.catalogue import Collection, Field
from .predicates import (
    META,
    Always,
    Both,
    Column,
    Compare,
    CompareColumns,
    Computed,
    Contains,
    Either,
    Exists,
    HasNull,
    HasPhrase,
    HasWords,
    Length,
    Matches,
    Not,
    OneOf,
    Predicate,
    Sample,
    Spatial,
    quotient,
)
from .syntax import (
    Binary,
    Call,
    Interval,
    IsNull,
    Literal,
    Name,
    Range,
    SyntaxProblem,
    Timestamp,
    Unary,
)

INTEGERS = ("Int8", "Int16", "Int32", "Int64")
FLOATS = ("Float", "Double")
NUMBERS = INTEGERS + FLOATS
_COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
_ARITHMETIC = ("+", "-", "*", "/", "%", "&", "|", "^")
_ARITHMETIC_NAMES = {"+": "add", "-": "subtract", "*": "multiply", "/": "divide", "%": "modulo"}
_RELATIONS = ("equals", "touches", "overlaps", "crosses", "contains", "intersects", "within")
_MAX_SLOP = 2**32 - 1
_MAX_LEAST_WORDS = 1000
_SAMPLE_EDGE = 1e-10
_INTERVAL = re.compile(
    r"P(?:([0-9]+)Y)?(?:([0-9]+)M)?(?:([0-9]+)D)?(?:T(?:([0-9]+)H)?(?:([0-9]+)M)?(?:([0-9]+)S)?)?\Z"
)
_RE2_IN_GO = {
    "missing )": "missing closing )",
    "missing ]": "missing closing ]",
    "no argument for repetition operator": "missing argument to repetition operator",
    "bad repetition operator": "invalid nested repetition operator",
    "invalid repetition size": "invalid repeat count",
    "invalid perl operator": "invalid or unsupported Perl syntax",
}


@dataclass(frozen=True)
class _Sum:
    """Arithmetic between a column and a constant; the column stands left unless `reverse`."""

    op: str
    column: Column
    operand: Any
    reverse: bool

    @property
    def type(self) -> str:
        if self.column.is_json:
            return "Double" if isinstance(self.operand, float) else "Int64"
        floating = self.column.type in FLOATS or isinstance(self.operand, float)
        return "Double" if floating else "Int64"


@dataclass(frozen=True)
class _Length:
    """`array_length(x)`."""

    column: Column
    type: str = "Int64"


@dataclass(frozen=True)
class _List:
    """A list of constants."""

    values: list[Any]


@dataclass(frozen=True)
class _Shifted:
    """A point in time moved by an interval."""

    column: Column
    sign: int
    interval: str


@dataclass(frozen=True)
class _RandomSample:
    factor: float


_Constant = Literal


def plan(tree: Any, item: Collection, zone: str) -> Predicate:
    """The predicate of a whole filter. `zone` is for points in time without an offset."""
    planner = _Planner(item, zone)
    result = planner.visit(tree)
    if isinstance(result, _Constant) and isinstance(result.value, bool):
        return Always(result.value)
    if isinstance(result, _RandomSample):
        return Sample(result.factor, Always(True))
    if not _is_predicate(result):
        raise SyntaxProblem(
            f"predicate is not a boolean expression, data type: {planner.type_name(result)}"
        )
    return result


def _is_predicate(result: Any) -> bool:
    return hasattr(result, "test")


def field_column(field: Field) -> Column:
    """A whole field."""
    return Column(field.name, field.type)


class _Planner:
    def __init__(self, item: Collection, zone: str) -> None:
        self._item = item
        self._zone = zone

    def visit(self, node: Any) -> Any:
        if isinstance(node, Literal):
            return _List(node.value) if isinstance(node.value, list) else node
        if isinstance(node, list):
            return self._list(node)
        if isinstance(node, Name):
            return self.column(node)
        if isinstance(node, Unary):
            return self._unary(node)
        if isinstance(node, Range):
            return self._range(node)
        if isinstance(node, IsNull):
            return self._null(node)
        if isinstance(node, Call):
            return self._call(node)
        if isinstance(node, Binary):
            if node.op in ("and", "or"):
                return self._logic(node)
            if node.op in _COMPARISONS:
                return self._compare(node)
            if node.op in ("in", "not in"):
                return self._term(node)
            if node.op == "like":
                return self._like(node)
            if node.op in ("=~", "!~"):
                return self._regex(node)
            if node.op == "**":
                return self._power(node)
            if node.op in ("<<", ">>"):
                raise SyntaxProblem("shift is not supported")
            return self._arithmetic(node)
        raise SyntaxProblem("mismatched input: a point in time or an interval stands alone")

    # ── columns ─────────────────────────────────────────────────

    def column(self, name: Name) -> Column:
        field = self._item.field_named(name.name)
        if field is None and name.name.lower() == "null":
            raise SyntaxProblem(
                "NULL literal is not supported in expressions; use '<field> is null' or "
                "'<field> is not null' instead"
            )
        if field is None:
            if not self._item.dynamic:
                raise SyntaxProblem(f"field {name.name} not exist")
            path = name.path if name.name == META else (name.name, *name.path)
            return Column(META, "JSON", path)
        if not name.path:
            return field_column(field)
        if field.type == "JSON":
            return Column(field.name, "JSON", name.path)
        if field.type != "Array":
            raise SyntaxProblem(f"{field.type} data type not supported accessed with []")
        if len(name.path) > 1 or not isinstance(name.path[0], int):
            raise SyntaxProblem("can only access array field with integer index")
        return Column(field.name, field.element_type, name.path)

    def _element_type(self, column: Column) -> str:
        field = self._item.field_named(column.stored)
        return field.element_type if field else ""

    def type_name(self, operand: Any) -> str:
        """Milvus' name of what an operand is, as its messages have it."""
        if isinstance(operand, Column):
            if operand.type == "Array":
                return f"Array[{self._element_type(operand)}]"
            return operand.type
        if isinstance(operand, _Constant):
            return _kind(operand.value)
        if isinstance(operand, _List):
            kinds = {_kind(value) for value in operand.values}
            return f"Array[{kinds.pop() if len(kinds) == 1 else 'None'}]"
        return getattr(operand, "type", "Bool")

    def _no_whole_array(self, operand: Any) -> None:
        if isinstance(operand, Column) and operand.type == "Array":
            raise SyntaxProblem("can not comparisons array fields directly")

    # ── logic ───────────────────────────────────────────────────

    def _unary(self, node: Unary) -> Any:
        operand = self.visit(node.operand)
        if node.op == "exists":
            return self._exists(operand)
        if isinstance(operand, _Constant):
            value = operand.value
            if node.op == "not" and isinstance(value, bool):
                return Literal(not value)
            if node.op in "+-" and isinstance(value, int | float) and not isinstance(value, bool):
                return Literal(-value if node.op == "-" else value)
            raise SyntaxProblem(f"unexpected op: {node.op}")
        if isinstance(operand, _RandomSample):
            raise SyntaxProblem("random sample expression cannot be used in unary expression")
        self._no_whole_array(operand)
        if node.op == "+":
            return operand
        if node.op != "not":
            raise SyntaxProblem(f"unexpected op: {node.op}")
        if not _is_predicate(operand):
            raise SyntaxProblem("not op can only be applied on boolean expression")
        return Not(operand)

    def _exists(self, operand: Any) -> Predicate:
        if not isinstance(operand, Column):
            raise SyntaxProblem("exists operations are only supported on single fields now")
        if not operand.is_json:
            raise SyntaxProblem(
                f"exists operations are only supportted on json field, got:{operand.type}"
            )
        if not operand.path:
            raise SyntaxProblem("exists operations are only supportted on json key")
        return Exists(operand)

    def _null(self, node: IsNull) -> Predicate:
        column = self.column(node.column)
        field = self._item.field_named(column.stored)
        if field is not None and field.is_vector:
            raise SyntaxProblem("IsNull/IsNotNull operations are not supported on vector fields")
        if column.path:
            if not column.is_json:
                raise SyntaxProblem(
                    "IsNull/IsNotNull operations are not supported on array element access"
                )
            return Exists(column) if node.negate else Not(Exists(column))
        return Not(HasNull(column)) if node.negate else HasNull(column)

    def _logic(self, node: Binary) -> Any:
        left, right = self.visit(node.left), self.visit(node.right)
        constants = [side for side in (left, right) if isinstance(side, _Constant)]
        wrong = SyntaxProblem(f"'{node.op}' can only be used between boolean expressions")
        if any(not isinstance(side.value, bool) for side in constants):
            raise wrong
        if len(constants) == 2:
            both = left.value and right.value
            return Literal(both if node.op == "and" else left.value or right.value)
        if constants:
            other = right if constants[0] is left else left
            if constants[0].value == (node.op == "or"):
                return Always(node.op == "or")
            if not _is_predicate(other):
                raise wrong
            return other
        if isinstance(left, _RandomSample) or isinstance(right, _RandomSample):
            if node.op == "and" and isinstance(right, _RandomSample) and _is_predicate(left):
                return Sample(right.factor, left)
            raise SyntaxProblem(
                "random sample expression can only be the last expression in the logical and "
                "expression"
            )
        if isinstance(left, Sample) or not _is_predicate(left) or not _is_predicate(right):
            raise wrong
        return Both(left, right) if node.op == "and" else Either(left, right)

    # ── comparison ──────────────────────────────────────────────

    def _compare(self, node: Binary) -> Any:
        in_time = self._compare_time(node)
        if in_time is not None:
            return in_time
        left, right = self.visit(node.left), self.visit(node.right)
        if isinstance(left, _Constant) and isinstance(right, _Constant):
            return Literal(_compared(left.value, node.op, right.value))
        if node.op not in ("==", "!="):
            self._no_whole_array(left)
            self._no_whole_array(right)
        if not self._comparable(left, right):
            raise SyntaxProblem(
                f"comparisons between {self.type_name(left)} and {self.type_name(right)} "
                "are not supported"
            )
        if isinstance(left, _Constant | _List):
            return self._with_constant(right, _MIRRORED[node.op], left)
        if isinstance(right, _Constant | _List):
            return self._with_constant(left, node.op, right)
        if not isinstance(left, Column) or not isinstance(right, Column):
            raise SyntaxProblem("only comparison between two fields is supported")
        if left.is_json or right.is_json:
            raise SyntaxProblem("two column comparison with JSON type is not supported")
        return CompareColumns(left, node.op, right)

    def _comparable(self, left: Any, right: Any) -> bool:
        def simple(operand: Any) -> str:
            name = self.type_name(operand)
            return name[6:-1] if name.startswith("Array[") else name

        one, other = simple(left), simple(right)
        if one == "JSON":
            return True
        if one in NUMBERS:
            return other in NUMBERS or other == "JSON"
        return one in ("Bool", "VarChar") and other in (one, "JSON")

    def _with_constant(self, operand: Any, op: str, constant: Any) -> Predicate:
        if isinstance(constant, _List):
            if not isinstance(operand, Column) or operand.type not in ("Array", "JSON"):
                raise self._cannot_cast(operand, constant.values)
            return Compare(operand, op, constant.values)
        value = self._cast(operand, constant.value)
        if isinstance(operand, Column):
            return Compare(operand, op, value)
        if isinstance(operand, _Length):
            return Length(operand.column, op, value)
        if isinstance(operand, _Sum):
            if operand.reverse and operand.op not in ("+", "*"):
                raise SyntaxProblem("module field is not yet supported")
            return Computed(operand.column, operand.op, operand.operand, op, value)
        raise SyntaxProblem("not supported to combine multiple fields")

    def _cast(self, operand: Any, value: Any) -> Any:
        """A constant as the type of what it stands beside: no fractions beside integers."""
        kind = operand.type
        if kind == "JSON":
            return value
        if kind == "VarChar" and isinstance(value, str):
            return value
        if kind == "Bool" and isinstance(value, bool):
            return value
        if isinstance(value, int | float) and not isinstance(value, bool):
            if kind in FLOATS:
                return float(value)
            if kind in INTEGERS and isinstance(value, int):
                return value
        raise self._cannot_cast(operand, value)

    def _cannot_cast(self, operand: Any, value: Any) -> SyntaxProblem:
        return SyntaxProblem(
            f"cannot cast value to {self.type_name(operand)}, value: {_shown(value)}"
        )

    def _range(self, node: Range) -> Predicate:
        column = self.column(node.column)
        self._no_whole_array(column)
        low, high = self.visit(node.low), self.visit(node.high)
        if node.ops[0] in (">", ">="):
            low, high = high, low
        for bound, name in ((low, "lowerbound"), (high, "upperbound")):
            if not isinstance(bound, _Constant):
                raise SyntaxProblem(f"{name} cannot be a non-const expression")
        least, most = (self._range_value(column, each.value) for each in (low, high))
        strict = "<" in node.ops or ">" in node.ops
        if _compared(least, ">=" if strict else ">", most):
            raise SyntaxProblem("invalid range: lowerbound is greater than upperbound")
        first, second = node.ops
        low_op, high_op = (first, second) if first in ("<", "<=") else (second, first)
        return Both(
            Compare(column, ">" if low_op in "<>" else ">=", least),
            Compare(column, "<" if high_op in "<>" else "<=", most),
        )

    def _range_value(self, column: Column, value: Any) -> Any:
        if column.type == "Bool":
            raise SyntaxProblem("invalid range operations on boolean expr")
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if (
            (column.type == "VarChar" and not isinstance(value, str))
            or (column.type in INTEGERS and not (number and isinstance(value, int)))
            or (column.type in FLOATS and not number)
        ):
            raise SyntaxProblem("invalid range operations")
        return value

    def _term(self, node: Binary) -> Predicate:
        operand = self.visit(node.left)
        if isinstance(operand, _Constant | _List):
            raise SyntaxProblem("'term' can only be used on non-const expression")
        if not isinstance(operand, Column):
            raise SyntaxProblem("'term' can only be used on single field")
        listed = self.visit(node.right)
        if isinstance(listed, _Constant):
            raise SyntaxProblem("the right-hand side of 'in' must be a list")
        if not isinstance(listed, _List):
            raise SyntaxProblem("value in list cannot be a non-const expression")
        values = []
        for value in listed.values:
            try:
                values.append(self._cast(operand, value))
            except SyntaxProblem:
                raise SyntaxProblem(
                    f"value '{_shown(value)}' in list cannot be casted to {self.type_name(operand)}"
                ) from None
        test = OneOf(operand, tuple(values))
        return Not(test) if node.op == "not in" else test

    def _list(self, elements: list[Any]) -> _List:
        values = []
        for element in elements:
            value = self.visit(element)
            if isinstance(value, _Constant):
                values.append(value.value)
            elif isinstance(value, _List):
                values.append(value.values)
            else:
                raise SyntaxProblem("array element type must be generic value")
        return _List(values)

    # ── arithmetic ──────────────────────────────────────────────

    def _arithmetic(self, node: Binary) -> Any:
        left, right = self.visit(node.left), self.visit(node.right)
        if isinstance(left, _Constant) and isinstance(right, _Constant):
            return Literal(_folded(left.value, node.op, right.value))
        self._no_whole_array(left)
        self._no_whole_array(right)
        reverse = isinstance(left, _Constant)
        column, constant = (right, left) if reverse else (left, right)
        name = _ARITHMETIC_NAMES.get(node.op, "bitwise")
        if isinstance(column, Column) and isinstance(constant, Column):
            raise SyntaxProblem("not supported to do arithmetic operations between multiple fields")
        if not isinstance(column, Column) or not isinstance(constant, _Constant):
            raise SyntaxProblem("complicated arithmetic operations are not supported")
        value = constant.value
        kinds = (column.type, _kind(value))
        number = kinds[1] in NUMBERS
        if not number or not (
            column.type in FLOATS
            or column.is_json
            or (column.type in INTEGERS and isinstance(value, int))
        ):
            raise SyntaxProblem(
                f"'{name}' cannot perform arithmetic between {kinds[0]} field and {kinds[1]}"
            )
        if node.op == "%" and not (
            (column.type in INTEGERS or column.is_json) and isinstance(value, int)
        ):
            raise SyntaxProblem("modulo can only apply on integer types")
        if node.op in "&|^" and not (
            (column.type in INTEGERS or column.is_json) and isinstance(value, int)
        ):
            raise SyntaxProblem("bitwise operations can only apply on integer types")
        if node.op in "/%" and value == 0:
            raise SyntaxProblem("division or modulus by zero")
        return _Sum(node.op, column, value, reverse)

    def _power(self, node: Binary) -> Any:
        left, right = self.visit(node.left), self.visit(node.right)
        if not isinstance(left, _Constant) or not isinstance(right, _Constant):
            raise SyntaxProblem("power can only apply on constants")
        return Literal(_folded(left.value, "**", right.value))

    # ── text ────────────────────────────────────────────────────

    def _like(self, node: Binary) -> Predicate:
        column = self._text_column(node, "like operation on complicated expr is unsupported")
        if not (column.type == "VarChar" or column.is_json):
            raise SyntaxProblem("like operation on non-string or no-json field is unsupported")
        pattern = self._text_argument(node.right, "like pattern")
        return Matches(column, _like_pattern(pattern))

    def _regex(self, node: Binary) -> Predicate:
        column = self._text_column(node, "regex match on complicated expr is unsupported")
        if not (column.type == "VarChar" or column.is_json):
            raise SyntaxProblem("regex match on non-string or non-json field is unsupported")
        pattern = f"(?s){self._text_argument(node.right, 'regex pattern')}"
        try:
            pc.match_substring_regex(pa.array([""]), pattern)
        except pa.ArrowInvalid as error:
            reason = str(error).partition(": ")[2]
            what, _, where = reason.partition(": ")
            raise SyntaxProblem(
                "invalid regex pattern: error parsing regexp: "
                f"{_RE2_IN_GO.get(what, what)}: `{where.removeprefix('(?s)')}`"
            ) from None
        test = Matches(column, pattern)
        return Not(test) if node.op == "!~" else test

    def _text_column(self, node: Binary, otherwise: str) -> Column:
        operand = self.visit(node.left)
        if isinstance(operand, _Constant | _List):
            raise SyntaxProblem(f"the left operand of {node.op} is invalid")
        if not isinstance(operand, Column):
            raise SyntaxProblem(otherwise)
        self._no_whole_array(operand)
        return operand

    def _text_argument(self, node: Any, name: str) -> str:
        value = self.visit(node)
        if not isinstance(value, _Constant) or not isinstance(value.value, str):
            shown = value.source if isinstance(value, _Constant) else self.type_name(value)
            raise SyntaxProblem(
                f"{name} should be a string literal or template variable, got: {shown}"
            )
        return value.value

    # ── functions ───────────────────────────────────────────────

    def _call(self, node: Call) -> Any:
        name = node.name.lower()
        if node.name not in (name, name.upper()):
            raise SyntaxProblem(f"function {node.name} not found")
        if name in ("text_match", "phrase_match"):
            return self._words(name, node)
        if name == "random_sample":
            return self._random_sample(node)
        if name == "array_length":
            column = self._first(node)
            if column.type not in ("Array", "JSON"):
                raise SyntaxProblem(
                    "array_length operation are only supported on json, array or "
                    f"array-of-vector fields now, got: {column.type}"
                )
            return _Length(column)
        family, _, suffix = name.partition("_contains")
        if family in ("json", "array") and suffix in ("", "_all", "_any"):
            return self._contains(node, suffix)
        if name.startswith("st_"):
            return self._spatial(name.removeprefix("st_"), node)
        if name == "empty":
            return Compare(self._text_field(node), "==", "")
        if name == "starts_with":
            column = self._text_field(node)
            self._arguments(node, 2)
            prefix = self._text_argument(node.arguments[1], "starts_with prefix")
            return Matches(column, rf"\A{_quoted(prefix)}")
        raise SyntaxProblem(f"function {node.name} not found")

    def _arguments(self, node: Call, *counts: int) -> None:
        if len(node.arguments) not in counts:
            raise SyntaxProblem(
                f"{node.name} takes {' or '.join(map(str, counts))} arguments, "
                f"got {len(node.arguments)}"
            )

    def _first(self, node: Call) -> Column:
        if not node.arguments:
            raise SyntaxProblem(f"{node.name} needs a field")
        column = self.visit(node.arguments[0])
        if not isinstance(column, Column):
            raise SyntaxProblem(
                f"{node.name} operation are only supported on json or array fields now"
            )
        return column

    def _text_field(self, node: Call) -> Column:
        column = self._first(node)
        if column.type != "VarChar":
            raise SyntaxProblem(f"function {node.name} does not take a field of {column.type}")
        return column

    def _words(self, name: str, node: Call) -> Predicate:
        self._arguments(node, 2, 3) if name == "phrase_match" else self._arguments(node, 2)
        column = self._first(node)
        title = name.replace("_", " ")
        if column.type != "VarChar" or column.path:
            raise SyntaxProblem(f"{title} operation on non-string is unsupported")
        field = self._item.field_named(column.stored)
        assert field is not None
        if field.params.get("enable_match", "").lower() != "true":
            raise SyntaxProblem(f'field "{field.name}" does not enable match')
        text = self._text_argument(node.arguments[1], f"{name} query")
        analyzer = _analyzer(field)
        words = analyzer.tokenize(text)
        if name == "phrase_match":
            return HasPhrase(column, tuple(words), self._slop(node), analyzer)
        least = node.options.get("minimum_should_match", 1)
        if not 1 <= least <= _MAX_LEAST_WORDS:
            raise SyntaxProblem(
                f"minimum_should_match should be in range [1, {_MAX_LEAST_WORDS}], got {least}"
            )
        return HasWords(column, frozenset(words), min(least, max(len(set(words)), 1)), analyzer)

    def _slop(self, node: Call) -> int:
        if len(node.arguments) < 3:
            return 0
        slop = self.visit(node.arguments[2])
        if not isinstance(slop, _Constant) or type(slop.value) is not int:
            raise SyntaxProblem(
                '"slop" should be a const integer expression with "uint32" value. '
                f'"slop" expression passed: {getattr(slop, "source", "")}'
            )
        if slop.value < 0:
            raise SyntaxProblem(
                f'"slop" should not be a negative interger. "slop" passed: {slop.value}'
            )
        if slop.value > _MAX_SLOP:
            raise SyntaxProblem(
                f'"slop" exceeds the range of "uint32". "slop" expression passed: {slop.value}'
            )
        return slop.value

    def _random_sample(self, node: Call) -> _RandomSample:
        self._arguments(node, 1)
        factor = self.visit(node.arguments[0])
        if not isinstance(factor, _Constant) or not isinstance(factor.value, int | float):
            raise SyntaxProblem('"float factor" should be a const float expression')
        number = factor.value if isinstance(factor.value, float) else 0.0
        if not _SAMPLE_EDGE < number < 1 - _SAMPLE_EDGE:
            raise SyntaxProblem(
                "the sample factor should be between 0 and 1 and not too close to 0 or 1(the "
                f"difference should be larger than 1e-10), but got {factor.source}"
            )
        return _RandomSample(number)

    def _contains(self, node: Call, suffix: str) -> Predicate:
        self._arguments(node, 2)
        column = self.visit(node.arguments[0])
        if not isinstance(column, Column) or column.type not in ("JSON", "Array"):
            raise SyntaxProblem(
                "contains operation are only supported on json or array fields now, got: "
                f"{self.type_name(column)}"
            )
        wanted = self.visit(node.arguments[1])
        if not isinstance(wanted, _Constant | _List):
            raise SyntaxProblem(
                "contains operation are only supported explicitly specified element"
            )
        if suffix and not isinstance(wanted, _List):
            raise SyntaxProblem(
                f"Contains{suffix.removeprefix('_').title()} operation element must be an array"
            )
        whole = wanted.values if isinstance(wanted, _List) else wanted.value
        values = whole if suffix else [whole]
        if column.type == "Array":
            element = Column(column.stored, self._element_type(column), (0,))
            values = [self._cast(element, value) for value in values]
        return Contains(column, tuple(values), every=suffix != "_any")

    def _spatial(self, relation: str, node: Call) -> Predicate:
        if relation not in (*_RELATIONS, "dwithin", "isvalid"):
            raise SyntaxProblem(f"function {node.name} not found")
        column = self._first(node)
        if column.type != "Geometry":
            raise SyntaxProblem(
                f"spatial operation are only supported on geometry fields now, got: {node.name}"
            )
        if relation == "isvalid":
            self._arguments(node, 1)
            return Spatial(column, relation, None)
        self._arguments(node, 3 if relation == "dwithin" else 2)
        text = self._text_argument(node.arguments[1], "WKT string")
        shape = geometry.parsed(text)
        if shape is None:
            raise SyntaxProblem(f"invalid WKT: {text}")
        if relation != "dwithin":
            return Spatial(column, relation, shape)
        if shape.geom_type != "Point":
            raise SyntaxProblem(f"ST_DWITHIN takes a POINT, got: {text}")
        distance = self.visit(node.arguments[2])
        if not isinstance(distance, _Constant) or _kind(distance.value) not in NUMBERS:
            raise SyntaxProblem("distance parameter must be a numeric value (int or float)")
        if distance.value < 0:
            raise SyntaxProblem(f"distance parameter must be non-negative, got: {distance.value:f}")
        return Spatial(column, relation, shape, float(distance.value))

    # ── points in time ──────────────────────────────────────────

    def _compare_time(self, node: Binary) -> Predicate | None:
        left, right, op = node.left, node.right, node.op
        if isinstance(left, Timestamp):
            left, right, op = right, left, _MIRRORED[op]
        if not isinstance(right, Timestamp):
            return None
        shift = ""
        sign = 1
        if isinstance(left, Binary) and isinstance(left.right, Interval) and left.op in "+-":
            shift, sign, left = left.right.text, 1 if left.op == "+" else -1, left.left
        column = self.visit(left)
        if not isinstance(column, Column) or column.type != "Timestamptz":
            raise SyntaxProblem(f"field '{self.type_name(column)}' is not a timestamptz datatype")
        try:
            moment = parse_timestamptz(right.text, default_timezone=self._zone)
        except (MilvusLiteError, ValueError):
            raise SyntaxProblem(f"invalid timestamp string: '{right.text}'") from None
        if not shift:
            return Compare(column, op, moment)
        # x + interval < t is x < t - interval.
        return Compare(column, op, _moved(moment, shift, -sign))


def _moved(micros: int, interval: str, sign: int) -> int:
    match = _INTERVAL.match(interval)
    if match is None or interval in ("P", "PT"):
        raise SyntaxProblem(f"invalid ISO 8601 duration: {interval}")
    years, months, days, hours, minutes, seconds = (int(each or 0) for each in match.groups())
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)
    month = moment.year * 12 + moment.month - 1 + sign * (years * 12 + months)
    year, month = month // 12, month % 12 + 1
    try:
        moment = moment.replace(
            year=year, month=month, day=min(moment.day, calendar.monthrange(year, month)[1])
        ) + sign * timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    except (ValueError, OverflowError, calendar.IllegalMonthError):
        raise SyntaxProblem(f"interval {interval} leads out of the calendar") from None
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _analyzer(field: Field) -> Analyzer:
    return create_analyzer(lite_analyzer(field))


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "Bool"
    if isinstance(value, int):
        return "Int64"
    if isinstance(value, float):
        return "Double"
    return "VarChar" if isinstance(value, str) else "Array"


def _shown(value: Any) -> str:
    kinds = {"Bool": "bool_val", "Int64": "int64_val", "Double": "float_val"}
    name = kinds.get(_kind(value), "string_val" if isinstance(value, str) else "array_val")
    return f"{name}:{orjson.dumps(value).decode()[:100]}"


def _compared(left: Any, op: str, right: Any) -> bool:
    kinds = {_kind(left), _kind(right)}
    if len(kinds) > 1 and not kinds <= set(NUMBERS):
        raise SyntaxProblem(
            "comparison operations cannot be applied to two incompatible operands: "
            f"{_shown(left)} {op} {_shown(right)}"
        )
    return {
        "==": left == right,
        "!=": left != right,
        "<": left < right,
        "<=": left <= right,
        ">": left > right,
        ">=": left >= right,
    }[op]


def _folded(left: Any, op: str, right: Any) -> Any:
    """Constants computed in the planner."""
    kinds = {_kind(left), _kind(right)}
    if not kinds <= set(NUMBERS):
        raise SyntaxProblem(f"'{op}' can only be used between integer or floating expressions")
    whole = kinds == {"Int64"}
    if op in ("/", "%") and right == 0:
        raise SyntaxProblem("cannot divide by zero")
    if op in ("%", "&", "|", "^") and not whole:
        raise SyntaxProblem(f"'{op}' can only be used between integer expressions")
    try:
        if op == "/":
            return quotient(left, right) if whole else left / right
        if op == "%":
            return left - quotient(left, right) * right
        if op == "**":
            result = math.pow(left, right)
            return int(result) if whole else result
        return {
            "+": lambda: left + right,
            "-": lambda: left - right,
            "*": lambda: left * right,
            "&": lambda: left & right,
            "|": lambda: left | right,
            "^": lambda: left ^ right,
        }[op]()
    except (OverflowError, ZeroDivisionError, ValueError):
        raise SyntaxProblem(f"{_shown(left)} {op} {_shown(right)} is out of range") from None


def _quoted(text: str) -> str:
    """Text as a pattern that matches just it (RE2 has no quoting of a NUL but \\x00)."""
    return "".join(
        each if each.isalnum() or each == "_" or ord(each) > 127 else f"\\x{ord(each):02x}"
        for each in text
    )


def _like_pattern(pattern: str) -> str:
    """`like`'s wildcards as a regular expression; a backslash takes the next character as it is."""
    out = []
    at = 0
    while at < len(pattern):
        each = pattern[at]
        if each == "\\":
            at += 1
            if at == len(pattern):
                raise SyntaxProblem("invalid like pattern: trailing backslash")
            out.append(_quoted(pattern[at]))
        else:
            out.append({"%": ".*", "_": "."}.get(each) or _quoted(each))
        at += 1
    return rf"(?s)\A{''.join(out)}\z"
