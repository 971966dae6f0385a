"""Incidents: what is unusual, where, since when, and where it is in its life."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """What is unusual."""

    SURGE = "surge"
    LULL = "lull"
    SPIKE = "spike"
    """One look far above what is usual; whether it lasts, one look cannot tell."""

    DIP = "dip"
    """One look far below."""

    BLIND = "blind"

    @property
    def sign(self) -> int:
        """+1 for more than usual, -1 for less, 0 for nothing seen."""
        return {Kind.SURGE: 1, Kind.SPIKE: 1, Kind.LULL: -1, Kind.DIP: -1, Kind.BLIND: 0}[self]

    @property
    def lasting(self) -> bool:
        """True for changes of the rate, which several looks show."""
        return self in {Kind.SURGE, Kind.LULL}


class State(StrEnum):
    """Where an incident is in its life."""

    PROVISIONAL = "provisional"
    CONFIRMED = "confirmed"
    FINISHED = "finished"
    RETRACTED = "retracted"
    BLIND = "blind"

    @property
    def is_open(self) -> bool:
        """True while the incident lasts."""
        return self in {State.PROVISIONAL, State.CONFIRMED, State.BLIND}


class Ending(StrEnum):
    """Why an incident is over."""

    OVER = "over"
    """Later usable looks are as usual again."""

    NEW_USUAL = "new usual"
    """It lasted so long that it is what is usual now."""

    SINGLE = "single look"
    """A spike or dip whose next usable look was as usual."""

    GREW = "grew"
    """A spike or dip that became part of a lasting change."""


class Interval90(NamedTuple):
    """An estimate with the interval that holds it in 90 of 100 cases."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Incident:
    """A change, from its onset to its end. What is told to people."""

    aoi: str
    zone: str
    """Empty for `blind`: the whole AOI."""

    measure: str
    kind: Kind
    state: State
    onset: datetime
    """First look of the change; for `blind` the last usable look before it."""

    raised: datetime
    """Look at which it was noticed."""

    until: datetime | None = None
    """Last look of the change; None while it lasts."""

    last: datetime | None = None
    """Newest of `looks`: what is said of a lasting change is said up to here, not up to today."""

    looks: Sequence[str] = ()
    """Ids of the usable looks from the onset on."""

    tracks: Sequence[str] = ()
    mean: float = math.nan
    """Of the measure over `looks`, per usable look."""

    usual: float = math.nan
    """What was expected of these looks, on average."""

    baseline_looks: int = 0
    """Earlier usable looks it is compared with."""

    onset_between: tuple[datetime, datetime] | None = None
    """90 % interval of the onset: the change began after the first of these looks and not after the second."""

    level: Interval90 | None = None
    """Rate per usable look since the onset, in the unit of the measure."""

    ratio: Interval90 | None = None
    """That rate over the usual one; None for decibels and single looks."""

    difference: Interval90 | None = None
    """That rate less the usual one, in the unit of the measure."""

    evidence: float = 0.0
    """Decimal logarithm of the Shiryaev-Roberts statistic when it was raised; for a single look of 1 / p."""

    hits: Sequence[bool] = ()
    """For each usable look after `raised`: did it lean the same way?"""

    ending: Ending | None = None
    """Why it is over; set exactly when it is finished and not `blind`."""

    id: str = ""
    """Given when it is first recorded, and kept."""

    def overlaps(self, other: Incident) -> bool:
        """True if both speak of the same thing at the same time; single looks only if they are the same look."""
        same = (self.aoi, self.zone, self.measure, self.kind) == (other.aoi, other.zone, other.measure, other.kind)
        if self.kind in {Kind.SPIKE, Kind.DIP}:
            return same and self.onset == other.onset
        far = datetime.max.replace(tzinfo=self.onset.tzinfo)
        return same and self.onset <= (other.until or far) and other.onset <= (self.until or far)

    @property
    def name(self) -> str:
        """A readable id: rajin.berths.vessel_count.surge.20251004."""
        return ".".join(filter(None, [self.aoi, self.zone, self.measure, self.kind, f"{self.onset:%Y%m%d}"]))
