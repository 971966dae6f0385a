"""Laws of the sea's backscatter, as densities of ln(power) on one grid: lognormal, gamma, K.

All are described by the standard deviation s of ln(power), so that one can stand in for the other:

- lognormal: ln(power) is normal (Goldstein 1973, "False-alarm regulation in log-normal and Weibull clutter");
- gamma: speckle of L looks on an even sea, s^2 = psi1(L); where correlated pixels were averaged, the law of a sum of
  gamma variables of unequal weight (`evenness_of_mean`) takes its place;
- K: the same speckle on a sea whose level is itself gamma distributed, of order v (Jakeman & Pusey 1976, "A model for
  non-Rayleigh sea echo"): ln(power) is a sum of two independent variables, s^2 = psi1(L) + psi1(v), and its density
  is a convolution.

Mean and variance of ln(power) are its first two log-cumulants; fits by them: Krylov, Moser, Serpico & Zerubia (2013),
"On the method of logarithmic cumulants for parametric probability density function estimation".
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import special

from monitor.filters import Array, looks_of_spread, spread_of_log

Curve = NDArray[np.float64]

STEP = 1 / 32
"""Standard deviations between the points of the grid."""

GRID: Curve = np.linspace(-8, 9, 17 * 32 + 1)
"""Standard deviations from the mean of ln(power). A false-alarm rate of 1e-7 lies at 4.3 (gamma) to 5.2 (lognormal)."""

SIDE = 3
"""Pixels averaged: 3 x 3 (`speckle.prepared`)."""

EVEN = 0.98
"""Evenness above which the mean of pixels is a gamma variable."""

SADDLES: Curve = np.linspace(-20, 20, 401)
"""Standard deviations of ln(power): -ln(1 - t / pole) of each saddle point t."""

ROUNDS = 3
"""Until the spread is right to 1e-4."""

LEAST_TEXTURE = spread_of_log(1000.0)
"""Standard deviation of ln(texture) below which K is no more than gamma."""


class LawKind(StrEnum):
    """Family of distributions."""

    LOGNORMAL = "lognormal"
    GAMMA = "gamma"
    K = "K"


@dataclass(frozen=True, kw_only=True)
class Law:
    """Shape of the distribution of ln(power); level and spread are told apart from it."""

    kind: LawKind
    evenness: float = 1.0
    """Of the speckle (see `evenness_of_mean`); 1: gamma. Not used by the lognormal law."""

    looks: float = np.inf
    """Of the speckle; K only: the order of the texture follows from the spread."""

    def density(self, spread: float) -> Curve:
        """Density of ln(power) with mean 0 and standard deviation `spread`, at GRID * spread; sums to 1 / STEP."""
        if self.kind is LawKind.LOGNORMAL:
            return _normed(np.exp(-(GRID**2) / 2))
        if self.kind is LawKind.GAMMA:
            return _speckle(spread, spread, self.evenness)
        speckle = min(spread_of_log(self.looks), float(np.sqrt(max(spread**2 - LEAST_TEXTURE**2, spread**2 / 2))))
        texture = float(np.sqrt(spread**2 - speckle**2))
        both = np.convolve(_speckle(speckle, spread, self.evenness), _speckle(texture, spread, 1.0))
        zero = int(np.searchsorted(GRID, 0.0))
        return _normed(both[zero : zero + GRID.size])

    def tail(self, spread: float) -> Curve:
        """Share of the pixels above each point of GRID * spread."""
        density = self.density(spread)
        tail: Curve = (np.cumsum(density[::-1])[::-1] - density / 2) * STEP
        return tail

    def reach(self, spread: float, p_fa: float) -> float:
        """How far over the mean of ln(power) a share `p_fa` of the pixels lies; at most 9 standard deviations."""
        falling = np.log(np.maximum(self.tail(spread), 1e-300))
        return spread * float(np.interp(-np.log(p_fa), -falling, GRID))


def _speckle(sigma: float, unit: float, evenness: float) -> Curve:
    """Density of ln(speckle), mean 0, standard deviation `sigma`, at GRID * unit."""
    if evenness > EVEN:
        looks = looks_of_spread(sigma)
        x = GRID * unit + special.digamma(looks) - np.log(looks)
        return _normed(np.exp(looks * (x - np.exp(np.minimum(x, 20.0)) + 1)))
    log, density = _mean_of_pixels(sigma, round(evenness, 3))
    return _normed(np.exp(np.interp(GRID * unit, log, density, left=-np.inf, right=-np.inf)))


def looks_of_mean(looks: float, evenness: float) -> float:
    """Equivalent number of looks of the mean of 3 x 3 pixels, from that of one: of the spread of its logarithm."""
    if evenness > EVEN:
        return SIDE**2 * looks
    weights = _weights(evenness)
    log, slope, rest = _saddles(weights, spread_of_log(looks / float(weights @ weights)))
    _, variance = _moments(log, looks * slope + rest)
    return looks_of_spread(float(np.sqrt(variance)))


@lru_cache(maxsize=256)
def _mean_of_pixels(sigma: float, evenness: float) -> tuple[Curve, Curve]:
    """ln(x) less its mean and ln of its density, each of shape (points,). x: mean of 3 x 3 pixels of speckle.

    `sigma`: standard deviation that ln(x) shall have; the number of looks of the pixels follows from it.
    """
    weights = _weights(evenness)
    log, slope, rest = _saddles(weights, sigma)
    looks = looks_of_spread(sigma) * float(weights @ weights)
    for _ in range(ROUNDS):
        mean, variance = _moments(log, looks * slope + rest)
        looks *= variance / sigma**2
    return log - mean, looks * slope + rest


def _saddles(weights: Curve, sigma: float) -> tuple[Curve, Curve, Curve]:
    """ln(x), and a and b of a L + b, ln of the density of ln(x) for L looks; each of shape (points,).

    x = sum of w g, the g independent gamma variables of L looks: what the mean of correlated speckle is, w the
    eigenvalues of the matrix of correlation (Goodman 1975, "Statistical properties of laser speckle patterns", for
    the intensity within an aperture). With the cumulant generating function K(t) = -L sum ln(1 - w t / L) the density
    of x is nearly exp(K(t) - t x) / sqrt(2 pi K''(t)) where K'(t) = x (Daniels 1954, "Saddlepoint approximations in
    statistics"): exact for one gamma variable. As t goes over the grid, x goes over all that it can be, so no equation
    is solved. `sigma`: standard deviation of ln(x), about; the grid reaches 12 of it and more.
    """
    shares = weights[:, None] / weights.max()
    at = -np.expm1(-SADDLES * sigma) / weights.max()  # t / L
    left = 1 - shares + shares * np.exp(-SADDLES * sigma)  # 1 - w t / L, and no difference of equals near the pole
    parts = weights[:, None] / left
    x = parts.sum(axis=0)
    log = np.log(x)
    slope = -np.log(left).sum(axis=0) - at * x
    return log, slope, log - np.log((parts**2).sum(axis=0)) / 2


def _moments(log: Curve, density: Curve) -> tuple[float, float]:
    """Mean and variance of ln(x) from ln of its density."""
    share = np.exp(density - density.max()) * np.gradient(log)
    share /= share.sum()
    mean = float(share @ log)
    return mean, float(share @ (log - mean) ** 2)


@lru_cache(maxsize=64)
def _weights(evenness: float) -> Curve:
    """Eigenvalues, shape (9,), sum 1, of the correlation of 3 x 3 pixels that has this evenness."""
    square = 0.0
    for _ in range(8):  # Newton's method for `evenness_of_mean`; the curve is convex, so it goes past the root once
        square -= (3 + 4 * square + 2 * square**4 - 3 / np.sqrt(evenness)) / (4 + 8 * square**3)
    apart = np.subtract.outer(np.arange(SIDE), np.arange(SIDE)) ** 2
    line = np.linalg.eigvalsh(np.sqrt(square) ** apart) / SIDE
    weights: Curve = np.maximum(np.outer(line, line).ravel(), 1e-9)
    return weights


def _normed(curve: Curve) -> Curve:
    normed: Curve = curve / (curve.sum() * STEP)
    return normed


def evenness_of_mean(neighbour: float) -> float:
    """Of the eigenvalues of the correlation of 3 x 3 pixels: 1 if these are independent, 1 / 9 if they are one.

    (sum of the eigenvalues)^2 / (9 * sum of their squares), the part of the pixels that counts. Their mean is a sum of
    independent gamma variables weighted with the eigenvalues, and the largest of them sets its tail, which falls more
    slowly than that of gamma speckle of the same variance: for Sentinel-1 in pixels of 10 m the gamma law gives 17
    false alarms for one at 1e-7.

    Args:
        neighbour: correlation of the amplitudes of adjacent pixels, 0..1; two apart it is taken to be the fourth
            power of that (Gaussian point spread).
    """
    return (9 / (3 + 4 * neighbour**2 + 2 * neighbour**8)) ** 2 / 9


def uncensored(law: Law, spread: float, mean: Array, sigma: Array, cut: Array) -> tuple[Array, Array]:
    """Mean and standard deviation of all pixels, from those of the pixels below a cut.

    (cut - mean) / sigma of a truncated law rises with the place of the cut, so it tells that place, and with it how
    much mean and spread have lost. For the normal law this is the estimator of Cohen (1950, "Estimating the mean and
    variance of normal populations from singly truncated and doubly truncated samples").

    Args:
        law: of the pixels.
        spread: standard deviation for which the shape of the law is taken.
        mean: of the pixels below the cut.
        sigma: their standard deviation. Shape as `mean`, as is `cut`.
        cut: the value they lie below.
    """
    density = law.density(spread)
    share, first, second = (np.cumsum(density * GRID**k) - density * GRID**k / 2 for k in range(3))
    usable = GRID > -1
    average = first[usable] / share[usable]
    width = np.sqrt(second[usable] / share[usable] - average**2)
    ratio = np.maximum.accumulate((GRID[usable] - average) / width)
    place = np.interp((cut - mean) / np.maximum(sigma, np.float32(1e-6)), ratio, GRID[usable])
    whole = sigma / np.interp(place, GRID[usable], width)
    return (mean - whole * np.interp(place, GRID[usable], average)).astype(np.float32), whole.astype(np.float32)
