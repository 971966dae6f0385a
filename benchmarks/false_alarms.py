"""False alarms on a sea without ships, nominal against measured; and ships found on the same seas.

A false alarm is a pixel of the plain constant false-alarm rate test (`clutter.exceeding`): what the product asks of a
vessel on top of that, contrast, area and a peak, makes false vessels much rarer than false pixels.

At 1e-7 a look of a megapixel has a tenth of a false alarm, and to count enough of them would take hours. But the mean
power of each pixel is known here and so is the law of its speckle, hence the share of all speckle that would exceed the
threshold of that pixel. `sea` is its mean over pixels and looks, what endless draws of speckle over the same thresholds
would count (Rao-Blackwell estimation, or conditional Monte Carlo). It leaves out that a pixel tells its own threshold
along with those around it, and takes the mean of nine pixels for that of their texture. `counted_over_expected` shows
what that is worth: false alarms counted in all looks together over those expected. The interval is that of the mean
over the looks; where it is wide, a few bright patches of texture make most of the rate.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import sea
from monitor import clutter, reference
from monitor.clutter.bands import BLOCK
from monitor.filters import multilook
from monitor.grid import Grid, Mask
from monitor.measures import canary
from monitor.radiometry import LinearPower
from monitor.reference import Background
from monitor.simulate import speckle
from monitor.vessels import Vessel
from monitor.vessels.radar import detect

NOMINAL = (1e-3, 1e-4, 1e-5, 1e-6, 1e-7)
LOOKS, TEXTURED_LOOKS = 40, 240
"""Of 1 megapixel each, of a state without texture and of one with it: its brightest patches are rare."""

THINNED = 3
"""Every so many-th row and column, prime to the cells of the texture and the blocks of the detector."""

LEVELS_DB = (-22.0, -18.0, -15.0, -12.0, -10.0)
GRID = Grid(epsg=32636, left=500_000.0, top=4_000_000.0, resolution=10.0, height=240, width=240)
SCENES = 12
"""With nine ships each."""

CANARY_DB = 10 * math.log10(float(canary.SHIP_POWER))
"""Mean backscatter of the ship that the product puts into every look: 3.5 dB fainter than the others."""

REACH_M = 60.0
"""Between the middle of a ship and that of the patch found."""

QUAY = sea.Hull(x=501_200.0, y=3_998_800.0, heading_deg=90.0, length_m=900.0, width_m=40.0, backscatter_db=-1.0)
BERTHED_M = 115.0
HISTORY = 20
FENDER_M = 2.0


def run(_folder: Path | None, _drawn: Path | None) -> dict[str, Any]:
    """Figures: rates by state and nominal rate with 95 % intervals, the worst ratio, laws chosen, recall of ships."""
    water: Mask = np.ones((sea.SIDE, sea.SIDE), bool)
    squares, tail = sea.Squares(np.random.default_rng(1)), sea.smoothed_tail()
    rates: dict[str, dict[str, float]] = {}
    intervals: dict[str, dict[str, list[float]]] = {}
    laws: dict[str, dict[str, int]] = {}
    counted, awaited = np.zeros(len(NOMINAL)), np.zeros(len(NOMINAL))
    for number, state in enumerate(sea.STATES):

        def alarms(look: int, seed: int = number, state: sea.State = state) -> tuple[list[float], list[int], str]:
            rng = np.random.default_rng([2, seed, look])
            mean = sea.backscatter(state, rng)
            ready = clutter.prepared(LinearPower(mean * squares.speckle(rng)), water)
            around = clutter.sea_around(ready.power, water, evenness=ready.evenness, looks=ready.looks)
            counts = [int(clutter.exceeding(ready.power, water, around, p).sum()) for p in NOMINAL]
            return expected(mean, around, tail), counts, around.law.kind.value

        with ThreadPoolExecutor(2) as pool:
            found = list(pool.map(alarms, range(LOOKS if state.order is None else TEXTURED_LOOKS)))
        each = np.array([one for one, _, _ in found])
        counted += np.array([one for _, one, _ in found]).sum(axis=0)
        awaited += each.sum(axis=0) * water.size
        kinds = [kind for _, _, kind in found]
        laws[state.name] = {kind: kinds.count(kind) for kind in sorted(set(kinds))}
        rates[state.name] = {f"{p:.0e}": _round(float(n)) for p, n in zip(NOMINAL, each.mean(0), strict=True)}
        intervals[state.name] = {f"{p:.0e}": _interval(each[:, k]) for k, p in enumerate(NOMINAL)}
    ratios = {p: max(_ratio(row[p], float(p)) for row in rates.values()) for p in rates[sea.STATES[0].name]}
    return {
        "sea": rates,
        "worst_ratio": _rounded(max(ratios.values())),
        "worst_ratio_at": {p: _rounded(ratio) for p, ratio in ratios.items()},
        "counted_over_expected": {
            f"{p:.0e}": round(float(n), 2) for p, n in zip(NOMINAL, counted / awaited, strict=True)
        },
        "within_95": intervals,
        "laws": laws,
        "megapixels_a_state": {"even": round(LOOKS * water.size / 1e6), "K": round(TEXTURED_LOOKS * water.size / 1e6)},
        "ships": ships(sea.HULL_DB),
        "ships_as_faint_as_the_canary": ships(CANARY_DB),
    }


def _round(rate: float) -> float:
    return float(f"{rate:.3g}")


def _rounded(ratio: float) -> float | None:
    """None: no alarm at all in some state, too few looks for that rate."""
    return None if math.isinf(ratio) else round(ratio, 2)


def _ratio(rate: float, nominal: float) -> float:
    return max(rate / nominal, nominal / rate) if rate else math.inf


def expected(
    mean: NDArray[np.float32], around: clutter.Sea, tail: tuple[NDArray[np.float64], NDArray[np.float64]]
) -> list[float]:
    """Share of the pixels that exceed their thresholds at each nominal rate, over all speckle there could be.

    Args:
        mean: power without speckle, shape (height, width).
        around: the sea as the detector found it.
        tail: of the speckle, see `sea.smoothed_tail`.
    """
    places = [np.arange(THINNED // 2, side, THINNED) for side in mean.shape]
    level = np.log(multilook(LinearPower(mean))[np.ix_(*places)])
    block = np.ix_(*(place // BLOCK for place in places))
    return [float(np.exp(np.interp(around.limit(p)[block] - level, *tail)).mean()) for p in NOMINAL]


def _interval(rates: NDArray[np.floating]) -> list[float]:
    """95 % interval of the mean of the rates of the looks."""
    half = 1.96 * float(rates.std()) / math.sqrt(len(rates))
    return [_round(max(0.0, float(rates.mean()) + sign * half)) for sign in (-1, 1)]


def ships(hull_db: float) -> dict[str, Any]:
    """Recall by length and level of the sea, false vessels beside it, for hulls of that mean backscatter."""
    with ThreadPoolExecutor(2) as pool:
        rows = [
            (f"{level:.0f} dB", name, result)
            for level in LEVELS_DB
            for name, result in (
                ("100 m", pool.map(lambda n, at=level: _roads(n, at, 100.0, hull_db), range(SCENES))),
                ("50 m", pool.map(lambda n, at=level: _roads(n, at, 50.0, hull_db), range(SCENES))),
                ("berthed 115 m", pool.map(lambda n, at=level: _at_the_quay(n, at, hull_db), range(4 * SCENES))),
            )
        ]
        out: dict[str, Any] = {}
        for level, name, result in rows:
            hits, there, extra = (sum(column) for column in zip(*result, strict=True))
            out.setdefault(name, {})[level] = round(hits / there, 3)
            out.setdefault("false vessels", {}).setdefault(name, {})[level] = extra
    return out


def _roads(number: int, level_db: float, length_m: float, hull_db: float) -> tuple[int, int, int]:
    """Nine ships on open water: found, there, and vessels found where none is."""
    rng = np.random.default_rng([3, number, round(-level_db), round(length_m)])
    power = np.full(GRID.shape, 10 ** (level_db / 10), np.float32)
    hulls = []
    for row in (40, 120, 200):
        for column in (40, 120, 200):
            x, y = GRID.xy(row + rng.uniform(-10, 10), column + rng.uniform(-10, 10))
            hulls.append(sea.ship(rng, (x, y), float(rng.uniform(0, 180)), length_m, hull_db))
            sea.add(power, GRID, hulls[-1], rng)
    return _matched(_seen(power, rng), None, hulls)


def _at_the_quay(number: int, level_db: float, hull_db: float) -> tuple[int, int, int]:
    """One ship alongside."""
    rng = np.random.default_rng([4, number, round(-level_db)])
    power = _quay(level_db)
    y = QUAY.y + QUAY.width_m / 2 + FENDER_M + BERTHED_M / sea.SLENDER / 2
    hull = sea.ship(rng, (QUAY.x + float(rng.uniform(-300, 300)), y), 90.0, BERTHED_M, hull_db)
    sea.add(power, GRID, hull, rng)
    return _matched(_seen(power, rng), _empty_quay(), [hull])


def _quay(level_db: float) -> NDArray[np.float32]:
    power = np.full(GRID.shape, 10 ** (level_db / 10), np.float32)
    sea.add(power, GRID, QUAY)
    return power


_kept: list[Background] = []


def _empty_quay() -> Background:
    """The quay over twenty looks without a ship, in any wind."""
    if not _kept:
        state = reference.nothing(GRID)
        for number in range(HISTORY):
            rng = np.random.default_rng([5, number])
            power = _seen(_quay(float(rng.uniform(LEVELS_DB[0], LEVELS_DB[-1]))), rng)
            level = clutter.sea_level_db(power, np.ones(GRID.shape, bool))
            state = reference.updated(state, reference.contribution(power, level))
        _kept.append(reference.background(state))
    return _kept[0]


def _seen(mean: NDArray[np.float32], rng: np.random.Generator) -> LinearPower:
    return LinearPower(mean * speckle(GRID.shape, rng))


def _matched(power: LinearPower, known: Background | None, hulls: Iterable[sea.Hull]) -> tuple[int, int, int]:
    water: Mask = np.ones(GRID.shape, bool)
    at = [_place(vessel) for vessel in detect(power, water, known, GRID, sea_db=clutter.sea_level_db(power, water))]
    hulls = list(hulls)
    hits = sum(any(math.dist((h.x, h.y), place) <= REACH_M for place in at) for h in hulls)
    extra = sum(all(math.dist((h.x, h.y), place) > REACH_M + h.length_m / 2 for h in hulls) for place in at)
    return hits, len(hulls), extra


def _place(vessel: Vessel) -> tuple[float, float]:
    return GRID.xy(vessel.row, vessel.column)
