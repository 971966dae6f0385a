"""Patches as hulls: parted, cut down to the size of ships, measured with errors that hold."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage, special

from monitor import reference, simulate, vessels
from monitor.grid import Grid, Mask
from monitor.radiometry import Decibel, LinearPower
from monitor.reference import OVER_SEA, Background, Reference
from monitor.simulate.shapes import rectangle
from monitor.vessels import Vessel, hulls, parting
from monitor.vessels.hulls import GRD, Patch
from monitor.vessels.radar import detect

SIDE = 120
GRID = Grid(epsg=32652, left=500_000.0, top=4_680_000.0, resolution=10.0, height=SIDE, width=SIDE)
SEA_DB = -18.0


def patch_of(contrast: np.ndarray) -> Patch:
    return Patch(
        box=(slice(0, contrast.shape[0]), slice(0, contrast.shape[1])),
        inside=contrast > 0,
        contrast=contrast.astype(np.float32),
    )


def bar(rows: int, columns: int, turn: bool = False) -> Patch:
    image = np.zeros((columns, rows) if turn else (rows, columns))
    image[:] = 20
    return patch_of(image)


def ridge(*heights: float) -> np.ndarray:
    """Five rows alike; along them the heights as given, 3 pixels each."""
    return np.tile(np.repeat(np.asarray(heights, float), 3), (5, 1))


@pytest.mark.parametrize("rows", [1, 3, 8])
@pytest.mark.parametrize("columns", [9, 20])
def test_axes_of_a_rectangle_are_its_sides(rows: int, columns: int) -> None:
    """The uniform bar of the same second moments; n pixels have n^2 / 12 but for 1 / 12, and the sample's n - 1."""
    width, length = bar(rows, columns).axes_m(GRID)
    assert length == pytest.approx(10 * columns, rel=0.06)
    assert width == pytest.approx(10 * rows, rel=0.10)


@given(st.floats(0, 179.9), st.floats(0.5, 2.5))
def test_the_bearing_is_that_of_the_drawn_line(bearing: float, width: float) -> None:
    rows, columns = np.indices((81, 81)) - 40
    along = -rows * math.cos(math.radians(bearing)) + columns * math.sin(math.radians(bearing))
    across = rows * math.sin(math.radians(bearing)) + columns * math.cos(math.radians(bearing))
    drawn = patch_of(np.where((np.abs(along) < 25) & (np.abs(across) <= width), 20.0, 0.0))
    off = (drawn.bearing_deg(GRID) - bearing + 90) % 180 - 90
    assert abs(off) < 1.5
    vessel = hulls.measured(drawn, GRID)
    assert vessel.heading_deg == drawn.bearing_deg(GRID)
    assert 0 <= vessel.heading_deg < 180


def test_what_is_round_has_no_heading() -> None:
    vessel = hulls.measured(bar(7, 7), GRID, GRD)
    assert math.isnan(vessel.heading_deg)
    assert math.isnan(vessel.heading_error_deg)


def test_without_a_known_blur_nothing_is_taken_off_and_no_error_is_claimed() -> None:
    plain, deblurred = hulls.measured(bar(3, 20), GRID), hulls.measured(bar(3, 20), GRID, GRD)
    assert plain.area_m2 == 6000
    assert plain.length_m == pytest.approx(200, rel=0.06)
    assert deblurred.length_m < plain.length_m - 20
    assert deblurred.area_m2 < plain.area_m2
    assert np.isnan([plain.length_error_m, plain.area_error_m2, plain.heading_error_deg]).all()
    assert min(deblurred.length_error_m, deblurred.area_error_m2, deblurred.heading_error_deg) > 0


@given(st.floats(15, 300), st.floats(6, 22))
def test_the_blur_is_taken_off_exactly_along_one_axis(width: float, peak_db: float) -> None:
    """A blurred bar, cut at the threshold, measured finely: an oracle in one dimension."""
    x = np.linspace(-250, 250, 20_001)
    profile = special.ndtr((x + width / 2) / GRD.sigma_m) - special.ndtr((x - width / 2) / GRD.sigma_m)
    power = profile / profile.max() * 10 ** (peak_db / 10)
    over = power >= 1
    seen, mean_db = float(x[over][-1] - x[over][0]), float(10 * np.log10(power[over].mean()))
    assert hulls.unblurred_m(seen, mean_db, GRD) == pytest.approx(width, abs=2)
    assert hulls.unblurred_m(seen, mean_db, GRD) <= seen


def ship(seed: int) -> tuple[Vessel, float, float, float]:
    """A simulated hull as found, its length, area and heading."""
    rng = np.random.default_rng(seed)
    length, heading, over = (float(rng.uniform(*span)) for span in ((60, 300), (0, 180), (13, 28)))
    width = length / 6.5
    x, y = GRID.xy(60, 60)
    at, share = rectangle(GRID, x=x, y=y, heading_deg=heading, length_m=length, width_m=width, sigma_m=9.1)
    power = np.full(GRID.shape, 10 ** (SEA_DB / 10), np.float32)
    power[at] += share * np.float32(10 ** ((SEA_DB + over) / 10))
    seen = LinearPower((power * simulate.speckle(GRID.shape, rng, 4.4)).astype(np.float32))
    found = detect(seen, np.ones(GRID.shape, bool), None, GRID)
    return max(found, key=lambda v: v.area_m2), length, length * width, heading


def test_the_errors_hold() -> None:
    """One standard error should cover 68 %; of 60 hulls 55 % to 97 % are within one, 90 % within two."""
    off = []
    for seed in range(60):
        vessel, length, area, heading = ship(seed)
        turned = (vessel.heading_deg - heading + 90) % 180 - 90
        off.append(
            (
                (vessel.length_m - length) / vessel.length_error_m,
                (vessel.area_m2 - area) / vessel.area_error_m2,
                turned / vessel.heading_error_deg,
            )
        )
    within = np.abs(np.asarray(off))
    assert not np.isnan(within).any()
    one, two = (within < 1).mean(axis=0), (within < 2).mean(axis=0)
    assert (one > 0.55).all()
    assert (one < 0.97).all()
    assert (two > 0.90).all()


@pytest.mark.parametrize(("saddle", "hulls_found"), [(12.0, 2), (16.5, 2), (18.5, 1)])
def test_a_saddle_of_three_decibels_parts_two_hulls(saddle: float, hulls_found: int) -> None:
    profile = ridge(20, 20, saddle, saddle, 20, 20)
    parts = parting.parted(patch_of(np.pad(profile, 2)), least=5)
    assert len(parts) == hulls_found
    assert sum(int(p.inside.sum()) for p in parts) == profile.size


def test_a_spike_is_speckle_and_no_hull() -> None:
    image = np.pad(ridge(15, 15, 15, 15), 2)
    image[4, 4] = 24
    image[4, 10] = 24
    assert len(parting.parted(patch_of(image), least=5)) == 1


def test_parts_of_a_patch_that_do_not_touch_are_parted() -> None:
    """Joined over a gap of one pixel for being near; a gap as dark as the sea is a deep saddle."""
    out: Mask = np.zeros(GRID.shape, bool)
    out[40:45, 40:50] = True
    out[40:45, 51:61] = True
    contrast = Decibel(np.where(out, 20, 0).astype(np.float32))
    assert len(parting.patches(out, contrast, GRID)) == 2


def test_what_is_longer_than_any_ship_is_cut_down_to_what_stands_out_of_it() -> None:
    """A line of side lobes of 900 m is none; a ship on it is one."""
    out: Mask = np.zeros(GRID.shape, bool)
    out[60:63, 10:100] = True
    contrast = Decibel(np.where(out, 9, 0).astype(np.float32))
    assert parting.patches(out, contrast, GRID) == []
    contrast[60:63, 50:60] = 22
    (left,) = parting.patches(out, contrast, GRID)
    assert left.area_m2(GRID) == 3000
    assert left.box == (slice(60, 63), slice(50, 60))


def test_splinters_beside_a_hull_are_no_vessels() -> None:
    def at(row: int, column: int, pixels: int, peak: float) -> Patch:
        inside = np.ones((1, pixels), bool)
        return Patch(
            box=(slice(row, row + 1), slice(column, column + pixels)),
            inside=inside,
            contrast=np.full((1, pixels), peak, np.float32),
        )

    hull = at(50, 50, 30, 25.0)
    near, far, bright, large = at(55, 60, 6, 14.0), at(58, 60, 6, 14.0), at(54, 70, 6, 16.0), at(45, 50, 12, 14.0)
    assert parting.without_splinters([hull, near, far, bright, large], GRID) == [hull, far, bright, large]


def state_of(empty_db: NDArray[np.floating]) -> Reference:
    """Ten looks on which each pixel was in the bin of that level; none where it is NaN. Levels are good to 2 dB."""
    bins = OVER_SEA.bins_of(Decibel(empty_db.astype(np.float32)))
    counts = 10 * (bins == np.arange(OVER_SEA.bins)[:, None, None])
    seen = np.where(np.isnan(empty_db), 0, 10).astype(np.uint16)
    return replace(reference.nothing(GRID), histogram=counts.astype(np.uint8), seen=seen)


def known(empty_db: NDArray[np.floating], water: Mask) -> Background:
    return Background(water=water, shore=np.zeros_like(water), bright=empty_db > 5, reference=state_of(empty_db))


def test_what_never_was_water_is_a_static_object_and_decides_nothing() -> None:
    empty = np.zeros(GRID.shape)
    empty[20:24, 10:60] = 9  # a breakwater
    empty[80, 80] = 12  # a beacon of one pixel
    empty[100:, 100:] = np.nan  # not seen yet
    seen = known(empty, (empty < 5) & np.isfinite(empty))
    drawn: Mask = np.ones(GRID.shape, bool)
    drawn[:, 50:60] = False
    hidden = vessels.undecidable(seen, drawn)
    assert int(hidden.sum()) == 4 * 40 + 1
    (wall,) = vessels.static_objects(seen, drawn, GRID)
    assert wall.area_m2 == 16_000
    assert wall.level_db == pytest.approx(9.4, abs=1e-5)  # a fifth of the bin from 9 to 11
    assert (wall.row, wall.column) == (21.5, 29.5)
    assert wall.box == (20, 10, 24, 50)


@given(st.integers(0, 10_000), st.sampled_from([0.0, 0.002, 0.01, 0.05]), st.integers(1, 6), st.integers(1, 6))
def test_islands_are_joined_as_in_the_whole_image(seed: int, share: float, down: int, across: int) -> None:
    """Bars with straight edges are joined over two pixels, points over one."""
    marks = np.random.default_rng(seed).random((60, 90)) < share
    out: Mask = ndimage.binary_dilation(marks, np.ones((down, across), bool))
    labels, count = ndimage.label(_joined(out), parting.EIGHT)
    own = np.zeros(out.shape, int)
    together = 0
    for box in parting.islands(out, parting.APART):
        inside, here = ndimage.label(_joined(out[box]), parting.EIGHT)
        own[box] = np.where(inside > 0, inside + together, 0)
        together += here
    assert together == count
    assert len(set(zip(labels.ravel(), own.ravel(), strict=True)) - {(0, 0)}) == count


def _joined(out: Mask) -> Mask:
    return np.asarray(ndimage.binary_closing(np.pad(out, 1), parting.EIGHT)[1:-1, 1:-1])
