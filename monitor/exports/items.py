"""A STAC 1.1 ItemCollection: one Item for each usable look of an AOI, with what was measured on it.

The Items have no assets: the pixels belong to the catalogue that they came from, which `derived_from` links to.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from monitor.exports.geometry import bbox, geojson
from monitor.exports.values import Export, Place, Row, finite, iso
from monitor.look import Look
from monitor.message import clean

STAC: Final = "1.1.0"


def item_collection(export: Export) -> str:
    """The text of the ItemCollection. Places without a usable look are named in `quaywatch:places` all the same."""
    value = {
        "type": "FeatureCollection",
        "stac_version": STAC,
        "features": [item for place in export.places for item in _items(export, place)],
        "links": [],
        "quaywatch:version": export.version,
        "quaywatch:made": iso(export.made),
        "quaywatch:simulated": export.simulated,
        "quaywatch:attribution": export.attributions,
        "quaywatch:places": [_counted(place) for place in export.places],
    }
    return json.dumps(value, ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def _counted(place: Place) -> dict[str, Any]:
    unusable = Counter(str(look.reason) for look in place.looks if look.reason is not None)
    return {
        "aoi": place.aoi.id,
        "name": clean(place.aoi.name),
        "usable_looks": sum(look.usable for look in place.looks),
        "unusable_looks": dict(sorted(unusable.items())),
    }


def _items(export: Export, place: Place) -> Iterator[dict[str, Any]]:
    rows: dict[str, list[Row]] = {}
    for row in place.rows:
        rows.setdefault(row.look, []).append(row)
    outline, box = geojson(place.aoi.outline), bbox(place.aoi.outline)
    for look in place.looks:
        if look.usable:
            yield {
                "type": "Feature",
                "stac_version": STAC,
                "stac_extensions": [],
                "id": f"{place.aoi.id}.{clean(look.id)}",
                "geometry": outline,
                "bbox": box,
                "properties": _properties(export, place, look, rows.get(look.id, [])),
                "links": [_link(href) for href in place.origins.get(look.id, ())],
                "assets": {},
            }


def _properties(export: Export, place: Place, look: Look, rows: list[Row]) -> dict[str, Any]:
    platform = clean(look.platform)
    return {
        "title": clean(f"{'SIMULATED: ' * place.simulated}{place.aoi.name}, {look.start:%Y-%m-%d %H:%M} UTC"),
        "datetime": iso(look.start),
        "constellation": look.track.sensor,
        **({"platform": platform} if platform else {}),
        "quaywatch:aoi": place.aoi.id,
        "quaywatch:look": clean(look.id),
        "quaywatch:track": look.track.id,
        "quaywatch:scenes": [clean(s) for s in look.scenes],
        "quaywatch:valid_fraction": finite(look.valid_fraction),
        "quaywatch:measures": [_measure(row) for row in rows],
        "quaywatch:simulated": place.simulated,
        "quaywatch:attribution": place.attribution,
        "quaywatch:version": export.version,
        "quaywatch:made": iso(export.made),
    }


def _measure(row: Row) -> dict[str, Any]:
    expected = row.expected
    return {
        "zone": clean(row.zone),
        "measure": clean(row.measure),
        "value": finite(row.value),
        "unit": clean(row.unit),
        "reason": clean(row.reason) or None,
        "n_valid": row.n_valid,
        "valid_fraction": finite(row.valid_fraction),
        "recipe": clean(row.recipe),
        "expected": [finite(v) for v in (expected.centre, expected.low, expected.high)] if expected else None,
        "z": finite(row.z),
    }


def _link(href: str) -> dict[str, str]:
    return {"rel": "derived_from", "href": href, "type": "application/geo+json"}
