"""Mean and spread of the sea in the window around each block, and the blocks that are no sea."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from monitor.clutter.bands import BLOCK, Each, Sums, bands
from monitor.clutter.laws import Law, uncensored
from monitor.filters import Array, window_sum
from monitor.grid import Mask

WINDOW = 15
"""Blocks: 60 pixels, 600 m at 10 m."""

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


@dataclass(frozen=True, kw_only=True)
class Windows:
    """Of the used pixels in the window around each block. All of one shape, that of the blocks."""

    count: Array
    mean: Array
    """Of ln(power) less the centre of the sums; NaN in a window without a used pixel."""

    variance: Array


def windows_of(sums: Sums, each: Each) -> Windows:
    """Mean and variance in the windows, from sums over their blocks."""
    out = Windows(count=np.empty_like(sums.count), mean=np.empty_like(sums.count), variance=np.empty_like(sums.count))

    def work(rows: slice) -> None:
        halo, inner = _with_halo(rows)
        around = _around(sums.count[halo], sums.first[halo], sums.second[halo])
        out.count[rows], out.mean[rows], out.variance[rows] = (v[inner] for v in around)
        np.fmax(out.count[rows], np.float32(0), out=out.count[rows])

    for _ in each(work, bands(sums.count.shape)):
        pass
    return out


def _with_halo(rows: slice) -> tuple[slice, slice]:
    """Rows of blocks with all that their windows reach, and where the rows are in these."""
    halo = slice(max(0, rows.start - WINDOW // 2), rows.stop + WINDOW // 2)
    return halo, slice(rows.start - halo.start, rows.stop - halo.start)


def _around(count: Array, first: Array, second: Array) -> tuple[Array, Array, Array]:
    """Count, mean and variance over windows; NaN where nothing is counted."""
    count, first, second = (window_sum(values, WINDOW) for values in (count, first, second))
    count[count < 0.5] = np.nan
    first /= count
    second /= count
    second -= first**2
    return count, first, np.maximum(second, np.float32(0), out=second)


def guarded(sums: Sums, each: Each) -> Mask:
    """Blocks that stand far out of those around, and the ones beside them."""
    some = sums.count > 0
    level = np.divide(sums.first, sums.count, out=np.zeros_like(sums.first), where=some)
    use = some
    for number in range(ROUNDS):
        left = np.empty_like(some)
        factor = BRIGHT if number == ROUNDS - 1 else CENSOR_BLOCKS
        limit = np.float32(factor / np.sqrt(KEPT_VARIANCE))

        def work(rows: slice, use: Mask = use, left: Mask = left, limit: np.float32 = limit) -> None:
            halo, inner = _with_halo(rows)
            here = use[halo].astype(np.float32)
            kept = level[halo] * here
            _, mean, variance = (v[inner] for v in _around(here, kept, kept * level[halo]))
            np.less_equal(level[rows], mean + limit * np.sqrt(variance), out=left[rows])

        for _ in each(work, bands(some.shape)):
            pass
        use = some & left
    guard: Mask = np.empty_like(some)

    def beside(rows: slice) -> None:
        halo = slice(max(0, rows.start - 1), rows.stop + 1)
        held = np.pad(some[halo] & ~use[halo], 1)
        down = held[:-2] | held[1:-1] | held[2:]
        grown = down[:, :-2] | down[:, 1:-1] | down[:, 2:]
        guard[rows] = grown[rows.start - halo.start :][: rows.stop - rows.start]

    for _ in each(beside, bands(some.shape)):
        pass
    return guard


def usual_spread(windows: Windows) -> float:
    """Median spread of the windows, or of every fourth of many; not less than LEAST_SPREAD."""
    some = windows.variance[:: 1 + (windows.variance.size > MANY) * 3]
    known = some[np.isfinite(some)]
    return max(float(np.sqrt(np.median(known))), LEAST_SPREAD) if known.size else LEAST_SPREAD


def whole(windows: Windows, law: Law, usual: float, cut: Array, each: Each) -> tuple[Array, Array]:
    """Mean and variance of all pixels of the windows: what the cut took is given back."""
    mean, variance = np.empty_like(cut), np.empty_like(cut)

    def work(rows: slice) -> None:
        sigma = np.sqrt(windows.variance[rows])
        mean[rows], spread = uncensored(law, usual, windows.mean[rows], sigma, cut[rows])
        variance[rows] = spread**2

    for _ in each(work, bands(cut.shape)):
        pass
    return mean, variance
