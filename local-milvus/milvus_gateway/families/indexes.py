"""Indexes (`proxy/task_index.go`, `datacoord`): one per field, under the name it was given.

Lite takes any index type and fails, or not, when it loads; vector indexes it does not have are
refused at once. Knobs that only trade exactness for speed (`drop_ratio_build`, the algorithm of a
sparse index) are remembered and shown, but Lite's sparse search is exact and needs none. So are the
kinds of scalar indexes, which change no answer: where Lite has an inverted index for the type of
the field it stands in for all of them, elsewhere Lite looks at every row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import orjson
from milvus_lite.engine.collection import Collection as LiteCollection

from ..engine.catalogue import Collection, Field, Index
from ..engine.lite import speaking_milvus
from ..engine.schema import check_metric
from ..ranking.exact import DEFAULT_B, DEFAULT_K1
from ..wire.envelope import Answer, success
from ..wire.errors import (
    PARAMETER_MISSING,
    MilvusError,
    bad_parameter,
    cannot_find_collection,
    collection_loaded,
    collection_not_found,
    index_not_found,
    unsupported,
)
from ..wire.names import check_index_name
from ..wire.requests import go_bool
from ..wire.texts import as_text
from .call import Call, Route, Routes

_DENSE: dict[str, dict[str, tuple[int, int]]] = {
    "AUTOINDEX": {},
    "FLAT": {},
    "HNSW": {"M": (2, 2048), "efConstruction": (1, 2**31 - 1)},
    "IVF_FLAT": {"nlist": (1, 65536)},
    "IVF_SQ8": {"nlist": (1, 65536)},
}
_SPARSE = ("AUTOINDEX", "SPARSE_INVERTED_INDEX", "SPARSE_WAND")
_INTEGERS = ("Int8", "Int16", "Int32", "Int64")
_NUMBERS = (*_INTEGERS, "Float", "Double")
_IN_LITE = ("Bool", *_NUMBERS, "VarChar")
_BITMAP = ("Bool", *_INTEGERS, "VarChar")
# What each kind is for, and how Milvus refuses the rest (`indexparamcheck`).
_SCALAR: dict[str, tuple[tuple[str, ...], str]] = {
    "AUTOINDEX": ((*_IN_LITE, "Array", "JSON", "Geometry", "Timestamptz"), ""),
    "INVERTED": ((*_IN_LITE, "Array", "JSON"), "INVERTED are not supported on {} field"),
    "STL_SORT": (
        (*_NUMBERS, "VarChar", "Timestamptz"),
        "STL_SORT are only supported on numeric, varchar or timestamptz field, got {}",
    ),
    "Trie": (("VarChar",), "TRIE are only supported on varchar field"),
    "TRIE": (("VarChar",), "TRIE are only supported on varchar field"),
    "BITMAP": (
        (*_BITMAP, "Array"),
        "bitmap index are only supported on bool, int, string and array field",
    ),
    "RTREE": (("Geometry",), "RTREE index can only be built on geometry field, got {}"),
}
_JSON_CASTS = ("BOOL", "DOUBLE", "VARCHAR", "ARRAY_BOOL", "ARRAY_DOUBLE", "ARRAY_VARCHAR", "JSON")
_NOT_IN_LITE = [
    "HNSW_SQ",
    "HNSW_PQ",
    "HNSW_PRQ",
    "IVF_PQ",
    "IVF_RABITQ",
    "SCANN",
    "DISKANN",
    "AISAQ",
    "BIN_FLAT",
    "BIN_IVF_FLAT",
    "MINHASH_LSH",
    "GPU_CAGRA",
    "GPU_IVF_FLAT",
    "GPU_IVF_PQ",
    "GPU_BRUTE_FORCE",
    "NGRAM",
    "HYBRID",
]
_CONFIGURABLE = ("mmap.enabled", "indexoffsetcache.enabled", "warmup")
_WARMUPS = ("sync", "disable")
_MMAP_SCALARS = ("AUTOINDEX", "INVERTED", "BITMAP", "Trie")
_OWN_KEYS = ("index_type", "metric_type")
_BM25_RANGES = {"bm25_k1": (0.0, 3.0), "bm25_b": (0.0, 1.0)}


def create_index(item: Collection, engine: LiteCollection, entry: dict[str, Any]) -> None:
    """One entry of `indexParams`. With the write lock held; the caller saves the catalogue."""
    field_name = entry.get("fieldName", "")
    field = item.field_named(field_name)
    if field is None:
        raise bad_parameter(
            f"cannot create index on non-exist field: {field_name}: invalid parameter"
        )
    index = _checked(field, entry)
    existing = item.index_on(field.name)
    if existing is not None:
        if _same(existing, index):
            return
        if existing.name == index.name:
            raise bad_parameter(
                "CreateIndex failed: at most one distinct index is allowed per field: "
                "invalid parameter"
            )
        raise bad_parameter(
            "CreateIndex failed: creating multiple indexes on same field is not supported: "
            "invalid parameter"
        )
    if item.index_named(index.name) is not None:
        raise bad_parameter(
            "CreateIndex failed: at most one distinct index is allowed per field: "
            f"invalid parameter[indexName={index.name}]"
        )
    if field.is_vector or field.type in _IN_LITE:
        with speaking_milvus():
            engine.create_index(field.name, _for_lite(field, index))
    item.indexes.append(index)


def _checked(field: Field, entry: dict[str, Any]) -> Index:
    name = entry.get("indexName") or field.name
    check_index_name(name)
    given = entry.get("params", {})
    kind = entry.get("indexType") or as_text(given.get("index_type", "")) or "AUTOINDEX"
    metric = entry.get("metricType") or as_text(given.get("metric_type", ""))
    params = {key: as_text(value) for key, value in given.items() if key not in _OWN_KEYS}
    if field.is_vector:
        if not metric:
            metric = "COSINE" if field.type == "FloatVector" else "IP"
            if field.function_output:
                metric = "BM25"
        check_metric(field, metric)
    else:
        metric = ""
    allowed = _DENSE if field.type == "FloatVector" else _SPARSE if field.is_vector else _SCALAR
    if kind in allowed and not field.is_vector:
        _check_scalar(field, kind, params)
    if kind not in allowed:
        known = {*_NOT_IN_LITE, *_DENSE, *_SPARSE, *_SCALAR}
        if kind in _NOT_IN_LITE:
            raise unsupported(f"index type {kind} of field {field.name}")
        if kind in known:
            raise bad_parameter(
                f"data type {field.type} can't build with this index {kind}: "
                f"invalid parameter[expected=valid index params][actual=invalid index params]"
            )
        raise bad_parameter(
            f"invalid index type: {kind}: "
            "invalid parameter[expected=valid index][actual=invalid index params]"
        )
    for key, (low, high) in _DENSE.get(kind, {}).items():
        if key in params:
            _in_range(key, params[key], low, high, whole=True)
    if metric == "BM25":
        for key, (least, most) in _BM25_RANGES.items():
            if key in params and _in_range(key, params[key], least, most) == 0 and key == "bm25_k1":
                raise unsupported("bm25_k1 = 0")
    sent = orjson.dumps(given, option=orjson.OPT_SORT_KEYS).decode() if given else ""
    return Index(name, field.name, kind, metric, params, sent)


def _same(one: Index, other: Index) -> bool:
    """Whether a second create asks for what is there, whatever was altered since."""

    def asked(index: Index) -> tuple[str, str, str, dict[str, str]]:
        params = {key: text for key, text in index.params.items() if key not in _CONFIGURABLE}
        return index.name, index.type, index.metric, params

    return asked(one) == asked(other)


def shown(index: Index) -> dict[str, str]:
    """The parameters as Milvus shows them: those of the create as one JSON text under `params`, as
    they were sent, and what was altered since beside it."""
    pairs = {"index_type": index.type}
    if index.metric:
        pairs["metric_type"] = index.metric
    if index.given:
        pairs["params"] = index.given
    return pairs | {key: index.params[key] for key in _CONFIGURABLE if key in index.params}


def _check_scalar(field: Field, kind: str, params: dict[str, str]) -> None:
    """Whether this kind of index is for this type of field."""
    types, refusal = _SCALAR[kind]
    if kind == "BITMAP" and field.primary:
        raise bad_parameter("create bitmap index on primary key not supported")
    if field.type not in types:
        raise bad_parameter(refusal.format(field.type))
    if kind == "BITMAP" and field.type == "Array" and field.element_type not in _BITMAP:
        raise bad_parameter("bitmap index are only supported on bool, int, string for array field")
    if field.type == "JSON":
        cast = params.get("json_cast_type")
        if cast is None:
            raise MilvusError(
                PARAMETER_MISSING,
                "json index must specify cast type: missing parameter"
                "[missing_param=json_cast_type]",
            )
        if cast not in _JSON_CASTS:
            raise bad_parameter(f"json_cast_type {cast} is not supported")


def _in_range(key: str, text: str, low: float, high: float, *, whole: bool = False) -> float:
    try:
        number: float = int(text) if whole else float(text)
    except ValueError:
        raise bad_parameter(f"param '{key}' ({text}) is not a number: invalid parameter") from None
    if not low <= number <= high:
        raise bad_parameter(
            f"Out of range in json: param '{key}' ({text}) should be in range [{low}, {high}]: "
            "invalid parameter"
        )
    return number


def _for_lite(field: Field, index: Index) -> dict[str, Any]:
    if field.type == "FloatVector":
        build = {key: int(index.params[key]) for key in _DENSE[index.type] if key in index.params}
        return {"index_type": index.type, "metric_type": index.metric, "params": build}
    if field.is_vector:
        scoring = {
            key: float(index.params.get(key, default))
            for key, default in (("bm25_k1", DEFAULT_K1), ("bm25_b", DEFAULT_B))
        }
        return {
            "index_type": "SPARSE_INVERTED_INDEX",
            "metric_type": index.metric,
            "params": scoring if index.metric == "BM25" else {},
        }
    return {"index_type": "INVERTED"}


def list_names(call: Call) -> Answer:
    """Names of all indexes of the collection."""
    item, _ = call.lite.find(call.database, call.collection_name)
    return success([index.name for index in item.indexes])


def describe(call: Call) -> Answer:
    """A list with one entry."""
    missing = collection_not_found(call.collection_name)
    item, engine = call.lite.find(call.database, call.collection_name, missing)
    index = item.index_named(call.body["indexName"])
    if index is None:
        raise index_not_found(call.body["indexName"])
    rows = engine.num_entities
    return success(
        [
            {
                "indexName": index.name,
                "fieldName": index.field,
                "indexType": index.type,
                "metricType": index.metric,
                "totalRows": rows,
                "indexedRows": rows,
                "pendingRows": 0,
                "indexState": "Finished",
                "failReason": "",
                "minIndexVersion": 0,
                "maxIndexVersion": 0,
                "indexParams": [
                    {"key": key, "value": value} for key, value in shown(index).items()
                ],
                "mmap.enabled": index.params.get("mmap.enabled", ""),
                "indexoffsetcache.enabled": index.params.get("indexoffsetcache.enabled", ""),
                "warmup": index.params.get("warmup", ""),
            }
        ]
    )


def create(call: Call) -> Answer:
    """Each entry in turn: what was made before a failure stays."""
    missing = cannot_find_collection(call.database, call.collection_name)
    with call.lite.writing(call.database, call.collection_name, missing) as (item, engine):
        try:
            for entry in call.body["indexParams"]:
                create_index(item, engine, entry)
        finally:
            call.lite.catalogue.save()
    return success({})


def drop(call: Call) -> Answer:
    """A missing one is ok. On a loaded collection scalar indexes may go, vector indexes not."""
    with call.lite.writing(call.database, call.collection_name) as (item, engine):
        index = item.index_named(call.body["indexName"])
        if index is None:
            return success({})
        field = item.field_named(index.field)
        if item.loaded and field is not None and field.is_vector:
            raise bad_parameter(
                f"vector index cannot be dropped on loaded collection: {item.id}: invalid parameter"
            )
        if engine.has_index(index.field):
            with speaking_milvus():
                engine.release()  # Lite drops no index of a loaded collection.
                try:
                    engine.drop_index(index.field)
                finally:
                    if item.loaded:
                        engine.load()
        item.indexes.remove(index)
        call.lite.catalogue.save()
    return success({})


def alter_properties(call: Call) -> Answer:
    """They promise memory or speed, never another answer: kept, and shown by describe."""
    given = {key: as_text(value) for key, value in call.body.get("properties", {}).items()}
    _check_configurable(given)
    if given.get("warmup", "sync") not in _WARMUPS:
        raise bad_parameter(
            f"invalid warmup params: invalid warmup policy: {given['warmup']}, "
            "must be 'sync' or 'disable'"
        )
    with _released(call) as index:
        field_is_vector = index.metric != ""
        for key in ("mmap.enabled", "indexoffsetcache.enabled"):
            if key in given and go_bool(given[key]) is None:
                what = "mmap" if key == "mmap.enabled" else "offset cache"
                raise bad_parameter(
                    f"invalid {what} index params: invalid {key} value: {given[key]}, "
                    "expected: true, false"
                )
        if go_bool(given.get("mmap.enabled")) and not (
            field_is_vector or index.type in _MMAP_SCALARS
        ):
            raise bad_parameter(
                f"invalid mmap index params: index type {index.type} does not support mmap"
            )
        if go_bool(given.get("indexoffsetcache.enabled")) and index.type != "BITMAP":
            raise bad_parameter(
                "invalid offset cache index params: "
                "only bitmap index support indexoffsetcache.enabled now"
            )
        index.params.update(given)
    return success({})


def drop_properties(call: Call) -> Answer:
    """Known keys only; one that is not set is no error."""
    keys = call.body.get("propertyKeys", [])
    _check_configurable(keys)
    with _released(call) as index:
        for key in keys:
            index.params.pop(key, None)
    return success({})


def _check_configurable(keys: Iterable[str]) -> None:
    for key in keys:
        if key not in _CONFIGURABLE:
            raise bad_parameter(f"{key} is not a configable index property")


@contextmanager
def _released(call: Call) -> Iterator[Index]:
    """The index of the request, if its collection is not loaded; saved when the block ends."""
    missing = collection_not_found(call.collection_name)
    with call.lite.writing(call.database, call.collection_name, missing) as (item, _):
        if item.loaded:
            raise collection_loaded(
                item.name,
                "can't alter index on loaded collection, please release the collection first",
            )
        index = item.index_named(call.body["indexName"])
        if index is None:
            raise index_not_found(call.body["indexName"])
        yield index
        call.lite.catalogue.save()


ROUTES: Routes = {
    "indexes/list": Route("CollectionNameReq", list_names),
    "indexes/describe": Route("IndexReq", describe),
    "indexes/create": Route("IndexParamReq", create, writes=True),
    "indexes/drop": Route("IndexReq", drop, writes=True),
    "indexes/alter_properties": Route("IndexReqWithProperties", alter_properties, writes=True),
    "indexes/drop_properties": Route("DropIndexPropertiesReq", drop_properties, writes=True),
}
