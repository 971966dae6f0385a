"""Laws of the sea's backscatter, as densities of ln(power) on one grid: lognormal, gamma, K.

All are described by the standard deviation s of ln(power), so that one can stand in for the other:

- lognormal: ln(power) is normal (Goldstein 1973, "False-alarm regulation in log-normal and Weibull clutter");
- gamma: speckle of L looks on an even sea, s^2 = psi1(L);
- K: the same speckle on a sea whose level is itself gamma distributed, of order v (Jakeman & Pusey 1976, "A model for
  non-Rayleigh sea echo"): ln(power) is a sum of two independent variables, s^2 = psi1(L) + psi1(v), and its density
  is a convolution.

Mean and variance of ln(power) are its first two log-cumulants; fits by them: Krylov, Moser, Serpico & Zerubia (2013),
"On the method of logarithmic cumulants for parametric probability density function estimation".
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from scipy import special

from monitor.filters import Array, looks_of_spread, spread_of_log

Curve = NDArray[np.float64]

STEP = 1 / 32
"""Standard deviations between the points of the grid."""

GRID: Curve = np.linspace(-8, 9, 17 * 32 + 1)
"""Standard deviations from the mean of ln(power). A false-alarm rate of 1e-7 lies at 4.3 (gamma) to 5.2 (lognormal)."""

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
    looks = looks_of_spread(evenness * sigma)
    x = evenness * GRID * unit + special.digamma(looks) - np.log(looks)
    return _normed(np.exp(looks * (x - np.exp(np.minimum(x, 20.0)) + 1)))


def _normed(curve: Curve) -> Curve:
    normed: Curve = curve / (curve.sum() * STEP)
    return normed


NEIGHBOURS = (0.0, 0.3, 0.45, 0.61, 0.75, 0.85)
EVENNESS = (1.0, 0.66, 0.47, 0.44, 0.49, 0.6)


def evenness_of_mean(neighbour: float) -> float:
    """Power e for which (mean of 3 x 3 pixels)^e is gamma distributed, nearly: 1 if they are independent.

    The mean of correlated gamma variables is a sum of independent ones weighted with the eigenvalues of the matrix of
    their (amplitude) correlation. The largest sets the tail, so it falls more slowly than that of gamma speckle of the
    same variance: for Sentinel-1 in pixels of 10 m the gamma law gives 15 false alarms for one at 1e-7. The generalised
    gamma law (Li, Hong, Wu & Fan 2011, "On the empirical-statistical modeling of SAR images with generalized gamma
    distribution") of power EVENNESS comes nearest to the exact tail, found by Fourier transform, from 1e-3 to 1e-7:
    within a factor of 1.25 for pixels of 2.7 looks or more.

    Args:
        neighbour: correlation of the amplitudes of adjacent pixels, 0..0.85; two apart it is taken to be the fourth
            power of that (Gaussian point spread).
    """
    return float(np.interp(neighbour, NEIGHBOURS, EVENNESS))


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
