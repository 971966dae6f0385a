"""What the tables of a transaction have in common."""

from __future__ import annotations

from sqlalchemy import Connection


class Tables:
    """Some tables, read and written on one open connection."""

    def __init__(self, connection: Connection) -> None:
        """Wraps an open connection."""
        self._c = connection
