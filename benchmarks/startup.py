"""Time of `--help`, and of `check` on an AOI whose looks are all measured. The best of five, as a whole process."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import places
from monitor import simulate
from monitor.cli.demo import build

RUNS = 5


def run(folder: Path | None, _pictures: Path | None) -> dict[str, Any]:
    """Figures: help_s, check_cached_s (on the SIMULATED port of the demo: 374 looks in three years)."""
    help_s = best([sys.executable, "-m", "monitor", "--help"])
    with tempfile.TemporaryDirectory(prefix="quaywatch-bench-") as name:
        root = folder or Path(name)
        truth = simulate.write(root / "imagery", simulate.plan(simulate.Scenario()))
        build(root, truth)
        words = places.command(root, "check", simulate.AOI_ID, "--as-of", f"{truth.interval.end:%Y-%m-%d}", "--json")
        best(words, runs=1)
        check_s = best(words)
    return {"help_s": round(help_s, 3), "check_cached_s": round(check_s, 3)}


def best(words: list[str], runs: int = RUNS) -> float:
    """Seconds of the quickest run."""
    taken = []
    for _ in range(runs):
        start = time.monotonic()
        subprocess.run(words, stdout=subprocess.DEVNULL, check=True)
        taken.append(time.monotonic() - start)
    return min(taken)
