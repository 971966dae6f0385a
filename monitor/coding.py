"""Pixels as 16-bit numbers, for requests and for the archive: half the bytes of floats at no measurable loss.

Power is coded in decibels. A step of 0.00137 dB adds an error of 0.0004 dB (standard deviation: a step / sqrt(12));
the speckle of one Sentinel-1 pixel, 4.4 looks, is 2.2 dB. Reflectance is coded as the products themselves are, in
ten-thousandths. DN 0 always means: not seen.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitor.scene import Sensor

LOWEST_DB: Final = -50.0
"""Power at DN 1, dB. Weaker pixels, and the zeros left by noise removal, are kept at it."""

STEP_DB: Final = 0.00137
"""Power between two DN, dB. The range ends at +39.8 dB, above any port crane."""

LOWEST_REFLECTANCE: Final = -0.1
"""Reflectance at DN 1: the products know negative ones since baseline 04.00."""

STEP_REFLECTANCE: Final = 1e-4
LARGEST: Final = 65535


class Coding(StrEnum):
    """How numbers become DN."""

    POWER = "power"
    """DN = 1 + (10 log10(power) + 50) / 0.00137."""

    REFLECTANCE = "reflectance"
    """DN = 1 + (reflectance + 0.1) / 0.0001."""

    CLASSES = "classes"
    """DN = class; class 0 of Sentinel-2's classification is "no data"."""


def coding_of(sensor: Sensor, band: str) -> Coding:
    """What a band of a sensor is coded as."""
    if sensor is Sensor.SENTINEL1:
        return Coding.POWER
    return Coding.CLASSES if band == "scl" else Coding.REFLECTANCE


def encode(values: NDArray[np.float32], coding: Coding) -> NDArray[np.uint16]:
    """Linear power, reflectance or classes as DN of the same shape; NaN becomes 0."""
    if coding is Coding.POWER:
        with np.errstate(divide="ignore", invalid="ignore"):
            steps = (10 * np.log10(values.astype(np.float64)) - LOWEST_DB) / STEP_DB + 1
        steps[values <= 0] = 1
    elif coding is Coding.REFLECTANCE:
        steps = (values.astype(np.float64) - LOWEST_REFLECTANCE) / STEP_REFLECTANCE + 1
    else:
        steps = values.astype(np.float64)
    least = 0 if coding is Coding.CLASSES else 1
    dn: NDArray[np.uint16] = np.nan_to_num(np.clip(np.rint(steps), least, LARGEST), nan=0).astype(np.uint16)
    return dn


def decode(dn: NDArray[np.uint16], coding: Coding) -> NDArray[np.float32]:
    """Linear power, reflectance or classes of the same shape; DN 0 becomes NaN."""
    numbers = dn.astype(np.float64)
    if coding is Coding.POWER:
        numbers = 10 ** (((numbers - 1) * STEP_DB + LOWEST_DB) / 10)
    elif coding is Coding.REFLECTANCE:
        numbers = (numbers - 1) * STEP_REFLECTANCE + LOWEST_REFLECTANCE
    values: NDArray[np.float32] = numbers.astype(np.float32)
    values[dn == 0] = np.nan
    return values
