"""A small STAC API on loopback: searches over plain dicts, with the habits and the faults of the real services.

    with serve([item, ...]) as server:
        client = pystac_client.Client.open(server.url)
        server.put(late_item)                       # found by the next search
        server.remove("S2A_...")
        server.faults.append(Fault(status=503, times=2))
        server.ignored.add("datetime")              # the filter is accepted and not heeded
        assert len(server.searches) == 3            # bodies of the searches that came in

Items are what the test gives: nothing is added to them and nothing checked, so an item may be as broken as wanted.

`serve_tokens` is the token service of Planetary Computer; with `sign=files.signature` its tokens are those that a
`servers.files.FileServer` with `signed = True` accepts.
"""

from __future__ import annotations

import asyncio
import json
import random
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from enum import StrEnum
from typing import Any
from urllib.parse import urlencode

import shapely
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from servers.running import running

Item = dict[str, Any]

CONFORMANCE = (
    "https://api.stacspec.org/v1.0.0/core",
    "https://api.stacspec.org/v1.0.0/collections",
    "https://api.stacspec.org/v1.0.0/ogcapi-features",
    "https://api.stacspec.org/v1.0.0/item-search",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/geojson",
)


class Paging(StrEnum):
    """How the next page is asked for."""

    EARTH_SEARCH = "earth search"
    """`merge: false`, the body repeated with "next"; given after the last item too, so the last page is empty."""

    TOKEN = "token"
    """Planetary Computer and pgstac: the body repeated with "token", given only if there is more."""

    GET = "get"
    """A link with a query string, without method or body."""


@dataclass
class Fault:
    """What comes instead of an answer. The first fault of the list that happens to a request is used."""

    status: int = 0
    """HTTP status; 0: the true answer, as changed by the fields below."""

    times: int | None = 1
    """Requests that get it; None: for ever."""

    share: float = 1.0
    """How often, by lot, it happens to a request it is for. The lots are drawn from the seed of the server."""

    path: str = "/search"
    """End of the path of the requests it is for."""

    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    """Sent as it is, in place of the JSON; None: the true answer, or a line of text with an error status."""

    delay_s: float = 0
    """Before the answer begins."""

    cut: float = 1.0
    """Share of the body that is sent, with a Content-Length that agrees: JSON that ends too early."""

    broken: float = 1.0
    """Share of the body that is sent before the connection breaks, against the Content-Length."""

    after: int = 0
    """Requests to let through first."""

    def happens(self, path: str, lots: random.Random) -> bool:
        """True if the next request for the path gets it. Counts."""
        if self.times == 0 or not path.endswith(self.path):
            return False
        if self.after > 0:
            self.after -= 1
            return False
        if self.share < 1 and lots.random() >= self.share:
            return False
        self.times = None if self.times is None else self.times - 1
        return True


@dataclass
class StacServer:
    """The running API. Everything may be changed while it runs."""

    items: list[Item]
    paging: Paging = Paging.EARTH_SEARCH
    version: str = "1.0.0"
    """`stac_version` of the root."""

    faults: list[Fault] = field(default_factory=list)
    ignored: set[str] = field(default_factory=set)
    """Filters that are not heeded: of "collections", "datetime", "intersects", "bbox", "ids"."""

    empty_pages: int = 0
    """Pages without items, but with a next link, that come before each page with items."""

    looping: bool = False
    """True: the next link leads to the same page again."""

    restless: bool = False
    """True: with `looping`, under a new link each time."""

    methods: Sequence[str] = ("GET", "POST")
    """Ways to search that the landing page offers."""

    matched: int | None = None
    """What is stated as numberMatched; None: the truth. Earth Search paging only."""

    largest_page: int = 1000
    """`limit` is cut to this."""

    conforms_to: Sequence[str] | None = CONFORMANCE
    """None: the root has no `conformsTo`."""

    collections: set[str] | None = None
    """Those that exist; None: whatever is asked for."""

    next_href: str | None = None
    """Where next links lead; None: to the search of this server."""

    url: str = ""
    requests: list[tuple[str, str, str, int, int]] = field(default_factory=list)
    """(method, path, Range header, status, bytes of body sent) of each request, in order of the answers."""

    searches: list[dict[str, Any]] = field(default_factory=list)
    """Body (or query) of each search, in order of arrival."""

    lots: random.Random = field(default_factory=lambda: random.Random(1), repr=False)
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def reset(self, items: Iterable[Item] = (), **settings: Any) -> None:
        """As if started anew under the same address, with these items and settings."""
        fresh = StacServer(items=list(items), url=self.url, **settings)
        with self.lock:
            for name, value in vars(fresh).items():
                if name != "lock":
                    setattr(self, name, value)

    def put(self, item: Item) -> None:
        """Adds an item, in place of the one of its id and collection if there is one."""
        with self.lock:
            kept = [i for i in self.items if _name(i) != _name(item)]
            self.items = [*kept, item]

    def remove(self, identity: str) -> None:
        """Takes all items of an id out."""
        with self.lock:
            self.items = [i for i in self.items if i.get("id") != identity]

    # what is asked

    async def root(self, request: Request) -> Response:
        """The landing page."""
        links = [
            {"rel": "self", "href": f"{self.url}/", "type": "application/json"},
            {"rel": "root", "href": f"{self.url}/", "type": "application/json"},
        ]
        links += [
            {"rel": "search", "href": f"{self.url}/search", "type": "application/geo+json", "method": method}
            for method in self.methods
        ]
        page: dict[str, Any] = {
            "type": "Catalog",
            "id": "stand-in",
            "title": "Stand-in",
            "description": "A stand-in for tests",
            "stac_version": self.version,
            "links": links,
        }
        if self.conforms_to is not None:
            page["conformsTo"] = list(self.conforms_to)
        return await self._answer(request, page)

    async def collection(self, request: Request) -> Response:
        """What a collection is, in short."""
        name = request.path_params["name"]
        if self.collections is not None and name not in self.collections:
            return JSONResponse({"code": "NotFound", "description": "Not Found"}, status_code=404)
        return await self._answer(request, {"type": "Collection", "id": name, "stac_version": self.version})

    async def search(self, request: Request) -> Response:
        """One page of a search."""
        asked = await request.json() if request.method == "POST" else _from_query(request)
        with self.lock:
            self.searches.append(asked)
            items = list(self.items)
        return await self._answer(request, self._page(asked, items, request.method))

    def _page(self, asked: Mapping[str, Any], items: Sequence[Item], method: str) -> dict[str, Any]:
        found = sorted((i for i in items if self._fits(i, asked)), key=_order, reverse=True)
        token = str(asked.get("next") or asked.get("token") or "")
        skipped, _, last = token.partition("|")
        empty_left = int(skipped) if skipped else self.empty_pages
        rest = found if not last or self.looping else [i for i in found if _order(i) < tuple(json.loads(last))]
        if empty_left and rest:
            return self._collection([], found, asked, f"{empty_left - 1}|{last}", method)
        page = rest[: min(int(asked.get("limit") or 10), self.largest_page)]
        more = len(rest) > len(page)
        if self.looping:
            more, last = True, f"loop{len(self.searches) if self.restless else ''}"
        elif page:
            last = json.dumps(_order(page[-1]))
        goes_on = more or (self.paging is Paging.EARTH_SEARCH and bool(page))
        return self._collection(page, found, asked, f"{self.empty_pages}|{last}" if goes_on else "", method)

    def _collection(
        self, page: Sequence[Item], found: Sequence[Item], asked: Mapping[str, Any], token: str, method: str
    ) -> dict[str, Any]:
        answer: dict[str, Any] = {"type": "FeatureCollection", "features": list(page), "links": []}
        if token:
            answer["links"].append(self._next(asked, token, method))
        answer["numberReturned"] = len(page)
        if self.paging is Paging.EARTH_SEARCH:
            matched = len(found) if self.matched is None else self.matched
            answer["numberMatched"] = matched
            answer["context"] = {"limit": asked.get("limit", 10), "matched": matched, "returned": len(page)}
        return answer

    def _next(self, asked: Mapping[str, Any], token: str, method: str) -> dict[str, Any]:
        href = self.next_href or f"{self.url}/search"
        if self.paging is Paging.GET or method == "GET":
            query = {k: v if isinstance(v, str) else json.dumps(v) for k, v in asked.items()} | {"token": token}
            return {"rel": "next", "href": f"{href}?{urlencode(query)}", "type": "application/geo+json"}
        name = "next" if self.paging is Paging.EARTH_SEARCH else "token"
        body = {k: v for k, v in asked.items() if k not in {"next", "token"}} | {name: token}
        return {
            "rel": "next",
            "href": href,
            "type": "application/geo+json",
            "method": "POST",
            "merge": False,
            "body": body,
        }

    def _fits(self, item: Item, asked: Mapping[str, Any]) -> bool:
        tests: dict[str, Callable[[Any], bool]] = {
            "collections": lambda v: item.get("collection") in v,
            "ids": lambda v: item.get("id") in v,
            "datetime": lambda v: _within(item, v),
            "intersects": lambda v: _touches(item, shapely.geometry.shape(v)),
            "bbox": lambda v: _touches(item, shapely.geometry.box(*v)),
        }
        return all(fits(asked[k]) for k, fits in tests.items() if asked.get(k) and k not in self.ignored)

    # how it is answered

    async def _answer(self, request: Request, content: Mapping[str, Any]) -> Response:
        fault = self._due(request.url.path)
        whole = json.dumps(content).encode()
        if fault is None:
            return Response(whole, media_type="application/geo+json")
        if fault.delay_s:
            await asyncio.sleep(fault.delay_s)
        failed = fault.status >= 400
        text = b"this is a stand-in\n" if failed else whole
        body = text if fault.body is None else fault.body
        body = body[: int(len(body) * fault.cut)]
        headers = dict(fault.headers)
        if fault.broken < 1:
            headers["content-length"] = str(len(body))
            body = body[: int(len(body) * fault.broken)]
        media = headers.pop("content-type", "text/plain" if failed else "application/geo+json")
        return Response(body, status_code=fault.status or 200, headers=headers, media_type=media)

    def _due(self, path: str) -> Fault | None:
        with self.lock:
            return next((f for f in self.faults if f.happens(path, self.lots)), None)


@dataclass
class TokenServer:
    """The running token service. Everything may be changed while it runs."""

    sign: Callable[[], str] = lambda: secrets.token_hex(12)
    """Makes the value of `sig=` in the next token."""

    life_s: float = 45 * 60
    """How long tokens live."""

    skew: timedelta = timedelta(0)
    """How far the clock of the service, by which it dates answers and tokens, is ahead of ours."""

    dated: bool = True
    """False: answers have no Date header."""

    key: str = ""
    """Subscription key that is wanted; empty: none."""

    faults: list[Fault] = field(default_factory=list)
    """As of `StacServer`, with `path` "" for all."""

    url: str = ""
    requests: list[tuple[str, str, str, int, int]] = field(default_factory=list)
    """As of `StacServer`."""

    tokens: list[str] = field(default_factory=list)
    """Given out, oldest first."""

    lots: random.Random = field(default_factory=lambda: random.Random(1), repr=False)
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    async def token(self, request: Request) -> Response:
        """A token for a container."""
        now = datetime.now(UTC) + self.skew
        headers = {"date": format_datetime(now, usegmt=True)} if self.dated else {}
        with self.lock:
            fault = next((f for f in self.faults if f.happens(request.url.path, self.lots)), None)
        if fault is not None:
            await asyncio.sleep(fault.delay_s)
            return Response(fault.body or b"", fault.status or 200, headers | dict(fault.headers))
        if self.key and request.headers.get("ocp-apim-subscription-key") != self.key:
            return JSONResponse({"statusCode": 403, "message": "no"}, 403, headers)
        expiry = now + timedelta(seconds=self.life_s)
        token = f"st=a&se=b&sp=rl&sv=c&sr=c&sig={self.sign()}"
        with self.lock:
            self.tokens.append(token)
        return JSONResponse({"msft:expiry": f"{expiry:%Y-%m-%dT%H:%M:%SZ}", "token": token}, 200, headers)


def _name(item: Item) -> tuple[Any, Any]:
    return item.get("collection"), item.get("id")


def _order(item: Item) -> tuple[str, str]:
    properties = item.get("properties")
    moment = properties.get("datetime") if isinstance(properties, dict) else None
    return str(moment or ""), f"{item.get('collection')}/{item.get('id')}"


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _within(item: Item, asked: str) -> bool:
    start, _, end = asked.partition("/")
    end = end or start
    try:
        moment = _moment(item["properties"]["datetime"])
    except (KeyError, TypeError, ValueError):
        return True  # broken items are served: it is the client that has to cope
    return (start == ".." or moment >= _moment(start)) and (end == ".." or moment <= _moment(end))


def _touches(item: Item, outline: Any) -> bool:
    try:
        return bool(shapely.geometry.shape(item["geometry"]).intersects(outline))
    except (KeyError, TypeError, ValueError, AttributeError, shapely.errors.ShapelyError):
        return True


def _from_query(request: Request) -> dict[str, Any]:
    asked: dict[str, Any] = dict(request.query_params)
    for name in ("collections", "ids"):
        if name in asked:
            asked[name] = json.loads(asked[name]) if asked[name].startswith("[") else asked[name].split(",")
    for name in ("intersects", "limit"):
        if name in asked:
            asked[name] = json.loads(asked[name])
    if "bbox" in asked:
        asked["bbox"] = [float(v) for v in asked["bbox"].strip("[]").split(",")]
    return asked


@dataclass
class _Logged:
    """The application, with each request noted as it is answered."""

    app: ASGIApp
    server: StacServer | TokenServer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        status, sent, log = 0, 0, self.server.requests
        asked_range = dict(scope["headers"]).get(b"range", b"").decode()

        async def noting(message: Message) -> None:
            nonlocal status, sent
            status = message.get("status", status)
            sent += len(message.get("body", b""))
            if message["type"] == "http.response.body" and not message.get("more_body"):
                with self.server.lock:  # before it is sent: who has the answer finds it noted
                    log.append((scope["method"], scope["path"], asked_range, status, sent))
            await send(message)

        await self.app(scope, receive, noting)


@contextmanager
def serve(items: Iterable[Item] = (), **settings: Any) -> Iterator[StacServer]:
    """A running API over the items; `settings` are fields of `StacServer`."""
    server = StacServer(items=list(items), **settings)

    async def missing(request: Request) -> Response:
        return JSONResponse({"code": "NotFound", "description": "Not Found"}, status_code=404)

    app = Starlette(
        routes=[
            Route("/", server.root),
            Route("/collections/{name}", server.collection),
            Route("/search", server.search, methods=["GET", "POST"]),
            Route("/{rest:path}", missing),
        ]
    )
    with running(_Logged(app, server)) as url:
        server.url = url
        yield server


@contextmanager
def serve_tokens(**settings: Any) -> Iterator[TokenServer]:
    """A running token service; `settings` are fields of `TokenServer`. Its address ends before /v1/token."""
    server = TokenServer(**settings)
    app = Starlette(routes=[Route("/v1/token/{account}/{container}", server.token)])
    with running(_Logged(app, server), date=False) as url:
        server.url = url
        yield server
