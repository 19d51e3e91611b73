"""Fields of a collection that exists: added, or their parameters changed (`proxy/task.go`)."""

from __future__ import annotations

import dataclasses
from typing import Any

from milvus_lite.db import SCHEMA_FILENAME
from milvus_lite.schema.persistence import save_schema

from ..engine import storage
from ..engine.catalogue import Collection, Field
from ..engine.lite import Lite, speaking_milvus
from ..engine.schema import (
    CLUSTERING_KEY_TYPES,
    MAX_CAPACITY,
    MAX_FIELDS,
    MAX_TEXT,
    RESERVED,
    check_params,
    check_type,
    field_of,
)
from ..wire.envelope import Answer, success
from ..wire.errors import (
    MilvusError,
    bad_parameter,
    collection_loaded,
    collection_not_found,
    unsupported,
)
from ..wire.names import check_field_name
from ..wire.texts import as_text
from .call import Call, Route, Routes

_WARMUP = (
    "warmup",
    "warmup.scalarField",
    "warmup.scalarIndex",
    "warmup.vectorField",
    "warmup.vectorIndex",
)
_DESCRIPTION = "field.description"
_ALTERABLE = ("max_length", "max_capacity", "mmap.enabled", _DESCRIPTION, *_WARMUP)
_OLD_SPELLING = {"mmap_enabled": "mmap.enabled"}


def add(call: Call) -> Answer:
    """A nullable field; rows that are there read null, or the field's default."""
    entry = call.body["schema"]
    if entry.get("dataType") == "ArrayOfStruct" or entry.get("elementDataType") == "Struct":
        raise bad_parameter(
            "StructArray field must be added through /v2/vectordb/collections/struct_fields/add"
        )
    check_type(entry.get("dataType", ""))
    field = field_of(0, entry)
    missing = collection_not_found(call.collection_name)
    lite = call.lite
    with (
        lite.locks.catalogue(),
        lite.writing(call.database, call.collection_name, missing) as (item, engine),
    ):
        _check_new(item, field)
        engine.flush()
        if item.dynamic and storage.holds_dynamic_key(engine, field.name):
            # Lite would read the dynamic value for the field's.
            raise unsupported(f"adding field {field.name} beside a dynamic key of that name")
        functions = [function.id for function in item.functions]
        field.id = max([*(each.id for each in item.fields), *functions]) + 1
        _reshape(lite, call.database, dataclasses.replace(item, fields=[*item.fields, field]))
    return success({})


def allow_dynamic(lite: Lite, database: str, item: Collection) -> Collection:
    """Turn the dynamic field on; Milvus adds a field for it, too. With the write lock held."""
    changed = dataclasses.replace(item, dynamic=True)
    _reshape(lite, database, changed)
    return changed


def _reshape(lite: Lite, database: str, changed: Collection) -> None:
    """Give Lite's files the columns of `changed`, then put it into the catalogue.

    Readers see the old fields with the old files, or with the new ones, which have them, too."""
    with lite.reopening(database, changed) as folder, speaking_milvus():
        staged = storage.stage_columns(folder, changed)
        # From here on a killed process finishes the work at its next start.
        lite.catalogue.save_with(database, changed)
        storage.commit_columns(folder, changed, staged)
    lite.catalogue.put(database, changed)


def _check_new(item: Collection, field: Field) -> None:
    """`validateAddFieldRequest`, in its order."""
    name = field.name
    if len(item.fields) >= MAX_FIELDS:
        raise bad_parameter(f"The number of fields has reached the maximum value {MAX_FIELDS}")
    if item.field_named(name) is not None:
        raise bad_parameter(f"duplicated field name {name}")
    if name in (*RESERVED, "$meta"):
        raise bad_parameter(f"not support to add system field, field name = {name}")
    if field.primary:
        raise bad_parameter(f"not support to add pk field, field name = {name}")
    if field.partition_key:
        raise bad_parameter(f"not support to add partition key field, field name  = {name}")
    if field.clustering_key:
        if field.type not in CLUSTERING_KEY_TYPES:
            raise bad_parameter(
                f"clustering key field {name} has unsupported data type {field.type}"
            )
        if any(each.clustering_key for each in item.fields):
            raise bad_parameter(f"already has another clustering key field, field name: {name}")
    if field.is_vector and field.type == "FloatVector" and not field.params:
        raise bad_parameter(f"vector field must have dimension specified, field name = {name}")
    if not field.nullable:
        raise bad_parameter(f"added field must be nullable, please check it, field name = {name}")
    check_field_name(name)
    check_params(field, item.name)
    if field.is_vector:
        raise unsupported(f"adding vector field {name}")


def alter_properties(call: Call) -> Answer:
    """`fieldParams` of one field, all checked before any is set."""
    missing = collection_not_found(call.collection_name)
    lite, name = call.lite, call.body["fieldName"]
    params = {
        _OLD_SPELLING.get(key, key): value
        for key, value in call.body.get("fieldParams", {}).items()
    }
    with lite.writing(call.database, call.collection_name, missing) as (item, engine):
        field = item.field_named(name)
        for key, value in params.items():
            _check_change(item, field, key, value)
        if field is None:
            raise bad_parameter(f"field {name} does not exist in collection {item.name}")
        for key, value in params.items():
            if key == _DESCRIPTION:
                field.description = as_text(value)
            else:
                field.params[key] = as_text(value)
        for stored in engine.schema.fields:
            if stored.name == name:
                for key in ("max_length", "max_capacity"):
                    if getattr(stored, key) is not None:
                        setattr(stored, key, int(field.params[key]))
        save_schema(engine.schema, item.name, f"{engine.data_dir}/{SCHEMA_FILENAME}")
        lite.catalogue.save()
    return success({})


def _check_change(item: Collection, field: Field | None, key: str, value: Any) -> None:
    """`alterCollectionFieldTask`: what may change, and into what."""
    if key not in _ALTERABLE:
        raise bad_parameter(f"{key} does not allow update in collection field param")
    if key == "mmap.enabled" and item.loaded:
        raise collection_loaded(
            item.name, "can not alter collection field properties if collection loaded"
        )
    if key in _WARMUP and item.loaded:
        raise collection_loaded(item.name, "can not alter warmup if collection loaded")
    text = as_text(value)
    if key == "max_length":
        if field is None or "VarChar" not in (field.type, field.element_type):
            name = field.name if field else ""
            raise bad_parameter(f"{name} can not modify the maxlength for non-string types")
        _whole(text, MAX_TEXT, f"{key} should be an integer, but got {text}", key)
    if key == "max_capacity":
        if field is None or field.type != "Array":
            name = field.name if field else ""
            raise bad_parameter(f"{name} can not modify the maxcapacity for non-array types")
        _whole(
            text,
            MAX_CAPACITY,
            f"the value for {key} of field {field.name} must be an integer",
            "maximum capacity specified for a Array",
        )


def _whole(text: str, most: int, no_number: str, what: str) -> None:
    try:
        number = int(text)
    except ValueError:
        raise bad_parameter(no_number) from None
    if not 0 < number <= most:
        raise _out_of_range(what, number, most)


def _out_of_range(what: str, number: int, most: int) -> MilvusError:
    return bad_parameter(
        f"{number} exceeds the maximum allowed value {most}"
        if what == "max_length"
        else f"the {what} should be in (0, {most}]"
    )


ROUTES: Routes = {
    "collections/fields/add": Route("CollectionFieldReqWithSchema", add, writes=True),
    "collections/fields/alter_properties": Route(
        "CollectionFieldReqWithParams", alter_properties, writes=True
    ),
}
