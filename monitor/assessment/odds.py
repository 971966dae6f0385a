"""What each look says for or against an expectation: likelihood ratios.

    LR = P(numbers of the window | the rate is the baseline's, moved by the wanted effect)
         / P(numbers of the window | the rate is the baseline's)

The baseline's rate is not known exactly: both are averaged over what it may be, and the looks share that. So a look's
own ratio is given what the looks before it have told, and the ratios multiply to the whole. A look that could not be
used, or that does not count, contributes exactly 1: nothing was learnt from it, either way. Where one look is like the
next, each says less: its exponent is the share of an independent look that it is.

The rates are those of what the detector says, so its misses are in both; its false alarms are taken out before the
rate is moved and put back after it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from monitor.assessment.rates import LEAST_SPREAD, Pair, moved, posterior, rounded
from monitor.assessment.sample import Taken
from monitor.baseline import Family
from monitor.claim import Effect

FALSE_PRESENCE: Final = 0.01
"""Looks of an empty berth on which a ship is told all the same: the order of what `benchmarks accuracy` and
`benchmarks quiet` find."""

LARGEST: Final = math.log(10.0)
"""No expectation weighs more: one detector, one place and one reading of the claim cannot."""

LARGEST_OF_ALL: Final = math.log(19.0)
"""All satellite evidence about a claim together: even odds become 95 %, below "almost certain". Pixels never show the
cargo."""

Law = Callable[[float, NDArray[np.float64]], NDArray[np.float64]]
"""Log probability (density) of a number, for each of the rates."""


def per_look(window: Sequence[Taken], found: Pair, wanted: Effect) -> list[float]:
    """Natural logarithm of the ratio of each look of the window, in order; 0.0 for those that do not count."""
    law = _law(found)
    usual = posterior(found.base, found.family, found.overdispersion)
    other = _moved(usual, wanted, found)
    kept, changed = np.zeros(usual.size), np.zeros(usual.size)
    out = []
    for taken in window:
        value = taken.observed.value
        if not taken.counted or value is None:
            out.append(0.0)
            continue
        before = logsumexp(changed) - logsumexp(kept)
        kept = kept + law(value, usual) / found.dependence
        changed = changed + law(value, other) / found.dependence
        out.append(rounded(float(logsumexp(changed) - logsumexp(kept) - before)))
    return out


def capped(log_odds: float, largest: float = LARGEST) -> float:
    """No further from even than `largest`."""
    return min(max(log_odds, -largest), largest)


def _moved(usual: NDArray[np.float64], wanted: Effect, found: Pair) -> NDArray[np.float64]:
    if found.family is not Family.PRESENCE:
        return moved(usual, wanted, found)
    false = np.minimum(usual, FALSE_PRESENCE)
    return np.minimum(false + moved(usual - false, wanted, found), 1.0)


def _law(found: Pair) -> Law:
    if found.family is Family.PRESENCE:
        return _bernoulli
    if found.family is Family.COUNT:
        return lambda x, rate: _poisson(x, rate) / found.overdispersion
    spread = max(found.base.spread, LEAST_SPREAD)
    return lambda x, rate: -(((x - rate) / spread) ** 2) / 2


def _bernoulli(x: float, rate: NDArray[np.float64]) -> NDArray[np.float64]:
    rate = np.clip(rate, 1e-6, 1 - 1e-6)
    return np.asarray(np.log(rate if x > 0.5 else 1 - rate), dtype=np.float64)


def _poisson(x: float, rate: NDArray[np.float64]) -> NDArray[np.float64]:
    rate = np.maximum(rate, 1e-6)
    return np.asarray(x * np.log(rate) - rate, dtype=np.float64)
