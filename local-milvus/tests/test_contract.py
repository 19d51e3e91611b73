"""The contract of every route (`tests/contract`) against the gateway, case by case.

The cases of REST v1 are run against a full Milvus by the tests in Rust, `contract::standalone`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import contract
import pytest
from conftest import Client
from contract import Contract, Send, contracts, errors, mismatch, shapes


def _cases() -> list[Any]:
    return [
        pytest.param(each, case, id=f"{file}: {case['name']}")
        for file, each in contracts().items()
        for case in each.cases
        if case["on"].get("local")
    ]


@pytest.fixture(scope="session")
def to_gateway(milvus: Client) -> Send:
    """Sends to the session's gateway."""

    def send(method: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        reply = milvus.raw(path, body, method=method, headers=headers)
        return reply.status, reply.raw

    return send


@pytest.mark.parametrize(("of", "case"), _cases())
def test_the_gateway_keeps_the_contract(
    to_gateway: Send, of: Contract, case: dict[str, Any]
) -> None:
    contract.run(of, case, to_gateway, at_once=True)


# ── the keys of every request ───────────────────────────────────

_WRONG = {"text": 5, "bool": "true", "int32": "5", "int64": "5", "uint64": -1, "number": "x"}
_FITTING = {"text": "x", "bool": True, "int32": 1, "int64": 1, "uint64": 1, "number": 1, "any": 1}


def _fitting(kind: str) -> Any:
    """A value of a type of the contract, with what its shape requires."""
    if kind.startswith("["):
        return [_fitting(kind[1:-1])]
    if kind.startswith("{"):
        return {"x": _fitting(kind[1:-1])}
    if kind in _FITTING:
        return _FITTING[kind]
    keys = shapes()[kind]
    return {name: _fitting(key["type"]) for name, key in keys.items() if key.get("required")}


def _wrong(kind: str) -> Any:
    if kind[0] in "[{":
        return "no list and no object"
    return _WRONG.get(kind, "no object")


def _keys(wanted: Callable[[dict[str, Any]], bool]) -> list[Any]:
    return [
        pytest.param(each, name, key, id=f"{file}: {name}")
        for file, each in contracts().items()
        if each.dialect == "v2"
        for name, key in each.content["request"].items()
        if wanted(key)
    ]


def _body(of: Contract) -> dict[str, Any]:
    keys = of.content["request"]
    return {name: _fitting(key["type"]) for name, key in keys.items() if key.get("required")}


@pytest.mark.parametrize(("of", "name", "key"), _keys(lambda key: key["type"] != "any"))
def test_a_key_of_another_type_is_1801(
    milvus: Client, of: Contract, name: str, key: dict[str, Any]
) -> None:
    action = of.path.removeprefix(contract.PREFIXES["v2"] + "/")
    message = milvus.refused(1801, action, {**_body(of), name: _wrong(key["type"])})
    assert message.startswith("can only accept json format request, error: ")


@pytest.mark.parametrize(("of", "name", "key"), _keys(lambda key: key.get("required", False)))
def test_a_required_key_that_is_absent_or_null_is_1802(
    milvus: Client, of: Contract, name: str, key: dict[str, Any]
) -> None:
    action = of.path.removeprefix(contract.PREFIXES["v2"] + "/")
    body = _body(of)
    del body[name]
    for lacking in (body, {**body, name: None}):
        message = milvus.refused(1802, action, lacking)
        assert message.startswith("missing required parameters, error: Key: '")


# ── the contract itself ─────────────────────────────────────────


def test_every_case_has_its_own_name_and_a_server_that_it_is_true_of() -> None:
    for file, each in contracts().items():
        names = [case["name"] for case in each.cases]
        assert len(set(names)) == len(names), file
        for case in each.cases:
            assert case["on"], (file, case["name"])
            assert set(case["on"]) <= {"milvus", "local", "2.3.5"}, (file, case["name"])


def test_every_route_of_rest_v2_has_a_case_that_the_gateway_runs() -> None:
    idle = [
        file
        for file, each in contracts().items()
        if each.dialect == "v2" and not any(case["on"].get("local") for case in each.cases)
    ]
    assert idle == []


def test_every_route_of_rest_v1_has_a_success_and_an_error_seen_on_2_3_5() -> None:
    # REST v1 makes no collection that its own upsert could write to.
    unreachable = ["v1/upsert"]
    for file, each in contracts().items():
        if each.dialect == "v1":
            codes = {case["answer"]["code"] for case in each.cases if case["on"].get("2.3.5")}
            assert (200 in codes) == (file not in unreachable), file
            assert codes - {200}, file


def test_a_case_has_data_or_a_code_of_milvus() -> None:
    for file, each in contracts().items():
        for case in each.cases:
            answer = case["answer"]
            # Code 200 with a message is a partition that is not there.
            done = answer["code"] == 0 or (answer["code"] == 200 and "message" not in answer)
            assert done == ("data" in answer), (file, case["name"])
            assert done or str(answer["code"]) in errors(), (file, case["name"])


def test_every_key_of_an_answer_is_explained() -> None:
    for file, each in contracts().items():
        explained = set(each.content["answer"])
        for case in each.cases:
            data = case["answer"].get("data")
            if isinstance(data, list):
                assert explained == {"[]"}, (file, case["name"])
            elif data is not None:
                keys = {key.removesuffix("?") for key in data} - {"…"}
                assert keys <= explained, (file, case["name"])


@pytest.mark.parametrize(
    ("expected", "actual", "fits"),
    [
        (1, 1, True),
        (1, 2, False),
        (1, True, False),
        (True, 1, False),
        (None, None, True),
        ("a", "a", True),
        ("a", "ab", False),
        ("a…", "ab", True),
        ("…not found[…]", "x not found[y]", True),
        ("…not found[…]", "x not found", False),
        ("…", 5, False),
        ("<number>", 1.5, True),
        ("<number>", True, False),
        ("<integer>", 1.5, False),
        ("<integer>", 1, True),
        ("<int64 text>", "-9223372036854775808", True),
        ("<int64 text>", 5, False),
        ("<bool>", False, True),
        ("<bool>", 0, False),
        ("<any>", None, True),
        ("<about 0.6>", 0.6000001, True),
        ("<about 0.6>", 0.61, False),
        ({"a": 1}, {"a": 1}, True),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ({"a": 1}, {}, False),
        ({"a?": 1}, {}, True),
        ({"a?": 1}, {"a": 2}, False),
        ({"a": 1, "…": "<any>"}, {"a": 1, "b": 2}, True),
        ({"a": 1, "…": "<any>"}, {"b": 2}, False),
        ([1, 2], [1, 2], True),
        ([1, 2], [2, 1], False),
        ([], [1], False),
        (["<unordered>", 1, 2], [2, 1], True),
        (["<unordered>", 1, 2], [2, 1, 3], False),
        (["<unordered>", 1, 1], [1, 2], False),
        (["<among>", 1], [2, 1], True),
        (["<among>", 3], [2, 1], False),
        (["<each>", "<integer>"], [1, 2], True),
        (["<each>", "<integer>"], [1, "2"], False),
        (["<each>", "<integer>"], [], False),
        ([], {}, False),
        ({}, [], False),
    ],
)
def test_a_matcher_fits_what_it_says_and_nothing_else(
    expected: Any, actual: Any, fits: bool
) -> None:
    assert (mismatch(expected, actual, "answer") is None) == fits
