"""What is told to people when an incident changes: subject, text, HTML and the pictures in it.

Everything here is wording. The numbers come from the incident; each sentence says only what the looks behind it
bear out. The text part is complete by itself.
"""

from __future__ import annotations

import math
import re
import textwrap
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

import jinja2

from monitor.alert import Change, Incident, Kind, State

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

WIDTH = 76
"""Columns of the text part."""

LONGEST_NAME = 80
LONGEST_SUBJECT = 200
NAMED_LOOKS = 3
"""This many look ids are written out at each end of a long list."""

LISTED_LOOKS = 12
"""This many of the latest looks are listed with their values."""

Record = TypeVar("Record", bound="DataclassInstance")


@dataclass(frozen=True, kw_only=True)
class Statement:
    """What an incident has to do with one claim."""

    claim_id: str
    claim_text: str
    said_by: str
    code: str
    """Admiralty code, "B2"; empty: not rated."""

    relation: str
    """From `claim`: agrees, runs_against, touches; or a few words."""

    says: str
    does_not_say: str


@dataclass(frozen=True, kw_only=True)
class Dated:
    """A usable look of the series."""

    at: datetime
    value: float
    z: float
    """Against its own track's history, in standard deviations; 0 while there is too little history."""

    track: str
    look: str
    """Id of the look."""


@dataclass(frozen=True, kw_only=True)
class Unused:
    """A look that could not be used for this zone and measure."""

    at: datetime
    reason: str


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Everything a message may say."""

    change: Change
    aoi_name: str
    zone_label: str
    """In words ("berths"); empty: the whole AOI."""

    measure_label: str
    """In words, lower case: "vessels counted", "changed area", "backscatter"."""

    unit: str
    series: Sequence[Dated]
    """Usable looks of this zone and measure: at least those of the incident."""

    unused: Sequence[Unused]
    """Looks that could not be used; those outside the incident's time are left out here."""

    statements: Sequence[Statement]
    simulated: bool
    pictures: Mapping[str, bytes]
    """PNG by name: "before_after", "series"."""

    false_alarms_per_year: float
    """What the threshold of this series was set to: the argument of `alert.threshold_for`."""

    recipe: str
    attribution: str
    report_path: str | None
    generated: datetime
    version: str
    told_on: datetime | None = None
    """When this incident was first told; for corrections."""

    confirming: tuple[int, int] = (2, 3)
    """(hits, looks) that confirm an incident, as in `alert.Rule`."""


@dataclass(frozen=True, kw_only=True)
class Message:
    """Ready for a transport."""

    subject: str
    """One line without control characters."""

    text: str
    html: str
    """Refers to the images as cid:..."""

    images: Mapping[str, bytes]
    """PNG by content id, without angle brackets."""

    message_key: str
    """The same step of the same incident always has the same key: it is told once."""


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A picture in the HTML part."""

    cid: str
    caption: str
    alt: str


PICTURES = {
    "before_after": "Before and after, from the same track and with the same grey scale.",
    "series": "The series: every usable look against what was usual on its own track.",
}
NOT_SHOWN = (
    "What ships, wagons or vehicles carried, where it came from or where it went.",
    "Names, flags, owners or nationality of ships.",
    "Single containers, wagons, vehicles or people: a pixel covers 10 m on the ground.",
    "What happened between the looks, which are days apart.",
    "Why it changed: season, weather, holidays and building work can change a place, too.",
)
PATCHES = (
    "Whether everything counted is a ship: what is found are patches of a ship's size that stand out from the water, "
    "and barges or floating docks are such patches, too."
)
PRESENCE = "looks with "
"""How the label of a measure of presence begins."""

RELATIONS = {
    "agrees": "agrees with what the claim lets one expect; that does not make the claim true",
    "runs_against": "runs against what the claim lets one expect; that does not make the claim false",
    "touches": "falls in the place and time of the claim, but measures nothing that it lets one expect",
}
NOT_NOTHING = "This is not 'no activity': nothing could be seen, so nothing is known about this time."
ADMIRALTY = (
    {
        "A": "completely reliable",
        "B": "usually reliable",
        "C": "fairly reliable",
        "D": "not usually reliable",
        "E": "unreliable",
        "F": "of unknown reliability",
    },
    {
        "1": "supported by other sources",
        "2": "probably true",
        "3": "possibly true",
        "4": "doubtful",
        "5": "improbable",
        "6": "of unknown truth",
    },
)


# ---------------------------------------------------------------- words


def clean(text: str) -> str:
    """The text on one line, without control characters or marks that reorder what is read."""
    kept = (" " if unicodedata.category(c) in {"Cc", "Zl", "Zp"} else c for c in text)
    return " ".join("".join(c for c in kept if unicodedata.category(c) not in {"Cf", "Cs"}).split())


def day(moment: datetime) -> str:
    """4 Oct 2024."""
    return f"{moment.day} {moment:%b %Y}"


def number(value: float, unit: str = "") -> str:
    """The number as a reader needs it, with its unit: 2.6, 0.42, 12,300 m²."""
    if not math.isfinite(value):
        return "not known"
    size = abs(value)
    whole = value == round(value) or size >= 100
    value = value or 0.0  # no minus before a zero
    text = f"{value:,.0f}" if whole else f"{value:.2g}" if size < 1 else f"{value:,.1f}"
    unit = unit.replace("m2", "m²")
    return text if unit in {"", "1", "count", "vessels"} else f"{text} {unit}"


def counted(n: int, one: str, many: str = "") -> str:
    """1 look, 2 looks."""
    return f"{n} {one if n == 1 else many or one + 's'}"


def reasons(unused: Sequence[Unused]) -> str:
    """cloud (2), not covered by the swath (1): the most frequent first."""
    return ", ".join(f"{reason} ({n})" for reason, n in Counter(u.reason for u in unused).most_common())


def subject_of(measure_label: str) -> str:
    """What changed, as a noun: "vessels counted" -> "vessels"."""
    return measure_label.removesuffix(" counted")


def place_of(aoi_name: str, zone_label: str) -> str:
    """The place as people call it."""
    return f"{aoi_name}, {zone_label}" if zone_label else aoi_name


def rating(code: str) -> str:
    """An Admiralty code in words."""
    source, item = ADMIRALTY
    if len(code) == 2 and code[0] in source and code[1] in item:
        return f"rated {code} (source {source[code[0]]}, information {item[code[1]]})"
    return f"rated {code}" if code else "not rated"


def relation(word: str) -> str:
    """How an incident stands to a claim, in words that are no verdict."""
    return RELATIONS.get(word, word.replace("_", " "))


def measured(incident: Incident, place: str, measure_label: str, unit: str, last: datetime | None) -> str:
    """The sentence to quote: what was measured, on how many looks, against what.

    `last` is the latest look it rests on.
    """
    until = incident.until or last
    span = f"from {day(incident.onset)} to {day(until)}" if until else f"from {day(incident.onset)}"
    tracks = "each of the same tracks" if len(incident.tracks) > 1 else "the same track"
    baseline = f"baseline of at least {counted(incident.baseline_looks, 'earlier look')} on {tracks}"
    n, usual = len(incident.looks), number(incident.usual, unit)
    noun = subject_of(measure_label)
    if measure_label.startswith(PRESENCE) and math.isfinite(incident.mean):
        hits = round(incident.mean * n)
        what = measure_label.removeprefix(PRESENCE)
        return f"{place}: {what} on {hits} of {counted(n, 'usable look')} {span}; usual share: {usual} ({baseline})."
    start = f"At {place}, {measure_label} averaged"
    if noun != measure_label:
        start = f"{noun[:1].upper()}{noun[1:]} were counted at {place}: on average"
    mean = f"{number(incident.mean, unit)} per usable look on {counted(n, 'look')}"
    return f"{start} {mean} {span}, against {usual} usual ({baseline})."


def blind_spell(incident: Incident, place: str) -> str:
    """The sentence to quote when nothing usable came."""
    if incident.until is None:
        return f"No usable look of {place} since {day(incident.onset)}. {NOT_NOTHING}"
    return (
        f"There are usable looks of {place} again, since {day(incident.until)}; there were none from "
        f"{day(incident.onset)} until then. {NOT_NOTHING}"
    )


def told(incident: Incident, place: str, measure_label: str, unit: str, last: datetime | None) -> str:
    """The sentence to quote for an incident in any state but retracted."""
    if incident.kind is Kind.BLIND:
        return blind_spell(incident, place)
    return measured(incident, place, measure_label, unit, last)


def direction(kind: Kind) -> str:
    """Up or down."""
    return "up" if kind is Kind.SURGE else "down"


# ---------------------------------------------------------------- rendering


@cache
def templates() -> jinja2.Environment:
    """The templates of this package; HTML ones escape what is put into them."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("monitor"),
        autoescape=jinja2.select_autoescape(enabled_extensions=("html.j2",), default=False),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(wrap=_wrap, bullet=_bullet, day=day, rating=rating, relation=relation)
    return environment


def _wrap(text: str, indent: int = 0) -> str:
    blank = " " * indent
    return textwrap.fill(
        text, WIDTH, initial_indent=blank, subsequent_indent=blank, break_long_words=False, break_on_hyphens=False
    )


def _bullet(text: str) -> str:
    return textwrap.fill(
        text, WIDTH, initial_indent="- ", subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )


def render(facts: Facts) -> Message:
    """The message for one step of one incident. The same facts give the same message."""
    facts = _clean_facts(facts)
    pictures = {name: _picture(facts, name) for name in PICTURES if name in facts.pictures}
    words = {
        "subject": _subject(facts),
        "facts": facts,
        "state": _state_word(facts.change),
        "lead": _lead(facts),
        "sure": _sure(facts),
        "looks": _listed(facts),
        "looks_of": len(_own(facts)),
        "unit": facts.unit.replace("m2", "m²"),
        "number": number,
        "not_shown": not_shown(facts.change.incident.measure),
        "provenance": _provenance(facts),
        "pictures": list(pictures.values()),
        "blind": facts.change.incident.kind is Kind.BLIND,
    }
    return Message(
        subject=_subject(facts),
        text=_tidy(templates().get_template("alert.txt.j2").render(words)),
        html=templates().get_template("alert.html.j2").render(words),
        images={picture.cid: facts.pictures[name] for name, picture in pictures.items()},
        message_key=facts.change.id,
    )


def cleaned(record: Record) -> Record:
    """The record with each of its texts on one clean line: names come from files that anybody may write."""
    values = {f.name: getattr(record, f.name) for f in fields(record)}
    texts: dict[str, Any] = {name: clean(value) for name, value in values.items() if isinstance(value, str)}
    return replace(record, **texts)


def _clean_facts(facts: Facts) -> Facts:
    return replace(
        cleaned(facts),
        series=tuple(map(cleaned, facts.series)),
        unused=tuple(map(cleaned, facts.unused)),
        statements=tuple(map(cleaned, facts.statements)),
    )


def _tidy(text: str) -> str:
    """At most one empty line in a row, none at the ends."""
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def _picture(facts: Facts, name: str) -> Picture:
    # A content id is unique over mails, or a client may show the picture of another one.
    key = re.sub(r"[^a-z0-9._-]+", "-", facts.change.id.lower())
    simulated = "SIMULATED. " if facts.simulated else ""
    alt = f"{simulated}{_place(facts)}: {PICTURES[name]}"
    return Picture(cid=f"{name}.{key}@quaywatch", caption=PICTURES[name], alt=alt)


def _place(facts: Facts) -> str:
    return place_of(facts.aoi_name, facts.zone_label)


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_NAME else text[: LONGEST_NAME - 1] + "…"


def _subject(facts: Facts) -> str:
    mark = "[SIMULATED] " if facts.simulated else ""
    text = f"{mark}{_short(_place(facts))}: {_what(facts)}"
    return text if len(text) <= LONGEST_SUBJECT else text[: LONGEST_SUBJECT - 1] + "…"


def _what(facts: Facts) -> str:
    """What, since when, how sure."""
    incident = facts.change.incident
    since = f"since {day(incident.onset)}"
    span = f"from {day(incident.onset)} to {day(incident.until)}" if incident.until else since
    word = _state_word(facts.change)
    if incident.kind is Kind.BLIND:
        text = {
            State.BLIND: f"no usable look {since} (blind)",
            State.RETRACTED: f"correction, there were usable looks after {day(incident.onset)} (retracted)",
        }
        return text.get(facts.change.new, f"usable looks again, none {span} (blind time over)")
    moved = f"{_short(subject_of(facts.measure_label))} {direction(incident.kind)}"
    if facts.change.new is State.RETRACTED:
        return f"correction, '{moved} {since}' no longer holds (retracted)"
    return f"{moved} {span if facts.change.new is State.FINISHED else since} ({word})"


def _state_word(change: Change) -> str:
    if change.incident.kind is Kind.BLIND and change.new is State.FINISHED:
        return "blind time over"
    return str(change.new)


def _own(facts: Facts) -> list[Dated]:
    """The looks of the series that the incident rests on, in order of time."""
    ids = set(facts.change.incident.looks)
    return sorted((d for d in facts.series if d.look in ids), key=lambda d: (d.at, d.look))


def _listed(facts: Facts) -> list[Dated]:
    return _own(facts)[-LISTED_LOOKS:]


def _last(facts: Facts) -> datetime | None:
    own = _own(facts)
    return own[-1].at if own else None


def _missed(facts: Facts) -> list[Unused]:
    """Unusable looks in the time of the incident."""
    incident = facts.change.incident
    end = incident.until or facts.generated
    return [u for u in facts.unused if incident.onset <= u.at <= end]


def _lead(facts: Facts) -> list[str]:
    """The first lines: true and complete when quoted alone."""
    incident, place = facts.change.incident, _place(facts)
    said = told(incident, place, facts.measure_label, facts.unit, _last(facts))
    if facts.change.new is State.RETRACTED:
        return _correction(facts)
    if incident.kind is Kind.BLIND:
        return [said]
    than = "more" if incident.kind is Kind.SURGE else "less"
    noun = subject_of(facts.measure_label)
    if facts.change.new is State.FINISHED:
        return [said, f"That was {than} than usual. Later usable looks are as usual again: it is over."]
    return [said, f"That is {than} than usual for {noun} here. This finding is {facts.change.new}."]


def _correction(facts: Facts) -> list[str]:
    incident, place = facts.change.incident, _place(facts)
    what = f"no usable look came after {day(incident.onset)}"
    if incident.kind is not Kind.BLIND:
        noun = subject_of(facts.measure_label)
        what = f"{noun} went {direction(incident.kind)} from {day(incident.onset)} on"
    if facts.change.old is None:
        return [f"On the look of {day(incident.raised)} it was noticed for {place} that {what}.", "It did not hold."]
    when = f"on {day(facts.told_on)}" if facts.told_on else f"as things stood on {day(incident.raised)}"
    said = (
        f"Correction: for {place} we told you {when} that {what}. That no longer holds. Reason: {facts.change.reason}."
    )
    return [said, "Please pass this on to everyone who was given the earlier message, and do not quote that message."]


def _sure(facts: Facts) -> list[str]:
    """How sure it is, in plain words."""
    if facts.change.incident.kind is Kind.BLIND:
        return [*_blind_rule(facts), _unused_line(facts)]
    lines = [_meaning(facts), _budget(facts), _unused_line(facts)]
    if facts.change.new is not State.RETRACTED:
        lean = "high" if facts.change.incident.kind is Kind.SURGE else "low"
        lines.append(
            f"The average is taken over the very looks that raised the alert, so it leans {lean}. The first look of "
            "the change is an estimate: the change may have begun some looks earlier or later."
        )
    return lines


def _leaning(incident: Incident) -> str:
    hits = list(incident.hits)
    return f"of {counted(len(hits), 'usable look')} after that, {hits.count(True)} leaned the same way"


def _meaning(facts: Facts) -> str:
    incident = facts.change.incident
    noticed = f"It was noticed on the look of {day(incident.raised)}"
    needed, among = facts.confirming
    after = f"; {_leaning(incident)}" if incident.hits else ""
    return {
        State.PROVISIONAL: (
            f"Provisional: the evidence of several looks together passed the threshold, and it may still fall away. "
            f"{noticed}{after}. It counts as confirmed when {needed} of the first {among} later usable looks lean "
            "the same way, and is withdrawn when they do not."
        ),
        State.CONFIRMED: (
            f"Confirmed: later looks lean the same way. {noticed}{after}. The word speaks of the measured change "
            "alone, not of its cause and not of any claim."
        ),
        State.FINISHED: f"Finished: the change was confirmed and is over. {noticed}{after}.",
    }.get(facts.change.new, f"Retracted: {facts.change.reason}. {noticed}{after}.")


def _budget(facts: Facts) -> str:
    budget = facts.false_alarms_per_year
    return (
        f"The threshold is set for {budget:g} false alarm{'' if budget == 1 else 's'} a year in this zone and "
        "measure, ups and downs together. That is the budget that was set, not a rate measured here: it is exact only "
        "if the looks are independent, and a ship that stays over several looks makes false alarms more frequent."
    )


def _blind_rule(facts: Facts) -> list[str]:
    if facts.change.new is State.RETRACTED:
        return []
    return [
        "'Blind' means that no usable look came for much longer than is usual for this place. Surges and lulls in "
        "this time could not be noticed."
    ]


def _unused_line(facts: Facts) -> str:
    incident, missed = facts.change.incident, _missed(facts)
    span = "In this time" if incident.kind is Kind.BLIND else "Since the first look of the change"
    span = "Between its first and last look" if incident.until and incident.kind is not Kind.BLIND else span
    if not missed:
        none = "no pass of a satellite over it was found." if incident.kind is Kind.BLIND else "no look was unusable."
        return f"{span}, {none}"
    return (
        f"{span}, {counted(len(missed), 'look')} could not be used: {reasons(missed)}. "
        f"{'It counts' if len(missed) == 1 else 'They count'} neither for nor against."
    )


def not_shown(measure: str) -> list[str]:
    """What 10 m imagery cannot say about this measure."""
    return [*NOT_SHOWN, *([PATCHES] if measure.startswith(("vessel", "ship")) else [])]


def abridged(ids: Sequence[str]) -> str:
    """The first and last few ids of a list."""
    if len(ids) <= 2 * NAMED_LOOKS:
        return ", ".join(ids)
    return ", ".join([*ids[:NAMED_LOOKS], f"... {len(ids) - 2 * NAMED_LOOKS} more ...", *ids[-NAMED_LOOKS:]])


def _provenance(facts: Facts) -> list[tuple[str, str]]:
    incident = facts.change.incident
    rows = [("Incident", incident.id or incident.name), ("Step", f"{_state_word(facts.change)}: {facts.change.reason}")]
    if incident.looks:
        rows.append((f"Looks ({len(incident.looks)})", abridged(incident.looks)))
        rows.append(("Tracks", ", ".join(incident.tracks)))
    rows += [("Recipe", facts.recipe), ("Made by", f"quaywatch {facts.version}, {facts.generated:%Y-%m-%d %H:%M} UTC")]
    rows += [("Full report", facts.report_path)] if facts.report_path else []
    rows.append(("Imagery", f"SIMULATED; {facts.attribution}" if facts.simulated else facts.attribution))
    return [(label, text) for label, text in rows if text]
