"""Folders of the engine's own in place of the machine's, so that it leaves nothing there."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable
from pathlib import Path

_CLONE_NEWNS = 0x00020000
_MS_BIND = 1 << 12
_MS_REC = 1 << 14
_MS_PRIVATE = 1 << 18
_MS_NOSUID_NODEV = 2 | 4


def private(folders: Iterable[str], but: Iterable[Path]) -> None:
    """Put an empty folder in memory in place of each of `folders`, for this process and its own.

    `but`: folders, without links in their paths, that stay reachable where they are.
    """
    libc = ctypes.CDLL(None, use_errno=True)

    def check(result: int) -> None:
        if result != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))

    check(libc.unshare(_CLONE_NEWNS))
    check(libc.mount(None, b"/", None, ctypes.c_ulong(_MS_REC | _MS_PRIVATE), None))
    # Opened after that: a mount of another namespace cannot be bound.
    kept = {path: os.open(path, os.O_PATH | os.O_DIRECTORY) for path in but}
    for folder in folders:
        flags = ctypes.c_ulong(_MS_NOSUID_NODEV)
        check(libc.mount(b"tmpfs", folder.encode(), b"tmpfs", flags, b"mode=1777,size=64m"))
        for path, handle in kept.items():
            if path.is_relative_to(folder):
                path.mkdir(parents=True)
                source = f"/proc/self/fd/{handle}".encode()
                flags = ctypes.c_ulong(_MS_BIND | _MS_REC)
                check(libc.mount(source, os.fsencode(path), None, flags, None))
    for handle in kept.values():
        os.close(handle)
