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
    look of an incident that is open or was confirmed. Without a rule the series is scored but raises nothing.
    """
    learnt: dict[str, list[Point]] = defaultdict(list)
    held: list[Point] = []
    watch = Watch()
    scores = []
    for point in sorted(points, key=lambda p: (p.at, p.look)):
        usual = baseline.fit([p.value for p in learnt[point.track]], family)
        scores.append(score.against(usual, point.value, look=point.look, track=point.track, at=point.at))
        if rule is not None:
            watch = alert.advance(watch, scores[-1], rule, aoi=aoi, zone=zone, measure=measure)
        held.append(point)
        if watch.incident is not None:
            held += _taken_back(learnt, watch.incident.onset)
            continue
        for waiting in held:
            if not _belongs(waiting, watch):
                learnt[waiting.track].append(waiting)
        held = []
    return Followed(scores=tuple(scores), incidents=tuple(alert.incidents(watch)))


def _taken_back(learnt: dict[str, list[Point]], onset: datetime) -> list[Point]:
    """Removes and gives the points from the onset on: what an open incident holds back."""
    back = [p for taken in learnt.values() for p in taken if p.at >= onset]
    for track, taken in learnt.items():
        learnt[track] = [p for p in taken if p.at < onset]
    return back


def _belongs(point: Point, watch: Watch) -> bool:
    """True for a look of the incident that ended last. Those after its end, while it drained, are ordinary looks."""
    last = watch.closed[-1] if watch.closed else None
    return last is not None and last.state is State.FINISHED and last.until is not None and point.at <= last.until
