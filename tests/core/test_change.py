"""Changed area: its test statistic against scipy, nothing on unchanged ground, and planted changes found."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from monitor import reference, simulate
from monitor.change import ratio
from monitor.change.ratio import Q, changed, largest_p, tails
from monitor.filters import multilook
from monitor.grid import Grid, Mask
from monitor.radiometry import LinearPower
from monitor.reference import Reference

SIDE = 120
GRID = Grid(epsg=32652, left=500_000.0, top=4_680_000.0, resolution=10.0, height=SIDE, width=SIDE)
ZONE: Mask = np.ones(GRID.shape, bool)
GROUND_DB = -12.0
YARD = (slice(40, 50), slice(60, 70))
"""100 m x 100 m."""


def ground(rng: np.random.Generator, correlated: bool = True) -> LinearPower:
    """Two kinds of ground with fixed texture, times speckle."""
    texture = np.random.default_rng(99).normal(0, 0.3, GRID.shape)
    texture[:, 80:] += 1.0
    speckle = simulate.speckle(GRID.shape, rng) if correlated else rng.gamma(4.4, 1 / 4.4, GRID.shape)
    return LinearPower((10 ** (GROUND_DB / 10) * np.exp(texture) * speckle).astype(np.float32))


def of(seed: int, times: float = 1.0, *, correlated: bool = True) -> LinearPower:
    power = ground(np.random.default_rng(seed), correlated)
    power[YARD] *= np.float32(times)
    return power


@pytest.fixture(scope="module", params=[True, False], ids=["correlated", "white"])
def usual(request: pytest.FixtureRequest) -> tuple[Reference, bool]:
    state = reference.nothing(GRID)
    for seed in range(20):
        state = reference.updated(state, reference.contribution(of(1000 + seed, correlated=request.param), GROUND_DB))
    return state, bool(request.param)


def result(power: LinearPower, state: Reference, zone: Mask = ZONE) -> ratio.Changed:
    made = changed(multilook(power), state, zone)
    assert made is not None
    return made


def test_unchanged_ground_has_almost_no_changed_area(usual: tuple[Reference, bool]) -> None:
    state, correlated = usual
    areas = [result(of(seed, correlated=correlated), state).area_m2(GRID) for seed in range(25)]
    assert np.mean(areas) <= Q * SIDE**2 * 100 / 10
    assert max(areas) <= Q * SIDE**2 * 100


def test_a_yard_that_fills_is_found_with_its_area(usual: tuple[Reference, bool]) -> None:
    state, correlated = usual
    for seed in range(6):
        made = result(of(seed, 4.0, correlated=correlated), state)
        area = made.area_m2(GRID)
        assert area == pytest.approx(10_000, rel=0.3)
        assert made.darker.sum() == 0
        assert made.brighter[YARD].sum() > 0.9 * made.brighter.sum() - 25  # the window reaches one pixel further


def test_a_yard_that_empties_is_darker(usual: tuple[Reference, bool]) -> None:
    """The 3 x 3 window eats the rim of a dark patch: of 10 x 10 pixels that fall by 10 dB the inner 8 x 8 remain."""
    state, correlated = usual
    for seed in range(6):
        made = result(of(seed, 0.1, correlated=correlated), state)
        assert made.brighter.sum() == 0
        assert 6_000 <= made.area_m2(GRID) <= 9_500
        assert made.darker[YARD].sum() >= made.darker.sum() - 2


@pytest.mark.parametrize("times", [2.0, 0.5])
def test_a_zone_that_grows_brighter_as_a_whole_has_not_changed(usual: tuple[Reference, bool], times: float) -> None:
    state, correlated = usual
    for seed in range(5):
        power = LinearPower(of(seed, correlated=correlated) * np.float32(times))
        assert result(power, state).area_m2(GRID) == 0


def test_the_change_is_the_same_under_another_calibration(usual: tuple[Reference, bool]) -> None:
    state, correlated = usual
    power = of(3, 4.0, correlated=correlated)
    one, other = result(power, state), result(LinearPower(power * np.float32(2)), state)
    assert (one.brighter != other.brighter).sum() <= 2


def test_less_than_three_decibels_is_not_counted(usual: tuple[Reference, bool]) -> None:
    state, _ = usual
    for times, area in ((1.9, 0), (2.1, 10_000), (1 / 1.9, 0), (1 / 2.1, 10_000)):
        exact = LinearPower(state.mean.copy())
        exact[YARD] *= np.float32(times)
        made = changed(exact, state, ZONE)
        assert made is not None
        assert made.area_m2(GRID) == area


def test_the_looks_are_those_of_the_picture(usual: tuple[Reference, bool]) -> None:
    """Nine white pixels of 4.4 looks are 39.6, correlated ones about half as many; the reference takes a little off."""
    state, correlated = usual
    looks = np.mean([result(of(seed, correlated=correlated), state).looks for seed in range(5)])
    if correlated:
        assert 12 < looks < 25
    else:
        assert looks == pytest.approx(39.6 / (1 + 1 / 20), rel=0.15)


def test_only_used_pixels_count(usual: tuple[Reference, bool]) -> None:
    state, _ = usual
    away = ZONE.copy()
    away[30:60, 50:80] = False
    assert result(of(1, 4.0), state, away).area_m2(GRID) == 0
    half = of(1, 4.0)
    half[:45] = np.nan
    made = result(half, state)
    assert not made.brighter[:45].any()
    assert made.brighter[46:50].any()


@pytest.mark.parametrize(("pixels", "given"), [(0, False), (ratio.LEAST_SAMPLE - 1, False), (ratio.LEAST_SAMPLE, True)])
def test_too_few_pixels_give_no_answer(usual: tuple[Reference, bool], pixels: int, given: bool) -> None:
    zone: Mask = np.zeros(GRID.shape, bool)
    zone.ravel()[:pixels] = True
    assert (changed(multilook(of(1)), usual[0], zone) is not None) == given


def test_an_unknown_reference_gives_no_answer() -> None:
    assert changed(multilook(of(1)), reference.nothing(GRID), ZONE) is None


@pytest.mark.parametrize("pixels", [ratio.LEAST_PIXELS - 1, ratio.LEAST_PIXELS])
def test_small_patches_are_left_over_speckle(usual: tuple[Reference, bool], pixels: int) -> None:
    state, _ = usual
    exact = LinearPower(state.mean.copy())
    exact[20, 20 : 20 + pixels] *= np.float32(5)
    made = changed(exact, state, ZONE)
    assert made is not None
    assert made.brighter.sum() == (pixels if pixels >= ratio.LEAST_PIXELS else 0)


# the statistics


@given(st.floats(2, 60), st.integers(1, 100), st.integers(0, 1000))
def test_tails_are_those_of_fisher(looks: float, n: int, seed: int) -> None:
    ratio = np.random.default_rng(seed).normal(0, 1 / np.sqrt(looks), 200)
    law = stats.f(2 * looks, 2 * n * looks)
    f = np.exp(ratio) * law.ppf(0.5)
    expected = 2 * np.minimum(law.cdf(f), law.sf(f))
    np.testing.assert_allclose(tails(ratio, looks, n), np.minimum(expected, 1), rtol=0.02)


def test_p_values_of_unchanged_speckle_are_uniform() -> None:
    rng, looks, n = np.random.default_rng(2), 16.0, 20
    ratio = np.log(rng.gamma(looks, 1 / looks, 40_000) / rng.gamma(n * looks, 1 / (n * looks), 40_000))
    p = tails(ratio - np.median(ratio), looks, n)
    for share in (0.01, 0.1, 0.5):
        assert (p < share).mean() == pytest.approx(share, rel=0.15)


def naive_rejections(p: list[float], q: float) -> set[int]:
    """Benjamini & Hochberg (1995): the k smallest, k the largest rank with p(k) <= q k / m."""
    ranked = sorted(range(len(p)), key=lambda i: p[i])
    k = max((rank for rank, i in enumerate(ranked, 1) if p[i] <= q * rank / len(p)), default=0)
    return {i for i in range(len(p)) if k and p[i] <= p[ranked[k - 1]]}


@given(
    st.lists(st.one_of(st.floats(0, 1), st.floats(0, 0.01), st.sampled_from([0.0, 0.001, 0.01])), min_size=1),
    st.sampled_from([0.01, 0.05, 0.2]),
)
def test_benjamini_hochberg(p: list[float], q: float) -> None:
    limit = largest_p(np.array(p), q)
    rejected = {i for i, value in enumerate(p) if value <= limit}
    naive = naive_rejections(p, q)
    assert rejected == naive or (not naive and limit == 0 and rejected == {i for i, v in enumerate(p) if v == 0})
