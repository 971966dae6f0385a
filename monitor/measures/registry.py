"""What can be measured: names, units, zones and sensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

from monitor.aoi import LAND, WATER, ZoneKind
from monitor.baseline import Family
from monitor.scene import Sensor

ALL_KINDS = frozenset(ZoneKind)
YARDS = frozenset({ZoneKind.CARGO_YARD, ZoneKind.RAIL_YARD, ZoneKind.DEPOT, ZoneKind.AIRFIELD_APRON})
"""Zones in which things are put down and taken away again."""

RADAR = frozenset({Sensor.SENTINEL1})
BOTH = frozenset(Sensor)


class Canary(Enum):
    """What has to be found in a copy of the look before a number of the measure is believed."""

    NONE = auto()
    SHIP = auto()
    CHANGE = auto()
    FILL = auto()


@dataclass(frozen=True, kw_only=True)
class Measure:
    """One entry of the registry."""

    name: str
    label: str
    """In a sentence: "vessels counted"."""

    unit: str
    family: Family
    kinds: frozenset[ZoneKind]
    """Zones in which it makes sense."""

    watched: frozenset[ZoneKind] = frozenset()
    """Zones in which a lasting change of it raises an alert. One measure a zone: they all move together."""

    sensors: frozenset[Sensor] = BOTH
    version: int = 1
    needs_reference: bool = True
    canary: Canary = Canary.NONE

    @property
    def recipe(self) -> str:
        """Numbers of different recipes are never compared."""
        return f"{self.name}/{self.version}"


MEASURES: Mapping[str, Measure] = {
    m.name: m
    for m in (
        Measure(
            name="valid_fraction",
            label="share of the zone that was seen",
            unit="1",
            family=Family.LEVEL,
            kinds=ALL_KINDS,
            version=2,
            needs_reference=False,
        ),
        Measure(
            name="backscatter_db",
            label="mean radar backscatter",
            unit="dB",
            family=Family.LEVEL,
            kinds=ALL_KINDS,
            sensors=RADAR,
            needs_reference=False,
        ),
        Measure(
            name="vessel_count",
            label="vessels counted",
            unit="1",
            family=Family.COUNT,
            kinds=WATER,
            watched=WATER - {ZoneKind.REFERENCE_WATER},
            version=3,
            canary=Canary.SHIP,
        ),
        Measure(
            name="vessel_area_m2",
            label="area of vessels",
            unit="m2",
            family=Family.AMOUNT,
            kinds=WATER,
            version=3,
            canary=Canary.SHIP,
        ),
        Measure(
            name="ship_presence",
            label="looks with a vessel",
            unit="1",
            family=Family.PRESENCE,
            kinds=WATER,
            version=3,
            canary=Canary.SHIP,
        ),
        Measure(
            name="changed_area_m2",
            label="area unlike its reference",
            unit="m2",
            family=Family.AMOUNT,
            kinds=LAND,
            watched=LAND - {ZoneKind.REFERENCE_LAND, ZoneKind.PIER_OUTLINE, ZoneKind.CARGO_YARD, ZoneKind.RAIL_YARD},
            version=2,
            canary=Canary.CHANGE,
        ),
        Measure(
            name="brighter_area_m2",
            label="area brighter than its reference",
            unit="m2",
            family=Family.AMOUNT,
            kinds=LAND,
            canary=Canary.CHANGE,
        ),
        Measure(
            name="darker_area_m2",
            label="area darker than its reference",
            unit="m2",
            family=Family.AMOUNT,
            kinds=LAND,
            canary=Canary.CHANGE,
        ),
        Measure(
            name="yard_fill",
            label="share of the yard that is not empty",
            unit="1",
            family=Family.SHARE,
            kinds=YARDS,
            watched=frozenset({ZoneKind.CARGO_YARD, ZoneKind.RAIL_YARD}),
            canary=Canary.FILL,
        ),
    )
}
