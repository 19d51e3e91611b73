"""A real gateway over a real Milvus Lite, started as its own process; nothing is mocked."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
TOKEN = "root:Milvus"
PREFIX = "/v2/vectordb/"


class Reply:
    """An HTTP answer."""

    def __init__(self, status: int, headers: dict[str, str], raw: bytes) -> None:
        self.status = status
        self.headers = headers
        self.raw = raw

    @property
    def json(self) -> Any:
        return json.loads(self.raw)


class Client:
    """Posts to one gateway; every thread may use it."""

    def __init__(self, port: int, token: str | None = TOKEN) -> None:
        self.port = port
        self.token = token

    def raw(
        self,
        path: str,
        body: bytes = b"{}",
        *,
        method: str = "POST",
        headers: dict[str, str] | None = None,
    ) -> Reply:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        sent = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        sent.update(headers or {})
        connection.request(method, path, body, sent)
        answer = connection.getresponse()
        reply = Reply(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        connection.close()
        return reply

    def __call__(
        self, action: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> dict[str, Any]:
        """The whole envelope."""
        reply = self.raw(PREFIX + action, json.dumps(body or {}).encode(), headers=headers)
        assert reply.status == 200, reply.raw
        return reply.json

    def ok(self, action: str, body: Any = None, headers: dict[str, str] | None = None) -> Any:
        """The data of a success."""
        answer = self(action, body, headers)
        assert answer["code"] == 0, answer
        return answer["data"]

    def refused(self, code: int, action: str, body: Any = None) -> str:
        """The message of a refusal with this code."""
        answer = self(action, body)
        assert answer.get("code") == code, answer
        assert "data" not in answer
        return answer["message"]


class Process:
    """A gateway process."""

    def __init__(self, *options: str, token: str | None = TOKEN, **popen: Any) -> None:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        environment.pop("MILVUS_GATEWAY_TOKEN", None)
        if token:
            environment["MILVUS_GATEWAY_TOKEN"] = token
        self.token = token
        self.popen = subprocess.Popen(
            [sys.executable, "-m", "milvus_gateway", *options],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            **popen,
        )

    def ready(self) -> Client:
        line = self.popen.stdout.readline()
        assert line, self.popen.stderr.read().decode()
        self.line = json.loads(line)
        return Client(self.line["port"], self.token)

    def stop(self) -> int:
        if self.popen.poll() is None:
            self.popen.terminate()
        code = self.popen.wait(10)
        for pipe in (self.popen.stdin, self.popen.stdout, self.popen.stderr):
            pipe.close()
        return code


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Starts gateways of one test and stops them after it."""
    running: list[Process] = []

    def start(*options: str, **keywords: Any) -> Process:
        if "--data-dir" not in options:
            options = ("--data-dir", str(tmp_path / "data"), *options)
        process = Process(*options, **keywords)
        running.append(process)
        return process

    yield start
    for process in running:
        process.stop()


@pytest.fixture(scope="session")
def milvus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """One gateway for all tests that share it."""
    process = Process("--data-dir", str(tmp_path_factory.mktemp("milvus") / "data"))
    yield process.ready()
    process.stop()


_numbers = itertools.count(1)


@pytest.fixture
def name() -> str:
    """A collection name that no other test uses."""
    return f"c{next(_numbers)}"


@pytest.fixture
def other() -> str:
    """A second such name."""
    return f"c{next(_numbers)}"


def field(name: str, kind: str, **more: Any) -> dict[str, Any]:
    """A field of a schema; `dim`, `max_length`, … go where they belong."""
    inside = (
        "dim",
        "max_length",
        "max_capacity",
        "enable_analyzer",
        "enable_match",
        "analyzer_params",
    )
    params = {key: more.pop(key) for key in inside if key in more}
    return {"fieldName": name, "dataType": kind, "elementTypeParams": params, **more}


def key(kind: str = "Int64", **more: Any) -> dict[str, Any]:
    return field("id", kind, isPrimary=True, **more)


def create(client: Client, name: str, *fields: dict[str, Any], **more: Any) -> None:
    """A collection of the schema form, with an AUTOINDEX on each vector, loaded."""
    schema = more.pop("schema", {})
    indexes = [
        {"fieldName": each["fieldName"]}
        for each in fields
        if each["dataType"] in ("FloatVector", "SparseFloatVector")
    ]
    client.ok(
        "collections/create",
        {
            "collectionName": name,
            "schema": {"fields": list(fields), **schema},
            "indexParams": more.pop("indexParams", indexes),
            **more,
        },
    )


def rows_of(client: Client, name: str, **query: Any) -> list[dict[str, Any]]:
    return client.ok("entities/query", {"collectionName": name, "limit": 1000, **query})


@pytest.fixture
def quick(milvus: Client, name: str) -> str:
    """A quick collection of dimension 4, loaded."""
    milvus.ok("collections/create", {"collectionName": name, "dimension": 4})
    return name


@pytest.fixture
def filled(milvus: Client, quick: str) -> str:
    """Ten rows: id 1 to 10, n = id, s = "s<id>"."""
    milvus.ok(
        "entities/insert",
        {
            "collectionName": quick,
            "data": [
                {"id": n, "vector": [1.0, n / 10, 0.0, 0.0], "n": n, "s": f"s{n}"}
                for n in range(10, 0, -1)
            ],
        },
    )
    return quick
