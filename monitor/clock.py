"""The one place where the clock is read. Everything else is told what time it is."""

from datetime import UTC, datetime


def now() -> datetime:
    """This instant, UTC, whole seconds."""
    return datetime.now(UTC).replace(microsecond=0)  # noqa: TID251
