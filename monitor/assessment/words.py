"""Words for likelihood and for confidence, kept apart by their types (ICD 203, 2015, D.6.e.2).

A likelihood is about the world; confidence is about what the judgment rests on. The two are never said in one sentence,
so a sentence of one kind can only be made from a value of that kind, and refuses words of the other. Nothing is ever
0 or 100 %.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

LEAST: Final = 0.01
MOST: Final = 0.99


class Word(StrEnum):
    """One column of the table of ICD 203: the two columns are not mixed."""

    ALMOST_NO_CHANCE = "almost no chance"
    VERY_UNLIKELY = "very unlikely"
    UNLIKELY = "unlikely"
    EVEN = "roughly even chance"
    LIKELY = "likely"
    VERY_LIKELY = "very likely"
    ALMOST_CERTAIN = "almost certain"


BANDS: Final = (
    (Word.ALMOST_NO_CHANCE, 1, 5),
    (Word.VERY_UNLIKELY, 5, 20),
    (Word.UNLIKELY, 20, 45),
    (Word.EVEN, 45, 55),
    (Word.LIKELY, 55, 80),
    (Word.VERY_LIKELY, 80, 95),
    (Word.ALMOST_CERTAIN, 95, 99),
)
"""Word, and the percentages it stands for."""


@dataclass(frozen=True)
class Likelihood:
    """A probability that may be printed: within 0.01 .. 0.99."""

    value: float

    def __post_init__(self) -> None:
        if not LEAST <= self.value <= MOST:
            raise ValueError(f"{self.value} is no probability that may be printed")

    @classmethod
    def of_log_odds(cls, log_odds: float) -> Likelihood:
        """From the natural logarithm of the odds."""
        far = max(min(log_odds, 50.0), -50.0)
        return cls(min(max(1 / (1 + math.exp(-far)), LEAST), MOST))

    @property
    def word(self) -> Word:
        """Of the table; at an edge the one nearer to even."""
        percent = round(100 * self.value, 6)
        if self.value >= 0.5:
            return next(w for w, _, high in BANDS if percent <= high)
        return next(w for w, low, _ in reversed(BANDS) if percent >= low)

    @property
    def band(self) -> str:
        """The percentages of its word."""
        low, high = next((low, high) for w, low, high in BANDS if w is self.word)
        return f"{low}-{high} %"


class Confidence(StrEnum):
    """In the base of a judgment, never in the world."""

    HIGH = "high"
    MODERATE = "moderate"
    LOW = "low"


_CONFIDENCE = re.compile(r"\bconfiden", re.IGNORECASE)
_LIKELIHOOD = re.compile(r"\b(?:(?:un)?likely|(?:im)?probabl[ey]|chance|certain(?:ly)?|odds|remote)\b", re.IGNORECASE)
_EXTREME = re.compile(r"(?<![\d.,])(?:0|100)(?:\.0+)? ?(?:%|per ?cent)", re.IGNORECASE)


@dataclass(frozen=True)
class LikelihoodSentence:
    """A sentence that says how likely something is."""

    likelihood: Likelihood
    about: str
    """What is likely or not: the rest of the sentence after "that"."""

    def __post_init__(self) -> None:
        _one_sentence(self.about)
        if _CONFIDENCE.search(self.about):
            raise ValueError(f"a likelihood and a confidence in one sentence: {self.about!r}")

    def __str__(self) -> str:
        word = self.likelihood.word
        there = {Word.ALMOST_NO_CHANCE: "There is", Word.EVEN: "There is a"}.get(word)
        said = f"{there} {word} ({self.likelihood.band})" if there else f"It is {word} ({self.likelihood.band})"
        return f"{said} that {self.about}."


@dataclass(frozen=True)
class ConfidenceSentence:
    """A sentence that says how good the base of a judgment is."""

    confidence: Confidence
    because: str

    def __post_init__(self) -> None:
        _one_sentence(self.because)
        if _LIKELIHOOD.search(self.because):
            raise ValueError(f"a confidence and a likelihood in one sentence: {self.because!r}")

    def __str__(self) -> str:
        return f"Confidence in the base of this judgment is {self.confidence}: {self.because}."


def _one_sentence(text: str) -> None:
    if not text.strip() or re.search(r"[.!?]\s", text) or text.rstrip().endswith((".", "!", "?")):
        raise ValueError(f"not the rest of one sentence: {text!r}")
    if _EXTREME.search(text):
        raise ValueError(f"nothing is 0 or 100 %: {text!r}")
