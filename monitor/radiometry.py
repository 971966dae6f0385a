"""Backscatter in linear power and in decibels, kept apart by type.

Averages are taken in linear power only; decibels are for thresholds and for people.
A mean of decibels is the logarithm of a geometric mean: about 2.5 dB too low for single-look speckle.
"""

from __future__ import annotations

from typing import NewType

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
LinearPower = NewType("LinearPower", Array)
"""Backscatter coefficient (gamma nought), dimensionless, >= 0; NaN = not seen."""

Decibel = NewType("Decibel", Array)
"""10 log10 of a linear power; NaN = not seen."""

FLOOR = np.float32(1e-6)
"""-60 dB: far below the noise floor of Sentinel-1 (about -22 to -26 dB); keeps the logarithm finite."""


def to_db(power: LinearPower) -> Decibel:
    """dB = 10 log10(power); zero power reads -60 dB."""
    return Decibel((10.0 * np.log10(np.maximum(power, FLOOR))).astype(np.float32))


def to_power(db: Decibel) -> LinearPower:
    """power = 10 ** (dB / 10)."""
    return LinearPower(np.power(np.float32(10.0), np.asarray(db, np.float32) / np.float32(10.0)))


def db_of(power: float) -> float:
    """dB of one number; -60 at the lowest."""
    return float(10.0 * np.log10(max(power, float(FLOOR))))
