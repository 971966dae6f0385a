"""Vessels on simulated sea: none where there are none, ships where they are, and no quays."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest

from monitor import clutter, reference, simulate, vessels
from monitor.grid import Grid, Mask
from monitor.radiometry import Decibel, LinearPower
from monitor.reference import OVER_SEA, Background
from monitor.simulate.shapes import rectangle
from monitor.vessels import Vessel, parting
from monitor.vessels.radar import detect

LOOKS = 4.4
SIDE = 160
GRID = Grid(epsg=32652, left=500_000.0, top=4_680_000.0, resolution=10.0, height=SIDE, width=SIDE)
WATER: Mask = np.ones(GRID.shape, bool)
X, Y = GRID.xy(80, 80)
CALM, WINDY, STORMY = -24.0, -18.0, -12.0
BLUR_M = 8.5


@dataclass(frozen=True)
class Hull:
    """A bright rectangle. `over_db`: brightness over the sea."""

    x: float = X
    y: float = Y
    heading: float = 90.0
    length: float = 100.0
    width: float = 16.0
    over_db: float = 15.0


def look(
    seed: int, hulls: Sequence[Hull] = (), *, sea_db: float = WINDY, correlated: bool = True, grid: Grid = GRID
) -> LinearPower:
    rng = np.random.default_rng(seed)
    power = np.full(grid.shape, 10 ** (sea_db / 10), np.float32)
    for h in hulls:
        at, share = rectangle(
            grid, x=h.x, y=h.y, heading_deg=h.heading, length_m=h.length, width_m=h.width, sigma_m=BLUR_M
        )
        power[at] += share * np.float32(10 ** ((sea_db + h.over_db) / 10))
    speckle = simulate.speckle(grid.shape, rng, LOOKS) if correlated else rng.gamma(LOOKS, 1 / LOOKS, grid.shape)
    return LinearPower((power * speckle).astype(np.float32))


def found(power: LinearPower, known: Background | None = None) -> list[Vessel]:
    return detect(power, WATER, known, GRID)


def off(vessel: Vessel, hull: Hull) -> float:
    """Distance of the centres, m."""
    x, y = GRID.xy(vessel.row, vessel.column)
    return math.hypot(x - hull.x, y - hull.y)


@pytest.mark.parametrize("correlated", [True, False], ids=["correlated", "white"])
@pytest.mark.parametrize("sea_db", [CALM, WINDY, STORMY])
def test_an_empty_sea_holds_no_vessels(sea_db: float, correlated: bool) -> None:
    grid = Grid(epsg=32652, left=0.0, top=0.0, resolution=10.0, height=300, width=300)
    water: Mask = np.ones(grid.shape, bool)
    for seed in range(20):
        power = look(seed, sea_db=sea_db, correlated=correlated, grid=grid)
        assert detect(power, water, None, grid) == []


@pytest.mark.parametrize("correlated", [True, False], ids=["correlated", "white"])
@pytest.mark.parametrize("heading", range(0, 180, 30))
def test_a_ship_is_found_where_it_is_and_as_long_as_it_is(heading: int, correlated: bool) -> None:
    ship = Hull(heading=float(heading))
    (vessel,) = found(look(heading, [ship], correlated=correlated))
    assert off(vessel, ship) < 30
    assert vessel.length_m == pytest.approx(ship.length, abs=20)
    assert vessel.area_m2 == pytest.approx(ship.length * ship.width, abs=2 * vessel.area_error_m2)
    assert vessel.peak_db > 8


def test_the_level_of_the_sea_does_not_matter() -> None:
    counts = [len(found(look(3, [Hull()], sea_db=sea_db))) for sea_db in (CALM, WINDY, STORMY)]
    assert counts == [1, 1, 1]


def test_area_is_pixels_times_the_area_of_a_pixel() -> None:
    coarse = Grid(epsg=32652, left=0.0, top=0.0, resolution=20.0, height=40, width=40)
    out: Mask = np.zeros(coarse.shape, bool)
    out[10:12, 20:25] = True
    contrast = Decibel(np.where(out, 20, 0).astype(np.float32))
    (patch,) = parting.patches(out, contrast, coarse)
    assert patch.area_m2(coarse) == 10 * 20 * 20
    assert patch.peak_db == 20


@pytest.mark.parametrize(
    ("pixels", "peak_db", "kept"),
    [(4, 20.0, False), (5, 20.0, True), (5, 7.9, False), (600, 20.0, True), (601, 20.0, False)],
)
def test_a_patch_needs_area_and_a_peak(pixels: int, peak_db: float, kept: bool) -> None:
    out: Mask = np.zeros(GRID.shape, bool)
    rows, columns = np.unravel_index(np.arange(pixels), (21, 30))
    out[20 + rows, 20 + columns] = True
    contrast = Decibel(np.where(out, peak_db, 0).astype(np.float32))
    assert len(parting.patches(out, contrast, GRID)) == int(kept)


def test_two_ships_sixty_metres_apart_are_two() -> None:
    """Speckle parts one of sixteen hulls now and then: counts of 2 in at least 14 of 16 pictures."""
    in_line = [Hull(x=X - 80), Hull(x=X + 80)]
    abreast = [Hull(y=Y - 38), Hull(y=Y + 38)]
    counts = [len(found(look(seed, pair))) for seed in range(8) for pair in (in_line, abreast)]
    assert counts.count(2) >= 14
    assert min(counts) == 2


def test_rain_or_land_is_no_ship() -> None:
    for side in (300.0, 600.0):
        bright = Hull(length=side, width=side, over_db=12, heading=20)
        assert found(look(1, [bright])) == []


QUAY = Hull(length=400, width=30, over_db=16)
BERTHED = Hull(y=Y + 35, length=120, width=18, over_db=19)


def background_of(hulls: Sequence[Hull], looks: int = 20) -> Background:
    state = reference.nothing(GRID)
    for number in range(looks):
        power = look(1000 + number, hulls, sea_db=WINDY + 2 * (number % 3) - 2)
        state = reference.updated(state, reference.contribution(power, clutter.sea_level_db(power, WATER)))
    return reference.background(state)


@pytest.fixture(scope="module")
def quay() -> Background:
    return background_of([QUAY])


def test_a_quay_vanishes_once_it_is_known(quay: Background) -> None:
    for seed in range(6):
        power = look(seed, [QUAY])
        assert len(found(power)) >= 1
        assert found(power, quay) == []


def test_a_ship_at_a_known_quay_is_found(quay: Background) -> None:
    """In one piece in most pictures; the bright hull may be parted in two."""
    counts = []
    for seed in range(8):
        at_berth = found(look(seed, [QUAY, BERTHED]), quay)
        counts.append(len(at_berth))
        assert min(off(v, BERTHED) for v in at_berth) < 45
        assert sum(v.area_m2 for v in at_berth) == pytest.approx(120 * 18, abs=1300)
    assert counts.count(1) >= 6


def test_a_ship_in_the_roads_is_found_with_a_reference_too(quay: Background) -> None:
    ship = Hull(x=X + 300, y=Y + 400, heading=30)
    (vessel,) = found(look(5, [QUAY, ship]), quay)
    assert off(vessel, ship) < 30


def background_with(hull: Hull, every: int) -> Background:
    """Twenty looks; the hull is there on each so many-th."""
    state = reference.nothing(GRID)
    for number in range(20):
        power = look(2000 + number, [] if number % every else [hull])
        state = reference.updated(state, reference.contribution(power, clutter.sea_level_db(power, WATER)))
    return reference.background(state)


@pytest.mark.parametrize("every", [2, 4])
def test_a_berth_that_is_often_taken_does_not_swallow_its_ships(every: int) -> None:
    ship = Hull(over_db=20)
    known = background_with(ship, every)
    for seed in range(5):
        (vessel,) = found(look(seed, [ship]), known)
        assert off(vessel, ship) < 30


def test_a_weak_spot_that_comes_and_goes_is_no_ship() -> None:
    """Azimuth ghosts: on every third look, up to 13 dB, gone from the empty state of the pixel."""
    ghost = Hull(length=60, width=20, over_db=11)
    known = background_with(ghost, 3)
    seen = [look(seed, [ghost]) for seed in range(6)]
    assert sum(len(found(power)) for power in seen) >= 4
    assert sum(len(found(power, known)) for power in seen) == 0


def test_what_was_not_seen_holds_no_vessel_and_hides_none() -> None:
    power = look(4, [Hull()])
    power[:, 100:] = np.nan
    (vessel,) = found(power)
    assert off(vessel, Hull()) < 30
    assert found(LinearPower(np.full(GRID.shape, np.nan, np.float32))) == []


def test_nothing_outside_the_water_is_a_vessel() -> None:
    dry = WATER.copy()
    dry[60:100, 60:100] = False
    assert detect(look(4, [Hull()]), dry, None, GRID) == []


@pytest.mark.parametrize("shore", [True, False])
def test_near_a_shore_the_empty_state_is_the_better_guide(shore: bool) -> None:
    """Wind shadows of 60 m make the sea there too uneven for its z-score; a hull over the empty state is one still."""
    rows, columns = np.indices(GRID.shape) // 6
    uneven = np.where((rows + columns) % 2, 3.0, 1 / 3).astype(np.float32)
    power = LinearPower(look(21, [Hull(over_db=11)]) * uneven)
    counts = np.zeros((OVER_SEA.bins, *GRID.shape), np.uint8)
    counts[OVER_SEA.bins_of(Decibel(np.full(GRID.shape, 1, np.float32)))[0, 0]] = 10
    state = replace(
        reference.nothing(GRID),
        histogram=counts,
        seen=np.full(GRID.shape, 10, np.uint16),
        lowest=np.full((2, *GRID.shape), -4000, np.int16),
    )
    known = Background(water=WATER, shore=WATER & shore, bright=~WATER, reference=state)
    assert found(power) == []
    assert bool(found(power, known)) == shore


@pytest.mark.parametrize(("down", "across"), [(0, 1), (1, 0), (1, 1)])
def test_a_thin_bar_lies_where_it_was_drawn(down: int, across: int) -> None:
    power = np.full(GRID.shape, 10 ** (WINDY / 10), np.float32)
    for step in range(20):
        power[60 + step * down, 60 + step * across] *= 100
    (vessel,) = found(LinearPower(power))
    assert vessel.heading_deg == pytest.approx({(0, 1): 90, (1, 0): 0, (1, 1): 135}[down, across], abs=0.01)
    assert (vessel.row, vessel.column) == pytest.approx((60 + 9.5 * down, 60 + 9.5 * across), abs=0.01)
    assert vessel.box == (60, 60, 61 + 19 * down, 61 + 19 * across)


def test_parting_two_hulls_loses_none_of_their_area() -> None:
    """Pixels that touch at a corner alone belong to the nearer hull."""
    out: Mask = np.zeros(GRID.shape, bool)
    contrast = Decibel(np.zeros(GRID.shape, np.float32))
    for step in range(20):
        out[60 + step, 60 + step] = True
        contrast[60 + step, 60 + step] = 32 if step in {5, 14} else 20
    parted = parting.patches(out, contrast, GRID)
    assert [p.area_m2(GRID) for p in parted] == [1000, 1000]


def test_vessels_are_in_the_zone_that_holds_their_centre() -> None:
    zone: Mask = np.zeros(GRID.shape, bool)
    zone[70:90, 70:90] = True
    made = found(look(2, [Hull(), Hull(x=X + 500)]))
    assert len(made) == 2
    (inside,) = vessels.inside(made, zone)
    assert off(inside, Hull()) < 30


def test_a_breakwater_is_no_vessel_when_the_sea_is_calm() -> None:
    """It scatters the same in any wind: beside a calm sea it stands out by 9 dB more than usual, but not of itself."""
    wall: Mask = np.zeros(GRID.shape, bool)
    wall[40:120, 80:83] = True

    def harbour(seed: int, sea_db: float, hulls: Sequence[Hull] = ()) -> LinearPower:
        power = look(seed, hulls, sea_db=sea_db)
        rng = np.random.default_rng(1000 + seed)
        power[wall] = (10 ** (-9 / 10) * simulate.speckle(GRID.shape, rng, LOOKS))[wall].astype(np.float32)
        return power

    state = reference.nothing(GRID)
    for seed in range(24):
        sea_db = -14.0 if seed % 8 else CALM
        state = reference.updated(state, reference.contribution(harbour(seed, sea_db), sea_db))
    known = reference.background(state)
    ship = Hull(x=X + 250, heading=20.0)
    for seed in range(100, 106):
        assert found(harbour(seed, CALM), known) == []
        (vessel,) = found(harbour(seed, CALM, [ship]), known)
        assert off(vessel, ship) < 30
