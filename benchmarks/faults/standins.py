"""The servers of the simulation: what they list from when on, and how often they fail."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from servers import sentinel_hub
from servers.files import FileServer
from servers.files import serve as serve_files
from servers.stac import Paging, StacServer
from servers.stac import serve as serve_catalogue

from benchmarks.faults import troubles
from benchmarks.faults.ground import Scenery
from benchmarks.faults.items import Item, of_files, of_service
from benchmarks.faults.passes import Overflight


@dataclass(frozen=True, kw_only=True)
class Listing:
    """Something that a catalogue lists from some instant on."""

    at: datetime
    in_files: bool
    """True: in the catalogue of files; False: in that of the service."""

    item: Item


@dataclass(kw_only=True)
class Servers:
    """All that is asked, and what it lists when."""

    hub: sentinel_hub.SentinelHub
    of_service: StacServer
    of_files: StacServer
    files: FileServer
    waiting: list[Listing]
    """Latest first."""

    def fail(self, share: float) -> None:
        """From now on so many requests do."""
        self.hub.faults += troubles.of_service(share)
        self.of_service.faults += troubles.of_catalogue(share)
        self.of_files.faults += troubles.of_catalogue(share)
        self.files.faults += troubles.of_files(share)

    def go_to(self, now: datetime) -> None:
        """What has been published by then is listed; the tokens given out before have expired."""
        self.hub.now = now
        self.hub.revoke()
        while self.waiting and self.waiting[-1].at <= now:
            due = self.waiting.pop()
            (self.of_files if due.in_files else self.of_service).put(due.item)

    @property
    def requests(self) -> int:
        """Requests that came in."""
        servers = (self.hub, self.of_service, self.of_files, self.files)
        return sum(len(server.requests) for server in servers)

    @property
    def failed(self) -> int:
        """Those of them that met a fault."""
        servers = (self.hub, self.of_service, self.of_files, self.files)
        return sum(troubles.met(server.faults) for server in servers)


@contextmanager
def serving(folder: Path, scenery: Scenery, *, document: Path | None, seed: int) -> Iterator[Servers]:
    """All of them on loopback, with the files in the folder; nothing is listed yet, and nothing fails."""
    with (
        sentinel_hub.serve(scenery, document=document, seed=seed) as hub,
        serve_catalogue(paging=Paging.TOKEN, version="1.1.0") as of_service_,
        serve_catalogue(paging=Paging.EARTH_SEARCH) as of_files_,
        serve_files(folder, seed=seed) as store,
    ):
        of_service_.lots.seed(seed + 1)
        of_files_.lots.seed(seed + 2)
        listed = list(_listings(scenery.flown, store.url))
        yield Servers(
            hub=hub,
            of_service=of_service_,
            of_files=of_files_,
            files=store,
            waiting=sorted(listed, key=lambda one: one.at, reverse=True),
        )


def _listings(flown: Sequence[Overflight], url: str) -> Iterator[Listing]:
    for over in flown:
        for part in over.parts:
            for product in part.versions:
                yield Listing(at=product.listed, in_files=False, item=of_service(over, part, product))
                if product.files_listed:
                    item = of_files(over, part, product, lambda path: f"{url}/{path}")
                    yield Listing(at=product.files_listed, in_files=True, item=item)
