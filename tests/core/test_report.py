"""The report: one file, in order, with the numbers, and honest about what could not be seen."""

from __future__ import annotations

import base64
import math
import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from monitor.alert import (
    Calibration,
    Control,
    Ending,
    Incident,
    Interval90,
    Kind,
    Nuisance,
    NuisanceKind,
    Power,
    State,
    Verdict,
)
from monitor.baseline import Family
from monitor.message import Statement, TitledPicture
from monitor.report import (
    ReportFacts,
    ReportIncident,
    ReportLooks,
    ReportPower,
    ReportZone,
    render_report,
)
from monitor.times import Interval

START, END = datetime(2022, 1, 3, tzinfo=UTC), datetime(2024, 12, 28, tzinfo=UTC)
SCRIPT = "<script>alert(1)</script>"
PNG = b"\x89PNG\r\n\x1a\n..."


def surge(**changed: Any) -> Incident:
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
        onset_between=(datetime(2024, 10, 3, tzinfo=UTC), datetime(2024, 10, 21, tzinfo=UTC)),
        ratio=Interval90(2.43, 1.62, 3.5),
        difference=Interval90(1.5, 0.8, 2.4),
        evidence=2.7,
        id="simport.berths.vessel_count.surge.20241004",
    )
    return replace(made, **changed)


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
    onset_between=None,
    ratio=None,
    difference=None,
    onset=datetime(2023, 8, 2, tzinfo=UTC),
    until=datetime(2023, 9, 20, tzinfo=UTC),
    id="simport.blind.20230802",
)


def facts(**changed: Any) -> ReportFacts:
    made = ReportFacts(
        aoi_id="simport",
        aoi_name="Simulated port",
        period=Interval(start=START, end=END),
        generated=END,
        version="0.1.0",
        simulated=False,
        zones=[ReportZone(name="berths", kind="berth_water", note="outline good to 50 m")],
        incidents=[item(surge()), item(BLIND)],
        series=[TitledPicture(title="berths: vessels counted", png=PNG)],
        pictures=[TitledPicture(title="berths: before and after", png=PNG, caption="Same track.")],
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
        false_alarms_per_year=1.0,
        watched=6,
        notes=["Planted: a surge."],
    )
    return replace(made, **changed)


def words(html: str) -> str:
    return " ".join(re.sub(r"(?s)<style.*?</style>|<[^>]*>", " ", html).replace("&#39;", "'").split())


def test_headline_has_the_numbers() -> None:
    said = words(render_report(facts()))
    assert "140 of 179 looks of Simulated port from 3 Jan 2022 to 28 Dec 2024 could be used." in said
    assert "on average 2.6 per usable look on 14 looks from 4 Oct 2024 to 28 Dec 2024, against 0.9 usual" in said
    assert "2.4 times as many (90 % interval 1.6 to 3.5). It began between 3 and 21 Oct 2024 (90 %)." in said
    assert "comes about once in 360 looks (simulated places). That is more than usual (confirmed)." in said
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


POWER = ReportPower(
    zone_label="berths",
    measure_label="vessels counted",
    unit="1",
    power=Power(looks=20, family=Family.COUNT, usual=2.0, rise=3.2, fall=None),
)


def test_nothing_found_says_what_could_have_been_missed() -> None:
    html = render_report(facts(incidents=[], powers=[POWER]))
    said = words(html)
    expected = (
        "Simulated port, berths, vessels: with 20 usable looks after it began, a lasting rise of 60 % would be seen in "
        "8 of 10 cases; of falls not even one to almost nothing would"
    )
    assert said.count(expected) == 2, "at the top and in its own part"
    assert words(render_report(facts(powers=[POWER]))).count(expected) == 1


CALIBRATION = Calibration(
    aoi="simport",
    at=END,
    looks=240,
    placebos=1000,
    years=3000.0,
    budget=1.0,
    false_alarms_a_year=Interval90(2.1, 1.9, 2.3),
    recall=[],
    recipes=["vessel_count/1"],
)


def test_a_budget_that_is_not_met_is_said_at_the_top() -> None:
    said = words(render_report(facts(calibration=CALIBRATION, watched_recipes=["vessel_count/1"])))
    assert said.index("WARNING: the budget is not met here. 2.1 false alarms a year came") < said.index("Incidents")
    met = Calibration(**{**vars(CALIBRATION), "false_alarms_a_year": Interval90(0.9, 0.8, 1.1)})
    said = words(render_report(facts(calibration=met, watched_recipes=["vessel_count/1"])))
    assert "WARNING" not in said
    assert "0.9 false alarms a year (90 % interval 0.8 to 1.1)" in said
    other = words(render_report(facts(calibration=CALIBRATION, watched_recipes=["vessel_count/2"])))
    assert "WARNING" not in other
    assert "says nothing of these" in other


def test_the_table_gives_size_and_onset() -> None:
    html = render_report(facts())
    row = re.findall(r"<tr><td>berths</td>.*?</tr>", html)[0]
    cells = [words(c) for c in re.findall(r"<td.*?</td>", row)]
    assert cells[3] == "3 and 21 Oct 2024"
    assert cells[7] == "2.4 times as many (90 % interval 1.6 to 3.5)"
    titles = re.findall(r"<th.*?>(.*?)</th>", html)[: len(cells)]
    assert (titles[3], titles[7]) == ("Began between (90 %)", "Change")


def test_endings_are_told_apart() -> None:
    for ending, word in ((Ending.OVER, "finished: over"), (Ending.NEW_USUAL, "finished: the new usual")):
        over = surge(state=State.FINISHED, until=END, ending=ending)
        assert f"That was more than usual ({word})." in words(render_report(facts(incidents=[item(over)])))


def test_what_else_could_explain_it() -> None:
    sea = Control(
        aoi="simport",
        zone="sea",
        measure="vessel_count",
        label="sea <b>reference",
        before=90,
        looks=14,
        by_ratio=True,
        change=Interval90(1.8, 1.2, 2.7),
        beyond=Interval90(1.35, 0.8, 2.1),
        verdict=Verdict.SHARED,
    )
    wind = Nuisance(kind=NuisanceKind.WIND, share_of_looks=0.2, could_explain=0.62, text="3 of 14 looks (bright)")
    html = render_report(facts(incidents=[replace(item(surge()), nuisances=[wind], controls=[sea]), item(BLIND)]))
    said = words(html)
    assert "It is shared: a control moved the same way" in said[: said.index("Incidents")]
    assert "Caution: half of it or more could be wind or rain on the sea." in said[: said.index("Incidents")]
    part = said[said.index("What else could explain it") :]
    assert "Wind or rain on the sea: 3 of 14 looks (bright). That could explain up to 65 % of the change." in part
    assert "which may be nothing" in part
    assert "<b>" not in html
    assert "What else could explain it" not in words(render_report(facts()))


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
    assert (
        "set for 1 false alarm a year in all, rises and falls together; 6 series share that, 0.17 a year each" in said
    )
    assert "exact only as far as the model holds" in said
    assert "not measured on this place yet: run `quaywatch calibrate simport`" in said
    assert "Shiryaev-Roberts" in said
    assert "CUSUM" not in said
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
        series=[TitledPicture(title=f'"{SCRIPT}', png=PNG, caption=SCRIPT)],
        looks=[ReportLooks(track=SCRIPT, usable=1, unusable={SCRIPT: 1})],
    )
    html = render_report(evil)
    assert "<script" not in html
    assert 'alt=""' not in html


def test_the_same_facts_give_the_same_file() -> None:
    assert render_report(facts()) == render_report(facts())
