"""A look: one pass over one AOI, usable or not, and why not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from monitor.measurement import Measurement, Reason
from monitor.scene import Track


@dataclass(frozen=True, kw_only=True)
class Look:
    """What one overflight gave for one AOI."""

    id: str
    """Id of the pass; unique in its AOI."""

    aoi: str
    track: Track
    platform: str
    start: datetime
    scenes: Sequence[str]
    """Ids of the scenes it was joined from. Each scene is in exactly one look of an AOI."""

    valid_fraction: float
    """Share of the AOI's pixels that were seen, 0..1."""

    reason: Reason | None = None
    """Why no zone of it could be used; None: at least one could."""

    detail: str = ""
    """The error behind `reason`, if there was one."""

    @property
    def usable(self) -> bool:
        """True if something could be measured."""
        return self.reason is None


@dataclass(frozen=True, kw_only=True)
class Observation:
    """A look with everything measured on it."""

    look: Look
    measurements: Sequence[Measurement]
