"""Areas of interest and their zones, as read from a GeoJSON FeatureCollection (WGS84)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry

from monitor import globe
from monitor.errors import AoiError
from monitor.grid import Grid, covering, project, utm_zone, zone_of

NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")


class ZoneKind(StrEnum):
    """What a zone is for. Decides which measures make sense in it."""

    BERTH_WATER = "berth_water"
    ANCHORAGE = "anchorage"
    REFERENCE_WATER = "reference_water"
    CARGO_YARD = "cargo_yard"
    RAIL_YARD = "rail_yard"
    AIRFIELD_APRON = "airfield_apron"
    BRIDGE = "bridge"
    CONSTRUCTION = "construction"
    DEPOT = "depot"
    CAMP = "camp"
    TRAINING_AREA = "training_area"
    REFERENCE_LAND = "reference_land"
    PIER_OUTLINE = "pier_outline"
    AREA = "area"
    """The whole outline, where nobody has drawn zones."""


WATER = frozenset({ZoneKind.BERTH_WATER, ZoneKind.ANCHORAGE, ZoneKind.REFERENCE_WATER})
LAND = frozenset(ZoneKind) - WATER
CONTROL = frozenset({ZoneKind.REFERENCE_WATER, ZoneKind.REFERENCE_LAND})
"""Zones where no activity is expected: they measure weather, ice, calibration and false alarms."""


class Surface(StrEnum):
    """Which pixels of a zone's outline count: a drawn box is rarely exact to the quay line."""

    WATER = "water"
    LAND = "land"
    ANY = "any"


@dataclass(frozen=True, kw_only=True)
class Zone:
    """A part of an AOI with a purpose."""

    name: str
    """Unique in its AOI; `aoi.zone` is the full name."""

    kind: ZoneKind
    outline: BaseGeometry
    """Polygon or MultiPolygon, WGS84 longitude and latitude, split at 180 degrees where it crosses."""

    surface: Surface = Surface.ANY
    uncertainty_m: float | None = None
    """How far off the outline may be, m; None: not stated."""

    notes: str = ""


@dataclass(frozen=True, kw_only=True)
class Aoi:
    """A watched outline with its zones. `zones` is never empty."""

    id: str
    name: str
    outline: BaseGeometry
    """Polygon or MultiPolygon, WGS84 longitude and latitude, split at 180 degrees where it crosses."""

    zones: Sequence[Zone]
    resolution_m: float = 10.0
    """Side of a pixel of the AOI's grid, m."""

    uncertainty_m: float | None = None
    properties: Mapping[str, Any] = field(default_factory=dict)
    """Everything else that stood in the file (country, sources, confidence, notes)."""

    def grid(self) -> Grid:
        """The fixed UTM grid of this AOI."""
        return covering(self.outline, self.resolution_m)

    def zone(self, name: str) -> Zone:
        """The zone of that name.

        Raises:
            AoiError: there is none.
        """
        for zone in self.zones:
            if zone.name == name:
                return zone
        known = ", ".join(z.name for z in self.zones)
        raise AoiError(f"AOI {self.id!r} has no zone {name!r}", f"It has: {known}.")

    def area_km2(self) -> float:
        """Area of the outline, km2, in its UTM zone."""
        return float(project(self.outline, zone_of(self.outline)).area) / 1e6


def _geometry(feature: Mapping[str, Any], where: str) -> BaseGeometry:
    try:
        geometry = shapely.geometry.shape(feature["geometry"])
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, shapely.errors.ShapelyError) as error:
        raise AoiError(f"{where}: the geometry cannot be read", "Use a GeoJSON Polygon or MultiPolygon.") from error
    return checked_outline(geometry, where)


def checked_outline(geometry: BaseGeometry, where: str) -> BaseGeometry:
    """The geometry, if it can be an outline, within -180 .. 180: split at 180 degrees where it crosses (RFC 7946).

    Longitudes up to 360 are understood, and so is an outline drawn from 179 to -179: one wider than 180 degrees is
    taken to go the short way round.

    Raises:
        AoiError: not a polygon, empty, outside longitude and latitude, or crossing itself.
    """
    if geometry.geom_type not in {"Polygon", "MultiPolygon"} or geometry.is_empty:
        raise AoiError(
            f"{where}: the geometry is a {geometry.geom_type}, not a polygon",
            "Draw an outline, or use 'lon,lat --radius' for a point.",
        )
    west, south, east, north = geometry.bounds
    if not (-360 <= west <= east <= 360 and -90 <= south <= north <= 90):
        raise AoiError(
            f"{where}: coordinates {west:.1f}, {south:.1f} .. {east:.1f}, {north:.1f} are not longitude and latitude",
            "GeoJSON is WGS84, longitude first (RFC 7946).",
        )
    for piece in globe.parts(geometry):  # as drawn: a cut would silently repair an outline that crosses itself
        _check_valid(piece, where)
    outline = globe.split(geometry)
    _check_valid(outline, where)
    return outline


def _check_valid(geometry: BaseGeometry, where: str) -> None:
    if not geometry.is_valid:
        raise AoiError(f"{where}: {shapely.is_valid_reason(geometry)}", "Redraw the outline so that it does not cross.")


def _zone(feature: Mapping[str, Any], aoi: str, where: str) -> Zone:
    properties = feature.get("properties") or {}
    full = str(properties.get("id", ""))
    name = full.removeprefix(f"{aoi}.")
    where = f"{where}: zone {full!r}"
    if not NAME.fullmatch(name):
        raise AoiError(f"{where}: not a usable id", f"Write '{aoi}.' and lower-case letters, digits, '_' or '-'.")
    try:
        kind = ZoneKind(properties.get("zone_kind", ""))
        surface = Surface(properties.get("mask", "any"))
    except ValueError as error:
        raise AoiError(
            f"{where}: {error}", f"zone_kind is one of: {', '.join(ZoneKind)}; mask: any, land, water."
        ) from error
    return Zone(
        name=name,
        kind=kind,
        outline=_geometry(feature, where),
        surface=surface,
        uncertainty_m=properties.get("position_uncertainty_m"),
        notes=str(properties.get("notes", "")),
    )


def from_features(collection: Mapping[str, Any], where: str) -> Aoi:
    """The AOI of a GeoJSON FeatureCollection: one feature with feature_type "aoi", the rest "zone".

    `where` names the file in errors. An AOI without zones gets one, `outline`, of kind `area`.

    Raises:
        AoiError: names the file, the feature and what is wrong with it.
    """
    features = collection.get("features")
    if not isinstance(features, list) or not all(isinstance(f, Mapping) for f in features):
        raise AoiError(
            f"{where}: not a GeoJSON FeatureCollection", 'Expected {"type": "FeatureCollection", "features": [...]}.'
        )
    kinds = [(f.get("properties") or {}).get("feature_type") for f in features]
    if kinds.count("aoi") != 1 or set(kinds) - {"aoi", "zone"}:
        raise AoiError(
            f"{where}: {kinds.count('aoi')} features have feature_type 'aoi'",
            "One feature is the outline (feature_type 'aoi'), every other a 'zone'.",
        )
    feature = features[kinds.index("aoi")]
    properties = dict(feature.get("properties") or {})
    identity = str(properties.pop("id", ""))
    if not NAME.fullmatch(identity):
        raise AoiError(f"{where}: the id {identity!r} is not usable", "Use lower-case letters, digits, '_' or '-'.")
    outline = _geometry(feature, f"{where}: AOI {identity!r}")
    zones = [_zone(f, identity, where) for f, kind in zip(features, kinds, strict=True) if kind == "zone"]
    names = [z.name for z in zones]
    if len(set(names)) < len(names):
        raise AoiError(f"{where}: two zones have the same id", f"Zones: {', '.join(sorted(names))}.")
    return Aoi(
        id=identity,
        name=str(properties.pop("name", identity)),
        outline=outline,
        zones=tuple(zones) or (whole(outline),),
        resolution_m=_resolution(properties.pop("resolution_m", 10.0), where),
        uncertainty_m=properties.get("anchor_uncertainty_m"),
        properties=properties,
    )


def _resolution(value: object, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1 <= value <= 1000:
        raise AoiError(f"{where}: resolution_m is {value!r}", "Write metres between 1 and 1000.")
    return float(value)


def whole(outline: BaseGeometry) -> Zone:
    """The one zone of an AOI where nobody has drawn any."""
    return Zone(name="outline", kind=ZoneKind.AREA, outline=outline)


def circle(lon: float, lat: float, radius_m: float) -> BaseGeometry:
    """A disc around a point, WGS84; in two pieces if it crosses 180 degrees.

    Raises:
        AoiError: the point is not on the globe or the radius not between 50 m and 50 km.
    """
    if not (-180 <= lon <= 180 and -80 <= lat <= 84):
        raise AoiError(f"{lon}, {lat} is not a longitude and latitude", "Write longitude first: 130.285,42.2275")
    if not 50 <= radius_m <= 50_000:
        raise AoiError(f"a radius of {radius_m:g} m is not usable", "Between 50 and 50000 m.")
    epsg = utm_zone(lon, lat)
    centre = project(shapely.Point(lon, lat), epsg)
    return project(centre.buffer(radius_m, quad_segs=16), 4326, source=epsg)
