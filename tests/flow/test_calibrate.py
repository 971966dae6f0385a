"""The alerts of an AOI measured on its own history."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from flow.conftest import SCENARIO, Archive, polled
from monitor import history
from monitor.alert import Calibration, Ending, Incident, Kind, Recall, Rule, State
from monitor.aoi import Aoi
from monitor.archive import Archive as Kept
from monitor.errors import NothingUsable
from monitor.flow import calibrate, story
from monitor.flow.imagery import Imagery
from monitor.flow.story import Chronicle, Eyes
from monitor.grid import Grid
from monitor.history import Point, Series
from monitor.measures import MEASURES, canary
from monitor.simulate import AOI_ID
from monitor.site import site
from monitor.sources.folder import FolderSource
from monitor.store import Store

START = datetime(2020, 1, 1, tzinfo=UTC)
BERTHS, YARD = ("berths", "vessel_count"), ("yard", "yard_fill")
EAGER, DEAF = Rule(threshold=12.0), Rule(threshold=math.inf)
FAIR, STRICT = Rule(threshold=100.0), Rule(threshold=2000.0)


def series(values: Sequence[float], *, every: float = 6.0) -> list[Point]:
    return [
        Point(look=f"l{i}", track="ab"[i % 2], at=START + timedelta(days=every * i), value=float(v), satellite="s1a")
        for i, v in enumerate(values)
    ]


def counts(mean: float, looks: int = 180, seed: int = 1) -> list[Point]:
    return series(np.random.default_rng(seed).poisson(mean, looks).tolist())


def known(aoi: Aoi, points: dict[tuple[str, str], list[Point]], rule: Rule) -> Chronicle:
    followed = {
        (zone, measure): history.follow(
            own, Series(aoi=aoi.id, zone=zone, measure=measure, family=MEASURES[measure].family, rule=rule)
        )
        for (zone, measure), own in points.items()
    }
    return Chronicle(
        aoi=aoi,
        looks=(),
        followed=followed,
        incidents=(),
        simulated=True,
        watched=3,
        false_alarms_a_year=1.0,
        rules=dict.fromkeys(points, rule),
    )


@pytest.fixture
def eyes(port: Aoi, store: Store) -> Eyes:
    return Eyes(store=store, imagery=Imagery(sources=()), site=site(port), as_of=SCENARIO.end)


def made(eyes: Eyes, points: dict[tuple[str, str], list[Point]], rule: Rule, **options: Any) -> Calibration:
    settings: dict[str, Any] = {"years": 20, "planted": 0, "processes": 1} | options
    return calibrate.calibrate(known(eyes.site.aoi, points, rule), points, eyes, **settings)


def test_false_alarms_are_those_that_the_rule_raises_a_year_of_placebos(eyes: Eyes) -> None:
    points = {BERTHS: counts(2.0)}
    eager, deaf = made(eyes, points, EAGER), made(eyes, points, DEAF)
    assert deaf.false_alarms_a_year.value == 0 < deaf.false_alarms_a_year.high < 0.2
    assert eager.false_alarms_a_year.value > 1
    assert not eager.met
    assert deaf.met
    assert eager.placebos == 10
    assert eager.years == pytest.approx(10 * 0.75 * 179 * 6 / 365.25)
    assert (eager.looks, eager.budget, eager.at) == (180, 1.0, SCENARIO.end)
    assert set(eager.left_out) == {"anchorage, vessel_count", "yard, yard_fill"}
    assert set(eager.recipes) == {MEASURES[m].recipe for m in ("vessel_count", "yard_fill")}


def test_the_same_history_gives_the_same_figures_however_many_processes(
    eyes: Eyes, monkeypatch: pytest.MonkeyPatch
) -> None:
    points = {BERTHS: counts(2.0), YARD: series(np.random.default_rng(2).beta(20, 40, 180).tolist())}
    alone = made(eyes, points, EAGER, years=8, planted=5)
    monkeypatch.setattr(calibrate, "WORTH_PROCESSES", 0)
    assert made(eyes, points, EAGER, years=8, planted=5, processes=2) == alone


def sooner(one: Recall, other: Recall) -> bool:
    """Twice as soon at least; what is never found is found last."""
    waits = [math.inf if r.delay_looks is None else r.delay_looks for r in (one, other)]
    return 2 * waits[0] < waits[1]


def test_planted_changes_are_found_the_sooner_the_larger_the_numbers(eyes: Eyes) -> None:
    many = made(eyes, {BERTHS: counts(8.0)}, FAIR, years=1, planted=12)
    few = made(eyes, {BERTHS: counts(0.1)}, FAIR, years=1, planted=12)
    assert [(r.zone, r.measure, r.ratio, r.looks) for r in many.recall] == [(*BERTHS, 2.0, 40), (*BERTHS, 0.5, 40)]
    assert many.placebos == 12
    for ratio in (0, 1):
        assert many.recall[ratio].found.value > 0.9
        assert many.recall[ratio].found.value > few.recall[ratio].found.value + 0.1
        assert sooner(many.recall[ratio], few.recall[ratio])
    assert all(r.delay_looks is not None and 1 <= r.delay_looks <= 10 for r in many.recall)
    deaf = made(eyes, {BERTHS: counts(8.0)}, DEAF, years=1, planted=12)
    assert [(r.found.value, r.delay_looks) for r in deaf.recall] == [(0, None), (0, None)]


def test_a_change_that_is_known_is_no_part_of_the_placebos(eyes: Eyes) -> None:
    rng = np.random.default_rng(4)
    calm = rng.poisson(2.0, 180)
    risen = calm + np.where(np.arange(180) >= 140, rng.poisson(8.0, 180), 0)
    points = {BERTHS: series(risen.tolist())}
    told = known(eyes.site.aoi, points, STRICT)
    surge = told.followed[BERTHS].incidents[-1]
    assert (surge.kind, surge.state) == (Kind.SURGE, State.CONFIRMED)
    with_change = calibrate.calibrate(told, points, eyes, years=20, planted=0, processes=1)
    assert with_change.false_alarms_a_year.high < 0.5
    forgotten = replace(told, followed={BERTHS: replace(told.followed[BERTHS], incidents=())})
    without = calibrate.calibrate(forgotten, points, eyes, years=20, planted=0, processes=1)
    assert without.false_alarms_a_year.value > 2 * with_change.false_alarms_a_year.high


def test_of_both_sides_of_a_new_usual_the_longer_is_drawn_from() -> None:
    points = series([0.0] * 100)

    def incident(first: int, last: int, ending: Ending) -> Incident:
        return Incident(
            aoi="a",
            zone="z",
            measure="m",
            kind=Kind.LULL,
            state=State.FINISHED,
            onset=points[first].at,
            raised=points[first + 5].at,
            looks=tuple(p.look for p in points[first:last]),
            ending=ending,
        )

    over = incident(70, 80, Ending.OVER)
    usual = calibrate._usual(points, [incident(40, 60, Ending.NEW_USUAL), over])
    assert np.flatnonzero(usual).tolist() == [*range(40, 70), *range(80, 100)]
    usual = calibrate._usual(points, [incident(60, 95, Ending.NEW_USUAL), over])
    assert np.flatnonzero(usual).tolist() == list(range(60))
    retracted = replace(over, state=State.RETRACTED, ending=None)
    assert calibrate._usual(points, [retracted]).all()


@pytest.mark.parametrize(("looks", "every"), [(23, 10.0), (60, 3.0), (0, 1.0)])
def test_a_short_history_is_refused(eyes: Eyes, looks: int, every: float) -> None:
    points = {BERTHS: series([1.0] * looks, every=every)} if looks else {}
    with pytest.raises(NothingUsable, match="too little history"):
        made(eyes, points, FAIR)


def test_without_a_radar_look_it_says_why_there_are_no_ships(eyes: Eyes) -> None:
    found = made(eyes, {BERTHS: counts(2.0)}, DEAF, years=1)
    assert found.ships == ()
    assert found.ships_note == "No ships were put into pixels: no radar look counted vessels in a watched zone."


def test_progress_ends_where_it_said(eyes: Eyes) -> None:
    steps: list[tuple[int, int]] = []
    points = {BERTHS: counts(2.0)}
    calibrate.calibrate(
        known(eyes.site.aoi, points, DEAF),
        points,
        eyes,
        years=5,
        planted=0,
        processes=1,
        progress=lambda done, total: steps.append((done, total)),
    )
    assert [done for done, _ in steps] == sorted(done for done, _ in steps)
    assert steps[-1][0] == steps[-1][1]


# ships


def test_a_hull_of_any_length_and_heading_has_its_area_where_it_is_put() -> None:
    grid = Grid(epsg=32626, left=0, top=1000, resolution=10, width=100, height=100)
    for length, width, heading in ((50.0, 8.0, 0.0), (150.0, 24.0, 75.0)):
        hull = canary.Hull(length, width, heading)
        share = canary.share_of_ship((100, 100), (40, 60), grid, 8.5, hull)
        assert float(share.sum()) * 100 == pytest.approx(length * width, rel=0.01)
        assert ndimage.center_of_mass(share) == pytest.approx((40, 60), abs=0.01)
    tall, wide = (canary.share_of_ship((100, 100), (50, 50), grid, 8.5, canary.Hull(150, 24, h)) for h in (0, 90))
    assert tall[44, 50] > 0.5 > 0.01 > tall[50, 44]
    assert tall == pytest.approx(wide.T, abs=1e-5)


@pytest.fixture(scope="module")
def seen(archive: Archive, corner: Aoi, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A database and an archive of pixels after a poll."""
    folder = tmp_path_factory.mktemp("calibrated")
    store = Store(folder / "q.sqlite")
    polled(corner, store, FolderSource(archive.folder), kept=Kept(folder / "archive"))
    store.close()
    return folder / "q.sqlite", folder / "archive"


@pytest.mark.parametrize("case", ["archive", "no archive", "no time"])
def test_ships_are_found_in_the_pixels_of_the_archive(
    case: str, seen: tuple[Path, Path], archive: Archive, corner: Aoi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibrate, "SHIP_LOOKS", 2)
    store = Store(seen[0])
    kept = None if case == "no archive" else Kept(seen[1])
    looking = Eyes(
        store=store,
        imagery=Imagery(sources=[FolderSource(archive.folder)], archive=kept),
        site=site(corner),
        as_of=SCENARIO.end,
    )
    told = story.chronicle(store, corner, 1.0)
    with store.transaction() as tx:
        points = tx.points(AOI_ID)
    found = calibrate.calibrate(
        told, points, looking, years=1, planted=0, processes=1, stop_ships=lambda: case == "no time"
    )
    if case == "archive":
        assert [s.length_m for s in found.ships] == [50, 100, 150]
        assert {s.looks for s in found.ships} == {2}
        assert all(s.planted >= 2 for s in found.ships)
        assert found.ships[2].found.value > 0.6
        assert found.ships_note == ""
    else:
        assert found.ships == ()
        assert ("time was up" if case == "no time" else "no radar look in the archive") in found.ships_note
    with store.transaction() as tx:
        tx.save_calibration(found)
        assert tx.calibration(AOI_ID) == found
    assert story.chronicle(store, corner, 1.0).calibration == found
    store.close()


def test_a_ship_too_faint_for_the_sea_is_not_counted(
    seen: tuple[Path, Path], archive: Archive, corner: Aoi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(canary, "SHIP_POWER", np.float32(1e-4))
    monkeypatch.setattr(calibrate, "SHIP_LOOKS", 1)
    store = Store(seen[0])
    imagery = Imagery(sources=[FolderSource(archive.folder)], archive=Kept(seen[1]))
    told = story.chronicle(store, corner, 1.0)
    with store.transaction() as tx:
        points = tx.points(AOI_ID)
    looking = Eyes(store=store, imagery=imagery, site=site(corner), as_of=SCENARIO.end)
    ships, _ = calibrate._ships(told, points, looking, lambda _: None, lambda: False)
    assert [s.found.value for s in ships] == [0, 0, 0]
    store.close()
