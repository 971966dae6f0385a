"""Four places, and the AOIs in them: squares of 600 to 800 m, laid out in metres from the middle of their place."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain, zip_longest

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Transformer
from shapely.geometry.base import BaseGeometry

from monitor import globe
from monitor.aoi import Aoi, whole
from monitor.grid import Grid

Points = NDArray[np.float64]

HIGH, WIDE = 110_574.0, 111_320.0
"""Metres of a degree of latitude, and of longitude at the equator. What is laid out with them need not be exact."""

ACROSS = [
    (0, 0),
    (1, 0),
    (-1, 0),
    (0, 1),
    (0, -1),
    (1, 1),
    (-1, -1),
    (1, -1),
    (-1, 1),
    (2, 0),
    (-2, 0),
    (0, 2),
    (0, -2),
]
"""Where the squares of a place lie, km east and north. The first one lies across the middle, where all edges are."""

SHIFT = 70.0, -40.0
"""m. The middle of no square is the middle of its place."""

REACH = 3200
"""m. Everything of a place lies nearer to its middle than this."""

OVERLAP = 700
"""m. Two tiles of one place reach so far beyond its middle."""

SNAP = 20
"""m. Corners of tiles lie at whole multiples of it, as those of Sentinel-2 do."""


@dataclass(frozen=True, kw_only=True)
class Tile:
    """Where the products of Sentinel-2 lie over a place."""

    name: str
    epsg: int
    west: int
    """Extent in metres from the middle of the place."""

    east: int


@dataclass(frozen=True, kw_only=True)
class Place:
    """Something to watch."""

    name: str
    lon: float
    lat: float
    tiles: Sequence[Tile]

    def outline(self, metres: BaseGeometry) -> BaseGeometry:
        """A geometry in metres from the middle as WGS84, cut at 180 degrees where it crosses."""
        step = np.array([WIDE * math.cos(math.radians(self.lat)), HIGH])
        return globe.split(shapely.transform(metres, lambda points: points / step + (self.lon, self.lat)))

    def metres(self, lon: Points, lat: Points) -> tuple[Points, Points]:
        """East and north of the middle: the way back from `outline`."""
        turned = (lon - self.lon + 180) % 360 - 180
        return turned * WIDE * math.cos(math.radians(self.lat)), (lat - self.lat) * HIGH

    def box(self, west: float, south: float, east: float, north: float) -> BaseGeometry:
        """A box given in metres from the middle."""
        return self.outline(shapely.box(west, south, east, north))

    def grid(self, tile: Tile) -> Grid:
        """The 10 m pixels of a tile over this place."""
        corners = [(x, y) for x in (tile.west, tile.east) for y in (-REACH, REACH)]
        step = WIDE * math.cos(math.radians(self.lat)), HIGH
        lon = [self.lon + x / step[0] for x, _ in corners]
        lat = [self.lat + y / step[1] for _, y in corners]
        x, y = transformer(4326, tile.epsg).transform(lon, lat)
        left, bottom = (math.floor(min(v) / SNAP) * SNAP for v in (x, y))
        right, top = (math.ceil(max(v) / SNAP) * SNAP for v in (x, y))
        return Grid(
            epsg=tile.epsg, left=left, top=top, resolution=10, height=(top - bottom) // 10, width=(right - left) // 10
        )

    def outline_of(self, grid: Grid) -> BaseGeometry:
        """The extent of a grid over this place."""
        ring = np.asarray(shapely.box(*grid.bounds).segmentize(200).exterior.coords)
        lon, lat = transformer(grid.epsg, 4326).transform(ring[:, 0], ring[:, 1])
        return self.outline(shapely.Polygon(np.column_stack(self.metres(lon, lat))))

    def aois(self) -> list[Aoi]:
        """All that can be watched here."""
        made = []
        for number, (east, north) in enumerate(ACROSS):
            x, y, half = east * 1000 + SHIFT[0], north * 1000 + SHIFT[1], 300 + 10 * (number * 7 % 11)
            outline = self.box(x - half, y - half, x + half, y + half)
            identity = f"{self.name}-{number:02d}"
            made.append(Aoi(id=identity, name=identity, outline=outline, zones=(whole(outline),)))
        return made


@cache
def transformer(source: int, target: int) -> Transformer:
    """Between two reference systems, x east and y north."""
    return Transformer.from_crs(source, target, always_xy=True)


def _one(name: str, epsg: int) -> tuple[Tile, ...]:
    return (Tile(name=name, epsg=epsg, west=-REACH, east=REACH),)


def _two(western: tuple[str, int], eastern: tuple[str, int]) -> tuple[Tile, ...]:
    """Tiles of two UTM zones that overlap over the place."""
    return (
        Tile(name=western[0], epsg=western[1], west=-REACH, east=OVERLAP),
        Tile(name=eastern[0], epsg=eastern[1], west=-OVERLAP, east=REACH),
    )


PLACES = (
    Place(name="delta", lon=4.05, lat=51.96, tiles=_one("31UET", 32631)),
    Place(name="edge", lon=6.0, lat=53.45, tiles=_two(("31UGV", 32631), ("32ULE", 32632))),
    Place(name="dateline", lon=180.0, lat=-16.8, tiles=_two(("60KYG", 32760), ("01KAC", 32701))),
    Place(name="levant", lon=35.78, lat=35.52, tiles=_one("36SYE", 32636)),
)
"""In the middle of a zone, on the border of two, on the line of 180 degrees, and one where swaths end."""


def watched(count: int) -> list[tuple[Place, Aoi]]:
    """So many AOIs, the places in turn."""
    rows = zip_longest(*([(place, aoi) for aoi in place.aois()] for place in PLACES))
    return [pair for pair in chain.from_iterable(rows) if pair is not None][:count]
