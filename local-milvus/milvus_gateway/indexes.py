"""Indexes (`proxy/task_index.go`, `datacoord`): one per field, under the name it was given.

Lite takes any index type and fails, or not, when it loads; types it does not have are refused at
once. Knobs that only trade exactness for speed (`drop_ratio_build`, the algorithm of a sparse
index) are remembered and shown, but Lite's sparse search is exact and needs none.
"""

from __future__ import annotations

from typing import Any

from milvus_lite.engine.collection import Collection as LiteCollection

from .bm25 import DEFAULT_B, DEFAULT_K1
from .call import Call, Route, Routes
from .catalogue import Collection, Field, Index
from .envelope import Answer, success
from .errors import (
    bad_parameter,
    cannot_find_collection,
    collection_not_found,
    index_not_found,
    unsupported,
)
from .lite import speaking_milvus
from .names import check_index_name
from .schema import as_text, check_metric

_DENSE: dict[str, dict[str, tuple[int, int]]] = {
    "AUTOINDEX": {},
    "FLAT": {},
    "HNSW": {"M": (2, 2048), "efConstruction": (1, 2**31 - 1)},
    "IVF_FLAT": {"nlist": (1, 65536)},
    "IVF_SQ8": {"nlist": (1, 65536)},
}
_SPARSE = ("AUTOINDEX", "SPARSE_INVERTED_INDEX", "SPARSE_WAND")
_SCALAR = ("AUTOINDEX", "INVERTED")
_SCALAR_FIELDS = ("Bool", "Int8", "Int16", "Int32", "Int64", "Float", "Double", "VarChar")
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
    "STL_SORT",
    "Trie",
    "BITMAP",
    "NGRAM",
    "RTREE",
    "HYBRID",
]
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
        if existing == index:
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
    if not field.is_vector and field.type not in _SCALAR_FIELDS:
        raise unsupported(f"an index on field {field.name} of type {field.type}")
    for key, (low, high) in _DENSE.get(kind, {}).items():
        if key in params:
            _in_range(key, params[key], low, high, whole=True)
    if metric == "BM25":
        for key, (least, most) in _BM25_RANGES.items():
            if key in params and _in_range(key, params[key], least, most) == 0 and key == "bm25_k1":
                raise unsupported("bm25_k1 = 0")
    return Index(name, field.name, kind, metric, params)


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
    pairs = {**index.params, "index_type": index.type}
    if index.metric:
        pairs["metric_type"] = index.metric
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
                    {"key": key, "value": value} for key, value in sorted(pairs.items())
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


ROUTES: Routes = {
    "indexes/list": Route("CollectionNameReq", list_names),
    "indexes/describe": Route("IndexReq", describe),
    "indexes/create": Route("IndexParamReq", create, writes=True),
    "indexes/drop": Route("IndexReq", drop, writes=True),
}
