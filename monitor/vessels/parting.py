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
from monitor.vessels.artefacts import Contrast
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

APART = 3
"""Pixels from one to the next: a closing of 3 x 3 reaches over two in between where edges are straight, never further.
"""

EIGHT = np.ones((3, 3), bool)

Box = tuple[slice, slice]
Found = tuple[tuple[int, int], list[Patch]]


def patches(out: Mask, contrast: Contrast, grid: Grid) -> list[Patch]:
    """Patches of True, joined over gaps of one pixel, of at least 500 m2 and 8 dB, parted where hulls touch.

    Patches too large for any ship are wind, rain or land, or ships in a crowd: only what stands 5 dB out of them is
    left.
    """
    found: list[tuple[tuple[int, int], list[Patch]]] = []
    for island in islands(out, APART):
        inside = out[island]
        if inside.sum() * grid.pixel_area_m2 >= LEAST_AREA_M2:
            found += _of_island(inside, contrast[island], (island[0].start, island[1].start), grid)
    # in reading order of where each begins
    return [p for _, pieces in sorted(found, key=lambda f: f[0]) for p in pieces]


def _of_island(inside: Mask, contrast: Decibel, corner: tuple[int, int], grid: Grid) -> list[Found]:
    """The patches of a part of an image that begins at that corner, and where each whole that they come from begins."""
    if not contrast[inside].max() >= PEAK_DB:
        return []
    joined = ndimage.binary_closing(np.pad(inside, 1), EIGHT)[1:-1, 1:-1]
    labels, _ = ndimage.label(joined, EIGHT)
    labels[~inside] = 0
    found: list[Found] = []
    for number, box in enumerate(ndimage.find_objects(labels), start=1):
        rows, columns = (slice(side.start + first, side.stop + first) for side, first in zip(box, corner, strict=True))
        whole = Patch(box=(rows, columns), inside=labels[box] == number, contrast=contrast[box])
        if whole.area_m2(grid) < LEAST_AREA_M2 or whole.peak_db < PEAK_DB:
            continue  # no part of it could be more
        pieces = [
            piece
            for patch in _of_ship_size(whole, grid)
            for piece in parted(patch, round(LEAST_AREA_M2 / grid.pixel_area_m2))
            if piece.area_m2(grid) >= LEAST_AREA_M2 and piece.peak_db >= PEAK_DB
        ]
        found.append(((rows.start, columns.start + int(whole.inside[0].argmax())), pieces))
    return found


def islands(mask: Mask, apart: int) -> list[Box]:
    """Boxes that hold all True pixels, from one to the next more than so many rows or columns.

    Cut along rows, then along columns, and so on until nothing can be parted: what is made for the pixels of a box is
    small, however large the image.
    """
    waiting: list[tuple[Box, int, bool]] = [((slice(0, mask.shape[0]), slice(0, mask.shape[1])), 0, True)]
    done: list[Box] = []
    while waiting:
        box, axis, first = waiting.pop()
        spans = _spans(np.asarray(mask[box].any(axis=1 - axis)), apart, box[axis].start)
        for span in spans:
            cut = (span, box[1]) if axis == 0 else (box[0], span)
            if first or len(spans) > 1 or span != box[axis]:
                waiting.append((cut, 1 - axis, axis == 0 and first))
            else:
                done.append(cut)
    return done


def _spans(held: NDArray[np.bool_], apart: int, start: int) -> list[slice]:
    """From the first to the last True of each run; to the next run it is more than so many. `start` is added."""
    places = np.flatnonzero(held)
    if not places.size:
        return []
    breaks = np.flatnonzero(np.diff(places) > apart)
    firsts, lasts = places[np.append(0, breaks + 1)], places[np.append(breaks, -1)]
    return [slice(start + int(a), start + int(b) + 1) for a, b in zip(firsts, lasts, strict=True)]


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
    owner, size = [-1] * flat.size, [0] * flat.size
    proven: dict[int, list[int]] = {}
    steps = (-width - 1, -width, -width + 1, -1, 1, width - 1, width, width + 1)

    def stands(summit: int, saddle: float) -> bool:
        return bool(proven[summit]) or (size[summit] >= least and float(flat[summit]) - saddle >= SADDLE_DB)

    for pixel in pixels[np.argsort(-flat[pixels], kind="stable")].tolist():
        tops = set()
        for step in steps:
            top = pixel + step
            if owner[top] >= 0:
                while owner[top] != top:
                    owner[top] = owner[owner[top]]
                    top = owner[top]
                tops.add(top)
        if not tops:
            owner[pixel], size[pixel], proven[pixel] = pixel, 1, []
            continue
        highest, *others = sorted(tops, key=lambda t: (-flat[t], t)) if len(tops) > 1 else tops
        saddle = float(flat[pixel]) if others else 0.0
        for summit in others:
            if stands(highest, saddle) and stands(summit, saddle):
                proven[highest] = (proven[highest] or [highest]) + (proven[summit] or [summit])
            else:
                proven[highest] += proven[summit]  # a spike on hulls that are parted already
            owner[summit] = highest
            size[highest] += size[summit]
        owner[pixel] = highest
        size[highest] += 1
    # all hangs together by now, and belongs to the brightest
    found = proven[int(pixels[flat[pixels].argmax()])]
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
