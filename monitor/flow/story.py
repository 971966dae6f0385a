"""Everything that is told about an AOI or an incident, gathered: series, pictures, claims, unused looks."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from monitor import __version__, alert, measures, pictures
from monitor.alert import Calibration, Change, Incident, Kind, Power, Rule
from monitor.aoi import Aoi
from monitor.claim import Bearing, Narrative
from monitor.errors import QuaywatchError, SceneError, SourceError
from monitor.flow import derive, track
from monitor.flow.doubts import Doubts, Known, doubts
from monitor.flow.imagery import Imagery, bands_of
from monitor.flow.tell import bearings
from monitor.grid import project
from monitor.history import Followed
from monitor.look import Look
from monitor.measures import MEASURES, View
from monitor.message import Dated, Facts, Statement, Unused
from monitor.pictures import Outline, SeriesPoint, Snapshot
from monitor.radiometry import to_db
from monitor.scene import Pass, Sensor
from monitor.site import Site, site
from monitor.stack import Stack
from monitor.store import Store

SIMULATED = "quaywatch:simulated"
"""Item property that the simulator sets: all that rests on such items says so."""

FURTHER_LOOKS = 20
"""Over which it is told what a chart would have missed."""

RECENT = 30
"""Newest looks of a series that tell how many days lie between its looks."""

VISIBLE = ("b04", "b03", "b02")
"""Red, green, blue of Sentinel-2."""


@dataclass(frozen=True, kw_only=True)
class Chronicle:
    """One AOI as the database knows it."""

    aoi: Aoi
    looks: Sequence[Look]
    followed: Mapping[tuple[str, str], Followed]
    """By zone and measure."""

    incidents: Sequence[Incident]
    simulated: bool
    watched: int
    """Series that share the budget of false alarms."""

    false_alarms_a_year: float
    """The budget of the AOI."""

    rules: Mapping[tuple[str, str], Rule]
    """Of the watched series, by zone and measure."""

    calibration: Calibration | None = None
    """None: it was never calibrated."""

    def power(self, zone: str, measure: str) -> Power | None:
        """What the chart of a watched series would miss; None: it is not watched, or too little is known."""
        followed, rule = self.followed.get((zone, measure)), self.rules.get((zone, measure))
        if followed is None or followed.baseline is None or rule is None:
            return None
        newest = [s.at for s in followed.scores[-RECENT:]]
        apart = (newest[-1] - newest[0]).total_seconds() / 86_400 / max(len(newest) - 1, 1)
        return alert.power(followed.baseline, FURTHER_LOOKS, rule, days_apart=max(apart, 0.1))

    def doubts(self, store: Store, incident: Incident, aois: Mapping[str, Aoi], narrative: Narrative) -> Doubts:
        """What speaks against an incident; `aois`: among which its control AOIs are."""
        return doubts(store, Known(aoi=self.aoi, looks=self.looks, followed=self.followed), incident, aois, narrative)

    @property
    def compared(self) -> int:
        """Watched series of which at least one look could be compared with earlier ones."""
        chosen = {(w.zone, w.measure) for w in derive.watched(self.aoi)}
        return sum(any(s.expected for s in f.scores) for key, f in self.followed.items() if key in chosen)

    def by_id(self) -> dict[str, Look]:
        """Looks by id."""
        return {look.id: look for look in self.looks}

    @property
    def attribution(self) -> str:
        """The credit that Copernicus asks for, with the years seen."""
        return attribution({look.start.year for look in self.looks}, simulated=self.simulated)

    @property
    def recipes(self) -> list[str]:
        """Recipes of all measures in use."""
        return sorted({MEASURES[m].recipe for _, m in self.followed if m in MEASURES})


def attribution(years: Collection[int], *, simulated: bool) -> str:
    """The credit for imagery of these years."""
    if simulated:
        return "SIMULATED: no satellite took these pictures"
    span = "-".join(map(str, sorted({min(years), max(years)}))) if years else ""
    return f"Contains modified Copernicus Sentinel data [{span}]"


def chronicle(store: Store, aoi: Aoi, false_alarms_a_year: float) -> Chronicle:
    """Reads an AOI from the database and scores it."""
    with store.transaction() as tx:
        looks = [look for look, _ in tx.looks(aoi.id)]
        points = tx.points(aoi.id)
        incidents = tx.incidents(aoi.id)
        simulated = any(item.get("properties", {}).get(SIMULATED) for _, item in tx.some_items(aoi.id))
        calibration = tx.calibration(aoi.id)
    chosen = [(w.zone, w.measure) for w in derive.watched(aoi)]
    return Chronicle(
        aoi=aoi,
        looks=looks,
        followed=derive.follow(aoi, points, false_alarms_a_year),
        incidents=incidents,
        simulated=simulated,
        watched=max(1, len(chosen)),
        false_alarms_a_year=false_alarms_a_year,
        rules={
            key: derive.rule_for(points[key], MEASURES[key[1]].family, len(chosen), false_alarms_a_year)
            for key in chosen
            if key in points
        },
        calibration=calibration,
    )


def statements(touched: Sequence[Bearing]) -> list[Statement]:
    """Bearings as they are printed."""
    return [
        Statement(
            claim_id=b.claim.id,
            claim_text=b.claim.text,
            said_by=b.claim.said_by,
            code=f"{b.claim.reliability}{int(b.claim.credibility)}",
            relation=b.relation,
            says=b.says,
            does_not_say=b.does_not_say,
        )
        for b in touched
    ]


def dated(followed: Followed) -> list[Dated]:
    """A series as it is printed."""
    return [Dated(at=s.at, value=s.value, z=s.z, track=s.track, look=s.look) for s in followed.scores]


def series_points(followed: Followed) -> list[SeriesPoint]:
    """A series with what was expected of each look, and one standard deviation to each side."""
    return [
        SeriesPoint(
            at=s.at,
            value=s.value,
            usual=s.expected.centre if s.expected else None,
            low=s.expected.low if s.expected else None,
            high=s.expected.high if s.expected else None,
            track=s.track,
        )
        for s in followed.scores
    ]


def unused(looks: Sequence[Look], tracks: Sequence[str] | None = None) -> list[Unused]:
    """Looks that could not be used, with their reason; of those tracks only, if given."""
    return [
        Unused(at=look.start, reason=str(look.reason))
        for look in looks
        if look.reason is not None and (tracks is None or look.track.id in tracks)
    ]


def rings(outline: BaseGeometry, epsg: int) -> list[Outline]:
    """Outer rings of an outline in the grid's reference system, each (n, 2), m."""
    projected = project(outline, epsg)
    return [np.asarray(p.exterior.coords)[:, :2] for p in getattr(projected, "geoms", [projected])]


@dataclass(frozen=True, kw_only=True)
class Eyes:
    """Reads looks again to show them."""

    store: Store
    imagery: Imagery
    site: Site
    as_of: datetime

    def stack(self, look: Look) -> Stack:
        """The pixels of a recorded look.

        Raises:
            SourceError: no configured source knows it, or it cannot be read.
        """
        with self.store.transaction() as tx:
            items = tx.items(look.aoi, look.id)
        taken = Pass(scenes=tuple(self.imagery.restored(items)))
        return self.imagery.read(look.aoi, taken, self.site.grid, bands_of(look.track), self.as_of)

    def view(self, look: Look) -> View | None:
        """The newest state of the look's track."""
        with self.store.transaction() as tx:
            saved = tx.state(look.aoi, look.track.id, track.RECIPE)
        return View(state=saved.state) if saved else None

    def snapshot(self, look: Look) -> Snapshot:
        """The picture of a look with the vessels found on it.

        Raises:
            SourceError: it can no longer be found or read.
        """
        stack, view = self.stack(look), self.view(look)
        found = measures.measure(stack, look.track, self.site, look.start, view).vessels
        return Snapshot(
            image=_image(stack, look),
            grid=self.site.grid,
            caption=caption(look),
            boxes=tuple(v.box for v in found) if view is not None and view.old_enough else None,
            unit="dB" if look.track.sensor is Sensor.SENTINEL1 else "1",
        )


def _image(stack: Stack, look: Look) -> NDArray[np.float32]:
    """dB, shape (height, width), of a radar look; reflectance, shape (height, width, 3), of an optical one."""
    if look.track.sensor is Sensor.SENTINEL1:
        return np.asarray(to_db(stack.power(look.track.polarisation)))
    if missing := [b for b in VISIBLE if b not in stack.bands]:
        raise SceneError(f"{look.id}: has no {', '.join(missing)}, which a picture needs")
    return np.stack([stack.bands[b] for b in VISIBLE], axis=-1)


def caption(look: Look) -> str:
    """Time and track of a look, as pictures name it."""
    return f"{look.start:%Y-%m-%d %H:%M} UTC, {look.track.id}"


def typical_pair(chronicle: Chronicle, incident: Incident) -> tuple[Look, Look] | None:
    """Two looks of the same track, one before the incident and one of it, each near the average it stands for.

    Chosen by their numbers, not by how they look: the picture shows neither the best nor the worst case. None if no
    track has both.
    """
    followed = chronicle.followed.get((incident.zone, incident.measure))
    if followed is None:
        return None
    looks = chronicle.by_id()
    best: tuple[float, Look, Look] | None = None
    for line in incident.tracks:
        own = [s for s in followed.scores if s.track == line and s.look in looks]
        before = [s for s in own if s.at < incident.onset][-12:]
        during = [s for s in own if s.look in incident.looks]
        if not before or not during:
            continue
        first = min(before, key=lambda s: abs(s.value - incident.usual))
        second = min(during, key=lambda s: abs(s.value - incident.mean))
        off = abs(first.value - incident.usual) + abs(second.value - incident.mean)
        if best is None or off < best[0]:
            best = off, looks[first.look], looks[second.look]
    return None if best is None else best[1:]


def incident_pictures(eyes: Eyes, told: Chronicle, incident: Incident) -> dict[str, bytes]:
    """The pictures of an incident: "before_after" (if both looks can still be read) and "series"."""
    if incident.kind is Kind.BLIND:
        return {}
    entry = MEASURES[incident.measure]
    followed = told.followed[incident.zone, incident.measure]
    shown = {
        "series": pictures.series_plot(
            series_points(followed),
            unused(told.looks, incident.tracks),
            incident,
            entry.unit,
            f"{told.aoi.name}, {incident.zone.replace('_', ' ')}: {entry.label}",
            simulated=told.simulated,
        )
    }
    pair = typical_pair(told, incident)
    if pair is not None:
        try:
            before, after = eyes.snapshot(pair[0]), eyes.snapshot(pair[1])
        except SourceError:
            return shown
        shown["before_after"] = pictures.before_after(
            before,
            after,
            rings(told.aoi.zone(incident.zone).outline, eyes.site.grid.epsg),
            simulated=told.simulated,
            attribution=told.attribution,
        )
    return shown


@dataclass(frozen=True, kw_only=True)
class Teller:
    """What the messages of a workspace have in common."""

    store: Store
    imagery: Imagery
    aois: Mapping[str, Aoi]
    narrative: Narrative
    false_alarms_a_year: float
    now: datetime
    report_paths: Mapping[str, str]
    """Path of the report of an AOI, as printed; may be empty."""

    def facts(self, change: Change) -> Facts:
        """All that a message about a step needs.

        Raises:
            QuaywatchError: the AOI is gone from the workspace.
        """
        incident = change.incident
        if incident.aoi not in self.aois:
            raise QuaywatchError(f"AOI {incident.aoi!r} is no longer in aois/", "Put its file back.")
        aoi = self.aois[incident.aoi]
        told = chronicle(self.store, aoi, self.false_alarms_a_year)
        eyes = Eyes(store=self.store, imagery=self.imagery, site=site(aoi), as_of=self.now)
        entry = MEASURES.get(incident.measure)
        key = incident.zone, incident.measure
        followed = told.followed.get(key)
        against = told.doubts(self.store, incident, self.aois, self.narrative)
        return Facts(
            change=change,
            aoi_name=aoi.name,
            zone_label=incident.zone.replace("_", " "),
            measure_label=entry.label if entry else "",
            unit=entry.unit if entry else "",
            series=dated(followed) if followed else [],
            unused=unused(told.looks, incident.tracks or None),
            statements=statements(bearings(self.narrative, incident)),
            simulated=told.simulated,
            pictures=incident_pictures(eyes, told, incident),
            false_alarms_per_year=self.false_alarms_a_year,
            watched=told.watched,
            rule=told.rules.get(key),
            calibration=told.calibration,
            nuisances=against.nuisances,
            controls=against.controls,
            power=told.power(*key),
            recipe=entry.recipe if entry else "",
            attribution=told.attribution,
            report_path=self.report_paths.get(aoi.id),
            generated=self.now,
            version=__version__,
        )


def finite(value: float) -> float | None:
    """The number, or None where there is none: JSON knows no NaN."""
    return value if math.isfinite(value) else None
