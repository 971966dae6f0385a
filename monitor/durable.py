"""Files that are there whole or as before, whatever crashes."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


def put(path: Path, content: bytes, *, beside: str = "") -> None:
    """Writes the file durably, in place of what was there. Once it bears its name nothing is an error any more.

    `beside`: part of the name it has until then, for files that several may write at once.

    Raises:
        OSError: it cannot be written. What was there before is there still, and nothing half-written.
    """
    part = path.with_name(f".{beside or path.name}.part")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise
    with contextlib.suppress(OSError):
        sync(path.parent)


def sync(folder: Path) -> None:
    """Makes names in a folder durable. Some network file systems know no such thing and refuse: it is up to them."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with contextlib.suppress(OSError):
            os.fsync(handle)
    finally:
        os.close(handle)
