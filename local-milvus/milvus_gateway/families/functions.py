"""Functions of a collection that exists (`proxy/function_task.go`).

Milvus changes no BM25 function of a collection, and Lite has no other kind: so these end in
Milvus' refusals, or in ours for the kinds that Lite lacks."""

from __future__ import annotations

from typing import Any

from ..engine.schema import check_function_type
from ..wire.envelope import Answer, success
from ..wire.errors import bad_parameter, collection_not_found, unsupported
from .call import Call, Route, Routes


def add(call: Call) -> Answer:
    """1100 for every kind."""
    given = call.body["function"]
    check_function_type(given)
    if given["type"] == "BM25":
        raise bad_parameter("currently does not support adding BM25 function")
    call.lite.find(call.database, call.collection_name, collection_not_found(call.collection_name))
    raise _lacking(given)


def alter(call: Call) -> Answer:
    """1100; the collection's functions are BM25, whatever the request says."""
    given, name = call.body["function"], call.body["functionName"]
    check_function_type(given)
    if given["type"] == "BM25":
        raise bad_parameter("currently does not support alter BM25 function")
    if given["name"] != name:
        raise bad_parameter("invalid function config, name not match")
    item, _ = call.lite.find(
        call.database, call.collection_name, collection_not_found(call.collection_name)
    )
    if any(function.name == name for function in item.functions):
        raise bad_parameter("currently does not support alter BM25 function")
    raise bad_parameter(f"function {name} not found")


def drop(call: Call) -> Answer:
    """A missing one is ok."""
    item, _ = call.lite.find(
        call.database, call.collection_name, collection_not_found(call.collection_name)
    )
    if any(function.name == call.body["FunctionName"] for function in item.functions):
        raise bad_parameter("currently does not support droping BM25 function")
    return success({})


def _lacking(given: dict[str, Any]) -> Exception:
    return unsupported(f"function type {given['type']} of function {given['name']}")


ROUTES: Routes = {
    "collections/add_function": Route("CollectionAddFunction", add),
    "collections/alter_function": Route("CollectionAlterFunction", alter),
    "collections/drop_function": Route("CollectionDropFunction", drop),
}
