"""The sea around each pixel: level and spread of ln(power), and the law its pixels follow.

Two passes over the pixels, both to sums over blocks of 4 x 4; the rest is done on blocks.

1. First pass: all water. Blocks that stand far out of the blocks around them hold a ship; they and the blocks beside
   them (the guard) describe no sea from here on. So a ship does not raise the level it is measured against, however
   large it is.
2. Second pass: water that is not much brighter than the sea of the first, so that what is too weak or too small to
   light up a block is left out too. What the cut took from mean and spread of the sea itself is given back by the
   truncated law (`uncensored`).
3. A window tells the spread with an error of its own, and a threshold of 5 standard deviations takes that error to the
   fifth power. So the spread is drawn towards that of the whole look as far as the windows differ by chance alone, as
   in an analysis of variance (empirical Bayes; Efron & Morris 1975, "Data analysis using Stein's estimator").
4. The law is chosen by its likelihood for the residuals that will be compared with the threshold, (ln(power) - level) /
   spread: whatever error the level and spread of a full window have is in them already.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from monitor.clutter.bands import BLOCK, Each, bands, block_sums, blocks_of, spread_out
from monitor.clutter.evidence import UNKNOWN, chosen
from monitor.clutter.laws import Law, LawKind
from monitor.clutter.steadiness import steadied
from monitor.clutter.windows import LEAST_SPREAD, guarded, usual_spread, whole, windows_of
from monitor.filters import Array
from monitor.grid import Mask
from monitor.radiometry import FLOOR, LinearPower

CENSOR = 2.5
"""Standard deviations of ln(power): brighter pixels do not describe the sea."""

SAMPLE = 200_000
"""Residuals from which the law is told: every second pixel of some of the rows."""

DEPENDENT = 8.0
"""Pixels that one independent residual is worth at most: the 3 x 3 window makes neighbours alike."""

POINTS = 7
"""Spreads between the least and the largest of a look for which the law is worked out."""


@dataclass(frozen=True, kw_only=True)
class Sea:
    """The water around each pixel."""

    shape: tuple[int, ...]
    """Height and width of the image."""

    block_mean: Array
    """Mean of ln(power) around each block of 4 x 4 pixels; NaN far from water."""

    block_spread: Array
    """Standard deviation of ln(power) around it. Shape as `block_mean`."""

    law: Law
    """What pixels of this sea follow."""

    @property
    def mean(self) -> Array:
        """Mean of ln(power), shape (height, width); NaN far from water."""
        return spread_out(self.block_mean, self.shape)

    @property
    def spread(self) -> Array:
        """Standard deviation of ln(power), shape (height, width)."""
        return spread_out(self.block_spread, self.shape)

    def limit(self, p_fa: float, *, each: Each = map) -> Array:
        """ln(power) that a share `p_fa` of the pixels of the sea exceeds. Shape as `block_mean`."""
        known = self.block_spread[np.isfinite(self.block_mean)]
        if not known.size:
            return self.block_mean
        spreads = np.geomspace(float(known.min()), float(known.max()), POINTS)
        reaches = [self.law.reach(float(spread), p_fa) for spread in spreads]
        limit = np.empty_like(self.block_mean)

        def work(rows: slice) -> None:
            limit[rows] = self.block_mean[rows] + np.interp(self.block_spread[rows], spreads, reaches)

        for _ in each(work, bands(limit.shape)):
            pass
        return limit


def sea_around(
    power: LinearPower, water: Mask, *, evenness: float = 1.0, looks: float | None = None, each: Each = map
) -> Sea:
    """The water around each pixel, bright targets left out.

    Args:
        power: linear power, NaN = not seen, shape (height, width).
        water: True for the pixels that describe the sea, shape (height, width).
        evenness: of the speckle, as told by `prepared`.
        looks: equivalent number of looks of `power`, where it is known from other looks of the track. None: the law of
            the sea is told by this look alone.
        each: `map`, or the `map` of an executor. The result is the same to the last bit.
    """
    level = _level(power, water)
    start = np.full(blocks_of(power.shape), level, np.float32)
    everything = block_sums(power, water, start, np.full_like(start, np.inf), each)
    guard = guarded(everything, each)
    first = windows_of(everything.without(guard), each)
    usual = usual_spread(first)
    cut = np.float32(CENSOR) * np.sqrt(np.maximum(first.variance, np.float32((usual / 2) ** 2)))
    centre = first.mean + np.float32(level)
    dim = block_sums(power, water, centre, np.where(guard, np.float32(-np.inf), cut), each)
    windows = windows_of(dim, each)
    shift, variance = whole(windows, Law(kind=LawKind.GAMMA, evenness=evenness), usual, cut, each)
    variance, pooled = steadied(windows, variance, dim, each)
    mean = centre + shift
    spread: Array = np.sqrt(np.maximum(variance, np.float32(LEAST_SPREAD**2)))
    residuals, independent = _residuals(power, water, np.where(guard, np.float32(np.nan), mean), spread)
    usual = float(np.sqrt(pooled))
    fit = UNKNOWN
    if usual > LEAST_SPREAD:
        fit = chosen(residuals, usual, independent, evenness=evenness, looks=looks)
    return Sea(
        shape=power.shape,
        block_mean=np.add(mean, np.float32(fit.location) * spread, dtype=np.float32),
        block_spread=np.maximum(np.float32(fit.scale) * spread, np.float32(LEAST_SPREAD)),
        law=fit.law,
    )


def _level(power: LinearPower, water: Mask) -> float:
    """ln of about the median power of the water: near it float32 sums of squares are exact enough."""
    rows = slice(None, None, max(1, power.size // SAMPLE))
    sample = power[rows][water[rows]]
    sample = sample[np.isfinite(sample)]
    return float(np.log(max(float(np.median(sample)), float(FLOOR)))) if sample.size else 0.0


def _residuals(power: LinearPower, water: Mask, mean: Array, spread: Array) -> tuple[Array, float]:
    """(ln(power) - mean) / spread of a sample of the pixels, shape (n,), and how many of them are independent.

    Blocks with a mean of NaN are left out.
    """
    apart = 2 * max(1, power.size // (4 * SAMPLE))
    rows, columns = np.arange(0, power.shape[0], apart), np.arange(0, power.shape[1], 2)
    block = np.ix_(rows // BLOCK, columns // BLOCK)
    log = np.log(np.maximum(power[::apart, ::2], FLOOR))
    residuals = ((log - mean[block]) / spread[block])[water[::apart, ::2]]
    residuals = residuals[np.isfinite(residuals)]
    return residuals, residuals.size * min(1.0, 2 * apart / DEPENDENT)
