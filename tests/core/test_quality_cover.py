"""The rim of a swath: simulated noise of known extent, and real swath edges."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage
from skimage.morphology import convex_hull_image

from monitor.grid import Mask
from monitor.quality.cover import BUFFER, RIM, _hull, border_noise
from monitor.radiometry import LinearPower

hull_of: Callable[[Mask], Mask] = partial(convex_hull_image, offset_coordinates=False)

SHAPE = (160, 200)
ROWS, COLUMNS = np.indices(SHAPE)


def sea(level_db: float, seed: int = 1) -> LinearPower:
    """Speckle of 4.4 looks."""
    rng = np.random.default_rng(seed)
    return LinearPower((10 ** (level_db / 10) * rng.gamma(4.4, 1 / 4.4, SHAPE)).astype(np.float32))


def slanting() -> Mask:
    """A swath whose left edge runs aslant; it goes on beyond the frame on all other sides."""
    inside: Mask = COLUMNS > 40 + ROWS / 8
    return inside


def distance_inside(swath: Mask) -> np.ndarray:
    return ndimage.distance_transform_cdt(np.pad(swath, 1, mode="edge"), "chessboard")[1:-1, 1:-1]


def ragged(swath: Mask) -> Mask:
    """A strip 6 to 24 pixels wide along the edge."""
    return swath & (distance_inside(swath) <= 15 + 9 * np.sin(ROWS / 9))


def with_strip(level_db: float, strip: Mask, swath: Mask, outside: float) -> LinearPower:
    power, rng = sea(level_db), np.random.default_rng(2)
    power[strip] = (1e-4 * rng.exponential(1, SHAPE) * (rng.random(SHAPE) < 0.6)).astype(np.float32)[strip]
    power[~swath] = outside
    return power


@pytest.mark.parametrize("outside", [0.0, np.nan])
@pytest.mark.parametrize("level_db", [-24.0, -15.0, -8.0])
def test_a_ragged_dark_strip_is_found_whole_and_little_else(level_db: float, outside: float) -> None:
    swath = slanting()
    strip = ragged(swath)
    power = with_strip(level_db, strip, swath, outside)
    noise = border_noise(power)
    wanted = (strip | ~swath) & np.isfinite(power)
    assert (noise & wanted).sum() >= 0.999 * wanted.sum()
    near = ndimage.maximum_filter(strip | ~swath, 2 * BUFFER + 3)
    assert not (noise & ~near).any()


def test_the_frame_is_no_edge_where_the_swath_goes_on() -> None:
    noise = border_noise(LinearPower(np.where(slanting(), sea(-20), np.nan).astype(np.float32)))
    depth = distance_inside(slanting())
    assert np.array_equal(noise, slanting() & (depth <= BUFFER))
    assert not border_noise(sea(-20)).any()


def test_masked_land_inside_the_swath_is_no_edge() -> None:
    power = sea(-18)
    power[50:120, 60:150] = np.nan
    assert not border_noise(power).any()


def test_calm_water_at_the_edge_stays() -> None:
    """8 dB darker than the rest, at the noise floor, and not seen as a strip: it is a sea in the lee of something."""
    swath = slanting()
    calm = swath & (distance_inside(swath) <= 30)
    power = LinearPower(np.where(calm, sea(-26), sea(-18)).astype(np.float32))
    power[~swath] = np.nan
    assert np.array_equal(border_noise(power), swath & (distance_inside(swath) <= BUFFER))


def test_a_dark_sea_after_subtracted_noise_stays_as_a_whole() -> None:
    """Below -30 dB throughout, and partly clipped to zero, as denoised calm water is."""
    swath = slanting()
    power = sea(-33)
    power[np.random.default_rng(3).random(SHAPE) < 0.05] = 0.0
    power[~swath] = np.nan
    assert (border_noise(power) & (distance_inside(swath) > BUFFER + 1)).sum() == 0


def test_a_dark_patch_that_does_not_reach_the_edge_stays() -> None:
    power = np.where(slanting(), sea(-18), np.nan).astype(np.float32)
    power[60:80, 75:90] = 1e-4
    noise = border_noise(LinearPower(power))
    assert not noise[60:80, 75:90].any()


def test_a_strip_ends_somewhere() -> None:
    """What is dark for more than half a kilometre is no strip any more."""
    swath = slanting()
    dark = swath & (distance_inside(swath) <= 65)
    noise = border_noise(with_strip(-10, dark, swath, np.nan))
    assert noise[dark & (distance_inside(swath) <= RIM)].all()
    assert not noise[distance_inside(swath) > RIM + BUFFER + 3].any()


def test_zeros_all_over_are_no_data() -> None:
    zeros = LinearPower(np.zeros(SHAPE, np.float32))
    assert border_noise(zeros).all()
    assert not border_noise(LinearPower(np.full(SHAPE, np.nan, np.float32))).any()


@given(st.integers(0, 10_000), st.integers(0, 60))
def test_the_hull_is_that_of_an_independent_implementation(seed: int, points: int) -> None:
    rng = np.random.default_rng(seed)
    held = np.zeros((40, 60), bool)
    held[rng.integers(0, 40, points), rng.integers(0, 60, points)] = True
    held[7, 5] = held[7, 6] = held[8, 5] = True  # never all in one line, which the other cannot do
    assert np.array_equal(_hull(held), hull_of(held))


@pytest.mark.parametrize("points", [[(3, 4)], [(3, 4), (3, 9)], [(0, 4), (39, 4)], [(0, 0), (39, 59)]])
def test_a_hull_without_area_holds_its_points(points: list[tuple[int, int]]) -> None:
    held = np.zeros((40, 60), bool)
    held[tuple(np.transpose(points))] = True
    hull = _hull(held)
    assert (hull & held).sum() == held.sum()
    assert hull.sum() <= 60


@given(st.integers(0, 10_000), st.sampled_from(["flip rows", "flip columns", "turn"]))
def test_it_does_not_matter_which_way_up_the_image_is(seed: int, way: str) -> None:
    rng = np.random.default_rng(seed)
    swath = COLUMNS * rng.uniform(-1, 1) + ROWS * rng.uniform(-1, 1) > rng.uniform(-40, 40)
    power = with_strip(-18, ragged(swath), swath, 0.0) if swath.any() else sea(-18)

    def turned(image: np.ndarray) -> np.ndarray:
        return {"flip rows": image[::-1], "flip columns": image[:, ::-1], "turn": image.T}[way]

    assert np.array_equal(border_noise(LinearPower(turned(power))), turned(border_noise(power)))


def test_real_swath_edges_lose_their_rim_and_no_calm_water(latakia: Path) -> None:
    """Over the years of all four tracks, calm looks among them: a rim of 4 pixels along the hull, nothing else."""
    looks = 0
    for path in sorted(latakia.glob("S1*.tif"))[::26]:
        with rasterio.open(path) as file:
            seen = file.dataset_mask() > 0
            power = np.where(seen, 10 ** (file.read(1) * 0.01 - 2.7), np.nan).astype(np.float32)
        hull = hull_of(seen)
        rim = seen & (distance_inside(hull) <= BUFFER)
        noise = border_noise(LinearPower(power))
        assert np.array_equal(noise, rim), path.name
        assert noise.sum() < 0.02 * seen.sum()
        looks += 1
    assert looks == 9
