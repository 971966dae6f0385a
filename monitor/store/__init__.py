"""The workspace database: SQLite through SQLAlchemy. One writer, short transactions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.exc import DatabaseError

from monitor.errors import StoreError
from monitor.store import schema as t
from monitor.store.calibrations import CalibrationTable
from monitor.store.incidents import IncidentTables
from monitor.store.ledger import Booking, Closure, LedgerTable, Spent
from monitor.store.looks import Known, LookTables, SavedState, Seen, StateTable
from monitor.store.marks import MarkTable
from monitor.store.notices import Notice, NoticeTable
from monitor.store.work import DeliveryTable, PollTable

__all__ = ["Booking", "Closure", "Known", "Notice", "SavedState", "Seen", "Spent", "Store", "Transaction"]

BUSY_SECONDS = 30
"""How long a writer waits for another one before it gives up."""

PASSING = {
    "locked": "Another process writes to it: try again when that is done.",
    "full": "Make room on the disk; nothing that was recorded is lost.",
}
"""By a word of SQLite's message: what is wrong for now only."""

DAMAGED = "Move it away, or restore a backup, then run backfill."


class Transaction(
    LookTables,
    StateTable,
    IncidentTables,
    MarkTable,
    CalibrationTable,
    DeliveryTable,
    PollTable,
    LedgerTable,
    NoticeTable,
):
    """One transaction: what a caller reads and writes in it is consistent."""


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
