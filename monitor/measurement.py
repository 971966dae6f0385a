"""A measured number that says where it comes from, or why there is none."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """Why a look cannot be used (for a zone, or for one measure in it)."""

    NOT_COVERED = "not covered by the swath"
    PARTLY_COVERED = "only partly covered by the swath"
    BORDER_NOISE = "at the noisy edge of the swath"
    CLOUD = "cloud"
    HAZE = "haze"
    SNOW = "snow on the ground"
    ICE = "ice or very rough sea"
    ROUGH_SEA = "sea too rough to tell ships"
    MISREGISTERED = "image lies beside the others by more than half a pixel"
    UNREADABLE = "scene could not be read"
    REFERENCE_YOUNG = "too few earlier looks on this track"
    DETECTOR_BLIND = "what was put into the look to test the detector was not found"
    NO_WATER = "no water found inside the zone"


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One measure in one zone from one look. `value` is NaN exactly when `reason` says why."""

    zone: str
    measure: str
    value: float
    unit: str
    n_valid: int
    """Pixels the value rests on."""

    valid_fraction: float
    """Share of the zone's pixels that could be used, 0..1."""

    recipe: str
    """Name and version of the function and its parameters: numbers of two recipes are not compared."""

    reason: Reason | None = None

    def __post_init__(self) -> None:
        if math.isnan(self.value) != (self.reason is not None):
            raise ValueError(f"{self.zone}/{self.measure}: value {self.value} with reason {self.reason}")

    @property
    def usable(self) -> bool:
        """True if there is a value."""
        return self.reason is None
