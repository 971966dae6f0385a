"""One pass over one AOI: search, fetch, measure, compare, record. A back-fill is the same over past dates."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import groupby
from threading import Lock

from monitor.alert import Change
from monitor.aoi import Aoi
from monitor.cadence import Audit
from monitor.errors import NoSource
from monitor.flow import track
from monitor.flow.derive import derive
from monitor.flow.fetch import Shelf, fetch, missing
from monitor.flow.imagery import Imagery
from monitor.flow.track import Batch, Work
from monitor.scene import Pass, by_pass
from monitor.site import site
from monitor.store import Known, Store
from monitor.times import Interval

WORKERS = 2
FETCHERS = 4
"""Passes fetched at once; each reads its bands side by side."""

Progress = Callable[[int, int], None]
"""Called with steps done and steps to do: a look fetched is one, a look measured another."""


def silent(done: int, total: int) -> None:
    """Shows no progress."""


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What a poll did."""

    aoi: str
    scenes: int = 0
    """Found in the interval."""

    new_looks: int = 0
    remeasured: int = 0
    """Known looks compared with a larger reference."""

    unusable: int = 0
    """Of the new looks."""

    changes: Sequence[Change] = ()
    problems: Sequence[str] = field(default=())
    """Catalogue entries and sources that could not be used."""

    failed: Mapping[str, str] = field(default_factory=dict)
    """Sources that could not be asked or gave no pixels, each with the reason."""

    answered: frozenset[str] = frozenset()
    """Sources that did what was asked of them."""

    audit: Audit | None = None
    """What the sources should have listed by now, and what they did."""


def poll(
    aoi: Aoi,
    imagery: Imagery,
    store: Store,
    interval: Interval,
    *,
    false_alarms_a_year: float,
    as_of: datetime,
    progress: Progress = silent,
    stop: Callable[[], bool] = lambda: False,
) -> Summary:
    """Looks of the interval, measured and recorded. Calling it again changes nothing.

    `stop` is asked between batches: True ends the poll after what is recorded; its incidents are derived next time.

    Raises:
        NoSource: none could be searched. Incidents are derived all the same.
    """
    told = len(imagery.damage)
    with store.transaction() as tx:
        known = tx.known_looks(aoi.id)
        recorded = imagery.restored(tx.known_items(aoi.id))
    try:
        found = imagery.search(aoi, interval, recorded, as_of)
    except NoSource:
        with store.transaction() as tx:  # time goes on: who cannot ask is blind in the end, not quiet
            derive(tx, aoi, false_alarms_a_year, as_of)
        raise
    passes = by_pass(found.scenes)
    summary = Summary(
        aoi=aoi.id,
        scenes=found.listed,
        problems=tuple(found.problems),
        failed=dict(found.failed),
        answered=found.answered,
        audit=found.audit,
    )
    counter = _Counter(progress)
    todo: Sequence[Work] = ()
    if passes:
        shelf = Shelf(imagery, site(aoi), as_of)
        todo, summary = _fetched(_works(passes, known, store, shelf), summary, shelf, counter, stop)
    derived = False
    stale = sorted(set(known) - {p.id for p in passes})
    changes: list[Change] = []
    with ThreadPoolExecutor(WORKERS) as pool:
        batches = (b for w in todo for b in track.process(w, pool))
        for batch, last in _with_last(batches):
            changes += _record(
                store, aoi, batch, stale=stale, budget=false_alarms_a_year if last else None, as_of=as_of
            )
            summary, derived = _counted(summary, batch, known), last
            counter.step(len(batch.seen))
            if stop():
                return _ended(summary, changes, imagery, told)
    if not derived:  # nothing new; but an earlier run may have ended before it derived, and time goes on
        with store.transaction() as tx:
            tx.forget_looks(aoi.id, stale)
            changes += derive(tx, aoi, false_alarms_a_year, as_of)
    return _ended(summary, changes, imagery, told)


def _ended(summary: Summary, changes: Sequence[Change], imagery: Imagery, told: int) -> Summary:
    """With what only reading showed: damage in the archive, pixels that contradict their catalogue."""
    noticed = [p for s in imagery.sources if s.name in summary.answered for p in s.problems]
    problems = dict.fromkeys([*summary.problems, *noticed, *imagery.damage[told:]])
    return replace(summary, changes=tuple(changes), problems=tuple(problems))


class _Counter:
    """Counts steps of work for those who watch."""

    def __init__(self, progress: Progress) -> None:
        self.total = 0
        self._done = 0
        self._progress = progress
        self._lock = Lock()

    def step(self, by: int = 1) -> None:
        with self._lock:
            self._done += by
            self._progress(self._done, max(self._done, self.total))


def _fetched(
    works: Sequence[Work], summary: Summary, shelf: Shelf, counter: _Counter, stop: Callable[[], bool]
) -> tuple[Sequence[Work], Summary]:
    """The works whose pixels are there, and the summary with what could not be had."""
    wanted = missing(works, shelf)
    counter.total = sum(len(w.todo()) for w in works) + sum(map(len, wanted))
    with ThreadPoolExecutor(FETCHERS) as pool:
        had = fetch(works, wanted, shelf, pool, step=counter.step, stop=stop)
    return had.works, replace(
        summary,
        problems=(*summary.problems, *had.problems),
        failed={**summary.failed, **had.failed},
        answered=summary.answered - set(had.failed),
    )


def _with_last(batches: Iterator[Batch]) -> Iterator[tuple[Batch, bool]]:
    """Each batch, and True with the last one."""
    before: Batch | None = None
    for batch in batches:
        if before is not None:
            yield before, False
        before = batch
    if before is not None:
        yield before, True


def _works(passes: Sequence[Pass], known: Mapping[str, Known], store: Store, shelf: Shelf) -> list[Work]:
    """One work a track that has something to do."""
    works = []
    for line, group in groupby(sorted(passes, key=lambda p: (p.track.id, p.start, p.id)), key=lambda p: p.track):
        work = Work(site=shelf.site, passes=list(group), known=known, saved=None, read=shelf.read)
        if work.todo():
            with store.transaction() as tx:
                saved = tx.state(shelf.site.aoi.id, line.id, track.RECIPE)
            works.append(replace(work, saved=saved))
    return works


def _record(
    store: Store, aoi: Aoi, batch: Batch, *, stale: Sequence[str], budget: float | None, as_of: datetime
) -> list[Change]:
    """Looks, measurements and the state of the track in one transaction; with the last batch the incidents too.

    Half a back-fill would raise alerts that the other half takes back. If the run ends in between, the next one
    derives them.
    """
    with store.transaction() as tx:
        tx.forget_looks(aoi.id, stale)
        for seen in batch.seen:
            tx.record_look(seen)
        if batch.saved is not None:
            tx.save_state(aoi.id, batch.track.id, track.RECIPE, batch.saved)
        return [] if budget is None else derive(tx, aoi, budget, as_of)


def _counted(summary: Summary, batch: Batch, known: Mapping[str, Known]) -> Summary:
    new = [s for s in batch.seen if s.look.id not in known]
    return replace(
        summary,
        new_looks=summary.new_looks + len(new),
        remeasured=summary.remeasured + len(batch.seen) - len(new),
        unusable=summary.unusable + sum(not s.look.usable for s in new),
    )
