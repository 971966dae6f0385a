"""How much two looks of one track differ, pixel by pixel, on a scale with two colours and white for no difference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from monitor.filters import multilook
from monitor.message import shortened
from monitor.pictures.canvas import (
    BANNER,
    BLUE,
    DARK,
    MARGIN,
    ORANGE,
    WIDTH,
    add_axes,
    fitted,
    new_figure,
    set_title,
    small_png,
)
from monitor.pictures.looks import RGB, Outline, Snapshot, Window, around, thinned
from monitor.pictures.snapshots import HEAD, UNSEEN, add_legend, height_of, panel, signed
from monitor.radiometry import Decibel, to_db, to_power

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

FOOT = 112
BAR = 140
"""Room to the right of the panel for the colour scale, px."""

PANEL = WIDTH - 2 * MARGIN - BAR

STEPS = (0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 3, 5, 10, 15, 20, 30)
"""Ends of the scale: the same on many pictures, so that they can be compared."""

CLASSES = 21
"""Shades from one end of the scale to the other, white in the middle: the eye tells no more apart."""

PERCENT = 99.5
"""Of the differences lie within the scale, about."""


def difference_picture(
    before: Snapshot,
    after: Snapshot,
    outline_xy: Sequence[Outline],
    *,
    simulated: bool,
    attribution: str = "",
) -> bytes:
    """After minus before, cut to the zone. Radar: dB, each pixel averaged with its neighbours. Optical: reflectance.

    Raises:
        ValueError: the two are not on the same grid, or one is radar and the other is not.
    """
    if before.grid != after.grid or before.unit != after.unit:
        raise ValueError("before and after must be of one sensor and on the same grid")
    change = _change(before, after)
    window = around(before.grid, outline_xy)
    limit = _limit(change, window)
    unit = "dB" if before.unit == "dB" else "reflectance"
    top = HEAD + (BANNER if simulated else 0)
    height = height_of(window, PANEL)

    def draw(most: int) -> Figure:
        figure = new_figure(WIDTH, top + height + FOOT)
        axes = add_axes(figure, MARGIN, top, PANEL, height)
        panel(axes, _coloured(after, change, limit), thinned(window, most), (0.0, 1.0))
        for ring in outline_xy:  # the blue of other pictures would pass for a difference
            axes.plot(*np.vstack([ring, ring[:1]]).T, color=DARK, linewidth=1.4, zorder=3)
        set_title(axes, f"After minus before: {unit}\n{_dates(before, after)}", 15)
        _bar(add_axes(figure, WIDTH - MARGIN - BAR + 22, top, 22, height), limit, unit)
        _legend(figure, change, window, outlined=bool(outline_xy))
        signed(figure, _note(before), attribution, simulated=simulated)
        return figure

    return small_png(draw, PANEL, free=True)


def _change(before: Snapshot, after: Snapshot) -> NDArray[np.float32]:
    """Shape (height, width); NaN where one of the two was not seen."""
    if before.unit == "dB":
        first, second = (np.asarray(to_db(multilook(to_power(Decibel(s.image))))) for s in (before, after))
        return second - first
    difference: NDArray[np.float32] = after.image - before.image
    return difference.mean(axis=2) if difference.ndim == RGB else difference


def _limit(change: NDArray[np.float32], window: Window) -> float:
    part = change[window.row0 : window.row1, window.column0 : window.column1]
    seen = np.abs(part[np.isfinite(part)])
    wanted = float(np.percentile(seen, PERCENT)) if seen.size else 0.0
    return next((step for step in STEPS if step >= wanted), STEPS[-1])


def _colours() -> Colormap:
    from matplotlib.colors import LinearSegmentedColormap  # noqa: PLC0415 - slow to import: only for those who draw

    return LinearSegmentedColormap.from_list("difference", ["#003C66", BLUE, "white", ORANGE, "#7A4A00"], CLASSES)


def _coloured(after: Snapshot, change: NDArray[np.float32], limit: float) -> Snapshot:
    rgb = _colours()(np.clip(0.5 + change / (2 * limit), 0, 1))[..., :RGB].astype(np.float32)
    rgb[np.isnan(change)] = np.nan
    return Snapshot(image=rgb, grid=after.grid, caption="", boxes=None, unit="")


def _dates(before: Snapshot, after: Snapshot) -> str:
    return shortened(f"{fitted(after.caption, 44)}  minus  {fitted(before.caption, 44)}", 100)


def _note(before: Snapshot) -> str:
    averaged = ", each pixel the mean of 3 x 3" if before.unit == "dB" else ", mean of red, green and blue"
    return f"Both from the same track{averaged}. Off the scale: as its ends."


def _bar(axes: Axes, limit: float, unit: str) -> None:
    axes.imshow(
        np.linspace(1, 0, 20 * CLASSES)[:, None],
        cmap=_colours(),
        aspect="auto",
        extent=(0, 1, -limit, limit),
        vmin=0,
        vmax=1,
    )
    axes.set_xticks([])
    axes.yaxis.tick_right()
    axes.yaxis.set_label_position("right")
    axes.set_yticks(np.linspace(-limit, limit, 5))
    axes.tick_params(labelsize=13)
    axes.set_ylabel(f"darker    {unit}    brighter", fontsize=14, color=DARK, labelpad=2)


def _legend(figure: Figure, change: NDArray[np.float32], window: Window, *, outlined: bool) -> None:
    from matplotlib.patches import Patch  # noqa: PLC0415 - as above

    handles = [Patch(facecolor=ORANGE, label="brighter after"), Patch(facecolor=BLUE, label="darker after")]
    if outlined:
        handles.append(Patch(facecolor="none", edgecolor=DARK, linewidth=1.6, label="zone outline"))
    if np.isnan(change[window.row0 : window.row1, window.column0 : window.column1]).any():
        handles.append(Patch(**UNSEEN, label="not seen in one of the two"))
    add_legend(figure, handles)
