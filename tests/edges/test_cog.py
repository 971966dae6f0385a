"""Bands of GeoTIFFs over HTTP, with rasterio on the local file as the oracle; and files made to do harm."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
import rasterio
import rasterio.shutil
import shapely
from conftest import real_data
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.transform import Affine
from rasterio.warp import transform_bounds
from servers.files import Fault, FileServer, Trouble, serve

from monitor import rasters
from monitor.errors import SceneError, SourceError
from monitor.grid import Grid, project, utm_zone
from monitor.scene import Asset, Unit
from monitor.sources import cog, tiff
from monitor.sources.cog import FEW, GAP, LARGEST_RUN, CogReader, Run, joined
from monitor.sources.headers import Headers, Known
from monitor.sources.web import Policy, Web

GRID = Grid(epsg=32636, left=751_000, top=3_934_000, resolution=10, height=60, width=70)
Image = NDArray[Any]


@pytest.fixture(scope="module")
def one_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FileServer]:
    with serve(tmp_path_factory.mktemp("www")) as running_server:
        yield running_server


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with Web(Policy(hosts=("127.0.0.1",), private=True, read_s=5), sleep=lambda _: None) as made:
        yield made


@pytest.fixture
def server(one_server: FileServer) -> FileServer:
    one_server.reset()
    return one_server


@pytest.fixture
def reader(web: Web, tmp_path: Path) -> CogReader:
    return CogReader(web, headers=tmp_path / "headers")


def noise(height: int, width: int, dtype: str = "uint16", seed: int = 1, count: int = 1) -> Image:
    """Not zero anywhere."""
    made = np.random.default_rng(seed).gamma(4, 25, (count, height, width)) + 1
    return made.clip(1, 250).astype(dtype)


def write(path: Path, image: Image, *, left: float = 750_000, top: float = 3_935_000, **options: Any) -> Path:
    """Bands first. A COG unless told otherwise."""
    path.unlink(missing_ok=True)
    mask = options.pop("mask", None)
    settings_ = {"driver": "COG", "crs": CRS.from_epsg(32636), "transform": Affine(10, 0, left, 0, -10, top)} | options
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
        rasterio.open(
            path,
            "w",
            count=image.shape[0],
            height=image.shape[1],
            width=image.shape[2],
            dtype=image.dtype,
            **settings_,
        ) as file,
    ):
        file.write(image)
        if mask is not None:
            file.write_mask(mask)
    return path


def asset_of(server: FileServer, path: Path, **changes: Any) -> Asset:
    return replace(Asset(href=f"{server.url}/{path.name}", unit=Unit.LINEAR), **changes)


def same(reader: CogReader, server: FileServer, path: Path, grid: Grid = GRID, **changes: Any) -> NDArray[np.float32]:
    """Our reading, which must be that of rasterio on the local file, bit by bit; twice, as the header is then known."""
    local = rasters.read_band(replace(Asset(href=str(path), unit=Unit.LINEAR), **changes), grid)
    for _ in range(2):
        ours = reader.read_band(asset_of(server, path, **changes), grid)
        np.testing.assert_array_equal(ours, local)
    return local


# as rasterio reads it

COMPRESSIONS = ["none", "deflate", "lzw", "zstd", "packbits", "lzma", "lerc", "jpeg"]
DTYPES = ["uint8", "uint16", "int16", "uint32", "float32", "float64"]


@st.composite
def layouts(draw: st.DrawFn) -> dict[str, Any]:
    """Every way of laying out a GeoTIFF that scenes come in, and some more."""
    dtype = draw(st.sampled_from(DTYPES))
    compress = draw(st.sampled_from(COMPRESSIONS if dtype == "uint8" else COMPRESSIONS[:-1]))
    options: dict[str, Any] = {"driver": "GTiff", "compress": compress, "dtype": dtype, "tiled": draw(st.booleans())}
    if compress in ("deflate", "lzw", "zstd"):
        options["predictor"] = draw(st.sampled_from([1, 2, 3] if "float" in dtype else [1, 2]))
    side = st.sampled_from([16, 32, 48, 128])
    if options["tiled"]:
        options |= {"blockxsize": draw(side), "blockysize": draw(side)}
    else:
        options["blockysize"] = draw(st.sampled_from([8, 64, 1000] if compress == "jpeg" else [1, 7, 8, 64, 1000]))
    options["count"] = draw(st.sampled_from([1, 1, 3]))
    options["interleave"] = draw(st.sampled_from(["pixel", "band"]))
    options["bigtiff"] = draw(st.sampled_from(["YES", "NO"]))
    options["endianness"] = draw(st.sampled_from(["LITTLE", "BIG"]))
    options["sparse_ok"] = draw(st.booleans())
    options["nodata"] = draw(st.sampled_from([None, 0, 7]))
    options["overviews"] = draw(st.booleans())
    options["holes"] = draw(st.sampled_from(["none", "nodata", "mask", "all"]))
    return options


@given(
    options=layouts(),
    height=st.integers(40, 200),
    width=st.integers(40, 200),
    row=st.integers(-30, 190),
    column=st.integers(-30, 190),
    seed=st.integers(0, 1000),
)
@settings(max_examples=60)
def test_any_layout_reads_as_rasterio_reads_the_local_file(
    one_server: FileServer,
    web: Web,
    options: dict[str, Any],
    height: int,
    width: int,
    row: int,
    column: int,
    seed: int,
) -> None:
    one_server.reset()
    path = one_server.folder / "any.tif"
    for old in one_server.folder.glob("any.tif*"):
        old.unlink()
    count, overviews, holes = (options.pop(k) for k in ("count", "overviews", "holes"))
    image = noise(height, width, options.pop("dtype"), seed, count)
    seen = np.random.default_rng(seed).random((height // 20 + 1, width // 20 + 1)) > 0.4
    seen = np.kron(seen, np.ones((20, 20), bool))[:height, :width]
    if holes == "nodata":
        image[:, ~seen] = options["nodata"] or 0
    if holes == "all":
        image[:] = options["nodata"] or 0
    write(path, image, mask=seen if holes == "mask" else None, **options)
    if overviews:
        with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(path, "r+") as file:
            file.build_overviews([2, 4], Resampling.nearest)
    grid = replace(GRID, left=750_000 + column * 10, top=3_935_000 - row * 10, height=30, width=40)
    same(CogReader(web, headers=None), one_server, path, grid)
    assert not (path.parent / "any.tif.msk").exists(), "masks are inside"


@pytest.mark.parametrize("holes", [False, True])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_a_cog_and_its_mask(reader: CogReader, server: FileServer, dtype: str, holes: bool) -> None:
    seen = np.ones((500, 600), bool)
    seen[120:150, 130:400] = False
    path = server.folder / "cog.tif"
    options: dict[str, Any] = {"mask": seen} if holes else {"nodata": 0}
    write(path, noise(500, 600, dtype), driver="GTiff", tiled=True, blockxsize=64, blockysize=64, **options)
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
        rasterio.shutil.copy(path, path.with_name("b.tif"), driver="COG", blocksize=128, compress="deflate")
    local = same(reader, server, path.with_name("b.tif"))
    assert np.isnan(local).any() == holes
    assert np.isfinite(local).mean() > 0.5


def test_alpha_in_planes_of_its_own_is_honoured(reader: CogReader, server: FileServer) -> None:
    image = noise(200, 200, "uint8", count=2)
    image[1] = 255
    image[1, 100:120, 110:150] = 0
    path = write(server.folder / "a.tif", image, driver="GTiff", tiled=True, blockxsize=64, blockysize=64, alpha="yes")
    with rasterio.open(path) as file:
        assert file.interleaving.name == "pixel"
    assert np.isnan(same(reader, server, path)).sum() == 20 * 40
    write(path, image, driver="GTiff", interleave="band", tiled=True, blockxsize=64, blockysize=64, alpha="yes")
    assert np.isnan(same(reader, server, path)).sum() == 20 * 40


@pytest.mark.parametrize(
    ("changes", "low", "high"),
    [
        ({"scale": 1e-4, "offset": -0.1, "nodata": 0}, -0.0999, -0.07),
        ({"unit": Unit.DECIBEL, "scale": 0.1, "offset": -27.0, "nodata": 0}, 0.002, 1.0),
        ({"unit": Unit.CLASSES}, 1, 250),
    ],
)
def test_units_scale_and_offset_apply_as_to_a_local_file(
    reader: CogReader, server: FileServer, changes: dict[str, Any], low: float, high: float
) -> None:
    path = write(server.folder / "a.tif", noise(400, 400), left=749_993, top=3_935_007, blocksize=128)
    local = same(reader, server, path, **changes)
    assert low <= np.nanmin(local) < np.nanmax(local) <= high


@pytest.mark.parametrize(
    "placed",
    [
        {"transform": Affine(8.66, -5.0, 750_250, -5.0, -8.66, 3_935_100)},
        {"transform": Affine(20, 0, 749_990, 0, -20, 3_935_030)},
        {"transform": Affine(1e-4, 0, 35.75, 0, -1e-4, 35.53), "crs": CRS.from_epsg(4326)},
        {"transform": Affine(12, 0, 3_980_000, 0, -12, 4_235_000), "crs": CRS.from_epsg(3857)},
    ],
    ids=["turned", "coarser", "degrees", "mercator"],
)
def test_any_georeference_is_that_of_the_whole_file(
    reader: CogReader, server: FileServer, placed: dict[str, Any]
) -> None:
    path = server.folder / "placed.tif"
    write(path, noise(400, 500), driver="GTiff", tiled=True, blockxsize=64, blockysize=64, **placed)
    local = same(reader, server, path)
    assert np.isfinite(local).mean() > 0.9
    assert server.sent < 2 * path.stat().st_size


def test_a_point_raster_is_half_a_pixel_off_as_gdal_has_it(reader: CogReader, server: FileServer) -> None:
    path = write(server.folder / "a.tif", noise(300, 300), driver="GTiff", tiled=True, blockxsize=64, blockysize=64)
    with rasterio.open(path, "r+") as file:
        file.update_tags(AREA_OR_POINT="Point")
    same(reader, server, path)


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize("lost", [{"crs": None}, {"transform": Affine.identity()}, {"crs": None, "transform": None}])
def test_without_place_or_reference_system_it_is_refused(
    reader: CogReader, server: FileServer, lost: dict[str, Any]
) -> None:
    path = write(server.folder / "a.tif", noise(40, 50), driver="GTiff", **lost)
    error = refused(reader, server, path)
    assert "no place" in error.message or "no reference system" in error.message


def refused(reader: CogReader, server: FileServer, path: Path) -> SceneError:
    with pytest.raises(SceneError) as caught:
        reader.read_band(replace(asset_of(server, path), href=f"{server.url}/{path.name}?sig=c2VjcmV0"), GRID)
    assert caught.value.message.startswith(f"{server.url}/{path.name}: ")
    assert caught.value.hint
    assert "c2VjcmV0" not in str(caught.value)
    assert "vsimem" not in caught.value.message
    return caught.value


# real files


def middle_of(path: Path) -> Grid:
    """2 km around the middle of a file."""
    with rasterio.open(path) as file:
        west, south, east, north = transform_bounds(file.crs, "EPSG:4326", *file.bounds)
    lon, lat = (west + east) / 2, (south + north) / 2
    epsg = utm_zone(lon, lat)
    x, y, *_ = project(shapely.Point(lon, lat), epsg).bounds
    left, top = round(x - 1000, -1), round(y + 1000, -1)
    return Grid(epsg=epsg, left=left, top=top, resolution=10, height=200, width=200)


@pytest.mark.parametrize("name", ["latakia", "california-rtc", "sen2ships"])
def test_real_files_read_over_http_as_from_disk(web: Web, name: str, tmp_path: Path) -> None:
    folder = real_data(name)
    paths = sorted(p for p in folder.rglob("*.tif") if p.stat().st_size > 10_000)[:3]
    assert paths
    reader = CogReader(web, headers=tmp_path)
    with serve(folder) as server:
        for path in paths:
            grid = middle_of(path)
            expected = rasters.read_band(Asset(href=str(path), unit=Unit.LINEAR), grid)
            assert np.isfinite(expected).any()
            asset = Asset(href=f"{server.url}/{path.relative_to(folder)}", unit=Unit.LINEAR)
            np.testing.assert_array_equal(reader.read_band(asset, grid), expected)


# requests


@pytest.fixture(scope="module")
def scene(one_server: FileServer) -> Path:
    """As large as a scene's corner: tiles of 512 pixels, tables and overviews of a real one."""
    return write(
        one_server.folder / "scene.tif", noise(2100, 2100), compress="deflate", predictor=2, blocksize=512, nodata=0
    )


WINDOW = replace(GRID, left=753_003, top=3_932_003, height=512, width=512)


def test_few_requests_and_fewer_once_the_header_is_known(reader: CogReader, server: FileServer, scene: Path) -> None:
    same(reader, server, scene, WINDOW)
    ranges = [r.range for r in server.requests]
    assert len(ranges) == 5
    assert ranges[0] == "bytes=0-65535"
    assert sorted(ranges[1:3]) == sorted(ranges[3:]), "the second time only tiles"
    assert all(r.status == 206 for r in server.requests)
    assert server.sent < 0.9 * scene.stat().st_size


def test_the_header_is_known_to_other_readers_of_the_same_folder(
    reader: CogReader, web: Web, server: FileServer, scene: Path, tmp_path: Path
) -> None:
    asset = asset_of(server, scene)
    expected = reader.read_band(replace(asset, href=asset.href + "?sig=one"), WINDOW)
    server.clear()
    other = CogReader(web, headers=tmp_path / "headers")
    np.testing.assert_array_equal(other.read_band(replace(asset, href=asset.href + "?sig=two"), WINDOW), expected)
    assert len(server.requests) == 2
    assert all(b"sig" not in p.read_bytes() and "sig" not in p.name for p in (tmp_path / "headers").iterdir())


def test_ground_that_is_not_in_the_file_costs_no_tiles(reader: CogReader, server: FileServer, scene: Path) -> None:
    far = replace(GRID, left=900_000)
    for _ in range(2):
        assert np.isnan(reader.read_band(asset_of(server, scene), far)).all()
    assert len(server.requests) == 1


def test_tiles_that_came_with_the_header_are_not_fetched_again(reader: CogReader, server: FileServer) -> None:
    path = write(server.folder / "small.tif", noise(100, 170, "uint8"), compress="deflate", blocksize=128)
    same(reader, server, path)
    assert [r.range for r in server.requests] == ["bytes=0-65535"] * 1 + [server.requests[1].range]
    assert len(server.requests) == 2


def test_a_header_at_the_end_is_found(reader: CogReader, server: FileServer) -> None:
    path = server.folder / "late.tif"
    options: dict[str, Any] = {"tiled": True, "blockxsize": 256, "blockysize": 256, "compress": "deflate"}
    write(path, noise(1000, 1000), driver="GTiff", **options)
    with rasterio.open(path, "r+") as file:
        file.update_tags(LONG="x" * 5000)  # GDAL writes the directory anew, behind the pixels
    assert struct.unpack("<I", path.read_bytes()[4:8])[0] > 1_000_000
    same(reader, server, path)
    assert len(server.requests) <= 4


def test_many_threads_read_alike(reader: CogReader, server: FileServer, scene: Path) -> None:
    expected = rasters.read_band(Asset(href=str(scene), unit=Unit.LINEAR), WINDOW)
    with ThreadPoolExecutor(8) as pool:
        for image in pool.map(lambda _: reader.read_band(asset_of(server, scene), WINDOW), range(16)):
            np.testing.assert_array_equal(image, expected)


runs = st.lists(st.builds(Run, st.integers(0, 20 * GAP), st.integers(1, 2 * GAP)), min_size=1, max_size=30, unique=True)


@given(runs)
def test_runs_are_joined_without_losing_a_byte_or_fetching_far_more(given_runs: list[Run]) -> None:
    made = joined(given_runs)
    assert made == sorted(made)
    assert all(any(m.start <= r.start and r.stop <= m.stop for m in made) for r in given_runs)
    assert all(a.stop < b.start for a, b in pairwise(made))
    wanted = sum(r.size for r in joined_exactly(given_runs))
    near = sum(max(0, b.start - a.stop) for a, b in gaps(given_runs) if b.start - a.stop <= GAP)
    assert sum(m.size for m in made) <= 2 * (wanted + near)
    assert len(made) <= max(FEW, 1 + sum(b.start - a.stop > GAP for a, b in gaps(given_runs)))
    assert max(m.size for m in made) <= LARGEST_RUN


def joined_exactly(given_runs: list[Run]) -> list[Run]:
    """The bytes wanted, each once."""
    made: list[Run] = []
    for run in sorted(given_runs):
        if made and run.start <= made[-1].stop:
            made[-1] = Run(made[-1].start, max(made[-1].stop, run.stop) - made[-1].start)
        else:
            made.append(run)
    return made


def gaps(given_runs: list[Run]) -> list[tuple[Run, Run]]:
    exact = joined_exactly(given_runs)
    return list(pairwise(exact))


# what providers do


@pytest.mark.parametrize(
    "fault",
    [
        Fault(Trouble.STATUS, status=503),
        Fault(Trouble.STATUS, status=429, retry_after="1"),
        Fault(Trouble.CUT),
        Fault(Trouble.CLOSED),
        Fault(Trouble.WRONG_RANGE),
        Fault(Trouble.NO_RANGES),
        Fault(Trouble.NO_RANGES, times=None),
        Fault(Trouble.NO_LENGTH, times=None),
        Fault(Trouble.REDIRECT, location="{path}?moved"),
    ],
    ids=lambda f: f"{f.trouble}-{f.status}-{f.times}",
)
@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_fault_at_any_request_changes_nothing(
    reader: CogReader, server: FileServer, scene: Path, fault: Fault, after: int
) -> None:
    server.faults.append(Fault(**vars(fault) | {"after": after}))
    same(reader, server, scene, WINDOW)


def test_a_third_of_all_requests_may_fail(web: Web, server: FileServer, scene: Path) -> None:
    expected = rasters.read_band(Asset(href=str(scene), unit=Unit.LINEAR), WINDOW)
    for trouble in (Trouble.CUT, Trouble.CLOSED, Trouble.WRONG_RANGE):
        server.faults.append(Fault(trouble, share=0.1, times=None))
    server.faults.append(Fault(Trouble.STATUS, status=503, share=0.05, times=None))
    outcomes = []
    for _ in range(20):
        try:
            image = CogReader(web, headers=None).read_band(asset_of(server, scene), WINDOW)
        except SourceError as error:
            assert_now(error)
            outcomes.append(False)
        else:
            np.testing.assert_array_equal(image, expected)
            outcomes.append(True)
    assert sum(outcomes) > 15, "an error of the source now and then, never of the scene"


def assert_now(error: SourceError) -> None:
    assert type(error) is SourceError, "nothing is said of the scene"


def test_what_is_deleted_is_gone_for_good_even_if_its_header_is_known(
    reader: CogReader, server: FileServer, tmp_path: Path
) -> None:
    path = write(server.folder / "gone.tif", noise(600, 600), blocksize=128)
    same(reader, server, path)
    path.unlink()
    assert "is not there" in refused(reader, server, path).message
    assert list((tmp_path / "headers").iterdir()) == []


@pytest.mark.parametrize("etags", [True, False])
def test_a_file_that_was_put_elsewhere_on_the_ground_is_read_anew(
    reader: CogReader, server: FileServer, etags: bool
) -> None:
    server.etags = etags
    path = server.folder / "moved.tif"
    for left in (750_000, 750_100):
        write(path, noise(300, 300), blocksize=128, left=left, compress="none")
        if not etags and left == 750_100:
            path.write_bytes(path.read_bytes() + b"\0")  # without any other trace it cannot be noticed
        same(reader, server, path)


def test_a_file_that_was_replaced_is_read_anew(reader: CogReader, server: FileServer) -> None:
    path = server.folder / "new.tif"
    for seed, size, compress in ((1, 600, "deflate"), (2, 600, "deflate"), (3, 610, "lzw"), (4, 300, "none")):
        write(path, noise(size, size, seed=seed), blocksize=128, compress=compress)
        same(reader, server, path)


def test_a_file_that_is_replaced_while_it_is_read_is_read_anew(
    reader: CogReader, server: FileServer, tmp_path: Path
) -> None:
    path = write(server.folder / "mid.tif", noise(600, 600, seed=1), blocksize=128, compress="deflate")
    later = write(tmp_path / "later.tif", noise(400, 500, seed=2), blocksize=256, compress="lzw")

    def replace_it(answered: int) -> None:
        if answered == 1:
            path.write_bytes(later.read_bytes())

    server.hook = replace_it
    expected = rasters.read_band(Asset(href=str(later), unit=Unit.LINEAR), GRID)
    np.testing.assert_array_equal(reader.read_band(asset_of(server, path), GRID), expected)


def test_a_file_that_changes_all_the_time_is_left_for_now(reader: CogReader, server: FileServer) -> None:
    path = write(server.folder / "busy.tif", noise(600, 600), blocksize=128, compress="deflate")
    content = path.read_bytes()
    server.hook = lambda answered: path.write_bytes(content + bytes(answered))  # type: ignore[assignment]
    with pytest.raises(SourceError, match="changes while it is read") as caught:
        reader.read_band(asset_of(server, path), GRID)
    assert not isinstance(caught.value, SceneError)


def test_a_replaced_file_of_a_server_without_etags_is_noticed_by_its_size(
    reader: CogReader, server: FileServer
) -> None:
    server.etags = False
    path = server.folder / "no-etag.tif"
    for seed in (1, 2, 3):
        write(path, noise(600, 600 + seed, seed=seed), blocksize=128, compress="deflate")
        same(reader, server, path)


# signatures


def test_a_signature_that_runs_out_between_two_requests_is_renewed(
    web: Web, server: FileServer, scene: Path, tmp_path: Path
) -> None:
    server.signed = True
    asked: list[bool] = []
    current = [server.signature(uses=1)]

    def signer(url: str, fresh: bool) -> str:
        asked.append(fresh)
        if fresh:
            current[0] = server.signature()
        return f"{url}?sig={current[0]}"

    reader = CogReader(web, headers=tmp_path, signer=signer)
    ours = reader.read_band(asset_of(server, scene), WINDOW)
    np.testing.assert_array_equal(ours, rasters.read_band(Asset(href=str(scene), unit=Unit.LINEAR), WINDOW))
    assert asked.count(False) == 3, "each request is signed just before it is made"
    assert True in asked


def test_an_account_that_is_refused_twice_is_an_error_of_the_source(web: Web, server: FileServer, scene: Path) -> None:
    server.signed = True
    asked: list[bool] = []

    def signer(url: str, fresh: bool) -> str:
        asked.append(fresh)
        return f"{url}?sig=c2VjcmV0"

    with pytest.raises(SourceError, match="refused") as caught:
        CogReader(web, headers=None, signer=signer).read_band(asset_of(server, scene), WINDOW)
    assert not isinstance(caught.value, SceneError)
    assert asked == [False, True]
    assert "c2VjcmV0" not in str(caught.value)


# files made to do harm


def classic(*tags: tuple[int, int, int, int], next_at: int = 0) -> bytes:
    """A TIFF of one directory: (tag, type, count, value)."""
    entries = b"".join(struct.pack("<HHII", *tag) for tag in sorted(tags))
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + struct.pack("<I", next_at)


def tiled(**changes: int) -> bytes:
    """One tile of 16 x 16 bytes, with single values changed."""
    values = {
        "width": 16, "height": 16, "bits": 8, "samples": 1, "planes": 1, "tile_width": 16, "tile_height": 16,
        "offsets": 200, "sizes": 256, "listed": 1,
    } | changes  # fmt: skip
    return classic(
        (256, 4, 1, values["width"]),
        (257, 4, 1, values["height"]),
        (258, 3, 1, values["bits"]),
        (277, 3, 1, values["samples"]),
        (284, 3, 1, values["planes"]),
        (322, 4, 1, values["tile_width"]),
        (323, 4, 1, values["tile_height"]),
        (324, 4, values["listed"], values["offsets"]),
        (325, 4, values["listed"], values["sizes"]),
    )


MALFORMED = {
    "nothing": b"",
    "text": b"a file of words, and of nothing else",
    "a page of HTML": b"<!DOCTYPE html><html><body>Please log in</body></html>",
    "another version": b"II\x29\0" + bytes(40),
    "BigTIFF with offsets of 4 bytes": b"II" + struct.pack("<HHHQ", 43, 4, 0, 16) + bytes(40),
    "no directory": b"II*\0" + bytes(40),
    "a directory past the end": b"II*\0" + struct.pack("<I", 1 << 31) + bytes(40),
    "an empty directory": classic(),
    "a directory without end": b"II*\0" + struct.pack("<IH", 8, 65535) + bytes(70_000),
    "a BigTIFF directory without end": b"II" + struct.pack("<HHHQQ", 43, 8, 0, 16, 1 << 63) + bytes(70_000),
    "directories in a ring": classic((256, 4, 1, 16), next_at=8),
    "no size": classic((324, 4, 1, 200), (325, 4, 1, 256)),
    "no width at all": tiled(width=0),
    "a height without end": tiled(height=0xFFFFFFFF),
    "sides that no image has": tiled(width=2_000_000, height=2_000_000),
    "tiles of nothing": tiled(tile_width=0),
    "tiles larger than memory": tiled(tile_width=1 << 20, tile_height=1 << 20),
    "a tile of 100 MB": tiled(tile_width=10_000, tile_height=10_000, width=10_000, height=10_000),
    "pixels of 60,000 bits": tiled(bits=60_000),
    "no samples": tiled(samples=0),
    "60,000 samples": tiled(samples=60_000),
    "a billion tiles": tiled(width=900_000, height=900_000, tile_width=16, tile_height=16, listed=3_164_062_500),
    "a million tiles that the file has no room for": tiled(width=16_000, height=16_000, listed=1_000_000),
    "fewer tiles listed than there are": tiled(width=64),
    "no tiles listed": classic((256, 4, 1, 16), (257, 4, 1, 16), (258, 3, 1, 8)),
    "a width in words": classic((256, 2, 4, 0), (257, 4, 1, 16)),
    "a tag of a gigabyte": classic(
        (256, 4, 1, 16), (257, 4, 1, 16), (258, 3, 1, 8), (273, 4, 1, 8), (279, 4, 1, 8), (42112, 2, 1 << 30, 8)
    ),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_no_usable_tiff_is_refused_before_anything_is_decoded(
    reader: CogReader, server: FileServer, name: str
) -> None:
    path = server.folder / "bad.tif"
    path.write_bytes(MALFORMED[name] + (bytes(300) if name not in ("nothing", "text") else b""))
    refused(reader, server, path)
    assert len(server.requests) <= 4
    assert server.sent < 500_000


def test_a_tag_is_not_fetched_before_its_size_is_checked() -> None:
    asked = []
    content = MALFORMED["a tag of a gigabyte"]

    def endless(at: int, size: int) -> bytes:
        asked.append(size)
        return content[at : at + size].ljust(size, b"\0")

    with pytest.raises(tiff.Malformed, match="a tag of 1073741824 bytes"):
        tiff.parse(endless)
    assert max(asked) < 1000


def test_a_header_that_is_scattered_over_the_file_is_refused(reader: CogReader, server: FileServer) -> None:
    step = 1 << 17
    content = bytearray(step * 40)
    content[:8] = b"II*\0" + struct.pack("<I", step)
    for number in range(1, 39):
        at = step * number
        content[at : at + 18] = struct.pack("<HHHIII", 1, 256, 4, 1, 16, at + step)
    path = server.folder / "scattered.tif"
    path.write_bytes(content)
    assert "scattered" in refused(reader, server, path).message
    assert len(server.requests) == cog.MOST_HEAD_REQUESTS


@pytest.mark.parametrize("kept", [100, 0.3, 0.98])
def test_a_file_that_was_cut_off_is_refused(reader: CogReader, server: FileServer, kept: float) -> None:
    path = write(server.folder / "cut.tif", noise(700, 700), blocksize=128, compress="deflate")
    grid = replace(GRID, top=3_929_000, left=756_000)
    same(reader, server, path, grid)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(kept if kept > 1 else kept * len(whole))])
    with pytest.raises(SceneError, match=r"ends too early|before its last tile"):
        reader.read_band(asset_of(server, path), grid)


def test_damaged_pixels_are_an_error_not_numbers(reader: CogReader, server: FileServer) -> None:
    path = write(server.folder / "damaged.tif", noise(300, 300), blocksize=128, compress="deflate")
    content = bytearray(path.read_bytes())
    content[-40_000:-200] = b"\xff" * 39_800
    path.write_bytes(bytes(content))
    refused(reader, server, path)


def test_an_aoi_that_covers_too_much_is_refused_before_a_tile_is_fetched(
    reader: CogReader, server: FileServer, scene: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rasters, "LARGEST_READ", 1000)
    assert "Split" in refused(reader, server, scene).hint
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "href",
    [
        "file:///etc/passwd",
        "/etc/passwd",
        "/vsicurl/http://127.0.0.1/a.tif",
        "/vsizip/vsicurl/http://127.0.0.1/a.zip/a.tif",
        "s3://bucket/a.tif",
        "https://example.org/a.tif",
        "GTIFF_DIR:1:/etc/passwd",
        "ftp://127.0.0.1/a.tif",
        "data:text/plain,hello",
    ],
)
def test_an_href_that_is_not_allowed_reaches_neither_disk_nor_network(reader: CogReader, href: str) -> None:
    with pytest.raises(SceneError, match=r"not allowed|not among"):
        reader.read_band(Asset(href=href, unit=Unit.LINEAR), GRID)


def test_a_tiff_that_names_other_files_is_read_alone(reader: CogReader, server: FileServer) -> None:
    path = write(server.folder / "alone.tif", noise(300, 300), blocksize=128)
    expected = same(reader, server, path)
    for suffix in (".aux.xml", ".ovr", ".msk"):
        (server.folder / f"alone.tif{suffix}").write_text("<PAMDataset/>")
    server.clear()
    np.testing.assert_array_equal(reader.read_band(asset_of(server, path), GRID), expected)
    assert {r.path for r in server.requests} == {"/alone.tif"}


@cache
def real_files() -> list[bytes]:
    options: list[dict[str, Any]] = [
        {"driver": "GTiff", "tiled": True, "blockxsize": 64, "blockysize": 64, "mask": np.ones((300, 300), bool)},
        {"driver": "GTiff", "bigtiff": "YES", "endianness": "BIG", "compress": "lzw", "nodata": 0},
        {"driver": "COG", "blocksize": 128, "compress": "deflate"},
    ]
    with TemporaryDirectory() as folder:
        return [write(Path(folder) / f"{n}.tif", noise(300, 300), **o).read_bytes() for n, o in enumerate(options)]


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@given(
    which=st.integers(0, 2),
    changes=st.lists(st.tuples(st.integers(0, 900), st.integers(0, 255)), min_size=1, max_size=6),
    cut=st.none() | st.integers(0, 2000),
)
@settings(max_examples=300)
def test_any_damage_to_a_header_is_an_error_of_ours_or_harmless(
    which: int, changes: list[tuple[int, int]], cut: int | None
) -> None:
    content = bytearray(real_files()[which][:cut])
    for at, value in changes:
        if at < len(content):
            content[at] = value

    def read(at: int, size: int) -> bytes:
        if at + size > len(content):
            raise tiff.Malformed("it ends too early")
        return bytes(content[at : at + size])

    try:
        header = tiff.parse(read)
        part = rasters.part_of(tiff.assembled(header, [{} for _ in header.images]), GRID, "it")
        if part is not None:
            tiles = [
                {int(n): read(int(i.offsets[n]), int(i.sizes[n])) for n in i.needed(part.rows, part.columns)}
                for i in header.images
            ]
            rasters.read_image(tiff.assembled(header, tiles), part, Asset(href="it", unit=Unit.LINEAR), GRID, "it")
    except (tiff.Malformed, SceneError):
        pass


# headers on disk


def known(tmp_path: Path) -> Known:
    content = write(tmp_path / "a.tif", noise(300, 300), blocksize=128, nodata=0).read_bytes()
    return Known(header=tiff.parse(lambda at, size: content[at : at + size]), etag='"1"', total=len(content))


def test_a_bare_header_says_what_the_file_s_own_does() -> None:
    for content in real_files():
        header = tiff.parse(lambda at, size: content[at : at + size])  # noqa: B023
        bare = tiff.bare(header)
        again = tiff.parse(lambda at, size: bare[at : at + size])  # noqa: B023
        assert again.order == header.order
        for ours, theirs in zip(again.images, header.images, strict=True):
            np.testing.assert_array_equal(ours.offsets, theirs.offsets)
            np.testing.assert_array_equal(ours.sizes, theirs.sizes)
            assert dict(ours.tags) == dict(theirs.tags)
            assert (ours.width, ours.tile_height, ours.planes) == (theirs.width, theirs.tile_height, theirs.planes)


def test_headers_are_kept_and_dropped(tmp_path: Path) -> None:
    cache = Headers(tmp_path / "headers")
    assert cache.get("https://a.org/x.tif") is None
    cache.put("https://a.org/x.tif?sig=1", known(tmp_path))
    found = cache.get("https://a.org/x.tif?sig=2")
    assert found is not None
    assert (found.etag, found.total) == ('"1"', (tmp_path / "a.tif").stat().st_size)
    assert cache.get("https://a.org/y.tif") is None
    cache.drop("https://a.org/x.tif")
    assert cache.get("https://a.org/x.tif") is None
    assert list((tmp_path / "headers").iterdir()) == []


@pytest.mark.parametrize("damage", ["empty", "cut", "other format", "text", "flipped", "folder"])
def test_a_damaged_header_file_is_none(tmp_path: Path, damage: str) -> None:
    cache = Headers(tmp_path / "headers")
    cache.put("x", known(tmp_path))
    (path,) = (tmp_path / "headers").iterdir()
    content = path.read_bytes()
    if damage == "folder":
        path.unlink()
        path.mkdir()
    else:
        made = {
            "empty": b"",
            "cut": content[:-20],
            "other format": content.replace(b'"format": 1', b'"format": 0'),
            "text": b"hello\nhello",
            "flipped": content[:-30] + bytes([content[-30] ^ 255]) + content[-29:],
        }
        path.write_bytes(made[damage])
    assert cache.get("x") is None
    cache.put("x", known(tmp_path))
    assert (cache.get("x") is None) == (damage == "folder")


def test_the_oldest_headers_go_first(tmp_path: Path) -> None:
    cache = Headers(tmp_path / "headers")
    for name in "abc":
        cache.put(name, known(tmp_path))
    cache = Headers(tmp_path / "headers", most=2)
    assert cache.get("a") is None
    assert cache.get("c") is not None


def test_a_folder_that_cannot_be_written_is_done_without(web: Web, server: FileServer, scene: Path) -> None:
    in_the_way = server.folder / "file"
    in_the_way.write_text("")
    same(CogReader(web, headers=in_the_way / "headers"), server, scene, WINDOW)


def test_nan_as_nodata_survives(reader: CogReader, server: FileServer) -> None:
    image = noise(300, 300, "float32")
    image[0, 100:120, 100:140] = math.nan
    path = write(server.folder / "nan.tif", image, blocksize=128, compress="zstd", predictor=3, nodata=math.nan)
    assert np.isnan(same(reader, server, path)).any()
