"""How unlikely a log-ratio is where nothing changed, and which of many are too unlikely.

Benjamini & Hochberg (1995), J. R. Statist. Soc. B 57(1), keep the expected share of false discoveries below q. It
holds under positive dependence as well (Benjamini & Yekutieli 2001, Annals of Statistics 29(4)), which is how
neighbours in a smoothed image depend on one another.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from monitor.filters import Array
from monitor.grid import Mask

TABLE = 400
"""Points at which the tail of F is computed; between them its logarithm is interpolated."""

Double = NDArray[np.float64]
Numbers = NDArray[np.integer]


@dataclass(frozen=True, kw_only=True)
class Student:
    """Each pixel over its own usual deviation follows Student's t."""

    scale: Array
    """Usual deviation of the log-ratio, shape (pixels,)."""

    freedom: Array
    """Degrees of freedom, shape (pixels,)."""

    def candidates(self, ratio: Array, q: float) -> Numbers:
        """Numbers of the log-ratios among which are all with a p-value of at most q."""
        least = -float(special.ndtri(q / 2))  # no t has lighter tails than the normal
        return np.flatnonzero(np.abs(ratio) > np.float32(0.999 * least) * self.scale)

    def p(self, ratio: Array, which: Numbers) -> Double:
        """Two-sided p-values of the log-ratios of these numbers."""
        score = np.abs(ratio[which]) / self.scale[which]
        p: Double = 2 * special.stdtr(self.freedom[which].astype(np.float64), -score.astype(np.float64))
        return p


@dataclass(frozen=True, kw_only=True)
class FisherRatio:
    """All pixels follow one law, F(2 looks, 2 looks mean_of), centred at its median."""

    looks: float
    """Equivalent looks of a pixel."""

    mean_of: int
    """Looks in the reference."""

    def candidates(self, ratio: Array, q: float) -> Numbers:
        """Numbers of the log-ratios among which are all with a p-value of at most q."""
        low, middle, high = (float(np.log(special.fdtri(*self._freedom, share))) for share in (q / 2, 0.5, 1 - q / 2))
        return np.flatnonzero((ratio < low - middle) | (ratio > high - middle))

    def p(self, ratio: Array, which: Numbers) -> Double:
        """Two-sided p-values of the log-ratios of these numbers."""
        return tails(ratio[which], self.looks, self.mean_of)

    @property
    def _freedom(self) -> tuple[float, float]:
        return 2 * self.looks, 2 * self.mean_of * self.looks


def unlikely(ratio: Array, law: Student | FisherRatio, q: float) -> tuple[Mask, Mask]:
    """Log-ratios that are rejected at a share q of false ones among many, and those that would be, each alone, at q.

    Shapes (pixels,). The first are among the second.
    """
    among_many: Mask = np.zeros(ratio.shape, bool)
    alone = among_many.copy()
    which = law.candidates(ratio, q)
    p = law.p(ratio, which)
    alone[which] = p <= q
    among_many[which] = p <= largest_p(p, q, among=ratio.size)
    return among_many, alone


def tails(log_ratio: NDArray[np.floating], looks: float, n: int) -> Double:
    """Two-sided p-value of each log-ratio under F(2 looks, 2 n looks), median-centred. Shape as given."""
    if not log_ratio.size:
        return np.empty(log_ratio.shape)
    freedom = 2 * looks, 2 * n * looks
    middle = float(np.log(special.fdtri(*freedom, 0.5)))
    reach = float(np.abs(log_ratio).max()) + 1e-6
    points = np.linspace(-reach, reach, TABLE)
    f = np.exp(points + middle)
    lower, upper = special.fdtr(*freedom, f), special.fdtrc(*freedom, f)
    table = np.log(np.maximum(2 * np.minimum(lower, upper), 1e-300))
    p: Double = np.exp(np.interp(log_ratio, points, table))
    return p


def largest_p(p: Double, q: float, among: int | None = None) -> float:
    """The p-value up to which Benjamini & Hochberg (1995) reject; 0 if none is.

    `among`: number of all tests, where `p` holds only those up to q.
    """
    ordered = np.sort(p[p <= q])  # none above q can be rejected
    passed = np.nonzero(ordered <= q * np.arange(1, ordered.size + 1) / (among or p.size))[0]
    return float(ordered[passed[-1]]) if passed.size else 0.0
