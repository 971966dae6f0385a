"""The law of one more number, given what is known of its rate.

What is known is normal with mean f and variance q on the scale of the model: the logarithm of the rate of a count, the
logit of the chance of a presence. The laws of counts and presences are the conjugate ones matched to f and q, after
West, Harrison & Migon (1985), "Dynamic generalized linear models and Bayesian forecasting", JASA 80, 73-97.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy import special

SMALLEST_VARIANCE = 1e-6
"""Of what is known of a rate: no rate is known better."""


def digamma(x: float) -> float:
    """Of x > 0, to 1e-8: recurrence up to 6, then the series of Abramowitz & Stegun, 6.3.5 and 6.3.18.

    Several times faster than scipy's for one number.
    """
    total = 0.0
    while x < 6.0:
        total -= 1.0 / x
        x += 1.0
    r = 1.0 / (x * x)
    return total + math.log(x) - 0.5 / x - r * (1 / 12 - r * (1 / 120 - r / 252))


def trigamma(x: float) -> float:
    """Of x > 0, to 1e-7: as `digamma`, Abramowitz & Stegun 6.4.6 and 6.4.12."""
    total = 0.0
    while x < 6.0:
        total += 1.0 / (x * x)
        x += 1.0
    r = 1.0 / (x * x)
    return total + (1.0 + (0.5 + (1 / 6 - r * (1 / 30 - r / 42)) / x) / x) / x


@dataclass(frozen=True, slots=True)
class CountLaw:
    """Negative binomial: a Poisson number whose rate is gamma distributed.

    Fields: f and q of the logarithm of the rate; shape and rate of the gamma law.
    """

    f: float
    q: float
    shape: float
    rate: float

    @classmethod
    def of(cls, f: float, q: float) -> CountLaw:
        """The gamma law whose logarithm has mean f and, to second order, variance q."""
        q = max(q, SMALLEST_VARIANCE)
        shape = (1.0 + math.sqrt(1.0 + 2.0 * q)) / (2.0 * q)
        return cls(f, q, shape, math.exp(digamma(shape) - f))

    @property
    def mean(self) -> float:
        """Expected number."""
        return self.shape / self.rate

    @property
    def deviation(self) -> float:
        """Standard deviation of the number."""
        return math.sqrt(self.mean * (1.0 + 1.0 / self.rate))

    def upper_tail(self, x: float) -> float:
        """P(more than x) + P(x) / 2: the mid-p value of Lancaster (1961), which is uniform on average."""
        chance, k = self.rate / (1.0 + self.rate), round(x)
        at_most = float(special.betainc(self.shape, k + 1.0, chance))
        below = float(special.betainc(self.shape, float(k), chance)) if k > 0 else 0.0
        return 1.0 - (at_most + below) / 2.0

    def log_likelihood(self, x: float) -> float:
        """Of the number x."""
        return (
            math.lgamma(self.shape + x)
            - math.lgamma(self.shape)
            - math.lgamma(x + 1.0)
            - self.shape * math.log1p(1.0 / self.rate)
            - x * math.log1p(self.rate)
        )

    def log_odds(self, x: float, shift: float) -> float:
        """log(likelihood of x at exp(shift) times the rate / likelihood at the rate)."""
        moved = self.rate * math.exp(-shift)
        return -self.shape * shift - (self.shape + x) * math.log((1.0 + moved) / (1.0 + self.rate))

    def learnt(self, x: float) -> tuple[float, float]:
        """Mean and variance of the logarithm of the rate once x is known."""
        mean = self.f + digamma(self.shape + x) - digamma(self.shape) - math.log1p(1.0 / self.rate)
        return mean, self.q * trigamma(self.shape + x) / trigamma(self.shape)


@dataclass(frozen=True, slots=True)
class PresenceLaw:
    """One trial with a chance that is beta distributed.

    Fields: f and q of the logit of the chance; the mean chance.
    """

    f: float
    q: float
    chance: float

    @classmethod
    def of(cls, f: float, q: float) -> PresenceLaw:
        """The law of a trial whose logit is normal with mean f and variance q."""
        q = max(q, SMALLEST_VARIANCE)
        return cls(f, q, _mean_chance(f, q))

    @property
    def mean(self) -> float:
        """The chance."""
        return self.chance

    @property
    def deviation(self) -> float:
        """Standard deviation of the 0 or 1."""
        return math.sqrt(self.chance * (1.0 - self.chance))

    def upper_tail(self, x: float) -> float:
        """As of `CountLaw`."""
        return self.chance / 2.0 if x > 0.5 else self.chance + (1.0 - self.chance) / 2.0

    def log_likelihood(self, x: float) -> float:
        """Of 1 (x > 0.5) or 0."""
        return math.log(self.chance if x > 0.5 else 1.0 - self.chance)

    def log_odds(self, x: float, shift: float) -> float:
        """As of `CountLaw`, for exp(shift) times the odds of presence."""
        moved = _mean_chance(self.f + shift, self.q)
        return math.log(moved / self.chance if x > 0.5 else (1.0 - moved) / (1.0 - self.chance))

    def learnt(self, x: float) -> tuple[float, float]:
        """Mean and variance of the logit once x is known: of the beta law that has this chance and variance."""
        p, q = self.chance, self.q
        first, second = 1.0 / (p * (1.0 - p)), 0.5 / p**2 + 0.5 / (1.0 - p) ** 2
        size = (first + math.sqrt(first * first + 4.0 * q * second)) / (2.0 * q)
        a, b = p * size, (1.0 - p) * size
        whole = trigamma(a) + trigamma(b)
        if x > 0.5:
            return self.f + 1.0 / a, q * (1.0 - 1.0 / (a * a * whole))
        return self.f - 1.0 / b, q * (1.0 - 1.0 / (b * b * whole))


def _mean_chance(f: float, q: float) -> float:
    """Mean of the logistic function over a normal: MacKay (1992), Neural Computation 4, 720-736."""
    return 1.0 / (1.0 + math.exp(-f / math.sqrt(1.0 + math.pi / 8.0 * q)))


@dataclass(frozen=True, slots=True)
class NormalLaw:
    """Student t: a normal number whose spread is only estimated.

    Fields: centre and scale on the scale on which the family is compared; degrees of freedom of the spread.
    """

    centre: float
    scale: float
    freedom: float

    @property
    def mean(self) -> float:
        """The centre."""
        return self.centre

    @property
    def deviation(self) -> float:
        """The scale."""
        return self.scale

    def upper_tail(self, x: float) -> float:
        """P(more than x)."""
        return float(special.stdtr(self.freedom, (self.centre - x) / self.scale))

    def log_likelihood(self, x: float) -> float:
        """Of the number x."""
        v, t = self.freedom, (x - self.centre) / self.scale
        constant = math.lgamma((v + 1.0) / 2.0) - math.lgamma(v / 2.0) - 0.5 * math.log(v * math.pi)
        return constant - math.log(self.scale) - (v + 1.0) / 2.0 * math.log1p(t * t / v)
