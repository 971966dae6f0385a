"""UTC instants and intervals. No clock is read here: `as_of` is always passed in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from monitor.errors import UsageError


def utc(text: str) -> datetime:
    """An aware UTC instant from ISO 8601 text; a day alone means its 00:00 UTC.

    Raises:
        UsageError: the text is no date.
    """
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise UsageError(f"{text!r} is not a date", "Write 2025-10-01 or 2025-10-01T09:20:00Z.") from error
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def start_of(day: date) -> datetime:
    """00:00 UTC of the day."""
    return datetime.combine(day, time(), tzinfo=UTC)


def end_of(day: date) -> datetime:
    """00:00 UTC of the day after: the open end of an interval that holds the whole day."""
    return start_of(day) + timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A stretch of time, start included, end excluded."""

    start: datetime
    """Aware, UTC."""

    end: datetime
    """Aware, UTC, not before `start`."""

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise UsageError(f"the interval {self.start} .. {self.end} has no time zone")
        if self.end < self.start:
            raise UsageError(
                f"the interval ends ({self.end:%Y-%m-%d}) before it starts ({self.start:%Y-%m-%d})",
                "Exchange --since and --until.",
            )

    def __contains__(self, moment: datetime) -> bool:
        return self.start <= moment < self.end

    def overlaps(self, other: Interval) -> bool:
        """True if the two share an instant."""
        return max(self.start, other.start) < min(self.end, other.end)

    def __str__(self) -> str:
        return f"{self.start:%Y-%m-%d} .. {self.end:%Y-%m-%d}"
