"""The bundle: everything in one report."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

import stix2

from monitor.exports.stix import statements
from monitor.exports.stix.definitions import CLAIM, LOOK, OUTLINE, TOOL
from monitor.exports.stix.ids import DEFINED, Object, gathered, named, stamp
from monitor.exports.stix.places import SIMULATED, Drawn, drawn
from monitor.exports.values import Export, Said
from monitor.message import counted
from monitor.times import utc


def bundle(export: Export, said: Said) -> str:
    """The text of a bundle. Made again from the same state by the same version it is the same to the byte.

    Raises:
        stix2.exceptions.STIXError: an object breaks a rule of STIX 2.1; a fault of this module.
    """
    places = {p.aoi.id: drawn(p) for p in export.places}
    areas = {aoi: d.area for aoi, d in places.items()}
    documents = {d.id: d for d in said.documents}
    spoken = {c.id: statements.spoken(c, documents, areas) for c in said.claims}
    claims = {name: made.claim for name, made in spoken.items()}
    told = [
        made
        for d in places.values()
        for noted in d.place.incidents
        for made in statements.of_incident(noted, d, said.bearings.get(noted.incident.id, ()), claims)
    ]
    objects = [
        *(TOOL, OUTLINE, LOOK, CLAIM),
        *(o for d in places.values() for o in d.objects),
        *(o for made in spoken.values() for o in (made.speaker, made.claim)),
        *told,
        *_opinions(said, claims, places),
    ]
    unique = list({o["id"]: o for o in objects}.values())
    whole = gathered([*unique, _report(export, unique, list(places.values()))])
    stix2.parse(whole, allow_custom=True, version="2.1")
    return json.dumps(whole, ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def _opinions(said: Said, claims: dict[str, Object], places: dict[str, Drawn]) -> list[Object]:
    about = {c.id: [places[aoi] for aoi in dict.fromkeys(c.aois) if aoi in places] for c in said.claims}
    known = [a for a in said.assessed if a.claim in claims]
    return [o for a in known if (o := statements.opinion(a, claims[a.claim], about[a.claim])) is not None]


def _report(export: Export, objects: Sequence[Object], places: Sequence[Drawn]) -> Object:
    newest = max([DEFINED, *(_changed(o) for o in objects)])
    marked = sorted({m["id"] for d in places for m in d.markings})
    mark = "SIMULATED: " if export.simulated else ""
    content = {
        "created_by_ref": TOOL["id"],
        **({"object_marking_refs": marked} if marked else {}),
        **({"labels": [SIMULATED]} if export.simulated else {}),
        "name": f"{mark}{counted(len(places), 'watched place')}, and what was said about them",
        "description": f"Made by quaywatch {export.version}. {' '.join(export.attributions)}".strip(),
        "report_types": ["observed-data"],
        "published": stamp(newest),
        "object_refs": [o["id"] for o in objects],
    }
    return named("report", content, created=newest)


def _changed(made: Object) -> datetime:
    return utc(made.get("modified") or made.get("created") or stamp(DEFINED))
