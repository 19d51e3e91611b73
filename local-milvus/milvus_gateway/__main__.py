"""The process: `python -m milvus_gateway --data-dir DIR`.

The token comes from the environment, never from the command line, where every local user could
read it. The one line on stdout says that the gateway has answered a real request.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import errno
import functools
import json
import logging
import os
import shutil
import signal
import socket
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from http.client import HTTPConnection, HTTPSConnection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ssl import SSLContext

    from .rpc.server import GrpcServer

TOKEN_VARIABLE = "MILVUS_GATEWAY_TOKEN"
# The file by which `milvus_standalone` knows its folder.
STANDALONES_MARK = "standalone.lock"
EXIT_USAGE = 2
EXIT_PORT_TAKEN = 3
EXIT_FOLDER_IN_USE = 4
# Whatever was acknowledged is in Lite's log already, so an unfinished close loses nothing.
SECONDS_FOR_REQUESTS = 0.25
SECONDS_FOR_CLOSING = 0.4
SECONDS_IDLE = 300
"""How long a connection is kept open between requests (`proxy.http.idleTimeout`, Milvus 2.6)."""


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m milvus_gateway",
        description="Milvus' REST API v2 and gRPC over Milvus Lite, on one port.",
        epilog=f"The token (user:password) is read from {TOKEN_VARIABLE}; "
        "without it, authentication is off.",
    )
    parser.add_argument("--data-dir", required=True, help="folder of the data, made if missing")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument(
        "--port", type=int, default=0, help="port; 0, the default, finds a free one"
    )
    parser.add_argument("--tls-cert", metavar="FILE", help="certificate chain in PEM: serve TLS")
    parser.add_argument("--tls-key", metavar="FILE", help="the certificate's key in PEM")
    parser.add_argument(
        "--ephemeral",
        action="store_true",
        help="remove the folder at the end, if it was new or empty at the start",
    )
    parser.add_argument(
        "--stop-on-stdin-close",
        action="store_true",
        help="stop at the end of stdin, so that a killed parent leaves nothing behind",
    )
    parser.add_argument(
        "--log-level",
        default="warning",
        choices=["debug", "info", "warning", "error"],
        help="what goes to stderr (%(default)s)",
    )
    options = parser.parse_args()
    if bool(options.tls_cert) != bool(options.tls_key):
        parser.error("--tls-cert and --tls-key need each other")
    return options


def _listen(host: str, port: int) -> socket.socket:
    """A bound socket: the port is ours before anybody hears of it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sends small answers at once (TCP_NODELAY) only if the socket names its protocol.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(512)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            reason = "is taken by another program"
        else:
            reason = f"cannot be used: {error.strerror}"
        print(f"Port {port} on {host} {reason}.", file=sys.stderr)
        raise SystemExit(EXIT_PORT_TAKEN) from None
    return listener


def _ask_once(host: str, port: int, token: str | None, certificate: str | None) -> None:
    """A real request through the real socket; with TLS only if it shows our certificate."""
    connection = HTTPConnection(host, port, timeout=10)
    if certificate:
        from .front.tls import own_certificate, pinned_client_context

        secure = HTTPSConnection(host, port, timeout=10, context=pinned_client_context())
        secure.connect()
        if secure.sock.getpeercert(binary_form=True) != own_certificate(certificate):
            raise RuntimeError(f"port {port} shows another certificate than {certificate}")
        connection = secure
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    connection.request("POST", "/v2/vectordb/collections/list", b"{}", headers)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    if answer.status != 200:
        raise RuntimeError(f"the gateway answered itself {answer.status}: {body[:200]!r}")


async def _serve(
    options: argparse.Namespace,
    token: str | None,
    listener: socket.socket,
    tls: SSLContext | None,
    out: int,
) -> None:
    # Imported late: the port and the folder are settled before the engine's heavy imports.
    import uvicorn
    from milvus_lite import __version__ as lite_version

    from .engine.lite import Lite
    from .front.app import Gateway
    from .front.port import Front, Upstream
    from .wire.auth import Authenticator

    class Server(uvicorn.Server):
        """Leaves the signals to this module: uvicorn would raise them again at its end."""

        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield

    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        try:
            loop.add_signal_handler(number, stopping.set)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stopping.set))
    if options.stop_on_stdin_close:
        _watch_stdin(loop, stopping.set)

    def opened() -> Lite:
        lite = Lite(options.data_dir)
        lite.load_again()
        return lite

    # In a thread, so that a long load can be stopped too.
    opening = asyncio.ensure_future(asyncio.to_thread(opened))
    asked_to_stop = asyncio.ensure_future(stopping.wait())
    await asyncio.wait([opening, asked_to_stop], return_when=asyncio.FIRST_COMPLETED)
    if not opening.done():
        return
    lite = opening.result()
    authenticator = Authenticator(token)
    gateway = Gateway(lite, authenticator)

    def start_grpc() -> GrpcServer:
        from .rpc.server import GrpcServer

        return GrpcServer(lite, authenticator, options.data_dir)

    grpc = Upstream(start_grpc)
    config = uvicorn.Config(
        gateway,
        loop="asyncio",
        http=functools.partial(Front, grpc),  # type: ignore[arg-type]
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        timeout_keep_alive=SECONDS_IDLE,
        timeout_graceful_shutdown=1,
        ssl_context_factory=(lambda _config, _default: tls) if tls else None,
    )
    server = Server(config)

    def abandon() -> None:
        """What has not ended by now is cut off; it was not acknowledged."""
        server.force_exit = True
        for connection in list(server.server_state.connections):
            connection.transport.abort()

    def stop(_: object) -> None:
        server.should_exit = True
        grpc.stop(SECONDS_FOR_REQUESTS)
        loop.call_later(SECONDS_FOR_REQUESTS, abandon)

    asked_to_stop.add_done_callback(stop)
    address = listener.getsockname()
    serving = asyncio.create_task(server.serve([listener]))
    while not server.started and not serving.done():
        await asyncio.sleep(0.005)
    port = address[1]
    host = address[0] if address[0] not in ("0.0.0.0", "::") else "127.0.0.1"
    if not server.should_exit:
        try:
            await asyncio.to_thread(_ask_once, host, port, token, options.tls_cert)
        except Exception:
            if not server.should_exit:
                raise
    if not server.should_exit:
        line = {
            "uri": f"{'https' if tls else 'http'}://{f'[{host}]' if ':' in host else host}:{port}",
            "port": port,
            "pid": os.getpid(),
            "data_dir": os.path.abspath(options.data_dir),
            "milvus_lite": lite_version,
        }
        os.write(out, json.dumps(line, ensure_ascii=False).encode() + b"\n")
    await serving
    gateway.close()
    closing = threading.Thread(target=lite.close, daemon=True)
    closing.start()
    closing.join(SECONDS_FOR_CLOSING)


def _watch_stdin(loop: asyncio.AbstractEventLoop, stop: Callable[[], None]) -> None:
    def watch() -> None:
        try:
            while os.read(0, 4096):
                pass
        except OSError:
            pass
        loop.call_soon_threadsafe(stop)

    threading.Thread(target=watch, daemon=True, name="stdin").start()


def main() -> int:
    """Run until told to stop; the return value is the exit code."""
    options = _arguments()
    logging.basicConfig(
        stream=sys.stderr,
        level=options.log_level.upper(),
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    # Numbers near the end of float32 overflow in a distance: that is an answer, and no news.
    warnings.filterwarnings("ignore", "(overflow|invalid value) encountered", RuntimeWarning)
    token = os.environ.pop(TOKEN_VARIABLE, None) or None
    if token is not None and ":" not in token:
        print(f"{TOKEN_VARIABLE} must have the form user:password.", file=sys.stderr)
        return EXIT_USAGE
    tls = None
    if options.tls_cert:
        from .front.tls import TlsError, server_context

        try:
            tls = server_context(options.tls_cert, options.tls_key)
        except TlsError as error:
            print(f"TLS cannot be served: {error}.", file=sys.stderr)
            return EXIT_USAGE
    # Stdout is for the one line: what a library prints goes to stderr.
    out = os.dup(1)
    os.dup2(2, 1)
    listener = _listen(options.host, options.port)
    folder = options.data_dir
    ours = not os.path.isdir(folder) or not os.listdir(folder)
    if os.path.exists(os.path.join(folder, STANDALONES_MARK)):
        print(f"The folder {folder} is a standalone Milvus'.", file=sys.stderr)
        return 1
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
    except OSError as error:
        print(f"The folder {folder} cannot be made: {error.strerror}.", file=sys.stderr)
        return 1
    try:
        asyncio.run(_serve(options, token, listener, tls, out))
    except Exception as error:
        if type(error).__name__ == "DataDirLockedError":
            print(f"The folder {folder} is in use by another Milvus Lite.", file=sys.stderr)
            return EXIT_FOLDER_IN_USE
        logging.getLogger("milvus_gateway").exception("the gateway failed")
        return 1
    if options.ephemeral and ours:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    code = main()
    sys.stderr.flush()
    # A thread may be deep inside the engine; nothing of it is needed any more.
    os._exit(code)
