"""Pictures of looks: one with its zones, or two side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from monitor.grid import Grid
from monitor.pictures.canvas import (
    BANNER,
    DARK,
    MARGIN,
    ORANGE,
    SKY,
    WIDTH,
    add_axes,
    fitted,
    new_figure,
    rectangle,
    set_title,
    small_png,
    stamp,
)
from monitor.pictures.looks import (
    RGB,
    Box,
    Outline,
    Snapshot,
    Window,
    around,
    detections,
    hides,
    scale_words,
    shown,
    stretch_of,
    thinned,
    touches,
    whole,
)
from monitor.pictures.marks import add_name, add_north, add_rings, add_scale_bar

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

HEAD, FOOT = 72, 112
"""Room above (captions) and below (scale, source, legend) the panels, px."""

UNSEEN: Final[Mapping[str, Any]] = {"facecolor": "#c8c8c8", "edgecolor": "#8c8c8c", "hatch": "///"}
"""How pixels look that were not seen."""


def before_after(
    before: Snapshot,
    after: Snapshot,
    outline_xy: Sequence[Outline],
    *,
    simulated: bool,
    attribution: str = "",
) -> bytes:
    """Two looks of the SAME track side by side, cut to the zone, with one grey scale. `outline_xy`: rings of the zone.

    Raises:
        ValueError: the two are not on the same grid.
    """
    if before.grid != after.grid:
        raise ValueError("before and after must be on the same grid")
    window = around(before.grid, outline_xy)
    stretch = stretch_of([before, after], window)

    top = HEAD + (BANNER if simulated else 0)
    width = (WIDTH - 3 * MARGIN) // 2
    height = height_of(window, width)

    def draw(most: int) -> Figure:
        figure = new_figure(WIDTH, top + height + FOOT)
        for left, name, snapshot in ((MARGIN, "Before", before), (2 * MARGIN + width, "After", after)):
            axes = add_axes(figure, left, top, width, height)
            panel(axes, snapshot, thinned(window, most), stretch)
            add_rings(axes, outline_xy)
            set_title(axes, f"{name}: {detections(snapshot, window)}\n{fitted(snapshot.caption, 44)}", 15)
        note = f"Both from the same track, same {scale_words(before, stretch)}."
        _legend(figure, [before, after], window, outlined=bool(outline_xy))
        signed(figure, note, attribution, simulated=simulated)
        return figure

    return small_png(draw, width, free=before.image.ndim == RGB)


def look_picture(
    snapshot: Snapshot,
    zones: Mapping[str, Sequence[Outline]],
    *,
    simulated: bool = False,
    attribution: str = "",
) -> bytes:
    """One look, whole, with its zones (label -> rings) and detections."""
    window = whole(snapshot.grid)
    stretch = stretch_of([snapshot], window)

    top = HEAD - 28 + (BANNER if simulated else 0)
    width = WIDTH - 2 * MARGIN
    height = height_of(window, width)

    def draw(most: int) -> Figure:
        figure = new_figure(WIDTH, top + height + FOOT)
        axes = add_axes(figure, MARGIN, top, width, height)
        panel(axes, snapshot, thinned(window, most), stretch)
        for label, rings in zones.items():
            add_rings(axes, rings)
            add_name(axes, label, rings)
        set_title(axes, f"{fitted(snapshot.caption, 60)} - {detections(snapshot, window)}", 16)
        _legend(figure, [snapshot], window, outlined=bool(zones))
        words = scale_words(snapshot, stretch)
        signed(figure, f"{words[0].upper()}{words[1:]}.", attribution, simulated=simulated)
        return figure

    return small_png(draw, width, free=snapshot.image.ndim == RGB)


def height_of(window: Window, width: int) -> int:
    """Height of a panel of that width, px: the shape of the window, within reason for very long ones."""
    shape = (window.row1 - window.row0) / (window.column1 - window.column0)
    return round(width * min(max(shape, 0.3), 1.25))


def panel(axes: Axes, snapshot: Snapshot, window: Window, stretch: tuple[float, float]) -> None:
    """Draws the window of a look into the axes."""
    grid, step = snapshot.grid, window.step
    image = shown(snapshot, window)
    left = grid.left + window.column0 * grid.resolution
    top = grid.top - window.row0 * grid.resolution
    width, height = (n * step * grid.resolution for n in (image.shape[1], image.shape[0]))
    extent = (left, left + width, top - height, top)
    axes.add_patch(rectangle((left, top - height), width, height, **UNSEEN))
    grey = np.clip((image - stretch[0]) / (stretch[1] - stretch[0]), 0, 1)
    axes.imshow(_with_holes(grey), extent=extent, interpolation="nearest", zorder=1)
    smallest = 0.02 * max(window.row1 - window.row0, window.column1 - window.column0)
    for box in snapshot.boxes or ():
        if touches(box, window):
            _box(axes, grid, box, smallest)
    right = grid.left + window.column1 * grid.resolution
    bottom = grid.top - window.row1 * grid.resolution
    axes.set_xlim(left, right)
    axes.set_ylim(bottom, top)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_anchor("NW")
    add_scale_bar(axes, left, bottom, right - left, top - bottom)
    add_north(axes)


def _with_holes(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    """RGBA, transparent where nothing was seen."""
    colour = grey if grey.ndim == RGB else np.repeat(grey[..., None], 3, axis=2)
    seen = np.isfinite(colour).all(axis=2, keepdims=True)
    return np.concatenate([np.where(seen, colour, 0), seen], axis=2).astype(np.float32)


def _box(axes: Axes, grid: Grid, box: Box, smallest: float) -> None:
    # Two pixels of air, so that the frame does not hide what it frames; more where it would be too small to see.
    height = max(box[2] - box[0] + 4, smallest)
    width = max(box[3] - box[1] + 4, smallest)
    left = grid.left + ((box[1] + box[3] - width) / 2) * grid.resolution
    bottom = grid.top - ((box[0] + box[2] + height) / 2) * grid.resolution
    size = (width * grid.resolution, height * grid.resolution)
    axes.add_patch(rectangle((left, bottom), *size, fill=False, edgecolor=ORANGE, linewidth=1.6, zorder=4))


def _legend(figure: Figure, snapshots: Sequence[Snapshot], window: Window, *, outlined: bool) -> None:
    from matplotlib.patches import Patch  # noqa: PLC0415 - slow to import: only for those who draw

    handles = [Patch(facecolor="none", edgecolor=ORANGE, linewidth=1.6, label="detection")]
    if outlined:
        handles.append(Patch(facecolor="none", edgecolor=SKY, linewidth=1.6, label="zone outline"))
    if any(hides(s, window) for s in snapshots):
        handles.append(Patch(**UNSEEN, label="not seen"))
    add_legend(figure, handles)


def add_legend(figure: Figure, handles: Sequence[Patch]) -> None:
    """One line of keys above the source."""
    figure.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(MARGIN / figure.bbox.width, 37 / figure.bbox.height),
        ncols=len(handles),
        frameon=False,
        fontsize=14,
        borderaxespad=0,
        borderpad=0,
    )


def signed(figure: Figure, note: str, attribution: str, *, simulated: bool) -> None:
    """The lines below the picture, and the stamp over it."""
    source = fitted(attribution, int(figure.bbox.width / 9.5))
    if simulated:
        source = "SIMULATED: not an image of a real place."
        stamp(figure)
    left, low, high = MARGIN / figure.bbox.width, 14 / figure.bbox.height, 77 / figure.bbox.height
    figure.text(left, high, note, fontsize=14, color=DARK, parse_math=False)
    figure.text(left, low, source, fontsize=12, color="#555555", parse_math=False)
