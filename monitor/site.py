"""An AOI on its grid: which pixels belong to which zone, as drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from monitor import globe
from monitor.aoi import LAND, WATER, Aoi, ZoneKind
from monitor.grid import Grid, Mask


@dataclass(frozen=True, kw_only=True)
class Site:
    """An AOI on its grid."""

    aoi: Aoi
    grid: Grid
    masks: Mapping[str, Mask]
    """Drawn outline of each zone, shape (height, width)."""

    outline: Mask

    @cached_property
    def sea(self) -> Mask:
        """Drawn water zones; the whole outline where there are none. Shape (height, width)."""
        water = [self.masks[z.name] for z in self.aoi.zones if z.kind in WATER]
        return np.logical_or.reduce(water) if water else self.outline

    @cached_property
    def open_sea(self) -> Mask:
        """Drawn reference water; all of `sea` where there is none. Shape (height, width)."""
        quiet = [self.masks[z.name] for z in self.aoi.zones if z.kind is ZoneKind.REFERENCE_WATER]
        return np.logical_or.reduce(quiet) if quiet else self.sea

    @cached_property
    def ground(self) -> Mask:
        """Drawn land zones. Shape (height, width); False throughout where there are none."""
        land = [self.masks[z.name] for z in self.aoi.zones if z.kind in LAND]
        return np.logical_or.reduce(land) if land else np.zeros(self.grid.shape, bool)

    @property
    def latitude(self) -> float:
        """Of the middle of the AOI, degrees."""
        return float(globe.unrolled(self.aoi.outline).centroid.y)


def site(aoi: Aoi) -> Site:
    """The AOI with its masks."""
    grid = aoi.grid()
    return Site(
        aoi=aoi,
        grid=grid,
        masks={z.name: grid.mask_of(z.outline) for z in aoi.zones},
        outline=grid.mask_of(aoi.outline),
    )
