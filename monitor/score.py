"""One measurement against its baseline."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from scipy import special

from monitor.baseline import Baseline, upper_tail

LARGEST_Z = 8.0
"""Tail probabilities beyond 1e-15 say nothing more about the world."""


@dataclass(frozen=True, kw_only=True)
class Score:
    """How unusual one look was for one zone and measure."""

    look: str
    """Id of the look."""

    track: str
    """Id of the track whose history it was compared with."""

    at: datetime
    value: float
    baseline: Baseline | None
    """None: too few earlier looks on the track; then z is 0 and p is 1."""

    z: float
    """Standard normal equivalent of the tail probability; > 0: more than usual."""

    @property
    def p(self) -> float:
        """Two-sided probability of a number at least this unusual if nothing changed."""
        return float(2 * special.ndtr(-abs(self.z))) if self.baseline else 1.0


def against(baseline: Baseline | None, value: float, *, look: str, track: str, at: datetime) -> Score:
    """The score of a value."""
    z = 0.0
    if baseline is not None:
        z = float(-special.ndtri(upper_tail(baseline, value)))
        z = min(max(z, -LARGEST_Z), LARGEST_Z)
    return Score(look=look, track=track, at=at, value=value, baseline=baseline, z=z)
