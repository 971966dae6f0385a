"""Bundles on disk: a folder is there whole or not at all, and is never replaced."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from monitor import durable
from monitor.errors import WorkspaceError
from monitor.evidence.bundle import MANIFEST, Bundle, manifest_of, name_of
from monitor.evidence.checking import manifest_sha256, read

LOCK: Final = ".lock"
PART: Final = ".part"


def folder_of(evidence: Path, identity: str) -> Path:
    """Where the bundle of that id is or will be, in the folder of all evidence."""
    return evidence / name_of(identity)


def write(evidence: Path, bundle: Bundle) -> str:
    """Puts the bundle into the folder of all evidence, durably; the SHA-256 (hex) of its manifest.

    If there is one of that id it stays as it is: what was shown to people is not made anew. Then the hash is that of
    the one that is there.

    Raises:
        WorkspaceError: it cannot be written, or what is there of that id is damaged. Nothing half-written is left.
    """
    target = folder_of(evidence, bundle.id)
    manifest = manifest_of(bundle)
    try:
        with _alone(evidence):
            _sweep(evidence)
            if os.path.lexists(target):
                return _kept(target, bundle.id)
            part = evidence / f".{target.name}{PART}"
            try:
                _fill(part, {**bundle.files, MANIFEST: manifest})
                part.rename(target)
            except OSError:
                shutil.rmtree(part, ignore_errors=True)
                raise
            durable.sync(evidence)
    except OSError as error:
        raise WorkspaceError(
            f"{target}: the evidence cannot be written ({error.strerror or error})",
            "Make room on the disk, or give this user the right to write there; what is there already is not lost.",
        ) from error
    return hashlib.sha256(manifest).hexdigest()


def _kept(target: Path, identity: str) -> str:
    if read(target).id != identity:
        raise WorkspaceError(f"{target}: holds the evidence of something else", "Move that folder away.")
    return manifest_sha256(target)


@contextlib.contextmanager
def _alone(evidence: Path) -> Iterator[None]:
    """While it lasts, no other process or thread writes evidence here."""
    evidence.mkdir(parents=True, exist_ok=True)
    with (evidence / LOCK).open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            # Closing is not enough where a child process was forked meanwhile: it holds the file open too.
            fcntl.flock(file, fcntl.LOCK_UN)


def _sweep(evidence: Path) -> None:
    """Removes what a crash left."""
    for left in evidence.glob(f".*{PART}"):
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left)


def _fill(folder: Path, files: Mapping[str, bytes]) -> None:
    folder.mkdir()
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    for made in (p for p in (folder, *folder.rglob("*")) if p.is_dir()):
        durable.sync(made)
