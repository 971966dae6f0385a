"""A month of polls through the desk of a workspace on disk, with servers that fail: what was asked and answered."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from benchmarks import places as workspaces
from benchmarks.faults.ground import Scenery, write_files
from benchmarks.faults.passes import DAY, HOUR, START, Overflight
from benchmarks.faults.places import watched
from benchmarks.faults.plan import month
from benchmarks.faults.standins import Servers, serving
from monitor.aoi import Aoi
from monitor.config import Config
from monitor.errors import QuaywatchError
from monitor.flow.account import StoreAccount
from monitor.flow.desk import Desk
from monitor.measures import Reason
from monitor.sources import Source
from monitor.sources.catalogue import Patience as CataloguePatience
from monitor.sources.catalogue import StacCatalogue
from monitor.sources.sentinel_hub import Credentials, Deployment, Discovery, Patience, SentinelHub
from monitor.sources.stac import StacSource
from monitor.store import Store
from monitor.workspace import Workspace

HUB, FILES = "sentinel_hub:stand-in", "stac:stand-in"

EVERY = 2 * DAY
"""Between two polls of an AOI."""

FIRST_POLL = START + 12 * HOUR
MOST_AFTER = 20
"""Polls of one AOI after the month, before it is given up."""

SOON = Patience(attempts=4, pause_s=0.002, limited=5, wait_s=0.01, gap_s=0.0, timeout_s=20, deadline_s=20)
"""As many tries as usual, and short pauses. A pause of 30 ms that is taken for one of 30 s does not end in time."""

AT_ONCE = CataloguePatience(backoff_s=0, longest_wait_s=0)
"""As many tries as usual. pystac-client waits by itself, so its pauses are set to nothing."""


@dataclass(frozen=True, kw_only=True)
class Scale:
    """How much is simulated."""

    aois: int = 50
    days: int = 30
    share: float = 0.3
    """Of all requests that fail."""

    seed: int = 1
    document: Path | None = None
    """The published OpenAPI file that requests are held against; None: they are not."""


@dataclass
class Clock:
    """What time it is in the simulation, UTC."""

    now: datetime = START


@dataclass(frozen=True)
class Watch(Desk):
    """A desk whose sources are given, because config.toml has no word for short pauses and other clocks."""

    given: Sequence[Source] = ()

    @cached_property
    def sources(self) -> Sequence[Source]:
        """In order: files first, then the service."""
        return self.given


@dataclass(kw_only=True)
class Month:
    """What happened."""

    scale: Scale
    flown: Sequence[Overflight]
    scenery: Scenery
    aois: Sequence[tuple[str, Aoi]]
    """Place and AOI, as the workspace has it."""

    desk: Watch
    servers: Servers
    clock: Clock
    polls: int = 0
    polls_after: int = 0
    """Of them after the last day of the month."""

    late: int = 0
    """Looks recorded or measured anew by those."""

    unreadable: set[tuple[str, str]] = field(default_factory=set)
    """AOI and look of what was called unreadable at any time."""

    unsettled: int = 0
    """AOIs of which even the last poll found something new, or was not answered."""

    troubled: int = 0
    """Polls that told of a problem or did not come to an end."""

    said: Counter[str] = field(default_factory=Counter)
    """Problems, and how often each was told."""

    def run(self) -> Self:
        """The month, and then each AOI until a poll finds nothing that is new, left over or not answered."""
        self.servers.fail(self.scale.share)
        end = START + self.scale.days * DAY
        at = FIRST_POLL
        while at < end:
            self._turn(at, [aoi for _, aoi in self.aois])
            at += EVERY
        left = [aoi for _, aoi in self.aois]
        for _ in range(MOST_AFTER):
            before = self.polls
            at += EVERY
            left = self._turn(at, left)
            self.polls_after += self.polls - before
            if not left:
                break
        self.unsettled = len(left)
        return self

    def _turn(self, now: datetime, aois: Sequence[Aoi]) -> list[Aoi]:
        """One poll of each; those that have to be polled again."""
        self.clock.now = now
        self.servers.go_to(now)
        return [aoi for aoi in aois if not self._settled(aoi, now) or self.servers.waiting]

    def _settled(self, aoi: Aoi, now: datetime) -> bool:
        self.polls += 1
        try:
            summary = self.desk.poll(aoi, self.desk.window(now), as_of=now).summary
        except QuaywatchError as error:
            self.said[error.message] += 1
            self.troubled += 1
            return False
        self.said.update(summary.problems)
        self.troubled += bool(summary.problems)
        with self.desk.store.transaction() as tx:
            self.unreadable |= {
                (aoi.id, k.id) for k in tx.known_looks(aoi.id).values() if k.reason is Reason.UNREADABLE
            }
        changed = summary.new_looks + summary.remeasured
        if now >= START + self.scale.days * DAY:
            self.late += changed
        return not (changed or summary.failed or summary.problems)


@contextmanager
def simulated(root: Path, scale: Scale) -> Iterator[Month]:
    """A month that is over, its servers still running."""
    pairs = watched(scale.aois)
    places = list({place.name: place for place, _ in pairs}.values())
    flown = month(places, scale.days)
    scenery = Scenery(flown)
    write_files(root / "www", scenery)
    workspace = _workspace(root / "work", [aoi for _, aoi in pairs])
    clock = Clock()
    with serving(root / "www", scenery, document=scale.document, seed=scale.seed) as servers:
        store = Store(workspace.database)
        desk = Watch(workspace, {}, store, _sources(servers, store, clock, workspace.cache))
        try:
            aois = [(place.name, desk.aoi(aoi.id)) for place, aoi in pairs]
            yield Month(
                scale=scale, flown=flown, scenery=scenery, aois=aois, desk=desk, servers=servers, clock=clock
            ).run()
        finally:
            desk.close()
            store.close()


def _workspace(root: Path, aois: Sequence[Aoi]) -> Workspace:
    (root / "aois").mkdir(parents=True)
    for aoi in aois:
        (root / "aois" / f"{aoi.id}.geojson").write_text(json.dumps(workspaces.geojson(aoi)), encoding="utf-8")
    (root / "config.toml").touch()  # the log holds its hash
    made = Workspace(root=root, config=Config())
    made.check_writable()
    return made


def _sources(servers: Servers, store: Store, clock: Clock, cache: Path) -> list[Source]:
    config: Mapping[str, Any] = {"units_per_month": 9000.0, "requests_per_month": 9000}
    account = StoreAccount(store=store, source=HUB, now=lambda: clock.now, **config)
    by_files = StacSource(
        name=FILES,
        url=servers.of_files.url,
        collections=("sentinel-2-c1-l2a",),
        hosts=("127.0.0.1",),
        private=True,
        headers=cache / "headers",
        patience=AT_ONCE,
        sleep=_no_time,
    )
    by_service = SentinelHub(
        credentials=Credentials(client_id="client", client_secret="secret"),  # noqa: S106 - of the stand-in
        account=account,
        now=lambda: clock.now,
        name=HUB,
        deployment=Deployment(
            name="Stand-in",
            base_url=servers.hub.url,
            token_url=servers.hub.token_url,
            stac_url=servers.of_service.url,
        ),
        discovery=Discovery.STAC,
        catalogue=StacCatalogue(servers.of_service.url, private=True, patience=AT_ONCE, sleep=_no_time),
        patience=SOON,
        sleep=_no_time,
    )
    return [by_files, by_service]


def _no_time(_seconds: float) -> None:
    """A pause that takes none."""
