"""What is measured: the registry, and one function that measures a look."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from monitor import vessels
from monitor.aoi import WATER, Surface, Zone, ZoneKind
from monitor.baseline import Family
from monitor.change import ratio
from monitor.clutter import sea_level_db
from monitor.filters import multilook
from monitor.grid import Mask
from monitor.measurement import Measurement, Reason
from monitor.measures import backscatter
from monitor.quality import Usability, usability
from monitor.radiometry import LinearPower
from monitor.reference import Background, Reference, background
from monitor.scene import Sensor, Track
from monitor.stack import Stack
from monitor.vessels import Vessel
from monitor.vessels.radar import detect

__all__ = ["MEASURES", "Measure", "Measured", "Measurement", "Reason", "View", "measure", "zone_masks"]

LAND = frozenset(ZoneKind) - WATER
LEAST_LOOKS = 8
"""Earlier looks on the track before anything is compared with a reference."""


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

    sensors: frozenset[Sensor] = frozenset({Sensor.SENTINEL1})
    version: int = 1
    needs_reference: bool = True

    @property
    def recipe(self) -> str:
        """Numbers of different recipes are never compared."""
        return f"{self.name}/{self.version}"


ALL_KINDS = frozenset(ZoneKind)
MEASURES: Mapping[str, Measure] = {
    m.name: m
    for m in (
        Measure(
            name="valid_fraction",
            label="share of the zone that was seen",
            unit="1",
            family=Family.LEVEL,
            kinds=ALL_KINDS,
            sensors=frozenset(Sensor),
            needs_reference=False,
        ),
        Measure(
            name="backscatter_db",
            label="mean radar backscatter",
            unit="dB",
            family=Family.LEVEL,
            kinds=ALL_KINDS,
            needs_reference=False,
        ),
        Measure(
            name="vessel_count",
            label="vessels counted",
            unit="1",
            family=Family.COUNT,
            kinds=WATER,
            watched=WATER - {ZoneKind.REFERENCE_WATER},
        ),
        Measure(name="vessel_area_m2", label="area of vessels", unit="m2", family=Family.AMOUNT, kinds=WATER),
        Measure(name="ship_presence", label="looks with a vessel", unit="1", family=Family.PRESENCE, kinds=WATER),
        Measure(
            name="changed_area_m2",
            label="area unlike its reference",
            unit="m2",
            family=Family.AMOUNT,
            kinds=ALL_KINDS,
            watched=LAND - {ZoneKind.REFERENCE_LAND, ZoneKind.PIER_OUTLINE},
        ),
    )
}


@dataclass(frozen=True, kw_only=True)
class View:
    """What a look is compared with: the reference of its track and what follows from it (computed once)."""

    reference: Reference

    @cached_property
    def background(self) -> Background:
        """Empty state, water and shore."""
        return background(self.reference)

    @property
    def old_enough(self) -> bool:
        """True if comparisons make sense."""
        return self.reference.looks >= LEAST_LOOKS


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Everything measured on one look."""

    measurements: Sequence[Measurement]
    vessels: Sequence[Vessel] = field(default=())
    """All vessels in water zones, for pictures."""

    zone_reasons: Mapping[str, Reason | None] = field(default_factory=dict)


def zone_masks(zones: Sequence[Zone], masks: Mapping[str, Mask], view: View | None) -> dict[str, Mask]:
    """The pixels of each zone that count, shape (height, width): cut to water or land where the zone asks for it.

    `masks` hold the drawn outlines. Without a reference the drawn outline is all there is.
    """
    cut = dict(masks)
    if view is None or not view.old_enough:
        return cut
    for zone in zones:
        if zone.surface is Surface.WATER:
            cut[zone.name] = masks[zone.name] & view.background.water
        elif zone.surface is Surface.LAND:
            cut[zone.name] = masks[zone.name] & ~view.background.water
    return cut


@dataclass(frozen=True, kw_only=True)
class _Scene:
    """One look with what several zones share, computed once."""

    stack: Stack
    track: Track
    view: View | None
    power: LinearPower | None = None
    """Linear power of the measured channel; None for optical looks."""

    smooth: LinearPower | None = None
    """Multilooked 3 x 3; None without a reference."""

    vessels: Sequence[Vessel] = ()


def measure(
    stack: Stack, track: Track, zones: Sequence[Zone], masks: Mapping[str, Mask], view: View | None
) -> Measured:
    """All measures of all zones on one look. Pure: the same look and reference give the same numbers.

    `view` None, or of fewer than 8 looks: measures that compare say so instead of giving a number.
    """
    view = view if view is not None and view.old_enough else None
    cut = zone_masks(zones, masks, view)
    usually = view.reference.known() if view is not None else None
    usable = {z.name: usability(stack, track.sensor, cut[z.name], usually) for z in zones}
    water = [z.name for z in zones if z.kind in WATER]
    asked, drawn = (_union((of[n] for n in water), stack.grid.shape) for of in (cut, masks))
    scene = _prepared(stack, track, view, asked, drawn)
    return Measured(
        measurements=tuple(m for z in zones for m in _zone_measurements(scene, z, cut[z.name], usable[z.name])),
        vessels=scene.vessels,
        zone_reasons={name: u.reason for name, u in usable.items()},
    )


def _prepared(stack: Stack, track: Track, view: View | None, asked: Mask, drawn: Mask) -> _Scene:
    """The look with what its zones share. `asked`: water of the water zones; `drawn`: their outlines."""
    if track.sensor is not Sensor.SENTINEL1:
        return _Scene(stack=stack, track=track, view=view)
    power = stack.power(track.polarisation)
    if view is None:
        return _Scene(stack=stack, track=track, view=view, power=power)
    found: Sequence[Vessel] = ()
    if asked.any():
        seen = stack.seen()
        # the sea is described on all water of the AOI: a zone alone may be too narrow for it
        water = (asked | view.background.water) & seen
        sea_db = sea_level_db(power, drawn)
        found = detect(power, water, view.background, stack.grid, sea_db=sea_db)
    return _Scene(
        stack=stack, track=track, view=view, power=power, smooth=multilook(power), vessels=vessels.inside(found, asked)
    )


def _union(masks: Iterable[Mask], shape: tuple[int, int]) -> Mask:
    union: Mask = np.zeros(shape, bool)
    for mask in masks:
        union |= mask
    return union


def _zone_measurements(scene: _Scene, zone: Zone, mask: Mask, usable: Usability) -> list[Measurement]:
    entries = [m for m in MEASURES.values() if zone.kind in m.kinds and scene.track.sensor in m.sensors]
    return [_one(entry, scene, zone, mask, usable) for entry in entries]


def _one(entry: Measure, scene: _Scene, zone: Zone, mask: Mask, usable: Usability) -> Measurement:
    value, reason = float("nan"), usable.reason
    if not mask.any():
        reason = Reason.NO_WATER if zone.surface is Surface.WATER else Reason.NOT_COVERED
    elif entry.name == "valid_fraction":
        value, reason = usable.valid_fraction, None
    elif reason is None and entry.needs_reference and scene.view is None:
        reason = Reason.REFERENCE_YOUNG
    elif reason is None:
        value = _value(entry.name, scene, mask, usable)
        reason = None if np.isfinite(value) else Reason.PARTLY_COVERED
    return Measurement(
        zone=zone.name,
        measure=entry.name,
        value=value,
        unit=entry.unit,
        n_valid=int(usable.use.sum()),
        valid_fraction=usable.valid_fraction,
        recipe=entry.recipe,
        reason=reason,
    )


def _value(name: str, scene: _Scene, mask: Mask, usable: Usability) -> float:
    if scene.power is None:
        raise ValueError(f"{name} needs radar")
    if name == "backscatter_db":
        return backscatter.mean_db(scene.power, usable.use)
    if scene.view is None or scene.smooth is None:
        raise ValueError(f"{name} needs a reference")
    if name == "changed_area_m2":
        result = ratio.changed(scene.smooth, scene.view.reference, usable.use)
        return float("nan") if result is None else result.area_m2(scene.stack.grid)
    here = vessels.inside(scene.vessels, mask)
    if name == "vessel_area_m2":
        return sum(v.area_m2 for v in here)
    return float(len(here)) if name == "vessel_count" else float(bool(here))
