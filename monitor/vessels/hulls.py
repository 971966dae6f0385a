"""Patches of standing-out pixels as hulls: joined, parted, measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage import morphology, segmentation

from monitor.grid import Grid, Mask
from monitor.radiometry import Decibel

PEAK_DB = 8.0
"""The brightest pixel of a patch."""

LEAST_AREA_M2 = 500.0

LARGEST_AREA_M2 = 60_000.0
"""Three of the largest ships abreast."""

SADDLE_DB = 3.0


@dataclass(frozen=True, kw_only=True)
class Vessel:
    """A patch that was taken for a vessel, or several side by side."""

    row: float
    """Centre, weighted by brightness, in pixels of the grid."""

    column: float
    area_m2: float
    length_m: float
    """Long axis: four times the standard deviation of its pixels along it (exact for a thin uniform bar: sqrt(12));
    too long by about one resolution cell (20 m)."""

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


def patches(out: Mask, contrast: Decibel, grid: Grid) -> list[Patch]:
    """Patches of True, joined over gaps of one pixel, of at least 500 m2 and 8 dB, parted where hulls touch.

    Patches too large for any ship are wind, rain or land, and are left out.
    """
    joined = ndimage.binary_closing(np.pad(out, 1), np.ones((3, 3), bool))[1:-1, 1:-1]
    labels, _ = ndimage.label(joined, np.ones((3, 3)))
    labels[~out] = 0
    found: list[Patch] = []
    for number, found_box in enumerate(ndimage.find_objects(labels), start=1):
        box = (found_box[0], found_box[1])
        whole = Patch(box=box, inside=labels[box] == number, contrast=contrast[box])
        if whole.area_m2(grid) <= LARGEST_AREA_M2:
            found.extend(_parted(whole))
    return [p for p in found if p.area_m2(grid) >= LEAST_AREA_M2 and p.peak_db >= PEAK_DB]


def _parted(patch: Patch) -> list[Patch]:
    """The hulls of a patch: a saddle at least 3 dB below the lower of two peaks parts them (watershed)."""
    level = np.where(patch.inside, patch.contrast, 0).astype(np.float32)
    level = ndimage.gaussian_filter(level, 0.7, mode="constant")  # the bow touches the rim: no mirror image of it
    markers, peaks = ndimage.label(morphology.h_maxima(level, SADDLE_DB) * patch.inside, np.ones((3, 3)))
    if peaks < 2:
        return [patch]
    parts = segmentation.watershed(-level, markers, mask=patch.inside, connectivity=2)
    return [replace(patch, inside=parts == number) for number in range(1, peaks + 1)]


def measured(patch: Patch, grid: Grid) -> Vessel:
    """The patch as a vessel."""
    rows, columns = np.nonzero(patch.inside)
    weight = np.power(10.0, patch.contrast[patch.inside] / 10.0, dtype=float)
    weight /= weight.sum()
    length = grid.resolution
    if len(rows) > 2:
        largest = float(np.linalg.eigvalsh(np.cov(np.stack([rows, columns])))[-1])
        length = float(np.sqrt(12 * max(largest, 1 / 12))) * grid.resolution
    row0, column0 = patch.box[0].start, patch.box[1].start
    return Vessel(
        row=row0 + float(rows @ weight),
        column=column0 + float(columns @ weight),
        area_m2=patch.area_m2(grid),
        length_m=length,
        peak_db=patch.peak_db,
        box=(
            row0 + int(rows.min()),
            column0 + int(columns.min()),
            row0 + int(rows.max()) + 1,
            column0 + int(columns.max()) + 1,
        ),
    )


def inside(vessels: Sequence[Vessel], zone: Mask) -> list[Vessel]:
    """Those whose centre lies in the zone."""
    return [v for v in vessels if zone[round(v.row), round(v.column)]]
