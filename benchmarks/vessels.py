"""Vessels found against those labelled by eye: precision, recall and count error by place.

A detection and a label within 100 m are one, nearest first. Doubtful labels count neither as hits nor as misses, and
a detection on one is no false alarm. Places are the label zones; the basin's moves with the track.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from benchmarks import places
from monitor import clock, measures, pictures, workspace
from monitor.flow import story, track
from monitor.flow.desk import Desk, opened
from monitor.grid import Grid
from monitor.look import Look
from monitor.times import Interval, utc
from monitor.vessels import Vessel

REACH_M = 100.0


@dataclass
class Tally:
    """Counts of one place."""

    hits: int = 0
    false_alarms: int = 0
    misses: int = 0
    count_errors: list[int] = field(default_factory=list)
    length_errors: list[float] = field(default_factory=list)

    def figures(self) -> dict[str, Any]:
        """As printed."""
        found, there = self.hits + self.false_alarms, self.hits + self.misses
        return {
            "precision": round(self.hits / found, 3) if found else None,
            "recall": round(self.hits / there, 3) if there else None,
            "count_mae": round(float(np.mean(np.abs(self.count_errors))), 2),
            "count_bias": round(float(np.mean(self.count_errors)), 2),
            "length_mae_m": round(float(np.mean(np.abs(self.length_errors)))) if self.length_errors else None,
            "labelled": there,
            "scenes": len(self.count_errors),
        }


def run(folder: Path, drawn: Path | None) -> dict[str, Any]:
    """Figures by place: precision, recall, count_mae, count_bias, length_mae_m, labelled, scenes."""
    labels = json.loads((folder / "labels.json").read_text(encoding="utf-8"))
    open_water, basins = places.label_zones(labels)
    tallies = {"open": Tally(), "basin": Tally()}
    with places.workspace(folder, places.port(folder)) as root, opened(workspace.find(root, {}), {}) as desk:
        aoi = desk.aois["bench"]
        desk.poll(aoi, Interval(start=utc("2014-01-01"), end=utc("2100-01-01")), as_of=clock.now(), announce=False)
        with desk.store.transaction() as tx:
            looks = {look.scenes[0]: look for look, _ in tx.looks(aoi.id)}
        for number, (scene, labelled) in enumerate(sorted(labels["scenes"].items())):
            look = looks[scene]
            found, grid = detected(desk, look)
            for place, zone in (("open", open_water), ("basin", basins[look.track.relative_orbit or 0])):
                wanted = [v for v in labelled["vessels"] if v["place"] == place and v["in_zone"]]
                tally(tallies[place], [v for v in found if _lies_in(zone, v, grid)], wanted, grid)
            if drawn is not None and number % 3 == 0 and len(list(drawn.glob("look-*.png"))) < 10:
                draw(desk, look, labelled["vessels"], drawn / f"look-{scene[17:32]}.png")
    return {place: t.figures() for place, t in tallies.items()}


def detected(desk: Desk, look: Look) -> tuple[Sequence[Vessel], Grid]:
    """The vessels of a look against the newest reference of its track."""
    site = track.site(desk.aois["bench"])
    eyes = story.Eyes(store=desk.store, imagery=desk.imagery, site=site, as_of=clock.now())
    reference = eyes.reference(look)
    view = measures.View(reference=reference) if reference else None
    return measures.measure(eyes.stack(look), look.track, site.aoi.zones, site.masks, view).vessels, site.grid


def _lies_in(zone: shapely.Polygon, vessel: Vessel, grid: Grid) -> bool:
    return bool(zone.contains(shapely.Point(grid.xy(vessel.row, vessel.column))))


def tally(into: Tally, found: Sequence[Vessel], labelled: Sequence[dict[str, Any]], grid: Grid) -> None:
    """Adds one scene."""
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
    extra = [i for i in range(len(found)) if i not in match]
    into.hits += len(hits)
    into.misses += len(sure) - len(hits)
    into.false_alarms += len(extra)
    into.count_errors.append(len(hits) + len(extra) - len(sure))
    into.length_errors += [found[i].length_m - labelled[j]["length_m"] for i, j in hits]


def draw(desk: Desk, look: Look, labelled: Sequence[dict[str, Any]], target: Path) -> None:
    """The look with its detections, and the labels as small circles."""
    site = track.site(desk.aois["bench"])
    eyes = story.Eyes(store=desk.store, imagery=desk.imagery, site=site, as_of=clock.now())
    circles = [np.asarray(shapely.Point(v["x"], v["y"]).buffer(60).exterior.coords) for v in labelled]
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(pictures.look_picture(eyes.snapshot(look), {"labelled by eye": circles}))
