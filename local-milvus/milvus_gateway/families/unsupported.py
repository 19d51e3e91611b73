"""Routes that Milvus has and Milvus Lite cannot serve.

They are registered, so that only a path which Milvus does not know either answers 404. A body is
decoded and checked as on any route; then comes 3000, Milvus' code for an unsupported operation.
"""

from __future__ import annotations

from ..wire.envelope import Answer
from ..wire.errors import UNSUPPORTED, unsupported
from .call import Call, Route, Routes

_REQUEST_TYPES = {
    "collections/fields/drop": "CollectionFieldDrop",
    "collections/struct_fields/add": "CollectionFieldReqWithSchema",
    "collections/add_function_field": "CollectionAddFunctionField",
    "collections/drop_function_field": "CollectionDropFunctionField",
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
}
_ADMINISTRATION = {
    "users": {
        "list": "DatabaseReq",
        "describe": "UserReq",
        "create": "PasswordReq",
        "update_password": "NewPasswordReq",
        "drop": "UserReq",
        "grant_role": "UserRoleReq",
        "revoke_role": "UserRoleReq",
    },
    "roles": {
        "list": "DatabaseReq",
        "describe": "RoleReq",
        "create": "RoleReq",
        "alter": "RoleReq",
        "drop": "RoleReq",
        "grant_privilege": "GrantReq",
        "revoke_privilege": "GrantReq",
        "grant_privilege_v2": "GrantV2Req",
        "revoke_privilege_v2": "GrantV2Req",
    },
    "privilege_groups": {
        "create": "PrivilegeGroupReq",
        "drop": "PrivilegeGroupReq",
        "list": "DatabaseReq",
        "add_privileges_to_group": "PrivilegeGroupReq",
        "remove_privileges_from_group": "PrivilegeGroupReq",
    },
    "resource_groups": {
        "create": "ResourceGroupReq",
        "drop": "ResourceGroupReq",
        "alter": "UpdateResourceGroupReq",
        "describe": "ResourceGroupReq",
        "list": "EmptyReq",
        "transfer_replica": "TransferReplicaReq",
    },
    "segments": {"describe": "GetSegmentsInfoReq"},
    "quotacenter": {"describe": "EmptyReq"},
}


def _refusal(path: str, request_type: str) -> Route:
    def refuse(call: Call) -> Answer:
        raise unsupported(path, UNSUPPORTED)

    return Route(request_type, refuse)


ROUTES: Routes = {path: _refusal(path, kind) for path, kind in _REQUEST_TYPES.items()} | {
    f"{family}/{action}": _refusal(f"{family}/{action}", kind)
    for family, actions in _ADMINISTRATION.items()
    for action, kind in actions.items()
}
