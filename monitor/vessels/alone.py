"""Vessels in one radar image without history, calibration or a known pixel size: the first looks of a track, chips.

1. Water is the darkest level that is common in the image (`darkest`); lengths are in windows, see there.
2. What is brighter than that sea allows is cut at rising levels, a tree of parts within parts (the max-tree of
   Salembier, Oliveras & Garrido 1998, IEEE TIP 7(4)). From the whole inward, the first part that could be one ship is
   taken: neither too long nor too slender. So side lobes, neighbours and quays fall away only where they must.
3. A part longer than any ship is land or a pier. What is cut out of it must have water near and be far brighter than
   what lies around. A ship made fast to a quay is often missed, and a detached pier or an islet looks like a ship: one
   image cannot decide there, the reference of a track can.
4. Side lobes and azimuth ghosts are as compact as boats, but weak beside what casts them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from monitor.grid import Mask
from monitor.radiometry import LinearPower
from monitor.vessels.darkest import SHORE_DB, Seen, seen
from monitor.vessels.hulls import Patch

Z = 4.5
"""Spreads over the sea. A whole part has to pass, of several windows: one pixel of 300,000 would."""

CONTRAST_DB = 5.0
"""Ships are brighter than this over any sea in which they can be seen at all."""

STEP_DB = 1.0
"""Between the levels of the tree."""

LEAST_WINDOWS = 1.5
"""Area of the smallest ship in windows; a point fills one."""

LONGEST = 100
"""Pixels: 400 m at 4 m, and where pixels are larger ships are shorter."""

SLENDER = 7.0
"""Length over width of the most slender ship; piers and side lobes are more so."""

CUT = 0.4
"""Share of the outline that may lie on the rim of the image: of a wedge of coast more does, and nobody can judge it."""

RING = (0.7, 4.0)
"""Windows: reach of the ring around a part that is cut out of land; nearer is its own blur."""

DROP_DB = 15.0
"""Pixels of the ring that are this far below the mean of the part are darker than it, and so is water."""

DARKER = 0.88
"""Share of such pixels in the ring around a ship: at most its bow or stern touches the quay."""

WET = 0.15
"""Share of water in that ring: buildings have none near."""

SADDLE_DB = 6.0
"""Two peaks with a deeper valley between them are two ships,"""

HULL_SHARE = 0.2
"""if each has that share of the area of both together: less is a bridge or a crane."""

CORE_DB = 10.0
"""Below the peak of a ship: weaker pixels are its blur and no part of it."""

GHOSTS = 500
"""Pixels: azimuth ambiguities of Sentinel-1 lie about 5 km off."""

Box = tuple[slice, slice]


@dataclass(frozen=True, kw_only=True)
class _Part:
    """A connected set of pixels above one level."""

    box: Box
    inside: Mask
    """Shape of `box`."""

    level: float
    """dB over what the sea explains."""

    of_land: bool = False
    """True if it was cut out of something longer than a ship."""

    @property
    def area(self) -> int:
        return int(self.inside.sum())

    def axes(self) -> tuple[float, float]:
        """Length and width of the uniform bar with the same second moments, pixels."""
        points = np.argwhere(self.inside)
        small, large = np.linalg.eigvalsh(np.cov(points.T) if len(points) > 1 else np.zeros((2, 2)))
        return float(np.sqrt(12 * max(large, 1 / 12))), float(np.sqrt(12 * max(small, 1 / 12)))


def found(power: LinearPower, *, range_db: float) -> list[Patch]:
    """What could be a ship in an image of which nothing else is known, each a patch; in no order.

    Args:
        power: in any unit, well above 1e-6 of it; NaN = not seen. Shape (height, width).
        range_db: what is weaker than the strongest patch around by more than this is not told from its side lobes
            and ghosts. It belongs to the data: smaller where the brightest ships are clipped.
    """
    image = seen(power)
    if image is None:
        return []
    return _strong([_core(ship, image) for ship in _Tree(image).ships()], range_db)


class _Tree:
    """The image cut at rising levels."""

    def __init__(self, image: Seen) -> None:
        self.image = image
        over = image.contrast - np.maximum(CONTRAST_DB, Z * image.spread)
        self.over = np.where(image.valid, over, np.float32(-np.inf))
        """dB over what the sea explains; -inf where nothing was seen. Shape (height, width)."""

    def ships(self) -> list[_Part]:
        height, width = self.over.shape
        whole = _Part(box=(slice(0, height), slice(0, width)), inside=self.over > 0, level=0.0)
        roots = [replace(root, of_land=_beyond(root, self.over.shape)) for root in self._inner(whole, 0.0)]
        return [ship for root in roots for ship in self._within(root)]

    def _inner(self, part: _Part, level: float) -> Iterator[_Part]:
        """The connected parts of it above a level that are large enough to be told from a point."""
        labels, _ = ndimage.label(part.inside & (self.over[part.box] > level), np.ones((3, 3)))
        row, column = part.box[0].start, part.box[1].start
        for number, (rows, columns) in enumerate(ndimage.find_objects(labels), start=1):
            inside = labels[rows, columns] == number
            if inside.sum() >= LEAST_WINDOWS * self.image.window**2:
                box = slice(row + rows.start, row + rows.stop), slice(column + columns.start, column + columns.stop)
                yield replace(part, box=box, inside=inside, level=level)

    def _within(self, part: _Part) -> list[_Part]:
        """The outermost parts of it that could be one ship each."""
        peak = self._peak(part)
        if _shaped(part, self.over.shape) and (not part.of_land or self._stands_free(part)):
            for level in np.arange(part.level + STEP_DB, peak - SADDLE_DB, STEP_DB):
                hulls = [p for p in self._inner(part, float(level)) if self._peak(p) - level >= SADDLE_DB]
                if sum(p.area >= HULL_SHARE * part.area for p in hulls) > 1:
                    several = [ship for hull in hulls for ship in self._within(hull)]
                    return several if len(several) > 1 else [part]
            return [part]
        for level in np.arange(part.level + STEP_DB, peak, STEP_DB):
            inner = list(self._inner(part, float(level)))
            if sum(p.area for p in inner) < part.area:
                return [ship for p in inner for ship in self._within(p)]
        return []

    def _peak(self, part: _Part) -> float:
        return float(self.over[part.box][part.inside].max())

    def _stands_free(self, part: _Part) -> bool:
        """True for a part with water near that is far brighter than nearly all around it."""
        near, far = (reach * self.image.window for reach in RING)
        reach = int(np.ceil(far))
        (rows, above, below), (columns, left, right) = (
            _widened(span, reach, size) for span, size in zip(part.box, self.over.shape, strict=True)
        )
        distance = ndimage.distance_transform_edt(~np.pad(part.inside, ((above, below), (left, right))))
        ring = (distance > near) & (distance <= far) & self.image.valid[rows, columns]
        if not ring.any():
            return False
        dark = max(float(self.image.contrast[part.box][part.inside].mean()) - DROP_DB, SHORE_DB)
        darker = (self.image.contrast[rows, columns][ring] < dark).mean()
        return bool(darker >= DARKER and self.image.water[rows, columns][ring].mean() >= WET)


def _widened(span: slice, reach: int, size: int) -> tuple[slice, int, int]:
    """The span widened to both sides within 0..size, and by how much."""
    wide = slice(max(0, span.start - reach), min(size, span.stop + reach))
    return wide, span.start - wide.start, wide.stop - span.stop


def _beyond(part: _Part, shape: tuple[int, ...]) -> bool:
    """True for what is too long for a ship, or would be if the rim of the image did not cut it."""
    length, width = part.axes()
    return max(part.inside.shape) > LONGEST or _on_rim(part, shape) > CUT * 2 * (length + width)


def _shaped(part: _Part, shape: tuple[int, ...]) -> bool:
    """True for the shape of a ship: neither too long nor too slender."""
    length, width = part.axes()
    return length <= SLENDER * width and not _beyond(part, shape)


def _on_rim(part: _Part, shape: tuple[int, ...]) -> int:
    """How many sides of its pixels lie on the rim of an image of that shape."""
    rows, columns = part.box
    sides = (
        (part.inside[0], rows.start == 0),
        (part.inside[-1], rows.stop == shape[0]),
        (part.inside[:, 0], columns.start == 0),
        (part.inside[:, -1], columns.stop == shape[1]),
    )
    return sum(int(side.sum()) for side, there in sides if there)


def _core(part: _Part, image: Seen) -> Patch:
    """The part without its blur."""
    contrast = image.contrast[part.box]
    core = part.inside & (contrast > contrast[part.inside].max() - CORE_DB)
    rows, columns = ndimage.find_objects(core.astype(np.uint8))[0]
    row, column = part.box[0].start, part.box[1].start
    return Patch(
        box=(slice(row + rows.start, row + rows.stop), slice(column + columns.start, column + columns.stop)),
        inside=core[rows, columns],
        contrast=contrast[rows, columns],
    )


def _strong(patches: list[Patch], range_db: float) -> list[Patch]:
    """Those that are not much weaker than the strongest within the reach of its ghosts."""
    peaks = np.array([p.peak_db for p in patches])
    corners = np.array([(p.box[0].start, p.box[1].start) for p in patches], float).reshape(-1, 2)
    kept = []
    for patch, corner in zip(patches, corners, strict=True):
        near = np.linalg.norm(corners - corner, axis=1) <= GHOSTS
        if patch.peak_db >= peaks[near].max() - range_db:
            kept.append(patch)
    return kept
