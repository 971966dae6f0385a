"""Processing units: what a Sentinel Hub request costs, by the published formula.

    units = max(0.01, pixels / 512^2) x bands / 3 x samples
            x 2 for 32-bit output
            x 2 orthorectified, or x 2.5 terrain-corrected (Sentinel-1)
            x 2 speckle filter (Sentinel-1)

and at least 0.005 a request. The mask of seen pixels (dataMask) is no band. Only answered requests are charged.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise
from typing import Final

from monitor.grid import Grid
from monitor.scene import Sensor

LARGEST_SIDE: Final = 2500
"""Pixels. The service refuses wider or higher requests."""

UNIT_PIXELS: Final = 512**2
LEAST_PIXELS: Final = 0.01
"""Share of `UNIT_PIXELS` that the smallest request counts as."""

LEAST_UNITS: Final = 0.005
SEARCH_UNITS: Final = 0.01
"""One page of a Catalog search over an AOI: the least that a search costs."""

FREE: Final = frozenset({"datamask"})


class Correction(Enum):
    """How far the geometry of a radar scene is corrected; the value is its factor on the cost."""

    NONE = 1.0
    ORTHORECTIFIED = 2.0
    TERRAIN = 2.5
    """Orthorectified, and radiometrically flattened by the terrain model."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What of a request decides its cost."""

    width: int
    """Columns."""

    height: int
    """Rows."""

    bands: int
    """Bands read, without dataMask."""

    samples: float = 1
    """Acquisitions that are read for a pixel."""

    wide: bool = False
    """True: 32-bit output. 8 and 16 bits cost the same."""

    correction: Correction = Correction.NONE
    speckle_filtered: bool = False

    @property
    def units(self) -> float:
        """What the request costs if it is answered."""
        pixels = max(LEAST_PIXELS, self.width * self.height / UNIT_PIXELS)
        factor = (2 if self.wide else 1) * self.correction.value * (2 if self.speckle_filtered else 1)
        return max(LEAST_UNITS, pixels * self.bands / 3 * self.samples * factor)


@dataclass(frozen=True, kw_only=True)
class Block:
    """A part of a grid that is asked for at once."""

    row: int
    """Of the grid: its first row and column."""

    column: int
    grid: Grid
    """The block as a grid of its own, pixel on pixel with the whole one."""


def blocks(grid: Grid, largest: int = LARGEST_SIDE) -> Iterator[Block]:
    """The grid in as few blocks of at most `largest` pixels a side as cover it, of about the same size.

    Postcondition: every pixel of the grid is in exactly one block.
    """
    for row, below in _cuts(grid.height, largest):
        for column, right in _cuts(grid.width, largest):
            part = Grid(
                epsg=grid.epsg,
                left=grid.left + column * grid.resolution,
                top=grid.top - row * grid.resolution,
                resolution=grid.resolution,
                height=below - row,
                width=right - column,
            )
            yield Block(row=row, column=column, grid=part)


def _cuts(size: int, largest: int) -> Iterator[tuple[int, int]]:
    count = math.ceil(size / largest)
    edges = [round(i * size / count) for i in range(count + 1)]
    return pairwise(edges)


def request_of(grid: Grid, sensor: Sensor, bands: Sequence[str]) -> Request:
    """The request for one block, as the source sends it: 16 bits, one acquisition, radar corrected by the terrain."""
    return Request(
        width=grid.width,
        height=grid.height,
        bands=len(set(bands) - FREE),
        correction=Correction.TERRAIN if sensor is Sensor.SENTINEL1 else Correction.NONE,
    )


def look_units(grid: Grid, sensor: Sensor, bands: Sequence[str], largest: int = LARGEST_SIDE) -> float:
    """Units of one look at the grid."""
    return math.fsum(request_of(block.grid, sensor, bands).units for block in blocks(grid, largest))


def look_requests(grid: Grid, largest: int = LARGEST_SIDE) -> int:
    """Requests for the pixels of one look at the grid."""
    return math.ceil(grid.height / largest) * math.ceil(grid.width / largest)


@dataclass(frozen=True, kw_only=True)
class Looks:
    """How often, and as what, an AOI is seen in a month."""

    a_month: float
    bands: Sequence[str]


def monthly_units(grids: Iterable[Grid], looks: Mapping[Sensor, Looks]) -> float:
    """Units that looking at all the grids takes in a month."""
    return math.fsum(
        wanted.a_month * look_units(grid, sensor, wanted.bands) for grid in grids for sensor, wanted in looks.items()
    )


def monthly_requests(grids: Iterable[Grid], looks: Mapping[Sensor, Looks]) -> float:
    """Requests for the pixels of all the grids in a month, without those for tokens and times."""
    return math.fsum(wanted.a_month * look_requests(grid) for grid in grids for wanted in looks.values())
