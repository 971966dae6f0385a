"""Which expectations the log holds as frozen. By itself, for every command reads it and few judge."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from monitor.claim import Frozen
from monitor.times import utc

FROZEN = "frozen"
"""Value of `what` in lines of the log."""


def frozen(entries: Iterable[Mapping[str, Any]]) -> list[Frozen]:
    """Oldest first."""
    return [
        Frozen(claim=e["claim"], expectation=e["expectation"], sha256=e["sha256"], at=utc(e["recorded"]))
        for e in entries
        if e.get("what") == FROZEN
    ]
