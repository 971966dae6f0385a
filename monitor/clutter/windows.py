"""Mean and spread of the sea in the window around each block, and the blocks that are no sea.

The blocks are worked on tile by tile. A tile and what its windows reach lie in one flat array, row after row with a rim
on each side: windows are then sums of that array shifted against itself, whatever the shape of the tile.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor.clutter import bands as banding
from monitor.clutter.bands import BLOCK, Each, Sums, block_bands, evenly, runs
from monitor.clutter.laws import Law, uncensored
from monitor.clutter.tables import table
from monitor.filters import Array
from monitor.grid import Mask

WINDOW = 15
"""Blocks: 60 pixels, 600 m at 10 m."""

RIM = WINDOW // 2
"""Blocks that a window reaches beyond its middle."""

FULL = float((WINDOW * BLOCK) ** 2)
"""Pixels of a window that is all water."""

ROUNDS = 3
"""Of leaving out bright blocks."""

CENSOR_BLOCKS = 2.0
"""Standard deviations of the blocks around: brighter blocks do not tell what a bright block is."""

KEPT_VARIANCE = 0.886
"""Of a normal sample after the part above 2 standard deviations is left out."""

BRIGHT = 4.0
"""Standard deviations of the blocks around: brighter blocks hold something that is no sea."""

LEAST_SPREAD = 0.12
"""Of ln(power), about 0.5 dB: filtered data are smoother than any sea is even."""

MANY = 200_000
"""Windows of which every fourth row tells the median."""

POINTS, LARGEST = 4097, 12.0
"""Of the table of `whole`, over (cut - mean) / spread: at 9 standard deviations a cut takes nothing."""

Values = NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Windows:
    """Of the used pixels in the window around each block. All of one shape, that of the blocks."""

    count: Array
    mean: Array
    """Of ln(power) less the centre of the sums; NaN in a window without a used pixel."""

    variance: Array


@dataclass(frozen=True, kw_only=True)
class _Tile:
    """Blocks worked on at once, and all that their windows reach."""

    rows: slice
    columns: slice

    @property
    def here(self) -> tuple[slice, slice]:
        return self.rows, self.columns

    @property
    def halo(self) -> tuple[slice, slice]:
        return slice(max(0, self.rows.start - RIM), self.rows.stop + RIM), slice(
            max(0, self.columns.start - RIM), self.columns.stop + RIM
        )

    @property
    def shape(self) -> tuple[int, int]:
        """Of the tile."""
        return self.rows.stop - self.rows.start, self.columns.stop - self.columns.start

    @property
    def padded(self) -> tuple[int, int]:
        """Of the tile with a rim on each side."""
        return self.shape[0] + 2 * RIM, self.shape[1] + 2 * RIM

    def laid(self, values: Values, out: Values, without: Mask | None = None) -> Values:
        """The values of the tile and the rim, flat; 0 beyond the image and where they are left out."""
        flat = out[: self.padded[0] * self.padded[1]]
        within, (rows, columns) = flat.reshape(self.padded), self.halo
        part = values[rows, columns]
        top, left = rows.start - self.rows.start + RIM, columns.start - self.columns.start + RIM
        if part.shape != self.padded:
            within[...] = 0
        inner = within[top : top + part.shape[0], left : left + part.shape[1]]
        np.copyto(inner, part)
        if without is not None:
            np.copyto(inner, 0, where=without[rows, columns])
        return flat

    def image(self, sums: Values) -> Values:
        """The sums of the windows of the tile, in its shape. `sums`: as `_window_sums` leaves them."""
        height, width = self.shape
        return sums[: height * self.padded[1]].reshape(height, -1)[:, :width]


def _tiles(shape: tuple[int, ...]) -> list[_Tile]:
    """Of about one size, half of BAND at most."""
    side = max(1, isqrt(banding.BAND) // 2)
    rows, columns = (evenly(size, most) for size, most in zip(shape, (side, 2 * side), strict=True))
    return [_Tile(rows=down, columns=across) for down in rows for across in columns]


def _spare(run: Iterable[_Tile], *types: type[np.generic]) -> list[Values]:
    """Flat arrays that hold any tile of the run."""
    size = max(tile.padded[0] * tile.padded[1] for tile in run)
    return [np.empty(size, kind) for kind in types]


def _window_sums(flat: Values, across: int, spare: tuple[Values, Values]) -> Values:
    """Sums over windows that begin at each place; `flat` is lost, the sums lie where it lay.

    Rows first, then columns; the order of the additions is the same in every window. The last 2 * RIM are no sums.
    """
    sums = _fifteen(_fifteen(flat, across, spare), 1, spare)
    flat[sums.size :][: 2 * RIM] = 0
    return flat[: sums.size + 2 * RIM]


def _fifteen(flat: Values, step: int, spare: tuple[Values, Values]) -> Values:
    """Sums over WINDOW values that lie `step` apart: 3, 6, 12 and 3 more. `flat` is lost, the sums lie in it."""
    threes, sixes = spare[0][: flat.size - 2 * step], spare[1][: flat.size - 5 * step]
    np.add(flat[: -2 * step], flat[step:-step], out=threes)
    np.add(threes, flat[2 * step :], out=threes)
    np.add(threes[: -3 * step], threes[3 * step :], out=sixes)
    sums = flat[: flat.size - (WINDOW - 1) * step]
    np.add(sixes[: sums.size], sixes[6 * step :][: sums.size], out=sums)
    np.add(sums, threes[12 * step :], out=sums)
    return sums


def _moments(count: Array, first: Array, second: Array, spare: Array) -> tuple[Array, Array]:
    """Mean and variance of sums; NaN where nothing is counted. They lie where the sums lay."""
    with np.errstate(invalid="ignore", divide="ignore"):
        np.divide(first, count, out=first)
        np.divide(second, count, out=second)
    square = np.multiply(first, first, out=spare[: first.size])
    np.subtract(second, square, out=second)
    # of values that are all alike rounding may leave less than nothing
    return first, np.abs(second, out=second)


def windows_of(sums: Sums, each: Each, without: Mask | None = None) -> Windows:
    """Mean and variance in the windows, from sums over their blocks. `without`: blocks that are left out."""
    out = Windows(count=np.empty_like(sums.first), mean=np.empty_like(sums.first), variance=np.empty_like(sums.first))

    def work(run: Sequence[_Tile]) -> None:
        counted, *few = _spare(run, *[np.uint16] * 3)
        count, first, second, *spare = _spare(run, *[np.float32] * 5)
        for tile in run:
            across = tile.padded[1]
            number = _window_sums(tile.laid(sums.count, counted, without), across, (few[0], few[1]))
            np.copyto(count[: number.size], number)
            mean, variance = _moments(
                count[: number.size],
                _window_sums(tile.laid(sums.first, first, without), across, (spare[0], spare[1])),
                _window_sums(tile.laid(sums.second, second, without), across, (spare[0], spare[1])),
                spare[0],
            )
            for to, values in ((out.count, count), (out.mean, mean), (out.variance, variance)):
                to[tile.here] = tile.image(values)

    for _ in each(work, runs(_tiles(out.count.shape))):
        pass
    return out


def guarded(sums: Sums, each: Each) -> Mask:
    """Blocks that stand far out of those around, and the ones beside them."""
    some = sums.count > 0
    level, unused = np.empty_like(sums.first), ~some

    def levels(rows: slice) -> None:
        np.divide(sums.first[rows], np.maximum(sums.count[rows], np.uint8(1)), out=level[rows])

    for _ in each(levels, block_bands(some.shape)):
        pass
    for number in range(ROUNDS):
        factor = BRIGHT if number == ROUNDS - 1 else CENSOR_BLOCKS
        unused = _standing_out(level, unused, np.float32(factor / np.sqrt(KEPT_VARIANCE)), each)
        unused |= ~some
    guard: Mask = np.empty_like(some)

    def beside(rows: slice) -> None:
        halo = slice(max(0, rows.start - 1), rows.stop + 1)
        held = np.pad(some[halo] & unused[halo], 1)
        down = held[:-2] | held[1:-1] | held[2:]
        grown = down[:, :-2] | down[:, 1:-1] | down[:, 2:]
        guard[rows] = grown[rows.start - halo.start :][: rows.stop - rows.start]

    for _ in each(beside, block_bands(some.shape)):
        pass
    return guard


def _standing_out(level: Array, unused: Mask, limit: np.float32, each: Each) -> Mask:
    """Blocks more than `limit` standard deviations over the mean of the used ones in their window, or without any."""
    out: Mask = np.empty_like(unused)
    used = (~unused).view(np.uint8)

    def work(run: Sequence[_Tile]) -> None:
        counted, *few = _spare(run, *[np.uint8] * 3)
        count, first, second, *spare = _spare(run, *[np.float32] * 5)
        for tile in run:
            across = tile.padded[1]
            number = _window_sums(tile.laid(used, counted), across, (few[0], few[1]))
            np.copyto(count[: number.size], number)
            kept = tile.laid(level, first, unused)
            square = np.multiply(kept, kept, out=second[: kept.size])
            mean, bound = _moments(
                count[: number.size],
                _window_sums(kept, across, (spare[0], spare[1])),
                _window_sums(square, across, (spare[0], spare[1])),
                spare[0],
            )
            np.sqrt(bound, out=bound)
            np.multiply(bound, limit, out=bound)
            np.add(bound, mean, out=bound)
            np.less_equal(level[tile.here], tile.image(bound), out=out[tile.here])
            np.logical_not(out[tile.here], out=out[tile.here])

    for _ in each(work, runs(_tiles(level.shape))):
        pass
    return out


def usual_spread(windows: Windows) -> float:
    """Median spread of the windows, or of every fourth of many; not less than LEAST_SPREAD."""
    some = windows.variance[:: 1 + (windows.variance.size > MANY) * 3]
    known = some[np.isfinite(some)]
    return max(float(np.sqrt(np.median(known))), LEAST_SPREAD) if known.size else LEAST_SPREAD


def whole(windows: Windows, law: Law, usual: float, cut: Array, each: Each) -> tuple[Array, Array]:
    """Mean and variance of all pixels of the windows: what the cut took is given back.

    The variance lies where that of the windows lay.
    What it took depends on (cut - mean) / spread alone, in parts of the spread: it is worked out for a table of them.
    """
    mean, variance = np.empty_like(cut), windows.variance
    ratios = np.linspace(0, LARGEST, POINTS, dtype=np.float32)
    shift, factor = uncensored(law, usual, np.zeros_like(ratios), np.ones_like(ratios), ratios)
    curves = table(0, LARGEST, shift, factor**2)

    def work(rows: slice) -> None:
        sigma = np.sqrt(variance[rows])
        ratio = np.maximum(sigma, np.float32(1e-6))
        np.divide(cut[rows] - windows.mean[rows], ratio, out=ratio)
        shift, factor = curves.looked_up(ratio)
        np.multiply(shift, sigma, out=shift)
        np.add(windows.mean[rows], shift, out=mean[rows])
        np.multiply(variance[rows], factor, out=variance[rows])

    for _ in each(work, block_bands(cut.shape)):
        pass
    return mean, variance
