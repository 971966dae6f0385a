"""Simulated series of one AOI: ships and stacks that come and go, and satellites that see them more or less well.

Arrivals are a Poisson process with a yearly wave, stays are exponential, so what lies there is Poisson about
arrivals a day times the mean stay. What a look sees of it depends on the sea, the track, the satellite and chance.
Nothing here knows the model that is tested: season and stays are those of the world, not its own parts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from monitor.baseline import Family
from monitor.history import Point

Array = NDArray[np.float64]

YEAR_DAYS, CYCLE_DAYS = 365.25, 12.0
START = datetime(2018, 1, 1, tzinfo=UTC)

ROUGH_LOOKS = 0.3
"""Share of looks on a day rougher than the place usually is: fewer are seen, and more that is not there."""

ROUGH_SEEN, ROUGH_FALSE = 0.85, 2.0
"""Factors of the share seen and of the false ones on such a day."""

STACKS = 25.0
"""Stacks in a yard on average, of the SPACE there is for them."""

SPACE = 60.0
PIXEL_M2 = 100.0
OBJECT_M2 = 600.0
"""Median area of what comes and goes on land; a factor of 2 to either side is common."""


class Sea(StrEnum):
    """How well ships are seen on it."""

    CALM = "calm"
    MODERATE = "moderate"
    ROUGH = "rough"

    @property
    def seen(self) -> float:
        """Share of the vessels that a look finds."""
        return {Sea.CALM: 0.98, Sea.MODERATE: 0.93, Sea.ROUGH: 0.8}[self]

    @property
    def false(self) -> float:
        """Vessels a look that are not there."""
        return {Sea.CALM: 0.02, Sea.MODERATE: 0.05, Sea.ROUGH: 0.15}[self]


@dataclass(frozen=True, slots=True, kw_only=True)
class Eyes:
    """The looks at one AOI, in order of time; all arrays of shape (looks,)."""

    days: Array
    """Since START."""

    track: NDArray[np.int64]
    satellite: NDArray[np.int64]
    rough: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What is watched, and how well it is seen."""

    family: Family
    mean: float
    """There at a time, on average over the year: vessels, stacks or objects."""

    stay_days: float
    """Mean stay."""

    sea: Sea
    season: float = 0.0
    """Amplitude of the yearly wave of the arrivals, 0..1."""

    phase: float = 0.0
    """Of that wave, radians."""

    by_track: Sequence[float] = (1.0, 1.0, 1.0)
    """Share seen, relative; for SHARE an offset in spreads."""

    by_satellite: Sequence[float] = (1.0, 1.0, 1.0)
    """The same."""


@dataclass(frozen=True, slots=True)
class Change:
    """From some day on so many times as many arrivals."""

    day: float
    factor: float


def eyes(rng: np.random.Generator, years: float, tracks: int, missing: float, *, troubled: bool = True) -> Eyes:
    """Looks of `tracks` tracks in cycles of 12 days, a share `missing` of them lost at random.

    `troubled`: with a satellite lost and another in its place, and up to two long gaps. Satellite 0 becomes 2 on all
    tracks at once, or satellite 1, on all tracks but the first, is lost and 2 comes months later.
    """
    total = years * YEAR_DAYS
    offsets = np.sort(rng.choice(11, tracks, replace=False)) + rng.uniform(0, 0.5, tracks)
    days = np.concatenate([np.arange(o, total, CYCLE_DAYS) for o in offsets])
    track = np.concatenate([np.full(len(np.arange(o, total, CYCLE_DAYS)), i) for i, o in enumerate(offsets)])
    order = np.argsort(days)
    days, track = days[order], track[order]
    keep = rng.random(len(days)) >= missing
    satellite = np.zeros(len(days), np.int64)
    if troubled:
        lost = rng.uniform(0.5, years) * YEAR_DAYS
        if rng.random() < 0.5:
            satellite[days >= lost] = 2
        else:
            back = lost + rng.uniform(30, 400)
            other = track > 0
            satellite[other] = np.where(days[other] < lost, 1, 2)
            keep &= ~(other & (days >= lost) & (days < back))
        for _ in range(rng.integers(0, 3)):
            gap = rng.uniform(0, total)
            keep &= (days < gap) | (days > gap + rng.uniform(30, 90))
    rough = rng.random(len(days)) < ROUGH_LOOKS
    return Eyes(days=days[keep], track=track[keep], satellite=satellite[keep], rough=rough[keep])


def stays(rng: np.random.Generator, scene: Scene, years: float, changes: Sequence[Change] = ()) -> tuple[Array, Array]:
    """Days of arrival and of departure of all that comes, each of shape (arrivals,); by thinning."""
    begin, end = -6 * scene.stay_days, years * YEAR_DAYS
    most = (1 + scene.season) * max([1.0, *(c.factor for c in changes)])
    daily = scene.mean / scene.stay_days * most
    came = np.sort(rng.uniform(begin, end, rng.poisson(daily * (end - begin))))
    rate = 1 + scene.season * np.sin(2 * np.pi * came / YEAR_DAYS + scene.phase)
    for change in changes:
        rate = np.where(came >= change.day, rate * change.factor, rate)
    came = came[rng.random(len(came)) < rate / most]
    return came, came + rng.exponential(scene.stay_days, len(came))


def there(days: Array, came: Array, left: Array, weight: Array | None = None) -> Array:
    """Sum of the weights (1 each by default) of all that is there on each of these days; shape as `days`."""
    weight = np.ones(len(came)) if weight is None else weight
    order = np.argsort(left)
    in_, out = np.concatenate([[0.0], np.cumsum(weight)]), np.concatenate([[0.0], np.cumsum(weight[order])])
    present: Array = in_[np.searchsorted(came, days, "right")] - out[np.searchsorted(left[order], days, "right")]
    return np.maximum(np.round(present, 6), 0.0)


def shares_seen(scene: Scene, looks: Eyes) -> tuple[Array, Array]:
    """For each look the share of the vessels that it finds, and how many it finds that are not there, on average."""
    track, satellite = np.array(scene.by_track), np.array(scene.by_satellite)
    seen = scene.sea.seen * track[looks.track] * satellite[looks.satellite] * np.where(looks.rough, ROUGH_SEEN, 1.0)
    return np.minimum(seen, 1.0), scene.sea.false * np.where(looks.rough, ROUGH_FALSE, 1.0)


def measured(rng: np.random.Generator, scene: Scene, looks: Eyes, years: float, changes: Sequence[Change]) -> Array:
    """The number of each look, in the unit of the family."""
    came, left = stays(rng, scene, years, changes)
    if scene.family is Family.SHARE:
        return _filled(rng, scene, looks, there(looks.days, came, left))
    seen, false = shares_seen(scene, looks)
    if scene.family is Family.AMOUNT:
        area = there(looks.days, came, left, OBJECT_M2 * np.exp(rng.normal(0, 0.7, len(came))))
        found = area * seen * np.exp(rng.normal(0, 0.1, len(area))) + PIXEL_M2 * rng.poisson(20 * false)
        amount: Array = PIXEL_M2 * np.floor(found / PIXEL_M2)
        return amount
    count = rng.binomial(there(looks.days, came, left).astype(np.int64), seen) + rng.poisson(false)
    return (count > 0).astype(np.float64) if scene.family is Family.PRESENCE else count.astype(np.float64)


def _filled(rng: np.random.Generator, scene: Scene, looks: Eyes, stacks: Array) -> Array:
    """Share of a yard that is filled: what lies there, what the geometry adds, and the noise of one look."""
    spread = math.sqrt(scene.mean) / SPACE
    offset = np.array(scene.by_track)[looks.track] + np.array(scene.by_satellite)[looks.satellite]
    noise = rng.normal(0, np.where(looks.rough, 0.03, 0.015))
    share: Array = np.clip(stacks / SPACE + offset * spread + noise, 0.0, 1.0)
    return share


def points(looks: Eyes, values: Array) -> list[Point]:
    """The series as the history takes it."""
    return [
        Point(
            look=f"l{number:05d}",
            track=f"t{track}",
            at=START + timedelta(days=float(day)),
            value=float(value),
            satellite=f"s{satellite}",
        )
        for number, (day, track, satellite, value) in enumerate(
            zip(looks.days, looks.track, looks.satellite, values, strict=True)
        )
    ]


def moment(day: float) -> datetime:
    """The instant so many days after START."""
    return START + timedelta(days=float(day))


def some_scene(rng: np.random.Generator, family: Family) -> Scene:
    """A place of that family as it might be anywhere."""
    sea, season, phase = list(Sea)[rng.integers(3)], rng.uniform(0, 0.5), rng.uniform(0, 2 * math.pi)
    if family is Family.SHARE:
        return Scene(
            family=family,
            mean=rng.uniform(0.5, 1.5) * STACKS,
            stay_days=rng.uniform(20, 45),
            sea=sea,
            season=season,
            phase=phase,
            by_track=tuple(rng.uniform(-1, 1, 3)),
            by_satellite=(0.0, *rng.uniform(-0.2, 0.2, 2)),
        )
    low, high = {Family.COUNT: (0.5, 8.0), Family.PRESENCE: (0.1, 1.2), Family.AMOUNT: (0.2, 8.0)}[family]
    return Scene(
        family=family,
        mean=float(np.exp(rng.uniform(math.log(low), math.log(high)))),
        stay_days=rng.uniform(0.5, 5),
        sea=sea,
        season=season,
        phase=phase,
        by_track=tuple(rng.uniform(0.75, 1.0, 3)),
        by_satellite=(1.0, *rng.uniform(0.95, 1.05, 2)),
    )
