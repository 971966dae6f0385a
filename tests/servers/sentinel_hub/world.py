"""What the stand-in knows of the earth: which scenes there are, and the true pixels of each.

A test gives its own `World` or takes `SyntheticWorld`, whose pixels depend on nothing but scene, band and ground, so
that the same ground has the same pixels however it is asked for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

Pixels = NDArray[np.float64]


class Collection(StrEnum):
    """The two collections that the stand-in serves."""

    SENTINEL1 = "sentinel-1-grd"
    SENTINEL2 = "sentinel-2-l2a"


@dataclass(frozen=True, kw_only=True)
class SceneRecord:
    """One product of the service. `sentinel1()` and `sentinel2()` make it with a name in the agencies' form."""

    id: str
    collection: Collection
    start: datetime
    """First instant, UTC. The Catalog shows it in whole seconds (as recorded); Process filters on the exact instant."""

    end: datetime
    platform: str
    """sentinel-1a, ..."""

    footprint: BaseGeometry
    """WGS84. Outside it the dataMask is 0."""

    direction: str = "ascending"
    absolute_orbit: int = 0
    relative_orbit: int | None = None
    """For the test's own use: the service's Catalog does not give it."""

    mode: str = "IW"
    polarisation: str = "DV"
    """Two letters as the service writes them: DV = VV + VH, SV = VV alone."""

    resolution: str = "HIGH"
    timeliness: str = "NRT3h"
    cloud_cover: float = 0.0
    """Per cent of the tile."""

    baseline: str = "05.11"
    """Sentinel-2 processing baseline."""

    epsg: int = 32631
    """Of `proj:bbox` and `proj:geometry`."""

    published: datetime | None = None
    """From when on the service lists it (`server.now`); None: always."""

    @property
    def bands(self) -> tuple[str, ...]:
        """The radar channels of the product; empty for Sentinel-2."""
        return POLARISATIONS[self.polarisation] if self.collection is Collection.SENTINEL1 else ()


POLARISATIONS = {
    "SH": ("HH",),
    "SV": ("VV",),
    "DH": ("HH", "HV"),
    "DV": ("VV", "VH"),
    "HH": ("HH",),
    "HV": ("HV",),
    "VV": ("VV",),
    "VH": ("VH",),
}

FIRST_ORBIT = {"sentinel-1a": 73, "sentinel-1b": 27, "sentinel-1c": 172, "sentinel-1d": 42}
"""Relative orbit = (absolute - this) mod 175 + 1 (Sentinel-1C up to absolute orbit 8018)."""


class Raster(Protocol):
    """Where pixels lie. `monitor.grid.Grid` is one."""

    @property
    def epsg(self) -> int:
        """The reference system."""
        ...

    @property
    def transform(self) -> tuple[float, float, float, float, float, float]:
        """Affine coefficients a..f: x = a * column + c, y = e * row + f (outer corners)."""
        ...

    @property
    def width(self) -> int:
        """Columns."""
        ...

    @property
    def height(self) -> int:
        """Rows."""
        ...


class World(Protocol):
    """The truth behind the service."""

    def scenes(self, collection: Collection) -> Sequence[SceneRecord]:
        """All scenes of a collection, in any order."""
        ...

    def pixels(self, scene: SceneRecord, band: str, raster: Raster) -> Pixels:
        """True values, shape (height, width): linear power (gamma0, terrain corrected), reflectance, or class numbers.

        `band` as the service names it: VV, B04, SCL. NaN: the product holds no value there. The footprint is
        the server's business.
        """
        ...


def sentinel1(
    start: datetime,
    footprint: BaseGeometry,
    *,
    platform: str = "sentinel-1a",
    relative_orbit: int = 87,
    direction: str = "ascending",
    polarisation: str = "DV",
    seconds: float = 25.0,
    cycle: int = 300,
    epsg: int | None = None,
    mode: str = "IW",
    timeliness: str = "NRT3h",
    resolution: str = "HIGH",
    published: datetime | None = None,
) -> SceneRecord:
    """A GRD slice. Its name carries an absolute orbit that fits the relative one. `epsg` None: that of its UTM zone."""
    absolute = relative_orbit - 1 + FIRST_ORBIT[platform] + 175 * (cycle if platform == "sentinel-1a" else 20)
    end = start + timedelta(seconds=seconds)
    letter = platform[-1].upper()
    orbit = f"{absolute:06d}_{absolute * 8 % 2**24:06X}"
    name = f"S1{letter}_{mode}_GRDH_1S{polarisation}_{_stamp(start)}_{_stamp(end)}_{orbit}"
    return SceneRecord(
        id=f"{name}_{_digest(name)[:4].upper()}",
        collection=Collection.SENTINEL1,
        start=start,
        end=end,
        platform=platform,
        footprint=footprint,
        direction=direction,
        absolute_orbit=absolute,
        relative_orbit=relative_orbit,
        polarisation=polarisation,
        mode=mode,
        timeliness=timeliness,
        resolution=resolution,
        epsg=epsg or _utm(footprint),
        published=published,
    )


def sentinel2(
    start: datetime,
    footprint: BaseGeometry,
    *,
    platform: str = "sentinel-2a",
    relative_orbit: int = 51,
    tile: str = "31UET",
    baseline: str = "05.11",
    cloud_cover: float = 0.0,
    processed: datetime | None = None,
    datatake: datetime | None = None,
    epsg: int | None = None,
    published: datetime | None = None,
) -> SceneRecord:
    """An L2A tile. `datatake`: the instant in its name, some minutes before `start`; None: `start` itself.

    `epsg` None: that of its UTM zone.
    """
    made = processed or start + timedelta(hours=4)
    version = baseline.replace(".", "")
    name = f"S2{platform[-1].upper()}_MSIL2A_{_stamp(datatake or start)}_N{version}_R{relative_orbit:03d}_T{tile}"
    return SceneRecord(
        id=f"{name}_{_stamp(made)}",
        collection=Collection.SENTINEL2,
        start=start,
        end=start,
        platform=platform,
        footprint=footprint,
        direction="descending",
        relative_orbit=relative_orbit,
        cloud_cover=cloud_cover,
        baseline=baseline,
        epsg=epsg or _utm(footprint),
        published=published,
    )


def _utm(footprint: BaseGeometry) -> int:
    """The zone of the middle of its first part."""
    middle = getattr(footprint, "geoms", [footprint])[0].centroid
    return int((32600 if middle.y >= 0 else 32700) + min(60, (middle.x + 180) // 6 + 1))


def _stamp(instant: datetime) -> str:
    return f"{instant:%Y%m%dT%H%M%S}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


CELL = {"SCL": 20, "B05": 20, "B06": 20, "B07": 20, "B8A": 20, "B11": 20, "B12": 20, "B01": 60, "B09": 60}
"""Side of a source pixel, m, where it is not 10."""

SEA_DB = {"VV": -20.0, "VH": -27.0, "HH": -21.0, "HV": -28.0}
LAND_DB = {"VV": -8.0, "VH": -14.0, "HH": -8.5, "HV": -15.0}
WATER, VEGETATION, CLOUD = 6, 4, 9
"""Classes of the scene classification."""


class SyntheticWorld:
    """Sea and land in a fixed pattern; 4-look speckle; clouds in 2 km blocks. Pixels by hash of scene, band and ground.

    The ground is told by the reference system's own coordinates: the same place asked for in two UTM zones has the same
    pattern only by chance.
    """

    def __init__(self, scenes: Sequence[SceneRecord], *, seed: int = 0) -> None:
        self.all = list(scenes)
        self.seed = seed

    def scenes(self, collection: Collection) -> Sequence[SceneRecord]:
        """All scenes of a collection."""
        return [scene for scene in self.all if scene.collection is collection]

    def pixels(self, scene: SceneRecord, band: str, raster: Raster) -> Pixels:
        """Linear power, reflectance (whole ten-thousandths) or class numbers, shape (height, width)."""
        if band == "SCL":
            return self._classes(scene, raster)
        if scene.collection is Collection.SENTINEL1:
            return self._power(scene, band, raster)
        return self._reflectance(scene, band, raster)

    def _power(self, scene: SceneRecord, band: str, raster: Raster) -> Pixels:
        if band == "localIncidenceAngle":
            return np.full((raster.height, raster.width), 38.0)
        if band not in scene.bands:
            return np.full((raster.height, raster.width), np.nan)
        level = np.where(is_sea(raster), 10 ** (SEA_DB[band] / 10), 10 ** (LAND_DB[band] / 10))
        return level * _speckle(self._hash(raster, 10, scene.id, band))

    def _reflectance(self, scene: SceneRecord, band: str, raster: Raster) -> Pixels:
        number = int(band[1:].replace("A", ""))
        land, sea, cloud = 600 + 250 * number, 400 - 30 * number, 7000
        classes = self._classes(scene, raster)
        level = np.select([classes == CLOUD, classes == WATER], [cloud, sea], land)
        grain = (self._hash(raster, CELL.get(band, 10), scene.id, band) & np.uint64(63)).astype(np.float64)
        digital: Pixels = (level + grain) / 10_000
        return digital

    def _classes(self, scene: SceneRecord, raster: Raster) -> Pixels:
        cloudy = _unit(self._hash(raster, 2000, scene.id, "cloud")) < scene.cloud_cover / 100
        surface = np.where(is_sea(raster, cell=CELL["SCL"]), WATER, VEGETATION)
        return np.where(cloudy, CLOUD, surface).astype(np.float64)

    def _hash(self, raster: Raster, cell: int, *names: str) -> NDArray[np.uint64]:
        """Shape (height, width): 64 well mixed bits for each source pixel of `cell` metres."""
        columns, rows = _cells(raster, cell)
        salt = int(_digest("/".join([str(self.seed), *names]))[:16], 16)
        with np.errstate(over="ignore"):
            across = columns.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(salt)
            down = rows.astype(np.uint64) * np.uint64(0xC2B2AE3D27D4EB4F)
            bits = across[None, :] ^ down[:, None]
            bits ^= bits >> np.uint64(30)
            bits *= np.uint64(0xBF58476D1CE4E5B9)
            bits ^= bits >> np.uint64(27)
            bits *= np.uint64(0x94D049BB133111EB)
            bits ^= bits >> np.uint64(31)
        return bits


def _cells(raster: Raster, cell: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Column numbers (width,) and row numbers (height,) of the source pixels under the pixel centres."""
    a, _, c, _, e, f = raster.transform
    x = c + (np.arange(raster.width) + 0.5) * a
    y = f + (np.arange(raster.height) + 0.5) * e
    return np.floor(x / cell).astype(np.int64), np.floor(y / cell).astype(np.int64)


def is_sea(raster: Raster, cell: int = 10) -> NDArray[np.bool_]:
    """Shape (height, width). True where `SyntheticWorld` has water; the same in all its scenes."""
    columns, rows = _cells(raster, cell)
    sea: NDArray[np.bool_] = ((columns * cell // 600)[None, :] + (rows * cell // 800)[:, None]) % 3 != 0
    return sea


def _unit(bits: NDArray[np.uint64]) -> Pixels:
    """Uniform in [0, 1)."""
    return (bits >> np.uint64(11)).astype(np.float64) / 2.0**53


def _speckle(bits: NDArray[np.uint64]) -> Pixels:
    """Gamma distributed with mean 1 and 4 looks: minus the logarithm of four uniform numbers, 16 bits each."""
    product = np.ones(bits.shape)
    for shift in (0, 16, 32, 48):
        product *= ((bits >> np.uint64(shift)) & np.uint64(0xFFFF)).astype(np.float64) + 0.5
    speckle: Pixels = (64 * np.log(2.0) - np.log(product)) / 4
    return speckle
