"""What all pictures share: colours and sizes, figures outside pyplot, the SIMULATED stamp, and small PNG files."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from monitor.message import clean, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle
    from matplotlib.patheffects import AbstractPathEffect

DPI = 100
WIDTH = 1000
"""Pixels: more than a mail shows on a screen (608), and letters still large enough on a telephone (358)."""

MARGIN = 14
BANNER = 40
"""Height of the band that says SIMULATED, px."""

LARGEST = 150_000
"""Bytes. Mail with a few of these passes every server."""

ORANGE, SKY, GREEN, BLUE, VERMILION, PURPLE = "#E69F00", "#56B4E9", "#009E73", "#0072B2", "#D55E00", "#CC79A7"
STAMP = "#B34700"
"""Vermilion, dark enough for white letters."""

DARK = "#222222"


def new_figure(width: int, height: int) -> Figure:
    """A figure outside pyplot: pyplot keeps global state and is not for threads."""
    from matplotlib import figure  # noqa: PLC0415 - slow to import: only for those who draw

    return figure.Figure(figsize=(width / DPI, height / DPI), dpi=DPI, facecolor="white")


def add_axes(figure: Figure, left: int, top: int, width: int, height: int) -> Axes:
    """Axes by pixels from the upper left corner of the figure."""
    w, h = figure.bbox.width, figure.bbox.height
    return figure.add_axes((left / w, (h - top - height) / h, width / w, height / h))


def stamp(figure: Figure) -> None:
    """A band that cannot be overlooked, and a faint word over the picture that a cropped copy keeps."""
    high = BANNER / figure.bbox.height
    figure.add_artist(rectangle((0, 1 - high), 1, high, transform=figure.transFigure, facecolor=STAMP, linewidth=0))
    figure.text(
        0.5, 1 - high / 2, "SIMULATED", ha="center", va="center_baseline", fontsize=17, fontweight="bold", color="white"
    )
    figure.text(
        0.5,
        0.48,
        "SIMULATED",
        rotation=20,
        ha="center",
        va="center",
        fontsize=76,
        fontweight="bold",
        color=VERMILION,
        alpha=0.22,
        zorder=10,
    )


def halo(linewidth: float = 3) -> list[AbstractPathEffect]:
    """A black edge around what is drawn in white."""
    from matplotlib.patheffects import withStroke  # noqa: PLC0415 - as above

    return [withStroke(linewidth=linewidth, foreground="black")]


def rectangle(corner: tuple[float, float], width: float, height: float, **style: Any) -> Rectangle:
    """A rectangle from its lower left corner."""
    from matplotlib import patches  # noqa: PLC0415 - as above

    return patches.Rectangle(corner, width, height, **style)


def fitted(text: str, longest: int) -> str:
    """One line that fits: matplotlib neither wraps nor cuts."""
    return shortened(clean(text), longest)


def set_title(axes: Axes, text: str, size: float) -> None:
    """The title, at the left, as it is: a dollar sign starts no formula."""
    axes.set_title(text, fontsize=size, color=DARK, loc="left", parse_math=False)


def small_png(draw: Callable[[int], Figure], most: int, *, free: bool) -> bytes:
    """The PNG of `draw(most)`, in fewer colours and, if need be, coarser blocks until it is small enough.

    Speckle hardly compresses: what helps is to show fewer pixels of it.
    """
    data = b""
    for share in (1.0, 0.6, 0.4, 0.25):
        image = rendered(draw(max(1, int(most * share))))
        for colours in (128, 48, 24):
            data = _png(image, colours, free=free)
            if len(data) <= LARGEST:
                return data
            if len(data) > 2 * LARGEST:  # fewer colours alone will not do
                break
    return data


def rendered(figure: Figure) -> Image.Image:
    """The figure as an image."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - as above

    canvas = FigureCanvasAgg(figure)
    with warnings.catch_warnings():
        # A name in a script that the font lacks shows boxes; the message beside the picture has it in full.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        canvas.draw()  # type: ignore[no-untyped-call]
    return Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3].copy())  # type: ignore[no-untyped-call]


def _png(image: Image.Image, colours: int, *, free: bool) -> bytes:
    if free:
        reduced = image.quantize(colors=colours, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    else:
        palette = Image.new("P", (1, 1))
        palette.putpalette(_palette(colours))
        reduced = image.quantize(palette=palette, dither=Image.Dither.NONE)
    buffer = io.BytesIO()
    reduced.save(buffer, "PNG", compress_level=7)
    return buffer.getvalue()


def _palette(colours: int) -> list[int]:
    """Greys, and each accent as it looks over black, grey and white.

    A free choice would give the few pixels of a thin frame no colour of their own.
    """
    accents = [[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in (ORANGE, SKY, VERMILION, STAMP)]
    blends = [
        round(share * c + (1 - share) * under)
        for accent in accents
        for share in (1.0, 0.6, 0.22)
        for under in (0, 64, 128, 192, 255)
        for c in accent
    ]
    # A wide last step: Pillow rounds down before it searches, and white must stay white.
    greys = [round(246 * i / (colours - 2)) for i in range(colours - 1)] + [255]
    return [grey for grey in greys for _ in range(3)] + blends
