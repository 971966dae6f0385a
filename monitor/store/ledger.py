"""What paid sources have cost and may still cost, by calendar month; and which are closed for a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple
from uuid import uuid4

from sqlalchemy import ColumnElement, case, delete, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from monitor.store import schema as t
from monitor.store.tables import Tables
from monitor.times import utc

STALE = timedelta(days=1)
"""A reservation that is older was left behind by a process that died. Whether the service charged it is unknown."""

SLACK = 1e-9
"""Units. Sums of floats are not exact; a cap is not passed by this much."""


class Booking(StrEnum):
    """Where a row of the ledger is in its life."""

    RESERVED = "reserved"
    """A request may be under way: its forecast counts."""

    BOOKED = "booked"
    """It was charged; or nobody knows, and its forecast stands."""

    RELEASED = "released"
    """It was not charged: neither units nor requests count."""


class Spent(NamedTuple):
    """Of a source in a month, what is set aside included."""

    units: float
    requests: int


@dataclass(frozen=True, kw_only=True)
class Closure:
    """A source that is not asked for a time."""

    source: str
    until: datetime
    why: str


class LedgerTable(Tables):
    """Processing units and requests."""

    def reserve_units(
        self,
        source: str,
        month: str,
        *,
        forecast: float,
        requests: int,
        cap_units: float,
        cap_requests: int,
        what: str,
        at: datetime,
    ) -> str | None:
        """Sets units and requests aside; the id of the reservation, or None where that would pass a cap.

        A transaction is the only writer while it lasts, so processes cannot pass a cap together. Reservations older
        than a day are booked at their forecast first.

        Args:
            source: name of the source.
            month: UTC, "2026-11"; what caps are counted by.
            forecast: units.
            requests: as the service counts them.
            cap_units: of the month.
            cap_requests: of the month.
            what: what for, in words; for the record.
            at: now.
        """
        u = t.units
        stale = (u.c.state == Booking.RESERVED) & (u.c.reserved_at < (at - STALE).isoformat())
        self._c.execute(update(u).where(stale).values(state=Booking.BOOKED, booked=u.c.forecast))
        spent = self.units_of_month(source, month)
        if spent.units + forecast > cap_units + SLACK or spent.requests + requests > cap_requests:
            return None
        row = {
            "id": uuid4().hex,
            "source": source,
            "month": month,
            "what": what,
            "reserved_at": at.isoformat(),
            "forecast": forecast,
            "requests": requests,
            "booked": None,
            "state": Booking.RESERVED,
        }
        self._c.execute(insert(u).values(row))
        return str(row["id"])

    def settle_units(self, reservation: str, units: float) -> bool:
        """Books what was charged, in the month of the reservation. False if there is no such reservation.

        A reservation that was booked for its age is put right.
        """
        return self._ended(reservation, t.units.c.state != Booking.RELEASED, state=Booking.BOOKED, booked=units)

    def release_units(self, reservation: str) -> bool:
        """Nothing was charged. False if there is no such reservation, or it is booked."""
        return self._ended(reservation, t.units.c.state == Booking.RESERVED, state=Booking.RELEASED)

    def _ended(self, reservation: str, if_: ColumnElement[bool], **values: object) -> bool:
        return self._c.execute(update(t.units).where(t.units.c.id == reservation, if_).values(values)).rowcount == 1

    def units_of_month(self, source: str, month: str) -> Spent:
        """What is booked and what is set aside."""
        u = t.units
        counted = func.sum(case((u.c.state == Booking.BOOKED, u.c.booked), else_=u.c.forecast))
        row = self._c.execute(
            select(func.coalesce(counted, 0.0), func.coalesce(func.sum(u.c.requests), 0)).where(
                u.c.source == source, u.c.month == month, u.c.state != Booking.RELEASED
            )
        ).one()
        return Spent(units=float(row[0]), requests=int(row[1]))

    def close_source(self, source: str, until: datetime, why: str) -> None:
        """Nothing is asked of a source before that instant. The later of two closings holds."""
        row = {"source": source, "until": until.isoformat(), "why": why}
        made = upsert(t.closures).values(row)
        self._c.execute(
            made.on_conflict_do_update(["source"], set_=row, where=t.closures.c.until < made.excluded.until)
        )

    def open_source(self, source: str) -> bool:
        """It may be asked again: the quota was raised, the credentials changed. True if it was closed."""
        return self._c.execute(delete(t.closures).where(t.closures.c.source == source)).rowcount == 1

    def closed_until(self, source: str, at: datetime) -> datetime | None:
        """Until when the source is not to be asked; None: it may be asked at `at`."""
        return next((c.until for c in self.closures(at) if c.source == source), None)

    def closures(self, at: datetime) -> list[Closure]:
        """Sources that are closed at `at`, by name."""
        rows = self._c.execute(select(t.closures).order_by(t.closures.c.source))
        found = [Closure(source=r.source, until=utc(r.until), why=r.why) for r in rows]
        return [c for c in found if at < c.until]
