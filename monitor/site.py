"""An AOI on its grid: which pixels belong to which zone, as drawn."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from shapely.geometry.base import BaseGeometry

from monitor import globe
from monitor.aoi import LAND, WATER, Aoi, ZoneKind
from monitor.grid import Grid, Mask, project

ROWS = 128
"""Drawn at a time: the coordinates of a row take 16 bytes a pixel."""


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
        return self._joined(water) if water else self.outline

    @cached_property
    def open_sea(self) -> Mask:
        """Drawn reference water; all of `sea` where there is none. Shape (height, width)."""
        quiet = [self.masks[z.name] for z in self.aoi.zones if z.kind is ZoneKind.REFERENCE_WATER]
        return self._joined(quiet) if quiet else self.sea

    @cached_property
    def ground(self) -> Mask:
        """Drawn land zones. Shape (height, width); False throughout where there are none."""
        return self._joined([self.masks[z.name] for z in self.aoi.zones if z.kind in LAND])

    def _joined(self, masks: Sequence[Mask]) -> Mask:
        """True where one of them is."""
        joined: Mask = np.zeros(self.grid.shape, bool)
        for mask in masks:
            np.copyto(joined, True, where=mask)  # writes nowhere else: what is never written takes no memory
        return joined

    @property
    def latitude(self) -> float:
        """Of the middle of the AOI, degrees."""
        return float(globe.unrolled(self.aoi.outline).centroid.y)


def site(aoi: Aoi, grid: Grid | None = None) -> Site:
    """The AOI with its masks. `grid`: to lie on; None: its own."""
    grid = aoi.grid() if grid is None else grid
    return Site(
        aoi=aoi,
        grid=grid,
        masks={z.name: _drawn(z.outline, grid) for z in aoi.zones},
        outline=_drawn(aoi.outline, grid),
    )


def _drawn(outline: BaseGeometry, grid: Grid) -> Mask:
    """`Grid.mask_of`, asked around the outline alone: a zone is small, and what is never written takes no memory."""
    drawn: Mask = np.zeros(grid.shape, bool)
    left, bottom, right, top = project(outline, grid.epsg).bounds
    rows, columns = (
        slice(max(0, math.floor(first) - 1), min(size, math.ceil(last) + 1))
        for first, last, size in (
            ((grid.top - top) / grid.resolution, (grid.top - bottom) / grid.resolution, grid.height),
            ((left - grid.left) / grid.resolution, (right - grid.left) / grid.resolution, grid.width),
        )
    )
    if columns.start < columns.stop:
        for first in range(rows.start, rows.stop, ROWS):
            band = slice(first, min(first + ROWS, rows.stop)), columns
            drawn[band] = grid.inside(band).mask_of(outline)
    return drawn
