"""The words that claims are described with: how far a source is trusted, what can be seen, what should move."""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import Literal


class Reliability(StrEnum):
    """Admiralty code of a source: its record, whatever it says this time."""

    A = "A"
    """Completely reliable."""
    B = "B"
    """Usually reliable."""
    C = "C"
    """Fairly reliable."""
    D = "D"
    """Not usually reliable."""
    E = "E"
    """Unreliable."""
    F = "F"
    """Cannot be judged."""


class Credibility(IntEnum):
    """Admiralty code of one item: its support, whoever says it."""

    CONFIRMED = 1
    PROBABLY_TRUE = 2
    POSSIBLY_TRUE = 3
    DOUBTFUL = 4
    IMPROBABLE = 5
    CANNOT_BE_JUDGED = 6


class Observability(StrEnum):
    """What public imagery of 10 m can do for a claim. Never a word about its truth."""

    TESTABLE = "testable"
    """A measure exists, and a miss would count against the claim."""
    INDIRECT = "indirect"
    """Something related can be measured; a match or a miss moves the claim only a little."""
    NOT_OBSERVABLE = "not_observable"
    """No measure at 10 m: recorded, never scored."""


class Heading(StrEnum):
    """Which way a measure moves, or is expected to."""

    UP = "up"
    DOWN = "down"
    NOT_DOWN = "not_down"
    NOT_UP = "not_up"


Moved = Literal[Heading.UP, Heading.DOWN]
"""Which way a measure did move."""


class EffectKind(StrEnum):
    """How the size of an effect is given."""

    RATE_RATIO = "rate_ratio"
    """Rate per usable look in the window / in the baseline."""
    DIFFERENCE = "difference"
    """Window minus baseline, in the unit of the measure."""
    DIFFERENCE_ROBUST_Z = "difference_robust_z"
    """The same, in robust standard deviations of the baseline."""
    HECTARES = "hectares"


class Exclusion(StrEnum):
    """Usable looks that an expectation leaves out."""

    AFTER_SNOW = "after_snow"
    """The two looks of a track after one with snow on the ground: what melts or is swept looks like change."""


class Fit(StrEnum):
    """What an item of evidence, if it is seen, means for a hypothesis (Heuer 1999, ch. 8)."""

    CONSISTENT = "+"
    INCONSISTENT = "-"
    NEITHER = "0"


class Sight(StrEnum):
    """What must be found of an expectation for an item of evidence to count as seen."""

    SUPPORTED = "supported"
    CONTRADICTED = "contradicted"
    CONTROL_MOVED = "control_moved"
    """Its controls moved with it."""
