"""Where to cut a score in two, learnt from its own histogram.

Each function takes any array of scores, leaves out what is not finite, and returns the threshold t such that
`score > t` is the upper class. All equal scores: that value, so that nothing lies above. No finite score: NaN, which
nothing exceeds either. None of them can say that there is only one class: they always cut.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BINS = 1024
"""Of the histogram between the least and the greatest score: a threshold is right to 0.1 % of that range."""

Real = NDArray[np.float64]


def otsu(values: NDArray[np.floating]) -> float:
    """The cut with the largest variance between the classes (Otsu 1979, IEEE Trans. SMC 9(1)), on a histogram."""
    finite = _finite(values)
    if not _varied(finite):
        return _only(finite)
    counts, centres, edges = _histogram(finite)
    lower = np.cumsum(counts)[:-1]
    upper = finite.size - lower
    first = np.cumsum(counts * centres)
    gap = (first[-1] - first[:-1]) / np.maximum(upper, 1) - first[:-1] / np.maximum(lower, 1)
    return float(edges[1 + int(np.argmax(lower * upper * gap**2))])


def minimum_error(values: NDArray[np.floating]) -> float:
    """The cut with the least error between two normal classes of unequal width and weight.

    Kittler & Illingworth (1986), Pattern Recognition 19(1): least J(t) = 1 + 2 (P1 ln s1 + P2 ln s2)
    - 2 (P1 ln P1 + P2 ln P2), with share P and standard deviation s of each class. It finds small classes that Otsu's
    cut, which leans towards equal halves, does not; on scores far from normal it goes wrong sooner.
    """
    finite = _finite(values)
    if not _varied(finite):
        return _only(finite)
    counts, centres, edges = _histogram(finite)
    share = counts / finite.size
    width = edges[1] - edges[0]
    below, above = _class(share, centres, width), _class(share[::-1], centres[::-1], width)
    cost = below[:-1] + above[::-1][1:]
    return float(edges[1 + int(np.argmin(cost))])


def _class(share: Real, centres: Real, width: float) -> Real:
    """P ln s^2 - 2 P ln P of the class of the first k + 1 bins, for each k."""
    weight = np.cumsum(share)
    mean = np.cumsum(share * centres) / weight  # no weight is 0: the outermost bins hold the extremes
    # a class inside one bin is still as wide as the bin (Sheppard), so its logarithm stays finite
    variance = np.maximum(np.cumsum(share * centres**2) / weight - mean**2, 0) + width**2 / 12
    cost: Real = weight * np.log(variance) - 2 * weight * np.log(weight)
    return cost


def _histogram(finite: Real) -> tuple[Real, Real, Real]:
    """Counts and centres of the bins, and their edges (one more)."""
    counts, edges = np.histogram(finite, BINS)
    return counts.astype(np.float64), (edges[1:] + edges[:-1]) / 2, edges


def _finite(values: NDArray[np.floating]) -> Real:
    finite: Real = values[np.isfinite(values)].astype(np.float64)
    return finite


def _varied(finite: Real) -> bool:
    """Whether the range holds as many steps as the histogram needs."""
    return bool(finite.size) and bool(np.ptp(finite) > 1e-12 * np.abs(finite).max())


def _only(finite: Real) -> float:
    return float(finite.max()) if finite.size else float("nan")
