"""One measurement against what was expected of its look."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from scipy import special

from monitor.baseline import LEAST_LOOKS, Family, Forecast, NormalLaw, compared, from_model_scale

LARGEST_Z = 8.0
"""Tail probabilities beyond 1e-15 say nothing more about the world."""

SHIFTS: Mapping[Family, tuple[float, ...]] = {
    Family.COUNT: (0.35, 0.7, 1.2),
    Family.PRESENCE: (0.6, 1.1, 1.8),
    Family.AMOUNT: (0.5, 1.0, 2.0),
    Family.LEVEL: (0.5, 1.0, 2.0),
    Family.SHARE: (0.5, 1.0, 2.0),
}
"""Changes that are looked for, each up and down. COUNT: rates 1.4, 2 and 3.3 times the usual one. PRESENCE: odds 1.8, 3
and 6 times the usual ones (0.25 becomes 0.38, 0.5, 0.67). The rest: in standard deviations of one look."""

LARGEST_ODDS = math.log(10.0)
"""One look counts no more than this, so that no single freak look raises a lasting change. Capping odds whose mean is
1 leaves their mean below 1: it raises no false alarm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What was usual for one look, in the unit of the measure."""

    n: int
    """Earlier usable looks it rests on, >= LEAST_LOOKS."""

    centre: float
    """Expected number (COUNT, PRESENCE: mean), all that is known of season, track and satellite allowed for."""

    low: float
    high: float
    """One standard deviation to either side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """How unusual one look was for one zone and measure."""

    look: str
    """Id of the look."""

    track: str
    at: datetime
    value: float
    expected: Expected | None
    """None: too few earlier looks; then z is 0 and p is 1."""

    z: float
    """Standard normal equivalent of the tail probability; > 0: more than usual."""

    up: Sequence[float] = ()
    """log(likelihood of the value if the rate rose / if it did not), for each of SHIFTS; capped at LARGEST_ODDS."""

    down: Sequence[float] = ()
    """The same for falls."""

    @property
    def p(self) -> float:
        """Two-sided probability of a number at least this unusual if nothing changed."""
        return float(2 * special.ndtr(-abs(self.z))) if self.expected else 1.0


def against(expected: Forecast, value: float, *, look: str, track: str, at: datetime) -> Score:
    """The score of a value, in the unit of the measure, against what was expected of its look."""
    baseline, law = expected.baseline, expected.law
    if baseline.n < LEAST_LOOKS:
        return Score(look=look, track=track, at=at, value=value, expected=None, z=0.0)
    x = compared(value, baseline.family)
    tail = law.upper_tail(x)
    if baseline.family is Family.AMOUNT and isinstance(law, NormalLaw):
        tail = _rank_tail(baseline.ranks, (x - law.centre) / law.scale)
    z = min(max(float(-special.ndtri(tail)), -LARGEST_Z), LARGEST_Z)
    up, down = _odds(expected, value, z)
    return Score(look=look, track=track, at=at, value=value, expected=told(expected), z=z, up=up, down=down)


def told(expected: Forecast) -> Expected:
    """The expectation in the unit of the measure."""
    family, law, n = expected.baseline.family, expected.law, expected.baseline.n
    low, high = law.mean - law.deviation, law.mean + law.deviation
    if family.counted:
        top = math.inf if family is Family.COUNT else 1.0
        return Expected(n=n, centre=law.mean, low=max(low, 0.0), high=min(high, top))
    if family is not Family.LEVEL:
        low = max(low, 0.0)
    return Expected(
        n=n,
        centre=from_model_scale(law.mean, family),
        low=from_model_scale(low, family),
        high=from_model_scale(high, family),
    )


def _odds(expected: Forecast, value: float, z: float) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """For each of SHIFTS up and down. Of continuous families: of the normal equivalent z against a shifted one."""
    law, shifts = expected.law, SHIFTS[expected.baseline.family]
    if isinstance(law, NormalLaw):
        up = [shift * z - shift * shift / 2 for shift in shifts]
        down = [-shift * z - shift * shift / 2 for shift in shifts]
    else:
        up = [law.log_odds(value, shift) for shift in shifts]
        down = [law.log_odds(value, -shift) for shift in shifts]
    return tuple(min(o, LARGEST_ODDS) for o in up), tuple(min(o, LARGEST_ODDS) for o in down)


def _rank_tail(ordered: Sequence[float], off: float) -> float:
    """The rank among the earlier ones, ties half: exact for exchangeable looks whatever their law."""
    n, first, last = len(ordered), bisect_left(ordered, off), bisect_right(ordered, off)
    return (n - last + (last - first + 1) / 2) / (n + 1)
