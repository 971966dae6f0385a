"""The sea around each pixel, and how bright a pixel has to be before the sea does not explain it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.filters import blocks, box_mean, central_spread, looks_of_spread, multilook
from monitor.grid import Mask
from monitor.radiometry import FLOOR, Decibel, LinearPower, to_db

BLOCK = 4
"""Pixels: the sea is described on blocks this wide, it changes slowly."""

WINDOW = 15
"""Blocks: 60 pixels, 600 m at 10 m."""

ROUNDS = 3

CENSOR = 2.0
"""Standard deviations: brighter pixels do not describe the sea."""

LEAST_SPREAD = 0.12
"""Of ln(power), about 0.5 dB: filtered data are smoother than any sea is even."""

Z = 5.2
"""Standard normal quantile of a false-alarm rate of 1e-7 a pixel."""

CONTRAST_DB = 5.0
"""Ships are brighter than this over any sea in which they can be seen at all."""

FEW_LOOKS = 12.0
"""Data with fewer equivalent looks are multilooked 3 x 3 first."""


@dataclass(frozen=True, kw_only=True)
class Sea:
    """The water around each pixel."""

    mean: NDArray[np.float32]
    """Of ln(power), shape (height, width); NaN far from water."""

    spread: NDArray[np.float32]
    """Standard deviation of ln(power), shape (height, width)."""


def sea_level_db(power: LinearPower, water: Mask) -> float:
    """Level of the open sea in a look, dB: the 30th percentile of the seen pixels of `water`.

    Lower than the median on purpose: a drawn water zone may hold quays and ships. NaN without a seen pixel.
    """
    values = power[water & np.isfinite(power)]
    return (
        float(to_db(LinearPower(np.percentile(values, [30.0]).astype(np.float32)))[0]) if values.size else float("nan")
    )


def ready(power: LinearPower, water: Mask) -> LinearPower:
    """The power to detect in: as it is, or multilooked 3 x 3 where speckle is strong.

    Speckle is judged by the difference of ln(power) between water pixels 8 columns apart: far enough to be
    independent, near enough to share the same wind.
    """
    log = np.log(np.maximum(np.where(water, power, np.float32(np.nan)), FLOOR))
    steps = log[:, 8:] - log[:, :-8]
    steps = steps[np.isfinite(steps)]
    if steps.size < 100 or looks_of_spread(central_spread(steps) / np.sqrt(2)) >= FEW_LOOKS:
        return power
    return multilook(power)


def _grown(coarse: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.float32]:
    return np.repeat(np.repeat(coarse, BLOCK, 0), BLOCK, 1)[: shape[0], : shape[1]]


def sea_around(power: LinearPower, water: Mask) -> Sea:
    """Mean and spread of ln(power) of the water around each pixel, bright targets left out."""
    use = water & np.isfinite(power)
    log = np.log(np.maximum(np.where(use, power, np.float32(1)), FLOOR))
    for _ in range(ROUNDS):
        count = blocks(use.astype(np.float32), BLOCK)
        some = count > 0
        safe = np.maximum(count, np.float32(1))
        kept: NDArray[np.float32] = np.where(use, log, np.float32(0))
        first = box_mean(np.divide(blocks(kept, BLOCK), safe, dtype=np.float32), some, WINDOW)
        second = box_mean(np.divide(blocks(kept**2, BLOCK), safe, dtype=np.float32), some, WINDOW)
        spread = np.sqrt(np.maximum(second - first**2, LEAST_SPREAD**2))
        mean, wide = _grown(first, log.shape), _grown(spread, log.shape)
        use = use & (log < mean + CENSOR * wide)
    # leaving out the upper 2.3 % of a normal sample lowers its spread by a factor of 0.94
    return Sea(mean=mean, spread=wide / np.float32(0.94))


def standing_out(power: LinearPower, water: Mask, sea: Sea) -> tuple[Mask, Decibel]:
    """Pixels brighter than their sea allows, and the brightness over it in dB. Shapes (height, width)."""
    log = np.log(np.maximum(power, FLOOR))
    over = log - sea.mean
    contrast = Decibel((over * np.float32(10 / np.log(10))).astype(np.float32))
    with np.errstate(invalid="ignore"):
        out = water & (over > Z * sea.spread) & (contrast > CONTRAST_DB)
    return out, contrast
