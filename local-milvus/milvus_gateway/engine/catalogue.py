"""What Milvus remembers of a collection and Milvus Lite does not: the sidecar of the data folder.

Ids, descriptions, given index names and parameters, autoID, consistency level and whether a
collection was loaded live in one JSON file, replaced atomically on every change. A collection that
Lite has and the file lacks (made by another program) gets an entry from Lite's own schema.
"""

from __future__ import annotations

import dataclasses
import os
import threading
import time
from dataclasses import asdict, dataclass
from typing import Any

import orjson

FILE_NAME = "gateway.json"
_FORMAT = 1


@dataclass
class Field:
    """A field as `describe` shows it; `type` and `element_type` are Milvus' names."""

    id: int
    name: str
    type: str
    params: dict[str, str] = dataclasses.field(default_factory=dict)
    primary: bool = False
    partition_key: bool = False
    clustering_key: bool = False
    nullable: bool = False
    description: str = ""
    element_type: str = ""
    default: Any = None
    function_output: bool = False

    @property
    def is_vector(self) -> bool:
        return self.type in ("FloatVector", "SparseFloatVector")

    @property
    def dim(self) -> int:
        return int(self.params["dim"])


@dataclass
class Function:
    """A function of the schema; Milvus Lite has BM25 (type 1)."""

    id: int
    name: str
    input: str
    output: str
    description: str = ""
    params: dict[str, str] = dataclasses.field(default_factory=dict)


@dataclass
class Index:
    """An index under its given name, with its parameters as text and as the JSON that was sent."""

    name: str
    field: str
    type: str
    metric: str
    params: dict[str, str] = dataclasses.field(default_factory=dict)
    given: str = ""


@dataclass
class Collection:
    """One collection of one database."""

    name: str
    id: int
    fields: list[Field]
    functions: list[Function] = dataclasses.field(default_factory=list)
    description: str = ""
    auto_id: bool = False
    dynamic: bool = False
    shards: int = 1
    consistency: str = "Bounded"
    properties: dict[str, str] = dataclasses.field(default_factory=dict)
    indexes: list[Index] = dataclasses.field(default_factory=list)
    loaded: bool = False
    # While the collection is loaded: the partitions that are not, and whether it was loaded
    # partition by partition, so that one made later is not loaded with it.
    released: list[str] = dataclasses.field(default_factory=list)
    by_partition: bool = False
    partition_ids: dict[str, int] = dataclasses.field(default_factory=dict)

    @property
    def primary(self) -> Field:
        return next(item for item in self.fields if item.primary)

    @property
    def partition_key(self) -> Field | None:
        return next((item for item in self.fields if item.partition_key), None)

    @property
    def vectors(self) -> list[Field]:
        return [item for item in self.fields if item.is_vector]

    def field_named(self, name: str) -> Field | None:
        return next((item for item in self.fields if item.name == name), None)

    def index_on(self, field_name: str) -> Index | None:
        return next((item for item in self.indexes if item.field == field_name), None)

    def index_named(self, name: str) -> Index | None:
        return next((item for item in self.indexes if item.name == name), None)

    def metric_of(self, vector: Field) -> str:
        index = self.index_on(vector.name)
        if index is not None:
            return index.metric
        if vector.type == "FloatVector":
            return "COSINE"
        return "BM25" if vector.function_output else "IP"

    def same_shape_as(self, other: Collection) -> bool:
        """Whether a second create of the same name would be the identical one."""

        def shape(item: Collection) -> tuple[Any, ...]:
            return (
                [asdict(x) for x in item.fields],
                [{**asdict(x), "id": 0} for x in item.functions],
                item.description,
                item.auto_id,
                item.dynamic,
                item.shards,
                item.consistency,
                item.properties,
            )

        return shape(self) == shape(other)


def _revive(entry: dict[str, Any]) -> Collection:
    parts = {key: [kind(**item) for item in entry[key]] for key, kind in _PARTS.items()}
    whole: dict[str, Any] = {**entry, **parts}
    return Collection(**whole)


_PARTS: dict[str, Any] = {"fields": Field, "functions": Function, "indexes": Index}


class Catalogue:
    """The collections and database ids of one data folder, kept in step with its sidecar file."""

    def __init__(self, folder: str) -> None:
        self._path = os.path.join(folder, FILE_NAME)
        self._lock = threading.RLock()
        self._last_id = 0
        self._databases: dict[str, int] = {"default": 1}
        self._collections: dict[str, dict[str, Collection]] = {}
        if os.path.exists(self._path):
            with open(self._path, "rb") as file:
                stored = orjson.loads(file.read())
            self._databases = stored["databases"]
            self._collections = {
                database: {name: _revive(entry) for name, entry in entries.items()}
                for database, entries in stored["collections"].items()
            }

    def next_ids(self, count: int) -> int:
        """The first of `count` ids, as Milvus allots them: milliseconds and an 18-bit counter.

        They lie above 2^53, so that a client which reads them as doubles fails here too.
        """
        with self._lock:
            first = max(self._last_id + 1, time.time_ns() // 1_000_000 << 18)
            self._last_id = first + count - 1
            return first

    def save(self) -> None:
        """Write the sidecar beside itself and move it into place."""
        with self._lock:
            document = {
                "format": _FORMAT,
                "databases": self._databases,
                "collections": {
                    database: {name: asdict(item) for name, item in entries.items()}
                    for database, entries in self._collections.items()
                },
            }
            temporary = self._path + ".new"
            with open(temporary, "wb") as file:
                file.write(orjson.dumps(document, option=orjson.OPT_INDENT_2))
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, self._path)

    def save_with(self, database: str, changed: Collection) -> None:
        """Write the sidecar as if `changed` had taken its place already: what a process that is
        killed in the middle of the change finds at its next start."""
        with self._lock:
            now = self._collections[database][changed.name]
            self._collections[database][changed.name] = changed
            try:
                self.save()
            finally:
                self._collections[database][changed.name] = now

    def database_id(self, name: str) -> int:
        with self._lock:
            if name not in self._databases:
                self._databases[name] = self.next_ids(1)
            return self._databases[name]

    def forget_database(self, name: str) -> None:
        with self._lock:
            self._databases.pop(name, None)
            self._collections.pop(name, None)

    def keep(self, present: dict[str, list[str]]) -> None:
        """Forget what is not in `present`, the collections of each database: another program
        dropped it."""
        with self._lock:
            self._databases = {
                name: number for name, number in self._databases.items() if name in present
            }
            self._collections = {
                database: {
                    name: item for name, item in entries.items() if name in present[database]
                }
                for database, entries in self._collections.items()
                if database in present
            }

    def partition_ids(self, item: Collection, names: list[str]) -> list[int]:
        """The ids of a collection's partitions; one that has none yet gets it."""
        with self._lock:
            known = item.partition_ids
            if set(known) != set(names):
                item.partition_ids = {
                    name: known[name] if name in known else self.next_ids(1) for name in names
                }
                self.save()
            return [item.partition_ids[name] for name in names]

    def get(self, database: str, name: str) -> Collection | None:
        with self._lock:
            return self._collections.get(database, {}).get(name)

    def put(self, database: str, item: Collection) -> None:
        with self._lock:
            self._collections.setdefault(database, {})[item.name] = item

    def remove(self, database: str, name: str) -> None:
        with self._lock:
            self._collections.get(database, {}).pop(name, None)

    def rename(self, database: str, old: str, new: str) -> None:
        with self._lock:
            entries = self._collections.get(database, {})
            item = entries.pop(old)
            item.name = new
            entries[new] = item
