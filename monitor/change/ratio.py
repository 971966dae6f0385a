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

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from monitor.change.discoveries import FisherRatio, Student, unlikely
from monitor.change.scatter import Lent, Scatter, chance, drawn, lent, logs
from monitor.filters import BAND, Array, box_of, central_spread, looks_of_spread, parts, thinned
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
Pixels = tuple[NDArray[np.intp], NDArray[np.intp]]


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
    ratio = compared.ratio()
    spread, own = central_spread(ratio), compared.weather()
    ratio, law = compared.against(ratio, own, around)
    cores, alone = unlikely(ratio, law, Q)
    up, down = ratio >= LEAST_DB / DB, ratio <= -LEAST_DB / DB
    return Changed(
        brighter=_patches(compared, cores & up, alone & up, use.shape),
        darker=_patches(compared, cores & down, alone & down, use.shape),
        looks=looks_of_spread(max(spread, LEAST_SPREAD)),
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
        ratio, law = compared.against(compared.ratio(), compared.weather(), around)
        image[compared.box][compared.here] = law.p(ratio, np.arange(ratio.size))
    return image


@dataclass(frozen=True, kw_only=True)
class _Compared:
    """The pixels of a zone beside their reference. The images are cut to the box and are the state's own, no copies."""

    box: Box
    here: Mask
    """Shape of the box. True for the pixels compared."""

    size: int
    """How many they are."""

    smooth: Array
    reference: Reference
    scatter: Scatter | None

    def ratio(self) -> Array:
        """ln(power of the look / reference) of the pixels compared, shape (size,)."""
        mean = self.reference.mean[self.box]

        def of(rows: slice, here: Pixels) -> Array:
            look, usual = (np.maximum(image[rows][here], FLOOR) for image in (self.smooth, mean))
            return np.log(look) - np.log(usual)

        return self._gathered(of)

    def weather(self) -> Weather:
        """What all have in common."""
        thin = thinned(self.size)
        usual = np.float32(1) if self.scatter is None else self._usual(self.scatter, thin)
        ratio = self.ratio()
        left = ratio[::thin].copy()
        shift = float(np.median(ratio, overwrite_input=True))
        left -= np.float32(shift)
        left /= usual
        return Weather(shift=shift, spread=max(central_spread(left), LEAST_SPREAD))

    def against(self, ratio: Array, own: Weather, around: Weather | None) -> tuple[Array, Student | FisherRatio]:
        """The log-ratios less what all have in common, and the law they follow where nothing changed."""
        day = around or own
        # a zone that parts from all around it by what counts as change in a pixel is not under other weather
        shift = own.shift if abs(own.shift - day.shift) < LEAST_DB / DB else day.shift
        ratio = ratio - np.float32(shift)
        if self.scatter is None:
            return ratio, FisherRatio(looks=looks_of_spread(day.spread), mean_of=max(self.reference.looks, 1))
        # a day on which all pixels scatter more than they use to, or less, makes none of them special
        usual, count, degrees = self._usual(self.scatter), self.scatter.count[self.box], self._lent.degrees
        freedom = self._gathered(lambda rows, here: np.minimum(count[rows][here], MEMORY) + degrees)
        return ratio, Student(scale=usual * np.float32(day.spread), freedom=freedom)

    def _usual(self, scatter: Scatter, thin: int = 1) -> Array:
        """Usual standard deviation of every so many-th pixel."""
        square, count, seen = scatter.square[self.box], scatter.count[self.box], self.reference.seen[self.box]

        def of(rows: slice, here: Pixels) -> Array:
            variance = drawn(square[rows][here], count[rows][here], self._lent)
            return np.sqrt(variance * (1 + 1 / np.minimum(seen[rows][here], MEMORY).astype(np.float32)))

        return self._gathered(of, thin)

    @cached_property
    def _lent(self) -> Lent:
        """What the pixels lend to each other; only with a scatter."""
        if self.scatter is None:
            raise ValueError("without a scatter nothing is lent")
        square, count = self.scatter.square[self.box], self.scatter.count[self.box]
        by_chance = float(self._gathered(lambda rows, here: chance(count[rows][here])).mean(dtype=np.float64))
        return lent(self._gathered(lambda rows, here: logs(square[rows][here], count[rows][here])), by_chance)

    def _gathered(self, of: Callable[[slice, Pixels], NDArray[np.floating]], thin: int = 1) -> Array:
        """The value of every so many-th pixel compared, made from a few rows at a time; shape (size / thin,)."""
        values: Array = np.empty(-(-self.size // thin), np.float32)
        height, width = self.here.shape
        before = done = 0
        for rows in parts(height, max(1, BAND // width)):
            down, across = np.nonzero(self.here[rows])
            mine = slice(-before % thin, None, thin)
            before += down.size
            made = of(rows, (down[mine], across[mine]))
            values[done : done + made.size] = made
            done += made.size
        return values


def _compared(smooth: LinearPower, reference: Reference, use: Mask, scatter: Scatter | None) -> _Compared | None:
    box = box_of(use)
    if box is None:
        return None
    here: Mask = use[box] & np.isfinite(smooth[box])
    here &= reference.seen[box] >= LEAST_SEEN
    here &= reference.mean[box] > 0
    if scatter is not None:
        here &= scatter.count[box] > 0
    size = int(here.sum())
    if size < LEAST_SAMPLE:
        return None
    return _Compared(box=box, here=here, size=size, smooth=smooth[box], reference=reference, scatter=scatter)


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
