"""Sentinel-2 items in the shape of Earth Search, STAC 1.0: 68 of them, made from a rule instead of recorded."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from shapely import affinity, get_coordinates
from shapely.geometry import Polygon, box, mapping
from shapely.geometry.base import BaseGeometry

C1 = "sentinel-2-c1-l2a"
L2A = "sentinel-2-l2a"

FIRST = datetime(2025, 3, 1, 2, 14, 31, tzinfo=UTC)
REVISIT = timedelta(days=5)

PORT = (130.0, 42.0)
"""Lower left corner of the tiles by the sea, degrees."""

DATELINE = (179.5, -17.0)
"""The tiles there reach from 179.5 E to 179.5 W."""

SLANT = 8.0
"""Degrees by which a swath is turned against the meridian: the box around a footprint holds ground it does not."""


def stamp(moment: datetime) -> str:
    """As in an item."""
    return moment.isoformat().replace("+00:00", "Z")


def split(outline: BaseGeometry) -> BaseGeometry:
    """An outline that reaches beyond 180 E, cut in two there as RFC 7946 asks."""
    west = outline.intersection(box(0, -90, 180, 90))
    east = affinity.translate(outline.intersection(box(180, -90, 360, 90)), -360)
    return west.union(east)


def item(*, collection: str, tile: str, footprint: BaseGeometry, moment: datetime) -> dict[str, Any]:
    """One product."""
    identity = f"S2B_T{tile}_{moment:%Y%m%dT%H%M%S}_L2A"
    west, south, east, north = footprint.bounds
    if east - west > 180:  # RFC 7946, 5.2: the box goes from the eastern hemisphere over the dateline to the western
        longitudes = get_coordinates(footprint)[:, 0]
        west, east = float(longitudes[longitudes > 0].min()), float(longitudes[longitudes < 0].max())
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "stac_extensions": ["https://stac-extensions.github.io/projection/v1.1.0/schema.json"],
        "id": identity,
        "collection": collection,
        "geometry": mapping(footprint),
        "bbox": [west, south, east, north],
        "links": [],
        "properties": {
            "datetime": stamp(moment),
            "created": stamp(moment + timedelta(hours=5)),
            "updated": stamp(moment + timedelta(hours=5)),
            "platform": "sentinel-2b",
            "constellation": "sentinel-2",
            "eo:cloud_cover": 12.5,
            "grid:code": f"MGRS-{tile}",
            "proj:epsg": 32701 if tile.startswith("01") else 32652,
            "s2:datatake_id": f"GS2B_{moment:%Y%m%dT%H%M%S}_041234_N05.11",
            "s2:processing_baseline": "05.11",
            "s2:sequence": "0",
            "earthsearch:boa_offset_applied": False,
        },
        "assets": {
            name: {
                "href": f"https://e84-earth-search-sentinel-data.s3.us-west-2.amazonaws.com/{identity}/{file}.tif",
                "type": "image/tiff; application=geotiff; profile=cloud-optimized",
                "raster:bands": [{"nodata": 0, "data_type": "uint16", "scale": scale, "offset": offset}],
            }
            for name, file, scale, offset in (("red", "B04", 0.0001, -0.1), ("scl", "SCL", 1, 0))
        },
    }


def again(product: dict[str, Any]) -> dict[str, Any]:
    """The same acquisition, made a second time by a newer processor. A catalogue lists both."""
    properties = product["properties"]
    later = stamp(datetime.fromisoformat(properties["updated"]) + timedelta(days=30))
    return {
        **product,
        "id": f"{product['id']}_1",
        "properties": {
            **properties,
            "created": later,
            "updated": later,
            "s2:processing_baseline": "05.12",
            "s2:sequence": "1",
        },
    }


def _tiles(corner: tuple[float, float], columns: int, rows: int) -> Iterator[tuple[int, Polygon]]:
    """Numbered footprints of half a degree and some overlap, cut by a slanted swath."""
    west, south = corner
    for k in range(columns * rows):
        x, y = west + 0.5 * (k % columns), south + 0.5 * (k // columns)
        yield k, affinity.skew(box(x, y, x + 0.55, y + 0.55), xs=SLANT)


def products() -> list[dict[str, Any]]:
    """All of them, in no useful order: many share their instant, as the tiles of one datatake do."""
    made = []
    for k, footprint in _tiles(PORT, 3, 2):
        for date in range(8):
            moment = FIRST + date * REVISIT
            made.append(item(collection=C1, tile=f"52TC{'NMLKJH'[k]}", footprint=footprint, moment=moment))
            if date == 3 and k < 4:
                made.append(again(made[-1]))
    for k, footprint in _tiles(DATELINE, 2, 1):
        for date in range(4):
            moment = FIRST + date * REVISIT - timedelta(hours=3)
            made.append(item(collection=C1, tile=f"01KA{'BC'[k]}", footprint=split(footprint), moment=moment))
    for k, footprint in _tiles(PORT, 2, 1):
        for date in range(4):
            moment = FIRST + date * REVISIT
            made.append(item(collection=L2A, tile=f"52TC{'NM'[k]}", footprint=footprint, moment=moment))
    return made[::2] + made[1::2]
