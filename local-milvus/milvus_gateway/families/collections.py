"""Collections made, described, renamed, emptied, dropped (`handler_v2.go`, rootcoord)."""

from __future__ import annotations

from typing import Any

from milvus_lite.engine.collection import Collection as LiteCollection

from ..engine import schema
from ..engine.catalogue import Collection, Field
from ..engine.lite import Lite, speaking_milvus
from ..wire.envelope import Answer, float32, float64, success
from ..wire.errors import (
    ALIAS_NAME_CONFLICT,
    COLLECTION_LIMIT,
    REQUIRED_MISSING,
    MilvusError,
    bad_parameter,
    collection_loaded,
    collection_not_found,
    unsupported,
)
from ..wire.names import check_collection_name
from ..wire.requests import go_bool
from ..wire.texts import as_text
from .call import Call, Route, Routes
from .fields import allow_dynamic
from .indexes import create_index
from .loading import load_all
from .partitions import names_of

MAX_COLLECTIONS_PROPERTY = "database.max.collections"
DYNAMIC_PROPERTY = "dynamicfield.enabled"


def list_names(call: Call) -> Answer:
    """Names in the database, no aliases."""
    call.lite.require_database(call.database)
    return success(call.lite.engine.list_collections(database_name=call.database))


def has(call: Call) -> Answer:
    """An alias counts; in a missing database there is nothing."""
    try:
        call.lite.find(call.database, call.collection_name)
    except MilvusError:
        return success({"has": False})
    return success({"has": True})


def describe(call: Call) -> Answer:
    """The schema, and what Milvus' handler gathers around it."""
    item, engine = call.lite.find(call.database, call.collection_name)
    properties = {"timezone": "UTC", **item.properties}
    data = {
        "collectionName": item.name,
        "collectionID": item.id,
        "description": item.description,
        "autoId": item.auto_id,
        "enableDynamicField": item.dynamic,
        "fields": [_described(field, item) for field in item.fields],
        "structFields": [],
        "functions": [
            {
                "id": function.id,
                "name": function.name,
                "description": function.description,
                "type": 1,
                "inputFieldNames": [function.input],
                "outputFieldNames": [function.output],
                "params": _pairs(function.params),
            }
            for function in item.functions
        ],
        "aliases": call.lite.engine.list_aliases(item.name, database_name=call.database),
        "indexes": [
            # The handler falls back to its default metric where an index has none.
            {
                "indexName": index.name,
                "fieldName": index.field,
                "metricType": index.metric or "COSINE",
            }
            for index in item.indexes
        ],
        "load": "LoadStateLoaded" if item.loaded else "LoadStateNotLoad",
        "shardsNum": item.shards,
        "partitionsNum": len(names_of(item, engine)),
        "consistencyLevel": item.consistency,
        "properties": _pairs(properties),
        "externalSource": "",
        "externalSpec": "",
    }
    message = "" if item.indexes else f"index not found[collection={item.name}]"
    return success(data, message=message)


def _pairs(values: dict[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in sorted(values.items())]


def _described(field: Field, item: Collection) -> dict[str, Any]:
    out: dict[str, Any] = {
        "id": field.id,
        "name": field.name,
        "type": field.type,
        "primaryKey": field.primary,
        "autoId": field.primary and item.auto_id,
        "partitionKey": field.partition_key,
        "clusteringKey": field.clustering_key,
        "nullable": field.nullable,
        "description": field.description,
    }
    if field.params:
        out["params"] = _pairs(field.params)
    if field.element_type:
        out["elementType"] = field.element_type
    if field.default is not None:
        out["defaultValue"] = {"Data": _wrapped(field)}
    if field.function_output:
        out["isFunctionOutput"] = True
    return out


def _wrapped(field: Field) -> dict[str, Any]:
    """A default as protobuf's ValueField prints."""
    kinds = {"Bool": "BoolData", "Int64": "LongData", "VarChar": "StringData"}
    if field.type == "Float":
        return {"FloatData": float32(field.default)}
    if field.type == "Double":
        return {"DoubleData": float64(field.default)}
    if field.type in ("Geometry", "Timestamptz"):
        return {"StringData": field.default}
    return {kinds.get(field.type, "IntData"): field.default}


def get_stats(call: Call) -> Answer:
    """The row count, exact at once."""
    _, engine = call.lite.find(call.database, call.collection_name)
    return success({"rowCount": engine.num_entities})


def create(call: Call) -> Answer:
    """Both forms. The identical collection again is ok; if an index fails, the collection stays."""
    lite, body, database = call.lite, call.body, call.database
    given = body.get("schema", {})
    if body.get("externalSource") or body.get("externalSpec"):
        raise bad_parameter(
            "externalSource and externalSpec must be set under schema when creating an external "
            "collection: invalid parameter[expected=schema.externalSource/schema.externalSpec]"
            "[actual=top-level externalSource/externalSpec]"
        )
    if not given.get("fields") and given.get("functions"):
        raise bad_parameter(
            "functions are not supported for quickly create collection: "
            "invalid parameter[expected=schema][actual=functions]"
        )
    if not given.get("fields") and given.get("structFields"):
        raise unsupported("schema.structFields without schema.fields")
    if given.get("fields"):
        item, indexes = schema.explicit(body)
    else:
        item, indexes = schema.quick(body)
    with lite.locks.catalogue():
        lite.require_database(database)
        item = _made(lite, database, item)
        _, engine = lite.find(database, item.name)
        try:
            with lite.locks.writing(item.id):
                for entry in indexes:
                    _index(item, engine, entry)
                if indexes:
                    load_all(item, engine)
        finally:
            lite.catalogue.save()
    return success({})


def _index(item: Collection, engine: LiteCollection, entry: dict[str, Any]) -> None:
    name = entry.get("fieldName", "")
    if item.field_named(name) is None:
        raise MilvusError(
            REQUIRED_MISSING,
            f"missing required parameters, error: `{name}` hasn't defined in schema",
        )
    create_index(item, engine, entry)


def _made(lite: Lite, database: str, item: Collection) -> Collection:
    if item.name in lite.engine.list_aliases(database_name=database):
        raise MilvusError(
            ALIAS_NAME_CONFLICT,
            f"collection name [{item.name}] conflicts with an existing alias, "
            f"please choose a unique name: alias and collection name conflict"
            f"[database={database}][alias={item.name}]",
        )
    existing = lite.catalogue.get(database, item.name)
    if existing is not None:
        if existing.same_shape_as(item):
            return existing
        raise bad_parameter(
            "create duplicate collection with different parameters, "
            f"collection: {item.name}: invalid parameter"
        )
    _check_room(lite, database)
    with speaking_milvus():
        lite.engine.create_collection(item.name, schema.to_lite(item), database_name=database)
    item.id = lite.catalogue.next_ids(1)
    lite.catalogue.put(database, item)
    return item


def _check_room(lite: Lite, database: str) -> None:
    properties = lite.engine.describe_database(database)["properties"]
    most = properties.get(MAX_COLLECTIONS_PROPERTY)
    if most is not None and len(lite.engine.list_collections(database)) >= int(most):
        raise MilvusError(
            COLLECTION_LIMIT, f"exceeded the limit number of collections[limit={most}]"
        )


def drop(call: Call) -> Answer:
    """Drop of a missing one is ok. Lite would drop the collection behind an alias: refused."""
    lite, name, database = call.lite, call.collection_name, call.database
    with lite.locks.catalogue():
        if database not in lite.engine.list_databases():
            return success({})
        if name in lite.engine.list_aliases(database_name=database):
            raise bad_parameter(f"cannot drop the collection via alias = {name}: invalid parameter")
        item = lite.catalogue.get(database, name)
        if item is None:
            return success({})
        aliases = lite.engine.list_aliases(name, database_name=database)
        if aliases:
            raise bad_parameter(
                f"unable to drop the collection [{name}] because it has associated aliases "
                f"[{' '.join(aliases)}], please remove all aliases before dropping the collection: "
                "invalid parameter"
            )
        with lite.locks.writing(item.id):
            lite.engine.drop_collection(name, database_name=database)
            lite.catalogue.remove(database, name)
            lite.catalogue.save()
        lite.forget(item)
    return success({})


def rename(call: Call) -> Answer:
    """To another name, another database, or both; its aliases keep it in its database."""
    lite, database, old = call.lite, call.database, call.collection_name
    new = call.body["newCollectionName"]
    target = call.body.get("newDbName") or database
    check_collection_name(new)
    if (target, new) == (database, old):
        raise bad_parameter("collection name or database name should be different")
    with lite.locks.catalogue():
        lite.require_database(target)
        lite.require_database(database)
        if old in lite.engine.list_aliases(database_name=database):
            raise bad_parameter(f"unsupported use an alias to rename collection, alias:{old}")
        if new in lite.engine.list_aliases(database_name=target):
            raise MilvusError(
                ALIAS_NAME_CONFLICT,
                f"alias and collection name conflict[database={target}][alias={new}]",
            )
        if lite.exists(target, new):
            raise bad_parameter(
                f"duplicated new collection name {target}:{new} with other collection name or alias"
            )
        item = lite.catalogue.get(database, old)
        if item is None:
            raise collection_not_found(old)
        if target != database:
            if lite.engine.list_aliases(old, database_name=database):
                raise bad_parameter(
                    "fail to rename db name, must drop all aliases of this collection before rename"
                )
            _check_room(lite, target)
        with lite.locks.writing(item.id), speaking_milvus():
            lite.move(database, item, target, new)
    return success({})


def flush(call: Call) -> Answer:
    """Waits until everything written is in a segment."""
    missing = collection_not_found(call.collection_name)
    with call.lite.writing(call.database, call.collection_name, missing) as (item, engine):
        call.lite.seal(item, engine)
    return success({})


def truncate(call: Call) -> Answer:
    """All rows go; schema, indexes, partitions and aliases stay."""
    missing = collection_not_found(call.collection_name)
    with call.lite.writing(call.database, call.collection_name, missing) as (item, _):
        call.lite.engine.truncate_collection(item.name, database_name=call.database)
        call.lite.reset_unflushed(item)
        if item.loaded:
            call.lite.engine.get_collection(item.name, database_name=call.database).load()
    return success({})


def alter_properties(call: Call) -> Answer:
    """Kept as text. What Milvus would act on and this gateway would not is refused."""
    missing = collection_not_found(call.collection_name)
    properties = call.body.get("properties", {})
    for key, value in properties.items():
        schema.check_property(key, value)
    with call.lite.writing(call.database, call.collection_name, missing) as (item, _):
        if item.loaded and "mmap.enabled" in properties:
            raise collection_loaded(item.name, "can not alter mmap properties if collection loaded")
        if properties.get("allow_insert_auto_id") in ("true", True) and not item.auto_id:
            raise bad_parameter(
                "the value for allow_insert_auto_id must be false when autoID is false"
            )
        texts = {key: as_text(value) for key, value in properties.items()}
        item = _alter_itself(call, item, texts)
        with speaking_milvus():
            call.lite.engine.alter_collection_properties(
                item.name, properties=texts, database_name=call.database
            )
        item.properties.update(texts)
        call.lite.catalogue.save()
    return success({})


def _alter_itself(call: Call, item: Collection, texts: dict[str, str]) -> Collection:
    """Take out the keys that change the collection instead of its properties; what it is then."""
    dynamic = texts.pop(DYNAMIC_PROPERTY, None)
    if dynamic is not None:
        wanted = go_bool(dynamic)
        if wanted is None:
            raise bad_parameter(f"invalid dynamic schema property value: {dynamic}")
        if item.dynamic and not wanted:
            raise unsupported(f"turning off property {DYNAMIC_PROPERTY}")
        if wanted and not item.dynamic:
            item = allow_dynamic(call.lite, call.database, item)
    item.description = texts.pop("collection.description", item.description)
    level = texts.pop("consistency_level", "")
    if level in schema.CONSISTENCY_LEVELS:  # Milvus passes over any other.
        item.consistency = level
    return item


def drop_properties(call: Call) -> Answer:
    """Unknown keys are no error."""
    missing = collection_not_found(call.collection_name)
    keys = call.body.get("propertyKeys", [])
    with call.lite.writing(call.database, call.collection_name, missing) as (item, _):
        if DYNAMIC_PROPERTY in keys:
            raise bad_parameter(
                f"cannot delete key {DYNAMIC_PROPERTY}, dynamic field schema could support set to "
                "true/false"
            )
        if item.loaded and "mmap.enabled" in keys:
            raise collection_loaded(
                item.name, "can not delete mmap properties if collection loaded"
            )
        with speaking_milvus():
            call.lite.engine.alter_collection_properties(
                item.name, delete_keys=keys, database_name=call.database
            )
        for key in keys:
            item.properties.pop(key, None)
        call.lite.catalogue.save()
    return success({})


ROUTES: Routes = {
    "collections/list": Route("DatabaseReq", list_names),
    "collections/has": Route("CollectionNameReq", has),
    "collections/describe": Route("CollectionNameReq", describe),
    "collections/get_stats": Route("CollectionNameReq", get_stats),
    "collections/create": Route("CollectionReq", create, writes=True),
    "collections/drop": Route("CollectionNameReq", drop, writes=True),
    "collections/rename": Route("RenameCollectionReq", rename, writes=True),
    "collections/flush": Route("FlushReq", flush, writes=True),
    "collections/truncate": Route("CollectionNameReq", truncate, writes=True),
    "collections/alter_properties": Route(
        "CollectionReqWithProperties", alter_properties, writes=True
    ),
    "collections/drop_properties": Route(
        "DropCollectionPropertiesReq", drop_properties, writes=True
    ),
}
