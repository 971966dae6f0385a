"""Water from optical images: what is water, what may be a ship in it, and what is land."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
from scipy import ndimage

from monitor import open_water
from monitor.grid import Grid, Mask

SIDE = 200
GRID = Grid(epsg=32652, left=500_000.0, top=4_680_000.0, resolution=10.0, height=SIDE, width=SIDE)
SEA = {"b02": 0.06, "b03": 0.05, "b04": 0.03, "b08": 0.02}
CITY = {"b02": 0.10, "b03": 0.13, "b04": 0.16, "b08": 0.22}
FOREST = {"b02": 0.03, "b03": 0.06, "b04": 0.04, "b08": 0.35}
STEEL = {"b02": 0.15, "b03": 0.16, "b04": 0.17, "b08": 0.18}
FRESH_SNOW = {"b02": 0.8, "b03": 0.8, "b04": 0.79, "b08": 0.75}


class Scene:
    """Sea with things drawn into it, noise and the blur of the sensor on top."""

    def __init__(self, ground: dict[str, float] = SEA) -> None:
        self.bands = {band: np.full(GRID.shape, level, np.float64) for band, level in ground.items()}

    def put(self, rows: slice, columns: slice, of: dict[str, float]) -> Scene:
        for band, level in of.items():
            self.bands[band][rows, columns] = level
        return self

    def seen(self, haze: float = 0.0, noise: float = 0.003) -> dict[str, np.ndarray]:
        rng = np.random.default_rng(1)
        return {
            band: (ndimage.gaussian_filter(v, 0.5) + haze + rng.normal(0, noise, v.shape)).astype(np.float32)
            for band, v in self.bands.items()
        }

    def water(self, haze: float = 0.0) -> Mask:
        return open_water.water_of(self.seen(haze), GRID)


WEST = slice(0, 90)
COAST = Scene().put(slice(None), WEST, CITY)
SHIP = slice(100, 103), slice(140, 152)


def all_of(mask: Mask, rows: slice, columns: slice) -> bool:
    return bool(mask[rows, columns].all())


def test_a_coast_is_found_within_a_pixel() -> None:
    water = COAST.water()
    assert all_of(water, slice(None), slice(91, None))
    assert not water[:, :89].any()


@pytest.mark.parametrize("haze", [0.0, 0.02, 0.05])
def test_haze_moves_no_shore(haze: float) -> None:
    water = COAST.water(haze)
    assert all_of(water, slice(None), slice(92, None))
    assert not water[:, :89].any()


def test_an_image_of_water_alone_is_all_water() -> None:
    assert Scene().water().all()


def test_a_ship_on_water_alone_is_water() -> None:
    assert Scene().put(*SHIP, STEEL).water().all()


@pytest.mark.parametrize("ground", [CITY, FOREST, STEEL, FRESH_SNOW])
def test_an_image_without_water_has_none(ground: dict[str, float]) -> None:
    assert Scene(ground).water().mean() < 0.01


def test_city_and_forest_are_no_water() -> None:
    assert not Scene(CITY).put(slice(0, 120), slice(0, 120), FOREST).water().any()


def test_the_lace_of_shadows_in_a_town_is_no_water() -> None:
    town = Scene(CITY)
    for row in range(0, SIDE, 6):
        town.put(slice(row, row + 3), slice(None), SEA)
    assert not town.water().any()


def test_a_ship_at_anchor_lies_in_the_water() -> None:
    assert all_of(COAST.water(), *SHIP)
    assert all_of(Scene().put(slice(None), WEST, CITY).put(*SHIP, STEEL).water(), *SHIP)


def test_a_ship_at_the_quay_stays_land() -> None:
    water = Scene().put(slice(None), WEST, CITY).put(slice(100, 103), slice(90, 102), STEEL).water()
    assert not water[101, 92:100].any()


def test_a_green_island_stays_land() -> None:
    assert not Scene().put(slice(100, 107), slice(140, 147), FOREST).water()[102:105, 142:145].any()


@pytest.mark.parametrize(
    ("rows", "columns"),
    [(slice(60, 63), slice(110, 170)), (slice(80, 94), slice(120, 134)), (slice(190, 200), slice(150, 154))],
    ids=["a breakwater of 600 m", "an islet 140 m wide", "cut by the edge"],
)
def test_what_is_no_ship_stays_land(rows: slice, columns: slice) -> None:
    water = Scene().put(rows, columns, STEEL).water()
    assert not water[rows, columns][1:-1, 1:-1].any()


def test_a_cloud_that_was_masked_is_neither_seen_nor_warned_of() -> None:
    bands = COAST.seen()
    for values in bands.values():
        values[100:110, 140:150] = np.nan
        values[20:90, 120:190] = np.nan
    assert not open_water.wet(bands)[100:110, 140:150].any()
    assert not open_water.water_of(bands, GRID)[30:80, 130:180].any()


def test_nothing_seen_is_no_water() -> None:
    assert not open_water.water_of({band: np.full(GRID.shape, np.nan, np.float32) for band in SEA}, GRID).any()


def test_labelled_ships_off_the_quays_lie_in_the_water(sen2ships: Path) -> None:
    """Casablanca: the two ships at anchor; and the quays of the port are land."""
    item = next(i for i in json.loads((sen2ships / "items.json").read_text())["features"] if "casa" in i["id"])
    bands = {}
    for name in ("b03", "b04", "b08"):
        with rasterio.open(sen2ships / item["assets"][name]["href"]) as source:
            bands[name] = source.read(1).astype(np.float32) / np.float32(65535)
    height, width = bands["b08"].shape
    water = open_water.water_of(bands, Grid(epsg=3857, left=0, top=0, resolution=8.33, height=height, width=width))
    assert all_of(water, slice(169, 177), slice(471, 480))
    assert all_of(water, slice(80, 85), slice(302, 310))
    assert not water[220:270, 250:280].any()
    assert 0.5 < water.mean() < 0.65
