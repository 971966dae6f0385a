"""Pixels that the sea does not explain."""

from __future__ import annotations

from monitor.clutter.bands import Each, over
from monitor.clutter.sea import Sea
from monitor.grid import Mask
from monitor.radiometry import LinearPower

P_FA = 1e-7
"""False alarms a pixel: one in ten looks of 10 x 10 km, before any patch has to have the area of a ship."""

CONTRAST_DB = 5.0
"""Ships are brighter than this over any sea in which they can be seen at all."""


def exceeding(power: LinearPower, water: Mask, sea: Sea, p_fa: float = P_FA, *, each: Each = map) -> Mask:
    """Pixels brighter than all but a share `p_fa` of their sea: the false-alarm rate is constant, whatever the sea.

    The law of the sea is inverted once a look, for a few spreads; a pixel costs one comparison.

    Args:
        power: as given to `sea_around`, shape (height, width).
        water: True where to look, shape (height, width).
        sea: around each pixel.
        p_fa: false-alarm rate a pixel, 1e-2..1e-8.
        each: `map`, or the `map` of an executor.
    """
    return over(power, water, sea.limit(p_fa, each=each), each)
