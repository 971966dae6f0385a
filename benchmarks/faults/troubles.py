"""The faults that are injected: every kind that a server of its sort has, all equally likely."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Protocol, TypeVar

from servers.files import Fault as FileFault
from servers.files import Trouble as FileTrouble
from servers.sentinel_hub import Fault as HubFault
from servers.sentinel_hub import Trouble as HubTrouble
from servers.sentinel_hub import empty_request, status, too_many
from servers.stac import Fault as CatalogueFault

T = TypeVar("T")
Kinds = Sequence[Callable[..., T]]

ENDLESS = 10**9
"""Times that a fault may happen. What is missing from it in the end has happened."""

PAUSE = {"Retry-After": "2"}
"""Seconds, as everywhere but at Sentinel Hub, where they are thousandths."""

LOGIN: Kinds[HubFault] = (
    partial(status, 503),
    partial(status, 429, headers=PAUSE),  # the login service is not Sentinel Hub's own
    partial(HubFault, HubTrouble.CLOSED),
    partial(HubFault, HubTrouble.CUT),
    partial(HubFault, HubTrouble.EMPTY),
)
CATALOG: Kinds[HubFault] = (
    partial(status, 502),
    partial(status, 401),
    partial(too_many, retry_after="30"),
    partial(HubFault, HubTrouble.CLOSED),
    partial(HubFault, HubTrouble.CUT),
    partial(HubFault, HubTrouble.EMPTY),
)
IMAGES: Kinds[HubFault] = (
    partial(status, 500),
    partial(status, 503),
    partial(status, 401),
    partial(empty_request),
    partial(too_many, retry_after="30"),
    partial(too_many, retry_after=None),
    partial(HubFault, HubTrouble.CLOSED),
    partial(HubFault, HubTrouble.CUT),
    partial(HubFault, HubTrouble.EMPTY),
    partial(HubFault, HubTrouble.WRONG_SIZE),
    partial(HubFault, HubTrouble.NO_DATA),
)
CATALOGUE: Kinds[CatalogueFault] = (
    partial(CatalogueFault, status=502),
    partial(CatalogueFault, status=503, headers=PAUSE),
    partial(CatalogueFault, status=429, body=b'{"error": "WAF", "message": "Rate limit exceeded", "status": 429}'),
    partial(CatalogueFault, broken=0.5),
    partial(CatalogueFault, cut=0.5),
    partial(CatalogueFault, body=b""),
    partial(CatalogueFault, body=b'{"message": "Endpoint request timed out"}'),  # with status 200
)
STORE: Kinds[FileFault] = (
    partial(FileFault, FileTrouble.STATUS, status=503),
    partial(FileFault, FileTrouble.STATUS, status=429, retry_after=PAUSE["Retry-After"]),
    partial(FileFault, FileTrouble.STATUS, status=403),
    partial(FileFault, FileTrouble.CLOSED),
    partial(FileFault, FileTrouble.CUT),
    partial(FileFault, FileTrouble.WRONG_RANGE),
    partial(FileFault, FileTrouble.NO_LABEL),
    partial(FileFault, FileTrouble.NO_RANGES),
    partial(FileFault, FileTrouble.ENCODED),
)


class Countable(Protocol):
    """A fault of any of the servers."""

    times: int | None


def met(faults: Iterable[Countable]) -> int:
    """Requests that got one of these faults."""
    return sum(ENDLESS - (fault.times or 0) for fault in faults)


def of_service(share: float) -> list[HubFault]:
    """Sentinel Hub: access tokens, its own Catalog, and images."""
    kinds = {"token": LOGIN, "search": CATALOG, "process": IMAGES}
    return [
        kind(path=path, probability=chance, times=ENDLESS)
        for path, own in kinds.items()
        for kind, chance in zip(own, _chances(share, len(own)), strict=True)
    ]


def of_catalogue(share: float) -> list[CatalogueFault]:
    """A STAC API: its landing page, collections and searches."""
    chances = _chances(share, len(CATALOGUE))
    return [kind(path="", share=c, times=ENDLESS) for kind, c in zip(CATALOGUE, chances, strict=True)]


def of_files(share: float) -> list[FileFault]:
    """An object store."""
    return [kind(share=c, times=ENDLESS) for kind, c in zip(STORE, _chances(share, len(STORE)), strict=True)]


def _chances(share: float, kinds: int) -> list[float]:
    """What each of so many faults needs where it is only asked if none before it has happened."""
    each = share / kinds
    return [each / (1 - each * index) for index in range(kinds)]
