"""Standing-out pixels to patches that could be hulls: joined, cut to the size of ships, parted where hulls touch."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage import segmentation

from monitor.grid import Grid, Mask
from monitor.radiometry import Decibel
from monitor.vessels.hulls import Patch

PEAK_DB = 8.0
"""The brightest pixel of a patch."""

LEAST_AREA_M2 = 500.0

LARGEST_AREA_M2 = 60_000.0
"""Three of the largest ships abreast."""

SADDLE_DB = 3.0

LONGEST_M = 450.0
"""The longest ships have 400 m; blur adds to it."""

OVER_PATCH_DB = 5.0
"""What stands in something too large for a ship has to be this much brighter than where it parts from it."""

SPLINTER_M, SPLINTER_DB, SPLINTER_SHARE = 60.0, 10.0, 4.0
"""Pieces this near to a hull that is so much brighter and larger are its side lobes or its wake."""

EIGHT = np.ones((3, 3), bool)


def patches(out: Mask, contrast: Decibel, grid: Grid) -> list[Patch]:
    """Patches of True, joined over gaps of one pixel, of at least 500 m2 and 8 dB, parted where hulls touch.

    Patches too large for any ship are wind, rain or land, or ships in a crowd: only what stands 5 dB out of them is
    left.
    """
    joined = ndimage.binary_closing(np.pad(out, 1), EIGHT)[1:-1, 1:-1]
    labels, _ = ndimage.label(joined, EIGHT)
    labels[~out] = 0
    found: list[Patch] = []
    for number, found_box in enumerate(ndimage.find_objects(labels), start=1):
        box = (found_box[0], found_box[1])
        whole = Patch(box=box, inside=labels[box] == number, contrast=contrast[box])
        if whole.area_m2(grid) < LEAST_AREA_M2 or whole.peak_db < PEAK_DB:
            continue  # no part of it could be more
        for patch in _of_ship_size(whole, grid):
            found.extend(parted(patch, round(LEAST_AREA_M2 / grid.pixel_area_m2)))
    return [p for p in found if p.area_m2(grid) >= LEAST_AREA_M2 and p.peak_db >= PEAK_DB]


def _of_ship_size(patch: Patch, grid: Grid) -> list[Patch]:
    """The patch, or what stands out of it if it is too large: the level is raised until the pieces are small enough."""
    small: list[Patch] = []
    waiting = [(patch, -math.inf)]
    while waiting:
        piece, level = waiting.pop()
        if piece.area_m2(grid) <= LARGEST_AREA_M2 and piece.axes_m(grid)[1] <= LONGEST_M:
            if piece.peak_db >= level + OVER_PATCH_DB:
                small.append(piece)
            continue
        level = max(level, float(piece.contrast[piece.inside].min())) + 1.0
        labels, count = ndimage.label(piece.inside & (piece.contrast >= level), EIGHT)
        waiting += [(piece.cut(labels == number), level) for number in range(1, count + 1)]
    return small


def parted(patch: Patch, least: int) -> list[Patch]:
    """The hulls of a patch: two summits of `least` pixels each, with a saddle 3 dB below the lower, are two hulls.

    The pixels are flooded from the brightest down (a component tree; Salembier et al. 1998, "Antiextensive connected
    operators for image and sequence processing"), then shared out by watershed. A summit of fewer pixels is speckle.
    """
    level = np.where(patch.inside, patch.contrast, 0).astype(np.float32)
    level = ndimage.gaussian_filter(level, 0.7, mode="constant")  # the bow touches the rim: no mirror image of it
    tops = _summits(level, least) if patch.inside.sum() >= 2 * least and _maxima(level) > 1 else []
    if len(tops) < 2:
        return [patch]
    markers = np.zeros(level.shape, np.int32)
    markers.ravel()[tops] = np.arange(1, len(tops) + 1)
    parts = segmentation.watershed(-level, markers, mask=patch.inside, connectivity=2)
    return [patch.cut(parts == number) for number in range(1, len(tops) + 1)]


def _maxima(level: NDArray[np.float32]) -> int:
    """How many places are no darker than their neighbours. Most patches have one, and so one hull."""
    return int(ndimage.label((level > 0) & (level == ndimage.maximum_filter(level, 3)), EIGHT)[1])


def _summits(level: NDArray[np.float32], least: int) -> list[int]:
    """Flat indices of the tops of the hulls of one patch. `level`: 0 around and between its pixels, smoothed."""
    width = level.shape[1] + 2
    flat = np.pad(level, 1, constant_values=-np.inf).ravel()
    pixels = np.flatnonzero(np.isfinite(flat))
    owner: dict[int, int] = {}
    size: dict[int, int] = {}
    proven: dict[int, list[int]] = {}

    def top(pixel: int) -> int:
        while owner[pixel] != pixel:
            owner[pixel] = owner[owner[pixel]]
            pixel = owner[pixel]
        return pixel

    def stands(summit: int, saddle: float) -> bool:
        return bool(proven[summit]) or (size[summit] >= least and flat[summit] - saddle >= SADDLE_DB)

    for pixel in pixels[np.argsort(-flat[pixels], kind="stable")].tolist():
        owner[pixel], size[pixel], proven[pixel] = pixel, 0, []
        steps = (-width - 1, -width, -width + 1, -1, 1, width - 1, width, width + 1)
        met = sorted({top(pixel + s) for s in steps if pixel + s in owner}, key=lambda t: (-flat[t], t))
        highest, saddle = (met or [pixel])[0], float(flat[pixel])
        for summit in met[1:]:
            if stands(highest, saddle) and stands(summit, saddle):
                proven[highest] = (proven[highest] or [highest]) + (proven[summit] or [summit])
            else:
                proven[highest] += proven[summit]  # a spike on hulls that are parted already
            owner[summit] = highest
            size[highest] += size[summit]
        owner[pixel] = highest
        size[highest] += 1
    found = proven[top(int(pixels[0]))]
    rows, columns = np.divmod(np.asarray(found, int), width)
    return [int(top) for top in (rows - 1) * level.shape[1] + columns - 1]


def without_splinters(patches: Sequence[Patch], grid: Grid) -> list[Patch]:
    """Without the pieces that lie within 60 m of a hull at least 10 dB brighter and four times as large.

    Its side lobes or its wake: a boat that near to a ship could not be told from them.
    """
    return [p for p in patches if not any(_splinter(p, hull, grid) for hull in patches)]


def _splinter(piece: Patch, hull: Patch, grid: Grid) -> bool:
    weak = piece.peak_db + SPLINTER_DB <= hull.peak_db and SPLINTER_SHARE * piece.inside.sum() <= hull.inside.sum()
    return weak and _gap(piece, hull) * grid.resolution <= SPLINTER_M


def _gap(a: Patch, b: Patch) -> float:
    """Distance of the nearest pixels of two patches, pixels."""
    down, across = (min(x.start, y.start) for x, y in zip(a.box, b.box, strict=True))
    far = tuple(max(x.stop, y.stop) - low for x, y, low in zip(a.box, b.box, (down, across), strict=True))
    other: Mask = np.ones(far, bool)
    rows, columns = b.box
    other[rows.start - down : rows.stop - down, columns.start - across : columns.stop - across] = ~b.inside
    distance = ndimage.distance_transform_edt(other)
    rows, columns = a.box
    return float(
        distance[rows.start - down : rows.stop - down, columns.start - across : columns.stop - across][a.inside].min()
    )
