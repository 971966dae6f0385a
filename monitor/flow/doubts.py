"""What speaks against an incident, from the database: what else could look like it, and what its controls did."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from monitor import alert
from monitor.alert import Circumstance, Control, ControlPlace, Incident, Kind, Nuisance
from monitor.alert.nuisance import NEARBY
from monitor.aoi import CONTROL, WATER, Aoi, Zone, ZoneKind
from monitor.claim import Narrative
from monitor.grid import project, zone_of
from monitor.history import Followed
from monitor.look import Look
from monitor.measurement import Reason
from monitor.measures import MEASURES
from monitor.store import Store, Transaction

LEVEL = "backscatter_db"
"""By which the reference zones tell of weather."""

ROLE = "control"
"""Of an AOI, in the property `role` of its file."""


@dataclass(frozen=True, kw_only=True)
class Doubts:
    """Of one incident."""

    nuisances: Sequence[Nuisance] = ()
    controls: Sequence[Control] = ()


@dataclass(frozen=True, kw_only=True)
class Known:
    """What is known of the AOI of an incident."""

    aoi: Aoi
    looks: Sequence[Look]
    followed: Mapping[tuple[str, str], Followed]
    """By zone and measure."""


def doubts(store: Store, known: Known, incident: Incident, aois: Mapping[str, Aoi], narrative: Narrative) -> Doubts:
    """All of an incident; none for a blind spell, of which nothing was measured."""
    if incident.kind is Kind.BLIND or (incident.zone, incident.measure) not in known.followed:
        return Doubts()
    with store.transaction() as tx:
        own, earlier = _circumstances(tx, known, incident)
        controls = _controls(tx, known.aoi, incident, aois, narrative) if incident.kind.lasting else []
    if not own:
        return Doubts(controls=controls)
    water = known.aoi.zone(incident.zone).kind in WATER
    found = alert.nuisances(own, earlier, water=water, baseline_looks=incident.baseline_looks)
    return Doubts(nuisances=found, controls=controls)


# ---------------------------------------------------------------- nuisances


def processors(tx: Transaction, aoi: str) -> dict[str, str]:
    """By look: version of the processor that made it; empty where it is not stated."""
    known = tx.known_looks(aoi)
    return {i: min((v for _, v in k.scenes), default="").split("/")[0] for i, k in known.items()}


def _circumstances(tx: Transaction, known: Known, incident: Incident) -> tuple[list[Circumstance], list[Circumstance]]:
    """The looks of the incident, and those of its series before it."""
    followed, members = known.followed[incident.zone, incident.measure], set(incident.looks)
    platforms, made = {k.id: k.platform for k in known.looks}, processors(tx, known.aoi.id)
    water = _brightness(known, ZoneKind.REFERENCE_WATER, incident.onset)
    land = _brightness(known, ZoneKind.REFERENCE_LAND, incident.onset)
    reasons = _reasons(tx, known, incident.measure)
    instants = sorted((look.start, look.id) for look in known.looks if look.id in reasons)
    own: list[Circumstance] = []
    earlier: list[Circumstance] = []
    for score in followed.scores:
        if score.look not in members and score.at >= incident.onset:
            continue
        first = bisect_left(instants, (score.at - NEARBY, ""))
        near = [reasons[i] for _, i in instants[first : bisect_right(instants, (score.at + NEARBY, "~"))]]
        circumstance = Circumstance(
            track=score.track,
            at=score.at,
            value=score.value,
            usual=score.expected.centre if score.expected else None,
            water=water.get(score.look),
            land=land.get(score.look),
            platform=platforms.get(score.look, ""),
            processor=made.get(score.look, ""),
            reasons=reasons.get(score.look, frozenset()),
            near=frozenset().union(*near),
        )
        (own if score.look in members else earlier).append(circumstance)
    return own, earlier


def _brightness(known: Known, kind: ZoneKind, onset: datetime) -> dict[str, float]:
    """By look, from the first reference zone of that kind that has any."""
    for zone in known.aoi.zones:
        if zone.kind is kind and (zone.name, LEVEL) in known.followed:
            scores = known.followed[zone.name, LEVEL].scores
            return alert.brightness([(s.look, s.track, s.at, s.value) for s in scores], onset)
    return {}


def _reasons(tx: Transaction, known: Known, measure: str) -> dict[str, frozenset[Reason]]:
    """By look: why the measure could not be taken in some zone, or anything in all of them."""
    found: dict[str, set[Reason]] = {}
    for row in tx.measurements(known.aoi.id, measure=measure):
        if row["reason"]:
            found.setdefault(row["look"], set()).add(Reason(row["reason"]))
    for look in known.looks:
        if look.reason is not None:
            found.setdefault(look.id, set()).add(look.reason)
    return {look: frozenset(why) for look, why in found.items()}


# ---------------------------------------------------------------- controls


def _controls(
    tx: Transaction, aoi: Aoi, incident: Incident, aois: Mapping[str, Aoi], narrative: Narrative
) -> list[Control]:
    family = MEASURES[incident.measure].family
    points = {aoi.id: tx.points(aoi.id)}
    told = []
    for place in places(aoi, incident, aois, narrative):
        if place.aoi not in points:
            points[place.aoi] = tx.points(place.aoi)
        series = points[place.aoi].get((place.zone, place.measure))
        if series:
            told.append(alert.control(incident, [p.lesson for p in series], family, place))
    return told


def places(aoi: Aoi, incident: Incident, aois: Mapping[str, Aoi], narrative: Narrative) -> list[ControlPlace]:
    """Where the controls of an incident are: each zone once.

    The reference zones of the AOI; zones of the same kind in the AOIs whose role is that of a control; and what the
    claims about this zone name as their controls. All with the measure of the incident.
    """
    watched = aoi.zone(incident.zone)
    found = [(aoi, z) for z in aoi.zones if z.kind in CONTROL]
    others = [a for name, a in sorted(aois.items()) if name != aoi.id]
    found += [(a, z) for a in others if a.properties.get("role") == ROLE for z in a.zones if z.kind is watched.kind]
    named = set(_named(narrative, incident))
    found += [(a, z) for a in [aoi, *others] for z in a.zones if f"{a.id}.{z.name}" in named]
    once = {(a.id, z.name): (a, z) for a, z in found if (a.id, z.name) != (aoi.id, watched.name)}
    measure = MEASURES[incident.measure]
    return [
        ControlPlace(
            aoi=a.id,
            zone=z.name,
            measure=incident.measure,
            label=_label(aoi, a, z),
            scale=_area(watched) / _area(z),
        )
        for a, z in once.values()
        if z.kind in measure.kinds
    ]


def _named(narrative: Narrative, incident: Incident) -> Iterable[str]:
    """Controls that the claims about this zone name, `aoi.zone`, whatever measure they speak of."""
    zone = f"{incident.aoi}.{incident.zone}"
    return (
        control
        for claim in narrative.claims
        for expectation in claim.expectations
        if expectation.zone == zone
        for control in expectation.controls
    )


def _label(own: Aoi, aoi: Aoi, zone: Zone) -> str:
    name = zone.name.replace("_", " ")
    return name if aoi.id == own.id else f"{aoi.name}, {name}"


def _area(zone: Zone) -> float:
    """m2."""
    return float(project(zone.outline, zone_of(zone.outline)).area)
