"""The fixed pixel grid of an AOI: north up, square pixels, one UTM zone."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Transformer
from shapely.geometry.base import BaseGeometry

from monitor import globe
from monitor.errors import AoiError

Mask = NDArray[np.bool_]

WGS84 = 4326

LARGEST_SIDE = 20_000
"""Pixels. A larger AOI is a mistake of coordinates far more often than a wish."""


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Pixel (row 0, column 0) is the upper left one; its outer corner is (`left`, `top`)."""

    epsg: int
    """A projected reference system in metres."""

    left: float
    """Easting of the outer left edge, m."""

    top: float
    """Northing of the outer upper edge, m."""

    resolution: float
    """Side of a pixel, m."""

    height: int
    """Rows."""

    width: int
    """Columns."""

    def __post_init__(self) -> None:
        if self.resolution <= 0 or self.height < 1 or self.width < 1:
            raise AoiError(f"a grid of {self.height} x {self.width} pixels of {self.resolution} m cannot be")

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        return self.height, self.width

    @property
    def transform(self) -> tuple[float, float, float, float, float, float]:
        """Affine coefficients a..f: x = a * column + c, y = e * row + f (outer corners)."""
        return self.resolution, 0.0, self.left, 0.0, -self.resolution, self.top

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """(left, bottom, right, top), m."""
        return (
            self.left,
            self.top - self.height * self.resolution,
            self.left + self.width * self.resolution,
            self.top,
        )

    @property
    def pixel_area_m2(self) -> float:
        """Ground area of one pixel, m2 (the scale of UTM is within 0.1 % of 1)."""
        return self.resolution**2

    def centres(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Eastings of the columns (width,) and northings of the rows (height,) at pixel centres, m."""
        x = self.left + (np.arange(self.width) + 0.5) * self.resolution
        y = self.top - (np.arange(self.height) + 0.5) * self.resolution
        return x.astype(np.float64), y.astype(np.float64)

    def xy(self, row: float, column: float) -> tuple[float, float]:
        """Easting and northing of a point given by pixel indices (whole numbers are pixel centres)."""
        return self.left + (column + 0.5) * self.resolution, self.top - (row + 0.5) * self.resolution

    def inside(self, window: tuple[slice, slice]) -> Grid:
        """The grid of a part of it: rows and columns with a start and an end."""
        rows, columns = window
        return replace(
            self,
            left=self.left + columns.start * self.resolution,
            top=self.top - rows.start * self.resolution,
            height=rows.stop - rows.start,
            width=columns.stop - columns.start,
        )

    def mask_of(self, lonlat: BaseGeometry) -> Mask:
        """Shape (height, width). True where the pixel centre lies inside the WGS84 geometry."""
        projected = project(lonlat, self.epsg)
        x, y = self.centres()
        shapely.prepare(projected)
        return shapely.contains_xy(projected, *np.meshgrid(x, y))


@cache
def _transformer(source: int, target: int) -> Transformer:
    return Transformer.from_crs(source, target, always_xy=True)


def project(geometry: BaseGeometry, epsg: int, *, source: int = WGS84) -> BaseGeometry:
    """The geometry in another reference system (x east, y north).

    From longitudes to metres it stays in one piece where it crosses 180 degrees; the way back cuts it there.
    """
    convert = _transformer(source, epsg)

    def apply(points: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack(convert.transform(points[:, 0], points[:, 1]))

    made = shapely.transform(globe.unrolled(geometry) if source == WGS84 else geometry, apply)
    return globe.split(made) if epsg == WGS84 else made


def lonlat(x: float, y: float, epsg: int) -> tuple[float, float]:
    """Longitude and latitude (WGS84 degrees) of a point."""
    lon, lat = _transformer(epsg, WGS84).transform(x, y)
    return float(lon), float(lat)


def utm_zone(lon: float, lat: float) -> int:
    """EPSG code of the UTM zone of a point.

    Raises:
        AoiError: the point lies nearer to a pole than UTM reaches.
    """
    if not -80 <= lat <= 84:
        raise AoiError(f"latitude {lat:.3f} is outside UTM (80 S to 84 N)", "Check the order: longitude first.")
    zone = int((lon + 180) // 6) % 60 + 1
    return (32600 if lat >= 0 else 32700) + zone


def zone_of(outline: BaseGeometry) -> int:
    """EPSG code of the UTM zone of an outline (WGS84): that of its middle, also across 180 degrees.

    Raises:
        AoiError: it lies nearer to a pole than UTM reaches.
    """
    centre = globe.unrolled(outline).centroid
    return utm_zone(centre.x, centre.y)


def covering(outline: BaseGeometry, resolution: float = 10.0) -> Grid:
    """The grid of an outline (WGS84): its UTM zone, edges at whole multiples of the resolution.

    Postcondition: left % resolution == 0, top % resolution == 0, and the outline lies inside.

    Raises:
        AoiError: the outline needs more than 20,000 pixels a side.
    """
    whole = globe.unrolled(outline)
    epsg = zone_of(whole)
    west, south, east, north = project(whole.segmentize(0.01), epsg).bounds
    left, bottom = (math.floor(v / resolution) for v in (west, south))
    right, top = (math.ceil(v / resolution) for v in (east, north))
    height, width = max(1, top - bottom), max(1, right - left)
    if max(height, width) > LARGEST_SIDE:
        raise AoiError(
            f"the outline needs {height} x {width} pixels of {resolution:g} m",
            "Split it, or set a coarser resolution_m in its GeoJSON.",
        )
    return Grid(
        epsg=epsg, left=left * resolution, top=top * resolution, resolution=resolution, height=height, width=width
    )
