"""What a bundle is, how its folder and files may be named, and its manifest."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from monitor.errors import UsageError
from monitor.sealed import seal, unseal
from monitor.times import utc

MANIFEST: Final = "manifest.json"

FORMAT: Final = 1
"""Raised when an older version would misread a newer bundle."""

DEEPEST: Final = 4
"""Names of folders and file together."""

PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]{0,149}")
"""A name of a folder or file: none is hidden, leads upward, or needs quoting."""

IDENTITY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,129}")
SHA256 = re.compile(r"[0-9a-f]{64}")


class BundleKind(StrEnum):
    """What the evidence is for."""

    ALERT = "alert"
    """One step in the life of an incident."""

    ASSESSMENT = "assessment"
    """What the looks say of one expectation."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Bundle:
    """All that a folder of evidence holds."""

    kind: BundleKind
    id: str
    """Of the step or assessment. A bundle of one id is written once and never replaced."""

    made_at: datetime
    version: str
    """Of the code that made it."""

    files: Mapping[str, bytes]
    """By name relative to the folder, with "/"; without the manifest."""

    def __post_init__(self) -> None:
        """Raises ValueError if a name could lead out of the folder or hide another one."""
        _check(self.id, self.files)
        if bad := [n for n in self.files if not is_harmless(n)]:
            raise ValueError(f"not a name for a file of evidence: {bad[0]!r}")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One file as the manifest has it."""

    bytes: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a manifest says."""

    kind: BundleKind
    id: str
    made_at: datetime
    version: str
    files: Mapping[str, Entry]
    """By name; a name of a hostile manifest may be anything."""


def is_harmless(name: str) -> bool:
    """True for a relative name that stays in its folder, and is not the manifest's."""
    parts = name.split("/")
    return len(parts) <= DEEPEST and all(PART.fullmatch(p) for p in parts) and name.lower() != MANIFEST


def name_of(identity: str) -> str:
    """The folder name for an id. Two ids never have the same one.

    A harmless id keeps its letters (":" becomes "~"); of another the harmless letters and a hash are left.
    """
    if IDENTITY.fullmatch(identity) and "::" not in identity:
        return identity.replace(":", "~")
    kept = re.sub(r"[^A-Za-z0-9_-]", "", identity)[:40]
    return f"id{kept}~~{hashlib.sha256(identity.encode(errors='surrogatepass')).hexdigest()[:16]}"


def manifest_of(bundle: Bundle) -> bytes:
    """The bytes of the manifest. The same bundle always has the same."""
    files = {
        name: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in sorted(bundle.files.items())
    }
    return seal(
        {
            "format": FORMAT,
            "kind": bundle.kind,
            "id": bundle.id,
            "made_at": bundle.made_at.isoformat(),
            "version": bundle.version,
            "files": files,
        }
    )


def parsed_manifest(content: bytes) -> Manifest:
    """The manifest of `manifest_of`.

    Raises:
        ValueError: a byte is not as it was written, or it is none of ours.
    """
    record = unseal(content)
    try:
        if record["format"] > FORMAT:
            raise ValueError(f"written by a newer version ({record['version']})")
        _check(record["id"], record["files"])
        return Manifest(
            kind=BundleKind(record["kind"]),
            id=str(record["id"]),
            made_at=utc(record["made_at"]),
            version=str(record["version"]),
            files={name: _entry(value) for name, value in record["files"].items()},
        )
    except (KeyError, TypeError, AttributeError, UsageError) as error:
        raise ValueError("not the manifest of a bundle") from error


def _check(identity: str, names: Collection[str]) -> None:
    if not identity or not names:
        raise ValueError("a bundle needs an id and files")
    if len({n.lower() for n in names}) < len(names):
        raise ValueError("two files have names that some systems take for one")


def _entry(value: Mapping[str, Any]) -> Entry:
    size, digest = value["bytes"], value["sha256"]
    if type(size) is not int or size < 0 or not SHA256.fullmatch(digest):
        raise ValueError("a file without size or hash")
    return Entry(bytes=size, sha256=digest)
