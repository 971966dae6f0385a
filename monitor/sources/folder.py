"""A folder of GeoTIFFs described by a STAC ItemCollection (`items.json`, relative hrefs)."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import shapely

from monitor import rasters
from monitor.aoi import Aoi
from monitor.errors import QuaywatchError, SceneError, SourceError
from monitor.grid import Grid
from monitor.scene import Asset, Direction, Pass, Scene, Sensor, Track, Unit, touching
from monitor.stack import Stack
from monitor.times import Interval, utc

CATALOGUE = "items.json"
LARGEST_CATALOGUE = 500_000_000
"""Bytes. Larger than any catalogue of one folder that a person made."""


@dataclass(frozen=True)
class FolderSource:
    """Reads `items.json` once; pixels when asked."""

    folder: Path
    name: str = "folder"
    sensors: frozenset[Sensor] = frozenset(Sensor)

    def search(self, aoi: Aoi, interval: Interval) -> list[Scene]:
        """See `Source.search`."""
        scenes, problems = self._catalogue
        if problems and not scenes:
            raise SourceError(f"{self.folder / CATALOGUE}: no usable item; {problems[0]}", "Mend the items.")
        return touching((s for s in scenes if s.start in interval), aoi.outline)

    @property
    def problems(self) -> Sequence[str]:
        """See `Source.problems`."""
        return self._catalogue[1]

    def restore(self, item: Mapping[str, Any]) -> Scene:
        """See `Source.restore`."""
        return to_scene(item, self.folder)

    def read(self, taken: Pass, grid: Grid, bands: Sequence[str]) -> Stack:
        """See `Source.read`. Bands that a scene lacks are left out."""
        names = [b for b in bands if all(b in s.assets for s in taken.scenes)]
        if not names:
            have = sorted({b for s in taken.scenes for b in s.assets})
            raise SceneError(f"{taken.scenes[0].id}: has {', '.join(have)}, wanted {', '.join(bands)}")
        return Stack(
            grid=grid,
            bands={b: rasters.joined([rasters.read_band(s.assets[b], grid) for s in taken.scenes]) for b in names},
        )

    @cached_property
    def _catalogue(self) -> tuple[list[Scene], list[str]]:
        scenes, problems = [], []
        for number, item in enumerate(self._items()):
            name = item.get("id", f"number {number}") if isinstance(item, dict) else f"number {number}"
            try:
                scenes.append(to_scene(item, self.folder))
            except (
                QuaywatchError,
                KeyError,
                TypeError,
                ValueError,
                OverflowError,
                AttributeError,
                shapely.errors.ShapelyError,
            ) as error:
                problem = f"{error} is missing" if isinstance(error, KeyError) else str(error).replace("\n ", ".")
                problems.append(f"{self.folder / CATALOGUE}: item {name} left out: {problem}")
        return scenes, problems

    def _items(self) -> list[Any]:
        path = self.folder / CATALOGUE
        try:
            if path.stat().st_size > LARGEST_CATALOGUE:
                raise SourceError(f"{path}: larger than {LARGEST_CATALOGUE // 10**6} MB", "Split the folder.")
            collection = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise SourceError(
                f"{path}: there is no such file",
                "Put GeoTIFFs and an items.json there, or change [[sources]] in config.toml.",
            ) from error
        except (OSError, ValueError, RecursionError) as error:
            raise SourceError(
                f"{path}: cannot be read ({error})", "It must be a STAC ItemCollection in JSON."
            ) from error
        items = collection.get("features") if isinstance(collection, dict) else None
        if not isinstance(items, list):
            raise SourceError(f"{path}: no STAC ItemCollection", 'It needs "features": [items].')
        return items


def to_scene(item: Mapping[str, Any], folder: Path) -> Scene:
    """A STAC item as a scene.

    Raises:
        SourceError, KeyError, TypeError, ValueError: the item lacks something, or it is not what it should be.
    """
    properties = item["properties"]
    sensor = _sensor(properties)
    channels = [str(p).upper() for p in properties.get("sar:polarizations", [])]
    orbit = properties.get("sat:relative_orbit")
    track = Track(
        sensor=sensor,
        relative_orbit=None if orbit is None else int(orbit),
        direction=Direction(properties.get("sat:orbit_state", "unknown")),
        polarisation=_measured_channel(channels) if sensor is Sensor.SENTINEL1 else "",
    )
    start = properties.get("start_datetime") or properties["datetime"]
    end = properties.get("end_datetime") or start
    epsg = _epsg(properties)
    assets = {
        name.lower(): _asset(asset, folder, epsg)
        for name, asset in item["assets"].items()
        if "data" in asset.get("roles", ["data"])
    }
    if not assets:
        raise SourceError("has no asset with the role 'data'")
    return Scene(
        id=str(item["id"]),
        track=track,
        platform=str(properties.get("platform", "")),
        start=utc(start),
        end=utc(end),
        footprint=shapely.geometry.shape(item["geometry"]),
        assets=assets,
        item=item,
    )


def _sensor(properties: Mapping[str, Any]) -> Sensor:
    named = properties.get("constellation") or properties.get("platform", "")
    for sensor in Sensor:
        if str(named).lower().startswith(sensor.value):
            return sensor
    raise SourceError(f"constellation {named!r} is not known", f"Known: {', '.join(Sensor)}.")


def _measured_channel(channels: Sequence[str]) -> str:
    for channel in ("VV", "HH"):
        if channel in channels:
            return channel
    raise SourceError(f"sar:polarizations {list(channels)} has neither VV nor HH")


def _epsg(properties: Mapping[str, Any]) -> int:
    """`proj:code` ("EPSG:32636") or `proj:epsg` (32636).

    Raises:
        SourceError: the item names no projection.
    """
    code = str(properties.get("proj:code") or properties.get("proj:epsg") or "")
    digits = code.upper().removeprefix("EPSG:")
    if not digits.isdigit():
        raise SourceError("no projection (proj:code or proj:epsg)", 'Add "proj:code": "EPSG:...".')
    return int(digits)


def _asset(asset: Mapping[str, Any], folder: Path, epsg: int) -> Asset:
    band = (asset.get("raster:bands") or [{}])[0]
    nodata = band.get("nodata")
    return Asset(
        href=str(_inside(folder, str(asset["href"]))),
        unit=Unit(str(band.get("unit", "1"))),
        scale=_finite(band.get("scale", 1.0), "scale"),
        offset=_finite(band.get("offset", 0.0), "offset"),
        nodata=None if nodata is None else float(nodata),
        epsg=epsg,
    )


def _finite(value: Any, what: str) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise SourceError(f"raster:bands {what} is {value!r}")
    return number


@lru_cache(maxsize=1024)
def _real(folder: Path) -> Path:
    """The folder behind all links. Kept: thousands of files lie in a few folders, and each link costs a system call."""
    return folder.resolve()


def _inside(folder: Path, href: str) -> Path:
    """The file of a relative href; nothing outside the folder is ever opened."""
    path = folder / href
    path = path.resolve() if path.is_symlink() or path.name in {"", ".."} else _real(path.parent) / path.name
    if "://" in href or href.startswith("/vsi") or not path.is_relative_to(_real(folder)):
        raise SourceError(f"the href {href!r} leaves the folder", "hrefs of a folder are relative and stay inside it.")
    return path
