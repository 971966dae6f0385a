"""The grid holds the outline, lies on whole multiples, and burns polygons as GDAL does."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pyproj import Geod
from rasterio.features import geometry_mask
from rasterio.transform import Affine
from shapely.affinity import translate
from shapely.geometry.base import BaseGeometry

from monitor import globe
from monitor.errors import AoiError
from monitor.grid import WGS84, Grid, covering, lonlat, project, utm_zone, zone_of

SMALL = Grid(epsg=32652, left=500_000.0, top=4_680_000.0, resolution=10.0, height=40, width=50)


@st.composite
def polygons(draw: st.DrawFn) -> shapely.Polygon:
    """A star around a point: never crosses itself."""
    lon, lat = draw(st.floats(-179, 179)), draw(st.floats(-75, 80))
    radii = draw(st.lists(st.floats(0.002, 0.02), min_size=3, max_size=9))
    angles = [2 * math.pi * i / len(radii) for i in range(len(radii))]
    return shapely.Polygon([(lon + r * math.cos(a), lat + r * math.sin(a)) for r, a in zip(radii, angles, strict=True)])


@given(polygons(), st.sampled_from([5.0, 10.0, 20.0, 30.0]))
@settings(max_examples=60)
def test_the_grid_holds_the_outline_and_lies_on_multiples(outline: shapely.Polygon, resolution: float) -> None:
    grid = covering(outline, resolution)
    left, bottom, right, top = grid.bounds
    west, south, east, north = project(outline, grid.epsg).bounds
    assert left <= west <= east <= right
    assert bottom <= south <= north <= top
    assert all(edge % resolution == 0 for edge in (left, bottom, right, top))
    assert west - left < resolution
    assert top - north < resolution
    assert (right - left, top - bottom) == (grid.width * resolution, grid.height * resolution)


@given(polygons())
@settings(max_examples=30)
def test_masks_are_those_of_gdal(outline: shapely.Polygon) -> None:
    grid = covering(outline, 20.0)
    projected = project(outline, grid.epsg)
    expected = geometry_mask([projected], grid.shape, Affine(*grid.transform), invert=True)
    assert np.array_equal(grid.mask_of(outline), expected)


def test_a_mask_has_the_area_of_its_polygon_with_holes_left_out() -> None:
    ring = shapely.Point(130.3, 42.2).buffer(0.01).difference(shapely.Point(130.3, 42.2).buffer(0.005))
    grid = covering(ring)
    area = project(ring, grid.epsg).area
    mask = grid.mask_of(ring)
    assert mask.sum() * grid.pixel_area_m2 == pytest.approx(area, rel=0.01)
    assert not mask[grid.height // 2, grid.width // 2]


def test_what_lies_elsewhere_is_no_pixel() -> None:
    assert not SMALL.mask_of(shapely.box(130.0, 42.3, 130.1, 42.4)).any()


@given(st.floats(0, 39), st.floats(0, 49))
def test_pixel_indices_name_pixel_centres(row: float, column: float) -> None:
    x, y = SMALL.xy(row, column)
    a, _, c, _, e, f = SMALL.transform
    assert x == pytest.approx(a * (column + 0.5) + c)
    assert y == pytest.approx(e * (row + 0.5) + f)


def test_centres_agree_with_xy() -> None:
    x, y = SMALL.centres()
    assert x.shape == (50,)
    assert y.shape == (40,)
    assert (x[7], y[3]) == SMALL.xy(3, 7)
    assert (x[0], y[0]) == (500_005.0, 4_679_995.0)
    assert y[0] > y[-1]


@given(st.floats(-179.9, 179.9), st.floats(-79, 83))
def test_points_come_back_from_utm(lon: float, lat: float) -> None:
    epsg = utm_zone(lon, lat)
    point = project(shapely.Point(lon, lat), epsg)
    assert isinstance(point, shapely.Point)
    assert lonlat(point.x, point.y, epsg) == pytest.approx((lon, lat), abs=1e-7)
    assert 100_000 < point.x < 900_000


@pytest.mark.parametrize(
    ("lon", "lat", "epsg"),
    [
        (130.285, 42.2275, 32652),
        (35.78, 35.52, 32636),
        (-71.6, -33.0, 32719),
        (0.0, 0.0, 32631),
        (-180.0, 10.0, 32601),
        (180.0, 10.0, 32601),
        (179.99, -10.0, 32760),
        (5.99, 50.0, 32631),
        (6.0, 50.0, 32632),
    ],
)
def test_utm_zones(lon: float, lat: float, epsg: int) -> None:
    assert utm_zone(lon, lat) == epsg


@pytest.mark.parametrize("lat", [-80.1, 84.1, 130.0])
def test_poles_and_exchanged_coordinates_are_refused(lat: float) -> None:
    with pytest.raises(AoiError, match="outside UTM") as caught:
        utm_zone(42.0, lat)
    assert "longitude first" in caught.value.hint


def test_an_outline_of_the_size_of_a_country_is_refused() -> None:
    with pytest.raises(AoiError, match="pixels of 10 m"):
        covering(shapely.box(128.0, 40.0, 131.0, 43.0))
    assert covering(shapely.box(128.0, 40.0, 131.0, 43.0), 100.0).height > 3000


@pytest.mark.parametrize(("height", "width", "resolution"), [(0, 5, 10.0), (5, 0, 10.0), (5, 5, 0.0), (5, 5, -10.0)])
def test_an_impossible_grid_cannot_be_built(height: int, width: int, resolution: float) -> None:
    with pytest.raises(AoiError, match="cannot be"):
        Grid(epsg=32652, left=0.0, top=0.0, resolution=resolution, height=height, width=width)


# edges of zones, the line at 180 degrees, the equator


def beside(edge: float) -> st.SearchStrategy[shapely.Polygon]:
    """A star of some kilometres that holds a piece of a meridian, or lies next to it."""

    @st.composite
    def drawn(draw: st.DrawFn) -> shapely.Polygon:
        lon, lat = edge + draw(st.floats(-0.03, 0.03)), draw(st.floats(-75, 80) | st.floats(-0.02, 0.02))
        radii = draw(st.lists(st.floats(0.004, 0.04), min_size=3, max_size=9))
        angles = [2 * math.pi * i / len(radii) for i in range(len(radii))]
        star = [(lon + r * math.cos(a), lat + r * math.sin(a)) for r, a in zip(radii, angles, strict=True)]
        return shapely.Polygon(star)

    return drawn()


def written(outline: shapely.Polygon) -> list[BaseGeometry]:
    """One outline around 180 degrees east in all the ways it may come."""
    flat = shapely.transform(outline, lambda c: np.column_stack([(c[:, 0] + 180) % 360 - 180, c[:, 1]]))
    return [outline, translate(outline, -360), flat, globe.split(outline)]


@given(beside(168.0))
@settings(max_examples=40)
def test_the_line_at_180_is_an_edge_of_zones_like_any_other(outline: shapely.Polygon) -> None:
    """Zones repeat every six degrees: what lies across 168 E has the coordinates of the same shape across 180."""
    assume(abs(outline.centroid.x - 168) > 1e-6)
    assume(abs(outline.centroid.y) > 1e-6)  # there as well rounding decides: the middle of a star on the equator
    here = covering(outline, 20.0)
    area = project(outline.segmentize(0.0005), here.epsg).area
    for there in written(translate(outline, 12.0)):
        grid = covering(there, 20.0)
        zone = here.epsg % 100 + 2
        assert grid.epsg == here.epsg // 100 * 100 + (zone - 60 if zone > 60 else zone)
        assert grid.bounds == pytest.approx(here.bounds, abs=20.0), "rounding may turn a pixel's edge"
        assert project(there, grid.epsg).geom_type == "Polygon", "no seam where it was cut"
        fine = globe.unrolled(there).segmentize(0.0005)
        assert project(fine, grid.epsg).area == pytest.approx(area, rel=1e-6)
        mask, expected = grid.mask_of(there), here.mask_of(outline)
        if grid.bounds == here.bounds:
            assert (mask != expected).sum() <= 3 + mask.sum() // 500, "on the rim, where a cut adds a corner"


@given(beside(180.0) | beside(12.0) | beside(-72.0))
@settings(max_examples=40)
def test_a_mask_has_the_area_of_the_outline_on_the_ground(outline: shapely.Polygon) -> None:
    area, perimeter = Geod(ellps="WGS84").geometry_area_perimeter(outline)
    for there in written(outline):
        grid = covering(there, 20.0)
        pixels = grid.mask_of(there).sum() * grid.pixel_area_m2
        assert pixels == pytest.approx(abs(area), rel=0.003, abs=perimeter * 10.0)
        assert grid.height * grid.width < 400_000, "one sensible grid, not one round the globe"


@given(beside(180.0))
@settings(max_examples=40)
def test_the_way_back_from_metres_is_split_at_the_line(outline: shapely.Polygon) -> None:
    epsg = zone_of(outline)
    back = project(project(outline, epsg), WGS84, source=epsg)
    assert -180 <= back.bounds[0] <= back.bounds[2] <= 180
    assert back.is_valid
    assert globe.touches(back, outline)
    assert back.symmetric_difference(globe.split(outline)).area < 1e-8 * outline.area + 1e-10
    assert [b[2] - b[0] < 1 for b in globe.boxes(back)]


def test_pixels_on_both_sides_of_the_line_are_in() -> None:
    harbour = shapely.MultiPolygon(
        [shapely.box(179.98, -16.82, 180, -16.80), shapely.box(-180, -16.82, -179.99, -16.80)]
    )
    grid = covering(harbour)
    mask = grid.mask_of(harbour)
    x, y = np.meshgrid(*grid.centres())
    places = np.array([lonlat(a, b, grid.epsg) for a, b in zip(x[mask][::500], y[mask][::500], strict=True)])
    assert grid.epsg == 32760
    assert {bool(east) for east in places[:, 0] > 0} == {True, False}
    west, east = grid.mask_of(harbour.geoms[0]), grid.mask_of(harbour.geoms[1])
    assert not (west & east).any()
    assert np.array_equal(west | east, mask), "no seam of pixels that are in neither"


def test_an_outline_across_the_equator_has_one_grid() -> None:
    grid = covering(shapely.box(9.99, -0.02, 10.01, 0.03))
    assert grid.epsg == 32632
    assert grid.bounds[1] < 0 < grid.top, "northings below the equator are negative"
    assert covering(shapely.box(9.99, -0.03, 10.01, 0.02)).epsg == 32732
    assert grid.mask_of(shapely.box(9.99, -0.02, 10.01, 0.03)).mean() > 0.98
