"""Histories in which nothing changes, made of a place's own looks, and changes planted into them.

Moving blocks (Kuensch 1989, "The jackknife and the bootstrap for general stationary observations", Annals of Statistics
17, 1217-1241): the times, tracks and satellites of the looks stay as they are, and their values come from stretches of
the same history at other dates, each from a look of its own track. Within a block ships stay, queues last and stacks
lie as they really did; between blocks nothing goes on, so there is no lasting change. All series of an AOI take the
same blocks where they can: their common weather stays common.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.alert.incident import Kind
from monitor.baseline import Family, as_measured, compared

Array = NDArray[np.float64]
Numbers = NDArray[np.int64]

CORRELATION_TIMES = 3.0
"""Length of a block: after so many the correlation of the wander is 1/20."""

LEAST_BLOCK_DAYS = 30.0
LARGEST_BLOCK_SHARE = 0.25
"""Of the history."""

YEAR_DAYS = 365.25
SEASON_DAYS = 45.0
"""A block comes from within so many days of the same day of the year,"""

SEASON_YEARS = 2.0
"""where the history is at least so long."""

ENOUGH = 0.5
"""Of the looks of a common block: with fewer usual ones a series takes its values from elsewhere."""

STARTS_A_BLOCK = 30
"""Starts that are tried, in the time of one block."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Material:
    """The looks of one series in order of time."""

    days: Array
    """Since any epoch, increasing. Shape (looks,)."""

    tracks: tuple[str, ...]
    usual: NDArray[np.bool_]
    """True for the looks whose values may be drawn: those of no known lasting change. Shape (looks,); some are True."""


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch of a placebo and where its values come from, days since the same epoch."""

    start: float
    source: float
    length: float

    def holds(self, days: Array) -> NDArray[np.bool_]:
        """True for the looks whose values come with this block."""
        return np.asarray((days >= self.start) & (days < self.start + self.length))


def block_days(correlation_days: float, history_days: float) -> float:
    """Length of the blocks, given the longest time in which the correlation of a series falls to 1/e."""
    return min(max(CORRELATION_TIMES * correlation_days, LEAST_BLOCK_DAYS), LARGEST_BLOCK_SHARE * history_days)


def blocks(series: Sequence[Material], length: float, rng: np.random.Generator) -> list[list[Block]]:
    """For each series its blocks, one after the other over the whole history, each from a start drawn at random.

    Starts are likelier the more usual looks there are from there on, and come from the same season where enough years
    are known. All series take the same one, but for those that have too few usual looks there: they draw their own.
    The first block begins up to a whole length early, so that no date is always an edge.
    """
    first, last = min(float(m.days[0]) for m in series), max(float(m.days[-1]) for m in series)
    starts = np.linspace(first, max(last - length, first), max(2, math.ceil((last - first) / length * STARTS_A_BLOCK)))
    shares = [_known(m, starts, length) for m in series]
    together = np.sum(shares, axis=0)
    seasonal = (last - first) / YEAR_DAYS >= SEASON_YEARS
    made: list[list[Block]] = [[] for _ in series]
    start = first - float(rng.uniform(0.0, length))
    while start <= last:
        season = _seasons_apart(starts, start) <= SEASON_DAYS if seasonal else np.ones(len(starts), bool)
        common = _drawn_start(together, season, rng)
        for own, known in zip(made, shares, strict=True):
            source = common if known[common] >= ENOUGH else _drawn_start(known, season, rng)
            own.append(Block(start, float(starts[source]), length))
        start += length
    return made


def _known(material: Material, starts: Array, length: float) -> Array:
    """Usual looks of a block from each start on, as a share of the number that is common, at most 1."""
    days = material.days[material.usual]
    there = np.searchsorted(days, starts + length, side="right") - np.searchsorted(days, starts)
    common = len(material.days) * length / max(float(material.days[-1] - material.days[0]), length)
    return np.asarray(np.minimum(there / common, 1.0))


def _drawn_start(weight: Array, season: NDArray[np.bool_], rng: np.random.Generator) -> int:
    """Index of a start, of the season if any look of it is known."""
    near = weight * season
    weight = near if near.any() else weight
    return int(rng.choice(len(weight), p=weight / weight.sum()))


def _seasons_apart(starts: Array, start: float) -> Array:
    """Days between the days of the year, 0 .. 183."""
    off = np.mod(starts - start, YEAR_DAYS)
    return np.asarray(np.minimum(off, YEAR_DAYS - off))


def drawn(material: Material, chosen: Sequence[Block]) -> Numbers:
    """For each look the index of the look whose value it takes: of the same track, nearest to the moved date.

    No look is taken twice within a block while its track has others: repeated values would look like a stay. A track
    without any usual look takes from the others.
    """
    taken = np.full(len(material.days), -1, np.int64)
    names = np.array(material.tracks)
    for name in sorted(set(material.tracks)):
        own = names == name
        pool = np.flatnonzero(material.usual & own)
        pool = pool if len(pool) else np.flatnonzero(material.usual)
        for block in chosen:
            wanted = np.flatnonzero(own & block.holds(material.days))
            if len(wanted):
                moved = material.days[wanted] + (block.source - block.start)
                taken[wanted] = pool[_nearest(material.days[pool], moved)]
    return taken


def _nearest(days: Array, wanted: Array) -> list[int]:
    """For each wanted date the index of the nearest of the days that is not yet taken; when all are, begins anew."""
    listed = [float(d) for d in days]
    free, found = set(range(len(listed))), []
    for day in (float(w) for w in wanted):
        free = free or set(range(len(listed)))
        after = bisect_left(listed, day)
        before = after - 1
        while after < len(listed) and after not in free:
            after += 1
        while before >= 0 and before not in free:
            before -= 1
        up = listed[after] - day if after < len(listed) else math.inf
        down = day - listed[before] if before >= 0 else math.inf
        index = after if up < down else before
        free.discard(index)
        found.append(index)
    return found


def usual_of_block(values: Array, material: Material, chosen: Sequence[Block]) -> Array:
    """Mean of the values of the same block and track, for each look. Shape (looks,)."""
    mean, names = np.empty(len(values)), np.array(material.tracks)
    for block in chosen:
        for name in set(material.tracks):
            here = block.holds(material.days) & (names == name)
            if here.any():
                mean[here] = values[here].mean()
    return mean


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """A change to plant."""

    kind: Kind
    """SURGE or LULL."""

    ratio: float
    """Of the rates (COUNT), odds (PRESENCE) or areas; of the mean share (SHARE)."""

    shift: float = 0.0
    """SHARE: on the scale on which it is compared."""


FACTOR = 2.0
"""Of a planted surge; a lull is 1 / FACTOR."""

SPREADS = 1.5
"""By which a SHARE is moved, in spreads about what is usual."""


def changes(family: Family, mean: float, spread: float) -> tuple[Planted, ...]:
    """A surge and a lull to plant into a series of this mean (as measured) and spread (as compared).

    None for LEVEL: no ratio is meant by a number of decibels, and none of them is watched.
    """
    if family is Family.LEVEL:
        return ()
    if family is not Family.SHARE:
        return (Planted(kind=Kind.SURGE, ratio=FACTOR), Planted(kind=Kind.LULL, ratio=1 / FACTOR))
    centre = compared(mean, family)

    def moved(kind: Kind) -> Planted:
        shift = kind.sign * SPREADS * spread
        return Planted(kind=kind, ratio=as_measured(centre + shift, family) / mean if mean else 1.0, shift=shift)

    return moved(Kind.SURGE), moved(Kind.LULL)


def changed(values: Array, usual: Array, family: Family, plan: Planted, rng: np.random.Generator) -> Array:
    """The values with the change in all of them. `usual`: what is expected of each without it. Shapes (looks,).

    COUNT: independent vessels more, or each of those there left out by chance, so that a rate of any law is multiplied
    (Poisson numbers added, binomial thinning). PRESENCE: some of the empty looks seen with a vessel, or the reverse, so
    that the odds are multiplied.
    """
    makers: Mapping[Family, Callable[[], Array]] = {
        Family.COUNT: lambda: _counts(values, usual, plan.ratio, rng),
        Family.PRESENCE: lambda: _presences(values, usual, plan.ratio, rng),
        Family.AMOUNT: lambda: values * plan.ratio,
        Family.SHARE: lambda: np.array([as_measured(compared(float(v), family) + plan.shift, family) for v in values]),
    }
    return makers[family]()


def _counts(values: Array, usual: Array, ratio: float, rng: np.random.Generator) -> Array:
    if ratio >= 1:
        return values + rng.poisson((ratio - 1) * usual)
    return rng.binomial(np.round(values).astype(np.int64), ratio).astype(np.float64)


def _presences(values: Array, usual: Array, ratio: float, rng: np.random.Generator) -> Array:
    p = usual
    wanted = ratio * p / (1 - p + ratio * p)
    there = values > 0.5
    kept = np.where(p > 0, np.minimum(wanted / np.where(p > 0, p, 1), 1.0), 1.0)
    new = np.where(p < 1, np.maximum(wanted - p, 0.0) / np.where(p < 1, 1 - p, 1), 0.0)
    return (rng.random(len(values)) < np.where(there, kept, new)).astype(np.float64)
