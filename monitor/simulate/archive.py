"""Writes a simulated archive: GeoTIFFs, a STAC ItemCollection, the AOI, and the truth.

The only module here that touches files.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.transform import Affine

from monitor.errors import SourceError
from monitor.grid import Grid
from monitor.simulate import optical, radar
from monitor.simulate.items import optical_item, radar_item, stac_time
from monitor.simulate.place import AOI_ID, features, place
from monitor.simulate.world import ContainerStack, Event, EventKind, OpticalPass, Plan, RadarPass, Ship, Truth
from monitor.times import Interval, utc

Progress = Callable[[int, int], None]
"""Called with (passes written, passes in all) from the calling thread."""

THREADS = 2


def write(folder: Path, plan: Plan, progress: Progress | None = None) -> Truth:
    """Render every pass of the plan into `folder` and return the truth.

    The folder then holds `items.json` (STAC ItemCollection, relative hrefs), one GeoTIFF an asset, `aoi.geojson` and
    `truth.json`. `items.json` comes last: a folder without it is not finished. Files of an earlier run are replaced.

    Raises:
        SourceError: the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "items.json").unlink(missing_ok=True)
        items = _write_passes(folder, plan, progress)
        _write_json(folder / "aoi.geojson", features(place(plan.scenario.side)))
        _write_json(folder / "truth.json", _truth_json(plan))
        _write_json(folder / "items.json", {"type": "FeatureCollection", "features": items})
    except (OSError, rasterio.errors.RasterioError) as error:
        raise SourceError(
            f"the simulated archive cannot be written to {folder}: {error}",
            "Choose a writable folder with 100 MB free.",
        ) from error
    return plan.truth


def _write_passes(folder: Path, plan: Plan, progress: Progress | None) -> list[dict[str, Any]]:
    """Items in order of time. Each pass has random numbers of its own, so neither order nor threads matter."""
    passes = plan.passes()
    with ThreadPoolExecutor(THREADS) as pool:
        running = {pool.submit(_write_pass, folder, plan, p): n for n, p in enumerate(passes)}
        items: list[dict[str, Any]] = [{}] * len(passes)
        try:
            for done, future in enumerate(as_completed(running), start=1):
                items[running[future]] = future.result()
                if progress is not None:
                    progress(done, len(passes))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return items


def _write_pass(folder: Path, plan: Plan, overpass: RadarPass | OpticalPass) -> dict[str, Any]:
    grid = place(plan.scenario.side).grid
    if isinstance(overpass, RadarPass):
        _write_tiff(folder / f"{overpass.id}.tif", grid, radar.to_dn(radar.render(plan, overpass)), smooth=False)
        return radar_item(plan, overpass)
    for name, band in optical.render(plan, overpass).items():
        dn = band.astype(np.uint8) if name == "scl" else optical.to_dn(band)
        _write_tiff(folder / f"{overpass.id}_{name}.tif", grid, dn, smooth=name != "scl")
    return optical_item(plan, overpass)


def _write_tiff(path: Path, grid: Grid, dn: NDArray[np.uint16] | NDArray[np.uint8], *, smooth: bool) -> None:
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        height=grid.height,
        width=grid.width,
        count=1,
        dtype=dn.dtype,
        nodata=0,
        crs=CRS.from_epsg(grid.epsg),
        transform=Affine(*grid.transform),
        compress="deflate",
        # noise does not shrink with effort or prediction; smooth reflectance does
        zlevel=6 if smooth else 1,
        predictor=2 if smooth else 1,
        blockysize=grid.height,
    ) as file:
        file.write(dn, 1)


def _truth_json(plan: Plan) -> dict[str, Any]:
    truth = plan.truth
    return {
        "simulated": True,
        "aoi": AOI_ID,
        "seed": plan.scenario.seed,
        "start": truth.interval.start,
        "end": truth.interval.end,
        "epsg": place(plan.scenario.side).grid.epsg,
        "events": [asdict(e) for e in truth.events],
        "ships": [asdict(s) for s in truth.ships],
        "stacks": [asdict(s) for s in truth.stacks],
        "looks": [
            {"id": p.id, "start": p.start, "ships": [s.id for s in truth.ships_at(p.start)]} for p in plan.passes()
        ],
        "missed": list(plan.missed),
    }


def read_truth(folder: Path) -> Truth:
    """The truth of an archive that `write` made.

    Raises:
        SourceError: there is none, or it cannot be read.
    """
    path = folder / "truth.json"
    try:
        raw = json.loads(path.read_text("utf-8"))
        return Truth(
            interval=Interval(start=utc(raw["start"]), end=utc(raw["end"])),
            ships=tuple(Ship(**_with_times(s)) for s in raw["ships"]),
            stacks=tuple(ContainerStack(**_with_times(s)) for s in raw["stacks"]),
            events=tuple(Event(**_with_times(e) | {"kind": EventKind(e["kind"])}) for e in raw["events"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SourceError(
            f"{path} is not the truth of a simulated archive: {error}", "Write the archive again."
        ) from error


def _with_times(row: Mapping[str, Any]) -> dict[str, Any]:
    return {k: utc(v) if k in {"arrives", "leaves", "start", "end"} else v for k, v in row.items()}


def _write_json(path: Path, value: object) -> None:
    """All or nothing: written beside, then renamed."""
    beside = path.with_name(f".{path.name}.part")
    beside.write_text(json.dumps(value, separators=(",", ":"), default=_stac_json), "utf-8")
    beside.replace(path)


def _stac_json(value: object) -> str:
    if isinstance(value, datetime):
        return stac_time(value)
    raise TypeError(f"{value!r} has no place in JSON")
