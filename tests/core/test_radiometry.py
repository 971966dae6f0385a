"""Decibels and linear power, kept apart."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.grid import Mask
from monitor.measures.backscatter import mean_db
from monitor.radiometry import Decibel, LinearPower, db_of, to_db, to_power


@pytest.mark.parametrize(
    ("power", "db"), [(1.0, 0.0), (2.0, 3.0103), (10.0, 10.0), (0.01, -20.0), (0.0, -60.0), (-1.0, -60.0)]
)
def test_known_pairs(power: float, db: float) -> None:
    assert float(to_db(LinearPower(np.array([power], np.float32)))[0]) == pytest.approx(db, abs=1e-3)
    assert db_of(power) == pytest.approx(db, abs=1e-3)


@given(st.lists(st.floats(-59, 40, width=32), min_size=1, max_size=20))
def test_there_and_back(values: list[float]) -> None:
    db = Decibel(np.array(values, np.float32))
    assert to_db(to_power(db)) == pytest.approx(db, abs=1e-4)
    assert to_power(db).dtype == np.float32
    assert to_db(to_power(db)).dtype == np.float32


def test_not_seen_stays_not_seen() -> None:
    assert np.isnan(to_db(LinearPower(np.array([np.nan], np.float32)))[0])
    assert np.isnan(to_power(Decibel(np.array([np.nan], np.float32)))[0])


def test_the_mean_is_taken_in_linear_power() -> None:
    """Half of the pixels at 0 dB, half at 4.771 dB (power 1 and 3): their mean is power 2, +3.01 dB, not 2.39."""
    power = LinearPower(np.array([[1.0, 3.0, np.nan]], np.float32))
    use: Mask = np.array([[True, True, False]])
    assert mean_db(power, use) == pytest.approx(10 * math.log10(2), abs=1e-5)


def test_twice_the_power_is_three_decibels_more_whatever_the_speckle() -> None:
    speckle = np.random.default_rng(0).gamma(1.0, 1.0, (200, 200)).astype(np.float32)
    use: Mask = np.ones(speckle.shape, bool)
    one, two = mean_db(LinearPower(speckle), use), mean_db(LinearPower(2 * speckle), use)
    assert two - one == pytest.approx(3.0103, abs=1e-4)
    assert one == pytest.approx(0.0, abs=0.1)  # a mean of decibels would read -2.5


def test_the_mean_of_nothing_is_no_number() -> None:
    assert math.isnan(mean_db(LinearPower(np.ones((2, 2), np.float32)), np.zeros((2, 2), bool)))
