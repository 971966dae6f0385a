"""Whether a folder of evidence is as it was written: every file that is not, is named, and why."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from monitor.errors import WorkspaceError
from monitor.evidence.bundle import MANIFEST, Bundle, Entry, Manifest, is_harmless, name_of, parsed_manifest
from monitor.message import clean

LARGEST_MANIFEST: Final = 10_000_000
"""Bytes: a bundle has some dozens of files, of 100 bytes each in the manifest."""

NAMED: Final = 5
"""Findings that an error names."""


class Fault(StrEnum):
    """What is wrong with a file."""

    CHANGED = "changed since it was written"
    MISSING = "missing"
    EXTRA = "not part of the bundle"
    LINK = "a link, not a file"
    SPECIAL = "neither a file nor a folder"
    UNREADABLE = "cannot be read"
    ESCAPES = "leads out of the bundle, or is no name for a file of it"
    MANIFEST = "damaged: the list of files does not hold"
    OTHER = "whole, but not the one that the log names"


@dataclass(frozen=True, kw_only=True, order=True)
class Finding:
    """One file that is not as it was written."""

    file: str
    """Relative to the bundle. May hold anything: print `str(finding)`."""

    fault: Fault
    detail: str = ""

    def __str__(self) -> str:
        name = clean(self.file.encode(errors="backslashreplace").decode())
        return f"{name}: {self.fault}" + (f" ({clean(self.detail)})" if self.detail else "")


@dataclass(frozen=True, kw_only=True)
class _Examined:
    findings: list[Finding]
    manifest: Manifest | None
    """None: damaged."""

    files: Mapping[str, bytes]
    """What is as it was written."""


def verify(folder: Path, expected: str | None = None) -> list[Finding]:
    """Everything in a bundle that is not as it was written, by name; empty if all is.

    `expected`: SHA-256 (hex) that its manifest has in the log. Without it only the bundle itself speaks for it: who
    changes a file can write a manifest that fits.

    Raises:
        WorkspaceError: there is no such folder.
    """
    return _examined(folder, expected).findings


def read(folder: Path) -> Bundle:
    """The bundle, each byte of it verified.

    Raises:
        WorkspaceError: there is no such folder, or something in it is not as it was written; names the files.
    """
    found = _examined(folder, None)
    if found.findings or found.manifest is None:
        named = "; ".join(map(str, found.findings[:NAMED]))
        more = f"; and {len(found.findings) - NAMED} more" if len(found.findings) > NAMED else ""
        raise WorkspaceError(f"{folder}: the evidence is not as it was written. {named}{more}", "Use another copy.")
    m = found.manifest
    return Bundle(kind=m.kind, id=m.id, made_at=m.made_at, version=m.version, files=found.files)


def manifest_sha256(folder: Path) -> str:
    """SHA-256, hex, of the manifest of a bundle: what the log holds of it.

    Raises:
        WorkspaceError: it cannot be read.
    """
    try:
        return hashlib.sha256(_content(folder / MANIFEST, LARGEST_MANIFEST)).hexdigest()
    except (OSError, ValueError) as error:
        raise _no_bundle(folder) from error


def find(evidence: Path, identity: str) -> list[Path]:
    """The bundles of an incident (one for each step), or of one step or assessment, in order of making."""
    own = name_of(identity)
    named = [p for p in evidence.glob("[!.]*") if p.name == own or p.name.startswith(f"{own}~")]
    return sorted((p for p in named if p.is_dir()), key=lambda p: (_made(p), p))


def of_claim(evidence: Path, claim: str) -> list[Path]:
    """The bundles of the assessments of a claim, in order of making."""
    own = [p for p in evidence.glob("assessment.*") if p.is_dir() and p.name.startswith(f"assessment.{claim}.")]
    return sorted(own, key=lambda p: (_made(p), p))


def _made(folder: Path) -> str:
    """When the bundle was made, ISO 8601; empty where its manifest does not say."""
    try:
        return parsed_manifest(_content(folder / MANIFEST, LARGEST_MANIFEST)).made_at.isoformat()
    except (OSError, ValueError, RecursionError):
        return ""


def _examined(folder: Path, expected: str | None) -> _Examined:
    if not folder.is_dir():
        raise _no_bundle(folder)
    present, findings = _present(folder)
    manifest = _manifest(folder, present, expected, findings)
    if manifest is None:
        return _Examined(findings=sorted(findings), manifest=None, files={})
    files: dict[str, bytes] = {}
    for name, entry in manifest.files.items():
        content = _checked(folder, name, entry, present)
        if isinstance(content, Finding):
            findings.append(content)
        else:
            files[name] = content
    told = {f.file for f in findings}
    findings += [
        Finding(file=name, fault=Fault.EXTRA) for name in present - set(manifest.files) - {MANIFEST} if name not in told
    ]
    return _Examined(findings=sorted(set(findings)), manifest=manifest, files=files)


def _manifest(folder: Path, present: set[str], expected: str | None, findings: list[Finding]) -> Manifest | None:
    if MANIFEST not in present:
        if all(f.file != MANIFEST for f in findings):
            findings.append(Finding(file=MANIFEST, fault=Fault.MISSING))
        return None
    try:
        content = _content(folder / MANIFEST, LARGEST_MANIFEST)
        manifest = parsed_manifest(content)
    except OSError as error:
        findings.append(Finding(file=MANIFEST, fault=Fault.UNREADABLE, detail=error.strerror or ""))
        return None
    except (ValueError, RecursionError) as error:
        findings.append(Finding(file=MANIFEST, fault=Fault.MANIFEST, detail=str(error)))
        return None
    if expected is not None and hashlib.sha256(content).hexdigest() != expected:
        findings.append(Finding(file=MANIFEST, fault=Fault.OTHER))
    return manifest


def _checked(folder: Path, name: str, entry: Entry, present: set[str]) -> bytes | Finding:
    """The content of a file of the manifest. Only what was found inside the folder is ever opened."""
    if not is_harmless(name):
        return Finding(file=name, fault=Fault.ESCAPES)
    if name not in present:
        return Finding(file=name, fault=Fault.MISSING)
    try:
        content = _content(folder / name, entry.bytes)
    except OSError as error:
        return Finding(file=name, fault=Fault.UNREADABLE, detail=error.strerror or "")
    except ValueError:
        return Finding(file=name, fault=Fault.CHANGED, detail="longer than it was")
    if hashlib.sha256(content).hexdigest() != entry.sha256:
        return Finding(file=name, fault=Fault.CHANGED)
    return content


def _content(path: Path, largest: int) -> bytes:
    """Raises OSError, also where the last step is a link, and ValueError where the file is longer."""
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
        if os.fstat(file.fileno()).st_size > largest:
            raise ValueError("longer than it should be")
        return file.read()


def _present(folder: Path) -> tuple[set[str], list[Finding]]:
    """Names of the regular files below a folder, and what is no such file. No link is followed."""
    names, findings = set(), []
    for name, mode in _walked(folder, ""):
        if stat.S_ISREG(mode):
            names.add(name)
        elif mode == 0:
            findings.append(Finding(file=name, fault=Fault.UNREADABLE))
        else:
            findings.append(Finding(file=name, fault=Fault.LINK if stat.S_ISLNK(mode) else Fault.SPECIAL))
    return names, findings


def _walked(folder: Path, below: str) -> Iterator[tuple[str, int]]:
    """Name and mode of all but folders; mode 0: a folder that cannot be read."""
    try:
        entries = sorted(os.scandir(folder), key=lambda e: e.name)
    except OSError:
        yield below.rstrip("/") or ".", 0
        return
    for entry in entries:
        mode = entry.stat(follow_symlinks=False).st_mode
        if stat.S_ISDIR(mode):
            yield from _walked(folder / entry.name, f"{below}{entry.name}/")
        else:
            yield f"{below}{entry.name}", mode


def _no_bundle(folder: Path) -> WorkspaceError:
    return WorkspaceError(
        f"{folder}: there is no evidence here", f"Name the id of an alert, or a folder that holds {MANIFEST}."
    )
