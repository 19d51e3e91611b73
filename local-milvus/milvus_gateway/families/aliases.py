"""Aliases (`rootcoord/meta_table.go`). Lite takes the drop of a missing one as Milvus does."""

from __future__ import annotations

from ..engine.lite import speaking_milvus
from ..wire.envelope import Answer, success
from ..wire.errors import (
    ALIAS_EXISTS,
    ALIAS_NAME_CONFLICT,
    ALIAS_NOT_FOUND,
    MilvusError,
    collection_not_found,
)
from ..wire.names import check_alias
from .call import Call, Route, Routes


def _not_found(database: str, alias: str) -> MilvusError:
    return MilvusError(ALIAS_NOT_FOUND, f"alias not found[database={database}][alias={alias}]")


def list_names(call: Call) -> Answer:
    """Aliases of the database, or of one collection."""
    name = call.body.get("collectionName", "")
    call.lite.require_database(call.database)
    if name:
        item, _ = call.lite.find(call.database, name, collection_not_found(name))
        name = item.name
    return success(call.lite.engine.list_aliases(name or None, database_name=call.database))


def describe(call: Call) -> Answer:
    """Which collection an alias stands for."""
    alias = call.body["aliasName"]
    call.lite.require_database(call.database)
    if alias not in call.lite.engine.list_aliases(database_name=call.database):
        raise _not_found(call.database, alias)
    return success(
        {
            "dbName": call.database,
            "collectionName": call.lite.real_name(call.database, alias),
            "aliasName": alias,
        }
    )


def create(call: Call) -> Answer:
    """The same pair again is ok; an alias may not have a collection's name."""
    lite, alias, name = call.lite, call.body["aliasName"], call.collection_name
    check_alias(alias)
    with lite.locks.catalogue():
        lite.require_database(call.database)
        if lite.exists(call.database, alias):
            raise MilvusError(
                ALIAS_NAME_CONFLICT,
                f"alias and collection name conflict[database={call.database}][alias={alias}]",
            )
        if not lite.exists(call.database, name):
            raise collection_not_found(name)
        if alias in lite.engine.list_aliases(database_name=call.database):
            if lite.real_name(call.database, alias) == name:
                return success({})
            raise MilvusError(
                ALIAS_EXISTS,
                f"{alias} is alias to another collection: "
                f"alias already exist[database={call.database}][alias={alias}]",
            )
        with speaking_milvus():
            lite.engine.create_alias(name, alias, database_name=call.database)
    return success({})


def alter(call: Call) -> Answer:
    """Moves an alias; onto the same collection is ok."""
    lite, alias, name = call.lite, call.body["aliasName"], call.collection_name
    with lite.locks.catalogue():
        lite.require_database(call.database)
        if not lite.exists(call.database, name):
            raise collection_not_found(name)
        if alias not in lite.engine.list_aliases(database_name=call.database):
            raise _not_found(call.database, alias)
        with speaking_milvus():
            lite.engine.alter_alias(name, alias, database_name=call.database)
    return success({})


def drop(call: Call) -> Answer:
    """A missing one is ok."""
    with call.lite.locks.catalogue():
        call.lite.require_database(call.database)
        call.lite.engine.drop_alias(call.body["aliasName"], database_name=call.database)
    return success({})


ROUTES: Routes = {
    "aliases/list": Route("OptionalCollectionNameReq", list_names),
    "aliases/describe": Route("AliasReq", describe),
    "aliases/create": Route("AliasCollectionReq", create, writes=True),
    "aliases/alter": Route("AliasCollectionReq", alter, writes=True),
    "aliases/drop": Route("AliasReq", drop, writes=True),
}
