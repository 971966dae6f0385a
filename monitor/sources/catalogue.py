"""STAC APIs through pystac-client: searches that end, that are complete, and that hold what was asked for.

The client by itself waits for ever, does not repeat a search that failed, takes an empty page for the last one and an
error message for an empty answer. Servers ignore filters without a word. So waiting, repeating and paging are done
here, and each item is held against the question once more.
"""

from __future__ import annotations

import io
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import shapely
from shapely.geometry.base import BaseGeometry

from monitor.errors import SourceError
from monitor.sources.guard import Policy, problem
from monitor.sources.sifting import Answer, Question, Sifter
from monitor.times import Interval

if TYPE_CHECKING:
    import requests
    from pystac_client import Client
    from pystac_client.stac_api_io import StacApiIO

LIMIT = 100
"""Items a page. Planetary Computer times out on larger ones."""

MOST_BARREN = 10
"""Pages in a row that bring nothing new and yet lead on."""

LARGEST_ANSWER = 50_000_000
"""Bytes of one page, unpacked."""

PIECE = 1 << 16
PAGE_ATTEMPTS = 3
"""Times a page is asked for that comes, but broken."""

MARGIN = timedelta(days=1)
"""Asked for on both sides of an interval: catalogues date some items by another day than that of the acquisition."""

BUSY = (429, 500, 502, 503, 504)
MEANING = {
    401: "it wants a login",
    403: "access refused",
    404: "there is nothing at this address",
    429: "too many requests",
    502: "the service behind it is down",
    503: "the service is down or busy",
    504: "the service took too long",
}


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long a catalogue is waited for."""

    connect_s: float = 5
    read_s: float = 60
    retries: int = 5
    """Repetitions of a request that was refused as busy, or not answered."""

    unreached: int = 2
    """Repetitions where not even a connection was made: without a network, nobody wants to wait for a minute."""

    backoff_s: float = 4
    """Before the second repetition; doubled for each one after it. The first comes at once."""

    longest_wait_s: int = 300
    """What a server may ask for with Retry-After."""

    total_s: float = 900
    """A search in all. It is looked at between pages and while one arrives."""

    pages: int = 200
    """Of one search. More is a question too wide, or a server that ignores it."""

    items: int = 10_000


class StacCatalogue:
    """One STAC API. Its landing page is read once. Safe to use from many threads."""

    def __init__(
        self,
        url: str,
        *,
        private: bool = False,
        patience: Patience | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Asks nothing yet.

        Args:
            url: of the landing page, without login and query string.
            private: True: it may lie in a private network, and may be plain http.
            patience: how long it is waited for; None: as `Patience` has it.
            sleep: how to wait before a broken page is asked for again, s.
        """
        self.url = url.rstrip("/")
        self._private = private
        self._patience = patience or Patience()
        self._sleep = sleep
        self._lock = threading.Lock()
        self._client: Client | None = None
        self._io: StacApiIO | None = None
        self._known: set[str] = set()

    def __repr__(self) -> str:
        return f"StacCatalogue({self.url!r})"

    def __enter__(self) -> StacCatalogue:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes all connections."""
        with self._lock:
            if self._io is not None:
                self._io.session.close()
            self._io = self._client = None

    def search(self, outline: BaseGeometry, interval: Interval, collections: Sequence[str]) -> Answer:
        """Items of the collections that touch the outline (WGS84) and are dated within a day of the interval.

        The day more is for items dated otherwise than by their acquisition: whoever reads the items decides.

        Raises:
            SourceError: the catalogue cannot be asked, its answer is incomplete, or it is none to this question.
                An empty answer means: asked, and there is none.
        """
        asked = Interval(start=interval.start - MARGIN, end=interval.end + MARGIN)
        question = Question(tuple(collections), asked, outline)
        sifter = Sifter(self._shown, question)
        deadline = time.monotonic() + self._patience.total_s
        client, reader = self._opened(deadline)
        notes: list[str] = []
        for geometry in question.geometries():
            search = client.search(
                method=_method(client),
                collections=list(question.collections),
                datetime=(asked.start, asked.end),
                intersects=shapely.geometry.mapping(geometry),
                limit=LIMIT,
            )
            start = {"href": search.url, "method": search.method, "body": search.get_parameters()}
            notes += self._collect(reader, start, sifter, deadline)
        answer = sifter.answer()
        if not answer.items:
            self._check_names(reader, question.collections, deadline)
        return Answer(items=answer.items, left_out=(*answer.left_out, *notes))

    @property
    def _shown(self) -> str:
        """Its address as messages have it."""
        return self.url.partition("://")[2].rpartition("@")[2].partition("?")[0]

    # pages

    def _collect(self, reader: StacApiIO, start: Mapping[str, Any], sifter: Sifter, deadline: float) -> Iterator[str]:
        """Follows a search to its last page; what is remarkable about the answer."""
        asked: set[str] = set()
        request: Mapping[str, Any] | None = start
        received, matched, barren = 0, 0, 0
        while request is not None:
            mark = json.dumps(request, sort_keys=True, default=str)
            if mark in asked:
                raise SourceError(f"{self._shown}: its pages lead in a circle", "See the status of the service.")
            asked.add(mark)
            most = self._patience
            if len(asked) > most.pages or len(sifter.seen) > most.items:
                raise SourceError(
                    f"{self._shown}: more than {most.pages} pages or {most.items} items", "Ask for a shorter time."
                )
            page = self._page(reader, request, start, deadline)
            features = page["features"]
            received += len(features)
            matched = max(matched, _matched(page))
            barren = 0 if sifter.take(features) else barren + 1
            request = _next(page)
            if request is not None and barren > MOST_BARREN:
                raise SourceError(f"{self._shown}: its pages go on without items", "See the status of the service.")
        if received < matched:
            yield f"{self._shown}: says that it has {matched} items, and gave {received}"

    def _page(
        self, reader: StacApiIO, request: Mapping[str, Any], start: Mapping[str, Any], deadline: float
    ) -> dict[str, Any]:
        """One page. One that comes broken is asked for again."""
        href = str(request["href"])
        why = problem(href, self._policy)
        if why:
            raise SourceError(f"{self._shown}: its next page lies at another place: {why}", "See who runs it.")
        whole = dict(start["body"]) | dict(request.get("body") or {}) if request.get("merge") else request.get("body")
        method = str(request.get("method") or "GET").upper()
        fault = ""
        for attempt in range(PAGE_ATTEMPTS):
            if attempt:
                self._sleep(self._patience.backoff_s * attempt)
            page, fault = self._read(reader, href, method, whole, deadline)
            if isinstance(page, dict) and isinstance(page.get("features"), list):
                return page
            fault = fault or "its answer is no page of items"
        raise SourceError(f"{self._shown}: {fault}", "It is asked again at the next poll.")

    def _read(self, reader: StacApiIO, href: str, method: str, parameters: Any, deadline: float) -> tuple[Any, str]:
        """JSON of an address, or what was wrong with it and may be right the next time.

        Raises:
            SourceError: it will not be right the next time.
        """
        from pystac_client.exceptions import APIError  # noqa: PLC0415 - slow

        if time.monotonic() > deadline:
            raise SourceError(f"{self._shown}: the search takes too long", "It is asked again at the next poll.")
        _set_deadline(deadline)
        try:
            return reader.read_json(href, method=method, parameters=parameters), ""
        except APIError as error:
            status = getattr(error, "status_code", None)
            if status is None:
                return None, _words(error)
            raise SourceError(
                f"{self._shown}: answers {status}" + (f" ({MEANING[status]})" if status in MEANING else ""),
                "It is asked again at the next poll." if status in BUSY else "Check its address in config.toml.",
            ) from error
        except (ValueError, RecursionError):
            return None, "its answer is no JSON, or breaks off"

    def _check_names(self, reader: StacApiIO, collections: Sequence[str], deadline: float) -> None:
        """A search of a collection that does not exist finds nothing, in silence. Each name is looked up once."""
        for name in collections:
            if name in self._known:
                continue
            try:
                self._read(reader, f"{self.url}/collections/{quote(name)}", "GET", None, deadline)
            except SourceError as error:
                if "answers 404" not in error.message:
                    continue
                raise SourceError(
                    f"{self._shown}: has no collection {name!r}", "Check `collections` of the source in config.toml."
                ) from error
            self._known.add(name)

    # the client

    @property
    def _policy(self) -> Policy:
        return Policy(
            hosts=(urlsplit(self.url).hostname or "",),
            private=self._private,
            connect_s=self._patience.connect_s,
            read_s=self._patience.read_s,
            total_s=self._patience.total_s,
        )

    def _opened(self, deadline: float) -> tuple[Client, StacApiIO]:
        """The client, opened with the first search. It costs a request."""
        with self._lock:
            if self._client is None or self._io is None:
                why = problem(self.url, self._policy)
                if why:
                    raise SourceError(f"{self._shown}: {why}", "Check the address of the source in config.toml.")
                self._io = self._io or _reader(self._policy, self._patience)
                self._client = self._landing(self._io, deadline)
            return self._client, self._io

    def _landing(self, reader: StacApiIO, deadline: float) -> Client:
        """The client of the landing page. As `Client.open`, which warns where it should refuse."""
        from pystac_client import Client, ConformanceClasses  # noqa: PLC0415 - slow

        page, fault = self._read(reader, self.url, "GET", None, deadline)
        hint = "Name the landing page of a STAC API in config.toml."
        if not isinstance(page, dict):
            again = "Check the network, and the address in config.toml. It is asked again at the next poll."
            raise SourceError(f"{self._shown}: {fault or 'its answer is no landing page'}", again if fault else hint)
        try:
            client = reader.stac_object_from_dict(page, href=self.url, preserve_dict=False)
        except Exception as error:  # whatever pystac makes of a page that is none
            raise SourceError(f"{self._shown}: is no STAC API", hint) from error
        if not isinstance(client, Client) or not client.conforms_to(ConformanceClasses.ITEM_SEARCH):
            raise SourceError(f"{self._shown}: is no STAC API that can be searched", hint)
        client.set_root(client)  # else it reads its own address again, past all that is set here
        return client


def _method(client: Client) -> str:
    """POST, unless the landing page offers nothing but GET."""
    offered = {str(link.extra_fields.get("method") or "GET") for link in client.get_links("search")}
    return "GET" if offered == {"GET"} else "POST"


def _next(page: Mapping[str, Any]) -> Mapping[str, Any] | None:
    links = page.get("links")
    found = (link for link in links if isinstance(link, dict)) if isinstance(links, list) else iter(())
    return next((link for link in found if link.get("rel") == "next" and link.get("href")), None)


def _matched(page: Mapping[str, Any]) -> int:
    context = page.get("context")
    stated = page.get("numberMatched") or (context.get("matched") if isinstance(context, dict) else None)
    return stated if isinstance(stated, int) else 0


def _words(error: Exception) -> str:
    """What happened, without addresses."""
    text = str(error).lower()
    known = {
        "timed out": "no answer in time",
        "too long": "its answer takes too long",
        "larger than": "its answer is too large",
        "resolve": "its name cannot be resolved",
        "certificate": "no safe connection; its certificate cannot be checked",
        "no public address": "its name leads to a private address",
        "not among the hosts": "it redirects to another host",
        "too many redirects": "it redirects in a circle",
    }
    return next((words for sign, words in known.items() if sign in text), "the connection failed or was closed")


# waiting and reading

_deadlines = threading.local()


def _set_deadline(deadline: float) -> None:
    """For the requests that this thread makes next."""
    _deadlines.at = deadline


def _reader(policy: Policy, patience: Patience) -> StacApiIO:
    """How the client reads: in bounded time and size, from the catalogue's own host, repeating searches too."""
    from pystac_client.stac_api_io import StacApiIO  # noqa: PLC0415 - slow
    from urllib3 import Retry  # noqa: PLC0415

    from monitor.sources.guard import GuardedAdapter  # noqa: PLC0415

    reader = StacApiIO(timeout=(patience.connect_s, patience.read_s), max_retries=None)
    adapter = GuardedAdapter(policy)
    adapter.max_retries = Retry(
        total=patience.retries,
        connect=min(patience.unreached, patience.retries),
        backoff_factor=patience.backoff_s / 2,
        backoff_jitter=patience.backoff_s / 2,
        status_forcelist=BUSY,
        allowed_methods=None,
        raise_on_status=False,
        retry_after_max=patience.longest_wait_s,
    )
    session = reader.session
    session.adapters.clear()
    for scheme in ("https://", "http://") if policy.private else ("https://",):
        session.mount(scheme, adapter)
    session.auth = _as_it_is  # keeps requests from looking into .netrc
    session.max_redirects = 3
    session.headers["User-Agent"] = "quaywatch"
    session.hooks["response"].append(_arrive)
    return reader


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _arrive(response: requests.Response, **_: Any) -> None:
    """Reads the body while it is watched how large it gets, and how long it takes."""
    deadline = getattr(_deadlines, "at", float("inf"))
    pieces, size = [], 0
    for piece in response.raw.stream(PIECE, decode_content=True):
        size += len(piece)
        if size > LARGEST_ANSWER or time.monotonic() > deadline:
            response.raw.close()
            what = "larger than allowed" if size > LARGEST_ANSWER else "the answer takes too long"
            raise OSError(what)
        pieces.append(piece)
    response.raw = io.BytesIO(b"".join(pieces))
