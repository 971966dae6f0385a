"""Whether an expectation was written down before it could be known: its hash in the log, and when it came there.

An expectation that is changed after its window opened can be fitted to what was seen, knowingly or not. What counts is
what the log held last before the window opened: of several versions frozen before, only the last is the prediction.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from enum import StrEnum
from typing import Any

from monitor.claim.model import Claim, Expectation, Frozen

WORDS = ("note", "lag_days")
"""Fields that decide nothing: `lag_days` is part of the window already."""


class Standing(StrEnum):
    """Of an expectation."""

    DRAFT = "draft"
    """Its window has not opened, and it is not frozen as it stands."""

    BEFOREHAND = "fixed beforehand"
    """Frozen as it stands before its window opened: a test."""

    POST_HOC = "post hoc"
    """Written, or changed, after its window opened: a reading. It may be contradicted, never supported."""


def fingerprint(claim: Claim, expectation: Expectation) -> str:
    """SHA-256, hex, of all that decides how the expectation is judged. Notes may be mended without changing it."""
    decisive: dict[str, Any] = {k: v for k, v in asdict(expectation).items() if k not in WORDS}
    places = sorted(claim.aois) if expectation.zone.endswith("*") else []
    parts = {"claim": claim.id, "observability": claim.observability, "places": places, **decisive}
    text = json.dumps(parts, sort_keys=True, default=_plain, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def standing(claim: Claim, expectation: Expectation, frozen: Sequence[Frozen], as_of: datetime) -> Standing:
    """Whether it was fixed beforehand. `frozen`: all records of the log, oldest first."""
    opened = expectation.window.start
    own = [f for f in frozen if (f.claim, f.expectation) == (claim.id, expectation.id) and f.at < opened]
    if own and own[-1].sha256 == fingerprint(claim, expectation):
        return Standing.BEFOREHAND
    return Standing.DRAFT if as_of < opened else Standing.POST_HOC


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{value!r} has no place in a fingerprint")
