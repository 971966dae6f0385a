"""What has been said about the watched places, what should be measurable if it is true, and which alerts touch it.

A change in pixels never shows that a claim is true. `bearing` therefore says only that an alert agrees in direction
with what a claim lets one expect, runs against it, or falls in its place and time - and what the alert leaves open.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import IntEnum, StrEnum
from typing import Literal

from monitor.errors import NarrativeError
from monitor.times import Interval


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

    exclude: Sequence[str] = ()
    """Looks to leave out, in words."""

    frozen_on: date | None = None
    """The day from which it no longer changed; None: still a draft."""

    note: str = ""

    @property
    def fixed_beforehand(self) -> bool:
        """True if it was frozen before its window opened: only then is it a test and not a reading."""
        return self.frozen_on is not None and self.frozen_on < self.window.start.date()


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


class Relation(StrEnum):
    """How an alert stands to a claim. None of these is a verdict."""

    AGREES = "agrees"
    """Same place, kind of measure and time, and the direction that the claim lets one expect."""
    RUNS_AGAINST = "runs_against"
    """The same, and the other direction."""
    TOUCHES = "touches"
    """Place and time of the claim, but nothing that the claim lets one expect was measured."""


@dataclass(frozen=True, kw_only=True)
class Bearing:
    """One claim that an alert touches, and how."""

    claim: Claim
    expectation: Expectation | None
    """The one that it meets; None: only place and time of the claim."""

    relation: Relation
    says: str
    """In plain sentences: what the alert says about the claim."""

    does_not_say: str
    """In plain sentences: what it leaves open. Never empty."""


WHOLE = "outline"
"""Name of the zone that is the whole AOI (see `aoi.whole`)."""


@dataclass(frozen=True, kw_only=True)
class _Family:
    """Measures that look at the same thing."""

    measures: frozenset[str]
    hidden: str
    """What none of them shows."""


_FAMILIES = (
    _Family(
        measures=frozenset({"vessel_count", "vessel_area_m2", "ship_presence"}),
        hidden="what any ship carried, what ship it was, under whose flag it sailed or who ordered it; at 10 m a patch the "
        "size of a ship need not be one",
    ),
    _Family(
        measures=frozenset({"yard_change", "changed_area_m2", "yard_fill"}),
        hidden="what was stored or moved, how many containers or wagons, whose they were or where they went",
    ),
    _Family(
        measures=frozenset({"new_built_or_bare", "ground_disturbance", "changed_area_m2"}),
        hidden="who built, cleared or used the ground, of what nationality they were or what it is for",
    ),
)
_HIDDEN_ELSEWHERE = "who or what caused the change, nor people, cargo, names or nationality"


@dataclass(frozen=True, kw_only=True)
class _Event:
    """An alert, as far as claims are concerned."""

    aoi: str
    zone: str
    measure: str
    sensor: str | None
    span: Interval
    direction: Moved

    def __str__(self) -> str:
        sensor = f" ({self.sensor})" if self.sensor else ""
        return f"{self.measure} at {self.aoi}.{self.zone} went {self.direction}{sensor}, {_days(self.span)}."


def bearing(
    narrative: Narrative,
    *,
    aoi: str,
    zone: str,
    measure: str,
    sensor: str | None,
    since: datetime,
    until: datetime,
    direction: Moved,
) -> list[Bearing]:
    """The claims that an alert touches, in the order of the narrative.

    One bearing for each expectation with the alert's zone, kind of measure, sensor and time. A claim about the AOI
    and time without such an expectation gives one bearing `touches`. A claim that is not observable never gives more.
    `zone` is the name within the AOI; `sensor` "S1", "S2", "sentinel-1", "sentinel-2" or None (several);
    `until` may equal `since` (one look).

    Raises:
        UsageError: `until` lies before `since`, or an instant has no time zone.
    """
    event = _Event(
        aoi=aoi,
        zone=zone,
        measure=measure,
        sensor=None if sensor is None else sensor.lower().replace("sentinel-", "S").upper(),
        span=Interval(start=since, end=until),
        direction=direction,
    )
    return [found for claim in narrative.claims for found in _bearings(claim, event)]


def related(measure: str, other: str) -> bool:
    """True if the two measures are the same or look at the same thing."""
    return measure == other or any({measure, other} <= family.measures for family in _FAMILIES)


def _bearings(claim: Claim, event: _Event) -> Iterator[Bearing]:
    met = [e for e in claim.expectations if _meets(e, claim, event)]
    if met and claim.observability is not Observability.NOT_OBSERVABLE:
        yield from (_of_expectation(claim, expectation, event) for expectation in met)
    elif event.aoi in claim.aois and _overlaps(claim.about, event.span):
        yield _of_place(claim, event)


def _meets(expectation: Expectation, claim: Claim, event: _Event) -> bool:
    return (
        _covers(expectation.zone, claim, event)
        and related(expectation.measure, event.measure)
        and (event.sensor is None or event.sensor in expectation.sensors)
        and _overlaps(expectation.window, event.span)
    )


def _covers(zone: str, claim: Claim, event: _Event) -> bool:
    if not zone.endswith("*"):
        return zone == f"{event.aoi}.{event.zone}"
    # Only the claim's own AOIs: `kursk_*` of a claim about the border strip is not Kursk city, 100 km behind it.
    return event.zone == WHOLE and event.aoi.startswith(zone[:-1]) and event.aoi in claim.aois


def _overlaps(interval: Interval, span: Interval) -> bool:
    """As `Interval.overlaps`, but a single look (an empty span) counts where it lies."""
    return span.start in interval or span.start < interval.start < span.end


def _relation(expected: Heading, moved: Moved) -> Relation:
    agreeing = {Heading.UP: {Heading.UP, Heading.NOT_DOWN}, Heading.DOWN: {Heading.DOWN, Heading.NOT_UP}}
    return Relation.AGREES if expected in agreeing[moved] else Relation.RUNS_AGAINST


def _of_expectation(claim: Claim, expectation: Expectation, event: _Event) -> Bearing:
    relation = _relation(expectation.direction, event.direction)
    verb = "agrees in direction with" if relation is Relation.AGREES else "runs against the direction of"
    baselines = "; ".join(period.name for period in expectation.baselines)
    said = [
        str(event),
        f"This {verb} expectation {expectation.id} of claim {claim.id}: {expectation.measure} {_words(expectation.direction)}, "
        f"{_days(expectation.window)}, compared with: {baselines}.",
    ]
    if expectation.measure != event.measure:
        said.append(f"{event.measure} is akin to {expectation.measure}, not the same measure.")
    open_ = [_not_shown(event), _not_weighed(expectation), *_confounders(claim, expectation)]
    return Bearing(
        claim=claim, expectation=expectation, relation=relation, says=" ".join(said), does_not_say=" ".join(open_)
    )


def _of_place(claim: Claim, event: _Event) -> Bearing:
    said = [str(event), f"This falls in a place and time that claim {claim.id} is about."]
    if claim.observability is Observability.NOT_OBSERVABLE:
        unscored = "It says nothing for or against the claim, which cannot be observed at 10 m and is never scored."
        open_ = [unscored, _not_shown(event)]
    else:
        said.append("No expectation of the claim covers this zone, measure, sensor and time.")
        open_ = ["It does not say whether the claim holds.", _not_shown(event)]
    open_ += _confounders(claim, None)
    return Bearing(
        claim=claim, expectation=None, relation=Relation.TOUCHES, says=" ".join(said), does_not_say=" ".join(open_)
    )


def _not_shown(event: _Event) -> str:
    hidden = [f.hidden for f in _FAMILIES if event.measure in f.measures] or [_HIDDEN_ELSEWHERE]
    return f"It does not show {'; nor '.join(hidden)}."


def _not_weighed(expectation: Expectation) -> str:
    effect, looks = expectation.min_effect, expectation.min_looks
    text = (
        "It is one change against this place's own history and does not weigh the claim: that needs "
        f"{looks.window} usable looks in the window and {looks.baseline} in each baseline, "
        f"and a {_words(effect.kind)} of {effect.value:g} or its contrary."
    )
    if expectation.fixed_beforehand:
        return text
    return f"{text} The expectation was not fixed before its window opened."


def _confounders(claim: Claim, expectation: Expectation | None) -> list[str]:
    notes = (claim.resolution_needed, expectation.note if expectation else "")
    labels = ("Resolution", "Note")
    return [f"{label}: {text}" for label, text in zip(labels, notes, strict=True) if text]


def _words(name: str) -> str:
    return name.replace("_", " ")


def _days(interval: Interval) -> str:
    """Intervals exclude their end; a reader expects the last day that is in it."""
    last = max(interval.start, interval.end - timedelta(microseconds=1))
    if last.date() == interval.start.date():
        return f"{last:%Y-%m-%d}"
    return f"{interval.start:%Y-%m-%d} to {last:%Y-%m-%d}"
