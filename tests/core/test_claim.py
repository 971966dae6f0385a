"""Which claims an alert bears on, and in which words."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.claim import (
    Bearing,
    Claim,
    Credibility,
    Effect,
    EffectKind,
    Exclusion,
    Expectation,
    Frozen,
    Heading,
    Looks,
    Moved,
    Narrative,
    Observability,
    Period,
    Relation,
    Reliability,
    Standing,
    bearing,
    fingerprint,
    related,
    standing,
)
from monitor.errors import NarrativeError, UsageError
from monitor.times import Interval, utc

SURGE = Expectation(
    id="E1",
    measure="ship_presence",
    zone="rajin.berths",
    sensors=("S1", "S2"),
    window=Interval(start=utc("2025-10-01"), end=utc("2026-02-06")),
    baselines=(Period(name="recent trough", interval=Interval(start=utc("2025-07-01"), end=utc("2025-10-01"))),),
    direction=Heading.UP,
    min_effect=Effect(kind=EffectKind.RATE_RATIO, value=1.5),
    min_looks=Looks(window=30, baseline=20),
    weight=1.0,
    note="The bay holds a shipyard too.",
)
CLAIM = Claim(
    id="surge",
    document="paper",
    text="Activity has surged since October 2025.",
    said_by="A firm",
    said_on=date(2026, 2, 6),
    about=Interval(start=utc("2025-10-01"), end=utc("2026-02-07")),
    aois=("rajin", "dunai"),
    reliability=Reliability.B,
    credibility=Credibility.POSSIBLY_TRUE,
    observability=Observability.TESTABLE,
    resolution_needed="10 m is enough for hulls of 100 m.",
    against="No more ships than in summer.",
    expectations=(SURGE,),
)


def expecting(**changes: Any) -> Claim:
    """The claim with its one expectation changed."""
    return replace(CLAIM, expectations=(replace(SURGE, **changes),))


def touched(
    *claims: Claim,
    zone: str = "rajin.berths",
    measure: str = "ship_presence",
    sensor: str | None = "sentinel-1",
    since: str = "2025-11-02",
    until: str = "2025-11-20",
    direction: Moved = Heading.UP,
) -> list[Bearing]:
    aoi, _, name = zone.partition(".")
    return bearing(
        Narrative(claims=claims or (CLAIM,)),
        aoi=aoi,
        zone=name,
        measure=measure,
        sensor=sensor,
        since=utc(since),
        until=utc(until),
        direction=direction,
    )


def relations(found: list[Bearing]) -> list[tuple[str, str | None, Relation]]:
    return [(b.claim.id, b.expectation.id if b.expectation else None, b.relation) for b in found]


def test_the_words_of_a_bearing() -> None:
    (found,) = touched()
    assert found.says == (
        "ship_presence at rajin.berths went up (S1), 2025-11-02 to 2025-11-19. "
        "This agrees in direction with expectation E1 of claim surge: ship_presence up, 2025-10-01 to 2026-02-05, "
        "compared with: recent trough."
    )
    assert found.does_not_say == (
        "It does not show what any ship carried, what ship it was, under whose flag it sailed or who ordered it; "
        "at 10 m a patch the size of a ship need not be one. "
        "It is one change against this place's own history and does not weigh the claim: that needs 30 usable looks in "
        "the window and 20 in each baseline, and a rate ratio of 1.5 or its contrary. "
        "The expectation was not fixed before its window opened. "
        "Resolution: 10 m is enough for hulls of 100 m. Note: The bay holds a shipyard too."
    )


@pytest.mark.parametrize(
    ("expected", "moved", "relation"),
    [
        (Heading.UP, Heading.UP, Relation.AGREES),
        (Heading.UP, Heading.DOWN, Relation.RUNS_AGAINST),
        (Heading.DOWN, Heading.DOWN, Relation.AGREES),
        (Heading.DOWN, Heading.UP, Relation.RUNS_AGAINST),
        (Heading.NOT_DOWN, Heading.UP, Relation.AGREES),
        (Heading.NOT_DOWN, Heading.DOWN, Relation.RUNS_AGAINST),
        (Heading.NOT_UP, Heading.DOWN, Relation.AGREES),
        (Heading.NOT_UP, Heading.UP, Relation.RUNS_AGAINST),
    ],
)
def test_direction(expected: Heading, moved: Moved, relation: Relation) -> None:
    assert relations(touched(expecting(direction=expected), direction=moved)) == [("surge", "E1", relation)]


@pytest.mark.parametrize(
    ("measure", "expected", "kin"),
    [
        ("vessel_count", "ship_presence", True),
        ("vessel_area_m2", "vessel_count", True),
        ("changed_area_m2", "yard_fill", True),
        ("changed_area_m2", "ground_disturbance", True),
        ("yard_fill", "ground_disturbance", False),
        ("vessel_count", "yard_change", False),
        ("backscatter_db", "backscatter_db", True),
        ("backscatter_db", "ship_presence", False),
        ("cropland_return", "new_built_or_bare", False),
    ],
)
def test_measures_that_look_at_the_same_thing(measure: str, expected: str, kin: bool) -> None:
    assert related(measure, expected) is related(expected, measure) is kin
    (found,) = touched(expecting(measure=expected), measure=measure)
    assert found.relation is (Relation.AGREES if kin else Relation.TOUCHES)
    assert ("akin to" in found.says) is (kin and measure != expected)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"zone": "rajin.apron"}, "another zone"),
        ({"zone": "dunai.berths"}, "another AOI of the claim"),
        ({"measure": "yard_fill"}, "another kind of measure"),
        ({"sensor": "S3"}, "a sensor that the expectation leaves out"),
    ],
)
def test_in_place_and_time_without_the_expectation_it_only_touches(change: dict[str, str], why: str) -> None:
    (found,) = touched(**change)  # type: ignore[arg-type]
    assert (found.expectation, found.relation) == (None, Relation.TOUCHES), why
    assert "No expectation of the claim covers" in found.says


@pytest.mark.parametrize(
    ("since", "until", "relation"),
    [
        ("2025-09-01", "2025-09-30", None),
        ("2025-09-01", "2025-10-01", None),  # ends as the window opens
        ("2025-09-01", "2025-10-02", Relation.AGREES),
        ("2025-10-01", "2025-10-01", Relation.AGREES),  # one look
        ("2026-02-05T23:00", "2026-02-05T23:00", Relation.AGREES),
        ("2026-02-06", "2026-02-06", Relation.TOUCHES),  # after the window, still in what the claim is about
        ("2026-02-07", "2026-03-07", None),
        ("2020-01-01", "2030-01-01", Relation.AGREES),
    ],
)
def test_time(since: str, until: str, relation: Relation | None) -> None:
    assert [b.relation for b in touched(since=since, until=until)] == ([relation] if relation else [])


def test_an_expectation_outside_what_the_claim_is_about_still_counts() -> None:
    """Fields return to the plough a season after the mines are said to be gone."""
    later = Interval(start=utc("2026-04-15"), end=utc("2026-09-01"))
    assert relations(touched(expecting(window=later), since="2026-06-01", until="2026-06-20")) == [
        ("surge", "E1", Relation.AGREES)
    ]


@pytest.mark.parametrize(
    ("zone", "relation"),
    [
        ("kursk_sudzha.outline", Relation.AGREES),
        ("kursk_sudzha.camp", Relation.TOUCHES),  # the wildcard means whole outlines
        ("kursk_city.outline", None),  # begins so, but the claim does not name it
        ("rajin.outline", None),
    ],
)
def test_a_wildcard_is_the_whole_outlines_of_the_claims_aois(zone: str, relation: Relation | None) -> None:
    claim = replace(expecting(zone="kursk_*", measure="new_built_or_bare"), aois=("kursk_sudzha", "kursk_glushkovo"))
    found = touched(claim, zone=zone, measure="changed_area_m2")
    assert [b.relation for b in found] == ([relation] if relation else [])


def test_what_is_not_observable_is_told_and_never_scored() -> None:
    """Even if somebody gave it an expectation in code; the reader of files refuses that."""
    (found,) = touched(replace(CLAIM, observability=Observability.NOT_OBSERVABLE))
    assert (found.expectation, found.relation) == (None, Relation.TOUCHES)
    assert "cannot be observed at 10 m and is never scored" in found.does_not_say


def test_one_bearing_for_each_expectation_and_claim_in_order() -> None:
    twice = replace(CLAIM, id="twice", expectations=(SURGE, replace(SURGE, id="E2", direction=Heading.NOT_UP)))
    elsewhere = replace(CLAIM, id="elsewhere", aois=("sunan",), expectations=())
    nowhere = replace(CLAIM, id="nowhere", aois=(), expectations=())
    assert relations(touched(nowhere, twice, elsewhere, CLAIM)) == [
        ("twice", "E1", Relation.AGREES),
        ("twice", "E2", Relation.RUNS_AGAINST),
        ("surge", "E1", Relation.AGREES),
    ]


@pytest.mark.parametrize("sensor", ["S1", "s1", "sentinel-1", None])
def test_sensors_by_any_name(sensor: str | None) -> None:
    assert relations(touched(sensor=sensor)) == [("surge", "E1", Relation.AGREES)]


def record(of: Claim, at: str, sha256: str = "") -> Frozen:
    return Frozen(claim=of.id, expectation="E1", sha256=sha256 or fingerprint(of, of.expectations[0]), at=utc(at))


@pytest.mark.parametrize(
    ("records", "stands"),
    [
        ([], Standing.POST_HOC),
        ([record(CLAIM, "2025-09-30T23:59:59")], Standing.BEFOREHAND),
        ([record(CLAIM, "2025-10-01")], Standing.POST_HOC),
        ([record(CLAIM, "2025-08-01", "of another version"), record(CLAIM, "2025-09-01")], Standing.BEFOREHAND),
        # of several versions frozen before, only the last is the prediction: else one could choose among them later
        ([record(CLAIM, "2025-08-01"), record(CLAIM, "2025-09-01", "of another version")], Standing.POST_HOC),
        ([record(CLAIM, "2025-09-01"), record(CLAIM, "2025-11-01", "of another version")], Standing.BEFOREHAND),
    ],
)
def test_only_what_was_frozen_before_its_window_is_a_test(records: list[Frozen], stands: Standing) -> None:
    assert standing(CLAIM, SURGE, records, utc("2026-03-01")) is stands
    narrative = Narrative(claims=(CLAIM,), frozen=records)
    (found,) = bearing(
        narrative,
        aoi="rajin",
        zone="berths",
        measure="ship_presence",
        sensor="S1",
        since=utc("2025-11-02"),
        until=utc("2025-11-20"),
        direction=Heading.UP,
    )
    assert ("was not fixed before" in found.does_not_say) is (stands is Standing.POST_HOC)


def test_before_the_window_opens_it_is_a_draft_until_it_is_frozen() -> None:
    early = utc("2025-09-15")
    assert standing(CLAIM, SURGE, [], early) is Standing.DRAFT
    assert standing(CLAIM, SURGE, [record(CLAIM, "2025-09-01")], early) is Standing.BEFOREHAND
    assert standing(CLAIM, SURGE, [record(CLAIM, "2025-09-01", "of another version")], early) is Standing.DRAFT


@pytest.mark.parametrize(
    "change",
    [
        {"measure": "vessel_count"},
        {"zone": "rajin.anchorage"},
        {"sensors": ("S1",)},
        {"window": Interval(start=utc("2025-10-01"), end=utc("2026-02-05"))},
        {"direction": Heading.DOWN},
        {"min_effect": Effect(kind=EffectKind.RATE_RATIO, value=1.4)},
        {"min_looks": Looks(window=29, baseline=20)},
        {"weight": 0.9},
        {"controls": ("zarubino.berths",)},
        {"exclude": (Exclusion.AFTER_SNOW,)},
        {"stay_days": 1.0},
        {"baselines": (replace(SURGE.baselines[0], same_season=True),)},
    ],
)
def test_whatever_decides_the_judgment_changes_the_hash(change: dict[str, Any]) -> None:
    changed = replace(SURGE, **change)
    assert fingerprint(CLAIM, changed) != fingerprint(CLAIM, SURGE)


def test_a_note_may_be_mended_without_changing_the_hash() -> None:
    assert fingerprint(CLAIM, replace(SURGE, note="Other words.")) == fingerprint(CLAIM, SURGE)
    assert fingerprint(replace(CLAIM, text="Other words."), SURGE) == fingerprint(CLAIM, SURGE)
    assert len(fingerprint(CLAIM, SURGE)) == 64


def test_where_a_zone_stands_for_several_aois_they_are_part_of_the_hash() -> None:
    several = replace(SURGE, zone="kursk_*")
    assert fingerprint(CLAIM, several) != fingerprint(replace(CLAIM, aois=("rajin",)), several)
    assert fingerprint(CLAIM, SURGE) == fingerprint(replace(CLAIM, aois=("rajin",)), SURGE)


def test_time_that_runs_backwards_is_refused() -> None:
    with pytest.raises(UsageError, match="before it starts"):
        touched(since="2025-12-01", until="2025-11-01")


def test_a_claim_by_its_id() -> None:
    assert Narrative(claims=(CLAIM,)).claim("surge") is CLAIM
    with pytest.raises(NarrativeError, match=r"no claim 'surg'\s+Known: surge"):
        Narrative(claims=(CLAIM,)).claim("surg")


claims = st.builds(
    lambda observability, direction, measure, zone: replace(
        expecting(direction=direction, measure=measure, zone=zone), observability=observability
    ),
    st.sampled_from(Observability),
    st.sampled_from(Heading),
    st.sampled_from(["ship_presence", "yard_fill", "changed_area_m2", "cropland_return"]),
    st.sampled_from(["rajin.berths", "rajin.apron", "raj*"]),
)
moments = st.integers(-200, 400).map(lambda d: datetime(2025, 10, 1, tzinfo=UTC) + timedelta(days=d))


@given(
    st.lists(claims, max_size=4),
    st.sampled_from(["berths", "apron", "outline"]),
    st.sampled_from(["vessel_count", "changed_area_m2"]),
    moments,
    moments,
)
def test_no_bearing_is_a_verdict_and_the_opposite_alert_bears_the_opposite_way(
    said: list[Claim], zone: str, measure: str, one: datetime, other: datetime
) -> None:
    def alert(direction: Moved) -> list[Bearing]:
        return bearing(
            Narrative(claims=said),
            aoi="rajin",
            zone=zone,
            measure=measure,
            sensor=None,
            since=min(one, other),
            until=max(one, other),
            direction=direction,
        )

    opposite = {
        Relation.AGREES: Relation.RUNS_AGAINST,
        Relation.RUNS_AGAINST: Relation.AGREES,
        Relation.TOUCHES: Relation.TOUCHES,
    }
    up, down = alert(Heading.UP), alert(Heading.DOWN)
    assert [(c, e, opposite[r]) for c, e, r in relations(up)] == relations(down)
    for found in up + down:
        assert not re.search(
            r"confirm|prove|refut|verif|supported|contradict|shows that",
            f"{found.says} {found.does_not_say}",
            re.IGNORECASE,
        )
        assert found.does_not_say.startswith("It ")
        assert (found.expectation is None) is (found.relation is Relation.TOUCHES)
        if found.claim.observability is Observability.NOT_OBSERVABLE:
            assert found.relation is Relation.TOUCHES
