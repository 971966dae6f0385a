"""How far the spread told by a window is to be believed: analysis of variance over the look."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from monitor.clutter.bands import BLOCK, Each, Sums, bands
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

    A window with few pixels does not know its mean well either: the square of that error is added.
    """
    counted = np.where(np.isfinite(variance), sums.count, np.float32(0))
    total = float(counted.sum(dtype=float))
    pooled = float(np.nan_to_num(variance).ravel() @ counted.ravel()) / total if total else 0.0
    steady = _steadiness(sums, windows.mean, each)
    between, chance = np.float32(steady.between), np.float32(steady.chance)
    out = np.empty_like(variance)

    def work(rows: slice) -> None:
        fewer = np.float32(FULL) / np.maximum(windows.count[rows], np.float32(1))
        drawn = variance[rows] - np.float32(pooled)
        drawn *= between / (between + chance * fewer)
        drawn += np.float32(pooled)
        np.multiply(drawn, 1 + np.float32(steady.area / FULL) * (fewer - 1), out=out[rows])

    for _ in each(work, bands(variance.shape)):
        pass
    return out, pooled


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
        here, n, first = np.nan_to_num(mean[rows]), sums.count[rows], sums.first[rows]
        off = first - here * n
        count[at], deviation[at] = blocks(n, PLACE), blocks(off, PLACE)
        square[at] = blocks(sums.second[rows] - here * (first + off), PLACE)

    for _ in each(work, bands(mean.shape, PLACE)):
        pass
    return count, deviation, square


def _within_and_between(values: Array, whole: Mask) -> tuple[float, float]:
    """Variance of the places inside a window, averaged over the whole windows, and variance of their means."""
    n = PLACES**2
    mean = window_sum(values, PLACES) / np.float32(n)
    within = (window_sum(values**2, PLACES) - n * mean**2) / np.float32(n - 1)
    return float(within[whole].mean()), float(mean[whole].var())
