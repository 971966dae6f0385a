"""What a track remembers: every part of it grows by one look at a time, and only from what was seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime, timedelta

import numpy as np
import pytest
import shapely

from monitor import simulate, track_state
from monitor.aoi import Aoi, Zone, ZoneKind
from monitor.grid import Grid, Mask
from monitor.scene import Direction, Sensor, Track
from monitor.site import Site, site
from monitor.stack import Stack
from monitor.times import utc
from monitor.track_state import REMEMBERED, TrackState

GRID = Grid(epsg=32652, left=500_000, top=4_680_000, resolution=10, height=60, width=80)
BOX = shapely.box(129, 42.2, 129.01, 42.21)
RADAR = Track(sensor=Sensor.SENTINEL1, relative_orbit=21, direction=Direction.DESCENDING, polarisation="VV")
LIGHT = Track(sensor=Sensor.SENTINEL2, relative_orbit=103, direction=Direction.DESCENDING)
START = utc("2023-01-05T03:35:00")
LAND: Mask = np.zeros(GRID.shape, bool)
LAND[:, 50:] = True
ZONES = (
    Zone(name="roads", kind=ZoneKind.ANCHORAGE, outline=BOX),
    Zone(name="yard", kind=ZoneKind.CARGO_YARD, outline=BOX),
)
SITE = Site(
    aoi=Aoi(id="a", name="A", outline=BOX, zones=ZONES),
    grid=GRID,
    masks={"roads": ~LAND, "yard": LAND},
    outline=np.ones(GRID.shape, bool),
)


def radar(seed: int, *, cross: bool = True) -> Stack:
    mean = np.where(LAND, 0.1, 0.015).astype(np.float32)
    noise = [simulate.speckle(GRID.shape, np.random.default_rng([seed, n])) for n in (0, 1)]
    bands = {"vv": mean * noise[0]} | ({"vh": mean * noise[1] / 4} if cross else {})
    return Stack(grid=GRID, bands=bands)


def light(seed: int, *, cloud: Mask | None = None, snow: bool = False) -> Stack:
    rng, levels = np.random.default_rng(seed), {"b02": 0.05, "b03": 0.045, "b04": 0.03, "b08": 0.012}
    bands = {
        name: (np.where(LAND, 0.2, level) + 0.002 * rng.standard_normal(GRID.shape)).astype(np.float32)
        for name, level in levels.items()
    }
    scl = np.where(LAND, 11.0 if snow else 5.0, 6.0)
    bands["scl"] = np.where(cloud, 9.0, scl).astype(np.float32) if cloud is not None else scl.astype(np.float32)
    return Stack(grid=GRID, bands=bands)


def grown(stacks: Sequence[Stack], track: Track) -> TrackState:
    state = track_state.nothing(SITE, track.sensor)
    for number, stack in enumerate(stacks):
        state = added(state, stack, track, START + timedelta(days=12 * number))
    return state


def added(state: TrackState, stack: Stack, track: Track, at: datetime) -> TrackState:
    share = track_state.share_of(stack, track, SITE, at, state.clouds)
    return state if share is None else track_state.updated(state, share, SITE)


def same(one: TrackState, other: TrackState) -> bool:
    for part in fields(one):
        held, beside = getattr(one, part.name), getattr(other, part.name)
        for field in fields(held) if held is not None else ():
            if not np.array_equal(
                getattr(held, field.name), getattr(beside, field.name), equal_nan=field.name != "bands"
            ):
                return False
    return True


def test_radar_and_light_keep_what_they_need() -> None:
    first, second = (track_state.nothing(SITE, s) for s in (Sensor.SENTINEL1, Sensor.SENTINEL2))
    assert first.segments is not None
    assert first.scatter is not None
    assert (first.season, first.clouds) == (None, None)
    assert second.season is not None
    assert second.clouds is not None
    assert (second.segments, second.scatter) == (None, None)


def test_a_look_is_counted_once_in_every_part() -> None:
    state = grown([radar(n) for n in range(9)], RADAR)
    assert state.looks == 9
    assert set(np.unique(state.yard.seen)) == {9}
    assert state.yard.histogram.sum(axis=0).min() == 9
    assert state.segments is not None
    assert state.segments.count.max() == 9
    assert len(state.past.sea_db) == 9
    assert np.median(state.past.sea_db) == pytest.approx(10 * np.log10(0.015), abs=2)


def test_the_second_channel_may_be_missing() -> None:
    state = grown([radar(n, cross=False) for n in range(5)], RADAR)
    assert state.segments is not None
    assert state.segments.count[0].max() == 5
    assert state.segments.count[1].max() == 0


def test_ground_that_changed_is_dated() -> None:
    state = grown([radar(n) for n in range(14)], RADAR)
    brighter = radar(99)
    for band in brighter.bands.values():
        band[10:30, 60:75] *= 20
    when = START + timedelta(days=14 * 12)
    state = added(state, brighter, RADAR, when)
    assert state.segments is not None
    image = np.zeros(GRID.shape, np.uint16)
    image[SITE.ground] = state.segments.began
    assert (image[12:28, 62:73] == when.toordinal() - track_state.FIRST_DAY).mean() > 0.95
    assert (image[40:, 52:] == 0).mean() > 0.9


def test_what_was_not_seen_adds_nothing() -> None:
    state = grown([radar(n) for n in range(3)], RADAR)
    unseen = Stack(grid=GRID, bands={n: np.full(GRID.shape, np.nan, np.float32) for n in ("vv", "vh")})
    assert same(added(state, unseen, RADAR, START), state)
    lit = grown([light(n) for n in range(3)], LIGHT)
    overcast = light(9, cloud=np.ones(GRID.shape, bool))
    assert same(added(lit, overcast, LIGHT, START), lit)
    classes_only = Stack(grid=GRID, bands={"scl": overcast.bands["scl"]})
    assert same(added(lit, classes_only, LIGHT, START), lit)


def test_snow_is_not_learnt_as_ground() -> None:
    state = added(grown([light(n) for n in range(4)], LIGHT), light(9, snow=True), LIGHT, START)
    assert state.season is not None
    assert state.season.seen.max() == 4


def test_the_order_of_looks_matters_to_no_histogram() -> None:
    looks = [radar(n) for n in range(6)]
    first, second = grown(looks, RADAR), grown(looks[::-1], RADAR)
    np.testing.assert_array_equal(first.water.histogram, second.water.histogram)
    np.testing.assert_array_equal(first.yard.histogram, second.yard.histogram)


def test_only_so_many_looks_are_remembered_by_name() -> None:
    state = track_state.nothing(SITE, Sensor.SENTINEL1)
    share = track_state.share_of(radar(1), RADAR, SITE, START)
    assert share is not None
    for _ in range(REMEMBERED + 3):
        state = track_state.updated(state, share, SITE)
    assert len(state.past.sea_db) == len(state.past.texture) == len(state.past.haze) == REMEMBERED


# the site


def test_land_and_water_zones_are_told_apart() -> None:
    assert np.array_equal(SITE.sea, ~LAND)
    assert np.array_equal(SITE.open_sea, ~LAND)
    assert np.array_equal(SITE.ground, LAND)


def test_an_aoi_without_zones_is_ground_and_sea_at_once() -> None:
    made = site(Aoi(id="a", name="A", outline=BOX, zones=(Zone(name="outline", kind=ZoneKind.AREA, outline=BOX),)))
    assert np.array_equal(made.sea, made.outline)
    assert np.array_equal(made.ground, made.outline)
    assert made.latitude == pytest.approx(42.205)


def test_reference_water_is_the_open_sea() -> None:
    quiet = Zone(name="sea", kind=ZoneKind.REFERENCE_WATER, outline=BOX)
    part: Mask = np.zeros(GRID.shape, bool)
    part[:20, :20] = True
    made = Site(
        aoi=Aoi(id="a", name="A", outline=BOX, zones=(*ZONES, quiet)),
        grid=GRID,
        masks={**SITE.masks, "sea": part},
        outline=SITE.outline,
    )
    assert np.array_equal(made.open_sea, part)
    assert np.array_equal(made.sea, ~LAND)
