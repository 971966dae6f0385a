"""Claims, what changed that bears on them, and what the looks say of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from monitor.alert import State
from monitor.assessment import Outcome
from monitor.claim import Bearing, Claim, Document, Relation
from monitor.exports.assessed import Assessed
from monitor.exports.stix import words
from monitor.exports.stix.definitions import CLAIM, CLAIM_TYPE, TOOL, extension
from monitor.exports.stix.ids import Object, named, stamp
from monitor.exports.stix.places import SIMULATED, Drawn
from monitor.exports.values import Noted
from monitor.message import clean
from monitor.times import start_of

OPINIONS: Final[Mapping[Outcome, str]] = {
    Outcome.SUPPORTED: "agree",
    Outcome.PARTLY: "neutral",
    Outcome.INCONCLUSIVE: "neutral",
    Outcome.CONTRADICTED: "disagree",
}
"""A claim that cannot be observed gets none: to have no opinion is not to be neutral."""


@dataclass(frozen=True, kw_only=True)
class Made:
    """A claim as an object, and who said it."""

    claim: Object
    speaker: Object


def spoken(claim: Claim, documents: Mapping[str, Document], areas: Mapping[str, Object]) -> Made:
    """A claim. `areas`: the locations of the AOIs that are exported, by id."""
    speaker = named("identity", {"name": clean(claim.said_by) or "not stated", "identity_class": "unknown"})
    document = documents.get(claim.document)
    where = [areas[aoi]["id"] for aoi in dict.fromkeys(claim.aois) if aoi in areas]
    content = {
        "created_by_ref": TOOL["id"],
        "name": clean(claim.id) or "not named",
        "statement": clean(claim.text),
        "said_by_ref": speaker["id"],
        "said_on": claim.said_on.isoformat(),
        "about_start": stamp(claim.about.start),
        "about_end": stamp(claim.about.end),
        "reliability": str(claim.reliability),
        "credibility": int(claim.credibility),
        "observability": str(claim.observability),
        **({"against": clean(claim.against)} if clean(claim.against) else {}),
        **({"location_refs": where} if where else {}),
        **({"external_references": [_reference(document)]} if document else {}),
        "extensions": extension(CLAIM),
    }
    return Made(claim=named(CLAIM_TYPE, content, created=start_of(claim.said_on)), speaker=speaker)


def _reference(document: Document) -> dict[str, str]:
    described = f"{clean(document.title)}, {document.dated.isoformat()}"
    return {"source_name": clean(document.publisher) or clean(document.id) or "not stated", "description": described}


def of_incident(
    noted: Noted, drawn: Drawn, bearings: Sequence[Bearing], claims: Mapping[str, Object]
) -> Iterator[Object]:
    """A sighting of each claim that the incident speaks to; else a note on the place."""
    by_claim: dict[str, list[Bearing]] = {}
    for bearing in bearings:
        if bearing.claim.id in claims:
            by_claim.setdefault(bearing.claim.id, []).append(bearing)
    counts = {claim: _times(noted, found) for claim, found in by_claim.items()}
    for claim, count in counts.items():
        if count is not None:
            yield _sighting(noted, drawn, claims[claim], by_claim[claim], count)
    unsighted = [claim for claim, count in counts.items() if count is None]
    if unsighted or not counts:
        yield _note(noted, drawn, [claims[c]["id"] for c in unsighted], [b for c in unsighted for b in by_claim[c]])


def _times(noted: Noted, bearings: Sequence[Bearing]) -> int | None:
    """In how many looks what the claim lets one expect was seen; 0: the opposite was; None: neither can be said."""
    relations = {b.relation for b in bearings}
    if relations == {Relation.AGREES}:
        return max(len(noted.incident.looks), 1)
    return 0 if relations == {Relation.RUNS_AGAINST} else None


def _sighting(noted: Noted, drawn: Drawn, claim: Object, bearings: Sequence[Bearing], count: int) -> Object:
    incident = noted.incident
    where = drawn.where(incident.zone)
    last = max(incident.onset, incident.until or incident.last or incident.raised)
    content = {
        **drawn.shared,
        "description": _described(noted, drawn, bearings),
        "first_seen": stamp(incident.onset),
        "last_seen": stamp(last),
        "count": count,
        "sighting_of_ref": claim["id"],
        **_observed("observed_data_refs", noted, drawn),
        "where_sighted_refs": [where["id"]],
        "summary": True,
        **_life(noted),
    }
    return _noted("sighting", content, noted, claim["id"], where["id"])


def _note(noted: Noted, drawn: Drawn, claims: Sequence[str], bearings: Sequence[Bearing]) -> Object:
    where = drawn.where(noted.incident.zone)
    looks = _observed("looks", noted, drawn).get("looks", [])
    content = {
        **drawn.shared,
        "abstract": clean(noted.incident.id),
        "content": _described(noted, drawn, bearings),
        "object_refs": [where["id"], *claims, *looks],
        **_life(noted),
    }
    return _noted("note", content, noted, where["id"], *claims)


def _noted(kind: str, content: Mapping[str, Any], noted: Noted, *about: str) -> Object:
    """With the times of its steps: another state of the incident is a later version of the same object."""
    newest = max(filter(None, (noted.newest, noted.incident.last)))
    key = [clean(noted.incident.id), *about]
    return named(kind, content, created=noted.first, modified=newest, key=key)


def _life(noted: Noted) -> dict[str, Any]:
    return {
        **({"revoked": True} if noted.incident.state is State.RETRACTED else {}),
        "external_references": [{"source_name": "quaywatch incident", "external_id": clean(noted.incident.id)}],
    }


def _observed(name: str, noted: Noted, drawn: Drawn) -> dict[str, list[str]]:
    """The looks it rests on, as far as they are exported; nothing where none is."""
    found = [drawn.looks[look]["id"] for look in dict.fromkeys(noted.incident.looks) if look in drawn.looks]
    return {name: found} if found else {}


def _described(noted: Noted, drawn: Drawn, bearings: Sequence[Bearing]) -> str:
    marked = words.SIMULATED if drawn.place.simulated else ""
    said = [clean(f"{b.says} {b.does_not_say}") for b in bearings]
    return " ".join(filter(None, [marked, words.of_incident(noted.incident), *dict.fromkeys(said)]))


def opinion(assessed: Assessed, claim: Object, places: Sequence[Drawn]) -> Object | None:
    """What the looks say of a claim; None: they can say nothing. `places`: those of the claim that are exported."""
    if assessed.outcome not in OPINIONS:
        return None
    simulated = any(d.place.simulated for d in places)
    marked = sorted({m["id"] for d in places for m in d.markings})
    evidence = {"source_name": "quaywatch evidence", "external_id": f"sha256:{clean(assessed.evidence)}"}
    content = {
        "created_by_ref": TOOL["id"],
        **({"object_marking_refs": marked} if marked else {}),
        **({"labels": [SIMULATED]} if simulated else {}),
        "explanation": " ".join(filter(None, [words.SIMULATED * simulated, words.of_assessment(assessed)])),
        "opinion": OPINIONS[assessed.outcome],
        "object_refs": [claim["id"]],
        **({"external_references": [evidence]} if assessed.evidence else {}),
    }
    return named("opinion", content, created=assessed.recorded, key=[clean(assessed.id), claim["id"]])
