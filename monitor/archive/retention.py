"""Which kept looks go when the archive is too old or too large. Evidence never does."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One kept form of a look: a GeoTIFF and its record. A look made again from newer products has another."""

    aoi: str
    """As its folder is named: the id itself, unless it holds what no file name should."""

    look: str
    """As its file is named, see `aoi`."""

    start: datetime
    """First instant of the look, UTC, whole seconds."""

    bytes: int
    """Both files."""

    path: Path
    """The GeoTIFF."""

    kept: datetime
    """When the record was written, UTC, by the file system's clock."""


@dataclass(frozen=True, kw_only=True)
class Retention:
    """How long and how much. None: without limit."""

    max_age_days: int | None = None
    """Age of the look itself, from its start."""

    budget_bytes: int | None = None

    def __post_init__(self) -> None:
        if min(self.max_age_days or 0, self.budget_bytes or 0) < 0:
            raise ValueError(f"a retention below nothing: {self}")


@dataclass(frozen=True, kw_only=True)
class Pruned:
    """What a pruning did."""

    removed: int
    """Entries."""

    bytes: int
    """Freed."""

    kept_evidence: int
    """Entries that were too old or over the budget, and stay because they are evidence."""

    over_budget: bool
    """True: only evidence is left, and it needs more than the budget."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What a pruning is to do."""

    drop: tuple[Entry, ...]
    """Oldest look first."""

    spared: int
    """See `Pruned.kept_evidence`."""

    left: int
    """Bytes of what stays."""


def choose(
    entries: Iterable[Entry], policy: Retention, *, evidence: Collection[tuple[str, str]], as_of: datetime
) -> Choice:
    """The oldest looks, until all are young enough and the rest fits. `evidence`: (aoi, look), in all their forms.

    Of two forms of one look the one kept first goes first.
    """
    ordered = sorted(entries, key=lambda e: (e.start, e.aoi, e.look, e.kept, e.path))
    left = sum(e.bytes for e in ordered)
    drop, spared = [], 0
    for entry in ordered:
        old = policy.max_age_days is not None and (as_of - entry.start) / timedelta(days=1) > policy.max_age_days
        if not old and (policy.budget_bytes is None or left <= policy.budget_bytes):
            break  # all that follow are younger still
        if (entry.aoi, entry.look) in evidence:
            spared += 1
            continue
        drop.append(entry)
        left -= entry.bytes
    return Choice(drop=tuple(drop), spared=spared, left=left)
