"""What shows later that the log and what it was made with are as they were."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from servers import ots_calendar as calendars
from servers.ots_calendar import Calendar

from monitor import timestamps, workspace
from monitor.errors import WorkspaceError
from monitor.flow.custody import (
    HEADS,
    check_heads,
    configuration_entry,
    head_files,
    head_of_day,
    log_configuration,
    stamp_head,
)
from monitor.logbook import FILE, FIRST, Logbook, inspect
from monitor.workspace import Workspace

NOW = datetime(2026, 10, 4, 9, 20, tzinfo=UTC)
DAY = timedelta(days=1)
PATIENT_S = 30.0


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    """A new workspace."""
    workspace.init(tmp_path / "place")
    return workspace.find(tmp_path / "place", {})


@pytest.fixture
def book(place: Workspace) -> Logbook:
    return Logbook(place.log_folder)


@pytest.fixture
def calendar() -> Iterator[Calendar]:
    with calendars.serve() as made:
        yield made


def sha(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def lines_of(book: Logbook) -> list[dict[str, Any]]:
    return [e for e in book.entries() if e.get("what") == "configuration"]


def test_the_line_names_every_file_of_the_configuration_by_its_hash(place: Workspace) -> None:
    (place.root / "aois" / "._x.geojson").write_text("what some systems drop beside real files")
    (place.root / "alerts" / "narrative" / "notes.md").write_text("no claim")
    entry = configuration_entry(place, NOW)
    names = ["aois/example.geojson", "alerts/narrative/example.toml", "config.toml"]
    assert entry["files"] == {name: sha(place.root / name) for name in names}
    assert list(entry["files"]) == sorted(names)
    assert (entry["added"], entry["changed"], entry["removed"]) == (sorted(names), [], [])
    assert entry["what"] == "configuration"
    assert re.fullmatch(r"configuration:[0-9a-f]{64}", entry["id"])
    assert entry["recorded"] == "2026-10-04T09:20:00+00:00"


def test_nothing_of_what_the_files_hold_is_in_the_line(place: Workspace, book: Logbook) -> None:
    with (place.root / "config.toml").open("a") as file:
        file.write("# hunter2\n")
    assert log_configuration(place, book, NOW)
    line = (place.log_folder / FILE).read_text()
    assert "hunter2" not in line
    assert str(place.root) not in line


def test_a_line_is_written_when_something_changed_and_tells_what(place: Workspace, book: Logbook) -> None:
    assert log_configuration(place, book, NOW)
    assert not log_configuration(place, book, NOW + DAY)
    assert not log_configuration(place, Logbook(place.log_folder), NOW + DAY)
    (place.root / "aois" / "rajin.geojson").write_text("{}")
    (place.root / "alerts" / "narrative" / "example.toml").unlink()
    with (place.root / "config.toml").open("a") as file:
        file.write("\n")
    book.append({"id": "an alert between"})
    assert log_configuration(place, book, NOW + 2 * DAY)
    first, second = lines_of(book)
    assert (second["added"], second["changed"], second["removed"]) == (
        ["aois/rajin.geojson"],
        ["config.toml"],
        ["alerts/narrative/example.toml"],
    )
    assert second["follows"] == first["id"]
    assert first["follows"] is None
    assert inspect(place.log_folder) == []


def test_going_back_to_an_earlier_state_is_logged_each_time(place: Workspace, book: Logbook) -> None:
    config = place.root / "config.toml"
    states = [config.read_bytes(), config.read_bytes() + b"# stricter\n"]
    for number in range(6):
        config.write_bytes(states[number % 2])
        assert log_configuration(place, book, NOW + number * DAY)
        assert not log_configuration(place, book, NOW + number * DAY)
    assert [e["files"]["config.toml"] for e in lines_of(book)] == [
        hashlib.sha256(states[number % 2]).hexdigest() for number in range(6)
    ]
    assert len({e["id"] for e in lines_of(book)}) == 6


def test_another_version_of_the_code_is_a_change(place: Workspace, book: Logbook) -> None:
    earlier = {**configuration_entry(place, NOW), "version": "0.0.1"}
    book.append(earlier)
    assert log_configuration(place, book, NOW)
    (_, line) = lines_of(book)
    assert (line["added"], line["changed"], line["removed"]) == ([], [], [])
    assert line["version"] != "0.0.1"


def test_two_processes_that_find_the_same_change_write_it_once(place: Workspace, book: Logbook) -> None:
    other = Logbook(place.log_folder)
    entries = [configuration_entry(place, NOW), configuration_entry(place, NOW + DAY)]
    assert [book.append(entries[0]), other.append(entries[1])] == [True, False]


@pytest.mark.parametrize("files", [None, [], "x", 3, {"aois/a.geojson": 5}])
def test_an_odd_line_before_it_is_no_obstacle(place: Workspace, book: Logbook, files: object) -> None:
    book.append({"id": "odd", "what": "configuration", "files": files})
    assert log_configuration(place, book, NOW)
    assert lines_of(book)[1]["follows"] == "odd"


def test_what_cannot_be_read_is_named_and_nothing_is_logged(place: Workspace, book: Logbook) -> None:
    aois = place.root / "aois"
    (aois / "unreadable.geojson").symlink_to("/proc/self/mem")
    faults = {"aois/unreadable.geojson": "cannot be read", "config.toml": "cannot be read", "aois": "cannot be read"}
    with pytest.raises(WorkspaceError, match=re.escape(f"{aois / 'unreadable.geojson'}: cannot be read")) as caught:
        log_configuration(place, book, NOW)
    assert caught.value.hint
    (aois / "unreadable.geojson").unlink()
    (place.root / "config.toml").rename(place.root / "away")
    with pytest.raises(WorkspaceError, match=re.escape(f"{place.root / 'config.toml'}: {faults['config.toml']}")):
        log_configuration(place, book, NOW)
    (place.root / "away").rename(place.root / "config.toml")
    aois.rename(place.root / "moved")
    aois.write_text("a file where the folder was must not pass for an empty folder")
    with pytest.raises(WorkspaceError, match=re.escape(f"{aois}: {faults['aois']}")):
        log_configuration(place, book, NOW)
    assert book.entries() == []
    aois.unlink()
    assert log_configuration(place, book, NOW), "no folder of AOIs at all is a workspace still"


def test_names_are_data(place: Workspace, book: Logbook) -> None:
    name = "aois/<b>\n'\u202e.geojson"
    (place.root / name).write_text("{}")
    assert log_configuration(place, book, NOW)
    assert name in lines_of(book)[0]["added"]
    assert len((place.log_folder / FILE).read_bytes().splitlines()) == 1
    (place.root / os.fsdecode(b"aois/\xff.geojson")).write_text("{}")
    with pytest.raises(WorkspaceError, match="no UTF-8"):
        log_configuration(place, book, NOW)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.dictionaries(st.sampled_from("abc"), st.binary(max_size=2), max_size=3), min_size=1, max_size=6))
def test_the_lines_replayed_give_every_state_there_was(
    tmp_path_factory: pytest.TempPathFactory, states: list[dict[str, bytes]]
) -> None:
    root = tmp_path_factory.mktemp("w")
    workspace.init(root)
    place = workspace.find(root, {})
    book, folder = Logbook(place.log_folder), root / "aois"
    seen: list[set[str]] = []
    for state in states:
        for file in folder.glob("*.geojson"):
            file.unlink()
        for name, content in state.items():
            (folder / f"{name}.geojson").write_bytes(content)
        now = configuration_entry(place, NOW)["files"]
        changed = not seen or now != lines_of(book)[-1]["files"]
        assert log_configuration(place, book, NOW) == changed
        seen.append(set(now))
        replayed: set[str] = set()
        for line in lines_of(book):
            assert not replayed & set(line["added"])
            assert replayed >= {*line["removed"], *line["changed"]}
            replayed = (replayed | set(line["added"])) - set(line["removed"])
        assert replayed == set(now)


def test_the_head_of_a_day_is_written_once_and_fits_the_log(place: Workspace, book: Logbook) -> None:
    book.append({"id": "a"})
    path = head_of_day(book, place.log_folder, NOW)
    last = hashlib.sha256((place.log_folder / FILE).read_bytes()[:-1]).hexdigest()
    assert path == place.log_folder / HEADS / "2026-10-04.txt"
    assert path.read_text() == f"quaywatch log head\nday 2026-10-04\nlines 1\nsha256 {last}\n"
    book.append({"id": "b"})
    assert head_of_day(book, place.log_folder, NOW + timedelta(hours=14)) == path
    assert "lines 1\n" in path.read_text()
    assert head_of_day(book, place.log_folder, NOW + DAY).name == "2026-10-05.txt"
    assert check_heads(place.log_folder) == []
    assert [p.name for p in path.parent.iterdir() if p.name.startswith(".")] == []


def test_the_day_is_that_of_utc(place: Workspace, book: Logbook) -> None:
    vladivostok = datetime(2026, 10, 5, 3, 0, tzinfo=timezone(timedelta(hours=10)))
    path = head_of_day(book, place.log_folder, vladivostok)
    assert path.name == "2026-10-04.txt"
    assert path.read_text().endswith(f"lines 0\nsha256 {FIRST}\n")
    assert check_heads(place.log_folder) == []


@pytest.fixture
def three_days(place: Workspace, book: Logbook) -> Path:
    """The folder of a log with two lines for each of three days."""
    for day in range(3):
        head_of_day(book, place.log_folder, NOW + day * DAY)
        for number in range(2):
            book.append({"id": f"{day}.{number}", "words": "as it was"})
    return place.log_folder


def test_a_log_written_anew_with_all_hashes_right_does_not_fit_the_heads_of_days(three_days: Path) -> None:
    entries = Logbook(three_days).entries()
    for name in (FILE, "head.json"):
        (three_days / name).unlink()
    forged = Logbook(three_days)
    for entry in entries:
        forged.append({k: v for k, v in entry.items() if k != "before"} | {"words": "as it should have been"})
    assert inspect(three_days) == []
    assert [f.place for f in check_heads(three_days)] == [f"{HEADS}/2026-10-05.txt:4", f"{HEADS}/2026-10-06.txt:4"]


def test_a_log_cut_short_with_its_head_does_not_fit_the_heads_of_days(three_days: Path) -> None:
    data = (three_days / FILE).read_bytes()
    (three_days / FILE).write_bytes(b"".join(data.splitlines(keepends=True)[:3]))
    (three_days / "head.json").unlink()
    Logbook(three_days)
    assert inspect(three_days) == []
    assert [f.place for f in check_heads(three_days)] == [f"{HEADS}/2026-10-06.txt:3"]
    (three_days / FILE).unlink()
    assert [f.place for f in check_heads(three_days)] == [f"{HEADS}/2026-10-05.txt:3", f"{HEADS}/2026-10-06.txt:3"]


def test_every_byte_changed_in_the_head_of_a_day_is_found(three_days: Path) -> None:
    path = three_days / HEADS / "2026-10-06.txt"
    intact = path.read_bytes()
    for at in range(len(intact)):
        for other in (bytes([intact[at] ^ 1]), b"", intact[at : at + 1] * 2, b"0", b"\xff"):
            path.write_bytes(intact[:at] + other + intact[at + 1 :])
            found = {f.file for f in check_heads(three_days)}
            assert (found == {f"{HEADS}/2026-10-06.txt"}) == (path.read_bytes() != intact), (at, other)


def test_files_that_are_no_heads_of_days_are_left_alone(three_days: Path) -> None:
    for name in ("notes.txt", "2026-13-40.txt", "2026-10-06.txt.bak"):
        (three_days / HEADS / name).write_text("mine")
    assert check_heads(three_days) == []
    assert [p.stem for p in head_files(three_days)] == ["2026-10-04", "2026-10-05", "2026-10-06"]
    (three_days / HEADS / "2026-10-03.txt.ots").write_bytes(b"")
    assert [str(f) for f in check_heads(three_days)] == [
        f"{HEADS}/2026-10-03.txt: is gone, but its time stamp is there"
    ]


def test_yesterdays_head_is_stamped_once_and_completed_later(three_days: Path, calendar: Calendar) -> None:
    after = NOW + 2 * DAY
    yesterday = three_days / HEADS / "2026-10-05.txt"
    assert stamp_head(three_days, [calendar.url], after, PATIENT_S) == []
    assert sorted(p.name for p in yesterday.parent.glob("*.ots")) == ["2026-10-05.txt.ots"]
    assert timestamps.check(yesterday).pending == (calendar.url,)
    assert stamp_head(three_days, [calendar.url], after, PATIENT_S) == []
    assert len(calendar.submitted) == 1
    calendar.height = 900_001
    assert stamp_head(three_days, [calendar.url], after, PATIENT_S) == []
    assert [b.height for b in timestamps.check(yesterday).blocks] == [900_001]
    asked = len(calendar.asked)
    assert stamp_head(three_days, [calendar.url], after, PATIENT_S) == []
    assert len(calendar.asked) == asked
    assert check_heads(three_days) == []


def test_after_days_without_work_the_newest_head_is_stamped(three_days: Path, calendar: Calendar) -> None:
    assert stamp_head(three_days, [calendar.url], NOW + 9 * DAY, PATIENT_S) == []
    assert [p.name for p in (three_days / HEADS).glob("*.ots")] == ["2026-10-06.txt.ots"]


def test_nothing_is_sent_where_no_calendar_is_configured_or_no_day_is_over(
    place: Workspace, book: Logbook, calendar: Calendar
) -> None:
    assert stamp_head(place.log_folder, [calendar.url], NOW) == []
    head_of_day(book, place.log_folder, NOW)
    assert stamp_head(place.log_folder, [calendar.url], NOW) == []
    assert stamp_head(place.log_folder, [], NOW + DAY) == []
    assert calendar.asked == []
    assert not list((place.log_folder / HEADS).glob("*.ots"))


def test_a_calendar_that_is_down_is_a_problem_and_is_asked_once_a_round(three_days: Path, calendar: Calendar) -> None:
    for day in (1, 2):
        assert stamp_head(three_days, [calendar.url], NOW + day * DAY, PATIENT_S) == []
    calendar.fault = calendars.refusing
    asked = len(calendar.asked)
    problems = stamp_head(three_days, [calendar.url], NOW + 3 * DAY, PATIENT_S)
    assert len(problems) == 2
    assert "no calendar stamped it" in problems[0]
    assert problems[1] == f"{calendar.url}: answers with 503"
    assert len(calendar.asked) == asked + 2, "one to stamp, one for the first of two that wait"
    calendar.fault = None
    assert stamp_head(three_days, [calendar.url], NOW + 3 * DAY, PATIENT_S) == []
    assert len(list((three_days / HEADS).glob("*.ots"))) == 3


def test_a_damaged_stamp_is_a_problem_and_the_others_go_on(three_days: Path, calendar: Calendar) -> None:
    for day in (1, 2):
        stamp_head(three_days, [calendar.url], NOW + day * DAY, PATIENT_S)
    (three_days / HEADS / "2026-10-05.txt.ots").write_bytes(b"\0rubbish")
    calendar.height = 5
    (problem,) = stamp_head(three_days, [calendar.url], NOW + 2 * DAY, PATIENT_S)
    assert "2026-10-05.txt.ots: is no time stamp" in problem
    assert timestamps.check(three_days / HEADS / "2026-10-04.txt").complete


def test_the_line_is_json_that_others_can_read(place: Workspace, book: Logbook) -> None:
    log_configuration(place, book, NOW)
    value = json.loads((place.log_folder / FILE).read_text())
    assert set(value) == {
        *("id", "what", "recorded", "files", "version", "follows", "added", "changed", "removed", "before")
    }
