"""Notices for the operator: what keeps the workspace itself from seeing. Each is told once, and its end once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from monitor.flow.poll import Summary
from monitor.store import Transaction

FEED_ENDS = timedelta(days=365)
"""Without a pass for longer there is no feed that could come back: an archive, or a satellite of the past."""


class Trouble(StrEnum):
    """What a notice is about."""

    SOURCE = "source"
    """A source cannot be asked, or gives no pixels."""

    FEED = "feed"
    """Passes that were due over an AOI did not come."""


@dataclass(frozen=True, kw_only=True)
class News:
    """A notice that is new, or has ended."""

    about: Trouble
    text: str


def noted(tx: Transaction, summary: Summary, at: datetime) -> list[News]:
    """Brings the open notices in line with what a poll met; what is new, and what has ended."""
    told = []
    for source, why in summary.failed.items():
        text = f"source {source}: {why}"
        if tx.open_notice(Trouble.SOURCE, source, text, at):
            told.append(News(about=Trouble.SOURCE, text=text))
    told += [
        News(about=Trouble.SOURCE, text=f"source {source}: answers again")
        for source in sorted(summary.answered)
        if tx.end_notice(Trouble.SOURCE, source, at)
    ]
    return told + _feeds(tx, summary, at)


def _feeds(tx: Transaction, summary: Summary, at: datetime) -> list[News]:
    if summary.audit is None:
        return []
    told = []
    lately = [s for s in summary.audit.silences if at - s.since <= FEED_ENDS]
    silent = {f"{summary.aoi}: {s.subject}": f"{summary.aoi}: {s.text}" for s in lately}
    for subject, text in silent.items():
        if tx.open_notice(Trouble.FEED, subject, text, at):
            told.append(News(about=Trouble.FEED, text=text))
    own = f"{summary.aoi}: "
    before = [n.subject for n in tx.notices(open_only=True) if n.kind == Trouble.FEED and n.subject.startswith(own)]
    return told + [
        News(about=Trouble.FEED, text=f"{subject}: passes come again, or are no longer expected")
        for subject in before
        if subject not in silent and tx.end_notice(Trouble.FEED, subject, at)
    ]
