"""Rows and searches between Milvus' protobuf messages and REST's request bodies.

Milvus' REST layer turns its bodies into these messages; here it is the other way round, so that
both doors lead to the same checks and the same answers. The columns themselves are encoded by
Milvus Lite's translators.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import numpy as np
import orjson
from milvus_lite.adapter.grpc.translators.records import (
    fields_data_to_records,
    records_to_fields_data,
)
from milvus_lite.adapter.grpc.translators.result import build_search_result_data
from milvus_lite.adapter.grpc.translators.search import parse_search_request
from milvus_lite.engine.collection import Collection as LiteCollection
from milvus_lite.engine.projection import build_projection_plan, projection_output_fields
from milvus_lite.schema.timestamptz import micros_to_iso_z
from pymilvus.grpc_gen import schema_pb2

from ..engine.catalogue import Collection
from ..families.outputs import columns
from ..families.search import Hit
from ..wire.errors import bad_parameter, unsupported
from .schemas import function_body, of_a_client, pairs_to_dict, template_values

NO_LIMIT = -1
_NOT_FOR_LITE = ("search_aggregation", "highlighter")


# ── in ──────────────────────────────────────────────────────────


@of_a_client
def write_body(request: Any, item: Collection) -> dict[str, Any]:
    """An InsertRequest or UpsertRequest as the body of `entities/insert` or `…/upsert`."""
    rows = _rows_of(request)
    for field in item.fields:
        shape = _AS_TEXT.get(field.type)
        if shape is None:
            continue
        for row in rows:
            if row.get(field.name) is not None:
                row[field.name] = shape(row[field.name])
    return {
        "collectionName": request.collection_name,
        "partitionName": request.partition_name,
        "data": rows,
    }


def _rows_of(request: Any) -> list[dict[str, Any]]:
    """The rows of columns. Null vectors are not sent: Lite's translator fills them in for dense
    fields only, and not where every one is null."""
    vectors = {
        data.field_name: list(data.valid_data)
        for data in request.fields_data
        if data.type in _VECTORS and data.valid_data
    }
    sent = []
    for data in request.fields_data:
        valid = vectors.get(data.field_name)
        if valid and not any(valid):
            continue
        if valid and data.type == schema_pb2.DataType.SparseFloatVector:
            _widen(data.vectors.sparse_float_vector, valid)
        sent.append(data)
    rows: list[dict[str, Any]] = fields_data_to_records(sent, request.num_rows, "UTC")
    for name, valid in vectors.items():
        for row, is_there in zip(rows, valid, strict=True):
            if not is_there:
                row[name] = None
    return rows


def _widen(sparse: Any, valid: list[bool]) -> None:
    """An empty vector where none was sent."""
    given = list(sparse.contents)
    if len(given) == sum(valid):
        present = iter(given)
        sparse.ClearField("contents")
        sparse.contents.extend(next(present) if each else b"" for each in valid)


_VECTORS = (schema_pb2.DataType.FloatVector, schema_pb2.DataType.SparseFloatVector)
_AS_TEXT = {
    "JSON": lambda value: orjson.dumps(value).decode(),
    "Timestamptz": micros_to_iso_z,
}
"""What REST takes as text and Lite's translator has parsed."""


def ids_message(item: Collection, keys: Iterable[Any]) -> schema_pb2.IDs:
    """Primary keys."""
    ids = schema_pb2.IDs()
    (ids.int_id if item.primary.type == "Int64" else ids.str_id).data.extend(keys)
    return ids


@of_a_client
def query_body(request: Any) -> dict[str, Any]:
    """A QueryRequest as the body of `entities/query`. Without output fields Milvus answers with
    the key, and without a limit with everything."""
    given = _parsed(request.query_params)
    return {
        "collectionName": request.collection_name,
        "filter": request.expr,
        "exprParams": template_values(request.expr_template_values),
        "partitionNames": list(request.partition_names),
        "outputFields": list(request.output_fields),
        "limit": _whole(given, "limit", NO_LIMIT),
        "offset": _whole(given, "offset", 0),
        "groupByFields": _listed(given.get("group_by_fields")),
        "orderByFields": _listed(given.get("order_by_fields")),
    }


@of_a_client
def search_body(request: Any) -> dict[str, Any]:
    """A SearchRequest as the body of `entities/search`, or as one entry of hybrid search's."""
    for name in _NOT_FOR_LITE:
        if request.HasField(name):
            raise unsupported(name)
    given = _parsed(request.search_params)
    body: dict[str, Any] = {
        "collectionName": request.collection_name,
        "annsField": str(given.pop("anns_field", "")),
        "filter": request.dsl,
        "exprParams": template_values(request.expr_template_values),
        "partitionNames": list(request.partition_names),
        "outputFields": list(request.output_fields),
        "limit": _whole(given, "topk", 0),
        "offset": _whole(given, "offset", 0),
        "orderByFields": _listed(given.pop("order_by_fields", None)),
        **_grouping(given),
    }
    if request.WhichOneof("search_input") == "ids":
        ids = request.ids
        body["ids"] = [str(key) for key in ids.int_id.data] or list(ids.str_id.data)
    else:
        body["data"] = parse_search_request(request)["query_vectors"]
    if request.HasField("function_score"):
        body["functionScore"] = _function_score(request.function_score)
    if request.function_chains:
        body["functionChains"] = [_chain(each) for each in request.function_chains]
    for name in ("topk", "offset", "group_by_field", "group_size", "strict_group_size"):
        given.pop(name, None)
    body["searchParams"] = {key: value for key, value in given.items() if value is not None}
    return body


@of_a_client
def hybrid_body(request: Any) -> dict[str, Any]:
    """A HybridSearchRequest as the body of `entities/hybrid_search`."""
    given = _parsed(request.rank_params)
    parts = []
    for each in request.requests:
        part = search_body(each)
        part["params"] = part.pop("searchParams")
        parts.append(part)
    partitions = list(request.partition_names)
    if not partitions and request.requests:
        partitions = list(request.requests[0].partition_names)
    body = {
        "collectionName": request.collection_name,
        "search": parts,
        "partitionNames": partitions,
        "outputFields": list(request.output_fields),
        "limit": _whole(given, "limit", 0),
        "offset": _whole(given, "offset", 0),
        **_grouping(given),
    }
    if request.HasField("function_score"):
        body["functionScore"] = _function_score(request.function_score)
    else:
        params = given.get("params", {})
        if not isinstance(params, dict):
            raise bad_parameter(f"params of the rank must be a JSON object, but got {params}")
        body["rerank"] = {"strategy": str(given.get("strategy", "rrf")), "params": params}
    if request.function_chains:
        body["functionChains"] = [_chain(each) for each in request.function_chains]
    return body


def _grouping(given: dict[str, Any]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    if given.get("group_by_field"):
        out["groupingField"] = given["group_by_field"]
        out["groupSize"] = _whole(given, "group_size", 1)
        out["strictGroupSize"] = bool(given.get("strict_group_size"))
    return out


def _function_score(score: Any) -> dict[str, Any]:
    functions = []
    for each in score.functions:
        body = function_body(each)
        body["params"] = _parsed(each.params)
        functions.append(body)
    return {"functions": functions, "params": pairs_to_dict(score.params)}


def _chain(chain: Any) -> dict[str, Any]:
    ops = []
    for op in chain.ops:
        body = {
            "op": op.op,
            "inputs": list(op.inputs),
            "outputs": list(op.outputs),
            "params": {name: _param(value) for name, value in op.params.items()},
        }
        if op.HasField("expr"):
            body["expr"] = {
                "name": op.expr.name,
                "args": [
                    {"column": arg.column.name}
                    if arg.HasField("column")
                    else {"literal": _param(arg.literal)}
                    for arg in op.expr.args
                ],
                "params": {name: _param(value) for name, value in op.expr.params.items()},
            }
        ops.append(body)
    stage = schema_pb2.FunctionChainStage.Name(chain.stage)
    return {"name": chain.name, "stage": stage, "ops": ops}


def _param(value: Any) -> Any:
    which = value.WhichOneof("value")
    if which is None:
        return None
    inner = getattr(value, which)
    if which == "array_value":
        return [_param(each) for each in inner.values]
    if which == "object_value":
        return {name: _param(each) for name, each in inner.fields.items()}
    return inner


def _parsed(pairs: Iterable[Any]) -> dict[str, Any]:
    """Key-value pairs whose values are JSON, or else text."""
    out: dict[str, Any] = {}
    for pair in pairs:
        try:
            out[pair.key] = json.loads(pair.value)
        except ValueError:
            out[pair.key] = pair.value
    return out


def _whole(given: dict[str, Any], key: str, otherwise: int) -> int:
    value = given.get(key, otherwise)
    if isinstance(value, bool) or not isinstance(value, int):
        raise bad_parameter(f"{key} [{value}] is invalid: invalid parameter")
    return value


def _listed(value: Any) -> list[str]:
    """A comma-separated list."""
    return [each.strip() for each in str(value or "").split(",") if each.strip()]


# ── out ─────────────────────────────────────────────────────────


def query_message(
    request: Any, item: Collection, engine: LiteCollection, rows: list[dict[str, Any]] | int
) -> dict[str, Any]:
    """The fields of a QueryResults."""
    if isinstance(rows, int):
        count = schema_pb2.FieldData(field_name="count(*)", type=schema_pb2.DataType.Int64)
        count.scalars.long_data.data.append(rows)
        return {
            "fields_data": [count],
            "collection_name": item.name,
            "output_fields": ["count(*)"],
        }
    given = _parsed(request.query_params)
    plan = build_projection_plan(
        columns(item, list(request.output_fields)), engine.schema, api_kind="query"
    )
    data = records_to_fields_data(
        rows,
        engine.schema,
        projection_plan=plan,
        time_fields=given.get("time_fields"),
        timezone=engine._effective_timezone(given.get("timezone")),
    )
    return {
        "fields_data": _asked_for(data, plan.include_raw_meta),
        "collection_name": item.name,
        "output_fields": projection_output_fields(plan, engine.schema, include_primary=True),
        "primary_field_name": item.primary.name,
    }


def search_message(
    pairs: Iterable[Any],
    body: dict[str, Any],
    item: Collection,
    engine: LiteCollection,
    found: list[list[Hit]],
    names: list[str],
) -> dict[str, Any]:
    """The fields of a SearchResults; `pairs` are the parameters of the request."""
    given = _parsed(pairs)
    plan = build_projection_plan(names, engine.schema, api_kind="search")
    results = build_search_result_data(
        [
            [{"id": hit.key, "distance": hit.score, "entity": hit.row} for hit in hits]
            for hits in found
        ],
        engine.schema,
        body["limit"],
        item.primary.name,
        projection_plan=plan,
        group_by_field=body.get("groupingField"),
        time_fields=given.get("time_fields"),
        timezone=engine._effective_timezone(given.get("timezone")),
    )
    kept = _asked_for(results.fields_data, plan.include_raw_meta)
    del results.fields_data[:]
    results.fields_data.extend(kept)
    return {"results": results, "collection_name": item.name}


def _asked_for(data: Iterable[Any], with_dynamic: bool) -> list[Any]:
    """Lite adds the dynamic column to every answer."""
    kept = [each for each in data if with_dynamic or not each.is_dynamic]
    for each in kept:
        _leave_out_null_vectors(each)
    return kept


def _leave_out_null_vectors(data: Any) -> None:
    """Milvus sends the vectors that there are, and clients count them by `valid_data`; Lite's
    translator puts a zero vector in the place of each null."""
    if not data.HasField("vectors") or all(data.valid_data):
        return
    valid, vectors = data.valid_data, data.vectors
    if data.type == schema_pb2.DataType.SparseFloatVector:
        contents = vectors.sparse_float_vector.contents
        there = [each for each, is_there in zip(contents, valid, strict=True) if is_there]
        vectors.sparse_float_vector.ClearField("contents")
        vectors.sparse_float_vector.contents.extend(there)
        return
    rows = np.array(vectors.float_vector.data, dtype=np.float32).reshape(len(valid), vectors.dim)
    vectors.float_vector.ClearField("data")
    # The field stays present with no vector in it, too.
    vectors.float_vector.SetInParent()
    vectors.float_vector.data.extend(rows[np.array(valid)].ravel())
