"""A small SIMULATED archive, written once, and what the tests of the flow share."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import shapely

from monitor import simulate
from monitor.alert import State
from monitor.aoi import Aoi
from monitor.archive import Archive as Kept
from monitor.errors import SourceError
from monitor.flow.desk import Desk
from monitor.flow.imagery import Imagery
from monitor.flow.poll import Summary, poll
from monitor.grid import Grid, project
from monitor.scene import Pass, Scene, Sensor
from monitor.simulate import Scenario
from monitor.sources.folder import FolderSource
from monitor.stack import Stack
from monitor.store import Store
from monitor.times import Interval

SCENARIO = Scenario(seed=3, years=0.55)
"""Two radar tracks that pass 24 looks, two partial swaths on one of them, Sentinel-2 with clouds, a surge."""

MANY = 15.0
"""False alarms a year that are allowed: half a year of looks shows nothing surer."""

CORNER = shapely.box(260_330, 4_430_760, 261_650, 4_432_490)
"""Berths, yard and a part of the anchorage, UTM 26N: a fifth of the pixels of the whole AOI."""


@dataclass(frozen=True)
class Quick(Desk):
    """A desk that keeps no evidence by itself: ten bundles a poll take longer than all else."""

    def keep_evidence(self, aoi: Aoi, as_of: datetime) -> list[str]:
        return []


@dataclass(frozen=True)
class Archive:
    """A folder that the simulator wrote."""

    folder: Path
    items: Sequence[Mapping[str, Any]]
    """In order of time."""

    def part(self, to: Path, items: Sequence[Mapping[str, Any]] | None = None) -> FolderSource:
        """The same files (as hard links) in another folder, with a catalogue of these items only."""
        to.mkdir(parents=True, exist_ok=True)
        for file in self.folder.glob("*.tif"):
            if not (to / file.name).exists():
                os.link(file, to / file.name)
        return catalogued(to, self.items if items is None else items)


def catalogued(folder: Path, items: Sequence[Mapping[str, Any]]) -> FolderSource:
    """A source that has just read this catalogue."""
    (folder / "items.json").write_text(json.dumps({"type": "FeatureCollection", "features": list(items)}))
    return FolderSource(folder)


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    folder = tmp_path_factory.mktemp("archive")
    simulate.write(folder, simulate.plan(SCENARIO))
    items = json.loads((folder / "items.json").read_text())["features"]
    return Archive(folder, sorted(items, key=lambda i: str(i["properties"]["start_datetime"])))


@pytest.fixture(scope="session")
def port() -> Aoi:
    """The whole simulated AOI."""
    return simulate.simulated_aoi(SCENARIO.side)


@pytest.fixture(scope="session")
def corner(port: Aoi) -> Aoi:
    """A part of it, for tests that poll it many times."""
    outline = project(CORNER, 4326, source=32626)
    zones = [replace(z, outline=z.outline.intersection(outline)) for z in port.zones]
    return replace(port, outline=outline, zones=tuple(z for z in zones if not z.outline.is_empty))


@dataclass
class Counting:
    """A source that counts what it is asked for, and may be told to fail."""

    inner: FolderSource
    name: str = "folder"
    searches: int = 0
    reads: list[str] = field(default_factory=list)
    """Ids of the passes read, in order."""

    fail_at: int | None = None
    """The read with this number (from 1) ends in an error that nobody expects."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    refuse: Callable[[Pass], SourceError | None] = lambda _: None
    """Why a pass is not to be had."""

    @property
    def sensors(self) -> frozenset[Sensor]:
        return self.inner.sensors

    @property
    def problems(self) -> Sequence[str]:
        return self.inner.problems

    def search(self, aoi: Aoi, interval: Interval) -> list[Scene]:
        self.searches += 1
        return self.inner.search(aoi, interval)

    def close(self) -> None:
        self.inner.close()

    def restore(self, item: Mapping[str, Any]) -> Scene:
        return self.inner.restore(item)

    def read(self, taken: Pass, grid: Grid, bands: Sequence[str]) -> Stack:
        with self.lock:
            self.reads.append(taken.id)
            if self.fail_at is not None and len(self.reads) >= self.fail_at:
                raise Crash
        if error := self.refuse(taken):
            raise error
        return self.inner.read(taken, grid, bands)


class Crash(Exception):
    """Something that no code catches: stands for a kill."""


def polled(aoi: Aoi, store: Store, *sources: Any, interval: Interval = SCENARIO.interval, **options: Any) -> Summary:
    """One poll of the whole archive, or of what the source knows of it. `kept`: an archive of pixels."""
    settings: dict[str, Any] = {"false_alarms_a_year": MANY, "as_of": SCENARIO.end} | options
    kept: Kept | None = settings.pop("kept", None)
    return poll(aoi, Imagery(sources=sources, archive=kept), store, interval, **settings)


def state_of(store: Store, aoi: str = simulate.AOI_ID) -> dict[str, Any]:
    """All that must not depend on when the scenes came: looks, their scenes, measurements, incidents that stand."""
    with store.transaction() as tx:
        return {
            "looks": tx.looks(aoi),
            "measurements": tx.measurements(aoi),
            "incidents": sorted(
                repr(replace(i, id=""))
                for i in tx.incidents(aoi)
                if i.state in {State.PROVISIONAL, State.CONFIRMED, State.BLIND, State.FINISHED}
            ),
        }


@pytest.fixture
def new_store(tmp_path: Path) -> Iterator[Callable[[], Store]]:
    """Makes empty databases that are closed afterwards."""
    made: list[Store] = []

    def make() -> Store:
        made.append(Store(tmp_path / f"{len(made)}.sqlite"))
        return made[-1]

    yield make
    for store in made:
        store.close()


@pytest.fixture
def store(new_store: Callable[[], Store]) -> Store:
    return new_store()


@pytest.fixture(scope="session")
def undisturbed(archive: Archive, corner: Aoi, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What one quiet poll of the corner gives."""
    store = Store(tmp_path_factory.mktemp("undisturbed") / "q.sqlite")
    polled(corner, store, FolderSource(archive.folder))
    state = state_of(store)
    store.close()
    return state
