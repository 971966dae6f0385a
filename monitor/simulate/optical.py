"""Renders one Sentinel-2 pass: surface reflectance in four bands, and the scene classification."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from monitor.grid import Grid, Mask
from monitor.simulate.passes import winter
from monitor.simulate.place import Place, place
from monitor.simulate.shapes import Array, outline_of, rectangle
from monitor.simulate.world import ContainerStack, OpticalPass, Plan, Ship, stream

BANDS = ("b02", "b03", "b04", "b08")
SPREAD_M = 6.0
"""Standard deviation of the point spread, m."""

REFLECTANCE_SCALE = 1e-4
"""Stored: reflectance = DN * 0.0001, DN 0 = not seen."""

DN_STEP = 12
"""DN are whole multiples of it (0.0012): rounding adds an eighth of the variance of the noise, and the files become a
third smaller."""

NOISE = 0.001
SHADOW_SHIFT = (-14, -6)
"""Rows and columns from a cloud to its shadow: the sun stands in the south-east."""

VEGETATION, BARE, WATER, CLOUD_SHADOW, CLOUD = 4, 5, 6, 3, 9
"""Classes of the Sentinel-2 level 2A scene classification."""

# reflectance in b02, b03, b04, b08
SEA = (0.034, 0.029, 0.017, 0.009)
SUMMER_FIELD = (0.035, 0.065, 0.040, 0.340)
WINTER_FIELD = (0.050, 0.070, 0.075, 0.200)
CONCRETE = (0.160, 0.175, 0.190, 0.215)
ROOFS = (0.110, 0.115, 0.130, 0.170)
RUBBLE = (0.120, 0.125, 0.130, 0.145)
SHIP_TINT = (0.85, 0.88, 0.95, 1.0)
CLOUD_TOP = (0.62, 0.60, 0.59, 0.62)


@lru_cache(maxsize=4)
def _ground(side: int, seed: int) -> tuple[NDArray[np.uint8], Array]:
    """Class of each pixel with nothing on it, (height, width), and its fixed texture, mean 1."""
    port = place(side)
    classes = np.full(port.grid.shape, VEGETATION, np.uint8)
    classes[port.mask(port.town) | port.mask(port.paved) | port.mask(port.breakwaters)] = BARE
    classes[port.water()] = WATER
    rough = ndimage.gaussian_filter(stream(seed, "ground", "optical").standard_normal(port.grid.shape, np.float32), 1.5)
    spread = np.where(classes == WATER, np.float32(0), np.float32(0.09)) / rough.std()
    return classes, np.asarray(1 + rough * spread, np.float32)


@lru_cache(maxsize=4)
def _shares(side: int) -> tuple[Array, ...]:
    """Share of sea, field, concrete, roofs and rubble in each pixel, blurred; they sum to 1."""
    port = place(side)
    masks = [port.water(), port.mask(port.paved), port.mask(port.town), port.mask(port.breakwaters)]
    masks[1] &= ~masks[3]
    field = ~np.logical_or.reduce(masks)
    ordered = [masks[0], field, *masks[1:]]
    sigma = SPREAD_M / port.grid.resolution
    return tuple(ndimage.gaussian_filter(m.astype(np.float32), sigma) for m in ordered)


def clouds(grid: Grid, cover: float, rng: np.random.Generator) -> tuple[Mask, Mask, Array]:
    """Cloud, shadow (never where there is cloud), each shape of the grid, True = so; and how thick, 0..1.

    Postcondition: the share of cloud is `cover` over an area slightly larger than the grid.
    """
    margin = max(abs(v) for v in SHADOW_SHIFT)
    height, width = grid.height + 2 * margin, grid.width + 2 * margin
    heap: Array = np.zeros((height, width), np.float32)
    for cells, weight in ((5, 1.0), (12, 0.55), (30, 0.25)):
        coarse = rng.standard_normal((cells, cells), np.float32)
        heap += np.float32(weight) * ndimage.zoom(coarse, (height / cells, width / cells), order=1)
    heap = ndimage.uniform_filter(heap, 5)
    level = float(np.quantile(heap, 1 - cover)) if cover > 0 else float("inf")
    thick = np.clip((heap - np.float32(level)) / np.float32(0.5), 0, 1)
    inside = slice(margin, -margin), slice(margin, -margin)
    shadow = np.roll(heap > level, SHADOW_SHIFT, (0, 1))[inside]
    cloud = (heap > level)[inside]
    return cloud, shadow & ~cloud, thick[inside]


def render(plan: Plan, overpass: OpticalPass) -> Mapping[str, NDArray[np.float32]]:
    """Bands b02, b03, b04, b08 (reflectance) and scl (class numbers), each the shape of the grid."""
    port = place(plan.scenario.side)
    rng = stream(plan.scenario.seed, "look", overpass.id)
    cloud, shadow, thick = clouds(port.grid, overpass.cloud_cover, rng)
    classes, _ = _ground(plan.scenario.side, plan.scenario.seed)
    surface, solid = _surface(plan, port, overpass)
    haze, glint = np.float32(rng.uniform(0, 0.012)), np.float32(rng.gamma(1.5, 0.004))
    sea = _shares(plan.scenario.side)[0]
    dim = 1 - np.float32(0.55) * ndimage.uniform_filter(shadow.astype(np.float32), 3)
    bands: dict[str, NDArray[np.float32]] = {}
    for number, name in enumerate(BANDS):
        band = (surface[number] + sea * glint) * dim + haze
        top = np.float32(CLOUD_TOP[number]) * (np.float32(0.6) + np.float32(0.4) * thick)
        opaque = np.where(cloud, np.float32(0.55) + np.float32(0.45) * thick, np.float32(0))
        band += (top - band) * opaque
        band += rng.standard_normal(port.grid.shape, np.float32) * np.float32(NOISE)
        bands[name] = np.clip(band, np.float32(DN_STEP * REFLECTANCE_SCALE), 1)
    scl = np.where(solid & (classes == WATER), np.uint8(BARE), classes)
    bands["scl"] = np.where(cloud, CLOUD, np.where(shadow, CLOUD_SHADOW, scl)).astype(np.float32)
    return bands


def _surface(plan: Plan, port: Place, overpass: OpticalPass) -> tuple[list[Array], Mask]:
    """Reflectance per band without air, and True where something lies on more than half of the pixel."""
    sea, field, *built = _shares(plan.scenario.side)
    _, texture = _ground(plan.scenario.side, plan.scenario.seed)
    green = np.float32(0.5 - 0.5 * winter(overpass.start))
    things: list[Ship | ContainerStack] = [*plan.truth.stacks_at(overpass.start), *plan.truth.ships_at(overpass.start)]
    drawn = [(t.reflectance, *rectangle(port.grid, **outline_of(t), sigma_m=SPREAD_M)) for t in things]
    bands = []
    for number in range(len(BANDS)):
        grown = green * np.float32(SUMMER_FIELD[number]) + (1 - green) * np.float32(WINTER_FIELD[number])
        band: Array = sea * np.float32(SEA[number]) + field * grown
        for share, colour in zip(built, (CONCRETE, ROOFS, RUBBLE), strict=True):
            band += share * np.float32(colour[number])
        band *= texture
        for reflectance, at, share in drawn:
            band[at] += share * (np.float32(reflectance * SHIP_TINT[number]) - band[at])
        bands.append(band)
    solid: Mask = np.zeros(port.grid.shape, bool)
    for _, at, share in drawn:
        solid[at] |= share > np.float32(0.5)
    return bands, solid


def to_dn(reflectance: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Stored numbers: reflectance = DN * 0.0001, in steps of 0.0012, never 0."""
    steps = np.rint(reflectance / np.float32(REFLECTANCE_SCALE * DN_STEP))
    dn: NDArray[np.uint16] = np.clip(steps, 1, 65_535 // DN_STEP).astype(np.uint16)
    dn *= np.uint16(DN_STEP)
    return dn
