"""The table of competing hypotheses of a claim, filled in with what was seen.

After Heuer (1999, "Psychology of Intelligence Analysis", ch. 8): what counts is not how much fits a hypothesis but how
much does not; and what is not known is listed, not left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from monitor.alert import Verdict
from monitor.assessment.values import Comparison, Finding, Judged, Rival, Row, Seen, Table
from monitor.claim import Claim, Fit, Hypothesis, Item, Sight

TURNED = {Fit.CONSISTENT: Fit.INCONSISTENT, Fit.INCONSISTENT: Fit.CONSISTENT, Fit.NEITHER: Fit.NEITHER}
"""What it means for a hypothesis that something was looked for, with enough looks, and was not there."""


def table(claim: Claim, judged: Sequence[Judged]) -> Table:
    """The claim's own table."""
    rows = [_row(item, claim.hypotheses, judged) for item in claim.evidence]
    rivals = _ranked(claim.hypotheses, rows)
    return Table(
        rows=rows, rivals=rivals, hinges_on=[r.id for r in rows if _leads(claim, rows, but=r) != _first(rivals)]
    )


def _row(item: Item, rivals: Sequence[Hypothesis], judged: Sequence[Judged]) -> Row:
    seen = _seen(item, judged)
    signs = {h.id: item.fits.get(h.id, Fit.NEITHER) for h in rivals}
    if seen is Seen.NO:
        signs = {name: TURNED[sign] for name, sign in signs.items()}
    return Row(id=item.id, text=item.text, seen=seen, fits=signs, splits=len(set(signs.values()) - {Fit.NEITHER}) > 1)


def _seen(item: Item, judged: Sequence[Judged]) -> Seen:
    if item.test is None:
        return Seen.UNKNOWN
    test = item.test
    compared = [
        c for j in judged if j.id == test.expectation for c in j.comparisons if test.baseline in {"", c.baseline}
    ]
    decides = _SIGHTS[test.sees]
    found = {decides(c) for c in compared}
    return found.pop() if len(found) == 1 else Seen.UNKNOWN


def _supported(compared: Comparison) -> Seen:
    return {Finding.SUPPORTS: Seen.YES, Finding.CONTRADICTS: Seen.NO}.get(compared.finding, Seen.UNKNOWN)


def _contradicted(compared: Comparison) -> Seen:
    return {Finding.CONTRADICTS: Seen.YES, Finding.SUPPORTS: Seen.NO}.get(compared.finding, Seen.UNKNOWN)


def _control_moved(compared: Comparison) -> Seen:
    none = {Verdict.SHARED: Seen.YES, Verdict.OWN: Seen.NO}
    return Seen.UNKNOWN if compared.shared is None else none.get(compared.shared, Seen.UNKNOWN)


_SIGHTS: dict[Sight, Callable[[Comparison], Seen]] = {
    Sight.SUPPORTED: _supported,
    Sight.CONTRADICTED: _contradicted,
    Sight.CONTROL_MOVED: _control_moved,
}


def _ranked(rivals: Sequence[Hypothesis], rows: Sequence[Row]) -> list[Rival]:
    known = [r for r in rows if r.seen is not Seen.UNKNOWN]
    counted = [
        Rival(
            id=h.id,
            text=h.text,
            inconsistent=sum(r.fits[h.id] is Fit.INCONSISTENT for r in known),
            consistent=sum(r.fits[h.id] is Fit.CONSISTENT for r in known),
        )
        for h in rivals
    ]
    return sorted(counted, key=lambda r: r.inconsistent)


def _first(rivals: Sequence[Rival]) -> frozenset[str]:
    """Those with the least against them."""
    least = min((r.inconsistent for r in rivals), default=0)
    return frozenset(r.id for r in rivals if r.inconsistent == least)


def _leads(claim: Claim, rows: Sequence[Row], but: Row) -> frozenset[str]:
    return _first(_ranked(claim.hypotheses, [r for r in rows if r.id != but.id]))
