"""Gathers what is exported of a workspace, and turns it into one file of some format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from monitor import __version__
from monitor.aoi import Aoi
from monitor.archive.record import unsigned
from monitor.claim import Bearing
from monitor.errors import AoiError
from monitor.exports import assessed
from monitor.exports.formats import Format
from monitor.exports.values import Export, Noted, Place, Row, Said
from monitor.flow import story
from monitor.flow.desk import Desk
from monitor.flow.story import Chronicle
from monitor.flow.tell import bearings
from monitor.measures import Reason
from monitor.score import Score
from monitor.store import Transaction
from monitor.times import Interval, utc

LONGEST_ADDRESS = 2048
"""Characters. A longer one is no address of a catalogue item."""


def chosen(desk: Desk, named: Sequence[str]) -> list[Aoi]:
    """The AOIs of these ids, each once; all of the workspace if none is named.

    Raises:
        AoiError: there is none of that id, or none at all.
    """
    found = [desk.aoi(name) for name in dict.fromkeys(named)] or list(desk.aois.values())
    if not found:
        raise AoiError(f"no AOI in {desk.workspace.root / 'aois'}", "Put a GeoJSON file there; see `quaywatch init`.")
    return found


def gathered(desk: Desk, aois: Sequence[Aoi], interval: Interval, now: datetime) -> Export:
    """Looks and measurements that began in the interval, and incidents that were open in it."""
    return Export(version=__version__, made=now, places=[_place(desk, aoi, interval) for aoi in aois])


def said(desk: Desk, export: Export, interval: Interval) -> Said:
    """The claims about the exported places, with the newest assessment of each before the end of the interval.

    Where everything is exported, claims about no place that is known are among them.

    Raises:
        NarrativeError: a file of the narrative is not as it should be.
        WorkspaceError: the log is damaged, or holds an assessment of another version.
    """
    narrative, places = desk.narrative, {p.aoi.id for p in export.places}
    claims = [c for c in narrative.claims if places >= desk.aois.keys() or places & set(c.aois)]
    known, documents = {c.id for c in claims}, {c.document for c in claims}
    judged = assessed.newest(desk.logbook.entries(), interval.end)
    return Said(
        claims=claims,
        documents=[d for d in narrative.documents if d.id in documents],
        bearings={n.incident.id: _bearings(desk, n, known) for p in export.places for n in p.incidents},
        assessed=[a for a in judged if a.claim in known],
    )


def content(desk: Desk, export: Export, wanted: Format, interval: Interval) -> bytes:
    """The bytes of a file of that format; UTF-8 where it is text.

    Raises:
        NarrativeError, WorkspaceError: as `said`, for STIX only.
    """
    # each format imports its own libraries, some for more than half a second
    match wanted:
        case Format.GEOJSON:
            from monitor.exports.features import collection  # noqa: PLC0415

            return collection(export).encode()
        case Format.CSV:
            from monitor.exports.table import sheet  # noqa: PLC0415

            return sheet(export).encode()
        case Format.STAC:
            from monitor.exports.items import item_collection  # noqa: PLC0415

            return item_collection(export).encode()
        case Format.PARQUET:
            from monitor.exports.parquet import parquet  # noqa: PLC0415

            return parquet(export)
        case Format.STIX:
            from monitor.exports.stix import bundle  # noqa: PLC0415

            return bundle(export, said(desk, export, interval)).encode()


def _bearings(desk: Desk, noted: Noted, known: set[str]) -> list[Bearing]:
    return [b for b in bearings(desk.narrative, noted.incident) if b.claim.id in known]


def _place(desk: Desk, aoi: Aoi, interval: Interval) -> Place:
    told = desk.chronicle(aoi)
    looks = [look for look in told.looks if look.start in interval]
    with desk.store.transaction() as tx:
        measured = tx.measurements(aoi.id)
        recorded = _recorded(tx, aoi.id)
        origins = {look.id: _origins(tx.items(aoi.id, look.id)) for look in looks if look.usable}
    scores = _scores(told)
    years = {look.start.year for look in looks}
    return Place(
        aoi=aoi,
        looks=looks,
        rows=[row for r in measured if (row := _row(r, scores)).start in interval],
        incidents=[
            Noted(incident=i, first=min(times), newest=max(times))
            for i in told.incidents
            if i.onset < interval.end and (i.until is None or i.until >= interval.start)
            for times in [recorded.get(i.id) or [i.raised]]
        ],
        attribution=story.attribution(years, simulated=told.simulated) if years or told.simulated else "",
        simulated=told.simulated,
        origins=origins,
    )


def _recorded(tx: Transaction, aoi: str) -> dict[str, list[datetime]]:
    """When the steps of each incident were recorded."""
    found: dict[str, list[datetime]] = {}
    for change, at in tx.changes(aoi=aoi):
        found.setdefault(change.incident.id, []).append(at)
    return found


def _scores(told: Chronicle) -> dict[tuple[str, str, str], Score]:
    """By zone, measure and look."""
    return {(*series, score.look): score for series, followed in told.followed.items() for score in followed.scores}


def _row(row: Mapping[str, Any], scores: Mapping[tuple[str, str, str], Score]) -> Row:
    score = scores.get((row["zone"], row["measure"], row["look"]))
    expected = score.expected if score else None
    return Row(
        aoi=row["aoi"],
        zone=row["zone"],
        measure=row["measure"],
        value=row["value"],
        unit=row["unit"],
        reason=str(Reason(row["reason"])) if row["reason"] else "",
        look=row["look"],
        track=row["track"],
        platform=row["platform"],
        start=utc(row["start"]),
        n_valid=row["n_valid"],
        valid_fraction=row["valid_fraction"],
        recipe=row["recipe"],
        expected=expected,
        z=score.z if score and expected else None,
    )


def _origins(items: Sequence[tuple[str, Mapping[str, Any]]]) -> list[str]:
    """Where the catalogues keep the items; what is no address on the net is left out."""
    found = [str(unsigned(href)) for _, item in items for href in _selves(item)]
    return list(dict.fromkeys(found))


def _selves(item: Mapping[str, Any]) -> list[str]:
    links = item.get("links")
    held = [k for k in links if isinstance(k, Mapping) and k.get("rel") == "self"] if isinstance(links, list) else []
    return [href for k in held if isinstance(href := k.get("href"), str) and _is_address(href)]


def _is_address(href: str) -> bool:
    plain = href.isascii() and href.isprintable() and not any(c in href for c in ' "<>\\^`{|}')
    return plain and href.lower().startswith(("https://", "http://")) and len(href) <= LONGEST_ADDRESS
