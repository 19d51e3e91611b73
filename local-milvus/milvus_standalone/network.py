"""Keeps the engine off the network, and lets in who comes to one port of the loopback.

Milvus 2.3.5 listens on every address of the machine with each of its nine ports, and no setting
changes that: `proxy.ip` and its like are what a component tells the others. A network namespace of
its own has no address but its own loopback. There it also cannot meet another Milvus.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import errno
import fcntl
import os
import random
import socket
import struct
import sys

EXIT_PORT_TAKEN = 3

_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_SIOCSIFFLAGS = 0x8914
_IFF_UP = 1
# Below Linux's ports for outgoing connections (32768 and up), which the engine's own would take.
_FIRST_PORT, _LAST_PORT = 10_000, 32_000
_CHUNK = 1 << 16


def listen(host: str, port: int) -> socket.socket:
    """A bound socket: the port is ours before anybody hears of it."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            reason = "is taken by another program"
        else:
            reason = f"cannot be used: {error.strerror}"
        print(f"Port {port} on {host} {reason}.", file=sys.stderr)
        raise SystemExit(EXIT_PORT_TAKEN) from None
    return listener


def isolate() -> bool:
    """Move this process into a new network namespace with a loopback; whether that is allowed.

    Sockets that are open stay where they were made. To be called before any thread starts.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    user, group = os.getuid(), os.getgid()
    if libc.unshare(_CLONE_NEWNET) != 0:
        # Who may not do that may do it as the owner of a user namespace, where those are allowed.
        if libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) != 0:
            return False
        with contextlib.suppress(OSError):
            _write("/proc/self/setgroups", "deny")
            _write("/proc/self/uid_map", f"{user} {user} 1")
            _write("/proc/self/gid_map", f"{group} {group} 1")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", _IFF_UP))
    return True


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def free_ports(count: int) -> list[int]:
    """Ports that nothing listens at, in this process' namespace."""
    candidates = random.sample(range(_FIRST_PORT, _LAST_PORT), 50 * count)
    with contextlib.ExitStack() as held:
        ports: list[int] = []
        for port in candidates:
            probe = held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
            with contextlib.suppress(OSError):
                probe.bind(("", port))
                ports.append(port)
            if len(ports) == count:
                return ports
    raise RuntimeError(f"there are no {count} free ports from {_FIRST_PORT} to {_LAST_PORT}")


async def relay(listener: socket.socket, port: int) -> asyncio.Server:
    """Pass every connection on to `port` of the loopback, byte for byte."""

    # The loop itself keeps no hold of a task, which then may vanish with its connection.
    serving: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(serve(reader, writer))
        serving.add(task)
        task.add_done_callback(serving.discard)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            engine_reader, engine_writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            writer.close()
            return
        try:
            await asyncio.gather(_pump(reader, engine_writer), _pump(engine_reader, writer))
        except OSError:
            # One side broke off: so does the other.
            for side in (writer, engine_writer):
                side.transport.abort()
        finally:
            writer.close()
            engine_writer.close()

    return await asyncio.start_server(accept, sock=listener, backlog=512)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(_CHUNK):
        writer.write(chunk)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
