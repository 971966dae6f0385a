"""Rates per usable look in two periods, and how far they may lie apart.

Looks of different tracks see differently, and periods hold different tracks. Rates are therefore standardised: in each
track the two periods are compared with each other, and the tracks are joined with the weights of Mantel & Haenszel
(1959, J. Natl. Cancer Inst. 22, 719-748), n1 n0 / (n1 + n0). A standardised rate rests on as many looks as would give
it the same variance. With one track both are what they seem: hits over looks.

Looks nearer to each other than a stay were left out before. What correlation is left between one look and the next is
taken from the looks they count as: n (1 - r) / (1 + r) (Bartlett 1935, J. R. Stat. Soc. 98, 536-543).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from monitor.alert import Interval90
from monitor.assessment.sample import Sample, Taken
from monitor.baseline import Family
from monitor.claim import Effect, EffectKind

GRID: Final = 256
"""Quantiles that stand for a posterior: the ends of its 90 % interval are then good to a fiftieth of its width."""

HECTARE: Final = 10_000.0
"""m2."""

SMALLEST: Final = 1e-9
"""Rates below count as this, so that a ratio exists."""

LEAST_SPREAD: Final = 1e-6

MOST_ALIKE: Final = 0.7
"""Correlation of one look with the next above which it is no longer believed: so few looks do not tell it."""

Quantiles = NDArray[np.float64]
"""Shape (GRID,): equally probable values of a rate, ascending."""


@dataclass(frozen=True, kw_only=True)
class Rate:
    """Of one period, over the tracks that both have."""

    mean: float
    """Standardised, per usable look, in the unit of the measure."""

    effective: float
    """Looks that would give it the same variance."""

    looks: int
    """Counted looks."""

    total: float
    """Sum of their numbers: for presence the looks with a ship."""

    spread: float
    """Standard deviation of one look within its track."""


@dataclass(frozen=True, kw_only=True)
class Pair:
    """The rates of a window and a baseline."""

    window: Rate
    base: Rate
    family: Family
    overdispersion: float
    """COUNT: variance over mean within tracks and periods, at least 1. Otherwise 1."""

    dependence: float
    """Counted looks that are worth one independent look, at least 1. Already taken out of `effective`."""


def pair(found: Sample, family: Family) -> Pair | None:
    """The rates of the counted looks; None: no track has looks in both periods."""
    window, base = by_track(found.window), by_track(found.base)
    if not window:
        return None
    tracks = sorted(window)
    weights = {t: window[t].size * base[t].size / (window[t].size + base[t].size) for t in tracks}
    dependence = _dependence(found, window, base)
    return Pair(
        window=_rate(window, weights, dependence),
        base=_rate(base, weights, dependence),
        family=family,
        dependence=dependence,
        overdispersion=_overdispersion([*window.values(), *base.values()]) if family is Family.COUNT else 1.0,
    )


def posterior(rate: Rate, family: Family, overdispersion: float = 1.0) -> Quantiles:
    """What the rate may be.

    Presence and counts: Jeffreys' prior (Beta and Gamma; Brown, Cai & DasGupta 2001, Statistical Science 16, 101-133),
    counts with their overdispersion taken out of sum and looks. Everything else: Student's t about the mean.
    """
    at = (np.arange(GRID) + 0.5) / GRID
    n = rate.effective
    if family is Family.PRESENCE:
        hits = rate.mean * n
        return _array(stats.beta.ppf(at, hits + 0.5, n - hits + 0.5))
    if family is Family.COUNT:
        scaled = n / overdispersion
        return _array(stats.gamma.ppf(at, rate.mean * scaled + 0.5, scale=1 / scaled))
    freedom = max(rate.looks - 1, 1)
    return _array(rate.mean + stats.t.ppf(at, freedom) * max(rate.spread, LEAST_SPREAD) / math.sqrt(n))


def effect(found: Pair, kind: EffectKind) -> Interval90:
    """The effect of the window against the baseline: median and 90 % interval of its posterior."""
    return interval(contrast(found, kind))


def contrast(found: Pair, kind: EffectKind) -> NDArray[np.float64]:
    """Equally probable values of the effect, ascending, shape (GRID * GRID,)."""
    window = posterior(found.window, found.family, found.overdispersion)
    base = posterior(found.base, found.family, found.overdispersion)
    if kind is EffectKind.RATE_RATIO:
        return np.sort((np.maximum(window, SMALLEST)[:, None] / np.maximum(base, SMALLEST)).ravel())
    return np.sort((window[:, None] - base).ravel()) / _unit(kind, found)


def interval(values: NDArray[np.float64]) -> Interval90:
    """Median, 5 % and 95 % of ascending values."""
    places = [min(int(q * len(values)), len(values) - 1) for q in (0.5, 0.05, 0.95)]
    return Interval90(*(rounded(float(values[p])) for p in places))


def moved(rates: NDArray[np.float64], wanted: Effect, found: Pair) -> NDArray[np.float64]:
    """Rates after a change of the wanted size; of presence no more than nearly always."""
    if wanted.kind is EffectKind.RATE_RATIO:
        out = rates * wanted.value
    else:
        out = rates + wanted.value * _unit(wanted.kind, found)
    return np.clip(out, 0.0, 1.0) if found.family in {Family.PRESENCE, Family.SHARE} else out


def _unit(kind: EffectKind, found: Pair) -> float:
    """What a difference is counted in, in the unit of the measure."""
    if kind is EffectKind.DIFFERENCE_ROBUST_Z:
        return max(found.base.spread, LEAST_SPREAD)
    return HECTARE if kind is EffectKind.HECTARES else 1.0


def rounded(value: float) -> float:
    """To nine digits: what two machines compute differs in the last ones."""
    return float(f"{value:.9g}")


def by_track(looks: Sequence[Taken]) -> dict[str, NDArray[np.float64]]:
    """The numbers of the looks that count, each of shape (looks,), by track."""
    values: dict[str, list[float]] = {}
    for taken in looks:
        if taken.counted and taken.observed.value is not None:
            values.setdefault(taken.observed.track, []).append(taken.observed.value)
    return {track: np.array(v, dtype=np.float64) for track, v in values.items()}


def _dependence(found: Sample, window: dict[str, NDArray[np.float64]], base: dict[str, NDArray[np.float64]]) -> float:
    """From the correlation of what is left of each look beside its track and period, with the next look."""
    products, squares = 0.0, 0.0
    for looks, cells in ((found.window, window), (found.base, base)):
        counted = [(t.observed.value, cells[t.observed.track].mean()) for t in looks if t.counted]
        rest = np.array([value - mean for value, mean in counted if value is not None], dtype=np.float64)
        products += float((rest[:-1] * rest[1:]).sum())
        squares += float((rest * rest).sum())
    alike = min(max(products / squares, 0.0), MOST_ALIKE) if squares > 0 else 0.0
    return rounded((1 + alike) / (1 - alike))


def _rate(values: dict[str, NDArray[np.float64]], weights: dict[str, float], dependence: float) -> Rate:
    total = sum(weights.values())
    mean = sum(w * float(values[t].mean()) for t, w in weights.items()) / total
    variance = sum((w / total) ** 2 / values[t].size for t, w in weights.items())
    looks = sum(v.size for v in values.values())
    squares = sum(float(((v - v.mean()) ** 2).sum()) for v in values.values())
    return Rate(
        mean=rounded(mean),
        effective=rounded(1 / variance / dependence),
        looks=looks,
        total=rounded(float(sum(v.sum() for v in values.values()))),
        spread=rounded(math.sqrt(squares / max(looks - len(values), 1))),
    )


def _overdispersion(cells: Sequence[NDArray[np.float64]]) -> float:
    squares = sum(float(((c - c.mean()) ** 2).sum()) for c in cells)
    expected = sum(float(c.mean()) * (c.size - 1) for c in cells)
    return rounded(max(1.0, squares / expected)) if expected > 0 else 1.0


def _array(values: object) -> Quantiles:
    return np.asarray(values, dtype=np.float64)
