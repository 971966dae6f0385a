"""The daemon: one APScheduler tick asks the database which AOIs are due, and polls them one after the other.

What is due comes from our own table, never from the scheduler's jobs: APScheduler 3.11.3 loses a job that falls due
during shutdown. SIGTERM lets the running look be recorded, then ends; kill -9 loses nothing that was recorded.
"""

from __future__ import annotations

import hashlib
import logging
import signal
import threading
from datetime import datetime, timedelta
from types import FrameType

from apscheduler.schedulers.background import BackgroundScheduler

from monitor import clock
from monitor.alert import MarkKind
from monitor.aoi import Aoi
from monitor.config import Environ
from monitor.errors import QuaywatchError
from monitor.flow.deliver import take_up
from monitor.flow.desk import Desk, opened, problems_of
from monitor.times import utc
from monitor.workspace import Workspace

TICK_SECONDS = 15.0
TIDY_HOURS = 6
RETRY = timedelta(minutes=30)
"""After a source failed."""

GATHER = timedelta(minutes=5)
"""While another AOI is due so soon, mails wait for it: what happens in many at once is one mail."""

LONGEST_GATHER = timedelta(hours=1)
"""But no mail waits longer for that."""

log = logging.getLogger("quaywatch")


def run(workspace: Workspace, environ: Environ) -> None:
    """Runs until SIGTERM or SIGINT.

    Raises:
        WorkspaceError: another daemon runs on this workspace.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("apscheduler").setLevel(logging.ERROR)  # it warns of each tick that a long poll makes wait
    stop = threading.Event()

    def ask_to_stop(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    with workspace.lock(), opened(workspace, environ) as desk:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, ask_to_stop)
        _ = desk.narrative, desk.sources  # faults of the workspace end the daemon at once, not at the first poll
        log.info("watching %d AOIs of %s, each every %s", len(desk.aois), workspace.root, desk.cadence)
        resumed = take_up(desk.store)
        if resumed:
            log.info("%d messages wait again: the last daemon was stopped while sending them", resumed)
        scheduler = BackgroundScheduler(timezone="UTC")
        scheduler.add_job(
            tick,
            "interval",
            args=[desk, stop],
            seconds=TICK_SECONDS,
            coalesce=True,
            max_instances=1,
            misfire_grace_time=None,  # the first run is due at once: a slow start must not cost it its turn
            next_run_time=clock.now(),
        )
        scheduler.add_job(tidy, "interval", args=[desk], hours=TIDY_HOURS, coalesce=True, max_instances=1)
        scheduler.start()
        stop.wait()
        log.info("stopping: the running look is finished first")
        scheduler.shutdown(wait=True)
    log.info("stopped")


def tick(desk: Desk, stop: threading.Event) -> None:
    """Polls what is due, and sends what waits. A new AOI is due at its own moment of the first hour."""
    now = clock.now()
    with desk.store.transaction() as tx:
        planned = tx.next_polls()
        for aoi in desk.aois:
            if aoi not in planned:
                planned[aoi] = now + spread(aoi, len(desk.aois))
                tx.set_poll(aoi, last=None, next_=planned[aoi], problem="")
    for aoi in sorted((a for a in planned if a in desk.aois and planned[a] <= now), key=planned.__getitem__):
        if stop.is_set():
            return
        _poll(desk, desk.aois[aoi], stop)
        if overdue(desk, clock.now()):
            _send(desk)
    if not gathering(desk, clock.now()):
        _send(desk)


def _send(desk: Desk) -> None:
    delivered = desk.send(clock.now())
    if delivered.sent:
        log.info("%d mails", delivered.sent)
    for problem in delivered.problems:
        log.warning("%s", problem)


def gathering(desk: Desk, now: datetime) -> bool:
    """True while new messages wait for those of AOIs that are due soon."""
    with desk.store.transaction() as tx:
        soon = any(aoi in desk.aois and at <= now + GATHER for aoi, at in tx.next_polls().items())
    return soon and bool(_fresh(desk)) and not overdue(desk, now)


def overdue(desk: Desk, now: datetime) -> bool:
    """True if a new message has waited long enough for others."""
    return any(now - since >= LONGEST_GATHER for since in _fresh(desk))


def _fresh(desk: Desk) -> list[datetime]:
    """Since when each message waits that was not tried yet; without those of incidents that were snoozed."""
    with desk.store.transaction() as tx:
        snoozed = {m.incident for m in tx.marks() if m.kind is MarkKind.SNOOZE}
        waiting = tx.deliveries(state="waiting")
    return [utc(d["not_before"]) for d in waiting if not d["attempts"] and d["incident"] not in snoozed]


def tidy(desk: Desk) -> None:
    """Keeps the archive within its age and budget, and has the log time-stamped where that is wanted."""
    try:
        for problem in desk.stamp():
            log.warning("%s", problem)
        done = desk.tidy(clock.now())
    except QuaywatchError as error:
        log.error("archive: %s", error)  # noqa: TRY400 - our own errors say all there is to say
        return
    if done.removed:
        log.info("archive: %d looks dropped, %.1f MB", done.removed, done.bytes / 1e6)
    if done.over_budget:
        log.warning("archive: larger than its budget, and all that is left is evidence")


def spread(aoi: str, among: int) -> timedelta:
    """A moment of the first hour that is the AOI's own, so that many do not ask at once. A lone one need not wait."""
    if among < 2:
        return timedelta(0)
    return timedelta(seconds=int.from_bytes(hashlib.sha256(aoi.encode()).digest()[:4]) % min(3600, 10 * among))


def _postpone(desk: Desk, aoi: Aoi, now: datetime, problem: str) -> None:
    """Another try in a while; when it was last polled stays known."""
    with desk.store.transaction() as tx:
        before = {row["aoi"]: row["last"] for row in tx.poll_rows()}.get(aoi.id)
        tx.set_poll(aoi.id, last=utc(before) if before else None, next_=now + RETRY, problem=problem)


def _poll(desk: Desk, aoi: Aoi, stop: threading.Event) -> None:
    now: datetime = clock.now()
    try:
        outcome = desk.poll(aoi, desk.window(now), as_of=now, stop=stop.is_set, send=False)
    except QuaywatchError as error:
        log.error("%s: %s", aoi.id, error)  # noqa: TRY400 - our own errors say all there is to say
        _postpone(desk, aoi, now, str(error))
        return
    except Exception as error:  # one AOI must not keep the others from being polled, tick after tick
        log.exception("%s: a fault of the tool itself", aoi.id)
        _postpone(desk, aoi, now, f"{type(error).__name__}: {error}")
        return
    # a poll that may have been cut short is due again at the next start
    due = now if stop.is_set() else now + desk.cadence
    with desk.store.transaction() as tx:
        tx.set_poll(aoi.id, last=now, next_=due, problem="\n".join(outcome.summary.problems))
    summary = outcome.summary
    log.info(
        "%s: %d scenes, %d new looks (%d unusable), %d changes",
        aoi.id,
        summary.scenes,
        summary.new_looks,
        summary.unusable,
        len(summary.changes),
    )
    for problem in problems_of(outcome):
        log.warning("%s: %s", aoi.id, problem)
    for news in outcome.news:
        log.warning("notice: %s", news.text)
