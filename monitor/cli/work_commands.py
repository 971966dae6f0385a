"""Commands that do something: init, check, compare, poll, backfill, run, demo."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from monitor.cli.state import Json, State, moment, named_aoi, period, progress, say, warn

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from monitor.flow.desk import Desk, Outcome
    from monitor.look import Look
    from monitor.times import Interval

Place = Annotated[str, typer.Argument(help="Id, file (GeoJSON, KML, GPKG, Shapefile), or lon,lat.")]
Radius = Annotated[float, typer.Option("--radius", help="Metres around lon,lat.")]
Since = Annotated[str | None, typer.Option("--since", help="First day, UTC: 2025-10-01.")]
Until = Annotated[str | None, typer.Option("--until", help="Last day, UTC; default: now.")]
Aois = Annotated[list[str] | None, typer.Argument(help="Ids; default: all of the workspace.")]
AsOf = Annotated[str | None, typer.Option("--as-of", help="Pretend that it is this time (UTC). For replays.")]

CHECK_DAYS = 1100
"""Three years: what `check` looks at unless told otherwise. Shorter histories know no season."""

CHECK_DAYS_OVER_THE_NET = 183
"""A year of a port is a gigabyte or two of tiles: nobody expects that of one question. `backfill` fetches more."""


_WESTERN = re.compile(r"-\d+(\.\d*)?,")


class _WithPoint(TyperCommand):
    """Takes -30.5,20 for a point in the west, where the parser would see an option."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, [f" {a}" if _WESTERN.match(a) else a for a in args])


def init(folder: Annotated[Path, typer.Argument(help="New or empty folder.")]) -> None:
    """Makes a new workspace with an example AOI and narrative."""
    from monitor import workspace

    for path in workspace.init(folder):
        typer.echo(path)
    typer.echo(f"\nNext: draw your places in {folder / 'aois'}, then: quaywatch -w {folder} check example")


def check(
    context: typer.Context,
    aoi: Place,
    radius: Radius = 2000.0,
    since: Since = None,
    until: Until = None,
    report: Annotated[Path | None, typer.Option("--report", help="Write an HTML report to this file.")] = None,
    as_json: Json = False,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit 1 if a change lasts.")] = False,
    as_of: AsOf = None,
) -> None:
    """Answers for one place: what was seen, and is it unusual?"""
    from monitor import clock
    from monitor.cli import views
    from monitor.errors import NothingUsable
    from monitor.flow.desk import problems_of

    state: State = context.obj
    now = moment(as_of, clock.now())
    with state.desk() as desk:
        interval = period(since, until, now, days=CHECK_DAYS_OVER_THE_NET if desk.over_the_net else CHECK_DAYS)
        place = named_aoi(desk, aoi, radius)
        with progress(f"Reading {place.id}", quiet=as_json) as show:
            outcome = desk.poll(place, interval, as_of=now, progress=show, announce=place.id in desk.aois)
        told = desk.chronicle(place)
        written = desk.report(place, now=now, path=report) if report else None
    problems = [*problems_of(outcome), *_unreadable(told.looks, interval)]
    warn(problems)
    if not told.looks:
        raise NothingUsable(
            f"{place.name}: no scene touches it from {views.days(interval)}",
            "Widen --since, move the outline, or add a source.",
        )
    if as_json:
        say(views.check_value(told, outcome, problems))
    else:
        if told.simulated:
            typer.echo("SIMULATED")
        typer.echo(views.headline(told))
        views.table("Newest usable numbers", views.NEWEST_COLUMNS, views.newest_rows(told))
        lasting = [i for i in told.incidents if i.state != "retracted"]
        views.table("Incidents", views.INCIDENT_COLUMNS, [views.incident_row(i) for i in lasting])
        if written:
            typer.echo(f"Report: {written}")
    if not any(look.usable for look in told.looks):
        raise NothingUsable(
            f"{place.name}: none of {len(told.looks)} looks could be used", f"See `quaywatch looks {place.id}`."
        )
    if exit_code and any(views.is_alert(i) for i in told.incidents):
        raise typer.Exit(1)


def compare(
    context: typer.Context,
    aoi: Place,
    before: Annotated[
        str, typer.Argument(help="Id of a look, or a day: 2024-05-01; the nearest usable look is taken.")
    ],
    after: Annotated[str, typer.Argument(help="The same, later.")],
    radius: Radius = 2000.0,
    track: Annotated[str | None, typer.Option("--track", help="Id of the track to take the looks from.")] = None,
    picture: Annotated[
        Path | None, typer.Option("--picture", help="Draw before, after and change to this PNG.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Shows what changed on the ground between two recorded looks of one track."""
    from monitor import clock
    from monitor.cli import compare_command

    state: State = context.obj
    with state.desk() as desk:
        place = named_aoi(desk, aoi, radius)
        compare_command.show(desk, place, before, after, track=track, picture=picture, as_json=as_json, now=clock.now())


def poll(context: typer.Context, aois: Aois = None, as_json: Json = False, as_of: AsOf = None) -> None:
    """Looks for new scenes of the last weeks, measures them, and tells what changed."""
    from monitor import clock

    state: State = context.obj
    now = moment(as_of, clock.now())
    with state.desk() as desk:
        _work(desk, aois, desk.window(now), now, as_json=as_json)


def backfill(
    context: typer.Context,
    since: Annotated[str, typer.Option("--since", help="First day, UTC: 2022-01-01.")],
    aois: Aois = None,
    until: Until = None,
    as_json: Json = False,
    as_of: AsOf = None,
) -> None:
    """Measures past dates, as poll does the last weeks. Stopped at any moment, the same command goes on from there."""
    from monitor import clock

    state: State = context.obj
    now = moment(as_of, clock.now())
    interval = period(since, until, now)
    with state.desk() as desk:
        _work(desk, aois, interval, now, as_json=as_json)


def _work(desk: Desk, aois: list[str] | None, interval: Interval, now: datetime, *, as_json: bool) -> None:
    """Polls the AOIs one after the other, then sends the mails of all: what happens in many at once is one mail.

    What was done before an error is mailed and shown before the error.
    """
    from monitor.flow.deliver import Delivered
    from monitor.flow.desk import problems_of

    outcomes: list[Outcome] = []
    problems: list[list[str]] = []
    begun = False
    try:
        for place in [desk.aoi(a) for a in aois or desk.aois]:
            begun = True
            with progress(place.id, quiet=as_json) as show:
                outcome = desk.poll(place, interval, as_of=now, progress=show, send=False)
            with desk.store.transaction() as tx:
                seen = [look for look, _ in tx.looks(place.id)]
            outcomes.append(outcome)
            problems.append([*problems_of(outcome), *_unreadable(seen, interval)])
        desk.tidy(now)
    finally:
        delivered = desk.send(now) if begun else Delivered()
        if outcomes:
            problems[-1] += delivered.problems
        else:
            warn(list(delivered.problems))
        if outcomes or not desk.aois:
            _summarise(outcomes, problems, delivered.naming, as_json=as_json)


def _unreadable(looks: Iterable[Look], interval: Interval) -> list[str]:
    """The looks of the interval whose files are damaged or gone, with what to do."""
    from monitor.measurement import Reason

    return [
        f"{look.detail or look.id}\n  The look of {look.start:%Y-%m-%d} is left out. Fetch the file again, or "
        "drop it from items.json (of a folder), then run this again."
        for look in looks
        if look.reason is Reason.UNREADABLE and look.start in interval
    ]


def _summarise(outcomes: list[Outcome], problems: list[list[str]], mails: Mapping[str, int], *, as_json: bool) -> None:
    from monitor.cli import views

    rows = [
        {
            "aoi": o.summary.aoi,
            "scenes": o.summary.scenes,
            "new_looks": o.summary.new_looks,
            "remeasured": o.summary.remeasured,
            "unusable": o.summary.unusable,
            "changes": [c.id for c in o.summary.changes],
            "mails_sent": mails.get(o.summary.aoi, 0),
            "problems": wrong,
        }
        for o, wrong in zip(outcomes, problems, strict=True)
    ]
    warn([p for wrong in problems for p in wrong])
    if as_json:
        say(rows)
        return
    columns = ("aoi", "scenes", "new looks", "unusable", "measured anew", "changes", "mails")
    views.table(
        "Polled",
        columns,
        [
            [
                str(r["aoi"]),
                str(r["scenes"]),
                str(r["new_looks"]),
                str(r["unusable"]),
                str(r["remeasured"]),
                "\n".join(c.id for c in o.summary.changes),
                str(r["mails_sent"]),
            ]
            for r, o in zip(rows, outcomes, strict=True)
        ],
    )


def run(context: typer.Context) -> None:
    """Runs as a daemon: polls every AOI by its cadence until SIGTERM or Ctrl-C."""
    from monitor import daemon, workspace

    state: State = context.obj
    daemon.run(workspace.find(state.workspace, os.environ), os.environ)


def demo(
    folder: Annotated[Path | None, typer.Option("--keep", help="Build it here instead of a temporary folder.")] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Other ships, other weather.")] = 7,
) -> None:
    """The whole chain on a SIMULATED port: imagery, looks, alerts, claims, mail, report. Works offline."""
    from monitor.cli import demo as demonstration

    demonstration.show(folder, seed, os.environ)


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command(cls=_WithPoint)(check)
    app.command(cls=_WithPoint)(compare)
    for command in (poll, backfill, run, init, demo):
        app.command()(command)
