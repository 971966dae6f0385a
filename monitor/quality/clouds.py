"""Cloud and cloud shadow from Sentinel-2's scene classification (SCL), and the bright quays that it takes for cloud.

The classification knows nothing of yesterday: a bright quay is "cloud" on every clear day. What is cloud on most looks
while the surroundings are clear is no cloud. So two counts per pixel are kept for each track, over the looks whose
surroundings were clear there: a cloudy climate does not enter. The counts grow look by look and never need the stack.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from monitor.filters import box_mean
from monitor.grid import Grid, Mask

CLOUDY = frozenset({3, 8, 9, 10})
"""Sentinel-2 scene classification: cloud shadow, cloud medium and high probability, cirrus."""

NOTHING = frozenset({0, 1})
"""No data, saturated or defective."""

MARGIN_M = 80.0
"""Around a cloud or shadow: its thin rim is not classified as such. Four pixels of the classification."""

LEAST_CLOUD_M2 = 20_000.0
"""50 pixels of the classification. Smaller objects are left out, but get no margin: among them are roofs and quays."""

AROUND_M = 500.0
"""The surroundings of a pixel: so far to each side."""

CLEAR_AROUND = 0.3
"""Share of cloud up to which the surroundings are clear."""

LEAST_SEEN = 8
"""Looks with clear surroundings before a pixel is called persistent."""

PERSISTENT = 0.5
"""Share of those looks on which it is cloud."""

FULL = 64
"""Counts are halved when a pixel reaches this: a quay built last year is soon known."""

Classes = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class CloudCounts:
    """What a track has shown at each pixel while the surroundings were clear. Both of shape (height, width)."""

    cloudy: NDArray[np.uint16]
    """Looks on which the pixel was classified as cloud or shadow."""

    seen: NDArray[np.uint16]
    """Looks on which it was seen."""


def no_counts(grid: Grid) -> CloudCounts:
    """The state before the first look."""
    return CloudCounts(cloudy=np.zeros(grid.shape, np.uint16), seen=np.zeros(grid.shape, np.uint16))


def updated(counts: CloudCounts, scl: Classes, grid: Grid) -> CloudCounts:
    """The counts after one more look. `scl`: class numbers, shape (height, width); NaN = not seen."""
    cloud, seen = _of(scl, CLOUDY), classified(scl)
    counted = seen & ~(_around(cloud, seen, grid) > CLEAR_AROUND)
    number, hits = counts.seen + counted, counts.cloudy + (counted & cloud)
    full = number >= FULL
    return CloudCounts(
        cloudy=np.where(full, hits // 2, hits).astype(np.uint16),
        seen=np.where(full, number // 2, number).astype(np.uint16),
    )


def persistent(counts: CloudCounts) -> Mask:
    """True where "cloud" is a property of the ground. Shape (height, width)."""
    return (counts.seen >= LEAST_SEEN) & (counts.cloudy >= PERSISTENT * counts.seen)


def classified(scl: Classes) -> Mask:
    """True where the classification says what is seen. Shape (height, width)."""
    return np.isfinite(scl) & ~_of(scl, NOTHING)


def clouded(scl: Classes, grid: Grid, ground: Mask | None = None) -> Mask:
    """True where cloud or shadow hides the ground, with a margin around the larger ones. Shape (height, width).

    Args:
        scl: class numbers, shape (height, width); NaN = not seen.
        grid: of the classes.
        ground: True where "cloud" is a property of the ground (`persistent`): there it counts only if it is cloudy
            all around, too.
    """
    cloud = _of(scl, CLOUDY)
    if ground is not None:
        elsewhere = classified(scl) & ~ground
        cloud &= ~ground | ~(_around(cloud & elsewhere, elsewhere, grid) <= CLEAR_AROUND)
    return cloud | _margin(cloud, grid)


def _of(scl: Classes, numbers: frozenset[int]) -> Mask:
    return np.isin(np.nan_to_num(scl).astype(np.uint8), tuple(numbers))


def _around(cloud: Mask, among: Mask, grid: Grid) -> NDArray[np.float32]:
    """Share of cloud in the surroundings of each pixel; NaN where none of `among` lie there."""
    return box_mean(cloud.astype(np.float32), among, 2 * round(AROUND_M / grid.resolution) + 1)


def _margin(cloud: Mask, grid: Grid) -> Mask:
    """The larger objects, grown by the margin to all sides."""
    labels, _ = ndimage.label(cloud)
    large = np.bincount(labels.ravel()) * grid.pixel_area_m2 >= LEAST_CLOUD_M2
    large[0] = False
    grown: Mask = ndimage.maximum_filter(large[labels], 2 * round(MARGIN_M / grid.resolution) + 1, mode="constant")
    return grown
