"""An optical look prepared for measuring: what its zones share is computed once."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from monitor import quality
from monitor.change import seasonal, yard
from monitor.change.seasonal import Changed, Compared
from monitor.grid import Mask
from monitor.measures import canary
from monitor.measures.view import View
from monitor.quality import Conditions, Ground, optical
from monitor.radiometry import Decibel, LinearPower
from monitor.scene import Sensor
from monitor.site import Site
from monitor.stack import Stack
from monitor.track_state import LIGHT, clear_in, masked
from monitor.vessels import Vessel
from monitor.vessels.optical import detect

Array = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class OpticalLook:
    """One optical look against the state of its track."""

    site: Site
    view: View | None
    at: datetime
    shown: Ground
    conditions: Conditions
    bands: Mapping[str, Array]
    """Reflectance; NaN where not seen or under cloud. Empty for a look under cloud everywhere."""

    water: Mask
    """Where vessels are looked for."""

    vessels: Sequence[Vessel]
    """Of the water zones."""

    @property
    def power(self) -> LinearPower:
        """Light has no backscatter."""
        raise TypeError("backscatter is measured by radar")

    @cached_property
    def compared(self) -> Compared | None:
        """The land pixels beside what is usual at this time of year."""
        return None if self._values is None else self._compared(self._values)

    @cached_property
    def _values(self) -> Array | None:
        """Reflectance of the land pixels, shape (bands, pixels); None for a look that shows none."""
        if not self.bands or not self.site.ground.any():
            return None
        return np.stack([self.bands[b][self.site.ground] for b in LIGHT])

    def _compared(self, values: Array) -> Compared | None:
        season = self.view.state.season if self.view is not None else None
        return None if season is None else seasonal.compared(season, values, clear_in(values), self.at)

    @property
    def _ground(self) -> float:
        """Reflectance of the land over what is usual there at this time of year; NaN where that is not known."""
        season = self.view.state.season if self.view is not None else None
        if season is None or self._values is None:
            return math.nan
        ratio = self._values[-1] / seasonal.expected(season, self.at)[-1]
        ratio = ratio[np.isfinite(ratio)]
        return float(np.median(ratio)) if ratio.size else math.nan

    def changed(self, use: Mask) -> Changed | None:
        """What of the pixels is unlike the usual at this time of year; None if that cannot be told."""
        return None if self.compared is None else seasonal.changed(self.compared, self.site.ground, use)

    def fill(self, use: Mask) -> float:
        """Share of the pixels that stands out of the empty yard; NaN without a reference."""
        if self.view is None or not self.bands:
            return float("nan")
        level = np.where(use, yard.unevenness(self.bands), np.float32(np.nan))[self.site.ground]
        return yard.fill(Decibel(level), self.view.empty_yard)

    def shows_ship(self, zone: Mask) -> bool | None:
        """True if a faint ship put into the water of the zone would be found; None if there is no room for one."""
        if self.view is None or not self.bands:
            return None
        clear = zone & self.water & np.isfinite(self.bands[LIGHT[-1]])
        spot = canary.place(canary.without(clear, self.vessels), self.site.grid)
        if spot is None:
            return None
        grid = self.site.grid.inside(spot.window)
        made = canary.optical_ship(self.bands, spot, self.site.grid, canary.gain(self._ground))
        found = detect(made, self.water[spot.window], grid, known=self.view.background.inside(spot.window))
        return canary.ship_found(found, spot, grid)

    def shows_change(self, use: Mask) -> bool | None:
        """True if ground that is brighter by 0.1 would be found in the zone; None if there is no room for it.

        One of three places is enough: where things come and go, a change of that size is nothing unusual.
        """
        spots = canary.places(use, self.site.grid, canary.BLOCK_M)
        if self.compared is None or self.compared.veiled or not spots:
            return None
        return any(self._shows_block(canary.block(s, use.shape, self.site.grid), use) for s in spots)

    def _shows_block(self, block: Mask, use: Mask) -> bool:
        if self._values is None:
            return False
        raised = np.where(block[self.site.ground], self._values + canary.BLOCK_REFLECTANCE, self._values)
        made = self._compared(raised)
        found = None if made is None else seasonal.changed(made, self.site.ground, use)
        return found is not None and canary.change_found(found.brighter, block)

    def shows_fill(self, use: Mask) -> bool | None:
        """True if a yard that is filled would be found to be; None if there is no room for it."""
        spot = canary.place(use, self.site.grid, canary.BLOCK_M)
        if spot is None or self.view is None or not self.bands:
            return None
        block, around = canary.block(spot, use.shape, self.site.grid), spot.window
        level = yard.unevenness({n: canary.striped(b[around], block[around]) for n, b in self.bands.items()})
        chosen: Mask = np.zeros(use.shape, bool)
        chosen[around] = self.site.ground[around]
        image: Mask = np.zeros(use.shape, bool)
        empty = Decibel(self.view.empty_yard[chosen[self.site.ground]])
        image[chosen] = yard.filled(Decibel(level[chosen[around]]), empty)
        return canary.change_found(image, block)


def optical_look(stack: Stack, site: Site, *, at: datetime, view: View | None, asked: Mask) -> OpticalLook:
    """The look, prepared.

    Args:
        stack: as read.
        site: the AOI.
        at: time of the look.
        view: the state of the track; None while it is too young.
        asked: True for the water of the water zones.
    """
    shown = quality.ground(stack, Sensor.SENTINEL2, view.state.clouds if view is not None else None)
    bands = masked(stack, shown.clear & ~shown.snow).bands if set(LIGHT) <= stack.bands.keys() else {}
    past = view.state.past.haze if view is not None else ()
    hazy = optical.hazy(optical.haze_level(stack, shown.clear), past)
    water = asked if view is None else asked | view.background.water
    found: Sequence[Vessel] = ()
    if view is not None and bands and asked.any():
        found = detect(bands, water, site.grid, known=view.background)
    return OpticalLook(
        site=site,
        view=view,
        at=at,
        shown=shown,
        conditions=Conditions(hazy=hazy),
        bands=bands,
        water=water,
        vessels=[v for v in found if asked[round(v.row), round(v.column)]],
    )
