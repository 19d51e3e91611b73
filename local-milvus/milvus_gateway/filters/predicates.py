"""Filters at work: predicates over the rows of an Arrow table.

Logic is three-valued, as in Milvus' engine: what compares with a null, or with a JSON value of
another type, is unknown, and neither it nor its negation matches (`internal/core/src/exec`).
Regular expressions are RE2's, through pyarrow; spatial relations are GEOS', through shapely.
"""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
from milvus_lite.analyzer.protocol import Analyzer

from ..engine import geometry

META = "$meta"
_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_KERNELS: dict[str, Callable[[Any, Any], Any]] = {
    "==": pc.equal,
    "!=": pc.not_equal,
    "<": pc.less,
    "<=": pc.less_equal,
    ">": pc.greater,
    ">=": pc.greater_equal,
}
_ARROW_TYPES = {
    "Bool": pa.bool_(),
    "Int8": pa.int64(),
    "Int16": pa.int64(),
    "Int32": pa.int64(),
    "Int64": pa.int64(),
    "Float": pa.float32(),
    "Double": pa.float64(),
    "VarChar": pa.string(),
}


@dataclass(frozen=True)
class Column:
    """A field, or with a path what lies under it. `type` is what its values are: for an element of
    an array the element's type. `stored` is the column of the table, `$meta` for dynamic keys."""

    stored: str
    type: str
    path: tuple[str | int, ...] = ()

    @property
    def is_json(self) -> bool:
        return self.type == "JSON"


@dataclass(frozen=True)
class Verdict:
    """For each row whether it matches, and whether that is known at all."""

    true: np.ndarray
    known: np.ndarray


class Predicate(Protocol):
    """A condition on rows."""

    def test(self, rows: Rows) -> Verdict: ...


class Rows:
    """Columns of one table, decoded once for all the predicates of a filter."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table
        self._documents: dict[str, list[Any]] = {}
        self.count = table.num_rows

    def array(self, name: str) -> pa.Array:
        """A stored column."""
        column = self._table.column(name).combine_chunks()
        if isinstance(column, pa.ChunkedArray):
            return pa.concat_arrays(column.chunks) if column.num_chunks else column.chunk(0)
        return column

    def values(self, column: Column) -> list[Any]:
        """Python values; None for a null and for what the path does not lead to."""
        if column.is_json:
            if column.stored not in self._documents:
                self._documents[column.stored] = [
                    None if text is None else orjson.loads(text)
                    for text in self.array(column.stored).to_pylist()
                ]
            whole = self._documents[column.stored]
        else:
            whole = self.array(column.stored).to_pylist()
        if not column.path:
            return whole
        return [_under(value, column.path) for value in whole]


def _under(value: Any, path: tuple[str | int, ...]) -> Any:
    for part in path:
        if isinstance(value, dict):
            value = value.get(str(part))
        elif isinstance(value, list) and str(part).isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return value


def _verdict(results: Iterable[bool | None], count: int) -> Verdict:
    """From True, False and None for unknown."""
    listed = list(results)
    true = np.fromiter((each is True for each in listed), bool, count)
    known = np.fromiter((each is not None for each in listed), bool, count)
    return Verdict(true, known)


def _from_arrow(result: Any) -> Verdict:
    known = result.is_valid().to_numpy(zero_copy_only=False)
    true = pc.fill_null(result, False).to_numpy(zero_copy_only=False)
    return Verdict(true.astype(bool), known.astype(bool))


# ── logic ───────────────────────────────────────────────────────


@dataclass(frozen=True)
class Always:
    """A constant."""

    value: bool

    def test(self, rows: Rows) -> Verdict:
        return Verdict(np.full(rows.count, self.value), np.ones(rows.count, dtype=bool))


@dataclass(frozen=True)
class Not:
    """Unknown stays unknown."""

    inner: Predicate

    def test(self, rows: Rows) -> Verdict:
        inner = self.inner.test(rows)
        return Verdict(inner.known & ~inner.true, inner.known)


@dataclass(frozen=True)
class Both:
    """`and`: one false side decides."""

    left: Predicate
    right: Predicate

    def test(self, rows: Rows) -> Verdict:
        left, right = self.left.test(rows), self.right.test(rows)
        false = (left.known & ~left.true) | (right.known & ~right.true)
        return Verdict(left.true & right.true, (left.known & right.known) | false)


@dataclass(frozen=True)
class Either:
    """`or`: one true side decides."""

    left: Predicate
    right: Predicate

    def test(self, rows: Rows) -> Verdict:
        left, right = self.left.test(rows), self.right.test(rows)
        true = left.true | right.true
        return Verdict(true, (left.known & right.known) | true)


@dataclass(frozen=True)
class Sample:
    """`random_sample`: of the rows that pass the predicate before it, this part."""

    factor: float
    before: Predicate

    def test(self, rows: Rows) -> Verdict:
        before = self.before.test(rows)
        passed = before.true.nonzero()[0]
        chosen = np.random.default_rng().choice(
            passed, size=round(len(passed) * self.factor), replace=False
        )
        true = np.zeros(rows.count, dtype=bool)
        true[chosen] = True
        return Verdict(true, before.known)


# ── comparison ──────────────────────────────────────────────────


@dataclass(frozen=True)
class Compare:
    """A column beside a constant of its type."""

    column: Column
    op: str
    value: Any

    def test(self, rows: Rows) -> Verdict:
        column = self.column
        if column.type == "Timestamptz":
            stored = rows.array(column.stored).cast(pa.int64())
            return _from_arrow(_KERNELS[self.op](stored, pa.scalar(self.value, pa.int64())))
        if not column.path and column.type in _ARROW_TYPES:
            constant = pa.scalar(self.value, _ARROW_TYPES[column.type])
            return _from_arrow(_KERNELS[self.op](rows.array(column.stored), constant))
        compare, fits = _COMPARE[self.op], _same_kind(self.value)
        wanted = _narrow(self.value) if column.type == "Float" else self.value
        return _verdict(
            (compare(each, wanted) if fits(each) else None for each in rows.values(column)),
            rows.count,
        )


def _narrow(value: Any) -> Any:
    return float(np.float32(value)) if isinstance(value, int | float) else value


def _same_kind(value: Any) -> Callable[[Any], bool]:
    """Whether a value may be compared with this one: JSON keeps kinds apart."""
    if isinstance(value, bool):
        return lambda each: isinstance(each, bool)
    if isinstance(value, int | float):
        return lambda each: isinstance(each, int | float) and not isinstance(each, bool)
    return lambda each: isinstance(each, type(value))


@dataclass(frozen=True)
class CompareColumns:
    """Two columns, neither of them JSON."""

    left: Column
    op: str
    right: Column

    def test(self, rows: Rows) -> Verdict:
        compare = _COMPARE[self.op]
        pairs = zip(rows.values(self.left), rows.values(self.right), strict=True)
        return _verdict(
            (None if a is None or b is None else compare(a, b) for a, b in pairs), rows.count
        )


@dataclass(frozen=True)
class Computed:
    """`x + 1 == 3`: integers are divided and reduced as C++ does, towards zero."""

    column: Column
    arithmetic: str
    operand: int | float
    op: str
    value: int | float

    def test(self, rows: Rows) -> Verdict:
        compare = _COMPARE[self.op]
        return _verdict(
            (
                compare(_computed(each, self.arithmetic, self.operand), self.value)
                if isinstance(each, int | float) and not isinstance(each, bool)
                else None
                for each in rows.values(self.column)
            ),
            rows.count,
        )


def _computed(left: int | float, op: str, right: int | float) -> int | float:
    if op == "+":
        return left + right
    if op == "-":
        return left - right
    if op == "*":
        return left * right
    if op == "/":
        if isinstance(left, int) and isinstance(right, int):
            return quotient(left, right)
        return left / right
    if op == "%":
        whole, by = int(left), int(right)
        return whole - quotient(whole, by) * by
    return {"&": operator.and_, "|": operator.or_, "^": operator.xor}[op](int(left), int(right))


def quotient(left: int, right: int) -> int:
    """Integer division towards zero."""
    whole = abs(left) // abs(right)
    return whole if (left < 0) == (right < 0) else -whole


@dataclass(frozen=True)
class Length:
    """`array_length(x) > 2`; of JSON that is no list it is 0."""

    column: Column
    op: str
    value: int | float

    def test(self, rows: Rows) -> Verdict:
        compare = _COMPARE[self.op]
        known = rows.array(self.column.stored).is_valid().to_pylist()
        return _verdict(
            (
                compare(len(each) if isinstance(each, list) else 0, self.value) if valid else None
                for each, valid in zip(rows.values(self.column), known, strict=True)
            ),
            rows.count,
        )


@dataclass(frozen=True)
class OneOf:
    """`x in [...]`."""

    column: Column
    values: tuple[Any, ...]

    def test(self, rows: Rows) -> Verdict:
        column = self.column
        if not column.path and column.type in _ARROW_TYPES:
            array = rows.array(column.stored)
            wanted = pa.array(self.values, type=_ARROW_TYPES[column.type])
            if array.type != wanted.type:
                array = array.cast(wanted.type)
            found = pc.is_in(array, value_set=wanted).to_numpy(zero_copy_only=False)
            known = array.is_valid().to_numpy(zero_copy_only=False).astype(bool)
            return Verdict(found.astype(bool) & known, known)
        tests = [_same_kind(value) for value in self.values]
        values = [_narrow(each) if column.type == "Float" else each for each in self.values]

        def among(each: Any) -> bool | None:
            fitting = [value for value, fits in zip(values, tests, strict=True) if fits(each)]
            if each is None or (column.is_json and values and not fitting):
                return None
            return each in fitting

        return _verdict(map(among, rows.values(column)), rows.count)


# ── text ────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Matches:
    """A regular expression of RE2 found in a text; also what `like` becomes."""

    column: Column
    pattern: str

    def test(self, rows: Rows) -> Verdict:
        if self.column.path or self.column.is_json:
            texts = [each if isinstance(each, str) else None for each in rows.values(self.column)]
            array = pa.array(texts, type=pa.string())
        else:
            array = rows.array(self.column.stored)
        return _from_arrow(pc.match_substring_regex(array, self.pattern))


@dataclass(frozen=True)
class HasWords:
    """`text_match`: at least so many of the words."""

    column: Column
    words: frozenset[str]
    least: int
    analyzer: Analyzer

    def test(self, rows: Rows) -> Verdict:
        return _verdict(
            (
                None
                if text is None
                else len(self.words.intersection(self.analyzer.tokenize(text))) >= self.least
                for text in rows.values(self.column)
            ),
            rows.count,
        )


@dataclass(frozen=True)
class HasPhrase:
    """`phrase_match`: the words in a row, out of place by no more than `slop` together."""

    column: Column
    words: tuple[str, ...]
    slop: int
    analyzer: Analyzer

    def test(self, rows: Rows) -> Verdict:
        return _verdict(
            (
                None if text is None else self._in(self.analyzer.tokenize(text))
                for text in rows.values(self.column)
            ),
            rows.count,
        )

    def _in(self, tokens: Sequence[str]) -> bool:
        if not self.words or Counter(self.words) - Counter(tokens):
            return False
        # Where the phrase would begin, judged by each place of each of its words.
        starts = sorted(
            (place - index, index)
            for index, word in enumerate(self.words)
            for place, token in enumerate(tokens)
            if token == word
        )
        inside: Counter[int] = Counter()
        low = 0
        for start, index in starts:
            inside[index] += 1
            while start - starts[low][0] > self.slop:
                inside[starts[low][1]] -= 1
                low += 1
            if all(inside[each] > 0 for each in range(len(self.words))):
                return True
        return False


# ── lists, documents, nulls, shapes ─────────────────────────────


@dataclass(frozen=True)
class Contains:
    """`array_contains`, `json_contains` and their `_all` and `_any`."""

    column: Column
    values: tuple[Any, ...]
    every: bool

    def test(self, rows: Rows) -> Verdict:
        tests = [_same_kind(value) for value in self.values]
        pairs = list(zip(self.values, tests, strict=True))

        def holds(each: Any) -> bool | None:
            if not isinstance(each, list):
                return None
            found = (
                any(fits(element) and element == value for element in each) for value, fits in pairs
            )
            return all(found) if self.every else any(found)

        return _verdict(map(holds, rows.values(self.column)), rows.count)


@dataclass(frozen=True)
class Exists:
    """A JSON key with something in it."""

    column: Column

    def test(self, rows: Rows) -> Verdict:
        return _verdict(
            (not _is_empty(each) for each in rows.values(self.column)),
            rows.count,
        )


def _is_empty(value: Any) -> bool:
    if isinstance(value, dict):
        return all(_is_empty(each) for each in value.values())
    if isinstance(value, list):
        return all(_is_empty(each) for each in value)
    return value is None


@dataclass(frozen=True)
class HasNull:
    """`x is null` of a whole field."""

    column: Column

    def test(self, rows: Rows) -> Verdict:
        null = rows.array(self.column.stored).is_null().to_numpy(zero_copy_only=False)
        return Verdict(null.astype(bool), np.ones(rows.count, dtype=bool))


@dataclass(frozen=True)
class Spatial:
    """A relation of the stored shapes to one shape."""

    column: Column
    relation: str
    shape: geometry.Shape
    distance: float = 0.0

    def test(self, rows: Rows) -> Verdict:
        texts = rows.array(self.column.stored).to_pylist()
        true = geometry.related(texts, self.relation, self.shape, self.distance)
        known = np.fromiter((text is not None for text in texts), bool, rows.count)
        return Verdict(true & known, known)
