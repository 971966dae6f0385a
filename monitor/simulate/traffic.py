"""What comes and goes at the simulated port: ships at the berths and at anchor, container stacks in the yard."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from monitor.simulate.place import FENDER_M, Berth, Place
from monitor.simulate.world import (
    ContainerStack,
    Event,
    Scenario,
    Ship,
    stream,
)

CLEAR_OF_OTHERS_M = 280.0
"""Ships at anchor swing: they keep this distance from each other."""


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


def berthed(scenario: Scenario, port: Place, events: Sequence[Event]) -> Iterator[Ship]:
    """Ships alongside, each in a berth of its own; one that finds none free does not come."""
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


def anchored(scenario: Scenario, port: Place, events: Sequence[Event]) -> Iterator[Ship]:
    """Ships at anchor, clear of each other; one that finds no room does not come."""
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


def stacked(scenario: Scenario, port: Place, events: Sequence[Event]) -> Iterator[ContainerStack]:
    """Container stacks, each in a place of its own in the yard."""
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


def _alongside(berth: Berth, width_m: float, along_m: float) -> tuple[float, float]:
    out = FENDER_M + width_m / 2
    angle = math.radians(berth.along_deg)
    x = berth.x + berth.away[0] * out + math.sin(angle) * along_m
    y = berth.y + berth.away[1] * out + math.cos(angle) * along_m
    return round(x, 1), round(y, 1)
