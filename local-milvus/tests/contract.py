"""Contract files read, and answers held against them: the language of `tests/contract/README.md`.

A file says of one route of Milvus' REST API what it takes and answers; its cases run against any
server that speaks HTTP. Nothing here knows the gateway, or needs more than Python.

`python contract.py ADDRESS` runs the cases seen on Milvus 2.3.5 against one, with the token
in `MILVUS_TOKEN`.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

FOLDER = Path(__file__).resolve().parents[2] / "tests" / "contract"
PREFIXES = {"v1": "/v1/vector", "v2": "/v2/vectordb"}
SUCCESS = (0, 200)
# How long a server that is not read-your-write may take until it shows what was written.
SECONDS_UNTIL_SEEN = 15.0

Json = Any
Send = Callable[[str, str, bytes, dict[str, str]], "tuple[int, bytes]"]


def _once(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    """An object whose keys stand once: a second one would hide the first."""
    out = dict(pairs)
    if len(out) != len(pairs):
        raise ValueError(f"a key stands twice among {[key for key, _ in pairs]}")
    return out


def _load(path: Path) -> Json:
    return json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_once)


@dataclass(frozen=True)
class Contract:
    """One route's file."""

    file: str
    content: dict[str, Json]

    @property
    def method(self) -> str:
        return self.content["route"].split(" ")[0]

    @property
    def path(self) -> str:
        return self.content["route"].split(" ")[1]

    @property
    def dialect(self) -> str:
        return self.file.split("/")[0]

    @property
    def cases(self) -> list[dict[str, Json]]:
        return self.content["cases"]


@cache
def contracts() -> dict[str, Contract]:
    """Every route's file by its name relative to the folder, `v2/aliases/alter`."""
    found = {}
    for dialect in PREFIXES:
        for path in sorted((FOLDER / dialect).rglob("*.json")):
            file = path.relative_to(FOLDER).with_suffix("").as_posix()
            found[file] = Contract(file, _load(path))
    return found


@cache
def shapes() -> dict[str, dict[str, Json]]:
    """The objects inside requests that several routes share."""
    return _load(FOLDER / "shapes.json")["shapes"]


@cache
def errors() -> dict[str, dict[str, Json]]:
    """Milvus' codes."""
    return _load(FOLDER / "errors.json")["errors"]


@cache
def preparations() -> dict[str, dict[str, list[Json]]]:
    """By dialect, what a case's `given` may name instead of writing it out."""
    return _load(FOLDER / "given.json")["given"]


# ── what an answer has to be ────────────────────────────────────


def mismatch(expected: Json, actual: Json, at: str) -> str | None:
    """The first place where `actual` is not what the contract says, or None."""
    if isinstance(expected, str):
        return _text_mismatch(expected, actual, at)
    if isinstance(expected, dict):
        return _object_mismatch(expected, actual, at)
    if isinstance(expected, list):
        return _list_mismatch(expected, actual, at)
    same_kind = isinstance(expected, bool) == isinstance(actual, bool)
    if same_kind and expected == actual:
        return None
    return _said(at, expected, actual)


def _said(at: str, expected: Json, actual: Json) -> str:
    return f"{at}: expected {json.dumps(expected)}, came {json.dumps(actual)}"


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_integer(value: Json) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


_KINDS: dict[str, Callable[[Json], bool]] = {
    "<any>": lambda value: True,
    "<bool>": lambda value: isinstance(value, bool),
    "<number>": _is_number,
    "<integer>": _is_integer,
    "<int64 text>": lambda value: (
        isinstance(value, str) and re.fullmatch(r"-?\d{1,19}", value) is not None
    ),
}


def _text_mismatch(expected: str, actual: Json, at: str) -> str | None:
    if expected.startswith("<about "):
        number = float(expected.removeprefix("<about ").removesuffix(">"))
        close = _is_number(actual) and abs(actual - number) <= 1e-5 * max(1.0, abs(number))
        return None if close else _said(at, expected, actual)
    if expected.startswith("<"):
        return None if _KINDS[expected](actual) else _said(at, expected, actual)
    pattern = ".*".join(re.escape(part) for part in expected.split("…"))
    if isinstance(actual, str) and re.fullmatch(pattern, actual, re.DOTALL):
        return None
    return _said(at, expected, actual)


def _object_mismatch(expected: dict[str, Json], actual: Json, at: str) -> str | None:
    if not isinstance(actual, dict):
        return _said(at, expected, actual)
    known = set()
    for key, value in expected.items():
        if key == "…":
            continue
        name = key.removesuffix("?")
        known.add(name)
        if name in actual:
            if problem := mismatch(value, actual[name], f"{at}.{name}"):
                return problem
        elif not key.endswith("?"):
            return f"{at}: no key {name}, came {json.dumps(actual)}"
    for name in actual.keys() - known:
        if "…" not in expected:
            return f"{at}: {name} is not expected, came {json.dumps(actual)}"
        if problem := mismatch(expected["…"], actual[name], f"{at}.{name}"):
            return problem
    return None


def _list_mismatch(expected: list[Json], actual: Json, at: str) -> str | None:
    if not isinstance(actual, list):
        return _said(at, expected, actual)
    marker = expected[0] if expected and isinstance(expected[0], str) else ""
    if marker == "<each>":
        if not actual:
            return f"{at}: expected at least one element"
        problems = (mismatch(expected[1], each, f"{at}[]") for each in actual)
        return next(filter(None, problems), None)
    if marker in ("<unordered>", "<among>"):
        left = list(actual)
        for wanted in expected[1:]:
            found = next((each for each in left if mismatch(wanted, each, at) is None), None)
            if found is None:
                return _said(at, expected, actual)
            left.remove(found)
        return _said(at, expected, actual) if left and marker == "<unordered>" else None
    if len(expected) != len(actual):
        return _said(at, expected, actual)
    problems = (
        mismatch(wanted, each, f"{at}[{number}]")
        for number, (wanted, each) in enumerate(zip(expected, actual, strict=True))
    )
    return next(filter(None, problems), None)


# ── how a case runs ─────────────────────────────────────────────

_FRESH = ("collection", "other", "alias", "database")
_numbers = itertools.count(1)


@dataclass
class Names:
    """What `$collection` and its like mean in one case, and what its answers had remembered."""

    values: dict[str, Json] = field(default_factory=dict)

    @classmethod
    def fresh(cls) -> Names:
        """Names that no other case uses, on a server that other runs may use as well."""
        number = f"{os.getpid()}_{next(_numbers)}"
        return cls({name: f"contract_{number}_{name}" for name in _FRESH})

    def into(self, value: Json) -> Json:
        """`value` with every name filled in; one that is the whole text keeps its JSON type."""
        if isinstance(value, dict):
            return {key: self.into(each) for key, each in value.items()}
        if isinstance(value, list):
            return [self.into(each) for each in value]
        if not isinstance(value, str):
            return value
        if value.startswith("$") and value[1:] in self.values:
            return self.values[value[1:]]
        return re.sub(r"\$([a-z]+)", lambda found: str(self.values.get(found[1], found[0])), value)


@dataclass(frozen=True)
class Step:
    """One request of a case."""

    contract: Contract
    content: dict[str, Json]

    @property
    def reads(self) -> bool:
        return self.contract.path.rsplit("/", 1)[-1] in ("query", "get", "search", "describe")

    def send(self, names: Names, send: Send) -> tuple[int, Json]:
        """The status and the answer; a body that is no JSON stays text."""
        content = names.into(self.content)
        path = self.contract.path
        if "query" in content:
            path += "?" + urlencode(content["query"])
        raw = content.get("raw")
        body = json.dumps(content.get("body")).encode() if raw is None else raw.encode()
        if self.contract.method == "GET":
            body = b""
        status, answer = send(self.contract.method, path, body, content.get("headers", {}))
        try:
            return status, json.loads(answer)
        except ValueError:
            return status, answer.decode()

    def problem(self, names: Names, expected: dict[str, Json], send: Send) -> str | None:
        """What is wrong with the answer, or None."""
        status, answer = self.send(names, send)
        wanted = names.into({"status": 200, **expected})
        if wanted.pop("status") != status:
            return f"status: came {status} with {json.dumps(answer)}"
        return mismatch(wanted, answer, "answer")


def _steps(contract: Contract, content: list[Json]) -> Iterator[Step]:
    """`given` and `then` as requests; a text is a preparation by name."""
    for entry in content:
        if isinstance(entry, str):
            yield from _steps(contract, preparations()[contract.dialect][entry])
            continue
        route, *_ = entry
        target = contracts()[f"{contract.dialect}/{route}"]
        key = "query" if target.method == "GET" else "body"
        yield Step(target, {key: entry[route], **{k: v for k, v in entry.items() if k != route}})


def run(contract: Contract, case: dict[str, Json], send: Send, *, at_once: bool) -> None:
    """Runs one case; an assertion says what was otherwise.

    With `at_once` false a read is repeated until it fits, for servers that show a write late.
    """
    names = Names.fresh()
    try:
        _run(contract, case, names, send, at_once)
    finally:
        _clean(contract, case, names, send)


def _run(
    contract: Contract, case: dict[str, Json], names: Names, send: Send, at_once: bool
) -> None:
    for step in _steps(contract, case.get("given", [])):
        if "answer" in step.content:
            problem = step.problem(names, step.content["answer"], send)
            assert problem is None, f"given {step.contract.file}: {problem}"
            continue
        status, answer = step.send(names, send)
        done = isinstance(answer, dict) and answer.get("code") in SUCCESS and "data" in answer
        assert done, f"given {step.contract.file}: {status} {answer}"
        for name, way in step.content.get("remember", {}).items():
            found = answer["data"]
            for part in way:
                found = found[part]
            names.values[name] = found
    checked = [(Step(contract, case["request"]), case["answer"])]
    checked += [(step, step.content["answer"]) for step in _steps(contract, case.get("then", []))]
    for number, (step, expected) in enumerate(checked):
        problem = step.problem(names, expected, send)
        deadline = time.monotonic() + SECONDS_UNTIL_SEEN
        while problem and step.reads and not at_once and time.monotonic() < deadline:
            time.sleep(0.25)
            problem = step.problem(names, expected, send)
        assert problem is None, f"{'then ' * (number > 0)}{step.contract.file}: {problem}"


def _clean(contract: Contract, case: dict[str, Json], names: Names, send: Send) -> None:
    """Drops what the case may have made; a server has room for 64 databases."""
    text = json.dumps([case, [preparations()[contract.dialect][each] for each in _named(case)]])

    def drop(action: str, body: dict[str, Json]) -> None:
        route = contracts().get(f"{contract.dialect}/{action}")
        if route is not None:
            send("POST", route.path, json.dumps(names.into(body)).encode(), {})

    if "$alias" in text:
        drop("aliases/drop", {"aliasName": "$alias"})
    for name in ("$collection", "$other"):
        if name in text:
            drop("collections/drop", {"collectionName": name})
            if "$database" in text:
                drop("collections/drop", {"dbName": "$database", "collectionName": name})
    if "$database" in text:
        drop("databases/drop", {"dbName": "$database"})


def _named(case: dict[str, Json]) -> list[str]:
    return [each for each in case.get("given", []) if isinstance(each, str)]


# ── a full Milvus ───────────────────────────────────────────────


def _http(address: str, token: str) -> Send:
    def send(method: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        connection = HTTPConnection(address, timeout=60)
        try:
            connection.request(method, path, body, {"Authorization": f"Bearer {token}", **headers})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    return send


def main() -> int:
    """Runs every case seen on 2.3.5; a line on stdout for each that is otherwise there."""
    send = _http(sys.argv[1], os.environ.get("MILVUS_TOKEN", ""))
    done = failed = 0
    for file, contract in contracts().items():
        for case in contract.cases:
            if not case["on"].get("2.3.5"):
                continue
            try:
                run(contract, case, send, at_once=False)
                done += 1
            except AssertionError as error:
                failed += 1
                print(f"{file}: {case['name']}: {error}")
    print(f"{done} cases hold, {failed} do not")
    return 1 if failed or not done else 0


if __name__ == "__main__":
    sys.exit(main())
