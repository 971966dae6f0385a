"""A series as a picture: the numbers of a zone and measure over time, against what was usual."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from monitor.alert import Incident
from monitor.message import Unused, clean, day, unit_sign
from monitor.pictures.canvas import (
    BANNER,
    BLUE,
    DARK,
    GREEN,
    MARGIN,
    ORANGE,
    PURPLE,
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

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PLOT_HEIGHT = 430
LEGEND_COLUMNS = 3
TRACK_COLOURS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY)
MARKERS = ("o", "s", "^", "D", "v", "P")


@dataclass(frozen=True, kw_only=True)
class SeriesPoint:
    """A usable look in a series plot."""

    at: datetime
    value: float
    usual: float | None
    """What was expected of the look; None: too little history."""

    low: float | None
    high: float | None
    """The band that about two of three numbers stay in."""

    track: str


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
        figure = new_figure(WIDTH, top + PLOT_HEIGHT + 60 + 27 * _legend_rows(series, unused, incident))
        axes = add_axes(figure, 90, top, WIDTH - 90 - 2 * MARGIN, PLOT_HEIGHT)
        _incident(axes, incident, series, unused)
        for at, track in enumerate(sorted({p.track for p in series})):
            _track(axes, [p for p in series if p.track == track], track, at)
        _ticks(axes, unused)
        _limits(axes, series)
        dates(axes)
        axes.set_ylabel(_unit_label(unit), fontsize=15, parse_math=False)
        set_title(axes, fitted(title, 70), 16)
        axes.tick_params(labelsize=14)
        axes.grid(axis="y", color="#dddddd", linewidth=0.8)
        axes.spines[["top", "right"]].set_visible(False)
        _series_legend(figure, axes)
        if not series:
            axes.text(0.5, 0.5, "no usable look", transform=axes.transAxes, ha="center", fontsize=18, color="#555555")
        if simulated:
            stamp(figure)
        return figure

    return small_png(draw, 0, free=True)


def days(moments: Iterable[datetime]) -> list[float]:
    """matplotlib's numbers for instants."""
    from matplotlib.dates import date2num  # noqa: PLC0415 - slow to import: only for those who draw

    return [float(date2num(moment)) for moment in moments]  # type: ignore[no-untyped-call]


def dates(axes: Axes) -> None:
    """Days along the axis, as few as are read."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter  # noqa: PLC0415 - as above

    locator = AutoDateLocator(minticks=4, maxticks=12)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]


def _incident(axes: Axes, incident: Incident | None, series: Sequence[SeriesPoint], unused: Sequence[Unused]) -> None:
    if incident is None:
        return
    latest = max([incident.raised, *(p.at for p in series), *(u.at for u in unused)])
    end = incident.until or latest
    word = {1: "more than usual", -1: "less than usual", 0: "nothing usable"}[incident.kind.sign]
    first, last = days([incident.onset, end])
    axes.axvspan(first, last, color=ORANGE, alpha=0.2, linewidth=0, label=f"{word} ({incident.state})", zorder=0)
    if incident.onset_between is not None:
        began = days(incident.onset_between)
        axes.axvspan(*began, color=VERMILION, alpha=0.3, linewidth=0, label="it began in here (90 %)", zorder=0.5)
    axes.axvline(
        first, color=DARK, linewidth=1.4, linestyle="--", label=f"first look of it, {day(incident.onset)}", zorder=1
    )


def _track(axes: Axes, points: Sequence[SeriesPoint], track: str, at: int) -> None:
    """The points of one track over the band of what was usual for each."""
    colour, marker = TRACK_COLOURS[at % len(TRACK_COLOURS)], MARKERS[at % len(MARKERS)]
    banded = [(p, p.low, p.high) for p in points if p.low is not None and p.high is not None]
    axes.fill_between(
        days(p.at for p, _, _ in banded),
        [low for _, low, _ in banded],
        [high for _, _, high in banded],
        color="#777777",
        alpha=0.16,
        linewidth=0,
        zorder=1.5,
    )
    known = [(p.at, p.usual) for p in points if p.usual is not None]
    axes.plot(
        days(when for when, _ in known),
        [usual for _, usual in known],
        color=colour,
        linestyle="none",
        marker="_",
        markersize=6,
        alpha=0.6,
        zorder=3,
    )
    axes.plot(
        days(p.at for p in points),
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
            days(u.at for u in unused),
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
    unit = unit_sign(clean(unit))
    return "per usable look" if unit in {"", "1", "count"} else f"{unit}, per usable look"


def _legend_rows(series: Sequence[SeriesPoint], unused: Sequence[Unused], incident: Incident | None) -> int:
    marks = 0 if incident is None else 2 + (incident.onset_between is not None)
    entries = len({p.track for p in series}) + bool(unused) + marks + 2
    return math.ceil(entries / LEGEND_COLUMNS)


def _series_legend(figure: Figure, axes: Axes) -> None:
    from matplotlib.lines import Line2D  # noqa: PLC0415 - as above
    from matplotlib.patches import Patch  # noqa: PLC0415 - as above

    handles, labels = axes.get_legend_handles_labels()
    handles += [
        Line2D([], [], color="#777777", marker="_", linestyle="none", markersize=9),
        Patch(color="#777777", alpha=0.25),
    ]
    labels += ["expected of the look", "usual range"]
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
