"""Is the workspace fit for work? Every finding says what to do."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from monitor.config import Environ, credentials
from monitor.errors import QuaywatchError, SourceError, StoreError
from monitor.flow.desk import Desk, opened
from monitor.times import Interval
from monitor.workspace import Workspace

ALL_TIME = Interval(start=datetime(2014, 1, 1, tzinfo=UTC), end=datetime(2100, 1, 1, tzinfo=UTC))


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing looked at."""

    what: str
    fine: bool
    detail: str


def examine(workspace: Workspace, environ: Environ) -> list[Finding]:
    """All findings; nothing is fetched, changed or sent."""
    findings = [Finding(what="config.toml", fine=True, detail=str(workspace.root / "config.toml"))]
    try:
        with opened(workspace, environ) as desk:
            findings += [_tried("folders and database", lambda: intact(workspace.database))]
            findings += [_tried(what, ask) for what, ask in _questions(desk, environ)]
            findings += list(_coverage(desk))
    except QuaywatchError as error:
        findings.append(Finding(what="folders and database", fine=False, detail=str(error)))
    return findings


def _tried(what: str, ask: Callable[[], str]) -> Finding:
    try:
        return Finding(what=what, fine=True, detail=ask())
    except QuaywatchError as error:
        return Finding(what=what, fine=False, detail=str(error))


def intact(database: Path) -> str:
    """The path of a database, if SQLite finds no damage in it.

    Raises:
        StoreError: it does.
    """
    try:
        with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
            found = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    except sqlite3.DatabaseError as error:
        found = str(error)
    if found != "ok":
        first = " ".join(found.splitlines()[:2])
        raise StoreError(f"{database}: damaged ({first})", "Move it away, or restore a backup, then run backfill.")
    return str(database)


def _questions(desk: Desk, environ: Environ) -> Iterator[tuple[str, Callable[[], str]]]:
    def narrative() -> str:
        told = desk.narrative
        return f"{len(told.documents)} documents, {len(told.claims)} claims"

    def mail() -> str:
        settings = desk.workspace.config.mail
        if not settings.to:
            return "off: [mail] to is empty"
        login = credentials(settings, environ)
        where = settings.outbox or f"{settings.host}:{settings.port}, {settings.security}"
        return f"{', '.join(settings.to)} through {where}{', with login' if login else ''}"

    def deliveries() -> str:
        with desk.store.transaction() as tx:
            states = [d["state"] for d in tx.deliveries()]
        failed = states.count("failed")
        if failed:
            raise QuaywatchError(f"{failed} messages were refused for good", "Check [mail], then look at their errors.")
        return f"{states.count('sent')} sent, {states.count('waiting')} waiting"

    yield "AOIs", lambda: f"{len(desk.aois)}"
    yield "narrative", narrative
    yield "log of alerts", lambda: f"{len(desk.logbook.entries())} lines, chain of hashes intact"
    yield "mail", mail
    yield "messages", deliveries


def _coverage(desk: Desk) -> Iterator[Finding]:
    """Can each source be asked, and which AOIs does none of them know?"""
    try:
        sources = desk.sources
    except QuaywatchError as error:
        yield Finding(what="sources", fine=False, detail=str(error))
        return
    unseen = set(desk.aois)
    answered = False
    for source in sources:
        try:
            found = {a.id: len(source.search(a, ALL_TIME)) for a in desk.aois.values()}
        except SourceError as error:
            yield Finding(what=f"source {source.name}", fine=False, detail=str(error))
            continue
        answered = True
        unseen -= {a for a, n in found.items() if n}
        detail = f"{sum(n > 0 for n in found.values())} of {len(found)} AOIs have scenes"
        yield Finding(
            what=f"source {source.name}", fine=not source.problems, detail="\n".join([detail, *source.problems])
        )
    if unseen and answered:
        names = ", ".join(sorted(unseen)[:8]) + (" and more" if len(unseen) > 8 else "")
        yield Finding(what="AOIs without any scene", fine=False, detail=f"{names}: outside every source")
