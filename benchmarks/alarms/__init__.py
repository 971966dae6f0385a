"""False alarms, delay and coverage of surges and lulls; with a folder: what is found in real counts.

Without a folder, simulated: AOIs in which nothing changes, at four budgets of false alarms a year; changes of known
date and size; and the rules and charts of others on the same series.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.alarms import places, simulated


def run(folder: Path | None, pictures: Path | None) -> dict[str, Any]:
    """Figures: `budgets` and `peers`, or `places` of the folder."""
    return simulated.run() if folder is None else places.run(folder, pictures)


def table(figures: dict[str, Any]) -> str:
    """A line for each budget and peer, or for each incident of each place."""
    from benchmarks import pages

    return "\n".join(pages.places(figures) if "places" in figures else pages.alarms(figures))
