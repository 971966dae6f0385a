"""The workspace database: SQLite through SQLAlchemy. One writer, short transactions."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, delete, event, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.exc import DatabaseError

from monitor.alert import Change, Incident, State
from monitor.errors import StoreError
from monitor.history import Point
from monitor.look import Look
from monitor.measures import Measurement, Reason
from monitor.reference import Reference
from monitor.scene import Direction, Pass, Sensor, Track
from monitor.store import schema as t
from monitor.store.packing import incident_from, incident_json, pack, unpack
from monitor.times import utc

BUSY_SECONDS = 30
"""How long a writer waits for another one before it gives up."""

PASSING = {
    "locked": "Another process writes to it: try again when that is done.",
    "full": "Make room on the disk; nothing that was recorded is lost.",
}
"""By a word of SQLite's message: what is wrong for now only."""

DAMAGED = "Move it away, or restore a backup, then run backfill."


@dataclass(frozen=True, kw_only=True)
class Known:
    """A recorded look, as far as the planning of further work needs it."""

    id: str
    scenes: frozenset[str]
    reason: Reason | None
    reference_looks: int
    reference_digest: str


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What to record of one look."""

    look: Look
    taken: Pass
    source: str
    measurements: Sequence[Measurement]
    reference_looks: int
    reference_digest: str = ""
    """Of the looks that the reference was made from; empty if there was none."""


@dataclass(frozen=True, kw_only=True)
class SavedReference:
    """The reference of a track as it was after its first looks."""

    reference: Reference
    position: int
    """Looks of the track that were offered to it, the unreadable ones included."""

    digest: str
    """Of those looks, in order."""


class Store:
    """All reading and writing of the database."""

    def __init__(self, path: Path) -> None:
        """Opens or creates the database and brings it to the newest schema.

        Raises:
            StoreError: no database, damaged, or from a newer version of the tool.
        """
        self._path = path
        self._engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": BUSY_SECONDS})
        event.listen(self._engine, "connect", _prepare)
        event.listen(self._engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
        try:
            self._migrate()
        except DatabaseError as error:
            self._engine.dispose()
            raise self._unusable(error) from error

    def close(self) -> None:
        """Closes all connections."""
        self._engine.dispose()

    def _migrate(self) -> None:
        with self._engine.begin() as connection:
            present = {
                row[0] for row in connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type='table'")
            }
            if "alembic_version" in present:
                row = connection.exec_driver_sql("SELECT version_num FROM alembic_version").first()
                if row is not None and row[0] == t.HEAD:
                    return
            _upgrade(connection, self._path)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """All or nothing.

        Raises:
            StoreError: the database is damaged, locked by another process for too long, or its disk full.
        """
        try:
            with self._engine.begin() as connection:
                yield Transaction(connection)
        except DatabaseError as error:
            raise self._unusable(error) from error

    def _unusable(self, error: DatabaseError) -> StoreError:
        reason = str(error.orig)
        hint = next((h for sign, h in PASSING.items() if sign in reason), DAMAGED)
        return StoreError(f"{self._path}: the database cannot be used ({reason})", hint)


def _prepare(connection: Any, _: object) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "foreign_keys=ON", "synchronous=NORMAL"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _upgrade(connection: Connection, path: Path) -> None:
    """Runs the missing migrations. Alembic is imported only here: an up-to-date database needs none of it."""
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", "monitor.store:migrations")
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, t.HEAD)
    except CommandError as error:
        raise StoreError(f"{path}: made by another version ({error})", "Install the newest quaywatch.") from error


class Transaction:
    """One transaction: what a caller reads and writes in it is consistent."""

    def __init__(self, connection: Connection) -> None:
        """Wraps an open connection."""
        self._c = connection

    # looks and measurements

    def known_looks(self, aoi: str) -> dict[str, Known]:
        """Recorded looks of an AOI by id."""
        scenes: dict[str, set[str]] = {}
        for row in self._c.execute(select(t.scenes.c.look, t.scenes.c.id).where(t.scenes.c.aoi == aoi)):
            scenes.setdefault(row.look, set()).add(row.id)
        rows = self._c.execute(
            select(t.looks.c.id, t.looks.c.reason, t.looks.c.reference_looks, t.looks.c.reference_digest).where(
                t.looks.c.aoi == aoi
            )
        )
        return {
            r.id: Known(
                id=r.id,
                scenes=frozenset(scenes.get(r.id, ())),
                reason=Reason(r.reason) if r.reason else None,
                reference_looks=r.reference_looks,
                reference_digest=r.reference_digest,
            )
            for r in rows
        }

    def known_items(self, aoi: str) -> list[tuple[str, Mapping[str, Any]]]:
        """Source and catalogue answer of every recorded scene of an AOI."""
        rows = self._c.execute(select(t.scenes.c.source, t.scenes.c.item).where(t.scenes.c.aoi == aoi))
        return [(r.source, json.loads(r.item)) for r in rows]

    def record_look(self, seen: Seen) -> None:
        """Writes a look with its scenes and measurements in place of an earlier version of it."""
        look = seen.look
        self._c.execute(delete(t.looks).where(t.looks.c.aoi == look.aoi, t.looks.c.id == look.id))
        self._c.execute(delete(t.scenes).where(t.scenes.c.aoi == look.aoi, t.scenes.c.id.in_(look.scenes)))
        self._c.execute(insert(t.looks), [_look_row(look, seen)])
        self._c.execute(
            insert(t.scenes),
            [
                {"aoi": look.aoi, "id": s.id, "look": look.id, "source": seen.source, "item": json.dumps(s.item)}
                for s in seen.taken.scenes
            ],
        )
        if seen.measurements:
            self._c.execute(insert(t.measurements), [_measurement_row(look, m) for m in seen.measurements])

    def looks(self, aoi: str) -> list[tuple[Look, int]]:
        """All looks in order of time, each with the number of looks of its reference."""
        scenes: dict[str, list[str]] = {}
        for row in self._c.execute(
            select(t.scenes.c.look, t.scenes.c.id).where(t.scenes.c.aoi == aoi).order_by(t.scenes.c.id)
        ):
            scenes.setdefault(row.look, []).append(row.id)
        rows = self._c.execute(select(t.looks).where(t.looks.c.aoi == aoi).order_by(t.looks.c.start, t.looks.c.id))
        return [(_look(r, scenes.get(r.id, [])), r.reference_looks) for r in rows]

    def items(self, aoi: str, look: str) -> list[tuple[str, Mapping[str, Any]]]:
        """Source and catalogue answer of the scenes of a look."""
        rows = self._c.execute(
            select(t.scenes.c.source, t.scenes.c.item)
            .where(t.scenes.c.aoi == aoi, t.scenes.c.look == look)
            .order_by(t.scenes.c.id)
        )
        return [(r.source, json.loads(r.item)) for r in rows]

    def points(self, aoi: str) -> dict[tuple[str, str], list[Point]]:
        """The usable measurements of an AOI by zone and measure, in order of time."""
        m, k = t.measurements, t.looks
        rows = self._c.execute(
            select(m.c.zone, m.c.measure, m.c.look, m.c.value, k.c.track, k.c.start)
            .join(k, (k.c.aoi == m.c.aoi) & (k.c.id == m.c.look))
            .where(m.c.aoi == aoi, m.c.value.is_not(None))
            .order_by(k.c.start, k.c.id)
        )
        series: dict[tuple[str, str], list[Point]] = {}
        for r in rows:
            series.setdefault((r.zone, r.measure), []).append(
                Point(look=r.look, track=r.track, at=utc(r.start), value=r.value)
            )
        return series

    def measurements(self, aoi: str, zone: str | None = None, measure: str | None = None) -> list[dict[str, Any]]:
        """Measurements with their looks as plain rows, in order of time; unusable ones with their reason."""
        m, k = t.measurements, t.looks
        query = (
            select(m, k.c.track, k.c.platform, k.c.start, k.c.reference_looks)
            .join(k, (k.c.aoi == m.c.aoi) & (k.c.id == m.c.look))
            .where(m.c.aoi == aoi)
            .order_by(k.c.start, k.c.id, m.c.zone, m.c.measure)
        )
        query = query.where(m.c.zone == zone) if zone else query
        query = query.where(m.c.measure == measure) if measure else query
        return [dict(r._asdict()) for r in self._c.execute(query)]

    def forget_looks(self, aoi: str, looks: Sequence[str]) -> None:
        """Removes looks whose scenes turned out to belong to another pass."""
        self._c.execute(delete(t.looks).where(t.looks.c.aoi == aoi, t.looks.c.id.in_(looks)))

    def usable_instants(self, aoi: str) -> list[datetime]:
        """Starts of the looks that gave at least one number of worth, in order."""
        rows = self._c.execute(
            select(t.looks.c.start).where(t.looks.c.aoi == aoi, t.looks.c.reason.is_(None)).order_by(t.looks.c.start)
        )
        return [utc(r.start) for r in rows]

    def some_items(self, aoi: str) -> list[tuple[str, Mapping[str, Any]]]:
        """Source and catalogue answer of one scene of each source."""
        rows = self._c.execute(
            select(t.scenes.c.source, t.scenes.c.item).where(t.scenes.c.aoi == aoi).group_by(t.scenes.c.source)
        )
        return [(r.source, json.loads(r.item)) for r in rows]

    # references

    def reference(self, aoi: str, track: str, recipe: str) -> SavedReference | None:
        """The saved state of a track; None if there is none of this recipe."""
        r = t.references
        row = self._c.execute(select(r).where(r.c.aoi == aoi, r.c.track == track, r.c.recipe == recipe)).first()
        return (
            None
            if row is None
            else SavedReference(reference=unpack(row.state), position=row.position, digest=row.digest)
        )

    def save_reference(self, aoi: str, track: str, recipe: str, saved: SavedReference) -> None:
        """Replaces the state of a track."""
        row = {
            "aoi": aoi,
            "track": track,
            "position": saved.position,
            "digest": saved.digest,
            "recipe": recipe,
            "state": pack(saved.reference),
        }
        self._c.execute(upsert(t.references).values(row).on_conflict_do_update(["aoi", "track"], set_=row))

    # incidents and changes

    def incidents(self, aoi: str | None = None) -> list[Incident]:
        """Recorded incidents, oldest onset first."""
        query = select(t.incidents.c.body).order_by(t.incidents.c.onset, t.incidents.c.id)
        query = query.where(t.incidents.c.aoi == aoi) if aoi else query
        return [incident_from(r.body) for r in self._c.execute(query)]

    def record_incidents(self, incidents: Sequence[Incident], changes: Sequence[Change], recorded: datetime) -> None:
        """Writes incidents and the steps that led to them; a step that is recorded already stays as it is."""
        for i in incidents:
            row: dict[str, Any] = {
                "id": i.id,
                "aoi": i.aoi,
                "zone": i.zone,
                "measure": i.measure,
                "kind": i.kind,
                "state": i.state,
                "onset": i.onset.isoformat(),
                "body": incident_json(i),
            }
            self._c.execute(upsert(t.incidents).values(row).on_conflict_do_update(["id"], set_=row))
        for c in changes:
            step: dict[str, Any] = {
                "id": c.id,
                "incident": c.incident.id,
                "aoi": c.incident.aoi,
                "old": c.old,
                "new": c.new,
                "at": c.at.isoformat(),
                "reason": c.reason,
                "recorded": recorded.isoformat(),
                "logged": False,
                "body": incident_json(c.incident),
            }
            self._c.execute(upsert(t.changes).values(step).on_conflict_do_nothing())

    def changes(self, *, logged: bool | None = None, aoi: str | None = None) -> list[tuple[Change, datetime]]:
        """Recorded steps with the time of recording, in order."""
        query = select(t.changes).order_by(t.changes.c.recorded, t.changes.c.at, t.changes.c.id)
        query = query.where(t.changes.c.logged == logged) if logged is not None else query
        query = query.where(t.changes.c.aoi == aoi) if aoi else query
        return [
            (
                Change(
                    incident=incident_from(r.body),
                    old=State(r.old) if r.old else None,
                    new=State(r.new),
                    at=utc(r.at),
                    reason=r.reason,
                ),
                utc(r.recorded),
            )
            for r in self._c.execute(query)
        ]

    def mark_logged(self, change: str) -> None:
        """The line of this step stands in the log."""
        self._c.execute(update(t.changes).where(t.changes.c.id == change).values(logged=True))

    # deliveries

    def queue_delivery(self, change: Change, recipient: str, message_id: str, now: datetime) -> None:
        """Asks for a message, once."""
        row = {
            "change": change.id,
            "recipient": recipient,
            "incident": change.incident.id,
            "state": "waiting",
            "attempts": 0,
            "not_before": now.isoformat(),
            "error": "",
            "message_id": message_id,
        }
        self._c.execute(upsert(t.deliveries).values(row).on_conflict_do_nothing())

    def deliveries(self, *, state: str | None = None, incident: str | None = None) -> list[dict[str, Any]]:
        """Deliveries as plain rows, oldest first."""
        query = select(t.deliveries).order_by(t.deliveries.c.not_before, t.deliveries.c.change)
        query = query.where(t.deliveries.c.state == state) if state else query
        query = query.where(t.deliveries.c.incident == incident) if incident else query
        return [dict(r._asdict()) for r in self._c.execute(query)]

    def claim_delivery(self, change: str, recipient: str, now: datetime) -> bool:
        """True if this caller, and no other, may send it now."""
        d = t.deliveries
        done = self._c.execute(
            update(d)
            .where(
                d.c.change == change,
                d.c.recipient == recipient,
                d.c.state == "waiting",
                d.c.not_before <= now.isoformat(),
            )
            .values(state="sending", attempts=d.c.attempts + 1)
        )
        return done.rowcount == 1

    def finish_delivery(
        self, change: str, recipient: str, state: str, *, error: str = "", not_before: datetime | None = None
    ) -> None:
        """How an attempt ended: `sent`, `failed`, or `waiting` for another try."""
        values: dict[str, Any] = {"state": state, "error": error}
        if not_before is not None:
            values["not_before"] = not_before.isoformat()
        d = t.deliveries
        self._c.execute(update(d).where(d.c.change == change, d.c.recipient == recipient).values(values))

    # polls

    def next_polls(self) -> dict[str, datetime]:
        """When each AOI is due."""
        return {r.aoi: utc(r.next) for r in self._c.execute(select(t.polls.c.aoi, t.polls.c.next))}

    def poll_rows(self) -> list[dict[str, Any]]:
        """Last and next poll of each AOI with the problem of the last, as plain rows."""
        return [dict(r._asdict()) for r in self._c.execute(select(t.polls).order_by(t.polls.c.aoi))]

    def set_poll(self, aoi: str, *, last: datetime | None, next_: datetime, problem: str) -> None:
        """Notes a poll."""
        row = {
            "aoi": aoi,
            "last": last.isoformat() if last else None,
            "next": next_.isoformat(),
            "problem": problem,
        }
        self._c.execute(upsert(t.polls).values(row).on_conflict_do_update(["aoi"], set_=row))

    def counts(self) -> dict[str, int]:
        """Rows of the main tables."""
        tables = (t.looks, t.scenes, t.measurements, t.incidents, t.changes, t.deliveries)
        return {x.name: self._c.execute(select(func.count()).select_from(x)).scalar_one() for x in tables}


def _look_row(look: Look, seen: Seen) -> dict[str, Any]:
    return {
        "aoi": look.aoi,
        "id": look.id,
        "track": look.track.id,
        "sensor": look.track.sensor,
        "relative_orbit": look.track.relative_orbit,
        "direction": look.track.direction,
        "polarisation": look.track.polarisation,
        "platform": look.platform,
        "start": look.start.isoformat(),
        "valid_fraction": look.valid_fraction,
        "reason": look.reason,
        "detail": look.detail,
        "reference_looks": seen.reference_looks,
        "reference_digest": seen.reference_digest,
    }


def _look(row: Any, scenes: Sequence[str]) -> Look:
    return Look(
        id=row.id,
        aoi=row.aoi,
        track=Track(
            sensor=Sensor(row.sensor),
            relative_orbit=row.relative_orbit,
            direction=Direction(row.direction),
            polarisation=row.polarisation,
        ),
        platform=row.platform,
        start=utc(row.start),
        scenes=tuple(scenes),
        valid_fraction=row.valid_fraction,
        reason=Reason(row.reason) if row.reason else None,
        detail=row.detail,
    )


def _measurement_row(look: Look, m: Measurement) -> dict[str, Any]:
    return {
        "aoi": look.aoi,
        "look": look.id,
        "zone": m.zone,
        "measure": m.measure,
        "value": None if math.isnan(m.value) else m.value,
        "unit": m.unit,
        "n_valid": m.n_valid,
        "valid_fraction": m.valid_fraction,
        "recipe": m.recipe,
        "reason": m.reason,
    }
