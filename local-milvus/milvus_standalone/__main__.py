"""The process: `python -m milvus_standalone --engine DIR --data-dir DIR`.

It holds the engine as its child, and ends it however it ends itself. The password comes from the
environment, never from the command line, where every local user could read it. The one line on
stdout says that a query has been answered.
"""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import importlib.metadata
import json
import os
import shutil
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from . import configuration, network
from .api import ROOT, Api, NotYet
from .engine import Engine

TOKEN_VARIABLE = "MILVUS_STANDALONE_TOKEN"
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_FOLDER_IN_USE = 4

# The file that marks a folder as this server's, and is locked while it runs.
MARK = "standalone.lock"
# A new folder takes 150 MB at once, and Milvus writes its logs ahead.
FREE_BYTES = 512 << 20
# A folder that was used takes half a minute to be read again, more with more rows in it.
SECONDS_TO_START = 180
SECONDS_BETWEEN_LOOKS = 0.1


class Failed(Exception):
    """A sentence for stderr."""

    def __init__(self, words: str, code: int = EXIT_FAILED) -> None:
        super().__init__(words)
        self.code = code


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m milvus_standalone",
        description="A full Milvus 2.3.5 with REST API v1.",
        epilog=f"The token (root:password) is read from {TOKEN_VARIABLE}; "
        "without it, authorization is off.",
    )
    parser.add_argument("--engine", required=True, type=Path, help="folder of the unpacked engine")
    parser.add_argument("--data-dir", required=True, type=Path, help="folder of the data")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 finds a free one")
    parser.add_argument(
        "--shared-network",
        action="store_true",
        help="do not try to keep the engine's own ports off the network",
    )
    parser.add_argument("--ephemeral", action="store_true", help="remove the folder at the end")
    parser.add_argument(
        "--stop-on-stdin-close",
        action="store_true",
        help="stop at the end of stdin, so that a killed parent leaves nothing behind",
    )
    return parser.parse_args()


def _password() -> str | None:
    token = os.environ.pop(TOKEN_VARIABLE, None)
    if not token:
        return None
    user, colon, password = token.partition(":")
    # Bounds: Milvus 2.3.5, `proxy.minPasswordLength` and `proxy.maxPasswordLength`.
    if user != ROOT or not colon or not 6 <= len(password.encode()) <= 256:
        raise Failed(
            f"{TOKEN_VARIABLE} must have the form {ROOT}:password, with a password of 6 to 256 "
            "bytes.",
            EXIT_USAGE,
        )
    return password


def _take(folder: Path) -> int:
    """Make the folder, or take one that is this server's, for this process alone."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        mark = folder / MARK
        if any(folder.iterdir()) and not mark.exists():
            raise Failed(f"The folder {folder} holds something else than a standalone Milvus.")
        lock = os.open(mark, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise Failed(f"The folder {folder} cannot be used: {error.strerror}.") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise Failed(
            f"The folder {folder} is in use by another standalone Milvus.", EXIT_FOLDER_IN_USE
        ) from None
    if free < FREE_BYTES:
        raise Failed(
            f"The disk of {folder} has {free >> 20} MB free; Milvus needs {FREE_BYTES >> 20} MB."
        )
    return lock


def _await_ready(engine: Engine, api: Api, password: str | None, stopping: threading.Event) -> None:
    """Wait until the password is the one that was asked for, and what is loaded answers."""
    until = time.monotonic() + SECONDS_TO_START

    def wait() -> None:
        if (how := engine.ended()) is not None:
            raise Failed(f"Milvus ended while it started: {how}. {engine.last_words()}".rstrip())
        if time.monotonic() > until:
            raise Failed(f"Milvus was not ready within {SECONDS_TO_START} s.")
        if stopping.wait(SECONDS_BETWEEN_LOOKS):
            raise Failed("It was stopped before it was ready.")

    admitted = False
    while True:
        try:
            admitted = admitted or api.admits()
            if not admitted:
                if not api.replace_first_password():
                    raise Failed("The user root has another password in this folder.")
                admitted = True
            api.await_queries(wait)
            return
        except NotYet:
            wait()


async def _serve(
    options: argparse.Namespace,
    password: str | None,
    listener: socket.socket,
    isolated: bool,
    engine: Engine,
    out: int,
) -> None:
    loop = asyncio.get_running_loop()
    asked = asyncio.Event()
    stopping = threading.Event()

    def stop() -> None:
        asked.set()
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, stop)
    if options.stop_on_stdin_close:
        _watch_stdin(loop, stop)
    api = Api(engine.ports.proxy, password)
    ready = asyncio.ensure_future(asyncio.to_thread(_await_ready, engine, api, password, stopping))
    stopped = asyncio.ensure_future(asked.wait())
    await asyncio.wait([ready, stopped], return_when=asyncio.FIRST_COMPLETED)
    if asked.is_set():
        ready.add_done_callback(lambda task: task.cancelled() or task.exception())
        return
    ready.result()
    server = await network.relay(listener, engine.ports.proxy)
    line = {
        "uri": f"http://127.0.0.1:{listener.getsockname()[1]}",
        "port": listener.getsockname()[1],
        "pid": os.getpid(),
        "engine_pid": engine.pid,
        "data_dir": os.path.abspath(options.data_dir),
        "milvus": importlib.metadata.version("milvus"),
        "isolated": isolated,
    }
    os.write(out, json.dumps(line, ensure_ascii=False).encode() + b"\n")
    while not asked.is_set():
        try:
            await asyncio.wait_for(asyncio.shield(stopped), SECONDS_BETWEEN_LOOKS)
        except TimeoutError:
            if (how := engine.ended()) is not None:
                words = f"Milvus ended: {how}. {engine.last_words()}"
                raise Failed(words.rstrip()) from None
    server.close()


def _watch_stdin(loop: asyncio.AbstractEventLoop, stop: Callable[[], None]) -> None:
    def watch() -> None:
        try:
            while os.read(0, 4096):
                pass
        except OSError:
            pass
        loop.call_soon_threadsafe(stop)

    threading.Thread(target=watch, daemon=True, name="stdin").start()


def _run(options: argparse.Namespace, out: int) -> None:
    password = _password()
    # Made before the namespaces change: it stays where people are.
    listener = network.listen("127.0.0.1", options.port)
    folder: Path = options.data_dir
    lock = _take(folder)
    try:
        isolated = not options.shared_network and network.isolate()
        slots = configuration.port_slots(options.engine)
        ports = configuration.assign(options.engine, network.free_ports(len(slots) + 2))
        unpacked, folder = options.engine.resolve(), folder.resolve()
        configs = configuration.write(unpacked, folder, ports, authorization=password is not None)
        engine = Engine(unpacked, folder, configs, ports, isolated=isolated)
        try:
            asyncio.run(_serve(options, password, listener, isolated, engine, out))
        finally:
            engine.stop()
    finally:
        os.close(lock)
        if options.ephemeral:
            shutil.rmtree(folder, ignore_errors=True)


def main() -> int:
    """Run until told to stop; the return value is the exit code."""
    options = _arguments()
    # Stdout is for the one line: what a library prints goes to stderr.
    out = os.dup(1)
    os.dup2(2, 1)
    try:
        _run(options, out)
    except Failed as failed:
        print(failed, file=sys.stderr)
        return failed.code
    return 0


if __name__ == "__main__":
    code = main()
    sys.stderr.flush()
    # A thread may still wait for an answer; nothing of it is needed any more.
    os._exit(code)
