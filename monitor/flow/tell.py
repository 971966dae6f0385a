"""Logs new steps of incidents against the claims they bear on, and asks for the messages about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from monitor import claim
from monitor.alert import Change, Incident, Kind, Mark, State
from monitor.claim import Bearing, Heading, Narrative
from monitor.logbook import Logbook
from monitor.measures import MEASURES
from monitor.store import Store, Transaction
from monitor.transports import message_id_for


def bearings(narrative: Narrative, incident: Incident) -> list[Bearing]:
    """The claims an incident touches. Claims speak of rates: a single look, or having seen none, bears on none."""
    if not incident.kind.lasting:
        return []
    sensors = MEASURES[incident.measure].sensors
    return claim.bearing(
        narrative,
        aoi=incident.aoi,
        zone=incident.zone,
        measure=incident.measure,
        sensor=next(iter(sensors)).short if len(sensors) == 1 else None,
        since=incident.onset,
        until=incident.until or incident.last or incident.raised,
        direction=Heading.UP if incident.kind.sign > 0 else Heading.DOWN,
    )


def log_changes(store: Store, logbook: Logbook, narrative: Narrative) -> int:
    """Writes the lines of all steps that are not in the log yet; how many.

    The line is written before the database notes it: a crash between the two writes nothing twice, for the log
    knows its ids.
    """
    with store.transaction() as tx:
        waiting = tx.changes(logged=False)
    for change, recorded in waiting:
        logbook.append(entry(change, recorded, bearings(narrative, change.incident)))
        with store.transaction() as tx:
            tx.mark_logged(change.id)
    return len(waiting)


def log_marks(store: Store, logbook: Logbook) -> int:
    """Writes the lines of all marks that are not in the log yet, as `log_changes` does those of steps; how many."""
    with store.transaction() as tx:
        waiting = tx.marks(logged=False)
    for mark in waiting:
        logbook.append(mark_entry(mark))
        with store.transaction() as tx:
            tx.mark_mark_logged(mark.id)
    return len(waiting)


def mark_entry(mark: Mark) -> dict[str, Any]:
    """The line of a mark."""
    return {
        "id": mark.id,
        "recorded": mark.at.isoformat(),
        "incident": mark.incident,
        "mark": mark.kind,
        "by": mark.by,
        "note": mark.note,
        "until": mark.until.isoformat() if mark.until else None,
        "until_a_look_after": mark.after.isoformat() if mark.after else None,
        "truth": mark.truth,
    }


def entry(change: Change, recorded: datetime, touched: Sequence[Bearing]) -> dict[str, Any]:
    """The line of a step: what the looks say, and what that says and does not say for each claim."""
    i = change.incident
    return {
        "id": change.id,
        "recorded": recorded.isoformat(),
        "at": change.at.isoformat(),
        "aoi": i.aoi,
        "zone": i.zone,
        "measure": i.measure,
        "kind": i.kind,
        "old": change.old,
        "new": change.new,
        "reason": change.reason,
        "onset": i.onset.isoformat(),
        "until": i.until.isoformat() if i.until else None,
        "mean_per_usable_look": None if i.kind is Kind.BLIND else round(i.mean, 4),
        "usual_per_usable_look": None if i.kind is Kind.BLIND else round(i.usual, 4),
        "baseline_looks": i.baseline_looks,
        "looks": list(i.looks),
        "claims": [
            {
                "claim": b.claim.id,
                "expectation": b.expectation.id if b.expectation else None,
                "relation": b.relation,
                "says": b.says,
                "does_not_say": b.does_not_say,
            }
            for b in touched
        ],
    }


@dataclass(frozen=True, kw_only=True)
class Recipients:
    """Who is told, and how old news may be."""

    to: Sequence[str]
    sender: str
    tell_for_days: float


def queue(store: Store, changes: Sequence[Change], recipients: Recipients, as_of: datetime) -> int:
    """Asks for the messages about new steps; how many.

    Old news of a back-fill is logged, not mailed; nor is the end of a single look. An end or a retraction goes to
    those who were told of the beginning. Whether marks hold a message back is decided when it is to leave.
    """
    with store.transaction() as tx:
        wanted = [
            (change, address)
            for change in changes
            if change.is_news
            for address in recipients.to
            if _is_news(tx, change, address, recipients, as_of)
        ]
        for change, address in wanted:
            tx.queue_delivery(change, address, message_id_for(change.id, address, recipients.sender), as_of)
    return len(wanted)


def _is_news(tx: Transaction, change: Change, address: str, recipients: Recipients, as_of: datetime) -> bool:
    if change.new in {State.FINISHED, State.RETRACTED}:
        return any(
            d["recipient"] == address and d["state"] != "failed" for d in tx.deliveries(incident=change.incident.id)
        )
    return as_of - change.at <= timedelta(days=recipients.tell_for_days)
