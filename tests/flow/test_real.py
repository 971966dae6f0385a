"""The whole flow over real imagery: three years of a port, and two places where nothing changed."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from flow.conftest import Counting
from monitor import workspace
from monitor.alert import Kind
from monitor.aoi import Aoi
from monitor.archive import Archive as Kept
from monitor.assessment import Outcome
from monitor.config import FolderSource as Listed
from monitor.flow import judging, verifying
from monitor.flow.desk import opened
from monitor.flow.imagery import Imagery
from monitor.flow.poll import poll
from monitor.flow.replay import replay
from monitor.grid import project
from monitor.measures import Reason
from monitor.sources.folder import FolderSource
from monitor.store import Store
from monitor.times import Interval, utc
from monitor.workspace import Workspace

WORKSPACES = Path(__file__).parent.parent / "workspaces"
EVER = Interval(start=utc("2014-01-01"), end=utc("2100-01-01"))


def place(name: str, data: Path) -> tuple[dict[str, Aoi], FolderSource]:
    found = workspace.find(WORKSPACES / name, {"QUAYWATCH_DATA": str(data.parent)})
    (source,) = found.config.sources
    assert isinstance(source, Listed)
    return dict(found.aois()), FolderSource(source.path)


@pytest.mark.slow
def test_three_years_of_latakia(latakia: Path, tmp_path: Path) -> None:
    """One test, for one poll of a minute serves all its checks."""
    aois, folder = place("latakia", latakia)
    home = copied("latakia", tmp_path / "w", latakia)
    aoi, source, store = aois["latakia"], Counting(folder), Store(home.database)
    imagery = Imagery(sources=[source], archive=Kept(home.archive))
    summary = poll(aoi, imagery, store, EVER, false_alarms_a_year=1.0, as_of=utc("2024-12-31"))
    assert (summary.scenes, summary.new_looks, summary.remeasured, summary.problems) == (209, 209, 0, ())
    with store.transaction() as tx:
        looks = [look for look, _ in tx.looks(aoi.id)]
        rows = tx.measurements(aoi.id)
    check_looks(looks)
    check_second_run(aoi, source, imagery, store)
    check_backscatter(aoi, latakia, looks, rows)
    check_counts(latakia, looks, rows)
    store.close()
    check_claims(home, latakia)


def copied(name: str, to: Path, data: Path) -> Workspace:
    """A workspace of the tests, without what earlier runs left in it."""
    for part in ("config.toml", "aois", "alerts/narrative"):
        (to / part).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (WORKSPACES / name / part).is_dir() else shutil.copy
        copy(WORKSPACES / name / part, to / part)
    found = workspace.find(to, {"QUAYWATCH_DATA": str(data.parent)})
    found.check_writable()
    return found


def check_claims(home: Workspace, data: Path) -> None:
    """From looks to outcome, page and evidence: what is seen by eye is supported, what is not there contradicted."""
    with opened(home, {"QUAYWATCH_DATA": str(data.parent)}) as desk:
        # as if it had been written down before: what is tested is what the looks say of it, not the author's foresight
        judging.freeze(desk, desk.narrative.claim("fewer-in-basin"), ["E1"], utc("2022-12-01"))
        told = {c.id: judging.assess(desk, c, utc("2024-12-31")) for c in desk.narrative.claims}
    outcomes = {name: judgment.facts.assessment.outcome for name, judgment in told.items()}
    assert outcomes == {
        "fewer-in-basin": Outcome.SUPPORTED,
        "surge-in-roadstead": Outcome.CONTRADICTED,
        "cargo": Outcome.NOT_OBSERVABLE,
    }
    basin = told["fewer-in-basin"]
    (compared,) = basin.facts.assessment.judged[0].comparisons
    assert compared.effect is not None
    assert 0.2 < compared.effect.value < 0.55  # three hulls became one
    assert basin.page is not None
    assert basin.page.read_text(encoding="utf-8").count("data:image/png") == 3
    found = verifying.workspace(home)
    assert found.whole, found.wrong
    for folder in sorted(home.evidence.glob("assessment.*")):
        assert replay(folder).identical


def check_looks(looks: list[Any]) -> None:
    assert len(looks) == 209
    assert set(Counter(name for look in looks for name in look.scenes).values()) == {1}
    tracks = Counter(look.track.id for look in looks)
    assert tracks == {"s1-014a-vv": 78, "s1-021d-vv": 21, "s1-087a-vv": 85, "s1-094d-vv": 25}
    assert all(look.reason in {None, Reason.PARTLY_COVERED, Reason.NOT_COVERED} for look in looks)
    assert sum(look.usable for look in looks) > 200
    west = np.mean([look.valid_fraction for look in looks if look.track.relative_orbit == 14])
    whole = np.mean([look.valid_fraction for look in looks if look.track.relative_orbit == 87])
    assert west < 0.9 * whole, "the swath of orbit 14 covers less"


def check_second_run(aoi: Aoi, source: Counting, imagery: Imagery, store: Store) -> None:
    source.reads.clear()
    again = poll(aoi, imagery, store, EVER, false_alarms_a_year=1.0, as_of=utc("2024-12-31"))
    assert (again.new_looks, again.remeasured, again.changes, source.reads) == (0, 0, (), [])


def check_backscatter(aoi: Aoi, folder: Path, looks: list[Any], rows: list[dict[str, Any]]) -> None:
    """Of the reference sea, from the raw file: other code, other pixels (11.4 m), the same mean power."""
    import shapely

    outline = project(aoi.zone("sea_reference").outline, 32636)
    said = {r["look"]: r["value"] for r in rows if (r["zone"], r["measure"]) == ("sea_reference", "backscatter_db")}
    checked = 0
    for look in looks[::23]:
        with rasterio.open(folder / f"{look.scenes[0]}.tif") as file:
            dn, seen = file.read(1).astype(float), file.dataset_mask() > 0
            t = file.transform
        x, y = t.c + (np.arange(dn.shape[1]) + 0.5) * t.a, t.f + (np.arange(dn.shape[0]) + 0.5) * t.e
        inside = shapely.contains_xy(outline, *np.meshgrid(x, y)) & seen
        if said[look.id] is None:
            continue
        power = 10 ** ((dn[inside] * 0.1 - 27) / 10)
        # the rim of the swath, 1 to 3 dB too dark, is not measured
        assert said[look.id] == pytest.approx(10 * np.log10(power.mean()), abs=0.08), look.id
        checked += 1
    assert checked >= 6


def check_counts(folder: Path, looks: list[Any], rows: list[dict[str, Any]]) -> None:
    """Ships in open water against those labelled by eye; doubtful ones count for nothing."""
    labels = json.loads((folder / "labels.json").read_text())["scenes"]
    look_of = {look.scenes[0]: look.id for look in looks}
    found = {r["look"]: r["value"] for r in rows if (r["zone"], r["measure"]) == ("roadstead", "vessel_count")}
    off = {}
    for scene, seen in labels.items():
        counted = found[look_of[scene]]
        assert counted is not None, scene
        wanted = sum(seen["counts_in_zone"]["open"][c] for c in ("sure", "likely"))
        off[scene] = counted - wanted
    assert len(off) == 34
    close = sum(abs(v) <= 1 for v in off.values()) / len(off)
    assert close >= 0.8, off
    assert abs(np.mean(list(off.values()))) < 0.6, "neither too many nor too few on the whole"


@pytest.mark.parametrize("name", ["suburb", "channel"])
def test_where_nothing_changed_there_is_at_most_one_alert_in_three_winters(
    california: Path, tmp_path: Path, name: str
) -> None:
    aois, source = place("california", california)
    store = Store(tmp_path / "q.sqlite")
    summary = poll(aois[name], Imagery(sources=[source]), store, EVER, false_alarms_a_year=1.0, as_of=utc("2025-01-15"))
    assert (summary.scenes, summary.new_looks, summary.unusable) == (22, 22, 0)
    with store.transaction() as tx:
        raised = [i for i in tx.incidents() if i.kind is not Kind.BLIND]
        blind = [i for i in tx.incidents() if i.kind is Kind.BLIND]
        rows = tx.measurements(name)
    assert len(raised) <= 1, [i.id for i in raised]
    assert len(blind) == 3, "the three gaps of most of a year are no quiet"
    # at 30 m a ship of 100 m is lost in a rough sea, and the look says so
    assert {r["reason"] for r in rows} <= {None, Reason.DETECTOR_BLIND}
    assert {r["reason"] for r in rows if r["measure"] == "changed_area_m2"} <= {None}
    watched = "changed_area_m2" if name == "suburb" else "vessel_count"
    assert sum(r["measure"] == watched for r in rows) == 22
    store.close()


def test_the_sea_without_ships_shows_none(california: Path, tmp_path: Path) -> None:
    aois, source = place("california", california)
    store = Store(tmp_path / "q.sqlite")
    poll(aois["channel"], Imagery(sources=[source]), store, EVER, false_alarms_a_year=1.0, as_of=utc("2025-01-15"))
    with store.transaction() as tx:
        counts = [r["value"] for r in tx.measurements("channel", "sea", "vessel_count")]
    store.close()
    told = [c for c in counts if c is not None]
    assert len(counts) == 22
    assert len(told) >= 11
    assert sum(told) <= 2


def test_one_optical_scene_gives_one_look_that_says_what_it_lacks(sen2ships: Path, tmp_path: Path) -> None:
    aois, source = place("busan", sen2ships)
    store = Store(tmp_path / "q.sqlite")
    summary = poll(
        aois["busan"], Imagery(sources=[source]), store, EVER, false_alarms_a_year=1.0, as_of=utc("2025-01-15")
    )
    assert (summary.new_looks, summary.unusable, summary.changes) == (1, 0, ())
    with store.transaction() as tx:
        (pair,) = tx.looks("busan")
        measured = {r["measure"]: r["value"] for r in tx.measurements("busan")}
    store.close()
    assert pair[0].track.id == "s2-xxxu"
    assert measured.pop("valid_fraction") > 0.99
    assert measured
    assert set(measured.values()) == {None}, "one look of a track has no history to be compared with"
