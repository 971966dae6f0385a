"""The two-sided CUSUM that finds lasting changes, look by look.

Page (1954), "Continuous inspection schemes". Run length: Siegmund (1985), "Sequential Analysis", ch. 2:
ARL = (exp(2kb) - 2kb - 1) / (2 k^2), b = h + 1.166.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from monitor.alert.incident import Incident, Kind, State
from monitor.score import Score


@dataclass(frozen=True, kw_only=True)
class Rule:
    """How much evidence a change needs."""

    threshold: float
    """h of the CUSUM, in standard deviations."""

    allowance: float = 0.5
    """k: half of the shift worth finding, in standard deviations."""

    confirming_looks: int = 3
    confirming_hits: int = 2
    drain: float = 5.0
    """A confirmed change is over when the scores have fallen short of the allowance by this much in all: ten ordinary
    looks, so that a few quiet looks do not end a busy season."""

    largest_z: float = 4.0
    """One look counts no more than this, so that one freak look cannot raise an alarm alone."""


def run_length(threshold: float, allowance: float = 0.5) -> float:
    """Looks until a one-sided CUSUM raises a false alarm, on average (Siegmund 1985)."""
    b = 2 * allowance * (threshold + 1.166)
    return (math.exp(b) - b - 1) / (2 * allowance**2)


LEAST_THRESHOLD = 4.0
"""No budget is generous enough for an alarm from one freak look, which counts 3.5 at most."""


def threshold_for(false_alarms_a_year: float, looks_a_year: float, allowance: float = 0.5) -> float:
    """The CUSUM threshold at which a two-sided chart raises that many false alarms a year.

    Exact for independent standard-normal scores. Ships that stay over several looks make scores dependent:
    the true rate is then higher.
    """
    wanted = 2 * looks_a_year / false_alarms_a_year
    low, high = 0.0, 50.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if run_length(middle, allowance) < wanted else (low, middle)
    return max(high, LEAST_THRESHOLD)


@dataclass(frozen=True, kw_only=True)
class Run:
    """A one-sided CUSUM: how far it stands and the scores it was built from."""

    height: float = 0.0
    scores: Sequence[Score] = ()

    def advanced(self, score: Score, gain: float) -> Run:
        """One look later; empty when the evidence is used up."""
        height = self.height + gain
        return Run(height=height, scores=(*self.scores, score)) if height > 0 else Run()


@dataclass(frozen=True, kw_only=True)
class Watch:
    """The state of one zone and measure between two looks."""

    up: Run = Run()
    down: Run = Run()
    incident: Incident | None = None
    """The open one."""

    members: Sequence[Score] = ()
    """Its scores."""

    height: float = 0.0
    """Where its CUSUM stands."""

    drained: float = 0.0
    """How far a CUSUM in the other direction stands."""

    leaning: int = 0
    """Members up to which it stood at zero: where the incident ends if it goes on draining."""

    closed: Sequence[Incident] = ()


def advance(watch: Watch, score: Score, rule: Rule, *, aoi: str, zone: str, measure: str) -> Watch:
    """The state after one more usable look, which must be later than all before.

    A look without a baseline changes nothing.
    """
    if score.baseline is None:
        return watch
    if watch.incident is not None:
        return _continue(watch, watch.incident, score, rule)
    z = min(max(score.z, -rule.largest_z), rule.largest_z)
    up = watch.up.advanced(score, z - rule.allowance)
    down = watch.down.advanced(score, -z - rule.allowance)
    for kind, run in ((Kind.SURGE, up), (Kind.LULL, down)):
        if run.height > rule.threshold:
            incident = Incident(
                aoi=aoi,
                zone=zone,
                measure=measure,
                kind=kind,
                state=State.PROVISIONAL,
                onset=run.scores[0].at,
                raised=score.at,
                peak=run.height,
            )
            return Watch(
                incident=_summed(incident, run.scores),
                members=run.scores,
                height=run.height,
                leaning=len(run.scores),
                closed=watch.closed,
            )
    return replace(watch, up=up, down=down)


def _summed(incident: Incident, scores: Sequence[Score]) -> Incident:
    baselines = [s.baseline for s in scores if s.baseline is not None]
    return replace(
        incident,
        last=scores[-1].at,
        looks=tuple(s.look for s in scores),
        tracks=tuple(sorted({s.track for s in scores})),
        mean=sum(s.value for s in scores) / len(scores),
        usual=sum(b.centre for b in baselines) / len(baselines),
        baseline_looks=min(b.n for b in baselines),
    )


def _continue(watch: Watch, incident: Incident, score: Score, rule: Rule) -> Watch:
    lean = min(max(score.z * incident.kind.sign, -rule.largest_z), rule.largest_z)
    hits = (*incident.hits, lean > 0)
    drained = max(0.0, watch.drained + rule.allowance - lean)
    height = max(0.0, watch.height + lean - rule.allowance)
    members = (*watch.members, score)
    leaning = watch.leaning if drained > 0 else len(members)
    incident = replace(_summed(incident, members), hits=hits, peak=max(incident.peak, height))
    if incident.state is State.PROVISIONAL:
        recent = hits[: rule.confirming_looks]
        if recent.count(True) >= rule.confirming_hits:
            incident = replace(incident, state=State.CONFIRMED)
        elif recent.count(False) > rule.confirming_looks - rule.confirming_hits:
            return _closed(watch, replace(incident, state=State.RETRACTED), members[:leaning])
    elif drained >= rule.drain:
        return _closed(watch, replace(incident, state=State.FINISHED), members[:leaning])
    return replace(watch, incident=incident, members=members, height=height, drained=drained, leaning=leaning)


def _closed(watch: Watch, incident: Incident, members: Sequence[Score]) -> Watch:
    """`members` are the looks up to its end: where the CUSUM that drained it began (Page's estimate of a change)."""
    ended = replace(_summed(incident, members), until=members[-1].at)
    return Watch(closed=(*watch.closed, ended))


def incidents(watch: Watch) -> list[Incident]:
    """All of them, the closed ones first."""
    return [*watch.closed, *([watch.incident] if watch.incident else [])]
