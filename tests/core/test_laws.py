"""The laws of one more number against scipy's, against slow integration, and against themselves."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import special, stats

from monitor.baseline import CountLaw, NormalLaw, PresenceLaw
from monitor.baseline.laws import SMALLEST_VARIANCE, digamma, trigamma
from monitor.score import LARGEST_ODDS

Array = NDArray[np.float64]

MEANS = st.floats(-2.5, 4.0)
"""Logarithms of rates from 0.08 to 55."""

LOGITS = st.floats(-3.0, 3.0)
VARIANCES = st.floats(0.002, 2.0)
SHIFTS = st.floats(-2.0, 2.0)


def over_normal(f: float, q: float, function: Callable[[Array], Array]) -> float:
    """Mean of a function of a normal number, as a fine sum over 9 standard deviations to either side."""
    x = np.linspace(-9.0, 9.0, 4001)
    weight = np.exp(-x * x / 2)
    return float(weight @ function(f + math.sqrt(q) * x) / weight.sum())


def over_counts(law: CountLaw, function: Callable[[float], float]) -> float:
    """Mean of a function of the next number: the exact sum over its support, but for the last 1e-14 of the chance."""
    last = int(stats.nbinom.isf(1e-14, law.shape, law.rate / (1 + law.rate))) + 10
    return math.fsum(math.exp(law.log_likelihood(float(x))) * function(float(x)) for x in range(last))


# gamma functions


@given(st.floats(1e-3, 1e5))
def test_digamma_and_trigamma(x: float) -> None:
    assert digamma(x) == pytest.approx(float(special.digamma(x)), rel=1e-8, abs=1e-8)
    assert trigamma(x) == pytest.approx(float(special.polygamma(1, x)), rel=1e-6)


# counts


@given(MEANS, VARIANCES, st.integers(0, 80))
def test_counts_are_negative_binomial_with_mid_p(f: float, q: float, x: int) -> None:
    law = CountLaw.of(f, q)
    theirs = stats.nbinom(law.shape, law.rate / (1 + law.rate))
    assert law.mean == pytest.approx(float(theirs.mean()))
    assert law.deviation == pytest.approx(float(theirs.std()))
    assert law.log_likelihood(x) == pytest.approx(float(theirs.logpmf(x)), rel=1e-6, abs=1e-6)
    assert law.upper_tail(x) == pytest.approx(float(theirs.sf(x) + theirs.pmf(x) / 2), rel=1e-6, abs=1e-9)


@given(MEANS, st.floats(0.002, 0.5))
def test_the_gamma_law_of_a_rate_has_the_logarithm_it_is_matched_to(f: float, q: float) -> None:
    """Mean exactly; variance to second order in it: within 2 % where it is small, 15 % at a half."""
    law = CountLaw.of(f, q)
    assert float(special.digamma(law.shape)) - math.log(law.rate) == pytest.approx(f, abs=1e-6)
    assert float(special.polygamma(1, law.shape)) == pytest.approx(q, rel=0.02 if q < 0.1 else 0.15)


def _mid_p(x: int) -> Callable[[Array], Array]:
    """Of a Poisson number at least x, for logarithms of its rate."""
    return lambda g: np.asarray(stats.poisson.sf(x, np.exp(g)) + stats.poisson.pmf(x, np.exp(g)) / 2)


@given(st.floats(-1.0, 3.0), st.floats(0.01, 0.3))
def test_the_negative_binomial_is_near_the_poisson_lognormal(f: float, q: float) -> None:
    """It stands in for a Poisson number whose rate is lognormal: its tail differs by less than 0.025."""
    law, most = CountLaw.of(f, q), 0.0
    for x in (0, 1, 3, 10, 30):
        lognormal = over_normal(f, q, _mid_p(x))
        most = max(most, abs(law.upper_tail(x) - lognormal))
    assert most < 0.025


@given(MEANS, VARIANCES, st.integers(0, 60))
def test_a_count_teaches_what_the_gamma_posterior_says(f: float, q: float, x: int) -> None:
    """Of the conjugate law: gamma(shape + x, rate + 1), by quadrature over the logarithm of the rate."""
    law = CountLaw.of(f, q)
    mean, variance = law.learnt(x)
    shape, rate = law.shape + x, law.rate + 1
    assert mean == pytest.approx(float(special.digamma(shape)) - math.log(rate), abs=1e-5)
    prior = float(special.polygamma(1, law.shape))
    assert variance / q == pytest.approx(float(special.polygamma(1, shape)) / prior, rel=1e-4)
    assert 0 < variance <= q * (1 + 1e-9)


# presence


@given(LOGITS, VARIANCES)
def test_the_chance_is_the_mean_of_the_logistic_over_the_normal(f: float, q: float) -> None:
    law = PresenceLaw.of(f, q)
    assert law.mean == pytest.approx(over_normal(f, q, special.expit), abs=0.01)
    theirs = stats.betabinom(1, law.mean * 7, (1 - law.mean) * 7)  # of one trial: whatever its size
    for x in (0, 1):
        assert law.log_likelihood(x) == pytest.approx(float(theirs.logpmf(x)))
        assert law.upper_tail(x) == pytest.approx(float(theirs.sf(x) + theirs.pmf(x) / 2))
    assert law.deviation == pytest.approx(float(theirs.std()))


@given(st.floats(-2.0, 2.0), st.floats(0.01, 0.5), st.sampled_from([0.0, 1.0]))
def test_a_presence_teaches_nearly_what_the_normal_posterior_says(f: float, q: float, x: float) -> None:
    """Mean within 0.05 and deviation within 13 % of the exact posterior of a normal logit of variance up to a half."""
    law = PresenceLaw.of(f, q)
    mean, variance = law.learnt(x)

    def seen(g: Array) -> Array:
        return np.asarray(special.expit(g if x else -g))

    whole = over_normal(f, q, seen)
    exact = over_normal(f, q, lambda g: g * seen(g)) / whole
    square = over_normal(f, q, lambda g: (g - exact) ** 2 * seen(g)) / whole
    assert mean == pytest.approx(exact, abs=0.05)
    assert math.sqrt(variance) == pytest.approx(math.sqrt(square), rel=0.13)
    assert (mean > f) == bool(x)


# odds


@given(st.floats(-2.0, 2.5), st.floats(0.002, 0.5), SHIFTS)
@settings(max_examples=40)
def test_the_odds_of_a_count_are_1_on_average_and_less_when_capped(f: float, q: float, shift: float) -> None:
    """What keeps the false alarms to the budget, whatever is known of the rate."""
    law = CountLaw.of(f, q)
    assert over_counts(law, lambda _: 1.0) == pytest.approx(1.0, abs=1e-7)
    if shift <= 0:  # the odds of more grow with the number, and so does what the sum leaves out
        assert over_counts(law, lambda x: math.exp(law.log_odds(x, shift))) == pytest.approx(1.0, abs=1e-6)
    capped = over_counts(law, lambda x: math.exp(min(law.log_odds(x, shift), LARGEST_ODDS)))
    assert capped <= 1 + 1e-7
    if abs(shift) < 0.3:  # where the cap touches what hardly ever comes
        assert capped > 0.9


@given(st.floats(-2.0, 2.5), st.floats(0.002, 0.5), st.floats(0.0, 1.2))
@settings(max_examples=40)
def test_so_are_the_odds_of_more(f: float, q: float, shift: float) -> None:
    """As a sum over the support of the law that rose, where likelihood times odds is the likelihood there."""
    law = CountLaw.of(f, q)
    moved = law.rate * math.exp(-shift)
    last = int(stats.nbinom.isf(1e-14, law.shape, moved / (1 + moved))) + 10
    terms = (math.exp(law.log_likelihood(float(x)) + law.log_odds(float(x), shift)) for x in range(last))
    assert math.fsum(terms) == pytest.approx(1.0, abs=1e-6)


@given(LOGITS, VARIANCES, SHIFTS)
def test_the_odds_of_a_presence_are_1_on_average_and_less_when_capped(f: float, q: float, shift: float) -> None:
    law = PresenceLaw.of(f, q)
    odds = [math.exp(law.log_odds(x, shift)) for x in (0, 1)]
    chances = [1 - law.mean, law.mean]
    assert np.dot(chances, odds) == pytest.approx(1.0)
    assert np.dot(chances, np.minimum(odds, math.exp(LARGEST_ODDS))) <= 1 + 1e-9


@given(MEANS, VARIANCES, st.floats(0.1, 2.0), st.integers(0, 40))
def test_odds_are_the_likelihoods_of_a_multiplied_rate(f: float, q: float, shift: float, x: int) -> None:
    law = CountLaw.of(f, q)
    for sign in (1, -1):
        moved = stats.nbinom(law.shape, law.rate * math.exp(-sign * shift) / (1 + law.rate * math.exp(-sign * shift)))
        expected = float(moved.logpmf(x)) - law.log_likelihood(x)
        assert law.log_odds(x, sign * shift) == pytest.approx(expected, rel=1e-6, abs=1e-5)


@given(LOGITS, VARIANCES, st.floats(0.1, 2.0))
def test_odds_of_a_presence_are_those_of_a_moved_logit(f: float, q: float, shift: float) -> None:
    law = PresenceLaw.of(f, q)
    for sign in (1, -1):
        moved = PresenceLaw.of(f + sign * shift, q)
        for x in (0, 1):
            assert law.log_odds(x, sign * shift) == pytest.approx(moved.log_likelihood(x) - law.log_likelihood(x))
    assert law.log_odds(1, shift) > 0 > law.log_odds(0, shift)


# continuous


@given(st.floats(-50, 50), st.floats(0.1, 20), st.floats(2, 200), st.floats(-100, 100))
def test_levels_follow_student(centre: float, scale: float, freedom: float, x: float) -> None:
    law, theirs = NormalLaw(centre, scale, freedom), stats.t(freedom, centre, scale)
    assert law.upper_tail(x) == pytest.approx(float(theirs.sf(x)), rel=1e-6, abs=1e-12)
    assert law.log_likelihood(x) == pytest.approx(float(theirs.logpdf(x)), rel=1e-7, abs=1e-7)
    assert (law.mean, law.deviation) == (centre, scale)


# all


@given(st.one_of(st.builds(CountLaw.of, MEANS, VARIANCES), st.builds(PresenceLaw.of, LOGITS, VARIANCES)))
def test_more_is_less_likely(law: CountLaw | PresenceLaw) -> None:
    tails = [law.upper_tail(x) for x in ((0, 1) if isinstance(law, PresenceLaw) else range(60))]
    assert all(0 <= p <= 1 for p in tails)
    assert all(a >= b for a, b in pairwise(tails))


@pytest.mark.parametrize("of", [CountLaw.of, PresenceLaw.of])
def test_no_rate_is_known_better_than_the_least_variance(
    of: Callable[[float, float], CountLaw | PresenceLaw],
) -> None:
    assert of(0.5, 0.0) == of(0.5, SMALLEST_VARIANCE)
    assert math.isfinite(of(0.5, 0.0).learnt(1)[0])
