"""Bad input: an error that names the thing and the next step, the right exit code, no traceback, nothing lost."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from surfaces.conftest import NOW, Answer, content, process, quaywatch, rewrite


def refused(done: Answer, code: int, *said: str) -> None:
    """The command ended with that code, and standard error says all that."""
    assert done.code == code, (done.code, done.err)
    assert "Traceback" not in done.err
    assert len(done.err.strip().splitlines()) >= 2, f"no next step: {done.err}"
    for text in said:
        assert text in done.err, done.err


def catalogue(folder: Path, change: Callable[[list[dict[str, Any]]], None]) -> None:
    path = folder / "imagery" / "items.json"
    items = json.loads(path.read_text("utf-8"))
    change(items["features"])
    path.write_text(json.dumps(items), "utf-8")


def radar_item(folder: Path, number: int) -> dict[str, Any]:
    items = json.loads((folder / "imagery" / "items.json").read_text("utf-8"))["features"]
    found: dict[str, Any] = [i for i in items if i["properties"]["constellation"] == "sentinel-1"][number]
    return found


def seen(folder: Path) -> list[dict[str, Any]]:
    """The looks, without how many others they were compared with: a longer history has more of them."""
    looks: list[dict[str, Any]] = quaywatch("-w", folder, "looks", "simport", "--json").value
    return [{k: v for k, v in look.items() if k != "reference_looks"} for look in looks]


def some_weeks(folder: Path) -> Answer:
    return quaywatch("-w", folder, "backfill", "--since", "2022-01-01", "--until", "2022-03-31", "--as-of", NOW)


def test_a_truncated_image_costs_one_look_until_it_is_mended(cold: Path, template: Path) -> None:
    item = radar_item(cold, 4)
    image = cold / "imagery" / item["assets"]["vv"]["href"]
    whole = image.read_bytes()
    image.unlink()
    image.write_bytes(whole[: len(whole) // 3])
    for _ in range(2):  # it is told as long as it is so
        done = some_weeks(cold)
        assert done.code == 0
        assert f"{image}: cannot be read" in done.err
        assert "Fetch the file again" in done.err
        assert "Traceback" not in done.err
    looks = seen(cold)
    lost = [look for look in looks if look["reason"] == "scene could not be read"]
    assert [look["scenes"] for look in lost] == [[item["id"]]]
    assert str(image) in lost[0]["detail"]
    assert sum(look["usable"] for look in looks) > 5

    image.write_bytes(whole)
    mended = some_weeks(cold)
    assert (mended.code, mended.err) == (0, "")
    in_time = [look for look in seen(template) if look["start"] < "2022-04-01"]
    assert seen(cold) == in_time


def test_a_missing_image_costs_one_look(cold: Path) -> None:
    image = cold / "imagery" / radar_item(cold, 4)["assets"]["vv"]["href"]
    image.unlink()
    done = some_weeks(cold)
    assert done.code == 0
    assert f"{image}: cannot be read" in done.err


def test_an_item_without_projection_is_left_out_and_named(cold: Path) -> None:
    def strip(items: list[dict[str, Any]]) -> None:
        del items[2]["properties"]["proj:code"]
        del items[2]["properties"]["proj:epsg"]

    whole = json.loads((cold / "imagery" / "items.json").read_text("utf-8"))["features"]
    catalogue(cold, strip)
    done = some_weeks(cold)
    assert done.code == 0
    assert f"{cold}/imagery/items.json: item {whole[2]['id']} left out: no projection" in done.err
    assert "proj:code" in done.err
    used = {s for look in seen(cold) for s in look["scenes"]}
    assert whole[2]["id"] not in used
    assert {whole[1]["id"], whole[3]["id"]} <= used
    assert quaywatch("-w", cold, "doctor").code == 2


def test_an_aoi_outside_every_scene(worked: Path) -> None:
    done = quaywatch("-w", worked, "check", "35.77,35.53", "--since", "2022-01-01", "--until", "2022-11-30")
    refused(done, 4, "2000 m around 35.77,35.53: no scene touches it from 2022-01-01 to 2022-11-30", "Widen --since")
    assert done.out == ""


def test_looks_that_cannot_be_used_are_no_answer(cold: Path) -> None:
    for item in json.loads((cold / "imagery" / "items.json").read_text("utf-8"))["features"]:
        for asset in item["assets"].values():
            (cold / "imagery" / asset["href"]).unlink()
    done = quaywatch("-w", cold, "check", "simport", "--since", "2022-01-01", "--until", "2022-01-31", "--json")
    refused(done, 4, "looks could be used", "quaywatch looks simport", "cannot be read")
    assert done.value["usable_looks"] == 0
    assert done.value["alert"] is False


def test_a_polygon_that_crosses_itself(worked: Path, tmp_path: Path) -> None:
    path = tmp_path / "bow.geojson"
    ring = [[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]
    path.write_text(json.dumps({"type": "Polygon", "coordinates": [ring]}))
    refused(quaywatch("-w", worked, "check", path), 2, str(path), "Self-intersection", "Redraw the outline")


def test_a_misspelt_key_in_the_configuration(worked: Path) -> None:
    rewrite(worked / "config.toml", "outbox =", "outbux =")
    line = 1 + (worked / "config.toml").read_text("utf-8").splitlines().index('outbux = "mailbox"')
    for command in (["check", "simport"], ["poll"], ["run"], ["doctor"], ["alerts"]):
        done = quaywatch("-w", worked, *command)
        refused(done, 2, f"config.toml:{line}: unknown key 'mail.outbux'; did you mean 'outbox'?", "Correct")


def test_an_unknown_key_in_the_narrative(worked: Path) -> None:
    path = worked / "alerts" / "narrative" / "simulated.toml"
    rewrite(path, "\nsaid_by", "\nsayd_by")
    line = 1 + [text.split(" ")[0] for text in path.read_text("utf-8").splitlines()].index("sayd_by")
    for command in (["check", "simport"], ["claims"], ["run"]):
        done = quaywatch("-w", worked, *command)
        refused(done, 2, f"alerts/narrative/simulated.toml:{line}:", "unknown key 'sayd_by'", "Did you mean 'said_by'?")
    report = quaywatch("-w", worked, "doctor", "--json")
    assert report.code == 2
    assert [f["what"] for f in report.value if not f["fine"]] == ["narrative"]


@pytest.mark.parametrize("folder", ["var", "alerts/log", "alerts/evidence"])
def test_a_folder_that_cannot_be_written(folder: str, worked: Path) -> None:
    path = worked / folder
    kept = path.with_name("kept")
    if path.exists():
        path.rename(kept)
    path.write_text("a file")
    for command in (["check", "simport"], ["run"], ["looks", "simport"]):
        refused(quaywatch("-w", worked, *command), 2, f"cannot write in {path}", "A file stands where the folder")
    report = quaywatch("-w", worked, "doctor", "--json")
    assert report.code == 2
    assert str(path) in next(f["detail"] for f in report.value if not f["fine"])
    path.unlink()
    if kept.exists():
        kept.rename(path)
        assert len(quaywatch("-w", worked, "looks", "simport", "--json").value) == 109


@pytest.mark.parametrize("target", ["--report", "--plot", "init", "--keep"])
def test_a_target_that_cannot_be_written(target: str, worked: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    path = tmp_path / "file" / "below"
    command = {
        "--report": ["check", "simport", "--as-of", NOW],
        "--plot": ["series", "simport", "--zone", "berths", "--measure", "vessel_count"],
        "init": [],
        "--keep": ["demo"],
    }[target]
    refused(quaywatch("-w", worked, *command, target, path), 2, str(path))


def test_init_refuses_a_workspace(tmp_path: Path) -> None:
    quaywatch("init", tmp_path / "w")
    (tmp_path / "w" / "config.toml").write_text("# mine\n")
    refused(quaywatch("init", tmp_path / "w"), 2, f"{tmp_path / 'w'} is a workspace already")
    assert (tmp_path / "w" / "config.toml").read_text() == "# mine\n"


def test_demo_refuses_a_folder_that_holds_something(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("x")
    refused(quaywatch("demo", "--keep", tmp_path), 2, f"{tmp_path}: is not empty", "new folder")
    refused(quaywatch("demo", "--keep", tmp_path / "mine"), 2, f"{tmp_path / 'mine'}: cannot be made")
    assert (tmp_path / "mine").read_text() == "x"


def test_a_source_that_is_not_there(cold: Path) -> None:
    some_weeks(cold)
    before = content(cold)
    (cold / "imagery" / "items.json").rename(cold / "imagery" / "away.json")
    for command in (["check", "simport"], ["poll"], ["backfill", "--since", "2022-01-01"]):
        refused(quaywatch("-w", cold, *command), 3, f"{cold}/imagery/items.json: there is no such file", "Put GeoTIFFs")
    assert content(cold) == before
    report = quaywatch("-w", cold, "doctor", "--json")
    wrong = {f["what"]: f["detail"] for f in report.value if not f["fine"]}
    # and not: the AOIs lie outside of it
    assert list(wrong) == ["source folder:imagery", "notices"], "and the radar that has not come since"
    assert "there is no such file" in wrong["source folder:imagery"]


def test_a_catalogue_that_is_no_json(cold: Path) -> None:
    (cold / "imagery" / "items.json").write_text('{"type": "Feat')
    refused(quaywatch("-w", cold, "check", "simport"), 3, f"{cold}/imagery/items.json: cannot be read", "STAC")


def test_doctor_names_the_aois_that_no_source_covers(worked: Path) -> None:
    collection = json.loads((worked / "aois" / "simport.geojson").read_text("utf-8"))
    text = json.dumps(collection).replace("simport", "elsewhere")
    far = json.loads(text)
    for feature in far["features"]:
        feature["geometry"] = {"type": "Polygon", "coordinates": [[[10, 10], [10.1, 10], [10.1, 10.1], [10, 10]]]}
    (worked / "aois" / "elsewhere.geojson").write_text(json.dumps(far), "utf-8")
    report = quaywatch("-w", worked, "doctor", "--json")
    assert report.code == 2
    wrong = {f["what"]: f["detail"] for f in report.value if not f["fine"]}
    assert wrong == {"AOIs without any scene": "elsewhere: outside every source"}


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["check", "nowhere"], ["no AOI 'nowhere'", "There are: simport."]),
        (["poll", "nowhere"], ["no AOI 'nowhere'", "There are: simport."]),
        (["backfill", "nowhere", "--since", "2022-01-01"], ["no AOI 'nowhere'", "There are: simport."]),
        (["looks", "nowhere"], ["no AOI 'nowhere'", "There are: simport."]),
        (["series", "nowhere"], ["no AOI 'nowhere'", "There are: simport."]),
        (["aois", "nowhere"], ["no AOI 'nowhere'", "There are: simport."]),
        (["alerts", "nothing"], ["no incident and no AOI 'nothing'", "`quaywatch alerts` lists all"]),
        (["claims", "nothing"], ["no claim 'nothing'", "sim-surge"]),
        (["series", "simport", "--zone", "quay"], ["has no zone 'quay'", "berths"]),
        (["series", "simport", "--measure", "vessels"], ["no measure 'vessels'", "vessel_count"]),
        (["series", "simport", "--plot", "x.png"], ["--plot draws one series", "Add --zone and --measure"]),
        (["check", "no.geojson"], ["no.geojson: there is no such file", "GeoJSON"]),
        (["check", "30.5,north"], ["'30.5,north' is no", "130.285,42.2275"]),
        (["check", "200,10"], ["200.0, 10.0 is not a longitude and latitude", "longitude first"]),
        (["check", "-200,10"], ["-200.0, 10.0 is not a longitude and latitude", "longitude first"]),
        (["check", "nan,nan"], ["is not a longitude and latitude"]),
        (["check", "10,10", "--radius", "5"], ["a radius of 5 m", "50"]),
        (["check", "simport", "--since", "yesterday"], ["'yesterday' is not a date", "2025-10-01"]),
        (["check", "simport", "--as-of", "2022-02-30"], ["'2022-02-30' is not a date", "2025-10-01"]),
        (["backfill", "--since", "2022-13-01"], ["'2022-13-01' is not a date", "2025-10-01"]),
        (
            ["backfill", "--since", "2022-05-01", "--until", "2022-04-30"],
            ["--since 2022-05-01 is after --until 2022-04-30", "earlier day"],
        ),
        (["check", "simport", "--since", "2199-01-01"], ["--since 2199-01-01 is after now", "earlier day"]),
        (["demo", "--seed", "-1"], ["--seed", "greater than or equal to 0"]),
        (["backfill"], ["--since", "--help"]),
        (["chekc", "simport"], ["chekc", "check"]),
        (["check", "simport", "--raport", "x"], ["--raport", "--report"]),
    ],
)
def test_a_wrong_word_on_the_command_line(command: list[str], said: list[str], worked: Path) -> None:
    before = content(worked)
    done = quaywatch("-w", worked, *command)
    refused(done, 2, *said)
    assert done.out == ""
    assert content(worked) == before


def test_no_workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    refused(quaywatch("aois"), 2, f"no workspace: {tmp_path}", "quaywatch init")
    refused(quaywatch("-w", tmp_path / "away", "aois"), 2, f"{tmp_path / 'away'} is not a folder", "config.toml")


def damage(folder: Path, *, keep: int) -> Path:
    """Overwrites the database after its first `keep` bytes."""
    path = folder / "var" / "quaywatch.sqlite"
    for beside in ("-wal", "-shm"):
        path.with_name(path.name + beside).unlink(missing_ok=True)
    whole = path.read_bytes()
    path.write_bytes(whole[:keep] + os.urandom(len(whole) - keep))
    return path


@pytest.mark.parametrize("keep", [0, 6 * 4096])
def test_a_damaged_database(keep: int, worked: Path) -> None:
    path = damage(worked, keep=keep)
    for command in (["check", "simport"], ["looks", "simport"]):
        done = quaywatch("-w", worked, *command)
        refused(done, 2, f"{path}: the database cannot be used", "Move it away, or restore a backup")
    report = quaywatch("-w", worked, "doctor", "--json")
    assert report.code == 2
    assert str(path) in next(f["detail"] for f in report.value if not f["fine"])


def test_a_database_lost_is_made_again(worked: Path, template: Path) -> None:
    shutil.rmtree(worked / "var")
    assert quaywatch("-w", worked, "backfill", "--since", "2022-01-01", "--as-of", NOW).code == 0
    assert content(worked) == content(template)


def test_a_database_that_another_process_holds(worked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.store.BUSY_SECONDS", 0.1)
    with closing(sqlite3.connect(worked / "var" / "quaywatch.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        done = quaywatch("-w", worked, "looks", "simport")
        assert done.code == 2
        assert "database is locked" in done.err
        assert "Traceback" not in done.err


def test_debug_shows_where_it_happened(worked: Path) -> None:
    plain = process("-w", worked, "looks", "nowhere")
    refused(plain, 2, "no AOI 'nowhere'")
    loud = process("--debug", "-w", worked, "looks", "nowhere")
    assert "Traceback (most recent call last)" in loud.err
    assert "monitor/flow/desk.py" in loud.err
    assert "no AOI 'nowhere'" in loud.err


def test_an_unforeseen_error_is_told_and_is_no_alert(worked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.cli.views.headline", lambda _: 1 // 0)
    done = quaywatch("-w", worked, "check", "simport", "--as-of", NOW, "--exit-code")
    refused(done, 70, "ZeroDivisionError", "--debug")


def test_ctrl_c_says_that_nothing_is_lost(worked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("monitor.cli.views.headline", interrupted)
    done = quaywatch("-w", worked, "check", "simport", "--as-of", NOW)
    assert done.code == 130
    assert "what was recorded is kept" in done.err


def test_mail_that_cannot_be_written_is_told(cold: Path) -> None:
    (cold / "mailbox").write_text("a file")
    done = quaywatch("-w", cold, "check", "simport", "--as-of", NOW)
    assert done.code == 0
    assert str(cold / "mailbox") in done.err
    (cold / "mailbox").unlink()
    later = quaywatch("-w", cold, "poll", "--as-of", "2022-12-05", "--json").value[0]
    assert later["mails_sent"] >= 1
    assert list((cold / "mailbox").glob("*.eml"))
