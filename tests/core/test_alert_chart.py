"""The chart: its recursion against the sum it stands for, and its rate of false alarms against simulation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from monitor.alert import LEAST_THRESHOLD, Alarm, Kind, Rule, Watch, advance, looks_between, rule_for
from monitor.alert.chart import LARGEST_SINGLE_P, SINGLE_SHARE, TRUST, USUAL_RUN
from monitor.baseline import CountLaw, Family, PresenceLaw
from monitor.score import LARGEST_ODDS, SHIFTS, Expected, Score

Array = NDArray[np.float64]

T0 = datetime(2025, 1, 1, 9, 20, tzinfo=UTC)
USUAL = Expected(n=20, centre=1.0, low=0.0, high=2.0)
NEVER = Rule(threshold=math.inf)

ODDS = st.lists(st.lists(st.floats(-4.0, LARGEST_ODDS), min_size=6, max_size=6), min_size=1, max_size=25)
"""Of each look: three up, three down."""


def score(number: int, odds: Sequence[float], expected: Expected | None = USUAL) -> Score:
    at = T0 + timedelta(days=number)
    up, down = tuple(odds[:3]), tuple(odds[3:])
    return Score(look=f"look{number}", track="s1-021d-vv", at=at, value=1.0, expected=expected, z=0.0, up=up, down=down)


def charted(looks: Sequence[Sequence[float]], rule: Rule = NEVER) -> tuple[Watch, Alarm | None]:
    """The chart after these looks; the first alarm ends it."""
    watch, alarm = Watch(), None
    for number, odds in enumerate(looks):
        watch, alarm = advance(watch, score(number, odds), rule)
        if alarm is not None:
            break
    return watch, alarm


def summed_over_onsets(looks: Sequence[Sequence[float]], shift: int) -> float:
    """The sum, over all looks with which a change may have begun, of the odds of the looks since."""
    return math.fsum(math.exp(sum(odds[shift] for odds in looks[first:])) for first in range(len(looks)))


@given(ODDS)
def test_the_chart_is_the_sum_over_all_onsets(looks: list[list[float]]) -> None:
    watch, _ = charted(looks)
    for shift, height in enumerate((*watch.up, *watch.down)):
        assert height == pytest.approx(summed_over_onsets(looks, shift), rel=1e-9)


@given(ODDS, st.floats(12.0, 1e6))
def test_the_alarm_is_the_first_look_at_which_the_mean_over_the_shifts_passes(
    looks: list[list[float]], threshold: float
) -> None:
    first = None
    for end in range(1, len(looks) + 1):
        tall, low = (np.mean([summed_over_onsets(looks[:end], s) for s in part]) for part in (range(3), range(3, 6)))
        if max(tall, low) >= threshold * (1 + 1e-9):
            first = end, Kind.SURGE if tall >= low else Kind.LULL, float(max(tall, low))
            break
    watch, alarm = charted(looks, Rule(threshold=threshold))
    assert (alarm is None) == (first is None)
    if alarm is not None and first is not None:
        assert alarm.kind is first[1]
        assert alarm.height == pytest.approx(first[2])
        heights = watch.up if alarm.kind is Kind.SURGE else watch.down
        assert heights[alarm.shift] == max(heights)


@given(ODDS)
def test_a_look_without_a_baseline_changes_nothing(looks: list[list[float]]) -> None:
    watch, _ = charted(looks)
    after, alarm = advance(watch, score(99, [LARGEST_ODDS] * 6, expected=None), Rule(threshold=1.0))
    assert after is watch
    assert alarm is None


@given(ODDS)
def test_surge_and_lull_are_mirror_images(looks: list[list[float]]) -> None:
    rule = Rule(threshold=50.0)
    _, one = charted(looks, rule)
    _, other = charted([[*odds[3:], *odds[:3]] for odds in looks], rule)
    assert (one is None) == (other is None)
    if one is not None and other is not None:
        assert (one.shift, one.height) == (other.shift, other.height)
        assert {one.kind, other.kind} == {Kind.SURGE, Kind.LULL} or one.kind is other.kind is Kind.SURGE  # a tie


# thresholds


FAMILIES = st.sampled_from(Family)


@given(FAMILIES, st.floats(0.001, 20), st.floats(1.0, 5.0), st.floats(5, 400))
def test_a_stricter_budget_asks_for_more_and_never_too_little(
    family: Family, budget: float, factor: float, looks: float
) -> None:
    """In proportion to a power of the looks that may pass between false alarms: at least to the looks themselves."""
    strict, generous, longer = (
        rule_for(family, b, n).threshold
        for b, n in ((budget, looks), (budget * factor, looks), (budget, looks * factor))
    )
    assert min(strict, generous) >= LEAST_THRESHOLD
    assert generous <= strict
    assert longer == pytest.approx(max(strict, longer)), "more looks a year are more chances of a false alarm"
    if generous > LEAST_THRESHOLD:
        assert strict / generous == pytest.approx(factor ** TRUST[family].steepness)
        assert strict / generous >= factor * (1 - 1e-9)


@given(FAMILIES, st.floats(5, 400))
def test_surges_lulls_and_single_looks_share_the_budget(family: Family, looks: float) -> None:
    """Where each direction is allowed one false alarm in USUAL_RUN looks, the threshold is the factor times that."""
    both = 2 * looks / USUAL_RUN
    budget = both / (1 - SINGLE_SHARE[family])
    rule = rule_for(family, budget, looks)
    assert rule.threshold == pytest.approx(TRUST[family].factor * USUAL_RUN)
    assert rule.single_p * looks + both == pytest.approx(budget)


@given(FAMILIES, st.floats(0.001, 20), st.floats(1.0, 5.0), st.floats(5, 400))
def test_single_looks_use_up_their_share_of_the_budget(
    family: Family, budget: float, factor: float, looks: float
) -> None:
    p = rule_for(family, budget, looks).single_p
    assert 0 <= p <= rule_for(family, budget * factor, looks).single_p <= LARGEST_SINGLE_P
    if p < LARGEST_SINGLE_P:
        assert p * looks == pytest.approx(SINGLE_SHARE[family] * budget)


@pytest.mark.parametrize("family", [Family.PRESENCE, Family.AMOUNT])
def test_what_is_never_very_unusual_alone_has_no_single_looks(family: Family) -> None:
    assert rule_for(family, 20.0, 5.0).single_p == 0.0
    assert rule_for(Family.COUNT, 20.0, 5.0).single_p == LARGEST_SINGLE_P


# false alarms


def alarms_times_threshold(odds: Array, draws: NDArray[np.int_], threshold: float) -> float:
    """Threshold over the mean number of looks to a false alarm, of charts that begin anew after each.

    `odds`, shape (values, shifts): of each value that may come; `draws`, shape (looks, charts): which came. Alarms in
    all the time watched: unlike the mean of the finished runs it is not cut short.
    """
    factor = np.exp(np.minimum(odds, LARGEST_ODDS))
    heights, alarms = np.zeros((draws.shape[1], odds.shape[1])), 0
    for came in draws:
        heights = (1 + heights) * factor[came]
        over = heights.mean(axis=1) >= threshold
        alarms += int(over.sum())
        heights[over] = 0
    return threshold * alarms / draws.size


CHARTS, LOOKS, THRESHOLD = 1500, 2000, 100.0


@pytest.mark.parametrize("sign", [1, -1])
def test_normal_numbers_raise_no_more_than_one_false_alarm_in_threshold_looks(sign: int) -> None:
    """Half as many as that, since the chart passes its threshold with a jump: exp(-0.583 shift), averaged."""
    shifts = sign * np.array(SHIFTS[Family.LEVEL])
    z = np.random.default_rng(3).standard_normal(LOOKS * CHARTS)
    odds = z[:, None] * shifts - shifts**2 / 2
    draws = np.arange(z.size).reshape(LOOKS, CHARTS)
    assert alarms_times_threshold(odds, draws, THRESHOLD) == pytest.approx(0.50, abs=0.04)


@pytest.mark.parametrize(
    ("rate", "sign", "share"),
    [(1.0, 1, 0.50), (1.0, -1, 0.80), (3.0, 1, 0.34), (3.0, -1, 0.65), (10.0, 1, 0.22), (10.0, -1, 0.42)],
)
def test_nor_do_counts(rate: float, sign: int, share: float) -> None:
    """The larger the counts, the farther one jump goes: down to a fifth of the alarms that were allowed."""
    law = CountLaw.of(math.log(rate), 0.05)
    odds = np.array([[law.log_odds(float(x), sign * s) for s in SHIFTS[Family.COUNT]] for x in range(300)])
    draws = np.random.default_rng(4).negative_binomial(law.shape, law.rate / (1 + law.rate), (LOOKS, CHARTS))
    found = alarms_times_threshold(odds, draws, THRESHOLD)
    assert found == pytest.approx(share, abs=0.05)
    assert found <= 1


@pytest.mark.parametrize(
    ("chance", "sign", "share"),
    [(0.1, 1, 0.72), (0.1, -1, 0.95), (0.25, 1, 0.74), (0.25, -1, 0.90), (0.5, 1, 0.82), (0.5, -1, 0.83)],
)
def test_nor_do_presences(chance: float, sign: int, share: float) -> None:
    """Their jumps are the smallest: 0.7 to 0.95 of the alarms that were allowed."""
    law = PresenceLaw.of(math.log(chance / (1 - chance)), 0.05)
    draws = (np.random.default_rng(5).random((LOOKS, CHARTS)) < law.mean).astype(int)
    odds = np.array([[law.log_odds(x, sign * s) for s in SHIFTS[Family.PRESENCE]] for x in (0, 1)])
    found = alarms_times_threshold(odds, draws, THRESHOLD)
    assert found == pytest.approx(share, abs=0.03)
    assert found <= 1


@pytest.mark.parametrize("family", Family)
@pytest.mark.parametrize("budget", [0.2, 1.0])
def test_an_alarm_at_the_threshold_is_as_rare_as_its_budget_allows(family: Family, budget: float) -> None:
    lasting = (1 - SINGLE_SHARE[family]) * budget
    assert looks_between(family, rule_for(family, budget, 60).threshold) == pytest.approx(60 / lasting)
