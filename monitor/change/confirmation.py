"""The life of a change of the ground, pixel by pixel: first seen, provisional, confirmed, finished.

One look that is far from its reference is often weather, a moored ship or chance; several that agree are not. This is
the confirmation step of OPERA DIST-S1 (NASA/JPL, surface disturbance from Sentinel-1), which keeps for each pixel how
often it was hit, how surely and since when, and tells from these how far along its change is. It follows the rule of
`opera-adt/dist-s1`, commit 5508f3b (Apache-2.0), as it can be put in words; none of its code is here. On the products
that this repository keeps as its expected result (fires in Chile, 2024) it agrees in every pixel (`docs/accuracy.md`).

In the words of this module: a look *hits* a pixel if its metric, a distance from the reference in standard deviations,
reaches the low threshold, and *misses* it if it was seen and the metric stays below. Two numbers are whole and cut at
each step, never rounded: the per cent of hits, and the confidence. This is meant as hits squared times the mean metric,
but each step divides the old confidence by the square of the *new* number of hits, so that it grows more slowly. With
the usual thresholds, 2.5 and 22.5, hits at 2.5 confirm at the sixth, at 3 the fifth, at 4 the fourth, at 7 the third.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from numpy.typing import NDArray

from monitor.grid import Mask

Metric = NDArray[np.float32]

EPOCH = date(2020, 12, 31)
"""Day 0 of the products."""

YEAR = 365
"""Days after its first hit until a change is forgotten, whatever became of it."""

UNCOUNTED = 255
"""Per cent of hits of a pixel that has begun afresh, and count where there are no data."""


class Status(enum.IntEnum):
    """How far along the change of a pixel is; codes of the product. Low and high: by its highest metric so far."""

    NONE = 0
    FIRST_LOW = 1
    PROVISIONAL_LOW = 2
    CONFIRMED_LOW = 3
    FIRST_HIGH = 4
    PROVISIONAL_HIGH = 5
    CONFIRMED_HIGH = 6
    FINISHED_LOW = 7
    FINISHED_HIGH = 8
    NO_DATA = 255


TO_HIGH = Status.FIRST_HIGH - Status.FIRST_LOW
"""From the code of a low status to that of the same high one."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Parameters; the values given here are those of the package at commit 5508f3b."""

    low: float = 2.5
    """Metric from which a look hits."""

    high: float = 4.5
    """Metric from which a change is a high one."""

    threshold: float | None = None
    """Confidence from which it is confirmed. None: 3^2 low."""

    days_without_hit: int = 30
    """Days after the last hit at which it finishes, seen or not."""

    two_misses_finish: bool = False
    """True if a miss right after a miss finishes it."""

    least_percent: int = 50
    """It finishes below this per cent of hits."""

    most_misses: int = 10
    """It finishes at this many misses, not counting the look at hand."""

    metric_cap: float = 10.0
    """Most that one look adds to the mean."""

    confidence_cap: float = 1000.0
    """Most that the confidence grows to."""

    most_hits: int = 253
    """Hits beyond these are not counted."""

    def __post_init__(self) -> None:
        """Refuses what the arrays cannot hold.

        Raises:
            ValueError: thresholds in the wrong order, or more hits than a count holds.
        """
        if not self.low <= self.high:
            raise ValueError(f"low threshold {self.low} lies above the high one {self.high}")
        if not 0 < self.most_hits < UNCOUNTED:
            raise ValueError(f"most_hits is {self.most_hits}; it must lie in 1..{UNCOUNTED - 1}")

    @property
    def confirms_at(self) -> float:
        """Confidence from which a change is confirmed."""
        return 3**2 * self.low if self.threshold is None else self.threshold


@dataclass(frozen=True, kw_only=True)
class Life:
    """State of all pixels after a look. Every array has shape (height, width); days since `EPOCH`, 0 = none."""

    status: NDArray[np.uint8]
    """Codes of `Status`."""

    count: NDArray[np.uint8]
    """Hits of this change."""

    confidence: NDArray[np.float32]
    """Weight of the hits; whole after the second look."""

    first_day: NDArray[np.int16]
    """Of the first hit."""

    highest: Metric
    """Highest metric of this change; NaN where never seen."""

    percent: NDArray[np.uint8]
    """Of the looks since the first hit that hit, 0..100; `UNCOUNTED` where begun afresh."""

    duration: NDArray[np.int16]
    """Days from the first hit to the last, both counted."""

    last_look: NDArray[np.int16]
    """Day on which it was last seen."""


def day_of(when: date) -> int:
    """Days since `EPOCH`."""
    return (when - EPOCH).days


def untouched(shape: tuple[int, int]) -> Life:
    """Before the first look."""
    return Life(
        status=np.full(shape, Status.NO_DATA, np.uint8),
        count=np.zeros(shape, np.uint8),
        confidence=np.zeros(shape, np.float32),
        first_day=np.zeros(shape, np.int16),
        highest=np.full(shape, np.nan, np.float32),
        percent=np.zeros(shape, np.uint8),
        duration=np.zeros(shape, np.int16),
        last_look=np.zeros(shape, np.int16),
    )


def begin(
    *,
    status: NDArray[np.uint8],
    count: NDArray[np.uint8],
    confidence: NDArray[np.float32],
    first_day: NDArray[np.int16],
    metric: Metric,
    day: int,
) -> Life:
    """The state after a first product that another rule has made: its layers as given, of one shape.

    Args:
        status: codes of `Status`.
        count: hits; `UNCOUNTED` = no data.
        confidence: NaN = no data.
        first_day: days since `EPOCH`; 0 = none, -1 = no data.
        metric: NaN = not seen.
        day: of the product, since `EPOCH`.
    """
    hit = (count > 0) & (status != Status.NO_DATA)
    return Life(
        status=status.astype(np.uint8),
        count=count.astype(np.uint8),
        confidence=confidence.astype(np.float32),
        first_day=first_day.astype(np.int16),
        highest=metric.astype(np.float32),
        percent=np.where(hit, 100, 0).astype(np.uint8),
        duration=hit.astype(np.int16),
        last_look=np.where(np.isnan(metric), 0, day).astype(np.int16),
    )


@dataclass(frozen=True, kw_only=True)
class _Look:
    """What one date saw, pixel by pixel. `new` and `again` part the hits; hits and `missed` part what was seen."""

    metric: Metric
    day: int
    seen: Mask
    new: Mask
    """Hit of a pixel that has no change."""

    again: Mask
    """Hit of one that has."""

    missed: Mask
    misses: NDArray[np.int32]
    """Of the change, before this look."""


def advance(life: Life, metric: Metric, day: int, rule: Rule) -> Life:
    """The state after one more date.

    A date on which nothing was seen counts as well: time passes. It also puts the status of every pixel as this rule
    has it, which moves pixels only if another rule had made them (`begin`).

    Args:
        life: before the date.
        metric: distance from the reference in standard deviations, shape (height, width); NaN = not seen.
        day: of the date, since `EPOCH`.
        rule: thresholds and limits.
    """
    metric = metric.astype(np.float32, copy=False)
    seen = ~np.isnan(metric)
    hit = metric >= rule.low
    before = _afresh(life, seen, hit, day)
    idle = (before.status == Status.NONE) | (before.status == Status.NO_DATA)
    look = _Look(
        metric=metric,
        day=day,
        seen=seen,
        new=hit & idle,
        again=hit & ~idle,
        missed=seen & ~hit,
        misses=_misses(before),
    )
    made = _counted(before, look, rule)
    made = replace(made, confidence=_confidence(made, look, rule))
    made = replace(made, status=_status(made, rule))
    made = _ended(made, _over(made, look, rule))
    return replace(made, last_look=np.where(seen, np.int16(day), made.last_look))


def confirmed_area(life: Life, mask: Mask, pixel_area: float) -> dict[Status, float]:
    """Area in m^2 of the pixels of each status inside a mask; every status has an entry.

    Args:
        life: the state.
        mask: shape (height, width), True = counted.
        pixel_area: of one pixel, m^2.
    """
    pixels = np.bincount(life.status[mask], minlength=Status.NO_DATA + 1)
    return {status: float(pixels[status] * pixel_area) for status in Status}


def _afresh(life: Life, seen: Mask, hit: Mask, day: int) -> Life:
    """Forgets what is a year old, what had finished and is hit anew, and what was never seen and is seen now."""
    old = day - life.first_day.astype(np.int32) > YEAR
    ended = (life.status == Status.FINISHED_LOW) | (life.status == Status.FINISHED_HIGH)
    cleared = seen & (old | (ended & hit) | (life.status == Status.NO_DATA))
    return replace(_cleared(life, cleared, percent=UNCOUNTED), last_look=np.where(cleared, 0, life.last_look))


def _cleared(life: Life, where: Mask, *, percent: int) -> Life:
    """Without a change where told; `duration` and `last_look` stay."""
    return replace(
        life,
        status=np.where(where, np.uint8(Status.NONE), life.status),
        count=np.where(where, np.uint8(0), life.count),
        confidence=np.where(where, np.float32(0), life.confidence),
        first_day=np.where(where, np.int16(0), life.first_day),
        highest=np.where(where, np.float32(0), life.highest),
        percent=np.where(where, np.uint8(percent), life.percent),
    )


def _misses(life: Life) -> NDArray[np.int32]:
    """What the count and the per cent of hits tell of the misses."""
    misses = np.zeros(life.percent.shape, np.int32)
    told = (life.percent > 0) & (life.percent <= 100)
    percent = life.percent[told].astype(np.float64)
    misses[told] = (100 - percent) / percent * life.count[told]  # cut by the whole numbers of the array
    return misses


def _counted(life: Life, look: _Look, rule: Rule) -> Life:
    """With the hits and misses of a look in count, per cent, days and highest metric."""
    more = look.again & (life.count < rule.most_hits)
    count = np.where(look.new, np.uint8(1), life.count + more.astype(np.uint8))
    percent = np.where(look.new, np.uint8(100), life.percent)
    moved = more | (look.missed & (life.percent > 0) & (life.percent <= 100))
    hits = count[moved].astype(np.float64)
    percent[moved] = 100 * hits / (hits + look.misses[moved] + look.missed[moved])
    first_day = np.where(look.new, np.int16(look.day), life.first_day)
    since = (look.day - first_day.astype(np.int32) + 1).astype(np.int16)
    highest = np.where(look.again, np.fmax(life.highest, look.metric), life.highest)
    return replace(
        life,
        count=count,
        percent=percent,
        first_day=first_day,
        duration=np.where(look.new | look.again, since, life.duration),
        highest=np.where(look.new, look.metric, highest),
    )


def _confidence(life: Life, look: _Look, rule: Rule) -> NDArray[np.float32]:
    """After the look, whose hits and misses are counted already."""
    capped = np.minimum(look.metric, np.float32(rule.metric_cap))
    confidence = np.where(look.new, capped, life.confidence)
    moved = look.seen & ~look.new & (life.confidence > 0) & (life.status <= Status.CONFIRMED_HIGH)
    hits = np.maximum(life.count[moved], 1).astype(np.float64)
    looks = hits + look.misses[moved]
    mean = (life.confidence[moved] / hits**2 * looks + capped[moved]) / (looks + 1)
    confidence[moved] = np.clip(np.trunc(mean * hits * hits), 0, rule.confidence_cap)
    return confidence


def _status(life: Life, rule: Rule) -> NDArray[np.uint8]:
    """By highest metric, duration and confidence; what has finished stays so, and so does what was confirmed."""
    live = (life.status <= Status.CONFIRMED_HIGH) | (life.status == Status.NO_DATA)
    shift = np.where(life.highest >= rule.high, np.uint8(TO_HIGH), np.uint8(0))
    confirmed = (life.confidence >= rule.confirms_at) | (life.status == Status.CONFIRMED_LOW + shift)
    low = np.where(confirmed, np.uint8(Status.CONFIRMED_LOW), np.uint8(Status.PROVISIONAL_LOW))
    low[life.duration == 1] = Status.FIRST_LOW
    status = np.where(live & (life.highest >= rule.low), low + shift, life.status)
    status[live & (life.highest < rule.low)] = Status.NONE
    return status


def _over(life: Life, look: _Look, rule: Rule) -> Mask:
    """True where a change that has not finished does so now."""
    last_hit = life.first_day.astype(np.int32) + life.duration - 1
    below = look.metric < rule.low
    over: Mask = (look.day - last_hit >= rule.days_without_hit) & (last_hit > 0)
    over |= (life.duration == 1) & below
    over |= life.percent < rule.least_percent
    over |= look.misses >= rule.most_misses
    if rule.two_misses_finish:
        over |= (life.last_look > last_hit) & below
    return over & (life.status <= Status.CONFIRMED_HIGH)


def _ended(life: Life, over: Mask) -> Life:
    """What was confirmed is kept as finished; the rest was nothing."""
    low, high = over & (life.status == Status.CONFIRMED_LOW), over & (life.status == Status.CONFIRMED_HIGH)
    nothing = over & ~low & ~high
    made = _cleared(life, nothing, percent=0)
    made.status[low] = Status.FINISHED_LOW
    made.status[high] = Status.FINISHED_HIGH
    return replace(made, duration=np.where(nothing, np.int16(0), life.duration))
