"""What the footprints of a pass promise, and whether an answer keeps it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from monitor import globe
from monitor.grid import WGS84, Grid, Mask, lonlat, project
from monitor.scene import Scene

SAMPLES: Final = 17
"""Points along each side of a grid. Footprints are not exact to more than some hundred metres anyway."""

FEW: Final = 0.02
"""Share of the grid. Of a scene that covers no more than this nothing is said."""

GOOD_PART: Final = 0.5
"""Share of the ground below a footprint that must have been seen, or the scene is not there."""


def missing(scenes: Sequence[Scene], grid: Grid, seen: Mask) -> list[Scene]:
    """Scenes whose ground was mostly not seen, though their footprint covers some of the grid.

    `seen`: shape (height, width), True where the answer holds a value.
    """
    rows = np.round((np.arange(SAMPLES) + 0.5) * grid.height / SAMPLES - 0.5).astype(int)
    columns = np.round((np.arange(SAMPLES) + 0.5) * grid.width / SAMPLES - 0.5).astype(int)
    points = [(shapely.Point(lonlat(*grid.xy(r, c), grid.epsg)), bool(seen[r, c])) for r in rows for c in columns]
    return [scene for scene in scenes if _is_missing([known for at, known in points if _below(scene, at)])]


def _below(scene: Scene, at: shapely.Point) -> bool:
    return globe.touches(at, scene.footprint)


def _is_missing(seen: Sequence[bool]) -> bool:
    return len(seen) > FEW * SAMPLES**2 and sum(seen) < GOOD_PART * len(seen)


def outline_of(grid: Grid) -> BaseGeometry:
    """The grid's outline, WGS84, split at 180 degrees where it crosses."""
    return project(shapely.box(*grid.bounds), WGS84, source=grid.epsg)
