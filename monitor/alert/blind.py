"""Times when nothing usable came: a state of their own, never "quiet"."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from monitor.alert.incident import Incident, Kind, State


def blind_spells(aoi: str, usable: Sequence[datetime], as_of: datetime, *, factor: float = 3.0) -> list[Incident]:
    """Times when no usable look came for `factor` times the usual step, and at least two cycles of Sentinel-1.

    The usual step is the one that three of four do not exceed: looks of several tracks come in uneven steps, and the
    short ones say nothing of how long one has to wait.

    `usable` are the instants of the usable looks, in order. With fewer than LEAST of them nothing is usual yet.
    """
    least = 5
    if len(usable) < least:
        return []
    steps = sorted(b - a for a, b in pairwise(usable))
    longest = max(factor * steps[(len(steps) - 1) * 3 // 4], timedelta(days=24))
    spells = []
    for last, following in zip(usable, [*usable[1:], None], strict=True):
        raised = last + longest
        if raised < (following or as_of):
            spells.append(
                Incident(
                    aoi=aoi,
                    zone="",
                    measure="",
                    kind=Kind.BLIND,
                    state=State.FINISHED if following else State.BLIND,
                    onset=last,
                    raised=raised,
                    until=following,
                )
            )
    return spells
