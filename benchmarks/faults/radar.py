"""Sentinel-1: what is flown of a track, and when it is listed and served."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from servers.sentinel_hub import SceneRecord, sentinel1
from shapely.geometry.base import BaseGeometry

from benchmarks.faults.passes import DAY, HOUR, MINUTE, SECOND, Flight, Overflight, Part, Product

SWATH = 60_000
"""m. Radar reaches so far beyond its place."""

SHORE = 150
"""m east of the middle of its place a swath begins: less than half of the squares there is seen."""

SLICE = 25 * SECOND


def flown(flight: Flight) -> Iterator[Overflight]:
    """The pass, in one or two slices, and that of the other satellite minutes later where there is one."""
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
