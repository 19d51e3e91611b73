"""Compaction by hand (`datacoord`): done when it answers, by Lite's own files.

Milvus Lite compacts in the background; its gRPC server answers a request for it and does nothing.
"""

from __future__ import annotations

from ..engine import storage
from ..wire.envelope import Answer, success
from ..wire.errors import collection_not_found
from .call import Call, Route, Routes

NOTHING_TO_DO = -1
_REMEMBERED = 1000


def compact(call: Call) -> Answer:
    """Its id, or -1 if there was nothing to do. `isClustering` orders rows by the clustering key;
    without such a key there is nothing to do, as in Milvus."""
    missing = collection_not_found(call.collection_name)
    lite = call.lite
    with lite.writing(call.database, call.collection_name, missing) as (item, engine):
        key = next((field.name for field in item.fields if field.clustering_key), None)
        clustering = call.body.get("isClustering", False)
        plans = 0
        if not clustering or key is not None:
            plans = storage.merge_segments(engine, key if clustering else None)
    if not plans:
        return success({"compactionID": NOTHING_TO_DO})
    number = lite.catalogue.next_ids(1)
    lite.compactions[number] = plans
    while len(lite.compactions) > _REMEMBERED:
        del lite.compactions[next(iter(lite.compactions))]
    return success({"compactionID": number})


def get_compaction_state(call: Call) -> Answer:
    """Of an id that is not known Milvus says Completed, too, with no plan."""
    number = call.body.get("jobID", 0)
    return success(
        {
            "compactionID": number,
            "state": "Completed",
            "executingPlanNumber": 0,
            "timeoutPlanNumber": 0,
            "completedPlanNumber": call.lite.compactions.get(number, 0),
        }
    )


ROUTES: Routes = {
    "collections/compact": Route("CompactReq", compact, writes=True),
    "collections/get_compaction_state": Route("GetCompactionStateReq", get_compaction_state),
}
