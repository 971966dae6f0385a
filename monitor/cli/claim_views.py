"""Claims and what came of them, as tables for people and as plain values for machines."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from monitor.assessment import Outcome
from monitor.claim import Claim, Narrative, Standing, fingerprint, standing
from monitor.claim_page import headline
from monitor.cli.views import days, last_day, table
from monitor.evidence import plain
from monitor.flow.judging import Judgment
from monitor.measures import MEASURES

EXPECTATION_COLUMNS = ("id", "measure", "zone", "direction", "window", "stands as", "SHA-256")
JUDGMENT_COLUMNS = ("claim", "outcome", "how likely the change", "confidence in the base", "why not more")


def expectations(claim: Claim, narrative: Narrative, now: datetime) -> None:
    """Prints a table, one row an expectation."""
    rows = [
        [
            e.id,
            e.measure,
            e.zone,
            e.direction,
            days(e.window),
            standing(claim, e, narrative.frozen, now),
            fingerprint(claim, e)[:12],
        ]
        for e in claim.expectations
    ]
    table("Expectations", EXPECTATION_COLUMNS, rows)


def claim_value(claim: Claim, narrative: Narrative, now: datetime) -> dict[str, Any]:
    """A claim as plain values."""
    return {
        "id": claim.id,
        "text": claim.text,
        "said_by": claim.said_by,
        "said_on": claim.said_on,
        "about": {"from": claim.about.start.date(), "to": last_day(claim.about)},
        "aois": list(claim.aois),
        "reliability": claim.reliability,
        "credibility": int(claim.credibility),
        "observability": claim.observability,
        "expectations": [
            {
                "id": e.id,
                "measure": e.measure,
                "zone": e.zone,
                "direction": e.direction,
                "window": {"from": e.window.start.date(), "to": last_day(e.window)},
                "standing": standing(claim, e, narrative.frozen, now),
                "sha256": fingerprint(claim, e),
            }
            for e in claim.expectations
        ],
    }


def advice(narrative: Narrative, now: datetime) -> list[str]:
    """What is right but may not be what was meant."""
    return [line for claim in narrative.claims for line in _advice(claim, narrative, now)]


def _advice(claim: Claim, narrative: Narrative, now: datetime) -> Iterator[str]:
    for e in claim.expectations:
        if e.measure not in MEASURES:
            yield f"{claim.id} {e.id}: nothing measures {e.measure!r}: it will be told as not observable"
        stands = standing(claim, e, narrative.frozen, now)
        if stands is Standing.DRAFT:
            yield f"{claim.id} {e.id}: opens {e.window.start:%Y-%m-%d}; next: quaywatch claims freeze {claim.id}"
        if stands is Standing.POST_HOC:
            yield f"{claim.id} {e.id}: post hoc: it was not frozen before its window opened, and cannot be supported"


def judgment_value(judgment: Judgment) -> dict[str, Any]:
    """An assessment as plain values."""
    told = judgment.facts.assessment
    likelihood = told.likelihood
    return {
        **plain(told),
        "likelihood": {"word": likelihood.word, "band": likelihood.band} if likelihood else None,
        "says": headline(judgment.facts),
        "evidence": judgment.evidence,
        "page": str(judgment.page) if judgment.page else None,
    }


def judgment_row(judgment: Judgment) -> list[str]:
    """An assessment as a line of a table."""
    told = judgment.facts.assessment
    scored = told.outcome is not Outcome.NOT_OBSERVABLE
    likelihood = f"{told.likelihood.word} ({told.likelihood.band})" if told.likelihood else ""
    return [told.claim, told.outcome, likelihood, told.confidence if scored else "", "; ".join(map(str, told.doubts))]
