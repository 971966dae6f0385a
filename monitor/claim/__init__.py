"""What has been said about the watched places, what should be measurable if it is true, and which alerts touch it.

A change in pixels never shows that a claim is true. `bearing` therefore says only that an alert agrees in direction
with what a claim lets one expect, runs against it, or falls in its place and time - and what the alert leaves open.
"""

from monitor.claim.bearings import WHOLE, Bearing, Relation, bearing, related, unseen
from monitor.claim.codes import (
    Credibility,
    EffectKind,
    Exclusion,
    Fit,
    Heading,
    Moved,
    Observability,
    Reliability,
    Sight,
)
from monitor.claim.freezing import Standing, fingerprint, standing
from monitor.claim.model import (
    Claim,
    ContextNote,
    Control,
    Document,
    Effect,
    Expectation,
    Frozen,
    Hypothesis,
    Item,
    Looks,
    Narrative,
    Period,
    Probe,
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
    "Exclusion",
    "Expectation",
    "Fit",
    "Frozen",
    "Heading",
    "Hypothesis",
    "Item",
    "Looks",
    "Moved",
    "Narrative",
    "Observability",
    "Period",
    "Probe",
    "Relation",
    "Reliability",
    "Sight",
    "Standing",
    "TimelineEntry",
    "bearing",
    "fingerprint",
    "related",
    "standing",
    "unseen",
]
