"""A STAC source from search to pixels: an API, a file server and a token service on loopback, the real clients."""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import shapely
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.transform import Affine
from servers import files as file_server
from servers import stac as stac_server
from servers.files import FileServer, Trouble
from servers.stac import StacServer, TokenServer

from monitor.aoi import Aoi, whole
from monitor.config import EARTH_SEARCH, Signing
from monitor.errors import SceneError, SourceError
from monitor.grid import Grid, project
from monitor.scene import Asset, Pass, Scene, Sensor, by_pass, distinct
from monitor.sources import Source
from monitor.sources.catalogue import Patience
from monitor.sources.reading import ReadBand, Reading
from monitor.sources.signing import KEY_HEADER
from monitor.sources.stac import COLLECTIONS, HOSTS, StacSource
from monitor.stack import Stack
from monitor.times import Interval, utc

BOX = shapely.box(750_000, 3_934_600, 750_500, 3_935_000)
AOI = Aoi(
    id="spot",
    name="Spot",
    outline=project(BOX, 4326, source=32636),
    zones=(whole(project(BOX, 4326, source=32636)),),
)
GRID = AOI.grid()
JANUARY = Interval(start=utc("2025-01-01"), end=utc("2025-02-01"))
CORNER = (749_900.0, 3_935_100.0)
SHAPE = (70, 80)
L2A = ("b02", "b03", "b04", "b08", "scl")
WATER, CLOUD = 6, 9
NAMES = {"b02": "blue", "b03": "green", "b04": "red", "b08": "nir", "scl": "scl"}

Pixels = NDArray[Any]


def tif(path: Path, pixels: Pixels) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        height=pixels.shape[0],
        width=pixels.shape[1],
        count=1,
        dtype=pixels.dtype,
        crs=CRS.from_epsg(32636),
        transform=Affine(10, 0, CORNER[0], 0, -10, CORNER[1]),
        tiled=True,
        blockxsize=32,
        blockysize=32,
    ) as file:
        file.write(pixels, 1)


def on_grid(pixels: Pixels) -> Pixels:
    row, column = round((CORNER[1] - GRID.top) / 10), round((GRID.left - CORNER[0]) / 10)
    return pixels[row : row + GRID.height, column : column + GRID.width]


def dn(seed: int, low: int = 1100, high: int = 4000) -> NDArray[np.uint16]:
    return np.random.default_rng(seed).integers(low, high, SHAPE).astype(np.uint16)


@dataclass
class Rig:
    """A STAC API whose files lie on a server of their own."""

    folder: Path
    api: StacServer
    files: FileServer
    opened: list[StacSource] = field(default_factory=list)

    def source(self, **settings: Any) -> StacSource:
        given: dict[str, Any] = {
            "name": "stac:rig",
            "url": self.api.url,
            "hosts": ("127.0.0.1",),
            "private": True,
            "patience": Patience(connect_s=2, read_s=2, retries=2, backoff_s=0.01, total_s=20),
            "sleep": lambda _: None,
        }
        self.opened.append(StacSource(**(given | settings)))
        return self.opened[-1]

    def sentinel_2(
        self,
        name: str = "a",
        moment: str = "2025-01-10T08:31:02Z",
        *,
        bands: Mapping[str, Pixels] | None = None,
        collection: str = "sentinel-2-c1-l2a",
        offset: float = -0.1,
        tile: str = "36SYE",
        datatake: str = "20250110T082319",
        baseline: str = "05.11",
        **properties: Any,
    ) -> dict[str, Any]:
        """An item in the manner of Earth Search, and its files. Put into the catalogue."""
        pixels = {b: dn(n) for n, b in enumerate(L2A)} | {"scl": np.full(SHAPE, WATER, np.uint8)} | dict(bands or {})
        assets = {}
        for band, values in pixels.items():
            tif(self.folder / name / f"{band}.tif", values)
            said = {"nodata": 0} if band == "scl" else {"nodata": 0, "scale": 1e-4, "offset": offset}
            assets[NAMES[band]] = {
                "href": f"{self.files.url}/{name}/{band}.tif",
                "type": "image/tiff; application=geotiff; profile=cloud-optimized",
                "roles": ["data"],
                "raster:bands": [said],
            }
        return self._put(
            name,
            moment,
            collection,
            assets,
            {
                "platform": "sentinel-2b",
                "constellation": "sentinel-2",
                "grid:code": f"MGRS-{tile}",
                "s2:datatake_id": f"GS2B_{datatake}_041002_N{baseline}",
                "s2:processing_baseline": baseline,
                "s2:generation_time": "2025-01-10T12:00:00Z",
                "s2:product_uri": f"S2B_MSIL2A_{datatake}_N0511_R121_T{tile}_20250110T120000.SAFE",
            }
            | {k.replace("__", ":"): v for k, v in properties.items()},
        )

    def sentinel_1(self, name: str, moment: str, power: Pixels) -> dict[str, Any]:
        """An item in the manner of Planetary Computer's sentinel-1-rtc, and its file. Put into the catalogue."""
        tif(self.folder / "grd" / f"{name}.tif", power)
        asset = {"href": f"{self.files.url}/grd/{name}.tif", "roles": ["data"], "type": "image/tiff"}
        properties = {
            "platform": "SENTINEL-1A",
            "constellation": "Sentinel-1",
            "sar:instrument_mode": "IW",
            "sar:product_type": "GRD",
            "sar:polarizations": ["VV"],
            "sat:orbit_state": "descending",
            "sat:relative_orbit": 21,
        }
        return self._put(f"{name}_rtc", moment, "sentinel-1-rtc", {"vv": asset}, properties)

    def _put(
        self, name: str, moment: str, collection: str, assets: Mapping[str, Any], properties: Mapping[str, Any]
    ) -> dict[str, Any]:
        item = {
            "type": "Feature",
            "stac_version": "1.0.0",
            "id": name,
            "collection": collection,
            "geometry": shapely.geometry.mapping(AOI.outline.buffer(0.01)),
            "properties": {"datetime": moment, "proj:epsg": 32636, **properties},
            "links": [],
            "assets": dict(assets),
        }
        self.api.put(item)
        return item


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[StacServer, FileServer]]:
    folder = tmp_path_factory.mktemp("files")
    with stac_server.serve() as api, file_server.serve(folder) as files:
        yield api, files


@pytest.fixture
def rig(servers: tuple[StacServer, FileServer], tmp_path: Path) -> Iterator[Rig]:
    api, files = servers
    api.reset()
    files.folder, files.signed, files.delay_s = tmp_path, False, 0
    files.faults.clear()
    files.clear()
    made = Rig(tmp_path, api, files)
    yield made
    for source in made.opened:
        source.close()


def found(source: StacSource) -> list[Scene]:
    return source.search(AOI, JANUARY)


def read(source: StacSource, bands: Sequence[str] = L2A, grid: Grid = GRID) -> Stack:
    (taken,) = by_pass(distinct(found(source)))
    return source.read(taken, grid, bands)


# from search to pixels


def test_a_look_is_found_and_read_as_reflectance(rig: Rig) -> None:
    rig.sentinel_2()
    source = rig.source()
    (scene,) = found(source)
    assert (scene.source, scene.key, scene.track.id) == ("stac:rig", "s2b-20250110t082319-36sye", "s2-121d")
    stack = read(source)
    for number, band in enumerate(L2A[:-1]):
        np.testing.assert_allclose(stack.bands[band], on_grid(dn(number)) * 1e-4 - 0.1, atol=1e-6)
    assert (stack.bands["scl"] == WATER).all()
    assert source.problems == ()
    as_source: Source = source
    assert as_source.sensors == {Sensor.SENTINEL2}


def test_how_the_pixels_came_to_be_is_told(rig: Rig) -> None:
    rig.sentinel_2()
    told = read(rig.source()).provenance
    assert json.loads(json.dumps(told)) == told
    (scene,) = told["scenes"]
    assert (told["source"], told["catalogue"], told["notes"]) == ("stac:rig", rig.api.url, [])
    assert (scene["id"], scene["collection"], scene["baseline"]) == ("a", "sentinel-2-c1-l2a", "05.11")
    assert scene["assets"]["b04"] == {
        "href": f"{rig.files.url}/a/b04.tif",
        "unit": "1",
        "scale": 1e-4,
        "offset": -0.1,
        "nodata": 0.0,
    }


def test_a_recorded_item_is_read_without_the_catalogue(rig: Rig) -> None:
    rig.sentinel_2()
    source = rig.source()
    (scene,) = found(source)
    stored = json.loads(json.dumps(scene.item))
    rig.api.items.clear()
    asked = len(rig.api.requests)
    again = source.restore(stored)
    assert again == scene
    assert source.read(Pass(scenes=(again,)), GRID, ("b04",)).seen().all()
    assert len(rig.api.requests) == asked


def test_slices_of_a_radar_pass_are_joined(rig: Rig) -> None:
    power = np.random.default_rng(1).uniform(0.01, 1, SHAPE).astype(np.float32)
    north, south = power.copy(), power.copy()
    north[40:], south[:30] = -32768, -32768
    stem = "S1A_IW_GRDH_1SDV_20250110T034{}_20250110T034{}_057000_06F0A{}"
    rig.sentinel_1(stem.format("519", "544", "1"), "2025-01-10T03:45:31Z", north)
    rig.sentinel_1(stem.format("544", "609", "1"), "2025-01-10T03:45:56Z", south)
    source = rig.source(collections=("sentinel-1-rtc",))
    assert source.sensors == {Sensor.SENTINEL1}
    stack = read(source, ("vv", "vh"))
    np.testing.assert_array_equal(stack.bands["vv"], on_grid(power))
    assert set(stack.bands) == {"vv"}, "what the scenes lack is left out"


def reading(rig: Rig, read: ReadBand, pool: ThreadPoolExecutor) -> Reading:
    """Of a pass of two tiles."""
    rig.sentinel_2("a")
    rig.sentinel_2("b", tile="36SYF")
    (taken,) = by_pass(found(rig.source()))
    return Reading(read=read, pool=pool, taken=taken, grid=GRID)


def test_bands_and_scenes_are_read_side_by_side(rig: Rig) -> None:
    together = threading.Barrier(8, timeout=10)
    first = threading.Barrier(2, timeout=10)

    def read(asset: Asset, grid: Grid) -> NDArray[np.float32]:
        (first if asset.href.endswith("scl.tif") else together).wait()
        return np.full(grid.shape, WATER, np.float32)

    with ThreadPoolExecutor(8) as pool:
        made = reading(rig, read, pool)
        made.fetch(L2A)
    assert set(made.joined()) == set(L2A)


def test_of_several_errors_the_final_one_is_told(rig: Rig) -> None:
    """What can never be read need not be tried again, whatever else went wrong."""
    failed = threading.Barrier(8, timeout=10)

    def read(asset: Asset, _: Grid) -> NDArray[np.float32]:
        failed.wait()
        if asset.href.endswith("b/b08.tif"):
            raise SceneError("gone")
        raise SourceError("busy")

    with ThreadPoolExecutor(8) as pool:
        made = reading(rig, read, pool)
        with pytest.raises(SceneError, match="gone"):
            made.fetch(L2A[:-1])


def test_after_an_error_nothing_more_is_begun(rig: Rig) -> None:
    begun = []

    def read(asset: Asset, _: Grid) -> NDArray[np.float32]:
        begun.append(asset)
        raise SourceError("busy")

    with ThreadPoolExecutor(1) as pool:
        made = reading(rig, read, pool)
        with pytest.raises(SourceError, match="busy"):
            made.fetch(L2A[:-1])
        assert len(begun) < 8


def test_several_passes_at_once_share_the_threads_and_end(rig: Rig) -> None:
    for day in range(10, 16):
        rig.sentinel_2(f"d{day}", f"2025-01-{day}T08:31:02Z", datatake=f"202501{day}T082319")
    source = rig.source()
    passes = by_pass(found(source))
    assert len(passes) == 6
    with ThreadPoolExecutor(6) as pool:
        stacks = list(pool.map(lambda p: source.read(p, GRID, L2A), passes))
    assert all(s.seen().all() for s in stacks)


def test_the_header_of_a_file_is_read_once(rig: Rig, tmp_path: Path) -> None:
    rig.sentinel_2()
    for _ in range(2):
        source = rig.source(headers=tmp_path / "headers")
        rig.files.clear()
        read(source, ("b04",))
        source.close()
    assert len(rig.files.requests) == 1


def test_a_source_that_was_closed_can_be_asked_again(rig: Rig) -> None:
    rig.sentinel_2()
    source = rig.source()
    for _ in range(2):
        assert read(source, ("b04",)).seen().all()
        source.close()
        source.close()


# cloud


def test_under_cloud_only_the_classification_is_read(rig: Rig) -> None:
    scl = np.full(SHAPE, CLOUD, np.uint8)
    on_grid(scl)[:1, :10] = WATER
    rig.sentinel_2(bands={"scl": scl})
    stack = read(rig.source())
    assert set(stack.bands) == {"scl"}
    assert {r.path for r in rig.files.requests} == {"/a/scl.tif"}
    (note,) = stack.provenance["notes"]
    assert "of the grid is free of cloud: only the classification was read" in note
    assert set(stack.provenance["scenes"][0]["assets"]) == {"scl"}


def test_a_hole_in_the_clouds_is_worth_the_other_bands(rig: Rig) -> None:
    scl = np.full(SHAPE, CLOUD, np.uint8)
    on_grid(scl)[:16] = WATER  # wider than the rim of the clouds
    rig.sentinel_2(bands={"scl": scl})
    assert set(read(rig.source()).bands) == set(L2A)


def test_where_nobody_asks_for_the_classification_all_is_read(rig: Rig) -> None:
    rig.sentinel_2(bands={"scl": np.full(SHAPE, CLOUD, np.uint8)})
    assert set(read(rig.source(), ("b02", "b04")).bands) == {"b02", "b04"}


# the offset


def in_l2a(rig: Rig, pixels: Mapping[str, Pixels] | None = None, **properties: Any) -> dict[str, Any]:
    said = {"earthsearch__boa_offset_applied": False} | properties
    return rig.sentinel_2("b", collection="sentinel-2-l2a", bands=pixels, **said)


def test_an_offset_that_is_in_the_pixels_already_is_not_applied_again(rig: Rig) -> None:
    dark = {b: dn(n, 200, 3000) for n, b in enumerate(L2A[:-1])}
    in_l2a(rig, dark)
    source = rig.source()
    stack = read(source)
    for band, values in dark.items():
        np.testing.assert_allclose(stack.bands[band], on_grid(values) * 1e-4, atol=1e-6)
    (note,) = stack.provenance["notes"]
    assert note.startswith("b: its darkest pixels show that the offset -0.1 is in them already")
    assert list(source.problems) == [f"stac:rig: {note}"]
    told = stack.provenance["scenes"][0]["assets"]
    assert (told["b04"]["offset"], told["scl"]["offset"]) == (0.0, 0.0)
    found(source)
    assert list(source.problems) == []


def test_an_offset_that_the_pixels_agree_with_is_applied(rig: Rig) -> None:
    in_l2a(rig)
    source = rig.source()
    stack = read(source)
    np.testing.assert_allclose(stack.bands["b02"], on_grid(dn(0)) * 1e-4 - 0.1, atol=1e-6)
    assert stack.provenance["notes"] == ["b: no pixel is too dark for the offset -0.1"]
    assert stack.provenance["scenes"][0]["assets"]["b02"]["offset"] == -0.1
    assert source.problems == ()


def test_dark_cloud_shadow_decides_nothing(rig: Rig) -> None:
    scl = np.full(SHAPE, 3, np.uint8)
    scl[:, 20:40] = WATER
    dark = dn(1, 100, 500)
    dark[:, 20:40] = 1500
    in_l2a(rig, dict.fromkeys(L2A[:-1], dark) | {"scl": scl})
    stack = read(rig.source())
    assert "no pixel is too dark" in stack.provenance["notes"][0]
    assert np.nanmin(stack.bands["b04"]) < -0.05


def test_too_few_clear_pixels_leave_the_rule_standing(rig: Rig) -> None:
    scl = np.full(SHAPE, CLOUD, np.uint8)
    on_grid(scl)[:16, :16] = WATER
    in_l2a(rig, {"b04": dn(1, 100, 500), "scl": scl})
    stack = read(rig.source(), ("b04", "scl"))
    assert "too few clear pixels" in stack.provenance["notes"][0]
    assert np.nanmax(stack.bands["b04"]) < 0


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_what_is_stated_truly_is_not_held_against_pixels(rig: Rig, collection: str) -> None:
    """Collection 1 is believed, and so is a flag that says that the offset is out."""
    dark = {b: dn(n, 200, 3000) for n, b in enumerate(L2A[:-1])}
    rig.sentinel_2("x", collection=collection, bands=dark, earthsearch__boa_offset_applied=True)
    stack = read(rig.source())
    offset = -0.1 if collection == COLLECTIONS[0] else 0.0
    np.testing.assert_allclose(stack.bands["b02"], on_grid(dark["b02"]) * 1e-4 + offset, atol=1e-6)
    assert stack.provenance["notes"] == []


def test_each_tile_of_a_pass_is_judged_by_itself(rig: Rig) -> None:
    """One half with the offset, one without; both come out as the same reflectance."""
    truth = dn(5, 300, 3000)
    half = np.zeros(SHAPE, bool)
    half[:, :45] = True
    west, east = np.where(half, truth, 0), np.where(half, 0, truth + 1000)
    seen = {"scl": np.full(SHAPE, WATER, np.uint8)}
    for name, pixels in (("west", west), ("east", east)):
        rig.sentinel_2(
            name,
            collection="sentinel-2-l2a",
            bands={b: pixels.astype(np.uint16) for b in L2A[:-1]} | seen,
            tile=f"36SY{name[0].upper()}",
            earthsearch__boa_offset_applied=False,
        )
    stack = read(rig.source())
    np.testing.assert_allclose(stack.bands["b04"], on_grid(truth) * 1e-4, atol=1e-5)
    assert len(stack.provenance["notes"]) == 2


# two collections, reprocessing


def test_of_two_collections_the_earlier_named_is_taken_whatever_the_order_of_the_answer(rig: Rig) -> None:
    rig.sentinel_2("c1")
    rig.sentinel_2("l2a", collection="sentinel-2-l2a", s2__generation_time="2025-01-11T00:00:00Z")
    assert [s.id for s in found(rig.source())] == ["c1"]
    assert [s.id for s in found(rig.source(collections=COLLECTIONS[::-1]))] == ["l2a"]


def test_a_newer_baseline_comes_before_the_order_of_collections(rig: Rig) -> None:
    rig.sentinel_2("c1")
    rig.sentinel_2("l2a", collection="sentinel-2-l2a", baseline="05.12")
    assert [s.id for s in found(rig.source())] == ["l2a"]


def test_a_collection_whose_pixels_cannot_be_read_gives_way(rig: Rig) -> None:
    item = rig.sentinel_2("c1")
    for asset in item["assets"].values():
        asset["href"] = asset["href"].replace("http://127.0.0.1", "s3://bucket")
    rig.sentinel_2("l2a", collection="sentinel-2-l2a")
    assert [s.id for s in found(rig.source())] == ["l2a"]


def test_years_missing_from_one_collection_are_filled_from_the_other(rig: Rig) -> None:
    rig.sentinel_2("c1")
    rig.sentinel_2("old", "2025-01-05T08:31:02Z", collection="sentinel-2-l2a", datatake="20250105T082319")
    assert sorted(s.id for s in found(rig.source())) == ["c1", "old"]


def test_two_sequences_and_a_reprocessing_are_one_look(rig: Rig) -> None:
    rig.sentinel_2("first")
    rig.sentinel_2("second", s2__generation_time="2025-01-10T14:00:00Z")
    rig.sentinel_2("third", baseline="05.10", s2__generation_time="2026-01-10T14:00:00Z")
    scenes = found(rig.source())
    assert len(scenes) == 3
    assert [s.id for s in distinct(scenes)] == ["second"]


def test_an_item_dated_a_day_late_is_found_by_its_start(rig: Rig) -> None:
    rig.sentinel_2("a", "2025-02-01T00:00:10Z", start_datetime="2025-01-31T23:59:50Z")
    rig.sentinel_2("b", "2025-01-31T23:59:50Z", start_datetime="2025-02-01T00:00:10Z", tile="36SYF")
    assert [s.id for s in found(rig.source())] == ["a"]


# what is left out


def test_what_is_left_out_is_told_with_its_reason(rig: Rig) -> None:
    rig.sentinel_2("good")
    for name in ("l1c", "l1d"):
        rig.sentinel_2(name, tile="36SYF", s2__product_type="S2MSI1C")["properties"].pop("s2:product_uri")
    rig.sentinel_2("odd", tile="36SYG", sat__orbit_state="sideways")
    source = rig.source()
    assert [s.id for s in found(source)] == ["good"]
    assert len(source.problems) == 2
    assert source.problems[0].startswith("stac:rig: 2 items of no use: it is Level-1C")
    assert "sideways" in source.problems[1]


def test_when_every_item_is_broken_that_is_an_error_not_an_empty_answer(rig: Rig) -> None:
    rig.sentinel_2("odd", sat__orbit_state="sideways")
    with pytest.raises(SourceError, match=r"no usable item; odd: .*sideways"):
        found(rig.source())


def test_items_that_are_sound_but_not_for_us_are_an_empty_answer(rig: Rig) -> None:
    rig.sentinel_2("l1c", s2__product_type="S2MSI1C")["properties"].pop("s2:product_uri")
    source = rig.source()
    assert found(source) == []
    assert len(source.problems) == 1


def test_a_catalogue_that_cannot_be_asked_is_an_error(rig: Rig) -> None:
    rig.sentinel_2()
    rig.api.faults.append(stac_server.Fault(status=504, times=None))
    with pytest.raises(SourceError, match="answers 504"):
        found(rig.source())


# addresses


@pytest.mark.parametrize(
    ("href", "says"),
    [
        ("s3://eodata/x.tif", "scheme 's3'"),
        ("file:///etc/passwd", "scheme 'file'"),
        ("/etc/passwd", "scheme ''"),
        ("x.tif", "scheme ''"),
        ("../x.tif", "scheme ''"),
        ("/vsicurl/http://127.0.0.1/x.tif", "scheme ''"),
        ("/vsizip//vsicurl/https://127.0.0.1/x.zip/a.tif", "scheme ''"),
        ("zip+https://127.0.0.1/x.zip!a.tif", "scheme 'zip+https'"),
        ("http://user:secret@127.0.0.1/x.tif", "user name"),
        ("http://127.0.0.1@169.254.169.254/x.tif", "user name"),
        ("http://169.254.169.254/latest/meta-data", "'169.254.169.254' is not among"),
        ("https://elsewhere.example.org/x.tif", "'elsewhere.example.org' is not among"),
        ("http://127.0.0.1.example.org/x.tif", "is not among"),
        ("", "scheme ''"),
    ],
)
def test_hrefs_that_are_never_read(rig: Rig, href: str, says: str) -> None:
    item = rig.sentinel_2("bad")
    for asset in item["assets"].values():
        asset["href"] = href
    source = rig.source()
    (scene,) = found(source)
    assert scene.assets == {}
    assert says in source.problems[0]
    assert "`hosts`" in source.problems[0]
    assert "secret" not in str(source.problems)
    with pytest.raises(SceneError, match="bad: ") as caught:
        source.read(Pass(scenes=(scene,)), GRID, L2A)
    assert says in str(caught.value)
    assert rig.files.requests == []


def test_without_leave_nothing_private_and_nothing_unencrypted_is_asked(rig: Rig) -> None:
    item = rig.sentinel_2()
    with pytest.raises(SourceError, match="scheme 'http'"):
        found(rig.source(private=False))
    public = rig.source(private=False, hosts=("localhost",))
    assert public.restore(item).assets == {}
    secure = json.loads(json.dumps(item).replace(rig.files.url, "https://localhost"))
    scene = public.restore(secure)
    with pytest.raises(SourceError, match="no public address"):
        public.read(Pass(scenes=(scene,)), GRID, ("b04",))
    assert rig.files.requests == []


def test_one_band_that_is_refused_leaves_the_others(rig: Rig) -> None:
    rig.sentinel_2()["assets"]["nir"]["href"] = "s3://bucket/b08.tif"
    stack = read(rig.source())
    assert set(stack.bands) == {"b02", "b03", "b04", "scl"}


def test_without_any_of_the_bands_the_error_says_what_there_is(rig: Rig) -> None:
    rig.sentinel_2()
    with pytest.raises(SceneError, match="a: has b02, b03, b04, b08, scl, wanted vv"):
        read(rig.source(), ("vv",))


def test_a_grd_is_found_and_never_read(rig: Rig) -> None:
    name = "S1A_IW_GRDH_1SDV_20250110T034519_20250110T034544_057000_06F0A1"
    item = rig.sentinel_1(name, "2025-01-10T03:45:31Z", np.ones(SHAPE, np.float32))
    rig.api.items.clear()
    rig.api.put(item | {"id": name, "collection": "sentinel-1-grd"})
    source = rig.source(collections=("sentinel-1-grd",))
    (scene,) = found(source)
    assert scene.track.id == "s1-021d-vv"
    with pytest.raises(SceneError, match="geometry of the radar"):
        source.read(Pass(scenes=(scene,)), GRID, ("vv",))
    assert rig.files.requests == []


# signatures


@pytest.fixture
def tokens(rig: Rig) -> Iterator[TokenServer]:
    rig.files.signed = True
    with stac_server.serve_tokens(sign=rig.files.signature) as server:
        yield server


def signed(rig: Rig, tokens: TokenServer, **settings: Any) -> StacSource:
    return rig.source(signing=Signing.PLANETARY_COMPUTER, token_url=tokens.url, **settings)


def test_files_are_read_with_tokens_made_when_they_are_needed(rig: Rig, tokens: TokenServer) -> None:
    rig.sentinel_2()
    source = signed(rig, tokens)
    scenes = found(source)
    assert tokens.tokens == [], "not when searching"
    stack = source.read(by_pass(scenes)[0], GRID, L2A)
    assert stack.seen().all()
    assert len(tokens.tokens) == 1, "one container, one token"
    for kept in (stack.provenance, scenes[0].item, repr(scenes[0]), repr(source)):
        assert "sig=" not in str(kept)


def test_a_token_that_runs_out_in_the_middle_of_a_read_is_renewed(rig: Rig, tokens: TokenServer) -> None:
    rig.sentinel_2()
    source = signed(rig, tokens)
    assert source.read(by_pass(found(source))[0], GRID, ("b02",)).seen().all()
    rig.files.revoke()
    assert source.read(by_pass(found(source))[0], GRID, L2A).seen().all()
    assert len(tokens.tokens) == 2
    assert 403 in {r.status for r in rig.files.requests}


def test_tokens_that_are_good_for_few_requests_are_renewed_as_often_as_it_takes(rig: Rig) -> None:
    rig.sentinel_2()
    rig.files.signed = True
    with stac_server.serve_tokens(sign=lambda: rig.files.signature(uses=3)) as server:
        assert read(signed(rig, server)).seen().all()
        assert len(server.tokens) == 2


def test_files_that_stay_forbidden_are_no_fault_of_the_scene(rig: Rig, tokens: TokenServer) -> None:
    rig.sentinel_2()
    tokens.sign = lambda: "never"
    source = signed(rig, tokens)
    with pytest.raises(SourceError, match="access refused") as caught:
        read(source)
    assert not isinstance(caught.value, SceneError)
    assert "sig" not in str(caught.value)


def test_the_key_goes_to_the_token_service_alone(rig: Rig, tokens: TokenServer) -> None:
    rig.sentinel_2()
    tokens.key = "s3cret"
    source = signed(rig, tokens, key="s3cret")
    assert read(source).seen().all()
    assert "s3cret" not in repr(source)
    assert not any(KEY_HEADER.lower() in r.headers for r in rig.files.requests)
    refused = signed(rig, tokens)
    with pytest.raises(SourceError, match="only with a subscription key"):
        read(refused)


SIGNATURES = (
    "sig=SECRET&se=2025",
    "X-Amz-Signature=SECRET&X-Amz-Date=1",
    "token=SECRET",
    "a=1&Signature=SECRET",
    "key=SECRET",
)


@pytest.mark.parametrize("query", SIGNATURES)
def test_signatures_in_a_catalogues_answer_are_not_kept(rig: Rig, query: str) -> None:
    item = rig.sentinel_2()
    before = copy.deepcopy(item)
    for asset in item["assets"].values():
        asset["href"] += f"?{query}"
    item["links"] = [{"rel": "self", "href": f"{rig.api.url}/x?{query}"}, {"rel": "next", "href": "x?page=2"}]
    (scene,) = found(rig.source())
    assert "SECRET" not in str(scene.item) + repr(scene)
    assert scene.item["assets"] == before["assets"]
    assert scene.item["links"][1]["href"] == "x?page=2"


# reads that fail


def test_a_deleted_file_is_final_and_a_busy_server_is_not(rig: Rig) -> None:
    rig.sentinel_2()
    source = rig.source()
    (taken,) = by_pass(found(source))
    rig.files.faults.append(file_server.Fault(Trouble.STATUS, status=503, times=None, path="*/b02.tif"))
    with pytest.raises(SourceError, match="503") as caught:
        source.read(taken, GRID, L2A)
    assert not isinstance(caught.value, SceneError)
    (rig.folder / "a" / "b02.tif").unlink()
    rig.files.faults.clear()
    with pytest.raises(SceneError, match=r"b02.tif: is not there"):
        source.read(taken, GRID, L2A)


def test_a_busy_server_is_asked_again(rig: Rig) -> None:
    rig.sentinel_2()
    rig.files.faults.append(file_server.Fault(Trouble.STATUS, status=503, share=0.3, times=None))
    assert read(rig.source()).seen().all()


def test_a_damaged_file_is_final(rig: Rig) -> None:
    rig.sentinel_2()
    source = rig.source()
    (taken,) = by_pass(found(source))
    path = rig.folder / "a" / "b03.tif"
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(SceneError, match=r"b03\.tif"):
        source.read(taken, GRID, L2A)


# settings


def test_the_default_is_earth_search_without_an_account() -> None:
    source = StacSource()
    assert (source.url, source.collections) == (EARTH_SEARCH, ("sentinel-2-c1-l2a", "sentinel-2-l2a"))
    assert source.sensors == {Sensor.SENTINEL2}
    assert not source.private
    for host in HOSTS:
        assert source._href(f"https://{host}/x/B04.tif")
    with pytest.raises(SceneError):
        source._href(f"http://{HOSTS[0]}/x/B04.tif")
    assert source == StacSource()


@pytest.mark.parametrize(
    ("collections", "sensors"),
    [
        (("sentinel-1-rtc",), {Sensor.SENTINEL1}),
        (("sentinel-s2-l2a-cogs",), {Sensor.SENTINEL2}),
        (("sentinel-1-rtc", "sentinel-2-l2a"), set(Sensor)),
        (("my-images",), set(Sensor)),
        (("landsat-c2-l2", "s1-gamma0"), {Sensor.SENTINEL1}),
        (("hls2-s30",), set(Sensor)),
    ],
)
def test_what_a_source_can_be_asked_for_stands_in_the_names_of_its_collections(
    collections: tuple[str, ...], sensors: set[Sensor]
) -> None:
    assert StacSource(collections=collections).sensors == sensors
