"""What messages say: every number present, nothing overstated, and nobody's name able to break out of its place."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

import pytest

from monitor.alert import (
    LATE,
    REASONS,
    Calibration,
    Change,
    Control,
    Ending,
    Incident,
    Interval90,
    Kind,
    Nuisance,
    NuisanceKind,
    Power,
    Recall,
    Rule,
    ShipRecall,
    State,
    Verdict,
)
from monitor.baseline import Family
from monitor.message import (
    Dated,
    Facts,
    Message,
    Statement,
    Unused,
    clean,
    days_between,
    number,
    rating,
    render,
    rounded,
)

ONSET = datetime(2024, 10, 4, 15, 20, tzinfo=UTC)
SCRIPT = "<script>alert(1)</script>"


def look(i: int) -> str:
    return f"{ONSET + timedelta(days=6 * i):%Y%m%dT%H%M%S}-s1-087a-vv"


def incident(kind: Kind = Kind.SURGE, state: State = State.PROVISIONAL, **changed: Any) -> Incident:
    made = Incident(
        aoi="simport",
        zone="berths",
        measure="vessel_count",
        kind=kind,
        state=state,
        onset=ONSET,
        raised=ONSET + timedelta(days=24),
        looks=tuple(look(i) for i in range(14)),
        tracks=("s1-087a-vv",),
        mean=2.64,
        usual=0.9,
        baseline_looks=31,
        onset_between=(ONSET - timedelta(days=1), ONSET + timedelta(days=17)),
        level=Interval90(2.5, 1.8, 3.4),
        ratio=Interval90(2.43, 1.62, 3.5),
        difference=Interval90(1.5, 0.8, 2.4),
        evidence=2.7,
        hits=(True, False, True),
        id="simport.berths.vessel_count.surge.20241004",
    )
    return replace(made, **changed)


def blind(state: State = State.BLIND, until: datetime | None = None) -> Incident:
    return incident(
        Kind.BLIND,
        state,
        zone="",
        measure="",
        looks=(),
        tracks=(),
        mean=math.nan,
        usual=math.nan,
        hits=(),
        until=until,
        baseline_looks=0,
        onset_between=None,
        level=None,
        ratio=None,
        difference=None,
        evidence=0.0,
        id="simport.blind.20241004",
    )


def spike(state: State = State.PROVISIONAL, **changed: Any) -> Incident:
    one: dict[str, object] = {
        "looks": (look(0),),
        "raised": ONSET,
        "mean": 9.0,
        "usual": 2.14,
        "onset_between": None,
        "level": None,
        "ratio": None,
        "difference": None,
        "evidence": 4.6,
        "hits": (),
        "id": "simport.berths.vessel_count.spike.20241004",
    }
    return incident(Kind.SPIKE, state, **{**one, **changed})


CALIBRATION = Calibration(
    aoi="simport",
    at=datetime(2024, 12, 1, tzinfo=UTC),
    looks=240,
    placebos=1000,
    years=3000.0,
    budget=0.5,
    false_alarms_a_year=Interval90(0.47, 0.4, 0.55),
    recall=[
        Recall(
            zone="berths",
            measure="vessel_count",
            ratio=2.0,
            looks=20,
            found=Interval90(0.81, 0.72, 0.88),
            delay_looks=7.0,
        ),
        Recall(
            zone="yard", measure="yard_fill", ratio=1.5, looks=20, found=Interval90(0.31, 0.2, 0.4), delay_looks=None
        ),
    ],
    recipes=["vessel_count/1", "yard_fill/1"],
)
SEA = Control(
    aoi="simport",
    zone="sea",
    measure="vessel_count",
    label="sea reference",
    before=90,
    looks=14,
    by_ratio=True,
    change=Interval90(1.8, 1.2, 2.7),
    beyond=Interval90(1.35, 0.8, 2.1),
    verdict=Verdict.SHARED,
)
NUISANCES = [
    Nuisance(kind=NuisanceKind.ICE, share_of_looks=0.0),
    Nuisance(kind=NuisanceKind.WIND, share_of_looks=0.2, could_explain=0.62, text="3 of 14 looks (bright water)"),
    Nuisance(kind=NuisanceKind.RAIN, share_of_looks=None),
]


def facts(of: Incident, old: State | None = None, **changed: Any) -> Facts:
    series = [
        Dated(at=ONSET + timedelta(days=6 * i), value=3.0 if i >= 0 else 1.0, z=1.9, track="s1-087a-vv", look=look(i))
        for i in range(-5, 14)
    ]
    unused = [
        Unused(at=ONSET + timedelta(days=days), reason=reason)
        for days, reason in ((-3, "cloud"), (2, "cloud"), (9, "cloud"), (20, "only partly covered by the swath"))
    ]
    claim = Statement(
        claim_id="surge-2024",
        claim_text="Activity at the port has surged since October.",
        said_by="A newspaper",
        code="B2",
        relation="agrees",
        says="More vessels than usual were counted.",
        does_not_say="What they carried.",
    )
    made = Facts(
        change=Change(incident=of, old=old, new=of.state, at=of.raised, reason=REASONS[of.state]),
        aoi_name="Simulated port",
        zone_label="" if of.kind is Kind.BLIND else "berths",
        measure_label="" if of.kind is Kind.BLIND else "vessels counted",
        unit="count",
        series=series,
        unused=unused,
        statements=[claim],
        simulated=False,
        pictures={"before_after": b"png1", "series": b"png2"},
        false_alarms_per_year=0.5,
        recipe="vessel_count/1",
        attribution="Contains modified Copernicus Sentinel data",
        report_path="var/reports/simport.html",
        generated=datetime(2024, 12, 28, 6, tzinfo=UTC),
        version="0.1.0",
    )
    return replace(made, **changed)


def flat(message: Message) -> str:
    """The text part on one line."""
    return " ".join(message.text.split())


EVERY = [
    facts(incident()),
    facts(incident(hits=())),
    facts(incident(Kind.LULL, mean=0.0)),
    facts(incident(state=State.CONFIRMED), State.PROVISIONAL),
    facts(incident(state=State.FINISHED, until=ONSET + timedelta(days=60)), State.CONFIRMED),
    facts(incident(state=State.RETRACTED), State.PROVISIONAL),
    facts(incident(state=State.RETRACTED)),
    facts(blind()),
    facts(blind(State.FINISHED, ONSET + timedelta(days=40)), State.BLIND),
    facts(blind(State.RETRACTED), State.BLIND),
    facts(incident(), statements=[], pictures={}, series=[], unused=[], report_path=None),
    facts(incident(state=State.FINISHED, until=ONSET + timedelta(days=380), ending=Ending.NEW_USUAL), State.CONFIRMED),
    facts(spike()),
    facts(spike(State.RETRACTED), State.PROVISIONAL),
    facts(spike(State.FINISHED, ending=Ending.GREW, until=ONSET), State.PROVISIONAL),
    facts(
        incident(),
        nuisances=[
            replace(n, share_of_looks=1.0, could_explain=share) for n in NUISANCES for share in (0.0, 1.0, None)
        ],
        controls=[SEA, replace(SEA, change=None, beyond=None, verdict=Verdict.UNCLEAR)],
        calibration=replace(CALIBRATION, false_alarms_a_year=Interval90(1.0, 0.8, 1.2)),
        power=Power(looks=20, family=Family.COUNT, usual=1.0, rise=2.0, fall=0.001),
    ),
]


def test_subject_says_place_what_since_when_and_how_sure() -> None:
    assert render(facts(incident())).subject == "Simulated port, berths: vessels up since 4 Oct 2024 (provisional)"
    simulated = render(facts(incident(Kind.LULL), simulated=True)).subject
    assert simulated == "[SIMULATED] Simulated port, berths: vessels down since 4 Oct 2024 (provisional)"


def test_the_first_sentences_can_be_quoted_and_give_date_effect_interval_and_chance() -> None:
    expected = (
        "Vessels were counted at Simulated port, berths: on average 2.6 per usable look on 14 looks from 4 Oct 2024 to "
        "21 Dec 2024, against 0.9 usual (baseline of 31 earlier looks): 2.4 times as many (90 % interval 1.6 to 3.5). "
        "It began between 3 and 21 Oct 2024 (90 %). Where nothing changes, an alarm this strong comes about once in "
        "360 looks (simulated places)."
    )
    message = render(facts(incident()))
    assert flat(message).startswith(expected)
    assert expected in message.html


def test_an_incident_of_an_older_version_has_no_size() -> None:
    old = incident(ratio=None, difference=None, level=None, onset_between=None, evidence=0.0)
    assert "(baseline of 31 earlier looks). That is more than usual" in flat(render(facts(old)))


def test_decibels_and_areas_that_were_nothing_are_told_by_their_difference() -> None:
    lower = incident(Kind.LULL, mean=-12.0, usual=-9.9, ratio=None, difference=Interval90(-2.1, -2.8, -1.4))
    said = flat(render(facts(lower, measure_label="mean radar backscatter", unit="dB")))
    assert "against -9.9 dB usual (baseline of 31 earlier looks): 2.1 dB less (90 % interval 1.4 to 2.8 dB)." in said
    new = incident(mean=5000.0, usual=0.1, ratio=Interval90(5e9, 1e7, 1e12), difference=Interval90(5200, 3100, 7100))
    said = flat(render(facts(new, measure_label="area unlike its reference", unit="m2")))
    assert ": 5,200 m² more (90 % interval 3,100 to 7,100 m²)." in said


def test_one_look_is_told_with_its_chance_and_nothing_lasting() -> None:
    message = render(facts(spike()))
    assert message.subject == "Simulated port, berths: vessels up on one look, 4 Oct 2024 (provisional)"
    said = flat(message)
    assert said.startswith(
        "At Simulated port, berths, one look (4 Oct 2024): 9 vessels, against 2.1 usual (chance of such a look if "
        "nothing changed: 1 in 40,000). Whether it lasts, one look cannot tell."
    )
    assert "says nothing of the looks after it" in said
    assert "confirmed" not in said
    assert "Control" not in said
    assert "less than 1 in 1,000,000" in flat(render(facts(spike(evidence=12.0))))


def test_each_ending_is_told_for_what_it_is() -> None:
    def end(of: Incident) -> str:
        return flat(render(facts(of, State.CONFIRMED)))

    over = incident(state=State.FINISHED, until=ONSET + timedelta(days=60), ending=Ending.OVER)
    assert "Later usable looks are as usual again: it is over." in end(over)
    usual = end(replace(over, ending=Ending.NEW_USUAL))
    assert "it is what is usual here now" in usual
    assert "has lasted 365 days and 30 looks at least" in usual
    assert "as usual again" not in usual[: usual.index("WHERE IT COMES FROM")]
    assert "It was one look" in end(spike(State.FINISHED, ending=Ending.SINGLE, until=ONSET))
    assert "part of a lasting change" in end(spike(State.FINISHED, ending=Ending.GREW, until=ONSET))


def test_a_measure_with_a_unit() -> None:
    of = incident(measure="vessel_area_m2", mean=12345.6, usual=3200.0)
    said = flat(render(facts(of, measure_label="vessel area", unit="m2")))
    assert said.startswith("At Simulated port, berths, vessel area averaged 12,346 m² per usable look on 14 looks")
    assert "against 3,200 m² usual (baseline of 31 earlier looks): 2.4 times that (90 % interval 1.6 to 3.5)" in said


def test_a_measure_of_presence() -> None:
    of = incident(measure="ship_presence", mean=12 / 14, usual=0.42)
    said = flat(render(facts(of, measure_label="looks with a vessel", unit="1")))
    expected = (
        "Simulated port, berths: a vessel on 12 of 14 usable looks from 4 Oct 2024 to 21 Dec 2024, against "
        "a usual share of 0.42 (baseline of 31 earlier looks): 2.4 times as often (90 % interval 1.6 to 3.5)."
    )
    assert said.startswith(expected)


def test_how_sure_gives_the_set_budget_and_the_unusable_looks() -> None:
    said = flat(render(facts(incident(), false_alarms_per_year=1.0, watched=3)))
    assert (
        "set for 1 false alarm a year in all, rises and falls together; 3 series share that, 0.33 a year each" in said
    )
    assert "0.333" not in said
    assert "it is exact only as far as the model holds" in said
    assert "not measured on this place yet: run `quaywatch calibrate simport`." in said
    assert "3 looks could not be used: cloud (2), only partly covered by the swath (1)." in said
    assert "2 at least, are together 5 times likelier with the change than without it" in said
    assert "of 3 usable looks after that, 2 leaned the same way" in said
    assert "so it leans high" in said


def test_the_rule_is_told_as_it_is() -> None:
    rule = Rule(threshold=100.0, sure=8.0, least_confirming=4)
    said = flat(render(facts(incident(), rule=rule)))
    assert "4 at least, are together 8 times likelier with the change" in said
    assert "at least 8 times likelier" in flat(render(facts(incident(state=State.CONFIRMED), rule=rule)))


def test_what_was_measured_of_the_alerts_is_told() -> None:
    said = flat(render(facts(incident(), calibration=CALIBRATION)))
    assert "0.47 false alarms a year (90 % interval 0.4 to 0.55), at a budget of 0.5." in said
    assert "1,000 histories in which nothing changed, 3,000 years in all" in said
    assert "to 2 times the usual (berths, vessel_count), a share of 0.81 was found within 20 looks" in said
    assert "half of those within 7 looks" in said
    assert "yard_fill" not in said, "the recall of another series"
    assert "not measured on this place" not in said
    assert "WARNING" not in said


def test_ships_put_into_recent_looks_are_told_by_length() -> None:
    ships = [ShipRecall(length_m=50.0, looks=12, planted=25, found=Interval90(0.96, 0.85, 0.99))]
    said = flat(render(facts(incident(), calibration=replace(CALIBRATION, ships=ships))))
    assert "share found by length: 50 m: 0.96 of 25 (90 % interval 0.85 to 0.99)." in said


def test_a_budget_that_is_not_met_is_a_warning() -> None:
    above = replace(CALIBRATION, false_alarms_a_year=Interval90(1.1, 0.9, 1.3))
    assert "WARNING: the budget is not met here. 1.1 false alarms a year came where 0.5 were allowed" in flat(
        render(facts(incident(), calibration=above))
    )


def test_a_calibration_of_other_measures_or_another_budget_is_not_passed_off() -> None:
    said = flat(render(facts(incident(), calibration=CALIBRATION, recipe="vessel_count/2")))
    assert "other versions of the measures and says nothing of these: run `quaywatch calibrate simport`" in said
    assert "0.47" not in said
    said = flat(render(facts(incident(), calibration=CALIBRATION, false_alarms_per_year=2.0)))
    assert "The budget is another one now (2)" in said


def test_the_panel_is_on_every_alert() -> None:
    said = flat(render(facts(incident(), nuisances=NUISANCES)))
    assert "Wind or rain on the sea: 3 of 14 looks (bright water). That could explain up to 65 % of the change." in said
    assert "Looked for and not found: ice." in said
    assert "Cannot be told here, as nothing that is kept shows it: rain-like brightening." in said
    assert "Caution: half of it or more could be wind or rain on the sea." in said
    none = flat(render(facts(incident(), nuisances=NUISANCES[:1])))
    assert "None of these was found: ice." in none
    assert "Caution" not in none
    assert "was not looked into" in flat(render(facts(incident())))
    assert "WHAT ELSE" not in render(facts(blind())).text


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (0.0, "That could explain next to nothing of the change."),
        (0.31, "That could explain up to 35 % of the change."),
        (1.0, "That could explain all of it."),
        (None, "How much of the change that could explain cannot be told."),
    ],
)
def test_how_much_a_nuisance_could_explain(share: float | None, words: str) -> None:
    assert words in flat(render(facts(incident(), nuisances=[replace(NUISANCES[1], could_explain=share)])))


def test_a_rise_that_the_control_shares_is_told_as_shared() -> None:
    message = render(facts(incident(), controls=[SEA]))
    said = flat(message)
    assert "It is shared: a control moved the same way (sea reference)" in said
    assert said.index("It is shared") < said.index("HOW SURE")
    assert (
        "Control sea reference: shared. It changed in the same time to 1.8 times the usual (90 % interval 1.2 to 2.7); "
        "what is left beside it is 1.4 times (90 % interval 0.8 to 2.1), which may be nothing." in said
    )
    own = replace(SEA, verdict=Verdict.OWN, beyond=Interval90(2.0, 1.3, 3.1))
    said = flat(render(facts(incident(), controls=[own])))
    assert "It is shared" not in said
    assert "not shared, or not as much" in said


def test_a_control_with_too_few_looks_says_how_many() -> None:
    few = replace(SEA, change=None, beyond=None, verdict=Verdict.UNCLEAR, looks=2, before=5)
    said = flat(render(facts(incident(), controls=[few])))
    assert "unclear, for it has 2 usable looks in the time of the change and 5 before it (3 and 8 are needed)" in said
    assert "There is no control" in flat(render(facts(incident())))


@pytest.mark.parametrize(
    ("power", "words"),
    [
        (
            Power(looks=20, family=Family.COUNT, usual=2.0, rise=3.2, fall=0.9),
            "a lasting rise of 60 % would be seen in 8 of 10 cases, and so would a fall of 55 %.",
        ),
        (Power(looks=20, family=Family.COUNT, usual=1.0, rise=2.0, fall=None), "rise to 2 times the usual would be"),
        (
            Power(looks=20, family=Family.COUNT, usual=1.0, rise=2.0, fall=None),
            "of falls not even one to almost nothing",
        ),
        (Power(looks=20, family=Family.COUNT, usual=1.0, rise=None, fall=0.01), "fall to almost nothing would be seen"),
        (Power(looks=9, family=Family.PRESENCE, usual=0.25, rise=0.6, fall=None), "rise from 0.25 to 0.6 would"),
        (Power(looks=9, family=Family.LEVEL, usual=-9.0, rise=None, fall=None), "no lasting change of any size"),
    ],
)
def test_what_could_have_been_missed(power: Power, words: str) -> None:
    assert words in flat(render(facts(incident(), power=power)))


def test_what_is_not_shown_and_the_claims() -> None:
    said = flat(render(facts(incident())))
    for words in ("carried", "nationality", "Single containers, wagons, vehicles or people", "10 m"):
        assert words in said
    assert "rated B2 (source usually reliable, information probably true)" in said
    assert "Relation: agrees with what the claim lets one expect; that does not make the claim true" in said
    assert "Says: More vessels than usual were counted." in said
    assert "Does not say: What they carried." in said
    assert "No claim on file is touched" in flat(render(facts(incident(), statements=[])))


def test_provenance_names_looks_and_recipe() -> None:
    said = flat(render(facts(incident())))
    assert "Looks (14): " in said
    assert all(look(i) in said for i in (0, 1, 2, 11, 12, 13))
    assert "... 8 more ..." in said
    assert "Recipe: vessel_count/1" in said
    assert "quaywatch 0.1.0, 2024-12-28 06:00 UTC" in said


def test_blind_is_not_no_activity() -> None:
    message = render(facts(blind()))
    assert message.subject == "Simulated port: no usable look for what is watched since 4 Oct 2024 (blind)"
    said = flat(message)
    first = "No usable look of Simulated port for what is watched there since 4 Oct 2024. This is not 'no activity'"
    assert said.startswith(first)
    assert "3 looks could not be used" in said
    assert "nan" not in (message.text + message.html).lower().split()
    over = render(facts(blind(State.FINISHED, ONSET + timedelta(days=40)), State.BLIND))
    assert "usable looks for what is watched again, none from 4 Oct 2024 to 13 Nov 2024" in over.subject
    assert "not 'no activity'" in flat(over)


def test_retraction_is_a_correction() -> None:
    of = incident(state=State.RETRACTED)
    change = Change(incident=of, old=State.CONFIRMED, new=State.RETRACTED, at=ONSET, reason=LATE)
    message = render(facts(of, change=change, told_on=datetime(2024, 10, 29, tzinfo=UTC)))
    assert message.subject.endswith("correction, 'vessels up since 4 Oct 2024' no longer holds (retracted)")
    said = flat(message)
    assert said.startswith("Correction: for Simulated port, berths we told you on 29 Oct 2024 that vessels went up")
    assert "That no longer holds. Reason: the series as it stands now" in said


@pytest.mark.parametrize("of", EVERY)
def test_nothing_is_certain_and_no_claim_is_confirmed(of: Facts) -> None:
    message = render(of)
    whole = f"{message.subject}\n{message.text}\n{re.sub(r'(?s)<style.*?</style>|<[^>]*>', ' ', message.html)}"
    assert not re.search(r"\b(0|100)(\.0+)? ?%|\b(0|100) per ?cent", whole)
    assert "confirms" not in whole.lower()
    assert not re.search(r"\bnan\b|\bNone\b", whole)


@pytest.mark.parametrize("of", EVERY)
def test_text_part_is_narrow_and_complete(of: Facts) -> None:
    text = render(of).text
    assert max(map(len, text.splitlines())) <= 76
    for title in ("HOW SURE THIS IS", "WHAT THIS DOES NOT SHOW", "CLAIMS IT TOUCHES", "WHERE IT COMES FROM"):
        assert title in text
    assert "\n\n\n" not in text


@pytest.mark.parametrize("of", EVERY)
def test_simulated_is_said_everywhere(of: Facts) -> None:
    message = render(replace(of, simulated=True))
    assert message.subject.startswith("[SIMULATED] ")
    assert message.text.startswith("SIMULATED")
    assert message.html.index("SIMULATED</strong>") < message.html.index("How sure")
    assert all("SIMULATED" in alt for alt in re.findall(r'alt="([^"]*)"', message.html))
    assert "SIMULATED" not in render(of).text + render(of).html + render(of).subject


def test_no_header_can_be_injected() -> None:
    name = "Port\r\nBcc: everyone@example.org\x00\u2028\u202eX\x85"
    message = render(facts(incident(), aoi_name=name, zone_label="quay\n\n<b>", measure_label="vessels\ncounted"))
    assert message.subject.isprintable()
    mail = EmailMessage(policy=SMTP)
    mail["Subject"] = message.subject
    mail.set_content(message.text)
    headers = mail.as_string().split("\r\n\r\n")[0]
    assert not re.search(r"(?m)^Bcc", headers)
    assert "\u202e" not in message.text + message.html


def test_long_names_give_a_short_subject() -> None:
    message = render(facts(incident(), aoi_name="x" * 500, measure_label="y" * 500))
    assert len(message.subject) <= 200
    assert "…" in message.subject


def test_html_is_escaped() -> None:
    evil = facts(
        incident(), aoi_name=SCRIPT, zone_label=SCRIPT, measure_label=SCRIPT, recipe=SCRIPT, report_path=SCRIPT
    )
    claims = [replace(s, claim_text=SCRIPT, said_by='" onload="x', says=SCRIPT, code=SCRIPT) for s in evil.statements]
    html = render(replace(evil, statements=claims, unused=[Unused(at=ONSET, reason=SCRIPT)])).html
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert '" onload="x' not in html


def test_pictures_are_inline_under_their_content_ids() -> None:
    message = render(facts(incident()))
    assert sorted(message.images.values()) == [b"png1", b"png2"]
    assert all(f'src="cid:{cid}"' in message.html for cid in message.images)
    assert all(re.fullmatch(r"[a-z0-9._-]+@quaywatch", cid) for cid in message.images)
    assert "<img" not in render(facts(incident(), pictures={})).html


def test_the_key_is_that_of_the_step() -> None:
    assert render(facts(incident())).message_key == "simport.berths.vessel_count.surge.20241004:provisional"
    assert render(facts(incident())) == render(facts(incident()))


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (2.64, "", "2.6"),
        (0.0, "", "0"),
        (3.0, "count", "3"),
        (0.125, "1", "0.12"),
        (-9.34, "dB", "-9.3 dB"),
        (12345.6, "m2", "12,346 m²"),
        (math.nan, "m2", "not known"),
        (-0.0, "", "0"),
    ],
)
def test_number(value: float, unit: str, text: str) -> None:
    assert number(value, unit) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1 / 3, "0.33"),
        (1 / 6, "0.17"),
        (0.5, "0.5"),
        (1.0, "1"),
        (2.43, "2.4"),
        (9.96, "10"),
        (0.0123, "0.012"),
        (123.0, "120"),
        (39811.0, "40,000"),
        (-2.14, "-2.1"),
        (0.0, "0"),
    ],
)
def test_two_digits_that_count(value: float, text: str) -> None:
    assert rounded(value) == text


def test_days_between() -> None:
    assert days_between(ONSET, ONSET + timedelta(days=9)) == "4 and 13 Oct 2024"
    assert days_between(ONSET, ONSET + timedelta(days=40)) == "4 Oct and 13 Nov 2024"
    assert days_between(ONSET, ONSET + timedelta(days=140)) == "4 Oct 2024 and 21 Feb 2025"


def test_rating_in_words() -> None:
    assert rating("F6") == "rated F6 (source of unknown reliability, information of unknown truth)"
    assert rating("") == "not rated"
    assert rating("x") == "rated x"


def test_clean_keeps_other_scripts() -> None:
    assert clean(" Порт\tРаджин\n나진항 ") == "Порт Раджин 나진항"
