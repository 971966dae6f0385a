"""Judges claims by what the database holds, and logs what came of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from monitor import claim
from monitor.aoi import Aoi
from monitor.assessment import Assessment, Comparison, Evidence, Judged, Observed, Place
from monitor.claim import WHOLE, Claim, Expectation, Frozen
from monitor.evidence import plain
from monitor.flow.frozen import FROZEN
from monitor.store import Store, Transaction

ASSESSMENT = "assessment"
"""Value of `what` in lines of the log."""


def freeze_entry(of: Claim, expectation: Expectation, frozen: Sequence[Frozen], now: datetime) -> dict[str, Any] | None:
    """The line that freezes an expectation; None: it is what was frozen last.

    `frozen`: what the log holds, oldest first. Going back to an earlier version is a line of its own: the last one
    before the window opens is the prediction.
    """
    digest = claim.fingerprint(of, expectation)
    own = [f for f in frozen if (f.claim, f.expectation) == (of.id, expectation.id)]
    if own and own[-1].sha256 == digest:
        return None
    return {
        "id": f"{FROZEN}:{of.id}:{expectation.id}:{len(own) + 1}:{digest}",
        "what": FROZEN,
        "recorded": now.isoformat(),
        "claim": of.id,
        "expectation": expectation.id,
        "sha256": digest,
        "window": [expectation.window.start.isoformat(), expectation.window.end.isoformat()],
    }


def gathered(store: Store, of: Claim, aois: Mapping[str, Aoi]) -> Evidence:
    """All looks that the expectations of a claim and their controls rest on, and what must be known of the places."""
    wanted = {(z, e.measure) for e in of.expectations for z in (e.zone, *e.controls)}
    with store.transaction() as tx:
        looks = {(zone, measure): tuple(_observed(tx, of, zone, measure, aois)) for zone, measure in sorted(wanted)}
    return Evidence(looks=looks, places={zone: _place(zone, aois) for zone, _ in sorted(wanted)})


def known_at(evidence: Evidence, as_of: datetime) -> Evidence:
    """Without the looks that came later."""
    kept = {key: tuple(x for x in looks if x.at <= as_of) for key, looks in evidence.looks.items()}
    return Evidence(looks=kept, places=evidence.places)


def digest(of: Claim, evidence: Evidence, frozen: Sequence[Frozen], as_of: datetime) -> str:
    """SHA-256 of all that an assessment depends on; of the instant only which windows are over."""
    over = {e.id: as_of >= e.window.end for e in of.expectations}
    parts = [plain(of), _keyed(evidence), plain(evidence.places), plain(frozen), over]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def entry(
    told: Assessment,
    inputs: str,
    before: Sequence[Mapping[str, Any]],
    now: datetime,
    evidence: Mapping[str, str] | None = None,
) -> dict[str, Any] | None:
    """The line of an assessment; None: it rests on the same as the newest of the claim.

    `before`: the lines of the log, oldest first.
    """
    own = [e for e in before if e.get("what") == ASSESSMENT and e["claim"] == told.claim]
    if own and own[-1]["inputs_sha256"] == inputs:
        return None
    likelihood = told.likelihood
    return {
        "id": f"{ASSESSMENT}:{told.claim}:{len(own) + 1}:{inputs}",
        "what": ASSESSMENT,
        "recorded": now.isoformat(),
        "claim": told.claim,
        "as_of": told.as_of.isoformat(),
        "outcome": told.outcome,
        "likelihood": {"word": likelihood.word, "band": likelihood.band} if likelihood else None,
        "confidence": told.confidence,
        "log_odds": told.log_odds,
        "doubts": list(told.doubts),
        "expectations": [_expectation(j) for j in told.judged],
        "inputs_sha256": inputs,
        "evidence": dict(evidence) if evidence else None,
    }


def _keyed(evidence: Evidence) -> list[Any]:
    return [[zone, measure, plain(list(looks))] for (zone, measure), looks in sorted(evidence.looks.items())]


def _expectation(judged: Judged) -> dict[str, Any]:
    return {
        "id": judged.id,
        "outcome": judged.outcome,
        "standing": judged.standing,
        "sha256": judged.sha256,
        "p_adjusted": judged.p_adjusted,
        "doubts": list(judged.doubts),
        "comparisons": [_comparison(c) for c in judged.comparisons],
    }


def _comparison(compared: Comparison) -> dict[str, Any]:
    return {
        "baseline": compared.baseline,
        "window": _period(compared, window=True),
        "base": _period(compared, window=False),
        "effect": list(compared.effect) if compared.effect else None,
        "beyond_controls": list(compared.beyond) if compared.beyond else None,
        "p": compared.p,
        "power": compared.power,
        "finding": compared.finding,
    }


def _period(compared: Comparison, *, window: bool) -> dict[str, Any]:
    looks = compared.window if window else compared.base
    return {"counted": looks.counted, "usable": looks.usable, "every": looks.every, "total": looks.total}


def _place(zone: str, aois: Mapping[str, Aoi]) -> Place:
    name, _, part = zone.partition(".")
    if not part or name not in aois:
        return Place()
    found = aois[name].zone(part)
    return Place(kind=found.kind, uncertainty_m=found.uncertainty_m)


def _observed(tx: Transaction, of: Claim, zone: str, measure: str, aois: Mapping[str, Aoi]) -> Iterator[Observed]:
    """The looks at a zone; of `kursk_*`: at the outlines of those AOIs of the claim, each on its own tracks."""
    if not zone.endswith("*"):
        aoi, _, part = zone.partition(".")
        yield from _of_zone(tx, aoi, part, measure, "")
        return
    for aoi in of.aois:
        if aoi.startswith(zone[:-1]) and aoi in aois:
            yield from _of_zone(tx, aoi, WHOLE, measure, f"{aoi}:")


def _of_zone(tx: Transaction, aoi: str, zone: str, measure: str, before: str) -> Iterator[Observed]:
    rows = {r["look"]: r for r in tx.measurements(aoi, zone, measure)}
    for look, _ in tx.looks(aoi):
        row = rows.get(look.id)
        reason = row["reason"] if row is not None else look.reason
        if row is None and reason is None:
            continue  # a usable look of a sensor that does not give this measure
        yield Observed(
            look=look.id,
            track=f"{before}{look.track.id}",
            sensor=look.track.sensor.short,
            at=look.start,
            value=row["value"] if row is not None else None,
            reason=str(reason) if reason else "",
        )
