"""What the sea is like in a radar look: wind that hides ships, and what may be ice.

At VV the sea grows brighter with the wind. Its level depends on the angle at which it is seen as well, so it is judged
against the earlier looks of the same track wherever there are some. Drifting ice is a mosaic of bright floes and dark
leads; so, at times, are squalls and rain cells. One radar channel cannot tell them apart: what is found is called "ice
or very rough sea", and only in a season in which there can be ice. Smooth new ice looks like a calm sea and is missed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from monitor.clutter import sea_level_db
from monitor.filters import BAND, blocks, box_of, central_spread, parts
from monitor.grid import Mask
from monitor.measurement import Reason
from monitor.quality.usual import unusually_high
from monitor.radiometry import FLOOR, LinearPower, db_of

CALM_BELOW, ROUGH_ABOVE = -18.0, -14.0
"""dB, gamma nought, VV: between them the sea is moderate."""

NO_SHIPS_ABOVE = -8.0
"""dB: a ship must stand 5 dB over the sea to be found, and few fill their pixels with more than -3 dB."""

ICE_TEXTURE = 0.4
"""Of ln(power): no sea was as uneven, wind cells and squalls included, on 209 looks at a port without ice (0.32)."""

UPPER = 70.0
"""Percentile that is the level of the floes, where there are some: the leads between them may be calm."""

LEAST_SPREAD_DB = 1.0
LEAST_SPREAD_TEXTURE = 0.03

BLOCK = 4
"""Pixels: texture is told from means of 4 x 4 pixels."""

FAR = 8
"""Blocks, 320 m at 10 m."""

LEAST_PAIRS = 200

FREEZING = frozenset({12, 1, 2, 3})
"""Months (July to October's counterparts in the south) in which the sea freezes from 36 degrees of latitude on."""


class SeaKind(StrEnum):
    """A word for the sea in one look."""

    CALM = "calm"
    MODERATE = "moderate"
    ROUGH = "rough"
    ICE_LIKE = "ice or very rough sea"


@dataclass(frozen=True, kw_only=True)
class SeaState:
    """The open water of one radar look."""

    level_db: float
    """Of the sea, as `sea_level_db` gives it."""

    texture: float
    """Standard deviation of ln(power) between places 300 m apart, over and above that of neighbours: speckle is in
    both, wind cells and floes are not. NaN where there is too little water for it."""

    kind: SeaKind


def sea_state(power: LinearPower, water: Mask) -> SeaState | None:
    """The state of the sea, or None without a seen pixel of water.

    Args:
        power: linear power, NaN = not seen.
        water: True for open water, a reference water zone say; same shape.
    """
    level = sea_level_db(power, water)
    if np.isnan(level):
        return None
    texture = _texture(power, water)
    if texture > ICE_TEXTURE:
        seen = power[water & np.isfinite(power)]
        if db_of(float(np.percentile(seen, UPPER, overwrite_input=True))) > CALM_BELOW:
            return SeaState(level_db=level, texture=texture, kind=SeaKind.ICE_LIKE)
    return SeaState(level_db=level, texture=texture, kind=_kind(level))


def hides_ships(
    state: SeaState, levels_db: Sequence[float], textures: Sequence[float], *, freezing: bool
) -> Reason | None:
    """Why ships cannot be told in this sea; None if they can.

    Args:
        state: of the look.
        levels_db: of earlier looks of the track that had no ice; NaN = not measured.
        textures: of the same looks.
        freezing: True in a season and latitude in which the sea can freeze (`can_freeze`).
    """
    rougher = unusually_high(state.texture, textures, LEAST_SPREAD_TEXTURE)
    brighter = unusually_high(state.level_db, levels_db, LEAST_SPREAD_DB)
    if freezing and rougher and (brighter or state.kind is SeaKind.ICE_LIKE):
        return Reason.ICE
    return Reason.ROUGH_SEA if state.level_db > NO_SHIPS_ABOVE else None


def can_freeze(latitude: float, month: int) -> bool:
    """True if there can be sea ice. Generous: the Bohai Sea (37 N) freezes, most coasts at its latitude do not.

    Args:
        latitude: degrees, south negative.
        month: 1 .. 12.
    """
    in_the_north = month if latitude > 0 else (month + 5) % 12 + 1
    return abs(latitude) >= 60 or (abs(latitude) >= 36 and in_the_north in FREEZING)


def _kind(level_db: float) -> SeaKind:
    """By its level alone."""
    if level_db < CALM_BELOW:
        return SeaKind.CALM
    return SeaKind.MODERATE if level_db < ROUGH_ABOVE else SeaKind.ROUGH


def _texture(power: LinearPower, water: Mask) -> float:
    """Root of the semivariance 8 blocks apart less that of neighbouring blocks (the "nugget" of Matheron 1963)."""
    log = _of_blocks(power, water)
    near, far = (_differences(log, lag) for lag in (1, FAR))
    if min(near.size, far.size) < LEAST_PAIRS:
        return float("nan")
    return float(np.sqrt(max(central_spread(far) ** 2 - central_spread(near) ** 2, 0.0) / 2))


def _of_blocks(power: LinearPower, water: Mask) -> NDArray[np.float32]:
    """ln(mean power) of the blocks around all water; NaN where one is not all water, and seen."""
    held = box_of(water)
    if held is None:
        return np.full((1, 1), np.nan, np.float32)
    box = tuple(slice(side.start // BLOCK * BLOCK, -(-side.stop // BLOCK) * BLOCK) for side in held)
    power, water = LinearPower(power[box]), water[box]
    rows = parts(water.shape[0], BLOCK * max(1, BAND // (BLOCK * water.shape[1])))
    return np.concatenate([_log_means(power[band], water[band]) for band in rows])


def _log_means(power: NDArray[np.float32], water: Mask) -> NDArray[np.float32]:
    use = water & np.isfinite(power)
    full = blocks(use.astype(np.float32), BLOCK) == BLOCK**2
    total = blocks(np.where(use, power, np.float32(0)), BLOCK)
    return np.where(full, np.log(np.maximum(total / np.float32(BLOCK**2), FLOOR)), np.float32(np.nan))


def _differences(log: NDArray[np.float32], lag: int) -> NDArray[np.float32]:
    """Between all blocks that far apart along rows and columns; shape (n,)."""
    both = np.concatenate([(log[lag:] - log[:-lag]).ravel(), (log[:, lag:] - log[:, :-lag]).ravel()])
    kept: NDArray[np.float32] = both[np.isfinite(both)]
    return kept
