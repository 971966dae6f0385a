"""Brings the pixels that a poll will need into the archive, before anything is measured.

What a source cannot give now is treated as if it had not arrived: its look is not recorded, the others are measured,
and the next poll takes it up. What can never be given is a look of its own: unusable, and it says why.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from datetime import datetime

from monitor.errors import NotYet, QuotaError, SceneError, SourceError
from monitor.flow import track
from monitor.flow.imagery import Imagery, bands_of
from monitor.flow.track import Work
from monitor.measures import Reason
from monitor.scene import Pass
from monitor.site import Site
from monitor.stack import Stack

PATIENCE = 3
"""Failures of a source in one poll after which it is not asked again in that poll."""


@dataclass(frozen=True)
class Shelf:
    """Reads passes of one AOI, and remembers in this poll which can never be read."""

    imagery: Imagery
    site: Site
    as_of: datetime
    refused: dict[str, SceneError] = field(default_factory=dict)
    """By pass."""

    def has(self, taken: Pass) -> bool:
        """True if no source has to be asked."""
        known_bad = taken.id in self.refused
        return known_bad or self.imagery.has(self.site.aoi.id, taken, self.site.grid, bands_of(taken.track))

    def read(self, taken: Pass) -> Stack:
        """The pass on the grid of the AOI.

        Raises:
            SceneError: it can never be read.
            SourceError: not now.
        """
        if taken.id in self.refused:
            raise self.refused[taken.id]
        try:
            return self.imagery.read(self.site.aoi.id, taken, self.site.grid, bands_of(taken.track), self.as_of)
        except SceneError as error:
            self.refused[taken.id] = error
            raise


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """Works whose pixels are there, and what could not be had."""

    works: Sequence[Work]
    problems: Sequence[str] = ()
    failed: dict[str, str] = field(default_factory=dict)
    """Source -> why it gave no pixels."""


@dataclass
class _Round:
    """One poll's patience with its sources."""

    shelf: Shelf
    failures: Counter[str] = field(default_factory=Counter)
    reasons: dict[str, SourceError] = field(default_factory=dict)
    waiting: dict[str, SourceError] = field(default_factory=dict)
    """Passes that are listed and still to come."""

    def fetch(self, taken: Pass) -> Pass | None:
        """The pass as it could be had, perhaps from another source; None: not now."""
        if self.shelf.has(taken):
            return taken
        return next(filter(self._tried, self._offers(taken)), None)

    def _offers(self, taken: Pass) -> Iterator[Pass]:
        yield taken
        yield from self.shelf.imagery.elsewhere(self.shelf.site.aoi, taken)

    def _tried(self, taken: Pass) -> bool:
        """True if the pass was read, or can never be."""
        sources = sorted({s.source for s in taken.scenes})
        if any(self.failures[s] >= PATIENCE for s in sources):
            return False
        try:
            self.shelf.read(taken)
        except SceneError:
            return True
        except NotYet as error:  # told, but no fault of the source: the others are asked of it all the same
            self.waiting[taken.id] = error
            return False
        except SourceError as error:
            for source in sources:
                self.failures[source] += PATIENCE if isinstance(error, QuotaError) else 1
                self.reasons[source] = error
            return False
        for source in sources:
            self.failures[source] = 0
        return True


def missing(works: Sequence[Work], shelf: Shelf) -> list[list[int]]:
    """For each work the indices of the passes that sources have to be asked for."""
    if shelf.imagery.archive is None:
        return [[] for _ in works]
    return [[i for i in track.needed(w) if not shelf.has(w.passes[i])] for w in works]


def fetch(
    works: Sequence[Work],
    wanted: Sequence[Sequence[int]],
    shelf: Shelf,
    pool: Executor,
    *,
    step: Callable[[], None],
    stop: Callable[[], bool],
) -> Fetched:
    """Reads what is wanted; the works with what could be had. `step` is called after each pass.

    Raises:
        WorkspaceError: the archive cannot be written.
    """
    tour = _Round(shelf)
    ready = []
    for work, indices in zip(works, wanted, strict=True):

        def one(index: int, work: Work = work) -> tuple[int, Pass | None]:
            had = None if stop() else tour.fetch(work.passes[index])
            step()
            return index, had

        ready += _with(work, dict(pool.map(one, indices)), shelf)
    return Fetched(
        works=ready,
        problems=[f"{error}\n  What it did not give is asked for again with the next poll." for error in _unique(tour)],
        failed={source: error.message for source, error in tour.reasons.items() if tour.failures[source]},
    )


def _unique(tour: _Round) -> list[SourceError]:
    failed = [e for s, e in tour.reasons.items() if tour.failures[s]]
    return list({str(e): e for e in (*failed, *tour.waiting.values())}.values())


def _with(work: Work, had: dict[int, Pass | None], shelf: Shelf) -> list[Work]:
    """The work without passes that could not be had now.

    A recorded look is not given up because its pixels are gone: it keeps its numbers. If they are only not to be had
    now, the track waits, for its reference would be made without them.
    """
    recorded = {i for i, p in enumerate(work.passes) if p.id in work.known}
    if any(taken is None and index in recorded for index, taken in had.items()):
        return []
    passes = [had.get(i, p) for i, p in enumerate(work.passes)]
    kept = [p for p in passes if p is not None]
    gone = frozenset(
        p.id
        for p in kept
        if p.id in shelf.refused and p.id in work.known and work.known[p.id].reason is not Reason.UNREADABLE
    )
    changed = replace(work, passes=kept, gone=gone)
    return [changed] if kept and changed.todo() else []
