"""Whether log and evidence of a workspace are as they were written. Only reads."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monitor import evidence, logbook, timestamps
from monitor.errors import QuaywatchError
from monitor.evidence import Finding
from monitor.flow import custody
from monitor.logbook import FILE
from monitor.message import clean
from monitor.store import Store
from monitor.workspace import Workspace

EVIDENCE = "evidence"
"""The field `what` of a line that names the bundle of a step of an incident."""


@dataclass(frozen=True, kw_only=True)
class Wrong:
    """One thing that is not as it was written."""

    where: str
    """File, as seen from the workspace; with the line, where it has lines."""

    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


@dataclass(frozen=True, kw_only=True)
class Verified:
    """What was looked at, and what is wrong."""

    lines: int
    bundles: int
    files: int
    """Of all bundles."""

    wrong: Sequence[Wrong]
    remarks: Sequence[str] = ()
    """What proves more, or could not be proved."""

    @property
    def whole(self) -> bool:
        """True if nothing is wrong."""
        return not self.wrong


def workspace(home: Workspace) -> Verified:
    """The whole workspace.

    Chain and head of the log, heads of days with their stamps, every bundle, and that no line is missing that the
    database knows to be written.

    Raises:
        WorkspaceError: the log cannot be read.
    """
    shown = home.display(home.log_folder)
    wrong = [Wrong(where=f"{shown}/{f.place}", what=f.what) for f in logbook.inspect(home.log_folder)]
    wrong += [Wrong(where=f"{shown}/{f.place}", what=f.what) for f in custody.check_heads(home.log_folder)]
    stamped, remarks = _stamps(home)
    entries = list(_entries(home.log_folder / FILE))
    named = {str(e["folder"]): str(e["sha256"]) for e in map(_named, entries) if e}
    folders = _bundles(home)
    wrong += stamped + [w for folder in folders for w in _bundle(home, folder, named)]
    wrong += [
        Wrong(where=folder, what="the bundle is gone that the log names")
        for folder in named
        if home.root / folder not in folders
    ]
    wrong += _unlogged(home, {e.get("id") for e in entries})
    files = sum(1 for folder in folders for p in folder.rglob("*") if p.is_file())
    return Verified(lines=len(entries), bundles=len(folders), files=files, wrong=wrong, remarks=remarks)


def bundle(folder: Path, expected: str | None = None) -> Verified:
    """One bundle, wherever it lies; `expected`: the SHA-256 of its manifest that a log names."""
    wrong = [_wrong(str(folder), f) for f in evidence.verify(folder, expected)]
    remarks = [] if expected else ["No log names this bundle here: whoever changes a file can write a list that fits."]
    files = sum(1 for p in folder.rglob("*") if p.is_file())
    return Verified(lines=0, bundles=1, files=files, wrong=wrong, remarks=remarks)


def expected_of(home: Workspace, folder: Path) -> str | None:
    """SHA-256 of a bundle's manifest as the log names it; None: the log does not."""
    named = {str(e["folder"]): str(e["sha256"]) for e in map(_named, _entries(home.log_folder / FILE)) if e}
    return named.get(home.display(folder))


def _entries(path: Path) -> Iterator[Mapping[str, Any]]:
    """The lines that can be read; what is wrong with the others is told by the chain."""
    lines = path.read_bytes().split(b"\n") if path.exists() else []
    for line in lines:
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            yield value


def _named(entry: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Folder and SHA-256 of the bundle that a line names."""
    of = entry if entry.get("what") == EVIDENCE else entry.get("evidence")
    return of if isinstance(of, dict) and {"folder", "sha256"} <= set(of) else None


def _bundles(home: Workspace) -> list[Path]:
    found = home.evidence.iterdir() if home.evidence.is_dir() else ()
    return sorted(p for p in found if not p.name.startswith("."))


def _bundle(home: Workspace, folder: Path, named: Mapping[str, str]) -> Iterator[Wrong]:
    shown = home.display(folder)
    if not folder.is_dir():
        yield Wrong(where=shown, what="not a bundle")
        return
    yield from (_wrong(shown, f) for f in evidence.verify(folder, named.get(shown)))
    if shown not in named:
        yield Wrong(where=shown, what="no line of the log names it")


def _wrong(folder: str, finding: Finding) -> Wrong:
    return Wrong(where=f"{folder}/{clean(finding.file)}", what=str(finding.fault))


def _stamps(home: Workspace) -> tuple[list[Wrong], list[str]]:
    wrong, remarks = [], []
    for path in custody.head_files(home.log_folder):
        if timestamps.proof_of(path).exists():
            try:
                remarks.append(f"{home.display(path)}: {timestamps.check(path)}")
            except QuaywatchError as error:
                wrong.append(Wrong(where=home.display(timestamps.proof_of(path)), what=error.message))
    return wrong, remarks


def _unlogged(home: Workspace, ids: set[Any]) -> list[Wrong]:
    if not home.database.exists():
        return []
    store = Store(home.database)
    try:
        with store.transaction() as tx:
            known = [c.id for c, _ in tx.changes(logged=True)] + [m.id for m in tx.marks(logged=True)]
    finally:
        store.close()
    where = home.display(home.log_folder / FILE)
    return [
        Wrong(where=where, what=f"a line is missing that was written: {identity}")
        for identity in known
        if identity not in ids
    ]
