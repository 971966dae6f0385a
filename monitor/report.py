"""The report about one AOI and period: a single HTML file that needs nothing else.

Pictures are inside as base64; there are no scripts and nothing is loaded, so the file can be mailed, archived and
hashed as it is.
"""

from __future__ import annotations

import base64
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from monitor.alert import Incident, Kind, State
from monitor.message import (
    NOT_NOTHING,
    NOT_SHOWN,
    PATCHES,
    SET_NOT_MEASURED,
    Statement,
    clean,
    cleaned,
    counted,
    day,
    direction,
    false_alarms,
    more_or_less,
    number,
    place_of,
    subject_of,
    tally,
    templates,
    told,
)
from monitor.times import Interval


@dataclass(frozen=True, kw_only=True)
class ReportZone:
    """A zone of the AOI as it is listed."""

    name: str
    kind: str
    note: str = ""
    """How well its outline is known, and what it is for."""


@dataclass(frozen=True, kw_only=True)
class ReportIncident:
    """An incident with the words for it."""

    incident: Incident
    zone_label: str
    measure_label: str
    unit: str
    last_look: datetime | None = None
    """Latest look it rests on, for one that lasts."""


@dataclass(frozen=True, kw_only=True)
class ReportPicture:
    """A PNG with what it shows."""

    title: str
    png: bytes
    caption: str = ""


@dataclass(frozen=True, kw_only=True)
class ReportLooks:
    """The looks of one track in the period."""

    track: str
    usable: int
    """Usable in at least one zone."""

    unusable: Mapping[str, int]
    """Reason -> number of looks."""

    first: datetime | None = None
    last: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class ReportFacts:
    """Everything a report may say."""

    aoi_id: str
    aoi_name: str
    period: Interval
    generated: datetime
    version: str
    simulated: bool
    zones: Sequence[ReportZone]
    incidents: Sequence[ReportIncident]
    series: Sequence[ReportPicture]
    """One plot a zone and measure."""

    pictures: Sequence[ReportPicture]
    """Before and after, or single looks with their zones."""

    looks: Sequence[ReportLooks]
    statements: Sequence[Statement]
    recipes: Sequence[str]
    attribution: str
    false_alarms_per_year: float
    """What the threshold of each watched series was set to."""

    watched: int | None = None
    """Number of zone and measure pairs that can raise an incident; None: not stated."""

    compared: int | None = None
    """How many of them have looks that could be compared with earlier ones; None: not stated."""

    not_shown: Sequence[str] = (*NOT_SHOWN, PATCHES)
    notes: Sequence[str] = ()
    """What else a reader must know, such as the truth planted in a simulation."""


def render_report(facts: ReportFacts) -> str:
    """The whole HTML file. The same facts give the same file."""
    facts = _clean(facts)
    return (
        templates()
        .get_template("report.html.j2")
        .render(
            facts=facts,
            headline=_headline(facts),
            rows=[_row(i) for i in _ordered(facts.incidents)],
            looks=_looks(facts.looks),
            method=_method(facts),
            data=_data,
            day=day,
        )
    )


def _clean(facts: ReportFacts) -> ReportFacts:
    return replace(
        cleaned(facts),
        zones=tuple(map(cleaned, facts.zones)),
        incidents=tuple(map(cleaned, facts.incidents)),
        series=tuple(map(cleaned, facts.series)),
        pictures=tuple(map(cleaned, facts.pictures)),
        looks=tuple(map(cleaned, facts.looks)),
        statements=tuple(map(cleaned, facts.statements)),
        recipes=tuple(map(clean, facts.recipes)),
        not_shown=tuple(map(clean, facts.not_shown)),
        notes=tuple(map(clean, facts.notes)),
    )


def _data(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")


def _ordered(incidents: Iterable[ReportIncident]) -> list[ReportIncident]:
    """Open ones first, then the latest."""
    latest = sorted(incidents, key=lambda i: i.incident.onset, reverse=True)
    return sorted(latest, key=lambda i: not i.incident.state.is_open)


# ---------------------------------------------------------------- words


def _headline(facts: ReportFacts) -> list[str]:
    """The answer, in sentences that may be quoted."""
    usable = sum(track.usable for track in facts.looks)
    every = usable + sum(sum(track.unusable.values()) for track in facts.looks)
    span = f"from {day(facts.period.start)} to {day(facts.period.end)}"
    if usable == 0:
        seen = f"None of the {counted(every, 'look')}" if every else "No look"
        return [f"{seen} of {facts.aoi_name} {span} could be used.", NOT_NOTHING]
    base = f"{usable} of {counted(every, 'look')} of {facts.aoi_name} {span} could be used."
    standing = [i for i in _ordered(facts.incidents) if i.incident.state is not State.RETRACTED]
    if not standing:
        return [base, _quiet(facts)]
    return [base, *(_sentence(facts, i) for i in standing if i.incident.kind is not Kind.BLIND), *_blind(standing)]


def _quiet(facts: ReportFacts) -> str:
    if facts.compared == 0:
        return (
            "No statement: of what is watched here, no look could be compared with earlier ones yet. This is not "
            "'no activity': what is usual is not known."
        )
    among = f" in the {counted(facts.watched, 'series', 'series')} watched" if facts.watched else ""
    return (
        f"No lasting change was found{among}. This does not show that nothing happened: a change that was short, small "
        "or between the looks is missed."
    )


def _sentence(facts: ReportFacts, item: ReportIncident) -> str:
    place = place_of(facts.aoi_name, item.zone_label)
    said = told(item.incident, place, item.measure_label, item.unit, item.last_look)
    return f"{said} That is {more_or_less(item.incident.kind)} than usual ({item.incident.state})."


def _blind(standing: Sequence[ReportIncident]) -> list[str]:
    spells = [i.incident for i in standing if i.incident.kind is Kind.BLIND]
    if not spells:
        return []
    times = "; ".join(_span(i) for i in sorted(spells, key=lambda i: i.onset))
    return [f"Without any usable look: {times}. That is not 'no activity': nothing is known about these times."]


def _span(incident: Incident) -> str:
    start = day(incident.onset)
    return f"{start} to {day(incident.until)}" if incident.until else f"since {start}"


def _row(item: ReportIncident) -> dict[str, str]:
    """An incident as a row of the table."""
    incident = item.incident
    blind = incident.kind is Kind.BLIND
    what = "nothing usable" if blind else f"{subject_of(item.measure_label)} {direction(incident.kind)}"
    return {
        "where": item.zone_label or "whole area",
        "what": what,
        "when": _span(incident),
        "state": "over" if blind and incident.state is State.FINISHED else str(incident.state),
        "mean": "" if math.isnan(incident.mean) else number(incident.mean, item.unit),
        "usual": "" if math.isnan(incident.usual) else number(incident.usual, item.unit),
        "looks": "" if blind else str(len(incident.looks)),
        "baseline": "" if blind else str(incident.baseline_looks),
        "id": incident.id or incident.name,
    }


def _looks(looks: Sequence[ReportLooks]) -> list[dict[str, str]]:
    """The rows of the looks table, with a sum when there are several tracks."""
    rows = [_looks_row(track) for track in looks]
    if len(looks) > 1:
        every: Counter[str] = Counter()
        for track in looks:
            every.update(track.unusable)
        total = ReportLooks(track="all tracks", usable=sum(t.usable for t in looks), unusable=every)
        rows.append(_looks_row(total))
    return rows


def _looks_row(track: ReportLooks) -> dict[str, str]:
    span = f"{day(track.first)} to {day(track.last)}" if track.first and track.last else ""
    return {
        "track": track.track,
        "span": span,
        "usable": str(track.usable),
        "unusable": str(sum(track.unusable.values())),
        "why": tally(track.unusable),
    }


def _method(facts: ReportFacts) -> list[str]:
    """How the numbers came about, for somebody who has to defend them."""
    return [
        (
            "Every number is per usable look, never per day, and is compared only with earlier usable looks of the "
            "same track: the same orbit, direction and polarisation."
        ),
        (
            "A change is reported when the evidence of several looks together passes a threshold (a two-sided CUSUM "
            "over the standard-normal scores). It is provisional until later usable looks lean the same way, then "
            "confirmed; it is finished when they no longer do, and retracted with a correction when it did not hold."
        ),
        (
            f"The threshold of each series is set for {false_alarms(facts.false_alarms_per_year)}, ups and downs "
            f"together{_altogether(facts)}. {SET_NOT_MEASURED} ships that stay over several looks make false alarms "
            "more frequent."
        ),
        "The average of a change is taken over the very looks that raised it, so it leans away from what is usual.",
        "Looks that could not be used count neither for nor against anything.",
    ]


def _altogether(facts: ReportFacts) -> str:
    if not facts.watched or facts.watched == 1:
        return ""
    return f"; with {facts.watched} series watched, up to {facts.watched * facts.false_alarms_per_year:g} in all"
