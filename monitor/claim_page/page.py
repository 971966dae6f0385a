"""The page about a claim: one HTML file that needs nothing else, opens offline and prints."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from monitor.assessment import Judged, Outcome, Seen, Use, Weight
from monitor.claim import Claim, Credibility, Expectation
from monitor.claim_page.facts import ClaimFacts, Named
from monitor.claim_page.sentences import compared, concluded, expected, headline
from monitor.message import NOT_SHOWN, clean, cleaned, data_address, day, rounded, templates
from monitor.times import Interval


def render_claim(facts: ClaimFacts) -> str:
    """The whole HTML file. The same facts give the same file."""
    facts = replace(cleaned(facts), claim=_clean_claim(facts.claim))
    return (
        templates()
        .get_template("claim.html.j2")
        .render(
            facts=facts,
            claim=facts.claim,
            code=f"{facts.claim.reliability}{int(facts.claim.credibility)}",
            headline=[clean(line) for line in headline(facts)],
            expectations=[_expectation(facts, j) for j in facts.assessment.judged],
            table=_table(facts),
            not_shown=NOT_SHOWN,
            data=data_address,
            day=day,
            days=days,
            credibility=Credibility,
            clean=clean,
        )
    )


def days(interval: Interval) -> str:
    """First and last day."""
    return f"{day(interval.start)} to {day(interval.end - timedelta(microseconds=1))}"


def _clean_claim(claim: Claim) -> Claim:
    return replace(
        cleaned(claim),
        expectations=tuple(replace(cleaned(e), baselines=tuple(map(cleaned, e.baselines))) for e in claim.expectations),
        hypotheses=tuple(map(cleaned, claim.hypotheses)),
    )


def _expectation(facts: ClaimFacts, judged: Judged) -> dict[str, Any]:
    of = facts.claim.expectation(judged.id)
    place = clean(facts.places.get(judged.zone, Named(place=judged.zone)).place)
    return {
        "id": judged.id,
        "title": f"{judged.id}: {expected(judged)}",
        "place": place,
        "window": days(of.window),
        "baselines": [f"{b.name}: {days(b.interval)}" for b in of.baselines],
        "lines": [clean(line) for line in concluded(judged)],
        "comparisons": [[clean(line) for line in compared(judged, c, place)] for c in judged.comparisons],
        "pictures": facts.pictures.get(judged.id, ()),
        "weights": _weights(judged),
        "weight": f"{judged.weight:g}",
        "sha256": judged.sha256,
        "note": clean(of.note),
        "scored": judged.outcome is not Outcome.NOT_OBSERVABLE,
        "ratio": rounded(math.exp(judged.log_odds)),
        "excluded": [str(e) for e in _excluded(of)],
    }


def _excluded(of: Expectation) -> Sequence[str]:
    return [e.replace("_", " ") for e in of.exclude]


def _weights(judged: Judged) -> dict[str, Any]:
    """The looks of the window with what each says, against the baseline that decides: the most cautious one."""
    if not judged.comparisons:
        return {"rows": [], "baseline": ""}
    decisive = min(judged.comparisons, key=lambda c: abs(c.log_odds))
    return {"rows": [_look(w) for w in decisive.weights], "baseline": clean(decisive.baseline)}


def _look(weight: Weight) -> dict[str, str]:
    return {
        "at": f"{weight.at:%Y-%m-%d %H:%M}",
        "track": clean(weight.track),
        "value": "" if weight.value is None else f"{weight.value:.4g}",
        "why": "" if weight.use is Use.COUNTED else clean(weight.reason or str(weight.use)),
        "ratio": f"{math.exp(weight.log_odds):.3g}" if weight.use is Use.COUNTED else "1",
    }


def _table(facts: ClaimFacts) -> dict[str, Any] | None:
    table = facts.assessment.table
    if table is None:
        return None
    order = [h.id for h in facts.claim.hypotheses]
    return {
        "hypotheses": [(h.id, clean(h.text)) for h in facts.claim.hypotheses],
        "rows": [
            {
                "id": r.id,
                "text": clean(r.text),
                "seen": str(r.seen),
                "signs": [str(r.fits[name]) if r.seen is not Seen.UNKNOWN else f"({r.fits[name]})" for name in order],
                "known": r.seen is not Seen.UNKNOWN,
            }
            for r in table.rows
        ],
        "rivals": [(r.id, clean(r.text), r.inconsistent, r.consistent) for r in table.rivals],
        "known": sum(r.seen is not Seen.UNKNOWN for r in table.rows),
        "hinges_on": list(table.hinges_on),
    }
