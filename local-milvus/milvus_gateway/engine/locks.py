"""One writer per collection, and one change of the catalogue at a time.

Milvus Lite's engine is built for a single writer: with parallel writes, or a flush beside one,
acknowledged rows were lost. Locks are held inside worker threads for the length of one engine
call, so a client that hangs up cannot leave one behind.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Locks:
    """The locks of one data folder."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._collections: dict[int, threading.RLock] = {}
        self._catalogue = threading.RLock()

    @contextmanager
    def writing(self, collection_id: int) -> Iterator[None]:
        """Held for insert, upsert, delete, flush, truncate and whatever changes the engine."""
        with self._guard:
            lock = self._collections.setdefault(collection_id, threading.RLock())
        with lock:
            yield

    @contextmanager
    def catalogue(self) -> Iterator[None]:
        """Held while collections, aliases, indexes or databases come, go or change."""
        with self._catalogue:
            yield

    def forget(self, collection_id: int) -> None:
        """Let go of the lock of a dropped collection."""
        with self._guard:
            self._collections.pop(collection_id, None)
