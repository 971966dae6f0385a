"""When satellites pass over the simulated port, in which weather, and what part of it they cover."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import shapely

from monitor.scene import Direction
from monitor.simulate.place import Place
from monitor.simulate.world import Cut, OpticalPass, RadarPass, Scenario, stream

MISSING = 0.07
PARTIAL = 0.06
SECOND_SATELLITE = 0.44
"""Fraction of the archive after which Sentinel-1C flies too and halves the revisit."""

SECOND_BIAS_DB = 0.4
SCENE = timedelta(seconds=25)


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


def radar_passes(scenario: Scenario, port: Place) -> tuple[tuple[RadarPass, ...], tuple[str, ...]]:
    """The passes of Sentinel-1 in order of time, and the ids of those that never came."""
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


def optical_passes(scenario: Scenario) -> Iterator[OpticalPass]:
    """The passes of Sentinel-2 in order of time."""
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


def winter(moment: datetime) -> float:
    """1 in the middle of January, -1 in the middle of July (northern hemisphere)."""
    return math.cos(2 * math.pi * (moment.timetuple().tm_yday - 15) / 365.25)
