"""Values of free maps as Milvus keeps them: always text (`fmt.Sprintf("%v")`)."""

from __future__ import annotations

from typing import Any

import orjson


def as_text(value: Any) -> str:
    """A parameter as Milvus keeps it: text as it is, whole numbers without a fraction, objects as
    JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return orjson.dumps(value).decode()


def is_true(value: Any) -> bool:
    """Whether a parameter says yes, as a JSON bool or as text."""
    return value is True or (isinstance(value, str) and value.lower() == "true")
