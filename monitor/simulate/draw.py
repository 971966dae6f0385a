"""Draws the plan of a scenario: ships, stacks and passes, from the seed alone."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import shapely

from monitor.scene import Direction
from monitor.simulate.place import FENDER_M, Berth, Place, place
from monitor.simulate.world import (
    ContainerStack,
    Cut,
    Event,
    EventKind,
    OpticalPass,
    Plan,
    RadarPass,
    Scenario,
    Ship,
    Truth,
    stream,
)

MISSING = 0.07
PARTIAL = 0.06
SECOND_SATELLITE = 0.44
"""Fraction of the archive after which Sentinel-1C flies too and halves the revisit."""

SECOND_BIAS_DB = 0.4
CLEAR_OF_OTHERS_M = 280.0
"""Ships at anchor swing: they keep this distance from each other."""

SCENE = timedelta(seconds=25)


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """Usual arrivals in a zone: a Poisson process; stays are uniform."""

    mean_present: float
    shortest_days: float
    longest_days: float

    @property
    def per_day(self) -> float:
        """Arrivals a day (Little: presence = rate x mean stay)."""
        return self.mean_present * 2 / (self.shortest_days + self.longest_days)


BERTHS = Traffic(mean_present=0.9, shortest_days=1.0, longest_days=5.0)
ANCHORAGE = Traffic(mean_present=1.2, shortest_days=0.5, longest_days=3.0)
YARD = Traffic(mean_present=26.0, shortest_days=10.0, longest_days=45.0)


@dataclass(frozen=True, kw_only=True)
class RadarTrack:
    """One repeat orbit of Sentinel-1 over the port."""

    relative_orbit: int
    direction: Direction
    first: timedelta
    """From midnight UTC of the first day to the first pass of Sentinel-1A."""

    heading_deg: float
    """Of the ground track, clockwise from north: swath edges lie along it."""


# 06 and 18 h local solar time, which at 30 degrees west is two hours later in UTC
TRACKS = (
    RadarTrack(
        relative_orbit=87,
        direction=Direction.ASCENDING,
        first=timedelta(days=2, hours=20, minutes=5, seconds=12),
        heading_deg=-13.0,
    ),
    RadarTrack(
        relative_orbit=21,
        direction=Direction.DESCENDING,
        first=timedelta(days=5, hours=7, minutes=57, seconds=40),
        heading_deg=193.0,
    ),
)


def standard_events(scenario: Scenario) -> tuple[Event, ...]:
    """A lull in the anchorage in the middle, and a surge (berths, and with them the yard) that lasts to the end.

    In an archive of three years each takes four months, the lull in the second year.
    """
    lull = scenario.at(0.50), scenario.at(0.61)
    surge = scenario.at(0.89), scenario.end
    return (
        Event(kind=EventKind.LULL, zone="anchorage", start=lull[0], end=lull[1], rate_factor=0.12),
        Event(kind=EventKind.SURGE, zone="berths", start=surge[0], end=surge[1], rate_factor=2.9),
        Event(kind=EventKind.SURGE, zone="yard", start=surge[0], end=surge[1], rate_factor=1.9),
    )


def plan(scenario: Scenario) -> Plan:
    """All that chance decides, from the seed alone."""
    events = standard_events(scenario) if scenario.events is None else tuple(scenario.events)
    port = place(scenario.side)
    ships = [*_berthed(scenario, port, events), *_anchored(scenario, port, events)]
    ships.sort(key=lambda s: (s.arrives, s.id))
    truth = Truth(
        interval=scenario.interval, ships=tuple(ships), stacks=tuple(_stacks(scenario, port, events)), events=events
    )
    flown, missed = _radar(scenario, port)
    optical = tuple(_optical(scenario)) if scenario.optical else ()
    return Plan(scenario=scenario, truth=truth, radar=flown, optical=optical, missed=missed)


def _stays(
    scenario: Scenario, zone: str, traffic: Traffic, events: Sequence[Event], rng: np.random.Generator
) -> Iterator[tuple[datetime, datetime]]:
    """Arrival and departure of everything that wants to come, in order: a Poisson process thinned by the events."""
    here = [e for e in events if e.zone == zone]
    fastest = math.prod(max(1.0, e.rate_factor) for e in here)
    # starts early, so that the first picture is as full as any other
    moment = scenario.start - timedelta(days=traffic.longest_days)
    while True:
        moment += timedelta(seconds=round(rng.exponential(86_400 / (traffic.per_day * fastest))))
        days, keep = rng.uniform(traffic.shortest_days, traffic.longest_days), rng.random() * fastest
        if moment >= scenario.end:
            return
        if keep < math.prod(e.rate_factor for e in here if moment in e.interval):
            yield moment, moment + timedelta(seconds=round(days * 86_400))


def _hull(rng: np.random.Generator) -> dict[str, float]:
    """Size and brightness of a ship. Longer ships are brighter, and bright as their decks happen to be."""
    length = float(np.clip(rng.lognormal(math.log(115), 0.32), 60, 200))
    echo = -6.5 + 4.0 * math.log2(length / 60) / math.log2(200 / 60) + rng.normal(0, 1.7)
    return {
        "length_m": round(length, 1),
        "width_m": round(length / rng.uniform(5.8, 7.2), 1),
        "backscatter_db": round(float(np.clip(echo, -9, 1)), 2),
        "reflectance": round(float(rng.uniform(0.14, 0.32)), 3),
    }


def _berthed(scenario: Scenario, port: Place, events: Sequence[Event]) -> Iterator[Ship]:
    rng = stream(scenario.seed, "ships", "berths")
    free_from = [scenario.start - timedelta(days=100)] * len(port.berths)
    for number, (arrives, leaves) in enumerate(_stays(scenario, "berths", BERTHS, events, rng)):
        hull, turned, along = _hull(rng), rng.random() < 0.5, float(rng.uniform(-15, 15))
        free = [n for n, since in enumerate(free_from) if since <= arrives]
        pick = rng.random()
        if not free:
            continue
        slot = free[int(pick * len(free))]
        free_from[slot] = leaves + timedelta(hours=2)
        x, y = _alongside(port.berths[slot], hull["width_m"], along)
        heading = port.berths[slot].along_deg + 180.0 * turned
        yield Ship(
            id=1_000_000 + number, zone="berths", arrives=arrives, leaves=leaves, x=x, y=y, heading_deg=heading, **hull
        )


def _alongside(berth: Berth, width_m: float, along_m: float) -> tuple[float, float]:
    out = FENDER_M + width_m / 2
    angle = math.radians(berth.along_deg)
    x = berth.x + berth.away[0] * out + math.sin(angle) * along_m
    y = berth.y + berth.away[1] * out + math.cos(angle) * along_m
    return round(x, 1), round(y, 1)


def _anchored(scenario: Scenario, port: Place, events: Sequence[Event]) -> Iterator[Ship]:
    rng = stream(scenario.seed, "ships", "anchorage")
    # half of the longest ship, and a little, inside the zone
    left, bottom, right, top = port.zone("anchorage").outline.buffer(-120).bounds
    present: list[Ship] = []
    for number, (arrives, leaves) in enumerate(_stays(scenario, "anchorage", ANCHORAGE, events, rng)):
        hull = _hull(rng)
        heading = round(float(rng.normal(250, 40)) % 360, 1)
        spots = rng.uniform((left, bottom), (right, top), (40, 2)).round(1)
        present = [s for s in present if s.leaves > arrives]
        free = [p for p in spots if all(math.hypot(p[0] - s.x, p[1] - s.y) > CLEAR_OF_OTHERS_M for s in present)]
        if not free:
            continue
        x, y = float(free[0][0]), float(free[0][1])
        ship = Ship(
            id=2_000_000 + number,
            zone="anchorage",
            arrives=arrives,
            leaves=leaves,
            x=x,
            y=y,
            heading_deg=heading,
            **hull,
        )
        present.append(ship)
        yield ship


def _stacks(scenario: Scenario, port: Place, events: Sequence[Event]) -> Iterator[ContainerStack]:
    rng = stream(scenario.seed, "stacks")
    free_from = [scenario.start - timedelta(days=100)] * len(port.yard_cells)
    for number, (arrives, leaves) in enumerate(_stays(scenario, "yard", YARD, events, rng)):
        pick, echo, colour = rng.random(), float(rng.uniform(-3, 2)), float(rng.uniform(0.18, 0.34))
        length = float(rng.choice((36.0, 48.0, 60.0)))
        free = [n for n, since in enumerate(free_from) if since <= arrives]
        if not free:
            continue
        cell = free[int(pick * len(free))]
        free_from[cell] = leaves
        x, y = port.yard_cells[cell]
        yield ContainerStack(
            id=number,
            arrives=arrives,
            leaves=leaves,
            x=x,
            y=y,
            length_m=length,
            width_m=24.0,
            backscatter_db=round(echo, 2),
            reflectance=round(colour, 3),
        )


def winter(moment: datetime) -> float:
    """1 in the middle of January, -1 in the middle of July (northern hemisphere)."""
    return math.cos(2 * math.pi * (moment.timetuple().tm_yday - 15) / 365.25)


def _radar(scenario: Scenario, port: Place) -> tuple[tuple[RadarPass, ...], tuple[str, ...]]:
    midnight = scenario.start.replace(hour=0, minute=0, second=0, microsecond=0)
    second_from = scenario.at(SECOND_SATELLITE)
    flown: list[RadarPass] = []
    missed: list[str] = []
    for track in TRACKS:
        moment = midnight + track.first
        for repeat in itertools.count():
            start = moment + timedelta(days=6 * repeat)
            if start >= scenario.end:
                break
            second = repeat % 2 == 1
            if start < scenario.start or (second and start < second_from):
                continue
            made, came = _radar_pass(scenario, port, track, start, second=second)
            if came:
                flown.append(made)
            else:
                missed.append(made.id)
    return tuple(sorted(flown, key=lambda p: p.start)), tuple(missed)


def _radar_pass(
    scenario: Scenario, port: Place, track: RadarTrack, start: datetime, *, second: bool
) -> tuple[RadarPass, bool]:
    """A pass with its weather, and whether it came at all."""
    letter, flight = "C" if second else "A", track.direction[0].upper()
    name = f"SIM_S1{letter}_{start:%Y%m%dT%H%M%S}_{track.relative_orbit:03d}{flight}_VV"
    rng = stream(scenario.seed, "pass", name)
    came, whole = rng.random() >= MISSING, rng.random() >= PARTIAL
    # most days are calm to moderate; the tail of strong wind is longer in winter
    wind = -21.5 + 9.0 * rng.beta(1.5, 3.2 - 0.9 * winter(start))
    # nearer to the radar the sea is brighter: west for an ascending, east for a descending pass
    east = -rng.uniform(0.2, 1.6) if track.direction is Direction.ASCENDING else rng.uniform(0.2, 1.6)
    north = rng.normal(0, 0.5)
    cut = _cut(port, track, rng)
    made = RadarPass(
        id=name,
        start=start,
        end=start + SCENE,
        platform="sentinel-1c" if second else "sentinel-1a",
        relative_orbit=track.relative_orbit,
        direction=track.direction,
        sea_db=round(float(wind), 2),
        sea_slope_db=(round(float(east), 2), round(float(north), 2)),
        bias_db=SECOND_BIAS_DB if second else 0.0,
        cut=None if whole else cut,
    )
    return made, came


def _cut(port: Place, track: RadarTrack, rng: np.random.Generator) -> Cut:
    """Where a partial swath ends: along the ground track (edge of the swath) or across it (edge of a slice)."""
    across = 90.0 * int(rng.integers(0, 4))
    left, bottom, right, top = port.grid.bounds
    x = (left + right) / 2 + (right - left) * rng.uniform(-0.33, 0.33)
    y = (bottom + top) / 2 + (top - bottom) * rng.uniform(-0.33, 0.33)
    return Cut(x=round(float(x), 1), y=round(float(y), 1), normal_deg=(track.heading_deg + across) % 360)


def seen_by(port: Place, cut: Cut | None) -> shapely.Polygon:
    """The part of the AOI that a pass covers, UTM."""
    whole = shapely.box(*port.grid.bounds)
    if cut is None:
        return whole
    side = np.array([math.sin(math.radians(cut.normal_deg)), math.cos(math.radians(cut.normal_deg))])
    along, far = np.array([-side[1], side[0]]), 1e5
    at = np.array([cut.x, cut.y])
    half = shapely.Polygon([at - along * far, at + along * far, at + (along + side) * far, at + (side - along) * far])
    seen = whole.intersection(half)
    if not isinstance(seen, shapely.Polygon):  # a rectangle cut by a line cannot come apart
        raise TypeError(f"the covered part is a {seen.geom_type}")
    return seen


def _optical(scenario: Scenario) -> Iterator[OpticalPass]:
    midnight = scenario.start.replace(hour=0, minute=0, second=0, microsecond=0)
    for number in itertools.count():
        start = midnight + timedelta(days=4 + 10 * number, hours=12, minutes=38, seconds=21)
        if start >= scenario.end:
            return
        if start < scenario.start:
            continue
        letter = "AB"[number % 2]
        name = f"SIM_S2{letter}_{start:%Y%m%dT%H%M%S}_052D"
        rng = stream(scenario.seed, "pass", name)
        # most days are either nearly clear or nearly overcast, and winter is overcast more often
        cover = rng.beta(0.55 + 0.15 * winter(start), 0.75 - 0.2 * winter(start))
        yield OpticalPass(
            id=name,
            start=start,
            end=start + timedelta(seconds=14),
            platform=f"sentinel-2{letter.lower()}",
            relative_orbit=52,
            cloud_cover=round(float(cover), 3),
        )
