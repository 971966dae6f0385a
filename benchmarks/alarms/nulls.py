"""Histories in which nothing changes: every alarm in them is false."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from scipy import stats

from benchmarks.alarms import traffic
from benchmarks.alarms.rules import Alarms, ratio_to_trailing_mean, z_score
from monitor import history
from monitor.alert import Ending, Kind, State
from monitor.baseline import Family
from monitor.flow.derive import rule_for
from monitor.history import Point, Series

TRAINING_YEARS, COUNTED_YEARS = 2.0, 4.0
YEARS = TRAINING_YEARS + COUNTED_YEARS
FAMILIES = (Family.COUNT, Family.PRESENCE, Family.SHARE, Family.AMOUNT)
MOST_SERIES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Null:
    """One watched series of an AOI in which nothing changes."""

    family: Family
    sea: traffic.Sea
    points: Sequence[Point]


@dataclass(frozen=True, slots=True, kw_only=True)
class Raised:
    """A false alarm."""

    family: Family
    sea: traffic.Sea
    kind: Kind
    confirmed: bool
    """It was confirmed at some time."""

    counted: bool
    """Raised after the time of training."""


def aoi(number: int) -> list[Null]:
    """The watched series of one AOI: 1 to 3, seen by the same looks. The same for the same number."""
    rng = np.random.default_rng((6, number))
    looks = traffic.eyes(rng, YEARS, tracks=int(rng.integers(2, 4)), missing=rng.uniform(0.05, 0.15))
    series = []
    for which in range(1 + number % MOST_SERIES):
        scene = traffic.some_scene(rng, FAMILIES[(number // MOST_SERIES + which) % len(FAMILIES)])
        values = traffic.measured(rng, scene, looks, YEARS, ())
        series.append(Null(family=scene.family, sea=scene.sea, points=traffic.points(looks, values)))
    return series


def counted_from() -> datetime:
    """Alarms before this are of the time of training."""
    return traffic.moment(TRAINING_YEARS * traffic.YEAR_DAYS)


def false_alarms(number: int, budget: float) -> list[Raised]:
    """What our alerts raise in that AOI, all its series within one budget."""
    series, raised = aoi(number), []
    for which, null in enumerate(series):
        rule = rule_for(null.points, null.family, len(series), budget)
        place = Series(aoi=f"a{number}", zone=f"z{which}", measure="m", family=null.family, rule=rule)
        followed = history.follow(null.points, place, sized=False)
        raised += [
            Raised(
                family=null.family,
                sea=null.sea,
                kind=i.kind,
                confirmed=i.state is State.CONFIRMED or i.ending in {Ending.OVER, Ending.NEW_USUAL},
                counted=i.raised >= counted_from(),
            )
            for i in followed.incidents
        ]
    return raised


def of_rules(number: int) -> dict[str, dict[Family, Alarms]]:
    """What the simple rules raise in the counted years of that AOI, by rule and family."""
    told: dict[str, dict[Family, Alarms]] = {}
    for null in aoi(number):
        values = [p.value for p in null.points]
        first = sum(p.at < counted_from() for p in null.points)
        for name, rule in (("ratio to trailing mean", ratio_to_trailing_mean), ("z-score", z_score)):
            found = Alarms(sum(a.look >= first for a in rule(values)), COUNTED_YEARS)
            mine = told.setdefault(name, {})
            mine[null.family] = mine.get(null.family, Alarms()).joined(found)
    return told


def budget_years(aois: int) -> dict[Family, float]:
    """AOI-years of budget that fall to each family: a series of an AOI with three has a third of it."""
    years = dict.fromkeys(FAMILIES, 0.0)
    for number in range(aois):
        of = 1 + number % MOST_SERIES
        for which in range(of):
            years[FAMILIES[(number // MOST_SERIES + which) % len(FAMILIES)]] += COUNTED_YEARS / of
    return years


def poisson_interval(count: int, exposure: float) -> tuple[float, float]:
    """90 % interval of the rate of a Poisson number: Garwood (1936)."""
    low = float(stats.chi2.ppf(0.05, 2 * count)) / 2 if count else 0.0
    return low / exposure, float(stats.chi2.ppf(0.95, 2 * count + 2)) / 2 / exposure


def figures(budget: float, raised: Iterable[Raised], aois: int) -> dict[str, Any]:
    """False alarms an AOI-year at one budget."""
    every = list(raised)
    raised = [r for r in every if r.counted]
    exposure = aois * COUNTED_YEARS
    low, high = poisson_interval(len(raised), exposure)
    share = budget_years(aois)
    families = Counter(r.family for r in raised)
    return {
        "budget": budget,
        "aoi_years": exposure,
        "measured": _short(len(raised) / exposure),
        "measured_90": [_short(low), _short(high)],
        "ratio": _short(len(raised) / exposure / budget),
        "within": 0.5 <= len(raised) / exposure / budget <= 1.2,
        "in_training": _short((len(every) - len(raised)) / (aois * TRAINING_YEARS)),
        "confirmed": _short(sum(r.confirmed for r in raised) / exposure),
        "ratio_by_family": {f.value: _short(families[f] / share[f] / budget) for f in FAMILIES},
        "by_kind": _rates(Counter(r.kind.value for r in raised), exposure),
        "confirmed_by_kind": _rates(Counter(r.kind.value for r in raised if r.confirmed), exposure),
        "by_family_and_kind": _rates(Counter(f"{r.family.value} {r.kind.value}" for r in raised), exposure),
        "by_sea": _rates(Counter(r.sea.value for r in raised), exposure),
    }


def _rates(counts: Mapping[str, int], exposure: float) -> dict[str, float]:
    return {name: _short(count / exposure) for name, count in sorted(counts.items())}


def _short(value: float) -> float:
    return float(f"{value:.3g}") if math.isfinite(value) else value
