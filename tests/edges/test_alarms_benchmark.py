"""The simulation and the rules behind `python -m benchmarks alarms`: what its figures rest on."""

import json
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from benchmarks import pages
from benchmarks.alarms import changes, nulls, places, rules, traffic
from benchmarks.alarms.changes import Doubling, Held, Moment
from benchmarks.alarms.nulls import Raised
from benchmarks.alarms.traffic import Change, Scene, Sea
from monitor.alert import Kind
from monitor.baseline import Family


def test_as_many_lie_there_as_arrive_in_a_mean_stay() -> None:
    rng = np.random.default_rng(1)
    scene = Scene(family=Family.COUNT, mean=3.0, stay_days=2.0, sea=Sea.CALM)
    came, left = traffic.stays(rng, scene, 40.0)
    present = traffic.there(np.arange(0.0, 40 * 365.0, 20.0), came, left)
    assert present.mean() == pytest.approx(3.0, rel=0.1)
    assert present.var() == pytest.approx(3.0, rel=0.2)  # Poisson


def test_a_change_of_the_arrivals_changes_what_lies_there_by_the_same_factor() -> None:
    rng = np.random.default_rng(2)
    scene = Scene(family=Family.COUNT, mean=4.0, stay_days=1.0, sea=Sea.CALM, season=0.5)
    came, left = traffic.stays(rng, scene, 40.0, (Change(20 * 365.25, 2.5),))
    days = np.arange(0.0, 40 * 365.25, 7.0)
    present = traffic.there(days, came, left)
    old, new = present[days < 20 * 365.25].mean(), present[days > 20 * 365.25 + 10].mean()
    assert new / old == pytest.approx(2.5, rel=0.1)


def test_what_is_there_is_what_has_come_and_not_left() -> None:
    came, left = np.array([0.0, 1.0, 5.0]), np.array([2.0, 6.0, 5.5])
    assert list(traffic.there(np.array([0.5, 1.5, 3.0, 5.2, 7.0]), came, left)) == [1, 2, 1, 2, 0]
    weighed = traffic.there(np.array([1.5, 5.2]), came, left, np.array([10.0, 20.0, 30.0]))
    assert list(weighed) == [30.0, 50.0]


@pytest.mark.parametrize("family", nulls.FAMILIES)
def test_numbers_are_what_their_family_allows(family: Family) -> None:
    rng = np.random.default_rng(3)
    looks = traffic.eyes(rng, 6.0, tracks=3, missing=0.1)
    values = traffic.measured(rng, traffic.some_scene(rng, family), looks, 6.0, ())
    assert len(values) == len(looks.days)
    assert (values >= 0).all()
    if family is Family.PRESENCE:
        assert set(np.unique(values)) == {0.0, 1.0}
    if family is Family.SHARE:
        assert values.max() <= 1
    else:
        assert (values == np.round(values)).all()


def test_looks_are_in_order_of_tracks_of_twelve_days_and_lose_a_satellite() -> None:
    rng = np.random.default_rng(4)
    whole = traffic.eyes(rng, 3.0, tracks=2, missing=0.0, troubled=False)
    assert len(whole.days) == pytest.approx(2 * 3 * 365.25 / 12, abs=2)
    assert (np.diff(whole.days) > 0).all()
    for track in (0, 1):
        assert np.diff(whole.days[whole.track == track]) == pytest.approx(12.0)
    assert set(whole.satellite) == {0}
    some = [traffic.eyes(np.random.default_rng(n), 6.0, tracks=2, missing=0.1) for n in range(20)]
    assert sum(2 in eyes.satellite for eyes in some) > 12  # late losses are never made up for
    assert any(set(eyes.satellite) == {0, 1, 2} for eyes in some)
    assert max(np.diff(eyes.days).max() for eyes in some) > 30


def test_the_same_number_gives_the_same_aoi_and_another_another() -> None:
    assert nulls.aoi(4) == nulls.aoi(4)
    assert nulls.aoi(4)[0].points != nulls.aoi(5)[0].points
    assert [len(nulls.aoi(n)) for n in range(3)] == [1, 2, 3]
    assert {s.family for n in range(12) for s in nulls.aoi(n)} == set(nulls.FAMILIES)


def test_shares_of_the_budget_add_up_to_the_years() -> None:
    assert sum(nulls.budget_years(60).values()) == pytest.approx(60 * nulls.COUNTED_YEARS)


def test_poisson_intervals_are_the_exact_ones() -> None:
    # Garwood (1936): 90 % interval of 10 events is 5.425 to 16.962
    assert nulls.poisson_interval(10, 2.0) == pytest.approx((5.4254 / 2, 16.9622 / 2), rel=1e-4)
    assert nulls.poisson_interval(0, 1.0) == pytest.approx((0.0, -math.log(0.05)))


def _raised(family: Family, *, counted: bool = True, confirmed: bool = False) -> Raised:
    return Raised(family=family, sea=Sea.CALM, kind=Kind.LULL, counted=counted, confirmed=confirmed)


def test_false_alarms_are_told_a_year_of_an_aoi_and_those_of_training_apart() -> None:
    found = [_raised(Family.COUNT)] * 24 + [_raised(Family.SHARE, confirmed=True)] * 12
    found += [_raised(Family.COUNT, counted=False)] * 48
    told = nulls.figures(0.5, found, 24)
    assert told["aoi_years"] == 96
    assert told["measured"] == pytest.approx(36 / 96, rel=0.01)
    assert told["ratio"] == pytest.approx(0.75)
    assert told["within"] is True
    assert told["in_training"] == pytest.approx(1.0)
    assert told["confirmed"] == pytest.approx(12 / 96)
    assert told["ratio_by_family"] == {"count": 2.0, "presence": 0.0, "share": 1.0, "amount": 0.0}
    assert nulls.figures(0.25, found, 24)["within"] is False


def test_the_ratio_rule_compares_with_the_eight_looks_before() -> None:
    def alarms(values: Sequence[float]) -> list[tuple[int, int]]:
        return [(a.look, a.sign) for a in rules.ratio_to_trailing_mean(values)]

    assert alarms([4, 4, 6]) == []  # two earlier looks are too few
    assert alarms([4, 4, 4, 6]) == [(3, 1)]
    assert alarms([4, 4, 4, 5.9, 4, 2]) == [(5, -1)]
    assert alarms([4, 4, 4, 20, 20, 20]) == [(3, 1)]  # it stays on: one alarm
    assert alarms([100, *[4] * 8, 6]) == [(3, -1), (9, 1)]  # the first look is forgotten by then


def test_the_z_score_is_against_all_earlier_looks() -> None:
    quiet = [1.0, 3.0] * 8
    spread = float(np.std(quiet, ddof=1))
    assert rules.z_score([*quiet, 2 + 2.9 * spread]) == []
    assert rules.z_score([*quiet, 2 + 3.1 * spread]) == [(16, 1)]
    assert rules.z_score([*quiet, 2 - 3.1 * spread]) == [(16, -1)]
    assert rules.z_score([5.0] * 20) == []


@pytest.mark.parametrize("which", list(Doubling))
def test_planted_doublings_are_of_the_size_that_is_told(which: Doubling) -> None:
    before, after = [], []
    for number in range(30):
        changed = changes.doubling(which, number)
        values = [p.value for p in changed.points]
        before += values[: changed.first]
        after += values[changed.first + 2 :]
    told = {Family.PRESENCE: (0.25, 0.5), Family.COUNT: (2.0, 2.0 * which.factor)}[which.family]
    assert (np.mean(before), np.mean(after)) == pytest.approx(told, rel=0.12)


def test_the_true_ratio_is_that_of_what_looks_see() -> None:
    rng = np.random.default_rng(6)
    scene = replace(traffic.some_scene(rng, Family.PRESENCE), mean=0.3, stay_days=0.5, sea=Sea.ROUGH, season=0.0)
    looks = traffic.eyes(rng, 60.0, tracks=2, missing=0.1)
    for factor in (1.0, 3.0):
        seen = traffic.measured(rng, replace(scene, mean=0.3 * factor), looks, 60.0, ())
        assert seen.mean() == pytest.approx(changes.expected(scene, looks, factor), rel=0.07)


def test_coverage_counts_what_holds_the_truth_and_on_which_side_the_rest_lies() -> None:
    held = Held(
        family=Family.COUNT,
        kind=Kind.SURGE,
        moment=Moment.LATER,
        onset=True,
        ratio=True,
        onset_days=20.0,
        early=False,
        log_ratio_error=0.0,
        ratio_side=0,
    )
    missed = replace(held, onset=False, early=True, ratio=False, ratio_side=-1)
    told = changes.covered([held, held, held, missed])
    assert (told["coverage_onset"], told["onset_before_interval"], told["onset_after_interval"]) == (0.75, 0.25, 0.0)
    assert (told["coverage_ratio"], told["ratio_below_interval"], told["ratio_above_interval"]) == (0.75, 0.25, 0.0)
    assert changes.covered([]) == {"changes": 0}


def test_a_delay_that_half_of_the_changes_miss_is_not_told() -> None:
    assert changes.median_delay([3, 5, math.inf]) == 5
    assert changes.median_delay([3, math.inf, math.inf]) is None


def test_a_clear_surge_is_told_with_an_interval() -> None:
    found = [held for number in (0, 4, 8) for held in changes.coverage(number, 1.0)]
    assert {h.kind for h in found} == {Kind.SURGE}
    assert {h.moment for h in found} == set(Moment)


@pytest.fixture
def counts(tmp_path_factory: pytest.TempPathFactory) -> places.Place:
    folder = tmp_path_factory.mktemp("boats") / "counts"
    folder.mkdir()
    rng = np.random.default_rng(8)
    days = [f"20{19 + n // 72}-{n % 72 // 6 + 1:02d}-{n % 6 * 5 + 1:02d}" for n in range(106)]
    numbers = {day: float(rng.poisson(12 if day < "2020-03-09" else 2)) + 0.2 for day in days}
    path = folder / "venice.json"
    path.write_text(json.dumps({"place": "venice", "counts": numbers}), encoding="utf-8")
    return places.place(path)


def test_a_lull_of_real_counts_stands_beside_the_day_of_the_lockdown(counts: places.Place) -> None:
    told = places.told(counts)
    assert (told["country"], told["lockdown"], told["looks"]) == ("Italy", "2020-03-09", 106)
    (found,) = [f for f in told["found"] if f["kind"] == "lull"]
    assert found["state"] == "confirmed"
    assert found["onset_between"][0] <= "2020-03-09" <= found["onset_between"][1]
    assert found["lockdown_between"] is True
    assert found["ratio"][1] < 1 / 6 < found["ratio"][2]
    assert all(p.value == round(p.value) for p in counts.points)


def test_the_page_has_a_row_for_each_incident_and_each_place_without_one() -> None:
    found = {"kind": "lull", "state": "confirmed", "onset": "2020-03-11", "ratio": [0.2, 0.1, 0.3], "until": None}
    place = {"place": "venice", "looks": 73, "country": "Italy", "lockdown": "2020-03-09", "note": "", "found": [found]}
    lines = pages.places({"places": [place, {**place, "place": "dover", "found": []}]})
    assert "| venice | 73 | Italy 2020-03-09 | lull | confirmed | 2020-03-11 |" in lines[2]
    assert "0.2, 0.1, 0.3" in lines[2]
    assert "| dover | 73 | Italy 2020-03-09 | nothing |" in lines[3]
