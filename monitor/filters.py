"""Local statistics of images with holes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, special

from monitor.grid import Mask
from monitor.radiometry import LinearPower

Array = NDArray[np.float32]

BAND = 1 << 16
"""Pixels worked on at once: with the temporaries a megabyte or two."""


def box_mean(values: Array, use: Mask, size: int) -> Array:
    """Mean of the used pixels in a size x size window; NaN where there are none. Shape as `values`.

    The window is cut at the rim of the image. In bands, to the last bit as at once: a running sum is kept whole along
    its line, and sums of ones are exact wherever they begin.
    """
    height, width = values.shape
    total: Array = np.empty(values.shape, np.float32)
    for columns in parts(width, max(1, BAND // max(1, height))):
        band = np.where(use[:, columns], values[:, columns], np.float32(0))
        total[:, columns] = ndimage.uniform_filter1d(band, size, axis=0, mode="constant")
    for rows in parts(height, max(size, BAND // max(1, width))):
        ndimage.uniform_filter1d(total[rows], size, axis=1, output=total[rows], mode="constant")
        halo = slice(max(0, rows.start - size), rows.stop + size)
        share = ndimage.uniform_filter(use[halo].astype(np.float32), size, mode="constant")
        share = share[rows.start - halo.start :][: rows.stop - rows.start]
        some = share > 0.5 / size**2
        np.divide(total[rows], share, out=total[rows], where=some)
        total[rows][~some] = np.nan
    return total


def parts(size: int, step: int) -> list[slice]:
    """What covers 0 .. size, `step` at a time."""
    return [slice(first, min(first + step, size)) for first in range(0, size, step)]


def box_of(mask: Mask) -> tuple[slice, slice] | None:
    """The rows and columns that hold all True pixels; None without one."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not rows.size:
        return None
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


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
    """Mean power in a size x size window, in linear power; NaN stays NaN.

    Band by band: what is made of one stays in the cache, and is the same to the last bit.
    """
    out: Array = np.full(power.shape, np.nan, np.float32)
    above, step = size // 2, max(4 * size, BAND // max(1, power.shape[1]))
    for first in range(0, power.shape[0], step):
        start = max(0, first - above)
        part = power[start : first + step + size - 1 - above]
        seen = np.isfinite(part)
        inner = slice(first - start, first - start + step)
        total = window_sum(np.where(seen, part, np.float32(0)), size)[inner]
        count = window_sum(seen.astype(np.float32), size)[inner]
        rows = out[first : first + step]
        np.divide(total[: len(rows)], count[: len(rows)], out=rows, where=seen[inner][: len(rows)])
    return LinearPower(out)


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


@lru_cache(maxsize=1024)
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
    low, high = np.percentile(values[:: thinned(values.size)], (25, 75))
    return float(high - low) / 1.349


def thinned(size: int) -> int:
    """Every how many-th value `central_spread` takes of so many; of what is thinned already it takes all."""
    return max(1, size // 20_000)
