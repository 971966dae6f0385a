"""The log of alerts: only ever longer, and it shows when somebody changed it."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.errors import WorkspaceError
from monitor.logbook import FILE, FIRST, Logbook


def entry(number: int, **more: Any) -> dict[str, Any]:
    return {"id": f"rajin.berths.{number}:confirmed", "zone": "Прича́л ü", "looks": [number]} | more


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """A log of five lines."""
    book = Logbook(tmp_path)
    for number in range(5):
        assert book.append(entry(number))
    return tmp_path / FILE


def test_each_line_holds_the_hash_of_the_line_before(written: Path) -> None:
    lines = written.read_bytes().split(b"\n")
    assert lines.pop() == b""
    before = FIRST
    for number, line in enumerate(lines):
        value = json.loads(line)
        assert value == entry(number, before=before)
        before = hashlib.sha256(line).hexdigest()
    assert len(lines) == 5


def test_entries_are_read_back_in_order_and_by_another_process_too(written: Path) -> None:
    again = Logbook(written.parent)
    assert [e["looks"] for e in again.entries()] == [[0], [1], [2], [3], [4]]
    assert again.append(entry(5))
    assert len(Logbook(written.parent).entries()) == 6


def test_the_same_id_is_written_once_whatever_else_it_says(written: Path) -> None:
    size = written.stat().st_size
    assert not Logbook(written.parent).append(entry(3, reason="other words"))
    book = Logbook(written.parent)
    assert book.append(entry(9))
    assert not book.append(entry(9))
    assert len(book.entries()) == 6
    assert written.read_bytes()[:size].count(b"\n") == 5


def _change(line: bytes) -> bytes:
    return line.replace(b'"looks": [1]', b'"looks": [7]')


TAMPERED: dict[str, tuple[int, Callable[[list[bytes]], list[bytes]]]] = {
    "a number in line 2, seen at line 3": (3, lambda lines: [lines[0], _change(lines[1]), *lines[2:]]),
    "line 2 gone": (2, lambda lines: [lines[0], *lines[2:]]),
    "the first line gone": (1, lambda lines: lines[1:]),
    "two lines exchanged": (2, lambda lines: [lines[0], lines[2], lines[1], *lines[3:]]),
    "a line twice": (3, lambda lines: [*lines[:2], lines[1], *lines[2:]]),
    "a line put in": (3, lambda lines: [*lines[:2], json.dumps({"id": "x", "before": FIRST}).encode(), *lines[2:]]),
    "an empty line": (3, lambda lines: [*lines[:2], b"", *lines[2:]]),
    "rubbish": (4, lambda lines: [*lines[:3], b"\xff\x00", *lines[4:]]),
    "a list": (4, lambda lines: [*lines[:3], b"[]", *lines[4:]]),
    "the last line half gone, its end kept": (5, lambda lines: [*lines[:4], lines[4][:20]]),
}


@pytest.mark.parametrize("kind", TAMPERED)
def test_what_was_changed_is_found_with_its_line(written: Path, kind: str) -> None:
    number, tamper = TAMPERED[kind]
    book = Logbook(written.parent)
    written.write_bytes(b"\n".join(tamper(written.read_bytes().splitlines())) + b"\n")
    with pytest.raises(WorkspaceError, match=re.escape(f"{written}:{number}: ")) as caught:
        book.entries()
    assert caught.value.hint
    with pytest.raises(WorkspaceError, match=re.escape(f"{written}:{number}: ")):
        Logbook(written.parent)


@pytest.mark.parametrize("kept", [1, 30, -1])
def test_a_last_line_that_a_crash_cut_off_is_taken_away_and_may_be_written_again(written: Path, kept: int) -> None:
    data = written.read_bytes()
    start = data[:-1].rfind(b"\n") + 1
    written.write_bytes(data[: start + kept] if kept > 0 else data[:kept])
    book = Logbook(written.parent)
    assert len(book.entries()) == 4
    assert book.append(entry(4))
    assert written.read_bytes() == data


def test_a_line_torn_by_a_full_disk_is_mended_before_the_next_is_written(written: Path) -> None:
    book = Logbook(written.parent)
    with written.open("ab") as file:
        file.write(b'{"id": "half a li')
    assert book.append(entry(5))
    assert len(Logbook(written.parent).entries()) == 6


def test_a_file_of_one_torn_line_is_an_empty_log(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b'{"id": "x')
    assert Logbook(tmp_path).entries() == []


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("a file in the way")
    with pytest.raises(WorkspaceError, match=re.escape(str(tmp_path / "log" / FILE))) as caught:
        Logbook(tmp_path / "log")
    assert caught.value.hint
    (tmp_path / "other" / FILE).mkdir(parents=True)
    with pytest.raises(WorkspaceError, match="cannot be written"):
        Logbook(tmp_path / "other")


def test_a_disk_that_is_full_is_told_and_the_line_can_be_written_later(written: Path, monkeypatch: Any) -> None:
    book = Logbook(written.parent)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(WorkspaceError, match="No space left"):
            book.append(entry(5))
    book.append(entry(5))
    assert [e["looks"] for e in Logbook(written.parent).entries()] == [[n] for n in range(6)]


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.text(max_size=8), st.text(max_size=30)), max_size=8), st.integers(0, 400))
def test_any_text_is_kept_and_any_cut_at_the_end_loses_the_last_line_at_most(
    tmp_path_factory: pytest.TempPathFactory, lines: list[tuple[str, str]], cut: int
) -> None:
    folder = tmp_path_factory.mktemp("log")
    book = Logbook(folder)
    for identity, words in lines:
        book.append({"id": identity, "words": words})
    whole = Logbook(folder).entries()
    assert [e["id"] for e in whole] == list(dict.fromkeys(i for i, _ in lines))
    data = (folder / FILE).read_bytes()
    (folder / FILE).write_bytes(data[: max(0, len(data) - cut)])
    left = Logbook(folder).entries()
    assert left == whole[: data[: max(0, len(data) - cut)].count(b"\n")]


def test_lines_that_two_processes_write_at_once_come_one_after_the_other(tmp_path: Path) -> None:
    Logbook(tmp_path)
    code = (
        "import sys; from pathlib import Path; from monitor.logbook import Logbook; book = Logbook(Path(sys.argv[1]));"
        "[book.append({'id': f'{sys.argv[2]}-{n}'}) for n in range(60)]"
    )
    running = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path), name]) for name in ("a", "b", "c")]
    assert [process.wait() for process in running] == [0, 0, 0]
    assert {e["id"] for e in Logbook(tmp_path).entries()} == {f"{name}-{n}" for name in "abc" for n in range(60)}
