"""Which looks an expectation may count, and why each of the others does not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

from monitor.aoi import WATER, ZoneKind
from monitor.claim import Exclusion, Expectation, Period
from monitor.measurement import Reason
from monitor.times import Interval

STAY_DAYS = 2.0
"""Of ships in a berth. Calls of 2.5 to 3 days fit both the trips and the share of days with a ship that were reported
from Rajin in 2023-24; looks of two radar tracks lie 2.5 days apart. What they still have in common is told from them
(`rates`)."""

STACK_DAYS = 6.0
"""Of what lies in a yard or on the ground: the repeat cycle of a pair of radar satellites."""

AFTER_SNOW = 2
"""Looks of a track that `Exclusion.AFTER_SNOW` leaves out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """One look at one zone, as far as one measure is concerned."""

    look: str
    track: str
    """Only looks of one track are compared with each other. Of several AOIs: with the AOI's id before it."""

    sensor: str
    """S1, S2."""

    at: datetime
    value: float | None
    """In the unit of the measure; None: the look could not be used."""

    reason: str = ""
    """Why there is no value."""


class Use(StrEnum):
    """What became of a look."""

    COUNTED = "counted"
    UNUSABLE = "not usable"
    TOO_NEAR = "nearer to the look before than what is counted stays"
    EXCLUDED = "left out by the expectation"
    ALONE = "on a track that the other period has not"


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A look of a period, and what became of it."""

    observed: Observed
    use: Use

    @property
    def counted(self) -> bool:
        """True if its number counts."""
        return self.use is Use.COUNTED


@dataclass(frozen=True, kw_only=True)
class Sample:
    """The looks of a window and of one baseline."""

    window: Sequence[Taken]
    base: Sequence[Taken]


def stay_of(expectation: Expectation, kind: ZoneKind | None) -> float:
    """Days between looks that count as independent."""
    if expectation.stay_days is not None:
        return expectation.stay_days
    return STAY_DAYS if kind in WATER else STACK_DAYS


def sample(looks: Sequence[Observed], expectation: Expectation, baseline: Period, stay: float) -> Sample:
    """The looks of the window and of a baseline, thinned alike, on tracks that both have.

    Whether a look counts is told from its time, track and sensor alone, never from its number.
    """
    own = sorted((x for x in looks if x.sensor in expectation.sensors), key=lambda x: (x.at, x.look))
    melting = set(_after_snow(own)) if Exclusion.AFTER_SNOW in expectation.exclude else set()
    window = [_judged(x, melting) for x in own if x.at in expectation.window]
    base = [_judged(x, melting) for x in own if within(x.at, baseline, expectation.window)]
    window, base = _with_partners(window, base)
    window, base = _with_partners(_thinned(window, stay), _thinned(base, stay))
    return Sample(window=window, base=base)


def within(at: datetime, period: Period, window: Interval) -> bool:
    """True if the instant belongs to the period: for `same_season`, on a day of the year that the window holds."""
    if at not in period.interval:
        return False
    return not period.same_season or any(at in season for season in _seasons(period, window))


def _seasons(period: Period, window: Interval) -> Iterator[Interval]:
    """The window moved into each year that the period touches."""
    length = window.end - window.start
    for year in range(period.interval.start.year - 1, period.interval.end.year + 1):
        day = _same_day(window.start.date(), year)
        start = window.start.replace(year=day.year, month=day.month, day=day.day)
        yield Interval(start=start, end=start + length)


def _same_day(day: date, year: int) -> date:
    leap = day.month == 2 and day.day == 29
    return date(year, 3, 1) if leap else day.replace(year=year)


def _judged(observed: Observed, melting: set[str]) -> Taken:
    if observed.value is None:
        return Taken(observed=observed, use=Use.UNUSABLE)
    return Taken(observed=observed, use=Use.EXCLUDED if observed.look in melting else Use.COUNTED)


def _after_snow(looks: Sequence[Observed]) -> Iterator[str]:
    left: dict[str, int] = {}
    for x in looks:
        if x.reason == Reason.SNOW:
            left[x.track] = AFTER_SNOW
        elif x.value is not None and left.get(x.track, 0) > 0:
            left[x.track] -= 1
            yield x.look


def _thinned(looks: Sequence[Taken], stay: float) -> list[Taken]:
    """Of looks nearer than the stay, the first counts: the same ship would be counted twice."""
    out: list[Taken] = []
    last: datetime | None = None
    for taken in looks:
        if not taken.counted:
            out.append(taken)
        elif last is not None and taken.observed.at - last < timedelta(days=stay):
            out.append(replace(taken, use=Use.TOO_NEAR))
        else:
            out.append(taken)
            last = taken.observed.at
    return out


def _with_partners(window: Sequence[Taken], base: Sequence[Taken]) -> tuple[list[Taken], list[Taken]]:
    common = {t.observed.track for t in window if t.counted} & {t.observed.track for t in base if t.counted}
    first, second = (
        [replace(t, use=Use.ALONE) if t.counted and t.observed.track not in common else t for t in period]
        for period in (window, base)
    )
    return first, second
