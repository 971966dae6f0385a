"""The shift of a look against its reference: sign, size and certainty, on simulated and on real scenes."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage
from skimage.registration import phase_cross_correlation

from monitor.filters import multilook
from monitor.quality import registration
from monitor.quality.registration import REACH, TOLERATED, Shift, moved, shift
from monitor.radiometry import LinearPower

SHAPE = (200, 240)
SIZE = 3 * SHAPE[0], 3 * SHAPE[1]


@cache
def scene() -> np.ndarray:
    """A sea in the west, 100 bright buildings of 30 m to 120 m in the east; three times as fine as the looks."""
    rng = np.random.default_rng(5)
    ground = np.full(SIZE, 0.01)
    ground[:, SIZE[1] // 2 :] = 0.1
    for _ in range(100):
        row, column = rng.integers(30, SIZE[0] - 60), rng.integers(SIZE[1] // 2, SIZE[1] - 60)
        height, width = rng.integers(9, 36, 2)
        ground[row : row + height, column : column + width] = rng.uniform(0.3, 3)
    return ground


def look(down: float = 0.0, right: float = 0.0, *, seed: int, sea: float = 1.0, looks: float = 4.4) -> LinearPower:
    """The scene with everything `down` rows and `right` columns (of 10 m) further on, with speckle, multilooked."""
    ground = np.roll(scene(), (round(3 * down), round(3 * right)), axis=(0, 1))
    ground = np.where(ground < 0.05, ground * sea, ground)
    mean = ground.reshape(SHAPE[0], 3, SHAPE[1], 3).mean(axis=(1, 3))
    speckle = np.random.default_rng(seed).gamma(looks, 1 / looks, SHAPE)
    return multilook(LinearPower((mean * speckle).astype(np.float32)))


@cache
def reference() -> LinearPower:
    return LinearPower(np.mean([look(seed=s) for s in range(100, 112)], axis=0).astype(np.float32))


WATER = np.zeros(SHAPE, bool)
WATER[:, : SHAPE[1] // 2 - 4] = True


@pytest.mark.parametrize("down", [-4.0, -1 / 3, 0.0, 2 / 3])
@pytest.mark.parametrize("right", [-2 / 3, 0.0, 1.0, 4.0])
def test_sign_and_size_of_a_known_shift(down: float, right: float) -> None:
    found = shift(look(down, right, seed=1), reference(), WATER)
    assert found is not None
    assert found.rows == pytest.approx(down, abs=0.08)
    assert found.columns == pytest.approx(right, abs=0.08)
    assert found.too_far == (max(abs(down), abs(right)) > TOLERATED)


@pytest.mark.parametrize(("down", "right"), [(1.0, 0.0), (0.0, -1.0), (2 / 3, -5 / 3), (-4 / 3, 1.0)])
def test_what_is_moved_back_lies_where_the_reference_lies(down: float, right: float) -> None:
    """An inverted correction would double the shift."""
    off = look(down, right, seed=2)
    first = shift(off, reference(), WATER)
    assert first is not None
    assert first.worth_moving
    left = shift(LinearPower(moved(off, first)), reference(), WATER)
    assert left is not None
    assert left.length < 0.1
    assert not left.too_far


@pytest.mark.parametrize("sea", [0.1, 1.0, 6.0])
def test_the_sea_rises_and_the_place_stays(sea: float) -> None:
    found = shift(look(seed=3, sea=sea), reference(), WATER)
    assert found is not None
    assert found.length < 0.1


@pytest.mark.parametrize("seed", range(5))
def test_no_shift_is_stated_for_speckle_alone(seed: int) -> None:
    sea = WATER[:, : SHAPE[1] // 2 - 4]
    there, before = look(1.0, 1.0, seed=seed)[:, : sea.shape[1]], reference()[:, : sea.shape[1]]
    assert shift(LinearPower(there), LinearPower(before), sea) is None
    assert shift(LinearPower(there), LinearPower(before), ~sea) is None


@pytest.mark.parametrize("turn", [1, 2])
def test_no_shift_is_stated_against_another_place(turn: int) -> None:
    """The same scene upside down, and mirrored."""
    other = reference()[::-1] if turn == 1 else reference()[::-1, ::-1]
    assert shift(look(seed=4), LinearPower(other), np.zeros(SHAPE, bool)) is None


@pytest.mark.parametrize("posts", [0, 2])
def test_along_a_straight_wall_there_is_little_to_tell_a_place_by(posts: int) -> None:
    """Across it the place is sure. Two faint posts are not enough: what is stated nevertheless must be right."""
    rng = np.random.default_rng(10)
    wall = np.full(SHAPE, np.float32(0.01))
    wall[:, 100:104] = 1.0
    wall[[90, 110][:posts], 104:107] = 0.1

    def seen() -> LinearPower:
        return multilook(LinearPower((wall * rng.gamma(4.4, 1 / 4.4, SHAPE)).astype(np.float32)))

    before = LinearPower(np.mean([seen() for _ in range(12)], axis=0, dtype=np.float32))
    found = [shift(seen(), before, wall < 0.05) for _ in range(12)]
    assert found.count(None) >= (11 if posts == 0 else 3)
    assert all(f.length < max(0.15, 3 * f.error) for f in found if f is not None)


def test_no_shift_is_stated_beyond_reach_or_without_common_pixels() -> None:
    assert shift(look(REACH + 3.0, 0.0, seed=1), reference(), WATER) is None
    empty = LinearPower(np.full(SHAPE, np.nan, np.float32))
    assert shift(empty, reference(), WATER) is None
    assert shift(look(seed=1), LinearPower(np.zeros(SHAPE, np.float32)), WATER) is None


def test_half_an_image_is_enough_and_what_was_never_seen_may_be_zero() -> None:
    half = look(2 / 3, -1 / 3, seed=6)
    half[:, 190:] = np.nan
    known = reference().copy()
    known[:60] = 0.0
    found = shift(half, LinearPower(known), WATER)
    assert found is not None
    assert (found.rows, found.columns) == pytest.approx((2 / 3, -1 / 3), abs=0.12)


def test_changed_buildings_do_not_drag_the_shift_along() -> None:
    """An eighth of the town is rebuilt in a like pattern 30 m further down, and four times as bright."""
    changed = look(1 / 3, 1 / 3, seed=7)
    changed[:, 150:165] = 4 * np.roll(changed[:, 150:165], 3, axis=0)
    found = shift(changed, reference(), WATER)
    assert found is not None
    assert (found.rows, found.columns) == pytest.approx((1 / 3, 1 / 3), abs=0.12)


def test_the_stated_error_is_that_of_many_looks() -> None:
    found = [shift(look(1 / 3, -2 / 3, seed=s), reference(), WATER) for s in range(20, 40)]
    rows, columns, stated = np.array([(f.rows, f.columns, f.error) for f in found if f is not None]).T
    scatter = max(rows.std(), columns.std())
    assert rows.size == 20
    assert 0.8 < stated.mean() / scatter < 2


@given(st.integers(-3, 3), st.integers(-3, 3))
@settings(max_examples=20)
def test_moving_by_whole_pixels_is_a_copy(down: int, right: int) -> None:
    band = np.random.default_rng(8).random((12, 14)).astype(np.float32)
    by = Shift(rows=down, columns=right, error=0.0)
    home = moved(band, by)
    for row, column in np.ndindex(12, 14):
        inside = 0 <= row + down < 12 and 0 <= column + right < 14
        expected = band[row + down, column + right] if inside else np.nan
        assert home[row, column] == pytest.approx(expected, rel=1e-6, nan_ok=True)


def test_power_is_interpolated_and_classes_are_not() -> None:
    band = np.array([[1.0, 3.0, 5.0, np.nan]], np.float32)
    by = Shift(rows=0.0, columns=0.25, error=0.0)
    np.testing.assert_allclose(moved(band, by)[0, :2], [1.5, 3.5])
    assert np.isnan(moved(band, by)[0, 2:]).all()
    assert moved(band, by, classes=True)[0, :3].tolist() == [1.0, 3.0, 5.0]


def test_real_ground_shifted_by_a_known_amount(california: Path) -> None:
    """Suburb and hills, every third date against the mean of the others; phase correlation is the worse rival.

    The two agree that the looks themselves lie within a tenth of a pixel.
    """
    rng, ours, theirs = np.random.default_rng(9), [], []
    rival: Any = phase_cross_correlation
    for chip in ("319-IW2", "321-IW2", "323-IW2"):
        images = [rasterio.open(f).read(1) for f in sorted(california.glob(f"*/*T137-292{chip}*VV.tif"))]
        smooth = [multilook(LinearPower(image)) for image in images]
        known = LinearPower(np.mean(smooth[::2], axis=0, dtype=np.float32))
        for image in smooth[1::6]:
            by = rng.uniform(-3, 3, 2)
            off = LinearPower(np.maximum(ndimage.shift(image, by, order=3, mode="reflect"), np.float32(1e-4)))
            found = shift(off, known, np.zeros(known.shape, bool))
            assert found is not None
            ours.append((found.rows - by[0], found.columns - by[1]))
            theirs.append(-rival(np.log(known), np.log(off), upsample_factor=50)[0] - by)
    assert np.abs(ours).max() < 0.25
    assert np.std(ours) < 0.1
    assert np.std(theirs) > np.std(ours)


def test_real_open_sea_has_no_place(california: Path) -> None:
    for chip in ("318-IW1", "320-IW1"):
        images = [rasterio.open(f).read(1) for f in sorted(california.glob(f"*/*T137-292{chip}*VV.tif"))]
        smooth = [multilook(LinearPower(image)) for image in images]
        known = LinearPower(np.mean(smooth[::2], axis=0, dtype=np.float32))
        sea = np.ones(known.shape, bool)
        assert not any(shift(image, known, water) for image in smooth[1::4] for water in (sea, ~sea))


def test_real_looks_of_one_track_lie_upon_each_other(latakia: Path) -> None:
    """The seen structures are a breakwater and a shore."""
    paths = sorted(latakia.glob("S1*T0343*.tif"))
    looks = []
    for path in paths[::3]:
        with rasterio.open(path) as file:
            seen, dn = file.dataset_mask() > 0, file.read(1)
        looks.append(multilook(LinearPower(np.where(seen, 10 ** (dn * 0.01 - 2.7), np.nan).astype(np.float32))))
    assert len(looks) == 9
    known = LinearPower(np.nan_to_num(np.mean(looks[::2], axis=0, dtype=np.float32)))  # not seen: 0, as in a reference
    found = [shift(image, known, known < 2 * np.median(known[known > 0])) for image in looks[1::2]]
    lengths = [f.length for f in found if f is not None]
    assert len(lengths) == len(found)
    assert np.median(lengths) < 0.2
    assert max(lengths) < TOLERATED


@pytest.mark.parametrize("down", [-4 / 3, -1 / 3, 0.0, 1 / 3, 2.0])
@pytest.mark.parametrize("right", [-3.0, -2 / 3, 0.0, 1 / 3, 1.0])
def test_beginning_from_no_shift_finds_what_the_whole_search_finds(
    down: float, right: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    off = look(down, right, seed=3)
    quick = shift(off, reference(), WATER)
    monkeypatch.setattr(registration, "NEAR", 0.0)
    assert quick == shift(off, reference(), WATER)


def test_a_search_that_runs_off_states_nothing() -> None:
    """From far beyond reach the least squares may lead anywhere, but not out of the image."""
    for columns in (8, 15, 40):
        far = LinearPower(np.roll(reference(), columns, axis=1))
        assert shift(far, reference(), WATER) is None


def test_holes_and_the_rim_have_no_structure() -> None:
    """What is not seen reads as level ground, and its edge as structure: no place may lie near it."""
    whole = look(1 / 3, 0.0, seed=4)
    torn = LinearPower(whole.copy())
    torn[60:90, 170:200] = np.nan
    torn[:, 230:] = np.nan
    found, expected = shift(torn, reference(), WATER), shift(whole, reference(), WATER)
    assert found is not None
    assert expected is not None
    assert found.rows == pytest.approx(expected.rows, abs=0.03)
    assert found.columns == pytest.approx(expected.columns, abs=0.03)
    assert shift(LinearPower(whole[:12]), LinearPower(reference()[:12]), WATER[:12]) is None


def levels(both: NDArray[np.bool_]) -> registration._Levels:
    return registration._Levels(image=reference(), both=both, floor=np.float32(-np.inf))


def test_the_structured_places_are_those_of_scipy() -> None:
    """Also across the bands that they are looked for in."""
    fixed = np.log(reference())
    both = np.isfinite(fixed)
    both[100:103, 150] = False
    contrast = ndimage.maximum_filter(fixed, 5) - ndimage.minimum_filter(fixed, 5)
    inside = ndimage.minimum_filter(both, 2 * registration.MARGIN + 1, mode="constant")
    expected = np.argwhere((contrast > registration.CONTRAST_DB * registration.PER_DB) & inside)
    places = registration._structures(levels(both))
    assert places is not None
    where = np.stack(np.divmod(places.flat, fixed.shape[1]), axis=1)
    np.testing.assert_array_equal(where, expected)
    cells = where // registration.BLOCK
    assert len(np.unique(np.column_stack([cells, places.block]), axis=0)) == places.block.max() + 1


@pytest.mark.parametrize("at", [(0.0, 0.0), (0.3, -0.7), (-4.9, 4.9), (5.6, -5.9)])
def test_interpolation_is_that_of_scipy(at: tuple[float, float]) -> None:
    fixed = levels(np.isfinite(reference()))
    places = registration._structures(fixed)
    assert places is not None
    rows, columns = np.divmod(places.flat, fixed.both.shape[1])
    expected = ndimage.map_coordinates(np.log(reference()), [rows + at[0], columns + at[1]], order=1)
    found = registration._interpolated(fixed, places, np.array(at))
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)
