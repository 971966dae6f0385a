"""From scenes to recorded looks on a small SIMULATED archive: whatever comes, in whatever order, once or cut short."""

from __future__ import annotations

import copy
import json
import random
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from flow.conftest import SCENARIO, Archive, Counting, Crash, catalogued, polled, state_of
from monitor.alert import Change, State
from monitor.aoi import Aoi
from monitor.errors import SourceError
from monitor.flow.track import RECIPE
from monitor.measures import MEASURES, Reason
from monitor.reference import FIRST_SIZE
from monitor.sources.folder import FolderSource
from monitor.store import Store
from monitor.times import Interval, utc

AOI = "simport"
TRACK = "s1-021d-vv"


def radar(items: Sequence[Any], orbit: int = 21) -> list[dict[str, Any]]:
    """The Sentinel-1 items of a track, oldest first."""
    return [i for i in items if i["properties"]["sat:relative_orbit"] == orbit]


def damage(folder: Path, item: dict[str, Any], asset: str = "vv") -> bytes:
    """Cuts the file of an item short; what it held. The original, of which it is a hard link, stays whole."""
    path = folder / str(item["assets"][asset]["href"])
    whole = path.read_bytes()
    path.unlink()
    path.write_bytes(whole[: len(whole) // 3])
    return whole


# one poll, and the next


def test_every_scene_is_in_exactly_one_look_and_a_second_poll_does_nothing(
    archive: Archive, port: Aoi, store: Store
) -> None:
    source = Counting(FolderSource(archive.folder))
    first = polled(port, store, source)
    before = state_of(store)
    scenes = Counter(name for look, _ in before["looks"] for name in look.scenes)
    assert scenes == Counter(str(i["id"]) for i in archive.items)
    assert (first.scenes, first.new_looks, first.remeasured) == (len(archive.items), len(archive.items), 0)
    assert first.unusable == sum(not look.usable for look, _ in before["looks"])
    assert first.problems == ()
    assert first.changes
    source.reads.clear()
    steps: list[tuple[int, int]] = []
    second = polled(port, store, source, progress=lambda done, total: steps.append((done, total)))
    assert source.reads == []
    assert steps == []
    assert (second.scenes, second.new_looks, second.remeasured, second.unusable) == (len(archive.items), 0, 0, 0)
    assert second.changes == ()
    assert state_of(store) == before


def test_each_look_is_read_no_more_than_the_reference_needs(archive: Archive, corner: Aoi, store: Store) -> None:
    source = Counting(FolderSource(archive.folder))
    done: list[int] = []
    summary = polled(corner, store, source, progress=lambda n, _: done.append(n))
    assert max(Counter(source.reads).values()) <= 2, "once for the reference, once to be compared with it"
    assert done == sorted(done)
    assert done[-1] == summary.new_looks


def test_one_more_look_costs_one_read_however_long_the_history(archive: Archive, corner: Aoi, store: Store) -> None:
    items = radar(archive.items)[: FIRST_SIZE + 8]
    polled(corner, store, catalogued_beside(archive, items[:-1]))
    source = Counting(catalogued_beside(archive, items))
    summary = polled(corner, store, source)
    assert (summary.new_looks, summary.remeasured) == (1, 0)
    assert len(source.reads) == 1


def catalogued_beside(archive: Archive, items: Sequence[Any]) -> FolderSource:
    """The archive as if its catalogue held these items only."""
    source = FolderSource(archive.folder)
    keep = {i["id"] for i in items}
    scenes, problems = source._catalogue
    source.__dict__["_catalogue"] = ([s for s in scenes if s.id in keep], problems)
    return source


def renamed(source: FolderSource, name: str) -> FolderSource:
    other = replace(source, name=name)
    scenes, problems = source._catalogue
    other.__dict__["_catalogue"] = ([replace(s, source=name) for s in scenes], problems)
    return other


def test_measurements_name_their_recipe_unit_and_reason(undisturbed: dict[str, Any]) -> None:
    for row in undisturbed["measurements"]:
        entry = MEASURES[row["measure"]]
        assert (row["recipe"], row["unit"]) == (entry.recipe, entry.unit)
        assert (row["value"] is None) == (row["reason"] is not None)
        assert 0 <= row["valid_fraction"] <= 1


# order of arrival (law 1)


@pytest.mark.parametrize("seed", range(4))
def test_scenes_in_any_order_and_in_any_batches_end_in_the_same_state(
    archive: Archive, corner: Aoi, store: Store, undisturbed: dict[str, Any], seed: int
) -> None:
    rng = random.Random(seed)
    shuffled = list(archive.items)
    rng.shuffle(shuffled)
    cuts = sorted(rng.sample(range(1, len(shuffled)), 4))
    whole_catalogue = seed % 2 == 0
    for start, end in zip([0, *cuts], [*cuts, len(shuffled)], strict=True):
        # a catalogue that grows, or one that shows only what is new, as a search over the last weeks does
        polled(corner, store, catalogued_beside(archive, shuffled[0 if whole_catalogue else start : end]))
    assert state_of(store) == undisturbed


def test_scenes_one_by_one_in_order_of_time_end_in_the_same_state(
    archive: Archive, corner: Aoi, store: Store, undisturbed: dict[str, Any]
) -> None:
    for number in range(1, len(archive.items) + 1):
        if number > 8 and number % 3:
            continue
        polled(corner, store, catalogued_beside(archive, archive.items[:number]))
    polled(corner, store, FolderSource(archive.folder))
    assert state_of(store) == undisturbed


@pytest.mark.parametrize("position", [0, 5, 11, 12, 18])
def test_a_scene_that_comes_after_later_ones_ends_in_the_same_state(
    archive: Archive, corner: Aoi, new_store: Callable[[], Store], position: int
) -> None:
    """With 19 and with 20 looks the settled reference holds 12: their number alone does not show that it is another."""
    items = radar(archive.items)[:20]
    late = items[position]
    at_once, in_steps = new_store(), new_store()
    polled(corner, at_once, catalogued_beside(archive, items))
    polled(corner, in_steps, catalogued_beside(archive, [i for i in items if i is not late]))
    polled(corner, in_steps, catalogued_beside(archive, items))
    assert state_of(in_steps) == state_of(at_once)
    source = Counting(catalogued_beside(archive, items))
    polled(corner, in_steps, source)
    assert source.reads == []


def test_polling_by_windows_of_time_ends_in_the_same_state(
    archive: Archive, corner: Aoi, store: Store, undisturbed: dict[str, Any]
) -> None:
    source = FolderSource(archive.folder)
    step = (SCENARIO.end - SCENARIO.start) / 3
    for number in (1, 0, 2):
        begin = SCENARIO.start + number * step
        polled(corner, store, source, interval=Interval(start=begin, end=begin + step))
    assert state_of(store) == undisturbed


# cut short


@pytest.mark.parametrize("fail_at", [1, 4, 20, 40, 70, 95])
def test_a_poll_that_dies_in_a_read_is_taken_up_and_ends_in_the_same_state(
    archive: Archive, corner: Aoi, store: Store, undisturbed: dict[str, Any], fail_at: int
) -> None:
    source = Counting(FolderSource(archive.folder), fail_at=fail_at)
    with pytest.raises(Crash):
        polled(corner, store, source)
    polled(corner, store, FolderSource(archive.folder))
    assert state_of(store) == undisturbed


def test_a_poll_that_is_asked_to_stop_goes_on_next_time_and_raises_nothing_that_it_takes_back(
    archive: Archive, corner: Aoi, new_store: Callable[[], Store], undisturbed: dict[str, Any]
) -> None:
    at_once, in_steps = new_store(), new_store()
    source = FolderSource(archive.folder)
    whole = polled(corner, at_once, source)
    rounds = 0
    changes: list[Change] = []
    while (summary := polled(corner, in_steps, source, stop=lambda: True)).new_looks + summary.remeasured:
        changes += summary.changes
        rounds += 1
        assert not changes or rounds > 3, "half a back-fill raises nothing"
    changes += summary.changes
    assert state_of(in_steps) == undisturbed
    assert [(c.id, c.reason) for c in changes] == [(c.id, c.reason) for c in whole.changes]


CHILD = """
import json, sys, warnings
from pathlib import Path
from monitor import outlines
from monitor.flow.poll import poll
from monitor.flow.imagery import Imagery
from monitor.sources.folder import FolderSource
from monitor.store import Store
from monitor.times import Interval, utc

folder, aoi, database, start, end = sys.argv[1:]
store = Store(Path(database))
print("open", flush=True)
poll(
    outlines.read_aoi(Path(aoi), aoi), Imagery(sources=[FolderSource(Path(folder))]), store,
    Interval(start=utc(start), end=utc(end)),
    false_alarms_a_year=15.0, as_of=utc(end), progress=lambda done, total: print(done, flush=True),
)
"""


def outline_file(aoi: Aoi, path: Path) -> Path:
    from benchmarks.places import geojson

    path.write_text(json.dumps(geojson(aoi)))
    return path


def test_a_poll_that_is_killed_again_and_again_loses_nothing_and_repeats_nothing(
    archive: Archive, corner: Aoi, undisturbed: dict[str, Any], tmp_path: Path
) -> None:
    rng = random.Random(5)
    database = tmp_path / "q.sqlite"
    aoi = outline_file(corner, tmp_path / "aoi.geojson")
    words = [str(archive.folder), str(aoi), str(database), *(t.isoformat() for t in (SCENARIO.start, SCENARIO.end))]
    counts = []
    for lines in (1, 2, 1, 3):
        with subprocess.Popen([sys.executable, "-c", CHILD, *words], stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            for _ in range(lines):
                child.stdout.readline()
            if lines == 1:
                child.stdout.readline()
            try:
                child.wait(rng.uniform(0.0, 0.1))
            except subprocess.TimeoutExpired:
                child.send_signal(signal.SIGKILL)
        with sqlite3.connect(database) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
            counts.append(connection.execute("SELECT count(*) FROM looks").fetchone()[0])
        connection.close()
    assert counts == sorted(counts), "what was recorded stays"
    assert 0 < counts[0] < len(undisturbed["looks"]), "the first was killed on its way"
    store = Store(database)
    source = Counting(FolderSource(archive.folder))
    from monitor import outlines

    same = outlines.read_aoi(aoi, aoi.name)
    polled(same, store, source)
    assert state_of(store) == undisturbed
    store.close()


# what is unusable says why


def reasons(store: Store) -> dict[str, Reason | None]:
    with store.transaction() as tx:
        return {scene: look.reason for look, _ in tx.looks(AOI) for scene in look.scenes}


def test_a_scene_that_cannot_be_read_makes_its_look_unusable_until_it_is_repaired(
    archive: Archive, corner: Aoi, store: Store, undisturbed: dict[str, Any], tmp_path: Path
) -> None:
    folder = tmp_path / "part"
    archive.part(folder)
    bad = radar(archive.items)[5]
    whole = damage(folder, bad)
    first = polled(corner, store, FolderSource(folder))
    assert first.problems == ()
    with store.transaction() as tx:
        (look,) = [look for look, _ in tx.looks(AOI) if bad["id"] in look.scenes]
        points = [p.look for series in tx.points(AOI).values() for p in series]
        rows = [r for r in tx.measurements(AOI) if r["look"] == look.id]
    assert look.reason is Reason.UNREADABLE
    assert bad["assets"]["vv"]["href"] in look.detail
    assert look.valid_fraction == 0
    assert look.id not in points
    assert rows == []
    others = {s: r for s, r in reasons(store).items() if s != bad["id"]}
    assert Reason.UNREADABLE not in others.values()

    source = Counting(FolderSource(folder))
    again = polled(corner, store, source)
    assert (again.new_looks, again.remeasured, again.unusable, again.changes) == (0, 0, 0, ())
    assert source.reads == [look.id], "it is tried again, and nothing else is read"

    (folder / bad["assets"]["vv"]["href"]).write_bytes(whole)
    repaired = polled(corner, store, FolderSource(folder))
    assert repaired.remeasured >= 1
    assert state_of(store) == undisturbed


def test_an_unreadable_scene_contributes_nothing_in_whatever_order_it_comes(
    archive: Archive, corner: Aoi, new_store: Callable[[], Store], tmp_path: Path
) -> None:
    folder = tmp_path / "part"
    archive.part(folder)
    for number in (3, 14):
        damage(folder, radar(archive.items)[number])
    damage(folder, radar(archive.items, 52)[1], "b03")
    at_once, in_steps = new_store(), new_store()
    polled(corner, at_once, FolderSource(folder))
    shuffled = random.Random(9).sample(list(archive.items), len(archive.items))
    for end in (20, 45, len(shuffled)):
        polled(corner, in_steps, catalogued(folder, shuffled[:end]))
    assert list(reasons(at_once).values()).count(Reason.UNREADABLE) == 3
    assert state_of(in_steps) == state_of(at_once)


def test_a_scene_that_becomes_unreadable_after_it_was_measured_changes_nothing(
    archive: Archive, corner: Aoi, store: Store, undisturbed: dict[str, Any], tmp_path: Path
) -> None:
    folder = tmp_path / "part"
    polled(corner, store, archive.part(folder))
    damage(folder, radar(archive.items)[2])
    polled(corner, store, FolderSource(folder))
    assert state_of(store) == undisturbed


def test_a_file_that_is_gone_after_it_was_measured_is_not_mourned_at_every_poll(
    archive: Archive, corner: Aoi, store: Store, tmp_path: Path
) -> None:
    items = radar(archive.items)[:20]
    folder = tmp_path / "part"
    archive.part(folder)
    polled(corner, store, catalogued(folder, [i for i in items if i is not items[15]]))
    (folder / items[3]["assets"]["vv"]["href"]).unlink()
    assert polled(corner, store, catalogued(folder, items)).new_looks == 1  # its reference is made anew, without one
    assert Reason.UNREADABLE not in reasons(store).values()
    before, source = state_of(store), Counting(FolderSource(folder))
    again = polled(corner, store, source)
    assert (again.new_looks, again.remeasured, source.reads) == (0, 0, [])
    assert state_of(store) == before


def test_a_young_track_says_so_and_comes_of_age(archive: Archive, corner: Aoi, store: Store) -> None:
    young = radar(archive.items)[: FIRST_SIZE - 1]
    polled(corner, store, catalogued_beside(archive, young))
    with store.transaction() as tx:
        rows = tx.measurements(AOI, "berths")
        assert {n for _, n in tx.looks(AOI)} == {0}
        assert all(look.usable for look, _ in tx.looks(AOI))
    said = {r["measure"]: r["reason"] for r in rows}
    assert said["vessel_count"] == said["ship_presence"] == Reason.REFERENCE_YOUNG
    assert said["backscatter_db"] is said["valid_fraction"] is None
    summary = polled(corner, store, catalogued_beside(archive, radar(archive.items)[:FIRST_SIZE]))
    assert (summary.new_looks, summary.remeasured) == (1, FIRST_SIZE - 1)
    with store.transaction() as tx:
        counts = tx.measurements(AOI, "berths", "vessel_count")
    assert [r["reference_looks"] for r in counts] == [FIRST_SIZE] * FIRST_SIZE
    assert all(r["value"] is not None for r in counts)


def test_partial_swaths_and_clouds_say_so(archive: Archive, port: Aoi, store: Store) -> None:
    polled(port, store, FolderSource(archive.folder))
    with store.transaction() as tx:
        looks = [look for look, _ in tx.looks(AOI)]
        rows = {(r["look"], r["zone"]): r["reason"] for r in tx.measurements(AOI, measure="backscatter_db")}
    why = {s: look.reason for look in looks for s in look.scenes}
    cut = [i["id"] for i in archive.items if _area(i) < 0.95 * max(map(_area, archive.items))]
    assert len(cut) == 2
    assert {why[name] for name in cut} <= {Reason.PARTLY_COVERED, Reason.NOT_COVERED, None}
    assert any(why[name] is not None for name in cut)
    by_scene = {s: look for look in looks for s in look.scenes}
    for name in cut:
        assert by_scene[name].valid_fraction < 0.95
        zones = {rows[by_scene[name].id, z.name] for z in port.zones}
        assert zones & {Reason.PARTLY_COVERED, Reason.NOT_COVERED}
    cloudy = {i["id"]: i["properties"]["eo:cloud_cover"] for i in radar(archive.items, 52)}
    assert {why[name] for name, cover in cloudy.items() if cover > 90} == {Reason.CLOUD}
    assert {why[name] for name, cover in cloudy.items() if cover < 5} == {None}
    assert all(why[i["id"]] in {None, Reason.CLOUD} for i in radar(archive.items, 52))


def _area(item: Mapping[str, Any]) -> float:
    import shapely

    return float(shapely.geometry.shape(item["geometry"]).area)


# slices of one pass


def halves(folder: Path, item: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """An item as two slices that follow each other: north first."""
    path = folder / item["assets"]["vv"]["href"]
    with rasterio.open(path) as file:
        pixels, profile = file.read(1), file.profile
    out = []
    for name, rows, late in (("north", slice(0, 190), 0), ("south", slice(170, 320), 25)):
        part = np.zeros_like(pixels)
        part[rows] = pixels[rows]
        with rasterio.open(folder / f"{name}.tif", "w", **profile) as file:
            file.write(part, 1)
        made = copy.deepcopy(item)
        made["id"] = f"{item['id']}_{name}"
        made["assets"]["vv"]["href"] = f"{name}.tif"
        for key in ("datetime", "start_datetime", "end_datetime"):
            moment = utc(made["properties"][key]) + timedelta(seconds=late)
            made["properties"][key] = moment.isoformat()
        out.append(made)
    return out[0], out[1]


@pytest.mark.parametrize("late", ["north", "south"])
def test_a_slice_that_comes_late_joins_the_look_of_its_pass(
    archive: Archive, corner: Aoi, store: Store, undisturbed: dict[str, Any], tmp_path: Path, late: str
) -> None:
    folder = tmp_path / "part"
    archive.part(folder)
    middle = radar(archive.items)[14]
    north, south = halves(folder, middle)
    rest = [i for i in archive.items if i is not middle]
    early = south if late == "north" else north
    polled(corner, store, catalogued(folder, [*rest, early]))
    with store.transaction() as tx:
        (look,) = [look for look, _ in tx.looks(AOI) if early["id"] in look.scenes]
    assert 0.2 < look.valid_fraction < 0.9
    summary = polled(corner, store, catalogued(folder, [*rest, north, south]))
    assert summary.new_looks + summary.remeasured >= 1
    state = state_of(store)
    (look,) = [look for look, _ in state["looks"] if north["id"] in look.scenes]
    assert look.scenes == (north["id"], south["id"])
    assert look.valid_fraction > 0.99
    assert len(state["looks"]) == len(undisturbed["looks"]), "no look is left of the half"
    # the same pixels as the undivided scene: all numbers are the same
    value = {(r["start"], r["zone"], r["measure"]): r["value"] for r in state["measurements"]}
    assert value == {(r["start"], r["zone"], r["measure"]): r["value"] for r in undisturbed["measurements"]}
    before = state_of(store)
    again = polled(corner, store, catalogued(folder, [*rest, north, south]))
    assert (again.new_looks, again.remeasured) == (0, 0)
    assert state_of(store) == before


def test_a_late_slice_of_a_pass_that_stays_unreadable_still_finds_its_look(
    archive: Archive, corner: Aoi, store: Store, tmp_path: Path
) -> None:
    folder = tmp_path / "part"
    archive.part(folder)
    chosen = radar(archive.items)[:3]
    north, south = halves(folder, chosen[1])
    (folder / "north.tif").write_bytes(b"cut off")
    polled(corner, store, catalogued(folder, [chosen[0], north, chosen[2]]))
    polled(corner, store, catalogued(folder, [chosen[0], north, south, chosen[2]]))
    assert reasons(store) == {
        chosen[0]["id"]: None,
        north["id"]: Reason.UNREADABLE,
        south["id"]: Reason.UNREADABLE,
        chosen[2]["id"]: None,
    }


# sources


def test_the_second_source_stands_in_for_the_first(archive: Archive, corner: Aoi, store: Store, tmp_path: Path) -> None:
    few = radar(archive.items)[:3]
    gone = FolderSource(tmp_path / "gone", name="folder:1")
    there = renamed(catalogued_beside(archive, few), "folder:2")
    summary = polled(corner, store, gone, there)
    assert summary.new_looks == 3
    assert len(summary.problems) == 1
    assert "gone/items.json: there is no such file" in summary.problems[0]
    with store.transaction() as tx:
        assert {name for name, _ in tx.known_items(AOI)} == {"folder:2"}
    archive.part(tmp_path / "gone", few)
    back = polled(corner, store, FolderSource(tmp_path / "gone", name="folder:1"), there)
    assert (back.new_looks, back.remeasured, back.problems) == (0, 0, ())


def test_a_source_that_answers_with_nothing_gives_way_to_one_that_knows_the_place(
    archive: Archive, corner: Aoi, store: Store, tmp_path: Path
) -> None:
    empty = catalogued(tmp_path, [])
    assert polled(corner, store, empty, FolderSource(archive.folder, name="second")).new_looks > 0


def test_without_any_source_that_answers_the_error_names_the_first(corner: Aoi, store: Store, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"one/items\.json"):
        polled(corner, store, FolderSource(tmp_path / "one"), FolderSource(tmp_path / "two"))
    with pytest.raises(SourceError, match="no source is configured"):
        polled(corner, store)


def test_an_aoi_that_no_scene_touches_is_polled_without_a_look(archive: Archive, corner: Aoi, store: Store) -> None:
    import shapely

    far = replace(corner, id="far", outline=shapely.box(10, 50, 10.02, 50.02), zones=corner.zones[:1])
    summary = polled(far, store, FolderSource(archive.folder))
    assert (summary.scenes, summary.new_looks, summary.changes) == (0, 0, ())


def test_items_left_out_are_told_with_every_poll(archive: Archive, corner: Aoi, store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "part"
    archive.part(folder)
    items = [copy.deepcopy(i) for i in radar(archive.items)[:3]]
    for key in ("proj:code", "proj:epsg"):
        items[1]["properties"].pop(key)
    summary = polled(corner, store, catalogued(folder, items))
    assert summary.new_looks == 2
    assert len(summary.problems) == 1
    assert f"item {items[1]['id']} left out: no projection" in summary.problems[0]


def test_a_changed_outline_of_another_shape_starts_a_reference_of_its_own(
    archive: Archive, corner: Aoi, port: Aoi, store: Store
) -> None:
    few = radar(archive.items)[:FIRST_SIZE]
    polled(corner, store, catalogued_beside(archive, few))
    summary = polled(port, store, catalogued_beside(archive, radar(archive.items)[: FIRST_SIZE + 1]))
    assert summary.new_looks == 1
    with store.transaction() as tx:
        saved = tx.state(AOI, TRACK, RECIPE)
    assert saved is not None
    assert saved.state.water.mean.shape == port.grid().shape


def test_the_blind_time_after_the_last_look_is_told_and_ends(archive: Archive, corner: Aoi, store: Store) -> None:
    first = archive.items[:30]
    source = catalogued_beside(archive, first)
    polled(corner, store, source, as_of=utc(first[-1]["properties"]["datetime"]) + timedelta(days=3))
    late = polled(corner, store, source, as_of=SCENARIO.end)
    assert [c.new for c in late.changes] == [State.BLIND]
    polled(corner, store, FolderSource(archive.folder))
    with store.transaction() as tx:
        assert not [i for i in tx.incidents(AOI) if i.state is State.BLIND]
