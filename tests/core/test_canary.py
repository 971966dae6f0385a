"""What the canary puts into a look, and where."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from monitor.grid import Grid
from monitor.measures import canary
from monitor.radiometry import LinearPower
from monitor.vessels import inside
from monitor.vessels.radar import detect

GRID = Grid(epsg=32652, left=0, top=2000, resolution=10, height=200, width=200)
WATER = np.ones(GRID.shape, bool)


def sea(level_db: float, seed: int = 1) -> LinearPower:
    speckle = np.random.default_rng(seed).gamma(4.4, 1 / 4.4, GRID.shape)
    return LinearPower((10 ** (level_db / 10) * speckle).astype(np.float32))


def test_the_ship_is_a_blurred_rectangle() -> None:
    fine = 10
    rows, columns = np.mgrid[: 61 * fine, : 61 * fine]
    east, north = (columns - 305) + 0.5, (305 - rows) - 0.5
    angle = np.radians(canary.HEADING_DEG)
    along, across = east * np.sin(angle) + north * np.cos(angle), east * np.cos(angle) - north * np.sin(angle)
    hull = (np.abs(along) < canary.LENGTH_M / 2) & (np.abs(across) < canary.WIDTH_M / 2)
    blurred = ndimage.gaussian_filter(hull.astype(float), canary.RADAR_SPREAD_M)
    middle = (blurred[4::fine] + blurred[5::fine]) / 2  # the centre of a pixel lies between two fine ones
    expected = (middle[:, 4::fine] + middle[:, 5::fine]) / 2
    made = canary.share_of_ship((61, 61), (30, 30), GRID, canary.RADAR_SPREAD_M)
    np.testing.assert_allclose(made, expected, atol=0.005)
    assert float(made.sum()) * GRID.pixel_area_m2 == pytest.approx(canary.LENGTH_M * canary.WIDTH_M, rel=0.01)


def test_it_lies_in_free_pixels_only() -> None:
    free = np.zeros(GRID.shape, bool)
    free[50:120, 20:90] = True
    spot = canary.place(free, GRID)
    assert spot is not None
    reach = int(canary.CLEAR_M / GRID.resolution)
    assert free[spot.row - reach : spot.row + reach + 1, spot.column - reach : spot.column + reach + 1].all()
    assert canary.place(free, GRID) == spot
    assert spot.inside == (spot.row - spot.window[0].start, spot.column - spot.window[1].start)


@pytest.mark.parametrize("free", [np.zeros(GRID.shape, bool), np.eye(200, dtype=bool), np.ones((5, 5), bool)])
def test_without_room_there_is_no_place(free: NDArray[np.bool_]) -> None:
    assert canary.place(free, GRID) is None


def test_a_calm_sea_shows_it_and_a_dead_detector_does_not() -> None:
    power = sea(-20)
    found = detect(power, WATER, None, GRID)
    spot = canary.place(canary.without(WATER, found), GRID)
    assert spot is not None
    with_ship = canary.radar_ship(power, spot, GRID)
    window = WATER[spot.window]
    small = Grid(epsg=GRID.epsg, left=0, top=0, resolution=10, height=window.shape[0], width=window.shape[1])
    assert canary.ship_found(detect(with_ship, window, None, small), spot, GRID)
    assert not canary.ship_found(detect(LinearPower(power[spot.window]), window, None, small), spot, GRID)
    in_decibels = LinearPower((10 * np.log10(with_ship)).astype(np.float32))
    assert not canary.ship_found(detect(in_decibels, window, None, small), spot, GRID)


def test_a_storm_hides_it() -> None:
    power = sea(-3)
    spot = canary.place(WATER, GRID)
    assert spot is not None
    with_ship = canary.radar_ship(power, spot, GRID)
    window = WATER[spot.window]
    small = Grid(epsg=GRID.epsg, left=0, top=0, resolution=10, height=window.shape[0], width=window.shape[1])
    assert not canary.ship_found(detect(with_ship, window, None, small), spot, GRID)


def test_nothing_is_put_where_a_vessel_lies() -> None:
    power = sea(-20)
    power[98:103, 90:110] = 3.0
    found = detect(power, WATER, None, GRID)
    assert inside(found, WATER)
    left = canary.without(WATER, found)
    assert not left[98:103, 90:110].any()
    assert left.sum() > 0.9 * WATER.sum()


def test_light_is_mixed_and_classes_are_left_alone() -> None:
    spot = canary.place(WATER, GRID)
    assert spot is not None
    bands = {"b08": np.full(GRID.shape, 0.01, np.float32), "scl": np.full(GRID.shape, 6, np.float32)}
    made = canary.optical_ship(bands, spot, GRID)
    assert float(made["b08"].max()) > 0.09
    assert float(made["b08"].max()) <= 0.12
    np.testing.assert_array_equal(made["scl"], bands["scl"][spot.window])


def test_half_of_a_changed_block_is_enough() -> None:
    spot = canary.place(WATER, GRID, canary.BLOCK_M)
    assert spot is not None
    changed = canary.block(spot, GRID.shape, GRID)
    assert changed.sum() * GRID.pixel_area_m2 == canary.BLOCK_M**2
    half = changed.copy()
    half[spot.row :] = False
    assert canary.change_found(half, changed)
    half[spot.row - 1] = False
    assert not canary.change_found(half, changed)


@given(st.integers(0, 1000), st.floats(0.9, 1.0), st.sampled_from([20.0, 30.0, 50.0]))
@settings(max_examples=60)
def test_places_are_those_of_a_search_pixel_by_pixel(seed: int, share: float, clear_m: float) -> None:
    rng = np.random.default_rng(seed)
    free = np.zeros((40, 50), bool)
    top, left = rng.integers(0, 20, 2)
    free[top : top + rng.integers(1, 30), left : left + rng.integers(1, 30)] = True
    free &= rng.random(free.shape) < share
    reach = round(clear_m / GRID.resolution)
    around = np.pad(free, reach)
    size = 2 * reach + 1
    possible = [
        (int(r), int(c)) for r, c in np.argwhere(free) if around[r : r + size, c : c + size].all()
    ]  # in reading order
    found = [(s.row, s.column) for s in canary.places(free, GRID, clear_m)]
    assert found == ([possible[len(possible) * part // 6] for part in (1, 3, 5)] if possible else [])


@pytest.mark.parametrize(("ground", "expected"), [(float("nan"), 1), (3.0, 1), (0.3, 1), (0.2, 0.2), (1e-4, 1e-4)])
def test_only_what_no_weather_explains_darkens_the_ship(ground: float, expected: float) -> None:
    assert canary.gain(ground) == pytest.approx(expected)
