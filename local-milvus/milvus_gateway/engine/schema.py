"""Collections as they are asked for, checked as Milvus checks them, and turned into Lite's schema.

Both forms of `collections/create` end in a `Collection` of the catalogue. What Milvus has and
Lite has not (other vector types, struct arrays, clustering keys, most analyzers) is refused here
with the field's name, before anything is made.
"""

from __future__ import annotations

import math
from typing import Any

from milvus_lite.engine.collection import Collection as LiteCollection
from milvus_lite.schema.types import CollectionSchema, DataType, FieldSchema, FunctionType
from milvus_lite.schema.types import Function as LiteFunction

from ..wire.errors import (
    PARAMETER_MISSING,
    VECTOR_CLUSTERING_KEY,
    MilvusError,
    bad_parameter,
    illegal_schema,
    unsupported,
)
from ..wire.names import check_collection_name, check_field_name
from ..wire.texts import as_text, is_true
from .analyzers import lite_analyzer
from .catalogue import Collection, Field, Function, Index
from .expiry import TTL_PROPERTY, seconds_to_live

FIRST_FIELD_ID = 100
MAX_FIELDS = 64
MAX_VECTORS = 10
MAX_SHARDS = 16
MAX_DIM = 32768
MAX_TEXT = 65535
MAX_CAPACITY = 4096
PARTITION_KEY_BUCKETS = 16
RESERVED = ("RowID", "Timestamp", "__virtual_pk__")
_KEPT_PARAMS = (
    "mmap.enabled",
    "warmup.scalarField",
    "warmup.scalarIndex",
    "warmup.vectorField",
    "warmup.vectorIndex",
)
# A limit that nothing here would keep.
_QUOTAS = (
    "collection.insertRate",
    "collection.upsertRate",
    "collection.deleteRate",
    "collection.bulkLoadRate",
    "collection.queryRate",
    "collection.searchRate",
    "collection.diskProtection",
    "collection.replicate",
    "partition.diskProtection",
)
ISOLATION_PROPERTY = "partitionkey.isolation"
CONSISTENCY_LEVELS = ("Strong", "Session", "Bounded", "Eventually", "Customized")

INTEGER_BITS = {"Int8": 8, "Int16": 16, "Int32": 32, "Int64": 64}
LITE_TYPES = {
    "Bool": DataType.BOOL,
    "Int8": DataType.INT8,
    "Int16": DataType.INT16,
    "Int32": DataType.INT32,
    "Int64": DataType.INT64,
    "Float": DataType.FLOAT,
    "Double": DataType.DOUBLE,
    "VarChar": DataType.VARCHAR,
    "JSON": DataType.JSON,
    "Array": DataType.ARRAY,
    "Geometry": DataType.GEOMETRY,
    "Timestamptz": DataType.TIMESTAMPTZ,
    "FloatVector": DataType.FLOAT_VECTOR,
    "SparseFloatVector": DataType.SPARSE_FLOAT_VECTOR,
}
_MILVUS_TYPES = {lite: milvus for milvus, lite in LITE_TYPES.items()}
_UNSUPPORTED_TYPES = [
    "BinaryVector",
    "Float16Vector",
    "BFloat16Vector",
    "Int8Vector",
    "Text",
    "String",
    "ArrayOfStruct",
    "ArrayOfVector",
]
CLUSTERING_KEY_TYPES = (*INTEGER_BITS, "Float", "Double", "VarChar")
_ELEMENT_TYPES = ("Bool", "Int8", "Int16", "Int32", "Int64", "Float", "Double", "VarChar")
_DEFAULT_METRICS = {"SparseFloatVector": "IP", "BinaryVector": "HAMMING"}
_FUNCTION_TYPES = ("BM25", "TextEmbedding", "Rerank", "MinHash")


def check_consistency(level: str) -> None:
    """1100 unless it is one of Milvus' five levels, exactly spelt; as a read words it."""
    if level not in CONSISTENCY_LEVELS:
        raise bad_parameter(
            f"consistencyLevel can only be [{', '.join(CONSISTENCY_LEVELS)}], default: Bounded, "
            f"err:parameter:'{level}' is incorrect, please check it: invalid parameter"
        )


# ── create, quick form ──────────────────────────────────────────


def quick(body: dict[str, Any]) -> tuple[Collection, list[dict[str, Any]]]:
    """The form without `schema.fields`: a key, a vector, and an AUTOINDEX named like the vector."""
    params = body.get("params", {})
    vector_type = body.get("vectorFieldType") or "FloatVector"
    allowed = [
        "FloatVector",
        "BinaryVector",
        "Float16Vector",
        "BFloat16Vector",
        "SparseFloatVector",
    ]
    if vector_type not in allowed:
        raise bad_parameter(
            f"vectorFieldType can only be [{', '.join(allowed)}], default: FloatVector: "
            f"invalid parameter[actual={vector_type}]"
        )
    sparse = vector_type == "SparseFloatVector"
    dimension = body.get("dimension", 0)
    if sparse and dimension:
        raise bad_parameter("dimension should not be specified for SparseFloatVector quick create")
    if not sparse and not dimension:
        raise bad_parameter(
            "dimension is required for quickly create collection(default metric type: COSINE): "
            "invalid parameter[expected=collectionName & dimension][actual=collectionName]"
        )
    metric = body.get("metricType") or _DEFAULT_METRICS.get(vector_type, "COSINE")
    vector = Field(
        FIRST_FIELD_ID + 1,
        body.get("vectorFieldName") or "vector",
        vector_type,
        {} if sparse else {"dim": str(dimension)},
    )
    check_metric(vector, metric)
    if vector_type not in LITE_TYPES:
        raise unsupported(f"vectorFieldType {vector_type} of field {vector.name}")
    id_type = body.get("idType") or "Int64"
    key = Field(FIRST_FIELD_ID, body.get("primaryFieldName") or "id", "Int64", primary=True)
    if id_type in ("VarChar", "Varchar"):
        key.type = "VarChar"
        key.params = {"max_length": as_text(params["max_length"])} if "max_length" in params else {}
    elif id_type not in ("Int64", "int64"):
        raise bad_parameter(
            "idType can only be [Int64, VarChar], default: Int64: "
            f"invalid parameter[expected=Int64/VarChar][actual={id_type}]"
        )
    dynamic = params.get("enableDynamicField", True)
    if isinstance(dynamic, str):
        dynamic = dynamic.lower() in ("true", "1", "t")
    item = Collection(
        name=body["collectionName"],
        id=0,
        fields=[key, vector],
        description=body.get("description", ""),
        auto_id=body.get("autoID", False),
        dynamic=bool(dynamic),
    )
    _options(item, body)
    check(item)
    index = {"fieldName": vector.name, "indexName": vector.name, "metricType": metric}
    return item, [index]


# ── create, schema form ─────────────────────────────────────────


def explicit(body: dict[str, Any]) -> tuple[Collection, list[dict[str, Any]]]:
    """The form with `schema.fields`."""
    given = body["schema"]
    for struct in given.get("structFields", []):
        check_struct(struct)
        raise unsupported(f"struct array field {struct.get('fieldName', '')}")
    item = Collection(
        name=body["collectionName"],
        id=0,
        fields=[
            field_of(FIRST_FIELD_ID + number, entry) for number, entry in enumerate(given["fields"])
        ],
        description=body.get("description", ""),
        auto_id=given.get("autoID", False),
        dynamic=given.get("enableDynamicField", False),
    )
    first_function = FIRST_FIELD_ID + len(item.fields)
    for number, entry in enumerate(given.get("functions", [])):
        item.functions.append(_function(first_function + number, entry, item))
    _options(item, body)
    check(item)
    return item, body.get("indexParams", [])


def check_type(kind: str) -> None:
    """1100 unless Milvus knows the data type; worded as `FieldSchema.GetProto` does."""
    if kind not in LITE_TYPES and kind not in _UNSUPPORTED_TYPES:
        raise bad_parameter(f"data type {kind} is invalid(case sensitive): invalid parameter")


def field_of(number: int, entry: dict[str, Any]) -> Field:
    """One entry of `schema.fields`, with `number` as its id."""
    name = entry.get("fieldName", "")
    kind = entry.get("dataType", "")
    if kind in _UNSUPPORTED_TYPES:
        raise unsupported(f"data type {kind} of field {name}")
    if kind not in LITE_TYPES:
        raise bad_parameter(f"invalid parameter, data type {kind} is invalid(case sensitive).")
    element = entry.get("elementDataType", "")
    if kind == "Array" and element not in _ELEMENT_TYPES:
        if element in _UNSUPPORTED_TYPES or element in LITE_TYPES:
            raise bad_parameter(f"element type {element} of array field {name} is not supported")
        raise bad_parameter(
            f"invalid parameter, element data type {element} is invalid(case sensitive)."
        )
    params = {**entry.get("elementTypeParams", {}), **entry.get("typeParams", {})}
    field = Field(
        id=number,
        name=name,
        type=kind,
        params={key: as_text(value) for key, value in params.items()},
        primary=entry.get("isPrimary", False),
        partition_key=entry.get("isPartitionKey", False),
        clustering_key=entry.get("isClusteringKey", False),
        nullable=entry.get("nullable", False),
        description=entry.get("description", ""),
        element_type=element if kind == "Array" else "",
    )
    field.default = _default(field, entry.get("defaultValue"))
    return field


def check_struct(entry: dict[str, Any]) -> None:
    """What Milvus refuses of a struct array field, before Lite's lack of them is told
    (`StructArrayFieldSchema.GetProto`)."""
    name = entry.get("fieldName", "")
    if not entry.get("fields"):
        raise bad_parameter(f"struct field {name} must contain at least one sub-field")
    seen: set[str] = set()
    for sub in entry["fields"]:
        inner, kind = sub.get("fieldName", ""), sub.get("dataType", "")
        where = f"sub-field {inner} of struct {name}"
        check_type(kind)
        if sub.get("defaultValue") is not None:
            raise bad_parameter(
                f"convert defaultValue fail, err: {where} of type {kind} takes none"
            )
        if kind not in ("Array", "ArrayOfVector"):
            raise bad_parameter(f"{where} must be Array or ArrayOfVector, got {kind}")
        if any(sub.get(each) for each in ("isPrimary", "isPartitionKey", "isClusteringKey")):
            raise bad_parameter(f"{where} cannot be primary / partition / clustering key")
        if sub.get("nullable"):
            raise bad_parameter(f"{where} cannot be nullable")
        if inner in seen:
            raise bad_parameter(f"duplicated sub-field name {inner} in struct {name}")
        seen.add(inner)


def _default(field: Field, value: Any) -> Any:
    """A default must have the JSON type of its field; integers come through a double."""
    if value is None:
        return None
    if field.primary:
        raise bad_parameter("primary field not support default_value: invalid parameter")
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if field.type == "Bool" and isinstance(value, bool):
        return value
    if field.type in INTEGER_BITS and number and math.isfinite(value):
        whole, half = int(float(value)), 2 ** (INTEGER_BITS[field.type] - 1)
        if float(value).is_integer() and -half <= whole < half:
            return whole
    if field.type in ("Float", "Double") and number and math.isfinite(value):
        return float(value)
    if field.type in ("VarChar", "Geometry", "Timestamptz") and isinstance(value, str):
        if field.type == "VarChar" and len(value.encode()) > int(field.params.get("max_length", 0)):
            raise bad_parameter(
                f"the length ({len(value.encode())}) of string exceeds max length "
                f"({field.params.get('max_length')}): invalid parameter"
            )
        return value
    raise bad_parameter(
        f"convert defaultValue fail, err: cannot use {as_text(value)} as default value of field "
        f"{field.name} with type {field.type}: invalid parameter"
    )


def check_function_type(entry: dict[str, Any]) -> None:
    """1100 unless Milvus knows the type of function."""
    kind = entry.get("type", "")
    if kind not in _FUNCTION_TYPES:
        raise bad_parameter(f"Unsupported function type: {kind}: invalid parameter")


def _function(number: int, entry: dict[str, Any], item: Collection) -> Function:
    kind, name = entry.get("type", ""), entry.get("name", "")
    check_function_type(entry)
    if kind != "BM25":
        raise unsupported(f"function type {kind} of function {name}")
    inputs, outputs = entry.get("inputFieldNames", []), entry.get("outputFieldNames", [])
    for fault, what in (
        (not name, "function name cannot be empty"),
        (not inputs, f"function input field names cannot be empty, function: {name}"),
        (not outputs, f"function output field names cannot be empty, function: {name}"),
    ):
        if fault:
            raise MilvusError(PARAMETER_MISSING, f"{what}: missing parameter")
    if entry.get("params"):
        raise bad_parameter("BM25 function accepts no params: invalid parameter")
    if any(other.name == name for other in item.functions):
        raise bad_parameter(f"duplicate function name: {name}: invalid parameter")
    source, target = item.field_named(inputs[0]), item.field_named(outputs[0])
    if source is None:
        raise bad_parameter(f"function input field not found: {inputs[0]}: invalid parameter")
    if target is None:
        raise bad_parameter(f"function output field not found: {outputs[0]}: invalid parameter")
    if len(inputs) != 1 or source.type != "VarChar":
        raise bad_parameter(
            f"BM25 function input field must be a VARCHAR/TEXT field, got {len(inputs)} field with "
            f"type {source.type}: invalid parameter"
        )
    if source.params.get("enable_analyzer", "").lower() != "true":
        raise bad_parameter(
            "BM25 function input field must set enable_analyzer to true: invalid parameter"
        )
    if len(outputs) != 1:
        raise bad_parameter(
            f"BM25 function only need 1 output field, but got {len(outputs)}: invalid parameter"
        )
    if target.type != "SparseFloatVector":
        raise bad_parameter(
            "BM25 function output field must be a SparseFloatVector field, "
            f"but got {target.type}: invalid parameter"
        )
    if target.function_output:
        raise bad_parameter(
            f"duplicate function output field: function {name}, field {target.name}: "
            "invalid parameter"
        )
    if target.nullable:
        raise bad_parameter(
            f"function output field cannot be nullable: function {name}, field {target.name}: "
            "invalid parameter"
        )
    if source.nullable:
        raise unsupported(f"nullable input field {source.name} of function {name}")
    target.function_output = True
    return Function(
        id=number,
        name=name,
        input=source.name,
        output=target.name,
        description=entry.get("description", ""),
        params={key: as_text(value) for key, value in entry.get("params", {}).items()},
    )


def _options(item: Collection, body: dict[str, Any]) -> None:
    """`params`, the top-level `consistencyLevel` and `properties` of both forms."""
    params = body.get("params", {})
    levels = [x for x in (body.get("consistencyLevel"), params.get("consistencyLevel")) if x]
    if len(set(map(str, levels))) > 1:
        raise bad_parameter(
            "top-level consistencyLevel conflicts with params.consistencyLevel: "
            f"invalid parameter[expected=same consistencyLevel][actual={levels[1]}]"
        )
    if levels:
        item.consistency = str(levels[0])
        if item.consistency not in CONSISTENCY_LEVELS:
            known = ", ".join(CONSISTENCY_LEVELS)
            raise bad_parameter(
                f"consistencyLevel can only be [{known}], default: Bounded: "
                f"invalid parameter[expected={known}][actual={item.consistency}]"
            )
    item.shards = _count(params.get("shardsNum", 1), "shardsNum")
    if item.partition_key is not None:
        buckets = _count(params.get("partitionsNum", PARTITION_KEY_BUCKETS), "partitionsNum")
        if buckets != PARTITION_KEY_BUCKETS:
            raise unsupported(f"partitionsNum other than {PARTITION_KEY_BUCKETS}")
    if is_true(params.get("partitionKeyIsolation")):
        if item.partition_key is None:
            raise bad_parameter(
                "partition key isolation mode is enabled but no partition key field is set. "
                "Please set the partition key first"
            )
        item.properties[ISOLATION_PROPERTY] = "true"
    if params.get("ttlField"):
        raise unsupported("params.ttlField")
    for key in _KEPT_PARAMS:
        if key in params:
            item.properties[key] = as_text(params[key])
    # Of the properties only the time to live counts here, under either name.
    given = body.get("properties", {})
    lives = [given[key] for key in (TTL_PROPERTY, "ttl.seconds") if key in given]
    lives += [params["ttlSeconds"]] if "ttlSeconds" in params else []
    if len(lives) > 1:
        raise bad_parameter("collection TTL is specified multiple times")
    if lives:
        check_property(TTL_PROPERTY, lives[0])
        item.properties[TTL_PROPERTY] = as_text(lives[0])
    if body.get("schema", {}).get("externalSource"):
        raise unsupported("schema.externalSource")


def check_property(key: str, value: Any) -> None:
    """Lite stores any property and acts on none. What is not done here either is refused."""
    if key == TTL_PROPERTY:
        seconds_to_live(as_text(value))
    if key == "ttl_field" or key.startswith(_QUOTAS):
        raise unsupported(f"property {key}")
    if key == ISOLATION_PROPERTY and is_true(value):
        raise unsupported(f"property {key}")


def _count(value: Any, what: str) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        raise bad_parameter(f"invalid {what}: {value}") from None


# ── checks of the whole ─────────────────────────────────────────


def check(item: Collection) -> None:
    """What the proxy checks of a schema, in its order (`createCollectionTask.PreExecute`)."""
    if not 1 <= item.shards <= MAX_SHARDS:
        raise bad_parameter(
            f"maximum shards's number should be limited to {MAX_SHARDS}: invalid parameter"
        )
    if len(item.fields) > MAX_FIELDS:
        raise bad_parameter(f"maximum field's number should be limited to {MAX_FIELDS}")
    if len(item.vectors) > MAX_VECTORS:
        raise bad_parameter(f"maximum vector field's number should be limited to {MAX_VECTORS}")
    if not item.vectors:
        raise bad_parameter("schema does not contain vector field: invalid parameter")
    check_collection_name(item.name)
    _check_primary_key(item)
    _check_partition_key(item)
    _check_clustering_key(item)
    for field in item.fields:
        check_field_name(field.name)
        check_params(field, item.name)
    seen: set[str] = set()
    for field in item.fields:
        if field.name in seen:
            raise bad_parameter(f"duplicated field name {field.name} found: invalid parameter")
        seen.add(field.name)


def _check_primary_key(item: Collection) -> None:
    for field in item.fields:
        if field.name in RESERVED:
            raise bad_parameter(f"field name {field.name} is reserved by the system")
    keys = [field for field in item.fields if field.primary]
    if not keys:
        raise MilvusError(PARAMETER_MISSING, "primary key is not specified: missing parameter")
    if len(keys) > 1:
        raise bad_parameter(
            f"there are more than one primary key, field name = {keys[0].name}, {keys[1].name}"
        )
    if keys[0].type not in ("Int64", "VarChar"):
        raise bad_parameter("the data type of primary key should be Int64 or VarChar")
    if keys[0].nullable:
        raise bad_parameter("primary field not support null: invalid parameter")
    if keys[0].partition_key:
        raise bad_parameter("the partition key field must not be primary field")


def _check_partition_key(item: Collection) -> None:
    keys = [field for field in item.fields if field.partition_key]
    if not keys:
        return
    if len(keys) > 1:
        raise bad_parameter(
            "there are more than one partition key, "
            f"field name = {keys[0].name}, {keys[1].name}: invalid parameter"
        )
    if keys[0].type not in ("Int64", "VarChar"):
        raise bad_parameter(
            "the data type of partition key should be Int64 or VarChar: invalid parameter"
        )
    if keys[0].nullable:
        raise bad_parameter(
            f"partition key field not support nullable: invalid parameter[field={keys[0].name}]"
        )


def _check_clustering_key(item: Collection) -> None:
    """It orders what a clustering compaction writes (`createCollectionTask`)."""
    keys = [field for field in item.fields if field.clustering_key]
    for field in keys:
        if field.type == "FloatVector":
            raise MilvusError(
                VECTOR_CLUSTERING_KEY,
                f"vector clustering key not allowed[collection={item.name}]",
            )
        if field.type not in CLUSTERING_KEY_TYPES:
            raise illegal_schema(
                item.name,
                f"clustering key field {field.name} has unsupported data type {field.type}",
            )
    if len(keys) > 1:
        raise illegal_schema(
            item.name,
            f"there are more than one clustering key, field name = {keys[0].name}, {keys[1].name}",
        )


def check_params(field: Field, collection: str) -> None:
    """What a field's type asks of its parameters (`ValidateField`)."""
    if field.type == "FloatVector":
        text = field.params.get("dim")
        if text is None:
            raise bad_parameter(
                f"dimension is not defined in field type params of field {field.name}, "
                "check type param `dim` for vector field"
            )
        dim = _count(text, f"dimension of field {field.name}")
        if dim < 2:
            raise bad_parameter(f"invalid dimension: {dim}. should be in range 2 ~ {MAX_DIM}")
        if dim > MAX_DIM:
            raise bad_parameter(
                f"invalid dimension: {dim} of field {field.name}. "
                f"float vector dimension should be in range 2 ~ {MAX_DIM}"
            )
    if field.type == "SparseFloatVector" and "dim" in field.params:
        raise bad_parameter(
            f"dim should not be specified for sparse vector field {field.name}({field.id})"
        )
    if field.type == "VarChar" or field.element_type == "VarChar":
        _check_length(field, collection)
    if field.type == "Array":
        _check_capacity(field, collection)
    analyzed = field.params.get("enable_analyzer", "").lower() == "true"
    if field.params.get("enable_match", "").lower() == "true" and not analyzed:
        raise bad_parameter(f"field {field.name} is set to enable match but not enable analyzer")
    if "multi_analyzer_params" in field.params:
        raise unsupported(f"multi_analyzer_params of field {field.name}")
    if "analyzer_params" in field.params:
        lite_analyzer(field)


def _check_length(field: Field, collection: str) -> None:
    text = field.params.get("max_length")
    if text is None:
        raise MilvusError(
            PARAMETER_MISSING,
            f"type param(max_length) should be specified for the field({field.name}) of "
            f"collection {collection}: missing parameter",
        )
    value = _count(text, f"max_length of field {field.name}")
    if not 1 <= value <= MAX_TEXT:
        raise bad_parameter(
            f"the maximum length specified for the field({field.name}) should be in "
            f"(0, {MAX_TEXT}], but got {value} instead: invalid parameter"
        )


def _check_capacity(field: Field, collection: str) -> None:
    text = field.params.get("max_capacity")
    if text is None:
        raise MilvusError(
            PARAMETER_MISSING,
            f"type param(max_capacity) should be specified for array field {field.name} of "
            f"collection {collection}: missing parameter",
        )
    try:
        value = int(text)
    except ValueError:
        raise bad_parameter(
            f"the value for max_capacity of field {field.name} must be an integer"
        ) from None
    if not 1 <= value <= MAX_CAPACITY:
        raise bad_parameter(
            f"the maximum capacity specified for a Array should be in (0, {MAX_CAPACITY}]"
        )


def check_metric(field: Field, metric: str) -> None:
    """1100 unless the metric fits the vector type."""
    if field.type == "BinaryVector" and metric not in ("HAMMING", "JACCARD"):
        raise bad_parameter(f"binary vector index does not support metric type: {metric}")
    floats = ("FloatVector", "Float16Vector", "BFloat16Vector")
    if field.type in floats and metric not in ("L2", "IP", "COSINE"):
        raise bad_parameter(f"float vector index does not support metric type: {metric}")
    if field.type == "SparseFloatVector":
        if metric not in ("IP", "BM25"):
            raise bad_parameter("only IP&BM25 is the supported metric type for sparse index")
        if metric == "BM25" and not field.function_output:
            raise bad_parameter("only BM25 Function output field support BM25 metric type")
        if metric == "IP" and field.function_output:
            raise bad_parameter(
                f"only BM25 metric type is supported for BM25 function output field {field.name}"
            )


# ── to and from Lite ────────────────────────────────────────────


def to_lite(item: Collection) -> CollectionSchema:
    """The same collection in Lite's terms. autoID stays here: Lite would count 1, 2, 3…"""
    return CollectionSchema(
        fields=[
            FieldSchema(
                name=field.name,
                dtype=LITE_TYPES[field.type],
                is_primary=field.primary,
                dim=field.dim if field.type == "FloatVector" else None,
                max_length=int(field.params["max_length"]) if field.type == "VarChar" else None,
                element_type=LITE_TYPES[field.element_type] if field.type == "Array" else None,
                max_capacity=int(field.params["max_capacity"]) if field.type == "Array" else None,
                nullable=field.nullable or (field.default is not None),
                enable_analyzer=field.params.get("enable_analyzer", "").lower() == "true",
                enable_match=field.params.get("enable_match", "").lower() == "true",
                analyzer_params=lite_analyzer(field),
                is_function_output=field.function_output,
                is_partition_key=field.partition_key,
            )
            for field in item.fields
        ],
        enable_dynamic_field=item.dynamic,
        functions=[
            LiteFunction(function.name, FunctionType.BM25, [function.input], [function.output])
            for function in item.functions
        ],
        properties=dict(item.properties),
    )


def describes(item: Collection, stored: CollectionSchema) -> bool:
    """Whether Lite's schema is that of this collection, and not of another of the same name. A
    field more is one that was being added when the process was killed."""

    def columns(lite: CollectionSchema) -> list[tuple[Any, ...]]:
        return [
            (each.name, each.dtype, each.dim, each.is_primary, each.is_partition_key)
            for each in lite.fields
        ]

    return columns(to_lite(item))[: len(stored.fields)] == columns(stored)


def indexes_of(engine: LiteCollection) -> list[Index]:
    """The indexes that Lite has, each under the name of its field."""
    indexes = []
    for field_name in engine.list_indexes():
        spec = engine.get_index_info(field_name) or {}
        metric = spec.get("metric_type", "")
        indexes.append(
            Index(
                name=field_name,
                field=field_name,
                type=spec.get("index_type", "AUTOINDEX"),
                metric="" if metric == "NONE" else metric,
                params={k: as_text(v) for k, v in (spec.get("build_params") or {}).items()},
                given=as_text(spec["build_params"]) if spec.get("build_params") else "",
            )
        )
    return indexes


def from_lite(engine: LiteCollection, collection_id: int) -> Collection:
    """What can be told of a collection that another program made."""
    lite = engine.schema
    fields = []
    for number, given in enumerate(lite.fields):
        params: dict[str, str] = {}
        for key in ("dim", "max_length", "max_capacity"):
            if getattr(given, key) is not None:
                params[key] = str(getattr(given, key))
        if given.dtype == DataType.VARCHAR:
            params.setdefault("max_length", str(MAX_TEXT))
        for key in ("enable_analyzer", "enable_match"):
            if getattr(given, key):
                params[key] = "true"
        if given.analyzer_params:
            params["analyzer_params"] = as_text(given.analyzer_params)
        fields.append(
            Field(
                id=FIRST_FIELD_ID + number,
                name=given.name,
                type=_MILVUS_TYPES[given.dtype],
                params=params,
                primary=given.is_primary,
                partition_key=given.is_partition_key,
                nullable=given.nullable,
                element_type=_MILVUS_TYPES[given.element_type] if given.element_type else "",
                default=given.default_value,
                function_output=given.is_function_output,
            )
        )
    indexes = indexes_of(engine)
    return Collection(
        name=engine.name,
        id=collection_id,
        fields=fields,
        functions=[
            Function(
                FIRST_FIELD_ID + len(fields) + number,
                given.name,
                given.input_field_names[0],
                given.output_field_names[0],
            )
            for number, given in enumerate(lite.functions)
            if given.function_type == FunctionType.BM25
        ],
        auto_id=any(field.auto_id for field in lite.fields),
        dynamic=lite.enable_dynamic_field,
        properties={key: as_text(value) for key, value in lite.properties.items()},
        indexes=indexes,
        loaded=bool(indexes),
    )
