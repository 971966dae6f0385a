"""Water from one optical image itself. Over a series, the reference of the track tells it (`monitor.reference`).

A pixel is wet in a look if it reflects less in the near infrared than in the green, as water does and hardly any land
(NDWI > 0; McFeeters 1996, International Journal of Remote Sensing 17(7)), and is dark in the near infrared: the
threshold is learnt on the image (Otsu 1979), and never lies so low that it parts water from water. MNDWI (Xu 2006)
would help against bright roofs, but its 20 m band widens every quay by a pixel or two, which is where ships lie.

One image cannot tell a ship that touches the quay from the quay: only what is surrounded by water is opened.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from monitor.filters import central_spread
from monitor.grid import Grid, Mask
from monitor.thresholds import otsu

Bands = Mapping[str, NDArray[np.float32]]
"""Surface or top-of-atmosphere reflectance (0..1, NaN = not seen or masked) by Sentinel-2 name of the band, each of
shape (height, width)."""

GREEN, RED, NIR = "b03", "b04", "b08"
EIGHT = np.ones((3, 3), bool)

CORE = np.ones((5, 5), bool)
"""Water is sure where a window of this shape is water throughout: roofs are smaller, and shadows of a town a lace."""

LEAST_CORE = 100
"""Pixels of sure water, without which an image has none to learn from, and a patch is none."""

BRIGHTEST = 0.2
"""Near-infrared reflectance. Brighter are snow, ice, cloud, and glint in which no ship could be seen."""

LEAST_STEP = 0.03
"""Reflectance over the water that is water still: glint, foam and mud come to that."""

SPREADS = 6.0
"""Or that many standard deviations of the water of the image, if that is more."""

LEAST_WATER_M2 = 20_000.0
"""Wet pixels in smaller patches are shadows, roofs and pools."""

SHIP_AREA_M2 = 60_000.0
SHIP_LENGTH_M = 450.0
"""The longest ships are 400 m; blur adds to that."""

SHIP_WIDTH_M = 90.0
"""The widest ships are 62 m; blur and a lighter alongside add to that."""

GREENERY = 0.4
"""NDVI of something that grows."""


def wet(bands: Bands) -> Mask:
    """Pixels that look like water in this image. Shape (height, width); False where not seen.

    All False for an image without a coherent stretch of water, all True (ships left out) for one without land.
    """
    green, nir = bands[GREEN], bands[NIR]
    seen = np.isfinite(green) & np.isfinite(nir)
    bluish = seen & (green > nir) & (nir < BRIGHTEST)
    core = ndimage.binary_opening(bluish, CORE)
    if core.sum() < LEAST_CORE:
        nothing: Mask = np.zeros(green.shape, bool)
        return nothing
    level = float(np.median(nir[core]))
    step = max(SPREADS * central_spread(nir[core]), LEAST_STEP)
    # on the square root: nearly equal spread of dark and bright classes, and no trouble with zero
    learnt = otsu(np.sqrt(np.maximum(nir[seen], 0))) ** 2
    found: Mask = bluish & (nir < max(learnt, level + step))
    return found


def water_of(bands: Bands, grid: Grid) -> Mask:
    """The water of one image, ships in it included. Shape (height, width).

    What touches the shore or the edge of the image stays land: there one image cannot tell.
    """
    large = stretches(wet(bands), grid)
    if not large.any():
        return large
    with np.errstate(invalid="ignore"):
        ndvi = (bands[NIR] - bands[RED]) / np.maximum(bands[NIR] + bands[RED], np.float32(1e-3))
    return large | ships_in(~large, np.nan_to_num(ndvi), grid)


def ships_in(dry: Mask, ndvi: NDArray[np.float32], grid: Grid) -> Mask:
    """The patches of `dry` that may be ships. Shape (height, width).

    They are surrounded by water, no larger, longer or wider than ships, and nothing grows on them. So islands,
    breakwaters and quays are not among them; a small bare rock is.
    """
    labels, _ = ndimage.label(dry, EIGHT)
    found: Mask = np.zeros(dry.shape, bool)
    edges = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
    for number, box in enumerate(ndimage.find_objects(labels), start=1):
        patch = labels[box] == number
        if number not in edges and _ship_sized(patch, grid) and np.median(ndvi[box][patch]) <= GREENERY:
            found[box] |= patch
    return found


def _ship_sized(patch: Mask, grid: Grid) -> bool:
    if patch.sum() * grid.pixel_area_m2 > SHIP_AREA_M2 or np.hypot(*patch.shape) * grid.resolution > SHIP_LENGTH_M:
        return False
    inner = ndimage.distance_transform_edt(np.pad(patch, 1)).max()
    return bool(2 * inner * grid.resolution <= SHIP_WIDTH_M)


def stretches(mask: Mask, grid: Grid) -> Mask:
    """The patches of `mask` (joined along edges) that are large and coherent enough for water. Shape as given."""
    labels, _ = ndimage.label(mask)
    large = np.bincount(labels.ravel()) * grid.pixel_area_m2 >= LEAST_WATER_M2
    core = ndimage.binary_opening(mask, CORE)
    large &= np.bincount(labels[core], minlength=large.size) >= LEAST_CORE
    large[0] = False
    chosen: Mask = large[labels]
    return chosen
