"""Outlines as GeoJSON wants them (RFC 7946)."""

from __future__ import annotations

from typing import Any

from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry
from shapely.geometry.polygon import orient

from monitor import globe


def oriented(outline: BaseGeometry) -> BaseGeometry:
    """The polygons with their outer rings counterclockwise and their holes clockwise."""
    if isinstance(outline, MultiPolygon):
        return MultiPolygon([orient(p) for p in outline.geoms])
    return orient(outline) if isinstance(outline, Polygon) else outline


def geojson(outline: BaseGeometry) -> dict[str, Any]:
    """A polygon or multipolygon as a GeoJSON geometry, without heights, right-hand rule."""
    pieces = [_rings(p) for p in getattr(oriented(outline), "geoms", [oriented(outline)])]
    if isinstance(outline, MultiPolygon):
        return {"type": "MultiPolygon", "coordinates": pieces}
    return {"type": "Polygon", "coordinates": pieces[0]}


def bbox(outline: BaseGeometry) -> list[float]:
    """West, south, east, north, degrees; west > east where the outline crosses 180 degrees (RFC 7946, 5.2)."""
    found = globe.boxes(outline)
    return [found[0][0], found[0][1], found[-1][2], found[0][3]]


def _rings(piece: Polygon) -> list[list[list[float]]]:
    return [[[float(x), float(y)] for x, y, *_ in ring.coords] for ring in (piece.exterior, *piece.interiors)]
