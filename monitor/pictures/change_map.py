"""Two looks and what changed between them: before, after, and a map of the change."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor

from monitor.grid import Mask
from monitor.pictures.canvas import (
    BANNER,
    BLUE,
    DARK,
    MARGIN,
    ORANGE,
    SKY,
    add_axes,
    fitted,
    new_figure,
    rendered,
    set_title,
)
from monitor.pictures.looks import RGB, Outline, Snapshot, scale_words, stretch_of, thinned, whole
from monitor.pictures.marks import add_name, add_rings
from monitor.pictures.snapshots import HEAD, UNSEEN, add_legend, height_of, panel, signed

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CHANGE_WIDTH = 1500
"""Pixels: three panels, each as wide as those of two looks side by side."""

CHANGE_FOOT = 138
"""Room below the panels, px."""

BRIGHTER, DARKER = ORANGE, BLUE

PALEST, RANGE = 0.62, 0.36
"""The look below the colours, in light greys: from so much white, by so much more."""

CAUTION = "One pair cannot tell a lasting change from weather, season, tide or what stood there for a day."


@dataclass(frozen=True, kw_only=True, eq=False)
class ChangeMap:
    """Where two looks differ. All of shape (height, width)."""

    compared: Mask
    """True where the ground was seen in both, and compared."""

    brighter: Mask
    """True where the later look is brighter."""

    darker: Mask
    """True where the later look is darker."""

    @property
    def changed(self) -> Mask:
        """True where the two differ."""
        return self.brighter | self.darker


def change_picture(
    before: Snapshot,
    after: Snapshot,
    change: ChangeMap,
    zones: Mapping[str, Sequence[Outline]],
    *,
    simulated: bool = False,
    attribution: str = "",
) -> bytes:
    """Two looks of the SAME track and the map of what changed between them, whole, with the zones (label -> rings).

    Raises:
        ValueError: the two are not on the same grid.
    """
    if before.grid != after.grid:
        raise ValueError("before and after must be on the same grid")
    window = whole(before.grid)
    stretch = stretch_of([before, after], window)
    top = HEAD + (BANNER if simulated else 0)
    width = (CHANGE_WIDTH - 4 * MARGIN) // 3
    height = height_of(window, width)
    panels = (
        (f"Before\n{fitted(before.caption, 44)}", before, stretch),
        (f"After\n{fitted(after.caption, 44)}", after, stretch),
        (f"Changed between the two looks\n{_shares(change)}", _coloured(after, change, stretch), (0.0, 1.0)),
    )

    figure = new_figure(CHANGE_WIDTH, top + height + CHANGE_FOOT)
    for at, (title, snapshot, scale) in enumerate(panels):
        axes = add_axes(figure, MARGIN + at * (width + MARGIN), top, width, height)
        panel(axes, snapshot, thinned(window, width), scale)
        for label, rings in zones.items():
            add_rings(axes, rings)
            if at == 0:
                add_name(axes, label, rings)
        set_title(axes, title, 15)
    _legend(figure, change, outlined=bool(zones))
    high = (CHANGE_FOOT - 35) / figure.bbox.height
    figure.text(MARGIN / CHANGE_WIDTH, high, CAUTION, fontsize=14, color=DARK, parse_math=False)
    note = f"Both from the same track, same {scale_words(before, stretch)}."
    signed(figure, note, attribution, simulated=simulated)
    return _png(rendered(figure))


def _png(image: Image.Image) -> bytes:
    """In 256 colours. Those of the map have a place of their own, however few pixels show them."""
    own = [ImageColor.getrgb(colour) for colour in (BRIGHTER, DARKER, SKY, "white")]
    free = image.quantize(colors=256 - len(own), method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    palette = Image.new("P", (1, 1))
    palette.putpalette([channel for colour in own for channel in colour] + (free.getpalette() or []))
    reduced = image.quantize(palette=palette, dither=Image.Dither.NONE)
    places, colours = np.array(reduced), np.asarray(image)
    for place, colour in enumerate(own):  # Pillow rounds down before it searches: white would not stay white
        places[(colours == colour).all(axis=2)] = place
    made = Image.frombytes("P", image.size, places.tobytes())
    made.putpalette(reduced.getpalette() or [])
    buffer = io.BytesIO()
    made.save(buffer, "PNG", compress_level=7)
    return buffer.getvalue()


def _shares(change: ChangeMap) -> str:
    """How much of what was compared is coloured, in words."""
    size = int(change.compared.sum())
    if not size:
        return "nothing was seen in both"
    brighter, darker = (float(mask.sum()) / size for mask in (change.brighter, change.darker))
    return f"{brighter:.1%} brighter, {darker:.1%} darker"


def _coloured(after: Snapshot, change: ChangeMap, stretch: tuple[float, float]) -> Snapshot:
    """The map over the later look in pale grey; NaN where nothing was compared."""
    light = after.image.mean(axis=2) if after.image.ndim == RGB else after.image
    grey = PALEST + RANGE * np.clip((light - stretch[0]) / (stretch[1] - stretch[0]), 0, 1)
    image: NDArray[np.float32] = np.repeat(grey[..., None], RGB, axis=2).astype(np.float32)
    for mask, colour in ((change.brighter, BRIGHTER), (change.darker, DARKER)):
        image[mask] = np.array(ImageColor.getrgb(colour), np.float32) / 255
    image[~change.compared] = np.nan
    return Snapshot(image=image, grid=after.grid, caption="", boxes=None, unit="")


def _legend(figure: Figure, change: ChangeMap, *, outlined: bool) -> None:
    from matplotlib.patches import Patch  # noqa: PLC0415 - slow to import: only for those who draw

    handles = [Patch(facecolor=BRIGHTER, label="brighter"), Patch(facecolor=DARKER, label="darker")]
    if outlined:
        handles.append(Patch(facecolor="none", edgecolor=SKY, linewidth=1.6, label="zone outline"))
    if not change.compared.all():
        handles.append(Patch(**UNSEEN, label="not seen in one of the two: not compared, not 'no change'"))
    add_legend(figure, handles)
