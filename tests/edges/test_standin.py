"""The stand-in for Sentinel Hub: is it strict where the service is, does it compute what it says, can it be trusted?

Driven by sentinelhub-py, unmodified. What these tests assert of the service is what recordings and its document say.
"""

from __future__ import annotations

import copy
import json
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import requests
import shapely
from conftest import real_data
from scipy.stats import kstest
from servers.sentinel_hub import (
    Collection,
    Fault,
    Pixels,
    Raster,
    SceneRecord,
    SentinelHub,
    SyntheticWorld,
    Trouble,
    empty_request,
    forbidden,
    quota,
    sentinel1,
    sentinel2,
    serve,
    status,
    too_many,
    truth,
)
from servers.sentinel_hub.document import Document, Part, published
from servers.sentinel_hub.evalscript import Band, Output, SampleType, Setup, converted
from servers.sentinel_hub.imagery import footprint_mask
from servers.sentinel_hub.units import spent
from servers.sentinel_hub.world import is_sea

from monitor.grid import Grid

PASS = datetime(2025, 3, 21, 17, 24, 8, 400_000, tzinfo=UTC)
NOON = PASS.replace(hour=10)
GRID = Grid(epsg=32631, left=590_100, top=5_756_100, resolution=10, height=40, width=50)
EAST_OF = shapely.box(4.3135, 51, 6, 53)
"""Begins inside the grid: about 30 of its 50 columns are seen."""

DAY = ("2025-03-21", "2025-03-21")
FLAT = {"backCoeff": "GAMMA0_TERRAIN", "orthorectify": True, "demInstance": "COPERNICUS_30"}

POWER = """//VERSION=3
function setup() {
  return { input: ["VV", "VH", "dataMask"], output: { id: "default", bands: 3, sampleType: "FLOAT32" } };
}
function evaluatePixel(s) { return [s.VV, s.VH, s.dataMask]; }"""


def radar(start: datetime = PASS, footprint: Any = None, **more: Any) -> SceneRecord:
    return sentinel1(start, footprint or shapely.box(3, 51, 6, 53), **more)


def optical(start: datetime = NOON, **more: Any) -> SceneRecord:
    return sentinel2(start, shapely.box(3, 51, 6, 53), **more)


WORLD = SyntheticWorld([radar(), optical()])


@pytest.fixture(scope="module")
def document() -> Path:
    return real_data("api") / "sentinelhub" / "openapi.v1.yaml"


@pytest.fixture(scope="module")
def running_server(document: Path) -> Iterator[SentinelHub]:
    with serve(WORLD, document=document) as server:
        yield server


@pytest.fixture
def server(running_server: SentinelHub) -> Iterator[SentinelHub]:
    """As new. What a test leaves in `violations` without having looked for it is an error."""
    running_server.clear()
    running_server.world, running_server.now, running_server.units_quota = WORLD, None, None
    running_server.token_life_s = 1800
    yield running_server
    assert running_server.violations == []


def taken(server: SentinelHub) -> list[str]:
    """The violations, which are thereby expected."""
    violations, server.violations = server.violations, []
    return violations


class Client:
    """sentinelhub-py, as its documentation says to use it."""

    def __init__(self, server: SentinelHub) -> None:
        import sentinelhub

        self.library: Any = sentinelhub
        self.server = server
        known = self.library.DataCollection
        port = server.url.rsplit(":", 1)[1]
        self.collections = {
            Collection.SENTINEL1: known.SENTINEL1.define_from(f"s1_{port}", service_url=server.url),
            Collection.SENTINEL2: known.SENTINEL2_L2A.define_from(f"s2_{port}", service_url=server.url),
        }
        self.download = self.library.download.SentinelHubDownloadClient
        self.download.clear_cache()

    def config(self, **changes: Any) -> Any:
        values = {
            "sh_client_id": self.server.client_id,
            "sh_client_secret": self.server.client_secret,
            "sh_base_url": self.server.url,
            "sh_token_url": self.server.token_url,
            "max_download_attempts": 3,
            "download_sleep_time": 0.05,
            "download_timeout_seconds": 5,
            "max_retries": 3,
        }
        return self.library.SHConfig(use_defaults=True, **(values | changes))

    def request(
        self,
        script: str = POWER,
        *,
        collection: Collection = Collection.SENTINEL1,
        outputs: Sequence[str] = ("default",),
        interval: Any = DAY,
        grid: Grid = GRID,
        options: Mapping[str, Any] | None = None,
        config: Mapping[str, Any] | None = None,
        **how: Any,
    ) -> Any:
        if options is None and collection is Collection.SENTINEL1:
            options = {"processing": FLAT}
        request = self.library.SentinelHubRequest
        return request(
            evalscript=script,
            input_data=[
                request.input_data(self.collections[collection], time_interval=interval, other_args=options or {})
            ],
            responses=[request.output_response(name, self.library.MimeType.TIFF) for name in outputs],
            bbox=self.library.BBox(grid.bounds, self.library.CRS(str(grid.epsg))),
            config=self.config(**(config or {})),
            **(how or {"resolution": (grid.resolution, grid.resolution)}),
        )

    def get(self, script: str = POWER, **more: Any) -> Any:
        """The decoded answer: (rows, columns[, bands]), or a dictionary of them."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", self.library.exceptions.SHRateLimitWarning)
            return self.request(script, **more).get_data()[0]

    def search(self, **more: Any) -> list[Any]:
        catalog = self.library.SentinelHubCatalog(config=self.config())
        values = {"collection": "sentinel-1-grd", "time": DAY, "bbox": self.area()} | more
        return list(catalog.search(**values))

    def area(self) -> Any:
        """GRID's, WGS84."""
        return self.library.BBox((4.311, 51.945, 4.318, 51.948), self.library.CRS.WGS84)


@pytest.fixture(scope="module")
def surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Logging in over plain http is allowed; the user's own settings are out of reach."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
        yield


@pytest.fixture
def client(server: SentinelHub, surroundings: None) -> Client:
    return Client(server)


def script(body: str, *, inputs: str = '["VV", "VH", "dataMask"]', bands: int = 1, kind: str = "FLOAT32") -> str:
    return f"""//VERSION=3
function setup() {{
  return {{ input: {inputs}, output: {{ bands: {bands}, sampleType: "{kind}" }} }};
}}
function evaluatePixel(s) {{ {body} }}"""


# ------------------------------------------------------------------------------------------------ the document


@pytest.fixture(scope="module")
def published_document(document: Path) -> Document:
    return published(document)


def captured(name: str) -> dict[str, Any]:
    text = (real_data("api") / "sentinelhub" / f"process_request_{name}_captured.json").read_text()
    body: dict[str, Any] = json.loads(text)["body"]
    return body


FILTER = ("input", "data", 0, "dataFilter")


@pytest.mark.parametrize("name", ["s1", "s2_tar"])
def test_what_the_client_is_recorded_to_send_is_right(published_document: Document, name: str) -> None:
    assert published_document.problems(Part.PROCESS, captured(name)) == []


@pytest.mark.parametrize(
    ("path", "value", "parameter"),
    [
        (
            ("input", "data", 0, "dataFilter", "mosaickingOrder"),
            "newest",
            "input->data->0->dataFilter->mosaickingOrder",
        ),
        (
            ("input", "data", 0, "dataFilter", "orbitDirection"),
            "ascending",
            "input->data->0->dataFilter->orbitDirection",
        ),
        (
            ("input", "data", 0, "dataFilter", "timeRange", "from"),
            "March",
            "input->data->0->dataFilter->timeRange->from",
        ),
        (("input", "data", 0, "processing", "backCoeff"), "GAMMA0", "input->data->0->processing->backCoeff"),
        (("input", "data", 0, "processing", "backCoef"), "GAMMA0_TERRAIN", "input->data->0->processing"),
        (("input", "data", 0, "processing", "orthorectify"), "true", "input->data->0->processing->orthorectify"),
        (
            ("input", "data", 0, "processing", "speckleFilter", "windowSizeX"),
            9,
            "input->data->0->processing->speckleFilter->windowSizeX",
        ),
        (("input", "data", 0, "type"), "sentinel-1", "input->data->0->type"),
        (("input", "bounds", "bbox"), [1, 2, 3], "input->bounds->bbox"),
        (("output", "responses", 0, "format", "type"), "image/gif", "output->responses->0->format->type"),
        (("output", "resolution"), 10, "output"),
        (("evalscript",), None, "evalscript"),
    ],
)
def test_one_wrong_value_is_found_and_named(
    published_document: Document, path: tuple[Any, ...], value: Any, parameter: str
) -> None:
    body = copy.deepcopy(captured("s1"))
    place = body
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    assert [problem.parameter for problem in published_document.problems(Part.PROCESS, body)] == [parameter]


def test_options_of_one_sensor_are_wrong_for_the_other(published_document: Document) -> None:
    body = captured("s2_tar")
    body["input"]["data"][0]["processing"] = {"orthorectify": True}
    assert "orthorectify" in str(published_document.problems(Part.PROCESS, body)[0])


# ------------------------------------------------------------------------------------------------ login


def test_both_realms_give_tokens(server: SentinelHub, client: Client) -> None:
    for realm in ("CDSE", "main"):
        client.download.clear_cache()
        client.get(config={"sh_token_url": server.token_url_of(realm)})
    assert server.counts == {"token": 2, "process": 2}


def test_a_wrong_secret_is_refused_in_the_words_of_the_login(server: SentinelHub, client: Client) -> None:
    from oauthlib.oauth2 import InvalidClientError  # type: ignore[import-untyped]

    with pytest.raises(InvalidClientError):
        client.get(config={"sh_client_id": "other", "sh_client_secret": "no"})
    assert [(r.name, r.status) for r in server.requests] == [("token", 401)]


def test_a_token_serves_until_it_is_revoked(server: SentinelHub, client: Client) -> None:
    client.get()
    client.get()
    assert server.counts["token"] == 1
    server.revoke()
    with pytest.raises(client.library.exceptions.DownloadFailedException) as refusal:
        client.get()
    assert refusal.value.request_exception.response.json()["error"]["code"] == "COMMON_UNAUTHORIZED"
    client.download.clear_cache()
    client.get()
    assert [r.status for r in server.requests if r.name == "process"] == [200, 200, 401, 200]


def test_a_token_ends(server: SentinelHub, client: Client) -> None:
    server.token_life_s = 0.2
    token = requests.post(server.token_url, data=login(server), timeout=5).json()["access_token"]
    time.sleep(0.25)
    headers = {"Authorization": f"Bearer {token}"}
    assert requests.post(f"{server.url}/api/v1/process", json={}, headers=headers, timeout=5).status_code == 401


def test_shorter_lives_than_the_client_likes_make_it_log_in_each_time(server: SentinelHub, client: Client) -> None:
    server.token_life_s = 100
    for _ in range(3):
        client.get()
    assert server.counts["token"] >= 3


def login(server: SentinelHub) -> dict[str, str]:
    return {
        "grant_type": "client_credentials",
        "client_id": server.client_id,
        "client_secret": server.client_secret,
    }


def test_no_secret_and_no_token_is_kept(server: SentinelHub, client: Client) -> None:
    client.get()
    client.search()
    seen = repr(server.requests)
    assert server.client_secret not in seen
    assert "eyJ" not in seen


# ------------------------------------------------------------------------------------------------ Catalog


@pytest.fixture
def month(server: SentinelHub) -> list[SceneRecord]:
    """Five passes, alternately up and down, newest first, and one elsewhere."""
    passes = [
        radar(PASS - timedelta(days=6 * n), direction="ascending" if n % 2 == 0 else "descending") for n in range(5)
    ]
    server.world = SyntheticWorld([*reversed(passes), radar(footprint=shapely.box(20, 0, 21, 1)), optical()])
    return passes


MONTH = ("2025-02-20", "2025-03-22")


def test_a_search_gives_each_item_once_over_all_pages(
    server: SentinelHub, client: Client, month: list[SceneRecord]
) -> None:
    items = client.search(time=MONTH, limit=2)
    assert [item["id"] for item in items] == [scene.id for scene in month]
    assert server.counts["search"] == 3


def test_items_have_the_shape_of_the_service(client: Client) -> None:
    (item,) = client.search()
    properties = item["properties"]
    assert properties["datetime"] == "2025-03-21T17:24:08Z"  # whole seconds, as recorded
    assert properties["sar:polarizations"] == ["VV", "VH"]
    assert properties["proj:geometry"]["crs"]["properties"]["name"] == "urn:ogc:def:crs:EPSG::32631"
    assert item["assets"]["data"]["href"].startswith("s3://")
    assert "sat:relative_orbit" not in properties
    orbit = int(item["id"].split("_")[6])
    assert (orbit - 73) % 175 + 1 == WORLD.all[0].relative_orbit


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("sat:orbit_state='ascending'", 3),
        ("sar:instrument_mode='IW' AND s1:polarization='DV' AND sat:orbit_state='descending'", 2),
        ("s1:polarization='SV'", 0),
    ],
)
def test_filters_on_attributes(client: Client, month: list[SceneRecord], text: str, count: int) -> None:
    assert len(client.search(time=MONTH, filter=text)) == count


def test_the_filters_that_the_client_makes_of_a_collection_are_understood(client: Client) -> None:
    wanted = client.library.DataCollection.SENTINEL1_IW_ASC
    assert len(client.search(collection=wanted)) == 1


@pytest.mark.parametrize(("text", "count"), [("eo:cloud_cover < 30", 1), ("eo:cloud_cover<=40", 2)])
def test_filters_on_clouds(server: SentinelHub, client: Client, text: str, count: int) -> None:
    server.world = SyntheticWorld([optical(cloud_cover=20), optical(cloud_cover=40, tile="31UFT")])
    assert len(client.search(collection="sentinel-2-l2a", filter=text)) == count


def test_ids_fields_and_distinct(client: Client, month: list[SceneRecord]) -> None:
    assert [item["id"] for item in client.search(time=MONTH, ids=[month[3].id])] == [month[3].id]
    fields = {"include": ["id", "properties.datetime"], "exclude": ["geometry", "assets"]}
    assert client.search(fields=fields)[0].keys() == {"id", "type", "bbox", "links", "stac_version", "properties"}
    assert client.search(time=MONTH, distinct="date") == sorted(f"{s.start:%Y-%m-%d}" for s in month)


@pytest.mark.parametrize(
    ("interval", "count"),
    [
        (("2025-03-21T17:24:08", "2025-03-21T17:24:08"), 1),  # both ends belong to it
        (("2025-03-21T17:24:09", "2025-03-22"), 0),
        (("2025-03-20", "2025-03-21T17:24:07"), 0),
    ],
)
def test_the_time_counts(client: Client, interval: tuple[str, str], count: int) -> None:
    assert len(client.search(time=interval)) == count


def test_the_area_counts(client: Client, month: list[SceneRecord]) -> None:
    near = client.library.Geometry(shapely.box(20.5, 0.5, 21.5, 1.5), client.library.CRS.WGS84)
    assert len(client.search(bbox=None, geometry=near)) == 1
    assert client.search(bbox=client.library.BBox((60, 0, 61, 1), client.library.CRS.WGS84)) == []


def test_scenes_are_listed_once_they_are_published(server: SentinelHub, client: Client) -> None:
    late = radar(published=PASS + timedelta(days=2))
    server.world = SyntheticWorld([late])
    server.now = PASS + timedelta(days=1)
    assert client.search() == []
    assert not client.get()[..., 2].any()
    server.now = PASS + timedelta(days=2)
    assert [item["id"] for item in client.search()] == [late.id]
    assert client.get()[..., 2].all()


@pytest.mark.parametrize(
    "changes",
    [
        {"filter": "eo:cloud_cover < 30"},
        {"filter": "sat:orbit_state LIKE 'asc%'"},
        {"filter": "sat:orbit_state='ascending' OR s1:polarization='SV'"},
        {"collections": ["sentinel-1-slc"]},
        {"collections": ["sentinel-1-grd", "sentinel-2-l2a"]},
        {"datetime": "2025-03-22T00:00:00Z/2025-03-21T00:00:00Z"},
        {"datetime": None},
        {"bbox": [6, 51, 3, 53]},
        {"limit": 1000},
        {"query": {}},
        {"distinct": "platform"},
    ],
    ids=str,
)
def test_searches_that_the_service_would_refuse(server: SentinelHub, client: Client, changes: dict[str, Any]) -> None:
    body = {
        "collections": ["sentinel-1-grd"],
        "datetime": "2025-03-21T00:00:00Z/2025-03-22T00:00:00Z",
        "bbox": [3, 51, 6, 53],
        "limit": 10,
    } | changes
    body = {key: value for key, value in body.items() if value is not None}
    answer = posted(server, "/api/v1/catalog/1.0.0/search", body)
    assert answer.status_code == 400
    assert answer.json().keys() == {"code", "description"}
    assert taken(server)[0].startswith("search:")


def posted(server: SentinelHub, path: str, body: Any) -> requests.Response:
    token = requests.post(server.token_url, data=login(server), timeout=5).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    return requests.post(server.url + path, json=body, headers=headers, timeout=10)


# ------------------------------------------------------------------------------------------------ evalscripts


def test_the_script_is_executed(client: Client) -> None:
    values = client.get(script("return [Math.sqrt(s.VV) + 3 * s.VH];"))
    vv, vh = (truth(WORLD, WORLD.all[0], band, GRID) for band in ("VV", "VH"))
    np.testing.assert_allclose(values, np.sqrt(vv) + 3 * vh, rtol=1e-6)


def test_a_band_that_is_no_input_is_undefined(client: Client) -> None:
    kinds = client.get(script('return [typeof s.VH === "undefined" ? 7 : 8];', inputs='["VV"]', kind="UINT8"))
    assert np.unique(kinds).tolist() == [7]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("//VERSION=3\nfunction setup({", "Syntax"),
        (script("return [s.VV * factor];"), "factor"),
        (script("return [s.VV, s.VH];"), "2"),
        (script("return s.VV;"), "array"),
        (script("return;"), "undefined"),
        (script("return [s.B04];", inputs='["B04"]'), "B04"),
        (script("return [s.VV];", inputs='[{bands: ["VV"], units: "DN"}]'), "DN"),
        (script("return [s.VV];", kind="FLOAT64"), "FLOAT64"),
        (POWER.replace("//VERSION=3", ""), "VERSION"),
        (POWER.replace('id: "default"', 'id: "other"'), "default"),
        ("//VERSION=3\nfunction setup() { return {input: ['VV'], output: {bands: 1}}; }", "evaluatePixel"),
    ],
)
def test_a_fault_of_the_script_is_refused_and_costs_nothing(
    server: SentinelHub, client: Client, text: str, why: str
) -> None:
    with pytest.raises(client.library.exceptions.DownloadFailedException) as refusal:
        client.get(text)
    error = refusal.value.request_exception.response.json()["error"]
    assert (error["status"], error["code"]) == (400, "RENDERER_EXCEPTION")
    assert why in error["message"]
    assert server.units == 0
    assert len(taken(server)) == 1


@pytest.mark.parametrize(
    ("kind", "given", "written"),
    [
        (SampleType.UINT8, [-3, 0.49, 0.5, 40.6, 254.6, 310, np.nan], [0, 0, 1, 41, 255, 255, 0]),
        (SampleType.UINT16, [-1, 0.2, 65534.6, 70000], [0, 0, 65535, 65535]),
        (SampleType.INT16, [-40000, -1.2, 1.5], [-32768, -1, 2]),
        (SampleType.AUTO, [-0.1, 0, 0.5, 1, 2], [0, 0, 128, 255, 255]),
        (SampleType.FLOAT32, [-0.25, 1e6], [-0.25, 1e6]),
    ],
)
def test_sample_types_round_and_clamp_as_documented(kind: SampleType, given: list[float], written: list[float]) -> None:
    values = converted(np.array(given, float), kind)
    assert values.tolist() == written
    assert values.dtype == kind.dtype


def test_two_outputs_come_as_an_archive_in_their_types(client: Client) -> None:
    text = """//VERSION=3
    function setup() {
      return { input: [{ bands: ["B04", "B08", "SCL", "dataMask"] }],
        output: [{ id: "default", bands: 2, sampleType: "FLOAT32" }, { id: "mask", bands: 2, sampleType: "UINT8" }] };
    }
    function evaluatePixel(s) { return { default: [s.B04, s.B08], mask: [s.SCL, s.dataMask] }; }"""
    found = client.get(text, collection=Collection.SENTINEL2, outputs=("default", "mask"))
    red, classes = (truth(WORLD, WORLD.all[1], band, GRID) for band in ("B04", "SCL"))
    np.testing.assert_array_equal(found["default.tif"][..., 0], red.astype(np.float32))
    np.testing.assert_array_equal(found["mask.tif"][..., 0], classes)
    assert found["mask.tif"].dtype == np.uint8
    assert len(np.unique(classes)) > 1


def test_what_a_script_says_about_its_work_comes_along(client: Client) -> None:
    library = client.library
    text = POWER + "\nfunction updateOutputMetadata(scenes, input, output) { output.userData = {version: 3}; }"
    request = client.request(text)
    answer = library.SentinelHubRequest(
        evalscript=text,
        input_data=[request.payload["input"]["data"][0]],
        responses=[
            library.SentinelHubRequest.output_response("default", library.MimeType.TIFF),
            library.SentinelHubRequest.output_response("userdata", library.MimeType.JSON),
        ],
        bbox=library.BBox(GRID.bounds, library.CRS("32631")),
        size=(5, 4),
        config=client.config(),
    ).get_data()[0]
    assert answer["userdata.json"] == {"version": 3}
    assert answer["default.tif"].shape == (4, 5, 3)


# ------------------------------------------------------------------------------------------------ pixels


def test_the_image_lies_where_it_was_asked_for(client: Client) -> None:
    (answer,) = client.request().get_data(decode_data=False)
    with rasterio.MemoryFile(answer.content) as memory, memory.open() as dataset:
        assert dataset.crs.to_epsg() == GRID.epsg
        assert tuple(dataset.transform)[:6] == GRID.transform
        assert dataset.compression.name == "deflate"
        assert (dataset.height, dataset.width) == GRID.shape


def test_tiles_of_one_area_equal_the_whole(server: SentinelHub, client: Client) -> None:
    server.world = SyntheticWorld([radar(footprint=EAST_OF), radar(PASS - timedelta(seconds=25))])
    whole = client.get()
    rows = []
    for top in (0, 13, 26):
        row = []
        for left in (0, 17, 34):
            height, width = min(13, 40 - top) if top < 26 else 14, 17 if left < 34 else 16
            part = Grid(
                epsg=GRID.epsg,
                left=GRID.left + 10 * left,
                top=GRID.top - 10 * top,
                resolution=10,
                height=height,
                width=width,
            )
            row.append(client.get(grid=part))
        rows.append(np.concatenate(row, axis=1))
    np.testing.assert_array_equal(np.concatenate(rows), whole)


def test_the_newest_scene_lies_on_top_and_footprints_end(server: SentinelHub, client: Client) -> None:
    newer, older = radar(footprint=EAST_OF), radar(PASS - timedelta(seconds=25), shapely.box(4.312, 51, 6, 53))
    server.world = world = SyntheticWorld([older, newer])
    first, second = (truth(world, scene, "VV", GRID) for scene in (newer, older))
    found = client.get()
    expected = np.where(np.isfinite(first), first, second)
    seen = np.isfinite(expected)
    assert 0 < np.isfinite(first).sum() < seen.sum() < seen.size
    np.testing.assert_array_equal(found[..., 2], seen)
    np.testing.assert_array_equal(found[..., 0], np.where(seen, expected, 0).astype(np.float32))
    assert server.processed[-1].scenes == (newer.id, older.id)

    options = {"processing": FLAT, "dataFilter": {"mosaickingOrder": "leastRecent"}}
    below = client.get(options=options)[..., 0]
    np.testing.assert_array_equal(below, np.where(seen, second, 0).astype(np.float32))


@pytest.mark.parametrize(
    ("conditions", "seen"),
    [
        ({"orbitDirection": "ASCENDING", "polarization": "DV", "acquisitionMode": "IW", "resolution": "HIGH"}, True),
        ({"orbitDirection": "DESCENDING"}, False),
        ({"polarization": "SV"}, False),
        ({"acquisitionMode": "EW"}, False),
        ({"resolution": "MEDIUM"}, False),
    ],
)
def test_conditions_on_scenes(client: Client, conditions: dict[str, str], seen: bool) -> None:
    found = client.get(options={"processing": FLAT, "dataFilter": conditions})
    assert bool(found[..., 2].any()) is seen
    assert bool(found[..., 0].any()) is seen


@pytest.mark.parametrize(
    ("since", "until", "seen"),
    [
        ("2025-03-21T17:24:08Z", "2025-03-21T17:24:08Z", False),  # the scene begins 0.4 s later
        ("2025-03-21T17:24:08Z", "2025-03-21T17:24:09Z", True),
        ("2025-03-21T17:24:09Z", "2025-03-21T18:00:00Z", False),
    ],
)
def test_the_time_range_is_exact(client: Client, since: str, until: str, seen: bool) -> None:
    assert bool(client.get(interval=(since, until))[..., 2].any()) is seen


def test_what_a_forgotten_radar_option_does_is_seen(client: Client) -> None:
    right = client.get()[..., 0]
    np.testing.assert_array_equal(right, truth(WORLD, WORLD.all[0], "VV", GRID).astype(np.float32))

    unmoved = client.get(options={"processing": {"orthorectify": True}})[..., 0]
    assert np.abs(10 * np.log10(unmoved / right)).max() > 0.5
    sigma = client.get(options={"processing": {"orthorectify": True, "backCoeff": "SIGMA0_ELLIPSOID"}})[..., 0]
    np.testing.assert_allclose(sigma / unmoved, np.cos(np.radians(38)), rtol=1e-5)

    moved = client.get(options={})[..., 0]  # the service's defaults
    level = moved[:, :-7] / right[:, 7:]
    assert np.abs(10 * np.log10(level)).max() < 2.3  # the same speckle, 70 m away, under the relief
    assert np.abs(10 * np.log10(moved / right)).mean() > 2


def test_a_speckle_filter_smooths_without_seams(server: SentinelHub, client: Client) -> None:
    lee = {"processing": FLAT | {"speckleFilter": {"type": "LEE", "windowSizeX": 5, "windowSizeY": 3}}}
    plain, smooth = client.get()[..., 0], client.get(options=lee)[..., 0]
    sea = is_sea(GRID)
    assert np.log(smooth[sea]).std() < 0.8 * np.log(plain[sea]).std()
    part = Grid(epsg=GRID.epsg, left=GRID.left + 200, top=GRID.top, resolution=10, height=40, width=30)
    np.testing.assert_allclose(client.get(options=lee, grid=part)[..., 0], smooth[:, 20:], rtol=1e-5)


def test_terrain_correction_needs_orthorectification(server: SentinelHub, client: Client) -> None:
    with pytest.raises(client.library.exceptions.DownloadFailedException):
        client.get(options={"processing": {"backCoeff": "GAMMA0_TERRAIN"}})
    assert "needs orthorectify" in taken(server)[0]


@pytest.mark.parametrize(
    ("baseline", "harmonised", "offset"),
    [("05.11", True, 0), ("05.11", False, 1000), ("02.14", False, 0), ("05.11", None, 0)],
)
def test_digital_numbers_are_harmonised_unless_told_not_to(
    server: SentinelHub, client: Client, baseline: str, harmonised: bool | None, offset: int
) -> None:
    scene = optical(baseline=baseline)
    server.world = world = SyntheticWorld([scene])
    options = {} if harmonised is None else {"processing": {"harmonizeValues": harmonised}}
    text = script("return [s.B04];", inputs='[{bands: ["B04"], units: "DN"}]', kind="UINT16")
    found = client.get(text, collection=Collection.SENTINEL2, options=options)
    np.testing.assert_array_equal(found, np.round(truth(world, scene, "B04", GRID) * 10_000) + offset)


def test_clouds_are_limited_and_sorted(server: SentinelHub, client: Client) -> None:
    clear, cloudy = optical(cloud_cover=10, tile="31UFT"), optical(PASS.replace(hour=11), cloud_cover=90)
    server.world = SyntheticWorld([clear, cloudy])
    text = script("return [s.B04];", inputs='["B04"]')
    for conditions, first in (
        ({}, cloudy),
        ({"maxCloudCoverage": 50}, clear),
        ({"mosaickingOrder": "leastCC"}, clear),
    ):
        found = client.get(text, collection=Collection.SENTINEL2, options={"dataFilter": conditions})
        np.testing.assert_array_equal(found, truth(server.world, first, "B04", GRID).astype(np.float32))


def test_a_footprint_across_the_dateline(server: SentinelHub, client: Client) -> None:
    across = shapely.MultiPolygon([shapely.box(179, -18, 180, -16), shapely.box(-180, -18, -179, -16)])
    grid = Grid(epsg=32760, left=818_000, top=8_120_000, resolution=100, height=40, width=80)
    server.world = SyntheticWorld([radar(footprint=across)])
    assert client.get(grid=grid)[..., 2].all()
    half = shapely.box(179, -18, 180, -16)
    server.world = SyntheticWorld([radar(footprint=half)])
    assert 0.1 < client.get(grid=grid)[..., 2].mean() < 0.9


class Ramp:
    """A world of one's own: the value is the easting; nothing was measured east of the middle."""

    def __init__(self, scene: SceneRecord) -> None:
        self.scene = scene

    def scenes(self, collection: Collection) -> Sequence[SceneRecord]:
        return [self.scene]

    def pixels(self, scene: SceneRecord, band: str, raster: Raster) -> Pixels:
        x = raster.transform[2] + (np.arange(raster.width) + 0.5) * raster.transform[0]
        return np.broadcast_to(np.where(x < GRID.left + 250, x, np.nan), (raster.height, raster.width))


def test_a_pixel_that_the_product_does_not_hold_is_not_seen(server: SentinelHub, client: Client) -> None:
    server.world = Ramp(radar())
    found = client.get()
    assert found[0, 0].tolist() == [GRID.left + 5, GRID.left + 5, 1]
    assert found[..., 2].sum() == 25 * GRID.height
    assert not found[:, 25:].any()


def test_every_band_is_served(client: Client) -> None:
    optical_bands = '["B01","B02","B03","B04","B05","B06","B07","B08","B8A","B09","B11","B12","SCL"]'
    total = client.get(
        script("return [Object.values(s).filter(v => v > 0).length];", inputs=optical_bands),
        collection=Collection.SENTINEL2,
    )
    assert np.unique(total).tolist() == [13]
    angle = client.get(script("return [s.localIncidenceAngle];", inputs='["localIncidenceAngle"]'))
    assert np.unique(angle).tolist() == [38]


def test_a_channel_that_was_not_acquired_is_not_seen(server: SentinelHub, client: Client) -> None:
    server.world = SyntheticWorld([radar(polarisation="SV")])
    assert client.get(script("return [s.dataMask];", inputs='["VV", "dataMask"]')).all()
    assert not client.get(script("return [s.dataMask];", inputs='["VH", "dataMask"]')).any()


def test_speckle_has_four_looks_and_no_pattern() -> None:
    grid = Grid(epsg=32631, left=600_000, top=5_800_000, resolution=10, height=200, width=200)
    scene = WORLD.all[0]
    values = WORLD.pixels(scene, "VV", grid)
    sea = is_sea(grid)
    assert 0.5 < sea.mean() < 0.8
    dark = values[sea] / 10**-2.0
    assert abs((values[~sea] / 10**-0.8).mean() - 1) < 0.02
    assert abs(dark.mean() - 1) < 0.02
    assert abs(1 / dark.var() - 4) < 0.2
    assert kstest(dark, "gamma", args=(4, 0, 0.25)).pvalue > 1e-3
    noise = WORLD.pixels(scene, "VH", grid) / WORLD.pixels(scene, "VV", grid)
    assert len(np.unique(noise)) > 0.99 * noise.size
    later = WORLD.pixels(radar(PASS + timedelta(days=12)), "VV", grid)
    assert abs(np.corrcoef(values[sea], later[sea])[0, 1]) < 0.02
    beside = sea[:, 1:] & sea[:, :-1]
    assert abs(np.corrcoef(values[:, 1:][beside], values[:, :-1][beside])[0, 1]) < 0.02


# ------------------------------------------------------------------------------------------------ size and units


def test_too_many_pixels_are_refused_in_the_recorded_words(server: SentinelHub, client: Client) -> None:
    recorded = json.loads((real_data("api") / "errors" / "README.json").read_text())
    expected = recorded["sentinelhub_process_400_dims"]["body"]["error"]
    wide = Grid(epsg=32631, left=590_000, top=5_755_000, resolution=10, height=10, width=2624)
    with pytest.raises(client.library.exceptions.DownloadFailedException) as refusal:
        client.get(grid=wide)
    error = refusal.value.request_exception.response.json()["error"]
    assert error["errors"] == expected["errors"]
    assert (error["status"], error["reason"], error["code"]) == (400, "Bad Request", expected["code"])
    assert len(taken(server)) == 1


def test_size_and_resolution_together_are_refused(server: SentinelHub) -> None:
    body = captured("s1")
    body["output"] |= {"width": 100, "height": 100}
    assert posted(server, "/api/v1/process", body).status_code == 400
    assert "exclude each other" in taken(server)[0]


def test_a_size_is_taken_as_well_as_a_resolution(client: Client) -> None:
    np.testing.assert_array_equal(client.get(size=(GRID.width, GRID.height)), client.get())


def test_an_empty_body_is_refused_in_the_recorded_words(server: SentinelHub) -> None:
    answer = posted(server, "/api/v1/process", None)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == "Request body should be non-empty."
    taken(server)


@pytest.mark.parametrize(
    ("bands", "kind", "processing", "units"),
    [
        (("VV", "VH", "dataMask"), SampleType.UINT16, {}, 0.64),
        (("VV", "VH", "dataMask"), SampleType.FLOAT32, {"orthorectify": True}, 2.54),
        (("VV", "VH", "dataMask"), SampleType.FLOAT32, FLAT, 3.18),
        (("VV", "VH", "dataMask"), SampleType.UINT16, {"orthorectify": True}, 1.27),
        (("VV", "VH", "dataMask"), SampleType.UINT16, FLAT, 1.59),
        (("B02", "B03", "B04", "B08"), SampleType.UINT16, {}, 1.27),
        (("B02", "B03", "B04", "B08", "SCL", "dataMask"), SampleType.UINT16, {}, 1.59),
    ],
)
def test_units_of_five_kilometres_at_ten_metres(
    bands: Sequence[str], kind: SampleType, processing: dict[str, Any], units: float
) -> None:
    setup = Setup(
        inputs=[Band(name=name, unit="") for name in bands],
        outputs=[Output(id="default", bands=1, sample_type=kind, nodata=None)],
    )
    assert spent(setup, 500, 500, processing) == pytest.approx(units, abs=0.005)


def test_speckle_filtering_doubles_and_nothing_is_cheaper_than_the_least() -> None:
    setup = Setup(
        inputs=[Band(name="VV", unit="")],
        outputs=[Output(id="default", bands=1, sample_type=SampleType.UINT8, nodata=None)],
    )
    lee = {"type": "LEE", "windowSizeX": 3, "windowSizeY": 3}
    assert spent(setup, 512, 512, {"speckleFilter": lee}) == pytest.approx(2 * spent(setup, 512, 512, {}))
    assert spent(setup, 1, 1, {}) == 0.005


def test_only_images_are_charged(server: SentinelHub, client: Client) -> None:
    (answer,) = client.request().get_data(decode_data=False)
    units = float(answer.headers["x-processingunits-spent"])
    assert server.units == units == server.requests[-1].units > 0
    server.faults += [status(503), status(500)]
    client.get()
    assert [r.units for r in server.requests if r.name == "process"] == [units, 0, 0, units]
    assert server.units == 2 * units


def test_the_quota_ends(server: SentinelHub, client: Client) -> None:
    client.get()
    server.units_quota = 2 * server.units
    client.get()
    with pytest.raises(client.library.exceptions.DownloadFailedException) as refusal:
        client.get()
    assert refusal.value.request_exception.response.status_code == 403
    recorded = json.loads((real_data("api") / "errors" / "README.json").read_text())
    assert refusal.value.request_exception.response.json() == recorded["sentinelhub_process_403_quota"]["body"]
    assert server.units == server.units_quota


# ------------------------------------------------------------------------------------------------ faults


@pytest.mark.parametrize(
    "fault",
    [
        *(status(code) for code in (500, 502, 503, 504)),
        too_many(retry_after="50"),
        Fault(Trouble.CUT),
        Fault(Trouble.CLOSED),
        Fault(Trouble.LATE, delay_s=0.1),
    ],
    ids=lambda fault: f"{fault.trouble} {fault.status}",
)
def test_faults_that_the_client_overcomes_by_itself(server: SentinelHub, client: Client, fault: Fault) -> None:
    server.faults.append(copy.copy(fault))
    np.testing.assert_array_equal(client.get(), client.get())
    assert server.requests[1].fault == fault.trouble
    assert server.counts["process"] == (2 if fault.trouble is Trouble.LATE else 3)


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (status(401), "COMMON_UNAUTHORIZED"),
        (quota(), "ACCESS_INSUFFICIENT_PROCESSING_UNITS"),
        (forbidden(), "COMMON_INSUFFICIENT_PERMISSIONS"),
        (empty_request(), "COMMON_BAD_PAYLOAD"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_refusals_that_end_a_request(server: SentinelHub, client: Client, fault: Fault, code: str) -> None:
    server.faults.append(copy.copy(fault))
    with pytest.raises(client.library.exceptions.DownloadFailedException) as refusal:
        client.get()
    assert refusal.value.request_exception.response.json()["error"]["code"] == code
    client.get()
    assert server.counts["process"] == 2


@pytest.mark.parametrize("header", ["2.5", "Wed, 21 Oct 2026 07:28:00 GMT"])
def test_the_client_dies_of_other_ways_to_say_when(server: SentinelHub, client: Client, header: str) -> None:
    server.faults.append(too_many(retry_after=header))
    with pytest.raises(ValueError, match="invalid literal"):
        client.get()


def test_a_limit_is_said_as_recorded(server: SentinelHub) -> None:
    recorded = json.loads((real_data("api") / "errors" / "README.json").read_text())["sentinelhub_429"]
    server.faults.append(too_many())
    answer = posted(server, "/api/v1/process", captured("s1"))
    assert answer.json() == recorded["body"]
    assert answer.headers["retry-after"] == recorded["headers"]["retry-after"]


def test_images_that_are_not_what_was_asked_for(server: SentinelHub, client: Client) -> None:
    server.faults += [Fault(Trouble.WRONG_SIZE), Fault(Trouble.NO_DATA), Fault(Trouble.EMPTY)]
    assert client.get().shape == (GRID.height // 2, GRID.width // 2, 3)
    assert not client.get().any()
    (empty,) = client.request().get_data(decode_data=False)
    assert empty.content == b""
    assert [r.units > 0 for r in server.requests if r.name == "process"] == [True] * 3


def test_a_server_that_says_nothing(server: SentinelHub, client: Client) -> None:
    server.faults.append(Fault(Trouble.SILENT, times=None, delay_s=30))
    hasty = {"download_timeout_seconds": 0.2, "max_download_attempts": 1}
    with pytest.raises(client.library.exceptions.DownloadFailedException) as failure:
        client.get(config=hasty)
    assert isinstance(failure.value.request_exception, requests.ReadTimeout)
    assert server.units == 0


@pytest.mark.parametrize("body", [None, {"error": "too_many_requests"}])
def test_faults_of_login_and_catalog(server: SentinelHub, client: Client, body: Any) -> None:
    from oauthlib.oauth2 import OAuth2Error

    server.faults += [too_many("token", retry_after=None, body=body), status(503, "search")]
    with pytest.raises(OAuth2Error if body else requests.HTTPError):
        client.search()
    assert len(client.search()) == 1
    assert [(r.name, r.status) for r in server.requests] == [
        ("token", 429),
        ("token", 200),
        ("search", 503),
        ("search", 200),
    ]


def test_lots_are_drawn_from_the_seed_and_faults_wait_their_turn(document: Path) -> None:
    def met(seed: int) -> list[int]:
        with serve(WORLD, document=document, seed=seed) as server:
            server.faults += [status(504, "", times=None, probability=0.3), status(500, "token", times=1, after=2)]
            return [requests.post(server.token_url, data=login(server), timeout=5).status_code for _ in range(30)]

    assert met(1) == met(1) != met(2)
    assert 3 <= met(1).count(504) <= 16
    assert [code for code in met(1) if code != 504][:4] == [200, 200, 500, 200]


def test_an_address_that_is_not_there(server: SentinelHub) -> None:
    assert requests.get(f"{server.url}/api/v1/statistics", timeout=5).status_code == 404
    assert taken(server) == ["GET /api/v1/statistics: there is no such address"]


def test_a_far_footprint_covers_nothing() -> None:
    elsewhere = shapely.box(100, 51, 101, 53)
    from servers.sentinel_hub.imagery import Ground

    ground = Ground(epsg=32631, left=590_000, top=5_755_000, step_x=10, step_y=10, width=5, height=5)
    assert not footprint_mask(elsewhere, ground).any()
