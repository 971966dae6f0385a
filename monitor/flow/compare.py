"""Two looks of one track beside each other: where does the ground differ, and by how much of each zone?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from monitor import pictures, quality
from monitor.aoi import WATER, Surface, Zone
from monitor.change import optical_pair, radar_pair
from monitor.change.irmad import PER_BAND
from monitor.errors import NothingUsable, SceneError
from monitor.filters import multilook
from monitor.flow.pair import Pair
from monitor.flow.poll import Progress, silent
from monitor.flow.story import VISIBLE, Chronicle, Eyes, caption, rings
from monitor.grid import Mask
from monitor.measures import View
from monitor.pictures import ChangeMap, Snapshot
from monitor.quality.registration import Shift, moved, shift
from monitor.radiometry import LinearPower, to_db
from monitor.scene import Sensor
from monitor.site import Site
from monitor.stack import Stack

Array = NDArray[np.float32]

RECIPES: Final[Mapping[Sensor, str]] = {Sensor.SENTINEL1: "radar_pair/1", Sensor.SENTINEL2: "optical_pair/1"}
"""What a comparison is made by. The number rises when the same looks would give another answer."""

LIGHT = ("b02", "b03", "b04", "b08", "b11")
"""Bands of optical looks that are compared, where both looks have them. The first three are visible."""

DB_PER_LN = float(20 / np.log(10))
"""dB per ln(amplitude)."""


@dataclass(frozen=True, kw_only=True)
class Level:
    """What was learnt on one kind of ground of the pair."""

    surface: Surface
    offset: float
    """By which unchanged ground is brighter in the later look, dB (radar) or reflectance. It was taken off."""

    threshold: float
    """From which difference on ground counts as changed: dB (radar), or times the usual difference of such ground."""


@dataclass(frozen=True, kw_only=True)
class ZoneChange:
    """One zone of the pair. Areas in m2, within the drawn outline."""

    zone: Zone
    area_m2: float
    compared_m2: float
    brighter_m2: float
    darker_m2: float
    seen: tuple[float, float]
    """Share of the zone seen in the earlier and in the later look, 0..1."""

    @property
    def changed_m2(self) -> float:
        """Area that differs."""
        return self.brighter_m2 + self.darker_m2

    @property
    def not_compared(self) -> float:
        """Share of the zone that was not seen in one of the two, 0..1."""
        return 1 - self.compared_m2 / self.area_m2 if self.area_m2 else 1.0

    @property
    def known(self) -> bool:
        """True if any of the zone was compared."""
        return self.compared_m2 > 0


@dataclass(frozen=True, kw_only=True, eq=False)
class Comparison:
    """What differs between two looks."""

    pair: Pair
    site: Site
    change: ChangeMap
    levels: Sequence[Level]
    beside: Shift | None
    """How far the later look lay beside the earlier one; None: could not be measured."""

    clouds_known: bool
    """False for optical looks of which one came without a scene classification: their cloud is not left out."""

    values: tuple[Array, Array]
    """Both looks as compared, shape (bands, height, width): linear power, or reflectance in the order of LIGHT. NaN
    where the ground was not seen."""

    @property
    def sensor(self) -> Sensor:
        """Of both looks."""
        return self.pair.track.sensor

    def zones(self) -> list[ZoneChange]:
        """What changed in each zone."""
        return [self._zone(z) for z in self.site.aoi.zones]

    def _zone(self, zone: Zone) -> ZoneChange:
        mask, pixel = self.site.masks[zone.name], self.site.grid.pixel_area_m2
        size = max(1, int(mask.sum()))
        earlier, later = (float((_seen(v) & mask).sum()) / size for v in self.values)
        area, compared, brighter, darker = (
            float((m & mask).sum()) * pixel
            for m in (mask, self.change.compared, self.change.brighter, self.change.darker)
        )
        return ZoneChange(
            zone=zone,
            area_m2=area,
            compared_m2=compared,
            brighter_m2=brighter,
            darker_m2=darker,
            seen=(earlier, later),
        )


def compare(eyes: Eyes, pair: Pair, progress: Progress = silent) -> Comparison:
    """Reads both looks and finds where they differ.

    Raises:
        SourceError: a look can no longer be read.
        NothingUsable: they do not show the same ground, or no zone was seen in both.
    """
    stacks = []
    for done, look in enumerate((pair.before, pair.after)):
        progress(done, 3)
        stacks.append(eyes.stack(look))
    progress(2, 3)
    view = eyes.view(pair.after)
    made = compared(pair, stacks[0], stacks[1], eyes.site, view if view is not None and view.old_enough else None)
    progress(3, 3)
    return made


def compared(pair: Pair, before: Stack, after: Stack, site: Site, view: View | None) -> Comparison:
    """Where two looks differ. Pure.

    Args:
        pair: the two.
        before: the earlier one as read.
        after: the later one.
        site: the AOI.
        view: the state of their track, which knows water and what is always taken for cloud; None: too young.

    Raises:
        SceneError: an optical look lacks a visible band.
        NothingUsable: they do not show the same ground, or no zone was seen in both.
    """
    water = _water(site, view)
    first, second = _values(pair, (before, after), view)
    beside = _beside(first, second, water, pair)
    if beside is not None and beside.worth_moving:
        second = np.stack([moved(band, beside) for band in second])
        left = _beside(first, second, water, pair)
        if left is not None and left.too_far:
            raise NothingUsable(
                f"{pair.before.id} and {pair.after.id} lie {left.length:.1f} pixels beside each other",
                "Compare with another look of the track.",
            )
    if pair.track.sensor is Sensor.SENTINEL1:
        change, levels = _radar(first[0], second[0], water)
    else:
        change, levels = _optical(first, second)
    made = Comparison(
        pair=pair,
        site=site,
        change=change,
        levels=levels,
        beside=beside,
        clouds_known=pair.track.sensor is Sensor.SENTINEL1 or all("scl" in s.bands for s in (before, after)),
        values=(first, second),
    )
    if not any(z.known for z in made.zones()):
        raise NothingUsable(
            f"{site.aoi.name}: no ground of its zones was seen in both {pair.before.id} and {pair.after.id}",
            f"That is not 'no change'. See `quaywatch looks {site.aoi.id}` for others.",
        )
    return made


def _water(site: Site, view: View | None) -> Mask:
    """Water that is drawn, as far as the track confirms it, and what hangs together with it. Shape (height, width).

    The track alone does not know: an apron of asphalt is as dark as a calm sea.
    """
    drawn: Mask = np.zeros(site.grid.shape, bool)
    for zone in site.aoi.zones:
        if zone.kind in WATER:
            drawn |= site.masks[zone.name]
    if view is None:
        return drawn
    known = view.background.water & ~site.ground
    labels, count = ndimage.label(known)
    touching = np.zeros(count + 1, bool)
    touching[labels[known & drawn]] = True
    return touching[labels]


def _values(pair: Pair, stacks: tuple[Stack, Stack], view: View | None) -> tuple[Array, Array]:
    """What is compared of both looks, shape (bands, height, width); NaN where the ground was not seen."""
    names: Sequence[str] = (pair.track.polarisation.lower(),)
    if pair.track.sensor is Sensor.SENTINEL2:
        names = [b for b in LIGHT if all(b in s.bands for s in stacks)]
        if missing := [b for b in VISIBLE if b not in names]:
            raise SceneError(f"{pair.before.id} and {pair.after.id} have no {', '.join(missing)} in common")
    first, second = (_clear(s, names, pair.track.sensor, view) for s in stacks)
    return first, second


def _clear(stack: Stack, names: Sequence[str], sensor: Sensor, view: View | None) -> Array:
    shown = quality.ground(stack, sensor, view.state.clouds if view is not None else None)
    clear = shown.clear & ~shown.snow
    return np.where(clear, np.stack([stack.bands[n] for n in names]), np.float32(np.nan))


def _seen(values: Array) -> Mask:
    return np.asarray(np.isfinite(values).all(axis=0))


def _beside(first: Array, second: Array, water: Mask, pair: Pair) -> Shift | None:
    if pair.track.sensor is Sensor.SENTINEL1:
        return shift(multilook(LinearPower(second[0])), multilook(LinearPower(first[0])), water)
    return shift(_visible(second), _visible(first), water)


def _visible(values: Array) -> LinearPower:
    """Mean reflectance of the visible bands."""
    return LinearPower(values[: len(VISIBLE)].mean(axis=0))


def _nothing(shape: tuple[int, ...]) -> ChangeMap:
    none: Mask = np.zeros(shape, bool)
    return ChangeMap(compared=none, brighter=none, darker=none)


def _radar(first: Array, second: Array, water: Mask) -> tuple[ChangeMap, list[Level]]:
    """Water and land apart: wind raises the one and not the other, and would make all of it a change."""
    parts = {Surface.WATER: water, Surface.LAND: ~water} if water.any() else {Surface.ANY: ~water}
    change, levels = _nothing(first.shape), []
    for surface, where in parts.items():
        a, b = (np.where(where, power, np.float32(np.nan)) for power in (first, second))
        made = radar_pair.changed(np.sqrt(a), np.sqrt(b))
        use = np.isfinite(made.shift)
        same = use & ~made.changed
        if not same.any():
            continue
        change = ChangeMap(
            compared=change.compared | use,
            brighter=change.brighter | made.brighter,
            darker=change.darker | made.darker,
        )
        offset = np.median(to_db(LinearPower(b[same])) - to_db(LinearPower(a[same])))
        levels.append(Level(surface=surface, offset=float(offset), threshold=made.threshold * DB_PER_LN))
    return change, levels


def _optical(first: Array, second: Array) -> tuple[ChangeMap, list[Level]]:
    use = _seen(first) & _seen(second)
    if use.sum() < PER_BAND * len(first):
        return _nothing(use.shape), []
    made = optical_pair.changed(first, second, use)
    difference = _visible(second) - _visible(first)
    offset = float(np.median(difference[use & ~made.mask]))
    change = ChangeMap(
        compared=use, brighter=made.mask & (difference > offset), darker=made.mask & (difference <= offset)
    )
    return change, [Level(surface=Surface.ANY, offset=offset, threshold=made.threshold)]


def picture(made: Comparison, told: Chronicle) -> bytes:
    """Before, after, and the map of the change, as PNG."""
    first, second = (_snapshot(made, at) for at in (0, 1))
    zones = {z.name.replace("_", " "): rings(z.outline, made.site.grid.epsg) for z in made.site.aoi.zones}
    return pictures.change_picture(
        first, second, made.change, zones, simulated=told.simulated, attribution=credit(made, told)
    )


def credit(made: Comparison, told: Chronicle) -> str:
    """The attribution of the two looks."""
    return replace(told, looks=(made.pair.before, made.pair.after)).attribution


def _snapshot(made: Comparison, at: int) -> Snapshot:
    values, look = made.values[at], (made.pair.before, made.pair.after)[at]
    radar = made.sensor is Sensor.SENTINEL1
    image = to_db(LinearPower(values[0])) if radar else np.stack([values[LIGHT.index(b)] for b in VISIBLE], axis=-1)
    return Snapshot(
        image=np.asarray(image), grid=made.site.grid, caption=caption(look), boxes=None, unit="dB" if radar else "1"
    )
