"""How a series wanders and scatters while nothing happens, told from the series as a whole.

The products of the residuals of any two looks are on average the variance of the wander times exp(-days apart / days):
the method of moments by which geostatistics fits a variogram (Cressie 1993, "Statistics for Spatial Data", 2.4), in
time. The spread from look to look is what is left over.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from monitor.baseline.family import Family, compared
from monitor.baseline.model import (
    CLEAR_OFF,
    COSINE,
    LEAST_LOOKS,
    LEVEL,
    SINE,
    USUAL_HABITS,
    YEAR_DAYS,
    Array,
    Baseline,
    Habits,
    Wander,
    forecast,
    learnt,
    nothing,
    prior_variances,
)

LEAST_TO_WANDER = 24
"""Looks from which a wander can be told; before that it is the usual one of the family."""

LARGEST_SHARE = 0.98
"""Of the variance of a continuous measure that may wander."""


@dataclass(frozen=True, slots=True)
class _Expected:
    """Of a wander, before any look."""

    variance: float
    """Mean of its variance; for continuous families as a share."""

    deviation: float
    spans: tuple[float, ...]
    """Days after which the correlation may be 1/e."""


ANYWHERE = (3.0, 10.0, 30.0, 90.0)
"""A call of a ship, a queue at anchor, a pile of containers, a hull that is laid up."""

EXPECTED: Mapping[Family, _Expected] = {
    Family.COUNT: _Expected(0.0, 0.3, ANYWHERE),
    Family.PRESENCE: _Expected(0.0, 0.5, ANYWHERE),
    Family.AMOUNT: _Expected(0.0, 0.7, ANYWHERE),
    Family.LEVEL: _Expected(0.0, 0.7, ANYWHERE),
    Family.SHARE: _Expected(0.9, 0.15, (25.0, 50.0, 100.0)),
}
"""What lies in a yard stays for weeks, wherever it is."""

USUAL_WHITE, WHITE_LOOKS = 0.05, 10
"""What is assumed of the scatter of a count before it is known, and how many looks that is worth."""

CLEAR_RATIO = 2.0
"""A count counts for the habits as no more than three times what is usual."""

WIDE_WHITE = 0.1
"""Looks with so few vessels that their scatter is larger than this count for less."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """One usable look as it is learnt."""

    day: float
    """Since EPOCH."""

    track: str
    satellite: str
    value: float
    """In the unit of the measure."""


def next_milestone(looks: int) -> int:
    """8, 16, 32, 64, ...: the next number of lessons at which the habits are told anew.

    Each time costs as much as all looks so far, so the cost of a look stays the same on average.
    """
    return max(LEAST_LOOKS, 1 << looks.bit_length())


def of_lessons(lessons: Sequence[Lesson], family: Family) -> Baseline:
    """The baseline after these lessons, in order of time; at least one."""
    return _folded(lessons, nothing(family, lessons[0].value))


def told_anew(lessons: Sequence[Lesson], seen: Sequence[Lesson], known: Baseline) -> Baseline:
    """The baseline after these lessons with the habits that all looks `seen` show.

    `known`: what has been learnt from the lessons so far, with older habits. Among `seen` are the looks of changes that
    are over, from which no level is learnt: without them a place would look the calmer the more often it raised alarms,
    and raise ever more.
    """
    return _folded(lessons, nothing(known.family, lessons[0].value, habits_of(seen, known)))


def _folded(lessons: Sequence[Lesson], baseline: Baseline) -> Baseline:
    for lesson in lessons:
        baseline = learnt(forecast(baseline, lesson.day, lesson.track, lesson.satellite), lesson.value)
    return baseline


@dataclass(frozen=True, kw_only=True)
class _Residuals:
    """Of each look from what the whole series says of it, on the model scale."""

    days: Array
    """Shape (looks,)."""

    off: Array
    """Shape (looks,)."""

    noise: Array
    """Variance of `off` that counting alone brings; for continuous families 0. Shape (looks,)."""

    weight: Array
    """Shape (looks,)."""

    kept: Array
    """What fitting level, season and offsets leaves of a set of numbers: shape (looks, looks)."""


def habits_of(lessons: Sequence[Lesson], known: Baseline) -> Habits:
    """Wander and scatter of a series, given what has been learnt from it."""
    left = _residuals(lessons, known)
    wander = _wander(left, known.family) if len(lessons) >= LEAST_TO_WANDER else USUAL_HABITS[known.family].wander
    return Habits(wander=wander, white=_white(left, wander) if known.family is Family.COUNT else 0.0)


def _residuals(lessons: Sequence[Lesson], known: Baseline) -> _Residuals:
    days = np.array([lesson.day for lesson in lessons])
    values = np.array([lesson.value for lesson in lessons])
    design = _design(lessons, days, known)
    rate = design @ known.mean
    if known.family is Family.COUNT:
        mean = np.exp(rate)
        off, noise, weight = np.minimum((values - mean) / mean, CLEAR_RATIO), 1 / mean, mean
    elif known.family is Family.PRESENCE:
        chance = 1 / (1 + np.exp(-rate))
        weight = chance * (1 - chance)
        off, noise = (values - chance) / weight, 1 / weight
    else:
        on_scale = np.array([compared(float(v), known.family) for v in values])
        off = np.clip((on_scale - rate) / known.spread, -CLEAR_OFF, CLEAR_OFF)
        noise, weight = np.zeros(len(off)), np.ones(len(off))
    kept = _kept(design, weight, prior_variances(known))
    return _Residuals(days=days, off=off, noise=noise, weight=weight, kept=kept)


def _design(lessons: Sequence[Lesson], days: Array, known: Baseline) -> Array:
    """Shape (looks, parts); without the wander."""
    design = np.zeros((len(lessons), len(known.mean)))
    angle = 2 * np.pi * days / YEAR_DAYS
    design[:, LEVEL], design[:, SINE], design[:, COSINE] = 1.0, np.sin(angle), np.cos(angle)
    for row, lesson in enumerate(lessons):
        for name in (f"track {lesson.track}", f"satellite {lesson.satellite}"):
            if name in known.parts:
                design[row, known.parts[name]] = 1.0
    return design


def _kept(design: Array, weight: Array, prior: Array) -> Array:
    """1 - X (X'WX + 1/prior)^-1 X'W: what a fit with these priors leaves."""
    weighted = design.T * weight
    fitted = design @ np.linalg.solve(weighted @ design + np.diag(1 / prior), weighted)
    return np.asarray(np.eye(len(design)) - fitted)


def _wander(left: _Residuals, family: Family) -> Wander:
    """By weighted least squares for each span, with a prior; the span of the highest evidence, if above none.

    A slow wander looks smaller and faster than it is, as the level that is taken off follows it: so each kernel is held
    against the residuals as the same fit would leave it, as in restricted maximum likelihood (Patterson & Thompson
    1971, Biometrika 58). The pairs of a slow wander repeat each other: all of them together count for no more than the
    spans that fit into the time twice over. The evidence of a variance with prior mean m and deviation s, of which the
    data give the precision p and p times the estimate g, is for normal errors
    exp([(g + m / s^2)^2 / (p + 1 / s^2) - m^2 / s^2] / 2) / sqrt(1 + p s^2) times that of none (O'Hagan & Forster 2004,
    "Bayesian Inference", ch. 11).
    """
    first, second = np.triu_indices(len(left.days), 1)
    apart = np.abs(left.days[:, None] - left.days[None, :])
    product, weight = left.off[first] * left.off[second], left.weight[first] * left.weight[second]
    prior = EXPECTED[family]
    certain = 1 / prior.deviation**2
    best, evidence = Wander(), 0.0
    for span in prior.spans:
        kernel = (left.kept @ np.exp(-apart / span) @ left.kept.T)[first, second]
        pairs = float((weight * kernel**2).sum())
        precision = min(pairs, float(np.ptp(left.days)) / (2 * span))
        scaled = precision * float((weight * kernel * product).sum()) / max(pairs, 1e-12) + certain * prior.variance
        found = scaled**2 / (precision + certain) - math.log1p(precision / certain) - certain * prior.variance**2
        if scaled > 0 and (found > evidence or (not best.variance and prior.variance)):
            variance = scaled / (precision + certain)
            best, evidence = Wander(variance if family.counted else min(variance, LARGEST_SHARE), span), found
    return best


def _white(left: _Residuals, wander: Wander) -> float:
    """Variance of the logarithm of a rate from look to look: beyond counting and wander."""
    weight = 1 / (left.noise**2 + WIDE_WHITE)
    prior = WHITE_LOOKS * float(np.median(weight))
    beyond = float((weight * (left.off**2 - left.noise)).sum()) + prior * USUAL_WHITE
    return max(beyond / (float(weight.sum()) + prior) - wander.variance, 0.0)
