"""What is usual for one zone, measure and track, and how unusual one more number is.

Every baseline is made from usable looks of ONE track: the same geometry, so that shadows, layover and the
look direction are the same. Rates are per usable look, never per day.

Sources: Croux & Rousseeuw (1992), "Time-efficient algorithms for two highly robust estimators of scale":
finite-sample factors of the median absolute deviation, and its efficiency of 37 %.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from scipy import special

LEAST_LOOKS = 8
"""A baseline of fewer usable looks is refused: its median could be that of one busy week."""

MAD_FACTORS = (1.196, 1.495, 1.363, 1.206, 1.200, 1.140, 1.129, 1.107)
"""Croux & Rousseeuw (1992): factors of the MAD for n = 2..9; from 10 on n / (n - 0.8)."""

MAD_EFFICIENCY = 0.37
"""The MAD of n normal numbers is about as good as the standard deviation of 0.37 n."""


class Family(StrEnum):
    """How a measure varies while nothing happens: decides how a number is compared with its history."""

    COUNT = "count"
    """Whole numbers from 0; compared through a negative binomial."""

    PRESENCE = "presence"
    """0 or 1; compared through a beta-binomial."""

    AMOUNT = "amount"
    """Areas, from 0, often exactly 0; compared by rank, which needs no law. Spread is told on the square root."""

    LEVEL = "level"
    """Decibels and other numbers that add up; compared as they are."""

    SHARE = "share"
    """From 0 to 1; compared as LEVEL is, on asin(sqrt(share)), where its spread depends least on its size."""


SMALLEST_SPREAD = {Family.AMOUNT: 10.0, Family.LEVEL: 0.3, Family.SHARE: 0.02}
"""Floor of the spread. AMOUNT: 10 m, the root of one 10 m pixel. LEVEL: 0.3 dB, the stability of Sentinel-1
within a track (relative radiometric accuracy in its product specification). SHARE: one percent around a tenth."""


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """What earlier usable looks of the same track gave."""

    family: Family
    n: int
    """Looks it rests on, >= LEAST_LOOKS."""

    centre: float
    """Mean (COUNT, PRESENCE) or median (AMOUNT, LEVEL, SHARE), in the unit of the measure."""

    spread: float
    """Standard deviation (COUNT, PRESENCE), or MAD-based sigma (LEVEL; AMOUNT, SHARE: on the scale they are
    compared on)."""

    ordered: Sequence[float] = ()
    """The earlier values, smallest first; kept for AMOUNT alone."""


def compared(value: float, family: Family) -> float:
    """The number on the scale on which its spread is told."""
    if family is Family.AMOUNT:
        return math.sqrt(max(value, 0.0))
    return math.asin(math.sqrt(min(max(value, 0.0), 1.0))) if family is Family.SHARE else value


def as_measured(value: float, family: Family) -> float:
    """The inverse of `compared`."""
    if family is Family.AMOUNT:
        return value**2
    return math.sin(min(max(value, 0.0), math.pi / 2)) ** 2 if family is Family.SHARE else value


def _median(ordered: np.ndarray) -> float:
    """Of a sorted sample. `np.median` costs ten times as much on the few dozen looks of a track."""
    n = len(ordered)
    return float(ordered[(n - 1) // 2] + ordered[n // 2]) / 2


def robust_sigma(values: np.ndarray) -> float:
    """Sigma of a sample from its MAD, with the finite-sample factor. 0 if half of the values are equal."""
    n = len(values)
    factor = MAD_FACTORS[n - 2] if n < len(MAD_FACTORS) + 2 else n / (n - 0.8)
    distances = np.sort(np.abs(values - _median(np.sort(values))))
    return float(1.4826 * factor * _median(distances))


LARGEST_PERSISTENCE = 0.9


def _persistence(values: np.ndarray, family: Family) -> float:
    """How much wider than independent numbers these wander; 1 for all but SHARE.

    What lies in a yard stays for weeks, so its looks repeat each other, and sums of their scores would pass any
    threshold that is meant for independent looks. For an autoregressive series of lag-1 correlation r the variance of a
    sum is (1 + r) / (1 - r) times that of independent numbers (Bartlett 1946, JRSS Supplement 8). r is that of
    consecutive values, 0 at least.
    """
    if family is not Family.SHARE:
        return 1.0
    on_scale = np.array([compared(v, family) for v in values])
    off = on_scale - on_scale.mean()
    square = float(off @ off)
    r = float(off[1:] @ off[:-1]) / square if square > 0 else 0.0
    r = min(max(r, 0.0), LARGEST_PERSISTENCE)
    return math.sqrt((1 + r) / (1 - r))


def fit(values: Sequence[float], family: Family) -> Baseline | None:
    """The baseline of earlier usable looks, values in order of time; None if there are fewer than LEAST_LOOKS."""
    n = len(values)
    if n < LEAST_LOOKS:
        return None
    sample = np.asarray(values, float)
    if family in {Family.COUNT, Family.PRESENCE}:
        mean = float(sample.sum()) / n
        distance = sample - mean
        return Baseline(family=family, n=n, centre=mean, spread=math.sqrt(float(distance @ distance) / (n - 1)))
    ordered = np.sort(sample)
    on_scale = np.array([compared(v, family) for v in ordered])
    centre = _median(on_scale)
    return Baseline(
        family=family,
        n=n,
        centre=as_measured(centre, family),
        spread=max(robust_sigma(on_scale), SMALLEST_SPREAD[family]) * _persistence(sample, family),
        ordered=tuple(ordered.tolist()) if family is Family.AMOUNT else (),
    )


def upper_tail(baseline: Baseline, value: float) -> float:
    """Probability of a value at least this high if nothing changed; ties count half (mid-p).

    COUNT: negative binomial with the history's mean and variance (Poisson if the variance is smaller),
    both widened for the uncertainty of the mean. PRESENCE: beta-binomial for one trial, Jeffreys prior.
    AMOUNT: the rank of the value among the earlier ones, exact for exchangeable looks whatever their law
    (many areas are 0 on most looks, where a median and its spread say nothing).
    LEVEL, SHARE: Student t for one more number against the median; the degrees of freedom follow from the
    efficiency of the MAD, the factor pi/2 n from the variance of a median.
    """
    if baseline.family is Family.PRESENCE:
        rate = (baseline.centre * baseline.n + 0.5) / (baseline.n + 1.0)
        return rate / 2 if value > 0 else rate + (1 - rate) / 2
    if baseline.family is Family.COUNT:
        return _count_tail(baseline, round(value))
    if baseline.family is Family.AMOUNT:
        return _rank_tail(baseline, value)
    off = compared(value, baseline.family) - compared(baseline.centre, baseline.family)
    t = off / (baseline.spread * math.sqrt(1 + math.pi / (2 * baseline.n)))
    freedom = max(2.0, MAD_EFFICIENCY * (baseline.n - 1))
    return float(special.stdtr(freedom, -t))


def _rank_tail(baseline: Baseline, value: float) -> float:
    first, last = bisect_left(baseline.ordered, value), bisect_right(baseline.ordered, value)
    higher, equal = baseline.n - last, last - first
    return (higher + (equal + 1) / 2) / (baseline.n + 1)


def _count_tail(baseline: Baseline, count: int) -> float:
    mean = (baseline.centre * baseline.n + 0.5) / baseline.n
    variance = max(mean, baseline.spread**2) + mean / baseline.n
    size = mean**2 / max(variance - mean, 1e-9)
    chance = size / (size + mean)

    def at_most(k: int) -> float:
        return float(special.betainc(size, k + 1, chance)) if k >= 0 else 0.0

    return 1 - (at_most(count) + at_most(count - 1)) / 2
