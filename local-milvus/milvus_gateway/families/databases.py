"""Databases (`rootcoord`). Lite keeps them apart in folders, and keeps their properties."""

from __future__ import annotations

from typing import Any

from ..engine.lite import speaking_milvus
from ..wire.envelope import Answer, success
from ..wire.errors import DATABASE_LIMIT, MilvusError, bad_parameter, unsupported
from ..wire.names import check_database_name
from ..wire.texts import as_text
from .call import Call, Route, Routes
from .collections import MAX_COLLECTIONS_PROPERTY

DEFAULT = "default"
MAX_DATABASES = 64
_PROMISES = ("database.force.deny", "database.diskQuota", "database.resource_groups")


def _checked(properties: dict[str, Any]) -> dict[str, str]:
    """Properties as text. A quota or a denial that Lite would not enforce is refused."""
    out = {}
    for key, value in properties.items():
        if key.startswith(_PROMISES):
            raise unsupported(f"database property {key}")
        out[key] = as_text(value)
        if key == MAX_COLLECTIONS_PROPERTY and not out[key].isdigit():
            raise bad_parameter(f"invalid value {out[key]} of {key}: invalid parameter")
    return out


def list_names(call: Call) -> Answer:
    """All of them; `default` is always there."""
    return success(call.lite.engine.list_databases())


def create(call: Call) -> Answer:
    """An existing one is 1100."""
    lite, name = call.lite, call.body["dbName"]
    check_database_name(name)
    properties = _checked(call.body.get("properties", {}))
    with lite.locks.catalogue():
        names = lite.engine.list_databases()
        if name in names:
            raise bad_parameter(f"database already exist: {name}: invalid parameter")
        if len(names) >= MAX_DATABASES:
            raise MilvusError(
                DATABASE_LIMIT, f"exceeded the limit number of database[limit={MAX_DATABASES}]"
            )
        with speaking_milvus():
            lite.engine.create_database(name, properties)
        lite.catalogue.database_id(name)
        lite.catalogue.save()
    return success({})


def drop(call: Call) -> Answer:
    """A missing one is ok; the default one and one with collections stay."""
    lite, name = call.lite, call.body["dbName"]
    if name == DEFAULT:
        raise bad_parameter("can not drop default database: invalid parameter")
    with lite.locks.catalogue():
        if name not in lite.engine.list_databases():
            return success({})
        if lite.engine.list_collections(database_name=name):
            raise bad_parameter(
                f"database:{name} not empty, must drop all collections before drop database: "
                "invalid parameter"
            )
        with speaking_milvus():
            lite.engine.drop_database(name)
        lite.catalogue.forget_database(name)
        lite.catalogue.save()
    return success({})


def describe(call: Call) -> Answer:
    """Name, id and properties."""
    name = call.body["dbName"]
    call.lite.require_database(name)
    properties = call.lite.engine.describe_database(name)["properties"]
    return success(
        {
            "dbName": name,
            "dbID": call.lite.catalogue.database_id(name),
            "properties": [
                {"key": key, "value": as_text(value)} for key, value in sorted(properties.items())
            ],
        }
    )


def alter(call: Call) -> Answer:
    """Sets properties, leaves the others."""
    name = call.body["dbName"]
    properties = _checked(call.body.get("properties", {}))
    with call.lite.locks.catalogue():
        call.lite.require_database(name)
        with speaking_milvus():
            call.lite.engine.alter_database_properties(name, properties)
    return success({})


def drop_properties(call: Call) -> Answer:
    """Unknown keys are no error."""
    name = call.body["dbName"]
    with call.lite.locks.catalogue():
        call.lite.require_database(name)
        call.lite.engine.drop_database_properties(name, call.body.get("propertyKeys", []))
    return success({})


ROUTES: Routes = {
    "databases/list": Route("EmptyReq", list_names),
    "databases/create": Route("DatabaseReqWithProperties", create, writes=True),
    "databases/drop": Route("DatabaseReqRequiredName", drop, writes=True),
    "databases/describe": Route("DatabaseReqRequiredName", describe),
    "databases/alter": Route("DatabaseReqWithProperties", alter, writes=True),
    "databases/alter_properties": Route("DatabaseReqWithProperties", alter, writes=True),
    "databases/drop_properties": Route("DropDatabasePropertiesReq", drop_properties, writes=True),
}
