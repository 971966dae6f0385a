"""Commands that only show: aois, looks, series, doctor."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli.state import Json, State, say

if TYPE_CHECKING:
    from monitor.flow.desk import Desk

Aoi = Annotated[str, typer.Argument(help="Id of an AOI.")]
OneAoi = Annotated[str | None, typer.Argument(help="Id; default: all.")]


def aois(context: typer.Context, aoi: OneAoi = None, as_json: Json = False) -> None:
    """Lists the AOIs of the workspace, or shows the zones of one."""
    from monitor.cli import views

    state: State = context.obj
    with state.desk() as desk:
        found = [desk.aoi(aoi)] if aoi else list(desk.aois.values())
    values = [views.aoi_value(a) for a in found]
    if as_json:
        say(values[0] if aoi else values)
        return
    if aoi:
        rows = [[z["id"], z["kind"], f"{z['uncertainty_m'] or '?'} m"] for z in values[0]["zones"]]
        views.table(f"{found[0].name}, {values[0]['area_km2']} km2", ("zone", "kind", "may be off by"), rows)
        return
    views.table(
        "AOIs",
        ("id", "name", "km2", "may be off by", "zones"),
        [
            [v["id"], v["name"], str(v["area_km2"]), f"{v['uncertainty_m'] or '?'} m", str(len(v["zones"]))]
            for v in values
        ],
    )


def looks(
    context: typer.Context,
    aoi: Aoi,
    unusable: Annotated[bool, typer.Option("--unusable", help="Only those that could not be used.")] = False,
    as_json: Json = False,
) -> None:
    """Lists the looks at an AOI with the reason of each that could not be used."""
    from monitor.cli import views

    state: State = context.obj
    with state.desk() as desk, desk.store.transaction() as tx:
        found = [(look, n) for look, n in tx.looks(aoi) if not (unusable and look.usable)]
        if not found:
            desk.aoi(aoi)
    if as_json:
        say([views.look_value(look, n) for look, n in found])
        return
    views.table(f"Looks at {aoi}", views.LOOK_COLUMNS, [views.look_row(look, n) for look, n in found])


def series(
    context: typer.Context,
    aoi: Aoi,
    zone: Annotated[str | None, typer.Option("--zone", help="Only this zone.")] = None,
    measure: Annotated[str | None, typer.Option("--measure", help="Only this measure.")] = None,
    picture: Annotated[
        str | None, typer.Option("--plot", help="Draw it to this PNG (needs --zone, --measure).")
    ] = None,
    as_json: Json = False,
) -> None:
    """Lists every measurement of an AOI, with unit, pixels, recipe, and the reason where there is none."""
    from monitor.cli import views
    from monitor.errors import UsageError
    from monitor.measures import MEASURES

    state: State = context.obj
    if measure and measure not in MEASURES:
        raise UsageError(f"there is no measure {measure!r}", f"There are: {', '.join(MEASURES)}.")
    if picture and not (zone and measure):
        raise UsageError("--plot draws one series", "Add --zone and --measure.")
    with state.desk() as desk:
        with desk.store.transaction() as tx:
            rows = tx.measurements(aoi, zone, measure)
        if not rows:  # of a file or point that was checked there may be some, though it is no AOI of the workspace
            place = desk.aoi(aoi)
            if zone:
                place.zone(zone)
        if picture and zone and measure:
            _plot(desk, aoi, zone, measure, picture)
    if as_json:
        say(rows)
        return
    cells = [
        [
            r["start"][:16].replace("T", " "),
            r["zone"],
            r["measure"],
            "-" if r["value"] is None else f"{r['value']:.4g}",
            r["unit"],
            str(r["n_valid"]),
            r["track"],
            r["reason"] or "",
        ]
        for r in rows
    ]
    views.table(f"Series of {aoi}", ("UTC", "zone", "measure", "value", "unit", "pixels", "track", "why none"), cells)


def _plot(desk: Desk, aoi: str, zone: str, measure: str, target: str) -> None:
    from pathlib import Path

    from monitor import pictures
    from monitor.errors import UsageError, WorkspaceError
    from monitor.flow import story
    from monitor.measures import MEASURES

    told = desk.chronicle(desk.aoi(aoi))
    followed = told.followed.get((zone, measure))
    if followed is None:
        raise UsageError(f"{aoi}.{zone} has no usable {measure}", "See `quaywatch series` for what there is.")
    own = [i for i in told.incidents if (i.zone, i.measure) == (zone, measure) and i.state != "retracted"]
    entry = MEASURES[measure]
    png = pictures.series_plot(
        story.series_points(followed),
        story.unused(told.looks, sorted({s.track for s in followed.scores})),
        own[-1] if own else None,
        entry.unit,
        f"{told.aoi.name}, {zone}: {entry.label}",
        simulated=told.simulated,
    )
    try:
        Path(target).write_bytes(png)
    except OSError as error:
        raise WorkspaceError(f"{target}: cannot be written ({error.strerror})", "Choose another file.") from error


def doctor(context: typer.Context, as_json: Json = False) -> None:
    """Checks the workspace: configuration, AOIs, narrative, sources, accounts, archive, database, log, mail."""
    from monitor import clock, workspace
    from monitor.cli import views
    from monitor.doctor import examine

    state: State = context.obj
    findings = examine(workspace.find(state.workspace, os.environ), os.environ, clock.now())
    if as_json:
        say([{"what": f.what, "fine": f.fine, "detail": f.detail} for f in findings])
    else:
        views.table(
            "Doctor", ("what", "", "detail"), [[f.what, "ok" if f.fine else "PROBLEM", f.detail] for f in findings]
        )
    if not all(f.fine for f in findings):
        raise typer.Exit(2)


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    for command in (aois, looks, series, doctor):
        app.command()(command)
