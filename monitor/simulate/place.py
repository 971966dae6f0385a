r"""The simulated port: where everything stands. SIMULATED: the place is open ocean, so that nobody takes it for a port.

All coordinates inside are metres on the UTM grid. `_at(u, v)` turns the plan drawn below (u east, v south, from the
upper left corner of a square of 3.2 km) into eastings and northings::

    v=0     ################################   land: town in the west, fields in the east (land_reference)
            #########  [ yard ]  ###########
    v=1000  =============||====||===========   quay; two piers; berths on both sides and between
            ~ \~~~~~~~~~~||~~~~||~~~~~~~~/~~
    v=2000  ~~~ [ anchorage ] ~~~~~~ \__/ ~~~~   breakwaters
    v=3200  ~~~~~~~~~~~~~~~~~~ [ sea_reference ]
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from monitor.aoi import Aoi, Surface, ZoneKind, from_features
from monitor.errors import UsageError
from monitor.grid import Grid, project, utm_zone

AOI_ID = "simport"
AOI_NAME = "Simulated port (SIMULATED)"
CENTRE = (-29.8, 40.0)
"""Longitude and latitude of the middle of the AOI: the Atlantic, more than 100 km from any land."""

RESOLUTION_M = 10.0
SMALLEST_SIDE = 320
"""Pixels: the port needs them all. A larger grid shows more sea in the south and more land in the north."""

FAR = 100_000.0
"""Metres: where the simulated land ends, outside every grid."""

QUAY_V = 1000.0
PIERS = ((1150.0, 1210.0), (1950.0, 2010.0))
PIER_END_V = 1380.0
FENDER_M = 6.0
"""Gap between a quay and the side of a ship, m."""


@dataclass(frozen=True, kw_only=True)
class SimulatedZone:
    """A zone of the simulated AOI, in metres on its grid."""

    name: str
    kind: ZoneKind
    surface: Surface
    outline: BaseGeometry
    """UTM."""


@dataclass(frozen=True, kw_only=True)
class Berth:
    """Room for one ship along a quay: the middle of the line its side touches, and which way the water lies."""

    x: float
    y: float
    along_deg: float
    """Heading of a ship that lies here, degrees clockwise from north."""

    away: tuple[float, float]
    """Unit vector (east, north) from the quay to the water."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Place:
    """The fixed geometry of the port. One for each size of grid."""

    grid: Grid
    zones: tuple[SimulatedZone, ...]
    berths: tuple[Berth, ...]
    solid: BaseGeometry
    """All that is not water: land, piers, breakwaters. UTM."""

    edges: BaseGeometry
    """Quay and pier edges: strips of strong permanent echo."""

    breakwaters: BaseGeometry
    town: BaseGeometry
    paved: BaseGeometry
    """Port apron, yard floor and piers."""

    cranes: tuple[tuple[float, float], ...]
    """Eastings and northings of point-like permanent echoes."""

    yard_cells: tuple[tuple[float, float], ...]
    """Centres of the places of a container stack."""

    def zone(self, name: str) -> SimulatedZone:
        """The zone of that name.

        Raises:
            UsageError: there is none.
        """
        for zone in self.zones:
            if zone.name == name:
                return zone
        raise UsageError(
            f"the simulated port has no zone {name!r}", f"It has: {', '.join(z.name for z in self.zones)}."
        )

    def mask(self, outline: BaseGeometry) -> NDArray[np.bool_]:
        """Shape of the grid. True where the pixel centre lies inside the UTM outline."""
        x, y = self.grid.centres()
        shapely.prepare(outline)
        return np.asarray(shapely.contains_xy(outline, *np.meshgrid(x, y)), bool)

    def water(self) -> NDArray[np.bool_]:
        """Shape of the grid. True where the pixel centre is water."""
        return ~self.mask(self.solid)


def grid_of(side: int = SMALLEST_SIDE) -> Grid:
    """The grid of the simulated AOI: square, around the same centre whatever its size.

    Raises:
        UsageError: too small for the port, or an odd number of pixels.
    """
    if side < SMALLEST_SIDE or side % 2:
        raise UsageError(
            f"a simulated grid of {side} pixels a side cannot be", f"Use an even number from {SMALLEST_SIDE}."
        )
    x, y = _centre()
    half = side / 2 * RESOLUTION_M
    return Grid(epsg=utm_zone(*CENTRE), left=x - half, top=y + half, resolution=RESOLUTION_M, height=side, width=side)


@lru_cache
def _centre() -> tuple[float, float]:
    point = project(shapely.Point(*CENTRE), utm_zone(*CENTRE))
    x, y = (round(v / RESOLUTION_M) * RESOLUTION_M for v in point.coords[0])
    return x, y


def _at(u: float, v: float) -> tuple[float, float]:
    x, y = _centre()
    return x - 1600 + u, y + 1600 - v


def _box(u0: float, v0: float, u1: float, v1: float) -> BaseGeometry:
    return shapely.box(*_at(u0, v1), *_at(u1, v0))


def _line(*points: tuple[float, float]) -> BaseGeometry:
    return shapely.LineString([_at(u, v) for u, v in points])


@lru_cache
def place(side: int = SMALLEST_SIDE) -> Place:
    """The simulated port on a grid of `side` x `side` pixels of 10 m."""
    coast = [(-FAR, 1060), (0, 1060), (200, 1120), (450, 1080), (650, QUAY_V), (2550, QUAY_V), (2700, 1040)]
    coast += [(2950, 1100), (3200, 1040), (FAR, 1040), (FAR, -FAR), (-FAR, -FAR)]
    piers = shapely.union_all([_box(a, QUAY_V - 10, b, PIER_END_V) for a, b in PIERS])
    land = shapely.union_all([shapely.Polygon([_at(u, v) for u, v in coast]), piers])
    west = _line((480, 1060), (420, 1450), (640, 1720)).buffer(18)
    east = _line((2820, 1050), (2890, 1500), (2620, 1840), (2280, 1930)).buffer(18)
    breakwaters = shapely.union_all([west, east])
    quay = shapely.union_all([_box(650, QUAY_V - 10, 2550, QUAY_V), piers])
    # the strip along the water, not the seam where pier and quay meet
    edges = quay.difference(piers.union(_box(650, 0, 2550, QUAY_V)).buffer(-10, join_style="mitre"))
    return Place(
        grid=grid_of(side),
        zones=_zones(piers),
        berths=_berths(),
        solid=land.union(breakwaters),
        edges=edges,
        breakwaters=breakwaters,
        town=_box(60, 250, 620, 850),
        paved=shapely.union_all([_box(650, 600, 2550, QUAY_V), piers]),
        cranes=tuple(_at(u, QUAY_V - 8) for u in (760, 900, 1330, 1480, 1640, 1790, 2200, 2400)),
        yard_cells=tuple(_at(u, v) for u in range(1060, 2160, 80) for v in range(680, 900, 40)),
    )


def _zones(piers: BaseGeometry) -> tuple[SimulatedZone, ...]:
    drawn = (
        ("berths", ZoneKind.BERTH_WATER, Surface.WATER, _box(1050, QUAY_V, 2110, 1450).difference(piers)),
        ("anchorage", ZoneKind.ANCHORAGE, Surface.WATER, _box(400, 2050, 1950, 3050)),
        ("yard", ZoneKind.CARGO_YARD, Surface.LAND, _box(1000, 640, 2200, 920)),
        ("sea_reference", ZoneKind.REFERENCE_WATER, Surface.WATER, _box(2150, 2250, 3100, 3100)),
        ("land_reference", ZoneKind.REFERENCE_LAND, Surface.LAND, _box(2300, 100, 3100, 550)),
    )
    return tuple(SimulatedZone(name=n, kind=k, surface=s, outline=o) for n, k, s, o in drawn)


def _berths() -> tuple[Berth, ...]:
    (a, b), (c, d) = PIERS
    beside = ((a, (-1.0, 0.0)), (b, (1.0, 0.0)), (c, (-1.0, 0.0)), (d, (1.0, 0.0)))
    piers = [Berth(x=_at(u, 0)[0], y=_at(0, 1235)[1], along_deg=0.0, away=away) for u, away in beside]
    quays = [Berth(x=_at(u, 0)[0], y=_at(0, QUAY_V)[1], along_deg=90.0, away=(0.0, -1.0)) for u in (1435, 1725)]
    return (*piers, *quays)


def features(port: Place) -> Mapping[str, Any]:
    """The AOI and its zones as a GeoJSON FeatureCollection (WGS84), for `monitor.aoi.from_features`."""
    left, bottom, right, top = port.grid.bounds
    # one metre inside the pixels, so that rounding of coordinates never adds a row or a column to the AOI's grid
    outline = shapely.box(left + 1, bottom + 1, right - 1, top - 1)
    note = "SIMULATED: no such place exists."
    whole = {"id": AOI_ID, "feature_type": "aoi", "name": AOI_NAME, "kind": "simulated_port", "notes": note}
    found = [_feature(port, outline, whole | {"resolution_m": RESOLUTION_M, "simulated": True})]
    for zone in port.zones:
        own: dict[str, Any] = {"id": f"{AOI_ID}.{zone.name}", "feature_type": "zone", "zone_kind": zone.kind.value}
        own |= {"mask": zone.surface.value, "position_uncertainty_m": 0, "notes": note}
        found.append(_feature(port, zone.outline, own))
    return {"type": "FeatureCollection", "name": AOI_NAME, "features": found}


def _feature(port: Place, outline: BaseGeometry, properties: Mapping[str, Any]) -> dict[str, Any]:
    lonlat = shapely.set_precision(project(outline, 4326, source=port.grid.epsg), 1e-8)
    return {"type": "Feature", "geometry": shapely.geometry.mapping(lonlat), "properties": dict(properties)}


def simulated_aoi(side: int = SMALLEST_SIDE) -> Aoi:
    """The AOI as the rest of the tool sees it."""
    return from_features(features(place(side)), "simulated aoi.geojson")
