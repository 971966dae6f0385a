"""The report of an AOI."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

from monitor import __version__, pictures
from monitor.alert import Incident, Kind, State
from monitor.aoi import Aoi
from monitor.claim import Narrative
from monitor.errors import SourceError
from monitor.flow import story
from monitor.flow.doubts import Doubts
from monitor.flow.remarks import remarks
from monitor.flow.story import Chronicle, Eyes
from monitor.flow.tell import bearings
from monitor.measures import MEASURES
from monitor.message import Statement, TitledPicture
from monitor.report import (
    ReportFacts,
    ReportIncident,
    ReportLooks,
    ReportPower,
    ReportZone,
    render_report,
)
from monitor.scene import Sensor
from monitor.times import Interval

MOST_INCIDENTS = 6
"""Incidents with pictures of their own; the rest stand in the table."""


def report(
    told: Chronicle,
    eyes: Eyes,
    narrative: Narrative,
    false_alarms_a_year: float,
    *,
    now: datetime,
    notes: Sequence[str] = (),
    aois: Mapping[str, Aoi] | None = None,
) -> str:
    """One self-contained HTML page. A look that can no longer be read is left out of the pictures.

    `aois`: of the workspace, among which the control AOIs are.
    """
    lasting = [i for i in told.incidents if i.state is not State.RETRACTED]
    shown = [i for i in lasting if i.kind is not Kind.BLIND][-MOST_INCIDENTS:]
    starts = [look.start for look in told.looks]
    return render_report(
        ReportFacts(
            aoi_id=told.aoi.id,
            aoi_name=told.aoi.name,
            period=Interval(start=min(starts), end=max(starts)) if starts else Interval(start=now, end=now),
            generated=now,
            version=__version__,
            simulated=told.simulated,
            zones=[
                ReportZone(name=z.name.replace("_", " "), kind=z.kind.replace("_", " "), note=_zone_note(told, z.name))
                for z in told.aoi.zones
            ],
            incidents=[_row(told, i, _doubts(told, eyes, i, narrative, aois or {})) for i in told.incidents],
            series=_series(told, lasting),
            pictures=[p for i in shown for p in _before_after(told, eyes, i)] + _newest(told, eyes),
            looks=_looks(told),
            statements=_statements(narrative, lasting),
            recipes=told.recipes,
            attribution=told.attribution,
            false_alarms_per_year=false_alarms_a_year,
            calibration=told.calibration,
            watched_recipes=sorted({MEASURES[measure].recipe for _, measure in told.rules}),
            powers=_powers(told),
            watched=told.watched,
            compared=told.compared,
            notes=[*notes, *remarks(told, eyes)],
        )
    )


def _zone_note(told: Chronicle, name: str) -> str:
    off = told.aoi.zone(name).uncertainty_m
    return "" if off is None else f"outline good to about {off:g} m"


def _doubts(told: Chronicle, eyes: Eyes, incident: Incident, narrative: Narrative, aois: Mapping[str, Aoi]) -> Doubts:
    if incident.state is State.RETRACTED:
        return Doubts()
    return told.doubts(eyes.store, incident, aois, narrative)


def _powers(told: Chronicle) -> list[ReportPower]:
    out = []
    for zone, measure in sorted(told.rules):
        power, entry = told.power(zone, measure), MEASURES[measure]
        if power is not None:
            label = zone.replace("_", " ")
            out.append(ReportPower(zone_label=label, measure_label=entry.label, unit=entry.unit, power=power))
    return out


def _row(told: Chronicle, incident: Incident, against: Doubts) -> ReportIncident:
    entry = MEASURES.get(incident.measure)
    looks = told.by_id()
    last = max((looks[i].start for i in incident.looks if i in looks), default=None)
    return ReportIncident(
        incident=incident,
        zone_label=incident.zone.replace("_", " "),
        measure_label=entry.label if entry else "",
        unit=entry.unit if entry else "",
        last_look=last,
        nuisances=against.nuisances,
        controls=against.controls,
    )


def _series(told: Chronicle, lasting: Sequence[Incident]) -> list[TitledPicture]:
    out = []
    for (zone, name), followed in sorted(told.followed.items()):
        entry = MEASURES[name]
        if told.aoi.zone(zone).kind not in entry.watched and name != "backscatter_db":
            continue
        own = [i for i in lasting if (i.zone, i.measure) == (zone, name)]
        title = f"{zone.replace('_', ' ')}: {entry.label}"
        plot = pictures.series_plot(
            story.series_points(followed),
            story.unused(told.looks, sorted({s.track for s in followed.scores})),
            own[-1] if own else None,
            entry.unit,
            title,
            simulated=told.simulated,
        )
        out.append(TitledPicture(title=title, png=plot))
    return out


def _before_after(told: Chronicle, eyes: Eyes, incident: Incident) -> list[TitledPicture]:
    shown = story.incident_pictures(eyes, told, incident)
    if "before_after" not in shown:
        return []
    entry = MEASURES[incident.measure]
    title = f"{incident.zone.replace('_', ' ')}: {entry.label}, {incident.kind} from {incident.onset:%d %b %Y}"
    return [
        TitledPicture(
            title=title,
            png=shown["before_after"],
            caption="Two looks of one track, chosen by their numbers: each is near the average it stands for.",
        )
    ]


def _newest(told: Chronicle, eyes: Eyes) -> list[TitledPicture]:
    out = []
    for sensor in Sensor:
        usable = [look for look in told.looks if look.usable and look.track.sensor is sensor]
        if not usable:
            continue
        try:
            snapshot = eyes.snapshot(usable[-1])
        except SourceError:
            continue
        zones = {z.name.replace("_", " "): story.rings(z.outline, eyes.site.grid.epsg) for z in told.aoi.zones}
        picture = pictures.look_picture(snapshot, zones, simulated=told.simulated, attribution=told.attribution)
        out.append(TitledPicture(title=f"The newest usable look of {sensor.short}", png=picture))
    return out


def _looks(told: Chronicle) -> list[ReportLooks]:
    rows = []
    for line in sorted({look.track for look in told.looks}, key=lambda t: t.id):
        own = [look for look in told.looks if look.track == line]
        rows.append(
            ReportLooks(
                track=str(line),
                usable=sum(look.usable for look in own),
                unusable=Counter(str(look.reason) for look in own if look.reason is not None),
                first=own[0].start,
                last=own[-1].start,
            )
        )
    return rows


def _statements(narrative: Narrative, lasting: Sequence[Incident]) -> list[Statement]:
    unique = {}
    for incident in lasting:
        for said in story.statements(bearings(narrative, incident)):
            unique[said.claim_id, said.says] = said
    return list(unique.values())
