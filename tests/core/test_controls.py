"""Controls: a rise that they share is shared, one that they do not share is the zone's own, and too few say nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from monitor.alert import Control, ControlPlace, Incident, Interval90, Kind, State, Verdict, control
from monitor.alert.controls import judged, left_over
from monitor.baseline import Family, Lesson
from monitor.baseline.model import EPOCH

FIRST = 9600.0
PLACE = ControlPlace(aoi="port", zone="sea", measure="vessel_count", label="sea")


def surge(**changed: Any) -> Incident:
    made = Incident(
        aoi="port",
        zone="berths",
        measure="vessel_count",
        kind=Kind.SURGE,
        state=State.CONFIRMED,
        onset=EPOCH + timedelta(days=FIRST),
        raised=EPOCH + timedelta(days=FIRST + 30),
        last=EPOCH + timedelta(days=FIRST + 180),
        ratio=Interval90(2.4, 1.9, 3.0),
        difference=Interval90(3000.0, 2000.0, 4000.0),
    )
    return replace(made, **changed)


def counts(before: float, since: float, *, looks: int = 30, seed: int = 4) -> list[Lesson]:
    """100 looks before the onset, then so many."""
    rng = np.random.default_rng(seed)
    days = [FIRST + 6 * i for i in range(-100, looks)]
    return [Lesson(d, "a", "s1a", float(rng.poisson(since if d >= FIRST else before))) for d in days]


def told(lessons: list[Lesson], of: Incident | None = None) -> Control:
    return control(of or surge(), lessons, Family.COUNT, PLACE)


def test_a_rise_that_the_control_shares_is_shared() -> None:
    found = told(counts(4, 9))
    assert found.verdict is Verdict.SHARED
    assert found.change is not None
    assert found.change.low > 1
    assert found.change.low < 9 / 4 < found.change.high
    assert found.beyond is not None
    assert found.beyond.low < 1 < found.beyond.high


def test_a_rise_beside_a_control_that_stays_is_the_zones_own() -> None:
    found = told(counts(4, 4))
    assert found.verdict is Verdict.OWN
    assert found.change is not None
    assert found.change.low < 1 < found.change.high
    assert found.beyond is not None
    assert found.beyond.low > 1


def test_a_control_that_moves_the_other_way_shares_nothing() -> None:
    assert told(counts(8, 4)).verdict is Verdict.OWN
    assert told(counts(8, 4), surge(kind=Kind.LULL, ratio=Interval90(0.5, 0.4, 0.63))).verdict is Verdict.SHARED


def test_a_control_that_knows_little_is_unclear() -> None:
    assert told(counts(0.05, 0.05, looks=8)).verdict is Verdict.UNCLEAR
    huge = surge(ratio=Interval90(8.0, 6.0, 11.0))
    assert told(counts(0.02, 0.02, looks=8), huge).verdict is Verdict.UNCLEAR


def test_too_few_looks_are_counted_not_judged() -> None:
    few = told(counts(4, 9, looks=2))
    assert (few.verdict, few.looks, few.before, few.change, few.beyond) == (Verdict.UNCLEAR, 2, 100, None, None)
    young = told(counts(4, 9)[95:])
    assert (young.verdict, young.looks, young.before) == (Verdict.UNCLEAR, 30, 5)
    unsized = told(counts(4, 9), surge(ratio=None))
    assert unsized.verdict is Verdict.UNCLEAR


def test_only_looks_in_the_time_of_the_change_count() -> None:
    over = surge(until=EPOCH + timedelta(days=FIRST + 60))
    assert told(counts(4, 9), over).looks == 11
    assert told(counts(4, 9)).looks == 30


def test_areas_are_compared_by_the_area_of_the_zones() -> None:
    rng = np.random.default_rng(6)
    days = [FIRST + 6 * i for i in range(-100, 30)]
    lessons = [Lesson(d, "a", "s1a", float(max(0, rng.normal(3000 if d >= FIRST else 2000, 300)))) for d in days]
    same = control(surge(), lessons, Family.AMOUNT, PLACE)
    larger = control(surge(), lessons, Family.AMOUNT, replace(PLACE, scale=3.0))
    assert same.change is not None
    assert larger.change is not None
    assert not same.by_ratio
    assert same.change.value == pytest.approx(1000, rel=0.3)
    assert larger.change.value == pytest.approx(3 * same.change.value)
    assert same.verdict is Verdict.OWN
    assert larger.verdict is Verdict.SHARED


def test_the_interval_of_a_difference() -> None:
    one, other = Interval90(5.0, 2.0, 9.0), Interval90(1.0, -3.0, 4.0)
    assert left_over(one, other, by_ratio=False) == pytest.approx((4.0, 4.0 - np.hypot(3, 3), 4.0 + np.hypot(4, 4)))
    ratio = left_over(Interval90(4.0, 2.0, 8.0), Interval90(2.0, 1.0, 4.0), by_ratio=True)
    assert ratio == pytest.approx((2.0, 2.0 / 2**2**0.5, 2.0 * 2**2**0.5))


RISE, NONE = Interval90(2.0, 1.5, 2.7), Interval90(1.0, 0.7, 1.4)
FALL = Interval90(0.5, 0.4, 0.7)


@pytest.mark.parametrize(
    ("change", "beyond", "sign", "verdict"),
    [
        (RISE, NONE, 1, Verdict.SHARED),
        (RISE, RISE, 1, Verdict.OWN),
        (RISE, FALL, 1, Verdict.SHARED),
        (NONE, NONE, 1, Verdict.UNCLEAR),
        (FALL, NONE, 1, Verdict.UNCLEAR),
        (FALL, NONE, -1, Verdict.SHARED),
        (NONE, FALL, -1, Verdict.OWN),
        (RISE, NONE, -1, Verdict.UNCLEAR),
    ],
)
def test_verdicts(change: Interval90, beyond: Interval90, sign: int, verdict: Verdict) -> None:
    assert judged(change, beyond, sign, by_ratio=True) is verdict
