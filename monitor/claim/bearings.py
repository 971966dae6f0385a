"""Which claims an alert touches, how, and what it leaves open."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from monitor.claim.codes import Heading, Moved, Observability
from monitor.claim.freezing import Standing, standing
from monitor.claim.model import Claim, Expectation, Frozen, Narrative
from monitor.times import Interval

WHOLE = "outline"
"""Name of the zone that is the whole AOI (see `aoi.whole`)."""


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


_FAMILIES = {
    frozenset({"vessel_count", "vessel_area_m2", "ship_presence"}): (
        "what any ship carried, what ship it was, under whose flag it sailed or who ordered it; "
        "at 10 m a patch the size of a ship need not be one"
    ),
    frozenset({"yard_change", "changed_area_m2", "yard_fill"}): (
        "what was stored or moved, how many containers or wagons, whose they were or where they went"
    ),
    frozenset({"new_built_or_bare", "ground_disturbance", "changed_area_m2"}): (
        "who built, cleared or used the ground, of what nationality they were or what it is for"
    ),
}
"""Measures that look at the same thing, and what none of them shows."""

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
    return [found for claim in narrative.claims for found in _bearings(claim, event, narrative.frozen)]


def related(measure: str, other: str) -> bool:
    """True if the two measures are the same or look at the same thing."""
    return measure == other or any({measure, other} <= family for family in _FAMILIES)


def _bearings(claim: Claim, event: _Event, frozen: Sequence[Frozen]) -> Iterator[Bearing]:
    met = [e for e in claim.expectations if _meets(e, claim, event)]
    if met and claim.observability is not Observability.NOT_OBSERVABLE:
        yield from (_of_expectation(claim, expectation, event, frozen) for expectation in met)
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


def _of_expectation(claim: Claim, expectation: Expectation, event: _Event, frozen: Sequence[Frozen]) -> Bearing:
    relation = _relation(expectation.direction, event.direction)
    verb = "agrees in direction with" if relation is Relation.AGREES else "runs against the direction of"
    compared = "; ".join(period.name for period in expectation.baselines)
    said = [
        str(event),
        f"This {verb} expectation {expectation.id} of claim {claim.id}:",
        f"{expectation.measure} {_words(expectation.direction)}, {_days(expectation.window)},",
        f"compared with: {compared}.",
    ]
    if expectation.measure != event.measure:
        said.append(f"{event.measure} is akin to {expectation.measure}, not the same measure.")
    open_ = [_not_shown(event), _not_weighed(claim, expectation, frozen), *_confounders(claim, expectation)]
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


def unseen(measure: str) -> str:
    """What a measure does not show, as the end of a sentence."""
    return "; nor ".join([h for family, h in _FAMILIES.items() if measure in family] or [_HIDDEN_ELSEWHERE])


def _not_shown(event: _Event) -> str:
    return f"It does not show {unseen(event.measure)}."


def _not_weighed(claim: Claim, expectation: Expectation, frozen: Sequence[Frozen]) -> str:
    effect, looks = expectation.min_effect, expectation.min_looks
    text = (
        "It is one change against this place's own history and does not weigh the claim: that needs "
        f"{looks.window} usable looks in the window and {looks.baseline} in each baseline, "
        f"and a {_words(effect.kind)} of {effect.value:g} or its contrary."
    )
    # an alert that meets the window has seen it open
    if standing(claim, expectation, frozen, expectation.window.end) is Standing.BEFOREHAND:
        return text
    return f"{text} The expectation was not fixed before its window opened."


def _confounders(claim: Claim, expectation: Expectation | None) -> list[str]:
    notes = {"Resolution": claim.resolution_needed, "Note": expectation.note if expectation else ""}
    return [f"{label}: {text}" for label, text in notes.items() if text]


def _words(name: str) -> str:
    return name.replace("_", " ")


def _days(interval: Interval) -> str:
    """Intervals exclude their end; a reader expects the last day that is in it."""
    last = max(interval.start, interval.end - timedelta(microseconds=1))
    if last.date() == interval.start.date():
        return f"{last:%Y-%m-%d}"
    return f"{interval.start:%Y-%m-%d} to {last:%Y-%m-%d}"
