"""Which law the sea of a look follows, by likelihood."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.clutter.laws import GRID, STEP, Curve, Law, LawKind
from monitor.filters import Array, looks_of_spread

CUT = 3.0
"""Standard deviations: the body of the distribution, where no ship is. Its skewness tells the laws apart."""

CELLS = 48
NUDGE = 0.01
ROUNDS = 3
SPECKLE_SHARES = (0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9)
"""Parts of the variance of ln(power) tried for the speckle of a K law where the number of looks is not known."""

LEAST_SAMPLE = 1000.0
"""Independent pixels without which the laws cannot be told apart."""


@dataclass(frozen=True, kw_only=True)
class Fit:
    """A law fitted to standardised residuals of ln(power): location + scale * (law of standard deviation 1)."""

    law: Law
    location: float = 0.0
    scale: float = 1.0
    information: float = 0.0
    """Criterion of Akaike (1974); lower is better."""


UNKNOWN = Fit(law=Law(kind=LawKind.LOGNORMAL))
"""Without evidence: the law with the longest tail of the three, which gives fewer false alarms than nominal."""


def chosen(
    residuals: Array, spread: float, independent: float, *, evenness: float = 1.0, looks: float | None = None
) -> Fit:
    """The law that explains the residuals best: lognormal, gamma or K.

    Args:
        residuals: (ln(power) - mean) / spread of pixels of the sea, shape (n,).
        spread: standard deviation of ln(power) that they were divided by, typically.
        independent: how many of them are independent; the likelihood is weighted down to it.
        evenness: of the speckle.
        looks: equivalent number of looks, if known. None: speckle and texture of a K law are told apart by the fit.
    """
    if independent < LEAST_SAMPLE:
        return UNKNOWN
    cell = (residuals[np.abs(residuals) < CUT] + np.float32(CUT)) * np.float32(CELLS / (2 * CUT))
    counts = np.bincount(cell.astype(np.intp), minlength=CELLS)[:CELLS] * (independent / residuals.size)
    gamma = _fit(counts, Law(kind=LawKind.GAMMA, evenness=evenness), spread, 2)
    fits = [gamma, _fit(counts, UNKNOWN.law, spread, 2)]
    width = spread * gamma.scale
    if looks is None:
        tried = [looks_of_spread(float(np.sqrt(share)) * width) for share in SPECKLE_SHARES]
    else:
        tried = [looks] if looks > looks_of_spread(width) else []
    fits += [
        _fit(counts, Law(kind=LawKind.K, evenness=evenness, looks=one), spread, 2 + (looks is None)) for one in tried
    ]
    return min(fits, key=lambda fit: fit.information)


def _fit(counts: NDArray[np.floating], law: Law, spread: float, parameters: int) -> Fit:
    """Location and scale by Fisher scoring on the cells between -CUT and CUT."""
    location, scale = 0.0, 1.0
    seen = counts / counts.sum()
    for _ in range(ROUNDS):
        density = law.density(spread * scale)
        below = (np.cumsum(density) - density / 2) * STEP
        expected = _cells(below, location, scale)
        slopes = np.stack(
            [
                (_cells(below, location + NUDGE, scale) - expected) / NUDGE,
                (_cells(below, location, scale * (1 + NUDGE)) - expected) / NUDGE,
            ]
        )
        weighted = slopes / expected
        step = np.linalg.solve(weighted @ slopes.T, weighted @ (seen - expected))
        location = float(np.clip(location + step[0], -0.5, 0.5))
        scale = float(np.clip(scale * np.exp(np.clip(step[1], -0.3, 0.3)), 2 / 3, 3 / 2))
    information = 2 * parameters - 2 * float(counts @ np.log(_cells(below, location, scale)))
    return Fit(law=law, location=location, scale=scale, information=information)


def _cells(below: Curve, location: float, scale: float) -> NDArray[np.float64]:
    """Share of each cell among all between -CUT and CUT. `below`: distribution function of the law at GRID."""
    edges = np.linspace(-CUT, CUT, CELLS + 1)
    shares = np.maximum(np.diff(np.interp((edges - location) / scale, GRID, below)), 1e-12)
    cells: NDArray[np.float64] = shares / shares.sum()
    return cells
