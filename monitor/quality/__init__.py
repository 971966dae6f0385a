"""Whether a look can be used in a zone, and why not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from monitor.aoi import WATER, ZoneKind
from monitor.filters import box_of
from monitor.grid import Mask
from monitor.measurement import Reason
from monitor.quality.clouds import CloudCounts, classified, clouded, persistent
from monitor.quality.cover import border_noise
from monitor.quality.optical import snow
from monitor.quality.registration import Shift
from monitor.radiometry import LinearPower
from monitor.scene import Sensor
from monitor.stack import Stack

LEAST_COVERED = 0.5
"""Share of a zone that the swath must cover on the first looks of a track."""

LEAST_OF_USUAL = 0.9
"""Share, among the pixels that the track usually covers, that must be seen: rates of half a zone do not compare."""

LEAST_CLEAR = 0.7
"""Share of the covered pixels that must be left without border noise and cloud."""

MOST_SNOW = 0.1
"""Share of the clear pixels of a zone that may be snow (land) or ice (water): both look like change."""

SHIPS = frozenset({ZoneKind.BERTH_WATER, ZoneKind.ANCHORAGE})
"""Zones in which a sea that hides ships matters. The reference water does not count: it is what the sea is told by."""

OPEN = frozenset({ZoneKind.ANCHORAGE, ZoneKind.REFERENCE_WATER})
"""Zones without fixed structures: they are not compared pixel by pixel, and a shift does not matter there."""


@dataclass(frozen=True, kw_only=True)
class Ground:
    """What a look shows of the ground; the same for all zones, so computed once. All of shape (height, width)."""

    covered: Mask
    """True where the pass saw anything, cloud or not."""

    noise: Mask
    """True where numbers at the rim of the swath are no backscatter."""

    clear: Mask
    """True where the ground was seen: covered, no border noise, no cloud, no shadow."""

    snow: Mask
    """True for snow and ice."""

    def inside(self, window: tuple[slice, slice]) -> Ground:
        """The part of it in those rows and columns, no copy."""
        return Ground(
            covered=self.covered[window],
            noise=self.noise[window],
            clear=self.clear[window],
            snow=self.snow[window],
        )


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """What a comparison with earlier looks of the track has shown for the whole look."""

    hazy: bool = False
    """Of an optical look, by its haze level."""

    sea: Reason | None = None
    """Why ships cannot be told from the sea; None if they can or it is not known."""

    shift: Shift | None = None
    """By which the look, after any correction, lies beside the reference; None if it is not known."""


UNREMARKABLE = Conditions()


@dataclass(frozen=True, kw_only=True)
class Usability:
    """One zone in one look."""

    use: Mask
    """True for the pixels that can be measured. Shape (height, width)."""

    covered_fraction: float
    """Share of the zone's pixels that the pass saw at all, cloud or not."""

    valid_fraction: float
    """Share of the zone's pixels in `use`."""

    reason: Reason | None
    """None: usable."""


def ground(stack: Stack, sensor: Sensor, counts: CloudCounts | None = None) -> Ground:
    """What the look shows. `counts`: of the track, if optical, so that bright quays do not count as cloud."""
    covered = stack.seen()
    nothing: Mask = np.zeros(stack.grid.shape, bool)
    if sensor is Sensor.SENTINEL1:
        noise = nothing
        for name in {"vv", "vh", "hh", "hv"} & stack.bands.keys():
            found = border_noise(LinearPower(stack.bands[name]))
            noise = noise | found if found.any() else noise
        clear = covered if noise is nothing else covered & ~noise
        return Ground(covered=covered, noise=noise, clear=clear, snow=nothing)
    clear = covered
    if "scl" in stack.bands:
        scl = stack.bands["scl"]
        known = None if counts is None else persistent(counts)
        clear = covered & classified(scl) & ~clouded(scl, stack.grid, known)
    return Ground(covered=covered, noise=nothing, clear=clear, snow=snow(stack))


def clear(stack: Stack, sensor: Sensor) -> Mask:
    """True where the ground was seen: covered, and by Sentinel-2's own classification no cloud or shadow.

    Without an `scl` band clouds are not known, and every covered pixel counts. Shape (height, width).
    """
    return ground(stack, sensor).clear


def usability(
    stack: Stack,
    sensor: Sensor,
    zone: Mask,
    usually: Mask | None,
    *,
    kind: ZoneKind | None = None,
    shown: Ground | None = None,
    conditions: Conditions = UNREMARKABLE,
) -> Usability:
    """How far a look can be used in a zone. The first reason that holds is given, what hides most first.

    Args:
        stack: the look.
        sensor: decides what hides the ground.
        zone: True inside the zone, shape (height, width).
        usually: True where the track usually sees, same shape; None on its first looks.
        kind: of the zone: snow matters on land, ice and wind where ships are counted, a shift where there are
            structures. None: only cover, cloud and haze matter.
        shown: `ground` of the look, where it is at hand.
        conditions: of the whole look.
    """
    shown = ground(stack, sensor) if shown is None else shown
    use: Mask = np.zeros(zone.shape, bool)
    box = box_of(zone) or (slice(0, 0), slice(0, 0))
    here, zone = shown.inside(box), zone[box]
    use[box] = here.clear & zone
    size = max(1, int(zone.sum()))
    reason = _hidden(here, zone, None if usually is None else usually[box]) or _disturbed(here, zone, kind, conditions)
    return Usability(
        use=use,
        covered_fraction=float((here.covered & zone).sum()) / size,
        valid_fraction=float(use[box].sum()) / size,
        reason=reason,
    )


def _hidden(shown: Ground, zone: Mask, usually: Mask | None) -> Reason | None:
    """Why too little of the zone was seen; None if enough was."""
    covered = shown.covered & zone
    expected = zone if usually is None or not (usually & zone).any() else usually & zone
    if not covered.any():
        return Reason.NOT_COVERED
    if _share(covered, zone) < LEAST_COVERED or (expected is not zone and _share(covered, expected) < LEAST_OF_USUAL):
        return Reason.PARTLY_COVERED
    if _share(~shown.noise, covered) < LEAST_CLEAR:
        return Reason.BORDER_NOISE
    if _share(shown.clear, covered) < LEAST_CLEAR:
        return Reason.CLOUD
    return None


def _disturbed(shown: Ground, zone: Mask, kind: ZoneKind | None, conditions: Conditions) -> Reason | None:
    """Why what was seen of the zone does not compare with other looks; None if it does."""
    white = _share(shown.snow, shown.clear & zone) > MOST_SNOW
    shift = conditions.shift
    doubts = (
        (conditions.hazy, Reason.HAZE),
        (white and kind is not None and kind not in WATER, Reason.SNOW),
        (white and kind in SHIPS, Reason.ICE),
        (kind in SHIPS, conditions.sea),
        (shift is not None and shift.too_far and kind is not None and kind not in OPEN, Reason.MISREGISTERED),
    )
    return next((reason for holds, reason in doubts if holds and reason is not None), None)


def _share(part: Mask, whole: Mask) -> float:
    """Share of the second mask that is in the first."""
    return float((part & whole).sum()) / max(1, int(whole.sum()))
