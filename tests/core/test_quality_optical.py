"""Snow, ice and haze in optical looks, on made-up spectra and on two real years."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
from conftest import real_data
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from monitor.grid import Grid
from monitor.quality.clouds import classified, clouded
from monitor.quality.optical import haze_level, hazy, snow
from monitor.quality.usual import unusually_high
from monitor.stack import Stack

GRID = Grid(epsg=32631, left=0.0, top=0.0, resolution=20.0, height=32, width=32)


def spectrum(**bands: float) -> Stack:
    return Stack(grid=GRID, bands={name: np.full(GRID.shape, value, np.float32) for name, value in bands.items()})


@pytest.mark.parametrize(
    ("what", "b03", "b08", "b11", "white"),
    [
        ("fresh snow", 0.80, 0.75, 0.10, True),
        ("old snow", 0.35, 0.30, 0.12, True),
        ("sea ice", 0.45, 0.35, 0.05, True),
        ("clear water", 0.04, 0.01, 0.003, False),
        ("turbid water", 0.13, 0.06, 0.01, False),
        ("grass", 0.07, 0.40, 0.20, False),
        ("bare soil", 0.12, 0.22, 0.30, False),
        ("concrete quay", 0.30, 0.33, 0.34, False),
        ("water cloud", 0.60, 0.60, 0.45, False),
    ],
)
def test_spectra(what: str, b03: float, b08: float, b11: float, white: bool) -> None:
    assert (snow(spectrum(b03=b03, b08=b08, b11=b11)) == white).all(), what


def test_without_the_bands_the_classification_speaks_and_without_it_nothing() -> None:
    assert snow(spectrum(b08=0.5, scl=11.0)).all()
    assert not snow(spectrum(b08=0.5, scl=9.0)).any()
    assert not snow(spectrum(b08=0.5)).any()
    unseen = spectrum(b03=np.nan, b08=np.nan, b11=np.nan)
    assert not snow(unseen).any()


def test_haze_is_told_from_the_tracks_own_looks() -> None:
    usual = [0.01, 0.012, 0.008, 0.011, 0.02, 0.009, 0.013, 0.01]
    assert hazy(0.06, usual)
    assert not hazy(0.03, usual)
    assert not hazy(0.06, usual[:7]), "too few looks to say so"
    assert not hazy(0.06, [0.01, 0.06, 0.03, 0.09, 0.02, 0.07, 0.05, 0.04]), "a hazy place"
    assert not hazy(float("nan"), usual)
    assert hazy(0.06, [*usual, float("nan")])


@given(st.integers(0, 10_000), st.integers(8, 30), st.floats(0, 5), st.sampled_from([0.0, 0.3, 2.0]))
def test_unusual_is_more_than_three_deviations(seed: int, looks: int, above: float, least: float) -> None:
    earlier = np.random.default_rng(seed).normal(size=looks)
    spread = max(least, stats.median_abs_deviation(earlier, scale="normal"))
    if abs(above - 3) > 0.01:
        value = float(np.median(earlier) + above * spread)
        assert unusually_high(value, earlier.tolist(), least) == (above > 3)


def test_the_level_is_of_the_clear_pixels() -> None:
    stack = spectrum(b02=0.05, b04=0.08)
    stack.bands["b02"][:20] = 0.5
    assert haze_level(stack, stack.bands["b02"] < 0.3) == pytest.approx(0.01)
    assert np.isnan(haze_level(stack, np.zeros(GRID.shape, bool)))
    assert np.isnan(haze_level(spectrum(b02=0.05), np.ones(GRID.shape, bool)))


def looks(site: str) -> list[tuple[str, Stack]]:
    """All looks of a site, 10 m bands brought to 20 m."""
    fields = real_data("fields")
    items = json.loads((fields / "items.json").read_text())["features"]
    found = []
    for item in sorted(items, key=lambda i: i["properties"]["datetime"]):
        if site in item["id"] and "10m" in item["assets"]:
            fine, coarse, scl = (_read(fields / item["assets"][n]["href"]) for n in ("10m", "20m", "scl"))
            fine = fine.reshape(4, 32, 2, 32, 2).mean(axis=(2, 4)) * 1e-4
            bands = dict(zip(("b02", "b03", "b04", "b08"), fine, strict=True))
            bands |= {"b11": coarse[4] * 1e-4, "scl": scl[0]}
            stack = Stack(grid=GRID, bands={n: b.astype(np.float32) for n, b in bands.items()})
            found.append((item["properties"]["datetime"][:10], stack))
    return found


def _read(path: Path) -> np.ndarray:
    with rasterio.open(path) as file:
        bands: np.ndarray = file.read()
        return bands


@pytest.mark.parametrize(
    ("site", "hazy_looks", "white_looks"),
    [
        ("flanders-west", {"2017-08-24", "2018-06-10", "2018-09-23"}, {"2018-09-23"}),
        ("flanders-east", {"2018-11-12", "2018-08-19", "2019-09-08"}, {"2018-11-12"}),
    ],
)
def test_two_real_years(site: str, hazy_looks: set[str], white_looks: set[str]) -> None:
    """No day was white with snow. On those found, bright cloud was classified as snow; it is not to pass for ground."""
    levels, white = {}, set()
    for day, stack in looks(site):
        scl = stack.bands["scl"]
        clear = classified(scl) & ~clouded(scl, GRID)
        if clear.mean() >= 0.5:
            levels[day] = haze_level(stack, clear)
            white |= {day} if snow(stack)[clear].mean() > 0.1 else set()
    found = {day for day, level in levels.items() if hazy(level, [v for d, v in levels.items() if d != day])}
    assert white == white_looks
    assert found >= hazy_looks & levels.keys()
    assert len(found) <= 0.1 * len(levels)
