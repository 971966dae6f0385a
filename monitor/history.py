"""The history of one zone and measure, folded look by look into scores and incidents."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from monitor import alert, baseline, score
from monitor.alert import Incident, Rule, State, Watch
from monitor.baseline import Family
from monitor.score import Score


@dataclass(frozen=True, kw_only=True)
class Point:
    """A usable measurement in its series."""

    look: str
    track: str
    at: datetime
    value: float


@dataclass(frozen=True, kw_only=True)
class Followed:
    """What a series gave."""

    scores: Sequence[Score]
    """One for each point, in order of time."""

    incidents: Sequence[Incident]


def follow(
    points: Sequence[Point], family: Family, rule: Rule | None, *, aoi: str, zone: str, measure: str
) -> Followed:
    """Scores every point against the earlier points of its own track, and follows the incidents.

    A pure function of the set of points: their order of arrival does not matter. A baseline never learns from a
    look that belongs to a confirmed incident. Without a rule the series is scored but raises nothing.
    """
    learnt: dict[str, list[Point]] = defaultdict(list)
    watch = Watch()
    scores = []
    for point in sorted(points, key=lambda p: (p.at, p.look)):
        usual = baseline.fit([p.value for p in learnt[point.track]], family)
        scores.append(score.against(usual, point.value, look=point.look, track=point.track, at=point.at))
        if rule is not None:
            watch = alert.advance(watch, scores[-1], rule, aoi=aoi, zone=zone, measure=measure)
        current = watch.incident
        if current is not None and current.state is State.CONFIRMED:
            for track, taken in learnt.items():
                learnt[track] = [p for p in taken if p.at < current.onset]
        elif not _ends_a_confirmed_one(watch, point):
            learnt[point.track].append(point)
    return Followed(scores=tuple(scores), incidents=tuple(alert.incidents(watch)))


def _ends_a_confirmed_one(watch: Watch, point: Point) -> bool:
    """True if the last incident ended with this very look: it leaned its way, but too little to keep it open."""
    last = watch.closed[-1] if watch.closed else None
    return last is not None and last.state is State.FINISHED and last.looks[-1] == point.look
