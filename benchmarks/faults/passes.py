"""What a pass is here: the truth that looks are held against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from servers.sentinel_hub import SceneRecord
from shapely.geometry.base import BaseGeometry

from benchmarks.faults.places import Place, Tile
from monitor.grid import Grid
from monitor.scene import Sensor

START = datetime(2026, 3, 1, tzinfo=UTC)
DAY, HOUR, MINUTE, SECOND = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)

BEHIND = 12 * MINUTE
"""A tile of Sentinel-2 is seen so long after its datatake began."""

CLOUDS = (9, 8)
"""Two classes of the scene classification that are cloud."""


@dataclass(frozen=True, kw_only=True)
class Product:
    """One version of a part of a pass."""

    record: SceneRecord
    """As the service has it, from `record.published` on."""

    processed: datetime
    listed: datetime
    """In the catalogue of the service."""

    files_id: str = ""
    """In the catalogue of files; empty: not there."""

    files_listed: datetime | None = None
    classes: tuple[int, int] = (0, 0)
    """Optical: what its classification shows, in stripes."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """A slice or a tile of a pass: what one product covers."""

    footprint: BaseGeometry
    versions: Sequence[Product]
    """Oldest first; the last one is what counts in the end."""

    tile: Tile | None = None
    seen: Grid | None = None
    """The pixels of the tile that the swath covers."""


@dataclass(frozen=True, kw_only=True)
class Overflight:
    """One pass over a place: for each AOI that a part of it touches, one look."""

    place: Place
    sensor: Sensor
    platform: str
    relative_orbit: int
    start: datetime
    parts: Sequence[Part]

    def touching(self, outline: BaseGeometry) -> list[Part]:
        """The parts that an AOI is seen in."""
        return [part for part in self.parts if part.footprint.intersects(outline)]


@dataclass(frozen=True, kw_only=True)
class Line:
    """A track over a place."""

    sensor: Sensor
    orbit: int
    direction: str
    first: timedelta
    """Of the month, until the first pass."""

    @property
    def every(self) -> timedelta:
        """Between two passes, the platforms in turn."""
        return (6 if self.sensor is Sensor.SENTINEL1 else 5) * DAY

    @property
    def ascending(self) -> bool:
        """True: northwards, in the evening."""
        return self.direction == "ascending"


@dataclass(frozen=True, kw_only=True)
class Flight:
    """One pass before it is known what it sees."""

    place: Place
    line: Line
    number: int
    """From 0, of its line."""

    platform: str
    start: datetime
    days: int
    """Length of the month."""

    def made(self, parts: Sequence[Part]) -> Overflight:
        """The pass with what it saw."""
        return Overflight(
            place=self.place,
            sensor=self.line.sensor,
            platform=self.platform,
            relative_orbit=self.line.orbit,
            start=parts[0].versions[0].record.start,
            parts=parts,
        )
