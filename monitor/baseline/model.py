"""What is usual for a zone and measure, learnt look by look.

A dynamic linear model (West & Harrison 1997, "Bayesian Forecasting and Dynamic Models", ch. 4 and 14) of the rate, on
its logarithm (counts), logit (presence) or as compared (the rest):

    level + wander + season + track + satellite

The level is constant: a lasting change of it is what alerts are about. Season is one yearly wave. Each track (its
geometry) and each satellite has an offset, so that a lost or a new satellite is no surge. The wander forgets within
some days or weeks: ships that stay over several looks and stacks that lie for a month make looks repeat each other,
and a look closer to the last one than that tells little that is new. What is not known yet is uncertain, not zero: a
first winter is no lull, and the first looks of a new satellite move its offset, not the level.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitor.baseline.family import SMALLEST_SPREAD, USUAL_FREEDOM, USUAL_SPREAD, Family, compared
from monitor.baseline.laws import CountLaw, NormalLaw, PresenceLaw

Array = NDArray[np.float64]

LEAST_LOOKS = 8
"""Fewer earlier usable looks are refused: they could be those of one busy week."""

YEAR_DAYS = 365.25
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)

LEVEL, WANDER, SINE, COSINE = range(4)
FIXED_PARTS = 4
"""Of the state; tracks and satellites follow in the order in which they came."""

SHIFT = "shift"
"""Name of the part that a change of the level is."""

CLEAR_OFF = 3.0
"""A continuous number farther off than this, in standard deviations, moves what is usual no more than one at it: but a
change that is told from such numbers."""


@dataclass(frozen=True, slots=True)
class Prior:
    """Standard deviations of what is not known yet: on the model scale for rates, in spreads for the rest."""

    level: float
    season: float
    """Of sine and cosine each."""

    track: float
    satellite: float


PRIORS: Mapping[Family, Prior] = {
    Family.COUNT: Prior(1.5, 0.25, 0.5, 0.1),
    Family.PRESENCE: Prior(1.5, 0.3, 0.5, 0.15),
    Family.AMOUNT: Prior(10.0, 0.7, 10.0, 0.3),
    Family.LEVEL: Prior(10.0, 0.7, 10.0, 0.3),
    Family.SHARE: Prior(10.0, 0.7, 10.0, 0.3),
}
"""COUNT, PRESENCE: a season of a third up and down, tracks that see half as much more or less, satellites 10 to 15 %.
The rest: tracks may differ by any amount, as brightness does with the angle of incidence."""


@dataclass(frozen=True, slots=True)
class Wander:
    """How a rate wanders while nothing happens: an Ornstein-Uhlenbeck process."""

    variance: float = 0.0
    """Of the rate on the model scale; for the rest the share of their variance, at most LARGEST_SHARE."""

    days: float = 30.0
    """After which the correlation is 1/e."""


@dataclass(frozen=True, slots=True)
class Habits:
    """What is not learnt look by look but from the series as a whole."""

    wander: Wander = field(default_factory=Wander)
    white: float = 0.05
    """COUNT: variance of the logarithm of the rate from one look to the next, however close."""


USUAL_HABITS: Mapping[Family, Habits] = {
    Family.COUNT: Habits(),
    Family.PRESENCE: Habits(),
    Family.AMOUNT: Habits(),
    Family.LEVEL: Habits(),
    Family.SHARE: Habits(Wander(0.7, 20.0)),
}
"""Before a series has told its own. What lies in a yard stays for weeks."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """What is usual, after `n` looks."""

    family: Family
    habits: Habits
    mean: Array
    """Shape (parts,): level, wander, sine, cosine, then tracks and satellites."""

    cov: Array
    """Shape (parts, parts). For all but counts and presences in units of the squared spread."""

    parts: Mapping[str, int]
    """Place of each track and satellite in the state."""

    n: int
    day: float
    """Of the last look, days since EPOCH."""

    spread: float
    """Standard deviation of a number about its rate, as compared; not used for counts and presences."""

    freedom: float
    """Degrees of freedom of the spread."""

    ranks: tuple[float, ...] = ()
    """AMOUNT: how far off each earlier number was, in spreads, smallest first."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is expected of one look, before it is known."""

    law: CountLaw | PresenceLaw | NormalLaw
    baseline: Baseline
    """Brought forward to the time of the look."""

    reach: Array
    """Covariance of the state with the rate of this look, shape (parts,)."""

    f: float
    """Expected rate on the model scale."""

    q: float
    """Variance of that rate; for continuous families in squared spreads."""


def days_since_epoch(moment: datetime) -> float:
    """Days since EPOCH, of an aware datetime."""
    return (moment - EPOCH).total_seconds() / 86_400.0


def nothing(family: Family, first: float, habits: Habits | None = None) -> Baseline:
    """Before the first look. Its number sets the scale of the level, which is then free to be anything like it."""
    prior, habits = PRIORS[family], habits or USUAL_HABITS[family]
    mean = np.zeros(FIXED_PARTS)
    if family is Family.COUNT:
        mean[LEVEL] = math.log(first + 0.5)
    elif family is not Family.PRESENCE:
        mean[LEVEL] = compared(first, family)
    variances = (prior.level**2, habits.wander.variance, prior.season**2, prior.season**2)
    return Baseline(
        family=family,
        habits=habits,
        mean=mean,
        cov=np.diag(variances),
        parts={},
        n=0,
        day=0.0,
        spread=USUAL_SPREAD.get(family, 0.0),
        freedom=USUAL_FREEDOM,
    )


def with_shift(baseline: Baseline, deviation: float) -> Baseline:
    """The baseline with one more part: a change of the level from now on, of unknown size about 0.

    `deviation` is its standard deviation before any look, on the model scale (in spreads for continuous families).
    """
    return _with_parts(baseline, ((SHIFT, deviation),))


def prior_variances(baseline: Baseline) -> Array:
    """Of each part of the state before any look, shape (parts,); 1 for the wander, which has its own."""
    prior = PRIORS[baseline.family]
    of_parts = {name: prior.track if name.startswith("track ") else prior.satellite for name in baseline.parts}
    return np.array([prior.level, 1.0, prior.season, prior.season, *of_parts.values()]) ** 2


def forecast(baseline: Baseline, day: float, track: str, satellite: str) -> Forecast:
    """What to expect of a look of that track and satellite, that many days since EPOCH."""
    parts = baseline.parts
    if (track_name := f"track {track}") not in parts or (satellite_name := f"satellite {satellite}") not in parts:
        prior = PRIORS[baseline.family]
        satellite_name = f"satellite {satellite}"
        baseline = _with_parts(baseline, ((track_name, prior.track), (satellite_name, prior.satellite)))
        parts = baseline.parts
    now = _brought_forward(baseline, day)
    design = np.zeros(len(now.mean))
    angle = 2.0 * math.pi * day / YEAR_DAYS
    design[LEVEL] = design[WANDER] = 1.0
    design[SINE], design[COSINE] = math.sin(angle), math.cos(angle)
    design[parts[track_name]] = design[parts[satellite_name]] = 1.0
    if SHIFT in parts:
        design[parts[SHIFT]] = 1.0
    reach = now.cov @ design
    f, q = float(design @ now.mean), float(design @ reach)
    return Forecast(_law(now, f, q), now, reach, f, q)


def learnt(expected: Forecast, value: float) -> Baseline:
    """What is usual once the number of the look is known, in the unit of the measure.

    Counts and presences: what the conjugate law learns of the rate goes back to its parts in proportion to their
    covariance with it (linear Bayes, West, Harrison & Migon 1985). The rest: the Kalman filter with an unknown spread.
    """
    now, law = expected.baseline, expected.law
    if isinstance(law, NormalLaw):
        return _learnt_number(expected, compared(value, now.family))
    whole = expected.q + (now.habits.white if now.family is Family.COUNT else 0.0)
    mean, variance = law.learnt(value)
    gain, less = (mean - expected.f) / whole, (1.0 - variance / whole) / whole
    return _moved(now, expected.reach, gain, less, _Spread(now.spread, now.freedom, now.ranks))


def _learnt_number(expected: Forecast, value: float) -> Baseline:
    now = expected.baseline
    whole = expected.q + 1.0 - now.habits.wander.variance
    off = (value - expected.f) / (now.spread * math.sqrt(whole))
    settled = now.n >= LEAST_LOOKS and SHIFT not in now.parts
    bounded = min(max(off, -CLEAR_OFF), CLEAR_OFF) if settled else off
    square = (now.freedom * now.spread**2 + (bounded * now.spread) ** 2) / (now.freedom + 1.0)
    spread = _Spread(
        max(math.sqrt(square), SMALLEST_SPREAD[now.family]),
        now.freedom + 1.0,
        _inserted(now.ranks, off) if now.family is Family.AMOUNT else (),
    )
    return _moved(now, expected.reach, bounded * now.spread / math.sqrt(whole), 1.0 / whole, spread)


class _Spread(NamedTuple):
    """Of a number about its rate, with its degrees of freedom; and the ranks."""

    spread: float
    freedom: float
    ranks: tuple[float, ...]


def _moved(now: Baseline, reach: Array, gain: float, less: float, spread: _Spread) -> Baseline:
    """The state after a look. Written out: `dataclasses.replace` would take a third of the time of a look."""
    cov = now.cov - reach[:, None] * (reach * less)
    mean = now.mean + reach * gain
    return Baseline(now.family, now.habits, mean, cov, now.parts, now.n + 1, now.day, *spread)


def _law(now: Baseline, f: float, q: float) -> CountLaw | PresenceLaw | NormalLaw:
    if now.family is Family.COUNT:
        return CountLaw.of(f, q + now.habits.white)
    if now.family is Family.PRESENCE:
        return PresenceLaw.of(f, q)
    return NormalLaw(f, now.spread * math.sqrt(q + 1.0 - now.habits.wander.variance), now.freedom)


def _brought_forward(known: Baseline, day: float) -> Baseline:
    """The state on that day: the wander forgets, the rest stays."""
    wander, mean, cov = known.habits.wander, known.mean, known.cov
    if wander.variance > 0:
        kept = math.exp(-max(0.0, day - known.day) / wander.days)
        mean, cov = mean.copy(), cov.copy()
        mean[WANDER] *= kept
        cov[WANDER] *= kept
        cov[:, WANDER] *= kept
        cov[WANDER, WANDER] += wander.variance * (1.0 - kept * kept)
    spread = known.spread, known.freedom, known.ranks
    return Baseline(known.family, known.habits, mean, cov, known.parts, known.n, max(day, known.day), *spread)


def _with_parts(baseline: Baseline, wanted: Sequence[tuple[str, float]]) -> Baseline:
    """With a place in the state for each of these, of that standard deviation where it is new."""
    new = [(name, deviation) for name, deviation in wanted if name not in baseline.parts]
    if not new:
        return baseline
    size = len(baseline.mean)
    cov = np.zeros((size + len(new), size + len(new)))
    cov[:size, :size] = baseline.cov
    for place, (_, deviation) in enumerate(new, size):
        cov[place, place] = deviation**2
    return replace(
        baseline,
        mean=np.concatenate([baseline.mean, np.zeros(len(new))]),
        cov=cov,
        parts={**baseline.parts, **{name: place for place, (name, _) in enumerate(new, size)}},
    )


def _inserted(ordered: tuple[float, ...], value: float) -> tuple[float, ...]:
    place = bisect_right(ordered, value)
    return (*ordered[:place], value, *ordered[place:])
