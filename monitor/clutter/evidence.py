"""Which law the sea of a look follows, by likelihood."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.clutter.laws import GRID, STEP, Curve, Law, LawKind
from monitor.filters import Array, looks_of_spread, spread_of_log

LOW, HIGH = -2.0, 3.0
"""Standard deviations: what is fitted, the upper part of the distribution below the ships. Where the texture of a sea
is as wide as the window its gaps are far deeper than those of any of the laws: a fit of them all pulls the tail along,
and what lies below says nothing about what lies above (as in fits of excesses alone, Pickands 1975, "Statistical
inference using extreme order statistics")."""

CELLS = 48
NUDGE = 0.01
ROUNDS = 3
SPECKLE_SHARES = (0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9)
"""Parts of the variance of ln(power) tried for the speckle of a K law: the least is hardly told from none."""

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
        looks: equivalent number of looks of the speckle, if known: there is not more of it, the rest of the spread is
            texture. Without it a sea with texture can pass for one of stronger speckle, whose tail is shorter: the
            upper part of the distribution hardly tells them apart. None: the fit alone tells.
    """
    if independent < LEAST_SAMPLE:
        return UNKNOWN
    inside = residuals[(residuals > LOW) & (residuals < HIGH)]
    cell = (inside - np.float32(LOW)) * np.float32(CELLS / (HIGH - LOW))
    counts = np.bincount(cell.astype(np.intp), minlength=CELLS)[:CELLS] * (independent / residuals.size)
    gamma = _fit(counts, Law(kind=LawKind.GAMMA, evenness=evenness), spread, 2)
    fits = [_fit(counts, UNKNOWN.law, spread, 2)]
    width = spread * gamma.scale
    most = np.inf if looks is None else spread_of_log(looks)
    speckles = [one for one in (float(np.sqrt(share)) * width for share in SPECKLE_SHARES) if one < most]
    if most < width:
        speckles.append(most)
    else:
        fits.append(gamma)
    fits += [
        _fit(counts, Law(kind=LawKind.K, evenness=evenness, looks=looks_of_spread(one)), spread, 3) for one in speckles
    ]
    return min(fits, key=lambda fit: fit.information)


def _fit(counts: NDArray[np.floating], law: Law, spread: float, parameters: int) -> Fit:
    """Location and scale by Fisher scoring on the cells between LOW and HIGH."""
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
    """Share of each cell among all between LOW and HIGH. `below`: distribution function of the law at GRID."""
    edges = np.linspace(LOW, HIGH, CELLS + 1)
    shares = np.maximum(np.diff(np.interp((edges - location) / scale, GRID, below)), 1e-12)
    cells: NDArray[np.float64] = shares / shares.sum()
    return cells
