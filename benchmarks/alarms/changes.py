"""Histories with a change of known date and size: how soon it is told, and how often the intervals hold the truth."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import numpy as np

from benchmarks.alarms import traffic
from benchmarks.alarms.traffic import YEAR_DAYS, Change, Eyes, Scene, Sea
from monitor import history
from monitor.alert import Ending, Incident, Kind, State
from monitor.baseline import Family
from monitor.flow.derive import rule_for
from monitor.history import Point, Series, Thread

HISTORY_YEARS, AFTER_YEARS = 3.0, 2.0
MISSED = math.inf


class Doubling(StrEnum):
    """The changes whose delay is told."""

    PRESENCE = "presence 0.25 to 0.5"
    PRESENCE_SEASONS = "presence 0.25 to 0.5, stays to 5 days, seasons"
    COUNT_DOUBLED = "count 2 to 4"
    COUNT_HALVED = "count 2 to 1"
    COUNT_HALF_MORE = "count 2 to 3"

    @property
    def family(self) -> Family:
        """Presence or count."""
        return Family.PRESENCE if self.value.startswith("presence") else Family.COUNT

    @property
    def longest_stay_days(self) -> float:
        """Mean stays are of half a day to so many."""
        return 2.5 if self is Doubling.PRESENCE else 5.0

    @property
    def largest_season(self) -> float:
        """Amplitudes are of 0 to this."""
        return 0.0 if self is Doubling.PRESENCE else 0.3

    @property
    def mean(self) -> float:
        """Ships there before. Of a Poisson number m there is one or more with chance 1 - exp(-m)."""
        return -math.log(1 - 0.25) if self.family is Family.PRESENCE else 2.0

    @property
    def factor(self) -> float:
        """Of the arrivals."""
        doubled = math.log(1 - 0.5) / math.log(1 - 0.25)
        return {
            Doubling.PRESENCE: doubled,
            Doubling.PRESENCE_SEASONS: doubled,
            Doubling.COUNT_DOUBLED: 2.0,
            Doubling.COUNT_HALVED: 0.5,
            Doubling.COUNT_HALF_MORE: 1.5,
        }[self]

    @property
    def kind(self) -> Kind:
        """What has to be told."""
        return Kind.SURGE if self.factor > 1 else Kind.LULL


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """A series with a change."""

    points: Sequence[Point]
    day: float
    """Of the change, since traffic.START."""

    @property
    def first(self) -> int:
        """Index of the first look after it."""
        return sum(p.at < traffic.moment(self.day) for p in self.points)


def doubling(which: Doubling, number: int) -> Changed:
    """3 years of history, 58 looks a year of two tracks; the same for the same number."""
    rng = np.random.default_rng((11, number))
    day = HISTORY_YEARS * YEAR_DAYS + rng.uniform(0, 12)
    scene = replace(
        traffic.some_scene(rng, which.family),
        mean=which.mean,
        sea=Sea.CALM,
        stay_days=rng.uniform(0.5, which.longest_stay_days),
        season=rng.uniform(0, 1) * which.largest_season,
        by_track=(1.0, 1.0, 1.0),
    )
    years = HISTORY_YEARS + AFTER_YEARS
    looks = traffic.eyes(rng, years, tracks=2, missing=0.05, troubled=False)
    values = traffic.measured(rng, scene, looks, years, (Change(day, which.factor),))
    return Changed(points=traffic.points(looks, values), day=day)


CONFIRMING = (State.PROVISIONAL, State.CONFIRMED)


def delay(which: Doubling, number: int, budget: float) -> float:
    """Looks from the change to the alarm, that of the alarm included; MISSED: none in two years.

    Where a false alarm of the same direction happens to be open, to its confirmation.
    """
    changed = doubling(which, number)
    rule = rule_for(changed.points, which.family, 1, budget)
    place = Series(aoi="a", zone="z", measure="m", family=which.family, rule=rule)
    thread, first = Thread(), changed.first
    for look, point in enumerate(changed.points):
        before = thread.watch.incident
        thread, _ = history.step(thread, point, place)
        after = thread.watch.incident
        if look < first or after is None or after.kind is not which.kind:
            continue
        if before is None or before.kind is not which.kind or (before.state, after.state) == CONFIRMING:
            return look - first + 1.0
    return MISSED


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """A change of a random place and size, and what a look sees of it."""

    changed: Changed
    family: Family
    kind: Kind
    before: float
    """Expected number of a look without season."""

    after: float

    @property
    def ratio(self) -> float:
        """Of the expected numbers of a look after and before, seen equally well."""
        return self.after / self.before


COVERED_FAMILIES = (Family.COUNT, Family.PRESENCE)


def planted(number: int) -> Planted:
    """Rates halved to quartered or doubled to quadrupled, a year before the end; stays of half a day to 2.5 days."""
    rng = np.random.default_rng((13, number))
    family = COVERED_FAMILIES[number % len(COVERED_FAMILIES)]
    kind = (Kind.SURGE, Kind.LULL)[number // len(COVERED_FAMILIES) % 2]
    factor = float(np.exp(rng.uniform(math.log(2), math.log(4))))
    day = HISTORY_YEARS * YEAR_DAYS + rng.uniform(-180, 180)
    scene = replace(
        traffic.some_scene(rng, family),
        mean=_mean_before(rng, family, kind),
        stay_days=rng.uniform(0.5, 2.5),
        season=rng.uniform(0, 0.3),
    )
    change = Change(day, factor if kind is Kind.SURGE else 1 / factor)
    years = day / YEAR_DAYS + 1.0
    looks = traffic.eyes(rng, years, tracks=2, missing=0.1)
    values = traffic.measured(rng, scene, looks, years, (change,))
    return Planted(
        changed=Changed(points=traffic.points(looks, values), day=day),
        family=family,
        kind=kind,
        before=expected(scene, looks, 1.0),
        after=expected(scene, looks, change.factor),
    )


def _mean_before(rng: np.random.Generator, family: Family, kind: Kind) -> float:
    """So that the change can be seen: presence of a tenth to a third may rise, one of a half to five sixths fall."""
    if family is Family.PRESENCE:
        chance = rng.uniform(0.1, 0.33) if kind is Kind.SURGE else rng.uniform(0.5, 0.83)
        return -math.log(1 - chance)
    return rng.uniform(0.5, 4.0) if kind is Kind.SURGE else rng.uniform(1.5, 6.0)


def expected(scene: Scene, looks: Eyes, factor: float) -> float:
    """Number of a look on average over these looks, with so many times the ships and no season."""
    seen, false = traffic.shares_seen(scene, looks)
    found = scene.mean * factor * seen + false
    return float(np.mean(1 - np.exp(-found) if scene.family is Family.PRESENCE else found))


class Moment(StrEnum):
    """When the intervals are looked at."""

    RAISED = "when raised"
    LATER = "when confirmed or over"


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Whether the intervals of one found change hold the truth."""

    family: Family
    kind: Kind
    moment: Moment
    onset: bool
    ratio: bool
    onset_days: float
    """Width of the interval."""

    early: bool
    """The onset lies before its interval."""

    log_ratio_error: float
    ratio_side: int
    """-1: the truth lies below its interval; +1: above."""


def coverage(number: int, budget: float) -> list[Held]:
    """Of one planted change when it is raised and, if it is confirmed, a year after it began; empty: not found."""
    true = planted(number)
    rule = rule_for(true.changed.points, true.family, 1, budget)
    place = Series(aoi="a", zone="z", measure="m", family=true.family, rule=rule)
    at = traffic.moment(true.changed.day)
    thread, held = Thread(), []
    opened: datetime | None = None
    for point in true.changed.points:
        before = thread
        thread, _ = history.step(thread, point, place)
        now, old = thread.watch.incident, before.watch.incident
        if opened is None and old is None and now is not None and now.kind is true.kind and point.at >= at:
            opened = now.raised
            held.append(_held(true, history.with_size(thread, now), Moment.RAISED))
        if opened is not None and old is not None and now is None:
            ended = thread.watch.closed[-1]
            if ended.state is State.FINISHED and ended.ending is not Ending.SINGLE:
                held.append(_held(true, history.with_size(before, ended), Moment.LATER))
            return held
    last = thread.watch.incident
    if opened is not None and last is not None and last.state is State.CONFIRMED:
        held.append(_held(true, history.with_size(thread, last), Moment.LATER))
    return held


def _held(true: Planted, incident: Incident, moment: Moment) -> Held:
    assert incident.onset_between is not None
    assert incident.ratio is not None
    at, (first, last), ratio = traffic.moment(true.changed.day), incident.onset_between, incident.ratio
    return Held(
        family=true.family,
        kind=true.kind,
        moment=moment,
        onset=first <= at <= last,
        ratio=ratio.low <= true.ratio <= ratio.high,
        onset_days=(last - first) / timedelta(days=1),
        early=at < first,
        log_ratio_error=math.log(ratio.value / true.ratio),
        ratio_side=-1 if true.ratio < ratio.low else 1 if true.ratio > ratio.high else 0,
    )


def covered(held: Sequence[Held]) -> dict[str, Any]:
    """Shares of the intervals that hold the truth, and on which side it lies where they do not."""
    if not held:
        return {"changes": 0}
    n = len(held)

    def share(number: int) -> float:
        return round(number / n, 3)

    return {
        "changes": n,
        "coverage_onset": share(sum(h.onset for h in held)),
        "onset_before_interval": share(sum(h.early for h in held)),
        "onset_after_interval": share(sum(not h.onset and not h.early for h in held)),
        "median_onset_days": round(float(np.median([h.onset_days for h in held])), 1),
        "coverage_ratio": share(sum(h.ratio for h in held)),
        "ratio_below_interval": share(sum(h.ratio_side < 0 for h in held)),
        "ratio_above_interval": share(sum(h.ratio_side > 0 for h in held)),
        "median_log_ratio_error": round(float(np.median([h.log_ratio_error for h in held])), 3),
    }


def coverage_figures(held: Sequence[Held], planted_changes: int) -> dict[str, Any]:
    """All together, then by moment, family and kind."""
    parts: dict[str, Any] = {}
    for moment in Moment:
        now = [h for h in held if h.moment is moment]
        parts[moment.value] = {"planted": planted_changes, **covered(now)}
        for family in COVERED_FAMILIES:
            for kind in (Kind.SURGE, Kind.LULL):
                some = [h for h in now if h.family is family and h.kind is kind]
                parts[f"{moment.value}, {family.value} {kind.value}"] = covered(some)
    return parts


def median_delay(delays: Sequence[float]) -> float | None:
    """Looks; None: half of the changes or more were missed."""
    middle = float(np.median(delays)) if delays else MISSED
    return middle if math.isfinite(middle) else None


def delay_figures(delays: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    """By change: median delay in looks, the share found within 12 and 60 looks, and missed in two years."""
    return {
        name: {
            "median": median_delay(found),
            "within_12": round(float(np.mean([d <= 12 for d in found])), 2),
            "within_60": round(float(np.mean([d <= 60 for d in found])), 2),
            "missed": round(float(np.mean([math.isinf(d) for d in found])), 2),
        }
        for name, found in delays.items()
    }
