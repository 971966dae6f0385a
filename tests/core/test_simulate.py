"""The simulator: its truth is as planted, its pictures show the truth, its archive is what a source can read."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor import simulate
from monitor.aoi import CONTROL, WATER, from_features
from monitor.errors import SourceError, UsageError
from monitor.grid import Grid, project
from monitor.radiometry import LinearPower, to_db
from monitor.simulate import optical, radar
from monitor.simulate.passes import seen_by
from monitor.simulate.shapes import rectangle
from monitor.simulate.world import YEAR, EventKind
from monitor.times import Interval

SEASON = simulate.Scenario(seed=3, years=0.25)
LONG = simulate.Scenario(seed=11)


@pytest.fixture(scope="module")
def season() -> simulate.Plan:
    return simulate.plan(SEASON)


@pytest.fixture(scope="module")
def three_years() -> simulate.Plan:
    return simulate.plan(LONG)


@pytest.fixture(scope="module")
def archive(season: simulate.Plan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archive")
    simulate.write(folder, season)
    return folder


# speckle


def _lag_one(field: np.ndarray, axis: int) -> float:
    first, second = np.moveaxis(field, axis, 0)[:-1].ravel(), np.moveaxis(field, axis, 0)[1:].ravel()
    return float(np.corrcoef(first, second)[0, 1])


def test_speckle_has_mean_one_and_the_looks_of_grd() -> None:
    field = simulate.speckle((600, 600), np.random.default_rng(1)).astype(np.float64)
    assert field.mean() == pytest.approx(1.0, rel=0.02)
    assert 1 / field.var() == pytest.approx(4.4, rel=0.10)
    # gamma: skewness 2 / sqrt(L)
    assert ((field - 1) ** 3).mean() / field.std() ** 3 == pytest.approx(2 / np.sqrt(4.4), rel=0.10)


@pytest.mark.parametrize("axis", [0, 1])
def test_neighbouring_speckle_is_correlated_and_distant_speckle_is_not(axis: int) -> None:
    field = simulate.speckle((600, 600), np.random.default_rng(2))
    assert 0.2 < _lag_one(field, axis) < 0.6
    assert abs(_lag_one(field[::4, ::4], axis)) < 0.02


@settings(max_examples=15, deadline=None, derandomize=True)
@given(st.floats(0.5, 12))
def test_speckle_of_any_number_of_looks(looks: float) -> None:
    field = simulate.speckle((300, 300), np.random.default_rng(5), looks).astype(np.float64)
    assert field.mean() == pytest.approx(1.0, rel=0.03)
    assert field.var() * looks == pytest.approx(1.0, rel=0.12)


def test_the_control_sea_of_a_picture_has_the_looks_of_grd(season: simulate.Plan) -> None:
    port = simulate.place()
    sea = port.mask(port.zone("sea_reference").outline)
    # relative to the smooth mean, whose slope and gusts are not speckle
    ratio = [(simulate.render_radar(season, p) / radar.mean_power(season, p))[sea] for p in season.radar[:6]]
    looks = [1 / np.nanvar(r) for r in ratio]
    assert np.nanmean(np.concatenate(ratio)) == pytest.approx(1.0, rel=0.02)
    assert np.median(looks) == pytest.approx(4.4, rel=0.10)


# truth


def test_same_seed_same_truth_other_seed_other_truth() -> None:
    assert simulate.plan(SEASON) == simulate.plan(SEASON)
    assert simulate.plan(SEASON).truth.ships != simulate.plan(replace(SEASON, seed=4)).truth.ships


def test_optical_passes_change_nothing_else(season: simulate.Plan) -> None:
    without = simulate.plan(replace(SEASON, optical=False))
    assert (without.truth, without.radar, without.optical) == (season.truth, season.radar, ())


@pytest.mark.parametrize(("zone", "mean"), [("berths", 0.9), ("anchorage", 1.2), ("yard", 26.0)])
def test_usual_presence(zone: str, mean: float) -> None:
    quiet = [simulate.plan(replace(LONG, seed=s, events=(), optical=False)).truth for s in range(4)]
    assert np.mean([t.mean_count(zone, t.interval) for t in quiet]) == pytest.approx(mean, rel=0.1)


def test_the_surge_and_the_lull_are_as_planted(three_years: simulate.Plan) -> None:
    truth = three_years.truth
    surge, lull = truth.event(EventKind.SURGE, "berths"), truth.event(EventKind.LULL, "anchorage")
    # presence follows the rate within one stay
    during = Interval(start=surge.start + timedelta(days=5), end=surge.end)
    assert 2.0 < truth.mean_count("berths", during) < 3.3
    assert truth.mean_count("berths", Interval(start=truth.interval.start, end=surge.start)) < 1.2
    during = Interval(start=lull.start + timedelta(days=3), end=lull.end)
    assert truth.mean_count("anchorage", during) < 0.4
    assert truth.mean_count("anchorage", Interval(start=truth.interval.start, end=lull.start)) > 0.9
    assert timedelta(days=110) < surge.end - surge.start < timedelta(days=130)
    assert lull.start.year == lull.end.year == 2023


def test_nothing_planted_means_no_event() -> None:
    truth = simulate.plan(replace(SEASON, events=())).truth
    assert truth.events == ()
    with pytest.raises(UsageError, match="no surge was planted"):
        truth.event(EventKind.SURGE, "berths")


def test_counts_agree_with_ships(three_years: simulate.Plan) -> None:
    truth = three_years.truth
    for overpass in three_years.radar[::10]:
        ships = truth.ships_at(overpass.start)
        assert truth.count("berths", overpass.start) + truth.count("anchorage", overpass.start) == len(ships)
        assert truth.count("sea_reference", overpass.start) == 0
    with pytest.raises(UsageError, match="no zone 'berth'"):
        truth.count("berth", truth.interval.start)


def test_ships_lie_wholly_on_water_in_their_zone_and_never_overlap(three_years: simulate.Plan) -> None:
    port = simulate.place()
    hulls = {s.id: _hull(s) for s in three_years.truth.ships}
    for ship in three_years.truth.ships:
        assert not hulls[ship.id].intersects(port.solid)
        assert port.zone(ship.zone).outline.contains(hulls[ship.id])
        assert 60 <= ship.length_m <= 200
    for moment in (three_years.scenario.at(f) for f in np.linspace(0, 0.999, 200)):
        present = [hulls[s.id] for s in three_years.truth.ships_at(moment)]
        assert shapely.union_all(present).area == pytest.approx(sum(h.area for h in present))


def _hull(ship: simulate.Ship) -> shapely.Polygon:
    flat = shapely.box(
        ship.x - ship.width_m / 2, ship.y - ship.length_m / 2, ship.x + ship.width_m / 2, ship.y + ship.length_m / 2
    )
    return shapely.affinity.rotate(flat, -ship.heading_deg)


def test_passes_come_as_two_satellites_fly(three_years: simulate.Plan) -> None:
    radar_passes = three_years.radar
    assert 250 <= len(radar_passes) <= 290
    assert 105 <= len(three_years.optical) <= 112
    assert {(p.relative_orbit, str(p.direction)) for p in radar_passes} == {(87, "ascending"), (21, "descending")}
    one_track = [p for p in radar_passes if p.relative_orbit == 87]
    switch = min(p.start for p in one_track if p.platform == "sentinel-1c")
    gaps = [(b.start - a.start).days for a, b in pairwise(one_track)]
    assert set(gaps) <= {6, 12, 18, 24, 36}
    assert max(gaps) >= 18
    assert all(p.platform == "sentinel-1a" for p in one_track if p.start < switch)
    assert {p.bias_db for p in radar_passes if p.platform == "sentinel-1c"} == {0.4}
    assert 0.03 < len(three_years.missed) / (len(three_years.missed) + len(radar_passes)) < 0.12
    assert 0.02 < np.mean([p.cut is not None for p in radar_passes]) < 0.11
    assert all(-22 <= p.sea_db <= -12 for p in radar_passes)


def test_bad_scenarios_cannot_be_built() -> None:
    with pytest.raises(UsageError, match="no time zone"):
        simulate.Scenario(start=datetime(2022, 1, 1))  # noqa: DTZ001  the point of the test
    with pytest.raises(UsageError, match="0 years"):
        simulate.Scenario(years=0)
    with pytest.raises(UsageError, match="300 pixels"):
        simulate.place(300)
    with pytest.raises(UsageError, match="nothing happens in 'sea_reference'"):
        simulate.Event(
            kind=EventKind.SURGE,
            zone="sea_reference",
            start=datetime(2022, 1, 1, tzinfo=UTC),
            end=datetime(2022, 2, 1, tzinfo=UTC),
            rate_factor=3,
        )


# place


@pytest.mark.parametrize("side", [320, 400])
def test_the_aoi_gives_back_the_grid_of_the_pictures(side: int) -> None:
    aoi = simulate.simulated_aoi(side)
    assert aoi.grid() == simulate.place(side).grid
    assert aoi.grid().mask_of(aoi.outline).all()
    assert "SIMULATED" in aoi.name


def test_water_zones_lie_on_water_and_land_zones_on_land() -> None:
    aoi, port = simulate.simulated_aoi(), simulate.place()
    water = port.water()
    for zone in aoi.zones:
        inside = aoi.grid().mask_of(zone.outline)
        assert inside.sum() > 1000
        assert (water[inside] == (zone.kind in WATER)).all(), zone.name
    assert sum(z.kind in CONTROL for z in aoi.zones) == 2
    assert tuple(z.name for z in aoi.zones) == simulate.ZONES


def test_a_larger_grid_shows_the_same_port() -> None:
    small, large = simulate.place(320).water(), simulate.place(360).water()
    assert (large[20:-20, 20:-20] == small).all()


# pictures


def test_a_blurred_rectangle_keeps_its_area() -> None:
    grid = Grid(epsg=32626, left=0, top=1000, resolution=10, height=100, width=100)
    for heading in (0.0, 33.0, 90.0):
        _, share = rectangle(grid, x=503, y=498, heading_deg=heading, length_m=150, width_m=24, sigma_m=8.5)
        assert share.sum() * grid.pixel_area_m2 == pytest.approx(150 * 24, rel=0.01)


def test_ships_stand_out_at_their_place(three_years: simulate.Plan) -> None:
    """3 x 3 pixels around the truth against the median of the ring 120 to 200 m around it, calm to moderate sea."""
    grid = simulate.place().grid
    x, y = (np.asarray(v) for v in grid.centres())
    seen = 0
    for overpass in [p for p in three_years.radar if p.cut is None and p.sea_db < -18][:25]:
        picture = simulate.render_radar(three_years, overpass)
        for ship in three_years.truth.ships_at(overpass.start, "anchorage"):
            distance = np.hypot(x[None, :] - ship.x, y[:, None] - ship.y)
            hull = distance < 16
            ring = (distance > 120) & (distance < 200)
            contrast = 10 * np.log10(picture[hull].mean() / np.median(picture[ring]))
            assert contrast > 6, (overpass.id, ship)
            seen += 1
    assert seen > 10


def test_berthed_ships_brighten_the_berth(three_years: simulate.Plan) -> None:
    port = simulate.place()
    grid = port.grid
    for ship in [s for s in three_years.truth.ships if s.zone == "berths"][:10]:
        there = next((p for p in three_years.radar if ship.arrives <= p.start < ship.leaves), None)
        if there is None:
            continue
        gone = replace(three_years, truth=replace(three_years.truth, ships=()))
        ratio = radar.mean_power(three_years, there) / radar.mean_power(gone, there)
        row, column = int((grid.top - ship.y) // 10), int((ship.x - grid.left) // 10)
        assert 10 * np.log10(ratio[row, column]) > 3
        assert np.abs(ratio[port.mask(port.zone("sea_reference").outline)] - 1).max() < 1e-4


def test_a_partial_swath_is_unseen_outside_its_footprint(three_years: simulate.Plan) -> None:
    port = simulate.place()
    for overpass in [p for p in three_years.radar if p.cut is not None][:4]:
        picture = simulate.render_radar(three_years, overpass)
        covered = seen_by(port, overpass.cut)
        assert (np.isfinite(picture) == port.mask(covered)).all()
        assert 0.02 < covered.area / shapely.box(*port.grid.bounds).area < 0.98


def test_the_platform_switch_is_a_bias(three_years: simulate.Plan) -> None:
    overpass = three_years.radar[0]
    plain = radar.mean_power(three_years, overpass)
    biased = radar.mean_power(three_years, replace(overpass, bias_db=0.4))
    assert 10 * np.log10(biased / plain) == pytest.approx(0.4, abs=0.001)


def test_radar_numbers_survive_storing() -> None:
    power = LinearPower(np.array([np.nan, 1e-5, 0.01, 0.5, 30.0], np.float32))
    dn = radar.to_dn(power)
    assert dn.dtype == np.uint16
    assert dn[0] == 0
    assert (dn[1:] > 0).all()
    back = dn[1:] * radar.DB_SCALE + radar.DB_OFFSET
    assert back == pytest.approx(to_db(power)[1:], abs=0.041)


def test_reflectance_survives_storing() -> None:
    reflectance = np.array([0.0, 0.009, 0.3, 1.0], np.float32)
    dn = optical.to_dn(reflectance)
    assert dn.dtype == np.uint16
    assert dn.min() > 0
    assert dn * optical.REFLECTANCE_SCALE == pytest.approx(reflectance, abs=0.0013)


def test_optical_pictures_have_the_clouds_they_say(three_years: simulate.Plan) -> None:
    water = simulate.place().water()
    for overpass in three_years.optical[::20]:
        bands = simulate.render_optical(three_years, overpass)
        cloud = bands["scl"] == optical.CLOUD
        assert cloud.mean() == pytest.approx(overpass.cloud_cover, abs=0.12)
        if 0.1 < overpass.cloud_cover < 0.9:
            clear = bands["scl"] == optical.WATER
            assert bands["b08"][cloud].min() > 4 * np.median(bands["b08"][clear])
            assert np.median(bands["b08"][clear & water]) < 0.06


def test_ships_are_bright_in_the_near_infrared(three_years: simulate.Plan) -> None:
    grid = simulate.place().grid
    clearest = min(
        (p for p in three_years.optical if three_years.truth.count("anchorage", p.start)), key=lambda p: p.cloud_cover
    )
    nir = simulate.render_optical(three_years, clearest)["b08"]
    for ship in three_years.truth.ships_at(clearest.start, "anchorage"):
        row, column = int((grid.top - ship.y) // 10), int((ship.x - grid.left) // 10)
        around = np.median(nir[row - 15 : row + 16, column - 15 : column + 16])
        assert nir[row, column] > around + 0.05


# archive


def _digest(folder: Path) -> dict[str, str]:
    return {f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in sorted(folder.iterdir())}


def test_same_seed_same_bytes(archive: Path, season: simulate.Plan, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    truth = simulate.write(tmp_path, season, lambda done, of: told.append((done, of)))
    assert _digest(tmp_path) == _digest(archive)
    assert truth == season.truth == simulate.read_truth(archive)
    assert told[-1] == (len(told), len(told)) == (len(season.passes()),) * 2


def test_the_archive_says_all_that_a_source_needs(archive: Path, season: simulate.Plan) -> None:
    collection = json.loads((archive / "items.json").read_text())
    assert len(collection["features"]) == len(season.radar) + len(season.optical)
    grid = simulate.place().grid
    for item in collection["features"]:
        properties = item["properties"]
        assert properties["quaywatch:simulated"] is True
        assert "SIMULATED" in properties["processing:lineage"]
        assert properties["start_datetime"] <= properties["datetime"] <= properties["end_datetime"]
        for asset in item["assets"].values():
            assert "/" not in asset["href"]
            with rasterio.open(archive / asset["href"]) as file:
                assert file.shape == tuple(properties["proj:shape"]) == grid.shape
                assert tuple(file.transform)[:6] == tuple(properties["proj:transform"]) == grid.transform
                assert file.crs.to_epsg() == properties["proj:epsg"] == grid.epsg
                assert file.nodata == asset["raster:bands"][0]["nodata"] == 0
                assert file.dtypes[0] == asset["raster:bands"][0]["data_type"]


def test_stored_pixels_are_the_rendered_ones(archive: Path, season: simulate.Plan) -> None:
    collection = json.loads((archive / "items.json").read_text())
    grid = simulate.place().grid
    for overpass in season.radar:
        item = next(i for i in collection["features"] if i["id"] == overpass.id)
        band = item["assets"]["vv"]["raster:bands"][0]
        with rasterio.open(archive / item["assets"]["vv"]["href"]) as file:
            dn = file.read(1)
        picture = to_db(simulate.render_radar(season, overpass))
        seen = np.isfinite(picture)
        assert ((dn > 0) == seen).all()
        assert np.abs(dn[seen] * band["scale"] + band["offset"] - picture[seen]).max() < 0.041
        footprint = project(shapely.geometry.shape(item["geometry"]), grid.epsg)
        assert footprint.area / shapely.box(*grid.bounds).area == pytest.approx(seen.mean(), abs=0.01)


def test_the_aoi_file_reads_as_an_aoi(archive: Path) -> None:
    aoi = from_features(json.loads((archive / "aoi.geojson").read_text()), "aoi.geojson")
    assert aoi.id == "simport"
    assert aoi.grid() == simulate.place().grid


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, season: simulate.Plan) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(SourceError, match="taken"):
        simulate.write(tmp_path / "taken", season)
    with pytest.raises(SourceError, match=r"truth\.json"):
        simulate.read_truth(tmp_path)


def test_the_archive_spans_the_years_asked_for(three_years: simulate.Plan) -> None:
    assert three_years.truth.interval.end - three_years.truth.interval.start == 3 * YEAR
    assert all(p.start in three_years.truth.interval for p in three_years.passes())
