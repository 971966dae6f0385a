"""The report: one file, in order, with the numbers, and honest about what could not be seen."""

from __future__ import annotations

import base64
import math
import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from monitor.alert import Incident, Kind, State
from monitor.message import Statement
from monitor.report import (
    ReportFacts,
    ReportIncident,
    ReportLooks,
    ReportPicture,
    ReportZone,
    render_report,
)
from monitor.times import Interval

START, END = datetime(2022, 1, 3, tzinfo=UTC), datetime(2024, 12, 28, tzinfo=UTC)
SCRIPT = "<script>alert(1)</script>"
PNG = b"\x89PNG\r\n\x1a\n..."


def surge(**changed: object) -> Incident:
    made = Incident(
        aoi="simport",
        zone="berths",
        measure="vessel_count",
        kind=Kind.SURGE,
        state=State.CONFIRMED,
        onset=datetime(2024, 10, 4, tzinfo=UTC),
        raised=datetime(2024, 11, 3, tzinfo=UTC),
        looks=tuple("abcdefghijklmn"),
        tracks=("s1-087a-vv", "s1-021d-vv"),
        mean=2.64,
        usual=0.9,
        baseline_looks=31,
        id="simport.berths.vessel_count.surge.20241004",
    )
    return replace(made, **changed)  # type: ignore[arg-type]


def item(incident: Incident) -> ReportIncident:
    if incident.kind is Kind.BLIND:
        return ReportIncident(incident=incident, zone_label="", measure_label="", unit="")
    return ReportIncident(
        incident=incident, zone_label="berths", measure_label="vessels counted", unit="count", last_look=END
    )


BLIND = surge(
    kind=Kind.BLIND,
    state=State.FINISHED,
    zone="",
    measure="",
    looks=(),
    mean=math.nan,
    usual=math.nan,
    onset=datetime(2023, 8, 2, tzinfo=UTC),
    until=datetime(2023, 9, 20, tzinfo=UTC),
    id="simport.blind.20230802",
)


def facts(**changed: object) -> ReportFacts:
    made = ReportFacts(
        aoi_id="simport",
        aoi_name="Simulated port",
        period=Interval(start=START, end=END),
        generated=END,
        version="0.1.0",
        simulated=False,
        zones=[ReportZone(name="berths", kind="berth_water", note="outline good to 50 m")],
        incidents=[item(surge()), item(BLIND)],
        series=[ReportPicture(title="berths: vessels counted", png=PNG)],
        pictures=[ReportPicture(title="berths: before and after", png=PNG, caption="Same track.")],
        looks=[
            ReportLooks(
                track="S1 orbit 87", usable=90, unusable={"not covered": 7, "unreadable": 1}, first=START, last=END
            ),
            ReportLooks(track="S2 orbit 21", usable=50, unusable={"cloud": 31}),
        ],
        statements=[
            Statement(
                claim_id="surge-2024",
                claim_text="It has surged.",
                said_by="A newspaper",
                code="B2",
                relation="leans with it",
                says="More vessels were counted.",
                does_not_say="What they carried.",
            )
        ],
        recipes=["vessel_count/1"],
        attribution="Contains modified Copernicus Sentinel data",
        false_alarms_per_year=0.5,
        watched=6,
        notes=["Planted: a surge."],
    )
    return replace(made, **changed)  # type: ignore[arg-type]


def words(html: str) -> str:
    return " ".join(re.sub(r"(?s)<style.*?</style>|<[^>]*>", " ", html).replace("&#39;", "'").split())


def test_headline_has_the_numbers() -> None:
    said = words(render_report(facts()))
    assert "140 of 179 looks of Simulated port from 3 Jan 2022 to 28 Dec 2024 could be used." in said
    assert "on average 2.6 per usable look on 14 looks from 4 Oct 2024 to 28 Dec 2024, against 0.9 usual" in said
    assert "That is more than usual (confirmed)." in said
    assert "Without any usable look: 2 Aug 2023 to 20 Sep 2023. That is not 'no activity'" in said


def test_reading_order() -> None:
    html = render_report(facts())
    titles = re.findall(r"<h2>(.*?)</h2>", html)
    assert titles == [
        "Notes",
        "Incidents",
        "Pictures",
        "Series",
        "Looks",
        "Claims it touches",
        "Method",
        "What this does not show",
    ]


def test_nothing_found_is_not_nothing_happened() -> None:
    said = words(render_report(facts(incidents=[])))
    assert "No lasting change was found in the 6 series watched. This does not show that nothing happened" in said
    assert "None in this period." in said


def test_where_nothing_could_be_compared_nothing_is_stated() -> None:
    said = words(render_report(facts(incidents=[], compared=0)))
    assert "No statement: of what is watched here, no look could be compared" in said
    assert "No lasting change was found" not in said


@pytest.mark.parametrize("looks", [[], [ReportLooks(track="S2", usable=0, unusable={"cloud": 5})]])
def test_nothing_usable_is_not_no_activity(looks: list[ReportLooks]) -> None:
    said = words(render_report(facts(incidents=[], looks=looks)))
    assert "This is not 'no activity': nothing could be seen" in said
    assert "No lasting change was found" not in said


def test_retracted_incidents_are_listed_but_not_in_the_headline() -> None:
    said = words(render_report(facts(incidents=[item(surge(state=State.RETRACTED))])))
    assert "on average 2.6" not in said
    assert "retracted" in said


def test_looks_add_up() -> None:
    said = words(render_report(facts()))
    assert "S1 orbit 87 3 Jan 2022 to 28 Dec 2024 90 8 not covered (7), unreadable (1)" in said
    assert "all tracks 140 39 cloud (31), not covered (7), unreadable (1)" in said


def test_method_and_limits() -> None:
    said = words(render_report(facts()))
    assert "0.5 false alarms a year, ups and downs together; with 6 series watched, up to 3 in all" in said
    assert "not a rate measured here" in said
    for limit in ("carried", "nationality", "Single containers, wagons, vehicles or people"):
        assert limit in said
    assert "vessel_count/1" in said
    assert "outline good to 50 m" in said


def test_it_needs_nothing_else() -> None:
    html = render_report(facts())
    assert html.count("data:image/png;base64," + base64.b64encode(PNG).decode()) == 2
    assert not re.search(r"<script|<link|https?://|@import|url\(", html)
    assert "@media print" in html


def test_simulated_is_said_everywhere() -> None:
    html = render_report(facts(simulated=True))
    assert "<title>[SIMULATED] " in html
    assert '<div class="simulated"><strong>SIMULATED</strong>' in html
    assert all("SIMULATED" in alt for alt in re.findall(r'alt="([^"]*)"', html))
    assert "Notes on the simulation" in html
    assert "SIMULATED" not in render_report(facts())


def test_nothing_is_certain_and_no_claim_is_confirmed() -> None:
    said = words(render_report(facts()))
    assert not re.search(r"\b(0|100)(\.0+)? ?%", said)
    assert "confirms" not in said
    assert not re.search(r"\bnan\b|\bNone\b(?! in| of)", said)


def test_names_cannot_break_out() -> None:
    evil = facts(
        aoi_name=SCRIPT,
        aoi_id=SCRIPT,
        attribution=SCRIPT,
        recipes=[SCRIPT],
        notes=[SCRIPT],
        version='"><script>',
        zones=[ReportZone(name=SCRIPT, kind=SCRIPT, note=SCRIPT)],
        series=[ReportPicture(title=f'"{SCRIPT}', png=PNG, caption=SCRIPT)],
        looks=[ReportLooks(track=SCRIPT, usable=1, unusable={SCRIPT: 1})],
    )
    html = render_report(evil)
    assert "<script" not in html
    assert 'alt=""' not in html


def test_the_same_facts_give_the_same_file() -> None:
    assert render_report(facts()) == render_report(facts())
