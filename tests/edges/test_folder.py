"""A folder of GeoTIFFs with an items.json: three real sets, and everything that can be wrong with one."""

from __future__ import annotations

import copy
import json
import math
import os
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import shapely
from rasterio.crs import CRS
from rasterio.transform import Affine

from monitor import workspace
from monitor.aoi import Aoi, whole
from monitor.errors import SceneError, SourceError
from monitor.grid import project
from monitor.scene import Direction, Pass, Scene, Sensor, Unit, by_pass
from monitor.sources import folder as module
from monitor.sources.folder import FolderSource
from monitor.times import Interval, utc

WORKSPACES = Path(__file__).parent.parent / "workspaces"
EVER = Interval(start=utc("2014-01-01"), end=utc("2100-01-01"))
BOX = shapely.box(750_000, 3_934_600, 750_500, 3_935_000)
AOI = Aoi(
    id="spot",
    name="Spot",
    outline=project(BOX, 4326, source=32636),
    zones=(whole(project(BOX, 4326, source=32636)),),
)


def image(seed: int = 1) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).integers(1, 250, (60, 70)).astype(np.uint8)


def tif(path: Path, pixels: np.ndarray[Any, Any]) -> None:
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
        transform=Affine(10, 0, 749_900, 0, -10, 3_935_100),
    ) as file:
        file.write(pixels, 1)


def on_grid(pixels: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    grid = AOI.grid()
    row, column = round((3_935_100 - grid.top) / 10), round((grid.left - 749_900) / 10)
    return pixels[row : row + grid.height, column : column + grid.width]


def item(identity: str = "a", href: str = "a.tif", **properties: Any) -> dict[str, Any]:
    return {
        "type": "Feature",
        "id": identity,
        "geometry": shapely.geometry.mapping(AOI.outline.buffer(0.001)),
        "properties": {
            "datetime": "2024-03-01T04:00:00Z",
            "constellation": "sentinel-1",
            "platform": "sentinel-1a",
            "sat:relative_orbit": 21,
            "sat:orbit_state": "descending",
            "sar:polarizations": ["VV", "VH"],
            "proj:code": "EPSG:32636",
        }
        | properties,
        "assets": {"vv": {"href": href, "raster:bands": [{"scale": 0.1, "offset": -27.0, "unit": "dB", "nodata": 0}]}},
    }


def catalogue(folder: Path, *items: Any) -> FolderSource:
    (folder / "items.json").write_text(json.dumps({"type": "FeatureCollection", "features": list(items)}))
    return FolderSource(folder)


def found(source: FolderSource, aoi: Aoi = AOI) -> list[Scene]:
    return source.search(aoi, EVER)


# the three real sets, through the workspaces


def real(name: str, data: Path) -> tuple[dict[str, Aoi], FolderSource]:
    place = workspace.find(WORKSPACES / name, {"QUAYWATCH_DATA": str(data.parent)})
    (source,) = place.config.sources
    assert source.kind == "folder"
    return dict(place.aois()), FolderSource(source.path)


def test_latakia(latakia: Path) -> None:
    aois, source = real("latakia", latakia)
    scenes = found(source, aois["latakia"])
    assert source.problems == []
    assert len(scenes) == len({s.id for s in scenes}) == 209
    assert Counter(s.track.id for s in scenes) == {
        "s1-014a-vv": 78,
        "s1-021d-vv": 21,
        "s1-087a-vv": 85,
        "s1-094d-vv": 25,
    }
    assert len(by_pass(scenes)) == 209
    first = min(scenes, key=lambda s: s.start)
    stack = source.read(Pass(scenes=(first,)), aois["latakia"].grid(), ("vv",))
    assert 0.3 < np.isfinite(stack.bands["vv"]).mean() < 0.9, "sea, no land"
    assert 0.002 < np.nanmedian(stack.bands["vv"]) < 0.02, "a sea of about -21 dB, in linear power"


def test_california(california: Path) -> None:
    aois, source = real("california", california)
    for name in ("suburb", "channel"):
        scenes = found(source, aois[name])
        assert len(scenes) == 22, "one chip a date, of the 15 in the catalogue"
        assert {s.platform for s in scenes} == {"sentinel-1a", "sentinel-1b"}
        assert {s.track.id for s in scenes} == {"s1-137a-vv"}
        stack = source.read(Pass(scenes=scenes[:1]), aois[name].grid(), ("vv", "vh"))
        assert stack.seen().mean() > 0.9
        assert np.nanmedian(stack.bands["vh"]) < np.nanmedian(stack.bands["vv"])


def test_sen2ships(sen2ships: Path) -> None:
    aois, source = real("busan", sen2ships)
    (scene,) = found(source, aois["busan"])
    assert (scene.track.sensor, scene.track.relative_orbit, scene.track.direction) == (
        Sensor.SENTINEL2,
        None,
        Direction.UNKNOWN,
    )
    assert sorted(scene.assets) == ["b02", "b03", "b04", "b08", "b11"], "labels are no bands"
    stack = source.read(Pass(scenes=(scene,)), aois["busan"].grid(), ("b02", "b08", "scl"))
    assert sorted(stack.bands) == ["b02", "b08"], "what the scene lacks is left out"
    assert 0 < np.nanmedian(stack.bands["b08"]) < 0.5


# scenes and pixels


def test_an_item_becomes_a_scene_and_a_stack(tmp_path: Path) -> None:
    tif(tmp_path / "deep" / "a.tif", image())
    source = catalogue(tmp_path, item(href="deep/a.tif"))
    (scene,) = found(source)
    assert (scene.id, scene.track.id, scene.platform) == ("a", "s1-021d-vv", "sentinel-1a")
    assert scene.start == scene.end == utc("2024-03-01T04:00:00Z")
    asset = scene.assets["vv"]
    assert (asset.unit, asset.scale, asset.offset, asset.nodata, asset.epsg) == (Unit.DECIBEL, 0.1, -27.0, 0, 32636)
    stack = source.read(Pass(scenes=(scene,)), AOI.grid(), ("vv",))
    dn = on_grid(image())
    np.testing.assert_allclose(10 * np.log10(stack.bands["vv"]), dn * 0.1 - 27, atol=1e-4)
    assert source.restore(json.loads(json.dumps(scene.item))) == scene


def test_slices_of_a_pass_are_joined(tmp_path: Path) -> None:
    north, south = image(1), image(2)
    north[40:], south[:25] = 0, 0
    tif(tmp_path / "a.tif", north)
    tif(tmp_path / "b.tif", south)
    source = catalogue(tmp_path, item("b", "b.tif", datetime="2024-03-01T04:00:25Z"), item("a", "a.tif"))
    (taken,) = by_pass(found(source))
    assert [s.id for s in taken.scenes] == ["a", "b"]
    stack = source.read(taken, AOI.grid(), ("vv",))
    dn = on_grid(np.where(north > 0, north, south))
    np.testing.assert_allclose(10 * np.log10(stack.bands["vv"]), dn * 0.1 - 27, atol=1e-4)


def test_without_any_of_the_bands_the_error_says_what_there_is(tmp_path: Path) -> None:
    tif(tmp_path / "a.tif", image())
    source = catalogue(tmp_path, item())
    with pytest.raises(SceneError, match="a: has vv, wanted hh"):
        source.read(Pass(scenes=found(source)), AOI.grid(), ("hh",))


def test_an_aoi_outside_every_scene_gets_an_empty_answer(tmp_path: Path) -> None:
    far = Aoi(id="far", name="Far", outline=shapely.box(10, 10, 10.1, 10.1), zones=(whole(AOI.outline),))
    assert found(catalogue(tmp_path, item()), far) == []


def test_the_interval_takes_its_start_and_leaves_its_end(tmp_path: Path) -> None:
    source = catalogue(tmp_path, item())
    moment = utc("2024-03-01T04:00:00Z")
    later = utc("2024-03-01T04:00:01Z")
    assert len(source.search(AOI, Interval(start=moment, end=later))) == 1
    assert source.search(AOI, Interval(start=later, end=utc("2025-01-01"))) == []
    assert source.search(AOI, Interval(start=utc("2024-01-01"), end=moment)) == []


# items that are not what they should be


def broken(**changes: Any) -> dict[str, Any]:
    """An item with a path of keys set to a value, or taken out where the value is `...`."""
    made = item("bad", "bad.tif")
    for path, value in changes.items():
        *above, last = path.split("__")
        at: Any = made
        for key in above:
            at = at[int(key)] if isinstance(at, list) else at[key.replace("_", ":", 1) if key not in at else key]
        key = last if last in at else last.replace("_", ":", 1)
        if value is ...:
            at.pop(key)
        else:
            at[key] = value
    return made


BROKEN: dict[str, tuple[Any, str]] = {
    "no projection": (broken(properties__proj_code=...), "no projection"),
    "a projection in words": (broken(properties__proj_code="UTM 36N"), "no projection"),
    "no properties": (broken(properties=...), "'properties' is missing"),
    "no assets": (broken(assets=...), "'assets' is missing"),
    "empty assets": (broken(assets={}), "no asset"),
    "assets without data": (broken(assets__vv={"href": "a.tif", "roles": ["thumbnail"]}), "no asset"),
    "an asset without href": (broken(assets__vv={"roles": ["data"]}), "'href' is missing"),
    "an asset of text": (broken(assets__vv="a.tif"), ""),
    "no geometry": (broken(geometry=None), ""),
    "an unknown geometry": (broken(geometry={"type": "Blob", "coordinates": []}), "blob"),
    "a geometry of one point too few": (broken(geometry={"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]}), ""),
    "a geometry of words": (broken(geometry={"type": "Polygon", "coordinates": [["x"]]}), ""),
    "no date": (broken(properties__datetime=...), "'datetime' is missing"),
    "a date in words": (broken(properties__datetime="yesterday"), "'yesterday' is not a date"),
    "a date of null": (broken(properties__datetime=None), ""),
    "an unknown satellite": (broken(properties__constellation="landsat"), "'landsat' is not known"),
    "cross-polarised only": (broken(properties__sar_polarizations=["VH"]), "neither VV nor HH"),
    "an orbit of words": (broken(properties__sat_relative_orbit="twelve"), "twelve"),
    "an endless orbit": (broken(properties__sat_relative_orbit=math.inf), ""),
    "an unknown direction": (broken(properties__sat_orbit_state="sideways"), "sideways"),
    "an unknown unit": (broken(assets__vv__raster_bands=[{"unit": "furlong"}]), "furlong"),
    "a scale of NaN": (broken(assets__vv__raster_bands=[{"scale": "nan"}]), "scale"),
    "an endless offset": (broken(assets__vv__raster_bands=[{"offset": math.inf}]), "offset"),
    "bands that are none": (broken(assets__vv__raster_bands=[3]), ""),
    "null": (None, ""),
    "a number": (7, ""),
    "a list": ([], ""),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_an_item_that_cannot_be_used_is_left_out_and_named_and_the_others_stay(tmp_path: Path, kind: str) -> None:
    bad, says = BROKEN[kind]
    source = catalogue(tmp_path, item("one"), bad, item("two"))
    assert [s.id for s in found(source)] == ["one", "two"]
    (problem,) = source.problems
    name = "bad" if isinstance(bad, dict) else "number 1"
    assert problem.startswith(f"{tmp_path / 'items.json'}: item {name} left out: ")
    assert len(problem) > len(f"{tmp_path / 'items.json'}: item {name} left out: ")
    assert says in problem
    assert "\n" not in problem


def test_when_no_item_can_be_used_that_is_an_error_not_an_empty_answer(tmp_path: Path) -> None:
    source = catalogue(tmp_path, broken(properties__proj_code=...), broken(assets=...))
    with pytest.raises(SourceError, match=r"no usable item; .*no projection") as caught:
        found(source)
    assert caught.value.hint


def test_an_empty_catalogue_is_an_empty_answer(tmp_path: Path) -> None:
    assert found(catalogue(tmp_path)) == []


# hrefs that lead away


@pytest.mark.parametrize(
    "href",
    [
        "../x.tif",
        "deep/../../x.tif",
        "/etc/passwd",
        "/vsicurl/http://127.0.0.1/x.tif",
        "/vsizip/a.zip/a.tif",
        "file:///etc/passwd",
        "http://127.0.0.1/x.tif",
        "s3://bucket/x.tif",
        "zip+file://a.zip!a.tif",
        "link.tif",
        "linked/x.tif",
        "chain.tif",
    ],
)
def test_an_href_never_leaves_the_folder(tmp_path: Path, href: str) -> None:
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    outside.mkdir()
    inside.mkdir()
    tif(outside / "x.tif", image())
    tif(tmp_path / "x.tif", image())
    (inside / "link.tif").symlink_to(outside / "x.tif")
    (inside / "linked").symlink_to(outside)
    (inside / "chain.tif").symlink_to("link.tif")
    source = catalogue(inside, item("good"), item("bad", href))
    assert [s.id for s in found(source)] == ["good"]
    assert f"the href {href!r} leaves the folder" in source.problems[0]
    with pytest.raises(SourceError, match="leaves the folder"):
        source.restore(item("bad", href))


def test_a_link_within_the_folder_and_a_linked_folder_are_fine(tmp_path: Path) -> None:
    folder = tmp_path / "real"
    tif(folder / "b.tif", image())
    (folder / "a.tif").symlink_to("b.tif")
    (tmp_path / "link").symlink_to(folder)
    source = catalogue(tmp_path / "link", item())
    assert source.read(Pass(scenes=found(source)), AOI.grid(), ("vv",)).seen().all()


# the catalogue itself


def unusable(folder: Path) -> SourceError:
    with pytest.raises(SourceError) as caught:
        found(FolderSource(folder))
    assert str(folder / "items.json") in caught.value.message
    assert caught.value.hint
    return caught.value


def test_a_folder_without_catalogue_is_named_with_the_next_step(tmp_path: Path) -> None:
    assert "items.json" in unusable(tmp_path).hint
    assert "no such file" in unusable(tmp_path / "gone").message


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe\x00",
        b"[]",
        b"3",
        b"null",
        b'{"features": 3}',
        b'{"type": "FeatureCollection"}',
        b"[" * 100_000,
        b'{"features": ' + b"[" * 100_000,
    ],
    ids=["empty", "cut", "not text", "list", "number", "null", "no list", "no features", "deep", "deep features"],
)
def test_a_catalogue_that_is_none_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "items.json").write_bytes(content)
    unusable(tmp_path)


def test_a_folder_in_place_of_the_catalogue_is_named(tmp_path: Path) -> None:
    (tmp_path / "items.json").mkdir()
    unusable(tmp_path)


def test_a_huge_catalogue_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "items.json"
    path.touch()
    os.truncate(path, module.LARGEST_CATALOGUE + 1)  # sparse: takes no room
    assert "larger than 500 MB" in unusable(tmp_path).message


def test_the_catalogue_is_read_once_however_often_it_is_asked(tmp_path: Path) -> None:
    source = catalogue(tmp_path, item())
    first = found(source)
    (tmp_path / "items.json").unlink()
    assert found(source) == first
    assert copy.copy(first[0]) == first[0]
