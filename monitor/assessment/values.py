"""What an assessment says: outcome, numbers, the looks behind them, and what stands against it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from monitor.alert import Interval90, Verdict
from monitor.aoi import ZoneKind
from monitor.assessment.sample import Observed, Use
from monitor.assessment.words import Confidence, Likelihood
from monitor.claim import EffectKind, Fit, Heading, Standing


class Outcome(StrEnum):
    """Of an expectation or a claim. None says that the claim is true: pixels of 10 m do not show what ships carry."""

    NOT_OBSERVABLE = "not observable"
    """Nothing that is measured here can tell. Never scored."""

    INCONCLUSIVE = "inconclusive"
    """It could have been told; it was not. The doubts say why."""

    SUPPORTED = "supported"
    """On every baseline."""

    PARTLY = "supported against some baselines only"

    CONTRADICTED = "contradicted"
    """On every baseline the looks leave no room for the effect that was expected."""


class Finding(StrEnum):
    """What one comparison with one baseline says of an expectation."""

    SUPPORTS = "supports"
    CONTRADICTS = "contradicts"
    NEITHER = "neither"


class Doubt(StrEnum):
    """Why something is not concluded, or only with less confidence."""

    UNSCORED = "the claim cannot be observed at 10 m"
    NO_MEASURE = "nothing measures this"
    NOT_THERE = "the measure is not taken in zones of this kind"
    WINDOW_OPEN = "its window is not over"
    FEW_LOOKS = "too few looks"
    WIDE = "the interval leaves room both for no change and for the expected one"
    SMALL = "there is a change, but less than was expected"
    CHANCE = "chance could have done it, all expectations of the claim considered"
    CONTROL_MOVED = "the controls moved too"
    CONTROL_UNCLEAR = "the controls do not tell whether they moved too"
    CONTROL_UNSEEN = "no control could be compared"
    POST_HOC = "it was written or changed after its window opened"
    BASELINES_DIFFER = "the baselines disagree"
    OUTLINE = "the outline of the zone may be off"
    INDIRECT = "what is measured moves the claim only a little"
    EXPECTATIONS_DIFFER = "its expectations disagree"
    WEIGHTIEST = "the weightiest expectation is not concluded"


@dataclass(frozen=True, kw_only=True)
class Place:
    """What must be known of a zone beside its looks."""

    kind: ZoneKind | None = None
    """None: whole AOIs."""

    uncertainty_m: float | None = None
    """How far off its outline may be."""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """All that a claim is judged by."""

    looks: Mapping[tuple[str, str], Sequence[Observed]]
    """By zone ("aoi.zone", or "kursk_*") and measure: usable and unusable ones."""

    places: Mapping[str, Place] = field(default_factory=dict)
    """By zone."""


@dataclass(frozen=True, kw_only=True)
class Looks:
    """The looks of one period."""

    counted: int
    usable: int
    every: int
    total: float
    """Sum of the counted numbers: for presence the looks with a ship."""

    rate: float | None
    """Standardised over the tracks, per counted look; None: no track has looks in both periods."""

    unused: Mapping[str, int]
    """Reason -> looks that do not count."""

    needed: int
    """How many the expectation asks for."""

    @property
    def enough(self) -> bool:
        """True if as many count as were asked for."""
        return self.counted >= self.needed


@dataclass(frozen=True, kw_only=True)
class ControlFound:
    """How one control moved between the same two periods."""

    zone: str
    window: int
    """Counted looks."""

    base: int
    change: Interval90 | None
    """In the kind of the expectation's effect; None: too few looks."""


@dataclass(frozen=True, kw_only=True)
class Weight:
    """One look of the window with what it says."""

    look: str
    at: datetime
    track: str
    use: Use
    value: float | None
    reason: str
    log_odds: float
    """Natural logarithm of its likelihood ratio; exactly 0 where it does not count."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A window against one baseline."""

    baseline: str
    window: Looks
    base: Looks
    effect: Interval90 | None
    """None: no track has looks in both periods."""

    p: float
    """One-sided, that nothing changed the expected way: the largest of the exact test's, the posterior's, and, with
    controls, of that of what is left beside them."""

    power: float
    """Chance that the expected effect would have been told from none with these looks."""

    detectable: float | None
    """Smallest effect that would be found in 80 of 100 cases."""

    controls: Sequence[ControlFound]
    beyond: Interval90 | None
    """The effect less (over) that of the controls."""

    shared: Verdict | None
    """What the controls say; None: the expectation names none."""

    log_odds: float
    """Of the window, capped; 0 where too few looks or a moving control make it worthless."""

    finding: Finding
    doubts: Sequence[Doubt]
    weights: Sequence[Weight]


@dataclass(frozen=True, kw_only=True)
class Judged:
    """One expectation, judged."""

    id: str
    measure: str
    zone: str
    direction: Heading
    kind: EffectKind
    wanted: float
    sha256: str
    standing: Standing
    outcome: Outcome
    against: Sequence[str]
    """Baselines on which it is supported."""

    comparisons: Sequence[Comparison]
    p: float
    """Of the support, over its baselines."""

    p_adjusted: float
    """Holm's, over the expectations of the claim."""

    log_odds: float
    """The most cautious over its baselines."""

    weight: float
    confidence: Confidence
    doubts: Sequence[Doubt]


class Seen(StrEnum):
    """Of a row of the table of competing hypotheses."""

    YES = "seen"
    NO = "not seen"
    UNKNOWN = "not known"


@dataclass(frozen=True, kw_only=True)
class Row:
    """An item of evidence with what it means for each hypothesis."""

    id: str
    text: str
    seen: Seen
    fits: Mapping[str, Fit]
    """By hypothesis: as observed, so a row that was not seen has its signs turned."""

    splits: bool
    """True if it tells hypotheses apart."""


@dataclass(frozen=True, kw_only=True)
class Rival:
    """A hypothesis and how much stands against it."""

    id: str
    text: str
    inconsistent: int
    consistent: int


@dataclass(frozen=True, kw_only=True)
class Table:
    """Competing hypotheses (Heuer 1999): ranked by least inconsistency."""

    rows: Sequence[Row]
    rivals: Sequence[Rival]
    """The least inconsistent first; ties share a rank."""

    hinges_on: Sequence[str]
    """Rows without which another hypothesis would come first."""


@dataclass(frozen=True, kw_only=True)
class Assessment:
    """A claim, judged as of an instant."""

    claim: str
    as_of: datetime
    outcome: Outcome
    judged: Sequence[Judged]
    log_odds: float
    likelihood: Likelihood | None
    """From even odds. None where nothing could be told: even odds are then what one began with."""

    confidence: Confidence
    table: Table | None
    doubts: Sequence[Doubt]
