"""One pass over one AOI: search, join, measure, compare, record. A back-fill is the same over past dates."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from itertools import groupby

from monitor.alert import Change
from monitor.aoi import Aoi
from monitor.errors import QuaywatchError, SourceError
from monitor.flow import track
from monitor.flow.derive import derive
from monitor.flow.track import Batch, Work
from monitor.scene import Pass, Scene, by_pass
from monitor.sources import Source
from monitor.store import Known, Store
from monitor.times import Interval

WORKERS = 2
BANDS = {"sentinel-1": (), "sentinel-2": ("b02", "b03", "b04", "b08", "scl")}
"""Bands read for a look; empty: the channel of its track."""

Progress = Callable[[int, int], None]
"""Called with looks done and looks to do."""


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


def poll(
    aoi: Aoi,
    sources: Sequence[Source],
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
        SourceError: no source could be searched.
    """
    source, found, problems = _search(aoi, sources, interval)
    with store.transaction() as tx:
        known = tx.known_looks(aoi.id)
        scenes = {s.id: s for s in found}
        scenes |= {s.id: s for s in _restored(tx.known_items(aoi.id, but=scenes), sources)}
    passes = by_pass(scenes.values())
    todo = _works(aoi, passes, known, store, source)
    total = sum(len(w.todo()) for w in todo)
    summary = Summary(aoi=aoi.id, scenes=len(found), problems=tuple(problems))
    done, derived = 0, False
    stale = sorted(set(known) - {p.id for p in passes})
    changes: list[Change] = []
    with ThreadPoolExecutor(WORKERS) as pool:
        batches = (b for w in todo for b in track.process(w, pool))
        for batch, last in _with_last(batches):
            changes += _record(
                store, aoi, batch, stale=stale, budget=false_alarms_a_year if last else None, as_of=as_of
            )
            summary, derived = _counted(summary, batch, known), last
            done += len(batch.seen)
            progress(done, total)
            if stop():
                return replace(summary, changes=tuple(changes))
    if not derived:  # nothing new; but an earlier run may have ended before it derived, and time goes on
        with store.transaction() as tx:
            tx.forget_looks(aoi.id, stale)
            changes += derive(tx, aoi, false_alarms_a_year, as_of)
    return replace(summary, changes=tuple(changes))


def _with_last(batches: Iterator[Batch]) -> Iterator[tuple[Batch, bool]]:
    """Each batch, and True with the last one."""
    before: Batch | None = None
    for batch in batches:
        if before is not None:
            yield before, False
        before = batch
    if before is not None:
        yield before, True


def _search(aoi: Aoi, sources: Sequence[Source], interval: Interval) -> tuple[Source, list[Scene], list[str]]:
    """The first source, in the configured order, that knows scenes of the AOI."""
    problems: list[str] = []
    answered: Source | None = None
    for source in sources:
        try:
            found = source.search(aoi, interval)
        except SourceError as error:
            problems.append(str(error))
            continue
        problems.extend(source.problems)
        answered = answered or source
        if found:
            return source, found, problems
    if answered is None:
        text = problems[0] if problems else "no source is configured"
        raise SourceError(text, "" if problems else "Add a [[sources]] table to config.toml.")
    return answered, [], problems


def _restored(items: Sequence[tuple[str, Mapping[str, object]]], sources: Sequence[Source]) -> list[Scene]:
    by_name = {s.name: s for s in sources}
    scenes = []
    for name, item in items:
        try:
            scenes.append(by_name[name].restore(item) if name in by_name else sources[0].restore(item))
        except (QuaywatchError, KeyError, TypeError, ValueError) as error:
            raise SourceError(
                f"the recorded item {item.get('id')} of source {name!r} cannot be read by today's sources",
                "Put the source back into config.toml.",
            ) from error
    return scenes


def _works(aoi: Aoi, passes: Sequence[Pass], known: Mapping[str, Known], store: Store, source: Source) -> list[Work]:
    """One work a track that has something to do."""
    ground = None
    works = []
    for line, group in groupby(sorted(passes, key=lambda p: (p.track.id, p.start, p.id)), key=lambda p: p.track):
        members = list(group)
        ground = ground or track.site(aoi)
        bands = BANDS[line.sensor] or (line.polarisation.lower(),)
        work = Work(
            site=ground,
            passes=members,
            known=known,
            saved=None,
            source=source.name,
            read=partial(source.read, grid=ground.grid, bands=bands),
        )
        if work.todo():
            with store.transaction() as tx:
                saved = tx.reference(aoi.id, line.id, track.RECIPE)
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
            tx.save_reference(aoi.id, batch.track.id, track.RECIPE, batch.saved)
        return [] if budget is None else derive(tx, aoi, budget, as_of)


def _counted(summary: Summary, batch: Batch, known: Mapping[str, Known]) -> Summary:
    new = [s for s in batch.seen if s.look.id not in known]
    return replace(
        summary,
        new_looks=summary.new_looks + len(new),
        remeasured=summary.remeasured + len(batch.seen) - len(new),
        unusable=summary.unusable + sum(not s.look.usable for s in new),
    )
