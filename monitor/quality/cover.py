"""What a radar pass really saw: the rim of its swath holds numbers that are no backscatter.

Two things are wrong there. Filters and resampling mix the last pixels with nothing: on real looks the outermost four
pixels are 1 to 3 dB too dark. And older products keep a ragged strip of near-zero power along the edge (described for
Sentinel-1 GRD by Ali et al. 2018, IEEE JSTARS), or fill what was not seen with zeros.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from monitor.filters import multilook
from monitor.grid import Mask
from monitor.quality.neighbours import grown
from monitor.radiometry import LinearPower

BUFFER = 4
"""Pixels along the swath edge that filters and resampling have mixed with nothing."""

RIM = 50
"""Pixels, 500 m at 10 m: how far in from the edge a dark strip may reach."""

DARK = np.float32(1e-3)
"""-30 dB: darker than this the instrument cannot measure, its noise floor lies at -22 to -26 dB."""

OF_MIDDLE = np.float32(0.1)
"""A strip must also be darker than this share of the scene's median. Where noise has been subtracted, a calm sea may
lie below any floor."""


def border_noise(power: LinearPower) -> Mask:
    """True for pixels with a number that is no backscatter. Shape (height, width).

    The swath is taken to be convex: what lies inside the hull of all pixels with power is inside the swath. So masked
    land is not taken for its edge, and where the swath goes on beyond the frame there is no edge at all. Flagged are
    zeros outside the hull, dark pixels that hang together with the outside within RIM, and BUFFER pixels along both.

    Args:
        power: linear power as read, not filtered. NaN = not seen.
    """
    held: Mask = power > 0
    if held.all() or not held.any():
        return np.isfinite(power) & ~held
    outside = ~_hull(held)
    if not outside.any():
        return outside
    given = np.isfinite(power)
    edge = outside
    if (power <= DARK).any():  # without such a pixel no mean is that dark either, and most looks have none
        labels, count = ndimage.label(outside | (grown(outside, RIM) & _dark(power, held)))
        reaches: Mask = np.zeros(count + 1, bool)
        reaches[labels[outside]] = True
        # what is not seen inside the swath (masked land) leads on to a dark strip behind it, but is no edge of its own
        edge = outside | (reaches[labels] & given)
    return grown(edge, BUFFER) & given


def _hull(held: Mask) -> Mask:
    """The smallest convex region of pixels that holds all those of the mask, of which there is at least one."""
    height, width = held.shape
    rows = np.flatnonzero(held.any(axis=1))
    left = _below(rows, held[rows].argmax(axis=1))
    right = -_below(rows, -(width - 1 - held[rows, ::-1].argmax(axis=1)))
    columns = np.arange(width, dtype=np.int32)
    first, last = np.ceil(left - 1e-6).astype(np.int32), np.floor(right + 1e-6).astype(np.int32)
    inside = np.zeros((height, width), bool)
    inside[rows[0] : rows[-1] + 1] = (columns >= first[:, None]) & (columns <= last[:, None])
    return inside


def _below(x: NDArray[np.integer], y: NDArray[np.integer]) -> NDArray[np.float64]:
    """The highest convex curve below the points, at x[0], x[0] + 1 ... x[-1].

    What lies on or over the line between its neighbours is no corner, and leaving it out moves none: until all that is
    left turns up. Whole arrays a round, and a few rounds; Andrew's monotone chain (1979) goes point by point.
    """
    x, y = x.astype(np.int64), y.astype(np.int64)
    while x.size > 2:
        run, rise = np.diff(x), np.diff(y)
        corner = np.concatenate([[True], run[:-1] * rise[1:] > rise[:-1] * run[1:], [True]])
        if corner.all():
            break
        x, y = x[corner], y[corner]
    return np.asarray(np.interp(np.arange(x[0], x[-1] + 1), x, y))


def _dark(power: LinearPower, held: Mask) -> Mask:
    """True where the 3 x 3 mean is darker than any surface; also where nothing is seen."""
    limit = min(DARK, np.float32(np.median(power[held])) * OF_MIDDLE)
    dark: Mask = ~(multilook(power) > limit)
    return dark
