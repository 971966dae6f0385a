"""One look measured: every zone has each measure of its kind, and a number unless a reason says why not."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from monitor import simulate, track_state
from monitor.aoi import WATER, Aoi, Surface, Zone, ZoneKind
from monitor.baseline import Family
from monitor.grid import Grid, Mask
from monitor.measurement import Measurement, Reason
from monitor.measures import LEAST_LOOKS, MEASURES, Measured, View, measure, zone_masks
from monitor.quality.clouds import MARGIN_M
from monitor.quality.cover import BUFFER, border_noise
from monitor.radiometry import LinearPower
from monitor.scene import Direction, Sensor, Track
from monitor.site import Site
from monitor.stack import Stack
from monitor.times import utc

SIDE = 100
GRID = Grid(epsg=32652, left=500_000.0, top=4_680_000.0, resolution=10.0, height=SIDE, width=SIDE)
RADAR = Track(sensor=Sensor.SENTINEL1, relative_orbit=21, direction=Direction.DESCENDING, polarisation="VV")
OPTICAL = Track(sensor=Sensor.SENTINEL2, relative_orbit=103, direction=Direction.DESCENDING)
SEA_DB, LAND_DB = -18.0, -8.0
BOX = shapely.box(129, 42.2, 129.01, 42.21)


def part(rows: slice, columns: slice) -> Mask:
    mask: Mask = np.zeros(GRID.shape, bool)
    mask[rows, columns] = True
    return mask


LAND = part(slice(0, SIDE), slice(70, SIDE))
MASKS = {
    "berths": part(slice(0, 50), slice(0, 75)),
    "roads": part(slice(50, 100), slice(0, 60)),
    "yard": part(slice(0, SIDE), slice(65, SIDE)),
    "outline": part(slice(0, SIDE), slice(0, SIDE)),
}
ZONES = [
    Zone(name="berths", kind=ZoneKind.BERTH_WATER, outline=BOX, surface=Surface.WATER),
    Zone(name="roads", kind=ZoneKind.ANCHORAGE, outline=BOX),
    Zone(name="yard", kind=ZoneKind.CARGO_YARD, outline=BOX, surface=Surface.LAND),
    Zone(name="outline", kind=ZoneKind.AREA, outline=BOX),
]


def site(zones: Sequence[Zone] = ZONES, masks: Mapping[str, Mask] = MASKS) -> Site:
    aoi = Aoi(id="test", name="Test", outline=BOX, zones=tuple(zones))
    return Site(aoi=aoi, grid=GRID, masks=masks, outline=masks.get("outline", MASKS["outline"]))


SITE = site()
WHEN = utc("2023-06-01T03:35:00")
SHIP = part(slice(20, 22), slice(20, 30))
"""100 m x 20 m, in the berths."""


def power(seed: int, ship: bool = False) -> LinearPower:
    mean = np.where(LAND, 10 ** (LAND_DB / 10), 10 ** (SEA_DB / 10)).astype(np.float32)
    if ship:  # 20 m of resolution
        mean += 10 ** ((SEA_DB + 21) / 10) * ndimage.gaussian_filter(SHIP.astype(np.float32), 0.85)
    return LinearPower(mean * simulate.speckle(GRID.shape, np.random.default_rng(seed)))


def radar(seed: int, ship: bool = False) -> Stack:
    return Stack(grid=GRID, bands={"vv": power(seed, ship)})


def view(looks: int) -> View:
    state = track_state.nothing(SITE, Sensor.SENTINEL1)
    for seed in range(looks):
        share = track_state.share_of(radar(500 + seed), RADAR, SITE, WHEN)
        assert share is not None
        state = track_state.updated(state, share, SITE)
    return View(state=state)


@pytest.fixture(scope="module")
def old() -> View:
    return view(20)


def take(stack: Stack, known: View | None, track: Track = RADAR) -> dict[tuple[str, str], Measurement]:
    made = measure(stack, track, SITE, WHEN, known).measurements
    keyed = {(m.zone, m.measure): m for m in made}
    assert len(keyed) == len(made)
    return keyed


def expected(sensor: Sensor) -> set[tuple[str, str]]:
    return {(z.name, m.name) for z in ZONES for m in MEASURES.values() if z.kind in m.kinds and sensor in m.sensors}


def check(made: dict[tuple[str, str], Measurement]) -> None:
    for (_, name), m in made.items():
        assert math.isnan(m.value) == (m.reason is not None)
        assert m.usable == (m.reason is None)
        assert (m.unit, m.recipe) == (MEASURES[name].unit, f"{name}/{MEASURES[name].version}")
        assert 0 <= m.valid_fraction <= 1


def test_every_zone_has_each_measure_of_its_kind(old: View) -> None:
    made = take(radar(1), old)
    assert set(made) == expected(Sensor.SENTINEL1)
    assert ("berths", "vessel_count") in made
    assert ("yard", "vessel_count") not in made
    assert ("yard", "changed_area_m2") in made
    assert all(m.usable for m in made.values())
    check(made)


def test_an_empty_port_and_one_ship(old: View) -> None:
    empty, busy = take(radar(2), old), take(radar(2, ship=True), old)
    for zone in ("berths", "roads"):
        assert empty[zone, "vessel_count"].value == 0
        assert empty[zone, "ship_presence"].value == 0
        assert empty[zone, "vessel_area_m2"].value == 0
    assert busy["berths", "vessel_count"].value == 1
    assert busy["berths", "ship_presence"].value == 1
    assert busy["berths", "vessel_area_m2"].value == pytest.approx(2000, abs=1200)
    assert busy["roads", "vessel_count"].value == 0
    assert busy["yard", "changed_area_m2"].value == empty["yard", "changed_area_m2"].value == 0
    assert busy["outline", "changed_area_m2"].value >= 2000


def test_mean_backscatter_is_that_of_the_surface(old: View) -> None:
    made = take(radar(3), old)
    assert made["roads", "backscatter_db"].value == pytest.approx(SEA_DB, abs=0.2)
    assert made["yard", "backscatter_db"].value == pytest.approx(LAND_DB, abs=0.2)
    mixed = 10 * math.log10(0.7 * 10 ** (SEA_DB / 10) + 0.3 * 10 ** (LAND_DB / 10))
    assert made["outline", "backscatter_db"].value == pytest.approx(mixed, abs=0.2)


@pytest.mark.parametrize("looks", [None, 0, LEAST_LOOKS - 1])
def test_a_young_reference_is_a_reason_for_what_compares(looks: int | None) -> None:
    made = take(radar(4, ship=True), None if looks is None else view(looks))
    check(made)
    assert set(made) == expected(Sensor.SENTINEL1)
    for (_, name), m in made.items():
        assert m.reason is (Reason.REFERENCE_YOUNG if MEASURES[name].needs_reference else None)


def test_eight_looks_are_enough() -> None:
    assert all(m.usable for m in take(radar(4), view(LEAST_LOOKS)).values())


@pytest.mark.parametrize(
    ("columns", "reasons"),
    [
        (0, {"berths": None, "roads": None, "yard": None, "outline": None}),
        (30, {"berths": Reason.PARTLY_COVERED, "roads": Reason.PARTLY_COVERED, "yard": None}),
        (60, {"berths": Reason.PARTLY_COVERED, "roads": Reason.NOT_COVERED, "yard": None}),
        (90, {"berths": Reason.NOT_COVERED, "roads": Reason.NOT_COVERED, "yard": Reason.PARTLY_COVERED}),
        (100, dict.fromkeys(MASKS, Reason.NOT_COVERED)),
    ],
)
def test_a_swath_that_ends_in_the_aoi(old: View, columns: int, reasons: dict[str, Reason | None]) -> None:
    stack = radar(5)
    stack.bands["vv"][:, :columns] = np.nan
    made = take(stack, old)
    check(made)
    assert measure(stack, RADAR, SITE, WHEN, old).zone_reasons == {
        "outline": Reason.PARTLY_COVERED if columns else None,
        **reasons,
    }
    for (zone, name), m in made.items():
        if name == "valid_fraction":
            assert m.usable
        elif zone in reasons:
            assert m.reason is reasons[zone]
    seen = zone_masks(SITE, old)["yard"]
    edge = columns + (BUFFER if columns else 0)  # the rim of the swath is no backscatter
    share = float(seen[:, edge:].sum()) / float(seen.sum())
    assert made["yard", "valid_fraction"].value == pytest.approx(share)


def test_zones_are_cut_to_their_surface_once_it_is_known(old: View) -> None:
    cut = zone_masks(SITE, old)
    assert not (cut["berths"] & LAND).any()
    assert (MASKS["berths"] & ~LAND & ~cut["berths"]).sum() <= 50  # the pixel next to the quay is mixed
    assert (cut["yard"] & ~LAND).sum() <= 200
    assert np.array_equal(cut["outline"], MASKS["outline"])
    assert np.array_equal(cut["roads"], MASKS["roads"])
    for young in (None, view(3)):
        assert all(np.array_equal(m, MASKS[name]) for name, m in zone_masks(SITE, young).items())


def test_a_water_zone_on_land_has_no_water(old: View) -> None:
    inland = site([replace(ZONES[0], name="inland")], {"inland": part(slice(10, 40), slice(80, 95))})
    made = measure(radar(6), RADAR, inland, WHEN, old).measurements
    assert {m.reason for m in made} == {Reason.NO_WATER}
    assert all(math.isnan(m.value) and m.n_valid == 0 for m in made)


def optical(scl: np.ndarray | int) -> Stack:
    classes = np.broadcast_to(np.asarray(scl, np.float32), GRID.shape).copy()
    return Stack(grid=GRID, bands={"b08": np.full(GRID.shape, 0.1, np.float32), "scl": classes})


@pytest.mark.parametrize(
    ("scl", "reason"),
    [(6, None), (4, None), (3, Reason.CLOUD), (8, Reason.CLOUD), (9, Reason.CLOUD), (10, Reason.CLOUD)],
)
def test_clouds_of_sentinel_2(scl: int, reason: Reason | None) -> None:
    made = measure(optical(scl), OPTICAL, SITE, WHEN, None)
    assert {(m.zone, m.measure) for m in made.measurements} == expected(Sensor.SENTINEL2)
    assert set(made.zone_reasons.values()) == {reason}
    assert {m.value for m in made.measurements if m.measure == "valid_fraction"} == {0.0 if reason else 1.0}
    assert {m.reason for m in made.measurements if m.measure != "valid_fraction"} == {reason or Reason.REFERENCE_YOUNG}


def test_one_cloud_hides_one_zone() -> None:
    cloud = part(slice(65, 90), slice(10, 50))
    made = measure(optical(np.where(cloud, 9, 6)), OPTICAL, SITE, WHEN, None)
    assert made.zone_reasons == {"berths": None, "roads": Reason.CLOUD, "yard": None, "outline": None}
    values = {m.zone: m.value for m in made.measurements if m.measure == "valid_fraction"}
    margin = round(MARGIN_M / GRID.resolution)
    assert values["outline"] == pytest.approx(1 - (25 + 2 * margin) * (40 + 2 * margin) / SIDE**2, abs=0.01)
    assert values["berths"] == pytest.approx(1.0)


def test_the_same_look_gives_the_same_numbers(old: View) -> None:
    def numbers(made: Measured) -> list[tuple[str, str, float]]:
        return [(m.zone, m.measure, m.value) for m in made.measurements]

    stack = radar(7, ship=True)
    before = stack.bands["vv"].copy()
    assert numbers(measure(stack, RADAR, SITE, WHEN, old)) == numbers(measure(stack, RADAR, SITE, WHEN, old))
    assert np.array_equal(before, stack.bands["vv"])


@given(st.integers(0, 1000), st.floats(0, 1), st.sampled_from(["none", "young", "old"]))
@settings(max_examples=25)
def test_a_number_or_a_reason_whatever_was_seen(seed: int, share: float, age: str) -> None:
    stack, rng = radar(seed), np.random.default_rng(seed)
    stack.bands["vv"][rng.random((10, 10)).repeat(10, 0).repeat(10, 1) > share] = np.nan
    known = {"none": None, "young": YOUNG, "old": OLD}[age]
    made = take(stack, known)
    assert set(made) == expected(Sensor.SENTINEL1)
    check(made)
    seen = np.isfinite(stack.bands["vv"])
    rim = border_noise(LinearPower(stack.bands["vv"]))
    assert made["outline", "valid_fraction"].value == pytest.approx(float((seen & ~rim).mean()))


YOUNG, OLD = view(LEAST_LOOKS - 1), view(12)


# the registry


def test_the_registry_is_sound() -> None:
    for name, entry in MEASURES.items():
        assert entry.name == name
        assert entry.recipe == f"{name}/{entry.version}"
        assert entry.watched <= entry.kinds
    counted = {n for n, m in MEASURES.items() if m.family in {Family.COUNT, Family.PRESENCE}}
    assert counted == {"vessel_count", "ship_presence"}
    assert {n for n, m in MEASURES.items() if m.unit == "m2"} == {
        n for n, m in MEASURES.items() if m.family is Family.AMOUNT
    }


@pytest.mark.parametrize("kind", ZoneKind)
def test_at_most_one_measure_of_a_zone_raises_alerts(kind: ZoneKind) -> None:
    watched = [m.name for m in MEASURES.values() if kind in m.watched]
    if kind in {ZoneKind.REFERENCE_WATER, ZoneKind.REFERENCE_LAND, ZoneKind.PIER_OUTLINE}:
        assert watched == []
    else:
        yards = {ZoneKind.CARGO_YARD, ZoneKind.RAIL_YARD}
        assert watched == ["vessel_count" if kind in WATER else "yard_fill" if kind in yards else "changed_area_m2"]


def test_a_measurement_has_a_value_or_a_reason() -> None:
    fields = {"zone": "z", "measure": "m", "unit": "1", "n_valid": 1, "valid_fraction": 1.0, "recipe": "m/1"}
    with pytest.raises(ValueError, match="with reason None"):
        Measurement(value=math.nan, **fields)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="with reason cloud"):
        Measurement(value=1.0, reason=Reason.CLOUD, **fields)  # type: ignore[arg-type]


# the canary: a look in which nothing can be found says so


def test_a_sea_in_which_no_ship_shows_has_no_count(old: View) -> None:
    rough = Stack(grid=GRID, bands={"vv": np.where(LAND, power(8), power(8) * 10 ** (8.5 / 10)).astype(np.float32)})
    made = take(rough, old)
    for name in ("vessel_count", "ship_presence", "vessel_area_m2"):
        assert made["roads", name].reason is Reason.DETECTOR_BLIND
    assert made["roads", "backscatter_db"].usable


def test_numbers_in_another_unit_are_not_a_quiet_port(old: View) -> None:
    for scale in (1e-2, 1e-4):  # so dark that the ship which lies there fades as well
        dark = Stack(grid=GRID, bands={"vv": power(9, ship=True) * np.float32(scale)})
        assert take(dark, old)["berths", "vessel_count"].reason is Reason.DETECTOR_BLIND
    for scale in (0.5, 2.0):  # weather, and a ship all the same
        other = Stack(grid=GRID, bands={"vv": power(9, ship=True) * np.float32(scale)})
        assert take(other, old)["berths", "vessel_count"].value == 1
    decibels = Stack(grid=GRID, bands={"vv": 10 * np.log10(power(9)) + 40})
    assert take(decibels, old)["roads", "vessel_count"].reason in {Reason.DETECTOR_BLIND, Reason.ROUGH_SEA}


def test_a_change_that_cannot_be_told_is_not_no_change(old: View) -> None:
    rng = np.random.default_rng(1)
    restless = np.exp(rng.normal(0, 2.5, GRID.shape)).astype(np.float32)
    made = take(Stack(grid=GRID, bands={"vv": power(10) * restless}), old)
    assert made["yard", "changed_area_m2"].reason is Reason.DETECTOR_BLIND


def test_no_room_for_a_canary_says_nothing() -> None:
    narrow = site([replace(ZONES[1], name="creek")], {"creek": part(slice(60, 66), slice(0, 60))})
    state = track_state.nothing(narrow, Sensor.SENTINEL1)
    for seed in range(10):
        share = track_state.share_of(radar(seed), RADAR, narrow, WHEN)
        assert share is not None
        state = track_state.updated(state, share, narrow)
    made = measure(radar(50), RADAR, narrow, WHEN, View(state=state)).measurements
    assert {m.measure: m.value for m in made}["vessel_count"] == 0


# optical looks


def light(seed: int, *, ship: bool = False, cloud: bool = False, stacks: bool = False) -> Stack:
    """Water of 0.01, ground of 0.2 in the near infrared; a ship of 0.25."""
    rng, levels = np.random.default_rng(seed), {"b02": 0.05, "b03": 0.045, "b04": 0.03, "b08": 0.012}
    ground = 0.2 * (1 + 0.05 * np.random.default_rng(0).standard_normal(GRID.shape))
    bands = {}
    for name, level in levels.items():
        band = np.where(LAND, ground, level) + 0.0015 * rng.standard_normal(GRID.shape)
        if ship:
            share = ndimage.gaussian_filter(SHIP.astype(np.float32), 0.6)  # the point spread of Sentinel-2
            band += share * (0.25 - band)
        if stacks:
            band[20:80:4, 76:96] += 0.09
        bands[name] = band.astype(np.float32)
    bands["scl"] = np.where(LAND, 5, 6).astype(np.float32)
    if cloud:
        bands["scl"][10:40, 10:60] = 9
    return Stack(grid=GRID, bands=bands)


def optical_view(looks: int) -> View:
    state = track_state.nothing(SITE, Sensor.SENTINEL2)
    for number in range(looks):
        look = light(700 + number, ship=number % 3 == 0, stacks=number % 2 == 0)
        share = track_state.share_of(look, OPTICAL, SITE, WHEN + timedelta(days=5 * number))
        assert share is not None
        state = track_state.updated(state, share, SITE)
    return View(state=state)


@pytest.fixture(scope="module")
def known_light() -> View:
    return optical_view(24)


def seen_in(stack: Stack, known: View) -> dict[tuple[str, str], Measurement]:
    made = measure(stack, OPTICAL, SITE, WHEN + timedelta(days=130), known).measurements
    check({(m.zone, m.measure): m for m in made})
    return {(m.zone, m.measure): m for m in made}


def test_light_gives_the_same_measures(known_light: View) -> None:
    empty, busy = seen_in(light(1), known_light), seen_in(light(1, ship=True), known_light)
    assert set(empty) == expected(Sensor.SENTINEL2)
    assert empty["berths", "vessel_count"].value == 0
    assert busy["berths", "vessel_count"].value == 1
    assert busy["berths", "vessel_area_m2"].value == pytest.approx(2000, abs=1500)
    assert busy["roads", "vessel_count"].value == 0


def test_light_on_a_wrong_scale_is_not_a_quiet_port(known_light: View) -> None:
    right = light(1, ship=True)
    dark = {n: b if n == "scl" else b * np.float32(0.02) for n, b in right.bands.items()}
    made = seen_in(Stack(grid=GRID, bands=dark), known_light)
    assert not made["berths", "vessel_count"].usable


def test_light_tells_a_full_yard(known_light: View) -> None:
    empty, full = seen_in(light(2), known_light), seen_in(light(2, stacks=True), known_light)
    assert empty["yard", "yard_fill"].value < 0.05
    assert full["yard", "yard_fill"].value > empty["yard", "yard_fill"].value + 0.2


def test_a_cloud_over_a_zone_is_its_reason(known_light: View) -> None:
    made = seen_in(light(3, cloud=True), known_light)
    assert made["berths", "vessel_count"].reason is Reason.CLOUD
    assert made["yard", "yard_fill"].usable


def test_a_young_optical_track_says_so() -> None:
    made = seen_in(light(4), optical_view(3))
    assert made["roads", "vessel_count"].reason is Reason.REFERENCE_YOUNG
    assert made["roads", "valid_fraction"].value == 1
