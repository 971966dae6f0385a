"""Sentinel-1 and Sentinel-2 from a Sentinel Hub service: scenes from a catalogue, pixels rendered on the AOI's grid."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from monitor import coded
from monitor.aoi import Aoi
from monitor.coding import coding_of, decode
from monitor.config import Discovery
from monitor.errors import NotYet, SceneError, SourceError
from monitor.grid import Grid
from monitor.scene import Pass, Scene, Sensor, touching
from monitor.sources.account import Account
from monitor.sources.catalogue import StacCatalogue
from monitor.sources.items import to_scene
from monitor.sources.sentinel_hub.coverage import missing, outline_of
from monitor.sources.sentinel_hub.deployment import COPERNICUS, USUAL, Credentials, Deployment, Patience
from monitor.sources.sentinel_hub.order import COLLECTIONS, OPTICAL_BANDS, Order
from monitor.sources.sentinel_hub.products import acquired, moment, radar, unfit
from monitor.sources.sifting import Answer
from monitor.stack import Stack
from monitor.times import Interval, utc
from monitor.units import LARGEST_SIDE, Block, blocks, request_of

if TYPE_CHECKING:
    from monitor.sources.sentinel_hub.client import Service

STILL_COMING: Final = timedelta(days=2)
"""A scene that a catalogue lists may take this long to reach the service."""

LONGEST_DATATAKE: Final = timedelta(hours=1)
"""The sunlit half of an orbit lasts less."""

RADAR_FILTER: Final = "sar:instrument_mode='IW' AND s1:resolution='HIGH'"


class Catalogue(Protocol):
    """Where scenes are searched."""

    def search(self, outline: BaseGeometry, interval: Interval, collections: Sequence[str]) -> Answer:
        """STAC items that touch the outline (WGS84) in or near the interval, as received.

        Raises:
            SourceError: it cannot be asked now.
        """


class SentinelHub:
    """See `Source`. One instance for each account; its methods may be called from several threads."""

    def __init__(
        self,
        *,
        credentials: Credentials,
        account: Account,
        now: Callable[[], datetime],
        name: str = "sentinel_hub",
        deployment: Deployment = COPERNICUS,
        sensors: frozenset[Sensor] = frozenset(Sensor),
        discovery: Discovery = Discovery.STAC,
        catalogue: Catalogue | None = None,
        patience: Patience = USUAL,
        largest_side: int = LARGEST_SIDE,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Nothing is imported or sent before the first search or read.

        Args:
            credentials: an OAuth client of the account.
            account: what may still be spent.
            now: the clock, UTC.
            name: as in config.toml.
            deployment: which service.
            sensors: what it is asked for.
            discovery: where scenes are searched.
            catalogue: used for `Discovery.STAC` in place of the deployment's own.
            patience: how long to try.
            largest_side: pixels of a request.
            sleep: waits some seconds.
        """
        self.name = name
        self.sensors = sensors
        self.deployment = deployment
        self.discovery = discovery
        self.problems: Sequence[str] = ()
        self._credentials = credentials
        self._account = account
        self._now = now
        self._catalogue = catalogue
        self._patience = patience
        self._largest_side = largest_side
        self._sleep = sleep
        self._lock = threading.Lock()
        self._opened: Service | None = None

    def __repr__(self) -> str:
        return f"SentinelHub(name={self.name!r}, deployment={self.deployment.name!r}, discovery={self.discovery!s})"

    def close(self) -> None:
        """Closes the connections to the catalogue; the service's own are closed with each call."""
        with self._lock:
            if isinstance(self._catalogue, StacCatalogue):
                self._catalogue.close()

    def log_in(self) -> None:
        """Asks the service for an access token: does the account exist?

        Raises:
            SourceError: the credentials are refused, or the service cannot be reached.
        """
        self._service.log_in()

    def search(self, aoi: Aoi, interval: Interval) -> list[Scene]:
        """See `Source.search`."""
        answer = self._listed(aoi.outline, interval)
        scenes, left_out = self._understood(answer)
        self.problems = (*answer.left_out, *left_out)
        # Whatever the catalogue made of the question, the answer is what was asked for.
        ours = (s for s in scenes if s.start in interval and s.track.sensor in self.sensors)
        return list({s.id: s for s in touching(ours, aoi.outline)}.values())

    def restore(self, item: Mapping[str, Any]) -> Scene:
        """See `Source.restore`."""
        # The assets of the item are never read: the service renders the pixels.
        return replace(to_scene(item, source=self.name, href=str), assets={})

    def read(self, taken: Pass, grid: Grid, bands: Sequence[str]) -> Stack:
        """See `Source.read`."""
        order = self._order(taken, grid, bands)
        cut = list(blocks(grid, self._largest_side))
        dn = np.zeros((len(order.bands), *grid.shape), np.uint16)
        units = 0.0
        for block in cut:
            pixels, charged = self._block(order, taken, block)
            rows, columns = _slices(block)
            dn[:, rows, columns] = pixels
            units += charged
        return Stack(
            grid=grid,
            bands={b: decode(plane, coding_of(order.sensor, b)) for b, plane in zip(order.bands, dn, strict=True)},
            provenance={
                "service": "Sentinel Hub Process API",
                "deployment": self.deployment.name,
                "address": self.deployment.base_url,
                **order.provenance(),
                "blocks": len(cut),
                "units": round(units, 6),
            },
        )

    @property
    def _service(self) -> Service:
        with self._lock:
            if self._opened is None:
                # Half a second that neither --help nor a check on cached looks should wait for.
                from monitor.sources.sentinel_hub.client import Service  # noqa: PLC0415

                self._opened = Service(
                    self.deployment,
                    self._credentials,
                    self._account,
                    self._patience,
                    now=self._now,
                    sleep=self._sleep,
                )
            return self._opened

    def _listed(self, outline: BaseGeometry, interval: Interval) -> Answer:
        collections = [COLLECTIONS[sensor] for sensor in sorted(self.sensors)]
        if self.discovery is Discovery.STAC:
            return self._stac().search(outline, interval, collections)
        found: list[Any] = []
        for collection in collections:
            wanted = RADAR_FILTER if collection == COLLECTIONS[Sensor.SENTINEL1] else ""
            found += self._service.search(collection, outline, interval, wanted)
        return Answer(items=tuple(found))

    def _understood(self, items: Sequence[Any]) -> tuple[list[Scene], list[str]]:
        """The scenes of those items that are of use, and a line for each reason why others are not."""
        scenes: list[Scene] = []
        left_out: dict[str, list[str]] = {}
        for item in items:
            reason = _unusable(item)
            try:
                if not reason:
                    scenes.append(self.restore(item))
            except SourceError as error:
                reason = error.message
            if reason:
                name = item.get("id") if isinstance(item, Mapping) else None
                left_out.setdefault(reason, []).append(str(name or "an item without id"))
        return scenes, [f"{self.name}: {_counted(names)} left out: {why}" for why, names in left_out.items()]

    def _stac(self) -> Catalogue:
        with self._lock:
            if self._catalogue is None:
                url = self.deployment.stac_url
                # Without encryption only on this machine: `Deployment` has seen to it.
                self._catalogue = StacCatalogue(url, private=url.startswith("http://"))
            return self._catalogue

    def _order(self, taken: Pass, grid: Grid, bands: Sequence[str]) -> Order:
        sensor = taken.track.sensor
        offered, code = _offered(taken)
        names = [b for b in dict.fromkeys(bands) if b in offered]
        if not names:
            raise SceneError(
                f"{taken.scenes[0].id}: has {', '.join(sorted(offered))}, wanted {', '.join(bands) or 'nothing'}"
            )
        start, end = self._acquired(taken, grid)
        return Order(
            sensor=sensor,
            bands=names,
            start=start,
            end=end,
            direction=taken.track.direction,
            polarisation=code,
        )

    def _acquired(self, taken: Pass, grid: Grid) -> tuple[datetime, datetime]:
        """First and last instant at which the service has the scenes of the pass."""
        known = {scene.identity: acquired(scene) for scene in taken.scenes}
        if None in known.values():
            known |= self._looked_up(taken, grid)
        spans = [span for span in known.values() if span is not None]
        if not spans or (len(spans) < len(known) and self._is_fresh(taken.scenes)):
            raise self._absent(taken.scenes, "the service's Catalog does not list all of it")
        return min(start for start, _ in spans), max(end for _, end in spans)

    def _looked_up(self, taken: Pass, grid: Grid) -> dict[str, tuple[datetime, datetime]]:
        """When the service's Catalog says that the tiles were seen: their own names only date the datatake.

        Another satellite may pass over the same place ten minutes later, so a wide time range will not do.
        """
        wanted = {scene.identity for scene in taken.scenes}
        around = Interval(start=taken.start - timedelta(minutes=1), end=taken.end + LONGEST_DATATAKE)
        items = self._service.search(COLLECTIONS[taken.track.sensor], outline_of(grid), around)
        listed, _ = self._understood(items)
        moments = {scene.identity: moment(scene.item) for scene in listed if scene.identity in wanted}
        return {identity: (at, at) for identity, at in moments.items() if at is not None}

    def _block(self, order: Order, taken: Pass, block: Block) -> tuple[NDArray[np.uint16], float]:
        """DN of a block, shape (bands, height, width), and the units that they cost."""
        forecast = request_of(block.grid, order.sensor, order.bands).units
        what = f"{self.name}: {taken.id}"
        units = 0.0
        problem = SourceError(what)
        for _ in range(2):  # what is wrong once may be an accident
            content, charged = self._service.process(order, block.grid, forecast, what=what)
            units += charged
            try:
                dn = coded.read_dn(content, block.grid, len(order.bands))
            except SceneError as error:
                problem = SourceError(f"{what}: damaged twice ({error.message})", "Try again later.")
                continue
            absent = missing(taken.scenes, block.grid, np.asarray(dn.any(axis=0), bool))
            if not absent or (dn.any() and not self._is_fresh(absent)):
                return dn, units  # of an old pass what there is: the share that was seen says that it is not all
            problem = self._absent(absent, "the service's answer holds no pixel of it")
            if dn.any():
                break  # not an accident: a slice or tile that is still to come
        raise problem

    def _absent(self, scenes: Sequence[Scene], why: str) -> SourceError:
        """Scenes that the service has not: as yet, or for good."""
        problem = f"{self.name}: {scenes[0].id}: listed by the catalogue, but {why}"
        if self._is_fresh(scenes):
            return NotYet(problem, "It may still be on its way to the service; it is asked for again.")
        return SceneError(problem, "The service has no such acquisition. Another source may have it.")

    def _is_fresh(self, scenes: Sequence[Scene]) -> bool:
        """True while a scene may still be on its way. Some are made days after they were acquired."""
        made = [utc(s.processed) for s in scenes if s.processed]
        return self._now() - max([*made, *(s.end for s in scenes)]) < STILL_COMING


def _counted(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def _unusable(item: Any) -> str:
    """Why an item is of no use, before anything of it is understood; empty if it may be of use."""
    if not isinstance(item, Mapping) or not isinstance(item.get("properties"), Mapping):
        return "no STAC item"
    is_radar = item.get("collection") == COLLECTIONS[Sensor.SENTINEL1] or str(item.get("id", "")).startswith("S1")
    return unfit(item) if is_radar else ""


def _offered(taken: Pass) -> tuple[frozenset[str], str]:
    """Bands that every scene of a pass has, and the two letters of its polarisation (empty: not all the same)."""
    if taken.track.sensor is Sensor.SENTINEL2:
        return OPTICAL_BANDS, ""
    found = [radar(scene.item) for scene in taken.scenes]
    codes = {one.code for one in found}
    bands = frozenset.intersection(*(frozenset(c.lower() for c in one.channels) for one in found))
    return bands, codes.pop() if len(codes) == 1 else ""


def _slices(block: Block) -> tuple[slice, slice]:
    height, width = block.grid.shape
    return slice(block.row, block.row + height), slice(block.column, block.column + width)
