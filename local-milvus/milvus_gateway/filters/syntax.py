"""The filter language: from text to a tree (`planparserv2/Plan.g4`).

Tokens and precedences are the grammar's, so `not a == 1` means `(not a) == 1` and `And` is a name.
What a tree means for a collection is decided in `plan`. Values of `exprParams` stand in the
tree as literals: nothing in them can end a literal early.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any


class SyntaxProblem(Exception):
    """What is wrong with a filter, in words that follow `error: `."""


@dataclass(frozen=True)
class Literal:
    """A constant: bool, int, float, str, or a list of them; `source` is how it was written."""

    value: Any
    source: str = ""


@dataclass(frozen=True)
class Name:
    """A field, or a key of the dynamic part, and the path of keys and indexes into it."""

    name: str
    path: tuple[str | int, ...] = ()


@dataclass(frozen=True)
class Timestamp:
    """`ISO '…'`."""

    text: str


@dataclass(frozen=True)
class Interval:
    """`INTERVAL 'P1D'`."""

    text: str


@dataclass(frozen=True)
class Unary:
    """`not`, `-`, `+`, `~` or `exists`."""

    op: str
    operand: Any


@dataclass(frozen=True)
class Binary:
    """Arithmetic, comparison, `and`, `or`, `in`, `not in`, `like`, `=~`, `!~`."""

    op: str
    left: Any
    right: Any


@dataclass(frozen=True)
class Range:
    """`1 < x <= 4`; `ops` are the two operators."""

    ops: tuple[str, str]
    low: Any
    column: Name
    high: Any


@dataclass(frozen=True)
class IsNull:
    """`x is null`, `x is not null`."""

    column: Name
    negate: bool


@dataclass(frozen=True)
class Call:
    """A function; `options` are named arguments such as `minimum_should_match=2`."""

    name: str
    arguments: list[Any]
    options: dict[str, int] = field(default_factory=dict)


_TEXT = r"(?:\"(?:[^\"\\\r\n]|\\(?:\r\n|[\s\S]))*\"|'(?:[^'\\\r\n]|\\(?:\r\n|[\s\S]))*')"
_RAW = r"[rR](?:\"(?:[^\"\\\r\n]|\\[^\r\n])*\"|'(?:[^'\\\r\n]|\\[^\r\n])*')"
_IDENTIFIER = r"[A-Za-z_][A-Za-z0-9_]*"
_TOKENS = re.compile(
    rf"""
      (?P<space>[ \t\r\n]+)
    | (?P<path>(?:{_IDENTIFIER}|\$meta)(?:\[(?:{_RAW}|{_TEXT}|0|[1-9][0-9]*)\])+)
    | (?P<raw>{_RAW})
    | (?P<text>(?:u8|[uUL])?{_TEXT})
    | (?P<null>is[ ]not[ ]null|IS[ ]NOT[ ]NULL|is[ ]null|IS[ ]NULL)
    | (?P<float>(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+)
    | (?P<int>0[xX][0-9a-fA-F]+|0[bB][01]+|0[0-7]*|[1-9][0-9]*)
    | (?P<place>\{{\s*(?P<variable>{_IDENTIFIER})\s*\}})
    | (?P<name>\$meta|{_IDENTIFIER})
    | (?P<sign><=|>=|==|!=|=~|!~|\*\*|<<|>>|&&|\|\||[-+*/%<>!~&|^()\[\],=])
    """,
    re.VERBOSE,
)
_PATH_PART = re.compile(rf"\[(?:({_RAW})|({_TEXT})|([0-9]+))\]")
_KEYWORDS = {
    **dict.fromkeys(("and", "AND", "&&"), "and"),
    **dict.fromkeys(("or", "OR", "||"), "or"),
    **dict.fromkeys(("not", "NOT", "!"), "not"),
    **dict.fromkeys(("in", "IN"), "in"),
    **dict.fromkeys(("like", "LIKE"), "like"),
    **dict.fromkeys(("exists", "EXISTS"), "exists"),
    **dict.fromkeys(("iso", "ISO"), "iso"),
    **dict.fromkeys(("interval", "INTERVAL"), "interval"),
}
_BOOLEANS = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
# How tightly an operator binds, in the order of the grammar's alternatives.
_LEVELS = {
    "like": 16,
    "=~": 16,
    "!~": 16,
    "**": 15,
    **dict.fromkeys(("*", "/", "%"), 13),
    **dict.fromkeys(("+", "-"), 12),
    **dict.fromkeys(("<<", ">>"), 11),
    "in": 10,
    "not": 10,  # of `not in`
    **dict.fromkeys(("<", "<=", ">", ">="), 8),
    **dict.fromkeys(("==", "!="), 7),
    "&": 6,
    "^": 5,
    "|": 4,
    "and": 3,
    "or": 2,
}
_UNARY_LEVEL, _RANGE_LEVEL, _TIGHTEST = 14, 9, 17
_SAME_WAY = ({"<", "<="}, {">", ">="})
_ESCAPES = {
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
    "\\": "\\",
    "'": "'",
    '"': '"',
}
_ESCAPE = re.compile(
    r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.))", re.DOTALL
)


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    value: Any = None


def parse(source: str, variables: dict[str, Any]) -> Any:
    """The tree of a filter. `variables` are the values for `{name}`."""
    return _Parser(_tokens(source, variables)).whole()


def _tokens(source: str, variables: dict[str, Any]) -> list[_Token]:
    out: list[_Token] = []
    at = 0
    while at < len(source):
        match = _TOKENS.match(source, at)
        if match is None:
            raise SyntaxProblem(f"line 1:{at} token recognition error at: '{source[at]}'")
        at = match.end()
        kind, text = str(match.lastgroup), match[0]
        if kind == "variable":
            kind = "place"
        if kind == "space":
            continue
        if kind == "place":
            name = match["variable"]
            if name not in variables:
                raise SyntaxProblem(
                    f"the value of expression template variable name {{{name}}} is not found"
                )
            out.append(_Token("literal", text, Literal(variables[name], text)))
        elif kind == "float":
            out.append(_Token("literal", text, Literal(float(text), text)))
        elif kind == "int":
            out.append(_Token("int", text, _whole(text)))
        elif kind in ("text", "raw"):
            out.append(_Token(kind, text))
        elif kind == "path":
            out.append(_Token("column", text, _path(text)))
        elif kind == "null":
            out.append(_Token("is null", text, "not" in text.lower()))
        elif text in _BOOLEANS:
            out.append(_Token("literal", text, Literal(_BOOLEANS[text], text)))
        elif text in _KEYWORDS:
            out.append(_Token(_KEYWORDS[text], text))
        elif kind == "name":
            out.append(_Token("column", text, Name(text)))
        else:
            out.append(_Token(text, text))
    out.append(_Token("end", "<EOF>"))
    return out


def _whole(text: str) -> int:
    if text[:2] in ("0x", "0X"):
        return int(text, 16)
    if text[:2] in ("0b", "0B"):
        return int(text, 2)
    return int(text, 8) if len(text) > 1 and text[0] == "0" else int(text)


def _path(text: str) -> Name:
    base, _, _ = text.partition("[")
    parts: list[str | int] = []
    for raw, quoted, index in _PATH_PART.findall(text):
        if raw:
            parts.append(raw[2:-1])
        elif quoted:
            parts.append(re.sub(r"\\u([0-9a-fA-F]{4})", _code_point, quoted[1:-1]))
        else:
            parts.append(int(index))
        if parts[-1] == "":
            raise SyntaxProblem(f"invalid identifier: {text}")
    return Name(base, tuple(parts))


def _code_point(match: re.Match[str]) -> str:
    return chr(int(match[1], 16))


def unescaped(literal: str) -> str:
    """The text of a literal as Go's `strconv.Unquote` reads it."""
    body = literal[literal.index(literal[-1]) + 1 : -1]

    def replace(match: re.Match[str]) -> str:
        code = match[1] or match[2] or match[3]
        if code:
            return chr(int(code, 16))
        if match[4]:
            return chr(int(match[4], 8))
        if match[5] not in _ESCAPES:
            raise SyntaxProblem(f"invalid syntax in the string literal {literal}")
        return _ESCAPES[match[5]]

    return _ESCAPE.sub(replace, body)


def pattern_of(literal: str) -> str:
    """The text of a literal after `=~`, where a backslash belongs to the pattern."""
    if literal[0] in "rR":
        return literal[2:-1]
    quote = literal[-1]
    body = literal[literal.index(quote) + 1 : -1]
    return re.sub(
        r"\\(.)", lambda m: m[1] if m[1] in (quote, "\\") else m[0], body, flags=re.DOTALL
    )


class _Parser:
    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._at = 0

    def whole(self) -> Any:
        tree = self._expression(0)
        if self._next.kind != "end":
            raise self._unexpected("<EOF>")
        return tree

    @property
    def _next(self) -> _Token:
        return self._tokens[self._at]

    def _ahead(self, count: int) -> _Token:
        return self._tokens[min(self._at + count, len(self._tokens) - 1)]

    def _take(self, kind: str | None = None) -> _Token:
        token = self._next
        if kind is not None and token.kind != kind:
            raise self._unexpected(f"'{kind}'")
        self._at += 1
        return token

    def _unexpected(self, expected: str) -> SyntaxProblem:
        return SyntaxProblem(f"mismatched input '{self._next.text}' expecting {expected}")

    def _expression(self, level: int) -> Any:
        left = self._prefix()
        while True:
            op = self._next.kind
            binds = _LEVELS.get(op, -1)
            if op == "not" and self._ahead(1).kind != "in":
                return left
            if op in ("<", "<=", ">", ">=") and level <= _RANGE_LEVEL and self._is_range(op):
                first = self._take().kind
                column = self._take("column").value
                second = self._take().kind
                left = Range((first, second), left, column, self._expression(_RANGE_LEVEL + 1))
                continue
            if binds < 0 or binds < level:
                return left
            self._take()
            if op == "not":
                self._take("in")
                op = "not in"
            if op in ("=~", "!~"):
                left = Binary(op, left, self._pattern())
                continue
            left = Binary(op, left, self._expression(binds + 1))

    def _is_range(self, op: str) -> bool:
        way = next(each for each in _SAME_WAY if op in each)
        return self._ahead(1).kind == "column" and self._ahead(2).kind in way

    def _pattern(self) -> Any:
        if self._next.kind in ("text", "raw"):
            token = self._take()
            return Literal(pattern_of(token.text), token.text)
        return self._expression(_TIGHTEST)

    def _prefix(self) -> Any:
        token = self._next
        if token.kind in ("not", "-", "+", "~"):
            self._take()
            if token.kind == "-" and self._next.kind == "int" and self._next.value == 2**63:
                self._take()
                return Literal(-(2**63), "-9223372036854775808")
            return Unary(token.kind, self._expression(_UNARY_LEVEL))
        if token.kind == "exists":
            self._take()
            return Unary("exists", self._expression(_TIGHTEST))
        return self._primary()

    def _primary(self) -> Any:
        token = self._take()
        if token.kind == "literal":
            return token.value
        if token.kind == "int":
            if token.value >= 2**63:
                raise SyntaxProblem(f'strconv.ParseInt: parsing "{token.text}": value out of range')
            return Literal(token.value, token.text)
        if token.kind == "text":
            return Literal(unescaped(token.text), token.text)
        if token.kind == "raw":
            return Literal(token.text[2:-1], token.text)
        if token.kind == "iso":
            return Timestamp(unescaped(self._take("text").text))
        if token.kind == "interval":
            return Interval(unescaped(self._take("text").text))
        if token.kind == "column":
            if self._next.kind == "(" and not token.value.path:
                return self._call(token.text)
            if self._next.kind == "is null":
                return IsNull(token.value, self._take().value)
            return token.value
        if token.kind == "(":
            inner = self._expression(0)
            self._take(")")
            return inner
        if token.kind == "[":
            return self._list()
        self._at -= 1
        raise self._unexpected("an expression")

    def _list(self) -> Any:
        elements = []
        while self._next.kind != "]":
            elements.append(self._expression(0))
            if self._next.kind != "]":
                self._take(",")
        self._take("]")
        return elements

    def _call(self, name: str) -> Call:
        self._take("(")
        arguments: list[Any] = []
        options: dict[str, int] = {}
        while self._next.kind != ")":
            if self._next.kind == "column" and self._ahead(1).kind == "=":
                option = self._take().text.lower()
                self._take("=")
                options[option] = self._take("int").value
            else:
                arguments.append(self._expression(0))
            if self._next.kind != ")":
                self._take(",")
        self._take(")")
        return Call(name, arguments, options)
