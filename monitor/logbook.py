"""The log of alerts: JSON lines, each with the SHA-256 of the line before it, and a head that tells how far it goes.

    alerts.jsonl    only ever appended to
    head.json       number of lines, bytes, and SHA-256 of the last line: without it nobody could tell that lines at the
                    end are gone, or that the last one was changed

A line is written first and the head after it, so what a crash leaves is a line cut off, or one line more than the head
tells of. Both are put right when the log is opened next. Everything else is damage, and is told.

Who may write to the folder can write both files anew. What shows that are heads kept elsewhere: the heads of days
(`monitor.flow.custody`), and their time stamps.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from monitor import durable
from monitor.errors import WorkspaceError

FILE = "alerts.jsonl"
HEAD = "head.json"
FIRST = "0" * 64
"""What the first line carries as the hash of the line before it."""

_HASH = re.compile(r"[0-9a-f]{64}")
_BLOCK: Final = 1 << 16
"""Bytes read at once to find the last line."""


@dataclass(frozen=True, kw_only=True)
class Head:
    """How far a log goes."""

    lines: int
    size: int
    """Bytes of all lines, their ends included."""

    last: str
    """SHA-256 of the last line without its end, 64 hex digits; FIRST if there is no line."""

    @classmethod
    def of(cls, lines: Sequence[bytes]) -> Head:
        """The head of these lines, given without their ends."""
        return cls(
            lines=len(lines),
            size=sum(len(line) + 1 for line in lines),
            last=_hash(lines[-1]) if lines else FIRST,
        )

    @classmethod
    def read(cls, content: bytes) -> Head | None:
        """What a head.json says; None if it is not, to the last byte, as this module writes it."""
        try:
            told = json.loads(content.decode())
            head = cls(lines=int(told["lines"]), size=int(told["bytes"]), last=str(told["last"]))
        except (ValueError, LookupError, TypeError, OverflowError, RecursionError):
            return None
        sound = min(head.lines, head.size) >= 0 and _HASH.fullmatch(head.last) and head.content() == content
        return head if sound else None

    def content(self) -> bytes:
        """The bytes of head.json."""
        return json.dumps({"bytes": self.size, "last": self.last, "lines": self.lines}).encode() + b"\n"

    def after(self, line: bytes) -> Head:
        """The head when one more line stands there."""
        return Head(lines=self.lines + 1, size=self.size + len(line) + 1, last=_hash(line))


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something in the folder of the log that is not as it was written."""

    file: str
    """Name of the file in the folder."""

    line: int | None
    """Counted from 1; None: the whole file."""

    what: str
    mendable: bool = False
    """True: a crash can leave this, and opening the log puts it right. Somebody may also have put it there."""

    def __str__(self) -> str:
        return f"{self.place}: {self.what}"

    @property
    def place(self) -> str:
        """alerts.jsonl:12."""
        return self.file if self.line is None else f"{self.file}:{self.line}"


def check(log: bytes, head: bytes | None) -> list[Finding]:
    """What is wrong with a log, given the content of both files; `head` None: there is no head.json.

    Empty if and only if every line holds the hash of the one before it and the head tells of just these lines. A line
    that was changed is named, or the one after it, which no longer follows from it.
    """
    *lines, torn = log.split(b"\n")
    chain = list(_chain(lines))
    if head is None:
        return [*chain, *_without_head(lines, torn)]
    known = Head.read(head)
    if known is None:
        return [*chain, Finding(file=HEAD, line=1, what="is not as it was written")]
    return [*chain, *_against_head(lines, torn, known)]


def inspect(folder: Path) -> list[Finding]:
    """What is wrong with the log of a folder; empty if nothing is. Changes nothing, and mends nothing.

    Raises:
        WorkspaceError: a file cannot be read.
    """
    try:
        if not (folder / FILE).exists():
            return check(b"", _content(folder / HEAD))
        with (folder / FILE).open("rb") as file:
            # whoever is writing a line and its head is waited for
            fcntl.flock(file, fcntl.LOCK_SH)
            return check(file.read(), _content(folder / HEAD))
    except OSError as error:
        raise WorkspaceError(f"{folder}: cannot be read ({error.strerror})", "Check its owner and mode.") from error


class Logbook:
    """One log. Opening it mends what a crash left: a last line cut off, or a head that is one line behind."""

    def __init__(self, folder: Path) -> None:
        """Opens the log of a workspace.

        Lines without a head.json are taken as a log from before there were heads, and get one: nothing tells such a
        log from one whose head was taken away. This happens once, for the head stands there ever after.

        Raises:
            WorkspaceError: the folder cannot be written, or the log is damaged: names the line.
        """
        self._path = folder / FILE
        self._head: Head = Head.of([])
        self._ids: set[str] = set()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._unwritable(error) from error
        with self._alone():
            self._settle()

    def entries(self) -> list[dict[str, Any]]:
        """All lines, oldest first, after a check of the whole log.

        Raises:
            WorkspaceError: the log is damaged: names the line.
        """
        with self._alone():
            return self._settle()

    def head(self) -> Head:
        """How far the log goes now. Takes no longer for a long log, unless another process wrote to it.

        Raises:
            WorkspaceError: the log is damaged: names the line.
        """
        with self._alone():
            return self._current()

    def has(self, identity: str) -> bool:
        """True if a line with that id stands in it, as far as this process knows."""
        return identity in self._ids

    def append(self, entry: Mapping[str, Any]) -> bool:
        """Writes a line unless one with its `id` stands there already; True if it wrote.

        Takes no longer for a long log, unless another process wrote to it meanwhile.

        Raises:
            WorkspaceError: the disk is full, the file cannot be written, or the log is damaged.
        """
        if entry["id"] in self._ids:
            return False
        with self._alone():
            before = self._current().last
            if entry["id"] in self._ids:
                return False
            line = json.dumps({**entry, "before": before}, sort_keys=True, ensure_ascii=False)
            # half a character, from a name that is no UTF-8, is written as JSON escapes it
            self._extend(line.encode(errors="backslashreplace"))
        self._ids.add(entry["id"])
        return True

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """A person who marks an incident and the daemon may write at once: one line after the other."""
        try:
            with self._path.open("ab") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                try:
                    yield
                finally:
                    # closing is not enough where a child process was forked meanwhile: it holds the file open too
                    fcntl.flock(file, fcntl.LOCK_UN)
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> WorkspaceError:
        full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        hint = "Free the disk, then poll." if full else "Check its owner and mode."
        return WorkspaceError(f"{self._path}: cannot be written ({error.strerror})", hint)

    def _current(self) -> Head:
        """The head, after a look at the last line only where nobody else wrote since ours."""
        if not self._is_ours():
            self._settle()
        return self._head

    def _is_ours(self) -> bool:
        known = self._head
        if _content(self._path.with_name(HEAD)) != known.content() or self._path.stat().st_size != known.size:
            return False
        tail = _tail(self._path)
        return tail.endswith(b"\n") and _hash(tail[:-1]) == known.last if known.lines else not tail

    def _settle(self) -> list[dict[str, Any]]:
        """Checks everything, mends what a crash left, and gives all entries."""
        log, head = self._path.read_bytes(), _content(self._path.with_name(HEAD))
        damage = next((f for f in check(log, head) if not f.mendable), None)
        if damage:
            raise self._damaged(damage)
        *lines, torn = log.split(b"\n")
        if Head.of(lines[: self._head.lines]) != self._head:
            what = "the log was written anew while quaywatch had it open, from this line or one before it"
            raise self._damaged(Finding(file=FILE, line=max(self._head.lines, 1), what=what))
        whole = Head.of(lines)
        if torn:
            # the database still knows that the line is to be written
            os.truncate(self._path, whole.size)
        if head != whole.content():
            durable.put(self._path.with_name(HEAD), whole.content())
        entries: list[dict[str, Any]] = [json.loads(line) for line in lines]
        self._head, self._ids = whole, {entry["id"] for entry in entries}
        return entries

    def _damaged(self, finding: Finding) -> WorkspaceError:
        return WorkspaceError(
            f"{self._path.parent / finding.place}: {finding.what}",
            "Keep a copy for whoever looks into it, then restore the whole folder from a backup.",
        )

    def _extend(self, line: bytes) -> None:
        """Writes a line and its head, or neither."""
        head = self._head.after(line)
        try:
            with self._path.open("ab") as file:
                file.write(line + b"\n")
                file.flush()
                os.fsync(file.fileno())
            durable.put(self._path.with_name(HEAD), head.content())
        except OSError:
            # what may stand there in part or in whole is not known to be safe: it is written again later
            os.truncate(self._path, self._head.size)
            raise
        self._head = head


def _hash(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()


def _chain(lines: Sequence[bytes]) -> Iterator[Finding]:
    """Each line is checked against the one that stands before it now: one change is told once, where it is."""
    before = FIRST
    for number, line in enumerate(lines, start=1):
        told = _before(line)
        if told is None:
            yield Finding(file=FILE, line=number, what="is no line of the log: it was changed or damaged here")
        elif told != before:
            what = "does not follow from the line before it: one of the two was changed or put in, or one is gone"
            yield Finding(file=FILE, line=number, what=f"the log was changed or damaged here: this line {what}")
        before = _hash(line)


def _before(line: bytes) -> str | None:
    """The hash that a line carries; None if it is no line of a log."""
    try:
        entry = json.loads(line.decode())
    except (ValueError, RecursionError):
        return None
    if not isinstance(entry, dict) or not isinstance(entry.get("id"), str):
        return None
    before = entry.get("before")
    return before if isinstance(before, str) else None


def _without_head(lines: Sequence[bytes], torn: bytes) -> Iterator[Finding]:
    if lines:
        what = "is missing: nothing tells whether lines at the end are gone, or the last one was changed"
        yield Finding(file=HEAD, line=None, what=what, mendable=True)
    if torn:
        yield _torn(len(lines) + 1, mendable=True)


def _against_head(lines: Sequence[bytes], torn: bytes, known: Head) -> Iterator[Finding]:
    size = Head.of(lines).size + len(torn)
    if known.size > size:
        what = f"lines are gone from here on: {HEAD} tells of {known.lines} lines and {known.size} bytes, not {size}"
        yield Finding(file=FILE, line=len(lines) + 1, what=what)
        return
    told = _within(lines, known.size)
    if Head.of(lines[:told]) != known:
        what = f"the last line that {HEAD}:1 tells of is another one, or ends elsewhere: one of the two was changed"
        yield Finding(file=FILE, line=min(max(known.lines, 1), len(lines) + 1), what=what)
        return
    more = len(lines) - told
    mendable = more + bool(torn) <= 1
    if more:
        what = f"{more} more than {HEAD} tells of: a crash leaves one such line at most; else somebody put it there"
        yield Finding(file=FILE, line=told + 1, what=what, mendable=mendable)
    if torn:
        yield _torn(len(lines) + 1, mendable=mendable)


def _within(lines: Sequence[bytes], size: int) -> int:
    """How many lines end within so many bytes."""
    end = 0
    for number, line in enumerate(lines):
        end += len(line) + 1
        if end > size:
            return number
    return len(lines)


def _torn(number: int, *, mendable: bool) -> Finding:
    what = "has no end: cut off by a crash, or somebody put it there"
    return Finding(file=FILE, line=number, what=what, mendable=mendable)


def _tail(path: Path) -> bytes:
    """The last line of a file with its end, found from behind."""
    with path.open("rb") as file:
        start, tail = file.seek(0, os.SEEK_END), b""
        while start and b"\n" not in tail[:-1]:
            step = min(start, _BLOCK)
            start -= step
            file.seek(start)
            tail = file.read(step) + tail
    return tail[tail[:-1].rfind(b"\n") + 1 :]


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
