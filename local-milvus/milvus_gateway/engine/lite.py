"""Milvus Lite's engine, opened in this process, and the catalogue beside it.

REST and gRPC both use it through `milvus_lite`'s own Python interface. Lite's own gRPC server would
be a second way in, past the token, past the locks and past the catalogue.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

from milvus_lite.db import SCHEMA_FILENAME, MilvusLite
from milvus_lite.engine.collection import Collection as LiteCollection
from milvus_lite.exceptions import (
    CollectionNotFoundError,
    CollectionNotLoadedError,
    DatabaseNotFoundError,
    MilvusLiteError,
    PartitionNotFoundError,
)
from milvus_lite.schema.persistence import load_schema, save_schema

from ..wire.errors import (
    MilvusError,
    bad_parameter,
    cannot_find_collection,
    collection_not_loaded,
    database_not_found,
    partition_not_found,
)
from . import chinese, schema, storage, storing
from .catalogue import Catalogue, Collection
from .expiry import Expiry
from .locks import Locks

log = logging.getLogger(__name__)

# From here on a flush before a read costs less than the read would cost without it: rows in the
# memory table are searched one by one, and about thirty times slower than flushed ones.
UNFLUSHED_ROWS_WORTH_A_FLUSH = 1000


class Lite:
    """One open data folder."""

    def __init__(self, folder: str) -> None:
        chinese.install()
        self.engine = MilvusLite(folder)
        self.catalogue = Catalogue(folder)
        self.locks = Locks()
        self.expiry = Expiry()
        # Compactions by hand: their ids, and how many partitions each went over.
        self.compactions: dict[int, int] = {}
        self._unflushed: dict[int, int] = {}
        self._sealed: dict[int, int] = {}

    def close(self) -> None:
        """Flush and close every collection and let go of the folder's lock."""
        self.engine.close()

    def load_again(self) -> None:
        """Load what was loaded before: Lite comes back with every collection released."""
        present = {}
        for database in self.engine.list_databases():
            self.catalogue.database_id(database)
            present[database] = self.engine.list_collections(database_name=database)
            for name in present[database]:
                item = self._adopt(database, name)
                engine = self.engine.get_collection(name, database_name=database)
                self._sealed[item.id] = engine._next_seq - 1
                if item.loaded:
                    engine.load()
        self.catalogue.keep(present)
        self.catalogue.save()

    def _adopt(self, database: str, name: str) -> Collection:
        item = self.catalogue.get(database, name)
        folder = self.engine._collection_dir(name, database)
        _, stored = load_schema(os.path.join(folder, SCHEMA_FILENAME))
        known = item is not None and schema.describes(item, stored)
        if item is not None and known:
            storage.finish_columns(folder, item)
        engine = self.engine.get_collection(name, database_name=database)
        if item is None or not known:
            # Another program made it, perhaps in the place of one that the gateway had made.
            item = schema.from_lite(engine, self.catalogue.next_ids(1))
            self.catalogue.put(database, item)
        self._settle_indexes(item, engine)
        return item

    @staticmethod
    def _settle_indexes(item: Collection, engine: LiteCollection) -> None:
        """The catalogue is written after the engine: a kill between the two leaves them apart, and
        another program may have made or dropped an index. Only vector indexes are always Lite's."""
        built = schema.indexes_of(engine)
        vectors = {field.name for field in item.vectors}
        kept = [
            index
            for index in item.indexes
            if index.field not in vectors or any(each.field == index.field for each in built)
        ]
        item.indexes = kept + [
            index for index in built if all(each.field != index.field for each in kept)
        ]

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
            item, engine = self.find(database, name, missing)
            try:
                yield item, engine
            finally:
                # Asked for anew: a truncate put another object into its place.
                now = self.engine.get_collection(item.name, database_name=database)
                self.expiry.wrote(item, now)

    @contextmanager
    def reopening(self, database: str, item: Collection) -> Iterator[str]:
        """The collection's folder, flushed and with no writer; read anew when the block ends.

        With the write lock held. Readers go on with the closed object, which has all in memory,
        until the new one takes its place."""
        engine = self.engine.get_collection(item.name, database_name=database)
        engine.close()
        try:
            yield engine.data_dir
        finally:
            _, stored = load_schema(os.path.join(engine.data_dir, SCHEMA_FILENAME))
            fresh = LiteCollection(
                item.name,
                engine.data_dir,
                stored,
                database_properties=self.engine._database_properties(database),
            )
            if item.loaded:
                fresh.load()
            else:
                fresh.release()
            self.engine._collections[(database, item.name)] = fresh
            self._unflushed.pop(item.id, None)

    def move(self, database: str, item: Collection, target: str, name: str) -> None:
        """Give a collection another name, another database, or both. Lite itself renames within a
        database only. With the catalogue's and the write lock held."""
        old = item.name
        engine = self.engine.get_collection(old, database_name=database)
        self.catalogue.remove(database, old)  # From here on readers do not find it.
        try:
            if target == database:
                self.engine.rename_collection(old, name, database_name=database)
            else:
                engine.close()
                del self.engine._collections[(database, old)]
                folder = self.engine._collection_dir(name, target)
                os.makedirs(os.path.dirname(folder), exist_ok=True)
                os.rename(engine.data_dir, folder)
                save_schema(engine.schema, name, os.path.join(folder, SCHEMA_FILENAME))
            item.name, database = name, target
        finally:
            self.catalogue.put(database, item)
            self.catalogue.save()
            self.reset_unflushed(item)
            moved = self.engine.get_collection(item.name, database_name=database)
            if item.loaded:
                moved.load()

    # ── flushing ────────────────────────────────────────────────

    def wrote(self, item: Collection, rows: int) -> None:
        """Count rows that are in the memory table only. Call with the write lock held."""
        self._unflushed[item.id] = self._unflushed.get(item.id, 0) + rows

    def flush(self, item: Collection, engine: LiteCollection) -> None:
        """Flush. Call with the write lock held."""
        storing.flush(engine)
        self._unflushed[item.id] = 0

    def seal(self, item: Collection, engine: LiteCollection) -> None:
        """Flush because a client asked for it: from then on these rows are no growing ones, as
        Milvus calls what `ignoreGrowing` leaves out. With the write lock held."""
        self.flush(item, engine)
        self._sealed[item.id] = engine._next_seq - 1

    def sealed(self, item: Collection) -> int:
        """The number that Lite gave to the last row that is not growing; 0 if all are."""
        return self._sealed.get(item.id, 0)

    def flush_if_worth_it(self, database: str, item: Collection) -> None:
        """Before a read: flush when many rows wait in the memory table."""
        self.expire_if_due(database, item)
        if self._unflushed.get(item.id, 0) < UNFLUSHED_ROWS_WORTH_A_FLUSH:
            return
        with self.writing(database, item.name) as (again, engine):
            if self._unflushed.get(again.id, 0) >= UNFLUSHED_ROWS_WORTH_A_FLUSH:
                self.flush(again, engine)

    def expire_if_due(self, database: str, item: Collection) -> None:
        """Before a read: delete the rows whose time to live is over."""
        if self.expiry.due(*self.find(database, item.name)):
            with self.writing(database, item.name) as (again, engine):
                self.expiry.remove(again, engine)

    def forget(self, item: Collection) -> None:
        """A collection is gone: its lock and its counter go too."""
        self.expiry.forget(item)
        self._unflushed.pop(item.id, None)
        self._sealed.pop(item.id, None)
        self.locks.forget(item.id)

    def reset_unflushed(self, item: Collection) -> None:
        """After a truncate or a move."""
        self.expiry.forget(item)
        self._unflushed.pop(item.id, None)
        self._sealed.pop(item.id, None)


@contextmanager
def speaking_milvus(item: Collection | None = None) -> Iterator[None]:
    """Turn what Lite's engine raises into what Milvus answers."""
    try:
        yield
    except PartitionNotFoundError as error:
        raise partition_not_found(str(error).strip("'\"")) from None
    except CollectionNotLoadedError:
        raise collection_not_loaded("query", item.id if item else 0) from None
    except DatabaseNotFoundError as error:
        raise database_not_found(str(error)) from None
    except MilvusLiteError as error:
        raise bad_parameter(str(error)) from None
