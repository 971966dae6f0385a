"""Time stamps by OpenTimestamps: from a real calendar on loopback, and against hostile ones and hostile proofs."""

from __future__ import annotations

import hashlib
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from servers import ots_calendar as calendars
from servers.ots_calendar import Calendar, notary, op, serialize, timestamp

from monitor import timestamps
from monitor.config import read_config
from monitor.errors import ConfigError, QuaywatchError, SourceError, WorkspaceError
from monitor.timestamps import LARGEST_PROOF, Block, Proof, check, proof_of, stamp, upgrade

PATIENT_S = 30.0
"""For calendars that answer."""


@pytest.fixture
def calendar() -> Iterator[Calendar]:
    with calendars.serve() as made:
        yield made


@pytest.fixture
def another() -> Iterator[Calendar]:
    with calendars.serve() as made:
        yield made


@pytest.fixture
def head(tmp_path: Path) -> Path:
    """The file to be stamped."""
    path = tmp_path / "2026-10-04.txt"
    path.write_text("lines 5\n")
    return path


def proof_in(path: Path) -> Any:
    """The proof as the library reads it."""
    context = serialize.BytesDeserializationContext(proof_of(path).read_bytes())
    return timestamp.DetachedTimestampFile.deserialize(context)


def closed_port() -> str:
    """An address where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}"


def test_a_calendar_gets_a_hash_that_hides_the_file_and_its_promise_is_kept(head: Path, calendar: Calendar) -> None:
    assert stamp(head, [calendar.url + "/"], PATIENT_S) == []
    proof, digest = proof_in(head), hashlib.sha256(head.read_bytes()).digest()
    assert proof.file_digest == digest
    (nonce,) = proof.timestamp.ops
    assert isinstance(nonce, op.OpAppend)
    assert len(nonce[0]) == 16
    assert calendar.submitted == [hashlib.sha256(digest + nonce[0]).digest()]
    assert calendar.asked == ["/digest"]
    assert check(head) == Proof(blocks=(), pending=(calendar.url,), others=0)
    assert not check(head).complete
    assert [p.name for p in head.parent.iterdir() if p.name.startswith(".")] == []


def test_the_random_number_is_another_each_time(head: Path, calendar: Calendar) -> None:
    for _ in range(2):
        stamp(head, [calendar.url], PATIENT_S)
        proof_of(head).unlink()
    assert len(set(calendar.submitted)) == 2


def test_no_secret_and_no_name_goes_with_the_request(head: Path, calendar: Calendar) -> None:
    stamp(head, [calendar.url], PATIENT_S)
    (sent,) = calendar.headers
    assert not {"Authorization", "Cookie"} & sent.keys()
    assert head.name not in repr(sent)
    assert sent["Accept"] == "application/vnd.opentimestamps.v1"


def test_two_calendars_vouch_in_one_file(head: Path, calendar: Calendar, another: Calendar) -> None:
    assert stamp(head, [calendar.url, another.url], PATIENT_S) == []
    assert check(head).pending == tuple(sorted([calendar.url, another.url]))
    another.height = 840_000
    assert upgrade(head, [calendar.url, another.url], PATIENT_S).complete
    assert [b.height for b in check(head).blocks] == [840_000]
    assert check(head).pending == (calendar.url,)


def test_a_calendar_whose_address_has_a_path_is_asked_below_it(head: Path, calendar: Calendar) -> None:
    stamp(head, [f"{calendar.url}/of/ours"], PATIENT_S)
    assert calendar.asked == ["/of/ours/digest"]


def test_the_block_is_added_when_the_calendar_has_it_and_then_nobody_is_asked_again(
    head: Path, calendar: Calendar
) -> None:
    stamp(head, [calendar.url], PATIENT_S)
    before = proof_of(head).read_bytes()
    result = upgrade(head, [calendar.url], PATIENT_S)
    assert (result.complete, result.failed) == (False, {}), "not ready is no failure"
    assert proof_of(head).read_bytes() == before
    calendar.height = 800_000
    assert upgrade(head, [calendar.url], PATIENT_S).complete
    commitment = bytes.fromhex(calendar.asked[-1].removeprefix("/timestamp/"))
    proof = check(head)
    assert proof == Proof(
        blocks=(Block(height=800_000, merkle_root=calendars.merkle_root(commitment)),), pending=(), others=0
    )
    assert "Bitcoin block 800000" in str(proof)
    assert "not checked against a Bitcoin node" in str(proof)
    asked = len(calendar.asked)
    assert upgrade(head, [calendar.url], PATIENT_S).complete
    assert len(calendar.asked) == asked


FAULTS: dict[str, tuple[Callable[[Calendar, Any], None], str]] = {
    "busy": (calendars.refusing, "answers with 503"),
    "redirect": (calendars.redirecting, "answers with 302"),
    "a page": (calendars.garbage, "its answer is no time stamp"),
    "nothing": (calendars.empty, "its answer is no time stamp"),
    "good, and more": (calendars.trailing, "its answer is no time stamp"),
    "too much": (calendars.endless, "answers with more than 10000 bytes"),
    "too deep": (calendars.deep, "its answer is no time stamp"),
    "too large inside": (calendars.reversing, "its answer is no time stamp"),
    "broken off": (calendars.broken_off, "its answer is no time stamp"),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_a_calendar_that_answers_badly_is_a_problem_and_the_other_stamps(
    head: Path, calendar: Calendar, another: Calendar, kind: str
) -> None:
    calendar.fault, said = FAULTS[kind]
    for order in ([calendar.url, another.url], [another.url, calendar.url]):
        (problem,) = stamp(head, order, PATIENT_S)
        assert problem.startswith(f"{calendar.url}: {said}")
        assert "script" not in problem
        assert check(head).pending == (another.url,)
        proof_of(head).unlink()
    assert set(calendar.asked) == {"/digest"}, "a redirect is not followed"


@pytest.mark.parametrize("kind", FAULTS)
def test_without_any_stamp_nothing_is_written(head: Path, calendar: Calendar, kind: str) -> None:
    calendar.fault, said = FAULTS[kind]
    with pytest.raises(SourceError, match=said) as caught:
        stamp(head, [calendar.url], PATIENT_S)
    assert calendar.url in caught.value.message
    assert caught.value.hint
    assert list(head.parent.iterdir()) == [head]


@pytest.mark.parametrize("kind", sorted(FAULTS.keys() - {"good, and more", "too deep"}))
def test_a_bad_answer_to_the_question_for_the_block_leaves_the_proof_as_it_is(
    head: Path, calendar: Calendar, kind: str
) -> None:
    stamp(head, [calendar.url], PATIENT_S)
    before = proof_of(head).read_bytes()
    calendar.fault, said = FAULTS[kind]
    result = upgrade(head, [calendar.url], PATIENT_S)
    assert not result.complete
    assert result.failed[calendar.url].startswith(said)
    assert proof_of(head).read_bytes() == before
    assert len(calendar.asked) == 2
    asked = upgrade(head, [calendar.url], PATIENT_S, leave_out=result.failed)
    assert asked.failed == {}
    assert len(calendar.asked) == 2, "who has just failed is left out"


@pytest.mark.parametrize("fault", [calendars.silent, calendars.dripping])
def test_a_calendar_that_is_slow_holds_up_nobody(
    head: Path, calendar: Calendar, another: Calendar, fault: Callable[[Calendar, Any], None]
) -> None:
    calendar.fault = fault
    (problem,) = stamp(head, [calendar.url, another.url], 2.0)
    assert problem.startswith(f"{calendar.url}: no answer")
    assert check(head).pending == (another.url,)


def test_a_calendar_that_is_down_is_a_problem_with_its_address(head: Path, calendar: Calendar) -> None:
    down = closed_port()
    (problem,) = stamp(head, [down, calendar.url], PATIENT_S)
    assert problem.startswith(f"{down}: no answer")
    with pytest.raises(SourceError, match="no calendar stamped it"):
        stamp(_copy(head), [down], PATIENT_S)


def _copy(path: Path) -> Path:
    other = path.with_name("other.txt")
    other.write_bytes(path.read_bytes())
    return other


def test_an_earlier_stamp_is_never_overwritten(head: Path, calendar: Calendar) -> None:
    stamp(head, [calendar.url], PATIENT_S)
    before = proof_of(head).read_bytes()
    with pytest.raises(WorkspaceError, match="is there already"):
        stamp(head, [calendar.url], PATIENT_S)
    assert proof_of(head).read_bytes() == before


def test_a_file_changed_after_its_stamp_and_a_stamp_of_another_file_are_told(head: Path, calendar: Calendar) -> None:
    stamp(head, [calendar.url], PATIENT_S)
    head.write_text("lines 4\n")
    for use in (check, lambda path: upgrade(path, [calendar.url], PATIENT_S)):
        with pytest.raises(WorkspaceError, match=r"2026-10-04\.txt\.ots: is of another file") as caught:
            use(head)
        assert caught.value.hint
    assert calendar.asked == ["/digest"]


def test_what_is_missing_is_named(head: Path, calendar: Calendar) -> None:
    with pytest.raises(WorkspaceError, match=r"2026-10-04\.txt\.ots: cannot be read"):
        check(head)
    proof_of(head).mkdir()
    with pytest.raises(WorkspaceError, match=r"2026-10-04\.txt\.ots: cannot be read"):
        check(head)
    with pytest.raises(WorkspaceError, match="gone"):
        stamp(head.with_name("gone"), [calendar.url], PATIENT_S)
    assert calendar.asked == []


def forged(path: Path, *attestations: Any, tail: bytes = b"") -> None:
    """A proof of the right file that goes straight to these attestations."""
    stamped = timestamp.Timestamp(hashlib.sha256(path.read_bytes()).digest())
    stamped.attestations.update(attestations)
    proof_of(path).write_bytes(calendars.content(timestamp.DetachedTimestampFile(op.OpSHA256(), stamped)) + tail)


def test_only_calendars_of_ours_and_the_public_ones_are_asked_whatever_a_proof_names(
    head: Path, calendar: Calendar, another: Calendar
) -> None:
    forged(head, notary.PendingAttestation(another.url), notary.PendingAttestation(f"{calendar.url}/elsewhere"))
    result = upgrade(head, [calendar.url], PATIENT_S)
    assert (result.complete, result.failed) == (False, {})
    assert (another.asked, calendar.asked) == ([], [])
    assert upgrade(head, [another.url + "/"], PATIENT_S).failed == {}
    assert len(another.asked) == 1


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://alice.btc.calendar.opentimestamps.org", True),
        ("https://finney.calendar.eternitywall.com", True),
        ("http://alice.btc.calendar.opentimestamps.org", False),
        ("https://alice.btc.calendar.opentimestamps.org/x", False),
        ("https://calendar.opentimestamps.org.example.org", False),
        ("https://example.org/.calendar.opentimestamps.org", False),
        ("https://169.254.169.254", False),
        ("file:///etc/passwd", False),
        ("https://own.example.org", True),
    ],
)
def test_the_public_calendars_are_those_of_the_library(url: str, allowed: bool) -> None:
    assert timestamps._allowed(url, ["https://own.example.org/"]) == allowed
    library: Any = sys.modules.get("opentimestamps.calendar") or __import__("opentimestamps.calendar").calendar
    assert (url in library.DEFAULT_CALENDAR_WHITELIST) == (allowed and "own" not in url)


def test_a_proof_cannot_have_us_ask_without_end(head: Path, calendar: Calendar) -> None:
    stamped = timestamp.Timestamp(hashlib.sha256(head.read_bytes()).digest())
    for number in range(100):
        node = stamped.ops.add(op.OpAppend(bytes([number])))
        node.attestations.add(notary.PendingAttestation(calendar.url))
    proof_of(head).write_bytes(calendars.content(timestamp.DetachedTimestampFile(op.OpSHA256(), stamped)))
    upgrade(head, [calendar.url], PATIENT_S)
    assert len(calendar.asked) == timestamps.MOST_ASKED


def test_a_number_that_no_block_has_is_no_block(head: Path) -> None:
    forged(head, notary.BitcoinBlockHeaderAttestation(2**50_000), notary.LitecoinBlockHeaderAttestation(5))
    proof = check(head)
    assert (proof.complete, proof.others) == (False, 2)
    assert str(proof) == "2 of other kinds, not read"


HOSTILE: dict[str, bytes] = {
    "empty": b"",
    "text": b"not a proof\n",
    "the magic alone": timestamp.DetachedTimestampFile.HEADER_MAGIC,
    "another version": timestamp.DetachedTimestampFile.HEADER_MAGIC + b"\x02",
    "a number without end": timestamp.DetachedTimestampFile.HEADER_MAGIC + b"\xff" * 60_000,
    "too deep": timestamp.DetachedTimestampFile.HEADER_MAGIC + b"\x01\x08" + b"\0" * 32 + b"\x08" * 5_000,
    "growing": timestamp.DetachedTimestampFile.HEADER_MAGIC + b"\x01\x08" + b"\0" * 32 + b"\xf3" * 200,
    "too large": b"\0" * (LARGEST_PROOF + 1),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_proof_is_an_error_that_names_it(head: Path, kind: str) -> None:
    proof_of(head).write_bytes(HOSTILE[kind])
    for use in (check, lambda path: upgrade(path, [], PATIENT_S)):
        with pytest.raises(WorkspaceError, match=r"2026-10-04\.txt\.ots: is (no time stamp|larger)") as caught:
            use(head)
        assert caught.value.hint


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.integers(0, 400),
            st.integers(0, 40),
            st.binary(max_size=20)
            | st.sampled_from(
                [b"\xff", b"\x00", b"\xf3" * 8, b"\xf2", b"\x03", b"\x67", notary.PendingAttestation.TAG]
            ),
        ),
        max_size=5,
    )
)
def test_no_bytes_make_it_crash_and_none_make_a_proof_of_another_file(
    tmp_path_factory: pytest.TempPathFactory, edits: list[tuple[int, int, bytes]]
) -> None:
    head = tmp_path_factory.mktemp("fuzz") / "head.txt"
    head.write_text("lines 5\n")
    bitcoin, unknown = notary.BitcoinBlockHeaderAttestation(7), notary.UnknownAttestation(b"12345678", b"x")
    forged(head, bitcoin, unknown, notary.PendingAttestation("https://example.org"))
    data = proof_of(head).read_bytes()
    for at, length, bytes_ in edits:
        data = data[: at % (len(data) + 1)] + bytes_ + data[at % (len(data) + 1) + length :]
    proof_of(head).write_bytes(data)
    if hashlib.sha256(head.read_bytes()).digest() not in data:
        with pytest.raises(WorkspaceError, match=r"head\.txt\.ots: "):
            check(head)
    else:
        with suppress(WorkspaceError):
            assert str(check(head))


@settings(max_examples=100)
@given(st.binary(max_size=60), st.binary(min_size=32, max_size=32))
def test_any_answer_gives_a_proof_that_can_be_read_or_a_reason(answer: bytes, digest: bytes) -> None:
    ots = timestamps._library()
    seed = timestamps._Seed(digest, b"n" * 16)
    commitment = hashlib.sha256(digest + b"n" * 16).digest()
    ask = timestamps._Ask(calendar="https://example.org", path="digest", commitment=commitment)
    grown = timestamps._grown(ots, seed, ask, answer)
    if isinstance(grown, bytes):
        assert timestamps._parsed(ots, grown).file_digest == digest
    else:
        assert grown.startswith("its answer is no time stamp")


def test_without_the_library_it_is_said_what_to_install(head: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentimestamps.core.op", None)
    for use in (check, lambda path: stamp(path, [], 1), lambda path: upgrade(path, [], 1)):
        with pytest.raises(ConfigError) as caught:
            use(head)
        assert "quaywatch[timestamps]" in caught.value.hint


def test_a_proof_that_cannot_be_written_is_told(head: Path, calendar: Calendar) -> None:
    with ExitStack() as stack:
        blocked = proof_of(head).with_name(f".{proof_of(head).name}.part")
        blocked.mkdir()
        stack.callback(blocked.rmdir)
        with pytest.raises(WorkspaceError, match="cannot be written"):
            stamp(head, [calendar.url], PATIENT_S)
    assert not proof_of(head).exists()


def test_off_by_default_and_calendars_are_addresses_that_are_safe(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"

    def read(text: str) -> tuple[str, ...]:
        path.write_text(text)
        return read_config(path, {}).log.timestamps

    assert read("") == read("[log]\n") == ()
    several = '["https://a.example.org/", "http://127.0.0.1:14788", "http://[::1]:1/x", "https://A.example.org"]'
    assert read(f"[log]\ntimestamps = {several}\n") == (
        "https://a.example.org",
        "http://127.0.0.1:14788",
        "http://[::1]:1/x",
    )
    wrong = {
        "[log]\ntimestamps = 3": "config.toml:2: log.timestamps",
        "[log]\nstamps = []": "config.toml:2: unknown key 'log.stamps'",
        "log = 3": "config.toml:1: log = 3: should be a table: write [log]",
        '[log]\ntimestamps = ["http://example.org"]': "plain http is for a calendar on this machine",
        '[log]\ntimestamps = ["http://127.0.0.1.example.org"]': "plain http is for a calendar on this machine",
        '[log]\ntimestamps = ["ftp://example.org"]': "should be an address",
        '[log]\ntimestamps = ["https://me:secret@example.org"]': "should be an address",
        '[log]\ntimestamps = ["https://example.org?key=secret"]': "should be an address",
        '[log]\ntimestamps = ["https://example.org:99999"]': "should be an address",
        '[log]\ntimestamps = ["https://exa\\tmple.org"]': "without spaces",
        '[log]\ntimestamps = ["https://[::1"]': "should be an address",
    }
    for text, said in wrong.items():
        with pytest.raises(QuaywatchError) as caught:
            read(text)
        assert said in caught.value.message, text
        assert "secret" not in str(caught.value)
