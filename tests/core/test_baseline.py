"""What is usual: the model look by look against slow oracles that take the whole series at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import special, stats

from monitor.baseline import (
    LEAST_LOOKS,
    LEVEL,
    PRIORS,
    SHIFT,
    SMALLEST_SPREAD,
    Baseline,
    Family,
    Forecast,
    Habits,
    Lesson,
    NormalLaw,
    Wander,
    as_measured,
    compared,
    days_since_epoch,
    forecast,
    from_model_scale,
    learnt,
    nothing,
    with_shift,
)
from monitor.baseline.model import CLEAR_OFF, YEAR_DAYS

Array = NDArray[np.float64]

TRACKS, SATELLITES = ("s1-021d-vv", "s1-087a-vv"), ("sentinel-1a", "sentinel-1c")
CONTINUOUS = [f for f in Family if not f.counted]


def taught(baseline: Baseline, lessons: Sequence[Lesson]) -> Baseline:
    for lesson in lessons:
        baseline = learnt(expected_of(baseline, lesson), lesson.value)
    return baseline


def expected_of(baseline: Baseline, lesson: Lesson) -> Forecast:
    return forecast(baseline, lesson.day, lesson.track, lesson.satellite)


def lessons_of(values: Sequence[float] | Array, *, days: float = 6.0, start: float = 9000.0) -> list[Lesson]:
    return [Lesson(start + days * i, TRACKS[0], SATELLITES[0], float(v)) for i, v in enumerate(values)]


def mixed(values: Sequence[float] | Array, seed: int, years: float = 1.0) -> list[Lesson]:
    """At uneven times, of two tracks and two satellites."""
    rng = np.random.default_rng(seed)
    days = 9000 + np.sort(rng.uniform(0, years * YEAR_DAYS, len(values)))
    return [
        Lesson(float(day), TRACKS[rng.integers(2)], SATELLITES[rng.integers(2)], float(v))
        for day, v in zip(days, values, strict=True)
    ]


# scales


def test_amounts_are_compared_on_the_root() -> None:
    assert compared(2500.0, Family.AMOUNT) == 50.0
    assert compared(-1.0, Family.AMOUNT) == 0.0
    assert compared(-1.0, Family.LEVEL) == -1.0
    assert compared(7.0, Family.COUNT) == 7.0
    assert as_measured(-0.1, Family.SHARE) == 0.0


@given(st.floats(0, 1))
def test_shares_go_there_and_back(share: float) -> None:
    assert as_measured(compared(share, Family.SHARE), Family.SHARE) == pytest.approx(share, abs=1e-9)


@given(st.floats(0.01, 0.99))
def test_what_the_model_follows_is_told_in_the_unit_of_the_measure(rate: float) -> None:
    assert from_model_scale(math.log(rate), Family.COUNT) == pytest.approx(rate)
    assert from_model_scale(math.log(rate / (1 - rate)), Family.PRESENCE) == pytest.approx(rate)
    for family in (Family.AMOUNT, Family.LEVEL, Family.SHARE):
        assert from_model_scale(compared(rate, family), family) == pytest.approx(rate)


def test_days_since_epoch() -> None:
    assert days_since_epoch(datetime(2000, 1, 2, 12, tzinfo=UTC)) == 1.5
    assert days_since_epoch(datetime(1999, 12, 31, tzinfo=UTC)) == -1.0


# the oracle: covariance of the rates of all looks at once


def prior_covariance(lessons: Sequence[Lesson], family: Family, wander: Wander) -> Array:
    """Of the rates of all looks before any is known, on the model scale; shape (looks, looks)."""
    prior = PRIORS[family]
    day = np.array([k.day for k in lessons])
    apart = np.abs(day[:, None] - day)
    same_track = np.array([[a.track == b.track for b in lessons] for a in lessons])
    same_satellite = np.array([[a.satellite == b.satellite for b in lessons] for a in lessons])
    cov = prior.level**2 + prior.season**2 * np.cos(2 * np.pi * apart / YEAR_DAYS)
    cov = cov + prior.track**2 * same_track + prior.satellite**2 * same_satellite
    if wander.variance:
        cov = cov + wander.variance * np.exp(-apart / wander.days)
    return np.asarray(cov)


@pytest.mark.parametrize("wander", [Wander(), Wander(0.5, 10.0), Wander(0.9, 90.0)])
@pytest.mark.parametrize("family", CONTINUOUS)
def test_continuous_numbers_are_learnt_as_if_all_were_given_at_once(family: Family, wander: Wander) -> None:
    """Multivariate Student with an unknown spread (normal-inverse-gamma): the last look given all before it."""
    rng = np.random.default_rng(7)
    lessons = mixed(as_numbers(rng.normal(0.0, 1.0, 24), family), seed=7)
    spread, freedom = 3.0 * SMALLEST_SPREAD[family], 40.0
    start = replace(nothing(family, lessons[0].value, Habits(wander)), spread=spread, freedom=freedom)
    law = expected_of(taught(start, lessons[:-1]), lessons[-1]).law
    assert isinstance(law, NormalLaw)

    off = np.array([compared(k.value, family) for k in lessons]) - start.mean[LEVEL]
    cov = prior_covariance(lessons, family, wander) + (1 - wander.variance) * np.eye(len(lessons))
    old, new = cov[:-1, :-1], cov[-1, :-1]
    solved = np.linalg.solve(old, np.stack([new, off[:-1]], axis=1))
    q = cov[-1, -1] - new @ solved[:, 0]
    square = (freedom * spread**2 + off[:-1] @ solved[:, 1]) / (freedom + len(old))
    assert law.centre == pytest.approx(start.mean[LEVEL] + new @ solved[:, 1], rel=1e-7, abs=1e-9)
    assert law.scale == pytest.approx(math.sqrt(square * q), rel=1e-7)
    assert law.freedom == freedom + len(old)


def as_numbers(z: Array, family: Family) -> list[float]:
    """Numbers of a family that scatter as z does by three times the smallest spread, far from the ends of its scale."""
    middle = {Family.AMOUNT: 300.0, Family.LEVEL: -12.0, Family.SHARE: 0.7}[family]
    return [as_measured(middle + 3 * SMALLEST_SPREAD[family] * float(v), family) for v in z]


# rates: the exact posterior of one unknown number, where all looks share their day of the year

VARIANCE = {
    f: PRIORS[f].level ** 2 + PRIORS[f].season ** 2 + PRIORS[f].track ** 2 + PRIORS[f].satellite ** 2 for f in Family
}


def yearly(values: Sequence[float] | Array) -> list[Lesson]:
    return lessons_of(values, days=YEAR_DAYS)


def on_grid(centre: float, variance: float) -> tuple[Array, Array]:
    """Points of the rate on the model scale and the logarithm of their prior."""
    grid = centre + math.sqrt(variance) * np.linspace(-7, 7, 3001)
    return grid, np.asarray(stats.norm.logpdf(grid, centre, math.sqrt(variance)))


def moments(grid: Array, log_density: Array) -> tuple[float, float]:
    """Mean and standard deviation."""
    weight = np.exp(log_density - log_density.max())
    weight /= weight.sum()
    mean = float(weight @ grid)
    return mean, math.sqrt(float(weight @ (grid - mean) ** 2))


def log_lognormal_poisson(values: Sequence[float] | Array, grid: Array, white: float) -> Array:
    """Log likelihood of counts with a rate exp(grid) that scatters from look to look; by Gauss-Hermite."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(41)
    rates = np.exp(grid[:, None] + math.sqrt(white) * nodes)
    total: Array = np.zeros(len(grid))
    for value in values:
        total += special.logsumexp(stats.poisson.logpmf(value, rates), axis=1, b=weights / weights.sum())
    return total


@pytest.mark.parametrize("rate", [0.7, 3.0, 20.0])
@pytest.mark.parametrize("white", [0.02, 0.2])
@pytest.mark.parametrize("seed", range(3))
def test_counts_are_learnt_nearly_as_by_the_exact_posterior(rate: float, white: float, seed: int) -> None:
    """Poisson numbers with a lognormal rate: its centre within 0.35 of its deviation, that within 25 %."""
    rng = np.random.default_rng(seed)
    values = rng.poisson(rate * np.exp(rng.normal(0, math.sqrt(white), 16))).astype(float)
    start = nothing(Family.COUNT, values[0], Habits(white=white))
    ours = expected_of(taught(start, yearly(values)), yearly([*values, 0.0])[-1])
    grid, prior = on_grid(float(start.mean[LEVEL]), VARIANCE[Family.COUNT])
    mean, deviation = moments(grid, prior + log_lognormal_poisson(values, grid, white))
    assert ours.f == pytest.approx(mean, abs=0.35 * deviation)
    assert math.sqrt(ours.q) == pytest.approx(deviation, rel=0.25)


@pytest.mark.parametrize("chance", [0.15, 0.5, 0.8])
@pytest.mark.parametrize("seed", range(3))
def test_presences_are_learnt_nearly_as_by_the_exact_posterior(chance: float, seed: int) -> None:
    """The logit of the chance: its centre within half its deviation, that within 25 %."""
    values = (np.random.default_rng(seed).random(20) < chance).astype(float)
    start = nothing(Family.PRESENCE, values[0])
    ours = expected_of(taught(start, yearly(values)), yearly([*values, 0.0])[-1])
    grid, prior = on_grid(0.0, VARIANCE[Family.PRESENCE])
    seen = values.sum()
    log_density = prior + seen * special.log_expit(grid) + (len(values) - seen) * special.log_expit(-grid)
    mean, deviation = moments(grid, log_density)
    assert ours.f == pytest.approx(mean, abs=0.5 * deviation)
    assert math.sqrt(ours.q) == pytest.approx(deviation, rel=0.25)


def sampled_posterior(lessons: Sequence[Lesson], family: Family, habits: Habits, centre: float) -> tuple[float, float]:
    """Mean and deviation of the rate of the last look on the model scale, given all before: by importance sampling.

    The rates of all looks are jointly normal beforehand; samples are drawn from the normal law about the most likely
    rates (Laplace) and weighed by what is true over what was drawn.
    """
    n = len(lessons) - 1
    cov = prior_covariance(lessons, family, habits.wander)
    white = habits.white if family is Family.COUNT else 1e-3  # none, but for the inverse
    noisy = cov[:n, :n] + white * np.eye(n)
    values = np.array([k.value for k in lessons[:-1]])
    precision = np.linalg.inv(noisy)
    rates = np.full(n, centre)
    for _ in range(200):  # Newton, damped
        mean = np.exp(rates) if family is Family.COUNT else special.expit(rates)
        curve = mean if family is Family.COUNT else mean * (1 - mean)
        step = np.linalg.solve(precision + np.diag(curve), values - mean - precision @ (rates - centre))
        rates = rates + np.clip(step, -0.5, 0.5)
    found = np.linalg.inv(precision + np.diag(curve))
    half = np.linalg.cholesky(found)
    z = np.random.default_rng(1).standard_t(8, (40_000, n))
    drawn = rates + z @ half.T
    off = drawn - centre
    if family is Family.COUNT:
        likelihood = (values * drawn - np.exp(drawn)).sum(axis=1)
    else:
        likelihood = special.log_expit(np.where(values > 0.5, drawn, -drawn)).sum(axis=1)
    log_weight = likelihood - 0.5 * np.einsum("ij,jk,ik->i", off, precision, off) - stats.t.logpdf(z, 8).sum(axis=1)
    weight = np.exp(log_weight - log_weight.max())
    weight /= weight.sum()
    assert 1 / (weight**2).sum() > 2000, "too few samples count"
    across = cov[n, :n] @ precision
    last = centre + off @ across
    rest = cov[n, n] - across @ cov[:n, n]
    mean_last = float(weight @ last)
    return mean_last, math.sqrt(float(weight @ (last - mean_last) ** 2) + rest)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("wander", [Wander(), Wander(0.2, 30.0)])
@pytest.mark.parametrize("family", [Family.COUNT, Family.PRESENCE])
def test_rates_with_season_tracks_satellites_and_wander_are_learnt_nearly_exactly(
    family: Family, wander: Wander, seed: int
) -> None:
    """Against a sampled posterior: the rate within half its deviation, that within 30 %."""
    rng = np.random.default_rng(seed)
    values = rng.poisson(3.0, 22) if family is Family.COUNT else (rng.random(22) < 0.35)
    lessons = mixed(values.astype(float), seed, years=1.5)
    habits = Habits(wander, white=0.05)
    start = nothing(family, lessons[0].value, habits)
    ours = expected_of(taught(start, lessons[:-1]), lessons[-1])
    mean, deviation = sampled_posterior(lessons, family, habits, float(start.mean[LEVEL]))
    assert ours.f == pytest.approx(mean, abs=0.5 * deviation)
    assert math.sqrt(ours.q) == pytest.approx(deviation, rel=0.3)


# what is known of what


@pytest.mark.parametrize("family", Family)
@given(st.lists(st.integers(0, 1), min_size=1, max_size=30), st.integers(0, 10_000))
@settings(max_examples=15)
def test_what_is_known_is_a_proper_law(family: Family, values: list[int], seed: int) -> None:
    known = taught(nothing(family, values[0], Habits(Wander(0.3, 10.0))), mixed(values, seed))
    assert known.n == len(values)
    assert np.allclose(known.cov, known.cov.T)
    assert np.linalg.eigvalsh(known.cov).min() > -1e-9
    assert known.mean.shape == (4 + len(known.parts),)
    assert known.day == max(k.day for k in mixed(values, seed))


def test_every_track_has_its_own_offset() -> None:
    """Two geometries 5 dB apart: neither is compared with the other."""
    rng = np.random.default_rng(1)
    lessons = [
        Lesson(9000 + 6 * i, TRACKS[i % 2], SATELLITES[0], float(-12 + 5 * (i % 2) + rng.normal(0, 0.4)))
        for i in range(40)
    ]
    known = taught(nothing(Family.LEVEL, lessons[0].value), lessons)
    found = [forecast(known, 9240.0, track, SATELLITES[0]).law.mean for track in TRACKS]
    assert found == pytest.approx([-12.0, -7.0], abs=0.5)


def test_a_new_satellite_is_expected_as_the_old_but_less_surely() -> None:
    known = taught(nothing(Family.COUNT, 4.0), lessons_of([4.0] * 40))
    old, new = (forecast(known, 9240.0, TRACKS[0], satellite) for satellite in SATELLITES)
    assert new.f == pytest.approx(old.f, abs=0.02)
    assert new.q > old.q


def test_the_first_looks_of_a_new_satellite_move_what_is_expected_of_it_not_of_the_old_one() -> None:
    lessons = [Lesson(9000 + 6 * i, TRACKS[0], SATELLITES[i >= 180], 4.0 if i < 180 else 6.0) for i in range(186)]
    before, after = (taught(nothing(Family.COUNT, 4.0), part) for part in (lessons[:180], lessons))
    old, new = (
        forecast(after, 10_116.0, TRACKS[0], satellite).f - forecast(before, 10_116.0, TRACKS[0], satellite).f
        for satellite in SATELLITES
    )
    assert new > 0.02
    assert abs(old) < new / 3


def test_a_season_is_learnt() -> None:
    days = np.arange(0, 4 * YEAR_DAYS, 12.0)
    rates = 4.0 * np.exp(0.5 * np.sin(2 * np.pi * days / YEAR_DAYS))
    values = np.random.default_rng(2).poisson(rates)
    lessons = [Lesson(9131.25 + d, TRACKS[0], SATELLITES[0], float(v)) for d, v in zip(days, values, strict=True)]
    known = taught(nothing(Family.COUNT, float(values[0])), lessons)
    end = 9131.25 + 4 * YEAR_DAYS
    high, low = (forecast(known, end + share * YEAR_DAYS, TRACKS[0], SATELLITES[0]).law.mean for share in (0.25, 0.75))
    assert high / low == pytest.approx(math.e, rel=0.3)


def test_a_wander_is_forgotten() -> None:
    """What the newest looks say of the wander is worth a third after its days, and nothing after many of them."""
    known = taught(nothing(Family.LEVEL, 0.0, Habits(Wander(0.8, 20.0))), lessons_of([0.0] * 30 + [4.0] * 3))
    ahead = [forecast(known, known.day + days, TRACKS[0], SATELLITES[0]).f for days in (0.0, 20.0, 400.0)]
    assert ahead[0] > ahead[1] > ahead[2]
    now, later, last = (forecast(known, known.day + d, TRACKS[0], SATELLITES[0]).baseline.mean[1] for d in (0, 20, 400))
    assert (later / now, last / now) == pytest.approx((math.exp(-1), math.exp(-20)))


def test_looks_that_repeat_each_other_teach_little() -> None:
    """Eight looks in a day say less of the level than eight looks in a year, where ships stay for a month."""
    habits = Habits(Wander(0.5, 30.0))
    close, far = (
        forecast(taught(nothing(Family.COUNT, 3.0, habits), lessons_of([3.0] * 8, days=d)), 10_000.0, TRACKS[0], "a").q
        for d in (0.1, 45.0)
    )
    assert close > 1.5 * far


@pytest.mark.parametrize("family", CONTINUOUS)
def test_one_freak_look_does_not_move_what_is_usual_far(family: Family) -> None:
    values = as_numbers(np.random.default_rng(5).normal(0, 1, 40), family)
    freak = 1.0 if family is Family.SHARE else 1e9
    before, after = (taught(nothing(family, values[0]), lessons_of(v)) for v in (values, [*values, freak]))
    one, other = (forecast(b, 9400.0, TRACKS[0], SATELLITES[0]).law for b in (before, after))
    assert abs(other.mean - one.mean) < 0.5 * one.deviation
    assert other.deviation < 1.25 * one.deviation


def test_the_bound_is_no_bound_for_what_is_near() -> None:
    known = taught(nothing(Family.LEVEL, 0.0), lessons_of(np.random.default_rng(5).normal(0, 1, 40)))
    law = forecast(known, 9240.0, TRACKS[0], SATELLITES[0]).law
    near, edge, far = (
        learnt(forecast(known, 9240.0, TRACKS[0], SATELLITES[0]), law.mean + off * law.deviation).mean[LEVEL]
        for off in (0.9 * CLEAR_OFF, CLEAR_OFF, 50.0)
    )
    assert near < edge
    assert far == pytest.approx(edge)


@pytest.mark.parametrize("family", CONTINUOUS)
def test_the_spread_is_never_less_than_what_the_sensor_scatters(family: Family) -> None:
    known = taught(nothing(family, 0.5), lessons_of([0.5] * 60))
    assert known.spread == SMALLEST_SPREAD[family]


def test_a_series_without_any_ship_stays_a_finite_one() -> None:
    known = taught(nothing(Family.COUNT, 0.0), lessons_of([0.0] * 200))
    law = forecast(known, 10_300.0, TRACKS[0], SATELLITES[0]).law
    assert 0 < law.mean < 0.1
    for value in (0, 1):
        seen = taught(nothing(Family.PRESENCE, value), lessons_of([value] * 200))
        assert abs(forecast(seen, 10_300.0, TRACKS[0], SATELLITES[0]).law.mean - value) < 0.05


def test_ranks_are_kept_for_amounts_alone_and_in_order() -> None:
    values = as_numbers(np.random.default_rng(5).normal(0, 1, 30), Family.AMOUNT)
    ranks = taught(nothing(Family.AMOUNT, values[0]), lessons_of(values)).ranks
    assert len(ranks) == 30
    assert list(ranks) == sorted(ranks)
    assert taught(nothing(Family.LEVEL, 0.0), lessons_of([0.0] * 30)).ranks == ()


# changes of the level


@pytest.mark.parametrize("family", Family)
def test_a_shift_takes_what_a_change_brings(family: Family) -> None:
    """The level stays what it was; the shift is what the looks since say of it."""
    values = [1.0, 0.0] * 20
    known = taught(nothing(family, 1.0), lessons_of(values))
    shifted = with_shift(known, 2.0)
    assert shifted.mean[shifted.parts[SHIFT]] == 0
    high = 1.0 if family in {Family.PRESENCE, Family.SHARE} else 4.0 if family is Family.COUNT else 3000.0
    after = taught(shifted, lessons_of([high] * 12, start=9240.0))
    moved = after.mean[after.parts[SHIFT]]
    assert moved > 0
    assert abs(after.mean[LEVEL] - known.mean[LEVEL]) < 0.3 * moved


def test_a_change_does_not_touch_what_was_expected_before_it() -> None:
    known = taught(nothing(Family.COUNT, 3.0), lessons_of([3.0] * 20))
    one, other = (forecast(b, 9120.0, TRACKS[0], SATELLITES[0]) for b in (known, with_shift(known, 0.8)))
    assert other.f == pytest.approx(one.f)
    assert other.q == pytest.approx(one.q + 0.8**2)


def test_too_few_looks_are_those_of_one_busy_week() -> None:
    assert LEAST_LOOKS == 8
    assert days_since_epoch(datetime(2000, 1, 1, tzinfo=UTC) + timedelta(days=7)) < LEAST_LOOKS
