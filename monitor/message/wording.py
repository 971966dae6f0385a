"""Words and numbers as readers need them, and the sentences to quote about an incident."""

from __future__ import annotations

import math
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from monitor.alert import Incident, Kind
from monitor.message.facts import Facts, Unused

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Record = TypeVar("Record", bound="DataclassInstance")
NAMED_LOOKS = 3
"""This many look ids are written out at each end of a long list."""

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

EMPTY_STATE = (
    "What lies there: ground counts as not empty if it looks unlike its own empty state, and what stayed in its place "
    "for most of the history counts as empty."
)

PRESENCE = "looks with "
"""How the label of a measure of presence begins."""

RELATIONS = {
    "agrees": "agrees with what the claim lets one expect; that does not make the claim true",
    "runs_against": "runs against what the claim lets one expect; that does not make the claim false",
    "touches": "falls in the place and time of the claim, but measures nothing that it lets one expect",
}

NOT_NOTHING = "This is not 'no activity': nothing could be seen, so nothing is known about this time."
SET_NOT_MEASURED = (
    "That is the budget that was set, not a rate measured here: it is exact only if the looks are independent, and"
)
"""How a sentence about the budget of false alarms begins."""

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


def clean(text: str) -> str:
    """The text on one line, without control characters or marks that reorder what is read."""
    kept = (" " if unicodedata.category(c) in {"Cc", "Zl", "Zp"} else c for c in text)
    return " ".join("".join(c for c in kept if unicodedata.category(c) not in {"Cf", "Cs"}).split())


def cleaned(record: Record) -> Record:
    """The record with each of its texts on one clean line: names come from files that anybody may write."""
    values = {f.name: getattr(record, f.name) for f in fields(record)}
    texts: dict[str, Any] = {name: clean(value) for name, value in values.items() if isinstance(value, str)}
    return replace(record, **texts)


def clean_facts(facts: Facts) -> Facts:
    """The facts with all their texts clean, as `cleaned`."""
    return replace(
        cleaned(facts),
        series=tuple(map(cleaned, facts.series)),
        unused=tuple(map(cleaned, facts.unused)),
        statements=tuple(map(cleaned, facts.statements)),
    )


def shortened(text: str, longest: int) -> str:
    """The text, cut to at most that many characters."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


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
    return text if unit in {"", "1", "count", "vessels"} else f"{text} {unit_sign(unit)}"


def unit_sign(unit: str) -> str:
    """The unit as it is printed: m² for m2."""
    return unit.replace("m2", "m²")


def counted(n: int, one: str, many: str = "") -> str:
    """1 look, 2 looks."""
    return f"{n} {one if n == 1 else many or one + 's'}"


def reasons(unused: Sequence[Unused]) -> str:
    """cloud (2), not covered by the swath (1): the most frequent first."""
    return tally(Counter(u.reason for u in unused))


def tally(counts: Mapping[str, int]) -> str:
    """Words with their counts: cloud (2), not covered by the swath (1); the most frequent first."""
    return ", ".join(f"{word} ({n})" for word, n in Counter(counts).most_common())


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
        return f"No usable look of {place} for what is watched there since {day(incident.onset)}. {NOT_NOTHING}"
    return (
        f"There are usable looks of {place} for what is watched there again, since {day(incident.until)}; there were "
        f"none from {day(incident.onset)} until then. {NOT_NOTHING}"
    )


def told(incident: Incident, place: str, measure_label: str, unit: str, last: datetime | None) -> str:
    """The sentence to quote for an incident in any state but retracted."""
    if incident.kind is Kind.BLIND:
        return blind_spell(incident, place)
    return measured(incident, place, measure_label, unit, last)


def direction(kind: Kind) -> str:
    """Up or down."""
    return "up" if kind.sign > 0 else "down"


def more_or_less(kind: Kind) -> str:
    """Than usual."""
    return "more" if kind.sign > 0 else "less"


def false_alarms(a_year: float) -> str:
    """0.5 false alarms a year."""
    return f"{a_year:g} false alarm{'' if a_year == 1 else 's'} a year"


def not_shown(measure: str) -> list[str]:
    """What 10 m imagery cannot say about this measure."""
    if measure.startswith(("vessel", "ship")):
        return [*NOT_SHOWN, PATCHES]
    return [*NOT_SHOWN, EMPTY_STATE] if measure == "yard_fill" else list(NOT_SHOWN)


def abridged(ids: Sequence[str]) -> str:
    """The first and last few ids of a list."""
    if len(ids) <= 2 * NAMED_LOOKS:
        return ", ".join(ids)
    return ", ".join([*ids[:NAMED_LOOKS], f"... {len(ids) - 2 * NAMED_LOOKS} more ...", *ids[-NAMED_LOOKS:]])
