"""Headers of files that have been read before, on disk, for all AOIs.

Scenes do not change, so a header that is known saves a third of the requests. It is kept with the ETag and the size
that the file had; whoever reads tiles with it compares these and, if they differ, forgets it. The address is kept as a
hash, and without its query string: signatures do not belong on disk.
"""

from __future__ import annotations

import hashlib
import json
import struct
import tempfile
import zlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from monitor.sources import tiff

MOST = 20_000
"""Headers kept. One takes 1 to 20 kB."""

CHECKED_EVERY = 500
"""Headers written between two looks at how many there are."""

LARGEST = 100_000_000
"""Bytes of a header, unpacked."""

FORMAT = 1
"""Raised when `monitor.sources.tiff` writes bare headers in another way."""


@dataclass(frozen=True, kw_only=True)
class Known:
    """What is known of a file."""

    header: tiff.Header
    etag: str
    """Empty: the server gives none."""

    total: int | None
    """Bytes; None: the server does not say."""


class Headers:
    """The cache. Several threads and processes may use one folder. What cannot be read or written is not cached."""

    def __init__(self, folder: Path | None, *, most: int = MOST) -> None:
        """`folder` None: nothing is kept. `most`: headers kept, the oldest go first."""
        self._folder = folder
        self._most = most
        self._written = 0
        if folder is not None:
            with suppress(OSError):
                folder.mkdir(parents=True, exist_ok=True)
            self._tidy()

    def get(self, address: str) -> Known | None:
        """What is known of the file; None: nothing."""
        path = self._path(address)
        if path is None:
            return None
        try:
            about, _, packed = path.read_bytes().partition(b"\n")
            said = json.loads(about)
            if said["format"] != FORMAT:
                return None
            bare = zlib.decompressobj().decompress(packed, LARGEST)
            total = said["total"]
            return Known(
                header=tiff.parse(lambda at, size: _slice(bare, at, size)),
                etag=str(said["etag"]),
                total=None if total is None else int(total),
            )
        except (OSError, ValueError, KeyError, TypeError, zlib.error, struct.error):
            return None

    def put(self, address: str, known: Known) -> None:
        """Keeps it, all or nothing."""
        path = self._path(address)
        if path is None:
            return
        about = json.dumps({"format": FORMAT, "etag": known.etag, "total": known.total}).encode()
        with suppress(OSError):
            with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as beside:
                beside.write(about + b"\n" + zlib.compress(tiff.bare(known.header)))
            Path(beside.name).replace(path)
        self._written += 1
        if self._written % CHECKED_EVERY == 0:
            self._tidy()

    def drop(self, address: str) -> None:
        """Forgets it."""
        path = self._path(address)
        if path is not None:
            with suppress(OSError):
                path.unlink(missing_ok=True)

    def _path(self, address: str) -> Path | None:
        """None: nothing is kept."""
        if self._folder is None:
            return None
        return self._folder / f"{hashlib.sha256(address.partition('?')[0].encode()).hexdigest()}.header"

    def _tidy(self) -> None:
        """Removes the oldest if there are too many."""
        if self._folder is None:
            return
        with suppress(OSError):
            paths = list(self._folder.glob("*.header"))
            if len(paths) > self._most:
                paths.sort(key=lambda p: p.stat().st_mtime)
                for path in paths[: -self._most or None]:
                    path.unlink(missing_ok=True)


def _slice(data: bytes, at: int, size: int) -> bytes:
    if at + size > len(data):
        raise tiff.Malformed("it ends too early")
    return data[at : at + size]
