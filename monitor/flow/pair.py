"""Which two looks are meant by two dates or ids: two usable ones of one track.

Looks of different tracks are never compared pixel with pixel: they see the ground from different sides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from monitor.errors import NothingUsable, UsageError
from monitor.look import Look
from monitor.scene import Track
from monitor.times import Interval, end_of, start_of, utc

Asked = Look | Interval
"""A look that was named by its id, or a day."""


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two usable looks of one track, the earlier one first."""

    before: Look
    after: Look
    off: tuple[int | None, int | None]
    """Days by which each lies after the day that was asked for (less than 0: before it); None: it was named."""

    @property
    def track(self) -> Track:
        """Of both."""
        return self.before.track

    @property
    def days(self) -> int:
        """From the day of the earlier to that of the later."""
        return (self.after.start.date() - self.before.start.date()).days


def chosen(looks: Sequence[Look], before: str, after: str, track: str | None = None) -> Pair:
    """The two looks that are meant.

    Args:
        looks: all of the AOI.
        before: id of a look, or a date: then the usable look nearest to that day.
        after: the same, later. Of all tracks that one is taken on which the looks lie closest to the days.
        track: id of a track; only its looks are taken.

    Raises:
        UsageError: no date and no look, the wrong way round, or of two tracks; says which looks could be used.
        NothingUsable: a look that is named cannot be used, or no track has two that can.
    """
    first, last = (_asked(looks, text) for text in (before, after))
    usable = [look for look in looks if look.usable]
    _check_named([a for a in (first, last) if isinstance(a, Look)], usable, track)
    if first.start.date() > last.start.date():
        raise UsageError(f"{before} is after {after}", "Give the earlier one first.")
    offers = (_offer(first, last, [u for u in usable if u.track == t]) for t in _tracks(usable, track))
    pairs = [pair for pair in offers if pair is not None]
    if not pairs:
        raise NothingUsable(
            f"no track has one usable look nearest to {before} and another one nearest to {after}",
            "Choose days further apart, or backfill the time between them.",
        )
    return min(pairs, key=lambda p: _distance(first, p.before) + _distance(last, p.after))


def _tracks(usable: Sequence[Look], wanted: str | None) -> list[Track]:
    """The tracks to choose from, in the order of their ids."""
    tracks = sorted({look.track for look in usable}, key=lambda t: t.id)
    if wanted is None:
        return tracks
    if wanted not in {t.id for t in tracks}:
        raise UsageError(
            f"there is no usable look of track {wanted!r}", f"There are: {', '.join(t.id for t in tracks) or 'none'}."
        )
    return [t for t in tracks if t.id == wanted]


def _check_named(named: Sequence[Look], usable: Sequence[Look], track: str | None) -> None:
    """Raises an error if looks that were named by their ids cannot be what is compared."""
    for look in named:
        if not look.usable:
            raise NothingUsable(f"{look.id} cannot be used: {look.reason}", f"See `quaywatch looks {look.aoi}`.")
        if track not in {None, look.track.id}:
            raise UsageError(f"{look.id} is not of track {track!r}", "Leave out --track, or name another look.")
    if len({look.track for look in named}) > 1:
        raise _two_tracks(named[0], named[1], usable)


def _asked(looks: Sequence[Look], text: str) -> Asked:
    text = text.strip()
    look = next((look for look in looks if look.id == text), None)
    if look is not None:
        return look
    try:
        day = utc(text).date()
        return Interval(start=start_of(day), end=end_of(day))
    except (UsageError, OverflowError) as error:
        raise UsageError(
            f"{text!r} is no date, and no look that is recorded",
            "Write 2025-10-01, or the id of a look: `quaywatch looks AOI --json` lists them.",
        ) from error


def _distance(asked: Asked, look: Look) -> timedelta:
    """How far the look lies from what was asked for; zero on the day itself."""
    if isinstance(asked, Look) or look.start in asked:
        return timedelta(0)
    return min(abs(look.start - asked.start), abs(look.start - asked.end))


def _off(asked: Asked, look: Look) -> int | None:
    return None if isinstance(asked, Look) else (look.start.date() - asked.start.date()).days


def _offer(first: Asked, last: Asked, own: Sequence[Look]) -> Pair | None:
    """The nearest two looks of a track; None if one is nearest to both, or a named one is of another track."""
    if any(isinstance(a, Look) and a not in own for a in (first, last)):
        return None
    before, after = (a if isinstance(a, Look) else min(own, key=partial(_distance, a)) for a in (first, last))
    if before.start >= after.start:
        return None
    return Pair(before=before, after=after, off=(_off(first, before), _off(last, after)))


def _two_tracks(first: Look, last: Look, usable: Sequence[Look]) -> UsageError:
    later = [u for u in usable if u.track == first.track and u.start > first.start]
    earlier = [u for u in usable if u.track == last.track and u.start < last.start]
    offers = [f"{first.id} with {u.id}" for u in _nearest(later, last)]
    offers += [f"{u.id} with {last.id}" for u in _nearest(earlier, first)]
    return UsageError(
        f"{first.id} and {last.id} are of different tracks ({first.track}; {last.track}): they see the ground from "
        "different sides, and are never compared pixel with pixel",
        f"Of one track: {', or '.join(offers)}." if offers else "No track has two usable looks in this order.",
    )


def _nearest(looks: Sequence[Look], other: Look) -> list[Look]:
    """The look that lies closest to the other in time; none of none."""
    return sorted(looks, key=lambda u: abs(u.start - other.start))[:1]
