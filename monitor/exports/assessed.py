"""Assessments as the log holds them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from monitor.assessment import Outcome
from monitor.errors import UsageError, WorkspaceError
from monitor.times import utc

ASSESSMENT: Final = "assessment"
"""Value of `what` in lines of the log."""


@dataclass(frozen=True, kw_only=True)
class Compared:
    """One expectation against one baseline."""

    baseline: str
    counted: int
    """Looks of the window that count."""

    every: int
    """All looks of the window, the unusable ones too."""

    effect: tuple[float, float, float] | None
    """Estimate, and its 90 % interval from low to high; None: there was nothing to compare."""


@dataclass(frozen=True, kw_only=True)
class Expected:
    """One expectation of the claim."""

    id: str
    outcome: Outcome
    standing: str
    """When it was fixed: "fixed beforehand", "post hoc", "draft"."""

    comparisons: Sequence[Compared]


@dataclass(frozen=True, kw_only=True)
class Assessed:
    """What the looks say of a claim."""

    id: str
    claim: str
    recorded: datetime
    as_of: datetime
    """Later looks are not known to it."""

    outcome: Outcome
    likelihood: tuple[str, str] | None
    """Word of ICD 203 and the percentages it stands for; None: nothing was concluded."""

    confidence: str
    """In the base of the judgment: high, moderate, low; empty: not stated."""

    expectations: Sequence[Expected]
    doubts: Sequence[str]
    """Why something is not concluded, or only with less confidence; each once."""

    evidence: str
    """SHA-256 of the manifest of the evidence; empty: there is none."""


def newest(entries: Iterable[Mapping[str, Any]], before: datetime) -> list[Assessed]:
    """The newest assessment of each claim as of an instant before `before`, in order of the claims' ids.

    Raises:
        WorkspaceError: a line is no assessment that this version can read; names its id.
    """
    found: dict[str, Assessed] = {}
    for entry in entries:
        if entry.get("what") != ASSESSMENT:
            continue
        one = _read(entry)
        held = found.get(one.claim)
        if one.as_of < before and (held is None or _order(held) <= _order(one)):
            found[one.claim] = one
    return [found[claim] for claim in sorted(found)]


def _order(one: Assessed) -> tuple[datetime, datetime]:
    return one.as_of, one.recorded


def _read(entry: Mapping[str, Any]) -> Assessed:
    try:
        likelihood = entry.get("likelihood")
        return Assessed(
            id=str(entry["id"]),
            claim=str(entry["claim"]),
            recorded=utc(entry["recorded"]),
            as_of=utc(entry["as_of"]),
            outcome=Outcome(entry["outcome"]),
            likelihood=(str(likelihood["word"]), str(likelihood["band"])) if likelihood else None,
            confidence=str(entry.get("confidence") or ""),
            expectations=[_expected(e) for e in entry["expectations"]],
            doubts=_doubts(entry),
            evidence=_evidence(entry.get("evidence")),
        )
    except (LookupError, TypeError, ValueError, AttributeError, UsageError) as error:
        raise WorkspaceError(
            f"alerts/log: the line {str(entry.get('id'))[:120]!r} is no assessment that this version can read",
            "Use the version of quaywatch that wrote it, or a newer one.",
        ) from error


def _expected(entry: Mapping[str, Any]) -> Expected:
    return Expected(
        id=str(entry["id"]),
        outcome=Outcome(entry["outcome"]),
        standing=str(entry["standing"]),
        comparisons=[_compared(c) for c in entry["comparisons"]],
    )


def _compared(entry: Mapping[str, Any]) -> Compared:
    effect = entry["effect"]
    return Compared(
        baseline=str(entry["baseline"]),
        counted=int(entry["window"]["counted"]),
        every=int(entry["window"]["every"]),
        effect=_three(effect) if effect is not None else None,
    )


def _three(numbers: Sequence[float]) -> tuple[float, float, float]:
    value, low, high = map(float, numbers)
    return value, low, high


def _doubts(entry: Mapping[str, Any]) -> list[str]:
    """Of the claim, then of its expectations."""
    every = [str(d) for told in (entry, *entry["expectations"]) for d in told.get("doubts") or ()]
    return list(dict.fromkeys(every))


def _evidence(told: object) -> str:
    """The hash stands there by itself, or in a record that names the evidence."""
    found = told.get("sha256", "") if isinstance(told, Mapping) else told
    return str(found or "")
