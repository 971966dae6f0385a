"""What a person says of an incident, recorded: seen, later, right or wrong, taken back."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from difflib import get_close_matches

from monitor.alert import Change, Incident, Kind, Mark, MarkKind, State
from monitor.errors import UsageError
from monitor.message import clean
from monitor.store import Transaction

NAMED = 3
"""Ids that an error names."""


def incident_of(tx: Transaction, identity: str) -> Incident:
    """The incident of that id.

    Raises:
        UsageError: there is none; names those that are near.
    """
    recorded = {i.id: i for i in tx.incidents()}
    if identity in recorded:
        return recorded[identity]
    raise UsageError(f"no incident {identity!r}", nearest(identity, list(recorded)))


def nearest(identity: str, known: list[str]) -> str:
    """What to do about an id that nothing has."""
    within = [k for k in known if identity and identity in k]
    near = list(dict.fromkeys([*get_close_matches(identity, known, NAMED, cutoff=0.6), *within]))[:NAMED]
    return f"Did you mean {' or '.join(near)}?" if near else "`quaywatch alerts --all` lists all."


def acknowledge(tx: Transaction, identity: str, now: datetime, *, by: str = "", note: str = "") -> Mark:
    """Somebody knows of it."""
    return _added(tx, Mark(incident=incident_of(tx, identity).id, kind=MarkKind.ACK, at=now, by=by, note=note))


def snooze(
    tx: Transaction, identity: str, now: datetime, *, until: datetime | None, by: str = "", note: str = ""
) -> Mark:
    """Nothing more of it until an instant; None: until the next usable look of its AOI.

    Raises:
        UsageError: no such incident, or the instant is past.
    """
    incident = incident_of(tx, identity)
    if until is not None and until <= now:
        raise UsageError(
            f"--until {until:%Y-%m-%d} is past: now it is {now:%Y-%m-%d}", "Give a later day, or --next-look."
        )
    known = [at for _, at in tx.usable_instants(incident.aoi)]
    after = None if until is not None else max(known, default=now)
    return _added(
        tx, Mark(incident=incident.id, kind=MarkKind.SNOOZE, at=now, by=by, note=note, until=until, after=after)
    )


def label(tx: Transaction, identity: str, now: datetime, *, truth: bool, by: str = "", note: str = "") -> Mark:
    """It was what it said, or it was not.

    Raises:
        UsageError: no such incident, or it says nothing that could be true or false.
    """
    incident = incident_of(tx, identity)
    if incident.kind is Kind.BLIND:
        raise UsageError(f"{incident.id} is a time when nothing was seen: no finding", "Label surges, lulls and looks.")
    return _added(tx, Mark(incident=incident.id, kind=MarkKind.LABEL, at=now, by=by, note=note, truth=truth))


def take_back(tx: Transaction, identity: str, now: datetime, *, reason: str, by: str = "") -> tuple[Mark, Change]:
    """It does not hold: retracted from now on, whatever the series shows.

    Raises:
        UsageError: no such incident, no reason, or it is retracted already.
    """
    incident = incident_of(tx, identity)
    said = clean(reason)
    if not said:
        raise UsageError("a retraction without a reason", "Say why with --reason: everyone who was told will read it.")
    if incident.state is State.RETRACTED:
        raise UsageError(f"{incident.id} is retracted already", f"`quaywatch alerts {incident.id}` shows why.")
    mark = _added(tx, Mark(incident=incident.id, kind=MarkKind.RETRACT, at=now, by=by, note=said))
    who = mark.by or "a person"
    change = Change(
        incident=replace(incident, state=State.RETRACTED, ending=None),
        old=incident.state,
        new=State.RETRACTED,
        at=now,
        reason=f"taken back by {who}: {said}",
    )
    tx.record_incidents([change.incident], [change], now)
    return mark, change


def _added(tx: Transaction, mark: Mark) -> Mark:
    """Names and notes go into the log and into mails: each on one clean line."""
    mark = replace(mark, by=clean(mark.by), note=clean(mark.note))
    tx.add_mark(mark)
    return mark
