"""A claim judged: each expectation against each of its baselines, then all of them together.

In this order: what cannot be observed is never scored; what lacks looks, or whose controls moved too, is inconclusive;
then support on every baseline, on some only, or contradiction. What was written after its window opened may be
contradicted, but is not supported.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from monitor.assessment import hypotheses, odds
from monitor.assessment.comparing import compare
from monitor.assessment.exact import LEVEL
from monitor.assessment.rates import rounded
from monitor.assessment.values import (
    Assessment,
    Comparison,
    Doubt,
    Evidence,
    Finding,
    Judged,
    Outcome,
    Place,
)
from monitor.assessment.words import Confidence, Likelihood
from monitor.claim import Claim, Expectation, Frozen, Observability, Standing, fingerprint, standing
from monitor.measures import MEASURES

GOOD_OUTLINE_M = 100.0
"""An outline that may be off by more lowers the confidence: half a berth may lie outside it."""

AMPLE = 2
"""Times the looks that an expectation asks for: more of them than this raise the confidence."""


def assess(claim: Claim, evidence: Evidence, frozen: Sequence[Frozen], as_of: datetime) -> Assessment:
    """What the looks say of a claim, with what was known at `as_of`."""
    cases = [
        _Case(claim=claim, expectation=e, evidence=evidence, stands=standing(claim, e, frozen, as_of))
        for e in claim.expectations
    ]
    judged = _holm([_first(case, as_of) for case in cases])
    outcome, doubts = _of_claim(claim, judged)
    log_odds = odds.capped(sum(j.weight * j.log_odds for j in judged), odds.LARGEST_OF_ALL)
    told = outcome is not Outcome.NOT_OBSERVABLE and any(j.log_odds for j in judged)
    return Assessment(
        claim=claim.id,
        as_of=as_of,
        outcome=outcome,
        judged=judged,
        log_odds=rounded(log_odds),
        likelihood=Likelihood.of_log_odds(log_odds) if told else None,
        confidence=_least([j.confidence for j in judged if j.outcome is not Outcome.NOT_OBSERVABLE]),
        table=hypotheses.table(claim, judged) if claim.hypotheses else None,
        doubts=doubts,
    )


@dataclass(frozen=True, kw_only=True)
class _Case:
    """An expectation with what it is judged by."""

    claim: Claim
    expectation: Expectation
    evidence: Evidence
    stands: Standing

    @property
    def place(self) -> Place:
        return self.evidence.places.get(self.expectation.zone, Place())

    @property
    def roughly_drawn(self) -> bool:
        return self.place.uncertainty_m is not None and self.place.uncertainty_m > GOOD_OUTLINE_M


def _first(case: _Case, as_of: datetime) -> Judged:
    """An expectation by itself."""
    unseen = _unobservable(case)
    if unseen is not None:
        return _judged(case, [], Outcome.NOT_OBSERVABLE, [unseen])
    expectation = case.expectation
    family = MEASURES[expectation.measure].family
    compared = [compare(expectation, b, case.evidence, family) for b in expectation.baselines]
    if as_of < expectation.window.end:
        compared = [replace(c, finding=Finding.NEITHER, log_odds=0.0) for c in compared]
        return _judged(case, compared, Outcome.INCONCLUSIVE, [Doubt.WINDOW_OPEN])
    return _judged(case, compared, *_joined(compared))


def _unobservable(case: _Case) -> Doubt | None:
    measure, kind = case.expectation.measure, case.place.kind
    if case.claim.observability is Observability.NOT_OBSERVABLE:
        return Doubt.UNSCORED
    if measure not in MEASURES:
        return Doubt.NO_MEASURE
    if kind is not None and kind not in MEASURES[measure].kinds:
        return Doubt.NOT_THERE
    return None


def _joined(compared: Sequence[Comparison]) -> tuple[Outcome, list[Doubt]]:
    """Over the baselines."""
    found = {c.finding for c in compared}
    doubts = list(dict.fromkeys(d for c in compared for d in c.doubts))
    if found == {Finding.SUPPORTS}:
        return Outcome.SUPPORTED, doubts
    if found == {Finding.CONTRADICTS}:
        return Outcome.CONTRADICTED, doubts
    if Finding.SUPPORTS in found:
        return Outcome.PARTLY, [Doubt.BASELINES_DIFFER, *doubts]
    return Outcome.INCONCLUSIVE, ([Doubt.BASELINES_DIFFER] if Finding.CONTRADICTS in found else []) + doubts


def _judged(case: _Case, compared: Sequence[Comparison], outcome: Outcome, doubts: Sequence[Doubt]) -> Judged:
    expectation = case.expectation
    return Judged(
        id=expectation.id,
        measure=expectation.measure,
        zone=expectation.zone,
        direction=expectation.direction,
        kind=expectation.min_effect.kind,
        wanted=expectation.min_effect.value,
        sha256=fingerprint(case.claim, expectation),
        standing=case.stands,
        outcome=outcome,
        against=[c.baseline for c in compared if c.finding is Finding.SUPPORTS],
        comparisons=compared,
        p=_support(compared),
        p_adjusted=1.0,
        log_odds=_cautious(compared),
        weight=expectation.weight,
        confidence=_confidence(compared, case),
        doubts=[*doubts, Doubt.OUTLINE] if case.roughly_drawn and compared else list(doubts),
    )


def _support(compared: Sequence[Comparison]) -> float:
    """p of the support: of all baselines the worst; where only some support it, that of the choice among them too."""
    supporting = [c.p for c in compared if c.finding is Finding.SUPPORTS]
    if not supporting:
        return 1.0
    choice = 1 if len(supporting) == len(compared) else len(compared)
    return rounded(min(1.0, max(supporting) * choice))


def _cautious(compared: Sequence[Comparison]) -> float:
    """The baseline that says least; 0 where they point to different sides."""
    values = [c.log_odds for c in compared]
    if not values or min(values) * max(values) <= 0:
        return 0.0
    return min(values, key=abs)


def _holm(judged: Sequence[Judged]) -> list[Judged]:
    """Holm (1979, Scand. J. Statist. 6, 65-70) over all expectations that can be observed, concluded or not.

    Those without weight are checks: they add nothing to the claim, so they cost it nothing.
    """
    tested = sorted((j for j in judged if j.outcome is not Outcome.NOT_OBSERVABLE and j.weight > 0), key=lambda j: j.p)
    adjusted: dict[str, float] = {}
    reached = 0.0
    for rank, one in enumerate(tested):
        reached = max(reached, min(1.0, one.p * (len(tested) - rank)))
        adjusted[one.id] = rounded(reached)
    return [_concluded(replace(j, p_adjusted=adjusted.get(j.id, j.p))) for j in judged]


def _concluded(judged: Judged) -> Judged:
    """Support falls to chance, and to having been written afterwards."""
    if judged.outcome not in {Outcome.SUPPORTED, Outcome.PARTLY}:
        return judged
    fails = [Doubt.CHANCE] if judged.p_adjusted > LEVEL else []
    fails += [Doubt.POST_HOC] if judged.standing is not Standing.BEFOREHAND else []
    if not fails:
        return judged
    return replace(judged, outcome=Outcome.INCONCLUSIVE, doubts=[*fails, *judged.doubts])


def _confidence(compared: Sequence[Comparison], case: _Case) -> Confidence:
    """From looks, controls, outline and beforehandedness alone: never from how the judgment came out."""
    periods = [p for c in compared for p in (c.window, c.base)]
    if not periods or not all(p.enough for p in periods):
        return Confidence.LOW
    strong = [
        all(p.counted >= AMPLE * p.needed for p in periods),
        all(c.shared is not None and c.beyond is not None for c in compared),
        not case.roughly_drawn,
        case.stands is Standing.BEFOREHAND,
    ]
    if all(strong):
        return Confidence.HIGH
    return Confidence.MODERATE if sum(strong) >= 2 else Confidence.LOW


def _least(found: Sequence[Confidence]) -> Confidence:
    order = [Confidence.LOW, Confidence.MODERATE, Confidence.HIGH]
    return min(found, key=order.index, default=Confidence.LOW)


def _of_claim(claim: Claim, judged: Sequence[Judged]) -> tuple[Outcome, list[Doubt]]:
    """The weightiest expectation decides, unless another one says the opposite."""
    scored = [j for j in judged if j.outcome is not Outcome.NOT_OBSERVABLE]
    if claim.observability is Observability.NOT_OBSERVABLE or not scored:
        return Outcome.NOT_OBSERVABLE, list(dict.fromkeys(d for j in judged for d in j.doubts)) or [Doubt.UNSCORED]
    first = max(scored, key=lambda j: j.weight)
    others = {j.outcome for j in scored if j.weight > 0}
    if Outcome.CONTRADICTED in others and others & {Outcome.SUPPORTED, Outcome.PARTLY}:
        return Outcome.INCONCLUSIVE, [Doubt.EXPECTATIONS_DIFFER]
    if first.outcome is Outcome.INCONCLUSIVE:
        return Outcome.INCONCLUSIVE, list(first.doubts) or [Doubt.WEIGHTIEST]
    if claim.observability is Observability.INDIRECT:
        return Outcome.INCONCLUSIVE, [Doubt.INDIRECT]
    return first.outcome, list(first.doubts)
