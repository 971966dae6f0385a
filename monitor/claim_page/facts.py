"""Everything a page about a claim may say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from monitor.assessment import Assessment
from monitor.claim import Claim, Document, TimelineEntry
from monitor.message import TitledPicture


@dataclass(frozen=True, kw_only=True)
class Named:
    """How a zone and its AOI are called."""

    place: str
    outline_m: float | None = None
    """How far off the outline may be."""


@dataclass(frozen=True, kw_only=True)
class ClaimFacts:
    """A claim with its assessment."""

    claim: Claim
    assessment: Assessment
    document: Document | None
    counter: Sequence[TimelineEntry] = ()
    """Timeline entries that speak against it."""

    places: Mapping[str, Named] = field(default_factory=dict)
    """By zone, "aoi.zone"."""

    pictures: Mapping[str, Sequence[TitledPicture]] = field(default_factory=dict)
    """By expectation."""

    simulated: bool = False
    attribution: str = ""
    generated: datetime
    version: str
    evidence: str = ""
    """Where the evidence lies, and its SHA-256; empty: none was written."""
