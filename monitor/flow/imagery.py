"""Imagery from all sources of a workspace, in their order, through the archive."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import groupby

from monitor import cadence
from monitor.aoi import Aoi
from monitor.archive import Archive
from monitor.errors import NoSource, QuaywatchError, SceneError, SourceError
from monitor.grid import Grid
from monitor.rasters import joined
from monitor.scene import Pass, Scene, Sensor, Track, by_pass, distinct
from monitor.sources import Source
from monitor.stack import Stack
from monitor.times import Interval

BANDS = {"VV": ("vv", "vh"), "HH": ("hh", "hv"), "": ("b02", "b03", "b04", "b08", "scl")}
"""Bands read for a look, by the channel of its track; a source leaves out those it has not."""

AROUND = timedelta(minutes=30)
"""Of a pass, when another source is asked for it."""


def bands_of(line: Track) -> tuple[str, ...]:
    """Bands read for a look of a track. Always the same, so that the archive has them."""
    return BANDS[line.polarisation]


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a search of all sources gave."""

    scenes: Sequence[Scene]
    """One product an acquisition, the recorded ones included."""

    listed: int = 0
    """Scenes that the sources listed for the interval."""

    problems: Sequence[str] = ()
    failed: Mapping[str, str] = field(default_factory=dict)
    """Source -> why it could not be asked."""

    answered: frozenset[str] = frozenset()
    """Sources that were asked and answered."""

    audit: cadence.Audit
    """What should have come by now, and what did."""


@dataclass(frozen=True, kw_only=True)
class Imagery:
    """Finds and reads passes. The next source is asked when one fails, or has not what was expected of it."""

    sources: Sequence[Source]
    archive: Archive | None = None
    """None: nothing is kept, and every look is read from its source each time."""

    def search(self, aoi: Aoi, interval: Interval, recorded: Sequence[Scene], as_of: datetime) -> Found:
        """Scenes of the interval together with the recorded ones.

        Raises:
            NoSource: none could be asked.
        """
        asked = _Asked(aoi, interval)
        listed: list[Scene] = []
        for sensor in _sensors(self.sources):
            own: list[Scene] = []
            for source in (s for s in self.sources if sensor in s.sensors):
                own += [s for s in asked.scenes(source) if s.track.sensor is sensor]
                passes = by_pass(distinct([*own, *(s for s in recorded if s.track.sensor is sensor)]))
                if own and not cadence.misses(passes, interval, as_of):
                    break
            listed += own
        asked.check(self.sources)
        ids = {s.id for s in listed}
        # A product found again under its id stands for the recorded one. Between two of the same acquisition the
        # recorded one stays, unless the other is newer: a fail-over must not exchange what is as good.
        scenes = distinct([*(s for s in recorded if s.id not in ids), *listed])
        return Found(
            scenes=scenes,
            listed=len(listed),
            problems=asked.problems,
            failed=asked.failed,
            answered=asked.answered,
            audit=cadence.audit(by_pass(scenes), as_of),
        )

    def restored(self, items: Sequence[tuple[str, Mapping[str, object]]]) -> list[Scene]:
        """The scenes of recorded catalogue answers.

        Raises:
            SourceError: one cannot be read by today's sources.
        """
        by_name = {s.name: s for s in self.sources}
        scenes = []
        for name, item in items:
            try:
                source = by_name.get(name) or self.sources[0]
                scenes.append(replace(source.restore(item), source=name))
            except (QuaywatchError, KeyError, TypeError, ValueError, IndexError) as error:
                raise SourceError(
                    f"the recorded item {item.get('id')} of source {name!r} cannot be read by today's sources",
                    "Put the source back into config.toml.",
                ) from error
        return scenes

    @property
    def damage(self) -> Sequence[str]:
        """What of the archive was found damaged so far, each once."""
        return () if self.archive is None else self.archive.problems

    def has(self, aoi: str, taken: Pass, grid: Grid, bands: Sequence[str]) -> bool:
        """True if reading the pass needs no source."""
        return self.archive is not None and self.archive.has(aoi, taken, grid, bands)

    def read(self, aoi: str, taken: Pass, grid: Grid, bands: Sequence[str], as_of: datetime) -> Stack:
        """The pass, from the archive or from its sources; what its sources gave is kept.

        The numbers are those of the kept form, so that a later run from the archive gives the same.

        Raises:
            SceneError: it cannot be read, and trying again is of no use.
            SourceError: not now.
        """
        kept = self.archive.get(aoi, taken, grid, bands) if self.archive is not None else None
        if kept is not None:
            return kept
        stack = self._from_sources(taken, grid, bands)
        return stack if self.archive is None else self.archive.keep(aoi, taken, stack, bands=bands, as_of=as_of)

    def elsewhere(self, aoi: Aoi, taken: Pass) -> Iterator[Pass]:
        """The same pass as other sources have it, in their order. One that cannot be asked is passed over."""
        had = {s.source for s in taken.scenes}
        around = Interval(start=taken.start - AROUND, end=taken.end + AROUND)
        for source in self.sources:
            if source.name in had or taken.track.sensor not in source.sensors:
                continue
            try:
                scenes = source.search(aoi, around)
            except SourceError:
                continue
            yield from (p for p in by_pass(distinct(scenes)) if p.track == taken.track)

    def _from_sources(self, taken: Pass, grid: Grid, bands: Sequence[str]) -> Stack:
        by_name = {s.name: s for s in self.sources}
        parts = []
        for name, group in groupby(sorted(taken.scenes, key=lambda s: (s.source, s.start)), key=lambda s: s.source):
            # scenes of a source that is gone from config.toml are asked of the first: a folder may have been renamed
            source = by_name.get(name) or self.sources[0]
            parts.append(source.read(Pass(scenes=tuple(group)), grid, bands))
        return parts[0] if len(parts) == 1 else _together(parts, taken)


def _sensors(sources: Sequence[Source]) -> list[Sensor]:
    return [sensor for sensor in Sensor if any(sensor in s.sensors for s in sources)]


def _together(parts: Sequence[Stack], taken: Pass) -> Stack:
    """Slices of one pass that came from several sources."""
    names = [b for b in parts[0].bands if all(b in p.bands for p in parts)]
    if not names:
        raise SceneError(f"{taken.scenes[0].id}: its sources have no band in common")
    return Stack(
        grid=parts[0].grid,
        bands={b: joined([p.bands[b] for p in parts]) for b in names},
        provenance={"parts": [dict(p.provenance) for p in parts]},
    )


class _Asked:
    """Asks each source at most once, and remembers what it said."""

    def __init__(self, aoi: Aoi, interval: Interval) -> None:
        self.problems: list[str] = []
        self.failed: dict[str, str] = {}
        self._aoi, self._interval = aoi, interval
        self._answers: dict[str, Sequence[Scene]] = {}

    def scenes(self, source: Source) -> Sequence[Scene]:
        if source.name not in self._answers:
            try:
                found: Sequence[Scene] = source.search(self._aoi, self._interval)
                self.problems += source.problems
            except SourceError as error:
                found = ()
                self.problems.append(str(error))
                self.failed[source.name] = error.message
            self._answers[source.name] = found
        return self._answers[source.name]

    @property
    def answered(self) -> frozenset[str]:
        return frozenset(self._answers) - set(self.failed)

    def check(self, sources: Sequence[Source]) -> None:
        if not sources:
            raise NoSource("no source is configured", "Add a [[sources]] table to config.toml.", failed={})
        if len(self.failed) == len(self._answers):
            raise NoSource(self.problems[0], failed=self.failed)
