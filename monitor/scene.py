"""Scenes as a catalogue lists them, the tracks they may be compared on, and the passes they belong to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import groupby
from typing import Any

from shapely.errors import ShapelyError
from shapely.geometry.base import BaseGeometry

from monitor import globe


class Sensor(StrEnum):
    """A constellation whose products can be compared."""

    SENTINEL1 = "sentinel-1"
    SENTINEL2 = "sentinel-2"

    @property
    def short(self) -> str:
        """S1 or S2."""
        return "S1" if self is Sensor.SENTINEL1 else "S2"


class Direction(StrEnum):
    """Which way the satellite flew."""

    ASCENDING = "ascending"
    DESCENDING = "descending"
    UNKNOWN = "unknown"


class Unit(StrEnum):
    """What the numbers of an asset are, after scale and offset."""

    DECIBEL = "dB"
    LINEAR = "1"
    """Linear power (radar) or reflectance (optical)."""

    CLASSES = "class"
    """A scene classification: whole numbers, never interpolated."""


@dataclass(frozen=True, order=True, kw_only=True)
class Track:
    """What may be compared pixel with pixel: the same geometry. The platform is a covariate, not part of it."""

    sensor: Sensor
    relative_orbit: int | None
    """None: the catalogue does not say."""

    direction: Direction
    polarisation: str = ""
    """The radar channel measured, "VV"; empty for optical."""

    @property
    def id(self) -> str:
        """Short and stable: s1-087a-vv."""
        orbit = "xxx" if self.relative_orbit is None else f"{self.relative_orbit:03d}"
        return "-".join(filter(None, [self.sensor.short.lower(), orbit + self.direction[0], self.polarisation.lower()]))

    def __str__(self) -> str:
        orbit = "orbit not stated" if self.relative_orbit is None else f"orbit {self.relative_orbit}"
        return " ".join(filter(None, [self.sensor.short, orbit, str(self.direction), self.polarisation]))


@dataclass(frozen=True, kw_only=True)
class Asset:
    """One raster of a scene: physical value = DN * scale + offset, in `unit`."""

    href: str
    """Path or address, resolved."""

    unit: Unit
    scale: float = 1.0
    offset: float = 0.0
    nodata: float | None = None
    """DN that means: not seen. NaN allowed. None: only the file's own mask counts."""

    epsg: int | None = None
    """Reference system as the catalogue states it; None: only the file says."""

    doubtful_offset: bool = False
    """True: `offset` is what the catalogue says, and catalogues of this kind have been wrong. The pixels decide."""


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One product in a catalogue."""

    id: str
    track: Track
    platform: str
    """sentinel-1a, ...; empty: not stated."""

    start: datetime
    """First instant of the acquisition, UTC."""

    end: datetime
    footprint: BaseGeometry
    """WGS84, as the catalogue wrote it: see `monitor.globe` for what that means at 180 degrees."""

    assets: Mapping[str, Asset]
    """By band name in lower case: vv, vh, b02, scl. Empty where the source renders pixels itself."""

    source: str = ""
    """Name of the source that found it."""

    key: str = ""
    """What was acquired, and over which ground: platform, datatake, tile or slice. Two products of one key show the
    same thing. Empty: the catalogue does not say, and the id stands for it."""

    baseline: str = ""
    """Version of the processor, comparable as text ("05.11"); empty: not stated."""

    processed: str = ""
    """When the product was made, ISO 8601 UTC; empty: not stated."""

    item: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """The catalogue's answer as received."""

    @property
    def identity(self) -> str:
        """What two products of the same acquisition share."""
        return self.key or self.id

    @property
    def version(self) -> str:
        """Changes when the product was made again."""
        return f"{self.baseline}/{self.processed}"


@dataclass(frozen=True, kw_only=True)
class Pass:
    """All scenes of one overflight: what a look is made of. Never empty; oldest scene first."""

    scenes: Sequence[Scene]

    @property
    def track(self) -> Track:
        """The track that all its scenes share."""
        return self.scenes[0].track

    @property
    def platform(self) -> str:
        """The satellite that flew it."""
        return self.scenes[0].platform

    @property
    def start(self) -> datetime:
        """First instant of its first scene, UTC."""
        return self.scenes[0].start

    @property
    def end(self) -> datetime:
        """Last instant of its scenes, UTC."""
        return max(s.end for s in self.scenes)

    @property
    def id(self) -> str:
        """Stable while no earlier slice of the same pass turns up: 20241225T033519-s1-021d-vv."""
        return f"{self.start:%Y%m%dT%H%M%S}-{self.track.id}"


def distinct(scenes: Iterable[Scene]) -> list[Scene]:
    """One product for each acquisition: tile overlap apart, the same ground is not seen twice in one pass.

    The newest processing baseline wins. Within one source the later product of a baseline wins; between sources the
    one that comes first in `scenes` does, so that a fail-over does not exchange products that are as good: one whose
    baseline is not stated counts as good. Scenes of one id are one product, even if only one source states its key.
    Two that show different parts of the ground both stay.
    """
    listed = list(scenes)
    keys = {s.id: s.key for s in reversed(listed) if s.key}
    best: dict[str, list[Scene]] = {}
    for scene in listed:
        kept = best.setdefault(keys.get(scene.id, scene.id), [])
        rivals = [k for k in kept if k.id == scene.id or _same_ground(k.footprint, scene.footprint)]
        if all(_supersedes(scene, rival) for rival in rivals):
            kept[:] = [k for k in kept if k not in rivals] + [scene]
    return [scene for kept in best.values() for scene in kept]


def _same_ground(one: BaseGeometry, other: BaseGeometry) -> bool:
    """True unless two products of one acquisition each show what the other does not.

    Where a datatake was cut into datastrips within a tile, both halves bear the tile's name.
    """
    try:
        first, second = globe.split(one), globe.split(other)
        smaller = min(first.area, second.area)
        return smaller == 0 or first.intersection(second).area >= SAME_GROUND * smaller
    except ShapelyError:  # a footprint that crosses itself says nothing of the ground
        return True


def _supersedes(scene: Scene, rival: Scene) -> bool:
    if scene.source == rival.source:
        return (scene.baseline, scene.processed) > (rival.baseline, rival.processed)
    return scene.baseline > rival.baseline != ""


SAME_GROUND = 0.9
"""Share of the smaller footprint that two products of one acquisition have in common. Made again, it is nearly all."""

SAME_PASS = timedelta(minutes=30)
"""Slices of one overflight follow each other within seconds; but some catalogues date a tile by its datatake, which
began up to a quarter of an hour before. A satellite is back after 98 minutes, on the same track after days."""


def by_pass(scenes: Iterable[Scene]) -> list[Pass]:
    """The passes, in order of time; every scene is in exactly one."""

    def kind(scene: Scene) -> tuple[Track, str]:
        return scene.track, scene.platform

    passes = []
    ordered = sorted(scenes, key=lambda s: (str(s.track.id), s.platform, s.start, s.id))
    for _, group in groupby(ordered, key=kind):
        slices: list[Scene] = []
        for scene in group:
            if slices and scene.start - slices[-1].end > SAME_PASS:
                passes.append(Pass(scenes=tuple(slices)))
                slices = []
            slices.append(scene)
        passes.append(Pass(scenes=tuple(slices)))
    return sorted(passes, key=lambda p: (p.start, p.id))


def touching(scenes: Iterable[Scene], outline: BaseGeometry) -> list[Scene]:
    """Those whose footprint shares ground with the outline, however either is written across 180 degrees."""
    pieces = globe.parts(outline)
    return [s for s in scenes if globe.meet(globe.parts(s.footprint), pieces)]
