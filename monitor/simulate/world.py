"""What really happened at the simulated port, and when satellites looked: values and questions about them."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import numpy as np

from monitor.errors import UsageError
from monitor.scene import Direction
from monitor.simulate.place import SMALLEST_SIDE
from monitor.times import Interval

YEAR = timedelta(days=365.25)
ZONES = ("berths", "anchorage", "yard", "sea_reference", "land_reference")
"""Names of the zones of the simulated AOI."""

ACTIVE = ("berths", "anchorage", "yard")
"""Zones where things come and go: ships in the first two, container stacks in the third. The rest are controls."""


class EventKind(StrEnum):
    """Which way a planted event changes activity."""

    SURGE = "surge"
    LULL = "lull"


@dataclass(frozen=True, kw_only=True)
class Event:
    """A planted change: arrivals in a zone come at another rate for a while."""

    kind: EventKind
    zone: str
    start: datetime
    end: datetime
    rate_factor: float
    """Arrival rate during the event / usual arrival rate. Presence follows within one stay. Overlapping multiply."""

    def __post_init__(self) -> None:
        if self.zone not in ACTIVE:
            raise UsageError(f"nothing happens in {self.zone!r}", f"Plant events in one of: {', '.join(ACTIVE)}.")
        if not 0 <= self.rate_factor <= 10:
            raise UsageError(f"a rate factor of {self.rate_factor:g} cannot be planted", "Use 0 to 10.")

    @property
    def interval(self) -> Interval:
        """When it lasts."""
        return Interval(start=self.start, end=self.end)


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """What to simulate. Equal scenarios give equal archives, byte for byte (for one set of library versions)."""

    seed: int = 7
    start: datetime = datetime(2022, 1, 1, tzinfo=UTC)
    """Aware, UTC."""

    years: float = 3.0
    side: int = SMALLEST_SIDE
    """Pixels a side, 10 m each."""

    events: Sequence[Event] | None = None
    """None: the standard surge and lull. Empty: nothing planted, what false-alarm tests need."""

    optical: bool = True
    """True: Sentinel-2 as well as Sentinel-1. Ships and radar looks are the same either way."""

    def __post_init__(self) -> None:
        if self.start.tzinfo is None:
            raise UsageError(f"the start {self.start} of a simulation has no time zone")
        if not 0.05 <= self.years <= 20:
            raise UsageError(f"a simulation of {self.years:g} years cannot be", "Use 0.05 to 20 years.")
        if self.events is not None:
            object.__setattr__(self, "events", tuple(self.events))

    @property
    def end(self) -> datetime:
        """Open end of the archive."""
        return self.start + timedelta(seconds=round(self.years * YEAR.total_seconds()))

    @property
    def interval(self) -> Interval:
        """The time the archive spans."""
        return Interval(start=self.start, end=self.end)

    def at(self, fraction: float) -> datetime:
        """The instant at a fraction (0..1) of the archive, whole seconds."""
        return self.start + timedelta(seconds=round(fraction * self.years * YEAR.total_seconds()))


@dataclass(frozen=True, kw_only=True)
class Ship:
    """One stay of one ship."""

    id: int
    zone: str
    """berths or anchorage."""

    arrives: datetime
    leaves: datetime
    x: float
    """Easting of the middle, m on the UTM grid."""

    y: float
    heading_deg: float
    """Of the bow, clockwise from grid north."""

    length_m: float
    width_m: float
    backscatter_db: float
    """Mean radar backscatter of the hull before it is blurred, dB; the calm sea is near -21."""

    reflectance: float
    """Of the deck in the near infrared."""


@dataclass(frozen=True, kw_only=True)
class ContainerStack:
    """A block of containers in the yard. Lies east-west."""

    id: int
    arrives: datetime
    leaves: datetime
    x: float
    y: float
    length_m: float
    width_m: float
    backscatter_db: float
    reflectance: float


@dataclass(frozen=True, kw_only=True)
class Cut:
    """Edge of a partial swath: seen is what lies on the side of the normal."""

    x: float
    """A point on the edge, UTM m."""

    y: float
    normal_deg: float
    """Direction from the edge to the seen side, degrees clockwise from grid north."""


@dataclass(frozen=True, kw_only=True)
class RadarPass:
    """One overflight of Sentinel-1, VV."""

    id: str
    start: datetime
    end: datetime
    platform: str
    relative_orbit: int
    direction: Direction
    sea_db: float
    """Backscatter of the open sea in the middle of the scene (wind), dB."""

    sea_slope_db: tuple[float, float]
    """Change of it towards east and north, dB over the width of the scene."""

    bias_db: float
    """Calibration of the platform, dB added to everything."""

    cut: Cut | None
    """None: the whole AOI was seen."""


@dataclass(frozen=True, kw_only=True)
class OpticalPass:
    """One overflight of Sentinel-2."""

    id: str
    start: datetime
    end: datetime
    platform: str
    relative_orbit: int
    cloud_cover: float
    """Share of the AOI under cloud, 0..1."""


@dataclass(frozen=True, kw_only=True)
class Truth:
    """What really happened. Every list is in order of time."""

    interval: Interval
    """The span of the archive; outside it the truth is not complete."""

    ships: Sequence[Ship]
    stacks: Sequence[ContainerStack]
    events: Sequence[Event]

    def ships_at(self, moment: datetime, zone: str | None = None) -> tuple[Ship, ...]:
        """The ships present at an instant; `zone` None: in all zones."""
        if zone is not None:
            _known(zone)
        return tuple(s for s in self.ships if s.arrives <= moment < s.leaves and zone in {None, s.zone})

    def stacks_at(self, moment: datetime) -> tuple[ContainerStack, ...]:
        """The container stacks in the yard at an instant."""
        return tuple(s for s in self.stacks if s.arrives <= moment < s.leaves)

    def count(self, zone: str, moment: datetime) -> int:
        """Ships in a zone at an instant (in `yard`: container stacks).

        Raises:
            UsageError: no such zone.
        """
        return len(self.stacks_at(moment)) if zone == "yard" else len(self.ships_at(moment, zone))

    def mean_count(self, zone: str, interval: Interval) -> float:
        """Average over time of `count` in an interval that is not empty."""
        _known(zone)
        stays = self.stacks if zone == "yard" else [s for s in self.ships if s.zone == zone]
        overlaps = ((min(s.leaves, interval.end) - max(s.arrives, interval.start)).total_seconds() for s in stays)
        return sum(max(0.0, seconds) for seconds in overlaps) / (interval.end - interval.start).total_seconds()

    def event(self, kind: EventKind, zone: str) -> Event:
        """The first planted event of that kind in that zone.

        Raises:
            UsageError: none was planted.
        """
        for event in self.events:
            if event.kind is kind and event.zone == zone:
                return event
        raise UsageError(f"no {kind} was planted in {zone!r}")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A scenario with all that chance decided: enough to render every picture, in any order."""

    scenario: Scenario
    truth: Truth
    radar: Sequence[RadarPass]
    optical: Sequence[OpticalPass]
    missed: Sequence[str]
    """Ids of the Sentinel-1 passes that the orbit promised and that never came."""

    def passes(self) -> list[RadarPass | OpticalPass]:
        """All that came, in order of time."""
        return sorted([*self.radar, *self.optical], key=lambda p: (p.start, p.id))


def _known(zone: str) -> None:
    if zone not in ZONES:
        raise UsageError(f"the simulated port has no zone {zone!r}", f"It has: {', '.join(ZONES)}.")


def stream(seed: int, *names: object) -> np.random.Generator:
    """Random numbers of their own for each name, so that one draw more here changes nothing there."""
    return np.random.default_rng([seed, *(zlib.crc32(str(name).encode()) for name in names)])
