"""What is printed about a judged claim: quotable, hedged, escaped, and complete by itself."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from html import unescape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.test_assessment import (
    AFTER,
    CONTROL,
    EQUAL,
    EXPECTATION,
    SEASON,
    STRONG,
    TROUGH,
    WINDOW,
    claim,
    evidence,
    judged,
    looks,
    presence,
)
from monitor.assessment import Assessment
from monitor.claim import Claim, Document, Effect, EffectKind, Fit, Heading, Hypothesis, Item, Observability, Probe
from monitor.claim_page import ClaimFacts, Named, compared, concluded, expected, headline, render_claim
from monitor.message import TitledPicture

DOCUMENT = Document(id="paper", title="A title", publisher="A paper", dated=date(2026, 2, 6), date_basis="as printed")


RAJIN = Named(place="Rajin, berths", outline_m=20.0)


def facts(told: Assessment, of: Claim | None = None, place: Named = RAJIN) -> ClaimFacts:
    return ClaimFacts(
        claim=of or claim(),
        assessment=told,
        document=DOCUMENT,
        places={"rajin.berths": place},
        attribution="Contains modified Copernicus Sentinel data [2025]",
        generated=AFTER,
        version="1.2.3",
    )


def text(page: str) -> str:
    bare = re.sub(r"<style>.*?</style>", " ", page, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", bare)).split())


def test_a_supported_claim_in_sentences_that_may_be_quoted() -> None:
    lines = headline(facts(judged(evidence(STRONG))))
    assert lines[0] == "Supported: the change that was expected is there, against every baseline."
    assert lines[1].startswith(
        "Rajin, berths: a vessel on 30 of 42 looks (0.71 a look) in the window, and a vessel on 6 of 40"
    )
    assert re.search(r"Ratio 4\.\d \(90 % interval \d\.\d to \d+(\.\d)?\)", lines[1])
    assert lines[2].startswith("It is very likely (80-95 %) that the change happened")
    assert lines[3].startswith("Confidence in the base of this judgment is moderate: 42 independent looks")
    assert lines[-1].startswith("This does not show what any ship carried")


def test_no_look_is_never_told_as_no_activity() -> None:
    said = " ".join(headline(facts(judged(evidence(looks(WINDOW, [None] * 12))))))
    assert said.startswith("Inconclusive: too few looks")
    assert "likely" not in said
    assert not re.search(r"no (activity|ships|change)\b", said)
    (compared_,) = judged(evidence(looks(WINDOW, [None] * 12))).judged[0].comparisons
    told = compared(judged(evidence([])).judged[0], compared_, "Rajin, berths")
    assert "In the window 0 of 12 looks count. 8 were asked for. The others: cloud (12)." in told


def test_what_cannot_be_observed_says_so_and_nothing_else() -> None:
    of = claim(observability=Observability.NOT_OBSERVABLE)
    lines = headline(facts(judged(evidence(STRONG), of), of))
    assert lines[0] == "Not observable: the claim cannot be observed at 10 m. It is recorded and not scored."
    assert len(lines) == 2


def test_partly_names_the_baselines() -> None:
    of = claim(replace(EXPECTATION, baselines=(TROUGH, SEASON)))
    told = judged(evidence([*STRONG, *looks(SEASON.interval, presence(29, 42))]), of)
    assert (
        headline(facts(told, of))[0] == "Supported against “recent trough” only, and not against the other baselines."
    )


@pytest.mark.parametrize(
    ("direction", "kind", "value", "said"),
    [
        (Heading.UP, EffectKind.RATE_RATIO, 1.5, "Looks with a vessel: up, at least to 1.5 times."),
        (Heading.NOT_DOWN, EffectKind.RATE_RATIO, 0.67, "Looks with a vessel: not down to 0.67 times or further."),
        (Heading.DOWN, EffectKind.DIFFERENCE, -0.2, "Looks with a vessel: down, at least by -0.2."),
    ],
)
def test_what_was_expected(direction: Heading, kind: EffectKind, value: float, said: str) -> None:
    of = replace(EXPECTATION, direction=direction, min_effect=Effect(kind=kind, value=value))
    assert expected(judged(evidence(EQUAL), claim(of)).judged[0]) == said


def test_the_page_has_all_of_it_and_loads_nothing() -> None:
    of = claim(
        replace(EXPECTATION, controls=(CONTROL,)),
        relay="a paper",
        why="It has a record.",
        hypotheses=(Hypothesis(id="H1", text="It rose."), Hypothesis(id="H2", text="It did not.")),
        evidence=(
            Item(
                id="R1",
                text="More ships",
                fits={"H1": Fit.CONSISTENT, "H2": Fit.INCONSISTENT},
                test=Probe(expectation="E1"),
            ),
            Item(id="R2", text="Cargo seen", fits={"H1": Fit.CONSISTENT}),
        ),
    )
    quiet = [*looks(TROUGH.interval, presence(20, 40)), *looks(WINDOW, presence(21, 42))]
    told = judged(evidence(STRONG, quiet), of)
    page = render_claim(
        replace(
            facts(told, of),
            pictures={"E1": [TitledPicture(title="The looks", png=b"png")]},
            evidence="alerts/evidence/x",
        )
    )
    said = text(page)
    for part in (
        "SUPPORTED",
        "said by A firm, through a paper",
        "rated B3",
        "Control zarubino.berths: ratio",
        "What is left beside the controls",
        "It was fixed in the log before its window opened.",
        told.judged[0].sha256,
        "Competing readings",
        "1 of 2 items are known",
        "More ships seen + -",
        "Cargo seen not known (+) (0)",
        "What this does not show",
        "Contains modified Copernicus Sentinel data [2025]",
        "alerts/evidence/x",
    ):
        assert part in said, part
    assert page.count("<tr><td>2025-") + page.count("<tr><td>2026-") == len(told.judged[0].comparisons[0].weights)
    assert not re.search(r'(?:src|href)="(?!data:)', page)
    assert "<script" not in page


def test_a_simulation_says_so_everywhere() -> None:
    page = render_claim(replace(facts(judged(evidence(STRONG))), simulated=True))
    assert "<title>[SIMULATED]" in page
    assert "Nothing in this report was observed by a satellite" in page


HOSTILE = st.text(alphabet=st.characters(exclude_categories=()), min_size=1, max_size=40).map(
    lambda t: f'<script>alert("{t}")</script>\r\nBcc: x\u202e{{{{7*7}}}}'
)


@settings(max_examples=25, deadline=None)
@given(HOSTILE)
def test_texts_from_files_stay_text(nasty: str) -> None:
    of = claim(text=nasty, said_by=nasty, why=nasty, ambiguity=nasty, against=nasty, relay=nasty)
    of = replace(of, expectations=(replace(EXPECTATION, note=nasty),))
    page = render_claim(facts(judged(evidence(STRONG), of), of, Named(place=nasty)))
    assert "<script" not in page
    assert "\u202e" not in page
    assert "{{7*7}}" in text(page)


def test_conclusions_and_how_an_expectation_stands() -> None:
    outcome, stands = concluded(judged(evidence(STRONG), frozen=False).judged[0])
    assert outcome == "Inconclusive: it was written or changed after its window opened."
    assert "a reading of the past, not a test" in stands
