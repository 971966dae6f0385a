"""Speed of the kernels beside the best peer that installs from PyPI, the cost of a look late in a history, and memory.

Ours: the fastest of some runs, two threads where the kernel takes any. The peers of `benchmarks/peers/install` run in
an environment of their own and on smaller images, as they are slow; speeds are per pixel. No package of IR-MAD is on
PyPI, so that is compared with the formula written down with numpy and scipy.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, ndimage, stats

from benchmarks import large_look
from monitor import clutter, measures, simulate, track_state
from monitor.change import irmad, omnibus
from monitor.measures import View
from monitor.radiometry import LinearPower
from monitor.scene import Sensor
from monitor.site import site as site_of
from monitor.stack import Stack
from monitor.track_state import TrackState

Array = NDArray[np.float32]
RUNS = 5
LOOKS = 4.4
DATES, OMNIBUS_SIDE = 30, 1000
CFAR_SIDE, P_FA = 4000, 1e-6
BANDS, IRMAD_SIDE = 6, 1000
ROUNDS = 11
"""Of IR-MAD, whatever the images would take: the speeds of others are told for so many."""

DRAWN, PAIRS = 12, 7
PEERS = Path(__file__).parent.parent / ".venv-peers" / "bin" / "python"
TIMED = Path(__file__).parent / "peers" / "timed.py"


def run(_folder: Path | None, _drawn: Path | None) -> dict[str, Any]:
    """Figures: Mpx * date/s of the omnibus test, Mpx/s of the CFAR, seconds of IR-MAD, costs of a look, peak memory."""
    with ThreadPoolExecutor(2) as pool:
        ours = _omnibus(pool) | _cfar(pool)
    peak, steps = large_look.max_rss_mb()
    figures = ours | _irmad() | _cost_of_a_look() | {"max_rss_mb": peak, "max_rss_mb_after": steps}
    return {k: float(f"{v:.4g}") if isinstance(v, float) else v for k, v in (figures | _peers()).items()}


def fastest(call: Callable[[], object], runs: int = RUNS) -> float:
    """Seconds of the fastest of some runs."""
    taken = []
    for _ in range(runs):
        start = time.perf_counter()
        call()
        taken.append(time.perf_counter() - start)
    return min(taken)


def _gamma(rng: np.random.Generator, *shape: int) -> Array:
    drawn: Array = rng.standard_gamma(LOOKS, shape, dtype=np.float32)
    drawn *= np.float32(0.02 / LOOKS)
    return drawn


def _omnibus(pool: Executor) -> dict[str, float]:
    series = _gamma(np.random.default_rng(1), DATES, 2, OMNIBUS_SIDE, OMNIBUS_SIDE)
    taken = fastest(lambda: omnibus.statistic(series, LOOKS, pool))
    return {"omnibus_mpx_date_s": DATES * OMNIBUS_SIDE**2 / 1e6 / taken}


def _cfar(pool: Executor) -> dict[str, float]:
    """From power to the mask of what exceeds the sea; once more with the 3 x 3 mean that ships are looked for in."""
    power = LinearPower(_gamma(np.random.default_rng(2), CFAR_SIDE, CFAR_SIDE))
    water = np.ones(power.shape, bool)

    def chain() -> object:
        return clutter.exceeding(power, water, clutter.sea_around(power, water, each=pool.map), P_FA, each=pool.map)

    def smoothed() -> object:
        ready = clutter.prepared(power, water)
        sea = clutter.sea_around(ready.power, water, evenness=ready.evenness, each=pool.map)
        return clutter.exceeding(ready.power, water, sea, P_FA, each=pool.map)

    part = power[:2000, :2000]
    size = power.size / 1e6
    return {
        "cfar_mpx_s": size / fastest(chain),
        "cfar_with_multilook_mpx_s": size / fastest(smoothed),
        "cfar_peer_uniform_filter_mpx_s": part.size / 1e6 / fastest(lambda: uniform_filter_cfar(part)),
    }


def uniform_filter_cfar(power: Array, window: int = 31, guard: int = 11) -> NDArray[np.bool_]:
    """Cell-averaging CFAR by two moving means, as it is written with scipy in a few lines. Shape as given."""
    outer = ndimage.uniform_filter(power, window) * np.float32(window**2)
    inner = ndimage.uniform_filter(power, guard) * np.float32(guard**2)
    mean = (outer - inner) / np.float32(window**2 - guard**2)
    over: NDArray[np.bool_] = power > mean * np.float32(stats.gamma.isf(P_FA, LOOKS, scale=1 / LOOKS))
    return over


def _irmad() -> dict[str, Any]:
    before, after = _pair()
    use = np.ones(before.shape[1:], bool)
    result = irmad.irmad(before, after, use, ROUNDS)
    taken = fastest(lambda: irmad.irmad(before, after, use, ROUNDS))
    return {
        "irmad_s": taken,
        "irmad_rounds": result.iterations,
        "irmad_peer_textbook_s": fastest(lambda: textbook_irmad(before, after, ROUNDS), 1),
    }


def _pair() -> tuple[Array, Array]:
    """Two images of correlated bands, the second under another light, a twentieth of it changed."""
    rng = np.random.default_rng(3)
    mixing = rng.normal(size=(BANDS, BANDS))
    ground = np.tensordot(mixing, rng.normal(size=(BANDS, IRMAD_SIDE, IRMAD_SIDE)), axes=1)
    noise = rng.normal(size=(2, *ground.shape)) * 0.4
    after = 1.3 * ground + 2 + noise[1]
    after[:, :50] += rng.normal(size=(BANDS, 50, IRMAD_SIDE)) * 5
    return (ground + noise[0]).astype(np.float32), after.astype(np.float32)


def textbook_irmad(before: Array, after: Array, rounds: int) -> NDArray[np.float64]:
    """Chi-square of each pixel after so many rounds of Nielsen (2007), as numpy and scipy give it; shape (pixels,)."""
    bands = len(before)
    pixels = np.concatenate([before, after]).reshape(2 * bands, -1).astype(np.float64)
    weights = np.ones(pixels.shape[1])
    for _ in range(rounds):
        mean = np.average(pixels, axis=1, weights=weights)
        cov = np.cov(pixels, aweights=weights)
        across = cov[:bands, bands:]
        squares, a = linalg.eigh(across @ linalg.solve(cov[bands:, bands:], across.T), cov[:bands, :bands])
        b = linalg.solve(cov[bands:, bands:], across.T @ a)
        b /= np.sqrt(np.einsum("ij,ik,kj->j", b, cov[bands:, bands:], b))
        centred = pixels - mean[:, None]
        variates = a.T @ centred[:bands] - b.T @ centred[bands:]
        chi2 = ((variates**2).T / (2 * (1 - np.sqrt(squares)))).sum(axis=1)
        weights = stats.chi2.sf(chi2, bands)
    return np.asarray(chi2)


def _cost_of_a_look() -> dict[str, float]:
    """CPU seconds of one look of the SIMULATED port, added and measured, late in a history over early.

    The middle of several ratios; both sides of each ratio are taken one right after the other.
    """
    plan = simulate.plan(simulate.Scenario(seed=3, years=0.2, optical=False))
    where = site_of(simulate.simulated_aoi())
    passes = plan.radar[:DRAWN]
    stacks = [_stack(simulate.render_radar(plan, p), where.grid) for p in passes]

    def added(state: TrackState, number: int) -> TrackState:
        at = passes[0].start + timedelta(days=6 * number)
        share = track_state.share_of(stacks[number % DRAWN], large_look.TRACK, where, at)
        return state if share is None else track_state.updated(state, share, where)

    def cost(state: TrackState, number: int) -> float:
        start = time.process_time()
        view = View(state=added(state, number))
        at = passes[0].start + timedelta(days=6 * number)
        measures.measure(stacks[number % DRAWN], large_look.TRACK, where, at, view)
        return time.process_time() - start

    state = track_state.nothing(where, Sensor.SENTINEL1)
    states = {}
    for number in range(300):
        state = added(state, number)
        if state.looks in {10, 300}:
            states[state.looks] = state
    # the same look each time: another one may hold more ships
    costs = [(cost(states[10], 300 + n), cost(states[300], 300 + n)) for n in range(PAIRS)]
    return {
        "look300_over_look10": statistics.median(late / early for early, late in costs),
        "look_cpu_s": min(late for _, late in costs),
    }


def _stack(power: Array, grid: Any) -> Stack:
    return Stack(grid=grid, bands={"vv": power, "vh": power * np.float32(large_look.CROSS)})


def _peers() -> dict[str, Any]:
    """What the packages of `.venv-peers` reach; None and a reason without them."""
    nothing = {"omnibus_peer_nd_mpx_date_s": None, "cfar_peer_sar_apps_mpx_s": None}
    why = {
        "irmad": "no package of it on PyPI: the formula with numpy and scipy",
        "look300_over_look10, max_rss_mb": "no package keeps a state from look to look and measures zones against it",
    }
    if not PEERS.exists():
        return nothing | {"peers": why | {"omnibus, cfar": "not installed: run benchmarks/peers/install"}}
    done = subprocess.run([str(PEERS), str(TIMED)], capture_output=True, text=True, check=False)
    if done.returncode:
        return nothing | {"peers": why | {"omnibus, cfar": f"failed: {done.stderr.strip().splitlines()[-1:]}"}}
    told = json.loads(done.stdout.splitlines()[-1])
    return {
        "omnibus_peer_nd_mpx_date_s": told["omnibus_nd"],
        "cfar_peer_sar_apps_mpx_s": told["cfar_sar_apps"],
        "peers": why,
    }
