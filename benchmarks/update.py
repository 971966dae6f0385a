"""Seconds that 10,000 series take for one new look each, all in one process.

A series between two looks is an immutable value, so some hundred different ones stand for all.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.alarms import traffic
from monitor import history
from monitor.baseline import Family
from monitor.flow.derive import rule_for
from monitor.history import Point, Series, Thread

SERIES, DISTINCT, LOOKS = 10_000, 100, 60
RUNS = 3
FAMILIES = (Family.COUNT, Family.PRESENCE, Family.SHARE, Family.AMOUNT)
Waiting = tuple[Thread, Point, Series]


def run(_folder: Path | None, _drawn: Path | None) -> dict[str, Any]:
    """Figures: seconds of the fastest of some runs, and microseconds of a look by family."""
    waiting = [ready(number) for number in range(DISTINCT)]
    each = {f.value: [w for w in waiting if w[2].family is f] for f in FAMILIES}
    return {
        "seconds_10000_series": round(fastest(waiting, SERIES // DISTINCT), 3),
        "microseconds_a_look": {
            name: round(1e6 * fastest(some, 10) / (10 * len(some)), 1) for name, some in each.items()
        },
        "looks_before": LOOKS,
    }


def fastest(waiting: list[Waiting], times: int) -> float:
    """Seconds for the next look of all of these, `times` over."""
    taken = []
    for _ in range(RUNS):
        start = time.perf_counter()
        for _ in range(times):
            for thread, point, series in waiting:
                history.step(thread, point, series)
        taken.append(time.perf_counter() - start)
    return min(taken)


def ready(number: int) -> Waiting:
    """A series after 60 looks, and its next one."""
    rng = np.random.default_rng((17, number))
    scene = traffic.some_scene(rng, FAMILIES[number % len(FAMILIES)])
    looks = traffic.eyes(rng, 2.0, tracks=2, missing=0.1)
    points = traffic.points(looks, traffic.measured(rng, scene, looks, 2.0, ()))[: LOOKS + 1]
    rule = rule_for(points, scene.family, 1, 1.0)
    series = Series(aoi="a", zone=f"z{number}", measure="m", family=scene.family, rule=rule)
    thread = Thread()
    for point in points[:-1]:
        thread, _ = history.step(thread, point, series)
    return thread, points[-1], series
