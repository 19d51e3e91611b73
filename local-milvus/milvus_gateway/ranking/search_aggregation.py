"""`searchAggregation`: the hits of a search in buckets (`internal/proxy/search_agg`)."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..engine.catalogue import Collection, Field
from ..engine.encoding import int64_out, key_out, renderers
from ..filters.plan import FLOATS, NUMBERS
from ..wire.envelope import float32
from ..wire.errors import bad_parameter
from . import aggregates
from .hits import Hit

MAX_LEVELS = 4
MAX_RESULT_ENTRIES = 1_000_000
_OPERATIONS = ("avg", "sum", "count", "min", "max")
_SCORE, _EVERY = "_score", "*"
_NO_FIELD = ("JSON", "Array", "Geometry", "FloatVector", "SparseFloatVector")


@dataclass(frozen=True)
class Metric:
    """One number of a bucket; `field` is None for `*` and for `_score`."""

    alias: str
    op: str
    source: str
    field: Field | None

    @property
    def is_whole(self) -> bool:
        """Whether the result is an int64."""
        if self.op == "count":
            return True
        kind = self.field.type if self.field else "Float"
        return self.op != "avg" and kind in NUMBERS and kind not in FLOATS


@dataclass(frozen=True)
class Sort:
    """`key` is a field, `_score`, `_count`, `_key` or a metric."""

    key: str
    descending: bool


@dataclass(frozen=True)
class TopHits:
    """The hits that a bucket shows."""

    size: int
    sort: list[Sort]


@dataclass(frozen=True)
class Level:
    """One depth of buckets."""

    fields: list[Field]
    size: int
    search_size: int
    metrics: list[Metric]
    order: list[Sort]
    top_hits: TopHits | None


@dataclass(frozen=True)
class Aggregation:
    """A checked request."""

    levels: list[Level]

    @property
    def keys(self) -> list[Field]:
        """The fields of all levels: what the hits are grouped by."""
        return [field for level in self.levels for field in level.fields]

    @property
    def groups(self) -> int:
        """How many groups of hits are looked at."""
        return math.prod(level.search_size for level in self.levels)

    @property
    def group_size(self) -> int:
        """How many hits of each."""
        return max(level.top_hits.size if level.top_hits else 1 for level in self.levels)

    @property
    def fields(self) -> list[str]:
        """The fields that have to be read."""
        out = [field.name for field in self.keys]
        for level in self.levels:
            out += [metric.field.name for metric in level.metrics if metric.field]
            if level.top_hits:
                out += [sort.key for sort in level.top_hits.sort if sort.key != _SCORE]
        return list(dict.fromkeys(out))


# ── checks ──────────────────────────────────────────────────────


def plan(item: Collection, given: dict[str, Any], queries: int) -> Aggregation:
    """The aggregation of a request; 1100 in Milvus' words."""
    chain = []
    current: dict[str, Any] | None = given
    while current is not None:
        _check_shape(current)
        chain.append(current)
        current = current.get("subAggregation")
    if len(chain) > MAX_LEVELS:
        raise bad_parameter(f"search_aggregation nesting exceeds max {MAX_LEVELS} levels")
    seen: set[str] = set()
    out = Aggregation([_level(item, each, seen) for each in chain])
    if queries * out.groups * out.group_size > MAX_RESULT_ENTRIES:
        raise bad_parameter("number of search_aggregation result entries is too large")
    return out


def _check_shape(given: dict[str, Any]) -> None:
    """What Milvus' REST layer checks."""
    where = "searchAggregation"
    fields, size, search_size = (
        given.get("fields", []),
        given.get("size", 0),
        given.get("searchSize", 0),
    )
    if not fields:
        raise bad_parameter(f"{where}.fields must be non-empty")
    if not all(name.strip() for name in fields):
        raise bad_parameter(f"{where}.fields must contain non-empty field names")
    if size <= 0:
        raise bad_parameter(f"{where}.size must be positive")
    if search_size < 0:
        raise bad_parameter(f"{where}.searchSize must be non-negative")
    if 0 < search_size < size:
        raise bad_parameter(f"{where}.searchSize must be greater than or equal to size")
    for alias, metric in given.get("metrics", {}).items():
        if not alias.strip():
            raise bad_parameter(f"{where}.metrics alias must be non-empty")
        for key in ("op", "fieldName"):
            if not metric.get(key, "").strip():
                raise bad_parameter(f"{where}.metrics.{alias.strip()}.{key} must be non-empty")
    for order in given.get("order", []):
        for key in ("key", "direction"):
            if not order.get(key, "").strip():
                raise bad_parameter(f"{where}.order {key} must be non-empty")
    top = given.get("topHits")
    if top is not None:
        if top.get("size", 0) <= 0:
            raise bad_parameter(f"{where}.topHits.size must be positive")
        for sort in top.get("sort", []):
            for key in ("fieldName", "direction"):
                if not sort.get(key, "").strip():
                    raise bad_parameter(f"{where}.topHits.sort {key} must be non-empty")


def _level(item: Collection, given: dict[str, Any], seen: set[str]) -> Level:
    fields: list[Field] = []
    for name in (each.strip() for each in given["fields"]):
        field = _field(item, name, "group_by field")
        if field.type in FLOATS:
            raise bad_parameter(
                f'group_by field "{name}": FLOAT / DOUBLE fields are not supported with '
                "search_aggregation (BucketKeyEntry has no float variant; equality on floats is "
                "fragile)"
            )
        if name in seen:
            within = any(field.name == name for field in fields)
            raise bad_parameter(
                f'duplicated group_by field "{name}" '
                f"{'in one level' if within else 'across levels'}"
            )
        seen.add(name)
        fields.append(field)
    metrics = [
        _metric(item, alias.strip(), metric)
        for alias, metric in sorted(given.get("metrics", {}).items())
    ]
    return Level(
        fields,
        given["size"],
        given.get("searchSize", 0) or given["size"],
        metrics,
        [_order(each, metrics) for each in given.get("order", [])],
        _top_hits(item, given.get("topHits")),
    )


def _field(item: Collection, name: str, usage: str) -> Field:
    field = item.field_named(name)
    if field is None and not item.dynamic:
        raise bad_parameter(f'invalid {usage} "{name}": field "{name}" not found in schema')
    if field is None or field.type in _NO_FIELD:
        raise bad_parameter(
            f'{usage} "{name}": JSON / dynamic fields are not yet supported with search_aggregation'
        )
    return field


def _metric(item: Collection, alias: str, given: dict[str, Any]) -> Metric:
    op, source = given["op"].strip().lower(), given["fieldName"].strip()
    if op not in _OPERATIONS:
        raise bad_parameter(f'invalid metric "{alias}": unsupported metric op "{given["op"]}"')
    if source == _EVERY:
        if op != "count":
            raise bad_parameter(
                f"invalid metric \"{alias}\": field_name '*' only supports count op"
            )
        return Metric(alias, op, source, None)
    if source == _SCORE:
        return Metric(alias, op, source, None)
    field = _field(item, source, "metric field")
    ordered = op in ("min", "max") and field.type in ("VarChar", "Timestamptz")
    if op != "count" and field.type not in NUMBERS and not ordered:
        raise bad_parameter(
            f'invalid metric "{alias}": aggregation operator {op} does not support data type '
            f"{field.type}"
        )
    return Metric(alias, op, source, field)


def _descending(direction: str, what: str) -> bool:
    word = direction.strip().lower()
    if word not in ("asc", "desc"):
        raise bad_parameter(f"invalid {what}: direction must be asc or desc")
    return word == "desc"


def _order(given: dict[str, Any], metrics: list[Metric]) -> Sort:
    key = given["key"].strip()
    if key not in ("_count", "_key", *(metric.alias for metric in metrics)):
        raise bad_parameter(f'order key "{key}" is neither reserved key nor metric alias')
    return Sort(key, _descending(given["direction"], f'order direction for key "{key}"'))


def _top_hits(item: Collection, given: dict[str, Any] | None) -> TopHits | None:
    if given is None:
        return None
    sorts = []
    for each in given.get("sort", []):
        name = each["fieldName"].strip()
        descending = _descending(each["direction"], f'top_hits.sort direction for "{name}"')
        if name != _SCORE:
            _field(item, name, "top_hits.sort field")
        sorts.append(Sort(name, descending))
    return TopHits(given["size"], sorts)


# ── buckets ─────────────────────────────────────────────────────


@dataclass
class Bucket:
    """Hits with the same values of a level's fields."""

    key: tuple[Any, ...]
    hits: list[Hit]
    metrics: dict[str, Any]
    below: list[Bucket]


def buckets(aggregation: Aggregation, primary: str, hits: list[Hit]) -> list[Bucket]:
    """The buckets of one query."""
    return _buckets(aggregation.levels, primary, hits)


def _value(hit: Hit, primary: str, name: str) -> Any:
    if name == _SCORE:
        return hit.score
    return hit.key if name == primary else hit.row.get(name)


def _buckets(levels: list[Level], primary: str, hits: list[Hit]) -> list[Bucket]:
    level = levels[0]
    members: dict[tuple[Any, ...], list[Hit]] = {}
    for hit in hits:
        key = tuple(_value(hit, primary, field.name) for field in level.fields)
        members.setdefault(key, []).append(hit)
    out = [
        Bucket(key, inside, {m.alias: _measured(m, primary, inside) for m in level.metrics}, [])
        for key, inside in members.items()
    ]
    for order in reversed(level.order):
        out.sort(key=functools.cmp_to_key(_by(order)), reverse=order.descending)
    out = out[: level.size]
    if len(levels) > 1:
        for bucket in out:
            bucket.below = _buckets(levels[1:], primary, bucket.hits)
    return out


def _measured(metric: Metric, primary: str, hits: list[Hit]) -> Any:
    if metric.source == _EVERY:
        return len(hits)
    return aggregates.value(metric.op, (_value(hit, primary, metric.source) for hit in hits))


def _by(order: Sort) -> Callable[[Bucket, Bucket], int]:
    def part(bucket: Bucket) -> tuple[Any, ...]:
        if order.key == "_count":
            return (len(bucket.hits),)
        return bucket.key if order.key == "_key" else (bucket.metrics[order.key],)

    def compare(one: Bucket, other: Bucket) -> int:
        for a, b in zip(part(one), part(other), strict=True):
            if a != b:
                return -1 if a is None or (b is not None and a < b) else 1
        return 0

    return compare


def _shown(top: TopHits, primary: str, hits: list[Hit]) -> list[Hit]:
    """By the criteria, then by score, greatest first, then by key; nulls last."""
    out = sorted(hits, key=lambda hit: hit.key)
    out.sort(key=lambda hit: hit.score, reverse=True)
    for sort in reversed(top.sort):
        known = [hit for hit in out if _value(hit, primary, sort.key) is not None]
        unknown = [hit for hit in out if _value(hit, primary, sort.key) is None]
        known.sort(
            key=functools.partial(_value, primary=primary, name=sort.key), reverse=sort.descending
        )
        out = known + unknown
    return out[: top.size]


# ── out ─────────────────────────────────────────────────────────


def rendered(
    item: Collection,
    aggregation: Aggregation,
    found: list[list[Bucket]],
    names: list[str],
    as_text: bool,
) -> list[dict[str, Any]]:
    """`data` of the answer: the buckets of each query. Hits show the fields in `names`."""
    return [
        {"buckets": [_rendered(item, aggregation.levels, each, names, as_text) for each in one]}
        for one in found
    ]


def _rendered(
    item: Collection, levels: list[Level], bucket: Bucket, names: list[str], as_text: bool
) -> dict[str, Any]:
    level = levels[0]
    primary = item.primary
    return {
        "key": [
            {
                "fieldName": field.name,
                "fieldId": int64_out(field.id, as_text),
                "value": _plain(field, value, as_text),
            }
            for field, value in zip(level.fields, bucket.key, strict=True)
        ],
        "count": int64_out(len(bucket.hits), as_text),
        "metrics": {
            metric.alias: _metric_out(metric, bucket.metrics[metric.alias], as_text)
            for metric in level.metrics
        },
        "hits": [
            {
                **{name: _field_out(item, hit, name, as_text) for name in names},
                primary.name: key_out(primary, hit.key, as_text),
                "distance": float32(hit.score),
            }
            for hit in (_shown(level.top_hits, primary.name, bucket.hits) if level.top_hits else [])
        ],
        "subGroups": [_rendered(item, levels[1:], each, names, as_text) for each in bucket.below],
    }


def _plain(field: Field, value: Any, as_text: bool) -> Any:
    """Every integer of a bucket's key is an int64 of protobuf."""
    if value is None or isinstance(value, bool) or field.type not in NUMBERS:
        return value
    return int64_out(value, as_text)


def _metric_out(metric: Metric, value: Any, as_text: bool) -> Any:
    if value is None:
        return None
    return int64_out(value, as_text) if metric.is_whole else value


def _field_out(item: Collection, hit: Hit, name: str, as_text: bool) -> Any:
    value = hit.key if name == item.primary.name else hit.row.get(name)
    return None if value is None else renderers(item, as_text)[name](value)
