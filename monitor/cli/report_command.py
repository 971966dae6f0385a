"""`quaywatch report`: the page of an AOI, an alert or a claim, as one HTML file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli.state import State, moment

if TYPE_CHECKING:
    from datetime import datetime

    from monitor.flow.desk import Desk


def report(
    context: typer.Context,
    what: Annotated[str, typer.Argument(help="Id of an AOI, an incident or a claim.")],
    out: Annotated[Path | None, typer.Option("--out", help="The file; default: in var/reports/.")] = None,
    as_of: Annotated[str | None, typer.Option("--as-of", help="Pretend that it is this time (UTC).")] = None,
) -> None:
    """Writes the page of an AOI, an alert or a claim: one file that opens offline and prints."""
    from monitor import clock

    state: State = context.obj
    with state.desk() as desk:
        typer.echo(desk.workspace.display(_written(desk, what, moment(as_of, clock.now()), out)))


def _written(desk: Desk, what: str, now: datetime, out: Path | None) -> Path:
    from monitor.errors import UsageError
    from monitor.flow import judging

    if what in desk.aois:
        return desk.report(desk.aois[what], now=now, path=out)
    claims = {c.id: c for c in desk.narrative.claims}
    if what in claims:
        page = out or judging.page_path(desk, what)
        judging.assess(desk, claims[what], now, keep=False, page=page)
        return page
    with desk.store.transaction() as tx:
        known = {i.id for i in tx.incidents()}
    if what not in known:
        raise UsageError(f"no AOI, incident or claim {what!r}", "See `quaywatch aois`, `alerts --all` and `claims`.")
    return desk.alert_report(what, now=now, path=out)


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(report)
