"""Incidents: lasting changes of a zone's rate, with a life; and times when nothing usable came.

A change is found by a two-sided CUSUM over the standard-normal scores of all tracks in order of time (Page 1954).
Its threshold follows from the allowed number of false alarms through Siegmund's formula for the average run
length (Siegmund 1985, "Sequential Analysis", ch. 2: ARL = (exp(2kb) - 2kb - 1) / (2 k^2), b = h + 1.166).

    state         becomes     when
    -             provisional the CUSUM passes the threshold
    provisional   confirmed   2 of the next 3 usable looks lean the same way
    provisional   retracted   2 of the next 3 do not
    confirmed     finished    a CUSUM in the other direction drains it
    -             blind       no usable look came for much longer than is usual for this place
    blind         finished    a usable look came
    any           retracted   the series as it stands now no longer shows it (late looks, a better reference)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise

from monitor.score import Score


class Kind(StrEnum):
    """What is unusual."""

    SURGE = "surge"
    LULL = "lull"
    BLIND = "blind"

    @property
    def sign(self) -> int:
        """+1 for more than usual, -1 for less, 0 for nothing seen."""
        return {Kind.SURGE: 1, Kind.LULL: -1, Kind.BLIND: 0}[self]


class State(StrEnum):
    """Where an incident is in its life."""

    PROVISIONAL = "provisional"
    CONFIRMED = "confirmed"
    FINISHED = "finished"
    RETRACTED = "retracted"
    BLIND = "blind"

    @property
    def is_open(self) -> bool:
        """True while the incident lasts."""
        return self in {State.PROVISIONAL, State.CONFIRMED, State.BLIND}


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
class Incident:
    """A change, from its onset to its end. What is told to people."""

    aoi: str
    zone: str
    """Empty for `blind`: the whole AOI."""

    measure: str
    kind: Kind
    state: State
    onset: datetime
    """First look of the change; for `blind` the last usable look before it."""

    raised: datetime
    """Look at which it was noticed."""

    until: datetime | None = None
    """Last look of the change; None while it lasts."""

    looks: Sequence[str] = ()
    """Ids of the usable looks from the onset on."""

    tracks: Sequence[str] = ()
    mean: float = math.nan
    """Of the measure over `looks`, per usable look."""

    usual: float = math.nan
    """Mean of the baselines these looks were compared with."""

    baseline_looks: int = 0
    """Looks of the smallest baseline used."""

    peak: float = 0.0
    """Highest CUSUM reached, in standard deviations."""

    hits: Sequence[bool] = ()
    """For each usable look after `raised`: did it lean the same way?"""

    id: str = ""
    """Given when it is first recorded, and kept."""

    def overlaps(self, other: Incident) -> bool:
        """True if both speak of the same thing at the same time."""
        same = (self.aoi, self.zone, self.measure, self.kind) == (other.aoi, other.zone, other.measure, other.kind)
        far = datetime.max.replace(tzinfo=self.onset.tzinfo)
        return same and self.onset <= (other.until or far) and other.onset <= (self.until or far)

    @property
    def name(self) -> str:
        """A readable id: rajin.berths.vessel_count.surge.20251004."""
        return ".".join(filter(None, [self.aoi, self.zone, self.measure, self.kind, f"{self.onset:%Y%m%d}"]))


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


def blind_spells(aoi: str, usable: Sequence[datetime], as_of: datetime, *, factor: float = 3.0) -> list[Incident]:
    """Times when no usable look came for `factor` times the usual step, and at least 14 days.

    `usable` are the instants of the usable looks, in order. With fewer than LEAST of them nothing is usual yet.
    """
    least = 5
    if len(usable) < least:
        return []
    steps = sorted(b - a for a, b in pairwise(usable))
    longest = max(factor * steps[len(steps) // 2], timedelta(days=14))
    spells = []
    for last, following in zip(usable, [*usable[1:], None], strict=True):
        raised = last + longest
        if raised < (following or as_of):
            spells.append(
                Incident(
                    aoi=aoi,
                    zone="",
                    measure="",
                    kind=Kind.BLIND,
                    state=State.FINISHED if following else State.BLIND,
                    onset=last,
                    raised=raised,
                    until=following,
                )
            )
    return spells


@dataclass(frozen=True, kw_only=True)
class Change:
    """One step in the life of an incident: what is logged and told."""

    incident: Incident
    """As it is after the step; its id is set."""

    old: State | None
    """None: it is new."""

    new: State
    at: datetime
    """Instant of the look (or, for `blind`, the time) that brought it."""

    reason: str

    @property
    def id(self) -> str:
        """Stable: the same step of the same incident has the same id."""
        return f"{self.incident.id}:{self.new}"


REASONS = {
    State.PROVISIONAL: "the evidence over several looks passed the threshold",
    State.CONFIRMED: "later usable looks lean the same way",
    State.FINISHED: "later usable looks are as usual again",
    State.RETRACTED: "later usable looks did not confirm it",
    State.BLIND: "no usable look for much longer than is usual here",
}
SEEN_AGAIN = "a usable look came"
LATE = "the series as it stands now, with all looks there are, no longer shows this"


def reconcile(
    recorded: Sequence[Incident], derived: Sequence[Incident], as_of: datetime
) -> tuple[list[Incident], list[Change]]:
    """What the looks say now against what was recorded: the incidents to keep, and the steps between.

    Derived incidents take over the id of the recorded one that they overlap, the nearest in onset. A recorded one that
    the looks no longer show is retracted; everyone told hears so, hence it stays retracted: if the looks show it once
    more, that is a new incident. Ids are unique. Reconciling the result again gives no further change.
    """
    matches = _matches(recorded, derived)
    taken = {r.id for r in recorded}
    kept, changes = [], []
    for number, found in enumerate(derived):
        before = matches.get(number)
        incident = replace(found, id=before.id if before else _free_id(found.name, taken))
        taken.add(incident.id)
        kept.append(incident)
        old = before.state if before else None
        if old is not incident.state:
            changes.append(
                Change(
                    incident=incident,
                    old=old,
                    new=incident.state,
                    at=_moment(incident, as_of),
                    reason=_reason(incident),
                )
            )
    continued = {r.id for r in matches.values()}
    for before in (r for r in recorded if r.id not in continued):
        kept.append(replace(before, state=State.RETRACTED))
        if before.state is not State.RETRACTED:
            changes.append(Change(incident=kept[-1], old=before.state, new=State.RETRACTED, at=as_of, reason=LATE))
    return kept, changes


def _matches(recorded: Sequence[Incident], derived: Sequence[Incident]) -> dict[int, Incident]:
    """The recorded incident that each derived one (by its index) continues; the nearest onsets first."""
    pairs = [
        (abs(d.onset - r.onset), r.state is not d.state, number, r.id, r)
        for number, d in enumerate(derived)
        for r in recorded
        if r.overlaps(d) and (r.state is not State.RETRACTED or d.state is State.RETRACTED)
    ]
    matches: dict[int, Incident] = {}
    used: set[str] = set()
    for _, _, number, identity, before in sorted(pairs, key=lambda p: p[:4]):
        if number not in matches and identity not in used:
            matches[number] = before
            used.add(identity)
    return matches


def _free_id(name: str, taken: set[str]) -> str:
    """The name, or name.2, name.3, ... if it is taken."""
    number, identity = 1, name
    while identity in taken:
        number += 1
        identity = f"{name}.{number}"
    return identity


def _reason(incident: Incident) -> str:
    seen_again = incident.kind is Kind.BLIND and incident.state is State.FINISHED
    return SEEN_AGAIN if seen_again else REASONS[incident.state]


def _moment(incident: Incident, as_of: datetime) -> datetime:
    if incident.state in {State.PROVISIONAL, State.BLIND}:
        return incident.raised
    return min(incident.until, as_of) if incident.until else as_of
