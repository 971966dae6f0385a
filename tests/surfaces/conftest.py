"""A small SIMULATED workspace, built once a run, and the command line called as a person calls it."""

from __future__ import annotations

import contextlib
import fcntl
import io
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any
from unittest import mock

import pytest

from monitor import simulate
from monitor.cli import main
from monitor.cli.demo import build

NOW = "2022-12-01"
"""Shortly after the archive ends."""

SCENARIO = simulate.Scenario(seed=7, years=0.9)
"""Long enough for the planted surge to be found."""

PATIENCE = 150
"""Seconds that a command or a daemon on a busy machine may take."""

ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True, kw_only=True)
class Answer:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def value(self) -> Any:
        """The one JSON value on standard output."""

        def refuse(constant: str) -> None:
            raise ValueError(f"{constant} is not JSON")

        return json.loads(self.out, parse_constant=refuse)


def quaywatch(*args: str | Path) -> Answer:
    """The command line in this process."""
    out, err = io.StringIO(), io.StringIO()
    code = 0
    with (
        mock.patch.object(sys, "argv", ["quaywatch", *map(str, args)]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        _impatient(),
    ):
        try:
            main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0
    return Answer(code=code, out=out.getvalue(), err=err.getvalue())


@contextlib.contextmanager
def _impatient() -> Iterator[None]:
    """A daemon that ought to refuse and runs instead ends the test, not the evening."""

    def give_up(_signal: int, _frame: FrameType | None) -> None:
        raise TimeoutError(f"no end after {PATIENCE} s")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(PATIENCE)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def process(*args: str | Path) -> Answer:
    """The command line in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "monitor", *map(str, args)], capture_output=True, text=True, cwd=ROOT, check=False
    )
    return Answer(code=done.returncode, out=done.stdout, err=done.stderr)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One worker of pytest-xdist at a time."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _built(folder: Path) -> None:
    truth = simulate.write(folder / "imagery", simulate.plan(SCENARIO))
    build(folder, truth)
    done = quaywatch("-w", folder, "backfill", "--since", "2022-01-01", "--as-of", NOW)
    assert done.code == 0, done.err


@pytest.fixture(scope="session")
def master(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The simulated workspace after its back-fill, shared by all workers. To be copied, never opened: reading its
    database would make files beside it while another worker copies them."""
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / "surfaces"
    folder = shared / "template"
    with _alone(shared):
        if not (shared / "ready").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            _built(folder)
            (shared / "ready").touch()
    return folder


@pytest.fixture
def template(master: Path, tmp_path: Path) -> Path:
    """The workspace as it was after its back-fill, to compare with."""
    return copied(master, tmp_path / "template", "imagery")


@pytest.fixture
def worked(master: Path, tmp_path: Path) -> Path:
    """A workspace with a history. Its imagery is the template's own: not to be touched."""
    return copied(master, tmp_path / "worked", "imagery")


@pytest.fixture
def cold(master: Path, tmp_path: Path) -> Path:
    """A workspace with imagery of its own (linked files: replace, do not overwrite), where nothing was read yet."""
    folder = copied(master, tmp_path / "cold", "imagery", "var", "log", "evidence", "mailbox")
    (folder / "imagery").unlink()
    shutil.copytree(master / "imagery", folder / "imagery", copy_function=os.link)
    (folder / "imagery" / "items.json").unlink()
    shutil.copy(master / "imagery" / "items.json", folder / "imagery")
    return folder


def copied(master: Path, folder: Path, *without: str) -> Path:
    """A workspace copied, but for the files and folders of these names; its imagery is the other's."""
    shutil.copytree(master, folder, ignore=shutil.ignore_patterns(*without))
    (folder / "imagery").symlink_to(master / "imagery")
    return folder


def content(folder: Path) -> dict[str, list[Any]]:
    """What the database knows of looks and measurements."""
    with closing(sqlite3.connect(folder / "var" / "quaywatch.sqlite")) as database:
        return {t: sorted(database.execute(f"SELECT * FROM {t}")) for t in ("looks", "scenes", "measurements")}


def rewrite(path: Path, old: str, new: str) -> None:
    """Changes one place of a text file."""
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {path}"
    path.write_text(text.replace(old, new), encoding="utf-8")
