"""What the supervisor asks the engine: REST v1, and two calls of gRPC that v1 has no route for."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode

ROOT = "root"
# The password that Milvus gives its first user (`util.DefaultRootPassword`); 2.3.5 has no setting.
FIRST_PASSWORD = "Milvus"

_UNAUTHENTICATED = 1800
_NOT_LOADED = 101
_SECONDS = 10


Answer = dict[str, Any]


class NotYet(Exception):
    """The engine does not answer yet."""


class Api:
    """Requests as the user root."""

    def __init__(self, port: int, password: str | None) -> None:
        """`password`: None where authorization is off."""
        self._port = port
        self._password = password

    def _rest(self, method: str, path: str, body: Answer | None = None) -> Answer:
        headers = {"Content-Type": "application/json"}
        if self._password is not None:
            headers["Authorization"] = f"Bearer {ROOT}:{self._password}"
        connection = HTTPConnection("127.0.0.1", self._port, timeout=_SECONDS)
        try:
            connection.request(
                method, f"/v1/vector/{path}", json.dumps(body) if body else None, headers
            )
            answer = json.loads(connection.getresponse().read())
        except (OSError, ValueError) as error:
            raise NotYet(str(error)) from None
        finally:
            connection.close()
        return answer if isinstance(answer, dict) else {}

    def admits(self) -> bool:
        """Whether the password is right."""
        answer = self._rest("GET", "collections")
        if answer.get("code") not in (200, _UNAUTHENTICATED):
            raise NotYet(str(answer.get("message")))
        return bool(answer["code"] == 200)

    def await_queries(self, wait: Callable[[], None]) -> None:
        """Wait until every collection that is loaded answers a query.

        After a restart on a used folder that is half a minute later than the first answer: until
        then code 101.
        """
        for database in self._databases():
            for name in self._of(
                self._rest("GET", f"collections?{urlencode({'dbName': database})}")
            ):
                where = {"dbName": database, "collectionName": name}
                while not self._answers(where):
                    wait()

    def _answers(self, where: dict[str, str]) -> bool:
        described = self._rest("GET", f"collections/describe?{urlencode(where)}").get("data")
        if not isinstance(described, dict) or described.get("load") == "LoadStateNotLoad":
            return True
        key = next(field for field in described["fields"] if field["primaryKey"])
        lowest = '""' if key["type"].startswith("VarChar") else "0"
        query = {**where, "filter": f"{key['name']} >= {lowest}", "limit": 1}
        query["outputFields"] = [key["name"]]
        return self._rest("POST", "query", query).get("code") != _NOT_LOADED

    @staticmethod
    def _of(answer: Answer) -> list[str]:
        names = answer.get("data")
        if answer.get("code") != 200 or not isinstance(names, list):
            raise NotYet(str(answer.get("message")))
        return names

    def _databases(self) -> list[str]:
        """`ListDatabasesResponse`: field 2 is a name."""
        answer = self._rpc("ListDatabases", b"", self._password)
        return [value.decode() for number, value in _fields(answer) if number == 2]

    def replace_first_password(self) -> bool:
        """Give the user root the password of this object; False if it has another one by now.

        `UpdateCredentialRequest`: 2 the user, 3 and 4 the old and the new password in base64.
        """
        assert self._password is not None
        old, new = (base64.b64encode(text.encode()) for text in (FIRST_PASSWORD, self._password))
        request = _field(2, ROOT.encode()) + _field(3, old) + _field(4, new)
        import grpc

        try:
            self._rpc("UpdateCredential", request, FIRST_PASSWORD)
        except grpc.RpcError as error:
            if error.code() == grpc.StatusCode.UNAUTHENTICATED:
                return False
            raise
        until = time.monotonic() + _SECONDS
        while not self.admits():
            if time.monotonic() > until:
                return False
            time.sleep(0.1)
        return True

    def _rpc(self, method: str, request: bytes, password: str | None) -> bytes:
        # Imported late: the library is large, and most starts do without it.
        import grpc

        metadata = []
        if password is not None:
            credential = base64.b64encode(f"{ROOT}:{password}".encode()).decode()
            metadata.append(("authorization", credential))
        with grpc.insecure_channel(f"127.0.0.1:{self._port}") as channel:
            call = channel.unary_unary(f"/milvus.proto.milvus.MilvusService/{method}")
            return bytes(call(request, timeout=_SECONDS, metadata=metadata))


def _field(number: int, value: bytes) -> bytes:
    """A field of bytes in a message of Protocol Buffers."""
    return bytes([number << 3 | 2]) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def _fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """The fields of bytes in a message; numbers are passed over."""
    at = 0

    def varint() -> int:
        nonlocal at
        value, shift = 0, 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(message):
        tag = varint()
        if tag & 7 == 0:
            varint()
        elif tag & 7 == 2:
            length = varint()
            yield tag >> 3, message[at : at + length]
            at += length
        else:
            raise ValueError(f"wire type {tag & 7} is not expected")
