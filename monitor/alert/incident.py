"""Incidents: what is unusual, where, since when, and where it is in its life."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Kind(StrEnum):
    """What is unusual."""

    SURGE = "surge"
    LULL = "lull"
    BLIND = "blind"

    @property
    def sign(self) -> int:
        """+1 for more than usual, -1 for less, 0 for nothing seen."""
        return {Kind.SURGE: 1, Kind.LULL: -1, Kind.BLIND: 0}[self]


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
    """Mean of the baselines these looks were compared with."""

    baseline_looks: int = 0
    """Looks of the smallest baseline used."""

    peak: float = 0.0
    """Highest CUSUM reached, in standard deviations."""

    hits: Sequence[bool] = ()
    """For each usable look after `raised`: did it lean the same way?"""

    id: str = ""
    """Given when it is first recorded, and kept."""

    def overlaps(self, other: Incident) -> bool:
        """True if both speak of the same thing at the same time."""
        same = (self.aoi, self.zone, self.measure, self.kind) == (other.aoi, other.zone, other.measure, other.kind)
        far = datetime.max.replace(tzinfo=self.onset.tzinfo)
        return same and self.onset <= (other.until or far) and other.onset <= (self.until or far)

    @property
    def name(self) -> str:
        """A readable id: rajin.berths.vessel_count.surge.20251004."""
        return ".".join(filter(None, [self.aoi, self.zone, self.measure, self.kind, f"{self.onset:%Y%m%d}"]))
