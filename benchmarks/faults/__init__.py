"""A month of 50 AOIs in which 30 % of all requests fail: does every look arrive, none twice, none wrong?

Sentinel-2 comes from a STAC API and an object store, Sentinel-1 (and Sentinel-2 where those fail) from Sentinel Hub,
with Copernicus Data Space's catalogue beside it: stand-ins on loopback, asked by the real clients. AOIs are polled
every second day, faults go on until the end. What was recorded is then held against what was there.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
TESTS = ROOT / "tests"
if str(TESTS) not in sys.path:
    sys.path.insert(0, str(TESTS))  # the servers live there


def run(_folder: Path | None, _pictures: Path | None) -> dict[str, Any]:
    """Figures: see the keys. Complaints about single looks go to standard error."""
    figures, complaints = simulate_month(aois=50, days=30)
    for line in complaints:
        print(line, file=sys.stderr)
    return figures


def simulate_month(**scale: Any) -> tuple[dict[str, Any], list[str]]:
    """The figures of a month (see `month.Scale` for its size), and what is not as it should be.

    That is a line for each fault of a look; after those, to help find their cause, all problems that polls told of.
    """
    from benchmarks.faults.cost import cost
    from benchmarks.faults.month import Scale, simulated
    from benchmarks.faults.verdict import judged

    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="quaywatch-bench-") as name,
        simulated(Path(name), Scale(document=_document(), **scale)) as month,
    ):
        seconds = time.monotonic() - began
        verdict, units = judged(month), cost(month)
        requests, failed, violations = month.servers.requests, month.servers.failed, month.servers.hub.violations
    if violations:
        raise SystemExit(f"Sentinel Hub would refuse what was asked of it: {violations[0]}")
    figures = {
        "looks_expected": verdict.expected,
        "looks_once": verdict.once,
        "looks_twice": verdict.twice,
        "looks_wrong": verdict.wrong,
        "looks_called_unreadable": len(month.unreadable),
        "units_forecast": round(units.forecast, 3),
        "units_booked": round(units.booked, 3),
        "units_charged": round(units.charged, 3),
        "units_spoiled": round(units.spoiled, 3),
        "polls": month.polls,
        "polls_after_month": month.polls_after,
        "looks_after_month": month.late,
        "aois_unsettled": month.unsettled,
        "polls_with_problems": month.troubled,
        "requests": requests,
        "requests_failed": failed,
        "fault_share": round(failed / requests, 4),
        "wall_s": round(seconds, 1),
    }
    told = [f"told {times} times: {what}" for what, times in month.said.most_common()] if verdict.complaints else []
    return figures, verdict.complaints + told


def _document() -> Path | None:
    """The service's published OpenAPI document, where the shared data are; requests are then held against it."""
    data = Path(os.environ.get("QUAYWATCH_DATA") or ROOT.parent / "shared" / "data")
    path = data / "api" / "sentinelhub" / "openapi.v1.yaml"
    return path if path.is_file() else None
