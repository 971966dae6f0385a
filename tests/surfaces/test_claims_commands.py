"""`claims`, `report`, `verify`, `replay`: from a claim to its page, and evidence that shows what was changed."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from monitor import evidence, workspace
from monitor.flow import judging
from monitor.flow.desk import opened
from surfaces.conftest import NOW, copied, process, quaywatch, rewrite
from surfaces.test_commands import ask

LOG = Path("alerts/log/alerts.jsonl")
NARRATIVE = Path("alerts/narrative/simulated.toml")


@pytest.fixture(scope="module")
def told_once(master: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The workspace with its claim frozen a month before its window opened, and judged. To be copied."""
    folder = copied(master, tmp_path_factory.mktemp("claims") / "told", "imagery")
    with opened(workspace.find(folder, {}), {}) as desk:
        (claim,) = desk.narrative.claims
        judging.freeze(desk, claim, ["E1"], claim.expectations[0].window.start - timedelta(days=30))
    ask(folder, "claims", "assess", "--as-of", NOW)
    return folder


@pytest.fixture
def foretold(told_once: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return copied(told_once, tmp_path / "foretold", "imagery")


def lines(folder: Path, what: str) -> list[dict[str, Any]]:
    entries = [json.loads(line) for line in (folder / LOG).read_text(encoding="utf-8").splitlines()]
    return [e for e in entries if e.get("what") == what]


class Outside(HTMLParser):
    """Everything that a page would load from elsewhere, or run."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        source = given.get("src") or given.get("href") or ""
        if tag in {"script", "link", "iframe"} or (source and not source.startswith(("data:", "#"))):
            self.found.append(f"{tag} {source}")


def test_a_claim_that_was_frozen_beforehand_is_judged_logged_and_told(foretold: Path) -> None:
    told = ask(foretold, "claims", "assess", "sim-surge", "--as-of", NOW, "--json").value
    assert told["outcome"] == "supported"
    assert told["judged"][0]["standing"] == "fixed beforehand"
    (compared,) = told["judged"][0]["comparisons"]
    assert compared["effect"][1] > 1.0
    assert compared["window"]["counted"] <= compared["window"]["usable"] <= compared["window"]["every"]
    assert told["likelihood"] == {"word": "very likely", "band": "80-95 %"}
    (line,) = lines(foretold, "assessment")  # judged twice with the same looks: one line
    assert line["outcome"] == "supported"
    assert line["evidence"] == told["evidence"]
    page = (foretold / "var/reports/claim-sim-surge.html").read_text(encoding="utf-8")
    assert "SIMULATED" in page
    outside = Outside()
    outside.feed(page)
    assert not outside.found
    assert page.count("data:image/png;base64,") == 3


def test_what_was_not_frozen_is_a_reading(worked: Path) -> None:
    told = ask(worked, "claims", "assess", "sim-surge", "--as-of", NOW, "--dry-run", "--json").value
    assert told["outcome"] == "inconclusive"
    assert "it was written or changed after its window opened" in told["doubts"]
    assert not lines(worked, "assessment")
    assert not list((worked / "alerts/evidence").glob("assessment*"))


def test_changing_what_was_frozen_makes_it_post_hoc(foretold: Path) -> None:
    rewrite(foretold / NARRATIVE, "value = 1.5 }", "value = 1.2 }")
    told = ask(foretold, "claims", "assess", "sim-surge", "--as-of", NOW, "--json").value
    assert told["judged"][0]["standing"] == "post hoc"
    assert told["outcome"] == "inconclusive"
    assert len(lines(foretold, "assessment")) == 2  # both stand in the log


def test_freezing_now_is_too_late_for_an_open_window_and_says_so(worked: Path) -> None:
    shown = ask(worked, "claims", "freeze", "sim-surge").out
    assert "post hoc" in shown
    (line,) = lines(worked, "frozen")
    ask(worked, "claims", "freeze", "sim-surge", "--expectation", "E1")
    assert lines(worked, "frozen") == [line]  # the same again is not written twice
    wrong = quaywatch("-w", worked, "claims", "freeze", "sim-surge", "--expectation", "E9")
    assert (wrong.code, "has no expectation 'E9'" in wrong.err) == (2, True)


def test_check_names_file_line_and_what_to_do(worked: Path) -> None:
    fine = ask(worked, "claims", "check")
    assert "alerts/narrative/simulated.toml: fine" in fine.out
    assert "post hoc" in fine.out
    rewrite(worked / NARRATIVE, "value = 1.5 }", "value = 0.5 }")
    wrong = quaywatch("-w", worked, "claims", "check")
    assert wrong.code == 2
    assert re.search(r"simulated\.toml:\d+: claim 'sim-surge', expectation 'E1': .*must lie above 1", wrong.err)


def test_the_published_schema_is_the_one_that_is_used() -> None:
    printed = quaywatch("claims", "schema")
    assert printed.code == 0
    published = json.loads((Path(__file__).parents[2] / "docs/narrative.schema.json").read_text(encoding="utf-8"))
    assert printed.value == published


def test_pages_of_a_place_an_alert_and_a_claim(worked: Path, tmp_path: Path) -> None:
    (first, *_) = ask(worked, "alerts", "--json").value
    for what in ("simport", first["id"], "sim-surge"):
        target = tmp_path / f"{what}.html"
        assert ask(worked, "report", what, "--out", target, "--as-of", NOW).out.strip().endswith(".html")
        page = target.read_text(encoding="utf-8")
        outside = Outside()
        outside.feed(page)
        assert not outside.found
        assert "data:image/png;base64," in page
        assert "cid:" not in page
    unknown = quaywatch("-w", worked, "report", "nothing")
    assert (unknown.code, "no AOI, incident or claim 'nothing'" in unknown.err) == (2, True)


def test_every_alert_has_evidence_that_verifies_and_replays_elsewhere(foretold: Path, tmp_path: Path) -> None:
    found = ask(foretold, "verify", "--json").value
    assert (found["whole"], found["wrong"]) == (True, [])
    bundles = sorted(p for p in (foretold / "alerts/evidence").iterdir() if p.is_dir())
    assert found["bundles"] == len(bundles) == len(lines(foretold, "evidence")) + len(lines(foretold, "assessment"))
    for folder in bundles:
        copy = shutil.copytree(folder, tmp_path / "elsewhere" / folder.name)
        assert quaywatch("verify", copy).code == 0
        again = quaywatch("replay", copy, "--json")
        assert (again.code, again.value["identical"]) == (0, True), again.out
    assert process("replay", tmp_path / "elsewhere" / bundles[0].name).code == 0  # and by a program of its own
    by_id = ask(foretold, "replay", "sim-surge", "--json").value
    assert by_id["identical"]
    assert by_id["compared"] > 100


@pytest.mark.parametrize(
    ("where", "old", "new"),
    [
        ("alerts/evidence/assessment*/assessment.json", b"supported", b"SUPPORTED"),
        ("alerts/evidence/assessment*/narrative/simulated.toml", b"1.5", b"1.1"),
        ("alerts/evidence/simport*/parameters.json", b"vessel", b"vassal"),
        ("alerts/evidence/simport*/pictures/series.png", b"IDAT", b"IDAX"),
        ("alerts/log/alerts.jsonl", b'"outcome": "supported"', b'"outcome": "Supported"'),
    ],
)
def test_what_somebody_changed_is_named(foretold: Path, where: str, old: bytes, new: bytes) -> None:
    path = next(p for p in sorted(foretold.glob(where)) if old in p.read_bytes())
    path.write_bytes(path.read_bytes().replace(old, new, 1))
    told = quaywatch("-w", foretold, "verify", "--json")
    assert told.code == 1
    named = [w["where"] for w in told.value["wrong"]]
    shown = str(path.relative_to(foretold))
    assert any(name.startswith(shown) or (name.startswith("alerts/log") and "log" in shown) for name in named)


def test_a_bundle_or_a_line_that_is_gone_is_named(foretold: Path) -> None:
    gone = sorted((foretold / "alerts/evidence").glob("simport*"))[0]
    shutil.rmtree(gone)
    told = quaywatch("-w", foretold, "verify", "--json").value
    assert [w["where"] for w in told["wrong"]] == [str(gone.relative_to(foretold))]
    (foretold / LOG).unlink()
    told = quaywatch("-w", foretold, "verify", "--json").value
    assert any("a line is missing that was written" in w["what"] for w in told["wrong"])


def test_replay_refuses_what_does_not_verify_and_finds_what_was_sealed_again(foretold: Path, tmp_path: Path) -> None:
    unknown = quaywatch("-w", foretold, "replay", "nothing")
    assert (unknown.code, "no evidence of 'nothing'" in unknown.err) == (2, True)
    folder = next((foretold / "alerts/evidence").glob("assessment*"))
    bundle = evidence.read(folder)
    forged = bundle.files["looks.json"].replace(b'"value": 0.0', b'"value": 9.0')
    assert forged != bundle.files["looks.json"]
    (folder / "looks.json").write_bytes(forged)
    refused = quaywatch("replay", folder)
    assert refused.code == 2
    assert "looks.json" in refused.err
    evidence.write(tmp_path, replace(bundle, files={**bundle.files, "looks.json": forged}))
    sealed = quaywatch("replay", evidence.folder_of(tmp_path, bundle.id), "--json")
    assert (sealed.code, sealed.value["identical"], sealed.value["only_rounding"]) == (1, False, False)
    assert any("judged[0].comparisons[0].effect" in line for line in sealed.value["differences"])


def test_a_folder_is_held_against_the_log_of_its_own_workspace(foretold: Path, tmp_path: Path) -> None:
    folder = next((foretold / "alerts/evidence").glob("assessment*"))
    unnamed = "No log names this bundle here"
    assert unnamed not in ask(foretold, "verify", folder).out
    assert unnamed in ask(foretold, "verify", shutil.copytree(folder, tmp_path / "copy")).out
    bundle = evidence.read(folder)
    shutil.rmtree(folder)
    evidence.write(folder.parent, replace(bundle, files={**bundle.files, "README.txt": b"forged"}))
    told = quaywatch("-w", foretold, "verify", folder)
    assert told.code == 1
    assert "not the one that the log names" in told.out
    none = quaywatch("-w", foretold, "verify", foretold / "aois")
    assert (none.code, "is no bundle of evidence" in none.err) == (2, True)


def test_going_back_to_an_earlier_version_is_frozen_and_judged_anew(worked: Path) -> None:
    narrative = worked / NARRATIVE
    first = narrative.read_text(encoding="utf-8")
    for text in (first, first.replace("value = 1.5 }", "value = 1.8 }"), first, first):
        narrative.write_text(text, encoding="utf-8")
        ask(worked, "claims", "freeze", "sim-surge")
        ask(worked, "claims", "assess", "--as-of", NOW)
    hashes = [line["sha256"] for line in lines(worked, "frozen")]
    assert len(hashes) == 3
    assert hashes[0] == hashes[2] != hashes[1]
    inputs = [line["inputs_sha256"] for line in lines(worked, "assessment")]
    assert len(inputs) == len(set(inputs)) == 3  # what is frozen is part of what a judgment rests on
    assert ask(worked, "verify", "--json").value["whole"]
