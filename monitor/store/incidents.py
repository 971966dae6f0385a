"""Incidents and the steps in their lives."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from monitor.alert import Change, Incident, State
from monitor.store import schema as t
from monitor.store.packing import incident_from, incident_json
from monitor.store.tables import Tables
from monitor.times import utc

BEFORE = 12
"""Looks of a track before an incident that its picture may be chosen from."""


class IncidentTables(Tables):
    """Incidents and changes."""

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

    def evidence_looks(self) -> set[tuple[str, str]]:
        """(AOI, look) of everything that what was told rests on; retracted incidents are among it.

        For each incident, as it stands and as it was told at each step: its own looks, and of each of its tracks the
        last 12 looks before the onset with a number for its zone and measure, from which the picture of before is
        chosen.
        """
        bodies = [r.body for table in (t.incidents, t.changes) for r in self._c.execute(select(table.c.body))]
        told = [incident_from(body) for body in dict.fromkeys(bodies)]
        found = {(i.aoi, look) for i in told for look in i.looks}
        for aoi, zone, measure, track, onset in {
            (i.aoi, i.zone, i.measure, track, i.onset) for i in told for track in i.tracks
        }:
            found |= {(aoi, look) for look in self._before(aoi, zone, measure, track, onset)}
        return found

    def _before(self, aoi: str, zone: str, measure: str, track: str, onset: datetime) -> list[str]:
        m, k = t.measurements, t.looks
        rows = self._c.execute(
            select(k.c.id)
            .join(m, (k.c.aoi == m.c.aoi) & (k.c.id == m.c.look))
            .where(m.c.aoi == aoi, m.c.zone == zone, m.c.measure == measure, m.c.value.is_not(None))
            .where(k.c.track == track, k.c.start < onset.isoformat())
            .order_by(k.c.start.desc(), k.c.id.desc())
            .limit(BEFORE)
        )
        return [r.id for r in rows]

    def mark_logged(self, change: str) -> None:
        """The line of this step stands in the log."""
        self._c.execute(update(t.changes).where(t.changes.c.id == change).values(logged=True))
