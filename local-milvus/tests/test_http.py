"""The wire: paths, order of checks, credentials, headers, the envelope."""

from __future__ import annotations

import base64
import json
import socket
import time

import pytest
from conftest import PREFIX, Client


@pytest.mark.parametrize(
    "header",
    [
        "Bearer root:Milvus",
        "root:Milvus",
        "Basic " + base64.b64encode(b"root:Milvus").decode(),
    ],
)
def test_each_form_of_the_right_credential_is_admitted(milvus: Client, header: str) -> None:
    reply = milvus.raw(PREFIX + "collections/list", headers={"Authorization": header})
    assert (reply.status, reply.json["code"]) == (200, 0)
    assert ("www-authenticate" in reply.headers) == header.startswith("Basic")


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer root:wrong",
        "bearer root:Milvus",
        "Bearer illegal_api_key",
        "Basic !!!",
        "Bearer " + base64.b64encode(b"root:Milvus").decode(),
        "Bearer root:Milvus\xe9",
    ],
)
def test_any_other_credential_is_401_with_code_1800(milvus: Client, header: str) -> None:
    reply = milvus.raw(PREFIX + "collections/list", headers={"Authorization": header})
    assert reply.status == 401
    assert reply.json == {"code": 1800, "message": "user hasn't authenticated"}


def test_credentials_are_checked_before_the_path(milvus: Client) -> None:
    assert milvus.raw("/nowhere", headers={"Authorization": ""}).status == 401


@pytest.mark.parametrize(
    "path",
    ["/", "/nowhere", "/v1/vector/collections", "/v1/vector/search", PREFIX + "collections/nope"],
)
def test_an_unknown_path_is_404_in_plain_text(milvus: Client, path: str) -> None:
    reply = milvus.raw(path)
    assert (reply.status, reply.raw) == (404, b"404 page not found")
    assert reply.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD"])
def test_a_known_path_with_another_method_is_404(milvus: Client, method: str) -> None:
    assert milvus.raw(PREFIX + "collections/list", method=method).status == 404


def test_options_is_204_without_a_credential(milvus: Client) -> None:
    for path in ("/nowhere", PREFIX + "collections/list"):
        reply = milvus.raw(path, method="OPTIONS", headers={"Authorization": ""})
        assert (reply.status, reply.raw) == (204, b"")


def test_a_trailing_slash_is_redirected(milvus: Client) -> None:
    reply = milvus.raw(PREFIX + "collections/list/")
    assert (reply.status, reply.headers["location"]) == (307, PREFIX + "collections/list")


def test_answers_are_json_in_utf8_with_sorted_keys(milvus: Client, quick: str) -> None:
    reply = milvus.raw(PREFIX + "collections/describe", f'{{"collectionName":"{quick}"}}'.encode())
    assert reply.headers["content-type"] == "application/json; charset=utf-8"
    assert reply.raw.startswith(b'{"code":0,"data":{"aliases":[],"autoId":false,')


def test_angle_brackets_and_ampersands_are_escaped(milvus: Client, name: str) -> None:
    milvus.ok(
        "collections/create", {"collectionName": name, "dimension": 4, "description": "<a&b>"}
    )
    reply = milvus.raw(PREFIX + "collections/describe", f'{{"collectionName":"{name}"}}'.encode())
    assert b'"description":"\\u003ca\\u0026b\\u003e"' in reply.raw


@pytest.mark.parametrize("body", [b"", b"  \n"])
def test_an_empty_body_is_1801(milvus: Client, body: bytes) -> None:
    answer = milvus.raw(PREFIX + "collections/list", body).json
    assert answer["code"] == 1801
    assert answer["message"].endswith("the request body should be nil, however {} is valid")


@pytest.mark.parametrize(
    "body",
    [b"{", b"nonsense", b"[]", b'"x"', b'{"limit": NaN}', b'{"dbName": 5}', b"\xef\xbb\xbf{}"],
)
def test_a_body_that_is_no_fitting_json_is_1801(milvus: Client, body: bytes) -> None:
    answer = milvus.raw(PREFIX + "entities/query", body).json
    assert answer["code"] == 1801
    assert answer["message"].startswith("can only accept json format request, error: ")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("dimension", '"4"'),
        ("dimension", "4.5"),
        ("dimension", "2147483648"),
        ("autoID", "1"),
        ("collectionName", "7"),
        ("schema", "[]"),
        ("indexParams", "{}"),
        ("params", '"x"'),
    ],
)
def test_a_value_of_the_wrong_json_type_is_1801(milvus: Client, key: str, value: str) -> None:
    body = f'{{"collectionName":"x","{key}":{value}}}'.encode()
    answer = milvus.raw(PREFIX + "collections/create", body).json
    assert answer["code"] == 1801
    assert f"CollectionReq.{key}" in answer["message"]


@pytest.mark.parametrize("value", ["", '"collectionName":""', '"collectionName":null'])
def test_a_required_key_that_is_missing_or_zero_is_1802(milvus: Client, value: str) -> None:
    answer = milvus.raw(PREFIX + "collections/describe", f"{{{value}}}".encode()).json
    assert answer == {
        "code": 1802,
        "message": "missing required parameters, error: Key: 'CollectionNameReq.CollectionName' "
        "Error:Field validation for 'CollectionName' failed on the 'required' tag",
    }


def test_several_missing_keys_are_told_line_by_line(milvus: Client) -> None:
    message = milvus.refused(1802, "aliases/create")
    assert len(message.splitlines()) == 2


def test_keys_match_without_case_and_unknown_ones_are_ignored(milvus: Client, quick: str) -> None:
    assert milvus.ok("collections/has", {"COLLECTIONNAME": quick, "what": [1]}) == {"has": True}


def test_what_follows_the_first_json_value_is_ignored(milvus: Client, quick: str) -> None:
    body = f'{{"collectionName":"{quick}"}} trailing'.encode()
    assert milvus.raw(PREFIX + "collections/has", body).json["data"] == {"has": True}


def test_null_is_a_body_where_nothing_is_required(milvus: Client) -> None:
    assert milvus.raw(PREFIX + "collections/list", b"null").json["code"] == 0


def test_the_content_type_is_not_looked_at(milvus: Client) -> None:
    reply = milvus.raw(PREFIX + "collections/list", headers={"Content-Type": "text/csv"})
    assert reply.json["code"] == 0


def test_a_bad_request_timeout_is_1100_before_the_body(milvus: Client) -> None:
    reply = milvus.raw(PREFIX + "collections/list", b"", headers={"Request-Timeout": "soon"})
    assert reply.json["code"] == 1100
    assert "Request-Timeout parse failed" in reply.json["message"]


def test_a_request_timeout_in_seconds_is_taken(milvus: Client) -> None:
    reply = milvus.raw(PREFIX + "collections/list", headers={"Request-Timeout": "120"})
    assert reply.json["code"] == 0


def test_a_request_whose_time_is_up_is_408_with_code_10001(milvus: Client) -> None:
    reply = milvus.raw(PREFIX + "collections/list", headers={"Request-Timeout": "0"})
    assert reply.status == 408
    assert reply.json == {"code": 10001, "message": "request timeout"}


@pytest.mark.parametrize("value", ["false", "0", "F"])
def test_int64_is_text_when_the_header_says_so(milvus: Client, filled: str, value: str) -> None:
    headers = {"Accept-Type-Allow-Int64": value}
    body = {"collectionName": filled, "filter": "id < 3"}
    rows = milvus.ok("entities/query", body, headers)
    assert [row["id"] for row in rows] == ["1", "2"]
    body["outputFields"] = ["count(*)"]
    assert milvus.ok("entities/query", body, headers) == [{"count(*)": "2"}]
    hits = milvus.ok(
        "entities/search", {"collectionName": filled, "data": [[1, 0, 0, 0]], "limit": 1}, headers
    )
    assert hits[0]["id"] == "1"


@pytest.mark.parametrize("value", ["true", "1", "yes", ""])
def test_int64_is_a_number_otherwise(milvus: Client, filled: str, value: str) -> None:
    rows = milvus.ok(
        "entities/query",
        {"collectionName": filled, "filter": "id < 3"},
        {"Accept-Type-Allow-Int64": value},
    )
    assert [row["id"] for row in rows] == [1, 2]


def test_the_db_name_header_counts_when_the_body_names_none(milvus: Client) -> None:
    milvus.ok("databases/create", {"dbName": "by_header"})
    headers = {"DB-Name": "by_header"}
    milvus.ok("collections/create", {"collectionName": "inside", "dimension": 4}, headers)
    assert milvus.ok("collections/list", {"dbName": ""}, headers) == ["inside"]
    assert milvus.ok("collections/list", {"dbName": "by_header"}) == ["inside"]
    assert "inside" not in milvus.ok("collections/list", {"dbName": "default"}, headers)


UNSUPPORTED = {
    "collections/fields/drop": {"collectionName": "x", "fieldName": "f"},
    "collections/drop_function_field": {"collectionName": "x", "functionName": "f"},
    "jobs/import/create": {"collectionName": "x", "files": [["a"]]},
    "jobs/import/list": {},
    "jobs/snapshot/list": {},
    "users/list": {},
    "roles/list": {},
    "resource_groups/list": {},
    "quotacenter/describe": {},
}


@pytest.mark.parametrize("action", UNSUPPORTED)
def test_a_route_that_lite_cannot_serve_is_3000(milvus: Client, action: str) -> None:
    message = milvus.refused(3000, action, UNSUPPORTED[action])
    assert message == f"{action} is not supported by Milvus Lite"


def test_an_unserved_route_still_checks_its_body(milvus: Client) -> None:
    milvus.refused(1802, "jobs/import/create", {"collectionName": "x"})


def test_pages_of_other_sites_may_read_answers_only_when_a_token_guards_them(
    milvus: Client,
) -> None:
    reply = milvus.raw(PREFIX + "collections/list")
    assert reply.headers["access-control-allow-origin"] == "*"


# ── slow, broken and greedy clients ─────────────────────────────


def closed_after(connection: socket.socket) -> float:
    """The seconds until the other side closes."""
    begun = time.monotonic()
    while connection.recv(1000):
        pass
    return time.monotonic() - begun


@pytest.mark.parametrize(
    "sent", [b"", b"POST /v2/vectordb/collections/list HTTP/1.1\r\nHost: x\r\n"]
)
def test_headers_that_do_not_come_are_waited_for_five_seconds(milvus: Client, sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", milvus.port), timeout=15) as connection:
        connection.sendall(sent)
        assert 4.5 < closed_after(connection) < 10


def test_headers_may_come_in_pieces(milvus: Client) -> None:
    whole = (
        f"POST {PREFIX}collections/list HTTP/1.1\r\nHost: x\r\nAuthorization: root:Milvus\r\n"
        "Content-Length: 2\r\nConnection: close\r\n\r\n{}"
    ).encode()
    with socket.create_connection(("127.0.0.1", milvus.port), timeout=10) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for start in range(0, len(whole), 7):
            connection.sendall(whole[start : start + 7])
            time.sleep(0.005)
        received = b""
        while part := connection.recv(1000):
            received += part
    assert received.startswith(b"HTTP/1.1 200 OK\r\n")


def test_a_body_that_says_it_is_too_long_is_refused_at_once(milvus: Client) -> None:
    head = (
        f"POST {PREFIX}entities/insert HTTP/1.1\r\nHost: x\r\nAuthorization: root:Milvus\r\n"
        f"Content-Length: {2**40}\r\n\r\n"
    ).encode()
    with socket.create_connection(("127.0.0.1", milvus.port), timeout=10) as connection:
        connection.sendall(head + b'{"collectionName":')
        received = b""
        while not received.endswith(b"}"):
            part = connection.recv(10_000)
            assert part, received
            received += part
    assert received.startswith(b"HTTP/1.1 200 OK\r\n")
    answer = json.loads(received.split(b"\r\n\r\n", 1)[1])
    assert answer == {"code": 1102, "message": "request body is larger than 536870912 bytes"}


def test_several_requests_sent_at_once_are_answered_in_turn(milvus: Client) -> None:
    one = (
        f"POST {PREFIX}collections/list HTTP/1.1\r\nHost: x\r\nAuthorization: root:Milvus\r\n"
        "Content-Length: 2\r\n\r\n{}"
    ).encode()
    with socket.create_connection(("127.0.0.1", milvus.port), timeout=10) as connection:
        connection.sendall(one * 5)
        received = b""
        while received.count(b'"code":0') < 5:
            part = connection.recv(10_000)
            assert part, received
            received += part
    assert received.count(b"HTTP/1.1 200 OK") == 5
