"""The archive of looks: what goes in comes out bit for bit, or not at all; crashes, damage, full disks, old age."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from monitor.aoi import Aoi, whole
from monitor.archive import Archive, Entry, Retention
from monitor.archive.pixels import pack, unpack
from monitor.archive.record import seal, unseal, unsigned
from monitor.archive.retention import choose
from monitor.coding import STEP_DB, STEP_REFLECTANCE, Coding
from monitor.errors import WorkspaceError
from monitor.grid import Grid, project
from monitor.scene import Direction, Pass, Scene, Sensor, Track
from monitor.sources.folder import FolderSource
from monitor.stack import Stack
from monitor.times import Interval, utc

NOW = utc("2025-06-01T12:00:00Z")
ROOT = Path(__file__).parents[2]
GRID = Grid(epsg=32636, left=750_000, top=3_935_000, resolution=10, height=20, width=30)
RADAR = Track(sensor=Sensor.SENTINEL1, relative_orbit=21, direction=Direction.DESCENDING, polarisation="VV")
OPTICAL = Track(sensor=Sensor.SENTINEL2, relative_orbit=50, direction=Direction.DESCENDING)
BANDS = {RADAR: ("vv", "vh"), OPTICAL: ("b02", "b8a", "b11", "scl")}
EVER = Interval(start=utc("2014-01-01"), end=utc("2100-01-01"))


def scene(identity: str = "S1A_a", *, start: str = "2024-12-25T03:35:19Z", **changes: Any) -> Scene:
    made = Scene(
        id=identity,
        track=RADAR,
        platform="sentinel-1a",
        start=utc(start),
        end=utc(start) + timedelta(seconds=25),
        footprint=shapely.box(35, 35, 36, 36),
        assets={},
        source="stac",
        baseline="05.11",
        processed="2024-12-25T06:00:00Z",
        item={
            "id": identity,
            "properties": {"datetime": start},
            "assets": {"vv": {"href": "https://x.example/vv.tif"}},
        },
    )
    return replace(made, **changes)


def overflight(*scenes: Scene) -> Pass:
    return Pass(scenes=scenes or (scene(),))


def day(number: int) -> Pass:
    return overflight(scene(f"S1A_{number}", start=(utc("2024-01-01T03:35:19Z") + timedelta(days=number)).isoformat()))


def image(seed: int = 1, grid: Grid = GRID, bands: Sequence[str] = ("vv", "vh")) -> Stack:
    """Speckle of 4.4 looks, with a hole."""
    rng = np.random.default_rng(seed)
    made = {b: rng.gamma(4.4, 0.01, grid.shape).astype(np.float32) for b in bands}
    for band in made.values():
        band[: grid.height // 4, : grid.width // 4] = np.nan
    return Stack(grid=grid, bands=made, provenance={"seed": seed, "options": {"dem": "COPERNICUS_30"}})


def same(one: Stack | None, other: Stack | None) -> bool:
    """Bit for bit, the provenance too."""
    if one is None or other is None:
        return one is other
    pixels = {n: b.tobytes() for n, b in one.bands.items()} == {n: b.tobytes() for n, b in other.bands.items()}
    return pixels and one.grid == other.grid and one.provenance == other.provenance


def keep(archive: Archive, taken: Pass, stack: Stack | None = None, **changes: Any) -> Stack:
    given_: dict[str, Any] = {"aoi": "rajin", "bands": ("vv", "vh"), "as_of": NOW} | changes
    return archive.keep(given_.pop("aoi"), taken, image() if stack is None else stack, **given_)


def get(archive: Archive, taken: Pass, aoi: str = "rajin") -> Stack | None:
    found = archive.get(aoi, taken, GRID, ("vv", "vh"))
    assert archive.has(aoi, taken, GRID, ("vv", "vh")) == (found is not None)
    return found


def below(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file() and p.name != ".lock")


def the(folder: Path, ending: str) -> Path:
    (path,) = folder.rglob(f"*{ending}")
    return path


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "var" / "archive")


# round trips


@st.composite
def looks(draw: st.DrawFn) -> tuple[Pass, Stack, tuple[str, ...]]:
    """Any sensor, shape, bands and holes."""
    track = draw(st.sampled_from(list(BANDS)))
    grid = Grid(
        epsg=draw(st.sampled_from([32601, 32636, 32660, 32760])),
        left=draw(st.integers(10_000, 90_000)) * 10.0,
        top=draw(st.integers(10_000, 900_000)) * 10.0,
        resolution=draw(st.sampled_from([10.0, 20.0, 2.5])),
        height=draw(st.integers(1, 300)),
        width=draw(st.integers(1, 60)),
    )
    asked = tuple(draw(st.lists(st.sampled_from(BANDS[track]), min_size=1, unique=True)))
    present = draw(st.lists(st.sampled_from(asked), min_size=1, unique=True))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    holes = draw(st.sampled_from([0.0, 0.02, 0.5, 1.0]))
    bands = {b: values(rng, track, b, grid.shape) for b in present}
    for band in bands.values():
        band[rng.random(grid.shape) < holes] = np.nan
    taken = overflight(scene(track=track))
    return taken, Stack(grid=grid, bands=bands, provenance={"cloud": 0.1}), asked


def values(rng: np.random.Generator, track: Track, band: str, shape: tuple[int, int]) -> NDArray[np.float32]:
    if track is RADAR:
        return (10 ** rng.uniform(-4.9, 3.9, shape)).astype(np.float32)
    if band == "scl":
        return rng.integers(1, 12, shape).astype(np.float32)
    return rng.uniform(-0.09, 1.6, shape).astype(np.float32)


@given(looks())
@settings(max_examples=60)
def test_what_is_found_again_is_what_keep_gave_and_close_to_what_was_read(
    look: tuple[Pass, Stack, tuple[str, ...]],
) -> None:
    taken, stack, asked = look
    with tempfile.TemporaryDirectory() as folder:
        archive = Archive(Path(folder))
        assert archive.get("rajin", taken, stack.grid, asked) is None
        kept = archive.keep("rajin", taken, stack, bands=asked, as_of=NOW)
        assert same(Archive(Path(folder)).get("rajin", taken, stack.grid, tuple(reversed(asked))), kept)
        again = archive.keep("rajin", taken, replace(kept, provenance=stack.provenance), bands=asked, as_of=NOW)
        assert same(again, kept), "keeping what was kept changes nothing"
        assert archive.problems == []
    assert list(kept.bands) == list(stack.bands)
    assert kept.provenance["cloud"] == 0.1
    for name, band in stack.bands.items():
        np.testing.assert_array_equal(np.isnan(kept.bands[name]), np.isnan(band))
        seen = np.isfinite(band)
        if name == "scl":
            np.testing.assert_array_equal(kept.bands[name], band)
        elif taken.track is RADAR:
            off = 10 * np.log10(kept.bands[name][seen].astype(float) / band[seen].astype(float))
            assert np.abs(off).max(initial=0) <= STEP_DB / 2 * 1.01
        else:
            np.testing.assert_allclose(kept.bands[name][seen], band[seen], atol=STEP_REFLECTANCE / 2 * 1.01, rtol=0)


def test_bands_that_the_scenes_lack_are_part_of_the_question(archive: Archive) -> None:
    taken = overflight(scene(track=OPTICAL))
    stack = Stack(grid=GRID, bands={"b02": np.full(GRID.shape, 0.2, np.float32)})
    kept = archive.keep("rajin", taken, stack, bands=("b02", "b8a", "scl"), as_of=NOW)
    assert same(archive.get("rajin", taken, GRID, ("scl", "b8a", "b02")), kept)
    assert archive.get("rajin", taken, GRID, ("b02",)) is None, "nobody asked for b02 alone"


def test_a_look_without_bands_or_with_one_that_nobody_asked_for_is_a_mistake(archive: Archive) -> None:
    for stack in (Stack(grid=GRID, bands={}), image(bands=("hh",))):
        with pytest.raises(ValueError, match="asked were"):
            keep(archive, overflight(), stack)
    assert not archive.folder.exists()


OTHER: dict[str, dict[str, Any]] = {
    "made again": {"taken": overflight(scene(processed="2025-02-01T00:00:00Z"))},
    "newer baseline": {"taken": overflight(scene(baseline="05.12"))},
    "another scene": {"taken": overflight(scene("S1A_b"))},
    "one slice more": {"taken": overflight(scene(), scene("S1A_b", start="2024-12-25T03:35:44Z"))},
    "another time": {"taken": overflight(scene(start="2024-12-26T03:35:19Z"))},
    "another place": {"aoi": "vostochny"},
    "a grid beside it": {"grid": replace(GRID, left=GRID.left + 10)},
    "a larger grid": {"grid": replace(GRID, height=21)},
    "another zone": {"grid": replace(GRID, epsg=32637)},
    "coarser": {"grid": replace(GRID, resolution=20)},
    "fewer bands": {"bands": ("vv",)},
    "more bands": {"bands": ("vv", "vh", "hh")},
    "rendered another way": {"recipe": "gamma0-ellipsoid"},
}


@pytest.mark.parametrize("kind", OTHER)
def test_another_question_has_another_answer_and_both_stay(archive: Archive, kind: str) -> None:
    kept = keep(archive, overflight())
    asked: dict[str, Any] = {"aoi": "rajin", "taken": overflight(), "grid": GRID, "bands": ("vv", "vh")} | OTHER[kind]
    assert archive.get(**asked) is None
    assert not archive.has(**asked)
    other = image(2, asked["grid"], tuple(sorted(asked["bands"])))
    how = {k: v for k, v in asked.items() if k not in {"aoi", "taken", "grid"}}
    again = archive.keep(asked["aoi"], asked["taken"], other, as_of=NOW, **how)
    assert same(archive.get(**asked), again)
    assert same(get(archive, overflight()), kept)
    assert len(list(archive.entries())) == 2
    assert archive.problems == []


def test_the_same_question_in_another_form(archive: Archive) -> None:
    a, b = scene("a"), scene("b", start="2024-12-25T03:35:19Z")
    kept = keep(archive, overflight(a, b))
    assert same(archive.get("rajin", overflight(b, a), replace(GRID, left=750_000.0), ["vh", "vv"]), kept)


def test_nothing_kept_is_no_problem_and_asking_writes_nothing(archive: Archive) -> None:
    assert get(archive, overflight()) is None
    assert list(archive.entries()) == []
    assert archive.damaged() == []
    assert archive.prune(Retention(max_age_days=1), keep=(), as_of=NOW).removed == 0
    assert not archive.folder.exists()
    assert archive.problems == []


# what stands on disk


def test_any_gis_reads_decibels_or_reflectance_at_the_right_place(archive: Archive) -> None:
    kept = keep(archive, overflight())
    path = the(archive.folder, ".tif")
    assert path.relative_to(archive.folder).parts[:2] == ("rajin", "2024")
    assert path.name.startswith("20241225T033519-s1-021d-vv-")
    with rasterio.open(path) as file:
        assert (file.crs.to_epsg(), file.shape, file.dtypes) == (32636, GRID.shape, ("uint16", "uint16"))
        assert file.transform[:6] == GRID.transform
        assert (file.nodata, file.descriptions, file.units) == (0, ("vv", "vh"), ("dB", "dB"))
        shown = file.read(masked=True) * np.array(file.scales)[:, None, None] + np.array(file.offsets)[:, None, None]
    for index, name in enumerate(("vv", "vh")):
        decibel = 10 * np.log10(kept.bands[name].astype(float))
        np.testing.assert_array_equal(shown.mask[index], np.isnan(decibel))
        np.testing.assert_allclose(shown[index].compressed(), decibel[np.isfinite(decibel)], atol=1e-5)


def test_optical_bands_read_as_reflectance_and_classes(archive: Archive) -> None:
    bands = {"b02": np.full(GRID.shape, 0.1234, np.float32), "scl": np.full(GRID.shape, 6, np.float32)}
    archive.keep("a", overflight(scene(track=OPTICAL)), Stack(grid=GRID, bands=bands), bands=tuple(bands), as_of=NOW)
    with rasterio.open(the(archive.folder, ".tif")) as file:
        dn = file.read()[:, 0, 0]
        np.testing.assert_allclose(dn * np.array(file.scales) + np.array(file.offsets), [0.1234, 6], atol=1e-9)
        assert file.units == ("1", "class")


def test_the_record_says_what_it_is_and_where_it_is_from(archive: Archive) -> None:
    taken = overflight(scene(), scene("S1A_b", start="2024-12-25T03:35:44Z"))
    kept = keep(archive, taken, recipe="gamma0-terrain")
    record = json.loads(the(archive.folder, ".json").read_text())
    pixels = the(archive.folder, ".tif").read_bytes()
    assert record["sha256"] == hashlib.sha256(pixels).hexdigest() == kept.provenance["archive"]["sha256"]
    assert record["bytes"] == len(pixels)
    assert (record["format"], record["aoi"], record["look"]) == (1, "rajin", taken.id)
    assert (record["platform"], record["track"]["relative_orbit"]) == ("sentinel-1a", 21)
    assert (utc(record["start"]), utc(record["end"]), utc(record["kept_at"])) == (taken.start, taken.end, NOW)
    assert [(s["id"], s["source"], s["version"]) for s in record["scenes"]] == [
        (s.id, "stac", "05.11/2024-12-25T06:00:00Z") for s in taken.scenes
    ]
    assert [s["item"] for s in record["scenes"]] == [s.item for s in taken.scenes]
    assert Grid(**record["grid"]) == GRID
    assert record["bands"]["vv"]["coding"] == "power"
    assert (record["asked"], record["recipe"]) == (["vh", "vv"], "gamma0-terrain")
    assert record["provenance"] == image().provenance


def test_keeping_a_look_again_gives_the_same_bytes(archive: Archive) -> None:
    keep(archive, overflight())
    before = {p: (archive.folder / p).read_bytes() for p in below(archive.folder)}
    keep(archive, overflight())
    assert before == {p: (archive.folder / p).read_bytes() for p in below(archive.folder)}
    assert len(before) == 2


SIGNED = (
    "https://sentinel1euwestrtc.blob.core.windows.net/vv.tif?st=2024&se=2025&sp=rl&sv=2021&sig=SECRET%2Fx%3D",
    "https://bucket.s3.example/vv.tif?X-Amz-Credential=SECRET&X-Amz-Signature=SECRET",
    "s3://bucket/vv.tif?AWSAccessKeyId=SECRET&Signature=SECRET&Expires=1",
    "https://x.example/vv.tif?access_token=SECRET#page",
    "https://x.example/vv.tif?a=1;api-key=SECRET",
    "https://name:SECRET@x.example/vv.tif",
    "https://name:SE@CRET/@x.example/vv.tif?subscription-key=SECRET",
    "vv.tif?SIG=SECRET",
)


@pytest.mark.parametrize("href", SIGNED)
def test_no_signature_and_no_login_is_kept(archive: Archive, href: str) -> None:
    item = {"assets": {"vv": {"href": href}}, "links": [{"href": href}], "deep": [[{"x": [href]}]]}
    stack = replace(image(), provenance={"read": [href]})
    kept = keep(archive, overflight(scene(item=item)), stack)
    assert b"SECRET" not in the(archive.folder, ".json").read_bytes()
    assert "SECRET" not in str(kept.provenance)
    assert "vv.tif" in json.loads(the(archive.folder, ".json").read_text())["scenes"][0]["item"]["assets"]["vv"]["href"]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text("abc /:?&=.", max_size=20),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner),
    )
)
def test_what_holds_no_secret_is_kept_as_received(value: Any) -> None:
    assert unsigned(value) == value


def test_plain_queries_stay() -> None:
    for href in ("https://x.example/vv.tif?versionId=7", "https://x.example/@me/vv.tif", "Who? Me = you", "a?b"):
        assert unsigned(href) == href


# names from outside


HOSTILE = (
    "..",
    "../../x",
    "/etc/passwd",
    "",
    ".",
    "a/b",
    "a\0b",
    "x" * 300,
    "r\u00e4jin",
    "\ud800",
    "-rf",
    ".lock",
    "a~b",
    "a\nb",
)


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    archive = Archive(tmp_path / "in" / "archive")
    taken = overflight(scene(f"../../{name}", track=replace(RADAR, polarisation=name)))
    kept = keep(archive, taken, aoi=name)
    assert same(get(Archive(archive.folder), taken, name), kept)
    files = [p for p in tmp_path.rglob("*") if p.is_file()]
    assert len(files) == 3, "pixels, record, lock"
    assert all(p.is_relative_to(archive.folder) for p in files)
    (entry,) = archive.entries()
    assert entry.start == taken.start
    everything = Retention(budget_bytes=0)
    assert archive.prune(everything, keep={(name, taken.id)}, as_of=NOW).over_budget
    assert same(get(archive, taken, name), kept)
    assert archive.prune(everything, keep=(), as_of=NOW).removed == 1


def test_harmless_looking_names_do_not_meet_those_made_from_hostile_ones(archive: Archive) -> None:
    keep(archive, overflight(), aoi="a/b")
    (entry,) = archive.entries()
    assert get(archive, overflight(), entry.aoi) is None
    assert get(archive, overflight(), "ab") is None


# damage


def spoil(path: Path, at: int, bit: int) -> None:
    content = bytearray(path.read_bytes())
    content[at % len(content)] ^= 1 << bit
    path.write_bytes(content)


@given(st.sampled_from([".tif", ".json"]), st.integers(min_value=0), st.integers(0, 7))
@settings(max_examples=100)
def test_one_changed_bit_anywhere_and_the_look_counts_as_not_kept(ending: str, at: int, bit: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        archive = Archive(Path(folder))
        kept = keep(archive, overflight())
        before = {p: (archive.folder / p).read_bytes() for p in below(archive.folder)}
        path = the(archive.folder, ending)
        spoil(path, at, bit)
        before[str(path.relative_to(folder))] = path.read_bytes()
        assert archive.get("rajin", overflight(), GRID, ("vv", "vh")) is None
        (problem,) = archive.problems
        assert "damaged" in problem
        assert "set aside" in problem
        assert {p: (archive.folder / p).read_bytes() for p in below(archive.folder)} == {
            p + ".damaged": content for p, content in before.items()
        }
        assert len(archive.damaged()) == 2
        assert get(archive, overflight()) is None
        assert len(archive.problems) == 1, "said once"
        assert same(keep(archive, overflight()), kept)
        assert same(get(archive, overflight()), kept)


@pytest.mark.parametrize("ending", [".tif", ".json"])
@pytest.mark.parametrize("content", [b"", b"{}", b"II*\0", b"\xff" * 5000], ids=["empty", "object", "tiff", "noise"])
def test_other_content_in_its_place(archive: Archive, ending: str, content: bytes) -> None:
    keep(archive, overflight())
    the(archive.folder, ending).write_bytes(content)
    assert archive.get("rajin", overflight(), GRID, ("vv", "vh")) is None
    assert len(archive.problems) == 1


@pytest.mark.parametrize("ending", [".tif", ".json"])
@pytest.mark.parametrize("change", [-1, -100, 1], ids=["one byte less", "cut off", "one byte more"])
def test_other_length(archive: Archive, ending: str, change: int) -> None:
    keep(archive, overflight())
    path = the(archive.folder, ending)
    content = path.read_bytes()
    path.write_bytes(content[:change] if change < 0 else content + b" ")
    assert archive.get("rajin", overflight(), GRID, ("vv", "vh")) is None
    assert len(archive.problems) == 1


def test_pixels_of_another_look_are_damage_and_its_pair_is_simply_another_look(archive: Archive) -> None:
    keep(archive, day(1), image(1))
    keep(archive, day(2), image(2))
    one, two = sorted(archive.folder.rglob("*.tif"))
    one.with_suffix(".json").write_bytes(two.with_suffix(".json").read_bytes())
    one.write_bytes(two.read_bytes())
    assert archive.get("rajin", day(1), GRID, ("vv", "vh")) is None
    assert archive.problems == []
    keep(archive, day(1), image(1))
    one.write_bytes(two.read_bytes())
    assert archive.get("rajin", day(1), GRID, ("vv", "vh")) is None
    assert len(archive.problems) == 1


def test_a_sealed_record_that_makes_no_sense_is_damage(archive: Archive) -> None:
    keep(archive, overflight())
    path = the(archive.folder, ".json")
    record = unseal(path.read_bytes())
    for changes in (
        {"bands": 3},
        {"bands": {"vv": {"coding": "music"}}},
        {"bytes": "x"},
        {"provenance": None},
        {"sha256": 1},
    ):
        keep(archive, overflight())
        path.write_bytes(seal(record | changes))
        assert archive.get("rajin", overflight(), GRID, ("vv", "vh")) is None, changes
    keep(archive, overflight())
    path.write_bytes(seal({}))
    assert archive.get("rajin", overflight(), GRID, ("vv", "vh")) is None
    assert len(archive.damaged()) == 12, "none written over another"


def test_pixels_of_another_grid_or_number_of_bands_are_refused() -> None:
    codings = {"vv": Coding.POWER, "vh": Coding.POWER}
    content = pack(image(), codings)
    assert list(unpack(content, GRID, codings)) == ["vv", "vh"]
    for grid in (replace(GRID, left=GRID.left + 10), replace(GRID, epsg=32637), replace(GRID, height=19)):
        with pytest.raises(ValueError, match="GeoTIFF"):
            unpack(content, grid, codings)
    with pytest.raises(ValueError, match="2 bands"):
        unpack(content, GRID, {"vv": Coding.POWER})


def test_pixels_that_are_gone_are_damage(archive: Archive) -> None:
    keep(archive, overflight())
    the(archive.folder, ".tif").unlink()
    assert get(archive, overflight()) is None
    assert "gone" in archive.problems[0]
    assert [p.suffix for p in archive.damaged()] == [".damaged"]


def test_what_cannot_be_read_is_a_problem_and_stays_where_it_is(archive: Archive) -> None:
    keep(archive, overflight())
    record = the(archive.folder, ".json")
    record.unlink()
    record.mkdir()
    assert get(archive, overflight()) is None
    assert "cannot be read" in archive.problems[0]
    with pytest.raises(WorkspaceError, match="cannot be written"):
        keep(archive, overflight())
    assert record.is_dir()
    assert not list(archive.folder.rglob("*.part"))


def test_a_file_where_the_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "archive").write_text("mine")
    archive = Archive(tmp_path / "archive")
    assert get(archive, overflight()) is None
    with pytest.raises(WorkspaceError, match="cannot be written") as caught:
        keep(archive, overflight())
    assert "another folder" in caught.value.hint
    assert list(archive.entries()) == []
    assert (tmp_path / "archive").read_text() == "mine"


# crashes


def test_what_a_crash_left_is_no_look_and_is_swept_by_the_next_keep_or_prune(archive: Archive) -> None:
    for sweep in (lambda: keep(archive, day(2)), lambda: archive.prune(Retention(), keep=(), as_of=NOW)):
        keep(archive, day(1))
        pixels, record = the(archive.folder, "rajin/2024/20240102*.tif"), the(archive.folder, "20240102*.json")
        pixels.with_name(f".{pixels.name}.part").write_bytes(b"half")
        record.rename(record.with_name(f".{record.name}.part"))
        assert get(archive, day(1)) is None
        assert archive.problems == []
        assert list(archive.entries()) == []
        sweep()
        assert not [p for p in below(archive.folder) if "20240102" in p]
        archive.prune(Retention(budget_bytes=0), keep=(), as_of=NOW)


def test_files_of_others_are_left_alone(archive: Archive) -> None:
    keep(archive, day(1))
    year = the(archive.folder, ".tif").parent
    foreign = [year / n for n in ("notes.txt", "20240101.tif", "99999999T999999-x-00000000.tif", ".hidden")]
    foreign.append(archive.folder / "README")
    for path in foreign:
        path.write_text("mine")
    (year / "99999999T999999-x-00000000.json").write_text("mine")
    assert len(list(archive.entries())) == 1
    assert archive.prune(Retention(budget_bytes=0), keep=(), as_of=NOW).removed == 1
    keep(archive, day(2))
    assert all(p.read_text() == "mine" for p in foreign)


CRASH = """
import json, os, shutil, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from edges.test_archive import NOW, Archive, Retention, day, get, image, keep, same, spoil, the

folder = Path(sys.argv[1])
first, second = image(1), image(2)

def dies_at(number, act):
    '''Runs act() in a child process that ends at once when it is about to touch the archive for the number-th time.'''
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    count = 0
    def hook(event, arguments):
        nonlocal count
        if event in ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.scandir"):
            if str(folder) in str(arguments):
                count += 1
                if count == number:
                    os._exit(9)
    sys.addaudithook(hook)
    act(Archive(folder))
    os._exit(0)

def spoilt():
    keep(Archive(folder), day(1), first)
    spoil(the(folder, ".tif"), 100, 3)

acts = dict(
    new=(lambda: None, lambda a: keep(a, day(1), second)),
    beside=(lambda: keep(Archive(folder), day(2), first), lambda a: keep(a, day(1), second)),
    replaced=(lambda: keep(Archive(folder), day(1), first), lambda a: keep(a, day(1), second)),
    pruned=(lambda: keep(Archive(folder), day(1), first),
            lambda a: a.prune(Retention(budget_bytes=0), keep=(), as_of=NOW)),
    damaged=(spoilt, lambda a: a.get("rajin", day(1), first.grid, ("vv", "vh"))),
)
whole = {{n: keep(Archive(folder), day(1), s) for n, s in dict(first=first, second=second).items()}}
told = []
for name, (prepare, act) in acts.items():
    number, died = 0, True
    while died:
        shutil.rmtree(folder, ignore_errors=True)
        prepare()
        number += 1
        died = dies_at(number, act)
        archive = Archive(folder)
        found = archive.get("rajin", day(1), first.grid, ("vv", "vh"))
        which = "none" if found is None else next((n for n, s in whole.items() if same(found, s)), "WRONG")
        bystander = get(archive, day(2)) is not None
        keep(archive, day(3), first)
        left = [p.name for p in folder.rglob("*.part")]
        ours = [p for p in folder.rglob("20240102*") if "damaged" not in p.name]
        told.append(dict(act=name, number=number, died=died, found=which, problems=len(archive.problems),
                         bystander=bystander, left=left, files=len(ours), damaged=len(archive.damaged())))
print(json.dumps(told))
"""


def python(script: str, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs a script in another process, with the project on its path."""
    script = script.format(tests=str(ROOT / "tests"))
    return subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env=os.environ | environment,
        timeout=120,
    )


def test_a_crash_at_any_touch_of_the_folder_leaves_a_whole_look_or_none(tmp_path: Path) -> None:
    told: list[dict[str, Any]] = json.loads(python(CRASH, tmp_path / "archive").stdout)
    by_act: dict[str, list[dict[str, Any]]] = {}
    for row in told:
        by_act.setdefault(row["act"], []).append(row)
    for rows in by_act.values():
        assert len(rows) >= 5, "the hook saw the files being touched"
        assert [r["died"] for r in rows] == [True] * (len(rows) - 1) + [False]
    for row in told:
        assert row["left"] == [], row
        assert row["files"] == (0 if row["found"] == "none" else 2), row
        assert row["bystander"] == (row["act"] == "beside"), row
        if row["act"] != "damaged":
            assert row["problems"] == row["damaged"] == 0, row
    found = {act: [r["found"] for r in rows] for act, rows in by_act.items()}
    assert set(found["new"]) == set(found["beside"]) == {"none", "second"}
    assert set(found["replaced"]) == {"first", "none", "second"}
    assert set(found["pruned"]) == {"first", "none"}
    assert set(found["damaged"]) == {"none"}
    assert {r["damaged"] for r in by_act["damaged"]} == {2}
    assert found["new"][-1] == found["replaced"][-1] == "second"


FULL = """
import resource, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from edges.test_archive import Archive, WorkspaceError, day, get, image, keep, overflight, same, scene

folder, limit, item = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
archive = Archive(folder)
before = keep(archive, day(1), image(1))
new = overflight(scene(start="2024-02-01T00:00:00Z", item=dict(text="x" * item)))
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
for taken in (day(1), new) if item == 0 else (new,):
    try:
        keep(archive, taken, image(2))
    except WorkspaceError as error:
        print(error.message.partition(": ")[2], "|", error.hint)
    else:
        print("kept")
assert same(get(archive, day(1)), before)
"""


@pytest.mark.parametrize(
    ("limit", "item", "looks"), [(1500, 0, 2), (20_000, 50_000, 1)], ids=["for the pixels", "for the record"]
)
def test_a_full_disk_is_said_and_leaves_nothing_half_written(tmp_path: Path, limit: int, item: int, looks: int) -> None:
    hint = "Make room on the disk, or lower the budget of the archive; what was kept before is not lost."
    lines = python(FULL, tmp_path, limit, item).stdout.splitlines()
    assert lines == [f"cannot be written (File too large) | {hint}"] * looks
    assert len(below(tmp_path)) == 2
    assert all("20240102" in p for p in below(tmp_path))


BARRED = """
import os, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from edges.test_archive import Archive, WorkspaceError, day, get, image, keep

archive = Archive(Path(sys.argv[1]) / "archive")
keep(archive, day(1))
archive.folder.chmod(0)
if os.geteuid() == 0:
    os.setuid(65534)
try:
    print(get(archive, day(1)), len(archive.problems), end=" ")
    keep(archive, day(1))
except WorkspaceError as error:
    print("WorkspaceError", error.hint)
"""


def test_a_folder_that_this_user_may_not_enter(tmp_path: Path) -> None:
    said = python(BARRED, tmp_path).stdout
    (tmp_path / "archive").chmod(0o700)
    hint = "Give this user the right to write there, or name another folder for the archive."
    assert said == f"None 1 WorkspaceError {hint}\n"
    assert get(Archive(tmp_path / "archive"), day(1)) is not None


QUICK = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from edges.test_archive import GRID, Archive, day, image, keep

archive = Archive(Path(sys.argv[1]))
keep(archive, day(1))
seen = []
sys.addaudithook(lambda event, arguments: seen.append(event))
del seen[:]
answers = [archive.has("rajin", day(n), GRID, ("vv", "vh")) for n in (1, 2)]
print(answers, {{e for e in seen if e in ("open", "os.listdir", "os.scandir", "glob.glob", "pathlib.Path.glob")}})
"""


def test_has_opens_no_file_and_lists_no_folder(tmp_path: Path) -> None:
    assert python(QUICK, tmp_path).stdout.strip() == "[True, False] set()"


# many at once


def test_threads_may_keep_read_and_prune_at_once(archive: Archive) -> None:
    whole = [keep(archive, day(1), image(seed)) for seed in range(4)]

    def act(number: int) -> Stack | None:
        if number % 4 == 0:
            return keep(archive, day(1), image(number % 16 // 4))
        if number % 16 == 1:
            archive.prune(Retention(budget_bytes=0), keep=(), as_of=NOW)
        return archive.get("rajin", day(1), GRID, ("vv", "vh"))

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(act, range(160)))
    assert all(f is None or any(same(f, w) for w in whole) for f in found)
    assert any(f is not None for f in found)
    assert archive.problems == []
    assert not list(archive.folder.rglob("*.part"))


BOTH = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from edges.test_archive import Archive, day, image, keep, same

archive, mine = Archive(Path(sys.argv[1])), int(sys.argv[2])
whole = [keep(Archive(Path(sys.argv[1]) / f"own{{mine}}"), day(1), image(seed)) for seed in (0, 1)]
print("ready", flush=True)
sys.stdin.readline()
for turn in range(40):
    keep(archive, day(1), image(mine))
    found = archive.get("rajin", day(1), whole[0].grid, ("vv", "vh"))
    assert found is None or any(same(found, w) for w in whole), turn
assert not archive.problems, archive.problems
print("done", flush=True)
"""


def test_two_processes_may_keep_the_same_look_at_once(tmp_path: Path) -> None:
    script = BOTH.format(tests=str(ROOT / "tests"))
    running = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path), str(n)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        for n in (0, 1)
    ]
    for process in running:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in running:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    said = [process.communicate(timeout=60)[0] for process in running]
    assert said == ["done\n", "done\n"]
    archive = Archive(tmp_path)
    found = get(archive, day(1))
    assert found is not None
    assert found.provenance["seed"] in {0, 1}
    assert len(below(tmp_path / "rajin")) == 2


# letting go


def entry(number: int, size: int, *, version: int = 0) -> Entry:
    start = utc("2024-01-01T03:35:19Z") + timedelta(days=number)
    look = f"{start:%Y%m%dT%H%M%S}-s1-021d-vv"
    return Entry(
        aoi="rajin",
        look=look,
        start=start,
        bytes=size,
        path=Path(f"rajin/2024/{look}-{version:08x}.tif"),
        kept=NOW - timedelta(days=version),
    )


ENTRIES = st.lists(
    st.tuples(st.integers(0, 12), st.integers(0, 1000), st.integers(0, 2)),
    unique_by=lambda t: (t[0], t[2]),
    max_size=25,
).map(lambda rows: [entry(n, size, version=v) for n, size, v in rows])
LIMIT = st.none() | st.integers(0, 15)
BUDGET = st.none() | st.integers(0, 15_000)


@given(ENTRIES, LIMIT, BUDGET, st.sets(st.integers(0, 12), max_size=6), st.integers(0, 15))
@settings(max_examples=500)
def test_laws_of_retention(
    entries: list[Entry], age: int | None, budget: int | None, marked: set[int], today: int
) -> None:
    as_of = utc("2024-01-01T03:35:19Z") + timedelta(days=today)
    evidence = {("rajin", entry(n, 0).look) for n in marked}
    policy = Retention(max_age_days=age, budget_bytes=budget)
    choice = choose(entries, policy, evidence=evidence, as_of=as_of)
    dropped, stays = list(choice.drop), [e for e in entries if e not in choice.drop]
    plain = [e for e in stays if (e.aoi, e.look) not in evidence]

    assert not [e for e in dropped if (e.aoi, e.look) in evidence], "evidence stays, in all its forms"
    assert choice.left == sum(e.bytes for e in stays)
    assert budget is None or choice.left <= budget or not plain, "within the budget, or only evidence is left"
    assert age is None or all(as_of - e.start <= timedelta(days=age) for e in plain), "none too old"
    assert [e.start for e in dropped] == sorted(e.start for e in dropped)
    assert all(d.start <= e.start for d in dropped for e in plain), "the oldest go first"
    if dropped:
        last = dropped[-1]
        old = age is not None and as_of - last.start > timedelta(days=age)
        assert old or (budget is not None and choice.left + last.bytes > budget), "no more goes than must"
    for d in dropped:
        twins = [e for e in plain if e.look == d.look]
        assert all(d.kept <= e.kept for e in twins), "of two forms the first kept goes first"
    if age is None and budget is None:
        assert not dropped
        assert choice.spared == 0


@given(
    st.lists(st.integers(0, 9), min_size=1, max_size=6, unique=True),
    st.sets(st.integers(0, 9), max_size=3),
    st.none() | st.integers(-1, 11),
    st.none() | st.integers(0, 6),
)
@settings(max_examples=25)
def test_pruning_a_real_folder(days: list[int], marked: set[int], age: int | None, room: int | None) -> None:
    as_of = utc("2024-01-11T03:35:19Z")
    with tempfile.TemporaryDirectory() as folder:
        archive = Archive(Path(folder))
        kept = {n: keep(archive, day(n), image(n)) for n in days}
        sizes = {e.start: e.bytes for e in archive.entries()}
        assert sum(sizes.values()) == sum((archive.folder / p).stat().st_size for p in below(archive.folder))
        budget = None if room is None else max(sizes.values()) * room
        policy = Retention(max_age_days=None if age is None or age < 0 else age, budget_bytes=budget)
        evidence = {("rajin", day(n).id) for n in marked}
        pruned = archive.prune(policy, keep=evidence, as_of=as_of)
        left = {n for n in days if get(archive, day(n)) is not None}
        assert marked & set(days) <= left
        assert pruned.removed == len(days) - len(left)
        used = sum((archive.folder / p).stat().st_size for p in below(archive.folder))
        assert used == sum(sizes.values()) - pruned.bytes
        assert pruned.over_budget == (budget is not None and used > budget)
        assert not pruned.over_budget or left <= marked
        assert len(below(archive.folder)) == 2 * len(left)
        assert (archive.folder / "rajin").exists() == bool(left), "no empty folders"
        assert all(same(get(archive, day(n)), kept[n]) for n in left)
        assert archive.problems == []
        assert archive.prune(policy, keep=evidence, as_of=as_of).removed == 0, "once is enough"


def test_a_look_made_again_is_evidence_in_both_its_forms(archive: Archive) -> None:
    before, after = overflight(), overflight(scene(baseline="06.00"))
    stacks = keep(archive, before, image(1)), keep(archive, after, image(2))
    keep(archive, before, image(3), aoi="other")
    pruned = archive.prune(Retention(max_age_days=0), keep={("rajin", before.id)}, as_of=NOW)
    assert (pruned.removed, pruned.kept_evidence, pruned.over_budget) == (1, 2, False)
    assert same(get(archive, before), stacks[0])
    assert same(get(archive, after), stacks[1])


def test_of_two_forms_the_one_kept_first_goes_first() -> None:
    newer, older = entry(1, 10, version=0), entry(1, 10, version=1)
    for order in ([newer, older], [older, newer]):
        choice = choose(order, Retention(budget_bytes=10), evidence=(), as_of=NOW)
        assert choice.drop == (older,)


def test_a_budget_that_evidence_just_fits(archive: Archive) -> None:
    keep(archive, overflight())
    used = sum(e.bytes for e in archive.entries())
    for short in (0, 1):
        policy = Retention(budget_bytes=used - short)
        pruned = archive.prune(policy, keep={("rajin", overflight().id)}, as_of=NOW)
        assert (pruned.removed, pruned.kept_evidence, pruned.over_budget) == (0, short, bool(short))


def test_a_damaged_record_does_not_hide_evidence(archive: Archive) -> None:
    keep(archive, overflight())
    spoil(the(archive.folder, ".json"), 7, 1)
    assert archive.prune(Retention(budget_bytes=0), keep={("rajin", overflight().id)}, as_of=NOW).kept_evidence == 1
    get(archive, overflight())
    assert archive.prune(Retention(budget_bytes=0), keep=(), as_of=NOW).removed == 0
    assert len(archive.damaged()) == 2, "what was set aside stays until a person takes it away"


def test_a_retention_below_nothing_is_refused() -> None:
    for wrong in ({"max_age_days": -1}, {"budget_bytes": -1}):
        with pytest.raises(ValueError, match="below nothing"):
            Retention(**wrong)


def test_a_very_long_age_is_for_ever(archive: Archive) -> None:
    keep(archive, overflight())
    assert archive.prune(Retention(max_age_days=10**15), keep=(), as_of=NOW).removed == 0


def test_entries_say_what_is_kept(archive: Archive) -> None:
    keep(archive, day(400), aoi="b")
    keep(archive, day(1), aoi="b")
    keep(archive, day(2), aoi="a")
    listed = list(archive.entries())
    assert [(e.aoi, e.look, e.start) for e in listed] == [
        (a, day(n).id, day(n).start) for a, n in (("a", 2), ("b", 1), ("b", 400))
    ]
    for e in listed:
        record = e.path.with_suffix(".json")
        assert e.bytes == e.path.stat().st_size + record.stat().st_size
        assert e.kept == datetime.fromtimestamp(record.stat().st_mtime, UTC)


# real looks


PLACES = {"latakia": (35, 34, 37, 37), "california-rtc": (-125, 30, -114, 42), "sen2ships": (128, 34, 130, 36)}


def real_look(source: FolderSource, bands: Sequence[str], side: int) -> tuple[Pass, Stack]:
    outline = shapely.box(*PLACES[source.folder.name])
    aoi = Aoi(id="x", name="X", outline=outline, zones=(whole(outline),))
    found = min(source.search(aoi, EVER), key=lambda s: (s.start, s.id))
    taken, epsg = Pass(scenes=(found,)), next(iter(found.assets.values())).epsg
    assert epsg is not None
    x, y = project(found.footprint.centroid, epsg).coords[0]
    left, top = round(x / 10 - side / 2) * 10.0, round(y / 10 + side / 2) * 10.0
    grid = Grid(epsg=epsg, left=left, top=top, resolution=10, height=side, width=side)
    return taken, source.read(taken, grid, bands)


def bytes_per_number(archive: Archive, stack: Stack) -> float:
    (e,) = archive.entries()
    return e.bytes / sum(b.size for b in stack.bands.values())


def test_a_real_look_of_speckle_loses_nothing_measurable(archive: Archive, california: Path) -> None:
    taken, stack = real_look(FolderSource(california), ("vv", "vh"), 280)
    assert stack.seen().mean() > 0.9
    kept = keep(archive, taken, stack)
    assert same(archive.get("rajin", taken, stack.grid, ("vv", "vh")), kept)
    for name, band in stack.bands.items():
        seen = np.isfinite(band) & (band > 1e-5)
        off = 10 * np.log10(kept.bands[name][seen].astype(float) / band[seen].astype(float))
        assert np.abs(off).max() < STEP_DB / 2 * 1.01
        assert off.std() == pytest.approx(STEP_DB / 12**0.5, rel=0.05), "uniform, as rounding is"
        assert abs(off.mean()) < 1e-5
    assert bytes_per_number(archive, stack) < 1.9


def test_a_real_look_of_a_port(archive: Archive, latakia: Path) -> None:
    taken, stack = real_look(FolderSource(latakia), ("vv",), 500)
    kept = archive.keep("latakia", taken, stack, bands=("vv",), as_of=NOW)
    assert same(archive.get("latakia", taken, stack.grid, ("vv",)), kept)
    assert json.loads(the(archive.folder, ".json").read_text())["scenes"][0]["item"] == taken.scenes[0].item
    assert bytes_per_number(archive, stack) < 1.6


def test_a_real_optical_look(archive: Archive, sen2ships: Path) -> None:
    bands = ("b02", "b03", "b04", "b08", "scl")
    taken, stack = real_look(FolderSource(sen2ships), bands, 300)
    kept = archive.keep("busan", taken, stack, bands=bands, as_of=NOW)
    found = archive.get("busan", taken, stack.grid, bands)
    assert found is not None
    assert sorted(found.bands) == ["b02", "b03", "b04", "b08"]
    assert same(found, kept)
    assert bytes_per_number(archive, stack) < 1.6
