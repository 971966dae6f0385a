"""What this tool adds to STIX: two kinds of objects, and a property of locations."""

from __future__ import annotations

from typing import Any, Final

from monitor.exports.stix.ids import Object, named

TOOL: Final[Object] = named(
    "identity",
    {
        "name": "quaywatch",
        "identity_class": "system",
        "description": "Watches places from public satellite imagery, and tests what has been said about them.",
    },
    key="quaywatch",
)


def _definition(name: str, kind: str, description: str, schema: str) -> Object:
    return named(
        "extension-definition",
        {
            "created_by_ref": TOOL["id"],
            "name": name,
            "description": description,
            "schema": schema,
            "version": "1.0.0",
            "extension_types": [kind],
        },
    )


OUTLINE: Final = _definition(
    "quaywatch outline",
    "property-extension",
    "The outline of a watched place.",
    "aoi: id of the area of interest. zone, zone_kind: name and kind of the part of it, where it is one. "
    "polygon: a GeoJSON Polygon or MultiPolygon (RFC 7946), WGS84. precision is the radius, in metres, around latitude "
    "and longitude that holds the outline and how far off it may be.",
)

LOOK: Final = _definition(
    "quaywatch look",
    "new-sco",
    "One satellite pass over one area of interest, with what was measured on it.",
    "x-quaywatch-look. aoi, look: ids. track: what may be compared with what. platform: the satellite. start: first "
    "instant. valid_fraction: share of the area that was seen, 0 to 1. simulated: true if no satellite took it. "
    "measures: zone, measure, value (absent where reason says why), unit, n_valid (pixels), recipe (name and version "
    "of the function). All properties contribute to the id.",
)

CLAIM: Final = _definition(
    "quaywatch claim",
    "new-sdo",
    "One thing that was said, by whom, about when and where.",
    "x-quaywatch-claim. name: its id in the workspace. statement: what was said, in short. said_by_ref: identity. "
    "said_on: day. about_start, about_end: the time it is about, end excluded. location_refs: where. reliability (A to "
    "F) and credibility (1 to 6): Admiralty code of the source and of the item. observability: testable, indirect or "
    "not_observable at 10 m. against: what would count against it.",
)

LOOK_TYPE: Final = "x-quaywatch-look"
CLAIM_TYPE: Final = "x-quaywatch-claim"


def extension(definition: Object, **values: Any) -> dict[str, Any]:
    """The `extensions` of an object that uses it."""
    kind = definition["extension_types"][0]
    return {definition["id"]: {"extension_type": kind, **values}}
