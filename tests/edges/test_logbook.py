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
from monitor.logbook import FILE, FIRST, HEAD, Head, Logbook, check, inspect


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
    left = written.read_bytes()
    assert f"{FILE}:{number}" in {f.place for f in inspect(written.parent) if not f.mendable}
    assert written.read_bytes() == left


def states_of_a_crash(folder: Path) -> list[tuple[str, bytes, bytes]]:
    """Every pair of files that can stand there while line 5 of 5 is written, made from the whole log."""
    log, head = (folder / FILE).read_bytes(), (folder / HEAD).read_bytes()
    start = log[:-1].rfind(b"\n") + 1
    before = Head.of(log[: start - 1].split(b"\n")).content()
    states = [(f"{cut} bytes of the line", log[: start + cut], before) for cut in range(len(log) - start + 1)]
    return [*states, ("line and head", log, head)]


def test_whenever_a_crash_comes_the_log_opens_and_is_the_same_when_the_line_is_written_again(written: Path) -> None:
    whole, head = written.read_bytes(), written.with_name(HEAD).read_bytes()
    for name, log, told in states_of_a_crash(written.parent):
        written.write_bytes(log)
        written.with_name(HEAD).write_bytes(told)
        written.with_name(f".{HEAD}.part").write_bytes(head[: len(log) % len(head)])
        book = Logbook(written.parent)
        assert len(book.entries()) == log.count(b"\n"), name
        assert book.append(entry(4)) == (log.count(b"\n") == 4), name
        assert (written.read_bytes(), written.with_name(HEAD).read_bytes()) == (whole, head), name
        assert inspect(written.parent) == [], name


def test_a_book_that_is_open_goes_on_after_another_process_was_killed_in_its_line(written: Path) -> None:
    whole, states = written.read_bytes(), states_of_a_crash(written.parent)
    for name, log, told in states:
        _, before, head_before = states[0]
        written.write_bytes(before)
        written.with_name(HEAD).write_bytes(head_before)
        book = Logbook(written.parent)
        written.write_bytes(log)
        written.with_name(HEAD).write_bytes(told)
        assert book.append(entry(4)) == (log.count(b"\n") == 4), name
        assert written.read_bytes() == whole, name


def test_a_process_killed_while_it_writes_leaves_a_log_that_opens(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from monitor.logbook import Logbook; book = Logbook(Path(sys.argv[1]));"
        "[print(book.append({'id': str(n), 'words': 'x' * 5000}), flush=True) for n in range(100000)]"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE) as process:
        assert process.stdout
        said = [process.stdout.readline() for _ in range(20)]
        process.kill()
    assert said == [b"True\n"] * 20
    found = [e["id"] for e in Logbook(tmp_path).entries()]
    assert found == [str(n) for n in range(len(found))]
    assert len(found) >= 20
    assert inspect(tmp_path) == []


CUT: dict[str, Callable[[bytes], bytes]] = {
    "the end of the last line": lambda data: data[:-1],
    "half of the last line": lambda data: data[:-40],
    "the last line": lambda data: data[: data[:-1].rfind(b"\n") + 1],
    "the last line and the end of the one before": lambda data: data[: data[:-1].rfind(b"\n")],
    "all": lambda data: b"",
}


@pytest.mark.parametrize("kind", CUT)
def test_what_was_cut_off_at_the_end_is_found_and_left_as_it_is(written: Path, kind: str) -> None:
    book = Logbook(written.parent)
    left = CUT[kind](written.read_bytes())
    written.write_bytes(left)
    place = re.escape(f"{written}:{left.count(10) + 1}: ")
    for use in (book.entries, book.head, lambda: book.append(entry(9)), lambda: Logbook(written.parent)):
        with pytest.raises(WorkspaceError, match=place + "lines are gone") as caught:
            use()
        assert caught.value.hint
    assert written.read_bytes() == left
    assert [f.mendable for f in inspect(written.parent)] == [False]


def test_a_log_taken_away_is_found_by_its_head(written: Path) -> None:
    written.unlink()
    assert [str(f) for f in inspect(written.parent)] == [
        f"{FILE}:1: lines are gone from here on: {HEAD} tells of 5 lines and {_size(written)} bytes, not 0"
    ]
    with pytest.raises(WorkspaceError, match="lines are gone"):
        Logbook(written.parent)


def _size(written: Path) -> int:
    return int(json.loads(written.with_name(HEAD).read_bytes())["bytes"])


def test_a_change_of_the_last_line_is_found_even_by_the_next_to_write(written: Path) -> None:
    book = Logbook(written.parent)
    written.write_bytes(written.read_bytes().replace(b'"looks": [4]', b'"looks": [7]'))
    for use in (lambda: book.append(entry(9)), book.head, book.entries, lambda: Logbook(written.parent)):
        with pytest.raises(WorkspaceError, match=re.escape(f"{written}:5: ") + f".*{HEAD}:1"):
            use()


def test_two_lines_more_than_the_head_tells_of_are_no_crash(written: Path) -> None:
    written.with_name(HEAD).write_bytes(Head.of(written.read_bytes().split(b"\n")[:3]).content())
    with pytest.raises(WorkspaceError, match=re.escape(f"{written}:4: 2 more than")):
        Logbook(written.parent)


def test_a_log_from_before_there_were_heads_gets_one_and_is_held_to_it_ever_after(written: Path) -> None:
    head = written.with_name(HEAD).read_bytes()
    written.with_name(HEAD).unlink()
    assert [(f.file, f.mendable) for f in inspect(written.parent)] == [(HEAD, True)]
    assert len(Logbook(written.parent).entries()) == 5
    assert written.with_name(HEAD).read_bytes() == head
    written.write_bytes(CUT["the last line"](written.read_bytes()))
    with pytest.raises(WorkspaceError, match="lines are gone"):
        Logbook(written.parent)


def test_a_log_written_anew_with_its_head_is_found_by_who_had_it_open(written: Path, tmp_path: Path) -> None:
    book = Logbook(written.parent)
    forged = Logbook(tmp_path / "forged")
    for number in range(7):
        forged.append(entry(number, note="nothing to see"))
    for name in (FILE, HEAD):
        (tmp_path / "forged" / name).replace(written.with_name(name))
    assert inspect(written.parent) == [], "nothing in the folder shows it: heads kept elsewhere do"
    with pytest.raises(WorkspaceError, match=re.escape(f"{written}:5: ") + "the log was written anew"):
        book.append(entry(8))


def test_the_head_tells_lines_bytes_and_the_hash_of_the_last_line(written: Path) -> None:
    data = written.read_bytes()
    told = json.loads(written.with_name(HEAD).read_bytes())
    assert told == {"lines": 5, "bytes": len(data), "last": hashlib.sha256(data.split(b"\n")[-2]).hexdigest()}
    assert Logbook(written.parent).head() == Head(lines=5, size=len(data), last=told["last"])
    assert Head.read(Head.of([]).content()) == Head(lines=0, size=0, last=FIRST)


def test_a_line_longer_than_a_block_is_appended_to(tmp_path: Path) -> None:
    book = Logbook(tmp_path)
    for number in range(3):
        assert book.append(entry(number, words="x" * 70_000 * (number + 1)))
    assert inspect(tmp_path) == []
    assert len(book.entries()) == 3


def test_a_line_is_appended_without_reading_those_before_the_last(written: Path) -> None:
    book = Logbook(written.parent)
    written.write_bytes(written.read_bytes().replace(b'"looks": [0]', b'"looks": [8]'))
    assert book.append(entry(5)), "what it costs does not grow with the log"
    with pytest.raises(WorkspaceError, match=re.escape(f"{written}:2: ")):
        book.entries()


def test_lines_of_another_process_are_known_before_one_is_written(written: Path) -> None:
    book = Logbook(written.parent)
    assert Logbook(written.parent).append(entry(5))
    assert not book.append(entry(5, reason="the same step, found by both"))
    assert book.head().lines == 6
    assert book.append(entry(6))
    assert inspect(written.parent) == []


def test_half_a_character_is_kept(tmp_path: Path) -> None:
    Logbook(tmp_path).append({"id": "x", "note": "a\udc80b"})
    assert Logbook(tmp_path).entries()[0]["note"] == "a\udc80b"


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
    assert inspect(written.parent) == []
    assert book.append(entry(5))
    assert [e["looks"] for e in Logbook(written.parent).entries()] == [[n] for n in range(6)]


def test_a_head_that_cannot_be_written_takes_its_line_back(written: Path) -> None:
    book = Logbook(written.parent)
    data = written.read_bytes()
    written.with_name(f".{HEAD}.part").mkdir()  # in the way of the new head
    with pytest.raises(WorkspaceError, match="cannot be written"):
        book.append(entry(5))
    assert written.read_bytes() == data
    assert inspect(written.parent) == []
    written.with_name(f".{HEAD}.part").rmdir()
    assert book.append(entry(5))
    assert inspect(written.parent) == []


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.text(max_size=8), st.text(max_size=30)), max_size=8), st.integers(0, 400))
def test_any_text_is_kept_and_any_cut_at_the_end_is_found(
    tmp_path_factory: pytest.TempPathFactory, lines: list[tuple[str, str]], cut: int
) -> None:
    folder = tmp_path_factory.mktemp("log")
    book = Logbook(folder)
    for identity, words in lines:
        book.append({"id": identity, "words": words})
    whole = Logbook(folder).entries()
    assert [e["id"] for e in whole] == list(dict.fromkeys(i for i, _ in lines))
    data = (folder / FILE).read_bytes()
    left = data[: max(0, len(data) - cut)]
    (folder / FILE).write_bytes(left)
    if left == data:
        assert Logbook(folder).entries() == whole
    else:
        with pytest.raises(WorkspaceError, match=re.escape(f"{folder / FILE}:{left.count(10) + 1}: lines are gone")):
            Logbook(folder)
    # without a head a cut within the last line is a crash, and one between lines shows nowhere
    (folder / HEAD).unlink()
    assert Logbook(folder).entries() == whole[: left.count(b"\n")]


Files = tuple[bytes, bytes]


@pytest.fixture(scope="module")
def intact(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """Both files of a log of five lines."""
    folder = tmp_path_factory.mktemp("intact")
    book = Logbook(folder)
    for number in range(5):
        book.append(entry(number))
    return (folder / FILE).read_bytes(), (folder / HEAD).read_bytes()


def faults(log: bytes, head: bytes | None) -> list[str]:
    """Where something is wrong; each place is a line of the file it names."""
    found = check(log, head)
    for finding in found:
        lines = log.split(b"\n") if finding.file == FILE else (head or b"").split(b"\n")
        assert finding.file in {FILE, HEAD}
        assert finding.line is None or 1 <= finding.line <= len(lines)
        assert finding.what
    return [f.place for f in found]


def test_an_intact_log_has_no_findings(intact: Files) -> None:
    assert faults(*intact) == []
    assert faults(b"", None) == faults(b"", Head.of([]).content()) == []


def test_every_single_byte_that_is_changed_gone_or_put_in_is_found(intact: Files) -> None:
    log, head = intact
    for data, as_files in ((log, lambda d: (d, head)), (head, lambda d: (log, d))):
        for at in range(len(data) + 1):
            rest = data[at + 1 :]
            changed = {data[:at] + bytes([b]) + rest for b in (0, 10, 13, 32, 48, 49, 255)}
            put_in = {data[:at] + bytes([b]) + data[at:] for b in (0, 10, 13, 32, 48, 255)}
            for other in (changed | put_in | {data[:at] + rest}) - {data}:
                assert faults(*as_files(other)), (at, other)


def test_each_flipped_bit_is_found_at_its_line_or_the_next(intact: Files) -> None:
    log, head = intact
    for at in range(len(log)):
        number = log[:at].count(b"\n") + 1
        flipped = log[:at] + bytes([log[at] ^ 4]) + log[at + 1 :]
        assert {f"{FILE}:{number}", f"{FILE}:{number + 1}"} & set(faults(flipped, head)), at


EDITS = st.lists(
    st.tuples(
        st.sampled_from(["log", "head"]),
        st.integers(0, 2000),
        st.integers(0, 200),
        st.binary(max_size=12) | st.sampled_from([b"\n", b"\r\n", b"\xef\xbb\xbf", b'"before"', b"[" * 2000]),
    ),
    min_size=1,
    max_size=4,
)


@given(EDITS)
def test_whatever_bytes_are_exchanged_in_log_and_head_is_found(intact: Files, edits: list[Any]) -> None:
    files = {"log": intact[0], "head": intact[1]}
    for name, at, length, bytes_ in edits:
        data = files[name]
        files[name] = data[: at % (len(data) + 1)] + bytes_ + data[at % (len(data) + 1) + length :]
    assert bool(faults(files["log"], files["head"])) == ((files["log"], files["head"]) != intact)


@given(st.lists(st.integers(0, 4), max_size=8))
def test_any_lines_but_those_in_that_order_are_found(intact: Files, order: list[int]) -> None:
    log, head = intact
    lines = log.splitlines(keepends=True)
    assert bool(faults(b"".join(lines[n] for n in order), head)) == (order != [0, 1, 2, 3, 4])


@given(st.integers(0, 4) | st.none())
def test_a_head_of_earlier_or_none_is_found(intact: Files, lines: int | None) -> None:
    log, _ = intact
    assert faults(log, None if lines is None else Head.of(log.split(b"\n")[:lines]).content())


def test_every_change_of_a_number_in_the_head_is_found(intact: Files) -> None:
    log, head = intact
    told = json.loads(head)
    numbers: list[Any] = [-1, 0, 4, 6, 10**400, 1e999, 5.0, True, "5", None, [], told["bytes"] - 1]
    for changed in [{key: value} for key in ("lines", "bytes") for value in numbers]:
        assert faults(log, json.dumps(told | changed).encode() + b"\n"), changed


def test_lines_that_two_processes_write_at_once_come_one_after_the_other(tmp_path: Path) -> None:
    Logbook(tmp_path)
    code = (
        "import sys; from pathlib import Path; from monitor.logbook import Logbook; book = Logbook(Path(sys.argv[1]));"
        "[book.append({'id': f'{sys.argv[2]}-{n}'}) for n in range(60)]"
    )
    running = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path), name]) for name in ("a", "b", "c")]
    assert [process.wait() for process in running] == [0, 0, 0]
    assert inspect(tmp_path) == []
    assert {e["id"] for e in Logbook(tmp_path).entries()} == {f"{name}-{n}" for name in "abc" for n in range(60)}
