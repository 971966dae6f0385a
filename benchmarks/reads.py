"""Windows of cloud-optimised GeoTIFFs over HTTP: requests, bytes and time, of ours and of plain rasterio.

Twenty files, one window of 512 x 512 pixels each that lies across tiles, eight threads. The server is a process of its
own, adds 30 ms to each request, and it is the server that counts. All readers give the same pixels, which is checked.
Times are the quickest of three rounds, each with files that the reader has not seen (plain rasterio: one round).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.transform import Affine

from monitor.grid import Grid
from monitor.rasters import read_band
from monitor.scene import Asset, Unit
from monitor.sources.cog import CogReader
from monitor.sources.web import Policy, Web

TESTS = Path(__file__).parent.parent / "tests"
WINDOWS = 20
THREADS = 8
DELAY_S = 0.03
ROUNDS = 3
SIDE = 2048
"""Pixels of a file; its tiles have 512."""

GRID = Grid(epsg=32636, left=753_000, top=3_932_000, resolution=10, height=512, width=512)
Image = NDArray[np.float32]
Read = Callable[[Asset, Grid], Image]


def run(_folder: Path | None, _pictures: Path | None) -> dict[str, Any]:
    """Figures: requests of one file the first time and once its header is known, seconds and bytes of 20 windows.

    Beside ours: rasterio as it comes, one window after the other; and rasterio with GDAL_DISABLE_READDIR_ON_OPEN set to
    EMPTY_DIR and eight threads, which is what is usually advised.
    """
    with tempfile.TemporaryDirectory(prefix="quaywatch-bench-") as name:
        folder = Path(name)
        readers = [f"{kind}{number}" for kind in ("ours", "tuned") for number in range(ROUNDS)]
        for reader in ("plain", *readers):
            _write_files(folder / "www" / reader)
        read_band(Asset(href=str(folder / "www" / "plain" / "0.tif"), unit=Unit.LINEAR), GRID)  # loads PROJ's tables
        with _server(folder / "www") as server, Web(Policy(hosts=("127.0.0.1",), private=True)) as web:
            ours = CogReader(web, headers=folder / "headers").read_band
            cold = _quickest([server.measured(f"ours{n}", ours, THREADS) for n in range(ROUNDS)])
            known = _quickest([server.measured(f"ours{n}", ours, THREADS) for n in range(ROUNDS)])
            plain = server.measured("plain", read_band, 1)
            tuned = _quickest([server.measured(f"tuned{n}", _tuned, THREADS) for n in range(ROUNDS)])
    images = [image for result in (cold, known, plain, tuned) for image in result.images]
    if not all(np.array_equal(images[0], image, equal_nan=True) for image in images):
        raise SystemExit("the readers do not agree")
    return {
        "requests_cold": cold.requests,
        "requests_known": known.requests,
        "wall_s_20_windows": cold.seconds,
        "wall_s_20_windows_known": known.seconds,
        "bytes": cold.sent,
        "rasterio": {"requests": plain.requests, "wall_s_20_windows": plain.seconds, "bytes": plain.sent},
        "rasterio_tuned": {"requests": tuned.requests, "wall_s_20_windows": tuned.seconds, "bytes": tuned.sent},
    }


@dataclass(frozen=True, kw_only=True)
class Result:
    """Of one reader."""

    requests: float
    """For one file."""

    sent: int
    """Bytes of all answers."""

    seconds: float
    images: list[Image]


def _quickest(results: list[Result]) -> Result:
    if len({r.requests for r in results}) > 1:
        raise SystemExit(f"the rounds differ: {[r.requests for r in results]} requests a file")
    return min(results, key=lambda r: r.seconds)


@dataclass(frozen=True)
class Server:
    """A running file server."""

    process: subprocess.Popen[str]
    url: str

    def measured(self, reader: str, read: Read, threads: int) -> Result:
        """All windows by this reader, from the files that are its own."""
        assets = [Asset(href=f"{self.url}/{reader}/{n}.tif", unit=Unit.LINEAR, scale=1e-4) for n in range(WINDOWS)]
        start = time.monotonic()
        with ThreadPoolExecutor(threads) as pool:
            images = list(pool.map(lambda asset: read(asset, GRID), assets))
        seconds = time.monotonic() - start
        asked = self._asked()
        return Result(
            requests=len(asked) / WINDOWS, sent=sum(a[4] for a in asked), seconds=round(seconds, 3), images=images
        )

    def _asked(self) -> list[Any]:
        """What the server has counted since the last time."""
        if self.process.stdin is None or self.process.stdout is None:
            raise SystemExit("the server has no ends")
        print("", file=self.process.stdin, flush=True)
        found: list[Any] = json.loads(self.process.stdout.readline())
        return found


@contextmanager
def _server(folder: Path) -> Iterator[Server]:
    words = [sys.executable, "-m", "servers.files", str(folder), str(DELAY_S)]
    with subprocess.Popen(words, cwd=TESTS, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        if process.stdout is None:
            raise SystemExit("the server has no ends")
        try:
            yield Server(process, process.stdout.readline().strip())
        finally:
            process.terminate()


def _write_files(folder: Path) -> None:
    """The same file under 20 names: reflectance of 16 bits, speckled so that it compresses as real scenes do."""
    folder.mkdir(parents=True)
    one = folder.parent / "one.tif"
    if not one.exists():
        _write_file(one)
    for number in range(WINDOWS):
        os.link(one, folder / f"{number}.tif")


def _write_file(path: Path) -> None:
    image = np.random.default_rng(1).normal(1500, 150, (SIDE, SIDE)).astype(np.uint16)
    with rasterio.open(
        path,
        "w",
        driver="COG",
        height=SIDE,
        width=SIDE,
        count=1,
        dtype=image.dtype,
        crs=CRS.from_epsg(GRID.epsg),
        transform=Affine(10, 0, 750_003, 0, -10, 3_935_003),
        nodata=0,
        compress="DEFLATE",
        predictor=2,
        blocksize=512,
    ) as file:
        file.write(image, 1)


def _tuned(asset: Asset, grid: Grid) -> Image:
    with rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"):
        return read_band(asset, grid)
