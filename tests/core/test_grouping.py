"""What happens in many places at once is one piece of news, and everything else stands alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.alert import Change, Incident, Kind, State, groups
from monitor.alert.grouping import PLACES, TOGETHER

NOW = datetime(2025, 12, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def step(
    aoi: str, zone: str = "berths", hours: float = 0, kind: Kind = Kind.SURGE, new: State = State.PROVISIONAL
) -> Change:
    onset = NOW + hours * HOUR
    incident = Incident(
        aoi=aoi,
        zone=zone,
        measure="vessel_count",
        kind=kind,
        state=new,
        onset=onset,
        raised=onset,
        id=f"{aoi}.{zone}.{kind}.{hours:g}",
    )
    return Change(incident=incident, old=None, new=new, at=onset, reason="")


def ids(found: Sequence[Sequence[Change]]) -> list[list[str]]:
    return sorted(sorted(c.id for c in group) for group in found)


def sizes(changes: Sequence[Change]) -> list[int]:
    return sorted(len(g) for g in groups(changes))


STEPS = st.lists(
    st.builds(
        step,
        st.sampled_from("abcde"),
        st.sampled_from(["berths", "yard"]),
        st.integers(0, 20).map(lambda n: 12.0 * n),
        st.sampled_from([Kind.SURGE, Kind.LULL, Kind.BLIND]),
        st.sampled_from([State.PROVISIONAL, State.CONFIRMED, State.FINISHED]),
    ),
    max_size=30,
    unique_by=lambda c: c.id,
)


@given(STEPS)
def test_every_step_is_in_exactly_one_group(changes: list[Change]) -> None:
    found = groups(changes)
    assert sorted(c.id for g in found for c in g) == sorted(c.id for c in changes)
    assert all(g for g in found)


@given(STEPS.flatmap(lambda changes: st.tuples(st.just(changes), st.permutations(changes))))
def test_the_order_does_not_matter(pair: tuple[list[Change], list[Change]]) -> None:
    changes, shuffled = pair
    assert groups(shuffled) == groups(changes)


@given(STEPS)
def test_a_group_is_of_one_kind_and_time_and_large_enough(changes: list[Change]) -> None:
    for group in (g for g in groups(changes) if len(g) > 1):
        assert len({c.incident.kind for c in group}) == 1
        assert len({c.new if not c.new.is_open else "open" for c in group}) == 1
        onsets = [c.incident.onset for c in group]
        assert max(onsets) - min(onsets) <= TOGETHER
        places, zones = {c.incident.aoi for c in group}, {c.incident.zone for c in group}
        assert len(places) >= PLACES or (len(places) == 1 and len(zones) > 1)


@given(STEPS)
def test_nothing_that_belongs_together_is_left_alone(changes: list[Change]) -> None:
    alone = [g[0] for g in groups(changes) if len(g) == 1]
    for first in alone:
        window = [
            c
            for c in alone
            if c.incident.kind is first.incident.kind
            and (c.new if not c.new.is_open else None) == (first.new if not first.new.is_open else None)
            and timedelta(0) <= c.incident.onset - first.incident.onset <= TOGETHER
        ]
        assert len({c.incident.aoi for c in window}) < PLACES
        assert len({c.incident.zone for c in window if c.incident.aoi == first.incident.aoi}) == 1


def test_one_storm_over_ten_ports_is_one_group() -> None:
    storm = [step(f"port{n}", hours=5 * n, kind=Kind.LULL) for n in range(10)]
    (group,) = groups(storm)
    assert len(group) == 10


@pytest.mark.parametrize(("aois", "expected"), [("a", [1]), ("ab", [1, 1]), ("abc", [3]), ("abcd", [4])])
def test_three_places_make_a_group(aois: str, expected: list[int]) -> None:
    assert sizes([step(a) for a in aois]) == expected


@pytest.mark.parametrize(("hours", "expected"), [(72, [3]), (72.01, [1, 1, 1])])
def test_three_days_are_together(hours: float, expected: list[int]) -> None:
    assert sizes([step("a"), step("b", hours=hours), step("c", hours=hours / 2)]) == expected


def test_several_zones_of_one_place_make_a_group_and_several_measures_of_one_zone_do_not() -> None:
    assert sizes([step("a"), step("a", "yard"), step("b")]) == [1, 2]
    assert sizes([step("a"), step("a", hours=1)]) == [1, 1]


def test_ups_and_downs_and_steps_of_other_kinds_are_kept_apart() -> None:
    assert sizes([step("a"), step("b"), step("c", kind=Kind.LULL)]) == [1, 1, 1]
    assert sizes([step("a"), step("b"), step("c", kind=Kind.SPIKE)]) == [1, 1, 1]
    assert sizes([step("a"), step("b"), step("c", new=State.RETRACTED)]) == [1, 1, 1]
    assert sizes([step("a"), step("b"), step("c", new=State.CONFIRMED)]) == [3], "all of them are open"


def test_a_stray_before_the_storm_does_not_tear_it_apart() -> None:
    stray, storm = step("x"), [step(a, hours=h) for a, h in (("a", 60), ("b", 70), ("c", 100), ("d", 120))]
    assert ids(groups([stray, *storm])) == ids([[stray], storm])


def test_what_is_left_of_a_storm_may_be_a_group_of_its_own() -> None:
    far = [step(a, hours=200) for a in "abc"]
    near = [step(a) for a in "abcd"]
    assert ids(groups([*far, *near])) == ids([far, near])
