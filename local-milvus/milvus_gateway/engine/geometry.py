"""Shapes: WKT and the spatial relations, by GEOS, the library that Milvus' engine uses too."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import shapely

Shape = Any

EARTH_RADIUS_METERS = 6371000.0
_METERS_PER_DEGREE = 111320.0
_RELATIONS = {
    "equals": shapely.equals,
    "touches": shapely.touches,
    "overlaps": shapely.overlaps,
    "crosses": shapely.crosses,
    "contains": shapely.contains,
    "intersects": shapely.intersects,
    "within": shapely.within,
}


def parsed(text: str) -> Shape | None:
    """The shape of a WKT text, or None if it is none."""
    try:
        return shapely.from_wkt(text)
    except (shapely.errors.GEOSException, TypeError):
        return None


def canonical(shape: Shape) -> str:
    """WKT as Milvus gives it back: its numbers without trailing zeros."""
    return str(shapely.to_wkt(shape, rounding_precision=-1, trim=True))


def related(texts: list[str | None], relation: str, other: Shape, distance: float) -> np.ndarray:
    """For each stored shape whether it stands in the relation to the other one."""
    shapes = shapely.from_wkt(np.asarray(texts, dtype=object), on_invalid="ignore")
    if relation == "isvalid":
        return np.asarray(shapely.is_valid(shapes), dtype=bool)
    if relation == "dwithin":
        return np.fromiter(
            (shape is not None and _meters(shape, other) <= distance for shape in shapes),
            bool,
            len(texts),
        )
    return np.asarray(_RELATIONS[relation](shapes, other), dtype=bool)


def _meters(shape: Shape, point: Shape) -> float:
    """Between points the great circle; from other shapes degrees, turned to metres at the point."""
    if shape.geom_type == "Point":
        north, south = math.radians(shape.y), math.radians(point.y)
        chord = (
            math.sin((south - north) / 2) ** 2
            + math.cos(north) * math.cos(south) * math.sin(math.radians(point.x - shape.x) / 2) ** 2
        )
        return 2 * EARTH_RADIUS_METERS * math.asin(math.sqrt(min(1.0, chord)))
    shrink = math.cos(math.radians(point.y))
    return shape.distance(point) * _METERS_PER_DEGREE * math.sqrt((1.0 + shrink * shrink) / 2.0)
