"""What shows later that the log, and what it was made with, are as they were: configurations, heads of days, stamps.

    alerts/log/heads/2026-10-04.txt        how far the log went when that day was first asked for; written once
    alerts/log/heads/2026-10-04.txt.ots    its time stamp, where calendars are configured

Who may write to the workspace can write the log and its head anew, with every hash right. The heads of days, kept
elsewhere or time-stamped, then no longer fit.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

from monitor import __version__, durable, timestamps
from monitor.errors import QuaywatchError, WorkspaceError
from monitor.logbook import FILE, Finding, Head, Logbook
from monitor.workspace import CONFIG, Workspace

WHAT: Final = "configuration"
"""The field `what` of a line that tells of a change of configuration."""

HEADS: Final = "heads"
TIMEOUT_S: Final = 20.0
"""Seconds for all calendars, for each file."""

UPGRADED: Final = 30
"""Heads of days, the newest, whose stamps are asked to be completed: a block takes hours, not weeks."""

_NAME = re.compile(r"(\d{4}-\d{2}-\d{2})\.txt")
_TEXT = re.compile(
    r"quaywatch log head\nday (?P<day>\S+)\nlines (?P<lines>0|[1-9][0-9]{0,17})\nsha256 (?P<last>[0-9a-f]{64})\n"
)


def configuration_entry(
    workspace: Workspace, now: datetime, previous: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The line of the log that tells what the alerts after it were made with.

    SHA-256 of config.toml, each AOI and each file of the narrative by name, and the version of the code; what was
    added, changed and removed since `previous`, the line of this kind before it. No content of any file. The id is
    that of this change: it commits to `previous` too, so going back to an earlier state is a change of its own.

    Raises:
        WorkspaceError: a file or folder cannot be read; names it.
    """
    files = _hashes(workspace)
    before = _files_of(previous)
    made_with = {"files": files, "version": __version__, "follows": previous.get("id") if previous else None}
    digest = hashlib.sha256(json.dumps(made_with, sort_keys=True).encode()).hexdigest()
    return {
        "id": f"{WHAT}:{digest}",
        "what": WHAT,
        "recorded": now.astimezone(UTC).isoformat(),
        **made_with,
        "added": [name for name in files if name not in before],
        "changed": [name for name in files if before.get(name, files[name]) != files[name]],
        "removed": sorted(name for name in before if name not in files),
    }


def log_configuration(workspace: Workspace, logbook: Logbook, now: datetime) -> bool:
    """Writes the line of the configuration if it is not that of the newest such line; True if it wrote.

    Raises:
        WorkspaceError: a file cannot be read, or the log cannot be written or is damaged.
    """
    previous = next((e for e in reversed(logbook.entries()) if e.get("what") == WHAT), None)
    entry = configuration_entry(workspace, now, previous)
    if previous and all(entry[key] == previous.get(key) for key in ("files", "version")):
        return False
    return logbook.append(entry)


def _files_of(entry: Mapping[str, Any] | None) -> Mapping[str, Any]:
    files = entry.get("files") if entry else None
    return files if isinstance(files, dict) else {}


def _hashes(workspace: Workspace) -> dict[str, str]:
    """Name from the workspace, with '/' -> SHA-256, in order of names."""
    for folder in (workspace.root / "aois", workspace.root / "alerts" / "narrative"):
        _look_into(folder)
    paths = [workspace.root / CONFIG, *workspace.aoi_files(), *workspace.narrative_files()]
    return dict(sorted((_name(workspace, path), _hash(path)) for path in paths))


def _look_into(folder: Path) -> None:
    """A folder that cannot be listed looks empty to a search by pattern: it must not pass for one."""
    try:
        os.scandir(folder).close()
    except FileNotFoundError:
        return
    except OSError as error:
        raise _unreadable(folder, error) from error


def _name(workspace: Workspace, path: Path) -> str:
    name = path.relative_to(workspace.root).as_posix()
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise WorkspaceError(f"{name!r}: the name of this file is no UTF-8", "Give it another name.") from error
    return name


def _hash(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> WorkspaceError:
    return WorkspaceError(
        f"{path}: cannot be read ({error.strerror}), so its hash cannot be logged",
        "Restore it, or check its owner and mode.",
    )


def head_of_day(logbook: Logbook, folder: Path, now: datetime) -> Path:
    """The file with the head of the log for this day (UTC), written if it is not there yet; its path.

    `folder` is that of the log. The file is written once: what is logged later that day is in the head of the next.

    Raises:
        WorkspaceError: the log is damaged, or the file cannot be written.
    """
    day = now.astimezone(UTC).date()
    path = folder / HEADS / f"{day.isoformat()}.txt"
    if not path.exists():
        _put(path, head_text(day, logbook.head()))
    return path


def head_text(day: date, head: Head) -> str:
    """What stands in the file of a day."""
    return f"quaywatch log head\nday {day.isoformat()}\nlines {head.lines}\nsha256 {head.last}\n"


def check_heads(folder: Path) -> list[Finding]:
    """Heads of days that do not fit the log of this folder: it was written anew since, or they were changed.

    Also proofs without their file. Their stamps are another matter: see `monitor.timestamps.check`.

    Raises:
        WorkspaceError: a file cannot be read.
    """
    try:
        log = (folder / FILE).read_bytes() if (folder / FILE).exists() else b""
        texts = {path.name: path.read_bytes() for path in head_files(folder)}
        stamped = {path.stem for path in (folder / HEADS).glob(f"*.txt{timestamps.SUFFIX}")}
    except OSError as error:
        raise WorkspaceError(f"{folder}: cannot be read ({error.strerror})", "Check its owner and mode.") from error
    lines = log.split(b"\n")[:-1]
    return [*_misfits(lines, texts), *_without_file(sorted(stamped - set(texts)))]


def _misfits(lines: Sequence[bytes], texts: Mapping[str, bytes]) -> Iterator[Finding]:
    for name, text in texts.items():
        told = _TEXT.fullmatch(text.decode(errors="replace"))
        if told is None or f"{told['day']}.txt" != name:
            yield Finding(file=f"{HEADS}/{name}", line=1, what="is not as it was written")
            continue
        count = int(told["lines"])
        if count > len(lines):
            what = f"tells of {count} lines where {FILE} has {len(lines)}: lines are gone, or this was changed"
            yield Finding(file=f"{HEADS}/{name}", line=3, what=what)
        elif Head.of(lines[:count][-1:]).last != told["last"]:
            what = f"tells of another line {count} than {FILE} has: one of the two was changed"
            yield Finding(file=f"{HEADS}/{name}", line=4, what=what)


def _without_file(names: Sequence[str]) -> Iterator[Finding]:
    for name in names:
        yield Finding(file=f"{HEADS}/{name}", line=None, what="is gone, but its time stamp is there")


def head_files(folder: Path) -> list[Path]:
    """The heads of days of a log's folder, oldest first."""
    return sorted(path for path in (folder / HEADS).glob("*.txt") if _day(path) is not None)


def _day(path: Path) -> date | None:
    named = _NAME.fullmatch(path.name)
    try:
        return date.fromisoformat(named[1]) if named else None
    except ValueError:
        return None


def stamp_head(folder: Path, calendars: Sequence[str], now: datetime, timeout: float = TIMEOUT_S) -> list[str]:
    """Has the newest head of a day before today (UTC) time-stamped, and completes earlier stamps; the problems.

    That of yesterday, if there was work yesterday. It stands for all before it, by the chain: what a calendar that was
    down left without a stamp is not stamped later. `folder` is that of the log; no `calendars`: nothing is done.
    Never raises for a calendar, a stamp or the library: that is a problem, told again the next time.
    """
    if not calendars:
        return []
    today = now.astimezone(UTC).date()
    past = [path for path in head_files(folder) if (day := _day(path)) and day < today]
    problems, waiting = [], [path for path in past if timestamps.proof_of(path).exists()]
    try:
        if past and past[-1] not in waiting:
            problems += timestamps.stamp(past[-1], calendars, timeout)
    except QuaywatchError as error:
        problems.append(str(error))
    problems += _completed(waiting[-UPGRADED:], calendars, timeout)
    return list(dict.fromkeys(problems))


def _completed(paths: Sequence[Path], calendars: Sequence[str], timeout: float) -> list[str]:
    """Newest first. A calendar that failed once is not waited for again."""
    problems: list[str] = []
    failed: dict[str, str] = {}
    for path in reversed(paths):
        try:
            failed |= timestamps.upgrade(path, calendars, timeout, leave_out=failed).failed
        except QuaywatchError as error:
            problems.append(str(error))
    return [*problems, *(f"{calendar}: {why}" for calendar, why in failed.items())]


def _put(path: Path, text: str) -> None:
    """The file is there whole or not at all."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        durable.put(path, text.encode())
    except OSError as error:
        raise WorkspaceError(
            f"{path}: cannot be written ({error.strerror})", "Free the disk, or check its owner and mode."
        ) from error
