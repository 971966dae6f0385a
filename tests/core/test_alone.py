"""Ships in one image without history: the same in any unit, stretch and position; land, lobes and ghosts are none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from monitor.grid import Mask
from monitor.radiometry import LinearPower
from monitor.vessels import alone, darkest
from monitor.vessels.hulls import Patch

SIDE = 192
RANGE_DB = 15.0
ROWS, COLUMNS = np.mgrid[:SIDE, :SIDE].astype(float)
Image = NDArray[np.float64]
Place = tuple[float, float]


def bar(row: float, column: float, length: float, width: float, degrees: float = 0.0) -> Mask:
    """True in a rectangle whose long side points that far from the row direction."""
    turn = np.radians(degrees)
    along = (COLUMNS - column) * np.cos(turn) + (ROWS - row) * np.sin(turn)
    across = (ROWS - row) * np.cos(turn) - (COLUMNS - column) * np.sin(turn)
    inside: Mask = (np.abs(along) <= length / 2) & (np.abs(across) <= width / 2)
    return inside


def scene(over_db: dict[float, list[Mask]]) -> Image:
    """Reflectivity: a sea of 1 and what is that many dB brighter."""
    image = np.ones((SIDE, SIDE))
    for level, places in over_db.items():
        for place in places:
            image[place] = 10 ** (level / 10)
    return image


def looked_at(reflectivity: Image, looks: int = 4, seed: int = 1) -> LinearPower:
    """Its power with speckle of that many looks, sampled at about half the resolution as products are."""
    rng = np.random.default_rng(seed)
    power = np.zeros(reflectivity.shape)
    for _ in range(looks):
        real, imaginary = rng.normal(size=(2, *reflectivity.shape)) * np.sqrt(reflectivity / 2)
        power += ndimage.gaussian_filter(real, 0.8) ** 2 + ndimage.gaussian_filter(imaginary, 0.8) ** 2
    return LinearPower((power / looks).astype(np.float32))


def centres(patches: list[Patch]) -> list[Place]:
    """Middle of the box of each, in order."""
    return sorted(((p.box[0].start + p.box[0].stop - 1) / 2, (p.box[1].start + p.box[1].stop - 1) / 2) for p in patches)


def near(found: list[Place], wanted: list[Place], within: float = 6.0) -> bool:
    return len(found) == len(wanted) and all(
        np.hypot(f[0] - w[0], f[1] - w[1]) <= within for f, w in zip(found, sorted(wanted), strict=True)
    )


THREE: list[Place] = [(40.0, 50.0), (90.0, 140.0), (150.0, 70.0)]


def fleet(length: float, width: float) -> list[Mask]:
    return [bar(row, column, length, width, 35 * number) for number, (row, column) in enumerate(THREE)]


@pytest.mark.parametrize("looks", [1, 4, 20])
@pytest.mark.parametrize(("length", "width"), [(12.0, 3.0), (25.0, 5.0), (60.0, 10.0)])
def test_ships_of_any_size_are_found_once_under_any_speckle(looks: int, length: float, width: float) -> None:
    image = looked_at(scene({20: fleet(length, width)}), looks)
    assert near(centres(alone.found(image, range_db=RANGE_DB)), THREE)


@pytest.mark.parametrize("looks", [1, 2, 4, 20])
def test_a_sea_alone_holds_nothing(looks: int) -> None:
    counts = [len(alone.found(looked_at(scene({}), looks, seed), range_db=99)) for seed in range(6)]
    assert counts == [0] * 6


def test_a_point_is_not_called_a_ship() -> None:
    buoys = [bar(row, column, 1, 1) for row, column in THREE]
    assert alone.found(looked_at(scene({20: buoys}), 20), range_db=RANGE_DB) == []


def test_nor_are_the_streaks_of_a_rough_sea() -> None:
    streaks = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=(SIDE, SIDE)), 3, mode="wrap")
    assert alone.found(looked_at(np.exp(0.8 * streaks / streaks.std())), range_db=99) == []


@given(st.integers(-6, 30))
@settings(max_examples=8)
def test_the_unit_of_power_does_not_matter(exponent: int) -> None:
    image = looked_at(scene({20: fleet(25, 5)}))
    other = LinearPower(image * np.float32(2.0**exponent))
    assert centres(alone.found(image, range_db=RANGE_DB)) == centres(alone.found(other, range_db=RANGE_DB))


@pytest.mark.parametrize("gain", [2.0, 20.0, 70.0])
@pytest.mark.parametrize("black", [0.0, 1.3])
def test_neither_does_the_stretch_to_grey_levels(gain: float, black: float) -> None:
    """8 bits: a dark sea of two levels, ships that are clipped, a sea half of which is clipped to black."""
    amplitude = np.sqrt(looked_at(scene({20: fleet(25, 5)})))
    grey = np.clip(np.round((amplitude / np.median(amplitude) - black) * gain), 0, 255)
    found = alone.found(LinearPower((grey**2 + 1).astype(np.float32)), range_db=RANGE_DB)
    assert near(centres(found), THREE)


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_turned_image_holds_the_same_ships(turns: int) -> None:
    image = looked_at(scene({20: fleet(25, 5), 10: [bar(96, 0, 30, 400, 10)]}))
    turned = LinearPower(np.ascontiguousarray(np.rot90(image, turns)))
    last = SIDE - 1
    there = centres(alone.found(turned, range_db=RANGE_DB))
    for _ in range(turns):  # back, clockwise
        there = sorted((column, last - row) for row, column in there)
    assert len(there) == 3
    assert near(there, centres(alone.found(image, range_db=RANGE_DB)), within=1.0)


def test_a_cross_of_side_lobes_is_one_ship() -> None:
    hull = bar(96, 96, 40, 8, 25)
    lobes = [bar(96, 96, 60, 2, 0), bar(96, 96, 60, 2, 90)]
    assert near(centres(alone.found(looked_at(scene({14: lobes, 28: [hull]})), range_db=RANGE_DB)), [(96, 96)])


def test_ships_that_blur_into_each_other_are_two() -> None:
    two = [bar(96, 80, 28, 7), bar(96, 114, 28, 7)]
    bridge = bar(96, 97, 30, 5)
    found = centres(alone.found(looked_at(scene({9: [bridge], 25: two})), range_db=RANGE_DB))
    assert near(found, [(96, 80), (96, 114)])


def test_a_hull_with_a_weak_middle_is_one_ship() -> None:
    found = centres(
        alone.found(looked_at(scene({18: [bar(96, 96, 60, 9)], 24: [bar(96, 70, 6, 9)]})), range_db=RANGE_DB)
    )
    assert near(found, [(96, 96)])


def coast(over_db: float = 9.0) -> dict[float, list[Mask]]:
    """Land over the left quarter with houses on it, and a breakwater through the right part."""
    rng = np.random.default_rng(5)
    houses = [bar(row, column, 3, 3) for row, column in rng.uniform(4, 44, (40, 2)) * (4, 1)]
    return {over_db: [COLUMNS < 48, bar(96, 170, 300, 5, 80)], over_db + 9: houses}


def test_land_houses_and_a_breakwater_are_no_ships() -> None:
    assert alone.found(looked_at(scene(coast())), range_db=RANGE_DB) == []


def test_ships_off_the_coast_are_told_from_it() -> None:
    found = centres(
        alone.found(
            looked_at(scene(coast() | {24: [bar(60, 100, 25, 6, 40), bar(140, 90, 25, 6, 90)]})), range_db=RANGE_DB
        )
    )
    assert near(found, [(60, 100), (140, 90)])


def test_a_ship_with_its_stern_at_the_quay_is_told_if_it_is_far_brighter() -> None:
    found = centres(alone.found(looked_at(scene(coast() | {30: [bar(96, 68, 38, 7)]})), range_db=RANGE_DB))
    assert near(found, [(96, 68)])


def test_a_weak_ship_on_the_side_lobe_of_another_target_is_found() -> None:
    """A line across the image, as long as land; what is as dark as water counts as dark, however weak the ship."""
    image = looked_at(scene({9: [bar(96, 96, 400, 4)], 16: [bar(96, 96, 24, 10, 90)]}), looks=8)
    assert near(centres(alone.found(image, range_db=RANGE_DB)), [(96, 96)])


def test_such_a_ship_with_bright_ends_is_not_lost() -> None:
    """Cut into its ends, neither would stand free of the other."""
    ship = {27.0: [bar(96, 70, 44, 8)], 38.0: [bar(96, 54, 10, 8), bar(96, 86, 10, 8)]}
    assert near(centres(alone.found(looked_at(scene(coast() | ship)), range_db=RANGE_DB)), [(96, 70)])


def test_a_wedge_of_coast_in_the_corner_is_not_judged() -> None:
    assert alone.found(looked_at(scene({15: [ROWS + COLUMNS < 50]})), range_db=RANGE_DB) == []


def test_a_ship_cut_by_the_rim_is_found() -> None:
    found = centres(alone.found(looked_at(scene({20: [bar(0, 96, 40, 8, 70)]})), range_db=RANGE_DB))
    assert near(found, [(9, 96)])


@pytest.mark.parametrize(("range_db", "wanted"), [(8.0, 1), (25.0, 2)])
def test_what_is_too_weak_beside_the_strongest_is_left_out(range_db: float, wanted: int) -> None:
    ghost = bar(150, 60, 20, 5)
    image = looked_at(scene({13: [ghost], 30: [bar(60, 100, 30, 7)]}), looks=8)
    assert len(alone.found(image, range_db=range_db)) == wanted


def test_what_was_not_seen_holds_nothing_and_is_no_rim() -> None:
    image = looked_at(scene({20: fleet(25, 5)}))
    image[:, 150:] = np.nan
    assert near(centres(alone.found(image, range_db=RANGE_DB)), THREE)


@pytest.mark.parametrize("value", [np.nan, 0.0, 1.0])
@pytest.mark.parametrize("shape", [(1, 1), (3, 3), (64, 5)])
def test_an_even_image_or_none_holds_nothing(value: float, shape: tuple[int, int]) -> None:
    assert alone.found(LinearPower(np.full(shape, value, np.float32)), range_db=RANGE_DB) == []


@pytest.mark.parametrize(("looks", "window"), [(1, 7), (2, 5), (30, 3)])
def test_more_speckle_is_averaged_over_a_larger_window(looks: int, window: int) -> None:
    image = darkest.seen(looked_at(scene({}), looks))
    assert image is not None
    assert image.window == window


def test_the_water_is_what_is_dark() -> None:
    land = COLUMNS < 120
    image = darkest.seen(looked_at(scene({8: [land]})))
    assert image is not None
    assert (image.water == land).mean() < 0.03
    assert abs(float(np.median(image.contrast[~land]))) < 1.0


@pytest.mark.parametrize(("share", "level"), [(0.05, 3.0), (0.2, 0.0), (0.6, 0.0)])
def test_the_darkest_level_is_one_that_is_common(share: float, level: float) -> None:
    rng = np.random.default_rng(3)
    dark = rng.random(20_000) < share
    levels = np.where(dark, 0.0, 3.0) + rng.normal(0, 0.15, dark.size)
    assert darkest.darkest_level(levels.astype(np.float32)) == pytest.approx(level, abs=0.25)


def test_no_values_have_no_level() -> None:
    assert np.isnan(darkest.darkest_level(np.zeros(0, np.float32)))
