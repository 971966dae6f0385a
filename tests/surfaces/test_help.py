"""`--help` is quick and complete, and docs/commands.md says the same."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from surfaces.commands_page import TARGET, commands, help_text, page
from surfaces.conftest import NOW, ROOT

DESIGNED = {
    "init",
    "check",
    "compare",
    "poll",
    "backfill",
    "run",
    "calibrate",
    "doctor",
    "demo",
    "aois",
    "looks",
    "series",
    "alerts list",
    "alerts ack",
    "alerts snooze",
    "alerts retract",
    "alerts label",
    "claims list",
    "claims check",
    "claims freeze",
    "claims assess",
    "claims schema",
    "report",
    "export",
    "verify",
    "replay",
}
"""Commands of the design that this version has."""

HEAVY = {
    "alembic",
    "apscheduler",
    "geopandas",
    "jinja2",
    "matplotlib",
    "numpy",
    "pandas",
    "rasterio",
    "rich",
    "scipy",
    "sentinelhub",
    "shapely",
    "skimage",
    "sqlalchemy",
}

IMPORTED = """\
import sys
from monitor.cli import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
print(*sys.modules, file=sys.stderr)
"""


def imported(*args: str | Path) -> set[str]:
    """Packages in memory at the end of a command."""
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED, *map(str, args)], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stderr
    return {name.split(".")[0] for name in done.stderr.split()}


def test_every_command_of_the_design_is_there() -> None:
    assert set(commands()) == DESIGNED


def test_help_imports_nothing_heavy() -> None:
    assert imported("--help") & (HEAVY | {"pydantic"}) == set()


@pytest.mark.parametrize("command", sorted(DESIGNED))
def test_help_of_a_command_imports_nothing_heavy(command: str) -> None:
    # typer itself turns to pydantic as soon as a command has a parameter
    assert imported(*command.split(), "--help") & HEAVY == set()


def test_check_without_a_report_draws_nothing(worked: Path) -> None:
    got = imported("-w", worked, "check", "simport", "--as-of", NOW)
    assert got & {"matplotlib", "geopandas", "pandas", "apscheduler", "alembic", "sentinelhub"} == set()
    assert "rasterio" in got  # the list is the real one


@pytest.mark.parametrize("command", sorted(DESIGNED))
def test_help_says_what_a_command_does_and_what_each_option_means(command: str) -> None:
    text = help_text(*command.split())
    assert text.startswith(f"Usage: quaywatch {command}")
    described = [line for line in text.splitlines() if line.startswith("  ")]
    assert len(described[0].split()) > 3
    named = [line for line in described[1:] if re.match(r"  (-|[a-z.]+ <)", line)]
    assert any(line.split()[0] == "--help" for line in named)
    for line in named:
        assert re.search(r"  +[A-Z].*[.;]", line[2:]), f"says nothing: {line}"


def test_every_command_that_lists_or_answers_speaks_json() -> None:
    silent = {c for c in commands() if "--json" not in help_text(*c.split())}
    assert silent == {"init", "run", "demo", "report", "export", "claims schema"}


def test_docs_name_every_command_and_option_as_help_does() -> None:
    assert TARGET.read_text("utf-8") == page(), "run: python -m tests.surfaces.commands_page"
