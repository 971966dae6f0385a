"""Nominal against measured false changes on ground where no change is known: chips of shared/data/california-rtc.

Each date is compared with all earlier ones on its chip and channel, from the ninth on, by both laws of `change.ratio`:
the pixel's own history, and one law for all pixels of a chip. Every pixel below a nominal probability, and every
changed area, is taken for false. In a copy of each look a square of ground is planted that is four times as bright, so
that a test which finds nothing at all does not shine. The rain of 2023-01-01 is told apart: how much each chip
brightened as a whole, and what then is left as changed area. Maps of
two looks alone (`change.radar_pair`) are told by themselves.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import rasterio

from monitor import reference
from monitor.change import radar_pair, ratio, scatter
from monitor.change.scatter import Scatter
from monitor.filters import multilook
from monitor.grid import Grid, Mask
from monitor.radiometry import LinearPower
from monitor.reference import Reference

NOMINAL = (1e-2, 1e-3, 1e-4)
RAIN = "2023-01-01"
LEAST_LOOKS = 8
"""Earlier looks before a date is compared, as in the product."""

RISE, SIDE = np.float32(4.0), 8
"""What is planted: 6 dB on 8 x 8 pixels."""

SEED = 1
NAME = re.compile(r"(T\d+-\d+-IW\d)_.*_(VV|VH)\.tif$")
KINDS = {"T137-292319-IW2": "built-up", "T137-292325-IW1": "coast"}
"""By hand, from the README of the set; of the rest IW1 and 292318 are sea, the others hills."""

OWN, ONE = "own_history", "one_law"


@dataclass(frozen=True, kw_only=True)
class Compared:
    """One date of one chip and channel against the earlier ones."""

    chip: str
    channel: str
    date: str
    law: str
    below: tuple[float, ...]
    """Share of the pixels at or below each nominal probability."""

    changed: ratio.Changed
    brighter_m2: float
    darker_m2: float
    found: float
    """Share of the planted square that was found."""

    @property
    def kind(self) -> str:
        """Of ground."""
        return _kind(self.chip)

    @property
    def area_m2(self) -> float:
        """Changed in all."""
        return self.brighter_m2 + self.darker_m2


def run(folder: Path, drawn: Path | None) -> dict[str, Any]:
    """Figures by law and kind of ground, and of the day of rain by chip. Pictures of that day into `drawn`."""
    made = [c for (chip, channel), paths in _series(folder).items() for c in _followed(chip, channel, paths, drawn)]
    kinds = sorted({c.kind for c in made})
    return {
        "dates_compared": len({c.date for c in made}),
        **{
            law: {kind: _figures([c for c in made if c.law == law and c.kind == kind]) for kind in kinds}
            for law in (OWN, ONE)
        },
        "pairs_without_change": _pairs(folder),
        "rain": {
            c.chip: {
                "kind": c.kind,
                "common_db": round(c.changed.common_db, 2),
                "usual_db": round(_usual_shift(made, c), 2),
                "changed_ha": round(c.area_m2 / 1e4, 1),
            }
            for c in made
            if c.date == RAIN and c.law == OWN and c.channel == "VV"
        },
    }


def _pairs(folder: Path) -> dict[str, Any]:
    """Share that a map of two consecutive VV looks shows as changed, by kind of ground; the day of rain left out."""
    shares: dict[str, list[float]] = defaultdict(list)
    for (chip, channel), paths in _series(folder).items():
        dry = [p for p in paths if p.parent.name != RAIN]
        looks = [LinearPower(np.sqrt(_read(p)[0])) for p in dry] if channel == "VV" else []
        for before, after in pairwise(looks):
            shares[_kind(chip)].append(float(radar_pair.changed(before, after).changed.mean()))
    return {
        kind: {"pairs": len(s), "median": round(float(np.median(s)), 4), "worst": round(max(s), 4)}
        for kind, s in sorted(shares.items())
    }


def _kind(chip: str) -> str:
    sea = chip.endswith("IW1") or "292318" in chip
    return KINDS.get(chip, "sea" if sea else "hills")


def _figures(made: list[Compared]) -> dict[str, Any]:
    dry = [c for c in made if c.date != RAIN]
    below = np.mean([c.below for c in made], axis=0)
    return {
        **{f"measured_at_{nominal:g}": float(f"{share:.2g}") for nominal, share in zip(NOMINAL, below, strict=True)},
        "looks": round(float(np.median([c.changed.looks for c in made])), 1),
        "zone_dates": len(dry),
        "zone_dates_with_change": sum(c.area_m2 > 0 for c in dry),
        "largest_changed_ha": round(max(c.area_m2 for c in dry) / 1e4, 1),
        "planted_found": round(float(np.mean([c.found for c in made])), 3),
    }


def _usual_shift(made: list[Compared], of: Compared) -> float:
    """Root mean square of the common shift on the other dates, dB."""
    others = [c for c in made if (c.chip, c.channel, c.law) == (of.chip, of.channel, of.law) and c.date != of.date]
    return float(np.sqrt(np.mean([c.changed.common_db**2 for c in others])))


def _series(folder: Path) -> dict[tuple[str, str], list[Path]]:
    """Files of each chip and channel, oldest first."""
    series: dict[tuple[str, str], list[Path]] = defaultdict(list)
    for path in sorted(folder.glob("[0-9]*/*.tif")):
        if (named := NAME.search(path.name)) is not None:
            series[named[1], named[2]].append(path)
    if not series:
        raise SystemExit(f"{folder}: no dated folders with chips *_VV.tif and *_VH.tif")
    return series


def _followed(chip: str, channel: str, paths: list[Path], drawn: Path | None) -> Iterator[Compared]:
    rng = np.random.default_rng(SEED)
    known, usual = None, None
    for path in paths:
        power, grid = _read(path)
        look = reference.contribution(power, sea_db=0.0)
        known = known or reference.nothing(grid)
        usual = usual or scatter.nothing(grid)
        if known.looks >= LEAST_LOOKS:
            row, column = rng.integers(SIDE, np.array(grid.shape) - 2 * SIDE)
            spot = slice(int(row), int(row) + SIDE), slice(int(column), int(column) + SIDE)
            for law, history in ((OWN, usual), (ONE, None)):
                made = _compared(power, known, history, spot, grid)
                if made is not None:
                    yield Compared(chip=chip, channel=channel, date=path.parent.name, law=law, **made)
                if made is not None and drawn is not None and path.parent.name == RAIN and law == OWN:
                    _draw(look.smooth, known, made["changed"], drawn / f"rain-{chip}-{channel}.png")
        usual = scatter.updated(usual, look.smooth, known)
        known = reference.updated(known, look)


def _compared(
    power: LinearPower, known: Reference, history: Scatter | None, spot: tuple[slice, slice], grid: Grid
) -> dict[str, Any] | None:
    smooth, everywhere = multilook(power), np.ones(grid.shape, bool)
    made = ratio.changed(smooth, known, everywhere, history)
    p = ratio.p_values(smooth, known, everywhere, history)
    planted = power.copy()
    planted[spot] *= RISE
    with_it = ratio.changed(multilook(LinearPower(planted)), known, everywhere, history)
    if made is None or with_it is None:
        return None
    return {
        "below": tuple(float(np.mean(p[np.isfinite(p)] <= nominal)) for nominal in NOMINAL),
        "changed": made,
        "brighter_m2": made.brighter_m2(grid),
        "darker_m2": made.darker_m2(grid),
        "found": float(with_it.brighter[spot].mean()),
    }


def _read(path: Path) -> tuple[LinearPower, Grid]:
    with rasterio.open(path) as file:
        t = file.transform
        grid = Grid(
            epsg=file.crs.to_epsg(), left=t.c, top=t.f, resolution=t.a, height=file.height, width=file.width
        )  # fmt: skip
        return LinearPower(file.read(1)), grid


def _draw(smooth: LinearPower, known: Reference, made: ratio.Changed, path: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    path.parent.mkdir(parents=True, exist_ok=True)
    figure, axes = plt.subplots(1, 4, figsize=(16, 4.4))
    before, after = 10 * np.log10(known.mean), 10 * np.log10(smooth)
    low, high = np.percentile(before, (1, 99))
    change: Mask = made.brighter | made.darker
    for axis, title, image, span in zip(
        axes,
        ("reference, dB", "look, dB", f"less the common {made.common_db:+.1f} dB", "changed"),
        (before, after, after - before - made.common_db, change),
        ((low, high), (low, high), (-6, 6), (0, 1)),
        strict=True,
    ):
        axis.imshow(image, cmap="RdBu_r" if span == (-6, 6) else "gray", vmin=span[0], vmax=span[1])
        axis.set_title(title)
        axis.set_axis_off()
    figure.tight_layout()
    figure.savefig(path, dpi=70)
    plt.close(figure)
