"""How a series wanders and scatters while nothing happens, told from the series as a whole.

The products of the residuals of any two looks are on average the variance of the wander times exp(-days apart / days):
the method of moments by which geostatistics fits a variogram (Cressie 1993, "Statistics for Spatial Data", 2.4), in
time. The spread from look to look is what is left over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from monitor.baseline.family import Family, compared
from monitor.baseline.model import (
    CLEAR_OFF,
    COSINE,
    LEAST_LOOKS,
    LEVEL,
    SINE,
    YEAR_DAYS,
    Array,
    Baseline,
    Habits,
    Wander,
    forecast,
    learnt,
    nothing,
)

SPANS_DAYS = (3.0, 10.0, 30.0, 90.0)
"""Of the wander: a call of a ship, a queue, a pile of containers, a hull that is laid up."""

LARGEST_SHARE = 0.9
"""Of the variance of a continuous measure that may wander."""

USUAL_WHITE, WHITE_LOOKS = 0.05, 10
"""What is assumed of the scatter of a count before it is known, and how many looks that is worth."""

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
    """8, 12, 16, 24, 32, 48, ...: the next number of lessons at which the habits are told anew.

    Each time costs as much as all looks so far, so the cost of a look stays the same on average.
    """
    power = LEAST_LOOKS
    while power <= looks:
        if looks < power * 3 // 2:
            return power * 3 // 2
        power *= 2
    return power


def of_lessons(lessons: Sequence[Lesson], family: Family) -> Baseline:
    """The baseline after these lessons, in order of time, with the habits they show; at least one."""
    plain = _folded(lessons, nothing(family, lessons[0].value))
    if len(lessons) < LEAST_LOOKS:
        return plain
    return _folded(lessons, nothing(family, lessons[0].value, habits_of(lessons, plain)))


def _folded(lessons: Sequence[Lesson], baseline: Baseline) -> Baseline:
    for lesson in lessons:
        baseline = learnt(forecast(baseline, lesson.day, lesson.track, lesson.satellite), lesson.value)
    return baseline


@dataclass(frozen=True, kw_only=True)
class _Residuals:
    """Of each look from what the whole series says of it, on the model scale; all of shape (looks,)."""

    days: Array
    off: Array
    noise: Array
    """Variance of `off` that counting alone brings; for continuous families 0."""

    weight: Array


def habits_of(lessons: Sequence[Lesson], plain: Baseline) -> Habits:
    """Wander and scatter of a series, given its baseline without any."""
    left = _residuals(lessons, plain)
    wander = _wander(left, plain.family)
    return Habits(wander=wander, white=_white(left, wander) if plain.family is Family.COUNT else 0.0)


def _residuals(lessons: Sequence[Lesson], plain: Baseline) -> _Residuals:
    days = np.array([lesson.day for lesson in lessons])
    values = np.array([lesson.value for lesson in lessons])
    angle = 2 * np.pi * days / YEAR_DAYS
    state, parts = plain.mean, plain.parts
    offsets = [state[parts[f"track {k.track}"]] + state[parts[f"satellite {k.satellite}"]] for k in lessons]
    rate = state[LEVEL] + state[SINE] * np.sin(angle) + state[COSINE] * np.cos(angle) + np.array(offsets)
    if plain.family is Family.COUNT:
        mean = np.exp(rate)
        return _Residuals(days=days, off=(values - mean) / mean, noise=1 / mean, weight=mean)
    if plain.family is Family.PRESENCE:
        chance = 1 / (1 + np.exp(-rate))
        steep = chance * (1 - chance)
        return _Residuals(days=days, off=(values - chance) / steep, noise=1 / steep, weight=steep)
    on_scale = np.array([compared(float(v), plain.family) for v in values])
    off = np.clip((on_scale - rate) / plain.spread, -CLEAR_OFF, CLEAR_OFF)
    return _Residuals(days=days, off=off, noise=np.zeros(len(off)), weight=np.ones(len(off)))


def _wander(left: _Residuals, family: Family) -> Wander:
    """By weighted least squares for each span; the one that explains most.

    One that explains less than one standard error is chance; the others are taken back by the part that chance adds on
    average (James-Stein).
    """
    first, second = np.triu_indices(len(left.days), 1)
    apart = np.abs(left.days[first] - left.days[second])
    product, weight = left.off[first] * left.off[second], left.weight[first] * left.weight[second]
    best, explained = Wander(), 1.0
    for span in SPANS_DAYS:
        kernel = np.exp(-apart / span)
        information = float((weight * kernel**2).sum())
        if information <= 0:
            continue
        variance = float((weight * kernel * product).sum()) / information
        gain = variance**2 * information
        if variance > 0 and gain > explained:
            kept = variance * (1 - 1 / gain)
            best = Wander(kept if family.counted else min(kept, LARGEST_SHARE), span)
            explained = gain
    return best


def _white(left: _Residuals, wander: Wander) -> float:
    """Variance of the logarithm of a rate from look to look: beyond counting and wander."""
    weight = 1 / (left.noise**2 + WIDE_WHITE)
    prior = WHITE_LOOKS * float(np.median(weight))
    beyond = float((weight * (left.off**2 - left.noise)).sum()) + prior * USUAL_WHITE
    return max(beyond / (float(weight.sum()) + prior) - wander.variance, 0.0)
