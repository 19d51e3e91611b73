"""The one port: HTTP/1.1 to the REST application, HTTP/2 with prior knowledge to gRPC, as Milvus.

A connection's first bytes decide. A gRPC client begins with HTTP/2's connection preface, and from
then on its bytes are passed untouched, both ways, to the gRPC server in this process. Everything
else is uvicorn's.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

if TYPE_CHECKING:
    from ..rpc.server import GrpcServer

log = logging.getLogger(__name__)

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SECONDS_FOR_HEADERS = 5.0
"""For the first bytes, and for a request's headers (`proxy.http.readHeaderTimeout`, Milvus 2.6)."""


class Stopping(Exception):
    """There is no gRPC server any more."""


class Upstream:
    """The gRPC server, started by its first client: without one it costs nothing."""

    def __init__(self, start: Callable[[], GrpcServer]) -> None:
        self._start = start
        self._starting: asyncio.Future[GrpcServer] | None = None
        self._stopped = False

    async def address(self) -> str:
        """The name of the server's Unix socket. Stopping once it is stopped."""
        if self._stopped:
            raise Stopping
        if self._starting is None:
            self._starting = asyncio.ensure_future(asyncio.to_thread(self._start))
        starting = self._starting
        try:
            return (await asyncio.shield(starting)).address
        except Exception:
            if self._starting is starting:
                self._starting = None  # The next client tries again.
            raise

    def stop(self, seconds: float) -> None:
        """Take no more calls; those under way have `seconds` to end. Returns at once."""
        self._stopped = True

        def end(started: asyncio.Future[GrpcServer]) -> None:
            if not started.cancelled() and started.exception() is None:
                started.result().stop(seconds)

        if self._starting is not None:
            self._starting.add_done_callback(end)


class Front(asyncio.Protocol):
    """One connection of which it is not known yet what it speaks.

    The arguments after `upstream` are what uvicorn gives to its protocol classes."""

    def __init__(
        self,
        upstream: Upstream,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._upstream = upstream
        self._state = server_state
        self._loop = _loop or asyncio.get_running_loop()
        self._http = lambda: _Http(config, server_state, app_state, self._loop)
        self._seen = b""
        self._deadline: asyncio.TimerHandle | None = None
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._state.connections.add(self)  # type: ignore[arg-type]
        self._deadline = self._loop.call_later(SECONDS_FOR_HEADERS, transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        self._done()

    def _done(self) -> None:
        self._state.connections.discard(self)  # type: ignore[arg-type]
        if self._deadline is not None:
            self._deadline.cancel()

    def data_received(self, data: bytes) -> None:
        assert self.transport is not None
        self._seen += data
        if self._seen.startswith(PREFACE):
            self._hand_over(client := _Client(self._state))
            task = self._loop.create_task(client.connect(self._upstream, self._seen))
            self._state.tasks.add(task)
            task.add_done_callback(self._state.tasks.discard)
        elif not PREFACE.startswith(self._seen):
            self._hand_over(http := self._http())
            http.data_received(self._seen)

    def _hand_over(self, protocol: asyncio.Protocol) -> None:
        assert self.transport is not None
        self._done()
        self.transport.set_protocol(protocol)
        protocol.connection_made(self.transport)

    def shutdown(self) -> None:
        """Called by uvicorn when it stops: nothing was asked yet."""
        assert self.transport is not None
        self.transport.close()


class _Http(H11Protocol):
    """uvicorn's protocol with a limit for the time that a request's headers take."""

    _deadline: asyncio.TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._no_deadline()
        elif self._deadline is None and not self.transport.is_closing():
            self._deadline = self.loop.call_later(SECONDS_FOR_HEADERS, self.transport.close)

    def _unsupported_upgrade_warning(self) -> None:
        """An offer to upgrade may be ignored; curl makes one (`h2c`) with every request."""

    def connection_lost(self, exc: Exception | None) -> None:
        self._no_deadline()
        super().connection_lost(exc)

    def _no_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class _End(asyncio.Protocol):
    """One end of a relayed connection. What arrives goes to `other`, no faster than it takes it."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.other: _End | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.write(data)

    def pause_writing(self) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        other, self.other = self.other, None
        if other is not None and other.transport is not None:
            # An end that waited for this one to take more may read its own end-of-file now.
            other.transport.resume_reading()
            other.transport.close()


class _Client(_End):
    """The end that faces the client."""

    def __init__(self, state: ServerState) -> None:
        super().__init__()
        self._state = state

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._state.connections.add(self)  # type: ignore[arg-type]

    def connection_lost(self, exc: Exception | None) -> None:
        self._state.connections.discard(self)  # type: ignore[arg-type]
        super().connection_lost(exc)

    def eof_received(self) -> bool:
        """Pass the half-close on: answers may still come. TLS has none; there the transport closes
        by itself. When the server ends its side, both ends close."""
        if self.other is None or self.other.transport is None:
            return False
        if not self.other.transport.is_closing():
            self.other.transport.write_eof()
        return self.transport is not None and self.transport.can_write_eof()

    def shutdown(self) -> None:
        """Called by uvicorn when it stops: the gRPC server ends its calls and then closes."""

    async def connect(self, upstream: Upstream, seen: bytes) -> None:
        """Open the other end and pass on what came before it was open."""
        assert self.transport is not None
        self.transport.pause_reading()
        try:
            address = await upstream.address()
            _, server = await asyncio.get_running_loop().create_unix_connection(_End, address)
        except Stopping:
            self.transport.close()
            return
        except Exception as error:
            log.error("the gRPC server cannot be reached: %s: %s", type(error).__name__, error)
            self.transport.close()
            return
        assert server.transport is not None
        if self.transport.is_closing():
            server.transport.close()
            return
        self.other, server.other = server, self
        server.transport.write(seen)
        self.transport.resume_reading()
