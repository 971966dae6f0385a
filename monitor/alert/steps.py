"""The steps in the life of incidents: what the looks say now against what was recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from monitor.alert.incident import Ending, Incident, Kind, State


@dataclass(frozen=True, kw_only=True)
class Change:
    """One step in the life of an incident: what is logged and told."""

    incident: Incident
    """As it is after the step; its id is set."""

    old: State | None
    """None: it is new."""

    new: State
    at: datetime
    """Instant of the look (or, for `blind`, the time) that brought it."""

    reason: str

    @property
    def id(self) -> str:
        """Stable: the same step of the same incident has the same id."""
        return f"{self.incident.id}:{self.new}"


REASONS = {
    State.PROVISIONAL: "the evidence over several looks passed the threshold",
    State.CONFIRMED: "later usable looks lean the same way",
    State.FINISHED: "later usable looks are as usual again",
    State.RETRACTED: "later usable looks did not confirm it",
    State.BLIND: "no usable look for much longer than is usual here",
}
ENDINGS = {
    Ending.OVER: "later usable looks are as usual again",
    Ending.NEW_USUAL: "it has lasted so long that it is what is usual here now",
    Ending.SINGLE: "the next usable look came: it was one look",
    Ending.GREW: "later looks made it part of a lasting change",
}
SINGLE = "one look is far from what is usual"
SEEN_AGAIN = "a usable look came"
LATE = "the series as it stands now, with all looks there are, no longer shows this"


def reconcile(
    recorded: Sequence[Incident], derived: Sequence[Incident], as_of: datetime
) -> tuple[list[Incident], list[Change]]:
    """What the looks say now against what was recorded: the incidents to keep, and the steps between.

    Derived incidents take over the id of the recorded one that they overlap, the nearest in onset. A recorded one that
    the looks no longer show is retracted; everyone told hears so, hence it stays retracted: if the looks show it once
    more, that is a new incident. Ids are unique. Reconciling the result again gives no further change.
    """
    matches = _matches(recorded, derived)
    taken = {r.id for r in recorded}
    kept, changes = [], []
    for number, found in enumerate(derived):
        before = matches.get(number)
        incident = replace(found, id=before.id if before else _free_id(found.name, taken))
        taken.add(incident.id)
        kept.append(incident)
        old = before.state if before else None
        if old is not incident.state:
            changes.append(
                Change(
                    incident=incident,
                    old=old,
                    new=incident.state,
                    at=_moment(incident, as_of),
                    reason=_reason(incident),
                )
            )
    continued = {r.id for r in matches.values()}
    for before in (r for r in recorded if r.id not in continued):
        kept.append(replace(before, state=State.RETRACTED))
        if before.state is not State.RETRACTED:
            changes.append(Change(incident=kept[-1], old=before.state, new=State.RETRACTED, at=as_of, reason=LATE))
    return kept, changes


def _matches(recorded: Sequence[Incident], derived: Sequence[Incident]) -> dict[int, Incident]:
    """The recorded incident that each derived one (by its index) continues; the nearest onsets first."""
    pairs = [
        (abs(d.onset - r.onset), r.state is not d.state, number, r.id, r)
        for number, d in enumerate(derived)
        for r in recorded
        if r.overlaps(d) and (r.state is not State.RETRACTED or d.state is State.RETRACTED)
    ]
    matches: dict[int, Incident] = {}
    used: set[str] = set()
    for _, _, number, identity, before in sorted(pairs, key=lambda p: p[:4]):
        if number not in matches and identity not in used:
            matches[number] = before
            used.add(identity)
    return matches


def _free_id(name: str, taken: set[str]) -> str:
    """The name, or name.2, name.3, ... if it is taken."""
    number, identity = 1, name
    while identity in taken:
        number += 1
        identity = f"{name}.{number}"
    return identity


def _reason(incident: Incident) -> str:
    if incident.kind is Kind.BLIND and incident.state is State.FINISHED:
        return SEEN_AGAIN
    if incident.ending is not None:
        return ENDINGS[incident.ending]
    single = incident.state is State.PROVISIONAL and not incident.kind.lasting
    return SINGLE if single else REASONS[incident.state]


def _moment(incident: Incident, as_of: datetime) -> datetime:
    if incident.state in {State.PROVISIONAL, State.BLIND}:
        return incident.raised
    return min(incident.until, as_of) if incident.until else as_of
