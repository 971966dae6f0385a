"""The command line: turns text into values, calls one thing, shows the answer.

Exit codes: 0 fine, 1 the answer is "alert" for `check --exit-code`, 2 usage or configuration, 3 a source failed,
4 nothing usable. Heavy imports happen inside the commands, so that `--help` is quick.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from monitor import __version__
from monitor.cli import inspect_commands, work_commands
from monitor.cli.state import State
from monitor.errors import QuaywatchError

app = typer.Typer(
    name="quaywatch",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # importing rich would double the time of --help
    help="Watches places from public satellite imagery, and tests what has been said about them.",
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"quaywatch {__version__}")
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


def main() -> None:
    """Runs the command line. An error of ours is two lines and an exit code, not a traceback."""
    try:
        app(standalone_mode=True)
    except QuaywatchError as error:
        if "--debug" in sys.argv:
            raise
        sys.stderr.write(f"quaywatch: {error}\n")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.stderr.write("quaywatch: stopped; what was recorded is kept, the same command goes on from there\n")
        sys.exit(130)
