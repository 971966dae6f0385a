"""Vessels on Sentinel-2: patches brighter than the water around them in the near infrared and in the red.

1. The water around each pixel: mean and spread of each band over about 280 m of water, outliers on both sides left
   out in three rounds. Sun glint, haze and swell raise the level, the spread or both, and with them the threshold.
2. A patch stands out in the near infrared, where water is darkest: all of it by 2.5 spreads, one pixel by 5 (two
   thresholds as in Canny 1986, IEEE TPAMI 8(6)) and 9 dB. dB are of the *brightness*: reflectance above the water,
   in units of NOISE (`brightness`).
3. A hull is what reaches a quarter of the patch's brightest tenth. That leaves out the wake, which is dark in the near
   infrared, and parts ships with water between them.
4. It must stand out in the red too (algae do not) and in the near infrared more than foam does, end within a pixel or
   two (clouds do not), and have the size of a ship of 30 m or more and the shape of a bar (breakwaters with a bend and
   rows of piles have not).
5. Without a reference, what lies along the shore is left out: the blur of a quay is bright as well. With one, it
   must be brighter than the empty state of its own pixels on this track, as on radar.

The short-wave infrared is not asked: at 20 m and about a second later, a small ship under way is hardly in it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from monitor.filters import blocks, box_mean, central_spread
from monitor.grid import Grid, Mask
from monitor.open_water import EIGHT, GREEN, LEAST_STEP, NIR, RED, SPREADS, Bands
from monitor.radiometry import Decibel, LinearPower, to_db
from monitor.reference import Background
from monitor.vessels.hulls import Patch, Vessel, measured
from monitor.vessels.optical_shape import ashore, sharp, ship_sized, slim

Array = NDArray[np.float32]

NOISE = np.float32(0.005)
"""Reflectance. About what atmosphere, swell and sensor leave uncertain over calm dark water."""

DARKEST = np.float32(0.3)
"""Of the brightness, -5 dB: darker than its water is all the same, slick, shadow or noise."""

BLOCK, WINDOW = 4, 7
"""Pixels of a block and blocks of a window: 28 pixels. Slicks and wind lanes are not much wider."""

ROUNDS = 3
CENSOR = 2.5
"""Spreads on either side, beyond which a pixel does not describe the water."""

LEAST_SPREAD = 0.003
"""Reflectance."""

Z, HULL_Z = 5.0, 2.5
"""Spreads over the water: of one pixel of a patch at least, and of all of them."""

WATER_SPREADS = 3.0
"""Water as bright as this many spreads over the median of the look is found anywhere in it: beside a dark slick it
stands out, but is water."""

HULL_SHARE = 0.25
"""Of the brightness of the patch's brightest tenth."""

FOAM = 0.6
"""Near infrared over green, both above the water: foam reflects 40 % less in the near infrared than in the visible
(Frouin et al. 1996, Journal of Geophysical Research 101), breaking waves with their bubbles less than that."""

RED_SHARE = 0.3
"""Red over near infrared, both above the water: plants stay below."""

OVER_EMPTY_DB = 5.0
OVER_DARKEST_DB = 8.0
FAR_OVER_EMPTY_DB = 9.0
"""As on radar: brightness behaves like it."""


@dataclass(frozen=True, kw_only=True)
class Around:
    """The water around each pixel in one band. Both of shape (height, width), NaN far from water."""

    level: Array
    """Reflectance."""

    spread: Array
    """Standard deviation of the reflectance."""


def water_around(values: Array, water: Mask) -> Around:
    """Mean and spread of the water around each pixel, bright and dark outliers left out."""
    use = water & np.isfinite(values)
    for _ in range(ROUNDS):
        count = blocks(use.astype(np.float32), BLOCK)
        some, safe = count > 0, np.maximum(count, np.float32(1))
        kept: Array = np.where(use, values, np.float32(0))
        first = box_mean(np.divide(blocks(kept, BLOCK), safe, dtype=np.float32), some, WINDOW)
        second = box_mean(np.divide(blocks(kept**2, BLOCK), safe, dtype=np.float32), some, WINDOW)
        spread = np.sqrt(np.maximum(second - first**2, LEAST_SPREAD**2))
        level, wide = _grown(first, values.shape), _grown(spread, values.shape)
        use = use & (np.abs(values - level) < CENSOR * wide)
    return Around(level=level, spread=wide)


def _grown(coarse: Array, shape: tuple[int, ...]) -> Array:
    return np.repeat(np.repeat(coarse, BLOCK, 0), BLOCK, 1)[: shape[0], : shape[1]]


def _plain(nir: Array, water: Mask) -> Mask:
    """The water that describes water: not touched by land, whose blur it holds, and not far brighter than the rest.

    A ship of 300 m fills a window so far that it would pass for the water in it.
    """
    inner: Mask = ndimage.binary_erosion(water, EIGHT, border_value=1) & np.isfinite(nir)
    if not inner.any():
        return inner
    sea = nir[inner]
    plain: Mask = inner & (nir <= np.median(sea) + max(SPREADS * central_spread(sea), LEAST_STEP))
    return plain


def _brightest_water(nir: Array, plain: Mask) -> float:
    """Reflectance; NaN in a look without water."""
    sea = nir[plain]
    return float(np.median(sea)) + WATER_SPREADS * central_spread(sea) if sea.size else float("nan")


def brightness(bands: Bands, water: Mask) -> LinearPower:
    """How bright each pixel is over the water of the look, as a ratio: (reflectance - water + NOISE) / NOISE.

    Near infrared; the water is that around the pixel or, far from any, the median of `water`. So haze and glint,
    which add to ships and water alike, drop out; 10 log10 of it is 0 dB on water, 5 dB at 0.011 and 13 dB at 0.1 of
    reflectance over it, and can be told to a reference as radar power with the sea at 0 dB. Never below -5 dB: what
    is darker than its water says nothing of ships. Shape (height, width); NaN where not seen, and everywhere in a
    look without water, as there is nothing to compare with.
    """
    return _brightness(bands[NIR], water, water_around(bands[NIR], _plain(bands[NIR], water)))


def _brightness(nir: Array, water: Mask, around: Around) -> LinearPower:
    sea = nir[water & np.isfinite(nir)]
    level = np.where(np.isfinite(around.level), around.level, np.median(sea) if sea.size else np.float32(np.nan))
    return LinearPower(np.maximum((nir - level) / NOISE + 1, DARKEST).astype(np.float32))


def detect(bands: Bands, water: Mask, grid: Grid, *, known: Background | None = None) -> list[Vessel]:
    """The vessels in an image.

    Args:
        bands: b03, b04 and b08 as reflectance; NaN where not seen or under cloud.
        water: True where a vessel may be, shape (height, width), ships included: `open_water`.
        grid: of the image.
        known: what `brightness` usually is on this track. None: fixed structures off the shore count as vessels,
            ships along the shore do not.

    `peak_db` of a vessel is 10 log10 of `brightness`. The errors are those of an evenly bright hull; a dark foredeck
    makes it shorter than it is.
    """
    plain = _plain(bands[NIR], water)
    around = water_around(bands[NIR], plain)
    level = to_db(_brightness(bands[NIR], water, around))
    over = {band: bands[band] - water_around(bands[band], plain).level for band in (GREEN, RED)}
    over[NIR] = bands[NIR] - around.level
    with np.errstate(invalid="ignore"):
        may = water & (over[NIR] > HULL_Z * around.spread)
        sure = may & (over[NIR] > Z * around.spread) & (bands[NIR] > _brightest_water(bands[NIR], plain))
        if known is not None:
            over_empty = level - known.empty
            berthed = known.shore & water & (over_empty > FAR_OVER_EMPTY_DB)
            unusual = ~(over_empty < OVER_EMPTY_DB) & ~(level - known.darkest < OVER_DARKEST_DB)
            may, sure = (may | berthed) & unusual, (sure | berthed) & unusual
    hulls = [hull for patch in _patches(may, sure, level) for hull in _hulls(patch, over)]
    found = [(hull, _vessel(hull, grid)) for hull in hulls if known is not None or not ashore(hull, water)]
    return [
        vessel
        for hull, vessel in found
        if ship_sized(hull, vessel, grid) and not slim(hull, vessel, over[NIR], grid) and sharp(hull, over[NIR], water)
    ]


def _vessel(hull: Patch, grid: Grid) -> Vessel:
    """The hull as a vessel, with the standard errors of an evenly bright hull.

    At a quarter of its brightness a hull ends about where it does before the blur, so nothing is taken off. Errors as
    found on 300 simulated ships of 50 to 320 m: half a pixel of length, half a pixel of width, and a heading that
    grows surer with the square of the length (3.6 degrees at 57 m, 0.5 at 165 m).
    """
    vessel, pixel = measured(hull, grid), grid.resolution
    heading_error = math.degrees(3 * (pixel / vessel.length_m) ** 2)
    return replace(
        vessel,
        area_error_m2=pixel / 2 * vessel.length_m,
        length_error_m=pixel / 2,
        heading_error_deg=math.nan if math.isnan(vessel.heading_deg) else heading_error,
    )


def _patches(may: Mask, sure: Mask, level: Decibel) -> list[Patch]:
    """Patches of `may` that hold a pixel of `sure`."""
    labels, _ = ndimage.label(may, EIGHT)
    return _parts(may & np.isin(labels, labels[sure]), level, labels)


def _parts(out: Mask, level: Decibel, labels: NDArray[np.integer], corner: tuple[int, int] = (0, 0)) -> list[Patch]:
    """A patch for each label. `corner`: row and column of the first pixel of the arrays in the image."""
    found = []
    for number, box in enumerate(ndimage.find_objects(labels), start=1):
        place = tuple(slice(s.start + c, s.stop + c) for s, c in zip(box, corner, strict=True))
        inside = (labels[box] == number) & out[box]
        if inside.any():
            found.append(Patch(box=(place[0], place[1]), inside=inside, contrast=level[box]))
    return found


def _hulls(patch: Patch, over: dict[str, Array]) -> list[Patch]:
    """The hulls of a patch, without wakes; one for each piece. Pieces of foam or plants are left out."""
    green, red, nir = (over[band][patch.box] for band in (GREEN, RED, NIR))
    bright = HULL_SHARE * np.percentile(nir[patch.inside], 90)
    labels, pieces = ndimage.label(patch.inside & (nir >= bright), EIGHT)
    solid = [n for n in range(1, pieces + 1) if _solid(*(values[labels == n] for values in (green, red, nir)))]
    corner = (patch.box[0].start, patch.box[1].start)
    return _parts(np.isin(labels, solid), Decibel(patch.contrast), labels, corner)


def _solid(green: Array, red: Array, nir: Array) -> bool:
    """True for neither foam nor plants, from the excess over the water of the pixels of a patch."""
    middle = float(np.median(nir))
    return bool(middle >= FOAM * np.median(green) and np.median(red) >= RED_SHARE * middle)
