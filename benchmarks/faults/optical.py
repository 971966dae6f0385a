"""Sentinel-2: what is flown of a track, and when the two catalogues list it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from servers.sentinel_hub import sentinel2
from shapely.geometry.base import BaseGeometry

from benchmarks.faults.passes import BEHIND, CLOUDS, DAY, HOUR, MINUTE, SECOND, Flight, Overflight, Part, Product
from benchmarks.faults.places import Tile

GROUND = ((6, 4), (5, 4), (6, 5))
"""Two classes of the scene classification: water, bare ground, vegetation."""


def flown(flight: Flight) -> Iterator[Overflight]:
    """The pass, and the one in tandem with it where there is one."""
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
