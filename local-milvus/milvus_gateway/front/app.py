"""The HTTP face: an ASGI application with Milvus' order of checks (`service.go`, `handler_v2.go`).

OPTIONS, then credentials (before the path is looked at), the path, `Request-Timeout`, the body,
the required fields, and only then the handler, in a thread. A request whose time is up is answered
408 while its thread runs to its end, so no lock is left behind; the same when a client hangs up.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ..engine.lite import Lite
from ..families import databases
from ..families.call import Call, Route
from ..families.routes import PREFIX, ROUTES
from ..wire.auth import Authenticator
from ..wire.envelope import Answer, failure, plain
from ..wire.errors import NOT_AUTHENTICATED, PARAMETER_TOO_LARGE, TIMEOUT, UNEXPECTED, MilvusError
from ..wire.requests import decode, go_bool, timeout_seconds

log = logging.getLogger(__name__)

MAX_BODY = 512 * 1024 * 1024
SECONDS_FOR_BODY = 30.0
"""A body may take as long as the default time of a request, or longer if the client says so."""
# Writers may all wait for one collection; readers have threads of their own.
WRITERS, READERS = 4, 8

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class _HungUp(Exception):
    """The client left before its request was read."""


class Gateway:
    """The application. It owns the threads that talk to Lite."""

    def __init__(self, lite: Lite, authenticator: Authenticator) -> None:
        self._lite = lite
        self._auth = authenticator
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="read")
        self._writers = ThreadPoolExecutor(WRITERS, thread_name_prefix="write")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        headers = {
            key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]
        }
        try:
            answer = await self._answer(scope["method"], scope["path"], headers, receive)
        except _HungUp:
            return
        await send(
            {
                "type": "http.response.start",
                "status": answer.status,
                "headers": [
                    (b"content-type", answer.content_type.encode()),
                    (b"content-length", str(len(answer.body)).encode()),
                    (b"x-content-type-options", b"nosniff"),
                    *((k.encode(), v.encode()) for k, v in self._cross_origin().items()),
                    *((k.encode(), v.encode()) for k, v in answer.headers.items()),
                ],
            }
        )
        await send({"type": "http.response.body", "body": answer.body})

    def _cross_origin(self) -> dict[str, str]:
        """Milvus lets every web page read its answers. Without a token that would hand the data
        of this machine to any page its user visits, so then the header is left out."""
        if not self._auth.enabled:
            return {}
        return {
            "access-control-allow-origin": "*",
            "access-control-allow-headers": (
                "Content-Type, Content-Length, Accept-Encoding, X-CSRF-Token, Authorization, "
                "accept, origin, Cache-Control, X-Requested-With"
            ),
            "access-control-allow-methods": "POST, OPTIONS, GET, PUT",
        }

    async def _answer(
        self, method: str, path: str, headers: dict[str, str], receive: Receive
    ) -> Answer:
        if method == "OPTIONS":
            return plain(204, "")
        verdict = self._auth.check(headers.get("authorization"))
        if not verdict.admitted:
            return failure(MilvusError(NOT_AUTHENTICATED, "user hasn't authenticated"), 401)
        answer = await self._routed(method, path, headers, receive)
        if verdict.basic:
            answer.headers["www-authenticate"] = 'Basic realm="Authorization Required"'
        return answer

    async def _routed(
        self, method: str, path: str, headers: dict[str, str], receive: Receive
    ) -> Answer:
        route = _route(path) if method == "POST" else None
        if route is None:
            if method == "POST" and path.endswith("/") and _route(path[:-1]):
                return plain(307, "", {"location": path[:-1]})
            return plain(404, "404 page not found")
        try:
            seconds = timeout_seconds(headers.get("request-timeout"))
            raw = await asyncio.wait_for(_body(headers, receive), max(seconds, SECONDS_FOR_BODY))
            pool = self._writers if route.writes else self._readers
            work = asyncio.get_running_loop().run_in_executor(
                pool, self._handled, route, raw, headers
            )
            # The shield leaves the thread running when the time is up.
            return await asyncio.wait_for(asyncio.shield(work), seconds)
        except MilvusError as error:
            return failure(error)
        except TimeoutError:
            return failure(MilvusError(TIMEOUT, "request timeout"), 408)

    def _handled(self, route: Route, raw: bytes, headers: dict[str, str]) -> Answer:
        """Decode and handle, in a thread. Whatever goes wrong becomes an answer."""
        try:
            body = decode(route.request_type, raw)
            allowed = go_bool(headers.get("accept-type-allow-int64"))
            call = Call(
                lite=self._lite,
                body=body,
                database=body.get("dbName") or headers.get("db-name") or databases.DEFAULT,
                int64_as_text=allowed is False,
            )
            return route.handler(call)
        except MilvusError as error:
            return failure(error)
        except Exception as error:
            log.exception("unexpected error in %s", route.handler.__qualname__)
            reason = (str(error).splitlines() or [""])[0]
            return failure(MilvusError(UNEXPECTED, f"{type(error).__name__}: {reason}"))

    def close(self) -> None:
        """Take no more work."""
        self._readers.shutdown(wait=False, cancel_futures=True)
        self._writers.shutdown(wait=False, cancel_futures=True)


def _route(path: str) -> Route | None:
    return ROUTES.get(path.removeprefix(PREFIX)) if path.startswith(PREFIX) else None


async def _body(headers: dict[str, str], receive: Receive) -> bytes:
    too_long = MilvusError(PARAMETER_TOO_LARGE, f"request body is larger than {MAX_BODY} bytes")
    if int(headers.get("content-length", 0)) > MAX_BODY:
        raise too_long
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _HungUp
        part = message.get("body", b"")
        size += len(part)
        if size > MAX_BODY:
            raise too_long
        parts.append(part)
        if not message.get("more_body"):
            return b"".join(parts)
