"""Bundles of evidence: what an alert rests on, gathered from a simulated workspace, and computed again alone."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from flow.conftest import MANY, SCENARIO, Archive, Quick
from flow.test_desk import build
from monitor import evidence, workspace
from monitor.alert import Change, Incident, Kind, State
from monitor.aoi import Aoi, from_features
from monitor.errors import WorkspaceError
from monitor.evidence import Bundle, BundleKind
from monitor.flow import bundles, derive, replay
from monitor.flow.bundles import alert_bundle
from monitor.flow.desk import Desk, opened
from monitor.flow.replay import Replayed
from monitor.flow.story import Eyes, typical_pair
from monitor.site import site

SECRET = "hunter2"
SIGNED = f"https://user:{SECRET}@example.org/x.tif?X-Amz-Signature={SECRET}"
MADE = SCENARIO.end + timedelta(hours=1)
BLIND = SCENARIO.end + timedelta(days=200)


def archived(files: Mapping[str, bytes]) -> bytes:
    """A compressed ZIP archive."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in files.items():
            file.writestr(name, content)
    return made.getvalue()


def signed(item: Mapping[str, Any]) -> dict[str, Any]:
    """The item as a catalogue gives it that signs its addresses."""
    return {**item, "links": [{"rel": "self", "href": SIGNED}]}


@pytest.fixture(scope="module")
def worked(archive: Archive, corner: Aoi, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """The corner after one poll, and after a time without any look; with addresses that hold secrets."""
    folder = tmp_path_factory.mktemp("bundles")
    archive.part(folder / "imagery", [signed(i) for i in archive.items])
    root = build(folder / "w", folder / "imagery", corner)
    with opened(workspace.find(root, {}), {}) as whole:
        desk = Quick(whole.workspace, whole.environ, whole.store)
        for as_of in (SCENARIO.end, BLIND):
            desk.poll(desk.aois["simport"], SCENARIO.interval, as_of=as_of)
        yield desk


def steps(desk: Desk) -> list[Change]:
    with desk.store.transaction() as tx:
        return [change for change, _ in tx.changes()]


def made(desk: Desk, change: Change, aoi: Aoi | None = None) -> Bundle:
    aoi = aoi or desk.aois["simport"]
    eyes = Eyes(store=desk.store, imagery=desk.imagery, site=site(aoi), as_of=MADE)
    return alert_bundle(change, replace(desk.chronicle(desk.aois["simport"]), aoi=aoi), eyes, made_at=BLIND)


@pytest.fixture(scope="module")
def step(worked: Desk) -> Change:
    """A step of a lasting change of the berths, the series of which still shows it."""
    told = worked.chronicle(worked.aois["simport"])
    return next(
        c
        for c in reversed(steps(worked))
        if c.incident.kind.lasting
        and c.new is not State.RETRACTED
        and c.incident.measure == "vessel_count"
        and typical_pair(told, c.incident)
    )


@pytest.fixture(scope="module")
def bundle(worked: Desk, step: Change) -> Bundle:
    return made(worked, step)


def replayed(bundle: Bundle, folder: Path) -> Replayed:
    evidence.write(folder, bundle)
    return replay.replay(evidence.folder_of(folder, bundle.id))


def value(bundle: Bundle, name: str) -> Any:
    return json.loads(bundle.files[name])


def changed(bundle: Bundle, name: str, change: Callable[[Any], None]) -> Bundle:
    """The bundle as a forger would seal it again."""
    content = value(bundle, name)
    change(content)
    return replace(bundle, files={**bundle.files, name: json.dumps(content).encode()})


# what is in it


def test_a_bundle_holds_everything_that_the_alert_rests_on(worked: Desk, step: Change, bundle: Bundle) -> None:
    first, second = typical_pair(worked.chronicle(worked.aois["simport"]), step.incident) or pytest.fail("no pair")
    assert (bundle.kind, bundle.id) == (BundleKind.ALERT, step.id)
    expected = {
        "README.txt",
        "aoi.geojson",
        "found.json",
        "incident.json",
        "looks.json",
        "measured.json",
        "parameters.json",
        "pictures/before_after.png",
        "pictures/difference.png",
        "pictures/series.png",
        "recorded.json",
        "series.csv",
        "series.json",
        f"state/{first.track.id}.bin",
        *(f"pixels/{look.id}.{end}" for look in (first, second) for end in ("tif", "json")),
        *(f"items/{look}.json" for look in {*step.incident.looks, first.id, second.id}),
    }
    assert set(bundle.files) == expected


def test_the_pixels_are_those_of_the_archive_and_their_hash_is_among_the_looks(worked: Desk, bundle: Bundle) -> None:
    looks = {look["id"]: look for look in value(bundle, "looks.json")["looks"]}
    pixels = [n for n in bundle.files if n.startswith("pixels/") and n.endswith(".tif")]
    assert len(pixels) == 2
    kept = {e.look: e.path.read_bytes() for e in worked.archive.entries()}
    for name in pixels:
        look = Path(name).stem
        assert bundle.files[name] == kept[look]
        assert looks[look]["archived_sha256"] == [hashlib.sha256(kept[look]).hexdigest()]


def test_looks_that_could_not_be_used_are_there_with_their_reason(worked: Desk, bundle: Bundle) -> None:
    told = worked.chronicle(worked.aois["simport"])
    looks = value(bundle, "looks.json")["looks"]
    assert [x["id"] for x in looks] == [look.id for look in told.looks]
    unusable = {x["id"]: x["reason"] for x in looks if x["reason"]}
    assert unusable == {look.id: str(look.reason) for look in told.looks if look.reason}
    assert unusable


def test_the_series_is_what_was_judged_in_both_its_forms(worked: Desk, step: Change, bundle: Bundle) -> None:
    with worked.store.transaction() as tx:
        points = tx.points("simport")[step.incident.zone, step.incident.measure]
    assert value(bundle, "series.json")["points"] == evidence.plain(points)
    rows = list(csv.DictReader(io.StringIO(bundle.files["series.csv"].decode())))
    assert [(r["look"], float(r["value"])) for r in rows] == [(p.look, p.value) for p in points]
    assert [float(r["z"]) for r in rows] == [s["z"] for s in value(bundle, "found.json")["scores"]]


def test_no_secret_of_an_address_is_in_any_file(worked: Desk, bundle: Bundle) -> None:
    with worked.store.transaction() as tx:
        assert SECRET in json.dumps(tx.some_items("simport"))
    assert [n for n, content in bundle.files.items() if SECRET.encode() in content] == []
    items = [value(bundle, n) for n in bundle.files if n.startswith("items/")]
    assert {i["item"]["links"][0]["href"] for item in items for i in item} == {"https://example.org/x.tif"}


def test_the_area_is_drawn_as_it_was(worked: Desk, bundle: Bundle) -> None:
    aoi = worked.aois["simport"]
    again = from_features(value(bundle, "aoi.geojson"), "aoi.geojson")
    assert again.grid() == aoi.grid()
    assert (again.id, again.name, again.outline) == (aoi.id, aoi.name, aoi.outline)
    assert [(z.name, z.kind, z.surface, z.outline) for z in again.zones] == [
        (z.name, z.kind, z.surface, z.outline) for z in aoi.zones
    ]


def test_the_pictures_are_pictures_and_say_simulated(bundle: Bundle) -> None:
    pictures = {n: c for n, c in bundle.files.items() if n.endswith(".png")}
    assert len(pictures) == 3
    for content in pictures.values():
        Image.open(io.BytesIO(content)).verify()
        band = Image.open(io.BytesIO(content)).convert("RGB").getpixel((5, 5))
        assert band == pytest.approx((0xB3, 0x47, 0x00), abs=8)


def test_the_readme_says_what_it_is_what_it_does_not_show_and_how_it_is_checked(step: Change, bundle: Bundle) -> None:
    text = bundle.files["README.txt"].decode()
    for said in (step.id, "SIMULATED", "What it does not show", "quaywatch verify", "quaywatch replay", "Attribution"):
        assert said in text
    named = [n for n in bundle.files if "/" not in n and n != "README.txt"]
    assert [n for n in named if f"- {n}: " not in text] == []


def test_a_step_of_every_kind_and_state_has_its_bundle(worked: Desk, tmp_path: Path) -> None:
    kinds, unlike = set(), {(c.incident.kind, c.incident.measure, c.new): c for c in steps(worked)}
    for change in unlike.values():
        again = replayed(made(worked, change), tmp_path)
        assert again.differences == ()
        assert again.identical
        kinds.add(change.incident.kind)
    assert Kind.BLIND in kinds
    assert kinds & {Kind.SURGE, Kind.LULL}


# what cannot be had


def test_a_time_without_a_look_has_looks_and_no_pictures(worked: Desk, tmp_path: Path) -> None:
    change = next(c for c in steps(worked) if c.incident.kind is Kind.BLIND)
    blind = made(worked, change)
    assert set(blind.files) == {
        "README.txt",
        "aoi.geojson",
        "found.json",
        "incident.json",
        "looks.json",
        "parameters.json",
    }
    assert "nothing is known about this time" in blind.files["README.txt"].decode()
    assert replayed(blind, tmp_path / "whole").identical

    def seen_later(looks: Any) -> None:
        last = max((x for x in looks["looks"] if not x["reason"]), key=lambda x: x["start"])
        last["start"] = (BLIND - timedelta(days=1)).isoformat()

    assert not replayed(changed(blind, "looks.json", seen_later), tmp_path / "forged").identical


def test_pixels_that_are_gone_are_named_and_the_rest_is_there(worked: Desk, step: Change, tmp_path: Path) -> None:
    root = tmp_path / "w"
    shutil.copytree(worked.workspace.root, root)
    shutil.rmtree(root / "var" / "archive")
    (root / "config.toml").write_text(
        f'[[sources]]\nkind = "folder"\npath = "gone"\n[alerts]\nfalse_alarms_per_aoi_year = {MANY}\n'
    )
    (root / "gone").mkdir()
    (root / "gone" / "items.json").write_text('{"type": "FeatureCollection", "features": []}')
    with opened(workspace.find(root, {}), {}) as desk:
        poor = made(desk, step)
    assert {n.split("/")[0] for n in poor.files} >= {"missing.json", "series.json", "found.json", "pictures"}
    assert [n for n in poor.files if n.startswith(("pixels", "state", "measured"))] == []
    (what,) = value(poor, "missing.json")
    assert what in poor.files["README.txt"].decode()
    again = replayed(poor, tmp_path / "e")
    assert again.identical
    assert any(what in r for r in again.remarks)


def test_an_alert_of_a_zone_that_is_gone_has_a_bundle(worked: Desk, step: Change, tmp_path: Path) -> None:
    aoi = worked.aois["simport"]
    less = replace(aoi, zones=tuple(z for z in aoi.zones if z.name != step.incident.zone))
    poor = made(worked, step, less)
    assert "pictures" in value(poor, "missing.json")
    again = replayed(poor, tmp_path)
    assert again.differences == ()
    assert any("did not show" in r for r in again.remarks)


# computed again

ALONE = """
import json, os, sys
bundle, forbidden = sys.argv[1:]
def watch(event, args):
    if event.startswith("socket.") and event != "socket.__new__":
        raise RuntimeError(f"network: {event} {args}")
    if event == "open" and str(args[0]).startswith(forbidden):
        raise RuntimeError(f"workspace: {args[0]}")
sys.addaudithook(watch)
from pathlib import Path
from monitor import evidence
from monitor.flow import replay
found = replay.replay(Path(bundle))
differences = [str(d) for d in found.differences]
print(json.dumps([found.identical, found.compared, differences, evidence.verify(Path(bundle)) == []]))
"""


def test_a_copy_elsewhere_is_verified_and_replayed_without_workspace_home_or_network(
    worked: Desk, bundle: Bundle, tmp_path: Path
) -> None:
    evidence.write(tmp_path / "evidence", bundle)
    copy = tmp_path / "elsewhere" / "copied under another name"
    shutil.copytree(evidence.folder_of(tmp_path / "evidence", bundle.id), copy)
    (tmp_path / "home").mkdir()
    root = Path(__file__).parent.parent.parent
    done = subprocess.run(
        [sys.executable, "-c", ALONE, str(copy), str(worked.workspace.root.parent)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path / "home",
        env={"HOME": str(tmp_path / "home"), "PATH": os.environ["PATH"], "PYTHONPATH": str(root)},
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    identical, compared, differences, whole = json.loads(done.stdout)
    assert (identical, differences, whole) == (True, [], True)
    assert compared > 500


def test_a_changed_byte_is_told_before_anything_is_computed(bundle: Bundle, tmp_path: Path) -> None:
    evidence.write(tmp_path, bundle)
    folder = evidence.folder_of(tmp_path, bundle.id)
    content = bytearray((folder / "series.json").read_bytes())
    content[200] ^= 1
    (folder / "series.json").write_bytes(bytes(content))
    with pytest.raises(WorkspaceError, match=r"series\.json: changed"):
        replay.replay(folder)


def one_more(points: Any) -> None:
    points["points"][-1]["value"] += 1


def last_bit(found: Any) -> None:
    found["scores"][-1]["z"] += 1e-15


def other_mean(told: Any) -> None:
    told["incident"]["mean"] += 1


def not_found(told: Any) -> None:
    told["found"] = None


def other_measure(measured: Any) -> None:
    look = next(iter(measured.values()))
    next(m for m in look["measurements"] if m["value"] is not None)["value"] += 0.5


def other_vessel(measured: Any) -> None:
    next(look for look in measured.values() if look["vessels"])["vessels"][0]["length_m"] += 1


def larger_budget(parameters: Any) -> None:
    parameters["false_alarms_a_year"] *= 2


@pytest.mark.parametrize(
    ("name", "change", "what"),
    [
        ("series.json", one_more, "found.json.scores["),
        ("found.json", last_bit, "found.json.scores["),
        ("incident.json", other_mean, "incident.json.incident.mean"),
        ("incident.json", not_found, "incident.json.found"),
        ("measured.json", other_measure, "measured.json."),
        ("measured.json", other_vessel, ".vessels[0].length_m"),
        ("parameters.json", larger_budget, "found.json.rule.threshold"),
    ],
)
def test_a_number_that_was_forged_and_sealed_again_is_named(
    bundle: Bundle, tmp_path: Path, name: str, change: Any, what: str
) -> None:
    forged = changed(bundle, name, change)
    assert forged.files[name] != bundle.files[name]
    found = replayed(forged, tmp_path)
    assert not found.identical
    assert [d for d in found.differences if what in d.what]


def test_pixels_that_were_exchanged_and_sealed_again_give_other_numbers(bundle: Bundle, tmp_path: Path) -> None:
    one, other = (n for n in bundle.files if n.startswith("pixels/") and n.endswith(".tif"))
    swapped = {**bundle.files, one: bundle.files[other], other: bundle.files[one]}
    found = replayed(replace(bundle, files=swapped), tmp_path)
    assert {d.what.split(".")[0] for d in found.differences} == {"measured"}


def test_the_pixels_of_another_look_are_refused(bundle: Bundle, tmp_path: Path) -> None:
    one, other = (n for n in bundle.files if n.startswith("pixels/") and n.endswith(".json"))
    with pytest.raises(WorkspaceError, match="the pixels of"):
        replayed(replace(bundle, files={**bundle.files, one: bundle.files[other]}), tmp_path)


def test_it_is_said_first_if_the_versions_are_others(bundle: Bundle, tmp_path: Path) -> None:
    def older(parameters: Any) -> None:
        parameters["recipes"] |= {"vessel_count": "vessel_count/1", "gone": "gone/3"}
        parameters["software"]["numpy"] = "1.0"

    assert replayed(bundle, tmp_path / "same").remarks == ()
    old = replace(changed(bundle, "parameters.json", older), version="0.0.9")
    first, second, third, fourth = replayed(old, tmp_path / "old").remarks
    assert "made with quaywatch 0.0.9" in first
    assert "vessel_count/1; here it is vessel_count/3" in second
    assert "gone/3; here it is not known any more" in third
    assert "numpy 1.0" in fourth


def test_what_a_hostile_bundle_says_is_printed_on_one_clean_line(bundle: Bundle, tmp_path: Path) -> None:
    def painted(parameters: Any) -> None:
        parameters["recipes"] = {"x": "\x1b[2J\nall is well\u202e"}

    def shouted(found: Any) -> None:
        found["rule"] = {"\x1b[31m\n": "\r\x1b[2J"}

    forged = changed(changed(bundle, "parameters.json", painted), "found.json", shouted)
    again = replayed(forged, tmp_path)
    lines = [*again.remarks, *map(str, again.differences)]
    assert [line for line in lines if not line.isprintable()] == []
    assert [line for line in lines if "[2J" in line]


def test_rounding_is_told_from_change(bundle: Bundle, tmp_path: Path) -> None:
    assert replayed(changed(bundle, "found.json", last_bit), tmp_path / "rounded").only_rounding
    assert not replayed(changed(bundle, "measured.json", other_measure), tmp_path / "other").only_rounding
    assert not replayed(bundle, tmp_path / "same").only_rounding


def bare(_: Bundle) -> dict[str, bytes]:
    return {"README.txt": b"nothing else"}


def without(name: str) -> Callable[[Bundle], dict[str, bytes]]:
    return lambda b: {n: c for n, c in b.files.items() if n != name}


def with_(name: str, content: bytes) -> Callable[[Bundle], dict[str, bytes]]:
    return lambda b: {**b.files, name: content}


def with_state(content: bytes) -> Callable[[Bundle], dict[str, bytes]]:
    return lambda b: {**b.files, value(b, "parameters.json")["state"]: content}


@pytest.mark.parametrize(
    "files",
    [
        bare,
        without("series.json"),
        without("found.json"),
        with_("series.json", b"[" * 100_000),
        with_("series.json", b'{"points": 5}'),
        with_("parameters.json", b"null"),
        with_("aoi.geojson", b"{}"),
        with_state(b"no state"),
        with_state(zlib.compress(b"no archive")),
        with_state(zlib.compress(archived({"nothing.npy": b"of use"}))),
    ],
)
def test_what_is_no_bundle_of_an_alert_ends_in_one_clear_error(
    bundle: Bundle, tmp_path: Path, files: Callable[[Bundle], dict[str, bytes]]
) -> None:
    with pytest.raises(WorkspaceError, match="cannot be replayed"):
        replayed(replace(bundle, files=files(bundle)), tmp_path)


@pytest.mark.parametrize(
    "bomb", [zlib.compress(bytes(50_000_000)), zlib.compress(archived({"a.npy": bytes(50_000_000)}))]
)
def test_a_state_that_would_fill_the_memory_is_refused(bundle: Bundle, tmp_path: Path, bomb: bytes) -> None:
    assert len(bomb) < 60_000
    with pytest.raises(WorkspaceError, match="larger than any"):
        replayed(replace(bundle, files=with_state(bomb)(bundle)), tmp_path)


def test_a_kind_that_nobody_replays_is_told(bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "REPLAYS", {})
    with pytest.raises(WorkspaceError, match="cannot be replayed"):
        replayed(bundle, tmp_path)


# the incident as it was told


def test_numbers_that_changed_since_the_step_are_named_and_no_difference(
    worked: Desk, step: Change, tmp_path: Path
) -> None:
    earlier = replace(step, incident=replace(step.incident, mean=step.incident.mean + 1))
    bundle = made(worked, earlier)
    assert value(bundle, "incident.json")["moved_on"] == ["mean"]
    assert "newer code" in bundle.files["README.txt"].decode()
    again = replayed(bundle, tmp_path)
    assert again.identical
    assert any("mean" in r for r in again.remarks)


def test_the_incident_is_found_among_those_of_its_series(worked: Desk, step: Change, bundle: Bundle) -> None:
    told = value(bundle, "incident.json")
    with worked.store.transaction() as tx:
        points = tx.points("simport")
    key = step.incident.zone, step.incident.measure
    followed = derive.follow(worked.aois["simport"], {key: points[key]}, worked.budget)[key]
    found: Incident = followed.incidents[told["found"]]
    assert (found.onset, found.raised, found.mean) == (step.incident.onset, step.incident.raised, step.incident.mean)
    assert told["moved_on"] == []
    assert evidence.plain(list(followed.incidents)) == value(bundle, "found.json")["incidents"]


def test_text_of_a_catalogue_is_no_formula_in_a_table() -> None:
    assert bundles._cell("=cmd()\n") == "'=cmd()"
    assert bundles._cell("sentinel-1a") == "sentinel-1a"
