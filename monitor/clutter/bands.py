"""Sums over the blocks of a large image, band by band: all temporaries of a band stay in the cache of one core.

Bands hold whole blocks and every block is summed by itself, so neither the size of the bands nor the number of threads
that work on them changes a bit of the result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from monitor.filters import Array
from monitor.grid import Mask
from monitor.radiometry import FLOOR, LinearPower

BLOCK = 4
"""Pixels: the sea is described on blocks this wide, it changes slowly."""

BAND = 131_072
"""Pixels worked on at once: with the temporaries about a megabyte."""

Item = TypeVar("Item")
Result = TypeVar("Result")
Scalar = TypeVar("Scalar", bound=np.generic)


class Each(Protocol):
    """`map`, or the `map` of an executor with a few threads: numpy lets them run side by side."""

    def __call__(self, function: Callable[[Item], Result], items: Iterable[Item], /) -> Iterable[Result]:
        """The function of each item."""


def bands(shape: tuple[int, ...], unit: int = BLOCK) -> list[slice]:
    """Rows of each band: whole units of that many rows, about BAND pixels."""
    rows = max(1, BAND // (unit * max(1, shape[1]))) * unit
    return [slice(first, min(first + rows, shape[0])) for first in range(0, shape[0], rows)]


def blocks_of(shape: tuple[int, ...]) -> tuple[int, int]:
    """Shape of the image of blocks; those at the rim may be cut."""
    return -(-shape[0] // BLOCK), -(-shape[1] // BLOCK)


def spread_out(coarse: NDArray[Scalar], shape: tuple[int, ...]) -> NDArray[Scalar]:
    """The value of its block for each pixel. Shape as given."""
    return np.repeat(np.repeat(coarse, BLOCK, 0), BLOCK, 1)[: shape[0], : shape[1]]


@dataclass(frozen=True, kw_only=True)
class Sums:
    """Over the used pixels of each block; all of shape `blocks_of(image)`."""

    count: Array
    first: Array
    """Of ln(power) less the centre of the block."""

    second: Array
    """Of the square of that."""

    def without(self, left_out: Mask) -> Sums:
        """Zero in the blocks that are left out."""
        count, first, second = (np.where(left_out, np.float32(0), v) for v in (self.count, self.first, self.second))
        return Sums(count=count, first=first, second=second)


def block_sums(power: LinearPower, water: Mask, centre: Array, cut: Array, each: Each = map) -> Sums:
    """Sums of ln(power) - centre over the seen water pixels where it lies below the cut.

    `centre` and `cut`: one value for each block. Where one of them is NaN, no pixel is used.
    """
    out = Sums(count=np.empty_like(centre), first=np.empty_like(centre), second=np.empty_like(centre))

    def work(rows: slice) -> None:
        at = slice(*(-(-row // BLOCK) for row in (rows.start, rows.stop)))
        _band_sums(power[rows], water[rows], centre[at], cut[at], (out.count[at], out.first[at], out.second[at]))

    for _ in each(work, bands(power.shape)):
        pass
    return out


def _band_sums(power: Array, water: Mask, centre: Array, cut: Array, out: tuple[Array, Array, Array]) -> None:
    (height, width), (down, across) = power.shape, centre.shape
    log = np.full((down * BLOCK, across * BLOCK), np.nan, np.float32)
    np.maximum(power, FLOOR, out=log[:height, :width])
    np.log(log, out=log)
    stacked = log.reshape(down, BLOCK, across * BLOCK)  # broadcast over the rows of a block, not over single pixels
    np.subtract(stacked, np.repeat(centre, BLOCK, axis=1)[:, None], out=stacked)
    use = np.less(stacked, np.repeat(cut, BLOCK, axis=1)[:, None])
    inside = use.reshape(log.shape)[:height, :width]
    np.logical_and(inside, water, out=inside)
    np.copyto(stacked, np.float32(0), where=~use)
    out[0][...] = _across(np.add.reduce(use.view(np.uint8), axis=1, dtype=np.uint8).astype(np.float32))
    out[1][...] = _across(np.add.reduce(stacked, axis=1))
    np.multiply(stacked, stacked, out=stacked)
    out[2][...] = _across(np.add.reduce(stacked, axis=1))


def _across(sums: Array) -> Array:
    added: Array = sums[:, 0::BLOCK] + sums[:, 1::BLOCK]
    added += sums[:, 2::BLOCK]
    added += sums[:, 3::BLOCK]
    return added


def over(power: LinearPower, water: Mask, limit: NDArray[np.float32], each: Each = map) -> Mask:
    """True for water pixels with more power than the limit of their block; shape (height, width). NaN is never over."""
    out: Mask = np.empty(power.shape, bool)

    def work(rows: slice) -> None:
        band = out[rows]
        for first in range(rows.start, rows.stop, BLOCK):
            strip = slice(first, min(first + BLOCK, rows.stop))
            wide = np.repeat(limit[first // BLOCK], BLOCK)[: power.shape[1]]
            np.greater(power[strip], wide, out=out[strip])
        np.logical_and(band, water[rows], out=band)

    for _ in each(work, bands(power.shape)):
        pass
    return out
