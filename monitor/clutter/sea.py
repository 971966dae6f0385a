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

from monitor.clutter.bands import BLOCK, Each, block_bands, block_sums, spread_out
from monitor.clutter.evidence import UNKNOWN, Fit, chosen
from monitor.clutter.laws import Law, LawKind
from monitor.clutter.steadiness import steadied
from monitor.clutter.tables import table
from monitor.clutter.windows import LEAST_SPREAD, Windows, guarded, usual_spread, whole, windows_of
from monitor.filters import Array
from monitor.grid import Mask
from monitor.radiometry import FLOOR, LinearPower

CENSOR = 2.5
"""Standard deviations of ln(power): brighter pixels do not describe the sea."""

SAMPLE = 200_000
"""Residuals from which the law is told: every second pixel of some of the rows."""

ROUGH_SAMPLE = 50_000
"""Pixels from which the level is told that the sums of the first pass are centred on."""

DEPENDENT = 8.0
"""Pixels that one independent residual is worth at most: the 3 x 3 window makes neighbours alike."""

POINTS, FINE_POINTS = 7, 1025
"""Spreads between the least and the largest of a look for which the law is worked out, and those of its table."""

EVEN = 1e-3
"""Spreads nearer to each other, relative to them, are one."""


@dataclass(frozen=True, kw_only=True)
class Sea:
    """The water around each pixel."""

    shape: tuple[int, ...]
    """Height and width of the image."""

    block_mean: Array
    """Mean of ln(power) around each block of 4 x 4 pixels; NaN far from water."""

    block_spread: Array
    """Standard deviation of ln(power) around it; NaN where the mean is. Shape as `block_mean`."""

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
        least, most = (float(f.reduce(self.block_spread, axis=None, initial=np.nan)) for f in (np.fmin, np.fmax))
        if not np.isfinite(least):
            return self.block_mean
        spreads = np.geomspace(least, max(most, least * (1 + EVEN)), POINTS)
        reaches = [self.law.reach(float(spread), p_fa) for spread in spreads]
        fine = np.linspace(spreads[0], spreads[-1], FINE_POINTS)
        reach = table(fine[0], fine[-1], np.interp(fine, spreads, reaches))
        limit = np.empty_like(self.block_mean)

        def work(rows: slice) -> None:
            (found,) = reach.looked_up(self.block_spread[rows].copy())
            np.add(self.block_mean[rows], found, out=limit[rows])

        for _ in each(work, block_bands(limit.shape)):
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
        looks: equivalent number of looks of the speckle alone, as told by `prepared`. None: how far the sea is speckle
            and how far texture is told by its law alone.
        each: `map`, or the `map` of an executor. The result is the same to the last bit.
    """
    level = np.float32(_level(power, water))
    everything = block_sums(power, water, level, each=each)
    guard = guarded(everything, each)
    first = windows_of(everything, each, without=guard)
    del everything  # memory that is taken anew costs as much as what is done with it
    usual = usual_spread(first)
    centre, cut = _centre_and_cut(first, level, usual, each)
    dim = block_sums(power, water, centre, cut, without=guard, each=each)
    windows = windows_of(dim, each)
    shift, variance = whole(windows, Law(kind=LawKind.GAMMA, evenness=evenness), usual, cut, each)
    variance, pooled = steadied(windows, variance, dim, each)
    mean, spread = _level_and_spread(centre, shift, variance, each)
    residuals, independent = _residuals(power, water, guard, mean, spread)
    usual = float(np.sqrt(pooled))
    fit = UNKNOWN
    if usual > LEAST_SPREAD:
        fit = chosen(residuals, usual, independent, evenness=evenness, looks=looks)
    block_mean, block_spread = _fitted(mean, spread, fit, each)
    return Sea(shape=power.shape, block_mean=block_mean, block_spread=block_spread, law=fit.law)


def _centre_and_cut(first: Windows, level: np.float32, usual: float, each: Each) -> tuple[Array, Array]:
    """Level of the first pass, and how far over it the cut is; they lie where mean and variance lay."""
    centre, cut = first.mean, first.variance

    def work(rows: slice) -> None:
        np.add(centre[rows], level, out=centre[rows])
        np.maximum(cut[rows], np.float32((usual / 2) ** 2), out=cut[rows])
        np.sqrt(cut[rows], out=cut[rows])
        np.multiply(cut[rows], np.float32(CENSOR), out=cut[rows])

    for _ in each(work, block_bands(cut.shape)):
        pass
    return centre, cut


def _level_and_spread(centre: Array, shift: Array, variance: Array, each: Each) -> tuple[Array, Array]:
    """Mean and standard deviation of ln(power) around each block; they lie where shift and variance lay."""

    def work(rows: slice) -> None:
        np.add(centre[rows], shift[rows], out=shift[rows])
        np.maximum(variance[rows], np.float32(LEAST_SPREAD**2), out=variance[rows])
        np.sqrt(variance[rows], out=variance[rows])

    for _ in each(work, block_bands(shift.shape)):
        pass
    return shift, variance


def _fitted(mean: Array, spread: Array, fit: Fit, each: Each) -> tuple[Array, Array]:
    """Mean and spread as the fit of the law corrects them; they lie where mean and spread lay."""

    def work(rows: slice) -> None:
        mean[rows] += np.float32(fit.location) * spread[rows]
        np.multiply(spread[rows], np.float32(fit.scale), out=spread[rows])
        np.maximum(spread[rows], np.float32(LEAST_SPREAD), out=spread[rows])

    for _ in each(work, block_bands(mean.shape)):
        pass
    return mean, spread


def _level(power: LinearPower, water: Mask) -> float:
    """ln of about the median power of the water: near it float32 sums of squares are exact enough."""
    rows = slice(None, None, max(1, power.size // ROUGH_SAMPLE))
    sample = power[rows][water[rows]]
    sample = sample[np.isfinite(sample)]
    return float(np.log(max(float(np.median(sample)), float(FLOOR)))) if sample.size else 0.0


def _residuals(power: LinearPower, water: Mask, guard: Mask, mean: Array, spread: Array) -> tuple[Array, float]:
    """(ln(power) - mean) / spread of a sample of the pixels, shape (n,), and how many of them are independent.

    Blocks of the guard and those without a mean are left out.
    """
    apart = 2 * max(1, power.size // (4 * SAMPLE))
    rows, columns = np.arange(0, power.shape[0], apart), np.arange(0, power.shape[1], 2)
    block = np.ix_(rows // BLOCK, columns // BLOCK)
    log = np.log(np.maximum(power[::apart, ::2], FLOOR))
    residuals = ((log - mean[block]) / spread[block])[water[::apart, ::2] & ~guard[block]]
    residuals = residuals[np.isfinite(residuals)]
    return residuals, residuals.size * min(1.0, 2 * apart / DEPENDENT)
