"""The shipped narrative, and what is said about files with mistakes in them."""

from __future__ import annotations

import json
import re
import tomllib
from collections import Counter
from datetime import date
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.aoi import Aoi, from_features
from monitor.claim import Heading, Narrative, Observability, Relation, Standing, bearing, standing
from monitor.errors import NarrativeError
from monitor.narrative import read_narrative
from monitor.times import utc

ROOT = Path(__file__).parents[2]
STARTER = ROOT / "monitor/starter"

GOOD = """\
schema = 1
[[document]]
id = "paper"
title = "A title"
publisher = "A paper"
dated = 2026-02-06
date_basis = "on the page"
[[claim]]
id = "surge"
document = "paper"
text = "More ships than before."
said_by = "A firm"
said_on = 2026-02-06
about = { from = 2025-10-01, to = 2026-02-06 }
aois = ["rajin"]
reliability = "B"
credibility = 3
observability = "testable"
against = "No more ships than before."
  [[claim.expectation]]
  id = "E1"
  measure = "ship_presence"
  zone = "rajin.berths"
  sensors = ["S1", "S2"]
  window = { from = 2025-10-01, to = 2026-02-05 }
  baseline = [{ name = "before", from = 2025-07-01, to = 2025-09-30 }]
  direction = "up"
  min_effect = { kind = "rate_ratio", value = 1.5 }
  min_looks = { window = 30, baseline = 30 }
  controls = ["zarubino.berths"]
  weight = 1
[[timeline]]
id = "tl-1"
date = 2026-01-30
what = "One call in January."
source = "A paper"
count = { calls = 1, as_of = 2026-01-30 }
"""


def _aois(folder: Path) -> dict[str, Aoi]:
    files = sorted(folder.glob("*.geojson"))
    return {f.stem: from_features(json.loads(f.read_text(encoding="utf-8")), f.name) for f in files}


@pytest.fixture(scope="module")
def aois() -> dict[str, Aoi]:
    return _aois(ROOT / "aois")


@pytest.fixture(scope="module")
def shipped(aois: dict[str, Aoi]) -> Narrative:
    return read_narrative(sorted((ROOT / "alerts/narrative").glob("*.toml")), aois)


def written(folder: Path, text: str, name: str = "x.toml") -> Path:
    file = folder / "alerts/narrative" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def refused(file: Path, aois: dict[str, Aoi] | None = None) -> str:
    with pytest.raises(NarrativeError) as told:
        read_narrative([file], aois)
    return str(told.value)


# --- the shipped narrative ------------------------------------------------------------------------------------------


def test_the_shipped_narrative_is_complete(shipped: Narrative) -> None:
    counts = [
        len(part) for part in (shipped.documents, shipped.claims, shipped.controls, shipped.context, shipped.timeline)
    ]
    assert counts == [2, 19, 6, 2, 26]
    assert Counter(claim.observability for claim in shipped.claims) == {
        Observability.TESTABLE: 1,
        Observability.INDIRECT: 5,
        Observability.NOT_OBSERVABLE: 13,
    }
    assert sum(len(claim.expectations) for claim in shipped.claims) == 12


def test_the_one_testable_claim_keeps_its_doubts(shipped: Narrative) -> None:
    claim = shipped.claim("wsj-surge")
    assert claim.observability is Observability.TESTABLE
    assert (claim.reliability, claim.credibility) == ("B", 3)
    assert claim.counter == ("tl-2026-01-30", "tl-2025-10-03")
    assert "inferred" in claim.place_basis
    assert claim.places_named == ("unnamed port",)
    assert [period.name for period in claim.expectations[0].baselines] == ["recent trough", "same season a year before"]
    assert "NOT in the text" in shipped.documents[1].date_basis


def test_no_shipped_expectation_pretends_to_have_been_fixed_beforehand(shipped: Narrative) -> None:
    stands = {standing(c, e, [], utc("2026-11-22")) for c in shipped.claims for e in c.expectations}
    assert stands == {Standing.POST_HOC}


def test_the_rival_readings_of_the_surge_stand_in_a_table_that_can_split_them(shipped: Narrative) -> None:
    claim = shipped.claim("wsj-surge")
    assert [h.id for h in claim.hypotheses] == ["H1", "H2", "H3", "H4", "H5", "H6"]
    by_id = {item.id: item for item in claim.evidence}
    assert (by_id["R2"].fits["H1"], by_id["R2"].fits["H3"]) == ("+", "-")  # the rows that domain notes say decide
    assert (by_id["R3"].fits["H1"], by_id["R3"].fits["H2"]) == ("-", "+")
    assert [i.id for i in claim.evidence if i.test is None] == ["R8"]


def test_each_shipped_expectation_can_be_met(shipped: Narrative) -> None:
    for claim in shipped.claims:
        for expectation in claim.expectations:
            aoi, _, zone = (
                ("kursk_sudzha", "", "outline") if expectation.zone == "kursk_*" else expectation.zone.partition(".")
            )
            middle = expectation.window.start + (expectation.window.end - expectation.window.start) / 2
            found = bearing(
                shipped,
                aoi=aoi,
                zone=zone,
                measure=expectation.measure,
                sensor=None,
                since=middle,
                until=middle,
                direction=Heading.UP,
            )
            expected = Relation.RUNS_AGAINST if expectation.direction is Heading.NOT_UP else Relation.AGREES
            assert (claim.id, expectation.id, expected) in [
                (b.claim.id, b.expectation and b.expectation.id, b.relation) for b in found
            ]


def test_an_alert_at_rajin_in_november_bears_on_the_surge_and_not_on_the_year_before(shipped: Narrative) -> None:
    found = bearing(
        shipped,
        aoi="rajin",
        zone="berths",
        measure="vessel_count",
        sensor="sentinel-1",
        since=utc("2025-11-02"),
        until=utc("2025-11-20"),
        direction=Heading.UP,
    )
    told = [(b.claim.id, b.expectation.id if b.expectation else None, b.relation) for b in found]
    assert told == [("wsj-surge", "E1", Relation.AGREES), ("wsj-increase", None, Relation.TOUCHES)]


def test_the_starter_narrative_loads_with_the_starter_sites() -> None:
    narrative = read_narrative(sorted((STARTER / "alerts/narrative").glob("*.toml")), _aois(STARTER / "aois"))
    (claim,) = narrative.claims
    (expectation,) = claim.expectations
    assert standing(claim, expectation, [], utc("2025-09-15")) is Standing.DRAFT
    assert len(narrative.documents) == 1


@pytest.mark.parametrize("folder", [ROOT, STARTER])
def test_shipped_files_follow_the_published_schema(folder: Path) -> None:
    published = json.loads((ROOT / "docs/narrative.schema.json").read_text(encoding="utf-8"))
    validator = jsonschema.Draft202012Validator(published)
    for file in sorted((folder / "alerts/narrative").glob("*.toml")):
        tables = json.loads(json.dumps(tomllib.loads(file.read_text(encoding="utf-8")), default=str))
        assert [e.message for e in validator.iter_errors(tables)] == []
        tables["claim"][0]["reliabilty"] = "B"
        tables["claim"][0]["credibility"] = 9
        assert len(list(validator.iter_errors(tables))) == 2


def test_the_starter_differs_from_the_workspace_of_the_repository(aois: dict[str, Aoi]) -> None:
    assert not set(_aois(STARTER / "aois")) & set(aois)


# --- a good file ----------------------------------------------------------------------------------------------------


def test_days_are_included_at_both_ends(tmp_path: Path) -> None:
    narrative = read_narrative([written(tmp_path, GOOD)])
    window = narrative.claims[0].expectations[0].window
    assert (window.start, window.end) == (utc("2025-10-01"), utc("2026-02-06"))
    assert narrative.timeline[0].count == {"calls": 1, "as_of": date(2026, 1, 30)}


def test_a_measure_that_nothing_computes_yet_is_allowed(tmp_path: Path, aois: dict[str, Aoi]) -> None:
    file = written(tmp_path, GOOD.replace('"ship_presence"', '"yard_fill"').replace('"rajin.berths"', '"raj*"'))
    assert read_narrative([file], aois).claims[0].expectations[0].measure == "yard_fill"


def test_files_are_read_as_one_and_may_refer_to_each_other(tmp_path: Path) -> None:
    more = 'schema = 1\n[[claim]]\nid = "b"\n' + GOOD[GOOD.index('document = "paper"') : GOOD.index("[[timeline]]")]
    files = [written(tmp_path, GOOD), written(tmp_path, more, "y.toml")]
    assert [claim.id for claim in read_narrative(files).claims] == ["surge", "b"]


def test_no_file_is_an_empty_narrative() -> None:
    assert read_narrative([], {}) == Narrative()


# --- mistakes -------------------------------------------------------------------------------------------------------

# fmt: off
MISTAKES = [
    # name, text replaced, by what, line, what is wrong, what to do
    ("misspelt key", 'reliability = "B"', 'reliablity = "B"', 16,
     "claim 'surge': unknown key 'reliablity'", "Did you mean 'reliability'?"),
    ("misspelt in expectation", "measure =", "mesure =", 22,
     "claim 'surge', expectation 'E1': unknown key 'mesure'", "Did you mean 'measure'?"),
    ("misspelt in window", "to = 2026-02-05", "tto = 2026-02-05", 25, "unknown key 'tto'", "Did you mean 'to'?"),
    ("unknown key", "weight = 1", "weight = 1\n  mood = 1", 32,
     "unknown key 'mood'", "Known here: id, measure, zone, "),
    ("unknown table", "[[timeline]]", "[[timelime]]", 32, "unknown key 'timelime'", "Did you mean 'timeline'?"),
    ("missing key", 'said_by = "A firm"\n', "", 8,
     "claim 'surge': the key 'said_by' is missing", "Add it: said_by = ..."),
    ("missing id", 'id = "surge"\n', "", 8, "claim number 1: the key 'id' is missing", "Add it: id = ..."),
    ("no schema", "schema = 1\n", "", 1, "the key 'schema' is missing", "Add it: schema = ..."),
    ("other schema", "schema = 1", "schema = 2", 1, "schema: 2 cannot be used", ""),
    ("quoted date", "dated = 2026-02-06", 'dated = "2026-02-06"', 6,
     "document 'paper': dated: '2026-02-06' cannot", "Write a day without quotes"),
    ("date with hour", "said_on = 2026-02-06", "said_on = 2026-02-06T10:00:00Z", 13,
     "said_on: 2026-02-06T10:00:00+00:00 cannot", "Write a day"),
    ("wrong code", 'reliability = "B"', 'reliability = "G"', 16, "reliability: 'G' cannot be used", ""),
    ("wrong number", "credibility = 3", "credibility = 7", 17, "credibility: 7 cannot be used", ""),
    ("wrong direction", 'direction = "up"', 'direction = "sideways"', 27, "direction: 'sideways' cannot be used", ""),
    ("wrong sensor", '"S1", "S2"', '"S1", "S3"', 24, "sensors[1]: 'S3' cannot be used", ""),
    ("wrong type", 'aois = ["rajin"]', 'aois = "rajin"', 15,
     "aois: 'rajin' cannot be used", "Write a list in brackets"),
    ("not a table", "min_looks = { window = 30, baseline = 30 }", "min_looks = 30", 29,
     "min_looks: 30 cannot be used", "Write a table"),
    ("no such century", "to = 2026-02-05", "to = 9999-12-31", 25, "window.to: 9999-12-31 cannot be used", ""),
    ("no number", "value = 1.5", "value = nan", 28, "min_effect.value: nan cannot be used", ""),
    ("heavy weight", "weight = 1", "weight = 1.5", 31, "weight: 1.5 cannot be used", ""),
    ("window backwards", "to = 2026-02-05", "to = 2025-09-05", 25,
     "window: from (2025-10-01) is later than to (2025-09-05)", "Exchange the two days."),
    ("baseline backwards", "to = 2025-09-30", "to = 2025-06-30", 26,
     "baseline[0]: from (2025-07-01) is later", "Exchange"),
    ("about backwards", "to = 2026-02-06 }", "to = 2025-02-06 }", 14, "about: from (2025-10-01) is later", "Exchange"),
    ("baseline in window", "to = 2025-09-30", "to = 2025-10-01", 26,
     "the baseline 'before' shares days with the window", "Compare"),
    ("timeline backwards", "date = 2026-01-30", "date = 2026-01-30\nto = 2026-01-01", 35,
     "date (2026-01-30) is later than to", ""),
    ("nothing against", 'against = "No more ships than before."\n', "", 18,
     "a testable claim needs an expectation, and in 'against'", "Change"),
    ("scored unobservable", '"testable"', '"not_observable"', 18, "is never scored", "Change 'observability'"),
    ("zone without AOI", '"rajin.berths"', '"berths"', 23,
     "zone: 'berths' cannot be used", "Write aoi.zone, or prefix_*"),
    ("wild control", '"zarubino.berths"', '"zaru*"', 30, "controls[0]: 'zaru*' cannot be used", "Write aoi.zone."),
    ("no such document", 'document = "paper"', 'document = "papers"', 10,
     "there is no document 'papers'", "Did you mean 'paper'?"),
    ("no such document at all", 'document = "paper"', 'document = "zzz"', 10,
     "there is no document 'zzz'", "Add [[document]]"),
    ("no such counter", "credibility = 3", 'credibility = 3\ncounter = ["tl-1", "tl-2"]', 18,
     "there is no timeline 'tl-2'", "Did you mean 'tl-1'?"),
    ("no such AOI", 'aois = ["rajin"]', 'aois = ["rajin", "chongin"]', 15,
     "there is no AOI 'chongin'", "Did you mean 'chongjin'?"),
    ("no such zone", '"rajin.berths"', '"rajin.berth"', 23,
     "there is no zone 'rajin.berth'", "rajin has: rajin.berths, rajin.apron"),
    ("no such zone's AOI", '"rajin.berths"', '"rajim.berths"', 23,
     "zone 'rajim.berths': there is no AOI 'rajim'", "Did you mean 'rajin'?"),
    ("no such wildcard", '"rajin.berths"', '"kurks_*"', 23, "no AOI begins with 'kurks_'", "Known: alabuga, "),
    ("no such control", '"zarubino.berths"', '"zarubino.pier"', 30,
     "there is no zone 'zarubino.pier'", "zarubino has: zarubino.berths."),
    ("syntax", 'zone = "rajin.berths"', 'zone = "rajin.berths', 23, "not TOML: ", "Look for a missing quote"),
    ("unclosed at the end", "as_of = 2026-01-30 }", "as_of = 2026-01-30", 37, "not TOML: ", "Look for a missing quote"),
    ("key twice", "credibility = 3", "credibility = 3\ncredibility = 4", 18, "not TOML: Cannot overwrite a value", ""),
]
# fmt: on


@pytest.mark.parametrize(
    ("old", "new", "line", "what", "todo"), [m[1:] for m in MISTAKES], ids=[m[0] for m in MISTAKES]
)
def test_a_mistake_is_named_with_its_line(
    tmp_path: Path, aois: dict[str, Aoi], old: str, new: str, line: int, what: str, todo: str
) -> None:
    assert old in GOOD
    with pytest.raises(NarrativeError) as told:
        read_narrative([written(tmp_path, GOOD.replace(old, new, 1))], aois)
    assert told.value.message.startswith(f"alerts/narrative/x.toml:{line}: ")
    assert what in told.value.message
    assert todo in told.value.hint
    assert "\n" not in told.value.message, "one mistake, one line"


@pytest.mark.parametrize(
    ("table", "line", "owner"),
    [
        (GOOD[GOOD.index("[[document]]") : GOOD.index("[[claim]]")], 39, "document 'paper'"),
        (GOOD[GOOD.index("[[claim]]") : GOOD.index("[[timeline]]")], 39, "claim 'surge'"),
        (GOOD[GOOD.index("[[timeline]]") :], 39, "timeline 'tl-1'"),
    ],
)
def test_an_id_used_twice(tmp_path: Path, table: str, line: int, owner: str) -> None:
    first = GOOD[: GOOD.index(table)].count("\n") + 2
    told = refused(written(tmp_path, GOOD + table))
    assert told.startswith(f"alerts/narrative/x.toml:{line}: {owner}: the id ")
    assert told.endswith(f"is used twice\n  First at alerts/narrative/x.toml:{first}.")


def test_an_id_used_twice_in_two_files(tmp_path: Path) -> None:
    files = [
        written(tmp_path, GOOD),
        written(
            tmp_path, 'schema = 1\n[[timeline]]\nid = "tl-1"\ndate = 2026-01-01\nwhat = "w"\nsource = "s"\n', "y.toml"
        ),
    ]
    with pytest.raises(
        NarrativeError, match=re.escape("alerts/narrative/y.toml:3: timeline 'tl-1': the id 'tl-1' is used twice")
    ):
        read_narrative(files)


def test_an_expectation_used_twice(tmp_path: Path) -> None:
    again = GOOD[GOOD.index("  [[claim.expectation]]") : GOOD.index("[[timeline]]")]
    told = refused(written(tmp_path, GOOD.replace("[[timeline]]", again + "[[timeline]]")))
    assert told.startswith("alerts/narrative/x.toml:33: claim 'surge', expectation 'E1': the id 'E1' is used twice")


def test_all_mistakes_of_a_file_are_told_at_once_in_the_order_of_its_lines(
    tmp_path: Path, aois: dict[str, Aoi]
) -> None:
    text = GOOD
    for _, old, new, *_ in [*MISTAKES[0:3], MISTAKES[9], *MISTAKES[-8:-6]]:
        text = text.replace(old, new, 1)
    told = refused(written(tmp_path, text), aois).splitlines()
    lines = [int(re.match(r"alerts/narrative/x\.toml:(\d+): ", line)[1]) for line in told[:-1]]  # type: ignore[index]
    assert lines == [6, 15, 16, 22, 23, 25]
    assert told[2].endswith("claim 'surge': unknown key 'reliablity'. Did you mean 'reliability'?")
    assert told[-1].strip() == "Mend these, then run the command again."


def test_ten_mistakes_are_listed_and_the_rest_counted(tmp_path: Path) -> None:
    told = refused(
        written(tmp_path, GOOD + "".join(f'[[context]]\nid = "c{i}"\naois = []\n' for i in range(13)))
    ).splitlines()
    assert len(told) == 12
    assert told[0] == "alerts/narrative/x.toml:38: context 'c0': the key 'text' is missing. Add it: text = ..."
    assert told[10] == "and 3 more"


def test_a_document_without_id_is_one_mistake_and_not_one_for_each_claim(tmp_path: Path) -> None:
    assert refused(written(tmp_path, GOOD.replace('id = "paper"', 'idd = "paper"'))) == (
        "alerts/narrative/x.toml:3: document number 1: unknown key 'idd'\n  Did you mean 'id'?"
    )


def test_a_broken_file_hides_no_mistake_in_another_and_invents_none(tmp_path: Path) -> None:
    """The claim refers to a document in the broken file: that cannot be judged."""
    document = GOOD[: GOOD.index("[[claim]]")]
    files = [
        written(tmp_path, document + "oops"),
        written(tmp_path, GOOD.replace(document, "schema = 1\nmood = 1\n"), "y.toml"),
    ]
    with pytest.raises(NarrativeError) as told:
        read_narrative(files)
    assert [line.partition(": ")[0] for line in told.value.message.splitlines()] == [
        "alerts/narrative/x.toml:8",
        "alerts/narrative/y.toml:2",
    ]


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    assert refused(tmp_path / "alerts/narrative/none.toml").startswith(
        "alerts/narrative/none.toml:1: cannot be read: No such file"
    )
    assert refused(tmp_path).startswith(f"{tmp_path}:1: cannot be read: Is a directory")
    file = written(tmp_path, "")
    file.write_bytes(b"schema = 1 # \xff")
    assert refused(file).startswith("alerts/narrative/x.toml:1: is not UTF-8 text")


def test_without_sites_places_are_not_checked(tmp_path: Path) -> None:
    assert read_narrative([written(tmp_path, GOOD.replace("rajin", "atlantis"))]).claims[0].aois == ("atlantis",)


values = st.sampled_from(
    ['"x"', "3", "-1.5", "true", "[]", "[[1]]", "{}", "{ id = 1 }", "2026-01-01", "10:00:00", "inf", '""', "["]
)
edits = st.tuples(
    st.integers(0, GOOD.count("\n") - 1), st.sampled_from(["value", "drop", "key", "repeat", "header"]), values
)


def _edited(lines: list[str], at: int, how: str, value: str) -> None:
    key, equals, _ = lines[at].partition("=")
    if how == "drop":
        lines[at] = ""
    elif how == "repeat":
        lines[at] += "\n" + lines[at]
    elif how == "header":
        lines[at] += "\n[[claim]]"
    elif equals:
        lines[at] = f"{key}= {value}" if how == "value" else lines[at].replace(key, key[:-2] + "_ ", 1)


@given(st.lists(edits, min_size=1, max_size=4))
def test_whatever_is_done_to_a_file_it_is_read_or_refused_with_a_line(
    tmp_path_factory: pytest.TempPathFactory, done: list[tuple[int, str, str]]
) -> None:
    lines = GOOD.splitlines()
    for at, how, value in done:
        _edited(lines, at, how, value)
    file = written(tmp_path_factory.getbasetemp(), "\n".join(lines) + "\n", "fuzz.toml")
    try:
        read_narrative([file], {})
    except NarrativeError as error:
        for line in error.message.splitlines():
            assert re.match(r"alerts/narrative/fuzz\.toml:\d+: |and \d+ more", line)
            assert not re.search(r"pydantic|_Claim|_Expectation|Traceback|<class", line)
