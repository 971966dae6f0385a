"""Haze, snow and ice in an optical look, from its reflectances."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from monitor.grid import Mask
from monitor.quality.usual import unusually_high
from monitor.stack import Stack

SNOW_INDEX = 0.4
"""Snow is bright in the visible and dark at 1.6 micrometres (Hall et al. 1995, Remote Sensing of Environment 54)."""

SNOW_GREEN, SNOW_INFRARED = 0.10, 0.11
"""Reflectances: water passes the index, too, and is darker than this in the near infrared (same source)."""

SNOW_CLASS = 11

LEAST_HAZE = 0.01
"""Reflectance: spread that the haze level of clear looks has at least."""


def snow(stack: Stack) -> Mask:
    """True for snow or ice on land or water. Shape (height, width).

    From the normalised difference of green and short-wave infrared (b03, b11, with b08 against water) where these were
    read, otherwise from the scene classification. Clouds made of ice look alike: the classification itself calls bright
    cloud snow at times, so both mean "snow or such cloud", and hide the ground either way.
    """
    bands = stack.bands
    if {"b03", "b08", "b11"} <= bands.keys():
        green, infrared, short = bands["b03"], bands["b08"], bands["b11"]
        with np.errstate(invalid="ignore"):
            white = green - short > SNOW_INDEX * (green + short)
            return white & (green > SNOW_GREEN) & (infrared > SNOW_INFRARED)
    classified: Mask = np.zeros(stack.grid.shape, bool)
    if "scl" in bands:
        classified = bands["scl"] == SNOW_CLASS
    return classified


def haze_level(stack: Stack, clear: Mask) -> float:
    """How far blue is raised over what its red lets expect: median of b02 - 0.5 b04 over the clear pixels, reflectance.

    The haze-optimised transform (Zhang, Guindon & Cihlar 2002, Remote Sensing of Environment 82) with the slope that
    Fmask uses (Zhu & Woodcock 2012, Remote Sensing of Environment 118). NaN without the bands or without a clear pixel.
    """
    if not {"b02", "b04"} <= stack.bands.keys() or not clear.any():
        return float("nan")
    return float(np.median(stack.bands["b02"][clear] - np.float32(0.5) * stack.bands["b04"][clear]))


def hazy(level: float, earlier: Sequence[float]) -> bool:
    """True if the haze level is higher than the earlier looks of the track explain."""
    return unusually_high(level, earlier, LEAST_HAZE)
