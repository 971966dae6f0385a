"""Where imagery comes from. A source finds scenes and reads them; it knows nothing of measures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from monitor.aoi import Aoi
from monitor.grid import Grid
from monitor.scene import Pass, Scene, Sensor
from monitor.stack import Stack
from monitor.times import Interval


class Source(Protocol):
    """A catalogue with pixels behind it."""

    @property
    def name(self) -> str:
        """As in config.toml, for messages."""

    @property
    def sensors(self) -> frozenset[Sensor]:
        """What it can be asked for."""

    @property
    def problems(self) -> Sequence[str]:
        """Catalogue entries that had to be left out of the last search, each with its reason."""

    def search(self, aoi: Aoi, interval: Interval) -> list[Scene]:
        """Scenes whose footprint touches the AOI and that start in the interval, in any order.

        Raises:
            SourceError: the catalogue cannot be asked. An empty list means: asked, and there is none.
        """

    def restore(self, item: Mapping[str, Any]) -> Scene:
        """The scene of a recorded catalogue answer. Needs no network.

        Raises:
            SourceError: it cannot be understood.
        """

    def read(self, taken: Pass, grid: Grid, bands: Sequence[str]) -> Stack:
        """The pass on the grid, all its scenes joined. Bands that the scenes lack are left out.

        Raises:
            SceneError: a scene of it cannot be read, and trying again is of no use.
            SourceError: not now: the service is down, slow, or its quota is used up. Nothing is known of the pass.
        """

    def close(self) -> None:
        """Ends its connections, if it has any. It may be asked again afterwards."""
