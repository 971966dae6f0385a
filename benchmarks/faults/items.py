"""The scenes as the two catalogues list them: Copernicus Data Space (STAC 1.1), and Earth Search, Collection 1."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import shapely

from benchmarks.faults.ground import OFFSET, SCALE, file_of
from benchmarks.faults.passes import BEHIND, Overflight, Part, Product
from monitor.scene import Sensor

Item = dict[str, Any]

FILES_COLLECTION = "sentinel-2-c1-l2a"
NAMES = {"b02": "blue", "b03": "green", "b04": "red", "b08": "nir", "scl": "scl"}
"""Of the assets, by band."""


def of_service(over: Overflight, part: Part, product: Product) -> Item:
    """As Copernicus Data Space has it. Its files are of no use here, and not named."""
    record = product.record
    properties = _common(over) | {
        "sat:orbit_state": record.direction,
        "sat:absolute_orbit": record.absolute_orbit,
        "sat:relative_orbit": over.relative_orbit,
        "processing:datetime": _stamp(product.processed),
        "published": _stamp(product.listed),
        "updated": _stamp(product.listed),
    }
    if over.sensor is Sensor.SENTINEL1:
        properties |= {
            "datetime": _stamp(record.start),
            "start_datetime": _stamp(record.start),
            "end_datetime": _stamp(record.end),
            "sar:instrument_mode": record.mode,
            "product:type": "IW_GRDH_1S",
            "sar:polarizations": list(record.bands),
            "product:timeliness": record.timeliness,
        }
    else:
        begun = _datatake(over)
        properties |= {
            # not when the tile was seen: when the datatake began
            "datetime": _stamp(begun + timedelta(milliseconds=24)),
            "start_datetime": _stamp(begun + timedelta(milliseconds=24)),
            "end_datetime": _stamp(begun + timedelta(milliseconds=24)),
            "grid:code": _tile(part),
            "product:type": "S2MSI2A",
            "processing:level": "L2",
            "processing:version": record.baseline,
            "eopf:datatake_id": f"GS2{record.platform[-1].upper()}_{begun:%Y%m%dT%H%M%S}_000001_N{record.baseline}",
            "eo:cloud_cover": record.cloud_cover,
        }
    return _item(part, properties, id=record.id, collection=str(record.collection), stac_version="1.1.0")


def of_files(over: Overflight, part: Part, product: Product, href: Callable[[str], str]) -> Item:
    """As Earth Search has it; `href` makes an address of the path of a file."""
    record, begun = product.record, _datatake(over)
    baseline = record.baseline
    properties = _common(over) | {
        "datetime": _stamp(record.start),
        "created": _stamp(product.files_listed or product.listed),
        "updated": _stamp(product.files_listed or product.listed),
        "proj:epsg": part.tile.epsg if part.tile else None,
        "grid:code": _tile(part),
        "eo:cloud_cover": record.cloud_cover,
        "s2:product_type": "S2MSI2A",
        "s2:product_uri": f"{record.id}.SAFE",
        "s2:processing_baseline": baseline,
        "s2:generation_time": _stamp(product.processed),
        "s2:datatake_id": f"GS2{record.platform[-1].upper()}_{begun:%Y%m%dT%H%M%S}_000001_N{baseline}",
    }
    assets = {name: _asset(band, href(file_of(product, band))) for band, name in NAMES.items()}
    return _item(
        part, properties, id=product.files_id, collection=FILES_COLLECTION, stac_version="1.0.0", assets=assets
    )


def _common(over: Overflight) -> dict[str, Any]:
    return {"platform": over.platform, "constellation": str(over.sensor)}


def _datatake(over: Overflight) -> datetime:
    return over.start - BEHIND


def _tile(part: Part) -> str:
    return f"MGRS-{part.tile.name}" if part.tile else ""


def _asset(band: str, href: str) -> dict[str, Any]:
    is_class = band == "scl"
    stored: dict[str, Any] = {"nodata": 0, "data_type": "uint16"}
    made: dict[str, Any] = {
        "href": href,
        "type": "image/tiff; application=geotiff; profile=cloud-optimized",
        "gsd": 20 if is_class else 10,
        "raster:bands": [stored if is_class else stored | {"scale": SCALE, "offset": OFFSET}],
        "roles": ["data"] if is_class else ["data", "reflectance"],
    }
    return made if is_class else made | {"eo:bands": [{"name": band.upper(), "common_name": NAMES[band]}]}


def _item(part: Part, properties: dict[str, Any], **more: Any) -> Item:
    return {
        "type": "Feature",
        "geometry": shapely.geometry.mapping(part.footprint),
        "bbox": list(part.footprint.bounds),
        "properties": properties,
        "links": [],
        "assets": {},
        **more,
    }


def _stamp(instant: datetime) -> str:
    return f"{instant:%Y-%m-%dT%H:%M:%S.%f}Z"
