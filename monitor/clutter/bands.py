"""Sums over the blocks of a large image, band by band: all temporaries of a band stay in the cache of one core.

Bands hold whole blocks and every block is summed by itself, so neither the size of the bands nor the number of threads
that work on them changes a bit of the result. Bands are worked on in runs that share their temporaries: memory that is
taken anew for each would cost more than the sums.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from monitor.filters import Array, parts
from monitor.grid import Mask
from monitor.radiometry import FLOOR, LinearPower

BLOCK = 4
"""Pixels: the sea is described on blocks this wide, it changes slowly."""

BAND = 1 << 19
"""Pixels worked on at once: with the temporaries three megabytes. Threads hand the interpreter to each other between
two operations on a band, which takes as long as an operation on a tenth of it."""

RUNS = 16
"""Of bands, at most: enough to share among threads evenly."""

Item = TypeVar("Item")
Result = TypeVar("Result")
Scalar = TypeVar("Scalar", bound=np.generic)


class Each(Protocol):
    """`map`, or the `map` of an executor with a few threads: numpy lets them run side by side."""

    def __call__(self, function: Callable[[Item], Result], items: Iterable[Item], /) -> Iterable[Result]:
        """The function of each item."""


def bands(shape: tuple[int, ...], unit: int = BLOCK, parted: int = 1) -> list[slice]:
    """Rows of each band: whole units of that many rows, BAND / parted pixels at most; all of about one size."""
    return evenly(shape[0], max(1, BAND // parted // (unit * max(1, shape[1]))) * unit, unit)


def evenly(size: int, most: int, unit: int = 1) -> list[slice]:
    """What covers 0 .. size in parts of whole units, `most` at most and all of about one size."""
    number = max(1, -(-size // most))
    return parts(size, max(1, -(-size // (unit * number))) * unit)


def block_bands(shape: tuple[int, ...], unit: int = 1) -> list[slice]:
    """Rows of each band of an image of blocks: smaller, as what is done there takes more temporaries."""
    return bands(shape, unit, 4)


def runs(parts: Sequence[Item]) -> list[Sequence[Item]]:
    """The parts in order, RUNS runs of them at most."""
    step = max(1, -(-len(parts) // RUNS))
    return [parts[first : first + step] for first in range(0, len(parts), step)]


def of_blocks(rows: slice) -> slice:
    """Rows of blocks that hold these rows of pixels. The first is the first of a block."""
    return slice(rows.start // BLOCK, -(-rows.stop // BLOCK))


def blocks_of(shape: tuple[int, ...]) -> tuple[int, int]:
    """Shape of the image of blocks; those at the rim may be cut."""
    return -(-shape[0] // BLOCK), -(-shape[1] // BLOCK)


def spread_out(coarse: NDArray[Scalar], shape: tuple[int, ...]) -> NDArray[Scalar]:
    """The value of its block for each pixel. Shape as given."""
    return np.repeat(np.repeat(coarse, BLOCK, 0), BLOCK, 1)[: shape[0], : shape[1]]


@dataclass(frozen=True, kw_only=True)
class Sums:
    """Over the used pixels of each block; all of shape `blocks_of(image)`."""

    count: NDArray[np.uint8]
    first: Array
    """Of ln(power) less the centre of the block."""

    second: Array
    """Of the square of that."""


def block_sums(
    power: LinearPower,
    water: Mask,
    centre: Array | np.float32,
    cut: Array | None = None,
    *,
    without: Mask | None = None,
    each: Each = map,
) -> Sums:
    """Sums of ln(power) - centre over the seen water pixels, those where it lies below the cut if there is one.

    `centre` and `cut`: one value for each block, the centre may be one for all. Where one of them is NaN, no pixel is
    used, nor is any of the blocks `without`.
    """
    shape = blocks_of(power.shape)
    out = Sums(count=np.empty(shape, np.uint8), first=np.empty(shape, np.float32), second=np.empty(shape, np.float32))

    def work(run: Sequence[slice]) -> None:
        log = np.empty((run[0].stop - run[0].start + BLOCK, shape[1] * BLOCK), np.float32)
        used = np.empty(log.shape, bool)
        for rows in run:
            at = of_blocks(rows)
            place = slice(0, (at.stop - at.start) * BLOCK)
            seen = _logarithms(power[rows], water[rows], log[place])
            sums = out.count[at], out.first[at], out.second[at]
            _band_sums(
                (log[place], used[place]),
                centre if isinstance(centre, np.float32) else centre[at],
                (None if seen else np.float32(np.inf)) if cut is None else cut[at],
                sums,
            )
            if without is not None:
                for values in sums:
                    np.copyto(values, 0, where=without[at])

    for _ in each(work, runs(bands(power.shape))):
        pass
    return out


def _logarithms(power: Array, water: Mask, out: Array) -> bool:
    """ln(power), NaN for what is not seen or no water; True if it is all seen and finite. `out`: of whole blocks."""
    height, width = power.shape
    part = out[:height, :width]
    # to ask first costs a tenth of what it saves on the open sea
    seen = power.size > 0 and bool(power.min() >= FLOOR) and bool(power.max() < np.inf) and bool(water.all())
    if seen:
        np.log(power, out=part)
    else:
        np.maximum(power, FLOOR, out=part)
        np.log(part, out=part)
        np.copyto(part, np.float32(np.nan), where=~water)
    out[height:] = np.nan
    out[:, width:] = np.nan
    return seen and part.shape == out.shape


def _band_sums(
    spare: tuple[Array, Mask],
    centre: Array | np.float32,
    cut: Array | np.float32 | None,
    out: tuple[NDArray[np.uint8], Array, Array],
) -> None:
    """Count and sums of the values below the cut, all of them without one. `spare`: ln(power) and a mask, both lost."""
    count, first, second = out
    # broadcast over the rows of a block, not over single pixels
    values, used = (part.reshape(count.shape[0], BLOCK, -1) for part in spare)
    np.subtract(values, _wide(centre), out=values)
    if cut is None:
        count[...] = BLOCK**2
    else:
        np.less(values, _wide(cut), out=used)
        _added(used.view(np.uint8), count)
        np.logical_not(used, out=used)
        np.copyto(values, np.float32(0), where=used)
    _added(values, first)
    np.multiply(values, values, out=values)
    _added(values, second)


def _wide(coarse: Array | np.float32) -> Array | np.float32:
    return coarse if isinstance(coarse, np.float32) else np.repeat(coarse, BLOCK, axis=1)[:, None]


def _added(values: NDArray[Any], out: NDArray[Any]) -> None:
    """Sums over blocks. `values`: shape (blocks down, BLOCK, pixels across)."""
    rows = np.add.reduce(values, axis=1, dtype=out.dtype)
    np.add(rows[:, 0::BLOCK], rows[:, 1::BLOCK], out=out)
    np.add(out, rows[:, 2::BLOCK], out=out)
    np.add(out, rows[:, 3::BLOCK], out=out)


def over(power: LinearPower, water: Mask, limit: Array, each: Each = map) -> Mask:
    """True for water pixels with more power than exp(limit) of their block; shape (height, width). NaN is never over.

    `limit`: of ln(power), one value for each block.
    """
    out: Mask = np.empty(power.shape, bool)

    def work(run: Sequence[slice]) -> None:
        for rows in run:
            wide = np.repeat(np.exp(limit[of_blocks(rows)]), BLOCK, axis=1)[:, : power.shape[1]]
            whole = slice(rows.start, rows.stop - (rows.stop - rows.start) % BLOCK)
            _greater(power[whole], wide[: (whole.stop - whole.start) // BLOCK], out[whole])
            if whole.stop < rows.stop:
                rest = slice(whole.stop, rows.stop)
                np.greater(power[rest], wide[-1], out=out[rest])
            np.logical_and(out[rows], water[rows], out=out[rows])

    for _ in each(work, runs(bands(power.shape))):
        pass
    return out


def _greater(power: Array, limit: Array, out: Mask) -> None:
    shape = len(limit), BLOCK, power.shape[1]
    np.greater(power.reshape(shape), limit[:, None], out=out.reshape(shape))
