"""`quaywatch demo`: a SIMULATED port through the same chain as real imagery, offline."""

from __future__ import annotations

import tempfile
from datetime import timedelta
from pathlib import Path

import typer

from monitor import simulate, workspace
from monitor.aoi import Aoi
from monitor.claim_page import headline
from monitor.cli import views
from monitor.cli.state import progress
from monitor.config import Environ
from monitor.errors import WorkspaceError
from monitor.flow import judging
from monitor.flow.desk import Desk, opened
from monitor.simulate import Truth
from monitor.times import Interval

CONFIG = """\
# Made by `quaywatch demo`. Everything here is SIMULATED.
[[sources]]
kind = "folder"
path = "imagery"

[mail]
to = ["analyst@example.org"]
outbox = "mailbox"
"""

NARRATIVE = """\
# SIMULATED claims about a port that does not exist.
schema = 1

[[document]]
id = "sim-bulletin"
title = "SIMULATED bulletin on the simulated port"
publisher = "quaywatch demo"
dated = {said}
date_basis = "made up with the simulation"

[[claim]]
id = "sim-surge"
document = "sim-bulletin"
text = "SIMULATED: activity at the berths has surged in the last months."
said_by = "a simulated analyst"
said_on = {said}
about = {{ from = {start}, to = {end} }}
aois = ["simport"]
reliability = "B"
credibility = 3
observability = "testable"
against = "No more vessels per usable look at the berths than in the months before."

  [[claim.expectation]]
  id = "E1"
  measure = "vessel_count"
  zone = "simport.berths"
  sensors = ["S1"]
  window = {{ from = {start}, to = {end} }}
  baseline = [{{ name = "the year before", from = {before}, to = {eve} }}]
  direction = "up"
  min_effect = {{ kind = "rate_ratio", value = 1.5 }}
  min_looks = {{ window = 10, baseline = 20 }}
  weight = 1.0
"""


def show(folder: Path | None, seed: int, environ: Environ) -> None:
    """Builds the archive, works through it, and prints where everything is.

    Raises:
        WorkspaceError: the folder is not empty, or cannot be made.
    """
    root = _empty(folder)
    typer.echo(f"SIMULATED port, seed {seed}, in {root}")
    plan = simulate.plan(simulate.Scenario(seed=seed))
    with progress("Simulating three years of imagery", quiet=False) as bar:
        truth = simulate.write(root / "imagery", plan, bar)
    build(root, truth)
    home = workspace.find(root, environ)
    with opened(home, environ) as desk:
        aoi = desk.aois[simulate.AOI_ID]
        now = truth.interval.end
        claim = desk.narrative.claim("sim-surge")
        # SIMULATED, too: as if somebody had written the expectation down a month before its window opened
        judging.freeze(desk, claim, ["E1"], claim.expectations[0].window.start - timedelta(days=30))
        with progress("Measuring the looks", quiet=False) as bar:
            outcome = desk.poll(aoi, Interval(start=truth.interval.start, end=now), as_of=now, progress=bar)
        report = desk.report(aoi, now=now, notes=planted(truth))
        with progress("Judging the claim", quiet=False):
            judgment = judging.assess(desk, claim, now)
        summary = outcome.summary
        typer.echo(
            f"SIMULATED: {summary.scenes} scenes, {summary.new_looks} looks, "
            f"{summary.unusable} of them unusable for every zone, {outcome.delivered.sent} mails written"
        )
        _tables(desk, aoi, truth)
        typer.echo("SIMULATED claim: " + " ".join(headline(judgment.facts)))
    mails = sorted((root / "mailbox").glob("*.eml"))
    for mail in mails:
        typer.echo(f"Mail:   {mail}")
    typer.echo(f"Log:    {home.log_folder / 'alerts.jsonl'}")
    typer.echo(f"Proof:  {home.evidence}")
    typer.echo(f"Report: {report}")
    typer.echo(f"Claim:  {judgment.page}")
    typer.echo(f"Next:   quaywatch -w {root} verify")


def _empty(folder: Path | None) -> Path:
    if folder is None:
        return Path(tempfile.mkdtemp(prefix="quaywatch-demo-"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        empty = not any(folder.iterdir())
    except OSError as error:
        raise WorkspaceError(
            f"{folder}: cannot be made ({error.strerror})", "Give --keep a new folder where you may write."
        ) from error
    if not empty:
        raise WorkspaceError(f"{folder}: is not empty", "Give --keep a new folder.")
    return folder.resolve()


def build(root: Path, truth: Truth) -> None:
    """Writes the workspace around a simulated archive in `root/imagery`."""
    (root / "aois").mkdir(exist_ok=True)
    (root / "aois" / "simport.geojson").write_bytes((root / "imagery" / "aoi.geojson").read_bytes())
    (root / "alerts" / "narrative").mkdir(parents=True, exist_ok=True)
    surge = truth.event(simulate.EventKind.SURGE, "berths")
    text = NARRATIVE.format(
        said=f"{surge.end - timedelta(days=1):%Y-%m-%d}",
        start=f"{surge.start:%Y-%m-%d}",
        end=f"{surge.end - timedelta(days=1):%Y-%m-%d}",
        before=f"{surge.start - timedelta(days=365):%Y-%m-%d}",
        eve=f"{surge.start - timedelta(days=1):%Y-%m-%d}",
    )
    (root / "alerts" / "narrative" / "simulated.toml").write_text(text, encoding="utf-8")
    (root / "config.toml").write_text(CONFIG, encoding="utf-8")


def planted(truth: Truth) -> list[str]:
    """What the simulation holds, in words."""
    return [
        f"SIMULATED truth: a {e.kind} in {e.zone} from {e.start:%Y-%m-%d} to {e.end:%Y-%m-%d}, "
        f"arrivals at {e.rate_factor:g} times the usual rate."
        for e in truth.events
    ]


def _tables(desk: Desk, aoi: Aoi, truth: Truth) -> None:
    told = desk.chronicle(aoi)
    for line in planted(truth):
        typer.echo(line)
    lasting = [i for i in told.incidents if i.state != "retracted"]
    views.table("SIMULATED: incidents found", views.INCIDENT_COLUMNS, [views.incident_row(i) for i in lasting])
    typer.echo(views.headline(told))
