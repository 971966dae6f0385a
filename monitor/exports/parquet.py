"""GeoParquet 1.1: the rows of `table` with the outline of their zone, longitude and latitude (OGC:CRS84)."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any, Final

import geopandas
from shapely.geometry.base import BaseGeometry

from monitor.exports.geometry import oriented
from monitor.exports.table import COLUMNS, TEXTS, records
from monitor.exports.values import Export

SCHEMA: Final = "1.1.0"
"""Version of GeoParquet that is written."""

INTEGERS: Final = ("n_valid", "expected_looks")
INSTANTS: Final = ("start_utc", "made_utc")

TYPES: Final[Mapping[str, str]] = (
    dict.fromkeys(COLUMNS, "Float64")
    | dict.fromkeys(TEXTS, "string")
    | dict.fromkeys(INTEGERS, "Int64")
    | dict.fromkeys(INSTANTS, "datetime64[us, UTC]")
    | {"simulated": "bool"}
)
"""Types that know a missing value from a NaN, and that a table without rows has too."""


def frame(export: Export) -> Any:
    """A GeoDataFrame with the columns of `table` and a geometry; none where the AOI no longer has the zone."""
    rows = list(records(export))
    columns = {name: [row[name] for row in rows] for name in COLUMNS}
    outlines = _outlines(export)
    shapes = [outlines.get((row["aoi"], row["zone"])) for row in rows]
    made = geopandas.GeoDataFrame(columns, geometry=geopandas.GeoSeries(shapes, crs="OGC:CRS84"))
    return made.astype(TYPES)


def parquet(export: Export) -> bytes:
    """The bytes of a GeoParquet file."""
    out = io.BytesIO()
    frame(export).to_parquet(out, index=False, schema_version=SCHEMA, compression="zstd")
    return out.getvalue()


def _outlines(export: Export) -> dict[tuple[object, object], BaseGeometry]:
    return {(p.aoi.id, z.name): oriented(z.outline) for p in export.places for z in p.aoi.zones}
