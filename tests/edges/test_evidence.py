"""Evidence on disk: written whole or not at all, never replaced, and every byte that is not as it was is named."""

from __future__ import annotations

import hashlib
import json
import math
import os
import resource
import shutil
import struct
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor import evidence
from monitor.alert import Interval90, Kind
from monitor.errors import WorkspaceError
from monitor.evidence import Bundle, BundleKind, Fault
from monitor.sealed import seal, unseal

AT = datetime(2024, 10, 4, 9, 20, 0, 123, tzinfo=UTC)
FILES = {
    "parameters.json": b'{"budget": 1.0}\n',
    "pictures/before_after.png": b"\x89PNG" + bytes(300),
    "pixels/20241004T092000-s1-087a-vv.tif": bytes(range(256)),
    "empty.txt": b"",
}
PART = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._~-]{0,20}", fullmatch=True)
NAMES = st.lists(PART, min_size=1, max_size=4).map("/".join)
HOSTILE = [
    "../secret.txt",
    "/etc/passwd",
    "a/../../secret.txt",
    "a/./b",
    "a//b",
    "a\\b",
    "",
    "a/",
    ".hidden",
    "nul\0",
    "line\nbreak",
    "a/b/c/d/e",
    "C:x",
    "Manifest.JSON",
    "x" * 200,
]


def bundle(
    files: Mapping[str, bytes] = FILES, identity: str = "rajin.berths.vessel_count.surge.20241004:confirmed"
) -> Bundle:
    return Bundle(kind=BundleKind.ALERT, id=identity, made_at=AT, version="1.2.3", files=files)


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """The folder of a bundle that was just written."""
    evidence.write(tmp_path / "evidence", bundle())
    return evidence.folder_of(tmp_path / "evidence", bundle().id)


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same for tests with many examples, which leave it as it was."""
    folder = tmp_path_factory.mktemp("once")
    evidence.write(folder, bundle())
    return evidence.folder_of(folder, bundle().id)


def faults(folder: Path, expected: str | None = None) -> list[tuple[str, Fault]]:
    return [(f.file, f.fault) for f in evidence.verify(folder, expected)]


def resealed(folder: Path, **changes: Any) -> None:
    """A manifest that says something else, and holds."""
    record = unseal((folder / evidence.MANIFEST).read_bytes())
    del record["seal"]
    (folder / evidence.MANIFEST).write_bytes(seal({**record, **changes}))


# writing and reading


def distinct(files: Mapping[str, bytes]) -> bool:
    """No name is that of a folder of another, nor another one in other letters."""
    names = sorted(n.lower() for n in files)
    return len(set(names)) == len(names) and not any(o.startswith(f"{n}/") for n in names for o in names)


@given(files=st.dictionaries(NAMES, st.binary(max_size=200), min_size=1, max_size=5).filter(distinct))
def test_what_was_written_is_read_byte_for_byte_also_after_a_copy(files: Mapping[str, bytes]) -> None:
    if any(n.lower() == evidence.MANIFEST for n in files):
        return
    made = bundle(files)
    with tempfile.TemporaryDirectory() as folder:
        digest = evidence.write(Path(folder) / "one", made)
        elsewhere = Path(folder) / "elsewhere"
        shutil.copytree(evidence.folder_of(Path(folder) / "one", made.id), elsewhere)
        assert evidence.verify(elsewhere, digest) == []
        assert digest == hashlib.sha256((elsewhere / evidence.MANIFEST).read_bytes()).hexdigest()
        read = evidence.read(elsewhere)
    assert (read.kind, read.id, read.made_at, read.version, read.files) == (
        made.kind,
        made.id,
        made.made_at,
        made.version,
        made.files,
    )


def test_writing_again_changes_nothing_not_even_what_is_new(kept: Path) -> None:
    before = {p: p.stat().st_mtime_ns for p in kept.rglob("*")}
    first = evidence.manifest_sha256(kept)
    assert evidence.write(kept.parent, bundle()) == first
    assert evidence.write(kept.parent, replace(bundle({"other.txt": b"new"}), version="2")) == first
    assert {p: p.stat().st_mtime_ns for p in kept.rglob("*")} == before


def test_damaged_evidence_is_neither_replaced_nor_taken_for_whole(kept: Path) -> None:
    (kept / "parameters.json").write_bytes(b'{"budget": 9.0}\n')
    with pytest.raises(WorkspaceError, match=r"parameters\.json: changed"):
        evidence.write(kept.parent, bundle())
    assert (kept / "parameters.json").read_bytes() == b'{"budget": 9.0}\n'


def test_a_folder_that_holds_other_evidence_is_not_taken_for_it(kept: Path) -> None:
    resealed(kept, id="another")
    with pytest.raises(WorkspaceError, match="something else"):
        evidence.write(kept.parent, bundle())


def test_many_who_write_at_once_leave_one_whole_bundle(tmp_path: Path) -> None:
    many = [replace(bundle(), version=str(n)) for n in range(8)]
    with ThreadPoolExecutor(8) as pool:
        digests = set(pool.map(lambda b: evidence.write(tmp_path, b), many))
    assert digests == {evidence.manifest_sha256(evidence.folder_of(tmp_path, bundle().id))}
    assert sorted(p.name for p in tmp_path.iterdir()) == [".lock", evidence.name_of(bundle().id)]


def test_a_full_disk_leaves_nothing_half_written(tmp_path: Path) -> None:
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, usual[1]))
    try:
        with pytest.raises(WorkspaceError, match="cannot be written"):
            evidence.write(tmp_path, bundle({**FILES, "pixels/z.tif": bytes(5000)}))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
    assert [p.name for p in tmp_path.iterdir()] == [".lock"]


def test_what_a_crash_left_is_swept_and_counts_for_nothing(tmp_path: Path) -> None:
    part = tmp_path / f".{evidence.name_of(bundle().id)}.part"
    (part / "pixels").mkdir(parents=True)
    (part / "pixels" / "half.tif").write_bytes(b"half")
    assert evidence.find(tmp_path, bundle().id) == []
    evidence.write(tmp_path, bundle())
    assert not part.exists()
    assert evidence.read(evidence.folder_of(tmp_path, bundle().id)).files == FILES


def test_a_file_in_place_of_the_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "evidence").write_text("")
    with pytest.raises(WorkspaceError, match="cannot be written"):
        evidence.write(tmp_path / "evidence", bundle())


# finding it again


def test_the_bundles_of_an_incident_are_found_in_order_of_their_making(tmp_path: Path) -> None:
    steps = {"retracted": 3, "provisional": 1, "confirmed": 2}
    for state, month in steps.items():
        evidence.write(
            tmp_path, replace(bundle(identity=f"a.b.surge.20240101:{state}"), made_at=AT.replace(month=month))
        )
    evidence.write(tmp_path, bundle(identity="a.b.surge.20240101.2:provisional"))
    ids = [evidence.read(p).id for p in evidence.find(tmp_path, "a.b.surge.20240101")]
    assert ids == [f"a.b.surge.20240101:{s}" for s in ("provisional", "confirmed", "retracted")]
    (one,) = evidence.find(tmp_path, "a.b.surge.20240101:confirmed")
    assert evidence.read(one).id == "a.b.surge.20240101:confirmed"
    assert evidence.find(tmp_path, "a.b") == []


@given(st.lists(st.text(min_size=1), min_size=2, max_size=8, unique=True))
def test_any_id_has_a_folder_of_its_own_inside(ids: list[str]) -> None:
    names = [evidence.name_of(i) for i in ids]
    assert len(set(names)) == len(ids)
    assert all(evidence.is_harmless(n) for n in names)


@pytest.mark.parametrize("identity", ["../../etc", "a/b", "..", "<script>", "x" * 500, "a::b", "\ud800"])
def test_a_hostile_id_stays_in_the_folder(tmp_path: Path, identity: str) -> None:
    evidence.write(tmp_path / "evidence", bundle(identity=identity))
    (folder,) = evidence.find(tmp_path / "evidence", identity)
    assert folder.parent == tmp_path / "evidence"
    assert evidence.read(folder).id == identity
    assert [p.name for p in tmp_path.iterdir()] == ["evidence"]


# tampering


@given(
    name=st.sampled_from([n for n in FILES if FILES[n]] + [evidence.MANIFEST]),
    place=st.integers(0, 10**6),
    flip=st.integers(1, 255),
)
def test_any_byte_that_is_changed_in_any_file_is_found_and_named(once: Path, name: str, place: int, flip: int) -> None:
    whole = (once / name).read_bytes()
    content = bytearray(whole)
    content[place % len(content)] ^= flip
    (once / name).write_bytes(bytes(content))
    fault = Fault.MANIFEST if name == evidence.MANIFEST else Fault.CHANGED
    assert faults(once) == [(name, fault)]
    with pytest.raises(WorkspaceError, match=name.replace(".", r"\.")):
        evidence.read(once)
    (once / name).write_bytes(whole)
    assert faults(once) == []


@pytest.mark.parametrize("size", [-1, 1])
def test_a_file_cut_off_or_drawn_out_is_named(kept: Path, size: int) -> None:
    path = kept / "parameters.json"
    os.truncate(path, path.stat().st_size + size)
    assert faults(kept) == [("parameters.json", Fault.CHANGED)]


def test_files_gone_and_files_added_are_named(kept: Path) -> None:
    (kept / "empty.txt").unlink()
    (kept / "pictures" / ".hidden.png").write_bytes(b"x")
    (kept / "new").mkdir()
    (kept / "new" / "x.txt").write_bytes(b"x")
    assert faults(kept) == [
        ("empty.txt", Fault.MISSING),
        ("new/x.txt", Fault.EXTRA),
        ("pictures/.hidden.png", Fault.EXTRA),
    ]


def test_a_manifest_written_anew_holds_by_itself_but_not_against_the_log(kept: Path) -> None:
    logged = evidence.manifest_sha256(kept)
    (kept / "parameters.json").write_bytes(b"{}")
    entry = {"bytes": 2, "sha256": hashlib.sha256(b"{}").hexdigest()}
    record = unseal((kept / evidence.MANIFEST).read_bytes())
    resealed(kept, files={**record["files"], "parameters.json": entry})
    assert faults(kept) == []
    assert faults(kept, logged) == [(evidence.MANIFEST, Fault.OTHER)]


def test_without_its_manifest_nothing_is_evidence(kept: Path) -> None:
    (kept / evidence.MANIFEST).unlink()
    assert faults(kept) == [(evidence.MANIFEST, Fault.MISSING)]
    with pytest.raises(WorkspaceError, match=r"manifest\.json: missing"):
        evidence.read(kept)
    with pytest.raises(WorkspaceError, match="no evidence here"):
        evidence.verify(kept / "nowhere")
    with pytest.raises(WorkspaceError, match="no evidence here"):
        evidence.manifest_sha256(kept)


@pytest.mark.parametrize(
    "changes",
    [
        {"format": 99},
        {"format": "1"},
        {"kind": "rumour"},
        {"id": ""},
        {"id": ["x"] * 0},
        {"made_at": "yesterday"},
        {"made_at": 5},
        {"files": {}},
        {"files": []},
        {"files": {"a": {"bytes": -1, "sha256": "0" * 64}}},
        {"files": {"a": {"bytes": True, "sha256": "0" * 64}}},
        {"files": {"a": {"bytes": 1, "sha256": "zz"}}},
        {"files": {"a": {"bytes": 1, "sha256": "0" * 64}, "A": {"bytes": 1, "sha256": "0" * 64}}},
    ],
)
def test_a_sealed_manifest_that_is_none_of_ours_is_damage(kept: Path, changes: dict[str, Any]) -> None:
    resealed(kept, **changes)
    assert (evidence.MANIFEST, Fault.MANIFEST) in faults(kept)


def test_a_manifest_nested_without_end_is_damage(kept: Path) -> None:
    body = b'{"files":' + b"[" * 100_000
    closed = body + b',\n"seal":"%s"}\n' % hashlib.sha256(body).hexdigest().encode()
    (kept / evidence.MANIFEST).write_bytes(closed)
    assert faults(kept) == [(evidence.MANIFEST, Fault.MANIFEST)]


# paths that lead out


@pytest.mark.parametrize("name", HOSTILE)
def test_no_bundle_can_be_made_with_a_name_that_leads_out(name: str) -> None:
    with pytest.raises(ValueError, match="not a name"):
        bundle({name: b"x"})


def test_two_names_that_some_systems_take_for_one_are_refused() -> None:
    with pytest.raises(ValueError, match="take for one"):
        bundle({"a.txt": b"1", "A.txt": b"2"})


@pytest.mark.parametrize("name", HOSTILE)
def test_a_sealed_manifest_that_names_a_file_outside_reads_nothing_there(kept: Path, name: str) -> None:
    (kept.parent / "secret.txt").write_bytes(b"secret")
    record = unseal((kept / evidence.MANIFEST).read_bytes())
    entry = {"bytes": 6, "sha256": hashlib.sha256(b"secret").hexdigest()}
    resealed(kept, files={**record["files"], name: entry})
    assert faults(kept) == [(name, Fault.ESCAPES)]
    with pytest.raises(WorkspaceError, match="not as it was written"):
        evidence.read(kept)


def test_a_link_to_the_same_bytes_is_no_file_of_the_bundle(kept: Path) -> None:
    outside = kept.parent / "outside.json"
    (kept / "parameters.json").rename(outside)
    (kept / "parameters.json").symlink_to(outside)
    assert faults(kept) == [("parameters.json", Fault.LINK), ("parameters.json", Fault.MISSING)]


def test_a_linked_folder_is_not_entered(kept: Path) -> None:
    outside = kept.parent / "outside"
    (kept / "pixels").rename(outside)
    (kept / "pixels").symlink_to(outside, target_is_directory=True)
    assert faults(kept) == [("pixels", Fault.LINK), ("pixels/20241004T092000-s1-087a-vv.tif", Fault.MISSING)]


def test_a_linked_manifest_and_a_pipe_are_named_and_not_opened(kept: Path) -> None:
    (kept / evidence.MANIFEST).rename(kept.parent / "m.json")
    (kept / evidence.MANIFEST).symlink_to(kept.parent / "m.json")
    os.mkfifo(kept / "pipe")
    assert faults(kept) == [(evidence.MANIFEST, Fault.LINK), ("pipe", Fault.SPECIAL)]


def test_a_finding_prints_on_one_line_whatever_the_file_is_called(kept: Path) -> None:
    os.close(os.open(os.fsencode(kept) + b"/\x1b[2J\n\xff\xe2\x80\xae.txt", os.O_CREAT | os.O_WRONLY))
    (found,) = evidence.verify(kept)
    assert found.fault is Fault.EXTRA
    assert str(found).isprintable()


# numbers

FLOATS = st.floats(width=64)


def bits(value: float) -> bytes:
    return struct.pack("<d", value)


@given(st.lists(FLOATS))
def test_every_bit_of_a_number_comes_back(values: list[float]) -> None:
    back = evidence.parsed(evidence.as_json(values))
    for value, read in zip(values, back, strict=True):
        if math.isfinite(value):
            assert bits(value) == bits(read)
        else:
            assert read == (None if math.isnan(value) else str(value))


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_one_bit_is_a_difference_and_the_same_number_is_none(value: float) -> None:
    other = math.nextafter(value, math.inf)
    recorded, now = evidence.plain({"a": [1, value]}), evidence.plain({"a": [1, other]})
    assert list(evidence.differences("x", recorded, recorded)) == []
    (found,) = evidence.differences("x", recorded, now)
    assert found.what == "x.a[1]"
    assert (float(found.recorded), float(found.recomputed)) == (value, other)
    assert found.rounding or not math.isfinite(other)


def test_differences_name_what_is_gone_new_or_of_another_kind() -> None:
    recorded = {"same": math.nan, "gone": 1, "kind": True, "list": [1, 2], "near": 1.0, "far": 1.0}
    now = {"same": math.nan, "new": 2, "kind": 1, "list": [1], "near": 1.0 + 1e-12, "far": 1.01}
    found = {d.what: d for d in evidence.differences("f", evidence.plain(recorded), evidence.plain(now))}
    assert sorted(found) == ["f.far", "f.gone", "f.kind", "f.list[1]", "f.near", "f.new"]
    assert [d for d in sorted(found) if found[d].rounding] == ["f.near"]
    assert str(found["f.gone"]) == "f.gone: recorded 1, recomputed nothing"


def test_values_of_the_core_have_a_plain_form() -> None:
    value = {"k": Kind.SURGE, "i": Interval90(1.5, -math.inf, math.nan), "at": AT, "n": np.float32(0.1), "t": (1, "x")}
    made = json.loads(evidence.as_json(value))
    assert made == {
        "k": "surge",
        "i": [1.5, "-inf", None],
        "at": "2024-10-04T09:20:00.000123+00:00",
        "n": float(np.float32(0.1)),
        "t": [1, "x"],
    }
    assert evidence.leaves(evidence.plain(value)) == 8
    with pytest.raises(TypeError, match="object"):
        evidence.plain(object())
    with pytest.raises(ValueError, match="deeply"):
        evidence.parsed(b"[" * 100_000)
