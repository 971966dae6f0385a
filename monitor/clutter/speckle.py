"""Level and speckle of the sea in a look, and the power to detect in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from monitor.clutter.laws import evenness_of_mean
from monitor.filters import Array, central_spread, looks_of_spread, multilook
from monitor.grid import Mask
from monitor.radiometry import FLOOR, LinearPower, to_db

FEW_LOOKS = 12.0
"""Data with fewer equivalent looks are multilooked 3 x 3 first."""

APART = 8
"""Columns: far enough for speckle to be independent after multilooking, near enough to share the same wind."""

NEAR = 4
"""Columns: speckle that was not smoothed is independent there."""

SAMPLE = 400_000
LEAST_STEPS = 100


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """The power that vessels are looked for in."""

    power: LinearPower
    """Shape (height, width)."""

    evenness: float
    """Of its speckle, see `evenness_of_mean`: 1 for power that was not smoothed."""


def sea_level_db(power: LinearPower, water: Mask) -> float:
    """Level of the open sea in a look, dB: the 30th percentile of the seen pixels of `water`.

    Lower than the median on purpose: a drawn water zone may hold quays and ships. NaN without a seen pixel.
    """
    values = power[water & np.isfinite(power)]
    if not values.size:
        return float("nan")
    # it is a copy: the percentile may spoil its order
    level = np.percentile(values, [30.0], overwrite_input=True)
    return float(to_db(LinearPower(level.astype(np.float32)))[0])


def equivalent_looks(power: LinearPower, water: Mask) -> float:
    """Equivalent number of looks of the sea: that of gamma speckle as strong as the difference between near pixels.

    From ln(power) of water pixels 8 columns apart in a sample of the rows: differences in wind over a longer way do not
    count, ships move the quartiles hardly. Texture of the sea shorter than that counts as speckle, so on a rough sea
    the number is lower: the largest of the looks of a track says most of its speckle. NaN with fewer than 100 pairs.
    """
    steps = _steps(power, water, APART)
    if steps.size < LEAST_STEPS:
        return float("nan")
    spread = central_spread(steps) / float(np.sqrt(2))
    # ln(gamma) has longer tails than a normal variable (excess 2 / L, half of it in a difference): the quartiles of one
    # of the same spread lie nearer together by 0.106 of that (Cornish & Fisher 1938)
    rough = looks_of_spread(spread)
    return looks_of_spread(spread * (1 + 0.106 / rough))


def prepared(power: LinearPower, water: Mask, smooth: LinearPower | None = None) -> Prepared:
    """The power to detect in: as it is, or multilooked 3 x 3 where speckle is strong.

    `smooth`: the power multilooked 3 x 3, where it is at hand.
    """
    looks = equivalent_looks(power, water)
    if not looks < FEW_LOOKS:
        return Prepared(power=power, evenness=1.0)
    near, next_to = (central_spread(_steps(power, water, lag)) for lag in (NEAR, 1))
    correlation = 1 - (next_to / near) ** 2 if near > 0 else 0.0
    # amplitudes correlate by the root of what intensities do
    smooth = multilook(power) if smooth is None else smooth
    return Prepared(power=smooth, evenness=evenness_of_mean(float(np.sqrt(max(correlation, 0.0)))))


def ready(power: LinearPower, water: Mask) -> LinearPower:
    """The power of `prepared`."""
    return prepared(power, water).power


def _steps(power: LinearPower, water: Mask, lag: int) -> Array:
    """Differences of ln(power) between seen water pixels so many columns apart, in a sample of the rows. Shape (n,)."""
    rows = slice(None, None, max(1, power.size // SAMPLE))
    log = np.log(np.maximum(np.where(water[rows], power[rows], np.float32(np.nan)), FLOOR))
    steps: Array = log[:, lag:] - log[:, :-lag]
    return steps[np.isfinite(steps)]
