"""The command line on a workspace whose imagery comes over the net: real servers, without account or with."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import shapely
from rasterio.crs import CRS
from rasterio.transform import Affine
from servers import files, stac
from servers import sentinel_hub as hub

from monitor.aoi import Aoi, Zone, ZoneKind
from monitor.grid import Grid, project
from monitor.times import utc
from surfaces.conftest import quaywatch

BOX = shapely.box(590_000, 5_750_000, 590_640, 5_750_640)
OUTLINE = project(BOX, 4326, source=32631)
AOI = Aoi(
    id="pier", name="Pier", outline=OUTLINE, zones=(Zone(name="water", kind=ZoneKind.ANCHORAGE, outline=OUTLINE),)
)
TILE = Grid(epsg=32631, left=589_800, top=5_750_900, resolution=10, height=120, width=120)
WIDE = OUTLINE.buffer(0.05)
NOW = "2025-03-20T00:00:00Z"
BANDS = {"b02": "blue", "b03": "green", "b04": "red", "b08": "nir", "scl": "scl"}

OPTICAL = [
    hub.sentinel2(utc(f"2025-03-{day:02d}T10:50:31Z"), WIDE, cloud_cover=cloud)
    for day, cloud in ((2, 0.0), (7, 100.0), (12, 0.0), (17, 0.0))
]
RADAR = [
    hub.sentinel1(utc(f"2025-03-{day:02d}T17:25:{second}Z"), WIDE)
    for day, second in ((3, "10"), (15, "11"), (15, "36"))
]
WORLD = hub.SyntheticWorld([*OPTICAL, *RADAR])


@dataclass
class Net:
    """What the workspace can reach."""

    catalogue: stac.StacServer
    files: files.FileServer
    hub: hub.SentinelHub
    workspace: Path

    def configure(self, *tables: str) -> None:
        (self.workspace / "config.toml").write_text("\n".join(tables), encoding="utf-8")

    @property
    def open_catalogue(self) -> str:
        return (
            f'[[sources]]\nkind = "stac"\nurl = "{self.catalogue.url}"\ncollections = ["sentinel-2-c1-l2a"]\n'
            'hosts = ["127.0.0.1"]\nprivate_addresses = true\n'
        )

    def account(self, units: float = 100.0) -> str:
        return (
            '[[sources]]\nkind = "sentinel_hub"\nsensors = ["sentinel-1"]\n'
            f'base_url = "{self.hub.url}"\ntoken_url = "{self.hub.token_url}"\n'
            f'discovery_url = "{self.catalogue.url}"\nunits_per_month = {units}\n'
        )


def write(path: Path, record: hub.SceneRecord, band: str) -> None:
    values = WORLD.pixels(record, band.upper(), TILE)
    dn = values if band == "scl" else np.rint(values * 10_000 + 1000)
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(
        path, "w", driver="GTiff", height=TILE.height, width=TILE.width, count=1, dtype="uint16", nodata=0,
        crs=CRS.from_epsg(TILE.epsg), transform=Affine(*TILE.transform), tiled=True, blockxsize=64, blockysize=64,
        compress="deflate",
    ) as file:  # fmt: skip
        file.write(dn.astype("uint16"), 1)


def optical_item(record: hub.SceneRecord, url: str) -> dict[str, Any]:
    stated = {"nodata": 0, "scale": 1e-4, "offset": -0.1}
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": f"S2A_T31UET_{record.start:%Y%m%dT%H%M%S}_L2A",
        "collection": "sentinel-2-c1-l2a",
        "geometry": shapely.geometry.mapping(record.footprint),
        "properties": {
            "datetime": f"{record.start:%Y-%m-%dT%H:%M:%SZ}",
            "platform": "sentinel-2a",
            "constellation": "sentinel-2",
            "grid:code": "MGRS-31UET",
            "proj:epsg": TILE.epsg,
            "s2:processing_baseline": "05.11",
            "s2:product_uri": f"{record.id}.SAFE",
        },
        "links": [],
        "assets": {
            name: {
                "href": f"{url}/{record.id}/{band}.tif",
                "roles": ["data"],
                "raster:bands": [{"nodata": 0} if band == "scl" else stated],
            }
            for band, name in BANDS.items()
        },
    }


def radar_item(record: hub.SceneRecord) -> dict[str, Any]:
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "id": record.id,
        "collection": "sentinel-1-grd",
        "geometry": shapely.geometry.mapping(record.footprint),
        "properties": {
            "datetime": f"{record.start:%Y-%m-%dT%H:%M:%SZ}",
            "start_datetime": f"{record.start:%Y-%m-%dT%H:%M:%SZ}",
            "end_datetime": f"{record.end:%Y-%m-%dT%H:%M:%SZ}",
            "platform": record.platform,
            "constellation": "sentinel-1",
            "sar:instrument_mode": "IW",
            "sar:polarizations": ["VV", "VH"],
            "sat:orbit_state": record.direction,
            "sat:relative_orbit": record.relative_orbit,
        },
        "links": [],
        "assets": {},
    }


@pytest.fixture
def net(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Net]:
    from benchmarks.places import geojson

    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SH_CLIENT_ID", "client")
    monkeypatch.setenv("SH_CLIENT_SECRET", "secret")
    workspace = tmp_path / "w"
    (workspace / "aois").mkdir(parents=True)
    (workspace / "aois" / "pier.geojson").write_text(json.dumps(geojson(AOI)), encoding="utf-8")
    for record in OPTICAL:
        for band in BANDS:
            write(tmp_path / "www" / record.id / f"{band}.tif", record, band)
    with files.serve(tmp_path / "www") as pixels, hub.serve(WORLD, document=None) as service:
        items = [*(optical_item(r, pixels.url) for r in OPTICAL), *map(radar_item, RADAR)]
        with stac.serve(items) as catalogue:
            yield Net(catalogue, pixels, service, workspace)


def looks(net: Net) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = quaywatch("-w", net.workspace, "looks", "pier", "--json").value
    return found


def test_a_check_without_any_account_just_works(net: Net) -> None:
    net.configure(net.open_catalogue)
    done = quaywatch("-w", net.workspace, "check", "pier", "--since", "2025-03-01", "--as-of", NOW)
    assert (done.code, done.err) == (0, "")
    assert "Pier: no statement, too few looks of what is watched" in done.out
    seen = looks(net)
    assert [look["start"][:10] for look in seen] == ["2025-03-02", "2025-03-07", "2025-03-12", "2025-03-17"]
    assert [look["reason"] for look in seen] == [None, "cloud", None, None]
    cloudy = [r for r in net.files.requests if OPTICAL[1].id in r.path and "scl" not in r.path]
    assert cloudy == [], "under cloud nothing but the classification is fetched"


def test_a_second_check_reads_no_pixel_again(net: Net) -> None:
    net.configure(net.open_catalogue)
    words = ("-w", net.workspace, "check", "pier", "--since", "2025-03-01", "--as-of", NOW, "--json")
    first = quaywatch(*words)
    net.files.clear()
    second = quaywatch(*words)
    assert net.files.requests == []
    assert (first.code, second.code) == (0, 0)
    database = net.workspace / "var" / "quaywatch.sqlite"
    database.unlink()
    again = quaywatch(*words)
    assert net.files.requests == [], "not even with an empty database: the archive has them"
    assert again.value["newest"] == first.value["newest"]


def test_an_account_adds_the_radar_and_books_what_it_costs(net: Net) -> None:
    net.configure(net.account(), net.open_catalogue)
    done = quaywatch("-w", net.workspace, "backfill", "--since", "2025-03-01", "--as-of", NOW, "--json")
    assert done.code == 0, done.err
    seen = looks(net)
    assert sorted(look["sensor"] for look in seen) == ["sentinel-1"] * 2 + ["sentinel-2"] * 4
    assert sum(len(look["scenes"]) for look in seen) == 7, "two slices are one look"
    assert net.hub.violations == []
    (account,) = [f for f in doctor(net) if f["what"].startswith("account")]
    assert f"{100 - net.hub.units:.1f} of 100 units" in account["detail"]
    assert account["fine"] is True
    assert "need about" in account["detail"]


def doctor(net: Net) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = quaywatch("-w", net.workspace, "doctor", "--json").value
    return found


def test_at_the_cap_the_looks_wait_and_the_other_sensor_goes_on(net: Net) -> None:
    net.configure(net.account(units=0.05), net.open_catalogue)
    done = quaywatch("-w", net.workspace, "backfill", "--since", "2025-03-01", "--as-of", NOW)
    assert done.code == 0
    assert "would pass the cap of this month" in done.err
    assert {look["sensor"] for look in looks(net)} == {"sentinel-1", "sentinel-2"}
    assert len(looks(net)) == 5, "one radar look fits below the cap"
    assert net.hub.units <= 0.05
    wrong = {f["what"]: f["detail"] for f in doctor(net) if not f["fine"]}
    assert "watch fewer places" in next(d for what, d in wrong.items() if what.startswith("account"))
    assert "would pass the cap" in wrong["notices"]
    net.configure(net.account(), net.open_catalogue)
    assert quaywatch("-w", net.workspace, "backfill", "--since", "2025-03-01", "--as-of", NOW).code == 0
    assert len(looks(net)) == 6
    assert "notices" not in {f["what"] for f in doctor(net) if not f["fine"]}, "it has ended"


@pytest.mark.parametrize("variable", ["SH_CLIENT_ID", "SH_CLIENT_SECRET"])
def test_a_login_that_is_not_set_is_named_and_never_shown(
    net: Net, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    net.configure(net.account(), net.open_catalogue)
    monkeypatch.delenv(variable)
    done = quaywatch("-w", net.workspace, "check", "pier", "--as-of", NOW)
    assert done.code == 2
    assert f"the environment variable {variable}" in done.err


def test_a_wrong_secret_leaves_the_optical_looks_and_shows_no_secret(net: Net, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SH_CLIENT_SECRET", "hunter2-not-right")
    net.configure(net.account(), net.open_catalogue)
    done = quaywatch("-w", net.workspace, "check", "pier", "--since", "2025-03-01", "--as-of", NOW)
    assert done.code == 0
    assert "SH_CLIENT_SECRET" in done.err
    assert len(looks(net)) == 4
    for path in (net.workspace / "var").rglob("*"):
        assert not path.is_file() or b"hunter2" not in path.read_bytes(), path
    assert "hunter2" not in done.err + done.out


def test_a_late_scene_is_found_by_the_look_back(net: Net) -> None:
    net.configure(net.open_catalogue)
    late = optical_item(OPTICAL[2], net.files.url)
    net.catalogue.remove(late["id"])
    assert quaywatch("-w", net.workspace, "poll", "--as-of", "2025-03-18T00:00:00Z").code == 0
    assert len(looks(net)) == 3
    net.catalogue.put(late)
    assert quaywatch("-w", net.workspace, "poll", "--as-of", "2025-03-19T00:00:00Z").code == 0
    assert len(looks(net)) == 4


def test_one_question_does_not_fetch_years_of_tiles(net: Net) -> None:
    net.configure(net.open_catalogue)
    assert quaywatch("-w", net.workspace, "check", "pier", "--as-of", "2025-07-01").code == 0
    begin = utc(net.catalogue.searches[-1]["datetime"].split("/")[0])
    assert utc("2024-12-25") <= begin <= utc("2025-01-01")
    quaywatch("-w", net.workspace, "check", "pier", "--since", "2023-01-01", "--as-of", "2025-07-01")
    assert net.catalogue.searches[-1]["datetime"].startswith("2022-12"), "a day wider, as items may be dated"
