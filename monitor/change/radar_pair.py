"""What changed between two radar images of the same ground, when neither calibration nor a history is at hand.

1. The speckle of each image is measured in itself, and both are smoothed by one Gaussian window just so far that the
   speckle left in their log-ratio is SPECKLE_DB, whether they had one look or eight, or one and four.
2. The log-ratio is smoothed once more by total variation (Rudin, Osher & Fatemi 1992, Physica D 60), which flattens
   what is left inside areas and leaves their borders. Its upper level sets are the exact solutions of the two-class
   Markov random field (Potts) with the same length penalty, one for each threshold (Chambolle 2004, J. Math. Imaging
   Vis. 20): so a threshold on it is a map already regularised in space.
3. Unchanged ground is what the densest half of the pixels say (the shortest interval that holds half of them,
   Rousseeuw 1984, JASA 79): its middle is the common shift between the images, its width the spread. A minority of
   changed pixels moves neither, other than a mean or a median.
4. The threshold lies half-way between the unchanged and the mean of the changed, as in two-means, but never within
   CLEAR spreads of the unchanged. Otsu's cut goes through the middle of the noise when few pixels changed; this does
   not. A patch counts if it comes SURE times that far somewhere (hysteresis, Canny 1986, IEEE PAMI 8(6)).

Brightness of a whole image (calibration, rain, wind) is divided out. What is unlike is told, not why: a harvest or
another water level is a change as well.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.restoration import denoise_tv_chambolle

from monitor.filters import Array, box_mean
from monitor.grid import Mask

SPECKLE_DB = 1.3
"""Standard deviation of the speckle left in the log-ratio by the first smoothing."""

LENGTH = 4 / 3
"""Weight of total variation, in units of the speckle left."""

CLEAR = 3.0
"""Spreads of the unchanged within which nothing counts as changed."""

SURE = 1.4
"""Times the threshold that a patch must reach in one pixel at least."""

STEPS = 255
"""Steps of grey between zero and the bright end of an 8-bit image. One is added to every value: darker is black."""

LOCAL = 7
"""Pixels: window in which the ground is taken as even to measure speckle."""

ROUNDS = 20
LEAST_PIXELS = 100
SAMPLE = 20_000
"""Pixels from which the unchanged is described: that many give its spread to 1 %."""

LN_PER_DB = float(np.log(10) / 20)
"""ln(amplitude) per dB."""


@dataclass(frozen=True, kw_only=True)
class PairChange:
    """How the second image of a pair differs from the first."""

    shift: Array
    """Shape (height, width). Smoothed ln(amplitude after / before), less that of unchanged ground; NaN = not seen
    in both."""

    threshold: float
    """|shift| beyond which a patch reaches; infinite if nothing can be said."""

    changed: Mask
    """True where the images differ. Shape (height, width)."""

    @property
    def brighter(self) -> Mask:
        """True where the second image is brighter. Shape (height, width)."""
        return self.changed & (self.shift > 0)

    @property
    def darker(self) -> Mask:
        """True where the second image is darker. Shape (height, width)."""
        return self.changed & (self.shift < 0)

    @property
    def score(self) -> Array:
        """Higher = more likely changed. Shape (height, width)."""
        return np.abs(self.shift)


def changed(before: NDArray[np.generic], after: NDArray[np.generic]) -> PairChange:
    """Where two radar images of the same ground differ.

    Args:
        before: amplitude on one grid, shape (height, width), integers or floats in any unit, >= 0; NaN = not
            seen. Of calibrated power give the square root.
        after: the same, later.

    Raises:
        ValueError: the shapes differ or are not two-dimensional.
    """
    if before.shape != after.shape or before.ndim != 2:
        msg = f"a pair of images on one grid is needed, not of shapes {before.shape} and {after.shape}"
        raise ValueError(msg)
    use = np.isfinite(before) & np.isfinite(after)
    if use.sum() < LEAST_PIXELS:
        nothing = np.full(before.shape, np.nan, np.float32)
        return PairChange(shift=nothing, threshold=float("inf"), changed=np.zeros(before.shape, bool))
    images = [_in_steps(image, use) for image in (before, after)]
    noise = float(np.linalg.norm([_speckle(np.log(image), use) for image in images]))
    left = min(noise, SPECKLE_DB * LN_PER_DB)
    # the mean over a Gaussian window of standard deviation s is that over 4 pi s^2 pixels
    sigma = noise / max(left, 1e-6) / np.sqrt(4 * np.pi)
    first, second = (_smooth(image, use, sigma) for image in images)
    log_ratio = np.where(use, np.log(second) - np.log(first), np.float32(np.nan))
    middle, _ = densest_half(log_ratio[use])
    flat = denoise_tv_chambolle(np.where(use, log_ratio - middle, 0), weight=LENGTH * left, eps=1e-4)
    threshold = _cut(flat[use])
    shift = np.where(use, flat, np.nan).astype(np.float32)
    return PairChange(shift=shift, threshold=threshold, changed=_patches(np.abs(shift), threshold))


def _in_steps(image: NDArray[np.generic], use: Mask) -> Array:
    """Amplitude in steps of grey below the bright end, from 1 up; 1 where not used."""
    values = np.where(use, image, 0).astype(np.float32)
    bright = float(np.percentile(values[use], 99.9))
    scale = STEPS / bright if bright > 0 else 1.0
    return np.add(np.maximum(values, 0) * np.float32(scale), 1, dtype=np.float32)


def _speckle(log: Array, use: Mask) -> float:
    """Standard deviation of ln(amplitude) over even ground: the median of the local ones."""
    mean = box_mean(log, use, LOCAL)
    variance = box_mean(log**2, use, LOCAL) - mean**2
    return float(np.sqrt(max(float(np.median(variance[use])), 0.0)))


def _smooth(image: Array, use: Mask, sigma: float) -> Array:
    """Mean of the used pixels in a Gaussian window; 1 where none."""
    share = ndimage.gaussian_filter(use.astype(np.float32), sigma, truncate=3, mode="constant")
    total = ndimage.gaussian_filter(np.where(use, image, np.float32(0)), sigma, truncate=3, mode="constant")
    smooth: Array = np.divide(total, share, out=np.ones_like(image), where=share > 1e-6)
    return smooth


def densest_half(values: NDArray[np.floating]) -> tuple[float, float]:
    """Middle and standard deviation of a normal sample from the shortest interval that holds half of it."""
    ordered = np.sort(values[:: max(1, values.size // SAMPLE)])
    half = ordered.size // 2
    widths = ordered[half:] - ordered[: ordered.size - half]
    start = int(np.argmin(widths))
    return float(ordered[start] + ordered[start + half]) / 2, float(widths[start]) / 1.349


def _cut(shift: NDArray[np.floating]) -> float:
    """The distance from 0, where the unchanged lie, beyond which a value is changed."""
    score = np.abs(shift)
    _, spread = densest_half(shift)
    threshold = CLEAR * spread
    for _ in range(ROUNDS):
        beyond = score > threshold
        if not beyond.any():
            break
        _, spread = densest_half(shift[~beyond])
        before, threshold = threshold, max(CLEAR * spread, float(score[beyond].mean()) / 2)
        if abs(threshold - before) < 1e-4:
            break
    return threshold


def _patches(score: Array, threshold: float) -> Mask:
    """Pixels beyond the threshold that hang together with one well beyond it."""
    labels, count = ndimage.label(score > threshold, np.ones((3, 3)))
    sure = np.zeros(count + 1, bool)
    sure[labels[score > SURE * threshold]] = True
    kept: Mask = sure[labels]
    return kept
