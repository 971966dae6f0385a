"""A folder of GeoTIFFs described by a STAC ItemCollection (`items.json`, relative hrefs)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from monitor import rasters
from monitor.aoi import Aoi
from monitor.errors import SceneError, SourceError
from monitor.grid import Grid
from monitor.scene import Pass, Scene, Sensor, touching
from monitor.sources import items
from monitor.stack import Stack
from monitor.times import Interval

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

    def close(self) -> None:
        """See `Source.close`: it has no connections."""

    def restore(self, item: Mapping[str, Any]) -> Scene:
        """See `Source.restore`."""
        return to_scene(item, self.folder, self.name)

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
                scenes.append(to_scene(item, self.folder, self.name))
            except SourceError as error:
                problems.append(f"{self.folder / CATALOGUE}: item {name} left out: {items.reason(error)}")
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
        features = collection.get("features") if isinstance(collection, dict) else None
        if not isinstance(features, list):
            raise SourceError(f"{path}: no STAC ItemCollection", 'It needs "features": [items].')
        return features


def to_scene(item: Mapping[str, Any], folder: Path, name: str) -> Scene:
    """An item of a folder as a scene. One asset that cannot be used makes the whole item unusable: a person wrote it.

    Raises:
        SourceError: the item lacks something, or it is not what it should be.
    """
    made = items.parsed(item, source=name, href=lambda text: str(_inside(folder, text)), own=True)
    if made.refused:
        raise SourceError(next(iter(made.refused.values())))
    if any(a.epsg is None for a in made.scene.assets.values()):
        raise SourceError("no projection (proj:code or proj:epsg)", 'Add "proj:code": "EPSG:...".')
    return made.scene


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
