"""Sends what is waiting: at most one message an incident state and recipient, whatever crashes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from monitor.alert import Change
from monitor.errors import DeliveryError
from monitor.message import Message
from monitor.store import Store
from monitor.transports import Transport, compose

FIRST_WAIT = timedelta(minutes=5)
LONGEST_WAIT = timedelta(hours=12)
MOST_ATTEMPTS = 12
"""With doubling waits this is about three days: as long as mail servers themselves try."""


@dataclass(frozen=True, kw_only=True)
class Delivered:
    """How a round of sending went."""

    sent: int = 0
    postponed: int = 0
    failed: int = 0
    problems: tuple[str, ...] = ()


def deliver(
    store: Store, transport: Transport, write: Callable[[Change], Message], *, sender: str, now: datetime
) -> Delivered:
    """Sends every message that is due. A row is claimed before its message leaves, and settled after it.

    A crash in between leaves the row `sending`: `take_up` makes it wait again, and the message then carries the same
    Message-ID, so that a mail system can tell that it is the same.
    """
    with store.transaction() as tx:
        due = [d for d in tx.deliveries(state="waiting") if d["not_before"] <= now.isoformat()]
        changes = {change.id: change for change, _ in tx.changes()}
    sent = postponed = failed = 0
    problems: list[str] = []
    for row in due:
        with store.transaction() as tx:
            if not tx.claim_delivery(row["change"], row["recipient"], now):
                continue
        try:
            message = write(changes[row["change"]])
            transport.send(
                compose(
                    message,
                    sender=sender,
                    recipient=row["recipient"],
                    message_id=row["message_id"],
                    date=now,
                    references=_first_told(store, row),
                )
            )
        except DeliveryError as error:
            permanent = error.permanent or row["attempts"] + 1 >= MOST_ATTEMPTS
            _settle(store, row, now, error, permanent=permanent)
            failed, postponed = failed + permanent, postponed + (not permanent)
            problems.append(f"mail to {row['recipient']}: {error.message}")
            continue
        with store.transaction() as tx:
            tx.finish_delivery(row["change"], row["recipient"], "sent")
        sent += 1
    return Delivered(sent=sent, postponed=postponed, failed=failed, problems=tuple(problems))


def _first_told(store: Store, row: dict[str, Any]) -> str | None:
    """Message-ID of the first message about the incident to this recipient: it makes a thread."""
    with store.transaction() as tx:
        told = [
            d
            for d in tx.deliveries(state="sent", incident=row["incident"])
            if d["recipient"] == row["recipient"] and d["change"] != row["change"]
        ]
    return str(told[0]["message_id"]) if told else None


def _settle(store: Store, row: dict[str, Any], now: datetime, error: DeliveryError, *, permanent: bool) -> None:
    wait = min(FIRST_WAIT * 2 ** row["attempts"], LONGEST_WAIT)
    with store.transaction() as tx:
        tx.finish_delivery(
            row["change"],
            row["recipient"],
            "failed" if permanent else "waiting",
            error=error.message,
            not_before=now + wait,
        )


def take_up(store: Store) -> int:
    """Makes messages wait again that a crash left half sent; how many. Only the one daemon may call it."""
    with store.transaction() as tx:
        stuck = tx.deliveries(state="sending")
        for row in stuck:
            tx.finish_delivery(row["change"], row["recipient"], "waiting")
    return len(stuck)
