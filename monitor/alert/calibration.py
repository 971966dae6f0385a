"""What the alerts of one AOI are worth: false alarms and recall, measured on its own history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from monitor.alert.incident import Interval90


@dataclass(frozen=True, kw_only=True)
class Recall:
    """How often a planted change was found."""

    zone: str
    measure: str
    ratio: float
    """Planted: new rate over the usual one, per usable look; below 1 a lull."""

    looks: int
    """Looks with the change after which it counts as missed."""

    found: Interval90
    """Share of the planted ones that were found in time, 0..1, with its 90 % interval."""

    delay_looks: float | None
    """Median looks from the onset to the alarm of those found; None: none was."""


@dataclass(frozen=True, kw_only=True)
class ShipRecall:
    """How often a ship put into the pixels of recent radar looks was found."""

    length_m: float
    looks: int
    """Into which it was put."""

    planted: int
    """Ships altogether, in open water of the watched zones."""

    found: Interval90
    """Share of them that were found, 0..1, with its 90 % interval."""


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """Of one AOI, by `quaywatch calibrate`."""

    aoi: str
    at: datetime
    """When it was made."""

    looks: int
    """Usable looks of the watched series it rests on."""

    placebos: int
    """Null histories drawn from the AOI's own looks."""

    years: float
    """Of null history altogether."""

    budget: float
    """False alarms a year the thresholds were set to."""

    false_alarms_a_year: Interval90
    """Measured on the placebos."""

    recall: Sequence[Recall]
    recipes: Sequence[str]
    """Of the measures it was made with: it says nothing of others."""

    left_out: Sequence[str] = ()
    """Watched series, "zone, measure", whose history is too short: nothing is measured of them."""

    ships: Sequence[ShipRecall] = ()
    """By length; empty: none could be put into pixels."""

    ships_note: str = ""
    """Why `ships` is empty, or rests on fewer looks than it could; a sentence."""

    @property
    def met(self) -> bool:
        """True if the measured rate may be the budget or less: the interval does not lie above it."""
        return self.false_alarms_a_year.low <= self.budget
