"""What a track usually shows at each pixel: updated look by look, never recomputed from the stack.

A ship at a berth for months must not become part of what is usual, and a quay must. So the state is not a mean but a
histogram per pixel of the brightness above the sea of the same look; the "empty" level is a low quantile of it.
One update costs one pass over the pixels of the look, however long the history.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from monitor.filters import multilook
from monitor.grid import Grid, Mask
from monitor.radiometry import Decibel, LinearPower, to_db

LOWEST, STEP, BINS = -5.0, 2.0, 16
"""dB over the sea of the look: 16 bins of 2 dB from -5 to 27. The first also holds all below, the last all above."""

NOT_SEEN = 255
NEVER = np.int16(32767)
"""In place of a level in hundredths of a dB: the pixel was not seen that often."""

FULL = 240
"""Counts are halved when a pixel reaches this: old looks fade, and a byte is enough."""

MEMORY = 64
"""Looks after which the mean power forgets: the weight of a look never falls below 1/64."""

EMPTY_QUANTILE = 0.2
"""A berth that was free on at least a fifth of the looks shows its empty state."""

BUSY_QUANTILE = 0.9
SHORE_PIXELS = 30

WATER_BELOW = 5.0
"""dB over the sea: a pixel whose empty level is higher is no water."""

LEAST_SEEN = 6
"""Looks in which a pixel must have been seen before its reference means anything."""


@dataclass(frozen=True, kw_only=True)
class Reference:
    """The state of one track on one AOI."""

    looks: int
    """Usable looks it was made from."""

    histogram: NDArray[np.uint8]
    """Shape (BINS, height, width): how often the pixel was that much brighter than the sea."""

    mean: NDArray[np.float32]
    """Shape (height, width). Mean power of the 3 x 3 multilooked pixel; 0 where never seen."""

    lowest: NDArray[np.int16]
    """Shape (2, height, width). The two darkest levels of the pixel so far, hundredths of a dB, darkest first; NEVER
    where there is none. The second is told from noise by having happened twice."""

    seen: NDArray[np.uint16]
    """Shape (height, width). Looks in which the pixel was seen."""

    def known(self) -> Mask:
        """True where the pixel was seen often enough. Shape (height, width)."""
        return self.seen >= LEAST_SEEN


@dataclass(frozen=True, kw_only=True)
class Background:
    """What a reference says of each pixel; derived once and used for many looks. All of shape (height, width)."""

    empty: Decibel
    """dB over the sea that the pixel exceeds on 4 of 5 looks; NaN where seen too rarely."""

    busy: Decibel
    """dB over the sea that the pixel exceeds on every tenth look; NaN where seen too rarely."""

    darkest: Decibel
    """dB that the pixel went below once only; inf where seen less than twice. A structure never comes far below its
    usual level, however calm the sea around it; a berth that was ever empty does."""

    water: Mask
    """True where the empty state is about as dark as the sea. Single pixels follow their neighbours."""

    shore: Mask
    """True for water within SHORE_PIXELS of something that is none: there the sea around is no guide."""


def background(reference: Reference) -> Background:
    """The derived images of a reference."""
    known = reference.known()
    empty = quantile(reference.histogram, EMPTY_QUANTILE, known)
    dark = (empty < WATER_BELOW).astype(np.float32)
    water: Mask = ndimage.uniform_filter(dark, 3, mode="nearest") > 0.5
    near = ndimage.uniform_filter((~water).astype(np.float32), 2 * SHORE_PIXELS + 1, mode="nearest") > 1e-4
    return Background(
        empty=empty,
        busy=quantile(reference.histogram, BUSY_QUANTILE, known),
        darkest=_darkest(reference),
        water=water,
        shore=water & near,
    )


FIRST_SIZE = 12
"""Looks of a track before its first reference."""


def _darkest(reference: Reference) -> Decibel:
    second = reference.lowest[1]
    return Decibel(np.where(second == NEVER, np.float32(np.inf), second / np.float32(100)).astype(np.float32))


def settled_size(total: int) -> int:
    """Looks of the newest settled reference of a track with `total` looks: 12, 24, 48, ...; 0 before the first."""
    if total < FIRST_SIZE:
        return 0
    size = FIRST_SIZE
    while 2 * size <= total:
        size *= 2
    return size


def size_for(index: int, total: int) -> int:
    """How many looks the reference holds that look number `index` (from 1) is compared with.

    Looks up to the settled size are compared with the settled reference, later ones with all up to themselves. So a
    number depends on which looks exist, never on the order in which they arrived, and a berth that is first seen
    empty in the second year is understood in the first. A look is compared anew each time the size doubles: on
    average less than twice.
    """
    settled = settled_size(total)
    return settled if index <= settled else index if settled else 0


def nothing(grid: Grid) -> Reference:
    """The reference before the first look."""
    return Reference(
        looks=0,
        histogram=np.zeros((BINS, *grid.shape), np.uint8),
        mean=np.zeros(grid.shape, np.float32),
        lowest=np.full((2, *grid.shape), NEVER, np.int16),
        seen=np.zeros(grid.shape, np.uint16),
    )


@dataclass(frozen=True, kw_only=True)
class Contribution:
    """What one look adds to the reference of its track."""

    bins: NDArray[np.uint8]
    """Shape (height, width). Bin of the brightness over the sea; NOT_SEEN where the look saw nothing."""

    smooth: LinearPower
    """Shape (height, width). Power, multilooked 3 x 3; NaN where not seen."""

    level: Decibel
    """The same in dB."""


def contribution(power: LinearPower, sea_db: float) -> Contribution:
    """The share of a look. `sea_db`: level of the sea in it, dB."""
    smooth = multilook(power)
    level = to_db(smooth)
    with np.errstate(invalid="ignore"):
        above = (level - np.float32(sea_db + LOWEST)) / np.float32(STEP)
        bins = np.clip(above, 0, BINS - 1).astype(np.uint8)
    bins[np.isnan(smooth)] = NOT_SEEN
    return Contribution(bins=bins, smooth=smooth, level=level)


def updated(reference: Reference, look: Contribution) -> Reference:
    """The reference after one more usable look."""
    valid = look.bins != NOT_SEEN
    histogram = reference.histogram.copy()
    where = np.flatnonzero(valid)
    histogram.reshape(BINS, -1)[look.bins.ravel()[where], where] += 1
    if reference.looks + 1 >= FULL:
        full = histogram.max(axis=0) >= FULL
        histogram[:, full] //= 2
    seen = (reference.seen + valid).astype(np.uint16)
    weight = np.where(valid, 1 / np.clip(seen, 1, MEMORY), 0).astype(np.float32)
    step = np.where(valid, look.smooth, np.float32(0)) - reference.mean
    mean = np.add(reference.mean, weight * step, dtype=np.float32)
    first, second = reference.lowest
    level = np.where(valid, np.round(look.level * 100), NEVER).astype(np.int16)
    lowest = np.stack([np.minimum(first, level), np.minimum(second, np.maximum(first, level))])
    return replace(reference, looks=reference.looks + 1, histogram=histogram, mean=mean, lowest=lowest, seen=seen)


def quantile(histogram: NDArray[np.uint8], share: float, known: Mask) -> Decibel:
    """The level below which that share of the looks lie, interpolated inside its bin; NaN where not known.

    Postcondition: within the bin that holds the exact sample quantile.
    """
    total = histogram.sum(axis=0, dtype=np.uint16)
    level = np.full(total.shape, np.nan, np.float32)
    waiting = np.flatnonzero(known & (total > 0))  # shrinks bin by bin: most pixels are done after a few
    wanted = (share * total.ravel()[waiting]).astype(np.float32)
    below = np.zeros(waiting.size, np.float32)
    for number, bins in enumerate(histogram.reshape(len(histogram), -1)):
        counts = bins[waiting]
        here = (below + counts >= wanted) & (counts > 0)
        inside = (wanted[here] - below[here]) / counts[here]
        level.ravel()[waiting[here]] = LOWEST + STEP * (number + inside)
        left = ~here
        waiting, wanted, below = waiting[left], wanted[left], below[left] + counts[left]
    return Decibel(level)
