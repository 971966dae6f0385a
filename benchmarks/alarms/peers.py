"""The peers on the very same series: two simple rules, and the charts of nrt and ruptures in their own environment."""

from __future__ import annotations

import json
import statistics
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.alarms import changes, nulls, rules, traffic
from benchmarks.alarms.changes import MISSED, Changed, Doubling
from benchmarks.alarms.rules import Alarms
from monitor.baseline import Family
from monitor.history import Point

PYTHON = Path(__file__).parents[2] / ".venv-peers" / "bin" / "python"
CHARTS = Path(__file__).parents[1] / "peers" / "charts.py"
AOIS, DOUBLINGS = 24, 40
"""That the charts are run on: the first of those that ours are."""

SETTINGS = {
    "ratio to trailing mean": "last 8 looks, x1.5 or x0.5, least 3; every AOI",
    "z-score": "|z| > 3 against all earlier looks, least 8; every AOI",
    "nrt EWMA": "lambda 0.3, sensitivity 2, Shewhart 5, one yearly wave; stops at its first alarm",
    "nrt CuSum": "sensitivity 0.05, OLS, one yearly wave; stops at its first alarm",
    "ruptures PELT": "cost l2, least size 3, penalty 2 s^2 log n, run at each look; starts anew at each break",
}
DELAYS = (Doubling.PRESENCE, Doubling.COUNT_DOUBLED)
RULES = {"ratio to trailing mean": rules.ratio_to_trailing_mean, "z-score": rules.z_score}


def as_input(points: Sequence[Point], first: int) -> dict[str, Any]:
    """A series as `benchmarks/peers/charts.py` reads it; `first`: index of the first look that counts."""
    return {
        "days": [(p.at - traffic.START).total_seconds() / 86_400 for p in points],
        "values": [p.value for p in points],
        "first": first,
    }


def charts() -> dict[str, Any]:
    """What the charts raise on nulls and doublings; or {"why": reason} if they are not there."""
    if not PYTHON.exists():
        return {"why": "not installed: run benchmarks/peers/install"}
    null = [n for number in range(AOIS) for n in nulls.aoi(number)]
    changed = [changes.doubling(which, number) for which in DELAYS for number in range(DOUBLINGS)]
    series = [as_input(n.points, sum(p.at < nulls.counted_from() for p in n.points)) for n in null]
    series += [as_input(c.points, c.first) for c in changed]
    done = subprocess.run(
        [str(PYTHON), str(CHARTS)], input=json.dumps(series), capture_output=True, text=True, check=False
    )
    if done.returncode:
        return {"why": f"failed: {done.stderr.strip().splitlines()[-1:]}"}
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {peer: _of_chart(found, null, changed) for peer, found in told.items()}


def _of_chart(found: Sequence[Any], null: Sequence[nulls.Null], changed: Sequence[Changed]) -> dict[str, Any]:
    families: dict[Family, Alarms] = {}
    for (alarms, (watched,)), n in zip(found, null, strict=False):
        counted = sum(p.at >= nulls.counted_from() for p in n.points)
        years = nulls.COUNTED_YEARS * watched / counted
        families[n.family] = families.get(n.family, Alarms()).joined(Alarms(len(alarms), years))
    delays: dict[Doubling, list[float]] = {which: [] for which in DELAYS}
    for number, ((alarms, _), c) in enumerate(zip(found[len(null) :], changed, strict=True)):
        delays[DELAYS[number // DOUBLINGS]].append(alarms[0] - c.first + 1.0 if alarms else MISSED)
    return {"families": families, "delays": delays}


def rule_delay(name: str, which: Doubling, number: int) -> float:
    """As `changes.delay`, of a simple rule: to its first alarm of the right sign that comes after the change."""
    changed = changes.doubling(which, number)
    first = changed.first
    found = [a for a in RULES[name]([p.value for p in changed.points]) if a.look >= first and a.sign == which.kind.sign]
    return found[0].look - first + 1.0 if found else MISSED


def of_rule(name: str, told: Iterable[Mapping[str, Mapping[Family, Alarms]]], doublings: int) -> dict[str, Any]:
    """A simple rule in the same form as a chart."""
    families: dict[Family, Alarms] = {}
    for aoi in told:
        for family, alarms in aoi[name].items():
            families[family] = families.get(family, Alarms()).joined(alarms)
    delays = {which: [rule_delay(name, which, number) for number in range(doublings)] for which in DELAYS}
    return {"families": families, "delays": delays}


def figures(peer: str, told: Mapping[str, Any]) -> dict[str, Any]:
    """One row: false alarms a year of an AOI with as many watched series as ours have on average, and delays."""
    families: Mapping[Family, Alarms] = told["families"]
    each = {f: a.number / a.years for f, a in families.items() if a.years > 0}
    series = (1 + nulls.MOST_SERIES) / 2
    return {
        "peer": peer,
        "settings": SETTINGS[peer],
        "measured": float(f"{series * statistics.mean(each.values()):.3g}"),
        "by_family": {f.value: float(f"{rate:.3g}") for f, rate in sorted(each.items())},
        "median_delay_looks": changes.median_delay(told["delays"][Doubling.PRESENCE]),
        "median_delay_looks_count_doubled": changes.median_delay(told["delays"][Doubling.COUNT_DOUBLED]),
    }
