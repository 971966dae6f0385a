"""What a track usually shows at each pixel: updated look by look, never recomputed from the stack.

A ship at a berth for months must not become part of what is usual, and a quay must. So the state is not a mean but a
histogram per pixel of the brightness above the sea of the same look; the "empty" level is a low quantile of it.
One update costs one pass over the pixels of the look, however long the history.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from monitor.filters import box_mean, multilook, parts
from monitor.grid import Grid, Mask
from monitor.radiometry import Decibel, LinearPower, to_db

Place = tuple[slice, slice] | tuple[NDArray[np.intp], NDArray[np.intp]]
"""Rows and columns of a window, or of some pixels."""

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

SEA_PERCENT = 30.0
"""Percentile of the darkest levels that is the sea's: a drawn box may hold quays, aprons and ships."""

SEA_WITHIN = 3.0
"""dB over that: as much as the darkest level of open water differs within an AOI. Dark aprons begin at 5 dB."""

AS_SEA = 4.0
"""dB over the darkest level of the sea around: what was never darker is no water."""

WATER_BELOW = 5.0
"""dB over the sea: what is brighter when it is empty does not describe the sea."""

BLOCK = 1 << 16
"""Pixels worked on at a time: what is made of them stays in the cache, and adds nothing to the peak of memory."""

LEAST_SEEN = 6
"""Looks in which a pixel must have been seen before its reference means anything."""


@dataclass(frozen=True, kw_only=True)
class Scale:
    """Bins of a histogram of levels: the first also holds all below, the last all above."""

    lowest: float
    """Lower edge of the first bin, dB."""

    step: float
    """Width of a bin, dB."""

    bins: int = 16

    def bins_of(self, level: Decibel) -> NDArray[np.uint8]:
        """Number of the bin of each level; NOT_SEEN for NaN. Shape as given."""
        with np.errstate(invalid="ignore"):
            above = (level - np.float32(self.lowest)) / np.float32(self.step)
            numbers: NDArray[np.uint8] = np.clip(above, 0, self.bins - 1).astype(np.uint8)
        numbers[np.isnan(level)] = NOT_SEEN
        return numbers


OVER_SEA = Scale(lowest=-5.0, step=2.0)
"""dB over the sea of the look: 16 bins of 2 dB from -5 to 27."""


@dataclass(frozen=True, kw_only=True)
class Reference:
    """The state of one track on one AOI."""

    looks: int
    """Usable looks it was made from."""

    histogram: NDArray[np.uint8]
    """Shape (bins, height, width): how often the pixel was that much brighter than the sea."""

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

    def inside(self, place: Place) -> Reference:
        """The part of it in those rows and columns (a window: no copy), or at those pixels."""
        return replace(
            self,
            histogram=self.histogram[:, *place],
            mean=self.mean[place],
            lowest=self.lowest[:, *place],
            seen=self.seen[place],
        )


@dataclass(frozen=True, kw_only=True)
class Background:
    """What a reference says of each pixel. All of shape (height, width), or of one shape, of some pixels.

    What every look asks everywhere is derived once, a byte a pixel; levels where they are asked for, which is in few
    places, as they take four.
    """

    water: Mask
    """True where the pixel has been about as dark as the sea. Single pixels follow their neighbours."""

    shore: Mask
    """True for water within SHORE_PIXELS of something that is none: there the sea around is no guide."""

    bright: Mask
    """True where the empty level is more than WATER_BELOW over the sea: such pixels do not describe it."""

    reference: Reference
    """It is derived from."""

    @property
    def empty(self) -> Decibel:
        """dB over the sea that the pixel exceeds on 4 of 5 looks; NaN where seen too rarely. Derived anew."""
        return quantile(self.reference.histogram, EMPTY_QUANTILE, self.reference.known(), OVER_SEA)

    @property
    def busy(self) -> Decibel:
        """dB over the sea that the pixel exceeds on every tenth look; NaN where seen too rarely. Derived anew."""
        return quantile(self.reference.histogram, BUSY_QUANTILE, self.reference.known(), OVER_SEA)

    @property
    def darkest(self) -> Decibel:
        """dB that the pixel went below once only; inf where seen less than twice. Derived anew.

        A structure never comes far below its usual level, however calm the sea around it; a berth that was ever empty
        does.
        """
        return _darkest(self.reference.lowest[1])

    def inside(self, place: Place) -> Background:
        """The part of it in those rows and columns (a window: no copy), or at those pixels."""
        return Background(
            water=self.water[place],
            shore=self.shore[place],
            bright=self.bright[place],
            reference=self.reference.inside(place),
        )


def background(reference: Reference) -> Background:
    """The derived images of a reference."""
    bright, dark = _as_dark_as_water(reference)
    water = _share_around(dark, 3, 0.5)
    del dark
    shore = _share_around(~water, 2 * SHORE_PIXELS + 1, 1e-4)
    shore &= water
    return Background(water=water, shore=shore, bright=bright, reference=reference)


def _as_dark_as_water(reference: Reference) -> tuple[Mask, Mask]:
    """Where the empty level is over WATER_BELOW, and where a pixel was about as dark as the water around it, twice.

    Twice at its darkest, that is; the water around is taken at its darkest too.
    The empty level will not do: a berth that is taken on nine looks of ten is bright on most, a breakwater beside a sea
    that is rough on most stands out little, and so does an apron. A berth is as dark as the sea once it is empty;
    structures never are. The sea is what is dark among all that stands out little; it is darker in a lee.
    """
    bright, known, little = _stands_out(reference)
    if not little.any():
        return bright, np.zeros(little.shape, bool)
    values = _darkest(reference.lowest[1][little])
    sea = np.float32(np.percentile(values, SEA_PERCENT, overwrite_input=True))
    del values
    calm = little
    darkest = _darkest(reference.lowest[1])
    calm &= darkest < sea + np.float32(SEA_WITHIN)
    floor = box_mean(darkest, calm, 2 * SHORE_PIXELS + 1)
    floor[~np.isfinite(floor)] = sea
    with np.errstate(invalid="ignore"):
        dark: Mask = np.subtract(darkest, floor, out=floor) < AS_SEA
    dark &= known
    return bright, dark


def _stands_out(reference: Reference) -> tuple[Mask, Mask, Mask]:
    """True where the empty level is over WATER_BELOW, where there is one, and where it is below and was so twice."""
    bright, known, little = (np.zeros(reference.seen.shape, bool) for _ in range(3))
    flat = reference.histogram.reshape(OVER_SEA.bins, -1)
    often, second = reference.known().reshape(-1), reference.lowest[1].reshape(-1)
    for part in _parts(often.size, BLOCK):
        empty = quantile(flat[:, part], EMPTY_QUANTILE, often[part], OVER_SEA)
        with np.errstate(invalid="ignore"):
            bright.reshape(-1)[part] = empty > WATER_BELOW
            little.reshape(-1)[part] = (empty < WATER_BELOW) & (second[part] != NEVER)
        known.reshape(-1)[part] = np.isfinite(empty)
    return bright, known, little


def _share_around(mask: Mask, size: int, share: float) -> Mask:
    """True where more than that share of the pixels around is True: in a window of that size, the rim repeated.

    A few rows at a time, to the last bit as at once: sums of ones are exact.
    """
    found: Mask = np.empty(mask.shape, bool)
    for rows in parts(len(mask), max(4 * size, BLOCK // max(1, mask.shape[1]))):
        halo = slice(max(0, rows.start - size // 2), rows.stop + size // 2)
        around = ndimage.uniform_filter(mask[halo].astype(np.float32), size, mode="nearest")
        np.greater(around[rows.start - halo.start :][: rows.stop - rows.start], share, out=found[rows])
    return found


def _darkest(second: NDArray[np.int16]) -> Decibel:
    """The second of `lowest` in dB; inf where there is none."""
    level = np.divide(second, np.float32(100), dtype=np.float32)
    level[second == NEVER] = np.inf
    return Decibel(level)


FIRST_SIZE = 12
"""Looks of a track before its first reference."""


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
        histogram=np.zeros((OVER_SEA.bins, *grid.shape), np.uint8),
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

    level: NDArray[np.int16]
    """Shape (height, width). The same in hundredths of a dB; NEVER where not seen."""


def contribution(power: LinearPower, sea_db: float) -> Contribution:
    """The share of a look. `sea_db`: level of the sea in it, dB."""
    smooth = multilook(power)
    level, bins = np.empty(power.shape, np.int16), np.empty(power.shape, np.uint8)
    for part in _parts(power.size, BLOCK):
        told = to_db(LinearPower(smooth.ravel()[part]))
        bins.reshape(-1)[part] = OVER_SEA.bins_of(Decibel(told - np.float32(sea_db)))
        level.reshape(-1)[part] = np.where(np.isnan(told), np.float32(NEVER), np.round(told * 100))
    return Contribution(bins=bins, smooth=smooth, level=level)


def updated(reference: Reference, look: Contribution, *, given_up: bool = False) -> Reference:
    """The reference after one more usable look.

    `given_up`: True if nobody needs the old reference any more: its arrays are overwritten and become those of the new
    one, which saves a copy of 26 bytes a pixel.
    """
    arrays = {n: getattr(reference, n) for n in ("histogram", "mean", "lowest", "seen")}
    made = replace(
        reference, looks=reference.looks + 1, **arrays if given_up else {n: a.copy() for n, a in arrays.items()}
    )
    bins, smooth, level = look.bins.ravel(), look.smooth.ravel(), look.level.ravel()
    histogram, lowest = made.histogram.reshape(OVER_SEA.bins, -1), made.lowest.reshape(2, -1)
    seen, mean = made.seen.reshape(-1), made.mean.reshape(-1)
    for part in _parts(bins.size, BLOCK):
        valid = bins[part] != NOT_SEEN
        _count(histogram[:, part], bins[part])
        seen[part] += valid
        weight = np.where(valid, 1 / np.clip(seen[part], 1, MEMORY), 0).astype(np.float32)
        mean[part] += weight * (np.where(valid, smooth[part], np.float32(0)) - mean[part])
        _lower(lowest[:, part], level[part])
    return made


def _parts(size: int, step: int) -> Iterator[slice]:
    return (slice(first, min(first + step, size)) for first in range(0, size, step))


def _lower(lowest: NDArray[np.int16], level: NDArray[np.int16]) -> None:
    """Keeps the two lowest; `lowest` (2, pixels)."""
    first, second = lowest
    np.minimum(second, np.maximum(first, level), out=second)
    np.minimum(first, level, out=first)


def counted(histogram: NDArray[np.uint8], bins: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The histogram (bins, ...) with one more count in the bin of each seen pixel; halved where a count is full."""
    grown = histogram.copy()
    flat = grown.reshape(len(grown), -1)
    for part in _parts(bins.size, BLOCK):
        _count(flat[:, part], bins.ravel()[part])
    return grown


def _count(histogram: NDArray[np.uint8], bins: NDArray[np.uint8]) -> None:
    where = np.flatnonzero(bins != NOT_SEEN)
    own = bins[where]
    histogram[own, where] += 1
    full = where[histogram[own, where] >= FULL]
    if full.size:
        histogram[:, full] //= 2


def quantile(histogram: NDArray[np.uint8], share: float, known: Mask, scale: Scale) -> Decibel:
    """The level below which that share of the looks lie, interpolated inside its bin; NaN where not known.

    Postcondition: within the bin that holds the exact sample quantile.
    """
    level = np.full(known.shape, np.nan, np.float32)
    flat, told = histogram.reshape(len(histogram), -1), level.reshape(-1)
    for part in _parts(told.size, BLOCK):
        _fill_quantile(told[part], flat[:, part], share, known.ravel()[part], scale)
    return Decibel(level)


def _fill_quantile(
    level: NDArray[np.float32], histogram: NDArray[np.uint8], share: float, known: Mask, scale: Scale
) -> None:
    total = histogram.sum(axis=0, dtype=np.uint16)
    waiting = np.flatnonzero(known & (total > 0))  # shrinks bin by bin: most pixels are done after a few
    wanted = (share * total[waiting]).astype(np.float32)
    below = np.zeros(waiting.size, np.float32)
    for number, bins in enumerate(histogram):
        counts = bins[waiting]
        here = (below + counts >= wanted) & (counts > 0)
        inside = (wanted[here] - below[here]) / counts[here]
        level[waiting[here]] = scale.lowest + scale.step * (number + inside)
        left = ~here
        waiting, wanted, below = waiting[left], wanted[left], below[left] + counts[left]
