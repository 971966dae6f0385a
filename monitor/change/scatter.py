"""How far each pixel usually is from its reference, without anything having changed: speckle, season, wet ground, use.

One spread for a whole zone does not do. On the coast of California the 3 x 3 multilooked pixel moves by 0.7 dB in the
middle and by more than 2.3 dB at one pixel in a hundred, from date to date: under one common F law these few alone
raise the false alarms from 1e-4 to 3e-3 and more (`docs/accuracy.md`). So each pixel carries the mean square of its
own log-ratio to the reference, taken look by look before the look is added; one update costs one pass.

A handful of looks gives a poor variance. Smyth (2004), Statistical Applications in Genetics and Molecular Biology 3(1):
if the true variances of the pixels follow a scaled inverse chi-square with d0 degrees of freedom around s0^2, which is
learnt from all pixels of the zone, then (d0 s0^2 + n s^2) / (d0 + n) is the best guess, and the log-ratio over its root
follows Student's t with d0 + n degrees of freedom.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from monitor.filters import Array, looks_of_spread
from monitor.grid import Grid
from monitor.radiometry import FLOOR, LinearPower
from monitor.reference import MEMORY, Reference

LEAST_BEFORE = 2
"""Looks that the reference must hold of a pixel before its distance from it means anything."""

BLOCK = 64
"""Pixels: what moves ground this wide as a whole is weather, and is no scatter of its pixels."""

STEADIEST = 1e-6
"""Least variance of ln(power): 0.004 dB."""


@dataclass(frozen=True, kw_only=True)
class Scatter:
    """The state of one track on one AOI."""

    square: Array
    """Shape (height, width). Mean squared ln(power of the look / reference), weather divided out; 0 where count is."""

    count: NDArray[np.uint16]
    """Shape (height, width). Looks it was made from."""


def nothing(grid: Grid) -> Scatter:
    """Before the first look."""
    return Scatter(square=np.zeros(grid.shape, np.float32), count=np.zeros(grid.shape, np.uint16))


def updated(scatter: Scatter, smooth: LinearPower, reference: Reference) -> Scatter:
    """The state after one more usable look.

    Args:
        scatter: before the look.
        smooth: linear power of the look, multilooked 3 x 3; NaN = not seen.
        reference: of the track *before* this look is added to it.
    """
    valid = np.isfinite(smooth) & (reference.seen >= LEAST_BEFORE) & (reference.mean > 0)
    if not valid.any():
        return scatter
    log_ratio = np.full(smooth.shape, np.nan, np.float32)
    log_ratio[valid] = np.log(np.maximum(smooth[valid], FLOOR) / np.maximum(reference.mean[valid], FLOOR))
    square = np.square((log_ratio - _weather(log_ratio))[valid])
    square /= 1 + 1 / np.minimum(reference.seen[valid], MEMORY).astype(np.float32)
    count = (scatter.count + valid).astype(np.uint16)
    made = scatter.square.copy()
    made[valid] += (square - made[valid]) / np.minimum(count[valid], MEMORY).astype(np.float32)
    return Scatter(square=made, count=count)


def _weather(log_ratio: Array) -> Array:
    """Median of the block of each pixel, shape as given; NaN where the block was not seen."""
    height, width = log_ratio.shape
    padded = np.pad(log_ratio, ((0, -height % BLOCK), (0, -width % BLOCK)), constant_values=np.nan)
    rows, columns = padded.shape[0] // BLOCK, padded.shape[1] // BLOCK
    cells = padded.reshape(rows, BLOCK, columns, BLOCK).swapaxes(1, 2).reshape(rows * columns, -1)
    ordered = np.sort(cells, axis=1)  # NaN go last
    seen = np.isfinite(ordered).sum(axis=1)
    medians = ordered[np.arange(len(ordered)), seen // 2].reshape(rows, columns)
    return np.repeat(np.repeat(medians, BLOCK, 0), BLOCK, 1)[:height, :width]


def squeezed(square: Array, count: NDArray[np.integer]) -> tuple[Array, float]:
    """Variance of each pixel drawn towards that of all, and the degrees of freedom d0 that all lend to each.

    Args:
        square: mean squared log-ratio of pixels, shape (n,), n > 1.
        count: from how many looks, > 0.

    Smyth (2004), section 6.2, by the mean and variance of ln(square).
    """
    own = np.minimum(count, MEMORY)
    half = np.arange(1, MEMORY + 1) / 2
    log = np.log(np.maximum(square, STEADIEST)) - _of(own, special.digamma(half) - np.log(half))
    beyond_chance = float(np.var(log, dtype=np.float64) - _of(own, special.polygamma(1, half)).mean(dtype=np.float64))
    # psi1(d0 / 2) = beyond_chance; ground that is all alike lends so many degrees that every pixel gets its variance
    lent = 2 * looks_of_spread(float(np.sqrt(max(beyond_chance, 0.0))))
    usual = np.exp(log.mean(dtype=np.float64) + special.digamma(lent / 2) - np.log(lent / 2))
    variance = (np.float32(lent * usual) + own * square) / (np.float32(lent) + own)
    return variance.astype(np.float32), lent


def _of(own: NDArray[np.integer], table: NDArray[np.float64]) -> Array:
    """The entry of a table for 1 .. MEMORY looks, for each pixel."""
    entries: Array = table.astype(np.float32)[own - 1]
    return entries
