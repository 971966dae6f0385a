"""Pixels of a zone that changed, the false discoveries held down."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import ndimage, special

from monitor.change.discoveries import largest_p
from monitor.change.seasonal.comparison import Compared
from monitor.change.seasonal.state import LEAST_SAMPLE
from monitor.grid import Grid, Mask

CLOUD = 3
"""Pixels: what has the colour of cloud or shadow and is this wide both ways is taken for it; smaller may be a roof. A
large new roof is believed on its third look."""

RIM = 3
"""Pixels: hidden areas are grown by this."""

Q = 0.01
"""Share of false discoveries allowed."""

SQUARE = np.ones((3, 3), bool)
LEAST_PIXELS = 4
"""Connected pixels. Sentinel-2 spreads a point over about 2 x 2 pixels of 10 m."""


@dataclass(frozen=True, kw_only=True)
class Changed:
    """Pixels of a zone unlike the usual at this time of year."""

    brighter: Mask
    """Shape (height, width). In the visible."""

    darker: Mask
    """Shape (height, width). As bright or darker in the visible."""

    compared: Mask
    """Shape (height, width). True where a change would have been seen."""

    covered: Mask
    """Shape (height, width). Used pixels that cloud or shadow covers, to judge by their colour, with a rim."""

    def area_m2(self, grid: Grid) -> float:
        """Ground area of both, m2."""
        return float(self.brighter.sum() + self.darker.sum()) * grid.pixel_area_m2

    def share(self) -> float:
        """Share of the compared pixels that changed; NaN without one."""
        return float(self.brighter.sum() + self.darker.sum()) / (float(self.compared.sum()) or math.nan)


def changed(look: Compared, where: Mask, use: Mask) -> Changed | None:
    """What changed among the used pixels; None if the look is veiled or fewer than 50 of them can be compared.

    The distance squared over its degrees of freedom follows Fisher's F as in Hotelling's (1931) T2 test, once the
    look's own inflation is divided out. Benjamini & Hochberg (1995) hold the false discoveries of the zone below Q.

    Args:
        look: compared with its track.
        where: True for the pixels that the state holds, in their order; shape (height, width).
        use: True for the pixels of the zone that may be used, same shape.
    """
    if look.veiled:
        return None
    distance = np.full(where.shape, np.nan, np.float32)
    brighter, hidden, unseen = np.zeros_like(where), np.zeros_like(where), np.zeros_like(where)
    distance[where], brighter[where] = look.distance, look.brighter
    hidden[where], unseen[where] = look.hidden, ~look.clear
    wide = ndimage.binary_opening(hidden, np.ones((CLOUD, CLOUD), bool))
    covered = ndimage.binary_dilation(wide, SQUARE, iterations=RIM)
    here = use & np.isfinite(distance) & ~covered
    if here.sum() < LEAST_SAMPLE:
        return None
    bands = look.shift.size
    f = (distance[here] / look.inflation) ** 2 / bands
    p = np.ones(f.shape)
    far = f > special.fdtri(bands, look.freedom, 1 - Q)
    p[far] = special.fdtrc(bands, look.freedom, f[far])
    hit = np.zeros_like(where)
    hit[here] = p <= largest_p(p, Q)
    hit = _kept(hit, ndimage.binary_dilation(covered | unseen, SQUARE))
    return Changed(brighter=hit & brighter, darker=hit & ~brighter, compared=here, covered=use & covered)


def _kept(hit: Mask, rim: Mask) -> Mask:
    """The connected areas that are large enough and do not touch cloud or shadow: those are mostly its rim."""
    labels, count = ndimage.label(hit, SQUARE)
    keep: Mask = np.bincount(labels.ravel(), minlength=count + 1) >= LEAST_PIXELS
    keep[labels[rim]] = False
    keep[0] = False
    kept: Mask = keep[labels]
    return kept
