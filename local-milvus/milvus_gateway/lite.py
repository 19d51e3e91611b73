"""Milvus Lite's engine, opened in this process, and the catalogue beside it.

The engine is used through `milvus_lite`'s own Python interface, not through its gRPC server: that
server knows no authentication, and on a loopback port every local program could go round the
token. So there is no second port, no second process, and no value passes through protobuf.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from milvus_lite.db import MilvusLite
from milvus_lite.engine.collection import Collection as LiteCollection
from milvus_lite.exceptions import (
    CollectionNotFoundError,
    CollectionNotLoadedError,
    DatabaseNotFoundError,
    MilvusLiteError,
    PartitionNotFoundError,
)
from milvus_lite.search.assembler import assemble_candidates, materialize_record
from milvus_lite.search.bitmap import build_valid_mask
from milvus_lite.search.filter.exceptions import FilterError

from . import schema
from .catalogue import Catalogue, Collection
from .errors import (
    MilvusError,
    bad_parameter,
    cannot_find_collection,
    collection_not_loaded,
    database_not_found,
    partition_not_found,
)
from .locks import Locks

log = logging.getLogger(__name__)

# From here on a flush before a read costs less than the read would cost without it: rows in the
# memory table are searched one by one, and about thirty times slower than flushed ones.
UNFLUSHED_ROWS_WORTH_A_FLUSH = 1000


class Lite:
    """One open data folder."""

    def __init__(self, folder: str) -> None:
        self.engine = MilvusLite(folder)
        self.catalogue = Catalogue(folder)
        self.locks = Locks()
        self._unflushed: dict[int, int] = {}

    def close(self) -> None:
        """Flush and close every collection and let go of the folder's lock."""
        self.engine.close()

    def load_again(self) -> None:
        """Load what was loaded before: Lite comes back with every collection released."""
        for database in self.engine.list_databases():
            self.catalogue.database_id(database)
            for name in self.engine.list_collections(database_name=database):
                item = self._adopt(database, name)
                if item.loaded:
                    self.engine.get_collection(name, database_name=database).load()
        self.catalogue.save()

    def _adopt(self, database: str, name: str) -> Collection:
        item = self.catalogue.get(database, name)
        if item is None:
            engine = self.engine.get_collection(name, database_name=database)
            item = schema.from_lite(engine, self.catalogue.next_ids(1))
            self.catalogue.put(database, item)
        return item

    # ── finding things ──────────────────────────────────────────

    def require_database(self, name: str) -> None:
        """800 unless the database exists."""
        if name not in self.engine.list_databases():
            raise database_not_found(name)

    def real_name(self, database: str, name: str) -> str:
        """The collection that an alias stands for, or the name itself."""
        return self.engine.resolve_collection_name(name, database_name=database)

    def exists(self, database: str, name: str) -> bool:
        """Whether a collection of just this name, no alias, exists."""
        return self.catalogue.get(database, name) is not None

    def find(
        self, database: str, name: str, missing: MilvusError | None = None
    ) -> tuple[Collection, LiteCollection]:
        """A collection, by name or alias: what is remembered of it, and the engine's object."""
        self.require_database(database)
        real = self.real_name(database, name)
        item = self.catalogue.get(database, real)
        if item is None:
            raise missing or cannot_find_collection(database, name)
        try:
            return item, self.engine.get_collection(real, database_name=database)
        except CollectionNotFoundError:
            raise missing or cannot_find_collection(database, name) from None

    @contextmanager
    def writing(
        self, database: str, name: str, missing: MilvusError | None = None
    ) -> Iterator[tuple[Collection, LiteCollection]]:
        """`find`, with the collection's write lock held. Looked up again under the lock, because
        a truncate or a drop that was waited for replaces the engine's object."""
        item, _ = self.find(database, name, missing)
        with self.locks.writing(item.id):
            yield self.find(database, name, missing)

    # ── flushing ────────────────────────────────────────────────

    def wrote(self, item: Collection, rows: int) -> None:
        """Count rows that are in the memory table only. Call with the write lock held."""
        self._unflushed[item.id] = self._unflushed.get(item.id, 0) + rows

    def flush(self, item: Collection, engine: LiteCollection) -> None:
        """Flush. Call with the write lock held."""
        engine.flush()
        self._unflushed[item.id] = 0

    def flush_if_worth_it(self, database: str, item: Collection) -> None:
        """Before a read: flush when many rows wait in the memory table."""
        if self._unflushed.get(item.id, 0) < UNFLUSHED_ROWS_WORTH_A_FLUSH:
            return
        with self.writing(database, item.name) as (again, engine):
            if self._unflushed.get(again.id, 0) >= UNFLUSHED_ROWS_WORTH_A_FLUSH:
                self.flush(again, engine)

    def forget(self, item: Collection) -> None:
        """A collection is gone: its lock and its counter go too."""
        self._unflushed.pop(item.id, None)
        self.locks.forget(item.id)

    def reset_unflushed(self, item: Collection) -> None:
        """After a truncate."""
        self._unflushed.pop(item.id, None)


@dataclass(frozen=True)
class Matches:
    """Rows that are alive and pass a filter: their keys and vectors, and how to build each."""

    keys: list[Any]
    vectors: np.ndarray
    sources: list[Any]

    def row(self, number: int) -> dict[str, Any]:
        """One whole row as Lite stores it."""
        return materialize_record(self.sources[number])


def matches(
    engine: LiteCollection,
    expression: str | None,
    partitions: list[str] | None,
    vector: str | None = None,
) -> Matches:
    """What a filter matches, without building the rows.

    `engine.query` builds every row it matches, vectors and all, even for its key alone, which is
    ten times the work. These are its own first steps, so the version of Lite is pinned."""
    compiled = engine._compile_filter(expression) if expression else None
    segments, deletions = engine._read_snapshot()
    keys, ages, vectors, sources, passed = assemble_candidates(
        segments=segments,
        memtable=engine._memtable,
        vector_field=vector or engine._vector_name,
        partition_names=partitions,
        filter_compiled=compiled,
        indexed_filter_plan=engine._indexed_filter_plan(compiled),
    )
    if not keys:
        return Matches([], vectors, [])
    alive = build_valid_mask(keys, ages, deletions, filter_mask=passed, memtable=engine._memtable)
    numbers = alive.nonzero()[0]
    return Matches(
        [keys[number] for number in numbers],
        vectors[numbers] if vector else vectors,
        [sources[number] for number in numbers],
    )


def cannot_parse(expression: str, reason: str) -> MilvusError:
    """1100 as the query planner words it (`planparserv2`)."""
    return bad_parameter(
        f"failed to create query plan: cannot parse expression: {expression}, error: {reason}: "
        "invalid parameter"
    )


@contextmanager
def speaking_milvus(item: Collection | None = None, expression: str = "") -> Iterator[None]:
    """Turn what Lite's engine raises into what Milvus answers."""
    try:
        yield
    except FilterError as error:
        first_line = str(error).splitlines()[0] if str(error) else "syntax error"
        raise cannot_parse(expression, first_line) from None
    except OverflowError:
        raise cannot_parse(expression, "an integer is out of the range of int64") from None
    except PartitionNotFoundError as error:
        raise partition_not_found(str(error).strip("'\"")) from None
    except CollectionNotLoadedError:
        raise collection_not_loaded("query", item.id if item else 0) from None
    except DatabaseNotFoundError as error:
        raise database_not_found(str(error)) from None
    except MilvusLiteError as error:
        raise bad_parameter(str(error)) from None
