"""`quaywatch export`: what a workspace holds, in the formats of other tools."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli.state import State
from monitor.exports.formats import Format

if TYPE_CHECKING:
    from monitor.exports.values import Export
    from monitor.times import Interval

STDOUT = Path("-")


def export(
    context: typer.Context,
    wanted: Annotated[Format, typer.Argument(metavar="FORMAT", help="What to write it as.")],
    aoi: Annotated[list[str] | None, typer.Argument(help="Ids of AOIs; default: all.")] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="File to write; - is standard output.")] = STDOUT,
    since: Annotated[str | None, typer.Option("--since", help="First day, 2025-10-01; default: all.")] = None,
    until: Annotated[str | None, typer.Option("--until", help="Last day; default: all.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")] = False,
) -> None:
    """Writes zones, measurements, looks, or claims and what the looks say of them, for other tools."""
    from monitor import clock
    from monitor.errors import UsageError
    from monitor.exports import writing
    from monitor.flow import export as flow

    state: State = context.obj
    interval = _interval(since, until)
    if out == STDOUT and not wanted.is_text:
        raise UsageError(f"{wanted} is not text", f"Name a file: --out quaywatch.{wanted}")
    if out != STDOUT:
        writing.check_free(out, force=force)
    with state.desk() as desk:
        made = flow.gathered(desk, flow.chosen(desk, aoi or []), interval, clock.now())
        content = flow.content(desk, made, wanted, interval)
    if out == STDOUT:
        _print(content)
        return
    writing.put(out, content, force=force)
    typer.echo(_told(made, out))


def _interval(since: str | None, until: str | None) -> Interval:
    """What --since and --until name: the day of --until is part of it. What is not named is open.

    Raises:
        UsageError: no dates, or the wrong way round.
    """
    from datetime import UTC, datetime, timedelta

    from monitor.errors import UsageError
    from monitor.times import Interval, utc

    start = utc(since) if since else datetime.min.replace(tzinfo=UTC)
    last = datetime.max.replace(tzinfo=UTC)
    end = min(utc(until), last - timedelta(days=1)) + timedelta(days=1) if until else last
    if start >= end:
        raise UsageError(f"--since {since} is after --until {until}", "Give the earlier day to --since.")
    return Interval(start=start, end=end)


def _print(content: bytes) -> None:
    """The bytes as they are, whatever the terminal's encoding; as text where standard output is no file."""
    binary = getattr(sys.stdout, "buffer", None)
    if binary is None:
        sys.stdout.write(content.decode())
    else:
        binary.write(content)
        binary.flush()


def _told(made: Export, out: Path) -> str:
    from monitor.message import counted

    looks = sum(len(p.looks) for p in made.places)
    unusable = sum(not look.usable for p in made.places for look in p.looks)
    incidents = sum(len(p.incidents) for p in made.places)
    return (
        f"{'SIMULATED: ' if made.simulated else ''}{out}: {counted(len(made.places), 'AOI')}, "
        f"{counted(looks, 'look')} ({unusable} not usable), {counted(incidents, 'incident')}"
    )


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(export)
