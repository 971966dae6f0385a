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
5. Side lobes of very bright targets are clutter like the sea: a patch has to stand out of both (`artefacts`).
6. Patches are joined over gaps of one pixel, parted where hulls touch, and must have a ship's area. Azimuth ghosts,
   known by their target or by coming back, and splinters beside a hull are left out.

10 m pixels do not part ships lying side by side: a patch is a patch, `vessel_area_m2` is the safer number.
"""

from __future__ import annotations

import numpy as np

from monitor.clutter import CONTRAST_DB, prepared, sea_around, sea_level_db, standing_out
from monitor.filters import BAND, parts
from monitor.grid import Grid, Mask
from monitor.radiometry import Decibel, LinearPower, to_db
from monitor.reference import WATER_BELOW, Background
from monitor.scene import Track
from monitor.vessels import artefacts
from monitor.vessels.hulls import GRD, GRD_SMOOTHED, Patch, Vessel, measured
from monitor.vessels.parting import PEAK_DB, patches, without_splinters

EMPTY_SEA_DB = 2.0
"""dB over the level of the sea: what is known to be water is not brighter when empty, however often a hull lies there.
"""

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
    power: LinearPower,
    water: Mask,
    known: Background | None,
    grid: Grid,
    *,
    sea_db: float | None = None,
    track: Track | None = None,
    smooth: LinearPower | None = None,
) -> list[Vessel]:
    """The vessels in a look.

    Args:
        power: linear power, NaN = not seen, shape (height, width).
        water: True where a vessel may be, shape (height, width).
        known: what the track usually shows. None: fixed structures are counted as vessels.
        grid: of the AOI.
        sea_db: level of the sea in this look, as it was told to the reference. None: that of `water`.
        track: tells the directions of side lobes and the places of ghosts. None: they are not looked for.
        smooth: the power multilooked 3 x 3, where it is at hand.
    """
    sea_db = sea_level_db(power, water) if sea_db is None else sea_db
    view = None if track is None else artefacts.seen_by(track, grid)
    ready = prepared(power, water, smooth)
    calm = water if known is None else _calm(ready.power, water, sea_db, known)
    out, contrast = standing_out(ready.power, water, sea_around(ready.power, calm, evenness=ready.evenness))
    if known is not None:
        _keep_unusual(out, ready.power, contrast, water, sea_db=sea_db, known=known)
    found = patches(out, contrast, grid)
    if view is not None:
        followed = water if known is None else water & known.water
        lobes = artefacts.side_lobes(contrast, followed, out, view, grid)
        found = [p for p in found if (p.contrast - lobes[p.box])[p.inside].max() >= PEAK_DB]
    if known is not None:
        found = [p for p in found if not _recurs(p, known)]
    if view is not None:
        found = [p for p in found if not artefacts.is_ghost(p, ready.power, view, grid)]
    blur = GRD if ready.power is power else GRD_SMOOTHED
    return [measured(p, grid, blur) for p in without_splinters(found, grid)]


def _over_empty(level: Decibel, sea_db: float, known: Background) -> Decibel:
    empty = np.where(known.water, np.minimum(known.empty, np.float32(EMPTY_SEA_DB)), known.empty)
    return Decibel(level - np.float32(sea_db) - empty)


def _calm(power: LinearPower, water: Mask, sea_db: float, known: Background) -> Mask:
    """Water that describes the sea."""
    calm = water.copy()
    for band in _bands(water.shape):
        here = known.inside(band)
        over_empty = _over_empty(to_db(LinearPower(power[band])), sea_db, here)
        with np.errstate(invalid="ignore"):
            calm[band] &= ~(here.empty > WATER_BELOW) & ~(over_empty > FAR_OVER_EMPTY_DB)
    return calm


def _keep_unusual(
    out: Mask, power: LinearPower, contrast: Decibel, water: Mask, *, sea_db: float, known: Background
) -> None:
    """Leaves, in place, the pixels brighter than they usually are; adds water near the shore that is so by far."""
    for band in _bands(water.shape):
        here, level = known.inside(band), to_db(LinearPower(power[band]))
        over_empty = _over_empty(level, sea_db, here)
        with np.errstate(invalid="ignore"):
            itself = ~(level - here.darkest < OVER_DARKEST_DB)
            berthed = here.shore & (over_empty > FAR_OVER_EMPTY_DB) & (contrast[band] > CONTRAST_DB) & water[band]
            out[band] = itself & ((out[band] & ~(over_empty < OVER_EMPTY_DB)) | berthed)


def _bands(shape: tuple[int, ...]) -> list[tuple[slice, slice]]:
    """A few rows at a time: none of what is made of a pixel is ever there for all."""
    return [(rows, slice(0, shape[1])) for rows in parts(shape[0], max(1, BAND // max(1, shape[1])))]


def _recurs(patch: Patch, known: Background) -> bool:
    """True for a weak patch off the shore where something weak stands out on every tenth look.

    Azimuth ghosts of a port and weak fixed spots show on calm days only, so the empty state does not hold them. Ghosts
    move a little with what casts them: the brighter quarter of the patch decides. Near the shore it is ships that
    recur: there nothing is left out.
    """
    if known.shore[patch.box][patch.inside].mean() > 0.5 or patch.peak_db >= GHOST_PEAK_DB:
        return False
    busy = known.inside(patch.box).busy[patch.inside]
    busy = busy[np.isfinite(busy)]
    return busy.size > 0 and GHOST_LEVEL_DB[0] < float(np.percentile(busy, 75)) < GHOST_LEVEL_DB[1]
