"""Collections between Milvus' protobuf messages, REST's request bodies and the catalogue.

What a client creates over gRPC becomes the body that REST would have got, so it is checked in the
one place where REST's is checked. What it is told of a collection comes from the catalogue, like
REST's answers, because Lite forgets names, ids, descriptions and given parameters.
"""

from __future__ import annotations

import functools
import json
import struct
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from google.protobuf.message import DecodeError
from milvus_lite.exceptions import MilvusLiteError
from pymilvus.grpc_gen import common_pb2, schema_pb2

from ..engine.catalogue import Collection, Field, Function
from ..wire.errors import bad_parameter


def pairs_to_dict(pairs: Iterable[Any]) -> dict[str, str]:
    """Key-value pairs; the last of a repeated key wins."""
    return {pair.key: pair.value for pair in pairs}


def dict_to_pairs(values: dict[str, str]) -> list[common_pb2.KeyValuePair]:
    """Key-value pairs in the order of their keys."""
    return [common_pb2.KeyValuePair(key=key, value=value) for key, value in sorted(values.items())]


# ── in ──────────────────────────────────────────────────────────

Translator = TypeVar("Translator", bound=Callable[..., Any])


def of_a_client(translate: Translator) -> Translator:
    """Refuse with 1100 what cannot be decoded: the bytes inside a message are the client's."""

    @functools.wraps(translate)
    def careful(*arguments: Any) -> Any:
        try:
            return translate(*arguments)
        except (DecodeError, MilvusLiteError, ValueError, TypeError, struct.error) as error:
            reason = (str(error).splitlines() or ["malformed"])[0]
            raise bad_parameter(f"the request cannot be decoded: {reason}") from None

    return careful  # type: ignore[return-value]


@of_a_client
def create_body(request: Any) -> dict[str, Any]:
    """A CreateCollectionRequest as the body of `collections/create`."""
    given = schema_pb2.CollectionSchema()
    given.ParseFromString(request.schema)
    params: dict[str, Any] = {}
    if request.shards_num:
        params["shardsNum"] = request.shards_num
    if request.num_partitions:
        params["partitionsNum"] = request.num_partitions
    key_numbered = any(field.is_primary_key and field.autoID for field in given.fields)
    body: dict[str, Any] = {
        "collectionName": request.collection_name,
        "description": given.description,
        "consistencyLevel": common_pb2.ConsistencyLevel.Name(request.consistency_level),
        "params": params,
        "properties": pairs_to_dict([*given.properties, *request.properties]),
        "schema": {
            "autoID": given.autoID or key_numbered,
            "enableDynamicField": given.enable_dynamic_field,
            "fields": [_field_body(field) for field in given.fields if not field.is_dynamic],
            "functions": [function_body(function) for function in given.functions],
            "structFields": [
                {
                    "fieldName": field.name,
                    "description": field.description,
                    "fields": [_field_body(sub) for sub in field.fields],
                }
                for field in given.struct_array_fields
            ],
            "externalSource": given.external_source,
        },
    }
    return body


def _type_name(number: int) -> str:
    try:
        return schema_pb2.DataType.Name(number)
    except ValueError:
        return str(number)


def _field_body(field: Any) -> dict[str, Any]:
    body: dict[str, Any] = {
        "fieldName": field.name,
        "description": field.description,
        "dataType": _type_name(field.data_type),
        "isPrimary": field.is_primary_key,
        "isPartitionKey": field.is_partition_key,
        "isClusteringKey": field.is_clustering_key,
        "elementTypeParams": pairs_to_dict(field.type_params),
        "nullable": field.nullable,
    }
    if body["dataType"] in ("Array", "ArrayOfVector"):
        body["elementDataType"] = _type_name(field.element_type)
    which = field.default_value.WhichOneof("data")
    if which is not None:
        body["defaultValue"] = getattr(field.default_value, which)
    return body


def function_body(function: Any) -> dict[str, Any]:
    """A FunctionSchema as REST names its keys."""
    try:
        kind = schema_pb2.FunctionType.Name(function.type)
    except ValueError:
        kind = str(function.type)
    return {
        "name": function.name,
        "description": function.description,
        "type": kind,
        "inputFieldNames": list(function.input_field_names),
        "outputFieldNames": list(function.output_field_names),
        "params": pairs_to_dict(function.params),
    }


@of_a_client
def added_field_body(request: Any) -> dict[str, Any]:
    """An AddCollectionFieldRequest as the body of `collections/fields/add`."""
    field = schema_pb2.FieldSchema.FromString(request.schema)
    return {"collectionName": request.collection_name, "schema": _field_body(field)}


@of_a_client
def analyzer_body(request: Any) -> dict[str, Any]:
    """A RunAnalyzerRequest as the body of `common/run_analyzer`."""
    return {
        "analyzerParams": request.analyzer_params,
        "text": [text.decode() for text in request.placeholder],
        "withDetail": request.with_detail,
        "withHash": request.with_hash,
        "collectionName": request.collection_name,
        "fieldName": request.field_name,
        "analyzerNames": list(request.analyzer_names),
    }


@of_a_client
def index_body(request: Any) -> dict[str, Any]:
    """A CreateIndexRequest as one entry of `indexParams`."""
    pairs = pairs_to_dict(request.extra_params)
    kind, metric = pairs.pop("index_type", ""), pairs.pop("metric_type", "")
    text = pairs.pop("params", "") or "{}"
    try:
        inside = json.loads(text)
    except ValueError:
        inside = None
    if not isinstance(inside, dict):
        raise bad_parameter(f"params of an index must be a JSON object, but got {text}")
    return {
        "fieldName": request.field_name,
        "indexName": request.index_name,
        "indexType": kind,
        "metricType": metric,
        "params": inside | pairs,
    }


# ── out ─────────────────────────────────────────────────────────


def schema_message(item: Collection) -> schema_pb2.CollectionSchema:
    """The schema as `DescribeCollection` tells it. Milvus hides the dynamic column."""
    return schema_pb2.CollectionSchema(
        name=item.name,
        description=item.description,
        autoID=item.auto_id,
        enable_dynamic_field=item.dynamic,
        fields=[_field_message(field, item) for field in item.fields],
        functions=[_function_message(function, item) for function in item.functions],
        properties=dict_to_pairs(item.properties),
    )


def _field_message(field: Field, item: Collection) -> schema_pb2.FieldSchema:
    message = schema_pb2.FieldSchema(
        fieldID=field.id,
        name=field.name,
        description=field.description,
        data_type=schema_pb2.DataType.Value(field.type),
        is_primary_key=field.primary,
        autoID=field.primary and item.auto_id,
        is_partition_key=field.partition_key,
        nullable=field.nullable,
        is_function_output=field.function_output,
        type_params=dict_to_pairs(field.params),
        state=schema_pb2.FieldState.FieldCreated,
    )
    if field.element_type:
        message.element_type = schema_pb2.DataType.Value(field.element_type)
    if field.default is not None:
        slot = _DEFAULT_SLOTS.get(field.type, "int_data")
        if field.type == "Timestamptz" and isinstance(field.default, int):
            slot = "timestamptz_data"
        setattr(message.default_value, slot, field.default)
    return message


_DEFAULT_SLOTS = {
    "Bool": "bool_data",
    "Int64": "long_data",
    "Float": "float_data",
    "Double": "double_data",
    "VarChar": "string_data",
    "Geometry": "string_data",
    "Timestamptz": "string_data",
}


def _function_message(function: Function, item: Collection) -> schema_pb2.FunctionSchema:
    ids = {field.name: field.id for field in item.fields}
    return schema_pb2.FunctionSchema(
        name=function.name,
        id=function.id,
        description=function.description,
        type=schema_pb2.FunctionType.BM25,
        input_field_names=[function.input],
        input_field_ids=[ids[function.input]],
        output_field_names=[function.output],
        output_field_ids=[ids[function.output]],
        params=dict_to_pairs(function.params),
    )


# ── template values ─────────────────────────────────────────────


def template_values(values: Any) -> dict[str, Any]:
    """`expr_template_values` as REST's `exprParams`."""
    return {name: _template_value(value) for name, value in values.items()}


def _template_value(value: Any) -> Any:
    which = value.WhichOneof("val")
    if which is None:
        return None
    inner = getattr(value, which)
    return _template_array(inner) if which == "array_val" else inner


def _template_array(array: Any) -> list[Any]:
    which = array.WhichOneof("data")
    if which is None:
        return []
    inner = getattr(array, which)
    if which == "array_data":
        return [_template_array(each) for each in inner.data]
    if which == "json_data":
        return [json.loads(each) for each in inner.data]
    return list(inner.data)
