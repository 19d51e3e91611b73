"""Milvus' gRPC service: the same collections, under the same locks, as over REST.

Each call becomes the body of a REST route and goes to that route's handler, so there is one set of
checks, one writer per collection and one catalogue. What no route does is UNIMPLEMENTED.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Any

import grpc
import orjson
from milvus_lite import __version__ as lite_version
from milvus_lite.exceptions import MilvusLiteError
from pymilvus.grpc_gen import common_pb2, milvus_pb2, milvus_pb2_grpc, schema_pb2

from ..engine.catalogue import Collection, Index
from ..engine.lite import Lite
from ..families import entities, search
from ..families.call import Call
from ..families.databases import DEFAULT
from ..families.indexes import shown
from ..families.partitions import names_of
from ..families.routes import ROUTES
from ..wire.errors import (
    BAD_JSON,
    BAD_PARAMETER,
    COLLECTION_NOT_FOUND,
    INDEX_NOT_FOUND,
    PARAMETER_MISSING,
    PARAMETER_TOO_LARGE,
    PARTITION_NOT_FOUND,
    UNEXPECTED,
    MilvusError,
    bad_parameter,
    collection_not_found,
    index_not_found,
    unsupported,
)
from .rows import (
    hybrid_body,
    ids_message,
    query_body,
    query_message,
    search_body,
    search_message,
    write_body,
)
from .schemas import (
    added_field_body,
    analyzer_body,
    create_body,
    dict_to_pairs,
    index_body,
    pairs_to_dict,
    schema_message,
    template_values,
)

log = logging.getLogger(__name__)

_OLD_CODES = {
    COLLECTION_NOT_FOUND: common_pb2.CollectionNotExists,
    BAD_PARAMETER: common_pb2.IllegalArgument,
    PARAMETER_MISSING: common_pb2.IllegalArgument,
    PARAMETER_TOO_LARGE: common_pb2.IllegalArgument,
    PARTITION_NOT_FOUND: common_pb2.MetaFailed,
    INDEX_NOT_FOUND: common_pb2.IndexNotExist,
}
"""`merr.oldCode`: what SDKs before 2.3 read."""
_VERSION = f"milvus_lite-{lite_version}"
_REST_ONLY = range(BAD_JSON, BAD_JSON + 10)


def status_of(error: MilvusError) -> common_pb2.Status:
    """A refusal as `merr.Status` writes it. REST's own codes, 1801 to 1810, are 1100 here."""
    code = BAD_PARAMETER if error.code in _REST_ONLY else error.code
    return common_pb2.Status(
        code=code,
        error_code=_OLD_CODES.get(code, common_pb2.UnexpectedError),
        reason=error.message,
        detail=error.message,
    )


def _answers(kind: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make a method that returns the fields of `kind` answer with the message, whatever happens.

    Of an unexpected error the client gets one line, the log gets the rest."""

    def decorate(method: Callable[..., Any]) -> Callable[..., Any]:
        def message(status: common_pb2.Status, fields: dict[str, Any]) -> Any:
            return status if kind is common_pb2.Status else kind(status=status, **fields)

        @functools.wraps(method)
        def answer(self: Service, request: Any, context: grpc.ServicerContext) -> Any:
            try:
                fields = method(self, request, _database_of(request, context))
            except MilvusError as error:
                return message(status_of(error), {})
            except MilvusLiteError as error:
                return message(status_of(bad_parameter(str(error))), {})
            except Exception as error:
                log.exception("unexpected error in %s", method.__name__)
                reason = (str(error).splitlines() or [""])[0]
                fault = MilvusError(UNEXPECTED, f"{type(error).__name__}: {reason}")
                return message(status_of(fault), {})
            return message(common_pb2.Status(), fields or {})

        return answer

    return decorate


def _database_of(request: Any, context: grpc.ServicerContext) -> str:
    """That of the request, else that of the connection, as `DatabaseInterceptor` fills it in."""
    given = getattr(request, "db_name", "") or getattr(request, "dbName", "")
    metadata = {key.lower(): value for key, value in context.invocation_metadata()}
    return given or metadata.get("dbname") or DEFAULT


def _unimplemented(name: str) -> Callable[..., None]:
    def refuse(self: Service, request: Any, context: grpc.ServicerContext) -> None:
        context.abort(grpc.StatusCode.UNIMPLEMENTED, f"{name} is not supported by Milvus Lite")

    return refuse


class Service(milvus_pb2_grpc.MilvusServiceServicer):
    """One open data folder, spoken to in protobuf."""

    def __init__(self, lite: Lite) -> None:
        self._lite = lite

    def _rest(self, route: str, database: str, **body: Any) -> Any:
        """The data that a REST route answers with."""
        answer = ROUTES[route].handler(self._call(database, body))
        return orjson.loads(answer.body)["data"]

    def _call(self, database: str, body: dict[str, Any]) -> Call:
        return Call(self._lite, body, database, int64_as_text=False)

    def _found(self, database: str, name: str) -> tuple[Collection, Any]:
        return self._lite.find(database, name, collection_not_found(name))

    # ── connection ──────────────────────────────────────────────

    @_answers(milvus_pb2.ConnectResponse)
    def Connect(self, request: Any, database: str) -> dict[str, Any]:
        """Milvus refuses a connection to a database that does not exist."""
        self._lite.require_database(database)
        return {
            "server_info": common_pb2.ServerInfo(build_tags=_VERSION, deploy_mode="embedded"),
            "identifier": self._lite.catalogue.next_ids(1),
        }

    @_answers(milvus_pb2.GetVersionResponse)
    def GetVersion(self, request: Any, _: str) -> dict[str, Any]:
        return {"version": _VERSION}

    @_answers(milvus_pb2.CheckHealthResponse)
    def CheckHealth(self, request: Any, _: str) -> dict[str, Any]:
        return {"isHealthy": True}

    @_answers(milvus_pb2.AllocTimestampResponse)
    def AllocTimestamp(self, request: Any, _: str) -> dict[str, Any]:
        """Milliseconds shifted by 18 bits, and a counter, as Milvus' time oracle gives them."""
        return {"timestamp": self._lite.catalogue.next_ids(1)}

    # ── databases ───────────────────────────────────────────────

    @_answers(common_pb2.Status)
    def CreateDatabase(self, request: Any, _: str) -> None:
        properties = pairs_to_dict(request.properties)
        self._rest("databases/create", "", dbName=request.db_name, properties=properties)

    @_answers(common_pb2.Status)
    def DropDatabase(self, request: Any, _: str) -> None:
        self._rest("databases/drop", "", dbName=request.db_name)

    @_answers(milvus_pb2.ListDatabasesResponse)
    def ListDatabases(self, request: Any, _: str) -> dict[str, Any]:
        names = self._rest("databases/list", "")
        ids = [self._lite.catalogue.database_id(name) for name in names]
        return {"db_names": names, "db_ids": ids, "created_timestamp": ids}

    @_answers(milvus_pb2.DescribeDatabaseResponse)
    def DescribeDatabase(self, request: Any, database: str) -> dict[str, Any]:
        data = self._rest("databases/describe", "", dbName=database)
        properties = {pair["key"]: pair["value"] for pair in data["properties"]}
        return {
            "db_name": database,
            "dbID": data["dbID"],
            "created_timestamp": data["dbID"],
            "properties": dict_to_pairs(properties),
        }

    @_answers(common_pb2.Status)
    def AlterDatabase(self, request: Any, database: str) -> None:
        if request.properties:
            properties = pairs_to_dict(request.properties)
            self._rest("databases/alter", "", dbName=database, properties=properties)
        if request.delete_keys:
            keys = list(request.delete_keys)
            self._rest("databases/drop_properties", "", dbName=database, propertyKeys=keys)

    # ── collections ─────────────────────────────────────────────

    @_answers(common_pb2.Status)
    def CreateCollection(self, request: Any, database: str) -> None:
        self._rest("collections/create", database, **create_body(request))

    @_answers(common_pb2.Status)
    def DropCollection(self, request: Any, database: str) -> None:
        self._rest("collections/drop", database, collectionName=request.collection_name)

    @_answers(milvus_pb2.BoolResponse)
    def HasCollection(self, request: Any, database: str) -> dict[str, Any]:
        data = self._rest("collections/has", database, collectionName=request.collection_name)
        return {"value": data["has"]}

    @_answers(milvus_pb2.DescribeCollectionResponse)
    def DescribeCollection(self, request: Any, database: str) -> dict[str, Any]:
        return self._described(request.collection_name, database)

    def _described(self, name: str, database: str) -> dict[str, Any]:
        item, engine = self._lite.find(database, name)
        return {
            "schema": schema_message(item),
            "collectionID": item.id,
            # An id of Milvus is a timestamp of its time oracle: milliseconds, shifted by 18 bits.
            "created_timestamp": item.id,
            "created_utc_timestamp": item.id >> 18,
            "update_timestamp": item.id,
            "update_timestamp_str": str(item.id),
            "shards_num": item.shards,
            "aliases": self._lite.engine.list_aliases(item.name, database_name=database),
            "consistency_level": common_pb2.ConsistencyLevel.Value(item.consistency),
            "collection_name": item.name,
            "properties": dict_to_pairs({"timezone": "UTC", **item.properties}),
            "db_name": database,
            "db_id": self._lite.catalogue.database_id(database),
            "num_partitions": len(names_of(item, engine)),
        }

    @_answers(milvus_pb2.BatchDescribeCollectionResponse)
    def BatchDescribeCollection(self, request: Any, database: str) -> dict[str, Any]:
        return {
            "responses": [
                milvus_pb2.DescribeCollectionResponse(
                    status=common_pb2.Status(), **self._described(name, database)
                )
                for name in request.collection_name
            ]
        }

    @_answers(milvus_pb2.ShowCollectionsResponse)
    def ShowCollections(self, request: Any, database: str) -> dict[str, Any]:
        wanted = set(request.collection_names)
        names = self._rest("collections/list", database)
        items = [self._lite.catalogue.get(database, name) for name in names]
        listed = [item for item in items if item and (not wanted or item.name in wanted)]
        if request.type == milvus_pb2.ShowType.InMemory:
            listed = [item for item in listed if item.loaded]
        return {
            "collection_names": [item.name for item in listed],
            "collection_ids": [item.id for item in listed],
            "created_timestamps": [item.id for item in listed],
            "created_utc_timestamps": [item.id >> 18 for item in listed],
            "inMemory_percentages": [100 if item.loaded else 0 for item in listed],
            "query_service_available": [item.loaded for item in listed],
            "shards_num": [item.shards for item in listed],
        }

    @_answers(common_pb2.Status)
    def RenameCollection(self, request: Any, database: str) -> None:
        self._rest(
            "collections/rename",
            database,
            collectionName=request.oldName,
            newCollectionName=request.newName,
            newDbName=request.newDBName,
        )

    @_answers(common_pb2.Status)
    def AlterCollection(self, request: Any, database: str) -> None:
        name = request.collection_name
        if request.properties:
            properties = pairs_to_dict(request.properties)
            self._rest(
                "collections/alter_properties", database, collectionName=name, properties=properties
            )
        if request.delete_keys:
            keys = list(request.delete_keys)
            self._rest(
                "collections/drop_properties", database, collectionName=name, propertyKeys=keys
            )

    @_answers(milvus_pb2.TruncateCollectionResponse)
    def TruncateCollection(self, request: Any, database: str) -> None:
        self._rest("collections/truncate", database, collectionName=request.collection_name)

    @_answers(milvus_pb2.GetCollectionStatisticsResponse)
    def GetCollectionStatistics(self, request: Any, database: str) -> dict[str, Any]:
        data = self._rest("collections/get_stats", database, collectionName=request.collection_name)
        return {"stats": dict_to_pairs({"row_count": str(data["rowCount"])})}

    # ── load, flush ─────────────────────────────────────────────

    @_answers(common_pb2.Status)
    def LoadCollection(self, request: Any, database: str) -> None:
        self._rest("collections/load", database, collectionName=request.collection_name)

    @_answers(common_pb2.Status)
    def ReleaseCollection(self, request: Any, database: str) -> None:
        self._rest("collections/release", database, collectionName=request.collection_name)

    def _loaded(self, request: Any, database: str) -> bool:
        data = self._rest(
            "collections/get_load_state",
            database,
            collectionName=request.collection_name,
            partitionNames=list(request.partition_names),
        )
        return data["loadState"] == "LoadStateLoaded"

    @_answers(milvus_pb2.GetLoadingProgressResponse)
    def GetLoadingProgress(self, request: Any, database: str) -> dict[str, Any]:
        progress = 100 if self._loaded(request, database) else 0
        return {"progress": progress, "refresh_progress": progress}

    @_answers(milvus_pb2.GetLoadStateResponse)
    def GetLoadState(self, request: Any, database: str) -> dict[str, Any]:
        try:
            loaded = self._loaded(request, database)
        except MilvusError as error:
            if error.code != COLLECTION_NOT_FOUND:
                raise
            return {"state": common_pb2.LoadStateNotExist}
        return {"state": common_pb2.LoadStateLoaded if loaded else common_pb2.LoadStateNotLoad}

    @_answers(milvus_pb2.FlushResponse)
    def Flush(self, request: Any, database: str) -> dict[str, Any]:
        """Done when it answers, so there are no segments to wait for."""
        now = self._lite.catalogue.next_ids(1)
        for name in request.collection_names:
            self._rest("collections/flush", database, collectionName=name)
        names = list(request.collection_names)
        return {
            "db_name": database,
            "coll_segIDs": {name: schema_pb2.LongArray() for name in names},
            "flush_coll_segIDs": {name: schema_pb2.LongArray() for name in names},
            "coll_seal_times": dict.fromkeys(names, now >> 18),
            "coll_flush_ts": dict.fromkeys(names, now),
        }

    @_answers(milvus_pb2.GetFlushStateResponse)
    def GetFlushState(self, request: Any, _: str) -> dict[str, Any]:
        return {"flushed": True}

    @_answers(milvus_pb2.FlushAllResponse)
    def FlushAll(self, request: Any, database: str) -> dict[str, Any]:
        for name in self._rest("collections/list", database):
            self._rest("collections/flush", database, collectionName=name)
        return {"flush_all_ts": self._lite.catalogue.next_ids(1)}

    @_answers(milvus_pb2.GetFlushAllStateResponse)
    def GetFlushAllState(self, request: Any, _: str) -> dict[str, Any]:
        return {"flushed": True}

    @_answers(milvus_pb2.ManualCompactionResponse)
    def ManualCompaction(self, request: Any, database: str) -> dict[str, Any]:
        """By name, or by id as older clients ask."""
        name = request.collection_name
        for each in self._rest("collections/list", database):
            item = self._lite.catalogue.get(database, each)
            if not name and item is not None and item.id == request.collectionID:
                name = each
        data = self._rest(
            "collections/compact",
            database,
            collectionName=name,
            isClustering=request.majorCompaction,
        )
        number = data["compactionID"]
        return {
            "compactionID": number,
            "compactionPlanCount": self._lite.compactions.get(number, 0),
        }

    @_answers(milvus_pb2.GetCompactionStateResponse)
    def GetCompactionState(self, request: Any, database: str) -> dict[str, Any]:
        data = self._rest("collections/get_compaction_state", database, jobID=request.compactionID)
        return {
            "state": common_pb2.CompactionState.Value(data["state"]),
            "executingPlanNo": data["executingPlanNumber"],
            "timeoutPlanNo": data["timeoutPlanNumber"],
            "completedPlanNo": data["completedPlanNumber"],
        }

    @_answers(milvus_pb2.GetQuerySegmentInfoResponse)
    def GetQuerySegmentInfo(self, request: Any, database: str) -> dict[str, Any]:
        return {"infos": self._segments(milvus_pb2.QuerySegmentInfo, request, database)}

    @_answers(milvus_pb2.GetPersistentSegmentInfoResponse)
    def GetPersistentSegmentInfo(self, request: Any, database: str) -> dict[str, Any]:
        return {"infos": self._segments(milvus_pb2.PersistentSegmentInfo, request, database)}

    def _segments(self, kind: Any, request: Any, database: str) -> list[Any]:
        """Lite's data files, in the order of their making."""
        item, engine = self._found(database, request.collectionName)
        every = names_of(item, engine)
        ids = dict(zip(every, self._lite.catalogue.partition_ids(item, every), strict=True))
        return [
            kind(
                segmentID=number,
                collectionID=item.id,
                partitionID=ids.get(segment.partition, 0),
                num_rows=segment.num_rows,
                state=common_pb2.SegmentState.Sealed,
                level=common_pb2.SegmentLevel.L1,
            )
            for number, segment in enumerate(engine._segments_snapshot(), 1)
        ]

    # ── fields, functions ───────────────────────────────────────

    @_answers(common_pb2.Status)
    def AddCollectionField(self, request: Any, database: str) -> None:
        self._rest("collections/fields/add", database, **added_field_body(request))

    @_answers(common_pb2.Status)
    def AlterCollectionField(self, request: Any, database: str) -> None:
        if request.delete_keys:
            raise unsupported("delete_keys of a field")
        self._rest(
            "collections/fields/alter_properties",
            database,
            collectionName=request.collection_name,
            fieldName=request.field_name,
            fieldParams=pairs_to_dict(request.properties),
        )

    @_answers(milvus_pb2.RunAnalyzerResponse)
    def RunAnalyzer(self, request: Any, database: str) -> dict[str, Any]:
        data = self._rest("common/run_analyzer", database, **analyzer_body(request))
        return {
            "results": [
                milvus_pb2.AnalyzerResult(
                    tokens=[
                        milvus_pb2.AnalyzerToken(
                            token=token["token"],
                            start_offset=token.get("startOffset", 0),
                            end_offset=token.get("endOffset", 0),
                            position=token.get("position", 0),
                            position_length=token.get("positionLength", 0),
                        )
                        for token in each["tokens"]
                    ]
                )
                for each in data["results"]
            ]
        }

    # ── partitions ──────────────────────────────────────────────

    @_answers(common_pb2.Status)
    def CreatePartition(self, request: Any, database: str) -> None:
        self._partition("partitions/create", request, database)

    @_answers(common_pb2.Status)
    def DropPartition(self, request: Any, database: str) -> None:
        self._partition("partitions/drop", request, database)

    @_answers(milvus_pb2.BoolResponse)
    def HasPartition(self, request: Any, database: str) -> dict[str, Any]:
        return {"value": self._partition("partitions/has", request, database)["has"]}

    @_answers(milvus_pb2.GetPartitionStatisticsResponse)
    def GetPartitionStatistics(self, request: Any, database: str) -> dict[str, Any]:
        data = self._partition("partitions/get_stats", request, database)
        return {"stats": dict_to_pairs({"row_count": str(data["rowCount"])})}

    @_answers(common_pb2.Status)
    def LoadPartitions(self, request: Any, database: str) -> None:
        self._some_partitions("partitions/load", request, database)

    @_answers(common_pb2.Status)
    def ReleasePartitions(self, request: Any, database: str) -> None:
        self._some_partitions("partitions/release", request, database)

    def _some_partitions(self, route: str, request: Any, database: str) -> None:
        self._rest(
            route,
            database,
            collectionName=request.collection_name,
            partitionNames=list(request.partition_names),
        )

    def _partition(self, route: str, request: Any, database: str) -> Any:
        return self._rest(
            route,
            database,
            collectionName=request.collection_name,
            partitionName=request.partition_name,
        )

    @_answers(milvus_pb2.ShowPartitionsResponse)
    def ShowPartitions(self, request: Any, database: str) -> dict[str, Any]:
        item, engine = self._found(database, request.collection_name)
        every = names_of(item, engine)
        number = dict(zip(every, self._lite.catalogue.partition_ids(item, every), strict=True))
        names = [name for name in every if name in (request.partition_names or every)]
        ids = [number[name] for name in names]
        return {
            "partition_names": names,
            "partitionIDs": ids,
            "created_timestamps": ids,
            "created_utc_timestamps": [each >> 18 for each in ids],
            "inMemory_percentages": [
                100 if item.loaded and name not in item.released else 0 for name in names
            ],
        }

    # ── aliases ─────────────────────────────────────────────────

    @_answers(common_pb2.Status)
    def CreateAlias(self, request: Any, database: str) -> None:
        self._alias("aliases/create", request, database)

    @_answers(common_pb2.Status)
    def AlterAlias(self, request: Any, database: str) -> None:
        self._alias("aliases/alter", request, database)

    def _alias(self, route: str, request: Any, database: str) -> None:
        name = request.collection_name
        self._rest(route, database, aliasName=request.alias, collectionName=name)

    @_answers(common_pb2.Status)
    def DropAlias(self, request: Any, database: str) -> None:
        self._rest("aliases/drop", database, aliasName=request.alias)

    @_answers(milvus_pb2.DescribeAliasResponse)
    def DescribeAlias(self, request: Any, database: str) -> dict[str, Any]:
        data = self._rest("aliases/describe", database, aliasName=request.alias)
        return {
            "db_name": data["dbName"],
            "alias": data["aliasName"],
            "collection": data["collectionName"],
        }

    @_answers(milvus_pb2.ListAliasesResponse)
    def ListAliases(self, request: Any, database: str) -> dict[str, Any]:
        name = request.collection_name
        return {
            "db_name": database,
            "collection_name": name,
            "aliases": self._rest("aliases/list", database, collectionName=name),
        }

    # ── indexes ─────────────────────────────────────────────────

    @_answers(common_pb2.Status)
    def CreateIndex(self, request: Any, database: str) -> None:
        name, entry = request.collection_name, index_body(request)
        self._rest("indexes/create", database, collectionName=name, indexParams=[entry])

    @_answers(common_pb2.Status)
    def DropIndex(self, request: Any, database: str) -> None:
        """By name; without one, every index of the field or of the collection."""
        name = request.collection_name
        item, _ = self._lite.find(database, name)
        for index in self._chosen(item, request.field_name, request.index_name):
            self._rest("indexes/drop", database, collectionName=name, indexName=index.name)

    @staticmethod
    def _chosen(item: Collection, field: str, name: str) -> list[Index]:
        return [
            index
            for index in item.indexes
            if name in ("", index.name) and field in ("", index.field)
        ]

    @_answers(milvus_pb2.DescribeIndexResponse)
    def DescribeIndex(self, request: Any, database: str) -> dict[str, Any]:
        return self._indexes(request, database)

    def _indexes(self, request: Any, database: str) -> dict[str, Any]:
        item, engine = self._found(database, request.collection_name)
        field = getattr(request, "field_name", "")
        chosen = self._chosen(item, field, request.index_name)
        if not chosen:
            raise index_not_found(request.index_name)
        rows = engine.num_entities
        return {
            "index_descriptions": [
                milvus_pb2.IndexDescription(
                    index_name=index.name,
                    field_name=index.field,
                    params=dict_to_pairs(shown(index)),
                    state=common_pb2.IndexState.Finished,
                    indexed_rows=rows,
                    total_rows=rows,
                )
                for index in chosen
            ]
        }

    @_answers(milvus_pb2.GetIndexStatisticsResponse)
    def GetIndexStatistics(self, request: Any, database: str) -> dict[str, Any]:
        return self._indexes(request, database)

    @_answers(milvus_pb2.GetIndexStateResponse)
    def GetIndexState(self, request: Any, database: str) -> dict[str, Any]:
        self._indexes(request, database)
        return {"state": common_pb2.IndexState.Finished}

    @_answers(milvus_pb2.GetIndexBuildProgressResponse)
    def GetIndexBuildProgress(self, request: Any, database: str) -> dict[str, Any]:
        (index, *_) = self._indexes(request, database)["index_descriptions"]
        return {"indexed_rows": index.indexed_rows, "total_rows": index.total_rows}

    @_answers(common_pb2.Status)
    def AlterIndex(self, request: Any, database: str) -> None:
        where = {"collectionName": request.collection_name, "indexName": request.index_name}
        if request.extra_params:
            properties = pairs_to_dict(request.extra_params)
            self._rest("indexes/alter_properties", database, **where, properties=properties)
        if request.delete_keys:
            keys = list(request.delete_keys)
            self._rest("indexes/drop_properties", database, **where, propertyKeys=keys)

    # ── rows ────────────────────────────────────────────────────

    @_answers(milvus_pb2.MutationResult)
    def Insert(self, request: Any, database: str) -> dict[str, Any]:
        item, _ = self._lite.find(database, request.collection_name)
        data = self._rest("entities/insert", database, **write_body(request, item))
        return self._written(item, data["insertIds"], "insert_cnt")

    @_answers(milvus_pb2.MutationResult)
    def Upsert(self, request: Any, database: str) -> dict[str, Any]:
        item, _ = self._lite.find(database, request.collection_name)
        data = self._rest(
            "entities/upsert",
            database,
            **write_body(request, item),
            partialUpdate=request.partial_update,
            fieldOps=[
                {"fieldName": each.field_name, "op": each.OpType.Name(each.op)}
                for each in request.field_ops
            ],
        )
        return self._written(item, data["upsertIds"], "upsert_cnt")

    def _written(self, item: Collection, keys: list[Any], count: str) -> dict[str, Any]:
        return {
            "IDs": ids_message(item, keys),
            "succ_index": range(len(keys)),
            "acknowledged": True,
            count: len(keys),
            "timestamp": self._lite.catalogue.next_ids(1),
        }

    @_answers(milvus_pb2.MutationResult)
    def Delete(self, request: Any, database: str) -> dict[str, Any]:
        data = self._rest(
            "entities/delete",
            database,
            collectionName=request.collection_name,
            partitionName=request.partition_name,
            filter=request.expr,
            exprParams=template_values(request.expr_template_values),
        )
        return {
            "delete_cnt": data["deleteCount"],
            "acknowledged": True,
            "timestamp": self._lite.catalogue.next_ids(1),
        }

    @_answers(milvus_pb2.QueryResults)
    def Query(self, request: Any, database: str) -> dict[str, Any]:
        item, rows = entities.selected(self._call(database, query_body(request)))
        _, engine = self._lite.find(database, item.name)
        message = query_message(request, item, engine, rows)
        # What an iterator of the client goes on with.
        return {**message, "session_ts": self._lite.catalogue.next_ids(1)}

    @_answers(milvus_pb2.SearchResults)
    def Search(self, request: Any, database: str) -> dict[str, Any]:
        body = search_body(request)
        return self._hits(search.hits_of, request.search_params, body, database)

    @_answers(milvus_pb2.SearchResults)
    def HybridSearch(self, request: Any, database: str) -> dict[str, Any]:
        body = hybrid_body(request)
        return self._hits(search.fused_hits_of, request.rank_params, body, database)

    def _hits(
        self, find: Callable[[Call], Any], params: Any, body: dict[str, Any], database: str
    ) -> dict[str, Any]:
        item, found, names = find(self._call(database, body))
        _, engine = self._lite.find(database, item.name)
        message = search_message(params, body, item, engine, found, names)
        return {**message, "session_ts": self._lite.catalogue.next_ids(1)}


# The generated base class raises where nothing is implemented, and gRPC logs a traceback of it.
for _name in vars(milvus_pb2_grpc.MilvusServiceServicer):
    if not _name.startswith("_") and _name not in vars(Service):
        setattr(Service, _name, _unimplemented(_name))
