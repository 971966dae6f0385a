"""Longitudes on a globe: shapes across the line where 180 E meets 180 W, however they were written.

Three ways are met with: split at the line (RFC 7946, and what this module makes of the others), beyond it (179 .. 181,
or 0 .. 360 all round), and drawn across a flat map (179 .. -179), which makes a shape 358 degrees wide. An edge over
more than 180 degrees of longitude is therefore taken to go the other way round.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

TURN = 360.0
HALF = 180.0

SLIVER = 1e-9
"""Degrees, a tenth of a millimetre. What reaches over the line by less does so by rounding."""

Box = tuple[float, float, float, float]
"""(west, south, east, north), degrees; west < east."""


def split(geometry: BaseGeometry) -> BaseGeometry:
    """The geometry within -180 .. 180, cut in two where it crosses the line; itself, if it does not.

    A polygon that only reaches the line, or reaches over it by rounding, gives no piece on the other side.
    """
    pieces = parts(geometry)
    if all(_within(p) for p in pieces) and all(_plain(p) for p in _simple(geometry)):
        return geometry
    cut = [c for p in pieces for c in ([p] if _within(p) else _cut(p))]
    return cut[0] if len(cut) == 1 else _collected(cut)


def unrolled(geometry: BaseGeometry) -> BaseGeometry:
    """The geometry in one stretch of longitudes, which may go beyond 180; itself, if it crosses no line.

    Pieces that meet at the line are one again. The middle of the stretch lies within -180 .. 180.
    """
    pieces = parts(geometry)
    if _plain(geometry) or not pieces:
        return geometry
    start = _start([p.bounds for p in pieces])
    beside = [_moved(p, _turns(p.bounds[0] - start + SLIVER)) for p in pieces]
    joined = beside[0] if len(beside) == 1 else shapely.union_all(beside)
    return _centred(joined)


def touches(one: BaseGeometry, other: BaseGeometry) -> bool:
    """True if the two share ground, a point at least."""
    return meet(parts(one), parts(other))


def meet(some: Sequence[BaseGeometry], others: Sequence[BaseGeometry]) -> bool:
    """`touches` for the `parts` of two geometries, for those who compare one with many."""
    return any(_meet(a, b) for a in some for b in others)


def boxes(outline: BaseGeometry) -> list[Box]:
    """The outline's extent, for searches: one box, or two that meet at the line. Within -180 .. 180."""
    west, south, east, north = unrolled(outline).bounds
    if east - west >= TURN:
        return [(-HALF, south, HALF, north)]
    west, east = (west + TURN, east + TURN) if west < -HALF else (west, east)
    two = [(west, south, min(east, HALF), north), (-HALF, south, east - TURN, north)]
    return [b for b in two if b[2] - b[0] > SLIVER] or two[:1]


def parts(geometry: BaseGeometry) -> list[BaseGeometry]:
    """Its polygons (points, lines), each in one stretch of longitudes whose middle lies within -180 .. 180."""
    return [p if _plain(p) else _centred(_unwrapped(p)) for p in _simple(geometry)]


def _simple(geometry: BaseGeometry) -> Iterator[BaseGeometry]:
    """The parts of a collection, and of collections in it; nothing that is empty."""
    if hasattr(geometry, "geoms"):
        for part in geometry.geoms:
            yield from _simple(part)
    elif not geometry.is_empty:
        yield geometry


def _within(geometry: BaseGeometry) -> bool:
    west, _, east, _ = geometry.bounds
    return bool(west >= -HALF and east <= HALF)


def _plain(geometry: BaseGeometry) -> bool:
    """True if its longitudes can be taken as they are."""
    west, _, east, _ = geometry.bounds
    return bool(west >= -HALF and east <= HALF and east - west <= HALF)


def _unwrapped(part: BaseGeometry) -> BaseGeometry:
    """A polygon or line whose edges all go the short way round."""
    if not isinstance(part, shapely.Polygon):
        return shapely.transform(part, _short_edges)
    shell = _ring(part.exterior)
    if shell.bounds[0] == shell.bounds[2]:  # a box round the whole globe: the short way is none
        return part
    middle = _middle(shell.bounds)
    rings = [_ring(r) for r in part.interiors]
    holes = [_moved(r, _turns(_middle(r.bounds) - middle + HALF)) for r in rings]
    return shapely.Polygon(shell, [h.coords for h in holes])


def _ring(ring: shapely.LinearRing) -> shapely.LinearRing:
    """The ring with short edges. If it then does not close, it goes round a pole, and is closed over that pole."""
    points = _short_edges(np.asarray(ring.coords)[:, :2])
    (first, _), (last, _) = points[0], points[-1]
    if last != first:
        pole = math.copysign(90.0, points[:, 1].mean())
        points = np.vstack([points, [(last, pole), (first, pole)]])
    return shapely.LinearRing(points)


def _short_edges(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shape (n, 2). Whole turns are added wherever two points are more than half a turn apart."""
    turns = -np.round(np.diff(points[:, 0], prepend=points[0, 0]) / TURN)
    return np.column_stack([points[:, 0] + np.cumsum(turns) * TURN, points[:, 1]])


def _turns(degrees: float) -> float:
    """The whole turns, in degrees, that bring an angle into 0 .. 360."""
    return -math.floor(degrees / TURN) * TURN


def _middle(bounds: Box) -> float:
    return (bounds[0] + bounds[2]) / 2


def _centred(geometry: BaseGeometry) -> BaseGeometry:
    return _moved(geometry, _turns(_middle(geometry.bounds) + HALF))


def _moved(geometry: BaseGeometry, degrees: float) -> BaseGeometry:
    if degrees == 0:
        return geometry
    return shapely.transform(geometry, lambda points: points + np.array([degrees, 0.0]))


def _start(extents: Sequence[Box]) -> float:
    """Where the widest stretch of longitudes ends that none of the parts reaches into."""
    spans = sorted((w + _turns(w), e - w) for w, _, e, _ in extents)
    reach, start, widest = spans[-1][0] - TURN, spans[0][0], -math.inf
    for west, width in [(w - TURN, s) for w, s in spans] + spans:
        if west >= spans[0][0] and west - reach > widest:
            start, widest = west, west - reach
        reach = max(reach, west + width)
    return start


def _cut(part: BaseGeometry) -> list[BaseGeometry]:
    sound = part if part.is_valid else shapely.make_valid(part)
    west, south, east, north = sound.bounds
    turns = range(math.floor((west + HALF) / TURN), math.ceil((east + HALF) / TURN))
    cut = []
    for turn in turns:
        strip = shapely.box(turn * TURN - HALF, south - 1, turn * TURN + HALF, north + 1)
        cut += [_moved(p, -turn * TURN) for p in _simple(shapely.intersection(sound, strip))]
    return [p for p in cut if p.bounds[2] - p.bounds[0] > SLIVER]


def _collected(pieces: Sequence[BaseGeometry]) -> BaseGeometry:
    if all(isinstance(p, shapely.Polygon) for p in pieces):
        return shapely.MultiPolygon([p for p in pieces if isinstance(p, shapely.Polygon)])
    return shapely.GeometryCollection(list(pieces))


def _meet(one: BaseGeometry, other: BaseGeometry) -> bool:
    west, south, east, north = one.bounds
    left, bottom, right, top = other.bounds
    if south > top or north < bottom:
        return False
    near = (d for d in (0.0, TURN, -TURN) if west <= right + d and east >= left + d)
    return any(one.intersects(_moved(other, d)) for d in near)
