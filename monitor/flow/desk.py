"""A workspace at work: its database, sources, narrative, log and mail, wired together once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path

from monitor import clock, durable
from monitor.alert import Change, Mark
from monitor.aoi import Aoi
from monitor.archive import Archive, Pruned, Retention
from monitor.claim import Narrative
from monitor.config import Environ
from monitor.errors import (
    AoiError,
    ConfigError,
    DeliveryError,
    NoSource,
    QuaywatchError,
    UsageError,
    WorkspaceError,
)
from monitor.evidence import Bundle, name_of
from monitor.flow import (
    custody,
    deliver,
    keeping,
    marks,
    notice,
    page,
    story,
    tell,
    watch,
)
from monitor.flow.deliver import Delivered
from monitor.flow.frozen import frozen
from monitor.flow.imagery import Imagery
from monitor.flow.opening import open_source
from monitor.flow.poll import Progress, Summary, poll, silent
from monitor.flow.story import Chronicle, Eyes, Teller
from monitor.flow.watch import News, Trouble
from monitor.logbook import Logbook
from monitor.message import Message, render, standing_alone
from monitor.message.group import render_group
from monitor.narrative import read_narrative
from monitor.site import site
from monitor.sources import Source
from monitor.store import Store, Transaction
from monitor.times import Interval
from monitor.transports import open_transport
from monitor.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a poll did, and what was told of it."""

    summary: Summary
    delivered: Delivered = field(default=Delivered())
    news: Sequence[News] = ()
    """Notices for the operator that began or ended with this poll."""


@dataclass(frozen=True)
class Desk:
    """Everything a surface needs of a workspace."""

    workspace: Workspace
    environ: Environ
    store: Store

    @property
    def budget(self) -> float:
        """False alarms an AOI and year; AOIs that are only checked do not count."""
        return self.workspace.config.alerts.budget(len(self.aois))

    @cached_property
    def aois(self) -> Mapping[str, Aoi]:
        """AOIs of the workspace by id."""
        return self.workspace.aois()

    @cached_property
    def narrative(self) -> Narrative:
        """Documents, claims and expectations, with what the log holds of those that are frozen."""
        read = read_narrative(self.workspace.narrative_files(), self.aois)
        return replace(read, frozen=frozen(self.logbook.entries()))

    def read_narrative_again(self) -> None:
        """At its next use: something was frozen."""
        self.__dict__.pop("narrative", None)

    @cached_property
    def sources(self) -> Sequence[Source]:
        """Sources in the configured order.

        Raises:
            ConfigError: there is none.
        """
        listed = self.workspace.config.sources
        if not listed:
            raise ConfigError("config.toml: no source of imagery", 'Add [[sources]] with kind = "stac".')
        return [open_source(s, self.workspace, self.environ, self.store, clock.now) for s in listed]

    @property
    def over_the_net(self) -> bool:
        """True if imagery may have to be fetched over the net."""
        return any(s.kind != "folder" for s in self.workspace.config.sources)

    @cached_property
    def archive(self) -> Archive:
        """The pixels of all looks."""
        return Archive(self.workspace.archive)

    @cached_property
    def imagery(self) -> Imagery:
        """All sources, through the archive."""
        return Imagery(sources=self.sources, archive=self.archive)

    @cached_property
    def logbook(self) -> Logbook:
        """The log of alerts."""
        return Logbook(self.workspace.log_folder)

    def close(self) -> None:
        """Ends the connections of the sources that have any."""
        for source in self.__dict__.get("sources", ()):
            source.close()

    def aoi(self, identity: str) -> Aoi:
        """An AOI of the workspace.

        Raises:
            AoiError: there is none of that id.
        """
        if identity in self.aois:
            return self.aois[identity]
        raise AoiError(
            f"no AOI {identity!r} in {self.workspace.root / 'aois'}", f"There are: {', '.join(self.aois) or 'none'}."
        )

    def poll(
        self,
        aoi: Aoi,
        interval: Interval,
        *,
        as_of: datetime,
        progress: Progress = silent,
        stop: Callable[[], bool] = lambda: False,
        announce: bool = True,
        send: bool = True,
    ) -> Outcome:
        """Looks of the interval: measured, recorded, logged, and told to those who want mail.

        Who polls several AOIs leaves the sending (`send`) to the end of the round: what happens in many of them is
        one piece of news.

        Raises:
            NoSource: none could be searched. That is noted, and what follows from it told, before.
        """
        _ = self.narrative  # a faulty file is told before anything is read
        try:
            summary = poll(
                aoi,
                self.imagery,
                self.store,
                interval,
                false_alarms_a_year=self.budget,
                as_of=as_of,
                progress=progress,
                stop=stop,
            )
        except NoSource as error:
            self._noted(Summary(aoi=aoi.id, failed=error.failed), as_of)
            self._told(aoi, as_of, announce=announce, send=send)
            raise
        news = self._noted(summary, as_of)
        return Outcome(summary=summary, news=news, delivered=self._told(aoi, as_of, announce=announce, send=send))

    def _noted(self, summary: Summary, as_of: datetime) -> list[News]:
        with self.store.transaction() as tx:
            return watch.noted(tx, summary, as_of)

    def _told(self, aoi: Aoi, as_of: datetime, *, announce: bool, send: bool) -> Delivered:
        """Steps of incidents that nobody was told of yet: asked for, logged, sent.

        Asked for before the log: after a crash in between, steps not logged yet are asked for again, for one mail.
        """
        with self.store.transaction() as tx:
            untold = [c for c, _ in tx.changes(logged=False) if announce or c.incident.aoi != aoi.id]
        self.queue(untold, as_of)
        self._log()
        problems = self.keep_evidence(aoi, as_of)
        told = self.send(as_of) if announce and send else Delivered()
        return replace(told, problems=(*problems, *told.problems))

    def keep_evidence(self, aoi: Aoi, as_of: datetime) -> list[str]:
        """The bundles of what is new in an AOI of the workspace; problems in words."""
        waiting = keeping.waiting(self.store, self.logbook, aoi.id) if aoi.id in self.aois else []
        if not waiting:
            return []
        from monitor.flow import bundles  # noqa: PLC0415 - slow to import, and most polls bring nothing new

        told = self.chronicle(aoi)
        eyes = Eyes(store=self.store, imagery=self.imagery, site=site(aoi), as_of=as_of)

        def make(change: Change) -> Bundle:
            return bundles.alert_bundle(change, told, eyes, made_at=as_of)

        return keeping.keep(self.workspace, self.logbook, waiting, make, as_of)

    def _log(self) -> None:
        now = clock.now()  # not `as_of`: of what was written when, only the true time is worth anything
        custody.log_configuration(self.workspace, self.logbook, now)
        custody.head_of_day(self.logbook, self.workspace.log_folder, now)
        tell.log_changes(self.store, self.logbook, self.narrative)
        tell.log_marks(self.store, self.logbook)

    def mark(self, make: Callable[[Transaction], Mark]) -> Mark:
        """Records what a person said of an incident, and logs it.

        Raises:
            UsageError: `make` refuses.
        """
        _ = self.logbook  # a damaged log is told before anything is recorded
        with self.store.transaction() as tx:
            mark = make(tx)
        tell.log_marks(self.store, self.logbook)
        return mark

    def take_back(self, identity: str, now: datetime, *, reason: str, by: str = "") -> tuple[Mark, Delivered]:
        """Retracts an incident whatever its series shows, and sends the correction to everyone who was told.

        Raises:
            UsageError: no such incident, no reason, or it is retracted already.
        """
        _ = self.narrative, self.logbook  # faulty files are told before anything is recorded
        with self.store.transaction() as tx:
            mark, change = marks.take_back(tx, identity, now, reason=reason, by=by)
        self.queue([change], now)
        self._log()
        return mark, self.send(now)

    def tidy(self, as_of: datetime) -> Pruned:
        """Drops from the archive what is older or more than config.toml allows; evidence stays.

        Raises:
            WorkspaceError: a file cannot be removed.
        """
        wanted = self.workspace.config.archive
        policy = Retention(
            max_age_days=wanted.keep_days or None,
            budget_bytes=round(wanted.budget_gb * 1e9) or None,
        )
        with self.store.transaction() as tx:
            evidence = tx.evidence_looks()
        return self.archive.prune(policy, keep=evidence, as_of=as_of)

    def stamp(self) -> list[str]:
        """Has the newest head of a day time-stamped, if calendars are configured; problems in words."""
        calendars = self.workspace.config.log.timestamps
        return custody.stamp_head(self.workspace.log_folder, calendars, clock.now()) if calendars else []

    @property
    def cadence(self) -> timedelta:
        """Time between two polls of an AOI."""
        return timedelta(hours=self.workspace.config.schedule.every_hours)

    def window(self, as_of: datetime) -> Interval:
        """What an ordinary poll searches: late scenes of the last weeks included."""
        return Interval(
            start=as_of - timedelta(days=self.workspace.config.schedule.look_back_days), end=as_of + timedelta(days=1)
        )

    def queue(self, changes: Sequence[Change], as_of: datetime) -> int:
        """Asks for messages about new steps."""
        mail, alerts = self.workspace.config.mail, self.workspace.config.alerts
        recipients = tell.Recipients(to=mail.to, sender=mail.sender, tell_for_days=alerts.tell_for_days)
        return tell.queue(self.store, changes, recipients, as_of)

    def send(self, as_of: datetime) -> Delivered:
        """Sends what is due. A transport that cannot be opened is a problem, not an end."""
        mail = self.workspace.config.mail
        if not mail.to:
            return Delivered()
        try:
            transport = open_transport(mail, self.environ, self.workspace.root)
        except (ConfigError, DeliveryError) as error:
            return Delivered(problems=(str(error),))
        one = self.message_writer(as_of)

        def write(changes: Sequence[Change]) -> Message:
            return one(changes[0]) if len(changes) == 1 else self._group_message(changes, as_of)

        return deliver.deliver(self.store, transport, write, sender=mail.sender, now=as_of)

    def _group_message(self, changes: Sequence[Change], as_of: datetime) -> Message:
        return render_group(notice.group_facts(self.store, self.aois, self.narrative, changes, as_of))

    def message_writer(self, as_of: datetime) -> Callable[[Change], Message]:
        """Writes the message about a step."""

        def write(change: Change) -> Message:
            teller = Teller(
                store=self.store,
                imagery=self.imagery,
                aois=self.aois,
                narrative=self.narrative,
                false_alarms_a_year=self.budget,
                now=as_of,
                report_paths={change.incident.aoi: self.workspace.display(self.report_path(change.incident.aoi))},
            )
            try:
                return render(teller.facts(change))
            except QuaywatchError as error:
                raise DeliveryError(error.message, error.hint, permanent=False) from error

        return write

    def chronicle(self, aoi: Aoi) -> Chronicle:
        """What the database knows of an AOI."""
        return story.chronicle(self.store, aoi, self.budget)

    def report_path(self, aoi: str) -> Path:
        """Where the report of an AOI goes by default."""
        return self.workspace.reports / f"{aoi}.html"

    def report(self, aoi: Aoi, *, now: datetime, path: Path | None = None, notes: Sequence[str] = ()) -> Path:
        """Writes the report of an AOI; its path.

        Raises:
            WorkspaceError: it cannot be written.
        """
        eyes = Eyes(store=self.store, imagery=self.imagery, site=site(aoi), as_of=now)
        text = page.report(self.chronicle(aoi), eyes, self.narrative, self.budget, now=now, notes=notes, aois=self.aois)
        return self.written(text, path or self.report_path(aoi.id))

    def alert_report(self, incident: str, *, now: datetime, path: Path | None = None) -> Path:
        """Writes the page of an alert, as of its newest step: what its message says, in one file.

        Raises:
            UsageError: there is no such incident.
            WorkspaceError: it cannot be written.
        """
        with self.store.transaction() as tx:
            steps = [change for change, _ in tx.changes() if change.incident.id == incident]
        if not steps:
            raise UsageError(f"no incident {incident!r}", "See `quaywatch alerts --all`.")
        text = standing_alone(self.message_writer(now)(steps[-1]))
        return self.written(text, path or self.workspace.reports / f"{name_of(incident)}.html")

    def written(self, text: str, target: Path) -> Path:
        """Writes a page whole or not at all.

        Raises:
            WorkspaceError: it cannot be written.
        """
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            durable.put(target, text.encode())
        except OSError as error:
            raise WorkspaceError(
                f"{target}: cannot be written ({error.strerror})", "Choose another --report FILE."
            ) from error
        return target


@contextmanager
def opened(workspace: Workspace, environ: Environ) -> Iterator[Desk]:
    """The desk of a workspace; its database is closed afterwards.

    Raises:
        WorkspaceError: a folder cannot be written.
        StoreError: the database cannot be used.
    """
    workspace.check_writable()
    store = Store(workspace.database)
    desk = Desk(workspace, environ, store)
    try:
        yield desk
    finally:
        desk.close()
        store.close()


def at_desk(desk: Desk, aoi: Aoi) -> Aoi:
    """An outline from outside the workspace under an id that no AOI of the workspace has."""
    own = desk.aois.get(aoi.id)
    if own is None or own.outline.equals(aoi.outline):
        return aoi
    return replace(aoi, id=f"file-{aoi.id}")


def problems_of(outcome: Outcome) -> list[str]:
    """Everything that went wrong without ending the poll. A source that failed is among its problems already."""
    silent = [n.text for n in outcome.news if n.about is not Trouble.SOURCE]
    return [*outcome.summary.problems, *silent, *outcome.delivered.problems]
