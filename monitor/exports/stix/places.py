"""Places and looks: location, observed-data and its cyber observable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import shapely
from shapely.geometry.base import BaseGeometry

from monitor import globe
from monitor.exports.geometry import geojson
from monitor.exports.stix import words
from monitor.exports.stix.definitions import LOOK, LOOK_TYPE, OUTLINE, TOOL, extension
from monitor.exports.stix.ids import DEFINED, Object, marking, named, observable, stamp
from monitor.exports.values import Place, Row, finite
from monitor.grid import project, zone_of
from monitor.look import Look
from monitor.message import clean

SIMULATED: Final = "simulated"
"""Label of all that rests on looks that no satellite took."""


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """One AOI as objects."""

    place: Place
    area: Object
    zones: Mapping[str, Object]
    looks: Mapping[str, Object]
    """Id of a look -> its observed-data."""

    observables: Sequence[Object]
    note: Object
    """How often it was looked at."""

    markings: Sequence[Object]
    """The credit for its imagery, if there is any."""

    def where(self, zone: str) -> Object:
        """The location of a zone; of the AOI where it has no such zone."""
        return self.zones.get(zone, self.area)

    @property
    def objects(self) -> list[Object]:
        """All of it."""
        drawn = [*self.markings, self.area, *self.zones.values(), *self.observables]
        return [*drawn, *self.looks.values(), self.note]

    @property
    def shared(self) -> dict[str, Any]:
        """Properties of all that rests on these looks."""
        return _shared(self.place, self.markings)


def drawn(place: Place) -> Drawn:
    """The objects of an AOI and its usable looks."""
    aoi = place.aoi
    credit = [marking(clean(place.attribution), TOOL["id"])] if place.attribution else []
    shared = _shared(place, credit)
    area = _location(place, clean(aoi.name) or aoi.id, aoi.outline, aoi.uncertainty_m, {})
    zones = {
        z.name: _location(
            place,
            f"{clean(aoi.name) or aoi.id}: {z.name.replace('_', ' ')}",
            z.outline,
            z.uncertainty_m,
            {"zone": z.name, "zone_kind": str(z.kind)},
        )
        for z in aoi.zones
    }
    rows: dict[str, list[Row]] = {}
    for row in place.rows:
        rows.setdefault(row.look, []).append(row)
    seen = {k.id: _look(place, k, rows.get(k.id, []), credit) for k in place.looks if k.usable}
    return Drawn(
        place=place,
        area=area,
        zones=zones,
        looks={k.id: _observed(k, seen[k.id], shared) for k in place.looks if k.usable},
        observables=list(seen.values()),
        note=_note(place, area, shared),
        markings=credit,
    )


def _shared(place: Place, markings: Sequence[Object]) -> dict[str, Any]:
    labels = {"labels": [SIMULATED]} if place.simulated else {}
    return {"created_by_ref": TOOL["id"], **_marked(markings), **labels}


def _marked(markings: Sequence[Object]) -> dict[str, Any]:
    return {"object_marking_refs": [m["id"] for m in markings]} if markings else {}


def _location(
    place: Place, name: str, outline: BaseGeometry, off_m: float | None, of_zone: Mapping[str, str]
) -> Object:
    lon, lat, radius = circle_of(outline)
    content = {
        "created_by_ref": TOOL["id"],
        "name": name,
        "latitude": round(lat, 6),
        "longitude": round(lon, 6),
        "precision": round(radius + (finite(off_m) or 0.0), 1),
        "extensions": extension(OUTLINE, aoi=place.aoi.id, **of_zone, polygon=geojson(outline)),
    }
    return named("location", content)


def circle_of(outline: BaseGeometry) -> tuple[float, float, float]:
    """Longitude and latitude of the middle of an outline, and the radius around it that holds all of it, m."""
    whole = globe.unrolled(outline)
    epsg = zone_of(outline)
    flat = project(whole, epsg)
    west, south, east, north = flat.bounds
    middle = shapely.Point((west + east) / 2, (south + north) / 2)
    lon, lat, *_ = project(middle, 4326, source=epsg).bounds
    return (lon + 180) % 360 - 180, lat, float(shapely.hausdorff_distance(middle, flat))


def _look(place: Place, look: Look, rows: Sequence[Row], markings: Sequence[Object]) -> Object:
    platform = clean(look.platform)
    content: dict[str, Any] = {
        "aoi": place.aoi.id,
        "look": clean(look.id),
        "track": look.track.id,
        **({"platform": platform} if platform else {}),
        "start": stamp(look.start),
        "valid_fraction": look.valid_fraction,
        "simulated": place.simulated,
        **({"measures": [_measure(r) for r in rows]} if rows else {}),
        **_marked(markings),
        "extensions": extension(LOOK),
    }
    return observable(LOOK_TYPE, content)


def _measure(row: Row) -> dict[str, Any]:
    told = {"value": row.value} if finite(row.value) is not None else {"reason": clean(row.reason)}
    return {
        "zone": clean(row.zone),
        "measure": clean(row.measure),
        **told,
        "unit": clean(row.unit),
        "n_valid": row.n_valid,
        "recipe": clean(row.recipe),
    }


def _observed(look: Look, seen: Object, shared: Mapping[str, Any]) -> Object:
    content = {
        **shared,
        "first_observed": stamp(look.start),
        "last_observed": stamp(look.start),
        "number_observed": 1,
        "object_refs": [seen["id"]],
    }
    return named("observed-data", content, created=look.start)


def _note(place: Place, area: Object, shared: Mapping[str, Any]) -> Object:
    content = {**shared, "abstract": "How often it was looked at", "content": words.of_place(place)}
    newest = max((look.start for look in place.looks), default=DEFINED)
    return named("note", {**content, "object_refs": [area["id"]]}, created=newest)
