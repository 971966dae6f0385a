"""STAC items as scenes: every recorded answer, and twins of one acquisition as different catalogues write it."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
import yaml
from conftest import real_data

from monitor.errors import SceneError, SourceError
from monitor.scene import Direction, Scene, Sensor, Unit, distinct
from monitor.sources import acquisition
from monitor.sources.items import band_of, parsed, to_scene
from monitor.sources.offsets import LEAST_PIXELS, Rescaling, clear_ground, rescaling, taken_out
from monitor.times import utc

LEVEL_2A = ["b01", "b02", "b03", "b04", "b05", "b06", "b07", "b08", "b09", "b11", "b12", "b8a", "scl"]
PUBLIC = ("https://e84-earth-search-", "https://sentinel-cogs.", "https://sentinel2l2a01.blob.core.windows.net/")


def href(text: str) -> str:
    if text.startswith(PUBLIC):
        return text
    raise SourceError(f"{text.partition('://')[0]}: not allowed here")


def scene(item: Mapping[str, Any]) -> Scene:
    return to_scene(item, source="stac:test", href=href)


# recorded answers


def features(value: Any) -> Iterator[dict[str, Any]]:
    """Every STAC item within a recording, also within JSON that stands in it as text."""
    if isinstance(value, dict):
        if value.get("type") == "Feature" and "id" in value and ("assets" in value or "stac_version" in value):
            yield value
            return
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            yield from features(part)
    elif isinstance(value, str) and value[:1] in {"{", "["}:
        try:
            yield from features(json.loads(value))
        except ValueError:
            return


def read(path: Path) -> Any:
    text = path.read_text(encoding="utf-8")
    return yaml.load(text, Loader=yaml.CSafeLoader) if path.suffix == ".yaml" else json.loads(text)


@cache
def recorded() -> dict[str, list[dict[str, Any]]]:
    """All recorded items by the collection they are of; "" without one."""
    root = real_data("api")
    found: dict[str, list[dict[str, Any]]] = {}
    for path in sorted(root.rglob("*")):
        if path.suffix in {".json", ".geojson", ".yaml"} and path.name != "openapi.v1.yaml":
            for item in features(read(path)):
                found.setdefault(str(item.get("collection") or ""), []).append(item)
    return found


def one(name: str, number: int = 0) -> dict[str, Any]:
    """An item of a single recorded answer."""
    return copy.deepcopy(list(features(read(real_data("api") / "stac" / name)))[number])


def test_every_recorded_item_is_a_scene_or_refused_with_a_reason() -> None:
    scenes, reasons = [], []
    for items in recorded().values():
        for item in items:
            try:
                scenes.append(scene(item))
            except SourceError as error:
                reasons.append(error.message)
    assert all(len(r) > 10 for r in reasons)
    assert len(scenes) > 100
    assert len(reasons) > 200, "other satellites, and Level-1C"
    for made in scenes:
        assert made.key
        assert made.platform in {f"sentinel-{n}{letter}" for n in "12" for letter in "abc"}
        assert made.track.direction is not Direction.UNKNOWN
        assert made.start <= made.end


def test_what_was_asked_for_without_geometry_is_refused_and_says_so() -> None:
    """As recorded of a search with `fields`."""
    for item in features(read(real_data("api") / "stac" / "earthsearch_v1_search_fields.json")):
        with pytest.raises(SourceError, match="'geometry' is missing"):
            scene(item)


RECORDED = {
    "earth search, collection 1": (
        ("sentinel-2-c1-l2a", "S2B_T20EPT_20250731T131905_L2A"),
        ("s2-095d", "s2b-20250731t131909-20ept", "05.11", "2025-07-31T14:39:19Z", -0.1, False),
    ),
    "earth search, l2a": (
        ("sentinel-2-l2a", "S2B_24MVV_20250731_0_L2A"),
        ("s2-095d", "s2b-20250731t130249-24mvv", "05.11", "2025-07-31T13:27:45Z", 0.0, False),
    ),
    "earth search, l2a of 2023": (
        ("sentinel-2-l2a", "S2A_13TDE_20231008_0_L2A"),
        ("s2-141d", "s2a-20231008t175231-13tde", "05.09", "2023-10-08T23:31:54Z", 0.0, False),
    ),
    "earth search, version 0": (
        ("sentinel-s2-l2a-cogs", "S2A_28QCH_20200714_0_L2A"),
        ("s2-123d", "s2a-20200714t115221-28qch", "02.14", "2020-07-14T19:13:10Z", 0.0, False),
    ),
    "planetary computer": (
        ("sentinel-2-l2a", "S2B_MSIL2A_20190629T212529_R043_T06VVN_20201006T080531"),
        ("s2-043d", "s2b-20190629t212529-06vvn", "02.12", "2020-10-06T08:05:31Z", 0.0, False),
    ),
}


@pytest.mark.parametrize("kind", RECORDED)
def test_recorded_sentinel_2(kind: str) -> None:
    (collection, name), (track, key, baseline, processed, offset, doubtful) = RECORDED[kind]
    item = next(i for i in recorded()[collection] if i["id"] == name and "geometry" in i)
    made = scene(item)
    assert (made.track.id, made.key, made.baseline, made.processed) == (track, key, baseline, processed)
    assert sorted(made.assets) == LEVEL_2A
    assert made.assets["b04"].offset == offset
    for band, asset in made.assets.items():
        assert asset.href.endswith(".tif")
        assert (asset.nodata, asset.epsg) == (0, item["properties"]["proj:epsg"])
        assert asset.doubtful_offset is (doubtful and band != "scl")
        wanted = (Unit.CLASSES, 1.0, 0.0) if band == "scl" else (Unit.LINEAR, 1e-4, offset)
        assert (asset.unit, asset.scale, asset.offset) == wanted


def test_planetary_computer_says_nothing_of_pixels_and_the_baseline_decides() -> None:
    item = one("pc_search_sentinel2_l2a.json")
    assert not any("raster:bands" in a for a in item["assets"].values())
    assert scene(item).assets["b02"].offset == 0.0, "02.12"
    item["properties"]["s2:processing_baseline"] = "05.10"
    late = scene(item).assets
    assert (late["b02"].scale, late["b02"].offset, late["b02"].doubtful_offset) == (1e-4, -0.1, False)
    assert (late["scl"].scale, late["scl"].offset) == (1.0, 0.0)
    assert late["b02"].href.endswith("_B02_10m.tif")


@pytest.mark.parametrize(
    ("name", "track", "key", "code", "baseline"),
    [
        (
            "cdse_stac_search_s2l2a_2026-05.json",
            "s2-017d",
            "s2c-20260527t014651-55wfr",
            32655,
            "05.12",
        ),
        (
            "cdse_stac_search_featurecollection_projcode.json",
            "s2-135d",
            "s2b-20200322t074609-36nyh",
            32636,
            "05.00",
        ),
    ],
)
def test_copernicus_data_space_is_for_discovery(name: str, track: str, key: str, code: int, baseline: str) -> None:
    made = parsed(one(name), source="cdse", href=href)
    assert (made.scene.track.id, made.scene.key, made.scene.baseline) == (track, key, baseline)
    assert made.scene.assets == {}
    assert "JPEG 2000" in made.refused["b04"]
    assert set(LEVEL_2A) <= set(made.refused)
    assert made.scene.platform.startswith("sentinel-2")
    as_tif = json.loads(json.dumps(one(name)).replace("image/jp2", "image/tiff").replace(".jp2", ".tif"))
    readable = parsed(as_tif, source="cdse", href=str).scene.assets
    assert readable["b04"].href.endswith("_B04_10m.tif"), "the finest of three"
    assert readable["b11"].href.endswith("_B11_20m.tif")
    assert (readable["b04"].scale, readable["b04"].offset, readable["b04"].nodata) == (1e-4, -0.1, 0.0)
    assert (readable["b04"].epsg, readable["scl"].unit) == (code, Unit.CLASSES)


def test_a_mosaic_is_no_scene() -> None:
    with pytest.raises(SceneError, match="89 days: a mosaic"):
        scene(one("cdse_stac_v1_search_global_mosaics.json"))


@pytest.mark.parametrize("collection", ["sentinel-2-l1c", "S2_MSI_L1C", "PEPS_S2_L1C"])
def test_level_1c_is_refused(collection: str) -> None:
    for item in recorded()[collection]:
        with pytest.raises(SceneError, match="Level-1C"):
            scene(item)


@pytest.mark.parametrize(
    ("name", "track", "channels", "start"),
    [
        ("earthsearch_v1_search_filter_cql2json_page1.json", "s1-056a-hh", {"hh"}, "2025-07-31T13:57:02"),
        ("pc_item_sentinel1_grd.json", "s1-119d-vv", {"vv", "vh"}, "2023-06-28T21:07:05"),
        ("stactools_item_sentinel1_grd.json", "s1-059a-vv", {"vv", "vh"}, "2021-08-09T17:39:53"),
    ],
)
def test_a_grd_is_never_read_as_a_map(name: str, track: str, channels: set[str], start: str) -> None:
    """Their projection, shape and transform are invented from the bounding box."""
    item = one(name)
    for invented in (False, True):
        if invented:
            item["properties"] |= {"proj:epsg": 32637, "proj:transform": [10, 0, 400000, 0, -10, 4000000]}
        made = parsed(item, source="x", href=str)
        assert made.scene.assets == {}
        assert set(made.refused) == channels
        assert "geometry of the radar" in made.refused[min(channels)]
    assert made.scene.track.id == track
    assert f"{made.scene.start:%Y-%m-%dT%H:%M:%S}" == start
    assert made.scene.platform == "sentinel-1a", "SENTINEL-1A too"


def test_relative_orbits_by_formula_are_those_that_are_stated() -> None:
    checked = 0
    for items in recorded().values():
        for item in items:
            properties = dict(item["properties"])
            stated = properties.pop("sat:relative_orbit", None)
            name = acquisition.named(item)
            satellite = acquisition.platform(properties, name)
            if stated is None or not satellite.startswith("sentinel-"):
                continue
            found = acquisition.relative_orbit(properties, satellite, name)
            assert found == stated, item["id"]
            checked += 1
    assert checked > 50


def test_the_sentinel_hub_catalog_names_a_folder_and_no_files() -> None:
    document = read(real_data("api") / "sentinelhub" / "openapi.v1.yaml")
    example = document["components"]["responses"]["CatalogFeaturesFeatures"]["content"]["application/geo+json"]
    (item,) = example["example"]["features"]
    item["properties"]["datetime"] = str(item["properties"]["datetime"])
    made = parsed(item, source="sh", href=href)
    assert made.scene.assets == {}
    assert "none of its assets is a band" in made.refused["*"]
    assert made.scene.track.id == "s2-022d"
    assert made.scene.key == "s2b-20201229t101329-33tuk"
    assert (made.scene.baseline, made.scene.processed) == ("02.14", "2020-12-29T11:54:42Z")


# twins: one acquisition as different catalogues write it


OUTLINE = shapely.geometry.mapping(shapely.box(35.0, 35.0, 36.2, 36.0))


def twin(name: str, moment: str, assets: Mapping[str, Any] | None = None, **properties: Any) -> dict[str, Any]:
    return {
        "type": "Feature",
        "id": name,
        "geometry": OUTLINE,
        "properties": {"datetime": moment} | {k.replace("__", ":"): v for k, v in properties.items()},
        "assets": dict(assets or {}),
    }


PRODUCT = "S2B_MSIL2A_20250110T082319_N0511_R121_T36SYE_20250110T103000"
OPTICAL = {
    "earth search c1": twin(
        "S2B_T36SYE_20250110T082314_L2A",
        "2025-01-10T08:31:02.113000Z",
        platform="sentinel-2b",
        constellation="sentinel-2",
        grid__code="MGRS-36SYE",
        s2__datatake_id="GS2B_20250110T082319_041002_N05.11",
        s2__product_uri=f"{PRODUCT}.SAFE",
        s2__processing_baseline="05.11",
    ),
    "earth search l2a": twin(
        "S2B_36SYE_20250110_0_L2A",
        "2025-01-10T08:31:02.113000Z",
        platform="sentinel-2b",
        constellation="sentinel-2",
        mgrs__utm_zone=36,
        mgrs__latitude_band="S",
        mgrs__grid_square="YE",
        s2__datatake_id="GS2B_20250110T082319_041002_N05.11",
        s2__processing_baseline="05.11",
        s2__sequence="0",
    ),
    "earth search l2a, second sequence, by its product only": twin(
        "S2B_36SYE_20250110_1_L2A",
        "2025-01-10T08:31:02.500000Z",
        platform="sentinel-2b",
        s2__product_uri=f"{PRODUCT}.SAFE",
        s2__sequence="1",
    ),
    "planetary computer": twin(
        "S2B_MSIL2A_20250110T082319_R121_T36SYE_20250110T120000",
        "2025-01-10T08:23:19.024000Z",
        platform="Sentinel-2B",
        constellation="Sentinel 2",
        s2__mgrs_tile="36SYE",
        s2__datatake_id="GS2B_20250110T082319_041002_N05.11",
    ),
    "copernicus data space": twin(
        PRODUCT,
        "2025-01-10T08:23:19.024000Z",
        platform="sentinel-2b",
        constellation="sentinel-2",
        grid__code="MGRS-36SYE",
        eopf__datatake_id="GS2B_20250110T082319_041002_N05.11",
        processing__version="05.11",
    ),
    "sentinel hub": twin(PRODUCT, "2025-01-10T08:31:02Z", platform="sentinel-2b", constellation="sentinel-2"),
    "made again": twin(
        "S2B_MSIL2A_20250110T082319_N0512_R121_T36SYE_20260301T000000",
        "2025-01-10T08:23:19.024000Z",
        platform="sentinel-2b",
        s2__datatake_id="GS2B_20250110T082319_041002_N05.12",
    ),
}


@pytest.mark.parametrize("kind", OPTICAL)
def test_twins_of_a_tile_share_their_key(kind: str) -> None:
    made = scene(OPTICAL[kind])
    assert made.key == "s2b-20250110t082319-36sye"
    assert (made.platform, made.track.direction) == ("sentinel-2b", Direction.DESCENDING)
    assert made.track.sensor is Sensor.SENTINEL2


def test_of_twins_the_newest_baseline_is_taken() -> None:
    (taken,) = distinct(scene(i) for i in OPTICAL.values())
    assert taken.baseline == "05.12"


def test_other_tiles_platforms_and_datatakes_have_other_keys() -> None:
    names = [
        PRODUCT,
        PRODUCT.replace("T36SYE", "T36SYF"),
        PRODUCT.replace("S2B", "S2C"),
        PRODUCT.replace("20250110T082319", "20250110T095000"),
        PRODUCT.replace("20250110T082319", "20250115T082319"),
    ]
    keys = {scene(twin(n, "2025-01-10T08:23:19Z")).key for n in names}
    assert len(keys) == len(names)


@pytest.mark.parametrize(
    "said",
    [
        {"grid__code": "MGRS-6VVN"},
        {"grid__code": "MGRS-06VVN"},
        {"s2__mgrs_tile": "06VVN"},
        {"mgrs__utm_zone": 6, "mgrs__latitude_band": "V", "mgrs__grid_square": "VN"},
    ],
)
def test_tiles_of_low_zones_are_written_in_two_ways_and_are_one(said: Mapping[str, Any]) -> None:
    assert scene(twin("S2B_x", "2025-01-10T21:30:02Z", **said)).key.endswith("-06vvn")


def test_a_tile_without_any_datatake_is_known_by_its_minute() -> None:
    bare = twin("S2B_36SYE_20250110_0_L2A", "2025-01-10T08:31:02Z", grid__code="MGRS-36SYE")
    again = twin("S2B_36SYE_20250110_1_L2A", "2025-01-10T08:31:47Z", grid__code="MGRS-36SYE")
    assert scene(bare).key == scene(again).key == "s2b-20250110t0831-36sye"


def test_what_cannot_be_told_has_no_key_and_is_known_by_its_id() -> None:
    made = scene(twin("mine", "2025-01-10T08:31:02Z", constellation="sentinel-2"))
    assert (made.key, made.identity) == ("", "mine")


SLICE = "S1C_IW_GRDH_1SDV_20260110T034500_20260110T034525_006000_00C1A2"
RADAR = {
    "earth search": twin(SLICE, "2026-01-10T03:45:12Z", platform="sentinel-1c", constellation="sentinel-1"),
    "copernicus data space": twin(f"{SLICE}_AB12_COG", "2026-01-10T03:45:12Z", platform="sentinel-1c"),
    "sentinel hub": twin(
        f"{SLICE}_AB12",
        "2026-01-10T03:45:12Z",
        constellation="sentinel-1",
        s1__polarization="DV",
        sar__instrument_mode="IW",
    ),
    "planetary computer": twin(f"{SLICE}_rtc", "2026-01-10T03:45:12Z", platform="SENTINEL-1C"),
    "made again": twin(f"{SLICE}_77F0", "2026-01-10T03:45:12Z", platform="S1C"),
    "title": twin("8f6d", "2026-01-10T03:45:12Z", constellation="SENTINEL-1", title=f"{SLICE}_AB12.SAFE"),
}


@pytest.mark.parametrize("kind", RADAR)
def test_twins_of_a_slice_share_their_key_and_their_track(kind: str) -> None:
    made = scene(RADAR[kind])
    assert made.key == "s1c-iw-dv-20260110t034500-20260110t034525-006000-00c1a2"
    assert made.platform == "sentinel-1c"
    assert made.track.relative_orbit == (6000 - 172) % 175 + 1 == 54
    assert made.track.polarisation == "VV"


@pytest.mark.parametrize(
    ("platform", "absolute", "relative"),
    [
        ("S1A", 60328, 56),
        ("S1A", 73, 1),
        ("S1A", 72, 175),
        ("S1B", 27, 1),
        ("S1B", 26, 175),
        ("S1C", 172, 1),
        ("S1C", 8018, 147),
        ("S1C", 8019, 46),
        ("S1D", 42, 1),
        ("S2A", 42, None),
    ],
)
def test_relative_orbits_by_platform_also_after_one_was_moved(
    platform: str, absolute: int, relative: int | None
) -> None:
    item = twin("x", "2026-07-01T00:00:00Z", platform=platform, sat__absolute_orbit=absolute)
    item["properties"]["sar:polarizations"] = ["VV"]
    assert scene(item).track.relative_orbit == relative
    assert scene(item | {"id": f"{platform}_x"}).track.relative_orbit == relative
    stated = copy.deepcopy(item)
    stated["properties"]["sat:relative_orbit"] = 12
    assert scene(stated).track.relative_orbit == 12, "what is stated is not recalculated"


# what an asset says of its pixels


def rtc(**changes: Any) -> dict[str, Any]:
    asset = {
        "href": PUBLIC[1] + "x/vv.tif",
        "type": "image/tiff",
        "roles": ["data"],
        "raster:bands": [{"nodata": -32768, "data_type": "float32"}],
    }
    made = twin(f"{SLICE}_rtc", "2026-01-10T03:45:12Z", {"vv": asset | changes, "vh": asset}, platform="SENTINEL-1C")
    made["properties"] |= {"proj:epsg": 32636, "sar:product_type": "GRD", "sat:orbit_state": "descending"}
    return made | {"collection": "sentinel-1-rtc"}


def test_radar_that_is_terrain_corrected_is_linear_power() -> None:
    """After the builder of Planetary Computer's items, which names the product type GRD."""
    made = scene(rtc())
    assert sorted(made.assets) == ["vh", "vv"]
    asset = made.assets["vv"]
    assert (asset.unit, asset.scale, asset.offset, asset.nodata, asset.epsg) == (Unit.LINEAR, 1, 0, -32768, 32636)
    assert scene(rtc(**{"raster:bands": [{}]})).assets["vv"].nodata == -32768, "what it is known to have"
    assert scene(rtc(**{"raster:bands": [{"unit": "dB"}]})).assets["vv"].unit is Unit.DECIBEL


STAC_1_0 = {"raster:bands": [{"scale": 0.0002, "offset": -0.05, "nodata": 7}]}
STAC_1_1 = {"bands": [{"name": "B04", "raster:scale": 0.0002, "raster:offset": -0.05, "nodata": 7}]}
STAC_1_1_OUTSIDE = {"bands": [{"name": "B04"}], "raster:scale": 0.0002, "raster:offset": -0.05, "nodata": 7}


@pytest.mark.parametrize("said", [STAC_1_0, STAC_1_1, STAC_1_1_OUTSIDE], ids=["1.0", "1.1", "1.1 outside bands"])
@pytest.mark.parametrize("projection", [{"proj:epsg": 32636}, {"proj:code": "EPSG:32636"}, {"proj:code": "epsg:32636"}])
def test_both_dialects_say_the_same(said: Mapping[str, Any], projection: Mapping[str, Any]) -> None:
    asset: dict[str, Any] = {"href": PUBLIC[1] + "b04.tif", **said}
    for place in ("properties", "asset"):
        item = twin(PRODUCT, "2025-01-10T08:31:02Z", {"red": asset | dict(projection if place == "asset" else {})})
        item["properties"] |= projection if place == "properties" else {"proj:code": None}
        made = scene(item).assets["b04"]
        assert (made.scale, made.offset, made.nodata, made.epsg) == (0.0002, -0.05, 7, 32636)


@pytest.mark.parametrize(
    ("title", "asset", "band"),
    [
        ("blue", {}, "b02"),
        ("B04_10m", {}, "b04"),
        ("SCL_20m", {}, "scl"),
        ("nir08", {}, "b8a"),
        ("B8A", {}, "b8a"),
        ("B8", {}, "b08"),
        ("swir16-jp2", {}, "b11"),
        ("VV", {}, "vv"),
        ("image", {"eo:bands": [{"name": "B03"}]}, "b03"),
        ("image", {"eo:bands": [{"name": "green"}]}, "b03"),
        ("image", {"eo:bands": [{"name": "band-3", "common_name": "green"}]}, "b03"),
        ("image", {"bands": [{"name": "x", "eo:common_name": "rededge071"}]}, "b05"),
        ("rededge2", {"eo:bands": [{"name": "B06", "common_name": "rededge"}]}, "b06"),
        ("image", {"eo:bands": [{"common_name": "rededge"}]}, ""),
        ("visual", {"eo:bands": [{"name": "red"}, {"name": "green"}, {"name": "blue"}]}, ""),
        ("red", {"eo:bands": [{"name": "red"}, {"name": "green"}]}, ""),
        ("aot", {}, ""),
        ("cloud", {}, ""),
        ("b13", {}, ""),
        ("b10", {}, "b10"),
    ],
)
def test_names_of_bands(title: str, asset: dict[str, Any], band: str) -> None:
    assert band_of(title, asset) == band


def bands(**assets: Mapping[str, Any]) -> dict[str, Any]:
    said = {"raster:bands": [{"scale": 1e-4, "offset": -0.1}]}
    return twin(PRODUCT, "2025-01-10T08:31:02Z", {k: {**said, **v} for k, v in assets.items()})


def test_of_two_assets_of_a_band_the_geotiff_and_then_the_finer_is_taken() -> None:
    item = bands(
        B04_60m={"href": PUBLIC[1] + "60.tif"},
        red={"href": PUBLIC[1] + "20.tif", "gsd": 20},
        B04={"href": PUBLIC[1] + "10.tif", "proj:transform": [10, 0, 0, 0, -10, 0]},
        red_5m={"href": PUBLIC[1] + "5.jp2", "gsd": 5},
    )
    assert scene(item).assets["b04"].href.endswith("10.tif")
    item["assets"]["B04"]["href"] = "s3://away/10.tif"
    assert scene(item).assets["b04"].href.endswith("20.tif"), "what is refused gives way to what is not"
    for asset in item["assets"].values():
        asset["href"] = asset["href"].replace(PUBLIC[1], "s3://away/")
    made = parsed(item, source="x", href=href)
    assert (made.scene.assets, made.refused) == ({}, {"b04": "s3: not allowed here"})


@pytest.mark.parametrize(
    ("asset", "says"),
    [
        ({"href": "file:///etc/passwd"}, "file: not allowed"),
        ({}, "'href' is missing"),
        ({"href": PUBLIC[1] + "x.tif", "raster:bands": [{"scale": "nan"}]}, "scale is 'nan'"),
        ({"href": PUBLIC[1] + "x.tif", "raster:bands": [{"scale": 1e-4, "offset": -1000}]}, "offset -1000"),
        ({"href": PUBLIC[1] + "x.tif", "raster:bands": [{"unit": "furlong"}]}, "furlong"),
        ({"href": PUBLIC[1] + "x.tif", "raster:bands": [3]}, ""),
        ({"href": PUBLIC[1] + "x.tif", "raster:bands": [{"scale": []}]}, ""),
        ({"href": PUBLIC[1] + "x.tif", "nodata": "none", "raster:bands": []}, ""),
        ({"href": PUBLIC[1] + "x.jp2"}, "JPEG 2000"),
    ],
)
def test_an_asset_that_cannot_be_used_leaves_the_others(asset: Mapping[str, Any], says: str) -> None:
    made = parsed(bands(red=asset, blue={"href": PUBLIC[1] + "b02.tif"}), source="x", href=href)
    assert set(made.scene.assets) == {"b02"}
    assert set(made.refused) == {"b04"}
    assert says in made.refused["b04"]


@pytest.mark.parametrize(
    ("changes", "error", "says"),
    [
        ({"sar:instrument_mode": "EW"}, SceneError, "mode EW"),
        ({"sar:polarizations": ["VH"]}, SourceError, "neither VV nor HH"),
        ({"datetime": "tomorrow"}, SourceError, "'tomorrow' is not a date"),
        ({"start_datetime": "2026-01-10T03:45:12Z", "end_datetime": "2026-01-09"}, SourceError, "ends before"),
        ({"constellation": "landsat"}, SourceError, "'landsat' is not known"),
        ({"sat:orbit_state": "sideways"}, SourceError, "sideways"),
        ({"sat:relative_orbit": "twelve"}, SourceError, "twelve"),
        ({"sat:relative_orbit": float("inf")}, SourceError, "infinity"),
    ],
)
def test_items_that_are_refused(changes: Mapping[str, Any], error: type[SourceError], says: str) -> None:
    item = rtc()
    item["properties"] |= changes
    with pytest.raises(SourceError, match=says) as caught:
        scene(item)
    assert type(caught.value) is error


def test_extended_modes_are_refused_by_name_too() -> None:
    with pytest.raises(SceneError, match="mode EW"):
        scene(rtc() | {"id": SLICE.replace("_IW_GRDH", "_EW_GRDM")})


@pytest.mark.parametrize("item", [None, 3, [], {}, {"properties": 3}, {"properties": {}}])
def test_what_is_no_item_is_told_as_such(item: Any) -> None:
    with pytest.raises(SourceError):
        scene(item)


@pytest.mark.parametrize(
    ("moment", "lon", "direction"),
    [
        ("2025-01-10T08:31:02Z", 35.6, Direction.DESCENDING),
        ("2025-01-10T20:31:02Z", 35.6, Direction.UNKNOWN),
        ("2025-01-10T18:31:02Z", -120, Direction.DESCENDING),
        ("2025-01-10T23:31:02Z", 170, Direction.DESCENDING),
    ],
)
def test_what_sentinel_2_saw_by_day_it_saw_descending(moment: str, lon: float, direction: Direction) -> None:
    item = twin(PRODUCT, moment)
    item["geometry"] = shapely.geometry.mapping(shapely.box(lon, 35, lon + 1, 36))
    assert scene(item).track.direction is direction
    stated = copy.deepcopy(item)
    stated["properties"]["sat:orbit_state"] = "Ascending"
    assert scene(stated).track.direction is Direction.ASCENDING


@pytest.mark.parametrize(
    ("stated", "baseline"),
    [("05.11", "05.11"), ("0511", "05.11"), ("N0511", "05.11"), (5.0, "05.00"), ("4.0", "04.00"), ("new", "05.11")],
)
def test_baselines_are_comparable_text(stated: object, baseline: str) -> None:
    item = twin(PRODUCT, "2025-01-10T08:31:02Z")
    item["properties"]["s2:processing_baseline"] = stated
    assert scene(item).baseline == baseline


def test_when_it_was_made_is_told_in_whole_seconds_by_the_first_that_says_it() -> None:
    said = {"s2:generation_time": "2025-07-31T14:39:19.987Z", "updated": "2025-08-01T00:00:00.5+02:00"}
    item = twin("x", "2025-01-10T08:31:02Z", constellation="sentinel-2")
    item["properties"] |= said
    assert scene(item).processed == "2025-07-31T14:39:19Z"
    item["properties"]["s2:generation_time"] = "soon"
    assert scene(item).processed == "2025-07-31T22:00:00Z"


# the rule of the offset


C1, L2A = "sentinel-2-c1-l2a", "sentinel-2-l2a"
EARTH_SEARCH = {"earthsearch:payload_id": "x"}
APPLIED = {"earthsearch:boa_offset_applied": True}
NOT_APPLIED = {"earthsearch:boa_offset_applied": False}


@pytest.mark.parametrize(
    ("properties", "collection", "baseline", "stated", "rule"),
    [
        # collection 1 is believed
        (EARTH_SEARCH, C1, "05.11", (1e-4, -0.1), (1e-4, -0.1, False)),
        (EARTH_SEARCH, C1, "05.00", (1e-4, 0.0), (1e-4, 0.0, False)),
        # Earth Search: the table
        (APPLIED, L2A, "05.09", (1e-4, -0.1), (1e-4, 0.0, False)),
        (APPLIED, L2A, "02.12", (1e-4, 0.0), (1e-4, 0.0, False)),
        (APPLIED, L2A, "", (1e-4, -0.1), (1e-4, 0.0, False)),
        (NOT_APPLIED, L2A, "02.12", (1e-4, 0.0), (1e-4, 0.0, False)),
        (NOT_APPLIED, L2A, "03.01", (1e-4, -0.1), (1e-4, 0.0, False)),
        (NOT_APPLIED, L2A, "04.00", (1e-4, -0.1), (1e-4, -0.1, True)),
        (NOT_APPLIED, L2A, "05.11", (1e-4, 0.0), (1e-4, -0.1, True)),
        (NOT_APPLIED, L2A, "", (1e-4, 0.0), (1e-4, -0.1, True)),
        (EARTH_SEARCH, L2A, "05.11", (1e-4, -0.1), (1e-4, -0.1, True)),
        ({"sentinel:boa_offset_applied": True}, "sentinel-s2-l2a-cogs", "05.11", (None, None), (1e-4, 0.0, False)),
        # Planetary Computer states nothing
        ({}, L2A, "02.12", (None, None), (1e-4, 0.0, False)),
        ({}, L2A, "03.01", (None, None), (1e-4, 0.0, False)),
        ({}, L2A, "04.00", (None, None), (1e-4, -0.1, False)),
        ({}, L2A, "05.11", (None, None), (1e-4, -0.1, False)),
        # others are believed
        ({}, L2A, "05.12", (1e-4, -0.1), (1e-4, -0.1, False)),
        ({}, "mine", "05.12", (2e-5, 0.0), (2e-5, 0.0, False)),
        # a scale without an offset leaves it open
        ({}, L2A, "05.12", (1e-4, None), (1e-4, -0.1, True)),
        ({}, L2A, "02.12", (1e-4, None), (1e-4, 0.0, False)),
    ],
)
def test_the_rule_of_the_offset(
    properties: Mapping[str, Any],
    collection: str,
    baseline: str,
    stated: tuple[float | None, float | None],
    rule: tuple[float, float, bool],
) -> None:
    scale, offset = stated
    found = rescaling(properties, collection, baseline=baseline, scale=scale, offset=offset)
    assert found == Rescaling(*rule)


def test_no_date_decides() -> None:
    """Old dates made again carry the offset too."""
    item = one("stactools_item_s2_c1_N0500.json")
    assert item["properties"]["datetime"].startswith("2020-09")
    as_tif = json.loads(json.dumps(item).replace("image/jp2", "image/tiff").replace(".jp2", ".tif"))
    for asset in as_tif["assets"].values():
        asset.pop("raster:bands", None)
    assert scene_anywhere(as_tif).assets["b04"].offset == -0.1


def scene_anywhere(item: Mapping[str, Any]) -> Scene:
    return to_scene(item, source="x", href=str)


def test_without_baseline_and_offset_nothing_is_read() -> None:
    made = parsed(twin("S2B_x", "2025-01-10T08:31:02Z", {"red": {"href": PUBLIC[1] + "x.tif"}}), source="x", href=href)
    assert made.scene.assets == {}
    assert "neither an offset nor a processing baseline" in made.refused["b04"]


# the pixels decide


def dn(share_dark: float, size: int = 10_000, dark: float = 600, bright: float = 1300) -> np.ndarray[Any, Any]:
    values = np.full(size, bright, np.float32)
    values[: round(size * share_dark)] = dark
    return values.reshape(100, -1)


@pytest.mark.parametrize(
    ("share", "dark", "found"),
    [(0.0, 0, False), (0.009, 600, False), (0.011, 600, True), (1.0, 300, True), (0.5, 950, False), (0.5, 899, True)],
)
def test_dark_pixels_show_that_the_offset_is_out(share: float, dark: float, found: bool) -> None:
    """Clear water in the near infrared has DN around 1000 with the offset, noise below it included."""
    band = dn(share, dark=dark) * np.float32(1e-4) - np.float32(0.1)
    assert taken_out([band], None, -0.1) is found
    assert taken_out([band, band], np.ones(band.shape, bool), -0.1) is found


def test_only_clear_ground_counts_and_enough_of_it() -> None:
    band = dn(0.5) * np.float32(1e-4) - np.float32(0.1)
    scl = np.where(band < 0, 8, 4).astype(np.float32)
    assert taken_out([band], clear_ground(scl), -0.1) is False, "what is dark lies under cloud"
    scl[:] = np.nan
    scl.flat[: LEAST_PIXELS - 1] = 6
    assert taken_out([band], clear_ground(scl), -0.1) is None
    scl.flat[LEAST_PIXELS] = 5
    assert taken_out([band], clear_ground(scl), -0.1) is True
    band[:] = np.nan
    assert taken_out([band], None, -0.1) is None
    assert taken_out([], None, -0.1) is None


def test_the_item_is_kept_as_received() -> None:
    item = OPTICAL["sentinel hub"]
    before = copy.deepcopy(item)
    assert scene(item).item == before
    assert scene(item).start == utc("2025-01-10T08:31:02Z")
