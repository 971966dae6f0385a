"""Writes docs/commands.md from the `--help` texts: python -m tests.surfaces.commands_page."""

from __future__ import annotations

import sys
from pathlib import Path

import typer
from typer.testing import CliRunner

from monitor.cli import PROGRAM, app

TARGET = Path(__file__).parent.parent.parent / "docs" / "commands.md"
HEAD = """\
# Commands

Written by `python -m tests.surfaces.commands_page` from the `--help` texts; a test compares.

Every command works on a workspace: the folder given by `--workspace`, else the working folder or the nearest one above
it that holds a `config.toml`. With `--json` a command prints one JSON value: dates are ISO 8601, a number that is not
known is `null`. Results go to standard output, problems to standard error.

| exit code | meaning |
|---|---|
| 0 | fine |
| 1 | the answer of `check --exit-code` is "alert": a change lasts |
| 2 | usage, configuration, or a file of the workspace |
| 3 | a source of imagery failed |
| 4 | nothing usable was seen, which is not the same as no activity |
| 70 | a fault of the tool itself; `--debug` shows where |
| 130 | stopped by Ctrl-C; what was recorded is kept |
"""


def commands() -> list[str]:
    """Names of all commands, in the order of `--help`; those of a group with its name before: "alerts ack"."""
    return [name for top, command in _children(typer.main.get_command(app)).items() for name in _names(top, command)]


def _names(top: str, command: object) -> list[str]:
    return [f"{top} {name}" for name in _children(command)] or [top]


def _children(command: object) -> dict[str, object]:
    return dict(getattr(command, "commands", {}))


def help_text(*command: str) -> str:
    """What `--help` prints, 100 columns wide."""
    result = CliRunner().invoke(app, [*command, "--help"], prog_name=PROGRAM, terminal_width=100, color=False)
    if result.exit_code:
        raise RuntimeError(f"{command}: {result.output}")
    return "\n".join(line.rstrip() for line in result.output.strip().splitlines())


def page() -> str:
    """All of docs/commands.md."""
    parts = [HEAD, f"```text\n{help_text()}\n```\n"]
    parts += [f"## {name}\n\n```text\n{help_text(*name.split())}\n```\n" for name in commands()]
    return "\n".join(parts)


if __name__ == "__main__":
    TARGET.write_text(page(), encoding="utf-8")
    sys.stdout.write(f"{TARGET}\n")
