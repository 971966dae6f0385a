"""Peak memory of a fresh process that takes one radar look of 2,000 x 2,000 pixels into the state of its track.

`prepare` writes what such a process is given; `python -m benchmarks.large_look FOLDER` is the process. It prints one
JSON object.
"""

from __future__ import annotations

import json
import pickle
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

from monitor import measures, track_state
from monitor.measures import LEAST_LOOKS, View
from monitor.scene import Direction, Sensor, Track
from monitor.site import site as site_of

SIDE = 2000
TRACK = Track(sensor=Sensor.SENTINEL1, relative_orbit=1, direction=Direction.ASCENDING, polarisation="VV")
DRAWN = 3
"""Looks that are drawn; the history repeats all but the last."""

CROSS = 0.15
"""Power of VH over that of VV."""


def max_rss_mb() -> tuple[float, dict[str, float]]:
    """Peak resident memory of the process in MB, and that after each step."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="quaywatch-bench-") as name:
        for words in (["prepare", name], [name]):
            done = subprocess.run(
                [sys.executable, "-m", "benchmarks.large_look", *words], check=True, capture_output=True, text=True
            )
        steps: dict[str, float] = json.loads(done.stdout)
    return max(steps.values()), steps


def prepare(folder: Path) -> None:
    """The SIMULATED port on a large grid: its site, a look, and the state of the track before it."""
    from monitor import simulate
    from monitor.stack import Stack

    plan = simulate.plan(simulate.Scenario(seed=3, years=0.2, side=SIDE, optical=False))
    grid, aoi = simulate.place(SIDE).grid, simulate.simulated_aoi(SIDE)
    site = site_of(aoi, grid)
    passes = plan.radar[:DRAWN]
    stacks = []
    for taken in passes:
        power = simulate.render_radar(plan, taken)
        stacks.append(Stack(grid=grid, bands={"vv": power, "vh": power * power.dtype.type(CROSS)}))
    state = track_state.nothing(site, Sensor.SENTINEL1)
    for number in range(LEAST_LOOKS):
        which = number % (DRAWN - 1)
        share = track_state.share_of(stacks[which], TRACK, site, passes[which].start)
        if share is not None:
            state = track_state.updated(state, share, site)
    given = {"place": (aoi, grid), "at": passes[-1].start, "look": stacks[-1], "state": state}
    for name, part in given.items():
        with (folder / name).open("wb") as file:
            pickle.dump(part, file, protocol=5)


def take(folder: Path) -> dict[str, float]:
    """One look: its share is added to the state, then it is measured against it. MB at the peak so far, by step."""

    def given(name: str) -> Any:
        with (folder / name).open("rb") as file:
            return pickle.load(file)  # noqa: S301 - written by `prepare` a moment ago

    steps = {"imports": _peak_mb()}
    place, at, look, state = (given(name) for name in ("place", "at", "look", "state"))
    site = site_of(*place)
    steps["given"] = _peak_mb()
    share = track_state.share_of(look, TRACK, site, at)
    steps["share"] = _peak_mb()
    if share is not None:
        state = track_state.updated(state, share, site, given_up=True)
    del share
    steps["updated"] = _peak_mb()
    measured = measures.measure(look, TRACK, site, at, View(state=state))
    steps["measured"] = _peak_mb()
    if not measured.vessels:
        raise RuntimeError("no vessel was found: the look was not measured")
    return steps


def _peak_mb() -> float:
    """Of this process alone: what `getrusage` says holds for the one that started it too."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(row for row in status.read_text(encoding="ascii").splitlines() if row.startswith("VmHWM"))
        return round(int(line.split()[1]) * 1024 / 1e6, 1)
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 1)


if __name__ == "__main__":
    if sys.argv[1] == "prepare":
        prepare(Path(sys.argv[2]))
    else:
        print(json.dumps(take(Path(sys.argv[1]))))
