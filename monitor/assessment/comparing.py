"""A window against one baseline: what the looks say of the expected effect."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.alert import Interval90, Verdict
from monitor.assessment import controls, odds
from monitor.assessment.exact import LEVEL, chance, power
from monitor.assessment.rates import Pair, contrast, interval, pair, rounded
from monitor.assessment.sample import Sample, Taken, Use, sample, stay_of
from monitor.assessment.values import Comparison, Doubt, Evidence, Finding, Looks, Place, Weight
from monitor.baseline import Family
from monitor.claim import EffectKind, Expectation, Heading, Period


@dataclass(frozen=True, kw_only=True)
class Change:
    """The change that an expectation speaks of: that there is one, or that there is none."""

    up: bool
    wanted: float
    none: float
    """The effect of no change: 1 of ratios, 0 of differences."""

    denied: bool
    """True for `not_up` and `not_down`: the expectation is that the change does not happen."""

    def happened(self, effect: Interval90) -> bool:
        """True if the interval lies on its side of no change, and the estimate is as large as was said."""
        return self.some(effect) and self.large(effect)

    def some(self, effect: Interval90) -> bool:
        """True if there is a change that way for sure, whatever its size."""
        return effect.low > self.none if self.up else effect.high < self.none

    def large(self, effect: Interval90) -> bool:
        """True if the estimate is as large as was said."""
        return effect.value >= self.wanted if self.up else effect.value <= self.wanted

    def ruled_out(self, effect: Interval90) -> bool:
        """True if the interval leaves no room for an effect as large as was said."""
        return effect.high < self.wanted if self.up else effect.low > self.wanted


def change_of(expectation: Expectation) -> Change:
    """The change an expectation speaks of."""
    return Change(
        up=expectation.direction in {Heading.UP, Heading.NOT_UP},
        wanted=expectation.min_effect.value,
        none=1.0 if expectation.min_effect.kind is EffectKind.RATE_RATIO else 0.0,
        denied=expectation.direction in {Heading.NOT_UP, Heading.NOT_DOWN},
    )


@dataclass(frozen=True, kw_only=True)
class _Case:
    """A window and a baseline, laid out."""

    expectation: Expectation
    period: Period
    evidence: Evidence
    found: Sample

    def window(self, rate: float | None) -> Looks:
        return _looks(self.found.window, rate, self.expectation.min_looks.window)

    def base(self, rate: float | None) -> Looks:
        return _looks(self.found.base, rate, self.expectation.min_looks.baseline)


def compare(expectation: Expectation, period: Period, evidence: Evidence, family: Family) -> Comparison:
    """The window of an expectation against one of its baselines."""
    stay = stay_of(expectation, evidence.places.get(expectation.zone, Place()).kind)
    looks = evidence.looks.get((expectation.zone, expectation.measure), ())
    found = sample(looks, expectation, period, stay)
    case = _Case(expectation=expectation, period=period, evidence=evidence, found=found)
    rates = pair(found, family)
    return _nothing(case) if rates is None else _compared(case, rates)


def _compared(case: _Case, rates: Pair) -> Comparison:
    wanted, kind = case.expectation.min_effect, case.expectation.min_effect.kind
    change = change_of(case.expectation)
    values = contrast(rates, kind)
    effect = interval(values)
    beside = controls.found(case.expectation, case.period, case.evidence, rates.family)
    moved = controls.together(beside, kind)
    beyond = controls.beyond(effect, moved, kind) if moved else None
    shared = _shared(case.expectation, moved, beyond, change)
    dealt = chance(case.found, rates.family, up=change.up)
    p = max(dealt, _tail(values, change), controls.chance(beyond, kind, up=change.up))
    window, base = case.window(rates.window.mean), case.base(rates.base.mean)
    finding, doubts = _finding(change, effect, beyond, shared, p, enough=window.enough and base.enough)
    sign = -1.0 if change.denied else 1.0
    ratios = [sign * r for r in odds.per_look(case.found.window, rates, wanted)]
    worthless = {Doubt.FEW_LOOKS, Doubt.CONTROL_MOVED} & set(doubts)
    able = power(rates, wanted, up=change.up)
    return Comparison(
        baseline=case.period.name,
        window=window,
        base=base,
        effect=effect,
        p=_still_there(values, change) if change.denied else p,
        power=able.at_effect,
        detectable=able.detectable,
        controls=beside,
        beyond=beyond,
        shared=shared,
        log_odds=0.0 if worthless else rounded(odds.capped(sum(ratios))),
        finding=finding,
        doubts=doubts,
        weights=_weights(case.found.window, ratios),
    )


def _tail(values: NDArray[np.float64], change: Change) -> float:
    """Posterior probability that there was no change, or one the other way."""
    return rounded(float(np.mean(values <= change.none if change.up else values >= change.none)))


def _still_there(values: NDArray[np.float64], change: Change) -> float:
    """Chance of an effect as large as was said, of which an expectation says that there is none."""
    return rounded(float(np.mean(values >= change.wanted if change.up else values <= change.wanted)))


def _finding(
    change: Change, effect: Interval90, beyond: Interval90 | None, shared: Verdict | None, p: float, *, enough: bool
) -> tuple[Finding, list[Doubt]]:
    """What the comparison says, and what keeps it from saying more. `p`: one-sided, of the change."""
    if not enough:
        return Finding.NEITHER, [Doubt.FEW_LOOKS]
    yes, no = (Finding.CONTRADICTS, Finding.SUPPORTS) if change.denied else (Finding.SUPPORTS, Finding.CONTRADICTS)
    if change.happened(effect):
        if p > LEVEL:
            return Finding.NEITHER, [Doubt.CHANCE]
        against = _against(shared, beyond)
        return (yes, []) if against is None else (Finding.NEITHER, [against])
    if change.ruled_out(effect):
        if beyond is not None and not change.ruled_out(beyond):
            return Finding.NEITHER, [Doubt.CONTROL_UNCLEAR]
        return no, []
    return Finding.NEITHER, [Doubt.SMALL if change.some(effect) else Doubt.WIDE]


def _against(shared: Verdict | None, beyond: Interval90 | None) -> Doubt | None:
    """Why the controls forbid to take a change for the zone's own; None: they do not, or none is named."""
    if shared is None or shared is Verdict.OWN:
        return None
    if beyond is None:
        return Doubt.CONTROL_UNSEEN
    return Doubt.CONTROL_MOVED if shared is Verdict.SHARED else Doubt.CONTROL_UNCLEAR


def _shared(
    expectation: Expectation, moved: Interval90 | None, beyond: Interval90 | None, change: Change
) -> Verdict | None:
    if not expectation.controls:
        return None
    if moved is None or beyond is None:
        return Verdict.UNCLEAR
    return controls.verdict(moved, beyond, expectation.min_effect.kind, up=change.up)


def _looks(taken: Sequence[Taken], rate: float | None, needed: int) -> Looks:
    counted = [t.observed.value for t in taken if t.counted]
    unused = Counter(
        t.observed.reason or str(t.use) if t.use is Use.UNUSABLE else str(t.use) for t in taken if not t.counted
    )
    return Looks(
        counted=len(counted),
        usable=sum(t.use is not Use.UNUSABLE for t in taken),
        every=len(taken),
        total=rounded(sum(v for v in counted if v is not None)),
        rate=rate,
        unused=dict(sorted(unused.items())),
        needed=needed,
    )


def _weights(taken: Sequence[Taken], log_odds: Sequence[float]) -> list[Weight]:
    return [
        Weight(
            look=t.observed.look,
            at=t.observed.at,
            track=t.observed.track,
            use=t.use,
            value=t.observed.value,
            reason=t.observed.reason,
            log_odds=value if t.counted else 0.0,
        )
        for t, value in zip(taken, log_odds, strict=True)
    ]


def _nothing(case: _Case) -> Comparison:
    """No track has looks in both periods."""
    return Comparison(
        baseline=case.period.name,
        window=case.window(None),
        base=case.base(None),
        effect=None,
        p=1.0,
        power=0.0,
        detectable=None,
        controls=(),
        beyond=None,
        shared=None,
        log_odds=0.0,
        finding=Finding.NEITHER,
        doubts=[Doubt.FEW_LOOKS],
        weights=_weights(case.found.window, [0.0] * len(case.found.window)),
    )
