"""Two looks beside each other: the right two are taken, planted changes are found, weather and clouds are none."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from monitor import simulate, workspace
from monitor.aoi import Aoi, Surface, Zone, ZoneKind
from monitor.errors import NothingUsable, SceneError, UsageError
from monitor.flow import compare
from monitor.flow.compare import Comparison, ZoneChange, compared
from monitor.flow.pair import Pair, chosen
from monitor.grid import Grid, Mask
from monitor.look import Look
from monitor.measurement import Reason
from monitor.measures import View
from monitor.scene import Direction, Sensor, Track, by_pass
from monitor.site import Site, site
from monitor.sources.folder import FolderSource
from monitor.stack import Stack
from monitor.times import Interval, utc

WORKSPACES = Path(__file__).parent.parent / "workspaces"
SIDE = 160
GRID = Grid(epsg=32652, left=500_000.0, top=4_680_000.0, resolution=10.0, height=SIDE, width=SIDE)
ASCENDING = Track(sensor=Sensor.SENTINEL1, relative_orbit=87, direction=Direction.ASCENDING, polarisation="VV")
DESCENDING = Track(sensor=Sensor.SENTINEL1, relative_orbit=21, direction=Direction.DESCENDING, polarisation="VV")
OPTICAL = Track(sensor=Sensor.SENTINEL2, relative_orbit=52, direction=Direction.DESCENDING)
BANDS = ("b02", "b03", "b04", "b08", "b11")


# which two


def look(track: Track, day: str | date, reason: Reason | None = None, platform: str = "sentinel-1a") -> Look:
    start = utc(f"{day}T03:35:00")
    return Look(
        id=f"{start:%Y%m%dT%H%M%S}-{track.id}",
        aoi="port",
        track=track,
        platform=platform,
        start=start,
        scenes=(f"scene-{day}",),
        valid_fraction=1.0,
        reason=reason,
    )


LOOKS = [
    look(ASCENDING, "2024-05-02"),
    look(DESCENDING, "2024-05-05"),
    look(ASCENDING, "2024-05-14"),
    look(DESCENDING, "2024-05-17", Reason.PARTLY_COVERED),
    look(ASCENDING, "2024-05-26"),
    look(DESCENDING, "2024-05-29"),
]


def days_of(pair: Pair) -> tuple[str, str, str]:
    return pair.track.id, f"{pair.before.start:%m-%d}", f"{pair.after.start:%m-%d}"


def test_the_track_whose_looks_lie_closest_is_taken_and_the_days_off_are_told() -> None:
    pair = chosen(LOOKS, "2024-05-01", "2024-05-27")
    assert (days_of(pair), pair.off, pair.days) == (("s1-087a-vv", "05-02", "05-26"), (1, -1), 24)
    pair = chosen(LOOKS, "2024-05-05", "2024-05-29")
    assert (days_of(pair), pair.off) == (("s1-021d-vv", "05-05", "05-29"), (0, 0))


def test_both_looks_count_not_only_the_first() -> None:
    looks = [look(t, d) for t, d in ((ASCENDING, "2024-05-02"), (ASCENDING, "2024-05-26"))]
    looks += [look(t, d) for t, d in ((DESCENDING, "2024-05-03"), (DESCENDING, "2024-05-29"))]
    pair = chosen(looks, "2024-05-02", "2024-05-29")
    assert (days_of(pair), pair.off) == (("s1-021d-vv", "05-03", "05-29"), (1, 0))


def test_a_track_can_be_asked_for() -> None:
    pair = chosen(LOOKS, "2024-05-05", "2024-05-29", "s1-087a-vv")
    assert (days_of(pair), pair.off) == (("s1-087a-vv", "05-02", "05-26"), (-3, -3))
    with pytest.raises(UsageError, match="no usable look of track 's1-001a-vv'") as caught:
        chosen(LOOKS, "2024-05-05", "2024-05-29", "s1-001a-vv")
    assert "s1-021d-vv, s1-087a-vv" in caught.value.hint


def test_an_unusable_look_is_never_taken_for_a_day() -> None:
    assert days_of(chosen(LOOKS, "2024-05-05", "2024-05-17", "s1-021d-vv"))[1:] == ("05-05", "05-29")


def test_looks_can_be_named_by_their_ids_also_one_with_a_day() -> None:
    pair = chosen(LOOKS, LOOKS[0].id, LOOKS[4].id)
    assert (pair.before, pair.after, pair.off) == (LOOKS[0], LOOKS[4], (None, None))
    pair = chosen(LOOKS, LOOKS[0].id, "2024-05-29")
    assert (pair.before, pair.after, pair.off) == (LOOKS[0], LOOKS[4], (None, -3))


def test_two_tracks_are_refused_and_looks_that_could_be_used_are_named() -> None:
    with pytest.raises(UsageError, match="never compared pixel with pixel") as caught:
        chosen(LOOKS, LOOKS[0].id, LOOKS[5].id)
    assert "S1 orbit 87 ascending VV; S1 orbit 21 descending VV" in caught.value.message
    assert f"{LOOKS[0].id} with {LOOKS[4].id}" in caught.value.hint
    assert f"{LOOKS[1].id} with {LOOKS[5].id}" in caught.value.hint
    with pytest.raises(UsageError) as caught:
        chosen(LOOKS[:2], LOOKS[0].id, LOOKS[1].id)
    assert "No track has two usable looks" in caught.value.hint


@pytest.mark.parametrize(
    ("before", "after", "error", "said"),
    [
        ("2024-05-26", "2024-05-02", UsageError, "is after"),
        (LOOKS[4].id, LOOKS[0].id, UsageError, "is after"),
        ("yesterday", "2024-05-02", UsageError, "'yesterday' is no date, and no look"),
        ("20240503T033500-s1-087a-vv", "2024-05-02", UsageError, "no date, and no look"),
        ("2024-05-02", "9999-12-31", UsageError, "no date"),
        ("2024-05-02", "2024-05-02", NothingUsable, "no track has one usable look nearest to 2024-05-02"),
        (LOOKS[3].id, "2024-05-29", NothingUsable, "cannot be used: "),
    ],
)
def test_what_cannot_be_compared_is_told(before: str, after: str, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        chosen(LOOKS, before, after)


def test_a_named_look_of_another_track_than_the_one_asked_for() -> None:
    with pytest.raises(UsageError, match="is not of track 's1-021d-vv'"):
        chosen(LOOKS, LOOKS[0].id, "2024-05-29", "s1-021d-vv")


def test_without_any_usable_look_nothing_is_chosen() -> None:
    with pytest.raises(NothingUsable):
        chosen([LOOKS[3]], "2024-05-02", "2024-05-29")


FIRST = date(2024, 1, 1)
made_looks = st.lists(
    st.tuples(st.sampled_from([ASCENDING, DESCENDING, OPTICAL]), st.integers(0, 60), st.booleans()),
    min_size=1,
    max_size=12,
    unique_by=lambda t: (t[0].id, t[1]),
)


@given(made_looks, st.integers(-5, 60), st.integers(0, 30))
def test_no_pair_of_any_track_lies_closer_to_the_days(drawn: Any, start: int, length: int) -> None:
    looks = [look(t, FIRST + timedelta(d), None if ok else Reason.CLOUD) for t, d, ok in drawn]
    asked = [FIRST + timedelta(start), FIRST + timedelta(start + length)]
    try:
        pair = chosen(looks, *map(str, asked))
    except NothingUsable:
        return
    assert pair.before.usable
    assert pair.after.usable
    assert pair.before.track == pair.after.track
    assert pair.before.start < pair.after.start
    assert pair.off == tuple((p.start.date() - d).days for p, d in zip((pair.before, pair.after), asked, strict=True))
    off = sum(abs(n or 0) for n in pair.off)
    for track in (ASCENDING, DESCENDING, OPTICAL):
        own = [x for x in looks if x.usable and x.track == track]
        nearest = [min((abs((x.start.date() - d).days) for x in own), default=999) for d in asked]
        two = [{x.id for x in own if abs((x.start.date() - d).days) == n} for d, n in zip(asked, nearest, strict=True)]
        if two[0] and two[1] and not two[0] & two[1]:
            assert off <= sum(nearest) + 1  # looks are at 03:35, so that days may round by one


# where they differ


def part(rows: slice, columns: slice) -> Mask:
    mask: Mask = np.zeros(GRID.shape, bool)
    mask[rows, columns] = True
    return mask


QUAY = 60
"""Columns from here on are land."""

PATCH = part(slice(40, 60), slice(90, 115))
PARTS = {
    "roads": (ZoneKind.ANCHORAGE, part(slice(0, SIDE), slice(0, QUAY))),
    "depot": (ZoneKind.DEPOT, part(slice(20, 100), slice(80, 150))),
    "quiet": (ZoneKind.REFERENCE_LAND, part(slice(110, 150), slice(70, 150))),
}
SOMEWHERE = shapely.box(129, 42.2, 129.01, 42.21)


def place(*names: str) -> Site:
    zones = [Zone(name=n, kind=PARTS[n][0], outline=SOMEWHERE) for n in names or PARTS]
    aoi = Aoi(id="port", name="Port", outline=SOMEWHERE, zones=zones)
    return Site(aoi=aoi, grid=GRID, masks={z.name: PARTS[z.name][1] for z in zones}, outline=np.ones(GRID.shape, bool))


def power(seed: int, *, wind_db: float = 0.0, patch_db: float = 0.0) -> NDArray[np.float32]:
    """A sea, land with houses that stand still, and speckle."""
    fixed = np.random.default_rng(99)
    db = np.where(np.arange(SIDE) < QUAY, -19.0 + wind_db, -10.0) + np.zeros(GRID.shape)
    houses = ndimage.maximum_filter(fixed.random(GRID.shape) > 0.995, 3) & (np.arange(SIDE) >= QUAY + 3)
    db = np.where(houses & ~PATCH, 3.0, db) + np.where(PATCH, patch_db, 0.0)
    return (10 ** (db / 10) * simulate.speckle(GRID.shape, np.random.default_rng(seed))).astype(np.float32)


def radar(
    before: NDArray[np.float32], after: NDArray[np.float32], site: Site | None = None, view: Any = None
) -> Comparison:
    stacks = [Stack(grid=GRID, bands={"vv": p}) for p in (before, after)]
    pair = Pair(before=LOOKS[0], after=LOOKS[2], off=(0, 0))
    return compared(pair, stacks[0], stacks[1], site or place(), view)


def zone(made: Comparison, name: str) -> ZoneChange:
    return next(z for z in made.zones() if z.zone.name == name)


@pytest.mark.parametrize("db", [6.0, -6.0])
def test_a_planted_change_is_found_with_its_area_and_its_sign(db: float) -> None:
    made = radar(power(1), power(2, patch_db=db))
    depot = zone(made, "depot")
    found, other = (depot.brighter_m2, depot.darker_m2) if db > 0 else (depot.darker_m2, depot.brighter_m2)
    assert found == pytest.approx(PATCH.sum() * 100, rel=0.25)
    assert other < 0.02 * depot.area_m2
    assert depot.changed_m2 == found + other
    assert zone(made, "quiet").changed_m2 < 0.02 * zone(made, "quiet").area_m2


def test_wind_is_told_and_is_no_change_of_the_land() -> None:
    made = radar(power(1), power(2, wind_db=5.0))
    levels = {v.surface: v for v in made.levels}
    assert levels[Surface.WATER].offset == pytest.approx(5.0, abs=0.3)
    assert levels[Surface.LAND].offset == pytest.approx(0.0, abs=0.3)
    for z in made.zones():
        assert z.changed_m2 < 0.02 * z.area_m2, z.zone.name


def test_where_no_water_is_drawn_there_is_one_level() -> None:
    made = radar(power(1), power(2), place("depot"))
    assert [v.surface for v in made.levels] == [Surface.ANY]


def test_water_is_what_hangs_together_with_drawn_water() -> None:
    """A dark apron ashore looks like water to radar, and does not rise with the wind; nor does an empty depot."""
    wet = part(slice(0, SIDE), slice(0, QUAY - 5)) | part(slice(30, 50), slice(QUAY - 5, 80))
    known = wet | part(slice(0, 10), slice(100, 150)) | part(slice(30, 50), slice(80, 130))
    view = cast(View, SimpleNamespace(background=SimpleNamespace(water=known)))
    water = compare._water(place(), view)
    assert (water == wet).all()
    assert not compare._water(place("depot"), view).any()
    assert (compare._water(place(), None) == PARTS["roads"][1]).all()


def test_numbers_are_counts_of_pixels() -> None:
    before, after = power(1), power(2, patch_db=6.0)
    after[:, 100:] = np.nan
    before[:30] = np.nan
    made = radar(before, after)
    for z in made.zones():
        inside = PARTS[z.zone.name][1]
        both = inside & np.isfinite(made.values[0][0]) & np.isfinite(made.values[1][0])
        assert z.area_m2 == 100 * inside.sum()
        assert z.compared_m2 == 100 * both.sum()
        assert z.brighter_m2 == 100 * (made.change.brighter & inside).sum()
        assert z.darker_m2 == 100 * (made.change.darker & inside).sum()
        assert z.not_compared == pytest.approx(1 - both.sum() / inside.sum())
        assert z.seen[0] == pytest.approx((inside & np.isfinite(made.values[0][0])).sum() / inside.sum())
        assert z.seen[1] == pytest.approx((inside & np.isfinite(made.values[1][0])).sum() / inside.sum())
    assert not (made.change.changed & ~made.change.compared).any()


def test_a_zone_that_one_of_them_did_not_see_is_not_known() -> None:
    after = power(2)
    after[100:] = np.nan
    quiet = zone(radar(power(1), after), "quiet")
    assert (quiet.known, quiet.compared_m2, quiet.not_compared) == (False, 0.0, 1.0)


def test_nothing_seen_in_both_is_not_no_change() -> None:
    before, after = power(1), power(2)
    before[:80] = np.nan
    after[80:] = np.nan
    with pytest.raises(NothingUsable, match="no ground of its zones was seen in both") as caught:
        radar(before, after)
    assert "not 'no change'" in caught.value.hint


def test_a_look_that_lies_beside_the_other_is_moved_onto_it() -> None:
    aside = np.roll(power(2, patch_db=6.0), (0, 2), axis=(0, 1))
    made = radar(power(1), aside)
    assert made.beside is not None
    assert [made.beside.rows, made.beside.columns] == pytest.approx([0, 2], abs=0.2)
    assert zone(made, "depot").brighter_m2 == pytest.approx(PATCH.sum() * 100, rel=0.25)
    assert zone(made, "quiet").changed_m2 < 0.02 * zone(made, "quiet").area_m2


def test_a_real_pair_of_which_one_lies_beside_the_other(latakia: Path) -> None:
    """Between 6 and 18 March 2023 the sea calmed by 6 dB, and the later product lies two and a half pixels off."""
    home = workspace.find(WORKSPACES / "latakia", {"QUAYWATCH_DATA": str(latakia.parent)})
    aoi, source = home.aois()["latakia"], FolderSource(latakia)
    scenes = source.search(aoi, Interval(start=utc("2023-03-06"), end=utc("2023-03-19")))
    passes = [p for p in by_pass(scenes) if p.track.relative_orbit == 21]
    assert [f"{p.start:%m-%d}" for p in passes] == ["03-06", "03-18"]
    here = site(aoi)
    before, after = (source.read(p, here.grid, ("vv",)) for p in passes)
    looks = [look(p.track, p.start.date()) for p in passes]
    made = compared(Pair(before=looks[0], after=looks[1], off=(0, 0)), before, after, here, None)
    assert made.beside is not None
    assert made.beside.columns == pytest.approx(2.6, abs=0.2)
    assert {v.surface: round(v.offset) for v in made.levels}[Surface.WATER] == -6
    for z in made.zones():
        assert z.not_compared < 0.1
        assert z.changed_m2 < 0.005 * z.area_m2, "wind and a shifted image are no change"


# light


def light(
    seed: int, *, patch: float = 0.0, haze: float = 0.0, cloud: Mask | None = None, snow: Mask | None = None
) -> Stack:
    fixed = np.random.default_rng(98)
    base = np.where(np.arange(SIDE) < QUAY, 0.03, 0.12) + np.zeros(GRID.shape)
    fields = ndimage.uniform_filter(fixed.normal(0, 0.2, GRID.shape), 5)
    bands = {}
    for n, b in enumerate(BANDS):
        values = base * (1 + fields) * (1 + 0.2 * n) + haze + np.where(PATCH, patch, 0)
        bands[b] = (values + np.random.default_rng((seed, n)).normal(0, 0.002, GRID.shape)).astype(np.float32)
    for name, white in zip(BANDS, (0.6, 0.6, 0.6, 0.5, 0.05), strict=True):
        bands[name] = bands[name] if snow is None else np.where(snow, np.float32(white), bands[name])
    scl = np.where(np.arange(SIDE) < QUAY, 6.0, 5.0) + np.zeros(GRID.shape)
    scl = scl if cloud is None else np.where(cloud, 9.0, scl)
    return Stack(grid=GRID, bands={**bands, "scl": scl.astype(np.float32)})


def without(stack: Stack, *names: str) -> Stack:
    return Stack(grid=GRID, bands={n: b for n, b in stack.bands.items() if n not in names})


def optical(before: Stack, after: Stack) -> Comparison:
    looks = [look(OPTICAL, day) for day in ("2024-05-02", "2024-06-01")]
    return compared(Pair(before=looks[0], after=looks[1], off=(0, 0)), before, after, place(), None)


@pytest.mark.parametrize(("step", "haze"), [(0.1, 0.02), (-0.08, 0.1)])
def test_a_change_in_light_is_found_through_haze(step: float, haze: float) -> None:
    made = optical(light(1), light(2, patch=step, haze=haze))
    depot = zone(made, "depot")
    found, other = (depot.brighter_m2, depot.darker_m2) if step > 0 else (depot.darker_m2, depot.brighter_m2)
    assert found == pytest.approx(PATCH.sum() * 100, rel=0.25)
    assert other < 0.02 * depot.area_m2
    assert made.levels[0].offset == pytest.approx(haze, abs=0.003)
    assert zone(made, "quiet").changed_m2 < 0.02 * zone(made, "quiet").area_m2
    assert made.clouds_known


def test_cloud_and_snow_in_either_look_are_not_compared() -> None:
    cloud, snow = part(slice(100, 160), slice(60, 110)), part(slice(20, 50), slice(120, 150))
    made = optical(light(1, snow=snow), light(2, patch=0.1, cloud=cloud))
    assert not (made.change.compared & (cloud | snow)).any()
    quiet = zone(made, "quiet")
    assert quiet.seen[0] == 1.0
    assert quiet.seen[1] < 0.5
    assert zone(made, "depot").brighter_m2 == pytest.approx(PATCH.sum() * 100, rel=0.25)


def test_bands_that_only_one_look_has_are_left_out() -> None:
    made = optical(light(1), without(light(2), "b11"))
    assert [len(v) for v in made.values] == [4, 4]
    with pytest.raises(SceneError, match="no b03 in common"):
        optical(light(1), without(light(2), "b03"))


def test_without_a_classification_clouds_are_not_known() -> None:
    assert not optical(light(1), without(light(2), "scl")).clouds_known


def test_clouds_everywhere_give_no_answer() -> None:
    with pytest.raises(NothingUsable):
        optical(light(1), light(2, cloud=np.ones(GRID.shape, bool)))


@settings(max_examples=5)
@given(st.integers(0, 1000))
def test_the_order_of_the_looks_turns_brighter_and_darker(seed: int) -> None:
    first, last = power(seed), power(seed + 1, patch_db=6.0, wind_db=2.0)
    forth, back = radar(first, last), radar(last, first)
    assert zone(back, "depot").darker_m2 == pytest.approx(zone(forth, "depot").brighter_m2, rel=0.1)
    assert [v.offset for v in back.levels] == pytest.approx([-v.offset for v in forth.levels], abs=0.1)
