"""What a request body may hold: the request types of Milvus' `request_v2.go`, decoded as Go does.

Keys match without case, unknown ones are ignored, the last of a repeated key wins, `null` leaves a
field at its zero value, and a wrong JSON type is 1801. A required field must not be zero (1802); a
present empty list passes. As Milvus' validator does, objects inside an object are looked into, the
elements of a list are not: those fail later, with the code of whoever misses them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import orjson

from .errors import BAD_JSON, REQUIRED_MISSING, MilvusError, bad_parameter

_INT_RANGES = {
    "int32": (-(2**31), 2**31 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "uint64": (0, 2**64 - 1),
}
_GO_NAMES = {
    "id": "ID",
    "jobId": "JobID",
    "name": "FunctionName",
    "type": "FunctionType",
    "snapshotName": "Name",
}


@dataclass(frozen=True)
class Key:
    """A field of a request: its JSON key, its Go type, whether it must not be zero, and whether it
    is a pointer, which is looked into only if it is there."""

    name: str
    type: str
    required: bool = False
    pointer: bool = False

    @property
    def go_name(self) -> str:
        words = self.name.split("_")
        return _GO_NAMES.get(self.name, "".join(word[:1].upper() + word[1:] for word in words))


def _keys(text: str) -> tuple[Key, ...]:
    """Parse `name:type` words; `!` after the name marks a required one, `*` a pointer."""
    keys = []
    for word in text.split():
        name, _, kind = word.partition(":")
        kind = kind or "string"
        keys.append(
            Key(
                name.removesuffix("!"),
                kind.removeprefix("*"),
                name.endswith("!"),
                kind.startswith("*"),
            )
        )
    return tuple(keys)


_MAP, _STRINGS, _ANY = "map[string]interface{}", "[]string", "interface{}"
_GROUPING = "groupingField groupSize:int32 strictGroupSize:bool"

REQUEST_TYPES: dict[str, tuple[Key, ...]] = {
    name: _keys(text)
    for name, text in {
        "EmptyReq": "",
        "DatabaseReq": "dbName",
        "DatabaseReqRequiredName": "dbName!",
        "DatabaseReqWithProperties": f"dbName! properties:{_MAP}",
        "DropDatabasePropertiesReq": f"dbName! propertyKeys:{_STRINGS}",
        "CollectionNameReq": f"dbName collectionName! partitionNames:{_STRINGS}",
        "OptionalCollectionNameReq": "dbName collectionName",
        "CollectionReq": (
            "dbName collectionName! dimension:int32 idType autoID:bool metricType vectorFieldType "
            "consistencyLevel primaryFieldName vectorFieldName schema:CollectionSchema "
            f"indexParams:[]IndexParam params:{_MAP} properties:{_MAP} description externalSource "
            "externalSpec"
        ),
        "CollectionSchema": (
            "fields:[]FieldSchema structFields:[]StructArrayFieldSchema functions:[]FunctionSchema "
            "autoID:bool enableDynamicField:bool externalSource externalSpec"
        ),
        "FieldSchema": (
            "fieldName! description dataType! elementDataType externalField isPrimary:bool "
            f"isPartitionKey:bool isClusteringKey:bool elementTypeParams:{_MAP} typeParams:{_MAP} "
            f"fields:[]FieldSchema nullable:bool defaultValue:{_ANY}"
        ),
        "StructArrayFieldSchema": (
            f"fieldName! description fields!:[]FieldSchema typeParams:{_MAP} nullable:bool"
        ),
        "FunctionSchema": (
            f"name! description type! inputFieldNames!:{_STRINGS} outputFieldNames!:{_STRINGS} "
            f"params:{_MAP}"
        ),
        "FunctionScore": f"functions:[]FunctionSchema params:{_MAP}",
        "RenameCollectionReq": "dbName collectionName! newCollectionName! newDbName",
        "CollectionReqWithProperties": f"dbName collectionName! properties:{_MAP}",
        "DropCollectionPropertiesReq": f"dbName collectionName! propertyKeys:{_STRINGS}",
        "CompactReq": "dbName collectionName! isClustering:bool",
        "GetCompactionStateReq": "jobID:int64",
        "FlushReq": "dbName collectionName!",
        "CollectionFieldReqWithParams": f"dbName collectionName! fieldName! fieldParams:{_MAP}",
        "CollectionFieldReqWithSchema": "dbName collectionName! schema!:*FieldSchema",
        "CollectionFieldDrop": "dbName collectionName! fieldName fieldId:int64",
        "CollectionAddFunction": "dbName collectionName! function!:FunctionSchema",
        "CollectionAlterFunction": (
            "dbName collectionName! functionName! function!:FunctionSchema"
        ),
        "CollectionDropFunction": "dbName collectionName! FunctionName!",
        "CollectionAddFunctionField": (
            "dbName collectionName! function:*FunctionSchema outputField:*FieldSchema "
            "indexParams:*IndexParam"
        ),
        "CollectionDropFunctionField": "dbName collectionName! functionName",
        "CollectionDataReq": (
            "dbName collectionName! partitionName data!:[]map[string]interface{} "
            "partialUpdate:bool fieldOps:[]FieldPartialUpdateOpReq"
        ),
        "FieldPartialUpdateOpReq": "fieldName op",
        "CollectionFilterReq": f"dbName collectionName! partitionName filter! exprParams:{_MAP}",
        "CollectionIDReq": (
            f"dbName collectionName! partitionName partitionNames:{_STRINGS} "
            f"outputFields:{_STRINGS} id!:{_ANY} consistencyLevel"
        ),
        "QueryReqV2": (
            f"dbName collectionName! partitionNames:{_STRINGS} outputFields:{_STRINGS} filter "
            f"limit:int32 offset:int32 orderByFields:{_STRINGS} "
            f"exprParams:{_MAP} consistencyLevel"
        ),
        "SearchReqV2": (
            f"dbName collectionName! data:[]interface{{}} ids:[]interface{{}} annsField "
            f"partitionNames:{_STRINGS} filter {_GROUPING} limit:int32 offset:int32 "
            f"outputFields:{_STRINGS} searchParams:{_MAP} consistencyLevel exprParams:{_MAP} "
            "functionScore:FunctionScore functionChains:[]FunctionChainReq "
            "searchAggregation:*SearchAggregationReq params:map[string]float64"
        ),
        "SubSearchReq": (
            "data!:[]interface{} annsField filter groupingField metricType limit:int32 "
            f"offset:int32 params:{_MAP} exprParams:{_MAP} searchAggregation:*SearchAggregationReq"
        ),
        "HybridSearchReq": (
            f"dbName collectionName! partitionNames:{_STRINGS} search:[]SubSearchReq rerank:Rand "
            f"limit:int32 offset:int32 {_GROUPING} outputFields:{_STRINGS} consistencyLevel "
            "functionScore:FunctionScore functionChains:[]FunctionChainReq "
            "searchAggregation:*SearchAggregationReq"
        ),
        "SearchAggregationReq": (
            f"fields:{_STRINGS} size:int64 searchSize:int64 "
            "metrics:map[string]MetricAggregationReq order:[]AggregationOrderReq "
            "topHits:*TopHitsReq subAggregation:*SearchAggregationReq"
        ),
        "MetricAggregationReq": "op fieldName",
        "AggregationOrderReq": "key direction",
        "TopHitsReq": "size:int64 sort:[]AggregationSortReq",
        "AggregationSortReq": "fieldName direction",
        "FunctionChainReq": "name stage ops:[]FunctionChainOpReq",
        "FunctionChainOpReq": (
            f"op expr:*FunctionChainExprReq inputs:{_STRINGS} outputs:{_STRINGS} params:{_MAP}"
        ),
        "FunctionChainExprReq": f"name args:[]FunctionChainExprArgReq params:{_MAP}",
        "FunctionChainExprArgReq": f"column:*string literal:{_ANY}",
        "Rand": f"strategy params:{_MAP}",
        "PartitionReq": "dbName collectionName! partitionName!",
        "PartitionsReq": f"dbName collectionName! partitionNames!:{_STRINGS}",
        "IndexReq": "dbName collectionName! indexName! timestamp:uint64",
        "IndexParam": f"fieldName! indexName metricType indexType params:{_MAP}",
        "IndexParamReq": "dbName collectionName! indexParams!:[]IndexParam",
        "IndexReqWithProperties": f"dbName collectionName! indexName! properties:{_MAP}",
        "DropIndexPropertiesReq": f"dbName collectionName! indexName! propertyKeys:{_STRINGS}",
        "AliasReq": "dbName aliasName!",
        "AliasCollectionReq": "dbName collectionName! aliasName!",
        "ImportReq": (
            "dbName collectionName! partitionName files!:[][]string options:map[string]string"
        ),
        "JobIDReq": "jobId!",
        "RestoreExternalSnapshotReq": (
            "dbName targetCollectionName! snapshotMetadataURI! externalSpec"
        ),
        "ExportSnapshotReq": ("dbName collectionName! snapshotName! targetS3Path! externalSpec"),
        "RefreshExternalCollectionReq": "dbName collectionName! externalSource externalSpec",
        "RefreshExternalCollectionProgressReq": "jobId!:int64",
        "RunAnalyzerReq": (
            f"dbName analyzerParams text!:{_STRINGS} withDetail:bool withHash:bool collectionName "
            f"fieldName analyzerNames:{_STRINGS}"
        ),
        "UserReq": "userName!",
        "PasswordReq": "userName! password! description:*string",
        "NewPasswordReq": "userName! password newPassword description:*string",
        "UserRoleReq": "userName! roleName!",
        "RoleReq": "dbName roleName! description",
        "GrantReq": "roleName! objectType! objectName! privilege! dbName",
        "GrantV2Req": "roleName! dbName collectionName privilege!",
        "PrivilegeGroupReq": f"privilegeGroupName! privileges:{_STRINGS}",
        "ResourceGroupReq": "name! config:*ResourceGroupConfig",
        "ResourceGroupConfig": (
            "requests!:*ResourceGroupLimit limits!:*ResourceGroupLimit "
            "transfer_from:[]ResourceGroupTransfer transfer_to:[]ResourceGroupTransfer "
            "node_filter:*ResourceGroupNodeFilter"
        ),
        "ResourceGroupLimit": "node_num!:int32",
        "ResourceGroupTransfer": "resource_group!",
        "ResourceGroupNodeFilter": "node_labels!:map[string]string",
        "UpdateResourceGroupReq": "resource_groups!:map[string]ResourceGroupConfig",
        "TransferReplicaReq": "sourceRgName! targetRgName! collectionName! replicaNum!:int64",
        "GetSegmentsInfoReq": "dbName collectionID:int64 segmentIDs:[]int64",
    }.items()
}


def parse_json(raw: bytes) -> Any:
    """The first JSON value of a body; what follows it is ignored, as Go's decoder ignores it."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as strict:
        try:
            text = raw.decode("utf-8").lstrip(" \t\r\n")
            value, _ = json.JSONDecoder(parse_constant=_no_constant).raw_decode(text)
            return value
        except (ValueError, RecursionError):
            raise MilvusError(
                BAD_JSON, f"can only accept json format request, error: {strict}"
            ) from None


def _no_constant(name: str) -> Any:
    raise ValueError(f"invalid character '{name[0]}' looking for beginning of value")


def decode(request_type: str, raw: bytes) -> dict[str, Any]:
    """A body as the handler sees it, or 1801, or 1802. Absent keys are absent from the dict."""
    if not raw.strip():
        raise MilvusError(
            BAD_JSON,
            "can only accept json format request, "
            "the request body should be nil, however {} is valid",
        )
    value = parse_json(raw)
    body = {} if value is None else _struct(request_type, value, request_type)
    missing = _missing(request_type, body, request_type)
    if missing:
        raise MilvusError(
            REQUIRED_MISSING, "missing required parameters, error: " + "\n".join(missing)
        )
    return body


def _missing(request_type: str, body: dict[str, Any], path: str) -> list[str]:
    out = []
    for key in REQUEST_TYPES[request_type]:
        value, where = body.get(key.name), f"{path}.{key.go_name}"
        if key.type in REQUEST_TYPES and (value is not None or not key.pointer):
            out += _missing(key.type, value or {}, where)
        elif key.required and _is_zero(key, value):
            out.append(
                f"Key: '{where}' Error:Field validation for '{key.go_name}' "
                "failed on the 'required' tag"
            )
    return out


def _is_zero(key: Key, value: Any) -> bool:
    if key.type == _ANY:
        return value is None  # The validator looks no further than the interface.
    return value is None or value == "" or value is False or (_is_number(value) and value == 0)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _struct(name: str, value: Any, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _mismatch(value, path, f"httpserver.{name}")
    by_lower = {key.name.lower(): key for key in REQUEST_TYPES[name]}
    out: dict[str, Any] = {}
    for given, item in value.items():
        key = by_lower.get(given.lower())
        if key is None or item is None:
            continue
        out[key.name] = _value(key.type, item, f"{name}.{key.name}")
    return out


def _value(kind: str, value: Any, path: str) -> Any:
    """`value` as the Go type `kind`; null inside a list is that type's zero."""
    if kind == _ANY:
        return value
    if kind == "string":
        ok = isinstance(value, str)
    elif kind == "bool":
        ok = isinstance(value, bool)
    elif kind in _INT_RANGES:
        low, high = _INT_RANGES[kind]
        ok = isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
    elif kind == "float64":
        ok = _is_number(value)
    elif kind.startswith("[]"):
        ok = isinstance(value, list)
        if ok:
            inner = kind.removeprefix("[]")
            zero = "" if inner == "string" else [] if inner.startswith("[]") else {}
            return [
                _value(inner, item, path) if item is not None or inner == _ANY else zero
                for item in value
            ]
    elif kind.startswith("map[string]"):
        ok = isinstance(value, dict)
        inner = kind.removeprefix("map[string]")
        if ok and inner != _ANY:
            return {key: _value(inner, item, path) for key, item in value.items()}
    else:
        return _struct(kind, value, path)
    if not ok:
        raise _mismatch(value, path, kind)
    return value


def _mismatch(value: Any, path: str, kind: str) -> MilvusError:
    given = {bool: "bool", str: "string", list: "array", dict: "object"}.get(type(value), "number")
    if given == "number" and kind in _INT_RANGES:
        given = f"number {value}"
    return MilvusError(
        BAD_JSON,
        "can only accept json format request, error: "
        f"json: cannot unmarshal {given} into Go struct field {path} of type {kind}",
    )


def timeout_seconds(header: str | None) -> float:
    """`Request-Timeout` in whole seconds, 30 without it (`timeout_middleware.go`)."""
    if header is None or header == "":
        return 30.0
    try:
        return float(int(header))
    except ValueError:
        raise bad_parameter(
            f'Request-Timeout parse failed, err: strconv.ParseInt: parsing "{header}": '
            "invalid syntax"
        ) from None


def go_bool(text: str | None) -> bool | None:
    """Go's `strconv.ParseBool`; None where it fails."""
    if text in ("1", "t", "T", "true", "TRUE", "True"):
        return True
    if text in ("0", "f", "F", "false", "FALSE", "False"):
        return False
    return None
