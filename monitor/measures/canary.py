"""A ship and a change that are known to be there, put into a copy of a look: does the detector find them?

A detector that is fed wrong numbers, or looks at a sea too rough for any ship to show, finds nothing and raises no
error: its zero would read as "no activity". So each look is searched once more with something in it that must be
found; where it is not, the look says that the detector was blind. What is put in is at the faint end of what is to be
found, so a canary that lives does not say that every ship would have been seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from monitor.filters import box_of
from monitor.grid import Grid, Mask
from monitor.quality.neighbours import over_window
from monitor.radiometry import LinearPower
from monitor.vessels import Vessel

Array = NDArray[np.float32]
Box = tuple[slice, slice]

LENGTH_M, WIDTH_M, HEADING_DEG = 100.0, 16.0, 30.0
"""Of the ship."""


@dataclass(frozen=True, slots=True)
class Hull:
    """A ship seen from above."""

    length_m: float = LENGTH_M
    width_m: float = WIDTH_M
    heading_deg: float = HEADING_DEG
    """Clockwise from grid north."""


HULL = Hull()

SHIP_POWER = np.float32(1.0)
"""Mean backscatter of its hull (0 dB): a radar cross section of 1,600 m2. Labelled ships near that size at Latakia have
3.3 dB more (`echo` of `benchmarks accuracy`)."""

SHIP_REFLECTANCE = np.float32(0.12)
"""Of its deck, in every band."""

RADAR_SPREAD_M = 8.5
"""Standard deviation of the point spread of Sentinel-1: 20 m full width at half maximum."""

OPTICAL_SPREAD_M = 6.0
CLEAR_M = 90.0
"""Water all around the place of the ship, and ground of the zone all around that of the change (half as much)."""

AROUND_M = 640.0
"""Half the side of the window that is searched: the sea around a pixel is described over 600 m."""

NEAR_M = 60.0
"""A detection this near to the ship is the ship."""

BLOCK_M = 60.0
"""Side of the ground that changes,"""

LEAST_HALF = 3
"""and half of it in pixels at least: changes of a few pixels are left out as speckle."""

BLOCK_RISE = np.float32(4.0)
"""Factor of its power: 6 dB."""

BLOCK_REFLECTANCE = np.float32(0.10)
"""Added to its reflectance in every band."""

STRIPES = np.float32(0.25)
"""Of its reflectance, by which every other column of a filled yard is brighter, and the others darker."""

NO_WEATHER = 0.25
"""Of the usual power or reflectance of the ground (-6 dB): neither drought nor frost makes all of it that dark."""

PLAIN = np.float32(1)

LEAST_SHARE = 0.5
"""Of the changed ground that must be found."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where something is put into a look, and the window around it."""

    row: int
    column: int
    window: Box

    @property
    def inside(self) -> tuple[int, int]:
        """Row and column in the window."""
        return self.row - self.window[0].start, self.column - self.window[1].start


def place(free: Mask, grid: Grid, clear_m: float = CLEAR_M) -> Place | None:
    """A place with nothing but free pixels around it; None if there is none.

    Of all such places the middle one in reading order: always the same for the same pixels.
    """
    found = places(free, grid, clear_m)
    return found[len(found) // 2] if found else None


def places(free: Mask, grid: Grid, clear_m: float) -> list[Place]:
    """Three places with nothing but free pixels around them, spread over the zone in reading order; [] without one."""
    side = 2 * int(np.ceil(clear_m / grid.resolution)) + 1
    box = box_of(free)
    if box is None or min(free[box].shape) < side:
        return []
    wide = over_window(free[box], np.logical_and, side)
    rows, columns = np.nonzero(wide)
    chosen = [rows.size * part // 6 for part in (1, 3, 5)] if rows.size else []
    down, across = box[0].start + side // 2, box[1].start + side // 2
    return [_at((down + int(rows[n]), across + int(columns[n])), free.shape, grid) for n in chosen]


def _at(pixel: tuple[int, int], shape: tuple[int, ...], grid: Grid) -> Place:
    row, column = pixel
    reach = int(AROUND_M / grid.resolution)
    window = (
        slice(max(0, row - reach), min(shape[0], row + reach + 1)),
        slice(max(0, column - reach), min(shape[1], column + reach + 1)),
    )
    return Place(row=row, column=column, window=window)


def without(free: Mask, vessels: Sequence[Vessel], margin: int = 4) -> Mask:
    """The free pixels that no vessel lies on or near."""
    left = free.copy()
    for vessel in vessels:
        top, first, bottom, last = vessel.box
        left[max(0, top - margin) : bottom + margin, max(0, first - margin) : last + margin] = False
    return left


def share_of_ship(shape: tuple[int, int], at: tuple[int, int], grid: Grid, spread_m: float, hull: Hull = HULL) -> Array:
    """Share of each pixel that the blurred hull covers, 0..1; shape as given.

    A rectangle blurred by a Gaussian is a product of differences of error functions along its two axes.
    """
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    east, north = (columns - at[1]) * grid.resolution, (at[0] - rows) * grid.resolution
    angle = np.radians(hull.heading_deg)
    along, across = east * np.sin(angle) + north * np.cos(angle), east * np.cos(angle) - north * np.sin(angle)

    def covered(offset: NDArray[np.float64], size: float) -> NDArray[np.float64]:
        scale = np.sqrt(2.0) * spread_m
        return np.asarray(special.erf((size / 2 - offset) / scale) + special.erf((size / 2 + offset) / scale)) / 2

    return (covered(along, hull.length_m) * covered(across, hull.width_m)).astype(np.float32)


def gain(ground: float) -> np.float32:
    """By how much everything in a look is too dark, the ship that is put into it included; 1 for what weather explains.

    In numbers on a wrong scale real ships fade with the rest, and one of the right strength would say that all is well.

    Args:
        ground: power or reflectance of the land of the look over what is usual there; NaN: not known.
    """
    return np.float32(ground if ground < NO_WEATHER else 1)


def radar_ship(power: LinearPower, spot: Place, grid: Grid, scale: np.float32 = PLAIN) -> LinearPower:
    """The window of the look with the ship in it, times `scale` (`gain`). Shape of the window."""
    view = power[spot.window]
    return LinearPower(view + scale * SHIP_POWER * share_of_ship(view.shape, spot.inside, grid, RADAR_SPREAD_M))


def optical_ship(bands: Mapping[str, Array], spot: Place, grid: Grid, scale: np.float32 = PLAIN) -> dict[str, Array]:
    """The window of each band with the ship in it, times `scale` (`gain`). The scene classification stays as it is."""
    made = {}
    for name, band in bands.items():
        view = band[spot.window]
        share = share_of_ship(view.shape, spot.inside, grid, OPTICAL_SPREAD_M)
        made[name] = view if name == "scl" else view + share * (scale * SHIP_REFLECTANCE - view)
    return made


def ship_found(vessels: Sequence[Vessel], spot: Place, grid: Grid) -> bool:
    """True if a detection in the window lies where the ship was put."""
    row, column = spot.inside
    return any(np.hypot(v.row - row, v.column - column) * grid.resolution <= NEAR_M for v in vessels)


def block(spot: Place, shape: tuple[int, int], grid: Grid) -> Mask:
    """True for the ground that is changed around the place. Shape of a look."""
    half = max(LEAST_HALF, round(BLOCK_M / grid.resolution / 2))
    mask: Mask = np.zeros(shape, bool)
    mask[max(0, spot.row - half) : spot.row + half, max(0, spot.column - half) : spot.column + half] = True
    return mask


def striped(band: Array, changed: Mask) -> Array:
    """The band with ground as uneven as stacks of containers make it."""
    sign = np.where(np.arange(band.shape[1]) % 2 == 0, STRIPES, -STRIPES)
    return np.where(changed, band * (1 + sign), band)


def change_found(found: Mask, changed: Mask) -> bool:
    """True if at least half of the ground that was changed is found to have changed."""
    return float((found & changed).sum()) >= LEAST_SHARE * max(1, int(changed.sum()))
