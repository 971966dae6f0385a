"""Catalog search: items in the service's shape, filters, fields, distinct values and paging."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry

from servers.sentinel_hub.cql import predicate
from servers.sentinel_hub.imagery import projection
from servers.sentinel_hub.world import Collection, SceneRecord

FILTERS: Mapping[Collection, frozenset[str]] = {
    Collection.SENTINEL1: frozenset(
        {"sar:instrument_mode", "sat:orbit_state", "s1:polarization", "s1:resolution", "s1:timeliness"}
    ),
    Collection.SENTINEL2: frozenset({"eo:cloud_cover"}),
}
"""Attributes that the service documents as filters; there is no other."""

DISTINCT: Mapping[Collection, frozenset[str]] = {
    Collection.SENTINEL1: frozenset({"date", "sar:instrument_mode", "sat:orbit_state", "s1:polarization"}),
    Collection.SENTINEL2: frozenset({"date"}),
}

WITHOUT_FIELDS = ("id", "type", "geometry", "bbox", "links", "assets", "stac_version")
"""What an item keeps when the request says `fields` and includes nothing."""

WGS84 = {"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC::CRS84"}}


EVER = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


class SearchError(Exception):
    """The search cannot be answered: 400."""


def search(scenes: Iterable[SceneRecord], body: Mapping[str, Any], *, url: str) -> dict[str, Any]:
    """The service's answer to a body that has been checked against the document.

    Raises:
        SearchError: the body asks for something that cannot be.
        FilterError: the filter cannot be read.
    """
    collection = _collection(body)
    found = [(scene, item(scene, url=url)) for scene in _matching(scenes, body)]
    if text := body.get("filter"):
        if body.get("filter-lang", "cql2-text") != "cql2-text" or not isinstance(text, str):
            raise SearchError("the stand-in reads filters in cql2-text alone")
        fulfilled = predicate(text, FILTERS[collection])
        found = [(scene, one) for scene, one in found if fulfilled(one["properties"])]
    found.sort(key=lambda pair: (pair[0].start, pair[0].id), reverse=True)
    features: Sequence[Any] = [_chosen(one, body.get("fields")) for _, one in found]
    if name := body.get("distinct"):
        features = _distinct(collection, name, [one for _, one in found])
    return _page(features, int(body.get("next") or 0), int(body.get("limit", 10)), url)


def _collection(body: Mapping[str, Any]) -> Collection:
    try:
        return Collection(body["collections"][0])
    except ValueError as error:
        raise SearchError(f"Illegal collection: {body['collections'][0]}") from error


def _matching(scenes: Iterable[SceneRecord], body: Mapping[str, Any]) -> list[SceneRecord]:
    since, until = interval(body["datetime"])
    outline = _outline(body)
    ids = body.get("ids")
    return [
        scene
        for scene in scenes
        if since <= seconds(scene.start) <= until
        and (ids is None or scene.id in ids)
        and (outline is None or scene.footprint.intersects(outline))
    ]


def _outline(body: Mapping[str, Any]) -> BaseGeometry | None:
    if "bbox" in body and "intersects" in body:
        raise SearchError("bbox and intersects exclude each other")
    if "intersects" in body:
        return shapely.from_geojson(json.dumps(body["intersects"]))
    if "bbox" not in body:
        return None
    west, south, east, north = body["bbox"]
    if west > east or south > north:
        raise SearchError("bbox must be west, south, east, north")
    outline: BaseGeometry = shapely.box(west, south, east, north)
    return outline


def interval(text: str) -> tuple[datetime, datetime]:
    """Both ends belong to it; ".." is open.

    Raises:
        SearchError: no times, or the wrong way round.
    """
    parts = text.split("/")
    try:
        since = _instant(parts[0], EVER[0])
        until = _instant(parts[-1], EVER[1])
    except ValueError as error:
        raise SearchError(f"datetime {text!r} cannot be read") from error
    if len(parts) > 2 or since > until:
        raise SearchError(f"datetime {text!r} is no interval")
    return since, until


def _instant(text: str, otherwise: datetime) -> datetime:
    if text in {"", ".."}:
        return otherwise
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError(text)
    return instant


def seconds(instant: datetime) -> datetime:
    """In whole seconds, cut off: the service's Catalog knows no smaller ones."""
    return instant.replace(microsecond=0)


def item(scene: SceneRecord, *, url: str) -> dict[str, Any]:
    """A scene as the Catalog shows it."""
    return {
        "stac_version": "1.0.0",
        "stac_extensions": ["https://stac-extensions.github.io/projection/v1.0.0/schema.json"],
        "type": "Feature",
        "id": scene.id,
        "collection": str(scene.collection),
        "geometry": {"crs": WGS84, **_geojson(scene.footprint)},
        "bbox": list(scene.footprint.bounds),
        "properties": _properties(scene),
        "links": [{"href": f"{url}/collections/{scene.collection}/items/{scene.id}", "rel": "self"}],
        "assets": {
            "data": {
                "href": _path(scene),
                "title": "s3",
                "type": "inode/directory",
            }
        },
    }


def _properties(scene: SceneRecord) -> dict[str, Any]:
    projected = projection(scene.footprint, scene.epsg)
    common = {
        "datetime": seconds(scene.start).astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "platform": scene.platform,
        "constellation": scene.platform[:-1],
        "proj:epsg": scene.epsg,
        "proj:bbox": list(projected.bounds),
        "proj:geometry": {
            "crs": {"type": "name", "properties": {"name": f"urn:ogc:def:crs:EPSG::{scene.epsg}"}},
            **_geojson(projected),
        },
    }
    if scene.collection is Collection.SENTINEL2:
        return common | {"instruments": ["msi"], "gsd": 10, "eo:cloud_cover": scene.cloud_cover}
    return common | {
        "instruments": ["c-sar"],
        "sar:instrument_mode": scene.mode,
        "sar:frequency_band": "C",
        "sar:center_frequency": 5.405,
        "sar:product_type": "GRD",
        "sar:polarizations": list(scene.bands),
        "sat:orbit_state": scene.direction,
        "s1:polarization": scene.polarisation,
        "s1:resolution": scene.resolution,
        "s1:timeliness": scene.timeliness,
    }


def _path(scene: SceneRecord) -> str:
    day = f"{scene.start:%Y/%m/%d}"
    if scene.collection is Collection.SENTINEL1:
        return f"s3://EODATA/Sentinel-1/SAR/GRD/{day}/{scene.id}.SAFE/"
    return f"s3://EODATA/Sentinel-2/MSI/L2A_N0500/{day}/{scene.id}.SAFE/"


def _geojson(geometry: BaseGeometry) -> dict[str, Any]:
    """As a MultiPolygon, the service's form for any footprint."""
    parts = getattr(geometry, "geoms", [geometry])
    whole: dict[str, Any] = json.loads(shapely.to_geojson(shapely.MultiPolygon(list(parts))))
    return whole


def _chosen(one: dict[str, Any], fields: Mapping[str, Sequence[str]] | None) -> dict[str, Any]:
    """The item with the fields asked for; None: all of them."""
    if fields is None:
        return one
    chosen = {name: one[name] for name in WITHOUT_FIELDS}
    for path in fields.get("include", []):
        _copy(one, chosen, path)
    for path in fields.get("exclude", []):
        _drop(chosen, path)
    return chosen


def _copy(one: Mapping[str, Any], chosen: dict[str, Any], path: str) -> None:
    head, _, name = path.partition(".")
    if not name and head in one:
        chosen[head] = one[head]
    elif head == "properties" and name in one["properties"]:
        chosen["properties"] = {**chosen.get("properties", {}), name: one["properties"][name]}


def _drop(chosen: dict[str, Any], path: str) -> None:
    head, _, name = path.partition(".")
    if not name:
        chosen.pop(head, None)
    elif head in chosen:
        chosen[head] = {key: value for key, value in chosen[head].items() if key != name}


def _distinct(collection: Collection, name: str, items: Iterable[Mapping[str, Any]]) -> list[str]:
    if name not in DISTINCT[collection]:
        raise SearchError(f"distinct: {name} is not offered by this collection")
    values = [one["properties"]["datetime"][:10] if name == "date" else one["properties"][name] for one in items]
    return sorted(set(values))


def _page(features: Sequence[Any], first: int, limit: int, url: str) -> dict[str, Any]:
    page = list(features[first : first + limit])
    context: dict[str, Any] = {"limit": limit, "returned": len(page)}
    address = {"href": f"{url}/search", "type": "application/geo+json"}
    links: list[dict[str, Any]] = [{"rel": "self", **address}]
    if first + limit < len(features):
        context["next"] = first + limit
        links.append({"rel": "next", **address, "method": "POST", "body": {"next": first + limit}, "merge": True})
    return {"type": "FeatureCollection", "features": page, "links": links, "context": context}
