"""What a report says beside the series: instruments, places that cannot be decided, ground that changed lately."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from flow.conftest import SCENARIO, Archive, polled
from monitor.aoi import Aoi
from monitor.flow.imagery import Imagery
from monitor.flow.remarks import remarks
from monitor.flow.story import Chronicle, Eyes, chronicle
from monitor.flow.track import RECIPE
from monitor.look import Look
from monitor.site import site
from monitor.sources.folder import FolderSource
from monitor.store import SavedState, Store
from monitor.track_state import FIRST_DAY

TRACK = "s1-021d-vv"


@pytest.fixture
def told(archive: Archive, corner: Aoi, store: Store) -> tuple[Chronicle, Eyes]:
    source = FolderSource(archive.folder)
    polled(corner, store, source)
    eyes = Eyes(store=store, imagery=Imagery(sources=[source]), site=site(corner), as_of=SCENARIO.end)
    return chronicle(store, corner, 1.0), eyes


def flown_by(told: Chronicle, names: Sequence[str]) -> Chronicle:
    """The looks of one track, flown by these satellites in turn."""
    own = [k for k in told.looks if k.track.id == TRACK]
    looks: list[Look] = [replace(k, platform=n) for k, n in zip(own, names, strict=False)]
    return replace(told, looks=looks)


def test_a_quiet_series_of_one_satellite_says_little(told: tuple[Chronicle, Eyes]) -> None:
    one = flown_by(told[0], ["sentinel-1a"] * 60)
    assert not [r for r in remarks(one, told[1]) if "satellite" in r]


def test_another_satellite_is_named_with_its_day(told: tuple[Chronicle, Eyes]) -> None:
    made = flown_by(told[0], ["sentinel-1a"] * 9 + ["sentinel-1c"] * 60)
    (said,) = [r for r in remarks(made, told[1]) if "satellite" in r]
    assert "sentinel-1a before, sentinel-1c from" in said
    assert f"{made.looks[9].start:%Y-%m-%d}" in said
    assert "cannot be told" in said, "the corner has no reference land"


def test_satellites_that_take_turns_replace_nothing(told: tuple[Chronicle, Eyes]) -> None:
    turns = flown_by(told[0], ["sentinel-1a", "sentinel-1c"] * 30)
    assert not [r for r in remarks(turns, told[1]) if "satellite" in r]


def test_a_berth_that_was_never_empty_is_said_to_be_undecidable(told: tuple[Chronicle, Eyes]) -> None:
    before = [r for r in remarks(*told) if "never seen as water" in r]
    store = told[1].store
    for line in {k.track.id for k in told[0].looks if k.track.id.startswith("s1")}:
        with store.transaction() as tx:
            saved = tx.state("simport", line, RECIPE)
            assert saved is not None
            lowest = saved.state.water.lowest.copy()
            lowest[:, told[1].site.masks["berths"]] = -300  # never below -3 dB
            bright = replace(saved.state, water=replace(saved.state.water, lowest=lowest))
            tx.save_state(
                "simport", line, RECIPE, SavedState(state=bright, position=saved.position, digest=saved.digest)
            )
    after = [r for r in remarks(*told) if "never seen as water" in r]
    assert not any(r.startswith("berths: 100%") for r in before)
    assert any(r.startswith(("berths: 100%", "berths: 9")) for r in after)


def test_ground_that_broke_with_its_past_is_told_with_its_direction(told: tuple[Chronicle, Eyes]) -> None:
    store, newest = told[1].store, [k for k in told[0].looks if k.track.id == TRACK][-1]
    with store.transaction() as tx:
        saved = tx.state("simport", TRACK, RECIPE)
        assert saved is not None
        assert saved.state.segments is not None
        image = np.zeros(told[1].site.grid.shape, bool)
        rows, columns = np.nonzero(told[1].site.masks["yard"])
        image[rows.min() + 2 : rows.min() + 12, columns.min() + 2 : columns.min() + 12] = True
        chosen = image[told[1].site.ground]
        day = (newest.start - timedelta(days=5)).toordinal() - FIRST_DAY
        segments = replace(
            saved.state.segments,
            began=np.where(chosen, day, 0).astype(np.uint16),
            step_db=np.where(chosen, -6, 0).astype(np.float16),
        )
        tx.save_state(
            "simport",
            TRACK,
            RECIPE,
            SavedState(state=replace(saved.state, segments=segments), position=saved.position, digest=saved.digest),
        )
    (said,) = [r for r in remarks(*told) if "broke with its own past" in r and "orbit 21" in r]
    assert said.startswith("yard: on S1 orbit 21")
    assert "0.0 ha brighter, 1.0 ha darker" in said
