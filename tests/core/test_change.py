"""Changed area: its test statistic against scipy, nothing on unchanged ground, and planted changes found."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from monitor import reference, simulate
from monitor.change import ratio, scatter
from monitor.change.discoveries import FisherRatio, Student, largest_p, tails, unlikely
from monitor.change.ratio import Q, Weather, changed, p_values, weather
from monitor.change.scatter import Scatter, squeezed
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


def result(
    power: LinearPower,
    state: Reference,
    zone: Mask = ZONE,
    history: Scatter | None = None,
    around: Weather | None = None,
) -> ratio.Changed:
    made = changed(multilook(power), state, zone, history, around)
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
        assert made.brighter_m2(GRID) == pytest.approx(12_000, rel=0.2)  # the window reaches one pixel further
        assert made.darker_m2(GRID) == 0
        assert made.area_m2(GRID) == made.brighter_m2(GRID)
        assert made.brighter[YARD].sum() >= 85


def test_a_yard_that_empties_is_darker(usual: tuple[Reference, bool]) -> None:
    """The 3 x 3 window brightens the rim of a dark patch, not beyond what counts where it falls by 10 dB."""
    state, correlated = usual
    for seed in range(6):
        made = result(of(seed, 0.1, correlated=correlated), state)
        assert made.brighter.sum() <= 10
        assert 8_000 <= made.darker_m2(GRID) <= 10_000
        assert made.darker[YARD].sum() >= made.darker.sum() - 8


@pytest.mark.parametrize("times", [2.0, 0.5])
def test_a_zone_that_grows_brighter_as_a_whole_has_not_changed(usual: tuple[Reference, bool], times: float) -> None:
    state, correlated = usual
    for seed in range(5):
        power = LinearPower(of(seed, correlated=correlated) * np.float32(times))
        made = result(power, state)
        assert made.area_m2(GRID) == 0
        assert made.common_db == pytest.approx(10 * np.log10(times), abs=0.15)


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


# against the pixel's own history

RESTLESS = (slice(60, 100), slice(10, 60))
"""Ground that moves by 2.5 dB from look to look, in parts of 5 x 5 pixels."""


def of_both(seed: int, factor: float = 1.0, part: tuple[slice, slice] = YARD) -> LinearPower:
    rng = np.random.default_rng(seed)
    power = ground(rng)
    moved = np.exp(rng.normal(0, 0.58, (8, 10))).astype(np.float32)
    power[RESTLESS] *= np.repeat(np.repeat(moved, 5, 0), 5, 1)
    power[part] *= np.float32(factor)
    return power


@pytest.fixture(scope="module")
def known() -> tuple[Reference, Scatter]:
    state, usual = reference.nothing(GRID), scatter.nothing(GRID)
    for seed in range(24):
        look = reference.contribution(of_both(1000 + seed), GROUND_DB)
        usual = scatter.updated(usual, look.smooth, state)
        state = reference.updated(state, look)
    return state, usual


def test_restless_ground_is_no_change_to_who_knows_it(known: tuple[Reference, Scatter]) -> None:
    state, usual = known
    restless: Mask = np.zeros(GRID.shape, bool)
    restless[RESTLESS] = True
    one_law, own = [], []
    for seed in range(6):
        smooth = multilook(of_both(seed))
        one_law.append(p_values(smooth, state, ZONE)[restless])
        own.append(p_values(smooth, state, ZONE, usual)[restless])
    assert np.mean(np.array(one_law) < 1e-3) > 0.05
    assert np.mean(np.array(own) < 1e-3) < 0.005


@pytest.mark.parametrize("nominal", [1e-1, 1e-2])
def test_false_alarms_of_quiet_and_restless_ground_together_are_the_nominal_ones(
    known: tuple[Reference, Scatter], nominal: float
) -> None:
    """Neighbours depend on one another and 24 looks are few: within a factor 1.6."""
    state, usual = known
    measured = np.mean([p_values(multilook(of_both(seed)), state, ZONE, usual) < nominal for seed in range(12)])
    assert nominal / 1.6 < measured < nominal * 1.6


def test_a_change_of_quiet_ground_is_found_with_and_without_a_history(known: tuple[Reference, Scatter]) -> None:
    state, usual = known
    for seed in range(5):
        for history in (usual, None):
            assert result(of_both(seed, 4.0), state, history=history).brighter[YARD].mean() > 0.9


def test_a_zone_that_changes_for_the_most_part_is_judged_by_the_ground_around(
    known: tuple[Reference, Scatter],
) -> None:
    """Two thirds of it grow brighter by 7 dB: its own median, 6 dB up, says that the rest grew darker."""
    state, usual = known
    zone: Mask = np.zeros(GRID.shape, bool)
    zone[10:40, 10:40] = True
    power = of_both(5, 5.0, (slice(10, 30), slice(10, 40)))
    for history in (usual, None):
        alone = result(power, state, zone, history)
        assert alone.brighter.sum() == 0
        around = weather(multilook(power), state, ZONE, history)
        assert around is not None
        told = result(power, state, zone, history, around)
        assert told.brighter[10:30, 10:40].mean() > 0.9
        assert told.darker.sum() == 0
        assert told.common_db == pytest.approx(6, abs=0.5)


def test_a_zone_under_its_own_weather_is_compared_with_itself(known: tuple[Reference, Scatter]) -> None:
    """Wet asphalt brightens by 2.7 dB and the ground around does not: less than what counts as change."""
    state, usual = known
    zone: Mask = np.zeros(GRID.shape, bool)
    zone[10:40, 10:40] = True
    power = of_both(6, 10**0.27, (slice(10, 40), slice(10, 40)))
    around = weather(multilook(power), state, ~zone, usual)
    assert result(power, state, zone, usual, around).area_m2(GRID) == 0


def test_a_day_of_more_scatter_makes_no_change(known: tuple[Reference, Scatter]) -> None:
    state, usual = known
    rng = np.random.default_rng(8)
    power = LinearPower(of_both(8) * np.exp(rng.normal(0, 0.8, GRID.shape)).astype(np.float32))
    assert result(power, state, history=usual).area_m2(GRID) <= 2_000


def test_pixels_without_a_history_are_not_judged(known: tuple[Reference, Scatter]) -> None:
    state, usual = known
    half = Scatter(square=usual.square, count=np.where(np.arange(SIDE) < 65, usual.count, 0).astype(np.uint16))
    made = result(of_both(1, 4.0), state, history=half)
    assert made.brighter[:, :65].any()
    assert not made.brighter[:, 65:].any()
    assert changed(multilook(of_both(1)), state, ZONE, scatter.nothing(GRID)) is None
    assert np.isnan(p_values(multilook(of_both(1)), state, ZONE, scatter.nothing(GRID))).all()


def test_scatter_is_the_mean_square_of_what_the_looks_were_away() -> None:
    """Against a loop over looks and pixels; small images are one block."""
    grid = Grid(epsg=32652, left=5e5, top=4.68e6, resolution=10.0, height=20, width=30)
    rng = np.random.default_rng(4)
    looks = rng.gamma(4.4, 0.02, (9, *grid.shape)).astype(np.float32)
    looks[3, :5] = np.nan
    looks[6] *= 3  # rain
    state, usual = reference.nothing(grid), scatter.nothing(grid)
    squares: list[list[float]] = [[] for _ in range(600)]
    for power in looks:
        look = reference.contribution(LinearPower(power), GROUND_DB)
        usual = scatter.updated(usual, look.smooth, state)
        away = np.log(look.smooth.ravel() / np.where(state.mean > 0, state.mean, 1).ravel())
        told = [i for i in range(600) if np.isfinite(away[i]) and state.seen.ravel()[i] >= scatter.LEAST_BEFORE]
        if told:
            middle = sorted(away[i] for i in told)[len(told) // 2]
            for i in told:
                squares[i].append((away[i] - middle) ** 2 / (1 + 1 / state.seen.ravel()[i]))
        state = reference.updated(state, look)
    np.testing.assert_allclose(usual.square.ravel(), [np.mean(s) for s in squares], rtol=1e-3)
    assert usual.count.ravel().tolist() == [len(s) for s in squares]


def test_weather_of_one_part_of_the_image_is_no_scatter_of_the_other() -> None:
    """Sea that grows brighter by 6 dB from look to look, beside land, both more than a block wide."""
    grid = Grid(epsg=32652, left=5e5, top=4.68e6, resolution=10.0, height=64, width=192)
    rng = np.random.default_rng(1)
    state, usual = reference.nothing(grid), scatter.nothing(grid)
    for k in range(10):
        power = rng.gamma(4.4, 0.02, grid.shape).astype(np.float32)
        power[:, :128] *= np.float32(4 ** (k % 2))
        look = reference.contribution(LinearPower(power), GROUND_DB)
        usual = scatter.updated(usual, look.smooth, state)
        state = reference.updated(state, look)
    sea, land = usual.square[:, :120].mean(), usual.square[:, 136:].mean()
    assert sea == pytest.approx(land, rel=0.3)


@pytest.mark.parametrize("count", [6, 20])
@pytest.mark.parametrize("lent", [4.0, 16.0])
def test_lent_degrees_of_freedom_are_found_again(count: int, lent: float) -> None:
    """Variances drawn from Smyth's prior, then sample variances from them."""
    rng = np.random.default_rng(3)
    true = lent * 0.04 / rng.chisquare(lent, 100_000)
    square = (true * rng.chisquare(count, true.size) / count).astype(np.float32)
    variance, found = squeezed(square, np.full(true.size, count))
    assert found == pytest.approx(lent, rel=0.15)
    np.testing.assert_allclose(variance, (lent * 0.04 + count * square) / (lent + count), rtol=0.1)
    # and the squeezed variance is nearer to the true one than that of the sample
    assert np.mean((variance - true) ** 2) < np.mean((square - true) ** 2)


def test_ground_that_is_all_alike_gets_one_variance() -> None:
    rng = np.random.default_rng(3)
    square = (0.03 * rng.chisquare(10, 20_000) / 10).astype(np.float32)
    variance, lent = squeezed(square, np.full(square.size, 10))
    assert lent > 200
    np.testing.assert_allclose(variance, 0.03, rtol=0.2)


# the statistics


@given(st.floats(1, 80), st.floats(0.05, 1), st.integers(0, 1000))
def test_student_is_that_of_scipy(freedom: float, scale: float, seed: int) -> None:
    ratio = np.random.default_rng(seed).normal(0, 0.5, 100).astype(np.float32)
    law = Student(scale=np.full(100, scale, np.float32), freedom=np.full(100, freedom, np.float32))
    expected = 2 * stats.t.sf(np.abs(ratio / np.float32(scale)), np.float32(freedom))
    np.testing.assert_allclose(law.p(ratio, np.arange(100)), expected, rtol=1e-4)


@given(st.integers(0, 1000), st.sampled_from([0.01, 0.2]), st.booleans())
def test_candidates_leave_out_nothing_that_could_be_rejected(seed: int, q: float, own: bool) -> None:
    rng = np.random.default_rng(seed)
    ratio = rng.normal(0, 0.6, 300).astype(np.float32)
    freedom = rng.integers(2, 90, 300).astype(np.float32)
    law = (
        Student(scale=rng.uniform(0.1, 0.4, 300).astype(np.float32), freedom=freedom)
        if own
        else FisherRatio(looks=12.0, mean_of=9)
    )
    p = law.p(ratio, np.arange(300))
    cores, alone = unlikely(ratio, law, q)
    # the tail of F is interpolated within the reach of what is asked, so the last digits differ
    sure = np.abs(np.log(p / q)) > 0.01
    assert ((p <= q) == alone)[sure].all()
    naive = naive_rejections(p.tolist(), q)
    assert abs(int(cores.sum()) - len(naive)) <= 1
    assert (alone | ~cores).all()


def test_a_patch_is_what_hangs_together_with_a_core() -> None:
    """Rows of equal pixels, 3.5 dB up: one of them holds pixels 30 dB up, which alone are cores among all others."""
    rng = np.random.default_rng(2)
    mean = np.full(GRID.shape, 0.05, np.float32)
    state = Reference(
        looks=20,
        histogram=np.zeros((16, *GRID.shape), np.uint8),
        mean=mean,
        lowest=np.zeros((2, *GRID.shape), np.int16),
        seen=np.full(GRID.shape, 20, np.uint16),
    )
    smooth = (mean * np.exp(rng.normal(0, 0.3, GRID.shape).clip(-0.6, 0.6))).astype(np.float32)
    smooth[[30, 60], 20:40] = 0.05 * np.float32(10**0.35)
    smooth[60, 30:32] = 50.0
    made = changed(LinearPower(smooth), state, ZONE)
    assert made is not None
    assert made.brighter[60, 20:40].all()
    assert not made.brighter[30].any()


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
