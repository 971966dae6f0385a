"""Pixels of a Process request: the scenes in its time range, laid over each other, as its processing options make them.

What a forgotten option does to radar pixels here is of the kind it does in reality, not its exact size:
- not orthorectified: everything lies 70 m towards the sensor;
- no terrain correction: brightness follows a (made up) relief; SIGMA0 and BETA0 lie at other levels.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Transformer
from scipy.ndimage import uniform_filter
from shapely.geometry.base import BaseGeometry

from servers.sentinel_hub.evalscript import Band, ScriptError
from servers.sentinel_hub.world import Collection, Pixels, Raster, SceneRecord, World

OPTICAL = frozenset(["B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B11", "B12"])
RADAR = frozenset({"VV", "VH", "HH", "HV"})
BANDS: Mapping[Collection, frozenset[str]] = {
    Collection.SENTINEL1: RADAR | {"localIncidenceAngle", "dataMask"},
    Collection.SENTINEL2: OPTICAL | {"SCL", "dataMask"},
}
"""Those that the stand-in serves; the service has some more."""

OFFSET_SINCE = "04.00"
OFFSET_DN = 1000
"""Digital numbers of newer baselines lie this much higher unless the service harmonises them."""

SHIFT_M = 70.0
INCIDENCE = np.radians(38.0)
LOOKS = 4.4
"""Equivalent number of looks that the speckle filter assumes."""


class BandError(ScriptError):
    """A band or unit that the collection does not have, or not with these processing options."""


@dataclass(frozen=True, kw_only=True)
class Ground:
    """A north-up raster."""

    epsg: int
    left: float
    top: float
    step_x: float
    step_y: float
    width: int
    height: int

    @property
    def transform(self) -> tuple[float, float, float, float, float, float]:
        """Affine coefficients a..f."""
        return self.step_x, 0.0, self.left, 0.0, -self.step_y, self.top

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """(left, bottom, right, top)."""
        return self.left, self.top - self.height * self.step_y, self.left + self.width * self.step_x, self.top

    def wider(self, margin: int) -> Ground:
        """With `margin` pixels more on every side."""
        return replace(
            self,
            left=self.left - margin * self.step_x,
            top=self.top + margin * self.step_y,
            width=self.width + 2 * margin,
            height=self.height + 2 * margin,
        )

    def shifted(self, metres: float) -> Ground:
        """The same raster `metres` further east."""
        return replace(self, left=self.left + metres)


@dataclass(frozen=True, kw_only=True)
class Options:
    """`dataFilter` and `processing` of one input, with the service's defaults."""

    collection: Collection
    since: datetime
    until: datetime
    order: str = "mostRecent"
    conditions: Mapping[str, str]
    """Attribute of `SceneRecord` -> value that it must have."""

    cloudiest: float = 100.0
    """Per cent."""

    processing: Mapping[str, Any]

    @property
    def flat(self) -> bool:
        """True where radar is orthorectified and corrected for terrain, as the world gives it."""
        return self.orthorectified and self.coefficient == "GAMMA0_TERRAIN"

    @property
    def orthorectified(self) -> bool:
        """True: every pixel lies where it belongs."""
        return bool(self.processing.get("orthorectify", False))

    @property
    def coefficient(self) -> str:
        """The backscatter coefficient."""
        return str(self.processing.get("backCoeff", "GAMMA0_ELLIPSOID"))


def selected(scenes: Iterable[SceneRecord], options: Options) -> list[SceneRecord]:
    """The scenes that the filter lets through, in the order in which a pixel is looked for in them."""
    fit = [
        scene
        for scene in scenes
        if options.since <= scene.start <= options.until
        and scene.cloud_cover <= options.cloudiest
        and all(getattr(scene, name) == value for name, value in options.conditions.items())
    ]
    fit.sort(key=lambda scene: (scene.start, scene.id), reverse=options.order != "leastRecent")
    return sorted(fit, key=lambda scene: scene.cloud_cover) if options.order == "leastCC" else fit


def check(bands: Iterable[Band], options: Options) -> None:
    """Whether the collection can give these bands in these units.

    Raises:
        BandError: it cannot.
    """
    for band in bands:
        if band.name not in BANDS[options.collection]:
            raise BandError(f"{options.collection} has no band {band.name}")
        if band.unit not in _units(band.name):
            raise BandError(f"band {band.name} has no unit {band.unit}")
        if band.name == "localIncidenceAngle" and not options.orthorectified:
            raise BandError("localIncidenceAngle needs orthorectify")
    if options.coefficient == "GAMMA0_TERRAIN" and not options.orthorectified:
        raise BandError("GAMMA0_TERRAIN needs orthorectify")


def _units(band: str) -> tuple[str, ...]:
    """Those that a band may be asked for in; the empty one is the default."""
    if band in RADAR:
        return "", "LINEAR_POWER"
    return ("", "REFLECTANCE", "DN") if band in OPTICAL else ("", "DN")


def mosaic(
    world: World, scenes: Sequence[SceneRecord], bands: Sequence[Band], ground: Ground, options: Options
) -> dict[str, Pixels]:
    """SIMPLE mosaicking: each pixel from the first scene that has it; 0 and dataMask 0 where none has."""
    shape = ground.height, ground.width
    wanted = [band for band in bands if band.name != "dataMask"]
    out = {band.name: np.zeros(shape) for band in wanted}
    taken = np.zeros(shape, bool)
    for scene in scenes:
        inside = footprint_mask(scene.footprint, ground) & ~taken
        if not inside.any():
            continue
        values = {band.name: _band(world, scene, band, ground, options) for band in wanted}
        for name, pixels in values.items():
            if name in RADAR | OPTICAL:
                inside &= np.isfinite(pixels)
        for name, pixels in values.items():
            out[name][inside] = pixels[inside]
        taken |= inside
    return out | {"dataMask": taken.astype(np.float64)}


def _band(world: World, scene: SceneRecord, band: Band, ground: Ground, options: Options) -> Pixels:
    if band.name in RADAR:
        return _radar(world, scene, band.name, ground, options)
    values = world.pixels(scene, band.name, ground)
    if band.name not in OPTICAL:
        return values
    harmonised = bool(options.processing.get("harmonizeValues", True))
    if harmonised:
        values = np.maximum(values, 0)
    if band.unit != "DN":
        return values
    return np.round(values * 10_000) + (OFFSET_DN if not harmonised and scene.baseline >= OFFSET_SINCE else 0)


def _radar(world: World, scene: SceneRecord, band: str, ground: Ground, options: Options) -> Pixels:
    if not options.orthorectified:
        ground = ground.shifted(SHIFT_M if scene.direction == "ascending" else -SHIFT_M)
    kernel = options.processing.get("speckleFilter", {"type": "NONE"})
    if kernel["type"] == "NONE":
        values = world.pixels(scene, band, ground)
    else:
        size = kernel["windowSizeY"], kernel["windowSizeX"]
        margin = max(size) // 2
        values = _lee(world.pixels(scene, band, ground.wider(margin)), size)
        values = values[margin : margin + ground.height, margin : margin + ground.width]
    return values if options.flat else values * _level(ground, options.coefficient)


def _lee(values: Pixels, size: tuple[int, int]) -> Pixels:
    """Lee's filter: towards the local mean where the variance is no more than speckle's."""
    mean = uniform_filter(values, size)
    variance = np.maximum(uniform_filter(values**2, size) - mean**2, 1e-30)
    weight = np.clip(1 - mean**2 / LOOKS / variance, 0, 1)
    filtered: Pixels = mean + weight * (values - mean)
    return filtered


def _level(ground: Ground, coefficient: str) -> Pixels:
    """What multiplies terrain corrected gamma0 where the terrain is not corrected for."""
    a, _, c, _, e, f = ground.transform
    x = c + (np.arange(ground.width) + 0.5) * a
    y = f + (np.arange(ground.height) + 0.5) * e
    relief: Pixels = 1 + 0.4 * np.sin(x / 250)[None, :] * np.sin(y / 350)[:, None]
    level = {
        "SIGMA0_ELLIPSOID": float(np.cos(INCIDENCE)),
        "BETA0": float(np.cos(INCIDENCE) / np.sin(INCIDENCE)),
    }
    return relief * level.get(coefficient, 1.0)


def footprint_mask(footprint: BaseGeometry, ground: Ground) -> NDArray[np.bool_]:
    """Shape (height, width). True where a pixel centre lies inside."""
    shape = ground.height, ground.width
    if not footprint.intersects(_on_globe(ground)):
        return np.zeros(shape, bool)
    outline = _projected(footprint, ground.epsg)
    if outline.contains(shapely.box(*ground.bounds)):
        return np.ones(shape, bool)
    a, _, c, _, e, f = ground.transform
    x, y = np.meshgrid(c + (np.arange(ground.width) + 0.5) * a, f + (np.arange(ground.height) + 0.5) * e)
    shapely.prepare(outline)
    return np.asarray(shapely.contains_xy(outline, x, y), bool)


def _on_globe(ground: Ground) -> BaseGeometry:
    """WGS84, cut at the dateline."""
    west, south, east, north = _transformer(ground.epsg, 4326).transform_bounds(*ground.bounds)
    if west <= east:
        return shapely.box(west, south, east, north)
    return shapely.union(shapely.box(west, south, 180, north), shapely.box(-180, south, east, north))


@lru_cache(maxsize=512)
def _projected(footprint: BaseGeometry, epsg: int) -> BaseGeometry:
    """The footprint in the raster's system, its edges following the ground; the same whatever part is asked for."""
    return projection(shapely.segmentize(footprint, 0.1), epsg)


def projection(footprint: BaseGeometry, epsg: int) -> BaseGeometry:
    """The footprint's corners in another reference system."""
    transformer = _transformer(4326, epsg)

    def moved(points: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack(transformer.transform(points[:, 0], points[:, 1]))

    return shapely.transform(footprint, moved)


@lru_cache(maxsize=64)
def _transformer(source: int, target: int) -> Transformer:
    return Transformer.from_crs(source, target, always_xy=True)


def truth(world: World, scene: SceneRecord, band: str, raster: Raster) -> Pixels:
    """What a right request for one scene must bring: the world's pixels, NaN outside the footprint."""
    a, _, c, _, e, f = raster.transform
    ground = Ground(epsg=raster.epsg, left=c, top=f, step_x=a, step_y=-e, width=raster.width, height=raster.height)
    return np.where(footprint_mask(scene.footprint, ground), world.pixels(scene, band, ground), np.nan)
