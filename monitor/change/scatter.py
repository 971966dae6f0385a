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

from monitor.filters import BAND, Array, looks_of_spread, parts
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


def updated(scatter: Scatter, smooth: LinearPower, reference: Reference, *, given_up: bool = False) -> Scatter:
    """The state after one more usable look.

    Args:
        scatter: before the look.
        smooth: linear power of the look, multilooked 3 x 3; NaN = not seen.
        reference: of the track *before* this look is added to it.
        given_up: True if nobody needs the old state any more: its arrays are overwritten and become those of the new.
    """
    made = scatter if given_up else Scatter(square=scatter.square.copy(), count=scatter.count.copy())
    for rows in parts(smooth.shape[0], BLOCK):
        _add(made.square[rows], made.count[rows], smooth[rows], reference.mean[rows], reference.seen[rows])
    return made


def _add(square: Array, count: NDArray[np.uint16], smooth: Array, mean: Array, seen: NDArray[np.uint16]) -> None:
    """Adds a row of blocks to the state in place. All of one shape."""
    valid = np.isfinite(smooth) & (seen >= LEAST_BEFORE) & (mean > 0)
    if not valid.any():
        return
    log_ratio = np.full(smooth.shape, np.nan, np.float32)
    log_ratio[valid] = np.log(np.maximum(smooth[valid], FLOOR) / np.maximum(mean[valid], FLOOR))
    new = np.square((log_ratio - _weather(log_ratio))[valid])
    new /= 1 + 1 / np.minimum(seen[valid], MEMORY).astype(np.float32)
    count += valid
    square[valid] += (new - square[valid]) / np.minimum(count[valid], MEMORY).astype(np.float32)


def _weather(log_ratio: Array) -> Array:
    """Median of the block of each pixel in a row of blocks, shape as given; NaN where the block was not seen."""
    height, width = log_ratio.shape
    padded = np.pad(log_ratio, ((0, 0), (0, -width % BLOCK)), constant_values=np.nan)
    cells = padded.reshape(height, -1, BLOCK).swapaxes(0, 1).reshape(-1, height * BLOCK)
    ordered = np.sort(cells, axis=1)  # NaN go last
    medians = ordered[np.arange(len(ordered)), np.isfinite(ordered).sum(axis=1) // 2]
    return np.repeat(medians, BLOCK)[None, :width]


@dataclass(frozen=True, kw_only=True)
class Lent:
    """What all pixels of a zone tell of each."""

    degrees: float
    """d0: degrees of freedom."""

    usual: float
    """s0^2: the variance of ln(power) that they lend."""


def squeezed(square: Array, count: NDArray[np.integer]) -> tuple[Array, float]:
    """Variance of each pixel drawn towards that of all, and the degrees of freedom d0 that all lend to each.

    Args:
        square: mean squared log-ratio of pixels, shape (n,), n > 1.
        count: from how many looks, > 0.
    """
    all_of_them = lent(logs(square, count), float(chance(count).mean(dtype=np.float64)))
    return drawn(square, count, all_of_them), all_of_them.degrees


def logs(square: Array, count: NDArray[np.integer]) -> Array:
    """ln(square) less what few looks take from it; shape as given."""
    half = np.arange(1, MEMORY + 1) / 2
    log: Array = np.log(np.maximum(square, STEADIEST))
    log -= _of(count, special.digamma(half) - np.log(half))
    return log


def chance(count: NDArray[np.integer]) -> Array:
    """Variance of ln(square) by chance alone; shape as given."""
    return _of(count, special.polygamma(1, np.arange(1, MEMORY + 1) / 2))


def lent(log: Array, by_chance: float) -> Lent:
    """Smyth (2004), section 6.2, by the mean and variance of `logs` of all, shape (n,), and the mean of `chance`."""
    mean = float(log.mean(dtype=np.float64))
    beyond_chance = _squares(log, mean) / log.size - by_chance
    # psi1(d0 / 2) = beyond_chance; ground that is all alike lends so many degrees that every pixel gets its variance
    degrees = 2 * looks_of_spread(float(np.sqrt(max(beyond_chance, 0.0))))
    return Lent(degrees=degrees, usual=float(np.exp(mean + special.digamma(degrees / 2) - np.log(degrees / 2))))


def drawn(square: Array, count: NDArray[np.integer], by: Lent) -> Array:
    """Variance of each pixel drawn towards that of all; shape as given."""
    own = np.minimum(count, MEMORY)
    variance: Array = (np.float32(by.degrees * by.usual) + own * square) / (np.float32(by.degrees) + own)
    return variance.astype(np.float32)


def _squares(values: Array, mean: float) -> float:
    """Sum of the squared deviations, halved and halved again as numpy sums, without a double of the whole in memory."""
    if values.size <= BAND:
        return float(np.square(values - np.float64(mean)).sum())
    half = values.size // 2 // 8 * 8
    return _squares(values[:half], mean) + _squares(values[half:], mean)


def _of(count: NDArray[np.integer], table: NDArray[np.float64]) -> Array:
    """The entry of a table for 1 .. MEMORY looks, for each pixel."""
    entries: Array = table.astype(np.float32)[np.minimum(count, MEMORY) - 1]
    return entries
