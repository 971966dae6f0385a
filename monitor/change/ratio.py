"""Area that changed against what the track usually shows: a ratio test with the false discoveries held down.

Both images are multilooked 3 x 3 first, which makes neighbours alike: the equivalent looks are about 20, not 9 times
those of a pixel. A pixel is best compared with its own history (`scatter`): its log-ratio to the reference over its own
usual spread, under Student's t. Where that is not at hand, one law holds for all: for gamma speckle of L equivalent
looks the ratio to a mean of n looks follows Fisher's F(2L, 2nL) where nothing changed (Conradsen et al. 2016, IEEE
TGRS 54(5), for two dates). L must hold all that moves the ground from date to date, not speckle alone, which would
reject 2 to 30 times too often on land: so it is that which has the spread of the log-ratio seen on the day.

The shift common to a zone is divided out and told beside: rain, wind and calibration brighten a zone as a whole, and
that is a matter of `backscatter_db`, not of changed ground. Shift and spread of the day are better taken from the
ground around (`weather`) than from the zone: a yard of which more than half changes would hide its own change.

Among the pixels rejected the share of false discoveries is held below Q (`discoveries`). They are the cores of patches;
what hangs together with a core and is unlikely by itself, at Q, belongs to the patch. Pixels at the rim of a change are
mixed and would be lost otherwise, one in three of a square of 8 x 8.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from monitor.change.discoveries import FisherRatio, Student, unlikely
from monitor.change.scatter import Scatter, squeezed
from monitor.filters import Array, central_spread, looks_of_spread
from monitor.grid import Grid, Mask
from monitor.radiometry import FLOOR, LinearPower
from monitor.reference import LEAST_SEEN, MEMORY, Reference

Q = 0.01
"""Share of false discoveries allowed among the cores; probability, nothing changed, of a pixel around a core."""

LEAST_DB = 3.0
"""A pixel that changed by less is not counted, however sure: half or double the power."""

LEAST_PIXELS = 6
"""Connected pixels: single ones are left-over speckle, which the 3 x 3 window makes up to 9 wide."""

LEAST_SAMPLE = 50
"""Pixels without which no spread can be told."""

LEAST_SPREAD = 1e-3

DB = float(10 / np.log(10))
"""dB of a natural logarithm of power."""

Box = tuple[slice, slice]


@dataclass(frozen=True, kw_only=True)
class Weather:
    """What moved the ground as a whole on the day of a look."""

    shift: float
    """Median ln(power of the look / reference)."""

    spread: float
    """Standard deviation of what is left: of ln(power), or, with a scatter, in units of each pixel's usual spread."""


@dataclass(frozen=True, kw_only=True)
class Changed:
    """Pixels of a zone unlike their reference."""

    brighter: Mask
    """Shape (height, width)."""

    darker: Mask
    """Shape (height, width)."""

    looks: float
    """Equivalent number of looks found in this zone and look after multilooking: what speckle and land do together."""

    common_db: float
    """dB by which the zone as a whole is brighter than its reference."""

    def area_m2(self, grid: Grid) -> float:
        """Ground area of both, m2."""
        return self.brighter_m2(grid) + self.darker_m2(grid)

    def brighter_m2(self, grid: Grid) -> float:
        """Ground area that became brighter, m2."""
        return float(self.brighter.sum()) * grid.pixel_area_m2

    def darker_m2(self, grid: Grid) -> float:
        """Ground area that became darker, m2."""
        return float(self.darker.sum()) * grid.pixel_area_m2


def weather(smooth: LinearPower, reference: Reference, use: Mask, scatter: Scatter | None = None) -> Weather | None:
    """What a look does to ground that is not expected to change; None if fewer than 50 pixels can tell.

    Arguments as for `changed`; `use`: True for pixels of the same kind as the zone, in it and around it: land with
    land, water with water.
    """
    compared = _compared(smooth, reference, use, scatter)
    return None if compared is None else compared.weather()


def changed(
    smooth: LinearPower,
    reference: Reference,
    use: Mask,
    scatter: Scatter | None = None,
    around: Weather | None = None,
) -> Changed | None:
    """What changed among the used pixels; None if fewer than 50 of them have a reference.

    Args:
        smooth: linear power of the look, multilooked 3 x 3 as the reference is; NaN = not seen.
        reference: of the track.
        use: True for the pixels of the zone that may be used.
        scatter: how far each pixel usually is from the reference; None: as far as all on the day.
        around: the weather of the look, got with the same scatter; None: that of the zone itself.
    """
    compared = _compared(smooth, reference, use, scatter)
    if compared is None:
        return None
    ratio, law = compared.against(around)
    cores, alone = unlikely(ratio, law, Q)
    up, down = ratio >= LEAST_DB / DB, ratio <= -LEAST_DB / DB
    own = compared.weather()
    return Changed(
        brighter=_patches(compared, cores & up, alone & up, use.shape),
        darker=_patches(compared, cores & down, alone & down, use.shape),
        looks=looks_of_spread(max(central_spread(compared.ratio), LEAST_SPREAD)),
        common_db=own.shift * DB,
    )


def p_values(
    smooth: LinearPower,
    reference: Reference,
    use: Mask,
    scatter: Scatter | None = None,
    around: Weather | None = None,
) -> NDArray[np.float64]:
    """Probability of a log-ratio as large where nothing changed, of each pixel by itself.

    Arguments as for `changed`; shape (height, width), NaN where nothing is compared.
    """
    image = np.full(use.shape, np.nan)
    compared = _compared(smooth, reference, use, scatter)
    if compared is not None:
        ratio, law = compared.against(around)
        image[compared.box][compared.here] = law.p(ratio, np.arange(ratio.size))
    return image


@dataclass(frozen=True, kw_only=True)
class _Compared:
    """Log-ratios of the pixels of a zone."""

    box: Box
    here: Mask
    """Shape of the box. True for the pixels compared."""

    ratio: Array
    """ln(power of the look / reference), shape (pixels,)."""

    looks: int
    """Of the reference."""

    usual: Array | None
    """Usual standard deviation of each, shape (pixels,)."""

    freedom: Array | None
    """Degrees of freedom of each usual deviation."""

    def weather(self) -> Weather:
        shift = float(np.median(self.ratio))
        left = self.ratio - np.float32(shift)
        if self.usual is not None:
            left /= self.usual
        return Weather(shift=shift, spread=max(central_spread(left), LEAST_SPREAD))

    def against(self, around: Weather | None) -> tuple[Array, Student | FisherRatio]:
        """The log-ratios less what all have in common, and the law they follow where nothing changed."""
        own = self.weather()
        day = around or own
        # a zone that parts from all around it by what counts as change in a pixel is not under other weather
        shift = own.shift if abs(own.shift - day.shift) < LEAST_DB / DB else day.shift
        ratio = self.ratio - np.float32(shift)
        if self.usual is not None and self.freedom is not None:
            # a day on which all pixels scatter more than they use to, or less, makes none of them special
            return ratio, Student(scale=self.usual * np.float32(day.spread), freedom=self.freedom)
        return ratio, FisherRatio(looks=looks_of_spread(day.spread), mean_of=max(self.looks, 1))


def _compared(smooth: LinearPower, reference: Reference, use: Mask, scatter: Scatter | None) -> _Compared | None:
    box = _box_of(use)
    if box is None:
        return None
    seen = reference.seen[box]
    here = use[box] & np.isfinite(smooth[box]) & (seen >= LEAST_SEEN) & (reference.mean[box] > 0)
    if scatter is not None:
        here &= scatter.count[box] > 0
    if here.sum() < LEAST_SAMPLE:
        return None
    ratio = np.log(np.maximum(smooth[box][here], FLOOR)) - np.log(np.maximum(reference.mean[box][here], FLOOR))
    usual = freedom = None
    if scatter is not None:
        count = scatter.count[box][here]
        variance, lent = squeezed(scatter.square[box][here], count)
        usual = np.sqrt(variance * (1 + 1 / np.minimum(seen[here], MEMORY).astype(np.float32)))
        freedom = (np.minimum(count, MEMORY) + lent).astype(np.float32)
    return _Compared(box=box, here=here, ratio=ratio, looks=reference.looks, usual=usual, freedom=freedom)


def _box_of(use: Mask) -> Box | None:
    rows, columns = np.flatnonzero(use.any(axis=1)), np.flatnonzero(use.any(axis=0))
    if not rows.size:
        return None
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _patches(compared: _Compared, cores: Mask, possible: Mask, shape: tuple[int, ...]) -> Mask:
    """Connected possible pixels that hold a core and are enough; shape (height, width)."""
    whole: Mask = np.zeros(shape, bool)
    if cores.any():
        image: NDArray[np.int8] = np.zeros(compared.here.shape, np.int8)
        image[compared.here] = possible.astype(np.int8) + cores
        labels, count = ndimage.label(image > 0)
        kept = np.zeros(count + 1, bool)
        kept[labels[image > 1]] = True
        whole[compared.box] = (kept & (np.bincount(labels.ravel()) >= LEAST_PIXELS))[labels]
    return whole
