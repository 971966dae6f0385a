"""AOIs from GeoJSON: what is read, what is filled in, and what is refused with which words."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import pytest
import shapely
from pyproj import Geod

from monitor import globe
from monitor.aoi import CONTROL, WATER, Aoi, Surface, ZoneKind, checked_outline, circle, from_features, whole
from monitor.errors import AoiError
from monitor.grid import project

Json = dict[str, Any]


def square(lon: float, lat: float, side: float = 0.02) -> Json:
    geometry: Json = shapely.geometry.mapping(shapely.box(lon, lat, lon + side, lat + side))
    return geometry


def collection() -> Json:
    return {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "geometry": square(130.28, 42.22),
                "properties": {
                    "feature_type": "aoi",
                    "id": "rajin",
                    "name": "Port of Rajin",
                    "country": "KP",
                    "anchor_uncertainty_m": 150,
                },
            },
            {
                "type": "Feature",
                "geometry": square(130.285, 42.225, 0.004),
                "properties": {
                    "feature_type": "zone",
                    "id": "rajin.berths",
                    "zone_kind": "berth_water",
                    "mask": "water",
                    "position_uncertainty_m": 40,
                },
            },
            {
                "type": "Feature",
                "geometry": square(130.29, 42.225, 0.004),
                "properties": {"feature_type": "zone", "id": "yard", "zone_kind": "cargo_yard"},
            },
        ],
    }


def test_everything_in_the_file_is_in_the_aoi() -> None:
    aoi = from_features(collection(), "rajin.geojson")
    assert (aoi.id, aoi.name, aoi.resolution_m, aoi.uncertainty_m) == ("rajin", "Port of Rajin", 10.0, 150)
    assert aoi.properties["country"] == "KP"
    assert [(z.name, z.kind, z.surface, z.uncertainty_m) for z in aoi.zones] == [
        ("berths", ZoneKind.BERTH_WATER, Surface.WATER, 40),
        ("yard", ZoneKind.CARGO_YARD, Surface.ANY, None),
    ]
    assert aoi.zone("yard") is aoi.zones[1]
    assert aoi.grid().epsg == 32652


def test_without_zones_the_outline_is_the_zone() -> None:
    data = collection()
    del data["features"][1:]
    (zone,) = from_features(data, "x").zones
    assert (zone.name, zone.kind) == ("outline", ZoneKind.AREA)
    assert zone.outline.equals(from_features(data, "x").outline)


def test_an_unknown_zone_is_answered_with_the_known_ones() -> None:
    with pytest.raises(AoiError, match="no zone 'berth'") as caught:
        from_features(collection(), "x").zone("berth")
    assert "berths, yard" in caught.value.hint


def test_area_is_that_on_the_ground() -> None:
    aoi = from_features(collection(), "x")
    east_west = 0.02 * 111.32 * math.cos(math.radians(42.23))
    assert aoi.area_km2() == pytest.approx(east_west * 0.02 * 111.13, rel=0.005)


def _set(index: int, key: str, value: object) -> Callable[[Json], None]:
    def edit(data: Json) -> None:
        data["features"][index]["properties"][key] = value

    return edit


def _shape(index: int, geometry: object) -> Callable[[Json], None]:
    def edit(data: Json) -> None:
        data["features"][index]["geometry"] = geometry

    return edit


def _two_outlines(data: Json) -> None:
    data["features"].append(copy.deepcopy(data["features"][0]))


def _no_geometry(data: Json) -> None:
    del data["features"][1]["geometry"]


def _no_outline(data: Json) -> None:
    del data["features"][0]


CROSSING = {"type": "Polygon", "coordinates": [[[130, 42], [131, 43], [131, 42], [130, 43], [130, 42]]]}
CROSSING_AT_THE_LINE = {"type": "Polygon", "coordinates": [[[179, 42], [-179, 43], [-179, 42], [179, 43], [179, 42]]]}
TWICE = shapely.geometry.mapping(shapely.MultiPolygon([shapely.box(179, 0, 181, 1), shapely.box(-181, 0, -179, 1)]))
TOO_SHORT = {"type": "Polygon", "coordinates": [[[130, 42], [131, 43]]]}
WRONG: list[tuple[Callable[[Json], None], str]] = [
    (_no_outline, "0 features have feature_type 'aoi'"),
    (_two_outlines, "2 features have feature_type 'aoi'"),
    (_set(1, "feature_type", "berth"), "feature_type 'aoi'"),
    (_set(0, "id", "Rajin Port"), "id 'Rajin Port' is not usable"),
    (_set(0, "id", ""), "id '' is not usable"),
    (_set(0, "resolution_m", 0.1), "resolution_m is 0.1"),
    (_set(0, "resolution_m", "10"), "resolution_m is '10'"),
    (_set(1, "id", "rajin.Berths"), "zone 'rajin.Berths': not a usable id"),
    (_set(1, "id", "other.berths"), "zone 'other.berths': not a usable id"),
    (_set(2, "id", "berths"), "two zones have the same id"),
    (_set(1, "zone_kind", "harbour"), "'harbour' is not a valid ZoneKind"),
    (_set(1, "mask", "sea"), "'sea' is not a valid Surface"),
    (_no_geometry, "zone 'rajin.berths': the geometry cannot be read"),
    (_shape(1, None), "the geometry cannot be read"),
    (_shape(1, TOO_SHORT), "the geometry cannot be read"),
    (_shape(0, {"type": "Point", "coordinates": [130, 42]}), "is a Point, not a polygon"),
    (_shape(0, {"type": "Polygon", "coordinates": []}), "not a polygon"),
    (_shape(0, square(4_500_000, 400_000)), "are not longitude and latitude"),
    (_shape(0, square(42.2, 130.2)), "are not longitude and latitude"),
    (_shape(0, square(359.99, 42)), "are not longitude and latitude"),
    (_shape(0, CROSSING), "AOI 'rajin': Self-intersection"),
    (_shape(0, CROSSING_AT_THE_LINE), "AOI 'rajin': Self-intersection"),
    (_shape(0, TWICE), "AOI 'rajin': Self-intersection"),
]


@pytest.mark.parametrize(("edit", "words"), WRONG, ids=[words for _, words in WRONG])
def test_what_is_wrong_is_named_with_its_file(edit: Callable[[Json], None], words: str) -> None:
    data = collection()
    edit(data)
    with pytest.raises(AoiError) as caught:
        from_features(data, "aois/rajin.geojson")
    assert words in caught.value.message
    assert caught.value.message.startswith("aois/rajin.geojson")
    assert caught.value.hint


@pytest.mark.parametrize("data", [{}, {"features": {}}, {"features": ["x"]}, {"type": "Feature", "geometry": None}])
def test_what_is_no_collection_is_refused(data: Json) -> None:
    with pytest.raises(AoiError, match="not a GeoJSON FeatureCollection"):
        from_features(data, "x")


@pytest.mark.parametrize(("lon", "lat"), [(130.285, 42.2275), (0.0, 0.0), (-70.0, -53.0), (15.0, 78.2)])
@pytest.mark.parametrize("radius", [50.0, 2_000.0, 50_000.0])
def test_a_circle_has_its_radius_on_the_ground(lon: float, lat: float, radius: float) -> None:
    disc = circle(lon, lat, radius)
    local = f"+proj=aeqd +lat_0={lat} +lon_0={lon} +datum=WGS84"
    from pyproj import Transformer

    x, y = Transformer.from_crs(4326, local, always_xy=True).transform(*disc.exterior.coords.xy)  # type: ignore[attr-defined]
    reach = [math.hypot(a, b) for a, b in zip(x, y, strict=True)]
    assert min(reach) == pytest.approx(radius, rel=0.002)
    assert max(reach) == pytest.approx(radius, rel=0.002)


@pytest.mark.parametrize(("lon", "lat", "radius"), [(181, 0, 500), (0, 85, 500), (0, 0, 49), (0, 0, 50_001)])
def test_a_circle_that_cannot_be(lon: float, lat: float, radius: float) -> None:
    with pytest.raises(AoiError):
        circle(lon, lat, radius)


def test_controls_are_not_where_activity_is_expected() -> None:
    assert ZoneKind.REFERENCE_WATER in WATER & CONTROL
    assert ZoneKind.BERTH_WATER not in CONTROL
    assert project(shapely.Point(129, 0), 32652).equals_exact(shapely.Point(500_000, 0), 1e-3)


def test_an_unknown_geometry_is_an_error_of_the_file() -> None:
    features = [{"properties": {"feature_type": "aoi", "id": "x"}, "geometry": {"type": "Blob", "coordinates": []}}]
    with pytest.raises(AoiError, match=r"x\.geojson: AOI 'x': the geometry cannot be read"):
        from_features({"features": features}, "x.geojson")


# across 180 degrees

SPLIT = shapely.MultiPolygon([shapely.box(179.98, -16.82, 180, -16.8), shapely.box(-180, -16.82, -179.99, -16.8)])
WAYS = {
    "split (RFC 7946)": SPLIT,
    "beyond 180": shapely.box(179.98, -16.82, 180.01, -16.8),
    "beyond -180": shapely.box(-180.02, -16.82, -179.99, -16.8),
    "drawn on a flat map": shapely.Polygon([(179.98, -16.82), (-179.99, -16.82), (-179.99, -16.8), (179.98, -16.8)]),
}


@pytest.mark.parametrize("way", WAYS)
def test_an_outline_across_180_is_the_same_however_it_is_drawn(way: str) -> None:
    outline = checked_outline(WAYS[way], "x")
    assert outline.symmetric_difference(SPLIT).area < 1e-12
    aoi = Aoi(id="x", name="x", outline=outline, zones=(whole(outline),))
    area, _ = Geod(ellps="WGS84").geometry_area_perimeter(SPLIT)
    assert aoi.area_km2() == pytest.approx(abs(area) / 1e6, rel=0.002)
    assert aoi.grid() == Aoi(id="y", name="y", outline=SPLIT, zones=(whole(SPLIT),)).grid()
    assert aoi.grid().width < 400


@pytest.mark.parametrize("way", WAYS)
def test_zones_across_180_are_read_too(way: str) -> None:
    data = collection()
    data["features"] = data["features"][:2]
    for feature in data["features"]:
        feature["geometry"] = shapely.geometry.mapping(WAYS[way])
    aoi = from_features(data, "x")
    assert aoi.grid().mask_of(aoi.zones[0].outline).sum() == aoi.grid().mask_of(SPLIT).sum() > 60_000


def test_longitudes_from_0_to_360_are_those_of_the_west() -> None:
    outline = checked_outline(shapely.box(288.3, -33.1, 288.5, -33.0), "x")
    assert outline.equals_exact(shapely.box(-71.7, -33.1, -71.5, -33.0), 1e-9)
    assert checked_outline(outline, "x") is outline


def test_an_outline_round_the_globe_is_too_large_and_not_turned_inside_out() -> None:
    outline = checked_outline(shapely.box(-180, -60, 180, 60), "x")
    with pytest.raises(AoiError, match="pixels of 10 m"):
        Aoi(id="x", name="x", outline=outline, zones=(whole(outline),)).grid()


@pytest.mark.parametrize("lon", [180.0, -180.0, 179.999, -179.99])
@pytest.mark.parametrize("lat", [0.0, -16.8, 71.0, 83.5])
@pytest.mark.parametrize("radius", [50.0, 5_000.0, 50_000.0])
def test_a_circle_at_the_line_has_its_radius_on_both_sides(lon: float, lat: float, radius: float) -> None:
    disc = checked_outline(circle(lon, lat, radius), "x")
    geod = Geod(ellps="WGS84")
    aoi = Aoi(id="x", name="x", outline=disc, zones=(whole(disc),))
    assert aoi.area_km2() == pytest.approx(math.pi * (radius / 1000) ** 2, rel=0.005)
    for bearing in (90, 270):
        inside, outside = (geod.fwd(lon, lat, bearing, radius * r) for r in (0.98, 1.02))
        assert globe.touches(disc, shapely.Point(inside[:2]))
        assert not globe.touches(disc, shapely.Point(outside[:2]))
    assert max(aoi.grid().shape) * 10 == pytest.approx(2 * radius, rel=0.01, abs=20)
