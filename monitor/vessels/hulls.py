"""Patches of pixels as hulls, measured with their errors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from monitor.grid import Grid, Mask

EDGE_DB = 5.0
"""Where a patch ends: dB over the sea."""

SLENDER = 9.0
"""Length over width of the most slender hull. Less than 20 m of width cannot be told from blur."""

NARROWEST_M = 5.0
"""No hull that is seen at all is narrower."""

LENGTH_ERROR_M, LENGTH_ERROR = 6.0, 0.03
"""A constant part and a share of the length. These and the next two are from 700 simulated hulls of 40 to 320 m, a
length over width of 6.5, 12 to 30 dB over the sea, 4.4 looks: standard deviations of 3 to 6 m, and -8 to 7 m of blur
too much or too little taken off."""

AREA_ERROR_M2, AREA_ERROR = 600.0, 0.15
HEADING_ERROR_M = 4.0
"""Offset of the ends of the axis, across it."""

ROUND = 1.4
"""Length over width, both with their blur, below which the long axis has no direction that could be told."""


@dataclass(frozen=True, kw_only=True)
class Blur:
    """How far a point target is spread, standard deviation, m."""

    sigma_m: float


GRD = Blur(sigma_m=9.6)
"""Sentinel-1 IW GRD high resolution: 20 m x 22 m (ESA product definition), drawn on pixels of 10 m."""

GRD_SMOOTHED = Blur(sigma_m=12.6)
"""The same after a 3 x 3 mean."""


WIDTHS = 64
"""Widths of hulls that are tried."""


@dataclass(frozen=True, kw_only=True)
class Vessel:
    """A patch that was taken for a vessel, or several side by side.

    The errors are standard errors of an evenly bright hull under speckle (see `measured`). Real hulls have bright and
    dark parts and neighbours, so lengths judged against labels are off by more.
    """

    row: float
    """Centre, weighted by brightness, in pixels of the grid."""

    column: float
    area_m2: float
    """Ground area; the rim of blur is taken off where the blur is known."""

    area_error_m2: float
    """NaN: blur not known."""

    length_m: float
    """Long axis: of the uniform bar with the same second moments; the rim of blur is taken off where it is known."""

    length_error_m: float
    """NaN: blur not known."""

    heading_deg: float
    """Long axis, 0..180 clockwise from grid north: bow and stern cannot be told apart. NaN: nearly round."""

    heading_error_deg: float
    """NaN: nearly round, or blur not known."""

    peak_db: float
    """Brightest pixel over its sea, dB."""

    box: tuple[int, int, int, int]
    """Rows and columns: first, first, last + 1, last + 1."""


@dataclass(frozen=True, kw_only=True)
class Patch:
    """A connected set of pixels."""

    box: tuple[slice, slice]
    inside: Mask
    """True for the pixels of the patch; shape of `box`."""

    contrast: NDArray[np.float32]
    """dB over the sea, shape of `box`."""

    @property
    def peak_db(self) -> float:
        """Brightest pixel over its sea, dB."""
        return float(self.contrast[self.inside].max())

    def area_m2(self, grid: Grid) -> float:
        """Ground area, m2."""
        return float(self.inside.sum()) * grid.pixel_area_m2

    def axes_m(self, grid: Grid) -> tuple[float, float]:
        """Width and length of the uniform bar with the same second moments, m."""
        return self._axes(grid)[0]

    def bearing_deg(self, grid: Grid) -> float:
        """Of the long axis, 0..180 clockwise from grid north."""
        return self._axes(grid)[1]

    def _axes(self, grid: Grid) -> tuple[tuple[float, float], float]:
        points = np.argwhere(self.inside)
        values, vectors = np.linalg.eigh(np.cov(points.T) if len(points) > 2 else np.zeros((2, 2)))
        width, length = np.sqrt(12 * np.maximum(values, 1 / 12)) * grid.resolution
        return (float(width), float(length)), math.degrees(math.atan2(vectors[1, 1], -vectors[0, 1])) % 180

    def cut(self, inside: Mask) -> Patch:
        """The part of it that is True (shape of its box), in a box of its own. At least one pixel."""
        rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
        box = slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
        down, across = self.box[0].start, self.box[1].start
        return Patch(
            box=(slice(down + box[0].start, down + box[0].stop), slice(across + box[1].start, across + box[1].stop)),
            inside=inside[box],
            contrast=self.contrast[box],
        )


def measured(patch: Patch, grid: Grid, blur: Blur | None = None) -> Vessel:
    """The patch as a vessel.

    Length and width are those of the uniform bar with the same second moments: sqrt(12) standard deviations of the
    pixels along the axes, exact for a rectangle. A blurred hull reaches further at a low threshold: see `unblurred_m`.

    Args:
        patch: its pixels.
        grid: they lie on.
        blur: of the image. None: not known, nothing is taken off and no error is given.
    """
    rows, columns = np.nonzero(patch.inside)
    power = np.power(10.0, patch.contrast[patch.inside] / 10.0, dtype=float)
    weight = power / power.sum()
    seen_width, seen_length = patch.axes_m(grid)
    length, width = seen_length, seen_width
    if blur is not None:
        over_edge = 10 * math.log10(power.mean()) - EDGE_DB
        length = max(grid.resolution, unblurred_m(seen_length, over_edge, blur))
        width = max(length / SLENDER, NARROWEST_M, unblurred_m(seen_width, over_edge, blur))
    area = patch.area_m2(grid) * (length * width) / (seen_length * seen_width)
    long = seen_length > ROUND * seen_width
    row0, column0 = patch.box[0].start, patch.box[1].start
    return Vessel(
        row=row0 + float(rows @ weight),
        column=column0 + float(columns @ weight),
        area_m2=area,
        area_error_m2=math.nan if blur is None else math.hypot(AREA_ERROR_M2, AREA_ERROR * area),
        length_m=length,
        length_error_m=math.nan if blur is None else math.hypot(LENGTH_ERROR_M, LENGTH_ERROR * length),
        heading_deg=patch.bearing_deg(grid) if long else math.nan,
        heading_error_deg=math.degrees(HEADING_ERROR_M / length) if long and blur is not None else math.nan,
        peak_db=patch.peak_db,
        box=(
            row0 + int(rows.min()),
            column0 + int(columns.min()),
            row0 + int(rows.max()) + 1,
            column0 + int(columns.max()) + 1,
        ),
    )


def unblurred_m(seen_m: float, over_edge_db: float, blur: Blur) -> float:
    """Extent of a hull along one axis, m, from that of its patch.

    A bar of width w blurred by a normal curve has the profile Phi((x + w / 2) / sigma) - Phi((x - w / 2) / sigma). A
    patch ends where the profile has fallen to the threshold. Narrow hulls are bright only in the middle, wide ones
    nearly to the end, so the mean power of the patch over that at its end tells w: looked up among 64, 1 m at least.

    Args:
        seen_m: extent of the patch.
        over_edge_db: mean power of the patch over the threshold, dB.
        blur: of the image.
    """
    half = seen_m / 2
    x = np.linspace(0, half, 33)
    widths = np.linspace(1.0, max(seen_m, 1.0), WIDTHS)[:, None]
    profile = special.ndtr((x + widths / 2) / blur.sigma_m) - special.ndtr((x - widths / 2) / blur.sigma_m)
    concentration = np.trapezoid(profile, x, axis=1) / half / np.maximum(profile[:, -1], 1e-300)
    # it falls as the width grows; np.interp wants the other order, and gives the ends beyond them
    return float(np.interp(10 ** (over_edge_db / 10), concentration[::-1], widths[::-1, 0]))


def inside(vessels: Sequence[Vessel], zone: Mask) -> list[Vessel]:
    """Those whose centre lies in the zone."""
    return [v for v in vessels if zone[round(v.row), round(v.column)]]
