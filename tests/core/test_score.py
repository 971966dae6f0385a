"""Scores: standard normal equivalents of the tail probability, and the odds of a change that a look brings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from monitor.baseline import LEAST_LOOKS, CountLaw, Family, Forecast, Lesson, PresenceLaw, forecast, of_lessons
from monitor.score import LARGEST_ODDS, LARGEST_Z, SHIFTS, Score, against, told

NOW = datetime(2025, 1, 1, tzinfo=UTC)
TRACK, SATELLITE = "s1-021d-vv", "sentinel-1a"
CONTINUOUS = [f for f in Family if not f.counted]

HISTORIES: dict[Family, list[float]] = {
    Family.COUNT: [float(v % 5) for v in range(30)],
    Family.PRESENCE: [float(v % 3 == 0) for v in range(30)],
    Family.AMOUNT: [float((100 + 30 * (v * 7 % 11)) ** 2) for v in range(33)],
    Family.LEVEL: [-12.0 + (v * 7 % 11) / 2 for v in range(33)],
    Family.SHARE: [0.3 + (v * 7 % 11) / 50 for v in range(33)],
}


def ahead(family: Family, history: Sequence[float] | None = None) -> Forecast:
    """What is expected of the next look after a history."""
    values = HISTORIES[family] if history is None else history
    lessons = [Lesson(9000 + 6.0 * i, TRACK, SATELLITE, v) for i, v in enumerate(values)]
    return forecast(of_lessons(lessons, family), 9000 + 6.0 * len(values), TRACK, SATELLITE)


def score(value: float, family: Family, history: Sequence[float] | None = None) -> Score:
    return against(ahead(family, history), value, look="l", track=TRACK, at=NOW)


AHEAD = {family: ahead(family) for family in Family}


def scored(value: float, family: Family) -> Score:
    return against(AHEAD[family], value, look="l", track=TRACK, at=NOW)


@pytest.mark.parametrize("family", Family)
def test_too_few_looks_are_refused(family: Family) -> None:
    few = score(1.0, family, [0.0, 1.0] * 4)
    assert few.expected is not None
    assert few.expected.n == LEAST_LOOKS
    fewer = score(1000.0, family, [0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0])
    assert (fewer.z, fewer.p, fewer.expected, fewer.value) == (0.0, 1.0, None, 1000.0)
    assert (fewer.up, fewer.down) == ((), ())


@pytest.mark.parametrize("family", [Family.COUNT, Family.PRESENCE, Family.LEVEL])
@given(st.integers(0, 12))
def test_z_is_the_normal_quantile_of_the_tail(family: Family, value: int) -> None:
    value = min(value, 1) if family is Family.PRESENCE else value
    found, tail = scored(value, family), AHEAD[family].law.upper_tail(value)
    assert found.z == pytest.approx(float(np.clip(stats.norm.isf(tail), -LARGEST_Z, LARGEST_Z)), abs=1e-9)
    assert found.p == pytest.approx(min(1.0, 2 * min(tail, 1 - tail)), rel=1e-3, abs=1e-14)


@given(st.floats(0, 6e5))
def test_amounts_follow_their_rank(value: float) -> None:
    """Put the new number among the earlier ones at a random place among its equals: its rank is uniform."""
    expected = AHEAD[Family.AMOUNT]
    off = (math.sqrt(value) - expected.law.mean) / expected.law.deviation
    ranks = expected.baseline.ranks
    higher, equal = sum(r > off for r in ranks), sum(r == off for r in ranks)
    tail = np.mean([(higher + ties + 0.5) / (len(ranks) + 1) for ties in range(equal + 1)])
    assert stats.norm.sf(scored(value, Family.AMOUNT).z) == pytest.approx(tail)


@given(st.floats(-30, 30))
def test_more_than_usual_is_positive_and_mirrored(distance: float) -> None:
    centre = AHEAD[Family.LEVEL].law.mean
    above, below = (scored(centre + sign * distance, Family.LEVEL) for sign in (1, -1))
    assert above.z == pytest.approx(-below.z, abs=1e-2)  # 1 - p cannot be told from 1 as well as p from 0
    assert above.up == pytest.approx(below.down, abs=0.03)
    if abs(distance) > 1e-6:
        assert (above.z > 0) == (distance > 0)


@pytest.mark.parametrize("family", [Family.COUNT, Family.LEVEL])
def test_z_is_bounded(family: Family) -> None:
    assert score(1e12, family, HISTORIES[family] * 8).z == LARGEST_Z
    assert score(1e12, family, HISTORIES[family] * 8).p > 0
    assert score(-1e30, Family.LEVEL, HISTORIES[Family.LEVEL] * 8).z == -LARGEST_Z


# odds


@pytest.mark.parametrize("family", CONTINUOUS)
@given(st.floats(-8, 8))
def test_odds_of_a_continuous_number_are_those_of_a_moved_normal(family: Family, off: float) -> None:
    law = AHEAD[family].law
    value = max(law.mean + off * law.deviation, 0.0 if family is not Family.LEVEL else -math.inf)
    value = value**2 if family is Family.AMOUNT else math.sin(min(value, 1.5)) ** 2 if family is Family.SHARE else value
    found = scored(value, family)
    for shift, up, down in zip(SHIFTS[family], found.up, found.down, strict=True):
        for odds, moved in ((up, shift), (down, -shift)):
            exact = float(stats.norm.logpdf(found.z, moved) - stats.norm.logpdf(found.z))
            assert odds == pytest.approx(min(exact, LARGEST_ODDS), abs=1e-9)


@pytest.mark.parametrize("family", [Family.COUNT, Family.PRESENCE])
@given(st.integers(0, 60))
def test_odds_of_a_rate_are_those_of_its_law(family: Family, value: int) -> None:
    value = min(value, 1) if family is Family.PRESENCE else value
    found, law = scored(value, family), AHEAD[family].law
    assert isinstance(law, CountLaw | PresenceLaw)
    assert found.up == tuple(min(law.log_odds(value, s), LARGEST_ODDS) for s in SHIFTS[family])
    assert found.down == tuple(min(law.log_odds(value, -s), LARGEST_ODDS) for s in SHIFTS[family])


@pytest.mark.parametrize("family", Family)
@given(st.floats(0, 1e6))
def test_no_look_counts_more_than_the_cap(family: Family, value: float) -> None:
    value = float(value > 10) if family is Family.PRESENCE else min(value, 1.0) if family is Family.SHARE else value
    found = scored(float(round(value)) if family is Family.COUNT else value, family)
    assert len(found.up) == len(found.down) == len(SHIFTS[family])
    assert max(*found.up, *found.down) <= LARGEST_ODDS
    assert all(math.isfinite(o) for o in (*found.up, *found.down))


@pytest.mark.parametrize("family", Family)
@pytest.mark.parametrize("sign", [1, -1])
def test_the_odds_of_each_shift_are_1_on_average_at_most(family: Family, sign: int) -> None:
    """Under the law that was foretold: exact sums over what may come; for ranks over the places among the others."""
    expected = AHEAD[family]
    law, weights, scores = expected.law, [], []
    if family is Family.AMOUNT:
        ranks = expected.baseline.ranks
        edges = [ranks[0] - 1, *((a + b) / 2 for a, b in pairwise(ranks)), ranks[-1] + 1]
        values = [(law.mean + off * law.deviation) ** 2 for off in edges]
        weights, scores = [1 / len(values)] * len(values), [scored(v, family) for v in values]
    elif family.counted:
        values = [0.0, 1.0] if family is Family.PRESENCE else [float(v) for v in range(400)]
        weights, scores = [math.exp(law.log_likelihood(v)) for v in values], [scored(v, family) for v in values]
    else:
        tails = (np.arange(4000) + 0.5) / 4000
        freedom = expected.baseline.freedom
        places = law.mean + law.deviation * stats.t.isf(tails, freedom)
        as_told = [math.sin(v) ** 2 if family is Family.SHARE else v for v in places]
        weights, scores = [1 / 4000] * 4000, [scored(v, family) for v in as_told]
    for index in range(len(SHIFTS[family])):
        mean = sum(w * math.exp((s.up if sign > 0 else s.down)[index]) for w, s in zip(weights, scores, strict=True))
        assert 0.5 < mean <= 1.001


# told


@pytest.mark.parametrize("family", Family)
def test_what_is_told_is_in_the_unit_of_the_measure(family: Family) -> None:
    history = HISTORIES[family]
    found = told(AHEAD[family])
    assert found.n == len(history)
    assert found.low <= found.centre <= found.high
    assert found.centre == pytest.approx(np.mean(history), rel=0.15)
    assert min(history) <= found.centre <= max(history)
    if family.counted or family is not Family.LEVEL:
        assert found.low >= 0
    if family in {Family.PRESENCE, Family.SHARE}:
        assert found.high <= 1


def test_one_standard_deviation_to_either_side_holds_two_of_three_looks() -> None:
    rng = np.random.default_rng(1)
    history = [float(v) for v in rng.normal(-12, 1.5, 200)]
    found = told(ahead(Family.LEVEL, history))
    assert np.mean([found.low < v < found.high for v in history]) == pytest.approx(0.68, abs=0.05)
