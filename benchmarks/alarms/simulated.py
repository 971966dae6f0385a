"""The simulated part: false alarms, delay and coverage at each budget, and the peers on the same series."""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from benchmarks.alarms import changes, nulls, peers

BUDGETS = (0.2, 0.5, 1.0, 2.0)
AOIS = 500
"""Of 4 counted years each."""

DOUBLINGS, PLANTED = 100, 400
PROCESSES, CHUNK = 2, 10
ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
"""Set for the processes: their matrices are small, and threads of several processes wait for each other."""

Given = TypeVar("Given")
Told = TypeVar("Told")


def run() -> dict[str, Any]:
    """Figures by budget, and of the peers."""
    for name in ONE_THREAD:
        os.environ.setdefault(name, "1")
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(PROCESSES, mp_context=spawn) as pool, ThreadPoolExecutor(1) as beside:
        charts = beside.submit(peers.charts)
        budgets = [at_budget(pool, budget) for budget in BUDGETS]
        told = list(_each(pool, nulls.of_rules, range(AOIS), "simple rules"))
        rows = [peers.figures(name, peers.of_rule(name, told, DOUBLINGS)) for name in peers.RULES]
        found = charts.result()
    if "why" in found:
        return {"budgets": budgets, "peers": rows, "peers_missing": found["why"]}
    return {"budgets": budgets, "peers": rows + [peers.figures(name, part) for name, part in found.items()]}


def at_budget(pool: Executor, budget: float) -> dict[str, Any]:
    """All figures of one budget."""
    raised = _each(pool, partial(nulls.false_alarms, budget=budget), range(AOIS), f"budget {budget}: nulls")
    figures = nulls.figures(budget, (r for some in raised for r in some), AOIS)
    delays = {
        which.value: list(
            _each(pool, partial(changes.delay, which, budget=budget), range(DOUBLINGS), f"budget {budget}: {which}")
        )
        for which in changes.Doubling
    }
    held = _each(pool, partial(changes.coverage, budget=budget), range(PLANTED), f"budget {budget}: coverage")
    coverage = changes.coverage_figures([h for some in held for h in some], PLANTED)
    told = coverage[changes.Moment.LATER.value]
    return {
        **figures,
        "median_delay_looks": changes.median_delay(delays[changes.Doubling.PRESENCE]),
        "coverage_onset": told.get("coverage_onset"),
        "coverage_ratio": told.get("coverage_ratio"),
        "delay": changes.delay_figures(delays),
        "coverage": coverage,
    }


def _each(pool: Executor, call: Callable[[Given], Told], given: Iterable[Given], name: str) -> list[Told]:
    """`call` of each, in the processes of the pool; what it took is told on standard error."""
    start = time.monotonic()
    done = list(pool.map(call, given, chunksize=CHUNK))
    print(f"{name}: {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)
    return done
