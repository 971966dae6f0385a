"""What is flown over the places in a month, and when which catalogue lists it: regular, with every known irregularity.

Sentinel-1 on two tracks and two platforms, a pass every three days; Sentinel-2 every five days. Out of the ordinary:

- products listed days late, so that younger ones come first; the first one comes when the month is nearly over;
- radar scenes that the catalogue lists a day before the service has them;
- passes in two slices or two tiles, one of them late; swaths that end in the middle of the place;
- a product made again, with the same pixels (radar) or with others (optical, under its old id); two sequence numbers;
- another satellite over the same place eleven minutes after the first (radar), or eight and a half (optical);
- optical passes under cloud, and two catalogues that list the same pass on different days.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from servers.sentinel_hub import SceneRecord, sentinel1, sentinel2
from shapely.geometry.base import BaseGeometry

from benchmarks.faults.places import Place, Tile
from monitor.grid import Grid
from monitor.scene import Sensor

START = datetime(2026, 3, 1, tzinfo=UTC)
SWATH = 60_000
"""m. Radar reaches so far beyond its place."""

DAY, HOUR, MINUTE, SECOND = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)

SHORE = 150
"""m east of the middle of its place a swath begins: less than half of the squares there is seen."""

SLICE = 25 * SECOND
BEHIND = 12 * MINUTE
"""A tile of Sentinel-2 is seen so long after its datatake began."""

GROUND = ((6, 4), (5, 4), (6, 5))
"""Two classes of the scene classification: water, bare ground, vegetation."""

CLOUDS = (9, 8)
PLATFORMS = {
    Sensor.SENTINEL1: ("sentinel-1a", "sentinel-1c"),
    Sensor.SENTINEL2: ("sentinel-2a", "sentinel-2b"),
}


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


def month(places: Sequence[Place], days: int) -> list[Overflight]:
    """All passes of so many days from START on."""
    flown = [o for turn, place in enumerate(places) for line in _lines(place, turn) for o in _along(place, line, days)]
    return sorted((o for o in flown if o.start < START + days * DAY), key=lambda o: o.start)


def _lines(place: Place, turn: int) -> list[Line]:
    """The tracks over the place with this number. Places are passed on different days."""
    late = turn * 7 * HOUR
    morning = (10.8 - place.lon / 15) % 24 * HOUR
    """10:48 by the sun, in UTC."""
    return [
        Line(sensor=Sensor.SENTINEL1, orbit=88 + turn, direction="ascending", first=17.4 * HOUR + late),
        Line(sensor=Sensor.SENTINEL1, orbit=37 + turn, direction="descending", first=77.9 * HOUR + late),
        Line(sensor=Sensor.SENTINEL2, orbit=51 + turn, direction="descending", first=turn * DAY + morning),
    ]


def _along(place: Place, line: Line, days: int) -> Iterator[Overflight]:
    for number in range(days // line.every.days + 1):
        flight = Flight(
            place=place,
            line=line,
            number=number,
            platform=PLATFORMS[line.sensor][number % 2],
            start=START + line.first + number * line.every,
            days=days,
        )
        yield from _radar(flight) if line.sensor is Sensor.SENTINEL1 else _optical(flight)


# radar


def _radar(flight: Flight) -> Iterator[Overflight]:
    place, number = flight.place, flight.number
    first = number == 0 and flight.line.ascending
    delay = flight.days * 0.75 * DAY if first else (4 * DAY if number % 3 == 1 else 5 * HOUR)
    west = SHORE if place.name == "levant" and not flight.line.ascending else -SWATH
    in_slices = flight.line.ascending and place.name in {"delta", "dateline"}
    edges = [-SWATH, 0, SWATH] if in_slices else [-SWATH, SWATH]
    parts = []
    for index in range(len(edges) - 1):
        box = place.box(west, edges[index], SWATH, edges[index + 1])
        start = flight.start + index * SLICE + 0.4 * SECOND
        record = _slice(flight, start, box)
        parts.append(Part(footprint=box, versions=_radar_versions(flight, record, delay + index * 2 * DAY)))
    yield flight.made(parts)
    if flight.line.ascending and number == 1:  # another satellite on another track, minutes later
        line = replace(flight.line, orbit=161)
        beside = replace(flight, line=line, platform="sentinel-1d", start=flight.start + 11 * MINUTE)
        box = place.box(-SWATH, -SWATH, SWATH, SWATH)
        record = _slice(beside, beside.start, box)
        product = Product(record=record, processed=beside.start + 3 * HOUR, listed=beside.start + 5 * HOUR)
        yield beside.made([Part(footprint=box, versions=[product])])


def _slice(flight: Flight, start: datetime, box: BaseGeometry) -> SceneRecord:
    return sentinel1(
        start,
        box,
        platform=flight.platform,
        relative_orbit=flight.line.orbit,
        direction=flight.line.direction,
        seconds=SLICE.total_seconds(),
        published=start + 4 * HOUR,
    )


def _radar_versions(flight: Flight, record: SceneRecord, delay: timedelta) -> list[Product]:
    listed = record.start + delay
    processed = listed - 2 * HOUR
    early = (flight.number == 0 and not flight.line.ascending) or (flight.number == 1 and flight.line.ascending)
    if early:  # listed a day before the service has it
        record = replace(record, published=listed + 30 * HOUR)
    made = [Product(record=record, processed=processed, listed=listed)]
    if flight.number == 1 and not flight.line.ascending:  # made again: the name differs in its last four digits
        again = replace(record, id=record.id[:-4] + "BEEF", published=listed + 2 * DAY)
        made.append(Product(record=again, processed=processed + 2 * DAY, listed=listed + 2 * DAY + HOUR))
    return made


# optical


def _optical(flight: Flight) -> Iterator[Overflight]:
    yield _sensed(flight)
    if flight.place.name == "levant" and flight.number == 1:  # in tandem, on the same track
        yield _sensed(replace(flight, platform="sentinel-2c", number=0, start=flight.start + 8.5 * MINUTE))


def _sensed(flight: Flight) -> Overflight:
    place, parts = flight.place, []
    for index, tile in enumerate(place.tiles):
        seen = place.grid(tile)
        if place.name == "levant" and flight.number == 1:  # the swath begins in the middle of the place
            gone = seen.width // 4 * 2
            seen = replace(seen, left=seen.left + 10 * gone, width=seen.width - gone)
        outline = place.outline_of(seen)
        versions = _optical_versions(flight, tile, index, outline)
        parts.append(Part(footprint=outline, versions=versions, tile=tile, seen=seen))
    return flight.made(parts)


def _optical_versions(flight: Flight, tile: Tile, index: int, outline: BaseGeometry) -> list[Product]:
    place, number, start = flight.place.name, flight.number, flight.start + index * 3 * SECOND
    listed, files_listed = start + 7 * HOUR, start + 12 * HOUR
    if number % 3 == 2:
        listed, files_listed = listed + 5 * DAY, files_listed + 5 * DAY
    elif number == 1:
        listed = listed + 4 * DAY
    elif place == "dateline" and number == 0:  # one catalogue has half of the pass first, then the other all of it
        listed, files_listed = listed + index * 5 * DAY, files_listed + 2.5 * DAY
    elif place == "edge" and number == 0:
        files_listed += index * 3 * DAY
    cloudy = number == (1 if place == "dateline" else 2)
    first = Flown(
        flight=flight,
        tile=tile.name,
        outline=outline,
        start=start,
        classes=CLOUDS if cloudy else GROUND[number % 3],
    )
    made = [first.product("05.11", start + 5 * HOUR, listed, files_listed)]
    if place == "delta" and number == 0:  # made again with another baseline, under its old id
        made.append(first.product("05.12", start + 5 * DAY, listed + 6 * DAY, files_listed + 6 * DAY))
    if place == "edge" and number == 1:  # the same again, as the second of two
        second = replace(first, strip=25 * SECOND)
        made.append(second.product("05.11", start + 6 * HOUR, listed + 2 * DAY, files_listed + 2 * DAY))
    return made


@dataclass(frozen=True, kw_only=True)
class Flown:
    """A tile of a datatake, of which products can be made."""

    flight: Flight
    tile: str
    outline: BaseGeometry
    start: datetime
    classes: tuple[int, int]
    strip: timedelta = timedelta(0)
    """Catalogue of files: of its id, after the datatake began."""

    def product(self, baseline: str, processed: datetime, listed: datetime, files_listed: datetime) -> Product:
        """One version. The service has it an hour before its catalogue lists it."""
        datatake, platform = self.flight.start - BEHIND, self.flight.platform
        record = sentinel2(
            self.start,
            self.outline,
            platform=platform,
            relative_orbit=self.flight.line.orbit,
            tile=self.tile,
            baseline=baseline,
            processed=processed,
            datatake=datatake,
            published=listed - HOUR,
        )
        return Product(
            record=record,
            processed=processed,
            listed=listed,
            files_id=f"S2{platform[-1].upper()}_T{self.tile}_{datatake + self.strip:%Y%m%dT%H%M%S}_L2A",
            files_listed=files_listed,
            classes=self.classes,
        )
