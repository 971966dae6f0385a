"""What a radar image shows where nothing is: side lobes and azimuth ghosts of very bright targets.

A point target answers along two lines through it, in range and in azimuth: for a crane on a quay, kilometres of thin
bright line over calm water. And the Doppler spectrum is sampled at the pulse repetition frequency, so what the antenna
hears beyond it folds back: each target has two faint copies on its azimuth line, some kilometres off.
"""

from __future__ import annotations

import math
from copy import copy
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from pyproj import Proj
from scipy import ndimage

from monitor.filters import BAND, parts
from monitor.grid import Grid, Mask, lonlat
from monitor.radiometry import Decibel, LinearPower, to_db
from monitor.scene import Track
from monitor.vessels.hulls import Patch
from monitor.vessels.orbit import Viewing, viewing

Pixels = NDArray[np.intp]
Values = NDArray[np.float32]


class Contrast(Protocol):
    """dB over the sea: an image, or what takes it where it is asked for."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Height and width."""
        ...

    def __getitem__(self, place: Any, /) -> Any:
        """In a window, or at pixels given by rows and columns."""
        ...


NEAR_M = (120.0, 600.0, 30.0)
"""First, last, step: where a line is sampled on either side of a pixel. A ship fills less than half of one side."""

FAR_M = (600.0, 1200.0, 40.0)
"""A line of ships end to end is not as long as this; a line of side lobes is."""

ASIDE_M = 70.0
"""From one line to the water beside it: side lobes are as thin as a point is blurred."""

TURNS_DEG = (-1.0, 0.0, 1.0)
"""Bearings tried: the geometry is good to 0.3 degrees, pixels on a line of 600 m to 0.5."""

THIN_DB = 1.5
"""dB over the water beside it, and as far off over the sea."""

WIDE = 5
"""Pixels: a line is as wide as a point is blurred."""

LEAST_SHARE = 1 / 3
"""Of the samples of a side that must be seen water."""

GHOST_DB = 20.0
"""A ghost is weaker than its target by more than this: Sentinel-1 is specified for azimuth ambiguities below -22 dB."""

GHOST_WITHIN_M = 60.0
"""How well its place is known: 1 % of the distance, and the copy shifts in range too, by 20 to 40 m."""


def seen_by(track: Track, grid: Grid) -> Viewing | None:
    """How the track looks at the middle of the grid; None if that is not known."""
    return viewing(track, *lonlat(*_middle(grid), grid.epsg))


def grid_bearing(view: Viewing, grid: Grid) -> float:
    """Bearing of the azimuth line, degrees clockwise from grid north."""
    lon, lat = lonlat(*_middle(grid), grid.epsg)
    return view.azimuth_deg - float(Proj(grid.epsg).get_factors(lon, lat).meridian_convergence)


def _middle(grid: Grid) -> tuple[float, float]:
    return grid.xy((grid.height - 1) / 2, (grid.width - 1) / 2)


def side_lobes(contrast: Contrast, water: Mask, asked: Mask, view: Viewing, grid: Grid) -> Decibel:
    """Level of the side lobes through each asked pixel, dB over the sea; 0 where there are none.

    A line of them is clutter as the sea is: what it shows on both sides of a pixel is expected in between. A line must
    run on beyond the length of any ship and be thin.

    Args:
        contrast: dB over the sea, shape (height, width); an image, or what gives it where it is asked.
        water: True for water without fixed structures: only there is a line followed.
        asked: True for the pixels in question; few.
        view: of the track.
        grid: of the image.
    """
    rows, columns = np.nonzero(asked)
    level = np.zeros(rows.size, np.float32)
    for turn in TURNS_DEG:
        for bearing in (grid_bearing(view, grid) + turn, grid_bearing(view, grid) + 90 + turn):
            line = _Line(image=contrast, use=water, rows=rows, columns=columns, bearing=bearing, grid=grid)
            # most lines end before that, and need not be looked at any closer
            (long,) = np.nonzero(line.level(FAR_M, both=False) > THIN_DB)
            line = line.of(long)
            near, beside = line.level(NEAR_M), np.fmax(line.level(NEAR_M, -ASIDE_M), line.level(NEAR_M, ASIDE_M))
            level[long] = np.where(near - beside > THIN_DB, np.fmax(level[long], near), level[long])
    whole = np.zeros(contrast.shape, np.float32)
    whole[rows, columns] = level
    return Decibel(_widened(whole) if level.any() else whole)


def _widened(lobes: Values) -> Values:
    """The largest within WIDE; only where there is something memory is touched."""
    wide: Values = np.zeros(lobes.shape, np.float32)
    reach = WIDE // 2
    for rows in parts(len(lobes), max(1, BAND // max(1, lobes.shape[1]))):
        halo = slice(max(0, rows.start - reach), rows.stop + reach)
        if lobes[halo].any():
            found = ndimage.maximum_filter(lobes[halo], WIDE, mode="constant")
            wide[rows] = found[rows.start - halo.start :][: rows.stop - rows.start]
    return wide


class _Line:
    """A straight line through each of some pixels."""

    def __init__(
        self, *, image: Contrast, use: Mask, rows: Pixels, columns: Pixels, bearing: float, grid: Grid
    ) -> None:
        self.image, self.use, self.rows, self.columns = image, use, rows, columns
        self.step = np.array([-math.cos(math.radians(bearing)), math.sin(math.radians(bearing))]) / grid.resolution
        """Rows and columns a metre along it."""

    def of(self, which: Pixels) -> _Line:
        """Through some of the pixels only."""
        part = copy(self)
        part.rows, part.columns = self.rows[which], self.columns[which]
        return part

    def level(self, reach: tuple[float, float, float], aside: float = 0.0, *, both: bool = True) -> Values:
        """Median of the samples of a side, dB: the mean of the two sides, or the brighter one. NaN: not seen."""
        steps = np.arange(reach[0], reach[1] + 1, reach[2])
        sides = np.stack([self._side(sign * steps, aside) for sign in (-1.0, 1.0)])
        seen = np.isfinite(sides)
        if not both:
            return np.asarray(np.fmax(sides[0], sides[1]))
        total, count = np.where(seen, sides, 0).sum(axis=0), seen.sum(axis=0)
        mean: Values = np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(np.float32)
        return mean

    def _side(self, steps: NDArray[np.float64], aside: float) -> Values:
        down, across = self.step
        rows = np.rint(self.rows[:, None] + steps * down + aside * across).astype(np.intp)
        columns = np.rint(self.columns[:, None] + steps * across - aside * down).astype(np.intp)
        height, width = self.image.shape
        on = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
        there = np.where(on, rows, 0), np.where(on, columns, 0)
        on &= self.use[there]
        samples = np.full(on.shape, np.nan, np.float32)
        samples[on] = self.image[rows[on], columns[on]]
        samples.sort(axis=1)  # NaN comes last
        seen = np.isfinite(samples).sum(axis=1)
        middle = samples[np.arange(len(samples)), np.maximum(seen - 1, 0) // 2]
        return np.where(seen >= LEAST_SHARE * steps.size, middle, np.nan).astype(np.float32)


def ghost_shifts(view: Viewing, grid: Grid) -> list[tuple[float, float]]:
    """Rows and columns from a target to each of its first azimuth ghosts, or from a ghost to its possible targets."""
    bearing = math.radians(grid_bearing(view, grid))
    return [
        (-sign * distance * math.cos(bearing) / grid.resolution, sign * distance * math.sin(bearing) / grid.resolution)
        for distance in view.ghost_distances()
        for sign in (1.0, -1.0)
    ]


def is_ghost(patch: Patch, power: LinearPower, view: Viewing, grid: Grid) -> bool:
    """True if something at least 20 dB brighter stands where the target would be whose azimuth ghost the patch is.

    `power`: shape (height, width), land too; where it is NaN or ends, nothing is known and nothing is a ghost.
    """
    own = np.where(patch.inside, to_db(LinearPower(power[patch.box])), -np.inf)
    peak = np.unravel_index(int(np.argmax(own)), own.shape)
    row, column = patch.box[0].start + int(peak[0]), patch.box[1].start + int(peak[1])
    reach = round(GHOST_WITHIN_M / grid.resolution)
    for down, across in ghost_shifts(view, grid):
        r, c = row + round(down), column + round(across)
        near = power[max(r - reach, 0) : max(r + reach + 1, 0), max(c - reach, 0) : max(c + reach + 1, 0)]
        around = to_db(LinearPower(near))
        if np.isfinite(around).any() and float(np.nanmax(around)) >= own[peak] + GHOST_DB:
            return True
    return False
