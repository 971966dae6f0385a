"""What the alerts of an AOI are worth, measured on its own history: false alarms, and changes and ships found.

False alarms are counted in placebos (`alert.placebo`), which are followed look by look with the rules of the AOI as its
own series are. Changes are planted into the same placebos. Ships are put into the pixels of recent radar looks.

What known changes of the place hold is not drawn from. A change that was never found is, and makes the rate of false
alarms larger than it is; a false alarm that was confirmed is left out, and makes it smaller. The intervals are those of
drawing placebos, not of having but this one history.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from statistics import median

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from monitor import alert, baseline, history, measures
from monitor.alert import Calibration, Ending, Incident, Recall, ShipRecall, State, intervals, placebo
from monitor.alert.placebo import Block, Material, Planted
from monitor.aoi import WATER
from monitor.baseline import Family
from monitor.errors import NothingUsable, SourceError
from monitor.flow import derive
from monitor.flow.imagery import bands_of
from monitor.flow.poll import Progress, silent
from monitor.flow.story import Chronicle, Eyes
from monitor.grid import Grid, Mask
from monitor.history import Point, Series, Thread
from monitor.look import Look
from monitor.measures import MEASURES, View, canary
from monitor.measures.radar_look import RadarLook, radar_look
from monitor.message import counted
from monitor.radiometry import LinearPower
from monitor.scene import Pass, Sensor
from monitor.vessels.radar import detect

Array = NDArray[np.float64]

YEARS, PLANTED = 200.0, 40
"""Null history drawn, and changes of each kind planted into each series, unless asked for otherwise."""

LEAST_DAYS, LEAST_LOOKS = 182.0, 24
"""Of a series: a shorter one does not tell its own wander (`baseline.habits`)."""

TRAINING_SHARE = 0.25
"""Of the history: what is raised before is of a place that is hardly known yet, and does not count."""

FOUND_WITHIN = 40
"""Looks with the change after which it counts as missed."""

NEAR_LOOKS = 10
"""Before the planted date: an onset farther back is that of something else."""

SEED = 20
"""Of all drawing: the same history gives the same figures."""

PROCESSES, A_TASK = 2, 4
"""Placebos are independent; a task is so many of them."""

WORTH_PROCESSES = 15_000
"""Looks to follow: fewer are followed in less time than a process needs to start."""

SHIP_LOOKS, SHIPS_A_LOOK = 12, 4
LENGTHS_M = (50.0, 100.0, 150.0)
SLENDER = canary.WIDTH_M / canary.LENGTH_M

APART_M = 2 * canary.AROUND_M
"""Between two ships in one look: none is in the sea that the other is held against."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Subject:
    """One series as it is calibrated."""

    series: Series
    points: Sequence[Point]
    """In order of time."""

    material: Material
    plans: Sequence[Planted]
    correlation_days: float
    """Of its wander; 0: it has none."""

    @property
    def within(self) -> int:
        """Looks in which a planted change has to be found."""
        return min(FOUND_WITHIN, len(self.points) - len(self.points) // 2)


@dataclass(frozen=True, kw_only=True, eq=False)
class Ground:
    """All that placebos of an AOI are made from."""

    subjects: Sequence[Subject]
    block_days: float
    counted_from: datetime

    @property
    def looks(self) -> int:
        """Of one placebo, all series together."""
        return sum(len(s.points) for s in self.subjects)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One change planted into one series."""

    subject: int
    """Its number in the `Ground`."""

    plan: int
    delay: int | None
    """Looks from the first with the change to the alarm, that one included; None: missed."""


@dataclass(frozen=True, kw_only=True)
class Tally:
    """What one placebo gave."""

    raised: int
    trials: Sequence[Trial] = ()


def calibrate(
    told: Chronicle,
    points: Mapping[tuple[str, str], Sequence[Point]],
    eyes: Eyes,
    *,
    years: float = YEARS,
    planted: int = PLANTED,
    progress: Progress = silent,
    stop_ships: Callable[[], bool] = lambda: False,
    processes: int = PROCESSES,
) -> Calibration:
    """Measures the alerts of an AOI.

    Args:
        told: the AOI with its rules, scored.
        points: its usable measurements by zone and measure, in order of time.
        eyes: read its looks again.
        years: null history to draw, at least.
        planted: changes of each kind planted into each series, at most: none into a time in which an alarm is open.
        progress: steps done and to do: a placebo is one, a look with ships another.
        stop_ships: asked before each look into which ships are put.
        processes: that follow placebos.

    Raises:
        NothingUsable: the history of every watched series is too short.
    """
    ground, left_out = _ground(told, points)
    first = min(s.points[0].at for s in ground.subjects)
    last = max(s.points[-1].at for s in ground.subjects)
    counted_years = (last - first) / timedelta(days=placebo.YEAR_DAYS) * (1 - TRAINING_SHARE)
    number = max(int(np.ceil(years / counted_years)), planted, 1)
    total = number + SHIP_LOOKS
    tallies = []
    for tally in _tallies(ground, number, planted, processes):
        tallies.append(tally)
        progress(len(tallies), total)
    ships, note = _ships(told, points, eyes, lambda done: progress(number + done, total), stop_ships)
    progress(total, total)
    return Calibration(
        aoi=told.aoi.id,
        at=eyes.as_of,
        looks=len({p.look for s in ground.subjects for p in s.points}),
        placebos=number,
        years=number * counted_years,
        budget=told.false_alarms_a_year,
        false_alarms_a_year=intervals.of_rate(sum(t.raised for t in tallies), number * counted_years),
        recall=tuple(_recall(ground, [trial for t in tallies for trial in t.trials])),
        recipes=tuple(sorted({MEASURES[w.measure].recipe for w in derive.watched(told.aoi)})),
        left_out=tuple(left_out),
        ships=ships,
        ships_note=note,
    )


def _ground(told: Chronicle, points: Mapping[tuple[str, str], Sequence[Point]]) -> tuple[Ground, list[str]]:
    """What is calibrated, and the names of the watched series whose history is too short."""
    subjects, left_out = [], []
    for watched in derive.watched(told.aoi):
        key = watched.zone, watched.measure
        own = sorted(points.get(key, ()), key=lambda p: (p.at, p.look))
        found = _subject(told, key, own) if own else None
        if found is None:
            left_out.append(f"{watched.zone}, {watched.measure}")
        else:
            subjects.append(found)
    if not subjects:
        raise NothingUsable(
            f"{told.aoi.name}: too little history to measure its alerts on: every watched series is shorter than half "
            f"a year, or has fewer than {LEAST_LOOKS} usable looks without a change",
            f"Next: quaywatch backfill {told.aoi.id} --since with a day two or three years ago.",
        )
    first = min(s.points[0].at for s in subjects)
    span = max(s.points[-1].at for s in subjects) - first
    slowest = max(s.correlation_days for s in subjects)
    length = placebo.block_days(slowest, span / timedelta(days=1))
    return Ground(subjects=subjects, block_days=length, counted_from=first + TRAINING_SHARE * span), left_out


def _subject(told: Chronicle, key: tuple[str, str], points: Sequence[Point]) -> Subject | None:
    """None: its history is too short."""
    followed, rule = told.followed.get(key), told.rules.get(key)
    span = points[-1].at - points[0].at
    if followed is None or followed.baseline is None or rule is None or span < timedelta(days=LEAST_DAYS):
        return None
    usual = _usual(points, followed.incidents)
    if usual.sum() < LEAST_LOOKS:
        return None
    family, wander = MEASURES[key[1]].family, followed.baseline.habits.wander
    mean = float(np.mean([p.value for p, u in zip(points, usual, strict=True) if u]))
    return Subject(
        series=Series(aoi=told.aoi.id, zone=key[0], measure=key[1], family=family, rule=rule),
        points=points,
        material=Material(
            days=np.array([baseline.days_since_epoch(p.at) for p in points]),
            tracks=tuple(p.track for p in points),
            usual=usual,
        ),
        plans=placebo.changes(family, mean, followed.baseline.spread),
        correlation_days=wander.days if wander.variance > 0 else 0.0,
    )


def _usual(points: Sequence[Point], incidents: Sequence[Incident]) -> NDArray[np.bool_]:
    """True for the looks of no lasting change, of one time between two changes that became the new usual.

    Values of both sides of such a change would put its step into every placebo. Of these times the one with most looks.
    """
    usual, age = np.ones(len(points), bool), np.zeros(len(points), np.int64)
    for incident in incidents:
        if not incident.kind.lasting or incident.state not in {State.CONFIRMED, State.FINISHED}:
            continue
        if incident.ending is Ending.NEW_USUAL:
            age += np.array([p.at >= incident.onset for p in points])
        else:
            own = frozenset(incident.looks)
            usual &= np.array([p.look not in own for p in points])
    longest = int(np.argmax(np.bincount(age[usual]))) if usual.any() else 0
    return np.asarray(usual & (age == longest))


def _tallies(ground: Ground, number: int, planted: int, processes: int) -> Iterator[Tally]:
    """Of all placebos, in any order."""
    if processes <= 1 or number * ground.looks < WORTH_PROCESSES:
        yield from (follow(ground, n, plant=n < planted) for n in range(number))
        return
    spawn = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(processes, mp_context=spawn, initializer=_deaf)
    try:
        tasks = [
            pool.submit(_several, ground, range(n, min(n + A_TASK, number)), planted) for n in range(0, number, A_TASK)
        ]
        for task in as_completed(tasks):
            yield from task.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _deaf() -> None:
    """Ctrl-C is for the process that shows the command."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _several(ground: Ground, numbers: Iterable[int], planted: int) -> list[Tally]:
    return [follow(ground, n, plant=n < planted) for n in numbers]


def follow(ground: Ground, number: int, *, plant: bool) -> Tally:
    """One placebo of the whole AOI: the incidents it raises, and what of the changes planted into it is found."""
    rng = np.random.default_rng((SEED, number))
    chosen = placebo.blocks([s.material for s in ground.subjects], ground.block_days, rng)
    raised, trials = 0, list[Trial]()
    for index, (subject, own) in enumerate(zip(ground.subjects, chosen, strict=True)):
        values = np.array([p.value for p in subject.points])[placebo.drawn(subject.material, own)]
        before, thread = [], Thread()
        for point, value in zip(subject.points, values, strict=True):
            before.append(thread)
            thread, _ = history.step(thread, replace(point, value=float(value)), subject.series)
        raised += sum(i.raised >= ground.counted_from for i in alert.incidents(thread.watch))
        if plant:
            trials += _trials(index, subject, values, before, _Drawing(own, rng))
    return Tally(raised=raised, trials=trials)


@dataclass(frozen=True)
class _Drawing:
    """How a placebo was drawn."""

    chosen: Sequence[Block]
    rng: np.random.Generator


def _trials(
    index: int, subject: Subject, values: Array, before: Sequence[Thread], drawing: _Drawing
) -> Iterator[Trial]:
    """The changes from one random date on; none if an alarm is open all the time: it would hide them.

    `before`: the series as it stands before each look.
    """
    looks, within, rng = len(values), subject.within, drawing.rng
    quiet = [i for i in range(looks // 2, looks - within + 1) if before[i].watch.incident is None]
    if not quiet:
        return
    first = quiet[int(rng.integers(len(quiet)))]
    part = slice(first, first + within)
    usual = placebo.usual_of_block(values, subject.material, drawing.chosen)
    for number, plan in enumerate(subject.plans):
        changed = placebo.changed(values[part], usual[part], subject.series.family, plan, rng)
        yield Trial(subject=index, plan=number, delay=_delay(subject, before[first], first, changed, plan))


def _delay(subject: Subject, thread: Thread, first: int, values: Array, plan: Planted) -> int | None:
    """Looks until the change is found that begins with the look `first`; None: it is not."""
    near = subject.points[max(first - NEAR_LOOKS, 0)].at
    for number, value in enumerate(values):
        old = thread.watch.incident
        thread, _ = history.step(thread, replace(subject.points[first + number], value=float(value)), subject.series)
        new = thread.watch.incident
        begun = new is not None and (old is None or old.kind is not new.kind)
        if begun and new is not None and new.kind is plan.kind and new.onset >= near:
            return number + 1
    return None


def _recall(ground: Ground, trials: Sequence[Trial]) -> Iterator[Recall]:
    for index, subject in enumerate(ground.subjects):
        for number, plan in enumerate(subject.plans):
            own = [t.delay for t in trials if (t.subject, t.plan) == (index, number)]
            delays = [d for d in own if d is not None]
            if own:
                yield Recall(
                    zone=subject.series.zone,
                    measure=subject.series.measure,
                    ratio=plan.ratio,
                    looks=subject.within,
                    found=intervals.of_share(len(delays), len(own)),
                    delay_looks=float(median(delays)) if delays else None,
                )


# ships


def _ships(
    told: Chronicle,
    points: Mapping[tuple[str, str], Sequence[Point]],
    eyes: Eyes,
    progress: Callable[[int], None],
    stop: Callable[[], bool],
) -> tuple[tuple[ShipRecall, ...], str]:
    """Ships of each length found in recent radar looks, and a sentence where that is not all there could be."""
    measured = _measured(told, points)
    if not measured:
        return (), "No ships were put into pixels: no radar look counted vessels in a watched zone."
    rng, looks, late = np.random.default_rng(SEED), 0, False
    planted, found = dict.fromkeys(LENGTHS_M, 0), dict.fromkeys(LENGTHS_M, 0)
    for look in sorted((k for k in told.looks if k.id in measured), key=lambda k: k.start, reverse=True):
        if looks == SHIP_LOOKS or (late := stop()):
            break
        seen = _opened(eyes, look)
        spots = [] if seen is None else _spots(seen, measured[look.id], eyes.site.grid, rng)
        if seen is None or not spots:
            continue
        for length in LENGTHS_M:
            planted[length] += len(spots)
            found[length] += _found(seen, look, spots, length, rng)
        looks += 1
        progress(looks)
    if not looks:
        return (), (
            "No ships were put into pixels: time was up."
            if late
            else "No ships were put into pixels: no radar look in the archive has open water in its zones."
        )
    ships = [
        ShipRecall(length_m=m, looks=looks, planted=planted[m], found=intervals.of_share(found[m], planted[m]))
        for m in LENGTHS_M
    ]
    return tuple(ships), f"Time was up after {counted(looks, 'look')} with ships." if late else ""


def _measured(told: Chronicle, points: Mapping[tuple[str, str], Sequence[Point]]) -> dict[str, list[str]]:
    """Watched water zones with a number of vessels, by radar look."""
    kinds = {z.name: z.kind for z in told.aoi.zones}
    radar = {k.id for k in told.looks if k.usable and k.track.sensor is Sensor.SENTINEL1}
    found: dict[str, list[str]] = {}
    for watched in derive.watched(told.aoi):
        if kinds[watched.zone] in WATER and MEASURES[watched.measure].family is Family.COUNT:
            for point in points.get((watched.zone, watched.measure), ()):
                if point.look in radar:
                    found.setdefault(point.look, []).append(watched.zone)
    return found


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """A radar look as it is measured."""

    look: RadarLook
    view: View
    zones: Mapping[str, Mask]


def _opened(eyes: Eyes, look: Look) -> _Seen | None:
    """None: its pixels are not in the archive, or its track has no reference yet."""
    view = eyes.view(look)
    if view is None or not view.old_enough:
        return None
    try:
        with eyes.store.transaction() as tx:
            taken = Pass(scenes=tuple(eyes.imagery.restored(tx.items(look.aoi, look.id))))
        if not eyes.imagery.has(look.aoi, taken, eyes.site.grid, bands_of(look.track)):
            return None
        stack = eyes.stack(look)
    except SourceError:
        return None
    zones = measures.zone_masks(eyes.site, view)
    asked: Mask = np.zeros(eyes.site.grid.shape, bool)
    for zone in eyes.site.aoi.zones:
        if zone.kind in WATER:
            asked |= zones[zone.name]
    prepared = radar_look(stack, look.track, eyes.site, month=look.start.month, view=view, asked=asked)
    return _Seen(look=prepared, view=view, zones=zones)


def _spots(seen: _Seen, names: Sequence[str], grid: Grid, rng: np.random.Generator) -> list[canary.Place]:
    """Random places in open water of these zones, CLEAR_M from shore, vessels and edge, and APART_M from each other."""
    free: Mask = np.zeros(grid.shape, bool)
    for name in names:
        free |= seen.zones[name]
    free = canary.without(free & seen.look.water, seen.look.vessels)
    padded = np.pad(free, 1)
    clear = ndimage.distance_transform_edt(padded)[1:-1, 1:-1] * grid.resolution > canary.CLEAR_M
    whole = (slice(0, grid.shape[0]), slice(0, grid.shape[1]))
    rows, columns = np.nonzero(clear)
    spots: list[canary.Place] = []
    while rows.size and len(spots) < SHIPS_A_LOOK:
        one = int(rng.integers(rows.size))
        spots.append(canary.Place(row=int(rows[one]), column=int(columns[one]), window=whole))
        far = np.hypot(rows - rows[one], columns - columns[one]) * grid.resolution >= APART_M
        rows, columns = rows[far], columns[far]
    return spots


def _found(seen: _Seen, look: Look, spots: Sequence[canary.Place], length_m: float, rng: np.random.Generator) -> int:
    """How many ships of that length, one at each place on a random heading, are found in a copy of the look."""
    grid = seen.look.site.grid
    power = seen.look.power.copy()
    for spot in spots:
        hull = canary.Hull(length_m, SLENDER * length_m, float(rng.uniform(0.0, 180.0)))
        share = canary.share_of_ship(power.shape, spot.inside, grid, canary.RADAR_SPREAD_M, hull)
        power += canary.SHIP_POWER * share
    found = detect(
        LinearPower(power),
        seen.look.water,
        seen.view.background,
        grid,
        sea_db=seen.look.sea_db,
        track=look.track,
    )
    return sum(canary.ship_found(found, spot, grid) for spot in spots)
