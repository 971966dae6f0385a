"""Small things drawn on a large grid: what part of each pixel a blurred rectangle or point fills."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf

from monitor.grid import Grid
from monitor.simulate.world import ContainerStack, Ship

Array = NDArray[np.float32]
Window = tuple[slice, slice]


def window(grid: Grid, x: float, y: float, reach_m: float) -> Window:
    """Rows and columns within `reach_m` of a point; empty slices where that is off the grid."""
    column, row = (x - grid.left) / grid.resolution, (grid.top - y) / grid.resolution
    reach = reach_m / grid.resolution
    rows = slice(max(0, math.floor(row - reach)), max(0, min(grid.height, math.ceil(row + reach))))
    columns = slice(max(0, math.floor(column - reach)), max(0, min(grid.width, math.ceil(column + reach))))
    return rows, columns


def _offsets(grid: Grid, at: Window, x: float, y: float) -> tuple[Array, Array]:
    """East (1, columns) and north (rows, 1) of the pixel centres from a point, m."""
    rows, columns = at
    east = grid.left + (np.arange(columns.start, columns.stop) + 0.5) * grid.resolution - x
    north = grid.top - (np.arange(rows.start, rows.stop) + 0.5) * grid.resolution - y
    return east.astype(np.float32)[None, :], north.astype(np.float32)[:, None]


def _blurred_step(distance: Array, half_m: float, sigma_m: float) -> Array:
    scale = np.float32(1 / (math.sqrt(2) * sigma_m))
    half = np.float32(half_m)
    return np.asarray(0.5 * (erf((half - distance) * scale) + erf((half + distance) * scale)), np.float32)


def rectangle(
    grid: Grid, *, x: float, y: float, heading_deg: float, length_m: float, width_m: float, sigma_m: float
) -> tuple[Window, Array]:
    """A rectangle convolved with a round Gaussian point spread: its window and its share there, 0..1.

    A round Gaussian is the same in every direction, so the convolution is a product along and across:
    share = step(along, length / 2) * step(across, width / 2), step = (erf((h - d) / s) + erf((h + d) / s)) / 2.
    """
    at = window(grid, x, y, length_m / 2 + 3 * sigma_m + grid.resolution)
    east, north = _offsets(grid, at, x, y)
    sin, cos = math.sin(math.radians(heading_deg)), math.cos(math.radians(heading_deg))
    along, across = east * np.float32(sin) + north * np.float32(cos), east * np.float32(cos) - north * np.float32(sin)
    return at, _blurred_step(along, length_m / 2, sigma_m) * _blurred_step(across, width_m / 2, sigma_m)


def point(grid: Grid, *, x: float, y: float, sigma_m: float) -> tuple[Window, Array]:
    """A point under the same spread: its window and its height there, 1 at the middle."""
    at = window(grid, x, y, 3.5 * sigma_m)
    east, north = _offsets(grid, at, x, y)
    return at, np.exp(-(east**2 + north**2) / np.float32(2 * sigma_m**2))


def outline_of(thing: Ship | ContainerStack, shift: tuple[float, float] = (0.0, 0.0)) -> dict[str, float]:
    """The arguments of `rectangle` for a ship or a stack, moved by `shift` (east, north) m."""
    heading = thing.heading_deg if isinstance(thing, Ship) else 90.0
    return {
        "x": thing.x + shift[0],
        "y": thing.y + shift[1],
        "heading_deg": heading,
        "length_m": thing.length_m,
        "width_m": thing.width_m,
    }
