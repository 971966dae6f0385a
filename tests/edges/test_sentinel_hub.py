"""Sentinel Hub through sentinelhub-py, unmodified, against a stand-in that executes the evalscripts.

Each row of the table of errors, each rule for the adapter, and the pixels themselves.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from conftest import real_data
from numpy.typing import NDArray
from servers import sentinel_hub as stand_in
from servers import stac as stac_server
from servers.sentinel_hub import Fault, SceneRecord, SyntheticWorld, Trouble, sentinel1, sentinel2, truth
from servers.sentinel_hub.evalscript import Script

from monitor.aoi import Aoi, whole
from monitor.coding import STEP_DB, STEP_REFLECTANCE, Coding, coding_of, encode
from monitor.errors import ConfigError, NotYet, QuotaError, SceneError, SourceError
from monitor.grid import Grid, project
from monitor.scene import Pass, Scene, Sensor, by_pass
from monitor.sources.account import MemoryAccount
from monitor.sources.sentinel_hub import (
    COMMERCIAL,
    COPERNICUS,
    Credentials,
    Deployment,
    Discovery,
    Patience,
    SentinelHub,
)
from monitor.sources.sentinel_hub.coverage import missing
from monitor.sources.sentinel_hub.evalscript import evalscript
from monitor.stack import Stack
from monitor.times import Interval, utc
from monitor.units import look_units

SECRET = "a-secret-that-must-not-show"
CLIENT = "sh-client-that-must-not-show"
ORIGIN = "the environment variables PORT_ID and PORT_SECRET"
RADAR, OPTICAL = ("vv", "vh"), ("b02", "b03", "b04", "b08", "scl")

GRID = Grid(epsg=32631, left=590_100, top=5_756_100, resolution=10, height=30, width=40)
OUTLINE = project(shapely.box(*GRID.bounds).buffer(-4), 4326, source=GRID.epsg)
AOI = Aoi(id="spot", name="Spot", outline=OUTLINE, zones=(whole(OUTLINE),))
AROUND = shapely.box(3, 51, 6, 53)
MARCH = Interval(start=utc("2025-03-01"), end=utc("2025-04-01"))
NOW = datetime(2025, 4, 10, 12, tzinfo=UTC)

EVENING = datetime(2025, 3, 21, 17, 24, 8, 400_000, tzinfo=UTC)
MORNING = datetime(2025, 3, 21, 10, 58, 11, tzinfo=UTC)
DATATAKE = MORNING - timedelta(minutes=12, seconds=2)

S1 = sentinel1(EVENING, AROUND)
S2 = sentinel2(MORNING, AROUND, datatake=DATATAKE)
WORLD = SyntheticWorld([S1, S2])

QUICK = Patience(attempts=3, pause_s=0.02, limited=3, wait_s=0.05, gap_s=0.001, timeout_s=5, deadline_s=20)


@pytest.fixture(scope="module")
def running_server() -> Iterator[stand_in.SentinelHub]:
    document = real_data("api") / "sentinelhub" / "openapi.v1.yaml"
    with stand_in.serve(WORLD, document=document, client_id=CLIENT, client_secret=SECRET) as server:
        yield server


@pytest.fixture
def server(running_server: stand_in.SentinelHub) -> Iterator[stand_in.SentinelHub]:
    """As new. A request that the published document forbids is an error, unless the test has looked for it."""
    running_server.clear()
    running_server.world, running_server.now, running_server.units_quota = WORLD, None, None
    running_server.token_life_s = 1800
    yield running_server
    assert running_server.violations == []


@pytest.fixture(autouse=True)
def nothing_leaks(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    """No secret in any log, however talkative, and nothing printed."""
    caplog.set_level(logging.DEBUG)
    yield
    # asyncio and uvicorn belong to the stand-in
    check_no_secret("\n".join(str(r.getMessage()) + str(r.args) for r in caplog.records))
    printed = capfd.readouterr()
    assert (printed.out, printed.err) == ("", "")


def check_no_secret(text: str) -> None:
    for secret in (SECRET, CLIENT, "eyJhbGci", "Bearer "):
        assert secret not in text


class Bench:
    """A source on the stand-in, with its account and a clock that can be set."""

    def __init__(self, server: stand_in.SentinelHub, **options: Any) -> None:
        self.server = server
        self.at = options.pop("at", NOW)
        self.account = MemoryAccount(options.pop("units", 10_000), options.pop("requests", 10_000), now=lambda: self.at)
        self.slept: list[float] = []
        self.source = SentinelHub(
            credentials=Credentials(client_id=CLIENT, client_secret=options.pop("secret", SECRET), origin=ORIGIN),
            account=self.account,
            now=lambda: self.at,
            name="hub",
            deployment=Deployment(
                name="Stand-in",
                base_url=server.url,
                token_url=server.token_url,
                stac_url=options.pop("stac_url", server.url),
            ),
            sleep=self.slept.append,
            **{"discovery": Discovery.CATALOG, "patience": QUICK, **options},
        )

    def scenes(self, interval: Interval = MARCH) -> list[Scene]:
        return self.source.search(AOI, interval)

    def read(self, taken: Pass | None = None, grid: Grid = GRID, bands: Sequence[str] = ()) -> Stack:
        taken = taken or pass_of(S1)
        return self.source.read(taken, grid, bands or usual_bands(taken.track.sensor))

    def fails(self, kind: type[SourceError] = SourceError, taken: Pass | None = None) -> SourceError:
        """The error of a read, which must be exactly of that kind and show no secret."""
        with pytest.raises(SourceError) as caught:
            self.read(taken)
        check_no_secret(str(caught.value) + repr(caught.value))
        assert caught.value.__cause__ is None
        assert caught.value.__context__ is None or type(caught.value.__context__) is TimeoutError
        for frame, _ in traceback.walk_tb(caught.tb):  # what a debugger, or a crash report, would see
            check_no_secret(repr(frame.f_locals))
        assert type(caught.value) is kind
        return caught.value


def usual_bands(sensor: Sensor) -> Sequence[str]:
    return RADAR if sensor is Sensor.SENTINEL1 else OPTICAL


@pytest.fixture
def bench(server: stand_in.SentinelHub) -> Bench:
    return Bench(server)


def properties_of(record: SceneRecord) -> dict[str, Any]:
    common = {
        "datetime": f"{record.start:%Y-%m-%dT%H:%M:%S.%fZ}",
        "platform": record.platform,
        "constellation": record.platform[:-1],
        "sat:orbit_state": record.direction,
        "sat:relative_orbit": record.relative_orbit,
    }
    if not record.bands:
        return common
    end = f"{record.end:%Y-%m-%dT%H:%M:%S.%fZ}"
    return common | {
        "start_datetime": common["datetime"],
        "end_datetime": end,
        "sar:instrument_mode": record.mode,
        "sar:product_type": "GRD",
        "sar:polarizations": list(record.bands),
    }


def item_of(record: SceneRecord, **changes: Any) -> dict[str, Any]:
    """As the STAC catalogue lists the scene: the instant of a Sentinel-2 tile is that of its datatake."""
    properties = properties_of(record)
    if not record.bands:
        named = datetime.strptime(record.id.split("_")[2], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
        properties["datetime"] = f"{named:%Y-%m-%dT%H:%M:%S}.024Z"
        properties["grid:code"] = f"MGRS-{record.id.split('_')[5][1:]}"
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "id": record.id,
        "collection": str(record.collection),
        "geometry": shapely.geometry.mapping(record.footprint),
        "bbox": list(record.footprint.bounds),
        "properties": properties | changes,
        "links": [],
        "assets": {"safe": {"href": f"s3://eodata/{record.id}.SAFE"}},
    }


def pass_of(*records: SceneRecord) -> Pass:
    """The pass that the STAC catalogue's items of these scenes make."""
    plain = SentinelHub(
        credentials=Credentials(client_id="", client_secret=""),
        account=MemoryAccount(now=lambda: NOW),
        now=lambda: NOW,
        name="hub",
    )
    (taken,) = by_pass(plain.restore(item_of(record)) for record in records)
    return taken


def true_pixels(
    record: SceneRecord, band: str, grid: Grid = GRID, world: SyntheticWorld = WORLD
) -> NDArray[np.float64]:
    return truth(world, record, band.upper(), grid)


def check_true(stack: Stack, record: SceneRecord, world: SyntheticWorld = WORLD) -> None:
    """All bands agree with what was acquired, to half a step of the coding; not seen is not seen."""
    for name, band in stack.bands.items():
        right = true_pixels(record, name, stack.grid, world)
        assert (np.isnan(band) == np.isnan(right)).all(), name
        if name == "scl":
            assert np.array_equal(band, right, equal_nan=True)
        elif record.bands:
            error = 10 * np.log10(band.astype(np.float64) / right)
            assert np.nanmax(np.abs(error)) <= STEP_DB / 2 + 1e-6, name
        else:
            assert np.nanmax(np.abs(band - right)) <= STEP_REFLECTANCE / 2 + 1e-6, name


# finding scenes


def test_the_catalog_lists_both_sensors(bench: Bench) -> None:
    scenes = {scene.track.sensor: scene for scene in bench.scenes()}
    assert {s.id for s in scenes.values()} == {S1.id, S2.id}
    radar = scenes[Sensor.SENTINEL1]
    assert (str(radar.track), radar.platform, radar.source) == ("S1 orbit 87 ascending VV", "sentinel-1a", "hub")
    assert all(s.assets == {} for s in scenes.values())
    assert bench.source.problems == ()


def test_a_recorded_item_is_restored_as_it_was_found_without_the_network(bench: Bench) -> None:
    found = bench.scenes()
    bench.server.clear()
    assert [bench.source.restore(json.loads(json.dumps(s.item))) for s in found] == found
    assert bench.server.requests == []


def test_a_scene_that_is_listed_twice_is_given_once(bench: Bench) -> None:
    page = {"features": [item_of(S1)] * 2, "context": {"limit": 100, "returned": 2}}
    bench.server.faults.append(stand_in.status(200, "search", body=page))
    bench.source.sensors = frozenset({Sensor.SENTINEL1})
    assert [s.id for s in bench.scenes()] == [S1.id]


def test_a_search_reads_all_pages(bench: Bench) -> None:
    slices = [sentinel1(EVENING - timedelta(minutes=7 * i), AROUND) for i in range(230)]
    bench.server.world = SyntheticWorld(slices)
    bench.source.sensors = frozenset({Sensor.SENTINEL1})
    assert {s.id for s in bench.scenes()} == {s.id for s in slices}
    assert bench.server.counts["search"] == 3


def test_the_end_of_the_interval_is_open(bench: Bench) -> None:
    begins = EVENING.replace(microsecond=0)
    after = Interval(start=begins, end=begins + timedelta(minutes=1))
    before = Interval(start=begins - timedelta(minutes=1), end=begins)
    assert [s.id for s in bench.scenes(after)] == [S1.id]
    assert bench.scenes(before) == []


def test_only_wide_swath_scenes_in_high_resolution_with_vv_are_used(bench: Bench) -> None:
    hour = timedelta(hours=1)
    records = [
        sentinel1(EVENING, AROUND, polarisation="SV"),
        sentinel1(EVENING + hour, AROUND, mode="EW", resolution="MEDIUM"),
        sentinel1(EVENING + 2 * hour, AROUND, polarisation="DH"),
        sentinel1(EVENING + 3 * hour, AROUND, polarisation="DH"),
        sentinel1(EVENING + 4 * hour, AROUND, mode="SM"),
    ]
    bench.server.world = SyntheticWorld(records)
    assert [s.id for s in bench.scenes()] == [records[0].id]
    # The service leaves out the modes, as it is asked to; what it does not know of is left out here, and said.
    assert bench.source.problems == (f"hub: {records[3].id} and 1 more left out: polarisation HH + HV, not VV",)


def test_scenes_are_found_in_the_public_catalogue_without_the_account(server: stand_in.SentinelHub) -> None:
    coarse = sentinel1(EVENING + timedelta(hours=2), AROUND, mode="EW")
    late = item_of(sentinel2(MORNING + timedelta(days=30), AROUND))
    with stac_server.serve([item_of(S1), item_of(S2), item_of(coarse), late]) as stac:
        bench = Bench(server, discovery=Discovery.STAC, stac_url=stac.url)
        assert {s.id for s in bench.scenes()} == {S1.id, S2.id}
        bench.source.close()
    assert bench.source.problems == (f"hub: {coarse.id} left out: mode EW, not IW",)
    assert stac.searches[0]["collections"] == ["sentinel-1-grd", "sentinel-2-l2a"]
    assert (server.requests, bench.account.requests, bench.account.units) == ([], 0, 0)


def test_the_same_scene_has_the_same_key_in_both_catalogues(bench: Bench) -> None:
    listed = {scene.id: scene for scene in bench.scenes()}
    for record in (S1, S2):
        (scene,) = pass_of(record).scenes
        assert scene.identity == listed[record.id].identity
        assert scene.track == listed[record.id].track


def test_a_public_catalogue_that_fails_is_a_source_error(server: stand_in.SentinelHub) -> None:
    bench = Bench(server, discovery=Discovery.STAC)
    with pytest.raises(SourceError):  # the stand-in is no STAC API
        bench.scenes()
    bench.source.close()
    server.violations.clear()


# pixels


def test_radar_comes_as_it_was_acquired(bench: Bench) -> None:
    stack = bench.read()
    check_true(stack, S1)
    assert list(stack.bands) == ["vv", "vh"]
    assert stack.grid is GRID


def test_optical_comes_as_it_was_acquired(bench: Bench) -> None:
    stack = bench.read(pass_of(S2), bands=(*OPTICAL, "b8a", "b11"))
    check_true(stack, S2)
    assert list(stack.bands) == [*OPTICAL, "b8a", "b11"]


@pytest.mark.parametrize("record", [S1, S2])
def test_ground_that_was_not_seen_is_not_seen(server: stand_in.SentinelHub, record: SceneRecord) -> None:
    east = shapely.box(4.3135, 51, 6, 53)  # about 30 of the 40 columns
    edge = sentinel1(EVENING, east) if record is S1 else sentinel2(MORNING, east, datatake=DATATAKE)
    server.world = world = SyntheticWorld([edge])
    stack = Bench(server).read(pass_of(edge))
    assert 0.1 < stack.seen().mean() < 0.9
    check_true(stack, edge, world)


def test_the_script_codes_exactly_as_we_do() -> None:
    draw = np.random.default_rng(5)
    special = np.array([0, -0.0, -1, np.nan, np.inf, -np.inf, 1e-30, 1e-5, 1e30, 0.99999, 65535, 65536, -0.1])
    for sensor, band, values in (
        (Sensor.SENTINEL1, "vv", 10 ** draw.uniform(-6, 4.5, 1_000_000)),
        (Sensor.SENTINEL2, "b04", draw.uniform(-0.2, 7, 300_000)),
        (Sensor.SENTINEL2, "b04", np.arange(-1500, 65_000) / 10_000),
        (Sensor.SENTINEL2, "scl", np.arange(12.0)),
    ):
        inputs = np.concatenate([values, special]).astype(np.float32)
        script = Script(evalscript(sensor, [band]))
        name = script.setup.inputs[0].name
        seen = np.ones(inputs.size)
        ours = encode(inputs, coding_of(sensor, band))
        theirs = script.evaluate({name: inputs.astype(np.float64), "dataMask": seen})["default"][:, 0]
        # Halves are rounded up there, to even here; and logarithms may differ in their last digit.
        assert np.abs(theirs - ours).max() <= 1
        assert (theirs != ours).sum() <= 10
        assert theirs[-special.size :].tolist() == ours[-special.size :].tolist()
        unseen = script.evaluate({name: inputs.astype(np.float64), "dataMask": 0 * seen})["default"]
        assert not unseen.any()
    assert coding_of(Sensor.SENTINEL2, "scl") is Coding.CLASSES


def test_bands_that_a_product_lacks_are_left_out(server: stand_in.SentinelHub) -> None:
    single = sentinel1(EVENING, AROUND, polarisation="SV")
    server.world = world = SyntheticWorld([single])
    bench = Bench(server)
    stack = bench.read(pass_of(single))
    assert list(stack.bands) == ["vv"]
    check_true(stack, single, world)
    assert server.processed[-1].body["input"]["data"][0]["dataFilter"]["polarization"] == "SV"
    with pytest.raises(SceneError, match=r"has vv, wanted vh"):
        bench.read(pass_of(single), bands=["vh"])


@pytest.mark.parametrize("record", [S1, S2])
def test_blocks_are_joined_without_seams(server: stand_in.SentinelHub, record: SceneRecord) -> None:
    grid = Grid(epsg=32631, left=590_100, top=5_756_100, resolution=10, height=70, width=110)
    one = Bench(server).read(pass_of(record), grid)
    several = Bench(server, largest_side=41).read(pass_of(record), grid)
    assert several.provenance["blocks"] == 2 * 3
    check_true(several, record)
    for band in one.bands:
        assert np.array_equal(one.bands[band], several.bands[band], equal_nan=True)
    boxes = [r.body["input"]["bounds"]["bbox"] for r in server.processed[1:]]
    assert sum((e - w) * (n - s) for w, s, e, n in boxes) == 1100 * 700
    assert all(v % 10 == 0 for box in boxes for v in box)


def test_an_aoi_of_3000_pixels_is_asked_for_in_two_blocks(server: stand_in.SentinelHub) -> None:
    strip = Grid(epsg=32631, left=590_100, top=5_756_100, resolution=10, height=4, width=3000)
    stack = Bench(server).read(pass_of(S1), strip)
    assert [r.body["output"]["width"] for r in server.processed] == [1500, 1500]
    check_true(stack, S1)


def test_the_request_lies_on_the_grid_of_the_aoi_and_sets_every_option(bench: Bench) -> None:
    stack = bench.read()
    body = bench.server.processed[0].body
    assert body["input"]["bounds"] == {
        "bbox": [590_100, 5_755_800, 590_500, 5_756_100],
        "properties": {"crs": "http://www.opengis.net/def/crs/EPSG/0/32631"},
    }
    assert (body["output"]["width"], body["output"]["height"]) == (40, 30)
    assert body["input"]["data"] == [
        {
            "type": "sentinel-1-grd",
            "dataFilter": {
                "timeRange": {"from": "2025-03-21T17:24:07.400000Z", "to": "2025-03-21T17:24:34.400000Z"},
                "mosaickingOrder": "mostRecent",
                "acquisitionMode": "IW",
                "polarization": "DV",
                "resolution": "HIGH",
                "orbitDirection": "ASCENDING",
            },
            "processing": {
                "backCoeff": "GAMMA0_TERRAIN",
                "orthorectify": True,
                "demInstance": "COPERNICUS_30",
                "radiometricTerrainOversampling": 2,
                "speckleFilter": {"type": "NONE"},
                "upsampling": "BILINEAR",
                "downsampling": "BILINEAR",
            },
        }
    ]
    assert stack.provenance["processing"] == body["input"]["data"][0]["processing"]
    assert stack.provenance["data_filter"] == body["input"]["data"][0]["dataFilter"]


def test_the_options_of_an_optical_request(bench: Bench) -> None:
    stack = bench.read(pass_of(S2))
    body = bench.server.processed[0].body
    assert body["input"]["data"] == [
        {
            "type": "sentinel-2-l2a",
            "dataFilter": {
                "timeRange": {"from": "2025-03-21T10:58:10Z", "to": "2025-03-21T10:58:12Z"},
                "mosaickingOrder": "mostRecent",
                "maxCloudCoverage": 100,
            },
            "processing": {"harmonizeValues": True, "upsampling": "NEAREST", "downsampling": "NEAREST"},
        }
    ]
    assert stack.provenance["bands"] == list(OPTICAL)


def test_provenance_says_how_the_pixels_came_to_be(bench: Bench) -> None:
    told = bench.read().provenance
    check_no_secret(json.dumps(told))
    assert (told["deployment"], told["address"]) == ("Stand-in", bench.server.url)
    assert told["collection"] == "sentinel-1-grd"
    assert told["coding"] == {band: {"dn_1": -50.0, "step": 0.00137, "unit": "dB"} for band in RADAR}
    assert len(told["evalscript_sha256"]) == 64
    assert told["units"] == pytest.approx(bench.server.units, abs=1e-6)


# exactly that acquisition


def test_no_other_pass_is_mixed_in(server: stand_in.SentinelHub) -> None:
    others = [
        sentinel1(EVENING - timedelta(hours=12), AROUND, direction="descending", relative_orbit=110),
        sentinel1(EVENING + timedelta(minutes=6), AROUND, platform="sentinel-1c", relative_orbit=88),
        sentinel1(EVENING + timedelta(seconds=40), AROUND, platform="sentinel-1d", direction="descending"),
    ]
    server.world = world = SyntheticWorld([S1, *others])
    check_true(Bench(server).read(), S1, world)
    assert server.processed[0].scenes == (S1.id,)


def test_slices_of_a_pass_are_joined(server: stand_in.SentinelHub) -> None:
    middle = 51.94
    south = sentinel1(EVENING, shapely.box(3, 51, 6, middle))
    north = sentinel1(EVENING + timedelta(seconds=25), shapely.box(3, middle, 6, 53))
    grid = Grid(epsg=32631, left=590_100, top=5_755_600, resolution=10, height=60, width=40)
    server.world = world = SyntheticWorld([south, north])
    stack = Bench(server).read(pass_of(south, north), grid)
    below, above = (true_pixels(r, "vv", grid, world) for r in (south, north))
    assert 0 < np.isnan(below).mean() < 1
    assert stack.seen().all()
    assert np.allclose(stack.bands["vv"], np.where(np.isnan(above), below, above), rtol=2e-4)
    assert len(server.processed) == 1


def test_an_optical_tile_is_asked_for_at_its_own_time_not_at_that_of_its_datatake(
    server: stand_in.SentinelHub,
) -> None:
    """The public catalogue dates the tile 12 minutes early, and another satellite passes 10 minutes before it."""
    other = sentinel2(
        MORNING - timedelta(minutes=10), AROUND, platform="sentinel-2b", relative_orbit=8, datatake=DATATAKE
    )
    server.world = world = SyntheticWorld([S2, other])
    with stac_server.serve([item_of(S2), item_of(other)]) as stac:
        bench = Bench(server, discovery=Discovery.STAC, stac_url=stac.url)
        passes = {p.platform: p for p in by_pass(bench.scenes())}
        for record in (S2, other):
            check_true(bench.read(passes[record.platform]), record, world)
        bench.source.close()
    assert [r.scenes for r in server.processed] == [(S2.id,), (other.id,)]


def test_a_reprocessed_tile_is_the_same_acquisition(server: stand_in.SentinelHub) -> None:
    made_again = sentinel2(MORNING, AROUND, datatake=DATATAKE, baseline="05.12", processed=MORNING + timedelta(days=9))
    server.world = world = SyntheticWorld([made_again])
    check_true(Bench(server).read(pass_of(S2)), made_again, world)


@pytest.mark.parametrize("record", [S1, S2])
def test_a_pass_that_the_service_has_not_is_never_called_uncovered(
    server: stand_in.SentinelHub, record: SceneRecord
) -> None:
    server.world = SyntheticWorld([])
    old = Bench(server).fails(SceneError, pass_of(record))
    assert "listed by the catalogue, but the service's" in old.message
    # Catalogues are ahead of the service by hours: within two days it is not given up.
    fresh = Bench(server, at=record.start + timedelta(hours=20)).fails(NotYet, pass_of(record))
    assert "on its way" in fresh.hint


def test_an_answer_without_pixels_is_refused_where_footprints_promise_them(bench: Bench) -> None:
    bench.server.faults.append(Fault(Trouble.NO_DATA))
    check_true(bench.read(), S1)
    bench.server.faults.append(Fault(Trouble.NO_DATA, times=2))
    assert "holds no pixel of it" in bench.fails(SceneError).message
    assert bench.account.units == pytest.approx(bench.server.units)


def test_a_tile_that_is_still_missing_is_waited_for_and_later_done_without(server: stand_in.SentinelHub) -> None:
    middle = 4.3135
    west = sentinel2(MORNING, shapely.box(3, 51, middle, 53), datatake=DATATAKE, tile="31UES")
    east = sentinel2(MORNING + timedelta(seconds=3), shapely.box(middle, 51, 6, 53), datatake=DATATAKE)
    both = pass_of(west, east)
    server.world = world = SyntheticWorld([west])
    fresh = Bench(server, at=MORNING + timedelta(hours=20)).fails(NotYet, both)
    assert "does not list all of it" in fresh.message
    check_true(Bench(server).read(both), west, world)
    server.world = world = SyntheticWorld([west, east])
    assert Bench(server).read(both).seen().all()
    assert {*server.processed[-1].scenes} == {west.id, east.id}


def test_ground_beside_the_footprints_is_not_covered_and_no_error(server: stand_in.SentinelHub) -> None:
    beside = sentinel1(EVENING, shapely.box(OUTLINE.bounds[2] + 0.001, 51, 6, 53))
    server.world = SyntheticWorld([beside])
    assert not Bench(server).read(pass_of(beside)).seen().any()


@pytest.mark.parametrize("footprint", [shapely.box(179, 51, 181, 53), shapely.box(-181, 51, -179, 53), None])
def test_an_aoi_across_180_degrees(server: stand_in.SentinelHub, footprint: shapely.Polygon | None) -> None:
    east, west = shapely.box(179, 51, 180, 53), shapely.box(-180, 51, -179, 53)
    record = sentinel1(EVENING, footprint or shapely.MultiPolygon([east, west]), epsg=32601)
    left = round(project(shapely.Point(180, 52), 32601).bounds[0] / 10) * 10 - 200
    grid = Grid(epsg=32601, left=left, top=5_770_000, resolution=10, height=30, width=40)
    taken = pass_of(record)
    assert missing(taken.scenes, grid, np.zeros(grid.shape, bool)) == list(taken.scenes)
    server.world = world = SyntheticWorld([sentinel1(EVENING, shapely.MultiPolygon([east, west]), epsg=32601)])
    stack = Bench(server).read(taken, grid)
    assert stack.seen().all()
    assert np.allclose(stack.bands["vv"], world.pixels(world.all[0], "VV", grid), rtol=2e-4)
    outline = project(shapely.box(*grid.bounds).buffer(-4), 4326, source=grid.epsg)
    aoi = Aoi(id="line", name="Line", outline=outline, zones=(whole(outline),))
    found = Bench(server, sensors=frozenset({Sensor.SENTINEL1})).source.search(aoi, MARCH)
    assert [s.id for s in found] == [record.id]


@pytest.mark.parametrize(("west", "promised"), [(3, True), (4.3135, True), (5, False)])
def test_coverage_is_told_by_footprints(west: float, promised: bool) -> None:
    scenes = pass_of(sentinel1(EVENING, shapely.box(west, 51, 6, 53))).scenes
    assert bool(missing(scenes, GRID, np.zeros(GRID.shape, bool))) is promised
    assert missing(scenes, GRID, np.ones(GRID.shape, bool)) == []


def test_a_slice_that_is_not_there_yet_is_waited_for_and_later_done_without(server: stand_in.SentinelHub) -> None:
    middle = 4.3135
    west = sentinel1(EVENING, shapely.box(3, 51, middle, 53))
    east = sentinel1(EVENING + timedelta(seconds=25), shapely.box(middle, 51, 6, 53))
    both = pass_of(west, east)
    server.world = SyntheticWorld([west])
    fresh = Bench(server, at=EVENING + timedelta(hours=5)).fails(NotYet, both)
    assert f"{east.id}: listed by the catalogue" in fresh.message
    assert server.counts["process"] == 1, "bought once, not twice"
    seen = Bench(server).read(both).seen()
    assert 0.2 < seen.mean() < 0.8
    server.world = SyntheticWorld([west, east])
    assert Bench(server, at=EVENING + timedelta(hours=6)).read(both).seen().all()


# units


@pytest.mark.parametrize(("record", "bands"), [(S1, RADAR), (S1, ("vv",)), (S2, OPTICAL)])
def test_forecast_and_bill_agree(server: stand_in.SentinelHub, record: SceneRecord, bands: Sequence[str]) -> None:
    grid = Grid(epsg=32631, left=590_100, top=5_756_100, resolution=10, height=120, width=130)
    bench = Bench(server, largest_side=75)
    sensor = Sensor.SENTINEL1 if record is S1 else Sensor.SENTINEL2
    (scene,) = [s for s in bench.scenes() if s.id == record.id]
    before = bench.account.units
    bench.read(Pass(scenes=(scene,)), grid, bands)
    forecast = look_units(grid, sensor, bands, 75)
    assert server.units == pytest.approx(forecast, rel=0.01)
    assert bench.account.units - before == pytest.approx(forecast, rel=0.01)
    assert bench.account.reserved == 0


def test_the_account_is_asked_before_the_service(server: stand_in.SentinelHub) -> None:
    bench = Bench(server, units=0.001)
    with pytest.raises(QuotaError, match="needs 0"):
        bench.read()
    with pytest.raises(QuotaError):
        Bench(server, requests=0).read()
    with pytest.raises(QuotaError):
        Bench(server, requests=0).source.log_in()
    assert server.requests == []


def test_every_kind_of_request_is_counted(bench: Bench) -> None:
    bench.scenes()
    bench.read()
    assert bench.server.counts == {"token": 1, "search": 2, "process": 1}
    assert bench.account.requests == 4
    assert bench.account.units == pytest.approx(bench.server.units + 2 * 0.01)


@pytest.mark.parametrize(
    "trouble", [Fault(Trouble.CUT), Fault(Trouble.EMPTY), Fault(Trouble.WRONG_SIZE), Fault(Trouble.LATE, delay_s=0.8)]
)
def test_an_answer_that_was_lost_or_damaged_is_booked_all_the_same(
    server: stand_in.SentinelHub, trouble: Fault
) -> None:
    bench = Bench(server, patience=Patience(**{**vars(QUICK), "timeout_s": 0.4}))
    server.faults.append(Fault(**vars(trouble)))
    check_true(bench.read(), S1)
    assert server.units == pytest.approx(bench.account.units)
    assert server.counts["process"] == 2


# what can go wrong


def test_a_revoked_token_is_renewed_once(bench: Bench) -> None:
    bench.read()
    bench.server.revoke()
    check_true(bench.read(), S1)
    assert bench.server.counts["token"] == 2
    bench.server.revoke()
    bench.scenes()
    assert bench.server.counts["token"] == 3


def test_a_new_token_that_is_refused_too_says_what_to_check(bench: Bench) -> None:
    bench.server.faults.append(stand_in.status(401, times=None))
    error = bench.fails()
    assert "a new access token is refused as well (status 401, COMMON_UNAUTHORIZED" in error.message
    assert error.hint == f"Check {ORIGIN}."
    assert bench.server.counts == {"token": 2, "process": 2}


def test_wrong_credentials_name_the_variables_and_are_not_tried_again(server: stand_in.SentinelHub) -> None:
    bench = Bench(server, secret="wrong-but-as-secret")
    error = bench.fails()
    assert "the login is refused (status 401, invalid_client" in error.message
    assert error.hint == f"Check {ORIGIN}."
    assert "wrong-but-as-secret" not in str(error)
    with pytest.raises(SourceError, match="login is refused"):
        bench.source.log_in()
    assert server.counts == {"token": 2}
    assert bench.account.requests == 0


def test_a_service_that_echoes_the_secret_is_not_believed(bench: Bench) -> None:
    body = {"error": "invalid_client", "error_description": f"client {CLIENT} with {SECRET} is not known"}
    bench.server.faults.append(stand_in.status(401, "token", body=body))
    assert "client *** with *** is not known" in bench.fails().message


def test_used_up_units_close_the_account_until_the_next_month(bench: Bench) -> None:
    bench.server.faults.append(stand_in.quota())
    error = bench.fails(QuotaError)
    assert "ACCESS_INSUFFICIENT_PROCESSING_UNITS" in error.message
    assert "2025-05-01" in error.hint
    bench.server.clear()
    bench.fails(QuotaError)
    with pytest.raises(QuotaError):
        bench.scenes()
    assert bench.server.requests == []
    bench.at = datetime(2025, 5, 1, tzinfo=UTC)
    check_true(bench.read(), S1)


def test_a_true_quota_is_noticed_and_nothing_is_booked_for_it(server: stand_in.SentinelHub) -> None:
    server.units_quota = 0.02
    bench = Bench(server)
    bench.read(bands=["vv"])
    booked = bench.account.units
    bench.fails(QuotaError)
    assert bench.account.units == booked == pytest.approx(server.units)


def test_what_the_account_may_not_do_is_no_quota(bench: Bench) -> None:
    bench.server.faults.append(stand_in.forbidden())
    assert "COMMON_INSUFFICIENT_PERMISSIONS" in bench.fails().message
    check_true(bench.read(), S1)


@pytest.mark.parametrize("said", ["60", "2.5", "Wed, 21 Oct 2026 07:28:00 GMT", "", "-3", None])
def test_a_limit_is_waited_for_in_milliseconds_and_however_it_is_written(bench: Bench, said: str | None) -> None:
    # As seconds, 60 would be past the deadline of the test's source.
    bench.server.faults.append(stand_in.too_many(retry_after=said, times=2))
    check_true(bench.read(), S1)
    assert bench.server.counts["process"] == 3
    assert bench.account.requests == 2  # the token, and the one that was answered


def test_a_limit_without_end_is_given_up(bench: Bench) -> None:
    bench.server.faults.append(stand_in.too_many(retry_after="10", times=None))
    assert "limited 3 times in a row (429)" in bench.fails().message
    assert bench.server.counts["process"] == 3
    assert bench.account.units == 0


def test_a_long_pause_is_not_sat_through_and_kept_by_the_calls_after_it(bench: Bench) -> None:
    bench.server.faults.append(stand_in.too_many(retry_after="3600000"))
    assert "asks us to wait 3600 s (429)" in bench.fails().message
    assert "asks us to wait 3600 s (429)" in bench.fails().message
    with pytest.raises(SourceError, match="asks us to wait"):
        bench.scenes()
    assert bench.server.counts == {"token": 1, "process": 1}


def test_a_bad_request_that_passes_by_itself_is_repeated(bench: Bench) -> None:
    bench.server.faults.append(stand_in.empty_request(times=2))
    check_true(bench.read(), S1)
    assert bench.slept == [QUICK.pause_s] * 2
    bench.server.faults.append(stand_in.empty_request(times=None))
    assert "Request body should be non-empty" in bench.fails().message
    assert bench.server.counts["process"] == 3 + QUICK.attempts


def test_a_bad_request_is_final_and_says_code_and_message(bench: Bench) -> None:
    body = stand_in.process_error(400, "RENDERER_EXCEPTION", "Failed to evaluate script!\nevalscript.js:3")
    bench.server.faults.append(stand_in.status(400, body=body))
    error = bench.fails(SceneError)
    assert "status 400, RENDERER_EXCEPTION, Failed to evaluate script! evalscript.js:3" in error.message
    assert bench.server.counts["process"] == 1


@pytest.mark.parametrize("code", [500, 502, 503, 504])
def test_a_service_that_fails_is_asked_again_and_then_later(bench: Bench, code: int) -> None:
    bench.server.faults.append(stand_in.status(code))
    check_true(bench.read(), S1)
    bench.server.faults.append(stand_in.status(code, times=None))
    assert f"the service fails (status {code}" in bench.fails().message
    assert bench.server.counts["process"] == 2 + QUICK.attempts
    assert bench.account.requests == 2


@pytest.mark.parametrize(("code", "hint"), [(404, "Check the address"), (405, "Check the address"), (413, "Try again")])
def test_other_refusals_are_not_taken_for_a_fault_of_the_scene(bench: Bench, code: int, hint: str) -> None:
    bench.server.faults.append(stand_in.status(code, body="?"))
    error = bench.fails()
    assert f"status {code}" in error.message
    assert hint in error.hint
    assert bench.server.counts["process"] == 1


def test_a_closed_connection_is_opened_again(bench: Bench) -> None:
    bench.server.faults.append(Fault(Trouble.CLOSED))
    check_true(bench.read(), S1)
    bench.server.faults.append(Fault(Trouble.CLOSED, times=None))
    assert "no answer (ConnectionError)" in bench.fails().message
    assert (bench.account.requests, bench.account.reserved) == (2, 0)


def test_silence_is_not_waited_for_longer_than_said(server: stand_in.SentinelHub) -> None:
    bench = Bench(server, patience=Patience(**{**vars(QUICK), "timeout_s": 0.2}))
    server.faults.append(Fault(Trouble.SILENT, delay_s=0.6, times=None))
    assert "no answer (ReadTimeout)" in bench.fails().message
    assert server.counts["process"] == QUICK.attempts


def test_a_server_that_is_not_there(server: stand_in.SentinelHub) -> None:
    bench = Bench(server)
    bench.source.log_in()
    gone = Deployment(
        name="gone", base_url="http://127.0.0.1:9", token_url=server.token_url, stac_url="http://127.0.0.1:9"
    )
    bench.source = SentinelHub(
        credentials=Credentials(client_id=CLIENT, client_secret=SECRET),
        account=bench.account,
        now=lambda: NOW,
        deployment=gone,
        patience=QUICK,
        discovery=Discovery.CATALOG,
    )
    assert "no answer (ConnectionError)" in bench.fails().message


DAMAGED: Sequence[Callable[..., Fault]] = (
    lambda **m: Fault(Trouble.EMPTY, **m),
    lambda **m: Fault(Trouble.WRONG_SIZE, **m),
    lambda **m: stand_in.status(200, body="<html>maintenance</html>", **m),
    lambda **m: stand_in.status(200, body={"nothing": "of use"}, **m),
)


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_answer_is_asked_for_once_more(bench: Bench, damage: Callable[..., Fault]) -> None:
    bench.server.faults.append(damage())
    check_true(bench.read(), S1)
    bench.server.faults.append(damage(times=None))
    assert "damaged twice" in bench.fails().message
    assert bench.server.counts["process"] == 4


def test_an_answer_that_breaks_off_is_asked_for_again(bench: Bench) -> None:
    bench.server.faults.append(Fault(Trouble.CUT, times=2))
    check_true(bench.read(), S1)
    bench.server.faults.append(Fault(Trouble.CUT, times=None))
    assert "no answer (ChunkedEncodingError)" in bench.fails().message


# tokens


def test_threads_on_a_cold_start_ask_for_one_token(bench: Bench) -> None:
    with ThreadPoolExecutor(6) as pool:
        for stack in pool.map(lambda _: bench.read(), range(6)):
            check_true(stack, S1)
    assert bench.server.counts == {"token": 1, "process": 6}


def test_threads_that_only_log_in_ask_for_one_token_too(bench: Bench) -> None:
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: bench.source.log_in(), range(6)))
    assert bench.server.counts == {"token": 1}


def test_a_short_lived_token_serves_more_than_one_call(server: stand_in.SentinelHub) -> None:
    server.token_life_s = 100  # the library itself asks for a new one with each call below 120 s
    bench = Bench(server)
    for _ in range(3):
        bench.read()
    assert server.counts["token"] == 1


def test_a_token_is_renewed_before_it_ends(server: stand_in.SentinelHub) -> None:
    server.token_life_s = 0.5
    bench = Bench(server)
    bench.read()
    time.sleep(0.3)  # more than half of its life
    bench.read()
    assert server.counts["token"] == 2


def test_a_limited_login_is_waited_for_in_seconds(bench: Bench) -> None:
    bench.server.faults.append(stand_in.too_many("token", retry_after="7", times=2))
    check_true(bench.read(), S1)
    assert bench.slept == [7, 7]


@pytest.mark.parametrize("said", [None, "Wed, 21 Oct 2026 07:28:00 GMT", "9999999"])
def test_a_limited_login_may_say_anything(bench: Bench, said: str | None) -> None:
    bench.server.faults.append(stand_in.too_many("token", retry_after=said))
    check_true(bench.read(), S1)
    assert bench.slept == [30 if said == "9999999" else QUICK.wait_s]


@pytest.mark.parametrize("trouble", [Trouble.CLOSED, Trouble.SILENT, Trouble.CUT, 429, 500, 503])
def test_a_login_that_fails_for_good_is_a_source_error(server: stand_in.SentinelHub, trouble: Trouble | int) -> None:
    bench = Bench(server, patience=Patience(**{**vars(QUICK), "timeout_s": 0.2}))
    if isinstance(trouble, Trouble):
        delay_s = 0.8 if trouble is Trouble.SILENT else 0
        server.faults.append(Fault(trouble, "token", times=None, delay_s=delay_s))
    else:
        server.faults.append(stand_in.status(trouble, "token", times=None))
    message = bench.fails().message
    assert "no access token" in message
    assert ("ReadTimeout" in message) is (trouble is Trouble.SILENT)
    assert server.counts == {"token": QUICK.attempts}
    assert len(bench.slept) == QUICK.attempts - 1
    server.faults.clear()
    check_true(bench.read(), S1)


@pytest.mark.parametrize(
    "body", ["<html>", {}, [], {"access_token": ""}, {"access_token": "a\nb"}, {"access_token": 5}]
)
def test_a_login_page_that_gives_no_token(bench: Bench, body: Any) -> None:
    bench.server.faults.append(stand_in.status(200, "token", body=body))
    if body == {"access_token": 5}:
        bench.server.faults.append(stand_in.status(401))
        check_true(bench.read(), S1)
    else:
        assert "gives no access token" in bench.fails().message


def test_a_login_that_redirects_is_not_followed(bench: Bench) -> None:
    headers = {"Location": f"{bench.server.url}/elsewhere"}
    bench.server.faults.append(stand_in.status(307, "token", headers=headers, body="moved"))
    assert "gives no access token" in bench.fails().message
    assert bench.server.counts == {"token": 1}


# the catalog


@pytest.mark.parametrize(
    "fault",
    [
        stand_in.status(500, "search"),
        stand_in.status(503, "search"),
        stand_in.too_many("search", retry_after="40"),
        stand_in.too_many("search", retry_after="soon"),
        Fault(Trouble.CLOSED, "search"),
        Fault(Trouble.CUT, "search"),
    ],
)
def test_a_search_survives(bench: Bench, fault: Fault) -> None:
    bench.server.faults.append(Fault(**vars(fault)))
    assert len(bench.scenes()) == 2


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (stand_in.status(500, "search"), "the service fails"),
        (stand_in.status(401, "search"), "refused as well"),
        (stand_in.status(403, "search"), "may not do this"),
        (stand_in.status(400, "search"), "refuses the request"),
        (stand_in.status(200, "search", body="<html>"), "cannot be understood"),
        (stand_in.status(200, "search", body=[]), "cannot be understood"),
        (stand_in.status(200, "search", body={"features": []}), "cannot be understood"),
        (stand_in.status(200, "search", body={"features": None, "context": {}}), "cannot be understood"),
        (Fault(Trouble.EMPTY, "search"), "cannot be understood"),
        (stand_in.too_many("search", retry_after="5"), "limited 3 times"),
    ],
)
def test_a_search_that_fails_is_never_an_empty_one(bench: Bench, fault: Fault, message: str) -> None:
    bench.server.faults.append(Fault(**{**vars(fault), "times": None}))
    with pytest.raises(SourceError, match=message) as caught:
        bench.scenes()
    check_no_secret(str(caught.value))


def test_items_that_make_no_sense_are_left_out_and_told(bench: Bench) -> None:
    right = item_of(S1)
    wrong: list[Any] = [
        {**right, "id": "S1A_IW_GRDH_1SDV_x", "geometry": None},
        {**right, "id": "other", "properties": {}},
        "no item at all",
        None,
    ]
    page = {"type": "FeatureCollection", "features": [*wrong, right], "context": {"limit": 100, "returned": 5}}
    bench.server.faults.append(stand_in.status(200, "search", body=page))
    bench.source.sensors = frozenset({Sensor.SENTINEL1})
    assert [s.id for s in bench.scenes()] == [S1.id]
    told = "\n".join(bench.source.problems)
    assert "S1A_IW_GRDH_1SDV_x left out" in told
    assert "other left out" in told
    assert "an item without id and 1 more left out: no STAC item" in told


def test_items_that_were_not_asked_for_are_not_given(bench: Bench) -> None:
    elsewhere = item_of(sentinel1(EVENING + timedelta(minutes=1), shapely.box(10, 51, 11, 53)))
    earlier = item_of(sentinel1(EVENING - timedelta(days=60), AROUND))
    page = {"features": [item_of(S1), elsewhere, earlier], "context": {"limit": 100, "returned": 3}}
    bench.server.faults.append(stand_in.status(200, "search", body=page))
    bench.source.sensors = frozenset({Sensor.SENTINEL1})
    assert [s.id for s in bench.scenes()] == [S1.id]


def test_a_search_without_end_is_ended(bench: Bench) -> None:
    page = {"features": [item_of(S1)], "context": {"limit": 100, "returned": 1, "next": 1}}
    bench.server.faults.append(stand_in.status(200, "search", body=page, times=None))
    bench.source.sensors = frozenset({Sensor.SENTINEL1})
    with pytest.raises(SourceError, match="more than 100 pages"):
        bench.scenes()
    assert bench.server.counts["search"] == 101


# deadlines, threads, files


def test_past_its_deadline_a_call_is_given_up_and_starts_nothing_new(server: stand_in.SentinelHub) -> None:
    bench = Bench(server, patience=Patience(**{**vars(QUICK), "timeout_s": 0.7, "deadline_s": 0.4}))
    bench.source.log_in()
    server.faults.append(Fault(Trouble.SILENT, delay_s=1.5, times=None))
    assert "no end after 0.4 s" in bench.fails().message
    time.sleep(0.8)  # the library has timed out, and would ask again
    assert server.counts["process"] == 1
    server.faults.clear()


SLEEPER = """
import json, sys
from datetime import UTC, datetime
from monitor.errors import SourceError
from monitor.grid import Grid
from monitor.scene import by_pass
from monitor.sources.account import MemoryAccount
from monitor.sources.sentinel_hub import Credentials, Deployment, Discovery, Patience, SentinelHub
told = json.load(sys.stdin)
now = lambda: datetime(2025, 4, 10, tzinfo=UTC)
source = SentinelHub(
    credentials=Credentials(**told["credentials"]), account=MemoryAccount(now=now), now=now,
    deployment=Deployment(name="x", **told["deployment"]), patience=Patience(deadline_s=1.5, timeout_s=60),
)
(taken,) = by_pass([source.restore(told["item"])])
assert "sentinelhub" not in sys.modules, "loaded too early"
try:
    source.read(taken, Grid(**told["grid"]), ["vv"])
except SourceError as error:
    print(error.message)
"""


def test_a_hanging_call_neither_keeps_the_process_alive_nor_writes_to_the_home_folder(
    server: stand_in.SentinelHub, tmp_path: Path
) -> None:
    server.faults.append(Fault(Trouble.SILENT, delay_s=20, times=None))
    told = {
        "credentials": {"client_id": CLIENT, "client_secret": SECRET},
        "deployment": {"base_url": server.url, "token_url": server.token_url, "stac_url": server.url},
        "item": item_of(S1),
        "grid": vars(GRID),
    }
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith("SH_")},
        "HOME": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
    }
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SLEEPER],
        input=json.dumps(told),
        env=environment,
        cwd=Path(__file__).parent.parent.parent,
        capture_output=True,
        text=True,
        timeout=15,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "no end after 1.5 s" in done.stdout
    assert server.counts == {"token": 1, "process": 1}
    assert list(tmp_path.iterdir()) == []


# values


def test_nothing_shows_the_credentials(bench: Bench) -> None:
    credentials = Credentials(client_id=CLIENT, client_secret=SECRET, origin=ORIGIN)
    for shown in (credentials, bench.source, bench.source.deployment):
        check_no_secret(repr(shown) + str(shown))
    assert ORIGIN in repr(credentials)


def test_the_known_deployments() -> None:
    assert COPERNICUS.base_url == "https://sh.dataspace.copernicus.eu"
    assert COPERNICUS.token_url.startswith("https://identity.dataspace.copernicus.eu/auth/realms/CDSE/")
    assert COMMERCIAL.base_url == "https://services.sentinel-hub.com"
    assert COMMERCIAL.token_url.startswith("https://services.sentinel-hub.com/auth/realms/main/")


@pytest.mark.parametrize(
    "url", ["http://sh.example.org", "http://10.0.0.1", "ftp://127.0.0.1", "file:///etc/passwd", "https://me:pw@a.org"]
)
def test_credentials_travel_encrypted_only(url: str) -> None:
    with pytest.raises(ConfigError) as refused:
        Deployment(name="x", base_url=COPERNICUS.base_url, token_url=url, stac_url=COPERNICUS.stac_url)
    assert "pw" not in str(refused.value)


def test_the_source_is_named_for_messages(bench: Bench) -> None:
    assert bench.source.name == "hub"
    assert bench.source.sensors == frozenset(Sensor)
    assert repr(bench.source) == "SentinelHub(name='hub', deployment='Stand-in', discovery=catalog)"
