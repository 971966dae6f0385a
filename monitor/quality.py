"""Whether a look can be used in a zone, and why not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from monitor.grid import Mask
from monitor.measurement import Reason
from monitor.scene import Sensor
from monitor.stack import Stack

LEAST_COVERED = 0.5
"""Share of a zone that the swath must cover on the first looks of a track."""

LEAST_OF_USUAL = 0.9
"""Share, among the pixels that the track usually covers, that must be seen: rates of half a zone do not compare."""

LEAST_CLEAR = 0.7
CLOUDY = frozenset({3, 8, 9, 10})
"""Sentinel-2 scene classification: cloud shadow, cloud medium and high probability, cirrus."""

NOTHING = frozenset({0, 1})
"""No data, saturated or defective."""


@dataclass(frozen=True, kw_only=True)
class Usability:
    """One zone in one look."""

    use: Mask
    """True for the pixels that can be measured. Shape (height, width)."""

    covered_fraction: float
    """Share of the zone's pixels that the pass saw at all, cloud or not."""

    valid_fraction: float
    """Share of the zone's pixels in `use`."""

    reason: Reason | None
    """None: usable."""


def clear(stack: Stack, sensor: Sensor) -> Mask:
    """True where the ground was seen: covered, and by Sentinel-2's own classification no cloud or shadow.

    Without an `scl` band clouds are not known, and every covered pixel counts. Shape (height, width).
    """
    seen = stack.seen()
    if sensor is Sensor.SENTINEL2 and "scl" in stack.bands:
        seen &= ~np.isin(np.nan_to_num(stack.bands["scl"]).astype(int), tuple(CLOUDY | NOTHING))
    return seen


def usability(stack: Stack, sensor: Sensor, zone: Mask, usually: Mask | None) -> Usability:
    """How far a look can be used in a zone.

    Args:
        stack: the look.
        sensor: decides what hides the ground.
        zone: True inside the zone, shape (height, width).
        usually: True where the track usually sees, same shape; None on its first looks.
    """
    covered, use = stack.seen() & zone, clear(stack, sensor) & zone
    size = max(1, int(zone.sum()))
    expected = zone if usually is None or not (usually & zone).any() else usually & zone
    share = float((covered & expected).sum()) / max(1, int(expected.sum()))
    reason = None
    if not covered.any():
        reason = Reason.NOT_COVERED
    elif float(covered.sum()) / size < LEAST_COVERED or (expected is not zone and share < LEAST_OF_USUAL):
        reason = Reason.PARTLY_COVERED
    elif float(use.sum()) / float(covered.sum()) < LEAST_CLEAR:
        reason = Reason.CLOUD
    return Usability(
        use=use, covered_fraction=float(covered.sum()) / size, valid_fraction=float(use.sum()) / size, reason=reason
    )
