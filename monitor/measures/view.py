"""What a look is compared with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from monitor.change import yard
from monitor.radiometry import Decibel
from monitor.reference import Background, background
from monitor.track_state import TrackState

LEAST_LOOKS = 8
"""Earlier looks on the track before anything is compared with it."""


@dataclass(frozen=True, kw_only=True)
class View:
    """The state of the track and what follows from it, each computed once."""

    state: TrackState

    @cached_property
    def background(self) -> Background:
        """Empty state, water and shore."""
        return background(self.state.water)

    @cached_property
    def empty_yard(self) -> Decibel:
        """Level of each land pixel when nothing lies there; shape (land pixels,)."""
        return yard.empty(self.state.yard)

    @property
    def old_enough(self) -> bool:
        """True if comparisons make sense."""
        return self.state.looks >= LEAST_LOOKS

    def prepared(self) -> View:
        """Itself, with all that follows from it computed: once, before threads ask for it."""
        _ = self.background, self.empty_yard
        return self
