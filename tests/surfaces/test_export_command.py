"""`quaywatch export`: every format of one simulated workspace, and what it refuses."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import geopandas
import pytest
from stix2validator import ValidationOptions, validate_string

from monitor.exports.formats import Format
from monitor.logbook import Logbook
from surfaces.conftest import Answer, content, process, quaywatch

AOI = "simport"
CLAIM = "sim-surge"
AOI_FILE = f"aois/{AOI}.geojson"


def exported(folder: Path, wanted: str, *options: str) -> str:
    """What goes to standard output."""
    done = quaywatch("-w", folder, "export", wanted, *options)
    assert done.code == 0, done.err
    return done.out


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def refused(done: Answer, *said: str) -> None:
    """Two lines at least, an exit code, and nothing on standard output."""
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("quaywatch: ")
    for word in said:
        assert word in done.err


def assess(folder: Path, outcome: str) -> None:
    """An assessment as the log holds it."""
    Logbook(folder / "alerts" / "log").append(
        {
            "id": f"assessment:{CLAIM}:1",
            "what": "assessment",
            "recorded": datetime(2022, 12, 1, tzinfo=UTC).isoformat(),
            "claim": CLAIM,
            "as_of": datetime(2022, 12, 1, tzinfo=UTC).isoformat(),
            "outcome": outcome,
            "likelihood": None,
            "confidence": "low",
            "expectations": [],
            "evidence": None,
        }
    )


@pytest.mark.parametrize("wanted", list(Format))
def test_writes_a_file_and_says_what_is_in_it(worked: Path, tmp_path: Path, wanted: Format) -> None:
    before = content(worked)
    target = tmp_path / f"out.{wanted}"
    done = quaywatch("-w", worked, "export", wanted, "--out", target)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"SIMULATED: {target}: 1 AOI, ")
    assert f"{len(before['looks'])} looks" in done.out
    assert target.stat().st_size > 1000
    assert content(worked) == before
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize("wanted", [f for f in Format if f.is_text])
def test_standard_output_holds_the_same_bytes(worked: Path, tmp_path: Path, wanted: Format) -> None:
    target = tmp_path / "out"
    assert quaywatch("-w", worked, "export", wanted, "--out", target).code == 0
    printed = process("-w", worked, "export", wanted, "--out", "-")
    assert printed.code == 0
    # only the moment at which it was made differs
    assert len(printed.out.replace("\r\n", "\n")) == len(target.read_text(encoding="utf-8"))


def test_every_measurement_is_a_row_of_the_table(worked: Path) -> None:
    series = quaywatch("-w", worked, "series", AOI, "--json").value
    table = rows(exported(worked, "csv"))
    assert [(r["look"], r["zone"], r["measure"]) for r in table] == [
        (s["look"], s["zone"], s["measure"]) for s in series
    ]
    for row, one in zip(table, series, strict=True):
        assert row["value"] == ("" if one["value"] is None else repr(one["value"]))
        assert row["reason"] == (one["reason"] or "")
        assert (row["value"] == "") == (row["reason"] != "")
        assert row["simulated"] == "true"
    assert any(r["z"] for r in table)


def test_the_same_rows_are_in_the_parquet_file(worked: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.parquet"
    assert quaywatch("-w", worked, "export", "parquet", "--out", target).code == 0
    read = geopandas.read_parquet(target)
    table = rows(exported(worked, "csv"))
    assert list(read["look"]) == [r["look"] for r in table]
    assert [None if v is geopandas.pd.NA else v for v in read["value"]] == [
        float(r["value"]) if r["value"] else None for r in table
    ]
    assert read.geometry.notna().all()


def test_zones_and_incidents_are_features(worked: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.geojson"
    assert quaywatch("-w", worked, "export", "geojson", "-o", target).code == 0
    read = geopandas.read_file(target)
    zones = quaywatch("-w", worked, "aois", AOI, "--json").value["zones"]
    incidents = quaywatch("-w", worked, "alerts", "list", "--all", "--json").value
    assert (read["feature"] == "zone").sum() == len(zones)
    assert set(read[read["feature"] == "incident"]["id"]) == {i["id"] for i in incidents}
    assert len(incidents) > 0


def test_usable_looks_are_items(worked: Path) -> None:
    made = json.loads(exported(worked, "stac"))
    looks = quaywatch("-w", worked, "looks", AOI, "--json").value
    usable = [k for k in looks if k["reason"] is None]
    assert [f["properties"]["quaywatch:look"] for f in made["features"]] == [k["id"] for k in usable]
    (told,) = made["quaywatch:places"]
    assert told["usable_looks"] == len(usable) < len(looks)
    assert sum(told["unusable_looks"].values()) == len(looks) - len(usable)


class TestStix:
    def objects(self, text: str, kind: str) -> list[dict[str, Any]]:
        return [o for o in json.loads(text)["objects"] if o["type"] == kind]

    def test_is_valid_and_the_same_each_time(self, worked: Path) -> None:
        assess(worked, "contradicted")
        text = exported(worked, "stix")
        options = ValidationOptions(version="2.1", strict=True, enforce_refs=True, disabled="uuid-check")
        assert [str(e) for e in validate_string(text, options).errors] == []
        assert exported(worked, "stix") == text

    def test_the_surge_is_a_sighting_of_the_claim(self, worked: Path) -> None:
        text = exported(worked, "stix")
        (claim,) = self.objects(text, "x-quaywatch-claim")
        assert claim["name"] == CLAIM
        sightings = self.objects(text, "sighting")
        assert {s["sighting_of_ref"] for s in sightings} == {claim["id"]}
        assert self.objects(text, "opinion") == []

    @pytest.mark.parametrize(("outcome", "opinions"), [("contradicted", ["disagree"]), ("not observable", [])])
    def test_the_log_holds_the_opinions(self, worked: Path, outcome: str, opinions: list[str]) -> None:
        assess(worked, outcome)
        assert [o["opinion"] for o in self.objects(exported(worked, "stix"), "opinion")] == opinions

    def test_an_assessment_after_the_last_day_is_not_known(self, worked: Path) -> None:
        assess(worked, "contradicted")
        assert self.objects(exported(worked, "stix", "--until", "2022-11-29"), "opinion") == []


def test_the_last_day_is_part_of_the_period(worked: Path) -> None:
    every = rows(exported(worked, "csv"))
    day = every[len(every) // 2]["start_utc"][:10]
    wanted = [r["look"] for r in every if r["start_utc"][:10] == day]
    assert [r["look"] for r in rows(exported(worked, "csv", "--since", day, "--until", day))] == wanted
    before, after = rows(exported(worked, "csv", "--until", day)), rows(exported(worked, "csv", "--since", day))
    assert len(before) + len(after) == len(every) + len(wanted)


def test_scores_do_not_depend_on_the_period(worked: Path) -> None:
    every = {(r["look"], r["zone"], r["measure"]): r["z"] for r in rows(exported(worked, "csv"))}
    late = rows(exported(worked, "csv", "--since", "2022-10-01"))
    assert {(r["look"], r["zone"], r["measure"]): r["z"] for r in late}.items() <= every.items()


@pytest.mark.parametrize("wanted", [f for f in Format if f.is_text])
def test_a_period_without_looks_is_no_error(worked: Path, wanted: Format) -> None:
    text = exported(worked, wanted, "--since", "1990-01-01", "--until", "1990-12-31")
    assert "1990-" not in text or wanted is Format.CSV
    assert AOI in text or wanted is Format.CSV


def test_one_aoi_may_be_named_twice(worked: Path) -> None:
    assert len(rows(exported(worked, "csv", AOI, AOI))) == len(rows(exported(worked, "csv")))


class TestRefuses:
    def test_an_unknown_aoi(self, worked: Path, tmp_path: Path) -> None:
        done = quaywatch("-w", worked, "export", "csv", "atlantis", "--out", tmp_path / "out.csv")
        refused(done, "no AOI 'atlantis'", AOI)
        assert not (tmp_path / "out.csv").exists()

    def test_to_replace_a_file_unless_told_to(self, worked: Path, tmp_path: Path) -> None:
        target = tmp_path / "out.csv"
        target.write_text("mine")
        refused(quaywatch("-w", worked, "export", "csv", "--out", target), "is there already", "--force")
        assert target.read_text() == "mine"
        assert quaywatch("-w", worked, "export", "csv", "--out", target, "--force").code == 0
        assert target.read_text().startswith("aoi,zone,measure")

    def test_what_is_not_text_on_standard_output(self, worked: Path) -> None:
        refused(quaywatch("-w", worked, "export", "parquet", "--out", "-"), "not text", "--out quaywatch.parquet")

    def test_a_format_that_there_is_not(self, worked: Path) -> None:
        done = quaywatch("-w", worked, "export", "xlsx")
        assert done.code == 2
        assert "geojson" in done.err

    def test_days_the_wrong_way_round(self, worked: Path) -> None:
        refused(quaywatch("-w", worked, "export", "csv", "--since", "2022-06-02", "--until", "2022-06-01"), "--since")

    def test_a_workspace_without_aois(self, worked: Path) -> None:
        (worked / AOI_FILE).unlink()
        (worked / "alerts" / "narrative").rename(worked / "alerts" / "aside")
        refused(quaywatch("-w", worked, "export", "geojson"), "no AOI in")

    def test_a_folder_that_is_not_there(self, worked: Path, tmp_path: Path) -> None:
        refused(quaywatch("-w", worked, "export", "csv", "--out", tmp_path / "no" / "out.csv"), "cannot be written")


def test_a_hostile_name_of_an_aoi_stays_text(worked: Path) -> None:
    path = worked / AOI_FILE
    data = json.loads(path.read_text(encoding="utf-8"))
    aoi = next(f for f in data["features"] if f["properties"]["feature_type"] == "aoi")
    aoi["properties"]["name"] = "=cmd|' /C calc'!A0\n<script>\u202e\0\ud800</script>"
    path.write_text(json.dumps(data), encoding="utf-8")
    for wanted in (Format.GEOJSON, Format.STAC, Format.STIX):
        text = exported(worked, wanted)
        text.encode()
        assert "\u202e" not in text
        assert "\\u0000" not in text
        assert "=cmd|' /C calc'!A0 <script> </script>" in json.dumps(json.loads(text))


def test_no_secret_of_a_catalogue_is_passed_on(worked: Path) -> None:
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(worked / "var" / "quaywatch.sqlite")) as database:
        for identity, item in database.execute("SELECT id, item FROM scenes").fetchall():
            value = json.loads(item)
            value["links"] = [
                {"rel": "self", "href": f"https://me:hush@stac.example.org/items/{identity}?sig=hush&expires=1"},
                {"rel": "self", "href": "javascript:hush()"},
                {"rel": "self", "href": "/home/hush/items.json"},
                {"rel": "self", "href": 7},
                "hush",
            ]
            database.execute("UPDATE scenes SET item = ? WHERE id = ?", (json.dumps(value), identity))
        database.commit()
    made = json.loads(exported(worked, "stac"))
    for item in made["features"]:
        scenes = item["properties"]["quaywatch:scenes"]
        assert {k["href"] for k in item["links"]} == {f"https://stac.example.org/items/{s}" for s in scenes}
    for wanted in (f for f in Format if f.is_text):
        assert "hush" not in exported(worked, wanted)
