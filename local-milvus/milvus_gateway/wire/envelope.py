"""How an answer looks on the wire: `{"code":0,"data":…}` as Go's `encoding/json` writes it.

Keys are sorted, `<`, `>` and `&` are escaped, and a float32 is printed with the digits that a
float32 needs (0.1, not 0.10000000149). Every ordinary error is HTTP 200 with its code in the body.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson

from .errors import MilvusError

_OPTIONS = orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS
_NUMBERS = orjson.OPT_SERIALIZE_NUMPY
JSON_TYPE = "application/json; charset=utf-8"


@dataclass(frozen=True)
class Answer:
    """A finished HTTP answer."""

    body: bytes
    status: int = 200
    content_type: str = JSON_TYPE
    headers: dict[str, str] = field(default_factory=dict)


def encode(value: Any) -> bytes:
    """JSON as Go writes it: sorted keys, and no bytes that could end a script element."""
    text = orjson.dumps(value, option=_OPTIONS)
    # These bytes occur in JSON inside strings only, so replacing them bytewise is exact.
    for raw, escaped in ((b"<", b"\\u003c"), (b">", b"\\u003e"), (b"&", b"\\u0026")):
        if raw in text:
            text = text.replace(raw, escaped)
    return text


def success(data: Any, **beside: Any) -> Answer:
    """`{"code":0,"data":…}`; `beside` are the keys that some routes put next to data."""
    return Answer(encode({"code": 0, "data": data, **beside}))


def failure(error: MilvusError, status: int = 200) -> Answer:
    """`{"code":N,"message":"…"}`, without data."""
    return Answer(encode({"code": error.code, "message": error.message}), status)


def plain(status: int, text: str, headers: dict[str, str] | None = None) -> Answer:
    """The answers of the HTTP router itself, which are no JSON."""
    return Answer(text.encode(), status, "text/plain", headers or {})


def whole_as_integer(numbers: bytes) -> bytes:
    """Go prints a whole float as `1`, orjson as `1.0`; `numbers` holds nothing but numbers."""
    return numbers.replace(b".0,", b",").replace(b".0]", b"]")


def float32(value: float) -> orjson.Fragment:
    """One float32 in its shortest form."""
    text = orjson.dumps(np.float32(value), option=_NUMBERS)
    return orjson.Fragment(text.removesuffix(b".0"))


def float64(value: float) -> orjson.Fragment | float:
    """One double, whole ones without a fraction."""
    if not math.isfinite(value):
        return value
    return orjson.Fragment(orjson.dumps(value).removesuffix(b".0"))


def float32_list(values: Sequence[float] | np.ndarray) -> orjson.Fragment:
    """A list of float32 in shortest form."""
    array = np.ascontiguousarray(values, dtype=np.float32)
    return orjson.Fragment(whole_as_integer(orjson.dumps(array, option=_NUMBERS)))
