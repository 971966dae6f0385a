"""Pictures of looks and of series, as small PNG files.

The colours are those of Okabe and Ito, which people with any kind of colour blindness tell apart. matplotlib is
imported when a picture is drawn: importing this module costs nothing.
"""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from monitor.alert import Incident, Kind
from monitor.grid import Grid
from monitor.message import Unused, clean, counted, day
from monitor.radiometry import Decibel, LinearPower, to_db, to_power

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from PIL import Image

Outline = NDArray[np.float64]
"""(n, 2) eastings and northings of a ring, m."""

Box = tuple[int, int, int, int]
"""(row0, column0, row1, column1); the second pair is excluded, as in scikit-image."""

DPI = 100
WIDTH = 1000
"""Pixels: more than a mail shows on a screen (608), and letters still large enough on a telephone (358)."""

PLOT_HEIGHT = 430
LEGEND_COLUMNS = 3
MARGIN = 14
BANNER = 40
"""Height of the band that says SIMULATED, px."""

HEAD, FOOT = 72, 112
"""Room above (captions) and below (scale, source, legend) the panels, px."""

LARGEST = 150_000
"""Bytes. Mail with a few of these passes every server."""

ORANGE, SKY, GREEN, BLUE, VERMILION, PURPLE = "#E69F00", "#56B4E9", "#009E73", "#0072B2", "#D55E00", "#CC79A7"
TRACK_COLOURS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY)
MARKERS = ("o", "s", "^", "D", "v", "P")
STAMP = "#B34700"
"""Vermilion, dark enough for white letters."""

DARK = "#222222"
RGB = 3


@dataclass(frozen=True, kw_only=True, eq=False)
class Snapshot:
    """One look as a picture."""

    image: NDArray[np.float32]
    """(height, width) dB, or (height, width, 3) reflectance; NaN: not seen."""

    grid: Grid
    caption: str
    """Day and track."""

    boxes: Sequence[Box]
    """Detections."""

    unit: str
    """"dB", or "reflectance"."""

    def __post_init__(self) -> None:
        if self.image.shape[:2] != self.grid.shape or self.image.ndim not in {2, RGB}:
            raise ValueError(f"an image of {self.image.shape} on a grid of {self.grid.shape}")


@dataclass(frozen=True, kw_only=True)
class SeriesPoint:
    """A usable look in a series plot."""

    at: datetime
    value: float
    usual: float | None
    """Centre of the baseline it was compared with; None: too little history."""

    low: float | None
    high: float | None
    """The band that numbers of this track usually stay in."""

    track: str


@dataclass(frozen=True, kw_only=True)
class Window:
    """A part of a grid: half-open rows and columns, shown in blocks of `step` pixels a side."""

    row0: int
    column0: int
    row1: int
    column1: int
    step: int = 1


# ---------------------------------------------------------------- the three pictures


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
    window = _around(before.grid, outline_xy)
    stretch = _stretch([_cut(s.image, window) for s in (before, after)])

    top = HEAD + (BANNER if simulated else 0)
    width = (WIDTH - 3 * MARGIN) // 2
    height = _height(window, width)

    def draw(most: int) -> Figure:
        figure = _figure(WIDTH, top + height + FOOT)
        for left, name, snapshot in ((MARGIN, "Before", before), (2 * MARGIN + width, "After", after)):
            axes = _axes(figure, left, top, width, height)
            _panel(axes, snapshot, _thinned(window, most), stretch)
            _rings(axes, outline_xy)
            axes.set_title(
                f"{name}: {_detections(snapshot, window)}\n{_fitted(snapshot.caption, 44)}",
                fontsize=15,
                color=DARK,
                loc="left",
                parse_math=False,
            )
        note = f"Both from the same track, same {_scale_words(before, stretch)}."
        _legend(figure, [before, after], window, outlined=bool(outline_xy))
        _signed(figure, note, attribution, simulated=simulated)
        return figure

    return _small(draw, width, free=before.image.ndim == RGB)


def look_picture(
    snapshot: Snapshot,
    zones: Mapping[str, Sequence[Outline]],
    *,
    simulated: bool = False,
    attribution: str = "",
) -> bytes:
    """One look, whole, with its zones (label -> rings) and detections."""
    grid = snapshot.grid
    window = Window(row0=0, column0=0, row1=grid.height, column1=grid.width)
    stretch = _stretch([snapshot.image])

    top = HEAD - 28 + (BANNER if simulated else 0)
    width = WIDTH - 2 * MARGIN
    height = _height(window, width)

    def draw(most: int) -> Figure:
        figure = _figure(WIDTH, top + height + FOOT)
        axes = _axes(figure, MARGIN, top, width, height)
        _panel(axes, snapshot, _thinned(window, most), stretch)
        for label, rings in zones.items():
            _rings(axes, rings)
            _name(axes, label, rings)
        axes.set_title(
            f"{_fitted(snapshot.caption, 60)} - {_detections(snapshot, window)}",
            fontsize=16,
            color=DARK,
            loc="left",
            parse_math=False,
        )
        _legend(figure, [snapshot], window, outlined=bool(zones))
        words = _scale_words(snapshot, stretch)
        _signed(figure, f"{words[0].upper()}{words[1:]}.", attribution, simulated=simulated)
        return figure

    return _small(draw, width, free=snapshot.image.ndim == RGB)


def series_plot(
    series: Sequence[SeriesPoint],
    unused: Sequence[Unused],
    incident: Incident | None,
    unit: str,
    title: str,
    *,
    simulated: bool,
) -> bytes:
    """The usable looks of a zone and measure over time, against what was usual; unusable looks as ticks below."""

    def draw(_most: int) -> Figure:
        top = 46 + (BANNER if simulated else 0)
        figure = _figure(WIDTH, top + PLOT_HEIGHT + 60 + 27 * _legend_rows(series, unused, incident))
        axes = _axes(figure, 90, top, WIDTH - 90 - 2 * MARGIN, PLOT_HEIGHT)
        _incident(axes, incident, series, unused)
        for at, track in enumerate(sorted({p.track for p in series})):
            _track(axes, [p for p in series if p.track == track], track, at)
        _ticks(axes, unused)
        _limits(axes, series)
        _dates(axes)
        axes.set_ylabel(_unit_label(unit), fontsize=15, parse_math=False)
        axes.set_title(_fitted(title, 70), fontsize=16, color=DARK, loc="left", parse_math=False)
        axes.tick_params(labelsize=14)
        axes.grid(axis="y", color="#dddddd", linewidth=0.8)
        axes.spines[["top", "right"]].set_visible(False)
        _series_legend(figure, axes)
        if not series:
            axes.text(0.5, 0.5, "no usable look", transform=axes.transAxes, ha="center", fontsize=18, color="#555555")
        if simulated:
            _stamp(figure)
        return figure

    return _small(draw, 0, free=True)


# ---------------------------------------------------------------- what is seen


def _fitted(text: str, longest: int) -> str:
    """One line that fits: matplotlib neither wraps nor cuts."""
    text = clean(text)
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _height(window: Window, width: int) -> int:
    """Height of a panel of that width, px: the shape of the window, within reason for very long ones."""
    shape = (window.row1 - window.row0) / (window.column1 - window.column0)
    return round(width * min(max(shape, 0.3), 1.25))


def _axes(figure: Figure, left: int, top: int, width: int, height: int) -> Axes:
    """Axes by pixels from the upper left corner of the figure."""
    w, h = figure.bbox.width, figure.bbox.height
    return figure.add_axes((left / w, (h - top - height) / h, width / w, height / h))


def _around(grid: Grid, rings: Sequence[Outline]) -> Window:
    """The part of the grid around the rings: a quarter of their size, at least 200 m, on each side; a square if it
    fits, so that the panel is filled.
    """
    if not rings:
        return Window(row0=0, column0=0, row1=grid.height, column1=grid.width)
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


def _thinned(window: Window, most: int) -> Window:
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


def _shown(snapshot: Snapshot, window: Window) -> NDArray[np.float32]:
    """The window in its blocks; backscatter is averaged in linear power."""
    cut = _cut(snapshot.image, window)
    if snapshot.unit != "dB" or window.step == 1:
        return _blocks(cut, window.step)
    return to_db(LinearPower(_blocks(to_power(Decibel(cut)), window.step)))


def _stretch(images: Sequence[NDArray[np.float32]]) -> tuple[float, float]:
    """Black and white of all images together: percentiles 1 and 99.7."""
    values = np.concatenate([i[np.isfinite(i)].ravel() for i in images])
    if values.size == 0:
        return 0.0, 1.0
    low, high = (float(v) for v in np.percentile(values, [1, 99.7]))
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def _hidden(snapshot: Snapshot, window: Window) -> bool:
    return bool(np.isnan(_cut(snapshot.image, window)).any())


def _detections(snapshot: Snapshot, window: Window) -> str:
    inside = [b for b in snapshot.boxes if _touches(b, window)]
    beyond = len(snapshot.boxes) - len(inside)
    return counted(len(inside), "detection") + (f" ({beyond} more outside)" if beyond else "")


def _touches(box: Box, window: Window) -> bool:
    return box[0] < window.row1 and box[2] > window.row0 and box[1] < window.column1 and box[3] > window.column0


def _scale_words(snapshot: Snapshot, stretch: tuple[float, float]) -> str:
    if snapshot.image.ndim == RGB:
        return f"colour scale: reflectance {stretch[0]:.2f} to {stretch[1]:.2f}"
    return f"grey scale: {stretch[0]:.0f} (black) to {stretch[1]:.0f} {clean(snapshot.unit)} (white)"


# ---------------------------------------------------------------- drawing a look


def _panel(axes: Axes, snapshot: Snapshot, window: Window, stretch: tuple[float, float]) -> None:
    from matplotlib.patches import Rectangle

    grid, step = snapshot.grid, window.step
    image = _shown(snapshot, window)
    left = grid.left + window.column0 * grid.resolution
    top = grid.top - window.row0 * grid.resolution
    width, height = (n * step * grid.resolution for n in (image.shape[1], image.shape[0]))
    extent = (left, left + width, top - height, top)
    axes.add_patch(
        Rectangle((left, top - height), width, height, facecolor="#c8c8c8", edgecolor="#8c8c8c", hatch="///")
    )
    grey = np.clip((image - stretch[0]) / (stretch[1] - stretch[0]), 0, 1)
    axes.imshow(_with_holes(grey), extent=extent, interpolation="nearest", zorder=1)
    smallest = 0.02 * max(window.row1 - window.row0, window.column1 - window.column0)
    for box in snapshot.boxes:
        if _touches(box, window):
            _box(axes, grid, box, smallest)
    right = grid.left + window.column1 * grid.resolution
    bottom = grid.top - window.row1 * grid.resolution
    axes.set_xlim(left, right)
    axes.set_ylim(bottom, top)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_anchor("NW")
    _scale_bar(axes, left, bottom, right - left, top - bottom)
    _north(axes)


def _with_holes(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    """RGBA, transparent where nothing was seen."""
    colour = grey if grey.ndim == RGB else np.repeat(grey[..., None], 3, axis=2)
    seen = np.isfinite(colour).all(axis=2, keepdims=True)
    return np.concatenate([np.where(seen, colour, 0), seen], axis=2).astype(np.float32)


def _box(axes: Axes, grid: Grid, box: Box, smallest: float) -> None:
    from matplotlib.patches import Rectangle

    # Two pixels of air, so that the frame does not hide what it frames; more where it would be too small to see.
    height = max(box[2] - box[0] + 4, smallest)
    width = max(box[3] - box[1] + 4, smallest)
    left = grid.left + ((box[1] + box[3] - width) / 2) * grid.resolution
    bottom = grid.top - ((box[0] + box[2] + height) / 2) * grid.resolution
    size = (width * grid.resolution, height * grid.resolution)
    axes.add_patch(Rectangle((left, bottom), *size, fill=False, edgecolor=ORANGE, linewidth=1.6, zorder=4))


def _rings(axes: Axes, rings: Sequence[Outline]) -> None:
    for ring in rings:
        closed = np.vstack([ring, ring[:1]])
        axes.plot(closed[:, 0], closed[:, 1], color="black", linewidth=2.6, alpha=0.45, zorder=2)
        axes.plot(closed[:, 0], closed[:, 1], color=SKY, linewidth=1.4, zorder=3)


def _halo() -> list[Any]:
    from matplotlib.patheffects import withStroke

    return [withStroke(linewidth=3, foreground="black")]


def _name(axes: Axes, label: str, rings: Sequence[Outline]) -> None:
    """The label at the upper left corner of its zone, pushed inside the picture."""
    if not rings:
        return
    points = np.vstack(list(rings))
    left, right = axes.get_xlim()
    bottom, top = axes.get_ylim()
    x = min(max(float(points[:, 0].min()), left), right - 0.25 * (right - left))
    y = min(max(float(points[:, 1].max()), bottom), top - 0.03 * (top - bottom))
    axes.annotate(
        clean(label),
        (x, y),
        xytext=(3, -3),
        textcoords="offset points",
        va="top",
        fontsize=13,
        color="white",
        path_effects=_halo(),
        zorder=6,
        parse_math=False,
    )


def _round_length(longest: float) -> float:
    """The largest of 1, 2, 5, 10, ... that is not longer."""
    power = 10.0 ** math.floor(math.log10(longest))
    return max(n * power for n in (1, 2, 5) if n * power <= longest * 1.0001)


def _scale_bar(axes: Axes, left: float, bottom: float, width: float, height: float) -> None:
    length = _round_length(width / 4)
    x, y = left + 0.03 * width, bottom + 0.04 * height
    axes.plot([x, x + length], [y, y], color="black", linewidth=6, solid_capstyle="butt", zorder=5)
    axes.plot([x, x + length], [y, y], color="white", linewidth=3, solid_capstyle="butt", zorder=6)
    text = f"{length / 1000:g} km" if length >= 1000 else f"{length:g} m"
    axes.annotate(
        text,
        (x, y),
        xytext=(0, 5),
        textcoords="offset points",
        color="white",
        fontsize=14,
        path_effects=_halo(),
        zorder=6,
    )


def _north(axes: Axes) -> None:
    from matplotlib.patheffects import withStroke

    arrow = {
        "arrowstyle": "-|>",
        "color": "white",
        "linewidth": 2,
        "path_effects": [withStroke(linewidth=4, foreground="black")],
    }
    axes.annotate(
        "",
        (0.955, 0.965),
        xytext=(0.955, 0.865),
        xycoords="axes fraction",
        textcoords="axes fraction",
        arrowprops=arrow,
        zorder=6,
    )
    axes.text(
        0.955,
        0.86,
        "N",
        transform=axes.transAxes,
        ha="center",
        va="top",
        color="white",
        fontsize=14,
        path_effects=_halo(),
        zorder=6,
    )


def _legend(figure: Figure, snapshots: Sequence[Snapshot], window: Window, *, outlined: bool) -> None:
    from matplotlib.patches import Patch

    handles = [Patch(facecolor="none", edgecolor=ORANGE, linewidth=1.6, label="detection")]
    if outlined:
        handles.append(Patch(facecolor="none", edgecolor=SKY, linewidth=1.6, label="zone outline"))
    if any(_hidden(s, window) for s in snapshots):
        handles.append(Patch(facecolor="#c8c8c8", edgecolor="#8c8c8c", hatch="///", label="not seen"))
    figure.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(MARGIN / WIDTH, 37 / figure.bbox.height),
        ncols=len(handles),
        frameon=False,
        fontsize=14,
        borderaxespad=0,
        borderpad=0,
    )


def _signed(figure: Figure, note: str, attribution: str, *, simulated: bool) -> None:
    """The lines below the picture, and the stamp over it."""
    source = _fitted(attribution, int(figure.bbox.width / 9.5))
    if simulated:
        source = "SIMULATED: not an image of a real place."
        _stamp(figure)
    left, low, high = MARGIN / figure.bbox.width, 14 / figure.bbox.height, 77 / figure.bbox.height
    figure.text(left, high, note, fontsize=14, color=DARK, parse_math=False)
    figure.text(left, low, source, fontsize=12, color="#555555", parse_math=False)


def _stamp(figure: Figure) -> None:
    """A band that cannot be overlooked, and a faint word over the picture that a cropped copy keeps."""
    from matplotlib.patches import Rectangle

    high = BANNER / figure.bbox.height
    figure.add_artist(Rectangle((0, 1 - high), 1, high, transform=figure.transFigure, facecolor=STAMP, linewidth=0))
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


# ---------------------------------------------------------------- drawing a series


def _days(moments: Iterable[datetime]) -> list[float]:
    """matplotlib's numbers for instants."""
    from matplotlib.dates import date2num

    return [float(date2num(moment)) for moment in moments]  # type: ignore[no-untyped-call]


def _dates(axes: Axes) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator(minticks=4, maxticks=12)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]


def _incident(axes: Axes, incident: Incident | None, series: Sequence[SeriesPoint], unused: Sequence[Unused]) -> None:
    if incident is None:
        return
    latest = max([incident.raised, *(p.at for p in series), *(u.at for u in unused)])
    end = incident.until or latest
    word = {Kind.SURGE: "more than usual", Kind.LULL: "less than usual", Kind.BLIND: "nothing usable"}[incident.kind]
    first, last = _days([incident.onset, end])
    axes.axvspan(first, last, color=ORANGE, alpha=0.2, linewidth=0, label=f"{word} ({incident.state})", zorder=0)
    axes.axvline(
        first, color=DARK, linewidth=1.4, linestyle="--", label=f"first look of it, {day(incident.onset)}", zorder=1
    )


def _track(axes: Axes, points: Sequence[SeriesPoint], track: str, at: int) -> None:
    """The points of one track over the band of what was usual for each."""
    colour, marker = TRACK_COLOURS[at % len(TRACK_COLOURS)], MARKERS[at % len(MARKERS)]
    banded = [(p, p.low, p.high) for p in points if p.low is not None and p.high is not None]
    axes.fill_between(
        _days(p.at for p, _, _ in banded),
        [low for _, low, _ in banded],
        [high for _, _, high in banded],
        color="#777777",
        alpha=0.16,
        linewidth=0,
        zorder=1.5,
    )
    known = [(p.at, p.usual) for p in points if p.usual is not None]
    axes.plot(
        _days(when for when, _ in known),
        [usual for _, usual in known],
        color=colour,
        linestyle="none",
        marker="_",
        markersize=6,
        alpha=0.6,
        zorder=3,
    )
    axes.plot(
        _days(p.at for p in points),
        [p.value for p in points],
        color=colour,
        linestyle="none",
        marker=marker,
        markersize=6.5,
        markeredgecolor="white",
        markeredgewidth=0.6,
        label=clean(track),
        zorder=4,
    )


def _ticks(axes: Axes, unused: Sequence[Unused]) -> None:
    if unused:
        axes.plot(
            _days(u.at for u in unused),
            [0.022] * len(unused),
            transform=axes.get_xaxis_transform(),
            color="#555555",
            linestyle="none",
            marker="|",
            markersize=12,
            markeredgewidth=1.2,
            clip_on=False,
            label=f"not usable ({len(unused)})",
            zorder=3,
        )


def _limits(axes: Axes, series: Sequence[SeriesPoint]) -> None:
    """Room below the lowest number for the ticks of unusable looks."""
    values = [v for p in series for v in (p.value, p.low, p.high) if v is not None and math.isfinite(v)]
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    span = (high - low) or 1.0
    axes.set_ylim(low - 0.12 * span, high + 0.08 * span)


def _unit_label(unit: str) -> str:
    unit = clean(unit).replace("m2", "m²")
    return "per usable look" if unit in {"", "1", "count"} else f"{unit}, per usable look"


def _legend_rows(series: Sequence[SeriesPoint], unused: Sequence[Unused], incident: Incident | None) -> int:
    entries = len({p.track for p in series}) + bool(unused) + 2 * (incident is not None) + 2
    return math.ceil(entries / LEGEND_COLUMNS)


def _series_legend(figure: Figure, axes: Axes) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles, labels = axes.get_legend_handles_labels()
    handles += [
        Line2D([], [], color="#777777", marker="_", linestyle="none", markersize=9),
        Patch(color="#777777", alpha=0.25),
    ]
    labels += ["usual on its track", "usual range"]
    figure.legend(
        handles,
        labels,
        loc="lower center",
        bbox_to_anchor=(0.5, 8 / figure.bbox.height),
        ncols=LEGEND_COLUMNS,
        frameon=False,
        fontsize=13.5,
        borderaxespad=0,
    )


# ---------------------------------------------------------------- making it small


def _figure(width: int, height: int) -> Figure:
    """A figure outside pyplot: pyplot keeps global state and is not for threads."""
    from matplotlib.figure import Figure as New

    return New(figsize=(width / DPI, height / DPI), dpi=DPI, facecolor="white")


def _small(draw: Callable[[int], Figure], most: int, *, free: bool) -> bytes:
    """The PNG of `draw(most)`, in fewer colours and, if need be, coarser blocks until it is small enough.

    Speckle hardly compresses: what helps is to show fewer pixels of it.
    """
    data = b""
    for share in (1.0, 0.6, 0.4, 0.25):
        image = _rendered(draw(max(1, int(most * share))))
        for colours in (128, 48, 24):
            data = _png(image, colours, free=free)
            if len(data) <= LARGEST:
                return data
            if len(data) > 2 * LARGEST:  # fewer colours alone will not do
                break
    return data


def _rendered(figure: Figure) -> Image.Image:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    canvas = FigureCanvasAgg(figure)
    with warnings.catch_warnings():
        # A name in a script that the font lacks shows boxes; the message beside the picture has it in full.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        canvas.draw()  # type: ignore[no-untyped-call]
    return Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3].copy())  # type: ignore[no-untyped-call]


def _png(image: Image.Image, colours: int, *, free: bool) -> bytes:
    from PIL import Image

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
    """Greys, and each accent as it looks over black, grey and white: a free choice would give the few pixels of a
    thin frame no colour of their own.
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
