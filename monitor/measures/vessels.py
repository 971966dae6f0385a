"""Vessels on radar: bright patches that stand out of the sea around them and of what the pixel always shows.

1. The sea around each pixel: mean and spread of ln(power) over about 600 m of water, bright pixels left out in three
   rounds (a censored two-parameter CFAR on lognormal clutter; Goldstein 1973, "False-alarm regulation in log-normal
   and Weibull clutter"; censoring after Barboy et al. 1986).
2. A pixel stands out if its z-score passes the wanted false-alarm rate AND it is 5 dB over its sea.
3. It counts as a vessel only if it is also brighter than the empty state of the same pixel on the same track:
   quays, breakwaters, cranes and buoys vanish, ships at berth remain. Near the shore, where quays and wind shadows
   spoil the description of the sea, being far brighter than the empty state is enough.
4. And it must be 8 dB over the darkest that the pixel has ever been: a breakwater scatters the same in any wind, so
   beside a calm sea it stands out more than usual, but not of itself.
5. Patches are joined over gaps of one pixel, parted where hulls touch, and must have a ship's area.

10 m pixels do not part ships lying side by side: a patch is a patch, `vessel_area_m2` is the safer number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage import morphology, segmentation

from monitor.filters import blocks, box_mean, central_spread, looks_of_spread, multilook
from monitor.grid import Grid, Mask
from monitor.radiometry import FLOOR, Decibel, LinearPower, to_db
from monitor.reference import WATER_BELOW, Background

BLOCK = 4
"""Pixels: the sea is described on blocks this wide, it changes slowly."""

WINDOW = 15
"""Blocks: 60 pixels, 600 m at 10 m."""

ROUNDS = 3
CENSOR = 2.0
"""Standard deviations: brighter pixels do not describe the sea."""

LEAST_SPREAD = 0.12
"""Of ln(power), about 0.5 dB: filtered data are smoother than any sea is even."""

Z = 5.2
"""Standard normal quantile of a false-alarm rate of 1e-7 a pixel."""

CONTRAST_DB = 5.0
"""Ships are brighter than this over any sea in which they can be seen at all."""

PEAK_DB = 8.0
"""The brightest pixel of a patch."""

OVER_EMPTY_DB = 5.0
"""Over the empty state of the pixel: structures swing by 1 to 3 dB between looks."""

OVER_DARKEST_DB = 8.0
"""Over the darkest the pixel has been: a breakwater beside a calm sea stands out of the sea, but not of itself."""

FAR_OVER_EMPTY_DB = 9.0
"""Pixels this far over their empty state do not describe the sea; less may be a gust."""

LEAST_AREA_M2 = 500.0
LARGEST_AREA_M2 = 60_000.0
"""Three of the largest ships abreast."""

SADDLE_DB = 3.0
GHOST_PEAK_DB = 13.0
"""Ghosts of the strongest targets stay below this over a calm sea."""

GHOST_LEVEL_DB = (3.5, 12.0)
""" dB over the sea: level that such a place exceeds on every tenth look."""

FEW_LOOKS = 12.0
"""Data with fewer equivalent looks are multilooked 3 x 3 first."""


@dataclass(frozen=True, kw_only=True)
class Vessel:
    """A patch that was taken for a vessel, or several side by side."""

    row: float
    """Centre, weighted by brightness, in pixels of the grid."""

    column: float
    area_m2: float
    length_m: float
    """Long axis: four times the standard deviation of its pixels along it (exact for a thin uniform bar: sqrt(12));
    too long by about one resolution cell (20 m)."""

    peak_db: float
    """Brightest pixel over its sea, dB."""

    box: tuple[int, int, int, int]
    """Rows and columns: first, first, last + 1, last + 1."""


@dataclass(frozen=True, kw_only=True)
class Sea:
    """The water around each pixel."""

    mean: NDArray[np.float32]
    """Of ln(power), shape (height, width); NaN far from water."""

    spread: NDArray[np.float32]
    """Standard deviation of ln(power), shape (height, width)."""


def sea_level_db(power: LinearPower, water: Mask) -> float:
    """Level of the open sea in a look, dB: the 30th percentile of the seen pixels of `water`.

    Lower than the median on purpose: a drawn water zone may hold quays and ships. NaN without a seen pixel.
    """
    values = power[water & np.isfinite(power)]
    return (
        float(to_db(LinearPower(np.percentile(values, [30.0]).astype(np.float32)))[0]) if values.size else float("nan")
    )


def ready(power: LinearPower, water: Mask) -> LinearPower:
    """The power to detect in: as it is, or multilooked 3 x 3 where speckle is strong.

    Speckle is judged by the difference of ln(power) between water pixels 8 columns apart: far enough to be
    independent, near enough to share the same wind.
    """
    log = np.log(np.maximum(np.where(water, power, np.float32(np.nan)), FLOOR))
    steps = log[:, 8:] - log[:, :-8]
    steps = steps[np.isfinite(steps)]
    if steps.size < 100 or looks_of_spread(central_spread(steps) / np.sqrt(2)) >= FEW_LOOKS:
        return power
    return multilook(power)


def _grown(coarse: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.float32]:
    return np.repeat(np.repeat(coarse, BLOCK, 0), BLOCK, 1)[: shape[0], : shape[1]]


def sea_around(power: LinearPower, water: Mask) -> Sea:
    """Mean and spread of ln(power) of the water around each pixel, bright targets left out."""
    use = water & np.isfinite(power)
    log = np.log(np.maximum(np.where(use, power, np.float32(1)), FLOOR))
    for _ in range(ROUNDS):
        count = blocks(use.astype(np.float32), BLOCK)
        some = count > 0
        safe = np.maximum(count, np.float32(1))
        kept: NDArray[np.float32] = np.where(use, log, np.float32(0))
        first = box_mean(np.divide(blocks(kept, BLOCK), safe, dtype=np.float32), some, WINDOW)
        second = box_mean(np.divide(blocks(kept**2, BLOCK), safe, dtype=np.float32), some, WINDOW)
        spread = np.sqrt(np.maximum(second - first**2, LEAST_SPREAD**2))
        mean, wide = _grown(first, log.shape), _grown(spread, log.shape)
        use = use & (log < mean + CENSOR * wide)
    # leaving out the upper 2.3 % of a normal sample lowers its spread by a factor of 0.94
    return Sea(mean=mean, spread=wide / np.float32(0.94))


def standing_out(power: LinearPower, water: Mask, sea: Sea) -> tuple[Mask, Decibel]:
    """Pixels brighter than their sea allows, and the brightness over it in dB. Shapes (height, width)."""
    log = np.log(np.maximum(power, FLOOR))
    over = log - sea.mean
    contrast = Decibel((over * np.float32(10 / np.log(10))).astype(np.float32))
    with np.errstate(invalid="ignore"):
        out = water & (over > Z * sea.spread) & (contrast > CONTRAST_DB)
    return out, contrast


def detect(
    power: LinearPower, water: Mask, known: Background | None, grid: Grid, *, sea_db: float | None = None
) -> list[Vessel]:
    """The vessels in a look.

    Args:
        power: linear power, NaN = not seen, shape (height, width).
        water: True where a vessel may be, shape (height, width).
        known: what the track usually shows. None: fixed structures are counted as vessels.
        grid: of the AOI.
        sea_db: level of the sea in this look, as it was told to the reference. None: that of `water`.
    """
    sea_db = sea_level_db(power, water) if sea_db is None else sea_db
    clear = ready(power, water)
    if known is None:
        out, contrast = standing_out(clear, water, sea_around(clear, water))
        return [_vessel(patch, grid) for patch in patches(out, contrast, grid)]
    level = to_db(clear)
    over_empty = Decibel(level - np.float32(sea_db) - known.empty)
    with np.errstate(invalid="ignore"):
        calm = water & ~(known.empty > WATER_BELOW) & ~(over_empty > FAR_OVER_EMPTY_DB)
        out, contrast = standing_out(clear, water, sea_around(clear, calm))
        berthed = known.shore & water & (over_empty > FAR_OVER_EMPTY_DB) & (contrast > CONTRAST_DB)
        out = ((out & ~(over_empty < OVER_EMPTY_DB)) | berthed) & ~(level - known.darkest < OVER_DARKEST_DB)
    return [_vessel(p, grid) for p in patches(out, contrast, grid) if not _recurs(p, known)]


@dataclass(frozen=True, kw_only=True)
class Patch:
    """A connected set of pixels."""

    box: tuple[slice, slice]
    inside: Mask
    """True for the pixels of the patch; shape of `box`."""

    contrast: NDArray[np.float32]
    """dB over the sea, shape of `box`."""

    @property
    def peak_db(self) -> float:
        """Brightest pixel over its sea, dB."""
        return float(self.contrast[self.inside].max())

    def area_m2(self, grid: Grid) -> float:
        """Ground area, m2."""
        return float(self.inside.sum()) * grid.pixel_area_m2


def patches(out: Mask, contrast: Decibel, grid: Grid) -> list[Patch]:
    """Patches of True, joined over gaps of one pixel, of at least 500 m2 and 8 dB, parted where hulls touch.

    Patches too large for any ship are wind, rain or land, and are left out.
    """
    joined = ndimage.binary_closing(np.pad(out, 1), np.ones((3, 3), bool))[1:-1, 1:-1]
    labels, _ = ndimage.label(joined, np.ones((3, 3)))
    labels[~out] = 0
    found: list[Patch] = []
    for number, found_box in enumerate(ndimage.find_objects(labels), start=1):
        box = (found_box[0], found_box[1])
        whole = Patch(box=box, inside=labels[box] == number, contrast=contrast[box])
        if whole.area_m2(grid) <= LARGEST_AREA_M2:
            found.extend(_parted(whole))
    return [p for p in found if p.area_m2(grid) >= LEAST_AREA_M2 and p.peak_db >= PEAK_DB]


def _parted(patch: Patch) -> list[Patch]:
    """The hulls of a patch: a saddle at least 3 dB below the lower of two peaks parts them (watershed)."""
    level = np.where(patch.inside, patch.contrast, 0).astype(np.float32)
    level = ndimage.gaussian_filter(level, 0.7, mode="constant")  # the bow touches the rim: no mirror image of it
    markers, peaks = ndimage.label(morphology.h_maxima(level, SADDLE_DB) * patch.inside, np.ones((3, 3)))
    if peaks < 2:
        return [patch]
    parts = segmentation.watershed(-level, markers, mask=patch.inside, connectivity=2)
    return [replace(patch, inside=parts == number) for number in range(1, peaks + 1)]


def _recurs(patch: Patch, known: Background) -> bool:
    """True for a weak patch off the shore where something weak stands out on every tenth look.

    Azimuth ghosts of a port and weak fixed spots show on calm days only, so the empty state does not hold them. Near
    the shore it is ships that recur: there nothing is left out.
    """
    if known.shore[patch.box][patch.inside].mean() > 0.5:
        return False
    usual = float(np.nanmedian(np.where(patch.inside, known.busy[patch.box], np.nan)))
    return patch.peak_db < GHOST_PEAK_DB and GHOST_LEVEL_DB[0] < usual < GHOST_LEVEL_DB[1]


def _vessel(patch: Patch, grid: Grid) -> Vessel:
    rows, columns = np.nonzero(patch.inside)
    weight = np.power(10.0, patch.contrast[patch.inside] / 10.0, dtype=float)
    weight /= weight.sum()
    length = grid.resolution
    if len(rows) > 2:
        largest = float(np.linalg.eigvalsh(np.cov(np.stack([rows, columns])))[-1])
        length = float(np.sqrt(12 * max(largest, 1 / 12))) * grid.resolution
    row0, column0 = patch.box[0].start, patch.box[1].start
    return Vessel(
        row=row0 + float(rows @ weight),
        column=column0 + float(columns @ weight),
        area_m2=patch.area_m2(grid),
        length_m=length,
        peak_db=patch.peak_db,
        box=(
            row0 + int(rows.min()),
            column0 + int(columns.min()),
            row0 + int(rows.max()) + 1,
            column0 + int(columns.max()) + 1,
        ),
    )


def inside(vessels: Sequence[Vessel], zone: Mask) -> list[Vessel]:
    """Those whose centre lies in the zone."""
    return [v for v in vessels if zone[round(v.row), round(v.column)]]
