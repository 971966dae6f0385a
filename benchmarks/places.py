"""Workspaces around folders of imagery, for benchmarks: the folder is read in place."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import shapely

from monitor.aoi import Aoi, Surface, Zone, ZoneKind
from monitor.grid import project


def items(folder: Path) -> list[dict[str, Any]]:
    """The STAC items of a folder."""
    found: list[dict[str, Any]] = json.loads((folder / "items.json").read_text(encoding="utf-8"))["features"]
    return found


def port(folder: Path) -> Aoi:
    """An AOI for a folder laid out like shared/data/latakia: the box of its scenes.

    Zones come from its labels.json, if there is one: `open` and, as the union over all tracks, `basin`. Without
    labels the whole box is one anchorage, cut to the water that the imagery shows.
    """
    boxes = [shapely.box(*i["bbox"]) for i in items(folder)]
    outline = shapely.box(*shapely.union_all(boxes).bounds)
    labels = folder / "labels.json"
    if labels.exists():
        zones = _labelled(json.loads(labels.read_text(encoding="utf-8")))
    else:
        zones = [Zone(name="water", kind=ZoneKind.ANCHORAGE, outline=outline, surface=Surface.WATER)]
    return Aoi(id="bench", name="Benchmark port", outline=outline, zones=tuple(zones))


def label_zones(labels: dict[str, Any]) -> tuple[shapely.Polygon, dict[int, shapely.Polygon]]:
    """The open zone and the basin of each relative orbit, in the reference system of the labels."""
    zones = labels["zones"]
    basins = {int(k): shapely.Polygon(v) for k, v in zones["basin"]["polygon_by_orbit"].items()}
    return shapely.Polygon(zones["open"]["polygon"]), basins


def _labelled(labels: dict[str, Any]) -> list[Zone]:
    epsg = int(labels["zones"]["crs"].split(":")[1])
    open_water, basins = label_zones(labels)
    outlines = {"open": open_water, "basin": shapely.union_all([b.buffer(0) for b in basins.values()])}
    kinds = {"open": ZoneKind.ANCHORAGE, "basin": ZoneKind.BERTH_WATER}
    return [
        Zone(name=name, kind=kinds[name], outline=project(outline.buffer(0), 4326, source=epsg))
        for name, outline in outlines.items()
    ]


def geojson(aoi: Aoi) -> dict[str, Any]:
    """The AOI as a file of a workspace holds it."""

    def feature(geometry: Any, **properties: Any) -> dict[str, Any]:
        return {"type": "Feature", "properties": properties, "geometry": shapely.geometry.mapping(geometry)}

    outline = feature(
        aoi.outline, feature_type="aoi", id=aoi.id, name=aoi.name, resolution_m=aoi.resolution_m, role="benchmark"
    )
    zones = [
        feature(z.outline, feature_type="zone", id=f"{aoi.id}.{z.name}", zone_kind=z.kind, mask=z.surface)
        for z in aoi.zones
    ]
    return {"type": "FeatureCollection", "features": [outline, *zones]}


@contextmanager
def workspace(folder: Path, *aois: Aoi) -> Iterator[Path]:
    """A temporary workspace that reads the folder."""
    with tempfile.TemporaryDirectory(prefix="quaywatch-bench-") as name:
        root = Path(name)
        (root / "aois").mkdir()
        for aoi in aois:
            (root / "aois" / f"{aoi.id}.geojson").write_text(json.dumps(geojson(aoi)), encoding="utf-8")
        (root / "config.toml").write_text(
            f'[[sources]]\nkind = "folder"\npath = {json.dumps(str(folder.resolve()))}\n', encoding="utf-8"
        )
        yield root


def command(root: Path, *words: str) -> list[str]:
    """The command line of quaywatch in that workspace."""
    import sys

    return [sys.executable, "-m", "monitor", "--workspace", str(root), *words]
