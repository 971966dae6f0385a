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

import numpy as np

from monitor.clutter import CONTRAST_DB, ready, sea_around, sea_level_db, standing_out
from monitor.grid import Grid, Mask
from monitor.radiometry import Decibel, LinearPower, to_db
from monitor.reference import WATER_BELOW, Background
from monitor.vessels.hulls import Patch, Vessel, measured, patches

OVER_EMPTY_DB = 5.0
"""Over the empty state of the pixel: structures swing by 1 to 3 dB between looks."""

OVER_DARKEST_DB = 8.0
"""Over the darkest the pixel has been: a breakwater beside a calm sea stands out of the sea, but not of itself."""

FAR_OVER_EMPTY_DB = 9.0
"""Pixels this far over their empty state do not describe the sea; less may be a gust."""

GHOST_PEAK_DB = 13.0
"""Ghosts of the strongest targets stay below this over a calm sea."""

GHOST_LEVEL_DB = (3.5, 12.0)
""" dB over the sea: level that such a place exceeds on every tenth look."""


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
        return [measured(patch, grid) for patch in patches(out, contrast, grid)]
    level = to_db(clear)
    over_empty = Decibel(level - np.float32(sea_db) - known.empty)
    with np.errstate(invalid="ignore"):
        calm = water & ~(known.empty > WATER_BELOW) & ~(over_empty > FAR_OVER_EMPTY_DB)
        out, contrast = standing_out(clear, water, sea_around(clear, calm))
        berthed = known.shore & water & (over_empty > FAR_OVER_EMPTY_DB) & (contrast > CONTRAST_DB)
        out = ((out & ~(over_empty < OVER_EMPTY_DB)) | berthed) & ~(level - known.darkest < OVER_DARKEST_DB)
    return [measured(p, grid) for p in patches(out, contrast, grid) if not _recurs(p, known)]


def _recurs(patch: Patch, known: Background) -> bool:
    """True for a weak patch off the shore where something weak stands out on every tenth look.

    Azimuth ghosts of a port and weak fixed spots show on calm days only, so the empty state does not hold them. Near
    the shore it is ships that recur: there nothing is left out.
    """
    if known.shore[patch.box][patch.inside].mean() > 0.5:
        return False
    usual = float(np.nanmedian(np.where(patch.inside, known.busy[patch.box], np.nan)))
    return patch.peak_db < GHOST_PEAK_DB and GHOST_LEVEL_DB[0] < usual < GHOST_LEVEL_DB[1]
