"""Partitions made, counted and dropped (`proxy/task.go`); what is loaded is in `loading`."""

from __future__ import annotations

from milvus_lite.engine.collection import Collection as LiteCollection

from ..engine.catalogue import Collection
from ..engine.lite import speaking_milvus
from ..engine.schema import PARTITION_KEY_BUCKETS
from ..wire.envelope import Answer, success
from ..wire.errors import (
    bad_parameter,
    cannot_find_collection,
    partition_not_found,
)
from ..wire.names import check_partition_name
from .call import Call, Route, Routes

DEFAULT = "_default"
MAX_PARTITIONS = 1024
_LITE_BUCKET = "_pk_"


def names_of(item: Collection, engine: LiteCollection) -> list[str]:
    """As Milvus names them: with a partition key `_default_0` to `_default_15`."""
    if item.partition_key is not None:
        return [f"{DEFAULT}_{number}" for number in range(PARTITION_KEY_BUCKETS)]
    names = engine.list_partitions()
    return [DEFAULT, *(name for name in names if name != DEFAULT)]


def list_names(call: Call) -> Answer:
    """The names, the default one first."""
    item, engine = call.lite.find(call.database, call.collection_name)
    return success(names_of(item, engine))


def has(call: Call) -> Answer:
    """A missing collection is 100, not false."""
    item, engine = call.lite.find(call.database, call.collection_name)
    return success({"has": call.body["partitionName"] in names_of(item, engine)})


def get_stats(call: Call) -> Answer:
    """The rows of one partition."""
    item, engine = call.lite.find(call.database, call.collection_name)
    name = call.body["partitionName"]
    if name not in names_of(item, engine):
        raise partition_not_found(name)
    if item.partition_key is not None:
        name = _LITE_BUCKET + name.removeprefix(DEFAULT + "_")
    with speaking_milvus():
        return success({"rowCount": engine.partition_num_entities(name)})


def create(call: Call) -> Answer:
    """An existing one is ok."""
    name = call.body["partitionName"]
    missing = cannot_find_collection(call.database, call.collection_name)
    with call.lite.writing(call.database, call.collection_name, missing) as (item, engine):
        check_partition_name(name)
        if item.partition_key is not None:
            raise bad_parameter(
                "disable create partition if partition key mode is used: invalid parameter"
            )
        if engine.has_partition(name):
            return success({})
        if len(engine.list_partitions()) >= MAX_PARTITIONS:
            raise bad_parameter(
                f"partition number ({MAX_PARTITIONS}) exceeds max configuration "
                f"({MAX_PARTITIONS}), collection: {item.name}: invalid parameter"
            )
        with speaking_milvus():
            engine.create_partition(name)
        if item.by_partition:
            item.released.append(name)
            call.lite.catalogue.save()
    return success({})


def drop(call: Call) -> Answer:
    """A missing one is ok; a loaded one is not."""
    name = call.body["partitionName"]
    missing = cannot_find_collection(call.database, call.collection_name)
    with call.lite.writing(call.database, call.collection_name, missing) as (item, engine):
        check_partition_name(name)
        if item.partition_key is not None:
            raise bad_parameter(
                "disable drop partition if partition key mode is used: invalid parameter"
            )
        if name == DEFAULT:
            raise bad_parameter("default partition cannot be deleted: invalid parameter")
        if not engine.has_partition(name):
            return success({})
        if item.loaded and name not in item.released:
            raise bad_parameter(
                "partition cannot be dropped, partition is loaded, please release it first: "
                "invalid parameter"
            )
        with speaking_milvus():
            engine.drop_partition(name)
        if name in item.released:
            item.released.remove(name)
            call.lite.catalogue.save()
    return success({})


ROUTES: Routes = {
    "partitions/list": Route("CollectionNameReq", list_names),
    "partitions/has": Route("PartitionReq", has),
    "partitions/get_stats": Route("PartitionReq", get_stats),
    "partitions/create": Route("PartitionReq", create, writes=True),
    "partitions/drop": Route("PartitionReq", drop, writes=True),
}
