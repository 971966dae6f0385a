"""Incidents: each row of the table in alert.py, the chart against a naive one and its run length against simulation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor import alert
from monitor.alert import (
    LATE,
    LEAST_THRESHOLD,
    Change,
    Incident,
    Kind,
    Rule,
    State,
    Watch,
    advance,
    blind_spells,
    incidents,
    reconcile,
    run_length,
    threshold_for,
)
from monitor.baseline import Baseline, Family
from monitor.score import Score

T0 = datetime(2025, 1, 1, 9, 20, tzinfo=UTC)
RULE = Rule(threshold=4.0)
USUAL = Baseline(family=Family.LEVEL, n=20, centre=1.0, spread=1.0)
ZS = st.lists(st.floats(-8, 8), max_size=60)


def day(number: float) -> datetime:
    return T0 + timedelta(days=number)


def score(number: int, z: float, *, track: str = "s1-021d-vv", baseline: Baseline | None = USUAL) -> Score:
    return Score(look=f"look{number}", track=track, at=day(number), value=z + 1, baseline=baseline, z=z)


def watched(zs: Sequence[float], rule: Rule = RULE) -> Watch:
    watch = Watch()
    for number, z in enumerate(zs):
        watch = advance(watch, score(number, z), rule, aoi="rajin", zone="berths", measure="vessel_count")
    return watch


def found(zs: Sequence[float], rule: Rule = RULE) -> list[Incident]:
    return incidents(watched(zs, rule))


CALM, RAISED = [0.0, -1.0, 0.4], [0.0, -1.0, 0.4, 3.0, 3.0]


# - -> provisional


@pytest.mark.parametrize(
    ("zs", "raised"),
    [
        ([], None),
        ([8.0], None),  # one freak look counts no more than 4
        ([8.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 8.0], None),
        ([4.0, 4.0], 1),
        ([1.5] * 4, None),  # exactly at the threshold is not over it
        ([1.5] * 5, 4),
        ([0.5] * 100, None),  # the allowance uses it up
        (RAISED, 4),
    ],
)
def test_provisional_when_the_chart_passes_the_threshold(zs: list[float], raised: int | None) -> None:
    assert [(i.state, i.raised) for i in found(zs)] == ([] if raised is None else [(State.PROVISIONAL, day(raised))])
    mirrored = found([-z for z in zs])
    assert [i.kind for i in mirrored] == [Kind.LULL] * len(mirrored)


def test_a_new_incident_tells_what_it_rests_on() -> None:
    short = replace(USUAL, n=9, centre=3.0)
    watch = Watch()
    for number, one in enumerate([score(0, 0.0), score(1, 3.0), score(2, 3.0, track="s1-087a-vv", baseline=short)]):
        assert number == len(watch.closed) + number
        watch = advance(watch, one, RULE, aoi="rajin", zone="berths", measure="vessel_count")
    (incident,) = incidents(watch)
    assert (incident.onset, incident.raised, incident.until) == (day(1), day(2), None)
    assert incident.looks == ("look1", "look2")
    assert incident.tracks == ("s1-021d-vv", "s1-087a-vv")
    assert incident.mean == pytest.approx(4.0)
    assert incident.usual == pytest.approx(2.0)
    assert incident.baseline_looks == 9
    assert incident.peak == pytest.approx(5.0)
    assert incident.name == "rajin.berths.vessel_count.surge.20250102"


@given(ZS)
def test_the_first_alarm_is_that_of_a_naive_cusum(zs: list[float]) -> None:
    """Page (1954): S = max(0, S + z - k), both ways; the onset is the look after S was last 0."""
    first = None
    for sign in (1, -1):
        level, onset = 0.0, 0
        for number, z in enumerate(zs):
            level = level + min(max(sign * z, -4.0), 4.0) - 0.5
            if level <= 0:
                level, onset = 0.0, number + 1
            if level > 4.0 and (first is None or number < first[0]):
                first = (number, onset, sign)
                break
    raised = sorted(found(zs), key=lambda i: i.raised)
    assert bool(raised) == (first is not None)
    if first is not None:
        assert (raised[0].raised, raised[0].onset, raised[0].kind.sign) == (day(first[0]), day(first[1]), first[2])


# provisional -> confirmed, provisional -> retracted


@pytest.mark.parametrize("hits", list(product([True, False], repeat=3)))
@pytest.mark.parametrize("sign", [1, -1])
def test_two_of_the_next_three_looks_decide(hits: tuple[bool, ...], sign: int) -> None:
    """Whatever comes first: two that lean the same way, or two that do not."""
    zs = [sign * z for z in RAISED]
    states = []
    for hit in hits:
        zs.append(sign * (0.6 if hit else -0.1))
        states.append(found(zs)[0].state)
    goal = State.CONFIRMED if sum(hits) >= 2 else State.RETRACTED
    decided = 2 if hits[0] == hits[1] else 3
    assert states == [State.PROVISIONAL] * (decided - 1) + [goal] * (4 - decided)
    assert found(zs)[0].hits[:decided] == hits[:decided]


def test_a_retracted_incident_ended_with_its_last_look_that_leaned_its_way() -> None:
    (incident,) = found([*RAISED, -1.0, -1.0])
    assert (incident.state, incident.onset, incident.until) == (State.RETRACTED, day(3), day(4))
    assert incident.looks == ("look3", "look4")
    assert not incident.state.is_open


def test_the_chart_starts_anew_after_an_incident() -> None:
    both = found([*RAISED, -1.0, -1.0, 3.0, 3.0])
    assert [(i.state, i.onset) for i in both] == [(State.RETRACTED, day(3)), (State.PROVISIONAL, day(7))]


# confirmed -> finished

CONFIRMED = [*RAISED, 2.0, 2.0]


@pytest.mark.parametrize(
    ("after", "finished"),
    [
        ([2.0] * 30, None),
        ([0.5] * 30, None),
        ([-0.5] * 4, None),
        ([-0.5] * 5, 11),
        ([-1.0, 4.0, -1.0, 4.0] * 5, None),
        ([-8.0], None),
        ([-8.0, -8.0], 8),
        ([0.0] * 9, None),
        ([0.0] * 10, 16),
    ],
)
def test_finished_when_the_scores_fell_short_by_enough(after: list[float], finished: int | None) -> None:
    watch = watched([*CONFIRMED, *after])
    (incident,) = incidents(watch)
    if finished is None:
        assert (incident.state, incident.until) == (State.CONFIRMED, None)
        assert watch.incident is incident
    else:
        assert finished == len(CONFIRMED) + len(after) - 1
        assert (incident.state, incident.until) == (State.FINISHED, day(6))
        assert incident.looks == tuple(f"look{n}" for n in range(3, 7))
        assert incident.mean == pytest.approx(1 + (3 + 3 + 2 + 2) / 4)
        assert watch.incident is None


def test_the_peak_is_the_highest_the_chart_reached() -> None:
    """Ups and downs that cancel do not make a higher peak: 5 at the alarm, 8 when confirmed."""
    (incident,) = found(CONFIRMED)
    assert incident.peak == pytest.approx(8.0)
    (incident,) = found([*CONFIRMED, *[-1.0, 2.0] * 10])
    assert incident.peak == pytest.approx(8.0)
    (incident,) = found([*CONFIRMED, -1.0, 2.0, 2.5])
    assert incident.peak == pytest.approx(8.0 - 1.5 + 1.5 + 2.0)


@given(ZS)
def test_surge_and_lull_are_mirror_images(zs: list[float]) -> None:
    def shape(found: list[Incident], sign: int) -> list[tuple[object, ...]]:
        return [(i.kind.sign * sign, i.state, i.onset, i.raised, i.until, i.looks, i.hits) for i in found]

    assert shape(found(zs), 1) == shape(found([-z for z in zs]), -1)


@given(ZS, st.integers(0, 60))
def test_a_look_without_a_baseline_changes_nothing(zs: list[float], number: int) -> None:
    watch = watched(zs)
    after = advance(watch, score(100, 8.0, baseline=None), RULE, aoi="a", zone="b", measure="c")
    assert after is watch


@given(ZS)
def test_incidents_follow_each_other(zs: list[float]) -> None:
    all_of_them = found(zs)
    for incident in all_of_them:
        assert incident.onset < incident.raised
        assert incident.state.is_open == (incident.until is None)
        assert len(incident.looks) >= 2
        assert incident.peak > RULE.threshold
    for before, after in pairwise(all_of_them):
        assert before.until is not None
        assert before.until < after.onset


# blind


def looks_at(*days: float) -> list[datetime]:
    return [day(d) for d in days]


EVERY_SIX = (0, 6, 12, 18, 24, 30)


@pytest.mark.parametrize(
    ("usable", "as_of", "spells"),
    [
        ((0, 6, 12, 18), 400, []),  # nothing is usual yet
        (EVERY_SIX, 30, []),
        (EVERY_SIX, 54, []),  # at least two cycles of Sentinel-1
        (EVERY_SIX, 54.1, [(State.BLIND, 30, 54, None)]),
        ((*EVERY_SIX, 60), 60, [(State.FINISHED, 30, 54, 60)]),
        ((*EVERY_SIX, 48), 49, []),
        ((*EVERY_SIX, 60), 85, [(State.FINISHED, 30, 54, 60), (State.BLIND, 60, 84, None)]),
        ((0, 10, 20, 30, 40, 50), 80.1, [(State.BLIND, 50, 80, None)]),  # three steps of ten days
        ((0, 1, 12, 13, 24, 25, 36, 37), 69.9, []),  # two tracks: the long steps count
        ((0, 1, 12, 13, 24, 25, 36, 37), 70.1, [(State.BLIND, 37, 70, None)]),
        ((0, 1, 2, 3, 4, 5), 28.9, []),
        ((0, 1, 2, 3, 4, 5), 29.1, [(State.BLIND, 5, 29, None)]),
    ],
)
def test_blind_spells(
    usable: tuple[float, ...], as_of: float, spells: list[tuple[State, float, float, float | None]]
) -> None:
    expected = [(state, day(a), day(b), None if c is None else day(c)) for state, a, b, c in spells]
    made = blind_spells("rajin", looks_at(*usable), day(as_of))
    assert [(i.state, i.onset, i.raised, i.until) for i in made] == expected
    assert all(i.kind is Kind.BLIND and i.aoi == "rajin" and i.zone == i.measure == "" for i in made)


def test_blind_is_told_when_noticed_and_finished_when_seen_again() -> None:
    kept: list[Incident] = []
    told: list[tuple[State, datetime]] = []
    for usable, as_of in ((EVERY_SIX, 40), (EVERY_SIX, 56), (EVERY_SIX, 58), ((*EVERY_SIX, 60), 61)):
        kept, changes = reconcile(kept, blind_spells("rajin", looks_at(*usable), day(as_of)), day(as_of))
        told += [(c.new, c.at) for c in changes]
    assert told == [(State.BLIND, day(54)), (State.FINISHED, day(60))]
    assert [i.id for i in kept] == ["rajin.blind.20250131"]


# threshold and run length


@pytest.mark.parametrize(("threshold", "allowance"), [(3.0, 0.5), (4.0, 0.5), (5.0, 0.5), (4.0, 0.25), (2.0, 1.0)])
def test_run_length_is_that_of_simulated_charts(threshold: float, allowance: float) -> None:
    rng = np.random.default_rng(8)
    level, age = np.zeros(3000), np.zeros(3000)
    lengths: list[float] = []
    for _ in range(2500):
        level = np.maximum(0, level + rng.standard_normal(level.size) - allowance)
        age += 1
        over = level > threshold
        lengths += age[over].tolist()
        level[over] = age[over] = 0
    # alarms in all the time watched: unlike the mean of the finished runs it is not cut short
    simulated = 3000 * 2500 / len(lengths)
    assert run_length(threshold, allowance) == pytest.approx(simulated, rel=0.15)


@given(st.floats(0.01, 20), st.floats(1.0, 3.0), st.floats(10, 400))
def test_a_stricter_budget_asks_for_more_and_never_too_little(budget: float, factor: float, looks: float) -> None:
    strict, generous = threshold_for(budget, looks), threshold_for(budget * factor, looks)
    assert LEAST_THRESHOLD <= generous <= strict
    assert threshold_for(budget, looks) <= threshold_for(budget, looks * factor)
    if strict > LEAST_THRESHOLD:
        assert 2 * looks / run_length(strict) == pytest.approx(budget, rel=1e-6)


def test_no_single_look_reaches_the_least_threshold() -> None:
    assert RULE.largest_z - RULE.allowance < LEAST_THRESHOLD


# recorded against derived


def stored(kept: Sequence[Incident]) -> list[Incident]:
    """As the store gives them back: one an id, oldest onset first."""
    return sorted({i.id: i for i in kept}.values(), key=lambda i: (i.onset.isoformat(), i.id))


def live(found: Sequence[Incident]) -> list[Incident]:
    return sorted((replace(i, id="") for i in found), key=lambda i: (i.onset, i.kind))


HISTORIES = st.lists(st.lists(st.sampled_from([-3.0, -1.0, 0.0, 1.0, 3.0]), max_size=30), min_size=1, max_size=5)
"""What successive polls derive from the scores, late ones included: any list may follow any other."""


@given(HISTORIES)
@settings(max_examples=300)
def test_reconciling_again_changes_nothing(histories: list[list[float]]) -> None:
    recorded: list[Incident] = []
    for number, zs in enumerate(histories):
        derived, as_of = found(zs), day(1000 + number)
        kept, changes = reconcile(recorded, derived, as_of)
        assert len({i.id for i in kept}) == len(kept)
        assert all(i.id for i in kept)
        assert len({c.id for c in changes}) == len(changes)
        recorded = stored(kept)
        again, none = reconcile(recorded, derived, day(2000))
        assert none == []
        assert stored(again) == recorded
        # what the looks show is recorded, and all else is retracted
        assert live(derived) == live([i for i in recorded if replace(i, id="") in derived])
        assert all(i.state is State.RETRACTED for i in recorded if replace(i, id="") not in derived)


@given(HISTORIES)
@settings(max_examples=200)
def test_a_retraction_is_the_last_that_is_told_of_an_incident(histories: list[list[float]]) -> None:
    recorded: list[Incident] = []
    retracted: set[str] = set()
    for number, zs in enumerate(histories):
        kept, changes = reconcile(recorded, found(zs), day(1000 + number))
        recorded = stored(kept)
        assert not retracted & {c.incident.id for c in changes}
        retracted |= {c.incident.id for c in changes if c.new is State.RETRACTED}
        assert retracted == {i.id for i in recorded if i.state is State.RETRACTED}


def test_the_life_of_an_incident_is_told_step_by_step_under_one_id() -> None:
    zs = [*CONFIRMED, -1.0, -1.0, -1.0, -1.0]
    recorded: list[Incident] = []
    told: list[Change] = []
    for end in range(1, len(zs) + 1):
        recorded, changes = reconcile(recorded, found(zs[:end]), day(end))
        told += changes
    assert [(c.old, c.new) for c in told] == [
        (None, State.PROVISIONAL),
        (State.PROVISIONAL, State.CONFIRMED),
        (State.CONFIRMED, State.FINISHED),
    ]
    assert {c.incident.id for c in told} == {"rajin.berths.vessel_count.surge.20250104"}
    assert told[0].at == day(4)
    assert [c.reason for c in told] == [alert.REASONS[c.new] for c in told]
    assert len({c.id for c in told}) == 3


def test_late_looks_that_change_the_series_retract_with_that_reason() -> None:
    recorded, _ = reconcile([], found(CONFIRMED), day(10))
    kept, (change,) = reconcile(recorded, found([0.0] * 9), day(20))
    assert (change.old, change.new, change.at, change.reason) == (State.CONFIRMED, State.RETRACTED, day(20), LATE)
    assert [i.state for i in kept] == [State.RETRACTED]


def test_late_looks_that_only_move_the_onset_keep_the_id_and_are_no_news() -> None:
    recorded, _ = reconcile([], found(CONFIRMED), day(10))
    kept, changes = reconcile(recorded, found([0.0, 0.0, 1.5, 3.0, 3.0, 2.0, 2.0]), day(20))
    assert changes == []
    assert [(i.id, i.onset) for i in kept] == [("rajin.berths.vessel_count.surge.20250104", day(2))]


def test_what_was_retracted_and_shows_again_is_a_new_incident() -> None:
    """Everyone told has been told of the retraction: the next alarm must be told afresh."""
    recorded, _ = reconcile([], found(CONFIRMED), day(10))
    recorded, _ = reconcile(recorded, [], day(20))
    kept, (change,) = reconcile(recorded, found(CONFIRMED), day(30))
    assert (change.old, change.new) == (None, State.CONFIRMED)
    assert sorted(i.state for i in kept) == [State.CONFIRMED, State.RETRACTED]
    assert len({i.id for i in kept}) == 2


def test_blind_spells_that_touch_keep_their_own_ids() -> None:
    """The look between two gaps ends one spell and begins the next."""
    every = [*EVERY_SIX, 60, 90, 96]
    both = blind_spells("rajin", looks_at(*every), day(97))
    assert [(i.onset, i.until) for i in both] == [(day(30), day(60)), (day(60), day(90))]
    recorded, _ = reconcile([], both[1:], day(97))
    kept, (change,) = reconcile(recorded, both, day(98))
    assert change.incident.onset == day(30)
    assert sorted(i.id for i in kept) == ["rajin.blind.20250131", "rajin.blind.20250302"]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ((0, 5), (3, 8), True),
        ((0, None), (3, 8), True),
        ((0, None), (7, None), True),
        ((0, 2), (3, 8), False),
        ((4, None), (1, 3), False),
    ],
)
def test_overlap_in_time(one: tuple[int, int | None], other: tuple[int, int | None], same: bool) -> None:
    made = [
        Incident(
            aoi="a",
            zone="z",
            measure="m",
            kind=Kind.SURGE,
            state=State.CONFIRMED,
            onset=day(start),
            raised=day(start),
            until=None if end is None else day(end),
        )
        for start, end in (one, other)
    ]
    assert made[0].overlaps(made[1]) is same
    assert made[1].overlaps(made[0]) is same
    assert not made[0].overlaps(replace(made[0], kind=Kind.LULL))
    assert not made[0].overlaps(replace(made[0], zone="other"))
