"""The life of a change: facts of each status, a slow version pixel by pixel, and laws."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from monitor.change import confirmation
from monitor.change.confirmation import Life, Rule, Status, advance, begin, confirmed_area, day_of, untouched

START = 1118
NAN = math.nan
OLD = Rule(least_percent=10, most_misses=7, metric_cap=100.0, confidence_cap=32000.0)
"""The parameters of the golden products."""

LOW, HIGH = (4.0, 4.0, 4.0, 4.0), (7.0, 7.0, 7.0)
"""Metrics that are just enough to confirm a change."""


def pixel(metric: float) -> NDArray[np.float32]:
    return np.full((1, 1), metric, np.float32)


def lived(metrics: Sequence[float], rule: Rule = OLD, *, every: int = 6, life: Life | None = None) -> list[Life]:
    """States of one pixel after each metric, `every` days apart; NaN = not seen."""
    states: list[Life] = []
    life = life or untouched((1, 1))
    for i, metric in enumerate(metrics):
        life = advance(life, pixel(metric), START + every * i, rule)
        states.append(life)
    return states


def statuses(metrics: Sequence[float], rule: Rule = OLD, *, every: int = 6) -> list[Status]:
    return [Status(int(s.status[0, 0])) for s in lived(metrics, rule, every=every)]


# ---------------------------------------------------------------- facts


def test_day_0_is_the_last_of_2020() -> None:
    assert day_of(date(2024, 1, 23)) == START
    assert day_of(date(2020, 12, 31)) == 0


def test_before_the_first_look_there_are_no_data_and_a_look_without_hit_is_none() -> None:
    assert statuses([NAN, 2.4, NAN]) == [Status.NO_DATA, Status.NONE, Status.NONE]


def test_thresholds_belong_to_the_higher_side() -> None:
    assert statuses([2.5]) == [Status.FIRST_LOW]
    assert statuses([np.nextafter(np.float32(2.5), np.float32(0))]) == [Status.NONE]
    assert statuses([4.5]) == [Status.FIRST_HIGH]
    assert statuses([np.nextafter(np.float32(4.5), np.float32(0))]) == [Status.FIRST_LOW]


def test_hits_that_agree_confirm() -> None:
    low, high = Status.PROVISIONAL_LOW, Status.PROVISIONAL_HIGH
    assert statuses([3] * 5) == [Status.FIRST_LOW, low, low, low, Status.CONFIRMED_LOW]
    assert statuses([5] * 4) == [Status.FIRST_HIGH, high, high, Status.CONFIRMED_HIGH]


@pytest.mark.parametrize(("metric", "hits"), [(2.5, 6), (3, 5), (4, 4), (6, 4), (7, 3), (10, 3), (20, 2)])
def test_the_stronger_the_hits_the_fewer_confirm(metric: float, hits: int) -> None:
    made = statuses([metric] * 8)
    assert sum(s not in {Status.CONFIRMED_LOW, Status.CONFIRMED_HIGH} for s in made) + 1 == hits


def test_confidence_by_hand() -> None:
    """By the hits raised: (2.5 / 4 x 2 + 2.5) / 3 x 4 = 5; (5 / 9 x 3 + 2.5) / 4 x 9 = 9.375, cut to 9."""
    assert [float(s.confidence[0, 0]) for s in lived([2.5, 2.5, 2.5])] == [2.5, 5.0, 9.0]


def test_a_miss_draws_the_confidence_down() -> None:
    """(26 / 9 x 3 + 1) / 4 x 9 = 21.75, cut to 21; then with one miss before (21 / 9 x 4 + 1) / 5 x 9 = 18.6, to 18."""
    assert [float(s.confidence[0, 0]) for s in lived([7, 7, 7, 1, 1])] == [7, 14, 26, 21, 18]


def test_a_low_change_that_turns_high_keeps_what_it_has_gathered() -> None:
    assert statuses([3, 3, 3, 3, 3, 6])[-1] is Status.CONFIRMED_HIGH


def test_a_confirmed_low_change_is_provisional_again_if_high_without_confidence() -> None:
    weak = replace(lived(LOW)[-1], confidence=np.full((1, 1), 1, np.float32))
    after = advance(weak, pixel(4.6), START + 6 * len(LOW), OLD)
    assert after.status[0, 0] == Status.PROVISIONAL_HIGH


def test_confirmed_stays_confirmed_when_confidence_falls() -> None:
    states = lived([*LOW, 0, 0])
    assert states[-1].confidence[0, 0] < OLD.confirms_at
    assert states[-1].status[0, 0] == Status.CONFIRMED_LOW


def test_one_hit_and_one_miss_was_nothing() -> None:
    last = lived([3, 1])[-1]
    assert last.status[0, 0] == Status.NONE
    for name in ("count", "confidence", "first_day", "highest", "percent", "duration"):
        assert getattr(last, name)[0, 0] == 0, name


@pytest.mark.parametrize(("hits", "ended"), [(LOW, Status.FINISHED_LOW), (HIGH, Status.FINISHED_HIGH)])
def test_a_confirmed_change_finishes_30_days_after_its_last_hit_even_unseen(
    hits: tuple[float, ...], ended: Status
) -> None:
    confirmed = lived(hits)[-1]
    last_hit = START + 6 * (len(hits) - 1)
    for look in (NAN, 0.0):
        assert advance(confirmed, pixel(look), last_hit + 29, OLD).status == confirmed.status
        after = advance(confirmed, pixel(look), last_hit + 30, OLD)
        assert after.status[0, 0] == ended
        assert (after.count[0, 0], after.first_day[0, 0]) == (len(hits), START)


@pytest.mark.parametrize(("hits", "ended"), [(LOW, Status.FINISHED_LOW), (HIGH, Status.FINISHED_HIGH)])
def test_what_has_finished_rests_until_it_is_hit_anew(hits: tuple[float, ...], ended: Status) -> None:
    finished = lived([*hits, NAN, NAN, NAN, NAN, NAN])[-1]
    assert finished.status[0, 0] == ended
    assert advance(finished, pixel(2.0), START + 60, OLD).status[0, 0] == ended
    assert advance(finished, pixel(NAN), START + 60, OLD).status[0, 0] == ended
    anew = advance(finished, pixel(2.5), START + 60, OLD)
    assert anew.status[0, 0] == Status.FIRST_LOW
    assert (anew.count[0, 0], anew.first_day[0, 0], anew.highest[0, 0]) == (1, START + 60, 2.5)


def test_unconfirmed_changes_are_forgotten_after_30_days() -> None:
    assert statuses([3, 3, NAN, NAN, NAN, NAN, NAN])[-2:] == [Status.PROVISIONAL_LOW, Status.NONE]


def test_a_change_is_forgotten_after_a_year_once_it_is_seen() -> None:
    long = replace(OLD, days_without_hit=1000)
    confirmed = lived(HIGH, long)[-1]
    assert advance(confirmed, pixel(7), START + 365, long).count[0, 0] == 4
    assert advance(confirmed, pixel(NAN), START + 366, long).status[0, 0] == Status.CONFIRMED_HIGH
    anew = advance(confirmed, pixel(3), START + 366, long)
    assert (anew.status[0, 0], anew.count[0, 0], anew.first_day[0, 0]) == (Status.FIRST_LOW, 1, START + 366)
    assert advance(confirmed, pixel(1), START + 366, long).status[0, 0] == Status.NONE


def test_misses_finish_a_change_at_their_limit() -> None:
    rule = replace(OLD, days_without_hit=1000, most_misses=3, least_percent=0)
    made = statuses([*HIGH, 0, 0, 0, 0], rule)
    assert made[-2:] == [Status.CONFIRMED_HIGH, Status.FINISHED_HIGH]  # those before the look at hand


def test_too_small_a_share_of_hits_finishes_a_change() -> None:
    rule = replace(OLD, days_without_hit=1000, most_misses=100, least_percent=50)
    made = statuses([*HIGH, 0, 0, 0, 0], rule)
    assert made[-2:] == [Status.CONFIRMED_HIGH, Status.FINISHED_HIGH]  # 3 of 6, 3 of 7


def test_two_misses_in_a_row_finish_a_change_if_the_rule_says_so() -> None:
    rule = replace(OLD, two_misses_finish=True)
    assert statuses([*HIGH, 0, 0], rule)[-2:] == [Status.CONFIRMED_HIGH, Status.FINISHED_HIGH]
    assert statuses([*HIGH, 0, NAN, 6, 0], rule)[-1] is Status.CONFIRMED_HIGH
    assert statuses([*HIGH, 0, 0], OLD)[-1] is Status.CONFIRMED_HIGH


def test_a_gap_leaves_everything_but_time() -> None:
    before = lived([3, 6, 3])[-1]
    after = advance(before, pixel(NAN), START + 18, OLD)
    for field in fields(Life):
        np.testing.assert_array_equal(getattr(after, field.name), getattr(before, field.name))


def test_caps() -> None:
    rule = Rule()
    assert lived([50], rule)[0].confidence[0, 0] == 10
    assert lived([50] * 20, rule)[-1].confidence[0, 0] == 1000
    short = replace(rule, most_hits=4)
    assert lived([5] * 9, short)[-1].count[0, 0] == 4


def test_defaults_confirm_at_three_squared_times_low() -> None:
    assert Rule().confirms_at == 22.5
    assert Rule(low=3.5, high=5.5).confirms_at == 31.5
    assert Rule(threshold=12.0).confirms_at == 12.0


def test_a_rule_that_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="lies above the high one"):
        Rule(low=5.0, high=4.5)
    with pytest.raises(ValueError, match="most_hits is 255"):
        Rule(most_hits=255)


def first_product(metric: float, status: Status, count: int, first_day: int) -> Life:
    return begin(
        status=np.full((1, 1), status, np.uint8),
        count=np.full((1, 1), count, np.uint8),
        confidence=pixel(metric),
        first_day=np.full((1, 1), first_day, np.int16),
        metric=pixel(metric),
        day=START,
    )


def test_statuses_made_by_another_rule_are_put_right_by_the_next_date_though_nothing_was_seen() -> None:
    alert_below_low = first_product(0.42, Status.FIRST_LOW, 1, START)
    assert alert_below_low.status[0, 0] == Status.FIRST_LOW
    after = advance(alert_below_low, pixel(NAN), START + 5, OLD)
    assert (after.status[0, 0], after.count[0, 0], after.first_day[0, 0]) == (Status.NONE, 1, START)


def test_what_the_first_product_did_not_see_begins_with_the_first_look() -> None:
    unseen = first_product(NAN, Status.NO_DATA, confirmation.UNCOUNTED, -1)
    assert advance(unseen, pixel(NAN), START + 5, OLD).status[0, 0] == Status.NO_DATA
    missed = advance(unseen, pixel(1), START + 5, OLD)
    assert (missed.status[0, 0], missed.count[0, 0], missed.confidence[0, 0]) == (Status.NONE, 0, 0)
    hit = advance(unseen, pixel(6), START + 5, OLD)
    assert (hit.status[0, 0], hit.count[0, 0], hit.first_day[0, 0]) == (Status.FIRST_HIGH, 1, START + 5)


def test_area_of_each_status_inside_a_mask() -> None:
    life = untouched((2, 3))
    life.status[:] = [[6, 6, 3], [0, 8, 6]]
    area = confirmed_area(life, np.array([[True, True, True], [True, True, False]]), 900.0)
    assert area[Status.CONFIRMED_HIGH] == 1800.0
    assert area[Status.CONFIRMED_LOW] == area[Status.NONE] == area[Status.FINISHED_HIGH] == 900.0
    assert set(area) == set(Status)
    assert sum(area.values()) == 5 * 900.0


# ---------------------------------------------------------------- oracle


@dataclass
class Slow:
    """One pixel, step by step as the description numbers them, in plain Python."""

    status: int = 255
    count: int = 0
    confidence: float = 0.0
    first_day: int = 0
    highest: float = NAN
    percent: int = 0
    duration: int = 0
    last_look: int = 0

    def look(self, m: float, day: int, rule: Rule) -> None:
        self.begin_afresh(m, day, rule)  # 1
        n0 = int((100 - self.percent) / self.percent * self.count) if self.known() else 0  # 2
        new = m >= rule.low and self.status in {0, 255}
        self.count_it(m, day, n0, new, rule)  # 3
        self.weigh(m, n0, new, rule)  # 4
        if self.status <= 6 or self.status == 255:  # 5
            if self.highest < rule.low:
                self.status = 0
            elif self.highest < rule.high:
                self.status = self.stage(3, rule)
            elif self.highest >= rule.high:
                self.status = 3 + self.stage(6, rule)
        if self.status <= 6 and self.is_over(m, day, n0, rule):  # 6
            self.end()
        if not math.isnan(m):  # 7
            self.last_look = day

    def known(self) -> bool:
        return 0 < self.percent <= 100

    def begin_afresh(self, m: float, day: int, rule: Rule) -> None:
        if math.isnan(m):
            return
        if day - self.first_day > 365 or (self.status in {7, 8} and m >= rule.low) or self.status == 255:
            self.status, self.percent = 0, 255
            self.count = self.first_day = self.last_look = 0
            self.highest = self.confidence = 0.0

    def count_it(self, m: float, day: int, n0: int, new: bool, rule: Rule) -> None:
        if new:
            self.first_day, self.highest, self.percent, self.count, self.duration = day, m, 100, 1, 1
        elif m >= rule.low:
            self.highest = max(self.highest, m)
            if self.count < rule.most_hits:
                self.count += 1
                self.percent = int(100 * self.count / (self.count + n0))
            self.duration = day - self.first_day + 1
        elif m < rule.low and self.known():
            self.percent = int(100 * self.count / (self.count + n0 + 1))

    def weigh(self, m: float, n0: int, new: bool, rule: Rule) -> None:
        if new:
            self.confidence = min(m, rule.metric_cap)
        elif self.confidence > 0 and self.status <= 6 and not math.isnan(m):
            mean = self.confidence / self.count**2 * (self.count + n0) + min(m, rule.metric_cap)
            mean /= self.count + n0 + 1
            self.confidence = float(min(max(int(mean * self.count * self.count), 0), rule.confidence_cap))

    def is_over(self, m: float, day: int, n0: int, rule: Rule) -> bool:
        last_hit = self.first_day + self.duration - 1
        return (
            (last_hit > 0 and day - last_hit >= rule.days_without_hit)
            or (self.duration == 1 and m < rule.low)
            or self.percent < rule.least_percent
            or n0 >= rule.most_misses
            or (rule.two_misses_finish and self.last_look > last_hit and m < rule.low)
        )

    def end(self) -> None:
        if self.status in {3, 6}:
            self.status = {3: 7, 6: 8}[self.status]
        else:
            self.status = self.percent = self.count = self.first_day = self.duration = 0
            self.highest = self.confidence = 0.0

    def stage(self, confirmed: int, rule: Rule) -> int:
        if self.duration == 1:
            return 1
        threshold = 9 * rule.low if rule.threshold is None else rule.threshold
        return 3 if self.confidence >= threshold or self.status == confirmed else 2


def as_float32(x: float) -> float:
    return float(np.float32(x))


# exact in 32 bits, so that both versions see the same numbers
THRESHOLDS = st.sampled_from([1.5, 2.5, 3.5])
RULES = st.builds(
    lambda low, more, threshold, **kw: Rule(low=low, high=low + more, threshold=threshold, **kw),
    THRESHOLDS,
    st.sampled_from([0.0, 1.0, 2.0]),
    st.sampled_from([None, 4.0, 22.5, 100.0]),
    days_without_hit=st.integers(1, 400),
    two_misses_finish=st.booleans(),
    least_percent=st.integers(0, 80),
    most_misses=st.integers(1, 12),
    metric_cap=st.sampled_from([3.0, 10.0, 100.0]),
    confidence_cap=st.sampled_from([20.0, 1000.0, 32000.0]),
    most_hits=st.sampled_from([2, 5, 253]),
)


def worlds(seed: int, shape: tuple[int, ...], level: float) -> NDArray[np.float32]:
    """Metrics of dates x height x width: quiet and changed pixels, gaps, on and beside the thresholds."""
    rng = np.random.default_rng(seed)
    metric = rng.gamma(2.0, level / 2, shape)
    metric = np.where(rng.random(shape) < 0.5, np.round(metric * 2) / 2, metric)
    metric += rng.choice([0.0, 2.0, 20.0], shape[1:], p=[0.4, 0.4, 0.2])
    metric = np.where(rng.random(shape) < rng.choice([0.0, 0.2, 0.6]), NAN, metric)
    metric[rng.random(shape[0]) < 0.2] = NAN  # dates without coverage
    return metric.astype(np.float32)


@settings(max_examples=60)
@given(
    rule=RULES,
    seed=st.integers(0, 10_000),
    gaps=st.lists(st.sampled_from([1, 2, 6, 12, 40, 200]), min_size=1, max_size=14),
    level=st.sampled_from([1.0, 2.5, 4.0]),
)
def test_it_equals_the_slow_version(rule: Rule, seed: int, gaps: list[int], level: float) -> None:
    metric = worlds(seed, (len(gaps), 3, 5), level)
    life, slow, day = untouched((3, 5)), [[Slow() for _ in range(5)] for _ in range(3)], 300
    for look, gap in zip(metric, gaps, strict=True):
        day += gap
        life = advance(life, look, day, rule)
        for row in range(3):
            for column in range(5):
                slow[row][column].look(float(look[row, column]), day, rule)
        for field in fields(Life):
            expected = [[as_float32(getattr(s, field.name)) for s in line] for line in slow]
            np.testing.assert_array_equal(getattr(life, field.name), expected, err_msg=field.name)


def test_the_worlds_of_the_slow_version_reach_every_status() -> None:
    """Otherwise equality there would say little."""
    seen: set[int] = set()
    for seed in range(8):
        life = untouched((3, 5))
        for i, look in enumerate(worlds(seed, (14, 3, 5), 2.5)):
            life = advance(life, look, 300 + 12 * i, OLD)
            seen |= set(life.status.ravel().tolist())
    assert seen == set(Status)


# ---------------------------------------------------------------- laws


@settings(max_examples=30)
@given(seed=st.integers(0, 10_000))
def test_pixels_do_not_touch_each_other_and_the_state_given_is_left_alone(seed: int) -> None:
    metric = worlds(seed, (10, 4, 6), 2.5)
    whole, part = untouched((4, 6)), untouched((2, 3))
    for i, look in enumerate(metric):
        copies = {f.name: getattr(whole, f.name).copy() for f in fields(Life)}
        after = advance(whole, look, START + 6 * i, OLD)
        for name, copy in copies.items():
            np.testing.assert_array_equal(getattr(whole, name), copy)
        whole, part = after, advance(part, look[1:3, 2:5], START + 6 * i, OLD)
        for field in fields(Life):
            np.testing.assert_array_equal(getattr(whole, field.name)[1:3, 2:5], getattr(part, field.name))
            assert getattr(whole, field.name).dtype == getattr(untouched((1, 1)), field.name).dtype


@settings(max_examples=30)
@given(seed=st.integers(0, 10_000))
def test_high_and_low_are_told_by_the_highest_metric_and_area_is_kept(seed: int) -> None:
    life = untouched((4, 6))
    for i, look in enumerate(worlds(seed, (10, 4, 6), 2.5)):
        life = advance(life, look, START + 6 * i, OLD)
        high = np.isin(life.status, [4, 5, 6, 8])
        low = np.isin(life.status, [1, 2, 3, 7])
        assert (life.highest[high] >= OLD.high).all()
        assert ((life.highest[low] >= OLD.low) & (life.highest[low] < OLD.high)).all()
        assert ((life.count > 0) == (high | low)).all()
        assert sum(confirmed_area(life, np.ones((4, 6), bool), 100.0).values()) == 2400.0
