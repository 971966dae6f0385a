"""Freezes and judges the claims of a workspace: logged, with evidence and a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from monitor import assessment, clock, evidence
from monitor.claim import Claim
from monitor.claim_page import ClaimFacts, render_claim
from monitor.flow import assessing, claim_bundle, claim_story
from monitor.flow.claim_story import Case
from monitor.flow.desk import Desk
from monitor.message import TitledPicture


@dataclass(frozen=True, kw_only=True)
class Judgment:
    """What came of a claim, and where it is told."""

    facts: ClaimFacts
    evidence: Mapping[str, str] | None = None
    """Folder and SHA-256 of its bundle; None: none was kept."""

    page: Path | None = None


def freeze(desk: Desk, claim: Claim, expectations: Sequence[str], now: datetime) -> None:
    """Writes the hashes of expectations into the log, unless they are what was frozen last.

    Raises:
        NarrativeError: the claim has no such expectation.
    """
    chosen = [claim.expectation(name) for name in expectations]
    for line in [assessing.freeze_entry(claim, one, desk.narrative.frozen, now) for one in chosen]:
        if line is not None:
            desk.logbook.append(line)
    desk.read_narrative_again()


def page_path(desk: Desk, claim: str) -> Path:
    """Where the page of a claim goes by default."""
    return desk.workspace.reports / f"claim-{claim}.html"


def assess(desk: Desk, claim: Claim, as_of: datetime, *, keep: bool = True, page: Path | None = None) -> Judgment:
    """Judges a claim by the recorded looks; `keep`: logs it with its evidence, unless nothing changed since.

    Raises:
        WorkspaceError: the log, the evidence or the page cannot be written.
    """
    case = case_of(desk, claim, as_of)
    target = page or (page_path(desk, claim.id) if keep else None)
    drawn = claim_story.drawn(case, desk.store, desk.imagery) if target else {}
    kept = _kept(desk, case, drawn) if keep else None
    where = f"{kept['folder']} (manifest {kept['sha256']})" if kept else ""
    facts = claim_story.facts(case, drawn, now=as_of, evidence_at=where)
    return Judgment(
        facts=facts, evidence=kept, page=desk.written(render_claim(facts), target) if target is not None else None
    )


def case_of(desk: Desk, claim: Claim, as_of: datetime) -> Case:
    """The claim with its looks and what they say."""
    seen = assessing.known_at(assessing.gathered(desk.store, claim, desk.aois), as_of)
    return Case(
        claim=claim,
        assessment=assessment.assess(claim, seen, desk.narrative.frozen, as_of),
        evidence=seen,
        narrative=desk.narrative,
        aois=desk.aois,
        simulated=claim_story.is_simulated(desk.store, claim),
    )


def _kept(desk: Desk, case: Case, drawn: Mapping[str, Sequence[TitledPicture]]) -> dict[str, str] | None:
    """The bundle of an assessment, logged; None where nothing can be observed: then there is no evidence."""
    home, kept = desk.workspace, None
    if any(j.comparisons for j in case.assessment.judged):
        files = claim_bundle.narrative_contents(home.narrative_files())
        bundle = claim_bundle.bundle(case, drawn, files, desk.store, desk.imagery, now=case.assessment.as_of)
        sha256 = evidence.write(home.evidence, bundle)
        kept = {"folder": home.display(evidence.folder_of(home.evidence, bundle.id)), "sha256": sha256}
    line = assessing.entry(case.assessment, case.inputs, desk.logbook.entries(), clock.now(), kept)
    if line is not None:
        desk.logbook.append(line)
    return kept
