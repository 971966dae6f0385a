"""What a replay of one bundle found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from monitor.evidence import Bundle, Difference


@dataclass(frozen=True, kw_only=True)
class Compared:
    """Numbers and words of a bundle against what its files give now."""

    compared: int
    differences: Sequence[Difference]
    remarks: Sequence[str]


Replay = Callable[[Bundle], Compared]
"""Computes the numbers of a bundle again from its files alone."""
