"""How much of a grid the scenes of a pass should cover, by their footprints."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from monitor import globe
from monitor.grid import WGS84, Grid, lonlat, project
from monitor.scene import Scene

SAMPLES: Final = 9
"""Points along each side. Footprints are not exact to more than some hundred metres anyway."""


def covered_share(scenes: Iterable[Scene], grid: Grid) -> float:
    """Share of the grid, 0 .. 1, inside at least one footprint."""
    footprints = [scene.footprint for scene in scenes]
    rows = (np.arange(SAMPLES) + 0.5) * grid.height / SAMPLES - 0.5
    columns = (np.arange(SAMPLES) + 0.5) * grid.width / SAMPLES - 0.5
    points = [shapely.Point(lonlat(*grid.xy(row, column), grid.epsg)) for row in rows for column in columns]
    return sum(any(globe.touches(point, f) for f in footprints) for point in points) / len(points)


def outline_of(grid: Grid) -> BaseGeometry:
    """The grid's outline, WGS84, split at 180 degrees where it crosses."""
    return project(shapely.box(*grid.bounds), WGS84, source=grid.epsg)
