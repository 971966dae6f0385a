"""What is said beside the series: instruments, undecidable places, ground that changed, and what speaks against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from flow.conftest import SCENARIO, Archive, polled
from monitor.alert import Incident, Interval90, Kind, NuisanceKind, State, Verdict
from monitor.aoi import Aoi, ZoneKind
from monitor.claim import (
    Claim,
    Credibility,
    Effect,
    EffectKind,
    Expectation,
    Heading,
    Looks,
    Narrative,
    Observability,
    Reliability,
)
from monitor.flow.doubts import places
from monitor.flow.imagery import Imagery
from monitor.flow.remarks import remarks
from monitor.flow.story import Chronicle, Eyes, chronicle
from monitor.flow.track import RECIPE
from monitor.look import Look
from monitor.site import site
from monitor.sources.folder import FolderSource
from monitor.store import SavedState, Store
from monitor.times import Interval
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


def surge(told: Chronicle, zone: str = "berths") -> Incident:
    """Of the newest 8 looks, whatever they show."""
    scores = told.followed[zone, "vessel_count"].scores[-8:]
    return Incident(
        aoi="simport",
        zone=zone,
        measure="vessel_count",
        kind=Kind.SURGE,
        state=State.CONFIRMED,
        onset=scores[0].at,
        raised=scores[4].at,
        last=scores[-1].at,
        looks=tuple(s.look for s in scores),
        baseline_looks=30,
        ratio=Interval90(2.0, 1.5, 2.6),
        difference=Interval90(2.0, 1.0, 3.0),
    )


def naming(control: str) -> Narrative:
    """With a claim about the berths that names a control."""
    window = Interval(start=SCENARIO.start, end=SCENARIO.end)
    expectation = Expectation(
        id="E1",
        measure="ship_presence",
        zone="simport.berths",
        sensors=("S1",),
        window=window,
        baselines=(),
        direction=Heading.UP,
        min_effect=Effect(kind=EffectKind.RATE_RATIO, value=1.5),
        min_looks=Looks(window=30, baseline=20),
        weight=1.0,
        controls=(control,),
    )
    claim = Claim(
        id="surge",
        document="paper",
        text="Activity has surged.",
        said_by="A firm",
        said_on=SCENARIO.end.date(),
        about=window,
        aois=("simport",),
        reliability=Reliability.B,
        credibility=Credibility.POSSIBLY_TRUE,
        observability=Observability.TESTABLE,
        resolution_needed="10 m",
        against="No more ships than before.",
        expectations=(expectation,),
    )
    return Narrative(claims=(claim,))


def test_controls_are_reference_zones_control_areas_and_what_claims_name(port: Aoi) -> None:
    other = replace(port, id="other", name="Other port", properties={"role": "control"})
    busy = replace(port, id="busy", properties={"role": "primary"})
    incident = Incident(
        aoi="simport",
        zone="berths",
        measure="vessel_count",
        kind=Kind.SURGE,
        state=State.CONFIRMED,
        onset=SCENARIO.end,
        raised=SCENARIO.end,
    )
    found = places(port, incident, {"simport": port, "other": other, "busy": busy}, Narrative())
    assert [(p.aoi, p.zone, p.label) for p in found] == [
        ("simport", "sea_reference", "sea reference"),
        ("other", "berths", "Other port, berths"),
    ]
    aois = {"simport": port, "busy": busy}
    assert [p.label for p in places(port, incident, aois, naming("busy.berths"))] == [
        "sea reference",
        "Simulated port (SIMULATED), berths",
    ], "named by a claim"
    yard = replace(incident, zone="yard", measure="changed_area_m2")
    land = places(port, yard, {"simport": port}, Narrative())
    assert [p.zone for p in land] == ["land_reference"]
    assert land[0].scale > 0.1
    fill = replace(yard, measure="yard_fill")
    assert places(port, fill, {"simport": port}, Narrative()) == [], "no reference zone has that measure"


def test_a_control_area_is_asked_what_it_did(told: tuple[Chronicle, Eyes], corner: Aoi) -> None:
    chronicle_, eyes = told
    incident = surge(chronicle_)
    as_control = replace(corner, id="other", properties={"role": "control"})
    none = chronicle_.doubts(eyes.store, incident, {"simport": corner, "other": as_control}, Narrative())
    assert [c.zone for c in none.controls] == ["sea_reference"], "nothing was measured in the other"
    away = replace(incident, aoi="watched")
    there = replace(chronicle_, aoi=replace(corner, id="watched"))
    at_home = replace(corner, properties={"role": "control"})
    found = there.doubts(eyes.store, away, {"simport": at_home}, Narrative())
    (control,) = found.controls
    assert (control.aoi, control.zone, control.looks) == ("simport", "berths", 8)
    assert control.before == len(chronicle_.followed["berths", "vessel_count"].scores) - 8
    assert control.verdict in Verdict
    assert control.change is not None


def test_nuisances_are_read_from_the_looks(told: tuple[Chronicle, Eyes], corner: Aoi) -> None:
    chronicle_, eyes = told
    incident = surge(chronicle_)
    found = {n.kind: n for n in chronicle_.doubts(eyes.store, incident, {}, Narrative()).nuisances}
    assert not found[NuisanceKind.SWITCH].found
    assert found[NuisanceKind.SEASON].found, "half a year is known"
    assert found[NuisanceKind.RAIN].share_of_looks is None, "the corner has no reference land"
    assert not any(z.kind is ZoneKind.REFERENCE_LAND for z in corner.zones)
    last = {name for name in incident.looks if "-s1-" in name}
    looks = [replace(k, platform="sentinel-1d") if k.id in last else k for k in chronicle_.looks]
    switched = replace(chronicle_, looks=looks).doubts(eyes.store, incident, {}, Narrative()).nuisances
    (switch,) = [n for n in switched if n.kind is NuisanceKind.SWITCH]
    assert switch.share_of_looks == len(last) / 8
    assert "sentinel-1d" in switch.text


def test_a_blind_spell_has_nothing_to_doubt(told: tuple[Chronicle, Eyes]) -> None:
    blind = replace(surge(told[0]), kind=Kind.BLIND, zone="", measure="", looks=())
    found = told[0].doubts(told[1].store, blind, {}, Narrative())
    assert (list(found.nuisances), list(found.controls)) == ([], [])


def test_the_power_of_watched_series_is_told(told: tuple[Chronicle, Eyes]) -> None:
    assert told[0].rules
    power = told[0].power("berths", "vessel_count")
    assert power is not None
    assert power.looks == 20
    assert told[0].power("berths", "ship_presence") is None, "it is not watched"
