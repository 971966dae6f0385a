"""When a change began and how large it is: against brute force on short series, and against planted changes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import special, stats

from monitor import history, score
from monitor.alert import (
    Alarm,
    Incident,
    Kind,
    Passed,
    State,
    effect,
    likely_first,
    onset,
    rule_for,
)
from monitor.alert.effect import LEAST_WEIGHT, SHIFT_DEVIATION, USUAL_DELAY, _Normal, _quantile
from monitor.baseline import LEVEL, PRIORS, Baseline, Family, Habits, Lesson, forecast, learnt, nothing
from monitor.baseline.model import EPOCH, YEAR_DAYS
from monitor.history import Point, Series
from monitor.score import Expected, Score

Array = NDArray[np.float64]

T0 = datetime(2022, 1, 1, 9, 20, tzinfo=UTC)
TRACK, SATELLITE = "s1-021d-vv", "sentinel-1a"
FIRST = 12
"""Looks before the first at which a change may have begun."""


def passed_of(start: Baseline, values: Sequence[float] | Array, days: float = YEAR_DAYS) -> list[Passed]:
    """Each look with what was known before it."""
    known, found = start, []
    for number, value in enumerate(values):
        lesson = Lesson(9000 + days * number, TRACK, SATELLITE, float(value))
        expected = forecast(known, lesson.day, TRACK, SATELLITE)
        at = EPOCH + timedelta(days=lesson.day)
        scored = score.against(expected, float(value), look=f"look{number}", track=TRACK, at=at)
        found.append(Passed(look=f"look{number}", score=scored, lesson=lesson, before=known))
        known = learnt(expected, float(value))
    return found


def normalised(log_weights: Sequence[float]) -> Array:
    weight = np.exp(np.array(log_weights) - max(log_weights))
    return np.asarray(weight / weight.sum())


# the onset by brute force


@pytest.mark.parametrize("moved", [-1.5, 0.0, 1.0, 2.0])
@pytest.mark.parametrize("seed", range(3))
def test_the_onset_of_a_level_is_that_of_the_joint_law_of_all_looks(moved: float, seed: int) -> None:
    """Multivariate Student of the whole series, with the change as one more unknown for each onset: exact.

    Without numbers so far off that they would be bounded.
    """
    rng = np.random.default_rng(seed)
    values = rng.uniform(-1.5, 1.5, 26) + np.where(np.arange(26) >= 18, moved, 0)
    habits = Habits()
    start = replace(nothing(Family.LEVEL, values[0], habits), spread=1.0, freedom=30.0)
    passed = passed_of(start, values, days=6.0)
    prior, day = PRIORS[Family.LEVEL], np.array([p.lesson.day for p in passed])
    apart = day[:, None] - day
    cov = prior.level**2 + prior.season**2 * np.cos(2 * np.pi * apart / YEAR_DAYS) + np.eye(len(day))
    cov = cov + prior.track**2 + prior.satellite**2
    evidence = []
    for first in range(8, 26):  # fewer earlier looks are no baseline
        since = (np.arange(26) >= first).astype(float)
        whole = cov + SHIFT_DEVIATION[Family.LEVEL] ** 2 * np.outer(since, since)
        law = stats.multivariate_t(np.full(26, start.mean[LEVEL]), whole, df=30)
        evidence.append(float(law.logpdf(values)) + first / USUAL_DELAY)
    weights = onset(passed, latest=25)
    assert weights[:8] == [0.0] * 8
    assert weights[8:] == pytest.approx(normalised(evidence), abs=1e-3)


def rate_evidence(values: Array, family: Family, first: int, centre: float, grids: tuple[Array, Array]) -> float:
    """log of the chance of the looks if the rate changed with look `first`; by sums over a grid of rate and shift."""
    level, shift = grids
    prior = PRIORS[family]
    variance = prior.level**2 + prior.season**2 + prior.track**2 + prior.satellite**2
    beforehand = stats.norm.logpdf(level, centre, math.sqrt(variance))[:, None]
    beforehand = beforehand + stats.norm.logpdf(shift, 0, SHIFT_DEVIATION[family])

    def likelihood(part: Array, rate: Array) -> Array:
        if family is Family.COUNT:
            return np.asarray(part.sum() * rate - len(part) * np.exp(rate))
        return np.asarray(part.sum() * special.log_expit(rate) + (len(part) - part.sum()) * special.log_expit(-rate))

    both = level[:, None] + shift
    return float(
        special.logsumexp(beforehand + likelihood(values[:first], level)[:, None] + likelihood(values[first:], both))
    )


RATES = {Family.COUNT: (3.0, 6.0), Family.PRESENCE: (0.2, 0.6)}


def changed_series(family: Family, seed: int, before: int = 24, after: int = 12) -> Array:
    rng, (old, new) = np.random.default_rng(seed), RATES[family]
    rates = np.r_[np.full(before, old), np.full(after, new)]
    drawn = rng.poisson(rates) if family is Family.COUNT else rng.random(len(rates)) < rates
    return np.asarray(drawn, float)


@pytest.mark.parametrize("family", RATES)
@pytest.mark.parametrize("seed", range(4))
def test_the_onset_of_a_rate_is_nearly_that_by_brute_force(family: Family, seed: int) -> None:
    """All looks share their day of the year, so that the rate is one unknown number and its change another.

    No more than 0.12 of the probability lies on other looks than it should.
    """
    values = changed_series(family, seed)
    start = nothing(family, values[0], Habits(white=0.0))
    grids = float(start.mean[LEVEL]) + np.linspace(-8, 8, 401), np.linspace(-5, 5, 401)
    latest = len(values) - 1
    weights: Array = np.array(onset(passed_of(start, values), latest))
    candidates = np.flatnonzero(weights)
    centre = float(start.mean[LEVEL])
    exact = normalised([rate_evidence(values, family, int(k), centre, grids) + k / USUAL_DELAY for k in candidates])
    assert len(candidates) >= FIRST
    assert 0.5 * np.abs(weights[candidates] - exact).sum() < 0.12


@pytest.mark.parametrize("family", RATES)
@pytest.mark.parametrize("seed", range(4))
def test_the_ratio_is_nearly_that_by_brute_force(family: Family, seed: int) -> None:
    """Median and ends of the interval of the logarithm of the ratio, within 0.35 of its deviation."""
    values = changed_series(family, seed)
    start = nothing(family, values[0], Habits(white=0.0))
    passed = passed_of(start, values)
    weights = onset(passed, len(values) - 1)
    told = effect(passed, weights).ratio
    assert told is not None
    level, shift = float(start.mean[LEVEL]) + np.linspace(-8, 8, 321), np.linspace(-5, 5, 321)
    prior = PRIORS[family]
    variance = prior.level**2 + prior.season**2 + prior.track**2 + prior.satellite**2
    both = level[:, None] + shift
    density = np.zeros_like(both)
    for first in np.flatnonzero(np.array(weights) >= LEAST_WEIGHT):
        log = stats.norm.logpdf(level, start.mean[LEVEL], math.sqrt(variance))[:, None]
        log = log + stats.norm.logpdf(shift, 0, SHIFT_DEVIATION[family])
        for part, rate in ((values[:first], level[:, None]), (values[first:], both)):
            if family is Family.COUNT:
                log = log + part.sum() * rate - len(part) * np.exp(rate)
            else:
                log = log + part.sum() * special.log_expit(rate) + (len(part) - part.sum()) * special.log_expit(-rate)
        density += np.exp(log + first / USUAL_DELAY)
    ratio = np.broadcast_to(shift, both.shape) if family is Family.COUNT else special.log_expit(both)
    ratio = ratio if family is Family.COUNT else ratio - special.log_expit(level)[:, None]
    order = np.argsort(ratio, axis=None)
    share = np.cumsum(density.ravel()[order]) / density.sum()
    exact = [float(ratio.ravel()[order][np.searchsorted(share, p)]) for p in (0.05, 0.5, 0.95)]
    deviation = (exact[2] - exact[0]) / 3.29
    ours = [math.log(v) for v in (told.low, told.value, told.high)]
    assert ours == pytest.approx(exact, abs=0.35 * deviation)


def test_of_what_was_drawn_from_the_model_the_interval_holds_nine_in_ten() -> None:
    """Onsets and shifts as before any look: 90 % of the intervals hold the onset and the ratio."""
    rng, held, sized, draws = np.random.default_rng(11), 0, 0, 100
    for _ in range(draws):
        first = max(50 - int(rng.geometric(1 / USUAL_DELAY)), 10)
        shift = rng.normal(0, SHIFT_DEVIATION[Family.COUNT])
        rates = 4.0 * np.exp(np.where(np.arange(50) >= first, shift, 0))
        values = rng.poisson(rates).astype(float)
        passed = passed_of(nothing(Family.COUNT, values[0], Habits(white=0.0)), values, days=6.0)
        told = effect(passed, onset(passed, len(values) - 1))
        held += told.earliest <= first <= told.latest
        assert told.ratio is not None
        sized += told.ratio.low <= math.exp(shift) <= told.ratio.high
    assert 0.84 <= held / draws <= 0.99
    assert 0.84 <= sized / draws <= 0.97


# shape


def test_nothing_begins_after_the_alarm_or_without_a_baseline() -> None:
    values = changed_series(Family.COUNT, 1)
    weights = onset(passed_of(nothing(Family.COUNT, values[0]), values), latest=28)
    assert len(weights) == len(values)
    assert sum(weights) == pytest.approx(1)
    assert weights[29:] == [0.0] * (len(values) - 29)
    assert weights[:8] == [0.0] * 8


LOW_HIGH = {
    Family.COUNT: (3.0, 6.0),
    Family.PRESENCE: (0.25, 0.75),
    Family.AMOUNT: (10_000.0, 19_600.0),
    Family.LEVEL: (-12.0, -11.0),
    Family.SHARE: (0.3, 0.4),
}


@pytest.mark.parametrize("family", Family)
@pytest.mark.parametrize("rise", [True, False])
def test_what_is_told_hangs_together(family: Family, rise: bool) -> None:
    """40 looks at one rate, 24 at another, some two deviations away: all intervals hold the truth."""
    old, new = LOW_HIGH[family] if rise else LOW_HIGH[family][::-1]
    rates = np.where(np.arange(64) < 40, old, new)
    # evenly scattered before and after, so that no chance moves the means
    rng = np.random.default_rng(3)
    places = np.r_[(rng.permutation(40) + 0.5) / 40, (rng.permutation(24) + 0.5) / 24]
    if family.counted:
        law = stats.poisson(rates) if family is Family.COUNT else stats.bernoulli(rates)
        values = np.asarray(law.ppf(places))
    else:
        noise = {Family.AMOUNT: 2000.0, Family.LEVEL: 0.5, Family.SHARE: 0.05}[family]
        values = rates + noise * stats.norm.ppf(places)
    passed = passed_of(nothing(family, float(values[0])), [float(v) for v in values], days=6.0)
    told = effect(passed, onset(passed, len(values) - 1))
    assert told.earliest <= told.first <= told.latest
    assert told.earliest - 1 <= 40 <= told.latest + 1
    assert told.level.low < new < told.level.high
    assert told.difference.low < new - old < told.difference.high
    assert (told.difference.value > 0) == rise
    assert (told.ratio is None) == (family is Family.LEVEL)
    if told.ratio is not None:
        assert told.ratio.low < new / old < told.ratio.high
    for interval in filter(None, (told.level, told.difference, told.ratio)):
        assert interval.low < interval.value < interval.high


# mixtures of normals


@given(
    st.lists(st.tuples(st.floats(-5, 5), st.floats(0.01, 4), st.floats(0.01, 1)), min_size=1, max_size=6),
    st.floats(0.02, 0.98),
)
def test_quantiles_of_a_mixture_are_those_of_its_distribution(
    parts: list[tuple[float, float, float]], p: float
) -> None:
    normals, weights = [_Normal(m, v) for m, v, _ in parts], [w for _, _, w in parts]
    found = _quantile(normals, weights, p)
    below = sum(w * stats.norm.cdf(found, m, math.sqrt(v)) for m, v, w in parts) / sum(weights)
    assert below == pytest.approx(p, abs=1e-6)


def test_quantiles_of_a_mixture_are_those_of_samples_of_it() -> None:
    rng = np.random.default_rng(2)
    parts, weights = [_Normal(0.0, 1.0), _Normal(4.0, 0.25), _Normal(-3.0, 2.0)], [0.5, 0.3, 0.2]
    which = rng.choice(3, 200_000, p=weights)
    means, deviations = np.array([p.mean for p in parts]), np.sqrt([p.variance for p in parts])
    samples = rng.normal(means[which], deviations[which])
    for p in (0.05, 0.5, 0.95):
        assert _quantile(parts, weights, p) == pytest.approx(float(np.quantile(samples, p)), abs=0.04)


# Page's estimate


@given(st.lists(st.floats(-3, 3), min_size=1, max_size=30), st.sampled_from([Kind.SURGE, Kind.LULL]))
def test_the_likely_first_look_is_where_the_sum_of_the_odds_since_is_largest(odds: list[float], kind: Kind) -> None:
    usual = Expected(n=20, centre=1.0, low=0.0, high=2.0)

    def scored(number: int, o: float) -> Score:
        along, other = (0.0, o, 0.0), (9.0, 9.0, 9.0)
        up, down = (along, other) if kind is Kind.SURGE else (other, along)
        at = T0 + timedelta(days=number)
        return Score(look="l", track=TRACK, at=at, value=1.0, expected=usual, z=0.0, up=up, down=down)

    scores = [scored(n, o) for n, o in enumerate(odds)]
    first = likely_first(scores, Alarm(kind, 1, 100.0))
    sums = [math.fsum(odds[k:]) for k in range(len(odds))]
    assert sums[first] == pytest.approx(max(sums), abs=1e-9)


# planted changes, found look by look


def points(values: Sequence[float] | Array) -> list[Point]:
    return [
        Point(look=f"look{i:04d}", track=TRACK, at=T0 + i * timedelta(days=6), value=float(v), satellite=SATELLITE)
        for i, v in enumerate(values)
    ]


def surge_found(values: Array, family: Family, planted: datetime) -> Incident | None:
    rule = rule_for(family, 0.5, 61)
    series = Series(aoi="rajin", zone="berths", measure="vessel_count", family=family, rule=rule)
    found = history.follow(points(values), series).incidents
    lasting = [i for i in found if i.kind is Kind.SURGE and i.state is not State.RETRACTED and i.raised >= planted]
    return lasting[0] if lasting else None


@pytest.mark.parametrize("family", [Family.COUNT, Family.LEVEL])
def test_a_planted_change_is_found_with_its_onset_and_size(family: Family) -> None:
    """Of 40 doublings (or rises of 1.5 deviations) after 70 looks nearly all are found, most with onset and size.

    The intervals of what raised an alarm hold a little less than nine in ten: what was found early seemed larger.
    """
    held, sized, found, series = 0, 0, 0, 40
    for seed in range(series):
        rng = np.random.default_rng(seed)
        before = 70
        values = np.r_[rng.poisson(3, before), rng.poisson(6, 40)].astype(float)
        if family is Family.LEVEL:
            values = np.r_[rng.normal(-12, 1, before), rng.normal(-10.5, 1, 40)]
        planted = T0 + before * timedelta(days=6)
        incident = surge_found(values, family, planted)
        if incident is None:
            continue
        found += 1
        assert incident.onset_between is not None
        assert incident.difference is not None
        after, until = incident.onset_between
        assert after <= incident.onset <= until
        held += after < planted <= until
        true = 3.0 if family is Family.COUNT else 1.5
        sized += incident.difference.low <= true <= incident.difference.high
    assert found >= 0.9 * series
    assert held >= 0.7 * found
    assert sized >= 0.75 * found
