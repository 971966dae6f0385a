"""What the commands share: the workspace, times, output."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from datetime import datetime

    from monitor.aoi import Aoi
    from monitor.flow.desk import Desk
    from monitor.flow.poll import Progress
    from monitor.times import Interval

Json = Annotated[bool, typer.Option("--json", help="Print one JSON value, for machines.")]


@dataclass(frozen=True, kw_only=True)
class State:
    """Options given before the command."""

    workspace: Path | None
    debug: bool

    @contextmanager
    def desk(self) -> Iterator[Desk]:
        """The workspace at work."""
        from monitor import workspace
        from monitor.flow.desk import opened

        with opened(workspace.find(self.workspace, os.environ), os.environ) as desk:
            yield desk


def say(value: Any) -> None:
    """Prints a value as JSON: dates as ISO 8601, no NaN."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=1, default=_iso, allow_nan=False))


def _iso(value: object) -> str:
    if isinstance(value, date):  # a datetime is one too
        return value.isoformat()
    raise TypeError(f"{value!r} has no place in JSON")


def moment(text: str | None, otherwise: datetime) -> datetime:
    """An instant from the command line."""
    from monitor.times import utc

    return utc(text) if text else otherwise


def period(since: str | None, until: str | None, now: datetime, *, days: int = 0) -> Interval:
    """What --since and --until name: the day of --until is part of it. Without --since: `days` before the end.

    Raises:
        UsageError: no dates, or the wrong way round.
    """
    from monitor.errors import UsageError
    from monitor.times import Interval

    end = moment(until, now)
    start = moment(since, end - timedelta(days=days))
    if start > end:
        raise UsageError(
            f"--since {since} is after {f'--until {until}' if until else f'now, {now:%Y-%m-%d}'}",
            "Give the earlier day to --since.",
        )
    return Interval(start=start, end=end + timedelta(days=1))


def named_aoi(desk: Desk, text: str, radius: float) -> Aoi:
    """AOI from an id, a file (GeoJSON, KML, GPKG, Shapefile), or "lon,lat".

    Raises:
        AoiError: it is none of these.
    """
    from monitor import workspace
    from monitor.errors import AoiError
    from monitor.flow.desk import at_desk

    text = text.strip()
    if text in desk.aois:
        return desk.aois[text]
    if Path(text).suffix and Path(text).exists():
        return at_desk(desk, workspace.read_outline(Path(text)))
    parts = text.split(",")
    if len(parts) == 2:
        try:
            lon, lat = (float(p) for p in parts)
        except ValueError as error:
            raise AoiError(
                f"{text!r} is no AOI, no file, and no longitude and latitude", "A point is written 130.285,42.2275"
            ) from error
        return workspace.ad_hoc(lon, lat, radius)
    if Path(text).suffix:
        raise AoiError(f"{text}: there is no such file", "Give an id, a GeoJSON, KML, GPKG or Shapefile, or lon,lat.")
    return desk.aoi(text)


@contextmanager
def progress(label: str, *, quiet: bool) -> Iterator[Progress]:
    """A bar on standard error while something long runs; nothing if quiet or not at a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield lambda _done, _total: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(label, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def warn(problems: list[str]) -> None:
    """Problems that did not end the command, on standard error."""
    for problem in problems[:20]:
        typer.echo(f"quaywatch: {problem}", err=True)
    if len(problems) > 20:
        typer.echo(f"quaywatch: and {len(problems) - 20} more", err=True)
