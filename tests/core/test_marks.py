"""What people say of incidents: the newest word holds, and what it does to messages."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate

from monitor.alert import (
    UNMARKED,
    Change,
    Ending,
    Incident,
    Kind,
    Mark,
    MarkKind,
    Precision,
    Standing,
    State,
    Telling,
    precision,
    reconcile,
    snoozed,
    standings,
    telling,
)

NOW = datetime(2025, 12, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def mark(kind: MarkKind, at: datetime = NOW, incident: str = "a", **said: Any) -> Mark:
    truth = True if kind is MarkKind.LABEL else None
    made = Mark(incident=incident, kind=kind, at=at, truth=truth)
    return replace(made, **said)


def until(moment: datetime) -> Standing:
    return Standing(snooze=mark(MarkKind.SNOOZE, until=moment))


def after(moment: datetime) -> Standing:
    return Standing(snooze=mark(MarkKind.SNOOZE, after=moment))


ACKED = Standing(ack=mark(MarkKind.ACK))

MARKS = st.builds(
    Mark,
    incident=st.sampled_from("ab"),
    kind=st.sampled_from(MarkKind),
    at=st.integers(0, 3).map(lambda n: NOW + n * DAY),
    by=st.sampled_from(["", "Mia"]),
    note=st.sampled_from(["", "ice"]),
    until=st.none() | st.integers(0, 3).map(lambda n: NOW + n * DAY),
    truth=st.none() | st.booleans(),
)


# standing


@given(st.lists(MARKS, max_size=12).flatmap(lambda marks: st.tuples(st.just(marks), st.permutations(marks))))
def test_how_an_incident_stands_depends_on_no_order_and_on_no_repetition(pair: tuple[list[Mark], list[Mark]]) -> None:
    marks, shuffled = pair
    found = standings(marks)
    assert standings(shuffled) == standings([*shuffled, *marks]) == found
    assert set(found) == {m.incident for m in marks}
    for incident, standing in found.items():
        for kind in MarkKind:
            own = [m for m in marks if (m.incident, m.kind) == (incident, kind)]
            held = getattr(standing, kind)
            assert (held is None) is (own == [])
            assert held is None or (held in own and held.at == max(m.at for m in own)), "the newest wins"


@given(MARKS, MARKS)
def test_marks_have_one_id_exactly_if_they_say_the_same(one: Mark, other: Mark) -> None:
    assert (one.id == other.id) is (one == other)


def test_every_kind_of_mark_has_its_place() -> None:
    assert {f.name for f in fields(Standing)} == {str(kind) for kind in MarkKind}


# telling


@pytest.mark.parametrize("new", State)
def test_without_a_mark_everything_is_told(new: State) -> None:
    assert telling(UNMARKED, new, NOW, None) is Telling.NOW
    assert telling(Standing(label=mark(MarkKind.LABEL, truth=False)), new, NOW, None) is Telling.NOW


@pytest.mark.parametrize(
    ("new", "told"),
    [
        (State.PROVISIONAL, Telling.NEVER),
        (State.BLIND, Telling.NEVER),
        (State.CONFIRMED, Telling.NOW),
        (State.FINISHED, Telling.NOW),
        (State.RETRACTED, Telling.NOW),
    ],
)
def test_of_what_was_acknowledged_only_what_follows_is_told(new: State, told: Telling) -> None:
    assert telling(ACKED, new, NOW, None) is told
    assert telling(replace(ACKED, snooze=until(NOW + DAY).snooze), new, NOW, None) is Telling.LATER


@pytest.mark.parametrize("new", State)
def test_a_snooze_holds_everything_back_up_to_its_instant(new: State) -> None:
    standing = until(NOW + DAY)
    assert telling(standing, new, NOW + DAY - timedelta(seconds=1), NOW + 99 * DAY) is Telling.LATER
    assert telling(standing, new, NOW + DAY, None) is Telling.NOW


@pytest.mark.parametrize("new", State)
def test_a_snooze_until_the_next_look_ends_with_a_look_that_was_not_known(new: State) -> None:
    standing = after(NOW - DAY)
    for newest in (None, NOW - 2 * DAY, NOW - DAY):
        assert telling(standing, new, NOW + 500 * DAY, newest) is Telling.LATER
    # taken before the mark, and come after it
    assert telling(standing, new, NOW, NOW - DAY + timedelta(hours=1)) is Telling.NOW
    assert not snoozed(standing, NOW, NOW)


def test_the_correction_of_what_a_person_takes_back_is_held_back_by_nothing() -> None:
    back = replace(until(NOW + DAY), retract=mark(MarkKind.RETRACT), ack=mark(MarkKind.ACK))
    assert telling(back, State.RETRACTED, NOW, None) is Telling.NOW
    assert telling(back, State.CONFIRMED, NOW, None) is Telling.LATER


# precision


def jeffreys(true: int, false: int, share: float) -> float:
    """Share of the posterior below `share`, by summing it up."""

    def density(x: float) -> float:
        return float(x ** (true - 0.5) * (1 - x) ** (false - 0.5))

    whole = integrate.quad(density, 0, 1)[0]
    return float(integrate.quad(density, 0, share)[0] / whole)


@pytest.mark.parametrize(("true", "false"), [(1, 1), (5, 2), (2, 9), (30, 10)])
def test_the_interval_leaves_one_twentieth_to_each_side(true: int, false: int) -> None:
    found = Precision(true=true, labelled=true + false).share
    assert found is not None
    assert found.value == true / (true + false)
    assert jeffreys(true, false, found.low) == pytest.approx(0.05, abs=1e-4)
    assert jeffreys(true, false, found.high) == pytest.approx(0.95, abs=1e-4)


def test_the_ends_of_the_interval_are_closed_where_all_are_of_one_kind() -> None:
    assert Precision(true=0, labelled=0).share is None
    right, wrong = Precision(true=6, labelled=6).share, Precision(true=0, labelled=6).share
    assert right is not None
    assert wrong is not None
    assert (right.value, right.high, wrong.value, wrong.low) == (1, 1, 0, 0)
    assert 0.6 < right.low < 0.85
    assert wrong.high == pytest.approx(1 - right.low)


def test_precision_counts_the_newest_label_of_each_incident_asked_for() -> None:
    said = [
        mark(MarkKind.LABEL, incident="a", truth=False),
        mark(MarkKind.LABEL, NOW + DAY, incident="a", truth=True),
        mark(MarkKind.LABEL, incident="b", truth=False),
        mark(MarkKind.ACK, incident="c"),
        mark(MarkKind.LABEL, incident="d", truth=True),
    ]
    marked = standings(said)
    assert precision(marked, "abcd") == Precision(true=2, labelled=3)
    assert precision(marked, ["a", "a", "b", "unheard-of"]) == Precision(true=1, labelled=2)
    assert precision({}, "abc") == Precision(true=0, labelled=0)


# what was taken back stays so


def surge(onset: int, last: int, state: State = State.CONFIRMED, **more: Any) -> Incident:
    made = Incident(
        aoi="rajin",
        zone="berths",
        measure="vessel_count",
        kind=Kind.SURGE,
        state=state,
        onset=NOW + onset * DAY,
        raised=NOW + (onset + 6) * DAY,
        last=NOW + last * DAY,
    )
    return replace(made, **more)


def recorded(derived: Incident) -> Incident:
    (made,), _ = reconcile([], [derived], NOW)
    return made


def test_what_a_person_took_back_stays_retracted_though_the_series_goes_on_showing_it() -> None:
    told = recorded(surge(0, 30))
    back = replace(told, state=State.RETRACTED)
    for seen in (surge(0, 30), surge(-4, 60), surge(2, 90, State.FINISHED, until=NOW + 80 * DAY, ending=Ending.OVER)):
        (kept,), changes = reconcile([back], [seen], NOW + 90 * DAY, taken_back={back.id})
        assert changes == []
        assert (kept.id, kept.state, kept.ending) == (told.id, State.RETRACTED, None)
        assert (kept.last, kept.until) == (seen.last, seen.until), "it is followed to its end"
        assert reconcile([kept], [seen], NOW + 91 * DAY, taken_back={back.id}) == ([kept], [])


def test_what_the_series_itself_took_back_is_new_when_it_comes_again() -> None:
    back = replace(recorded(surge(0, 30)), state=State.RETRACTED)
    kept, changes = reconcile([back], [surge(0, 30)], NOW)
    assert [(c.incident.id, c.old) for c in changes] == [(f"{back.id}.2", None)]
    assert len(kept) == 2


@pytest.mark.parametrize("shown", [True, False])
def test_a_later_change_of_the_same_kind_is_another_one(shown: bool) -> None:
    back = replace(recorded(surge(0, 30)), state=State.RETRACTED)
    ended = [surge(0, 60, State.FINISHED, until=NOW + 60 * DAY, ending=Ending.OVER)] if shown else []
    kept, changes = reconcile([back], [*ended, surge(300, 330)], NOW + 330 * DAY, taken_back={back.id})
    assert [(c.incident.onset, c.old, c.new) for c in changes] == [(NOW + 300 * DAY, None, State.CONFIRMED)]
    assert {i.id: i.state for i in kept}[back.id] is State.RETRACTED


# single looks


def spike(day: int, state: State = State.PROVISIONAL, ending: Ending | None = None) -> Incident:
    at = NOW + day * DAY
    over = at if ending else None
    return Incident(
        aoi="rajin",
        zone="berths",
        measure="vessel_count",
        kind=Kind.SPIKE,
        state=state,
        onset=at,
        raised=at,
        until=over,
        ending=ending,
    )


def test_a_single_look_is_never_taken_for_another_one() -> None:
    assert spike(0).overlaps(spike(0))
    assert not spike(0).overlaps(spike(6)), "though the first has no end yet"
    assert not spike(6).overlaps(spike(0))
    first = recorded(spike(0))
    kept, changes = reconcile([first], [spike(6)], NOW + 6 * DAY)
    assert sorted((c.incident.onset, c.new) for c in changes) == [
        (NOW, State.RETRACTED),
        (NOW + 6 * DAY, State.PROVISIONAL),
    ]
    assert len({i.id for i in kept}) == 2


@pytest.mark.parametrize("ending", [Ending.SINGLE, Ending.GREW])
def test_the_end_of_a_single_look_is_a_step_and_no_news(ending: Ending) -> None:
    first = recorded(spike(0))
    kept, (change,) = reconcile([first], [spike(0, State.FINISHED, ending)], NOW + 6 * DAY)
    assert (change.old, change.new, change.at, change.is_news) == (State.PROVISIONAL, State.FINISHED, NOW, False)
    assert change.incident.id == first.id
    assert reconcile(kept, [spike(0, State.FINISHED, ending)], NOW + 9 * DAY)[1] == []


@pytest.mark.parametrize(
    ("lasting", "expected"),
    [
        (surge(-12, 6), State.FINISHED),
        (surge(0, 6), State.FINISHED),
        (surge(1, 6), State.RETRACTED),
        (surge(-12, -6, State.FINISHED, until=NOW - 6 * DAY, ending=Ending.OVER), State.RETRACTED),
        (surge(-12, 6, State.RETRACTED), State.RETRACTED),
        (surge(-12, 6, kind=Kind.LULL), State.RETRACTED),
        (surge(-12, 6, zone="yard"), State.RETRACTED),
    ],
)
def test_a_single_look_that_a_lasting_change_now_holds_is_not_corrected(lasting: Incident, expected: State) -> None:
    first = recorded(spike(0))
    kept, changes = reconcile([first], [lasting], NOW + 6 * DAY)
    (change,) = (c for c in changes if c.incident.id == first.id)
    assert change.new is expected
    assert change.is_news is (expected is State.RETRACTED)
    assert (change.incident.ending is Ending.GREW) is (expected is State.FINISHED)
    assert reconcile(kept, [lasting], NOW + 9 * DAY)[1] == []


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("new", State)
def test_every_other_step_is_news(kind: Kind, new: State) -> None:
    change = Change(incident=replace(surge(0, 30), kind=kind, state=new), old=None, new=new, at=NOW, reason="")
    assert change.is_news is not (kind in {Kind.SPIKE, Kind.DIP} and new is State.FINISHED)
