"""Where 180 E meets 180 W nothing is special: shapes there are what they are elsewhere, however they were written."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import shapely
from hypothesis import assume, given
from hypothesis import strategies as st
from pyproj import Geod
from shapely.affinity import translate
from shapely.geometry.base import BaseGeometry

from monitor.globe import boxes, meet, parts, split, touches, unrolled

GEOD = Geod(ellps="WGS84")
STEP = 1 / 64
"""Degrees. Multiples of it stay exact when whole degrees are added."""


def area(geometry: BaseGeometry) -> float:
    """m2 on the ellipsoid. Edges are straight in longitude and latitude, so they are followed in small steps."""
    return abs(float(GEOD.geometry_area_perimeter(geometry.segmentize(0.05))[0]))


@st.composite
def shapes(draw: st.DrawFn, reach: int = 8) -> shapely.Polygon:
    """A star of up to `reach` degrees somewhere around longitude 0, on multiples of STEP."""
    lon, lat = draw(st.integers(-reach, reach)), draw(st.integers(-60, 60))
    radii = draw(st.lists(st.floats(0.25, reach), min_size=3, max_size=9))
    angles = [2 * math.pi * i / len(radii) for i in range(len(radii))]
    corners = [(lon + r * math.cos(a), lat + r * math.sin(a)) for r, a in zip(radii, angles, strict=True)]
    made = shapely.Polygon([(round(x / STEP) * STEP, round(y / STEP) * STEP) for x, y in corners])
    assume(made.is_valid and made.area > 0)
    return made


def as_drawn(shape: BaseGeometry) -> BaseGeometry:
    """On a flat map: every longitude within -180 .. 180, the polygon up to 360 degrees wide."""
    return shapely.transform(shape, lambda c: np.column_stack([(c[:, 0] + 180) % 360 - 180, c[:, 1]]))


def as_rfc_7946(shape: BaseGeometry) -> BaseGeometry:
    """Cut at the line by hand."""
    west = shape.intersection(shapely.box(0, -90, 180, 90))
    east = translate(shape.intersection(shapely.box(180, -90, 360, 90)), -360)
    pieces = [p for g in (west, east) for p in getattr(g, "geoms", [g]) if p.geom_type == "Polygon" and not p.is_empty]
    return pieces[0] if len(pieces) == 1 else shapely.MultiPolygon(pieces)


def as_beyond(shape: BaseGeometry) -> BaseGeometry:
    return shape


def as_far_west(shape: BaseGeometry) -> BaseGeometry:
    return translate(shape, -360)


Written = Callable[[BaseGeometry], BaseGeometry]
WAYS: list[Written] = [as_drawn, as_rfc_7946, as_beyond, as_far_west]
ways = st.sampled_from(WAYS)


@given(shapes(), shapes(), ways, ways)
def test_what_touches_at_greenwich_touches_at_the_line(
    one: shapely.Polygon, other: shapely.Polygon, way: Written, another: Written
) -> None:
    expected = one.intersects(other)
    moved, against = way(translate(one, 180)), another(translate(other, 180))
    assert touches(moved, against) == touches(against, moved) == expected
    assert meet(parts(moved), parts(against)) == expected
    assert touches(split(moved), split(against)) == expected


@given(shapes(), shapes(), st.integers(-180, 180), st.integers(-1, 1))
def test_a_footprint_carried_round_the_globe_touches_equally(
    one: shapely.Polygon, other: shapely.Polygon, degrees: int, turns: int
) -> None:
    expected = one.intersects(other)
    assert touches(translate(one, degrees), translate(other, degrees + 360 * turns)) == expected
    assert not touches(translate(one, degrees), translate(other, degrees + 90))


@given(shapes(), ways)
def test_however_written_the_split_shape_is_the_same(shape: shapely.Polygon, way: Written) -> None:
    moved = translate(shape, 180)
    made, expected = split(way(moved)), as_rfc_7946(moved)
    assert made.is_valid
    assert made.symmetric_difference(expected).area < 1e-9
    assert -180 <= made.bounds[0] <= made.bounds[2] <= 180
    assert all(p.bounds[2] - p.bounds[0] < 40 for p in getattr(made, "geoms", [made]))
    assert split(made).equals_exact(made, 0)
    assert area(made) == pytest.approx(area(shape), rel=1e-6), "the ground is as large as at Greenwich"


@given(shapes(), ways)
def test_unrolled_a_shape_is_one_again(shape: shapely.Polygon, way: Written) -> None:
    moved = translate(shape, 180)
    whole = unrolled(way(moved))
    turn = round((whole.centroid.x - moved.centroid.x) / 360) * 360
    assert translate(moved, turn).symmetric_difference(whole).area < 1e-9
    assert whole.geom_type == "Polygon"
    assert -181 <= (whole.bounds[0] + whole.bounds[2]) / 2 <= 181
    assert unrolled(whole).equals_exact(whole, 1e-9) or abs(whole.bounds[0] + whole.bounds[2]) > 359


@given(shapes(), ways, st.integers(-180, 180))
def test_the_boxes_of_a_search_are_the_extent(shape: shapely.Polygon, way: Written, degrees: int) -> None:
    west, south, east, north = shape.bounds
    at_the_line = boxes(way(translate(shape, 180)))
    assert sum(b[2] - b[0] for b in at_the_line) == pytest.approx(east - west)
    for left, bottom, right, top in at_the_line:
        assert -180 <= left < right <= 180
        assert (bottom, top) == (south, north)
    if len(at_the_line) == 2:
        (_, _, first, _), (second, _, _, _) = at_the_line
        assert (first, second) == (180, -180), "they meet at the line"
    elsewhere = translate(shape, degrees)
    if elsewhere.bounds[0] >= -180 and elsewhere.bounds[2] <= 180:
        assert boxes(elsewhere) == [elsewhere.bounds]


@given(shapes(), st.integers(-160, 160))
def test_what_crosses_no_line_is_left_as_it_is(shape: shapely.Polygon, degrees: int) -> None:
    moved = translate(shape, degrees)
    assert split(moved) is moved
    assert unrolled(moved) is moved
    assert parts(moved) == [moved]


@given(shapes(4), st.integers(-160, 160), st.integers(20, 340))
def test_two_pieces_far_apart_lie_the_short_way(shape: shapely.Polygon, degrees: int, apart: int) -> None:
    both = split(shapely.MultiPolygon([translate(shape, degrees), translate(shape, degrees + apart)]))
    width = shape.bounds[2] - shape.bounds[0]
    assert sum(b[2] - b[0] for b in boxes(both)) == pytest.approx(width + min(apart, 360 - apart))


def test_pieces_in_many_places_lie_in_the_shortest_stretch() -> None:
    three = [shapely.box(w, 0, w + 1, 1) for w in (-100, 0, 100)]
    assert boxes(shapely.MultiPolygon(three)) == [(-100, 0, 101, 1)]
    assert boxes(shapely.MultiPolygon(three[::-1])) == [(-100, 0, 101, 1)]


def test_rounding_does_not_move_a_piece_by_a_turn() -> None:
    for west in np.random.default_rng(1).uniform(-179, -151, 200):
        pieces = shapely.MultiPolygon([shapely.box(west, 0, west + 1, 1), shapely.box(150, 0, 170, 1)])
        assert boxes(pieces)[0][0] == 150
        assert unrolled(pieces).bounds[2] - unrolled(pieces).bounds[0] == pytest.approx(west + 361 - 150)
        pieces = shapely.MultiPolygon([shapely.box(west, 0, west + 1, 1), shapely.box(-20, 0, 30, 1)])
        assert unrolled(pieces).bounds[2] - unrolled(pieces).bounds[0] < 211


def test_a_hole_at_the_line_stays_a_hole() -> None:
    ring = shapely.box(178, -2, 182, 2).difference(shapely.box(179.5, -1, 181, 1))
    for way in WAYS[:1] + WAYS[2:]:
        made = split(way(ring))
        assert made.area == pytest.approx(16 - 3)
        assert not touches(made, shapely.Point(-179.5, 0))
        assert touches(made, shapely.Point(-178.5, 0))
        assert unrolled(way(ring)).area == pytest.approx(16 - 3)
    beside = shapely.box(178, -2, 182, 2).difference(shapely.box(181, -1, 181.5, 1))
    assert split(as_drawn(beside)).area == pytest.approx(16 - 1), "shell across the line, hole on one side"


def test_a_shape_that_only_reaches_the_line_stays_whole() -> None:
    west, east = shapely.box(179, 0, 180, 1), shapely.box(180, 0, 181, 1)
    assert split(west) is west
    assert split(east).equals(shapely.box(-180, 0, -179, 1))
    assert split(east).geom_type == "Polygon"
    assert touches(west, east), "they share the line itself"
    assert touches(shapely.box(179, 0, 180, 1), shapely.box(-180, 0, -179, 1))
    assert not touches(west, shapely.box(-179.999, 0, -179, 1))
    assert split(shapely.box(179, 0, 180 + 1e-12, 1)).geom_type == "Polygon", "over it by rounding only"
    assert boxes(shapely.box(180, 0, 181, 1)) == [(-180, 0, -179, 1)]


def test_a_box_round_the_globe_is_one() -> None:
    for globe in (shapely.box(-180, -60, 180, 60), shapely.box(0, -60, 360, 60)):
        assert boxes(globe) == [(-180, -60, 180, 60)]
        assert touches(globe, shapely.Point(10, 10))
        assert touches(globe, shapely.Point(-179, -10))
        assert split(globe).area == pytest.approx(360 * 120)


def test_a_swath_round_a_pole_holds_the_pole_and_not_the_rest() -> None:
    around = shapely.Polygon([(lon, 80 + lat) for lon, lat in [(-170, 0), (-60, 1), (30, 0), (140, 2)]])
    assert touches(around, shapely.Point(100, 89))
    assert touches(around, shapely.Point(-179, 85))
    assert not touches(around, shapely.Point(100, 70))
    south = shapely.transform(around, lambda c: c * (1, -1))
    assert touches(south, shapely.Point(100, -89))
    assert not touches(south, shapely.Point(100, 89))


def test_a_footprint_that_crosses_itself_is_still_compared() -> None:
    bow = shapely.Polygon([(179, 0), (-179, 2), (-179, 0), (179, 2)])
    assert touches(bow, shapely.box(179.1, 0.5, 179.2, 1.5))
    assert touches(bow, shapely.box(-179.2, 0.5, -179.1, 1.5))
    assert not touches(bow, shapely.box(170, 0, 171, 2))
    assert split(bow).is_valid
    assert split(bow).area == pytest.approx(2)


@pytest.mark.parametrize(
    ("geometry", "there", "away"),
    [
        (shapely.Point(181, 1), (-179, 1), (179, 1)),
        (shapely.LineString([(179, 0), (-179, 0)]), (180, 0), (0, 0)),
        (shapely.MultiPoint([(179, 0), (541, 0)]), (-179, 0), (0, 0)),
        (
            shapely.GeometryCollection([shapely.Point(5, 5), shapely.MultiPolygon([shapely.box(179, 0, 182, 1)])]),
            (-178.5, 0.5),
            (0, 0.5),
        ),
    ],
)
def test_points_lines_and_collections_are_understood_too(
    geometry: BaseGeometry, there: tuple[float, float], away: tuple[float, float]
) -> None:
    for written in (geometry, split(geometry)):
        assert touches(written, shapely.Point(there))
        assert not touches(written, shapely.Point(away))
    assert -180 <= split(geometry).bounds[0] <= split(geometry).bounds[2] <= 180


@pytest.mark.parametrize("nothing", [shapely.Polygon(), shapely.MultiPolygon(), shapely.GeometryCollection()])
def test_nothing_touches_nothing(nothing: BaseGeometry) -> None:
    assert parts(nothing) == []
    assert split(nothing) is nothing
    assert unrolled(nothing) is nothing
    assert not touches(nothing, shapely.box(-180, -90, 180, 90))
