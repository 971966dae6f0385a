"""A radar look prepared for measuring: what its zones share is computed once."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from monitor import quality
from monitor.change import ratio, yard
from monitor.change.ratio import Weather
from monitor.change.scatter import Scatter
from monitor.filters import box_of, multilook
from monitor.grid import Mask
from monitor.measurement import Reason
from monitor.measures import canary
from monitor.measures.view import View
from monitor.quality import Conditions, Ground
from monitor.quality.registration import Shift, moved, shift
from monitor.quality.sea_state import SeaState, can_freeze, hides_ships, sea_state
from monitor.radiometry import Decibel, LinearPower, to_db
from monitor.scene import Track
from monitor.site import Site
from monitor.stack import Stack
from monitor.track_state import Past, sea_level
from monitor.vessels import Vessel, inside
from monitor.vessels.radar import detect

Box = tuple[slice, slice]


@dataclass(frozen=True, kw_only=True)
class RadarLook:
    """One radar look against the state of its track."""

    site: Site
    view: View | None
    shown: Ground
    conditions: Conditions
    power: LinearPower
    """Of the measured channel, border noise taken out, moved onto the reference where it lay beside it."""

    smooth: LinearPower | None
    """Multilooked 3 x 3; None without a reference."""

    water: Mask
    """Where vessels are looked for."""

    sea_db: float
    vessels: Sequence[Vessel]
    """Of the water zones."""

    def changed(self, use: Mask) -> ratio.Changed | None:
        """What of the pixels is unlike the reference."""
        if self.smooth is None or self.view is None:
            return None
        state = self.view.state
        return ratio.changed(self.smooth, state.water, use, state.scatter, self._around(use))

    def _around(self, use: Mask) -> Weather | None:
        """What the day did to pixels like those."""
        wet = self.view is not None and self.view.background.water[use].mean() > 0.5
        return self._wet if wet else self._dry

    @cached_property
    def _dry(self) -> Weather | None:
        """What the day did to the ground of the AOI."""
        return None if self.view is None else self._weather(self.site.ground & ~self.view.background.water)

    @property
    def _ground(self) -> float:
        """Power of the land over what is usual there; NaN where the AOI has none."""
        return math.nan if self._dry is None else math.exp(self._dry.shift)

    @cached_property
    def _wet(self) -> Weather | None:
        """What the day did to its water."""
        return None if self.view is None else self._weather(self.view.background.water)

    def _weather(self, use: Mask) -> Weather | None:
        if self.smooth is None or self.view is None:
            return None
        state = self.view.state
        return ratio.weather(self.smooth, state.water, use, state.scatter)

    def fill(self, use: Mask) -> float:
        """Share of the pixels that stands out of the empty yard; NaN without a reference."""
        if self.smooth is None or self.view is None:
            return float("nan")
        level = to_db(LinearPower(self.smooth[self.site.ground]))
        level[~use[self.site.ground]] = np.nan
        return yard.fill(level, self.view.empty_yard)

    def shows_ship(self, zone: Mask) -> bool | None:
        """True if a faint ship put into the water of the zone would be found; None if there is no room for one."""
        spot = canary.place(canary.without(zone & self.water, self.vessels), self.site.grid)
        if spot is None or self.view is None:
            return None
        known = self.view.background.inside(spot.window)
        made = canary.radar_ship(self.power, spot, self.site.grid, canary.gain(self._ground))
        grid = self.site.grid.inside(spot.window)
        found = detect(made, self.water[spot.window], known, grid, sea_db=self.sea_db)
        return canary.ship_found(found, spot, grid)

    def shows_change(self, use: Mask) -> bool | None:
        """True if ground that is four times as bright would be found in the zone; None if there is no room for it.

        One of three places is enough: where things come and go, a change of that size is nothing unusual.
        """
        return self._shows(use, lambda made, box: self._brighter(made, use, box))

    def shows_fill(self, use: Mask) -> bool | None:
        """True if a yard that is filled would be found to be; None if there is no room for it."""
        return self._shows(use, self._filled)

    def _shows(self, use: Mask, found: Callable[[LinearPower, Box], Mask]) -> bool | None:
        spots, box = canary.places(use, self.site.grid, canary.BLOCK_M), box_of(use)
        if self.smooth is None or box is None or not spots:
            return None
        for spot in spots:
            block = canary.block(spot, use.shape, self.site.grid)[box]
            made = LinearPower(self.smooth[box].copy())
            made[block] *= canary.BLOCK_RISE
            if canary.change_found(found(made, box), block):
                return True
        return False

    def _brighter(self, smooth: LinearPower, use: Mask, box: Box) -> Mask:
        """The used pixels that are brighter than the reference in a box of which `smooth` is. Shape of the box."""
        if self.view is None:
            return np.zeros(smooth.shape, bool)
        state, usual = self.view.state, self.view.state.scatter
        if usual is not None:
            usual = Scatter(square=usual.square[box], count=usual.count[box])
        made = ratio.changed(smooth, state.water.inside(box), use[box], usual, self._around(use))
        return np.zeros(smooth.shape, bool) if made is None else made.brighter

    def _filled(self, smooth: LinearPower, box: Box) -> Mask:
        """What stands out of the empty yard in a box of which `smooth` is. Shape of the box."""
        image: Mask = np.zeros(smooth.shape, bool)
        if self.view is not None:
            ground, inside = self.site.ground[box], np.zeros(self.site.grid.shape, bool)
            inside[box] = ground
            empty = Decibel(self.view.empty_yard[inside[self.site.ground]])
            image[ground] = yard.filled(to_db(LinearPower(smooth[ground])), empty)
        return image


def radar_look(stack: Stack, track: Track, site: Site, *, month: int, view: View | None, asked: Mask) -> RadarLook:
    """The look, prepared.

    Args:
        stack: as read.
        track: its track.
        site: the AOI.
        month: 1 .. 12, of the look: in winter there may be ice.
        view: the state of the track; None while it is too young.
        asked: True for the water of the water zones.
    """
    shown = quality.ground(stack, track.sensor)
    power = without_noise(stack.power(track.polarisation), shown.noise)
    if view is None:
        conditions = Conditions(sea=_hidden(sea_state(power, site.open_sea), site, month, None))
        return RadarLook(
            site=site, view=None, shown=shown, conditions=conditions, power=power, smooth=None, water=asked,
            sea_db=float("nan"), vessels=(),
        )  # fmt: skip
    smooth, beside = multilook(power), None
    if (off := _beside(smooth, view)) is not None:
        beside = off
        if off.worth_moving:
            power = LinearPower(moved(power, off))
            smooth = multilook(power)
            beside = _beside(smooth, view)
    sea = sea_state(power, site.open_sea)
    sea_db = sea_level(power, site, sea)
    # the sea is described on all water of the AOI: a zone alone may be too narrow for it
    water = asked | view.background.water
    water &= np.isfinite(power)
    found = (
        detect(power, water, view.background, site.grid, sea_db=sea_db, track=track, smooth=smooth)
        if asked.any()
        else ()
    )
    return RadarLook(
        site=site,
        view=view,
        shown=shown,
        conditions=Conditions(sea=_hidden(sea, site, month, view), shift=beside),
        power=power,
        smooth=smooth,
        water=water,
        sea_db=sea_db,
        vessels=inside(found, asked),
    )


def without_noise(power: LinearPower, noise: Mask) -> LinearPower:
    """The power with NaN in place of border noise; itself where there is none."""
    return LinearPower(np.where(noise, np.float32(np.nan), power)) if noise.any() else power


def _beside(smooth: LinearPower, view: View) -> Shift | None:
    return shift(smooth, LinearPower(view.state.water.mean), view.background.water)


def _hidden(sea: SeaState | None, site: Site, month: int, view: View | None) -> Reason | None:
    """Why ships cannot be told in the sea of the look; None if they can."""
    if sea is None:
        return None
    past = view.state.past if view is not None else Past()
    return hides_ships(sea, past.sea_db, past.texture, freezing=can_freeze(site.latitude, month))
