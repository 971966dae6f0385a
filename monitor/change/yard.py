"""How full a yard is: the share of its pixels that stand out of what the same pixel shows when it is empty.

Containers, wagons and heaps return more radar power than paved ground, and break up its even brightness in daylight.
So each pixel of a track keeps a histogram of its level, and its empty state is a low quantile of it, as that of a
berth is: a pixel that was free on a fifth of the looks has shown it. Radar: level of the multilooked power, dB; it is
absolute, Sentinel-1 is calibrated to some tenths of a decibel. Optical: local unevenness of the brightness, dB.

What stays where it is for most of the history belongs to the empty state; what it is that lies there cannot be told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from monitor.filters import box_mean
from monitor.grid import Mask
from monitor.radiometry import Decibel, LinearPower, to_db
from monitor.reference import EMPTY_QUANTILE, LEAST_SEEN, NOT_SEEN, Scale, counted, quantile

Array = NDArray[np.float32]

LEVELS = Scale(lowest=-25.0, step=2.0)
"""dB: from dark water to a wall of containers."""

RISE_DB = 4.0
"""Over the empty state: 3 x 3 multilooked speckle moves by 1.2 dB, and the empty state lies 1 dB below the middle."""

LIGHT = ("b02", "b03", "b04", "b08")
"""Bands whose mean is the brightness of the ground."""

LEAST_UNEVEN = np.float32(1e-3)
"""Local unevenness of noise alone, as a variance ratio: below it nothing is told."""


@dataclass(frozen=True, kw_only=True)
class Yard:
    """State of the pixels of one track that lie in land zones."""

    histogram: NDArray[np.uint8]
    """Shape (BINS, pixels): how often the pixel had that level."""

    seen: NDArray[np.uint16]
    """Shape (pixels,). Looks in which it was seen."""


def untouched(pixels: int) -> Yard:
    """Before the first look."""
    return Yard(histogram=np.zeros((LEVELS.bins, pixels), np.uint8), seen=np.zeros(pixels, np.uint16))


def unevenness(bands: Mapping[str, Array]) -> Decibel:
    """10 log10 of the local variance of the brightness over its local mean squared, in 3 x 3 pixels; shape (h, width).

    NaN where a pixel or its neighbourhood was not seen. Haze dims it and gain does not change it.
    """
    used = [bands[b] for b in LIGHT if b in bands]
    light: Array = (np.sum(used, axis=0) / np.float32(len(used))).astype(np.float32)
    seen: Mask = np.isfinite(light)
    mean = box_mean(light, seen, 3)
    second = box_mean(light * light, seen, 3)
    with np.errstate(invalid="ignore"):
        ratio = np.maximum(second - mean * mean, 0) / np.maximum(mean * mean, np.float32(1e-6))
    ratio = np.maximum(ratio, LEAST_UNEVEN)
    ratio[~ndimage.binary_erosion(seen, np.ones((3, 3), bool), border_value=1)] = np.nan
    return to_db(LinearPower(ratio))


def updated(yard: Yard, level: Decibel) -> Yard:
    """The state after one more look. `level`: dB, shape (pixels,), NaN = not seen."""
    bins = LEVELS.bins_of(level)
    return Yard(histogram=counted(yard.histogram, bins), seen=(yard.seen + (bins != NOT_SEEN)).astype(np.uint16))


def empty(yard: Yard) -> Decibel:
    """Level of each pixel when nothing lies there, dB; shape (pixels,). NaN where seen too rarely."""
    return quantile(yard.histogram, EMPTY_QUANTILE, yard.seen >= LEAST_SEEN, LEVELS)


def filled(level: Decibel, empty_level: Decibel) -> Mask:
    """True where the pixel stands out of its empty state. Shapes as given; False where either is NaN."""
    with np.errstate(invalid="ignore"):
        return np.asarray(level - empty_level > RISE_DB)


def fill(level: Decibel, empty_level: Decibel) -> float:
    """Share of the judged pixels that are filled, 0..1; NaN without one."""
    judged = np.isfinite(level) & np.isfinite(empty_level)
    return float(filled(level, empty_level).sum() / judged.sum()) if judged.any() else float("nan")
