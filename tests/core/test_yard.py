"""How full a yard is, against what is known to lie there."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from monitor.change import yard
from monitor.filters import multilook
from monitor.radiometry import Decibel, LinearPower, to_db
from monitor.reference import LEAST_SEEN

SIDE = 40


def levels(filled: NDArray[np.bool_], seed: int) -> Decibel:
    """A radar look: paved ground of -14 dB, what lies on it at -3 dB."""
    speckle = np.random.default_rng(seed).gamma(4.4, 1 / 4.4, (SIDE, SIDE))
    power = np.where(filled, 10**-0.3, 10**-1.4) * speckle
    return Decibel(to_db(multilook(LinearPower(power.astype(np.float32)))).ravel())


def known(share: float, looks: int = 40, seed: int = 1) -> yard.Yard:
    """The state after looks in which every pixel was filled on that share of them."""
    rng, state = np.random.default_rng(seed), yard.untouched(SIDE * SIDE)
    for number in range(looks):
        cells = np.kron(rng.random((5, 5)) < share, np.ones((8, 8))).astype(bool)
        state = yard.updated(state, levels(cells, seed=1000 + number))
    return state


def test_fill_is_the_share_that_is_full() -> None:
    empty = yard.empty(known(0.5))
    for rows in (0, 16, 40):
        cells = np.zeros((SIDE, SIDE), bool)
        cells[:rows] = True
        assert yard.fill(levels(cells, seed=5), empty) == pytest.approx(rows / SIDE, abs=0.04)


def test_a_place_that_is_never_free_counts_as_empty() -> None:
    state = yard.untouched(SIDE * SIDE)
    full = np.ones((SIDE, SIDE), bool)
    for number in range(20):
        state = yard.updated(state, levels(full, seed=number))
    assert yard.fill(levels(full, seed=99), yard.empty(state)) < 0.02


def test_too_few_looks_say_nothing() -> None:
    state = known(0.0, looks=LEAST_SEEN - 1)
    assert np.isnan(yard.fill(levels(np.zeros((SIDE, SIDE), bool), 3), yard.empty(state)))


def test_what_was_not_seen_is_not_counted() -> None:
    state = known(0.0)
    level = levels(np.ones((SIDE, SIDE), bool), 3)
    level[: SIDE * SIDE // 2] = np.nan
    assert yard.fill(level, yard.empty(state)) > 0.98
    after = yard.updated(state, level)
    assert after.seen[0] == state.seen[0]
    assert after.seen[-1] == state.seen[-1] + 1


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 5000), min_size=1, max_size=12, unique=True))
def test_the_order_of_looks_does_not_matter(seeds: list[int]) -> None:
    cells = np.zeros((SIDE, SIDE), bool)
    first, second = yard.untouched(SIDE * SIDE), yard.untouched(SIDE * SIDE)
    for one, other in zip(seeds, reversed(seeds), strict=True):
        first, second = yard.updated(first, levels(cells, one)), yard.updated(second, levels(cells, other))
    np.testing.assert_array_equal(first.histogram, second.histogram)


def reflectance(seed: int, *, stacks: bool, gain: float = 1.0, haze: float = 0.0) -> dict[str, NDArray[np.float32]]:
    rng = np.random.default_rng(seed)
    ground = np.full((SIDE, SIDE), 0.18) + 0.004 * np.random.default_rng(0).standard_normal((SIDE, SIDE))
    if stacks:
        ground[8:32:3, 8:32] += 0.08
    noise = 0.001 * rng.standard_normal((SIDE, SIDE))
    return {b: (gain * (ground + noise) + haze).astype(np.float32) for b in ("b02", "b03", "b04", "b08")}


def test_daylight_tells_a_full_yard_by_its_unevenness() -> None:
    state = yard.untouched(SIDE * SIDE)
    for number in range(16):
        state = yard.updated(state, Decibel(yard.unevenness(reflectance(number, stacks=number % 2 == 0)).ravel()))
    empty = yard.empty(state)
    full = yard.unevenness(reflectance(77, stacks=True))
    bare = yard.unevenness(reflectance(78, stacks=False))
    inside = np.zeros((SIDE, SIDE), bool)
    inside[9:30, 9:31] = True
    assert yard.filled(Decibel(full.ravel()), empty).reshape(SIDE, SIDE)[inside].mean() > 0.9
    assert yard.fill(Decibel(bare.ravel()), empty) < 0.02


def test_unevenness_does_not_know_the_gain() -> None:
    first = yard.unevenness(reflectance(1, stacks=True))
    second = yard.unevenness(reflectance(1, stacks=True, gain=1.3))
    np.testing.assert_allclose(first, second, atol=0.05)


def test_a_hole_hides_its_neighbours() -> None:
    bands = reflectance(1, stacks=True)
    bands["b03"][10, 10] = np.nan
    made = yard.unevenness(bands)
    assert np.isnan(made[9:12, 9:12]).all()
    assert np.isfinite(np.delete(made.ravel(), [r * SIDE + c for r in (9, 10, 11) for c in (9, 10, 11)])).all()
