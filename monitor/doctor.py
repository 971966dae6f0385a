"""Is the workspace fit for work? Every finding says what to do."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from monitor.cadence import looks_a_month
from monitor.config import Environ, SentinelHubSource, credentials
from monitor.errors import QuaywatchError, SourceError, StoreError
from monitor.flow.account import forecast, month_of
from monitor.flow.desk import Desk, opened
from monitor.sources.folder import FolderSource
from monitor.sources.sentinel_hub import SentinelHub
from monitor.store import Spent
from monitor.times import Interval
from monitor.workspace import Workspace

ALL_TIME = Interval(start=datetime(2014, 1, 1, tzinfo=UTC), end=datetime(2100, 1, 1, tzinfo=UTC))
LATELY = timedelta(days=30)
"""What a catalogue on the net is asked for, of one AOI."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing looked at."""

    what: str
    fine: bool
    detail: str


def examine(workspace: Workspace, environ: Environ, now: datetime) -> list[Finding]:
    """All findings. Catalogues are asked one question each; nothing is bought, changed or sent."""
    findings = [Finding(what="config.toml", fine=True, detail=str(workspace.root / "config.toml"))]
    try:
        with opened(workspace, environ) as desk:
            findings += [_tried("folders and database", lambda: intact(workspace.database))]
            findings += [_tried(what, ask) for what, ask in _questions(desk, environ)]
            findings += [*_coverage(desk, now), *_accounts(desk, now), _kept(desk), _notices(desk)]
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


def _coverage(desk: Desk, now: datetime) -> Iterator[Finding]:
    """Can each source be asked, and which AOIs does none of them know?"""
    try:
        sources = desk.sources
    except QuaywatchError as error:
        yield Finding(what="sources", fine=False, detail=str(error))
        return
    unseen = set(desk.aois)
    answered, everywhere = False, False
    for source in sources:
        far = not isinstance(source, FolderSource)
        asked = list(desk.aois.values())[:1] if far else list(desk.aois.values())
        interval = Interval(start=now - LATELY, end=now) if far else ALL_TIME
        try:
            found = {a.id: len(source.search(a, interval)) for a in asked}
            if isinstance(source, SentinelHub):
                source.log_in()
        except SourceError as error:
            yield Finding(what=f"source {source.name}", fine=False, detail=str(error))
            continue
        answered, everywhere = True, everywhere or far
        unseen -= {a for a, n in found.items() if n}
        detail = (
            ", ".join(f"{n} scenes of the last 30 days over {a}" for a, n in found.items()) or "no AOI to ask for"
            if far
            else f"{sum(n > 0 for n in found.values())} of {len(found)} AOIs have scenes"
        )
        yield Finding(
            what=f"source {source.name}", fine=not source.problems, detail="\n".join([detail, *source.problems])
        )
    if unseen and answered and not everywhere:
        names = ", ".join(sorted(unseen)[:8]) + (" and more" if len(unseen) > 8 else "")
        yield Finding(what="AOIs without any scene", fine=False, detail=f"{names}: outside every source")


def _accounts(desk: Desk, now: datetime) -> Iterator[Finding]:
    """What is left of each account this month, and what the workspace needs in a month."""
    for listed in desk.workspace.config.sources:
        if isinstance(listed, SentinelHubSource):
            with desk.store.transaction() as tx:
                spent = tx.units_of_month(listed.name, month_of(now))
                closed = tx.closed_until(listed.name, now)
                rates = {a: looks_a_month([look for look, _ in tx.looks(a)], now) for a in desk.aois}
            yield _account(listed, spent, closed, forecast(listed, desk.aois.values(), rates, desk.cadence), now)


def _account(listed: SentinelHubSource, spent: Spent, closed: datetime | None, need: Spent, now: datetime) -> Finding:
    units, requests = listed.units_per_month, listed.requests_per_month
    left, asks = max(0.0, units - spent.units), max(0, requests - spent.requests)
    lines = [
        f"left in {now:%B}: {left:.1f} of {units:g} units, {asks} of {requests} requests",
        f"the AOIs need about {need.units:.3g} units and {need.requests} requests a month",
    ]
    enough = need.units <= units and need.requests <= requests
    if closed is not None:
        lines.append(f"the service says that its quota is used up: nothing is asked before {closed:%Y-%m-%d}")
    if not enough:
        lines.append("more than the cap: watch fewer places, poll less often, leave out a sensor, or raise the cap")
    return Finding(what=f"account {listed.name}", fine=enough and closed is None, detail="\n".join(lines))


def _kept(desk: Desk) -> Finding:
    """How much is kept, and whether any of it is damaged."""
    sizes = [e.bytes for e in desk.archive.entries()]
    damaged = desk.archive.damaged()
    each = f", {sum(sizes) / len(sizes) / 1e3:.0f} kB each" if sizes else ""
    lines = [f"{len(sizes)} looks, {sum(sizes) / 1e6:.1f} MB{each}", *(f"damaged: {path}" for path in damaged)]
    return Finding(what="archive of pixels", fine=not damaged, detail="\n".join(lines))


def _notices(desk: Desk) -> Finding:
    """What keeps the workspace from seeing, as the last polls found it."""
    with desk.store.transaction() as tx:
        open_ = tx.notices(open_only=True)
    lines = [f"since {n.first:%Y-%m-%d}: {n.text}" for n in open_]
    return Finding(what="notices", fine=not open_, detail="\n".join(lines) or "none")
