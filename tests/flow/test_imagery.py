"""Several sources, and the archive between them and what is measured."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from flow.conftest import Archive, Counting, catalogued, polled, state_of
from flow.test_poll import AOI, catalogued_beside, radar, reasons, renamed
from monitor.aoi import Aoi
from monitor.archive import Archive as Kept
from monitor.errors import NotYet, QuotaError, SceneError, SourceError
from monitor.flow.fetch import PATIENCE
from monitor.measures import Reason
from monitor.scene import Pass
from monitor.sources.folder import FolderSource
from monitor.store import Store
from monitor.times import utc


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path / "kept")


def looks_in(store: Store) -> list[str]:
    with store.transaction() as tx:
        return [look.id for look, _ in tx.looks(AOI)]


# the archive


def test_every_look_is_fetched_once_and_a_re_run_needs_no_source_at_all(
    archive: Archive, corner: Aoi, new_store: Callable[[], Store], kept: Kept
) -> None:
    first, second = new_store(), new_store()
    source = Counting(FolderSource(archive.folder))
    summary = polled(corner, first, source, kept=kept)
    assert summary.new_looks == summary.scenes > 60
    assert sorted(source.reads) == sorted(looks_in(first)), "each pass is asked of its source once"
    assert {(e.aoi, e.look) for e in kept.entries()} == {(AOI, look) for look in looks_in(first)}

    def unreachable(_taken: Pass) -> SourceError:
        return SourceError("no network", "")

    offline = Counting(FolderSource(archive.folder), refuse=unreachable)
    again = polled(corner, second, offline, kept=kept)
    assert (offline.reads, again.problems) == ([], ())
    assert state_of(second) == state_of(first), "the same numbers, bit for bit"


def test_what_is_measured_is_what_is_kept_and_differs_from_the_files_by_less_than_speckle(
    archive: Archive, corner: Aoi, store: Store, kept: Kept, undisturbed: dict[str, Any]
) -> None:
    polled(corner, store, FolderSource(archive.folder), kept=kept)
    for ours, theirs in zip(state_of(store)["measurements"], undisturbed["measurements"], strict=True):
        assert ours["reason"] == theirs["reason"]
        if ours["measure"] == "backscatter_db" and ours["value"] is not None:
            assert ours["value"] == pytest.approx(theirs["value"], abs=2e-4)
        if ours["measure"] == "vessel_count" and ours["value"] is not None:
            assert abs(ours["value"] - theirs["value"]) <= 1


def test_a_damaged_copy_is_told_and_fetched_again(archive: Archive, corner: Aoi, store: Store, kept: Kept) -> None:
    items = radar(archive.items)[:3]
    polled(corner, store, catalogued_beside(archive, items), kept=kept)
    before = state_of(store)
    entry = next(iter(kept.entries()))
    content = bytearray(entry.path.read_bytes())
    content[len(content) // 2] ^= 1
    entry.path.write_bytes(bytes(content))
    looks = looks_in(store)
    with store.transaction() as tx:
        tx.forget_looks(AOI, looks)
    source = Counting(catalogued_beside(archive, items))
    summary = polled(corner, store, source, kept=kept)
    assert source.reads == [entry.look]
    assert any("damaged" in p for p in summary.problems)
    assert state_of(store) == before


# not now


def down(_taken: Pass) -> SourceError:
    return SourceError("the service answers 503", "Wait.")


def test_what_a_source_cannot_give_now_is_no_look_and_is_asked_for_again(
    archive: Archive, corner: Aoi, store: Store, kept: Kept, undisturbed: dict[str, Any]
) -> None:
    failing = Counting(FolderSource(archive.folder), refuse=down)
    summary = polled(corner, store, failing, kept=kept)
    assert looks_in(store) == [], "a look that could not be fetched is not an unusable look"
    assert summary.new_looks == 0
    assert len(summary.problems) == 1
    assert "503" in summary.problems[0]
    assert "asked for again" in summary.problems[0]
    assert list(summary.failed) == ["folder"]
    assert len(failing.reads) <= PATIENCE + 3, "a source that is down is not asked for every look"
    well = polled(corner, store, FolderSource(archive.folder), kept=kept)
    assert (well.problems, dict(well.failed)) == ((), {})
    assert [look for look, _ in state_of(store)["looks"]] == [look for look, _ in undisturbed["looks"]]


def test_a_few_failures_among_many_delay_only_their_own_looks(
    archive: Archive, corner: Aoi, store: Store, kept: Kept
) -> None:
    items = radar(archive.items)[:12]
    tried: list[str] = []

    def now_and_then(taken: Pass) -> SourceError | None:
        tried.append(taken.id)
        return SourceError("time-out", "") if len(tried) % 4 == 0 else None

    source = Counting(catalogued_beside(archive, items), refuse=now_and_then)
    polled(corner, store, source, kept=kept)
    assert len(looks_in(store)) == 9
    polled(corner, store, catalogued_beside(archive, items), kept=kept)
    assert len(looks_in(store)) == 12


def test_a_scene_that_is_still_on_its_way_is_no_fault_of_its_source(
    archive: Archive, corner: Aoi, store: Store, kept: Kept
) -> None:
    items = radar(archive.items)[:12]
    early = {i["properties"]["start_datetime"][:10].replace("-", "") for i in items[2:9]}
    source = Counting(
        catalogued_beside(archive, items), refuse=lambda t: NotYet("on its way", "") if t.id[:8] in early else None
    )
    summary = polled(corner, store, source, kept=kept)
    assert len(looks_in(store)) == 5, "the others are fetched, however many are waited for"
    assert dict(summary.failed) == {}
    assert any("on its way" in p for p in summary.problems)


def test_a_spent_quota_stops_the_asking_at_once(archive: Archive, corner: Aoi, store: Store, kept: Kept) -> None:
    source = Counting(FolderSource(archive.folder), refuse=lambda _: QuotaError("spent", "Wait for December."))
    summary = polled(corner, store, source, kept=kept)
    assert len(source.reads) <= 4, "those that were under way, and no more"
    assert "spent" in summary.problems[0]


def test_a_recorded_look_keeps_its_numbers_when_its_pixels_are_gone_for_good(
    archive: Archive, corner: Aoi, store: Store, kept: Kept, tmp_path: Path
) -> None:
    items = radar(archive.items)
    few = items[:10]
    polled(corner, store, catalogued_beside(archive, few), kept=kept)
    lost = looks_in(store)[4]
    for path in (tmp_path / "kept").rglob(f"{lost}*"):
        path.unlink()

    def deleted(taken: Pass) -> SceneError | None:
        return SceneError("404: deleted", "") if taken.id == lost else None

    # two more looks make the reference, and every look is due to be measured against it
    source = Counting(catalogued_beside(archive, items[:14]), refuse=deleted)
    summary = polled(corner, store, source, kept=kept)
    assert summary.new_looks == 4
    assert set(reasons(store).values()) == {None} or Reason.UNREADABLE not in reasons(store).values()
    assert lost in looks_in(store)


def test_a_track_waits_when_pixels_its_reference_needs_are_not_to_be_had_now(
    archive: Archive, corner: Aoi, store: Store, kept: Kept, tmp_path: Path
) -> None:
    items = radar(archive.items)
    polled(corner, store, catalogued_beside(archive, items[:10]), kept=kept)
    before = state_of(store)
    lost = looks_in(store)[4]
    for path in (tmp_path / "kept").rglob(f"{lost}*"):
        path.unlink()
    busy = Counting(
        catalogued_beside(archive, items[:14]), refuse=lambda t: SourceError("busy", "") if t.id == lost else None
    )
    polled(corner, store, busy, kept=kept)
    assert state_of(store) == before
    assert polled(corner, store, catalogued_beside(archive, items[:14]), kept=kept).new_looks == 4


# several sources


def test_another_source_gives_the_pixels_when_the_first_cannot(
    archive: Archive, corner: Aoi, store: Store, kept: Kept
) -> None:
    items = radar(archive.items)[:4]
    first = Counting(catalogued_beside(archive, items), name="first", refuse=down)
    first.inner = renamed(first.inner, "first")
    second = Counting(renamed(catalogued_beside(archive, items), "second"), name="second")
    summary = polled(corner, store, first, second, kept=kept)
    assert summary.new_looks == 4
    assert len(second.reads) == 4
    with store.transaction() as tx:
        assert {name for name, _ in tx.known_items(AOI)} == {"second"}
    again = polled(corner, store, Counting(first.inner, name="first"), second, kept=kept)
    assert (again.new_looks, again.remeasured) == (0, 0), "a fail-over is not taken back look by look"


def test_the_next_source_is_asked_when_the_first_has_missed_a_pass(
    archive: Archive, corner: Aoi, store: Store, kept: Kept
) -> None:
    items = radar(archive.items)
    holes = renamed(catalogued_beside(archive, items[:8] + items[10:]), "holes")
    whole = renamed(catalogued_beside(archive, items), "whole")
    polled(corner, store, holes, whole, kept=kept)
    assert len(looks_in(store)) == len(items)
    with store.transaction() as tx:
        names = [name for name, _ in tx.known_items(AOI)]
    assert names.count("whole") == 2, "only what the first did not have"


# products made again


def test_a_product_made_again_under_its_id_is_read_and_measured_anew(
    archive: Archive, corner: Aoi, store: Store, kept: Kept, tmp_path: Path
) -> None:
    items = [copy.deepcopy(dict(i)) for i in radar(archive.items)[:3]]
    folder = tmp_path / "part"
    archive.part(folder)
    polled(corner, store, catalogued(folder, items), kept=kept)
    before = len(list(kept.entries()))
    items[1]["properties"]["processing:version"] = "99.99"
    source = Counting(catalogued(folder, items))
    summary = polled(corner, store, source, kept=kept)
    assert len(source.reads) == 1
    assert (summary.new_looks, summary.remeasured) == (0, 1)
    assert len(list(kept.entries())) == before + 1, "the older pixels stay: they may be evidence"
    assert polled(corner, store, Counting(catalogued(folder, items)), kept=kept).remeasured == 0


def test_two_products_of_one_acquisition_are_one_look(
    archive: Archive, corner: Aoi, store: Store, kept: Kept, tmp_path: Path
) -> None:
    folder = tmp_path / "part"
    archive.part(folder)
    item = dict(next(i for i in archive.items if str(i["id"]).startswith("S2") or "scl" in i["assets"]))
    twins = [_sequence(item, n) for n in (0, 1)]
    polled(corner, store, catalogued(folder, twins), kept=kept)
    with store.transaction() as tx:
        (look,) = [look for look, _ in tx.looks(AOI)]
    assert look.scenes == (twins[1]["id"],), "the later one"


def _sequence(item: Mapping[str, Any], number: int) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(json.dumps(item))
    made["id"] = f"S2B_36TXX_20250301_{number}_L2A"
    made["properties"] |= {
        "platform": "sentinel-2b",
        "grid:code": "MGRS-36TXX",
        "s2:datatake_id": "GS2B_20250301T082801_041701_N05.11",
        "s2:processing_baseline": "05.11",
        "s2:generation_time": f"2025-03-01T1{number}:00:00Z",
    }
    return made


# the audit


def test_a_feed_that_stops_is_named_silent_and_never_quiet(archive: Archive, corner: Aoi, store: Store) -> None:
    items = radar(archive.items)[:12]
    last = items[-1]["properties"]["start_datetime"]
    as_of = utc(str(last)) + timedelta(days=60)
    summary = polled(corner, store, catalogued_beside(archive, items), as_of=as_of)
    assert summary.audit is not None
    silent = [t for t in summary.audit.tracks if t.silent_since is not None]
    assert len(silent) == 1, last
    assert len(silent[0].missing) >= 2
