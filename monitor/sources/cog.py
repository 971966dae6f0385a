"""One band of a cloud-optimised GeoTIFF on a server, onto the grid of an AOI, with few requests.

GDAL never touches the network: the bytes are fetched here, through `Web` and its rules, and GDAL is given a small file
in memory that holds the tiles which the window needs and no others.

    requests                  what
    1                         the first 64 kB: the header of nearly every file, whole if its tiles come last
    0 if it is known          (a header that lies elsewhere or is longer: more, and only the first time)
    1 for each run of tiles   a row of tiles is one run; runs with little between them are one request
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from monitor import rasters
from monitor.errors import SceneError, SourceError
from monitor.grid import Grid
from monitor.scene import Asset
from monitor.sources import tiff
from monitor.sources.headers import Headers, Known
from monitor.sources.web import Body, PastEnd, Refused, Signer, Web, plain, shown

HEAD = 1 << 16
"""Bytes fetched at once while a header is read: tables of 4,000 tiles fit."""

MOST_HEAD_REQUESTS = 12
"""For one header. A file that scatters it further is not made to be read over a network."""

GAP = 1 << 19
"""Bytes between two runs that are rather fetched than skipped: they take less time than another request."""

FEW = 2
"""Requests that the tiles of one window should not exceed, if that at most doubles the bytes."""

LARGEST_RUN = 64_000_000
"""Bytes that runs are joined to."""

LARGEST_WINDOW = 500_000_000
"""Bytes of all tiles of a window, encoded."""

THREADS = 3
"""For the runs of one window."""

RESTARTS = 2
"""Times that a file may change while it is read."""

HINT = "The file is damaged, or no GeoTIFF that can be read in parts."


class _Replaced(Exception):
    """The file is another one than its header, or the answers before, came from."""


class CogReader:
    """Reads bands. Safe to use from many threads; holds nothing but the cache of headers."""

    def __init__(self, web: Web, *, headers: Path | None, signer: Signer = plain) -> None:
        """`headers`: folder of the header cache, None: none. `signer`: makes of an href the address to ask."""
        self._web = web
        self._headers = Headers(headers)
        self._signer = signer

    def read_band(self, asset: Asset, grid: Grid) -> NDArray[np.float32]:
        """As `rasters.read_band`, from an address. If its header is known and shows no common ground, nothing is asked.

        Raises:
            SceneError: the file is gone, damaged, too large, or may not be asked for.
            SourceError: not now.
        """
        known = self._headers.get(asset.href)
        if known is not None:
            try:
                return self._read(asset, grid, known)
            except (_Replaced, SceneError):  # what was known may be what is wrong
                self._headers.drop(asset.href)
        for _ in range(RESTARTS):
            try:
                return self._read(asset, grid, None)
            except _Replaced:
                continue
        raise SourceError(f"{shown(asset.href)}: changes while it is read", "It is read again at the next poll.")

    def _read(self, asset: Asset, grid: Grid, known: Known | None) -> NDArray[np.float32]:
        name = shown(asset.href)
        remote = _Remote(self._web, self._signer, asset.href)
        if known is not None:
            remote.expect(known.etag, known.total)
        try:
            header = known.header if known else tiff.parse(remote.read)
            part = rasters.part_of(_without_tiles(header), grid, name)
            if part is None:
                out = rasters.unseen(grid)
            else:
                image = tiff.assembled(header, _tiles(remote, header, part))
                out = rasters.read_image(image, part, asset, grid, name)
        except tiff.Malformed as error:
            raise SceneError(f"{name}: {error}", HINT) from error
        if known is None:
            self._headers.put(asset.href, Known(header=header, etag=remote.etag, total=remote.total))
        return out


def _without_tiles(header: tiff.Header) -> bytes:
    return tiff.assembled(header, [{} for _ in header.images])


@dataclass(frozen=True, order=True)
class Run:
    """Bytes of a file."""

    start: int
    size: int

    @property
    def stop(self) -> int:
        """The byte after the last."""
        return self.start + self.size


def joined(runs: Sequence[Run]) -> list[Run]:
    """Fewer and longer runs that hold all the given ones, in order."""
    merged: list[Run] = []
    for run in sorted(runs):
        if merged and _join(merged[-1], run).size <= LARGEST_RUN and run.start - merged[-1].stop <= GAP:
            merged[-1] = _join(merged[-1], run)
        else:
            merged.append(run)
    spare = sum(r.size for r in merged)
    while len(merged) > FEW:
        gap, at = min((b.start - a.stop, at) for at, (a, b) in enumerate(pairwise(merged)))
        pair = _join(*merged[at : at + 2])
        if gap > spare or pair.size > LARGEST_RUN:
            break
        merged[at : at + 2] = [pair]
        spare -= gap
    return merged


def _join(first: Run, second: Run) -> Run:
    return Run(first.start, max(first.stop, second.stop) - first.start)


@dataclass
class _Remote:
    """One file on a server, and what has been fetched of it."""

    web: Web
    signer: Signer
    href: str
    etag: str = ""
    total: int | None = None
    _is_known: bool = False
    _pieces: list[tuple[int, bytes]] = field(default_factory=list)
    _requests: int = 0

    def expect(self, etag: str, total: int | None) -> None:
        """What the file was when its header was read."""
        self.etag, self.total, self._is_known = etag, total, True

    def read(self, at: int, size: int) -> bytes:
        """Bytes of the header; more of it is fetched when needed. A `tiff.Read`."""
        if self.total is not None and at + size > self.total:
            raise tiff.Malformed("it ends too early")
        if not self._has(at, size):
            self._requests += 1
            if self._requests > MOST_HEAD_REQUESTS:
                raise tiff.Malformed("its header is scattered over the file")
            self._keep(self._asked(Run(at, max(size, HEAD))))
        return self.held(Run(at, size))

    def fetch(self, runs: Sequence[Run]) -> None:
        """Fetches what is not there yet."""
        missing = joined([r for r in runs if not self._has(r.start, r.size)])
        if not missing:
            return
        with ThreadPoolExecutor(THREADS) as pool:  # starts as many as there is work for
            others = [pool.submit(self._asked, r) for r in missing[1:]]
            bodies = [self._asked(missing[0]), *(other.result() for other in others)]
        for body in bodies:
            self._keep(body)

    def held(self, run: Run) -> bytes:
        """Bytes that have been fetched."""
        for start, piece in self._pieces:
            if start <= run.start and run.stop <= start + len(piece):
                return piece[run.start - start : run.stop - start]
        raise tiff.Malformed("it ends too early")

    def _has(self, at: int, size: int) -> bool:
        return any(start <= at and at + size <= start + len(piece) for start, piece in self._pieces)

    def _asked(self, run: Run) -> Body:
        """A signature is made for each request: it may run out between two of them, and once more if it just did."""
        try:
            return self.web.get(self.signer(self.href, False), start=run.start, length=run.size)
        except Refused:
            return self.web.get(self.signer(self.href, True), start=run.start, length=run.size)
        except PastEnd as error:
            if self.total is None:
                raise
            raise _Replaced from error  # nothing is asked for that did not exist a moment ago

    def _keep(self, body: Body) -> None:
        etag = body.etag.removeprefix("W/")
        if not self._is_known:
            self.expect(etag, body.total)
        other_etag = bool(etag and self.etag) and etag != self.etag
        if other_etag or (body.total is not None and self.total is not None and body.total != self.total):
            raise _Replaced
        self._pieces.append((body.start, body.content))


def _tiles(remote: _Remote, header: tiff.Header, part: rasters.Part) -> list[dict[int, bytes]]:
    """The tiles of the part by number, for each image."""
    wanted = [
        {int(n): Run(int(i.offsets[n]), int(i.sizes[n])) for n in i.needed(part.rows, part.columns)}
        for i in header.images
    ]
    runs = [run for image in wanted for run in image.values()]
    _check(runs, remote.total)
    remote.fetch(runs)
    return [{n: remote.held(run) for n, run in image.items()} for image in wanted]


def _check(runs: Sequence[Run], total: int | None) -> None:
    """Raises: Malformed, if nothing good can come of fetching them."""
    if any(r.size > tiff.LARGEST_TILE for r in runs) or sum(r.size for r in runs) > LARGEST_WINDOW:
        raise tiff.Malformed("its tiles are larger than tiles can be")
    if total is not None and any(r.stop > total for r in runs):
        raise tiff.Malformed("it ends before its last tile")
