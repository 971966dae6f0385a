"""Time stamps of files by OpenTimestamps: a proof beside the file, `<file>.ots`, that it existed at a time.

A calendar gets a hash that tells nothing of the file (SHA-256 of the file's SHA-256 and a random number), joins it with
the hashes of others and writes the sum into a Bitcoin block hours later. Until then the proof is pending: it rests on
the calendar. What is completed later (`upgrade`) rests on the block alone, and anybody can check it with a Bitcoin
node. No node is asked here.

Calendars and proofs are trusted with nothing: answers are bounded in size and time, redirects are not followed, and
only the calendars allowed are asked, whatever address a proof names.
"""

from __future__ import annotations

import contextlib
import fnmatch
import hashlib
import itertools
import os
import queue
import threading
import time
import warnings
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final
from urllib.parse import urlsplit

import requests
import urllib3

from monitor import durable
from monitor.errors import ConfigError, SourceError, WorkspaceError

SUFFIX: Final = ".ots"
KNOWN: Final = (
    "https://*.calendar.opentimestamps.org",
    "https://*.calendar.eternitywall.com",
    "https://*.calendar.catallaxy.com",
)
"""Calendars behind the public pools: a pool takes a hash and names one of these to ask later. As in the library."""

LARGEST_ANSWER: Final = 10_000
"""Bytes of a calendar's answer; some hundred are usual."""

LARGEST_PROOF: Final = 65_536
"""Bytes of an .ots file."""

MOST_ASKED: Final = 16
"""Pending attestations of one file that are asked for in one go."""

_HIGHEST: Final = 2**31
"""No block has a number like this: at one in ten minutes it is 40,000 years away."""

_MEDIA_TYPE: Final = "application/vnd.opentimestamps.v1"
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_NO_NODE: Final = "not checked against a Bitcoin node"


@dataclass(frozen=True, kw_only=True)
class Block:
    """A block of the Bitcoin chain that is said to commit to the file."""

    height: int
    merkle_root: str
    """64 hex digits, as block explorers show it: the file is older than this block if the block has this root."""

    def __str__(self) -> str:
        return f"Bitcoin block {self.height} if its Merkle root is {self.merkle_root} ({_NO_NODE})"


@dataclass(frozen=True, kw_only=True)
class Proof:
    """What an .ots file says of the file beside it. Its hashes were computed anew; its blocks were not looked up."""

    blocks: tuple[Block, ...]
    """Lowest first; empty: not completed yet."""

    pending: tuple[str, ...]
    """Calendars that have still to name a block, in order of their addresses."""

    others: int
    """Attestations of kinds that are not read here."""

    @property
    def complete(self) -> bool:
        """True if a Bitcoin block is named."""
        return bool(self.blocks)

    def __str__(self) -> str:
        said = [*map(str, self.blocks), *(f"pending at {url}" for url in self.pending)]
        return "; ".join([*said, f"{self.others} of other kinds, not read"] if self.others else said)


@dataclass(frozen=True, kw_only=True)
class Upgrade:
    """What came of asking for the completed proof."""

    complete: bool
    """True if the file names a Bitcoin block now."""

    failed: Mapping[str, str]
    """Calendar -> why it could not be asked, or its answer not used. One that is not ready yet is not among them."""


@dataclass(frozen=True, kw_only=True)
class _Ask:
    calendar: str
    path: str
    commitment: bytes
    """What the answer has to start from."""

    body: bytes | None = None
    """None: GET."""


class _Failure(str):
    """Why there is no answer, for a person."""

    __slots__ = ()


_NOT_READY = _Failure("not ready yet")


def stamp(path: Path, calendars: Sequence[str], timeout: float) -> list[str]:
    """Has a file time-stamped, by one calendar at least, and writes `<path>.ots`; the calendars that did not answer.

    `timeout`: seconds for all calendars together, which are asked at once.

    Raises:
        ConfigError: the library is not installed.
        WorkspaceError: the file cannot be read, has a proof already, or the proof cannot be written.
        SourceError: no calendar answered with anything that can be used; nothing is written.
    """
    ots = _library()
    target = proof_of(path)
    if target.exists():
        raise WorkspaceError(f"{target}: is there already", "Move it away to have the file stamped anew.")
    digest, nonce = _digest(path), os.urandom(16)
    commitment = hashlib.sha256(digest + nonce).digest()
    asks = [_Ask(calendar=c, path="digest", commitment=commitment, body=commitment) for c in calendars]
    proof, problems = b"", []
    for ask, answer in zip(asks, _answers(asks, timeout), strict=True):
        grown = _grown(ots, proof or _Seed(digest, nonce), ask, answer)
        if isinstance(grown, _Failure):
            problems.append(f"{ask.calendar}: {grown}")
        else:
            proof = grown
    if not proof:
        raise SourceError(
            "\n".join([f"{path}: no calendar stamped it", *problems]), "It is tried again later; see log.timestamps."
        )
    _put(target, proof)
    return problems


def upgrade(path: Path, calendars: Sequence[str], timeout: float, leave_out: Container[str] = ()) -> Upgrade:
    """Asks the calendars for the completed proof of a file and rewrites `<path>.ots` if there is more in it then.

    Only `calendars` and the public ones (KNOWN) are asked, and none of `leave_out`: those that have just failed.
    `timeout`: seconds for all together. Which block a calendar names is not checked: see `check`.

    Raises:
        ConfigError: the library is not installed.
        WorkspaceError: the proof is missing, damaged, or of another file; or it cannot be written.
    """
    ots = _library()
    before = _read(path)
    detached = _belonging(ots, path, before)
    if _summary(ots, detached).complete:
        return Upgrade(complete=True, failed={})
    allowed = (a for a in _open_asks(ots, detached.timestamp) if _allowed(a.calendar, calendars))
    asks = list(itertools.islice((a for a in allowed if a.calendar not in leave_out), MOST_ASKED))
    proof, failed = before, {}
    for ask, answer in zip(asks, _answers(asks, timeout), strict=True):
        grown = _grown(ots, proof, ask, answer)
        if not isinstance(grown, _Failure):
            proof = grown
        elif grown is not _NOT_READY:
            failed[ask.calendar] = str(grown)
    if proof != before:
        _put(proof_of(path), proof)
    return Upgrade(complete=_summary(ots, _parsed(ots, proof)).complete, failed=failed)


def check(path: Path) -> Proof:
    """What the proof beside a file says of it, after computing all its hashes anew. Asks nobody.

    Raises:
        ConfigError: the library is not installed.
        WorkspaceError: the file or its proof is missing, the proof is damaged, or it is of another file.
    """
    ots = _library()
    return _summary(ots, _belonging(ots, path, _read(path)))


def proof_of(path: Path) -> Path:
    """Where the proof of a file is."""
    return path.with_name(path.name + SUFFIX)


def _library() -> SimpleNamespace:
    """The modules of the library. By name, for they are an extra and ship no types."""
    try:
        return SimpleNamespace(
            **{m: import_module(f"opentimestamps.core.{m}") for m in ("notary", "op", "serialize", "timestamp")}
        )
    except ImportError as error:
        raise ConfigError(
            f"time stamps need the library opentimestamps, which cannot be imported ({error})",
            "Install it: pip install 'quaywatch[timestamps]', or clear log.timestamps in config.toml.",
        ) from error


def _digest(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError as error:
        raise WorkspaceError(
            f"{path}: cannot be read ({error.strerror})", "Restore it, or check its owner and mode."
        ) from error


def _read(path: Path) -> bytes:
    proof = proof_of(path)
    try:
        with proof.open("rb") as file:
            content = file.read(LARGEST_PROOF + 1)
    except OSError as error:
        raise WorkspaceError(f"{proof}: cannot be read ({error.strerror})", "Restore it, or stamp anew.") from error
    if len(content) > LARGEST_PROOF:
        raise WorkspaceError(f"{proof}: is larger than {LARGEST_PROOF} bytes: no time stamp of ours", "Restore it.")
    return content


def _belonging(ots: SimpleNamespace, path: Path, content: bytes) -> Any:
    """The proof, if it is one, and of this file."""
    try:
        detached = _parsed(ots, content)
    except _Damaged as error:
        raise WorkspaceError(
            f"{proof_of(path)}: is no time stamp, or a damaged one ({error})", "Restore it from a backup."
        ) from error
    if detached.file_hash_op != ots.op.OpSHA256() or detached.file_digest != _digest(path):
        raise WorkspaceError(
            f"{proof_of(path)}: is of another file than {path.name}, or that was changed since",
            "Restore both from a backup; a file that was changed after its stamp is proof of nothing.",
        )
    return detached


class _Damaged(Exception):
    """Bytes that are no proof."""


@contextlib.contextmanager
def _sifting(ots: SimpleNamespace) -> Iterator[None]:
    """The library meets hostile bytes with whatever error comes first."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of an operation that it means to drop some day
            yield
    except (
        ots.serialize.DeserializationError,
        ValueError,
        TypeError,
        LookupError,
        ArithmeticError,
        AssertionError,
        AttributeError,
        RecursionError,
        NotImplementedError,
        MemoryError,
    ) as error:
        raise _Damaged(type(error).__name__) from error


def _parsed(ots: SimpleNamespace, content: bytes) -> Any:
    with _sifting(ots):
        return ots.timestamp.DetachedTimestampFile.deserialize(ots.serialize.BytesDeserializationContext(content))


def _serialised(detached: Any, ots: SimpleNamespace) -> bytes:
    context = ots.serialize.BytesSerializationContext()
    detached.serialize(context)
    content: bytes = context.getbytes()
    return content


@dataclass(frozen=True)
class _Seed:
    """A proof before the first answer: a file's SHA-256 and the random number that hides it."""

    digest: bytes
    nonce: bytes

    def grown(self, ots: SimpleNamespace) -> Any:
        op, timestamp = ots.op, ots.timestamp.Timestamp(self.digest)
        timestamp.ops.add(op.OpAppend(self.nonce)).ops.add(op.OpSHA256())
        return ots.timestamp.DetachedTimestampFile(op.OpSHA256(), timestamp)


def _grown(ots: SimpleNamespace, proof: bytes | _Seed, ask: _Ask, answer: bytes | _Failure) -> bytes | _Failure:
    """The proof with the answer in it, which is read once more: what cannot be read again must not be written."""
    if isinstance(answer, _Failure):
        return answer
    try:
        detached = proof.grown(ots) if isinstance(proof, _Seed) else _parsed(ots, proof)
        with _sifting(ots):
            context = ots.serialize.BytesDeserializationContext(answer)
            more = ots.timestamp.Timestamp.deserialize(context, ask.commitment)
            context.assert_eof()
            for node in _nodes(detached.timestamp):
                if node.msg == ask.commitment:
                    node.merge(more)
            content = _serialised(detached, ots)
        _parsed(ots, content)
    except _Damaged as error:
        return _Failure(f"its answer is no time stamp ({error})")
    return content if len(content) <= LARGEST_PROOF else _Failure("its answer makes the proof too large")


def _nodes(timestamp: Any) -> Iterator[Any]:
    """All hashes on the way from the file to its attestations, those nearest to the file first."""
    waiting = [timestamp]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(node.ops.values())


def _summary(ots: SimpleNamespace, detached: Any) -> Proof:
    blocks, pending, others = set(), set(), 0
    for node in _nodes(detached.timestamp):
        for attestation in node.attestations:
            if _is_block(ots, node.msg, attestation):
                blocks.add(Block(height=attestation.height, merkle_root=node.msg[::-1].hex()))
            elif isinstance(attestation, ots.notary.PendingAttestation):
                if not _completed(ots, node):
                    pending.add(str(attestation.uri))
            else:
                others += 1
    in_order = sorted(blocks, key=lambda b: (b.height, b.merkle_root))
    return Proof(blocks=tuple(in_order), pending=tuple(sorted(pending)), others=others)


def _is_block(ots: SimpleNamespace, message: bytes, attestation: Any) -> bool:
    bitcoin = isinstance(attestation, ots.notary.BitcoinBlockHeaderAttestation)
    return bitcoin and len(message) == hashlib.sha256().digest_size and attestation.height < _HIGHEST


def _completed(ots: SimpleNamespace, node: Any) -> bool:
    """True if a block is named somewhere behind this hash."""
    return any(_is_block(ots, n.msg, a) for n in _nodes(node) for a in n.attestations)


def _open_asks(ots: SimpleNamespace, timestamp: Any) -> Iterator[_Ask]:
    for node in _nodes(timestamp):
        for attestation in sorted(a for a in node.attestations if isinstance(a, ots.notary.PendingAttestation)):
            path = f"timestamp/{node.msg.hex()}"
            yield _Ask(calendar=attestation.uri.rstrip("/"), path=path, commitment=node.msg)


def _allowed(url: str, calendars: Sequence[str]) -> bool:
    """True if a proof may send us there: one of our own calendars, or a public one."""
    if url in {c.rstrip("/") for c in calendars}:
        return True
    return urlsplit(url).path == "" and any(fnmatch.fnmatchcase(url, pattern) for pattern in KNOWN)


def _answers(asks: Sequence[_Ask], timeout: float) -> list[bytes | _Failure]:
    """What each calendar says. All are asked at once, and none is waited for longer than `timeout` seconds.

    In threads that end with the process: a calendar that sends a byte a minute holds up nobody.
    """
    came: queue.SimpleQueue[tuple[int, bytes | _Failure]] = queue.SimpleQueue()
    answers: list[bytes | _Failure] = [_Failure(f"no answer within {timeout:g} s")] * len(asks)
    end = time.monotonic() + timeout
    for number, ask in enumerate(asks):
        threading.Thread(target=lambda n=number, a=ask: came.put((n, _asked(a, timeout))), daemon=True).start()
    with contextlib.suppress(queue.Empty):
        for _ in asks:
            number, answer = came.get(timeout=max(end - time.monotonic(), 0))
            answers[number] = answer
    return answers


def _asked(ask: _Ask, timeout: float) -> bytes | _Failure:
    """One request. Its errors end here: no address but the calendar's, and no text of a stranger, is repeated."""
    headers = {"Accept": _MEDIA_TYPE, "Accept-Encoding": "identity", "User-Agent": "quaywatch"}
    try:
        with requests.Session() as session:
            # what the environment says of proxies is for the net, not for this machine
            session.trust_env = urlsplit(ask.calendar).hostname not in _LOOPBACK
            with session.request(
                "GET" if ask.body is None else "POST",
                f"{ask.calendar.rstrip('/')}/{ask.path}",
                data=ask.body,
                headers=headers,
                auth=_anonymous,
                timeout=timeout,
                allow_redirects=False,
                stream=True,
            ) as response:
                return _content(ask, response)
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        return _Failure(f"no answer ({type(error).__name__})")


def _content(ask: _Ask, response: requests.Response) -> bytes | _Failure:
    if response.status_code == requests.codes.not_found and ask.body is None:
        return _NOT_READY
    if response.status_code != requests.codes.ok:
        return _Failure(f"answers with {response.status_code}")
    content: bytes = response.raw.read(LARGEST_ANSWER + 1, decode_content=False)
    return content if len(content) <= LARGEST_ANSWER else _Failure(f"answers with more than {LARGEST_ANSWER} bytes")


def _anonymous(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keeps what .netrc holds out of the request."""
    return request


def _put(path: Path, content: bytes) -> None:
    """The file is there whole or as before, durably."""
    try:
        durable.put(path, content)
    except OSError as error:
        raise WorkspaceError(
            f"{path}: cannot be written ({error.strerror})", "Free the disk, or check its owner and mode."
        ) from error
