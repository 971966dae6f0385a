"""Files that are there whole or not at all, and are not replaced unless somebody says so."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from monitor import durable
from monitor.errors import UsageError, WorkspaceError


def check_free(target: Path, *, force: bool) -> None:
    """Refuses what must not be replaced, before any work is done for it.

    Raises:
        UsageError: something stands there, and `force` is false; or it is a folder.
    """
    if os.path.isdir(target):  # noqa: PTH112 - a path that is too long is told where it is written
        raise UsageError(f"{target}: is a folder", "Name a file in it: --out FILE.")
    if os.path.lexists(target) and not force:
        raise UsageError(f"{target}: is there already", "Name another --out FILE, or add --force to replace it.")


def put(target: Path, content: bytes, *, force: bool) -> None:
    """Writes the file, durably.

    Raises:
        UsageError: as `check_free`.
        WorkspaceError: it cannot be written. What was there before is there still, and nothing half-written.
    """
    check_free(target, force=force)
    try:
        durable.put(target, content, beside=secrets.token_hex(8))
    except OSError as error:
        raise WorkspaceError(
            f"{target}: cannot be written ({error.strerror or error})", "Choose another --out FILE."
        ) from error
