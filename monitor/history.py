"""The history of one zone and measure, folded look by look into scores and incidents."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from monitor import alert, baseline, score
from monitor.alert import Alarm, Ending, Incident, Passed, Rule, State, Watch
from monitor.baseline import LEAST_LOOKS, Baseline, Family, Forecast, Lesson
from monitor.score import Score

REMEMBERED = 130
"""Looks before the newest of which it is remembered what was known before them: a change may have begun at any."""

TOLD_LATER = 40
"""Looks after the alarm that go on sharpening the onset of a change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A usable measurement in its series."""

    look: str
    track: str
    at: datetime
    value: float
    satellite: str = ""

    @property
    def lesson(self) -> Lesson:
        """As a baseline learns it."""
        return Lesson(baseline.days_since_epoch(self.at), self.track, self.satellite, self.value)


@dataclass(frozen=True, kw_only=True)
class Followed:
    """What a series gave."""

    scores: Sequence[Score]
    """One for each point, in order of time, against what was known before it."""

    incidents: Sequence[Incident]
    baseline: Baseline | None = None
    """What is usual after the last look; None: there was none."""


@dataclass(frozen=True, kw_only=True)
class Series:
    """Where a series belongs, and how it is followed."""

    aoi: str
    zone: str
    measure: str
    family: Family
    rule: Rule | None
    """None: the series is scored but raises nothing."""

    @property
    def place(self) -> tuple[str, str, str]:
        """AOI, zone and measure."""
        return self.aoi, self.zone, self.measure


@dataclass(frozen=True, slots=True, kw_only=True)
class Thread:
    """A series between two looks: all that is needed to take the next one."""

    baseline: Baseline | None = None
    lessons: tuple[Lesson, ...] = ()
    """What it has learnt from, in order of time."""

    apart: tuple[Lesson, ...] = ()
    """Looks of changes that are over: they tell how the place wanders, not what is usual."""

    due: int = LEAST_LOOKS
    """Lessons at which the habits of the series are told anew."""

    recent: tuple[Passed, ...] = ()
    """The newest looks since the last lasting incident; all since shortly before the open one."""

    first: int = 0
    """Index in `recent` of the look at which the open incident was found to begin."""

    alarm: int = 0
    """Index in `recent` of the look that raised it."""

    watch: Watch = field(default_factory=Watch)


def follow(points: Sequence[Point], series: Series, *, sized: bool = True) -> Followed:
    """Scores every point against the earlier ones, and follows the incidents.

    A pure function of the set of points: their order of arrival does not matter. What is usual never learns from a look
    of an incident that is open or was confirmed. `sized`: with the size of each lasting change and the interval of its
    onset, which cost more than all the rest.
    """
    # what raises nothing needs no habits: they cost as much as all the rest
    thread, scores = Thread(due=LEAST_LOOKS if series.rule else sys.maxsize), []
    found: list[Incident] = []
    for point in sorted(points, key=lambda p: (p.at, p.look)):
        before = thread
        thread, scored = step(thread, point, series)
        scores.append(scored)
        if sized and before.watch.incident is not None and len(thread.watch.closed) > len(before.watch.closed):
            found.append(with_size(before, thread.watch.closed[-1]))
    if sized and thread.watch.incident is not None:
        found.append(with_size(thread, thread.watch.incident))
    others = [i for i in alert.incidents(thread.watch) if not (sized and i.kind.lasting)]
    told = sorted([*found, *others], key=lambda i: (i.raised, i.kind))
    return Followed(scores=tuple(scores), incidents=tuple(told), baseline=thread.baseline)


def step(thread: Thread, point: Point, series: Series) -> tuple[Thread, Score]:
    """The series after one more usable look, which must be later than all before, and the score of that look."""
    lesson = point.lesson
    before = thread.baseline or baseline.nothing(series.family, point.value)
    expected = baseline.forecast(before, lesson.day, lesson.track, lesson.satellite)
    scored = score.against(expected, point.value, look=point.look, track=point.track, at=point.at)
    if series.rule is None:
        return _learnt(thread, expected, lesson), scored
    passed = Passed(look=point.look, score=scored, lesson=lesson, before=before)
    if thread.watch.incident is not None:
        watch, alarm = alert.proceed(thread.watch, thread.watch.incident, scored, series.rule)
        thread = replace(thread, recent=(*thread.recent, passed), watch=watch)
        if watch.incident is None:
            thread = _closed(thread, watch.closed[-1])
        return (thread if alarm is None else _raised(thread, alarm, series)), scored
    watch, alarm = alert.advance(thread.watch, scored, series.rule)
    watch = alert.singled(watch, scored, series.rule, series.place)
    recent = (*thread.recent[-REMEMBERED:], passed)
    if alarm is not None:
        return _raised(replace(thread, recent=recent, watch=watch), alarm, series), scored
    if watch.single is not None:  # nothing is learnt from a look that is told as unusual
        return replace(thread, recent=recent, watch=watch), scored
    return _learnt(thread, expected, lesson, recent, watch), scored


def _learnt(
    thread: Thread,
    expected: Forecast,
    lesson: Lesson,
    recent: tuple[Passed, ...] | None = None,
    watch: Watch | None = None,
) -> Thread:
    """With one more lesson; when it is due, told anew with the habits of the whole series.

    `recent`, `watch`: what they are after it, where they change. Written out: `replace` would take a tenth of the time
    of a look.
    """
    lessons, due = (*thread.lessons, lesson), thread.due
    known = baseline.learnt(expected, lesson.value)
    if len(lessons) + len(thread.apart) >= due:
        known = baseline.told_anew(lessons, (*thread.apart, *lessons), known)
        due = baseline.next_milestone(len(lessons) + len(thread.apart))
    return Thread(
        baseline=known,
        lessons=lessons,
        apart=thread.apart,
        due=due,
        recent=thread.recent if recent is None else recent,
        first=thread.first,
        alarm=thread.alarm,
        watch=thread.watch if watch is None else watch,
    )


def _raised(thread: Thread, alarm: Alarm, series: Series) -> Thread:
    """The incident is open: what is usual is again what was known before its onset."""
    first = alert.likely_first([p.score for p in thread.recent], alarm)
    held = thread.recent[first:]
    usual = held[0].before
    watch = alert.raised(thread.watch, alarm, [_rescored(p, usual) for p in held], series.place)
    lessons = tuple(lesson for lesson in thread.lessons if lesson.day < held[0].lesson.day)
    return replace(thread, baseline=usual, lessons=lessons, first=first, alarm=len(thread.recent) - 1, watch=watch)


def _rescored(passed: Passed, usual: Baseline) -> Score:
    lesson, old = passed.lesson, passed.score
    expected = baseline.forecast(usual, lesson.day, lesson.track, lesson.satellite)
    return score.against(expected, lesson.value, look=old.look, track=old.track, at=old.at)


def _closed(thread: Thread, ended: Incident) -> Thread:
    """What is usual learns the looks that turned out to be ordinary; after a new usual, those alone."""
    held = thread.recent[thread.first :]
    assert thread.baseline is not None
    if ended.ending is Ending.NEW_USUAL:
        lessons = tuple(p.lesson for p in held)
        known = baseline.of_lessons(lessons, thread.baseline.family)
        return Thread(baseline=known, lessons=lessons, watch=Watch(closed=thread.watch.closed))
    own: frozenset[str] = frozenset(ended.looks) if ended.state is State.FINISHED else frozenset()
    apart = tuple(p.lesson for p in held if p.look in own)
    thread = replace(
        thread,
        apart=(*thread.apart, *apart),
        recent=() if apart else thread.recent[: thread.first],
        first=0,
        alarm=0,
    )
    for passed in (p for p in held if p.look not in own):
        thread = _taken_back(thread, passed)
    return thread


def _taken_back(thread: Thread, passed: Passed) -> Thread:
    """With a look that was held back, and turned out to be ordinary."""
    assert thread.baseline is not None
    lesson = passed.lesson
    expected = baseline.forecast(thread.baseline, lesson.day, lesson.track, lesson.satellite)
    remembered = replace(passed, before=thread.baseline)
    return _learnt(thread, expected, lesson, (*thread.recent[-REMEMBERED:], remembered))


def with_size(thread: Thread, incident: Incident) -> Incident:
    """A lasting incident with its size and the interval of its onset, told from all its looks.

    `thread`: with the incident open, at its newest look or the one before it was closed.
    """
    last = incident.until or thread.recent[-1].score.at
    until = max(sum(p.score.at <= last for p in thread.recent), thread.alarm + 1)
    sharpening = thread.recent[: min(until, thread.alarm + 1 + TOLD_LATER)]
    weights = alert.onset(sharpening, latest=thread.alarm)
    told = alert.effect(thread.recent[:until], weights)
    assert thread.baseline is not None
    members = [_rescored(p, thread.baseline) for p in thread.recent[told.first : until]]
    between = thread.recent[max(told.earliest - 1, 0)].score.at, thread.recent[told.latest].score.at
    return alert.summed(
        replace(
            incident,
            onset=members[0].at,
            onset_between=between,
            level=told.level,
            ratio=told.ratio,
            difference=told.difference,
        ),
        members,
    )
