"""Tables can be read in a terminal of 80 columns, and a script gets them whole."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.cli import views
from surfaces.conftest import NOW, ROOT, quaywatch


def on_terminal(columns: int, *args: str | Path) -> list[str]:
    """What a terminal of that width shows, without colours and progress bars."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    environment = {k: v for k, v in os.environ.items() if k not in {"COLUMNS", "LINES", "NO_COLOR"}} | {"TERM": "xterm"}
    with subprocess.Popen(
        [sys.executable, "-m", "monitor", *map(str, args)],
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=subprocess.DEVNULL,
        cwd=ROOT,
        env=environment,
    ) as running:
        os.close(theirs)
        parts = []
        while part := _part(ours):
            parts.append(part)
        assert running.wait() == 0
    os.close(ours)
    text = b"".join(parts).decode("utf-8").replace("\r", "")
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).splitlines()


def _part(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux says so when the other end is closed
        return b""


@pytest.mark.parametrize("columns", [80, 160])
@pytest.mark.parametrize("command", ["check", "looks", "alerts"])
def test_tables_fit_and_words_stay_whole(command: str, columns: int, worked: Path) -> None:
    args = {"check": ["check", "simport", "--as-of", NOW], "looks": ["looks", "simport"], "alerts": ["alerts"]}[command]
    lines = on_terminal(columns, "-w", worked, *args)
    rule = next(n for n, line in enumerate(lines) if line.startswith("──"))
    table = lines[rule - 1 :]
    assert max(map(len, table)) <= columns
    text = "\n".join(table)
    assert "…" not in text
    words = {
        "check": ["backscatter", "reference", "2022-11-23", "s1-087a-vv", "anchorage", "20:05"],
        "looks": ["2022-01-05 12:38", "s1-087a-vv", "sentinel-2a", "no: cloud", "earlier looks"],
        "alerts": ["confirmed", "usually", "lasting", "2022-10-"],
    }[command]
    for word in words:
        assert word in text, text


def test_a_wide_terminal_needs_one_line_a_row(worked: Path) -> None:
    lines = on_terminal(160, "-w", worked, "check", "simport", "--as-of", NOW)
    rule = next(n for n, line in enumerate(lines) if line.startswith("──"))
    rows = lines[rule + 1 : lines.index("", rule)]
    assert len(rows) == len(quaywatch("-w", worked, "check", "simport", "--as-of", NOW, "--json").value["newest"])
    assert re.match(r"anchorage +mean radar backscatter +-\d+\.\d dB +2022-11-23 20:05 +s1-", rows[0])


def test_without_a_terminal_nothing_is_cut(worked: Path) -> None:
    out = quaywatch("-w", worked, "alerts").out
    assert re.search(r"simport\.berths\.vessel_count\.surge\.\d{8} ", out)
    assert "\x1b" not in out


def test_text_in_brackets_is_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    views.table("Doctor [x]", ("what [y]",), [["[mail] to is empty"], ["[/bold]"], ["a\\[b"]])
    out = capsys.readouterr().out
    for text in ("Doctor [x]", "what [y]", "[mail] to is empty", "[/bold]", "a\\[b"):
        assert text in out


TEXTS = st.lists(st.text("ab c.", min_size=0, max_size=30), min_size=3, max_size=3)


@given(rows=st.lists(TEXTS, min_size=1, max_size=5), available=st.integers(6, 120))
def test_columns_never_take_more_than_there_is(rows: list[list[str]], available: int) -> None:
    columns = ("one", "two", "three")
    found = views.widths(columns, rows, available)
    assert sum(found) <= available
    assert min(found) >= 1
    cells = list(zip(columns, *rows, strict=True))
    wished = [max(map(len, column)) for column in cells]
    longest = [max((len(word) for cell in column for word in cell.split()), default=1) for column in cells]
    assert all(f <= max(w, n) for f, w, n in zip(found, wished, longest, strict=True))
    if sum(wished) <= available:
        assert found == [max(1, w) for w in wished]
    if sum(longest) <= available:
        assert all(f >= n for f, n in zip(found, longest, strict=True))


@pytest.mark.parametrize(
    ("available", "expected"),
    [
        (100, [4, 19, 4]),
        (20, [4, 12, 4]),  # the text breaks between words, the rest stays whole
        (12, [4, 4, 4]),
        (6, [2, 2, 2]),
    ],
)
def test_widths(available: int, expected: list[int]) -> None:
    assert views.widths(("a", "b", "c"), [["2022", "many word that help", "1.00"]], available) == expected
