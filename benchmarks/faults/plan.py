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

from benchmarks.faults import optical, radar
from benchmarks.faults.passes import DAY, HOUR, START, Flight, Line, Overflight
from benchmarks.faults.places import Place
from monitor.scene import Sensor

PLATFORMS = {
    Sensor.SENTINEL1: ("sentinel-1a", "sentinel-1c"),
    Sensor.SENTINEL2: ("sentinel-2a", "sentinel-2b"),
}


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
        yield from radar.flown(flight) if line.sensor is Sensor.SENTINEL1 else optical.flown(flight)
