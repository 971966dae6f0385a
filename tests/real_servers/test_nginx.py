"""Cloud-optimised GeoTIFFs on nginx: what is read from it is what lies on its disk, or an error that says why not."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from rasterio.transform import Affine
from rasterio.windows import Window
from servers.nginx import Behaviour, Nginx

from monitor.errors import SceneError, SourceError
from monitor.grid import Grid
from monitor.scene import Asset, Unit
from monitor.sources.cog import CogReader
from monitor.sources.web import Policy, Refused, Web

pytestmark = pytest.mark.servers

EPSG, LEFT, TOP, SIDE = 32652, 440_000.0, 4_680_000.0, 1024
ROW, COLUMN, HEIGHT, WIDTH = 300, 400, 360, 330
"""The window read, in pixels of the file: nine tiles of 256, four of them only just."""

GRID = Grid(epsg=EPSG, left=LEFT + 10 * COLUMN, top=TOP - 10 * ROW, resolution=10.0, height=HEIGHT, width=WIDTH)


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A band as a provider stores it."""

    name: str
    draw: Callable[[np.random.Generator], NDArray[np.generic]]
    nodata: float
    unit: Unit = Unit.LINEAR
    scale: float = 1.0
    offset: float = 0.0

    def write(self, path: Path, seed: int, *, west: float = 0, compress: str = "DEFLATE") -> None:
        """`west`: how far to the west of its place the file says that it lies, m."""
        values = self.draw(np.random.default_rng(seed))
        values[500:520, 600:700] = self.nodata
        with rasterio.open(
            path,
            "w",
            driver="COG",
            width=SIDE,
            height=SIDE,
            count=1,
            dtype=values.dtype,
            crs=EPSG,
            transform=Affine(10, 0, LEFT - west, 0, -10, TOP),
            nodata=self.nodata,
            compress=compress,
            blocksize=256,
        ) as file:
            file.write(values, 1)

    def asset(self, href: str) -> Asset:
        return Asset(href=href, unit=self.unit, scale=self.scale, offset=self.offset, nodata=self.nodata)

    def truth(self, path: Path) -> NDArray[np.float32]:
        """The window by rasterio, from the disk."""
        with rasterio.open(path) as file:
            column = round((GRID.left - file.transform.c) / 10)
            raw = file.read(1, window=Window(column, ROW, WIDTH, HEIGHT))
        values: NDArray[np.float32] = raw.astype(np.float32) * np.float32(self.scale) + np.float32(self.offset)
        values[raw == self.nodata] = np.nan
        return values


KINDS = (
    Kind(
        name="reflectance",
        draw=lambda rng: rng.integers(1, 12_000, (SIDE, SIDE), np.uint16),
        nodata=0,
        scale=0.0001,
        offset=-0.1,
    ),
    Kind(
        name="classes",
        draw=lambda rng: np.kron(rng.integers(1, 12, (64, 64), np.uint8), np.ones((16, 16), np.uint8)),
        nodata=0,
        unit=Unit.CLASSES,
    ),
    Kind(
        name="backscatter",
        draw=lambda rng: (0.05 * rng.gamma(4.4, 1 / 4.4, (SIDE, SIDE))).astype(np.float32),
        nodata=-32768,
    ),
)
REFLECTANCE, CLASSES, BACKSCATTER = KINDS

RIGHT_PIXELS = (
    Behaviour.RIGHT,
    Behaviour.FLAKY,
    Behaviour.LIMITED,
    Behaviour.SLOW,
    Behaviour.WHOLE,
    Behaviour.PACKED,
)
"""Troubles that are overcome."""


@pytest.fixture(scope="module")
def files(store: Nginx) -> Nginx:
    """The server, with a file of every kind."""
    for seed, kind in enumerate(KINDS):
        kind.write(store.files / f"{kind.name}.tif", seed)
    return store


@contextmanager
def web(
    *, read_s: float = 5, total_s: float = 30, attempts: int = Policy.attempts, waits: list[float] | None = None
) -> Iterator[Web]:
    """With `waits` the pauses are written down instead of made."""
    policy = Policy(hosts=("127.0.0.1",), private=True, read_s=read_s, total_s=total_s, attempts=attempts)
    with Web(policy) if waits is None else Web(policy, sleep=waits.append) as opened:
        yield opened


def read_often(reader: CogReader, asset: Asset, times: int) -> None:
    for _ in range(times):
        reader.read_band(asset, GRID)


@pytest.mark.parametrize("kind", KINDS, ids=lambda k: k.name)
@pytest.mark.parametrize("behaviour", RIGHT_PIXELS, ids=lambda b: b.name.lower())
def test_the_pixels_are_those_on_the_disk(files: Nginx, behaviour: Behaviour, kind: Kind, tmp_path: Path) -> None:
    name = f"{kind.name}.tif"
    with web(read_s=1) as opened:
        reader = CogReader(opened, headers=tmp_path)
        cold = reader.read_band(kind.asset(files.address(behaviour, name)), GRID)
        known = reader.read_band(kind.asset(files.address(behaviour, name)), GRID)
    truth = kind.truth(files.files / name)
    np.testing.assert_array_equal(cold, truth)
    np.testing.assert_array_equal(known, truth)
    assert 0.001 < np.isnan(truth).mean() < 0.1


@pytest.mark.parametrize("kind", KINDS, ids=lambda k: k.name)
def test_four_requests_read_a_window_and_two_once_the_header_is_known(files: Nginx, kind: Kind, tmp_path: Path) -> None:
    name = f"cold-{kind.name}.tif"
    kind.write(files.files / name, 7)
    asset = kind.asset(files.address(Behaviour.RIGHT, name))
    with web() as opened:
        CogReader(opened, headers=tmp_path).read_band(asset, GRID)
        cold = files.requests(Behaviour.RIGHT, name)
    with web() as opened:  # another process, another day
        CogReader(opened, headers=tmp_path).read_band(asset, GRID)
        known = files.requests(Behaviour.RIGHT, name)[len(cold) :]
    assert 1 <= len(cold) <= 4
    assert len(known) <= 2
    assert {r.status for r in cold + known} == {206}
    assert all(r.method == "GET" and r.range for r in cold + known)
    size = (files.files / name).stat().st_size
    assert sum(r.sent for r in known) < size / 2 or size < 200_000


def test_ground_that_the_file_does_not_cover_costs_nothing_once_its_header_is_known(
    files: Nginx, tmp_path: Path
) -> None:
    name = "elsewhere.tif"
    CLASSES.write(files.files / name, 3)
    asset = CLASSES.asset(files.address(Behaviour.RIGHT, name))
    away = Grid(epsg=EPSG, left=LEFT - 50_000, top=TOP, resolution=10.0, height=20, width=30)
    with web() as opened:
        reader = CogReader(opened, headers=tmp_path)
        assert np.isnan(reader.read_band(asset, away)).all()
        asked = len(files.requests(Behaviour.RIGHT, name))
        assert np.isnan(reader.read_band(asset, away)).all()
    assert len(files.requests(Behaviour.RIGHT, name)) == asked


def test_a_third_of_the_answers_may_fail(files: Nginx, tmp_path: Path) -> None:
    waits: list[float] = []
    names = [f"flaky-{n}.tif" for n in range(8)]
    for seed, name in enumerate(names):
        REFLECTANCE.write(files.files / name, seed)
    with web(waits=waits) as opened:
        reader = CogReader(opened, headers=None)
        got = [reader.read_band(REFLECTANCE.asset(files.address(Behaviour.FLAKY, n)), GRID) for n in names]
    for name, values in zip(names, got, strict=True):
        np.testing.assert_array_equal(values, REFLECTANCE.truth(files.files / name))
    statuses = [r.status for name in names for r in files.requests(Behaviour.FLAKY, name)]
    assert statuses.count(503) == len(waits) >= 0.2 * len(statuses)


def test_a_server_that_allows_five_requests_a_second_is_met_with_patience(files: Nginx) -> None:
    name = "limited.tif"
    CLASSES.write(files.files / name, 4)
    asset = CLASSES.asset(files.address(Behaviour.LIMITED, name))
    with web() as opened, ThreadPoolExecutor(8) as pool:
        reader = CogReader(opened, headers=None)
        got = list(pool.map(lambda _: reader.read_band(asset, GRID), range(8)))
    for values in got:
        np.testing.assert_array_equal(values, CLASSES.truth(files.files / name))
    assert {r.status for r in files.requests(Behaviour.LIMITED, name)} == {206, 429}


def test_the_pause_that_a_server_asks_for_is_made(files: Nginx) -> None:
    """With pauses that take no time the limit is not escaped, and four refusals are enough."""
    name = "hasty.tif"
    CLASSES.write(files.files / name, 4)
    waits: list[float] = []
    with web(waits=waits) as opened:
        reader = CogReader(opened, headers=None)
        with pytest.raises(SourceError, match="429"):
            read_often(reader, CLASSES.asset(files.address(Behaviour.LIMITED, name)), 20)
    assert [r.status for r in files.requests(Behaviour.LIMITED, name)][-4:] == [429] * 4
    assert min(waits) >= 1.0  # Retry-After


def test_a_server_without_ranges_sends_the_file_once(files: Nginx) -> None:
    name = "whole.tif"
    REFLECTANCE.write(files.files / name, 6)
    with web() as opened:
        values = CogReader(opened, headers=None).read_band(
            REFLECTANCE.asset(files.address(Behaviour.WHOLE, name)), GRID
        )
    np.testing.assert_array_equal(values, REFLECTANCE.truth(files.files / name))
    assert [(r.status, r.sent) for r in files.requests(Behaviour.WHOLE, name)] == [
        (200, (files.files / name).stat().st_size)
    ]


def test_many_threads_share_one_reader(files: Nginx, tmp_path: Path) -> None:
    names = [f"{kind.name}.tif" for kind in KINDS] * 8
    kinds = list(KINDS) * 8
    # which connection a thread gets for its next attempt is chance: four in a row may be third requests
    with web(waits=[], attempts=12) as opened, ThreadPoolExecutor(8) as pool:
        reader = CogReader(opened, headers=tmp_path)
        assets = [k.asset(files.address(Behaviour.FLAKY, n)) for k, n in zip(kinds, names, strict=True)]
        got = list(pool.map(lambda a: reader.read_band(a, GRID), assets))
    for kind, values in zip(kinds, got, strict=True):
        np.testing.assert_array_equal(values, kind.truth(files.files / f"{kind.name}.tif"))


@pytest.mark.parametrize("compress", ["DEFLATE", "NONE"])
def test_a_file_that_was_made_again_is_read_anew(files: Nginx, tmp_path: Path, compress: str) -> None:
    """It lies 30 m further west now, and the header in the cache does not know. Not compressed, only the ETag does."""
    path = files.files / f"made-again-{compress}.tif"
    other = tmp_path / "other.tif"
    asset = BACKSCATTER.asset(files.address(Behaviour.RIGHT, path.name))
    BACKSCATTER.write(path, 1, compress=compress)
    BACKSCATTER.write(other, 2, compress=compress, west=30)
    assert (path.stat().st_size == other.stat().st_size) is (compress == "NONE")
    with web() as opened:
        reader = CogReader(opened, headers=tmp_path / "headers")
        before = reader.read_band(asset, GRID)
        os.utime(other, (path.stat().st_mtime + 60,) * 2)
        other.replace(path)
        after = reader.read_band(asset, GRID)
    np.testing.assert_array_equal(after, BACKSCATTER.truth(path))
    assert not np.array_equal(before, after, equal_nan=True)


@pytest.mark.parametrize("kept", [0.0, 0.01, 0.3, 0.7])
def test_a_file_cut_short_is_damaged_not_dark(files: Nginx, kept: float, tmp_path: Path) -> None:
    name = f"cut-{kept}.tif"
    path = files.files / name
    REFLECTANCE.write(path, 5)
    content = path.read_bytes()
    path.write_bytes(content[: round(len(content) * kept)])
    with web() as opened, pytest.raises(SceneError, match=name):
        CogReader(opened, headers=tmp_path).read_band(REFLECTANCE.asset(files.address(Behaviour.RIGHT, name)), GRID)


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        (Behaviour.EMPTY, "closed"),
        (Behaviour.BROKEN, "502"),
        (Behaviour.STALLED, "in time|too long"),
    ],
    ids=lambda b: b.name.lower() if isinstance(b, Behaviour) else "",
)
def test_a_server_in_trouble_is_asked_again_and_then_given_up_for_now(
    files: Nginx, behaviour: Behaviour, words: str
) -> None:
    name = "reflectance.tif"
    before = len(files.requests(behaviour, name))
    with web(read_s=2, total_s=2.5, waits=[]) as opened, pytest.raises(SourceError, match=words) as caught:
        CogReader(opened, headers=None).read_band(REFLECTANCE.asset(files.address(behaviour, name)), GRID)
    assert not isinstance(caught.value, SceneError)
    asked = len(files.requests(behaviour, name)) - before
    assert asked == 4 if behaviour is not Behaviour.STALLED else 1 <= asked <= 4


@pytest.mark.parametrize(("behaviour", "name"), [(Behaviour.GONE, "reflectance.tif"), (Behaviour.RIGHT, "missing.tif")])
def test_what_is_not_there_is_not_asked_for_again(files: Nginx, behaviour: Behaviour, name: str) -> None:
    before = len(files.requests(behaviour, name))
    with web() as opened, pytest.raises(SceneError, match=name):
        CogReader(opened, headers=None).read_band(REFLECTANCE.asset(files.address(behaviour, name)), GRID)
    assert len(files.requests(behaviour, name)) - before == 1


def test_a_refused_signature_is_renewed_once_and_never_shown(files: Nginx) -> None:
    name = "reflectance.tif"
    asked: list[bool] = []

    def signer(url: str, fresh: bool) -> str:
        asked.append(fresh)
        return f"{url}?sig=verysecret{len(asked)}"

    asset = REFLECTANCE.asset(files.address(Behaviour.FORBIDDEN, name))
    with web() as opened, pytest.raises(Refused) as caught:
        CogReader(opened, headers=None, signer=signer).read_band(asset, GRID)
    assert asked == [False, True]
    assert "verysecret" not in f"{caught.value} {caught.value!r}"


def test_a_redirect_to_a_host_on_no_list_is_not_followed(files: Nginx) -> None:
    name = "reflectance.tif"
    before = len(files.requests(Behaviour.ELSEWHERE, name))
    with web() as opened, pytest.raises(SourceError, match="localhost"):
        CogReader(opened, headers=None).read_band(REFLECTANCE.asset(files.address(Behaviour.ELSEWHERE, name)), GRID)
    assert len(files.requests(Behaviour.ELSEWHERE, name)) - before == 1


def test_the_page_of_a_portal_is_no_image(files: Nginx, tmp_path: Path) -> None:
    with web() as opened, pytest.raises(SourceError):
        CogReader(opened, headers=tmp_path).read_band(
            REFLECTANCE.asset(files.address(Behaviour.PAGE, "reflectance.tif")), GRID
        )
    assert list(tmp_path.iterdir()) == []
