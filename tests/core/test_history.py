"""Following a series: a pure function of its set of points, with baselines that never learn from what they flagged."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor import baseline, history
from monitor.alert import Incident, Rule, State, threshold_for
from monitor.baseline import LEAST_LOOKS, Baseline, Family
from monitor.history import Followed, Point

T0 = datetime(2022, 1, 1, 9, 20, tzinfo=UTC)
RULE = Rule(threshold=4.0)


def point(number: int, value: float, track: str = "s1-021d-vv", days: float = 6.0) -> Point:
    return Point(look=f"look{number:04d}", track=track, at=T0 + number * timedelta(days=days), value=value)


def follow(points: Sequence[Point], family: Family = Family.LEVEL, rule: Rule | None = RULE) -> Followed:
    return history.follow(points, family, rule, aoi="rajin", zone="berths", measure="vessel_count")


@st.composite
def series(draw: st.DrawFn) -> list[Point]:
    """Two tracks; quiet and busy stretches, so that incidents with whole lives are common."""
    levels = draw(st.lists(st.tuples(st.sampled_from([0.0, 0.0, 8.0, -8.0]), st.integers(1, 20)), max_size=5))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    base = [0.0] * 18 + [level for level, length in levels for _ in range(length)]
    noise = rng.normal(0, draw(st.sampled_from([0.5, 1.0, 3.0])), len(base))
    tracks = rng.choice(["s1-021d-vv", "s1-087a-vv"], len(base), p=[0.8, 0.2])
    return [point(i, float(v + e), str(t)) for i, (v, e, t) in enumerate(zip(base, noise, tracks, strict=True))]


@given(series(), st.randoms(use_true_random=False))
@settings(max_examples=60)
def test_the_order_of_arrival_does_not_matter(points: list[Point], random: Random) -> None:
    assert follow(random.sample(points, len(points))) == follow(points)


@given(series())
@settings(max_examples=60)
def test_every_point_has_a_score_against_its_own_track(points: list[Point]) -> None:
    followed = follow(points, rule=None)
    assert followed.incidents == ()
    assert [(s.look, s.track, s.at, s.value) for s in followed.scores] == [
        (p.look, p.track, p.at, p.value) for p in points
    ]
    for number, score in enumerate(followed.scores):
        earlier = [p.value for p in points[:number] if p.track == score.track]
        assert score.baseline == baseline.fit(earlier, Family.LEVEL)


def lessons(points: Sequence[Point]) -> tuple[list[list[float]], Followed]:
    """The values each point was compared with."""
    taken: list[list[float]] = []

    def fit(values: Sequence[float], family: Family) -> Baseline | None:
        taken.append(list(values))
        return baseline_fit(values, family)

    baseline_fit = baseline.fit
    with mock.patch.object(baseline, "fit", fit):
        followed = follow(points)
    return taken, followed


def confirmed(incidents: Sequence[Incident]) -> list[Incident]:
    return [i for i in incidents if i.state in {State.CONFIRMED, State.FINISHED}]


def learnt_too_much(points: Sequence[Point]) -> list[str]:
    """Looks of a confirmed incident that a later point was compared with."""
    taken, followed = lessons(points)
    by_value = {p.value: p.look for p in points}
    wrong = []
    for incident in confirmed(followed.incidents):
        last = max(i for i, p in enumerate(points) if p.look in incident.looks)
        for values in taken[last + 1 :]:
            wrong += [look for look in (by_value[v] for v in values) if look in incident.looks]
    return wrong


@given(series())
@settings(max_examples=150)
def test_a_baseline_never_learns_from_a_confirmed_incident(points: list[Point]) -> None:
    assert learnt_too_much(points) == []


QUIET = [float(v) for v in np.random.default_rng(12).normal(0, 1, 20)]
BUSY = [9.0, 9.1, 9.2, 9.3]


def test_the_looks_that_ended_it_are_learnt_once_it_is_finished() -> None:
    """While it drains nobody can know; once it is over, its end is where the draining began."""
    after = [-0.51 - i / 1000 for i in range(12)]
    points = [point(i, v) for i, v in enumerate([*QUIET, *BUSY, *after])]
    taken, followed = lessons(points)
    (incident,) = followed.incidents
    assert incident.state is State.FINISHED
    assert incident.until == points[len(QUIET) + len(BUSY) - 1].at
    assert len(taken[len(QUIET) + len(BUSY) + 2]) == len(QUIET)
    assert set(after[:5]) <= set(taken[-1])
    assert learnt_too_much(points) == []


def test_a_lasting_surge_stays_unusual() -> None:
    """What is usual is what was usual before the surge, however long it lasts."""
    points = [point(i, v) for i, v in enumerate(QUIET + [9 + 0.01 * i for i in range(60)])]
    followed = follow(points)
    (incident,) = followed.incidents
    assert (incident.state, incident.onset, len(incident.looks)) == (State.CONFIRMED, points[20].at, 60)
    assert followed.scores[-1].baseline == baseline.fit(QUIET, Family.LEVEL)
    assert followed.scores[-1].z > 4


def test_what_was_retracted_is_learnt_again() -> None:
    points = [point(i, v) for i, v in enumerate([*QUIET, 9.0, 9.1, -0.1, -0.2, 0.1])]
    followed = follow(points)
    assert [i.state for i in followed.incidents] == [State.RETRACTED]
    last = followed.scores[-1].baseline
    assert last is not None
    assert last.n == 24


def test_tracks_share_an_incident_but_not_a_baseline() -> None:
    tracks = ["s1-021d-vv", "s1-087a-vv"]
    quiet = [point(i, QUIET[i // 2] + (100 if i % 2 else 0), tracks[i % 2]) for i in range(40)]
    busy = [point(40 + i, 9 + (100 if i % 2 else 0), tracks[i % 2]) for i in range(6)]
    (incident,) = follow([*quiet, *busy]).incidents
    assert incident.tracks == tuple(tracks)
    assert incident.state is State.CONFIRMED
    assert incident.onset == busy[0].at


def test_a_young_track_is_scored_as_nothing() -> None:
    points = [point(i, v) for i, v in enumerate([0.0] * (LEAST_LOOKS - 1) + [100.0, 100.0, 100.0])]
    followed = follow(points)
    assert [s.baseline is None for s in followed.scores] == [True] * LEAST_LOOKS + [False] * 2
    assert all(s.z == 0 and s.p == 1 for s in followed.scores[:LEAST_LOOKS])


def test_nothing_gives_nothing() -> None:
    assert follow([]) == Followed(scores=(), incidents=())


@pytest.mark.parametrize("law", ["normal", "poisson"])
def test_false_alarms_on_an_uneventful_history_keep_to_the_budget(law: str) -> None:
    """Independent looks, 60 a year: alarms a year between half and twice the 0.2 allowed."""
    rng, budget, looks, years, series = np.random.default_rng(17), 0.2, 60, 5, 60
    rule = Rule(threshold=threshold_for(budget, looks))
    alarms, watched_years = 0, 0.0
    for _ in range(series):
        n = looks * years
        values = rng.normal(-12.0, 1.0, n) if law == "normal" else rng.poisson(3.0, n).astype(float)
        points = [point(i, float(v), days=365.25 / looks) for i, v in enumerate(values)]
        followed = follow(points, Family.LEVEL if law == "normal" else Family.COUNT, rule)
        alarms += len(followed.incidents)
        watched_years += (n - LEAST_LOOKS) / looks
    assert 0.5 * budget < alarms / watched_years < 2 * budget
