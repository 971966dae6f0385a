"""How far a look lies beside the reference of its track, in parts of a pixel, and how sure that is.

Both are logarithms of multilooked power, cut off from below a little over the sea: it rises and falls with the wind by
more than 8 dB, and with it the apparent place of every shore; what is brighter stays where it is. The shift that brings
the structures together is found by least squares (Lucas & Kanade 1981), from no shift or, if that leads nowhere near,
from the best of all whole shifts, with Huber's weights (Huber 1964) for what has changed in between. Its error comes
from how well blocks of the image agree with each other (the cluster-robust "sandwich" of Liang & Zeger 1986):
neighbouring pixels are not independent after multilooking.
Phase correlation states no error, finds a shift in open sea too, and on real land is four times less exact.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from monitor.grid import Mask
from monitor.quality.neighbours import over_window
from monitor.radiometry import LinearPower

TOLERATED = 0.5
"""Pixels: a look that lies further off is not compared pixel by pixel."""

WORTH_MOVING = 0.3
"""Pixels: looks of one track scatter by up to this, and resampling costs more than it brings."""

REACH = 5
"""Pixels to each side that are searched."""

NEAR = 0.5
"""Pixels: a shift found this near to none would be found from the best whole shift too, which is none; and the search
for that costs more than all the rest."""

MARGIN = REACH + 1
"""Pixels around a place in which the look must be seen."""

LARGEST_ERROR = 0.15
"""Pixels: standard error above which no shift is stated."""

OVER_SEA_DB = 3.0
"""The images are cut off this much over the median of the water, in whichever of them it is brighter."""

CONTRAST_DB = 2.0
"""In a 5 x 5 window: what counts as structure."""

ALIKE = 0.5
"""Correlation over the structures below which the two images do not show the same place. Looks of one place reach 0.75
to 0.96, rough seas included; images of different places, or of one place beyond reach, at most 0.34."""

BLOCK = 16
"""Pixels: side of the blocks that are taken to be independent of each other."""

BAND = 64
"""Rows searched for structure at a time: what is made of them stays in the cache."""

LEAST_BLOCKS = 10
MOST_PLACES = 50_000
"""Structured pixels that are used: of more, every so many-th. Multilooked neighbours say much the same."""

ROUNDS = 10
SETTLED = 0.005
"""Pixels: a smaller step ends the search."""

ILL = 1e6
"""Condition number from which there is structure in one direction only."""

HUBER = 1.5
"""Standard deviations up to which a difference counts in full."""

PER_DB = np.float32(np.log(10) / 10)

Floats = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Shift:
    """Where a look lies: what the reference shows at (row, column) the look shows at (row + rows, column + columns)."""

    rows: float
    columns: float
    error: float
    """Standard error of the less certain of the two, pixels."""

    @property
    def length(self) -> float:
        """Pixels along the axis on which it is larger."""
        return max(abs(self.rows), abs(self.columns))

    @property
    def too_far(self) -> bool:
        """True if pixels of the look and the reference do not show the same ground."""
        return self.length > TOLERATED

    @property
    def worth_moving(self) -> bool:
        """True if the look should be moved before it is compared."""
        return self.length > max(WORTH_MOVING, 2 * self.error)


@dataclass(frozen=True, kw_only=True)
class _Levels:
    """ln(power) of an image, cut off from below. Taken where it is asked for: a whole one more would be memory."""

    image: Floats
    both: Mask
    """True where both images were seen, shape (height, width). Elsewhere the level is 0."""

    floor: np.float32

    def band(self, rows: slice) -> Floats:
        """Of whole rows."""
        return self._of(self.image[rows], self.both[rows])

    def at(self, flat: NDArray[np.intp]) -> Floats:
        """At flat indices."""
        return self._of(self.image.ravel().take(flat), self.both.ravel().take(flat))

    def _of(self, power: Floats, both: Mask) -> Floats:
        level = _log(np.where(both, power, np.float32(1)))
        return np.maximum(level, self.floor, out=level)


@dataclass(frozen=True, kw_only=True)
class _Places:
    """The structured pixels of the reference: n of them."""

    flat: NDArray[np.intp]
    """Flat index of each, shape (n,)."""

    level: Floats
    """ln(power) there, shape (n,)."""

    slope: Floats
    """Change of it per pixel along rows and columns, shape (n, 2)."""

    block: NDArray[np.intp]
    """Number of the block each lies in, 0, 1, ...; shape (n,)."""


def shift(look: LinearPower, reference: LinearPower, water: Mask) -> Shift | None:
    """How far the look lies beside the reference; None if that cannot be told (open sea, too little structure).

    Args:
        look: power multilooked 3 x 3, or reflectance; shape (height, width). NaN or 0 = not seen.
        reference: the mean of the track, treated alike; NaN or 0 = not seen.
        water: True where the track has water, same shape; all False on land.
    """
    floor = np.float32(-np.inf)
    sea = _seen_in_both(look, reference)
    sea &= water
    if sea.any():
        # of the copy that the mask makes the order may be spoilt
        water_level = max(np.median(_log(image[sea]), overwrite_input=True) for image in (look, reference))
        floor = water_level + np.float32(OVER_SEA_DB) * PER_DB
    del sea
    both = _seen_in_both(look, reference)
    if not both.any():
        return None
    moving, fixed = (_Levels(image=image, both=both, floor=floor) for image in (look, reference))
    places = _structures(fixed)
    if places is None:
        return None
    near = _refined(moving, places, np.zeros(2))
    if near is not None and near.length < NEAR:
        return near
    at = _whole(moving, places)
    return None if np.abs(at).max() >= REACH else _refined(moving, places, at)


def _seen_in_both(look: LinearPower, reference: LinearPower) -> Mask:
    both: Mask = look > 0
    both &= reference > 0
    return both


def moved(band: Floats, by: Shift, *, classes: bool = False) -> Floats:
    """The band brought to where the reference lies. Shape as given; NaN where that is outside of what was seen.

    Args:
        band: linear power, reflectance or class numbers.
        by: what `shift` has found for the look.
        classes: True: nearest neighbour, for numbers that must not be mixed. Otherwise bilinear.
    """
    back = (-by.rows, -by.columns)
    return ndimage.shift(band, back, order=0 if classes else 1, mode="constant", cval=np.nan)


def _structures(fixed: _Levels) -> _Places | None:
    height, width = fixed.both.shape
    if min(height, width) <= 2 * MARGIN:
        return None
    places = np.concatenate([_places_of(fixed, first) for first in range(0, height - 2 * MARGIN, BAND)])
    places = places[:: max(1, places.size // MOST_PLACES)]
    rows, columns = np.divmod(places, width)
    blocks = (rows // BLOCK) * width + columns // BLOCK
    blocks = (np.cumsum(np.bincount(blocks) > 0) - 1)[blocks]  # 0, 1, ... without a gap
    if not rows.size or blocks.max() + 1 < LEAST_BLOCKS:
        return None
    slopes = [(fixed.at(places + step) - fixed.at(places - step)) / 2 for step in (width, 1)]
    return _Places(flat=places, level=fixed.at(places), slope=np.stack(slopes, axis=1), block=blocks)


def _log(image: Floats) -> Floats:
    """The logarithm, in place."""
    return np.log(image, out=image)


def _places_of(fixed: _Levels, first: int) -> NDArray[np.intp]:
    """Flat indices of structured pixels in a band of rows that begins MARGIN below `first`, in reading order."""
    rows = slice(first, first + BAND + 2 * MARGIN)
    inner = fixed.band(rows)[MARGIN - 2 : 2 - MARGIN, MARGIN - 2 : 2 - MARGIN]
    contrast = over_window(inner, np.maximum, 5) - over_window(inner, np.minimum, 5)
    # the look must be seen wherever it is searched
    down, across = np.nonzero(
        (contrast > CONTRAST_DB * PER_DB) & over_window(fixed.both[rows], np.logical_and, 2 * MARGIN + 1)
    )
    found: NDArray[np.intp] = (down + first + MARGIN) * fixed.both.shape[1] + across + MARGIN
    return found


def _whole(moving: _Levels, places: _Places) -> NDArray[np.float64]:
    """The whole shift at which the images differ least, by the mean absolute difference. Shape (2,)."""
    steps = range(-REACH, REACH + 1)
    found = min((_difference(moving, places, down, right), down, right) for down in steps for right in steps)
    return np.array(found[1:], np.float64)


def _difference(moving: _Levels, places: _Places, down: int, right: int) -> float:
    difference = moving.at(places.flat + down * moving.both.shape[1] + right) - places.level
    return float(np.abs(difference - np.median(difference)).mean())


def _refined(moving: _Levels, places: _Places, at: NDArray[np.float64]) -> Shift | None:
    for _ in range(ROUNDS):
        if np.abs(at).max() >= REACH:
            return None
        there = _interpolated(moving, places, at)
        left, weight = _weighted(places.level - there)
        normal = ((places.slope * weight[:, None]).T @ places.slope).astype(np.float64)
        if np.linalg.cond(normal) > ILL:
            return None
        step = np.linalg.solve(normal, places.slope.T @ left)
        at = at + step
        if np.abs(step).max() < SETTLED:
            break
    if np.abs(at).max() >= REACH or np.corrcoef(there, places.level)[0, 1] < ALIKE:
        return None
    error = _error(left, weight, _look_slope(moving, places, at), places)
    return Shift(rows=float(at[0]), columns=float(at[1]), error=error) if error <= LARGEST_ERROR else None


def _interpolated(moving: _Levels, places: _Places, at: NDArray[np.float64]) -> Floats:
    """The look at the places moved by `at`, bilinear: one pair of weights serves all. Up to MARGIN pixels."""
    down, right = (int(v) for v in np.floor(at))
    low, left = at - (down, right)
    width = moving.both.shape[1]
    corner = places.flat + down * width + right
    upper, lower = (moving.at(first) * (1 - left) + moving.at(first + 1) * left for first in (corner, corner + width))
    there: Floats = (upper * (1 - low) + lower * low).astype(np.float32)
    return there


def _weighted(difference: Floats) -> tuple[Floats, Floats]:
    """Differences around their median, times Huber's weights; and the weights."""
    around = difference - np.median(difference)
    size = np.abs(around)
    limit = HUBER * 1.4826 * float(np.median(size))
    weight = np.minimum(1, limit / np.maximum(size, 1e-6)).astype(np.float32)
    return around * weight, weight


def _look_slope(moving: _Levels, places: _Places, at: NDArray[np.float64]) -> Floats:
    """Change of the look per pixel along rows and columns, where the reference has its places; shape (n, 2)."""
    ahead, behind = (np.stack([_interpolated(moving, places, at + s * axis) for axis in np.eye(2)]) for s in (1, -1))
    return ((ahead - behind) / np.float32(2)).T


def _error(left: Floats, weight: Floats, look_slope: Floats, places: _Places) -> float:
    """Standard error of the less certain axis, pixels, from sums over blocks.

    How strongly the differences answer to a shift is told by the slopes of reference and look together: the noise of
    one is not in the other, so that it does not pass for structure, as with the slopes of the reference alone.
    """
    sums = np.stack([np.bincount(places.block, weights=places.slope[:, axis] * left) for axis in (0, 1)], axis=1)
    answer = ((places.slope * weight[:, None]).T @ look_slope).astype(np.float64)
    if np.linalg.cond(answer) > ILL:
        return float("inf")
    inverse = np.linalg.inv(answer)
    return float(np.sqrt(np.diag(inverse @ (sums.T @ sums) @ inverse.T).max()))
