"""The values that the files of a workspace are read into: documents, claims, expectations, controls, timeline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from monitor.claim.codes import (
    Credibility,
    EffectKind,
    Exclusion,
    Fit,
    Heading,
    Observability,
    Reliability,
    Sight,
)
from monitor.errors import NarrativeError
from monitor.times import Interval


@dataclass(frozen=True, kw_only=True)
class Document:
    """A text that was read."""

    id: str
    title: str
    publisher: str
    dated: date
    date_basis: str
    """Where the date comes from, and how sure it is."""

    author: str = ""
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Period:
    """A stretch of time that an expectation compares its window with."""

    name: str
    interval: Interval
    same_season: bool = False
    """True: only the days of the year that the window holds count, in each year of the interval."""


@dataclass(frozen=True, kw_only=True)
class Effect:
    """The smallest effect that would matter."""

    kind: EffectKind
    value: float


@dataclass(frozen=True, kw_only=True)
class Looks:
    """How many usable looks a judgment needs at least."""

    window: int
    baseline: int
    """In each baseline period."""


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """What should be measurable if the claim is true."""

    id: str
    """Unique in its claim."""

    measure: str
    """Name of a measure. One that nothing computes yet is allowed: it says what is missing."""

    zone: str
    """`aoi.zone`; or `kursk_*`: the whole outlines of those AOIs of the claim whose id begins so."""

    sensors: Sequence[str]
    """S1, S2."""

    window: Interval
    baselines: Sequence[Period]
    direction: Heading
    min_effect: Effect
    min_looks: Looks
    weight: float
    """0 .. 1: how much of the claim hangs on it."""

    lag_days: tuple[int, int] | None = None
    """Days between what is claimed and its trace, least and most. Already part of `window`."""

    controls: Sequence[str] = ()
    """Zones that should not show the same change."""

    exclude: Sequence[Exclusion] = ()
    """Usable looks to leave out all the same."""

    stay_days: float | None = None
    """How long what is counted stays, days: of looks nearer to each other than this only the first counts. None: as
    the kind of measure has it."""

    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Hypothesis:
    """One of the readings that compete with each other, the claim's own among them."""

    id: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Probe:
    """What decides whether an item of evidence is seen."""

    expectation: str
    """Id of an expectation of the same claim."""

    sees: Sight = Sight.SUPPORTED
    baseline: str = ""
    """Name of one of its baselines; empty: all of them."""


@dataclass(frozen=True, kw_only=True)
class Item:
    """One row of a table of competing hypotheses: something that may be seen, and what it would mean for each."""

    id: str
    text: str
    fits: Mapping[str, Fit]
    """By id of a hypothesis; one that is not named is neither here nor there."""

    test: Probe | None = None
    """None: nothing in this workspace looks for it. It is listed as missing."""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One thing that was said, by whom, about when and where."""

    id: str
    document: str
    """Id of the document it was read in."""

    text: str
    """In our own short words."""

    said_by: str
    said_on: date
    about: Interval
    aois: Sequence[str]
    reliability: Reliability
    credibility: Credibility
    observability: Observability
    relay: str = ""
    """Through whom it came: two papers that quote one firm are one source."""

    places_named: Sequence[str] = ()
    place_basis: str = ""
    """Why these AOIs, if the text does not name them."""

    why: str = ""
    """Why this reliability and credibility."""

    resolution_needed: str = ""
    against: str = ""
    """What would count against it."""

    counter: Sequence[str] = ()
    """Ids of timeline entries that speak against it."""

    counterclaim: str = ""
    ambiguity: str = ""
    known_check: str = ""
    """A known event that a working detector must see."""

    lag_days: tuple[int, int] | None = None
    note: str = ""
    expectations: Sequence[Expectation] = ()
    hypotheses: Sequence[Hypothesis] = ()
    """Rival readings; empty: the claim has none."""

    evidence: Sequence[Item] = ()
    """What would tell them apart."""

    def expectation(self, name: str) -> Expectation:
        """The expectation of that id.

        Raises:
            NarrativeError: there is none.
        """
        for one in self.expectations:
            if one.id == name:
                return one
        known = ", ".join(e.id for e in self.expectations) or "none"
        raise NarrativeError(f"claim {self.id!r} has no expectation {name!r}", f"It has: {known}.")


@dataclass(frozen=True, kw_only=True)
class Frozen:
    """An expectation as it stood when somebody froze it: a line of the log."""

    claim: str
    expectation: str
    sha256: str
    """Of all that decides its judgment; see `freezing.fingerprint`."""

    at: datetime


@dataclass(frozen=True, kw_only=True)
class Control:
    """A known event, or a known quiet: if it is missed, the tool is wrong, not the world."""

    id: str
    text: str
    aois: Sequence[str]
    expect: str
    zone: str = ""
    """`aoi.zone`, or empty: any zone of the AOIs."""

    event: date | None = None
    source: str = ""


@dataclass(frozen=True, kw_only=True)
class ContextNote:
    """Something worth knowing beside the claims."""

    id: str
    text: str
    aois: Sequence[str]
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class TimelineEntry:
    """A fact as somebody reported it."""

    id: str
    on: date
    what: str
    source: str
    until: date | None = None
    """Last day, if it took longer than one."""

    date_precision: str = ""
    """"about", ...; empty: to the day."""

    count: Mapping[str, int | date] = field(default_factory=dict)
    """Figures as reported. Totals of different sources do not agree and are never added."""

    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Narrative:
    """All that the files of a workspace say. Ids are unique per kind."""

    documents: Sequence[Document] = ()
    claims: Sequence[Claim] = ()
    controls: Sequence[Control] = ()
    context: Sequence[ContextNote] = ()
    timeline: Sequence[TimelineEntry] = ()
    frozen: Sequence[Frozen] = ()
    """What the log holds of frozen expectations, oldest first."""

    def claim(self, name: str) -> Claim:
        """The claim of that id.

        Raises:
            NarrativeError: there is none.
        """
        for claim in self.claims:
            if claim.id == name:
                return claim
        known = ", ".join(c.id for c in self.claims) or "none"
        raise NarrativeError(f"there is no claim {name!r}", f"Known: {known}.")
