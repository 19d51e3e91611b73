"""Every route of `/v2/vectordb/`, by its path below that: the one list of the families."""

from __future__ import annotations

from . import (
    aliases,
    analysis,
    collections,
    compaction,
    databases,
    entities,
    fields,
    functions,
    indexes,
    loading,
    partitions,
    search,
    unsupported,
)
from .call import Routes

PREFIX = "/v2/vectordb/"

ROUTES: Routes = {
    path: route
    for family in (
        collections,
        fields,
        functions,
        loading,
        compaction,
        entities,
        search,
        partitions,
        indexes,
        aliases,
        databases,
        analysis,
        unsupported,
    )
    for path, route in family.ROUTES.items()
}
