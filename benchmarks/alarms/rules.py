"""The simple rules that others use, on a series look by look.

Ratio to the trailing mean: as dashboards of military or shipping traffic have it. z-score: against all earlier looks.
A rule that stays on is one alarm: the next can come when it has been off.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

TRAILING_LOOKS, LEAST_LOOKS = 8, 3
SURGE_RATIO, LULL_RATIO = 1.5, 0.5
LARGEST_Z = 3.0


class Alarm(NamedTuple):
    """A rule has come on."""

    look: int
    """Index."""

    sign: int
    """+1: more than usual; -1: less; 0: the rule does not say."""


class Alarms(NamedTuple):
    """How many, and how long was watched."""

    number: int = 0
    years: float = 0.0

    def joined(self, other: Alarms) -> Alarms:
        """Of two series."""
        return Alarms(self.number + other.number, self.years + other.years)


def ratio_to_trailing_mean(values: Sequence[float]) -> list[Alarm]:
    """At 1.5 times the mean of the last 8 looks or more, or half of it or less; 3 earlier looks at least."""
    return _edges([_ratio_sign(values[max(0, i - TRAILING_LOOKS) : i], v) for i, v in enumerate(values)])


def _ratio_sign(before: Sequence[float], value: float) -> int:
    if len(before) < LEAST_LOOKS or sum(before) <= 0:
        return 0
    ratio = value * len(before) / sum(before)
    return 1 if ratio >= SURGE_RATIO else -1 if ratio <= LULL_RATIO else 0


def z_score(values: Sequence[float]) -> list[Alarm]:
    """More than 3 standard deviations off the mean of all earlier looks, 8 at least."""
    signs = []
    total = squares = 0.0
    for n, value in enumerate(values):
        spread = math.sqrt(max(squares - total * total / n, 0.0) / (n - 1)) if n >= TRAILING_LOOKS else 0.0
        z = (value - total / n) / spread if spread > 0 else 0.0
        signs.append(1 if z > LARGEST_Z else -1 if z < -LARGEST_Z else 0)
        total, squares = total + value, squares + value * value
    return _edges(signs)


def _edges(signs: Sequence[int]) -> list[Alarm]:
    before = [0, *signs]
    return [Alarm(i, sign) for i, sign in enumerate(signs) if sign and sign != before[i]]
