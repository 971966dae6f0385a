"""Judges a claim again from the bundle of an assessment alone."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from monitor import assessment, evidence
from monitor.aoi import ZoneKind
from monitor.assessment import Assessment, Evidence, Observed, Place
from monitor.claim import Frozen
from monitor.evidence import Bundle
from monitor.flow.compared import Compared
from monitor.narrative import read_narrative
from monitor.times import utc

NARRATIVE = "narrative"
"""Folder of the narrative's files, as they were."""

JUDGMENT, EVIDENCE, FROZEN = "assessment.json", "looks.json", "frozen.json"


def judgment_files(claim: str, told: Assessment, seen: Evidence, frozen: Sequence[Frozen]) -> dict[str, bytes]:
    """What is needed to judge the claim again, and what came of it."""
    looks = [{"zone": zone, "measure": measure, "looks": own} for (zone, measure), own in sorted(seen.looks.items())]
    places = {zone: {"kind": p.kind, "uncertainty_m": p.uncertainty_m} for zone, p in seen.places.items()}
    return {
        EVIDENCE: evidence.as_json({"claim": claim, "as_of": told.as_of, "series": looks, "places": places}),
        FROZEN: evidence.as_json({"frozen": list(frozen)}),
        JUDGMENT: evidence.as_json(told),
    }


def replay_assessment(bundle: Bundle) -> Compared:
    """The assessment, from the narrative and the looks of the bundle."""
    told = evidence.parsed(bundle.files[JUDGMENT])
    again = evidence.plain(_judged(bundle.files))
    return Compared(
        compared=evidence.leaves(again),
        differences=tuple(evidence.differences(JUDGMENT, told, again)),
        remarks=(),
    )


def _judged(files: Mapping[str, bytes]) -> Assessment:
    told = evidence.parsed(files[EVIDENCE])
    with tempfile.TemporaryDirectory(prefix="quaywatch-replay-") as folder:
        paths = []
        for name in sorted(n for n in files if n.startswith(f"{NARRATIVE}/")):
            path = Path(folder) / Path(name).name
            path.write_bytes(files[name])
            paths.append(path)
        claim = read_narrative(paths).claim(told["claim"])
    seen = Evidence(
        looks={(s["zone"], s["measure"]): tuple(map(_observed, s["looks"])) for s in told["series"]},
        places={zone: _place(p) for zone, p in told["places"].items()},
    )
    frozen = [
        Frozen(claim=f["claim"], expectation=f["expectation"], sha256=f["sha256"], at=utc(f["at"]))
        for f in evidence.parsed(files[FROZEN])["frozen"]
    ]
    return assessment.assess(claim, seen, frozen, utc(told["as_of"]))


def _observed(value: Mapping[str, Any]) -> Observed:
    return Observed(
        look=value["look"],
        track=value["track"],
        sensor=value["sensor"],
        at=utc(value["at"]),
        value=None if value["value"] is None else float(value["value"]),
        reason=value["reason"],
    )


def _place(value: Mapping[str, Any]) -> Place:
    kind = value["kind"]
    return Place(kind=None if kind is None else ZoneKind(kind), uncertainty_m=value["uncertainty_m"])
