"""The water of a radar image of which nothing else is known, and the sea on it.

Nothing here is in metres, and power may have any unit. The measure of length is the window over which an image has to
be averaged until its sea is even: products are sampled at about half their resolution, so that window is about the
smallest thing that speckle lets one see, whether the pixel is 3 m or 20 m wide.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.clutter import sea_around
from monitor.filters import box_mean, central_spread, multilook
from monitor.grid import Mask
from monitor.radiometry import FLOOR, Decibel, LinearPower

DB = float(10 / np.log(10))
"""dB per unit of ln(power)."""

WINDOWS = (3, 5, 7)
"""Pixels: the averages that are tried in turn."""

EVEN = 0.35
"""Spread of ln(power) over a sea that is even enough: about nine looks."""

NEIGHBOURHOOD = 9
"""Pixels: the level of a place is that of a window this wide."""

LEAST_OF_MODE = 0.25
"""A darker level is the water if it has this share of the pixels of the commonest level: rivers, basins."""

SHORE_DB = 3.0
"""Over the level of the water: what is brighter in most of its neighbourhood is no water."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """An image as it is judged. All of shape (height, width)."""

    window: int
    """Pixels over which it was averaged."""

    contrast: Decibel
    """dB over the sea."""

    spread: Decibel
    """Standard deviation of the sea, dB."""

    water: Mask
    """True where it is about as dark as the darkest that is common; ships stand in it as holes, if wide enough."""

    valid: Mask
    """True where something was seen."""


def seen(power: LinearPower) -> Seen | None:
    """The image, averaged until its sea is even (at most 7 x 7); None without water.

    `power`: in any unit, well above 1e-6 of it; NaN = not seen. Shape (height, width).
    """
    valid = np.isfinite(power)
    for window in WINDOWS:
        smooth = multilook(power, window)
        log = np.log(np.maximum(np.where(valid, smooth, np.float32(1)), FLOOR))
        level = darkest_level(box_mean(log, valid, NEIGHBOURHOOD)[valid])
        bright = (log > level + SHORE_DB / DB).astype(np.float32)
        water: Mask = valid & (box_mean(bright, valid, NEIGHBOURHOOD) < 0.5)
        if not water.any():
            return None
        if central_spread(log[water]) <= EVEN:
            break
    sea = sea_around(smooth, water)
    mean = np.where(np.isfinite(sea.mean), sea.mean, np.float32(level))
    spread = np.where(np.isfinite(sea.spread), sea.spread, np.float32(np.nanmedian(sea.spread)))
    return Seen(
        window=window,
        contrast=Decibel(((log - mean) * np.float32(DB)).astype(np.float32)),
        spread=Decibel((spread * np.float32(DB)).astype(np.float32)),
        water=water,
        valid=valid,
    )


def darkest_level(levels: NDArray[np.float32]) -> float:
    """The darkest of the common levels, in their unit (ln power); NaN of none.

    A level is common if a quarter as many values as around the commonest lie within 2 dB of it.
    """
    if not levels.size:
        return float("nan")
    step, within = 0.1, 9
    edges = np.arange(float(levels.min()) - 1, float(levels.max()) + 1, step)
    share = np.convolve(np.histogram(levels, edges)[0], np.ones(within), "same") / levels.size
    common = np.flatnonzero(
        (share >= LEAST_OF_MODE * share.max()) & (share >= np.roll(share, 1)) & (share >= np.roll(share, -1))
    )
    return float(edges[common[0] if common.size else int(share.argmax())] + step / 2)
