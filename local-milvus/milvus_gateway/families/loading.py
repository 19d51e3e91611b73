"""What is loaded: collections and single partitions (`querycoordv2`, `proxy/task.go`).

Milvus Lite loads whole collections only. Which partitions count as loaded is kept in the catalogue,
and every read keeps to those, so that what was released is not found.
"""

from __future__ import annotations

from milvus_lite.engine.collection import Collection as LiteCollection

from ..engine.catalogue import Collection
from ..engine.lite import speaking_milvus
from ..wire.envelope import Answer, success
from ..wire.errors import (
    COLLECTION_NOT_LOADED,
    INDEX_NOT_FOUND,
    MilvusError,
    bad_parameter,
    collection_not_found,
    partition_not_found,
    partition_not_loaded,
)
from .call import Call, Route, Routes
from .partitions import names_of


def load_all(item: Collection, engine: LiteCollection) -> None:
    """Every partition, those made later too. With the write lock held."""
    _load(item, engine)
    item.released, item.by_partition = [], False


def release_all(item: Collection, engine: LiteCollection) -> None:
    """The whole collection. With the write lock held."""
    engine.release()
    item.loaded, item.released, item.by_partition = False, [], False


def _load(item: Collection, engine: LiteCollection) -> None:
    """Lite loads without any index; Milvus wants one on every vector field."""
    if not item.indexes:
        raise MilvusError(INDEX_NOT_FOUND, f"index not found[collection={item.name}]")
    bare = [field.name for field in item.vectors if item.index_on(field.name) is None]
    if bare:
        raise bad_parameter(
            f"there is no vector index on field: [{' '.join(bare)}], please create index firstly: "
            "invalid parameter"
        )
    with speaking_milvus():
        engine.load()
    item.loaded = True


def load(call: Call) -> Answer:
    """Done when it answers, where Milvus only begins."""
    missing = collection_not_found(call.collection_name)
    with call.lite.writing(call.database, call.collection_name, missing) as (item, engine):
        load_all(item, engine)
        call.lite.catalogue.save()
    return success({})


def refresh_load(call: Call) -> Answer:
    """101 unless loaded. Segments are searched as soon as they are there, so none is missing."""
    item, _ = call.lite.find(
        call.database, call.collection_name, collection_not_found(call.collection_name)
    )
    if not item.loaded:
        raise MilvusError(
            COLLECTION_NOT_LOADED,
            f"call query coordinator LoadCollection: collection not loaded[collection={item.id}]",
        )
    return success({})


def release(call: Call) -> Answer:
    """Released twice is ok."""
    missing = collection_not_found(call.collection_name)
    with call.lite.writing(call.database, call.collection_name, missing) as (item, engine):
        release_all(item, engine)
        call.lite.catalogue.save()
    return success({})


def get_load_state(call: Call) -> Answer:
    """Of the collection; with `partitionNames` the progress of those, -1 where it is unknown."""
    missing = collection_not_found(call.collection_name)
    item, engine = call.lite.find(call.database, call.collection_name, missing)
    if not item.loaded:
        return success({"loadState": "LoadStateNotLoad"})
    existing = names_of(item, engine)
    for name in call.body.get("partitionNames", []):
        if name not in existing or name in item.released:
            unknown = partition_not_found if name not in existing else partition_not_loaded
            return success(
                {"loadState": "LoadStateLoading", "loadProgress": -1},
                message=unknown(name).message + ".",
            )
    return success({"loadState": "LoadStateLoaded", "loadProgress": 100}, message="")


def _named(call: Call, item: Collection, engine: LiteCollection, verb: str) -> list[str]:
    """The partitions of the request; 200 for one that is not there."""
    names: list[str] = call.body["partitionNames"]
    if item.partition_key is not None:
        raise bad_parameter(f"disable {verb} partitions if partition key mode is used")
    existing = names_of(item, engine)
    for name in names:
        if name not in existing:
            raise partition_not_found(name)
    if not names:
        raise bad_parameter(f"failed to {verb} partition, due to no partition specified")
    return names


def load_partitions(call: Call) -> Answer:
    """Beside those that are loaded. The index is asked for as with a whole collection."""
    missing = collection_not_found(call.collection_name)
    with call.lite.writing(call.database, call.collection_name, missing) as (item, engine):
        names = _named(call, item, engine, "load")
        before = item.released if item.loaded else names_of(item, engine)
        by_partition = item.by_partition or not item.loaded
        _load(item, engine)
        item.released = [name for name in before if name not in names]
        item.by_partition = by_partition
        call.lite.catalogue.save()
    return success({})


def release_partitions(call: Call) -> Answer:
    """Released twice is ok; with the last one the collection is released."""
    missing = collection_not_found(call.collection_name)
    with call.lite.writing(call.database, call.collection_name, missing) as (item, engine):
        names = _named(call, item, engine, "release")
        if item.loaded:
            item.released = list(dict.fromkeys([*item.released, *names]))
            if set(names_of(item, engine)) <= set(item.released):
                release_all(item, engine)
            call.lite.catalogue.save()
    return success({})


ROUTES: Routes = {
    "collections/load": Route("CollectionNameReq", load, writes=True),
    "collections/refresh_load": Route("CollectionNameReq", refresh_load),
    "collections/release": Route("CollectionNameReq", release, writes=True),
    "collections/get_load_state": Route("CollectionNameReq", get_load_state),
    "partitions/load": Route("PartitionsReq", load_partitions, writes=True),
    "partitions/release": Route("PartitionsReq", release_partitions, writes=True),
}
