"""A calendar of OpenTimestamps on loopback, speaking the protocol with the library's own serialisation.

with serve() as calendar:
    timestamps.stamp(path, [calendar.url], timeout=5)
    calendar.height = 800_000                   # the block is there: GET /timestamp/<commitment> has an answer now
    calendar.fault = garbage                    # what it answers instead
    assert calendar.submitted == [commitment]
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from typing import Any

notary: Any = import_module("opentimestamps.core.notary")
op: Any = import_module("opentimestamps.core.op")
serialize: Any = import_module("opentimestamps.core.serialize")
timestamp: Any = import_module("opentimestamps.core.timestamp")


@dataclass
class Calendar:
    """What it knows, and how it behaves."""

    url: str = ""
    height: int | None = None
    """Block that it wrote everything into; None: not yet."""

    fault: Callable[[Calendar, Handler], None] | None = None
    """Answers instead of the calendar."""

    submitted: list[bytes] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    """Paths of all requests, in order."""

    headers: list[dict[str, str]] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    """Set when the server is about to end: what is slow may stop then."""

    def pending(self, digest: bytes) -> Any:
        """The answer to a digest: an operation of its own, then the promise."""
        promise = timestamp.Timestamp(digest)
        node = promise.ops.add(op.OpPrepend(self.url.encode())).ops.add(op.OpSHA256())
        node.attestations.add(notary.PendingAttestation(self.url))
        return promise

    def completed(self, commitment: bytes) -> Any:
        """The way from a promise to the block."""
        proof = timestamp.Timestamp(commitment)
        node = proof.ops.add(op.OpAppend(b"transaction")).ops.add(op.OpSHA256())
        node.attestations.add(notary.BitcoinBlockHeaderAttestation(self.height))
        return proof


def merkle_root(commitment: bytes) -> str:
    """What block explorers would show of the block, worked out without the library."""
    return hashlib.sha256(commitment + b"transaction").digest()[::-1].hex()


def content(proof: Any) -> bytes:
    """A time stamp as bytes."""
    context = serialize.BytesSerializationContext()
    proof.serialize(context)
    written: bytes = context.getbytes()
    return written


class Handler(BaseHTTPRequestHandler):
    """One request."""

    calendar: Calendar

    def log_message(self, *_: Any) -> None:
        """Says nothing."""

    def answer(self, body: bytes, status: int = 200, **headers: str) -> None:
        """A whole answer."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        """A digest."""
        digest = self.rfile.read(int(self.headers["Content-Length"]))
        self.calendar.submitted.append(digest)
        if not self._is_odd():
            self.answer(content(self.calendar.pending(digest)))

    def do_GET(self) -> None:
        """The completed proof of a commitment."""
        if self._is_odd():
            return
        if self.calendar.height is None:
            self.answer(b"Pending confirmation in Bitcoin blockchain", 404)
        else:
            self.answer(content(self.calendar.completed(bytes.fromhex(self.path.rpartition("/")[2]))))

    def _is_odd(self) -> bool:
        self.calendar.asked.append(self.path)
        self.calendar.headers.append(dict(self.headers))
        if self.calendar.fault is None:
            return False
        self.calendar.fault(self.calendar, self)
        return True


class Server(ThreadingHTTPServer):
    """Many may ask at once."""

    request_queue_size = 64


@contextmanager
def serve() -> Iterator[Calendar]:
    """A calendar on a port of its own, until the block ends."""
    calendar = Calendar()
    server = Server(("127.0.0.1", 0), type("Bound", (Handler,), {"calendar": calendar}))
    calendar.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield calendar
    finally:
        calendar.over.set()
        server.shutdown()
        server.server_close()
        thread.join()


def refusing(_: Calendar, handler: Handler) -> None:
    """Is busy."""
    handler.answer(b"<script>busy\x1b[31m</script>", 503)


def redirecting(calendar: Calendar, handler: Handler) -> None:
    """Sends elsewhere: to itself, so that it would show in `asked`."""
    handler.answer(b"", 302, Location=f"{calendar.url}/elsewhere")


def garbage(_: Calendar, handler: Handler) -> None:
    """Answers with a page."""
    handler.answer(b"<html><body>Welcome to the hotel</body></html>")


def empty(_: Calendar, handler: Handler) -> None:
    """Answers with nothing."""
    handler.answer(b"")


def trailing(calendar: Calendar, handler: Handler) -> None:
    """A good answer, and more."""
    handler.answer(content(calendar.pending(calendar.submitted[-1])) + b"\x00")


def endless(_: Calendar, handler: Handler) -> None:
    """More than anybody should read."""
    handler.answer(b"\xff" * 100_000)


def deep(_: Calendar, handler: Handler) -> None:
    """So many operations that the proof as a whole, two longer, could not be read again."""
    attestation = b"\x00" + notary.PendingAttestation.TAG + b"\x06\x05a:b/c"
    handler.answer(b"\x08" * 255 + attestation)


def reversing(_: Calendar, handler: Handler) -> None:
    """An operation that the library warns of, and too large a result in the end."""
    handler.answer(b"\xf2" + b"\xf3" * 20 + b"\x00")


def broken_off(_: Calendar, handler: Handler) -> None:
    """Promises more than it sends."""
    handler.send_response(200)
    handler.send_header("Content-Length", "500")
    handler.end_headers()
    handler.wfile.write(b"\x08")


def silent(calendar: Calendar, _: Handler) -> None:
    """Takes the request and says nothing."""
    calendar.over.wait()


def dripping(calendar: Calendar, handler: Handler) -> None:
    """A byte of its head now and then, for ever."""
    handler.wfile.write(b"HTTP/1.0 200 OK\r\nX: ")
    while not calendar.over.wait(0.05):
        handler.wfile.write(b"x")
