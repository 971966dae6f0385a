"""Renders one Sentinel-1 pass: mean backscatter of the ground, the sea and what lies on them, times speckle."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from monitor.grid import Grid
from monitor.radiometry import Decibel, LinearPower, to_db, to_power
from monitor.scene import Direction
from monitor.simulate.passes import seen_by, winter
from monitor.simulate.place import Place, place
from monitor.simulate.shapes import Array, outline_of, point, rectangle
from monitor.simulate.world import Plan, RadarPass, Ship, stream

LOOKS = 4.4
"""Equivalent number of looks of Sentinel-1 IW GRD high resolution."""

NEIGHBOUR = 0.4
"""Weight of the next pixel in the filter that correlates the speckle: the amplitude then has a lag-1
correlation of 2c / (1 + 2c^2) = 0.61, the intensity its square, 0.37 (pixels of 10 m, resolution of about 20 m)."""

SPREAD_M = 20.0 / 2.355
"""Standard deviation of the point spread: 20 m full width at half maximum."""

NOISE_DB = -25.0
"""Thermal noise, added to everything."""

SHIFT_M = {Direction.ASCENDING: (1.8, -1.2), Direction.DESCENDING: (-1.5, 0.9), Direction.UNKNOWN: (0.0, 0.0)}
"""Error of geolocation (east, north) of each track, m: constant, well below a pixel."""

DB_SCALE, DB_OFFSET = 0.01, -60.0
"""Stored: dB = DN * 0.01 - 60, DN 0 = not seen."""

DN_STEP = 8
"""DN are whole multiples of it (0.08 dB, a twenty-fifth of the speckle): the files become a quarter smaller."""


def speckle(shape: tuple[int, int], rng: np.random.Generator, looks: float = LOOKS) -> Array:
    """Shape as given. Speckle of mean 1: gamma of shape `looks`, correlated between neighbours.

    A gamma variable of L looks is a sum of 2L squared Gaussians. Here each Gaussian is a field filtered to unit
    variance, so the marginal stays exact under correlation. Where 2L is not whole, the last term has less weight b:
    n a + b = 1 (mean) and n a^2 + b^2 = 1 / (2L) (variance), n = floor(2L).

    Postcondition: mean 1, variance 1 / looks.
    """
    n = math.floor(2 * looks)
    # rounding may leave a tiny negative number where 2L + 1 is nearly whole
    root = math.sqrt(max(0.0, 1 / n**2 - (1 + 1 / n) * (1 / n - 1 / (2 * looks))))
    last = (1 / n - root) / (1 + 1 / n)
    weights = [(1 - last) / n] * n + ([last] if last > 1e-9 else [])
    out: Array = np.zeros(shape, np.float32)
    for weight in weights:
        field = _correlated(shape, rng)
        field *= field
        field *= np.float32(weight)
        out += field
    return out


def _correlated(shape: tuple[int, int], rng: np.random.Generator) -> Array:
    """Gaussian field of mean 0 and variance 1, filtered (c, 1, c) down and across."""
    c = np.float32(NEIGHBOUR)
    white = rng.standard_normal((shape[0] + 2, shape[1] + 2), np.float32)
    down = white[:-2] + white[2:]
    down *= c
    down += white[1:-1]
    field: Array = down[:, :-2] + down[:, 2:]
    field *= c
    field += down[:, 1:-1]
    field *= np.float32(1 / (1 + 2 * NEIGHBOUR**2))
    return field


@dataclass(frozen=True, kw_only=True, eq=False)
class Backdrop:
    """What never changes on one track, blurred by the point spread. Each shape of the grid, linear power."""

    built: Array
    """Quays, breakwaters, cranes, town, paved ground."""

    fields: Array
    """Vegetation, which has a season."""

    water: Array
    """Share of the pixel that is water, 0..1."""


@lru_cache(maxsize=16)
def backdrop(side: int, seed: int, direction: Direction) -> Backdrop:
    """The permanent picture of the port as one track sees it."""
    port, rng = place(side), stream(seed, "ground")
    solid = port.mask(port.solid)
    built: Array = np.zeros(port.grid.shape, np.float32)
    for outline, level, spread in (
        (port.paved, -14.0, 1.0),
        (port.town, -7.0, 3.0),
        (port.breakwaters, 0.0, 1.5),
        (port.edges, -1.0, 1.5),
    ):
        inside = port.mask(outline)
        built[inside] = _textured(port.grid, rng, level, spread)[inside]
    grown = solid & (built == 0)
    fields = np.where(grown, _textured(port.grid, rng, -11.0, 1.2), 0).astype(np.float32)
    _spread_in_place(port, built, fields, direction)
    water = ndimage.gaussian_filter((~solid).astype(np.float32), SPREAD_M / port.grid.resolution)
    return Backdrop(built=built, fields=fields, water=_shifted(water, port.grid, direction))


def _spread_in_place(port: Place, built: Array, fields: Array, direction: Direction) -> None:
    for layer in (built, fields):
        layer[...] = _shifted(ndimage.gaussian_filter(layer, SPREAD_M / port.grid.resolution), port.grid, direction)
    east, north = SHIFT_M[direction]
    for x, y in port.cranes:
        at, height = point(port.grid, x=x + east, y=y + north, sigma_m=SPREAD_M)
        built[at] += np.float32(2.5) * height


def _textured(grid: Grid, rng: np.random.Generator, level_db: float, spread_db: float) -> Array:
    """Fixed texture of the ground: log-normal in power, patches of about 20 m."""
    rough = ndimage.gaussian_filter(rng.standard_normal(grid.shape, np.float32), 1.0)
    return _power(level_db + spread_db * rough / rough.std())


def _shifted(layer: Array, grid: Grid, direction: Direction) -> Array:
    east, north = SHIFT_M[direction]
    moved = ndimage.shift(layer, (-north / grid.resolution, east / grid.resolution), order=1, mode="nearest")
    return np.asarray(moved, np.float32)


def _power(db: Array | float) -> Array:
    return to_power(Decibel(np.asarray(db, np.float32)))


def mean_power(plan: Plan, overpass: RadarPass) -> LinearPower:
    """Shape of the grid: the backscatter that speckle will multiply. Linear power, nothing masked."""
    grid = place(plan.scenario.side).grid
    ground = backdrop(plan.scenario.side, plan.scenario.seed, overpass.direction)
    rng = stream(plan.scenario.seed, "look", overpass.id)
    # vegetation is wetter, hence brighter, in winter
    season = np.float32(10 ** (0.06 * winter(overpass.start)))
    power = ground.built + ground.fields * season + ground.water * _sea(grid, overpass, rng)
    shift = SHIFT_M[overpass.direction]
    for stack in plan.truth.stacks_at(overpass.start):
        at, share = rectangle(grid, **outline_of(stack, shift), sigma_m=SPREAD_M)
        power[at] += share * _power(stack.backscatter_db)
    for ship in plan.truth.ships_at(overpass.start):
        _add_ship(power, grid, plan, ship, shift, brighter_db=float(rng.normal(0, 1.2)))
    power += _power(NOISE_DB)
    return LinearPower(power * _power(overpass.bias_db))


def _sea(grid: Grid, overpass: RadarPass, rng: np.random.Generator) -> Array:
    """Wind-roughened water: a level, a gentle slope, and slow patches of gusts of 0.4 dB."""
    column = np.linspace(-0.5, 0.5, grid.width, dtype=np.float32)
    row = np.linspace(0.5, -0.5, grid.height, dtype=np.float32)[:, None]
    east, north = (np.float32(v) for v in overpass.sea_slope_db)
    gusts = ndimage.zoom(rng.standard_normal((8, 8), np.float32), (grid.height / 8, grid.width / 8), order=1)
    return _power(np.float32(overpass.sea_db) + east * column + north * row + np.float32(0.4) * gusts)


def _add_ship(
    power: Array, grid: Grid, plan: Plan, ship: Ship, shift: tuple[float, float], *, brighter_db: float
) -> None:
    """The hull, and on it the few strong scatterers (bridge, hatches, derricks) that radar really sees."""
    level = float(_power(ship.backscatter_db + brighter_db))
    at, share = rectangle(grid, **outline_of(ship, shift), sigma_m=SPREAD_M)
    power[at] += share * np.float32(level)
    rng = stream(plan.scenario.seed, "ship", ship.id)
    bow = math.sin(math.radians(ship.heading_deg)), math.cos(math.radians(ship.heading_deg))
    along = [-0.38 * ship.length_m, *rng.uniform(-0.3, 0.42, 3) * ship.length_m]
    for metres, strength in zip(along, [4.0, *rng.uniform(0.5, 2.5, 3)], strict=True):
        x, y = ship.x + shift[0] + bow[0] * metres, ship.y + shift[1] + bow[1] * metres
        at, height = point(grid, x=x, y=y, sigma_m=SPREAD_M)
        power[at] += height * np.float32(level * strength)


def render(plan: Plan, overpass: RadarPass) -> LinearPower:
    """Shape of the grid: the picture of one pass. Linear power, NaN where the swath does not reach."""
    port = place(plan.scenario.side)
    noise = speckle(port.grid.shape, stream(plan.scenario.seed, "speckle", overpass.id))
    noise *= mean_power(plan, overpass)
    if overpass.cut is not None:
        noise[~port.mask(seen_by(port, overpass.cut))] = np.nan
    return LinearPower(noise)


def to_dn(power: LinearPower) -> NDArray[np.uint16]:
    """Stored numbers: dB = DN * 0.01 - 60, in steps of 0.08 dB; NaN becomes 0; the lowest value is -59.92 dB."""
    unseen = np.isnan(power)
    db = np.where(unseen, np.float32(0), to_db(power))
    step = np.float32(DB_SCALE * DN_STEP)
    steps = np.rint((db - np.float32(DB_OFFSET)) / step)
    dn: NDArray[np.uint16] = np.clip(steps, 1, 65_535 // DN_STEP).astype(np.uint16)
    dn *= np.uint16(DN_STEP)
    dn[unseen] = 0
    return dn
