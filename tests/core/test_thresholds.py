"""Thresholds learnt on a histogram: against scikit-image, exhaustive search and known mixtures."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.filters import threshold_otsu

from monitor.thresholds import minimum_error, otsu

Learn = Callable[[np.ndarray], float]
ALL: list[Learn] = [otsu, minimum_error]


def mixture(seed: int, share: float, gap: float, wide: float, n: int = 20_000) -> np.ndarray:
    rng = np.random.default_rng(seed)
    upper = int(n * share)
    return np.concatenate([rng.normal(0, 1, n - upper), rng.normal(gap, wide, upper)])


@given(st.integers(0, 50), st.floats(0.05, 0.9), st.floats(1, 9))
def test_otsu_is_that_of_scikit_image(seed: int, share: float, gap: float) -> None:
    values = mixture(seed, share, gap, 1.0, 2000)
    step = np.ptp(values) / 1024
    theirs = threshold_otsu(values, 1024)  # type: ignore[no-untyped-call] # it names the bin's centre
    assert otsu(values) == pytest.approx(theirs, abs=1.01 * step)


def test_minimum_error_is_the_best_cut_of_its_own_criterion() -> None:
    values = mixture(4, 0.1, 6.0, 2.0)
    learnt = minimum_error(values)

    def cost(cut: float) -> float:
        total = 1.0
        for part in (values[values <= cut], values[values > cut]):
            share = part.size / values.size
            total += 2 * share * (np.log(part.std()) - np.log(share))
        return total

    cuts = np.linspace(1, 7, 400)
    assert cost(learnt) <= min(cost(cut) for cut in cuts) + 1e-3


@pytest.mark.parametrize("share", [0.01, 0.05, 0.2])
def test_minimum_error_finds_a_small_class_where_otsu_halves_the_large_one(share: float) -> None:
    values = mixture(7, share, 5.0, 0.7)
    wrong = {
        learn.__name__: np.mean((values > learn(values)) != (np.arange(values.size) >= values.size * (1 - share)))
        for learn in ALL
    }
    assert wrong["minimum_error"] < 0.006
    if share == 0.01:
        assert wrong["otsu"] > 0.2


@pytest.mark.parametrize("learn", ALL)
@given(st.integers(0, 20), st.floats(0.1, 40), st.floats(-50, 50))
def test_a_threshold_moves_with_scale_and_shift(learn: Learn, seed: int, scale: float, shift: float) -> None:
    values = mixture(seed, 0.3, 7.0, 1.0, 3000)
    assert learn(values * scale + shift) == pytest.approx(learn(values) * scale + shift, abs=0.05 * scale)


@pytest.mark.parametrize("learn", ALL)
def test_holes_do_not_count(learn: Learn) -> None:
    values = mixture(1, 0.3, 7.0, 1.0)
    holed = np.concatenate([[np.nan, np.inf, -np.inf], values]).astype(np.float32)
    assert learn(holed) == pytest.approx(learn(values), abs=1e-4)


@pytest.mark.parametrize("learn", ALL)
def test_one_value_or_none(learn: Learn) -> None:
    assert learn(np.full(9, 2.5)) == 2.5
    assert learn(np.array([3.0])) == 3.0
    assert np.isnan(learn(np.array([np.nan])))
    assert np.isnan(learn(np.array([])))
    two = learn(np.array([1.0, 2.0, 2.0]))
    assert 1.0 <= two < 2.0
