"""Side lobes and azimuth ghosts: the geometry of the orbit against real images, and what is left out by it."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from monitor import simulate
from monitor.grid import Grid, Mask
from monitor.radiometry import Decibel, LinearPower, to_db, to_power
from monitor.scene import Direction, Sensor, Track
from monitor.simulate.shapes import rectangle
from monitor.vessels import artefacts
from monitor.vessels.hulls import Patch
from monitor.vessels.orbit import Viewing, viewing
from monitor.vessels.radar import detect

UP, DOWN = Direction.ASCENDING, Direction.DESCENDING
LATAKIA = Grid(epsg=32636, left=744_290.0, top=3_941_160.0, resolution=10.0, height=1372, width=994)


def track(orbit: int | None, direction: Direction) -> Track:
    return Track(sensor=Sensor.SENTINEL1, relative_orbit=orbit, direction=direction, polarisation="VV")


VV87 = track(87, UP)


def seen_by(one: Track, grid: Grid = LATAKIA) -> Viewing:
    view = artefacts.seen_by(one, grid)
    assert view is not None
    return view


def test_the_ghosts_of_latakia_lie_where_they_were_measured() -> None:
    """Orbit 87: 98 columns east and 499 rows south of their target, pixels of 11.449 m x 11.442 m, by eye."""
    down, across = max(artefacts.ghost_shifts(seen_by(VV87), LATAKIA))
    assert 10 * down == pytest.approx(499 * 11.442, abs=60)
    assert 10 * across == pytest.approx(98 * 11.449, abs=60)


def test_a_ghost_of_another_orbit_lies_where_it_was_seen() -> None:
    """Orbit 14, 2023-08-08: spot at column 465, row 867, the ship at 358.2, 423.3. Not used to find the orbits."""
    down, across = max(artefacts.ghost_shifts(seen_by(track(14, UP)), LATAKIA))
    assert 10 * math.hypot(down, across) == pytest.approx(math.hypot(443.7 * 11.442, 106.8 * 11.449), rel=0.01)


@pytest.mark.parametrize(
    ("orbit", "direction", "lon", "lat"),
    [(137, UP, -120.6, 34.1), (137, UP, -119.7, 34.3), (119, DOWN, 126.0, -19.1), (59, UP, 3.3, 45.5)],
)
def test_the_orbit_number_tells_the_incidence(orbit: int, direction: Direction, lon: float, lat: float) -> None:
    """Places that real scenes of these orbits cover: within the IW mode's 29 to 46.5 degrees."""
    view = viewing(track(orbit, direction), lon, lat)
    assert view is not None
    assert 29 <= view.incidence_deg < 46.5
    assert 800e3 < view.slant_range_m < 970e3
    assert all(4.4e3 < d < 6.1e3 for d in view.ghost_distances())


@pytest.mark.parametrize(
    "unseen", [track(None, UP), track(87, Direction.UNKNOWN), track(87, DOWN), track(100, UP)], ids=str
)
def test_what_is_not_known_or_not_seen_has_no_geometry(unseen: Track) -> None:
    assert artefacts.seen_by(unseen, LATAKIA) is None


def test_to_the_right_of_an_ascending_track_is_east() -> None:
    """And the azimuth line leans west by 8 to 13 degrees at that latitude."""
    for one, middle in ((VV87, 350.0), (track(14, UP), 350.0), (track(21, DOWN), 190.0), (track(94, DOWN), 190.0)):
        assert seen_by(one).azimuth_deg == pytest.approx(middle, abs=2)


def test_bearings_on_the_grid_allow_for_its_convergence() -> None:
    """East of the central meridian true north leans west on the grid: by d lon * sin(lat)."""
    view = seen_by(VV87)
    leaning = math.degrees(math.radians(35.745 - 33) * math.sin(math.radians(35.53)))
    assert artefacts.grid_bearing(view, LATAKIA) == pytest.approx(view.azimuth_deg - leaning, abs=0.05)


SIDE = 360
CRANE = 180, 46
GRID = replace(LATAKIA, left=745_000.0, top=3_935_000.0, height=SIDE, width=SIDE)
WATER: Mask = np.ones(GRID.shape, bool)
SEA_DB = -22.0


def harbour(seed: int, *, lobes: bool = True) -> LinearPower:
    """Calm sea; a crane on the left shore throws a line in range and one in azimuth, falling with the distance."""
    rng = np.random.default_rng(seed)
    power = np.full(GRID.shape, 10 ** (SEA_DB / 10), np.float32)
    bearing = artefacts.grid_bearing(seen_by(VV87, GRID), GRID)
    rows, columns = np.indices(GRID.shape)
    if lobes:
        for turn in (0.0, 90.0):
            a = math.radians(bearing + turn)
            along = -(rows - CRANE[0]) * math.cos(a) + (columns - CRANE[1]) * math.sin(a)
            across = (rows - CRANE[0]) * math.sin(a) + (columns - CRANE[1]) * math.cos(a)
            level = 10 ** ((SEA_DB + 9) / 10) * (60 / np.maximum(np.abs(along), 25))
            power += (level * np.exp(-(across**2) / (2 * 1.2**2))).astype(np.float32)
    speckle = simulate.speckle(GRID.shape, rng, 15)
    return LinearPower((power * speckle).astype(np.float32))


def with_ship(power: LinearPower, row: float, column: float, over_db: float, heading: float = 60.0) -> LinearPower:
    x, y = GRID.xy(row, column)
    at, share = rectangle(GRID, x=x, y=y, heading_deg=heading, length_m=120, width_m=20, sigma_m=9)
    changed = power.copy()
    changed[at] += share * np.float32(10 ** ((SEA_DB + over_db) / 10))
    return LinearPower(changed)


def shore() -> Mask:
    """Water without 50 columns of land, on which the crane stands."""
    wet = WATER.copy()
    wet[:, :50] = False
    return wet


def test_lines_of_side_lobes_are_no_vessels_and_hide_none() -> None:
    blind = [len(detect(harbour(seed), shore(), None, GRID)) for seed in range(4)]
    assert max(blind) >= 1
    for seed in range(4):
        assert detect(harbour(seed), shore(), None, GRID, track=VV87) == []
        bearing = math.radians(artefacts.grid_bearing(seen_by(VV87, GRID), GRID) + 90)
        on_line = CRANE[0] - 100 * math.cos(bearing), CRANE[1] + 100 * math.sin(bearing)
        (vessel,) = detect(with_ship(harbour(seed), *on_line, over_db=28), shore(), None, GRID, track=VV87)
        assert math.hypot(vessel.row - on_line[0], vessel.column - on_line[1]) < 4
        assert vessel.length_m == pytest.approx(120, abs=30)


def test_ships_moored_in_a_row_along_the_azimuth_line_stay() -> None:
    """The row ends after 600 m; a line of side lobes does not."""
    power = harbour(1, lobes=False)
    bearing = artefacts.grid_bearing(seen_by(VV87, GRID), GRID)
    a = math.radians(bearing)
    for step in (-24, -8, 8, 24):
        power = with_ship(power, 180 - step * math.cos(a), 180 + step * math.sin(a), 22, heading=bearing % 180)
    moored = detect(power, WATER, None, GRID)
    assert len(moored) >= 3
    assert detect(power, WATER, None, GRID, track=VV87) == moored


def test_an_even_sea_has_no_side_lobes() -> None:
    contrast = Decibel(to_db(harbour(2, lobes=False)) - np.float32(SEA_DB))
    asked = ~WATER
    asked[::7, ::7] = True
    assert not artefacts.side_lobes(contrast, WATER, asked, seen_by(VV87, GRID), GRID).any()


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    ("over_db", "moved", "ghost"), [(25.0, 0, True), (18.0, 0, False), (25.0, 12, False), (25.0, 3, True)]
)
def test_a_ghost_has_a_target_twenty_decibels_brighter(sign: int, over_db: float, moved: int, ghost: bool) -> None:
    view = seen_by(VV87)
    down, across = artefacts.ghost_shifts(view, LATAKIA)[0]
    row, column = 680, 500
    level = Decibel(np.full(LATAKIA.shape, -22, np.float32))
    level[row : row + 3, column : column + 6] = -12
    level[row + sign * round(down) + moved, column + sign * round(across) + moved] = -12 + over_db
    patch = Patch(
        box=(slice(row, row + 3), slice(column, column + 6)),
        inside=np.ones((3, 6), bool),
        contrast=np.full((3, 6), 10, np.float32),
    )
    assert artefacts.is_ghost(patch, to_power(level), view, LATAKIA) == ghost


def test_where_the_target_would_be_is_not_seen_nothing_is_a_ghost() -> None:
    level = Decibel(np.full(GRID.shape, np.nan, np.float32))
    level[140:143, 140:146] = -12
    patch = Patch(
        box=(slice(140, 143), slice(140, 146)),
        inside=np.ones((3, 6), bool),
        contrast=np.full((3, 6), 10, np.float32),
    )
    assert not artefacts.is_ghost(patch, to_power(level), seen_by(VV87, GRID), GRID)
