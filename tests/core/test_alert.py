"""Incidents: each row of the table in monitor.alert, given the odds that each look brings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from monitor import alert
from monitor.alert import (
    LATE,
    Change,
    Ending,
    Incident,
    Kind,
    Rule,
    State,
    Watch,
    advance,
    blind_spells,
    incidents,
    likely_first,
    proceed,
    raised,
    reconcile,
    singled,
    summed,
)
from monitor.score import LARGEST_ODDS, Expected, Score

T0 = datetime(2025, 1, 1, 9, 20, tzinfo=UTC)
RULE = Rule(threshold=40.0, single_p=1e-4)
USUAL = Expected(n=20, centre=1.0, low=0.0, high=2.0)
PLACE = ("rajin", "berths", "vessel_count")
ODDS = st.lists(st.floats(-LARGEST_ODDS, LARGEST_ODDS), max_size=60)
"""Log odds for a surge of each look; those for a lull are the opposite."""


def day(number: float) -> datetime:
    return T0 + timedelta(days=number)


def score(
    number: int, odds: float, *, z: float = 0.0, track: str = "s1-021d-vv", expected: Expected | None = USUAL
) -> Score:
    up, down = (min(odds, LARGEST_ODDS),) * 3, (min(-odds, LARGEST_ODDS),) * 3
    at, value = day(number), odds + 1
    return Score(look=f"look{number}", track=track, at=at, value=value, expected=expected, z=z, up=up, down=down)


def told(scores: Sequence[Score], rule: Rule = RULE) -> Watch:
    """As `monitor.history` drives it, but for the baseline, which these scores are given without."""
    watch, quiet = Watch(), 0
    for number, one in enumerate(scores):
        if watch.incident is not None:
            watch, alarm = proceed(watch, watch.incident, one, rule)
            if watch.incident is None:
                quiet = _quiet_since(scores, watch.closed[-1], quiet)
        else:
            watch, alarm = advance(watch, one, rule)
            watch = singled(watch, one, rule, PLACE)
        if alarm is not None:
            recent = scores[quiet : number + 1]
            watch = raised(watch, alarm, recent[likely_first(recent, alarm) :], PLACE)
    return watch


def _quiet_since(scores: Sequence[Score], ended: Incident, before: int) -> int:
    """The first look with which the next change may begin: looks of a retracted one are ordinary again."""
    if ended.state is State.RETRACTED:
        return before
    return next((n for n, s in enumerate(scores) if ended.until is not None and s.at > ended.until), len(scores))


def watched(odds: Sequence[float], rule: Rule = RULE) -> Watch:
    return told([score(number, o) for number, o in enumerate(odds)], rule)


def found(odds: Sequence[float], rule: Rule = RULE) -> list[Incident]:
    return incidents(watched(odds, rule))


RAISED = [-1.0, -1.0, -1.0, 2.0, 2.0]
"""Heights: 0.37, 0.50, 0.55, 11.5, 92."""


# - -> provisional


@pytest.mark.parametrize(
    ("odds", "at"),
    [
        ([], None),
        ([LARGEST_ODDS], None),  # one look counts no more than 10
        ([1.0, 1.0, 1.0], None),  # e + e^2 + e^3 = 30
        ([1.0, 1.0, 1.0, 1.0], 3),
        ([0.0] * 200, None),  # R passes the threshold by mere waiting, but no onset is likelier than none
        (RAISED, 4),
    ],
)
def test_provisional_when_the_chart_passes_the_threshold(odds: list[float], at: int | None) -> None:
    assert [(i.state, i.raised) for i in found(odds)] == ([] if at is None else [(State.PROVISIONAL, day(at))])
    mirrored = found([-o for o in odds])
    if at is not None and any(odds):
        assert [i.kind for i in mirrored] == [Kind.LULL]


def test_a_new_incident_tells_what_it_rests_on() -> None:
    short = replace(USUAL, n=9, centre=3.0)
    watch = told(
        [*(score(n, -1.0) for n in range(3)), score(3, 2.0), score(4, 2.0, track="s1-087a-vv", expected=short)]
    )
    (incident,) = incidents(watch)
    assert (incident.aoi, incident.zone, incident.measure) == PLACE
    assert (incident.onset, incident.raised, incident.until, incident.last) == (day(3), day(4), None, day(4))
    assert incident.looks == ("look3", "look4")
    assert incident.tracks == ("s1-021d-vv", "s1-087a-vv")
    assert (incident.mean, incident.usual, incident.baseline_looks) == (3.0, 2.0, 9)
    assert 10**incident.evidence == pytest.approx(
        sum(math.exp(v) for v in (2.0, 4.0, 3.0, 2.0, 1.0)),  # over the five onsets there may be
    )
    assert (incident.hits, incident.ending) == ((), None)
    assert incident.name == "rajin.berths.vessel_count.surge.20250104"


# provisional -> confirmed, provisional -> retracted


@pytest.mark.parametrize(
    ("after", "states"),
    [
        ([2.0], "p"),  # two looks at least
        ([2.0, 2.0], "pc"),
        ([0.5, 0.5, 0.5, 0.5], "pppc"),  # 5 times likelier
        ([0.4, 0.4, 0.4, 0.4], "pppp"),
        ([1.0, -1.0, 1.0, -1.0], "pppp"),
        ([-1.0], "p"),
        ([-1.0, -1.0], "pr"),
        ([-1.7], "r"),
        ([-0.5, -0.5, -0.5, -0.5], "pppr"),
        ([1.0, -1.0, -1.0, -1.0], "pppr"),
    ],
)
@pytest.mark.parametrize("sign", [1, -1])
def test_the_odds_of_the_later_looks_decide(after: list[float], states: str, sign: int) -> None:
    letters = {State.PROVISIONAL: "p", State.CONFIRMED: "c", State.RETRACTED: "r"}
    lives = [found([sign * o for o in [*RAISED, *after[:n]]])[0] for n in range(1, len(after) + 1)]
    assert "".join(letters[i.state] for i in lives) == states
    assert lives[-1].kind is (Kind.SURGE if sign > 0 else Kind.LULL)
    assert tuple(lives[-1].hits) == tuple(o > 0 for o in after)


def test_a_retracted_incident_ended_with_its_last_look_that_did_not_speak_against_it() -> None:
    (incident,) = found([*RAISED, 0.5, -1.0, -1.5])
    assert (incident.state, incident.onset, incident.until) == (State.RETRACTED, day(3), day(5))
    assert incident.looks == ("look3", "look4", "look5")
    assert not incident.state.is_open
    assert incident.ending is None


def heights_after(odds: Sequence[float], before: float = 0.0) -> float:
    """Of a chart that stood so high, after looks with these odds: R = (1 + R) L."""
    for o in odds:
        before = (1 + before) * math.exp(min(o, LARGEST_ODDS))
    return before


def test_the_chart_of_a_change_starts_anew_when_it_is_raised_and_waits_while_it_is_open() -> None:
    raising, waiting = watched(RAISED), watched([*RAISED, 1.0, -1.0])
    assert raising.up == waiting.up == ()
    after = watched([*RAISED, -2.0])  # retracted: the next look is the first the chart counts
    assert after.incident is None
    assert (after.up, after.members, after.later, after.against) == ((), (), 0.0, 0.0)
    assert watched([*RAISED, -2.0, 0.5]).up == pytest.approx((math.exp(0.5),) * 3)


def test_the_chart_of_the_other_direction_goes_on_through_an_incident_and_its_end() -> None:
    odds = [*RAISED, 1.0, -1.0, -1.8, 0.5]
    for end in range(1, len(odds) + 1):
        down = heights_after([-o for o in odds[:end]])
        assert down < RULE.threshold
        assert watched(odds[:end]).down == pytest.approx((down,) * 3)


def test_looks_of_a_retracted_incident_may_begin_the_next() -> None:
    retracted, surge = found([*RAISED, -2.0, 2.0, 2.0])
    assert (retracted.state, retracted.until) == (State.RETRACTED, day(4))
    assert (surge.state, surge.onset, surge.raised) == (State.PROVISIONAL, day(3), day(7))


# the other direction passes while an incident is open


def opposite(odds: Sequence[float]) -> list[float]:
    return [-o for o in odds]


HIGH = replace(RULE, sure=1e9, over=1e9)
"""An incident that nothing but a change the other way ends."""


@pytest.mark.parametrize("sign", [1, -1])
def test_a_provisional_lull_does_not_hide_a_surge_and_is_retracted_by_it(sign: int) -> None:
    odds = [sign * o for o in [*opposite(RAISED), -0.2, 1.2, 1.2, 1.2]]
    before, after = found(odds[:-1], HIGH), found(odds, HIGH)
    (lull,) = before
    kinds = (Kind.LULL, Kind.SURGE) if sign > 0 else (Kind.SURGE, Kind.LULL)
    assert (lull.kind, lull.state) == (kinds[0], State.PROVISIONAL)
    old, new = after
    assert (old.kind, old.state, old.ending, old.until) == (kinds[0], State.RETRACTED, None, day(5))
    assert old.looks == ("look3", "look4", "look5")
    assert (new.kind, new.state, new.onset, new.raised) == (kinds[1], State.PROVISIONAL, day(6), day(8))
    assert new.looks == ("look6", "look7", "look8")


@pytest.mark.parametrize("sign", [1, -1])
def test_a_confirmed_lull_does_not_hide_a_surge_and_is_over_when_that_began(sign: int) -> None:
    rule = replace(RULE, over=1e9)
    odds = [sign * o for o in [*opposite(RAISED), -2.0, -2.0, 1.5, 1.5, 1.5]]
    (lull,) = found(odds[:-1], rule)
    kinds = (Kind.LULL, Kind.SURGE) if sign > 0 else (Kind.SURGE, Kind.LULL)
    assert (lull.kind, lull.state, lull.until) == (kinds[0], State.CONFIRMED, None)
    old, new = found(odds, rule)
    assert (old.kind, old.state, old.ending, old.until) == (kinds[0], State.FINISHED, Ending.OVER, day(6))
    assert old.looks == tuple(f"look{n}" for n in range(3, 7))
    assert (new.kind, new.state, new.onset, new.raised) == (kinds[1], State.PROVISIONAL, day(7), day(9))
    assert 10**new.evidence == pytest.approx(heights_after([sign * o for o in odds])), (
        "of all looks, the lull's as well"
    )


@pytest.mark.parametrize("state", [State.PROVISIONAL, State.CONFIRMED])
def test_the_look_that_turns_an_incident_is_none_of_its_own(state: State) -> None:
    """Though it says nothing against it."""
    watch = watched(RAISED)
    assert watch.incident is not None
    almost = replace(watch, down=(39.5,) * 3, fallen=(5.0,) * 3, incident=replace(watch.incident, state=state))
    assert almost.incident is not None
    turned, alarm = proceed(almost, almost.incident, score(5, 0.0), RULE)
    assert alarm is not None
    assert alarm.kind is Kind.LULL
    assert alarm.height == pytest.approx(40.5)
    assert turned.closed[-1].looks == ("look3", "look4")
    assert turned.closed[-1].until == day(4)


def test_the_new_chart_of_a_turn_is_empty_and_the_rest_begins_anew() -> None:
    watch = watched([*opposite(RAISED), -0.2, 1.2, 1.2, 1.2], HIGH)
    assert watch.incident is not None
    assert (watch.up, watch.down) == ((), ())
    assert (watch.later, watch.against, watch.leaning) == (0.0, 0.0, 3)
    assert watch.incident.hits == ()


# confirmed -> finished

CONFIRMED = [*RAISED, 2.0, 2.0]


@pytest.mark.parametrize(
    ("after", "finished"),
    [
        ([1.0] * 30, None),
        ([0.0] * 30, None),
        ([-1.0, 1.0] * 6, None),
        ([-1.0, -1.0], None),
        ([-1.0, -1.0, -1.0], 9),  # e^3 > 20
        ([-3.1], 7),
        ([-2.0, 1.0, -2.0], 9),  # all since some look
        ([-2.0, 5.0, -2.0], None),
    ],
)
def test_finished_when_the_looks_since_some_look_speak_against_it(after: list[float], finished: int | None) -> None:
    watch = watched([*CONFIRMED, *after])
    (incident,) = incidents(watch)
    if finished is None:
        assert (incident.state, incident.until, incident.ending) == (State.CONFIRMED, None, None)
        assert watch.incident is not None
    else:
        assert finished == len(CONFIRMED) + len(after) - 1
        assert (incident.state, incident.until, incident.ending) == (State.FINISHED, day(6), Ending.OVER)
        assert incident.looks == tuple(f"look{n}" for n in range(3, 7))
        assert incident.mean == pytest.approx(3.0)
        assert watch.incident is None


@pytest.mark.parametrize(
    ("days", "looks", "state"), [(11.0, 29, "confirmed"), (13.0, 29, "finished"), (13.0, 28, "confirmed")]
)
def test_what_lasts_a_year_and_many_looks_is_the_new_usual(days: float, looks: int, state: str) -> None:
    """30 looks with the onset, 365 days."""
    scores = [replace(score(n, o), at=day(n * days)) for n, o in enumerate([*RAISED[2:], *[1.0] * (looks - 1)])]
    (incident,) = incidents(told(scores))
    assert len(scores) == looks + 2
    assert len(incident.looks) == looks + 1
    assert incident.state == state
    if incident.state is State.FINISHED:
        assert (incident.ending, incident.until) == (Ending.NEW_USUAL, scores[-1].at)


# spikes and dips

SPIKE_Z = 4.5


def with_single(number: int, *, z: float = SPIKE_Z, looks: int = 10, then: float = 0.0) -> list[Score]:
    return [score(n, math.copysign(0.5, z) if n == number else then, z=z if n == number else 0.0) for n in range(looks)]


@pytest.mark.parametrize(("z", "kind"), [(SPIKE_Z, Kind.SPIKE), (-SPIKE_Z, Kind.DIP)])
def test_a_single_look_is_told_and_finished_by_the_next(z: float, kind: Kind) -> None:
    scores = with_single(4, z=z, then=-0.2 * math.copysign(1, z))
    assert incidents(told(scores[:4])) == []
    (new,) = incidents(told(scores[:5]))
    assert (new.kind, new.state, new.onset, new.raised, new.looks) == (
        kind,
        State.PROVISIONAL,
        day(4),
        day(4),
        ("look4",),
    )
    assert new.evidence == pytest.approx(-math.log10(scores[4].p))
    assert (new.until, new.ending) == (None, None)
    (over,) = incidents(told(scores[:6]))
    assert (over.state, over.ending, over.until) == (State.FINISHED, Ending.SINGLE, day(4))
    assert incidents(told(scores)) == [over]


def test_a_rule_without_a_budget_for_single_looks_tells_none() -> None:
    assert incidents(told(with_single(4), replace(RULE, single_p=0.0))) == []


def test_a_look_that_is_not_so_unusual_is_no_spike() -> None:
    assert incidents(told(with_single(4, z=3.8))) == []
    assert len(incidents(told(with_single(4, z=4.0)))) == 1


def test_two_in_a_row_are_two() -> None:
    scores = [score(n, 0.0, z=SPIKE_Z if n in {4, 5} else 0.0) for n in range(7)]
    assert [(i.onset, i.ending) for i in incidents(told(scores))] == [(day(4), Ending.SINGLE), (day(5), Ending.SINGLE)]


@pytest.mark.parametrize(("z", "ending"), [(SPIKE_Z, Ending.GREW), (-SPIKE_Z, Ending.SINGLE)])
def test_a_spike_that_a_surge_grew_from_says_so(z: float, ending: Ending) -> None:
    scores = [score(n, -1.0) for n in range(3)] + [score(3, 1.5, z=z), score(4, 1.5), score(5, 1.5)]
    single, surge = incidents(told(scores))
    assert (surge.kind, surge.onset) == (Kind.SURGE, day(3))
    assert (single.state, single.ending) == (State.FINISHED, ending)


def test_a_spike_before_the_onset_did_not_grow() -> None:
    scores = [score(0, 0.0, z=SPIKE_Z), *(score(n, 0.0) for n in range(1, 4)), score(4, 2.0), score(5, 2.0)]
    single, surge = incidents(told(scores))
    assert (single.ending, surge.onset) == (Ending.SINGLE, day(4))


def test_the_look_that_raises_a_surge_is_no_spike_as_well() -> None:
    scores = [score(n, o, z=SPIKE_Z if n == 4 else 0.0) for n, o in enumerate(RAISED)]
    assert [i.kind for i in incidents(told(scores))] == [Kind.SURGE]


def test_in_an_open_incident_there_are_no_spikes() -> None:
    scores = [score(n, o, z=SPIKE_Z if n > 4 else 0.0) for n, o in enumerate(CONFIRMED)]
    assert [i.kind for i in incidents(told(scores))] == [Kind.SURGE]


# all of them


@given(ODDS)
def test_surge_and_lull_are_mirror_images(odds: list[float]) -> None:
    def shape(found: list[Incident], sign: int) -> list[tuple[object, ...]]:
        return [(i.kind.sign * sign, i.state, i.onset, i.raised, i.until, i.looks) for i in found]

    assert shape(found(odds), 1) == shape(found([-o for o in odds]), -1)


@given(ODDS)
def test_incidents_follow_each_other(odds: list[float]) -> None:
    all_of_them = found(odds)
    for incident in all_of_them:
        assert incident.onset <= incident.raised
        assert incident.state.is_open == (incident.until is None)
        assert (incident.ending is not None) == (incident.state is State.FINISHED)
        assert incident.last == (day(int(incident.looks[-1].removeprefix("look"))))
        assert 10**incident.evidence >= RULE.threshold * (1 - 1e-9)
    for before, after in pairwise(all_of_them):
        assert before.until is not None
        assert before.raised < after.raised
        if before.state is State.FINISHED:  # looks of a retracted one may begin the next
            assert before.until < after.onset


@given(st.lists(st.tuples(st.floats(0, 9), st.integers(0, 40)), min_size=1, max_size=9))
def test_an_incident_tells_the_averages_of_its_looks(looks: list[tuple[float, int]]) -> None:
    scores = [
        replace(score(n, 0.0), value=value, expected=replace(USUAL, n=8 + age, centre=value / 2))
        for n, (value, age) in enumerate(looks)
    ]
    (blank,) = found(RAISED)
    made = summed(blank, scores)
    assert made.mean == pytest.approx(sum(v for v, _ in looks) / len(looks))
    assert made.usual == pytest.approx(made.mean / 2)
    assert made.baseline_looks == 8 + min(age for _, age in looks)
    assert (made.last, len(made.looks)) == (day(len(looks) - 1), len(looks))


# blind


def looks_at(*days: float) -> list[datetime]:
    return [day(d) for d in days]


EVERY_SIX = (0, 6, 12, 18, 24, 30)


@pytest.mark.parametrize(
    ("usable", "as_of", "spells"),
    [
        ((0, 6, 12, 18), 400, []),  # nothing is usual yet
        (EVERY_SIX, 30, []),
        (EVERY_SIX, 54, []),  # at least two cycles of Sentinel-1
        (EVERY_SIX, 54.1, [(State.BLIND, 30, 54, None)]),
        ((*EVERY_SIX, 60), 60, [(State.FINISHED, 30, 54, 60)]),
        ((*EVERY_SIX, 48), 49, []),
        ((*EVERY_SIX, 60), 85, [(State.FINISHED, 30, 54, 60), (State.BLIND, 60, 84, None)]),
        ((0, 10, 20, 30, 40, 50), 80.1, [(State.BLIND, 50, 80, None)]),  # three steps of ten days
        ((0, 1, 12, 13, 24, 25, 36, 37), 69.9, []),  # two tracks: the long steps count
        ((0, 1, 12, 13, 24, 25, 36, 37), 70.1, [(State.BLIND, 37, 70, None)]),
        ((0, 1, 2, 3, 4, 5), 28.9, []),
        ((0, 1, 2, 3, 4, 5), 29.1, [(State.BLIND, 5, 29, None)]),
    ],
)
def test_blind_spells(
    usable: tuple[float, ...], as_of: float, spells: list[tuple[State, float, float, float | None]]
) -> None:
    expected = [(state, day(a), day(b), None if c is None else day(c)) for state, a, b, c in spells]
    made = blind_spells("rajin", looks_at(*usable), day(as_of))
    assert [(i.state, i.onset, i.raised, i.until) for i in made] == expected
    assert all(i.kind is Kind.BLIND and i.aoi == "rajin" and i.zone == i.measure == "" for i in made)


def test_blind_is_told_when_noticed_and_finished_when_seen_again() -> None:
    kept: list[Incident] = []
    told: list[tuple[State, datetime]] = []
    for usable, as_of in ((EVERY_SIX, 40), (EVERY_SIX, 56), (EVERY_SIX, 58), ((*EVERY_SIX, 60), 61)):
        kept, changes = reconcile(kept, blind_spells("rajin", looks_at(*usable), day(as_of)), day(as_of))
        told += [(c.new, c.at) for c in changes]
    assert told == [(State.BLIND, day(54)), (State.FINISHED, day(60))]
    assert [i.id for i in kept] == ["rajin.blind.20250131"]


# recorded against derived


def stored(kept: Sequence[Incident]) -> list[Incident]:
    """As the store gives them back: one an id, oldest onset first."""
    return sorted({i.id: i for i in kept}.values(), key=lambda i: (i.onset.isoformat(), i.id))


def same_but_state(one: Incident, other: Incident) -> bool:
    return replace(one, id="", state=other.state, ending=other.ending) == other


HISTORIES = st.lists(st.lists(st.sampled_from([-2.0, -1.0, 0.0, 1.0, 2.0]), max_size=30), min_size=1, max_size=5)
"""What successive polls derive from the scores, late ones included: any list may follow any other."""


@given(HISTORIES)
@example([[-2.0, -2.0, -2.0, 1.0, 1.0, 2.0], [-2.0, -2.0, 2.0, 2.0, -2.0, 2.0, 2.0, -2.0]])  # two of the same onset
@settings(max_examples=300)
def test_reconciling_again_changes_nothing(histories: list[list[float]]) -> None:
    recorded: list[Incident] = []
    for number, odds in enumerate(histories):
        derived, as_of = found(odds), day(1000 + number)
        kept, changes = reconcile(recorded, derived, as_of)
        assert len({i.id for i in kept}) == len(kept)
        assert all(i.id for i in kept)
        assert len({c.id for c in changes}) == len(changes)
        recorded = stored(kept)
        again, none = reconcile(recorded, derived, day(2000))
        assert none == []
        assert stored(again) == recorded
        # what the looks show is recorded, as far along as it was told, and all else is retracted
        shown = [i for i in recorded if any(same_but_state(i, d) for d in derived)]
        assert len(shown) >= len(derived)
        assert all(i.state is State.RETRACTED for i in recorded if i not in shown)


@given(HISTORIES)
@settings(max_examples=200)
def test_a_retraction_is_the_last_that_is_told_of_an_incident(histories: list[list[float]]) -> None:
    recorded: list[Incident] = []
    retracted: set[str] = set()
    for number, odds in enumerate(histories):
        kept, changes = reconcile(recorded, found(odds), day(1000 + number))
        recorded = stored(kept)
        assert not retracted & {c.incident.id for c in changes}
        retracted |= {c.incident.id for c in changes if c.new is State.RETRACTED}
        assert retracted == {i.id for i in recorded if i.state is State.RETRACTED}


def test_the_life_of_an_incident_is_told_step_by_step_under_one_id() -> None:
    odds = [*CONFIRMED, -1.0, -1.0, -1.0]
    recorded: list[Incident] = []
    told: list[Change] = []
    for end in range(1, len(odds) + 1):
        recorded, changes = reconcile(recorded, found(odds[:end]), day(end))
        told += changes
    assert [(c.old, c.new) for c in told] == [
        (None, State.PROVISIONAL),
        (State.PROVISIONAL, State.CONFIRMED),
        (State.CONFIRMED, State.FINISHED),
    ]
    assert {c.incident.id for c in told} == {"rajin.berths.vessel_count.surge.20250104"}
    assert told[0].at == day(4)
    assert [c.reason for c in told] == [alert.REASONS[c.new] for c in told]
    assert len({c.id for c in told}) == 3


def test_late_looks_that_change_the_series_retract_with_that_reason() -> None:
    recorded, _ = reconcile([], found(CONFIRMED), day(10))
    kept, (change,) = reconcile(recorded, found([0.0] * 9), day(20))
    assert (change.old, change.new, change.at, change.reason) == (State.CONFIRMED, State.RETRACTED, day(20), LATE)
    assert [i.state for i in kept] == [State.RETRACTED]


def test_late_looks_that_only_move_the_onset_keep_the_id_and_are_no_news() -> None:
    recorded, _ = reconcile([], found(CONFIRMED), day(10))
    kept, changes = reconcile(recorded, found([-1.0, -1.0, 1.5, 2.0, 2.0, 2.0, 2.0]), day(20))
    assert changes == []
    assert [(i.id, i.onset) for i in kept] == [("rajin.berths.vessel_count.surge.20250104", day(2))]


def test_what_was_retracted_and_shows_again_is_a_new_incident() -> None:
    """Everyone told has been told of the retraction: the next alarm must be told afresh."""
    recorded, _ = reconcile([], found(CONFIRMED), day(10))
    recorded, _ = reconcile(recorded, [], day(20))
    kept, (change,) = reconcile(recorded, found(CONFIRMED), day(30))
    assert (change.old, change.new) == (None, State.CONFIRMED)
    assert sorted(i.state for i in kept) == [State.CONFIRMED, State.RETRACTED]
    assert len({i.id for i in kept}) == 2


def test_of_two_with_the_same_onset_each_keeps_its_id() -> None:
    """One poll brings the retraction and the next alarm, which begins with the looks that were taken back."""
    odds = [*RAISED, -2.0, 2.0, 2.0]
    recorded, _ = reconcile([], found(odds[:5]), day(5))
    kept, changes = reconcile(recorded, found(odds), day(10))
    assert [(i.onset, i.raised, i.state) for i in kept] == [
        (day(3), day(4), State.RETRACTED),
        (day(3), day(7), State.PROVISIONAL),
    ]
    first, second = (i.id for i in kept)
    assert first == recorded[0].id != second
    assert [(c.incident.id, c.old, c.new) for c in changes] == [
        (first, State.PROVISIONAL, State.RETRACTED),
        (second, None, State.PROVISIONAL),
    ]


# late looks

STEPS = {
    True: {
        None: {State.PROVISIONAL},
        State.PROVISIONAL: {State.CONFIRMED, State.RETRACTED},
        State.CONFIRMED: {State.FINISHED, State.RETRACTED},
        State.FINISHED: {State.RETRACTED},
        State.RETRACTED: set(),
    },
    False: {
        None: {State.PROVISIONAL},
        State.PROVISIONAL: {State.FINISHED, State.RETRACTED},
        State.FINISHED: {State.RETRACTED},
        State.RETRACTED: set(),
    },
}
"""The table of monitor.alert, for lasting changes and for single looks: where each state may lead."""


def may_lead(old: State | None, new: State, *, lasting: bool) -> bool:
    """True if some steps of the table lead from one state to the other: a poll may bring several looks."""
    after = STEPS[lasting][old]
    return new in after or any(may_lead(between, new, lasting=lasting) for between in after)


@given(HISTORIES)
@settings(max_examples=300)
def test_no_step_is_taken_twice_nor_against_the_table(histories: list[list[float]]) -> None:
    recorded: list[Incident] = []
    told: set[str] = set()
    for number, odds in enumerate(histories):
        kept, changes = reconcile(recorded, found(odds), day(1000 + number))
        recorded = stored(kept)
        assert all(may_lead(c.old, c.new, lasting=c.incident.kind.lasting) for c in changes)
        assert not told & {c.id for c in changes}
        told |= {c.id for c in changes}


def test_the_table_has_no_way_back() -> None:
    assert may_lead(None, State.FINISHED, lasting=True)
    assert not may_lead(State.CONFIRMED, State.PROVISIONAL, lasting=True)
    assert not may_lead(State.FINISHED, State.CONFIRMED, lasting=True)
    assert not may_lead(State.RETRACTED, State.PROVISIONAL, lasting=False)


def test_late_looks_that_make_a_confirmed_change_less_sure_are_no_news() -> None:
    recorded, _ = reconcile([], found(CONFIRMED), day(10))
    kept, changes = reconcile(recorded, found([*RAISED, 0.5, 0.5]), day(20))
    assert changes == []
    assert [i.state for i in kept] == [State.CONFIRMED]
    kept, (change,) = reconcile(kept, found([*RAISED, 0.5, -1.0, -1.5]), day(30))
    assert (change.old, change.new) == (State.CONFIRMED, State.RETRACTED)


def test_what_was_told_to_be_over_and_goes_on_is_a_new_incident() -> None:
    recorded, _ = reconcile([], found([*CONFIRMED, -3.1]), day(10))
    kept, changes = reconcile(recorded, found([*CONFIRMED, 2.0, -3.1, 2.0, 2.0][:-3]), day(20))
    steps = {(c.old, c.new) for c in changes}
    assert steps == {(None, State.CONFIRMED), (State.FINISHED, State.RETRACTED)}
    assert sorted(i.id for i in kept) == [
        "rajin.berths.vessel_count.surge.20250104",
        "rajin.berths.vessel_count.surge.20250104.2",
    ]


def test_a_spike_that_is_over_stays_so_when_it_is_the_newest_look_again() -> None:
    scores = with_single(4, then=-0.2)
    recorded, _ = reconcile([], incidents(told(scores[:6])), day(10))
    kept, changes = reconcile(recorded, incidents(told(scores[:5])), day(20))
    assert changes == []
    assert [(i.state, i.ending) for i in kept] == [(State.FINISHED, Ending.SINGLE)]


def test_blind_spells_that_touch_keep_their_own_ids() -> None:
    """The look between two gaps ends one spell and begins the next."""
    every = [*EVERY_SIX, 60, 90, 96]
    both = blind_spells("rajin", looks_at(*every), day(97))
    assert [(i.onset, i.until) for i in both] == [(day(30), day(60)), (day(60), day(90))]
    recorded, _ = reconcile([], both[1:], day(97))
    kept, (change,) = reconcile(recorded, both, day(98))
    assert change.incident.onset == day(30)
    assert sorted(i.id for i in kept) == ["rajin.blind.20250131", "rajin.blind.20250302"]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ((0, 5), (3, 8), True),
        ((0, None), (3, 8), True),
        ((0, None), (7, None), True),
        ((0, 2), (3, 8), False),
        ((4, None), (1, 3), False),
    ],
)
def test_overlap_in_time(one: tuple[int, int | None], other: tuple[int, int | None], same: bool) -> None:
    made = [
        Incident(
            aoi="a",
            zone="z",
            measure="m",
            kind=Kind.SURGE,
            state=State.CONFIRMED,
            onset=day(start),
            raised=day(start),
            until=None if end is None else day(end),
        )
        for start, end in (one, other)
    ]
    assert made[0].overlaps(made[1]) is same
    assert made[1].overlaps(made[0]) is same
    assert not made[0].overlaps(replace(made[0], kind=Kind.LULL))
    assert not made[0].overlaps(replace(made[0], zone="other"))
