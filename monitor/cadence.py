"""Which passes should have come, from those that did; compared with what the catalogues gave.

A satellite flies over the same ground again after a fixed cycle, so the passes of one platform on one track lie whole
cycles apart, within minutes. Which of them are taken and listed shows in the past alone: each of them, every second,
or now and then. From that follows when the next one is due, and how long nothing must come before that means something.

What it means is limited. A pass that did not come was not taken, or it was not listed: the answers of catalogues do not
tell one from the other, and no sentence here does (`CANNOT_TELL`).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Protocol

from monitor.scene import Sensor, Track
from monitor.times import Interval

CYCLES = {Sensor.SENTINEL1: timedelta(days=12), Sensor.SENTINEL2: timedelta(days=10)}
"""After this time one platform flies over the same ground again."""

DELAYS = {Sensor.SENTINEL1: timedelta(hours=24), Sensor.SENTINEL2: timedelta(hours=48)}
"""A pass may be listed so long after it was flown without being late."""

LEAST = 4
"""Passes seen before anything is expected."""

RECENT = 30
"""Cycles before the newest pass whose passes tell what is usual: the acquisition plans change."""

AGREEING = 0.8
"""Share of the gaps that must be multiples of a step."""

REGULAR = 0.5
"""If fewer of the planned passes came, no single one of them is expected."""

DOUBT = 1 / 40
"""A track is silent once so many expected passes in a row would fail to come by chance less often than this."""

IN_A_ROW = 2
"""Expected passes at least that must fail to come before a track is silent."""

FORGOTTEN = timedelta(days=90)
"""A track that was silent for longer has ended: nothing more is expected of it."""

ON_TIME = timedelta(hours=1)
"""Passes of one orbit lie whole cycles apart to within minutes; slices of one pass begin within minutes."""

MEMORY = timedelta(days=90)
"""Passes of this time tell the rate of looks."""

MONTH = timedelta(days=365.25 / 12)

NO_PLATFORM = "platform not stated"

CANNOT_TELL = (
    "Either the satellite no longer takes these passes, or the catalogues do not list them; their answers do not tell "
    "which."
)


class Overflight(Protocol):
    """What is needed of a pass or a look."""

    @property
    def track(self) -> Track:
        """Its geometry."""

    @property
    def platform(self) -> str:
        """The satellite."""

    @property
    def start(self) -> datetime:
        """First instant, UTC."""


class Feed(StrEnum):
    """Whether passes of a track and platform still come."""

    UNKNOWN = "unknown"
    """Too few passes to expect any."""

    ALIVE = "alive"
    SILENT = "silent"
    """So many expected passes did not come that chance does not explain it."""

    ENDED = "ended"
    """Silent for so long that nothing more is expected."""


@dataclass(frozen=True, kw_only=True)
class Expected:
    """A pass that was or is to come."""

    track: Track
    platform: str
    at: datetime
    """UTC, to within minutes."""

    def __str__(self) -> str:
        return f"{self.track}, {self.platform or NO_PLATFORM}, {self.at:%Y-%m-%d %H:%M} UTC"


@dataclass(frozen=True, kw_only=True)
class TrackAudit:
    """One track and platform as it came so far."""

    track: Track
    platform: str
    feed: Feed
    seen: int
    """Passes, all of them on the orbit flown last."""

    last: datetime
    """Start of the newest pass."""

    step: int | None
    """Usual distance of passes, in cycles; None while `feed` is unknown."""

    share: float | None
    """Of the passes that this step gives, those that came, 0..1."""

    overdue: int = 0
    """Passes that this step gives since the newest one, up to now less the delay."""

    enough: int = 0
    """At so many overdue passes the track is silent."""

    missing: Sequence[Expected] = ()
    """Expected and not there, the last 30 cycles, oldest first. Empty for a track that comes now and then only."""

    next: datetime | None = None
    """When the next pass is flown; None: nothing can be said."""

    @property
    def silent_since(self) -> datetime | None:
        """Start of the last pass that came; None unless the track is silent."""
        return self.last if self.feed is Feed.SILENT else None

    @property
    def regular(self) -> bool:
        """True if single passes are expected of it."""
        return self.share is not None and self.share >= REGULAR

    @property
    def due(self) -> datetime | None:
        """When, without any further pass, it is silent, apart from the delay."""
        return None if self.step is None else self.last + self.enough * self.step * CYCLES[self.track.sensor]


@dataclass(frozen=True, kw_only=True)
class Silence:
    """A feed from which nothing comes, in words."""

    subject: str
    """Stable while it lasts: the sensor, or track and platform."""

    since: datetime
    text: str


@dataclass(frozen=True, kw_only=True)
class Audit:
    """What should have come over an AOI, and what did."""

    tracks: Sequence[TrackAudit]
    """By track and platform."""

    silent: Mapping[Sensor, datetime]
    """Sensors of which no track gives passes any more, with the start of the last pass."""

    @property
    def missing(self) -> list[Expected]:
        """Of all tracks, oldest first."""
        return sorted((e for t in self.tracks for e in t.missing), key=lambda e: (e.at, e.track.id, e.platform))

    @property
    def silences(self) -> list[Silence]:
        """What is silent, each thing once: the tracks of a sensor that is silent as a whole are not told apart."""
        whole = [_silent_sensor(s, since, self.tracks) for s, since in self.silent.items()]
        return whole + [
            _silent_track(t) for t in self.tracks if t.feed is Feed.SILENT and t.track.sensor not in self.silent
        ]


def audit(passes: Iterable[Overflight], as_of: datetime, *, delays: Mapping[Sensor, timedelta] = DELAYS) -> Audit:
    """The passes of an AOI that were found so far, against those that their cadence lets expect.

    Depends neither on the order of the passes nor on how often one is given. Passes after `as_of` are left out.
    `delays`: how long after a pass a catalogue may list it without being late; else as in DELAYS.
    """
    allowed = {**DELAYS, **delays}
    starts: dict[tuple[Track, str], set[datetime]] = defaultdict(set)
    for taken in passes:
        if taken.start <= as_of:
            starts[taken.track, taken.platform].add(taken.start)
    tracks = [
        _audited(track, platform, line, as_of - allowed[track.sensor], as_of)
        for (track, platform), found in sorted(starts.items(), key=lambda i: (i[0][0].id, i[0][1]))
        for line in _lines(track, found)
    ]
    silent = {}
    for sensor in sorted({t.track.sensor for t in tracks}):
        own = [t for t in tracks if t.track.sensor is sensor]
        if _all_silent(own, as_of - allowed[sensor]):
            silent[sensor] = max(max(s) for (track, _), s in starts.items() if track.sensor is sensor)
    return Audit(tracks=tuple(tracks), silent=silent)


def misses(
    passes: Iterable[Overflight],
    interval: Interval,
    as_of: datetime,
    *,
    delays: Mapping[Sensor, timedelta] = DELAYS,
) -> list[Expected]:
    """Expected passes of an interval that are not among those found: a reason to ask another catalogue.

    `passes`: found now and before. A track that comes now and then only, and is silent in the interval, is there with
    the time at which one was due at the latest.
    """
    found = audit(passes, as_of, delays=delays)
    late = [
        Expected(track=t.track, platform=t.platform, at=t.due)
        for t in found.tracks
        if t.feed is Feed.SILENT and not t.regular and t.due and Interval(start=t.last, end=as_of).overlaps(interval)
    ]
    return [e for e in found.missing if e.at in interval] + late


def looks_a_month(passes: Iterable[Overflight], as_of: datetime) -> dict[Sensor, float | None]:
    """Passes a month of 30.4 days for each sensor, as observed over the last 90 days.

    Of a sensor first seen less than 90 days ago, the time since then counts; None if that is less than two cycles.
    """
    unique = {(p.track, p.platform, p.start) for p in passes if p.start <= as_of}
    return {s: _rate(sorted(at for t, _, at in unique if t.sensor is s), CYCLES[s], as_of) for s in Sensor}


def _rate(starts: Sequence[datetime], cycle: timedelta, as_of: datetime) -> float | None:
    if not starts:
        return None
    begin = max(as_of - MEMORY, starts[0])  # the pass at which the time begins is not one of that time
    if as_of - begin < 2 * cycle:
        return None
    return sum(s > begin for s in starts) * (MONTH / (as_of - begin))


def _lines(track: Track, starts: set[datetime]) -> list[list[datetime]]:
    """Passes whole cycles apart, oldest first.

    On a stated orbit only the line flown last counts: satellites are moved along their orbit, and then the old line is
    over. A single pass at another time is a slip of the catalogue. If the orbit is not stated, each line is one orbit.
    """
    cycle = CYCLES[track.sensor]
    lines: list[list[datetime]] = []
    for start in sorted(starts, reverse=True):
        for line in lines:
            if abs((line[0] - start) / cycle - round((line[0] - start) / cycle)) * cycle <= ON_TIME:
                line.append(start)
                break
        else:
            lines.append([start])
    if track.relative_orbit is not None:
        lines = [line for line in lines if len(line) > 1][:1] or lines[:1]
    return [line[::-1] for line in lines]


def _audited(track: Track, platform: str, line: Sequence[datetime], listed: datetime, as_of: datetime) -> TrackAudit:
    """`listed`: passes up to here are in the catalogue by now."""
    cycle, last = CYCLES[track.sensor], line[-1]
    cycles = {round((start - last) / cycle): start for start in reversed(line)}
    recent = sorted(c for c in cycles if c >= -RECENT)
    if len(recent) < LEAST:
        return TrackAudit(
            track=track, platform=platform, feed=Feed.UNKNOWN, seen=len(cycles), last=last, step=None, share=None
        )
    gaps = [b - a for a, b in pairwise(recent)]
    step = _step(gaps)
    share = len(gaps) / sum(math.ceil(g / step) for g in gaps)
    enough = IN_A_ROW if share == 1 else max(IN_A_ROW, math.ceil(math.log(DOUBT) / math.log(1 - share)))
    overdue = max(0, math.floor((listed - last) / (step * cycle)))
    feed = Feed.ALIVE
    if overdue >= enough:
        forgotten = listed - (last + enough * step * cycle) > FORGOTTEN
        feed = Feed.ENDED if forgotten else Feed.SILENT
    missing, following = [], None
    if share >= REGULAR:
        missing = [cycles[a] + n * cycle for a, b in pairwise(recent) for n in range(step, b - a, step)]
    if share >= REGULAR and feed is not Feed.ENDED:
        missing += [last + n * step * cycle for n in range(1, overdue + 1)]
        following = last + (math.floor((as_of - last) / (step * cycle)) + 1) * step * cycle
    return TrackAudit(
        track=track,
        platform=platform,
        feed=feed,
        seen=len(cycles),
        last=last,
        step=step,
        share=share,
        overdue=overdue,
        enough=enough,
        missing=tuple(Expected(track=track, platform=platform, at=at) for at in missing),
        next=following,
    )


def _step(gaps: Sequence[int]) -> int:
    """The largest step, in cycles, that most gaps are multiples of. A pass that did not come doubles a gap."""
    agreeing = (s for s in range(max(gaps), 0, -1) if sum(g % s == 0 for g in gaps) >= AGREEING * len(gaps))
    return next(agreeing)


def _all_silent(tracks: Sequence[TrackAudit], listed: datetime) -> bool:
    """True if no track of a sensor gives passes: each has overdue ones, and together they are enough."""
    known = [t for t in tracks if t.feed is not Feed.UNKNOWN]
    if any(listed < t.last + IN_A_ROW * CYCLES[t.track.sensor] for t in tracks if t.feed is Feed.UNKNOWN):
        return False
    open_ = [t for t in known if t.feed is not Feed.ENDED]
    together = not open_ or sum(t.overdue / t.enough for t in open_) >= 1
    return bool(known) and together and all(t.overdue > 0 for t in open_)


def _silent_track(silent: TrackAudit) -> Silence:
    days = (silent.step or 1) * CYCLES[silent.track.sensor].days
    manner = "of the passes" if silent.regular else "it comes now and then only; of the passes"
    return Silence(
        subject=" ".join(filter(None, [silent.track.id, silent.platform])),
        since=silent.last,
        text=(
            f"{silent.track}, {silent.platform or NO_PLATFORM}: no pass since {silent.last:%Y-%m-%d %H:%M} UTC; "
            f"{manner} possible every {days} days {silent.share or 0:.0%} came before, and none of the last "
            f"{silent.overdue}. {CANNOT_TELL}"
        ),
    )


def _silent_sensor(sensor: Sensor, since: datetime, tracks: Sequence[TrackAudit]) -> Silence:
    own = [t for t in tracks if t.track.sensor is sensor and t.feed in {Feed.ALIVE, Feed.SILENT}]
    count = sum(t.overdue for t in own if t.regular)
    due = f"{count} were expected by now" if own else "so long ago that none is expected any more"
    return Silence(
        subject=sensor,
        since=since,
        text=(
            f"{sensor.short}: no pass on any track since {since:%Y-%m-%d %H:%M} UTC; {due}. {CANNOT_TELL} "
            "What this sensor would have seen since then is unknown, not quiet."
        ),
    )
