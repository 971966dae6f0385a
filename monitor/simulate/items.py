"""STAC items of the simulated passes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import shapely

from monitor.grid import project
from monitor.scene import Sensor
from monitor.simulate import optical, radar
from monitor.simulate.passes import seen_by
from monitor.simulate.place import place
from monitor.simulate.world import Cut, OpticalPass, Plan, RadarPass

LINEAGE = "SIMULATED by quaywatch: no satellite took this picture and the place does not exist"
EXTENSIONS = ("projection/v1.2.0", "raster/v1.1.0", "processing/v1.1.0", "sat/v1.0.0")
"""STAC extensions that every item uses."""


def radar_item(plan: Plan, overpass: RadarPass) -> dict[str, Any]:
    """The item of a Sentinel-1 pass, with one asset."""
    own = {
        "constellation": Sensor.SENTINEL1.value,
        "instruments": ["c-sar"],
        "sat:orbit_state": overpass.direction.value,
        "sar:instrument_mode": "IW",
        "sar:frequency_band": "C",
        "sar:product_type": "GRD",
        "sar:looks_equivalent_number": radar.LOOKS,
        "sar:polarizations": ["VV"],
    }
    asset = _asset(
        f"{overpass.id}.tif",
        "VV gamma nought",
        data_type="uint16",
        scale=radar.DB_SCALE,
        offset=radar.DB_OFFSET,
        unit="dB",
    )
    assets = {"vv": asset | {"sar:polarizations": ["VV"]}}
    return _item(plan, overpass, cut=overpass.cut, extension="sar/v1.0.0", properties=own, assets=assets)


def optical_item(plan: Plan, overpass: OpticalPass) -> dict[str, Any]:
    """The item of a Sentinel-2 pass, with an asset for each band and the scene classification."""
    own = {
        "constellation": Sensor.SENTINEL2.value,
        "instruments": ["msi"],
        "sat:orbit_state": "descending",
        "eo:cloud_cover": round(100 * overpass.cloud_cover, 1),
    }
    scale = {"data_type": "uint16", "scale": optical.REFLECTANCE_SCALE, "offset": 0.0, "unit": "1"}
    assets = {b: _asset(f"{overpass.id}_{b}.tif", f"reflectance {b.upper()}", **scale) for b in optical.BANDS}
    classes = {"data_type": "uint8", "scale": 1.0, "offset": 0.0, "unit": "class"}
    assets["scl"] = _asset(f"{overpass.id}_scl.tif", "scene classification", **classes)
    return _item(plan, overpass, cut=None, extension="eo/v1.1.0", properties=own, assets=assets)


def _item(
    plan: Plan,
    overpass: RadarPass | OpticalPass,
    *,
    cut: Cut | None,
    extension: str,
    properties: Mapping[str, Any],
    assets: Mapping[str, Any],
) -> dict[str, Any]:
    port = place(plan.scenario.side)
    grid = port.grid
    extensions = [f"https://stac-extensions.github.io/{name}/schema.json" for name in (*EXTENSIONS, extension)]
    footprint = shapely.set_precision(project(seen_by(port, cut), 4326, source=grid.epsg), 1e-7)
    shared = {
        "datetime": stac_time(overpass.start + (overpass.end - overpass.start) / 2),
        "start_datetime": stac_time(overpass.start),
        "end_datetime": stac_time(overpass.end),
        "platform": overpass.platform,
        "gsd": grid.resolution,
        "sat:relative_orbit": overpass.relative_orbit,
        "proj:code": f"EPSG:{grid.epsg}",
        "proj:epsg": grid.epsg,
        "proj:shape": list(grid.shape),
        "proj:transform": list(grid.transform),
        "processing:lineage": LINEAGE,
        "quaywatch:simulated": True,
    }
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": overpass.id,
        "stac_extensions": extensions,
        "bbox": [round(v, 7) for v in footprint.bounds],
        "geometry": shapely.geometry.mapping(footprint),
        "properties": shared | dict(properties),
        "links": [],
        "assets": assets,
    }


def _asset(href: str, title: str, **band: object) -> dict[str, Any]:
    shape = {"href": href, "type": "image/tiff; application=geotiff", "roles": ["data"], "title": f"SIMULATED {title}"}
    return shape | {"raster:bands": [band | {"nodata": 0}]}


def stac_time(moment: datetime) -> str:
    """2025-10-04T09:20:00Z."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
