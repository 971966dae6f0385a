"""Vessels of a radar series of a port against those labelled by eye, by place.

A detection and a label within 100 m are one, nearest first. Doubtful labels count neither as hits nor as misses, and
a detection on one is no false alarm. Places are the label zones; the basin's moves with the track. The labels' lengths
are those of blobs, too long by 20 to 60 m as their author says, so the length error is no measure of hulls.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from benchmarks import places
from benchmarks.sea import SLENDER
from monitor import clock, measures, pictures, site, workspace
from monitor.flow import story
from monitor.flow.desk import Desk, opened
from monitor.grid import Grid, Mask
from monitor.look import Look
from monitor.radiometry import LinearPower
from monitor.times import Interval, utc
from monitor.vessels import Vessel, undecidable

REACH_M = 100.0
AROUND_M, BLUR_M, CLASS_M = 450.0, 55.0, 40
"""Around a ship, beyond half its length, and of a class of lengths: where and how its echo is told."""

DRAWN = 12
"""Pictures at most."""

Labels = dict[str, Any]


@dataclass
class Tally:
    """Counts of one place."""

    hits: int = 0
    false_alarms: int = 0
    misses: int = 0
    undecidable: int = 0
    confusers: int = 0
    count_errors: list[int] = field(default_factory=list)
    length_errors: list[float] = field(default_factory=list)
    echoes: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def figures(self) -> dict[str, Any]:
        """As printed."""
        found, there = self.hits + self.false_alarms, self.hits + self.misses
        return {
            "precision": round(self.hits / found, 3) if found else None,
            "recall": round(self.hits / there, 3) if there else None,
            "count_mae": round(float(np.mean(np.abs(self.count_errors))), 2) if self.count_errors else None,
            "count_bias": round(float(np.mean(self.count_errors)), 2) if self.count_errors else None,
            "length_mae_m": round(float(np.mean(np.abs(self.length_errors)))) if self.length_errors else None,
            "length_bias_m": round(float(np.mean(self.length_errors))) if self.length_errors else None,
            "confusers_counted": self.confusers,
            "labelled": there,
            "labelled_where_undecidable": self.undecidable,
            "scenes": len(self.count_errors),
            "echo": {n: {"ships": len(e), "db_per_m2": round(float(np.median(e)), 1)} for n, e in self.echoes.items()},
        }


def figures(folder: Path, drawn: Path | None) -> dict[str, Any] | None:
    """Figures by place, `open` and `basin`; None if the folder is no such set.

    precision, recall, count_mae, count_bias, length_mae_m, length_bias_m, confusers_counted (detections within 100 m
    of a spot that the labels call no ship), labelled, labelled_where_undecidable (no track ever saw the berth empty),
    scenes.
    """
    labels = _labels(folder)
    if labels is None:
        return None
    open_water, basins = places.label_zones(labels)
    spots = _confusers(labels)
    tallies = {"open": Tally(), "basin": Tally()}
    with places.workspace(folder, places.port(folder)) as root, opened(workspace.find(root, {}), {}) as desk:
        aoi = desk.aois["bench"]
        desk.poll(aoi, Interval(start=utc("2014-01-01"), end=utc("2100-01-01")), as_of=clock.now(), announce=False)
        with desk.store.transaction() as tx:
            looks = {scene: look for look, _ in tx.looks(aoi.id) for scene in look.scenes}
        every = max(1, len(labels["scenes"]) // DRAWN)
        for number, (scene, labelled) in enumerate(sorted(labels["scenes"].items())):
            look = looks[scene]
            found, grid, hidden = detected(desk, look)
            for place, zone in (("open", open_water), ("basin", basins[look.track.relative_orbit or 0])):
                wanted = [v for v in labelled["vessels"] if v["place"] == place and v["in_zone"]]
                here = [v for v in found if _lies_in(zone, v, grid)]
                extra = tally(tallies[place], here, wanted, grid)
                tallies[place].confusers += sum(_near(v, spots, grid) for v in extra)
                tallies[place].undecidable += sum(_hides(hidden, v, grid) for v in wanted)
                if place == "open":
                    heard(tallies[place].echoes, _eyes(desk).stack(look).power(look.track.polarisation), wanted, grid)
            if drawn is not None and number % every == 0:
                draw(desk, look, labelled["vessels"], drawn / f"{look.start:%Y-%m-%d}-{look.track.id}.png")
    return {place: t.figures() for place, t in tallies.items()}


def _labels(folder: Path) -> Labels | None:
    path = folder / "labels.json"
    if not path.is_file() or not (folder / "items.json").is_file():
        return None
    labels = json.loads(path.read_text(encoding="utf-8"))
    return labels if isinstance(labels, dict) and {"zones", "scenes"} <= labels.keys() else None


def _confusers(labels: Labels) -> list[tuple[float, float]]:
    """Places that are no ships, in the reference system of the labels, which also give columns and rows their scale."""
    known = [v for s in labels["scenes"].values() for v in s["vessels"]]
    if len(known) < 2:
        return []
    to_x = np.polyfit([v["column"] for v in known], [v["x"] for v in known], 1)
    to_y = np.polyfit([v["row"] for v in known], [v["y"] for v in known], 1)
    at = [spot for c in labels.get("confusers", []) for spot in c.get("at_px", [])]
    return [(float(np.polyval(to_x, column)), float(np.polyval(to_y, row))) for column, row in at]


def detected(desk: Desk, look: Look) -> tuple[Sequence[Vessel], Grid, Mask]:
    """The vessels of a look against the newest state of its track, and where that state can decide nothing."""
    eyes = _eyes(desk)
    view = eyes.view(look)
    found = measures.measure(eyes.stack(look), look.track, eyes.site, look.start, view).vessels
    hidden = np.zeros(eyes.site.grid.shape, bool) if view is None else undecidable(view.background, eyes.site.sea)
    return found, eyes.site.grid, hidden


def _eyes(desk: Desk) -> story.Eyes:
    return story.Eyes(store=desk.store, imagery=desk.imagery, site=site.site(desk.aois["bench"]), as_of=clock.now())


def _lies_in(zone: shapely.Polygon, vessel: Vessel, grid: Grid) -> bool:
    return bool(zone.contains(shapely.Point(grid.xy(vessel.row, vessel.column))))


def _near(vessel: Vessel, spots: Sequence[tuple[float, float]], grid: Grid) -> bool:
    x, y = grid.xy(vessel.row, vessel.column)
    return any(np.hypot(x - a, y - b) <= REACH_M for a, b in spots)


def _hides(hidden: Mask, label: Labels, grid: Grid) -> bool:
    """True if most of 3 x 3 pixels around the label are where nothing can be decided."""
    row = round((grid.top - label["y"]) / grid.resolution - 0.5)
    column = round((label["x"] - grid.left) / grid.resolution - 0.5)
    around = hidden[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]
    return label["certainty"] != "doubtful" and bool(around.size) and float(around.mean()) > 0.5


def tally(into: Tally, found: Sequence[Vessel], labelled: Sequence[Labels], grid: Grid) -> list[Vessel]:
    """Adds one scene. Returns the false alarms."""
    at = [grid.xy(v.row, v.column) for v in found]
    pairs = sorted(
        (float(np.hypot(x - v["x"], y - v["y"])), i, j) for i, (x, y) in enumerate(at) for j, v in enumerate(labelled)
    )
    match: dict[int, int] = {}
    for distance, i, j in pairs:
        if distance <= REACH_M and i not in match and j not in match.values():
            match[i] = j
    sure = [j for j, v in enumerate(labelled) if v["certainty"] != "doubtful"]
    hits = [(i, j) for i, j in match.items() if j in sure]
    extra = [v for i, v in enumerate(found) if i not in match]
    into.hits += len(hits)
    into.misses += len(sure) - len(hits)
    into.false_alarms += len(extra)
    into.count_errors.append(len(hits) + len(extra) - len(sure))
    into.length_errors += [found[i].length_m - labelled[j]["length_m"] for i, j in hits]
    return extra


def heard(into: dict[str, list[float]], power: LinearPower, labelled: Sequence[Labels], grid: Grid) -> None:
    """Adds the echo of each labelled ship by class of its labelled length.

    The power over the sea around it, summed, a square metre of a hull of that length, 6.2 times as long as wide, dB.
    """
    for label in labelled:
        row = round((grid.top - label["y"]) / grid.resolution - 0.5)
        column = round((label["x"] - grid.left) / grid.resolution - 0.5)
        reach = round(AROUND_M / grid.resolution)
        part = power[max(row - reach, 0) : row + reach + 1, max(column - reach, 0) : column + reach + 1]
        if label["certainty"] == "doubtful" or part.shape != (2 * reach + 1, 2 * reach + 1):
            continue
        down, across = np.mgrid[-reach : reach + 1, -reach : reach + 1]
        near = np.hypot(down, across) * grid.resolution <= label["length_m"] / 2 + BLUR_M
        echo = float(np.nansum(part[near] - np.nanmedian(part[~near]))) * grid.pixel_area_m2
        if echo > 0:
            low = int(label["length_m"] // CLASS_M) * CLASS_M
            into[f"{low}-{low + CLASS_M} m"].append(10 * math.log10(echo * SLENDER / label["length_m"] ** 2))


def draw(desk: Desk, look: Look, labelled: Sequence[Labels], target: Path) -> None:
    """The look with its detections, and the labels as small circles."""
    circles = [np.asarray(shapely.Point(v["x"], v["y"]).buffer(60).exterior.coords) for v in labelled]
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(pictures.look_picture(_eyes(desk).snapshot(look), {"labelled by eye": circles}))
