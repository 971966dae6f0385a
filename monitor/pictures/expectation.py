"""An expectation as a picture: looks of its window and baselines over time, and the effect against each baseline."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from monitor.alert import Interval90
from monitor.message import clean, rounded, unit_sign
from monitor.pictures.canvas import (
    BANNER,
    BLUE,
    DARK,
    GREEN,
    MARGIN,
    ORANGE,
    SKY,
    VERMILION,
    WIDTH,
    add_axes,
    fitted,
    new_figure,
    set_title,
    small_png,
    stamp,
)
from monitor.pictures.series import dates, days
from monitor.times import Interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LOOKS_HEIGHT, ROW_HEIGHT = 330, 46
"""Of the looks, and of each baseline's effect below them, px."""

BAND, COUNTED, IDLE = 0.16, 7.5, 6.0
SHADES = (SKY, GREEN, BLUE, DARK)
"""Of baselines, in their order."""


@dataclass(frozen=True, kw_only=True)
class LookPoint:
    """A look as it is drawn."""

    at: datetime
    value: float | None
    """None: it could not be used."""

    counted: bool
    """True if it counts in the window or in a baseline."""


@dataclass(frozen=True, kw_only=True)
class Span:
    """A window or baseline with its rate."""

    name: str
    intervals: Sequence[Interval]
    rate: float | None


@dataclass(frozen=True, kw_only=True)
class Bar:
    """The effect against one baseline."""

    name: str
    effect: Interval90 | None
    words: str
    """What came of it."""


@dataclass(frozen=True, kw_only=True)
class ExpectationView:
    """All that is drawn of one expectation."""

    title: str
    unit: str
    looks: Sequence[LookPoint]
    window: Span
    baselines: Sequence[Span]
    bars: Sequence[Bar]
    none: float
    """The effect of no change."""

    wanted: float
    by_ratio: bool
    """True: effects are drawn on a logarithmic scale."""


def expectation_picture(view: ExpectationView, *, simulated: bool) -> bytes:
    """Looks above, effects below. The window is orange, each baseline has a colour of its own."""

    def draw(_most: int) -> Figure:
        top = 46 + (BANNER if simulated else 0)
        bars = 56 + ROW_HEIGHT * max(1, len(view.bars))
        figure = new_figure(WIDTH, top + LOOKS_HEIGHT + 96 + bars + 92)
        _looks(add_axes(figure, 90, top, WIDTH - 90 - 2 * MARGIN, LOOKS_HEIGHT), view)
        axes = add_axes(figure, 330, top + LOOKS_HEIGHT + 96, WIDTH - 330 - 2 * MARGIN, bars - 30)
        _bars(axes, view)
        _legend(figure)
        if simulated:
            stamp(figure)
        return figure

    return small_png(draw, 0, free=True)


def _looks(axes: Axes, view: ExpectationView) -> None:
    for span, colour in zip((view.window, *view.baselines), (ORANGE, *SHADES), strict=False):
        for interval in span.intervals:
            first, last = days([interval.start, interval.end])
            axes.axvspan(first, last, color=colour, alpha=BAND, linewidth=0, zorder=0)
            if span.rate is not None:
                axes.plot([first, last], [span.rate, span.rate], color=colour, linewidth=2.2, zorder=2)
    usable = [(p.at, p.value, p.counted) for p in view.looks if p.value is not None]
    for wanted, face, size in ((True, DARK, COUNTED), (False, "white", IDLE)):
        own = [(at, value) for at, value, counted in usable if counted is wanted]
        axes.plot(
            days(at for at, _ in own),
            [v for _, v in own],
            "o",
            color=DARK,
            markerfacecolor=face,
            markersize=size,
            markeredgewidth=0.8,
            zorder=4 if wanted else 3,
        )
    values = [v for _, v, _ in usable] or [0.0, 1.0]
    room = (max(values) - min(values)) or 1.0
    axes.set_ylim(min(values) - 0.14 * room, max(values) + 0.1 * room)
    unusable = [p.at for p in view.looks if p.value is None]
    axes.plot(
        days(unusable),
        [0.03] * len(unusable),
        "|",
        transform=axes.get_xaxis_transform(),
        color="#555555",
        markersize=12,
        markeredgewidth=1.2,
        clip_on=False,
    )
    dates(axes)
    unit = unit_sign(clean(view.unit))
    axes.set_ylabel("per usable look" if unit in {"", "1"} else f"{unit}, per usable look", fontsize=15)
    set_title(axes, fitted(view.title, 88), 15)
    axes.tick_params(labelsize=13)
    axes.spines[["top", "right"]].set_visible(False)


def _bars(axes: Axes, view: ExpectationView) -> None:
    at = list(range(len(view.bars)))[::-1]
    floor = 1e-3
    for row, bar, colour in zip(at, view.bars, SHADES * (1 + len(view.bars) // len(SHADES)), strict=False):
        label = f"against {fitted(bar.name, 26)}"
        axes.text(-0.02, row, label, transform=axes.get_yaxis_transform(), ha="right", va="center", fontsize=14)
        if bar.effect is None:
            axes.text(0.02, row, fitted(bar.words, 60), transform=axes.get_yaxis_transform(), va="center", fontsize=14)
            continue
        value, low, high = (max(x, floor) if view.by_ratio else x for x in bar.effect)
        axes.plot([low, high], [row, row], color=colour, linewidth=5, solid_capstyle="butt", zorder=3)
        axes.plot([value], [row], "o", color=DARK, markersize=8, zorder=4)
        words = f"{rounded(bar.effect.value)}: {bar.words}"
        axes.annotate(
            fitted(words, 40),
            (value, row),
            xytext=(0, 9),
            textcoords="offset points",
            ha="center",
            fontsize=12.5,
            parse_math=False,
        )
    axes.axvline(view.none, color="#777777", linewidth=1.4, zorder=1)
    axes.axvline(view.wanted, color=VERMILION, linewidth=1.6, linestyle="--", zorder=1)
    axes.set_ylim(-0.6, len(view.bars) - 0.2)
    axes.set_yticks([])
    _scale(axes, view)
    axes.tick_params(labelsize=13)
    axes.spines[["top", "right", "left"]].set_visible(False)


def _scale(axes: Axes, view: ExpectationView) -> None:
    effects = [x for b in view.bars if b.effect is not None for x in b.effect] + [view.none, view.wanted]
    if not view.by_ratio:
        room = (max(effects) - min(effects)) or 1.0
        axes.set_xlim(min(effects) - 0.1 * room, max(effects) + 0.1 * room)
        return
    low, high = max(min(effects), 0.02), min(max(effects), 50.0)
    axes.set_xscale("log")
    axes.set_xlim(low / 1.3, high * 1.3)
    ticks = [t for t in (0.02, 0.05, 0.1, 0.2, 0.33, 0.5, 1, 1.5, 2, 3, 5, 10, 20, 50) if low / 1.3 <= t <= high * 1.3]
    if math.log(high / low) > 3:
        ticks = [t for t in ticks if t not in {0.33, 1.5, 3}]
    axes.set_xticks(ticks, [f"{t:g}" for t in ticks])
    axes.minorticks_off()


def _legend(figure: Figure) -> None:
    from matplotlib.lines import Line2D  # noqa: PLC0415 - slow to import: only for those who draw
    from matplotlib.patches import Patch  # noqa: PLC0415 - as above

    def dot(face: str) -> Line2D:
        return Line2D([], [], color=DARK, marker="o", linestyle="none", markerfacecolor=face, markersize=8)

    entries = {
        "counts": dot(DARK),
        "usable, does not count": dot("white"),
        "not usable": Line2D([], [], color="#555555", marker="|", linestyle="none", markersize=12),
        "window": Patch(color=ORANGE, alpha=0.5),
        "no change": Line2D([], [], color="#777777"),
        "expected": Line2D([], [], color=VERMILION, linestyle="--"),
        "90 % interval": Line2D([], [], color=SKY, linewidth=5),
    }
    figure.legend(
        list(entries.values()),
        list(entries),
        loc="lower center",
        bbox_to_anchor=(0.5, 8 / figure.bbox.height),
        ncols=4,
        frameon=False,
        fontsize=13,
        borderaxespad=0,
    )
