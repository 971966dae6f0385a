"""Whether a figure of a look lies outside of what its track has shown before."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

LEAST_LOOKS = 8
"""Earlier looks before anything is called unusual."""

DEVIATIONS = 3.0


def unusually_high(value: float, earlier: Sequence[float], least_spread: float) -> bool:
    """True if the value lies more than 3 standard deviations over the median of the earlier ones.

    The standard deviation is 1.4826 times the median absolute deviation, which single odd looks do not move. False
    with fewer than 8 earlier values: what is not known to be usual cannot be called unusual.

    Args:
        value: of the look.
        earlier: of earlier looks on the same track; NaN = not measured.
        least_spread: standard deviation to assume at least, in the unit of the values.
    """
    known = np.asarray(earlier, np.float64)
    known = known[np.isfinite(known)]
    if known.size < LEAST_LOOKS:
        return False
    middle = float(np.median(known))
    spread = 1.4826 * float(np.median(np.abs(known - middle)))
    return value > middle + DEVIATIONS * max(spread, least_spread)
