"""`quaywatch calibrate`: measures what the alerts of an AOI are worth, and keeps that for its alerts and reports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from monitor.cli.state import Json, State, progress, say, warn

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta

    from monitor.alert import Calibration, Interval90

SHIPS_SECONDS = 60
"""After which no further look is opened to put ships into it."""


def calibrate(
    context: typer.Context,
    aoi: Annotated[str, typer.Argument(help="Id of an AOI of the workspace.")],
    years: Annotated[float, typer.Option("--years", min=1.0, help="Years of history without change to draw.")] = 200.0,
    planted: Annotated[
        int, typer.Option("--planted", min=0, help="Changes planted of each kind into each series.")
    ] = 40,
    as_json: Json = False,
) -> None:
    """Measures false alarms and recall on an AOI's own history, for its alerts and reports to state."""
    from datetime import timedelta

    from monitor import clock
    from monitor.flow import calibrate as flow
    from monitor.flow.story import Eyes
    from monitor.site import site

    state: State = context.obj
    now = clock.now()
    with state.desk() as desk:
        place = desk.aoi(aoi)
        told = desk.chronicle(place)
        with desk.store.transaction() as tx:
            points = tx.points(place.id)
        eyes = Eyes(store=desk.store, imagery=desk.imagery, site=site(place), as_of=now)
        with progress(f"Calibrating {place.id}", quiet=as_json) as show:
            made = flow.calibrate(
                told,
                points,
                eyes,
                years=years,
                planted=planted,
                progress=show,
                stop_ships=_after(timedelta(seconds=SHIPS_SECONDS)),
            )
        with desk.store.transaction() as tx:
            tx.save_calibration(made)
    if not made.met:
        warn([_not_met(made)])
    if as_json:
        say(value(made, simulated=told.simulated))
    else:
        _print(made, simulated=told.simulated)


def _after(span: timedelta) -> Callable[[], bool]:
    """True from so long after it was first asked."""
    from monitor import clock

    begun: list[datetime] = []

    def passed() -> bool:
        now = clock.now()
        begun.append(now)
        return now - begun[0] >= span

    return passed


def _not_met(made: Calibration) -> str:
    rate = made.false_alarms_a_year
    return (
        f"{made.aoi}: the budget is not met: {rate.value:.2g} false alarms a year were measured ({rate.low:.2g} to "
        f"{rate.high:.2g}) where {made.budget:.2g} are allowed\n"
        "  Its alerts deserve less trust than they ask for, and say so. Lower false_alarms_per_aoi_year, or back-fill "
        "more history."
    )


def _print(made: Calibration, *, simulated: bool) -> None:
    from monitor.cli import views

    if simulated:
        typer.echo("SIMULATED")
    rate = made.false_alarms_a_year
    typer.echo(
        f"{made.aoi}: {rate.value:.2g} false alarms a year ({rate.low:.2g} to {rate.high:.2g}, 90 %), budget "
        f"{made.budget:.2g}; in {made.placebos:,} histories without change, {made.years:.0f} years in all, drawn from "
        f"{made.looks} looks."
    )
    if made.left_out:
        typer.echo(f"Too short to be measured: {'; '.join(made.left_out)}.")
    views.table(
        "Changes planted into them",
        ("zone", "measure", "to times the usual", "found", "90 % interval", "within looks", "median delay"),
        [
            [
                r.zone,
                r.measure,
                f"{r.ratio:.2g}",
                *_share(r.found),
                str(r.looks),
                "" if r.delay_looks is None else f"{r.delay_looks:g}",
            ]
            for r in made.recall
        ],
    )
    if made.ships:
        views.table(
            "Ships put into the pixels of recent radar looks",
            ("length", "ships", "looks", "found", "90 % interval"),
            [[f"{s.length_m:.0f} m", str(s.planted), str(s.looks), *_share(s.found)] for s in made.ships],
        )
    if made.ships_note:
        typer.echo(made.ships_note)


def _share(found: Interval90) -> list[str]:
    return [f"{100 * found.value:.0f} %", f"{100 * found.low:.0f} to {100 * found.high:.0f} %"]


def value(made: Calibration, *, simulated: bool) -> dict[str, Any]:
    """All of it as plain values; intervals by name."""
    return {
        **vars(made),
        "simulated": simulated,
        "met": made.met,
        "false_alarms_a_year": made.false_alarms_a_year._asdict(),
        "recall": [{**vars(r), "found": r.found._asdict()} for r in made.recall],
        "ships": [{**vars(s), "found": s.found._asdict()} for s in made.ships],
    }


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(calibrate)
