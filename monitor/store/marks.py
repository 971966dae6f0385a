"""What people said of incidents: rows are only ever added."""

from __future__ import annotations

from sqlalchemy import select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from monitor.alert import Mark, MarkKind
from monitor.store import schema as t
from monitor.store.tables import Tables
from monitor.times import utc


class MarkTable(Tables):
    """Marks of incidents."""

    def add_mark(self, mark: Mark) -> None:
        """Adds a mark; one that is there already stays as it is."""
        row = {
            "id": mark.id,
            "incident": mark.incident,
            "kind": mark.kind,
            "at": mark.at.isoformat(),
            "said_by": mark.by,
            "note": mark.note,
            "until": mark.until.isoformat() if mark.until else None,
            "after_look": mark.after.isoformat() if mark.after else None,
            "truth": mark.truth,
            "logged": False,
        }
        self._c.execute(upsert(t.marks).values(row).on_conflict_do_nothing())

    def marks(self, incident: str | None = None, *, logged: bool | None = None) -> list[Mark]:
        """Marks, oldest first; of one incident, if given."""
        m = t.marks
        query = select(m).order_by(m.c.at, m.c.id)
        query = query.where(m.c.incident == incident) if incident is not None else query
        query = query.where(m.c.logged == logged) if logged is not None else query
        return [
            Mark(
                incident=r.incident,
                kind=MarkKind(r.kind),
                at=utc(r.at),
                by=r.said_by,
                note=r.note,
                until=utc(r.until) if r.until else None,
                after=utc(r.after_look) if r.after_look else None,
                truth=r.truth,
            )
            for r in self._c.execute(query)
        ]

    def taken_back(self) -> frozenset[str]:
        """Ids of the incidents that a person took back."""
        m = t.marks
        rows = self._c.execute(select(m.c.incident).where(m.c.kind == MarkKind.RETRACT).distinct())
        return frozenset(r.incident for r in rows)

    def mark_mark_logged(self, mark: str) -> None:
        """The line of this mark stands in the log."""
        self._c.execute(update(t.marks).where(t.marks.c.id == mark).values(logged=True))
