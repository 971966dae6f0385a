"""What the operator should know: a feed that is silent, a source that fails. Each with a beginning and an end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from sqlalchemy import insert, select, update

from monitor.store import schema as t
from monitor.store.tables import Tables
from monitor.times import utc


@dataclass(frozen=True, kw_only=True)
class Notice:
    """One thing that lasts or lasted."""

    id: str
    kind: str
    subject: str
    """What it is about: a source, an AOI with a track. One notice of a kind and subject is open at most."""

    text: str
    """As last seen."""

    first: datetime
    last: datetime
    """When it was last seen."""

    ended: datetime | None
    """None while it lasts."""

    told: bool
    """True: the operator knows it as it stands, the end included once it has ended."""


class NoticeTable(Tables):
    """Notices, open and ended."""

    def open_notice(self, kind: str, subject: str, text: str, at: datetime) -> bool:
        """Notes that something is the case. True if it is new, False if it lasts; then the text is brought up to date.

        A new text alone is not told again.
        """
        n, seen = t.notices, at.isoformat()
        open_ = (n.c.kind == kind) & (n.c.subject == subject) & n.c.ended.is_(None)
        known = self._c.execute(select(n.c.id, n.c.last).where(open_)).first()
        if known is not None:
            self._c.execute(update(n).where(n.c.id == known.id).values(text=text, last=max(known.last, seen)))
            return False
        row = {
            "id": uuid4().hex,
            "kind": kind,
            "subject": subject,
            "text": text,
            "first": seen,
            "last": seen,
            "ended": None,
            "told": False,
        }
        self._c.execute(insert(n).values(row))
        return True

    def end_notice(self, kind: str, subject: str, at: datetime) -> bool:
        """Notes that it is no longer the case. True if it was; that it has ended is then to be told."""
        n = t.notices
        open_ = (n.c.kind == kind) & (n.c.subject == subject) & n.c.ended.is_(None)
        return self._c.execute(update(n).where(open_).values(ended=at.isoformat(), told=False)).rowcount == 1

    def notices(self, *, open_only: bool = False) -> list[Notice]:
        """In order of their beginning."""
        n = t.notices
        query = select(n).order_by(n.c.first, n.c.kind, n.c.subject, n.c.id)
        query = query.where(n.c.ended.is_(None)) if open_only else query
        return [
            Notice(
                id=r.id,
                kind=r.kind,
                subject=r.subject,
                text=r.text,
                first=utc(r.first),
                last=utc(r.last),
                ended=utc(r.ended) if r.ended else None,
                told=r.told,
            )
            for r in self._c.execute(query)
        ]

    def mark_notice_told(self, notice: str) -> None:
        """The operator has been told, as it stands."""
        self._c.execute(update(t.notices).where(t.notices.c.id == notice).values(told=True))
