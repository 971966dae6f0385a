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

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.clutter import CONTRAST_DB, Sea, exceeding, prepared, sea_around, sea_level_db
from monitor.clutter.bands import BLOCK
from monitor.filters import BAND, parts
from monitor.grid import Grid, Mask
from monitor.radiometry import FLOOR, Decibel, LinearPower, to_db
from monitor.reference import OVER_SEA, Background, Place
from monitor.scene import Track
from monitor.vessels import artefacts
from monitor.vessels.artefacts import WIDE
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

SLACK_DB = 0.1
"""Far more than what rounding moves a level by."""

GHOST_PEAK_DB = 13.0
"""Ghosts of the strongest targets stay below this over a calm sea."""

GHOST_LEVEL_DB = (3.5, 12.0)
""" dB over the sea: level that such a place exceeds on every tenth look."""

Pixels = tuple[NDArray[np.intp], NDArray[np.intp]]
"""Rows and columns."""


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
    sea = sea_around(ready.power, calm, evenness=ready.evenness, looks=ready.looks)
    del calm
    contrast = OverSea(power=ready.power, sea=sea)
    out = exceeding(ready.power, water, sea)
    _drop(out, lambda place: ~(contrast[place] > CONTRAST_DB))
    if known is not None:
        _keep_unusual(out, contrast, water, sea_db=sea_db, known=known)
    found = patches(out, contrast, grid)
    if known is not None:
        found = [p for p in found if not _recurs(p, known)]
    if view is not None:
        followed = water if known is None else water & known.water
        lobes = artefacts.side_lobes(contrast, followed, _near(found, out), view, grid)
        found = [p for p in found if (p.contrast - lobes[p.box])[p.inside].max() >= PEAK_DB]
        found = [p for p in found if not artefacts.is_ghost(p, ready.power, view, grid)]
    blur = GRD if ready.power is power else GRD_SMOOTHED
    return [measured(p, grid, blur) for p in without_splinters(found, grid)]


@dataclass(frozen=True, kw_only=True)
class OverSea:
    """The brightness over the sea in dB, as an image: taken in the few places where it is asked for."""

    power: LinearPower
    sea: Sea

    @property
    def shape(self) -> tuple[int, ...]:
        """Height and width."""
        return self.power.shape

    def __getitem__(self, place: Place, /) -> Decibel:
        """In a window, or at pixels; NaN far from water."""
        rows, columns = _numbers(place[0], self.shape[0]) // BLOCK, _numbers(place[1], self.shape[1]) // BLOCK
        blocks = np.ix_(rows, columns) if isinstance(place[0], slice) else (rows, columns)
        over = np.log(np.maximum(self.power[place], FLOOR)) - self.sea.block_mean[blocks]
        over *= np.float32(10 / np.log(10))
        return Decibel(over)


def _numbers(side: slice | NDArray[np.intp], size: int) -> NDArray[np.intp]:
    return np.arange(size)[side] if isinstance(side, slice) else side


def _drop(out: Mask, where: Callable[[Pixels], Mask]) -> None:
    """Makes False, in place, those of the True pixels for which it is said."""
    for band in _rows(out.shape):
        rows, columns = np.nonzero(out[band])
        if not rows.size:
            continue
        rows += band.start
        out[rows, columns] = ~where((rows, columns))


def _near(patches: Sequence[Patch], out: Mask) -> Mask:
    """Those of the pixels that lie in a patch or within the width of a line of side lobes of one."""
    near: Mask = np.zeros(out.shape, bool)
    for patch in patches:
        rows, columns = (slice(max(0, side.start - WIDE // 2), side.stop + WIDE // 2) for side in patch.box)
        near[rows, columns] = out[rows, columns]
    return near


def _over_empty(level: Decibel, sea_db: float, known: Background) -> Decibel:
    empty = known.empty
    empty = Decibel(np.where(known.water, np.minimum(empty, np.float32(EMPTY_SEA_DB)), empty))
    return Decibel(level - np.float32(sea_db) - empty)


def _far_over_empty(power: LinearPower, among: Sequence[Mask], sea_db: float, known: Background) -> Iterator[Pixels]:
    """Rows and columns of the pixels of all those masks that are far over their empty state, a few rows at a time.

    No empty state lies below the least level that is told apart, so only what is bright enough over that is looked at.
    """
    least = np.float32(10 ** ((sea_db + OVER_SEA.lowest + FAR_OVER_EMPTY_DB - SLACK_DB) / 10))
    for band in _rows(power.shape):
        bright: Mask = power[band] > least
        for mask in among:
            bright &= mask[band]
        rows, columns = np.nonzero(bright)
        rows += band.start
        over = _over_empty(to_db(LinearPower(power[rows, columns])), sea_db, known.inside((rows, columns)))
        with np.errstate(invalid="ignore"):
            far = over > FAR_OVER_EMPTY_DB
        yield rows[far], columns[far]


def _rows(shape: tuple[int, ...]) -> list[slice]:
    """A few rows at a time: what is made of their pixels is never there for all, and stays in the cache."""
    return parts(shape[0], max(1, BAND // max(1, shape[1])))


def _calm(power: LinearPower, water: Mask, sea_db: float, known: Background) -> Mask:
    """Water that describes the sea."""
    calm: Mask = np.greater(water, known.bright)
    for pixels in _far_over_empty(power, (calm,), sea_db, known):
        calm[pixels] = False
    return calm


def _keep_unusual(out: Mask, contrast: OverSea, water: Mask, *, sea_db: float, known: Background) -> None:
    """Leaves, in place, the pixels brighter than they usually are; adds water near the shore that is so by far."""
    power = contrast.power

    def usual(pixels: Pixels) -> Mask:
        with np.errstate(invalid="ignore"):
            return np.asarray(_over_empty(level_at(pixels), sea_db, known.inside(pixels)) < OVER_EMPTY_DB)

    def always(pixels: Pixels) -> Mask:
        return np.asarray(level_at(pixels) - known.inside(pixels).darkest < OVER_DARKEST_DB)

    def level_at(pixels: Pixels) -> Decibel:
        return to_db(LinearPower(power[pixels]))

    _drop(out, usual)
    for rows, columns in _far_over_empty(power, (known.shore, water), sea_db, known):
        with np.errstate(invalid="ignore"):
            over_sea = contrast[rows, columns] > CONTRAST_DB
        out[rows[over_sea], columns[over_sea]] = True
    _drop(out, always)


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
