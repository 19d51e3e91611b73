"""What tests need of a full Milvus 2.3.5 that REST v1 has no route for, over gRPC.

It reads a line of JSON for each request, and answers with one. Messages are written by hand after
`milvus.proto` and `schema.proto` of 2.3.5: the client library of that time does not run here.
"""

from __future__ import annotations

import base64
import json
import sys
import time
from collections.abc import Callable

import grpc

SECONDS = 60
TYPES = {
    "Bool": 1,
    "Int8": 2,
    "Int16": 3,
    "Int32": 4,
    "Int64": 5,
    "Float": 10,
    "Double": 11,
    "VarChar": 21,
    "Array": 22,
    "JSON": 23,
    "BinaryVector": 100,
    "FloatVector": 101,
}
LOADED = 3


def varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def text(field: int, value: str | bytes) -> bytes:
    encoded = value.encode() if isinstance(value, str) else value
    return varint(field << 3 | 2) + varint(len(encoded)) + encoded


def pair(field: int, key: str, value: object) -> bytes:
    return text(field, text(1, key) + text(2, str(value)))


def fields(message: bytes) -> dict[int, int | bytes]:
    """The last value of each field of a message."""
    at, found = 0, {}

    def read() -> int:
        nonlocal at
        value, shift = 0, 0
        while True:
            byte = message[at]
            at, value, shift = at + 1, value | (byte & 0x7F) << shift, shift + 7
            if byte < 0x80:
                return value

    while at < len(message):
        tag = read()
        if tag & 7 == 0:
            found[tag >> 3] = read()
        else:
            length = read()
            found[tag >> 3] = message[at : at + length]
            at += length
    return found


class Milvus:
    def __init__(self, address: str, token: str) -> None:
        self._channel = grpc.insecure_channel(address)
        credential = base64.b64encode(token.encode()).decode()
        self._metadata = [("authorization", credential)]

    def _call(self, method: str, request: bytes) -> dict[int, int | bytes]:
        call = self._channel.unary_unary(f"/milvus.proto.milvus.MilvusService/{method}")
        return fields(call(request, timeout=SECONDS, metadata=self._metadata))

    def _do(self, method: str, request: bytes) -> None:
        """A call that answers a `common.Status`: 1 an error code, 2 its reason."""
        status = self._call(method, request)
        if status.get(1) or status.get(3):
            raise RuntimeError(f"{method}: {status.get(2, b'')!r}")

    def create(self, arguments: dict) -> None:
        """As `milvus_create_collection`: the schema, the indexes, and the load."""
        name = arguments["collection_name"]
        schema = text(1, name)
        for field in arguments["fields"]:
            schema += text(4, self._field(field))
        if arguments.get("enable_dynamic_field"):
            schema += number(5, 1)
        request = text(3, name) + text(4, schema) + number(5, 1)
        self._do("CreateCollection", request)
        for index in arguments.get("index_params", []):
            request = text(3, name) + text(4, index["field_name"])
            request += pair(5, "index_type", index.get("index_type", "AUTOINDEX"))
            request += pair(5, "metric_type", index["metric_type"])
            self._do("CreateIndex", request + text(6, index["field_name"]))
        if "index_params" in arguments:
            self._do("LoadCollection", text(3, name) + number(4, 1))
            self._until("GetLoadState", text(2, name), lambda answer: answer.get(2) == LOADED)

    @staticmethod
    def _field(field: dict) -> bytes:
        message = text(2, field["name"]) + number(5, TYPES[field["type"]])
        if field.get("is_primary"):
            message += number(3, 1)
        if field.get("auto_id"):
            message += number(8, 1)
        for key in ("dim", "max_length", "max_capacity"):
            if key in field:
                message += pair(6, key, field[key])
        if "element_type" in field:
            message += number(10, TYPES[field["element_type"]])
        return message

    def alias(self, alias: str, collection: str) -> None:
        request = text(3, collection) + text(4, alias)
        try:
            self._do("AlterAlias", request)
        except RuntimeError:
            self._do("CreateAlias", request)

    def settle(self, collection: str) -> None:
        """Wait until reads see what was written: a query with consistency level Strong (0)."""
        request = text(3, collection) + text(5, "count(*)")
        self._until("Query", request, self._answered)

    @staticmethod
    def _answered(answer: dict) -> bool:
        status = fields(answer.get(1, b""))
        return not status.get(1) and not status.get(3)

    def _until(self, method: str, request: bytes, holds: Callable[[dict], bool]) -> None:
        until = time.monotonic() + SECONDS
        while not holds(answer := self._call(method, request)):
            if time.monotonic() > until:
                raise RuntimeError(f"{method}: {answer}")
            time.sleep(0.05)


def main() -> None:
    address, token = sys.argv[1], sys.stdin.readline().rstrip("\n")
    milvus = Milvus(address, token)
    for line in sys.stdin:
        request = json.loads(line)
        answer: dict[str, str] = {}
        try:
            if "create" in request:
                milvus.create(request["create"])
            elif "alias" in request:
                milvus.alias(*request["alias"])
            else:
                milvus.settle(request["settle"])
        except (RuntimeError, grpc.RpcError, KeyError) as error:
            answer = {"error": repr(error)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
