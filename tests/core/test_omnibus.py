"""The sequential omnibus test against a slow one, the table of simulated rates, and its laws."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from monitor.change import omnibus
from monitor.change.omnibus import changes, followed, none_yet, statistic, temporal_looks


def speckle(*shape: int, looks: float = 4.4, seed: int = 1) -> NDArray[np.float32]:
    return np.random.default_rng(seed).gamma(looks, 1 / looks, shape).astype(np.float32)


def slow_statistic(pixel: NDArray[np.float64], looks: float) -> float:
    """Conradsen et al. 2016, formula by formula, for one pixel of shape (k, channels)."""
    k, channels = pixel.shape
    log_q = 0.0
    for c in range(channels):
        s = looks * pixel[:, c]
        log_q += looks * (k * math.log(k) + np.log(s).sum() - k * math.log(s.sum()))
    rho = 1 - (k / looks - 1 / (looks * k)) / (6 * (k - 1))
    return float(-2 * rho * log_q)


def slow_last(pixel: NDArray[np.float64], looks: float) -> float:
    """R_j for the last of j looks as the difference of two omnibus statistics without their corrections."""
    j, channels = pixel.shape

    def log_q(x: NDArray[np.float64]) -> float:
        n = len(x)
        return float(
            looks * sum(n * math.log(n) + np.log(x[:, c]).sum() - n * math.log(x[:, c].sum()) for c in range(channels))
        )

    rho = 1 - (1 + 1 / (j * (j - 1))) / (6 * looks)
    return float(-2 * rho * (log_q(pixel) - log_q(pixel[:-1])))


def slow_changes(pixel: NDArray[np.float64], looks: float, alpha: float) -> list[int]:
    """Change points of one pixel: the loop of the paper with scipy's distribution functions."""
    k, channels = pixel.shape
    found: list[int] = []
    start = 0
    while k - start >= 2:
        rest = pixel[start:]
        if stats.chi2.sf(slow_statistic(rest, looks), channels * (len(rest) - 1)) >= alpha:
            return found
        for j in range(2, len(rest) + 1):
            if stats.chi2.sf(slow_last(rest[:j], looks), channels) < alpha:
                start += j - 1
                found.append(start)
                break
        else:
            return found
    return found


@pytest.mark.parametrize("channels", [1, 2])
def test_change_maps_equal_those_of_the_slow_version(channels: int) -> None:
    series = 0.05 * speckle(9, channels, 40, 30)
    series[4:, :, :20] *= 4
    series[7:, :, 10:30] /= 5
    made = changes(series, 4.4, 0.01)
    assert made.at[1:].sum() > 500
    for row in range(40):
        for column in range(30):
            expected = slow_changes(series[:, :, row, column].astype(float), 4.4, 0.01)
            assert np.flatnonzero(made.at[:, row, column]).tolist() == expected


def test_statistic_equals_the_formula() -> None:
    series = 0.02 * speckle(31, 2, 50)
    expected = [slow_statistic(series[:, :, i].astype(float), 4.4) for i in range(50)]
    np.testing.assert_allclose(statistic(series, 4.4), expected, rtol=2e-4)


@pytest.mark.parametrize(("looks", "k"), [(4.4, 2), (4.4, 10), (9.0, 20)])
def test_false_alarms_are_nominal(looks: float, k: int) -> None:
    made = statistic(speckle(k, 2, 200_000, looks=looks), looks)
    for alpha in (0.05, 0.01):
        share = float((made > omnibus.limit(2 * (k - 1), alpha)).mean())
        assert share == pytest.approx(alpha, rel=0.1)


@pytest.mark.parametrize(
    ("looks", "k", "db", "power"), [(4.4, 10, 3, 0.189), (5.0, 20, 3, 0.440), (9.0, 5, 6, 0.992), (9.0, 20, 2, 0.324)]
)
def test_power_is_that_of_the_table(looks: float, k: int, db: float, power: float) -> None:
    series = speckle(k, 2, 20_000, looks=looks)
    series[k // 2 :] *= 10 ** (db / 10)
    share = float((statistic(series, looks) > omnibus.limit(2 * (k - 1), 0.01)).mean())
    assert share == pytest.approx(power, abs=0.015)


def test_a_step_is_found_once_and_where_it_is() -> None:
    series = speckle(10, 2, 400, looks=9)
    series[5:] *= 10
    at = changes(series, 9, 1e-4).at
    assert at[5].mean() > 0.98
    assert at.sum(axis=0).mean() < 1.02


def test_threads_and_blocks_change_nothing() -> None:
    series = speckle(5, 2, 3 * omnibus.BLOCK + 17)
    with ThreadPoolExecutor(2) as pool:
        np.testing.assert_array_equal(statistic(series, 4.4, pool), statistic(series, 4.4))
    part = slice(omnibus.BLOCK - 5, omnibus.BLOCK + 5)
    np.testing.assert_allclose(statistic(series, 4.4)[part], statistic(series[:, :, part], 4.4), rtol=1e-5)


def test_what_was_not_seen_is_not_judged() -> None:
    series = speckle(4, 2, 3, 3)
    series[2, 0, 1, 1] = np.nan
    made = changes(series, 4.4, 0.5)
    assert np.isnan(made.statistic[1, 1])
    assert not made.at[:, 1, 1].any()


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 12), st.floats(3, 60), st.floats(0.1, 10))
def test_statistic_is_positive_and_free_of_calibration(k: int, looks: float, gain: float) -> None:
    series = 0.1 * speckle(k, 2, 200, looks=looks)
    first = statistic(series, looks)
    np.testing.assert_allclose(statistic(series * np.float32(gain), looks), first, rtol=1e-2, atol=0.02 * looks)
    assert float(first.min()) > -0.02 * looks


def grown(series: NDArray[np.float32], looks: float = 4.4) -> omnibus.Segments:
    state = none_yet(series.shape[1], series.shape[2])
    for day, look in enumerate(series):
        state = followed(state, look, looks, day)
    return state


def test_a_new_look_is_tested_as_the_last_of_a_history() -> None:
    series = 0.03 * speckle(7, 2, 60)
    state = none_yet(2, 60)
    for look in series[:-1]:
        state = followed(state, look, 1e-6, 1)  # at so few looks nothing ever starts anew
    expected = [stats.chi2.sf(slow_last(series[:, :, i].astype(float), 4.4), 2) for i in range(60)]
    np.testing.assert_allclose(omnibus.tested(state, series[-1], 4.4).p, expected, rtol=1e-3, atol=1e-6)


def test_monitoring_has_the_nominal_false_alarm_rate() -> None:
    state = grown(speckle(20, 2, 100_000))
    fresh = omnibus.tested(state, speckle(1, 2, 100_000, seed=2)[0], 4.4)
    for alpha in (0.05, 0.01, 0.001):
        assert float((fresh.p < alpha).mean()) == pytest.approx(alpha, rel=0.25)


def test_a_change_starts_a_new_segment_and_says_its_direction() -> None:
    state = grown(speckle(12, 2, 500, looks=20), looks=20)
    darker = speckle(1, 2, 500, looks=20, seed=3)[0] / 8
    made = omnibus.tested(state, darker, 20)
    assert float((made.p < 1e-4).mean()) > 0.99
    assert float((made.log_ratio < 0).mean()) == 1.0
    after = followed(state, darker, 20, 77)
    assert int(np.median(after.count)) == 1
    assert float((after.began == 77).mean()) > 0.99
    assert float(np.median(after.step_db)) == pytest.approx(-9.0, abs=0.3)
    again = followed(followed(after, darker, 20, 78), darker, 20, 79)
    assert float((omnibus.tested(again, darker, 20).p > 0.9).mean()) == 1.0


def test_a_look_that_saw_nothing_changes_nothing() -> None:
    state = grown(speckle(6, 2, 40))
    unseen = np.full((2, 40), np.nan, np.float32)
    after = followed(state, unseen, 4.4, 7)
    for name in ("count", "total", "logs", "began", "step_db"):
        np.testing.assert_array_equal(getattr(after, name), getattr(state, name))
    assert np.isnan(omnibus.tested(state, unseen, 4.4).p).all()


def test_one_channel_missing_leaves_the_other_to_judge() -> None:
    state = grown(speckle(6, 2, 4000, looks=20), looks=20)
    look = speckle(1, 2, 4000, looks=20, seed=5)[0]
    look[1] = np.nan
    share = float((omnibus.tested(state, look, 20).p < 0.05).mean())
    assert share == pytest.approx(0.05, rel=0.3)


def test_segments_forget() -> None:
    old, new = speckle(200, 1, 50, looks=100), speckle(400, 1, 50, looks=100, seed=9) * np.float32(1.05)
    state = grown(np.concatenate([old, new]), looks=10)
    assert int(state.count.max()) <= omnibus.MEMORY
    np.testing.assert_allclose(np.median(state.total / state.count), 1.05, rtol=0.01)


@pytest.mark.parametrize("looks", [2.0, 4.4, 18.0])
def test_looks_are_told_from_time_alone(looks: float) -> None:
    state = grown(speckle(20, 2, 3000, looks=looks), looks=looks)
    assert temporal_looks(state) == pytest.approx(looks, rel=0.06)


def test_a_tenth_that_changes_does_not_move_the_looks() -> None:
    series = speckle(20, 1, 3000)
    series[::2, :, :300] *= 6
    assert temporal_looks(grown(series)) == pytest.approx(4.4, rel=0.12)


def test_too_little_says_nothing() -> None:
    assert temporal_looks(grown(speckle(20, 1, 10))) is None
    assert temporal_looks(grown(speckle(4, 2, 1000))) is None
