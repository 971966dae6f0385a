"""Whether, when and how often a pixel changed over a history of radar looks: the sequential omnibus test.

Conradsen, Nielsen & Skriver (2016), "Determining the points of change in time series of polarimetric SAR data", IEEE
TGRS 54(5), for detected channels (VV, VH) that are taken as independent: each pixel and channel is gamma distributed
with `looks` equivalent looks.

Q tests k looks for one common mean, R_j tests look j against the j - 1 before it (S_j: sum of the first j; sums over
the channels c):

    ln Q = L sum_c [k ln k + sum_i ln x_i - k ln S_k]
    ln R = L sum_c [j ln j - (j - 1) ln(j - 1) + ln x_j + (j - 1) ln S_{j-1} - j ln S_j]

-2 rho ln Q and -2 rho ln R follow chi-square with c (k - 1) and c degrees of freedom. Both are compared with a
threshold that is inverted once: no distribution function is called for a pixel of a history. Multilook first
(`filters.multilook`); L, the equivalent number of looks, is that of the data as given.

`changes` looks at a whole history at once. `Segments` is the same test carried from look to look: what it costs to add
one does not depend on how many there were.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import special

from monitor.grid import Mask
from monitor.radiometry import FLOOR

Array = NDArray[np.float32]
Double = NDArray[np.float64]

BLOCK = 1 << 16
"""Pixels worked on at a time: a few arrays of them stay in the second-level cache, and nothing goes through memory."""

AT_ONCE = 6
"""Factors multiplied before one logarithm is taken of them: 1e-6 to the sixth is still a normal float32."""

MEMORY = 64
"""Looks after which a segment forgets: its sums are scaled back to 64, so that years of slow drift do not add up."""

LEAST_SEGMENT = 3
"""Earlier looks of a segment without which a new one is not tested."""

RESTART = 1e-4
"""Probability at which an unchanged pixel starts a new segment."""

LEAST_SAMPLE = 50
"""Long segments without which nothing is said of the equivalent number of looks."""

KNOWN_SEGMENT = 8
"""Looks of a segment that is long enough to tell the equivalent number of looks from."""


def correction(k: int, looks: float) -> float:
    """Box's rho of Q for k looks: 1 - (k - 1/k) / (6 (k - 1) looks)."""
    return 1 - (k - 1 / k) / (6 * (k - 1) * looks)


@lru_cache(maxsize=4096)
def limit(freedom: int, alpha: float) -> float:
    """The chi-square value exceeded with probability alpha."""
    return float(special.chdtri(freedom, alpha))


@dataclass(frozen=True, kw_only=True)
class Changes:
    """What the history of each pixel shows."""

    statistic: Array
    """-2 rho ln Q of the whole history; shape of one look. NaN where a look saw nothing."""

    at: Mask
    """Shape (looks, ...): True where the pixel changed between this look and the one before; the first is all False."""

    @property
    def ever(self) -> Mask:
        """True where it changed at all. Shape of one look."""
        return np.asarray(self.at.any(axis=0))


def statistic(series: Array, looks: float, pool: Executor | None = None) -> Array:
    """-2 rho ln Q of each pixel; shape of one look and channel.

    Args:
        series: linear power, > 0, NaN = not seen; shape (k, channels, ...), k >= 2.
        looks: equivalent number of looks of the data as given.
        pool: blocks are spread over its threads; numpy lets go of the interpreter meanwhile.
    """
    k, channels = series.shape[:2]
    flat = series.reshape(k, channels, -1)
    out = np.empty(flat.shape[2], np.float32)
    scale = np.float32(-2 * correction(k, looks) * looks)

    def one(part: slice) -> None:
        block = flat[:, :, part]
        value = out[part]
        value[:] = channels * k * np.log(k)
        value += _sum_of_logs(block)
        for channel in range(channels):
            total = block[:, channel].sum(axis=0)
            value -= np.float32(k) * np.log(np.maximum(total, FLOOR, out=total), out=total)
        value *= scale

    _over(pool, one, _blocks(flat.shape[2]))
    return out.reshape(series.shape[2:])


def _sum_of_logs(block: Array) -> Array:
    """Sum of ln x over looks and channels, shape (n,): one logarithm for several factors, as it is what costs."""
    factors = block.reshape(-1, block.shape[2])
    total: Array = np.zeros(block.shape[2], np.float32)
    product = np.empty_like(total)
    floored = np.empty_like(total)
    for first in range(0, len(factors), AT_ONCE):
        np.maximum(factors[first], FLOOR, out=product)
        for factor in factors[first + 1 : first + AT_ONCE]:
            product *= np.maximum(factor, FLOOR, out=floored)
        total += np.log(product, out=product)
    return total


def _blocks(n: int) -> Iterator[slice]:
    return (slice(first, min(first + BLOCK, n)) for first in range(0, n, BLOCK))


def _over(pool: Executor | None, one: Callable[[slice], None], parts: Iterator[slice]) -> None:
    for _ in map(one, parts) if pool is None else pool.map(one, parts):
        pass


def changes(series: Array, looks: float, alpha: float, pool: Executor | None = None) -> Changes:
    """When each pixel changed, at level `alpha` for each test.

    Only pixels whose whole history is rejected are followed look by look: from the start of a segment, the first look
    that R rejects is a change and starts a new segment, as long as Q rejects what follows.

    Args:
        series: linear power, shape (k, channels, ...), k >= 2; NaN = not seen (such pixels are not judged).
        looks: equivalent number of looks of the data as given.
        alpha: probability of rejecting where nothing changed.
        pool: see `statistic`.
    """
    k, channels = series.shape[:2]
    whole = statistic(series, looks, pool)
    at: Mask = np.zeros((k, whole.size), bool)
    with np.errstate(invalid="ignore"):
        rejected = np.flatnonzero(whole.ravel() > limit(channels * (k - 1), alpha))
    for part in _blocks(rejected.size):
        chosen = rejected[part]
        at[:, chosen] = _followed(series.reshape(k, channels, -1)[:, :, chosen], looks, alpha)
    return Changes(statistic=whole, at=at.reshape(k, *series.shape[2:]))


def _followed(series: Array, looks: float, alpha: float) -> Mask:
    """Changes of the pixels of a rejected history; series (k, channels, n), result (k, n)."""
    k, channels, n = series.shape
    power = np.maximum(series, FLOOR).astype(np.float64)
    sums = np.concatenate([np.zeros((1, channels, n)), np.cumsum(power, axis=0)])
    logs = np.concatenate([np.zeros((1, n)), np.cumsum(np.log(power).sum(axis=1), axis=0)])
    begin = np.zeros(n, int)
    running: Mask = np.ones(n, bool)
    at: Mask = np.zeros((k, n), bool)
    pixel = np.arange(n)
    for t in range(1, k):
        before = sums[t] - sums[begin, :, pixel].T
        values = of_last(before, power[t], np.broadcast_to(t - begin, before.shape), looks)
        hit = running & (values > limit(channels, alpha))
        at[t] = hit
        begin[hit] = t
        rest_sums, rest_logs = sums[-1][:, hit] - sums[t][:, hit], logs[-1][hit] - logs[t][hit]
        running[hit] = _rejected(rest_sums, rest_logs, k - t, looks, alpha)
    return at


def of_last(before: Double, last: Double, n: NDArray[np.integer], looks: float) -> Double:
    """-2 rho ln R of a new look against the looks before it; shape (pixels,).

    Args:
        before: sum of the earlier looks, shape (channels, pixels).
        last: the new one, same shape.
        n: number of the earlier looks, same shape. A channel with none adds nothing.
        looks: equivalent number of looks.
    """
    m = np.maximum(n, 1)
    j = m + 1
    rho = 1 - (1 + 1 / (j * m)) / (6 * looks)
    log_r = (
        j * np.log(j) - m * np.log(m) + np.log(last) + m * np.log(np.maximum(before, FLOOR)) - j * np.log(before + last)
    )
    return np.asarray(np.where(n > 0, -2 * looks * rho * log_r, 0.0).sum(axis=0))


def _rejected(total: Double, logs: Double, k: int, looks: float, alpha: float) -> Mask:
    """True where Q rejects k looks: `total` (channels, n) their sums, `logs` (n,) the sum of all their logarithms."""
    if k < 2:
        return np.zeros(logs.shape, bool)
    channels = len(total)
    log_q = channels * k * np.log(k) + logs - k * np.log(total).sum(axis=0)
    return np.asarray(-2 * correction(k, looks) * looks * log_q > limit(channels * (k - 1), alpha))


@dataclass(frozen=True, kw_only=True)
class Segments:
    """For each pixel, the looks since it changed last. All of shape (channels, pixels)."""

    count: NDArray[np.uint16]
    """Looks; they differ between channels where one was not seen."""

    total: Array
    """Sum of the power."""

    logs: Array
    """Sum of ln(power)."""

    began: NDArray[np.uint16]
    """Shape (pixels,). Day of the look that began the segment, counted by the caller; 0: the history itself did."""

    step_db: NDArray[np.float16]
    """Shape (pixels,). By how much that look was brighter (> 0) than the segment before it, dB; 0 without one."""


@dataclass(frozen=True, kw_only=True)
class Tested:
    """A look against the segments before it. Shape (pixels,) each."""

    p: Double
    """Probability of a look at least this unlike the ones before if nothing changed; NaN where it cannot be told."""

    log_ratio: Array
    """Mean over the channels of ln(look / mean of the segment); > 0: brighter. NaN where it cannot be told."""


def none_yet(channels: int, pixels: int) -> Segments:
    """Before the first look."""
    shape = channels, pixels
    return Segments(
        count=np.zeros(shape, np.uint16),
        total=np.zeros(shape, np.float32),
        logs=np.zeros(shape, np.float32),
        began=np.zeros(pixels, np.uint16),
        step_db=np.zeros(pixels, np.float16),
    )


def tested(segments: Segments, look: Array, looks: float) -> Tested:
    """The R test of one look. `look`: linear power (channels, pixels), multilooked; NaN = not seen."""
    count = np.where(np.isfinite(look) & (segments.count >= LEAST_SEGMENT), segments.count, 0).astype(np.int64)
    last = np.maximum(np.where(count > 0, look, np.float32(1)), FLOOR).astype(np.float64)
    before = np.where(count > 0, segments.total, np.float32(1)).astype(np.float64)
    channels = (count > 0).sum(axis=0)
    value = of_last(before, last, count, looks)
    with np.errstate(invalid="ignore", divide="ignore"):
        p = np.where(channels > 0, special.chdtrc(np.maximum(channels, 1), np.maximum(value, 0.0)), np.nan)
        ratio = np.where(count > 0, np.log(last * np.maximum(count, 1) / np.maximum(before, FLOOR)), 0).sum(axis=0)
        mean = np.where(channels > 0, ratio / channels, np.nan)
    return Tested(p=p, log_ratio=mean.astype(np.float32))


def followed(segments: Segments, look: Array, looks: float, day: int) -> Segments:
    """The segments after one more look, of that day: pixels that changed at level RESTART begin anew with it."""
    made = tested(segments, look, looks)
    with np.errstate(invalid="ignore"):
        begins = made.p < RESTART
    seen = np.isfinite(look)
    power = np.maximum(np.where(seen, look, np.float32(1)), FLOOR)
    kept = np.where(
        begins, np.float32(0), np.minimum(1, (MEMORY - 1) / np.maximum(segments.count, 1)).astype(np.float32)
    )
    kept = np.where(seen, kept, np.where(begins, np.float32(0), np.float32(1)))
    return Segments(
        count=(np.rint(segments.count * kept) + seen).astype(np.uint16),
        total=(segments.total * kept + np.where(seen, power, 0)).astype(np.float32),
        logs=(segments.logs * kept + np.where(seen, np.log(power), 0)).astype(np.float32),
        began=np.where(begins, day, segments.began).astype(np.uint16),
        step_db=np.where(begins, made.log_ratio * (10 / np.log(10)), segments.step_db).astype(np.float16),
    )


def temporal_looks(segments: Segments) -> float | None:
    """Equivalent number of looks over time of pixels that did not change; None without 50 long segments.

    Less than that of speckle alone: moisture, wind and calibration vary too. For gamma variables the excess
    ln(mean x) - mean(ln x) of n looks has expectation psi(nL) - ln(n) - psi(L) (Thom 1958, US Weather Bureau, for the
    limit of large n); the median over pixels is compared with it, so that a minority of restless pixels does not count.
    """
    long = segments.count >= KNOWN_SEGMENT
    if long.sum() < LEAST_SAMPLE:
        return None
    n = segments.count[long].astype(np.float64)
    excess = float(np.median(np.log(segments.total[long] / n) - segments.logs[long] / n))
    typical = float(np.median(n))
    low, high = 0.5, 1000.0
    for _ in range(50):
        middle = float(np.sqrt(low * high))
        expected = special.digamma(typical * middle) - np.log(typical) - special.digamma(middle)
        low, high = (middle, high) if expected > excess else (low, middle)
    return float(np.sqrt(low * high))
