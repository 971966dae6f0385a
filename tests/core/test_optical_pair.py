"""Pairs of optical images: nothing on unchanged ground, planted changes found, laws, and real pairs with truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from conftest import real_data
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from monitor.change.optical_pair import Compared, _cut, changed

SIDE = 160
ALL = np.ones((SIDE, SIDE), bool)
PLANTED = (slice(60, 70), slice(80, 92))


def ground(seed: int = 0) -> np.ndarray:
    """Four bands: a smooth sea on the left, fields in the middle, a rough town on the right."""
    rng = np.random.default_rng(seed)
    fields = ndimage.zoom(rng.normal(0, 1, (4, 16, 16)), (1, 10, 10), order=0)
    town = rng.normal(0, 1.5, (4, SIDE, SIDE))
    image = 10 + 0.7 * fields + 0.5 * fields[[1, 2, 3, 0]]
    image[:, :, 110:] += ndimage.gaussian_filter(town, (0, 0.7, 0.7))[:, :, 110:]
    image[:, :, :50] = 4 + 0.1 * np.arange(4)[:, np.newaxis, np.newaxis]
    return image


def seen(image: np.ndarray, seed: int, *, shift: float = 0.0) -> np.ndarray:
    """A look at the ground: noise, haze of its own in each band, and a shift in pixels."""
    rng = np.random.default_rng(seed)
    moved = np.stack([ndimage.shift(band, (shift, shift), order=1, mode="nearest") for band in image])
    haze = rng.uniform(0.7, 1.3, (len(image), 1, 1))
    return (haze * (moved + rng.normal(0, 0.05, image.shape)) + rng.uniform(0, 2, haze.shape)).astype(np.float32)


def with_change(image: np.ndarray) -> np.ndarray:
    other = image.copy()
    other[:, *PLANTED] = np.array([14, 9, 13, 6])[:, np.newaxis, np.newaxis]
    return other


def result(*, shift: float = 0.0) -> Compared:
    return changed(seen(ground(), 1), seen(with_change(ground()), 2, shift=shift), ALL)


@pytest.mark.parametrize("shift", [0.0, 0.3])
def test_unchanged_ground_is_unchanged_through_haze_and_a_small_shift(shift: float) -> None:
    made = changed(seen(ground(), 1), seen(ground(), 2, shift=shift), ALL)
    assert made.mask.mean() <= (0 if shift == 0 else 0.04)
    assert made.threshold >= 1.75


@pytest.mark.parametrize("shift", [0.0, 0.3])
def test_a_planted_change_is_found_with_its_area(shift: float) -> None:
    made = result(shift=shift)
    truth = np.zeros(ALL.shape, bool)
    truth[PLANTED] = True
    assert (made.mask & truth).sum() >= 0.95 * truth.sum()
    near = ndimage.binary_dilation(truth, iterations=2)
    assert (made.mask & near).sum() <= (
        1.25 if shift == 0 else 1.4
    ) * truth.sum()  # the smoothing window does not widen it
    assert (made.mask & ~near).sum() <= (0 if shift == 0 else 0.04 * ALL.size)


def test_a_town_is_judged_by_what_towns_usually_differ() -> None:
    made = changed(seen(ground(), 1), seen(ground(), 2, shift=0.4), ALL)
    parts = [np.median(made.score[:, part]) for part in (slice(2, 44), slice(116, 158))]
    assert all(0.8 < part < 1.25 for part in parts)


@settings(max_examples=10)
@given(st.lists(st.tuples(st.floats(0.2, 5000), st.floats(-100, 100)), min_size=4, max_size=4))
def test_units_do_not_matter(units: list[tuple[float, float]]) -> None:
    before, after = seen(ground(), 1), seen(with_change(ground()), 2)
    gain, shift = np.array(units, np.float32).T[:, :, np.newaxis, np.newaxis]
    plain, other = changed(before, after, ALL), changed(before, after * gain + shift, ALL)
    assert (plain.mask != other.mask).sum() <= 2
    assert np.median(np.abs(plain.score - other.score)) < 0.01


def test_holes_are_left_out_and_change_nothing_far_away() -> None:
    before, after = seen(ground(), 1), seen(with_change(ground()), 2)
    use = ALL.copy()
    use[100:140, 60:100] = False
    cloudy = after.copy()
    cloudy[:, 100:140, 60:100] = 90.0
    cloudy[2, 5, 5] = np.nan
    made = changed(before, cloudy, use)
    assert not made.mask[100:140, 60:100].any()
    assert np.isnan(made.score[100:140, 60:100]).all()
    assert np.isnan(made.score[5, 5])
    assert np.isfinite(made.score).sum() == use.sum() - 1
    assert (made.mask != changed(before, after, ALL).mask).sum() <= 3


def test_copies_of_an_image_differ_only_where_they_differ() -> None:
    image = seen(ground(), 1)
    assert not changed(image, image, ALL).mask.any()
    other = image.copy()
    other[:, *PLANTED] += np.array([4, -3, 5, 2], np.float32)[:, np.newaxis, np.newaxis]
    mask = changed(image, other, ALL).mask
    assert mask[PLANTED].mean() > 0.95
    assert mask.sum() <= 1.25 * mask[PLANTED].sum()


def test_a_constant_band_adds_nothing() -> None:
    before, after = seen(ground(), 1), seen(with_change(ground()), 2)
    flat = np.full((1, *ALL.shape), 3.0, np.float32)
    made = changed(np.concatenate([before, flat]), np.concatenate([after, flat]), ALL)
    assert (made.mask != changed(before, after, ALL).mask).sum() <= 3


def test_a_patch_counts_if_somewhere_it_is_well_above_the_threshold() -> None:
    score = np.random.default_rng(3).lognormal(0, 0.1, ALL.shape).astype(np.float32)
    threshold = _cut(score, score).threshold
    score[20:30, 20:30] = 1.1 * threshold
    score[60:70, 60:70] = 1.1 * threshold
    score[65, 65] = 1.3 * threshold
    made = _cut(score, score)
    assert made.threshold == threshold  # the least one: so few pixels do not move it
    assert not made.mask[20:30, 20:30].any()
    assert made.mask[60:70, 60:70].all()


def test_too_few_pixels_are_refused() -> None:
    few = np.zeros(ALL.shape, bool)
    few[0, :60] = True
    with pytest.raises(ValueError, match="60 usable pixels are too few for 4 bands"):
        changed(seen(ground(), 1), seen(ground(), 2), few)


def test_taizhou_and_hongkong_with_one_set_of_parameters() -> None:
    from benchmarks.accuracy import optical_pairs

    pairs: Path = real_data("change-pairs")
    taizhou = optical_pairs.figures(pairs / "taizhou")
    hongkong = optical_pairs.figures(pairs / "oscd" / "hongkong")
    assert taizhou is not None
    assert hongkong is not None
    assert taizhou["pixels"] == 21390
    assert taizhou["kappa"] >= 0.93
    assert hongkong["auc"] >= 0.86
    assert hongkong["f1"] >= 0.37
    assert optical_pairs.figures(pairs / "ottawa") is None
