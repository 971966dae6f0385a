"""Vessels on simulated and real Sentinel-2 images: ships where they are, and nothing where there are none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from benchmarks.accuracy import sen2ships as benchmark
from monitor import reference
from monitor.grid import Grid, Mask
from monitor.radiometry import Decibel
from monitor.reference import OVER_SEA, WATER_BELOW, Background
from monitor.simulate.shapes import rectangle
from monitor.vessels import Vessel
from monitor.vessels.optical import brightness, detect

SIDE = 160
GRID = Grid(epsg=32652, left=500_000.0, top=4_680_000.0, resolution=10.0, height=SIDE, width=SIDE)
WATER: Mask = np.ones(GRID.shape, bool)
X, Y = GRID.xy(80, 80)
SEA = {"b03": 0.05, "b04": 0.03, "b08": 0.02}
STEEL = {"b03": 0.15, "b04": 0.16, "b08": 0.17}
ALGAE = {"b03": 0.06, "b04": 0.03, "b08": 0.20}
FOAM = {"b03": 0.30, "b04": 0.27, "b08": 0.11}
BLUR = 0.55
"""Pixels: standard deviation of the blur of a Sentinel-2 pixel of 10 m, about."""

Bands = dict[str, np.ndarray]


def sea(level: float = 0.0, noise: float = 0.002, seed: int = 1) -> Bands:
    """Open sea with noise that is the same in all bands (swell, glint) and noise of each band."""
    rng = np.random.default_rng(seed)
    swell = rng.normal(0, noise, GRID.shape)
    return {b: v + level + swell + rng.normal(0, noise, GRID.shape) for b, v in SEA.items()}


def put(bands: Bands, share: np.ndarray, of: dict[str, float], blur: float = BLUR) -> Bands:
    """The bands with something over them. `share`: of the pixel that it covers."""
    share = ndimage.gaussian_filter(share.astype(float), blur)
    return {b: v + share * (of[b] - SEA[b]) for b, v in bands.items()}


def hull(x: float = X, y: float = Y, heading: float = 60.0, length: float = 100.0, width: float = 18.0) -> np.ndarray:
    share = np.zeros(GRID.shape)
    at, part = rectangle(GRID, x=x, y=y, heading_deg=heading, length_m=length, width_m=width, sigma_m=1.0)
    share[at] = part
    return share


def found(bands: Bands, water: Mask = WATER, known: Background | None = None) -> list[Vessel]:
    return detect({b: v.astype(np.float32) for b, v in bands.items()}, water, GRID, known=known)


def near(vessels: list[Vessel], row: float, column: float, pixels: float = 3) -> bool:
    return any(np.hypot(v.row - row, v.column - column) <= pixels for v in vessels)


@pytest.mark.parametrize("noise", [0.001, 0.003, 0.008])
def test_the_empty_sea_is_empty(noise: float) -> None:
    assert not [v for seed in range(4) for v in found(sea(noise=noise, seed=seed))]


@settings(max_examples=15)
@given(st.floats(50, 350), st.floats(0, 180), st.floats(0, 0.1))
def test_a_ship_is_found_and_measured_in_any_heading_and_haze(length: float, heading: float, haze: float) -> None:
    vessels = found(put(sea(haze), hull(heading=heading, length=length, width=max(14, length / 7)), STEEL))
    assert len(vessels) == 1
    assert near(vessels, 80, 80, 1.5)
    assert vessels[0].length_m == pytest.approx(length, abs=20)
    off = (vessels[0].heading_deg - heading + 90) % 180 - 90
    assert abs(off) < max(4, 1_000 / length)


def test_errors_are_about_those_seen() -> None:
    """60 ships of 60 to 300 m: the stated standard error is within a factor 2 of that over all of them."""
    rng = np.random.default_rng(3)
    lengths, headings = [], []
    for seed in range(60):
        length, heading = rng.uniform(60, 300), rng.uniform(0, 180)
        (v,) = found(put(sea(seed=seed), hull(heading=heading, length=length, width=max(14, length / 7)), STEEL))
        lengths.append((v.length_m - length) / v.length_error_m)
        headings.append(((v.heading_deg - heading + 90) % 180 - 90) / v.heading_error_deg)
    assert 0.5 < np.sqrt(np.mean(np.square(lengths))) < 2
    assert 0.5 < np.sqrt(np.mean(np.square(headings))) < 2


def test_a_boat_of_15_m_is_not_counted() -> None:
    assert not found(put(sea(), hull(length=15, width=5), STEEL))


def test_haze_changes_nothing() -> None:
    clear, hazy = (found(put(sea(level), hull(), STEEL)) for level in (0.0, 0.08))
    assert [v.box for v in clear] == [v.box for v in hazy]


def test_peak_is_that_of_the_brightness() -> None:
    bands = {b: v.astype(np.float32) for b, v in put(sea(), hull(), STEEL).items()}
    peak = 10 * np.log10(brightness(bands, WATER)[70:90, 70:90].max())
    assert found(bands)[0].peak_db == pytest.approx(peak, abs=0.01)


def test_two_ships_with_water_between_them_are_two() -> None:
    bands = put(put(sea(), hull(y=Y - 30, heading=90), STEEL), hull(y=Y + 30, heading=90), STEEL)
    assert len(found(bands)) == 2


def test_white_crests_are_no_ships() -> None:
    rng = np.random.default_rng(5)
    crests = np.zeros(GRID.shape)
    for row, column in rng.integers(3, SIDE - 3, (300, 2)):
        crests[row, column : column + rng.integers(1, 3)] = 0.5
    assert not found(put(sea(noise=0.004), crests, FOAM))


def test_breaking_waves_as_large_as_a_ship_are_no_ship() -> None:
    assert not found(put(sea(), hull(), FOAM))


def test_a_raft_of_algae_is_no_ship() -> None:
    assert not found(put(sea(), hull(), ALGAE))


def test_a_small_cloud_is_no_ship() -> None:
    cloud = np.zeros(GRID.shape)
    cloud[80, 80] = 1
    cloud = ndimage.gaussian_filter(cloud, 4)
    assert not found(put(sea(), cloud / cloud.max(), {"b03": 0.3, "b04": 0.28, "b08": 0.27}, blur=0.1))


@pytest.mark.parametrize("edge", [0, 60])
def test_the_edge_of_a_cloud_is_no_ship(edge: int) -> None:
    cloud = np.zeros(GRID.shape)
    cloud[:, : 70 + edge] = 1
    assert not found(put(sea(), cloud, {"b03": 0.3, "b04": 0.28, "b08": 0.27}, blur=5))


def test_glint_that_comes_and_goes_over_a_kilometre_is_no_ship() -> None:
    wave = 0.03 * np.sin(2 * np.pi * np.arange(SIDE) / 100)
    assert not found({b: v + 0.05 + wave for b, v in sea(noise=0.004).items()})


@pytest.mark.parametrize("grain", [0.7, 1.5, 2.0])
def test_the_texture_of_glint_is_no_fleet(grain: float) -> None:
    """Waves of 20 to 60 m, as bright as weak ships: eight looks at 2.6 square kilometres each."""
    for seed in range(8):
        waves = ndimage.gaussian_filter(np.random.default_rng(seed).normal(0, 1, GRID.shape), grain)
        waves *= 0.02 / waves.std()
        assert not found({b: v + 0.05 + waves for b, v in sea(noise=0.001, seed=seed).items()})


def test_rough_water_beside_a_slick_is_water() -> None:
    """A strip as bright as the rest of the sea between two dark slicks."""
    slick = np.zeros(GRID.shape)
    slick[40:90, 40:90] = 1
    slick[62:66, 55:75] = 0
    dark = {b: v - 0.025 for b, v in SEA.items()}
    assert not found(put(sea(0.03, noise=0.001), slick, dark))


def test_a_wake_makes_no_ship_longer() -> None:
    """Bubbles, 400 m long behind the hull: bright in green, hardly in the near infrared."""
    wake = hull(y=Y - 250, heading=0, length=400, width=20)
    bands = put(sea(), wake, {"b03": 0.09, "b04": 0.05, "b08": 0.032})
    vessels = found(put(bands, hull(heading=0), STEEL))
    assert len(vessels) == 1
    assert vessels[0].length_m == pytest.approx(100, abs=25)


def test_a_row_of_piles_is_no_ship() -> None:
    piles = np.zeros(GRID.shape)
    piles[80, 60:90:2] = 0.7
    assert not found(put(sea(noise=0.001), piles, STEEL))


@pytest.mark.parametrize("arm", [12, 16, 25])
def test_a_breakwater_with_a_bend_is_no_ship(arm: int) -> None:
    bend = np.zeros(GRID.shape)
    bend[60 : 60 + arm, 70:72] = 1
    bend[58 + arm : 60 + arm, 70 : 70 + arm] = 1
    assert not found(put(sea(), bend, STEEL))


def test_pixels_under_cloud_are_not_judged() -> None:
    bands = put(sea(), hull(), STEEL)
    for values in bands.values():
        values[60:100, 60:100] = np.nan
    assert not found(bands)


def test_nothing_seen_and_no_water_find_nothing() -> None:
    bands = put(sea(), hull(), STEEL)
    assert not found({b: np.full_like(v, np.nan) for b, v in bands.items()})
    assert not found(bands, water=~WATER)
    assert np.isnan(brightness({b: v.astype(np.float32) for b, v in bands.items()}, ~WATER)).all()


QUAY = np.zeros(GRID.shape)
QUAY[:, :60] = 1
EAST: Mask = QUAY == 0


def port() -> Bands:
    return put(sea(), QUAY, {"b03": 0.2, "b04": 0.22, "b08": 0.25})


def berthed() -> Bands:
    return put(port(), hull(x=GRID.xy(80, 61)[0], heading=0, length=120, width=24), STEEL)


def background() -> Background:
    """What a series of the empty port shows: water 0 dB, quay 16 dB."""
    empty = 10 * np.log10(brightness({b: v.astype(np.float32) for b, v in port().items()}, EAST))
    shore = EAST & (ndimage.distance_transform_edt(EAST) <= 30)
    level = Decibel(empty.astype(np.float32))
    state = replace(
        reference.nothing(GRID),
        histogram=(10 * (OVER_SEA.bins_of(level) == np.arange(OVER_SEA.bins)[:, None, None])).astype(np.uint8),
        seen=np.full(GRID.shape, 10, np.uint16),
        lowest=np.stack([np.round(level * 100).astype(np.int16)] * 2),
    )
    return Background(water=EAST, shore=shore, bright=level > WATER_BELOW, reference=state)


def test_the_blur_of_a_quay_is_no_ship() -> None:
    assert not found(port(), water=EAST)


def test_a_ship_alongside_is_left_out_without_a_reference_and_found_with_one() -> None:
    assert not found(berthed(), water=EAST)
    vessels = found(berthed(), water=EAST, known=background())
    assert len(vessels) == 1
    assert near(vessels, 80, 61)


def test_with_a_reference_an_empty_quay_is_empty() -> None:
    assert not found(port(), water=EAST, known=background())


@given(st.floats(0, 0.1), st.integers(0, 5))
def test_brightness_is_0_db_on_water_whatever_the_haze(haze: float, seed: int) -> None:
    level = 10 * np.log10(brightness({b: v.astype(np.float32) for b, v in sea(haze, seed=seed).items()}, WATER))
    assert np.median(level) == pytest.approx(0, abs=0.3)
    assert level.min() >= -5.3


def test_brightness_of_quay_and_ship_is_far_over_that_of_water() -> None:
    level = 10 * np.log10(brightness({b: v.astype(np.float32) for b, v in berthed().items()}, EAST))
    assert level[80, 61] > 9
    assert level[:, :55].min() > 13


def test_real_ports_open_water(sen2ships: Path) -> None:
    figures = benchmark.figures(sen2ships)
    assert figures is not None
    assert figures["open_water"]["labels"] == 15
    assert figures["open_water"]["recall"] >= 0.9
    assert figures["open_water"]["precision"] >= 0.8
    assert figures["open_water"]["length_mae_m"] < 20
    assert "one optical image cannot" in figures["note"].lower()


def test_a_folder_of_another_kind_is_no_set(tmp_path: Path) -> None:
    (tmp_path / "items.json").write_text('{"type": "FeatureCollection", "features": []}')
    (tmp_path / "list.json").write_text("[1, 2]")
    assert benchmark.figures(tmp_path) is None


def test_a_run_length_mask_goes_down_the_columns() -> None:
    mask = benchmark._mask({"size": [2, 3], "counts": [1, 2, 3]})
    assert mask.tolist() == [[False, True, False], [True, False, False]]
