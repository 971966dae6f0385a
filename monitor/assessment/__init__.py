"""What the looks say of a claim: expectations judged against their baselines, with numbers, looks and doubts."""

from monitor.assessment.judging import assess
from monitor.assessment.sample import STACK_DAYS, STAY_DAYS, Observed, Use
from monitor.assessment.values import (
    Assessment,
    Comparison,
    ControlFound,
    Doubt,
    Evidence,
    Finding,
    Judged,
    Looks,
    Outcome,
    Place,
    Rival,
    Row,
    Seen,
    Table,
    Weight,
)
from monitor.assessment.words import Confidence, ConfidenceSentence, Likelihood, LikelihoodSentence, Word

__all__ = [
    "STACK_DAYS",
    "STAY_DAYS",
    "Assessment",
    "Comparison",
    "Confidence",
    "ConfidenceSentence",
    "ControlFound",
    "Doubt",
    "Evidence",
    "Finding",
    "Judged",
    "Likelihood",
    "LikelihoodSentence",
    "Looks",
    "Observed",
    "Outcome",
    "Place",
    "Rival",
    "Row",
    "Seen",
    "Table",
    "Use",
    "Weight",
    "Word",
    "assess",
]
