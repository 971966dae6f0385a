"""The command line: turns text into values, calls one thing, shows the answer.

Exit codes: 0 fine, 1 the answer is "alert" for `check --exit-code`, 2 usage or configuration, 3 a source failed,
4 nothing usable, 70 a fault of the tool itself, 130 stopped by Ctrl-C. Heavy imports happen inside the commands, so
that `--help` is quick.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from monitor import __version__
from monitor.cli import (
    alerts_commands,
    calibrate_command,
    claims_commands,
    custody_commands,
    export_command,
    inspect_commands,
    report_command,
    work_commands,
)
from monitor.cli.state import State
from monitor.errors import QuaywatchError

PROGRAM = "quaywatch"
FAULT = 70
"""Exit code of an unforeseen error (EX_SOFTWARE). Python's own, 1, would read as "alert"."""

STOPPED = 130

app = typer.Typer(
    name=PROGRAM,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # importing rich would double the time of --help
    help="Watches places from public satellite imagery, and tests what has been said about them.",
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"{PROGRAM} {__version__}")
        raise typer.Exit


@app.callback()
def common(
    context: typer.Context,
    workspace: Annotated[
        Path | None, typer.Option("--workspace", "-w", help="Folder with config.toml; default: here or above.")
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Options before the command."""
    context.obj = State(workspace=workspace, debug=debug)


work_commands.register(app)
inspect_commands.register(app)
alerts_commands.register(app)
claims_commands.register(app)
custody_commands.register(app)
export_command.register(app)
report_command.register(app)
calibrate_command.register(app)


def main() -> None:
    """Runs the command line. An error is two lines and an exit code, not a traceback."""
    try:
        app(prog_name=PROGRAM)
    except SystemExit as end:
        if end.code == STOPPED:  # typer makes this of Ctrl-C, without a word
            sys.stderr.write("quaywatch: stopped; what was recorded is kept, the same command goes on from there\n")
        raise
    except Exception as error:
        if "--debug" in sys.argv:
            raise
        sys.stderr.write(f"quaywatch: {told(error)}\n")
        sys.exit(error.exit_code if isinstance(error, QuaywatchError) else FAULT)


def told(error: Exception) -> str:
    """An error in words: what, where, what to do next."""
    if isinstance(error, QuaywatchError):
        return str(error)
    said = (str(error).splitlines() or [""])[0]
    return (
        f"a fault of the tool itself: {type(error).__name__}: {said}\n"
        "  What was recorded is kept. Run it again as `quaywatch --debug ...` and report what that prints."
    )
