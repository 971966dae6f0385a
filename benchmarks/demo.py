"""The demo as a process, and how much of what was planted it finds."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from statistics import mean
from typing import Any

from benchmarks import places
from monitor import clock, simulate, workspace
from monitor.flow.desk import opened
from monitor.times import utc


def run(_: Path | None, pictures: Path | None) -> dict[str, Any]:
    """Figures: wall_s, and for every planted event the incident that overlaps it, with its delay in days."""
    with tempfile.TemporaryDirectory(prefix="quaywatch-bench-") as name:
        root = Path(name) / "demo"
        start = time.monotonic()
        words = [sys.executable, "-m", "monitor", "demo", "--keep", str(root)]
        subprocess.run(words, stdout=subprocess.DEVNULL, check=True)
        wall = time.monotonic() - start
        truth = simulate.read_truth(root / "imagery")
        if pictures is not None:
            draw(root, pictures)
        with opened(workspace.find(root, {}), {}) as desk, desk.store.transaction() as tx:
            incidents = [i for i in tx.incidents() if i.state != "retracted"]
            counts = tx.measurements(simulate.AOI_ID, measure="vessel_count")
    figures: dict[str, Any] = {"wall_s": round(wall, 1)}
    matched = set()
    for event in truth.events:
        found = [
            i
            for i in incidents
            if (i.zone, str(i.kind)) == (event.zone, str(event.kind))
            and i.onset <= event.end
            and (i.until or clock.now()) >= event.start
        ]
        matched |= {i.id for i in found}
        figures[f"{event.kind}_{event.zone}"] = found[0].state if found else "not found"
        figures[f"{event.kind}_{event.zone}_days_late"] = (found[0].raised - event.start).days if found else None
    figures["alerts_not_planted"] = sum(i.id not in matched for i in incidents)
    return figures | {"counts": count_errors(truth, counts)}


def count_errors(truth: simulate.Truth, counts: list[dict[str, Any]]) -> dict[str, Any]:
    """Vessels counted less vessels there, by zone and sensor: mean and mean absolute error a usable look."""
    errors: dict[str, list[float]] = defaultdict(list)
    for row in counts:
        if row["zone"] in ("berths", "anchorage") and row["value"] is not None:
            there = truth.count(row["zone"], utc(row["start"]))
            errors[f"{row['zone']} {row['track'][:2]}"].append(row["value"] - there)
    return {
        name: {"bias": round(mean(e), 2), "mae": round(mean(map(abs, e)), 2), "looks": len(e)}
        for name, e in sorted(errors.items())
    }


def draw(root: Path, pictures: Path) -> None:
    """The series at the berths, as the README shows it."""
    pictures.mkdir(parents=True, exist_ok=True)
    words = ("series", simulate.AOI_ID, "--zone", "berths", "--measure", "vessel_count", "--json", "--plot")
    target = str(pictures / "demo-series.png")
    subprocess.run(places.command(root, *words, target), stdout=subprocess.DEVNULL, check=True)
