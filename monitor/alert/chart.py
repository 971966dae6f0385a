"""The chart that finds lasting changes look by look, with a known rate of false alarms.

Shiryaev-Roberts (Shiryaev 1963; Roberts 1966; Pollak 1985, Annals of Statistics 13): with the odds L of each look for
a change against none, R becomes (1 + R) L: the sum, over all looks at which the change may have begun, of the odds of
the looks since. While nothing changes each L is 1 on average given the looks before, so R less the number of looks is a
martingale, and the mean number of looks to a false alarm at R >= A is at least A, whatever the law of the numbers
(Pollak 1987; as "e-detector": Shin, Ramdas & Rinaldo 2024, New England Journal of Statistics in Data Science 2). The
mean of several R, one for each size of change that is looked for, has the same property.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from monitor.alert.incident import Ending, Incident, Kind, State
from monitor.baseline import Family
from monitor.score import Score


@dataclass(frozen=True, slots=True)
class Trust:
    """How the threshold of a family follows from the mean number of looks that may pass between false alarms."""

    factor: float
    """Threshold over that number, at USUAL_RUN looks."""

    steepness: float
    """Threshold in proportion to this power of it: above 1 where the model is less exact far from what is usual."""


USUAL_RUN = 300.0
"""Looks between false alarms of one direction: two series that share one false alarm a year, seen every five days."""

TRUST: Mapping[Family, Trust] = {
    Family.COUNT: Trust(0.64, 1.1),
    Family.PRESENCE: Trust(0.9, 1.2),
    Family.AMOUNT: Trust(0.66, 1.0),
    Family.LEVEL: Trust(0.9, 1.2),
    Family.SHARE: Trust(2.8, 2.3),
}
"""Where the model is exact, R passes A with a jump and false alarms come once in A / v looks, v being 0.7 to 0.95 for
presence, 0.5 for normal numbers and 0.2 to 0.8 for counts (Woodroofe 1982, "Nonlinear renewal theory in sequential
analysis"; tests/core/test_alert_chart.py). No model is: these values were set so that simulated places with seasons,
stays, gaps and new satellites keep their budget, and are checked on other ones (benchmarks alarms). What lies in a yard
for weeks needs most: how it wanders is never known well."""

SINGLE_SHARE: Mapping[Family, float] = {
    Family.COUNT: 0.1,
    Family.PRESENCE: 0.0,
    Family.AMOUNT: 0.0,
    Family.LEVEL: 0.1,
    Family.SHARE: 0.01,
}
"""Of the budget of false alarms that is for single looks. A 0 or 1 and a rank are never so unusual alone; a full yard
is so more often than a normal law has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """How much evidence a change needs."""

    threshold: float
    """A of the chart, for surges and lulls alike."""

    single_p: float = 0.0
    """A look with a smaller two-sided p-value is told as a spike or dip; 0: none is."""

    sure: float = 5.0
    """Confirmed when the looks after the alarm are so many times likelier with the change than without it; retracted
    when it is the other way round (Wald's sequential test: wrong in at most 1 of 5 cases either way)."""

    least_confirming: int = 2
    """Looks after the alarm that a confirmation needs at least."""

    over: float = 20.0
    """A confirmed change is over when the looks since some look are so many times likelier without it."""

    usual_days: float = 365.0
    usual_looks: int = 30
    """A confirmed change that has lasted so long, with so many looks, is what is usual now."""


def rule_for(family: Family, false_alarms_a_year: float, looks_a_year: float) -> Rule:
    """The rule of a series with so many usable looks a year that keeps to that many false alarms a year on average.

    Surges, lulls and single looks together.
    """
    run = 2 * looks_a_year / ((1 - SINGLE_SHARE[family]) * false_alarms_a_year)
    single = SINGLE_SHARE[family] * false_alarms_a_year / looks_a_year
    return Rule(
        threshold=max(_height(family, run), LEAST_THRESHOLD),
        single_p=min(single, LARGEST_SINGLE_P),
    )


def _height(family: Family, run: float) -> float:
    """Of the chart that is passed once in that many looks while nothing changes."""
    trust = TRUST[family]
    return trust.factor * USUAL_RUN * math.pow(run / USUAL_RUN, trust.steepness)


def looks_between(family: Family, height: float) -> float:
    """Looks between false alarms of that height or more, of both directions: the inverse of the threshold."""
    trust = TRUST[family]
    return USUAL_RUN * math.pow(height / (trust.factor * USUAL_RUN), 1 / trust.steepness) / 2


LEAST_EVIDENCE = math.log(7.0)
"""Of the likeliest onset: log(likelihood of the looks since with the change / without it)."""

LEAST_THRESHOLD = 12.0
"""No budget is so generous that three looks in a row, which happen to be high, are a surge."""

LARGEST_SINGLE_P = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """The state of one zone and measure between two looks."""

    up: tuple[float, ...] = ()
    """R for each of the shifts upwards; empty: 0 each."""

    down: tuple[float, ...] = ()
    risen: tuple[float, ...] = ()
    """CUSUM of the log odds for each of the shifts upwards: of the likeliest onset; empty: 0 each."""

    fallen: tuple[float, ...] = ()
    incident: Incident | None = None
    """The open lasting change."""

    shift: int = 0
    """Index of the shift that it resembles most."""

    later: float = 0.0
    """log odds for the change of all looks after the alarm."""

    against: float = 0.0
    """CUSUM of the log odds against the change: how surely it is over."""

    leaning: int = 0
    """Members up to which that stood at zero: where the incident ends if it goes on."""

    members: tuple[Score, ...] = ()
    """Scores of the looks since the onset, against what was usual before it."""

    single: Incident | None = None
    """The newest look, if it is a spike or dip."""

    closed: tuple[Incident, ...] = ()


@dataclass(frozen=True, slots=True)
class Alarm:
    """The chart has passed its threshold."""

    kind: Kind
    shift: int
    height: float


def advance(watch: Watch, score: Score, rule: Rule) -> tuple[Watch, Alarm | None]:
    """The charts after one more usable look of a quiet series, which must be later than all before.

    A look without a baseline changes nothing. An incident is for the caller to make of an alarm (`raised`): only the
    series knows when the change began.
    """
    if score.expected is None:
        return watch, None
    watch = Watch(
        up=_heights(watch.up, score.up),
        down=_heights(watch.down, score.down),
        risen=_sums(watch.risen, score.up),
        fallen=_sums(watch.fallen, score.down),
        single=watch.single,
        closed=watch.closed,
    )
    surge, lull = _alarm(watch, Kind.SURGE, rule), _alarm(watch, Kind.LULL, rule)
    return watch, max((a for a in (surge, lull) if a is not None), key=lambda a: a.height, default=None)


def _alarm(watch: Watch, kind: Kind, rule: Rule) -> Alarm | None:
    """Of the chart of one direction.

    Where nothing ever changes, R grows by one a look, as every onset is as likely as none: so some onset must speak for
    itself, too.
    """
    heights, sums = (watch.up, watch.risen) if kind is Kind.SURGE else (watch.down, watch.fallen)
    height = sum(heights) / len(heights)
    if height < rule.threshold or max(sums) < LEAST_EVIDENCE:
        return None
    return Alarm(kind, heights.index(max(heights)), height)


def _sums(before: tuple[float, ...], odds: Sequence[float]) -> tuple[float, ...]:
    return tuple(max(0.0, c + o) for c, o in zip(before or (0.0,) * len(odds), odds, strict=True))


def _heights(before: tuple[float, ...], odds: Sequence[float]) -> tuple[float, ...]:
    return tuple((1.0 + r) * math.exp(o) for r, o in zip(before or (0.0,) * len(odds), odds, strict=True))


def raised(watch: Watch, alarm: Alarm, members: Sequence[Score], place: tuple[str, str, str]) -> Watch:
    """With the incident of an alarm; `members`: the looks since its onset against what was usual before that.

    `place`: AOI, zone, measure.
    """
    aoi, zone, measure = place
    incident = Incident(
        aoi=aoi,
        zone=zone,
        measure=measure,
        kind=alarm.kind,
        state=State.PROVISIONAL,
        onset=members[0].at,
        raised=members[-1].at,
        evidence=math.log10(alarm.height),
    )
    closed = tuple(replace(i, ending=Ending.GREW) if _within(i, incident) else i for i in watch.closed)
    surge = alarm.kind is Kind.SURGE
    return Watch(
        up=() if surge else watch.up,
        down=watch.down if surge else (),
        risen=() if surge else watch.risen,
        fallen=watch.fallen if surge else (),
        incident=summed(incident, members),
        shift=alarm.shift,
        leaning=len(members),
        members=tuple(members),
        closed=closed,
    )


def _within(single: Incident, incident: Incident) -> bool:
    same = single.kind.sign == incident.kind.sign and not single.kind.lasting
    return same and incident.onset <= single.onset <= incident.raised


def summed(incident: Incident, scores: Sequence[Score]) -> Incident:
    """With the looks, tracks and averages of its scores, at least one, in order of time."""
    expected = [s.expected for s in scores if s.expected is not None]
    return replace(
        incident,
        last=scores[-1].at,
        looks=tuple(s.look for s in scores),
        tracks=tuple(sorted({s.track for s in scores})),
        mean=sum(s.value for s in scores) / len(scores),
        usual=sum(e.centre for e in expected) / len(expected),
        baseline_looks=min(e.n for e in expected),
    )


def proceed(watch: Watch, incident: Incident, score: Score, rule: Rule) -> tuple[Watch, Alarm | None]:
    """The state after one more usable look while an incident is open; it may close it.

    The chart of the other direction goes on: if it passes its threshold, the incident is closed, and that is an alarm.
    """
    surge = incident.kind is Kind.SURGE
    odds = (score.up if surge else score.down)[watch.shift]
    against = max(0.0, watch.against - odds)
    watch = replace(
        watch,
        up=watch.up if surge else _heights(watch.up, score.up),
        down=_heights(watch.down, score.down) if surge else watch.down,
        risen=watch.risen if surge else _sums(watch.risen, score.up),
        fallen=_sums(watch.fallen, score.down) if surge else watch.fallen,
        incident=replace(incident, hits=(*incident.hits, odds > 0), last=score.at),
        members=(*watch.members, score),
        against=against,
        leaning=watch.leaning if against > 0 else len(watch.members) + 1,
        later=watch.later + odds,
    )
    alarm = _alarm(watch, Kind.LULL if surge else Kind.SURGE, rule)
    return (_decided(watch, score, rule) if alarm is None else _turned(watch)), alarm


def _turned(watch: Watch) -> Watch:
    """Closed because the other direction has passed its threshold, by a look that is none of its own."""
    incident = watch.incident
    assert incident is not None
    if incident.state is State.CONFIRMED:
        incident = replace(incident, state=State.FINISHED, ending=Ending.OVER)
    else:
        incident = replace(incident, state=State.RETRACTED)
    return _closed(watch, incident, watch.members[:-1][: watch.leaning])


def _decided(watch: Watch, score: Score, rule: Rule) -> Watch:
    """The open incident confirmed, closed, or as it is."""
    incident = watch.incident
    assert incident is not None
    if incident.state is State.PROVISIONAL:
        if watch.later <= -math.log(rule.sure):
            return _closed(watch, replace(incident, state=State.RETRACTED), watch.members[: watch.leaning])
        if watch.later >= math.log(rule.sure) and len(incident.hits) >= rule.least_confirming:
            return replace(watch, incident=replace(incident, state=State.CONFIRMED))
    elif watch.against >= math.log(rule.over):
        over = replace(incident, state=State.FINISHED, ending=Ending.OVER)
        return _closed(watch, over, watch.members[: watch.leaning])
    elif _is_usual_now(incident, len(watch.members), score, rule):
        return _closed(watch, replace(incident, state=State.FINISHED, ending=Ending.NEW_USUAL), watch.members)
    return watch


def _is_usual_now(incident: Incident, looks: int, score: Score, rule: Rule) -> bool:
    days = (score.at - incident.onset).total_seconds() / 86_400
    return days >= rule.usual_days and looks >= rule.usual_looks


def _closed(watch: Watch, incident: Incident, members: Sequence[Score]) -> Watch:
    """`members` are the looks up to its end: the newest at which nothing spoke against it."""
    ended = replace(summed(incident, members), until=members[-1].at)
    return Watch(
        up=watch.up,
        down=watch.down,
        risen=watch.risen,
        fallen=watch.fallen,
        closed=(*watch.closed, ended),
    )


def singled(watch: Watch, score: Score, rule: Rule, place: tuple[str, str, str]) -> Watch:
    """With the look as a spike or dip, if it is one; the one before, if there was one, is over."""
    if watch.single is not None:
        ended = replace(watch.single, state=State.FINISHED, ending=Ending.SINGLE, until=watch.single.onset)
        watch = replace(watch, single=None, closed=(*watch.closed, ended))
    if score.expected is None or watch.incident is not None or score.p >= rule.single_p:
        return watch
    aoi, zone, measure = place
    found = Incident(
        aoi=aoi,
        zone=zone,
        measure=measure,
        kind=Kind.SPIKE if score.z > 0 else Kind.DIP,
        state=State.PROVISIONAL,
        onset=score.at,
        raised=score.at,
        evidence=-math.log10(max(score.p, 1e-300)),
    )
    return replace(watch, single=summed(found, [score]))


def incidents(watch: Watch) -> list[Incident]:
    """All of them, the closed ones first."""
    lasting = [summed(watch.incident, watch.members)] if watch.incident is not None else []
    return [*watch.closed, *([watch.single] if watch.single is not None else []), *lasting]
