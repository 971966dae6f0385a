"""A look as a picture: the part of its grid that is shown, what of it was seen, and how bright."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from monitor.grid import Grid
from monitor.message import clean, counted
from monitor.radiometry import Decibel, LinearPower, to_db, to_power

Outline = NDArray[np.float64]
"""(n, 2) eastings and northings of a ring, m."""

Box = tuple[int, int, int, int]
"""(row0, column0, row1, column1); the second pair is excluded, as in scikit-image."""

RGB = 3


@dataclass(frozen=True, kw_only=True, eq=False)
class Snapshot:
    """One look as a picture."""

    image: NDArray[np.float32]
    """(height, width) dB, or (height, width, 3) reflectance; NaN: not seen."""

    grid: Grid
    caption: str
    """Day and track."""

    boxes: Sequence[Box] | None
    """Detections; None: none were looked for, which is not the same as none."""

    unit: str
    """"dB", or "reflectance"."""

    def __post_init__(self) -> None:
        if self.image.shape[:2] != self.grid.shape or self.image.ndim not in {2, RGB}:
            raise ValueError(f"an image of {self.image.shape} on a grid of {self.grid.shape}")


@dataclass(frozen=True, kw_only=True)
class Window:
    """A part of a grid: half-open rows and columns, shown in blocks of `step` pixels a side."""

    row0: int
    column0: int
    row1: int
    column1: int
    step: int = 1


def whole(grid: Grid) -> Window:
    """All of it."""
    return Window(row0=0, column0=0, row1=grid.height, column1=grid.width)


def around(grid: Grid, rings: Sequence[Outline]) -> Window:
    """The part of the grid around the rings, with a quarter of their size, at least 200 m, on each side.

    A square if it fits, so that the panel is filled.
    """
    if not rings:
        return whole(grid)
    points = np.vstack(list(rings))
    columns = (points[:, 0] - grid.left) / grid.resolution
    rows = (grid.top - points[:, 1]) / grid.resolution
    span = max(float(np.ptp(columns)), float(np.ptp(rows)))
    half = span / 2 + max(span / 4, 200 / grid.resolution)
    row0, row1 = _within(float(rows.max() + rows.min()) / 2, half, grid.height)
    column0, column1 = _within(float(columns.max() + columns.min()) / 2, half, grid.width)
    return Window(row0=row0, column0=column0, row1=row1, column1=column1)


def _within(middle: float, half: float, size: int) -> tuple[int, int]:
    length = min(size, math.ceil(2 * half))
    start = min(max(0, math.floor(middle - half)), size - length)
    return start, start + length


def thinned(window: Window, most: int) -> Window:
    """The same window in blocks, so that no side has more than `most` of them."""
    side = max(window.row1 - window.row0, window.column1 - window.column0)
    return replace(window, step=max(1, math.ceil(side / most)))


def _cut(image: NDArray[np.float32], window: Window) -> NDArray[np.float32]:
    return image[window.row0 : window.row1, window.column0 : window.column1]


def _blocks(image: NDArray[np.float32], step: int) -> NDArray[np.float32]:
    """Means of blocks of step x step pixels, NaN left out. For the eye alone: numbers are never taken from it."""
    if step == 1:
        return image
    rows, columns = (math.ceil(n / step) * step for n in image.shape[:2])
    pad = ((0, rows - image.shape[0]), (0, columns - image.shape[1]), *((0, 0),) * (image.ndim - 2))
    padded = np.pad(image, pad, constant_values=np.nan)
    blocks = padded.reshape(rows // step, step, columns // step, step, *image.shape[2:])
    seen = np.isfinite(blocks)
    total = np.where(seen, blocks, 0).sum(axis=(1, 3))
    n = seen.sum(axis=(1, 3))
    return np.where(n > 0, total / np.maximum(n, 1), np.nan).astype(np.float32)


def shown(snapshot: Snapshot, window: Window) -> NDArray[np.float32]:
    """The window in its blocks; backscatter is averaged in linear power."""
    cut = _cut(snapshot.image, window)
    if snapshot.unit != "dB" or window.step == 1:
        return _blocks(cut, window.step)
    return to_db(LinearPower(_blocks(to_power(Decibel(cut)), window.step)))


def stretch_of(snapshots: Sequence[Snapshot], window: Window) -> tuple[float, float]:
    """Black and white of all of them together: percentiles 1 and 99.7 of what is seen in the window."""
    images = [_cut(s.image, window) for s in snapshots]
    values = np.concatenate([i[np.isfinite(i)].ravel() for i in images])
    if values.size == 0:
        return 0.0, 1.0
    low, high = (float(v) for v in np.percentile(values, [1, 99.7]))
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def hides(snapshot: Snapshot, window: Window) -> bool:
    """True if some of the window was not seen."""
    return bool(np.isnan(_cut(snapshot.image, window)).any())


def detections(snapshot: Snapshot, window: Window) -> str:
    """How many there are, in words."""
    if snapshot.boxes is None:
        return "not searched for ships"
    inside = [b for b in snapshot.boxes if touches(b, window)]
    beyond = len(snapshot.boxes) - len(inside)
    return counted(len(inside), "detection") + (f" ({beyond} more outside)" if beyond else "")


def touches(box: Box, window: Window) -> bool:
    """True if some of the box lies in the window."""
    return box[0] < window.row1 and box[2] > window.row0 and box[1] < window.column1 and box[3] > window.column0


def scale_words(snapshot: Snapshot, stretch: tuple[float, float]) -> str:
    """What black and white stand for."""
    if snapshot.image.ndim == RGB:
        return f"colour scale: reflectance {stretch[0]:.2f} to {stretch[1]:.2f}"
    return f"grey scale: {stretch[0]:.0f} (black) to {stretch[1]:.0f} {clean(snapshot.unit)} (white)"
