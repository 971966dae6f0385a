"""What an account at a paid service may still spend in a month."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Protocol

from monitor.errors import QuotaError

SLACK = 1e-9
"""Units. Sums of floats are not exact; a cap is not missed by this much."""


class Account(Protocol):
    """Books units and requests of the running month (UTC). All methods may be called from several threads."""

    def reserve(self, units: float, requests: int, what: str) -> str:
        """Sets aside what a request will cost if it is answered; gives the id of the reservation.

        Args:
            units: forecast.
            requests: as the service counts them.
            what: what for, in words; for the record.

        Raises:
            QuotaError: the month's cap would be passed, or the account is closed. Nothing is set aside.
        """

    def settle(self, reservation: str, units: float) -> None:
        """The request was answered, and charged with `units`; its requests count as well. Ends the reservation."""

    def release(self, reservation: str) -> None:
        """The request was not answered: nothing was charged. Ends the reservation."""

    def close_until(self, instant: datetime, why: str) -> None:
        """Nothing can be reserved before the instant: the service itself says that nothing is left."""


def month_of(instant: datetime) -> tuple[int, int]:
    """Year and month, UTC: what the quotas of the services are counted by."""
    at = instant.astimezone(UTC)
    return at.year, at.month


def next_month(instant: datetime) -> datetime:
    """00:00 UTC on the 1st of the month after the instant's."""
    year, month = month_of(instant)
    return datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)


@dataclass
class _Booked:
    units: float = 0.0
    requests: int = 0


@dataclass(frozen=True)
class _Reservation:
    month: tuple[int, int]
    units: float
    requests: int


class MemoryAccount:
    """An account that lives as long as the process: for tests, and for questions outside a workspace."""

    def __init__(self, cap_units: float = 10_000, cap_requests: int = 10_000, *, now: Callable[[], datetime]) -> None:
        """Caps are for a month; `now` is the clock, UTC."""
        self._cap = _Booked(cap_units, cap_requests)
        self._now = now
        self._lock = threading.Lock()
        self._ids = count(1)
        self._spent: dict[tuple[int, int], _Booked] = {}
        self._open: dict[str, _Reservation] = {}
        self._closed: tuple[datetime, str] | None = None

    @property
    def units(self) -> float:
        """Charged this month."""
        with self._lock:
            return self._month().units

    @property
    def requests(self) -> int:
        """Charged this month."""
        with self._lock:
            return self._month().requests

    @property
    def reserved(self) -> float:
        """Units set aside for requests that are under way."""
        with self._lock:
            return sum(r.units for r in self._open.values())

    def reserve(self, units: float, requests: int, what: str) -> str:
        """See `Account.reserve`."""
        with self._lock:
            now = self._now()
            if self._closed and now < self._closed[0]:
                until, why = self._closed
                raise QuotaError(f"{what}: the account is closed until {until:%Y-%m-%d} ({why})", _HINT)
            month = month_of(now)
            spent = self._spent.setdefault(month, _Booked())
            under_way = [r for r in self._open.values() if r.month == month]
            needed_units = spent.units + sum(r.units for r in under_way) + units
            needed_requests = spent.requests + sum(r.requests for r in under_way) + requests
            if needed_units > self._cap.units + SLACK or needed_requests > self._cap.requests:
                raise QuotaError(
                    f"{what}: needs {units:.2f} units; of the month's {self._cap.units:g} units and "
                    f"{self._cap.requests} requests, {needed_units - units:.2f} and {needed_requests - requests} "
                    "are spent or set aside",
                    _HINT,
                )
            reservation = f"r{next(self._ids)}"
            self._open[reservation] = _Reservation(month, units, requests)
            return reservation

    def settle(self, reservation: str, units: float) -> None:
        """See `Account.settle`. Booked in the month of the reservation."""
        with self._lock:
            ended = self._open.pop(reservation)
            booked = self._spent.setdefault(ended.month, _Booked())
            booked.units += units
            booked.requests += ended.requests

    def release(self, reservation: str) -> None:
        """See `Account.release`."""
        with self._lock:
            del self._open[reservation]

    def close_until(self, instant: datetime, why: str) -> None:
        """See `Account.close_until`. The later of two closings holds."""
        with self._lock:
            if self._closed is None or instant > self._closed[0]:
                self._closed = instant, why

    def _month(self) -> _Booked:
        return self._spent.get(month_of(self._now()), _Booked())


_HINT = (
    "The count starts again on the 1st of the month (UTC). Watch fewer AOIs, or raise the cap if the account has more."
)
