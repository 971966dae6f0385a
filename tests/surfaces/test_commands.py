"""Every command, for people and as JSON."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import geopandas
import pytest
import shapely

from monitor import __version__, simulate
from monitor.alert import Calibration, Interval90, Kind, State
from monitor.cli import views
from monitor.flow import calibrate
from monitor.message import number
from monitor.store import Store
from surfaces.conftest import NOW, ROOT, SCENARIO, Answer, process, quaywatch

SURGE = re.compile(r"simport\.berths\.vessel_count\.surge\.\d{8}")


KML = """\
<?xml version="1.0" encoding="UTF-8"?>
<kml xmlns="http://www.opengis.net/kml/2.2"><Document><Placemark><name>port</name>
<Polygon><outerBoundaryIs><LinearRing><coordinates>{}</coordinates></LinearRing></outerBoundaryIs></Polygon>
</Placemark></Document></kml>
"""


def ask(folder: Path, *args: str | Path) -> Answer:
    """A command that goes well and complains of nothing."""
    done = quaywatch("-w", folder, *args)
    assert (done.code, done.err) == (0, ""), done.err or done.out
    return done


def moments(value: Any) -> list[str]:
    """Every text of a JSON value that starts like a date."""
    if isinstance(value, dict):
        return [m for v in value.values() for m in moments(v)]
    if isinstance(value, list):
        return [m for v in value for m in moments(v)]
    return [value] if isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\d", value) else []


def iso(value: Any) -> int:
    """How many dates a JSON value holds; each is ISO 8601, with T and zone if it has a time."""
    found = moments(value)
    for text in found:
        assert re.fullmatch(r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d+)?(\+00:00|Z))?", text), text
        datetime.fromisoformat(text)
    return len(found)


def surge_id(folder: Path) -> str:
    found = [i["id"] for i in ask(folder, "alerts", "--json").value if SURGE.fullmatch(i["id"])]
    assert len(found) == 1
    return str(found[0])


def test_version() -> None:
    assert quaywatch("--version").out == f"quaywatch {__version__}\n"


def test_init_makes_a_workspace_and_says_what_comes_next(tmp_path: Path) -> None:
    done = quaywatch("init", tmp_path / "new")
    assert done.code == 0
    written = [Path(line) for line in done.out.splitlines() if line.startswith(str(tmp_path))]
    assert all(path.is_file() for path in written)
    assert {p.name for p in written} >= {"config.toml", "example.geojson", "example.toml", ".gitignore"}
    assert f"quaywatch -w {tmp_path / 'new'} check example" in done.out


@pytest.mark.parametrize("whose", ["starter", "root"])
def test_without_a_network_check_says_so(whose: str, tmp_path: Path) -> None:
    folder, aoi = tmp_path / "w", "example"
    if whose == "starter":
        quaywatch("init", folder)
    else:
        folder.mkdir()
        aoi = "rajin"
        for name in ("aois", "alerts"):
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("*.jsonl", "evidence"))
        shutil.copy(ROOT / "config.toml", folder)
    done = quaywatch("-w", folder, "check", aoi)
    assert done.code == 3
    assert "quaywatch: earth-search.aws.element84.com/v1: " in done.err
    assert "Check the network" in done.err
    assert "Traceback" not in done.err
    assert done.out == ""


def test_check_answers_in_one_sentence_and_shows_what_it_rests_on(worked: Path) -> None:
    out = ask(worked, "check", "simport", "--as-of", NOW).out
    assert out.startswith("SIMULATED\n")
    assert re.search(r"berths: surge since 2022-1\d-\d\d \(confirmed\).*\. \d+ of 109 looks could be used", out)
    assert SURGE.search(out)
    assert re.search(r"berths +vessels counted +\d+ +2022-11-\d\d \d\d:\d\d +s1-0\d\d[ad]-vv +[\d.]+ \(\d+\)", out)


def test_check_json(worked: Path) -> None:
    value = ask(worked, "check", "simport", "--as-of", NOW, "--json").value
    assert set(value) == {
        "aoi",
        "simulated",
        "looks",
        "usable_looks",
        "unusable",
        "new_looks",
        "newest",
        "incidents",
        "alert",
        "attribution",
        "problems",
    }
    assert value["aoi"]["id"] == "simport"
    assert (value["simulated"], value["alert"], value["new_looks"], value["problems"]) == (True, True, 0, [])
    assert value["looks"] == value["usable_looks"] + sum(value["unusable"].values()) == 109
    assert "SIMULATED" in value["attribution"]
    newest = {(n["zone"], n["measure"]): n for n in value["newest"]}
    row = newest["berths", "vessel_count"]
    assert row["recipe"].startswith("vessel_count/")
    assert row["look"].endswith(row["track"])
    assert row["baseline_looks"] > 20
    assert iso(value) > 20


def test_exit_code_one_only_for_a_change_that_lasts_and_only_if_asked(worked: Path) -> None:
    assert quaywatch("-w", worked, "check", "simport", "--as-of", NOW, "--exit-code").code == 1
    assert quaywatch("-w", worked, "check", "simport", "--as-of", NOW).code == 0


def test_exit_code_is_zero_while_nothing_changed(cold: Path) -> None:
    done = quaywatch("-w", cold, "check", "simport", "--as-of", "2022-03-01", "--exit-code", "--json")
    assert (done.code, done.value["alert"]) == (0, False)
    assert 0 < done.value["looks"] < 40


def test_only_an_open_change_is_an_alert(worked: Path) -> None:
    store = Store(worked / "var" / "quaywatch.sqlite")
    with store.transaction() as tx:
        change = next(i for i in tx.incidents() if SURGE.fullmatch(i.id))
    store.close()
    states = {state: views.is_alert(replace(change, state=state)) for state in State}
    assert [state for state, is_alert in states.items() if is_alert and state is not State.BLIND] == [
        State.PROVISIONAL,
        State.CONFIRMED,
    ]
    assert not views.is_alert(replace(change, kind=Kind.BLIND, state=State.BLIND))
    assert not views.is_alert(replace(change, kind=Kind.SPIKE, state=State.PROVISIONAL)), "one look"


def test_check_writes_a_report(worked: Path, tmp_path: Path) -> None:
    out = ask(worked, "check", "simport", "--as-of", NOW, "--report", tmp_path / "deep" / "r.html").out
    assert f"Report: {tmp_path / 'deep' / 'r.html'}" in out
    text = (tmp_path / "deep" / "r.html").read_text("utf-8")
    assert "SIMULATED" in text
    assert "<img" in text


def part_of_the_port() -> shapely.Polygon:
    outline = simulate.simulated_aoi(SCENARIO.side).outline
    west, south, east, north = outline.bounds
    width, height = (east - west) / 4, (north - south) / 4
    return shapely.box(west + width, south + height, east - width, north - height)


@pytest.mark.parametrize("suffix", [".geojson", ".kml", ".gpkg"])
def test_check_takes_an_outline_from_a_file(suffix: str, worked: Path, tmp_path: Path) -> None:
    path = tmp_path / f"My Port{suffix}"
    if suffix == ".kml":
        path.write_text(KML.format(" ".join(f"{x},{y},0" for x, y in part_of_the_port().exterior.coords)), "utf-8")
    else:
        geopandas.GeoDataFrame(geometry=[part_of_the_port()], crs=4326).to_file(path)
    value = ask(worked, "check", path, "--since", "2022-01-01", "--as-of", "2022-02-15", "--json").value
    assert value["aoi"]["id"].startswith("file-my-port-")
    assert value["new_looks"] == value["looks"] > 5
    assert {n["zone"] for n in value["newest"]} == {"outline"}
    name = value["aoi"]["id"]
    assert len(ask(worked, "looks", name, "--json").value) == value["looks"]
    assert {r["zone"] for r in ask(worked, "series", name, "--json").value} == {"outline"}
    assert name not in [a["id"] for a in ask(worked, "aois", "--json").value]


def test_check_takes_a_point_west_of_greenwich(worked: Path) -> None:
    point = "-29.8,40"
    assert part_of_the_port().contains(shapely.Point(-29.8, 40))
    value = ask(
        worked, "check", point, "--radius", "400", "--since", "2022-01-01", "--as-of", "2022-02-15", "--json"
    ).value
    assert value["aoi"]["name"] == f"400 m around {point}"
    assert value["aoi"]["area_km2"] == pytest.approx(0.5, abs=0.01)
    assert value["looks"] > 5


def test_poll_of_known_scenes_does_nothing(worked: Path) -> None:
    done = ask(worked, "poll", "--as-of", "2022-11-24", "--json")
    assert len(done.value) == 1
    row = done.value[0]
    assert set(row) == {
        "aoi",
        "scenes",
        "new_looks",
        "remeasured",
        "unusable",
        "changes",
        "mails_sent",
        "problems",
    }
    assert (row["aoi"], row["new_looks"], row["remeasured"], row["problems"]) == ("simport", 0, 0, [])
    assert 8 <= row["scenes"] <= 20


def test_backfill_covers_its_first_and_its_last_day(cold: Path) -> None:
    first, last = "2022-01-03", "2022-01-18"  # the days of the first pass, and of another one
    out = ask(cold, "backfill", "simport", "--since", first, "--until", last, "--as-of", NOW).out
    days = [look["start"][:10] for look in ask(cold, "looks", "simport", "--json").value]
    assert (days[0], days[-1]) == (first, last)
    assert re.search(rf"simport +{len(days)} +{len(days)} ", out)
    again = ask(cold, "backfill", "--since", first, "--until", last, "--as-of", NOW, "--json").value[0]
    assert (again["scenes"], again["new_looks"], again["remeasured"]) == (len(days), 0, 0)


def test_looks_are_listed_with_the_reason_of_each_that_is_unusable(worked: Path) -> None:
    value = ask(worked, "looks", "simport", "--json").value
    assert len(value) == 109
    assert [v["start"] for v in value] == sorted(v["start"] for v in value)
    assert all((v["reason"] is None) == v["usable"] for v in value)
    assert all(0 <= v["valid_fraction"] <= 1 and v["scenes"] for v in value)
    assert iso(value) == len([v for v in value if v["start"]])
    unusable = ask(worked, "looks", "simport", "--unusable", "--json").value
    assert unusable == [v for v in value if not v["usable"]]
    assert "cloud" in {v["reason"] for v in unusable}
    table = ask(worked, "looks", "simport", "--unusable").out
    assert table.count("no: ") == len(unusable)
    assert "no: cloud" in table


def test_series_holds_every_measurement(worked: Path) -> None:
    value = ask(worked, "series", "simport", "--zone", "berths", "--measure", "vessel_count", "--json").value
    assert {(v["zone"], v["measure"], v["unit"]) for v in value} == {("berths", "vessel_count", "1")}
    assert all((v["value"] is None) != (v["reason"] is None) for v in value)
    assert all(v["recipe"].startswith("vessel_count/") and v["n_valid"] >= 0 for v in value)
    assert iso(value) >= len(value) > 60
    every = ask(worked, "series", "simport", "--json").value
    assert [v for v in every if (v["zone"], v["measure"]) == ("berths", "vessel_count")] == value
    table = ask(worked, "series", "simport", "--zone", "berths").out
    assert re.search(r"2022-01-03 \d\d:\d\d +berths +vessel_count +\d", table)


def test_series_is_drawn(worked: Path, tmp_path: Path) -> None:
    target = tmp_path / "series.png"
    ask(worked, "series", "simport", "--zone", "berths", "--measure", "vessel_count", "--plot", target)
    assert target.read_bytes().startswith(b"\x89PNG\r\n")
    assert target.stat().st_size > 5000


def test_two_looks_are_compared(worked: Path, tmp_path: Path) -> None:
    target = tmp_path / "pair.png"
    out = ask(worked, "compare", "simport", "2022-03-01", "2022-11-01", "--picture", target).out
    assert out.startswith("SIMULATED\n")
    assert re.search(r"^Before: 2022-03-\d\d \d\d:\d\d UTC, \d{8}T\d{6}-s1-0\d\d[ad]-vv", out, re.MULTILINE)
    assert re.search(r"the usable look nearest to 2022-03-01, \d days? (after|before) it$", out, re.MULTILINE)
    assert re.search(r"yard +336,000 m² +[\d,]+ m² \(\d+\.\d%\)", out)
    assert re.search(r"Water differed by [+-]\d+\.\d dB on the whole", out)
    assert "one pair cannot tell a lasting change from weather" in out
    assert "there nothing is known, which is not 'no change'" in out
    assert f"Picture: {target}" in out
    assert target.read_bytes().startswith(b"\x89PNG\r\n")


def test_compare_json(worked: Path) -> None:
    looks = [v for v in ask(worked, "looks", "simport", "--json").value if v["usable"]]
    optical = [v["id"] for v in looks if v["sensor"] == "sentinel-2"]
    value = ask(worked, "compare", "simport", optical[0], optical[-1], "--json").value
    assert set(value) == {
        "aoi",
        "simulated",
        "track",
        "sensor",
        "before",
        "after",
        "days_between",
        "recipe",
        "zones",
        "levels",
        "shift",
        "notes",
        "not_shown",
        "picture",
        "attribution",
    }
    assert (value["simulated"], value["sensor"], value["picture"]) == (True, "sentinel-2", None)
    assert value["before"]["look"] == value["before"]["asked"] == optical[0]
    assert (value["before"]["days_off"], value["after"]["look"]) == (None, optical[-1])
    assert value["recipe"] == "optical_pair/1"
    assert "SIMULATED" in value["attribution"]
    assert [z["zone"] for z in value["zones"]] == list(simulate.ZONES)
    for z in value["zones"]:
        assert 0 <= z["not_compared_share"] <= 1
        known = z["compared_m2"] > 0
        assert all(
            (z[name] is not None) is known for name in ("changed_m2", "brighter_m2", "darker_m2", "changed_share")
        )
        if known:
            assert z["changed_m2"] == z["brighter_m2"] + z["darker_m2"] <= z["compared_m2"] <= z["area_m2"]
    assert iso(value) == 2


def test_compare_takes_the_track_it_is_told_to(worked: Path) -> None:
    tracks = {v["id"].partition("-")[2] for v in ask(worked, "looks", "simport", "--json").value if v["usable"]}
    assert len(tracks) == 3
    for track in tracks:
        value = ask(worked, "compare", "simport", "2022-02-01", "2022-09-12", "--track", track, "--json").value
        assert value["track"] == track
        assert value["before"]["look"].endswith(track)
        assert value["after"]["look"].endswith(track)
        assert value["days_between"] > 150


def test_what_compare_cannot_compare(worked: Path, cold: Path, tmp_path: Path) -> None:
    looks = ask(worked, "looks", "simport", "--json").value
    usable = [v["id"] for v in looks if v["usable"]]
    one = next(u for u in usable if u.endswith("a-vv"))
    other = next(u for u in reversed(usable) if u.endswith("d-vv"))
    cloudy = next(v["id"] for v in looks if v["reason"] == "cloud")
    cases = [
        (worked, ("simport", one, other), 2, "never compared pixel with pixel"),
        (worked, ("simport", cloudy, "2022-11-01"), 4, f"{cloudy} cannot be used: cloud"),
        (worked, ("simport", "2022-11-01", "2022-03-01"), 2, "2022-11-01 is after 2022-03-01"),
        (worked, ("simport", "soon", "2022-03-01"), 2, "'soon' is no date"),
        (worked, ("simport", "2022-03-01", "2022-11-01", "--track", "s1-999a-vv"), 2, "s1-999a-vv"),
        (worked, ("-29.8,40", "2022-03-01", "2022-11-01"), 4, "2000 m around -29.8,40: no look is recorded"),
        (worked, ("nowhere", "2022-03-01", "2022-11-01"), 2, "no AOI 'nowhere'"),
        (cold, ("simport", "2022-03-01", "2022-11-01"), 4, "no look is recorded"),
        (worked, ("simport", one, "2022-11-01", "--picture", tmp_path), 2, "Choose another --picture FILE"),
    ]
    for folder, args, code, said in cases:
        done = quaywatch("-w", folder, "compare", *args)
        assert (done.code, done.out) == (code, ""), (args, done)
        assert said in done.err, done.err
        assert len(done.err.strip().splitlines()) >= 2, f"no next step: {done.err}"


def test_alerts_are_listed_and_shown(worked: Path) -> None:
    listed = ask(worked, "alerts", "--json").value
    assert listed == ask(worked, "alerts", "simport", "--json").value
    assert "retracted" not in {i["state"] for i in listed}
    identity = surge_id(worked)
    one = next(i for i in listed if i["id"] == identity)
    assert set(one) == {
        "id",
        "aoi",
        "zone",
        "measure",
        "kind",
        "state",
        "onset",
        "raised",
        "until",
        "mean_per_usable_look",
        "usual_per_usable_look",
        "baseline_looks",
        "looks",
        "tracks",
        "onset_between",
        "level",
        "ratio",
        "difference",
        "ending",
        "acknowledged",
        "snoozed",
        "snoozed_until",
        "label",
        "precision",
    }
    assert one["ratio"]["low"] < one["ratio"]["value"] < one["ratio"]["high"]
    assert one["onset_between"][0] <= one["onset"] <= one["onset_between"][1]
    assert (one["acknowledged"], one["snoozed"], one["snoozed_until"], one["label"]) == (False, False, None, None)
    nothing = {"true": 0, "labelled": 0, "value": None, "low": None, "high": None}
    assert one["precision"] == {"aoi": nothing, "all": nothing}
    assert one["mean_per_usable_look"] > 1.5 * one["usual_per_usable_look"] > 0
    shown = ask(worked, "alerts", identity, "--json").value
    assert {k: shown[k] for k in one} == one
    assert [s["new"] for s in shown["steps"]][-1] == one["state"]
    assert [(c["claim"], c["relation"]) for c in shown["claims"]] == [("sim-surge", "agrees")]
    assert all(c["says"] and c["does_not_say"] for c in shown["claims"])
    assert iso(shown) >= 3
    text = ask(worked, "alerts", identity).out
    assert identity in text
    assert "sim-surge" in text
    assert f"{number(one['mean_per_usable_look'])}, usually {number(one['usual_per_usable_look'])}" in text


def test_retracted_alerts_are_shown_if_asked(worked: Path) -> None:
    fewer, more = ask(worked, "alerts", "--json").value, ask(worked, "alerts", "--all", "--json").value
    assert [i for i in more if i["state"] != "retracted"] == fewer


def test_no_look_is_not_shown_as_no_incident(cold: Path) -> None:
    out = ask(cold, "alerts").out
    assert "Incidents: none" in out
    assert "No look is recorded: this is not 'no activity'" in out
    assert ask(cold, "alerts", "--json").value == []


def test_alerts_are_listed_in_the_old_form_and_by_name(worked: Path) -> None:
    identity = surge_id(worked)
    for args in ((), ("simport",), ("--all",), ("simport", "--all"), (identity,), ("--json", identity)):
        short, long = ask(worked, "alerts", *args), ask(worked, "alerts", "list", *args)
        assert short.out == long.out
        assert identity in short.out
    done = quaywatch("-w", worked, "alerts", identity[:-1])
    assert (done.code, done.out) == (2, "")
    assert f"Did you mean {identity}" in done.err


def test_an_alert_is_acknowledged_snoozed_and_labelled(worked: Path) -> None:
    identity = surge_id(worked)
    said = ("--by", "Mia", "--note", "[dredger?]")
    acked = ask(worked, "alerts", "ack", identity, *said, "--as-of", NOW, "--json").value
    assert (acked["id"], acked["acknowledged"], acked["snoozed"]) == (identity, True, False)
    out = ask(worked, "alerts", "snooze", identity, "--until", "2022-12-24", "--as-of", NOW).out
    for word in ("acknowledged", "snoozed", "2022-12-24"):
        assert word in out
    early = ask(worked, "alerts", "--as-of", "2022-12-23", "--json").value
    late = ask(worked, "alerts", "--as-of", "2022-12-24", "--json").value
    assert [(i["snoozed"], i["snoozed_until"]) for i in early if i["id"] == identity] == [
        (True, "2022-12-24T00:00:00+00:00")
    ]
    assert [(i["snoozed"], i["snoozed_until"]) for i in late if i["id"] == identity] == [(False, None)]
    looks = ask(worked, "alerts", "snooze", identity, "--next-look", "--as-of", NOW, "--json").value
    assert (looks["snoozed"], looks["snoozed_until"]) == (True, None)

    labelled = ask(worked, "alerts", "label", identity, "true", "--as-of", NOW, "--json").value
    assert labelled["label"] is True
    every = labelled["precision"]["all"]
    assert (every["true"], every["labelled"], every["value"], every["high"]) == (1, 1, 1.0, 1.0)
    assert 0 < every["low"] < 1
    out = ask(worked, "alerts", "label", identity, "false", "--note", "ice", "--as-of", "2022-12-02").out
    assert "labelled false" in re.sub(r"\s+", " ", out)
    assert re.search(r"all +0 +1 +0% +0% to \d\d%", out)
    assert re.search(r"simport +0 +1 +0% +0% to \d\d%", ask(worked, "alerts").out)
    shown = ask(worked, "alerts", identity, "--json").value
    assert sorted(m["mark"] for m in shown["marks"]) == ["ack", "label", "label", "snooze", "snooze"]
    assert shown["marks"][-1]["truth"] is False
    assert shown["precision"]["aoi"]["labelled"] == 1
    text = ask(worked, "alerts", identity).out
    for word in ("Marks", "Mia", "[dredger?]", "snoozed until the next usable look", "labelled false"):
        assert word in text
    lines = [json.loads(line) for line in (worked / "alerts" / "log" / "alerts.jsonl").read_text("utf-8").splitlines()]
    assert sorted(e["mark"] for e in lines if "mark" in e) == ["ack", "label", "label", "snooze", "snooze"]
    assert all(f["fine"] for f in ask(worked, "doctor", "--json").value), "the chain of hashes is intact"


def test_an_alert_is_taken_back_and_stays_so(worked: Path) -> None:
    identity = surge_id(worked)
    before = len(list((worked / "mailbox").glob("*.eml")))
    out = ask(worked, "alerts", "retract", identity, "--reason", "A dredger.", "--by", "Mia", "--as-of", NOW).out
    assert "retracted" in out
    told = before > 0 and identity in "".join(p.read_text("utf-8") for p in (worked / "mailbox").glob("*.eml"))
    assert f"Mails sent: {int(told)}" in out
    assert len(list((worked / "mailbox").glob("*.eml"))) == before + told
    assert identity not in [i["id"] for i in ask(worked, "alerts", "--json").value]
    ask(worked, "poll", "--as-of", NOW)
    shown = ask(worked, "alerts", identity, "--json").value
    assert shown["state"] == "retracted"
    assert shown["steps"][-1]["reason"] == "taken back by Mia: A dredger."
    assert [m["mark"] for m in shown["marks"]] == ["retract"]
    assert not any(SURGE.match(i["id"]) for i in ask(worked, "alerts", "--json").value), "nor is it there as a new one"


def test_what_cannot_be_said_of_an_alert(worked: Path) -> None:
    identity = surge_id(worked)
    cases = [
        (("ack", identity[:-1]), f"Did you mean {identity}"),
        (("snooze", identity), "Give either --until DATE or --next-look"),
        (("snooze", identity, "--until", "2022-12-24", "--next-look"), "Give either --until DATE or --next-look"),
        (("snooze", identity, "--until", "2022-11-30"), "--until 2022-11-30 is past"),
        (("snooze", identity, "--until", "soon"), "'soon' is not a date"),
        (("retract", identity, "--reason", " "), "a retraction without a reason"),
        (("retract", "nothing", "--reason", "ice"), "no incident 'nothing'"),
        (("label", identity, "maybe"), "maybe"),
        (("retract", identity), "--reason"),
    ]
    for args, said in cases:
        done = quaywatch("-w", worked, "alerts", *args, *(() if args[0] == "label" else ("--as-of", NOW)))
        assert (done.code, done.out) == (2, ""), (args, done)
        assert said in done.err, (args, done.err)
        assert "Traceback" not in done.err
    assert ask(worked, "alerts", identity, "--json").value["marks"] == []


def test_claims_are_listed_and_shown(worked: Path) -> None:
    listed = ask(worked, "claims", "--json").value
    assert [c["id"] for c in listed] == ["sim-surge"]
    shown = ask(worked, "claims", "sim-surge", "--json").value
    assert shown == listed[0]
    written = (worked / "alerts" / "narrative" / "simulated.toml").read_text("utf-8")
    assert f"about = {{ from = {shown['about']['from']}, to = {shown['about']['to']} }}" in written
    window = shown["expectations"][0]["window"]
    assert f"window = {{ from = {window['from']}, to = {window['to']} }}" in written
    assert iso(shown) == 5
    assert "sim-surge" in ask(worked, "claims").out
    text = ask(worked, "claims", "sim-surge").out
    assert "against it would be: No more vessels" in text
    assert f"{window['from']} to {window['to']}" in text


def test_aois_are_listed_and_shown(worked: Path) -> None:
    listed = ask(worked, "aois", "--json").value
    assert [a["id"] for a in listed] == ["simport"]
    shown = ask(worked, "aois", "simport", "--json").value
    assert shown == listed[0]
    assert [z["id"] for z in shown["zones"]] == [f"simport.{z}" for z in simulate.ZONES]
    assert shown["area_km2"] == pytest.approx(10.24, abs=0.1)
    assert "simport" in ask(worked, "aois").out
    assert "simport.berths" in ask(worked, "aois", "simport").out


def test_doctor_finds_nothing_wrong(worked: Path) -> None:
    value = ask(worked, "doctor", "--json").value
    assert [f["what"] for f in value if not f["fine"]] == []
    found = {f["what"]: f["detail"] for f in value}
    assert found["AOIs"] == "1"
    assert "chain of hashes intact" in found["log of alerts"]
    assert found["source folder:imagery"] == "1 of 1 AOIs have scenes"
    assert "PROBLEM" not in ask(worked, "doctor").out


def test_demo_leaves_everything_it_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulate, "Scenario", partial(simulate.Scenario, years=0.3, optical=False))
    done = quaywatch("demo", "--keep", tmp_path / "demo", "--seed", "3")
    assert done.code == 0, done.err
    named = dict(re.findall(r"^(Report|Log): +(.+)$", done.out, re.MULTILINE))
    assert "SIMULATED" in Path(named["Report"]).read_text("utf-8")
    assert Path(named["Log"]).is_file()
    for mail in re.findall(r"^Mail: +(.+)$", done.out, re.MULTILINE):
        assert Path(mail).is_file()
    assert done.out.startswith("SIMULATED port, seed 3, in ")
    assert "SIMULATED truth: a surge in berths" in done.out
    assert ask(tmp_path / "demo", "aois", "--json").value[0]["id"] == "simport"


def test_the_workspace_is_found_from_a_folder_inside(worked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(worked / "alerts" / "narrative")
    assert [a["id"] for a in quaywatch("aois", "--json").value] == ["simport"]


def test_json_is_all_there_is_on_standard_output(worked: Path) -> None:
    done = process("-w", worked, "looks", "simport", "--json")
    assert (done.code, done.err) == (0, "")
    assert len(json.loads(done.out)) == 109


def test_a_reader_that_stops_early_sees_no_traceback(worked: Path) -> None:
    command = f"'{sys.executable}' -m monitor -w '{worked}' series simport --json | head -1"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, cwd=ROOT, check=False)
    assert (done.stdout, done.stderr) == ("[\n", "")


def test_calibrate_measures_the_alerts_of_an_aoi_and_reports_state_it(worked: Path, tmp_path: Path) -> None:
    done = quaywatch("-w", worked, "calibrate", "simport", "--years", "3", "--planted", "2", "--json")
    assert done.code == 0
    value = done.value
    rate = value["false_alarms_a_year"]
    assert rate["low"] <= rate["value"] <= rate["high"]
    assert (value["aoi"], value["simulated"], value["budget"]) == ("simport", True, 1.0)
    assert value["years"] >= 3
    assert value["met"] == (rate["low"] <= 1.0) == (done.err == "")
    assert {r["zone"] for r in value["recall"]} == {"berths", "anchorage", "yard"} - {
        name.split(",")[0] for name in value["left_out"]
    }
    assert all(0 <= r["found"]["low"] <= r["found"]["value"] <= r["found"]["high"] <= 1 for r in value["recall"])
    assert [s["length_m"] for s in value["ships"]] == [50, 100, 150]
    assert iso(value) == 1
    ask(worked, "check", "simport", "--as-of", NOW, "--report", tmp_path / "r.html")
    assert "histories in which nothing changed" in (tmp_path / "r.html").read_text()


def test_a_budget_that_is_not_met_is_a_warning_and_no_error(worked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = calibrate.calibrate

    def noisy(*args: Any, **options: Any) -> Calibration:
        return replace(real(*args, **options), false_alarms_a_year=Interval90(2.4, 1.9, 3.1))

    monkeypatch.setattr(calibrate, "calibrate", noisy)
    made = quaywatch("-w", worked, "calibrate", "simport", "--years", "3", "--planted", "0")
    assert made.code == 0
    assert made.err.startswith("quaywatch: simport: the budget is not met: 2.4 false alarms a year")
    assert made.out.startswith("SIMULATED\nsimport: 2.4 false alarms a year (1.9 to 3.1, 90 %), budget 1; ")
    assert "Changes planted into them: none" in made.out
    assert re.search(r"150 m +\d+ +\d+ +\d+ % +\d+ to \d+ %", made.out)
