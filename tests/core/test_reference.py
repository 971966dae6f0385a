"""The reference of a track: the same whatever the order of the looks, and robust to ships."""

from __future__ import annotations

import math
from itertools import pairwise
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from monitor import reference
from monitor.grid import Grid
from monitor.radiometry import Decibel, LinearPower, to_db, to_power
from monitor.reference import FULL, LEAST_SEEN, MEMORY, NOT_SEEN, OVER_SEA, Contribution, Reference

LOWEST, STEP, BINS = OVER_SEA.lowest, OVER_SEA.step, OVER_SEA.bins

GRID = Grid(epsg=32652, left=500_000.0, top=4_680_000.0, resolution=10.0, height=4, width=5)
ROWS, COLUMNS = GRID.shape
SEA_DB = -18.0


def flat(db_over_sea: np.ndarray | float) -> LinearPower:
    """A look without speckle."""
    return to_power(Decibel(np.broadcast_to(np.asarray(db_over_sea, np.float32) + SEA_DB, GRID.shape).copy()))


def built(looks: list[LinearPower]) -> Reference:
    state = reference.nothing(GRID)
    for power in looks:
        state = reference.updated(state, reference.contribution(power, SEA_DB))
    return state


def random_looks(seed: int, n: int) -> list[LinearPower]:
    rng = np.random.default_rng(seed)
    looks = []
    for _ in range(n):
        power = (0.02 * rng.gamma(1.0, 1.0, GRID.shape)).astype(np.float32)
        power[rng.random(GRID.shape) < 0.2] = np.nan
        looks.append(LinearPower(power))
    return looks


@given(st.integers(0, 10_000), st.integers(1, MEMORY), st.randoms(use_true_random=False))
@settings(max_examples=40)
def test_the_order_of_looks_does_not_matter(seed: int, n: int, random: Random) -> None:
    looks = random_looks(seed, n)
    one = built(looks)
    random.shuffle(looks)
    other = built(looks)
    assert one.looks == other.looks == n
    assert np.array_equal(one.histogram, other.histogram)
    assert np.array_equal(one.seen, other.seen)
    np.testing.assert_allclose(one.mean, other.mean, rtol=1e-4, atol=1e-7)


@given(st.integers(0, 10_000), st.integers(1, 30))
@settings(max_examples=30)
def test_the_mean_is_the_mean_power_and_the_histogram_counts_what_was_seen(seed: int, n: int) -> None:
    looks = random_looks(seed, n)
    state, shares = built(looks), [reference.contribution(p, SEA_DB) for p in looks]
    seen = np.array([~np.isnan(p) for p in looks])
    assert np.array_equal(state.seen, seen.sum(axis=0))
    assert np.array_equal(state.histogram.sum(axis=0), seen.sum(axis=0))
    smooth = np.where(seen, np.array([s.smooth for s in shares]), 0)
    np.testing.assert_allclose(state.mean, smooth.sum(axis=0) / np.maximum(seen.sum(axis=0), 1), rtol=1e-4)


def test_the_state_before_stays_as_it_was() -> None:
    before = built(random_looks(1, 3))
    histogram, mean, seen = before.histogram.copy(), before.mean.copy(), before.seen.copy()
    reference.updated(before, reference.contribution(random_looks(2, 1)[0], SEA_DB))
    assert np.array_equal(before.histogram, histogram)
    assert np.array_equal(before.mean, mean)
    assert np.array_equal(before.seen, seen)


@pytest.mark.parametrize(
    ("over", "number"), [(-40, 0), (-5, 0), (-3.01, 0), (-2.9, 1), (0, 2), (5.1, 5), (26.9, 15), (60, 15)]
)
def test_bins_are_two_decibels_over_the_sea_of_the_look(over: float, number: int) -> None:
    share = reference.contribution(flat(over), SEA_DB)
    assert set(share.bins.ravel()) == {number}
    brighter = reference.contribution(LinearPower(flat(over) * np.float32(10)), SEA_DB + 10.0)
    assert np.array_equal(brighter.bins, share.bins)  # only the difference to its own sea counts


def test_what_was_not_seen_contributes_nothing() -> None:
    blank = LinearPower(np.full(GRID.shape, np.nan, np.float32))
    share = reference.contribution(blank, SEA_DB)
    assert set(share.bins.ravel()) == {NOT_SEEN}
    state = built(random_looks(3, 5))
    after = reference.updated(state, share)
    assert np.array_equal(after.histogram, state.histogram)
    assert np.array_equal(after.mean, state.mean)
    assert np.array_equal(after.seen, state.seen)


def test_a_byte_is_enough_and_old_looks_fade() -> None:
    calm, bright = (reference.contribution(flat(v), SEA_DB) for v in (0.0, 20.0))
    state = reference.nothing(GRID)
    for number in range(1, 3 * FULL + 1):
        state = reference.updated(state, calm)
        assert min(number, FULL // 2) <= int(state.histogram.max()) < FULL
    assert np.all(state.seen == 3 * FULL)
    for _ in range(2 * MEMORY):
        state = reference.updated(state, bright)
    level = 10 ** ((SEA_DB + 20) / 10)
    assert state.mean == pytest.approx(level, rel=0.2)  # (1 - 1/64) ** 128 is 13 per cent
    assert np.all(state.mean < 0.95 * level)


@given(
    hnp.arrays(np.float64, st.integers(1, 60), elements=st.floats(LOWEST, LOWEST + STEP * BINS - 0.01)),
    st.sampled_from([0.1, 0.2, 0.25, 0.5, 0.9, 1.0]),
)
def test_the_quantile_is_in_the_bin_of_the_exact_one(sample: np.ndarray, share: float) -> None:
    bins = np.minimum((sample - LOWEST) // STEP, BINS - 1).astype(int)
    histogram = np.bincount(bins, minlength=BINS).astype(np.uint8).reshape(BINS, 1, 1)
    level = float(reference.quantile(histogram, share, np.ones((1, 1), bool), OVER_SEA)[0, 0])
    rank = math.ceil(round(share * sample.size, 6))  # the smallest value that so many do not exceed
    exact = float(np.sort(sample)[rank - 1])
    number = min((exact - LOWEST) // STEP, BINS - 1)
    assert LOWEST + STEP * number - 1e-4 <= level <= LOWEST + STEP * (number + 1) + 1e-4
    assert abs(level - exact) <= STEP + 1e-4


def test_numpy_agrees_on_a_large_sample() -> None:
    sample = np.random.default_rng(5).gamma(4.0, 2.0, 200) - 2
    counts, _ = np.histogram(sample, BINS, (LOWEST, LOWEST + STEP * BINS))
    histogram = counts.astype(np.uint8).reshape(BINS, 1, 1)
    for share in (0.1, 0.2, 0.5, 0.9):
        level = reference.quantile(histogram, share, np.ones((1, 1), bool), OVER_SEA)
        assert float(level[0, 0]) == pytest.approx(float(np.quantile(sample, share)), abs=STEP)


def test_pixels_seen_too_rarely_have_no_quantile_and_are_no_water() -> None:
    state = built([flat(0.0)] * (LEAST_SEEN - 1))
    assert not state.known().any()
    derived = reference.background(state)
    assert np.isnan(derived.empty).all()
    assert np.isnan(derived.busy).all()
    assert not derived.water.any()
    assert not derived.shore.any()
    assert reference.background(built([flat(0.0)] * LEAST_SEEN)).water.all()


def test_a_berth_free_on_a_quarter_of_the_looks_shows_its_empty_state() -> None:
    left = np.zeros(GRID.shape)
    left[:, :3] = 18.0  # a hull on the left
    looks = [flat(left) if i % 4 else flat(0.0) for i in range(40)]
    derived = reference.background(built(looks))
    assert float(derived.empty[1, 0]) < 2.0
    assert float(derived.busy[1, 0]) > 15.0
    assert derived.water.all()


def test_a_quay_is_no_water_and_makes_a_shore() -> None:
    wide = Grid(epsg=32652, left=0.0, top=0.0, resolution=10.0, height=20, width=100)
    over = np.zeros(wide.shape)
    over[:, :10] = 15.0
    state = reference.nothing(wide)
    power = to_power(Decibel((over + SEA_DB).astype(np.float32)))
    for _ in range(8):
        state = reference.updated(state, reference.contribution(power, SEA_DB))
    derived = reference.background(state)
    assert not derived.water[10, 5]
    assert derived.water[10, 15]
    assert derived.shore[10, 15]
    assert derived.shore[10, 9 + reference.SHORE_PIXELS]
    assert not derived.shore[10, 60]
    assert not (derived.shore & ~derived.water).any()


# which reference a look is compared with

TOTALS = st.integers(0, 2000)


@given(TOTALS)
def test_settled_sizes_are_twelve_times_a_power_of_two(total: int) -> None:
    size = reference.settled_size(total)
    if total < reference.FIRST_SIZE:
        assert size == 0
    else:
        assert size <= total < 2 * size
        assert size % reference.FIRST_SIZE == 0
        assert math.log2(size / reference.FIRST_SIZE).is_integer()


@given(st.data(), st.integers(1, 2000))
def test_size_depends_on_index_and_total_and_never_falls(data: st.DataObject, total: int) -> None:
    index = data.draw(st.integers(1, total))
    size, settled = reference.size_for(index, total), reference.settled_size(total)
    assert size == (0 if settled == 0 else max(index, settled))
    assert size <= total
    assert size <= reference.size_for(index, total + 1)
    if index < total:
        assert size <= reference.size_for(index + 1, total)


def test_looks_are_compared_anew_less_than_twice_on_average() -> None:
    changes = 0
    for index in range(1, 769):
        sizes = [reference.size_for(index, total) for total in range(index, 769)]
        changes += sum(a != b for a, b in pairwise(sizes))
    assert changes / 768 < 2


def test_contribution_keeps_the_multilooked_power() -> None:
    share = reference.contribution(flat(3.0), SEA_DB)
    assert isinstance(share, Contribution)
    assert share.smooth == pytest.approx(10 ** ((SEA_DB + 3) / 10), rel=1e-4)


@given(st.lists(st.lists(st.one_of(st.floats(-25, 0), st.just(math.nan)), min_size=4, max_size=4), max_size=8))
def test_the_two_darkest_levels_are_those_of_the_sorted_sample(looks: list[list[float]]) -> None:
    """Unseen pixels change nothing, and the order of the looks does not matter."""
    grid = Grid(epsg=32652, left=0.0, top=0.0, resolution=10.0, height=2, width=2)
    states = []
    for order in (looks, looks[::-1]):
        state = reference.nothing(grid)
        for levels in order:
            level = Decibel(np.array(levels, np.float32).reshape(2, 2))
            bins = np.where(np.isnan(level), reference.NOT_SEEN, 3).astype(np.uint8)
            cents = np.where(np.isnan(level), reference.NEVER, np.round(level * 100)).astype(np.int16)
            look = reference.Contribution(bins=bins, smooth=to_power(level), level=cents)
            state = reference.updated(state, look)
        states.append(state.lowest)
    np.testing.assert_array_equal(states[0], states[1])
    for pixel in range(4):
        seen = sorted(np.float32(levels[pixel]) for levels in looks if not math.isnan(levels[pixel]))
        expected = [*(round(float(v) * 100) for v in seen), int(reference.NEVER), int(reference.NEVER)][:2]
        np.testing.assert_allclose(states[0].reshape(2, 4)[:, pixel], expected, atol=1)


WIDE = Grid(epsg=32652, left=0.0, top=0.0, resolution=10.0, height=257, width=300)
"""More pixels than one block, and the last block is not full."""


def test_blocks_leave_no_seam() -> None:
    rng = np.random.default_rng(8)
    state = reference.nothing(WIDE)
    levels = []
    for _ in range(LEAST_SEEN + 1):
        power = (0.02 * rng.gamma(1.0, 1.0, WIDE.shape)).astype(np.float32)
        power[rng.random(WIDE.shape) < 0.05] = np.nan
        look = reference.contribution(LinearPower(power), SEA_DB)
        state = reference.updated(state, look)
        levels.append(to_db(look.smooth))
    over = np.stack(levels) - SEA_DB
    seen = np.isfinite(over)
    assert np.array_equal(state.seen, seen.sum(axis=0))
    numbers = np.clip((over - LOWEST) / STEP, 0, BINS - 1)
    expected = [((numbers >= b) & (numbers < b + 1)).sum(axis=0) for b in range(BINS)]
    assert np.abs(state.histogram.astype(int) - np.stack(expected)).sum() <= 10  # rounding at the edges of bins
    np.testing.assert_allclose(state.mean, np.nanmean(10 ** (np.stack(levels) / 10), axis=0), rtol=1e-4)
    ordered = np.sort(np.where(seen, np.round(np.stack(levels) * 100), 32767), axis=0)
    np.testing.assert_array_equal(state.lowest, ordered[:2])
    # the quantile lies in the bin of the sorted sample, in every block
    known = state.known()
    level = reference.quantile(state.histogram, 0.5, known, OVER_SEA)
    assert np.array_equal(np.isfinite(level), known)
    low = (np.cumsum(state.histogram, axis=0) >= 0.5 * state.seen).argmax(axis=0)
    assert np.all(np.abs(level - (LOWEST + STEP * (low + 0.5)))[known] <= STEP / 2 + 1e-4)


@given(st.integers(0, 10_000), st.integers(1, 20))
@settings(max_examples=20)
def test_a_state_that_is_given_up_becomes_the_same_next_one(seed: int, n: int) -> None:
    looks = random_looks(seed, n)
    state = reference.nothing(GRID)
    for power in looks:
        before = state
        state = reference.updated(state, reference.contribution(power, SEA_DB), given_up=True)
        assert state.histogram is before.histogram
        assert state.looks == before.looks + 1
    copied = built(looks)
    for name in ("histogram", "mean", "lowest", "seen"):
        np.testing.assert_array_equal(getattr(state, name), getattr(copied, name))
