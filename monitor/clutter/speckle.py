"""Level and speckle of the sea in a look, and the power to detect in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from monitor.clutter.laws import evenness_of_mean, looks_of_mean
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
QUARTILES = 100_000
"""Differences that tell quartiles: then the variance of the speckle is right to 2 %."""


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """The power that vessels are looked for in."""

    power: LinearPower
    """Shape (height, width)."""

    evenness: float
    """Of its speckle, see `evenness_of_mean`: 1 for power that was not smoothed."""

    looks: float | None = None
    """Equivalent number of looks of its speckle alone. None for power that was not smoothed here: how far its speckle
    reaches is not known."""


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
    steps = _steps(_logarithms(power, water), APART)
    return _looks(central_spread(steps) / float(np.sqrt(2))) if steps.size >= LEAST_STEPS else float("nan")


def _looks(spread: float) -> float:
    """Of gamma speckle: from the standard deviation of ln(power) as the quartiles of a difference tell it."""
    # ln(gamma) has longer tails than a normal variable (excess 2 / L, half of it in a difference): the quartiles of one
    # of the same spread lie nearer together by 0.106 of that (Cornish & Fisher 1938)
    rough = looks_of_spread(spread)
    return looks_of_spread(spread * (1 + 0.106 / rough))


def prepared(power: LinearPower, water: Mask, smooth: LinearPower | None = None) -> Prepared:
    """The power to detect in: as it is, or multilooked 3 x 3 where speckle is strong.

    `smooth`: the power multilooked 3 x 3, where it is at hand.
    """
    log = _logarithms(power, water)
    next_to, near, apart = (_half_square(_steps(log, lag)) for lag in (1, NEAR, APART))
    if not (apart > 0 and _looks(float(np.sqrt(apart))) < FEW_LOOKS):
        return Prepared(power=power, evenness=1.0)
    speckle = _at_no_distance(near, apart)
    # amplitudes correlate by the root of what intensities do
    evenness = evenness_of_mean(float(np.sqrt(max(1 - next_to / speckle, 0.0))))
    return Prepared(
        power=multilook(power) if smooth is None else smooth,
        evenness=evenness,
        looks=looks_of_mean(_looks(float(np.sqrt(speckle))), evenness),
    )


def _half_square(steps: Array) -> float:
    """Half the mean square of the differences, a value of the variogram, from their quartiles. NaN with few of them."""
    if steps.size < LEAST_STEPS:
        return float("nan")
    low, high = np.percentile(steps[:: max(1, steps.size // QUARTILES)], (25, 75))
    return float(high - low) ** 2 / (2 * 1.349**2)


def _at_no_distance(near: float, apart: float) -> float:
    """Variance of ln(power) by speckle alone, from the variogram NEAR and APART.

    Speckle is independent at both, so it adds the same to both; the texture of the sea, smooth at the scale of the
    pixels, adds a part that grows with the square of the distance. The variogram carried on to no distance is the
    speckle (the nugget of Matheron 1963, "Principles of geostatistics"). Texture as short as NEAR counts as speckle.
    """
    ratio = (APART / NEAR) ** 2
    return max((ratio * near - apart) / (ratio - 1), near / 2)


def ready(power: LinearPower, water: Mask) -> LinearPower:
    """The power of `prepared`."""
    return prepared(power, water).power


def _logarithms(power: LinearPower, water: Mask) -> Array:
    """ln(power) of a sample of the rows, NaN where no water is seen. Shape (rows, width)."""
    rows = slice(None, None, max(1, power.size // SAMPLE))
    return np.log(np.maximum(np.where(water[rows], power[rows], np.float32(np.nan)), FLOOR))


def _steps(log: Array, lag: int) -> Array:
    """Differences between values so many columns apart, where both are known. Shape (n,)."""
    steps: Array = log[:, lag:] - log[:, :-lag]
    return steps[np.isfinite(steps)]
