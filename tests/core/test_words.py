"""Likelihood and confidence: the table of ICD 203, and that the two never meet in one sentence."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.assessment import Confidence, ConfidenceSentence, Likelihood, LikelihoodSentence, Word


@pytest.mark.parametrize(
    ("percent", "word"),
    [
        (1, Word.ALMOST_NO_CHANCE),
        (4.9, Word.ALMOST_NO_CHANCE),
        (5, Word.VERY_UNLIKELY),
        (19, Word.VERY_UNLIKELY),
        (20, Word.UNLIKELY),
        (44, Word.UNLIKELY),
        (45, Word.EVEN),
        (50, Word.EVEN),
        (55, Word.EVEN),
        (56, Word.LIKELY),
        (80, Word.LIKELY),
        (81, Word.VERY_LIKELY),
        (95, Word.VERY_LIKELY),
        (96, Word.ALMOST_CERTAIN),
        (99, Word.ALMOST_CERTAIN),
    ],
)
def test_the_table_of_icd_203(percent: float, word: Word) -> None:
    assert Likelihood(percent / 100).word is word


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_no_odds_print_certainty_or_impossibility(log_odds: float) -> None:
    likelihood = Likelihood.of_log_odds(log_odds)
    sentence = str(LikelihoodSentence(likelihood, "the rate rose"))
    assert not re.search(r"(?<![\d.])(?:0|100) ?%|(?<!\d)0-|-100", sentence)
    low, high = (int(n) for n in re.findall(r"(\d+)-(\d+) %", sentence)[0])
    assert low / 100 - 1e-9 <= likelihood.value <= high / 100 + 1e-9


@given(st.floats(-8, 8))
def test_odds_against_are_the_mirror_of_odds_for(log_odds: float) -> None:
    assert Likelihood.of_log_odds(log_odds).value + Likelihood.of_log_odds(-log_odds).value == pytest.approx(1.0)
    assert (Likelihood.of_log_odds(log_odds).value - 0.5) * log_odds >= 0


@pytest.mark.parametrize("value", [0.0, 1.0, 0.005, 0.995, -1.0, math.nan])
def test_a_probability_that_may_not_be_printed_cannot_be_made(value: float) -> None:
    with pytest.raises(ValueError, match="no probability"):
        Likelihood(value)


@pytest.mark.parametrize(
    "about", ["the rate rose, with high confidence", "we are Confident that it rose", "confidence is low"]
)
def test_a_sentence_of_likelihood_refuses_confidence(about: str) -> None:
    with pytest.raises(ValueError, match="in one sentence"):
        LikelihoodSentence(Likelihood(0.7), about)


@pytest.mark.parametrize(
    "because",
    [
        "it is very likely",
        "there is a chance",
        "the probable cause is ice",
        "almost certainly 30 looks",
        "the odds are good",
    ],
)
def test_a_sentence_of_confidence_refuses_likelihood(because: str) -> None:
    with pytest.raises(ValueError, match="in one sentence"):
        ConfidenceSentence(Confidence.HIGH, because)


@pytest.mark.parametrize("text", ["", "one. Two", "it ended.", "was it?"])
def test_a_second_sentence_cannot_be_smuggled_in(text: str) -> None:
    with pytest.raises(ValueError, match="one sentence"):
        LikelihoodSentence(Likelihood(0.7), text)
    with pytest.raises(ValueError, match="one sentence"):
        ConfidenceSentence(Confidence.LOW, text)


@pytest.mark.parametrize("text", ["100 % of looks", "0% of looks", "100 percent of it", "some 100.0 % sure"])
def test_nothing_is_0_or_100_percent(text: str) -> None:
    with pytest.raises(ValueError, match="0 or 100"):
        ConfidenceSentence(Confidence.LOW, text)


def test_what_both_say() -> None:
    assert str(LikelihoodSentence(Likelihood(0.9), "ships came")) == "It is very likely (80-95 %) that ships came."
    assert (
        str(LikelihoodSentence(Likelihood(0.5), "ships came"))
        == "There is a roughly even chance (45-55 %) that ships came."
    )
    assert str(LikelihoodSentence(Likelihood(0.02), "they did")) == "There is almost no chance (1-5 %) that they did."
    low = ConfidenceSentence(Confidence.LOW, "there are 3 looks")
    assert str(low) == "Confidence in the base of this judgment is low: there are 3 looks."
