"""Filters: the values of `exprParams` put in place of `{name}`, and keys read out of simple ones.

Lite knows no templates, so they are filled in here, each value written as a literal that cannot end
early. Only `{…}` outside text literals is a place; what is inside quotes is the filter's own.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
from milvus_lite.exceptions import MilvusLiteError
from milvus_lite.search.filter import parse_expr
from milvus_lite.search.filter.ast import CmpOp, FieldRef, FloatLit, InOp, IntLit, StringLit

from .catalogue import Collection
from .errors import MilvusError, bad_parameter, unsupported

_PLACE = re.compile(
    r"""("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}""", re.DOTALL
)
_NUMBER = re.compile(r"-?\s*[0-9.]+(?:[eE][+-]?[0-9]+)?")
_LITERAL = re.compile(r"""("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')""", re.DOTALL)
_NOT_IN_LITE = re.compile(r"\b(phrase_match|random_sample)\s*\(|(\*\*)|(?<!%)(%)(?!%)", re.I)


def filled(expression: str, params: dict[str, Any] | None, item: Collection) -> str:
    """The filter with the values of `exprParams` in it, fit for Lite; or 1100."""
    values = {name: _literal(name, value) for name, value in (params or {}).items()}

    def replace(match: re.Match[str]) -> str:
        if match[1] is not None:
            return match[1]
        if match[2] not in values:
            raise bad_parameter(
                f"failed to create query plan: cannot parse expression: {expression}, error: the "
                f"value of expression template variable name {{{match[2]}}} is not found: "
                "invalid parameter"
            )
        return values[match[2]]

    out = _PLACE.sub(replace, expression)
    bare = _LITERAL.sub('""', out)
    if missing := _NOT_IN_LITE.search(bare):
        what = missing[1] or missing[2] or missing[3]
        refusal = unsupported(f"{what} in a filter")
        raise MilvusError(
            refusal.code,
            f"failed to create query plan: cannot parse expression: {expression}, error: "
            f"{refusal.message}: invalid parameter",
        )
    return _narrowed(out, item)


def _narrowed(expression: str, item: Collection) -> str:
    """Literals beside Float fields as the float32 that Milvus makes of them.

    Lite compares a stored float32 with the double that was written, so `f == 0.1` finds no 0.1."""
    floats = {field.name for field in item.fields if field.type == "Float"}
    if not floats or not any(name in expression for name in floats):
        return expression
    try:
        places = sorted(_beside(parse_expr(expression), floats), key=lambda node: -node.pos)
    except MilvusLiteError:
        return expression  # Lite will say what is wrong with it.
    for node in places:
        number = _NUMBER.match(expression, node.pos)
        if number is not None:
            narrow = repr(float(np.float32(node.value)))
            expression = expression[: node.pos] + narrow + expression[number.end() :]
    return expression


def _beside(node: Any, floats: set[str]) -> Iterator[FloatLit]:
    """Fractional literals that are compared with one of these fields."""
    if isinstance(node, CmpOp):
        for field, other in ((node.left, node.right), (node.right, node.left)):
            if isinstance(field, FieldRef) and field.name in floats and isinstance(other, FloatLit):
                yield other
    if is_dataclass(node):
        for part in fields(node):
            value = getattr(node, part.name)
            for child in value if isinstance(value, tuple) else (value,):
                if is_dataclass(child):
                    yield from _beside(child, floats)


def _literal(name: str, value: Any) -> str:
    """A value as a literal of the filter language; numbers come through a double, as in Milvus."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, int | float):
        number = float(value)
        if not math.isfinite(number):
            raise bad_parameter(f"exprParams {name} is out of range: invalid parameter")
        return str(int(number)) if number.is_integer() and abs(number) < 2**63 else repr(number)
    if isinstance(value, list) and value:
        return "[" + ", ".join(_literal(name, item) for item in value) + "]"
    # Milvus' handler panics on these, which is no behaviour to copy.
    raise bad_parameter(
        f"unsupported value of exprParams {name}: it must be a bool, a text, a number or a list "
        "that is not empty: invalid parameter"
    )


def quoted(text: str) -> str:
    """Text as a literal: nothing in it can end the literal."""
    for raw, escaped in (
        ("\\", "\\\\"),
        ('"', '\\"'),
        ("\n", "\\n"),
        ("\r", "\\r"),
        ("\t", "\\t"),
    ):
        text = text.replace(raw, escaped)
    return f'"{text}"'


def named_keys(expression: str, key_field: str) -> list[Any] | None:
    """The keys of `key == x` and `key in […]`, which Milvus deletes without looking; else None."""
    try:
        tree = parse_expr(expression)
    except MilvusLiteError:
        return None
    if isinstance(tree, InOp) and not tree.negate and _is_key(tree.field, key_field):
        literals = list(tree.values.elements)
    elif isinstance(tree, CmpOp) and tree.op == "==" and _is_key(tree.left, key_field):
        literals = [tree.right]
    else:
        return None
    if not all(isinstance(item, IntLit | StringLit) for item in literals):
        return None
    return [item.value for item in literals]


def _is_key(node: Any, key_field: str) -> bool:
    return isinstance(node, FieldRef) and node.name == key_field
