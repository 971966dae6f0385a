"""`quaywatch claims`: lists claims, checks their files, freezes expectations and judges them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli.groups import DEFAULT, Listing
from monitor.cli.state import Json, State, moment, say

if TYPE_CHECKING:
    from monitor.claim_page import ClaimFacts
    from monitor.flow.desk import Desk
    from monitor.flow.judging import Judgment

claims = typer.Typer(
    cls=Listing,
    rich_markup_mode=None,
    help="Lists claims, shows one (claims ID), or: check, freeze, assess, schema.",
)

AsOf = Annotated[str | None, typer.Option("--as-of", help="Judge with what was known at this time (UTC).")]


@claims.command(name=DEFAULT)
def listing(
    context: typer.Context,
    claim: Annotated[str | None, typer.Argument(help="Id of a claim; default: all.")] = None,
    as_json: Json = False,
) -> None:
    """Lists the claims of the narrative, or shows one with its expectations. `claims` alone does the same."""
    from monitor import clock
    from monitor.cli import claim_views, views

    state: State = context.obj
    with state.desk() as desk:
        narrative = desk.narrative
    now = clock.now()
    if claim:
        found = narrative.claim(claim)
        if as_json:
            say(claim_views.claim_value(found, narrative, now))
            return
        typer.echo(f"{found.text}\n  said by {found.said_by}, {found.said_on:%Y-%m-%d}; {found.observability}")
        typer.echo(f"  against it would be: {found.against or 'not stated'}")
        claim_views.expectations(found, narrative, now)
        return
    if as_json:
        say([claim_views.claim_value(c, narrative, now) for c in narrative.claims])
        return
    views.table(
        "Claims",
        ("id", "what is said", "by", "code", "at 10 m"),
        [[c.id, c.text, c.said_by, f"{c.reliability}{int(c.credibility)}", c.observability] for c in narrative.claims],
    )


@claims.command()
def check(context: typer.Context, as_json: Json = False) -> None:
    """Checks every file of the narrative: names file, line, key, and what to do."""
    from monitor import clock
    from monitor.cli import claim_views

    state: State = context.obj
    with state.desk() as desk:
        narrative, files = desk.narrative, desk.workspace.narrative_files()
        names = [desk.workspace.display(f) for f in files]
        advice = claim_views.advice(narrative, clock.now())
    counts = {
        "documents": len(narrative.documents),
        "claims": len(narrative.claims),
        "expectations": sum(len(c.expectations) for c in narrative.claims),
        "timeline": len(narrative.timeline),
    }
    if as_json:
        say({"files": names, **counts, "advice": advice})
        return
    typer.echo(f"{', '.join(names) or 'no file'}: fine; {', '.join(f'{n} {what}' for what, n in counts.items())}")
    for line in advice:
        typer.echo(f"  {line}")


@claims.command()
def freeze(
    context: typer.Context,
    claim: Annotated[str, typer.Argument(help="Id of a claim.")],
    expectation: Annotated[
        list[str] | None, typer.Option("--expectation", help="Only this one; may be given again.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Writes the hash of a claim's expectations into the log. Only what is frozen before its window opens is a test."""
    from monitor import clock
    from monitor.cli import claim_views
    from monitor.flow import judging

    state: State = context.obj
    now = clock.now()
    with state.desk() as desk:
        found = desk.narrative.claim(claim)
        judging.freeze(desk, found, expectation or [e.id for e in found.expectations], now)
        narrative = desk.narrative
    if as_json:
        say(claim_views.claim_value(found, narrative, now))
        return
    claim_views.expectations(found, narrative, now)


@claims.command()
def assess(
    context: typer.Context,
    claim: Annotated[list[str] | None, typer.Argument(help="Ids of claims; default: all.")] = None,
    report: Annotated[Path | None, typer.Option("--report", help="Write the page of one claim to this file.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Log nothing and keep no evidence.")] = False,
    as_json: Json = False,
    as_of: AsOf = None,
) -> None:
    """Judges claims by the looks that are recorded: outcome, numbers, doubts. Logs it, keeps the evidence."""
    from monitor import clock
    from monitor.errors import UsageError
    from monitor.flow import judging

    state: State = context.obj
    now = moment(as_of, clock.now())
    with state.desk() as desk:
        chosen = [desk.narrative.claim(c) for c in claim or [c.id for c in desk.narrative.claims]]
        if report and len(chosen) != 1:
            raise UsageError("--report writes the page of one claim", "Name it: claims assess CLAIM --report FILE.")
        told = [judging.assess(desk, c, now, keep=not dry_run, page=report) for c in chosen]
        _show(desk, told, as_json=as_json, one=bool(claim) and len(chosen) == 1)


@claims.command()
def schema() -> None:
    """Prints the JSON Schema of narrative files, for editors and validators."""
    from monitor.narrative import schema as found

    say(found())


def _show(desk: Desk, told: list[Judgment], *, as_json: bool, one: bool) -> None:
    from monitor.cli import claim_views, views

    if as_json:
        values = [claim_views.judgment_value(t) for t in told]
        say(values[0] if one else values)
    elif one:
        _say_one(told[0].facts)
    else:
        views.table("Claims, judged", claim_views.JUDGMENT_COLUMNS, [claim_views.judgment_row(t) for t in told])
    if not as_json:
        for t in told:
            if t.page is not None:
                typer.echo(f"Page: {desk.workspace.display(t.page)}")


def _say_one(facts: ClaimFacts) -> None:
    from monitor.claim_page import compared, concluded, expected, headline

    if facts.simulated:
        typer.echo("SIMULATED")
    typer.echo(f"{facts.claim.id}: {facts.claim.text}\n")
    for line in headline(facts):
        typer.echo(line)
    for judged in facts.assessment.judged:
        typer.echo(f"\n{judged.id}: {expected(judged)}")
        for line in concluded(judged):
            typer.echo(f"  {line}")
        for comparison in judged.comparisons:
            for line in compared(judged, comparison, facts.places[judged.zone].place):
                typer.echo(f"  - {line}")


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.add_typer(claims, name="claims")
