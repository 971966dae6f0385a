"""What an optical track usually shows: against plain least squares, and against made-up seasons, clouds and breaks."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from monitor.change import seasonal
from monitor.change.seasonal import Changed, Compared, Seasonal, state
from monitor.grid import Mask

BANDS = ("b02", "b03", "b04", "b08", "b11")
SHAPE = (40, 50)
N = SHAPE[0] * SHAPE[1]
ALL = np.ones(N, bool)
START = datetime(2020, 9, 1, tzinfo=UTC)
CORNER = np.zeros(SHAPE, bool)
CORNER[:12, :12] = True
GROUND = np.array([0.06, 0.08, 0.10, 0.25, 0.20])
SEASON = np.array([-0.01, -0.01, -0.02, 0.08, 0.04])
CLOUD, SNOW = (np.array(colour)[:, None] for colour in ([0.5, 0.5, 0.5, 0.55, 0.35], [0.7, 0.7, 0.65, 0.5, 0.08]))
BUILT = np.array([0.06, 0.08, 0.10, 0.02, 0.10])
Array = NDArray[np.float32]


def after(days: float) -> datetime:
    return START + timedelta(days=days)


class Land:
    """Pixels of different seasonality; the bands' noise is correlated."""

    def __init__(self, seed: int = 0) -> None:
        self.random = np.random.default_rng(seed)
        self.season = SEASON[:, None] * self.random.uniform(0, 1.5, N)

    def look(self, days: float, noise: float = 0.015) -> Array:
        wave = np.cos(2 * np.pi * (days - 300) / 365.2422)
        shared, own = self.random.normal(size=(1, N)), self.random.normal(size=(5, N))
        return np.asarray(GROUND[:, None] + self.season * wave + noise * (0.8 * shared + 0.6 * own), np.float32)

    def followed(self, days: range) -> Seasonal:
        known = seasonal.nothing(N, BANDS)
        for day in days:
            known = seasonal.updated(known, self.look(day), ALL, after(day))
        return known


@pytest.fixture(scope="module")
def land() -> Land:
    return Land()


@pytest.fixture(scope="module")
def known(land: Land) -> Seasonal:
    """Two years of a clear look every 12 days."""
    return land.followed(range(0, 730, 12))


def changes(look: Compared) -> Changed | None:
    return seasonal.changed(look, np.ones(SHAPE, bool), np.isfinite(look.distance).reshape(SHAPE))


def found(look: Compared) -> Changed:
    change = changes(look)
    assert change is not None
    return change


def covered(values: Array, where: Mask, colour: NDArray[np.float64], share: float) -> Array:
    out = values.copy()
    out[:, where.ravel()] = ((1 - share) * values + share * colour)[:, where.ravel()]
    return out


@pytest.fixture
def unweighted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "HUBER", 1e6)
    monkeypatch.setattr(state, "LASTING", 0)


def test_equals_ridge_regression_on_the_whole_history(unweighted: None) -> None:
    random = np.random.default_rng(3)
    days, n = np.sort(random.uniform(0, 900, 40)), 30
    values = random.uniform(0.02, 0.5, (40, 5, n)).astype(np.float32)
    clear = random.random((40, n)) < 0.7
    known = seasonal.nothing(n, BANDS)
    for day, value, seen in zip(days, values, clear, strict=True):
        known = seasonal.updated(known, np.where(seen, value, np.nan), seen, after(day))
    asked = after(1000)
    for pixel in range(n):
        use = clear[:, pixel]
        rows = np.array([_row(after(d)) for d in days[use]] + [(0, 1 / state.WAVE, 0), (0, 0, 1 / state.WAVE)])
        right = np.vstack([values[use, :, pixel], np.zeros((2, 5))])
        fit = np.linalg.lstsq(rows, right, rcond=None)[0]
        np.testing.assert_allclose(seasonal.expected(known, asked)[:, pixel], _row(asked) @ fit, atol=2e-4)
    assert np.array_equal(known.seen, clear.sum(axis=0))


def test_looks_of_one_season_alone_are_solved_well(unweighted: None) -> None:
    random = np.random.default_rng(4)
    days, values = np.arange(64) / 8, random.uniform(0.1, 0.3, (64, 5, 8)).astype(np.float32)
    known = seasonal.nothing(8, BANDS)
    for day, value in zip(days, values, strict=True):
        known = seasonal.updated(known, value, np.ones(8, bool), after(day))
    rows = np.array([_row(after(d)) for d in days] + [(0, 1 / state.WAVE, 0), (0, 0, 1 / state.WAVE)])
    for asked in (after(4), after(180)):
        fit = np.linalg.lstsq(rows, np.vstack([values.reshape(64, -1), np.zeros((2, 40))]), rcond=None)[0]
        np.testing.assert_allclose(seasonal.expected(known, asked).ravel(), _row(asked) @ fit, atol=2e-3)


def test_bands_that_never_vary() -> None:
    known = seasonal.nothing(N, BANDS)
    for day in range(0, 120, 10):
        known = seasonal.updated(known, np.full((5, N), 0.1, np.float32), ALL, after(day))
    look = seasonal.compared(known, np.full((5, N), 0.1, np.float32), ALL, after(130))
    assert float(look.distance.max()) < 0.1


def _row(when: datetime) -> NDArray[np.float64]:
    angle = 2 * np.pi * (when - datetime(2000, 1, 1, tzinfo=UTC)).total_seconds() / 86400 / 365.2422
    return np.array([1, np.cos(angle), np.sin(angle)])


def test_the_season_is_learnt(land: Land, known: Seasonal) -> None:
    for day in (740, 830, 920, 1010):
        truth = GROUND[:, None] + land.season * np.cos(2 * np.pi * (day - 300) / 365.2422)
        error = seasonal.expected(known, after(day)) - truth
        assert np.sqrt(np.mean(error**2)) < 0.015 * 0.35  # 61 looks, three coefficients: 0.22, and the prior


@given(st.integers(0, 2**32 - 1), st.integers(0, 400), st.integers(0, 400))
def test_two_looks_in_either_order(seed: int, first: int, second: int) -> None:
    random = np.random.default_rng(seed)
    a, b = random.uniform(0.1, 0.12, (2, 5, 20)).astype(np.float32)  # alike: neither is far off
    clear = random.random((2, 20)) < 0.7
    start = seasonal.nothing(20, BANDS)
    one = seasonal.updated(seasonal.updated(start, a, clear[0], after(first)), b, clear[1], after(second))
    other = seasonal.updated(seasonal.updated(start, b, clear[1], after(second)), a, clear[0], after(first))
    np.testing.assert_allclose(one.gram, other.gram, atol=1e-5)
    np.testing.assert_allclose(one.right, other.right, atol=1e-5)
    assert np.array_equal(one.seen, other.seen)


@given(st.integers(0, 2**32 - 1))
def test_a_pixel_that_was_not_clear_stays_as_it_was(seed: int) -> None:
    random = np.random.default_rng(seed)
    known = seasonal.nothing(60, BANDS)
    for day in range(0, 100, 10):
        value = random.uniform(0, 1, (5, 60)).astype(np.float32)
        known = seasonal.updated(known, value, random.random(60) < 0.6, after(day))
    clear = random.random(60) < 0.5
    later = seasonal.updated(known, np.where(clear, 0.3, np.nan).astype(np.float32) * np.ones((5, 1), np.float32),
                             clear, after(120))  # fmt: skip
    for name in ("gram", "right", "variance", "seen", "left_out"):
        before, now = getattr(known, name), getattr(later, name)
        assert np.array_equal(before[..., ~clear], now[..., ~clear]), name
    learnt, put_off = later.seen > known.seen, later.left_out > known.left_out
    assert np.array_equal(learnt ^ put_off, clear)
    assert np.all(later.gram[0, learnt] > known.gram[0, learnt])
    assert all(np.isfinite(getattr(later, name)).all() for name in ("gram", "right", "variance"))


def test_blocks_do_not_matter(land: Land, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Land(5).followed(range(0, 240, 20))
    monkeypatch.setattr(state, "BLOCK", 97)
    parts = Land(5).followed(range(0, 240, 20))
    look = Land(6).look(250)
    np.testing.assert_allclose(whole.gram, parts.gram, rtol=1e-5)
    np.testing.assert_allclose(whole.variance, parts.variance, rtol=1e-4)
    one, other = (seasonal.compared(s, look, ALL, after(250)).distance for s in (whole, parts))
    np.testing.assert_allclose(one, other, rtol=1e-3)


def test_unchanged_land_follows_the_law_of_chi(land: Land, known: Seasonal) -> None:
    looks = [seasonal.compared(known, land.look(d), ALL, after(d)).distance for d in range(740, 1100, 30)]
    distance = np.concatenate(looks)
    for share in (0.25, 0.5, 0.9):
        assert np.quantile(distance, share) == pytest.approx(stats.chi.ppf(share, 5), rel=0.1)
    assert 2e-4 < np.mean(distance > stats.chi.ppf(0.999, 5)) < 4e-3


def test_the_first_spring_is_no_change() -> None:
    land, known = Land(7), seasonal.nothing(N, BANDS)
    compared = 0
    for day in range(0, 900, 9):
        change = changes(seasonal.compared(known, land.look(day), ALL, after(day)))
        if change is not None:
            compared += 1
            assert change.share() < 0.002, day
        known = seasonal.updated(known, land.look(day), ALL, after(day))
    assert compared == 100 - seasonal.LEAST_LOOKS


def test_too_few_clear_looks_are_nothing_to_compare_with() -> None:
    land = Land(8)
    known = land.followed(range(0, 12 * (seasonal.LEAST_LOOKS - 1), 12))
    look = seasonal.compared(known, land.look(100), ALL, after(100))
    assert np.isnan(look.distance).all()
    assert np.isnan(look.hidden_share)
    assert not look.veiled
    assert changes(look) is None
    assert np.isnan(seasonal.expected(known, after(100))).all()


def test_what_was_built_is_found_and_believed_in_the_end(land: Land, known: Seasonal) -> None:
    built = np.where(CORNER.ravel(), BUILT[:, None], 0).astype(np.float32)
    shares = []
    for day in range(740, 740 + 150 * 10, 10):
        look = seasonal.compared(known, land.look(day) + built, ALL, after(day))
        change = found(look)
        shares.append(float(change.brighter[CORNER].mean()))
        assert not change.darker.any()
        assert not change.brighter[~CORNER].any()
        known = seasonal.updated(known, land.look(day) + built, ALL, after(day))
    assert min(shares[:5]) > 0.9  # long enough to be confirmed
    assert max(shares[30:]) == 0  # the state has followed
    off = seasonal.expected(known, after(2240)) - land.look(2240, noise=0) - built
    assert np.abs(off[:, CORNER.ravel()].mean(axis=1)).max() < 0.015


def test_what_became_darker_is_darker(land: Land, known: Seasonal) -> None:
    wet = np.where(CORNER.ravel(), np.array([-0.02, -0.04, -0.07, 0.1, -0.05])[:, None], 0)  # bare ground grown over
    change = found(seasonal.compared(known, (land.look(740) + wet).astype(np.float32), ALL, after(740)))
    assert change.darker[CORNER].mean() > 0.7
    assert not change.brighter.any()


@pytest.mark.parametrize("share", [0.15, 0.4, 1.0])
def test_cloud_that_nobody_marked(land: Land, known: Seasonal, share: float) -> None:
    look = seasonal.compared(known, covered(land.look(740), CORNER, CLOUD, share), ALL, after(740))
    change = found(look)
    assert not change.brighter.any()
    assert not change.darker.any()
    assert change.covered[CORNER].all()
    assert not change.compared[CORNER].any()
    assert change.compared[:, 20:].all()


def test_what_touches_a_marked_cloud_is_its_rim(land: Land, known: Seasonal) -> None:
    marked = np.zeros(SHAPE, bool)
    marked[:, 9:20] = True
    built = np.where(CORNER.ravel(), BUILT[:, None], 0).astype(np.float32)
    values = land.look(740) + built
    for cloud, seen in ((marked, False), (np.roll(marked, 6, axis=1), True)):
        look = seasonal.compared(known, values, ~cloud.ravel(), after(740))
        change = seasonal.changed(look, np.ones(SHAPE, bool), ~cloud)
        assert change is not None
        assert (change.brighter[CORNER & ~cloud].mean() > 0.9) == seen
        assert not change.brighter[~CORNER].any()


def test_shadow_and_snow_that_nobody_marked(land: Land, known: Seasonal) -> None:
    shadow = land.look(740) * np.where(CORNER.ravel(), np.array([0.7, 0.55, 0.5, 0.4, 0.35])[:, None], 1)
    for values in (shadow.astype(np.float32), covered(land.look(740), CORNER, SNOW, 0.8)):
        change = found(seasonal.compared(known, values, ALL, after(740)))
        assert change.covered[CORNER].mean() > 0.95
        assert not change.brighter.any()
        assert not change.darker.any()


def test_haze_over_everything_makes_a_look_useless_until_it_stays(land: Land, known: Seasonal) -> None:
    everywhere = np.ones(SHAPE, bool)
    hazy = []
    for day in range(740, 800, 10):
        values = covered(land.look(day), everywhere, CLOUD, 0.2)
        look = seasonal.compared(known, values, ALL, after(day))
        hazy.append(look.veiled)
        assert (changes(look) is None) == look.veiled
        known = seasonal.updated(known, values, ALL, after(day))
    assert hazy == [True, True, False, False, False, False]  # three such looks: another processor, no weather


def test_a_thin_haze_is_taken_out(land: Land, known: Seasonal) -> None:
    haze = np.array([0.02, 0.016, 0.012, 0.005, 0.0], np.float32)
    values = land.look(740)
    plain, hazy = (seasonal.compared(known, values + h[:, None], ALL, after(740)) for h in (0 * haze, haze))
    np.testing.assert_allclose(hazy.shift - plain.shift, haze, atol=1e-5)
    np.testing.assert_allclose(hazy.distance, plain.distance, rtol=1e-3)


def test_a_large_white_roof_is_believed_on_its_third_look(land: Land, known: Seasonal) -> None:
    shown = []
    for day in (740, 750, 760):
        values = covered(land.look(day), CORNER, CLOUD, 0.6)
        shown.append(float(found(seasonal.compared(known, values, ALL, after(day))).brighter[CORNER].mean()))
        known = seasonal.updated(known, values, ALL, after(day))
    assert shown[:2] == [0, 0]
    assert shown[2] > 0.9


def test_missed_clouds_do_not_become_the_usual() -> None:
    land, known = Land(9), seasonal.nothing(N, BANDS)
    for day in range(0, 730, 12):
        values = land.look(day)
        if day % 60 == 48:  # one look in five
            values = covered(values, np.ones(SHAPE, bool), CLOUD, 0.9)
        known = seasonal.updated(known, values, ALL, after(day))
    off = seasonal.expected(known, after(740)) - land.look(740, noise=0)
    assert float(np.abs(np.median(off, axis=1)).max()) < 0.02  # the plain mean would be off by 0.08
    values = land.look(740)
    values[:, CORNER.ravel()] += BUILT[:, None].astype(np.float32) * 1.5
    assert found(seasonal.compared(known, values, ALL, after(740))).brighter[CORNER].mean() > 0.9


def test_what_lies_there_now_and_then_weighs_less() -> None:
    land, known = Land(10), seasonal.nothing(N, BANDS)
    heap = np.array([0.04, 0.12, 0.25, 0.2, 0.25], np.float32)[:, None]  # red: no colour of cloud
    for number, day in enumerate(range(0, 730, 12)):
        known = seasonal.updated(known, land.look(day) + heap * (number % 6 == 5), ALL, after(day))
    off = seasonal.expected(known, after(740)) - land.look(740, noise=0)
    assert np.abs(np.median(off, axis=1)).max() < 0.8 * 0.25 / 6  # the plain mean: 0.25 / 6


def test_a_look_noisier_all_over_is_no_change(land: Land, known: Seasonal) -> None:
    look = seasonal.compared(known, land.look(740, noise=0.04), ALL, after(740))
    assert look.inflation > 2
    assert found(look).share() < 0.01


def test_a_look_half_under_cloud_is_useless(land: Land, known: Seasonal) -> None:
    left = np.zeros(SHAPE, bool)
    left[:, :20] = True
    look = seasonal.compared(known, covered(land.look(740), left, CLOUD, 0.5), ALL, after(740))
    assert look.hidden_share == pytest.approx(0.4, abs=0.04)
    assert look.veiled
    assert changes(look) is None


def test_a_young_history_needs_more(land: Land, known: Seasonal) -> None:
    young = Land(11).followed(range(0, 12 * 10, 12))
    assert seasonal.compared(young, land.look(120), ALL, after(120)).freedom < 15
    assert seasonal.compared(known, land.look(740), ALL, after(740)).freedom > 55
    look = seasonal.compared(known, land.look(740), ALL, after(740))
    look = replace(look, distance=np.where(CORNER.ravel(), np.float32(5.5), np.float32(1)), inflation=1.0)
    assert not found(replace(look, freedom=12.0)).brighter.any()
    assert (found(look).brighter | found(look).darker)[CORNER].all()


def test_a_look_that_shows_little_is_refused(land: Land, known: Seasonal) -> None:
    clear = np.zeros(N, bool)
    clear[:49] = True
    assert changes(seasonal.compared(known, land.look(740), clear, after(740))) is None


def test_what_is_not_clear_is_not_looked_at(land: Land, known: Seasonal) -> None:
    values, clear = land.look(740), ~CORNER.ravel()
    one = seasonal.compared(known, values, clear, after(740))
    other = seasonal.compared(known, np.where(clear, values, np.nan).astype(np.float32), clear, after(740))
    np.testing.assert_array_equal(one.distance, other.distance)
    assert np.isnan(one.distance[~clear]).all()
    assert np.isfinite(one.distance[clear]).all()


def test_size_and_bands(known: Seasonal) -> None:
    per_pixel = [getattr(known, name) for name in ("gram", "right", "variance", "seen", "left_out")]
    assert sum(a.nbytes for a in per_pixel) == 107 * N
    with pytest.raises(ValueError, match="no visible band"):
        seasonal.nothing(10, ("b08", "b11"))


def test_share_of_nothing_is_not_zero(land: Land, known: Seasonal) -> None:
    change = found(seasonal.compared(known, land.look(740), ALL, after(740)))
    assert change.share() == 0
    assert np.isnan(replace(change, compared=np.zeros(SHAPE, bool)).share())
