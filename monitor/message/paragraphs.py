"""The parts of a message: its subject, its first lines, how sure it is, where it comes from."""

from __future__ import annotations

from datetime import datetime

from monitor.alert import LEAST_THRESHOLD, Change, Ending, Incident, Kind, Rule, State
from monitor.message.facts import Dated, Facts, Unused
from monitor.message.limits import beside, budget, calibrated, large, missed, panel, shared
from monitor.message.wording import (
    SET_NOT_MEASURED,
    abridged,
    counted,
    day,
    direction,
    more_or_less,
    place_of,
    reasons,
    rounded,
    shortened,
    subject_of,
    told,
)

LONGEST_NAME = 80
LONGEST_SUBJECT = 200
LISTED_LOOKS = 12
"""This many of the latest looks are listed with their values."""

BLIND_RULE = (
    "'Blind' means that no look from which the watched could be measured came for much longer than is usual for this "
    "place. Surges and lulls in this time could not be noticed."
)


ENDINGS = {
    Ending.OVER: "Later usable looks are as usual again: it is over.",
    Ending.NEW_USUAL: (
        "It has lasted so long that it is what is usual here now: later looks are compared with it, and it is followed "
        "no further as a change. It need not be over."
    ),
    Ending.SINGLE: "It was one look: the next usable look has come, and is told for itself.",
    Ending.GREW: "Later looks made it part of a lasting change, which is told for itself.",
}
"""Sentences for a finding that is finished."""


def place(facts: Facts) -> str:
    """AOI and zone."""
    return place_of(facts.aoi_name, facts.zone_label)


def subject(facts: Facts) -> str:
    """The subject line."""
    mark = "[SIMULATED] " if facts.simulated else ""
    return shortened(f"{mark}{shortened(place(facts), LONGEST_NAME)}: {_what(facts)}", LONGEST_SUBJECT)


def _what(facts: Facts) -> str:
    """What, since when, how sure."""
    incident = facts.change.incident
    since = f"since {day(incident.onset)}"
    span = f"from {day(incident.onset)} to {day(incident.until)}" if incident.until else since
    word = state_word(facts.change)
    if incident.kind is Kind.BLIND:
        text = {
            State.BLIND: f"no usable look for what is watched {since} (blind)",
            State.RETRACTED: f"correction, there were usable looks after {day(incident.onset)} (retracted)",
        }
        return text.get(facts.change.new, f"usable looks for what is watched again, none {span} (blind time over)")
    moved = f"{shortened(subject_of(facts.measure_label), LONGEST_NAME)} {direction(incident.kind)}"
    if not incident.kind.lasting:
        since = span = f"on one look, {day(incident.onset)}"
    if facts.change.new is State.RETRACTED:
        return f"correction, '{moved} {since}' no longer holds (retracted)"
    return f"{moved} {span if facts.change.new is State.FINISHED else since} ({word})"


def state_word(change: Change) -> str:
    """The state that the incident is in now."""
    if change.incident.kind is Kind.BLIND and change.new is State.FINISHED:
        return "blind time over"
    return str(change.new)


def own_looks(facts: Facts) -> list[Dated]:
    """The looks of the series that the incident rests on, in order of time."""
    ids = set(facts.change.incident.looks)
    return sorted((d for d in facts.series if d.look in ids), key=lambda d: (d.at, d.look))


def listed(facts: Facts) -> list[Dated]:
    """The latest of these."""
    return own_looks(facts)[-LISTED_LOOKS:]


def _last(facts: Facts) -> datetime | None:
    own = own_looks(facts)
    return own[-1].at if own else None


def _missed(facts: Facts) -> list[Unused]:
    """Unusable looks in the time of the incident."""
    incident = facts.change.incident
    end = incident.until or facts.generated
    return [u for u in facts.unused if incident.onset <= u.at <= end]


def lead(facts: Facts) -> list[str]:
    """The first lines: true and complete when quoted alone."""
    if facts.change.new is State.RETRACTED:
        return _correction(facts)
    incident = facts.change.incident
    said = told(incident, place(facts), facts.measure_label, facts.unit, _last(facts))
    if incident.kind is Kind.BLIND:
        return [said]
    return [said, *filter(None, [shared(facts.controls), large(facts.nuisances), _so_far(facts)])]


def _so_far(facts: Facts) -> str:
    """Where the finding is in its life."""
    incident = facts.change.incident
    than = more_or_less(incident.kind)
    if facts.change.new is not State.FINISHED:
        return (
            f"That is {than} than usual for {subject_of(facts.measure_label)} here. This finding is {facts.change.new}."
        )
    over = "It is over." if incident.ending is None else ENDINGS[incident.ending]
    return f"That was {than} than usual. {over}"


def _correction(facts: Facts) -> list[str]:
    incident, where = facts.change.incident, place(facts)
    what = f"no usable look for what is watched came after {day(incident.onset)}"
    if incident.kind is not Kind.BLIND:
        noun = subject_of(facts.measure_label)
        what = f"{noun} went {direction(incident.kind)} from {day(incident.onset)} on"
        if not incident.kind.lasting:
            what = (
                f"{noun} {'were' if noun != facts.measure_label else 'was'} far {direction(incident.kind)} on one look"
            )
    if facts.change.old is None:
        return [f"On the look of {day(incident.raised)} it was noticed for {where} that {what}.", "It did not hold."]
    when = f"on {day(facts.told_on)}" if facts.told_on else f"as things stood on {day(incident.raised)}"
    said = f"Correction: for {where} we told you {when} that {what}. That no longer holds."
    return [
        f"{said} Reason: {facts.change.reason}.",
        "Please pass this on to everyone who was given the earlier message, and do not quote that message.",
    ]


def sure(facts: Facts) -> list[str]:
    """How sure it is, in plain words."""
    if facts.change.incident.kind is Kind.BLIND:
        return [BLIND_RULE, _unused_line(facts)] if facts.change.new is not State.RETRACTED else [_unused_line(facts)]
    incident = facts.change.incident
    lines = [_meaning(facts), *_budget(facts), _unused_line(facts)]
    if facts.change.new is not State.RETRACTED and incident.kind.lasting:
        lean = "high" if incident.kind.sign > 0 else "low"
        lines.append(
            f"The average is taken over the very looks that raised the alert, so it leans {lean}. The ratio or "
            "difference allows for what is not known of the usual rate, of the onset and of chance, and need not be "
            "that of the two averages. The first look of the change is an estimate: its interval is the one to quote."
        )
    return lines


def doubts(facts: Facts) -> list[str]:
    """What else could look like it, and what the controls say; empty for a blind spell."""
    incident = facts.change.incident
    if incident.kind is Kind.BLIND:
        return []
    if not incident.kind.lasting:
        return panel(facts.nuisances)
    return [*panel(facts.nuisances), *beside(facts.controls, facts.unit)]


def missing(facts: Facts) -> list[str]:
    """What the chart of this series would not see."""
    return list(filter(None, [missed(facts.power, facts.unit)]))


def _leaning(incident: Incident) -> str:
    hits = list(incident.hits)
    return f"of {counted(len(hits), 'usable look')} after that, {hits.count(True)} leaned the same way"


def _meaning(facts: Facts) -> str:
    incident = facts.change.incident
    if not incident.kind.lasting:
        return _of_one_look(facts)
    noticed = f"It was noticed on the look of {day(incident.raised)}"
    rule = facts.rule or Rule(threshold=LEAST_THRESHOLD)
    likelier = f"{rounded(rule.sure)} times likelier"
    after = f"; {_leaning(incident)}" if incident.hits else ""
    return {
        State.PROVISIONAL: (
            f"Provisional: the evidence of several looks together passed the threshold, and it may still fall away. "
            f"{noticed}{after}. It counts as confirmed when the usable looks after that, {rule.least_confirming} at "
            f"least, are together {likelier} with the change than without it, and is withdrawn when they are "
            f"{likelier} without it."
        ),
        State.CONFIRMED: (
            f"Confirmed: the looks after the alarm are together at least {likelier} with the change "
            f"than without it. {noticed}{after}. The word speaks of the measured change alone, not of its cause "
            "and not of any claim."
        ),
        State.FINISHED: f"Finished: the change was confirmed, and {_why_over(incident, rule)}. {noticed}{after}.",
    }.get(facts.change.new, f"Retracted: {facts.change.reason}. {noticed}{after}.")


def _why_over(incident: Incident, rule: Rule) -> str:
    if incident.ending is Ending.NEW_USUAL:
        return f"has lasted {rule.usual_days:.0f} days and {rule.usual_looks} looks at least"
    return f"later looks are together {rounded(rule.over)} times likelier without it"


def _of_one_look(facts: Facts) -> str:
    if facts.change.new is State.RETRACTED:
        return f"Retracted: {facts.change.reason}."
    return (
        "It is one look and says nothing of the looks after it: what is wrong with one image (weather, a fault, a "
        "passing ship) can do this. If later looks show a lasting change, that is told for itself."
    )


def _budget(facts: Facts) -> list[str]:
    incident = facts.change.incident
    return [
        f"{budget(facts.false_alarms_per_year, facts.watched)} {SET_NOT_MEASURED}",
        *calibrated(
            facts.calibration,
            incident.aoi,
            facts.false_alarms_per_year,
            [facts.recipe] if facts.recipe else [],
            (incident.zone, incident.measure),
        ),
    ]


def _unused_line(facts: Facts) -> str:
    incident, missed = facts.change.incident, _missed(facts)
    span, none = "Since the first look of the change", "no look was unusable."
    if incident.kind is Kind.BLIND:
        span, none = "In this time", "no pass of a satellite over it was found."
    elif not incident.kind.lasting:
        span = "Since that look"
    elif incident.until:
        span = "Between its first and last look"
    if not missed:
        return f"{span}, {none}"
    count = "It counts" if len(missed) == 1 else "They count"
    unusable = f"{counted(len(missed), 'look')} could not be used: {reasons(missed)}"
    return f"{span}, {unusable}. {count} neither for nor against."


def provenance(facts: Facts) -> list[tuple[str, str]]:
    """What it was made from, by what and when: labels and texts."""
    incident = facts.change.incident
    rows = [("Incident", incident.id or incident.name), ("Step", f"{state_word(facts.change)}: {facts.change.reason}")]
    if incident.looks:
        rows.append((f"Looks ({len(incident.looks)})", abridged(incident.looks)))
        rows.append(("Tracks", ", ".join(incident.tracks)))
    rows += [("Recipe", facts.recipe), ("Made by", f"quaywatch {facts.version}, {facts.generated:%Y-%m-%d %H:%M} UTC")]
    rows += [("Full report", facts.report_path)] if facts.report_path else []
    rows.append(("Imagery", f"SIMULATED; {facts.attribution}" if facts.simulated else facts.attribution))
    return [(label, text) for label, text in rows if text]
