"""How far the spread told by a window is to be believed: analysis of variance over the look."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.clutter.bands import BLOCK, Each, Sums, block_bands
from monitor.clutter.windows import FULL, LEAST_SPREAD, Windows
from monitor.filters import Array, blocks, window_sum
from monitor.grid import Mask

PLACE = 5
"""Blocks, 20 pixels: the windows are compared place by place, three by three places to a window."""

PLACES = 3

USUAL_AREA = 12.0
"""Pixels that one independent pixel is worth after the 3 x 3 window, where the look is too small to tell."""


@dataclass(frozen=True, kw_only=True)
class _Steadiness:
    """How much windows differ, and how much of it is chance."""

    between: float = 0.0
    """Variance from window to window that chance does not explain, of the square of the spread, relative to it."""

    chance: float = 1.0
    """Variance by chance alone of the same for a full window."""

    area: float = USUAL_AREA
    """Pixels that one independent pixel is worth in the mean."""


def steadied(windows: Windows, variance: Array, sums: Sums, each: Each) -> tuple[Array, float]:
    """The variance for each block drawn towards that of the look as far as chance explains it, and that of the look.

    A window with few pixels does not know its mean well either: the square of that error is added. The variance drawn
    lies where the other lay.
    """
    pooled = _pooled(variance, sums.count, each)
    steady = _steadiness(sums, windows.mean, each)
    between, chance = np.float32(steady.between), np.float32(steady.chance)

    def work(rows: slice) -> None:
        fewer = np.maximum(windows.count[rows], np.float32(1))
        np.divide(np.float32(FULL), fewer, out=fewer)
        drawn = np.subtract(variance[rows], np.float32(pooled), out=variance[rows])
        share = chance * fewer
        share += between
        np.divide(between, share, out=share)
        drawn *= share
        drawn += np.float32(pooled)
        fewer -= np.float32(1)
        fewer *= np.float32(steady.area / FULL)
        fewer += np.float32(1)
        drawn *= fewer

    for _ in each(work, block_bands(variance.shape)):
        pass
    return variance, pooled


def _pooled(variance: Array, count: NDArray[np.uint8], each: Each) -> float:
    """Mean of the variance over the pixels counted where it is known; 0 without any.

    Row by row first, so that it does not depend on the bands.
    """
    pixels, total = np.empty(len(variance)), np.empty(len(variance))

    def work(rows: slice) -> None:
        known = np.isfinite(variance[rows])
        counted = np.multiply(count[rows], known, dtype=np.uint8)
        weighted = np.zeros_like(variance[rows])
        np.multiply(variance[rows], counted, out=weighted, where=known)
        pixels[rows] = counted.sum(axis=1, dtype=np.uint32)
        total[rows] = weighted.sum(axis=1)

    for _ in each(work, block_bands(variance.shape)):
        pass
    return float(total.sum() / pixels.sum()) if pixels.any() else 0.0


def _steadiness(sums: Sums, mean: Array, each: Each) -> _Steadiness:
    """Analysis of variance of places within windows. `mean`: of the windows, less the centre of the sums."""
    size = float((PLACE * BLOCK) ** 2)
    count, deviation, square = _places(sums, mean, each)
    good = count > 0.7 * size
    whole = window_sum(good.astype(np.float32), PLACES) > PLACES**2 - 0.5
    if not whole.any():
        return _Steadiness()
    deviation, square = (np.divide(v, count, out=np.zeros_like(v), where=good) for v in (deviation, square))
    pooled = float(square[good].mean())
    if pooled < LEAST_SPREAD**2 / 100:
        return _Steadiness()
    # the logarithm makes a relative error an absolute one, and takes their long tail from the estimates
    relative = np.log(np.maximum(square / np.float32(pooled), np.float32(0.01)))
    within, between = _within_and_between(np.where(good, relative, np.float32(0)), whole)
    chance = max(within / PLACES**2, 1e-9)
    area, _ = _within_and_between(deviation, whole)
    return _Steadiness(between=max(0.0, between - chance), chance=chance, area=area * size / pooled)


def _places(sums: Sums, mean: Array, each: Each) -> tuple[Array, Array, Array]:
    """Pixels of each place, and their sums of the deviation from the mean around and of its square."""
    shape = -(-mean.shape[0] // PLACE), -(-mean.shape[1] // PLACE)
    count, deviation, square = (np.empty(shape, np.float32) for _ in range(3))

    def work(rows: slice) -> None:
        at = slice(rows.start // PLACE, -(-rows.stop // PLACE))
        around = np.where(np.isfinite(mean[rows]), mean[rows], np.float32(0))
        n, first = sums.count[rows].astype(np.float32), sums.first[rows]
        off: Array = np.subtract(first, around * n, dtype=np.float32)
        count[at], deviation[at] = blocks(n, PLACE), blocks(off, PLACE)
        off += first
        off *= around
        np.subtract(sums.second[rows], off, out=off)
        square[at] = blocks(off, PLACE)

    for _ in each(work, block_bands(mean.shape, PLACE)):
        pass
    return count, deviation, square


def _within_and_between(values: Array, whole: Mask) -> tuple[float, float]:
    """Variance of the places inside a window, averaged over the whole windows, and variance of their means."""
    n = PLACES**2
    mean = window_sum(values, PLACES) / np.float32(n)
    within = (window_sum(values**2, PLACES) - n * mean**2) / np.float32(n - 1)
    return float(within[whole].mean()), float(mean[whole].var())
