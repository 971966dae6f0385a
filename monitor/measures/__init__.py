"""What is measured: one function that measures a look, zone by zone, as the registry says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from monitor.aoi import WATER, Surface, Zone, ZoneKind
from monitor.filters import box_of
from monitor.grid import Mask
from monitor.measurement import Measurement, Reason
from monitor.measures import backscatter
from monitor.measures.optical_look import OpticalLook, optical_look
from monitor.measures.radar_look import RadarLook, radar_look
from monitor.measures.registry import MEASURES, Canary, Measure
from monitor.measures.view import LEAST_LOOKS, View
from monitor.quality import Usability, usability
from monitor.scene import Sensor, Track
from monitor.site import Site
from monitor.stack import Stack
from monitor.vessels import Vessel, inside

__all__ = ["LEAST_LOOKS", "MEASURES", "Measure", "Measured", "Measurement", "Reason", "View", "measure", "zone_masks"]

NAN = float("nan")


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Everything measured on one look."""

    measurements: Sequence[Measurement]
    vessels: Sequence[Vessel] = field(default=())
    """All vessels in water zones, for pictures."""

    zone_reasons: Mapping[str, Reason | None] = field(default_factory=dict)


def zone_masks(site: Site, view: View | None) -> dict[str, Mask]:
    """The pixels of each zone that count, shape (height, width): cut to water or land where the zone asks for it.

    Without a reference the drawn outline is all there is; and an AOI in which nobody drew water has none.
    """
    cut = dict(site.masks)
    if view is None or not view.old_enough or not any(z.kind in WATER for z in site.aoi.zones):
        return cut
    for zone in site.aoi.zones:
        if zone.surface is Surface.WATER:
            cut[zone.name] = _both(site.masks[zone.name], view.background.water)
        elif zone.surface is Surface.LAND:
            cut[zone.name] = _both(site.masks[zone.name], view.background.water, of_second=False)
    return cut


def _both(zone: Mask, second: Mask, *, of_second: bool = True) -> Mask:
    """The pixels of the zone where the second mask is as asked. Nothing is written outside the box of the zone."""
    both: Mask = np.zeros(zone.shape, bool)
    box = box_of(zone)
    if box is not None:
        np.logical_and(zone[box], second[box] == of_second, out=both[box])
    return both


def measure(stack: Stack, track: Track, site: Site, at: datetime, view: View | None) -> Measured:
    """All measures of all zones on one look. Pure: the same look and state give the same numbers.

    `view` None, or of fewer than 8 looks: measures that compare say so instead of giving a number.
    """
    view = view if view is not None and view.old_enough else None
    cut, zones = zone_masks(site, view), site.aoi.zones
    asked = _union((cut[z.name] for z in zones if z.kind in WATER), site.grid.shape)
    look: RadarLook | OpticalLook
    if track.sensor is Sensor.SENTINEL1:
        look = radar_look(stack, track, site, month=at.month, view=view, asked=asked)
    else:
        look = optical_look(stack, site, at=at, view=view, asked=asked)
    usually = view.state.water.known() if view is not None else None
    measured: list[Measurement] = []
    reasons: dict[str, Reason | None] = {}
    for z in zones:
        # where nothing is left of a zone, what was drawn says whether the look saw it
        judged = cut[z.name] if cut[z.name].any() else site.masks[z.name]
        usable = usability(
            stack, track.sensor, judged, usually, kind=z.kind, shown=look.shown, conditions=look.conditions
        )
        measured += _Zone(look, z, cut[z.name], usable).measurements(track.sensor)
        reasons[z.name] = usable.reason
    return Measured(measurements=tuple(measured), vessels=look.vessels, zone_reasons=reasons)


def _union(masks: Iterable[Mask], shape: tuple[int, int]) -> Mask:
    union: Mask = np.zeros(shape, bool)
    for mask in masks:
        np.copyto(union, True, where=mask)  # writes nowhere else: what is never written takes no memory
    return union


class _Zone:
    """One zone in one look; what several measures of it share is computed once."""

    def __init__(self, look: RadarLook | OpticalLook, zone: Zone, mask: Mask, usable: Usability) -> None:
        self._look, self._zone, self._mask, self._usable = look, zone, mask, usable
        self._alive: dict[Canary, bool | None] = {Canary.NONE: True}
        self._areas: tuple[float, float] | None = None
        self._any = bool(mask.any())
        # what can be used lies in the mask, or in what was drawn where nothing is left of it
        self._valid = int(usable.use.sum()) if self._any else 0

    def measurements(self, sensor: Sensor) -> list[Measurement]:
        """A measurement for each entry of the registry that the zone and the sensor have."""
        return [self._one(e) for e in MEASURES.values() if self._zone.kind in e.kinds and sensor in e.sensors]

    def _one(self, entry: Measure) -> Measurement:
        value, reason = NAN, self._reason(entry)
        if reason is None:
            value = self._value(entry.name)
            reason = None if np.isfinite(value) else Reason.PARTLY_COVERED
        if reason is None and self._blind(entry.canary):
            value, reason = NAN, Reason.DETECTOR_BLIND
        return Measurement(
            zone=self._zone.name,
            measure=entry.name,
            value=value,
            unit=entry.unit,
            n_valid=self._valid,
            valid_fraction=self._usable.valid_fraction,
            recipe=entry.recipe,
            reason=reason,
        )

    def _reason(self, entry: Measure) -> Reason | None:
        """Why there is no number; None if there should be one."""
        if not self._any:
            return self._empty()
        if entry.name == "valid_fraction":
            return None
        if self._usable.reason is None and entry.needs_reference and self._look.view is None:
            return Reason.REFERENCE_YOUNG
        return self._usable.reason

    def _empty(self) -> Reason:
        """Why nothing is left of the zone."""
        look, drawn = self._look, self._look.site.masks[self._zone.name]
        if look.view is not None and drawn.any() and not (look.view.state.water.known() & drawn).any():
            return Reason.REFERENCE_YOUNG
        return Reason.NO_WATER if self._zone.surface is Surface.WATER else Reason.NOT_COVERED

    def _blind(self, kind: Canary) -> bool:
        """True if what was put into a copy of the look was not found in it.

        The reference water is not asked: no ship is looked for there.
        """
        if kind is Canary.SHIP and self._zone.kind is ZoneKind.REFERENCE_WATER:
            return False
        if kind not in self._alive:
            look = self._look
            shows = {Canary.SHIP: look.shows_ship, Canary.CHANGE: look.shows_change, Canary.FILL: look.shows_fill}
            self._alive[kind] = shows[kind](self._usable.use)
        return self._alive[kind] is False

    def _value(self, name: str) -> float:
        use, here = self._usable.use, inside(self._look.vessels, self._mask)
        numbers: Mapping[str, Callable[[], float]] = {
            "valid_fraction": lambda: self._usable.valid_fraction,
            "backscatter_db": lambda: backscatter.mean_db(self._look.power, use),
            "vessel_count": lambda: float(len(here)),
            "vessel_area_m2": lambda: float(sum(v.area_m2 for v in here)),
            "ship_presence": lambda: float(bool(here)),
            "yard_fill": lambda: self._look.fill(use),
            "brighter_area_m2": lambda: self._changed()[0],
            "darker_area_m2": lambda: self._changed()[1],
            "changed_area_m2": lambda: sum(self._changed()),
        }
        return numbers[name]()

    def _changed(self) -> tuple[float, float]:
        """Area brighter and darker than the reference, m2; NaN where it cannot be told."""
        if self._areas is None:
            made, pixel = self._look.changed(self._usable.use), self._look.site.grid.pixel_area_m2
            self._areas = (
                (NAN, NAN) if made is None else (float(made.brighter.sum()) * pixel, float(made.darker.sum()) * pixel)
            )
        return self._areas
