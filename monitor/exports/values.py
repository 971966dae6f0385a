"""What is exported: places with their looks, measurements and incidents, and what was said about them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from monitor.alert import Incident
from monitor.aoi import Aoi
from monitor.claim import Bearing, Claim, Document
from monitor.exports.assessed import Assessed
from monitor.look import Look
from monitor.score import Expected


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One measure in one zone from one look, usable or not."""

    aoi: str
    zone: str
    measure: str
    value: float | None
    """None exactly when `reason` says why."""

    unit: str
    reason: str
    """Empty: there is a value."""

    look: str
    track: str
    platform: str
    start: datetime
    n_valid: int
    """Pixels the value rests on."""

    valid_fraction: float
    """Share of the zone's pixels that could be used, 0..1."""

    recipe: str
    expected: Expected | None = None
    """What was usual for this look; None: not scored."""

    z: float | None = None
    """Standard normal equivalent of how unusual it was, > 0: more than usual; None: not scored."""


@dataclass(frozen=True, kw_only=True)
class Noted:
    """An incident, and when its steps were recorded."""

    incident: Incident
    first: datetime
    newest: datetime


@dataclass(frozen=True, kw_only=True)
class Place:
    """One AOI with all that is exported of it."""

    aoi: Aoi
    looks: Sequence[Look]
    """In order of time, the unusable ones too."""

    rows: Sequence[Row]
    incidents: Sequence[Noted]
    attribution: str
    """The credit that the imagery asks for."""

    simulated: bool
    """True: no satellite took these pictures."""

    origins: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Look -> addresses of the catalogue items it was made from. No address carries a signature or a login."""


@dataclass(frozen=True, kw_only=True)
class Said:
    """What was said about the places, and what the looks say of it."""

    claims: Sequence[Claim] = ()
    documents: Sequence[Document] = ()
    bearings: Mapping[str, Sequence[Bearing]] = field(default_factory=dict)
    """Id of an incident -> the claims that it touches."""

    assessed: Sequence[Assessed] = ()
    """The newest assessment of each claim that has any."""


@dataclass(frozen=True, kw_only=True)
class Export:
    """What is written to one file."""

    version: str
    """Of the tool."""

    made: datetime
    places: Sequence[Place]

    @property
    def simulated(self) -> bool:
        """True if any of it is."""
        return any(p.simulated for p in self.places)

    @property
    def attributions(self) -> list[str]:
        """The credits, each once."""
        return sorted({p.attribution for p in self.places if p.attribution})


def iso(at: datetime) -> str:
    """An instant as ISO 8601, UTC: 2024-10-04T09:20:00Z."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def finite(value: float | None) -> float | None:
    """The number, or None where there is none: none of the formats is to hold a NaN or an infinity."""
    return value if value is not None and math.isfinite(value) else None
