"""Local statistics against slow loops, and the speckle statistics against scipy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage, stats

from monitor.filters import blocks, box_mean, central_spread, looks_of_spread, multilook, spread_of_log, window_sum
from monitor.grid import Mask
from monitor.radiometry import LinearPower


def scene(seed: int, height: int, width: int, holes: float) -> tuple[np.ndarray, Mask]:
    rng = np.random.default_rng(seed)
    power = rng.gamma(4.4, 1 / 4.4, (height, width)).astype(np.float32)
    power[rng.random(power.shape) < holes] = np.nan
    return power, np.isfinite(power)


def slow_mean(values: np.ndarray, use: Mask, row: int, column: int, size: int) -> float:
    """Mean over the window, pixel by pixel, cut at the rim."""
    half, total, count = size // 2, 0.0, 0
    for r in range(max(0, row - half), min(values.shape[0], row + half + 1)):
        for c in range(max(0, column - half), min(values.shape[1], column + half + 1)):
            if use[r, c]:
                total, count = total + float(values[r, c]), count + 1
    return total / count if count else math.nan


SCENES = (st.integers(0, 10_000), st.integers(1, 9), st.integers(1, 9), st.sampled_from([0.0, 0.3, 0.9]))


@given(*SCENES, st.sampled_from([1, 3, 5]))
@settings(max_examples=60)
def test_box_mean_is_the_mean_of_the_used_pixels(seed: int, height: int, width: int, holes: float, size: int) -> None:
    power, use = scene(seed, height, width, holes)
    mean = box_mean(np.nan_to_num(power), use, size)
    slow = [[slow_mean(power, use, r, c, size) for c in range(width)] for r in range(height)]
    np.testing.assert_allclose(mean, slow, rtol=1e-5)


@given(*SCENES)
@settings(max_examples=60)
def test_multilook_is_the_mean_power_where_seen(seed: int, height: int, width: int, holes: float) -> None:
    power, seen = scene(seed, height, width, holes)
    slow = [[slow_mean(power, seen, r, c, 3) if seen[r, c] else math.nan for c in range(width)] for r in range(height)]
    np.testing.assert_allclose(multilook(LinearPower(power)), slow, rtol=1e-5)


@given(*SCENES[:3], st.integers(1, 16))
@settings(max_examples=60)
def test_window_sums_are_those_of_a_slow_window(seed: int, height: int, width: int, size: int) -> None:
    """An even window reaches one further up and left, as in scipy."""
    values, _ = scene(seed, height, width, 0.0)
    slow = ndimage.uniform_filter(values.astype(float), size, mode="constant") * size**2
    np.testing.assert_allclose(window_sum(values, size), slow, rtol=1e-5)


def test_window_sums_of_a_part_are_those_of_the_whole_to_the_last_bit() -> None:
    values, _ = scene(1, 60, 50, 0.0)
    whole, part = window_sum(values, 15), window_sum(values[13:47], 15)
    assert np.array_equal(whole[20:40], part[7:27])


def test_multilook_averages_power_not_decibels() -> None:
    """One pixel of power 9 among eight of 0: 1, that is 0 dB."""
    power = np.zeros((3, 3), np.float32)
    power[1, 1] = 9
    assert float(multilook(LinearPower(power))[1, 1]) == pytest.approx(1.0)


@given(*SCENES[:3], st.integers(1, 4))
def test_blocks_are_sums_with_zeros_at_the_rim(seed: int, height: int, width: int, side: int) -> None:
    values, _ = scene(seed, height, width, 0.0)
    sums = blocks(values, side)
    assert sums.shape == (math.ceil(height / side), math.ceil(width / side))
    slow = [[values[r : r + side, c : c + side].sum() for c in range(0, width, side)] for r in range(0, height, side)]
    np.testing.assert_allclose(sums, slow, rtol=1e-5)


@pytest.mark.parametrize("looks", [0.6, 1.0, 4.4, 36.0, 900.0])
def test_spread_of_the_logarithm_of_speckle(looks: float) -> None:
    """loggamma of scipy is the distribution of ln of a gamma variable."""
    assert spread_of_log(looks) == pytest.approx(float(stats.loggamma(looks).std()), rel=1e-6)


@given(st.floats(0.51, 990))
def test_looks_of_spread_undoes_spread_of_log(looks: float) -> None:
    assert looks_of_spread(spread_of_log(looks)) == pytest.approx(looks, rel=1e-6)


@pytest.mark.parametrize(("sigma", "looks"), [(0.0, 1000.0), (100.0, 0.5)])
def test_looks_stay_within_bounds(sigma: float, looks: float) -> None:
    assert looks_of_spread(sigma) == pytest.approx(looks, rel=1e-6)


@pytest.mark.parametrize("size", [5_000, 100_000])
def test_central_spread_of_a_normal_sample_with_bright_targets(size: int) -> None:
    values = np.random.default_rng(3).normal(7.0, 2.0, size).astype(np.float32)
    assert central_spread(values) == pytest.approx(2.0, rel=0.04)
    values[: size // 50] += 40  # two per cent are ships
    rng = np.random.default_rng(4)
    assert central_spread(rng.permutation(values)) == pytest.approx(2.0, rel=0.07)
    assert float(values.std()) > 3.5
