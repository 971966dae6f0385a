"""Every scene is in exactly one pass, whatever the order in which a catalogue lists them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from monitor.scene import SAME_PASS, Direction, Scene, Sensor, Track, by_pass, touching

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
