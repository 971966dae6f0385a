"""Keeps the evidence of alerts: one bundle for the newest step of each incident, named in the log by its hash."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from monitor import evidence
from monitor.alert import Change
from monitor.errors import QuaywatchError
from monitor.evidence import Bundle
from monitor.flow.verifying import EVIDENCE
from monitor.logbook import Logbook
from monitor.store import Store
from monitor.workspace import Workspace


def line_id(change: Change) -> str:
    """Id of the line that names the bundle of a step."""
    return f"{EVIDENCE}:{change.id}"


def waiting(store: Store, logbook: Logbook, aoi: str) -> list[Change]:
    """The newest step of each incident of an AOI whose evidence is not kept yet."""
    with store.transaction() as tx:
        newest = {change.incident.id: change for change, _ in tx.changes(aoi=aoi)}
    return [change for change in newest.values() if not logbook.has(line_id(change))]


def keep(
    home: Workspace, logbook: Logbook, changes: Sequence[Change], make: Callable[[Change], Bundle], now: datetime
) -> list[str]:
    """Writes the bundle of each step and the line that names it; what went wrong, in words.

    What fails is tried again with the next poll: an alert must not wait for its evidence.
    """
    problems = []
    for change in changes:
        try:
            bundle = make(change)
            sha256 = evidence.write(home.evidence, bundle)
        except QuaywatchError as error:
            problems.append(f"evidence of {change.incident.id}: {error}")
            continue
        logbook.append(entry(home, change, bundle, sha256, now))
    return problems


def entry(home: Workspace, change: Change, bundle: Bundle, sha256: str, now: datetime) -> Mapping[str, Any]:
    """The line that names a bundle."""
    folder = evidence.folder_of(home.evidence, bundle.id)
    return {
        "id": line_id(change),
        "what": EVIDENCE,
        "recorded": now.isoformat(),
        "of": change.id,
        "incident": change.incident.id,
        "folder": home.display(folder),
        "sha256": sha256,
    }
