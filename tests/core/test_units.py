"""Processing units: the published figures, and blocks that cover a grid exactly."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.grid import Grid
from monitor.scene import Sensor
from monitor.units import (
    LARGEST_SIDE,
    Correction,
    Looks,
    Request,
    blocks,
    look_requests,
    look_units,
    monthly_requests,
    monthly_units,
)

RADAR = ("vv", "vh")
OPTICAL = ("b02", "b03", "b04", "b08", "scl")


def grid(height: int = 500, width: int = 500, resolution: float = 10) -> Grid:
    return Grid(epsg=32652, left=500_000, top=4_700_000, resolution=resolution, height=height, width=width)


@pytest.mark.parametrize(
    ("request_", "units"),
    [
        (Request(width=500, height=500, bands=2), 0.64),
        (Request(width=500, height=500, bands=2, wide=True, correction=Correction.ORTHORECTIFIED), 2.54),
        (Request(width=500, height=500, bands=2, wide=True, correction=Correction.TERRAIN), 3.18),
        (Request(width=500, height=500, bands=2, correction=Correction.ORTHORECTIFIED), 1.27),
        (Request(width=500, height=500, bands=2, correction=Correction.TERRAIN), 1.59),
        (Request(width=500, height=500, bands=4), 1.27),
        (Request(width=500, height=500, bands=5), 1.59),
        (Request(width=500, height=500, bands=2, correction=Correction.TERRAIN, speckle_filtered=True), 3.18),
        (Request(width=500, height=500, bands=2, samples=3), 1.91),
        (Request(width=512, height=512, bands=3), 1.00),
        (Request(width=2500, height=2500, bands=3), 23.84),
        (Request(width=10, height=10, bands=3), 0.01),
        (Request(width=1, height=1, bands=1), 0.005),
    ],
)
def test_a_request_costs_what_the_formula_says(request_: Request, units: float) -> None:
    assert round(request_.units, 2 if units != 0.005 else 3) == units


def test_a_look_costs_what_the_source_sends() -> None:
    assert round(look_units(grid(), Sensor.SENTINEL1, RADAR), 2) == 1.59
    assert look_units(grid(), Sensor.SENTINEL1, RADAR) <= 1.6
    assert round(look_units(grid(), Sensor.SENTINEL2, OPTICAL[:4]), 2) == 1.27
    assert round(look_units(grid(), Sensor.SENTINEL2, OPTICAL), 2) == 1.59


def test_the_mask_of_seen_pixels_is_free() -> None:
    assert look_units(grid(), Sensor.SENTINEL1, [*RADAR, "datamask"]) == look_units(grid(), Sensor.SENTINEL1, RADAR)


@given(
    height=st.integers(1, 400),
    width=st.integers(1, 400),
    largest=st.integers(1, 400),
    resolution=st.sampled_from([10, 20, 2.5]),
)
def test_blocks_cover_every_pixel_once_and_lie_pixel_on_pixel(
    height: int, width: int, largest: int, resolution: float
) -> None:
    whole = grid(height, width, resolution)
    times = np.zeros(whole.shape, int)
    cut = list(blocks(whole, max(largest, max(height, width) // 20)))
    for block in cut:
        part = block.grid
        times[block.row : block.row + part.height, block.column : block.column + part.width] += 1
        assert part.xy(0, 0) == whole.xy(block.row, block.column)
        assert (part.epsg, part.resolution) == (whole.epsg, whole.resolution)
    assert (times == 1).all()


@given(height=st.integers(1, 20_000), width=st.integers(1, 20_000))
def test_no_block_is_larger_than_the_service_takes_and_none_is_a_sliver(height: int, width: int) -> None:
    whole = grid(height, width)
    cut = list(blocks(whole))
    assert len(cut) == look_requests(whole)
    assert max(max(b.grid.shape) for b in cut) <= LARGEST_SIDE
    assert max(b.grid.height for b in cut) - min(b.grid.height for b in cut) <= 1
    assert max(b.grid.width for b in cut) - min(b.grid.width for b in cut) <= 1


def test_a_grid_in_blocks_costs_as_much_as_in_one_piece() -> None:
    whole = grid(4000, 3000)
    assert look_requests(whole) == 4
    assert look_units(whole, Sensor.SENTINEL1, RADAR) == pytest.approx(4000 * 3000 / 512**2 * 2 / 3 * 2.5)


def test_a_month_adds_up() -> None:
    # Ten radar and twelve optical looks: the free tier of 10,000 units is enough for 286 AOIs of 5 km.
    looks = {Sensor.SENTINEL1: Looks(a_month=10, bands=RADAR), Sensor.SENTINEL2: Looks(a_month=12, bands=OPTICAL)}
    one = monthly_units([grid()], looks)
    assert one == pytest.approx(10 * 1.5895 + 12 * 1.5895, abs=0.01)
    assert int(10_000 / one) == 285
    assert monthly_units([grid()] * 50, looks) == pytest.approx(50 * one)
    assert monthly_requests([grid(), grid(3000, 100)], looks) == 22 + 2 * 22


def test_the_figures_of_a_month_for_32_bits_and_for_16_bits() -> None:
    optical = 12 * Request(width=500, height=500, bands=5).units
    wide = Request(width=500, height=500, bands=2, wide=True, correction=Correction.ORTHORECTIFIED)
    narrow = Request(width=500, height=500, bands=2, correction=Correction.ORTHORECTIFIED)
    assert round(10 * wide.units + optical, 1) == 44.5
    assert int(10_000 / (10 * wide.units + optical)) == 224
    assert int(10_000 / (10 * narrow.units + optical)) == 314
