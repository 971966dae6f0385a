"""The report about one AOI and period: a single HTML file that needs nothing else.

Pictures are inside as base64; there are no scripts and nothing is loaded, so the file can be mailed, archived and
hashed as it is.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from monitor.alert import Calibration, Control, Ending, Incident, Kind, Nuisance, Power, State
from monitor.message import (
    NOT_NOTHING,
    NOT_SHOWN,
    PATCHES,
    SET_NOT_MEASURED,
    Statement,
    TitledPicture,
    beside,
    budget,
    calibrated,
    clean,
    cleaned,
    counted,
    data_address,
    day,
    days_between,
    direction,
    large,
    missed,
    more_or_less,
    number,
    panel,
    place_of,
    shared,
    size,
    subject_of,
    tally,
    templates,
    told,
)
from monitor.times import Interval

ENDINGS = {
    Ending.OVER: "over",
    Ending.NEW_USUAL: "the new usual",
    Ending.SINGLE: "one look",
    Ending.GREW: "part of a lasting change",
}


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

    nuisances: Sequence[Nuisance] = ()
    """As of a message: all that were looked for; empty: none were."""

    controls: Sequence[Control] = ()


@dataclass(frozen=True, kw_only=True)
class ReportPower:
    """What would not be seen in one watched series."""

    zone_label: str
    measure_label: str
    unit: str
    power: Power


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
    series: Sequence[TitledPicture]
    """One plot a zone and measure."""

    pictures: Sequence[TitledPicture]
    """Before and after, or single looks with their zones."""

    looks: Sequence[ReportLooks]
    statements: Sequence[Statement]
    recipes: Sequence[str]
    attribution: str
    false_alarms_per_year: float
    """Budget of the AOI: what the thresholds of all its watched series together were set to."""

    calibration: Calibration | None = None
    """What the alerts of the AOI are worth; None: not measured yet."""

    watched_recipes: Sequence[str] = ()
    """Of the measures that are watched: what a calibration must have been made with."""

    powers: Sequence[ReportPower] = ()
    """Of the watched series, where it is known."""

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
            doubts=[d for i in _ordered(facts.incidents) if (d := _doubts(facts, i)) is not None],
            missed=_missed(facts),
            looks=_looks(facts.looks),
            method=_method(facts),
            data=data_address,
            day=day,
        )
    )


def _clean(facts: ReportFacts) -> ReportFacts:
    return replace(
        cleaned(facts),
        zones=tuple(map(cleaned, facts.zones)),
        incidents=tuple(map(_clean_incident, facts.incidents)),
        powers=tuple(map(cleaned, facts.powers)),
        series=tuple(map(cleaned, facts.series)),
        pictures=tuple(map(cleaned, facts.pictures)),
        looks=tuple(map(cleaned, facts.looks)),
        statements=tuple(map(cleaned, facts.statements)),
        recipes=tuple(map(clean, facts.recipes)),
        not_shown=tuple(map(clean, facts.not_shown)),
        notes=tuple(map(clean, facts.notes)),
    )


def _clean_incident(item: ReportIncident) -> ReportIncident:
    return replace(
        cleaned(item),
        nuisances=tuple(replace(n, text=clean(n.text)) for n in item.nuisances),
        controls=tuple(replace(c, label=clean(c.label)) for c in item.controls),
    )


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
    unmet = [line for line in _calibrated(facts) if line.startswith("WARNING")]
    standing = [i for i in _ordered(facts.incidents) if i.incident.state is not State.RETRACTED]
    if not standing:
        return [base, _quiet(facts), *_missed(facts), *unmet]
    return [
        base,
        *unmet,
        *(_sentence(facts, i) for i in standing if i.incident.kind is not Kind.BLIND),
        *_blind(standing),
    ]


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
    is_over = item.incident.state is State.FINISHED
    than = f"That {'was' if is_over else 'is'} {more_or_less(item.incident.kind)} than usual ({_state(item.incident)})."
    return " ".join(filter(None, [said, than, shared(item.controls), large(item.nuisances)]))


def _state(incident: Incident) -> str:
    """The state, and for what is over, why."""
    return str(incident.state) if incident.ending is None else f"{incident.state}: {ENDINGS[incident.ending]}"


def _doubts(facts: ReportFacts, item: ReportIncident) -> dict[str, object] | None:
    """What else could explain an incident; None where nothing was measured, or it does not hold."""
    incident = item.incident
    if incident.kind is Kind.BLIND or incident.state is State.RETRACTED or not item.nuisances:
        return None
    place = place_of(facts.aoi_name, item.zone_label)
    lines = panel(item.nuisances) + (beside(item.controls, item.unit) if incident.kind.lasting else [])
    noun = subject_of(item.measure_label)
    return {"title": f"{place}: {noun} {direction(incident.kind)}, {_span(incident)}", "lines": lines}


def _missed(facts: ReportFacts) -> list[str]:
    return [
        f"{place_of(facts.aoi_name, p.zone_label)}, {subject_of(p.measure_label)}: "
        f"{(said := missed(p.power, p.unit))[:1].lower()}{said[1:]}"
        for p in facts.powers
    ]


def _calibrated(facts: ReportFacts) -> list[str]:
    return calibrated(facts.calibration, facts.aoi_id, facts.false_alarms_per_year, facts.watched_recipes, None)


def _blind(standing: Sequence[ReportIncident]) -> list[str]:
    spells = [i.incident for i in standing if i.incident.kind is Kind.BLIND]
    if not spells:
        return []
    times = "; ".join(_span(i) for i in sorted(spells, key=lambda i: i.onset))
    return [f"Without any usable look: {times}. That is not 'no activity': nothing is known about these times."]


def _span(incident: Incident) -> str:
    start = day(incident.onset)
    if incident.kind is not Kind.BLIND and not incident.kind.lasting:
        return start
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
        "began": days_between(*incident.onset_between) if incident.onset_between else "",
        "state": "over" if blind and incident.state is State.FINISHED else _state(incident),
        "size": "" if blind else size(incident, item.measure_label, item.unit),
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
            "Every number is per usable look, never per day, and is compared with what was expected of that look: by a "
            "model of the zone and measure that learns, from earlier usable looks alone, its level, its season, how "
            "much each track (orbit, direction and polarisation) and each satellite sees, and how long what is there "
            "stays."
        ),
        (
            "A lasting change is reported when the odds of the looks together, for a change against none, pass a "
            "threshold (a Shiryaev-Roberts chart). It is provisional until the looks after that, 2 at least, are "
            "together 5 times likelier with the change than without it (confirmed) or without it (retracted, with a "
            "correction). A confirmed change is finished when later looks are 20 times likelier without it, or when "
            "it has lasted a year and is what is usual now. One look that is far off is told as a spike or dip."
        ),
        (
            "Onset and size are told from all looks of the change by a changepoint model; their intervals hold the "
            "true ones in 90 of 100 cases as far as the model holds."
        ),
        (
            "A control shares a change if it moved the same way and what is left of the change beside it (difference "
            "in differences) may be nothing. How much weather, instruments or few looks could explain is told by "
            "leaving out the looks that they touch."
        ),
        f"{budget(facts.false_alarms_per_year, facts.watched or 1)} {SET_NOT_MEASURED}",
        *_calibrated(facts),
        "The average of a change is taken over the very looks that raised it, so it leans away from what is usual.",
        "Looks that could not be used count neither for nor against anything.",
    ]
