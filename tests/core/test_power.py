"""What a chart would miss: told in advance, and true of the chart as it is."""

from __future__ import annotations

import math

import numpy as np
import pytest

from monitor import score
from monitor.alert import Rule, Watch, advance, power, rule_for
from monitor.baseline import Baseline, Family, Lesson, compared, forecast, learnt, of_lessons
from monitor.baseline.model import EPOCH, LEVEL

RULE = rule_for(Family.COUNT, 0.5, 60)
DAYS = 6.0


def known(family: Family, looks: int = 120, rate: float = 2.2, seed: int = 1) -> Baseline:
    rng = np.random.default_rng(seed)
    values = {
        Family.COUNT: rng.poisson(rate, looks),
        Family.PRESENCE: rng.random(looks) < 0.25,
        Family.AMOUNT: np.maximum(0, rng.normal(3000, 1000, looks)),
        Family.LEVEL: rng.normal(-12, 1, looks),
        Family.SHARE: rng.beta(20, 40, looks),
    }[family]
    return of_lessons([Lesson(9000 + DAYS * i, "ab"[i % 2], "s1a", float(v)) for i, v in enumerate(values)], family)


def seen(usual: Baseline, looks: int, shift: float, histories: int = 150) -> float:
    """Share of histories in which the chart itself passes; truth drawn from what is known of the level and tracks."""
    rng = np.random.default_rng(2)
    passed = 0
    for _ in range(histories):
        rates = rng.multivariate_normal(usual.mean, usual.cov, method="eigh")
        now, watch = usual, Watch()
        for i in range(looks):
            day, track = usual.day + DAYS * (i + 1), "ab"[i % 2]
            expected = forecast(now, day, track, "s1a")
            angle = 2 * math.pi * day / 365.25
            rate = rates[LEVEL] + rates[2] * math.sin(angle) + rates[3] * math.cos(angle)
            rate += rates[usual.parts[f"track {track}"]] + rates[usual.parts["satellite s1a"]] + shift
            value = float(rng.poisson(math.exp(rate + rng.normal() * math.sqrt(usual.habits.white))))
            watch, alarm = advance(watch, score.against(expected, value, look="", track=track, at=EPOCH), RULE)
            if alarm is not None:
                passed += alarm.kind.sign == np.sign(shift)
                break
            now = learnt(expected, value)
    return passed / histories


def test_what_is_said_to_be_seen_in_8_of_10_cases_is() -> None:
    usual = known(Family.COUNT)
    assert usual.habits.wander.variance == 0, "the simulation below has none"
    told = power(usual, 20, RULE, days_apart=DAYS)
    assert told is not None
    assert told.rise is not None
    assert told.fall is not None
    assert 0.68 < seen(usual, 20, math.log(told.rise / told.usual)) < 0.92
    assert 0.68 < seen(usual, 20, math.log(told.fall / told.usual)) < 0.92


@pytest.mark.parametrize("family", list(Family))
def test_rises_lie_above_and_falls_below_what_is_usual(family: Family) -> None:
    told = power(known(family), 30, RULE)
    assert told is not None
    assert told.rise is not None
    assert told.rise > told.usual
    assert told.fall is None or told.fall < told.usual
    assert told == power(known(family), 30, RULE), "the same again"


def test_more_looks_see_smaller_changes_and_a_smaller_budget_larger_ones() -> None:
    usual = known(Family.LEVEL)

    def rise(looks: int, rule: Rule = RULE) -> float:
        told = power(usual, looks, rule)
        assert told is not None
        assert told.rise is not None
        return compared(told.rise, Family.LEVEL)

    assert rise(8) > rise(20) > rise(50)
    assert rise(20, Rule(threshold=20 * RULE.threshold)) > rise(20)


def test_where_next_to_nothing_is_usual_no_fall_is_seen() -> None:
    told = power(known(Family.COUNT, rate=0.1), 20, RULE)
    assert told is not None
    assert told.fall is None
    assert told.rise is not None


def test_too_little_is_known() -> None:
    assert power(known(Family.COUNT, looks=7), 20, RULE) is None
    assert power(known(Family.COUNT), 0, RULE) is None
