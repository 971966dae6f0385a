"""What messages say: every number present, nothing overstated, and nobody's name able to break out of its place."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP

import pytest

from monitor.alert import LATE, REASONS, Change, Incident, Kind, State
from monitor.message import Dated, Facts, Message, Statement, Unused, clean, number, rating, render

ONSET = datetime(2024, 10, 4, 15, 20, tzinfo=UTC)
SCRIPT = "<script>alert(1)</script>"


def look(i: int) -> str:
    return f"{ONSET + timedelta(days=6 * i):%Y%m%dT%H%M%S}-s1-087a-vv"


def incident(kind: Kind = Kind.SURGE, state: State = State.PROVISIONAL, **changed: object) -> Incident:
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
        hits=(True, False, True),
        id="simport.berths.vessel_count.surge.20241004",
    )
    return replace(made, **changed)  # type: ignore[arg-type]


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
        id="simport.blind.20241004",
    )


def facts(of: Incident, old: State | None = None, **changed: object) -> Facts:
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
    return replace(made, **changed)  # type: ignore[arg-type]


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
]


def test_subject_says_place_what_since_when_and_how_sure() -> None:
    assert render(facts(incident())).subject == "Simulated port, berths: vessels up since 4 Oct 2024 (provisional)"
    simulated = render(facts(incident(Kind.LULL), simulated=True)).subject
    assert simulated == "[SIMULATED] Simulated port, berths: vessels down since 4 Oct 2024 (provisional)"


def test_first_sentence_can_be_quoted() -> None:
    expected = (
        "Vessels were counted at Simulated port, berths: on average 2.6 per usable look on 14 looks from 4 Oct 2024 to "
        "21 Dec 2024, against 0.9 usual (baseline of at least 31 earlier looks on the same track)."
    )
    message = render(facts(incident()))
    assert flat(message).startswith(expected)
    assert expected in message.html


def test_a_measure_with_a_unit() -> None:
    of = incident(measure="vessel_area_m2", mean=12345.6, usual=3200.0)
    said = flat(render(facts(of, measure_label="vessel area", unit="m2")))
    assert said.startswith("At Simulated port, berths, vessel area averaged 12,346 m² per usable look on 14 looks")
    assert "against 3,200 m² usual" in said


def test_a_measure_of_presence() -> None:
    of = incident(measure="ship_presence", mean=12 / 14, usual=0.42)
    said = flat(render(facts(of, measure_label="looks with a vessel", unit="1")))
    expected = (
        "Simulated port, berths: a vessel on 12 of 14 usable looks from 4 Oct 2024 to 21 Dec 2024; usual share: 0.42"
    )
    assert said.startswith(expected)


def test_how_sure_gives_the_set_budget_and_the_unusable_looks() -> None:
    said = flat(render(facts(incident())))
    assert "The threshold is set for 0.5 false alarms a year" in said
    assert "not a rate measured here" in said
    assert "only if the looks are independent" in said
    assert "3 looks could not be used: cloud (2), only partly covered by the swath (1)." in said
    assert "confirmed when 2 of the first 3 later usable looks lean the same way" in said
    assert "of 3 usable looks after that, 2 leaned the same way" in said
    assert "so it leans high" in said


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


def test_rating_in_words() -> None:
    assert rating("F6") == "rated F6 (source of unknown reliability, information of unknown truth)"
    assert rating("") == "not rated"
    assert rating("x") == "rated x"


def test_clean_keeps_other_scripts() -> None:
    assert clean(" Порт\tРаджин\n나진항 ") == "Порт Раджин 나진항"
