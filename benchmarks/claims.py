"""Claims about simulated ports of which the truth is known: how often each outcome is told.

Ships come and go as in `benchmarks alarms`: tracks that see differently, three sea states, satellites that are lost and
replaced, gaps. Each port has a claim with one expectation (presence or counts, twice as much as before), fixed
beforehand, two baselines and a control. `true`: exactly the expected effect, so that contradicting it is as easy as it
can be; `half`: the square root of it; `control`: the control doubles too, so the claim must not be supported.
"""

from __future__ import annotations

import math
import multiprocessing
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.alarms import traffic
from monitor import assessment
from monitor.aoi import ZoneKind
from monitor.assessment import Assessment, Evidence, Observed, Outcome, Place
from monitor.baseline import Family
from monitor.claim import (
    Claim,
    Credibility,
    Effect,
    EffectKind,
    Expectation,
    Frozen,
    Heading,
    Looks,
    Observability,
    Period,
    Reliability,
    fingerprint,
)
from monitor.times import Interval

RUNS = 500
"""Of each truth."""

WANTED = 2.0
YEARS = 3.2
OPENS = 2.0 * traffic.YEAR_DAYS
"""Day on which the window opens."""

ZONE, CONTROL = "simport.berths", "simcontrol.berths"
REMOVED = (0.3, 0.6, 0.9)
"""Shares of the looks that are taken away at random from every port, to see where the judgment goes."""

PROCESSES, CHUNK = 2, 25


class Truth(StrEnum):
    """What the simulated port does."""

    TRUE = "claim true"
    FALSE = "claim false"
    HALF = "half effect"
    NO_LOOKS = "no looks"
    CONTROL = "control moves too"
    UNOBSERVABLE = "not observable"

    @property
    def ratio(self) -> float:
        """Of the rates per look, after over before."""
        return {Truth.FALSE: 1.0, Truth.HALF: math.sqrt(WANTED)}.get(self, WANTED)


@dataclass(frozen=True, kw_only=True)
class Run:
    """One port, judged."""

    truth: Truth
    assessed: Assessment
    fewer: Sequence[Outcome]
    """After taking away each of REMOVED."""


def run(_folder: Path | None, _pictures: Path | None, runs: int = RUNS) -> dict[str, Any]:
    """Figures over all truths."""
    with ProcessPoolExecutor(PROCESSES, mp_context=multiprocessing.get_context("spawn")) as pool:
        told = {t: list(pool.map(partial(one, t), range(runs), chunksize=CHUNK)) for t in Truth}
    return figures(told)


def figures(told: dict[Truth, list[Run]]) -> dict[str, Any]:
    """The shares that are asked for, and all outcomes."""
    every = [r for some in told.values() for r in some]
    powerless = [r for r in every if _powerless(r.assessed)]
    false = [*told[Truth.FALSE], *told[Truth.CONTROL]]
    return {
        "runs_each": len(told[Truth.TRUE]),
        "supported_when_false": max(_share(told[t], _supported) for t in (Truth.FALSE, Truth.CONTROL)),
        "contradicted_when_true": _share(told[Truth.TRUE], _contradicted),
        "inconclusive_when_powerless": _share(powerless, _inconclusive),
        "powerless_runs": len(powerless),
        "scored_when_not_observable": sum(r.assessed.log_odds != 0.0 for r in told[Truth.UNOBSERVABLE]),
        "opposite_after_removing_looks": sum(_opposite(r.assessed.outcome, o) for r in every for o in r.fewer),
        "removals": sum(len(r.fewer) for r in every),
        "inconclusive_by_removed": {
            f"{share:g}": _share(list(every), partial(_inconclusive_after, n)) for n, share in enumerate(REMOVED)
        },
        "mean_likelihood_ratio_when_false": round(
            float(np.mean([math.exp(r.assessed.log_odds) for r in false if r.truth is Truth.FALSE])), 3
        ),
        "interval_holds_the_truth": round(float(np.mean(list(_held(told)))), 3),
        "outcomes": {t.value: dict(Counter(r.assessed.outcome.value for r in some)) for t, some in told.items()},
    }


def table(found: dict[str, Any]) -> str:
    """As people read it."""
    lines = [f"{name:34} {value}" for name, value in found.items() if name != "outcomes"]
    return "\n".join([*lines, *(f"{truth:20} {told}" for truth, told in found["outcomes"].items())])


def one(truth: Truth, seed: int) -> Run:
    """The port of this seed, judged with all its looks and with fewer."""
    rng = np.random.default_rng([4, list(Truth).index(truth), seed])
    claim, frozen = _claim(rng, truth)
    looks = _looks(rng, claim, truth)
    now = claim.expectations[0].window.end + timedelta(days=30)
    places = {name: Place(kind=ZoneKind.BERTH_WATER, uncertainty_m=20.0) for name in (ZONE, CONTROL)}

    def judged(share: float) -> Assessment:
        kept = {k: [x for x in some if rng.random() >= share] for k, some in looks.items()} if share else looks
        return assessment.assess(claim, Evidence(looks=kept, places=places), frozen, now)

    return Run(truth=truth, assessed=judged(0.0), fewer=[judged(s).outcome for s in REMOVED])


def _claim(rng: np.random.Generator, truth: Truth) -> tuple[Claim, list[Frozen]]:
    opens = traffic.moment(OPENS).replace(hour=0, minute=0, second=0, microsecond=0)
    length = timedelta(days=int(rng.integers(90, 366)))
    year = timedelta(days=365)
    counted = bool(rng.integers(2))
    expectation = Expectation(
        id="E1",
        measure="vessel_count" if counted else "ship_presence",
        zone=ZONE,
        sensors=("S1",),
        window=Interval(start=opens, end=opens + length),
        baselines=(
            Period(name="the months before", interval=Interval(start=opens - length, end=opens)),
            Period(name="a year before", interval=Interval(start=opens - 2 * year, end=opens - year)),
        ),
        direction=Heading.UP,
        min_effect=Effect(kind=EffectKind.RATE_RATIO, value=WANTED),
        min_looks=Looks(window=10, baseline=10),
        weight=1.0,
        controls=(CONTROL,),
        stay_days=2.0,
    )
    unobservable = truth is Truth.UNOBSERVABLE
    claim = Claim(
        id="sim",
        document="sim",
        text="Activity has doubled.",
        said_by="a simulation",
        said_on=date(2020, 1, 1),
        about=expectation.window,
        aois=("simport",),
        reliability=Reliability.F,
        credibility=Credibility.CANNOT_BE_JUDGED,
        observability=Observability.NOT_OBSERVABLE if unobservable else Observability.TESTABLE,
        against="No more ships.",
        expectations=(expectation,),
    )
    before = Frozen(claim="sim", expectation="E1", sha256=fingerprint(claim, expectation), at=opens - year)
    return claim, [before]


def _looks(rng: np.random.Generator, claim: Claim, truth: Truth) -> dict[tuple[str, str], list[Observed]]:
    measure = claim.expectations[0].measure
    family = Family.COUNT if measure == "vessel_count" else Family.PRESENCE
    looks = traffic.eyes(rng, YEARS, 3, 0.2)
    moves = {ZONE: truth.ratio, CONTROL: WANTED if truth is Truth.CONTROL else 1.0}
    out = {}
    for zone, ratio in moves.items():
        values = _values(rng, family, looks, ratio)
        usable = np.zeros(len(values), bool) if truth is Truth.NO_LOOKS else rng.random(len(values)) > 0.1
        out[zone, measure] = list(_observed(looks, values, usable))
    return out


def _values(rng: np.random.Generator, family: Family, looks: traffic.Eyes, ratio: float) -> traffic.Array:
    """Numbers of a port without seasons whose rate per look, as seen, changes by `ratio` when the window opens."""
    scene = replace(traffic.some_scene(rng, family), season=0.0, by_satellite=(1.0, 1.0, 1.0))
    if family is Family.PRESENCE:
        scene = replace(scene, mean=-math.log(1 - rng.uniform(0.08, 0.45)))
    later = replace(scene, mean=_mean_for(scene, ratio))
    before, after = (traffic.measured(rng, s, looks, YEARS, ()) for s in (scene, later))
    return np.where(looks.days < OPENS, before, after)


def _mean_for(scene: traffic.Scene, ratio: float) -> float:
    """How many must lie there for the rate that is seen to be `ratio` times what it was; by halving."""
    low, high = 0.0, 60.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _rate(scene, middle) < ratio * _rate(scene, scene.mean) else (low, middle)
    return high


def _rate(scene: traffic.Scene, mean: float) -> float:
    """Per look, over tracks and rough days: of counts, or of looks with at least one."""
    total = 0.0
    for rough, share in ((False, 1 - traffic.ROUGH_LOOKS), (True, traffic.ROUGH_LOOKS)):
        for track in scene.by_track:
            seen = min(1.0, scene.sea.seen * track * (traffic.ROUGH_SEEN if rough else 1.0))
            false = scene.sea.false * (traffic.ROUGH_FALSE if rough else 1.0)
            found = mean * seen + false
            total += share * (1 - math.exp(-found) if scene.family is Family.PRESENCE else found)
    return total / len(scene.by_track)


def _observed(looks: traffic.Eyes, values: traffic.Array, usable: np.ndarray[Any, Any]) -> Iterator[Observed]:
    for number, (point, fine) in enumerate(zip(traffic.points(looks, values), usable, strict=True)):
        yield Observed(
            look=f"l{number}",
            track=f"s1-{point.track}",
            sensor="S1",
            at=_at(point.at),
            value=point.value if fine else None,
            reason="" if fine else "ice or very rough sea",
        )


def _at(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)


def _share(runs: Sequence[Run], true: Any) -> float:
    return round(sum(map(bool, map(true, runs))) / len(runs), 4) if runs else 0.0


def _supported(told: Run) -> bool:
    return told.assessed.outcome in {Outcome.SUPPORTED, Outcome.PARTLY}


def _contradicted(told: Run) -> bool:
    return told.assessed.outcome is Outcome.CONTRADICTED


def _inconclusive(told: Run) -> bool:
    return told.assessed.outcome is Outcome.INCONCLUSIVE


def _inconclusive_after(removal: int, told: Run) -> bool:
    return told.fewer[removal] is Outcome.INCONCLUSIVE


def _powerless(assessed: Assessment) -> bool:
    """True if no comparison could have told the effect in 8 of 10 cases, and each interval holds both 1 and it."""
    compared = [c for j in assessed.judged for c in j.comparisons if c.effect is not None]
    return bool(compared) and all(
        c.power < 0.8 and c.effect is not None and c.effect.low <= 1.0 and c.effect.high >= WANTED for c in compared
    )


def _opposite(first: Outcome, second: Outcome) -> bool:
    supported = {Outcome.SUPPORTED, Outcome.PARTLY}
    return (first in supported and second is Outcome.CONTRADICTED) or (
        first is Outcome.CONTRADICTED and second in supported
    )


def _held(told: dict[Truth, list[Run]]) -> Iterator[bool]:
    for truth in (Truth.TRUE, Truth.FALSE, Truth.HALF):
        for r in told[truth]:
            for compared in r.assessed.judged[0].comparisons:
                if compared.effect is not None:
                    yield compared.effect.low <= truth.ratio <= compared.effect.high
