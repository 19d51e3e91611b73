"""Routes that Milvus has and Milvus Lite cannot serve.

They are registered, so that only a path which Milvus does not know either answers 404. A body is
decoded and checked as on any route; then comes 3000, Milvus' code for an unsupported operation.
"""

from __future__ import annotations

from .call import Call, Route, Routes
from .envelope import Answer
from .errors import UNSUPPORTED, unsupported

_REQUEST_TYPES = {
    "collections/refresh_load": "CollectionNameReq",
    "collections/compact": "CompactReq",
    "collections/get_compaction_state": "GetCompactionStateReq",
    "collections/fields/alter_properties": "CollectionFieldReqWithParams",
    "collections/fields/add": "CollectionFieldReqWithSchema",
    "collections/fields/drop": "CollectionFieldDrop",
    "collections/struct_fields/add": "CollectionFieldReqWithSchema",
    "collections/add_function": "CollectionAddFunction",
    "collections/alter_function": "CollectionAlterFunction",
    "collections/drop_function": "CollectionDropFunction",
    "collections/add_function_field": "CollectionAddFunctionField",
    "collections/drop_function_field": "CollectionDropFunctionField",
    "partitions/load": "PartitionsReq",
    "partitions/release": "PartitionsReq",
    "indexes/alter_properties": "IndexReqWithProperties",
    "indexes/drop_properties": "DropIndexPropertiesReq",
    "jobs/import/list": "OptionalCollectionNameReq",
    "jobs/import/create": "ImportReq",
    "jobs/import/get_progress": "JobIDReq",
    "jobs/import/describe": "JobIDReq",
    "jobs/import/commit": "JobIDReq",
    "jobs/import/abort": "JobIDReq",
    "jobs/snapshot/restore_external": "RestoreExternalSnapshotReq",
    "jobs/snapshot/export": "ExportSnapshotReq",
    "jobs/snapshot/describe": "JobIDReq",
    "jobs/snapshot/list": "OptionalCollectionNameReq",
    "jobs/external_collection/refresh": "RefreshExternalCollectionReq",
    "jobs/external_collection/describe": "RefreshExternalCollectionProgressReq",
    "jobs/external_collection/list": "OptionalCollectionNameReq",
    "common/run_analyzer": "RunAnalyzerReq",
}
_ADMINISTRATION = {
    "users": "list describe create update_password drop grant_role revoke_role",
    "roles": (
        "list describe create alter drop grant_privilege revoke_privilege grant_privilege_v2 "
        "revoke_privilege_v2"
    ),
    "privilege_groups": ("create drop list add_privileges_to_group remove_privileges_from_group"),
    "resource_groups": "create drop alter describe list transfer_replica",
    "segments": "describe",
    "quotacenter": "describe",
}


def _refusal(path: str, request_type: str) -> Route:
    def refuse(call: Call) -> Answer:
        raise unsupported(path, UNSUPPORTED)

    return Route(request_type, refuse)


ROUTES: Routes = {path: _refusal(path, kind) for path, kind in _REQUEST_TYPES.items()} | {
    f"{family}/{action}": _refusal(f"{family}/{action}", "EmptyReq")
    for family, actions in _ADMINISTRATION.items()
    for action in actions.split()
}
