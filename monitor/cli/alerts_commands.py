"""`quaywatch alerts`: lists incidents, shows one, and takes what a person says of one."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli.groups import DEFAULT, Listing
from monitor.cli.state import Json, State, moment, say, warn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from monitor.alert import Incident, Mark, Standing
    from monitor.cli.views import Marked, Worth
    from monitor.flow.desk import Desk
    from monitor.store import Transaction


class Truth(StrEnum):
    """What a label says."""

    TRUE = "true"
    FALSE = "false"


alerts = typer.Typer(
    cls=Listing,
    rich_markup_mode=None,
    help="Lists incidents, shows one (alerts ID), or takes what you say of one: ack, snooze, retract, label.",
)

Id = Annotated[str, typer.Argument(help="Id of an incident.")]
By = Annotated[str, typer.Option("--by", help="Your name, for the log.")]
Note = Annotated[str, typer.Option("--note", help="Why, for the log.")]
AsOf = Annotated[str | None, typer.Option("--as-of", help="Pretend that it is this time (UTC). For replays.")]


@alerts.command(name=DEFAULT)
def listing(
    context: typer.Context,
    which: Annotated[str | None, typer.Argument(help="Id of an AOI or of an incident; default: all.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Retracted ones too.")] = False,
    as_json: Json = False,
    as_of: AsOf = None,
) -> None:
    """Lists incidents, or shows one with its steps, marks and the claims it touches. `alerts` alone does the same."""
    from monitor import clock
    from monitor.cli import views
    from monitor.errors import UsageError
    from monitor.flow.marks import nearest

    state: State = context.obj
    now = moment(as_of, clock.now())
    with state.desk() as desk:
        with desk.store.transaction() as tx:
            found = tx.incidents()
            marked = _marked(tx, found, now)
            looked = tx.counts()["looks"]
        if which in marked:
            _show(desk, marked[which], marked.values(), as_json=as_json)
            return
        if which is not None and which not in desk.aois and which not in {i.aoi for i in found}:
            near = nearest(which, [*marked, *desk.aois])
            raise UsageError(f"no incident and no AOI {which!r}", near.replace(" --all", ""))
    place = [m for m in marked.values() if which in {None, m.incident.aoi}]
    listed = [m for m in place if every or m.incident.state != "retracted"]
    worth = views.worth(marked.values())
    if as_json:
        say([views.marked_value(m, worth) for m in listed])
        return
    views.table("Incidents", views.INCIDENT_COLUMNS, [views.marked_row(m) for m in listed])
    _show_worth(worth, {m.incident.aoi for m in place})
    if not looked:
        typer.echo("No look is recorded: this is not 'no activity'. Next: quaywatch poll")


@alerts.command()
def ack(
    context: typer.Context,
    incident: Id,
    by: By = "",
    note: Note = "",
    as_json: Json = False,
    as_of: AsOf = None,
) -> None:
    """Notes that you know of it: its beginning is no longer mailed, what follows is."""
    from monitor.flow import marks

    _mark(
        context,
        incident,
        as_of,
        lambda tx, now: marks.acknowledge(tx, incident, now, by=by, note=note),
        as_json=as_json,
    )


@alerts.command()
def snooze(
    context: typer.Context,
    incident: Id,
    until: Annotated[str | None, typer.Option("--until", help="Day, UTC, from which it is told again.")] = None,
    next_look: Annotated[bool, typer.Option("--next-look", help="Until the next usable look of its AOI.")] = False,
    by: By = "",
    note: Note = "",
    as_json: Json = False,
    as_of: AsOf = None,
) -> None:
    """Mails nothing of it for a time; then the newest step that was held back."""
    from monitor.errors import UsageError
    from monitor.flow import marks
    from monitor.times import utc

    if (until is None) is not next_look:
        raise UsageError("how long?", "Give either --until DATE or --next-look.")
    end = utc(until) if until else None
    _mark(
        context,
        incident,
        as_of,
        lambda tx, now: marks.snooze(tx, incident, now, until=end, by=by, note=note),
        as_json=as_json,
    )


@alerts.command()
def retract(
    context: typer.Context,
    incident: Id,
    reason: Annotated[str, typer.Option("--reason", help="Why; everyone who was told will read it.")],
    by: By = "",
    as_json: Json = False,
    as_of: AsOf = None,
) -> None:
    """Takes it back for good, and mails a correction to everyone who was told."""
    from monitor import clock

    state: State = context.obj
    now = moment(as_of, clock.now())
    with state.desk() as desk:
        _, delivered = desk.take_back(incident, now, reason=reason, by=by)
        warn(list(delivered.problems))
        _answer(desk, incident, now, as_json=as_json, said=f"Mails sent: {delivered.sent}")


@alerts.command()
def label(
    context: typer.Context,
    incident: Id,
    truth: Annotated[Truth, typer.Argument(help="Was it what it said? One of: true, false.")],
    by: By = "",
    note: Note = "",
    as_json: Json = False,
    as_of: AsOf = None,
) -> None:
    """Notes that it was true or false, and shows how many of those labelled were true."""
    from monitor.flow import marks

    right = truth is Truth.TRUE
    _mark(
        context,
        incident,
        as_of,
        lambda tx, now: marks.label(tx, incident, now, truth=right, by=by, note=note),
        as_json=as_json,
    )


def _mark(
    context: typer.Context,
    identity: str,
    as_of: str | None,
    make: Callable[[Transaction, datetime], Mark],
    *,
    as_json: bool,
) -> None:
    from monitor import clock

    state: State = context.obj
    now = moment(as_of, clock.now())
    with state.desk() as desk:
        desk.mark(lambda tx: make(tx, now))
        _answer(desk, identity, now, as_json=as_json)


def _answer(desk: Desk, identity: str, now: datetime, *, as_json: bool, said: str = "") -> None:
    """The incident as it stands after the mark."""
    from monitor.cli import views

    with desk.store.transaction() as tx:
        marked = _marked(tx, tx.incidents(), now)
    worth = views.worth(marked.values())
    one = marked[identity]
    if as_json:
        say(views.marked_value(one, worth))
        return
    views.table("Incident", views.INCIDENT_COLUMNS, [views.marked_row(one)])
    if one.standing.label is not None:
        _show_worth(worth, {one.incident.aoi})
    if said:
        typer.echo(said)


def _marked(tx: Transaction, incidents: Iterable[Incident], now: datetime) -> dict[str, Marked]:
    """Incidents by id with how they stand."""
    from monitor import alert
    from monitor.cli.views import Marked

    standings: Mapping[str, Standing] = alert.standings(tx.marks())
    newest: dict[str, datetime | None] = {}
    found = {}
    for incident in incidents:
        standing = standings.get(incident.id, alert.UNMARKED)
        if standing.snooze is not None and incident.aoi not in newest:
            newest[incident.aoi] = max((at for _, at in tx.usable_instants(incident.aoi)), default=None)
        snoozed = alert.snoozed(standing, now, newest.get(incident.aoi))
        found[incident.id] = Marked(incident=incident, standing=standing, snoozed=snoozed)
    return found


def _show(desk: Desk, one: Marked, every: Iterable[Marked], *, as_json: bool) -> None:
    from monitor.cli import views
    from monitor.flow.tell import bearings

    incident = one.incident
    with desk.store.transaction() as tx:
        steps = [c for c, _ in tx.changes(aoi=incident.aoi) if c.incident.id == incident.id]
        marks = tx.marks(incident.id)
    touched = bearings(desk.narrative, incident)
    worth = views.worth(every)
    if as_json:
        say(
            {
                **views.marked_value(one, worth),
                "steps": [{"old": c.old, "new": c.new, "at": c.at, "reason": c.reason} for c in steps],
                "marks": [views.mark_value(m) for m in marks],
                "claims": [
                    {"claim": b.claim.id, "relation": b.relation, "says": b.says, "does_not_say": b.does_not_say}
                    for b in touched
                ],
            }
        )
        return
    views.table("Incident", views.INCIDENT_COLUMNS, [views.marked_row(one)])
    views.table("Steps", ("at", "to", "why"), [[f"{c.at:%Y-%m-%d}", c.new, c.reason] for c in steps])
    if marks:
        views.table("Marks", views.MARK_COLUMNS, [views.mark_row(m) for m in marks])
    views.table(
        "Claims it touches",
        ("claim", "relation", "says", "does not say"),
        [[b.claim.id, b.relation, b.says, b.does_not_say] for b in touched],
    )
    _show_worth(worth, {incident.aoi})


def _show_worth(worth: Worth, aois: set[str]) -> None:
    """How many of those labelled were true, of these AOIs and over all; nothing while none is labelled."""
    from monitor.cli import views

    rows = views.worth_rows(worth, aois)
    if rows:
        views.table("Labelled incidents", views.WORTH_COLUMNS, rows)


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.add_typer(alerts, name="alerts")
