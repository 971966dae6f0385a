"""GeoJSON (RFC 7946): one feature for each zone, and one for each incident with the outline of its zone.

Properties are flat, and the same for every feature, so that a GIS shows them as one table.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

from shapely.geometry.base import BaseGeometry

from monitor.alert import Incident, Interval90, State
from monitor.aoi import Zone
from monitor.exports.geometry import geojson
from monitor.exports.values import Export, Noted, Place, finite, iso
from monitor.measures import MEASURES
from monitor.message import clean

SEEN: Final = "valid_fraction"
"""This measure has a value where nothing could be seen, too: a look that gives no other is not usable."""

Properties = dict[str, str | float | int | bool | None]

ABOUT = ("feature", "aoi", "aoi_name", "zone", "zone_kind", "outline_off_m")
OF_ZONE = ("looks", "usable_looks", "newest_usable_look", "newest_usable_utc", "incidents", "open_incidents")
OF_INCIDENT = (
    *("measure", "measure_label", "unit", "kind", "state", "ending"),
    *("onset_utc", "onset_after_utc", "onset_not_after_utc", "raised_utc", "until_utc", "last_utc"),
    *("mean", "usual", "baseline_looks", "level", "level_low", "level_high"),
    *("ratio", "ratio_low", "ratio_high", "difference", "difference_low", "difference_high", "look_ids"),
)
BOTH = ("tracks", "recipe", "simulated", "attribution", "quaywatch_version", "made_utc")
COLUMNS = (*ABOUT, *OF_ZONE, *OF_INCIDENT, *BOTH)
"""Names of all properties, in order."""


def collection(export: Export) -> str:
    """The text of a FeatureCollection."""
    features = [f for place in export.places for f in _features(export, place)]
    value = {
        "type": "FeatureCollection",
        "name": "quaywatch",
        "simulated": export.simulated,
        "attribution": "; ".join(export.attributions),
        "quaywatch_version": export.version,
        "made_utc": iso(export.made),
        "features": features,
    }
    return json.dumps(value, ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def _features(export: Export, place: Place) -> Iterator[dict[str, Any]]:
    for zone in place.aoi.zones:
        shared = _shared(export, place, zone)
        yield _feature(f"{place.aoi.id}.{zone.name}", zone.outline, shared | _of_zone(place, zone))
    for noted in place.incidents:
        found = next((z for z in place.aoi.zones if z.name == noted.incident.zone), None)
        shared = _shared(export, place, found) | {"zone": clean(noted.incident.zone) or None}
        outline = found.outline if found else None if noted.incident.zone else place.aoi.outline
        yield _feature(noted.incident.id, outline, shared | _of_incident(noted.incident))


def _feature(identity: str, outline: BaseGeometry | None, properties: Properties) -> dict[str, Any]:
    return {
        "type": "Feature",
        "id": clean(identity),
        "geometry": geojson(outline) if outline is not None else None,
        "properties": {name: properties.get(name) for name in COLUMNS},
    }


def _shared(export: Export, place: Place, zone: Zone | None) -> Properties:
    return {
        "aoi": place.aoi.id,
        "aoi_name": clean(place.aoi.name),
        "zone": zone.name if zone else None,
        "zone_kind": zone.kind if zone else None,
        "outline_off_m": finite(zone.uncertainty_m if zone else place.aoi.uncertainty_m),
        "simulated": place.simulated,
        "attribution": place.attribution,
        "quaywatch_version": export.version,
        "made_utc": iso(export.made),
    }


def _of_zone(place: Place, zone: Zone) -> Properties:
    own = [r for r in place.rows if r.zone == zone.name]
    usable = [r for r in own if r.value is not None and r.measure != SEEN]
    newest = max(usable, key=lambda r: (r.start, r.look), default=None)
    standing = [n.incident for n in place.incidents if _stands(n, zone)]
    return {
        "feature": "zone",
        "looks": len({look.id for look in place.looks}),
        "usable_looks": len({r.look for r in usable}),
        "newest_usable_look": newest.look if newest else None,
        "newest_usable_utc": iso(newest.start) if newest else None,
        "incidents": len(standing),
        "open_incidents": sum(i.state.is_open for i in standing),
        "tracks": _joined([r.track for r in usable]),
        "recipe": _joined([r.recipe for r in usable]),
    }


def _stands(noted: Noted, zone: Zone) -> bool:
    return noted.incident.zone == zone.name and noted.incident.state is not State.RETRACTED


def _of_incident(incident: Incident) -> Properties:
    entry = MEASURES.get(incident.measure)
    after, not_after = incident.onset_between or (None, None)
    return {
        "feature": "incident",
        "measure": clean(incident.measure) or None,
        "measure_label": entry.label if entry else None,
        "unit": entry.unit if entry else None,
        "recipe": entry.recipe if entry else None,
        "kind": incident.kind,
        "state": incident.state,
        "ending": incident.ending,
        "onset_utc": iso(incident.onset),
        "onset_after_utc": iso(after) if after else None,
        "onset_not_after_utc": iso(not_after) if not_after else None,
        "raised_utc": iso(incident.raised),
        "until_utc": iso(incident.until) if incident.until else None,
        "last_utc": iso(incident.last) if incident.last else None,
        "mean": finite(incident.mean),
        "usual": finite(incident.usual),
        "baseline_looks": incident.baseline_looks,
        "usable_looks": len(incident.looks),
        "look_ids": " ".join(map(clean, incident.looks)) or None,
        "tracks": _joined(incident.tracks),
        **_interval("level", incident.level),
        **_interval("ratio", incident.ratio),
        **_interval("difference", incident.difference),
    }


def _interval(name: str, found: Interval90 | None) -> Properties:
    if found is None:
        return {}
    return {name: finite(found.value), f"{name}_low": finite(found.low), f"{name}_high": finite(found.high)}


def _joined(names: Sequence[str]) -> str | None:
    return " ".join(sorted({clean(n) for n in names})) or None
