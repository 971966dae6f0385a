"""Mean backscatter of a zone."""

from __future__ import annotations

import numpy as np

from monitor.grid import Mask
from monitor.radiometry import LinearPower, db_of


def mean_db(power: LinearPower, use: Mask) -> float:
    """10 log10 of the mean linear power of the used pixels, dB. NaN without one.

    The mean is taken in linear power: it is what the ground scatters in all, whatever the speckle.
    """
    values = power[use]
    return db_of(float(np.mean(values, dtype=np.float64))) if values.size else float("nan")
