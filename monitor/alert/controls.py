"""Whether a control changed with a watched zone: difference-in-differences.

A control is a place where the activity in question is not expected. What moved both (the season, the weather, the
instrument, the method) is in the change of both; what is left when the control's change is taken from the zone's is
the zone's own, if both would have gone on alike without it (parallel trends: Angrist & Pischke 2009, "Mostly Harmless
Econometrics", 5.2). Rates are compared by their ratio, everything else by its difference.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from monitor.alert.incident import Incident, Interval90
from monitor.baseline import (
    LEAST_LOOKS,
    SHIFT,
    Family,
    Lesson,
    days_since_epoch,
    forecast,
    from_model_scale,
    learnt,
    of_lessons,
    with_shift,
)

LEAST_DURING = 3
"""Looks of the control in the time of the change: fewer say nothing."""


WIDE = {Family.COUNT: 2.5, Family.PRESENCE: 3.0, Family.AMOUNT: 8.0, Family.LEVEL: 8.0, Family.SHARE: 8.0}
"""Standard deviation of the change of a control before any look of it, on the model scale or in spreads. Far wider
than that of an incident: a control that saw next to nothing must not say that nothing happened."""

ROUNDING = 1e-6
"""Days: the last look of the change counts in full."""

Z90 = 1.645
"""Standard deviations to either side of a 90 % interval."""


class Verdict(StrEnum):
    """What a control says of a change."""

    SHARED = "shared"
    """The control moved the same way, and what is left without its change may be nothing."""

    OWN = "own"
    """What is left without the control's change is more than nothing."""

    UNCLEAR = "unclear"
    """Neither can be told."""


@dataclass(frozen=True, kw_only=True)
class Control:
    """One control of one incident."""

    aoi: str
    zone: str
    measure: str
    label: str
    """As it is printed."""

    before: int
    """Usable looks of the control before the onset, which its own expectation rests on."""

    looks: int
    """In the time of the change."""

    by_ratio: bool
    """True: `change` and `beyond` are ratios, 1 is none; False: differences in the unit of the measure, 0 is none."""

    change: Interval90 | None
    """Of the control in the time of the change, against its own expectation; None: too few looks."""

    beyond: Interval90 | None
    """The change of the watched zone less (over) that of the control."""

    verdict: Verdict


@dataclass(frozen=True, kw_only=True)
class ControlPlace:
    """Where a control is, and how its numbers compare with those of the watched zone."""

    aoi: str
    zone: str
    measure: str
    label: str
    scale: float = 1.0
    """AMOUNT: what its differences are multiplied with: area of the watched zone over that of the control."""


def control(incident: Incident, lessons: Sequence[Lesson], family: Family, place: ControlPlace) -> Control:
    """What a control says of a lasting change.

    Args:
        incident: with its size.
        lessons: all usable looks of the control, in order of time.
        family: of the measure, the same in both.
        place: of the control.
    """
    first = days_since_epoch(incident.onset)
    last = days_since_epoch(incident.until or incident.last or incident.raised)
    before = [k for k in lessons if k.day < first]
    during = [k for k in lessons if first <= k.day < last + ROUNDING]
    by_ratio = family.counted
    own = incident.ratio if by_ratio else incident.difference
    change, beyond, verdict = None, None, Verdict.UNCLEAR
    if own is not None and len(before) >= LEAST_LOOKS and len(during) >= LEAST_DURING:
        change = _change(before, during, family, place.scale)
        beyond = left_over(own, change, by_ratio=by_ratio)
        verdict = judged(change, beyond, incident.kind.sign, by_ratio=by_ratio)
    return Control(
        aoi=place.aoi,
        zone=place.zone,
        measure=place.measure,
        label=place.label,
        before=len(before),
        looks=len(during),
        by_ratio=by_ratio,
        change=change,
        beyond=beyond,
        verdict=verdict,
    )


def judged(change: Interval90, beyond: Interval90, sign: int, *, by_ratio: bool) -> Verdict:
    """From the 90 % intervals of the control's change and of what is left; `sign`: +1 for a rise, -1 for a fall."""
    none = 1.0 if by_ratio else 0.0
    moved = change.low > none if sign > 0 else change.high < none
    own = beyond.low > none if sign > 0 else beyond.high < none
    if own:
        return Verdict.OWN
    return Verdict.SHARED if moved else Verdict.UNCLEAR


def left_over(own: Interval90, control: Interval90, *, by_ratio: bool) -> Interval90:
    """The interval of a difference from the intervals of its two independent parts; of a ratio on the logarithm.

    MOVER (Zou & Donner 2008, Statistics in Medicine 27, 1693-1702): each side goes as far as its part, so skewed
    intervals stay skewed.
    """
    if by_ratio:
        made = left_over(_logs(own), _logs(control), by_ratio=False)
        return Interval90(*(math.exp(x) for x in made))
    value = own.value - control.value
    low = value - math.hypot(own.value - own.low, control.high - control.value)
    high = value + math.hypot(own.high - own.value, control.value - control.low)
    return Interval90(value, low, high)


def _logs(interval: Interval90) -> Interval90:
    return Interval90(*(math.log(max(x, 1e-9)) for x in interval))


def _change(before: Sequence[Lesson], during: Sequence[Lesson], family: Family, scale: float) -> Interval90:
    """Of the control: a change of its level with the first of these looks, of a size that nothing is assumed of."""
    usual = of_lessons(before, family)
    known = with_shift(usual, WIDE[family])
    for lesson in during:
        known = learnt(forecast(known, lesson.day, lesson.track, lesson.satellite), lesson.value)
    place = known.parts[SHIFT]
    shift, deviation = float(known.mean[place]), math.sqrt(float(known.cov[place, place]))
    deviation *= 1.0 if family.counted else known.spread
    first = forecast(usual, during[0].day, during[0].track, during[0].satellite).f
    old = from_model_scale(first, family)
    ends = [from_model_scale(first + shift + z * deviation, family) for z in (0.0, -Z90, Z90)]
    if family.counted:
        return Interval90(*(new / old for new in ends))
    return Interval90(*((new - old) * scale for new in ends))
