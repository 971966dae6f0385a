"""Measures the looks of one track that are new, or that have to be compared with a larger reference.

What is done depends only on which looks exist and which are recorded, so a run that was killed is taken up where its
last committed batch ended, and a second run finds nothing to do.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeVar

from monitor import measures, reference, track_state
from monitor.errors import SceneError
from monitor.grid import Mask
from monitor.look import Look
from monitor.measures import Measured, Measurement, Reason, View
from monitor.scene import Pass, Sensor, Track
from monitor.site import Site
from monitor.stack import Stack
from monitor.store import Known, SavedState, Seen
from monitor.track_state import Share

BATCH = 16
"""Looks recorded in one transaction while back-filling: a crash repeats no more than these."""

AHEAD = 4
"""Looks read or measured ahead of the one that is waited for."""

RECIPE = "state/1"
UNVERSIONED = "/"
"""Version of a scene whose catalogue states neither baseline nor time of processing."""

S = TypeVar("S")
T = TypeVar("T")


Reader = Callable[[Pass], Stack]


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What one transaction records."""

    seen: Sequence[Seen]
    saved: SavedState | None
    track: Track


@dataclass(frozen=True, kw_only=True)
class Work:
    """One track with all its looks, old and new."""

    site: Site
    passes: Sequence[Pass]
    """All passes of the track in order of time."""

    known: Mapping[str, Known]
    saved: SavedState | None
    read: Reader
    gone: frozenset[str] = frozenset()
    """Recorded looks whose pixels can no longer be had: they keep their numbers."""

    @property
    def track(self) -> Track:
        """The track."""
        return self.passes[0].track

    def expected(self, index: int) -> int:
        """Looks of the reference for the pass at `index` (from 0)."""
        return reference.size_for(index + 1, len(self.passes))

    def todo(self, unreadable: Set[int] | None = None) -> list[int]:
        """Indices of the passes to measure: new, changed, or due for a larger or another reference.

        `unreadable`: those recorded as unreadable that were tried and still are. None: not tried, all are due.
        """
        tried = unreadable or frozenset()
        digests = self.digests(tried if unreadable is not None else self.recorded_unreadable)
        return [
            i
            for i, p in enumerate(self.passes)
            if i not in tried and p.id not in self.gone and not self._done(i, p, digests)
        ]

    def _done(self, index: int, taken: Pass, digests: Sequence[str]) -> bool:
        known = self.known.get(taken.id)
        return (
            known is not None
            and known.reason is not Reason.UNREADABLE
            and known.is_of(_names(taken))
            and known.reference_looks == self.expected(index)
            and known.reference_digest == digests[self.expected(index)]
        )

    @cached_property
    def recorded_unreadable(self) -> frozenset[int]:
        """Indices of the passes that could not be read when they were last tried, with the same scenes."""
        known = [self.known.get(p.id) for p in self.passes]
        return frozenset(
            i
            for i, (p, k) in enumerate(zip(self.passes, known, strict=True))
            if k is not None and k.reason is Reason.UNREADABLE and k.is_of(_names(p))
        )

    def digests(self, unreadable: Set[int]) -> list[str]:
        """Of the first 0, 1, 2, ... passes: what a reference made from them is known by."""
        chain = [""]
        for index, taken in enumerate(self.passes):
            chain.append(_linked(chain[-1], taken, readable=index not in unreadable))
        return chain


def _names(taken: Pass) -> frozenset[tuple[str, str]]:
    return frozenset((s.id, s.version) for s in taken.scenes)


def needed(work: Work) -> list[int]:
    """Indices of the passes that measuring will read, as far as it can be known before they are read."""
    todo = set(work.todo())
    if not todo:
        return []
    settled = reference.settled_size(len(work.passes))
    if not settled:
        return sorted(todo)
    reach = settled if any(i < settled for i in todo) else min(todo)
    start = _usable(work, reach, work.digests(work.recorded_unreadable)).position
    return sorted(todo | set(range(start, max(settled, max(todo) + 1))))


def process(work: Work, pool: Executor) -> Iterator[Batch]:
    """Batches to record, each together with the state of the reference after it.

    What could not be read is tried before anything else: a file that is broken for good is no news, and must not cost
    its whole track at every poll.
    """
    tries = sorted(work.recorded_unreadable)
    unreadable = {i for i in tries if isinstance(_read(work, work.passes[i]), SceneError)}
    todo = set(work.todo(unreadable))
    if not todo:
        return
    settled = reference.settled_size(len(work.passes))
    if not settled:
        yield from _batches(work, sorted(todo), None, None, pool)
        return
    saved = _usable(work, settled if any(i < settled for i in todo) else min(todo), work.digests(unreadable))
    saved = _extended(work, todo, saved, settled, pool)
    yield from _batches(work, sorted(i for i in todo if i < settled), View(state=saved.state), saved, pool)
    yield from _followed(work, todo, saved, pool)


def _followed(work: Work, todo: set[int], saved: SavedState, pool: Executor) -> Iterator[Batch]:
    """Looks after the settled reference, each compared with all up to itself."""
    later = range(saved.position, max(todo) + 1)

    def read(index: int) -> tuple[Stack | SceneError, _Offered]:
        stack = _read(work, work.passes[index])
        return stack, _offered(work, todo, index, stack)

    pending: list[Future[Seen]] = []
    for index, (stack, offered) in zip(later, _ahead(pool, read, later), strict=True):
        saved = _advanced(work, saved, offered)
        if index in todo:
            pending.append(pool.submit(_seen, work, index, stack, View(state=saved.state), saved.digest))
        if len(pending) >= AHEAD:
            pending[-AHEAD].result()  # bounds the looks held in memory
        if len(pending) == BATCH or index == later[-1]:
            yield Batch(seen=[f.result() for f in pending], saved=saved, track=work.track)
            pending = []


def _usable(work: Work, reach: int, digests: Sequence[str]) -> SavedState:
    """The saved reference if it was made from the first looks of the track, and of no more than `reach`."""
    saved = work.saved
    fits = saved is not None and saved.position <= reach and saved.state.water.mean.shape == work.site.grid.shape
    if saved is not None and fits and digests[saved.position] == saved.digest:
        return saved
    return SavedState(state=track_state.nothing(work.site, work.track.sensor), position=0, digest="")


def _linked(digest: str, taken: Pass, *, readable: bool) -> str:
    scenes = ",".join(s.id + (f"@{s.version}" if s.version != UNVERSIONED else "") for s in taken.scenes)
    return hashlib.sha256(f"{digest}|{taken.id}|{scenes}|{readable}".encode()).hexdigest()


def _read(work: Work, taken: Pass) -> Stack | SceneError:
    try:
        return work.read(taken)
    except SceneError as error:
        return error


@dataclass(frozen=True, kw_only=True)
class _Offered:
    """A pass as the reference takes it up."""

    taken: Pass
    readable: bool
    share: Share | Stack | None
    """An optical look as it was read: what is cloud in it depends on the state before it. None: it saw nothing of the
    sea, or could not be read."""


def _offered(work: Work, todo: Set[int], index: int, stack: Stack | SceneError) -> _Offered:
    """A look that is recorded and stays as it is counts as it is recorded, even if its file is gone by now."""
    taken = work.passes[index]
    share: Share | Stack | None = stack if isinstance(stack, Stack) else None
    if isinstance(stack, Stack) and work.track.sensor is Sensor.SENTINEL1:
        share = track_state.share_of(stack, work.track, work.site, taken.start)
    stays = index not in todo and index not in work.recorded_unreadable
    return _Offered(taken=taken, readable=isinstance(stack, Stack) or stays, share=share)


def _extended(work: Work, todo: Set[int], saved: SavedState, size: int, pool: Executor) -> SavedState:
    given, missing = saved.state, range(saved.position, size)
    for offered in _ahead(pool, lambda i: _offered(work, todo, i, _read(work, work.passes[i])), missing):
        # nobody else has a state that was made here; what was given is the caller's
        saved = _advanced(work, saved, offered, given_up=saved.state is not given)
    return saved


def _advanced(work: Work, saved: SavedState, offered: _Offered, *, given_up: bool = False) -> SavedState:
    before, share = saved.state, offered.share
    if isinstance(share, Stack):
        share = track_state.share_of(share, work.track, work.site, offered.taken.start, before.clouds)
    return SavedState(
        state=before if share is None else track_state.updated(before, share, work.site, given_up=given_up),
        position=saved.position + 1,
        digest=_linked(saved.digest, offered.taken, readable=offered.readable),
    )


def _batches(
    work: Work, todo: Sequence[int], view: View | None, saved: SavedState | None, pool: Executor
) -> Iterator[Batch]:
    if view is not None:
        view.prepared()

    def one(index: int) -> Seen:
        digest = saved.digest if saved is not None else ""
        return _seen(work, index, _read(work, work.passes[index]), view, digest)

    for first in range(0, len(todo), BATCH):
        chunk = todo[first : first + BATCH]
        yield Batch(seen=list(pool.map(one, chunk)), saved=saved if first == 0 else None, track=work.track)


def _ahead(pool: Executor, read: Callable[[S], T], wanted: Sequence[S]) -> Iterator[T]:
    """Reads ahead by a few, in order, so that memory stays bounded."""
    pending = [pool.submit(read, w) for w in wanted[:AHEAD]]
    for index in range(len(wanted)):
        result = pending[index % AHEAD].result()
        if index + AHEAD < len(wanted):
            pending[index % AHEAD] = pool.submit(read, wanted[index + AHEAD])
        yield result


def _seen(work: Work, index: int, stack: Stack | SceneError, view: View | None, digest: str) -> Seen:
    taken = work.passes[index]
    look = Look(
        id=taken.id,
        aoi=work.site.aoi.id,
        track=taken.track,
        platform=taken.platform,
        start=taken.start,
        scenes=tuple(s.id for s in taken.scenes),
        valid_fraction=0.0,
    )
    measured: Sequence[Measurement] = ()
    compared = work.expected(index)
    if isinstance(stack, SceneError):
        look, compared = replace(look, reason=Reason.UNREADABLE, detail=stack.message), 0
        digest = ""
    else:
        result = measures.measure(stack, taken.track, work.site, taken.start, view)
        measured = result.measurements
        look = replace(look, valid_fraction=_share(stack, work.site.outline), reason=_reason(result))
    return Seen(
        look=look,
        taken=taken,
        measurements=measured,
        reference_looks=compared,
        reference_digest=digest,
    )


def _share(stack: Stack, outline: Mask) -> float:
    return float((stack.seen() & outline).sum()) / max(1, int(outline.sum()))


def _reason(result: Measured) -> Reason | None:
    """None if any zone can be used; else what is wrong with the first."""
    reasons = list(result.zone_reasons.values())
    return None if None in reasons else reasons[0]
