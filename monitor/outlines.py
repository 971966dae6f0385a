"""Outlines: the AOI files of a workspace, files that people bring along (`quaywatch check FILE`), and points.

Files come from anywhere: the kind of a file is decided by its first bytes and its suffix together, so that GDAL opens
it with the driver we mean.
"""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry

from monitor.aoi import Aoi, checked_outline, circle, from_features, whole
from monitor.errors import AoiError, QuaywatchError

LARGEST_FILE = 20_000_000
"""Bytes of an outline. A larger file is imagery, or a whole country, by mistake."""

_SHAPEFILE_MAGIC = b"\x00\x00\x27\x0a"
_GEOPACKAGE_MAGIC = b"SQLite format 3\x00"
_READERS = {".kml": b"<kml", ".gpkg": _GEOPACKAGE_MAGIC, ".shp": _SHAPEFILE_MAGIC}
"""By suffix: what must stand at the beginning of the file."""

_SHAPEFILE_PARTS = frozenset({".shx", ".dbf", ".prj", ".cpg"})
_GEOJSON = frozenset({".geojson", ".json"})
_GEOJSON_TYPES = ("FeatureCollection", "Feature", "Polygon", "MultiPolygon", "GeometryCollection")
_KML_DANGERS = re.compile(rb"<!(?:DOCTYPE|ENTITY)|<OGRVRT", re.IGNORECASE)
"""Entities can grow without bound or fetch files; the last would make GDAL take the file for a virtual data set."""


def ad_hoc(lon: float, lat: float, radius_m: float) -> Aoi:
    """A disc around a point as an AOI with one zone; the same place always has the same id.

    Raises:
        AoiError: the point is not on the globe, or the radius is out of bounds.
    """
    # What makes no difference on the ground (0.1 m) makes no other place; + 0.0 turns -0.0 into 0.0.
    lon, lat, radius_m = round(lon, 6) + 0.0, round(lat, 6) + 0.0, round(radius_m, 1)
    where = f"{lon:.10g},{lat:.10g}"
    outline = checked_outline(circle(lon, lat, radius_m), where)
    identity = _hash(f"{lon:.6f},{lat:.6f},{radius_m:.1f}".encode())
    return Aoi(id=f"point-{identity}", name=f"{radius_m:g} m around {where}", outline=outline, zones=(whole(outline),))


def read_aoi(path: Path, where: str) -> Aoi:
    """The AOI in a GeoJSON file of our own; `where` names the file in what is told about it.

    Raises:
        AoiError: it is not as it should be.
    """
    return _from_collection(_parsed(_bytes(path, where), where), where)


def read_outline(path: Path) -> Aoi:
    """The AOI in a file: GeoJSON, KML, GeoPackage or Shapefile.

    Our own GeoJSON (with a feature_type "aoi") keeps its id and zones. Of any other file the polygons are joined into
    one outline in WGS84, with the id `file-<name>-<hash of the contents>`; its points and lines are left out.

    Raises:
        AoiError: it cannot be read, or is no outline; names the file.
    """
    where = str(path)
    content = _bytes(path, where)
    suffix = path.suffix.lower()
    if suffix in _GEOJSON:
        data = _parsed(content, where)
        if _is_ours(data):
            return _from_collection(data, where)
        _check_geojson(data, where)
    elif not _is_what_it_says(suffix, content):
        raise AoiError(
            f"{where}: not a {suffix or 'known'} file" if suffix in _READERS else f"{where}: cannot read {suffix!r}",
            "Use GeoJSON (.geojson), KML (.kml), GeoPackage (.gpkg) or Shapefile (.shp).",
        )
    outline = checked_outline(_joined(_geometries(path, content, where), where), where)
    slug = re.sub(r"[^a-z0-9]+", "-", path.stem.lower()).strip("-")[:40]
    identity = "-".join(filter(None, ["file", slug, _hash(content)]))
    return Aoi(id=identity, name=path.stem, outline=outline, zones=(whole(outline),), properties={"file": path.name})


def _is_what_it_says(suffix: str, content: bytes) -> bool:
    mark = _READERS.get(suffix)
    if mark is None:
        return False
    if suffix == ".kml":
        # No zero byte: UTF-16 would hide entities from the search for them.
        return mark in content[:4096] and content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<") and 0 not in content
    return content.startswith(mark)


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:8]


def _bytes(path: Path, where: str) -> bytes:
    try:
        size = path.stat().st_size
        if size > LARGEST_FILE:
            raise AoiError(f"{where}: {size / 1e6:.0f} MB", f"An outline has at most {LARGEST_FILE / 1e6:.0f} MB.")
        content = path.read_bytes()
    except OSError as error:
        raise AoiError(f"{where}: {error.strerror}", "Check the path.") from error
    if path.suffix.lower() == ".kml" and _KML_DANGERS.search(content):
        raise AoiError(
            f"{where}: it declares a document type or entities", "Save it again as plain KML, or as GeoJSON."
        )
    return content


def _parsed(content: bytes, where: str) -> Any:
    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is not a number")

    try:
        return json.loads(content.decode("utf-8-sig"), parse_constant=refuse)
    except json.JSONDecodeError as error:
        raise AoiError(f"{where}:{error.lineno}: not JSON: {error.msg}", "Export the file again.") from error
    except (ValueError, RecursionError) as error:
        raise AoiError(f"{where}: not GeoJSON: {_short(error)}", "Save it as UTF-8 GeoJSON.") from error


def _check_geojson(data: Any, where: str) -> None:
    # GDAL has other drivers that start from JSON; one of them (GDALG) runs the command in the file.
    if not isinstance(data, Mapping) or data.get("type") not in _GEOJSON_TYPES:
        raise AoiError(f"{where}: not GeoJSON", 'Expected {"type": "FeatureCollection", "features": [...]}.')


def _is_ours(data: Any) -> bool:
    features = data.get("features") if isinstance(data, Mapping) else None
    return isinstance(features, Sequence) and any(
        isinstance(f, Mapping)
        and isinstance(f.get("properties"), Mapping)
        and f["properties"].get("feature_type") in ("aoi", "zone")
        for f in features
    )


def _from_collection(data: Any, where: str) -> Aoi:
    try:
        return from_features(data, where)
    except QuaywatchError:
        raise
    except (AttributeError, TypeError, ValueError, KeyError) as error:
        # JSON of an unforeseen shape, such as a list where an object should be.
        raise AoiError(
            f"{where}: not a GeoJSON FeatureCollection ({_short(error)})",
            'Expected {"type": "FeatureCollection", "features": [...]}.',
        ) from error


def _short(error: BaseException) -> str:
    """The first line of what a library says."""
    lines = str(error).strip().splitlines()
    return lines[0][:160] if lines else type(error).__name__


def _geometries(path: Path, content: bytes, where: str) -> list[BaseGeometry]:
    """The polygons of a file, WGS84, without heights."""
    with tempfile.TemporaryDirectory(prefix="quaywatch-") as folder:
        # A copy under a plain name: GDAL gives a meaning to some characters of a path ("Port A!.kml" is not found).
        copy = Path(folder, f"outline{path.suffix.lower()}")
        try:
            copy.write_bytes(content)
            for sibling in _siblings(path):
                copy.with_suffix(sibling.suffix.lower()).write_bytes(_bytes(sibling, str(sibling)))
            found = _read(copy, where)
        except (OSError, ValueError, RuntimeError, shapely.errors.ShapelyError) as error:
            said = _short(error).replace(str(copy.with_suffix("")), path.stem)
            raise AoiError(f"{where}: cannot be read: {said}", "Export it again, or as GeoJSON.") from error
    collections = shapely.get_parts(shapely.force_2d([g for g in found if g is not None]))
    return [part for part in shapely.get_parts(collections) if part.geom_type == "Polygon"]


def _siblings(path: Path) -> list[Path]:
    """The other files of a Shapefile."""
    if path.suffix.lower() != ".shp":
        return []
    return [p for p in path.parent.iterdir() if p.stem == path.stem and p.suffix.lower() in _SHAPEFILE_PARTS]


def _read(path: Path, where: str) -> list[BaseGeometry | None]:
    import geopandas  # noqa: PLC0415 - half a second that nobody else should pay

    found: list[BaseGeometry | None] = []
    with warnings.catch_warnings():
        # GDAL remarks on rings and field types: the outline is checked afterwards in any case.
        warnings.simplefilter("ignore")
        for layer in _layers(geopandas.list_layers(path), path, where):
            found += _in_wgs84(geopandas.read_file(path, layer=layer, engine="pyogrio", columns=[]), where)
    return found


def _layers(listed: Any, path: Path, where: str) -> list[str]:
    """The layers with geometry. KML makes one of each folder; elsewhere two layers are two different things."""
    pairs = zip(listed["name"], listed["geometry_type"], strict=True)
    names = [str(name) for name, kind in pairs if isinstance(kind, str)]
    if len(names) > 1 and path.suffix.lower() != ".kml":
        raise AoiError(f"{where}: holds several layers: {', '.join(names)}", "Export the one you mean.")
    return names


def _in_wgs84(frame: Any, where: str) -> list[BaseGeometry | None]:
    if not hasattr(frame, "geometry"):
        return []
    if frame.crs is None:
        raise AoiError(
            f"{where}: does not state its coordinate system", "Add the .prj file, or export it as GeoJSON (WGS84)."
        )
    return list(frame.geometry.to_crs(4326))


def _joined(polygons: Sequence[BaseGeometry], where: str) -> BaseGeometry:
    if not polygons:
        raise AoiError(f"{where}: holds no polygon", "Draw an outline, or use 'lon,lat --radius' for a point.")
    # Each by itself first: a union would silently repair an outline that crosses itself.
    return shapely.union_all([checked_outline(p, where) for p in polygons])
