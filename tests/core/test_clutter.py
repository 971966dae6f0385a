"""The sea: its laws against scipy and Bessel functions, rates against counting, and what a ship must not do to it."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import integrate, ndimage, special, stats

from monitor import clutter, simulate
from monitor.clutter import Law, LawKind, bands, evidence, laws, tables, windows
from monitor.filters import multilook, spread_of_log
from monitor.grid import Grid, Mask
from monitor.radiometry import LinearPower
from monitor.simulate.shapes import rectangle

LOOKS = 4.4
WINDY = -18.0
SHAPE = (160, 160)
WATER: Mask = np.ones(SHAPE, bool)
GRID = Grid(epsg=32652, left=0.0, top=0.0, resolution=10.0, height=500, width=500)
BLUR_M = 8.5


def rough(seed: int, shape: tuple[int, int] = SHAPE, level_db: float = WINDY) -> LinearPower:
    """Speckle as delivered, not smoothed."""
    made = simulate.speckle(shape, np.random.default_rng(seed), LOOKS)
    return LinearPower((made * 10 ** (level_db / 10)).astype(np.float32))


def texture(seed: int, shape: tuple[int, int], order: int, reach: float) -> NDArray[np.float32]:
    """Gamma distributed, mean 1, correlated over `reach` pixels: a mean of squared Gaussian fields."""
    rng = np.random.default_rng(seed)
    total = np.zeros(shape, np.float32)
    for _ in range(2 * order):
        field = ndimage.gaussian_filter(rng.standard_normal(shape, np.float32), reach, mode="wrap")
        total += field**2 / field.var()
    return total / np.float32(2 * order)


# laws


@pytest.mark.parametrize("p", [1e-3, 1e-5, 1e-7])
@pytest.mark.parametrize("looks", [1.0, 4.4, 18.0])
def test_reach_of_the_gamma_law(looks: float, p: float) -> None:
    spread = spread_of_log(looks)
    exact = float(np.log(special.gammainccinv(looks, p) / looks) - (special.digamma(looks) - np.log(looks)))
    assert Law(kind=LawKind.GAMMA).reach(spread, p) == pytest.approx(exact, rel=2e-3)


@pytest.mark.parametrize("p", [1e-3, 1e-5, 1e-7])
def test_reach_of_the_lognormal_law(p: float) -> None:
    assert Law(kind=LawKind.LOGNORMAL).reach(0.3, p) == pytest.approx(0.3 * float(stats.norm.isf(p)), rel=1e-3)


@pytest.mark.parametrize(("looks", "order"), [(4.4, 4.0), (17.5, 4.0), (17.5, 30.0), (1.0, 10.0)])
def test_reach_of_the_k_law(looks: float, order: float) -> None:
    """Its tail is an integral over the texture."""
    law = Law(kind=LawKind.K, looks=looks)
    mean = special.digamma(looks) - math.log(looks) + special.digamma(order) - math.log(order)
    for p in (1e-3, 1e-5, 1e-7):
        over = math.exp(mean + law.reach(math.hypot(spread_of_log(looks), spread_of_log(order)), p))

        def part(level: float, over: float = over) -> float:
            return float(
                special.gammaincc(looks, looks * over / level) * stats.gamma.pdf(level, order, scale=1 / order)
            )

        tail, _ = integrate.quad(part, 0, 60, limit=400, points=[0.5, 1, 2, 4, 8])
        assert tail == pytest.approx(p, rel=0.03)


@given(st.floats(0.15, 1.2), st.sampled_from(list(LawKind)), st.floats(1.0, 30.0), st.floats(0.3, 1.0))
@settings(max_examples=40, deadline=None)
def test_every_law_has_the_spread_it_is_asked_for(spread: float, kind: LawKind, looks: float, evenness: float) -> None:
    density = Law(kind=kind, looks=looks, evenness=evenness).density(spread)
    mean = float((density * laws.GRID).sum()) * laws.STEP
    assert float(density.sum()) * laws.STEP == pytest.approx(1)
    assert mean == pytest.approx(0, abs=0.02)
    assert float((density * (laws.GRID - mean) ** 2).sum()) * laws.STEP == pytest.approx(1, abs=0.06)


@pytest.mark.parametrize("neighbour", [0.3, 0.61, 0.75])
def test_the_mean_of_correlated_pixels_has_the_tail_of_its_evenness(neighbour: float) -> None:
    """Against the exact law, by Fourier transform of prod(1 - i w t / L)^-L."""
    matrix = neighbour ** (np.abs(np.subtract.outer(np.arange(3), np.arange(3))) ** 2.0)
    weights = np.outer(np.linalg.eigvalsh(matrix), np.linalg.eigvalsh(matrix)).ravel() / 9
    size, top = 2**14, 8.0
    frequency = 2 * np.pi * np.fft.fftfreq(size, top / size)
    transform = np.exp(-LOOKS * sum(np.log(1 + 1j * frequency * w / LOOKS) for w in weights))
    density = np.maximum(np.fft.ifft(transform).real, 0)[1:]
    log = np.log(np.arange(1, size) * top / size)
    mean = float(density @ log / density.sum())
    spread = math.sqrt(float(density @ (log - mean) ** 2 / density.sum()))
    tail = np.cumsum(density[::-1])[::-1] / density.sum()
    law = Law(kind=LawKind.GAMMA, evenness=laws.evenness_of_mean(neighbour))
    for p in (1e-3, 1e-5, 1e-7):
        true = float(np.exp(np.interp(mean + law.reach(spread, p), log, np.log(np.maximum(tail, 1e-14)))))
        assert 1 / 1.3 < true / p < 1.3


def test_independent_pixels_are_even_and_equal_ones_are_one() -> None:
    assert laws.evenness_of_mean(0.0) == pytest.approx(1)
    assert laws.evenness_of_mean(1.0) == pytest.approx(1 / 9)


@pytest.mark.parametrize("neighbour", [0.1, 0.61, 0.95])
def test_the_eigenvalues_follow_from_the_evenness(neighbour: float) -> None:
    matrix = neighbour ** (np.abs(np.subtract.outer(np.arange(3), np.arange(3))) ** 2.0)
    line = np.linalg.eigvalsh(matrix) / 3
    assert laws._weights(laws.evenness_of_mean(neighbour)) == pytest.approx(np.outer(line, line).ravel(), abs=1e-6)


@pytest.mark.parametrize("evenness", [1 / 9, 0.44, 1.0])
def test_looks_of_the_mean_of_pixels(evenness: float) -> None:
    """Of one pixel where the nine are one, of nine where they are independent, as counted in between."""
    exact = {1 / 9: LOOKS, 1.0: 9 * LOOKS}
    if evenness not in exact:
        made = multilook(rough(3, (900, 900)))[1:-1, 1:-1]
        assert spread_of_log(laws.looks_of_mean(LOOKS, evenness)) == pytest.approx(float(np.log(made).std()), rel=0.02)
    else:
        assert laws.looks_of_mean(LOOKS, evenness) == pytest.approx(exact[evenness], rel=0.01)


@pytest.mark.parametrize("cut", [0.5, 2.0, 3.0])
def test_uncensored_moments_are_those_of_all_pixels(cut: float) -> None:
    log = np.log(np.random.default_rng(1).gamma(9.0, 1 / 9.0, 400_000))
    below = log[log < log.mean() + cut * log.std()]
    parts = (np.array([v], np.float32) for v in (below.mean(), below.std(), log.mean() + cut * log.std()))
    mean, spread = laws.uncensored(Law(kind=LawKind.GAMMA), spread_of_log(9.0), *parts)
    assert float(mean[0]) == pytest.approx(log.mean(), abs=0.01 * log.std())
    assert float(spread[0]) == pytest.approx(log.std(), rel=0.01)


# evidence


def residuals(log: NDArray[np.float64]) -> tuple[NDArray[np.float32], float]:
    return ((log - log.mean()) / log.std()).astype(np.float32), float(log.std())


@pytest.mark.parametrize("kind", list(LawKind))
def test_the_law_that_made_the_sea_is_chosen(kind: LawKind) -> None:
    rng, n = np.random.default_rng(5), 60_000
    log = {
        LawKind.LOGNORMAL: rng.normal(0, 0.5, n),
        LawKind.GAMMA: np.log(rng.gamma(4.4, 1, n)),
        LawKind.K: np.log(rng.gamma(4.4, 1, n) * rng.gamma(4.0, 1, n)),
    }
    fit = evidence.chosen(*residuals(log[kind]), n)
    assert fit.law.kind is kind
    assert (fit.location, fit.scale) == pytest.approx((0, 1), abs=0.02)


def test_known_looks_set_the_speckle_of_the_k_law() -> None:
    rng, n = np.random.default_rng(5), 60_000
    log = np.log(rng.gamma(12.0, 1, n) * rng.gamma(4.0, 1, n))
    law = evidence.chosen(*residuals(log), n, looks=60.0).law  # the rest of the spread is texture
    assert law.kind is LawKind.K
    assert law.looks >= 60 * (1 - 1e-9)
    assert evidence.chosen(*residuals(log), n, looks=2.0) == evidence.chosen(*residuals(log), n)


def test_a_sea_of_more_spread_than_its_speckle_is_not_even() -> None:
    rng, n = np.random.default_rng(5), 60_000
    log = np.log(rng.gamma(4.4, 1, n))
    assert evidence.chosen(*residuals(log), n, looks=4.2).law.kind is LawKind.GAMMA
    assert evidence.chosen(*residuals(log), n, looks=6.0).law.kind is not LawKind.GAMMA


def test_how_deep_the_gaps_of_the_sea_are_says_nothing_of_its_tail() -> None:
    rng, n = np.random.default_rng(5), 60_000
    sample, spread = residuals(np.log(rng.gamma(17.0, 1, n)))
    deeper = np.where(sample < evidence.LOW, sample - np.float32(1), sample)
    assert evidence.chosen(deeper, spread, n) == evidence.chosen(sample, spread, n)


def test_ships_do_not_change_the_law() -> None:
    rng, n = np.random.default_rng(5), 60_000
    values, spread = residuals(np.log(rng.gamma(4.4, 1, n)))
    values[: n // 200] = rng.uniform(3, 12, n // 200)
    fit = evidence.chosen(values, spread, n)
    assert fit.law.kind is LawKind.GAMMA
    assert fit.scale == pytest.approx(1, abs=0.02)


def test_too_small_a_sea_tells_no_law() -> None:
    assert evidence.chosen(np.zeros(500, np.float32), 0.5, 500) == evidence.UNKNOWN


# sums over blocks and windows


def spoilt(shape: tuple[int, int]) -> tuple[LinearPower, Mask]:
    """Speckle with land, a gap, no-data zeros and a pixel out of all bounds."""
    power, water = rough(21, shape), np.random.default_rng(2).random(shape) < 0.8
    power[: shape[0] // 3, 4:13] = np.nan
    power[2, -5:] = 0
    power[shape[0] // 2, 1] = np.inf
    return power, water


def slow_sums(
    power: LinearPower, water: Mask, centre: NDArray[np.float32], cut: NDArray[np.float32]
) -> dict[tuple[int, int], tuple[int, float, float]]:
    found = {}
    for i, j in np.ndindex(centre.shape):
        at = slice(4 * i, 4 * i + 4), slice(4 * j, 4 * j + 4)
        values = np.log(np.maximum(power[at], 1e-6), dtype=float) - centre[i, j]
        values = values[water[at] & (values < cut[i, j])]
        found[i, j] = values.size, float(values.sum()), float((values**2).sum())
    return found


@pytest.mark.parametrize("band", [100, 1 << 19])
@pytest.mark.parametrize("holes", [False, True])
@pytest.mark.parametrize("shape", [(24, 32), (23, 31), (3, 2)])
def test_sums_over_blocks_are_those_of_a_slow_loop(
    shape: tuple[int, int], holes: bool, band: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bands, "BAND", band)
    power, water = spoilt(shape) if holes and shape[1] > 13 else (rough(21, shape), np.ones(shape, bool))
    rng, blocks = np.random.default_rng(3), bands.blocks_of(shape)
    centre = rng.normal(math.log(0.015), 0.3, blocks).astype(np.float32)
    cut = rng.normal(0.5, 0.5, blocks).astype(np.float32)
    without = rng.random(blocks) < 0.2
    level = np.float32(-4)
    everything = bands.block_sums(power, water, level)
    dim = bands.block_sums(power, water, centre, cut, without=without)
    unbound = np.full(blocks, np.inf, np.float32)
    for sums, slow in (
        (everything, slow_sums(power, water, np.full(blocks, level), unbound)),
        (dim, slow_sums(power, water & ~bands.spread_out(without, shape), centre, cut)),
    ):
        for at, (count, first, second) in slow.items():
            assert int(sums.count[at]) == count
            assert (float(sums.first[at]), float(sums.second[at])) == pytest.approx((first, second), rel=1e-4, abs=1e-5)


def test_no_pixel_is_used_where_the_centre_is_unknown() -> None:
    centre = np.full((4, 4), -4, np.float32)
    centre[1, 2] = np.nan
    sums = bands.block_sums(rough(1, (16, 16)), WATER[:16, :16], centre, np.full_like(centre, 9))
    assert (sums.count == np.where(np.isnan(centre), 0, 16)).all()
    assert np.isfinite(sums.second).all()


@pytest.mark.parametrize("band", [900, 1 << 19])
@pytest.mark.parametrize("shape", [(41, 57), (3, 40), (1, 1)])
def test_windows_are_those_of_a_slow_loop(shape: tuple[int, int], band: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bands, "BAND", band)
    rng = np.random.default_rng(4)
    count = rng.integers(0, 17, shape).astype(np.uint8)
    count[:, 20:] = 0
    count[:, 30:] = 16
    without = rng.random(shape) < 0.3
    first = (rng.normal(0.3, 0.2, shape) * count).astype(np.float32)
    second = (first**2 / np.maximum(count, 1) + rng.random(shape) * count).astype(np.float32)
    made = windows.windows_of(bands.Sums(count=count, first=first, second=second), map, without)
    for i, j in np.ndindex(shape):
        at = slice(max(0, i - 7), i + 8), slice(max(0, j - 7), j + 8)
        n, one, two = (float(v[at][~without[at]].sum(dtype=float)) for v in (count, first, second))
        assert made.count[i, j] == n
        expected = (one / n, two / n - (one / n) ** 2) if n else (math.nan, math.nan)
        assert (float(made.mean[i, j]), float(made.variance[i, j])) == pytest.approx(
            expected, rel=1e-4, abs=1e-5, nan_ok=True
        )


def slow_guard(level: NDArray[np.float64]) -> Mask:
    used: Mask = np.ones(level.shape, bool)
    for factor in (2.0, 2.0, 4.0):
        left = np.zeros_like(used)
        for i, j in np.ndindex(level.shape):
            at = slice(max(0, i - 7), i + 8), slice(max(0, j - 7), j + 8)
            kept = level[at][used[at]]
            left[i, j] = level[i, j] <= kept.mean() + factor * kept.std() / math.sqrt(0.886)
        used = left
    return np.asarray(ndimage.binary_dilation(~used, np.ones((3, 3), bool)))


@pytest.mark.parametrize("band", [900, 1 << 19])
def test_the_guard_is_that_of_a_slow_loop(band: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bands, "BAND", band)
    level = np.random.default_rng(6).normal(0, 0.3, (43, 50))
    level[10:13, 20:22] += 3
    level[0, 49] += 3
    first = (16 * level).astype(np.float32)
    sums = bands.Sums(count=np.full(level.shape, 16, np.uint8), first=first, second=first**2)
    guard = windows.guarded(sums, map)
    assert guard[9:14, 19:23].all()
    assert guard[1, 48]
    assert np.array_equal(guard, slow_guard(level))


@pytest.mark.parametrize("shape", [(24, 32), (23, 31), (3, 2)])
def test_over_the_limit_of_the_block(shape: tuple[int, int]) -> None:
    power, water = rough(22, shape), np.random.default_rng(2).random(shape) < 0.8
    power[0, 0] = np.nan
    limit = np.random.default_rng(3).normal(-4, 0.5, bands.blocks_of(shape)).astype(np.float32)
    limit[-1, -1] = np.nan
    made = bands.over(power, water, limit)
    assert np.array_equal(made, (power > np.exp(bands.spread_out(limit, shape))) & water)


@given(st.integers(0, 5000), st.integers(1, 700), st.sampled_from([1, 4, 5]))
def test_even_parts_cover_all_once(size: int, most: int, unit: int) -> None:
    made = bands.evenly(size, most * unit, unit)
    assert [i for part in made for i in range(part.start, part.stop)] == list(range(size))
    assert all(part.start % unit == 0 and part.stop - part.start <= most * unit for part in made)


def test_tables_are_as_good_as_interpolation() -> None:
    points = np.linspace(0.5, 3.5, 301)
    at = np.random.default_rng(1).uniform(-1, 5, 2000).astype(np.float32)
    at[:2] = 1e9, -1e9
    sine, root = tables.table(0.5, 3.5, np.sin(points), np.sqrt(points)).looked_up(at.copy())
    assert sine == pytest.approx(np.interp(at, points, np.sin(points)), abs=2e-6)
    assert root == pytest.approx(np.interp(at, points, np.sqrt(points)), abs=2e-6)
    (unknown,) = tables.table(0.5, 3.5, points).looked_up(np.full(3, np.nan, np.float32))
    assert np.isnan(unknown).all()


def test_what_the_cut_took_is_given_back_as_the_law_does() -> None:
    """The table of `whole` against the law itself."""
    rng, shape = np.random.default_rng(7), (40, 50)
    mean = rng.normal(-0.1, 0.1, shape).astype(np.float32)
    variance = rng.uniform(0.02, 0.4, shape).astype(np.float32)
    cut = (mean + np.sqrt(variance) * rng.uniform(1.8, 12, shape)).astype(np.float32)
    law = Law(kind=LawKind.GAMMA, evenness=0.6)
    expected, spread = laws.uncensored(law, 0.4, mean, np.sqrt(variance), cut)
    made = windows.Windows(count=np.ones(shape, np.float32), mean=mean, variance=variance.copy())
    shift, squared = windows.whole(made, law, 0.4, cut, map)
    assert shift == pytest.approx(expected, abs=2e-5)
    assert np.sqrt(squared) == pytest.approx(spread, rel=2e-5)


# the sea around


def test_a_flat_sea_is_described_exactly() -> None:
    """No speckle: the logarithm of the power, and the least spread."""
    power = LinearPower(np.full(SHAPE, 10 ** (WINDY / 10), np.float32))
    around = clutter.sea_around(power, WATER)
    assert around.mean == pytest.approx(math.log(10 ** (WINDY / 10)), abs=1e-4)
    assert around.spread == pytest.approx(windows.LEAST_SPREAD)


def slow_sea(power: NDArray[np.float32], row: int, column: int) -> tuple[float, float]:
    """Mean and spread of ln(power) over the window of whole blocks around a pixel, nothing left out."""
    half = windows.WINDOW // 2
    rows, columns = (
        slice(max(0, (i // bands.BLOCK - half) * bands.BLOCK), (i // bands.BLOCK + half + 1) * bands.BLOCK)
        for i in (row, column)
    )
    values = np.log(power[rows, columns])
    return float(values.mean()), float(values.std())


@pytest.mark.parametrize("shape", [(160, 160), (163, 161)])
def test_the_level_around_a_pixel_is_that_of_a_slow_window(shape: tuple[int, int]) -> None:
    """What the cut takes away is given back, so the slow window needs no cut."""
    power = multilook(rough(11, shape))
    around = clutter.sea_around(power, np.ones(shape, bool))
    for row, column in ((80, 80), (0, 0), (40, 120), (159, 75), (shape[0] - 1, shape[1] - 1)):
        mean, spread = slow_sea(power, row, column)
        assert float(around.mean[row, column]) == pytest.approx(mean, abs=0.15 * spread)
        assert float(around.spread[row, column]) == pytest.approx(spread, rel=0.2)  # drawn to that of the look


def test_an_even_sea_has_one_spread_and_an_uneven_one_has_not() -> None:
    water: Mask = np.ones((600, 600), bool)
    differences = []
    for seed in range(3, 6):
        power = multilook(rough(seed, water.shape))
        even = clutter.sea_around(power, water).spread
        differences.append(float(even.std() / even.mean()))
    assert np.mean(differences) < 0.008  # 0.04 by chance alone in windows that are left to themselves
    power[:, 300:] **= 2  # twice the spread of the logarithm
    uneven = clutter.sea_around(power, water).spread
    assert float(uneven[300, 500] / uneven[300, 100]) == pytest.approx(2, rel=0.15)


def test_the_cut_does_not_make_the_sea_look_smoother() -> None:
    """Seas too small for a fit, which would hide it: without `whole` the spread is 2.3 % too small."""
    shape = (60, 60)
    ratios = []
    for seed in range(20):
        power = multilook(rough(seed, shape))
        ratios.append(float(clutter.sea_around(power, np.ones(shape, bool)).spread[30, 30] / np.log(power).std()))
    assert np.mean(ratios) == pytest.approx(1, abs=0.018)


def test_wind_changes_the_sea_from_place_to_place() -> None:
    power = multilook(rough(12))
    power[:, 80:] *= 10
    around = clutter.sea_around(power, WATER)
    assert float(around.mean[80, 150] - around.mean[80, 10]) == pytest.approx(math.log(10), abs=0.1)


def test_land_and_gaps_do_not_describe_the_sea() -> None:
    power = multilook(rough(13))
    water = WATER.copy()
    water[:, :60] = False
    plain = clutter.sea_around(power, water)
    spoilt = power.copy()
    spoilt[:, :60] = 1e3
    spoilt[100:, :60] = np.nan
    assert np.array_equal(plain.mean, clutter.sea_around(LinearPower(spoilt), water).mean, equal_nan=True)
    assert np.isnan(plain.mean[80, 20])  # more than half a window from water
    assert not clutter.exceeding(LinearPower(spoilt), water, plain).any()


def test_without_water_there_is_no_sea() -> None:
    power = rough(1)
    for values, water in ((power, ~WATER), (LinearPower(np.full(SHAPE, np.nan, np.float32)), WATER)):
        around = clutter.sea_around(values, water)
        assert np.isnan(around.mean).all()
        assert not clutter.exceeding(values, water, around).any()


def test_threads_and_bands_do_not_change_a_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    power = multilook(rough(14, (403, 301)))
    power[100:140, 50:90] = np.nan
    water = np.random.default_rng(1).random(power.shape) < 0.9

    def result(each: bands.Each) -> tuple[NDArray[np.generic], ...]:
        around = clutter.sea_around(power, water, each=each)
        return around.block_mean, around.block_spread, clutter.exceeding(power, water, around, 1e-2, each=each)

    whole = result(map)
    monkeypatch.setattr(bands, "BAND", 900)
    with ThreadPoolExecutor(3) as pool:
        parts = result(pool.map)
    assert all(np.array_equal(a, b, equal_nan=a.dtype == np.float32) for a, b in zip(whole, parts, strict=True))


# false alarms


@pytest.mark.parametrize(
    ("level_db", "order", "reach"), [(-22.0, None, 0.0), (-12.0, 10, 4.0), (-10.0, 4, 6.0)], ids=["even", "K10", "K4"]
)
def test_the_rate_of_false_alarms_is_the_nominal_one(level_db: float, order: int | None, reach: float) -> None:
    """Down to what 2 million pixels can show; the benchmark goes on to 1e-7."""
    shape, alarms, pixels = (700, 700), np.zeros(2), 0
    water: Mask = np.ones(shape, bool)
    for seed in range(4):
        power = rough(seed, shape, level_db)
        if order is not None:
            power = LinearPower(power * texture(100 + seed, shape, order, reach))
        made = clutter.prepared(power, water)
        around = clutter.sea_around(made.power, water, evenness=made.evenness, looks=made.looks)
        alarms += [clutter.exceeding(made.power, water, around, p).sum() for p in (1e-3, 1e-4)]
        pixels += water.size
    assert alarms[0] / pixels == pytest.approx(1e-3, rel=0.25)
    assert 1e-4 / 1.6 < alarms[1] / pixels < 1e-4 * 1.6


def test_more_false_alarms_are_allowed_more_pixels_stand_out() -> None:
    power = multilook(rough(2, (400, 400)))
    water: Mask = np.ones(power.shape, bool)
    around = clutter.sea_around(power, water)
    found = [clutter.exceeding(power, water, around, p) for p in (1e-2, 1e-3, 1e-4)]
    assert not (found[1] & ~found[0]).any()
    assert not (found[2] & ~found[1]).any()


def test_on_a_sea_of_the_least_spread_the_rate_alone_is_content_with_three_decibels() -> None:
    power = LinearPower(np.full(SHAPE, 10 ** (WINDY / 10), np.float32))
    power[80, 80] *= np.float32(10**0.3)
    around = clutter.sea_around(power, WATER)
    assert np.argwhere(clutter.exceeding(power, WATER, around)).tolist() == [[80, 80]]


# ships


def ships(hulls: list[tuple[float, float, float, float]], seed: int = 1) -> tuple[LinearPower, Mask]:
    """Ships 20 dB over the sea (column, row, length, width in m), and where they are."""
    mean, there = np.ones(GRID.shape, np.float32), np.zeros(GRID.shape, np.float32)
    for column, row, length, width in hulls:
        x, y = GRID.xy(row, column)
        at, share = rectangle(GRID, x=x, y=y, heading_deg=90, length_m=length, width_m=width, sigma_m=BLUR_M)
        mean[at] += share * 100
        there[at] += share
    return LinearPower(mean * rough(seed, GRID.shape)), there > 0.5


@pytest.mark.parametrize(
    "hulls",
    [[(250, 250, 300, 45)], [(250 + dx, 250 + dy, 100, 18) for dx, dy in ((0, 0), (14, 0), (-14, 0), (0, 9), (0, -9))]],
    ids=["one of 300 m", "five close by"],
)
def test_ships_do_not_raise_the_sea_they_are_measured_against(hulls: list[tuple[float, float, float, float]]) -> None:
    water: Mask = np.ones(GRID.shape, bool)
    power, there = ships(hulls)
    with_ships, without = (clutter.sea_around(multilook(p), water) for p in (power, rough(1, GRID.shape)))
    assert float(with_ships.mean[250, 250]) == pytest.approx(float(without.mean[250, 250]), abs=0.05)
    assert float(with_ships.spread[250, 250]) == pytest.approx(float(without.spread[250, 250]), rel=0.05)
    found = clutter.exceeding(multilook(power), water, with_ships)
    assert found[there].mean() > 0.97
    assert not (found & ~ndimage.binary_dilation(there, iterations=6)).any()


# level and speckle


@pytest.mark.parametrize("share", [0.0, 0.3])
def test_the_level_of_the_sea_withstands_ships_and_quays(share: float) -> None:
    power = rough(13)
    power[np.random.default_rng(0).random(SHAPE) < share] *= 100
    level = clutter.sea_level_db(power, WATER)
    assert level == pytest.approx(WINDY - 1.3, abs=1.2)  # the 30th percentile of 4.4 looks lies 1.3 dB below the mean


def test_without_water_there_is_no_level() -> None:
    assert math.isnan(clutter.sea_level_db(rough(1), ~WATER))
    assert math.isnan(clutter.equivalent_looks(rough(1), ~WATER))


@pytest.mark.parametrize("looks", [1.0, 4.4, 20.0])
def test_equivalent_looks_of_speckle_in_any_wind(looks: float) -> None:
    wind = np.geomspace(1, 10, 700, dtype=np.float32)
    power = simulate.speckle((700, 700), np.random.default_rng(2), looks) * wind
    power[300:320, 300:340] = 100
    assert clutter.equivalent_looks(LinearPower(power), np.ones(power.shape, bool)) == pytest.approx(looks, rel=0.06)


@pytest.mark.parametrize(("order", "reach"), [(None, 0.0), (10, 6.0), (4, 6.0)])
def test_texture_is_told_from_speckle(order: int | None, reach: float) -> None:
    shape = (700, 700)
    power = rough(5, shape)
    if order is not None:
        power = LinearPower(power * texture(6, shape, order, reach))
    looks = clutter.prepared(power, np.ones(shape, bool)).looks
    speckle = float(np.log(multilook(rough(5, shape))).std())
    assert looks is not None
    assert spread_of_log(looks) == pytest.approx(speckle, rel=0.09)  # the spread of all is 0.24, 0.39 and 0.55


def test_strong_speckle_is_smoothed_before_detection() -> None:
    power, smooth = rough(1), LinearPower(np.random.default_rng(1).gamma(40, 1 / 40, SHAPE).astype(np.float32))
    assert clutter.ready(smooth, WATER) is smooth
    assert clutter.prepared(smooth, WATER).evenness == 1
    assert np.array_equal(clutter.ready(power, WATER), multilook(power))


def test_evenness_follows_from_how_alike_neighbours_are() -> None:
    rng = np.random.default_rng(1)
    white = LinearPower(rng.gamma(LOOKS, 1 / LOOKS, (500, 500)).astype(np.float32))
    water: Mask = np.ones(white.shape, bool)
    assert clutter.prepared(white, water).evenness == pytest.approx(1, abs=0.05)
    assert clutter.prepared(rough(1, (500, 500)), water).evenness == pytest.approx(
        laws.evenness_of_mean(0.61), abs=0.05
    )
