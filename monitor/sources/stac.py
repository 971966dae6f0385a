"""Imagery of a STAC API whose files are cloud-optimised GeoTIFFs. The default needs no account."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from monitor.aoi import Aoi
from monitor.config import EARTH_SEARCH, KNOWN_COLLECTIONS, KNOWN_HOSTS, Signing
from monitor.errors import SceneError, SourceError
from monitor.grid import Grid
from monitor.scene import Pass, Scene, Sensor, touching
from monitor.sources import signing
from monitor.sources.catalogue import Patience, StacCatalogue
from monitor.sources.cog import CogReader
from monitor.sources.guard import Policy, problem
from monitor.sources.items import Parsed, parsed, reason
from monitor.sources.reading import Reading
from monitor.sources.web import Signer, Web, plain, shown
from monitor.stack import Stack
from monitor.times import Interval

COLLECTIONS = KNOWN_COLLECTIONS[EARTH_SEARCH]
HOSTS = KNOWN_HOSTS[EARTH_SEARCH]

THREADS = 8
"""Bands read at once, of all passes together."""

SIGNED = re.compile(
    r"(^|&)(sig|signature|x-amz-\w[\w-]*|x-goog-\w[\w-]*|awsaccesskeyid|(access_?|security_?)?token|(api_?|subscription-)?key)=",
    re.IGNORECASE,
)
"""Query strings that let whoever has them in."""


@dataclass
class _Open:
    """What a source has opened."""

    catalogue: StacCatalogue
    reader: CogReader
    webs: Sequence[Web]
    pool: ThreadPoolExecutor

    def close(self) -> None:
        self.pool.shutdown(cancel_futures=True)
        for web in self.webs:
            web.close()
        self.catalogue.close()


@dataclass
class _State:
    lock: threading.Lock = field(default_factory=threading.Lock)
    opened: _Open | None = None
    left_out: tuple[str, ...] = ()
    """Of the last search."""

    corrected: dict[str, str] = field(default_factory=dict)
    """Scene -> what its pixels showed, in reads since the last search."""


@dataclass(frozen=True, kw_only=True)
class StacSource:
    """See `Source`. Safe to use from many threads."""

    name: str = "stac"
    url: str = EARTH_SEARCH
    """Of the landing page."""

    collections: tuple[str, ...] = COLLECTIONS
    """In order of preference: of the same acquisition with the same baseline the earlier one is taken."""

    hosts: tuple[str, ...] = HOSTS
    """Where pixels may be read from: names, or "*.suffix"."""

    private: bool = False
    """True: catalogue and files may lie in a private network, and may be plain http."""

    signing: Signing = Signing.NONE
    token_url: str = ""
    """Address of the token service; empty: Planetary Computer's."""

    key: str = field(default="", repr=False)
    """Subscription key for the token service; empty: none."""

    headers: Path | None = None
    """Folder where headers of files are kept; None: they are read anew each time."""

    patience: Patience = field(default_factory=Patience)
    """With the catalogue."""

    sleep: Callable[[float], None] = field(default=time.sleep, repr=False, compare=False)
    _state: _State = field(default_factory=_State, init=False, repr=False, compare=False)

    @property
    def sensors(self) -> frozenset[Sensor]:
        """See `Source.sensors`: those that its collections are named after, or all."""
        names = " ".join(self.collections).lower()
        numbers = {Sensor.SENTINEL1: 1, Sensor.SENTINEL2: 2}
        named = {s for s, n in numbers.items() if re.search(rf"(?<![a-z])(sentinel-?s?|s)-?{n}(?![0-9])", names)}
        return frozenset(named or Sensor)

    @property
    def problems(self) -> Sequence[str]:
        """What was left out of the last search, and what the pixels read since then showed to be stated wrongly."""
        return (*self._state.left_out, *self._state.corrected.values())

    def close(self) -> None:
        """See `Source.close`."""
        with self._state.lock:
            opened, self._state.opened = self._state.opened, None
        if opened is not None:
            opened.close()

    def search(self, aoi: Aoi, interval: Interval) -> list[Scene]:
        """See `Source.search`."""
        answer = self._open().catalogue.search(aoi.outline, interval, self.collections)
        found: list[Parsed] = []
        reasons: Counter[str] = Counter()
        broken = ""
        for item in answer:
            try:
                found.append(self._parsed(item))
            except SourceError as error:
                reasons[reason(error)] += 1
                if not isinstance(error, SceneError):
                    broken = broken or f"{item['id']}: {error.message}"
        if broken and not found:
            raise SourceError(f"{self.name}: no usable item; {broken}", "See what its collections hold.")
        reasons.update(_why_unreadable(p) for p in found if not p.scene.assets)
        told = (f"{self.name}: {n} items of no use: {why}" for why, n in reasons.most_common())
        self._state.left_out = (*answer.left_out, *told)
        self._state.corrected = {}
        scenes = self._preferred([p.scene for p in found])
        return touching((s for s in scenes if s.start in interval), aoi.outline)

    def restore(self, item: Mapping[str, Any]) -> Scene:
        """See `Source.restore`."""
        return self._parsed(item).scene

    def read(self, taken: Pass, grid: Grid, bands: Sequence[str]) -> Stack:
        """See `Source.read`. Under cloud everywhere only the classification is read: see `Reading.fetch`."""
        for scene in taken.scenes:
            if not scene.assets:
                raise SceneError(
                    f"{scene.id}: {_why_unreadable(self._parsed(scene.item))}", "It shows only that a pass was there."
                )
        names = [b for b in dict.fromkeys(bands) if all(b in s.assets for s in taken.scenes)]
        if not names:
            have = sorted({b for s in taken.scenes for b in s.assets})
            raise SceneError(f"{taken.scenes[0].id}: has {', '.join(have)}, wanted {', '.join(bands)}")
        opened = self._open()
        reading = Reading(read=opened.reader.read_band, pool=opened.pool, taken=taken, grid=grid)
        reading.fetch(names)
        self._state.corrected |= {s: f"{self.name}: {note}" for s, note in reading.corrected.items()}
        return Stack(
            grid=grid,
            bands=reading.joined(),
            provenance={"source": self.name, "catalogue": self.url, **reading.provenance()},
        )

    # parts

    def _parsed(self, item: Mapping[str, Any]) -> Parsed:
        return parsed(_unsigned(item), source=self.name, href=self._href)

    def _href(self, text: str) -> str:
        why = problem(text, self._policy)
        if why:
            raise SceneError(
                f"{shown(text)[:60]}: {why}", "Files are read by https from the `hosts` of the source in config.toml."
            )
        return text

    def _preferred(self, scenes: Sequence[Scene]) -> list[Scene]:
        """Of each acquisition the scenes of one collection: that with pixels, then the newest baseline, then the order.

        Two products of it within that collection stay both.
        """
        place = {c: n for n, c in enumerate(self.collections)}

        def order(scene: Scene) -> int:
            return place.get(str(scene.item.get("collection")), len(place))

        def rank(scene: Scene) -> tuple[bool, str, int]:
            return bool(scene.assets), scene.baseline, -order(scene)

        best: dict[str, Scene] = {}
        for scene in scenes:
            best[scene.identity] = max(best.get(scene.identity, scene), scene, key=rank)
        return sorted((s for s in scenes if order(s) == order(best[s.identity])), key=order)

    @property
    def _policy(self) -> Policy:
        return Policy(hosts=self.hosts, private=self.private)

    def _open(self) -> _Open:
        with self._state.lock:
            if self._state.opened is None:
                web = Web(self._policy, sleep=self.sleep)
                signer, token_web = self._signer()
                self._state.opened = _Open(
                    catalogue=StacCatalogue(self.url, private=self.private, patience=self.patience, sleep=self.sleep),
                    reader=CogReader(web, headers=self.headers, signer=signer),
                    webs=(web, *token_web),
                    pool=ThreadPoolExecutor(THREADS, thread_name_prefix="stac"),
                )
            return self._state.opened

    def _signer(self) -> tuple[Signer, Sequence[Web]]:
        if self.signing is Signing.NONE:
            return plain, ()
        service = self.token_url or signing.SERVICE
        web = Web(Policy(hosts=(urlsplit(service).hostname or "",), private=self.private), sleep=self.sleep)
        hosts = self.hosts if self.private else signing.STORAGE
        return signing.PlanetaryComputer(web, service=service, key=self.key, hosts=hosts), (web,)


def _why_unreadable(item: Parsed) -> str:
    return next(iter(item.refused.values()), "it has no pixels that can be read")


def _unsigned(item: Mapping[str, Any]) -> Mapping[str, Any]:
    """The item without signatures in its addresses: it is kept, and signatures are made when they are needed."""
    cleaned: Mapping[str, Any] = _cleaned(item)
    return cleaned


def _cleaned(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _bare(v) if k == "href" and isinstance(v, str) else _cleaned(v) for k, v in value.items()}
    return [_cleaned(v) for v in value] if isinstance(value, list) else value


def _bare(href: str) -> str:
    address, _, query = href.partition("?")
    return address if SIGNED.search(query) else href
