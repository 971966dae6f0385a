"""Local statistics of images with holes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, special

from monitor.grid import Mask
from monitor.radiometry import LinearPower

Array = NDArray[np.float32]


def box_mean(values: Array, use: Mask, size: int) -> Array:
    """Mean of the used pixels in a size x size window; NaN where there are none. Shape as `values`.

    The window is cut at the rim of the image.
    """
    total = ndimage.uniform_filter(np.where(use, values, np.float32(0)), size, mode="constant")
    share = ndimage.uniform_filter(use.astype(np.float32), size, mode="constant")
    some = share > 0.5 / size**2
    return np.divide(total, share, out=np.full(values.shape, np.nan, np.float32), where=some)


def multilook(power: LinearPower, size: int = 3) -> LinearPower:
    """Mean power in a size x size window, in linear power; NaN stays NaN."""
    seen = np.isfinite(power)
    mean = box_mean(power, seen, size)
    mean[~seen] = np.nan
    return LinearPower(mean)


def blocks(values: Array, side: int) -> Array:
    """Sums over side x side blocks; shape (ceil(h / side), ceil(w / side)). The rim is filled with zeros."""
    height, width = values.shape
    padded = np.pad(values, ((0, -height % side), (0, -width % side)))
    rows = padded.reshape(padded.shape[0] // side, side, -1).sum(axis=1)  # one axis at a time is ten times faster
    sums: Array = rows.reshape(rows.shape[0], -1, side).sum(axis=2)
    return sums


def spread_of_log(looks: float) -> float:
    """Standard deviation of ln(intensity) for gamma speckle of that many looks: sqrt(psi1(L))."""
    return float(np.sqrt(special.polygamma(1, looks)))


def looks_of_spread(sigma: float) -> float:
    """Equivalent number of looks whose ln(intensity) has that standard deviation; within 0.5..1000.

    Inverse of `spread_of_log` by bisection on the logarithm (psi1 falls steadily).
    """
    low, high = 0.5, 1000.0
    for _ in range(50):
        middle = float(np.sqrt(low * high))
        low, high = (middle, high) if spread_of_log(middle) > sigma else (low, middle)
    return float(np.sqrt(low * high))


def central_spread(values: Array) -> float:
    """Standard deviation of a normal sample from its quartiles, which bright targets do not move much.

    Of a large sample every so many-th value is taken: 20,000 give the quartiles to 1 %.
    """
    values = values[:: max(1, values.size // 20_000)]
    low, high = np.percentile(values, (25, 75))
    return float(high - low) / 1.349
