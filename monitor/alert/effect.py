"""When a change began and how large it is, with 90 % intervals.

For each look at which the change may have begun: the likelihood of what came before as usual, times that of what came
since at a level that differs by an unknown amount. With a geometric prior this is the posterior of the onset (Chib
1998, Journal of Econometrics 86, for one change; Fearnhead & Liu 2007, "On-line inference for multiple changepoint
problems", JRSS B 69). The size is the mixture of what each of these says.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from monitor.alert.chart import Alarm
from monitor.alert.incident import Interval90, Kind
from monitor.baseline import (
    LEVEL,
    SHIFT,
    Baseline,
    Family,
    Forecast,
    Lesson,
    as_measured,
    compared,
    forecast,
    learnt,
    with_shift,
)
from monitor.score import Score

MOST_CANDIDATES = 120
"""Looks back from the newest at which a change may have begun."""

USUAL_DELAY = 20.0
"""Mean of the geometric prior, looks: a change that began long ago would have been noticed before. With it 90 of 100
intervals hold the onset of simulated changes (benchmarks alarms)."""

HOPELESS, FEW = 8.0, 10
"""The search back ends where an onset is exp(8) times less likely than the best one, more than 10 looks before it."""

LEAST_WEIGHT = 0.01
"""Onsets less likely than this are left out when the size is told."""

SHIFT_DEVIATION: Mapping[Family, float] = {
    Family.COUNT: 0.8,
    Family.PRESENCE: 1.2,
    Family.AMOUNT: 4.0,
    Family.LEVEL: 4.0,
    Family.SHARE: 4.0,
}
"""Before any look of it: a rate a little more than doubled or halved, odds tripled, four standard deviations."""

TAIL = 0.05
"""On either side of a 90 % interval."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """A usable look and what was known before it."""

    look: str
    score: Score
    lesson: Lesson
    before: Baseline


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """Of one change."""

    first: int
    """Index of the look at which it most likely began."""

    earliest: int
    latest: int
    """90 % of the onsets lie between the look before `earliest` and `latest`."""

    level: Interval90
    """Rate per usable look since then, in the unit of the measure."""

    ratio: Interval90 | None
    """That rate over the usual one; None for decibels."""

    difference: Interval90
    """That rate less the usual one, in the unit of the measure."""


def likely_first(scores: Sequence[Score], alarm: Alarm) -> int:
    """Index of the look with which the change most likely began, by the odds that raised the alarm alone.

    Page's estimate: where the sum of the log odds since is largest. Scores in order of time up to the alarm.
    """
    surge = alarm.kind is Kind.SURGE
    odds = [(s.up if surge else s.down)[alarm.shift] if s.expected else -math.inf for s in scores]
    total, best, first = 0.0, -math.inf, len(odds) - 1
    for index in range(len(odds) - 1, -1, -1):
        total += odds[index]
        if total > best:
            best, first = total, index
    return first


def onset(passed: Sequence[Passed], latest: int) -> list[float]:
    """Probability for each look, in order of time, that the change began with it: 0 for those after `latest`."""
    usual = np.cumsum([0.0, *(_log_likelihood(_expected(p.before, p.lesson), p.lesson.value) for p in passed)])
    evidence = np.full(len(passed), -np.inf)
    for first in range(latest, max(-1, latest - MOST_CANDIDATES), -1):
        if passed[first].score.expected is None:
            break
        evidence[first] = usual[first] + _changed(passed[first:])[0] - (latest - first) / USUAL_DELAY
        if evidence[first] < evidence.max() - HOPELESS and first < int(np.argmax(evidence)) - FEW:
            break
    weight = np.exp(evidence - evidence.max())
    return [float(w) for w in weight / weight.sum()]


def effect(passed: Sequence[Passed], weights: Sequence[float]) -> Effect:
    """The change that began with one of these looks, told from all of them; `weights`: of the onset, as of `onset`."""
    family = passed[0].before.family
    total = np.cumsum(weights)
    likely = [i for i, w in enumerate(weights) if w >= LEAST_WEIGHT] or [int(np.argmax(weights))]
    sizes = [_size(_changed(passed[i:])[1], passed[i], family) for i in likely]
    share = [weights[i] for i in likely]
    return Effect(
        first=int(np.argmax(weights)),
        earliest=int(np.searchsorted(total, TAIL)),
        latest=min(int(np.searchsorted(total, 1 - TAIL)), len(weights) - 1),
        level=_interval([s.level for s in sizes], share, _back(family)),
        ratio=_interval([s.ratio for s in sizes], share, math.exp) if family is not Family.LEVEL else None,
        difference=_interval([s.difference for s in sizes], share, float),
    )


def _expected(before: Baseline, lesson: Lesson) -> Forecast:
    return forecast(before, lesson.day, lesson.track, lesson.satellite)


def _log_likelihood(expected: Forecast, value: float) -> float:
    family = expected.baseline.family
    return expected.law.log_likelihood(value if family.counted else compared(value, family))


def _changed(passed: Sequence[Passed]) -> tuple[float, Baseline]:
    """Log likelihood of the looks if the level changed before the first of them, and what is known after them."""
    before = passed[0].before
    known = with_shift(before, SHIFT_DEVIATION[before.family])
    total = 0.0
    for p in passed:
        expected = _expected(known, p.lesson)
        total += _log_likelihood(expected, p.lesson.value)
        known = learnt(expected, p.lesson.value)
    return total, known


@dataclass(frozen=True, slots=True)
class _Normal:
    mean: float
    variance: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Size:
    level: _Normal
    """Of the new rate on the model scale."""

    ratio: _Normal
    """Of the logarithm of new over usual rate."""

    difference: _Normal
    """In the unit of the measure."""


def _size(known: Baseline, first: Passed, family: Family) -> _Size:
    """What one onset says. Ratio and difference by the delta method about the usual rate u and the shift."""
    lesson = first.lesson
    parts = [LEVEL, known.parts[f"track {lesson.track}"], known.parts[f"satellite {lesson.satellite}"]]
    usual = np.zeros(len(known.mean))
    usual[parts] = 1.0
    shift = np.zeros(len(known.mean))
    shift[known.parts[SHIFT]] = 1.0
    scale = 1.0 if family.counted else known.spread**2
    both = np.stack([usual, shift])
    cov = both @ known.cov @ both.T * scale
    u, d = float(usual @ known.mean), float(shift @ known.mean)
    gradients = {name: np.array(g) for name, g in _gradients(u, d, family).items()}

    def about(name: str, mean: float) -> _Normal:
        return _Normal(mean, float(gradients[name] @ cov @ gradients[name]))

    old, new = _back(family)(u), _back(family)(u + d)
    ratio = math.log(max(new, 1e-12) / max(old, 1e-12))
    return _Size(level=about("level", u + d), ratio=about("ratio", ratio), difference=about("difference", new - old))


def _gradients(u: float, d: float, family: Family) -> Mapping[str, tuple[float, float]]:
    """Derivatives by usual rate and shift, both on the model scale."""
    back = _back(family)
    step = 1e-5

    def steep(x: float) -> float:
        return (back(x + step) - back(x - step)) / (2 * step)

    old, new = max(back(u), 1e-12), max(back(u + d), 1e-12)
    before, after = steep(u), steep(u + d)
    return {
        "level": (1.0, 1.0),
        "ratio": (after / new - before / old, after / new),
        "difference": (after - before, after),
    }


def _back(family: Family) -> Callable[[float], float]:
    """From the model scale to the unit of the measure."""
    if family is Family.COUNT:
        return math.exp
    if family is Family.PRESENCE:
        return lambda x: 1 / (1 + math.exp(-x))
    return lambda x: as_measured(x, family)


def _interval(parts: Sequence[_Normal], weights: Sequence[float], back: Callable[[float], float]) -> Interval90:
    """Median and 90 % interval of a mixture of normals, brought back by a rising function."""
    low, middle, high = (back(_quantile(parts, weights, p)) for p in (TAIL, 0.5, 1 - TAIL))
    return Interval90(value=middle, low=low, high=high)


def _quantile(parts: Sequence[_Normal], weights: Sequence[float], p: float) -> float:
    means = np.array([n.mean for n in parts])
    deviations = np.sqrt(np.maximum([n.variance for n in parts], 1e-12))
    share = np.asarray(weights) / np.sum(weights)
    low, high = float((means - 8 * deviations).min()), float((means + 8 * deviations).max())
    for _ in range(60):
        middle = (low + high) / 2
        below = float(share @ special.ndtr((middle - means) / deviations))
        low, high = (middle, high) if below < p else (low, middle)
    return (low + high) / 2
