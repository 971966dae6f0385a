"""The archive's folder: names, and how files come into it and go.

    <aoi>/<YYYY>/<look>-<8 hex>.tif     pixels
    <aoi>/<YYYY>/<look>-<8 hex>.json    record; the pixels count only while it stands beside them
    *.damaged                           set aside, for a person to look at
    .*.part                             left by a crash

All that changes the folder is done by one process and thread at a time, under `alone`. So whatever is half done when
the lock is free was left by a crash, and may go.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from monitor import durable
from monitor.archive.retention import Entry

LOCK: Final = ".lock"
PART: Final = ".part"
DAMAGED: Final = ".damaged"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
KEPT = re.compile(r"(?P<look>(?P<start>\d{8}T\d{6}).*)-[0-9a-f]{8}\.tif")


def name_of(identity: str) -> str:
    """A file name for an id from a file or a catalogue: the id itself if it is harmless, else one made from it."""
    if NAME.fullmatch(identity):
        return identity
    harmless = re.sub(r"[^A-Za-z0-9_-]", "", identity)[:40]
    return f"{harmless}~{hashlib.sha256(identity.encode(errors='surrogatepass')).hexdigest()[:16]}"


def record_of(pixels: Path) -> Path:
    """The record that belongs to a GeoTIFF."""
    return pixels.with_suffix(".json")


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """While it lasts, no other process or thread changes the archive. Makes the folder if need be.

    Raises:
        OSError: the folder cannot be written.
    """
    _make(folder)
    with (folder / LOCK).open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            # Closing is not enough where a child process was forked meanwhile: it holds the file open too.
            fcntl.flock(file, fcntl.LOCK_UN)


def commit(path: Path, pixels: bytes, record: bytes) -> None:
    """Puts both files there, durably, or neither. An earlier pair of the same name is replaced.

    Raises:
        OSError: no room, no right. What was there before the disk was full is there still.
    """
    _make(path.parent)
    sweep(path.parent)
    try:
        _stage(path, pixels)
        _stage(record_of(path), record)
        # An old record must never vouch for new pixels, at no instant.
        record_of(path).unlink(missing_ok=True)
        _publish(path)
        _publish(record_of(path))
    except OSError:
        with contextlib.suppress(OSError):
            sweep(path.parent)
        raise


def remove(path: Path) -> None:
    """Takes away both files; first the record, so that a crash between leaves pixels that count for nothing.

    Raises:
        OSError: no right to.
    """
    record_of(path).unlink(missing_ok=True)
    path.unlink(missing_ok=True)


def set_aside(path: Path) -> None:
    """Renames both files, the pixels first: a record alone is found and set aside the next time.

    Raises:
        OSError: no right to.
    """
    for file in (path, record_of(path)):
        if file.exists():
            file.rename(_free(file))


def sweep(folder: Path) -> None:
    """Removes what a crash left in the folder of one year: parts, and pixels without a record.

    Raises:
        OSError: no right to.
    """
    names = {entry.name for entry in os.scandir(folder)}
    for name in names:
        orphan = KEPT.fullmatch(name) and name.removesuffix(".tif") + ".json" not in names
        if orphan or (name.startswith(".") and name.endswith(PART)):
            (folder / name).unlink(missing_ok=True)


def years(folder: Path) -> Iterator[Path]:
    """The folders that hold looks, in order of their names."""
    for aoi in sorted(p for p in folder.glob("*") if p.is_dir()):
        yield from sorted(p for p in aoi.glob("[0-9][0-9][0-9][0-9]") if p.is_dir())


def listed(year: Path) -> Iterator[Entry]:
    """What is kept of one AOI and year. Read from names and sizes alone: a damaged record hides nothing."""
    for path in sorted(year.glob("*.tif")):
        match = KEPT.fullmatch(path.name)
        start = _moment(match["start"]) if match else None
        if match is None or start is None:
            continue
        try:
            record, size = record_of(path).stat(), path.stat().st_size
        except FileNotFoundError:
            continue  # half done, or just taken away by another process
        yield Entry(
            aoi=year.parent.name,
            look=match["look"],
            start=start,
            bytes=size + record.st_size,
            path=path,
            kept=datetime.fromtimestamp(record.st_mtime, UTC),
        )


def remove_empty(year: Path) -> None:
    """The folder of a year and the one of its AOI, where nothing is left in them."""
    for folder in (year, year.parent):
        with contextlib.suppress(OSError):
            folder.rmdir()


def _moment(compact: str) -> datetime | None:
    try:
        return datetime.fromisoformat(compact).replace(tzinfo=UTC)
    except ValueError:
        return None


def _part(path: Path) -> Path:
    return path.with_name(f".{path.name}{PART}")


def _stage(path: Path, content: bytes) -> None:
    with _part(path).open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _publish(path: Path) -> None:
    _part(path).replace(path)
    durable.sync(path.parent)


def _make(folder: Path) -> None:
    if folder.is_dir():
        return
    _make(folder.parent)
    folder.mkdir(exist_ok=True)
    durable.sync(folder.parent)


def _free(path: Path) -> Path:
    """A name for a damaged file that no earlier one has."""
    target, number = path.with_name(path.name + DAMAGED), 1
    while target.exists():
        number += 1
        target = path.with_name(f"{path.name}{DAMAGED}-{number}")
    return target
