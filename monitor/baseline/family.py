"""Kinds of measures, and the scale on which each is compared."""

from __future__ import annotations

import math
from enum import StrEnum


class Family(StrEnum):
    """How a measure varies while nothing happens: decides how a number is compared with its history."""

    COUNT = "count"
    """Whole numbers from 0: Poisson about a rate that is not known exactly, so negative binomial."""

    PRESENCE = "presence"
    """0 or 1, with a chance that is not known exactly: beta-binomial."""

    AMOUNT = "amount"
    """Areas, from 0, often exactly 0; compared by rank, which needs no law. Spread is told on the square root."""

    LEVEL = "level"
    """Decibels and other numbers that add up; compared as they are."""

    SHARE = "share"
    """From 0 to 1; compared as LEVEL is, on asin(sqrt(share)), where its spread depends least on its size."""

    @property
    def counted(self) -> bool:
        """True where a rate is followed, on its logarithm (COUNT) or logit (PRESENCE)."""
        return self is Family.COUNT or self is Family.PRESENCE


SMALLEST_SPREAD = {Family.AMOUNT: 10.0, Family.LEVEL: 0.3, Family.SHARE: 0.02}
"""Floor of the spread. AMOUNT: 10 m, the root of one 10 m pixel. LEVEL: 0.3 dB, the stability of Sentinel-1
within a track (relative radiometric accuracy in its product specification). SHARE: one percent around a tenth."""


USUAL_SPREAD = {Family.AMOUNT: 10.0, Family.LEVEL: 0.5, Family.SHARE: 0.06}
"""Before any look, worth USUAL_FREEDOM of them. SHARE: thirty stacks in a yard that holds eighty, which come and go."""

USUAL_FREEDOM = 4.0


def compared(value: float, family: Family) -> float:
    """The number on the scale on which its spread is told."""
    if family is Family.AMOUNT:
        return math.sqrt(max(value, 0.0))
    return math.asin(math.sqrt(min(max(value, 0.0), 1.0))) if family is Family.SHARE else value


def as_measured(value: float, family: Family) -> float:
    """The inverse of `compared`."""
    if family is Family.AMOUNT:
        return max(value, 0.0) ** 2
    return math.sin(min(max(value, 0.0), math.pi / 2)) ** 2 if family is Family.SHARE else value


def from_model_scale(value: float, family: Family) -> float:
    """In the unit of the measure: of the logarithm of a rate (COUNT), its logit (PRESENCE), or a number as compared."""
    if family is Family.COUNT:
        return math.exp(value)
    return 1 / (1 + math.exp(-value)) if family is Family.PRESENCE else as_measured(value, family)
