"""Local statistics of images with holes."""

from __future__ import annotations

from collections.abc import Iterator

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


def window_sum(values: Array, size: int) -> Array:
    """Sums over size x size windows (an even one reaches one further up and left), cut at the rim. Shape as `values`.

    By doubling, sums of 2, 4, 8, ...: a few additions of whole images whatever the size, and the order of the additions
    inside a window is the same everywhere, so a part of an image gives the same sums to the last bit.
    """
    before = size // 2
    padded: Array = np.pad(values, (before, size - 1 - before))
    down: Array = np.zeros((values.shape[0], padded.shape[1]), np.float32)
    for offset, part in _doubled(padded, size, axis=0):
        down += part[offset : offset + values.shape[0]]
    across: Array = np.zeros(values.shape, np.float32)
    for offset, part in _doubled(down, size, axis=1):
        across += part[:, offset : offset + values.shape[1]]
    return across


def _doubled(part: Array, size: int, axis: int) -> Iterator[tuple[int, Array]]:
    """Sums over 1, 2, 4, ... neighbours that make up `size` together, each with the place where it begins."""
    offset, width = 0, 1
    while width <= size:
        if size & width:
            yield offset, part
            offset += width
        part = part[:-width] + part[width:] if axis == 0 else part[:, :-width] + part[:, width:]
        width *= 2


def multilook(power: LinearPower, size: int = 3) -> LinearPower:
    """Mean power in a size x size window, in linear power; NaN stays NaN."""
    seen = np.isfinite(power)
    total, count = window_sum(np.where(seen, power, np.float32(0)), size), window_sum(seen.astype(np.float32), size)
    return LinearPower(np.divide(total, count, out=np.full(power.shape, np.nan, np.float32), where=seen))


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

    Inverse of `spread_of_log`: psi1(L) is 1 / L + 1 / (2 L^2) and little more, from there by Newton's method.
    """
    variance = min(max(sigma, spread_of_log(1000.0)), spread_of_log(0.5)) ** 2
    looks = (1 + np.sqrt(1 + 2 * variance)) / (2 * variance)
    for _ in range(5):
        looks -= (special.zeta(2, looks) - variance) / (-2 * special.zeta(3, looks))  # psi1 and psi2
    return float(looks)


def central_spread(values: Array) -> float:
    """Standard deviation of a normal sample from its quartiles, which bright targets do not move much.

    Of a large sample every so many-th value is taken: 20,000 give the quartiles to 1 %.
    """
    values = values[:: max(1, values.size // 20_000)]
    low, high = np.percentile(values, (25, 75))
    return float(high - low) / 1.349
