"""What has been said about the watched places, what should be measurable if it is true, and which alerts touch it.

A change in pixels never shows that a claim is true. `bearing` therefore says only that an alert agrees in direction
with what a claim lets one expect, runs against it, or falls in its place and time - and what the alert leaves open.
"""

from monitor.claim.bearings import WHOLE, Bearing, Relation, bearing, related
from monitor.claim.codes import Credibility, EffectKind, Heading, Moved, Observability, Reliability
from monitor.claim.model import (
    Claim,
    ContextNote,
    Control,
    Document,
    Effect,
    Expectation,
    Looks,
    Narrative,
    Period,
    TimelineEntry,
)

__all__ = [
    "WHOLE",
    "Bearing",
    "Claim",
    "ContextNote",
    "Control",
    "Credibility",
    "Document",
    "Effect",
    "EffectKind",
    "Expectation",
    "Heading",
    "Looks",
    "Moved",
    "Narrative",
    "Observability",
    "Period",
    "Relation",
    "Reliability",
    "TimelineEntry",
    "bearing",
    "related",
]
