"""The log of alerts: JSON lines, each with the SHA-256 of the line before it. Only ever appended to."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from monitor.errors import WorkspaceError

FILE = "alerts.jsonl"
FIRST = "0" * 64
"""What the first line carries as the hash of the line before it."""


class Logbook:
    """One log file. Opening it mends a last line that a crash cut off."""

    def __init__(self, folder: Path) -> None:
        """Opens the log of a workspace.

        Raises:
            WorkspaceError: the folder cannot be written, or a line in the middle is damaged.
        """
        self._path = folder / FILE
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if not self._is_whole():
                with self._alone():
                    self._mend()
        except OSError as error:
            raise WorkspaceError(
                f"{self._path}: cannot be written ({error.strerror})", "Check its owner and mode."
            ) from error
        self._ids = {entry["id"] for entry in self.entries()}

    def entries(self) -> list[dict[str, Any]]:
        """All lines, oldest first.

        Raises:
            WorkspaceError: the chain of hashes is broken: names the line.
        """
        if not self._path.exists():
            return []
        before, entries = FIRST, []
        for number, line in enumerate(self._path.read_bytes().splitlines(), start=1):
            try:
                entry = json.loads(line)
                intact = entry["before"] == before
            except (ValueError, KeyError, TypeError):
                intact = False
            if not intact:
                raise WorkspaceError(
                    f"{self._path}:{number}: the log was changed or damaged here", "Restore it from a backup."
                )
            entries.append(entry)
            before = hashlib.sha256(line).hexdigest()
        return entries

    def append(self, entry: Mapping[str, Any]) -> bool:
        """Writes a line unless one with its `id` stands there already; True if it wrote.

        Raises:
            WorkspaceError: the disk is full or the file cannot be written.
        """
        if entry["id"] in self._ids:
            return False
        try:
            with self._alone():
                self._mend()
                size = self._path.stat().st_size
                line = json.dumps({**entry, "before": self._last_hash()}, sort_keys=True, ensure_ascii=False)
                try:
                    with self._path.open("ab") as file:
                        file.write(line.encode() + b"\n")
                        file.flush()
                        os.fsync(file.fileno())
                except OSError:
                    # what may stand there in part or in whole is not known to be safe: it is written again later
                    os.truncate(self._path, size)
                    raise
        except OSError as error:
            raise WorkspaceError(
                f"{self._path}: cannot be written ({error.strerror})", "Free the disk, then poll."
            ) from error
        self._ids.add(entry["id"])
        return True

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """A person who marks an incident and the daemon may write at once: one line after the other."""
        with self._path.open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _last_hash(self) -> str:
        if not self._path.exists():
            return FIRST
        lines = self._path.read_bytes().splitlines()
        return hashlib.sha256(lines[-1]).hexdigest() if lines else FIRST

    def _is_whole(self) -> bool:
        return self._path.exists() and self._path.read_bytes()[-1:] in {b"", b"\n"}

    def _mend(self) -> None:
        """A line without its end was cut off by a crash; the database still knows that it is to be written."""
        data = self._path.read_bytes()
        if data and not data.endswith(b"\n"):
            whole = data.rfind(b"\n") + 1
            with self._path.open("r+b") as file:
                file.truncate(whole)
