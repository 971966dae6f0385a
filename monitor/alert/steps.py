"""The steps in the life of incidents: what the looks say now against what was recorded."""

from __future__ import annotations

from collections.abc import Collection, Sequence
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

    @property
    def is_news(self) -> bool:
        """False for the end of a single look: that it was one look was said when it was told. It is only logged."""
        single = not self.incident.kind.lasting and self.incident.kind is not Kind.BLIND
        return not (single and self.new is State.FINISHED)


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
    recorded: Sequence[Incident], derived: Sequence[Incident], as_of: datetime, *, taken_back: Collection[str] = ()
) -> tuple[list[Incident], list[Change]]:
    """What the looks say now against what was recorded: the incidents to keep, and the steps between.

    Derived incidents take over the id of the recorded one that they overlap, the nearest in onset. A recorded one that
    the looks no longer show is retracted; everyone told hears so, hence it stays retracted: if the looks show it once
    more, that is a new incident. So is what was told to be over and now goes on. Ids are unique. Reconciling the result
    again gives no further change.

    `taken_back`: ids of incidents that a person took back. They stay retracted though the looks still show them, and
    keep what the looks show from becoming a new incident; but they end where it ends, so that a later change is new.
    """
    matches = _matches(recorded, derived, taken_back)
    taken = {r.id for r in recorded}
    kept, changes = [], []
    for number, found in enumerate(derived):
        before = matches.get(number)
        incident = _continued(before, found, taken_back) if before else replace(found, id=_free_id(found.name, taken))
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
        kept.append(_gone(before, derived))
        if kept[-1].state is not before.state:
            reason = ENDINGS[Ending.GREW] if kept[-1].state is State.FINISHED else LATE
            changes.append(Change(incident=kept[-1], old=before.state, new=kept[-1].state, at=as_of, reason=reason))
    return kept, changes


def _continued(before: Incident, found: Incident, taken_back: Collection[str]) -> Incident:
    """What is found now of a recorded incident, under its id; no step is taken twice."""
    if before.id in taken_back:
        return replace(found, id=before.id, state=State.RETRACTED, ending=None)
    return replace(_held(before, found), id=before.id)


def _gone(recorded: Incident, derived: Sequence[Incident]) -> Incident:
    """One that is not found any more is retracted; but a single look that a lasting change now holds only grew."""
    if recorded.kind in {Kind.SPIKE, Kind.DIP} and recorded.state is not State.RETRACTED:
        place = recorded.aoi, recorded.zone, recorded.measure, recorded.kind.sign
        for d in derived:
            same = (d.aoi, d.zone, d.measure, d.kind.sign) == place and d.kind.lasting
            if same and d.state is not State.RETRACTED and d.onset <= recorded.onset <= (d.until or recorded.onset):
                return replace(recorded, state=State.FINISHED, ending=Ending.GREW, until=recorded.onset)
    return replace(recorded, state=State.RETRACTED)


def _matches(
    recorded: Sequence[Incident], derived: Sequence[Incident], taken_back: Collection[str]
) -> dict[int, Incident]:
    """The recorded incident that each derived one (by its index) continues; the nearest onsets first.

    Then the nearest alarms: looks of a retracted incident may begin the next, which then has the same onset.
    """
    pairs = [
        (abs(d.onset - r.onset), abs(d.raised - r.raised), r.state is not d.state, number, r.id, r)
        for number, d in enumerate(derived)
        for r in recorded
        if _is_same(r, d, r.id in taken_back)
    ]
    matches: dict[int, Incident] = {}
    used: set[str] = set()
    for _, _, _, number, identity, before in sorted(pairs, key=lambda p: p[:5]):
        if number not in matches and identity not in used:
            matches[number] = before
            used.add(identity)
    return matches


def _is_same(recorded: Incident, derived: Incident, taken_back: bool) -> bool:
    """One that was taken back reaches no further than its looks did: a later change is another one."""
    if taken_back:
        return replace(recorded, until=recorded.until or recorded.last or recorded.raised).overlaps(derived)
    stands = recorded.state is not State.RETRACTED or derived.state is State.RETRACTED
    single = derived.kind in {Kind.SPIKE, Kind.DIP}
    goes_on = recorded.state is State.FINISHED and derived.state.is_open and not single
    return stands and not goes_on and recorded.overlaps(derived)


def _held(recorded: Incident, derived: Incident) -> Incident:
    """No state is left for an earlier one: late looks that only make a change less sure are no news."""
    if recorded.state is State.CONFIRMED and derived.state is State.PROVISIONAL:
        return replace(derived, state=State.CONFIRMED)
    if recorded.state is State.FINISHED and derived.state is State.PROVISIONAL:
        return replace(derived, state=State.FINISHED, until=recorded.until, ending=recorded.ending)
    return derived


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
