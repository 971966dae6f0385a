"""How often chance alone would part two periods so far, and how large a change the looks could have shown.

If nothing changed, the looks of one track could have fallen into either period. So they are dealt out anew, track by
track, and it is counted how often the window comes out at least so high. For presence that is Fisher's exact test over
strata (Gart 1970, Biometrika 57, 471-475) and needs no drawing of lots.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from monitor.assessment.rates import Pair, by_track, moved, posterior, rounded
from monitor.assessment.sample import Sample
from monitor.baseline import Family
from monitor.claim import Effect, EffectKind

DEALS: Final = 4_999
"""Times the looks are dealt out. With the true deal that is 5,000: p goes down to 0.0002."""

LEVEL: Final = 0.05
"""One-sided: as the 90 % interval is."""

ENOUGH_POWER: Final = 0.8

MOST: Final = 400
"""Looks a period above which power is told as for this many."""

HALVINGS: Final = 24


def chance(found: Sample, family: Family, *, up: bool) -> float:
    """One-sided p: the share of all deals whose window is at least as far up (down) as this one."""
    cells = _cells(found)
    if not cells:
        return 1.0
    return rounded(_hypergeometric(cells, up=up) if family is Family.PRESENCE else _dealt(cells, up=up))


@dataclass(frozen=True, kw_only=True)
class Power:
    """What the looks could have shown."""

    at_effect: float
    """Chance that a change of the wanted size would have been told from none."""

    detectable: float | None
    """Smallest effect, in the kind of the wanted one, that would be found in 80 of 100 cases; None: none at all."""


def power(found: Pair, wanted: Effect, *, up: bool) -> Power:
    """Of a one-sided test at LEVEL with these looks, at the baseline's rate."""
    test = _presence_test(found, up=up) if found.family is Family.PRESENCE else _normal_test(found)
    reached = test.power(_after(found, wanted))
    return Power(at_effect=rounded(reached), detectable=_detectable(found, wanted, test, up=up))


def _cells(found: Sample) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Values of window and baseline by track."""
    window, base = by_track(found.window), by_track(found.base)
    return [(window[track], base[track]) for track in sorted(window)]


def _hypergeometric(cells: Sequence[tuple[NDArray[np.float64], NDArray[np.float64]]], *, up: bool) -> float:
    law, seen = np.ones(1), 0
    for window, base in cells:
        hits = round(float(window.sum() + base.sum()))
        drawn = np.arange(window.size + 1)
        law = np.convolve(law, stats.hypergeom.pmf(drawn, window.size + base.size, hits, window.size))
        seen += round(float(window.sum()))
    tail = law[seen:] if up else law[: seen + 1]
    return min(float(tail.sum()), 1.0)


def _dealt(cells: Sequence[tuple[NDArray[np.float64], NDArray[np.float64]]], *, up: bool) -> float:
    lots = np.random.Generator(np.random.PCG64(1959))  # the same lots each time: a judgment can be repeated
    seen, dealt = 0.0, np.zeros(DEALS)
    for window, base in cells:
        both = np.concatenate([window, base])
        weight = window.size * base.size / both.size
        per_look = weight / window.size + weight / base.size
        fixed = weight * both.sum() / base.size
        seen += per_look * float(window.sum()) - fixed
        rows = lots.permuted(np.broadcast_to(both, (DEALS, both.size)), axis=1)
        dealt += per_look * rows[:, : window.size].sum(axis=1) - fixed
    sign = 1.0 if up else -1.0
    edge = 1e-9 * (1.0 + abs(seen))
    return (1 + int((sign * dealt >= sign * seen - edge).sum())) / (1 + DEALS)


def _after(found: Pair, wanted: Effect) -> float:
    return float(moved(np.array([_usual(found)]), wanted, found)[0])


def _usual(found: Pair) -> float:
    """The baseline's rate with what is not known of it averaged in: never exactly 0 or 1."""
    return float(posterior(found.base, found.family, found.overdispersion).mean())


@dataclass(frozen=True, kw_only=True)
class _PresenceTest:
    rejects: NDArray[np.bool_]
    """Shape (window + 1, base + 1): True where so many hits of each are significant."""

    usual: float

    def power(self, rate: float) -> float:
        window, base = (n - 1 for n in self.rejects.shape)
        first = stats.binom.pmf(np.arange(window + 1), window, min(rate, 1.0))
        second = stats.binom.pmf(np.arange(base + 1), base, self.usual)
        return float(first @ self.rejects @ second)


def _presence_test(found: Pair, *, up: bool) -> _PresenceTest:
    window, base = (max(1, min(MOST, round(r.effective))) for r in (found.window, found.base))
    first, second = np.arange(window + 1)[:, None], np.arange(base + 1)
    hits = first + second
    if up:
        p = stats.hypergeom.sf(first - 1, window + base, hits, window)
    else:
        p = stats.hypergeom.cdf(first, window + base, hits, window)
    return _PresenceTest(rejects=np.asarray(p <= LEVEL), usual=_usual(found))


@dataclass(frozen=True, kw_only=True)
class _NormalTest:
    found: Pair
    usual: float

    def power(self, rate: float) -> float:
        error = np.hypot(self._error(self.found.window.effective, rate), self._error(self.found.base.effective))
        return float(stats.norm.cdf(abs(rate - self.usual) / error - stats.norm.ppf(1 - LEVEL)))

    def _error(self, looks: float, rate: float | None = None) -> float:
        if self.found.family is Family.COUNT:
            return float(np.sqrt(max(self.usual if rate is None else rate, 1e-9) * self.found.overdispersion / looks))
        return max(self.found.base.spread, 1e-9) / float(np.sqrt(looks))


def _normal_test(found: Pair) -> _NormalTest:
    return _NormalTest(found=found, usual=_usual(found))


def _detectable(found: Pair, wanted: Effect, test: _PresenceTest | _NormalTest, *, up: bool) -> float | None:
    ratio = wanted.kind is EffectKind.RATE_RATIO
    near, far = (1.0, 100.0 if up else 0.0) if ratio else (0.0, (1e3 if up else -1e3) * max(abs(wanted.value), 1e-6))
    for _ in range(HALVINGS):
        middle = (near + far) / 2
        enough = test.power(_after(found, Effect(kind=wanted.kind, value=middle))) >= ENOUGH_POWER
        near, far = (near, middle) if enough else (middle, far)
    reached = test.power(_after(found, Effect(kind=wanted.kind, value=far))) >= ENOUGH_POWER
    return rounded(far) if reached else None
