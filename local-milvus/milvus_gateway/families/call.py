"""One request on its way through a handler, and what a family of routes looks like."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..engine.lite import Lite
from ..wire.envelope import Answer


@dataclass(frozen=True)
class Call:
    """What a handler works with: the engine, the decoded body and two headers."""

    lite: Lite
    body: dict[str, Any]
    database: str
    int64_as_text: bool

    @property
    def collection_name(self) -> str:
        return self.body["collectionName"]


Handler = Callable[[Call], Answer]


@dataclass(frozen=True)
class Route:
    """A path's request type, handler, and whether it may wait for a collection's write lock."""

    request_type: str
    handler: Handler
    writes: bool = False


Routes = dict[str, Route]
