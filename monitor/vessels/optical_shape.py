"""Whether a bright patch on water has the size, the shape and the edges of a hull in an optical image."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from monitor.grid import Grid, Mask
from monitor.open_water import EIGHT
from monitor.vessels.hulls import Patch, Vessel

Array = NDArray[np.float32]

PEAK_DB = 9.0
"""The brightest pixel of a vessel: 0.035 of reflectance over its water."""

STEP_SHARE = 0.7
"""Of the hull's brightness: step within 3 x 3 pixels, on a quarter of its rim at least. A sharp edge gives 0.8 or more
after the blur of the sensor; clouds fade out over more pixels."""

LEAST_AREA_M2 = 400.0
LEAST_LENGTH_M = 35.0
"""As seen: boats of 30 m come near to it, and mooring piles of 25 m do not."""

LARGEST_AREA_M2 = 60_000.0
WIDEST_M = 90.0

BAR_SHARE = 0.5
"""Area over long axis times short axis: 1 for a bar."""

SLIMMEST = 9.0
"""Length over width: hulls stay below, rows of piles and booms do not."""

SHORE_SHARE = 0.3
"""Of the pixels around the patch: more shore than that, and it may be the blur of a quay."""


def ship_sized(hull: Patch, vessel: Vessel, grid: Grid) -> bool:
    """True for a bar of the size of a ship."""
    if not LEAST_AREA_M2 <= vessel.area_m2 <= LARGEST_AREA_M2:
        return False
    if vessel.length_m < LEAST_LENGTH_M or vessel.peak_db < PEAK_DB:
        return False
    axes = np.linalg.eigvalsh(np.cov(np.stack(np.nonzero(hull.inside))))
    short, long = np.sqrt(12 * np.maximum(axes, 1 / 12))
    return bool(hull.inside.sum() >= BAR_SHARE * short * long and short * grid.resolution <= WIDEST_M)


def slim(hull: Patch, vessel: Vessel, over: Array, grid: Grid) -> bool:
    """True for what is longer than any ship of its width: piles, booms, bridges.

    The width is that of the light: its sum, which blur leaves as it is, over the brightness and the length. The length
    is known to half a pixel, so a ship may be a pixel (two standard errors) shorter than it looks.
    """
    box, inside = _around_box(hull, 1, grid.shape)
    here = np.nan_to_num(over[box])
    light = np.maximum(here[ndimage.binary_dilation(inside, EIGHT)], 0).sum() / np.median(here[inside])
    least = vessel.length_m - grid.resolution
    return bool(least**2 > SLIMMEST * light * grid.pixel_area_m2)


def _around_box(hull: Patch, reach: int, shape: tuple[int, int]) -> tuple[tuple[slice, slice], Mask]:
    """The box widened by that many pixels, cut at the image, and the pixels of the hull in it."""
    rows, columns = (
        slice(max(0, s.start - reach), min(side, s.stop + reach)) for s, side in zip(hull.box, shape, strict=True)
    )
    inside = np.zeros((rows.stop - rows.start, columns.stop - columns.start), bool)
    top, left = hull.box[0].start - rows.start, hull.box[1].start - columns.start
    inside[top : top + hull.inside.shape[0], left : left + hull.inside.shape[1]] = hull.inside
    return (rows, columns), inside


def sharp(hull: Patch, over: Array, water: Mask) -> bool:
    """True if the brightness falls off within a pixel or two at much of the rim (a dark deck falls off less)."""
    box, inside = _around_box(hull, 2, water.shape)
    here = np.nan_to_num(over[box])
    steps = ndimage.maximum_filter(here, 3) - ndimage.minimum_filter(here, 3)
    rim = ndimage.binary_dilation(inside, EIGHT) & ~ndimage.binary_erosion(inside, EIGHT)
    return bool(np.percentile(steps[rim], 75) >= STEP_SHARE * np.percentile(here[inside], 90))


def ashore(hull: Patch, water: Mask) -> bool:
    """True if much of the rim is shore. The edge of the image is none."""
    box, inside = _around_box(hull, 1, water.shape)
    rim = ndimage.binary_dilation(inside, EIGHT) & ~inside
    return bool((~water[box])[rim].mean() > SHORE_SHARE)
