"""Values on their way in and out: `checkAndSetData` and `buildQueryResp` of Milvus' `utils.go`.

In: numbers may come as text, whole floats are integers, a small integer wraps, VarChar takes the
raw JSON of what is no text, a JSON field takes text as JSON source. Int64 stays exact to 64 bits.
Out: JSON fields are text, arrays are protobuf's `{"Data":{"LongData":{"data":[…]}}}`, float32 have
their shortest form. Lite stores NaN, infinity and over-long text without a word: refused here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import orjson
from milvus_lite.analyzer.sparse import bytes_to_sparse
from milvus_lite.exceptions import MilvusLiteError
from milvus_lite.schema.timestamptz import parse_timestamptz

from ..wire.envelope import float32, float32_list, float64, whole_as_integer
from ..wire.errors import MilvusError, bad_parameter, bad_rows, not_finite
from . import geometry
from .catalogue import Collection, Field
from .schema import INTEGER_BITS
from .storing import META

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
MAX_JSON_BYTES = 65536
_WHOLE = re.compile(r"[+-]?[0-9]+\Z")
_BOOLEANS = {
    **dict.fromkeys(("1", "t", "T", "true", "TRUE", "True"), True),
    **dict.fromkeys(("0", "f", "F", "false", "FALSE", "False"), False),
}


def raw_json(value: Any) -> str:
    """The JSON source of a value."""
    return orjson.dumps(value).decode()


# ── in ──────────────────────────────────────────────────────────


def shape_rows(
    item: Collection, rows: list[dict[str, Any]], *, key_needed: bool, partial: bool = False
) -> list[dict[str, Any]]:
    """Rows as they are stored, dynamic keys under `$meta`. `key_needed` is False for inserts with
    autoID; with `partial` an absent field stays absent."""
    zone = item.properties.get("timezone", "UTC")
    shaped = [
        _shape_row(item, row, number, zone, key_needed=key_needed, partial=partial)
        for number, row in enumerate(rows)
    ]
    for field in item.vectors:
        if field.type == "FloatVector":
            _narrow_vectors([row for row in shaped if row.get(field.name) is not None], field.name)
    return shaped


def _narrow_vectors(rows: list[dict[str, Any]], name: str) -> None:
    """Float32 in the place of lists, all rows in one step; 1100 for what no float32 holds."""
    if not rows:
        return
    with np.errstate(over="ignore"):
        matrix = np.array([row[name] for row in rows], dtype=np.float32)
    _refuse_infinite(matrix)
    for row, vector in zip(rows, matrix, strict=True):
        row[name] = vector


def _shape_row(
    item: Collection,
    row: dict[str, Any],
    number: int,
    zone: str,
    *,
    key_needed: bool,
    partial: bool,
) -> dict[str, Any]:
    shaped: dict[str, Any] = {}
    known = set()
    for field in item.fields:
        known.add(field.name)
        given = field.name in row
        if field.function_output:
            if given:
                raise bad_parameter(
                    f"field {field.name} is a function output (BM25) and cannot be given: "
                    "invalid parameter"
                )
            continue
        if field.primary and not key_needed:
            if given:
                raise bad_rows(
                    f"no need to pass pk field({field.name}) when autoid==true in insert: "
                    f"invalid parameter[expected=][actual={field.name}]"
                )
            continue
        if partial and not given:
            continue
        value = row.get(field.name)
        if value is None:
            shaped[field.name] = absent(field)
        else:
            shaped[field.name] = _shape(field, value, number, zone)
    extra = [key for key in row if key not in known]
    if extra:
        _add_dynamic(item, row, extra, shaped)
    return shaped


def absent(field: Field) -> Any:
    """What an absent or null value becomes."""
    if field.default is not None:
        return _stored_default(field)
    if field.nullable:
        return None
    if field.type == "VarChar":
        return ""
    if field.is_vector:
        raise bad_rows(f"missing vector field: {field.name}")
    raise _wrong(field, "")


def _stored_default(field: Field) -> Any:
    if field.type == "Timestamptz" and isinstance(field.default, str):
        return _timestamp(field, field.default, "UTC")
    return field.default


def _wrong(field: Field, actual: Any) -> MilvusError:
    text = actual if isinstance(actual, str) else raw_json(actual)
    return bad_rows(f"invalid parameter[expected={field.type}][actual={text}]: field {field.name}")


def _shape(field: Field, value: Any, number: int, zone: str) -> Any:
    kind = field.type
    if kind == "FloatVector":
        return _dense(field, value)
    if kind == "SparseFloatVector":
        return sparse_in(value, lambda reason: bad_rows(f"{reason}: field {field.name}"))
    if kind in INTEGER_BITS:
        return _integer(kind, value, lambda: _wrong(field, value))
    if kind in ("Float", "Double"):
        return _real(kind, value, lambda: _wrong(field, value))
    if kind == "Bool":
        return _boolean(value, lambda: _wrong(field, value))
    if kind == "VarChar":
        text = value if isinstance(value, str) else raw_json(value)
        size, most = len(text.encode()), int(field.params["max_length"])
        if size > most:
            raise bad_parameter(
                f"length of varchar field {field.name} exceeds max length, row number: {number}, "
                f"length: {size}, max length: {most}: invalid parameter"
            )
        return text
    if kind == "JSON":
        return _json(field, value)
    if kind == "Array":
        return _array(field, value, number)
    if kind == "Geometry":
        return _geometry(field, value)
    return _timestamp(field, value, zone)


def _dense(field: Field, value: Any) -> list[float]:
    if not isinstance(value, list) or not set(map(type, value)) <= {int, float}:
        raise bad_rows(
            f"invalid parameter[expected=FloatVector][actual={raw_json(value)[:100]}]: "
            f"field {field.name}"
        )
    if len(value) != field.dim:
        raise bad_rows(
            f"[]float32 size {len(value)} doesn't equal to vector dimension {field.dim} of "
            f"FloatVector: field {field.name}"
        )
    return value


def check_finite(value: list[float]) -> None:
    """1100 for a number that no float32 holds."""
    with np.errstate(over="ignore"):
        _refuse_infinite(np.asarray(value, dtype=np.float64).astype(np.float32))


def _refuse_infinite(array: np.ndarray) -> None:
    if not np.isfinite(array).all():
        raise not_finite("-Inf" if (array == -np.inf).any() else "+Inf")


def sparse_in(value: Any, refuse: Callable[[str], MilvusError]) -> dict[int, float]:
    """`{"1":0.5}` or `{"indices":[1],"values":[0.5]}`, in any order."""
    if not isinstance(value, dict):
        raise refuse(f"invalid parameter[expected=SparseFloatVector][actual={raw_json(value)}]")
    if set(value) == {"indices", "values"}:
        indices, values = value["indices"], value["values"]
        if not isinstance(indices, list) or not isinstance(values, list):
            raise refuse("invalid indices or values type in sparse vector")
        if len(indices) != len(values):
            raise refuse("indices and values length mismatch in sparse vector")
        pairs = list(zip(indices, values, strict=True))
    else:
        pairs = list(value.items())
    out: dict[int, float] = {}
    for index, weight in pairs:
        try:
            position = int(index) if _WHOLE.match(str(index)) else -1
        except ValueError:
            position = -1
        if isinstance(index, bool) or not 0 <= position < 2**32 - 1:
            raise refuse(f"index {index} of a sparse vector must be in range [0, 2^32-1)")
        if isinstance(weight, bool) or not isinstance(weight, int | float):
            raise refuse(f"value {raw_json(weight)} of a sparse vector must be a number")
        with np.errstate(over="ignore"):
            narrow = float(np.float32(weight))
        if not math.isfinite(narrow) or narrow < 0:
            raise refuse(
                f"invalid value {raw_json(weight)} in sparse vector: it must be finite and not "
                "negative"
            )
        if position in out:
            raise refuse(f"duplicate index {position} in sparse vector")
        out[position] = float(weight)
    return out


def _integer(kind: str, value: Any, wrong: Callable[[], MilvusError]) -> int:
    if isinstance(value, str):
        text = value.strip()
        if _WHOLE.match(text) and len(text) < 40:
            value = int(text)
        else:
            try:
                value = float(text)
            except ValueError:
                raise wrong() from None
    if isinstance(value, float):
        # The decoder makes doubles of integers beyond 64 bits: at the edge they are too small.
        if not value.is_integer() or value <= INT64_MIN:
            raise wrong()
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise wrong()
    if not INT64_MIN <= value <= INT64_MAX:
        raise wrong()
    half = 1 << (INTEGER_BITS[kind] - 1)
    return (value + half) % (2 * half) - half  # Go's conversion wraps without a word.


def _real(kind: str, value: Any, wrong: Callable[[], MilvusError]) -> float:
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            raise wrong() from None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise wrong()
    with np.errstate(over="ignore"):
        number = float(np.float32(value)) if kind == "Float" else float(value)
    if math.isnan(number):
        raise not_finite("NaN")
    if math.isinf(number):
        raise not_finite("+Inf" if number > 0 else "-Inf")
    return float(value)


def _boolean(value: Any, wrong: Callable[[], MilvusError]) -> bool:
    if isinstance(value, bool):
        return value
    text = value if isinstance(value, str) else raw_json(value)
    if text not in _BOOLEANS:
        raise wrong()
    return _BOOLEANS[text]


def _json(field: Field, value: Any) -> str:
    """JSON source. Lite keeps a text as it is given, scalars included."""
    if isinstance(value, str):
        try:
            orjson.loads(value)
        except orjson.JSONDecodeError:
            raise bad_parameter(
                f"json field '{field.name}' is illegal, invalid JSON: invalid parameter"
            ) from None
        text = value
    else:
        text = raw_json(value)
    if len(text.encode()) > MAX_JSON_BYTES:
        raise bad_parameter(
            f"the length ({len(text.encode())}) of json field ({field.name}) exceeds max length "
            f"({MAX_JSON_BYTES}): invalid parameter"
        )
    return text


def _array(field: Field, value: Any, number: int) -> list[Any]:
    if not isinstance(value, list):
        raise _wrong(field, value)
    most = int(field.params["max_capacity"])
    if len(value) > most:
        raise bad_parameter(
            f"the length ({len(value)}) of {number}th array exceeds max capacity ({most}) of "
            f"field {field.name}: invalid parameter"
        )

    def wrong() -> MilvusError:
        return bad_rows(
            f"invalid parameter[expected=Array of {field.element_type}]"
            f"[actual={raw_json(value)[:200]}]: field {field.name}"
        )

    kind = field.element_type
    out: list[Any] = []
    for element in value:
        if kind == "VarChar":
            if not isinstance(element, str):
                raise wrong()
            if len(element.encode()) > int(field.params["max_length"]):
                raise bad_parameter(
                    f"length of element of array field {field.name} exceeds max length, "
                    f"row number: {number}, length: {len(element.encode())}, "
                    f"max length: {field.params['max_length']}: invalid parameter"
                )
            out.append(element)
        elif kind == "Bool":
            if not isinstance(element, bool):
                raise wrong()
            out.append(element)
        elif isinstance(element, str):
            raise wrong()
        elif kind in INTEGER_BITS:
            whole = _integer("Int64", element, wrong)
            half = 1 << (INTEGER_BITS[kind] - 1)
            if not -half <= whole < half:
                raise bad_parameter(
                    f"the element {whole} of array field {field.name} is out of range of {kind}: "
                    "invalid parameter"
                )
            out.append(whole)
        else:
            out.append(_real(kind, element, wrong))
    return out


def _geometry(field: Field, value: Any) -> str:
    shape = geometry.parsed(value) if isinstance(value, str) else None
    if shape is None:
        raise bad_parameter(
            f"insert invalid WKT into geometry field {field.name}: {raw_json(value)}"
        )
    return geometry.canonical(shape)


def _timestamp(field: Field, value: Any, zone: str) -> int:
    """Microseconds since 1970; a text without an offset is a time of the collection's zone."""
    try:
        if not isinstance(value, str):
            raise TypeError
        return parse_timestamptz(value, default_timezone=zone)
    except (MilvusLiteError, TypeError, ValueError, OverflowError):
        raise bad_parameter(
            f"got invalid timestamptz string for field '{field.name}': {raw_json(value)}: "
            "invalid timestamp format"
        ) from None


def _add_dynamic(
    item: Collection, row: dict[str, Any], extra: list[str], shaped: dict[str, Any]
) -> None:
    if not item.dynamic:
        raise bad_rows("has pass more field without dynamic schema, please check it")
    dynamic: dict[str, Any] = {}
    for key in extra:
        if key == META:
            raise bad_rows("use the invalid field name($meta) when enable dynamicField")
        value = row[key]
        if value is None:
            continue
        if isinstance(value, int) and not INT64_MIN <= value <= INT64_MAX:
            value = 0
        dynamic[key] = value
    size = len(orjson.dumps(dynamic))
    if size > MAX_JSON_BYTES:
        raise bad_parameter(
            f"the length ({size}) of dynamic field exceeds max length ({MAX_JSON_BYTES}): "
            "invalid parameter"
        )
    shaped[META] = dynamic


def key_of(field: Field, value: Any, refuse: Callable[[str], MilvusError]) -> Any:
    """One primary key out of `id` or `ids`."""
    if field.type == "VarChar":
        if isinstance(value, str):
            return value
        if isinstance(value, int | float) and not isinstance(value, bool):
            return raw_json(value)
        raise refuse(f"unable to cast {raw_json(value)} to string")
    return _integer(
        "Int64",
        value,
        lambda: refuse(
            f"unable to cast {raw_json(value)} of type "
            f"{'string' if isinstance(value, str) else type(value).__name__} to int64"
        ),
    )


# ── out ─────────────────────────────────────────────────────────


def int64_out(value: int, as_text: bool) -> int | str:
    """A number, or its decimal text when the client cannot take 64 bits."""
    return str(value) if as_text else value


def key_out(field: Field, value: Any, as_text: bool) -> Any:
    """A primary key in an answer."""
    return int64_out(int(value), as_text) if field.type == "Int64" else value


def renderers(item: Collection, as_text: bool) -> dict[str, Callable[[Any], Any]]:
    """For each field, how its values are written."""
    zone = item.properties.get("timezone", "UTC")
    return {field.name: _renderer(field, as_text, zone) for field in item.fields}


def _renderer(field: Field, as_text: bool, zone: str) -> Callable[[Any], Any]:
    kind = field.type
    if kind == "Int64":
        return lambda value: int64_out(value, as_text)
    if kind == "Float":
        return float32
    if kind == "Double":
        return float64
    if kind == "JSON":
        return lambda value: value if isinstance(value, str) else raw_json(value)
    if kind == "FloatVector":
        return float32_list
    if kind == "SparseFloatVector":
        return _sparse_out
    if kind == "Array":
        return lambda value: _array_out(field.element_type, value)
    if kind == "Timestamptz":
        return lambda value: _timestamp_out(value, zone)
    return lambda value: value


def render_row(
    row: dict[str, Any],
    how: dict[str, Callable[[Any], Any]],
    beside: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """One row of an answer; keys that are no fields are dynamic ones; `beside` is written last."""
    out: dict[str, Any] = {}
    for name, value in row.items():
        render = how.get(name)
        if render is None:
            out[name] = _dynamic_out(value)
        else:
            out[name] = None if value is None else render(value)
    out.update(beside or {})
    return out


def _dynamic_out(value: Any) -> Any:
    """Numbers of the dynamic part pass through a double in Milvus' REST layer."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int):
        return value if abs(value) <= 2**53 else int(float(value))
    if isinstance(value, float):
        return float64(value)
    if isinstance(value, list):
        return [_dynamic_out(item) for item in value]
    return {str(key): _dynamic_out(item) for key, item in value.items()}


def _sparse_out(value: Any) -> dict[str, Any]:
    pairs = bytes_to_sparse(value) if isinstance(value, bytes) else value
    return {str(index): float32(weight) for index, weight in sorted(pairs.items())}


def _array_out(kind: str, values: list[Any]) -> dict[str, Any]:
    name, data = {
        "Bool": ("BoolData", None),
        "Int64": ("LongData", None),
        "Float": ("FloatData", float32_list),
        "Double": ("DoubleData", _double_list),
        "VarChar": ("StringData", None),
    }.get(kind, ("IntData", None))
    if not values:
        return {"Data": {name: {}}}
    return {"Data": {name: {"data": data(values) if data else list(values)}}}


def _double_list(values: list[float]) -> orjson.Fragment:
    return orjson.Fragment(whole_as_integer(orjson.dumps([float(item) for item in values])))


def _timestamp_out(value: Any, zone: str) -> str:
    if isinstance(value, int):
        value = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=value)
    if isinstance(value, str):
        return value
    try:
        value = value.astimezone(ZoneInfo(zone))
    except (KeyError, ValueError):
        value = value.astimezone(UTC)
    text = value.isoformat()
    if "." in text:
        head, _, tail = text.partition(".")
        digits, offset = tail[:6].rstrip("0"), tail[6:]
        text = head + ("." + digits if digits else "") + offset
    return text.removesuffix("+00:00") + "Z" if text.endswith("+00:00") else text
