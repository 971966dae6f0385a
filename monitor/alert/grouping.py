"""One notice for what happens in many places at once: a storm over ten ports is one piece of news."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import timedelta

from monitor.alert.steps import Change

TOGETHER = timedelta(days=3)
"""Onsets that lie no further apart may have one cause: about one cycle of all the passes over a place."""

PLACES = 3
"""AOIs that make a group."""

ZONES = 2
"""Zones that make a group within one AOI."""


def groups(changes: Sequence[Change]) -> list[tuple[Change, ...]]:
    """The steps, together with those that are one piece of news with them; each step is in exactly one group.

    Steps belong together if they are of one kind, all begin or go on, all finish or all retract, and all onsets lie
    within TOGETHER, in PLACES AOIs at least; of what is left, in ZONES zones of one AOI. The largest group is taken
    first, of equal ones the earliest. Everything else stands alone. The order of the steps does not matter.
    """
    found: list[tuple[Change, ...]] = []
    alike: dict[tuple[str, str], list[Change]] = defaultdict(list)
    for change in sorted(changes, key=_order):
        alike[change.incident.kind, "" if change.new.is_open else change.new].append(change)
    for same in alike.values():
        over, left = _taken(same, lambda c: c.incident.aoi, PLACES)
        found += over
        at_home: dict[str, list[Change]] = defaultdict(list)
        for change in left:
            at_home[change.incident.aoi].append(change)
        for own in at_home.values():
            within, alone = _taken(own, lambda c: c.incident.zone, ZONES)
            found += within
            found += [(c,) for c in alone]
    return sorted(found, key=lambda group: _order(group[0]))


def _order(change: Change) -> tuple[object, ...]:
    return change.incident.onset, change.id, change.at, change.reason


def _taken(
    ordered: Sequence[Change], name: Callable[[Change], str], least: int
) -> tuple[list[tuple[Change, ...]], list[Change]]:
    """Groups over at least so many names, and what is left; `ordered` by onset."""
    left, found = list(ordered), []
    while group := _largest(left, name, least):
        found.append(tuple(left[group]))
        del left[group]
    return found, left


def _largest(ordered: Sequence[Change], name: Callable[[Change], str], least: int) -> slice | None:
    onsets = [c.incident.onset for c in ordered]
    best: tuple[int, int, slice] | None = None
    for first, onset in enumerate(onsets):
        window = slice(first, bisect_right(onsets, onset + TOGETHER))
        names = len({name(c) for c in ordered[window]})
        size = names, window.stop - first
        if names >= least and (best is None or size > best[:2]):
            best = *size, window
    return best[2] if best else None
