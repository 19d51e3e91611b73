"""Rank functions: `rerank` of hybrid search and `functionScore` (`chain/rerank_builder.go`).

`boost` changes the scores of the hits of one search; `rrf`, `weighted` and `decay` merge the hits
of all searches, or of the one. A model reranker asks a service that is not here.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from ..engine.catalogue import Collection
from ..filters.expressions import Filter, compiled
from ..filters.plan import NUMBERS
from ..wire.errors import PARAMETER_MISSING, MilvusError, bad_parameter, unsupported
from ..wire.requests import go_bool
from ..wire.texts import as_text
from .hits import Hit, larger_is_nearer, sort_by_score

MAX_RRF_K = 16384
DEFAULT_RRF_K = 60.0
_MODES = ("multiply", "sum")
_SCORE_MODES = ("max", "sum", "avg")
_DECAYS = ("gauss", "exp", "linear")
_LEAST_DECAY, _MOST_DECAY = 0.001, 0.999
_RERANKERS = ("boost", "decay", "model", "rrf", "weighted")

Shape = Callable[[float], float]


# ── what a request asks for ─────────────────────────────────────


@dataclass(frozen=True)
class Boost:
    """A weight for the rows that a filter lets pass."""

    condition: Filter | None
    weight: float
    random: dict[str, Any] | None


@dataclass(frozen=True)
class Boosts:
    """All boosts of a request, and how they go together and with the score."""

    functions: list[Boost]
    boost_mode: str
    function_mode: str


@dataclass(frozen=True)
class Merge:
    """One rank function over the hits of several searches. `field` is what it reads of a row."""

    fuse: Callable[[list[list[Hit]]], list[Hit]]
    descending: bool = True
    field: str | None = None


@dataclass(frozen=True)
class Ranking:
    """`functionScore`, or hybrid search's `rerank`."""

    boosts: Boosts | None
    merge: Merge | None

    @property
    def fields(self) -> list[str]:
        """Fields that have to be read although nobody asked for them."""
        out = [self.merge.field] if self.merge and self.merge.field else []
        for each in self.boosts.functions if self.boosts else []:
            if each.random and each.random.get("field"):
                out.append(each.random["field"])
        return out


NO_RANKING = Ranking(None, None)


def from_function_score(item: Collection, given: dict[str, Any], metrics: list[str]) -> Ranking:
    """`functionScore`; 1100 for what Milvus' proxy and planner refuse."""
    boosts: list[Boost] = []
    others: list[dict[str, Any]] = []
    for function in given.get("functions", []):
        if function.get("type") != "Rerank":
            raise bad_parameter(f"Unsupported function type: {function.get('type', '')}")
        name = as_text(_params(function).get("reranker", "")).lower()
        if name == "boost":
            boosts.append(_boost(item, function))
        else:
            others.append(function)
    if len(others) > 1:
        raise bad_parameter("rerank_builder: currently only supports one rerank function")
    merge = _merge(item, others[0], metrics) if others else None
    if not boosts:
        return Ranking(None, merge)
    modes = {key.lower(): as_text(value).lower() for key, value in given.get("params", {}).items()}
    boost_mode = modes.get("boost_mode", _MODES[0])
    function_mode = modes.get("function_mode", _MODES[0])
    if boost_mode not in _MODES:
        raise bad_parameter(f"unknown boost mode: {boost_mode}")
    if function_mode not in _MODES:
        raise bad_parameter(f"unknown function mode: {function_mode}")
    return Ranking(Boosts(boosts, boost_mode, function_mode), merge)


def from_rerank(given: dict[str, Any], metrics: list[str]) -> Ranking:
    """Hybrid search's older `rerank`: a strategy and its parameters."""
    strategy, params = given.get("strategy", "").lower(), given.get("params", {})
    if strategy == "rrf":
        k = params.get("k", DEFAULT_RRF_K)
        if isinstance(k, bool) or not isinstance(k, int | float):
            raise bad_parameter("the type of rank param k should be float: invalid parameter")
        return Ranking(None, _rrf({"k": k}))
    if strategy == "weighted":
        if params.get("norm_score") is not None and _bool(params["norm_score"]) is None:
            raise bad_parameter(
                "the type of rank param norm_score should be bool: invalid parameter"
            )
        return Ranking(None, _weighted(params, metrics))
    raise bad_parameter(f"unsupported rank type {strategy}: invalid parameter")


def _params(function: dict[str, Any]) -> dict[str, Any]:
    return {key.lower(): value for key, value in function.get("params", {}).items()}


def _merge(item: Collection, function: dict[str, Any], metrics: list[str]) -> Merge:
    params = _params(function)
    name = as_text(params.get("reranker", "")).lower()
    if not name:
        raise MilvusError(PARAMETER_MISSING, "rerank_builder: reranker name not specified")
    if name not in _RERANKERS:
        raise bad_parameter(f"rerank_builder: unsupported reranker {name}")
    if name == "model":
        raise unsupported("functionScore reranker model")
    if name == "rrf":
        return _rrf(params)
    if name == "weighted":
        return _weighted(params, metrics)
    return _decay(item, function, metrics)


def _number(params: dict[str, Any], key: str, what: str) -> float | None:
    if params.get(key) is None:
        return None
    try:
        number = float(as_text(params[key]))
    except ValueError:
        raise bad_parameter(f"{what}{as_text(params[key])} is not a number") from None
    if not math.isfinite(number):
        raise bad_parameter(f"{what}{as_text(params[key])} is not a number")
    return number


def _bool(value: Any) -> bool | None:
    return value if isinstance(value, bool) else go_bool(as_text(value))


# ── rrf and weighted ────────────────────────────────────────────


def _rrf(params: dict[str, Any]) -> Merge:
    k = _number(params, "k", "")
    k = DEFAULT_RRF_K if k is None else k
    if not 0 < k < MAX_RRF_K:
        raise bad_parameter(
            f"The rank params k should be in range (0, {MAX_RRF_K}): invalid parameter"
        )
    return Merge(lambda lists: _summed(lists, lambda _number, rank, _score: 1.0 / (k + rank)))


def _weighted(params: dict[str, Any], metrics: list[str]) -> Merge:
    weights = params.get("weights")
    if isinstance(weights, str):
        try:
            weights = orjson.loads(weights)
        except orjson.JSONDecodeError as error:
            raise bad_parameter(f"failed to parse weights: {error}") from None
    if weights is None or weights == []:
        raise bad_parameter("rerank_builder: weighted reranker requires weights parameter")
    if not isinstance(weights, list) or not all(type(each) in (int, float) for each in weights):
        raise bad_parameter("failed to parse weights: the weights must be a list of numbers")
    if not all(0 <= each <= 1 for each in weights):
        raise bad_parameter("rank param weight should be in range [0, 1]: invalid parameter")
    if len(weights) != len(metrics):
        raise bad_parameter(
            "the length of weights param mismatch with ann search requests: "
            f"invalid parameter[expected={len(metrics)}][actual={len(weights)}]"
        )
    normalize = _bool(params.get("norm_score", False))
    if normalize is None:
        raise bad_parameter("failed to parse norm_score: it must be a bool")
    shapes, descending = _shapes(metrics, normalize=normalize, force=False)

    def fuse(lists: list[list[Hit]]) -> list[Hit]:
        return _summed(lists, lambda number, _rank, score: weights[number] * shapes[number](score))

    return Merge(fuse, descending)


def _summed(lists: list[list[Hit]], share: Callable[[int, int, float], float]) -> list[Hit]:
    """Each row once, with the sum of what it gets for its places; ranks count from 1."""
    rows: dict[Any, Hit] = {}
    for number, hits in enumerate(lists):
        for rank, hit in enumerate(hits, 1):
            part = share(number, rank, hit.score)
            if hit.key in rows:
                rows[hit.key].score += part
            else:
                rows[hit.key] = Hit(hit.key, part, hit.row)
    return list(rows.values())


def _shapes(metrics: list[str], *, normalize: bool, force: bool) -> tuple[list[Shape], bool]:
    """How the scores of each search become comparable, and whether the greatest is then best."""
    if normalize:
        return [_normalized(metric) for metric in metrics], True
    nearer = [larger_is_nearer(metric) for metric in metrics]
    if force or len(set(nearer)) > 1:
        return [_plain if near else _turned for near in nearer], True
    return [_plain for _ in metrics], all(nearer)


def _plain(score: float) -> float:
    return score


def _turned(distance: float) -> float:
    return 1.0 - 2.0 * math.atan(distance) / math.pi


def _normalized(metric: str) -> Shape:
    if metric == "COSINE":
        return lambda score: (1.0 + score) * 0.5
    if metric == "BM25":
        return lambda score: 2.0 * math.atan(score) / math.pi
    return _turned if metric == "L2" else lambda score: 0.5 + math.atan(score) / math.pi


# ── decay ───────────────────────────────────────────────────────


@dataclass(frozen=True)
class Decay:
    """How much a number is worth, from 1 at the origin down (`chain/expr/decay_expr.go`)."""

    function: str
    origin: float
    scale: float
    offset: float
    decay: float

    def __post_init__(self) -> None:
        if self.scale <= 0:
            raise bad_parameter(f"decay: scale must be > 0, got {self.scale:f}")
        if self.offset < 0:
            raise bad_parameter(f"decay: offset must be >= 0, got {self.offset:f}")
        if not 0 < self.decay < 1:
            raise bad_parameter(f"decay: decay must be 0 < decay < 1, got {self.decay:f}")
        if not _LEAST_DECAY <= self.decay <= _MOST_DECAY:
            raise bad_parameter(
                f"decay: decay must be between {_LEAST_DECAY:f} and {_MOST_DECAY:f} for numerical "
                f"stability, got {self.decay:f}"
            )
        if self.function not in _DECAYS:
            raise bad_parameter(
                f'decay: invalid function "{self.function}", must be one of [gauss, exp, linear]'
            )

    def factor(self, value: float) -> float:
        distance = max(0.0, abs(value - self.origin) - self.offset)
        if self.function == "gauss":
            return math.exp(distance**2 * math.log(self.decay) / self.scale**2)
        if self.function == "exp":
            return math.exp(math.log(self.decay) / self.scale * distance)
        return max(self.decay, 1.0 - (1.0 - self.decay) / self.scale * distance)


def _decay(item: Collection, function: dict[str, Any], metrics: list[str]) -> Merge:
    params = _params(function)
    for key in ("function", "origin", "scale"):
        if params.get(key) is None:
            raise MilvusError(PARAMETER_MISSING, f"decay {key} not specified")

    def number(key: str, otherwise: float) -> float:
        value = _number(params, key, f"decay param {key}: ")
        return otherwise if value is None else value

    mode = as_text(params.get("score_mode", _SCORE_MODES[0])).lower()
    if mode not in _SCORE_MODES:
        raise bad_parameter(f"unsupported score_mode: {mode}, only supports [max, sum, avg]")
    inputs = function.get("inputFieldNames", [])
    if len(inputs) != 1:
        raise bad_parameter(
            f"rerank_builder: decay reranker requires exactly 1 input field, got {len(inputs)}"
        )
    field = item.field_named(inputs[0])
    if field is None:
        raise bad_parameter(
            f"rerank_builder: input field {inputs[0]} not found in collection schema"
        )
    if field.type not in NUMBERS:
        raise bad_parameter(
            f"rerank_builder: input field {field.name} of type {field.type} is not numeric"
        )
    curve = Decay(
        as_text(params["function"]).lower(),
        number("origin", 0.0),
        number("scale", 0.0),
        number("offset", 0.0),
        number("decay", 0.5),
    )
    shapes, _ = _shapes(metrics, normalize=bool(_bool(params.get("norm_score"))), force=True)

    def fuse(lists: list[list[Hit]]) -> list[Hit]:
        return [
            Hit(hit.key, hit.score * _worth(curve, hit.row.get(field.name)), hit.row)
            for hit in _combined(lists, shapes, mode)
        ]

    return Merge(fuse, field=field.name)


def _worth(curve: Decay, value: float | None) -> float:
    return 0.0 if value is None else curve.factor(float(value))


def _combined(lists: list[list[Hit]], shapes: list[Shape], mode: str) -> list[Hit]:
    scores: dict[Any, list[float]] = {}
    rows: dict[Any, dict[str, Any]] = {}
    for shape, hits in zip(shapes, lists, strict=True):
        for hit in hits:
            scores.setdefault(hit.key, []).append(shape(hit.score))
            rows.setdefault(hit.key, hit.row)
    means: dict[str, Callable[[list[float]], float]] = {
        "max": max,
        "sum": sum,
        "avg": lambda each: sum(each) / len(each),
    }
    combine = means[mode]
    return [Hit(key, combine(each), rows[key]) for key, each in scores.items()]


# ── boost ───────────────────────────────────────────────────────


def _boost(item: Collection, function: dict[str, Any]) -> Boost:
    params = _params(function)
    if params.get("weight") is None:
        raise MilvusError(PARAMETER_MISSING, "must set weight params for weight scorer")
    weight = _number(params, "weight", "parse function scorer weight params failed: ")
    assert weight is not None
    random = params.get("random_score")
    if isinstance(random, str):
        try:
            random = orjson.loads(random)
        except orjson.JSONDecodeError as error:
            raise bad_parameter(f"parse boost random score params failed: {error}") from None
    if random is not None:
        if not isinstance(random, dict):
            raise bad_parameter("parse boost random score params failed: it must be an object")
        field = item.field_named(str(random["field"])) if random.get("field") else None
        if random.get("field") and (field is None or field.type != "Int64"):
            raise bad_parameter("only support int64 field for random seed of boost")
        if "seed" in random and _number(random, "seed", "parse boost random seed failed: ") is None:
            random = {**random, "seed": 0}
    condition = compiled(as_text(params.get("filter", "")), None, item)
    return Boost(condition, weight, random)


def boosted(
    boosts: Boosts, metric: str, hits: list[Hit], passing: Callable[[Filter], set[Any]]
) -> list[Hit]:
    """The hits of one search with their new scores, best first. Milvus' query nodes count L2
    downwards here. `passing` tells the keys that a filter lets pass."""
    sign = 1.0 if larger_is_nearer(metric) else -1.0
    sets = [passing(each.condition) if each.condition else None for each in boosts.functions]
    for hit in hits:
        factors = [
            each.weight * _random(each, hit)
            for each, keys in zip(boosts.functions, sets, strict=True)
            if keys is None or hit.key in keys
        ]
        if not factors:
            continue
        factor = math.prod(factors) if boosts.function_mode == "multiply" else sum(factors)
        score = sign * hit.score
        hit.score = sign * (score * factor if boosts.boost_mode == "multiply" else score + factor)
    sort_by_score(hits, descending=larger_is_nearer(metric))
    return hits


def _random(boost: Boost, hit: Hit) -> float:
    """A number in [0, 1) that depends on the seed and on the row alone."""
    if boost.random is None:
        return 1.0
    field = boost.random.get("field")
    of = hit.row.get(field, hit.key) if field else hit.key
    digest = hashlib.blake2b(f"{boost.random.get('seed', 0)}:{of!r}".encode(), digest_size=8)
    return int.from_bytes(digest.digest(), "big") / 2.0**64
