"""What changed between two multi-band optical images of the same ground, with every threshold learnt on the images.

Three questions, one after the other:

1. Which pixels are surely unchanged? Each band of the second image is brought to the level and spread of the first
   over the pixels that differ least (pseudo-invariant features: Schott, Salvaggio & Volchok 1988, Remote Sensing of
   Environment 26(1)), and these are chosen anew until they stay the same. Plain IR-MAD weights fail here: with many
   bands they settle on the smoothest ground in the scene, the sea, and call all land changed.
2. How far is each pixel from what the unchanged ones explain? MAD variates with the covariances of those pixels
   (`irmad`), which haze, sun and calibration do not alter; their root mean square, smoothed 3 x 3.
3. How far is usual for such ground? Towns differ from look to look by shadows, parallax and half a pixel of shift,
   water hardly does. So the distance is divided by the median distance of pixels that are equally rough in the
   smoother of the two images. The score is thus "times the usual difference of such ground", and its logarithm is
   near enough to two normal classes for the minimum-error threshold.

A change of crops or of the tide is a change too: whether it matters is not for pixels to say.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from monitor.change.irmad import mad, usable
from monitor.filters import box_mean
from monitor.grid import Mask
from monitor.thresholds import minimum_error

Array = NDArray[np.float32]

UNCHANGED = 0.75
"""Share of the used pixels, those that differ least, that are taken to be unchanged."""

ROUNDS = 8
"""Of choosing them: after that hardly a pixel changes sides."""

SAMPLE = 200_000
"""Pixels, evenly taken, from which the normalisation is learnt: more do not sharpen ten gains and shifts."""

SMOOTH = 3
"""Pixels: side of the window in which the score is averaged, and in which roughness is measured."""

NEIGHBOURHOOD = 9
"""Pixels: side of the window that tells which kind of ground a pixel belongs to."""

KINDS = 16
"""Classes of roughness with equally many pixels; between them the usual difference is interpolated."""

LEAST = 1.75
"""Times the usual difference: the threshold never lies lower, also where nothing changed and there is none to find."""

SURE = 1.25
"""Times the threshold, which a patch must reach somewhere."""

OWN = 0.5
"""Times the threshold, which a pixel of a patch must reach before smoothing: the window widens patches by a pixel."""

NOTHING = 0.01
"""Standard deviations of unchanged ground, and times the usual difference: less is rounding, as between copies."""


@dataclass(frozen=True, kw_only=True)
class Compared:
    """Two images compared."""

    mask: Mask
    """Shape (height, width). True = changed; False also where not used."""

    score: Array
    """Shape (height, width). Times the usual difference of such ground; NaN where not used."""

    threshold: float
    """Scores above it belong to changed patches, if one of the patch is above SURE times it."""


def changed(before: Array, after: Array, use: Mask) -> Compared:
    """Compare two images of the same ground, band by band.

    Args:
        before: shape (bands, height, width): reflectance, radiance or counts, linear in the signal.
        after: the same bands on the same grid; units may differ.
        use: shape (height, width). True for pixels clear in both; those with a NaN in any band are left out too.

    Raises:
        ValueError: the shapes differ, or fewer than 20 pixels for each band can be used.
    """
    use = usable(before, after, use)
    first, second = _standardised(before, use), _standardised(after, use)
    distance = np.sqrt(mad(first, second, use, _unchanged(first, second, use)).chi2 / np.float32(len(before)))
    rough = np.minimum(_roughness(first, use), _roughness(second, use))
    smooth = box_mean(distance, use, SMOOTH)
    usual = _usual(smooth, box_mean(rough, use, NEIGHBOURHOOD), use)
    return _cut(smooth / usual, distance / usual)


def _standardised(image: Array, use: Mask) -> Array:
    """Each band with mean 0 and variance 1 over the used pixels, 0 elsewhere; a constant band is 0."""
    out = np.zeros(image.shape, np.float32)
    for made, band in zip(out, image, strict=True):
        values = band[use].astype(np.float64)
        made[use] = (values - values.mean()) / (values.std() or 1.0)
    return out


def _unchanged(first: Array, second: Array, use: Mask) -> Mask:
    """The share of the used pixels that differ least, once the bands are normalised over these very pixels."""
    a, b = first[:, use], second[:, use]
    step = max(1, a.shape[1] // SAMPLE)
    some_a, some_b = a[:, ::step].copy(), b[:, ::step].copy()
    kept = np.ones(some_a.shape[1], bool)
    for _ in range(ROUNDS):
        gain, shift = _normalisation(some_a[:, kept], some_b[:, kept])
        distance = _square_distance(some_a, some_b, gain, shift)
        limit = np.quantile(distance, UNCHANGED)
        kept = distance <= limit
    unchanged: Mask = np.zeros(use.shape, bool)
    unchanged[use] = _square_distance(a, b, gain, shift) <= limit
    return unchanged


def _normalisation(a: Array, b: Array) -> tuple[Array, Array]:
    """Gain and shift of each band that give `b` the mean and spread of `a`; shapes (bands,). Gain 0: a constant `b`."""
    spread = b.std(axis=1, dtype=np.float64)
    gain = np.divide(a.std(axis=1, dtype=np.float64), spread, out=np.zeros(len(a)), where=spread > 0)
    shift = a.mean(axis=1, dtype=np.float64) - gain * b.mean(axis=1, dtype=np.float64)
    return gain.astype(np.float32), shift.astype(np.float32)


def _square_distance(a: Array, b: Array, gain: Array, shift: Array) -> Array:
    """Squared distance of each pixel of `a` from the normalised `b`, summed over the bands."""
    total = np.zeros(a.shape[1], np.float32)
    for x, y, times, plus in zip(a, b, gain, shift, strict=True):
        off = y * times
        off += plus
        off -= x
        off *= off
        total += off
    return total


def _roughness(image: Array, use: Mask) -> Array:
    """Local standard deviation over all bands (root of the summed variances). Shape (height, width)."""
    total = np.zeros(use.shape, np.float32)
    for band in image:
        total += np.maximum(box_mean(band**2, use, SMOOTH) - box_mean(band, use, SMOOTH) ** 2, np.float32(0))
    root: Array = np.sqrt(total)
    return root


def _usual(distance: Array, rough: Array, use: Mask) -> Array:
    """The median distance of pixels as rough, in the same unit; NaN where not used."""
    values, roughness = distance[use], rough[use]
    kinds = np.array_split(np.argsort(roughness), KINDS)
    at = [float(np.median(roughness[kind])) for kind in kinds]
    medians = np.interp(roughness, at, [float(np.median(values[kind])) for kind in kinds])
    usual = np.full(use.shape, np.nan, np.float32)
    usual[use] = np.maximum(medians, NOTHING)
    return usual


def _cut(score: Array, own: Array) -> Compared:
    """Patches above the threshold, which somewhere are well above it. `own`: the score before smoothing."""
    threshold = max(float(np.exp(minimum_error(np.log(np.maximum(score, np.float32(NOTHING)))))), LEAST)
    labels, count = ndimage.label((score > threshold) & (own > OWN * threshold), np.ones((3, 3)))
    sure = np.zeros(count + 1, bool)
    sure[labels[score > SURE * threshold]] = True
    sure[0] = False
    return Compared(mask=sure[labels], score=score, threshold=threshold)
