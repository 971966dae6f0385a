"""Following a series: a pure function of its set of points, with baselines that never learn from what they flagged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from monitor import baseline, history
from monitor.alert import (
    Ending,
    Incident,
    Kind,
    Rule,
    State,
    incidents,
    reconcile,
    rule_for,
)
from monitor.baseline import LEAST_LOOKS, Baseline, Family, Lesson
from monitor.history import Followed, Point, Series, Thread
from monitor.score import Score

T0 = datetime(2022, 1, 1, 9, 20, tzinfo=UTC)
RULE = Rule(threshold=40.0, single_p=0.002)


def point(number: int, value: float, track: str = "s1-021d-vv", days: float = 6.0, satellite: str = "a") -> Point:
    at = T0 + number * timedelta(days=days)
    return Point(look=f"look{number:04d}", track=track, at=at, value=value, satellite=satellite)


def points_of(values: Sequence[float] | NDArray[np.float64]) -> list[Point]:
    return [point(i, float(v)) for i, v in enumerate(values)]


def series_of(family: Family = Family.LEVEL, rule: Rule | None = RULE) -> Series:
    return Series(aoi="rajin", zone="berths", measure="vessel_count", family=family, rule=rule)


def follow(points: Sequence[Point], family: Family = Family.LEVEL, rule: Rule | None = RULE) -> Followed:
    return history.follow(points, series_of(family, rule))


def stepped(points: Sequence[Point], family: Family = Family.LEVEL) -> tuple[list[Thread], list[Score]]:
    """The series after each of its looks."""
    thread, threads, scores = Thread(), [], []
    for p in points:
        thread, scored = history.step(thread, p, series_of(family))
        threads.append(thread)
        scores.append(scored)
    return threads, scores


def same(one: Followed, other: Followed) -> bool:
    """Equality, which arrays in the baseline do not give."""
    if one.baseline is not None and other.baseline is not None:
        if not np.array_equal(one.baseline.mean, other.baseline.mean):
            return False
        if not np.array_equal(one.baseline.cov, other.baseline.cov):
            return False
    alone = replace(one, baseline=None), replace(other, baseline=None)
    return (one.baseline is None) == (other.baseline is None) and alone[0] == alone[1]


@st.composite
def series(draw: st.DrawFn) -> list[Point]:
    """Two tracks, two satellites; quiet and busy stretches, so that incidents with whole lives are common."""
    levels = draw(st.lists(st.tuples(st.sampled_from([0.0, 0.0, 3.0, -3.0]), st.integers(1, 20)), max_size=5))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    base = [0.0] * 18 + [level for level, length in levels for _ in range(length)]
    noise = rng.normal(0, draw(st.sampled_from([0.5, 1.0, 2.0])), len(base))
    tracks = rng.choice(["s1-021d-vv", "s1-087a-vv"], len(base), p=[0.8, 0.2])
    satellites = np.where(np.arange(len(base)) < 25, "a", "c")
    return [
        point(i, float(v + e), str(t), satellite=str(s))
        for i, (v, e, t, s) in enumerate(zip(base, noise, tracks, satellites, strict=True))
    ]


@given(series(), st.randoms(use_true_random=False))
@settings(max_examples=40)
def test_the_order_of_arrival_does_not_matter(points: list[Point], random: Random) -> None:
    assert same(follow(random.sample(points, len(points))), follow(points))


@given(series())
@settings(max_examples=40)
def test_following_is_folding_the_steps(points: list[Point]) -> None:
    followed, (threads, scores) = follow(points), stepped(points)
    assert list(followed.scores) == scores
    plain = history.follow(points, series_of(), sized=False)
    assert list(plain.incidents) == sorted(incidents(threads[-1].watch), key=lambda i: (i.raised, i.kind))
    assert list(plain.scores) == scores
    kinds = [(i.kind, i.state, i.raised) for i in plain.incidents]
    assert sorted(kinds) == sorted((i.kind, i.state, i.raised) for i in followed.incidents)


@given(series(), st.integers(0, 5))
@settings(max_examples=30)
def test_points_that_are_given_twice_do_not_crash(points: list[Point], number: int) -> None:
    twice = [*points, *points[:: number + 1]]
    assert len(follow(twice).scores) == len(twice)


def test_the_past_is_not_changed_by_what_comes_later() -> None:
    points = points_of(np.random.default_rng(3).normal(0, 1, 60))
    assert list(follow(points[:40]).scores) == list(follow(points).scores)[:40]


@given(series())
@settings(max_examples=30)
def test_without_a_rule_every_look_is_scored_and_learnt(points: list[Point]) -> None:
    followed = follow(points, rule=None)
    assert followed.incidents == ()
    assert [(s.look, s.track, s.at, s.value) for s in followed.scores] == [
        (p.look, p.track, p.at, p.value) for p in points
    ]
    assert [s.expected.n for s in followed.scores if s.expected] == list(range(LEAST_LOOKS, len(points)))
    assert followed.baseline is not None
    assert followed.baseline.n == len(points)


def test_nothing_gives_nothing() -> None:
    assert follow([]) == Followed(scores=(), incidents=())


def test_too_few_looks_are_scored_as_nothing() -> None:
    followed = follow(points_of([0.0, 0.1] * 3 + [0.0] + [100.0] * 3))
    assert [s.expected is None for s in followed.scores] == [True] * LEAST_LOOKS + [False] * 2
    assert all(s.z == 0 and s.p == 1 for s in followed.scores[:LEAST_LOOKS])


# what is learnt


def looks_learnt(thread: Thread, points: Sequence[Point]) -> set[str]:
    """Ids of the looks that what is usual rests on."""
    by_day = {baseline.days_since_epoch(p.at): p.look for p in points}
    return {by_day[lesson.day] for lesson in thread.lessons}


@given(series())
@settings(max_examples=80)
def test_a_baseline_never_learns_from_an_open_or_confirmed_incident(points: list[Point]) -> None:
    """Of each thread: nothing from its open incident, nor from those that were confirmed and are over."""
    threads, _ = stepped(points)
    for thread in threads:
        learnt = looks_learnt(thread, points)
        for incident in incidents(thread.watch):
            spared = incident.state in {State.PROVISIONAL, State.CONFIRMED, State.FINISHED}
            if spared and incident.kind.lasting and incident.ending is not Ending.NEW_USUAL:
                assert not learnt & set(incident.looks)


@given(series())
@settings(max_examples=40)
def test_what_is_usual_is_what_its_lessons_teach(points: list[Point]) -> None:
    """Folded from the lessons alone, with the habits it has: nothing else went into it."""
    threads, _ = stepped(points)
    for thread in threads[:: max(1, len(threads) // 6)]:
        known = thread.baseline
        if known is None or not thread.lessons:
            continue
        assert known.n == len(thread.lessons)
        again = folded(thread.lessons, baseline.nothing(Family.LEVEL, thread.lessons[0].value, known.habits))
        assert np.allclose(again.mean, known.mean)
        assert np.allclose(again.cov, known.cov)


def folded(lessons: Sequence[Lesson], known: Baseline) -> Baseline:
    for lesson in lessons:
        expected = baseline.forecast(known, lesson.day, lesson.track, lesson.satellite)
        known = baseline.learnt(expected, lesson.value)
    return known


QUIET = [0.1 * size * sign for size in (9, 3, 14, 6, 11, 1, 16, 8, 4, 12, 7, 2, 15, 5, 10) for sign in (1, -1)]
"""Up and down in turn, so that no chance run among them is like a change."""

BUSY = [3.0, 2.5, 3.5, 3.0, 2.8, 3.2, 3.0, 2.6]


def test_a_lasting_surge_stays_unusual_and_is_not_learnt() -> None:
    points = points_of([*QUIET, *BUSY * 3])
    threads, scores = stepped(points)
    (incident,) = follow(points).incidents
    assert (incident.kind, incident.state, incident.onset) == (Kind.SURGE, State.CONFIRMED, points[30].at)
    assert looks_learnt(threads[-1], points) == {p.look for p in points[:30]}
    assert all(s.z > 1.3 for s in scores[-8:])


def test_the_looks_that_ended_it_are_learnt_once_it_is_finished() -> None:
    """While it drains nobody can know; once it is over, its end is where the draining began."""
    points = points_of([*QUIET, *BUSY, *QUIET[1:13]])
    threads, _ = stepped(points)
    (incident,) = follow(points).incidents
    assert (incident.state, incident.ending, incident.until) == (State.FINISHED, Ending.OVER, points[37].at)
    assert looks_learnt(threads[38], points) == {p.look for p in points[:30]}
    assert looks_learnt(threads[-1], points) == {p.look for p in [*points[:30], *points[38:]]}


def test_a_retracted_incident_gives_its_looks_back() -> None:
    points = points_of([*QUIET, 3.4, 3.4, -1.0, -1.0, -1.0, -1.0, 0.0, 0.3])
    threads, _ = stepped(points)
    (incident,) = (i for i in follow(points).incidents if i.kind.lasting)
    assert incident.state is State.RETRACTED
    assert incident.looks
    assert looks_learnt(threads[-1], points) == {p.look for p in points}


EMPTY = [-v for v in BUSY]

TURNS = {
    State.RETRACTED: replace(RULE, sure=1e12),
    State.FINISHED: replace(RULE, over=1e12),
}
"""Rules under which nothing ends a provisional or a confirmed incident but a change the other way."""


@pytest.mark.parametrize("ended", TURNS)
@pytest.mark.parametrize("sign", [1, -1])
def test_an_open_lull_does_not_hide_a_surge(ended: State, sign: int) -> None:
    """It is closed by it. What is usual learns from the lull only if that was never confirmed."""
    points = points_of([sign * v for v in [*QUIET[::-1], *EMPTY[:4], *BUSY]])
    rule, threads = TURNS[ended], [Thread()]
    for p in points:
        threads.append(history.step(threads[-1], p, series_of(rule=rule))[0])
    first, second = (i for i in follow(points, rule=rule).incidents if i.kind.lasting)
    kinds = (Kind.LULL, Kind.SURGE) if sign > 0 else (Kind.SURGE, Kind.LULL)
    assert (first.kind, first.state, first.onset) == (kinds[0], ended, points[30].at)
    assert first.until == points[33].at
    assert (second.kind, second.onset) == (kinds[1], points[34].at)
    assert second.raised <= points[36].at, "three looks, as from a quiet place"
    learnt = points[:34] if ended is State.RETRACTED else points[:30]
    assert looks_learnt(threads[-1], points) == {p.look for p in learnt}


@pytest.mark.parametrize("sign", [1, -1])
def test_under_the_rule_as_it_is_a_surge_after_a_lull_is_found_as_soon(sign: int) -> None:
    points = points_of([sign * v for v in [*QUIET[::-1], *EMPTY[:4], *BUSY]])
    first, second = (i for i in follow(points).incidents if i.kind.lasting)
    assert (first.kind.sign, first.state, first.until) == (-sign, State.FINISHED, points[33].at)
    assert (second.kind.sign, second.state, second.onset) == (sign, State.CONFIRMED, points[34].at)
    assert second.raised <= points[36].at


def test_after_a_year_it_is_what_is_usual() -> None:
    """Then what was usual before is a lull."""
    points = points_of([*QUIET, *BUSY * 9, *QUIET[:10]])
    followed, (threads, _) = follow(points), stepped(points)
    surge, lull = (i for i in followed.incidents if i.kind.lasting)
    assert (surge.kind, surge.state, surge.ending) == (Kind.SURGE, State.FINISHED, Ending.NEW_USUAL)
    assert surge.until is not None
    assert timedelta(days=350) <= surge.until - surge.onset < timedelta(days=380)
    assert lull.kind is Kind.LULL
    assert lull.raised >= points[30 + 72].at
    assert not looks_learnt(threads[-1], points) & {p.look for p in points[:30]}


def test_tracks_share_an_incident_but_not_a_rate() -> None:
    tracks = ["s1-021d-vv", "s1-087a-vv"]
    quiet = [point(i, QUIET[i // 2] + (100 if i % 2 else 0), tracks[i % 2]) for i in range(60)]
    busy = [point(60 + i, 3 + (100 if i % 2 else 0), tracks[i % 2]) for i in range(8)]
    (incident,) = (i for i in follow([*quiet, *busy]).incidents if i.kind.lasting)
    assert incident.tracks == tuple(tracks)
    assert (incident.state, incident.onset) == (State.CONFIRMED, busy[0].at)


# single looks


@pytest.mark.parametrize(("value", "kind"), [(9.0, Kind.SPIKE), (-9.0, Kind.DIP)])
def test_one_freak_look_is_a_spike_and_no_surge(value: float, kind: Kind) -> None:
    """With the budget as it is set from the start, for ten series of an AOI: it is told, and not learnt."""
    rule = rule_for(Family.LEVEL, 0.1, 61.0)
    points = points_of([*QUIET, *QUIET, value, *QUIET[:20]])
    threads = [Thread()]
    for p in points:
        threads.append(history.step(threads[-1], p, series_of(rule=rule))[0])
    (new,) = incidents(threads[61].watch)
    assert (new.kind, new.state, new.looks) == (kind, State.PROVISIONAL, (points[60].look,))
    followed = follow(points, rule=rule)
    (over,) = followed.incidents
    assert (over.kind, over.state, over.ending) == (kind, State.FINISHED, Ending.SINGLE)
    assert points[60].look not in looks_learnt(threads[-1], points)
    assert followed.baseline is not None
    assert followed.baseline.n == len(points) - 1


# late looks

LASTING_STEPS = {
    (None, State.PROVISIONAL),
    (State.PROVISIONAL, State.CONFIRMED),
    (State.PROVISIONAL, State.RETRACTED),
    (State.CONFIRMED, State.FINISHED),
}
"""One look brings one step of the table of monitor.alert."""

SINGLE_STEPS = {(None, State.PROVISIONAL), (State.PROVISIONAL, State.FINISHED)}

ORDER = [None, State.PROVISIONAL, State.CONFIRMED, State.FINISHED, State.RETRACTED]


def stored(kept: Sequence[Incident]) -> list[Incident]:
    return sorted({i.id: i for i in kept}.values(), key=lambda i: (i.onset, i.id))


@given(series())
@settings(max_examples=12)
def test_looks_that_come_one_by_one_bring_one_step_each(points: list[Point]) -> None:
    recorded: list[Incident] = []
    told: list[str] = []
    for end in range(1, len(points) + 1):
        kept, changes = reconcile(recorded, follow(points[:end]).incidents, points[end - 1].at)
        recorded = stored(kept)
        told += [c.id for c in changes]
        for c in changes:
            assert (c.old, c.new) in (LASTING_STEPS if c.incident.kind.lasting else SINGLE_STEPS)
    assert len(set(told)) == len(told)


@given(series(), st.data())
@settings(max_examples=20)
def test_late_looks_bring_each_step_once_and_never_one_back(points: list[Point], data: st.DataObject) -> None:
    late = data.draw(st.lists(st.integers(0, len(points) - 1), max_size=4, unique=True))
    come = [p for i, p in enumerate(points) if i not in late]
    for i in late:
        come.insert(data.draw(st.integers(min(18, len(come)), len(come))), points[i])
    recorded: list[Incident] = []
    told: list[str] = []
    for end in range(min(18, len(come)), len(come) + 1):
        so_far = come[:end]
        kept, changes = reconcile(recorded, follow(so_far).incidents, max(p.at for p in so_far))
        recorded = stored(kept)
        told += [c.id for c in changes]
        assert all(ORDER.index(c.old) < ORDER.index(c.new) for c in changes)
    assert len(set(told)) == len(told)
    assert follow(come).scores == follow(points).scores


# false alarms


@pytest.mark.parametrize("family", [Family.LEVEL, Family.COUNT, Family.PRESENCE])
def test_false_alarms_on_an_uneventful_history_keep_to_the_budget(family: Family) -> None:
    """Independent looks, 60 a year: no more alarms a year than 1.2 of the budget, and not none."""
    rng, budget, looks, years, series = np.random.default_rng(17), 1.0, 60, 3, 25
    rule = rule_for(family, budget, looks)
    alarms = 0
    for _ in range(series):
        n = looks * years
        values = {
            Family.LEVEL: rng.normal(-12.0, 1.0, n),
            Family.COUNT: rng.poisson(3.0, n).astype(float),
            Family.PRESENCE: (rng.random(n) < 0.25).astype(float),
        }[family]
        points = [point(i, float(v), days=365.25 / looks) for i, v in enumerate(values)]
        alarms += len(history.follow(points, series_of(family, rule), sized=False).incidents)
    assert 0.1 * budget < alarms / (series * years) < 1.2 * budget


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_where_nothing_ever_changes_there_is_no_alarm_by_mere_waiting(value: float) -> None:
    """R grows by one a look there, and passes any threshold: 200 looks at a threshold of 40."""
    assert follow(points_of([value] * 200), Family.COUNT).incidents == ()
