"""Bytes over HTTP, from hosts that a source is configured for and no others.

One place for what every provider does now and then: it is busy, breaks off, answers with something else, redirects,
wants another token. What can be repeated is repeated within a bounded time; what cannot is an error that names the
address without its query string, because signatures live there.
"""

from __future__ import annotations

import json
import logging
import random
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
import urllib3

from monitor.errors import SceneError, SourceError
from monitor.sources.guard import GuardedAdapter, Policy, problem

__all__ = ["Body", "PastEnd", "Policy", "Refused", "Signer", "Web", "plain", "shown"]

LARGEST = 200_000_000
"""Bytes of one answer, unless the caller says otherwise."""

LARGEST_JSON = 20_000_000
LARGEST_WHOLE = 64_000_000
"""Bytes of a file that is taken whole because its server knows no ranges."""

LONGEST_WAIT = 60.0
"""Seconds that a server may have us wait before we ask again. Whoever asks for more is left alone for now."""

FIRST_WAIT = 0.5
"""Seconds before the first repetition, at most; doubled for each one after it."""

REDIRECTS = 3
PIECE = 1 << 18
"""Bytes read at once."""

MOVED = frozenset({301, 302, 303, 307, 308})
GONE = frozenset({404, 410})
UNAUTHORISED = frozenset({401, 403})
BUSY = frozenset({408, 425, 429})
IDENTITY = {"Accept-Encoding": "identity", "User-Agent": "quaywatch"}


class Refused(SourceError):
    """401 or 403: a signature has expired, or was never good."""


class PastEnd(SceneError):
    """416: the file ends before the bytes that were asked for."""


Signer = Callable[[str, bool], str]
"""Makes of an address the one to ask: signer(url, fresh). `fresh` True: its last signature was refused."""


def plain(url: str, _fresh: bool) -> str:
    """The signer for what needs no signature."""
    return url


@dataclass(frozen=True, kw_only=True)
class Body:
    """What a server gave."""

    content: bytes
    start: int
    """Where in the resource the content begins. 0 instead of what was asked for if the server gave all of it."""

    total: int | None
    """Size of the whole resource; None: not told."""

    etag: str
    """Changes when the resource does; empty: not told."""

    status: int
    date: datetime | None
    """The clock of the server, UTC. Expiry is to be judged by it: ours may be wrong."""


def shown(url: str) -> str:
    """The address as messages may show it: without query string, fragment and user name."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "an address that is none"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}" if parts.netloc else parts.path


@dataclass(frozen=True, kw_only=True)
class _Request:
    url: str
    start: int
    length: int | None
    headers: Mapping[str, str]
    largest: int
    deadline: float
    """By the monotonic clock, s."""

    @property
    def ranged(self) -> bool:
        return self.length is not None or self.start > 0

    @property
    def all_headers(self) -> dict[str, str]:
        last = "" if self.length is None else self.start + self.length - 1
        return dict(self.headers) | ({"Range": f"bytes={self.start}-{last}"} if self.ranged else {})


@dataclass(frozen=True)
class _Failure:
    """Something that may go better the next time."""

    reason: str
    wait_s: float | None = None
    """What the server asked for; None: nothing."""


class Web:
    """A pool of connections under one policy. Safe to use from many threads."""

    def __init__(self, policy: Policy, *, sleep: Callable[[float], None] = time.sleep) -> None:
        """`sleep`: how to wait, s. Proxies of the environment are used; cookies and what .netrc holds are not.

        Where there is a proxy, it resolves the names: see `monitor.sources.guard`.
        """
        self._policy = policy
        self._sleep = sleep
        self._lots = random.SystemRandom()
        self._session = requests.Session()
        self._environments: dict[tuple[str, str], Any] = {}
        self._adapter = GuardedAdapter(policy)
        for name in ("urllib3.connectionpool", "urllib3.connection"):
            logging.getLogger(name).addFilter(_without_queries)

    def __enter__(self) -> Web:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes all connections."""
        self._session.close()
        self._adapter.close()

    def get(
        self,
        url: str,
        *,
        start: int = 0,
        length: int | None = None,
        headers: Mapping[str, str] | None = None,
        largest: int = LARGEST,
    ) -> Body:
        """The resource, or `length` bytes of it from `start` on (fewer where it ends before).

        `headers` are sent to the host of the address alone, not to one that it redirects to. An answer of more than
        `largest` bytes is not read.

        Raises:
            SceneError: the address is not allowed, there is nothing there (404, 410, PastEnd), or it is too large.
            Refused: 401 or 403.
            SourceError: no answer, or none that can be used, now.
        """
        why = problem(url, self._policy)
        if why:
            raise SceneError(f"{shown(url)}: {why}", "Allow it in config.toml only if you know who runs it.")
        if length is not None and not 0 < length <= largest:
            raise SceneError(f"{shown(url)}: {length} bytes wanted, {largest} allowed", "Nothing was read.")
        deadline = time.monotonic() + self._policy.total_s
        request = _Request(
            url=url, start=start, length=length, headers=headers or {}, largest=largest, deadline=deadline
        )
        return self._repeated(request)

    def get_json(self, url: str, *, headers: Mapping[str, str] | None = None, largest: int = LARGEST_JSON) -> Any:
        """The resource as JSON.

        Raises:
            SceneError, Refused, SourceError: as `get`; SourceError too if it is no JSON.
        """
        body = self.get(url, headers=headers, largest=largest)
        with_value, value = _parsed(body.content)
        if not with_value:
            raise SourceError(f"{shown(url)}: the answer is no JSON", "Ask again later; see the status of the service.")
        return value

    def _repeated(self, request: _Request) -> Body:
        failure = _Failure("not asked")
        for attempt in range(self._policy.attempts):
            if attempt > 0:
                wait = self._wait(failure, attempt)
                if time.monotonic() + wait > request.deadline:
                    break
                self._sleep(wait)
            answer = self._once(request)
            if isinstance(answer, Body):
                return answer
            failure = answer
            if failure.wait_s is not None and failure.wait_s > LONGEST_WAIT:
                break
        later = f", to be asked again in {failure.wait_s:.0f} s" if failure.wait_s else ""
        raise SourceError(f"{shown(request.url)}: {failure.reason}{later}", "It is asked again at the next poll.")

    def _wait(self, failure: _Failure, attempt: int) -> float:
        """Seconds. By lot, so that clients that failed together do not come back together."""
        lot: float = self._lots.uniform(0.5, 1) * FIRST_WAIT * 2 ** (attempt - 1)
        return max(lot, failure.wait_s or 0)

    def _once(self, request: _Request) -> Body | _Failure:
        """Errors of the libraries end here: their texts hold whole addresses."""
        try:
            with self._arrived(request) as response:
                return _answer(response, request)
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            return _Failure(_words(error))

    def _arrived(self, request: _Request) -> requests.Response:
        """The head of the answer, after redirects. Each hop is held to the policy again."""
        url, headers = request.url, request.all_headers
        for _ in range(REDIRECTS + 1):
            response = self._sent(url, headers)
            if response.status_code not in MOVED:
                return response
            response.close()
            target = self._target(url, response.headers.get("Location", ""))
            if _place(target) != _place(url):
                headers = {k: v for k, v in headers.items() if k == "Range"}
            url = target
        raise SourceError(f"{shown(request.url)}: redirected more than {REDIRECTS} times", "Check the address.")

    def _sent(self, url: str, headers: Mapping[str, str]) -> requests.Response:
        """One request, past the session: that would read the body of a redirect, however large, and keep cookies.

        What the environment says of proxies and certificates is looked up once for each host.
        """
        place = _place(url)
        if place not in self._environments:
            self._environments[place] = self._session.merge_environment_settings(url, {}, True, None, None)
        prepared = requests.Request("GET", url, headers=IDENTITY | dict(headers)).prepare()
        return self._adapter.send(
            prepared, timeout=(self._policy.connect_s, self._policy.read_s), **self._environments[place]
        )

    def _target(self, url: str, location: str) -> str:
        """Where a redirect leads. Not an error of the scene: its place may be right again tomorrow."""
        try:
            target = urljoin(url, location)
        except ValueError:
            target = "//"
        why = problem(target, self._policy)
        if not why and url.startswith("https:") and not target.startswith("https:"):
            why = "it would not be encrypted any more"
        if why:
            raise SourceError(
                f"{shown(url)}: redirected to {shown(target)}: {why}",
                "Allow that host in config.toml only if you know who runs it.",
            )
        return target


def _without_queries(record: logging.LogRecord) -> bool:
    """Takes the signatures out of what urllib3 logs."""
    record.msg, record.args = re.sub(r"\?[^\s\"')]*", "?...", record.getMessage()), ()
    record.exc_info = None
    return True


def _place(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def _words(error: Exception) -> str:
    """What happened, without an address."""
    if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError):
        return "no answer in time"
    if isinstance(error, requests.exceptions.ProxyError):
        return "the proxy cannot be reached"
    if isinstance(error, requests.exceptions.SSLError):
        return "no safe connection; its certificate cannot be checked"
    if isinstance(getattr(next(iter(error.args), None), "reason", None), urllib3.exceptions.NameResolutionError):
        return "its name cannot be resolved"
    return "the connection failed or was closed"


def _answer(response: requests.Response, request: _Request) -> Body | _Failure:
    place, status = shown(request.url), response.status_code
    if status in (200, 206):
        return _body(response, request)
    if status in GONE:
        raise SceneError(f"{place}: is not there ({status})", "The provider has deleted or moved it.")
    if status in UNAUTHORISED:
        raise Refused(f"{place}: access refused ({status})", "Check the credentials of the source.")
    if status == 416:
        raise PastEnd(f"{place}: ends before the bytes wanted", "The provider has changed it; it is read anew.")
    if status in BUSY or status >= 500:
        return _Failure(f"the server answers {status}", _asked_to_wait(response))
    raise SourceError(f"{place}: the server answers {status}", "See the status of the service.")


def _asked_to_wait(response: requests.Response) -> float | None:
    """Seconds from Retry-After: a number, or a date by the server's own clock; or named in the text of a 429."""
    given = response.headers.get("Retry-After", "").strip()
    if re.fullmatch(r"\d{1,9}(\.\d+)?", given):
        return float(given)
    then, now = _date(given), _date(response.headers.get("Date", ""))
    if then and now:
        return max(0.0, (then - now).total_seconds())
    if response.status_code == 429 and not given:
        text = response.raw.read(2000, decode_content=False).decode("latin-1")
        named = re.search(r"\bin (\d{1,9}) seconds?\b", text)
        return float(named[1]) if named else None
    return None


def _date(text: str) -> datetime | None:
    try:
        parsed = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return parsed.astimezone(UTC) if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def _body(response: requests.Response, request: _Request) -> Body | _Failure:
    if response.headers.get("Content-Encoding", "identity").strip().lower() not in ("identity", ""):
        return _Failure("the answer is compressed, which nobody asked for")
    if response.status_code == 206 and not request.ranged:
        return _Failure("a part is given where all was asked for")
    if response.status_code == 206:
        return _part(response, request)
    return _whole(response, request)


def _part(response: requests.Response, request: _Request) -> Body | _Failure:
    labelled = re.fullmatch(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)", response.headers.get("Content-Range", ""))
    if not labelled:
        return _Failure("a range is given without saying which")
    first, last = int(labelled[1]), int(labelled[2])
    total = None if labelled[3] == "*" else int(labelled[3])
    if not _is_right(first, last, total, request):
        return _Failure("other bytes are given than were asked for")
    content = _read(response, last - first + 1, request)
    if isinstance(content, _Failure):
        return content
    if len(content) != last - first + 1:
        return _Failure("the answer breaks off")
    return _as_body(response, content, first, total)


def _is_right(first: int, last: int, total: int | None, request: _Request) -> bool:
    """True if these are the bytes asked for. Fewer are right only where the resource ends."""
    wanted = None if request.length is None else request.start + request.length - 1
    if first != request.start or last < first or (wanted is not None and last > wanted):
        return False
    return last == wanted or total is None or last == total - 1


def _whole(response: requests.Response, request: _Request) -> Body | _Failure:
    """All of the resource, though a part may have been asked for: its server knows no ranges."""
    content = _read(response, LARGEST_WHOLE if request.ranged else request.largest, request)
    if isinstance(content, _Failure):
        return content
    return _as_body(response, content, 0, len(content))


def _read(response: requests.Response, largest: int, request: _Request) -> bytes | _Failure:
    """The body. What announces to be too large is not even begun.

    Raises:
        SceneError: it is larger than allowed.
    """
    announced = response.headers.get("Content-Length", "")
    too_large = announced.isdecimal() and int(announced[:20]) > largest
    pieces: list[bytes] = []
    size = 0
    while not too_large:
        piece = response.raw.read1(PIECE, decode_content=False)
        if not piece:
            return b"".join(pieces)
        pieces.append(piece)
        size += len(piece)
        if time.monotonic() > request.deadline:
            return _Failure("the answer takes too long")
        too_large = size > largest
    if response.status_code == 206:
        return _Failure("more bytes are given than announced")
    ranges = "its server knows no byte ranges, and the whole file " if request.ranged else ""
    raise SceneError(f"{shown(request.url)}: {ranges}is larger than {largest / 1e6:g} MB", "Use another source for it.")


def _as_body(response: requests.Response, content: bytes, start: int, total: int | None) -> Body:
    headers = response.headers
    return Body(
        content=content,
        start=start,
        total=total,
        etag=headers.get("ETag", ""),
        status=response.status_code,
        date=_date(headers.get("Date", "")),
    )


def _parsed(content: bytes) -> tuple[bool, Any]:
    try:
        return True, json.loads(content)
    except (ValueError, RecursionError):
        return False, None
