"""Changes one byte of a simulated workspace at a time: of the log, a picture, pixels, a parameter. Is each found?

Also: is a bundle that was copied to an empty folder replayed bit for bit?
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

from monitor import simulate, workspace
from monitor.cli import demo
from monitor.flow import judging, verifying
from monitor.flow.desk import opened
from monitor.flow.replay import replay
from monitor.simulate import Scenario
from monitor.times import Interval
from monitor.workspace import Workspace

SCENARIO = Scenario(seed=3, years=1.2)
BUDGET = 15.0
"""False alarms a year that are allowed: a year of looks shows little that is surer, and many alerts are wanted here."""

CHANGES = 400
KINDS = {
    "log": ("alerts/log/*.jsonl", "alerts/log/head.json", "alerts/log/heads/*"),
    "picture": ("alerts/evidence/*/pictures/*",),
    "pixels": ("alerts/evidence/*/pixels/*",),
    "parameters": (
        "alerts/evidence/*/parameters.json",
        "alerts/evidence/*/looks.json",
        "alerts/evidence/*/series.json",
    ),
    "manifest": ("alerts/evidence/*/manifest.json",),
    "anything": ("alerts/evidence/*/**/*",),
}
"""What is changed, each as often as the others: patterns of files."""


def run(_folder: Path | None, _pictures: Path | None, changes: int = CHANGES) -> dict[str, Any]:
    """Figures of all changes, by kind, and of the replays."""
    with tempfile.TemporaryDirectory(prefix="quaywatch-tamper-") as folder:
        home = built(Path(folder) / "workspace")
        before = verifying.workspace(home)
        told = list(tampered(home, changes))
        after = verifying.workspace(home)
        replays = list(replayed(home, Path(folder) / "elsewhere"))
    kinds = Counter(kind for kind, _ in told)
    found = Counter(kind for kind, named in told if named)
    return {
        "changes_made": len(told),
        "changes_found": sum(found.values()),
        "by_kind": {kind: [found[kind], n] for kind, n in kinds.items()},
        "whole_before": before.whole,
        "whole_after": after.whole,
        "bundles": before.bundles,
        "files": before.files,
        "lines": before.lines,
        "replays": len(replays),
        "replay_identical": all(replays),
    }


def built(root: Path) -> Workspace:
    """A simulated workspace with alerts, an assessed claim and their evidence."""
    truth = simulate.write(root / "imagery", simulate.plan(SCENARIO))
    demo.build(root, truth)
    with (root / "config.toml").open("a", encoding="utf-8") as file:
        file.write(f"\n[alerts]\nfalse_alarms_per_aoi_year = {BUDGET}\n")
    home = workspace.find(root, {})
    with opened(home, {}) as desk:
        (claim,) = desk.narrative.claims
        judging.freeze(desk, claim, ["E1"], claim.expectations[0].window.start - timedelta(days=30))
        now = truth.interval.end
        interval = Interval(start=truth.interval.start, end=now)
        desk.poll(desk.aois[simulate.AOI_ID], interval, as_of=now, send=False)
        judging.assess(desk, claim, now)
    return home


def tampered(home: Workspace, changes: int) -> Iterator[tuple[str, bool]]:
    """One changed byte at a time, put back after: what was changed, and whether `verify` named its file."""
    rng = np.random.default_rng(6)
    for number in range(changes):
        kind = list(KINDS)[number % len(KINDS)]
        files = sorted(
            p for pattern in KINDS[kind] for p in home.root.glob(pattern) if p.is_file() and p.stat().st_size
        )
        path = files[rng.integers(len(files))]
        content = path.read_bytes()
        path.write_bytes(_with_another_byte(content, rng))
        yield kind, _names(home, path, verifying.workspace(home).wrong)
        path.write_bytes(content)


def _with_another_byte(content: bytes, rng: np.random.Generator) -> bytes:
    at = int(rng.integers(len(content)))
    other = (content[at] + int(rng.integers(1, 256))) % 256
    return content[:at] + bytes([other]) + content[at + 1 :]


def _names(home: Workspace, path: Path, wrong: Sequence[verifying.Wrong]) -> bool:
    """True if what is wrong names the file, or, of a changed line of the log, the folder of the log."""
    shown = home.display(path)
    if "alerts/log/" in shown:
        return any(w.where.startswith("alerts/log/") for w in wrong)
    return any(w.where == shown for w in wrong)


def replayed(home: Workspace, elsewhere: Path) -> Iterator[bool]:
    """Each bundle, copied away: does it give its numbers to the last bit?"""
    for folder in sorted(p for p in home.evidence.iterdir() if p.is_dir()):
        copy = shutil.copytree(folder, elsewhere / folder.name)
        yield verifying.bundle(copy).whole and replay(copy).identical
