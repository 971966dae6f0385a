"""A folder of files over HTTP with byte ranges, as object stores serve them, and with the faults they have.

    with serve(folder) as server:
        server.faults.append(Fault(Trouble.DOWN, times=2))
        ... read f"{server.url}/a.tif" ...
        assert [r.status for r in server.requests] == [503, 503, 206]

Everything may be changed while it runs: `faults`, `delay_s`, `signed`, `skew`, the files themselves.

As a program, `python -m servers.files FOLDER DELAY_S` prints its address, and then, for each line it reads, what was
asked since the last one: a JSON list of [method, path, range, status, bytes sent].
"""

from __future__ import annotations

import asyncio
import fnmatch
import json
import random
import re
import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs

from starlette.types import Receive, Scope, Send

from servers.running import running

CHUNK = 1 << 18
"""Bytes sent at once."""


class Trouble(StrEnum):
    """What goes wrong with an answer."""

    STATUS = "status"
    """`status`, and `retry_after` if it is given: 429, 503, 404, 401 ..."""

    NO_RANGES = "no ranges"
    """200 and the whole file, whatever range was asked for."""

    CUT = "cut"
    """Half of the announced body, then the connection is closed."""

    CLOSED = "closed"
    """The connection is closed without an answer."""

    WRONG_RANGE = "wrong range"
    """206 with the bytes after those that were asked for, honestly labelled."""

    NO_LABEL = "no label"
    """206 without a Content-Range."""

    NO_LENGTH = "no length"
    """The right answer in chunks, its length not announced."""

    SLOW = "slow"
    """The right body in eight parts, over `seconds`."""

    SILENT = "silent"
    """Nothing for `seconds`, then the right answer."""

    ENCODED = "encoded"
    """Says that the body is gzipped, though nobody asked for that."""

    REDIRECT = "redirect"
    """`status` (302 unless given) to `location`; "{path}" in it stands for the path asked for."""


@dataclass
class Fault:
    """One kind of trouble. The first fault of the list that applies to a request decides about its answer."""

    trouble: Trouble
    times: int | None = 1
    """To how many answers it happens; None: for ever."""

    share: float = 1.0
    """How often, by lot, it happens to a request it applies to. The lots are drawn from the seed of the server."""

    path: str = "*"
    """Which paths it applies to, as a pattern: "*/b04.tif"."""

    after: int = 0
    """How many requests it lets pass first."""

    status: int = 0
    retry_after: str = ""
    """Header of a STATUS: seconds, or an HTTP date."""

    location: str = ""
    seconds: float = 0.2
    """How long a SLOW or SILENT answer takes."""

    def happens(self, path: str, lots: random.Random) -> bool:
        """True if the next request for the path gets it. Counts."""
        if self.times == 0 or not fnmatch.fnmatch(path, self.path):
            return False
        if self.after > 0:
            self.after -= 1
            return False
        if self.share < 1 and lots.random() >= self.share:
            return False
        self.times = None if self.times is None else self.times - 1
        return True


class Asked(NamedTuple):
    """One request, as the server saw it."""

    method: str
    path: str
    range: str
    """The header, "bytes=0-65535"; empty: the whole file."""

    status: int
    """0: the connection was closed without an answer."""

    sent: int
    """Bytes of the body."""

    headers: dict[str, str]
    """What the client sent, names in lower case."""


class FileServer:
    """An ASGI application. Paths are those of the folder; there are no listings."""

    def __init__(self, folder: Path, *, seed: int = 1) -> None:
        """`seed`: of the lots that faults draw."""
        self.folder = folder.resolve()
        self.url = ""
        self._seed = seed
        self.requests: list[Asked] = []
        self.faults: list[Fault] = []
        self.reset()

    def reset(self) -> None:
        """As new: no requests, faults, signatures, delay, skew or hook."""
        self.requests.clear()
        self.faults.clear()
        self.delay_s = 0.0
        """Added to each answer before its first byte."""

        self.signed = False
        """True: only addresses with a valid `sig=` are answered; others get 403."""

        self.skew = timedelta(0)
        """How far the clock of the server (its Date header) is ahead of ours."""

        self.etags = True
        self.hook: Callable[[int], None] | None = None
        """Called before each request is answered, with the number of those answered so far."""

        self._lots = random.Random(self._seed)
        self._signatures: dict[str, int | None] = {}

    # what tests ask

    @property
    def sent(self) -> int:
        """Bytes of all bodies sent."""
        return sum(r.sent for r in self.requests)

    def clear(self) -> None:
        """Forgets the requests."""
        self.requests.clear()

    def signature(self, uses: int | None = None) -> str:
        """A new value for `sig=`, valid for so many requests; None: until it is revoked."""
        made = secrets.token_hex(12)
        self._signatures[made] = uses
        return made

    def sign(self, url: str, uses: int | None = None) -> str:
        """The address with a new signature."""
        return f"{url}{'&' if '?' in url else '?'}sig={self.signature(uses)}"

    def revoke(self) -> None:
        """No signature given out so far is valid any more."""
        self._signatures.clear()

    # the application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        path, headers = scope["path"], {k.decode().lower(): v.decode("latin-1") for k, v in scope["headers"]}
        if self.hook:
            self.hook(len(self.requests))
        answer = _Answer(self, scope["method"], path, headers, send)
        fault = next((f for f in self.faults if f.happens(path, self._lots)), None)
        await asyncio.sleep(self.delay_s)
        if self.signed and not self._accepts(scope["query_string"].decode()):
            await answer.short(403)
        else:
            await answer.give(fault)

    def _accepts(self, query: str) -> bool:
        sig = parse_qs(query).get("sig", [""])[0]
        left = self._signatures.get(sig, 0)
        if left is not None:
            self._signatures[sig] = max(0, left - 1)
        return left is None or left > 0


class _Answer:
    """To one request."""

    def __init__(self, server: FileServer, method: str, path: str, headers: dict[str, str], send: Send) -> None:
        self._server, self._method, self._path, self._headers, self._send = server, method, path, headers, send

    async def give(self, fault: Fault | None) -> None:
        trouble = fault.trouble if fault else None
        if fault and trouble is Trouble.STATUS:
            await self.short(fault.status, {"retry-after": fault.retry_after} if fault.retry_after else {})
        elif fault and trouble is Trouble.REDIRECT:
            await self.short(fault.status or 302, {"location": fault.location.replace("{path}", self._path)})
        elif trouble is Trouble.CLOSED:
            self._note(0, 0)
            self._hang_up()
        else:
            await self._file(fault)

    async def short(self, status: int, more: dict[str, str] | None = None) -> None:
        body = b"" if self._method == "HEAD" else f"status {status}\n".encode()
        self._note(status, len(body))
        await self._start(status, {"content-length": str(len(body))} | (more or {}))
        await self._send({"type": "http.response.body", "body": body})

    async def _file(self, fault: Fault | None) -> None:
        trouble = fault.trouble if fault else None
        if fault and trouble is Trouble.SILENT:
            await asyncio.sleep(fault.seconds)
        file = (self._server.folder / self._path.lstrip("/")).resolve()
        if not file.is_relative_to(self._server.folder) or not file.is_file():
            await self.short(404)
            return
        found = file.stat()
        size = found.st_size
        headers = {"accept-ranges": "bytes", "content-type": "application/octet-stream"}
        if self._server.etags:
            headers["etag"] = f'"{found.st_mtime_ns:x}-{size:x}"'
        status, first, last = 200, 0, size - 1
        asked = _asked(self._headers.get("range", ""), size)
        if asked and trouble is not Trouble.NO_RANGES:
            first, last = asked
            if first >= size:
                await self.short(416, {"content-range": f"bytes */{size}"})
                return
            if trouble is Trouble.WRONG_RANGE:
                first, last = min(first + 1, size - 1), min(last + 1, size - 1)
            status = 206
            if trouble is not Trouble.NO_LABEL:
                headers["content-range"] = f"bytes {first}-{last}/{size}"
        with file.open("rb") as opened:
            opened.seek(first)
            body = b"" if self._method == "HEAD" else opened.read(last + 1 - first)
        if trouble is not Trouble.NO_LENGTH:
            headers["content-length"] = str(last + 1 - first)
        if trouble is Trouble.ENCODED:
            headers["content-encoding"] = "gzip"
        sent = body[: len(body) // 2] if trouble is Trouble.CUT else body
        self._note(status, len(sent))
        await self._start(status, headers)
        await self._body(sent, fault)

    async def _body(self, body: bytes, fault: Fault | None) -> None:
        slow = fault is not None and fault.trouble is Trouble.SLOW
        size = max(1, -(-len(body) // 8)) if slow else CHUNK
        for at in range(0, len(body), size):
            await self._send({"type": "http.response.body", "body": body[at : at + size], "more_body": True})
            if fault and slow:
                await asyncio.sleep(fault.seconds / 8)
        if fault and fault.trouble is Trouble.CUT:
            self._hang_up()
        else:
            await self._send({"type": "http.response.body", "body": b""})

    async def _start(self, status: int, headers: dict[str, str]) -> None:
        headers["date"] = format_datetime(datetime.now(UTC) + self._server.skew, usegmt=True)
        lines = [(k.encode(), v.encode("latin-1")) for k, v in headers.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": lines})

    def _note(self, status: int, sent: int) -> None:
        asked = self._headers.get("range", "")
        self._server.requests.append(Asked(self._method, self._path, asked, status, sent, self._headers))

    def _hang_up(self) -> None:
        """ASGI has no word for it: the transport belongs to the object whose method `send` is."""
        self._send.__self__.transport.close()  # type: ignore[attr-defined]


def _asked(header: str, size: int) -> tuple[int, int] | None:
    """First and last byte; None: no range, or one that a server may ignore."""
    given = re.fullmatch(r"bytes=(\d*)-(\d*)", header)
    if not given or not any(given.groups()):
        return None
    first, last = given.groups()
    if not first:
        return max(0, size - int(last)), size - 1
    return int(first), min(int(last) if last else size - 1, size - 1)


@contextmanager
def serve(folder: Path, *, delay_s: float = 0.0, seed: int = 1) -> Iterator[FileServer]:
    """The folder on a free port of 127.0.0.1 until the end of the block."""
    server = FileServer(folder, seed=seed)
    server.delay_s = delay_s
    with running(server, date=False) as url:
        server.url = url
        yield server


def main() -> None:
    """See the module."""
    with serve(Path(sys.argv[1]), delay_s=float(sys.argv[2])) as server:
        _say(server.url)
        for _ in sys.stdin:
            _say(json.dumps([r[:5] for r in server.requests]))
            server.clear()


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
