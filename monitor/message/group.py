"""One message about many places: what happens in all of them at once is one piece of news."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from monitor.alert import Change, Kind, State
from monitor.message.facts import Message
from monitor.message.rendering import templates
from monitor.message.wording import NOT_NOTHING, cleaned, counted, day, number, place_of, shortened

LONGEST_SUBJECT = 200
EACH = (
    "Each was found in its own series, against its own history; that there are several makes none of them surer if one "
    "cause disturbs all measurements alike."
)
SAME_CAUSE = (
    "They are told together because they began within three days of each other. One cause may lie behind all of them: "
    "weather, ice, a satellite or its processing as well as something on the ground. This message does not know which."
)


@dataclass(frozen=True, kw_only=True)
class Member:
    """One of the steps that are told together."""

    change: Change
    aoi_name: str
    zone_label: str
    """In words; empty: the whole AOI."""

    measure_label: str
    unit: str
    claims: Sequence[str] = ()
    """Ids of the claims it touches."""


@dataclass(frozen=True, kw_only=True)
class GroupFacts:
    """Everything that a message about several steps may say."""

    members: Sequence[Member]
    """At least two, of one kind; all open, all finished or all retracted."""

    simulated: bool
    attribution: str
    generated: datetime
    version: str


@dataclass(frozen=True, kw_only=True)
class Line:
    """A member as it is printed."""

    place: str
    what: str
    since: str
    state: str
    incident: str
    claims: str


def render_group(facts: GroupFacts) -> Message:
    """The message for steps that are one piece of news. The same facts give the same message, in any order."""
    members = sorted(
        (replace(cleaned(m), claims=tuple(sorted(m.claims))) for m in facts.members),
        key=lambda m: (place_of(m.aoi_name, m.zone_label), m.change.id),
    )
    facts = replace(cleaned(facts), members=members)
    title = _subject(facts)
    words = {"subject": title, "facts": facts, "lead": _lead(facts), "lines": [_line(m) for m in members]}
    words["sure"] = [SAME_CAUSE] if _kind(facts) is Kind.BLIND else [SAME_CAUSE, EACH]
    key = hashlib.sha256("\n".join(sorted(m.change.id for m in members)).encode("utf-8", "replace")).hexdigest()[:16]
    return Message(
        subject=title,
        text=templates().get_template("alert-group.txt.j2").render(words).strip() + "\n",
        html=templates().get_template("alert-group.html.j2").render(words),
        images={},
        message_key=f"group:{key}",
    )


def _where(facts: GroupFacts) -> str:
    aois = {m.change.incident.aoi for m in facts.members}
    if len(aois) > 1:
        return f"in {len(aois)} places"
    zones = len({m.change.incident.zone for m in facts.members})
    return f"in {counted(zones, 'zone')} of {facts.members[0].aoi_name}"


def _kind(facts: GroupFacts) -> Kind:
    return facts.members[0].change.incident.kind


def _noun(facts: GroupFacts) -> str:
    kind = _kind(facts)
    return "no usable look" if kind is Kind.BLIND else str(kind)


def _since(facts: GroupFacts) -> str:
    onsets = [m.change.incident.onset for m in facts.members]
    first, last = day(min(onsets)), day(max(onsets))
    return f"since {first}" if first == last else f"since {first} to {last}"


def _states(facts: GroupFacts) -> str:
    words = [str(m.change.new) for m in facts.members]
    each = sorted(set(words))
    return each[0] if len(each) == 1 else ", ".join(f"{words.count(w)} {w}" for w in each)


def _subject(facts: GroupFacts) -> str:
    mark = "[SIMULATED] " if facts.simulated else ""
    said = f"{_noun(facts)} {_where(facts)} {_since(facts)}"
    if facts.members[0].change.new is State.RETRACTED:
        said = f"correction, '{said}' no longer holds"
    return shortened(f"{mark}{said} ({_states(facts)})", LONGEST_SUBJECT)


def _lead(facts: GroupFacts) -> list[str]:
    first = facts.members[0].change
    said = f"{_noun(facts)} {_where(facts)} {_since(facts)}"
    if first.new is State.RETRACTED:
        return [
            f"Correction: {said}, of which we told you, no longer holds.",
            "Please pass this on to everyone who was given the earlier message, and do not quote that message.",
        ]
    head = said[:1].upper() + said[1:]
    if first.incident.kind is Kind.BLIND:
        return [f"{head}.", NOT_NOTHING] if first.new is State.BLIND else [f"{head}: there are usable looks again."]
    over = "It is over." if first.new is State.FINISHED else f"State: {_states(facts)}."
    return [f"{head}. {over}"]


def _line(member: Member) -> Line:
    i = member.change.incident
    if i.kind is Kind.BLIND:
        what = "no usable look for what is watched"
    else:
        mean, usual = number(i.mean, member.unit), number(i.usual, member.unit)
        what = f"{member.measure_label}: {mean} per usable look, usually {usual} ({counted(len(i.looks), 'look')})"
    end = f" to {day(i.until)}" if i.until else ""
    reason = f": {member.change.reason}" if member.change.new is State.RETRACTED else ""
    line = Line(
        place=place_of(member.aoi_name, member.zone_label),
        what=what,
        since=f"{day(i.onset)}{end}",
        state=f"{member.change.new}{reason}",
        incident=i.id,
        claims=", ".join(member.claims),
    )
    return cleaned(line)
