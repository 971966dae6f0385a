"""Every scene is in exactly one pass, whatever the order in which a catalogue lists them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from monitor.scene import SAME_PASS, Direction, Scene, Sensor, Track, by_pass, distinct, touching

T0 = datetime(2025, 1, 1, 9, 20, tzinfo=UTC)
SLICE = timedelta(seconds=25)
VV21 = Track(sensor=Sensor.SENTINEL1, relative_orbit=21, direction=Direction.DESCENDING, polarisation="VV")
VV87 = Track(sensor=Sensor.SENTINEL1, relative_orbit=87, direction=Direction.ASCENDING, polarisation="VV")
BOX = shapely.box(130, 42, 131, 43)


def scene(
    name: str, start: datetime = T0, track: Track = VV21, platform: str = "sentinel-1a", where: shapely.Polygon = BOX
) -> Scene:
    return Scene(id=name, track=track, platform=platform, start=start, end=start + SLICE, footprint=where, assets={})


@st.composite
def archives(draw: st.DrawFn) -> list[Scene]:
    """Scenes of two tracks and platforms, crowded in time so that slices of one pass are common."""
    drawn = draw(
        st.lists(
            st.tuples(st.integers(0, 4000), st.sampled_from([VV21, VV87]), st.sampled_from(["a", "b"])), max_size=25
        )
    )
    return [
        scene(f"s{i}", T0 + timedelta(seconds=second), track, platform)
        for i, (second, track, platform) in enumerate(drawn)
    ]


@given(archives(), st.randoms(use_true_random=False))
def test_every_scene_is_in_one_pass_in_any_order(scenes: list[Scene], random: Random) -> None:
    passes = by_pass(scenes)
    assert sorted(s.id for p in passes for s in p.scenes) == sorted(s.id for s in scenes)
    shuffled = random.sample(scenes, len(scenes))
    assert by_pass(shuffled) == by_pass(reversed(scenes)) == passes
    assert [p.start for p in passes] == sorted(p.start for p in passes)


@given(archives())
def test_a_pass_is_one_overflight(scenes: list[Scene]) -> None:
    passes = by_pass(scenes)
    for taken in passes:
        assert {(s.track, s.platform) for s in taken.scenes} == {(taken.track, taken.platform)}
        assert taken.start == min(s.start for s in taken.scenes)
        assert taken.end == max(s.end for s in taken.scenes)
        for before, after in pairwise(taken.scenes):
            assert timedelta(0) <= after.start - before.start <= SAME_PASS + SLICE
    for one in passes:  # and two passes of the same kind are far apart
        for other in passes:
            if one is not other and (one.track, one.platform) == (other.track, other.platform):
                assert one.start - other.end > SAME_PASS or other.start - one.end > SAME_PASS


@pytest.mark.parametrize(
    ("scenes", "passes"),
    [
        ([], []),
        ([scene("b", T0 + SLICE), scene("a")], [["a", "b"]]),
        ([scene("a"), scene("b", T0 + timedelta(days=6))], [["a"], ["b"]]),
        ([scene("a"), scene("b", T0 + SLICE, platform="sentinel-1b")], [["a"], ["b"]]),
        ([scene("a"), scene("b", T0, VV87)], [["a"], ["b"]]),
        ([scene("a"), scene("b", T0 + SLICE + SAME_PASS)], [["a", "b"]]),
        ([scene("a"), scene("b", T0 + SLICE + SAME_PASS + timedelta(seconds=1))], [["a"], ["b"]]),
    ],
    ids=["none", "slices", "days apart", "platforms", "tracks", "just joined", "just parted"],
)
def test_which_scenes_belong_together(scenes: list[Scene], passes: list[list[str]]) -> None:
    assert sorted([s.id for s in p.scenes] for p in by_pass(scenes)) == passes


def test_the_id_of_a_pass_tells_time_and_track() -> None:
    (taken,) = by_pass([scene("later", T0 + SLICE), scene("first")])
    assert taken.id == "20250101T092000-s1-021d-vv"


@pytest.mark.parametrize(
    ("track", "name", "text"),
    [
        (VV21, "s1-021d-vv", "S1 orbit 21 descending VV"),
        (
            Track(sensor=Sensor.SENTINEL2, relative_orbit=None, direction=Direction.UNKNOWN),
            "s2-xxxu",
            "S2 orbit not stated unknown",
        ),
        (
            Track(sensor=Sensor.SENTINEL2, relative_orbit=103, direction=Direction.DESCENDING),
            "s2-103d",
            "S2 orbit 103 descending",
        ),
    ],
)
def test_names_of_tracks(track: Track, name: str, text: str) -> None:
    assert track.id == name
    assert str(track) == text


def test_only_scenes_that_share_ground_are_taken() -> None:
    away, near = scene("away", where=shapely.box(10, 10, 11, 11)), scene("near")
    assert touching([away, near], shapely.box(130.5, 42.5, 130.6, 42.6)) == [near]


@pytest.mark.parametrize(
    "footprint",
    [
        shapely.box(178, 60, 181, 62),
        shapely.box(-182, 60, -179, 62),
        shapely.Polygon([(178, 60), (-179, 60), (-179, 62), (178, 62)]),
        shapely.MultiPolygon([shapely.box(178, 60, 180, 62), shapely.box(-180, 60, -179, 62)]),
    ],
    ids=["beyond 180", "beyond -180", "drawn on a flat map", "split"],
)
def test_footprints_across_180_degrees_touch_what_they_cover(footprint: shapely.Polygon) -> None:
    across = scene("across", where=footprint)
    for there in (shapely.box(179, 61, 179.5, 61.5), shapely.box(-179.5, 61, -179.2, 61.5)):
        assert touching([across], there) == [across]
    for elsewhere in (shapely.box(0, 61, 1, 61.5), shapely.box(-178.9, 61, -178, 61.5), shapely.box(179, 63, 180, 64)):
        assert touching([across], elsewhere) == []


# one product an acquisition


@st.composite
def products(draw: st.DrawFn) -> list[Scene]:
    """Products of a few acquisitions; an id always has the same key, or none where a source does not state it."""
    keys = {f"id{i}": draw(st.sampled_from(["", "one", "two", "three"])) for i in range(8)}
    made = []
    for name in draw(st.lists(st.sampled_from(sorted(keys)), max_size=12)):
        stated = draw(st.booleans())
        made.append(
            replace(
                scene(name),
                key=keys[name] if stated else "",
                source=draw(st.sampled_from(["a", "b"])),
                baseline=draw(st.sampled_from(["", "04.00", "05.10", "05.11"])),
                processed=draw(st.sampled_from(["", "2025-01-02T00:00:00Z", "2025-03-01T00:00:00Z"])),
            )
        )
    return made


def acquisitions(scenes: list[Scene]) -> set[str]:
    """As far as these scenes tell."""
    keys = {s.id: s.key for s in scenes if s.key}
    return {keys.get(s.id, s.id) for s in scenes}


@given(products())
def test_each_acquisition_is_there_once(scenes: list[Scene]) -> None:
    kept = distinct(scenes)
    assert len(kept) == len(acquisitions(scenes)) == len(acquisitions([*kept, *scenes]))
    assert all(any(k is s for s in scenes) for k in kept)
    assert len({s.id for s in kept}) == len(kept), "the id of a scene is its key in the database"
    assert len({s.identity for s in kept}) == len(kept)
    assert distinct(kept) == kept


@given(products(), st.randoms(use_true_random=False))
def test_of_products_that_differ_the_same_is_kept_in_any_order(scenes: list[Scene], random: Random) -> None:
    dated = [replace(s, baseline=f"05.{i:02d}") for i, s in enumerate(scenes)]
    expected = {s.id: s for s in distinct(dated)}
    assert {s.id: s for s in distinct(random.sample(dated, len(dated)))} == expected


@given(products())
def test_of_products_that_do_not_differ_the_first_is_kept(scenes: list[Scene]) -> None:
    alike = [replace(s, baseline="", processed="") for s in scenes]
    kept = distinct(alike)
    keys = {s.id: s.key for s in reversed(alike) if s.key}
    first: dict[str, Scene] = {}
    for s in alike:
        first.setdefault(keys.get(s.id, s.id), s)
    assert kept == list(first.values())


def product(name: str, baseline: str = "", processed: str = "", source: str = "a", key: str = "k") -> Scene:
    return replace(scene(name), key=key, baseline=baseline, processed=processed, source=source)


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        (product("x", "05.10"), product("y", "05.11"), "y"),
        (product("x", "05.11"), product("y", "05.10"), "x"),
        (product("x", "05.11", "2025-01-01T00:00:00Z"), product("y", "05.11", "2025-01-02T00:00:00Z"), "y"),
        (product("x", "05.11", "2025-01-01T00:00:00Z"), product("y", "05.11", "2025-01-02T00:00:00Z", "b"), "x"),
        (product("x", "05.10"), product("y", "05.11", source="b"), "y"),
        (product("x", ""), product("y", "05.11", source="b"), "x"),
        (product("x", "05.11"), product("y", "", "2026-01-01T00:00:00Z", source="b"), "x"),
        (product("x", ""), product("y", "05.11"), "y"),
        (product("x", "05.10", "2026-01-01T00:00:00Z"), product("y", "05.11", "2025-01-01T00:00:00Z"), "y"),
    ],
    ids=[
        "newer baseline",
        "older baseline",
        "made later",
        "made later, by another source",
        "newer baseline of another source",
        "baseline not stated by the first source",
        "baseline not stated by the second source",
        "baseline stated later by the same source",
        "old baseline made again",
    ],
)
def test_which_product_stands_for_an_acquisition(first: Scene, second: Scene, kept: str) -> None:
    assert [s.id for s in distinct([first, second])] == [kept]


def test_tiles_of_neighbouring_squares_are_both_kept() -> None:
    """They overlap by kilometres, and are two halves of one pass."""
    tiles = [product(f"S2B_{t}_20250102_{n}_L2A", key=f"s2b-x-{t}") for t in ("37sby", "36syj") for n in (0, 1)]
    assert sorted(s.key for s in distinct(tiles)) == ["s2b-x-36syj", "s2b-x-37sby"]


def test_a_product_that_two_sources_list_is_one_even_if_only_one_states_what_it_shows() -> None:
    listed = [product("x", key=""), product("x", source="b", key="k"), product("y", source="b", key="k")]
    assert distinct(listed) == [listed[0]]
    assert distinct(listed[::-1]) == [listed[2]]


def test_two_datastrips_of_one_tile_are_both_kept_and_a_remade_one_replaces_its_own_half() -> None:
    south = replace(scene("south", where=shapely.box(130, 42.0, 131, 42.6)), key="s2b-x-52tcm", baseline="05.00")
    north = replace(scene("north", where=shapely.box(130, 42.4, 131, 43.0)), key="s2b-x-52tcm", baseline="05.00")
    remade = replace(scene("remade", where=shapely.box(130, 42.001, 131, 42.6)), key="s2b-x-52tcm", baseline="05.11")
    assert distinct([south, north]) == [south, north]
    assert sorted(s.id for s in distinct([south, north, remade])) == ["north", "remade"]
    assert sorted(s.id for s in distinct([remade, north, south])) == ["north", "remade"]


def test_a_footprint_that_crosses_itself_does_not_save_an_older_product() -> None:
    bow = shapely.Polygon([(130, 42), (131, 43), (131, 42), (130, 43)])
    old = replace(scene("old", where=bow), key="k", baseline="05.00")
    new = replace(scene("new", where=bow), key="k", baseline="05.11")
    assert distinct([old, new]) == [new]
