"""Where the satellite or the processor changed in a series, and whether its level changed with it.

Sentinel-1C was calibrated anew after its start, and processors change their constants: a step of the level that falls
on such a day is first of all a matter of the instrument.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from monitor.radiometry import Decibel

RECENT = 6
"""Looks: two satellites that take turns are no switch each time."""

LEAST_LOOKS = 3
"""On either side of a switch, before a step can be told."""


class Part(StrEnum):
    """What was replaced."""

    PLATFORM = "satellite"
    BASELINE = "processor version"


@dataclass(frozen=True, kw_only=True)
class Maker:
    """What a look was made with."""

    platform: str
    """sentinel-1a, ...; empty: not stated."""

    baseline: str
    """Version of the processor; empty: not stated."""


@dataclass(frozen=True, kw_only=True)
class Switch:
    """From one look to the next something was replaced."""

    at: int
    """Index of the first look made with the new one."""

    part: Part
    before: str
    after: str


@dataclass(frozen=True, kw_only=True)
class Step:
    """By how much a level changed."""

    db: float
    """After less before."""

    error_db: float
    """Standard error of it."""

    @property
    def certain(self) -> bool:
        """True if it is more than three standard errors: chance alone gives that in fewer than 1 of 100 cases."""
        return abs(self.db) > 3 * self.error_db


def switches(makers: Sequence[Maker]) -> list[Switch]:
    """All switches in the looks of one track, oldest first.

    A switch is to a satellite or version that none of the 6 looks before had. Looks that do not state it are passed
    over.
    """
    found = _switches(Part.PLATFORM, [m.platform for m in makers])
    found += _switches(Part.BASELINE, [m.baseline for m in makers])
    return sorted(found, key=lambda switch: switch.at)


def _switches(part: Part, stated: Sequence[str]) -> list[Switch]:
    known = [(index, name) for index, name in enumerate(stated) if name]
    found = []
    for position in range(1, len(known)):
        index, name = known[position]
        before = [earlier for _, earlier in known[max(0, position - RECENT) : position]]
        if name not in before:
            found.append(Switch(at=index, part=part, before=before[-1], after=name))
    return found


def step_at_switch(before: Decibel, after: Decibel) -> Step | None:
    """The step of the level over stable ground from the looks before a switch to those after it.

    Weather moves all pixels of a look together, so the error comes from how the looks scatter, not from the number of
    pixels. Each look counts with the median over its pixels of the difference to what the pixel is on average. None
    with fewer than 3 looks on either side.

    Args:
        before: dB of reference pixels (a reference land zone), shape (looks, pixels); NaN = not seen.
        after: of the same pixels, shape (looks, pixels).
    """
    both = np.concatenate([before, after])
    common = np.isfinite(both).all(axis=0)
    if min(len(before), len(after)) < LEAST_LOOKS or not common.any():
        return None
    level = np.median(both[:, common] - both[:, common].mean(axis=0), axis=1)
    sides = level[: len(before)], level[len(before) :]
    error = math.hypot(*(_error_of_median(side) for side in sides))
    return Step(db=float(np.median(sides[1]) - np.median(sides[0])), error_db=error)


def _error_of_median(values: NDArray[np.floating]) -> float:
    """Standard error for a normal sample: sqrt(pi / 2) of that of the mean."""
    return float(np.sqrt(np.pi / 2) * np.std(values, ddof=1) / np.sqrt(values.size))
