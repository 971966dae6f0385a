"""Scores and incidents of an AOI, derived afresh from its recorded measurements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from monitor import alert, history
from monitor.alert import Change, Incident, Rule
from monitor.aoi import Aoi
from monitor.baseline import Family
from monitor.history import Followed, Point, Series
from monitor.measures import MEASURES
from monitor.store import Transaction

FOLLOWED = 32
"""Series that are remembered: those of one AOI."""

LEAST_YEARS = 0.25
"""Shorter histories do not tell how many looks a year there are."""


@dataclass(frozen=True, kw_only=True)
class Watched:
    """One zone and measure whose lasting changes raise alerts."""

    zone: str
    measure: str


def watched(aoi: Aoi) -> list[Watched]:
    """All of an AOI. They share its budget of false alarms."""
    return [Watched(zone=z.name, measure=m.name) for z in aoi.zones for m in MEASURES.values() if z.kind in m.watched]


def rule_for(points: Sequence[Point], family: Family, series: int, false_alarms_a_year: float) -> Rule:
    """The rule for one of `series` series that share a yearly budget of false alarms."""
    years = max((points[-1].at - points[0].at) / timedelta(days=365.25), LEAST_YEARS) if points else LEAST_YEARS
    return alert.rule_for(family, false_alarms_a_year / max(1, series), max(len(points) / years, 1.0))


def follow(
    aoi: Aoi, points: Mapping[tuple[str, str], Sequence[Point]], false_alarms_a_year: float
) -> dict[tuple[str, str], Followed]:
    """Every series of the AOI, scored; the watched ones with their incidents."""
    chosen = {(w.zone, w.measure) for w in watched(aoi)}
    followed = {}
    for (zone, measure), series in points.items():
        family = MEASURES[measure].family
        rule = rule_for(series, family, len(chosen), false_alarms_a_year) if (zone, measure) in chosen else None
        place = Series(aoi=aoi.id, zone=zone, measure=measure, family=family, rule=rule)
        followed[zone, measure] = _followed(tuple(series), place)
    return followed


@lru_cache(maxsize=FOLLOWED)
def _followed(points: tuple[Point, ...], series: Series) -> Followed:
    """As `history.follow`: what a poll has derived is told from the same."""
    return history.follow(points, series)


def derive(tx: Transaction, aoi: Aoi, false_alarms_a_year: float, as_of: datetime) -> list[Change]:
    """Brings the recorded incidents of an AOI in line with its measurements; the new steps, recorded."""
    derived: list[Incident] = []
    chosen = {(w.zone, w.measure) for w in watched(aoi)}
    points = {key: series for key, series in tx.points(aoi.id).items() if key in chosen}
    for followed in follow(aoi, points, false_alarms_a_year).values():
        derived.extend(followed.incidents)
    derived.extend(alert.blind_spells(aoi.id, _eyes_open(tx, aoi), as_of))
    incidents, changes = alert.reconcile(tx.incidents(aoi.id), derived, as_of, taken_back=tx.taken_back())
    tx.record_incidents(incidents, changes, as_of)
    return changes


def _eyes_open(tx: Transaction, aoi: Aoi) -> list[datetime]:
    """Instants at which what is watched could be seen: looks of other sensors do not make up for those that count.

    Where nothing of what is watched was ever seen, every usable look counts.
    """
    usable = tx.usable_instants(aoi.id)
    counting = {s for w in watched(aoi) for s in MEASURES[w.measure].sensors}
    return [at for sensor, at in usable if sensor in counting] or [at for _, at in usable]
