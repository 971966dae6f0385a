"""Whether the controls of an expectation moved with it: difference-in-differences over all of them together."""

from __future__ import annotations

import math
from collections.abc import Sequence

from scipy.special import ndtr

from monitor.alert import Interval90, Verdict
from monitor.alert.controls import Z90, judged, left_over
from monitor.assessment.rates import SMALLEST, effect, pair, rounded
from monitor.assessment.sample import sample, stay_of
from monitor.assessment.values import ControlFound, Evidence, Place
from monitor.baseline import Family
from monitor.claim import EffectKind, Expectation, Period

LEAST = 3
"""Counted looks of a control in either period: fewer say nothing."""


def found(expectation: Expectation, period: Period, evidence: Evidence, family: Family) -> list[ControlFound]:
    """Each control between the window and a baseline."""
    return [_one(zone, expectation, period, evidence, family) for zone in expectation.controls]


def _one(zone: str, expectation: Expectation, period: Period, evidence: Evidence, family: Family) -> ControlFound:
    stay = stay_of(expectation, evidence.places.get(zone, Place()).kind)
    rates = pair(sample(evidence.looks.get((zone, expectation.measure), ()), expectation, period, stay), family)
    window, base = (rates.window.looks, rates.base.looks) if rates else (0, 0)
    enough = rates is not None and min(window, base) >= LEAST
    change = effect(rates, expectation.min_effect.kind) if rates is not None and enough else None
    return ControlFound(zone=zone, window=window, base=base, change=change)


def together(controls: Sequence[ControlFound], kind: EffectKind) -> Interval90 | None:
    """The change of all controls, each weighted by how well it is known; None: none is known."""
    changes = [c.change for c in controls if c.change is not None]
    if not changes:
        return None
    scaled = [_scaled(c, kind) for c in changes]
    weights = [(2 * Z90 / max(c.high - c.low, SMALLEST)) ** 2 for c in scaled]
    mean = sum(w * c.value for w, c in zip(weights, scaled, strict=True)) / sum(weights)
    half = Z90 / math.sqrt(sum(weights))
    return _unscaled(Interval90(mean, mean - half, mean + half), kind)


def beyond(own: Interval90, controls: Interval90, kind: EffectKind) -> Interval90:
    """What is left of a change when that of the controls is taken from it."""
    made = left_over(_floored(own, kind), _floored(controls, kind), by_ratio=kind is EffectKind.RATE_RATIO)
    return Interval90(*map(rounded, made))


def chance(left: Interval90 | None, kind: EffectKind, *, up: bool) -> float:
    """One-sided p of what is left: that it is nothing, or the other way. 0: there are no controls to ask."""
    if left is None:
        return 0.0
    scaled = _scaled(left, kind)
    near = scaled.value - scaled.low if up else scaled.high - scaled.value
    return rounded(float(ndtr((-1 if up else 1) * Z90 * scaled.value / max(near, SMALLEST))))


def verdict(controls: Interval90, left: Interval90, kind: EffectKind, *, up: bool) -> Verdict:
    """What the controls say of a change in that direction."""
    return judged(controls, left, 1 if up else -1, by_ratio=kind is EffectKind.RATE_RATIO)


def _scaled(change: Interval90, kind: EffectKind) -> Interval90:
    if kind is not EffectKind.RATE_RATIO:
        return change
    return Interval90(*(math.log(max(x, SMALLEST)) for x in change))


def _unscaled(change: Interval90, kind: EffectKind) -> Interval90:
    return Interval90(*(rounded(math.exp(x) if kind is EffectKind.RATE_RATIO else x) for x in change))


def _floored(change: Interval90, kind: EffectKind) -> Interval90:
    return Interval90(*(max(x, SMALLEST) for x in change)) if kind is EffectKind.RATE_RATIO else change
