"""One message about many places: all of them named, one kind, and no more said than holds of each."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from monitor.alert import LATE, Change, Incident, Kind, State
from monitor.message.group import GroupFacts, Member, render_group

ONSET = datetime(2025, 10, 4, 15, 20, tzinfo=UTC)
PLACES = [f"Port {name}" for name in ("Alba", "Bera", "Cova", "Dura", "Esta")]


def member(name: str, kind: Kind = Kind.SURGE, state: State = State.PROVISIONAL, days: int = 0, **more: Any) -> Member:
    blind = kind is Kind.BLIND
    incident = Incident(
        aoi=name.lower().replace(" ", "-"),
        zone="" if blind else "berths",
        measure="" if blind else "vessel_count",
        kind=kind,
        state=state,
        onset=ONSET + timedelta(days=days),
        raised=ONSET + timedelta(days=days + 12),
        looks=() if blind else ("l1", "l2", "l3"),
        mean=2.64,
        usual=0.9,
        id=f"{name.lower().replace(' ', '-')}.{kind}.2025100{4 + days}",
    )
    change = Change(incident=incident, old=None, new=state, at=ONSET, reason=LATE)
    made = Member(
        change=change,
        aoi_name=name,
        zone_label="" if blind else "berths",
        measure_label="" if blind else "vessels counted",
        unit="1",
    )
    return replace(made, **more)


def facts(*members: Member, simulated: bool = False) -> GroupFacts:
    return GroupFacts(
        members=members,
        simulated=simulated,
        attribution="Contains modified Copernicus Sentinel data [2025]",
        generated=ONSET + timedelta(days=20),
        version="0.1.0",
    )


def plain(text: str) -> str:
    return " ".join(text.split())


def test_every_place_is_named_with_its_numbers_and_its_incident() -> None:
    members = [member(p, days=n % 3, claims=("surge-2025",)) for n, p in enumerate(PLACES)]
    made = render_group(facts(*members))
    assert made.subject == "surge in 5 places since 4 Oct 2025 to 6 Oct 2025 (provisional)"
    for text in (plain(made.text), made.html):
        for m in members:
            assert f"{m.aoi_name}, berths" in text
            assert m.change.incident.id in text
        assert text.count("2.6 per usable look, usually 0.9 (3 looks)") == 5
        assert text.count("claims it touches: surge-2025") == 5
        assert "This message does not know which" in text
        assert "Copernicus Sentinel data [2025]" in text
    assert max(map(len, made.text.splitlines())) <= 76
    order = [made.text.index(p) for p in PLACES]
    assert all(a < b for a, b in pairwise(order))
    assert made.images == {}


def test_the_same_steps_give_the_same_message_in_any_order() -> None:
    members = [member(p) for p in PLACES]
    assert render_group(facts(*members)) == render_group(facts(*reversed(members)))
    assert render_group(facts(*members)).message_key != render_group(facts(*members[1:])).message_key


@pytest.mark.parametrize(
    ("members", "subject"),
    [
        (
            [member("Port Alba", kind=Kind.LULL), member("Port Bera", kind=Kind.LULL, state=State.CONFIRMED)],
            "lull in 2 places since 4 Oct 2025 (1 confirmed, 1 provisional)",
        ),
        (
            [member(p, state=State.RETRACTED) for p in PLACES[:3]],
            "correction, 'surge in 3 places since 4 Oct 2025' no longer holds (retracted)",
        ),
        (
            [member(p, kind=Kind.BLIND, state=State.BLIND) for p in PLACES[:3]],
            "no usable look in 3 places since 4 Oct 2025 (blind)",
        ),
    ],
)
def test_the_subject_says_what_where_since_when_and_how_sure(members: list[Member], subject: str) -> None:
    assert render_group(facts(*members)).subject == subject
    assert render_group(facts(*members, simulated=True)).subject == f"[SIMULATED] {subject}"


def test_several_zones_of_one_place_are_called_so() -> None:
    one, other = member("Port Alba"), member("Port Alba", zone_label="yard")
    yard = replace(other.change.incident, zone="yard", id="port-alba.yard.surge")
    made = render_group(facts(one, replace(other, change=replace(other.change, incident=yard))))
    assert made.subject == "surge in 2 zones of Port Alba since 4 Oct 2025 (provisional)"
    assert "Port Alba, yard" in made.text


def test_nothing_seen_is_not_called_quiet_and_a_correction_asks_to_be_passed_on() -> None:
    blind = render_group(facts(*(member(p, kind=Kind.BLIND, state=State.BLIND) for p in PLACES)))
    assert "not 'no activity'" in plain(blind.text)
    assert "its own series" not in plain(blind.text)
    back = render_group(facts(*(member(p, state=State.RETRACTED) for p in PLACES)))
    assert "pass this on to everyone" in plain(back.text)
    assert plain(back.text).count(LATE) == 5


def test_a_name_can_break_out_of_nothing() -> None:
    bad = "<script>alert(1)</script>\r\nBcc: x@example.org"
    made = render_group(facts(*(member(p, aoi_name=bad) for p in PLACES[:3])))
    assert "<script>" not in made.html
    assert "\nBcc" not in made.text
    assert made.subject.isprintable()


def test_what_is_simulated_says_so_first() -> None:
    made = render_group(facts(*(member(p) for p in PLACES), simulated=True))
    assert made.text.startswith("SIMULATED")
    assert "SIMULATED" in made.html
    assert "SIMULATED" not in render_group(facts(*(member(p) for p in PLACES))).html
