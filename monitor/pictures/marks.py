"""Marks on a picture of a look: outlines of zones, their names, a scale bar, an arrow to the north."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from monitor.message import clean
from monitor.pictures.canvas import SKY, halo
from monitor.pictures.looks import Outline

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def add_rings(axes: Axes, rings: Sequence[Outline]) -> None:
    """A light line with a dark edge."""
    for ring in rings:
        closed = np.vstack([ring, ring[:1]])
        axes.plot(closed[:, 0], closed[:, 1], color="black", linewidth=2.6, alpha=0.45, zorder=2)
        axes.plot(closed[:, 0], closed[:, 1], color=SKY, linewidth=1.4, zorder=3)


def add_name(axes: Axes, label: str, rings: Sequence[Outline]) -> None:
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
        path_effects=halo(),
        zorder=6,
        parse_math=False,
    )


def _round_length(longest: float) -> float:
    """The largest of 1, 2, 5, 10, ... that is not longer."""
    power = 10.0 ** math.floor(math.log10(longest))
    return max(n * power for n in (1, 2, 5) if n * power <= longest * 1.0001)


def add_scale_bar(axes: Axes, left: float, bottom: float, width: float, height: float) -> None:
    """A bar of a round length at the lower left corner of an area of that width and height, m."""
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
        path_effects=halo(),
        zorder=6,
    )


def add_north(axes: Axes) -> None:
    """An arrow and an N at the upper right corner."""
    arrow = {"arrowstyle": "-|>", "color": "white", "linewidth": 2, "path_effects": halo(4)}
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
        path_effects=halo(),
        zorder=6,
    )
