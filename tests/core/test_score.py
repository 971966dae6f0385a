"""Scores are standard normal equivalents of the tail probability."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from monitor.baseline import Family, fit, upper_tail
from monitor.score import LARGEST_Z, Score, against

NOW = datetime(2025, 1, 1, tzinfo=UTC)
HISTORY = [float(v % 5) for v in range(30)]


def score(value: float, family: Family = Family.COUNT, history: list[float] | None = None) -> Score:
    return against(fit(HISTORY if history is None else history, family), value, look="l", track="s1-021d-vv", at=NOW)


@pytest.mark.parametrize("family", Family)
def test_without_a_baseline_a_score_says_nothing(family: Family) -> None:
    empty = score(1000.0, family, [])
    assert (empty.z, empty.p, empty.baseline, empty.value) == (0.0, 1.0, None, 1000.0)


@given(st.integers(0, 12))
def test_z_is_the_normal_quantile_of_the_tail(value: int) -> None:
    found = score(value)
    assert found.baseline is not None
    tail = upper_tail(found.baseline, value)
    assert found.z == pytest.approx(float(stats.norm.isf(tail)), abs=1e-9)
    assert found.p == pytest.approx(min(1.0, 2 * min(tail, 1 - tail)), rel=1e-6)


@given(st.floats(-30, 30))
def test_more_than_usual_is_positive_and_mirrored(distance: float) -> None:
    above, below = score(2.0 + distance, Family.LEVEL), score(2.0 - distance, Family.LEVEL)
    assert above.z == pytest.approx(-below.z, abs=1e-4)  # 1 - p cannot be told from 1 as well as p from 0
    assert above.p == pytest.approx(below.p, rel=1e-3)
    if abs(distance) > 1e-6:
        assert (above.z > 0) == (distance > 0)


@pytest.mark.parametrize(("value", "z"), [(10_000.0, LARGEST_Z), (1e12, LARGEST_Z)])
def test_z_is_bounded(value: float, z: float) -> None:
    assert score(value).z == z
    assert score(value).p > 0
    assert score(-1e30, Family.LEVEL, [float(v) for v in range(300)]).z == -LARGEST_Z
