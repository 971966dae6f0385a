"""What people say of an incident: seen, later, right or wrong, taken back. Marks are only ever added.

The newest mark of a kind holds, whatever the order in which they are read.

mark      what it does to messages about the incident
ack       the beginning need not be told any more; what follows (confirmed, finished, retracted) is
snooze    nothing, until a day or until the next usable look of the place; then the newest step that was held back
label     nothing: it only counts
retract   a correction to everyone who was told, at once, snoozed or not; the incident stays retracted
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from monitor.alert.incident import Interval90, State
from monitor.alert.intervals import of_share


class MarkKind(StrEnum):
    """What a person said."""

    ACK = "ack"
    """Somebody knows of it and sees to it."""

    SNOOZE = "snooze"
    """Not now."""

    LABEL = "label"
    """It was true, or false."""

    RETRACT = "retract"
    """It does not hold, whatever the series shows."""


@dataclass(frozen=True, kw_only=True)
class Mark:
    """One thing that a person said of one incident."""

    incident: str
    """Id of the incident."""

    kind: MarkKind
    at: datetime
    by: str = ""
    """Who said it; empty: not given."""

    note: str = ""
    """Why, in their words."""

    until: datetime | None = None
    """SNOOZE until that instant."""

    after: datetime | None = None
    """SNOOZE until the next usable look: the newest one that was known then."""

    truth: bool | None = None
    """LABEL: was the incident what it said? Set exactly for labels."""

    @property
    def id(self) -> str:
        """Two marks have the same id if and only if they say the same."""
        moments = [m.isoformat() if m else None for m in (self.at, self.until, self.after)]
        said = json.dumps([self.incident, self.kind, self.by, self.note, self.truth, *moments])
        return f"{self.incident}:{self.kind}:{hashlib.sha256(said.encode('utf-8', 'replace')).hexdigest()[:16]}"


@dataclass(frozen=True, kw_only=True)
class Standing:
    """The newest mark of each kind on one incident."""

    ack: Mark | None = None
    snooze: Mark | None = None
    label: Mark | None = None
    retract: Mark | None = None


UNMARKED = Standing()


def standings(marks: Iterable[Mark]) -> dict[str, Standing]:
    """How each marked incident stands, by its id."""
    newest: dict[str, dict[str, Mark]] = {}
    for mark in sorted(marks, key=lambda m: (m.at, m.id)):
        newest.setdefault(mark.incident, {})[mark.kind] = mark
    return {incident: Standing(**held) for incident, held in newest.items()}


class Telling(StrEnum):
    """When a step is told."""

    NOW = "now"
    LATER = "later"
    NEVER = "never"


def telling(standing: Standing, new: State, now: datetime, newest_look: datetime | None) -> Telling:
    """When a step that leads to the state `new` is told, as the marks stand.

    Args:
        standing: of the incident.
        new: state that the step leads to.
        now: aware.
        newest_look: start of the newest usable look of the AOI; None: there is none.
    """
    if new is State.RETRACTED and standing.retract is not None:
        return Telling.NOW
    if snoozed(standing, now, newest_look):
        return Telling.LATER
    begins = new in {State.PROVISIONAL, State.BLIND}
    return Telling.NEVER if begins and standing.ack is not None else Telling.NOW


def snoozed(standing: Standing, now: datetime, newest_look: datetime | None) -> bool:
    """True while nothing is to be told."""
    snooze = standing.snooze
    if snooze is None:
        return False
    if snooze.until is not None:
        return now < snooze.until
    return snooze.after is not None and (newest_look is None or newest_look <= snooze.after)


@dataclass(frozen=True, kw_only=True)
class Precision:
    """How many of the labelled incidents were true."""

    true: int
    labelled: int

    @property
    def share(self) -> Interval90 | None:
        """Share of the labelled that were true; None: none was labelled.

        It speaks of incidents like those that were labelled: whoever labels only the glaring ones learns of those.
        """
        return of_share(self.true, self.labelled) if self.labelled else None


def precision(marked: Mapping[str, Standing], incidents: Iterable[str]) -> Precision:
    """Over those of the incidents (ids) that bear a label."""
    truths = [s.label.truth for i in set(incidents) if (s := marked.get(i, UNMARKED)).label is not None]
    return Precision(true=truths.count(True), labelled=len(truths))
