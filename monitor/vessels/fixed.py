"""What always stands in the water: drawn in reports, and the reason why some berths cannot be decided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from monitor.grid import Grid, Mask
from monitor.reference import Background
from monitor.vessels.parting import LEAST_AREA_M2


@dataclass(frozen=True, kw_only=True)
class StaticObject:
    """A breakwater, a buoy, a crane, a wreck; or a hull that never left."""

    row: float
    """Centre, pixels of the grid."""

    column: float
    area_m2: float
    level_db: float
    """Brightest pixel over the sea on four looks of five."""

    box: tuple[int, int, int, int]
    """Rows and columns: first, first, last + 1, last + 1."""


def undecidable(known: Background, drawn: Mask) -> Mask:
    """Pixels of drawn water zones that were seen, but never as water: no vessel can be told there. Shape as given.

    A quay and a ship that never left its berth look the same to a track that never saw the place empty. Pixels seen
    too rarely are not among them: nothing is known of those yet.
    """
    seen: Mask = np.isfinite(known.empty)
    return drawn & seen & ~known.water


def static_objects(known: Background, drawn: Mask, grid: Grid) -> Sequence[StaticObject]:
    """The patches of `undecidable` of at least 500 m2, largest first."""
    labels, _ = ndimage.label(undecidable(known, drawn), np.ones((3, 3)))
    objects = []
    for number, (rows, columns) in enumerate(ndimage.find_objects(labels), start=1):
        inside = labels[rows, columns] == number
        area = float(inside.sum()) * grid.pixel_area_m2
        if area < LEAST_AREA_M2:
            continue
        down, across = np.nonzero(inside)
        objects.append(
            StaticObject(
                row=rows.start + float(down.mean()),
                column=columns.start + float(across.mean()),
                area_m2=area,
                level_db=float(known.empty[rows, columns][inside].max()),
                box=(rows.start, columns.start, rows.stop, columns.stop),
            )
        )
    return sorted(objects, key=lambda o: (-o.area_m2, o.row, o.column))
