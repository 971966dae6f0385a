"""Gathers what an alert rests on, so that it stands by itself: see `monitor.evidence`."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import shapely

from monitor import __version__, evidence, pictures
from monitor.alert import Change, Incident, Kind
from monitor.aoi import Aoi, Zone
from monitor.archive import files as kept
from monitor.archive.record import unseal, unsigned
from monitor.errors import QuaywatchError, SourceError
from monitor.evidence import Bundle, BundleKind
from monitor.flow import replay, story, track
from monitor.flow.bundle_words import README, Contents, readme
from monitor.flow.replay import AOI, INCIDENT, LOOKS, MISSING, PARAMETERS, RECORDED, SERIES, TABLE, Recomputed
from monitor.flow.story import Chronicle, Eyes
from monitor.history import Point
from monitor.look import Look
from monitor.measures import MEASURES, View
from monitor.message import clean
from monitor.pictures import Snapshot
from monitor.stack import Stack
from monitor.store.packing import pack


@dataclass(frozen=True, kw_only=True)
class _Looking(Eyes):
    """Eyes that read and measure each look once: several pictures show the same two."""

    stacks: dict[str, Stack] = field(default_factory=dict)
    snapshots: dict[str, Snapshot] = field(default_factory=dict)
    views: dict[str, View | None] = field(default_factory=dict)

    def stack(self, look: Look) -> Stack:
        if look.id not in self.stacks:
            self.stacks[look.id] = super().stack(look)
        return self.stacks[look.id]

    def view(self, look: Look) -> View | None:
        if look.track.id not in self.views:
            self.views[look.track.id] = super().view(look)
        return self.views[look.track.id]

    def snapshot(self, look: Look) -> Snapshot:
        if look.id not in self.snapshots:
            self.snapshots[look.id] = super().snapshot(look)
        return self.snapshots[look.id]


@dataclass(frozen=True, kw_only=True)
class _Pair:
    """Two looks of one track with all that was read of them."""

    looks: tuple[Look, Look]
    files: Mapping[str, bytes]
    """Pixels and records, and the state of the track."""

    named: Sequence[Mapping[str, Any]]
    """Of each look: its files, and what is needed to measure it again."""

    state: str | None
    """File of the state; None: the track has none."""


def alert_bundle(change: Change, told: Chronicle, eyes: Eyes, *, made_at: datetime) -> Bundle:
    """The evidence of one step of an incident, as the database and the archive have it now.

    What cannot be had any more is named in `missing.json`; the bundle is made all the same.
    """
    looking = _Looking(store=eyes.store, imagery=eyes.imagery, site=eyes.site, as_of=eyes.as_of)
    incident, missing = change.incident, dict[str, str]()
    files: dict[str, bytes] = {AOI: evidence.as_json(geojson(told.aoi)), LOOKS: evidence.as_json(_looks(told, looking))}
    pair, points = None, list[Point]()
    if incident.kind is not Kind.BLIND:
        points = _points(incident, looking)
        files[SERIES] = evidence.as_json({"points": points})
        pair = _pair(told, looking, incident, missing)
        files |= {} if pair is None else pair.files
        files |= _pictures(told, looking, incident, pair, missing)
        files |= _items(told, looking, incident, pair)
        files[RECORDED] = evidence.as_json(_recorded(looking, pair))
    files[PARAMETERS] = evidence.as_json(_parameters(change, told, looking, pair, made_at))
    now = replay.recomputed(files)
    files |= {name: evidence.as_json(value) for name, value in now.files.items()}
    step = _step(change, now)
    files[INCIDENT] = evidence.as_json(step)
    if now.followed is not None:
        files[TABLE] = _table(points, now)
    if missing:
        files[MISSING] = evidence.as_json(missing)
    held = Contents(made_at=made_at, names=files.keys(), moved_on=step["moved_on"], missing=missing)
    files[README] = readme(change, told, held).encode()
    return Bundle(kind=BundleKind.ALERT, id=change.id, made_at=made_at, version=__version__, files=files)


def geojson(aoi: Aoi) -> dict[str, Any]:
    """The AOI as a FeatureCollection: `monitor.aoi.from_features` gives the same AOI."""
    own = {
        **aoi.properties,
        "id": aoi.id,
        "feature_type": "aoi",
        "name": aoi.name,
        "resolution_m": aoi.resolution_m,
    }
    features = [_feature(aoi.outline, own), *(_feature(z.outline, _zone(aoi, z)) for z in aoi.zones)]
    return {"type": "FeatureCollection", "features": features}


def _zone(aoi: Aoi, zone: Zone) -> dict[str, Any]:
    return {
        "id": f"{aoi.id}.{zone.name}",
        "feature_type": "zone",
        "zone_kind": zone.kind,
        "mask": zone.surface,
        "position_uncertainty_m": zone.uncertainty_m,
        "notes": zone.notes,
    }


def _feature(outline: Any, properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "Feature", "geometry": shapely.geometry.mapping(outline), "properties": properties}


def _points(incident: Incident, eyes: Eyes) -> list[Point]:
    with eyes.store.transaction() as tx:
        return tx.points(incident.aoi).get((incident.zone, incident.measure), [])


def _looks(told: Chronicle, eyes: Eyes) -> dict[str, Any]:
    """Every look at the AOI, those that could not be used with their reason, with the hashes of what is kept of it."""
    hashes = _hashes(told.aoi.id, eyes)
    with eyes.store.transaction() as tx:
        compared = {look.id: n for look, n in tx.looks(told.aoi.id)}
    return {
        "looks": [
            {
                **evidence.plain(look),
                "detail": unsigned(look.detail),
                "reference_looks": compared.get(look.id, 0),
                "archived_sha256": hashes.get(kept.name_of(look.id), []),
            }
            for look in told.looks
        ]
    }


def _hashes(aoi: str, eyes: Eyes) -> dict[str, list[str]]:
    """SHA-256 of the archived pixels, by look as its file is named."""
    found: dict[str, list[str]] = {}
    for path, look in _archived(aoi, eyes):
        try:
            digest = unseal(kept.record_of(path).read_bytes())["sha256"]
        except (OSError, ValueError, KeyError):
            continue  # damaged: `Archive.get` sets it aside and says so
        found.setdefault(look, []).append(digest)
    return found


def _archived(aoi: str, eyes: Eyes) -> Iterator[tuple[Path, str]]:
    """Pixels of an AOI that are kept, each with its look as its file is named."""
    if eyes.imagery.archive is not None:
        own = eyes.imagery.archive.folder / kept.name_of(aoi)
        for year in sorted(p for p in own.glob("[0-9]*") if p.is_dir()):
            yield from ((entry.path, entry.look) for entry in kept.listed(year))


def _pair(told: Chronicle, eyes: Eyes, incident: Incident, missing: dict[str, str]) -> _Pair | None:
    """The two looks that are pictured; None, with the reason in `missing`, if there are none or they are gone."""
    looks = story.typical_pair(told, incident)
    if looks is None:
        missing["pixels, pictures of before and after"] = "no track has a look before the incident and one of it"
        return None
    try:
        named, files = [], dict[str, bytes]()
        for look in looks:
            pixels, record = archived(look, eyes)
            name = f"pixels/{kept.name_of(look.id)}"
            files |= {f"{name}.tif": pixels, f"{name}.json": record}
            named.append(
                {
                    "look": look.id,
                    "at": look.start,
                    "track": look.track,
                    "pixels": f"{name}.tif",
                    "record": f"{name}.json",
                }
            )
    except SourceError as error:
        missing["pixels, pictures of before and after"] = unsigned(error.message)
        return None
    view, state = eyes.view(looks[1]), None
    if view is not None:
        state = f"state/{kept.name_of(looks[1].track.id)}.bin"
        files[state] = pack(view.state)
    return _Pair(looks=looks, files=files, named=named, state=state)


def archived(look: Look, eyes: Eyes) -> tuple[bytes, bytes]:
    """Pixels and record of a look, byte for byte as they are archived.

    Raises:
        SourceError: they cannot be had, or are not archived.
    """
    wanted = eyes.stack(look).provenance.get("archive", {}).get("sha256")
    for path, name in _archived(look.aoi, eyes):
        if name == kept.name_of(look.id):
            pixels, record = path.read_bytes(), kept.record_of(path).read_bytes()
            if hashlib.sha256(pixels).hexdigest() == wanted:
                return pixels, record
    raise SourceError(f"{look.id}: its pixels are not kept in the archive", "")


def _pictures(
    told: Chronicle, eyes: Eyes, incident: Incident, pair: _Pair | None, missing: dict[str, str]
) -> dict[str, bytes]:
    if (incident.zone, incident.measure) not in told.followed or all(z.name != incident.zone for z in told.aoi.zones):
        missing["pictures"] = "the series or its zone is no longer there"
        return {}
    try:
        shown = story.incident_pictures(eyes, told, incident)
        if pair is not None:
            shown["difference"] = _difference(told, eyes, incident, pair)
    except QuaywatchError as error:
        missing["pictures"] = unsigned(error.message)
        return {}
    return {f"pictures/{name}.png": content for name, content in shown.items()}


def _difference(told: Chronicle, eyes: Eyes, incident: Incident, pair: _Pair) -> bytes:
    before, after = map(eyes.snapshot, pair.looks)
    rings = story.rings(told.aoi.zone(incident.zone).outline, eyes.site.grid.epsg)
    credit = story.attribution({look.start.year for look in pair.looks}, simulated=told.simulated)
    return pictures.difference_picture(before, after, rings, simulated=told.simulated, attribution=credit)


def _items(told: Chronicle, eyes: Eyes, incident: Incident, pair: _Pair | None) -> dict[str, bytes]:
    """What the catalogue said of the looks of the incident and of the pair; never with a signature or a login."""
    wanted = {*incident.looks, *(look.id for look in (pair.looks if pair is not None else ()))}
    with eyes.store.transaction() as tx:
        found = {look.id: tx.items(look.aoi, look.id) for look in told.looks if look.id in wanted}
    return {
        f"items/{kept.name_of(look)}.json": evidence.as_json(
            [{"source": source, "item": unsigned(item)} for source, item in items]
        )
        for look, items in found.items()
    }


def _recorded(eyes: Eyes, pair: _Pair | None) -> dict[str, Any]:
    """What stands in the database of the pair, measured when each look came or its reference grew."""
    looks = {look.id for look in pair.looks} if pair is not None else set[str]()
    with eyes.store.transaction() as tx:
        rows = tx.measurements(eyes.site.aoi.id) if looks else []
    return {look: [row for row in rows if row["look"] == look] for look in sorted(looks)}


def _parameters(change: Change, told: Chronicle, eyes: Eyes, pair: _Pair | None, made_at: datetime) -> dict[str, Any]:
    """Everything beside looks and pixels that decides a number."""
    incident, entry = change.incident, MEASURES.get(change.incident.measure)
    return {
        "aoi": incident.aoi,
        "zone": incident.zone,
        "measure": incident.measure,
        "kind": incident.kind,
        "unit": entry.unit if entry else "",
        "family": entry.family.value if entry else None,
        "recipes": {m.name: m.recipe for m in MEASURES.values()} | {"state": track.RECIPE},
        "false_alarms_a_year": told.false_alarms_a_year,
        "watched_series": told.watched,
        "grid": eyes.site.grid,
        "pair": pair.named if pair is not None else [],
        "state": pair.state if pair is not None else None,
        "as_of": made_at,
        "simulated": told.simulated,
        "software": replay.software(),
    }


def _step(change: Change, now: Recomputed) -> dict[str, Any]:
    """The incident as it was told, and which of those that the series gives it is."""
    incident = change.incident
    found = replay.found_again(incident, now.incidents)
    told = evidence.plain(incident)
    return {
        "change": {"id": change.id, "old": change.old, "new": change.new, "at": change.at, "reason": change.reason},
        "incident": told,
        "found": found,
        "moved_on": [] if found is None else replay.moved_on(told, now.incidents[found]),
    }


def _table(points: Sequence[Point], now: Recomputed) -> bytes:
    """The series for people; numbers as they are, nothing rounded."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["look", "time_utc", "track", "satellite", "value", "expected", "low", "high", "z", "p"])
    satellites = {p.look: p.satellite for p in points}
    for s in now.followed.scores if now.followed is not None else ():
        usual = (s.expected.centre, s.expected.low, s.expected.high) if s.expected is not None else ("", "", "")
        words = (s.look, s.at.isoformat(), s.track, satellites.get(s.look, ""))
        rows.writerow([*map(_cell, words), s.value, *usual, s.z, s.p])
    return text.getvalue().encode()


def _cell(text: str) -> str:
    """Text that no table program takes for a formula."""
    text = clean(text)
    return f"'{text}" if text[:1] in {"=", "+", "-", "@"} else text
