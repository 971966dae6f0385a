"""`quaywatch verify` and `quaywatch replay`: are log and evidence as written, and do they give the numbers?"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli.state import Json, State, say

if TYPE_CHECKING:
    from monitor.flow.verifying import Verified
    from monitor.workspace import Workspace

What = Annotated[str, typer.Argument(help="Id of an incident or claim, or the folder of a bundle.")]
OrAll = Annotated[str | None, typer.Argument(help="Id of an incident or claim, or a folder; default: everything.")]


def verify(context: typer.Context, what: OrAll = None, as_json: Json = False) -> None:
    """Proves log and evidence: names every line and file that is not as it was written. Exit 1 if there is any."""
    from monitor import workspace
    from monitor.flow import verifying

    state: State = context.obj
    if what is None:
        found = [verifying.workspace(workspace.find(state.workspace, os.environ))]
    else:
        found = [_verified(home, folder) for home, folder in _folders(state, what)]
    wrong = [str(w) for v in found for w in v.wrong]
    if as_json:
        say(
            {
                "whole": not wrong,
                "lines": sum(v.lines for v in found),
                "bundles": sum(v.bundles for v in found),
                "files": sum(v.files for v in found),
                "wrong": [{"where": w.where, "what": w.what} for v in found for w in v.wrong],
                "remarks": [r for v in found for r in v.remarks],
            }
        )
    else:
        _tell(found, wrong)
    if wrong:
        raise typer.Exit(1)


def replay(context: typer.Context, what: What, as_json: Json = False) -> None:
    """Computes the numbers of an alert or assessment again from its bundle alone. Exit 1 if any differs."""
    from monitor.flow.replay import replay as again

    state: State = context.obj
    _, folder = _folders(state, what)[-1]
    found = again(folder)
    if as_json:
        say(
            {
                "id": found.id,
                "kind": found.kind,
                "identical": found.identical,
                "only_rounding": found.only_rounding,
                "compared": found.compared,
                "differences": [str(d) for d in found.differences],
                "remarks": list(found.remarks),
            }
        )
    else:
        for line in (*found.remarks, *map(str, found.differences)):
            typer.echo(f"  {line}")
        verdict = "the same to the last bit" if found.identical else f"{len(found.differences)} differ"
        if found.only_rounding:
            verdict += ", in their last digits only: another processor or library rounds otherwise"
        typer.echo(f"{found.id}: {found.compared} numbers and words computed again: {verdict}")
    if not found.identical and not found.only_rounding:
        raise typer.Exit(1)


def _tell(found: list[Verified], wrong: list[str]) -> None:
    for line in (*(r for v in found for r in v.remarks), *wrong):
        typer.echo(f"  {line}")
    lines, bundles, files = (sum(n) for n in zip(*((v.lines, v.bundles, v.files) for v in found), strict=True))
    outcome = f"{len(wrong)} not as written" if wrong else "all as they were written"
    typer.echo(f"{lines} lines of the log, {bundles} bundles with {files} files: {outcome}")


def _verified(home: Workspace | None, folder: Path) -> Verified:
    from monitor.flow import verifying

    return verifying.bundle(folder, verifying.expected_of(home, folder) if home else None)


def _folders(state: State, what: str) -> list[tuple[Workspace | None, Path]]:
    """Bundles of that name, in order of making; a folder is taken as it is, and needs no workspace."""
    from monitor import evidence, workspace
    from monitor.errors import UsageError

    if Path(what).is_dir():
        return [_folder(state, Path(what))]
    home = workspace.find(state.workspace, os.environ)
    found = evidence.find(home.evidence, what) or evidence.of_claim(home.evidence, what)
    if not found:
        raise UsageError(
            f"no evidence of {what!r} in {home.evidence}", "See `quaywatch alerts` and `quaywatch claims`."
        )
    return [(home, folder) for folder in found]


def _folder(state: State, folder: Path) -> tuple[Workspace | None, Path]:
    """A bundle by its folder, with the workspace whose log may name it."""
    from monitor import evidence, workspace
    from monitor.errors import QuaywatchError, UsageError

    if not (folder / evidence.MANIFEST).exists():
        raise UsageError(
            f"{folder}: is no bundle of evidence, or its {evidence.MANIFEST} is gone",
            "Name the folder of one bundle, or no folder, to verify a whole workspace against its log.",
        )
    try:
        home = workspace.find(state.workspace, os.environ)
    except QuaywatchError:
        return None, folder
    own = folder.resolve()
    inside = own.parent == home.evidence.resolve()
    return (home, home.evidence / own.name) if inside else (None, folder)


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    for command in (verify, replay):
        app.command()(command)
