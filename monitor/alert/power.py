"""What a chart would have missed: the smallest lasting change that it sees in 8 of 10 cases within some looks.

By simulation from the predictive law, the design calculation of West & Harrison (1997), ch. 4, done by drawing: the
rate as unknown as it is, its wander, the scatter of the looks, and the chart with all that it learns from the changed
looks themselves, which hide a part of the change from it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from monitor.alert.chart import LEAST_EVIDENCE, Rule
from monitor.baseline import (
    LEAST_LOOKS,
    LEVEL,
    Baseline,
    CountLaw,
    Family,
    NormalLaw,
    PresenceLaw,
    as_measured,
    forecast,
    from_model_scale,
)
from monitor.baseline.laws import SMALLEST_VARIANCE
from monitor.baseline.model import COSINE, SINE, WANDER, YEAR_DAYS, Array
from monitor.score import LARGEST_ODDS, LARGEST_Z, SHIFTS

SEEN_OF_TEN = 8
"""Cases of 10 in which a change of the size that is told is seen."""

DRAWS, SEED = 200, 20141003
"""Histories for each size: the share that is seen is known to +- 0.028 (one standard error) at 0.8."""

MOST_LOOKS = 60
"""More would not be waited for, and cost time."""

MOST_TRACKS = 4
"""That take turns: of more, the ones that are known best."""

LARGEST_LOG = 12.0
"""Of a rate: more is no number of ships."""

SIZES = {
    Family.COUNT: np.log([1.1, 1.3, 1.6, 2.0, 2.6, 3.5, 6.0, 30.0]),
    Family.PRESENCE: np.array([0.2, 0.5, 0.8, 1.2, 1.7, 2.3, 3.2, 5.0]),
    Family.AMOUNT: np.array([0.15, 0.35, 0.6, 0.9, 1.3, 1.9, 3.0, 6.0]),
    Family.LEVEL: np.array([0.15, 0.35, 0.6, 0.9, 1.3, 1.9, 3.0, 6.0]),
    Family.SHARE: np.array([0.15, 0.35, 0.6, 0.9, 1.3, 1.9, 3.0, 6.0]),
}
"""That are tried, up and down: of the logarithm of a rate, of a logit, in spreads. Between them the share that is seen
is interpolated; what is larger than the last is not asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Power:
    """The smallest changes that are seen in 8 of 10 cases."""

    looks: int
    """Usable looks after the change began."""

    family: Family
    usual: float
    """Rate per usable look before it, in the unit of the measure."""

    rise: float | None
    """The rate it would have to rise to; None: larger than any that was tried."""

    fall: float | None
    """The rate it would have to fall to; None: not even the deepest fall is seen."""


def power(baseline: Baseline, looks: int, rule: Rule, *, days_apart: float = 6.0) -> Power | None:
    """Of a change that begins now and lasts. None: too little is known of what is usual.

    The same arguments give the same numbers. `days_apart`: between usable looks, all tracks together.
    """
    if baseline.n < LEAST_LOOKS or looks < 1:
        return None
    looks = min(looks, MOST_LOOKS)
    ahead = _ahead(baseline, looks, days_apart)
    family, sizes = baseline.family, SIZES[baseline.family]
    signed = np.concatenate([sizes, -sizes])
    seen = (_seen_counted if family.counted else _seen_numbers)(ahead, baseline, signed, rule.threshold)
    rise, fall = _needed(sizes, seen[: len(sizes)]), _needed(sizes, seen[len(sizes) :])
    usual = _moved(ahead, baseline, 0.0)
    return Power(
        looks=looks,
        family=family,
        usual=usual,
        rise=None if rise is None else _moved(ahead, baseline, rise),
        fall=None if fall is None else _moved(ahead, baseline, -fall),
    )


def _moved(ahead: _Ahead, baseline: Baseline, size: float) -> float:
    """The rate after a change of that size, in the unit of the measure."""
    family, mean = baseline.family, ahead.law.mean
    if family is Family.COUNT:
        return mean * math.exp(size)
    if family is Family.PRESENCE:
        return from_model_scale(math.log(mean / (1 - mean)) + size, family)
    return as_measured(float(ahead.rates[0]) + size * baseline.spread, family)


def _needed(sizes: Array, seen: Array) -> float | None:
    """The size at which the share that is seen passes 8 of 10, linear between the sizes tried."""
    rising = np.maximum.accumulate(seen)  # more is never seen less: the rest is chance of the drawing
    wanted = SEEN_OF_TEN / 10
    if rising[-1] < wanted:
        return None
    after = int(np.argmax(rising >= wanted))
    if after == 0:
        return float(sizes[0])
    low, high = rising[after - 1], rising[after]
    return float(sizes[after - 1] + (sizes[after] - sizes[after - 1]) * (wanted - low) / (high - low))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ahead:
    """What is expected of the coming looks. The state is the rate of each track, and the wander as the last part."""

    law: CountLaw | PresenceLaw | NormalLaw
    """Of the first of them."""

    rates: Array
    """Expected rate of each look on the model scale, shape (looks,)."""

    turns: Sequence[int]
    """Index of the track of each look."""

    cov: Array
    """Of the state at the first look, shape (tracks + 1, tracks + 1)."""

    kept: float
    """Share of the wander that is left at the next look."""

    renewed: float
    """Variance that the wander gains until then."""


def _ahead(baseline: Baseline, looks: int, days_apart: float) -> _Ahead:
    """The tracks that are known best take turns, each with the satellite that is known best on it."""
    day = baseline.day + days_apart
    tracks = [p.removeprefix("track ") for p in baseline.parts if p.startswith("track ")]
    flown = [p.removeprefix("satellite ") for p in baseline.parts if p.startswith("satellite ")]
    best = [min((forecast(baseline, day, t, s).q, t, s) for s in flown) for t in tracks]
    chosen = [(t, s) for _, t, s in sorted(best)[:MOST_TRACKS]]
    firsts = [forecast(baseline, day, t, s) for t, s in chosen]
    design = np.zeros((len(chosen) + 1, len(baseline.mean)))
    design[-1, WANDER] = 1.0
    angle = 2 * math.pi * day / YEAR_DAYS
    for row, (track, satellite) in enumerate(chosen):
        own = [LEVEL, baseline.parts[f"track {track}"], baseline.parts[f"satellite {satellite}"]]
        design[row, own] = 1.0
        design[row, [SINE, COSINE]] = math.sin(angle), math.cos(angle)
    turns = [i % len(chosen) for i in range(looks)]
    wander = baseline.habits.wander
    kept = math.exp(-days_apart / wander.days) if wander.variance > 0 else 0.0
    return _Ahead(
        law=firsts[0].law,
        rates=np.array([forecast(baseline, day + i * days_apart, *chosen[t]).f for i, t in enumerate(turns)]),
        turns=turns,
        cov=design @ firsts[0].baseline.cov @ design.T,
        kept=kept,
        renewed=wander.variance * (1 - kept**2),
    )


class _Known:
    """What the model of the chart learns of the state; `shape`: of the histories, all at once."""

    def __init__(self, ahead: _Ahead, shape: tuple[int, ...]) -> None:
        size = len(ahead.cov)
        self._ahead = ahead
        self._mean = np.zeros((size, *shape))
        self._cov = np.broadcast_to(ahead.cov.reshape(size, size, *[1] * len(shape)), (size, size, *shape)).copy()

    def look(self, track: int) -> tuple[Array, Array]:
        """Mean and variance of the rate of a look of that track."""
        self._reach = self._cov[:, track] + self._cov[:, -1]
        return self._mean[track] + self._mean[-1], np.maximum(self._reach[track] + self._reach[-1], SMALLEST_VARIANCE)

    def learn(self, gain: Array, less: Array) -> None:
        """From that look, by linear Bayes as `baseline.learnt`; then on to the next one: the wander forgets."""
        kept = self._ahead.kept
        self._mean += self._reach * gain
        self._cov -= self._reach[:, None] * (self._reach * less)
        self._mean[-1] *= kept
        self._cov[-1] *= kept
        self._cov[:, -1] *= kept
        self._cov[-1, -1] += self._ahead.renewed


def _seen_counted(ahead: _Ahead, baseline: Baseline, sizes: Array, threshold: float) -> Array:
    """Share of the histories in which the chart passes, for each size; of counts and presences."""
    rng = np.random.default_rng(SEED)
    family, white = baseline.family, baseline.habits.white
    shape = len(sizes), DRAWS
    # the same luck for every size: their difference is then that of the sizes
    state = rng.multivariate_normal(np.zeros(len(ahead.cov)), ahead.cov, DRAWS, method="eigh").T
    known, chart = _Known(ahead, shape), _Chart(family, sizes, threshold)
    for rate, track in zip(ahead.rates, ahead.turns, strict=True):
        true = rate + sizes[:, None] + state[track] + state[-1]
        f, q = known.look(track)
        if family is Family.COUNT:
            true = true + rng.standard_normal(DRAWS) * math.sqrt(white)
            x = rng.poisson(np.exp(np.minimum(true, LARGEST_LOG))).astype(float)
            odds, gain, less = _of_counts(x, rate + f, q + white, chart.shifts)
        else:
            x = (rng.random(DRAWS) < special.expit(true)).astype(float)
            odds, gain, less = _of_presences(x, rate + f, q, chart.shifts)
        chart.take(odds)
        known.learn(gain, less)
        state[-1] = state[-1] * ahead.kept + rng.standard_normal(DRAWS) * math.sqrt(ahead.renewed)
    return chart.seen


class _Chart:
    """Shiryaev-Roberts of the side on which the change is, as `chart.advance`; for all sizes and draws at once."""

    def __init__(self, family: Family, sizes: Array, threshold: float) -> None:
        sign = np.sign(sizes)[:, None]
        self.shifts = [shift * sign for shift in SHIFTS[family]]
        self._heights = [np.zeros((len(sizes), DRAWS)) for _ in self.shifts]
        self._sums = [np.zeros((len(sizes), DRAWS)) for _ in self.shifts]
        self._passed = np.zeros((len(sizes), DRAWS), bool)
        self._threshold = threshold

    def take(self, odds: list[Array]) -> None:
        """One more look; `odds`: log odds for each shift."""
        self._heights = [
            np.minimum((1 + h) * np.exp(np.minimum(o, LARGEST_ODDS)), 1e12)
            for h, o in zip(self._heights, odds, strict=True)
        ]
        self._sums = [np.maximum(s + np.minimum(o, LARGEST_ODDS), 0.0) for s, o in zip(self._sums, odds, strict=True)]
        high = sum(self._heights) >= self._threshold * len(self._heights)
        self._passed |= high & (np.max(self._sums, axis=0) >= LEAST_EVIDENCE)

    @property
    def seen(self) -> Array:
        return np.asarray(self._passed.mean(axis=1))


def _of_counts(x: Array, f: Array, q: Array, shifts: list[Array]) -> tuple[list[Array], Array, Array]:
    """Log odds, gain and loss of variance: `CountLaw`, for arrays."""
    shape = (1 + np.sqrt(1 + 2 * q)) / (2 * q)
    digamma = special.psi(shape)
    rate = np.exp(digamma - f)
    odds = [-shape * s - (shape + x) * (np.log1p(rate * np.exp(-s)) - np.log1p(rate)) for s in shifts]
    moved = special.psi(shape + x) - digamma - np.log1p(1 / rate)
    left = _trigamma(shape + x) / _trigamma(shape)
    return odds, moved / q, (1 - left) / q


def _of_presences(x: Array, f: Array, q: Array, shifts: list[Array]) -> tuple[list[Array], Array, Array]:
    """The same: `PresenceLaw`, for arrays."""
    steep = np.sqrt(1 + np.pi / 8 * q)
    p, there = special.expit(f / steep), x > 0.5
    odds = []
    for s in shifts:
        moved = special.expit((f + s) / steep)
        odds.append(np.log(np.where(there, moved / p, (1 - moved) / (1 - p))))
    first, second = 1 / (p * (1 - p)), 0.5 / p**2 + 0.5 / (1 - p) ** 2
    size = (first + np.sqrt(first**2 + 4 * q * second)) / (2 * q)
    own = np.where(there, p, 1 - p) * size
    whole = _trigamma(p * size) + _trigamma((1 - p) * size)
    return odds, np.where(there, 1, -1) / own / q, 1 / (own * own * whole) / q


def _trigamma(x: Array) -> Array:
    """Of x > 0, to 1e-6: `laws.trigamma`, for arrays; scipy's takes ten times as long."""
    total = np.zeros_like(x)
    for step in range(4):
        total += 1 / (x + step) ** 2
    x = x + 4
    r = 1 / (x * x)
    return np.asarray(total + (1 + (0.5 + (1 / 6 - r * (1 / 30 - r / 42)) / x) / x) / x)


def _seen_numbers(ahead: _Ahead, baseline: Baseline, sizes: Array, threshold: float) -> Array:
    """The same for continuous families.

    The filter is linear: what a change does to the surprise of each look is that of a step of 1, times its size, added
    to a surprise as it is while nothing changes.
    """
    rng = np.random.default_rng(SEED)
    ranks = np.array(baseline.ranks)
    known, chart = _Known(ahead, ()), _Chart(baseline.family, sizes, threshold)
    for track in ahead.turns:
        f, q = known.look(track)
        whole, left = q + 1 - baseline.habits.wander.variance, 1 - f
        usual = rng.choice(ranks, DRAWS) if len(ranks) else rng.standard_t(baseline.freedom, DRAWS)
        off = usual + sizes[:, None] * left / np.sqrt(whole)
        z = np.clip(-special.ndtri(_tail(baseline, off)), -LARGEST_Z, LARGEST_Z)
        chart.take([s * z - s * s / 2 for s in chart.shifts])
        known.learn(left / whole, 1 / whole)
    return chart.seen


def _tail(baseline: Baseline, off: Array) -> Array:
    """Chance of a number farther up: by rank for areas, by the t law for the rest; as `score.against`."""
    if baseline.family is not Family.AMOUNT:
        return np.asarray(special.stdtr(baseline.freedom, -off))
    ranks, n = np.array(baseline.ranks), len(baseline.ranks)
    first, last = np.searchsorted(ranks, off, "left"), np.searchsorted(ranks, off, "right")
    return np.asarray((n - last + (last - first + 1) / 2) / (n + 1))
