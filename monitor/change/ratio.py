"""Area that changed against what the track usually shows: a ratio test with the false discoveries held down.

Both images are multilooked 3 x 3 first. For gamma speckle the ratio of a look (L equivalent looks) to a mean of n
looks follows Fisher's F(2L, 2nL) where nothing changed (Conradsen et al. 2016, IEEE TGRS 54(5), for two dates). L is
not taken from the product sheet, filters and resampling change it, but from the look itself: the central spread of
the log-ratio in the zone, which a minority of changed pixels does not move. The median ratio is divided out first: a
whole zone that grows brighter (rain, wind, calibration) is a matter of `backscatter_db`, not of changed ground.
Benjamini & Hochberg (1995) keep the share of false discoveries among the changed pixels below Q.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, special

from monitor.filters import central_spread, looks_of_spread
from monitor.grid import Grid, Mask
from monitor.radiometry import FLOOR, LinearPower
from monitor.reference import LEAST_SEEN, Reference

Q = 0.01
"""Share of false discoveries allowed."""

LEAST_DB = 3.0
"""A pixel that changed by less is not counted, however sure: half or double the power."""

LEAST_PIXELS = 6
"""Connected pixels: single ones are left-over speckle, which the 3 x 3 window makes up to 9 wide."""

LEAST_SAMPLE = 50
"""Pixels without which no spread can be told."""

TABLE = 400
"""Points at which the tail of F is computed; between them its logarithm is interpolated."""


@dataclass(frozen=True, kw_only=True)
class Changed:
    """Pixels of a zone unlike their reference."""

    brighter: Mask
    """Shape (height, width)."""

    darker: Mask
    """Shape (height, width)."""

    looks: float
    """Equivalent number of looks found in this look after multilooking."""

    def area_m2(self, grid: Grid) -> float:
        """Ground area of both, m2."""
        return float(self.brighter.sum() + self.darker.sum()) * grid.pixel_area_m2


def changed(smooth: LinearPower, reference: Reference, use: Mask) -> Changed | None:
    """What changed among the used pixels; None if fewer than 50 of them have a reference.

    Args:
        smooth: linear power of the look, multilooked 3 x 3 as the reference is; NaN = not seen.
        reference: of the track.
        use: True for the pixels of the zone that may be used.
    """
    box = _box_of(use)
    if box is None:
        return None
    here = use[box] & np.isfinite(smooth[box]) & (reference.seen[box] >= LEAST_SEEN) & (reference.mean[box] > 0)
    if here.sum() < LEAST_SAMPLE:
        return None
    ratio = np.log(np.maximum(smooth[box][here], FLOOR)) - np.log(np.maximum(reference.mean[box][here], FLOOR))
    ratio -= np.median(ratio)
    looks = looks_of_spread(max(central_spread(ratio), 1e-3))
    hit = _unlikely(ratio, looks, reference.looks) & (np.abs(ratio) >= LEAST_DB * np.log(10) / 10)
    return Changed(
        brighter=_connected(here, hit & (ratio > 0), box, use.shape),
        darker=_connected(here, hit & (ratio < 0), box, use.shape),
        looks=looks,
    )


def _unlikely(ratio: NDArray[np.floating], looks: float, n: int) -> Mask:
    """True for the log-ratios that Benjamini & Hochberg reject: they lie in the tails of probability Q."""
    freedom = 2 * looks, 2 * max(n, 1) * looks
    low, middle, high = (float(np.log(special.fdtri(*freedom, share))) for share in (Q / 2, 0.5, 1 - Q / 2))
    candidates = np.flatnonzero((ratio < low - middle) | (ratio > high - middle))
    out: Mask = np.zeros(ratio.shape, bool)
    if candidates.size:
        p = tails(ratio[candidates], looks, n)
        out[candidates] = p <= largest_p(p, Q, among=ratio.size)
    return out


def _box_of(use: Mask) -> tuple[slice, slice] | None:
    rows, columns = np.flatnonzero(use.any(axis=1)), np.flatnonzero(use.any(axis=0))
    if not rows.size:
        return None
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _connected(here: Mask, hit: Mask, box: tuple[slice, slice], shape: tuple[int, ...]) -> Mask:
    whole: Mask = np.zeros(shape, bool)
    if hit.any():
        image: Mask = np.zeros(here.shape, bool)
        image[here] = hit
        labels, _ = ndimage.label(image)
        large = np.bincount(labels.ravel()) >= LEAST_PIXELS
        large[0] = False
        whole[box] = large[labels]
    return whole


def tails(log_ratio: NDArray[np.floating], looks: float, n: int) -> NDArray[np.float64]:
    """Two-sided p-value of each log-ratio under F(2 looks, 2 n looks), median-centred. Shape as given."""
    freedom = 2 * looks, 2 * max(n, 1) * looks
    middle = float(np.log(special.fdtri(*freedom, 0.5)))
    reach = float(np.abs(log_ratio).max()) + 1e-6
    points = np.linspace(-reach, reach, TABLE)
    f = np.exp(points + middle)
    lower, upper = special.fdtr(*freedom, f), special.fdtrc(*freedom, f)
    table = np.log(np.maximum(2 * np.minimum(lower, upper), 1e-300))
    p: NDArray[np.float64] = np.exp(np.interp(log_ratio, points, table))
    return p


def largest_p(p: NDArray[np.float64], q: float, among: int | None = None) -> float:
    """The p-value up to which Benjamini & Hochberg (1995) reject; 0 if none is.

    `among`: number of all tests, where `p` holds only those up to q.
    """
    ordered = np.sort(p[p <= q])  # none above q can be rejected
    passed = np.nonzero(ordered <= q * np.arange(1, ordered.size + 1) / (among or p.size))[0]
    return float(ordered[passed[-1]]) if passed.size else 0.0
