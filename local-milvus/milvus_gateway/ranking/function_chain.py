"""`functionChains`: small programs over the hits of a search (`function_chain_validator.go`,
`util/function/chain`).

A chain of stage L0 changes `$score` before the hits are cut to the limit, and there an L2 distance
counts downwards; one of stage L2 works on the final hits, with the score that an answer shows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..engine.catalogue import Collection
from ..wire.errors import PARAMETER_MISSING, MilvusError, bad_parameter, unsupported
from ..wire.texts import as_text
from .hits import Hit, larger_is_nearer, sort_by_score
from .rerank import Decay

L0, L2 = "FunctionChainStageL0Rerank", "FunctionChainStageL2Rerank"
_STAGES = (
    "FunctionChainStageIngestion",
    "FunctionChainStagePreProcess",
    L0,
    "FunctionChainStageL1Rerank",
    L2,
    "FunctionChainStagePostProcess",
)
_OPERATORS = ("map", "filter", "select", "sort", "limit", "group_by")
_MODES = ("multiply", "sum", "max", "min", "avg", "weighted")
_ELSEWHERE = ("rerank_model", "xgboost", "boost_score")
_READABLE = {L0: ("$id", "$score"), L2: ("$id", "$score")}
_FIELD_TYPES = ("Bool", "Int8", "Int16", "Int32", "Int64", "Float", "Double", "VarChar")

Row = dict[str, Any]
Step = Callable[[list[Row]], list[Row]]


@dataclass
class Chain:
    """A checked chain: its steps, and the fields that it reads."""

    stage: str
    steps: list[Step] = field(default_factory=list)
    fields: list[str] = field(default_factory=list)


def plan(item: Collection, given: list[dict[str, Any]]) -> list[Chain]:
    """The chains of a request, at most one of each stage."""
    named = []
    for number, chain in enumerate(given):
        stage = chain.get("stage", "").strip()
        if stage not in _STAGES:
            raise bad_parameter(
                f"functionChains[{number}]: unsupported function chain stage: {stage}"
            )
        for place, op in enumerate(chain.get("ops", [])):
            try:
                _check_shape(op)
            except MilvusError as error:
                raise bad_parameter(
                    f"functionChains[{number}]: ops[{place}]: {error.message}"
                ) from None
        named.append(stage)
    for number, stage in enumerate(named):
        if stage in named[:number]:
            raise bad_parameter(f"function chain stage {stage} appears more than once")
        if stage == "FunctionChainStageL1Rerank":
            raise bad_parameter(f"function chain[{number}] stage {stage} is not supported yet")
        if stage not in (L0, L2):
            raise bad_parameter(
                f"function chain[{number}] stage {stage} is not supported in search request"
            )
    return [
        _chain(item, number, stage, chain.get("ops", []))
        for number, (stage, chain) in enumerate(zip(named, given, strict=True))
    ]


def _check_shape(op: dict[str, Any]) -> None:
    """What Milvus' REST layer checks while it makes messages of the objects."""
    if not op.get("op", "").strip():
        raise bad_parameter("op name is empty")
    _check_params(op.get("params", {}))
    expression = op.get("expr")
    if expression is None:
        return
    if not expression.get("name", "").strip():
        raise bad_parameter("expr: expr name is empty")
    for number, argument in enumerate(expression.get("args", [])):
        if (argument.get("column") is None) == (argument.get("literal") is None):
            raise bad_parameter(
                f"expr: args[{number}]: exactly one of column or literal is required"
            )
        if argument.get("column") is not None and not argument["column"].strip():
            raise bad_parameter(f"expr: args[{number}]: column name is empty")
    _check_params(expression.get("params", {}))


def _check_params(params: dict[str, Any]) -> None:
    for key, value in params.items():
        if not key.strip():
            raise bad_parameter("params: param name is empty")
        if value is None:
            raise bad_parameter(f'params: param "{key}": function param value is nil')


def _chain(item: Collection, number: int, stage: str, ops: list[dict[str, Any]]) -> Chain:
    if not ops:
        raise bad_parameter(f"function chain[{number}] must contain at least one op")
    out = Chain(stage)
    produced: set[str] = set()
    for place, op in enumerate(ops):
        try:
            step, reads, writes = _step(op)
            for name in reads:
                _check_read(item, stage, place, name, produced, out.fields)
            for name in writes:
                _check_write(stage, place, name)
        except MilvusError as error:
            raise MilvusError(error.code, f"function chain[{number}]: {error.message}") from None
        produced.update(writes)
        out.steps.append(step)
    return out


def _short(stage: str) -> str:
    return stage.removeprefix("FunctionChainStage").replace("Rerank", " rerank")


def _check_read(
    item: Collection, stage: str, place: int, name: str, produced: set[str], fields: list[str]
) -> None:
    if name.startswith("$"):
        if name not in _READABLE[stage]:
            raise bad_parameter(
                f'op[{place}] input "{name}": system input "{name}" is not supported by '
                f"{_short(stage)} function chain"
            )
        return
    if name in produced or name in fields:
        return
    found = item.field_named(name)
    if found is None:
        raise bad_parameter(
            f'function chain input "{name}" is neither a previous output nor a collection field'
        )
    if found.type not in _FIELD_TYPES:
        raise bad_parameter(
            f'function chain input "{name}" has unsupported field type {found.type}'
        )
    fields.append(name)


def _check_write(stage: str, place: int, name: str) -> None:
    if name.startswith("$") and name != "$score":
        raise bad_parameter(
            f'op[{place}] output "{name}": system output "{name}" is not writable by '
            f"{_short(stage)} function chain"
        )


# ── operators ───────────────────────────────────────────────────


def _step(op: dict[str, Any]) -> tuple[Step, list[str], list[str]]:
    """What an operator does, the columns it reads and the columns it writes."""
    kind, params = op["op"].strip(), op.get("params", {})
    if kind == "map":
        return _map(op)
    if kind == "sort":
        return _sort(op)
    if kind == "limit":
        return _limit(params)
    if kind in _OPERATORS:
        raise unsupported(f"functionChains operator {kind}")
    raise bad_parameter(f"unknown operator type: {kind}")


def _map(op: dict[str, Any]) -> tuple[Step, list[str], list[str]]:
    expression = op.get("expr")
    if expression is None:
        raise bad_parameter("map operator requires an expression")
    outputs = [name.strip() for name in op.get("outputs", [])]
    if len(outputs) != 1:
        raise bad_parameter(f"map operator requires exactly one output, got {len(outputs)}")
    arguments = [
        argument["column"].strip() if argument.get("column") is not None else None
        for argument in expression.get("args", [])
    ]
    literals = [argument.get("literal") for argument in expression.get("args", [])]
    compute = _function(expression["name"].strip(), expression.get("params", {}), len(arguments))

    def values(row: Row) -> Iterator[Any]:
        for name, literal in zip(arguments, literals, strict=True):
            value = literal if name is None else row.get(name)
            if value is not None and (
                isinstance(value, bool) or not isinstance(value, int | float)
            ):
                raise bad_parameter(
                    f"{expression['name']}: unsupported input column type, expected numeric type"
                )
            yield value

    def step(rows: list[Row]) -> list[Row]:
        for row in rows:
            given = list(values(row))
            result = None if None in given else compute(given)
            row[outputs[0]] = None if result is None else float(np.float32(result))
        return rows

    return step, [name for name in arguments if name is not None], outputs


def _sort(op: dict[str, Any]) -> tuple[Step, list[str], list[str]]:
    inputs = [name.strip() for name in op.get("inputs", [])]
    if not inputs:
        raise MilvusError(PARAMETER_MISSING, "sort_op: column is required")
    if len(inputs) > 2:
        raise bad_parameter(f"sort_op: expects at most 2 input columns, got {len(inputs)}")
    column, tie = (*inputs, "$id")[:2]
    descending = op.get("params", {}).get("desc", False)
    if not isinstance(descending, bool):
        raise bad_parameter("sort_op: desc must be a bool")

    def step(rows: list[Row]) -> list[Row]:
        rows = sorted(rows, key=lambda row: _null_last(row.get(tie)))
        known = [row for row in rows if row.get(column) is not None]
        unknown = [row for row in rows if row.get(column) is None]
        return sorted(known, key=lambda row: row[column], reverse=descending) + unknown

    return step, inputs, []


def _null_last(value: Any) -> tuple[bool, Any]:
    return (value is None, 0 if value is None else value)


def _limit(params: dict[str, Any]) -> tuple[Step, list[str], list[str]]:
    limit, offset = params.get("limit"), params.get("offset", 0)
    if type(limit) is not int or limit <= 0:
        raise bad_parameter("limit operator: limit must be a positive integer")
    if type(offset) is not int or offset < 0:
        raise bad_parameter("limit operator: offset must be a non-negative integer")
    return lambda rows: rows[offset : offset + limit], [], []


# ── functions ───────────────────────────────────────────────────


def _function(
    name: str, params: dict[str, Any], count: int
) -> Callable[[list[float]], float | None]:
    if name == "num_combine":
        return _num_combine(params, count)
    if name == "decay":
        return _decay(params, count)
    if name == "round_decimal":
        decimal = params.get("decimal")
        if type(decimal) is not int or not 0 <= decimal <= 6 or count != 1:
            raise bad_parameter("round_decimal: needs one column and decimal in [0, 6]")
        return lambda values: round(values[0], decimal)
    if name in _ELSEWHERE:
        raise unsupported(f"functionChains function {name}")
    raise bad_parameter(f"unknown function: {name}")


def _num_combine(params: dict[str, Any], count: int) -> Callable[[list[float]], float | None]:
    mode = params.get("mode", _MODES[0]) or _MODES[0]
    if mode not in _MODES:
        raise bad_parameter(
            f'num_combine: invalid mode "{as_text(mode)}", must be one of [{", ".join(_MODES)}]'
        )
    if count < 2:
        raise bad_parameter(f"num_combine: expected at least 2 input columns, got {count}")
    weights = params.get("weights", [])
    if not isinstance(weights, list) or not all(type(each) in (int, float) for each in weights):
        raise bad_parameter("num_combine: weights must be a list of numbers")
    if mode == "weighted":
        if not weights:
            raise bad_parameter("num_combine: weighted mode requires weights")
        if len(weights) != count:
            raise bad_parameter(
                f"num_combine: weighted mode requires {count} weights, got {len(weights)}"
            )
        return lambda values: sum(w * v for w, v in zip(weights, values, strict=True))
    functions: dict[str, Callable[[list[float]], float | None]] = {
        "multiply": math.prod,
        "sum": sum,
        "max": max,
        "min": min,
        "avg": lambda values: sum(values) / len(values),
    }
    return functions[mode]


def _decay(params: dict[str, Any], count: int) -> Callable[[list[float]], float | None]:
    if count != 1:
        raise bad_parameter(f"decay: expected 1 input column, got {count}")
    numbers: dict[str, float] = {}
    for key, otherwise in (("origin", None), ("scale", None), ("offset", 0), ("decay", 0.5)):
        value: Any = params.get(key, otherwise)
        if type(value) not in (int, float):
            raise bad_parameter(f"decay: {key} must be a number")
        numbers[key] = float(value)
    curve = Decay(as_text(params.get("function", "")), **numbers)
    return lambda values: curve.factor(values[0])


# ── running ─────────────────────────────────────────────────────


def run(chain: Chain, metric: str, primary: str, hits: list[Hit]) -> list[Hit]:
    """The hits as the chain leaves them."""
    sign = -1.0 if chain.stage == L0 and not larger_is_nearer(metric) else 1.0
    rows: list[Row] = [
        {**hit.row, primary: hit.key, "$id": hit.key, "$score": sign * hit.score, "": hit}
        for hit in hits
    ]
    for step in chain.steps:
        rows = step(rows)
    out = []
    for row in rows:
        hit = row[""]
        score = row["$score"]
        hit.score = sign * score if score is not None else -math.inf
        out.append(hit)
    if chain.stage == L0:
        sort_by_score(out, descending=larger_is_nearer(metric))
    return out
