"""STAC items as scenes: versions 1.0 and 1.1, as the catalogues we know write them.

Read are items of our own folders, of Earth Search, Planetary Computer, Copernicus Data Space and the Sentinel Hub
Catalog. What an asset lacks, or must not be used for, leaves the scene without that band, and the reason is kept.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry

from monitor import globe
from monitor.errors import QuaywatchError, SceneError, SourceError, UsageError
from monitor.scene import Asset, Direction, Scene, Sensor, Track, Unit
from monitor.sources import acquisition
from monitor.sources.acquisition import Named
from monitor.sources.offsets import rescaling
from monitor.times import utc

Item = Mapping[str, Any]
Href = Callable[[str], str]
"""Makes of the href in an item what is to be read, or raises SourceError with the reason why it must not be."""

FAULTS = (
    QuaywatchError,
    KeyError,
    TypeError,
    ValueError,
    IndexError,
    OverflowError,
    AttributeError,
    shapely.errors.ShapelyError,
)
"""What reading an item of any shape can raise."""

RADAR = frozenset({"vv", "vh", "hh", "hv"})
CLASSES = "scl"
REFLECTANCE = frozenset({*(f"b{n:02d}" for n in range(1, 13)), "b8a"})
ALIASES: Mapping[str, str] = {
    "coastal": "b01",
    "blue": "b02",
    "green": "b03",
    "red": "b04",
    "rededge1": "b05",
    "rededge071": "b05",
    "rededge2": "b06",
    "rededge075": "b06",
    "rededge3": "b07",
    "rededge078": "b07",
    "nir": "b08",
    "nir08": "b8a",
    "nir09": "b09",
    "swir16": "b11",
    "swir22": "b12",
}
"""Names of Sentinel-2 bands by colour. "rededge" alone stands for three bands, and so for none."""

_SUFFIX = re.compile(r"(-jp2)?(_\d+m)?$")

RTC_NODATA = -32768.0
LONGEST = timedelta(days=1)
"""A product that covers more is a composite of many passes."""

MODE = "IW"
"""Scenes of other modes see the same ground at other angles and resolutions on the same orbit."""

BY_DAY = (6.0, 18.0)
"""Hours of local solar time. Sentinel-2 crosses the equator southwards at half past ten in the morning, northwards at
half past ten at night: what it saw by day, it saw descending."""


@dataclass(frozen=True, kw_only=True)
class Parsed:
    """What an item gave."""

    scene: Scene
    refused: Mapping[str, str] = field(default_factory=dict)
    """Band -> why none of its assets can be used."""


def to_scene(item: Item, *, source: str, href: Href, own: bool = False) -> Scene:
    """A STAC item as a scene; see `parsed`.

    Raises:
        SceneError, SourceError: see `parsed`.
    """
    return parsed(item, source=source, href=href, own=own).scene


def parsed(item: Item, *, source: str, href: Href, own: bool = False) -> Parsed:
    """A STAC item as a scene, and why bands are missing from it.

    Args:
        item: the catalogue's answer.
        source: name of the source, kept with the scene.
        href: resolves or refuses the href of an asset.
        own: True: the item was written for the very files it names, and what it says of their pixels is true.

    Raises:
        SceneError: the item is sound, but of a kind that is never compared: another mode or level, a mosaic.
        SourceError: the item lacks something, or it is not what it should be.
    """
    try:
        return _parsed(item, source, href, own=own)
    except SourceError:
        raise
    except UsageError as error:
        raise SourceError(error.message) from error
    except FAULTS as error:
        raise SourceError(reason(error)) from error


def reason(error: Exception) -> str:
    """One line about what an item lacks."""
    return f"{error} is missing" if isinstance(error, KeyError) else str(error).replace("\n ", ".")


@dataclass(frozen=True, kw_only=True)
class _Context:
    """What the assets of an item share."""

    properties: Mapping[str, Any]
    collection: str
    baseline: str
    href: Href
    own: bool


def _parsed(item: Item, source: str, href: Href, *, own: bool) -> Parsed:
    properties, name = item["properties"], acquisition.named(item)
    satellite = acquisition.platform(properties, name)
    sensor = acquisition.sensor(properties, satellite)
    if sensor is None:
        stated = properties.get("constellation") or satellite
        what = f"constellation {stated!r} is not known" if stated else "neither constellation nor platform is stated"
        raise SourceError(what, f"Known: {', '.join(Sensor)}.")
    start = utc(properties.get("start_datetime") or properties["datetime"])
    end = utc(properties.get("end_datetime") or properties.get("start_datetime") or properties["datetime"])
    _check_kind(item, sensor, name, end - start, own=own)
    footprint = shapely.geometry.shape(item["geometry"])
    context = _Context(
        properties=properties,
        collection=str(item.get("collection") or ""),
        baseline=acquisition.baseline(properties, name),
        href=href,
        own=own,
    )
    assets, refused = _assets(item, sensor, name, context)
    track = Track(
        sensor=sensor,
        relative_orbit=acquisition.relative_orbit(properties, satellite, name),
        direction=_direction(properties, sensor, start, end, footprint),
        polarisation=_measured_channel(properties, name, assets) if sensor is Sensor.SENTINEL1 else "",
    )
    scene = Scene(
        id=str(item["id"]),
        track=track,
        platform=satellite,
        start=start,
        end=end,
        footprint=footprint,
        assets=assets,
        source=source,
        key=acquisition.key(sensor, satellite, properties, name, start),
        baseline=context.baseline,
        processed=acquisition.processed(properties, name),
        item=item,
    )
    return Parsed(scene=scene, refused=refused)


def _check_kind(item: Item, sensor: Sensor, name: Named, lasts: timedelta, *, own: bool) -> None:
    properties = item["properties"]
    if lasts < timedelta(0):
        raise SourceError("it ends before it starts")
    if lasts > LONGEST:
        raise SceneError(f"it covers {lasts.days} days: a mosaic of many passes, not a look")
    mode = properties.get("sar:instrument_mode") or name.get("mode")
    if sensor is Sensor.SENTINEL1 and mode and mode != MODE:
        raise SceneError(f"it was taken in mode {mode}, and only {MODE} scenes are compared")
    levels = (str(properties.get(k) or "") for k in ("s2:product_type", "product:type", "processing:level"))
    level = name.get("level") or next((v for v in levels if "1C" in v), "")
    if sensor is Sensor.SENTINEL2 and "1C" in level and not own:
        raise SceneError("it is Level-1C, seen through the air: only surface reflectance (Level-2A) is compared")


def _direction(
    properties: Mapping[str, Any], sensor: Sensor, start: datetime, end: datetime, footprint: BaseGeometry
) -> Direction:
    """As stated. For Sentinel-2 it follows from the time of day, if that is known."""
    stated = properties.get("sat:orbit_state")
    if stated is not None:
        return Direction(str(stated).lower())
    if sensor is Sensor.SENTINEL2 and end - start < timedelta(hours=1):
        noon_utc = 12 - globe.unrolled(footprint).centroid.x / 15
        solar = (start.hour + start.minute / 60 - noon_utc + 12) % 24
        if BY_DAY[0] <= solar <= BY_DAY[1]:
            return Direction.DESCENDING
    return Direction.UNKNOWN


def _measured_channel(properties: Mapping[str, Any], name: Named, assets: Iterable[str]) -> str:
    channels = acquisition.channels(properties, name) or [a.upper() for a in assets]
    for channel in ("VV", "HH"):
        if channel in channels:
            return channel
    raise SourceError(f"sar:polarizations {channels} has neither VV nor HH")


# assets


def _assets(item: Item, sensor: Sensor, name: Named, context: _Context) -> tuple[dict[str, Asset], dict[str, str]]:
    given = list(_data(item))
    by_band: dict[str, list[tuple[str, Mapping[str, Any]]]] = {}
    for title, asset in given:
        band = band_of(title, asset)
        if band and (band in RADAR) is (sensor is Sensor.SENTINEL1):
            by_band.setdefault(band, []).append((title, asset))
    if context.own and not by_band:
        raise SourceError("has no asset with the role 'data'")
    unmapped = "" if context.own or sensor is not Sensor.SENTINEL1 else _unmapped(item, name, context.collection)
    assets, refused = {}, {}
    for band, candidates in by_band.items():
        made = unmapped or _best(band, candidates, context)
        if isinstance(made, Asset):
            assets[band] = made
        else:
            refused[band] = made
    if not by_band:
        refused["*"] = f"none of its assets is a band that is known ({', '.join(t for t, _ in given) or 'it has none'})"
    return assets, refused


def _data(item: Item) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Assets with the role "data", or without any role, as all were in old catalogues."""
    for title, asset in item["assets"].items():
        if "data" in (asset.get("roles") or ["data"]):
            yield title, asset


def band_of(title: str, asset: Mapping[str, Any]) -> str:
    """Name of the band that an asset holds: b04, scl, vv; empty: none that is known, or several in one."""
    listed = asset.get("eo:bands") or asset.get("bands") or []
    if len(listed) > 1:
        return ""
    names = [title]
    for band in listed:
        names += [str(band.get(k) or "") for k in ("name", "common_name", "eo:common_name")]
    return next(filter(None, map(_canonical, names)), "")


def _canonical(text: str) -> str:
    plain = _SUFFIX.sub("", text.strip().lower())
    short = re.fullmatch(r"b(\d)", plain)
    plain = f"b0{short[1]}" if short else ALIASES.get(plain, plain)
    return plain if plain in REFLECTANCE | RADAR | {CLASSES} else ""


def _unmapped(item: Item, name: Named, collection: str) -> str:
    """Why the pixels of a Sentinel-1 product have no place on the ground; empty: they have.

    A GRD lies in the geometry of the radar, with ground control points. Catalogues invent a projection for it from its
    bounding box, and terrain-corrected products are listed under the product type GRD: neither is believed.
    """
    names = f"{item.get('id', '')} {collection}".lower()
    if "rtc" in names:
        return ""
    kind = str(item["properties"].get("sar:product_type") or item["properties"].get("product:type") or "").upper()
    if name.get("type") or "grd" in names or "GRD" in kind or "SLC" in kind:
        return (
            "a Sentinel-1 GRD lies in the geometry of the radar, not on a map, whatever its projection says: "
            "take the pixels from a terrain-corrected (RTC) collection or the sentinel_hub source"
        )
    return ""


def _best(band: str, candidates: Sequence[tuple[str, Mapping[str, Any]]], context: _Context) -> Asset | str:
    """The best asset of a band that can be used, or why its best cannot: GeoTIFF before JPEG 2000, then the finest."""
    first = ""
    for title, asset in sorted(candidates, key=_rank):
        try:
            return _asset(band, title, asset, context)
        except FAULTS as error:
            first = first or reason(error)
    return first


def _rank(candidate: tuple[str, Mapping[str, Any]]) -> tuple[bool, float]:
    title, asset = candidate
    return _is_jpeg2000(title, asset), _metres(title, asset)


def _is_jpeg2000(title: str, asset: Mapping[str, Any]) -> bool:
    texts = (str(asset.get("type") or ""), str(asset.get("href") or ""), title)
    return any(t.lower().endswith("jp2") for t in texts)


def _metres(title: str, asset: Mapping[str, Any]) -> float:
    """Size of its pixels; infinite if nothing tells."""
    named = re.search(r"_(\d+)m$", title)
    transform = asset.get("proj:transform") or [""]
    for value in (asset.get("gsd") or "", named[1] if named else "", transform[0]):
        try:
            return abs(float(value))
        except (TypeError, ValueError):
            continue
    return math.inf


def _asset(band: str, title: str, asset: Mapping[str, Any], context: _Context) -> Asset:
    if _is_jpeg2000(title, asset) and not context.own:
        raise SceneError(f"{title} is JPEG 2000: only GeoTIFFs can be read in parts")
    stated = _Stated.of(asset)
    scale, offset, doubtful = _number(stated.scale, "scale"), _number(stated.offset, "offset"), False
    unit = Unit.CLASSES if band == CLASSES else Unit(str(stated.unit or Unit.LINEAR))
    if band in REFLECTANCE and not context.own:
        scale, offset, doubtful = rescaling(
            context.properties, context.collection, baseline=context.baseline, scale=scale, offset=offset
        )
    return Asset(
        href=context.href(str(asset["href"])),
        unit=unit,
        scale=1.0 if scale is None else scale,
        offset=0.0 if offset is None else offset,
        nodata=_nodata(band, stated.nodata, own=context.own),
        epsg=_epsg(asset) or _epsg(context.properties),
        doubtful_offset=doubtful,
    )


@dataclass(frozen=True, kw_only=True)
class _Stated:
    """What an asset says of its pixels, wherever it says it."""

    scale: Any
    offset: Any
    nodata: Any
    unit: Any

    @classmethod
    def of(cls, asset: Mapping[str, Any]) -> _Stated:
        """STAC 1.0: in raster:bands. 1.1: in bands, or for all bands in the asset itself."""
        places = [(asset.get("raster:bands") or [{}])[0], (asset.get("bands") or [{}])[0], asset]

        def find(*names: str) -> Any:
            return next((p[n] for p in places for n in names if p.get(n) is not None), None)

        return cls(
            scale=find("scale", "raster:scale"),
            offset=find("offset", "raster:offset"),
            nodata=find("nodata"),
            unit=find("unit"),
        )


def _number(value: Any, what: str) -> float | None:
    if value is None:
        return None
    number = float(value)
    if not math.isfinite(number):
        raise SourceError(f"{what} is {value!r}")
    return number


def _nodata(band: str, stated: Any, *, own: bool) -> float | None:
    """DN that means: not seen. Where a catalogue does not say, what its products are known to have."""
    if stated is not None:
        return float(stated)
    if own:
        return None
    return RTC_NODATA if band in RADAR else 0.0


def _epsg(stated: Mapping[str, Any]) -> int | None:
    """Of `proj:code` ("EPSG:32636") or `proj:epsg` (32636); None: not stated."""
    code = str(stated.get("proj:code") or stated.get("proj:epsg") or "")
    digits = code.upper().removeprefix("EPSG:")
    return int(digits) if digits.isdecimal() else None
