"""The true pixels. Radar: the speckled pattern of the stand-in's own world. Optical: smooth waves over the place.

The waves depend on nothing but product, band and ground, so the same place shows the same in every reference system,
and half a pixel off is ten steps of the coding off. Each version of a product has waves of its own.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.transform import Affine
from servers.sentinel_hub import Collection, Pixels, Raster, SceneRecord, SyntheticWorld

from benchmarks.faults.passes import Overflight, Part, Product
from benchmarks.faults.places import Place, transformer
from monitor.grid import Grid

BANDS = ("b02", "b03", "b04", "b08", "scl")
LENGTH_M = 1700.0
"""Of the waves."""

HEIGHT = 0.05
"""Reflectance; the waves change by 19 ten-thousandths a pixel at most."""

LEVELS = {"b02": 0.12, "b03": 0.16, "b04": 0.2, "b08": 0.3}
STRIPE_M = 320.0
"""Of the scene classification."""

DIGITS = 4
"""Of a reflectance in a product: ten-thousandths."""

SCALE, OFFSET = 1e-4, -0.1


@dataclass(frozen=True)
class Scenery:
    """What the products of some passes show. It is the `World` of the stand-in."""

    flown: Sequence[Overflight]
    _shown: dict[str, tuple[Place, str, Product]] = field(default_factory=dict)
    """By product: where, and what its waves are drawn from: the tiles of a pass go on in each other."""

    _radar: SyntheticWorld = field(default_factory=lambda: SyntheticWorld([]))

    def __post_init__(self) -> None:
        for over in self.flown:
            for part in over.parts:
                for version, product in enumerate(part.versions):
                    name = f"{over.platform}/{over.start:%Y%m%dT%H%M}/{version}"
                    self._shown[product.record.id] = over.place, name, product

    def scenes(self, collection: Collection) -> Sequence[SceneRecord]:
        """All scenes of a collection."""
        return [p.record for *_, p in self._shown.values() if p.record.collection is collection]

    def pixels(self, scene: SceneRecord, band: str, raster: Raster) -> Pixels:
        """Linear power, reflectance in whole ten-thousandths, or class numbers, shape (height, width)."""
        if scene.collection is Collection.SENTINEL1:
            # two products of one acquisition differ in the last four digits of their names alone
            return self._radar.pixels(replace(scene, id=scene.id[:-4]), band, raster)
        values = self.optical(scene.id, band.lower(), raster)
        return values if band == "SCL" else np.round(values, DIGITS)

    def optical(self, product: str, band: str, raster: Raster, east_m: float = 0) -> Pixels:
        """What a product shows, reflectance not rounded, `east_m` east of the pixel centres."""
        place, name, made = self._shown[product]
        x, y = place.metres(*_lonlat(raster))
        x = x + east_m
        if band == "scl":
            return np.where(np.floor(x / STRIPE_M) % 2 == 0, *made.classes).astype(np.float64)
        waves: Pixels = LEVELS[band] + HEIGHT * (_wave(f"{name}/{band}/east", x) + _wave(f"{name}/{band}/north", y))
        return waves


def _wave(name: str, metres: NDArray[np.float64]) -> Pixels:
    phase = zlib.crc32(name.encode()) / 2**32
    return np.asarray(np.sin(2 * np.pi * (metres / LENGTH_M + phase)) / 2)


Transform = tuple[float, float, float, float, float, float]


def _lonlat(raster: Raster) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Longitude and latitude of the pixel centres, each (height, width)."""
    return _centres(raster.epsg, raster.transform, raster.width, raster.height)


@lru_cache(maxsize=512)
def _centres(
    epsg: int, transform: Transform, width: int, height: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    a, _, c, _, e, f = transform
    x, y = np.meshgrid(c + (np.arange(width) + 0.5) * a, f + (np.arange(height) + 0.5) * e)
    lon, lat = transformer(epsg, 4326).transform(x, y)
    return np.asarray(lon), np.asarray(lat)


def write_files(folder: Path, scenery: Scenery) -> None:
    """The files of all optical products: tiled GeoTIFFs, DN = (reflectance + 0.1) * 10000, 0 where nothing was seen.

    They are not compressed: a decoder would find wrong bytes out by itself.
    """
    for over in scenery.flown:
        for part in over.parts:
            for product in part.versions:
                if part.tile is not None and part.seen is not None:
                    whole = over.place.grid(part.tile)
                    for band in BANDS:
                        grid = _coarse(whole) if band == "scl" else whole
                        dn = _stored(scenery, product, band, grid)
                        dn[:, grid.centres()[0] < part.seen.left] = 0
                        _write(folder / file_of(product, band), dn, grid)


def file_of(product: Product, band: str) -> str:
    """Path of a file below the folder. A product made again has files of its own."""
    return f"{product.files_id}/{product.processed:%Y%m%dT%H%M%S}/{band.upper()}.tif"


def _stored(scenery: Scenery, product: Product, band: str, grid: Grid) -> NDArray[np.uint16]:
    values = scenery.optical(product.record.id, band, grid)
    return (values if band == "scl" else np.round((values - OFFSET) / SCALE)).astype(np.uint16)


def _write(path: Path, dn: NDArray[np.uint16], grid: Grid) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        height=grid.height,
        width=grid.width,
        count=1,
        dtype=dn.dtype,
        crs=CRS.from_epsg(grid.epsg),
        transform=Affine(*grid.transform),
        nodata=0,
        tiled=True,
        blockxsize=128,
        blockysize=128,
    ) as file:
        file.write(dn, 1)


def _coarse(grid: Grid) -> Grid:
    """The 20 m pixels over the same ground."""
    return replace(grid, resolution=20, height=grid.height // 2, width=grid.width // 2)


def seen(parts: Iterable[Part], grid: Grid, within_m: float = 0) -> NDArray[np.bool_]:
    """Optical: shape (height, width), True where a tile has pixels, `within_m` and more inside its rim."""
    lon, lat = _lonlat(grid)
    out = np.zeros(grid.shape, bool)
    for part in parts:
        if part.seen is not None:
            x, y = transformer(4326, part.seen.epsg).transform(lon, lat)
            left, bottom, right, top = part.seen.bounds
            out |= (x > left + within_m) & (x < right - within_m) & (y > bottom + within_m) & (y < top - within_m)
    return out
