"""What a report says beside the series: replaced instruments, undecidable places, newly changed ground."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from scipy import ndimage

from monitor.aoi import WATER, Surface, ZoneKind
from monitor.flow.doubts import processors
from monitor.flow.story import Chronicle, Eyes
from monitor.look import Look
from monitor.measures import LEAST_LOOKS
from monitor.quality.switches import Maker, Part, Step, Switch, step_at_switch, switches
from monitor.radiometry import Decibel
from monitor.scene import Sensor
from monitor.track_state import FIRST_DAY
from monitor.vessels import undecidable

LEAST_SHARE = 0.02
"""Of a zone: less is its rim."""

LATELY_DAYS = 60
"""Before the newest look of a track: ground that changed since is told."""

LEAST_NEW_M2 = 2_000.0
"""Of a zone: with a chance of 1e-4 a look, single pixels begin anew all the time."""

LEAST_BEFORE = 3
"""Looks on a track before a satellite or processor that is new on it has replaced another."""

AROUND = 12
"""Looks on either side of a switch over which a step is told."""


def remarks(told: Chronicle, eyes: Eyes) -> list[str]:
    """Sentences for the report of an AOI."""
    return [*_replaced(told, eyes), *_undecided(told, eyes), *_lately(told, eyes)]


def _replaced(told: Chronicle, eyes: Eyes) -> Iterator[str]:
    with eyes.store.transaction() as tx:
        baselines = processors(tx, told.aoi.id)
    for line in sorted({look.track for look in told.looks}, key=lambda t: t.id):
        own = [look for look in told.looks if look.track == line]
        makers = [Maker(platform=look.platform, baseline=baselines.get(look.id, "")) for look in own]
        # where two satellites take turns from the start, the second of them replaced nothing
        for switch in (s for s in switches(makers) if s.at >= LEAST_BEFORE):
            yield _switched(str(line), own, switch, _step(told, own, switch))


def _switched(line: str, own: Sequence[Look], switch: Switch, step: Step | None) -> str:
    part = "satellite" if switch.part is Part.PLATFORM else "processor version"
    text = f"{line}: {part} {switch.before} before, {switch.after} from {own[switch.at].start:%Y-%m-%d}."
    if step is None:
        return f"{text} Whether the level changed with it cannot be told; numbers across this day may hold a step."
    size = f"{step.db:+.1f} dB (standard error {step.error_db:.1f} dB)"
    if step.certain:
        return f"{text} The reference land changed by {size} with it: a change on that day may be the instrument."
    return f"{text} No step is certain over the reference land: {size}."


def _step(told: Chronicle, own: Sequence[Look], switch: Switch) -> Step | None:
    """Over the reference land, where the AOI has some; from the mean backscatter of each look."""
    land = [z.name for z in told.aoi.zones if z.kind is ZoneKind.REFERENCE_LAND]
    series = [told.followed[name, "backscatter_db"] for name in land if (name, "backscatter_db") in told.followed]
    level = {s.look: s.value for followed in series[:1] for s in followed.scores}
    before = _levels(level, own[max(0, switch.at - AROUND) : switch.at])
    return step_at_switch(before, _levels(level, own[switch.at : switch.at + AROUND]))


def _levels(level: Mapping[str, float], looks: Sequence[Look]) -> Decibel:
    """Shape (looks, 1)."""
    return Decibel(np.array([[level[k.id]] for k in looks if k.id in level], np.float32).reshape(-1, 1))


def _undecided(told: Chronicle, eyes: Eyes) -> Iterator[str]:
    """Of the water zones: what no radar track ever saw as dark as the sea."""
    newest = {look.track: look for look in told.looks if look.track.sensor is Sensor.SENTINEL1}
    views = [v for v in (eyes.view(look) for look in newest.values()) if v is not None and v.state.looks >= LEAST_LOOKS]
    if not views:
        return
    for zone in told.aoi.zones:
        drawn = eyes.site.masks[zone.name]
        if zone.kind not in WATER or not drawn.any():
            continue
        never = np.logical_and.reduce([undecidable(v.background, drawn) for v in views])
        share = float(never.sum()) / float(drawn.sum())
        if share >= LEAST_SHARE:
            what = "land, structures" if zone.surface is Surface.WATER else "structures"
            yield (
                f"{zone.name.replace('_', ' ')}: {share:.0%} of what is drawn was never seen as water on any radar "
                f"track ({what}, or a berth that was never empty): no vessel can be told there."
            )


def _lately(told: Chronicle, eyes: Eyes) -> Iterator[str]:
    """Ground of the land zones that broke with its own past not long ago, by the sequential omnibus test."""
    newest = {look.track: look for look in told.looks if look.track.sensor is Sensor.SENTINEL1}
    for line, look in sorted(newest.items(), key=lambda pair: pair[0].id):
        view = eyes.view(look)
        if view is None or view.state.segments is None:
            continue
        since = view.state.segments.began >= look.start.toordinal() - FIRST_DAY - LATELY_DAYS
        step, new = np.zeros(eyes.site.grid.shape, np.float32), np.zeros(eyes.site.grid.shape, bool)
        step[eyes.site.ground], new[eyes.site.ground] = view.state.segments.step_db, since
        new = ndimage.binary_opening(new, np.ones((2, 2), bool))
        for zone in told.aoi.zones:
            here = new & eyes.site.masks[zone.name]
            if zone.kind in WATER or here.sum() * eyes.site.grid.pixel_area_m2 < LEAST_NEW_M2:
                continue
            hectares = eyes.site.grid.pixel_area_m2 / 1e4
            up, down = float((here & (step > 0)).sum()) * hectares, float((here & (step < 0)).sum()) * hectares
            yield (
                f"{zone.name.replace('_', ' ')}: on {line}, ground that broke with its own past in the "
                f"{LATELY_DAYS} days before {look.start:%Y-%m-%d}: {up:.1f} ha brighter, {down:.1f} ha darker "
                "(sequential omnibus test)."
            )
