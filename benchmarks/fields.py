"""Farmland through one or two years: what cloud leaves of the looks, and what is called change.

Crops grow, ripen and are harvested on every square, and cloud that the scene classification missed lies on many
looks. The first must not be reported for the season's sake, the second never; a field harvested between two looks is
real change of that field. Every look is compared with what was known before it. Nobody has labelled the squares:
`drawn` holds the looks with the largest changed areas, and those left out as cloud by their colour, for a person to
judge.
"""

from __future__ import annotations

import json
import math
import statistics
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray

from monitor import quality
from monitor.aoi import ZoneKind
from monitor.baseline import Family
from monitor.change import seasonal
from monitor.change.seasonal import Changed, Seasonal
from monitor.flow.derive import rule_for
from monitor.grid import Grid
from monitor.history import Point, Series, follow
from monitor.measurement import Reason
from monitor.quality import clouds
from monitor.quality.clouds import CloudCounts
from monitor.quality.optical import haze_level, hazy
from monitor.scene import Sensor
from monitor.stack import Stack
from monitor.times import utc

BANDS = (("b02", "b03", "b04", "b08", "b11"), ("b05", "b8a", "b11", "b12"))
"""The first of which a site has all is used: two of the four have the 20 m bands alone."""

BY_COLOUR = "cloud by its colour"
SHOWN = 9
"""Looks in a picture."""

Array = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Look:
    """One date on one square."""

    id: str
    at: datetime
    track: str
    stack: Stack
    """The bands and `scl`, on the finest grid of the bands."""

    def values(self) -> Array:
        """Reflectance, shape (bands, pixels)."""
        return np.stack([band.ravel() for name, band in self.stack.bands.items() if name != "scl"])


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What became of a look: `reason` why nothing was measured, or what changed."""

    look: Look
    reason: str = ""
    distance: float = math.nan
    changed: Changed | None = None


@dataclass
class Known:
    """What a track has shown so far."""

    usual: Seasonal
    clouds: CloudCounts
    haze: list[float] = field(default_factory=list)


def run(folder: Path, drawn: Path | None) -> dict[str, Any]:
    """Figures by site; see `figures`."""
    out = {}
    for site, items in squares(folder).items():
        seen = list(followed(folder, items))
        out[site] = figures(seen)
        if drawn is not None:
            drawn.mkdir(parents=True, exist_ok=True)
            _draw([s for s in seen if s.changed is not None and s.changed.share() > 0], drawn / f"fields-{site}.png")
            _draw([s for s in seen if s.reason == BY_COLOUR], drawn / f"fields-{site}-left-out.png")
    return out


def squares(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """The optical items of each site, oldest first."""
    items = json.loads((folder / "items.json").read_text(encoding="utf-8"))["features"]
    out: dict[str, list[dict[str, Any]]] = {}
    for item in sorted((i for i in items if "scl" in i["assets"]), key=lambda i: str(i["properties"]["datetime"])):
        out.setdefault(item["id"].split("_")[0], []).append(item)
    return out


def bands_of(item: dict[str, Any]) -> tuple[str, ...]:
    """The bands used."""
    return next(b for b in BANDS if set(b) <= _places(item).keys())


def looks(folder: Path, items: list[dict[str, Any]]) -> Iterator[Look]:
    """The looks of a site in order of time, all bands on its finest grid (nearest pixel)."""
    for item in items:
        places = _places(item)
        scl = item["assets"]["scl"]
        rasters = {b: _read(folder, *places[b]) for b in bands_of(item)}
        side = max(len(r) for r in rasters.values())
        bands = {name: _enlarged(np.where(r == 0, np.nan, r * 1e-4), side) for name, r in rasters.items()}
        at = utc(item["properties"]["datetime"])
        transform, size = scl["proj:transform"], scl["proj:shape"][0]
        grid = Grid(
            epsg=item["properties"]["proj:epsg"],
            left=transform[2],
            top=transform[5],
            resolution=transform[0] * size / side,
            height=side,
            width=side,
        )
        yield Look(
            id=item["id"],
            at=at,
            # two satellites repeat an orbit every 5 days: the catalogue has no other sign of the track
            track=f"day {at.toordinal() % 5} of 5",
            stack=Stack(grid=grid, bands=bands | {"scl": _enlarged(_read(folder, scl["href"], 1), side)}),
        )


def followed(folder: Path, items: list[dict[str, Any]]) -> Iterator[Seen]:
    """Each look compared with its track so far, which then learns from it."""
    tracks: dict[str, Known] = {}
    for look in looks(folder, items):
        grid = look.stack.grid
        if look.track not in tracks:
            empty = seasonal.nothing(grid.height * grid.width, bands_of(items[0]))
            tracks[look.track] = Known(usual=empty, clouds=clouds.no_counts(grid))
        yield _seen(look, tracks[look.track])


def _seen(look: Look, known: Known) -> Seen:
    grid, whole = look.stack.grid, np.ones(look.stack.grid.shape, bool)
    shown = quality.ground(look.stack, Sensor.SENTINEL2, known.clouds)
    known.clouds = clouds.updated(known.clouds, look.stack.bands["scl"], grid)
    haze = haze_level(look.stack, shown.clear)
    conditions = quality.Conditions(hazy=hazy(haze, known.haze))
    usable = quality.usability(
        look.stack, Sensor.SENTINEL2, whole, None, kind=ZoneKind.DEPOT, shown=shown, conditions=conditions
    )
    if usable.reason in (None, Reason.HAZE) and math.isfinite(haze):
        known.haze.append(haze)
    if usable.reason is not None:
        return Seen(look=look, reason=str(usable.reason))
    clear = usable.use & ~shown.snow
    beside = seasonal.compared(known.usual, look.values(), clear.ravel(), look.at)
    known.usual = seasonal.updated(known.usual, look.values(), clear.ravel(), look.at)
    changed = seasonal.changed(beside, whole, clear)
    if beside.veiled or (changed is not None and (clear & ~changed.covered).mean() < quality.LEAST_CLEAR):
        return Seen(look=look, reason=BY_COLOUR)
    if changed is None:
        return Seen(look=look, reason=str(Reason.REFERENCE_YOUNG))
    return Seen(look=look, distance=float(np.nanmedian(beside.distance)), changed=changed)


def figures(seen: list[Seen]) -> dict[str, Any]:
    """Dates, those not measured by reason, date, distance and changed share of the rest, and the incidents."""
    measured = [(s, s.changed) for s in seen if s.changed is not None]
    points = [
        Point(
            look=s.look.id,
            track=s.look.track,
            at=s.look.at,
            value=c.area_m2(s.look.stack.grid),
        )
        for s, c in measured
    ]
    rule = rule_for(points, Family.AMOUNT, 1, 1.0)
    incidents = follow(
        points, Series(aoi="fields", zone="square", measure="changed_area_m2", family=Family.AMOUNT, rule=rule)
    ).incidents
    return {
        "dates": len(seen),
        "measured": len(measured),
        "not_measured": dict(Counter(s.reason for s in seen if s.reason)),
        "median_distance": round(statistics.median(s.distance for s, _ in measured), 2) if measured else None,
        "dates_with_change": {str(s.look.at.date()): round(c.share(), 3) for s, c in measured if c.share() > 0},
        "series": [f"{s.look.at.date()} {s.distance:.2f} {c.share():.3f}" for s, c in measured],
        "incidents": [f"{i.kind} {i.state} from {i.onset.date()}, {len(i.looks)} looks" for i in incidents],
    }


def _places(item: dict[str, Any]) -> dict[str, tuple[str, int]]:
    """File and number of each band, by its name in lower case."""
    return {
        band["name"].lower(): (asset["href"], number)
        for asset in item["assets"].values()
        for number, band in enumerate(asset.get("eo:bands", ()), start=1)
    }


def _read(folder: Path, href: str, number: int) -> NDArray[Any]:
    with rasterio.open(folder / href) as file:
        band: NDArray[Any] = file.read(number)
    return band


def _enlarged(raster: NDArray[Any], side: int) -> Array:
    times = side // len(raster)
    return np.repeat(np.repeat(raster, times, 0), times, 1).astype(np.float32)


def _draw(flagged: list[Seen], path: Path) -> None:
    """The looks with a changed area: as they are, and with it (yellow brighter, cyan darker, dim: not compared)."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    if not flagged:
        return
    flagged = sorted(flagged, key=lambda s: -(s.changed.share() if s.changed else 0))[:SHOWN]
    figure, axes = plt.subplots(len(flagged), 2, figsize=(6, 3.2 * len(flagged)), squeeze=False)
    for (plain, marked), seen in zip(axes, flagged, strict=True):
        picture = _picture(seen.look)
        plain.imshow(picture)
        plain.set_title(str(seen.look.at.date()))
        if seen.changed is not None:
            picture = np.where(seen.changed.compared[..., None], picture, picture / 3)
            picture[seen.changed.brighter], picture[seen.changed.darker] = (1, 1, 0), (0, 1, 1)
            marked.set_title(f"{100 * seen.changed.share():.1f} %")
        marked.imshow(picture)
        plain.axis("off")
        marked.axis("off")
    figure.tight_layout()
    figure.savefig(path, dpi=70)
    plt.close(figure)


def _picture(look: Look) -> Array:
    """Shape (height, width, 3). True colour, or with the 20 m bands short-wave infrared, infrared and red edge."""
    names, white = (("b04", "b03", "b02"), 0.25) if "b02" in look.stack.bands else (("b11", "b8a", "b05"), 0.4)
    picture: Array = np.clip(np.stack([look.stack.bands[n] for n in names], axis=-1) / white, 0, 1) ** 0.7
    return picture
