"""Words and numbers as readers need them, and the sentences to quote about an incident."""

from __future__ import annotations

import math
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from monitor.alert import Incident, Kind, looks_between
from monitor.measures import MEASURES
from monitor.message.facts import Facts, Unused

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Record = TypeVar("Record", bound="DataclassInstance")
NAMED_LOOKS = 3
"""This many look ids are written out at each end of a long list."""

LEAST_RATIO, MOST_RATIO = 0.001, 100.0
"""Beyond these the usual number is so near nothing that a ratio to it misleads: the difference is told."""

LARGEST_ODDS = 1_000_000
"""No law of rare numbers is known well enough to speak of rarer ones."""

LARGEST_RUN = 1_000
"""Looks between false alarms: no stricter budget was tried on simulated places."""

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
    "That is what the thresholds were set to, by a model of what is usual here that allows for season, track, "
    "satellite and for what stays over several looks: it is exact only as far as the model holds."
)
"""Belongs to every sentence about the budget of false alarms."""

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
        nuisances=tuple(replace(n, text=clean(n.text)) for n in facts.nuisances),
        controls=tuple(replace(c, label=clean(c.label)) for c in facts.controls),
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


def rounded(value: float) -> str:
    """With two digits that count: 0.17, 2.4, 12, 40,000."""
    if value == 0 or not math.isfinite(value):
        return number(value)
    digits = 1 - math.floor(math.log10(abs(value)))
    near = round(value, digits)
    return f"{near:,.0f}" if abs(near) >= 10 else f"{near:.{max(digits, 0)}f}".rstrip("0").rstrip(".")


def interval(low: float, high: float, unit: str = "") -> str:
    """(90 % interval 1.6 to 3.5)."""
    return f"(90 % interval {rounded(low)} to {rounded(high)}{after(unit)})"


def after(unit: str) -> str:
    """The unit as it follows a number; empty for counts and shares."""
    return "" if unit in {"", "1", "count", "vessels"} else f" {unit_sign(unit)}"


def days_between(first: datetime, last: datetime) -> str:
    """3 and 21 Oct 2024."""
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day} and {day(last)}" if first.day != last.day else f"{day(first)} and the same day"
    return f"{first.day} {first:%b} and {day(last)}" if first.year == last.year else f"{day(first)} and {day(last)}"


def began(incident: Incident) -> str:
    """A sentence about the onset; empty where it has no interval."""
    if incident.onset_between is None:
        return ""
    first, last = incident.onset_between
    if first.date() == last.date():
        return f"It began on {day(first)} (90 %)."
    return f"It began between {days_between(first, last)} (90 %)."


def size(incident: Incident, measure_label: str, unit: str) -> str:
    """How large a lasting change is, with its interval: the ratio, or the difference where there is no good ratio."""
    ratio, off = incident.ratio, incident.difference
    if ratio is not None and LEAST_RATIO <= ratio.value <= MOST_RATIO and ratio.high <= 10 * MOST_RATIO:
        return f"{rounded(ratio.value)} times {_as_much(measure_label)} {interval(ratio.low, ratio.high)}"
    if off is None:
        return ""
    low, high = (off.low, off.high) if off.value > 0 else (-off.high, -off.low)
    than = "more" if off.value > 0 else "less"
    return f"{rounded(abs(off.value))}{after(unit)} {than} {interval(low, high, unit)}"


def _as_much(measure_label: str) -> str:
    if measure_label.startswith(PRESENCE):
        return "as often"
    return "as many" if subject_of(measure_label) != measure_label else "that"


def chance(incident: Incident) -> str:
    """How often chance alone would do this; empty where it is not known.

    Of a lasting change: as often as the threshold of a budget is passed on simulated places (`alert.chart`), up to
    LARGEST_RUN, beyond which none was simulated.
    """
    if incident.evidence <= 0:
        return ""
    if incident.kind.lasting:
        if incident.measure not in MEASURES:
            return ""
        looks = looks_between(MEASURES[incident.measure].family, 10**incident.evidence)
        often = f"about once in {rounded(looks)}" if looks < LARGEST_RUN else f"less than once in {LARGEST_RUN:,}"
        return f"Where nothing changes, an alarm this strong comes {often} looks (simulated places)."
    odds = 10**incident.evidence
    return f"1 in {rounded(odds)}" if odds < LARGEST_ODDS else f"less than 1 in {LARGEST_ODDS:,}"


def measured(incident: Incident, place: str, measure_label: str, unit: str, last: datetime | None) -> str:
    """The sentences to quote about a lasting change: what was measured, how large it is, since when, by what chance.

    `last` is the latest look it rests on.
    """
    until = incident.until or last
    span = f"from {day(incident.onset)} to {day(until)}" if until else f"from {day(incident.onset)}"
    baseline = f"baseline of {counted(incident.baseline_looks, 'earlier look')}"
    n, usual = len(incident.looks), number(incident.usual, unit)
    noun, large = subject_of(measure_label), size(incident, measure_label, unit)
    tail = " ".join(filter(None, [f"{': ' if large else ''}{large}.", began(incident), chance(incident)]))
    if measure_label.startswith(PRESENCE) and math.isfinite(incident.mean):
        hits = round(incident.mean * n)
        what = measure_label.removeprefix(PRESENCE)
        looks = counted(n, "usable look")
        return f"{place}: {what} on {hits} of {looks} {span}, against a usual share of {usual} ({baseline}){tail}"
    start = f"At {place}, {measure_label} averaged"
    if noun != measure_label:
        start = f"{noun[:1].upper()}{noun[1:]} were counted at {place}: on average"
    mean = f"{number(incident.mean, unit)} per usable look on {counted(n, 'look')}"
    return f"{start} {mean} {span}, against {usual} usual ({baseline}){tail}"


def one_look(incident: Incident, place: str, measure_label: str, unit: str) -> str:
    """The sentences to quote about a spike or dip."""
    noun, value = subject_of(measure_label), number(incident.mean, unit)
    what = f"{value} {noun}" if noun != measure_label else f"{measure_label} {value}"
    if measure_label.startswith(PRESENCE):
        what = f"{'' if incident.mean > 0.5 else 'not '}{measure_label.removeprefix(PRESENCE)}"
    odds = chance(incident)
    by_chance = f" (chance of such a look if nothing changed: {odds})" if odds else ""
    return (
        f"At {place}, one look ({day(incident.onset)}): {what}, against {number(incident.usual, unit)} "
        f"usual{by_chance}. Whether it lasts, one look cannot tell."
    )


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
    if not incident.kind.lasting:
        return one_look(incident, place, measure_label, unit)
    return measured(incident, place, measure_label, unit, last)


def direction(kind: Kind) -> str:
    """Up or down."""
    return "up" if kind.sign > 0 else "down"


def more_or_less(kind: Kind) -> str:
    """Than usual."""
    return "more" if kind.sign > 0 else "less"


def false_alarms(a_year: float) -> str:
    """0.5 false alarms a year."""
    return f"{rounded(a_year)} false alarm{'' if a_year == 1 else 's'} a year"


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
