"""What is to be done: messages that wait, and when each AOI is polled."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from monitor.alert import Change
from monitor.store import schema as t
from monitor.store.tables import Tables
from monitor.times import utc


class DeliveryTable(Tables):
    """At most one message a change and recipient."""

    def queue_delivery(self, change: Change, recipient: str, message_id: str, now: datetime) -> None:
        """Asks for a message, once."""
        row = {
            "change": change.id,
            "recipient": recipient,
            "incident": change.incident.id,
            "state": "waiting",
            "attempts": 0,
            "not_before": now.isoformat(),
            "error": "",
            "message_id": message_id,
        }
        self._c.execute(upsert(t.deliveries).values(row).on_conflict_do_nothing())

    def deliveries(self, *, state: str | None = None, incident: str | None = None) -> list[dict[str, Any]]:
        """Deliveries as plain rows, oldest first."""
        query = select(t.deliveries).order_by(t.deliveries.c.not_before, t.deliveries.c.change)
        query = query.where(t.deliveries.c.state == state) if state else query
        query = query.where(t.deliveries.c.incident == incident) if incident else query
        return [dict(r._asdict()) for r in self._c.execute(query)]

    def claim_delivery(self, change: str, recipient: str, now: datetime) -> bool:
        """True if this caller, and no other, may send it now."""
        d = t.deliveries
        done = self._c.execute(
            update(d)
            .where(
                d.c.change == change,
                d.c.recipient == recipient,
                d.c.state == "waiting",
                d.c.not_before <= now.isoformat(),
            )
            .values(state="sending", attempts=d.c.attempts + 1)
        )
        return done.rowcount == 1

    def join_deliveries(self, changes: Sequence[str], recipient: str, message_id: str) -> None:
        """These are told in one message of that Message-ID: so again if it has to be tried again."""
        d = t.deliveries
        own = d.c.change.in_(changes) & (d.c.recipient == recipient)
        self._c.execute(update(d).where(own).values(message_id=message_id))

    def finish_delivery(
        self, change: str, recipient: str, state: str, *, error: str = "", not_before: datetime | None = None
    ) -> None:
        """How an attempt ended: `sent`, `failed`, or `waiting` for another try; or `muted`, without one."""
        values: dict[str, Any] = {"state": state, "error": error}
        if not_before is not None:
            values["not_before"] = not_before.isoformat()
        d = t.deliveries
        self._c.execute(update(d).where(d.c.change == change, d.c.recipient == recipient).values(values))


class PollTable(Tables):
    """When each AOI was polled, and when it is due."""

    def next_polls(self) -> dict[str, datetime]:
        """When each AOI is due."""
        return {r.aoi: utc(r.next) for r in self._c.execute(select(t.polls.c.aoi, t.polls.c.next))}

    def poll_rows(self) -> list[dict[str, Any]]:
        """Last and next poll of each AOI with the problem of the last, as plain rows."""
        return [dict(r._asdict()) for r in self._c.execute(select(t.polls).order_by(t.polls.c.aoi))]

    def set_poll(self, aoi: str, *, last: datetime | None, next_: datetime, problem: str) -> None:
        """Notes a poll."""
        row = {
            "aoi": aoi,
            "last": last.isoformat() if last else None,
            "next": next_.isoformat(),
            "problem": problem,
        }
        self._c.execute(upsert(t.polls).values(row).on_conflict_do_update(["aoi"], set_=row))

    def counts(self) -> dict[str, int]:
        """Rows of the main tables."""
        tables = (t.looks, t.scenes, t.measurements, t.incidents, t.changes, t.deliveries)
        return {x.name: self._c.execute(select(func.count()).select_from(x)).scalar_one() for x in tables}
