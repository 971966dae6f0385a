"""Vessels found against those labelled by eye in one series of a port: `accuracy.latakia` alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.accuracy import latakia


def run(folder: Path, drawn: Path | None) -> dict[str, Any]:
    """Figures by place.

    Raises:
        SystemExit: the folder is no such set.
    """
    found = latakia.figures(folder, drawn)
    if found is None:
        raise SystemExit(f"{folder}: no items.json with labels.json")
    return found
